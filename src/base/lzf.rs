//! LZF: the compression of strings in RDB files, and of the inner nodes of lists.
//!
//! ```text
//! 000LLLLL                    L + 1 literal bytes follow                      1..=32
//! LLLooooo oooooooo           copy L + 2 bytes from o + 1 bytes back          3..=8,   distance 1..=8192
//! 111ooooo LLLLLLLL oooooooo  copy L + 9 bytes from o + 1 bytes back          9..=264
//! ```
//!
//! A copy may overlap what it produces: distance 1 repeats a byte. The compressor looks for the most recent place with
//! the same three bytes and takes whatever length matches there; no search for better ones. It works on small strings
//! mostly, so its table is sized to the input: clearing it must not cost more than the work.

/// The most bytes that a copy makes of three.
const COPY_BYTES_MAX: usize = 264;
const COPY_BYTES_MIN: usize = 3;
const LITERALS_MAX: usize = 32;
const DISTANCE_MAX: usize = 8192;
/// Slots of the largest table: a window's worth, twice.
const TABLE_BITS_MAX: u32 = 14;
const TABLE_BITS_MIN: u32 = 6;

/// Compresses `input` into at most `len_max` bytes; `None` if it does not fit. O(n), one table allocated.
pub fn compress(input: &[u8], len_max: usize) -> Option<Vec<u8>> {
    let bits = input
        .len()
        .checked_ilog2()
        .unwrap_or(0)
        .clamp(TABLE_BITS_MIN, TABLE_BITS_MAX);
    // Positions are kept plus one: 0 is nowhere.
    let mut table = vec![0_usize; 1 << bits];
    let mut out = Vec::with_capacity(len_max.min(input.len()));
    let (mut at, mut literals) = (0, 0);
    while at + COPY_BYTES_MIN <= input.len() {
        let slot = &mut table[hash(&input[at..], bits)];
        let earlier = std::mem::replace(slot, at + 1);
        let found = earlier
            .checked_sub(1)
            .filter(|start| at - start <= DISTANCE_MAX)
            .map(|start| (at - start, matching(input, start, at)))
            .filter(|(_, len)| *len >= COPY_BYTES_MIN);
        let Some((distance, len)) = found else {
            at += 1;
            continue;
        };
        write_literals(&mut out, &input[literals..at]);
        write_copy(&mut out, distance, len);
        // The places inside of the copy are worth remembering, too, but for very long ones.
        let end = at + len;
        for inside in at + 1..end.min(at + COPY_BYTES_MAX / 8) {
            if inside + COPY_BYTES_MIN <= input.len() {
                table[hash(&input[inside..], bits)] = inside + 1;
            }
        }
        (at, literals) = (end, end);
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
    input[start..]
        .iter()
        .zip(&input[at..at + reach])
        .take_while(|(a, b)| a == b)
        .count()
}

/// A table slot for the three bytes at the start.
fn hash(bytes: &[u8], bits: u32) -> usize {
    let three = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
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
