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
//! Hashes and keys come from callers. Wrong ones would put entries where they are not found, or panic; an entry is given
//! up only together with the cell that held its address.
//!
//! Not here: what expiry times and tags mean, and who must learn of a change (`keyspace::store`).

mod check;
mod due_times;
mod remains;
mod shape;
#[cfg(test)]
mod tests;
mod walk;

use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

pub use self::remains::TableRemains;
use self::shape::is_sparse;
use super::directory::{BITS_MAX, Directory};
use super::due::{DueTree, NEVER};
use super::entry::{Entry, EntryRef, size_class};
use super::segment::{DEPTH_MAX, Place, Segment, Word};

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

/// What there is of a table however few entries it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Frame {
    /// No table.
    #[default]
    Nothing,
    /// Slots.
    Plain,
    /// Slots, and a time for each: some entry had an expiry time.
    Dated,
}

/// Bytes of a frame for `slots` slots.
pub fn frame_bytes(frame: Frame, slots: usize) -> usize {
    match frame {
        Frame::Nothing => 0,
        Frame::Plain => heads_bytes(slots),
        Frame::Dated => heads_bytes(slots) + DueTree::bytes_of(slots),
    }
}

fn heads_bytes(slots: usize) -> usize {
    size_class(slots * size_of::<Head>()) + size_class(slots.div_ceil(GROUP) * size_of::<Group>())
}

impl<O, H: HashKey> SlotTable<O, H> {
    /// An empty table for `slots` slots, numbered from 0.
    pub fn new(slots: usize, hasher: H) -> SlotTable<O, H> {
        // SAFETY: for a head all zeros mean a null word and zero counts. Not writing them leaves it to the operating
        // system to provide the pages that come to be used.
        let heads = unsafe { Box::<[Head]>::new_zeroed_slice(slots).assume_init() };
        let groups = vec![Group::default(); slots.div_ceil(GROUP)].into_boxed_slice();
        let bytes = heads_bytes(slots);
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

    /// The hash of a key.
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hasher.hash(key)
    }

    /// The hash function.
    pub fn hasher(&self) -> &H {
        &self.hasher
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

    /// What of them does not depend on how many entries there are: see [`frame_bytes`].
    #[inline]
    pub fn frame(&self) -> Frame {
        match self.dues {
            Some(_) => Frame::Dated,
            None => Frame::Plain,
        }
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

    /// First step of fetching ahead of a look-up: the slot.
    #[inline]
    pub fn prefetch_slot(&self, slot: usize) {
        crate::base::cpu::prefetch((&raw const self.heads[slot]).cast());
    }

    /// Second step, when the slot has arrived: the bucket.
    #[inline]
    pub fn prefetch(&self, slot: usize, hash: u64) {
        if let Some(segment) = self.segment(self.leaf(slot, hash)) {
            segment.prefetch(hash);
        }
    }

    /// Third step, when the bucket has arrived: the entry. True if it is elsewhere, and a fourth is wanted.
    #[inline]
    pub fn prefetch_entry(&self, slot: usize, hash: u64) -> bool {
        let segment = self.segment(self.leaf(slot, hash));
        segment.is_some_and(|segment| segment.prefetch_entry(hash))
    }

    /// Fourth step, for the few entries that are not in their bucket.
    #[cold]
    pub fn prefetch_stashed(&self, slot: usize, hash: u64) {
        if let Some(segment) = self.segment(self.leaf(slot, hash)) {
            segment.prefetch_stashed(hash);
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

    // Changing.

    /// Adds an entry whose key is not in the table; `hash` is its key's. With another hash the entry would not be found,
    /// or found where it is not, which panics when it is removed.
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

    fn remove(&mut self, slot: usize, hash: u64, place: Place, entry: NonNull<u8>) -> Entry<O> {
        let leaf = self.leaf(slot, hash);
        let mut segment = self.segment_mut(leaf).expect("the entry is in a segment");
        let is_bucket_empty = segment.remove(place, entry);
        // SAFETY: the address comes from a cell, which was just freed, so this is the only owner.
        let entry: Entry<O> = unsafe { Entry::from_raw(entry) };
        self.bytes -= entry.as_ref().alloc_bytes();
        self.len -= 1;
        self.heads[slot].len -= 1;
        self.groups[slot / GROUP].len -= 1;
        self.count_expiry(slot, entry.as_ref().expiry(), None);
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
}

impl<O, H> Drop for SlotTable<O, H> {
    fn drop(&mut self) {
        drop(self.take_remains());
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

    /// As [`Occupied::edit`], of an edit that leaves the entry where it is, as long as it is, and its expiry time.
    #[inline]
    pub fn edit_in_place<R>(&mut self, edit: impl FnOnce(&mut Entry<O>) -> R) -> R {
        // SAFETY: the cell's address; nobody else uses the entry while the table is borrowed exclusively, and
        // `ManuallyDrop` leaves ownership with the cell.
        let mut entry = ManuallyDrop::new(unsafe { Entry::<O>::from_raw(self.entry) });
        let (expiry, bytes) = (entry.as_ref().expiry(), entry.as_ref().alloc_bytes());
        let result = edit(&mut entry);
        assert_eq!(entry.address(), self.entry, "the entry stays where it is");
        debug_assert_eq!(entry.as_ref().expiry(), expiry);
        debug_assert_eq!(entry.as_ref().alloc_bytes(), bytes);
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

    /// As [`Entry::overwrite`], noting the epoch of the change. Nothing of the table's changes then.
    #[inline]
    pub fn overwrite(&mut self, value: &[u8], epoch: u8) {
        // SAFETY: as in `set_access`; neither overwriting in place nor the epoch moves the entry.
        let mut entry = ManuallyDrop::new(unsafe { Entry::<O>::from_raw(self.entry) });
        entry.overwrite(value);
        entry.set_epoch(epoch);
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
            let segment = table.segment_mut(leaf);
            segment
                .expect("the entry is in a segment")
                .repoint(*place, *old, entry);
            *old = entry;
        }
    }
}
