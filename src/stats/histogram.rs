//! A log-linear histogram of nanoseconds: eight steps an octave, so any percentile is right within 12.5 %.
//!
//! The HdrHistogram crate is exact to more digits but takes a mutable reference and tens of kilobytes a command; this
//! one is 2.5 KB, has one writer and can be read from any thread.

use super::Counter;

const STEPS: usize = 8;
const OCTAVES: usize = 40;

/// Counts by duration; one writer, any number of readers.
#[derive(Debug)]
pub struct Histogram {
    counts: [Counter; STEPS * OCTAVES],
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram::new()
    }
}

impl Histogram {
    /// An empty histogram.
    pub fn new() -> Self {
        Histogram {
            counts: std::array::from_fn(|_| Counter::default()),
        }
    }

    /// Counts one duration; anything over nine minutes counts as the longest.
    #[inline]
    pub fn record(&self, nanos: u64) {
        self.counts[index(nanos)].add(1);
    }

    /// How many durations were recorded.
    pub fn count(&self) -> u64 {
        self.counts.iter().map(Counter::get).sum()
    }

    /// Forgets everything. Only the writer may call this.
    pub fn reset(&self) {
        self.counts.iter().for_each(|count| count.set(0));
    }

    /// Adds the counts to `into`, bucket by bucket: histograms of several cores become one.
    pub fn add_to(&self, into: &mut Totals) {
        for (total, count) in into.counts.iter_mut().zip(&self.counts) {
            *total += count.get();
        }
    }
}

/// The sum of histograms of several cores.
#[derive(Debug, Clone)]
pub struct Totals {
    counts: [u64; STEPS * OCTAVES],
}

impl Default for Totals {
    fn default() -> Self {
        Totals {
            counts: [0; STEPS * OCTAVES],
        }
    }
}

impl Totals {
    /// How many durations are in it.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration in nanoseconds that `percent` of the recorded ones do not pass; 0 when empty.
    pub fn percentile(&self, percent: f64) -> u64 {
        let total = self.count();
        let rank = ((percent / 100.0 * total as f64).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && *count > 0 {
                return upper_edge(index);
            }
        }
        0
    }

    /// `(microseconds, how many took less)` as LATENCY HISTOGRAM prints it: steps of factor two, and of these only
    /// those with durations that no step before them has.
    ///
    /// Redis counts with two digits, so its steps have the edge of the 128th of an octave that begins with a power of two
    /// nanoseconds: 1, 2, 4, 8, 16, 33, 66 and so on in microseconds. Ours count up to the power itself.
    pub fn cumulative_by_powers_of_two(&self) -> Vec<(u64, u64)> {
        let total = self.count();
        let mut rows = Vec::new();
        let (mut seen, mut next, mut told) = (0, 0, 0);
        for octave in FIRST_STEP..=LAST_STEP {
            let power = 1_u64 << octave;
            while next < self.counts.len() && upper_edge(next) < power {
                seen += self.counts[next];
                next += 1;
            }
            if octave == LAST_STEP {
                seen = total;
            }
            if seen > told {
                rows.push(((power + (power >> 7) - 1) / 1000, seen));
                told = seen;
            }
        }
        rows
    }
}

/// The first step of LATENCY HISTOGRAM ends here, as a power of two nanoseconds.
const FIRST_STEP: u32 = 10;
/// The last one; it has everything that took longer, too.
const LAST_STEP: u32 = 30;

fn index(nanos: u64) -> usize {
    if nanos < STEPS as u64 {
        return nanos as usize;
    }
    let octave = 63 - nanos.leading_zeros() as usize;
    let step = (nanos >> (octave - 3)) as usize & (STEPS - 1);
    ((octave - 2) * STEPS + step).min(STEPS * OCTAVES - 1)
}

/// The largest value that falls in bucket `index`.
fn upper_edge(index: usize) -> u64 {
    if index < STEPS {
        return index as u64;
    }
    let octave = index / STEPS + 2;
    let step = (index % STEPS) as u64;
    (1u64 << octave) + ((step + 1) << (octave - 3)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_in_a_bucket_whose_edges_hold_it() {
        let mut previous = 0;
        for value in (0..100_000u64).chain((17..39).map(|shift| (1 << shift) + 12_345)) {
            let at = index(value);
            assert!(at >= previous || value < 100_000);
            assert!(upper_edge(at) >= value, "{value}");
            if at > 0 {
                assert!(upper_edge(at - 1) < value, "{value}");
            }
            previous = at;
        }
        assert_eq!(index(u64::MAX), STEPS * OCTAVES - 1);
    }

    #[test]
    fn percentiles_are_within_an_eighth() {
        let histogram = Histogram::new();
        for value in 1..=10_000u64 {
            histogram.record(value * 100);
        }
        let mut totals = Totals::default();
        histogram.add_to(&mut totals);
        for (percent, exact) in [(50.0, 500_000.0), (99.0, 990_000.0), (100.0, 1_000_000.0)] {
            let found = totals.percentile(percent) as f64;
            assert!((found / exact - 1.0).abs() < 0.13, "{percent}: {found}");
        }
        assert_eq!(Totals::default().percentile(99.0), 0);
    }

    #[test]
    fn steps_are_told_where_the_count_grows() {
        let histogram = Histogram::new();
        for nanos in [900, 1_900, 1_950, 70_000, 5_000_000_000] {
            histogram.record(nanos);
        }
        let mut totals = Totals::default();
        histogram.add_to(&mut totals);
        let rows = totals.cumulative_by_powers_of_two();
        assert_eq!(rows, [(1, 1), (2, 3), (132, 4), (1_082_130, 5)]);
        assert!(Totals::default().cumulative_by_powers_of_two().is_empty());
    }

    #[test]
    fn the_edges_of_steps_are_those_of_redis() {
        let mut edges = Vec::new();
        for octave in 9..20 {
            let histogram = Histogram::new();
            histogram.record(1 << octave);
            let mut totals = Totals::default();
            histogram.add_to(&mut totals);
            edges.extend(totals.cumulative_by_powers_of_two());
        }
        let edges: Vec<u64> = edges.into_iter().map(|(edge, _)| edge).collect();
        assert_eq!(edges, [1, 2, 4, 8, 16, 33, 66, 132, 264, 528, 1056]);
    }
}
