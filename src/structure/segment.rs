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

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::bucket::{Bucket, CELLS, Cell};
use super::due::NEVER;
use super::entry::size_class;

/// How a segment of some size is divided.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub(super) home: u32,
    pub(super) stash: u32,
    lines: u32,
}

/// Sizes in lines, chosen to be sizes of the allocators as well. The last is the largest a segment grows to before it
/// is split.
const LINES: [u32; 20] = [
    1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64,
];

/// The largest ordinary class.
pub(super) const CLASS_SPLIT: u8 = LINES.len() as u8 - 1;

/// Classes above are for entries that no further bit tells apart: their stash is four times larger from one to the next.
/// The last would hold 2^33 entries.
pub(super) const CLASS_MAX: u8 = 31;

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

static GEOMETRIES: [[Geometry; 32]; 2] = [geometries(false), geometries(true)];

const fn geometries(volatile: bool) -> [Geometry; 32] {
    let mut table = [Geometry {
        home: 1,
        stash: 0,
        lines: 1,
    }; 32];
    let mut class = 0;
    while class < 32 {
        let ordinary = class < LINES.len();
        let mut lines = if ordinary {
            LINES[class]
        } else {
            LINES[LINES.len() - 1]
        };
        if volatile && class == 0 {
            // One line has no room for hints.
            lines = LINES[1];
        }
        // Fewer homes until hints for all of them fit in what is left.
        let mut geometry = Geometry {
            home: 0,
            stash: 0,
            lines,
        };
        let mut hint_lines = 0;
        while hint_lines < lines {
            let buckets = lines - hint_lines;
            let stash = if buckets < 2 {
                0
            } else if buckets < 12 {
                1
            } else {
                (buckets + 4) / 8
            };
            geometry = Geometry {
                home: buckets - stash,
                stash,
                lines,
            };
            let needed = if volatile {
                (8 + 4 * geometry.home).div_ceil(64)
            } else {
                0
            };
            if needed <= hint_lines {
                break;
            }
            hint_lines += 1;
        }
        if !ordinary {
            let more = (lines << (2 * (class - LINES.len() + 1))) - lines;
            geometry.stash += more;
            geometry.lines += more;
        }
        table[class] = geometry;
        class += 1;
    }
    table
}

impl Geometry {
    #[inline]
    pub(super) fn of(class: u8, volatile: bool) -> &'static Geometry {
        &GEOMETRIES[usize::from(volatile)][usize::from(class & 31)]
    }

    /// Cells of all buckets.
    pub(super) fn capacity(&self) -> usize {
        (self.home + self.stash) as usize * CELLS
    }

    fn buckets(&self) -> usize {
        (self.home + self.stash) as usize
    }

    fn layout(&self) -> Layout {
        Layout::array::<Bucket>(self.lines as usize).expect("the largest class is 2^39 bytes")
    }

    /// Bytes of a segment, by allocation class.
    pub(super) fn bytes(&self) -> usize {
        size_class(self.lines as usize * size_of::<Bucket>())
    }

    /// Where hints are, if there is room: the lines after the buckets.
    fn has_hints(&self) -> bool {
        self.lines > self.home + self.stash
    }

    /// The home of a position in the segment.
    #[inline]
    fn home_of(&self, position: u16) -> u32 {
        (u32::from(position) * self.home) >> 16
    }

    /// The stash bucket of a home's neighbourhood.
    #[inline]
    fn stash_of(&self, home: u32) -> u32 {
        home * self.stash.min(self.home) / self.home
    }
}

/// The smallest ordinary class that `len` entries fill to at most `percent`.
pub(super) fn class_for(len: usize, volatile: bool, percent: usize) -> u8 {
    let fits = |&class: &u8| len * 100 <= Geometry::of(class, volatile).capacity() * percent;
    (0..CLASS_SPLIT).find(fits).unwrap_or(CLASS_SPLIT)
}

/// How full a segment made smaller is: it may go on shrinking or grow again.
pub(super) const FILL_SHRUNK: usize = 70;

/// How full a half is: what has been split is growing. The fullest ever are 87.
const FILL_SPLIT: usize = 80;

/// A segment or a directory as its owner knows it; null for an empty segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Word(*mut u8);

const DIRECTORY: usize = 1;
const ADDRESS_MASK: usize = (1 << 48) - 64;
const CLASS_SHIFT: u32 = 48;
const VOLATILE_SHIFT: u32 = 53;
const DEPTH_SHIFT: u32 = 54;

impl Word {
    /// A segment without entries or memory.
    pub(super) const EMPTY: Word = Word(ptr::null_mut());

    fn segment(lines: *mut u8, class: u8, volatile: bool, depth: u32) -> Word {
        assert!(lines.addr() & !ADDRESS_MASK == 0, "addresses have 48 bits");
        let tag = usize::from(class) << CLASS_SHIFT
            | usize::from(volatile) << VOLATILE_SHIFT
            | (depth as usize) << DEPTH_SHIFT;
        Word(lines.map_addr(|address| address | tag))
    }

    /// An empty segment at a depth within its directory.
    pub(super) fn empty(depth: u32) -> Word {
        Word::segment(ptr::null_mut(), 0, false, depth)
    }

    /// A directory of 2^bits children at a 64-byte aligned address.
    pub(super) fn directory(address: NonNull<u8>, bits: u32) -> Word {
        assert!(
            address.addr().get() & !ADDRESS_MASK == 0,
            "addresses have 48 bits"
        );
        Word(
            address
                .as_ptr()
                .map_addr(|address| address | DIRECTORY | (bits as usize) << DEPTH_SHIFT),
        )
    }

    #[inline]
    pub(super) fn is_directory(self) -> bool {
        self.0.addr() & DIRECTORY != 0
    }

    /// True for a segment without entries or memory.
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.address().is_null()
    }

    #[inline]
    pub(super) fn address(self) -> *mut u8 {
        self.0.map_addr(|address| address & ADDRESS_MASK)
    }

    #[inline]
    fn field(self, shift: u32, bits: u32) -> u32 {
        (self.0.addr() >> shift) as u32 & ((1 << bits) - 1)
    }

    #[inline]
    pub(super) fn class(self) -> u8 {
        self.field(CLASS_SHIFT, 5) as u8
    }

    #[inline]
    pub(super) fn is_volatile(self) -> bool {
        self.field(VOLATILE_SHIFT, 1) != 0
    }

    /// Bits of its directory that led to this segment; of a directory, its own bits.
    #[inline]
    pub(super) fn depth(self) -> u32 {
        self.field(DEPTH_SHIFT, 4)
    }

    /// The same segment known at another depth within its directory.
    pub(super) fn at_depth(self, depth: u32) -> Word {
        debug_assert!(!self.is_directory());
        Word::segment(self.address(), self.class(), self.is_volatile(), depth)
    }

    #[inline]
    fn geometry(self) -> &'static Geometry {
        Geometry::of(self.class(), self.is_volatile())
    }
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
        super::cpu::prefetch(self.lines.as_ptr().wrapping_add(home).cast());
    }

    /// Asks for the entries that a look-up would compare.
    #[inline]
    pub(super) fn prefetch_entry(&self, hash: u64) {
        let bits = self.bits_of(hash);
        let bucket = self.bucket(self.home_of_bits(bits));
        for at in bucket.matches(tag_of(hash)) {
            let cell = bucket.cell(at);
            if cell.bits() == bits {
                super::cpu::prefetch(cell.entry().as_ptr());
            }
        }
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

    /// The entry has moved in memory.
    #[inline]
    pub(super) fn repoint(&mut self, place: Place, entry: NonNull<u8>) {
        self.bucket_mut(place.bucket)
            .repoint(place.cell as usize, entry);
    }

    /// Takes an entry out. Returns whether its bucket is empty now, a sign that the segment may be too large.
    pub(super) fn remove(&mut self, place: Place) -> bool {
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

    // Hints.

    /// Where hints would be: after the buckets.
    fn hint_base(&self) -> NonNull<i64> {
        debug_assert!(self.geometry.has_hints());
        // SAFETY: hints lie inside the allocation, after the buckets.
        unsafe { self.lines.add(self.geometry.buckets()) }.cast()
    }

    fn hints(&self) -> Option<(i64, &[u32])> {
        if !self.geometry.has_hints() {
            return None;
        }
        let base = self.hint_base();
        // SAFETY: written by `allocate`; inside the allocation and aligned; borrowed like `self`.
        unsafe {
            let first = base.add(1).cast::<u32>();
            let hints = std::slice::from_raw_parts(first.as_ptr(), self.geometry.home as usize);
            Some((base.read(), hints))
        }
    }

    fn hints_mut(&mut self) -> Option<(&mut i64, &mut [u32])> {
        if !self.geometry.has_hints() {
            return None;
        }
        let mut base = self.hint_base();
        // SAFETY: as in `hints`, exclusively borrowed like `self`; base and hints do not overlap.
        unsafe {
            let first = base.add(1).cast::<u32>();
            let hints = std::slice::from_raw_parts_mut(first.as_ptr(), self.geometry.home as usize);
            Some((base.as_mut(), hints))
        }
    }

    /// Notes that an entry with this hash expires at `at`.
    #[inline]
    pub(super) fn lower_hint(&mut self, hash: u64, at: i64) -> Hinted {
        if !self.word.is_volatile() {
            return Hinted::NeedsHints;
        }
        let home = self.home_of_hash(hash);
        if self.due_of(home) <= at {
            return Hinted::Covered;
        }
        self.lower_home(home, at);
        Hinted::Lowered
    }

    fn lower_home(&mut self, home: u32, at: i64) {
        let Some((base, hints)) = self.hints_mut() else {
            return;
        };
        if at < *base || at.abs_diff(*base) > u64::from(HINT_MAX) {
            if hints.iter().all(|&hint| hint == NO_HINT) {
                // The middle of the range: later times may be earlier ones.
                *base = at.saturating_sub(i64::from(HINT_MAX / 2));
            } else if at < *base {
                let by = base.abs_diff(at);
                for hint in hints.iter_mut().filter(|hint| **hint != NO_HINT) {
                    *hint = u64::from(*hint).saturating_add(by).min(u64::from(HINT_MAX)) as u32;
                }
                *base = at;
            }
        }
        let hint = &mut hints[home as usize];
        *hint = (*hint).min(at.abs_diff(*base).min(u64::from(HINT_MAX)) as u32);
    }

    /// The lower bound of a home's expiry times.
    pub(super) fn due_of(&self, home: u32) -> i64 {
        match self.hints() {
            None => NEVER,
            Some((base, hints)) => due(base, hints[home as usize]),
        }
    }

    /// Sets the lower bound of a home to what it has been found to be, at the time `now`.
    pub(super) fn settle(&mut self, home: u32, at: i64, now: i64) {
        let Some((base, hints)) = self.hints_mut() else {
            return;
        };
        hints[home as usize] = NO_HINT;
        if at == NEVER {
            return;
        }
        if *base < now && at.abs_diff(*base) > u64::from(HINT_MAX) {
            // Out of reach from `base`: it would be due again at once. What was due before `now` stays due.
            let by = base.abs_diff(now);
            for hint in hints.iter_mut().filter(|hint| **hint != NO_HINT) {
                *hint = u64::from(*hint).saturating_sub(by) as u32;
            }
            *base = now;
        }
        self.lower_home(home, at);
    }

    /// The least of the homes' lower bounds.
    pub(super) fn due(&self) -> i64 {
        match self.hints() {
            None => NEVER,
            Some((base, hints)) => due(base, hints.iter().copied().min().unwrap_or(NO_HINT)),
        }
    }

    /// The first home whose bound is at or before `now`.
    pub(super) fn due_home(&self, now: i64) -> Option<u32> {
        (0..self.geometry.home).find(|&home| self.due_of(home) <= now)
    }

    // Rebuilding.

    /// Copies all entries into a new segment of at least this class. The caller frees this one.
    pub(super) fn resized(&self, class: u8, volatile: bool) -> Segment<'t> {
        let mut class = class;
        loop {
            let mut target = Segment::allocate(class, volatile, self.depth, self.word.depth());
            if self.items().all(|item| target.insert_item(item)) {
                self.pass_hints_to(&mut target, |item| Some(item.cell.bits()));
                return target;
            }
            // SAFETY: nobody else knows it; its entries are still in `self`.
            unsafe { target.free() };
            class += 1;
            assert!(class <= CLASS_MAX, "2^33 entries with the same hash");
        }
    }

    /// Lowers the hints of `target`, which got entries of this segment, as their homes here say. `bits_there` is the
    /// cell bits an entry has in the target, `None` if it went elsewhere.
    fn pass_hints_to(&self, target: &mut Segment<'t>, bits_there: impl Fn(Item) -> Option<u16>) {
        if !self.word.is_volatile() {
            return;
        }
        for home in 0..self.geometry.home {
            let due = self.due_of(home);
            if due == NEVER {
                continue;
            }
            for (place, _, _) in self.entries_of(home) {
                let bucket = self.bucket(place.bucket);
                let at = place.cell as usize;
                if let Some(bits) = bits_there(Item {
                    cell: bucket.cell(at),
                    tag: bucket.tag(at),
                }) {
                    let home = target.home_of_bits(bits);
                    target.lower_home(home, due);
                }
            }
        }
    }

    /// Divides the entries by the next hash bit into two new segments, empty words where a side has none.
    /// `hash_of` hashes an entry's key, for when the cells' bits are used up. The caller frees this segment.
    pub(super) fn split(
        &self,
        local_depth: u32,
        hash_of: impl Fn(NonNull<u8>) -> u64,
    ) -> [Option<Segment<'t>>; 2] {
        assert!(self.depth < DEPTH_MAX);
        let depth = self.depth + 1;
        let anew = window_at(depth) != self.window();
        let bit = 15 - (self.depth - self.window());
        if anew {
            self.entries()
                .for_each(|entry| super::cpu::prefetch(entry.as_ptr()));
        }
        let side_of = |item: Item| usize::from(item.cell.bits() >> bit & 1);
        let mut lens = [0; 2];
        self.items().for_each(|item| lens[side_of(item)] += 1);
        let side = |side: usize| {
            if lens[side] == 0 {
                return None;
            }
            let volatile = self.word.is_volatile();
            let bits_there = |item: Item| {
                (side_of(item) == side).then(|| {
                    if anew {
                        ((hash_of(item.cell.entry()) << window_at(depth)) >> 48) as u16
                    } else {
                        item.cell.bits()
                    }
                })
            };
            let mut class = class_for(lens[side], volatile, FILL_SPLIT);
            loop {
                let mut target = Segment::allocate(class, volatile, depth, local_depth);
                let all_in = self.items().all(|item| match bits_there(item) {
                    None => true,
                    Some(bits) => {
                        let cell = Cell::new(item.cell.entry(), bits);
                        target.insert_item(Item {
                            cell,
                            tag: item.tag,
                        })
                    }
                });
                if all_in {
                    self.pass_hints_to(&mut target, bits_there);
                    return Some(target);
                }
                // SAFETY: nobody else knows it; its entries are still in `self`.
                unsafe { target.free() };
                class += 1;
                assert!(class <= CLASS_MAX, "2^33 entries with the same hash");
            }
        };
        [side(0), side(1)]
    }

    /// Joins the two halves of what was split, at depth one less. `prefix` is a hash that leads to both, but for the
    /// bit that tells them apart. The caller frees the halves.
    pub(super) fn joined(
        halves: [Option<&Segment<'t>>; 2],
        prefix: u64,
        depth: u32,
        local_depth: u32,
        class: u8,
    ) -> Segment<'t> {
        let present = || halves.iter().flatten();
        let window = window_at(depth);
        let volatile = present().any(|half| half.word.is_volatile());
        let mut class = class;
        loop {
            let mut target = Segment::allocate(class, volatile, depth, local_depth);
            let mut all_in = true;
            for (side, half) in halves.iter().enumerate() {
                let Some(half) = half else { continue };
                // The hash bits before the half's window, which its cells do not have.
                let path = (prefix & !(1 << (63 - depth))) | (side as u64) << (63 - depth);
                let before = if half.window() == 0 {
                    0
                } else {
                    path >> (64 - half.window())
                };
                let moved = |item: Item| {
                    ((before << 16 | u64::from(item.cell.bits())) >> (half.window() - window))
                        as u16
                };
                all_in = all_in
                    && half.items().all(|item| {
                        let cell = Cell::new(item.cell.entry(), moved(item));
                        target.insert_item(Item {
                            cell,
                            tag: item.tag,
                        })
                    });
                if all_in {
                    half.pass_hints_to(&mut target, |item| Some(moved(item)));
                }
            }
            if all_in {
                return target;
            }
            // SAFETY: nobody else knows it; its entries are still in the halves.
            unsafe { target.free() };
            class += 1;
            assert!(class <= CLASS_MAX, "2^33 entries with the same hash");
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

/// What came of noting an expiry time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hinted {
    /// There already was a bound at or before it.
    Covered,
    /// The home's bound is lower now.
    Lowered,
    /// The segment has to be rebuilt with hints first.
    NeedsHints,
}

const NO_HINT: u32 = u32::MAX;

/// "At least 49 days after the base."
const HINT_MAX: u32 = u32::MAX - 1;

#[inline]
fn due(base: i64, hint: u32) -> i64 {
    if hint == NO_HINT {
        NEVER
    } else {
        base.saturating_add(i64::from(hint)).min(NEVER - 1)
    }
}
