//! Reply builder: what a command says, in the words of the client's protocol version.
//!
//! Commands name the RESP3 type they mean. For a RESP2 client the builder converts: map and set to array, push to
//! array, null to `$-1` or `*-1`, boolean to 1 or 0, double and big number to bulk string, verbatim text to bulk
//! string without its format; an attribute is not sent at all.
//!
//! Nothing checks that an array of n is followed by n elements; `scan::next_element` does so in the tests of commands.
//! When n is only known afterwards, `mark` keeps the place of the header: filling it in costs nothing up to nine
//! elements, else moving what came after it by a few bytes.
//!
//! Hot: `ok`, `integer`, `bulk`, `null` are a reservation and one to three copies, and inline.

use std::sync::Arc;

use super::error::CommandError;
use crate::base::limits::SHARED_REPLY_BYTES_MIN;
use crate::base::num::write_line;
use crate::base::output::{Output, OutputPosition};
use crate::base::{I64Buf, write_f64};

/// Protocol version of a connection, chosen with HELLO.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Proto {
    /// Every connection starts here.
    #[default]
    Resp2,
    /// Richer types, and pushes between replies.
    Resp3,
}

impl Proto {
    /// 2 or 3, as HELLO shows it.
    pub const fn version(self) -> i64 {
        match self {
            Proto::Resp2 => 2,
            Proto::Resp3 => 3,
        }
    }
}

/// Writes replies to an `Output`.
#[derive(Debug)]
pub struct Reply<'a> {
    /// Where the reply goes.
    pub out: &'a mut Output,
    /// The client's version.
    pub proto: Proto,
}

/// Doubles below this are written as the integers that they are.
const WHOLE_MAX: u64 = 1 << 53;

/// The place of an aggregate header whose count is not known yet: see `Reply::mark`.
#[must_use = "the header has to be filled in, or taken back with `rewind`"]
#[derive(Debug)]
pub struct Mark {
    position: OutputPosition,
}

impl<'a> Reply<'a> {
    /// A builder that appends to `out`.
    #[inline]
    pub fn new(out: &'a mut Output, proto: Proto) -> Reply<'a> {
        Reply { out, proto }
    }

    /// Changes the protocol of what is written from now on: HELLO replies in the version it chose.
    pub fn set_proto(&mut self, proto: Proto) {
        self.proto = proto;
    }

    /// Does the client speak RESP3?
    #[inline]
    pub fn is_resp3(&self) -> bool {
        self.proto == Proto::Resp3
    }

    /// `+OK`
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// `+PONG`
    #[inline]
    pub fn pong(&mut self) {
        self.raw(b"+PONG\r\n");
    }

    /// `+QUEUED`
    #[inline]
    pub fn queued(&mut self) {
        self.raw(b"+QUEUED\r\n");
    }

    /// A status. Line ends in it are turned into spaces.
    pub fn simple(&mut self, text: &str) {
        self.text_line(b'+', text.as_bytes());
    }

    /// An error reply.
    pub fn error(&mut self, error: &CommandError) {
        self.text_line(b'-', error.text());
    }

    /// An error reply from its text, code included. Line ends in it are turned into spaces.
    pub fn error_text(&mut self, text: &[u8]) {
        self.text_line(b'-', text);
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        write_line(&mut self.out.bytes, b':', value);
    }

    /// A length or count as integer.
    #[inline]
    pub fn count(&mut self, value: usize) {
        self.integer(value as i64);
    }

    /// A bulk string, copied.
    #[inline]
    pub fn bulk(&mut self, value: &[u8]) {
        let bytes = &mut self.out.bytes;
        bytes.reserve(value.len() + BULK_FRAME_BYTES);
        write_line(bytes, b'$', value.len() as i64);
        bytes.extend_from_slice(value);
        bytes.extend_from_slice(b"\r\n");
    }

    /// A bulk string from text.
    #[inline]
    pub fn bulk_str(&mut self, value: &str) {
        self.bulk(value.as_bytes());
    }

    /// An integer as bulk string, which is how string values that are integers are read.
    #[inline]
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(I64Buf::new(value).as_bytes());
    }

    /// A bulk string by reference if it is long (`SHARED_REPLY_BYTES_MIN`), else copied.
    pub fn bulk_shared(&mut self, value: &Arc<Vec<u8>>) {
        if value.len() < SHARED_REPLY_BYTES_MIN {
            return self.bulk(value);
        }
        write_line(&mut self.out.bytes, b'$', value.len() as i64);
        self.out.push_shared(value);
        self.raw(b"\r\n");
    }

    /// A bulk string, or null.
    #[inline]
    pub fn bulk_or_null(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bulk(value),
            None => self.null(),
        }
    }

    /// Null where a value could be: `_`, in RESP2 `$-1`.
    #[inline]
    pub fn null(&mut self) {
        self.raw(match self.proto {
            Proto::Resp2 => b"$-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// Null where an array could be: `_`, in RESP2 `*-1`.
    #[inline]
    pub fn null_array(&mut self) {
        self.raw(match self.proto {
            Proto::Resp2 => b"*-1\r\n",
            Proto::Resp3 => b"_\r\n",
        });
    }

    /// The header of an array; `len` elements follow.
    #[inline]
    pub fn array(&mut self, len: usize) {
        write_line(&mut self.out.bytes, b'*', len as i64);
    }

    /// The header of a map; `len` pairs follow.
    #[inline]
    pub fn map(&mut self, len: usize) {
        let (kind, count) = self.map_header(len);
        write_line(&mut self.out.bytes, kind, count as i64);
    }

    /// The header of a set; `len` elements follow.
    #[inline]
    pub fn set(&mut self, len: usize) {
        let kind = self.kind(b'~');
        write_line(&mut self.out.bytes, kind, len as i64);
    }

    /// The header of an out-of-band message; `len` elements follow.
    #[inline]
    pub fn push(&mut self, len: usize) {
        let kind = self.kind(b'>');
        write_line(&mut self.out.bytes, kind, len as i64);
    }

    /// The header of an attribute. If it is true, `len` pairs have to follow, and then the reply itself; if it is false
    /// (RESP2) only the reply.
    #[must_use = "without an attribute there must be no pairs"]
    pub fn attribute(&mut self, len: usize) -> bool {
        if self.is_resp3() {
            write_line(&mut self.out.bytes, b'|', len as i64);
        }
        self.is_resp3()
    }

    /// A double; in RESP2 a bulk string. For the text see `base::write_f64`.
    pub fn double(&mut self, value: f64) {
        // Most scores are such.
        let whole = value as i64;
        if self.proto == Proto::Resp2
            && whole.unsigned_abs() < WHOLE_MAX
            && (whole as f64).to_bits() == value.to_bits()
        {
            return self.bulk_integer(whole);
        }
        let mut text = Vec::with_capacity(DOUBLE_BYTES_MAX);
        write_f64(&mut text, value);
        match self.proto {
            Proto::Resp2 => self.bulk(&text),
            Proto::Resp3 => self.text_line(b',', &text),
        }
    }

    /// A boolean; in RESP2 1 or 0.
    pub fn bool(&mut self, value: bool) {
        self.raw(match (self.proto, value) {
            (Proto::Resp2, true) => b":1\r\n",
            (Proto::Resp2, false) => b":0\r\n",
            (Proto::Resp3, true) => b"#t\r\n",
            (Proto::Resp3, false) => b"#f\r\n",
        });
    }

    /// A big number from its digits; in RESP2 a bulk string.
    pub fn bignum(&mut self, digits: &[u8]) {
        match self.proto {
            Proto::Resp2 => self.bulk(digits),
            Proto::Resp3 => self.text_line(b'(', digits),
        }
    }

    /// Text for people, `format` being `txt` or `mkd`; in RESP2 a bulk string. Panics if `format` is not three bytes.
    pub fn verbatim(&mut self, format: &str, text: &[u8]) {
        assert_eq!(
            format.len(),
            3,
            "the format of verbatim text has three bytes"
        );
        match self.proto {
            Proto::Resp2 => self.bulk(text),
            Proto::Resp3 => {
                write_line(&mut self.out.bytes, b'=', text.len() as i64 + 4);
                self.raw(format.as_bytes());
                self.raw(b":");
                self.raw(text);
                self.raw(b"\r\n");
            }
        }
    }

    /// Bytes that are RESP already.
    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.bytes.extend_from_slice(bytes);
    }

    /// A reply built elsewhere, in the same version; `part` is left empty.
    pub fn append(&mut self, part: &mut Output) {
        self.out.append(part);
    }

    /// Keeps a place for an aggregate header, to be filled in when its elements have been written. Nested marks are
    /// filled in innermost first.
    pub fn mark(&mut self) -> Mark {
        let position = self.out.position();
        self.raw(PLACEHOLDER);
        Mark { position }
    }

    /// What follows the mark is an array of `len` elements.
    pub fn set_array(&mut self, mark: Mark, len: usize) {
        self.fill_in(mark, b'*', len);
    }

    /// What follows the mark is a map of `len` pairs.
    pub fn set_map(&mut self, mark: Mark, len: usize) {
        let (kind, count) = self.map_header(len);
        self.fill_in(mark, kind, count);
    }

    /// What follows the mark is a set of `len` elements.
    pub fn set_set(&mut self, mark: Mark, len: usize) {
        let kind = self.kind(b'~');
        self.fill_in(mark, kind, len);
    }

    /// What follows the mark is a push of `len` elements.
    pub fn set_push(&mut self, mark: Mark, len: usize) {
        let kind = self.kind(b'>');
        self.fill_in(mark, kind, len);
    }

    /// Takes back the mark and everything after it.
    pub fn rewind(&mut self, mark: Mark) {
        self.out.truncate(mark.position);
    }

    fn fill_in(&mut self, mark: Mark, kind: u8, count: usize) {
        let Mark { position } = mark;
        let place = position.byte..position.byte + PLACEHOLDER.len();
        debug_assert_eq!(
            &self.out.bytes[place.clone()],
            PLACEHOLDER,
            "innermost mark first"
        );
        let mut header = Vec::with_capacity(24);
        write_line(&mut header, kind, count as i64);
        let (patch, rest) = header.split_at(PLACEHOLDER.len());
        self.out.bytes[place.clone()].copy_from_slice(patch);
        if !rest.is_empty() {
            self.out.insert(
                OutputPosition {
                    byte: place.end,
                    shared: position.shared,
                },
                rest,
            );
        }
    }

    fn map_header(&self, len: usize) -> (u8, usize) {
        match self.proto {
            Proto::Resp2 => (b'*', len * 2),
            Proto::Resp3 => (b'%', len),
        }
    }

    #[inline]
    fn kind(&self, resp3: u8) -> u8 {
        match self.proto {
            Proto::Resp2 => b'*',
            Proto::Resp3 => resp3,
        }
    }

    /// A line of text, which must not contain another line.
    fn text_line(&mut self, kind: u8, text: &[u8]) {
        let bytes = &mut self.out.bytes;
        bytes.reserve(text.len() + 3);
        bytes.push(kind);
        let start = bytes.len();
        bytes.extend_from_slice(text);
        if memchr::memchr2(b'\r', b'\n', text).is_some() {
            for byte in &mut bytes[start..] {
                if matches!(byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
        bytes.extend_from_slice(b"\r\n");
    }
}

/// A header with a count of one digit, to be overwritten.
const PLACEHOLDER: &[u8] = b"*0\r\n";

/// More than a bulk string needs besides its value: a header line as `write_line` writes it, and CRLF.
const BULK_FRAME_BYTES: usize = 32;

/// Sign, 17 digits, point, exponent; or six zeros before the digits.
const DOUBLE_BYTES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::next_element;

    /// Builds a reply in both versions; each must be one RESP element.
    fn check(build: impl Fn(&mut Reply<'_>), resp2: &str, resp3: &str) {
        for (proto, expected) in [(Proto::Resp2, resp2), (Proto::Resp3, resp3)] {
            let mut out = Output::new();
            build(&mut Reply::new(&mut out, proto));
            let flat = out.flatten();
            assert_eq!(String::from_utf8_lossy(&flat), expected, "{proto:?}");
            assert_eq!(next_element(&flat), Some(flat.len()), "{proto:?}");
        }
    }

    #[test]
    fn types_that_both_versions_share() {
        check(|r| r.ok(), "+OK\r\n", "+OK\r\n");
        check(|r| r.queued(), "+QUEUED\r\n", "+QUEUED\r\n");
        check(|r| r.simple("a\r\nb"), "+a  b\r\n", "+a  b\r\n");
        check(|r| r.integer(-7), ":-7\r\n", ":-7\r\n");
        check(|r| r.count(12), ":12\r\n", ":12\r\n");
        check(|r| r.bulk(b""), "$0\r\n\r\n", "$0\r\n\r\n");
        check(
            |r| r.bulk(b"a\r\nb"),
            "$4\r\na\r\nb\r\n",
            "$4\r\na\r\nb\r\n",
        );
        check(|r| r.bulk_integer(-12), "$3\r\n-12\r\n", "$3\r\n-12\r\n");
        check(
            |r| r.error(&CommandError::SYNTAX),
            "-ERR syntax error\r\n",
            "-ERR syntax error\r\n",
        );
        check(|r| r.error_text(b"E a\nb"), "-E a b\r\n", "-E a b\r\n");
        check(|r| r.array(0), "*0\r\n", "*0\r\n");
    }

    #[test]
    fn types_that_resp2_lacks_are_converted() {
        check(|r| r.null(), "$-1\r\n", "_\r\n");
        check(|r| r.bulk_or_null(None), "$-1\r\n", "_\r\n");
        check(|r| r.null_array(), "*-1\r\n", "_\r\n");
        check(|r| r.bool(true), ":1\r\n", "#t\r\n");
        check(|r| r.bool(false), ":0\r\n", "#f\r\n");
        check(|r| r.double(1.5), "$3\r\n1.5\r\n", ",1.5\r\n");
        check(
            |r| r.double(f64::NEG_INFINITY),
            "$4\r\n-inf\r\n",
            ",-inf\r\n",
        );
        check(|r| r.bignum(b"123"), "$3\r\n123\r\n", "(123\r\n");
        check(
            |r| r.verbatim("txt", b"hi"),
            "$2\r\nhi\r\n",
            "=6\r\ntxt:hi\r\n",
        );
        let pair = |r: &mut Reply<'_>| {
            r.bulk_str("k");
            r.integer(1);
        };
        check(
            |r| (r.map(1), pair(r)).1,
            "*2\r\n$1\r\nk\r\n:1\r\n",
            "%1\r\n$1\r\nk\r\n:1\r\n",
        );
        check(
            |r| (r.set(2), pair(r)).1,
            "*2\r\n$1\r\nk\r\n:1\r\n",
            "~2\r\n$1\r\nk\r\n:1\r\n",
        );
        check(
            |r| (r.push(2), pair(r)).1,
            "*2\r\n$1\r\nk\r\n:1\r\n",
            ">2\r\n$1\r\nk\r\n:1\r\n",
        );
        check(
            |r| {
                if r.attribute(1) {
                    pair(r);
                }
                r.ok();
            },
            "+OK\r\n",
            "|1\r\n$1\r\nk\r\n:1\r\n+OK\r\n",
        );
    }

    #[test]
    fn counts_can_be_filled_in_later() {
        for len in [0, 1, 9, 10, 99, 100, 12345] {
            let mut out = Output::new();
            let mut reply = Reply::new(&mut out, Proto::Resp3);
            let value = Arc::new(vec![b'v'; SHARED_REPLY_BYTES_MIN]);
            reply.array(2);
            reply.bulk_shared(&value);
            let outer = reply.mark();
            reply.bulk_shared(&value);
            let inner = reply.mark();
            for i in 0..len {
                reply.integer(i as i64);
                reply.null();
            }
            reply.set_map(inner, len);
            reply.bulk_shared(&value);
            reply.set_array(outer, 3);

            let mut expected = Output::new();
            let mut reply = Reply::new(&mut expected, Proto::Resp3);
            reply.array(2);
            reply.bulk(&value);
            reply.array(3);
            reply.bulk(&value);
            reply.map(len);
            for i in 0..len {
                reply.integer(i as i64);
                reply.null();
            }
            reply.bulk(&value);
            assert_eq!(out.flatten(), expected.flatten());
            assert_eq!(out.shared.len(), 3);
        }
    }

    #[test]
    fn a_mark_can_be_taken_back() {
        check(
            |r| {
                let mark = r.mark();
                r.bulk_shared(&Arc::new(vec![0; SHARED_REPLY_BYTES_MIN]));
                r.rewind(mark);
                r.error(&CommandError::WRONG_TYPE);
            },
            "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
        );
    }

    #[test]
    fn long_values_are_shared_and_short_ones_copied() {
        for (len, shared) in [(SHARED_REPLY_BYTES_MIN - 1, 0), (SHARED_REPLY_BYTES_MIN, 1)] {
            let value = Arc::new(vec![b'x'; len]);
            let mut out = Output::new();
            Reply::new(&mut out, Proto::Resp2).bulk_shared(&value);
            assert_eq!(out.shared.len(), shared);
            let flat = out.flatten();
            assert_eq!(next_element(&flat), Some(flat.len()));
            assert_eq!(out.len(), flat.len());
        }
    }
}
