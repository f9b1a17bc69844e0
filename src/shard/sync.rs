//! The one door to atomics and waiting for the ordering core, so that loom can stand in for the
//! machine.
//!
//! Unit tests built with `--cfg model_check` get loom's types; everything else gets the standard ones.
//! Shared ownership stays `std::sync::Arc` in both: models join their threads before the last
//! handle goes, so its own counter orders nothing they rely on.

#[cfg(not(all(model_check, test)))]
use rustix::thread::{Timespec, futex};
use std::time::Duration;

#[cfg(all(model_check, test))]
pub(super) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};
#[cfg(not(all(model_check, test)))]
pub(super) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

/// Turns of a busy wait before the thread offers its core to another: about 5 us with `pause` at
/// ~30 ns, longer than any latch is held by a running thread, far shorter than a scheduling
/// quantum.
const SPINS: u32 = 200;

/// The same for who waits for another shard to reach a fence: up to about 50 us. Waking a sleeping thread takes 5 to 30 us,
/// most of it on the way to another CPU; who gave up sooner would go to sleep just as the other one comes, and then the
/// other way round at the next fence, and so on.
const SPINS_FOR_SHARD: u32 = 2000;

/// A busy wait that turns polite: spins briefly, then yields its time slice at every turn. The
/// thread waited for may have been descheduled when there are more threads than cores.
#[derive(Debug)]
pub(super) struct Backoff {
    turns: u32,
    spins: u32,
}

impl Backoff {
    /// Starts a new wait.
    pub(super) fn new() -> Backoff {
        Backoff {
            turns: 0,
            spins: SPINS,
        }
    }

    /// Starts a wait for another shard.
    pub(super) fn for_shard() -> Backoff {
        Backoff {
            turns: 0,
            spins: SPINS_FOR_SHARD,
        }
    }

    /// Lets a little time pass.
    pub(super) fn wait(&mut self) {
        #[cfg(all(model_check, test))]
        {
            // A wait that goes round again did nothing but read: the runs in which this thread was
            // not scheduled meanwhile cover it. Two spinning threads would branch for ever.
            self.turns += 1;
            if self.turns > 1 {
                loom::skip_branch();
            }
            loom::thread::yield_now();
        }
        #[cfg(not(all(model_check, test)))]
        if self.turns < self.spins && !cfg!(miri) {
            self.turns += 1;
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }

    /// Whether the brief spin is over.
    pub(super) fn is_spent(&self) -> bool {
        self.turns >= self.spins || cfg!(all(model_check, test)) || cfg!(miri)
    }
}

/// A word threads can sleep on until it changes.
#[derive(Debug)]
pub(super) struct Futex {
    /// What is waited for; changed with ordinary atomic operations before `wake_all`.
    pub(super) word: AtomicU32,
    #[cfg(all(model_check, test))]
    lock: loom::sync::Mutex<()>,
    #[cfg(all(model_check, test))]
    changed: loom::sync::Condvar,
}

impl Futex {
    /// A word with this value and no sleepers.
    pub(super) fn new(value: u32) -> Futex {
        Futex {
            word: AtomicU32::new(value),
            #[cfg(all(model_check, test))]
            lock: loom::sync::Mutex::new(()),
            #[cfg(all(model_check, test))]
            changed: loom::sync::Condvar::new(),
        }
    }

    /// Sleeps while the word is `expected`. May return early; the caller looks again.
    pub(super) fn wait(&self, expected: u32) {
        #[cfg(not(all(model_check, test)))]
        self.sleep(expected, None);
        #[cfg(all(model_check, test))]
        {
            // The kernel compares and goes to sleep under the lock of the word's queue; so does
            // this.
            let guard = self
                .lock
                .lock()
                .expect("no model panics while it holds the lock");
            if self.word.load(Ordering::Relaxed) == expected {
                drop(self.changed.wait(guard));
            }
        }
    }

    /// As `wait`, but no longer than about so long.
    pub(super) fn wait_for(&self, expected: u32, longest: Duration) {
        #[cfg(all(model_check, test))]
        {
            let _ = longest;
            self.wait(expected);
        }
        #[cfg(not(all(model_check, test)))]
        {
            let longest = Timespec::try_from(longest).ok();
            self.sleep(expected, longest.as_ref());
        }
    }

    #[cfg(not(all(model_check, test)))]
    fn sleep(&self, expected: u32, longest: Option<&Timespec>) {
        // Whatever it returns, the caller looks at the word again.
        let _ = futex::wait(&self.word, futex::Flags::PRIVATE, expected, longest);
    }

    /// Wakes whoever sleeps on the word.
    pub(super) fn wake_all(&self) {
        #[cfg(not(all(model_check, test)))]
        let _ = futex::wake(&self.word, futex::Flags::PRIVATE, i32::MAX as u32);
        #[cfg(all(model_check, test))]
        {
            drop(
                self.lock
                    .lock()
                    .expect("no model panics while it holds the lock"),
            );
            self.changed.notify_all();
        }
    }
}
