//! Everything that touches the kernel for sockets, time and memory.
//!
//! A shard has one [`Backend`]. It hands it sockets and finished replies, calls [`Backend::poll`] once a turn, and
//! drains [`Backend::next_event`]. The rest of the server never sees a file descriptor that is in use.
//!
//! Two back ends live behind that interface, chosen once at start and dispatched by an enum:
//!   - `uring.rs`: io_uring. One system call a turn submits every send and waits for what comes in.
//!   - `epoll.rs`: the same contract from `epoll_wait`, `recv` and `send`. Not a leftover: container runtimes block
//!     io_uring by default, so this is what many servers run on. `probe.rs` finds out which it is.
//!
//! # Who owns memory that the kernel may touch
//!
//! An io_uring operation keeps raw pointers from its submission until its completion, and no Rust lifetime knows of
//! it. Dropping or forgetting the one who waits does not end the operation. Therefore nothing that the kernel may
//! touch is ever owned by, or borrowed from, a caller:
//!   - *Bytes to send.* [`Backend::send`] takes the [`Output`] by value and keeps it in the socket's slot until the
//!     operation has ended; only then it goes back to the caller, in [`Event::Sent`]. There is one outstanding
//!     output per socket, so one field holds it. Moving the `Output` moves three words and not the heap bytes the
//!     kernel reads; nobody has a way to push to it meanwhile.
//!   - *Received bytes.* They lie in one block of memory owned by the back end, cut into equal buffers. A buffer is
//!     with the kernel, or lent to the caller, never both: [`Backend::chunk`] checks that the buffer is lent and
//!     borrows the back end, and the calls that could give it to the kernel again need `&mut Backend`.
//!   - *Descriptors.* A slot, with its descriptor, is freed when its last operation has completed, not when
//!     [`Backend::close`] is called. So the kernel cannot hand the same number to a new socket while an old
//!     operation still means the former one; a generation in each completion guards against the rest.
//!   - *The end.* Dropping the io_uring back end cancels everything and waits for every completion. Should the
//!     kernel not oblige in time, the memory is leaked: a leak is harmless and a write into reused memory is not.
//!
//! # Contract of the interface (both back ends; `tests.rs` runs every test on both)
//!   1. At most one [`Output`] is outstanding per socket. It is queued by `send` and leaves in the next `poll`.
//!   2. `Sent` may come as late as the next event that ends the wait, since a send that succeeded at once makes no
//!      noise. Whoever waits for it, to close the socket or to send the rest, uses [`Backend::send_last`].
//!   3. After `close` no event for that socket comes. Calls with an id that is closed do nothing.
//!   4. After `Eof` nothing more is received but sending still works; after `Broken` only `close` makes sense.
//!   5. After `pause_recv` a few chunks may still arrive: those already received by the kernel. None are lost.
//!   6. Lent chunks are given back soon, at best before the next `poll`: when all are lent, receiving stands still.
//!
//! Not here: the parked flag that decides whether a wake-up is needed (`shard`), protocol, client limits (`conn`).

#[cfg(doc)]
use crate::base::Output;

pub mod allocator;
mod backend;
mod buffers;
mod clock;
mod cpus;
pub mod crash;
mod entropy;
mod epoll;
mod outgoing;
mod probe;
mod sockets;
mod sys;
mod table;
mod tag;
#[cfg(test)]
mod tests;
mod title;
mod uring;
mod wake;

pub use backend::{Backend, BackendOptions, ChunkId, Event, Gather, ListenerId, SocketId, Wait};
pub use clock::Clock;
pub use cpus::{Cpus, available_cpus, pin_to};
pub use entropy::{random_bytes, random_seed};
pub use probe::{Support, probe};
pub use sockets::{
    Address, Listener, UnixOptions, bind_tcp, bind_tcp_beside, bind_unix, local_address,
    open_file_limit, peer_address, raise_open_file_limit, set_keepalive, somaxconn,
};
pub use title::TitleArea;
pub use wake::Waker;
