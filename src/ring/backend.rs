//! The one interface to both back ends; see `mod.rs` for its contract.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use super::epoll::Epoll;
use super::sockets::Listener;
use super::table::Key;
use super::uring::Uring;
use super::wake::Waker;
use crate::base::Output;

/// One shard's poller. An enum and not a trait object: the calls inline, and there will not be a third one outside
/// the simulation.
pub enum Backend {
    /// io_uring.
    Uring(Box<Uring>),
    /// epoll.
    Epoll(Box<Epoll>),
}

/// Sizes of a back end. The defaults are the measured optimum of the reference machine.
#[derive(Clone, Debug)]
pub struct BackendOptions {
    /// Submission entries; more than this in one turn take a second system call.
    pub submissions: u32,
    /// Completion entries. An overflow is handled but slow.
    pub completions: u32,
    /// Receive buffers, a power of two up to 32768. The kernel goes through all of them in turn, so
    /// `chunks * chunk_bytes` is what the receive path occupies in the cache.
    pub chunks: u16,
    /// Bytes of one io_uring receive buffer.
    pub chunk_bytes: u32,
    /// Bytes of one epoll receive buffer. Larger, since there each one costs a system call and only one is hot.
    pub epoll_chunk_bytes: u32,
    /// Most completions turned into events in one turn.
    pub events_per_turn: usize,
}

impl Default for BackendOptions {
    fn default() -> BackendOptions {
        BackendOptions {
            submissions: 4096,
            completions: 16384,
            chunks: 256,
            chunk_bytes: 4096,
            epoll_chunk_bytes: 16 * 1024,
            events_per_turn: 256,
        }
    }
}

/// A socket that a back end has adopted. Never valid again once closed, although its index is reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub(super) Key);

impl SocketId {
    /// Dense and reused: an index for the caller's own array of connections.
    #[inline]
    pub fn index(self) -> usize {
        self.0.index as usize
    }

    /// Tells apart the sockets that use one index one after the other; below 2^24 and never 0.
    #[inline]
    pub fn generation(self) -> u32 {
        self.0.generation
    }
}

/// A listener that a back end accepts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ListenerId(pub(super) Key);

/// Received bytes, lent to the caller until [`Backend::recycle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkId(pub(super) u16);

/// How long [`Backend::poll`] may wait for something to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all. With nothing to submit this does not even enter the kernel, so it is cheap to spin on.
    Now,
    /// For at most this long, exact to some microseconds.
    Until(Duration),
    /// Until something happens.
    Forever,
}

/// A wait that others may join: see [`Backend::gather`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gather {
    /// How much is to happen before it ends.
    pub events: u32,
    /// For how long it goes on although something has happened.
    pub micros: u32,
}

impl Wait {
    /// This wait, but no longer than `bound`, if there is one.
    pub(super) fn at_most(self, bound: Option<Duration>) -> Wait {
        let Some(bound) = bound else { return self };
        match self {
            Wait::Now => Wait::Now,
            Wait::Until(timeout) => Wait::Until(timeout.min(bound)),
            Wait::Forever => Wait::Until(bound),
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A connection came in; [`Backend::adopt`] it here or hand it to another shard.
    Accepted {
        /// Where it came in.
        listener: ListenerId,
        /// The connection; close-on-exec, options inherited from the listener.
        fd: OwnedFd,
    },
    /// Accepting failed, most likely for lack of descriptors. It is tried again soon, by itself.
    AcceptFailed {
        /// Where.
        listener: ListenerId,
        /// Why; `EMFILE` and `ENFILE` are the ones to expect.
        error: io::Error,
    },
    /// Bytes arrived.
    Received {
        /// On which socket.
        socket: SocketId,
        /// To be read with [`Backend::chunk`] and given back with [`Backend::recycle`].
        chunk: ChunkId,
    },
    /// The peer will send no more. Sending still works.
    Eof {
        /// On which socket.
        socket: SocketId,
    },
    /// The kernel has taken all of an output, and another may be sent.
    Sent {
        /// On which socket.
        socket: SocketId,
        /// The output that was sent, emptied but with its memory, for the caller's pool.
        out: Output,
    },
    /// The connection failed. What was being sent is lost; nothing is left to do but [`Backend::close`].
    Broken {
        /// Which one.
        socket: SocketId,
        /// Why.
        error: io::Error,
    },
    /// Somebody called [`Waker::wake`], once or more often.
    Woken,
}

/// Calls the same method on whichever back end it is.
macro_rules! either {
    ($self:expr, $backend:ident => $call:expr) => {
        match $self {
            Backend::Uring($backend) => $call,
            Backend::Epoll($backend) => $call,
        }
    };
}

impl Backend {
    /// An io_uring back end. Call it on the thread that will use it: the kernel ties the ring to that thread.
    ///
    /// Fails where io_uring is absent, forbidden or too old; [`probe`](super::probe) says which.
    pub fn uring(options: &BackendOptions) -> io::Result<Backend> {
        Ok(Backend::Uring(Box::new(Uring::new(options)?)))
    }

    /// An epoll back end.
    pub fn epoll(options: &BackendOptions) -> io::Result<Backend> {
        Ok(Backend::Epoll(Box::new(Epoll::new(options)?)))
    }

    /// `io_uring` or `epoll`.
    pub fn name(&self) -> &'static str {
        match self {
            Backend::Uring(_) => "io_uring",
            Backend::Epoll(_) => "epoll",
        }
    }

    /// A handle with which other threads interrupt [`poll`](Backend::poll).
    pub fn waker(&self) -> Waker {
        either!(self, backend => backend.waker())
    }

    /// Starts accepting. Connections come as [`Event::Accepted`].
    pub fn listen(&mut self, listener: Listener) -> ListenerId {
        either!(self, backend => backend.listen(listener))
    }

    /// Stops accepting and closes the listener. No more events for it.
    pub fn unlisten(&mut self, id: ListenerId) {
        either!(self, backend => backend.unlisten(id));
    }

    /// Takes over a connected stream socket, blocking or not, and starts receiving.
    pub fn adopt(&mut self, fd: OwnedFd) -> SocketId {
        either!(self, backend => backend.adopt(fd))
    }

    /// How many sockets are adopted, including those whose closing the kernel has not finished.
    pub fn socket_count(&self) -> usize {
        either!(self, backend => backend.socket_count())
    }

    /// The descriptor of an open socket, to read or set its options.
    pub fn fd(&self, id: SocketId) -> Option<BorrowedFd<'_>> {
        either!(self, backend => backend.fd(id))
    }

    /// Sends `out`, beginning with the next [`poll`](Backend::poll). Only one may be outstanding on a socket:
    /// wait for [`Event::Sent`].
    #[inline]
    pub fn send(&mut self, id: SocketId, out: Output) {
        either!(self, backend => backend.send(id, out, false));
    }

    /// As [`send`](Backend::send), but `Sent` comes without delay. This is how to flush and then close: `send_last`,
    /// await `Sent` (or `Broken`), [`close`](Backend::close).
    pub fn send_last(&mut self, id: SocketId, out: Output) {
        either!(self, backend => backend.send(id, out, true));
    }

    /// Stops receiving, for back-pressure. What the kernel has received already may still arrive.
    pub fn pause_recv(&mut self, id: SocketId) {
        either!(self, backend => backend.pause_recv(id));
    }

    /// Receives again.
    pub fn resume_recv(&mut self, id: SocketId) {
        either!(self, backend => backend.resume_recv(id));
    }

    /// Closes: no more events for it, and the peer gets FIN. An output still outstanding may be lost or cut short.
    pub fn close(&mut self, id: SocketId) {
        either!(self, backend => backend.close(id));
    }

    /// The next wait, if it is one with a bound, goes on until so much has happened, or for so long; then for the first that
    /// happens. What is served together costs less. Only io_uring can, on kernels that can.
    #[inline]
    pub fn gather(&mut self, gather: Gather) {
        match self {
            Backend::Uring(backend) => backend.gather(gather),
            Backend::Epoll(_) => {}
        }
    }

    /// Submits what is queued and waits for something to happen, in one system call where the back end can.
    ///
    /// Returns at once while events of the last turn are not drained. An error means the poller itself is unusable.
    pub fn poll(&mut self, wait: Wait) -> io::Result<()> {
        either!(self, backend => backend.poll(wait))
    }

    /// The next event of this turn, if any. A turn is bounded; what is left comes with the next `poll`.
    #[inline]
    pub fn next_event(&mut self) -> Option<Event> {
        either!(self, backend => backend.next_event())
    }

    /// The bytes of a lent chunk. Panics if it was given back already.
    #[inline]
    pub fn chunk(&self, id: ChunkId) -> &[u8] {
        either!(self, backend => backend.chunk(id))
    }

    /// Gives a chunk back. Panics if it was given back already.
    #[inline]
    pub fn recycle(&mut self, id: ChunkId) {
        either!(self, backend => backend.recycle(id));
    }
}
