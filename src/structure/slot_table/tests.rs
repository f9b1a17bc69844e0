//! The table against a std map, under hashing good and bad.

use std::collections::BTreeMap;

use super::*;
use crate::base::Rng;
use crate::structure::Body;

/// Ways of hashing that put tables under different strain.
#[derive(Clone, Copy, Debug)]
enum Hashing {
    /// As it should be.
    Mixed,
    /// The leading 30 bits are the same for all: directories six levels of bits deep before anything differs.
    DeepPrefix,
    /// Two values: nothing tells entries apart.
    Constant,
    /// Leading bits all different, the rest equal.
    Dense,
    /// A tenth of the keys mixed, the others share the leading 12 bits.
    Skewed,
}

const ALL: [Hashing; 5] = [
    Hashing::Mixed,
    Hashing::DeepPrefix,
    Hashing::Constant,
    Hashing::Dense,
    Hashing::Skewed,
];

impl HashKey for Hashing {
    fn hash(&self, key: &[u8]) -> u64 {
        let number = key.iter().fold(7_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mixed = (number ^ (number >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = mixed ^ (mixed >> 32);
        match self {
            Hashing::Mixed => mixed,
            Hashing::DeepPrefix => 0x5555_5555 << 32 | mixed >> 32,
            Hashing::Constant => {
                if mixed & 1 == 0 {
                    5
                } else {
                    u64::MAX
                }
            }
            Hashing::Dense => mixed << 44,
            Hashing::Skewed if mixed.is_multiple_of(10) => mixed,
            Hashing::Skewed => 0xabc << 52 | mixed >> 12,
        }
    }
}

type Table = SlotTable<String, Hashing>;

const SLOTS: usize = 70;

/// A walk in progress: what it has met, and what was there when it began and has been ever since.
struct Walk {
    at: Option<(usize, u64)>,
    met: BTreeMap<Vec<u8>, u32>,
    stable: BTreeMap<Vec<u8>, ()>,
}

struct Model {
    table: Table,
    hashing: Hashing,
    entries: BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>,
    walk: Walk,
}

impl Model {
    fn new(hashing: Hashing) -> Model {
        let walk = Walk {
            at: None,
            met: BTreeMap::new(),
            stable: BTreeMap::new(),
        };
        Model {
            table: Table::new(SLOTS, hashing),
            hashing,
            entries: BTreeMap::new(),
            walk,
        }
    }

    /// Few slots in use, the first of them by most keys.
    fn locate(&self, key: &[u8]) -> (usize, u64) {
        let last = usize::from(*key.last().unwrap_or(&0));
        (
            if last < 200 { 3 } else { last % SLOTS },
            self.hashing.hash(key),
        )
    }

    fn set(&mut self, key: &[u8], value: &[u8], expiry: Option<i64>) {
        let (slot, hash) = self.locate(key);
        match self.table.lookup_mut(slot, hash, key) {
            Some(mut found) => {
                found.edit(|entry| drop(entry.replace(0, false, expiry, Body::Bytes(value))));
                assert_eq!(found.as_ref().key(), key);
            }
            None => {
                self.table.insert(
                    slot,
                    hash,
                    Entry::new(key, 0, false, expiry, Body::Bytes(value)),
                );
            }
        }
        self.entries.insert(key.to_vec(), (value.to_vec(), expiry));
    }

    fn remove(&mut self, key: &[u8]) {
        let (slot, hash) = self.locate(key);
        let found = self.table.lookup_mut(slot, hash, key);
        assert_eq!(found.is_some(), self.entries.contains_key(key));
        if let Some(found) = found {
            assert_eq!(found.remove().0.as_ref().key(), key);
        }
        self.entries.remove(key);
        self.walk.stable.remove(key);
    }

    fn expire(&mut self, now: i64) {
        loop {
            let mut visits = 1_000_000;
            let Some(found) = self.table.due(now, &mut visits) else {
                assert!(visits > 0, "bounds are raised where nothing is due");
                break;
            };
            let key = found.as_ref().key().to_vec();
            assert!(found.as_ref().expiry().is_some_and(|at| at <= now));
            found.remove();
            assert!(self.entries.remove(&key).is_some());
            self.walk.stable.remove(&key);
        }
        assert!(
            self.entries
                .values()
                .all(|(_, expiry)| expiry.is_none_or(|at| at > now))
        );
        assert!(self.table.next_due().is_none_or(|due| due > now));
    }

    /// Some positions of a walk; at its end, whether it met each stable element once and none twice.
    fn walk(&mut self, positions: usize) {
        for _ in 0..positions {
            let Some((slot, prefix)) = self.walk.at else {
                let stable = self.entries.keys().map(|key| (key.clone(), ())).collect();
                self.walk = Walk {
                    at: Some((0, 0)),
                    met: BTreeMap::new(),
                    stable,
                };
                continue;
            };
            let met = &mut self.walk.met;
            let next = self.table.scan_step(slot, prefix, |entry| {
                *met.entry(entry.key().to_vec()).or_default() += 1;
            });
            let at = match next {
                Some(prefix) => Some((slot, prefix)),
                None => self.table.next_slot(slot + 1).map(|slot| (slot, 0)),
            };
            self.walk.at = at;
            if at.is_none() {
                for key in self.walk.stable.keys() {
                    assert_eq!(self.walk.met.get(key), Some(&1), "{:?}", self.hashing);
                }
            }
        }
    }

    fn check(&self) {
        self.table.check();
        assert_eq!(self.table.len(), self.entries.len());
        let volatile = self
            .entries
            .values()
            .filter(|(_, expiry)| expiry.is_some())
            .count();
        assert_eq!(self.table.expires(), volatile);
        for (key, (value, expiry)) in &self.entries {
            let (slot, hash) = self.locate(key);
            let entry = self.table.lookup(slot, hash, key).expect("it was inserted");
            assert_eq!(entry.expiry(), *expiry);
            assert!(
                matches!(entry.body(), crate::structure::BodyRef::Bytes(bytes) if bytes == value)
            );
        }
        let mut rng = Rng::new(self.entries.len() as u64);
        assert_eq!(
            self.table.random(&mut rng).is_some(),
            !self.entries.is_empty()
        );
        let found = self.table.random_volatile(&mut rng);
        assert_eq!(found.is_some(), volatile > 0);
        assert!(found.is_none_or(|entry| entry.expiry().is_some()));
    }
}

#[test]
fn behaves_like_a_map_while_it_grows_and_shrinks_and_is_walked() {
    for (i, hashing) in ALL.into_iter().enumerate() {
        for volatile in [false, true] {
            run(hashing, volatile, i as u64);
        }
    }
}

fn run(hashing: Hashing, volatile: bool, seed: u64) {
    let mut model = Model::new(hashing);
    let mut rng = Rng::new(seed);
    let rounds = if cfg!(miri) { 60 } else { 18_000 };
    let keys = match hashing {
        Hashing::Constant => 800,
        _ => 6_000,
    };
    let mut now = 1_700_000_000_000;
    for round in 0..rounds {
        // Grows for a third of the time, shrinks to little, grows again.
        let shrinking = round * 3 / rounds == 1;
        let key = format!("{}", rng.below(keys)).into_bytes();
        let chance = rng.below(100);
        if chance < if shrinking { 20 } else { 75 } {
            let value = vec![b'v'; rng.index(40)];
            let expiry = (volatile && rng.chance(1, 2)).then(|| match rng.below(10) {
                0 => i64::MAX - rng.below(10) as i64,
                1 => now + (100 << 32) + rng.below(1 << 40) as i64,
                _ => now + rng.below(20_000) as i64 + 1,
            });
            model.set(&key, &value, expiry);
        } else if chance < 90 {
            model.remove(&key);
            if shrinking {
                // Mostly what is there.
                let present = model
                    .entries
                    .range(key..)
                    .next()
                    .map(|(key, _)| key.clone());
                if let Some(key) = present {
                    model.remove(&key);
                }
            }
        } else if chance < 93 && volatile {
            now += rng.below(100) as i64;
            model.expire(now);
        } else {
            model.walk(20);
        }
        if round % (rounds / 15) == 0 {
            model.check();
        }
    }
    model.check();
    now += 1 << 40;
    model.expire(now);
    model.check();
    for key in model.entries.keys().cloned().collect::<Vec<_>>() {
        model.remove(&key);
    }
    model.check();
    assert!(
        model
            .table
            .heads
            .iter()
            .all(|head| head.root == Word::EMPTY)
    );
}

#[test]
fn any_prefix_is_a_valid_place_to_go_on() {
    for hashing in ALL {
        let mut model = Model::new(hashing);
        let count = if cfg!(miri) { 60 } else { 3000 };
        for i in 0..count.min(if matches!(hashing, Hashing::Constant) {
            500
        } else {
            count
        }) {
            model.set(format!("{i}").as_bytes(), b"v", None);
        }
        let mut rng = Rng::new(9);
        for _ in 0..if cfg!(miri) { 3 } else { 100 } {
            let from = rng.next_u64() >> (64 - ORDER_BITS) >> rng.below(48);
            let (mut met, mut next) = (0, Some(from));
            while let Some(prefix) = next {
                next = model.table.scan_step(3, prefix, |_| met += 1);
                assert!(next.is_none_or(|next| next > prefix), "a walk goes forward");
            }
            let keys = model.entries.keys().filter(|key| {
                let (slot, hash) = model.locate(key);
                slot == 3 && hash >> (64 - ORDER_BITS) >= from
            });
            assert_eq!(met, keys.count(), "{hashing:?} from {from:x}");
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "statistics of many tables, too slow")]
fn small_slots_are_well_filled_at_any_size() {
    let slots = 64;
    for per_slot in if cfg!(miri) {
        vec![100]
    } else {
        (40..420).step_by(3).collect()
    } {
        let mut table = Table::new(slots, Hashing::Mixed);
        let before = table.bytes();
        for i in 0..slots * per_slot {
            let key = format!("{i:016}").into_bytes();
            let hash = Hashing::Mixed.hash(&key);
            table.insert(
                i % slots,
                hash,
                Entry::new(&key, 0, false, None, Body::Bytes(&[0; 32])),
            );
        }
        let index = (table.bytes() - before) as f64 / (slots * per_slot) as f64 - 64.0;
        // 8 bytes a pointer, 64/7 a cell.
        assert!(index < 13.5, "{per_slot}: {index}");
        if per_slot % 10 == 0 {
            table.check();
        }
    }
}

#[test]
fn random_entries_are_about_equally_likely() {
    if cfg!(miri) {
        return;
    }
    for keys in [50, 2000_u32] {
        let mut model = Model::new(Hashing::Mixed);
        for i in 0..keys {
            model.set(format!("{i}").as_bytes(), b"v", Some(1 + i64::from(i)));
        }
        let mut counts: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
        let mut rng = Rng::new(3);
        for _ in 0..keys * 100 {
            let entry = model.table.random(&mut rng).unwrap();
            *counts.entry(entry.key().to_vec()).or_default() += 1;
        }
        let low = counts.values().filter(|&&count| count < 40).count();
        let high = counts.values().filter(|&&count| count > 250).count();
        assert!(low + high < keys as usize / 50 + 1, "{low} {high}");
    }
}
