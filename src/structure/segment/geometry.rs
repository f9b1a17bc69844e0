//! Sizes of segments: how many lines are homes, stash and hints.

use std::alloc::Layout;

use crate::structure::bucket::{Bucket, CELLS};
use crate::structure::entry::size_class;

/// How a segment of some size is divided.
#[derive(Clone, Copy)]
pub(in crate::structure) struct Geometry {
    pub(in crate::structure) home: u32,
    pub(in crate::structure) stash: u32,
    lines: u32,
}

/// Sizes in lines, chosen to be sizes of the allocators as well. The last is the largest a segment grows to before it
/// is split.
const LINES: [u32; 20] = [
    1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64,
];

/// The largest ordinary class.
pub(in crate::structure) const CLASS_SPLIT: u8 = LINES.len() as u8 - 1;

/// Classes above are for entries that no further bit tells apart: their stash is four times larger from one to the next.
/// The last would hold 2^33 entries.
pub(in crate::structure) const CLASS_MAX: u8 = 31;

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
    pub(in crate::structure) fn of(class: u8, volatile: bool) -> &'static Geometry {
        &GEOMETRIES[usize::from(volatile)][usize::from(class & 31)]
    }

    /// Cells of all buckets.
    pub(in crate::structure) fn capacity(&self) -> usize {
        (self.home + self.stash) as usize * CELLS
    }

    pub(in crate::structure) fn buckets(&self) -> usize {
        (self.home + self.stash) as usize
    }

    pub(in crate::structure) fn layout(&self) -> Layout {
        Layout::array::<Bucket>(self.lines as usize).expect("the largest class is 2^39 bytes")
    }

    /// Bytes of a segment, by allocation class.
    pub(in crate::structure) fn bytes(&self) -> usize {
        size_class(self.lines as usize * size_of::<Bucket>())
    }

    /// Where hints are, if there is room: the lines after the buckets.
    pub(in crate::structure) fn has_hints(&self) -> bool {
        self.lines > self.home + self.stash
    }

    /// The home of a position in the segment.
    #[inline]
    pub(in crate::structure) fn home_of(&self, position: u16) -> u32 {
        (u32::from(position) * self.home) >> 16
    }

    /// The stash bucket of a home's neighbourhood.
    #[inline]
    pub(in crate::structure) fn stash_of(&self, home: u32) -> u32 {
        home * self.stash.min(self.home) / self.home
    }
}

/// The smallest ordinary class that `len` entries fill to at most `percent`.
pub(in crate::structure) fn class_for(len: usize, volatile: bool, percent: usize) -> u8 {
    let fits = |&class: &u8| len * 100 <= Geometry::of(class, volatile).capacity() * percent;
    (0..CLASS_SPLIT).find(fits).unwrap_or(CLASS_SPLIT)
}

/// How full a segment made smaller is: it may go on shrinking or grow again.
pub(in crate::structure) const FILL_SHRUNK: usize = 70;

/// How full a half is: what has been split is growing. The fullest ever are 87.
pub(in crate::structure) const FILL_SPLIT: usize = 80;
