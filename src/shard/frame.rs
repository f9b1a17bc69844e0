//! What travels between cores: one command, a part of several, or a control function.
//!
//! A frame is allocated and recycled by its home; the executing shard fills in the outcome and sends the same
//! allocation back. At every instant exactly one thread owns it: a push gives it away, the completion returns it.

use super::inbox::Node;
use super::lend::Park;
use super::track::Notice;
use super::vote::Vote;
use super::wait::Waiter;
use crate::base::slot::{DbIndex, ShardId};
use crate::base::time::Millis;
use crate::command::acl::Limited;
use crate::command::aside::Told;
use crate::command::ctx::{OnCore, Scope};
use crate::command::spec::{CommandSpec, Route, StoreFn, flag};
use crate::keyspace::{Locator, Store, WatchFlag};
use crate::log::Contribution;
use crate::resp::{Output, OwnedArgs};
use crate::session::{Message, Watched};
use std::any::Any;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};

/// A frame as it travels: with the link that brings it home.
pub type FrameBox = Box<Node<Frame>>;

/// Where a result belongs: a client of the home core and the place of the reply in its pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticket {
    /// Index of the client at its home.
    pub client: u32,
    /// Generation of that index: a client that left meanwhile does not match.
    pub generation: u32,
    /// Sequence number of the reply.
    pub sequence: u64,
}

/// What became of one command.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Clock ticks it ran.
    pub ticks: u64,
    /// The reply is an error.
    pub failed: bool,
    /// With an error that the statistics of errors have already.
    pub is_counted: bool,
    /// It was not even run, for want of memory.
    pub refused: bool,
    /// Changes made.
    pub dirty: u64,
    /// Effects that were queued when it had ended.
    pub queued: usize,
}

/// One command with everything its execution needs.
pub struct Item {
    /// The row of the command table.
    pub spec: &'static CommandSpec,
    /// The function: the row's, or the one that a `Flow::AtKey` named.
    pub run: StoreFn,
    /// Its arguments.
    pub args: OwnedArgs,
    /// Database and protocol.
    pub scope: Scope,
    /// Slot and hash of the first key, when already computed.
    pub locator: Option<Locator>,
    /// Whom a script runs for, if that user has limits.
    pub limited: Option<Arc<Limited>>,
    /// What a script leaves to its client's core. Set by the executing shard.
    pub told: Option<Box<Told>>,
    /// The reply.
    pub out: Output,
    /// Its place in a transaction that is spread over several shards.
    pub place: u32,
    /// Set by the executing shard.
    pub outcome: Outcome,
}

impl Item {
    /// Whether the command may change something.
    pub fn may_write(&self) -> bool {
        self.spec.flags.has(flag::WRITE) || self.spec.route == Route::Script
    }
}

impl Frame {
    /// Whether a command in it may change something.
    pub fn may_write(&self) -> bool {
        match &self.mode {
            Mode::Run | Mode::Vote(..) => self.items.iter().any(Item::may_write),
            Mode::Park { items, .. } => items.may_write(),
            Mode::Watch(..)
            | Mode::Control(_)
            | Mode::Deliver(_)
            | Mode::Notify(_)
            | Mode::Show(_)
            | Mode::Adopt(_) => false,
        }
    }
}

/// A key and the flag that tells of its changes.
pub type WatchedKey = (Vec<u8>, Arc<WatchFlag>);

/// What each participant of a VOTE fence looks at.
pub enum Ballot {
    /// None of these keys, all of the voting shard, changed since WATCH.
    Clean(Vec<Watched>),
    /// None of the keys of the frame's items exist (MSETNX).
    Absent,
}

/// What the participants of a PARK fence share.
pub struct ParkJob {
    /// Where the stores are lent, by shard.
    pub park: Park<Store>,
    /// The command, if it found nothing and waits now: set by the participant that executes, registered by all.
    pub waiter: OnceLock<Arc<Waiter>>,
    /// Keys that the client of a command remembers having read: set by the participant that executes.
    pub read: OnceLock<Vec<(Scope, Vec<u8>)>>,
    /// The client whose commands they are.
    pub client: u64,
    /// The deadline of a command that waited before.
    pub deadline: Option<Option<Millis>>,
    /// The key for whose sake it was woken: who else waits for it is served afterwards.
    pub held: Option<(DbIndex, Box<[u8]>)>,
}

/// How a shard treats a frame.
pub enum Mode {
    /// Run the items.
    Run,
    /// Agree with the other participants first, then run the items or none.
    Vote(Arc<Vote>, Ballot),
    /// Lend the store; the last participant to arrive runs `job`'s items over all of them.
    Park {
        /// Shared by the participants.
        job: Arc<ParkJob>,
        /// Keys that must be clean, tested by the one that executes. Their shards all take part.
        watched: Arc<[Watched]>,
        /// The items, taken by the participant that executes.
        items: Arc<Handover>,
    },
    /// Register keys for WATCH.
    Watch(DbIndex, Vec<WatchedKey>),
    /// Run a function over the core.
    Control(OnCore),
    /// Give messages to the listeners of the core it reaches. Nobody sent it, nobody waits for it.
    Deliver(Arc<Vec<Message>>),
    /// Tell a client of the core it reaches what to forget. Nobody sent it, nobody waits for it.
    Notify(Option<Box<Notice>>),
    /// Show a line to those of the core it reaches who are in MONITOR. Nobody sent it, nobody waits for it.
    Show(Arc<[u8]>),
    /// Take over an accepted connection.
    Adopt(Option<Accepted>),
}

/// An accepted connection on its way to its home.
pub struct Accepted {
    /// The socket.
    pub fd: OwnedFd,
    /// Whether it is a unix socket.
    pub unix: bool,
}

/// Items that exactly one participant takes.
pub struct Handover(parking_lot::Mutex<Vec<Item>>);

impl Handover {
    /// Holds `items` for the participant that executes.
    pub fn new(items: Vec<Item>) -> Self {
        Handover(parking_lot::Mutex::new(items))
    }

    /// The first item that is a script, while nobody has taken them.
    pub fn first_script(&self) -> Option<&'static CommandSpec> {
        let items = self.0.lock();
        let mut specs = items.iter().map(|item| item.spec);
        specs.find(|spec| spec.route == Route::Script)
    }

    /// Whether a command may change something, while nobody has taken them.
    pub fn may_write(&self) -> bool {
        self.0.lock().iter().any(Item::may_write)
    }

    /// Takes the items; later callers find none.
    pub fn take(&self) -> Vec<Item> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// One message to a shard, and its answer.
pub struct Frame {
    /// Core that sent it and gets it back.
    pub home: ShardId,
    /// Shard that executes it.
    pub owner: ShardId,
    /// Where the result belongs.
    pub ticket: Ticket,
    /// Which part of the operation this is.
    pub part: u32,
    /// How to treat it.
    pub mode: Mode,
    /// Commands to run, in order.
    pub items: Vec<Item>,
    /// The time to use; `None` is the executing shard's own.
    pub now: Option<Millis>,
    /// Memory was decided by the home: parts of one operation must not disagree.
    pub admitted: bool,
    /// False after a vote that failed or a PARK whose watched keys had changed: nothing was run.
    pub agreed: bool,
    /// Clock ticks a control function ran.
    pub ticks: u64,
    /// Its command may wait.
    pub may_wait: bool,
    /// A script among its commands may run for long.
    pub may_last: bool,
    /// The command found nothing and waits now, registered at its keys.
    pub waiter: Option<Arc<Waiter>>,
    /// Nobody sent it: it brings home the reply of a command that waited.
    pub woken: bool,
    /// The woken command needs keys of other shards as well, and is to be sent anew. The key that was ready; others who
    /// wait for it are held until it arrives.
    pub elsewhere: Option<Box<[u8]>>,
    /// Its only command, a script, needs what other shards have: to be sent to all.
    pub restarts: bool,
    /// What a control function returned.
    pub result: Option<Box<dyn Any + Send>>,
    /// Where the participants of a fence that may change something put their effects together.
    pub share: Option<Arc<Contribution>>,
}

impl Frame {
    /// Whether the thread that performs it may have to wait for others, or run a script for long: then it serves clients
    /// besides, and so must not be in the middle of serving one.
    pub fn is_long(&self) -> bool {
        self.may_last || matches!(self.mode, Mode::Vote(..) | Mode::Park { .. })
    }

    /// Whether it is one command for one shard, which can as well be refused.
    pub fn is_refusable(&self) -> bool {
        // Parts of one operation carry its time.
        matches!(self.mode, Mode::Run) && self.now.is_none() && self.items.len() == 1
    }

    /// An empty frame of `home`.
    pub fn new(home: ShardId) -> Self {
        Frame {
            home,
            owner: home,
            ticket: Ticket::default(),
            part: 0,
            mode: Mode::Run,
            items: Vec::new(),
            now: None,
            admitted: false,
            agreed: true,
            ticks: 0,
            may_wait: false,
            may_last: false,
            waiter: None,
            woken: false,
            elsewhere: None,
            restarts: false,
            result: None,
            share: None,
        }
    }
}
