//! Integers in ascending order, side by side: what a set of integers is kept in.
//!
//! ```text
//! | width u32 | count u32 | integer | integer | ..        all little-endian; width 2, 4 or 8 bytes an integer
//! ```
//!
//! That is how RDB files carry it. The width is that of the widest integer there ever was: it grows with what is put in,
//! and stays when that is removed. Searching is O(log N), changing O(N), but the N bytes are moved at once.

use std::fmt;

use crate::structure::size_class;

/// A set of integers.
pub struct Intset {
    bytes: Vec<u8>,
}

const HEADER_BYTES: usize = 8;
const COUNT_AT: usize = 4;

/// Bytes that an integer needs.
#[inline]
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

#[inline]
fn read(bytes: &[u8], width: usize, index: usize) -> i64 {
    let at = HEADER_BYTES + index * width;
    let mut wide = [0; 8];
    match width {
        2 => i64::from(i16::from_le_bytes([bytes[at], bytes[at + 1]])),
        4 => {
            let mut half = [0; 4];
            half.copy_from_slice(&bytes[at..at + 4]);
            i64::from(i32::from_le_bytes(half))
        }
        _ => {
            wide.copy_from_slice(&bytes[at..at + 8]);
            i64::from_le_bytes(wide)
        }
    }
}

impl fmt::Debug for Intset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Clone for Intset {
    fn clone(&self) -> Intset {
        let mut bytes = Vec::with_capacity(size_class(self.bytes.len()));
        bytes.extend_from_slice(&self.bytes);
        Intset { bytes }
    }
}

impl Default for Intset {
    fn default() -> Intset {
        Intset::new()
    }
}

impl Intset {
    /// An empty one.
    pub fn new() -> Intset {
        let mut bytes = Vec::with_capacity(size_class(HEADER_BYTES));
        bytes.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0]);
        Intset { bytes }
    }

    /// Takes bytes from outside; `None` unless they are well formed, each integer once and in order.
    pub fn from_bytes(mut bytes: Vec<u8>) -> Option<Intset> {
        let (width, rest) = bytes.split_first_chunk()?;
        let (count, integers) = rest.split_first_chunk()?;
        let width = usize::try_from(u32::from_le_bytes(*width)).ok()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        if !matches!(width, 2 | 4 | 8) || Some(integers.len()) != count.checked_mul(width) {
            return None;
        }
        bytes.shrink_to(size_class(bytes.len()));
        let set = Intset { bytes };
        let is_sorted = set.iter().is_sorted_by(|a, b| a < b);
        is_sorted.then_some(set)
    }

    /// All of it, as RDB files carry it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many.
    #[inline]
    pub fn len(&self) -> usize {
        (self.bytes.len() - HEADER_BYTES) / self.width()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER_BYTES
    }

    /// Bytes on the heap, by allocation class.
    #[inline]
    pub fn memory(&self) -> usize {
        size_class(self.bytes.capacity())
    }

    #[inline]
    fn width(&self) -> usize {
        usize::from(self.bytes[0])
    }

    /// The integer at this place, counted from the smallest. Panics beyond the last.
    #[inline]
    pub fn get(&self, index: usize) -> i64 {
        read(&self.bytes, self.width(), index)
    }

    /// The smallest and the largest.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        let last = self.len().checked_sub(1)?;
        Some((self.get(0), self.get(last)))
    }

    /// All, from the smallest on.
    pub fn iter(&self) -> impl Iterator<Item = i64> + '_ {
        (0..self.len()).map(|index| self.get(index))
    }

    /// Where the integer is, or would be.
    #[inline]
    fn search(&self, value: i64) -> Result<usize, usize> {
        let len = self.len();
        // Most that come are larger than all: counters.
        if len == 0 || value > self.get(len - 1) {
            return Err(len);
        }
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = (low + high) / 2;
            if self.get(middle) < value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        match self.get(low) == value {
            true => Ok(low),
            false => Err(low),
        }
    }

    /// Whether the integer is in it.
    #[inline]
    pub fn contains(&self, value: i64) -> bool {
        width_of(value) <= self.width() && self.search(value).is_ok()
    }

    /// Puts an integer in. Returns whether it is new.
    pub fn insert(&mut self, value: i64) -> bool {
        let width = width_of(value);
        if width > self.width() {
            self.widen(width);
        }
        let Err(index) = self.search(value) else {
            return false;
        };
        let width = self.width();
        let at = HEADER_BYTES + index * width;
        self.reserve(width);
        self.bytes
            .splice(at..at, value.to_le_bytes().into_iter().take(width));
        self.write_count();
        true
    }

    /// Takes an integer out. Returns whether it was in it.
    pub fn remove(&mut self, value: i64) -> bool {
        if width_of(value) > self.width() {
            return false;
        }
        let Ok(index) = self.search(value) else {
            return false;
        };
        self.remove_at(index);
        true
    }

    /// Takes out the integer at this place. Panics beyond the last.
    pub fn remove_at(&mut self, index: usize) -> i64 {
        let (value, width) = (self.get(index), self.width());
        let at = HEADER_BYTES + index * width;
        self.bytes.drain(at..at + width);
        self.write_count();
        let wanted = size_class(self.bytes.len());
        if wanted * 2 <= self.bytes.capacity() {
            self.bytes.shrink_to(wanted);
        }
        value
    }

    /// Makes integers wider. They are moved from the last on, so that none is overwritten before.
    fn widen(&mut self, width: usize) {
        let (old, len) = (self.width(), self.len());
        self.reserve(len * (width - old));
        self.bytes.resize(HEADER_BYTES + len * width, 0);
        for index in (0..len).rev() {
            let value = read(&self.bytes, old, index).to_le_bytes();
            let at = HEADER_BYTES + index * width;
            self.bytes[at..at + width].copy_from_slice(&value[..width]);
        }
        self.bytes[0] = width as u8;
    }

    fn reserve(&mut self, more: usize) {
        let wanted = self.bytes.len() + more;
        if wanted > self.bytes.capacity() {
            self.bytes
                .reserve_exact(size_class(wanted) - self.bytes.len());
        }
    }

    fn write_count(&mut self) {
        let count = self.len() as u32;
        self.bytes[COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn it_does_what_a_model_does() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            let shift = [0, 8, 30, 50][rng.index(4)];
            for step in 0..600 {
                // Wide ones come late, so that the others are widened.
                let shift = if step < 200 { 0 } else { shift };
                let value = (rng.below(200) as i64 - 100) << shift;
                match rng.below(3) {
                    0 => assert_eq!(set.remove(value), model.remove(&value)),
                    _ => assert_eq!(set.insert(value), model.insert(value)),
                }
                assert_eq!(set.contains(value), model.contains(&value));
                assert_eq!(set.len(), model.len());
                assert_eq!(set.memory(), size_class(set.bytes.capacity()));
            }
            assert!(set.iter().eq(model.iter().copied()));
            let copy = Intset::from_bytes(set.as_bytes().to_vec()).unwrap();
            assert!(copy.iter().eq(model.iter().copied()));
        }
    }

    #[test]
    fn the_bytes_are_those_of_rdb_files() {
        let mut set = Intset::new();
        for value in [2, -1, 300] {
            set.insert(value);
        }
        let narrow = [2, 0, 0, 0, 3, 0, 0, 0, 0xff, 0xff, 2, 0, 0x2c, 1];
        assert_eq!(set.as_bytes(), narrow);
        set.insert(70_000);
        assert_eq!(
            set.as_bytes()[..12],
            [4, 0, 0, 0, 4, 0, 0, 0, 255, 255, 255, 255]
        );
        set.insert(i64::MIN);
        assert_eq!(set.as_bytes()[..8], [8, 0, 0, 0, 5, 0, 0, 0]);
        assert_eq!(set.bounds(), Some((i64::MIN, 70_000)));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for bytes in [
            &[][..],
            &[2, 0, 0, 0, 0, 0, 0],
            &[3, 0, 0, 0, 0, 0, 0, 0],
            &[2, 0, 0, 0, 1, 0, 0, 0],
            &[2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 2, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 2, 0, 1, 0],
            &[2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 1, 0],
            &[8, 0, 0, 0, 255, 255, 255, 255],
        ] {
            assert!(Intset::from_bytes(bytes.to_vec()).is_none(), "{bytes:?}");
        }
        assert!(Intset::from_bytes(vec![2, 0, 0, 0, 0, 0, 0, 0]).is_some());
    }
}
