//! Numbers as text: what clients send, what replies contain.
//!
//! Integers here; doubles in `float.rs`, the 80-bit floats of INCRBYFLOAT in `float80.rs`.
//!
//! Parsing is strict, because a string value that parses is stored as an integer and must print back as the same
//! bytes: no plus sign, no leading zero or space, no `-0`. Eight digits are read at once by arithmetic on one word;
//! printing writes two digits per division, left-aligned in a fixed stack buffer, so a reply line is one copy.
//! Budget: under 5 ns either way for the short numbers of INCR and reply headers.

mod float;
mod float80;

pub use float::{parse_f64, parse_f64_clamped, write_f64, write_f64_shortest};
pub use float80::{Float80, FloatError, float80_add};

/// Parses a signed integer written exactly as we would print it; anything else is `None`.
#[inline]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => {
            let magnitude = parse_u64(digits)?;
            // 0 would be "-0", which does not print back.
            (magnitude != 0 && magnitude <= i64::MIN.unsigned_abs())
                .then(|| magnitude.wrapping_neg() as i64)
        }
        digits => i64::try_from(parse_u64(digits)?).ok(),
    }
}

/// Parses an unsigned integer written exactly as we would print it; anything else is `None`.
#[inline]
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match *text {
        [b'0'] => return Some(0),
        [b'1'..=b'9', ..] if text.len() <= U64_DIGITS_MAX => {}
        _ => return None,
    }
    let mut value = 0_u64;
    let (words, tail) = text.as_chunks::<8>();
    for word in words {
        value = value * 100_000_000 + eight_digits(*word)?;
    }
    // At most 16 digits came in words, so only the fourth digit of the tail, the 20th in all, can overflow.
    for &byte in tail.iter().take(3) {
        value = value * 10 + u64::from(digit(byte)?);
    }
    match tail.get(3..) {
        None | Some([]) => Some(value),
        Some(rest) => rest.iter().try_fold(value, |value, &byte| {
            value.checked_mul(10)?.checked_add(u64::from(digit(byte)?))
        }),
    }
}

#[inline]
fn digit(byte: u8) -> Option<u8> {
    let value = byte.wrapping_sub(b'0');
    (value < 10).then_some(value)
}

/// The value of eight ASCII digits, by combining neighbours three times: 8 x 1, 4 x 2, 2 x 4 digits.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let word = u64::from_le_bytes(text);
    // A byte is a digit if its high half is 3, and still is after adding 6 (which carries for `:` to `?`).
    let is_digits =
        word & HIGH == ZEROS && word.wrapping_add(0x0606_0606_0606_0606) & HIGH == ZEROS;
    if !is_digits {
        return None;
    }
    // The first digit is in the lowest byte, so each step adds the lower neighbour times 10, 100, 10000 to the upper.
    let ones = word - ZEROS;
    let pairs = (ones & 0x000f_000f_000f_000f) * 10 + ((ones >> 8) & 0x000f_000f_000f_000f);
    let fours = (pairs & 0x0000_007f_0000_007f) * 100 + ((pairs >> 16) & 0x0000_007f_0000_007f);
    Some((fours & 0xffff) * 10_000 + (fours >> 32))
}

/// An integer as text, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct I64Buf {
    bytes: [u8; LINE_BYTES],
    len: u8,
}

impl I64Buf {
    /// Formats a signed integer.
    #[inline]
    pub fn new(value: i64) -> I64Buf {
        let mut bytes = [0; LINE_BYTES];
        let len = put_i64(&mut bytes, 0, value) as u8;
        I64Buf { bytes, len }
    }

    /// Formats an unsigned integer.
    #[inline]
    pub fn unsigned(value: u64) -> I64Buf {
        let mut bytes = [0; LINE_BYTES];
        let len = put_u64(&mut bytes, 0, value) as u8;
        I64Buf { bytes, len }
    }

    /// The text.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// The text, for formatting.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("digits and a minus sign are ASCII")
    }
}

/// Appends a signed integer.
#[inline]
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    let start = out.len();
    out.extend_from_slice(&[0; LINE_BYTES]);
    let line = out[start..]
        .first_chunk_mut()
        .expect("that much was just appended");
    let len = put_i64(line, 0, value);
    out.truncate(start + len);
}

/// Appends an unsigned integer.
#[inline]
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(I64Buf::unsigned(value).as_bytes());
}

/// Appends a protocol line: `kind`, the integer, CRLF.
///
/// The line is written where it will stay, over zeros that are then cut to length. Writing it elsewhere first and
/// copying it would read bytes back before they have left the store buffer, which costs more than all the rest.
#[inline]
pub fn write_line(out: &mut Vec<u8>, kind: u8, value: i64) {
    let start = out.len();
    out.extend_from_slice(&[0; LINE_BYTES]);
    let line = out[start..]
        .first_chunk_mut()
        .expect("that much was just appended");
    line[0] = kind;
    let end = put_i64(line, 1, value);
    line[end] = b'\r';
    line[end + 1] = b'\n';
    out.truncate(start + end + 2);
}

/// Writes `value` at `at`; the position after it.
#[inline]
fn put_i64(line: &mut [u8; LINE_BYTES], at: usize, value: i64) -> usize {
    if value < 0 {
        line[at] = b'-';
        put_u64(line, at + 1, value.unsigned_abs())
    } else {
        put_u64(line, at, value as u64)
    }
}

#[inline]
fn put_u64(line: &mut [u8; LINE_BYTES], at: usize, value: u64) -> usize {
    if value < 10 {
        line[at] = b'0' + value as u8;
        return at + 1;
    }
    put_digits(line, at, value)
}

fn put_digits(line: &mut [u8; LINE_BYTES], at: usize, value: u64) -> usize {
    let end = at + decimal_len(value);
    let mut next = end;
    let mut rest = value;
    while rest >= 100 {
        let pair = DIGIT_PAIRS[(rest % 100) as usize];
        rest /= 100;
        next -= 2;
        line[next..next + 2].copy_from_slice(&pair);
    }
    if rest >= 10 {
        line[at..at + 2].copy_from_slice(&DIGIT_PAIRS[rest as usize]);
    } else {
        line[at] = b'0' + rest as u8;
    }
    end
}

/// How many digits `value` has in decimal.
#[inline]
pub fn decimal_len(value: u64) -> usize {
    // bits * log10(2) is the number of digits or one more than that; comparing with the power decides.
    let bits = 64 - (value | 1).leading_zeros();
    let guess = (bits * 1233) >> 12;
    (guess + u32::from(value >= POWERS_OF_TEN[guess as usize])).max(1) as usize
}

/// Digits of `u64::MAX`.
const U64_DIGITS_MAX: usize = 20;

/// Room for a type byte, sign, 20 digits and CRLF; a multiple of eight.
const LINE_BYTES: usize = 24;

const _: () = assert!(1 + U64_DIGITS_MAX + 2 <= LINE_BYTES);

static POWERS_OF_TEN: [u64; 20] = {
    let mut powers = [1; 20];
    let mut i = 1;
    while i < 20 {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// "00", "01", .. "99".
static DIGIT_PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut i = 0;
    while i < 100 {
        pairs[i] = [b'0' + (i / 10) as u8, b'0' + (i % 10) as u8];
        i += 1;
    }
    pairs
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    /// Numbers of every length and sign, and those around each power of ten and of two.
    fn samples() -> Vec<i64> {
        let mut rng = Rng::new(10);
        let mut all = vec![0, i64::MIN, i64::MAX, i64::MIN + 1];
        for power in POWERS_OF_TEN
            .iter()
            .copied()
            .chain((0..63).map(|bit| 1 << bit))
        {
            for near in [power.wrapping_sub(1), power, power.wrapping_add(1)] {
                all.extend([near as i64, (near as i64).wrapping_neg()]);
            }
        }
        all.extend((0..20_000).map(|_| (rng.next_u64() >> rng.below(64)) as i64));
        all.extend((0..20_000).map(|_| (rng.next_u64() as i64) >> rng.below(64)));
        all
    }

    #[test]
    fn integers_print_as_std_prints_them_and_parse_back() {
        for value in samples() {
            let text = value.to_string();
            assert_eq!(I64Buf::new(value).as_str(), text);
            assert_eq!(parse_i64(text.as_bytes()), Some(value), "{text}");
            let unsigned = value as u64;
            assert_eq!(I64Buf::unsigned(unsigned).as_str(), unsigned.to_string());
            assert_eq!(parse_u64(unsigned.to_string().as_bytes()), Some(unsigned));
            assert_eq!(decimal_len(unsigned), unsigned.to_string().len());
            let mut line = b"x".to_vec();
            write_line(&mut line, b':', value);
            assert_eq!(line, format!("x:{value}\r\n").into_bytes());
        }
    }

    #[test]
    fn only_the_canonical_form_parses() {
        for text in [
            "",
            "-",
            "+1",
            "01",
            "00",
            "-0",
            "-01",
            " 1",
            "1 ",
            "1a",
            "a",
            "--1",
            "0x10",
            "1.0",
            "1e3",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
            "100000000000000000000",
            "123456789012345678901",
            "1234567/",
            "1234567:",
            "12345678:",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    #[test]
    fn what_parses_prints_back_as_the_same_bytes() {
        let mut rng = Rng::new(11);
        let alphabet = b"0123456789-+ /:\0\xff";
        for _ in 0..300_000 {
            let text: Vec<u8> = (0..rng.index(22))
                .map(|_| alphabet[rng.index(alphabet.len())])
                .collect();
            let by_std = std::str::from_utf8(&text)
                .ok()
                .and_then(|text| text.parse::<i64>().ok())
                .filter(|value| value.to_string().as_bytes() == text);
            assert_eq!(parse_i64(&text), by_std, "{}", text.escape_ascii());
        }
    }
}
