//! A client at its home: session, unread input, unsent output, and the replies it is still owed.
//!
//! Replies leave in the order of the requests. While nothing is outstanding a reply is written straight into the
//! output; once a command went to another shard, every later reply takes a slot behind it until the front is filled.

use super::apart::Apart;
use super::merge::Plan;
use crate::base::limits;
use crate::command::ctx::{Job, OnCore, Reader, Scope};
use crate::command::spec::CommandSpec;
use crate::resp::{Output, OwnedArgs, Parser, Proto};
use crate::ring::SocketId;
use crate::session::{Message, Session, Tracking};
use crate::shard::{FrameBox, Waiter};
use std::collections::VecDeque;
use std::sync::Arc;

/// A command queued by MULTI.
pub(super) struct Queued {
    pub(super) spec: &'static CommandSpec,
    pub(super) args: OwnedArgs,
}

/// A reply that is owed.
pub(super) struct Slot {
    pub(super) state: SlotState,
    /// CLIENT REPLY OFF or SKIP: the reply is dropped when it comes.
    pub(super) mute: bool,
}

pub(super) enum SlotState {
    /// Written, waiting for the ones before it.
    Ready(Output),
    /// One frame is on its way; its output is the reply.
    Single,
    /// Several parts are on their way.
    Parts(Box<Pending>),
    /// The command waits for one of its keys.
    Blocked(Arc<Waiter>),
    /// The control thread works on it.
    Offloaded,
}

/// An operation over several frames.
pub(super) struct Pending {
    /// The command as the client sent it.
    pub(super) spec: &'static CommandSpec,
    /// Frames still out.
    pub(super) missing: usize,
    /// Number of the first part. What a command sent before it waited may still come back, with other numbers.
    pub(super) first: u32,
    /// Frames that came back, by part number.
    pub(super) parts: Vec<Option<FrameBox>>,
    /// How the reply is made of them.
    pub(super) plan: Plan,
    /// Arguments for the logs.
    pub(super) args: Vec<Vec<u8>>,
    /// Bytes of the request.
    pub(super) request: usize,
    /// What an EXEC does next, in this order, each when the one before is done; its parts have places in `parts`.
    pub(super) then: VecDeque<Later>,
    /// What scripts of it published is among the steps.
    pub(super) is_told: bool,
    /// So many commands of an EXEC are counted, those before the step that is under way.
    pub(super) counted: usize,
    /// Lines for those in MONITOR: one for each command of an EXEC and one for itself, which come when it is done.
    pub(super) shown: Vec<Vec<u8>>,
}

/// What comes after the store commands: a command of an EXEC that has to ask other threads, or what a script published.
pub(super) enum Later {
    /// All cores; the first of the parts.
    Gather(u32, OnCore),
    /// The control thread; the part, and the protocol of the reply.
    Offload(u32, Proto, Job),
    /// All who listen; the first of the parts.
    Tell(u32, Arc<Vec<Message>>),
    /// A command of the client's core, whose place this is: what it then asks for it knows itself.
    Step(usize, &'static CommandSpec, OwnedArgs),
}

impl Later {
    /// Its first part, if that is known.
    pub(super) fn first(&self) -> Option<u32> {
        match self {
            Later::Gather(first, _) | Later::Offload(first, ..) | Later::Tell(first, _) => {
                Some(*first)
            }
            Later::Step(..) => None,
        }
    }
}

/// Why a client's next command is not looked at yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stall {
    /// It is.
    None,
    /// The next command needs all earlier replies first.
    Replies,
    /// No credit for the shard it goes to.
    Credit,
    /// CLIENT PAUSE.
    Paused,
    /// Too much output is unread.
    Output,
    /// The disk is behind with the log.
    Log,
}

pub(super) struct Client {
    pub(super) socket: SocketId,
    pub(super) session: Session,
    pub(super) parser: Parser,
    /// Bytes received and not yet parsed, from `consumed` on.
    pub(super) input: Vec<u8>,
    pub(super) consumed: usize,
    /// A long argument of the first request in `input`.
    pub(super) apart: Option<Box<Apart>>,
    /// Bytes that may leave now.
    pub(super) out: Output,
    /// Bytes before those, that have to wait for the log, or for the send in flight.
    pub(super) held: Option<Box<Output>>,
    /// A send is in flight.
    pub(super) sending: usize,
    pub(super) slots: VecDeque<Slot>,
    /// Sequence number of `slots[0]`.
    pub(super) first_sequence: u64,
    pub(super) queue: Vec<Queued>,
    pub(super) stall: Stall,
    /// In the thread's ready list.
    pub(super) ready: bool,
    /// In the thread's list of clients with output.
    pub(super) dirty: bool,
    /// Receiving is suspended.
    pub(super) paused_recv: bool,
    /// The peer will send no more; close when everything is answered.
    pub(super) eof: bool,
    /// Close when the output is sent; nothing more is parsed.
    pub(super) closing: bool,
    /// What of the core's sum of unsent output is this client's.
    pub(super) counted_output: usize,
    /// It changed something since its output was looked at.
    pub(super) wrote: bool,
    /// What it changed before that is in the log before this position.
    pub(super) written: u64,
    /// Since when the output is over its soft limit, unix ms.
    pub(super) soft_limit_since: Option<i64>,
    /// What of the core's sum of clients' memory is this client's, and its class there if it may be evicted.
    pub(super) counted_memory: usize,
    pub(super) class: Option<usize>,
    /// What of `counted_memory` does not count against `maxmemory`.
    pub(super) uncounted: usize,
}

impl Client {
    pub(super) fn new(socket: SocketId, session: Session, out: Output) -> Self {
        Client {
            socket,
            session,
            parser: Parser::new(),
            input: Vec::new(),
            consumed: 0,
            apart: None,
            out,
            held: None,
            wrote: false,
            written: 0,
            sending: 0,
            slots: VecDeque::new(),
            first_sequence: 0,
            queue: Vec::new(),
            stall: Stall::None,
            ready: false,
            dirty: false,
            paused_recv: false,
            eof: false,
            closing: false,
            counted_output: 0,
            soft_limit_since: None,
            counted_memory: 0,
            class: None,
            uncounted: 0,
        }
    }

    /// Bytes held for this client.
    pub(super) fn memory(&self) -> usize {
        self.input.capacity()
            + self.apart.as_ref().map_or(0, |apart| apart.memory())
            + self
                .out
                .bytes
                .capacity()
                .saturating_sub(self.out.bytes.len())
            + self.unsent()
            + self.session.memory()
            + size_of::<Client>()
    }

    /// What of that is there because the client waits for us: it may not cost a key.
    pub(super) fn uncounted(&self) -> usize {
        let waits = self.stall != Stall::None || self.ready || !self.slots.is_empty();
        match waits {
            true => self.input.capacity().min(limits::INPUT_UNCOUNTED_BYTES),
            false => 0,
        }
    }

    /// What a command of this client is run under.
    #[inline]
    pub(super) fn scope(&self) -> Scope {
        let session = &self.session;
        let tracking = session.tracking.as_deref();
        Scope {
            db: session.db,
            proto: session.proto,
            no_touch: session.no_touch,
            imports: session.imports,
            client: Reader {
                at: self.at(),
                client: session.id,
            },
            remembers: tracking.is_some_and(Tracking::remembers),
        }
    }

    /// Index of the client at its home.
    pub(super) fn at(&self) -> u32 {
        self.socket.index() as u32
    }

    /// Unparsed bytes.
    pub(super) fn backlog(&self) -> usize {
        self.input.len() - self.consumed + self.apart.as_ref().map_or(0, |apart| apart.len())
    }

    /// Nothing can be parsed before a long argument is complete.
    pub(super) fn awaits_apart(&self) -> bool {
        matches!(&self.apart, Some(apart) if apart.whole().is_none())
    }

    /// Bytes that wait to be sent, replies of finished slots included.
    pub(super) fn unsent(&self) -> usize {
        self.sending + self.out.len() + self.held_bytes()
    }

    fn held_bytes(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.len())
    }

    /// Moves replies that are complete and first in line to the output.
    pub(super) fn advance(&mut self, pool: &mut Vec<Output>) {
        while let Some(Slot {
            state: SlotState::Ready(_),
            ..
        }) = self.slots.front()
        {
            let Some(Slot {
                state: SlotState::Ready(mut output),
                mute,
            }) = self.slots.pop_front()
            else {
                unreachable!("the front was just seen");
            };
            self.first_sequence += 1;
            if !mute {
                self.out.append(&mut output);
            }
            super::recycle(pool, output);
        }
    }

    /// The slot of reply number `sequence`, if it is still owed.
    pub(super) fn slot(&mut self, sequence: u64) -> Option<&mut Slot> {
        let at = sequence.checked_sub(self.first_sequence)?;
        self.slots.get_mut(usize::try_from(at).ok()?)
    }

    /// Takes the next place in the order of replies.
    pub(super) fn owe(&mut self, state: SlotState, mute: bool) -> u64 {
        self.slots.push_back(Slot { state, mute });
        self.first_sequence + self.slots.len() as u64 - 1
    }
}
