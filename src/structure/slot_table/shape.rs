#![expect(
    unsafe_code,
    reason = "the table owns its nodes through tagged pointers"
)]
//! How a slot grows and shrinks: segments of the next size, splits, joins, and the directories above them.
//!
//! One insertion or removal does one step, on one segment and its names. Every step leaves the order of entries as it is;
//! bounds of expiry times move along with what they are bounds of.

use super::{HashKey, Path, SlotTable};
use crate::structure::directory::{BITS_MAX, Directory};
use crate::structure::due::NEVER;
use crate::structure::segment::{
    CLASS_SPLIT, DEPTH_MAX, FILL_SHRUNK, Geometry, Segment, Word, class_for,
};

impl<O, H: HashKey> SlotTable<O, H> {
    /// Puts another segment, at the same depth, where a path leads; frees the one that was there. Its entries must be
    /// in the new one.
    pub(super) fn put_leaf(&mut self, slot: usize, path: &Path, word: Word) {
        debug_assert_eq!(path.leaf.depth(), word.depth());
        self.count_segment(word, true);
        match path.len.checked_sub(1) {
            None => self.heads[slot].root = word,
            Some(last) => {
                let (directory, first) = path.steps[last];
                // SAFETY: a live directory of this table, which is borrowed exclusively.
                let mut directory = unsafe { Directory::new(directory) };
                let due = directory.due(first);
                directory.set_names(first, word);
                directory.set_due(first, due);
            }
        }
        self.free_segment(path.leaf, path.depth);
    }

    fn count_segment(&mut self, word: Word, is_new: bool) {
        if word.is_empty() {
            return;
        }
        let bytes = Geometry::of(word.class(), word.is_volatile()).bytes();
        self.bytes = if is_new {
            self.bytes + bytes
        } else {
            self.bytes - bytes
        };
    }

    /// Frees a segment that no head or directory names any more, without its entries.
    pub(super) fn free_segment(&mut self, word: Word, depth: u32) {
        self.count_segment(word, false);
        if let Some(segment) = self.segment_mut((word, depth)) {
            // SAFETY: callers have taken its word out of the table, and keep no copy in use.
            unsafe { segment.free() };
        }
    }

    fn free_directory(&mut self, word: Word) {
        self.bytes -= Directory::bytes(word.depth());
        // SAFETY: callers have taken its word out of the table, and keep no copy in use.
        unsafe { Directory::new(word).free() };
    }

    /// Puts a node where the first `level` steps of a path lead.
    fn put_word(&mut self, slot: usize, path: &Path, level: usize, word: Word) {
        match level.checked_sub(1) {
            None => self.heads[slot].root = word,
            Some(above) => {
                let (directory, first) = path.steps[above];
                // SAFETY: a live directory of this table, which is borrowed exclusively.
                unsafe { Directory::new(directory) }.set_child(first, word);
            }
        }
    }

    /// Makes room in the segment that a hash leads to.
    #[cold]
    pub(super) fn grow(&mut self, slot: usize, hash: u64) {
        let path = self.path(slot, hash);
        let class = path.leaf.class();
        if class == CLASS_SPLIT && path.depth < DEPTH_MAX {
            return self.split(slot, &path, hash);
        }
        let Some(segment) = self.segment((path.leaf, path.depth)) else {
            return;
        };
        // Hints are dropped with the last volatile entry known.
        let volatile = segment.due() != NEVER;
        let word = segment.resized(class + 1, volatile).word();
        self.put_leaf(slot, &path, word);
    }

    /// Splits a segment in two, one level deeper, and gives both their names.
    fn split(&mut self, slot: usize, path: &Path, hash: u64) {
        let Some(segment) = self.segment((path.leaf, path.depth)) else {
            return;
        };
        let local_depth = path.leaf.depth();
        let new_directory = path.len == 0 || local_depth == BITS_MAX;
        let half_depth = if new_directory { 1 } else { local_depth + 1 };
        let hash_of = |entry| self.hasher.hash(self.entry_at(entry).key());
        let halves = segment.split(half_depth, hash_of).map(|half| match half {
            Some(half) => (half.word(), half.due()),
            None => (Word::empty(half_depth), NEVER),
        });
        halves
            .iter()
            .for_each(|&(word, _)| self.count_segment(word, true));
        // The directory to name them in, and the first name of both.
        let (mut directory, first) = if new_directory {
            let directory = Directory::allocate(1);
            self.bytes += Directory::bytes(1);
            self.put_word(slot, path, path.len, directory.word());
            (directory, 0)
        } else {
            let level = path.len - 1;
            let (word, first) = path.steps[level];
            // SAFETY: a live directory of this table, which is borrowed exclusively.
            let directory = unsafe { Directory::new(word) };
            if local_depth < directory.bits() {
                (directory, first)
            } else {
                let double = directory.doubled();
                self.bytes += Directory::bytes(double.bits());
                self.put_word(slot, path, level, double.word());
                self.free_directory(word);
                (double, 2 * first)
            }
        };
        let names = 1 << (directory.bits() - half_depth);
        for (side, (word, due)) in halves.into_iter().enumerate() {
            directory.set_names(first + side * names, word);
            directory.set_due(first + side * names, due);
        }
        debug_assert!(
            new_directory
                || directory.index_of(hash, 8 * (path.len as u32 - 1)) / (2 * names)
                    == first / (2 * names)
        );
        self.free_segment(path.leaf, path.depth);
    }

    /// Gives a segment the size its entries need, if that is less.
    pub(super) fn shrink_to(&mut self, slot: usize, path: &Path, len: usize) {
        let Some(segment) = self.segment((path.leaf, path.depth)) else {
            return;
        };
        let volatile = segment.due() != NEVER;
        let class = class_for(len, volatile, FILL_SHRUNK);
        if class < path.leaf.class() {
            let word = segment.resized(class, volatile).word();
            self.put_leaf(slot, path, word);
        }
    }

    /// Makes a segment of a large slot smaller, or joins it with its other half, if it has few entries.
    #[cold]
    pub(super) fn shrink(&mut self, slot: usize, hash: u64) {
        let path = self.path(slot, hash);
        let Some(segment) = self.segment((path.leaf, path.depth)) else {
            return;
        };
        let len = segment.len();
        if !is_sparse(len, path.leaf) {
            return;
        }
        if len == 0 {
            self.put_leaf(slot, &path, Word::empty(path.leaf.depth()));
        } else {
            self.shrink_to(slot, &path, len);
        }
        while self.join(slot, hash) {}
    }

    /// Joins the segment that a hash leads to with its other half, if both together leave room to grow; true if the
    /// result may be joined again.
    fn join(&mut self, slot: usize, hash: u64) -> bool {
        let path = self.path(slot, hash);
        let Some(level) = path.len.checked_sub(1) else {
            return false;
        };
        let (directory_word, first) = path.steps[level];
        let local_depth = path.leaf.depth();
        if local_depth == 0 {
            return false;
        }
        // SAFETY: a live directory of this table, which is borrowed exclusively.
        let mut directory = unsafe { Directory::new(directory_word) };
        let names = 1 << (directory.bits() - local_depth);
        let left = first & !names;
        let words = [directory.child(left), directory.child(left + names)];
        if words
            .iter()
            .any(|word| word.is_directory() || word.depth() != local_depth)
        {
            return false;
        }
        let halves = words.map(|word| self.segment((word, path.depth)));
        let len: usize = halves.iter().flatten().map(Segment::len).sum();
        let volatile = halves
            .iter()
            .flatten()
            .any(|half| half.word().is_volatile());
        if len * 2 > Geometry::of(CLASS_SPLIT, volatile).capacity() {
            return false;
        }
        let word = if len == 0 {
            Word::empty(local_depth - 1)
        } else {
            let halves = [halves[0].as_ref(), halves[1].as_ref()];
            let class = class_for(len, volatile, FILL_SHRUNK);
            Segment::joined(halves, hash, path.depth - 1, local_depth - 1, class).word()
        };
        self.count_segment(word, true);
        let due = directory.due(left).min(directory.due(left + names));
        directory.set_names(left, word);
        directory.set_due(left, due);
        words
            .into_iter()
            .for_each(|word| self.free_segment(word, path.depth));
        self.contract(slot, &path, level);
        true
    }

    /// Halves a directory as often as its segments allow; one with a single segment is replaced by that.
    fn contract(&mut self, slot: usize, path: &Path, level: usize) {
        let (word, _) = path.steps[level];
        // SAFETY: a live directory of this table, which is borrowed exclusively.
        let mut directory = unsafe { Directory::new(word) };
        let mut is_original = true;
        while let Some(half) = directory.halved() {
            self.bytes += Directory::bytes(half.bits());
            if !is_original {
                self.free_directory(directory.word());
            }
            is_original = false;
            directory = half;
        }
        let only = directory.child(0);
        if !only.is_directory() && only.depth() == 0 {
            // Above, the segment takes the place of a child with all bits, or of the root.
            let depth = if level == 0 { 0 } else { BITS_MAX };
            self.put_word(slot, path, level, only.at_depth(depth));
            if !is_original {
                self.free_directory(directory.word());
            }
            self.free_directory(word);
        } else if !is_original {
            self.put_word(slot, path, level, directory.word());
            self.free_directory(word);
        }
    }

    /// Frees a node taken out of the table and all below it. There are no entries any more.
    pub(super) fn free_below(&mut self, word: Word, consumed: u32) {
        if !word.is_directory() {
            return self.free_segment(word, consumed + word.depth());
        }
        let mut at = 0;
        loop {
            // SAFETY: a live directory that nothing names any more but this word.
            let directory = unsafe { Directory::new(word) };
            if at >= directory.len() {
                break;
            }
            let child = directory.child(at);
            let below = if child.is_directory() {
                consumed + BITS_MAX
            } else {
                consumed
            };
            at += directory.names(at).1;
            self.free_below(child, below);
        }
        self.free_directory(word);
    }
}

/// Few enough entries to be worth a smaller segment. Well below what `class_for` fills one to, so that sizes do not
/// swing.
pub(super) fn is_sparse(len: usize, word: Word) -> bool {
    len * 10 < Geometry::of(word.class(), word.is_volatile()).capacity() * 4
}
