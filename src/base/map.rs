//! Hash maps whose order depends on nothing but what was put in.
//!
//! The standard map seeds itself from the operating system, so two runs iterate in different orders and a failing
//! simulation cannot be replayed from its seed. These use aHash (AES based, several times faster than SipHash on
//! short keys) with fixed keys. A fixed seed means that a client who knows it could aim for collisions, hence: for
//! bookkeeping only. The keyspace has tables of its own, hashed under a secret seed.

// The one place that may name the std types: everyone else uses these aliases.
#![allow(
    clippy::disallowed_types,
    reason = "the fixed-seed aliases are defined here"
)]

use std::hash::BuildHasher;

use ahash::{AHasher, RandomState};

/// Map with a fixed hash seed. Create with `Map::default()`.
pub type Map<K, V> = std::collections::HashMap<K, V, FixedState>;

/// Set with a fixed hash seed. Create with `Set::default()`.
pub type Set<T> = std::collections::HashSet<T, FixedState>;

/// Builds aHash hashers that all start from the same four constants.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedState;

impl BuildHasher for FixedState {
    type Hasher = AHasher;

    #[inline]
    fn build_hasher(&self) -> AHasher {
        STATE.build_hasher()
    }
}

/// Arbitrary: the first 64 hexadecimal digits of pi's fraction.
const STATE: RandomState = RandomState::with_seeds(
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_maps_filled_alike_iterate_alike() {
        let fill = || (0..1000_u32).map(|i| (i, i)).collect::<Map<u32, u32>>();
        assert!(fill().iter().eq(fill().iter()));
    }
}
