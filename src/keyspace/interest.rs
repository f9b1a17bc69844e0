//! Keys whose next change somebody on this shard wants to hear of: clients that wait in a blocking command, clients
//! that cache.
//!
//! Whoever is interested says so per key; the choke point notes each change of such a key, and the command loop takes
//! the notes after every command. With nobody interested a change costs one compare.

use crate::base::{DbIndex, Map};

/// Why somebody is interested; bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interest(u8);

impl Interest {
    /// A client waits for the key to hold something.
    pub const WAIT: Interest = Interest(1);
    /// A client remembers what it read of the key.
    pub const TRACK: Interest = Interest(2);

    /// Whether `other` is part of it.
    pub fn has(self, other: Interest) -> bool {
        self.0 & other.0 != 0
    }
}

/// A change of a key that somebody is interested in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Touched {
    /// Its database.
    pub db: DbIndex,
    /// The key.
    pub key: Box<[u8]>,
    /// Why that is of interest; nothing if all changes are noted.
    pub interest: Interest,
    /// It did change. Otherwise its whole database did, and it need not have been there at all.
    pub is_certain: bool,
}

/// Who wants to hear of which keys of a shard.
#[derive(Default)]
pub(super) struct Interests {
    dbs: Vec<Map<Box<[u8]>, u8>>,
    len: usize,
    all: bool,
    touched: Vec<Touched>,
    flushed: Vec<DbIndex>,
}

impl Interests {
    pub(super) fn new(databases: usize) -> Interests {
        Interests {
            dbs: (0..databases).map(|_| Map::default()).collect(),
            ..Interests::default()
        }
    }

    /// Notes every change, or only those of the keys asked for.
    pub(super) fn set_all(&mut self, all: bool) {
        self.all = all;
    }

    pub(super) fn add(&mut self, db: DbIndex, key: &[u8], interest: Interest) {
        match self.dbs[db.index()].get_mut(key) {
            Some(bits) => *bits |= interest.0,
            None => {
                self.dbs[db.index()].insert(key.into(), interest.0);
                self.len += 1;
            }
        }
    }

    pub(super) fn drop(&mut self, db: DbIndex, key: &[u8], interest: Interest) {
        let Some(bits) = self.dbs[db.index()].get_mut(key) else {
            return;
        };
        *bits &= !interest.0;
        if *bits == 0 {
            self.dbs[db.index()].remove(key);
            self.len -= 1;
        }
    }

    /// A key changed.
    #[inline]
    pub(super) fn touch(&mut self, db: DbIndex, key: &[u8]) {
        if self.len != 0 || self.all {
            self.note(db, key);
        }
    }

    #[cold]
    fn note(&mut self, db: DbIndex, key: &[u8]) {
        let bits = self.dbs[db.index()].get(key).copied().unwrap_or(0);
        if bits == 0 && !self.all {
            return;
        }
        // A command that changes one key many times is noted once.
        if let Some(last) = self.touched.last()
            && last.db == db
            && *last.key == *key
        {
            return;
        }
        self.touched.push(Touched {
            db,
            key: key.into(),
            interest: Interest(bits),
            is_certain: true,
        });
    }

    /// All keys of a database may have changed.
    pub(super) fn touch_all(&mut self, db: DbIndex) {
        if self.len == 0 {
            return;
        }
        for (key, bits) in &self.dbs[db.index()] {
            self.touched.push(Touched {
                db,
                key: key.clone(),
                interest: Interest(*bits),
                is_certain: false,
            });
        }
    }

    #[inline]
    pub(super) fn has_touched(&self) -> bool {
        !self.touched.is_empty() || !self.flushed.is_empty()
    }

    /// A database was emptied.
    pub(super) fn flush(&mut self, db: DbIndex) {
        self.touch_all(db);
        if !self.flushed.contains(&db) {
            self.flushed.push(db);
        }
    }

    pub(super) fn take_flushed(&mut self) -> Vec<DbIndex> {
        std::mem::take(&mut self.flushed)
    }

    pub(super) fn take_touched(&mut self) -> Vec<Touched> {
        std::mem::take(&mut self.touched)
    }
}
