//! Consumer groups: how far a group has read, and which entries its consumers have not confirmed yet.
//!
//! An unconfirmed (pending) entry is in the group's list with its consumer and the time and number of its deliveries,
//! and in its consumer's list by id. Consumers have small numbers, so that a pending entry is short and giving it to
//! another consumer copies no name. An entry that a consumer gave back (XNACK) is pending for nobody, as if it had been
//! delivered at the beginning of time.
//!
//! A copy of a group shares what is long with it, so that a snapshot can have one (`ids.rs`).
//!
//! Entries in the order of their last delivery are an index that is made when somebody first asks for them so
//! (XREADGROUP CLAIM), and kept from then on: most groups do without it, and so do copies.
//!
//! Invariants: an id is in the list of a consumer exactly if the group's list has it with that consumer; `given_back`
//! counts those that are in nobody's. The index by time, if there is one, has all that are pending and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::id::StreamId;
use super::ids::Ids;
use crate::base::Millis;
use crate::structure::size_class;

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The last entry that was delivered.
    pub last_id: StreamId,
    /// How many of the entries ever added it has read, if that is known.
    pub entries_read: Option<u64>,
    pending: Ids<Pending>,
    /// The same by time of delivery, if that was ever asked for.
    by_time: ByTime,
    given_back: usize,
    names: Arc<BTreeMap<Box<[u8]>, ConsumerId>>,
    consumers: Vec<Option<Arc<Consumer>>>,
    /// Bytes of the consumers' names.
    names_bytes: usize,
}

/// Which consumer of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConsumerId(u32);

/// An entry that was delivered and not confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Whose it is; nobody's if it was given back.
    pub consumer: Option<ConsumerId>,
    /// When it was delivered last.
    pub delivered: Millis,
    /// How often it was delivered.
    pub deliveries: i64,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its name.
    pub name: Box<[u8]>,
    /// When it last asked for entries.
    pub seen: Millis,
    /// When it last got one.
    pub active: Option<Millis>,
    pending: Ids<()>,
}

/// A part of what a group has, in the order in which files have them.
#[derive(Clone, Copy, Debug)]
pub enum GroupPart<'a> {
    /// So many pending entries follow.
    PendingCount(usize),
    /// A pending entry.
    Pending(StreamId, &'a Pending),
    /// So many consumers follow.
    ConsumerCount(usize),
    /// A consumer. What is pending for it follows.
    Consumer(&'a Consumer),
    /// So many entries follow that were given back.
    GivenBackCount(usize),
    /// An entry that is pending for the last consumer, or was given back.
    Id(StreamId),
}

/// Where in a group somebody is who takes one part after the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum GroupPlace {
    /// At the beginning.
    #[default]
    Start,
    /// At what is pending, from an id on.
    Pending(StreamId),
    /// At the count of consumers.
    Consumers,
    /// At a consumer.
    Consumer(ConsumerId),
    /// At what is pending for it, from an id on.
    Ids(ConsumerId, StreamId),
    /// At the count of entries that were given back.
    AllGivenBack,
    /// At those from an id on.
    GivenBack(StreamId),
    /// Through.
    End,
}

/// What a pending entry costs in the two lists, whose chunks are about two thirds full.
const PENDING_BYTES: usize =
    (size_of::<StreamId>() + size_of::<Pending>() + size_of::<StreamId>()) * 3 / 2;

/// Pending entries by time of delivery. A copy does without.
#[derive(Debug)]
struct ByTime(Option<BTreeSet<(Millis, StreamId)>>);

impl Clone for ByTime {
    fn clone(&self) -> ByTime {
        ByTime(None)
    }
}

impl ByTime {
    fn remove(&mut self, delivered: Millis, id: StreamId) {
        if let Some(by_time) = &mut self.0 {
            by_time.remove(&(delivered, id));
        }
    }
}

/// What a pending entry costs in the index by time.
const BY_TIME_BYTES: usize = size_of::<(Millis, StreamId)>() * 3 / 2;

/// What a consumer costs besides its name.
const CONSUMER_BYTES: usize = 2 * size_of::<Consumer>() + 3 * size_of::<Box<[u8]>>();

impl Group {
    /// A group that has read up to `last_id`.
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Group {
        Group {
            last_id,
            entries_read,
            pending: Ids::new(),
            by_time: ByTime(None),
            given_back: 0,
            names: Arc::default(),
            consumers: Vec::new(),
            names_bytes: 0,
        }
    }

    /// Bytes on the heap, about. O(1).
    pub fn memory(&self) -> usize {
        let by_time = self.by_time.0.as_ref().map_or(0, BTreeSet::len);
        self.memory_of_copy() + by_time * BY_TIME_BYTES
    }

    /// What a copy takes, with all that it shares.
    pub(super) fn memory_of_copy(&self) -> usize {
        self.pending.len() * PENDING_BYTES + self.names.len() * CONSUMER_BYTES + self.names_bytes
    }

    /// Allocations, about.
    pub(super) fn effort(&self) -> usize {
        1 + self.pending.len() / 4 + 3 * self.names.len()
    }

    /// All there is to free, in small items.
    pub(super) fn into_items(self) -> impl Iterator<Item = ()> {
        let consumers = self.consumers.into_iter().flat_map(|consumer| {
            // Something for each of them: there may be many that have nothing.
            let consumer = consumer.and_then(|it| Arc::try_unwrap(it).ok());
            let pending = consumer.map_or(Ids::new(), |it| it.pending);
            std::iter::once(()).chain(pending.into_items())
        });
        let by_time = self.by_time.0.into_iter().flatten().map(drop);
        let names = Arc::try_unwrap(self.names).unwrap_or_default();
        let names = names.into_iter().map(drop);
        let pending = self.pending.into_items().chain(by_time);
        pending.chain(consumers).chain(names)
    }

    /// A consumer by name.
    pub fn find(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    /// A consumer.
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        let slot = &self.consumers[id.0 as usize];
        slot.as_ref()
            .expect("a consumer's number is good while it is there")
    }

    /// A consumer, to note when it was seen.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        let slot = &mut self.consumers[id.0 as usize];
        let consumer = slot.as_mut();
        Arc::make_mut(consumer.expect("a consumer's number is good while it is there"))
    }

    /// The name of the consumer that an entry is pending for; empty if it was given back.
    pub fn owner(&self, pending: &Pending) -> &[u8] {
        pending.consumer.map_or(&[], |id| &self.consumer(id).name)
    }

    /// The consumers in order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.names.values().map(|&id| self.consumer(id))
    }

    /// Their numbers, in the same order.
    pub fn consumer_ids(&self) -> impl ExactSizeIterator<Item = ConsumerId> {
        self.names.values().copied()
    }

    /// A consumer by name; it is made, as seen `now`, if there is none. Returns whether it was made.
    pub fn find_or_create(&mut self, name: &[u8], now: Millis) -> (ConsumerId, bool) {
        if let Some(id) = self.find(name) {
            return (id, false);
        }
        let consumer = Consumer {
            name: name.into(),
            seen: now,
            active: None,
            pending: Ids::new(),
        };
        let at = match self.consumers.len() == self.names.len() {
            true => {
                self.consumers.push(None);
                self.consumers.len() - 1
            }
            false => {
                let free = self.consumers.iter().position(Option::is_none);
                free.expect("there are more places than consumers")
            }
        };
        self.consumers[at] = Some(Arc::new(consumer));
        let id = ConsumerId(u32::try_from(at).expect("consumers are fewer than 2^32"));
        Arc::make_mut(&mut self.names).insert(name.into(), id);
        self.names_bytes += 2 * size_class(name.len());
        (id, true)
    }

    /// Removes a consumer and what is pending for it. Returns how many entries that were, or `None` if there is no
    /// such consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.find(name)?;
        Arc::make_mut(&mut self.names).remove(name);
        self.names_bytes -= 2 * size_class(name.len());
        let consumer = self.consumers[id.0 as usize].take()?;
        for (id, ()) in consumer.pending.from(StreamId::MIN) {
            if let Some(pending) = self.pending.remove(id) {
                self.by_time.remove(pending.delivered, id);
            }
        }
        Some(consumer.pending.len())
    }

    /// How many entries are pending.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// A pending entry.
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// Pending entries from `start` on.
    pub fn pending_from(
        &self,
        start: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        self.pending.from(start)
    }

    /// Pending entries, those delivered longest ago first. The first call takes time in proportion to what is pending.
    pub fn pending_by_time(&mut self) -> impl Iterator<Item = (Millis, StreamId)> {
        let by_time = self.by_time.0.get_or_insert_with(|| {
            let pending = self.pending.from(StreamId::MIN);
            pending.map(|(id, it)| (it.delivered, id)).collect()
        });
        by_time.iter().copied()
    }

    /// How many of them were given back.
    pub fn given_back(&self) -> usize {
        self.given_back
    }

    /// Pending entries of one consumer from `start` on.
    pub fn pending_of(
        &self,
        consumer: ConsumerId,
        start: StreamId,
    ) -> impl Iterator<Item = (StreamId, &Pending)> {
        let ids = self.consumer(consumer).pending.from(start);
        ids.filter_map(|(id, ())| Some((id, self.pending.get(id)?)))
    }

    /// Visits about `count` parts from a place on; returns where to go on.
    pub fn visit_parts(
        &self,
        from: GroupPlace,
        mut count: usize,
        mut visit: impl FnMut(GroupPart<'_>),
    ) -> GroupPlace {
        let mut place = from;
        while count > 0 && place != GroupPlace::End {
            count -= 1;
            place = match place {
                GroupPlace::Start => {
                    visit(GroupPart::PendingCount(self.pending.len()));
                    GroupPlace::Pending(StreamId::MIN)
                }
                GroupPlace::Pending(start) => {
                    let mut pending = self.pending.from(start);
                    let some = pending.by_ref().take(count);
                    some.for_each(|(id, it)| visit(GroupPart::Pending(id, it)));
                    match pending.next() {
                        Some((id, _)) => return GroupPlace::Pending(id),
                        None => GroupPlace::Consumers,
                    }
                }
                GroupPlace::Consumers => {
                    visit(GroupPart::ConsumerCount(self.names.len()));
                    self.next_consumer(Bound::Unbounded)
                }
                GroupPlace::Consumer(number) => {
                    visit(GroupPart::Consumer(self.consumer(number)));
                    GroupPlace::Ids(number, StreamId::MIN)
                }
                GroupPlace::Ids(number, start) => {
                    let consumer = self.consumer(number);
                    let mut ids = consumer.pending.from(start).map(|(id, ())| id);
                    let some = ids.by_ref().take(count);
                    some.for_each(|id| visit(GroupPart::Id(id)));
                    match ids.next() {
                        Some(id) => return GroupPlace::Ids(number, id),
                        None => self.next_consumer(Bound::Excluded(&consumer.name)),
                    }
                }
                GroupPlace::AllGivenBack => {
                    visit(GroupPart::GivenBackCount(self.given_back));
                    match self.given_back {
                        0 => GroupPlace::End,
                        _ => GroupPlace::GivenBack(StreamId::MIN),
                    }
                }
                GroupPlace::GivenBack(start) => {
                    let mut pending = self.pending.from(start);
                    let some = pending.by_ref().take(count);
                    some.filter(|(_, it)| it.consumer.is_none())
                        .for_each(|(id, _)| visit(GroupPart::Id(id)));
                    match pending.next() {
                        Some((id, _)) => return GroupPlace::GivenBack(id),
                        None => GroupPlace::End,
                    }
                }
                GroupPlace::End => GroupPlace::End,
            };
        }
        place
    }

    fn next_consumer(&self, after: Bound<&[u8]>) -> GroupPlace {
        let mut consumers = self.names.range::<[u8], _>((after, Bound::Unbounded));
        match consumers.next() {
            Some((_, number)) => GroupPlace::Consumer(*number),
            None => GroupPlace::AllGivenBack,
        }
    }

    /// Gives an entry to a consumer, or to nobody, whether or not it was pending.
    pub fn assign(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending);
        if let Some(before) = &before {
            self.by_time.remove(before.delivered, id);
        }
        if let Some(by_time) = &mut self.by_time.0 {
            by_time.insert((pending.delivered, id));
        }
        if before.is_some_and(|before| before.consumer == pending.consumer) {
            return;
        }
        if let Some(before) = before {
            self.take_from(before.consumer, id);
        }
        match pending.consumer {
            Some(consumer) => {
                self.consumer_mut(consumer).pending.insert(id, ());
            }
            None => self.given_back += 1,
        }
    }

    /// Confirms an entry: it is not pending any more. Returns whether it was.
    pub fn confirm(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(id) else {
            return false;
        };
        self.by_time.remove(pending.delivered, id);
        self.take_from(pending.consumer, id);
        true
    }

    /// An entry leaves the list of whom it was pending for.
    fn take_from(&mut self, consumer: Option<ConsumerId>, id: StreamId) {
        match consumer {
            Some(consumer) => {
                self.consumer_mut(consumer).pending.remove(id);
            }
            None => self.given_back -= 1,
        }
    }

    /// Asserts the invariant.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let held: usize = self.consumers().map(Consumer::pending_len).sum();
        assert_eq!(held + self.given_back, self.pending.len());
        self.pending.check();
        if let Some(by_time) = &self.by_time.0 {
            let pending = self.pending.from(StreamId::MIN);
            let expected: BTreeSet<_> = pending.map(|(id, it)| (it.delivered, id)).collect();
            assert_eq!(*by_time, expected);
        }
        for (id, pending) in self.pending.from(StreamId::MIN) {
            if let Some(consumer) = pending.consumer {
                assert!(self.consumer(consumer).pending.get(id).is_some());
            }
        }
        self.consumers().for_each(|it| it.pending.check());
        let bytes: usize = self.names.keys().map(|name| size_class(name.len())).sum();
        assert_eq!(2 * bytes, self.names_bytes);
        for (name, id) in &*self.names {
            assert_eq!(*name, self.consumer(*id).name);
        }
    }
}

impl Consumer {
    /// How many entries are pending for it.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }
}
