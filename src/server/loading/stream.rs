//! A connection to ourselves, over which the commands of an append-only file go like those of any client.
//!
//! A pair of sockets: one end is a client of core 0 that nothing is refused to, the other is written here. Whatever holds
//! between a client's commands holds between those of the file, and the kernel's buffers bound what is under way. Replies
//! are counted by a thread of their own: an error among them is worth a line in the log, and when there are as many as
//! commands, all are done.

use super::{LoadError, Loader, Result};
use crate::conn::Mail;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;

/// Commands are sent when so many bytes of them are there.
const FLUSH_BYTES: usize = 64 * 1024;
/// Errors of one file that are logged.
const ERRORS_TOLD: u64 = 20;

/// See the module.
pub(super) struct Stream {
    socket: UnixStream,
    listener: JoinHandle<u64>,
    bytes: Vec<u8>,
    sent: u64,
}

impl Stream {
    pub(super) fn open(loader: &Loader<'_>) -> Result<Stream> {
        let opened = (|| {
            let (socket, far) = UnixStream::pair()?;
            far.set_nonblocking(true)?;
            let mut replies = socket.try_clone()?;
            let listener = std::thread::Builder::new()
                .name("loader-replies".into())
                .spawn(move || listen(&mut replies))?;
            loader.running.posts()[0].send(Mail::Loader(far.into()));
            Ok(Stream {
                socket,
                listener,
                bytes: Vec::new(),
                sent: 0,
            })
        })();
        opened.map_err(|error: io::Error| LoadError::Failed(error.to_string()))
    }

    /// Sends a command, or sees to it that it will be.
    pub(super) fn send(&mut self, loader: &Loader<'_>, command: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(command);
        self.sent += 1;
        match self.bytes.len() >= FLUSH_BYTES {
            true => self.flush(loader),
            false => Ok(()),
        }
    }

    /// Sends several commands at once.
    pub(super) fn send_all(
        &mut self,
        loader: &Loader<'_>,
        commands: &[u8],
        count: u64,
    ) -> Result<()> {
        self.sent += count - 1;
        self.send(loader, commands)
    }

    pub(super) fn flush(&mut self, loader: &Loader<'_>) -> Result<()> {
        let written = self.socket.write_all(&self.bytes);
        self.bytes.clear();
        loader.check_stopping()?;
        written.map_err(|error| {
            LoadError::Failed(format!(
                "The commands of a file cannot be executed: {error}"
            ))
        })
    }

    /// Waits until all commands are done.
    pub(super) fn finish(mut self, loader: &Loader<'_>) -> Result<()> {
        self.flush(loader)?;
        let closed = self.socket.shutdown(Shutdown::Write);
        let replies = self.listener.join();
        loader.check_stopping()?;
        match (closed, replies) {
            (Ok(()), Ok(replies)) if replies == self.sent => Ok(()),
            _ => Err(LoadError::Failed(
                "The commands of a file could not all be executed".into(),
            )),
        }
    }
}

/// Counts replies until the other side closes.
fn listen(replies: &mut UnixStream) -> u64 {
    let mut walk = Walk::default();
    let mut buffer = vec![0; 64 * 1024];
    let mut errors = 0;
    while let Ok(read @ 1..) = replies.read(&mut buffer) {
        walk.feed(&buffer[..read], |error| {
            errors += 1;
            if errors <= ERRORS_TOLD {
                let error = String::from_utf8_lossy(error);
                tracing::warn!(
                    "== CRITICAL == This server is sending an error to its AOF-loading-client: '{error}'"
                );
            }
        });
    }
    if errors > ERRORS_TOLD {
        let more = errors - ERRORS_TOLD;
        tracing::warn!("== CRITICAL == and {more} more errors of commands of this file");
    }
    walk.replies
}

/// Finds the ends of RESP2 replies.
#[derive(Debug, Default)]
struct Walk {
    /// Whole replies.
    replies: u64,
    /// Elements that are still to come, of the arrays that are open.
    open: Vec<u64>,
    /// Bytes to pass over.
    skip: usize,
    line: Vec<u8>,
}

impl Walk {
    fn feed(&mut self, mut bytes: &[u8], mut on_error: impl FnMut(&[u8])) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                self.line.extend_from_slice(bytes);
                return;
            };
            self.line.extend_from_slice(&bytes[..end]);
            bytes = &bytes[end + 1..];
            let line = std::mem::take(&mut self.line);
            let line = line.trim_ascii_end();
            let number = || {
                let digits = line
                    .get(1..)
                    .and_then(|text| std::str::from_utf8(text).ok());
                digits.and_then(|digits| digits.parse::<u64>().ok())
            };
            match line.first() {
                Some(b'$') => self.skip = number().map_or(0, |len| len as usize + 2),
                Some(b'*') => {
                    if let Some(count @ 1..) = number() {
                        self.open.push(count);
                        continue;
                    }
                }
                Some(b'-') => on_error(&line[1..]),
                _ => {}
            }
            self.ended();
        }
    }

    /// A reply, or an element of one, has ended.
    fn ended(&mut self) {
        while let Some(left) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                return;
            }
            self.open.pop();
        }
        self.replies += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_counted_in_any_pieces() {
        let replies = b"+OK\r\n:1\r\n-ERR a\r\n$-1\r\n$4\r\n\r\n+O\r\n*0\r\n*-1\r\n*2\r\n+OK\r\n*1\r\n-WRONGTYPE b\r\n+OK\r\n";
        for step in 1..replies.len() {
            let (mut walk, mut errors) = (Walk::default(), Vec::new());
            for piece in replies.chunks(step) {
                walk.feed(piece, |error| errors.push(error.to_vec()));
            }
            assert_eq!(walk.replies, 9, "in pieces of {step}");
            assert_eq!(errors, [&b"ERR a"[..], b"WRONGTYPE b"]);
        }
    }
}
