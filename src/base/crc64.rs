//! CRC-64/Jones, the checksum at the end of RDB files and DUMP payloads.
//!
//! Reflected, initial value 0, no final xor. Slice-by-8: eight table lookups consume eight bytes at once, which turns
//! one dependent step per byte into one per eight. The tables (16 KiB) are computed by the compiler.

/// Continues checksum `seed` over `bytes`; start with 0. `crc64(crc64(0, a), b)` is the checksum of `a` followed by `b`.
pub fn crc64(seed: u64, bytes: &[u8]) -> u64 {
    let mut crc = seed;
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        let x = (crc ^ u64::from_le_bytes(*word)).to_le_bytes();
        crc = TABLES[7][x[0] as usize]
            ^ TABLES[6][x[1] as usize]
            ^ TABLES[5][x[2] as usize]
            ^ TABLES[4][x[3] as usize]
            ^ TABLES[3][x[4] as usize]
            ^ TABLES[2][x[5] as usize]
            ^ TABLES[1][x[6] as usize]
            ^ TABLES[0][x[7] as usize];
    }
    for &byte in tail {
        crc = (crc >> 8) ^ TABLES[0][(crc as u8 ^ byte) as usize];
    }
    crc
}

/// The checksum of two pieces one after the other, of the checksum of each and the length of the second.
pub fn crc64_combine(first: u64, second: u64, second_len: u64) -> u64 {
    // What a number of zero bits does to a checksum is a linear map; the map of twice as many is its square.
    let mut map = [0_u64; 64];
    map[0] = POLYNOMIAL;
    for (bit, row) in map.iter_mut().enumerate().skip(1) {
        *row = 1 << (bit - 1);
    }
    for _ in 0..3 {
        map = squared(&map);
    }
    let (mut crc, mut len) = (first, second_len);
    while len > 0 {
        if len & 1 == 1 {
            crc = applied(&map, crc);
        }
        map = squared(&map);
        len >>= 1;
    }
    crc ^ second
}

fn applied(map: &[u64; 64], crc: u64) -> u64 {
    let bits = (0..64).filter(|bit| crc >> bit & 1 == 1);
    bits.fold(0, |sum, bit| sum ^ map[bit])
}

fn squared(map: &[u64; 64]) -> [u64; 64] {
    std::array::from_fn(|bit| applied(map, map[bit]))
}

/// The polynomial 0xad93d23594c935a9 with its bits reversed.
const POLYNOMIAL: u64 = 0xad93_d235_94c9_35a9_u64.reverse_bits();

/// `TABLES[k][b]`: the effect of byte `b` followed by `k` zero bytes.
static TABLES: [[u64; 256]; 8] = {
    let mut tables = [[0_u64; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
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
            tables[k][byte] = (previous >> 8) ^ tables[0][(previous & 0xff) as usize];
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

    /// The definition, bit by bit.
    fn crc64_naive(seed: u64, bytes: &[u8]) -> u64 {
        bytes.iter().fold(seed, |crc, &byte| {
            (0..8).fold(crc ^ u64::from(byte), |crc, _| {
                if crc & 1 == 1 {
                    (crc >> 1) ^ POLYNOMIAL
                } else {
                    crc >> 1
                }
            })
        })
    }

    #[test]
    fn known_check_value() {
        assert_eq!(crc64(0, b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(0, b""), 0);
    }

    #[test]
    fn agrees_with_the_definition_at_all_lengths_and_splits() {
        let mut rng = Rng::new(64);
        let mut bytes = [0_u8; 100];
        rng.fill(&mut bytes);
        for end in 0..bytes.len() {
            let expected = crc64_naive(0, &bytes[..end]);
            assert_eq!(crc64(0, &bytes[..end]), expected);
            let cut = rng.index(end + 1);
            assert_eq!(crc64(crc64(0, &bytes[..cut]), &bytes[cut..end]), expected);
            let (first, second) = (crc64(0, &bytes[..cut]), crc64(0, &bytes[cut..end]));
            let combined = crc64_combine(first, second, (end - cut) as u64);
            assert_eq!(combined, expected);
        }
    }
}
