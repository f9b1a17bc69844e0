//! Which slot a key is in, and which shard of a server has that slot.
//!
//! Written apart from the server on purpose: the generator decides from this whether a key is local to a connection,
//! and a slot function shared with the server would hide a mistake in it.

/// Hash slots there are.
pub const SLOTS: u64 = 16_384;

/// CRC16/XMODEM: polynomial 0x1021, no reflection, starting at zero.
const CRC16: [u16; 256] = {
    let mut table = [0u16; 256];
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
        table[byte] = crc;
        byte += 1;
    }
    table
};

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (crc << 8) ^ CRC16[usize::from((crc >> 8) as u8 ^ byte)]
    })
}

/// The slot of a key; only what stands between the first `{` and the next `}` counts, unless that is nothing.
pub fn key_slot(key: &[u8]) -> u16 {
    let tagged = key.iter().position(|&b| b == b'{').and_then(|open| {
        let rest = &key[open + 1..];
        let close = rest.iter().position(|&b| b == b'}')?;
        (close > 0).then(|| &rest[..close])
    });
    crc16(tagged.unwrap_or(key)) % SLOTS as u16
}

/// The shard of a slot when `shards` shards have contiguous ranges as equal as can be.
pub fn shard_of(slot: u16, shards: u16) -> u16 {
    // Shard s begins at ceil(s * SLOTS / shards), which is what rounding this down inverts.
    (u64::from(slot) * u64::from(shards) / SLOTS) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        assert_eq!(key_slot(b"foo"), 12_182);
        assert_eq!(key_slot(b""), 0);
        assert_eq!(key_slot(b"{user1000}.following"), key_slot(b"user1000"));
        assert_eq!(key_slot(b"foo{{bar}}zap"), key_slot(b"{bar"));
        assert_eq!(key_slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % 16_384);
    }

    #[test]
    fn the_server_places_keys_alike() {
        use tessera::base::slot as server;
        for shards in [1, 2, 3, 4, 7, 16] {
            let map = server::SlotMap::even(usize::from(shards));
            for number in 0..5_000 {
                let key = format!("key:{number:012}");
                let slot = key_slot(key.as_bytes());
                assert_eq!(slot, server::key_slot(key.as_bytes()).0);
                let shard = map.shard_of(server::Slot(slot));
                assert_eq!(
                    shard_of(slot, shards),
                    shard.0,
                    "slot {slot} of {shards} shards"
                );
            }
        }
    }

    #[test]
    fn shards_have_contiguous_even_ranges() {
        for shards in [1u16, 2, 3, 7, 16, 100] {
            let mut sizes = vec![0u32; usize::from(shards)];
            let mut previous = 0;
            for slot in 0..SLOTS as u16 {
                let shard = shard_of(slot, shards);
                assert!(shard == previous || shard == previous + 1);
                previous = shard;
                sizes[usize::from(shard)] += 1;
            }
            let (min, max) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(max - min <= 1, "{shards} shards: {min}..{max}");
        }
    }
}
