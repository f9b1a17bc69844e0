#![expect(
    unsafe_code,
    reason = "a segment is one allocation of buckets and hints, known by a tagged pointer"
)]
//! A run of buckets: the table of a small slot, or a leaf of a large one.
//!
//! ```text
//! | home 0 | home 1 | .. | home n-1 | stash 0 | .. | stash s-1 | [ hints: base i64, n times u32 ] |
//! ```
//!
//! An entry's home follows from the hash bits after those that led to this segment, multiplied out: position `x` of
//! 2^16 belongs to home `x * n >> 16`. That is monotone for any `n`, so homes are in hash order and a table may grow in
//! steps of a quarter instead of doubling; with one eighth of stash it is filled to 0.87 before it has to. An entry
//! whose home is full lies in the stash, in the bucket of its neighbourhood if it can; `spilled` in the home says that
//! one does, and in a stash bucket that a neighbour's did not fit either.
//!
//! **Hints** exist where an entry has an expiry time: per home a lower bound of its entries' times, in milliseconds
//! after `base`.
//!
//! **The word.** All that is known of a segment sits in the pointer to it, so a look-up reads no header:
//!
//! ```text
//! 63    58 57   54 53        52    48 47                         1 0
//! |      | depth | volatile | class | address (64-byte aligned)  | directory |
//! ```
//!
//! A cell keeps 16 hash bits. Which ones follows from the depth, the number of bits that led here: they begin at the
//! multiple of six at or before it. So a split, which moves one bit from "where in the segment" to "which segment", keeps
//! the cells as they are five times of six; then too few bits would be left to spread entries over homes, and keys are
//! hashed again.
//!
//! Invariants
//!   1. Every entry is in its home or in the stash; in the stash only if its home is marked spilled.
//!   2. An entry in another stash bucket than its home's marks that bucket as spilled.
//!   3. `base + hint` of its home is no later than an entry's expiry time, unless it is a time that has passed.
//!   4. Hash bits before `depth` are the same for all entries.

mod geometry;
mod hints;
mod rebuild;
mod word;

use std::alloc::{alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

pub(super) use self::geometry::{CLASS_MAX, CLASS_SPLIT, FILL_SHRUNK, Geometry, class_for};
pub(super) use self::hints::Hinted;
use self::hints::NO_HINT;
pub(super) use self::word::Word;
use super::bucket::{Bucket, CELLS, Cell};

/// Cells begin at hash bits that are multiples of this. At most five of their bits are used up by depth, so eleven are
/// left, 32 positions a home.
const WINDOW_STEP: u32 = 6;

/// Deepest segments. Their cells' bits end at 46, so 48 bits of order suffice.
pub(super) const DEPTH_MAX: u32 = 35;

/// First hash bit in the cells of a segment.
#[inline]
const fn window_at(depth: u32) -> u32 {
    depth - depth % WINDOW_STEP
}

/// A cell's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    bucket: u32,
    cell: u32,
}

/// Eight bits of the hash that never say where an entry is: the last ones.
#[inline]
fn tag_of(hash: u64) -> u8 {
    hash as u8
}

/// An entry on its way into a segment.
#[derive(Clone, Copy)]
struct Item {
    cell: Cell,
    tag: u8,
}

/// A segment in use, borrowed from its table.
pub(super) struct Segment<'t> {
    lines: NonNull<Bucket>,
    word: Word,
    geometry: &'static Geometry,
    /// All hash bits that led here, those of directories above included.
    depth: u32,
    borrows: PhantomData<&'t mut Bucket>,
}

impl<'t> Segment<'t> {
    /// # Safety
    /// `word` is that of a live segment that nobody frees during `'t`; nobody else changes it then, nor reads it if
    /// this handle is used to change it.
    #[inline]
    pub(super) unsafe fn new(word: Word, depth: u32) -> Option<Segment<'t>> {
        debug_assert!(!word.is_directory());
        let lines = NonNull::new(word.address().cast::<Bucket>())?;
        Some(Segment {
            lines,
            word,
            geometry: word.geometry(),
            depth,
            borrows: PhantomData,
        })
    }

    /// A new segment without entries; whoever keeps its word owes a `free`.
    fn allocate(class: u8, volatile: bool, depth: u32, local_depth: u32) -> Segment<'t> {
        let geometry = Geometry::of(class, volatile);
        let layout = geometry.layout();
        // SAFETY: the layout has at least one line.
        let lines = unsafe { alloc(layout) }.cast::<Bucket>();
        let Some(lines) = NonNull::new(lines) else {
            handle_alloc_error(layout)
        };
        for at in 0..geometry.buckets() {
            // SAFETY: inside the allocation just made, aligned by its layout.
            unsafe { lines.add(at).write(Bucket::EMPTY) };
        }
        let word = Word::segment(lines.as_ptr().cast(), class, volatile, local_depth);
        let mut segment = Segment {
            lines,
            word,
            geometry,
            depth,
            borrows: PhantomData,
        };
        if geometry.has_hints() {
            let base = segment.hint_base();
            // SAFETY: hints follow the buckets, inside the allocation by the geometry, aligned as lines are.
            unsafe {
                base.write(0);
                let first = base.add(1).cast::<u32>();
                for home in 0..geometry.home as usize {
                    first.add(home).write(NO_HINT);
                }
            }
        }
        debug_assert!(
            segment
                .hints_mut()
                .is_none_or(|(_, hints)| hints.len() == geometry.home as usize)
        );
        segment
    }

    /// A new segment with room for one bucket of entries.
    pub(super) fn first(depth: u32, local_depth: u32) -> Segment<'t> {
        Segment::allocate(0, false, depth, local_depth)
    }

    /// Frees the segment's memory, not its entries.
    ///
    /// # Safety
    /// Nobody uses the segment or another copy of its word afterwards.
    pub(super) unsafe fn free(self) {
        // SAFETY: allocated with the same geometry's layout; the caller's duty.
        unsafe { dealloc(self.lines.as_ptr().cast(), self.geometry.layout()) }
    }

    #[inline]
    pub(super) fn word(&self) -> Word {
        self.word
    }

    pub(super) fn geometry(&self) -> &'static Geometry {
        self.geometry
    }

    #[inline]
    fn bucket(&self, at: u32) -> &Bucket {
        debug_assert!(at < self.geometry.home + self.geometry.stash);
        // SAFETY: all callers stay within the geometry; buckets are initialised from the start; borrowed like `self`.
        unsafe { self.lines.add(at as usize).as_ref() }
    }

    #[inline]
    fn bucket_mut(&mut self, at: u32) -> &mut Bucket {
        debug_assert!(at < self.geometry.home + self.geometry.stash);
        // SAFETY: as in `bucket`, and exclusively borrowed like `self`.
        unsafe { self.lines.add(at as usize).as_mut() }
    }

    /// First hash bit in the cells.
    #[inline]
    fn window(&self) -> u32 {
        window_at(self.depth)
    }

    /// The cell bits of a hash.
    #[inline]
    fn bits_of(&self, hash: u64) -> u16 {
        ((hash << self.window()) >> 48) as u16
    }

    /// Position in the segment of an entry with these cell bits.
    #[inline]
    fn position(&self, bits: u16) -> u16 {
        // The bits before `depth` fall off at the top.
        (u32::from(bits) << (self.depth % WINDOW_STEP)) as u16
    }

    /// Home of an entry with these cell bits.
    #[inline]
    fn home_of_bits(&self, bits: u16) -> u32 {
        self.geometry.home_of(self.position(bits))
    }

    /// The bucket that a hash belongs to.
    #[inline]
    fn home_of_hash(&self, hash: u64) -> u32 {
        self.home_of_bits(self.bits_of(hash))
    }

    /// Asks for the cache line a look-up reads first.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        let home = self.home_of_hash(hash) as usize;
        crate::base::cpu::prefetch(self.lines.as_ptr().wrapping_add(home).cast());
    }

    /// Asks for the entries that a look-up would compare. If it would go on in the stash, asks for that and says so:
    /// then [`Segment::prefetch_stashed`] is the next step.
    #[inline]
    pub(super) fn prefetch_entry(&self, hash: u64) -> bool {
        let home = self.home_of_hash(hash);
        let is_in_stash = !self.prefetch_matches(home, hash) && self.bucket(home).is_spilled();
        if is_in_stash {
            let stash = self.stash_line(home) as usize;
            crate::base::cpu::prefetch(self.lines.as_ptr().wrapping_add(stash).cast());
        }
        is_in_stash
    }

    /// Asks for the entries that a look-up would compare in the stash, where most of those are that are in one.
    pub(super) fn prefetch_stashed(&self, hash: u64) {
        if self.geometry.stash > 0 {
            self.prefetch_matches(self.stash_line(self.home_of_hash(hash)), hash);
        }
    }

    /// Asks for the entries of one bucket that have this hash; false if there are none.
    #[inline]
    fn prefetch_matches(&self, bucket: u32, hash: u64) -> bool {
        let (bits, bucket) = (self.bits_of(hash), self.bucket(bucket));
        let mut found = false;
        for at in bucket.matches(tag_of(hash)) {
            let cell = bucket.cell(at);
            if cell.bits() == bits {
                crate::base::cpu::prefetch(cell.entry().as_ptr());
                found = true;
            }
        }
        found
    }

    /// The stash bucket of a home's neighbourhood.
    #[inline]
    fn stash_line(&self, home: u32) -> u32 {
        self.geometry.home + self.geometry.stash_of(home)
    }

    /// Finds the entry with this hash for which `is_it` holds; it is asked only where 24 hash bits agree.
    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        is_it: impl Fn(NonNull<u8>) -> bool,
    ) -> Option<(Place, NonNull<u8>)> {
        let (tag, bits) = (tag_of(hash), self.bits_of(hash));
        let home = self.home_of_bits(bits);
        let bucket = self.bucket(home);
        for at in bucket.matches(tag) {
            let cell = bucket.cell(at);
            if cell.bits() == bits && is_it(cell.entry()) {
                return Some((
                    Place {
                        bucket: home,
                        cell: at as u32,
                    },
                    cell.entry(),
                ));
            }
        }
        if bucket.is_spilled() {
            self.find_in_stash(home, tag, bits, is_it)
        } else {
            None
        }
    }

    #[cold]
    fn find_in_stash(
        &self,
        home: u32,
        tag: u8,
        bits: u16,
        is_it: impl Fn(NonNull<u8>) -> bool,
    ) -> Option<(Place, NonNull<u8>)> {
        for at in self.stash_from(home) {
            let bucket = self.bucket(at);
            for cell_at in bucket.matches(tag) {
                let cell = bucket.cell(cell_at);
                if cell.bits() == bits && is_it(cell.entry()) {
                    return Some((
                        Place {
                            bucket: at,
                            cell: cell_at as u32,
                        },
                        cell.entry(),
                    ));
                }
            }
        }
        None
    }

    /// The stash buckets where entries of a home may be: its neighbourhood's, and if that spilled all others.
    #[inline]
    fn stash_from(&self, home: u32) -> impl Iterator<Item = u32> + use<> {
        let Geometry {
            home: homes, stash, ..
        } = *self.geometry;
        let first = self.geometry.stash_of(home);
        let count = match stash {
            0 => 0,
            _ if self.bucket(homes + first).is_spilled() => stash,
            _ => 1,
        };
        (0..count).map(move |i| homes + (first + i) % stash)
    }

    /// Adds an entry; false, and nothing changed, if neither its home nor the stash has room.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, entry: NonNull<u8>) -> bool {
        let cell = Cell::new(entry, self.bits_of(hash));
        self.insert_item(Item {
            cell,
            tag: tag_of(hash),
        })
    }

    #[inline]
    fn insert_item(&mut self, item: Item) -> bool {
        let home = self.home_of_bits(item.cell.bits());
        let bucket = self.bucket_mut(home);
        if let Some(at) = bucket.free() {
            bucket.put(at, item.cell, item.tag);
            return true;
        }
        self.insert_in_stash(home, item)
    }

    #[cold]
    fn insert_in_stash(&mut self, home: u32, item: Item) -> bool {
        let Geometry {
            home: homes, stash, ..
        } = *self.geometry;
        let first = self.geometry.stash_of(home);
        for i in 0..stash {
            let at = homes + (first + i) % stash;
            let bucket = self.bucket_mut(at);
            let Some(free) = bucket.free() else { continue };
            bucket.put(free, item.cell, item.tag);
            self.bucket_mut(home).set_spilled(true);
            if i > 0 {
                self.bucket_mut(homes + first).set_spilled(true);
            }
            return true;
        }
        false
    }

    /// Panics unless `entry` is in that place: the caller would free or keep the wrong one.
    #[inline]
    fn assert_place(&self, place: Place, entry: NonNull<u8>) {
        assert!(place.bucket < self.geometry.home + self.geometry.stash);
        let mut occupied = self.bucket(place.bucket).occupied();
        assert!(occupied.any(|at| at == place.cell as usize));
        assert!(self.bucket(place.bucket).cell(place.cell as usize).entry() == entry);
    }

    /// The entry has moved in memory. Panics if it was not there.
    #[inline]
    pub(super) fn repoint(&mut self, place: Place, old: NonNull<u8>, new: NonNull<u8>) {
        self.assert_place(place, old);
        self.bucket_mut(place.bucket)
            .repoint(place.cell as usize, new);
    }

    /// Takes an entry out. Returns whether its bucket is empty now, a sign that the segment may be too large. Panics if
    /// it is not there.
    pub(super) fn remove(&mut self, place: Place, entry: NonNull<u8>) -> bool {
        self.assert_place(place, entry);
        let at = place.cell as usize;
        let cell = self.bucket(place.bucket).cell(at);
        let home = self.home_of_bits(cell.bits());
        self.bucket_mut(place.bucket).clear(at);
        if self.bucket(home).is_spilled() {
            self.pull_back(home);
        }
        self.bucket(place.bucket).len() == 0
    }

    /// Moves an entry of the stash to its home if there is room, and clears marks that have become untrue.
    #[cold]
    fn pull_back(&mut self, home: u32) {
        let homes = self.geometry.home;
        let mut found: Option<(u32, usize)> = None;
        let mut count = 0;
        for at in self.stash_from(home) {
            for cell in self.bucket(at).occupied() {
                if self.home_of_bits(self.bucket(at).cell(cell).bits()) == home {
                    // Rather one that is far away: that may clear a mark.
                    found = Some((at, cell));
                    count += 1;
                }
            }
        }
        if let (Some((at, cell)), Some(free)) = (found, self.bucket(home).free()) {
            let bucket = self.bucket_mut(at);
            let item = Item {
                cell: bucket.cell(cell),
                tag: bucket.tag(cell),
            };
            bucket.clear(cell);
            self.bucket_mut(home).put(free, item.cell, item.tag);
            count -= 1;
        }
        if count == 0 {
            self.bucket_mut(home).set_spilled(false);
        }
        let stash = homes + self.geometry.stash_of(home);
        if self.bucket(stash).is_spilled() && !self.has_strays(stash) {
            self.bucket_mut(stash).set_spilled(false);
        }
    }

    /// Whether entries that belong to a stash bucket are in another one.
    fn has_strays(&self, stash: u32) -> bool {
        let Geometry {
            home: homes,
            stash: stashes,
            ..
        } = *self.geometry;
        (homes..homes + stashes)
            .filter(|&at| at != stash)
            .any(|at| {
                let bucket = self.bucket(at);
                bucket.occupied().any(|cell| {
                    let home = self.home_of_bits(bucket.cell(cell).bits());
                    homes + self.geometry.stash_of(home) == stash
                })
            })
    }

    /// Entries in all buckets.
    pub(super) fn len(&self) -> usize {
        (0..self.geometry.buckets() as u32)
            .map(|at| self.bucket(at).len())
            .sum()
    }

    fn items(&self) -> impl Iterator<Item = Item> {
        (0..self.geometry.buckets() as u32).flat_map(move |at| {
            let bucket = self.bucket(at);
            bucket.occupied().map(|cell| Item {
                cell: bucket.cell(cell),
                tag: bucket.tag(cell),
            })
        })
    }

    /// All entries.
    pub(super) fn entries(&self) -> impl Iterator<Item = NonNull<u8>> {
        self.items().map(|item| item.cell.entry())
    }

    /// Some entry of the bucket and cell that `random` picks, if that cell is in use.
    pub(super) fn pick(&self, random: u64) -> Option<NonNull<u8>> {
        let at = ((random >> 32) * self.geometry.buckets() as u64) >> 32;
        let cell = (((random & 0xffff_ffff) * CELLS as u64) >> 32) as usize;
        let bucket = self.bucket(at as u32);
        bucket
            .occupied()
            .find(|&used| used == cell)
            .map(|cell| bucket.cell(cell).entry())
    }

    /// Entries of one home, wherever they are, with what is known of their order: the first 48 hash bits, of which the
    /// lowest `unknown` are 0 for not known.
    pub(super) fn entries_of(&self, home: u32) -> impl Iterator<Item = (Place, NonNull<u8>, u16)> {
        let bucket = self.bucket(home);
        let at_home = bucket.occupied().map(move |cell| (home, cell));
        let spilled = bucket.is_spilled().then(|| self.stash_from(home));
        let in_stash = spilled.into_iter().flatten().flat_map(move |at| {
            let is_ours =
                move |&cell: &usize| self.home_of_bits(self.bucket(at).cell(cell).bits()) == home;
            self.bucket(at)
                .occupied()
                .filter(is_ours)
                .map(move |cell| (at, cell))
        });
        at_home.chain(in_stash).map(move |(at, cell_at)| {
            let cell = self.bucket(at).cell(cell_at);
            (
                Place {
                    bucket: at,
                    cell: cell_at as u32,
                },
                cell.entry(),
                cell.bits(),
            )
        })
    }

    /// The home that a hash prefix of 48 bits falls into; the prefix must lead to this segment.
    pub(super) fn home_of_prefix(&self, prefix: u64) -> u32 {
        self.home_of_hash(prefix << 16)
    }

    /// The least 48-bit prefix beyond a home, given one that leads to this segment; 2^48 after the last one.
    pub(super) fn prefix_after(&self, home: u32, prefix: u64) -> u64 {
        let first = prefix >> (48 - self.depth) << (48 - self.depth);
        // Positions are multiples of this.
        let step = 1_u64 << (self.depth % WINDOW_STEP);
        let homes = u64::from(self.geometry.home);
        let next = ((u64::from(home) + 1) << 16)
            .div_ceil(homes)
            .next_multiple_of(step)
            .min(1 << 16);
        // Position 2^16 is the end of the segment, 2^(48 - depth) prefixes later.
        first
            + if self.depth <= 32 {
                next << (32 - self.depth)
            } else {
                next >> (self.depth - 32)
            }
    }

    /// How the first 48 hash bits of an entry compare with `from`, another prefix that leads to this segment, as far
    /// as the cell knows: `None` if the key has to be hashed.
    pub(super) fn is_at_or_after(&self, bits: u16, from: u64) -> Option<bool> {
        let unknown = 48 - 16 - self.window();
        // Bits before the window are those of `from`.
        let known = from >> (48 - self.window()) << 16 | u64::from(bits);
        match known.cmp(&(from >> unknown)) {
            std::cmp::Ordering::Less => Some(false),
            std::cmp::Ordering::Greater => Some(true),
            std::cmp::Ordering::Equal if from & ((1 << unknown) - 1) == 0 => Some(true),
            std::cmp::Ordering::Equal => None,
        }
    }

    /// Panics if an invariant is broken. `look` gives the hash and expiry time of an entry.
    pub(super) fn check(&self, look: impl Fn(NonNull<u8>) -> (u64, Option<i64>), path: u64) {
        let Geometry {
            home: homes, stash, ..
        } = *self.geometry;
        for at in 0..homes + stash {
            let bucket = self.bucket(at);
            for cell_at in bucket.occupied() {
                let cell = bucket.cell(cell_at);
                let (hash, expiry) = look(cell.entry());
                assert_eq!(bucket.tag(cell_at), tag_of(hash));
                assert_eq!(cell.bits(), self.bits_of(hash), "cell bits are the hash's");
                if self.depth > 0 {
                    assert_eq!(
                        hash >> (64 - self.depth),
                        path >> (64 - self.depth),
                        "led here"
                    );
                }
                let home = self.home_of_bits(cell.bits());
                if at >= homes {
                    assert!(self.bucket(home).is_spilled());
                    let own = homes + self.geometry.stash_of(home);
                    assert!(at == own || self.bucket(own).is_spilled());
                } else {
                    assert_eq!(at, home);
                }
                if let Some(expiry) = expiry {
                    assert!(self.word.is_volatile());
                    let is_least = self
                        .hints()
                        .is_some_and(|(_, hints)| hints[home as usize] == 0);
                    assert!(self.due_of(home) <= expiry || is_least, "hint after expiry");
                }
            }
        }
    }
}
