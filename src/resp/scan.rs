//! Walking over finished replies, element by element.
//!
//! A command that was split over shards gets one reply per part, each an array of elements in the order of the part's
//! keys. The merge only has to know where elements end, never what is in them.

use crate::base::output::{Output, OutputPosition};
use crate::base::parse_i64;

/// The length of the RESP element at the start of `bytes`, what is nested in it included. `None` if it is incomplete
/// or not RESP. An attribute belongs to the element after it.
pub fn next_element(bytes: &[u8]) -> Option<usize> {
    let end = walk(bytes, &[], OutputPosition::default())?;
    Some(end.byte)
}

/// The same in an `Output`, where bulk strings may be spliced in by reference: where the element at `start` ends.
pub fn next_output_element(output: &Output, start: OutputPosition) -> Option<OutputPosition> {
    walk(&output.bytes, &output.shared, start)
}

/// The type and the number of an element's header line, and where the line ends.
pub fn header(bytes: &[u8]) -> Option<(u8, i64, usize)> {
    let (kind, text, end) = line(bytes, 0)?;
    Some((kind, parse_i64(text)?, end))
}

type Shared = [(usize, std::sync::Arc<Vec<u8>>)];

fn walk(bytes: &[u8], shared: &Shared, start: OutputPosition) -> Option<OutputPosition> {
    let mut at = start;
    // Elements still to come before the first one is complete.
    let mut open = 1_u64;
    while open > 0 {
        let (kind, text, end) = line(bytes, at.byte)?;
        at.byte = end;
        open -= 1;
        match kind {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
            b'$' | b'!' | b'=' => {
                if let Ok(len) = usize::try_from(parse_i64(text)?) {
                    at = skip_body(bytes, shared, at, len)?;
                }
            }
            b'*' | b'~' | b'>' => open = open.checked_add(count(text)?)?,
            b'%' => open = open.checked_add(count(text)?.checked_mul(2)?)?,
            b'|' => open = open.checked_add(count(text)?.checked_mul(2)?.checked_add(1)?)?,
            _ => return None,
        }
    }
    Some(at)
}

/// Elements announced by an aggregate header; a null array (-1) has none.
fn count(text: &[u8]) -> Option<u64> {
    Some(u64::try_from(parse_i64(text)?).unwrap_or(0))
}

/// The type byte and the rest of the line at `start`, and where the next line begins.
fn line(bytes: &[u8], start: usize) -> Option<(u8, &[u8], usize)> {
    let (&kind, rest) = bytes.get(start..)?.split_first()?;
    let len = memchr::memchr(b'\n', rest)?;
    let text = rest[..len].strip_suffix(b"\r")?;
    Some((kind, text, start + 1 + len + 1))
}

fn skip_body(
    bytes: &[u8],
    shared: &Shared,
    at: OutputPosition,
    len: usize,
) -> Option<OutputPosition> {
    let mut end = at;
    match shared.get(at.shared) {
        Some((position, value)) if *position == at.byte && value.len() == len => end.shared += 1,
        _ => end.byte = at.byte.checked_add(len)?,
    }
    end.byte = end.byte.checked_add(2)?;
    (end.byte <= bytes.len()).then_some(end)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn every_type_is_measured_whole_and_never_when_cut() {
        for text in [
            "+OK\r\n",
            "-ERR x\r\n",
            ":-12\r\n",
            "$-1\r\n",
            "$0\r\n\r\n",
            "$4\r\n\r\n\r\n\r\n",
            "*-1\r\n",
            "*0\r\n",
            "*2\r\n:1\r\n*1\r\n$1\r\nx\r\n",
            "_\r\n",
            "#t\r\n",
            ",1.5\r\n",
            "(123\r\n",
            "!3\r\nERR\r\n",
            "=7\r\ntxt:abc\r\n",
            "%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n",
            "~1\r\n+a\r\n",
            ">2\r\n+a\r\n_\r\n",
            "|1\r\n+a\r\n:1\r\n*1\r\n:2\r\n",
        ] {
            let followed = format!("{text}:1\r\n");
            assert_eq!(
                next_element(followed.as_bytes()),
                Some(text.len()),
                "{text:?}"
            );
            for cut in 0..text.len() {
                assert_eq!(
                    next_element(&text.as_bytes()[..cut]),
                    None,
                    "{text:?} cut at {cut}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_resp_is_refused() {
        for text in [
            "x\r\n",
            "*a\r\n",
            "$1",
            "$\r\n",
            "+a\n",
            "*99999999999999999999\r\n",
        ] {
            assert_eq!(next_element(text.as_bytes()), None, "{text:?}");
        }
        let many = format!("%{}\r\n", i64::MAX).repeat(3);
        assert_eq!(next_element(many.as_bytes()), None);
    }

    #[test]
    fn spliced_values_are_stepped_over() {
        let mut out = Output::new();
        out.bytes.extend_from_slice(b"*2\r\n$3\r\n");
        out.push_shared(&Arc::new(b"abc".to_vec()));
        out.bytes.extend_from_slice(b"\r\n$1\r\nx\r\n:7\r\n");
        let first = next_output_element(&out, OutputPosition::default()).unwrap();
        assert_eq!(
            first,
            OutputPosition {
                byte: out.bytes.len() - 4,
                shared: 1
            }
        );
        assert_eq!(next_output_element(&out, first), Some(out.position()));
        assert_eq!(header(&out.bytes), Some((b'*', 2, 4)));
    }
}
