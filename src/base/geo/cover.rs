//! Which cells to look at for an area around a place.
//!
//! The cell of the place and its eight neighbours, of the finest level at which those are sure to cover the area; those
//! of them that it cannot reach are left out. The order of the cells decides the order of unsorted replies.

use super::cell::{Bounds, Cell};
use super::{EARTH_RADIUS_M, LATITUDE_MAX, Point, degrees, latitude_distance, radians};

/// The form of an area; lengths in metres.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// All places no farther than this.
    Circle {
        /// Metres.
        radius: f64,
    },
    /// All places no farther to the east or west than half the width, to the north or south than half the height.
    Box {
        /// Metres.
        width: f64,
        /// Metres.
        height: f64,
    },
    /// What a closed line of straight pieces on the map goes around an odd number of times.
    Polygon {
        /// The ends of the pieces.
        corners: Vec<Point>,
    },
}

/// An area around a place.
#[derive(Clone, Debug, PartialEq)]
pub struct Area {
    /// Its middle.
    pub center: Point,
    /// Its form.
    pub shape: Shape,
}

impl Area {
    /// What lies inside of these corners; the middle is theirs, on the sphere.
    pub fn polygon(corners: Vec<Point>) -> Area {
        let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
        for corner in &corners {
            let (longitude, latitude) = (radians(corner.longitude), radians(corner.latitude));
            x += latitude.cos() * longitude.cos();
            y += latitude.cos() * longitude.sin();
            z += latitude.sin();
        }
        let center = Point {
            longitude: degrees(y.atan2(x)),
            latitude: degrees(z.atan2(x.hypot(y))).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        };
        Area {
            center,
            shape: Shape::Polygon { corners },
        }
    }

    /// Metres from the middle to a place, if that is inside.
    pub fn distance(&self, place: Point) -> Option<f64> {
        let center = self.center;
        match &self.shape {
            &Shape::Circle { radius } => {
                let distance = center.distance(place);
                // Rounding can make it no number at the far side of the earth; Redis takes that in.
                (distance <= radius || distance.is_nan()).then_some(distance)
            }
            &Shape::Box { width, height } => {
                if latitude_distance(place.latitude, center.latitude) > height / 2.0 {
                    return None;
                }
                // At the latitude of the place, where a degree of longitude has its own length.
                let beside = Point {
                    longitude: center.longitude,
                    latitude: place.latitude,
                };
                if place.distance(beside) > width / 2.0 {
                    return None;
                }
                Some(center.distance(place))
            }
            Shape::Polygon { corners } => encloses(corners, place).then(|| center.distance(place)),
        }
    }

    /// The longitudes and latitudes that it lies between.
    fn bounds(&self) -> Bounds {
        let Point {
            longitude,
            latitude,
        } = self.center;
        let (width, height) = match &self.shape {
            &Shape::Circle { radius } => (radius, radius),
            &Shape::Box { width, height } => (width / 2.0, height / 2.0),
            Shape::Polygon { corners } => return bounds_of(corners),
        };
        let rows = degrees(height / EARTH_RADIUS_M);
        // A degree of longitude is shortest on the side of the nearer pole.
        let farthest = if latitude < 0.0 {
            latitude - rows
        } else {
            latitude + rows
        };
        let columns = degrees(width / EARTH_RADIUS_M / radians(farthest).cos());
        Bounds {
            west: longitude - columns,
            east: longitude + columns,
            south: latitude - rows,
            north: latitude + rows,
        }
    }

    /// The radius of a circle that it fits into.
    fn reach(&self) -> f64 {
        match &self.shape {
            &Shape::Circle { radius } => radius,
            &Shape::Box { width, height } => {
                let (width, height) = (width / 2.0, height / 2.0);
                (width * width + height * height).sqrt()
            }
            Shape::Polygon { corners } => {
                let distances = corners.iter().map(|corner| self.center.distance(*corner));
                distances.fold(0.0, f64::max)
            }
        }
    }
}

/// Whether a line from the place to the east crosses an odd number of sides.
fn encloses(corners: &[Point], place: Point) -> bool {
    let mut is_inside = false;
    let mut from = corners.last();
    for to in corners {
        if let Some(from) = from.replace(to)
            && (from.latitude > place.latitude) != (to.latitude > place.latitude)
        {
            let part = (place.latitude - from.latitude) / (to.latitude - from.latitude);
            let crossing = from.longitude + part * (to.longitude - from.longitude);
            is_inside ^= place.longitude < crossing;
        }
    }
    is_inside
}

fn bounds_of(corners: &[Point]) -> Bounds {
    let longitudes = || corners.iter().map(|corner| corner.longitude);
    let latitudes = || corners.iter().map(|corner| corner.latitude);
    Bounds {
        west: longitudes().fold(f64::INFINITY, f64::min),
        east: longitudes().fold(f64::NEG_INFINITY, f64::max),
        south: latitudes().fold(f64::INFINITY, f64::min),
        north: latitudes().fold(f64::NEG_INFINITY, f64::max),
    }
}

/// The finest level whose cells, three by three, are large enough.
fn level_for(reach: f64, latitude: f64) -> u32 {
    /// Half the way around the equator.
    const HALF_M: f64 = 20_037_726.37;
    if reach == 0.0 {
        return Cell::LEVEL_MAX;
    }
    let mut level = 1;
    let mut reach = reach;
    while reach < HALF_M {
        reach *= 2.0;
        level += 1;
    }
    // Two levels for safety, more towards the poles, where cells get narrow.
    level -= 2;
    if latitude.abs() > 66.0 {
        level -= 1;
        if latitude.abs() > 80.0 {
            level -= 1;
        }
    }
    level.clamp(1, Cell::LEVEL_MAX as i32) as u32
}

/// Cells that cover an area, in the order in which they are to be looked at.
pub fn cover(area: &Area) -> impl Iterator<Item = Cell> {
    let bounds = area.bounds();
    let center = area.center;
    let mut level = level_for(area.reach(), center.latitude);
    let mut middle = Cell::at(center, level);
    let falls_short = |middle: Cell| {
        middle.step(0, 1).bounds().north < bounds.north
            || middle.step(0, -1).bounds().south > bounds.south
            || middle.step(1, 0).bounds().east < bounds.east
            || middle.step(-1, 0).bounds().west > bounds.west
    };
    // A straight side on the map may lead farther away than its ends are.
    let mut steps = match area.shape {
        Shape::Polygon { .. } => Cell::LEVEL_MAX,
        Shape::Circle { .. } | Shape::Box { .. } => 1,
    };
    while steps > 0 && level > 1 && falls_short(middle) {
        steps -= 1;
        level -= 1;
        middle = Cell::at(center, level);
    }
    let here = middle.bounds();
    let is_needed = move |(columns, rows): (i32, i32)| {
        let is_beyond = (rows < 0 && here.south < bounds.south)
            || (rows > 0 && here.north > bounds.north)
            || (columns < 0 && here.west < bounds.west)
            || (columns > 0 && here.east > bounds.east);
        level < 2 || !is_beyond
    };
    let mut last = None;
    let cells = AROUND.into_iter().filter(move |step| is_needed(*step));
    cells.filter_map(move |(columns, rows)| {
        let cell = middle.step(columns, rows);
        // Of the coarsest levels a cell is its own neighbour.
        let is_new = last.replace(cell) != Some(cell);
        is_new.then_some(cell)
    })
}

/// Steps to the east and to the north.
const AROUND: [(i32, i32); 9] = [
    (0, 0),
    (0, 1),
    (0, -1),
    (1, 0),
    (-1, 0),
    (1, 1),
    (-1, 1),
    (1, -1),
    (-1, -1),
];

#[cfg(test)]
mod tests {
    use super::super::LONGITUDE_MAX;
    use super::*;
    use crate::base::Rng;

    fn random_point(rng: &mut Rng) -> Point {
        Point {
            longitude: (rng.unit_f64() * 2.0 - 1.0) * LONGITUDE_MAX,
            latitude: (rng.unit_f64() * 2.0 - 1.0) * LATITUDE_MAX,
        }
    }

    #[test]
    fn what_is_inside_is_covered() {
        let mut rng = Rng::new(7);
        let mut inside = 0;
        for _ in 0..200 {
            let mut center = random_point(&mut rng);
            center.latitude *= 0.8;
            let scale = 10_f64.powi(rng.below(6) as i32 + 1);
            let mut corner = || Point {
                longitude: (center.longitude + (rng.unit_f64() - 0.5) * scale / 1e5)
                    .clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
                latitude: (center.latitude + (rng.unit_f64() - 0.5) * scale / 1e5)
                    .clamp(-LATITUDE_MAX, LATITUDE_MAX),
            };
            let corners = vec![corner(), corner(), corner(), corner(), corner()];
            let area = match rng.below(3) {
                0 => Area::polygon(corners),
                1 => Area {
                    center,
                    shape: Shape::Circle {
                        radius: rng.unit_f64() * scale,
                    },
                },
                _ => Area {
                    center,
                    shape: Shape::Box {
                        width: rng.unit_f64() * scale,
                        height: rng.unit_f64() * scale,
                    },
                },
            };
            let center = area.center;
            let cells: Vec<Cell> = cover(&area).collect();
            assert!((1..=9).contains(&cells.len()));
            for _ in 0..200 {
                let reach = area.reach() / 111_000.0;
                let place = Point {
                    longitude: center.longitude + (rng.unit_f64() - 0.5) * reach * 2.5,
                    latitude: center.latitude + (rng.unit_f64() - 0.5) * reach * 2.5,
                };
                if !place.is_valid() {
                    continue;
                }
                let score = place.to_score();
                let place = Point::from_score(score);
                if area.distance(place).is_some() {
                    inside += 1;
                    let is_covered = cells.iter().any(|cell| {
                        let (from, to) = cell.scores();
                        from <= score && score < to
                    });
                    assert!(is_covered, "{area:?} {place:?}");
                }
            }
        }
        assert!(inside > 5000, "{inside}");
    }

    #[test]
    fn a_polygon_is_what_its_sides_go_around_an_odd_number_of_times() {
        let at = |longitude, latitude| Point {
            longitude,
            latitude,
        };
        // A star of five points: its middle is gone around twice.
        let star = [
            (0.0, 3.0),
            (-2.0, -3.0),
            (3.0, 1.0),
            (-3.0, 1.0),
            (2.0, -3.0),
        ];
        let area = Area::polygon(star.map(|(x, y)| at(x, y)).to_vec());
        assert!(area.distance(at(0.0, 2.0)).is_some() && area.distance(at(2.0, 0.9)).is_some());
        assert!(area.distance(at(0.0, 0.0)).is_none() && area.distance(at(3.0, 3.0)).is_none());
    }

    #[test]
    fn levels_fit_distances() {
        assert_eq!(level_for(0.0, 0.0), 26);
        assert_eq!(level_for(0.01, 0.0), 26);
        assert_eq!(level_for(5_000.0, 0.0), 11);
        assert_eq!(level_for(5_000.0, 70.0), 10);
        assert_eq!(level_for(5_000.0, -81.0), 9);
        assert_eq!(level_for(1e9, 0.0), 1);
        assert_eq!(level_for(f64::INFINITY, 0.0), 1);
        assert_eq!(level_for(f64::NAN, 0.0), 1);
    }
}
