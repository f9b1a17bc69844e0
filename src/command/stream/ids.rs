//! Ids of stream entries as clients write them.

use super::Result;
use crate::base::parse_i64;
use crate::resp::CommandError;
use crate::types::stream::{NewId, StreamId};

/// An id, `ms` or `ms-seq`; without `seq` it is `missing_seq`.
pub(super) fn parse(text: &[u8], missing_seq: u64) -> Result<StreamId> {
    if matches!(cut(text), b"-" | b"+") {
        return Err(CommandError::STREAM_ID);
    }
    parse_lenient(text, missing_seq)
}

/// As [`parse`], and `-` and `+` are the least and the greatest id.
pub(super) fn parse_lenient(text: &[u8], missing_seq: u64) -> Result<StreamId> {
    let (ms, seq) = split(text)?;
    match (ms, seq) {
        (b"", Some(b"")) => Ok(StreamId::MIN),
        (b"+", None) => Ok(StreamId::MAX),
        (ms, None) => Ok(StreamId::new(number(ms)?, missing_seq)),
        (ms, Some(seq)) => Ok(StreamId::new(number(ms)?, number(seq)?)),
    }
}

/// The id of a new entry, other than `*`: an id, or `ms-*`.
pub(super) fn parse_new(text: &[u8]) -> Result<NewId> {
    match split(text)? {
        (ms, Some(b"*")) => Ok(NewId::AutoSeq(number(ms)?)),
        _ => parse(text, 0).map(NewId::Exact),
    }
}

/// Where an interval starts: an id, or `(` and an id for the one after it.
pub(super) fn parse_start(text: &[u8]) -> Result<StreamId> {
    match text {
        [b'(', _, ..] => {
            let id = parse(&text[1..], 0)?;
            id.next().ok_or(CommandError::INTERVAL_START)
        }
        _ => parse_lenient(text, 0),
    }
}

/// Where an interval ends: an id, or `(` and an id for the one before it.
pub(super) fn parse_end(text: &[u8]) -> Result<StreamId> {
    match text {
        [b'(', _, ..] => {
            let id = parse(&text[1..], u64::MAX)?;
            id.previous().ok_or(CommandError::INTERVAL_END)
        }
        _ => parse_lenient(text, u64::MAX),
    }
}

/// All of some arguments.
pub(super) fn parse_all<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Result<Vec<StreamId>> {
    texts.map(|text| parse(text, 0)).collect()
}

/// Both sides of the first dash.
fn split(text: &[u8]) -> Result<(&[u8], Option<&[u8]>)> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(CommandError::STREAM_ID);
    }
    let text = cut(text);
    match memchr::memchr(b'-', text) {
        Some(at) => Ok((&text[..at], Some(&text[at + 1..]))),
        None => Ok((text, None)),
    }
}

/// Redis reads ids as text that a zero byte ends.
fn cut(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    &text[..end]
}

/// A number as C reads it: spaces, a sign and zeros may come first. A negative number is refused if it is
/// written plainly, and otherwise wraps around.
fn number(text: &[u8]) -> Result<u64> {
    if parse_i64(text).is_some_and(|value| value < 0) {
        return Err(CommandError::STREAM_ID);
    }
    let space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !space(byte));
    let (negative, digits) = match &text[start.unwrap_or(text.len())..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(CommandError::STREAM_ID);
    }
    let value = digits.iter().try_fold(0_u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    });
    let value = value.ok_or(CommandError::STREAM_ID)?;
    Ok(if negative {
        value.wrapping_neg()
    } else {
        value
    })
}

/// Longer texts are not looked at.
const TEXT_BYTES_MAX: usize = 127;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_as_clients_write_them() {
        let id = |ms, seq| Ok(StreamId::new(ms, seq));
        let refused = Err(CommandError::STREAM_ID);
        assert_eq!(parse(b"5", 7), id(5, 7));
        assert_eq!(parse(b"5-3", 7), id(5, 3));
        assert_eq!(parse(b"18446744073709551615-0", 0), id(u64::MAX, 0));
        assert_eq!(parse(b"18446744073709551616-0", 0), refused);
        for text in [
            "-", "+", "*", "5-*", "a", "5-a", "5-3-1", "5--3", " ", "5 ", "", "-5", "5-",
        ] {
            assert_eq!(parse(text.as_bytes(), 0), refused, "{text:?}");
        }
        assert_eq!(parse(&[b'0'; 128], 0), refused);
        assert_eq!(parse_lenient(b"-", 9), id(0, 0));
        assert_eq!(parse_lenient(b"+", 9), Ok(StreamId::MAX));
        // As strtoull has it.
        assert_eq!(parse(b"007-+08", 2), id(7, 8));
        assert_eq!(parse(b"7- 8", 2), id(7, 8));
        assert_eq!(parse(b"7\x008", 2), id(7, 2));
    }

    #[test]
    fn ends_of_intervals() {
        let id = |ms, seq| Ok(StreamId::new(ms, seq));
        assert_eq!(parse_start(b"(5-3"), id(5, 4));
        assert_eq!(parse_start(b"(5"), id(5, 1));
        assert_eq!(parse_end(b"5"), id(5, u64::MAX));
        assert_eq!(parse_end(b"(5"), id(5, u64::MAX - 1));
        assert_eq!(parse_end(b"(5-0"), id(4, u64::MAX));
        assert_eq!(parse_end(b"(0-0"), Err(CommandError::INTERVAL_END));
        assert_eq!(parse_start(b"(-"), Err(CommandError::STREAM_ID));
        assert_eq!(parse_start(b"("), Err(CommandError::STREAM_ID));
        let last = b"(18446744073709551615-18446744073709551615";
        assert_eq!(parse_start(last), Err(CommandError::INTERVAL_START));
    }
}
