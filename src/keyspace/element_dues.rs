//! Which values have elements with expiry times, ordered by when the first of them comes due.
//!
//! Only hashes do, and few of those: what has no such element costs a comparison of its type tag, and is not in here.
//! Fed by the choke point in `store`, which asks every value before and after a change.

use std::collections::BTreeSet;

use crate::structure::{BodyRef, EntryRef, size_class};
use crate::types::{Collection, Hash, Kind};

/// (when, key) of the values of one database.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ElementDues {
    order: BTreeSet<(i64, Box<[u8]>)>,
    /// The earliest, or never.
    next: i64,
    bytes: usize,
}

/// Stands for "never".
const NEVER: i64 = i64::MAX;

/// What a tree node takes for each item, about.
const NODE_BYTES: usize = 40;

impl Default for ElementDues {
    fn default() -> ElementDues {
        ElementDues {
            order: BTreeSet::new(),
            next: NEVER,
            bytes: 0,
        }
    }
}

impl ElementDues {
    /// When the first element may come due: before this moment none is.
    #[inline]
    pub(super) fn next(&self) -> i64 {
        self.next
    }

    /// The key of its value.
    pub(super) fn first_key(&self) -> Option<&[u8]> {
        self.order.first().map(|(_, key)| &**key)
    }

    /// How many values there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Bytes held, about.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds a key whose value was not in here.
    #[cold]
    pub(super) fn add(&mut self, due: i64, key: &[u8]) {
        let is_new = self.order.insert((due, key.into()));
        debug_assert!(is_new, "a key is in here once");
        self.bytes += cost(key);
        self.next = self.next.min(due);
    }

    /// Notes that a value comes due at another time.
    #[cold]
    pub(super) fn change(&mut self, old: Option<i64>, new: Option<i64>, key: &[u8]) {
        if let Some(old) = old {
            let was_there = self.order.remove(&(old, key.into()));
            debug_assert!(was_there, "what has a time is in here");
            self.bytes -= cost(key);
            if old == self.next {
                self.next = self.order.first().map_or(NEVER, |&(due, _)| due);
            }
        }
        if let Some(new) = new {
            self.add(new, key);
        }
    }
}

fn cost(key: &[u8]) -> usize {
    NODE_BYTES + size_class(key.len())
}

/// When the first element of a value comes due.
#[inline(always)]
pub(super) fn element_due(entry: EntryRef<'_, Collection>) -> Option<i64> {
    if entry.tag() != Hash::TAG {
        return None;
    }
    due_of_hash(entry)
}

#[cold]
fn due_of_hash(entry: EntryRef<'_, Collection>) -> Option<i64> {
    match entry.body() {
        BodyRef::Object(collection) => collection.due(),
        BodyRef::Bytes(_) | BodyRef::Int(_) | BodyRef::Shared(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::{DbIndex, Millis, Rng, ShardId};
    use crate::keyspace::{
        Db, Expiry, FlushMode, Store, StoreCounters, StoreEvent, StoreEvents, StoreOptions,
        StoreSet, Ttl,
    };
    use crate::types::{FieldTtl, HashLimits};

    fn store() -> Store {
        let mut store = Store::new(StoreOptions {
            shard: ShardId(0),
            slots: 0..16384,
            databases: 3,
            hash_seed: 1,
            counters: Arc::new(StoreCounters::new(3)),
        });
        store.set_events(StoreEvents::FIELDS_EXPIRED.with(StoreEvents::EMPTIED));
        store
    }

    fn limits(fields: usize) -> HashLimits {
        HashLimits { fields, bytes: 64 }
    }

    #[test]
    fn the_register_follows_every_change() {
        let mut rng = Rng::new(1);
        let mut store = store();
        let mut now = 1000;
        for round in 0..6000 {
            let mut db = Db::new(
                StoreSet::One(&mut store),
                DbIndex(rng.below(3) as u32),
                Millis(now),
            );
            let key = format!("key:{}", rng.below(30)).into_bytes();
            let field = format!("field:{}", rng.below(12)).into_bytes();
            let at = now + rng.below(500) as i64;
            let limits = limits(rng.index(16));
            match rng.below(14) {
                0..=4 => {
                    let ttl = [FieldTtl::At(at), FieldTtl::Clear][rng.index(2)];
                    db.upsert(&key, Hash::new, |hash| {
                        ((hash.set(&field, b"v", ttl, limits, now)), 1)
                    })
                    .unwrap();
                }
                5 | 6 => {
                    let time = rng.chance(2, 3).then_some(at);
                    db.modify(&key, |hash: &mut Hash| {
                        let found = hash.contains(&field, now);
                        if found {
                            hash.set_expiry(&field, time);
                        }
                        ((), u64::from(found))
                    })
                    .unwrap();
                }
                7 => {
                    db.modify(&key, |hash: &mut Hash| {
                        ((), u64::from(hash.remove(&field, now)))
                    })
                    .unwrap();
                }
                8 => {
                    db.remove(&key);
                }
                9 => {
                    if let Some(copy) = db.copy(&key) {
                        db.select(DbIndex(rng.below(3) as u32));
                        db.insert(b"copy", copy);
                    }
                }
                10 => {
                    db.swap(DbIndex(0), DbIndex(rng.below(3) as u32));
                }
                11 => {
                    let mut hash = Hash::new();
                    hash.set(&field, b"v", FieldTtl::At(at), limits, now);
                    let ttl = Ttl::At(Millis(now + 200));
                    db.set_collection(&key, hash.into_collection(), ttl);
                }
                12 if rng.chance(1, 20) => db.flush(FlushMode::Sync),
                _ => {
                    now += rng.below(100) as i64;
                    while store.expire_cycle(Millis(now), 3).more {}
                    assert!(store.next_expiry().is_none_or(|due| due.0 >= now));
                }
            }
            if round % 20 == 0 {
                store.check();
            }
        }
        store.check();
    }

    #[test]
    fn fields_go_by_themselves_or_when_looked_at() {
        let mut store = store();
        let mut hash = Hash::new();
        for i in 0..3000 {
            let name = i.to_string();
            hash.set(name.as_bytes(), b"v", FieldTtl::At(10), limits(500), 0);
        }
        hash.set(b"stays", b"v", FieldTtl::Clear, limits(500), 0);
        let mut small = Hash::new();
        small.set(b"f", b"v", FieldTtl::At(20), limits(500), 0);
        let mut db = Db::new(StoreSet::One(&mut store), DbIndex(1), Millis(0));
        db.set_collection(b"h", hash.into_collection(), Ttl::Clear);
        db.set_collection(b"s", small.into_collection(), Ttl::Clear);
        let mut db = Db::new(StoreSet::One(&mut store), DbIndex(1), Millis(11));
        db.set_expiry_rule(Expiry::Ignore);
        let horizon = db.horizon();
        assert_eq!(
            db.read::<Hash>(b"h").unwrap().unwrap().live_len(horizon),
            3001
        );
        db.set_expiry_rule(Expiry::Hide);
        let horizon = db.horizon();
        let hidden = db.read::<Hash>(b"h").unwrap().unwrap();
        assert_eq!((hidden.len(), hidden.live_len(horizon)), (3001, 1));
        // A look-up removes some, and hides the rest.
        db.set_expiry_rule(Expiry::Remove);
        let hash = db.read::<Hash>(b"h").unwrap().unwrap();
        assert!(hash.len() > 1 && hash.len() < 3001);
        assert_eq!(hash.live_len(horizon), 1);
        store.check();
        assert_eq!(store.next_expiry().map(|at| at.0 <= 10), Some(true));
        let mut removed = 0;
        while store.expire_cycle(Millis(11), 100).more {}
        for event in store.take_events() {
            let StoreEvent::FieldsExpired(_, _, fields) = event else {
                panic!("only fields expire")
            };
            removed += fields.len();
        }
        assert_eq!(removed, 3000);
        let mut db = Db::new(StoreSet::One(&mut store), DbIndex(1), Millis(21));
        assert!(!db.exists(b"s"));
        assert_eq!(
            store.take_events(),
            [
                StoreEvent::FieldsExpired(
                    DbIndex(1),
                    b"s".as_slice().into(),
                    vec![b"f".as_slice().into()]
                ),
                StoreEvent::Emptied(DbIndex(1), b"s".as_slice().into()),
            ]
        );
        assert_eq!(store.next_expiry(), None);
        assert_eq!(store.counters().expired_fields.get(), 3001);
        store.check();
    }
}
