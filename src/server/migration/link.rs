//! A connection to the server that keys are moved to. It waits, which is what the thread it belongs to is there for.
//!
//! Whatever the other side does, each step ends in time: to send a piece, or to receive one reply, it has as long as
//! MIGRATE says. What is not the reply that was to be expected is no confirmation, and ends the connection.

use crate::command::generic::migrate::Migration;
use crate::ring::Clock;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// What is sent before the time begins anew.
const PIECE_BYTES: usize = 64 * 1024;

/// The longest reply that is one: an error may be long.
const REPLY_BYTES_MAX: usize = 1024;

/// Why there is no going on with a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// There is none.
    Connecting,
    /// Something could not be sent; the time was up.
    Writing(bool),
    /// No reply came, or not one that makes sense; the time was up.
    Reading(bool),
}

/// See the module.
pub(super) struct Link {
    socket: TcpStream,
    clock: Clock,
    /// What was received and not looked at yet.
    received: Vec<u8>,
    /// Whom it leads to, and as whom.
    name: Vec<Vec<u8>>,
    /// The database that is selected there.
    db: Option<Vec<u8>>,
    /// When it was last used.
    pub(super) used_us: u64,
}

impl Link {
    /// Connects.
    pub(super) fn connect(migration: &Migration, clock: Clock) -> Result<Link, Broken> {
        let host = std::str::from_utf8(&migration.host).map_err(|_| Broken::Connecting)?;
        let port = port(&migration.port);
        let span_us = migration.timeout_ms.saturating_mul(1000);
        let until_us = clock.mono_us().saturating_add(span_us);
        let addresses = (host, port).to_socket_addrs();
        let mut broken = Broken::Connecting;
        for address in addresses.map_err(|_| Broken::Connecting)? {
            let left = Duration::from_micros(until_us.saturating_sub(clock.mono_us()));
            if left.is_zero() {
                break;
            }
            let socket = match TcpStream::connect_timeout(&address, left) {
                Ok(socket) => socket,
                Err(error) => {
                    broken = unconnected(&error);
                    continue;
                }
            };
            // A small payload must not wait for anything.
            let _ = socket.set_nodelay(true);
            return Ok(Link {
                socket,
                clock,
                received: Vec::new(),
                name: Link::name(migration),
                db: None,
                used_us: 0,
            });
        }
        Err(broken)
    }

    fn name(migration: &Migration) -> Vec<Vec<u8>> {
        let mut name = vec![migration.host.clone(), migration.port.clone()];
        name.extend(migration.login.iter().cloned());
        name
    }

    /// Whether it leads to where this one's keys go, as whom they go.
    pub(super) fn fits(&self, migration: &Migration) -> bool {
        let asked = [&migration.host, &migration.port].into_iter();
        self.name.iter().eq(asked.chain(&migration.login))
    }

    /// Logs in and selects the database, if that is to be done; the error of the other server if it refuses.
    pub(super) fn prepare(&mut self, migration: &Migration) -> Result<Option<Vec<u8>>, Broken> {
        let mut request = Vec::new();
        let login = &migration.login;
        if !login.is_empty() {
            let words = std::iter::once(&b"AUTH"[..]).chain(login.iter().map(Vec::as_slice));
            push_command(&mut request, words);
        }
        let selects = self.db.as_ref() != Some(&migration.target_db);
        if selects {
            push_command(
                &mut request,
                [b"SELECT", &migration.target_db[..]].into_iter(),
            );
        }
        if request.is_empty() {
            return Ok(None);
        }
        self.send(&request, migration.timeout_ms)?;
        let mut refused = None;
        for _ in 0..usize::from(!login.is_empty()) + usize::from(selects) {
            if let Reply::Refused(error) = self.receive(migration.timeout_ms, b"+OK")? {
                refused.get_or_insert(error);
            }
        }
        self.db = refused.is_none().then(|| migration.target_db.clone());
        Ok(refused)
    }

    /// Sends all of it.
    pub(super) fn send(&mut self, bytes: &[u8], timeout_ms: u64) -> Result<(), Broken> {
        for piece in bytes.chunks(PIECE_BYTES) {
            let until_us = self.until(timeout_ms);
            let mut left = piece;
            while !left.is_empty() {
                let wait = self.left(until_us).ok_or(Broken::Writing(true))?;
                let set = self.socket.set_write_timeout(Some(wait));
                set.map_err(|_| Broken::Writing(false))?;
                match self.socket.write(left) {
                    Ok(0) => return Err(Broken::Writing(false)),
                    Ok(count) => left = &left[count..],
                    Err(error) if may_go_on(&error) => {}
                    Err(_) => return Err(Broken::Writing(false)),
                }
            }
        }
        Ok(())
    }

    /// The next reply: one that begins as `wanted`, or an error.
    pub(super) fn receive(&mut self, timeout_ms: u64, wanted: &[u8]) -> Result<Reply, Broken> {
        let until_us = self.until(timeout_ms);
        loop {
            if let Some(end) = self.received.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                return understand(&line, wanted).ok_or(Broken::Reading(false));
            }
            if self.received.len() > REPLY_BYTES_MAX {
                return Err(Broken::Reading(false));
            }
            let wait = self.left(until_us).ok_or(Broken::Reading(true))?;
            let set = self.socket.set_read_timeout(Some(wait));
            set.map_err(|_| Broken::Reading(false))?;
            let mut chunk = [0; 4096];
            match self.socket.read(&mut chunk) {
                Ok(0) => return Err(Broken::Reading(false)),
                Ok(count) => self.received.extend_from_slice(&chunk[..count]),
                Err(error) if may_go_on(&error) => {}
                Err(_) => return Err(Broken::Reading(false)),
            }
        }
    }

    /// Whether nothing is left of what was asked for.
    pub(super) fn is_quiet(&self) -> bool {
        self.received.is_empty()
    }

    /// Selects the database again next time.
    pub(super) fn forget_db(&mut self) {
        self.db = None;
    }

    fn until(&self, timeout_ms: u64) -> u64 {
        let span_us = timeout_ms.saturating_mul(1000);
        self.clock.mono_us().saturating_add(span_us)
    }

    fn left(&self, until_us: u64) -> Option<Duration> {
        let left = until_us.saturating_sub(self.clock.mono_us());
        (left > 0).then(|| Duration::from_micros(left))
    }
}

/// What the other server says of one command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    /// It is done.
    Done,
    /// The error.
    Refused(Vec<u8>),
}

fn understand(line: &[u8], wanted: &[u8]) -> Option<Reply> {
    let line = line.strip_suffix(b"\r\n")?;
    match line.strip_prefix(b"-") {
        Some(error) => Some(Reply::Refused(error.to_vec())),
        None => line.starts_with(wanted).then_some(Reply::Done),
    }
}

/// The time may be up, which is looked at, or a signal came.
fn may_go_on(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

/// What Redis says of that: who is refused hears of it when something is sent.
fn unconnected(error: &std::io::Error) -> Broken {
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset | ErrorKind::HostUnreachable => {
            Broken::Writing(false)
        }
        _ => Broken::Connecting,
    }
}

/// A port as C reads a number and the resolver takes it: what follows the digits does not count, nor does what is more
/// than 16 bits.
fn port(text: &[u8]) -> u16 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number: u16, byte| {
        number.wrapping_mul(10).wrapping_add(u16::from(byte - b'0'))
    })
}

/// Adds a command as clients send it.
pub(super) fn push_command<'w>(
    request: &mut Vec<u8>,
    words: impl Iterator<Item = &'w [u8]> + Clone,
) {
    request.extend_from_slice(format!("*{}\r\n", words.clone().count()).as_bytes());
    for word in words {
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_to_be_expected_is_a_confirmation() {
        let refused = |text: &str| Some(Reply::Refused(text.into()));
        assert_eq!(understand(b"+OK\r\n", b"+OK"), Some(Reply::Done));
        assert_eq!(understand(b":1\r\n", b":"), Some(Reply::Done));
        assert_eq!(understand(b"-ERR no\r\n", b"+OK"), refused("ERR no"));
        for garbage in [&b"+QUEUED\r\n"[..], b"HTTP/1.1 200\r\n", b"\r\n", b"+OK\n"] {
            assert_eq!(understand(garbage, b"+OK"), None);
        }
    }

    #[test]
    fn ports_are_read_as_redis_reads_them() {
        let ports = ["6379", "6379x", "0", "x", "", "65536", "70000"];
        let read = ports.map(|text| port(text.as_bytes()));
        assert_eq!(read, [6379, 6379, 0, 0, 0, 0, 4464]);
    }

    #[test]
    fn commands_are_framed() {
        let mut request = Vec::new();
        push_command(&mut request, [&b"DEL"[..], b""].into_iter());
        assert_eq!(request, b"*2\r\n$3\r\nDEL\r\n$0\r\n\r\n");
    }
}
