//! What producers have sent, so that what is sent again is not added twice.
//!
//! A producer gives each entry an id of its own. For a while, and for so many entries, the stream knows which entry that
//! became. An entry's id has the time at which it was added, so nothing else has to be kept to know when one is forgotten.
//!
//! A producer that comes again drops what it has that is too old. One that never does would be remembered for ever: each
//! addition looks at one other producer, in turn.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::id::StreamId;
use crate::base::Millis;
use crate::structure::size_class;

/// The producers of a stream.
#[derive(Clone, Debug)]
pub struct Producers {
    memory: Memory,
    producers: BTreeMap<Box<[u8]>, Producer>,
    /// The producer that was looked at last.
    looked_at: Box<[u8]>,
    /// Entries ever added with an id of their producer's, and those that were not, as they had been before.
    pub added: u64,
    /// See `added`.
    pub duplicates: u64,
    len: usize,
    bytes: usize,
}

/// How long, and for how many entries of each producer, a stream remembers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// Seconds.
    pub duration_s: u64,
    /// Entries of each producer.
    pub entries_max: u64,
}

#[derive(Clone, Debug, Default)]
struct Producer {
    entries: BTreeMap<Box<[u8]>, StreamId>,
    /// The same, the oldest first.
    by_age: BTreeSet<(StreamId, Box<[u8]>)>,
}

/// What a producer costs besides its name, and an entry besides its two names.
const PRODUCER_BYTES: usize = (size_of::<Producer>() + size_of::<Box<[u8]>>()) * 3 / 2;
const ENTRY_BYTES: usize = (2 * size_of::<(StreamId, Box<[u8]>)>()) * 3 / 2;

impl Producers {
    /// None yet.
    pub fn new(memory: Memory) -> Producers {
        Producers {
            memory,
            producers: BTreeMap::new(),
            looked_at: Box::default(),
            added: 0,
            duplicates: 0,
            len: 0,
            bytes: 0,
        }
    }

    /// How much is remembered.
    pub fn remembers(&self) -> Memory {
        self.memory
    }

    /// Remembers this much from now on, and nothing of what was before.
    pub fn remember(&mut self, memory: Memory) {
        let (added, duplicates) = (self.added, self.duplicates);
        *self = Producers {
            added,
            duplicates,
            ..Producers::new(memory)
        };
    }

    /// How many producers there are.
    pub fn len(&self) -> usize {
        self.producers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.producers.is_empty()
    }

    /// How many of their entries are remembered.
    pub fn entries(&self) -> usize {
        self.len
    }

    /// Which entry a producer's id became, as far as that is remembered at `now`.
    pub fn find(&mut self, producer: &[u8], id: &[u8], now: Millis) -> Option<StreamId> {
        self.forget_old(producer, now);
        self.peek(producer, id)
    }

    /// The same, whatever the time.
    pub fn peek(&self, producer: &[u8], id: &[u8]) -> Option<StreamId> {
        self.producers.get(producer)?.entries.get(id).copied()
    }

    /// As [`Producers::find`]; what is found was sent again.
    pub fn take_again(&mut self, producer: &[u8], id: &[u8], now: Millis) -> Option<StreamId> {
        let found = self.find(producer, id, now)?;
        self.duplicates += 1;
        Some(found)
    }

    /// A producer's id became this entry. Of too many the oldest are forgotten.
    pub fn note(&mut self, producer: &[u8], id: &[u8], entry: StreamId) {
        if !self.producers.contains_key(producer) {
            self.producers.insert(producer.into(), Producer::default());
            self.bytes += PRODUCER_BYTES + size_class(producer.len());
        }
        let Some(known) = self.producers.get_mut(producer) else {
            return;
        };
        if let Some(before) = known.entries.insert(id.into(), entry) {
            known.by_age.remove(&(before, id.into()));
        } else {
            self.len += 1;
            self.bytes += entry_bytes(id);
        }
        known.by_age.insert((entry, id.into()));
        while known.entries.len() as u64 > self.memory.entries_max {
            let Some((_, id)) = known.by_age.pop_first() else {
                break;
            };
            known.entries.remove(&id);
            self.len -= 1;
            self.bytes -= entry_bytes(&id);
        }
    }

    /// Looks at one producer more, and forgets what it sent too long ago.
    pub fn tidy(&mut self, now: Millis) {
        let after = (
            Bound::Excluded(std::mem::take(&mut self.looked_at)),
            Bound::Unbounded,
        );
        let next = self.producers.range(after).next();
        let next = next.or_else(|| self.producers.first_key_value());
        if let Some((name, _)) = next {
            let name = name.clone();
            self.forget_old(&name, now);
            self.looked_at = name;
        }
    }

    fn forget_old(&mut self, producer: &[u8], now: Millis) {
        let Some(known) = self.producers.get_mut(producer) else {
            return;
        };
        let duration_ms = self.memory.duration_s.saturating_mul(1000);
        let oldest_ms = u64::try_from(now.0)
            .unwrap_or(0)
            .saturating_sub(duration_ms);
        while let Some((entry, _)) = known.by_age.first()
            && entry.ms < oldest_ms
            && let Some((_, id)) = known.by_age.pop_first()
        {
            known.entries.remove(&id);
            self.len -= 1;
            self.bytes -= entry_bytes(&id);
        }
        if known.entries.is_empty() {
            self.producers.remove(producer);
            self.bytes -= PRODUCER_BYTES + size_class(producer.len());
        }
    }

    /// The producers in order of their names, each with its ids and the entries they became, the oldest first.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (&[u8], impl ExactSizeIterator<Item = (&[u8], StreamId)>)>
    {
        self.producers.iter().map(|(name, producer)| {
            let entries = producer.by_age.iter();
            (&name[..], entries.map(|(entry, id)| (&id[..], *entry)))
        })
    }

    /// Bytes on the heap, about, its own box among them. O(1).
    pub(super) fn memory(&self) -> usize {
        size_class(size_of::<Producers>()) + self.bytes
    }

    /// All there is to free, in small items.
    pub(super) fn into_items(self) -> impl Iterator<Item = ()> {
        self.producers.into_values().flat_map(|producer| {
            let entries = producer.entries.into_iter().map(drop);
            let by_age = producer.by_age.into_iter().map(drop);
            std::iter::once(()).chain(entries).chain(by_age)
        })
    }

    /// Allocations, about.
    pub(super) fn effort(&self) -> usize {
        1 + 2 * self.producers.len() + 3 * self.len
    }

    /// Asserts that what is counted is right.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let (mut len, mut bytes) = (0, 0);
        for (name, producer) in &self.producers {
            assert_eq!(producer.entries.len(), producer.by_age.len());
            assert!(!producer.entries.is_empty());
            bytes += PRODUCER_BYTES + size_class(name.len());
            for (entry, id) in &producer.by_age {
                assert_eq!(producer.entries.get(id), Some(entry));
                bytes += entry_bytes(id);
            }
            len += producer.entries.len();
        }
        assert_eq!((len, bytes), (self.len, self.bytes));
    }
}

fn entry_bytes(id: &[u8]) -> usize {
    ENTRY_BYTES + 2 * size_class(id.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn memory(duration_s: u64, entries_max: u64) -> Memory {
        Memory {
            duration_s,
            entries_max,
        }
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let mut producers = Producers::new(memory(100, 2));
        let now = Millis(1000);
        for ms in 1..=3 {
            producers.note(b"p", &[ms as u8], StreamId::new(ms, 0));
        }
        assert_eq!(producers.find(b"p", &[1], now), None);
        assert_eq!(producers.find(b"p", &[3], now), Some(StreamId::new(3, 0)));
        assert_eq!((producers.len(), producers.entries()), (1, 2));
        producers.check();
    }

    #[test]
    fn producers_that_never_come_again_are_forgotten() {
        let mut producers = Producers::new(memory(10, 5));
        for name in 0..50_u8 {
            producers.note(&[name], b"i", StreamId::new(1000, 0));
        }
        let late = Millis(11_001);
        for _ in 0..50 {
            producers.tidy(late);
            producers.check();
        }
        assert!(producers.is_empty());
        producers.tidy(late);
    }

    #[test]
    fn what_is_counted_is_right_whatever_happens() {
        let mut rng = Rng::new(7);
        let mut producers = Producers::new(memory(1, 4));
        let mut model: BTreeMap<(Vec<u8>, Vec<u8>), StreamId> = BTreeMap::new();
        for step in 0..5000_u64 {
            let now = Millis(step as i64 * 20);
            let producer = vec![b'p'; rng.index(4)];
            let id = vec![b'i'; rng.index(20)];
            if let Some(found) = producers.find(&producer, &id, now) {
                assert_eq!(model.get(&(producer, id)), Some(&found));
                assert!(found.ms + 1000 >= step * 20);
            } else {
                let entry = StreamId::new(step * 20, 0);
                producers.note(&producer, &id, entry);
                model.insert((producer, id), entry);
            }
            producers.tidy(now);
            producers.check();
        }
    }
}
