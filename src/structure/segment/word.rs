//! The word: a tagged pointer that says all that is known of a node.

use std::ptr::{self, NonNull};

use super::Geometry;

/// A segment or a directory as its owner knows it; null for an empty segment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::structure) struct Word(*mut u8);

const DIRECTORY: usize = 1;
const ADDRESS_MASK: usize = (1 << 48) - 64;
const CLASS_SHIFT: u32 = 48;
const VOLATILE_SHIFT: u32 = 53;
const DEPTH_SHIFT: u32 = 54;

impl Word {
    /// A segment without entries or memory.
    pub(in crate::structure) const EMPTY: Word = Word(ptr::null_mut());

    pub(in crate::structure) fn segment(
        lines: *mut u8,
        class: u8,
        volatile: bool,
        depth: u32,
    ) -> Word {
        assert!(lines.addr() & !ADDRESS_MASK == 0, "addresses have 48 bits");
        let tag = usize::from(class) << CLASS_SHIFT
            | usize::from(volatile) << VOLATILE_SHIFT
            | (depth as usize) << DEPTH_SHIFT;
        Word(lines.map_addr(|address| address | tag))
    }

    /// An empty segment at a depth within its directory.
    pub(in crate::structure) fn empty(depth: u32) -> Word {
        Word::segment(ptr::null_mut(), 0, false, depth)
    }

    /// A directory of 2^bits children at a 64-byte aligned address.
    pub(in crate::structure) fn directory(address: NonNull<u8>, bits: u32) -> Word {
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
    pub(in crate::structure) fn is_directory(self) -> bool {
        self.0.addr() & DIRECTORY != 0
    }

    /// True for a segment without entries or memory.
    #[inline]
    pub(in crate::structure) fn is_empty(self) -> bool {
        self.address().is_null()
    }

    #[inline]
    pub(in crate::structure) fn address(self) -> *mut u8 {
        self.0.map_addr(|address| address & ADDRESS_MASK)
    }

    #[inline]
    fn field(self, shift: u32, bits: u32) -> u32 {
        (self.0.addr() >> shift) as u32 & ((1 << bits) - 1)
    }

    #[inline]
    pub(in crate::structure) fn class(self) -> u8 {
        self.field(CLASS_SHIFT, 5) as u8
    }

    #[inline]
    pub(in crate::structure) fn is_volatile(self) -> bool {
        self.field(VOLATILE_SHIFT, 1) != 0
    }

    /// Bits of its directory that led to this segment; of a directory, its own bits.
    #[inline]
    pub(in crate::structure) fn depth(self) -> u32 {
        self.field(DEPTH_SHIFT, 4)
    }

    /// The same segment known at another depth within its directory.
    pub(in crate::structure) fn at_depth(self, depth: u32) -> Word {
        debug_assert!(!self.is_directory());
        Word::segment(self.address(), self.class(), self.is_volatile(), depth)
    }

    #[inline]
    pub(in crate::structure) fn geometry(self) -> &'static Geometry {
        Geometry::of(self.class(), self.is_volatile())
    }
}
