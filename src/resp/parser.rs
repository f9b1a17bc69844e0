//! Incremental request parser: from received bytes to the places of the arguments.
//!
//! A request is an array of bulk strings, `*2\r\n$3\r\nGET\r\n$1\r\nk\r\n`, or an inline line for people with telnet,
//! `GET k\r\n`. The parser copies nothing: it reports spans into the receive buffer, which stay valid for as long as
//! the caller leaves those bytes alone.
//!
//! Budget: a request that is completely in the buffer takes some tens of ns, without allocation. Its header lines have
//! one to four digits and are recognised by slice patterns; everything else (longer numbers, signs, lines that are not
//! complete) goes through `line`, which is cold.
//!
//! Invariants
//!   1. No byte is looked at twice, however small the pieces it arrives in: on `NeedMore` the parser remembers where
//!      it stopped, how far it searched for a line end, and the spans found so far.
//!   2. The result depends on the bytes alone, never on how they were cut into pieces. That is why the 64 KiB limit
//!      of a line also holds for a line that arrived in one piece.
//!   3. Nothing is reserved because a header announces it. Memory grows with bytes received.
//!
//! ```text
//!           count line                length line              body
//!  (fresh) ------------> args_left > 0 ----------> body_len set ----> span, args_left -= 1 --> Command at 0
//!     |  \- count <= 0: Skip      ^----------------------------------/
//!     \-- not `*`: inline line -> Command, Skip (blank) or Attack
//! ```
//!
//! Leniency follows the field: the line feed of a header line and the two bytes after a body are skipped unchecked.

use super::args::{Args, OwnedArgs, Span};
use super::error::CommandError;
use crate::base::limits::{
    BULK_BYTES_MAX_DEFAULT, LINE_BYTES_MAX, REQUEST_ARGS_MAX, REQUEST_BYTES_MAX,
    UNAUTHENTICATED_ARGS_MAX, UNAUTHENTICATED_BULK_BYTES_MAX,
};
use crate::base::parse_i64;

mod inline;

/// What the sender is allowed. May differ from call to call; each limit applies where its header line is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParseLimits {
    /// `proto-max-bulk-len`; `i64::MAX` on the link to a master, which is trusted.
    pub bulk_bytes_max: i64,
    /// Before authentication, requests have to be small.
    pub authenticated: bool,
}

impl Default for ParseLimits {
    fn default() -> ParseLimits {
        ParseLimits {
            bulk_bytes_max: BULK_BYTES_MAX_DEFAULT,
            authenticated: true,
        }
    }
}

/// What `Parser::parse` found at the start of the buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parsed {
    /// The request is incomplete.
    NeedMore {
        /// At least this many more bytes have to arrive before `parse` can get any further; at least 1. For a body it
        /// is all that is missing of it, so that one reservation can serve a large value. It is an announcement by
        /// the client, though: reserve it only as far as the client has earned it (for instance, no more than it has
        /// already sent, or only beyond authentication and within the query buffer limit), never blindly.
        hint: usize,
    },
    /// A request, and how many bytes it takes. Its arguments are at `spans`, or in `Parser::inline_args`.
    Command {
        /// Length of the request in bytes.
        consumed: usize,
    },
    /// An empty request, which gets no reply: `*0`, `*-1`, or a blank line.
    Skip {
        /// Length of the request in bytes.
        consumed: usize,
    },
    /// The line begins with `POST` or `Host:`: a browser was tricked into talking to us. Close without a reply and
    /// log it as a possible attack.
    Attack,
    /// The bytes are not a request. Reply with the error and close; the parser is of no more use.
    Error(ProtocolError),
}

/// How a client broke the wire rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolError {
    /// An inline line of more than 64 KiB.
    InlineTooBig,
    /// An inline line with a quote that is not closed, or closed in the middle of a word.
    UnbalancedQuotes,
    /// A `*` line of more than 64 KiB.
    CountLineTooBig,
    /// A `$` line of more than 64 KiB.
    LengthLineTooBig,
    /// The count is not a number, or above 2^31 - 1.
    InvalidCount,
    /// The length is not a number, negative, or above `proto-max-bulk-len`.
    InvalidLength,
    /// Another byte where a `$` line has to begin.
    ExpectedBulk(u8),
    /// More than 10 arguments before authentication.
    UnauthenticatedCount,
    /// More than 16 KiB in an argument before authentication.
    UnauthenticatedLength,
    /// The request as a whole reaches 4 GiB. Its own text: other servers run into their buffer limit first.
    RequestTooBig,
}

impl ProtocolError {
    /// The error reply, `ERR Protocol error: ...`.
    pub fn command_error(self) -> CommandError {
        let text = match self {
            ProtocolError::InlineTooBig => "ERR Protocol error: too big inline request",
            ProtocolError::UnbalancedQuotes => "ERR Protocol error: unbalanced quotes in request",
            ProtocolError::CountLineTooBig => "ERR Protocol error: too big mbulk count string",
            ProtocolError::LengthLineTooBig => "ERR Protocol error: too big bulk count string",
            ProtocolError::InvalidCount => "ERR Protocol error: invalid multibulk length",
            ProtocolError::InvalidLength => "ERR Protocol error: invalid bulk length",
            ProtocolError::UnauthenticatedCount => {
                "ERR Protocol error: unauthenticated multibulk length"
            }
            ProtocolError::UnauthenticatedLength => {
                "ERR Protocol error: unauthenticated bulk length"
            }
            ProtocolError::RequestTooBig => "ERR Protocol error: too big request",
            ProtocolError::ExpectedBulk(got) => {
                let mut text = b"ERR Protocol error: expected '$', got '".to_vec();
                text.extend_from_slice(&[got, b'\'']);
                return CommandError::owned(text);
            }
        };
        CommandError::fixed(text)
    }
}

/// The parser of one connection.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    progress: Progress,
    /// Spans of the unfinished request. Empty, and without memory, between requests.
    found: Vec<Span>,
    /// The body that was awaited is kept elsewhere and has arrived there by the time of the next call; its length.
    apart: Option<u32>,
    /// Unquoted arguments; boxed, since hardly any client sends quotes in inline requests.
    unquoted: Option<Box<OwnedArgs>>,
    last: Last,
}

/// How far into the request at the start of the buffer we are.
#[derive(Clone, Copy, Default, Debug)]
struct Progress {
    /// The next byte to look at: where a line or a body begins.
    at: usize,
    /// Bytes from `at` on that were searched for a line end, in vain.
    searched: usize,
    /// Arguments not found yet; 0 as long as the count line has not been read.
    args_left: u32,
    /// The length line was read: a body of this length begins at `at`.
    body_len: Option<u32>,
}

/// What the last command was.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Last {
    #[default]
    Multibulk,
    Inline,
    InlineUnquoted,
}

impl Parser {
    /// At the start of a connection.
    pub fn new() -> Parser {
        Parser::default()
    }

    /// Looks for one request at the start of `buf`.
    ///
    /// `buf` begins at the first byte of the request; after `NeedMore` it holds the same bytes and more (it may have
    /// moved). After `Command` and `Skip` the next call begins `consumed` bytes further. Spans are relative to `buf`,
    /// and meaningful after `Command` only; `spans` may be shared by many parsers, none relies on its contents.
    #[inline]
    pub fn parse(&mut self, buf: &[u8], limits: &ParseLimits, spans: &mut Vec<Span>) -> Parsed {
        spans.clear();
        self.parse_onto(buf, limits, spans)
    }

    /// As [`Parser::parse`], but the request's spans are appended to those of requests before it; unless a request is
    /// found, `spans` is left as it was.
    #[inline]
    pub fn parse_onto(
        &mut self,
        buf: &[u8],
        limits: &ParseLimits,
        spans: &mut Vec<Span>,
    ) -> Parsed {
        if self.progress.args_left == 0 {
            self.last = Last::Multibulk;
            // What was searched of a count line that is complete by now.
            let searched = std::mem::take(&mut self.progress.searched);
            match short_header(buf, b'*') {
                Some((count, at)) if count > 0 && self.count_allowed(i64::from(count), limits) => {
                    let start = Progress {
                        at,
                        args_left: count,
                        ..Progress::default()
                    };
                    let first = spans.len();
                    self.arguments(buf, limits, spans, first, start)
                }
                _ => self.begin(buf, limits, spans, searched),
            }
        } else {
            self.resume(buf, limits, spans)
        }
    }

    /// The arguments of the last command, if it was an inline request with quotes or escapes: these are kept here,
    /// until the next call of `parse`. `None` means that the spans of `parse` tell.
    #[inline]
    pub fn inline_args(&self) -> Option<Args<'_>> {
        match (self.last, &self.unquoted) {
            (Last::InlineUnquoted, Some(unquoted)) => Some(unquoted.as_args()),
            _ => None,
        }
    }

    /// Was the last command an inline request? A master never sends one.
    pub fn is_inline(&self) -> bool {
        self.last != Last::Multibulk
    }

    /// The body that an incomplete request waits for: where in the buffer it begins, and its length without line end.
    pub fn awaited_body(&self) -> Option<(usize, usize)> {
        let len = self.progress.body_len.filter(|_| self.apart.is_none())?;
        Some((self.progress.at, len as usize))
    }

    /// Leaves the awaited body, its line end included, to the caller, who calls `parse` again when it has arrived. From
    /// then on the buffer has no such bytes, and the argument is the one apart (`Args::with_apart`).
    pub fn keep_body_apart(&mut self) {
        self.apart = self.progress.body_len;
    }

    /// Is a request begun but not complete? (Only as far as `parse` has seen.)
    pub fn is_mid_request(&self) -> bool {
        self.progress.args_left > 0 || self.progress.searched > 0
    }

    /// Bytes of memory held, for accounting.
    pub fn memory(&self) -> usize {
        self.found.capacity() * size_of::<Span>()
            + self
                .unquoted
                .as_ref()
                .map_or(0, |unquoted| unquoted.memory())
    }

    #[inline]
    fn count_allowed(&self, count: i64, limits: &ParseLimits) -> bool {
        count <= UNAUTHENTICATED_ARGS_MAX || limits.authenticated
    }

    /// Everything at the start of a request but a count of one to four digits.
    #[cold]
    fn begin(
        &mut self,
        buf: &[u8],
        limits: &ParseLimits,
        spans: &mut Vec<Span>,
        searched: usize,
    ) -> Parsed {
        match buf.first() {
            None => return Parsed::NeedMore { hint: 1 },
            Some(b'*') => {}
            Some(_) => return self.inline(buf, spans, searched),
        }
        match line(buf, 0, searched, b'\r') {
            Line::TooLong => self.fail(ProtocolError::CountLineTooBig),
            Line::Partial { searched } => {
                self.progress.searched = searched;
                Parsed::NeedMore { hint: 1 }
            }
            Line::Whole { text, next } => match parse_i64(&text[1..]) {
                None => self.fail(ProtocolError::InvalidCount),
                Some(count) if count > REQUEST_ARGS_MAX => self.fail(ProtocolError::InvalidCount),
                Some(count) if !self.count_allowed(count, limits) => {
                    self.fail(ProtocolError::UnauthenticatedCount)
                }
                Some(count) if count <= 0 => Parsed::Skip { consumed: next },
                Some(count) => {
                    let start = Progress {
                        at: next,
                        args_left: count as u32,
                        ..Progress::default()
                    };
                    let first = spans.len();
                    self.arguments(buf, limits, spans, first, start)
                }
            },
        }
    }

    /// Reads arguments until the request is complete or the bytes end. `spans` holds those found before, from `first`
    /// on.
    #[inline(always)]
    fn arguments(
        &mut self,
        buf: &[u8],
        limits: &ParseLimits,
        spans: &mut Vec<Span>,
        first: usize,
        mut progress: Progress,
    ) -> Parsed {
        // Spans are 32 bits; beyond that, the buffer ends for us.
        let buf = &buf[..buf.len().min(REQUEST_BYTES_MAX)];
        loop {
            let len = match progress.body_len {
                Some(len) => len,
                None => match short_header(&buf[progress.at..], b'$') {
                    Some((len, width)) if i64::from(len) <= limits.bulk_bytes_max => {
                        progress.at += width;
                        len
                    }
                    _ => match length_line(buf, limits, &mut progress) {
                        Ok(Some(len)) => len,
                        Ok(None) => return self.suspend(buf, spans, first, progress, 1),
                        Err(error) => {
                            spans.truncate(first);
                            return self.fail(error);
                        }
                    },
                },
            };
            let end = progress.at + len as usize + 2;
            if end > buf.len() {
                progress.body_len = Some(len);
                return self.suspend(buf, spans, first, progress, end - buf.len());
            }
            spans.push(Span {
                start: progress.at as u32,
                len,
            });
            progress = Progress {
                at: end,
                args_left: progress.args_left - 1,
                ..Progress::default()
            };
            if progress.args_left == 0 {
                return Parsed::Command { consumed: end };
            }
        }
    }

    /// Keeps what was found until more bytes are there.
    #[cold]
    fn suspend(
        &mut self,
        buf: &[u8],
        spans: &mut Vec<Span>,
        first: usize,
        progress: Progress,
        hint: usize,
    ) -> Parsed {
        if buf.len().saturating_add(hint) > REQUEST_BYTES_MAX {
            spans.truncate(first);
            return self.fail(ProtocolError::RequestTooBig);
        }
        self.progress = progress;
        // A few spans are copied, so that each connection keeps only what it needs and the caller keeps its vector.
        // Many are swapped, or a long request fed in small pieces would be quadratic.
        if first > 0 || spans.len() <= FEW_SPANS {
            self.found.clear();
            self.found.extend_from_slice(&spans[first..]);
            spans.truncate(first);
        } else {
            self.found.clear();
            std::mem::swap(&mut self.found, spans);
        }
        Parsed::NeedMore { hint }
    }

    #[cold]
    fn resume(&mut self, buf: &[u8], limits: &ParseLimits, spans: &mut Vec<Span>) -> Parsed {
        let first = spans.len();
        if first > 0 || self.found.len() <= FEW_SPANS {
            spans.extend_from_slice(&self.found);
        } else {
            std::mem::swap(&mut self.found, spans);
        }
        let mut progress = std::mem::take(&mut self.progress);
        if let Some(len) = self.apart.take() {
            spans.push(Span::apart(len));
            progress = Progress {
                at: progress.at,
                args_left: progress.args_left - 1,
                ..Progress::default()
            };
        }
        let parsed = match progress.args_left {
            0 => Parsed::Command {
                consumed: progress.at,
            },
            _ => self.arguments(buf, limits, spans, first, progress),
        };
        if !matches!(parsed, Parsed::NeedMore { .. }) {
            self.found = Vec::new();
        }
        parsed
    }

    #[cold]
    fn fail(&mut self, error: ProtocolError) -> Parsed {
        self.progress = Progress::default();
        self.found = Vec::new();
        Parsed::Error(error)
    }

    fn inline(&mut self, buf: &[u8], spans: &mut Vec<Span>, searched: usize) -> Parsed {
        let (text, next) = match line(buf, 0, searched, b'\n') {
            Line::TooLong => return self.fail(ProtocolError::InlineTooBig),
            Line::Partial { searched } => {
                self.progress.searched = searched;
                return Parsed::NeedMore { hint: 1 };
            }
            Line::Whole { text, next } => (text.strip_suffix(b"\r").unwrap_or(text), next),
        };
        let args = if inline::has_quotes(text) {
            let unquoted = self.unquoted.get_or_insert_default();
            if !inline::unquote(text, unquoted) {
                return self.fail(ProtocolError::UnbalancedQuotes);
            }
            self.last = Last::InlineUnquoted;
            unquoted.as_args()
        } else {
            let first = spans.len();
            inline::split(text, spans);
            self.last = Last::Inline;
            Args::new(buf, &spans[first..])
        };
        if args.is_empty() {
            Parsed::Skip { consumed: next }
        } else if args.is(0, "post") || args.is(0, "host:") {
            Parsed::Attack
        } else {
            Parsed::Command { consumed: next }
        }
    }
}

/// A header line of `kind` with a number of one to four digits, complete with line end, at the start of `buf`: the
/// number and the width of the line. `None` for everything else, be it valid or not.
#[inline(always)]
fn short_header(buf: &[u8], kind: u8) -> Option<(u32, usize)> {
    let value = |byte: u8| u32::from(byte & 0x0f);
    match *buf {
        [k, a @ b'0'..=b'9', b'\r', _, ..] if k == kind => Some((value(a), 4)),
        [k, a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', _, ..] if k == kind => {
            Some((value(a) * 10 + value(b), 5))
        }
        [
            k,
            a @ b'1'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            b'\r',
            _,
            ..,
        ] if k == kind => Some((value(a) * 100 + value(b) * 10 + value(c), 6)),
        [
            k,
            a @ b'1'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            d @ b'0'..=b'9',
            b'\r',
            _,
            ..,
        ] if k == kind => Some((
            value(a) * 1000 + value(b) * 100 + value(c) * 10 + value(d),
            7,
        )),
        _ => None,
    }
}

/// Any `$` line at `progress.at`. On success `progress.at` is moved behind it; `None` if it is incomplete.
#[cold]
fn length_line(
    buf: &[u8],
    limits: &ParseLimits,
    progress: &mut Progress,
) -> Result<Option<u32>, ProtocolError> {
    match line(buf, progress.at, progress.searched, b'\r') {
        Line::TooLong => Err(ProtocolError::LengthLineTooBig),
        Line::Partial { searched } => {
            progress.searched = searched;
            Ok(None)
        }
        Line::Whole { text, next } => {
            // An empty line is looked at with its carriage return.
            let kind = text.first().copied().unwrap_or(b'\r');
            if kind != b'$' {
                return Err(ProtocolError::ExpectedBulk(kind));
            }
            let len = parse_i64(&text[1..])
                .filter(|len| (0..=limits.bulk_bytes_max).contains(len))
                .ok_or(ProtocolError::InvalidLength)?;
            if len > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated {
                return Err(ProtocolError::UnauthenticatedLength);
            }
            progress.at = next;
            progress.searched = 0;
            u32::try_from(len)
                .map(Some)
                .map_err(|_| ProtocolError::RequestTooBig)
        }
    }
}

/// What a search for a line end found.
enum Line<'a> {
    /// The line without its end, and where the next one begins.
    Whole { text: &'a [u8], next: usize },
    /// No line end in the first `searched` bytes, and the rest is not there.
    Partial { searched: usize },
    /// No line end within the limit.
    TooLong,
}

/// The line at `at`, whose first `searched` bytes need not be searched again. It ends at the first `end`; if that is a
/// carriage return, with the byte after it.
fn line(buf: &[u8], at: usize, searched: usize, end: u8) -> Line<'_> {
    let rest = &buf[at..];
    let window = &rest[..rest.len().min(LINE_BYTES_MAX + 1)];
    let end_width = if end == b'\r' { 2 } else { 1 };
    let rest_of_it = &window[searched..];
    let found = match end {
        // Who looks for lines as C does finds no line end behind a byte 0.
        b'\n' => memchr::memchr2(end, 0, rest_of_it).filter(|at| rest_of_it[*at] == end),
        _ => memchr::memchr(end, rest_of_it),
    };
    match found {
        Some(offset) => {
            let len = searched + offset;
            if len + end_width <= rest.len() {
                Line::Whole {
                    text: &rest[..len],
                    next: at + len + end_width,
                }
            } else {
                Line::Partial { searched: len }
            }
        }
        None if window.len() > LINE_BYTES_MAX => Line::TooLong,
        None => Line::Partial {
            searched: memchr::memchr(0, rest_of_it)
                .filter(|_| end == b'\n')
                .map_or(window.len(), |at| searched + at),
        },
    }
}

/// Up to here spans are copied between the parser and its caller, beyond they are swapped.
const FEW_SPANS: usize = 64;

// The fast path for length lines does not test the limit before authentication.
const _: () = assert!(UNAUTHENTICATED_BULK_BYTES_MAX > 9999);

#[cfg(test)]
mod tests;
