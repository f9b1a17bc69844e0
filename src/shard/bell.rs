//! Going to sleep without missing a push, whatever the shard sleeps in and whatever wakes it.
//!
//! ```text
//! sleeper                                    sender
//!   sleeping = true                            push to inbox, publish completions
//!   fence(SeqCst)                              fence(SeqCst)
//!   anything inbound? -> cancel, go on         sleeping? -> swap to false, wake it if it was true
//!   sleep in the poller
//! ```
//! Either the sender's push comes before the sleeper's look, which then finds it; or the sleeper's
//! mark comes before the sender's look, which then wakes it. Release and acquire alone would allow
//! both to look too early (each store still in its core's store buffer); the two fences are what
//! forbids it.
//!
//! The swap lets one of many senders pay for the wake-up. What the wake-up is (eventfd, MSG_RING)
//! is the caller's business; it must be remembered by the poller, since it may come before the
//! sleeper has entered it. A sender asks once per target and turn, after the turn's last push:
//! asking costs a fence.

use super::sync::{AtomicBool, Ordering, fence};

/// One per shard, on a line of its own: senders read it once a turn, the owner writes it only
/// around sleep.
#[derive(Debug)]
#[repr(align(64))]
pub struct Bell {
    sleeping: AtomicBool,
}

/// Proof that the fence between a turn's pushes and the looks at the targets' bells was passed. One
/// serves for all targets of the turn; a push after it needs a new one.
#[derive(Debug)]
pub struct Announced(());

/// Orders all pushes before this call ahead of the looks at bells after it.
pub fn announce() -> Announced {
    fence(Ordering::SeqCst);
    Announced(())
}

impl Bell {
    /// The bell of a shard that is awake.
    #[expect(
        clippy::new_without_default,
        reason = "a bell belongs to a shard; none comes about by default"
    )]
    pub fn new() -> Bell {
        Bell {
            sleeping: AtomicBool::new(false),
        }
    }

    /// Sleeper, first: says that from now on a sender has to wake it. Afterwards **look at every
    /// inbound queue again**: sleep if all are empty, else `cancel`.
    pub fn prepare_sleep(&self) {
        self.sleeping.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Sleeper, when it found something after all, and whenever it comes back from sleep (a timer
    /// may have woken it, and senders need not pay for waking it then). A wake-up may still be on
    /// its way: it is spurious.
    pub fn cancel(&self) {
        self.sleeping.store(false, Ordering::Relaxed);
    }

    /// Whether the shard sleeps, for who only wants to know.
    pub fn is_asleep(&self) -> bool {
        self.sleeping.load(Ordering::Relaxed)
    }

    /// Sender, after its pushes and [`announce`]: true if this caller has to wake the shard, false
    /// if it is awake or somebody else does.
    pub fn should_wake(&self, _after: &Announced) -> bool {
        // The load keeps the line shared in the common case: the shard is awake.
        self.sleeping.load(Ordering::Relaxed) && self.sleeping.swap(false, Ordering::Relaxed)
    }
}

#[cfg(all(test, not(model_check)))]
mod tests {
    use super::*;

    #[test]
    fn one_sender_wakes_a_sleeper_and_none_an_awake_shard() {
        let bell = Bell::new();
        assert!(!bell.should_wake(&announce()));
        bell.prepare_sleep();
        let after = announce();
        assert!(bell.should_wake(&after));
        assert!(!bell.should_wake(&after));
        bell.prepare_sleep();
        bell.cancel();
        assert!(!bell.should_wake(&announce()));
    }
}
