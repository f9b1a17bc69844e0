//! Bounds of ranges as clients write them.

use std::ops::Range;

use super::Result;
use crate::base::num::parse_f64_clamped;
use crate::base::parse_i64;
use crate::resp::CommandError;
use crate::types::{LexBound, LexRange, ScoreRange};

/// Scores from `min` to `max`.
pub(super) fn score_range(min: &[u8], max: &[u8]) -> Result<ScoreRange> {
    let (min, min_is_outside) = score_bound(min).ok_or(CommandError::MIN_MAX_NOT_FLOAT)?;
    let (max, max_is_outside) = score_bound(max).ok_or(CommandError::MIN_MAX_NOT_FLOAT)?;
    Ok(ScoreRange {
        min,
        min_is_outside,
        max,
        max_is_outside,
    })
}

/// A number as C's `strtod` reads it, with `(` before it if it is outside itself. Unlike elsewhere, what is too large is
/// infinite, blanks may come before, and nothing at all is 0.
fn score_bound(text: &[u8]) -> Option<(f64, bool)> {
    let (text, is_outside) = match text {
        [b'(', text @ ..] => (text, true),
        text => (text, false),
    };
    if text.is_empty() {
        return Some((0.0, is_outside));
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    Some((parse_f64_clamped(&text[start..])?, is_outside))
}

/// Names from `min` to `max`.
pub(super) fn lex_range<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>> {
    let bound = |text| lex_bound(text).ok_or(CommandError::MIN_MAX_NOT_LEX);
    Ok(LexRange {
        min: bound(min)?,
        max: bound(max)?,
    })
}

fn lex_bound(text: &[u8]) -> Option<LexBound<'_>> {
    match text {
        b"-" => Some(LexBound::Lowest),
        b"+" => Some(LexBound::Highest),
        [b'[', name @ ..] => Some(LexBound::Inside(name)),
        [b'(', name @ ..] => Some(LexBound::Outside(name)),
        _ => None,
    }
}

/// Positions from the first to the last, both inside; negative ones count from the end.
#[derive(Clone, Copy)]
pub(super) struct Positions {
    first: i64,
    last: i64,
}

impl Positions {
    pub(super) fn parse(first: &[u8], last: &[u8]) -> Result<Positions> {
        Ok(Positions {
            first: parse_i64(first).ok_or(CommandError::NOT_INTEGER)?,
            last: parse_i64(last).ok_or(CommandError::NOT_INTEGER)?,
        })
    }

    /// Those that there are in a set of `len` members.
    pub(super) fn of(self, len: usize) -> Range<usize> {
        let count = i64::try_from(len).unwrap_or(i64::MAX);
        let absolute = |at: i64| if at < 0 { count + at } else { at };
        let first = absolute(self.first).max(0);
        let last = absolute(self.last).min(count - 1);
        if first > last {
            return 0..0;
        }
        // Both lie in 0..len.
        first as usize..last as usize + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn score_bounds_are_read_as_c_does() {
        for (text, bound) in [
            ("1", Some((1.0, false))),
            ("(1.5", Some((1.5, true))),
            ("", Some((0.0, false))),
            ("(", Some((0.0, true))),
            (" 5", Some((5.0, false))),
            ("-inf", Some((f64::NEG_INFINITY, false))),
            ("(+inf", Some((f64::INFINITY, true))),
            ("1e400", Some((f64::INFINITY, false))),
            ("0x10", Some((16.0, false))),
            ("5 ", None),
            (" ", None),
            ("((1", None),
            ("nan", None),
            ("abc", None),
        ] {
            assert_eq!(score_bound(text.as_bytes()), bound, "{text:?}");
        }
    }

    #[test]
    fn lex_bounds_say_whether_they_are_inside() {
        assert_eq!(lex_bound(b"[a"), Some(LexBound::Inside(b"a")));
        assert_eq!(lex_bound(b"("), Some(LexBound::Outside(b"")));
        assert_eq!(lex_bound(b"+"), Some(LexBound::Highest));
        for text in ["", "a", "++", "-a"] {
            assert_eq!(lex_bound(text.as_bytes()), None);
        }
    }

    #[test]
    fn positions_count_from_both_ends() {
        for (first, last, len, expected) in [
            ("0", "-1", 3, 0..3),
            ("1", "1", 3, 1..2),
            ("-2", "-1", 3, 1..3),
            ("-9", "9", 3, 0..3),
            ("2", "1", 3, 0..0),
            ("3", "9", 3, 0..0),
            ("0", "-9", 3, 0..0),
            ("-9223372036854775808", "9223372036854775807", 3, 0..3),
            ("0", "-1", 0, 0..0),
        ] {
            let positions = Positions::parse(first.as_bytes(), last.as_bytes()).unwrap();
            assert_eq!(positions.of(len), expected, "{first} {last}");
        }
    }
}
