//! Which clients remember what they read of this shard's keys, and whom to tell when it changes.
//!
//! A key is forgotten with the first message about it: the client reads it again if it wants it. In broadcast mode
//! nothing is remembered; the prefixes are known to all shards.

use crate::base::slot::{DbIndex, ShardId};
use crate::base::{Map, Set};
use crate::command::ctx::Reader;

/// Messages for the clients of one core.
pub struct Notice {
    /// Whom it is for.
    pub reader: Reader,
    /// The core that has it.
    pub home: ShardId,
    /// What it must forget.
    pub keys: Vec<Box<[u8]>>,
    /// The client whose command it was, or 0.
    pub by: u64,
    /// It listens to prefixes; else it has read these keys.
    pub broadcast: bool,
    /// The client that redirects its messages to `reader`; no keys stand for all then.
    pub principal: Option<At>,
    /// In place of keys: the client that `reader` redirects to is gone.
    pub is_broken: bool,
}

impl Notice {
    /// A client must forget some keys.
    pub fn new((home, reader): At, keys: Vec<Box<[u8]>>) -> Notice {
        Notice {
            reader,
            home,
            keys,
            by: 0,
            broadcast: false,
            principal: None,
            is_broken: false,
        }
    }
}

/// A client and its core.
pub type At = (ShardId, Reader);

/// Who remembers what.
#[derive(Default)]
pub(super) struct TrackTable {
    keys: Map<(DbIndex, Box<[u8]>), Set<At>>,
    prefixes: Map<Box<[u8]>, Vec<At>>,
    items: usize,
}

impl TrackTable {
    /// `reader`, a client of `home`, has read a key; whether the key is new here.
    pub(super) fn add(&mut self, db: DbIndex, key: &[u8], home: ShardId, reader: Reader) -> bool {
        let readers = self.keys.entry((db, key.into())).or_default();
        let is_new = readers.is_empty();
        self.items += usize::from(readers.insert((home, reader)));
        is_new
    }

    /// Takes out who remembers a key.
    pub(super) fn take(&mut self, db: DbIndex, key: &[u8]) -> Vec<At> {
        let readers = self.keys.remove(&(db, key.into())).unwrap_or_default();
        self.items -= readers.len();
        readers.into_iter().collect()
    }

    /// Some key, to be forgotten when there are too many.
    pub(super) fn any_key(&self) -> Option<(DbIndex, Box<[u8]>)> {
        self.keys.keys().next().cloned()
    }

    /// Keys remembered.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Pairs of key and client.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// Prefixes that somebody listens to.
    pub(super) fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    /// Forgets all keys; returns them.
    pub(super) fn clear(&mut self) -> impl Iterator<Item = (DbIndex, Box<[u8]>)> + use<> {
        self.items = 0;
        std::mem::take(&mut self.keys).into_keys()
    }

    /// Sets the prefixes that a client listens to.
    pub(super) fn set_prefixes(&mut self, home: ShardId, reader: Reader, prefixes: &[Vec<u8>]) {
        self.prefixes.retain(|_, listeners| {
            listeners.retain(|listener| *listener != (home, reader));
            !listeners.is_empty()
        });
        for prefix in prefixes {
            let listeners = self.prefixes.entry(prefix[..].into()).or_default();
            listeners.push((home, reader));
        }
    }

    /// Who listens to a prefix of the key, and to which. Those of one client do not overlap.
    pub(super) fn listeners(&self, key: &[u8]) -> Vec<(usize, At)> {
        let hit = self
            .prefixes
            .iter()
            .filter(|(prefix, _)| key.starts_with(prefix));
        hit.flat_map(|(prefix, listeners)| listeners.iter().map(|at| (prefix.len(), *at)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Reader = Reader { at: 1, client: 7 };
    const TWO: Reader = Reader { at: 2, client: 8 };
    const HOME: ShardId = ShardId(0);
    const DB: DbIndex = DbIndex(0);

    #[test]
    fn a_key_is_forgotten_with_the_first_message() {
        let mut table = TrackTable::default();
        assert!(table.add(DB, b"k", HOME, ONE));
        assert!(!table.add(DB, b"k", HOME, ONE) && !table.add(DB, b"k", HOME, TWO));
        assert_eq!((table.len(), table.items()), (1, 2));
        assert_eq!(table.take(DB, b"k").len(), 2);
        assert!(table.take(DB, b"k").is_empty());
        table.add(DB, b"a", HOME, ONE);
        table.add(DbIndex(1), b"b", HOME, ONE);
        assert_eq!(table.clear().count(), 2);
        assert_eq!((table.len(), table.items()), (0, 0));
    }

    #[test]
    fn prefixes_are_heard_until_they_are_replaced() {
        let mut table = TrackTable::default();
        table.set_prefixes(HOME, ONE, &[b"user:".to_vec(), b"x".to_vec()]);
        table.set_prefixes(HOME, TWO, &[Vec::new()]);
        assert_eq!(table.listeners(b"user:1").len(), 2);
        assert_eq!(table.listeners(b"other"), [(0, (HOME, TWO))]);
        table.set_prefixes(HOME, ONE, &[]);
        assert_eq!(
            (table.listeners(b"user:1"), table.prefixes()),
            (vec![(0, (HOME, TWO))], 1)
        );
    }
}
