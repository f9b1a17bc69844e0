#![expect(unsafe_code, reason = "processor intrinsics are unsafe to call")]
//! What the language has no words for: prefetching, and comparing eight bytes at once.

/// Bytes in a cache line.
const LINE: usize = 64;

/// Asks for the cache line at `address`; a hint, valid for any address.
#[inline(always)]
pub fn prefetch(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch has no effect on memory and does not fault, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}

/// Asks for all cache lines of the `T` at `address`; a hint, valid for any address.
#[inline(always)]
pub fn prefetch_whole<T>(address: *const T) {
    for line in 0..size_of::<T>().div_ceil(LINE) {
        prefetch(address.cast::<u8>().wrapping_add(line * LINE));
    }
}

/// A bit for each of the eight bytes of `word` that equals `byte`, least significant first.
#[inline]
pub fn equal_bytes(word: u64, byte: u8) -> u32 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
    {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_cvtsi64_si128, _mm_movemask_epi8, _mm_set1_epi8,
        };
        // SAFETY: SSE2 is there, says the configuration.
        unsafe {
            let equal = _mm_cmpeq_epi8(_mm_cvtsi64_si128(word as i64), _mm_set1_epi8(byte as i8));
            _mm_movemask_epi8(equal) as u32 & 0xff
        }
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
    {
        equal_bytes_portable(word, byte)
    }
}

#[cfg(any(test, miri, not(all(target_arch = "x86_64", target_feature = "sse2"))))]
#[inline]
fn equal_bytes_portable(word: u64, byte: u8) -> u32 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differ = word ^ (u64::from(byte) * 0x0101_0101_0101_0101);
    // The high bit of each byte: set unless the byte is zero, without carries between bytes.
    let differ = (((differ & LOW) + LOW) | differ) & !LOW;
    let equal = !differ & !LOW;
    // Gathers the high bits of all bytes into the top byte.
    ((equal >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn both_ways_of_comparing_bytes_agree_with_the_obvious_one() {
        let mut rng = Rng::new(1);
        for _ in 0..if cfg!(miri) { 50 } else { 10_000 } {
            let mut bytes = rng.next_u64().to_le_bytes();
            let byte = rng.next_u64() as u8;
            for place in &mut bytes {
                if rng.chance(1, 3) {
                    *place = byte;
                }
            }
            let plain = (0..8)
                .filter(|&i| bytes[i] == byte)
                .map(|i| 1 << i)
                .sum::<u32>();
            let word = u64::from_le_bytes(bytes);
            assert_eq!(equal_bytes_portable(word, byte), plain);
            assert_eq!(equal_bytes(word, byte), plain);
        }
    }
}
