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

/// `TESSERA_SEED` if given, else a fresh one.
pub(crate) fn seed() -> u64 {
    match std::env::var("TESSERA_SEED") {
        Ok(text) => text.parse().expect("TESSERA_SEED is a number"),
        Err(_) => RandomState::new().hash_one(std::process::id()) >> 16,
    }
}
