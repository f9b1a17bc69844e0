use std::collections::BTreeMap;

use super::*;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

const ALL: i64 = i64::MIN;

fn contents(hash: &Hash, now: i64) -> Model {
    let mut model = Model::new();
    hash.for_each(now, |field| {
        let old = model.insert(field.name.to_vec(), (field.value.to_vec(), field.expiry));
        assert!(old.is_none(), "a field is met once");
    });
    model
}

fn live(model: &Model, now: i64) -> Model {
    model
        .iter()
        .filter(|(_, (_, expiry))| expiry.is_none_or(|at| at >= now))
        .map(|(name, field)| (name.clone(), field.clone()))
        .collect()
}

#[track_caller]
fn check(hash: &Hash, model: &Model, now: i64) {
    let live = live(model, now);
    assert_eq!(contents(hash, now), live);
    assert_eq!(hash.live_len(now), live.len());
    assert_eq!(hash.len(), contents(hash, ALL).len());
    assert_eq!(contents(&hash.clone(), now), live);
    let due = live.values().filter_map(|(_, expiry)| *expiry).min();
    if let Some(due) = due {
        assert!(hash.due().is_some_and(|bound| bound <= due));
    }
    if let Some((items, timed)) = hash.as_listpack() {
        let copy = Listpack::from_bytes(items.as_bytes().to_vec()).unwrap();
        let copy = Hash::from_listpack(copy, timed, LIMITS[1]).unwrap();
        assert_eq!(contents(&copy, now), live);
        if timed {
            let mut times = Vec::new();
            hash.for_each(ALL, |field| times.push(field.expiry.unwrap_or(i64::MAX)));
            assert!(times.is_sorted());
        }
    }
}

const LIMITS: [HashLimits; 3] = [
    HashLimits {
        fields: 0,
        bytes: 64,
    },
    HashLimits {
        fields: 1000,
        bytes: 64,
    },
    HashLimits {
        fields: 20,
        bytes: 12,
    },
];

#[test]
fn a_hash_is_a_map_whatever_its_encoding() {
    for seed in 0..12 {
        let mut rng = Rng::new(seed);
        let limits = LIMITS[seed as usize % 3];
        let timed = seed % 2 == 0;
        let (mut hash, mut model) = (Hash::new(), Model::new());
        let mut now = 1000;
        for _ in 0..if cfg!(miri) { 40 } else { 800 } {
            let name = match rng.below(3) {
                0 => rng.below(40).to_string().into_bytes(),
                _ => format!("field:{}", rng.below(40)).into_bytes(),
            };
            let live = live(&model, now);
            let old = live.get(&name);
            match rng.below(if timed { 10 } else { 6 }) {
                0..=2 => {
                    let value = match rng.below(40) {
                        0 => vec![b'v'; 3000],
                        1..20 => (rng.next_u64() as i64).to_string().into_bytes(),
                        _ => format!("value {}", rng.below(100)).into_bytes(),
                    };
                    let ttl = match rng.below(3) {
                        0 if timed => FieldTtl::At(now + rng.below(200) as i64),
                        1 => FieldTtl::Keep,
                        _ => FieldTtl::Clear,
                    };
                    let is_new = hash.set(&name, &value, ttl, limits, now);
                    assert_eq!(is_new, old.is_none());
                    let expiry = match ttl {
                        FieldTtl::At(at) => Some(at),
                        FieldTtl::Keep => old.and_then(|(_, expiry)| *expiry),
                        FieldTtl::Clear => None,
                    };
                    model.insert(name, (value, expiry));
                }
                3 => {
                    assert_eq!(hash.remove(&name, now), old.is_some());
                    if old.is_some() {
                        model.remove(&name);
                    }
                }
                4 => {
                    let field = hash.field(&name, now);
                    let field = field.map(|field| (field.value.to_vec(), field.expiry));
                    assert_eq!(field.as_ref(), old);
                }
                5 => {
                    if let Some(field) = hash.random(&mut rng, now) {
                        assert!(live.contains_key(&field.name.to_vec()));
                    } else {
                        assert!(live.is_empty());
                    }
                    let count = rng.index(live.len() + 3);
                    let mut sample = Vec::new();
                    hash.sample(&mut rng, count, now, |field| {
                        sample.push(field.name.to_vec())
                    });
                    assert_eq!(sample.len(), count.min(live.len()));
                    assert!(sample.iter().all(|name| live.contains_key(name)));
                    sample.sort();
                    sample.dedup();
                    assert_eq!(sample.len(), count.min(live.len()));
                }
                6 | 7 if old.is_some() => {
                    let expiry = (!rng.chance(1, 3)).then(|| now + rng.below(300) as i64);
                    hash.set_expiry(&name, expiry);
                    model.get_mut(&name).unwrap().1 = expiry;
                }
                8 => now += rng.below(40) as i64,
                9 => {
                    let mut visits = rng.index(30);
                    let mut gone = Vec::new();
                    hash.expire(now, &mut visits, |name| gone.push(name.to_vec()));
                    let whole = visits > 0;
                    for name in gone {
                        assert!(model.remove(&name).unwrap().1.unwrap() < now);
                    }
                    if whole {
                        assert_eq!(hash.len(), hash.live_len(now));
                        assert!(hash.due().is_none_or(|due| due >= now));
                        model = self::live(&model, now);
                    }
                }
                _ => {}
            }
            check(&hash, &model, now);
        }
    }
}

#[test]
fn encodings_follow_the_limits_and_never_go_back() {
    let limits = HashLimits {
        fields: 2,
        bytes: 4,
    };
    let mut hash = Hash::new();
    hash.set(b"a", b"1", FieldTtl::Clear, limits, 0);
    hash.set(b"b", b"1234", FieldTtl::Clear, limits, 0);
    assert_eq!(hash.encoding(), "listpack");
    hash.set_expiry(b"a", Some(5));
    assert_eq!((hash.encoding(), hash.due()), ("listpackex", Some(5)));
    hash.set_expiry(b"a", None);
    assert_eq!((hash.encoding(), hash.due()), ("listpackex", None));
    let mut long = hash.clone();
    long.set(b"a", b"12345", FieldTtl::Keep, limits, 0);
    assert_eq!(long.encoding(), "hashtable");
    hash.set(b"c", b"1", FieldTtl::At(7), limits, 0);
    assert_eq!((hash.encoding(), hash.due()), ("hashtable", Some(7)));
    hash.remove(b"c", 0);
    hash.remove(b"b", 0);
    assert_eq!((hash.encoding(), hash.len()), ("hashtable", 1));
}

#[test]
fn fields_that_stay_are_scanned_once() {
    let limits = LIMITS[0];
    let mut rng = Rng::new(3);
    for _ in 0..20 {
        let mut hash = Hash::new();
        for i in 0..500 {
            hash.set(
                format!("stays:{i}").as_bytes(),
                b"v",
                FieldTtl::Clear,
                limits,
                0,
            );
        }
        let (mut cursor, mut seen) = (0, Vec::new());
        loop {
            cursor = hash.scan(cursor, 1 + rng.index(30), 0, |field| {
                seen.push(field.name.to_vec());
            });
            if cursor == 0 {
                break;
            }
            for _ in 0..100 {
                let name = format!("goes:{}", rng.below(2000));
                if rng.chance(1, 2) {
                    hash.set(name.as_bytes(), b"v", FieldTtl::Clear, limits, 0);
                } else {
                    hash.remove(name.as_bytes(), 0);
                }
            }
        }
        seen.retain(|name| name.starts_with(b"stays"));
        assert_eq!(seen.len(), 500);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 500);
        assert_eq!(hash.scan(1 << 60, 10, 0, |_| panic!("beyond the end")), 0);
    }
}

#[test]
fn every_field_is_drawn_about_as_often() {
    for limits in [LIMITS[0], LIMITS[1]] {
        let mut hash = Hash::new();
        for i in 0..100 {
            let ttl = if i < 20 {
                FieldTtl::At(5)
            } else {
                FieldTtl::Clear
            };
            hash.set(i.to_string().as_bytes(), b"v", ttl, limits, 0);
        }
        let mut rng = Rng::new(1);
        let mut counts = BTreeMap::<Vec<u8>, u32>::new();
        let mut count = |field: Field<'_>| *counts.entry(field.name.to_vec()).or_default() += 1;
        for _ in 0..4000 {
            count(hash.random(&mut rng, 10).unwrap());
        }
        let mut left = 4000;
        hash.draw(&mut rng, 10, |field| {
            count(field);
            left -= 1;
            left > 0
        });
        for _ in 0..400 {
            hash.sample(&mut rng, 10, 10, &mut count);
            hash.sample(&mut rng, 40, 10, &mut count);
        }
        assert_eq!(counts.len(), 80);
        assert!(
            counts.values().all(|count| (200..=500).contains(count)),
            "{counts:?}"
        );
    }
}

#[test]
fn foreign_listpacks_are_looked_at() {
    let pack = |items: &[&str]| {
        let mut pack = Listpack::new();
        items
            .iter()
            .for_each(|item| pack.push_back(item.as_bytes()));
        pack
    };
    let take = |items: &[&str], timed| Hash::from_listpack(pack(items), timed, LIMITS[1]);
    assert!(take(&["a", "1", "b"], false).is_none());
    assert!(take(&["a", "1", "a", "2"], false).is_none());
    assert!(take(&["7", "1", "7", "2"], false).is_none());
    assert!(take(&["a", "1", "x"], true).is_none());
    assert!(take(&["a", "1", "-5"], true).is_none());
    assert!(take(&["a", "1"], true).is_none());
    let hash = take(&["a", "1", "0", "b", "2", "9", "c", "3", "4"], true).unwrap();
    assert_eq!((hash.due(), hash.encoding()), (Some(4), "listpackex"));
    let many = Hash::from_listpack(pack(&["a", "1"]), false, LIMITS[0]).unwrap();
    assert_eq!(many.encoding(), "hashtable");
}
