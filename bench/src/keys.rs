//! Which key comes next: uniform, or zipf as YCSB draws it.

use crate::rng::Rng;

/// How popular the keys are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// All alike.
    Uniform,
    /// Popularity falls with rank to this power, 0 < theta < 1; YCSB's usual is 0.99.
    Zipf(f64),
}

/// Draws key numbers below a count.
#[derive(Clone, Debug)]
pub struct KeyChooser {
    count: u64,
    zipf: Option<Zipf>,
}

/// Constants of Gray's method ("Quickly generating billion-record synthetic databases", 1994): one `powf` a draw.
#[derive(Clone, Debug)]
struct Zipf {
    theta: f64,
    alpha: f64,
    zeta: f64,
    eta: f64,
}

impl KeyChooser {
    /// Chooses among keys `0..count`; `count` is at least 1. Zipf takes O(count) once.
    pub fn new(count: u64, distribution: Distribution) -> KeyChooser {
        assert!(count > 0, "a key count of at least 1");
        let zipf = match distribution {
            Distribution::Uniform => None,
            Distribution::Zipf(theta) => {
                let zeta: f64 = (1..=count).map(|rank| (rank as f64).powf(-theta)).sum();
                let zeta_2 = 1.0 + 2f64.powf(-theta);
                let eta = (1.0 - (2.0 / count as f64).powf(1.0 - theta)) / (1.0 - zeta_2 / zeta);
                Some(Zipf {
                    theta,
                    alpha: 1.0 / (1.0 - theta),
                    zeta,
                    eta,
                })
            }
        };
        KeyChooser { count, zipf }
    }

    /// The next key number.
    #[inline]
    pub fn next(&self, rng: &mut Rng) -> u64 {
        match &self.zipf {
            None => rng.below(self.count),
            // Scattered, so that popular keys are not neighbours by number. Two ranks may meet in one key: as in
            // YCSB's scrambled zipfian, that only makes a popular key a little more so.
            Some(zipf) => Rng::new(zipf.rank(rng, self.count)).below(self.count),
        }
    }
}

impl Zipf {
    /// 0 for the most popular.
    fn rank(&self, rng: &mut Rng, count: u64) -> u64 {
        let u = rng.unit();
        let uz = u * self.zeta;
        if uz < 1.0 {
            return 0;
        }
        if uz < 1.0 + 0.5f64.powf(self.theta) {
            return 1;
        }
        let rank = (count as f64 * (self.eta * u - self.eta + 1.0).powf(self.alpha)) as u64;
        rank.min(count - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uniform_reaches_every_key() {
        let (keys, mut rng) = (KeyChooser::new(10, Distribution::Uniform), Rng::new(1));
        let mut seen = [0u32; 10];
        for _ in 0..10_000 {
            seen[keys.next(&mut rng) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }

    #[test]
    fn zipf_follows_its_law() {
        let zipf = KeyChooser::new(1000, Distribution::Zipf(0.99))
            .zipf
            .unwrap();
        let mut rng = Rng::new(2);
        let mut seen = vec![0u32; 1000];
        for _ in 0..200_000 {
            seen[zipf.rank(&mut rng, 1000) as usize] += 1;
        }
        let expected = |rank: u32| 200_000.0 / zipf.zeta / f64::from(rank + 1).powf(0.99);
        for rank in [0, 1, 9] {
            let ratio = f64::from(seen[rank as usize]) / expected(rank);
            assert!((0.8..1.25).contains(&ratio), "rank {rank}: {ratio}");
        }
    }

    #[test]
    fn one_seed_one_sequence() {
        for distribution in [Distribution::Uniform, Distribution::Zipf(0.9)] {
            let keys = KeyChooser::new(100_000, distribution);
            let draw = || {
                let mut rng = Rng::new(7);
                (0..100).map(|_| keys.next(&mut rng)).collect::<Vec<_>>()
            };
            assert_eq!(draw(), draw());
        }
    }
}
