//! 80-bit extended floats, the arithmetic of INCRBYFLOAT and HINCRBYFLOAT.
//!
//! These commands promise that 0.1 added to 0.2 is 0.3: 64 bits of significand and 17 printed decimals hide most
//! binary noise, and clients compare the text. Rust has no such type, so values go through a software float with x87
//! semantics, and printing is done here, exactly: an 80-bit float is `significand * 2^exponent` with a 64-bit integer
//! significand, hence its integer part and the rounded fraction need only 128-bit integers, except above 2^64, where
//! the integer part is computed in base 10^9.

use std::ops::{Add, Sub};

use rustc_apfloat::{Float, Round, ieee};

use super::float::{Syntax, hex_text};
use super::{DIGIT_PAIRS, parse_i64, write_i64, write_u64};
use crate::base::limits::FLOAT_TEXT_BYTES_MAX;

/// Why an increment failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FloatError {
    /// One of the operands is not a float.
    NotAFloat,
    /// The sum is infinite or not a number.
    NanOrInf,
}

/// An 80-bit float. Never a NaN when it comes from `parse`.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Float80(ieee::X87DoubleExtended);

impl Float80 {
    /// 0.
    pub const ZERO: Float80 = Float80(ieee::X87DoubleExtended::ZERO);

    /// The largest finite one.
    pub fn largest() -> Float80 {
        Float80(ieee::X87DoubleExtended::largest())
    }

    /// The finite one farthest below zero.
    pub fn lowest() -> Float80 {
        Float80(-ieee::X87DoubleExtended::largest())
    }

    /// Parses what `strtold` would, as `parse_f64` does for doubles; infinities are accepted. `None` also for texts of
    /// 5 KiB and more.
    pub fn parse(text: &[u8]) -> Option<Float80> {
        if text.len() >= FLOAT_TEXT_BYTES_MAX {
            return None;
        }
        if let Some(integer) = parse_i64(text) {
            return Some(Float80::from(integer));
        }
        let round = Round::NearestTiesToEven;
        let syntax = Syntax::of(text)?;
        let value = match syntax {
            Syntax::Infinity { negative } => {
                let infinity = ieee::X87DoubleExtended::INFINITY;
                return Some(Float80(if negative { -infinity } else { infinity }));
            }
            Syntax::Decimal { .. } => {
                let text = std::str::from_utf8(text).ok()?;
                ieee::X87DoubleExtended::from_str_r(text, round).ok()?.value
            }
            Syntax::Hex { .. } => {
                ieee::X87DoubleExtended::from_str_r(&hex_text(text), round)
                    .ok()?
                    .value
            }
        };
        (value.is_finite() && value.is_zero() != syntax.is_nonzero()).then_some(Float80(value))
    }

    /// Neither infinite nor NaN.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Appends the value with 17 decimals, without trailing zeros and never in exponent form; `-0` as `0`. The last
    /// decimal is rounded to nearest, ties to even.
    pub fn write(self, out: &mut Vec<u8>) {
        if !self.0.is_finite() {
            let text: &[u8] = match (self.0.is_nan(), self.0.is_negative()) {
                (true, _) => b"nan",
                (false, true) => b"-inf",
                (false, false) => b"inf",
            };
            out.extend_from_slice(text);
            return;
        }
        // Bits 0..64 significand with explicit integer bit, 64..79 biased exponent, 79 sign.
        let bits = self.0.to_bits();
        let significand = bits as u64;
        let biased = ((bits >> 64) & 0x7fff) as i32;
        let exponent = biased.max(1) - 16383 - 63;

        let (whole, decimals) = match u32::try_from(exponent) {
            Ok(shift) if shift > 0 => {
                if self.0.is_negative() {
                    out.push(b'-');
                }
                return write_shifted(out, significand, shift);
            }
            _ => split(significand, exponent.unsigned_abs()),
        };
        if self.0.is_negative() && (whole, decimals) != (0, 0) {
            out.push(b'-');
        }
        write_u64(out, whole);
        if decimals != 0 {
            write_decimals(out, decimals);
        }
    }
}

/// The sum, rounded to the nearest 80-bit float.
impl Add for Float80 {
    type Output = Float80;
    fn add(self, other: Float80) -> Float80 {
        Float80((self.0 + other.0).value)
    }
}

/// The difference, rounded likewise.
impl Sub for Float80 {
    type Output = Float80;
    fn sub(self, other: Float80) -> Float80 {
        Float80((self.0 - other.0).value)
    }
}

impl From<i64> for Float80 {
    fn from(value: i64) -> Float80 {
        // 63 bits of magnitude always fit the 64-bit significand.
        Float80(ieee::X87DoubleExtended::from_i128(i128::from(value)).value)
    }
}

/// `value + increment`, both as text, as text: see `Float80::write`.
pub fn float80_add(value: &[u8], increment: &[u8]) -> Result<Vec<u8>, FloatError> {
    let value = Float80::parse(value).ok_or(FloatError::NotAFloat)?;
    let increment = Float80::parse(increment).ok_or(FloatError::NotAFloat)?;
    let sum = value + increment;
    if !sum.is_finite() {
        return Err(FloatError::NanOrInf);
    }
    let mut out = Vec::with_capacity(24);
    sum.write(&mut out);
    Ok(out)
}

/// `significand / 2^shift` as an integer and 10^-17ths, rounded to nearest, ties to even.
fn split(significand: u64, shift: u32) -> (u64, u64) {
    if shift >= 128 {
        // Less than 2^-64, which is below half of 10^-17.
        return (0, 0);
    }
    let whole = significand.checked_shr(shift).unwrap_or(0);
    let fraction = if shift < 64 {
        significand - (whole << shift)
    } else {
        significand
    };
    // Below 2^64 * 10^17 < 2^121.
    let scaled = u128::from(fraction) * u128::from(DECIMALS_UNIT);
    let mut decimals = (scaled >> shift) as u64;
    if shift > 0 {
        let rest = scaled & ((1 << shift) - 1);
        let half = 1 << (shift - 1);
        if rest > half || (rest == half && decimals % 2 == 1) {
            decimals += 1;
        }
    }
    if decimals == DECIMALS_UNIT {
        (whole + 1, 0)
    } else {
        (whole, decimals)
    }
}

/// Appends the point and the decimals (0 < `decimals` < 10^17) without trailing zeros.
fn write_decimals(out: &mut Vec<u8>, decimals: u64) {
    let mut text = [b'.'; 18];
    let mut rest = decimals;
    for pair in text[2..].rchunks_exact_mut(2) {
        pair.copy_from_slice(&DIGIT_PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    text[1] = b'0' + rest as u8;
    let len = text
        .iter()
        .rposition(|&byte| byte != b'0')
        .map_or(0, |last| last + 1);
    out.extend_from_slice(&text[..len]);
}

/// Appends `significand * 2^shift` in decimal. At most 4933 digits.
fn write_shifted(out: &mut Vec<u8>, significand: u64, shift: u32) {
    const BASE: u64 = 1_000_000_000;
    // Least significant limb first, each below BASE.
    let mut limbs = Vec::with_capacity(shift as usize / 29 + 3);
    let mut rest = significand;
    while rest > 0 {
        limbs.push(rest % BASE);
        rest /= BASE;
    }
    let mut left = shift;
    while left > 0 {
        // A limb times 2^32 plus the carry stays below 2^62.
        let step = left.min(32);
        let mut carry = 0;
        for limb in &mut limbs {
            let product = (*limb << step) + carry;
            *limb = product % BASE;
            carry = product / BASE;
        }
        while carry > 0 {
            limbs.push(carry % BASE);
            carry /= BASE;
        }
        left -= step;
    }
    let mut limbs = limbs.into_iter().rev();
    write_i64(
        out,
        limbs.next().expect("a normal number is not zero") as i64,
    );
    for limb in limbs {
        let mut digits = [b'0'; 9];
        let mut rest = limb;
        for digit in digits.iter_mut().rev() {
            *digit += (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&digits);
    }
}

/// 17 decimals are printed.
const DECIMALS_UNIT: u64 = 100_000_000_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, increment: &str, expected: Result<&str, FloatError>) {
        let sum = float80_add(value.as_bytes(), increment.as_bytes());
        let sum = sum
            .as_deref()
            .map(|text| std::str::from_utf8(text).unwrap());
        assert_eq!(
            sum.map_err(|error| *error),
            expected,
            "{value} + {increment}"
        );
    }

    #[test]
    fn sums_as_documented() {
        check("10.50", "0.1", Ok("10.6"));
        check("10.6", "-5", Ok("5.6"));
        check("5.0e3", "2.0e2", Ok("5200"));
        check("3", "1.1", Ok("4.1"));
        check("0.1", "0.2", Ok("0.3"));
        check("0", "-0", Ok("0"));
        check("-1", "0.5", Ok("-0.5"));
        check("1", "-1", Ok("0"));
        check("0", "-1e-20", Ok("0"));
        check("0", "0x1p-17", Ok("0.00000762939453125"));
    }

    #[test]
    fn big_values_print_every_digit() {
        check("1e20", "0", Ok("100000000000000000000"));
        check("18446744073709551615", "0", Ok("18446744073709551615"));
        check("18446744073709551615", "1", Ok("18446744073709551616"));
        check("-1e30", "0", Ok("-1000000000000000000024696061952"));
        check("9223372036854775807", "0.5", Ok("9223372036854775807.5"));
        let huge = float80_add(b"1e4932", b"0").unwrap();
        assert_eq!(huge.len(), 4933);
        assert!(huge.starts_with(b"1000000000000000000"));
    }

    #[test]
    fn ties_go_to_even_in_the_last_decimal() {
        // 2^-18 = 3.814697265625e-6 has 18 decimals: ..265625 is a tie at the 17th.
        check("0", "0x1p-18", Ok("0.00000381469726562"));
        check("0", "0x3p-18", Ok("0.00001144409179688"));
        // Rounding carries into the integer part.
        check("0", "0.9999999999999999999", Ok("1"));
        check("1", "0.9999999999999999999", Ok("2"));
    }

    #[test]
    fn errors() {
        check("abc", "1", Err(FloatError::NotAFloat));
        check("1", "", Err(FloatError::NotAFloat));
        check("1 ", "1", Err(FloatError::NotAFloat));
        check("nan", "1", Err(FloatError::NotAFloat));
        check("1e5000", "1", Err(FloatError::NotAFloat));
        check("1e-5000", "1", Err(FloatError::NotAFloat));
        check("inf", "1", Err(FloatError::NanOrInf));
        check("inf", "-inf", Err(FloatError::NanOrInf));
        check("1.1e4932", "1.1e4932", Err(FloatError::NanOrInf));
        check(
            &"1".repeat(FLOAT_TEXT_BYTES_MAX),
            "1",
            Err(FloatError::NotAFloat),
        );
    }
}
