//! Ids in order, with something each, in chunks that copies share.
//!
//! A snapshot has a group as it was, while clients confirm what is pending in it. So a copy must not cost what the ids do:
//! it shares all chunks, and whoever changes one copies that one first.
//!
//! Invariants
//!   1. A chunk is not empty, its ids ascend, and all of them are from its key on and before the next one's.
//!   2. A chunk has at most [`CHUNK_MAX`] ids. Few have less than [`CHUNK_MIN`]: those are joined with the next where both
//!      together are not many.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::id::StreamId;

/// Something by id.
#[derive(Clone, Debug)]
pub(super) struct Ids<V> {
    chunks: BTreeMap<StreamId, Arc<Vec<(StreamId, V)>>>,
    len: usize,
}

/// Copying a chunk is what a change may cost while a snapshot is taken.
const CHUNK_MAX: usize = 128;
const CHUNK_MIN: usize = CHUNK_MAX / 4;

impl<V: Clone> Ids<V> {
    pub(super) const fn new() -> Ids<V> {
        Ids {
            chunks: BTreeMap::new(),
            len: 0,
        }
    }

    /// All there is to free, a chunk at a time.
    pub(super) fn into_items(self) -> impl Iterator<Item = ()> {
        self.chunks.into_values().map(drop)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&V> {
        let (_, chunk) = self.chunks.range(..=id).next_back()?;
        let at = chunk.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        Some(&chunk[at].1)
    }

    /// From an id on, in order.
    pub(super) fn from(&self, start: StreamId) -> impl DoubleEndedIterator<Item = (StreamId, &V)> {
        let first = self.chunks.range(..=start).next_back();
        let first = first.map_or(start, |(key, _)| *key);
        let chunks = self.chunks.range(first..);
        chunks.flat_map(move |(_, chunk)| {
            let from = chunk.partition_point(|(id, _)| *id < start);
            chunk[from..].iter().map(|(id, value)| (*id, value))
        })
    }

    /// Puts something under an id; what was there comes back.
    pub(super) fn insert(&mut self, id: StreamId, value: V) -> Option<V> {
        if self.chunks.range(..=id).next_back().is_none() {
            // Before all others: the first chunk begins here from now on.
            let (_, first) = self.chunks.pop_first().unwrap_or_default();
            self.chunks.insert(id, first);
        }
        let (_, chunk) = self.chunks.range_mut(..=id).next_back()?;
        let chunk = Arc::make_mut(chunk);
        let at = match chunk.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => return Some(std::mem::replace(&mut chunk[at].1, value)),
            Err(at) => at,
        };
        self.len += 1;
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

    /// Takes an id out.
    pub(super) fn remove(&mut self, id: StreamId) -> Option<V> {
        let (&key, chunk) = self.chunks.range_mut(..=id).next_back()?;
        let at = chunk.binary_search_by_key(&id, |(id, _)| *id).ok()?;
        let chunk = Arc::make_mut(chunk);
        let (_, value) = chunk.remove(at);
        let left = chunk.len();
        self.len -= 1;
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

    /// Asserts the invariants.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let (mut last, mut len) = (None, 0);
        let mut keys = self.chunks.keys().skip(1);
        for (key, chunk) in &self.chunks {
            assert!(!chunk.is_empty() && chunk.len() <= CHUNK_MAX);
            assert!(*key <= chunk[0].0);
            let end = keys.next();
            for (id, _) in &**chunk {
                assert!(last < Some(*id) && end.is_none_or(|end| id < end));
                last = Some(*id);
            }
            len += chunk.len();
        }
        assert_eq!(len, self.len);
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
        assert!(ids.chunks.is_empty());
    }
}
