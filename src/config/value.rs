//! Numbers as operators write them in a configuration: memory with units, percentages, octal, C's loose integers.
//!
//! These accept what the field's servers accept, oddities included, because configurations exist that rely on them: an
//! empty number is 0 where C's `strtoll` reads it, a plus sign or leading blanks pass there too, and digits beyond 64 bits
//! are the largest number. One thing is stricter on purpose: an amount of memory that its unit makes overflow is refused
//! rather than wrapped around.

use super::types::MemoryOrPercent;
use super::words::is_blank;
use crate::base::parse_i64;

/// Digits with an optional unit: `k` `m` `g` count in thousands, `kb` `mb` `gb` in 1024s. No digits are 0.
pub fn memory(text: &[u8]) -> Option<u64> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1000 * 1000,
        b"mb" => 1 << 20,
        b"g" => 1000 * 1000 * 1000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let value = number.iter().fold(0_u64, |value, digit| {
        let digit = u64::from(digit - b'0');
        value.saturating_mul(10).saturating_add(digit)
    });
    value.checked_mul(scale)
}

/// An amount of memory, or a whole number followed by `%`. Percentages are not limited to 100 here.
pub(super) fn memory_or_percent(text: &[u8]) -> Option<Amount> {
    if let Some(bytes) = memory(text) {
        return Some(Amount::Bytes(bytes));
    }
    let (last, number) = text.split_last()?;
    let percent = parse_i64(number).filter(|percent| *last == b'%' && *percent >= 0)?;
    Some(Amount::Percent(percent))
}

/// What [`memory_or_percent`] reads, before its range is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    Bytes(u64),
    Percent(i64),
}

/// What `strtoll` takes when it has to use up the whole text: blanks, a sign, digits. Saturates. An empty text is 0.
pub(super) fn c_integer(text: &[u8]) -> Option<i64> {
    c_integer_in(text, 10).map(|(value, _)| value)
}

/// The same in base 8, without saturating.
pub(super) fn octal(text: &[u8]) -> Option<i64> {
    match c_integer_in(text, 8)? {
        (value, false) => Some(value),
        (_, true) => None,
    }
}

/// The number, and whether it was cut to 64 bits.
fn c_integer_in(text: &[u8], radix: i64) -> Option<(i64, bool)> {
    if text.is_empty() {
        return Some((0, false));
    }
    let blanks = text.iter().take_while(|byte| is_blank(**byte)).count();
    let (negative, digits) = match &text[blanks..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let (mut value, mut overflow) = (0_i64, false);
    for byte in digits {
        let digit = i64::from(byte.wrapping_sub(b'0'));
        if digit >= radix {
            return None;
        }
        let digit = if negative { -digit } else { digit };
        match value
            .checked_mul(radix)
            .and_then(|value| value.checked_add(digit))
        {
            Some(next) => value = next,
            None => {
                value = if negative { i64::MIN } else { i64::MAX };
                overflow = true;
            }
        }
    }
    Some((value, overflow))
}

/// `yes` or `no`.
pub(super) fn yes_no(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"yes") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"no") {
        Some(false)
    } else {
        None
    }
}

/// A percentage as CONFIG GET prints it: at most six decimals, no trailing zeros.
pub(super) fn write_decimal(out: &mut Vec<u8>, value: f64) {
    let text = format!("{value:.6}");
    out.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
}

/// An amount in the largest unit that divides it, as CONFIG REWRITE writes it.
pub(super) fn with_unit(bytes: u64) -> String {
    let unit = [("gb", 30), ("mb", 20), ("kb", 10)]
        .into_iter()
        .find(|(_, shift)| bytes != 0 && bytes.trailing_zeros() >= *shift);
    match unit {
        Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
        None => bytes.to_string(),
    }
}

impl MemoryOrPercent {
    /// The limit in bytes, given what the percentage is of.
    pub fn bytes(self, whole: u64) -> u64 {
        match self {
            MemoryOrPercent::Bytes(bytes) => bytes,
            MemoryOrPercent::Percent(percent) => {
                // Through 128 bits, so that no limit is too large to take a part of.
                (u128::from(whole) * u128::from(percent) / 100) as u64
            }
        }
    }
}

/// A list of CPUs as the kernel writes it: `0-3,5` or `0-7:2` for every second one. Sorted, without repetitions;
/// `None` if it is malformed or names a CPU of 1024 or above.
pub fn cpu_list(text: &str) -> Option<Vec<u16>> {
    let mut named = [false; CPUS_MAX];
    if text.is_empty() {
        return Some(Vec::new());
    }
    for part in text.split(',') {
        let (range, step) = match part.trim().split_once(':') {
            Some((range, step)) => (range, cpu(step)?),
            None => (part.trim(), 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (cpu(first)?, cpu(last)?),
            None => (cpu(range)?, cpu(range)?),
        };
        if step == 0 || last < first {
            return None;
        }
        for cpu in (first..=last).step_by(step) {
            named[cpu] = true;
        }
    }
    Some(
        (0..CPUS_MAX as u16)
            .filter(|cpu| named[usize::from(*cpu)])
            .collect(),
    )
}

fn cpu(text: &str) -> Option<usize> {
    let number = usize::try_from(parse_i64(text.as_bytes())?).ok()?;
    (number < CPUS_MAX).then_some(number)
}

/// As many as the kernel's CPU mask of one call holds; more shards than that are refused too.
pub(super) const CPUS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_knows_units_and_refuses_overflow() {
        for (text, value) in [
            ("0", Some(0)),
            ("", Some(0)),
            ("gb", Some(0)),
            ("1k", Some(1000)),
            ("1kB", Some(1024)),
            ("2MB", Some(2 << 20)),
            ("3G", Some(3_000_000_000)),
            ("10b", Some(10)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", Some(u64::MAX)),
            ("18446744073709551616kb", None),
            ("18446744073709551615kb", None),
            ("-1", None),
            ("1x", None),
            ("1 k", None),
            ("1.5gb", None),
        ] {
            assert_eq!(memory(text.as_bytes()), value, "{text}");
        }
        assert_eq!(memory_or_percent(b"5%"), Some(Amount::Percent(5)));
        assert_eq!(memory_or_percent(b"5kb"), Some(Amount::Bytes(5120)));
        assert_eq!(memory_or_percent(b"-5%"), None);
        assert_eq!(memory_or_percent(b"%"), None);
        assert_eq!(memory_or_percent(b"5"), Some(Amount::Bytes(5)));
    }

    #[test]
    fn loose_integers_follow_c() {
        for (text, value) in [
            ("", Some(0)),
            ("12", Some(12)),
            (" +12", Some(12)),
            ("-0", Some(0)),
            ("007", Some(7)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
            (" ", None),
            ("1 ", None),
            ("-", None),
            ("1a", None),
        ] {
            assert_eq!(c_integer(text.as_bytes()), value, "{text:?}");
        }
        assert_eq!(octal(b"777"), Some(0o777));
        assert_eq!(octal(b"8"), None);
        assert_eq!(octal(b"7777777777777777777777777"), None);
    }

    #[test]
    fn amounts_are_rewritten_in_the_largest_unit() {
        for (bytes, text) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1kb"),
            (3 << 20, "3mb"),
            (1 << 30, "1gb"),
            (1000 * 1000, "1000000"),
            (u64::MAX, "18446744073709551615"),
        ] {
            assert_eq!(with_unit(bytes), text);
        }
    }

    #[test]
    fn decimals_are_trimmed() {
        for (value, text) in [(50.0, "50"), (99.9, "99.9"), (0.0, "0"), (100.0, "100")] {
            let mut out = Vec::new();
            write_decimal(&mut out, value);
            assert_eq!(out, text.as_bytes());
        }
    }

    #[test]
    fn cpu_lists_read_as_the_kernel_writes_them() {
        assert_eq!(cpu_list("0-3,5"), Some(vec![0, 1, 2, 3, 5]));
        assert_eq!(cpu_list("0-7:3, 1"), Some(vec![0, 1, 3, 6]));
        assert_eq!(cpu_list(""), Some(vec![]));
        for wrong in ["a", "3-1", "1,", "1-", "0-4:0", "1024", "-1"] {
            assert_eq!(cpu_list(wrong), None, "{wrong}");
        }
    }
}
