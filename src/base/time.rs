//! Time as newtypes, so that milliseconds, microseconds and plain counters cannot be swapped.
//!
//! Both count from the Unix epoch. Nobody here reads a clock: `main` and the ring do, once per turn, and hand the
//! value down, so one command sees one instant and a simulation can supply its own.

use std::ops::{Add, Sub};

/// Unix time in milliseconds; also the unit of absolute expiry times. May be negative (before 1970).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Millis(pub i64);

/// Unix time in microseconds, for latency, slowlog and MONITOR.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Micros(pub i64);

impl Millis {
    /// The end of time: a deadline that never comes.
    pub const MAX: Millis = Millis(i64::MAX);

    /// `self + ms`, or `None` when that leaves the range of the type.
    pub const fn checked_add(self, ms: i64) -> Option<Millis> {
        match self.0.checked_add(ms) {
            Some(sum) => Some(Millis(sum)),
            None => None,
        }
    }

    /// `self + ms`, stopping at the ends of the range.
    pub const fn saturating_add(self, ms: i64) -> Millis {
        Millis(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to `self`; 0 if `earlier` is later.
    pub const fn since(self, earlier: Millis) -> i64 {
        let elapsed_ms = self.0.saturating_sub(earlier.0);
        if elapsed_ms > 0 { elapsed_ms } else { 0 }
    }

    /// Whole seconds, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

impl Micros {
    /// The same instant in milliseconds, rounded down.
    pub const fn millis(self) -> Millis {
        Millis(self.0.div_euclid(1000))
    }

    /// Microseconds from `earlier` to `self`; 0 if `earlier` is later.
    pub const fn since(self, earlier: Micros) -> i64 {
        let elapsed_us = self.0.saturating_sub(earlier.0);
        if elapsed_us > 0 { elapsed_us } else { 0 }
    }
}

/// Adds milliseconds. Overflow is a bug in the caller: what clients send goes through `checked_add`.
impl Add<i64> for Millis {
    type Output = Millis;
    fn add(self, ms: i64) -> Millis {
        Millis(self.0 + ms)
    }
}

/// The signed distance in milliseconds.
impl Sub for Millis {
    type Output = i64;
    fn sub(self, other: Millis) -> i64 {
        self.0 - other.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn micros_round_down_before_the_epoch_too() {
        assert_eq!(Micros(1_999).millis(), Millis(1));
        assert_eq!(Micros(-1).millis(), Millis(-1));
        assert_eq!(Millis(-1).seconds(), -1);
    }

    #[test]
    fn arithmetic_at_the_ends_of_the_range() {
        assert_eq!(Millis::MAX.checked_add(1), None);
        assert_eq!(Millis::MAX.saturating_add(1), Millis::MAX);
        assert_eq!(Millis(5).since(Millis(9)), 0);
        assert_eq!(Millis(9) - Millis(5), 4);
        assert_eq!(Millis::MAX.since(Millis(i64::MIN)), i64::MAX);
    }
}
