//! What a shard publishes about its store, for INFO and for the memory budget.
//!
//! Only the owner writes, so an update is a relaxed load and a relaxed store: no locked instruction on any write path.
//! Readers on other cores see each number a little late and the numbers not from one instant, which is all INFO asks.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number with one writer and any readers.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

/// Numbers of one database on one shard.
#[derive(Debug, Default)]
pub struct DbCounters {
    /// Keys, expired ones not yet removed included.
    pub keys: Counter,
    /// Keys with an expiry time.
    pub expires: Counter,
    /// Sum of the expiry times in Unix seconds, wrapping.
    /// Hashes that have fields with an expiry time.
    pub element_expires: Counter,
    expiry_sum_s: Counter,
}

/// Numbers of one shard's store.
#[derive(Debug)]
#[repr(align(128))]
pub struct StoreCounters {
    /// Bytes of keys, values and index, by allocation class.
    pub used_bytes: Counter,
    /// Keys removed because their time had come.
    pub expired_keys: Counter,
    /// Fields of hashes removed because their time had come.
    pub expired_fields: Counter,
    /// Keys removed to free memory.
    pub evicted_keys: Counter,
    /// Reads that found their key.
    pub hits: Counter,
    /// Reads that did not.
    pub misses: Counter,
    /// Runs of the expiry cycle that used up their budget.
    pub expire_cycles_cut: Counter,
    /// Changes that commands run by this shard made, as they count them for snapshots. Never goes back.
    pub changes: Counter,
    /// How often all databases were emptied at once; counted by the shard of slot 0. Never goes back.
    pub flushes: Counter,
    dbs: Box<[DbCounters]>,
}

impl Counter {
    /// The latest value, perhaps a little old on other cores.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Owner only.
    #[inline]
    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Owner only.
    #[inline]
    pub(super) fn add(&self, count: u64) {
        self.set(self.get().wrapping_add(count));
    }

    /// Back to 0, for CONFIG RESETSTAT. Owner only: from elsewhere an update could be lost.
    pub fn reset(&self) {
        self.set(0);
    }
}

impl DbCounters {
    /// Mean time to live in milliseconds over the keys that have one; 0 without any.
    pub fn avg_ttl_ms(&self, now: crate::base::Millis) -> i64 {
        let expires = self.expires.get() as i64;
        if expires == 0 {
            return 0;
        }
        let mean_s = self.expiry_sum_s.get() as i64 / expires;
        (mean_s - now.seconds()).max(0).saturating_mul(1000)
    }

    pub(super) fn publish(&self, keys: usize, expires: usize, expiry_sum_s: i64) {
        self.keys.set(keys as u64);
        self.expires.set(expires as u64);
        self.expiry_sum_s.set(expiry_sum_s as u64);
    }
}

impl StoreCounters {
    /// All zero, for `databases` databases.
    pub fn new(databases: usize) -> StoreCounters {
        StoreCounters {
            used_bytes: Counter::default(),
            expired_keys: Counter::default(),
            expired_fields: Counter::default(),
            evicted_keys: Counter::default(),
            hits: Counter::default(),
            misses: Counter::default(),
            expire_cycles_cut: Counter::default(),
            changes: Counter::default(),
            flushes: Counter::default(),
            dbs: (0..databases).map(|_| DbCounters::default()).collect(),
        }
    }

    /// Numbers per database.
    pub fn dbs(&self) -> &[DbCounters] {
        &self.dbs
    }

    /// The statistics that CONFIG RESETSTAT zeroes. Owner only.
    pub fn reset_stats(&self) {
        for counter in [
            &self.expired_keys,
            &self.expired_fields,
            &self.evicted_keys,
            &self.hits,
            &self.misses,
            &self.expire_cycles_cut,
        ] {
            counter.reset();
        }
    }
}
