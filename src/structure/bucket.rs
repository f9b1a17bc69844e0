//! A cache line of the index: seven tagged pointers and what is needed to rule most of them out.
//!
//! ```text
//! 0                 8                            56               63
//! | cell 0 | cell 1 | ... | cell 6               | tag 0 .. tag 6 | occupied (7 bits), spilled (1 bit) |
//!
//! cell: 16 hash bits << 48 | address of the entry
//! ```
//!
//! A look-up compares its tag with all seven at once, then 16 hash bits, and only then reads an entry: a wrong entry is
//! touched about once in 2^22 comparisons. The same 16 bits say where the entry belongs, so that tables are rebuilt,
//! split and merged without touching entries.
//!
//! Nothing here follows a pointer, so nothing here is unsafe.

use std::ptr::NonNull;

use crate::base::cpu::equal_bytes;

/// Entries a bucket holds.
pub(super) const CELLS: usize = 7;

const ADDRESS_BITS: u32 = 48;
const ADDRESS_MASK: usize = (1 << ADDRESS_BITS) - 1;
const OCCUPIED_SHIFT: u32 = 56;
const SPILLED: u64 = 1 << 63;

/// An entry's address and 16 of its hash bits. Null in a free cell.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell(*mut u8);

impl Cell {
    /// The address must fit 48 bits, which `Entry` asserts when it allocates.
    #[inline]
    pub(super) fn new(entry: NonNull<u8>, bits: u16) -> Cell {
        debug_assert!(entry.addr().get() & !ADDRESS_MASK == 0);
        Cell(
            entry
                .as_ptr()
                .map_addr(|address| address | usize::from(bits) << ADDRESS_BITS),
        )
    }

    /// The hash bits.
    #[inline]
    pub(super) fn bits(self) -> u16 {
        (self.0.addr() >> ADDRESS_BITS) as u16
    }

    /// The entry. Panics for a free cell.
    #[inline]
    pub(super) fn entry(self) -> NonNull<u8> {
        let address = self.0.map_addr(|address| address & ADDRESS_MASK);
        NonNull::new(address).expect("an occupied cell points to an entry")
    }

    /// The same hash bits with another address.
    #[inline]
    pub(super) fn with_entry(self, entry: NonNull<u8>) -> Cell {
        Cell::new(entry, self.bits())
    }
}

/// Seven cells, in one cache line.
#[repr(C, align(64))]
pub(super) struct Bucket {
    cells: [Cell; CELLS],
    /// Tags in bytes 0 to 6, occupied and spilled bits in byte 7.
    meta: u64,
}

/// Positions of cells in a bucket, as bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CellSet(u32);

impl Iterator for CellSet {
    type Item = usize;
    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let at = self.0.trailing_zeros() as usize;
        self.0 &= self.0 - 1;
        Some(at)
    }
}

impl Bucket {
    /// All cells free.
    pub(super) const EMPTY: Bucket = Bucket {
        cells: [Cell(std::ptr::null_mut()); CELLS],
        meta: 0,
    };

    #[inline]
    fn occupied_bits(&self) -> u32 {
        (self.meta >> OCCUPIED_SHIFT) as u32 & 0x7f
    }

    /// Cells in use.
    #[inline]
    pub(super) fn occupied(&self) -> CellSet {
        CellSet(self.occupied_bits())
    }

    /// How many cells are in use.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.occupied_bits().count_ones() as usize
    }

    /// Cells in use whose tag is `tag`.
    #[inline]
    pub(super) fn matches(&self, tag: u8) -> CellSet {
        CellSet(equal_bytes(self.meta, tag) & self.occupied_bits())
    }

    /// A free cell.
    #[inline]
    pub(super) fn free(&self) -> Option<usize> {
        let at = (!self.occupied_bits()).trailing_zeros() as usize;
        (at < CELLS).then_some(at)
    }

    /// The content of a cell in use.
    #[inline]
    pub(super) fn cell(&self, at: usize) -> Cell {
        debug_assert!(self.occupied_bits() & 1 << at != 0);
        self.cells[at]
    }

    /// The tag of a cell in use.
    #[inline]
    pub(super) fn tag(&self, at: usize) -> u8 {
        self.meta.to_le_bytes()[at]
    }

    /// Fills a free cell.
    #[inline]
    pub(super) fn put(&mut self, at: usize, cell: Cell, tag: u8) {
        debug_assert!(self.occupied_bits() & 1 << at == 0);
        self.cells[at] = cell;
        let shift = at * 8;
        self.meta = self.meta & !(0xff << shift) | u64::from(tag) << shift;
        self.meta |= 1 << (OCCUPIED_SHIFT as usize + at);
    }

    /// Points a cell in use to where its entry has moved.
    #[inline]
    pub(super) fn repoint(&mut self, at: usize, entry: NonNull<u8>) {
        self.cells[at] = self.cell(at).with_entry(entry);
    }

    /// Frees a cell.
    #[inline]
    pub(super) fn clear(&mut self, at: usize) {
        self.cells[at] = Cell(std::ptr::null_mut());
        self.meta &= !(1 << (OCCUPIED_SHIFT as usize + at));
    }

    /// Whether something that belongs here is elsewhere.
    #[inline]
    pub(super) fn is_spilled(&self) -> bool {
        self.meta & SPILLED != 0
    }

    #[inline]
    pub(super) fn set_spilled(&mut self, spilled: bool) {
        self.meta = if spilled {
            self.meta | SPILLED
        } else {
            self.meta & !SPILLED
        };
    }
}

const _: () = assert!(size_of::<Bucket>() == 64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_pointer_and_hash_bits() {
        let mut byte = 7_u8;
        let entry = NonNull::from(&mut byte);
        let cell = Cell::new(entry, 0xffee);
        assert_eq!((cell.entry(), cell.bits()), (entry, 0xffee));
        let mut bucket = Bucket::EMPTY;
        for at in 0..CELLS {
            assert_eq!(bucket.free(), Some(at));
            bucket.put(at, cell, at as u8 & 1);
        }
        assert_eq!((bucket.free(), bucket.len()), (None, 7));
        assert_eq!(bucket.matches(1).collect::<Vec<_>>(), [1, 3, 5]);
        bucket.set_spilled(true);
        bucket.clear(3);
        assert_eq!(bucket.matches(1).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(
            (bucket.free(), bucket.is_spilled(), bucket.tag(5)),
            (Some(3), true, 1)
        );
    }
}
