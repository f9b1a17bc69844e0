//! The room as a whole against a naive model: random operations in several databases while time passes.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::base::{DbIndex, Millis, Rng, ShardId, SlotMap};

const START: Millis = Millis(1_700_000_000_000);
const DATABASES: usize = 3;

fn stores(shards: usize) -> (SlotMap, Vec<Store>) {
    let slots = SlotMap::even(shards);
    let make = |shard| {
        Store::new(StoreOptions {
            shard: ShardId(shard),
            slots: slots.slots_of(ShardId(shard)),
            databases: DATABASES,
            hash_seed: 11,
            counters: Arc::new(StoreCounters::new(DATABASES)),
        })
    };
    (slots, (0..shards as u16).map(make).collect())
}

/// What clients are sent to: keys with values and expiry times.
type Plain = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

#[test]
fn random_commands_have_the_results_of_a_plain_map() {
    for shards in [1, 3] {
        run(shards, shards as u64);
    }
}

fn run(shards: usize, seed: u64) {
    let (slots, mut stores) = stores(shards);
    stores
        .iter_mut()
        .for_each(|store| store.set_events(StoreEvents::EXPIRED.with(StoreEvents::EVICTED)));
    let mut plain: Vec<Plain> = vec![Plain::new(); DATABASES];
    let mut rng = Rng::new(seed);
    let mut now = START;
    let mut expired = 0;
    let mut lazily = 0;
    for round in 0..if cfg!(miri) { 200 } else { 12_000 } {
        now = Millis(now.0 + rng.below(4) as i64);
        let index = rng.index(DATABASES);
        // What is due is gone, for the model at once.
        for (db, plain) in plain.iter_mut().enumerate() {
            let before = plain.len();
            plain.retain(|_, (_, expire)| expire.is_none_or(|at| at >= now.0));
            lazily += before - plain.len();
            let _ = db;
        }
        let mut lent: Vec<Option<&mut Store>> = stores.iter_mut().map(Some).collect();
        let set = StoreSet::Many {
            stores: &mut lent,
            slots: &slots,
        };
        let mut db = Db::new(set, DbIndex(index as u32), now);
        let key = format!("k{}", rng.below(400)).into_bytes();
        let other = format!("k{}", rng.below(400)).into_bytes();
        let model = &mut plain[index];
        let value = match rng.below(5) {
            0 => rng.below(1000).to_string().into_bytes(),
            1 => vec![b'v'; 900 + rng.index(300)],
            2 => vec![b'w'; 16_000 + rng.index(40_000)],
            _ => vec![b'x'; rng.index(60)],
        };
        let at = now.0 + rng.below(300) as i64;
        match rng.below(16) {
            0..3 => {
                let was = db.set_str(&key, StrInput::Bytes(&value), Ttl::Clear);
                assert_eq!(was, model.insert(key, (value, None)).is_some());
            }
            3..5 => {
                db.set_str(&key, StrInput::Bytes(&value), Ttl::At(Millis(at)));
                model.insert(key, (value, Some(at)));
            }
            5 => {
                db.set_str(&key, StrInput::Shared(Arc::new(value.clone())), Ttl::Keep);
                let expire = model.get(&key).and_then(|(_, expire)| *expire);
                model.insert(key, (value, expire));
            }
            6 => {
                let left = db.update_str(&key, |bytes| {
                    bytes.extend_from_slice(b"more");
                    bytes.len()
                });
                let entry = model.entry(key).or_default();
                entry.0.extend_from_slice(b"more");
                assert_eq!(left, Ok(entry.0.len()));
            }
            7 => {
                let result = db.update_int(&key, |old| Ok(old.unwrap_or(0) + 7));
                let old = model
                    .get(&key)
                    .map(|(text, _)| std::str::from_utf8(text).unwrap().parse());
                match old {
                    Some(Err(_)) => assert!(result.is_err()),
                    Some(Ok(old)) => {
                        let old: i64 = old;
                        assert_eq!(result, Ok(old + 7));
                        model.get_mut(&key).unwrap().0 = (old + 7).to_string().into_bytes();
                    }
                    None => {
                        assert_eq!(result, Ok(7));
                        model.insert(key, (b"7".to_vec(), None));
                    }
                }
            }
            8 => assert_eq!(db.remove(&key), model.remove(&key).is_some()),
            9 => {
                let expire = rng.chance(2, 3).then_some(Millis(at));
                assert_eq!(db.set_expire(&key, expire), model.contains_key(&key));
                if let Some((_, old)) = model.get_mut(&key) {
                    *old = expire.map(|at| at.0);
                }
            }
            10 => {
                if let Some(detached) = db.take(&key) {
                    db.insert(&other, detached);
                    let value = model.remove(&key).unwrap();
                    model.insert(other, value);
                } else {
                    assert!(!model.contains_key(&key));
                }
            }
            11 => {
                let other_db = DbIndex(rng.below(DATABASES as u64) as u32);
                if let Some(copy) = db.copy(&key) {
                    assert!(db.select(other_db));
                    db.insert(&other, copy);
                    let value = model[&key].clone();
                    plain[other_db.index()].insert(other, value);
                }
            }
            12 if rng.chance(1, 100) => {
                let mode = if rng.chance(1, 2) {
                    FlushMode::Sync
                } else {
                    FlushMode::Async
                };
                db.flush(mode);
                model.clear();
            }
            12 if rng.chance(1, 20) => {
                let with = rng.index(DATABASES);
                assert!(db.swap(DbIndex(index as u32), DbIndex(with as u32)));
                plain.swap(index, with);
            }
            13 => {
                let mut seen = BTreeMap::new();
                db.for_each(|key, value| {
                    let ValueRef::Str(text) = value else {
                        unreachable!("strings only")
                    };
                    seen.insert(key.to_vec(), text.to_vec());
                });
                let expected: BTreeMap<_, _> = model
                    .iter()
                    .map(|(key, (value, _))| (key.clone(), value.clone()))
                    .collect();
                assert_eq!(seen, expected);
                let random = db.random_key(&mut rng);
                assert!(random.is_none_or(|key| model.contains_key(&key)));
            }
            14 => {
                for store in &mut stores {
                    while store.expire_cycle(now, 3).more {}
                    assert!(store.next_expiry().is_none_or(|due| due >= now));
                }
                let left: u64 = stores
                    .iter()
                    .flat_map(|store| store.counters().dbs().iter().map(|db| db.keys.get()))
                    .sum();
                assert_eq!(
                    left as usize,
                    plain.iter().map(BTreeMap::len).sum::<usize>()
                );
            }
            _ => {
                let text = db.get_str(&key).unwrap().map(|text| text.to_vec());
                assert_eq!(text.as_ref(), model.get(&key).map(|(value, _)| value));
                let expire = db.expire_of(&key).map(|at| at.map(|at| at.0));
                assert_eq!(expire, model.get(&key).map(|(_, expire)| *expire));
            }
        }
        if round % 500 == 0 {
            stores.iter().for_each(Store::check);
        }
        for store in &mut stores {
            drop(store.take_garbage());
            expired += store.take_events().len();
        }
    }
    stores.iter().for_each(Store::check);
    let counted: u64 = stores
        .iter()
        .map(|store| store.counters().expired_keys.get())
        .sum();
    assert_eq!(counted as usize, expired, "an event for every expired key");
    assert!(expired <= lazily && (cfg!(miri) || expired > 100));
}

#[test]
fn an_empty_store_uses_what_its_index_will_and_a_flushed_one_no_more_but_its_garbage() {
    let (_, mut stores) = stores(1);
    let store = &mut stores[0];
    let empty = store.memory();
    assert_eq!(store.counters().used_bytes.get(), empty);
    let mut db = Db::new(StoreSet::One(store), DbIndex(0), START);
    db.set_str(b"a", StrInput::Int(1), Ttl::Clear);
    db.set_str(b"b", StrInput::Int(1), Ttl::At(Millis(START.0 + 1000)));
    assert!((empty + 1..empty + 500).contains(&store.memory()));
    // A second database has an index of its own.
    let mut db = Db::new(StoreSet::One(store), DbIndex(2), START);
    db.set_str(b"a", StrInput::Int(1), Ttl::Clear);
    assert!(store.memory() > empty + 100_000);
    store.check();
    for db in [0, 2] {
        Db::new(StoreSet::One(&mut stores[0]), DbIndex(db), START).flush(FlushMode::Sync);
    }
    stores[0].take_garbage();
    let store = &mut stores[0];
    let mut db = Db::new(StoreSet::One(store), DbIndex(1), START);
    for i in 0..100_i64 {
        db.set_str(
            &i.to_le_bytes(),
            StrInput::Bytes(&[1; 5000]),
            Ttl::At(START),
        );
    }
    assert!(stores[0].memory() > 500_000);
    Db::new(StoreSet::One(&mut stores[0]), DbIndex(1), START).flush(FlushMode::Async);
    let garbage = stores[0].take_garbage();
    assert_eq!((stores[0].memory(), garbage.len()), (empty, 1));
    assert_eq!(stores[0].next_expiry(), None);
    stores[0].check();
    // Whoever wants it at once does not hold up others either, and nothing is said to be left.
    let mut db = Db::new(StoreSet::One(&mut stores[0]), DbIndex(1), START);
    for i in 0..100_i64 {
        db.set_str(&i.to_le_bytes(), StrInput::Bytes(&[1; 5000]), Ttl::Clear);
    }
    db.flush(FlushMode::Sync);
    assert_eq!(stores[0].memory(), empty);
    let garbage = stores[0].take_garbage();
    let left: Vec<u64> = garbage.iter().map(Garbage::objects).collect();
    assert_eq!(left, [0]);
}

#[test]
fn what_crosses_threads_can() {
    fn sent<T: Send>() {}
    sent::<Store>();
    sent::<Garbage>();
    sent::<Detached>();
}

#[test]
fn long_values_are_freed_elsewhere_and_short_ones_at_once() {
    let (_, mut stores) = stores(1);
    let store = &mut stores[0];
    let mut db = Db::new(StoreSet::One(store), DbIndex(0), START);
    db.set_str(b"long", StrInput::Bytes(&[1; 100_000]), Ttl::Clear);
    db.set_str(b"short", StrInput::Bytes(&[1; 5000]), Ttl::Clear);
    db.set_str(b"long", StrInput::Int(1), Ttl::Clear);
    db.set_str(b"short", StrInput::Int(1), Ttl::Clear);
    assert!(
        matches!(stores[0].take_garbage().as_slice(), [Garbage::Bytes(bytes)] if bytes.len() == 100_000)
    );
    assert!(!stores[0].has_garbage());
}

#[test]
fn a_value_sent_by_reference_is_not_changed_by_a_later_write() {
    let (_, mut stores) = stores(1);
    let mut db = Db::new(StoreSet::One(&mut stores[0]), DbIndex(0), START);
    db.set_str(b"k", StrInput::Bytes(&[1; 20_000]), Ttl::Clear);
    let Ok(Some(StrRef::Shared(sent))) = db.get_str(b"k") else {
        panic!("20 KB are shared")
    };
    let sent = Arc::clone(sent);
    db.update_str(b"k", |bytes| bytes[0] = 9).unwrap();
    assert_eq!(sent[0], 1);
    assert_eq!(db.get_str(b"k").unwrap().unwrap().to_vec()[0], 9);
    // Nobody refers to it now: edited where it is.
    drop(sent);
    let address = |db: &mut Db<'_>| match db.get_str(b"k") {
        Ok(Some(StrRef::Shared(shared))) => shared.as_ptr(),
        _ => panic!("still shared"),
    };
    let before = address(&mut db);
    db.update_str(b"k", |bytes| bytes[1] = 9).unwrap();
    assert_eq!(address(&mut db), before);
}

#[test]
fn any_cursor_is_safe_and_a_walk_from_it_ends() {
    let (slots, mut stores) = stores(3);
    let mut rng = Rng::new(5);
    let mut lent: Vec<Option<&mut Store>> = stores.iter_mut().map(Some).collect();
    let mut db = Db::new(
        StoreSet::Many {
            stores: &mut lent,
            slots: &slots,
        },
        DbIndex(0),
        START,
    );
    for i in 0..300 {
        db.set_str(format!("k{i}").as_bytes(), StrInput::Int(i), Ttl::Clear);
    }
    for _ in 0..200 {
        let mut cursor = Cursor(rng.next_u64() >> rng.below(64));
        let slot = cursor_slot(cursor.0.to_string().as_bytes());
        assert!(usize::from(slot.0) < crate::base::SLOTS);
        let mut steps = 0;
        loop {
            let next = db.scan(cursor, 1 + rng.index(20), |_, _| {});
            if next == Cursor::START {
                break;
            }
            assert!(next > cursor);
            cursor = next;
            steps += 1;
            assert!(steps < 1000);
        }
    }
    for text in [
        "",
        "x",
        "-1",
        "18446744073709551616",
        "99999999999999999999",
    ] {
        assert_eq!(cursor_slot(text.as_bytes()), crate::base::Slot(0));
    }
}

#[test]
fn a_scan_of_one_shard_hands_over_to_the_next() {
    let (slots, mut stores) = stores(4);
    let mut keys = Vec::new();
    for i in 0..200 {
        let key = format!("k{i}").into_bytes();
        let shard = slots.shard_of(crate::base::key_slot(&key)).index();
        Db::new(StoreSet::One(&mut stores[shard]), DbIndex(0), START).set_str(
            &key,
            StrInput::Int(i),
            Ttl::Clear,
        );
        keys.push(key);
    }
    let mut seen = Vec::new();
    let mut cursor = Cursor::START;
    loop {
        let shard = slots
            .shard_of(cursor_slot(cursor.0.to_string().as_bytes()))
            .index();
        let mut db = Db::new(StoreSet::One(&mut stores[shard]), DbIndex(0), START);
        cursor = db.scan(cursor, 10, |key, _| seen.push(key.to_vec()));
        if cursor == Cursor::START {
            break;
        }
    }
    seen.sort();
    keys.sort();
    assert_eq!(seen, keys);
}

#[test]
fn watches_see_expiry_as_redis_does() {
    let (_, mut stores) = stores(1);
    let store = &mut stores[0];
    let later = Millis(START.0 + 100);
    let db0 = DbIndex(0);
    let set = |store: &mut Store, key: &[u8], at: i64| {
        let ttl = Ttl::At(Millis(at));
        Db::new(StoreSet::One(store), db0, START).set_str(key, StrInput::Int(1), ttl);
    };
    // Alive when watched, expired at EXEC.
    set(store, b"a", START.0 + 10);
    let flag = Arc::new(WatchFlag::new());
    store.watch(db0, b"a", &flag, START);
    assert!(!store.is_watch_broken(db0, b"a", &flag, Expiry::Remove, START));
    assert!(store.is_watch_broken(db0, b"a", &flag, Expiry::Remove, later));
    // Expired already when watched: its removal is no change, a new value is.
    set(store, b"b", START.0 + 10);
    let flag = Arc::new(WatchFlag::new());
    store.watch(db0, b"b", &flag, later);
    store.expire_cycle(later, 10);
    assert!(!store.is_watch_broken(db0, b"b", &flag, Expiry::Remove, later));
    Db::new(StoreSet::One(store), db0, later).set_str(b"b", StrInput::Int(1), Ttl::Clear);
    assert!(flag.is_dirty());
    // Absent when watched, flushed: still absent.
    let flag = Arc::new(WatchFlag::new());
    store.watch(db0, b"none", &flag, later);
    Db::new(StoreSet::One(store), db0, later).flush(FlushMode::Sync);
    assert!(!flag.is_dirty());
    // Absent here, present in the database swapped in.
    Db::new(StoreSet::One(store), DbIndex(1), later).set_str(b"none", StrInput::Int(1), Ttl::Clear);
    Db::new(StoreSet::One(store), db0, later).swap(db0, DbIndex(1));
    assert!(flag.is_dirty());
}
