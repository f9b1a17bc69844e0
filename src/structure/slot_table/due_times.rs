#![expect(
    unsafe_code,
    reason = "the table owns its nodes through tagged pointers"
)]
//! Expiry times of a table: counts, lower bounds, and finding what is due.
//!
//! Setting a time lowers the bounds on its way up, and stops at the first that is low enough: with times that mostly grow
//! that is the bucket's own. Looking for what is due goes down along the bounds; a bucket where nothing more will be due
//! gets the bound that is true, and so do the nodes above.

use std::ptr::NonNull;

use super::{HashKey, LEVELS, Occupied, Path, SlotTable};
use crate::base::cpu;
use crate::structure::directory::{BITS_MAX, Directory};
use crate::structure::due::{DueTree, NEVER};
use crate::structure::segment::{Hinted, Place, Word};

impl<O, H: HashKey> SlotTable<O, H> {
    pub(super) fn count_expiry(&mut self, slot: usize, old: Option<i64>, new: Option<i64>) {
        if old.is_none() && new.is_none() {
            return;
        }
        let (head, group) = (&mut self.heads[slot], &mut self.groups[slot / super::GROUP]);
        if let Some(at) = old {
            self.expires -= 1;
            head.expires -= 1;
            group.expires -= 1;
            self.expiry_sum_s = self.expiry_sum_s.wrapping_sub(at.div_euclid(1000));
        }
        if let Some(at) = new {
            self.expires += 1;
            head.expires += 1;
            group.expires += 1;
            self.expiry_sum_s = self.expiry_sum_s.wrapping_add(at.div_euclid(1000));
        }
    }

    /// Notes that an entry with this hash expires at `at`. May move the entry to another cell.
    #[inline]
    pub(super) fn lower_due(&mut self, slot: usize, hash: u64, at: i64) {
        let leaf = self.leaf(slot, hash);
        let hinted = self
            .segment_mut(leaf)
            .map(|mut segment| segment.lower_hint(hash, at));
        if hinted != Some(Hinted::Covered) {
            self.lower_due_above(slot, hash, at, hinted == Some(Hinted::NeedsHints));
        }
    }

    #[cold]
    fn lower_due_above(&mut self, slot: usize, hash: u64, at: i64, needs_hints: bool) {
        if needs_hints {
            let path = self.path(slot, hash);
            if let Some(segment) = self.segment((path.leaf, path.depth)) {
                let mut volatile = segment.resized(path.leaf.class(), true);
                let hinted = volatile.lower_hint(hash, at);
                debug_assert_ne!(hinted, Hinted::NeedsHints);
                self.put_leaf(slot, &path, volatile.word());
            }
        }
        let path = self.path(slot, hash);
        for &(directory, index) in &path.steps[..path.len] {
            // SAFETY: a live directory of this table, which is borrowed exclusively.
            let mut directory = unsafe { Directory::new(directory) };
            directory.set_due(index, directory.due(index).min(at));
        }
        let slots = self.heads.len();
        let bytes = &mut self.bytes;
        let dues = self.dues.get_or_insert_with(|| {
            let dues = DueTree::new(slots);
            *bytes += dues.bytes();
            Box::new(dues)
        });
        dues.lower(slot, at);
    }

    pub(super) fn set_slot_due(&mut self, slot: usize, due: i64) {
        if let Some(dues) = &mut self.dues {
            dues.set(slot, due);
        }
    }

    /// A lower bound for the earliest expiry time.
    pub fn next_due(&self) -> Option<i64> {
        self.dues
            .as_ref()
            .map(|dues| dues.min())
            .filter(|&due| due != NEVER)
    }

    /// Some entry whose expiry time is at or before `now`. The caller removes it: if it does not, it may not be named
    /// again. Looks at no more than `visits` buckets, and takes off what it has looked at: `None` with visits left means
    /// that nothing is due.
    pub fn due(&mut self, now: i64, visits: &mut usize) -> Option<Occupied<'_, O, H>> {
        while *visits > 0 {
            let slot = self.dues.as_ref()?.find_due(now)?;
            *visits -= 1;
            if let Some((hash, place, entry)) = self.due_in(slot, now) {
                return Some(Occupied {
                    table: self,
                    slot,
                    hash,
                    place,
                    entry,
                });
            }
        }
        None
    }

    /// Looks at one bucket of a slot that may have something due: an entry that is, or else the bounds are raised.
    fn due_in(&mut self, slot: usize, now: i64) -> Option<(u64, Place, NonNull<u8>)> {
        // Down to a segment that may have something due.
        let mut path = Path {
            steps: [(Word::EMPTY, 0); LEVELS],
            len: 0,
            leaf: self.heads[slot].root,
            depth: 0,
        };
        let mut consumed = 0;
        while path.leaf.is_directory() {
            // SAFETY: a live directory of this table, which is borrowed.
            let directory = unsafe { Directory::new(path.leaf) };
            let Some(index) = (0..directory.len()).find(|&at| directory.due(at) <= now) else {
                self.raise_dues(slot, &path, directory.least_due());
                return None;
            };
            path.steps[path.len] = (path.leaf, index);
            path.len += 1;
            path.leaf = directory.child(index);
            path.depth = consumed + path.leaf.depth();
            consumed += BITS_MAX;
        }
        let segment = self.segment((path.leaf, path.depth));
        let home = segment
            .as_ref()
            .and_then(|segment| Some((segment.due_home(now)?, segment)));
        let Some((home, segment)) = home else {
            let due = segment.map_or(NEVER, |segment| segment.due());
            self.raise_dues(slot, &path, due);
            return None;
        };
        // The entries lie anywhere: fetched together they cost one miss, one after the other six.
        segment
            .entries_of(home)
            .for_each(|(_, entry, _)| cpu::prefetch(entry.as_ptr()));
        let (mut first, mut more_due, mut least) = (None, false, NEVER);
        for (place, entry, _) in segment.entries_of(home) {
            match self.entry_at(entry).expiry() {
                Some(at) if at <= now && first.is_none() => first = Some((place, entry)),
                Some(at) if at <= now => more_due = true,
                Some(at) => least = least.min(at),
                None => {}
            }
        }
        if !more_due {
            // All that will be left here is known already: no second visit.
            let mut segment = self.segment_mut((path.leaf, path.depth))?;
            segment.settle(home, least, now);
            let due = segment.due();
            self.raise_dues(slot, &path, due);
        }
        first.map(|(place, entry)| (self.hasher.hash(self.entry_at(entry).key()), place, entry))
    }

    /// Sets the bounds above a node to what follows from its own.
    fn raise_dues(&mut self, slot: usize, path: &Path, due: i64) {
        let mut due = due;
        for &(directory, index) in path.steps[..path.len].iter().rev() {
            // SAFETY: a live directory of this table, which is borrowed exclusively.
            let mut directory = unsafe { Directory::new(directory) };
            directory.set_due(index, due);
            due = directory.least_due();
        }
        self.set_slot_due(slot, due);
    }
}
