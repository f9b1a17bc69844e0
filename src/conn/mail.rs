//! Mail to a core from threads that are not shards: the control thread's replies, listeners, the order to stop.
//!
//! Rare, so it is a plain channel; the receiving core looks into it when it was woken.

use super::listener::Bound;
use crate::base::slot::ShardId;
use crate::command::ctx::{Core, OnCore};
use crate::resp::Output;
use crate::ring::Waker;
use crate::session::Users;
use crate::shard::Ticket;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, OnceLock};

/// A function that runs once, on one core.
pub type OnThisCore = Box<dyn FnOnce(&mut dyn Core) + Send>;

/// One message.
pub enum Mail {
    /// The control thread finished what a command handed over.
    Reply(Ticket, Output),
    /// As `Reply`, for a command of an EXEC: which part it is.
    Part(Ticket, u32, Output),
    /// A MIGRATE is done: its reply, and whether it has removed something.
    Migrated {
        /// Where the reply belongs.
        ticket: Ticket,
        /// The reply.
        output: Output,
        /// Something was removed.
        wrote: bool,
    },
    /// These are all users now.
    Users {
        /// Rising.
        version: u64,
        /// The users.
        users: Arc<Users>,
        /// The client that asked for it.
        caller: u64,
        /// Dropped when it is so.
        done: flume::Sender<()>,
    },
    /// Accept on these sockets from now on, and on no others.
    Listen(Vec<Bound>),
    /// Run this on all cores at one point of the common order.
    Everywhere(OnCore),
    /// Run this on these cores, ascending, at one point of the common order.
    At(Vec<ShardId>, OnCore),
    /// Run this on this core.
    Here(OnThisCore),
    /// What comes from this socket is the commands of an append-only file.
    Loader(OwnedFd),
    /// Leave the loop.
    Stop,
}

/// The sending side.
pub struct Post {
    sender: Sender<Mail>,
    waker: OnceLock<Waker>,
}

/// The receiving side.
pub struct Mailbox {
    receiver: Receiver<Mail>,
}

impl Post {
    /// A post and its mailbox.
    pub fn new() -> (Arc<Post>, Mailbox) {
        let (sender, receiver) = channel();
        (
            Arc::new(Post {
                sender,
                waker: OnceLock::new(),
            }),
            Mailbox { receiver },
        )
    }

    /// Says how the core is woken, once its ring exists.
    pub fn connect(&self, waker: Waker) {
        let _ = self.waker.set(waker);
    }

    /// Sends and wakes. Mail to a core that has ended is dropped.
    pub fn send(&self, mail: Mail) {
        let _ = self.sender.send(mail);
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
    }
}

impl Mailbox {
    /// The next message, without waiting.
    pub fn take(&mut self) -> Option<Mail> {
        self.receiver.try_recv().ok()
    }
}
