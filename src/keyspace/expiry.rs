//! Active expiry: keys whose time has come are removed even if nobody asks for them.
//!
//! The table knows for every bucket a lower bound of its entries' expiry times and keeps the least of them at hand, so
//! the cycle goes straight to what is due. There is no sampling and no lag but the caller's timer: with a million
//! volatile keys, and with ten, a key is gone within the same few milliseconds. The same holds for fields of hashes, which
//! `element_dues` keeps in order.

use super::store::{Expiry, Store};
use crate::base::{DbIndex, Millis};

/// What a run of the expiry cycle did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Work {
    /// Keys removed.
    pub expired: usize,
    /// Elements of values removed.
    pub elements: usize,
    /// The budget ran out: more keys are due.
    pub more: bool,
}

impl Store {
    /// Removes keys whose time has come. Looks at no more than `budget` buckets: one for each key removed, and one for
    /// each that turns out to have nothing due.
    pub fn expire_cycle(&mut self, now: Millis, budget: usize) -> Work {
        if self.ledger.expiry == Expiry::Ignore {
            return Work::default();
        }
        let mut visits = budget;
        let (mut expired, mut elements) = (0, 0);
        for db in 0..self.dbs.len() {
            while self.remove_due(DbIndex(db as u32), now, &mut visits) {
                expired += 1;
            }
            while let Some(removed) = self.remove_due_elements(DbIndex(db as u32), now, &mut visits)
            {
                elements += removed;
            }
        }
        let more = visits == 0 && self.dbs.iter().any(|row| row.has_due(now));
        if more {
            self.ledger.counters.expire_cycles_cut.add(1);
        }
        Work {
            expired,
            elements,
            more,
        }
    }

    /// When the next key or element may come due; a lower bound, never late. `None` without volatile keys.
    pub fn next_expiry(&self) -> Option<Millis> {
        if self.ledger.expiry == Expiry::Ignore {
            return None;
        }
        let tables = self.dbs.iter().filter_map(|row| row.table.as_ref());
        let keys = tables.filter_map(|table| table.next_due());
        let elements = self.dbs.iter().map(|row| row.sizes.dues.next());
        let next = keys.chain(elements).min().unwrap_or(i64::MAX);
        (next < i64::MAX).then_some(Millis(next))
    }
}
