//! Ids in order, with something each, in chunks that copies share.
//!
//! ```text
//! shelves  by id -> | chunk, chunk, .. | -> ids, each with what is under it
//!                     up to 128            up to 32
//! ```
//!
//! A snapshot has a group as it was, while clients confirm what is pending in it. So a copy must not cost what the ids do:
//! it shares all shelves, three thousand for ten million ids, and whoever changes one copies first what it changes: a
//! chunk, and the first time the addresses of those beside it. With one level less either the copy or each first change
//! would take milliseconds.
//!
//! Invariants
//!   1. A chunk is not empty, its ids ascend, and all of them are from its key on and before the next one's. The same is
//!      true of a shelf and its chunks.
//!   2. A chunk has at most [`CHUNK_MAX`] ids, a shelf [`SHELF_MAX`] chunks. Few have less than a quarter of that: those
//!      are joined with the next where both together are not many.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::id::StreamId;

/// Something by id.
#[derive(Clone, Debug)]
pub(super) struct Ids<V> {
    shelves: BTreeMap<StreamId, Arc<Shelf<V>>>,
    len: usize,
}

/// Some chunks.
#[derive(Clone, Debug)]
struct Shelf<V> {
    chunks: BTreeMap<StreamId, Arc<Vec<(StreamId, V)>>>,
}

/// Copying a chunk is what a change may cost while a snapshot is taken.
const CHUNK_MAX: usize = 32;
const CHUNK_MIN: usize = CHUNK_MAX / 4;

/// Copying the addresses of so many is what it may cost the first time.
const SHELF_MAX: usize = 128;
const SHELF_MIN: usize = SHELF_MAX / 4;

impl<V> Default for Shelf<V> {
    fn default() -> Shelf<V> {
        Shelf {
            chunks: BTreeMap::new(),
        }
    }
}

impl<V: Clone> Ids<V> {
    pub(super) const fn new() -> Ids<V> {
        Ids {
            shelves: BTreeMap::new(),
            len: 0,
        }
    }

    /// All there is to free, a chunk at a time.
    pub(super) fn into_items(self) -> impl Iterator<Item = ()> {
        self.shelves.into_values().flat_map(|shelf| {
            // A shelf that somebody else has is let go of.
            let chunks = Arc::try_unwrap(shelf).unwrap_or_default().chunks;
            std::iter::once(()).chain(chunks.into_values().map(drop))
        })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&V> {
        let (_, shelf) = self.shelves.range(..=id).next_back()?;
        shelf.get(id)
    }

    /// From an id on, in order.
    pub(super) fn from(&self, start: StreamId) -> impl DoubleEndedIterator<Item = (StreamId, &V)> {
        let first = self.shelves.range(..=start).next_back();
        let first = first.map_or(start, |(key, _)| *key);
        let shelves = self.shelves.range(first..);
        shelves.flat_map(move |(_, shelf)| shelf.from(start))
    }

    /// Puts something under an id; what was there comes back.
    pub(super) fn insert(&mut self, id: StreamId, value: V) -> Option<V> {
        if self.shelves.range(..=id).next_back().is_none() {
            // Before all others: the first shelf begins here from now on.
            let (_, first) = self.shelves.pop_first().unwrap_or_default();
            self.shelves.insert(id, first);
        }
        let (_, shelf) = self.shelves.range_mut(..=id).next_back()?;
        let shelf = Arc::make_mut(shelf);
        let old = shelf.insert(id, value);
        if old.is_none() {
            self.len += 1;
        }
        if let Some((key, upper)) = shelf.split() {
            self.shelves.insert(key, Arc::new(upper));
        }
        old
    }

    /// Takes an id out.
    pub(super) fn remove(&mut self, id: StreamId) -> Option<V> {
        let (&key, shelf) = self.shelves.range_mut(..=id).next_back()?;
        // What is not there is not to cost a copy.
        shelf.get(id)?;
        let shelf = Arc::make_mut(shelf);
        let value = shelf.remove(id)?;
        let left = shelf.chunks.len();
        self.len -= 1;
        if left == 0 {
            self.shelves.remove(&key);
        } else if left < SHELF_MIN {
            self.join(key);
        }
        Some(value)
    }

    /// Joins a shelf with the next one, if they have room in half a shelf.
    fn join(&mut self, key: StreamId) {
        let mut both = self.shelves.range_mut(key..);
        let (Some((_, one)), Some((&next, other))) = (both.next(), both.next()) else {
            return;
        };
        if one.chunks.len() + other.chunks.len() <= SHELF_MAX / 2 {
            let mut other = std::mem::take(other);
            let chunks = &mut Arc::make_mut(&mut other).chunks;
            Arc::make_mut(one).chunks.append(chunks);
            self.shelves.remove(&next);
        }
    }

    /// Asserts the invariants.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let (mut last, mut len) = (None, 0);
        let shelves = self.shelves.iter();
        let mut keys: Vec<StreamId> = Vec::new();
        for (key, shelf) in shelves.clone() {
            assert!(!shelf.chunks.is_empty() && shelf.chunks.len() <= SHELF_MAX);
            assert!(shelf.chunks.keys().next() >= Some(key));
            keys.extend(shelf.chunks.keys());
        }
        assert!(keys.is_sorted());
        let mut ends = keys.iter().skip(1);
        for chunk in shelves.flat_map(|(_, shelf)| shelf.chunks.values()) {
            assert!(!chunk.is_empty() && chunk.len() <= CHUNK_MAX);
            let end = ends.next();
            for (id, _) in &**chunk {
                assert!(last < Some(*id) && end.is_none_or(|end| id < end));
                last = Some(*id);
            }
            len += chunk.len();
        }
        assert_eq!(len, self.len);
    }

    /// How many shelves and chunks it has that no copy has.
    #[cfg(test)]
    fn owned(&self) -> (usize, usize) {
        let own = self
            .shelves
            .values()
            .filter(|it| Arc::strong_count(it) == 1);
        let chunks = own.clone().flat_map(|shelf| shelf.chunks.values());
        let chunks = chunks.filter(|it| Arc::strong_count(it) == 1);
        (own.count(), chunks.count())
    }
}

impl<V: Clone> Shelf<V> {
    fn get(&self, id: StreamId) -> Option<&V> {
        let (_, chunk) = self.chunks.range(..=id).next_back()?;
        let at = chunk.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&chunk[at].1)
    }

    fn from(&self, start: StreamId) -> impl DoubleEndedIterator<Item = (StreamId, &V)> {
        let first = self.chunks.range(..=start).next_back();
        let first = first.map_or(start, |(key, _)| *key);
        let chunks = self.chunks.range(first..);
        chunks.flat_map(move |(_, chunk)| {
            let from = chunk.partition_point(|(id, _)| *id < start);
            chunk[from..].iter().map(|(id, value)| (*id, value))
        })
    }

    fn insert(&mut self, id: StreamId, value: V) -> Option<V> {
        if self.chunks.range(..=id).next_back().is_none() {
            // As for shelves.
            let (_, first) = self.chunks.pop_first().unwrap_or_default();
            self.chunks.insert(id, first);
        }
        let (_, chunk) = self.chunks.range_mut(..=id).next_back()?;
        let chunk = Arc::make_mut(chunk);
        let at = match chunk.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => return Some(std::mem::replace(&mut chunk[at].1, value)),
            Err(at) => at,
        };
        let next = if chunk.len() < CHUNK_MAX {
            chunk.insert(at, (id, value));
            return None;
        } else if at == chunk.len() {
            // Ids mostly ascend, and leave full chunks behind them.
            vec![(id, value)]
        } else {
            let half = CHUNK_MAX / 2;
            let mut upper = chunk.split_off(half);
            match at <= half {
                true => chunk.insert(at, (id, value)),
                false => upper.insert(at - half, (id, value)),
            }
            upper
        };
        self.chunks.insert(next[0].0, Arc::new(next));
        None
    }

    /// Gives up its upper part, if it has too many chunks.
    fn split(&mut self) -> Option<(StreamId, Shelf<V>)> {
        if self.chunks.len() <= SHELF_MAX {
            return None;
        }
        // One id in the last chunk has just been added at the end, as is usual.
        let is_last = self.chunks.values().next_back()?.len() == 1;
        let from = if is_last { SHELF_MAX } else { SHELF_MAX / 2 };
        let key = *self.chunks.keys().nth(from)?;
        let chunks = self.chunks.split_off(&key);
        Some((key, Shelf { chunks }))
    }

    fn remove(&mut self, id: StreamId) -> Option<V> {
        let (&key, chunk) = self.chunks.range_mut(..=id).next_back()?;
        let at = chunk.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let chunk = Arc::make_mut(chunk);
        let (_, value) = chunk.remove(at);
        let left = chunk.len();
        if left == 0 {
            self.chunks.remove(&key);
        } else if left < CHUNK_MIN {
            self.join(key);
        }
        Some(value)
    }

    /// Joins a chunk with the next one, if they have room in half a chunk.
    fn join(&mut self, key: StreamId) {
        let mut both = self.chunks.range_mut(key..);
        let (Some((_, one)), Some((&next, other))) = (both.next(), both.next()) else {
            return;
        };
        if one.len() + other.len() <= CHUNK_MAX / 2 {
            Arc::make_mut(one).extend_from_slice(other);
            self.chunks.remove(&next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn it_is_an_ordered_map_and_copies_stay_as_they_were() {
        let mut rng = Rng::new(5);
        let mut ids: Ids<u64> = Ids::new();
        let mut model: BTreeMap<StreamId, u64> = BTreeMap::new();
        let mut copies = Vec::new();
        for step in 0..40_000_u64 {
            let id = StreamId::new(1000 + step / 4, rng.below(2));
            let old = StreamId::new(990 + rng.below(step / 4 + 12), rng.below(2));
            match rng.below(10) {
                0..4 => assert_eq!(ids.insert(id, step), model.insert(id, step)),
                4 => assert_eq!(ids.insert(old, step), model.insert(old, step)),
                // At times more are taken than come.
                5..7 if step % 10_000 < 5000 => {}
                _ => assert_eq!(ids.remove(old), model.remove(&old)),
            }
            assert_eq!(ids.get(old), model.get(&old));
            if step % 100 == 0 {
                ids.check();
                let found = ids.from(old).map(|(id, value)| (id, *value));
                let expected = model.range(old..).map(|(id, value)| (*id, *value));
                assert!(found.eq(expected));
                let last = ids.from(StreamId::MIN).next_back();
                assert_eq!(last, model.last_key_value().map(|(id, it)| (*id, it)));
            }
            if step % 5000 == 0 {
                copies.push((ids.clone(), model.clone()));
            }
        }
        for (ids, model) in copies {
            ids.check();
            assert!(
                ids.from(StreamId::MIN)
                    .eq(model.iter().map(|(id, it)| (*id, it)))
            );
        }
        // What is confirmed in order leaves nothing behind.
        for id in model.keys() {
            ids.remove(*id);
        }
        assert!(ids.shelves.is_empty());
    }

    #[test]
    fn a_change_copies_what_it_changes_and_no_more() {
        let mut ids: Ids<u64> = Ids::new();
        let count = 3 * (SHELF_MAX * CHUNK_MAX) as u64;
        for n in 0..count {
            ids.insert(StreamId::new(n, 0), n);
        }
        assert_eq!(ids.shelves.len(), 3, "they are full");
        let copy = ids.clone();
        assert_eq!(ids.owned(), (0, 0));
        assert_eq!(ids.remove(StreamId::new(count, 0)), None);
        assert_eq!(ids.owned(), (0, 0));
        ids.remove(StreamId::new(5, 0));
        assert_eq!(ids.owned(), (1, 1));
        ids.remove(StreamId::new(6, 0));
        ids.remove(StreamId::new(CHUNK_MAX as u64, 0));
        ids.insert(StreamId::new(count - 1, 0), 0);
        assert_eq!(ids.owned(), (2, 3));
        assert_eq!((copy.len() as u64, ids.len() as u64), (count, count - 3));
        copy.check();
        ids.check();
        // What is shared is let go of shelf by shelf, the rest chunk by chunk.
        assert_eq!(ids.into_items().count(), 3 + 2 * SHELF_MAX);
        assert_eq!(copy.into_items().count(), 3 + 3 * SHELF_MAX);
    }
}
