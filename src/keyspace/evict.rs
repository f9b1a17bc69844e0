//! Eviction: making room under `maxmemory`, by Redis's policies.
//!
//! Not the best victim of all is removed but the best of a pool of 16, which every round refills with a few random
//! keys: with 5 samples that is close to true LRU (the 2.8 and 3.0 notes have the curves), and costs no list through
//! all keys. `volatile-ttl` needs no sampling: the expiry hints know what comes due first.

use super::access::idle_secs;
use super::store::{Change, Expiry, Look, Store};
use super::value::Collection;
use crate::base::{DbIndex, Millis, Rng};
use crate::structure::EntryRef;

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
    fn is_volatile(self) -> bool {
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
        let goal = self.memory().saturating_sub(bytes);
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
        EvictOutcome::Enough
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
