//! Waking a shard that sleeps in its poller: one eventfd.
//!
//! A wake-up is one `write(2)`, about 0.5 us when nobody sleeps and the price of a context switch when somebody
//! does. Never an io_uring write to the eventfd: the kernel hands that to a worker thread, 34 us of CPU each.
//! Wake-ups that come before the shard looks again melt into one [`Event::Woken`](super::Event::Woken); none is
//! lost, because the count stays in the eventfd until it is read, and it is read before the event is reported.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use super::sys;

/// Wakes one back end from any thread. Outliving the back end is harmless.
#[derive(Clone, Debug)]
pub struct Waker {
    fd: Arc<OwnedFd>,
}

impl Waker {
    /// Blocking, since an io_uring read of a non-blocking eventfd fails at once instead of waiting. Nobody reads it
    /// except after the kernel said there is something.
    pub(super) fn new() -> io::Result<Waker> {
        Ok(Waker {
            fd: Arc::new(sys::eventfd(0)?),
        })
    }

    /// Makes the back end's current or next `poll` return with `Event::Woken`. One system call.
    pub fn wake(&self) {
        // It could fail only on a counter near 2^64, or a signal, and a write of an eventfd is not interrupted
        // unless it has to wait for that counter.
        let _ = sys::eventfd_signal(self.fd.as_fd());
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    pub(super) fn drain(&self) -> io::Result<()> {
        sys::eventfd_drain(self.fd.as_fd())
    }
}
