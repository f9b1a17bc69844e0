//! The entries of a stream, in order of their ids.
//!
//! Entries lie together in nodes (`node.rs`), and an ordered map has the nodes by the id they began with. Adding touches
//! the last node only; a look-up is one in the map and a walk over the entries of one node.
//!
//! What was added and deleted in all is counted, so that a group that knows how many entries it has read also knows how
//! many are left.

use std::collections::BTreeMap;
use std::collections::btree_map;

use super::id::StreamId;
use super::node::{Entry, Node, Place, Walk};
use super::walk::LogWalk;
use crate::types::walk::Walking;

/// Entries in order of their ids.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub(super) nodes: BTreeMap<StreamId, Node>,
    pub(super) walk: Walking<LogWalk>,
    /// Bytes of the nodes' listpacks.
    nodes_bytes: usize,
    len: u64,
    last_id: StreamId,
    first_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

/// When a new node is begun.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    /// The last one has this many bytes; 0 for no such limit.
    pub bytes: u64,
    /// The last one has this many entries, deleted ones included; 0 for no such limit.
    pub entries: u64,
}

/// The id that an entry is to get.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NewId {
    /// After the last one, from the time in milliseconds.
    Auto(u64),
    /// In this millisecond.
    AutoSeq(u64),
    /// Exactly this.
    Exact(StreamId),
}

/// What of a stream is to stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// So many of the newest entries.
    Newest(u64),
    /// Entries from this id on.
    From(StreamId),
}

/// How a stream is trimmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Trim {
    /// What is to stay.
    pub keep: Keep,
    /// Remove whole nodes only.
    pub approximate: bool,
    /// Remove at most so many entries; 0 for no such limit.
    pub limit: u64,
}

/// Bytes of fields and values that an entry may have in all, and a node.
pub const ENTRY_BYTES_MAX: usize = 1 << 30;

/// What a node costs in the map besides its listpack: key and value, in tree nodes that are half full.
const NODE_BYTES: usize = 2 * (size_of::<StreamId>() + size_of::<Node>());

impl Log {
    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The last id given, whether or not its entry is still there.
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The id of the first entry; the least id if there is none.
    pub fn first_id(&self) -> StreamId {
        self.first_id
    }

    /// The greatest id that was deleted other than by trimming.
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// How many entries were ever added.
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// How many nodes there are.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes with their ids, in order.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = (StreamId, &Node)> {
        self.nodes.iter().map(|(id, node)| (*id, node))
    }

    /// Bytes on the heap, about. O(1).
    pub fn memory(&self) -> usize {
        self.nodes_bytes + self.nodes.len() * NODE_BYTES
    }

    /// The id that an entry added now would get; `None` if it would not be greater than the last one.
    pub fn new_id(&self, wanted: NewId) -> Option<StreamId> {
        let last = self.last_id;
        let id = match wanted {
            NewId::Exact(id) => id,
            NewId::Auto(now) if now > last.ms => StreamId::new(now, 0),
            NewId::Auto(_) => last.next()?,
            NewId::AutoSeq(ms) if ms == last.ms => StreamId::new(ms, last.seq.checked_add(1)?),
            NewId::AutoSeq(ms) => StreamId::new(ms, 0),
        };
        (id > last).then_some(id)
    }

    /// Adds an entry: names and values in turn. `id` comes from [`Log::new_id`]; all of it stays within
    /// [`ENTRY_BYTES_MAX`].
    pub fn append<'f>(
        &mut self,
        id: StreamId,
        pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone,
        limits: NodeLimits,
    ) {
        debug_assert!(id > self.last_id, "ids ascend");
        let bytes = pairs.clone().map(<[u8]>::len).sum();
        if self.walk.0.is_some() {
            if let Some((&last, _)) = self.nodes.last_key_value() {
                self.note(last);
            }
            self.note(id);
        }
        match self.nodes.last_entry() {
            Some(mut last) if has_room(last.get(), bytes, limits) => {
                let master = *last.key();
                let node = last.get_mut();
                self.nodes_bytes -= node.memory();
                node.push(master, id, pairs);
                self.nodes_bytes += node.memory();
            }
            _ => {
                let mut node = Node::new(Names(pairs.clone()));
                node.push(id, id, pairs);
                self.nodes_bytes += node.memory();
                self.nodes.insert(id, node);
            }
        }
        self.len += 1;
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        if self.len == 1 {
            self.first_id = id;
        }
    }

    /// Entries from `start` to `end`, both included.
    pub fn range(&self, start: StreamId, end: StreamId) -> Range<'_> {
        self.range_towards(start, end, false)
    }

    /// Entries from `end` down to `start`, both included.
    pub fn range_back(&self, start: StreamId, end: StreamId) -> Range<'_> {
        self.range_towards(start, end, true)
    }

    fn range_towards(&self, start: StreamId, end: StreamId, backward: bool) -> Range<'_> {
        // The first entry may lie in the node that began before it.
        let before = self.nodes.range(..=start).next_back();
        let low = before.map_or(start, |(id, _)| *id).min(end);
        Range {
            nodes: self.nodes.range(low..=end),
            walk: None,
            start,
            end,
            backward,
        }
    }

    /// The entry with this id.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let (master, node) = self.nodes.range(..=id).next_back()?;
        let mut walk = node.walk(*master);
        while let Some(entry) = walk.next() {
            if entry.id >= id {
                return (entry.id == id).then_some(entry);
            }
        }
        None
    }

    /// Whether there is an entry with this id.
    pub fn contains(&self, id: StreamId) -> bool {
        self.get(id).is_some()
    }

    /// The id of the last entry that is there.
    pub fn last_entry_id(&self) -> Option<StreamId> {
        let mut all = self.range_back(StreamId::MIN, StreamId::MAX);
        all.next().map(|entry| entry.id)
    }

    /// Deletes an entry. Returns whether it was there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(entry) = self.get(id) else {
            return false;
        };
        let place = entry.place();
        let Some((&master, _)) = self.nodes.range(..=id).next_back() else {
            return false;
        };
        self.note(master);
        let Some(node) = self.nodes.get_mut(&master) else {
            return false;
        };
        self.nodes_bytes -= node.memory();
        if node.live() == 1 {
            self.nodes.remove(&master);
        } else {
            node.delete(&[place]);
            self.nodes_bytes += node.memory();
        }
        self.len -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        if id == self.first_id || self.len == 0 {
            self.find_first();
        }
        true
    }

    /// Removes the oldest entries. Returns how many. `may_go` is asked for each entry; `None` lets all go, which takes
    /// whole nodes at once.
    pub fn trim(
        &mut self,
        trim: Trim,
        mut may_go: Option<&mut dyn FnMut(StreamId) -> bool>,
    ) -> u64 {
        let mut removed = 0;
        let mut from = StreamId::MIN;
        while let Some((&master, node)) = self.nodes.range(from..).next() {
            if matches!(trim.keep, Keep::Newest(max) if self.len <= max) {
                break;
            }
            let live = node.live();
            if trim.limit != 0 && removed + live > trim.limit {
                break;
            }
            let whole = match trim.keep {
                Keep::Newest(max) => self.len - live >= max,
                Keep::From(min) => node.last_id(master) < min,
            };
            match (whole, &mut may_go) {
                (true, None) => {
                    self.nodes_bytes -= node.memory();
                    self.note(master);
                    self.nodes.remove(&master);
                    self.len -= live;
                    removed += live;
                    continue;
                }
                (false, _) if trim.approximate => break,
                (_, may_go) => {
                    let may_go = may_go.as_deref_mut();
                    removed += self.trim_node(master, trim.keep, may_go);
                    if !whole {
                        break;
                    }
                }
            }
            match master.next() {
                Some(next) => from = next,
                None => break,
            }
        }
        if removed != 0 {
            self.find_first();
        }
        removed
    }

    /// Deletes the oldest entries of a node; the node as well if none is left.
    fn trim_node(
        &mut self,
        master: StreamId,
        keep: Keep,
        mut may_go: Option<&mut (dyn FnMut(StreamId) -> bool + '_)>,
    ) -> u64 {
        self.note(master);
        let Some(node) = self.nodes.get_mut(&master) else {
            return 0;
        };
        let mut doomed: Vec<Place> = Vec::new();
        let mut walk = node.walk(master);
        while let Some(entry) = walk.next() {
            let done = match keep {
                Keep::Newest(max) => self.len - doomed.len() as u64 <= max,
                Keep::From(min) => entry.id >= min,
            };
            if done {
                break;
            }
            if may_go.as_mut().is_none_or(|may_go| may_go(entry.id)) {
                doomed.push(entry.place());
            }
        }
        let count = doomed.len() as u64;
        self.nodes_bytes -= node.memory();
        if count == node.live() {
            self.nodes.remove(&master);
        } else {
            node.delete(&doomed);
            self.nodes_bytes += node.memory();
        }
        self.len -= count;
        count
    }

    /// A node is about to change, if a walk is interested.
    #[inline]
    fn note(&mut self, node: StreamId) {
        if let Some(walk) = &mut self.walk.0 {
            walk.note(node, &self.nodes);
        }
    }

    fn find_first(&mut self) {
        let first = self.range(StreamId::MIN, StreamId::MAX).next();
        self.first_id = first.map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Sets what is otherwise counted. Nothing is checked.
    pub fn set_ids(&mut self, last: StreamId, added: Option<u64>, max_deleted: Option<StreamId>) {
        self.last_id = last;
        if let Some(added) = added {
            self.entries_added = added;
        }
        if let Some(id) = max_deleted {
            self.max_deleted_id = id;
        }
    }

    /// Adds a node behind the others, from a file. `false`, and nothing changed, if its entries are not in order.
    pub fn push_node(&mut self, id: StreamId, node: Node) -> bool {
        let mut last = self
            .nodes
            .last_key_value()
            .map(|(id, node)| node.last_id(*id));
        let mut walk = node.walk(id);
        while let Some(entry) = walk.next() {
            if entry.id < id || last.is_some_and(|last| entry.id <= last) {
                return false;
            }
            last = Some(entry.id);
        }
        self.len += node.live();
        self.nodes_bytes += node.memory();
        self.nodes.insert(id, node);
        self.find_first();
        true
    }

    /// Whether an entry was deleted, other than by trimming, at `start` or later.
    pub fn has_tombstone_from(&self, start: StreamId) -> bool {
        self.len != 0
            && self.max_deleted_id != StreamId::MIN
            && self.first_id <= self.max_deleted_id
            && start <= self.max_deleted_id
    }

    /// How many entries were ever added up to this id, it included, if that can be told.
    pub fn distance_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if (self.len == 0 && id < self.last_id) || id == self.last_id {
            return Some(self.entries_added);
        }
        if id > self.last_id {
            return None;
        }
        let intact = self.max_deleted_id == StreamId::MIN || self.max_deleted_id < self.first_id;
        let before = self.entries_added.wrapping_sub(self.len);
        match id.cmp(&self.first_id) {
            std::cmp::Ordering::Less if intact => Some(before),
            std::cmp::Ordering::Equal if intact => Some(before.wrapping_add(1)),
            _ => None,
        }
    }

    /// Asserts that what is counted is right.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut last = None;
        let (mut len, mut bytes) = (0, 0);
        for (&master, node) in &self.nodes {
            let pack = super::super::Listpack::from_bytes(node.as_bytes().to_vec());
            assert!(Node::from_listpack(pack.expect("a listpack")).is_some());
            let mut walk = node.walk(master);
            let mut live = 0;
            while let Some(entry) = walk.next() {
                assert!(last < Some(entry.id) && entry.id >= master);
                last = Some(entry.id);
                live += 1;
            }
            assert_eq!(live, node.live());
            assert!(live > 0, "a node without entries is removed");
            len += live;
            bytes += node.memory();
        }
        assert_eq!((len, bytes), (self.len, self.nodes_bytes));
        let first = self.range(StreamId::MIN, StreamId::MAX).next();
        assert_eq!(self.first_id, first.map_or(StreamId::MIN, |entry| entry.id));
        assert!(last.unwrap_or_default() <= self.last_id);
    }
}

fn has_room(last: &Node, bytes: usize, limits: NodeLimits) -> bool {
    let max = match usize::try_from(limits.bytes) {
        Ok(max @ 1..ENTRY_BYTES_MAX) => max,
        _ => ENTRY_BYTES_MAX,
    };
    let fits = last.as_bytes().len().saturating_add(bytes) < max;
    fits && (limits.entries == 0 || last.live() + last.deleted() < limits.entries)
}

/// Every other element: the names of names and values.
struct Names<I>(I);

impl<I: ExactSizeIterator> Iterator for Names<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let name = self.0.next()?;
        self.0.next();
        Some(name)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.0.len() / 2;
        (len, Some(len))
    }
}

impl<I: ExactSizeIterator> ExactSizeIterator for Names<I> {}

/// Entries between two ids.
pub struct Range<'a> {
    nodes: btree_map::Range<'a, StreamId, Node>,
    walk: Option<Walk<'a>>,
    start: StreamId,
    end: StreamId,
    backward: bool,
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let Some(walk) = &mut self.walk else {
                let (&id, node) = match self.backward {
                    false => self.nodes.next(),
                    true => self.nodes.next_back(),
                }?;
                self.walk = Some(node.walk(id));
                continue;
            };
            let found = match self.backward {
                false => walk.next(),
                true => walk.next_back(),
            };
            match found {
                None => self.walk = None,
                Some(entry) if entry.id < self.start => {
                    if self.backward {
                        return None;
                    }
                }
                Some(entry) if entry.id > self.end => {
                    if !self.backward {
                        return None;
                    }
                }
                found => return found,
            }
        }
    }
}
