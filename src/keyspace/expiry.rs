//! Active expiry: keys whose time has come are removed even if nobody asks for them.
//!
//! The table knows for every bucket a lower bound of its entries' expiry times and keeps the least of them at hand, so
//! the cycle goes straight to what is due. There is no sampling and no lag but the caller's timer: with a million
//! volatile keys, and with ten, a key is gone within the same few milliseconds.

use super::store::Store;
use crate::base::{DbIndex, Millis};

/// What a run of the expiry cycle did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// Keys removed.
    pub expired: usize,
    /// The budget ran out: more keys are due.
    pub more: bool,
}

impl Store {
    /// Removes keys whose time has come, at most `budget` of them.
    pub fn expire_cycle(&mut self, now: Millis, budget: usize) -> Work {
        let mut work = Work::default();
        for db in 0..self.dbs.len() {
            while self.dbs[db].has_due(now) {
                if work.expired == budget {
                    work.more = true;
                    self.ledger.counters.expire_cycles_cut.add(1);
                    return work;
                }
                if !self.remove_due(DbIndex(db as u32), now) {
                    break;
                }
                work.expired += 1;
            }
        }
        work
    }

    /// When the next key may come due; a lower bound, never late. `None` without volatile keys.
    pub fn next_expiry(&self) -> Option<Millis> {
        let tables = self.dbs.iter().filter_map(|row| row.table.as_ref());
        tables
            .filter_map(|table| table.next_due())
            .min()
            .map(Millis)
    }
}
