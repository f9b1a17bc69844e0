//! How many values of a database there are of each length: bytes of strings, elements of collections, by powers of two.
//!
//! Kept by the choke point with every change; most changes leave a value in its bin and cost two comparisons.

use crate::structure::{BodyRef, EntryRef};
use crate::types::{Collection, Hash, Kind, List, Set, Zset};

/// Types that are counted, in the order in which they are shown.
const TYPES: usize = 5;

/// Lengths up to 2^46 have a bin of their own.
const BINS: usize = 48;

/// Where a value is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bin(u8);

/// Numbers of values by type and length.
#[derive(Clone, Default, Debug)]
pub struct Lengths(Option<Box<[[u64; BINS]; TYPES]>>);

impl Bin {
    /// The bin of a value; `None` for streams, which are not counted.
    #[inline]
    pub(super) fn of(entry: EntryRef<'_, Collection>) -> Option<Bin> {
        let (of, len) = match entry.body() {
            BodyRef::Bytes(bytes) => (0, bytes.len()),
            BodyRef::Int(value) => (0, digits_bound(value)),
            BodyRef::Shared(bytes) => (0, bytes.len()),
            BodyRef::Object(collection) => {
                return Bin::of_collection(collection.tag(), collection.len());
            }
        };
        Some(Bin::at(of, len))
    }

    /// The bin of a collection of a type.
    #[inline]
    pub(super) fn of_collection(tag: u8, len: usize) -> Option<Bin> {
        let of = match tag {
            List::TAG => 1,
            Set::TAG => 2,
            Zset::TAG => 3,
            Hash::TAG => 4,
            _ => return None,
        };
        Some(Bin::at(of, len))
    }

    #[inline]
    fn at(of: usize, len: usize) -> Bin {
        let bin = (usize::BITS - len.leading_zeros()) as usize;
        Bin((of * BINS + bin.min(BINS - 1)) as u8)
    }
}

/// The length of an integer's text, down to a power of two.
#[inline]
fn digits_bound(value: i64) -> usize {
    // A sign is one more.
    let limits: [u64; 4] = match value < 0 {
        true => [1, 100, 1_000_000, 100_000_000_000_000],
        false => [10, 1000, 10_000_000, 1_000_000_000_000_000],
    };
    let size = value.unsigned_abs();
    let beyond = limits.iter().filter(|limit| size >= **limit).count();
    1 << beyond
}

impl Lengths {
    /// A value changes its bin, comes (`None` before) or goes (`None` after).
    #[inline]
    pub(super) fn change(&mut self, from: Option<Bin>, to: Option<Bin>) {
        if from != to {
            self.step(from, to);
        }
    }

    fn step(&mut self, from: Option<Bin>, to: Option<Bin>) {
        let counts = self.0.get_or_insert_with(|| Box::new([[0; BINS]; TYPES]));
        let counts = counts.as_flattened_mut();
        if let Some(from) = from {
            counts[usize::from(from.0)] -= 1;
        }
        if let Some(to) = to {
            counts[usize::from(to.0)] += 1;
        }
    }

    /// Adds the numbers of another shard.
    pub fn add(&mut self, other: &Lengths) {
        let Some(more) = &other.0 else { return };
        let counts = self.0.get_or_insert_with(|| Box::new([[0; BINS]; TYPES]));
        let pairs = counts
            .as_flattened_mut()
            .iter_mut()
            .zip(more.as_flattened());
        pairs.for_each(|(count, more)| *count += more);
    }

    /// For strings, lists, sets, sorted sets and hashes, in this order: the lengths from which bins begin, and how many
    /// values are in them; empty bins left out.
    pub fn types(&self) -> impl Iterator<Item = Vec<(u64, u64)>> {
        (0..TYPES).map(|of| {
            let bins = self.0.iter().flat_map(move |counts| counts[of].iter());
            let bins = bins.enumerate().filter(|(_, count)| **count > 0);
            bins.map(|(bin, count)| (1 << bin >> 1, *count)).collect()
        })
    }
}

impl PartialEq for Lengths {
    fn eq(&self, other: &Lengths) -> bool {
        self.types().eq(other.types())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_as_long_as_their_texts() {
        for value in [
            0,
            9,
            10,
            99,
            100,
            999,
            1000,
            9_999_999,
            10_000_000,
            -1,
            -9,
            -10,
            -99,
            -100,
            -999_999,
            -1_000_000,
            -10_000_000,
            999_999_999_999_999,
            1_000_000_000_000_000,
            -99_999_999_999_999,
            -100_000_000_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            let len = value.to_string().len();
            assert_eq!(Bin::at(0, digits_bound(value)), Bin::at(0, len), "{value}");
        }
    }

    #[test]
    fn bins_begin_at_powers_of_two() {
        let mut lengths = Lengths::default();
        for len in [0, 1, 2, 3, 4, 1023, 1024, 1 << 40, usize::MAX] {
            lengths.change(None, Some(Bin::at(1, len)));
        }
        lengths.change(Some(Bin::at(1, 3)), Some(Bin::at(1, 5)));
        let mut twice = lengths.clone();
        twice.add(&lengths);
        let types: Vec<Vec<(u64, u64)>> = twice.types().collect();
        let expected = [
            (0, 2),
            (1, 2),
            (2, 2),
            (4, 4),
            (512, 2),
            (1024, 2),
            (1 << 40, 2),
            (1 << 46, 2),
        ];
        assert_eq!(types[1], expected);
        assert!(types[0].is_empty() && types[4].is_empty());
    }
}
