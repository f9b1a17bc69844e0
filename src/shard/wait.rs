//! Clients that wait in a blocking command, at the shards of the keys they wait for.
//!
//! A command that finds nothing to take becomes a [`Waiter`]: the frame that will carry its reply home, set aside. It
//! is registered under each of its keys, first come first served, and the store notes when one of them changes. After
//! the command, transaction or script that changed it, and before anything else of the shard, the waiters of the key are
//! run again, in order, until nothing is left to take.
//!
//! Several may want to end a wait: the shards of its keys, the time-out, CLIENT UNBLOCK, a lost connection. Whoever takes
//! the frame out of the waiter has done it. A shard holds the lock while it looks whether there is something to give:
//! another shard that has something at the same moment must not pass over the waiter just because it is being looked at.
//!
//! A command that moves something to a key of another shard cannot be served here. It goes home, and from there to all
//! the shards it needs, with its key `held`: nobody behind it is served until it has been there. Should it find nothing
//! after all, it waits again, first in line as before.
//!
//! Registrations hold weak references. The client's home holds the strong one, so a wait that is over needs no message:
//! what is left of it is swept when the room has doubled since the last sweep.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use super::frame::FrameBox;
use crate::base::{DbIndex, Map, Millis};
use crate::command::ctx::BlockingKeys;

/// A command that waits.
pub struct Waiter {
    frame: parking_lot::Mutex<Option<FrameBox>>,
    /// Number of the first part of the operation that it was.
    pub part: u32,
    /// Database of the keys.
    pub db: DbIndex,
    /// The keys it waits for.
    pub keys: Vec<Box<[u8]>>,
    /// When its time is up.
    pub deadline: Option<Millis>,
    /// It is also looked at when a key is gone.
    pub on_removal: bool,
    /// When it is looked at again, though no key has changed.
    pub look_at: Option<Millis>,
}

impl Waiter {
    /// A waiter whose reply `frame` will carry.
    pub fn new(
        frame: FrameBox,
        db: DbIndex,
        keys: Vec<Box<[u8]>>,
        deadline: Option<Millis>,
        on_removal: bool,
        look_at: Option<Millis>,
    ) -> Arc<Waiter> {
        Arc::new(Waiter {
            part: frame.part,
            frame: parking_lot::Mutex::new(Some(frame)),
            db,
            keys,
            deadline,
            on_removal,
            look_at,
        })
    }

    /// When something is to be done about it by its home.
    pub fn due(&self) -> Option<Millis> {
        self.deadline.into_iter().chain(self.look_at).min()
    }

    /// Takes the right to end the wait. `None` if it is over: the frame is on its way home, or was. Waits for a shard
    /// that looks at the waiter at this moment.
    pub fn claim(&self) -> Option<FrameBox> {
        self.look().take()
    }

    /// Keeps everybody else from ending the wait for as long as the guard lives.
    pub(super) fn look(&self) -> parking_lot::MutexGuard<'_, Option<FrameBox>> {
        self.frame.lock()
    }

    /// Shows the command that waits, without ending the wait. `None` if that is over.
    pub fn peek<R>(&self, look: impl FnOnce(&FrameBox) -> R) -> Option<R> {
        self.look().as_ref().map(look)
    }
}

impl std::fmt::Debug for Waiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Waiter({} keys)", self.keys.len())
    }
}

/// Waiters for one key, first come first.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) waiters: VecDeque<Weak<Waiter>>,
    /// One of them wants to be looked at when the key is gone.
    pub(super) on_removal: bool,
    /// One that was first in line is on its way to all the shards it needs: until then nobody is served.
    pub(super) held: bool,
}

/// All waiters of a shard.
#[derive(Default)]
pub(super) struct WaitRoom {
    queues: Map<(DbIndex, Box<[u8]>), Queue>,
    /// Registrations, dead ones included.
    len: usize,
    /// Sweep when `len` gets here.
    sweep_at: usize,
}

const SWEEP_MIN: usize = 64;

impl WaitRoom {
    /// Puts a waiter at the end of a key's queue, or first in line. Keys whose waiters are all gone are handed to
    /// `forget`.
    pub(super) fn add(
        &mut self,
        key: &[u8],
        waiter: &Arc<Waiter>,
        first: bool,
        forget: impl FnMut(DbIndex, &[u8]),
    ) {
        if self.len >= self.sweep_at.max(SWEEP_MIN) {
            self.sweep(forget);
        }
        let queue = self.queues.entry((waiter.db, key.into())).or_default();
        match first {
            true => queue.waiters.push_front(Arc::downgrade(waiter)),
            false => queue.waiters.push_back(Arc::downgrade(waiter)),
        }
        queue.on_removal |= waiter.on_removal;
        self.len += 1;
    }

    /// Takes a key's waiters out, to look at each.
    pub(super) fn take(&mut self, db: DbIndex, key: &[u8]) -> Option<Queue> {
        let queue = self.queues.remove(&(db, key.into()))?;
        self.len -= queue.waiters.len();
        Some(queue)
    }

    /// Puts those back that go on waiting.
    pub(super) fn put_back(&mut self, db: DbIndex, key: &[u8], queue: Queue) {
        self.len += queue.waiters.len();
        self.queues.insert((db, key.into()), queue);
    }

    /// Whoever is in a key's queue may be served again.
    pub(super) fn release(&mut self, db: DbIndex, key: &[u8]) {
        if let Some(queue) = self.queues.get_mut(&(db, key.into())) {
            queue.held = false;
        }
    }

    /// How many keys are waited for. Looks at all.
    pub(super) fn keys(&self) -> BlockingKeys {
        let mut keys = BlockingKeys::default();
        for queue in self.queues.values() {
            let mut waiters = queue.waiters.iter().filter_map(Weak::upgrade);
            if let Some(first) = waiters.next() {
                keys.all += 1;
                let on_removal = first.on_removal || waiters.any(|waiter| waiter.on_removal);
                keys.on_removal += u64::from(on_removal);
            }
        }
        keys
    }

    #[cold]
    fn sweep(&mut self, mut forget: impl FnMut(DbIndex, &[u8])) {
        self.len = 0;
        self.queues.retain(|(db, key), queue| {
            queue.waiters.retain(|waiter| waiter.strong_count() > 0);
            self.len += queue.waiters.len();
            let is_over = queue.waiters.is_empty() && !queue.held;
            if is_over {
                forget(*db, key);
            }
            !is_over
        });
        self.sweep_at = 2 * self.len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ShardId;
    use crate::shard::frame::Frame;
    use crate::shard::inbox::Node;

    fn waiter(key: &[u8]) -> Arc<Waiter> {
        let frame = Node::new(Frame::new(ShardId(0)));
        Waiter::new(frame, DbIndex(0), vec![key.into()], None, false, None)
    }

    #[test]
    fn only_one_ends_a_wait() {
        let waiter = waiter(b"k");
        assert!(waiter.look().is_some());
        assert!(waiter.claim().is_some());
        assert!(waiter.claim().is_none());
        assert!(waiter.look().is_none());
    }

    #[test]
    fn waits_that_are_over_do_not_pile_up() {
        let mut room = WaitRoom::default();
        let kept = waiter(b"kept");
        room.add(b"kept", &kept, false, |_, _| {});
        let mut forgotten = 0;
        for i in 0..10_000_u32 {
            let key = i.to_le_bytes();
            room.add(&key, &waiter(&key), false, |_, _| forgotten += 1);
            assert!(room.len <= 2 * SWEEP_MIN);
        }
        assert!(forgotten > 9_000);
        assert_eq!(room.take(DbIndex(0), b"kept").unwrap().waiters.len(), 1);
    }
}
