//! A long argument on its way in: received into a buffer of its own, which becomes the value without another copy.
//!
//! ```text
//! input   *3 SET k $536870912 | EX 10 ..      what is parsed, without the argument's bytes
//! apart                       ^ xxxxxxxxxxx   arrives first; parsing goes on when it is complete
//! ```

use super::home::Home;
use crate::base::limits;
use crate::resp::Parser;
use std::sync::Arc;

/// An argument that is received apart.
pub(super) struct Apart {
    bytes: Vec<u8>,
    /// How long it will be.
    len: usize,
    /// Bytes of the line end still to come.
    line_end: usize,
    /// All of it is here.
    whole: Option<Arc<Vec<u8>>>,
    /// The parser as it has to be at the start of the request, should the request have to be parsed again.
    parser: Parser,
}

impl Apart {
    /// Takes in what of `bytes` belongs to the argument or its line end; returns how much that is.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        let body = bytes.len().min(self.len - self.bytes.len());
        self.reserve(body);
        self.bytes.extend_from_slice(&bytes[..body]);
        let rest = if self.bytes.len() == self.len {
            (bytes.len() - body).min(self.line_end)
        } else {
            0
        };
        self.line_end -= rest;
        if self.line_end == 0 {
            self.whole = Some(Arc::new(std::mem::take(&mut self.bytes)));
        }
        body + rest
    }

    /// The argument, once it is complete.
    pub(super) fn whole(&self) -> Option<&Arc<Vec<u8>>> {
        self.whole.as_ref()
    }

    /// Bytes that arrived.
    pub(super) fn len(&self) -> usize {
        self.whole.as_ref().map_or(self.bytes.len(), |_| self.len)
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        let bytes = self.whole.as_deref().unwrap_or(&self.bytes);
        bytes.capacity()
    }

    /// The parser at the start of the request.
    pub(super) fn parser(&self) -> Parser {
        self.parser.clone()
    }

    fn reserve(&mut self, more: usize) {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let earned = (needed * limits::APART_GROWTH).max(limits::INPUT_KEPT_BYTES);
            let room = earned.min(self.len) - self.bytes.len();
            // Should there be no such room, adding the bytes asks for what they need.
            let _ = self.bytes.try_reserve_exact(room);
        }
    }
}

impl Home {
    /// Gives the argument that client `at` is sending a buffer of its own, if it is a long one. To be called when what
    /// is pending has just been parsed.
    pub(super) fn begin_apart(&mut self, at: u32) {
        let Some(client) = self.clients[at as usize].as_mut() else {
            return;
        };
        let Some((begin, len)) = client.parser.awaited_body() else {
            return;
        };
        if client.apart.is_some() || len < limits::APART_BYTES_MIN || client.closing {
            return;
        }
        let begin = client.consumed + begin;
        client.parser.keep_body_apart();
        let mut apart = Apart {
            bytes: Vec::new(),
            len,
            line_end: 2,
            whole: None,
            parser: client.parser.clone(),
        };
        let took = apart.receive(&client.input[begin..]);
        client.input.drain(begin..begin + took);
        client.apart = Some(Box::new(apart));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_ends_up_as_large_as_the_argument() {
        for (len, piece) in [(40_000, 1), (100_000, 4096), (3_000_000, 70_001)] {
            let sent: Vec<u8> = (0..len + 5).map(|i| (i % 251) as u8).collect();
            let mut apart = Apart {
                bytes: Vec::new(),
                len,
                line_end: 2,
                whole: None,
                parser: Parser::new(),
            };
            let mut at = 0;
            while apart.whole().is_none() {
                let end = (at + piece).min(sent.len());
                at += apart.receive(&sent[at..end]);
            }
            assert_eq!(at, len + 2);
            let whole = apart.whole().expect("just seen");
            assert_eq!(whole[..], sent[..len]);
            assert_eq!(whole.capacity(), len);
        }
    }
}
