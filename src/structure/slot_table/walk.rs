#![expect(
    unsafe_code,
    reason = "the table owns its nodes and entries through tagged pointers"
)]
//! Walks in (slot, hash) order, and random samples.
//!
//! A walk names a position by a prefix of the hash; where its bucket ends is the next position. The sizes of tables decide
//! how far a step goes, never what comes before what: after growth a step may end sooner, after shrinkage the bucket holds
//! entries from before the position, which are left out.

use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::{GROUP, Group, HashKey, Head, ORDER_BITS, SlotTable};
use crate::base::Rng;
use crate::structure::directory::{BITS_MAX, Directory};
use crate::structure::due::NEVER;
use crate::structure::entry::{Entry, EntryRef};
use crate::structure::segment::Word;

/// Entries asked for before the first of them is visited.
const AHEAD: usize = 16;
/// Entries of one position that are fetched ahead without an allocation: more than a bucket and what it spills has.
const STEP_ENTRIES: usize = 24;

impl<O, H: HashKey> SlotTable<O, H> {
    /// Visits the entries at the first position at or after `from`, a prefix of [`ORDER_BITS`] hash bits, and returns
    /// the prefix to go on with, or `None` at the end of the slot. A position may turn out to be empty.
    pub fn scan_step<'a>(
        &'a self,
        slot: usize,
        from: u64,
        mut visit: impl FnMut(EntryRef<'a, O>),
    ) -> Option<u64> {
        let from = from & ((1 << ORDER_BITS) - 1);
        let leaf = self.leaf(slot, from << (64 - ORDER_BITS));
        let next = match self.segment(leaf) {
            None => ((from >> (ORDER_BITS - leaf.1)) + 1) << (ORDER_BITS - leaf.1),
            Some(segment) => {
                let home = segment.home_of_prefix(from);
                for (_, entry, bits) in segment.entries_of(home) {
                    // SAFETY: an address from a cell of this table, which is borrowed for `'a`.
                    let entry = unsafe { EntryRef::from_raw(entry) };
                    let is_ahead = segment.is_at_or_after(bits, from).unwrap_or_else(|| {
                        self.hasher.hash(entry.key()) >> (64 - ORDER_BITS) >= from
                    });
                    if is_ahead {
                        visit(entry);
                    }
                }
                segment.prefix_after(home, from)
            }
        };
        (next < 1 << ORDER_BITS).then_some(next)
    }

    /// As [`SlotTable::scan_step`], of the entries that are not of this epoch; they are afterwards.
    pub fn stamp_step(
        &mut self,
        slot: usize,
        from: u64,
        epoch: u8,
        mut visit: impl FnMut(EntryRef<'_, O>),
    ) -> Option<u64> {
        let from = from & ((1 << ORDER_BITS) - 1);
        let leaf = self.leaf(slot, from << (64 - ORDER_BITS));
        let Some(segment) = self.segment(leaf) else {
            let next = ((from >> (ORDER_BITS - leaf.1)) + 1) << (ORDER_BITS - leaf.1);
            return (next < 1 << ORDER_BITS).then_some(next);
        };
        let home = segment.home_of_prefix(from);
        let next = segment.prefix_after(home, from);
        let mut found: [Option<NonNull<u8>>; STEP_ENTRIES] = [None; STEP_ENTRIES];
        let mut more = Vec::new();
        for (nth, (_, entry, bits)) in segment.entries_of(home).enumerate() {
            // SAFETY: an address from a cell of this table, which is borrowed.
            let entry_ref = unsafe { EntryRef::<O>::from_raw(entry) };
            entry_ref.prefetch();
            let is_ahead = segment
                .is_at_or_after(bits, from)
                .unwrap_or_else(|| self.hasher.hash(entry_ref.key()) >> (64 - ORDER_BITS) >= from);
            if is_ahead {
                match found.get_mut(nth) {
                    Some(place) => *place = Some(entry),
                    None => more.push(entry),
                }
            }
        }
        for entry in found.into_iter().flatten().chain(more) {
            // SAFETY: as above; nothing was removed since.
            let entry_ref = unsafe { EntryRef::<O>::from_raw(entry) };
            if entry_ref.epoch() == epoch {
                continue;
            }
            visit(entry_ref);
            // SAFETY: the cell's address; nobody else uses the entry while the table is borrowed exclusively, and
            // `ManuallyDrop` leaves ownership with the cell. The epoch does not move the entry.
            let mut owned = ManuallyDrop::new(unsafe { Entry::<O>::from_raw(entry) });
            owned.set_epoch(epoch);
        }
        (next < 1 << ORDER_BITS).then_some(next)
    }

    /// Visits all entries of a slot in hash order, until `visit` says `false`.
    pub fn each_of<'a>(&'a self, slot: usize, mut visit: impl FnMut(EntryRef<'a, O>) -> bool) {
        // Entries are all over the memory: they are asked for some way before they are visited.
        let mut ahead = VecDeque::with_capacity(AHEAD);
        let (mut from, mut goes_on) = (Some(0), true);
        while let (Some(prefix), true) = (from, goes_on) {
            from = self.scan_step(slot, prefix, |entry: EntryRef<'a, O>| {
                entry.prefetch();
                if ahead.len() == AHEAD
                    && let Some(first) = ahead.pop_front()
                {
                    goes_on = goes_on && visit(first);
                }
                ahead.push_back(entry);
            });
        }
        while goes_on && let Some(first) = ahead.pop_front() {
            goes_on = visit(first);
        }
    }

    /// Visits entries of a slot from a cursor on, about `count`. Returns the cursor to go on with, 0 at the end. An
    /// entry that is there throughout a walk is met once.
    pub fn walk<'a>(
        &'a self,
        slot: usize,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(EntryRef<'a, O>),
    ) -> u64 {
        if cursor >= 1 << ORDER_BITS {
            return 0;
        }
        let (mut cursor, mut seen) = (cursor, 0);
        loop {
            let next = self.scan_step(slot, cursor, |entry| {
                seen += 1;
                visit(entry);
            });
            match next {
                None => return 0,
                Some(next) if seen >= count => return next,
                Some(next) => cursor = next,
            }
        }
    }

    /// The first slot with entries, at or after `slot`.
    pub fn next_slot(&self, slot: usize) -> Option<usize> {
        let mut at = slot;
        while at < self.heads.len() {
            if self.groups[at / GROUP].len == 0 {
                at = (at / GROUP + 1) * GROUP;
                continue;
            }
            let end = ((at / GROUP + 1) * GROUP).min(self.heads.len());
            match (at..end).find(|&at| self.heads[at].len != 0) {
                Some(found) => return Some(found),
                None => at = end,
            }
        }
        None
    }

    /// The slot of the `at`-th of all things that `count` counts.
    fn slot_of_nth(
        &self,
        at: usize,
        in_group: impl Fn(&Group) -> u32,
        in_head: impl Fn(&Head) -> u32,
    ) -> Option<usize> {
        let mut at = at;
        for (i, group) in self.groups.iter().enumerate() {
            let count = in_group(group) as usize;
            if at >= count {
                at -= count;
                continue;
            }
            for (j, head) in self.heads[i * GROUP..].iter().take(GROUP).enumerate() {
                let count = in_head(head) as usize;
                if at < count {
                    return Some(i * GROUP + j);
                }
                at -= count;
            }
        }
        None
    }

    /// Some entry, each about equally likely.
    pub fn random(&self, rng: &mut Rng) -> Option<EntryRef<'_, O>> {
        if self.len == 0 {
            return None;
        }
        let slot = match self.heads.len() {
            1 => 0,
            _ => self.slot_of_nth(rng.index(self.len), |group| group.len, |head| head.len)?,
        };
        // Cells of buckets at random until one is in use: at the usual fill the first or second.
        for _ in 0..256 {
            let segment = self.segment(self.leaf(slot, rng.next_u64()));
            if let Some(entry) = segment.and_then(|segment| segment.pick(rng.next_u64())) {
                return Some(self.entry_at(entry));
            }
        }
        // Nearly all of it is empty: the next entry after some position.
        let mut found = None;
        let start = rng.next_u64() >> (64 - ORDER_BITS);
        for start in [start, 0] {
            let mut from = Some(start);
            while let (Some(prefix), None) = (from, found) {
                from = self.scan_step(slot, prefix, |entry| found = Some(entry));
            }
        }
        found
    }

    /// Some entry with an expiry time, each about equally likely.
    pub fn random_volatile(&self, rng: &mut Rng) -> Option<EntryRef<'_, O>> {
        if self.expires == 0 {
            return None;
        }
        let at = rng.index(self.expires);
        let slot = self.slot_of_nth(at, |group| group.expires, |head| head.expires)?;
        self.volatile_below(self.heads[slot].root, 0, rng)
    }

    /// An entry with an expiry time below a node: hints say which places have none, the first of the others in a random
    /// rotation is taken.
    fn volatile_below(&self, word: Word, consumed: u32, rng: &mut Rng) -> Option<EntryRef<'_, O>> {
        if word.is_directory() {
            // SAFETY: a live directory of this table, which is borrowed.
            let directory = unsafe { Directory::new(word) };
            let start = rng.index(directory.len());
            let (start, _) = directory.names(start);
            return (0..directory.len())
                .map(|i| (start + i) % directory.len())
                .filter(|&at| directory.due(at) != NEVER)
                .find_map(|at| {
                    let child = directory.child(at);
                    let below = if child.is_directory() {
                        consumed + BITS_MAX
                    } else {
                        consumed
                    };
                    self.volatile_below(child, below, rng)
                });
        }
        let segment = self.segment((word, consumed + word.depth()))?;
        let homes = segment.geometry().home;
        let start = rng.index(homes as usize) as u32;
        for home in (0..homes).map(|i| (start + i) % homes) {
            if segment.due_of(home) == NEVER {
                continue;
            }
            let mut chosen = None;
            let mut seen = 0;
            for (_, entry, _) in segment.entries_of(home) {
                let entry = self.entry_at(entry);
                if entry.expiry().is_some() {
                    seen += 1;
                    if rng.chance(1, seen) {
                        chosen = Some(entry);
                    }
                }
            }
            if chosen.is_some() {
                return chosen;
            }
        }
        None
    }
}
