//! Eviction: making room under `maxmemory`, by Redis's policies.
//!
//! Not the best victim of all is removed but the best of a pool of 16, which every round refills with a few random
//! keys: with 5 samples a round that is close to true LRU, and it needs no list through all keys. The pool outlives the
//! eviction, so what was seen and spared is remembered; a candidate may have changed or gone by the time it is chosen.
//!
//! Sampling weighs all keys alike, however unevenly they are spread over slots. Under the volatile policies it goes by the
//! counts of volatile keys and the expiry hints, so a few among many are found directly.

use super::access::idle_secs;
use super::store::{Change, Expiry, Look, Store};
use crate::base::{DbIndex, Millis, Rng};
use crate::structure::EntryRef;
use crate::types::Collection;

/// `maxmemory-policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum EvictPolicy {
    /// Nothing is evicted; writes that need memory fail.
    #[default]
    NoEviction,
    /// Any key, longest unused first.
    AllKeysLru,
    /// Any key, least used first.
    AllKeysLfu,
    /// Any key.
    AllKeysRandom,
    /// Keys with an expiry time, longest unused first.
    VolatileLru,
    /// Keys with an expiry time, least used first.
    VolatileLfu,
    /// Keys with an expiry time.
    VolatileRandom,
    /// Keys with an expiry time, next to expire first.
    VolatileTtl,
}

/// How to evict.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EvictSettings {
    /// Which keys, in which order.
    pub policy: EvictPolicy,
    /// `maxmemory-samples`: keys looked at for each one removed.
    pub samples: usize,
}

/// How an eviction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EvictOutcome {
    /// The bytes asked for are free.
    Enough,
    /// The policy allows no further key to be removed.
    NothingLeft,
}

impl EvictPolicy {
    /// Whether only keys with an expiry time are removed.
    pub fn is_volatile(self) -> bool {
        matches!(
            self,
            EvictPolicy::VolatileLru
                | EvictPolicy::VolatileLfu
                | EvictPolicy::VolatileRandom
                | EvictPolicy::VolatileTtl
        )
    }

    /// Whether accesses are kept as LFU counters under this policy.
    pub fn is_lfu(self) -> bool {
        matches!(self, EvictPolicy::AllKeysLfu | EvictPolicy::VolatileLfu)
    }
}

const POOL_LEN: usize = 16;

/// The best victims seen so far, worst first. Entries may have changed or gone since.
#[derive(Debug, Default)]
pub(super) struct Pool {
    candidates: Vec<Candidate>,
    policy: EvictPolicy,
}

#[derive(Debug)]
struct Candidate {
    /// How much it deserves to go.
    score: u64,
    db: usize,
    key: Box<[u8]>,
}

impl Pool {
    /// Offers a key; it is taken if there is room or it beats the worst.
    fn offer(&mut self, score: u64, db: usize, key: &[u8]) {
        let full = self.candidates.len() == POOL_LEN;
        if full && self.candidates[0].score >= score {
            return;
        }
        if self
            .candidates
            .iter()
            .any(|old| old.db == db && *old.key == *key)
        {
            return;
        }
        if full {
            self.candidates.remove(0);
        }
        let at = self.candidates.partition_point(|old| old.score <= score);
        self.candidates.insert(
            at,
            Candidate {
                score,
                db,
                key: key.into(),
            },
        );
    }
}

impl Store {
    /// Removes keys until `bytes` less are in use, or none is left that the policy allows.
    pub fn evict(
        &mut self,
        settings: &EvictSettings,
        bytes: u64,
        now: Millis,
        rng: &mut Rng,
    ) -> EvictOutcome {
        // Less than `bytes` in all: even the last key does not do.
        let (suffices, goal) = match self.memory().checked_sub(bytes) {
            Some(goal) => (true, goal),
            None => (false, 0),
        };
        if self.pool.policy != settings.policy {
            self.pool = Pool {
                candidates: Vec::new(),
                policy: settings.policy,
            };
        }
        while self.memory() > goal {
            if !self.evict_one(settings, now, rng) {
                return EvictOutcome::NothingLeft;
            }
        }
        match suffices {
            true => EvictOutcome::Enough,
            false => EvictOutcome::NothingLeft,
        }
    }

    fn evict_one(&mut self, settings: &EvictSettings, now: Millis, rng: &mut Rng) -> bool {
        let victim = match settings.policy {
            EvictPolicy::NoEviction => None,
            EvictPolicy::AllKeysRandom | EvictPolicy::VolatileRandom => {
                self.random_victim(settings.policy, rng)
            }
            EvictPolicy::AllKeysLru
            | EvictPolicy::AllKeysLfu
            | EvictPolicy::VolatileLru
            | EvictPolicy::VolatileLfu
            | EvictPolicy::VolatileTtl => self.best_victim(settings, now, rng),
        };
        let Some((db, key)) = victim else {
            return false;
        };
        let look = Look {
            now,
            expiry: Expiry::Ignore,
            touch: false,
            count: false,
            tell: false,
        };
        let at = self.locate(&key);
        self.remove(DbIndex(db as u32), at, &key, look, Change::Evicted)
    }

    /// Keys of a database that the policy may remove.
    fn candidates_in(&self, db: usize, policy: EvictPolicy) -> usize {
        let Some(table) = &self.dbs[db].table else {
            return 0;
        };
        if policy.is_volatile() {
            table.expires()
        } else {
            table.len()
        }
    }

    fn sample(
        &self,
        db: usize,
        policy: EvictPolicy,
        rng: &mut Rng,
    ) -> Option<EntryRef<'_, Collection>> {
        let table = self.dbs[db].table.as_ref()?;
        if policy.is_volatile() {
            table.random_volatile(rng)
        } else {
            table.random(rng)
        }
    }

    /// A random key, databases weighted by their keys.
    fn random_victim(&self, policy: EvictPolicy, rng: &mut Rng) -> Option<(usize, Box<[u8]>)> {
        let total: usize = (0..self.dbs.len())
            .map(|db| self.candidates_in(db, policy))
            .sum();
        let mut at = if total == 0 {
            return None;
        } else {
            rng.index(total)
        };
        for db in 0..self.dbs.len() {
            let len = self.candidates_in(db, policy);
            if at < len {
                let entry = self.sample(db, policy, rng)?;
                return Some((db, entry.key().into()));
            }
            at -= len;
        }
        None
    }

    /// Refills the pool and takes its best that still is there.
    fn best_victim(
        &mut self,
        settings: &EvictSettings,
        now: Millis,
        rng: &mut Rng,
    ) -> Option<(usize, Box<[u8]>)> {
        loop {
            let mut offered = false;
            let mut pool = std::mem::take(&mut self.pool);
            for db in 0..self.dbs.len() {
                let available = self.candidates_in(db, settings.policy);
                for _ in 0..settings.samples.max(1).min(available) {
                    let Some(entry) = self.sample(db, settings.policy, rng) else {
                        break;
                    };
                    pool.offer(self.score(entry, settings.policy, now), db, entry.key());
                    offered = true;
                }
            }
            self.pool = pool;
            while let Some(Candidate { db, key, .. }) = self.pool.candidates.pop() {
                let at = self.locate(&key);
                let look = Look {
                    now,
                    expiry: Expiry::Ignore,
                    touch: false,
                    count: false,
                    tell: false,
                };
                let entry = self.find(DbIndex(db as u32), at, &key, look);
                if entry
                    .is_some_and(|entry| !settings.policy.is_volatile() || entry.expiry().is_some())
                {
                    return Some((db, key));
                }
            }
            if !offered {
                return None;
            }
        }
    }

    fn score(&self, entry: EntryRef<'_, Collection>, policy: EvictPolicy, now: Millis) -> u64 {
        match policy {
            EvictPolicy::AllKeysLfu | EvictPolicy::VolatileLfu => {
                u64::from(255 - self.ledger.access.frequency(entry.access(), now).min(255))
            }
            EvictPolicy::VolatileTtl => {
                // Earliest first, over the whole range of the type.
                let at = entry.expiry().unwrap_or(i64::MAX);
                u64::MAX - (at as u64 ^ 1 << 63)
            }
            EvictPolicy::AllKeysLru
            | EvictPolicy::VolatileLru
            | EvictPolicy::AllKeysRandom
            | EvictPolicy::VolatileRandom
            | EvictPolicy::NoEviction => idle_secs(entry.access(), now),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::ShardId;
    use crate::keyspace::{
        AccessClock, Db, StoreCounters, StoreEvent, StoreEvents, StoreOptions, StoreSet, StrInput,
        Ttl, WatchFlag,
    };

    const NOW: Millis = Millis(1_700_000_000_000);
    const KEYS: i64 = if cfg!(miri) { 60 } else { 1000 };

    fn store() -> Store {
        Store::new(StoreOptions {
            shard: ShardId(0),
            slots: 0..16384,
            databases: 2,
            hash_seed: 3,
            counters: Arc::new(StoreCounters::new(2)),
        })
    }

    /// Keys 0 to `KEYS`, in two databases; the odd ones expire, the later the greater.
    fn filled(access: AccessClock) -> Store {
        let mut store = store();
        store.set_access_clock(access);
        for i in 0..KEYS {
            let mut db = Db::new(StoreSet::One(&mut store), DbIndex(i as u32 / 2 % 2), NOW);
            let ttl = if i % 2 == 1 {
                Ttl::At(Millis(NOW.0 + 1_000_000 + i))
            } else {
                Ttl::Clear
            };
            db.set_str(&name(i), StrInput::Bytes(&[1; 40]), ttl);
        }
        store
    }

    fn name(i: i64) -> Vec<u8> {
        format!("key:{i}").into_bytes()
    }

    fn is_there(store: &mut Store, i: i64, now: Millis) -> bool {
        let mut db = Db::new(StoreSet::One(store), DbIndex(i as u32 / 2 % 2), now);
        db.peek(&name(i)).is_some()
    }

    fn evict(store: &mut Store, policy: EvictPolicy, bytes: u64, now: Millis) -> EvictOutcome {
        let outcome = store.evict(
            &EvictSettings { policy, samples: 5 },
            bytes,
            now,
            &mut Rng::new(1),
        );
        store.check();
        outcome
    }

    const LFU: AccessClock = AccessClock::Lfu {
        log_factor: 10,
        decay_minutes: 1,
    };

    #[test]
    fn volatile_policies_spare_persistent_keys_and_then_give_up() {
        use EvictPolicy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileTtl};
        for policy in [VolatileLru, VolatileLfu, VolatileRandom, VolatileTtl] {
            let mut store = filled(if policy.is_lfu() {
                LFU
            } else {
                AccessClock::Lru
            });
            let outcome = evict(&mut store, policy, u64::MAX, NOW);
            assert_eq!(outcome, EvictOutcome::NothingLeft);
            for i in 0..KEYS {
                assert_eq!(is_there(&mut store, i, NOW), i % 2 == 0, "{policy:?} {i}");
            }
            assert_eq!(store.counters().evicted_keys.get(), KEYS as u64 / 2);
        }
    }

    #[test]
    fn other_policies_can_take_everything_and_noeviction_nothing() {
        use EvictPolicy::{AllKeysLfu, AllKeysLru, AllKeysRandom, NoEviction};
        for policy in [AllKeysLru, AllKeysLfu, AllKeysRandom] {
            let mut store = filled(if policy.is_lfu() {
                LFU
            } else {
                AccessClock::Lru
            });
            assert_eq!(
                evict(&mut store, policy, u64::MAX, NOW),
                EvictOutcome::NothingLeft
            );
            assert_eq!(store.counters().evicted_keys.get(), KEYS as u64);
        }
        let mut store = filled(AccessClock::Lru);
        assert_eq!(
            evict(&mut store, NoEviction, 1, NOW),
            EvictOutcome::NothingLeft
        );
        assert_eq!(store.counters().evicted_keys.get(), 0);
        assert_eq!(evict(&mut store, NoEviction, 0, NOW), EvictOutcome::Enough);
    }

    /// Evicts a quarter of the bytes; how many of the evicted are keys that should go, in percent.
    fn aim(
        store: &mut Store,
        policy: EvictPolicy,
        now: Millis,
        should_go: impl Fn(i64) -> bool,
    ) -> usize {
        let bytes = 64 * KEYS as u64 / 4;
        let before = store.memory();
        assert_eq!(evict(store, policy, bytes, now), EvictOutcome::Enough);
        assert!(store.memory() <= before - bytes);
        let gone: Vec<i64> = (0..KEYS).filter(|&i| !is_there(store, i, now)).collect();
        assert!(gone.len() < KEYS as usize / 3, "no more than needed");
        gone.iter().filter(|&&i| should_go(i)).count() * 100 / gone.len()
    }

    #[test]
    fn what_was_not_used_lately_goes_first() {
        let mut store = filled(AccessClock::Lru);
        let later = Millis(NOW.0 + 60_000);
        for i in 0..KEYS / 2 {
            let mut db = Db::new(StoreSet::One(&mut store), DbIndex(i as u32 / 2 % 2), later);
            assert!(db.get(&name(i)).is_some());
        }
        let hit = aim(
            &mut store,
            EvictPolicy::AllKeysLru,
            Millis(later.0 + 1000),
            |i| i >= KEYS / 2,
        );
        assert!(hit >= 95, "{hit}");
    }

    #[test]
    fn what_is_used_least_goes_first() {
        let mut store = filled(LFU);
        for i in 0..KEYS / 2 {
            for _ in 0..50 {
                let mut db = Db::new(StoreSet::One(&mut store), DbIndex(i as u32 / 2 % 2), NOW);
                assert!(db.get(&name(i)).is_some());
            }
        }
        let hit = aim(&mut store, EvictPolicy::AllKeysLfu, NOW, |i| i >= KEYS / 2);
        assert!(hit >= 95, "{hit}");
    }

    #[test]
    fn what_expires_soon_goes_first() {
        let mut store = filled(AccessClock::Lru);
        let hit = aim(&mut store, EvictPolicy::VolatileTtl, NOW, |i| {
            i < KEYS * 3 / 4
        });
        assert!(hit >= 95, "{hit}");
    }

    #[test]
    fn an_eviction_is_told_to_those_who_watch() {
        let mut store = store();
        store.set_events(StoreEvents::EXPIRED.with(StoreEvents::EVICTED));
        Db::new(StoreSet::One(&mut store), DbIndex(1), NOW).set_str(
            b"k",
            StrInput::Int(1),
            Ttl::Clear,
        );
        let flag = Arc::new(WatchFlag::new());
        store.watch(DbIndex(1), b"k", &flag, NOW);
        evict(&mut store, EvictPolicy::AllKeysLru, 1, NOW);
        assert!(flag.is_dirty());
        assert_eq!(
            store.take_events(),
            [StoreEvent::Evicted(DbIndex(1), b"k".as_slice().into())]
        );
    }
}
