//! Streams: a log of entries, and groups of consumers that read it.
//!
//! `log.rs` has the entries, `group.rs` what a group knows, `producers.rs` what producers have sent; none knows the
//! others. Here is what concerns several.

mod group;
mod id;
mod ids;
mod log;
mod node;
mod producers;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeMap;

pub use group::{Consumer, ConsumerId, Group, GroupPart, GroupPlace, Pending};
pub use id::{IdText, StreamId};
pub use log::{ENTRY_BYTES_MAX, Keep, Log, NewId, NodeLimits, Range, Trim};
pub use node::{Entry, Node, Pairs};
pub use producers::{Memory, Producers};
pub use walk::Part;

use super::pieces::{self, items_part};
use crate::structure::size_class;

/// A stream.
#[derive(Debug, Default)]
pub struct Stream {
    log: Log,
    groups: BTreeMap<Box<[u8]>, Group>,
    /// Bytes of the groups and their names.
    groups_bytes: usize,
    producers: Option<Box<Producers>>,
}

impl Clone for Stream {
    fn clone(&self) -> Stream {
        // A copy of a group may take less than the original.
        let groups = self.groups.iter();
        let copied = groups.map(|(name, group)| {
            let copied = group.memory_of_copy();
            GROUP_BYTES + size_class(name.len()) + copied
        });
        Stream {
            groups_bytes: copied.sum(),
            log: self.log.clone(),
            groups: self.groups.clone(),
            producers: self.producers.clone(),
        }
    }
}

/// What becomes of entries that groups still refer to when they are deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum References {
    /// They go; what is pending stays pending.
    #[default]
    Keep,
    /// They go, and are not pending any more.
    Delete,
    /// They stay until all groups have read and confirmed them.
    Respect,
}

/// What became of an entry that was to be deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deletion {
    /// It was not there.
    Absent,
    /// It is gone.
    Deleted,
    /// It stays, as a group still needs it.
    Referenced,
}

/// Nodes, and items of groups and producers, that are freed in one piece.
const NODES_A_PIECE: usize = 32;
const ITEMS_A_PIECE: usize = 128;

/// What a group costs in the map, besides what it has itself.
const GROUP_BYTES: usize = (size_of::<Group>() + size_of::<Box<[u8]>>()) * 3 / 2;

impl Stream {
    /// An empty one.
    pub fn new() -> Stream {
        Stream::default()
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.log.len() as usize
    }

    /// Whether there is none. A stream without entries still is one.
    pub fn is_empty(&self) -> bool {
        self.log.is_empty()
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// Bytes on the heap, about, its own box among them. O(1).
    pub fn memory(&self) -> usize {
        let producers = self.producers.as_ref().map_or(0, |it| it.memory());
        size_class(size_of::<Stream>()) + self.log.memory() + self.groups_bytes + producers
    }

    /// Allocations to free, about.
    pub fn effort(&self) -> usize {
        // The groups of one stream are few.
        let groups = self.groups.values().map(Group::effort);
        let producers = self.producers.as_ref().map_or(0, |it| it.effort());
        self.log.node_count() + groups.sum::<usize>() + producers
    }

    /// What has to be freed, in pieces.
    pub(super) fn into_parts(self) -> Vec<pieces::Part> {
        let mut parts = vec![items_part::<NODES_A_PIECE>(self.log.nodes.into_iter())];
        let groups = self.groups.into_values().flat_map(Group::into_items);
        parts.push(items_part::<ITEMS_A_PIECE>(groups));
        if let Some(producers) = self.producers {
            parts.push(items_part::<ITEMS_A_PIECE>(producers.into_items()));
        }
        parts
    }

    /// The entries.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The entries, to add some. To remove some there are functions here, which mind the groups.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.log
    }

    /// What producers have sent, if any of them named what it sent.
    pub fn producers(&self) -> Option<&Producers> {
        self.producers.as_deref()
    }

    /// What producers have sent; it is remembered from now on, as `memory` says if that is new.
    pub fn producers_mut(&mut self, memory: Memory) -> &mut Producers {
        let producers = &mut self.producers;
        producers.get_or_insert_with(|| Box::new(Producers::new(memory)))
    }

    /// Takes over what producers have sent.
    pub fn set_producers(&mut self, producers: Producers) {
        self.producers = Some(Box::new(producers));
    }

    /// A group by name.
    pub fn group(&self, name: &[u8]) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The groups in order of their names.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.groups.iter().map(|(name, group)| (&name[..], group))
    }

    /// Adds a group; `false` if there is one of that name.
    pub fn create_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.groups.contains_key(name) {
            return false;
        }
        self.groups_bytes += GROUP_BYTES + size_class(name.len()) + group.memory();
        self.groups.insert(name.into(), group);
        true
    }

    /// Removes a group; `false` if there is none of that name.
    pub fn destroy_group(&mut self, name: &[u8]) -> bool {
        let Some(group) = self.groups.remove(name) else {
            return false;
        };
        self.groups_bytes -= GROUP_BYTES + size_class(name.len()) + group.memory();
        true
    }

    /// Changes a group, with the entries at hand. `None` if there is none of that name.
    pub fn with_group<R>(
        &mut self,
        name: &[u8],
        change: impl FnOnce(&Log, &mut Group) -> R,
    ) -> Option<R> {
        let group = self.groups.get_mut(name)?;
        let before = group.memory();
        let result = change(&self.log, group);
        self.groups_bytes = self.groups_bytes - before + group.memory();
        Some(result)
    }

    /// How many entries a group has still to read, if that can be told.
    pub fn lag(&self, group: &Group) -> Option<i64> {
        let log = &self.log;
        if log.entries_added() == 0 {
            return Some(0);
        }
        let read = match group.entries_read {
            Some(read) if !log.has_tombstone_from(group.last_id) => read,
            _ => log.distance_to(group.last_id)?,
        };
        Some(log.entries_added().wrapping_sub(read) as i64)
    }

    /// Deletes an entry.
    pub fn delete(&mut self, id: StreamId, references: References) -> Deletion {
        if references == References::Respect && self.is_referenced(id) {
            return match self.log.contains(id) {
                true => Deletion::Referenced,
                false => Deletion::Absent,
            };
        }
        if !self.log.delete(id) {
            return Deletion::Absent;
        }
        if references == References::Delete {
            self.forget_pending(id);
        }
        Deletion::Deleted
    }

    /// Removes the oldest entries. Returns how many.
    pub fn trim(&mut self, trim: Trim, references: References) -> u64 {
        if references == References::Keep || self.groups.is_empty() {
            return self.log.trim(trim, None);
        }
        let groups = &mut self.groups;
        let bytes = &mut self.groups_bytes;
        match references {
            References::Respect => self.trim_acked(trim).0,
            References::Delete | References::Keep => {
                let mut may_go = |id| {
                    confirm_everywhere(groups, bytes, id);
                    true
                };
                self.log.trim(trim, Some(&mut may_go))
            }
        }
    }

    /// Removes the oldest entries that no group has yet to read or to confirm. Returns how many, and the last of them if
    /// there are groups.
    pub fn trim_acked(&mut self, trim: Trim) -> (u64, Option<StreamId>) {
        if self.groups.is_empty() {
            return (self.log.trim(trim, None), None);
        }
        let groups = &self.groups;
        let mut last = None;
        let mut may_go = |id| {
            let may = !groups.values().any(|group| needs(group, id));
            if may {
                last = Some(id);
            }
            may
        };
        (self.log.trim(trim, Some(&mut may_go)), last)
    }

    /// Whether a group has yet to read an entry, or to confirm it.
    pub fn is_referenced(&self, id: StreamId) -> bool {
        self.groups.values().any(|group| needs(group, id))
    }

    /// In no group is the entry pending any more.
    pub fn forget_pending(&mut self, id: StreamId) {
        confirm_everywhere(&mut self.groups, &mut self.groups_bytes, id);
    }

    /// Asserts that what is counted is right.
    #[cfg(test)]
    fn check(&self) {
        self.log.check();
        if let Some(producers) = &self.producers {
            producers.check();
        }
        let mut bytes = 0;
        for (name, group) in &self.groups {
            group.check();
            bytes += GROUP_BYTES + size_class(name.len()) + group.memory();
        }
        assert_eq!(bytes, self.groups_bytes);
    }
}

fn needs(group: &Group, id: StreamId) -> bool {
    group.last_id < id || group.pending(id).is_some()
}

fn confirm_everywhere(groups: &mut BTreeMap<Box<[u8]>, Group>, bytes: &mut usize, id: StreamId) {
    for group in groups.values_mut() {
        let before = group.memory();
        group.confirm(id);
        *bytes = *bytes - before + group.memory();
    }
}
