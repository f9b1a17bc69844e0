//! Doubles: parsing as `strtod` would, printing the shortest digits that read back as the same value.
//!
//! Accepted: decimal with optional fraction and exponent, hexadecimal floats, `inf` and `infinity` in any case, each
//! with an optional sign. Refused: NaN, blanks anywhere, anything left over, and finite text that is out of range in
//! either direction (`1e400`, `1e-400`).
//!
//! Printed: whole numbers up to 2^62 as integers; `123.456` and `0.00001` in plain notation; the rest as `1.5e+300`,
//! the exponent signed and without leading zeros; `inf`, `-inf`, `nan`, and `-0`, which is not 0.

use rustc_apfloat::{Float, Round, ieee};

use super::{parse_i64, write_i64};

/// Parses a double; `None` if it is not one. The rules are at the top of the file.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    // Most scores and increments are small integers, exact in a double.
    if text.len() <= 15
        && let Some(integer) = parse_i64(text)
    {
        return Some(integer as f64);
    }
    let syntax = Syntax::of(text)?;
    let value = value_of(text, syntax)?;
    let is_exact = matches!(syntax, Syntax::Infinity { .. })
        || (value.is_finite() && (value != 0.0) == syntax.is_nonzero());
    is_exact.then_some(value)
}

/// As [`parse_f64`], but text that is out of range is infinite or 0, as for callers of `strtod` that look at nothing but
/// its result.
pub fn parse_f64_clamped(text: &[u8]) -> Option<f64> {
    value_of(text, Syntax::of(text)?)
}

fn value_of(text: &[u8], syntax: Syntax) -> Option<f64> {
    Some(match syntax {
        Syntax::Infinity { negative: false } => f64::INFINITY,
        Syntax::Infinity { negative: true } => f64::NEG_INFINITY,
        Syntax::Decimal { .. } => std::str::from_utf8(text).ok()?.parse::<f64>().ok()?,
        Syntax::Hex { .. } => {
            let parsed =
                ieee::Double::from_str_r(&hex_text(text), Round::NearestTiesToEven).ok()?;
            f64::from_bits(parsed.value.to_bits() as u64)
        }
    })
}

/// Appends a double. The form is described at the top of the file.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    /// Every whole double up to here is printed as an integer.
    const WHOLE_MAX: f64 = (1_u64 << 62) as f64;

    if value.abs() <= WHOLE_MAX
        && value.trunc() == value
        && (value != 0.0 || value.is_sign_positive())
    {
        write_i64(out, value as i64);
    } else if value.is_finite() {
        write_fraction(out, value);
    } else {
        out.extend_from_slice(match value {
            f64::INFINITY => b"inf",
            f64::NEG_INFINITY => b"-inf",
            _ => b"nan",
        });
    }
}

/// Appends a double as [`write_f64`] does, but large whole numbers as fractions are: `1e+20`, `1e+8`.
pub fn write_f64_shortest(out: &mut Vec<u8>, value: f64) {
    match value.is_finite() {
        true => write_fraction(out, value),
        false => write_f64(out, value),
    }
}

/// Finite doubles that are not printed as integers.
fn write_fraction(out: &mut Vec<u8>, value: f64) {
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value == 0.0 {
        out.push(b'0');
        return;
    }
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format_finite(value.abs()).as_bytes();
    if is_our_form(text, value.abs()) {
        out.extend_from_slice(text);
        return;
    }
    let shortest = Shortest::from_text(text);
    let digits = shortest.digits();
    let count = digits.len() as i32;
    // The value is 0.DIGITS * 10^point.
    let point = shortest.point;
    let scale = point - count;
    if scale >= 0 && point <= count + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + scale as usize, b'0');
    } else if scale < 0 && (scale > -7 || (point - 1).abs() < 4) {
        if point <= 0 {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + point.unsigned_abs() as usize, b'0');
            out.extend_from_slice(digits);
        } else {
            let (whole, fraction) = digits.split_at(point as usize);
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        let exponent = point - 1;
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        write_i64(out, i64::from(exponent.abs()));
    }
}

/// Did Ryu lay out a fraction as we would? So it does for most: plain notation, where we use it too.
fn is_our_form(text: &[u8], value: f64) -> bool {
    let Some(point) = memchr::memchr2(b'.', b'e', text) else {
        return false;
    };
    text[point] == b'.'
        && (text.len() - point <= 7 || (0.001..10_000.0).contains(&value))
        && !text.ends_with(b".0")
        && !text.contains(&b'e')
}

/// The fewest decimal digits that identify a positive finite double: it is `0.DIGITS * 10^point`.
struct Shortest {
    digits: [u8; DIGITS_MAX],
    count: u8,
    point: i32,
}

impl Shortest {
    /// Takes Ryu's layout apart: `1234.5`, `0.00012`, `1.5e-7`, `12.0`.
    fn from_text(text: &[u8]) -> Shortest {
        let (mantissa, exponent) = match memchr::memchr(b'e', text) {
            Some(at) => (
                &text[..at],
                parse_i64(&text[at + 1..]).expect("ryu prints an integer"),
            ),
            None => (text, 0),
        };
        let mut shortest = Shortest {
            digits: [0; DIGITS_MAX],
            count: 0,
            point: exponent as i32,
        };
        let mut whole = true;
        // Zeros that count only if another digit follows.
        let mut zeros = 0;
        for &byte in mantissa {
            match byte {
                b'.' => whole = false,
                b'0' if shortest.count == 0 => shortest.point -= i32::from(!whole),
                b'0' => {
                    shortest.point += i32::from(whole);
                    zeros += 1;
                }
                digit => {
                    for zero in std::iter::repeat_n(b'0', zeros) {
                        shortest.push(zero);
                    }
                    zeros = 0;
                    shortest.push(digit);
                    shortest.point += i32::from(whole);
                }
            }
        }
        shortest
    }

    #[inline]
    fn push(&mut self, digit: u8) {
        self.digits[usize::from(self.count)] = digit;
        self.count += 1;
    }

    fn digits(&self) -> &[u8] {
        &self.digits[..usize::from(self.count)]
    }
}

/// A double never needs more.
const DIGITS_MAX: usize = 17;

/// What kind of float literal a text is, by the grammar of `strtod`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Syntax {
    Infinity {
        negative: bool,
    },
    /// `nonzero`: a digit other than 0 is in it, so that a result of 0 means underflow.
    Decimal {
        nonzero: bool,
    },
    Hex {
        nonzero: bool,
    },
}

impl Syntax {
    /// `None` if the text is not entirely one literal, or is a NaN.
    pub(super) fn of(text: &[u8]) -> Option<Syntax> {
        let (negative, body) = match text {
            [b'-', body @ ..] => (true, body),
            [b'+', body @ ..] => (false, body),
            body => (false, body),
        };
        if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
            return Some(Syntax::Infinity { negative });
        }
        if let [b'0', b'x' | b'X', body @ ..] = body {
            let nonzero = literal(body, u8::is_ascii_hexdigit, b'p')?;
            return Some(Syntax::Hex { nonzero });
        }
        let nonzero = literal(body, u8::is_ascii_digit, b'e')?;
        Some(Syntax::Decimal { nonzero })
    }

    pub(super) fn is_nonzero(self) -> bool {
        match self {
            Syntax::Infinity { .. } => true,
            Syntax::Decimal { nonzero } | Syntax::Hex { nonzero } => nonzero,
        }
    }
}

/// Checks `digits [. digits] [marker [sign] decimal digits]` with at least one digit before the marker; whether one of
/// those is not 0.
fn literal(text: &[u8], is_digit: fn(&u8) -> bool, marker: u8) -> Option<bool> {
    let mantissa_len = text
        .iter()
        .position(|byte| !is_digit(byte) && *byte != b'.')
        .unwrap_or(text.len());
    let (mantissa, rest) = text.split_at(mantissa_len);
    let points = mantissa.iter().filter(|&&byte| byte == b'.').count();
    if points > 1 || mantissa.len() == points {
        return None;
    }
    let exponent_ok = match rest {
        [] => true,
        [first, exponent @ ..] if first.eq_ignore_ascii_case(&marker) => {
            let digits = match exponent {
                [b'+' | b'-', digits @ ..] => digits,
                digits => digits,
            };
            !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
        }
        _ => false,
    };
    exponent_ok.then(|| mantissa.iter().any(|byte| !matches!(byte, b'0' | b'.')))
}

/// A hexadecimal literal as the float library wants it: lower case, the exponent always present.
pub(super) fn hex_text(text: &[u8]) -> String {
    let mut lower: String = text
        .iter()
        .map(|&byte| byte.to_ascii_lowercase() as char)
        .collect();
    if !lower.contains('p') {
        lower.push_str("p0");
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn printed(value: f64) -> String {
        let mut out = Vec::new();
        write_f64(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_print_in_the_form_clients_know() {
        for (value, text) in [
            (3.0, "3"),
            (3.1, "3.1"),
            (-3.5, "-3.5"),
            (0.0, "0"),
            (-0.0, "-0"),
            (0.1, "0.1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e-3, "0.001"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-7, "1.5e-7"),
            (123456.789, "123456.789"),
            (1e17, "100000000000000000"),
            ((1_u64 << 62) as f64, "4611686018427387904"),
            (9223372036854775807.0, "9223372036854776000"),
            (1e19, "1e+19"),
            (1e21, "1e+21"),
            (1.25e22, "1.25e+22"),
            (1e100, "1e+100"),
            (1e-100, "1e-100"),
            (-1.7976931348623157e308, "-1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(printed(value), text);
        }
    }

    #[test]
    fn printed_doubles_read_back_bit_for_bit() {
        let mut rng = Rng::new(80);
        for round in 0..100_000 {
            let value = match round % 4 {
                0 => f64::from_bits(rng.next_u64()),
                1 => rng.unit_f64() * 1000.0,
                2 => (rng.next_u64() >> rng.below(64)) as f64 / 100.0,
                _ => (rng.next_u64() as i64) as f64,
            };
            if value.is_nan() {
                continue;
            }
            let text = printed(value);
            let back = parse_f64(text.as_bytes());
            assert_eq!(back.map(f64::to_bits), Some(value.to_bits()), "{text}");
        }
    }

    #[test]
    fn what_strtod_accepts_is_accepted() {
        for (text, value) in [
            ("1", 1.0),
            ("+1", 1.0),
            ("-1.5", -1.5),
            ("1.", 1.0),
            (".5", 0.5),
            ("007", 7.0),
            ("1e3", 1000.0),
            ("1E+3", 1000.0),
            ("0e99999", 0.0),
            ("inf", f64::INFINITY),
            ("+Infinity", f64::INFINITY),
            ("-INF", f64::NEG_INFINITY),
            ("0x10", 16.0),
            ("-0X1.8p1", -3.0),
            ("0x.8", 0.5),
            ("0x1p-1074", 5e-324),
            ("0x0", 0.0),
            ("4.9e-324", 5e-324),
            ("123456789012345678", 123456789012345680.0),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(value), "{text:?}");
        }
        assert!(parse_f64(b"-0").is_some_and(|zero| zero == 0.0 && zero.is_sign_negative()));
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            " 1",
            "1 ",
            "1\0",
            "\n1",
            "nan",
            "-nan",
            "nan(1)",
            ".",
            "+",
            "-",
            "e5",
            "1e",
            "1e+",
            "1..2",
            "1.2.3",
            "infin",
            "infinityx",
            "0x",
            "0x.",
            "0xp1",
            "0x1p",
            "1e400",
            "-1e400",
            "1e-400",
            "0x1p-2000",
            "0x1p2000",
            "1_000",
            "1,5",
            "--1",
            "+-1",
            "1d5",
            "0b1",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
    }
}
