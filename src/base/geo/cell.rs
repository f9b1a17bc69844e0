//! Cells: the grid halved `level` times in each direction, numbered along a Z-curve.
//!
//! The bits of column and row alternate, the column's first, so that cells inside of a coarser one have neighbouring
//! numbers: a cell of any level is a range of scores.

use super::{LATITUDE_MAX, LONGITUDE_MAX, Point};

/// A cell of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Column and row, bits alternating.
    bits: u64,
    level: u32,
}

/// What a cell covers, in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

impl Cell {
    /// The level whose cells are scores.
    pub const LEVEL_MAX: u32 = 26;

    /// The cell of a place.
    pub(super) fn at(point: Point, level: u32) -> Cell {
        let grid = (LONGITUDE_MAX, LATITUDE_MAX);
        Cell {
            bits: number(point, grid, level),
            level,
        }
    }

    /// The cell that a score stands for.
    pub(super) fn of_score(score: u64) -> Cell {
        Cell {
            bits: score,
            level: Cell::LEVEL_MAX,
        }
    }

    /// The lowest score in it.
    pub(super) fn score(self) -> u64 {
        self.bits << (2 * (Cell::LEVEL_MAX - self.level))
    }

    /// The scores of the places in it: from the first up to, not including, the second.
    pub fn scores(self) -> (f64, f64) {
        let above = Cell {
            bits: self.bits + 1,
            ..self
        };
        // At most 2^52, which a double holds exactly.
        (self.score() as f64, above.score() as f64)
    }

    pub(super) fn bounds(self) -> Bounds {
        let count = (1_u64 << self.level) as f64;
        let (column, row) = (squeeze(self.bits >> 1), squeeze(self.bits));
        let line = |number: f64, max: f64| -max + number / count * (2.0 * max);
        Bounds {
            west: line(f64::from(column), LONGITUDE_MAX),
            east: line(f64::from(column) + 1.0, LONGITUDE_MAX),
            south: line(f64::from(row), LATITUDE_MAX),
            north: line(f64::from(row) + 1.0, LATITUDE_MAX),
        }
    }

    pub(super) fn middle(self) -> Point {
        let Bounds {
            west,
            east,
            south,
            north,
        } = self.bounds();
        Point {
            longitude: ((west + east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((south + north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    /// The cell so many columns to the east and rows to the north, around the grid's edges.
    pub(super) fn step(self, columns: i32, rows: i32) -> Cell {
        let mask = ((1_u64 << self.level) - 1) as u32;
        let column = squeeze(self.bits >> 1).wrapping_add_signed(columns) & mask;
        let row = squeeze(self.bits).wrapping_add_signed(rows) & mask;
        Cell {
            bits: spread(column) << 1 | spread(row),
            ..self
        }
    }
}

/// The number of the cell of a place in a grid that reaches so far in both directions.
fn number(point: Point, (longitude_max, latitude_max): (f64, f64), level: u32) -> u64 {
    let count = (1_u64 << level) as f64;
    let index = |value: f64, max: f64| ((value + max) / (2.0 * max) * count) as u32;
    let column = index(point.longitude, longitude_max);
    let row = index(point.latitude, latitude_max);
    spread(column) << 1 | spread(row)
}

/// The 11 letters under which a place is known elsewhere. That grid reaches to the poles. The last letter has no bits
/// left and is always the first of the alphabet.
pub fn geohash_text(point: Point) -> [u8; 11] {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    let bits = number(point, (180.0, 90.0), Cell::LEVEL_MAX);
    let mut text = [ALPHABET[0]; 11];
    for (at, letter) in text.iter_mut().take(10).enumerate() {
        *letter = ALPHABET[(bits >> (47 - 5 * at)) as usize & 31];
    }
    text
}

/// Puts a 0 before each bit.
fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & 0x5555_5555_5555_5555
}

/// Takes every other bit, the last one included.
fn squeeze(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_alternate() {
        assert_eq!(spread(0b1011), 0b100_0101);
        assert_eq!(spread(u32::MAX), 0x5555_5555_5555_5555);
        for value in [0, 1, 0xffff_ffff, 0x1234_5678, 0x8000_0001] {
            assert_eq!(squeeze(spread(value)), value);
            assert_eq!(squeeze(spread(value) | 0xaaaa_aaaa_aaaa_aaaa), value);
        }
    }

    #[test]
    fn neighbours_touch_and_the_edges_meet() {
        let cell = Cell::at(
            Point {
                longitude: 10.0,
                latitude: 50.0,
            },
            9,
        );
        let (here, east, north) = (
            cell.bounds(),
            cell.step(1, 0).bounds(),
            cell.step(0, 1).bounds(),
        );
        assert_eq!((here.east, here.south), (east.west, east.south));
        assert_eq!((here.north, here.west), (north.south, north.west));
        assert_eq!(cell.step(1, 1).step(-1, -1), cell);
        let edge = Cell::at(
            Point {
                longitude: 179.999,
                latitude: 0.0,
            },
            5,
        );
        assert_eq!(edge.step(1, 0).bounds().west, -180.0);
    }

    #[test]
    fn a_cell_is_a_range_of_scores() {
        let place = Point {
            longitude: 2.3522,
            latitude: 48.8566,
        };
        let score = place.to_score();
        for level in 1..=Cell::LEVEL_MAX {
            let (from, to) = Cell::at(place, level).scores();
            assert!(from <= score && score < to);
        }
    }
}
