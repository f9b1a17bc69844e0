//! Places on the earth: cells of a grid as numbers (Geohash), distances, and which cells cover an area.
//!
//! The earth is a sphere here, and the grid ends at 85 degrees north and south, as with the maps of the web. A place is
//! kept as the number of a cell of the finest grid, 52 bits, which a double holds exactly: a score of a sorted set.

mod cell;
mod cover;

pub use cell::{Cell, geohash_text};
pub use cover::{Area, Shape, cover};

/// The lowest and highest longitude of the grid.
pub const LONGITUDE_MAX: f64 = 180.0;

/// The highest latitude of the grid, and, negative, the lowest.
pub const LATITUDE_MAX: f64 = 85.051_128_78;

const EARTH_RADIUS_M: f64 = 6_372_797.560856;

/// A place in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// East is positive.
    pub longitude: f64,
    /// North is positive.
    pub latitude: f64,
}

impl Point {
    /// Whether the grid has the place.
    pub fn is_valid(self) -> bool {
        (-LONGITUDE_MAX..=LONGITUDE_MAX).contains(&self.longitude)
            && (-LATITUDE_MAX..=LATITUDE_MAX).contains(&self.latitude)
    }

    /// The score that stands for a place.
    pub fn to_score(self) -> f64 {
        // 52 bits, which a double holds exactly.
        Cell::at(self, Cell::LEVEL_MAX).score() as f64
    }

    /// The place that a score stands for: the middle of its cell.
    pub fn from_score(score: f64) -> Point {
        // What is not a cell's number becomes some cell's: members may have been given any score.
        Cell::of_score(score as u64).middle()
    }

    /// Metres to another place, by the haversine formula.
    pub fn distance(self, other: Point) -> f64 {
        let half = |one: f64, other: f64| ((other - one) / 2.0).sin();
        let longitude = half(radians(self.longitude), radians(other.longitude));
        if longitude == 0.0 {
            return latitude_distance(self.latitude, other.latitude);
        }
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let latitude = half(from, to);
        let chord = latitude * latitude + from.cos() * to.cos() * longitude * longitude;
        2.0 * EARTH_RADIUS_M * chord.sqrt().asin()
    }
}

/// Metres between two latitudes.
fn latitude_distance(one: f64, other: f64) -> f64 {
    EARTH_RADIUS_M * (radians(other) - radians(one)).abs()
}

const RADIANS_A_DEGREE: f64 = std::f64::consts::PI / 180.0;

fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_A_DEGREE
}

fn degrees(radians: f64) -> f64 {
    radians / RADIANS_A_DEGREE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn point(longitude: f64, latitude: f64) -> Point {
        Point {
            longitude,
            latitude,
        }
    }

    #[test]
    fn the_example_of_the_documentation() {
        let palermo = point(13.361389, 38.115556);
        let catania = point(15.087269, 37.502669);
        assert_eq!(palermo.to_score(), 3479099956230698.0);
        assert_eq!(catania.to_score(), 3479447370796909.0);
        let (palermo, catania) = (
            Point::from_score(3479099956230698.0),
            Point::from_score(3479447370796909.0),
        );
        assert_eq!(format!("{:.4}", palermo.distance(catania)), "166274.1516");
        assert_eq!(format!("{:.17}", palermo.longitude), "13.36138933897018433");
        assert_eq!(geohash_text(palermo), *b"sqc8b49rny0");
        assert_eq!(geohash_text(catania), *b"sqdtr74hyu0");
    }

    #[test]
    fn scores_and_places_stand_for_each_other() {
        let mut rng = Rng::new(1);
        for _ in 0..10_000 {
            let place = point(
                (rng.unit_f64() * 2.0 - 1.0) * LONGITUDE_MAX,
                (rng.unit_f64() * 2.0 - 1.0) * LATITUDE_MAX,
            );
            assert!(place.is_valid());
            let again = Point::from_score(place.to_score());
            assert!(place.distance(again) < 0.6, "{place:?} {again:?}");
            assert_eq!(again.to_score(), place.to_score());
        }
        assert!(!point(180.1, 0.0).is_valid() && !point(0.0, -85.06).is_valid());
        for score in [-1.0, f64::INFINITY, f64::NEG_INFINITY, 1e300, f64::NAN] {
            assert!(Point::from_score(score).is_valid());
        }
    }
}
