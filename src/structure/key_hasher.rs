//! The hash function of tables: of keys within their slot, of members and fields within their collection.
//!
//! The hash decides the order of iteration, so it must be the same on all shards of a process, and with the same seed
//! the same in every version and on every platform: cursors may outlive a restart. Hence our own function and not a
//! crate's. It is keyed: without the seed an attacker cannot aim for collisions, and if there are some, the table gets
//! slow, not wrong. Two 64x64->128 multiplications for up to 16 bytes, about 2 ns.

use std::sync::OnceLock;

use super::HashKey;
use crate::base::Rng;

/// The keyed hash function. Copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub struct KeyHasher {
    start: u64,
    first: u64,
    second: u64,
}

impl KeyHasher {
    /// The function that belongs to a seed. Secret seeds keep attackers out.
    pub fn new(seed: u64) -> KeyHasher {
        let mut rng = Rng::new(seed);
        // Odd multiplicands: a zero factor would erase the other one.
        KeyHasher {
            start: rng.next_u64(),
            first: rng.next_u64() | 1,
            second: rng.next_u64() | 1,
        }
    }
}

impl HashKey for KeyHasher {
    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        let len = key.len();
        let mut state = self.start;
        let (a, b) = if len <= 16 {
            if len >= 8 {
                (word(key, 0), word(key, len - 8))
            } else if len >= 4 {
                (half(key, 0), half(key, len - 4))
            } else if len > 0 {
                // First, middle and last byte: all of them.
                let bytes = [key[0], key[len / 2], key[len - 1]];
                (
                    u64::from(bytes[0]) << 16 | u64::from(bytes[1]) << 8 | u64::from(bytes[2]),
                    0,
                )
            } else {
                (0, 0)
            }
        } else {
            let mut at = 0;
            while at + 16 < len {
                state = fold(word(key, at) ^ self.first, word(key, at + 8) ^ state);
                at += 16;
            }
            (word(key, len - 16), word(key, len - 8))
        };
        fold(
            fold(a ^ self.first, b ^ state) ^ self.second,
            state ^ len as u64 ^ self.first,
        )
    }
}

/// The hash function inside of collections, the same for all of the process. It takes no room in them.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemberHasher;

static MEMBERS: OnceLock<KeyHasher> = OnceLock::new();

/// Sets the seed of [`MemberHasher`]. The first one counts; it has to come before the first collection.
pub fn seed_members(seed: u64) {
    MEMBERS.get_or_init(|| KeyHasher::new(seed));
}

impl HashKey for MemberHasher {
    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        MEMBERS.get_or_init(|| KeyHasher::new(0)).hash(key)
    }
}

/// Both halves of the product, mixed.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    wide as u64 ^ (wide >> 64) as u64
}

#[inline]
fn word(key: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&key[at..at + 8]);
    u64::from_le_bytes(bytes)
}

#[inline]
fn half(key: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&key[at..at + 4]);
    u64::from(u32::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_the_hash_depends_on_the_key() {
        let hasher = KeyHasher::new(1);
        for width in [1, 3, 5, 8, 12, 16, 17, 40, 100] {
            let mut ones = [0_u32; 64];
            for i in 0..4096_u32 {
                let mut key = vec![b'k'; width];
                let digits = i.to_le_bytes();
                let used = width.min(4);
                key[..used].copy_from_slice(&digits[..used]);
                let hash = hasher.hash(&key);
                for (bit, ones) in ones.iter_mut().enumerate() {
                    *ones += (hash >> bit) as u32 & 1;
                }
            }
            let limits = if width == 1 { 900..3200 } else { 1800..2300 };
            assert!(
                ones.iter().all(|ones| limits.contains(ones)),
                "{width}: {ones:?}"
            );
        }
    }

    #[test]
    fn keys_that_differ_in_length_or_place_differ_in_hash() {
        let hasher = KeyHasher::new(2);
        let mut seen = crate::base::Set::default();
        for len in 0..200 {
            assert!(seen.insert(hasher.hash(&vec![0; len])));
            for at in 0..len {
                let mut key = vec![0; len];
                key[at] = 1;
                assert!(seen.insert(hasher.hash(&key)), "{len} {at}");
            }
        }
    }

    #[test]
    fn the_function_is_frozen() {
        let hasher = KeyHasher::new(0);
        let hashes = [
            b"".as_slice(),
            b"k",
            b"key:1",
            b"0123456789abcdef",
            &[7; 40],
        ]
        .map(|key| hasher.hash(key));
        let other = KeyHasher::new(1).hash(b"key:1");
        assert_ne!(hashes[2], other);
        assert_eq!(hashes, FROZEN);
    }

    const FROZEN: [u64; 5] = [
        3581477322704039834,
        18378961351350720724,
        1996429535174729622,
        11604634872310212997,
        5724248537068363016,
    ];
}
