#![expect(
    unsafe_code,
    reason = "the table owns its entries and nodes through tagged pointers"
)]
//! The index of one database on one shard: entries by slot, and within a slot in hash order.
//!
//! Slots are what moves between shards and nodes, what SCAN and snapshots walk, so each has a table of its own. Most have
//! a hundred keys or so, one may have all of them:
//!
//! ```text
//! heads[slot] --> nothing | segment (buckets) | directory --> segments, directories
//!                 0 keys    up to ~390 keys     more
//! ```
//!
//! A segment grows in steps of a quarter up to 4 KB, then splits in two. What grows is never larger than that, so no
//! insertion waits for more than a few microseconds, and the index of 2 M keys in 16384 slots is filled to 0.8 whatever
//! their number. Removal undoes growth, late enough not to swing.
//!
//! **Order.** Everything is addressed by leading hash bits, so tables iterate in hash order in every state, and a position
//! is a prefix of the hash: a walk can stop anywhere, the table can change in between in any way, and an entry present
//! throughout is met exactly once.
//!
//! **Due times.** Lower bounds of expiry times per bucket, per child of a directory, and per slot in a tree of minima:
//! whatever is due is found by going down, without touching what is not. A bound is raised only when the place is visited
//! and nothing is due there.
//!
//! Invariants
//!   1. An address in a cell came from `Entry::into_raw` and is in one cell only; the table owns it.
//!   2. A word in a head or a directory is of a live node, which the table owns; several names of a segment lie side by
//!      side in one directory.
//!   3. A child of a directory is a directory only if the directory has all its 8 bits.
//!   4. A bound above is no later than the bounds below.
//!
//! Not here: what expiry times and tags mean, and who must learn of a change (`keyspace::store`).

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::directory::{BITS_MAX, Directory};
use super::due::{DueTree, NEVER};
use super::entry::{Entry, EntryRef, size_class};
use super::segment::{
    CLASS_SPLIT, DEPTH_MAX, FILL_SHRUNK, Geometry, Hinted, Place, Segment, Word, class_for,
};
use crate::base::Rng;

/// How keys are hashed: 64 bits, the leading ones for the order of iteration, the last eight to tell entries apart.
pub trait HashKey {
    /// The hash of a key; a pure function.
    fn hash(&self, key: &[u8]) -> u64;
}

/// Leading hash bits that order iteration and make up a cursor.
pub const ORDER_BITS: u32 = 48;

/// Entries by slot, each slot in hash order.
pub struct SlotTable<O, H> {
    heads: Box<[Head]>,
    /// Sums over [`GROUP`] slots, to find full slots without reading all heads.
    groups: Box<[Group]>,
    dues: Option<Box<DueTree>>,
    hasher: H,
    len: usize,
    expires: usize,
    expiry_sum_s: i64,
    bytes: usize,
    owns: PhantomData<Entry<O>>,
}

// SAFETY: the table owns its nodes and entries; sending it sends the `O`s in them.
unsafe impl<O: Send, H: Send> Send for SlotTable<O, H> {}
// SAFETY: through a shared reference nodes and entries are only read.
unsafe impl<O: Sync, H: Sync> Sync for SlotTable<O, H> {}

/// What a slot costs when empty. All zero bytes are an empty slot.
struct Head {
    root: Word,
    len: u32,
    expires: u32,
}

#[derive(Clone, Copy, Default)]
struct Group {
    len: u32,
    expires: u32,
}

/// Slots summed up together.
const GROUP: usize = 64;

/// Levels of directories: `DEPTH_MAX` bits, 8 a level.
const LEVELS: usize = DEPTH_MAX.div_ceil(BITS_MAX) as usize;

/// The way from a slot's head to a segment.
struct Path {
    /// Directories passed, each with the index taken: the first name of what is there.
    steps: [(Word, usize); LEVELS],
    len: usize,
    /// The segment.
    leaf: Word,
    /// All bits that led to it.
    depth: u32,
}

/// A found entry and the right to change it.
pub struct Occupied<'a, O, H> {
    table: &'a mut SlotTable<O, H>,
    slot: usize,
    hash: u64,
    place: Place,
    entry: NonNull<u8>,
}

impl<O, H: HashKey> SlotTable<O, H> {
    /// An empty table for `slots` slots, numbered from 0.
    pub fn new(slots: usize, hasher: H) -> SlotTable<O, H> {
        // SAFETY: for a head all zeros mean a null word and zero counts. Not writing them leaves it to the operating
        // system to provide the pages that come to be used.
        let heads = unsafe { Box::<[Head]>::new_zeroed_slice(slots).assume_init() };
        let groups = vec![Group::default(); slots.div_ceil(GROUP)].into_boxed_slice();
        let bytes = size_class(size_of_val(&*heads)) + size_class(size_of_val(&*groups));
        SlotTable {
            heads,
            groups,
            dues: None,
            hasher,
            len: 0,
            expires: 0,
            expiry_sum_s: 0,
            bytes,
            owns: PhantomData,
        }
    }

    /// Entries in all slots.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries with an expiry time.
    #[inline]
    pub fn expires(&self) -> usize {
        self.expires
    }

    /// Sum of all expiry times in whole seconds, wrapping.
    #[inline]
    pub fn expiry_sum_s(&self) -> i64 {
        self.expiry_sum_s
    }

    /// Entries of one slot.
    pub fn slot_len(&self, slot: usize) -> usize {
        self.heads[slot].len as usize
    }

    /// Bytes of entries and index, by allocation class; not what entries point to.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    // Finding.

    /// The segment a hash leads to, and all bits that led there.
    #[inline]
    fn leaf(&self, slot: usize, hash: u64) -> (Word, u32) {
        let root = self.heads[slot].root;
        if root.is_directory() {
            self.leaf_below(root, hash)
        } else {
            (root, 0)
        }
    }

    fn leaf_below(&self, root: Word, hash: u64) -> (Word, u32) {
        let (mut word, mut consumed) = (root, 0);
        loop {
            // SAFETY: the word is of a live directory of this table, which is borrowed (invariant 2).
            let directory = unsafe { Directory::new(word) };
            word = directory.child(directory.index_of(hash, consumed));
            if !word.is_directory() {
                return (word, consumed + word.depth());
            }
            consumed += BITS_MAX;
        }
    }

    /// A segment of this table to read.
    #[inline]
    fn segment(&self, (word, depth): (Word, u32)) -> Option<Segment<'_>> {
        // SAFETY: words come from `leaf` of this table, which is borrowed for as long (invariant 2).
        unsafe { Segment::new(word, depth) }
    }

    /// A segment of this table to change.
    #[inline]
    fn segment_mut(&mut self, (word, depth): (Word, u32)) -> Option<Segment<'_>> {
        // SAFETY: as in `segment`, and the table is borrowed exclusively.
        unsafe { Segment::new(word, depth) }
    }

    /// An entry of this table.
    #[inline]
    fn entry_at(&self, entry: NonNull<u8>) -> EntryRef<'_, O> {
        // SAFETY: addresses come from cells of this table (invariant 1), which is borrowed for as long.
        unsafe { EntryRef::from_raw(entry) }
    }

    #[inline]
    fn find(&self, slot: usize, hash: u64, key: &[u8]) -> Option<(Place, NonNull<u8>)> {
        let segment = self.segment(self.leaf(slot, hash))?;
        segment.find(hash, |entry| self.entry_at(entry).key() == key)
    }

    /// Prefetches what a look-up reads first.
    #[inline]
    pub fn prefetch(&self, slot: usize, hash: u64) {
        if let Some(segment) = self.segment(self.leaf(slot, hash)) {
            segment.prefetch(hash);
        }
    }

    /// Prefetches the entry, given that the bucket has arrived.
    #[inline]
    pub fn prefetch_entry(&self, slot: usize, hash: u64) {
        if let Some(segment) = self.segment(self.leaf(slot, hash)) {
            segment.prefetch_entry(hash);
        }
    }

    /// Finds an entry.
    #[inline]
    pub fn lookup(&self, slot: usize, hash: u64, key: &[u8]) -> Option<EntryRef<'_, O>> {
        self.find(slot, hash, key)
            .map(|(_, entry)| self.entry_at(entry))
    }

    /// Finds an entry to change it.
    #[inline]
    pub fn lookup_mut(&mut self, slot: usize, hash: u64, key: &[u8]) -> Option<Occupied<'_, O, H>> {
        let (place, entry) = self.find(slot, hash, key)?;
        Some(Occupied {
            table: self,
            slot,
            hash,
            place,
            entry,
        })
    }

    /// The way to the segment that a hash leads to.
    fn path(&self, slot: usize, hash: u64) -> Path {
        let root = self.heads[slot].root;
        let mut path = Path {
            steps: [(Word::EMPTY, 0); LEVELS],
            len: 0,
            leaf: root,
            depth: 0,
        };
        let mut consumed = 0;
        while path.leaf.is_directory() {
            // SAFETY: as in `leaf_below`.
            let directory = unsafe { Directory::new(path.leaf) };
            let (first, _) = directory.names(directory.index_of(hash, consumed));
            path.steps[path.len] = (path.leaf, first);
            path.len += 1;
            path.leaf = directory.child(first);
            path.depth = consumed + path.leaf.depth();
            consumed += BITS_MAX;
        }
        path
    }

    // Adding.

    /// Adds an entry whose key is not in the table; `hash` is its key's.
    pub fn insert(&mut self, slot: usize, hash: u64, entry: Entry<O>) {
        debug_assert!(self.find(slot, hash, entry.as_ref().key()).is_none());
        debug_assert!(self.hasher.hash(entry.as_ref().key()) == hash);
        let expiry = entry.as_ref().expiry();
        self.bytes += entry.as_ref().alloc_bytes();
        self.len += 1;
        self.heads[slot].len += 1;
        self.groups[slot / GROUP].len += 1;
        let entry = entry.into_raw();
        loop {
            let leaf = self.leaf(slot, hash);
            match self.segment_mut(leaf) {
                Some(mut segment) => {
                    if segment.insert(hash, entry) {
                        break;
                    }
                    self.grow(slot, hash);
                }
                None => {
                    let (word, depth) = leaf;
                    let first = Segment::first(depth, word.depth());
                    self.put_leaf(slot, &self.path(slot, hash), first.word());
                }
            }
        }
        if let Some(at) = expiry {
            self.count_expiry(slot, None, expiry);
            self.lower_due(slot, hash, at);
        }
    }

    /// Puts another segment, at the same depth, where a path leads; frees the one that was there. Its entries must be
    /// in the new one.
    fn put_leaf(&mut self, slot: usize, path: &Path, word: Word) {
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
    fn free_segment(&mut self, word: Word, depth: u32) {
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
    fn grow(&mut self, slot: usize, hash: u64) {
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

    // Removing.

    fn remove(&mut self, slot: usize, hash: u64, place: Place, entry: NonNull<u8>) -> Entry<O> {
        // SAFETY: the address comes from a cell, which is freed below, so this is the only owner.
        let entry: Entry<O> = unsafe { Entry::from_raw(entry) };
        self.bytes -= entry.as_ref().alloc_bytes();
        self.len -= 1;
        self.heads[slot].len -= 1;
        self.groups[slot / GROUP].len -= 1;
        self.count_expiry(slot, entry.as_ref().expiry(), None);
        let leaf = self.leaf(slot, hash);
        let is_bucket_empty = self
            .segment_mut(leaf)
            .is_some_and(|mut segment| segment.remove(place));
        let len = self.heads[slot].len as usize;
        let root = self.heads[slot].root;
        if len == 0 {
            self.heads[slot].root = Word::EMPTY;
            self.free_below(root, 0);
            self.set_slot_due(slot, NEVER);
        } else if root.is_directory() {
            // An empty bucket is rare in a well filled segment, and the sign to count one.
            if is_bucket_empty {
                self.shrink(slot, hash);
            }
        } else if root.class() > 0 && is_sparse(len, root) {
            self.shrink_to(slot, &self.path(slot, hash), len);
        }
        entry
    }

    /// Gives a segment the size its entries need, if that is less.
    fn shrink_to(&mut self, slot: usize, path: &Path, len: usize) {
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
    fn shrink(&mut self, slot: usize, hash: u64) {
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

    /// Frees a node taken out of the table and all below it, without entries: there are none any more.
    fn free_below(&mut self, word: Word, consumed: u32) {
        self.take_down(word, consumed, &mut |_| {});
    }

    /// Frees a node taken out of the table and all below it, handing each entry to `take`.
    fn take_down(&mut self, word: Word, consumed: u32, take: &mut impl FnMut(NonNull<u8>)) {
        if !word.is_directory() {
            let depth = consumed + word.depth();
            if let Some(segment) = self.segment((word, depth)) {
                segment.entries().for_each(&mut *take);
            }
            return self.free_segment(word, depth);
        }
        let mut at = 0;
        loop {
            // SAFETY: a live directory that nothing names any more but this word.
            let directory = unsafe { Directory::new(word) };
            if at >= directory.len() {
                break;
            }
            let (_, names) = directory.names(at);
            let child = directory.child(at);
            let below = if child.is_directory() {
                consumed + BITS_MAX
            } else {
                consumed
            };
            self.take_down(child, below, take);
            at += names;
        }
        self.free_directory(word);
    }

    // Expiry times.

    fn count_expiry(&mut self, slot: usize, old: Option<i64>, new: Option<i64>) {
        if old.is_none() && new.is_none() {
            return;
        }
        let (head, group) = (&mut self.heads[slot], &mut self.groups[slot / GROUP]);
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
    fn lower_due(&mut self, slot: usize, hash: u64, at: i64) {
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

    fn set_slot_due(&mut self, slot: usize, due: i64) {
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

    // Walking.

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

    // Sampling.

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
        let at = rng.index(self.len);
        let slot = self.slot_of_nth(at, |group| group.len, |head| head.len)?;
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

    /// Checks every invariant; panics if one is broken.
    pub fn check(&self) {
        let (mut len, mut expires, mut sum) = (0, 0, 0_i64);
        let mut bytes =
            size_class(size_of_val(&*self.heads)) + size_class(size_of_val(&*self.groups));
        bytes += self.dues.as_ref().map_or(0, |dues| dues.bytes());
        let mut groups = vec![Group::default(); self.groups.len()];
        for (slot, head) in self.heads.iter().enumerate() {
            let mut tally = Tally::default();
            let due = self.check_below(head.root, 0, 0, &mut tally);
            assert_eq!(
                (head.len as usize, head.expires as usize),
                (tally.len, tally.expires)
            );
            assert!(
                head.len > 0 || head.root == Word::EMPTY,
                "an empty slot has no nodes"
            );
            let bound = self.dues.as_ref().map_or(NEVER, |dues| dues.get(slot));
            assert!(bound <= due, "slot bound {bound} after {due}");
            groups[slot / GROUP].len += head.len;
            groups[slot / GROUP].expires += head.expires;
            len += tally.len;
            expires += tally.expires;
            sum = sum.wrapping_add(tally.expiry_sum_s);
            bytes += tally.bytes;
        }
        for (group, counted) in self.groups.iter().zip(&groups) {
            assert_eq!((group.len, group.expires), (counted.len, counted.expires));
        }
        assert_eq!(
            (self.len, self.expires, self.expiry_sum_s),
            (len, expires, sum)
        );
        assert_eq!(self.bytes, bytes);
    }

    /// Checks a node and all below; returns its bound.
    fn check_below(&self, word: Word, consumed: u32, path: u64, tally: &mut Tally) -> i64 {
        if word.is_directory() {
            // SAFETY: a live directory of this table, which is borrowed.
            let directory = unsafe { Directory::new(word) };
            tally.bytes += Directory::bytes(directory.bits());
            let mut at = 0;
            while at < directory.len() {
                let child = directory.child(at);
                let (first, names) = directory.names(at);
                assert_eq!(first, at, "names lie side by side");
                let path = path | (at as u64) << (64 - consumed - directory.bits());
                let below = if child.is_directory() {
                    assert_eq!(directory.bits(), BITS_MAX);
                    consumed + BITS_MAX
                } else {
                    consumed
                };
                let due = self.check_below(child, below, path, tally);
                assert!(
                    directory.due(at) <= due,
                    "child bound {} after {due}",
                    directory.due(at)
                );
                for other in at + 1..at + names {
                    assert!(directory.child(other) == child && directory.due(other) == NEVER);
                }
                at += names;
            }
            return directory.least_due();
        }
        let Some(segment) = self.segment((word, consumed + word.depth())) else {
            return NEVER;
        };
        tally.bytes += segment.geometry().bytes();
        for entry in segment.entries().map(|entry| self.entry_at(entry)) {
            tally.len += 1;
            tally.bytes += entry.alloc_bytes();
            if let Some(at) = entry.expiry() {
                tally.expires += 1;
                tally.expiry_sum_s = tally.expiry_sum_s.wrapping_add(at.div_euclid(1000));
            }
        }
        let look = |entry| {
            let entry = self.entry_at(entry);
            (self.hasher.hash(entry.key()), entry.expiry())
        };
        segment.check(look, path);
        segment.due()
    }
}

#[derive(Default)]
struct Tally {
    len: usize,
    expires: usize,
    expiry_sum_s: i64,
    bytes: usize,
}

/// Few enough entries to be worth a smaller segment. Well below what `class_for` fills one to, so that sizes do not
/// swing.
fn is_sparse(len: usize, word: Word) -> bool {
    len * 10 < Geometry::of(word.class(), word.is_volatile()).capacity() * 4
}

impl<O, H> Drop for SlotTable<O, H> {
    fn drop(&mut self) {
        for slot in 0..self.heads.len() {
            let root = std::mem::replace(&mut self.heads[slot].root, Word::EMPTY);
            drop_below::<O>(root, 0);
        }
    }
}

/// Frees a node and all below, entries included. For `Drop`, which knows nothing of the hasher and counts nothing.
fn drop_below<O>(word: Word, consumed: u32) {
    if word.is_directory() {
        // SAFETY: the table is being dropped: this word is the only way to the directory.
        let directory = unsafe { Directory::new(word) };
        let mut at = 0;
        while at < directory.len() {
            let child = directory.child(at);
            let below = if child.is_directory() {
                consumed + BITS_MAX
            } else {
                consumed
            };
            drop_below::<O>(child, below);
            at += directory.names(at).1;
        }
        // SAFETY: as above; its children are gone.
        unsafe { directory.free() };
        return;
    }
    // SAFETY: the table is being dropped: this word is the only way to the segment, its cells the only way to entries.
    unsafe {
        if let Some(segment) = Segment::new(word, consumed + word.depth()) {
            segment
                .entries()
                .for_each(|entry| drop(Entry::<O>::from_raw(entry)));
            segment.free();
        }
    }
}

impl<'a, O, H: HashKey> Occupied<'a, O, H> {
    /// Reads the entry.
    #[inline]
    pub fn as_ref(&self) -> EntryRef<'_, O> {
        self.table.entry_at(self.entry)
    }

    /// Reads the entry for as long as the table is borrowed.
    #[inline]
    pub fn into_ref(self) -> EntryRef<'a, O> {
        let table: &'a SlotTable<O, H> = self.table;
        table.entry_at(self.entry)
    }

    /// The table, for its counts.
    #[inline]
    pub fn table(&self) -> &SlotTable<O, H> {
        self.table
    }

    /// Changes the entry; cell, counts, bounds and bytes follow. Its key must stay.
    #[inline]
    pub fn edit<R>(&mut self, edit: impl FnOnce(&mut Entry<O>) -> R) -> R {
        let (old, old_bytes) = (self.as_ref().expiry(), self.as_ref().alloc_bytes());
        // Writes the entry's address back however `edit` ends, as it may have moved.
        let mut lent = Lent {
            // SAFETY: the cell's address; the table gives it up until `lent` is dropped and the cell written.
            entry: ManuallyDrop::new(unsafe { Entry::from_raw(self.entry) }),
            occupied: self,
        };
        let result = edit(&mut lent.entry);
        drop(lent);
        let (new, new_bytes) = (self.as_ref().expiry(), self.as_ref().alloc_bytes());
        self.table.bytes = self.table.bytes + new_bytes - old_bytes;
        if old != new {
            self.move_expiry(old, new);
        }
        result
    }

    fn move_expiry(&mut self, old: Option<i64>, new: Option<i64>) {
        self.table.count_expiry(self.slot, old, new);
        let Some(at) = new else { return };
        self.table.lower_due(self.slot, self.hash, at);
        // Getting hints may have moved the cell.
        let entry = self.entry;
        let leaf = self.table.leaf(self.slot, self.hash);
        let segment = self.table.segment(leaf);
        if let Some((place, _)) =
            segment.and_then(|segment| segment.find(self.hash, |at| at == entry))
        {
            self.place = place;
        }
    }

    /// Sets the access bits.
    #[inline]
    pub fn set_access(&mut self, access: u32) {
        // SAFETY: the cell's address; nobody else uses the entry while the table is borrowed exclusively, and
        // `ManuallyDrop` leaves ownership with the cell. Access bits do not move the entry.
        let mut entry = ManuallyDrop::new(unsafe { Entry::<O>::from_raw(self.entry) });
        entry.set_access(access);
    }

    /// Takes the entry out of the table.
    pub fn remove(self) -> (Entry<O>, &'a SlotTable<O, H>) {
        let entry = self
            .table
            .remove(self.slot, self.hash, self.place, self.entry);
        (entry, self.table)
    }
}

/// An entry lent out of its cell.
struct Lent<'l, 'a, O, H: HashKey> {
    entry: ManuallyDrop<Entry<O>>,
    occupied: &'l mut Occupied<'a, O, H>,
}

impl<O, H: HashKey> Drop for Lent<'_, '_, O, H> {
    #[inline]
    fn drop(&mut self) {
        let entry = self.entry.address();
        let Occupied {
            table,
            slot,
            hash,
            place,
            entry: old,
        } = &mut *self.occupied;
        if *old != entry {
            let leaf = table.leaf(*slot, *hash);
            if let Some(mut segment) = table.segment_mut(leaf) {
                segment.repoint(*place, entry);
            }
            *old = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::structure::Body;

    /// Ways of hashing that put tables under different strain.
    #[derive(Clone, Copy, Debug)]
    enum Hashing {
        /// As it should be.
        Mixed,
        /// The leading 30 bits are the same for all: directories six levels of bits deep before anything differs.
        DeepPrefix,
        /// Two values: nothing tells entries apart.
        Constant,
        /// Leading bits all different, the rest equal.
        Dense,
        /// A tenth of the keys mixed, the others share the leading 12 bits.
        Skewed,
    }

    const ALL: [Hashing; 5] = [
        Hashing::Mixed,
        Hashing::DeepPrefix,
        Hashing::Constant,
        Hashing::Dense,
        Hashing::Skewed,
    ];

    impl HashKey for Hashing {
        fn hash(&self, key: &[u8]) -> u64 {
            let number = key.iter().fold(7_u64, |hash, &byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
            });
            let mixed = (number ^ (number >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = mixed ^ (mixed >> 32);
            match self {
                Hashing::Mixed => mixed,
                Hashing::DeepPrefix => 0x5555_5555 << 32 | mixed >> 32,
                Hashing::Constant => {
                    if mixed & 1 == 0 {
                        5
                    } else {
                        u64::MAX
                    }
                }
                Hashing::Dense => mixed << 44,
                Hashing::Skewed if mixed.is_multiple_of(10) => mixed,
                Hashing::Skewed => 0xabc << 52 | mixed >> 12,
            }
        }
    }

    type Table = SlotTable<String, Hashing>;

    const SLOTS: usize = 70;

    /// A walk in progress: what it has met, and what was there when it began and has been ever since.
    struct Walk {
        at: Option<(usize, u64)>,
        met: BTreeMap<Vec<u8>, u32>,
        stable: BTreeMap<Vec<u8>, ()>,
    }

    struct Model {
        table: Table,
        hashing: Hashing,
        entries: BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>,
        walk: Walk,
    }

    impl Model {
        fn new(hashing: Hashing) -> Model {
            let walk = Walk {
                at: None,
                met: BTreeMap::new(),
                stable: BTreeMap::new(),
            };
            Model {
                table: Table::new(SLOTS, hashing),
                hashing,
                entries: BTreeMap::new(),
                walk,
            }
        }

        /// Few slots in use, the first of them by most keys.
        fn locate(&self, key: &[u8]) -> (usize, u64) {
            let last = usize::from(*key.last().unwrap_or(&0));
            (
                if last < 200 { 3 } else { last % SLOTS },
                self.hashing.hash(key),
            )
        }

        fn set(&mut self, key: &[u8], value: &[u8], expiry: Option<i64>) {
            let (slot, hash) = self.locate(key);
            match self.table.lookup_mut(slot, hash, key) {
                Some(mut found) => {
                    found.edit(|entry| drop(entry.replace(0, false, expiry, Body::Bytes(value))));
                    assert_eq!(found.as_ref().key(), key);
                }
                None => {
                    self.table.insert(
                        slot,
                        hash,
                        Entry::new(key, 0, false, expiry, Body::Bytes(value)),
                    );
                }
            }
            self.entries.insert(key.to_vec(), (value.to_vec(), expiry));
        }

        fn remove(&mut self, key: &[u8]) {
            let (slot, hash) = self.locate(key);
            let found = self.table.lookup_mut(slot, hash, key);
            assert_eq!(found.is_some(), self.entries.contains_key(key));
            if let Some(found) = found {
                assert_eq!(found.remove().0.as_ref().key(), key);
            }
            self.entries.remove(key);
            self.walk.stable.remove(key);
        }

        fn expire(&mut self, now: i64) {
            loop {
                let mut visits = 1_000_000;
                let Some(found) = self.table.due(now, &mut visits) else {
                    assert!(visits > 0, "bounds are raised where nothing is due");
                    break;
                };
                let key = found.as_ref().key().to_vec();
                assert!(found.as_ref().expiry().is_some_and(|at| at <= now));
                found.remove();
                assert!(self.entries.remove(&key).is_some());
                self.walk.stable.remove(&key);
            }
            assert!(
                self.entries
                    .values()
                    .all(|(_, expiry)| expiry.is_none_or(|at| at > now))
            );
            assert!(self.table.next_due().is_none_or(|due| due > now));
        }

        /// Some positions of a walk; at its end, whether it met each stable element once and none twice.
        fn walk(&mut self, positions: usize) {
            for _ in 0..positions {
                let Some((slot, prefix)) = self.walk.at else {
                    let stable = self.entries.keys().map(|key| (key.clone(), ())).collect();
                    self.walk = Walk {
                        at: Some((0, 0)),
                        met: BTreeMap::new(),
                        stable,
                    };
                    continue;
                };
                let met = &mut self.walk.met;
                let next = self.table.scan_step(slot, prefix, |entry| {
                    *met.entry(entry.key().to_vec()).or_default() += 1;
                });
                let at = match next {
                    Some(prefix) => Some((slot, prefix)),
                    None => self.table.next_slot(slot + 1).map(|slot| (slot, 0)),
                };
                self.walk.at = at;
                if at.is_none() {
                    for key in self.walk.stable.keys() {
                        assert_eq!(self.walk.met.get(key), Some(&1), "{:?}", self.hashing);
                    }
                }
            }
        }

        fn check(&self) {
            self.table.check();
            assert_eq!(self.table.len(), self.entries.len());
            let volatile = self
                .entries
                .values()
                .filter(|(_, expiry)| expiry.is_some())
                .count();
            assert_eq!(self.table.expires(), volatile);
            for (key, (value, expiry)) in &self.entries {
                let (slot, hash) = self.locate(key);
                let entry = self.table.lookup(slot, hash, key).expect("it was inserted");
                assert_eq!(entry.expiry(), *expiry);
                assert!(
                    matches!(entry.body(), crate::structure::BodyRef::Bytes(bytes) if bytes == value)
                );
            }
            let mut rng = Rng::new(self.entries.len() as u64);
            assert_eq!(
                self.table.random(&mut rng).is_some(),
                !self.entries.is_empty()
            );
            let found = self.table.random_volatile(&mut rng);
            assert_eq!(found.is_some(), volatile > 0);
            assert!(found.is_none_or(|entry| entry.expiry().is_some()));
        }
    }

    #[test]
    fn behaves_like_a_map_while_it_grows_and_shrinks_and_is_walked() {
        for (i, hashing) in ALL.into_iter().enumerate() {
            for volatile in [false, true] {
                run(hashing, volatile, i as u64);
            }
        }
    }

    fn run(hashing: Hashing, volatile: bool, seed: u64) {
        let mut model = Model::new(hashing);
        let mut rng = Rng::new(seed);
        let rounds = if cfg!(miri) { 300 } else { 18_000 };
        let keys = match hashing {
            Hashing::Constant => 800,
            _ => 6_000,
        };
        let mut now = 1_700_000_000_000;
        for round in 0..rounds {
            // Grows for a third of the time, shrinks to little, grows again.
            let shrinking = round * 3 / rounds == 1;
            let key = format!("{}", rng.below(keys)).into_bytes();
            let chance = rng.below(100);
            if chance < if shrinking { 20 } else { 75 } {
                let value = vec![b'v'; rng.index(40)];
                let expiry = (volatile && rng.chance(1, 2)).then(|| match rng.below(10) {
                    0 => i64::MAX - rng.below(10) as i64,
                    1 => now + (100 << 32) + rng.below(1 << 40) as i64,
                    _ => now + rng.below(20_000) as i64 + 1,
                });
                model.set(&key, &value, expiry);
            } else if chance < 90 {
                model.remove(&key);
                if shrinking {
                    // Mostly what is there.
                    let present = model
                        .entries
                        .range(key..)
                        .next()
                        .map(|(key, _)| key.clone());
                    if let Some(key) = present {
                        model.remove(&key);
                    }
                }
            } else if chance < 93 && volatile {
                now += rng.below(100) as i64;
                model.expire(now);
            } else {
                model.walk(20);
            }
            if round % (rounds / 15) == 0 {
                model.check();
            }
        }
        model.check();
        now += 1 << 40;
        model.expire(now);
        model.check();
        for key in model.entries.keys().cloned().collect::<Vec<_>>() {
            model.remove(&key);
        }
        model.check();
        assert!(
            model
                .table
                .heads
                .iter()
                .all(|head| head.root == Word::EMPTY)
        );
    }

    #[test]
    fn any_prefix_is_a_valid_place_to_go_on() {
        for hashing in ALL {
            let mut model = Model::new(hashing);
            let count = if cfg!(miri) { 60 } else { 3000 };
            for i in 0..count.min(if matches!(hashing, Hashing::Constant) {
                500
            } else {
                count
            }) {
                model.set(format!("{i}").as_bytes(), b"v", None);
            }
            let mut rng = Rng::new(9);
            for _ in 0..if cfg!(miri) { 3 } else { 100 } {
                let from = rng.next_u64() >> (64 - ORDER_BITS) >> rng.below(48);
                let (mut met, mut next) = (0, Some(from));
                while let Some(prefix) = next {
                    next = model.table.scan_step(3, prefix, |_| met += 1);
                    assert!(next.is_none_or(|next| next > prefix), "a walk goes forward");
                }
                let keys = model.entries.keys().filter(|key| {
                    let (slot, hash) = model.locate(key);
                    slot == 3 && hash >> (64 - ORDER_BITS) >= from
                });
                assert_eq!(met, keys.count(), "{hashing:?} from {from:x}");
            }
        }
    }

    #[test]
    fn small_slots_are_well_filled_at_any_size() {
        let slots = 64;
        for per_slot in if cfg!(miri) {
            vec![100]
        } else {
            (40..420).step_by(3).collect()
        } {
            let mut table = Table::new(slots, Hashing::Mixed);
            let before = table.bytes();
            for i in 0..slots * per_slot {
                let key = format!("{i:016}").into_bytes();
                let hash = Hashing::Mixed.hash(&key);
                table.insert(
                    i % slots,
                    hash,
                    Entry::new(&key, 0, false, None, Body::Bytes(&[0; 32])),
                );
            }
            let index = (table.bytes() - before) as f64 / (slots * per_slot) as f64 - 64.0;
            // 8 bytes a pointer, 64/7 a cell.
            assert!(index < 13.5, "{per_slot}: {index}");
            if per_slot % 10 == 0 {
                table.check();
            }
        }
    }

    #[test]
    fn random_entries_are_about_equally_likely() {
        if cfg!(miri) {
            return;
        }
        for keys in [50, 2000_u32] {
            let mut model = Model::new(Hashing::Mixed);
            for i in 0..keys {
                model.set(format!("{i}").as_bytes(), b"v", Some(1 + i64::from(i)));
            }
            let mut counts: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
            let mut rng = Rng::new(3);
            for _ in 0..keys * 100 {
                let entry = model.table.random(&mut rng).unwrap();
                *counts.entry(entry.key().to_vec()).or_default() += 1;
            }
            let low = counts.values().filter(|&&count| count < 40).count();
            let high = counts.values().filter(|&&count| count > 250).count();
            assert!(low + high < keys as usize / 50 + 1, "{low} {high}");
        }
    }
}
