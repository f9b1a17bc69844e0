//! When the operations of an open loop are due.
//!
//! The schedule knows nothing of the server: an operation is due at its time whether or not earlier ones have been
//! answered, and its latency counts from then. A closed loop stops asking while the server stalls, and so leaves out
//! just the operations that would have waited ("coordinated omission").

use crate::rng::Rng;

/// Gaps between arrivals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Equal.
    Fixed,
    /// Exponential, as from many independent clients.
    Poisson,
}

/// Due times in nanoseconds, in ascending order, without end.
#[derive(Clone, Debug)]
pub struct Schedule {
    arrivals: Arrivals,
    start_ns: u64,
    ops_per_second: f64,
    issued: u64,
    next_ns: f64,
    rng: Rng,
}

impl Schedule {
    /// Arrivals at `ops_per_second` on average, the first one gap after `start_ns`.
    pub fn new(arrivals: Arrivals, ops_per_second: f64, start_ns: u64, rng: Rng) -> Schedule {
        assert!(ops_per_second > 0.0, "a rate above zero");
        let mut schedule = Schedule {
            arrivals,
            start_ns,
            ops_per_second,
            issued: 0,
            next_ns: 0.0,
            rng,
        };
        schedule.advance();
        schedule
    }

    /// When the next operation is due.
    #[inline]
    pub fn due_ns(&self) -> u64 {
        self.start_ns + self.next_ns as u64
    }

    /// Goes on to the operation after it.
    #[inline]
    pub fn advance(&mut self) {
        self.issued += 1;
        self.next_ns = match self.arrivals {
            // From the count, not by adding gaps: no rounding error builds up.
            Arrivals::Fixed => self.issued as f64 * 1e9 / self.ops_per_second,
            Arrivals::Poisson => {
                self.next_ns - (1.0 - self.rng.unit()).ln() * 1e9 / self.ops_per_second
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_times(arrivals: Arrivals, rate: f64, count: usize) -> Vec<u64> {
        let mut schedule = Schedule::new(arrivals, rate, 1_000, Rng::new(3));
        (0..count)
            .map(|_| {
                let due = schedule.due_ns();
                schedule.advance();
                due
            })
            .collect()
    }

    #[test]
    fn fixed_arrivals_do_not_drift() {
        let due = due_times(Arrivals::Fixed, 30_000.0, 300_000);
        assert_eq!(due[0], 1_000 + 33_333);
        assert_eq!(due[299_999], 1_000 + 10_000_000_000);
        assert!(
            due.windows(2)
                .all(|pair| (33_333..=33_334).contains(&(pair[1] - pair[0])))
        );
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread() {
        let due = due_times(Arrivals::Poisson, 1e6, 200_000);
        let seconds = (due[199_999] - 1_000) as f64 / 1e9;
        assert!((0.19..0.21).contains(&seconds), "{seconds}");
        // Of exponential gaps, 1/e are longer than their mean.
        let long = due
            .windows(2)
            .filter(|pair| pair[1] - pair[0] > 1_000)
            .count();
        assert!((0.35..0.39).contains(&(long as f64 / 200_000.0)), "{long}");
    }
}
