//! The epoll back end: the same contract with ordinary system calls.
//!
//! A turn: try every queued send, `epoll_wait`, then receive from one ready socket per `next_event`. Receiving late,
//! when the caller asks, lets one buffer serve all sockets: it is lent, given back and lent again, and stays in the
//! first-level cache. Level-triggered, so nothing needs to be read dry and a bounded turn forgets nothing.
//!
//! Invariants
//!   1. `interest` is what epoll was told. It has EPOLLIN exactly while the socket wants bytes, EPOLLOUT exactly
//!      while an output waits for room. With neither the socket is not in the set at all: EPOLLHUP and EPOLLERR are
//!      reported even to those who asked for nothing, and would make the loop spin on a paused, reset connection.
//!   2. A key in `sendable` or `ready` may be stale: it is looked up, not trusted.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::backend::{BackendOptions, ChunkId, Event, ListenerId, SocketId, Wait};
use super::outgoing::{Outgoing, PIECE_SLICES_MAX};
use super::sockets::{ACCEPT_BACKOFF, Listener, accept_backs_off};
use super::sys;
use super::table::{Key, Table};
use super::tag::{Kind, NOBODY, tag, untag};
use super::wake::Waker;
use crate::base::Output;

/// See the module.
pub struct Epoll {
    epoll: OwnedFd,
    waker: Waker,
    sockets: Table<Socket>,
    listeners: Table<Accepting>,
    /// Sockets with an output to try at the next poll.
    sendable: Vec<Key>,
    /// What `epoll_wait` found readable in this turn, listeners included.
    ready: VecDeque<(Kind, Key)>,
    events: VecDeque<Event>,
    found: Box<[libc::epoll_event]>,
    chunks: Vec<Chunk>,
    free_chunks: Vec<u16>,
    chunks_max: u16,
    chunk_bytes: usize,
    listeners_waiting: usize,
    /// How many more connections this turn may accept: they could come faster than they are handled.
    accepts_left: usize,
}

struct Socket {
    fd: OwnedFd,
    interest: u32,
    wants_bytes: bool,
    /// After `Eof` or a failure there is nothing more to receive.
    has_ended: bool,
    outgoing: Option<Outgoing>,
    /// The output waits for EPOLLOUT.
    is_blocked: bool,
    /// `Sent` is awaited, so do not wait for anything else.
    is_last: bool,
}

struct Accepting {
    listener: Listener,
    retry_at_ns: Option<u64>,
}

struct Chunk {
    bytes: Box<[u8]>,
    /// Bytes lent to the caller, 0 if it is free.
    lent: usize,
}

enum Progress {
    /// All taken.
    Finished,
    /// A piece is taken, more is left.
    More,
    /// The socket has no room.
    Blocked,
    Failed(io::Error),
}

const READABLE: u32 = libc::EPOLLIN.cast_unsigned();
const WRITABLE: u32 = libc::EPOLLOUT.cast_unsigned();
const FAILED: u32 = (libc::EPOLLERR | libc::EPOLLHUP).cast_unsigned();

impl Epoll {
    pub(super) fn new(options: &BackendOptions) -> io::Result<Epoll> {
        let epoll = sys::epoll_create()?;
        let waker = Waker::new()?;
        let wake_tag = tag(Kind::Wake, NOBODY);
        sys::epoll_control(
            epoll.as_fd(),
            libc::EPOLL_CTL_ADD,
            waker.fd(),
            READABLE,
            wake_tag,
        )?;
        let none = libc::epoll_event { events: 0, u64: 0 };
        Ok(Epoll {
            epoll,
            waker,
            sockets: Table::new(),
            listeners: Table::new(),
            sendable: Vec::new(),
            ready: VecDeque::new(),
            events: VecDeque::new(),
            found: vec![none; options.events_per_turn.max(1)].into_boxed_slice(),
            chunks: Vec::new(),
            free_chunks: Vec::new(),
            chunks_max: options.chunks.max(1),
            chunk_bytes: options.epoll_chunk_bytes.max(1) as usize,
            listeners_waiting: 0,
            accepts_left: 0,
        })
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(super) fn listen(&mut self, listener: Listener) -> ListenerId {
        let key = self.listeners.insert(Accepting {
            listener,
            retry_at_ns: None,
        });
        self.watch_listener(key);
        ListenerId(key)
    }

    pub(super) fn unlisten(&mut self, id: ListenerId) {
        // Closing the descriptor would only take it out of the set if no clone of the listener existed.
        let Some(accepting) = self.listeners.remove(id.0) else {
            return;
        };
        if accepting.retry_at_ns.is_some() {
            self.listeners_waiting -= 1;
        } else {
            let fd = accepting.listener.fd();
            let _ = sys::epoll_control(self.epoll.as_fd(), libc::EPOLL_CTL_DEL, fd, 0, 0);
        }
    }

    pub(super) fn adopt(&mut self, fd: OwnedFd) -> SocketId {
        let key = self.sockets.insert(Socket {
            fd,
            interest: 0,
            wants_bytes: true,
            has_ended: false,
            outgoing: None,
            is_blocked: false,
            is_last: false,
        });
        self.update_interest(key);
        SocketId(key)
    }

    pub(super) fn socket_count(&self) -> usize {
        self.sockets.len()
    }

    pub(super) fn fd(&self, id: SocketId) -> Option<BorrowedFd<'_>> {
        self.sockets.get(id.0).map(|socket| socket.fd.as_fd())
    }

    #[inline]
    pub(super) fn send(&mut self, id: SocketId, out: Output, is_last: bool) {
        let Some(socket) = self.sockets.get_mut(id.0) else {
            return;
        };
        assert!(
            socket.outgoing.is_none(),
            "one output at a time on a socket"
        );
        socket.outgoing = Some(Outgoing::new(out));
        socket.is_last = is_last;
        self.sendable.push(id.0);
    }

    pub(super) fn pause_recv(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id.0) else {
            return;
        };
        socket.wants_bytes = false;
        self.update_interest(id.0);
    }

    pub(super) fn resume_recv(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id.0) else {
            return;
        };
        socket.wants_bytes = !socket.has_ended;
        self.update_interest(id.0);
    }

    pub(super) fn close(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.remove(id.0) else {
            return;
        };
        // Closing sends FIN only if this is the last descriptor of the socket; a caller's duplicate must not keep
        // the peer waiting.
        let _ = sys::shutdown(socket.fd.as_fd());
        if socket.interest != 0 {
            let fd = socket.fd.as_fd();
            let _ = sys::epoll_control(self.epoll.as_fd(), libc::EPOLL_CTL_DEL, fd, 0, 0);
        }
    }

    pub(super) fn poll(&mut self, wait: Wait) -> io::Result<()> {
        // Whatever the caller left is still readable, and will be found again.
        self.ready.clear();
        self.accepts_left = self.found.len();
        let mut wait = if self.events.is_empty() {
            wait
        } else {
            Wait::Now
        };
        if self.send_queued() {
            wait = Wait::Now;
        }
        let timeout = match self.retry_listeners(wait) {
            Wait::Now => Some(Duration::ZERO),
            Wait::Until(timeout) => Some(timeout),
            Wait::Forever => None,
        };
        let count = match sys::epoll_wait(self.epoll.as_fd(), &mut self.found, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            other => other?,
        };
        for at in 0..count {
            let libc::epoll_event { events, u64: data } = self.found[at];
            let (kind, key) = untag(data);
            match kind {
                Kind::Wake => {
                    self.waker.drain()?;
                    self.events.push_back(Event::Woken);
                }
                Kind::Accept => self.ready.push_back((kind, key)),
                Kind::Receive => self.on_ready(key, events),
                Kind::Send | Kind::Cancel => unreachable!("not used with epoll"),
            }
        }
        Ok(())
    }

    #[inline]
    pub(super) fn next_event(&mut self) -> Option<Event> {
        while let Some(event) = self.events.pop_front() {
            let is_current = match &event {
                Event::Received { socket, .. }
                | Event::Eof { socket }
                | Event::Sent { socket, .. }
                | Event::Broken { socket, .. } => self.sockets.get(socket.0).is_some(),
                Event::Accepted { listener, .. } | Event::AcceptFailed { listener, .. } => {
                    self.listeners.get(listener.0).is_some()
                }
                Event::Woken => true,
            };
            if is_current {
                return Some(event);
            }
        }
        while let Some((kind, key)) = self.ready.pop_front() {
            let event = match kind {
                Kind::Accept => self.accept(key),
                _ => self.receive(key),
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    #[inline]
    pub(super) fn chunk(&self, id: ChunkId) -> &[u8] {
        let chunk = &self.chunks[usize::from(id.0)];
        assert_ne!(chunk.lent, 0, "a chunk that is lent");
        &chunk.bytes[..chunk.lent]
    }

    #[inline]
    pub(super) fn recycle(&mut self, id: ChunkId) {
        let chunk = &mut self.chunks[usize::from(id.0)];
        assert_ne!(mem::replace(&mut chunk.lent, 0), 0, "a chunk that is lent");
        self.free_chunks.push(id.0);
    }

    /// Tries every output queued since the last poll. Says whether there is a reason not to wait afterwards.
    fn send_queued(&mut self) -> bool {
        let mut is_urgent = false;
        let mut sendable = mem::take(&mut self.sendable);
        for key in sendable.drain(..) {
            let Some(socket) = self.sockets.get(key) else {
                continue;
            };
            is_urgent |= socket.is_last && socket.outgoing.is_some();
            is_urgent |= self.send_piece(key);
        }
        // Those with more to send have come back to the list; they keep their place behind the others.
        sendable.append(&mut self.sendable);
        self.sendable = sendable;
        is_urgent
    }

    /// Sends one piece. Says whether there is a reason to come back at once: more to send, or an event.
    fn send_piece(&mut self, key: Key) -> bool {
        let Some(socket) = self.sockets.get_mut(key) else {
            return false;
        };
        let Some(outgoing) = socket.outgoing.as_mut() else {
            return false;
        };
        let progress = send_some(socket.fd.as_fd(), outgoing);
        let was_blocked = mem::replace(
            &mut socket.is_blocked,
            matches!(progress, Progress::Blocked),
        );
        let must_return = match progress {
            Progress::Finished => {
                let outgoing = socket.outgoing.take().expect("just looked at");
                let out = outgoing.into_emptied();
                self.events.push_back(Event::Sent {
                    socket: SocketId(key),
                    out,
                });
                false
            }
            Progress::More => {
                self.sendable.push(key);
                true
            }
            Progress::Blocked => false,
            Progress::Failed(error) => {
                socket.outgoing = None;
                self.events.push_back(Event::Broken {
                    socket: SocketId(key),
                    error,
                });
                true
            }
        };
        if was_blocked || matches!(self.sockets.get(key), Some(socket) if socket.is_blocked) {
            self.update_interest(key);
        }
        must_return
    }

    fn on_ready(&mut self, key: Key, events: u32) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        let wants_bytes = socket.wants_bytes;
        if socket.is_blocked && events & (WRITABLE | FAILED) != 0 {
            self.send_piece(key);
        }
        if wants_bytes && events & (READABLE | FAILED) != 0 {
            self.ready.push_back((Kind::Receive, key));
        }
    }

    fn receive(&mut self, key: Key) -> Option<Event> {
        let socket = self
            .sockets
            .get_mut(key)
            .filter(|socket| socket.wants_bytes)?;
        let id = match self.free_chunks.pop() {
            Some(id) => id,
            None if self.chunks.len() < usize::from(self.chunks_max) => {
                let bytes = vec![0; self.chunk_bytes].into_boxed_slice();
                self.chunks.push(Chunk { bytes, lent: 0 });
                (self.chunks.len() - 1) as u16
            }
            None => return None,
        };
        let chunk = &mut self.chunks[usize::from(id)];
        let error = match sys::receive(socket.fd.as_fd(), &mut chunk.bytes) {
            Ok(0) => None,
            Ok(count) => {
                chunk.lent = count;
                return Some(Event::Received {
                    socket: SocketId(key),
                    chunk: ChunkId(id),
                });
            }
            Err(error) => Some(error),
        };
        self.free_chunks.push(id);
        if let Some(libc::EAGAIN | libc::EINTR) = error.as_ref().and_then(io::Error::raw_os_error) {
            return None;
        }
        (socket.wants_bytes, socket.has_ended) = (false, true);
        self.update_interest(key);
        let socket = SocketId(key);
        Some(match error {
            None => Event::Eof { socket },
            Some(error) => Event::Broken { socket, error },
        })
    }

    fn accept(&mut self, key: Key) -> Option<Event> {
        if self.accepts_left == 0 {
            return None;
        }
        let accepting = self.listeners.get_mut(key)?;
        let listener = ListenerId(key);
        match sys::accept(accepting.listener.fd()) {
            Ok(fd) => {
                // There may be more; behind the others that are ready, so that a burst does not starve them.
                self.accepts_left -= 1;
                if self.accepts_left > 0 {
                    self.ready.push_back((Kind::Accept, key));
                }
                Some(Event::Accepted { listener, fd })
            }
            Err(error) if accept_backs_off(error.raw_os_error().unwrap_or(0)) => {
                let fd = accepting.listener.fd();
                let _ = sys::epoll_control(self.epoll.as_fd(), libc::EPOLL_CTL_DEL, fd, 0, 0);
                let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
                accepting.retry_at_ns = Some(now + ACCEPT_BACKOFF.as_nanos() as u64);
                self.listeners_waiting += 1;
                Some(Event::AcceptFailed { listener, error })
            }
            Err(_) => None,
        }
    }

    fn watch_listener(&mut self, key: Key) {
        let Some(accepting) = self.listeners.get_mut(key) else {
            return;
        };
        if accepting.retry_at_ns.take().is_some() {
            self.listeners_waiting -= 1;
        }
        let fd = accepting.listener.fd();
        let data = tag(Kind::Accept, key);
        let added = sys::epoll_control(self.epoll.as_fd(), libc::EPOLL_CTL_ADD, fd, READABLE, data);
        if let Err(error) = added {
            let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
            accepting.retry_at_ns = Some(now + ACCEPT_BACKOFF.as_nanos() as u64);
            self.listeners_waiting += 1;
            self.events.push_back(Event::AcceptFailed {
                listener: ListenerId(key),
                error,
            });
        }
    }

    /// Watches again the listeners whose time has come; returns the wait shortened to the next such time.
    fn retry_listeners(&mut self, wait: Wait) -> Wait {
        if self.listeners_waiting == 0 {
            return wait;
        }
        let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
        for key in self.listeners.keys().collect::<Vec<_>>() {
            let retry_at = self
                .listeners
                .get(key)
                .and_then(|accepting| accepting.retry_at_ns);
            if retry_at.is_some_and(|at| at <= now) {
                self.watch_listener(key);
            }
        }
        let next = self
            .listeners
            .values_mut()
            .filter_map(|accepting| accepting.retry_at_ns)
            .min();
        wait.at_most(next.map(|at| Duration::from_nanos(at.saturating_sub(now))))
    }

    /// Tells epoll what the socket waits for, if that has changed.
    fn update_interest(&mut self, key: Key) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        let mut interest = 0;
        if socket.wants_bytes {
            interest |= READABLE;
        }
        if socket.is_blocked {
            interest |= WRITABLE;
        }
        let op = match (socket.interest, interest) {
            (before, now) if before == now => return,
            (0, _) => libc::EPOLL_CTL_ADD,
            (_, 0) => libc::EPOLL_CTL_DEL,
            _ => libc::EPOLL_CTL_MOD,
        };
        let data = tag(Kind::Receive, key);
        match sys::epoll_control(self.epoll.as_fd(), op, socket.fd.as_fd(), interest, data) {
            Ok(()) => socket.interest = interest,
            // No memory, or not something that can be waited for.
            Err(error) => self.events.push_back(Event::Broken {
                socket: SocketId(key),
                error,
            }),
        }
    }
}

/// Gives the socket the next piece, as much as it takes.
fn send_some(fd: BorrowedFd<'_>, outgoing: &mut Outgoing) -> Progress {
    loop {
        let mut slices = [IoSlice::new(&[]); PIECE_SLICES_MAX];
        let (result, wanted) = if let Some(piece) = outgoing.single() {
            if piece.is_empty() {
                return Progress::Finished;
            }
            (sys::send(fd, piece), piece.len())
        } else {
            let (count, bytes) = outgoing.gather(&mut slices);
            if count == 0 {
                return Progress::Finished;
            }
            (sys::send_gathered(fd, &slices[..count]), bytes)
        };
        match result {
            Ok(taken) => {
                outgoing.advance(taken);
                return match () {
                    () if outgoing.is_finished() => Progress::Finished,
                    () if taken < wanted => Progress::Blocked,
                    () => Progress::More,
                };
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN) => return Progress::Blocked,
                Some(libc::EINTR) => {}
                _ => return Progress::Failed(error),
            },
        }
    }
}
