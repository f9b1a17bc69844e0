//! LZF: the compression of strings in RDB files, and of the inner nodes of lists.
//!
//! ```text
//! 000LLLLL                    L + 1 literal bytes follow                      1..=32
//! LLLooooo oooooooo           copy L + 2 bytes from o + 1 bytes back          3..=8,   distance 1..=8192
//! 111ooooo LLLLLLLL oooooooo  copy L + 9 bytes from o + 1 bytes back          9..=264
//! ```
//!
//! A copy may overlap what it produces: distance 1 repeats a byte. The compressor looks for the most recent place with
//! the same three bytes and takes whatever length matches there; no search for better ones. Of a copy's own places it
//! remembers the last two only: in records that resemble each other, the older places are where longer matches begin.
//! It works on small strings mostly, so its table is sized to the input: clearing it must not cost more than the work.
//! Four slots a byte make up for a hash without chains. A slot has the low 16 bits of a place: enough for the window,
//! and whatever is found there is compared.

/// The most bytes that a copy makes of three.
const COPY_BYTES_MAX: usize = 264;
const COPY_BYTES_MIN: usize = 3;
const LITERALS_MAX: usize = 32;
const DISTANCE_MAX: usize = 8192;
/// Slots of the largest table: a window's worth, four times.
const TABLE_BITS_MAX: u32 = 15;
const TABLE_BITS_MIN: u32 = 6;
/// A table has this power of two more slots than the input has bytes.
const TABLE_SPARE_BITS: u32 = 2;

const _: () = assert!(DISTANCE_MAX <= u16::MAX as usize);

/// Compresses `input` into at most `len_max` bytes; `None` if it does not fit. O(n), one table allocated.
pub fn compress(input: &[u8], len_max: usize) -> Option<Vec<u8>> {
    let bits = input.len().checked_ilog2().unwrap_or(0) + TABLE_SPARE_BITS;
    let bits = bits.clamp(TABLE_BITS_MIN, TABLE_BITS_MAX);
    let mut table = vec![0_u16; 1 << bits];
    let mut out = Vec::with_capacity(len_max.min(input.len()));
    let (mut at, mut literals) = (0, 0);
    while let Some(three) = three_at(input, at) {
        let place = &mut table[slot(three, bits)];
        let distance = usize::from((at as u16).wrapping_sub(*place));
        *place = at as u16;
        let is_found = (1..=DISTANCE_MAX.min(at)).contains(&distance)
            && three_at(input, at - distance) == Some(three);
        if !is_found {
            at += 1;
            continue;
        }
        let len = matching(input, at - distance, at);
        write_literals(&mut out, &input[literals..at]);
        write_copy(&mut out, distance, len);
        at += len;
        literals = at;
        for inside in at - 2..at {
            if let Some(three) = three_at(input, inside) {
                table[slot(three, bits)] = inside as u16;
            }
        }
        if out.len() > len_max {
            return None;
        }
    }
    write_literals(&mut out, &input[literals..]);
    (out.len() <= len_max).then_some(out)
}

/// Decompresses to exactly `len` bytes; `None` if `input` is anything else than that.
pub fn decompress(input: &[u8], len: usize) -> Option<Vec<u8>> {
    // No input can grow by more than this, so a false length costs nothing.
    if len > input.len().saturating_mul(COPY_BYTES_MAX / COPY_BYTES_MIN) {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let mut rest = input;
    while let [control, after @ ..] = rest {
        let control = usize::from(*control);
        rest = after;
        if control < LITERALS_MAX {
            let literals = rest.get(..control + 1)?;
            rest = &rest[control + 1..];
            out.extend_from_slice(literals);
        } else {
            let mut copied = (control >> 5) + 2;
            if copied == 9 {
                let (more, after) = rest.split_first()?;
                copied += usize::from(*more);
                rest = after;
            }
            let (low, after) = rest.split_first()?;
            rest = after;
            let distance = ((control & 31) << 8 | usize::from(*low)) + 1;
            let mut start = out.len().checked_sub(distance)?;
            if out.len() + copied > len {
                return None;
            }
            // An overlapping copy is several that do not overlap, each as long as what is there.
            while copied > 0 {
                let piece = copied.min(out.len() - start);
                out.extend_from_within(start..start + piece);
                start += piece;
                copied -= piece;
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// How many bytes from `start` on are the same as from `at` on, as far as a copy reaches.
fn matching(input: &[u8], start: usize, at: usize) -> usize {
    let reach = (input.len() - at).min(COPY_BYTES_MAX);
    let (earlier, here) = (&input[start..start + reach], &input[at..at + reach]);
    let (words, rest) = (earlier.as_chunks::<8>(), here.as_chunks::<8>());
    let mut len = 0;
    for (a, b) in words.0.iter().zip(rest.0) {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return len + (differing.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    let rest = words.1.iter().zip(rest.1);
    len + rest.take_while(|(a, b)| a == b).count()
}

/// The three bytes at a place, if there are so many.
#[inline]
fn three_at(input: &[u8], at: usize) -> Option<u32> {
    let &[a, b, c] = input.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([a, b, c, 0]))
}

/// Their slot in a table.
fn slot(three: u32, bits: u32) -> usize {
    (three.wrapping_mul(0x9e37_79b1) >> (32 - bits)) as usize
}

fn write_literals(out: &mut Vec<u8>, literals: &[u8]) {
    for run in literals.chunks(LITERALS_MAX) {
        out.push(run.len() as u8 - 1);
        out.extend_from_slice(run);
    }
}

fn write_copy(out: &mut Vec<u8>, distance: usize, len: usize) {
    debug_assert!((1..=DISTANCE_MAX).contains(&distance));
    debug_assert!((COPY_BYTES_MIN..=COPY_BYTES_MAX).contains(&len));
    let offset = distance - 1;
    let high = (offset >> 8) as u8;
    if len < 9 {
        out.push(((len - 2) << 5) as u8 | high);
    } else {
        out.push(7 << 5 | high);
        out.push((len - 9) as u8);
    }
    out.push(offset as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[track_caller]
    fn check(input: &[u8]) -> usize {
        let packed = compress(input, usize::MAX).unwrap();
        assert_eq!(decompress(&packed, input.len()).as_deref(), Some(input));
        for other in [0, input.len().wrapping_sub(1), input.len() + 1] {
            if other != input.len() {
                assert_eq!(decompress(&packed, other), None);
            }
        }
        if let Some(less) = packed.len().checked_sub(1) {
            assert_eq!(compress(input, less), None);
        }
        assert_eq!(compress(input, packed.len()), Some(packed.clone()));
        packed.len()
    }

    #[test]
    fn what_was_compressed_comes_back() {
        check(b"");
        check(b"a");
        check(b"ab");
        assert_eq!(check(b"abcdefgh"), 9);
        assert!(check(&[b'x'; 1000]) < 20);
        assert!(check(&b"hello ".repeat(50)) < 20);
        assert!(check(include_bytes!("lzf.rs")) < include_bytes!("lzf.rs").len() * 2 / 3);
        let mut rng = Rng::new(11);
        for round in 0..2000 {
            let symbols = [1, 2, 4, 16, 256][round % 5];
            let mut input = Vec::new();
            while input.len() < round * 3 {
                match rng.below(3) {
                    0 if !input.is_empty() => {
                        // An earlier piece once more, from near the ends of the window as well.
                        let start = rng.index(input.len());
                        let end = (start + rng.index(400)).min(input.len());
                        input.extend_from_within(start..end);
                    }
                    _ => input.push(rng.below(symbols) as u8),
                }
            }
            check(&input);
        }
    }

    #[test]
    fn records_that_resemble_each_other_become_small() {
        // What Redis makes of the same: an intset of 1, 2 and 2^40 takes 22 bytes, 128 fields of a hash 1005.
        let mut intset = vec![8, 0, 0, 0, 3, 0, 0, 0];
        for member in [1_u64, 2, 1 << 40] {
            intset.extend_from_slice(&member.to_le_bytes());
        }
        assert!(check(&intset) <= 22);
        let mut fields = vec![0; 6];
        for at in 0..128 {
            for text in [format!("field{at}"), format!("value{at}")] {
                fields.push(0x80 | text.len() as u8);
                fields.extend_from_slice(text.as_bytes());
                fields.push(text.len() as u8 + 1);
            }
        }
        fields.push(255);
        assert!(check(&fields) <= 1005 * 102 / 100);
    }

    #[test]
    fn places_beyond_16_bits_are_found() {
        let mut rng = Rng::new(7);
        let mut input: Vec<u8> = (0..70_000).map(|_| rng.below(256) as u8).collect();
        let plain = check(&input);
        input.extend_from_within(69_000..);
        assert!(check(&input) < plain + 40);
        // A place that lies 65536 bytes back is none.
        let mut input: Vec<u8> = (0..65_600).map(|_| rng.below(256) as u8).collect();
        input.copy_within(0..60, 65_536);
        assert!(check(&input) > 65_600);
    }

    #[test]
    fn the_window_ends_at_8192() {
        for gap in [8189, 8190, 8191, 8192, 8193] {
            let mut rng = Rng::new(3);
            let mut input = b"needle".to_vec();
            input.extend((0..gap - 6).map(|_| rng.below(256) as u8));
            input.extend_from_slice(b"needle");
            check(&input);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (input, len) in [
            (&b"\x01a"[..], 2),
            (b"\x20\x00", 3),
            (b"\x00a\x20", 4),
            (b"\x00a\xe0\x00", 10),
            (b"\x00a\x20\x01", 4),
            (b"\x00a\x40\x00", 4),
            (b"\x00a", 0),
            (b"", 1),
            (b"\x00a", usize::MAX),
        ] {
            assert_eq!(decompress(input, len), None, "{}", input.escape_ascii());
        }
        assert_eq!(decompress(b"\x00a\xe0\x00\x00", 10), Some(vec![b'a'; 10]));
        let mut rng = Rng::new(5);
        for _ in 0..20_000 {
            let mut input = vec![0; rng.index(40)];
            rng.fill(&mut input);
            if let Some(out) = decompress(&input, rng.index(600)) {
                check(&out);
            }
        }
    }
}
