//! The io_uring back end.
//!
//! Per turn: one `io_uring_enter` that submits every queued operation and waits for the first completion. Accepting
//! and receiving are multishot (armed once, many completions); receives take their buffers from `buffers.rs`. Those of
//! local sockets are armed for each piece: Linux 6.17 and 6.18 believe that nothing follows when the last bytes are taken,
//! and never report an end that came with them.
//! Sends are tried on the spot by the submission itself and, when they succeed, complete without a completion:
//!
//! ```text
//!           send                        nothing came: all bytes taken  (found by the sweep)
//!   idle ----------> quiet --------------------------------------------------------------> idle, Sent
//!     |                |  completion: the socket took less, or nothing                      ^
//!     |  send_last,    v                                                                    |
//!     |  long output   loud -- completion: this piece is taken, there is a next one -- loud |
//!     +--------------> loud -- completion: the last piece is taken ------------------------+
//! ```
//!
//! *Quiet*: SKIP_SUCCESS with MSG_WAITALL and MSG_DONTWAIT. MSG_WAITALL makes a short send a failure, which is what
//! a skipped success needs to mean "everything". *Loud*: MSG_WAITALL alone. The kernel waits for the socket and
//! completes once; a slow reader costs its memory and nothing else. Only the last piece of an output is quiet,
//! because whoever must do something next (send the next piece, close) cannot wait for a completion that never comes.
//!
//! Order after entering the kernel: send completions, then the sweep, then everything else. Then a connection whose
//! request is handled in this turn is not found still sending the previous reply.
//!
//! Invariants
//!   1. The sweep believes silence only when it has heard everything: all queued submissions were consumed, the
//!      completion queue was copied out whole (not just a turn's worth), and the kernel holds back no overflow.
//!   2. A socket's slot, with its descriptor and outgoing bytes, stays until `receive` and `send` are both idle.
//!   3. Submissions keep their order: once one has to wait in `backlog`, all later ones do. So a cancel always
//!      reaches the operation it means, and not the one armed after it.
#![expect(unsafe_code, reason = "submitting operations that hold raw pointers")]

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::marker::PhantomData;
use std::mem;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{EnterFlags, IoUring, cqueue, opcode, squeue};

use super::backend::{BackendOptions, ChunkId, Event, Gather, ListenerId, SocketId, Wait};
use super::buffers::{GROUP, ReceiveBuffers};
use super::outgoing::{Outgoing, PIECE_SLICES_MAX};
use super::sockets::{ACCEPT_BACKOFF, Listener, accept_backs_off};
use super::sys;
use super::table::{Key, Table};
use super::tag::{Kind, NOBODY, tag, untag};
use super::wake::Waker;
use crate::base::Output;

/// See the module.
pub struct Uring {
    // Dropped first: closing the ring precedes unmapping the buffers.
    ring: IoUring,
    buffers: ReceiveBuffers,
    sockets: Table<Socket>,
    listeners: Table<Accepting>,
    waker: Waker,
    /// What the read of the waker's eventfd writes to.
    wake_count: Box<u64>,
    wake_armed: bool,
    /// Submissions for which the queue had no room.
    backlog: VecDeque<squeue::Entry>,
    /// Sockets that may be in `Send::Quiet`.
    quiet: Vec<Key>,
    /// The last turn could not tell which quiet sends succeeded.
    sweep_is_due: bool,
    /// Sockets whose receive ended for want of a buffer.
    starved: Vec<Key>,
    /// Completions copied out of the queue but not yet turned into events; sends are not among them.
    completions: VecDeque<Completion>,
    send_completions: Vec<Completion>,
    events: VecDeque<Event>,
    events_per_turn: usize,
    /// Unused message headers, last used first.
    headers: Vec<Header>,
    /// How many listeners wait for their `retry_at_ns`.
    listeners_waiting: usize,
    /// For the next wait.
    gather: Option<Gather>,
    /// Whether the kernel can gather (Linux 6.12).
    can_gather: bool,
    /// The kernel ties the ring to the thread that made it.
    _not_send: PhantomData<Rc<()>>,
}

struct Socket {
    fd: OwnedFd,
    receive: Receive,
    /// A connection of the network: its receives are multishot.
    is_remote: bool,
    /// Not paused, and not ended: arm again whenever it stops.
    wants_bytes: bool,
    /// After `Eof` or a failure there is nothing more to receive.
    has_ended: bool,
    send: Send,
    /// Whether `Sent` is awaited.
    is_last: bool,
    closing: bool,
    /// Bytes of the piece now with the kernel.
    piece_bytes: usize,
    outgoing: Option<Outgoing>,
    header: Option<Header>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Receive {
    Idle,
    Armed,
    /// A cancel is on its way; the last completion is still to come.
    Cancelling,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Send {
    Idle,
    Quiet,
    Loud,
}

struct Accepting {
    listener: Listener,
    armed: bool,
    closing: bool,
    retry_at_ns: Option<u64>,
}

/// Boxed, also in the pool, because the kernel keeps its address.
type Header = Box<MessageHeader>;

/// A `sendmsg` operation's header and slices.
struct MessageHeader {
    header: libc::msghdr,
    slices: [libc::iovec; PIECE_SLICES_MAX],
}

#[derive(Clone, Copy)]
struct Completion {
    tag: u64,
    result: i32,
    flags: u32,
}

/// More than this is not kept of unused message headers (0.6 KB each).
const HEADERS_KEPT_MAX: usize = 256;

/// How long dropping waits for the kernel to let go of the memory, before leaking it.
const DROP_WAIT_NS: u64 = 2_000_000_000;

impl Uring {
    pub(super) fn new(options: &BackendOptions) -> io::Result<Uring> {
        let ring = build_ring(options)?;
        let can_gather = ring.params().is_feature_min_timeout();
        let buffers = ReceiveBuffers::new(&ring, options.chunks, options.chunk_bytes)?;
        let mut uring = Uring {
            ring,
            buffers,
            sockets: Table::new(),
            listeners: Table::new(),
            waker: Waker::new()?,
            wake_count: Box::new(0),
            wake_armed: false,
            backlog: VecDeque::new(),
            quiet: Vec::new(),
            sweep_is_due: false,
            starved: Vec::new(),
            completions: VecDeque::new(),
            send_completions: Vec::new(),
            events: VecDeque::new(),
            events_per_turn: options.events_per_turn.max(1),
            headers: Vec::new(),
            listeners_waiting: 0,
            gather: None,
            can_gather,
            _not_send: PhantomData,
        };
        uring.arm_wake();
        Ok(uring)
    }

    pub(super) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    pub(super) fn listen(&mut self, listener: Listener) -> ListenerId {
        let accepting = Accepting {
            listener,
            armed: false,
            closing: false,
            retry_at_ns: None,
        };
        let key = self.listeners.insert(accepting);
        self.arm_accept(key);
        ListenerId(key)
    }

    pub(super) fn unlisten(&mut self, id: ListenerId) {
        let Some(accepting) = self.listeners.get_mut(id.0) else {
            return;
        };
        if mem::replace(&mut accepting.closing, true) {
            return;
        }
        if accepting.retry_at_ns.take().is_some() {
            self.listeners_waiting -= 1;
        }
        if accepting.armed {
            self.cancel(tag(Kind::Accept, id.0));
        } else {
            self.listeners.remove(id.0);
        }
    }

    pub(super) fn adopt(&mut self, fd: OwnedFd) -> SocketId {
        let domain = sys::get_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_DOMAIN);
        let key = self.sockets.insert(Socket {
            is_remote: matches!(domain, Ok(libc::AF_INET | libc::AF_INET6)),
            fd,
            receive: Receive::Idle,
            wants_bytes: true,
            has_ended: false,
            send: Send::Idle,
            is_last: false,
            closing: false,
            piece_bytes: 0,
            outgoing: None,
            header: None,
        });
        self.arm_receive(key);
        SocketId(key)
    }

    pub(super) fn socket_count(&self) -> usize {
        self.sockets.len()
    }

    pub(super) fn fd(&self, id: SocketId) -> Option<BorrowedFd<'_>> {
        let socket = self.sockets.get(id.0)?;
        (!socket.closing).then(|| socket.fd.as_fd())
    }

    #[inline]
    pub(super) fn send(&mut self, id: SocketId, out: Output, is_last: bool) {
        let Some(socket) = self.sockets.get_mut(id.0).filter(|socket| !socket.closing) else {
            return;
        };
        assert!(
            socket.outgoing.is_none(),
            "one output at a time on a socket"
        );
        socket.outgoing = Some(Outgoing::new(out));
        socket.is_last = is_last;
        self.send_piece(id.0, true);
    }

    pub(super) fn pause_recv(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id.0) else {
            return;
        };
        socket.wants_bytes = false;
        if socket.receive == Receive::Armed {
            socket.receive = Receive::Cancelling;
            self.cancel(tag(Kind::Receive, id.0));
        }
    }

    pub(super) fn resume_recv(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id.0).filter(|socket| !socket.closing) else {
            return;
        };
        socket.wants_bytes = !socket.has_ended;
        // If it is being cancelled, its last completion will arm it again.
        self.arm_receive(id.0);
    }

    pub(super) fn close(&mut self, id: SocketId) {
        let Some(socket) = self.sockets.get_mut(id.0) else {
            return;
        };
        if mem::replace(&mut socket.closing, true) {
            return;
        }
        socket.wants_bytes = false;
        // While an operation holds the socket, closing the descriptor would not send FIN; shutting it down does, and
        // it makes an unfinished send fail. It fails itself (ENOTCONN) if the peer has reset the connection.
        let _ = sys::shutdown(socket.fd.as_fd());
        let send = socket.send;
        if socket.receive == Receive::Armed {
            // The shutdown ends a receive too, but only at the moment when a peer that keeps sending leaves the
            // socket empty.
            socket.receive = Receive::Cancelling;
            self.cancel(tag(Kind::Receive, id.0));
        }
        if send == Send::Loud {
            self.cancel(tag(Kind::Send, id.0));
        }
        self.free_if_idle(id.0);
    }

    pub(super) fn gather(&mut self, gather: Gather) {
        self.gather = Some(gather);
    }

    pub(super) fn poll(&mut self, wait: Wait) -> io::Result<()> {
        self.buffers.publish();
        self.rearm();
        let mut wait = self.bounded(wait);
        if !self.backlog.is_empty() {
            wait = Wait::Now;
        }
        loop {
            self.fill_submissions();
            self.enter(wait)?;
            self.reap();
            // More than fits takes another round, unless the kernel wants its completions handled first.
            if self.backlog.is_empty() || !self.ring.submission().is_empty() {
                break;
            }
        }
        self.settle_sends();
        for _ in 0..self.events_per_turn {
            let Some(completion) = self.completions.pop_front() else {
                break;
            };
            self.handle(completion);
        }
        Ok(())
    }

    #[inline]
    pub(super) fn next_event(&mut self) -> Option<Event> {
        loop {
            let event = self.events.pop_front()?;
            let is_current = match &event {
                Event::Received { socket, .. }
                | Event::Eof { socket }
                | Event::Sent { socket, .. }
                | Event::Broken { socket, .. } => self
                    .sockets
                    .get(socket.0)
                    .is_some_and(|socket| !socket.closing),
                Event::Accepted { listener, .. } | Event::AcceptFailed { listener, .. } => self
                    .listeners
                    .get(listener.0)
                    .is_some_and(|accepting| !accepting.closing),
                Event::Woken => true,
            };
            if is_current {
                return Some(event);
            }
            if let Event::Received { chunk, .. } = event {
                self.buffers.recycle(chunk.0);
            }
        }
    }

    #[inline]
    pub(super) fn chunk(&self, id: ChunkId) -> &[u8] {
        self.buffers.bytes(id.0)
    }

    #[inline]
    pub(super) fn recycle(&mut self, id: ChunkId) {
        self.buffers.recycle(id.0);
    }

    // Submitting.

    /// Queues an operation for the next `enter`.
    #[inline]
    fn submit(&mut self, entry: squeue::Entry) {
        if self.backlog.is_empty() {
            // SAFETY: the descriptors and memory that entries point to are kept until their completion: sockets and
            // listeners in their slots (invariant 2), outputs and message headers in the socket's slot, the wake-up
            // count in a box of `self`, and receive buffers in `ReceiveBuffers`. `drop` waits, or leaks them.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return;
            }
        }
        self.backlog.push_back(entry);
    }

    fn fill_submissions(&mut self) {
        while let Some(entry) = self.backlog.front() {
            // SAFETY: as in `submit`.
            if unsafe { self.ring.submission().push(entry) }.is_err() {
                break;
            }
            self.backlog.pop_front();
        }
    }

    fn arm_wake(&mut self) {
        debug_assert!(!self.wake_armed);
        self.wake_armed = true;
        let count = (&raw mut *self.wake_count).cast::<u8>();
        let read = opcode::Read::new(Fd(sys::raw(&self.waker.fd())), count, 8);
        self.submit(read.build().user_data(tag(Kind::Wake, NOBODY)));
    }

    /// Arms accepting. The kernel notes the limit of open files here, and does not notice later when it is raised;
    /// it would after a rest.
    fn arm_accept(&mut self, key: Key) {
        let Some(accepting) = self.listeners.get_mut(key) else {
            return;
        };
        if accepting.retry_at_ns.take().is_some() {
            self.listeners_waiting -= 1;
        }
        if mem::replace(&mut accepting.armed, true) {
            return;
        }
        let accept = opcode::AcceptMulti::new(Fd(sys::raw(&accepting.listener.fd())))
            .flags(libc::SOCK_CLOEXEC);
        self.submit(accept.build().user_data(tag(Kind::Accept, key)));
    }

    /// Arms the receive of a socket that wants bytes and has none armed.
    fn arm_receive(&mut self, key: Key) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        if socket.receive != Receive::Idle || !socket.wants_bytes {
            return;
        }
        socket.receive = Receive::Armed;
        let fd = Fd(sys::raw(&socket.fd));
        let receive = match socket.is_remote {
            true => opcode::RecvMulti::new(fd, GROUP).build(),
            false => opcode::Recv::new(fd, std::ptr::null_mut(), 0)
                .buf_group(GROUP)
                .build()
                .flags(squeue::Flags::BUFFER_SELECT),
        };
        self.submit(receive.user_data(tag(Kind::Receive, key)));
    }

    /// Cancels one operation. That is only a request: the operation's own last completion says that it ended. So
    /// nobody is interested in the cancel's completion.
    fn cancel(&mut self, operation: u64) {
        let cancel = opcode::AsyncCancel::new(operation).build();
        self.submit(
            cancel
                .user_data(tag(Kind::Cancel, NOBODY))
                .flags(squeue::Flags::SKIP_SUCCESS),
        );
    }

    /// Queues the next piece of a socket's output; quietly, if `may_be_quiet` and it is the last one.
    #[inline]
    fn send_piece(&mut self, key: Key, may_be_quiet: bool) {
        let socket = self
            .sockets
            .get_mut(key)
            .expect("called with an open socket");
        debug_assert_eq!(socket.send, Send::Idle);
        let outgoing = socket
            .outgoing
            .as_ref()
            .expect("called with something to send");
        let fd = Fd(sys::raw(&socket.fd));
        let mut flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
        let quiet = may_be_quiet && !socket.is_last && outgoing.is_last_piece();
        if quiet {
            flags |= libc::MSG_DONTWAIT;
        }
        let entry = if let Some(piece) = outgoing.single() {
            if piece.is_empty() {
                return self.finish_send(key);
            }
            socket.piece_bytes = piece.len();
            opcode::Send::new(fd, piece.as_ptr(), piece.len() as u32)
                .flags(flags)
                .build()
        } else {
            let mut header = socket
                .header
                .take()
                .or_else(|| self.headers.pop())
                .unwrap_or_else(|| Box::new(MessageHeader::new()));
            socket.piece_bytes = header.point_to(outgoing);
            if socket.piece_bytes == 0 {
                self.headers.push(header);
                return self.finish_send(key);
            }
            let entry = opcode::SendMsg::new(fd, &raw const header.header)
                .flags(flags.cast_unsigned())
                .build();
            socket.header = Some(header);
            entry
        };
        let entry = entry.user_data(tag(Kind::Send, key));
        if quiet {
            socket.send = Send::Quiet;
            self.quiet.push(key);
            self.submit(entry.flags(squeue::Flags::SKIP_SUCCESS));
        } else {
            socket.send = Send::Loud;
            self.submit(entry);
        }
    }

    /// Arms what had to wait: receives that ran out of buffers, listeners that ran out of descriptors.
    fn rearm(&mut self) {
        // With every buffer lent a receive would end at once again, and the loop would spin.
        if !self.starved.is_empty() && !self.buffers.all_lent() {
            let starved = mem::take(&mut self.starved);
            for key in &starved {
                self.arm_receive(*key);
            }
            self.starved = starved;
            self.starved.clear();
        }
        if self.listeners_waiting > 0 {
            let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
            let due: Vec<Key> = self.listeners.keys().collect();
            for key in due {
                let retry_at = self
                    .listeners
                    .get(key)
                    .and_then(|accepting| accepting.retry_at_ns);
                if retry_at.is_some_and(|at| at <= now) {
                    self.arm_accept(key);
                }
            }
        }
    }

    /// The wait that is right when there may be things left to do.
    fn bounded(&mut self, wait: Wait) -> Wait {
        if !self.events.is_empty() || !self.completions.is_empty() || self.sweep_is_due {
            return Wait::Now;
        }
        if self.listeners_waiting == 0 {
            return wait;
        }
        let first = self
            .listeners
            .values_mut()
            .filter_map(|accepting| accepting.retry_at_ns)
            .min();
        let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
        wait.at_most(first.map(|at| Duration::from_nanos(at.saturating_sub(now))))
    }

    /// Submits, and waits for a completion if asked to.
    fn enter(&mut self, wait: Wait) -> io::Result<()> {
        let gather = self.gather.take().filter(|_| self.can_gather);
        let (submitter, submissions, _) = self.ring.split();
        let queued = submissions.len() as u32;
        let kernel_waits = submissions.taskrun() || submissions.cq_overflow();
        drop(submissions);
        // Completions are posted by work that runs only inside an enter with GETEVENTS, so every one has it.
        let get_events = EnterFlags::GETEVENTS.bits();
        let timeout = match wait {
            Wait::Now => {
                if queued == 0 && !kernel_waits {
                    return Ok(());
                }
                // SAFETY: no argument; the queued entries are sound by `submit`.
                let result =
                    unsafe { submitter.enter::<libc::sigset_t>(queued, 0, get_events, None) };
                return forgive(result);
            }
            Wait::Forever => {
                // SAFETY: as above.
                let result =
                    unsafe { submitter.enter::<libc::sigset_t>(queued, 1, get_events, None) };
                return forgive(result);
            }
            Wait::Until(timeout) => timeout,
        };
        let (wanted, at_most) = match gather {
            Some(gather) if Duration::from_micros(gather.micros.into()) < timeout => {
                (gather.events, gather.micros)
            }
            _ => (1, 0),
        };
        let timeout = Timespec::from(timeout);
        let args = SubmitArgs::new().timespec(&timeout).min_wait_usec(at_most);
        let flags = get_events | EnterFlags::EXT_ARG.bits();
        // SAFETY: with EXT_ARG the argument is `io_uring_getevents_arg`, which `SubmitArgs` is; it points to the
        // local `timeout`, alive during the call.
        forgive(unsafe { submitter.enter(queued, wanted, flags, Some(&args)) })
    }

    /// Copies the whole completion queue out, sends apart from the rest.
    fn reap(&mut self) {
        for entry in self.ring.completion() {
            let completion = Completion {
                tag: entry.user_data(),
                result: entry.result(),
                flags: entry.flags(),
            };
            match untag(completion.tag).0 {
                Kind::Send => self.send_completions.push(completion),
                Kind::Cancel => {}
                Kind::Accept | Kind::Receive | Kind::Wake => self.completions.push_back(completion),
            }
        }
    }

    /// Invariant 1. To be asked between `reap` and the first new submission.
    fn has_heard_everything(&mut self) -> bool {
        let submissions = self.ring.submission();
        self.backlog.is_empty() && submissions.is_empty() && !submissions.cq_overflow()
    }

    // Handling completions.

    /// Finds out what has become of the sends: first those that completed, then those that did so silently.
    fn settle_sends(&mut self) {
        let heard_everything = self.has_heard_everything();
        let mut completions = mem::take(&mut self.send_completions);
        for completion in completions.drain(..) {
            self.on_send(untag(completion.tag).1, completion.result);
        }
        self.send_completions = completions;
        if heard_everything {
            self.sweep();
        }
        self.sweep_is_due = !heard_everything;
    }

    /// Every quiet send that is still quiet has succeeded.
    fn sweep(&mut self) {
        let mut quiet = mem::take(&mut self.quiet);
        for key in quiet.drain(..) {
            let Some(socket) = self.sockets.get_mut(key) else {
                continue;
            };
            if socket.send == Send::Quiet {
                socket.send = Send::Idle;
                // Only the last piece of an output is sent quietly.
                self.finish_send(key);
            }
        }
        debug_assert!(self.quiet.is_empty(), "finishing a send starts none");
        self.quiet = quiet;
    }

    fn handle(&mut self, completion: Completion) {
        let (kind, key) = untag(completion.tag);
        match kind {
            Kind::Receive => self.on_receive(key, completion.result, completion.flags),
            Kind::Accept => self.on_accept(key, completion.result, completion.flags),
            Kind::Wake => self.on_wake(),
            Kind::Send | Kind::Cancel => unreachable!("taken out by `reap`"),
        }
    }

    /// A send has completed that was not silently successful.
    fn on_send(&mut self, key: Key, result: i32) {
        let Some(socket) = self.sockets.get_mut(key) else {
            return;
        };
        debug_assert_ne!(
            socket.send,
            Send::Idle,
            "a completion of a send that was submitted"
        );
        socket.send = Send::Idle;
        if let Some(header) = socket.header.take() {
            keep_header(&mut self.headers, header);
        }
        if socket.closing {
            return self.free_if_idle(key);
        }
        let error = match result {
            0 => libc::EPIPE,
            1.. => {
                let outgoing = socket
                    .outgoing
                    .as_mut()
                    .expect("kept until the send has ended");
                outgoing.advance(result.cast_unsigned() as usize);
                if outgoing.is_finished() {
                    return self.finish_send(key);
                }
                return self.send_piece(key, false);
            }
            error => -error,
        };
        match error {
            libc::EAGAIN | libc::EINTR => self.send_piece(key, false),
            _ => {
                socket.outgoing = None;
                let error = io::Error::from_raw_os_error(error);
                self.events.push_back(Event::Broken {
                    socket: SocketId(key),
                    error,
                });
            }
        }
    }

    /// The whole output is taken.
    #[inline]
    fn finish_send(&mut self, key: Key) {
        let socket = self
            .sockets
            .get_mut(key)
            .expect("called with an open socket");
        debug_assert_eq!(socket.send, Send::Idle);
        if let Some(header) = socket.header.take() {
            keep_header(&mut self.headers, header);
        }
        let outgoing = socket.outgoing.take();
        if socket.closing {
            return self.free_if_idle(key);
        }
        let out = outgoing
            .expect("kept until the send has ended")
            .into_emptied();
        self.events.push_back(Event::Sent {
            socket: SocketId(key),
            out,
        });
    }

    #[inline]
    fn on_receive(&mut self, key: Key, result: i32, flags: u32) {
        let chunk = cqueue::buffer_select(flags);
        if let Some(chunk) = chunk {
            if result > 0 {
                self.buffers.lend(chunk, result.cast_unsigned());
            } else {
                self.buffers.give_back_unused(chunk);
            }
        }
        let socket = self
            .sockets
            .get_mut(key)
            .expect("a slot stays until its receive has ended");
        let ended = !cqueue::more(flags);
        if ended {
            socket.receive = Receive::Idle;
        }
        if socket.closing {
            if result > 0 {
                self.buffers
                    .recycle(chunk.expect("received bytes are in a buffer"));
            }
            return self.free_if_idle(key);
        }
        let socket_id = SocketId(key);
        match result {
            1.. => {
                let chunk = ChunkId(chunk.expect("received bytes are in a buffer"));
                self.events.push_back(Event::Received {
                    socket: socket_id,
                    chunk,
                });
            }
            0 => {
                (socket.wants_bytes, socket.has_ended) = (false, true);
                self.events.push_back(Event::Eof { socket: socket_id });
            }
            error => match -error {
                libc::ENOBUFS => {
                    self.starved.push(key);
                    return;
                }
                libc::ECANCELED | libc::EAGAIN | libc::EINTR => {}
                error => {
                    (socket.wants_bytes, socket.has_ended) = (false, true);
                    let error = io::Error::from_raw_os_error(error);
                    self.events.push_back(Event::Broken {
                        socket: socket_id,
                        error,
                    });
                }
            },
        }
        if ended {
            self.arm_receive(key);
        }
    }

    fn on_accept(&mut self, key: Key, result: i32, flags: u32) {
        // Owned at once, so that it is closed should nobody want it.
        let fd = (result >= 0).then(|| sys::own(result));
        let accepting = self
            .listeners
            .get_mut(key)
            .expect("a slot stays until its accept has ended");
        let ended = !cqueue::more(flags);
        if ended {
            accepting.armed = false;
        }
        if accepting.closing {
            if ended {
                self.listeners.remove(key);
            }
            return;
        }
        let listener = ListenerId(key);
        if let Some(fd) = fd {
            self.events.push_back(Event::Accepted { listener, fd });
        } else if accept_backs_off(-result) {
            let now = sys::clock_ns(libc::CLOCK_MONOTONIC);
            accepting.retry_at_ns = Some(now + ACCEPT_BACKOFF.as_nanos() as u64);
            self.listeners_waiting += 1;
            let error = io::Error::from_raw_os_error(-result);
            self.events
                .push_back(Event::AcceptFailed { listener, error });
            return;
        }
        if ended {
            self.arm_accept(key);
        }
    }

    fn on_wake(&mut self) {
        self.wake_armed = false;
        self.events.push_back(Event::Woken);
        self.arm_wake();
    }

    /// Frees the slot of a closing socket which the kernel has let go of.
    fn free_if_idle(&mut self, key: Key) {
        let Some(socket) = self.sockets.get(key) else {
            return;
        };
        if socket.closing && socket.receive == Receive::Idle && socket.send == Send::Idle {
            self.sockets.remove(key);
        }
    }
}

impl Drop for Uring {
    /// Takes back everything the kernel holds, or leaks it.
    fn drop(&mut self) {
        for key in self.sockets.keys().collect::<Vec<_>>() {
            self.close(SocketId(key));
        }
        for key in self.listeners.keys().collect::<Vec<_>>() {
            self.unlisten(ListenerId(key));
        }
        self.cancel(tag(Kind::Wake, NOBODY));
        let everything = opcode::AsyncCancel2::new(CancelBuilder::any()).build();
        self.submit(everything.user_data(tag(Kind::Cancel, NOBODY)));
        let deadline = sys::clock_ns(libc::CLOCK_MONOTONIC) + DROP_WAIT_NS;
        let mut wake_held = self.wake_armed;
        while wake_held || self.sockets.len() + self.listeners.len() > 0 {
            self.fill_submissions();
            if self.enter(Wait::Until(Duration::from_millis(10))).is_err()
                || sys::clock_ns(libc::CLOCK_MONOTONIC) > deadline
            {
                self.buffers.leak();
                mem::forget(mem::replace(&mut self.sockets, Table::new()));
                mem::forget(mem::replace(&mut self.wake_count, Box::new(0)));
                return;
            }
            self.reap();
            self.settle_sends();
            while let Some(completion) = self.completions.pop_front() {
                if untag(completion.tag).0 == Kind::Wake {
                    wake_held = false; // and not armed again
                } else {
                    self.handle(completion);
                }
            }
        }
        let _ = self.ring.submitter().unregister_buf_ring(GROUP);
    }
}

/// Outcomes of an enter that only mean "look at the completions and come again".
fn forgive(result: io::Result<usize>) -> io::Result<()> {
    match result {
        Ok(_) => Ok(()),
        Err(error) => match error.raw_os_error() {
            Some(libc::EINTR | libc::EBUSY | libc::ETIME | libc::EAGAIN) => Ok(()),
            _ => Err(error),
        },
    }
}

fn keep_header(headers: &mut Vec<Header>, header: Header) {
    if headers.len() < HEADERS_KEPT_MAX {
        headers.push(header);
    }
}

/// The ring with the flags that measured best; see `probe.rs` for the kernels that have them.
///
/// Its descriptor is not registered with the kernel, which would save it a look-up in each enter: the library keeps a
/// registration in a `Submitter`, and ours, which would borrow the ring, lives for one call.
fn build_ring(options: &BackendOptions) -> io::Result<IoUring> {
    let mut builder = IoUring::builder();
    builder
        .setup_single_issuer()
        .setup_coop_taskrun()
        .setup_defer_taskrun()
        // Says in shared memory whether an enter would find something to do: `Wait::Now` looks there first.
        .setup_taskrun_flag()
        .setup_submit_all()
        .setup_clamp()
        .setup_cqsize(options.completions.max(options.submissions));
    let without_array = builder
        .clone()
        .setup_no_sqarray()
        .build(options.submissions);
    match without_array {
        // Linux before 6.6 does not know this one; it saves little.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            builder.build(options.submissions)
        }
        other => other,
    }
}

impl MessageHeader {
    fn new() -> MessageHeader {
        // SAFETY: both types are plain integers and pointers; all zeros (null, 0) is a value of them.
        unsafe { mem::zeroed() }
    }

    /// Points the header to the next piece of `outgoing`; returns its bytes.
    ///
    /// The pointers are good as long as `outgoing` is neither advanced nor dropped.
    fn point_to(&mut self, outgoing: &Outgoing) -> usize {
        let mut slices = [IoSlice::new(&[]); PIECE_SLICES_MAX];
        let (count, bytes) = outgoing.gather(&mut slices);
        for (to, slice) in self.slices.iter_mut().zip(&slices[..count]) {
            to.iov_base = slice.as_ptr().cast_mut().cast();
            to.iov_len = slice.len();
        }
        self.header.msg_iov = self.slices.as_mut_ptr();
        self.header.msg_iovlen = count;
        bytes
    }
}
