//! A gate that opens once: waiters spin if they may, then sleep in the kernel.
//!
//! ```text
//! SHUT --waiter about to sleep--> SHUT_ASLEEP        either --open()--> OPEN, for good
//! ```
//! `open` pays for a system call only if the word says that somebody went to sleep. A waiter sets
//! that mark by a compare-and-swap from SHUT, so it cannot hide an opening; the kernel then
//! compares the word again before it puts the thread to sleep, so an opening in between is not
//! missed either.
//!
//! Memory order: `open` releases, every way out of `wait` acquires. What was done before the gate
//! was opened is visible behind it.

use super::sync::{Backoff, Futex, Ordering};
use std::time::Duration;

/// How long a waiter sleeps before it asks whether there is something else to do.
const LOOK_UP: Duration = Duration::from_millis(20);

const SHUT: u32 = 0;
const SHUT_ASLEEP: u32 = 1;
const OPEN: u32 = 2;

/// How to wait for the other participants of a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Spin for up to 50 us, then sleep: right when every shard has a core of its own.
    SpinThenSleep,
    /// Sleep at once: right when shards share cores, where spinning only keeps the others from
    /// arriving.
    Sleep,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Gate {
    futex: Futex,
}

impl Gate {
    /// A gate that is shut.
    pub(super) fn new() -> Gate {
        Gate {
            futex: Futex::new(SHUT),
        }
    }

    /// Opens the gate for good and wakes who sleeps before it. Opening twice does no harm.
    pub(super) fn open(&self) {
        if self.futex.word.swap(OPEN, Ordering::Release) == SHUT_ASLEEP {
            self.futex.wake_all();
        }
    }

    /// Whether the gate is open; if so, what its opener did before is visible.
    pub(super) fn is_open(&self) -> bool {
        self.futex.word.load(Ordering::Acquire) == OPEN
    }

    /// Returns once the gate is open.
    pub(super) fn wait(&self, patience: Patience) {
        self.wait_and(patience, None);
    }

    /// As `wait`, but who has waited for long calls `besides` now and then, and as long as that says that there is
    /// something to do again and again instead of sleeping.
    pub(super) fn wait_working(&self, patience: Patience, besides: &mut dyn FnMut() -> bool) {
        self.wait_and(patience, Some(besides));
    }

    fn wait_and(&self, patience: Patience, mut besides: Option<&mut dyn FnMut() -> bool>) {
        if patience == Patience::SpinThenSleep {
            let mut backoff = Backoff::for_shard();
            while !backoff.is_spent() {
                if self.is_open() {
                    return;
                }
                backoff.wait();
            }
        }
        while !self.is_open() {
            let mark = self.futex.word.compare_exchange(
                SHUT,
                SHUT_ASLEEP,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if mark == Err(OPEN) {
                // The look at the top acquires.
                continue;
            }
            match &mut besides {
                None => self.futex.wait(SHUT_ASLEEP),
                Some(besides) => {
                    self.futex.wait_for(SHUT_ASLEEP, LOOK_UP);
                    while !self.is_open() && besides() {}
                }
            }
        }
    }
}
