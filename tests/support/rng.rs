//! Seeded random numbers for chunk splits and workloads; a failing test prints its seed.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64: one word of state, good enough to choose splits and keys.
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// The seed of what tests leave to chance: the same in every run, so that who lands a change does not pay for what
/// another throw of the dice would have found. `TESSERA_SEED` names another one; `random` is a new one each time.
pub(crate) fn seed() -> u64 {
    match named().as_deref() {
        None => 20_110_317,
        Some("random") => any_seed(),
        Some(number) => number.parse().expect("TESSERA_SEED is a number, or random"),
    }
}

pub(crate) fn any_seed() -> u64 {
    RandomState::new().hash_one(std::process::id()) >> 16
}

/// Whether a certain seed was asked for.
pub(crate) fn is_given() -> bool {
    named().is_some_and(|seed| seed != "random")
}

fn named() -> Option<String> {
    std::env::var("TESSERA_SEED").ok()
}
