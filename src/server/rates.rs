//! What INFO calls instantaneous: how often something happened a second, on average over the last sixteen samples. As in
//! Redis a sample is taken every 100 ms and CONFIG RESETSTAT begins anew, with samples of 0.

use std::sync::atomic::{AtomicU64, Ordering};

/// Samples that are averaged.
const SAMPLES: usize = 16;

/// Commands, bytes received and sent, turns, and how long they took.
const FIGURES: usize = 5;

/// The samples of one figure.
#[derive(Default)]
pub(super) struct Rate {
    last: u64,
    samples: [f64; SAMPLES],
}

/// The samples of all figures.
#[derive(Default)]
pub(super) struct Rates {
    figures: [Rate; FIGURES],
    next: usize,
}

impl Rates {
    /// Takes a sample of sums that only grow, `elapsed_us` after the one before, and shows the averages. Where a sum has
    /// shrunk it began anew, and nothing is known.
    pub(super) fn sample(
        &mut self,
        sums: [u64; FIGURES],
        elapsed_us: i64,
        shown: [&AtomicU64; FIGURES],
    ) {
        let at = self.next % SAMPLES;
        self.next = at + 1;
        for ((figure, sum), shown) in self.figures.iter_mut().zip(sums).zip(shown) {
            let grown = sum.saturating_sub(figure.last);
            figure.last = sum;
            figure.samples[at] = grown as f64 * 1e6 / elapsed_us.max(1) as f64;
            let average = figure.samples.iter().sum::<f64>() / SAMPLES as f64;
            shown.store(average as u64, Ordering::Relaxed);
        }
    }

    /// Forgets all samples.
    pub(super) fn forget(&mut self) {
        for figure in &mut self.figures {
            figure.samples = [0.0; SAMPLES];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_samples_are_averaged() {
        let (shown, other) = (AtomicU64::new(0), AtomicU64::new(0));
        let mut rates = Rates::default();
        let sample = |rates: &mut Rates, sum| {
            let places = [&shown, &other, &other, &other, &other];
            rates.sample([sum, 0, 0, 0, 0], 100_000, places);
            shown.load(Ordering::Relaxed)
        };
        assert_eq!(sample(&mut rates, 160), 100);
        assert_eq!(sample(&mut rates, 320), 200);
        for _ in 0..14 {
            assert_eq!(sample(&mut rates, 320), 200);
        }
        assert_eq!(sample(&mut rates, 320), 100);
        assert_eq!(sample(&mut rates, 320), 0);
        // The sum began anew.
        assert_eq!(sample(&mut rates, 0), 0);
        assert_eq!(sample(&mut rates, 160), 100);
        rates.forget();
        assert_eq!(sample(&mut rates, 160), 0);
    }
}
