//! Hash slots, and the numbers of shards and databases.
//!
//! A key belongs to slot CRC16(key) mod 16384, in every mode. A key with a hash tag (the bytes between its first `{`
//! and the next `}`, if there are any) is hashed by the tag alone, so clients can place keys together.
//!
//! Every command pays for one `key_slot` before it can be routed. Budget: a few ns for a 16-byte key. CRC16 is
//! CCITT/XModem (polynomial 0x1021, not reflected, initial value 0), computed eight bytes at a time from 4 KiB of
//! tables: the byte-wise loop is one dependent load per byte, about three times slower on typical keys.

use std::ops::Range;

/// How many slots there are.
pub const SLOTS: usize = 16384;

/// One of the 16384 hash slots. Invariant: below `SLOTS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Slot(pub u16);

/// One core's part of the keyspace. Cluster's "shard" is a `ClusterShardId`, never this.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ShardId(pub u16);

/// A database as SELECT numbers them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct DbIndex(pub u32);

impl Slot {
    /// The slot as a table index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl ShardId {
    /// The shard as a table index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl DbIndex {
    /// The database as a table index.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The slot of a key, hash tag respected.
#[inline]
pub fn key_slot(key: &[u8]) -> Slot {
    Slot(crc16(hash_tag(key)) & (SLOTS as u16 - 1))
}

/// What of the key is hashed: the hash tag if the key has a non-empty one, else the whole key.
#[inline]
fn hash_tag(key: &[u8]) -> &[u8] {
    if has_open_brace(key) {
        find_tag(key)
    } else {
        key
    }
}

/// Eight bytes at a time: hardly any key has a brace, so this is all that most keys pay.
#[inline]
fn has_open_brace(key: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (words, tail) = key.as_chunks::<8>();
    let mut found = 0;
    for word in words {
        // A byte that equals `{` becomes 0, and subtracting 1 borrows into its high bit.
        let differs = u64::from_le_bytes(*word) ^ (ONES * b'{' as u64);
        found |= differs.wrapping_sub(ONES) & !differs & (ONES << 7);
    }
    found != 0 || tail.contains(&b'{')
}

#[cold]
fn find_tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else {
        return key;
    };
    match memchr::memchr(b'}', &key[open + 1..]) {
        None | Some(0) => key,
        Some(len) => &key[open + 1..open + 1 + len],
    }
}

/// CRC-16/XModem of `bytes`.
#[inline]
pub fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0_u16;
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        crc = TABLES[7][(word[0] ^ (crc >> 8) as u8) as usize]
            ^ TABLES[6][(word[1] ^ crc as u8) as usize]
            ^ TABLES[5][word[2] as usize]
            ^ TABLES[4][word[3] as usize]
            ^ TABLES[3][word[4] as usize]
            ^ TABLES[2][word[5] as usize]
            ^ TABLES[1][word[6] as usize]
            ^ TABLES[0][word[7] as usize];
    }
    for &byte in tail {
        crc = (crc << 8) ^ TABLES[0][((crc >> 8) as u8 ^ byte) as usize];
    }
    crc
}

/// Which shard owns which slot: contiguous, equal ranges.
///
/// Even ranges need no table: the owner is one multiplication and a shift, where a 32 KiB array would cost a cache
/// miss per command. When slots come to be spread otherwise, this type is where the array goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotMap {
    shards: u16,
}

impl SlotMap {
    /// `shards` contiguous ranges whose sizes differ by at most one. Panics unless `1 <= shards <= SLOTS`.
    pub const fn even(shards: usize) -> SlotMap {
        assert!(shards >= 1 && shards <= SLOTS, "every shard owns a slot");
        SlotMap {
            shards: shards as u16,
        }
    }

    /// How many shards share the slots.
    #[inline]
    pub const fn shards(&self) -> usize {
        self.shards as usize
    }

    /// The owner of a slot.
    #[inline]
    pub const fn shard_of(&self, slot: Slot) -> ShardId {
        debug_assert!(slot.index() < SLOTS);
        ShardId(((slot.0 as u32 * self.shards as u32) / SLOTS as u32) as u16)
    }

    /// The slots of a shard. Panics if there is no such shard.
    pub const fn slots_of(&self, shard: ShardId) -> Range<u16> {
        assert!(shard.0 < self.shards, "no such shard");
        self.first_slot(shard.index())..self.first_slot(shard.index() + 1)
    }

    /// The least slot with `slot * shards / SLOTS >= shard`.
    const fn first_slot(&self, shard: usize) -> u16 {
        (shard * SLOTS).div_ceil(self.shards as usize) as u16
    }
}

/// `TABLES[k][b]`: the checksum of byte `b` followed by `k` zero bytes.
static TABLES: [[u16; 256]; 8] = {
    let mut tables = [[0_u16; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut k = 1;
    while k < 8 {
        let mut byte = 0;
        while byte < 256 {
            let previous = tables[k - 1][byte];
            tables[k][byte] = (previous << 8) ^ tables[0][(previous >> 8) as usize];
            byte += 1;
        }
        k += 1;
    }
    tables
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn crc16_agrees_with_an_independent_implementation() {
        let mut rng = Rng::new(16);
        let mut bytes = [0_u8; 80];
        for round in 0..2000 {
            rng.fill(&mut bytes);
            let len = round % (bytes.len() + 1);
            let expected = crc16::State::<crc16::XMODEM>::calculate(&bytes[..len]);
            assert_eq!(crc16(&bytes[..len]), expected);
        }
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn slots_known_from_other_servers() {
        for (key, slot) in [("foo", 12182), ("bar", 5061), ("hello", 866), ("", 0)] {
            assert_eq!(key_slot(key.as_bytes()), Slot(slot), "{key}");
        }
    }

    #[test]
    fn only_the_first_non_empty_hash_tag_counts() {
        let same = |a: &str, b: &str| key_slot(a.as_bytes()) == key_slot(b.as_bytes());
        assert!(same("{user1000}.following", "{user1000}.followers"));
        assert!(same("{user1000}.x", "user1000"));
        assert!(same("foo{{bar}}zap", "{bar"));
        assert!(same("foo{bar}{zap}", "bar"));
        // No tag: an empty one, or one that is never closed. The whole key is hashed.
        assert_eq!(key_slot(b"foo{}{bar}").0, crc16(b"foo{}{bar}") % 16384);
        assert_eq!(key_slot(b"foo{bar").0, crc16(b"foo{bar") % 16384);
        assert_eq!(key_slot(b"}foo{").0, crc16(b"}foo{") % 16384);
    }

    #[test]
    fn a_tag_is_found_wherever_it_is() {
        let mut rng = Rng::new(17);
        for _ in 0..5000 {
            let key: Vec<u8> = (0..rng.index(30))
                .map(|_| b"{}abcdefgh\xfb\x7a"[rng.index(12)])
                .collect();
            let tag = key.iter().position(|&byte| byte == b'{').and_then(|open| {
                let len = key[open + 1..].iter().position(|&byte| byte == b'}')?;
                (len > 0).then(|| &key[open + 1..open + 1 + len])
            });
            assert_eq!(
                hash_tag(&key),
                tag.unwrap_or(&key),
                "{}",
                key.escape_ascii()
            );
        }
    }

    #[test]
    fn even_maps_cover_every_slot_once_in_order() {
        for shards in [1, 2, 3, 4, 7, 16, 63, 64, 100, 1000, SLOTS] {
            let map = SlotMap::even(shards);
            let mut next = 0;
            for shard in 0..shards {
                let range = map.slots_of(ShardId(shard as u16));
                assert_eq!(range.start, next);
                assert!((range.len()).abs_diff(SLOTS / shards) <= 1);
                for slot in range.clone() {
                    assert_eq!(map.shard_of(Slot(slot)).index(), shard);
                }
                next = range.end;
            }
            assert_eq!(next as usize, SLOTS);
        }
    }
}
