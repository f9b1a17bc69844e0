//! All keys of a shard, one after the other, for whoever writes them down.

use super::access;
use super::store::{AccessClock, Store, for_each_entry};
use super::value::{ValueRef, value_of};
use crate::base::{DbIndex, Millis};

/// A key with all that belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct KeyView<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// What it holds.
    pub value: ValueRef<'a>,
    /// When it goes.
    pub expire: Option<Millis>,
    /// Seconds since it was used, if that is what is kept.
    pub idle_secs: Option<u64>,
    /// How often it was used, if that is what is kept.
    pub frequency: Option<u8>,
}

impl Store {
    /// Calls `visit` for each key of a database, expired ones that nobody noticed included, in order of slot and hash.
    pub fn visit(&self, db: DbIndex, now: Millis, mut visit: impl FnMut(KeyView<'_>)) {
        let Some(table) = &self.dbs[db.index()].table else {
            return;
        };
        let clock = self.ledger.access;
        let by_frequency = matches!(clock, AccessClock::Lfu { .. });
        for_each_entry(table, |entry| {
            let bits = entry.access();
            visit(KeyView {
                key: entry.key(),
                value: value_of(entry),
                expire: entry.expiry().map(Millis),
                idle_secs: (!by_frequency).then(|| access::idle_secs(bits, now)),
                frequency: by_frequency.then(|| clock.frequency(bits, now) as u8),
            });
        });
    }

    /// Keys of a database, and how many of them have an expiry time.
    pub fn counts(&self, db: DbIndex) -> (usize, usize) {
        let row = &self.dbs[db.index()];
        let expires = row.table.as_ref().map_or(0, |table| table.expires());
        (row.len(), expires)
    }
}
