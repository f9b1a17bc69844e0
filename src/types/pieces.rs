//! A collection that is being freed, a piece at a time.
//!
//! A value of ten million elements takes a second to free, and its shard has to do it: the memory is that of the shard's
//! thread, and what another thread frees of it the shard would have to collect, all at once and at the same price. So a
//! value is taken apart into iterators, each step of which frees something that takes some microseconds at most.

use super::Collection;
use crate::structure::TableRemains;

/// Each step frees a piece.
pub(super) type Part = Box<dyn Iterator<Item = ()> + Send>;

/// What is left of a collection, or of a walk over one. Dropping it frees the rest.
pub struct Pieces {
    parts: Vec<Part>,
}

impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} parts", self.parts.len())
    }
}

impl Pieces {
    /// `None` if there is nothing.
    pub(super) fn of(parts: Vec<Part>) -> Option<Pieces> {
        (!parts.is_empty()).then_some(Pieces { parts })
    }

    /// Of blocks that are long, each a piece.
    pub fn of_blocks(blocks: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Pieces {
        let parts = vec![items_part::<1>(blocks)];
        Pieces { parts }
    }

    /// Frees a piece; false when nothing is left.
    #[inline]
    pub fn free_some(&mut self) -> bool {
        while let Some(part) = self.parts.last_mut() {
            if part.next().is_some() {
                return true;
            }
            self.parts.pop();
        }
        false
    }
}

impl Collection {
    /// Takes it apart, to be freed a piece at a time.
    pub fn into_pieces(self) -> Pieces {
        let parts = match self {
            Collection::List(list) => list.into_parts(),
            Collection::Set(set) => set.into_parts(),
            Collection::Zset(zset) => zset.into_parts(),
            Collection::Hash(hash) => hash.into_parts(),
            Collection::Stream(stream) => stream.into_parts(),
        };
        Pieces { parts }
    }
}

/// The nodes and entries of a table, with all that belongs to them.
pub(super) fn table_part<O: Send + 'static>(mut table: TableRemains<O>) -> Part {
    Box::new(std::iter::from_fn(move || {
        table.free_some(drop).map(|_| ())
    }))
}

/// Items that are freed so many in a step.
pub(super) fn items_part<const MANY: usize>(mut items: impl Iterator + Send + 'static) -> Part {
    Box::new(std::iter::from_fn(move || {
        items.by_ref().take(MANY).last().map(|_| ())
    }))
}

#[cfg(test)]
mod tests {
    use crate::base::{DbIndex, Millis};
    use crate::types::stream::{Group, NewId, NodeLimits, Pending, StreamId};
    use crate::types::walk::Sliced;
    use crate::types::{End, FieldTtl, HashLimits, ListLimits, SetLimits, ZsetLimits};
    use crate::types::{Frame, Label, Walked};
    use crate::types::{Hash, Kind, List, Set, Stream, Zset};
    use std::sync::Arc;

    fn steps(value: impl Kind) -> usize {
        let mut pieces = value.into_collection().into_pieces();
        let mut steps = 0;
        while pieces.free_some() {
            steps += 1;
        }
        assert!(!pieces.free_some());
        steps
    }

    #[test]
    fn large_values_are_freed_in_many_steps_and_compact_ones_at_once() {
        let lists = ListLimits { size: 4, depth: 0 };
        let (mut list, mut set, mut hash, mut zset) =
            (List::new(), Set::new(), Hash::new(), Zset::new());
        let sets = SetLimits {
            ints: 10,
            members: 10,
            bytes: 10,
        };
        let hashes = HashLimits {
            fields: 10,
            bytes: 10,
        };
        let zsets = ZsetLimits {
            entries: 10,
            value: 10,
        };
        for count in [2, 10_000] {
            for n in 0..count {
                let text = format!("element:{n}");
                let text = text.as_bytes();
                list.push(End::Back, text, lists);
                set.insert(text, sets);
                hash.set(text, &[b'x'; 2000], FieldTtl::Clear, hashes, 0);
                zset.put(text, f64::from(n), zsets);
            }
            let least = if count == 2 {
                0..=30
            } else {
                25..=count as usize
            };
            for taken in [
                steps(list.clone()),
                steps(set.clone()),
                steps(hash.clone()),
                steps(zset.clone()),
            ] {
                assert!(least.contains(&taken), "{taken} steps for {count}");
            }
        }
    }

    #[test]
    fn pending_entries_and_consumers_of_a_stream_are_freed_in_steps() {
        let mut stream = Stream::new();
        let limits = NodeLimits {
            bytes: 4096,
            entries: 2,
        };
        let log = stream.log_mut();
        for n in 1..=1000 {
            let id = log.new_id(NewId::Exact(StreamId::new(n, 0)));
            let pairs = [&b"field"[..], b"value"];
            log.append(id.expect("they ascend"), pairs.into_iter(), limits);
        }
        let mut group = Group::new(StreamId::MIN, None);
        for n in 0..20_000 {
            let name = (n % 1000).to_string();
            let (consumer, _) = group.find_or_create(name.as_bytes(), Millis(0));
            let pending = Pending {
                consumer: Some(consumer),
                delivered: Millis(1),
                deliveries: 1,
            };
            group.assign(StreamId::new(n, 0), pending);
        }
        assert!(stream.create_group(b"g", group));
        // A snapshot has a copy, and all that this one shared is its own when everything has been confirmed.
        let label = Label::new(DbIndex(0), Frame::default(), &Arc::default());
        stream.begin_walk(Box::new(label));
        stream.with_group(b"g", |_, group| {
            for n in 0..20_000 {
                group.confirm(StreamId::new(n, 0));
            }
        });
        let kept = loop {
            match stream.walk(8, |_| {}).expect("it is walked") {
                Walked::Partly => {}
                Walked::Wholly(_, kept) => break kept,
            }
        };
        let mut kept = kept.expect("a group is kept to the end");
        let mut of_walk = 0;
        while kept.free_some() {
            of_walk += 1;
        }
        let taken = steps(stream);
        assert!((20..1000).contains(&of_walk), "{of_walk}");
        assert!((20..100).contains(&taken), "{taken}");
    }
}
