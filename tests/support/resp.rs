//! A RESP client that hides nothing: replies come back as the types on the wire.
//!
//! `Value` keeps `$-1`, `*-1` and `_` apart, keeps a double as the text that was sent, and shows a push as a
//! push. Client libraries smooth these over, and the differences are what the transcripts are about.

use std::fmt;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::clock;

#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Simple(Vec<u8>),
    Error(Vec<u8>),
    Int(i64),
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    Bool(bool),
    Double(Vec<u8>),
    BigNumber(Vec<u8>),
    BlobError(Vec<u8>),
    Verbatim(Vec<u8>, Vec<u8>),
    Array(Vec<Value>),
    Set(Vec<Value>),
    Push(Vec<Value>),
    Map(Vec<(Value, Value)>),
    Attribute(Vec<(Value, Value)>),
}

impl Value {
    /// The text of a string-like reply; empty for others.
    pub(crate) fn text(&self) -> String {
        match self {
            Value::Simple(bytes)
            | Value::Error(bytes)
            | Value::Bulk(bytes)
            | Value::Double(bytes)
            | Value::BlobError(bytes)
            | Value::BigNumber(bytes)
            | Value::Verbatim(_, bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::Int(n) => n.to_string(),
            _ => String::new(),
        }
    }

    #[track_caller]
    pub(crate) fn int(&self) -> i64 {
        match self {
            Value::Int(n) => *n,
            other => panic!("expected an integer, got {other}"),
        }
    }

    #[track_caller]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Value::Bulk(bytes) | Value::Simple(bytes) | Value::Verbatim(_, bytes) => bytes,
            other => panic!("expected a string, got {other}"),
        }
    }

    #[track_caller]
    pub(crate) fn elements(&self) -> &[Value] {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => items,
            other => panic!("expected an array, got {other}"),
        }
    }

    pub(crate) fn is_error(&self) -> bool {
        matches!(self, Value::Error(_) | Value::BlobError(_))
    }
}

/// Printed in the grammar of `expect.rs`, so that a failure can be compared and pasted.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, open: &str, items: &[Value]) -> fmt::Result {
            f.write_str(open)?;
            for (i, item) in items.iter().enumerate() {
                write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
            }
            f.write_str("]")
        }
        fn pairs(f: &mut fmt::Formatter<'_>, open: &str, items: &[(Value, Value)]) -> fmt::Result {
            f.write_str(open)?;
            for (i, (key, value)) in items.iter().enumerate() {
                write!(f, "{}{key}: {value}", if i == 0 { "" } else { ", " })?;
            }
            f.write_str("}")
        }
        match self {
            Value::Simple(s) if matches!(&s[..], b"OK" | b"PONG" | b"QUEUED" | b"RESET") => {
                f.write_str(&String::from_utf8_lossy(s))
            }
            Value::Simple(s) => write!(f, "+{}", quoted(s)),
            Value::Error(s) => write!(f, "-{}", quoted(s)),
            Value::Int(n) => write!(f, "{n}"),
            Value::Bulk(s) => f.write_str(&quoted(s)),
            Value::NullBulk | Value::Null => f.write_str("nil"),
            Value::NullArray => f.write_str("nil-array"),
            Value::Bool(true) => f.write_str("#t"),
            Value::Bool(false) => f.write_str("#f"),
            Value::Double(s) => write!(f, "double({})", String::from_utf8_lossy(s)),
            Value::BigNumber(s) => write!(f, "big({})", String::from_utf8_lossy(s)),
            Value::BlobError(s) => write!(f, "blob-error{}", quoted(s)),
            Value::Verbatim(kind, s) => {
                write!(f, "{}{}", String::from_utf8_lossy(kind), quoted(s))
            }
            Value::Array(items) => list(f, "[", items),
            Value::Set(items) => list(f, "set[", items),
            Value::Push(items) => list(f, "push[", items),
            Value::Map(items) => pairs(f, "{", items),
            Value::Attribute(items) => pairs(f, "attribute{", items),
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Bytes as a quoted string with escapes; long ones are cut in the middle.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    const SHOWN: usize = 2000;
    if bytes.len() > SHOWN {
        let (head, tail) = (&bytes[..SHOWN / 2], &bytes[bytes.len() - 40..]);
        return format!(
            "{}..({} bytes)..{}",
            quoted(head),
            bytes.len(),
            quoted(tail)
        );
    }
    let mut out = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\r' => out.push_str("\\r"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            0x20..0x7f => out.push(byte as char),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}

/// `+OK`
pub(crate) fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

/// A field of INFO as text. Of the sections that no shard has to be asked for, so that it can be watched
/// while shards are busy.
#[track_caller]
pub(crate) fn info(conn: &mut Conn, name: &str) -> String {
    let text = conn
        .call("INFO server clients memory persistence stats replication keyspace")
        .text();
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value
        .unwrap_or_else(|| panic!("no {name} in {text}"))
        .to_owned()
}

/// A field of INFO that is a whole number.
#[track_caller]
pub(crate) fn info_number(conn: &mut Conn, name: &str) -> i64 {
    let text = info(conn, name);
    text.parse()
        .unwrap_or_else(|_| panic!("{name} is {text:?}, not a number"))
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ReadError {
    /// The server closed the connection (FIN or RST) at a reply boundary or inside one.
    Closed,
    Timeout,
    /// Not RESP; the offending line.
    Garbage(String),
}

/// One connection. Reads block up to a deadline, writes block until the kernel took the bytes.
pub(crate) struct Conn {
    stream: TcpStream,
    buffer: Vec<u8>,
    start: usize,
    /// Reads give up after this.
    pub(crate) patience: Duration,
}

impl Conn {
    pub(crate) fn open(address: SocketAddr) -> std::io::Result<Conn> {
        Conn::over(TcpStream::connect_timeout(&address, clock::PATIENCE)?)
    }

    /// Over a connection that is there, whoever made it: what a client sends reads like a reply.
    pub(crate) fn over(stream: TcpStream) -> std::io::Result<Conn> {
        stream.set_nodelay(true)?;
        // A server that stops reading must not hang the test in write().
        stream.set_write_timeout(Some(clock::PATIENCE))?;
        Ok(Conn {
            stream,
            buffer: Vec::new(),
            start: 0,
            patience: clock::PATIENCE,
        })
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Writes bytes as they are. An error means the server closed on us; the next read tells.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub(crate) fn send_command(&mut self, words: &[&[u8]]) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        encode(words, &mut bytes);
        self.send(&bytes)
    }

    /// One command as words separated by blanks; panics if there is no reply.
    #[track_caller]
    pub(crate) fn call(&mut self, line: &str) -> Value {
        let words: Vec<&[u8]> = line.split_ascii_whitespace().map(str::as_bytes).collect();
        self.call_words(&words)
    }

    #[track_caller]
    pub(crate) fn call_words(&mut self, words: &[&[u8]]) -> Value {
        let shown = || {
            words
                .iter()
                .map(|w| quoted(w))
                .collect::<Vec<_>>()
                .join(" ")
        };
        if let Err(error) = self.send_command(words) {
            panic!("sending {}: {error}", shown());
        }
        match self.read() {
            Ok(value) => value,
            Err(error) => panic!("no reply to {}: {error:?}", shown()),
        }
    }

    /// The next reply or push.
    pub(crate) fn read(&mut self) -> Result<Value, ReadError> {
        let deadline = clock::now() + self.patience;
        loop {
            let mut at = self.start;
            match decode(&self.buffer, &mut at) {
                Ok(Some(value)) => {
                    self.start = at;
                    if self.start == self.buffer.len() {
                        self.buffer.clear();
                        self.start = 0;
                    }
                    return Ok(value);
                }
                Ok(None) => self.fill(deadline)?,
                Err(line) => return Err(ReadError::Garbage(line)),
            }
        }
    }

    /// Everything until the server closes; `Timeout` if it does not.
    pub(crate) fn read_to_end(&mut self) -> Result<Vec<u8>, ReadError> {
        let deadline = clock::now() + self.patience;
        loop {
            match self.fill(deadline) {
                Ok(()) => {}
                Err(ReadError::Closed) => return Ok(self.buffer.split_off(self.start)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether bytes of a reply nobody asked for are already here.
    pub(crate) fn has_unread(&self) -> bool {
        self.start < self.buffer.len()
    }

    /// Whether nothing arrives within `quiet` (no reply, no close).
    pub(crate) fn is_silent_for(&mut self, quiet: Duration) -> bool {
        !self.has_unread() && self.fill(clock::now() + quiet) == Err(ReadError::Timeout)
    }

    pub(crate) fn close_write(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn fill(&mut self, deadline: std::time::Instant) -> Result<(), ReadError> {
        let left = deadline.saturating_duration_since(clock::now());
        if left.is_zero() {
            return Err(ReadError::Timeout);
        }
        self.stream
            .set_read_timeout(Some(left))
            .expect("a non-zero time-out is valid");
        if self.start > 0 && self.start * 2 > self.buffer.len() {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(ReadError::Closed),
            Ok(n) => {
                self.buffer.extend_from_slice(&chunk[..n]);
                Ok(())
            }
            Err(error) => match error.kind() {
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                    Err(ReadError::Timeout)
                }
                std::io::ErrorKind::Interrupted => Ok(()),
                _ => Err(ReadError::Closed),
            },
        }
    }
}

/// Appends a request as an array of bulk strings.
pub(crate) fn encode<T: AsRef<[u8]>>(words: &[T], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        let word = word.as_ref();
        out.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// Decodes one value at `*at`; `None` if it is not all there, `Err` with the line that is not RESP.
fn decode(buffer: &[u8], at: &mut usize) -> Result<Option<Value>, String> {
    let Some(length) = buffer[*at..].windows(2).position(|w| w == b"\r\n") else {
        return Ok(None);
    };
    let line = &buffer[*at..*at + length];
    let shown = || quoted(line);
    *at += length + 2;
    let Some((&kind, rest)) = line.split_first() else {
        return Err(shown());
    };
    let number = || -> Result<i64, String> {
        std::str::from_utf8(rest)
            .ok()
            .and_then(|s| s.parse().ok())
            .ok_or_else(shown)
    };
    let value = match kind {
        b'+' => Value::Simple(rest.to_vec()),
        b'-' => Value::Error(rest.to_vec()),
        b':' => Value::Int(number()?),
        b'_' if rest.is_empty() => Value::Null,
        b'#' if rest == b"t" => Value::Bool(true),
        b'#' if rest == b"f" => Value::Bool(false),
        b',' => Value::Double(rest.to_vec()),
        b'(' => Value::BigNumber(rest.to_vec()),
        b'$' | b'!' | b'=' => {
            let length = number()?;
            if length < 0 {
                return if kind == b'$' && length == -1 {
                    Ok(Some(Value::NullBulk))
                } else {
                    Err(shown())
                };
            }
            let end = *at + length as usize;
            if buffer.len() < end + 2 {
                return Ok(None);
            }
            let bytes = buffer[*at..end].to_vec();
            if &buffer[end..end + 2] != b"\r\n" {
                return Err(format!("{} without CRLF at its end", shown()));
            }
            *at = end + 2;
            match kind {
                b'$' => Value::Bulk(bytes),
                b'!' => Value::BlobError(bytes),
                _ if bytes.len() >= 4 && bytes[3] == b':' => {
                    Value::Verbatim(bytes[..3].to_vec(), bytes[4..].to_vec())
                }
                _ => return Err(shown()),
            }
        }
        b'*' if rest == b"-1" => Value::NullArray,
        b'*' | b'~' | b'>' => {
            let count = usize::try_from(number()?).map_err(|_| shown())?;
            let mut items = Vec::new();
            for _ in 0..count {
                match decode(buffer, at)? {
                    Some(item) => items.push(item),
                    None => return Ok(None),
                }
            }
            match kind {
                b'*' => Value::Array(items),
                b'~' => Value::Set(items),
                _ => Value::Push(items),
            }
        }
        b'%' | b'|' => {
            let count = usize::try_from(number()?).map_err(|_| shown())?;
            let mut pairs = Vec::new();
            for _ in 0..count {
                let Some(key) = decode(buffer, at)? else {
                    return Ok(None);
                };
                let Some(value) = decode(buffer, at)? else {
                    return Ok(None);
                };
                pairs.push((key, value));
            }
            if kind == b'%' {
                Value::Map(pairs)
            } else {
                Value::Attribute(pairs)
            }
        }
        _ => return Err(shown()),
    };
    Ok(Some(value))
}
