//! SCAN, KEYS, RANDOMKEY: walks over a database while it changes.
//!
//! A cursor is a position in (slot, hash) order: 14 bits of slot and 48 leading bits of the hash. It names no table
//! geometry, no shard and no pointer, so it stays valid whatever happens between two calls, and any number a client
//! sends is a valid one. Since tables iterate in hash order in every state, an element present from the first call to
//! the last is returned exactly once.
//!
//! ```text
//! 63 62 61            48 47                             0
//! | 0 0 | slot         | leading hash bits              |      0: begin, and finished
//! ```

use super::db::Db;
use super::store::{Expiry, Store, is_expired};
use super::value::{ValueRef, value_of};
use crate::base::{Millis, Rng, SLOTS, Slot, parse_u64};
use crate::structure::ORDER_BITS;

const PREFIX_MASK: u64 = (1 << ORDER_BITS) - 1;

/// A position in (slot, hash) order; what SCAN prints and parses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Cursor(pub u64);

impl Cursor {
    /// Where a walk begins; returned, it says that the walk is finished.
    pub const START: Cursor = Cursor(0);

    /// The first position of a slot; START after the last slot.
    pub fn slot_start(slot: usize) -> Cursor {
        if slot < SLOTS {
            Cursor((slot as u64) << ORDER_BITS)
        } else {
            Cursor::START
        }
    }

    fn slot(self) -> usize {
        (self.0 >> ORDER_BITS) as usize
    }

    fn prefix(self) -> u64 {
        self.0 & PREFIX_MASK
    }
}

/// The slot where a cursor, as sent by a client, goes on: this decides the shard. Slot 0 for anything else.
pub fn cursor_slot(text: &[u8]) -> Slot {
    let slot = parse_u64(text).map_or(0, |cursor| Cursor(cursor).slot());
    if slot < SLOTS {
        Slot(slot as u16)
    } else {
        Slot(0)
    }
}

impl Store {
    /// Walks from `cursor` until `visit` has seen `count` elements or the slots of this store end. See [`Db::scan`].
    fn scan(
        &self,
        db: usize,
        cursor: Cursor,
        count: usize,
        seen: &mut usize,
        mut visit: impl FnMut(&[u8], Option<ValueRef<'_>>),
        (now, expiry): (Millis, Expiry),
    ) -> Cursor {
        let first = usize::from(self.slots().start);
        let end = Cursor::slot_start(usize::from(self.slots().end));
        let Some(table) = &self.dbs[db].table else {
            return end;
        };
        let (mut slot, mut prefix) = (cursor.slot(), cursor.prefix());
        if slot < first {
            (slot, prefix) = (first, 0);
        }
        // Positions cost time too, whether or not they hold anything: SCAN must not walk a large empty stretch at once.
        let mut positions = count.saturating_mul(10);
        while let Some(full) = table.next_slot(slot - first).map(|at| at + first) {
            if full != slot {
                (slot, prefix) = (full, 0);
            }
            let mut from = Some(prefix);
            while let Some(prefix) = from {
                if *seen >= count || positions == 0 {
                    return Cursor((slot as u64) << ORDER_BITS | prefix);
                }
                positions -= 1;
                from = table.scan_step(slot - first, prefix, |entry| {
                    *seen += 1;
                    let is_there = expiry == Expiry::Ignore || !is_expired(entry, now);
                    visit(entry.key(), is_there.then(|| value_of(entry)));
                });
            }
            (slot, prefix) = (slot + 1, 0);
            if *seen >= count {
                return Cursor::slot_start(slot);
            }
        }
        end
    }
}

impl Db<'_> {
    /// Visits about `count` elements from `cursor` on, in (slot, hash) order, and returns where to go on, START when
    /// all slots are done. The walk ends with the slots of this view's stores; the cursor then is the first one of the
    /// next shard. It begins with the first of them if the cursor is before that. A cursor beyond this view's slots is
    /// returned as it is; one that no walk could have returned continues at the next position there is. Expired keys on
    /// the way are removed.
    pub fn scan(
        &mut self,
        cursor: Cursor,
        count: usize,
        mut visit: impl FnMut(&[u8], ValueRef<'_>),
    ) -> Cursor {
        if cursor.slot() >= SLOTS {
            return Cursor::START;
        }
        let (db, rule) = (self.index.index(), (self.now, self.expiry));
        let (mut cursor, mut seen) = (cursor, 0);
        let mut done = false;
        let mut expired: Vec<Box<[u8]>> = Vec::new();
        let mut visit = |key: &[u8], value: Option<ValueRef<'_>>| match value {
            Some(value) => visit(key, value),
            None => expired.push(key.into()),
        };
        // The first store may have been chosen because those before it are empty.
        let mut first = Some(0);
        self.set.for_each(|store| {
            let slots = store.slots();
            let first = first.take().unwrap_or(usize::from(slots.start));
            let is_next = (first..usize::from(slots.end)).contains(&cursor.slot());
            if done || !is_next || (seen > 0 && seen >= count) {
                return;
            }
            cursor = store.scan(db, cursor, count.max(1), &mut seen, &mut visit, rule);
            done = cursor == Cursor::START;
        });
        for key in expired {
            // Looking it up removes it, if this view removes.
            let _ = self.peek(&key);
        }
        cursor
    }

    /// Visits all keys of this view that are not expired.
    pub fn for_each(&mut self, mut visit: impl FnMut(&[u8], ValueRef<'_>)) {
        let (db, now, expiry) = (self.index.index(), self.now, self.expiry);
        self.set.for_each(|store| {
            if let Some(table) = &store.dbs[db].table {
                super::store::for_each_entry(table, |entry| {
                    if expiry == Expiry::Ignore || !is_expired(entry, now) {
                        visit(entry.key(), value_of(entry));
                    }
                });
            }
        });
    }

    /// Some key of this view, all about equally likely. Where nearly all keys are expired, it gives up after a
    /// hundred tries and may miss the others.
    pub fn random_key(&mut self, rng: &mut Rng) -> Option<Vec<u8>> {
        let (db, now, expiry) = (self.index.index(), self.now, self.expiry);
        for _ in 0..100 {
            let len = self.len();
            let mut at = if len == 0 {
                return None;
            } else {
                rng.index(len)
            };
            let mut chosen = None;
            self.set.for_each(|store| {
                let len = store.dbs[db].len();
                if chosen.is_none() && at < len {
                    let entry = store.dbs[db]
                        .table
                        .as_ref()
                        .and_then(|table| table.random(rng));
                    chosen = entry.map(|entry| (entry.key().to_vec(), is_expired(entry, now)));
                }
                at = at.saturating_sub(len);
            });
            let (key, is_expired) = chosen?;
            if !is_expired || expiry == Expiry::Ignore {
                return Some(key);
            }
            // Looking it up removes it, if this view removes.
            let _ = self.peek(&key);
        }
        None
    }
}
