//! Blocking commands at the client's home: what is owed while they wait, and how a wait ends.
//!
//! The shards of the keys have the command itself (`shard/wait.rs`). Home has the place of its reply, the deadline, and
//! the only strong reference to the waiter: dropping it ends the wait everywhere.

use super::client::{Pending, Slot, SlotState, Stall};
use super::fence::MayWait;
use super::home::Home;
use super::merge::Plan;
use crate::base::slot::{ShardId, key_slot};
use crate::base::time::Millis;
use crate::command::ctx::{Block, Scope};
use crate::command::keys;
use crate::command::server::slowlog::shown_arguments;
use crate::command::spec::{CommandSpec, StoreFn};
use crate::resp::{Args, CommandError, OwnedArgs, Reply};
use crate::session::ReplyMode;
use crate::shard::{FrameBox, Ticket, Waiter};
use std::collections::VecDeque;
use std::sync::Arc;

/// When a wait ends by itself: deadline, client, number of its reply.
pub(super) type Deadline = (Millis, u32, u64);

impl Home {
    /// A command that ran here found nothing and waits now.
    pub(super) fn wait_here(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        run: StoreFn,
        args: Args<'_>,
        scope: Scope,
        block: Block,
    ) {
        let home = self.id;
        let client = self.client(at);
        let mute = client.session.reply_mode != ReplyMode::On;
        client.session.reply_mode = client.session.reply_mode.after_one();
        let sequence = client.owe(SlotState::Single, mute);
        let ticket = Ticket {
            client: at,
            generation: client.socket.generation(),
            sequence,
        };
        let item = super::dispatch::item(spec, run, scope, None, OwnedArgs::from(args));
        let waiter = self.owner.wait(item, ticket, home, block);
        self.hold(ticket, waiter);
    }

    /// A command waits: its client does nothing else meanwhile.
    pub(super) fn hold(&mut self, ticket: Ticket, waiter: Arc<Waiter>) {
        let Some(client) = self.find(ticket.client, ticket.generation) else {
            return;
        };
        let gone = client.eof;
        let Some(slot) = client.slot(ticket.sequence) else {
            return;
        };
        match &slot.state {
            SlotState::Single => {}
            SlotState::Parts(pending) if pending.first == waiter.part => {}
            // Served already, or sent anew, by a shard that was faster than the one that told us.
            _ => return,
        }
        let due = waiter.due();
        slot.state = SlotState::Blocked(waiter);
        client.stall = Stall::Replies;
        self.stats.blocked_clients.add(1);
        if let Some(due) = due {
            self.deadlines.insert((due, ticket.client, ticket.sequence));
            self.stats.deadlines.set(self.deadlines.len() as u64);
        }
        if gone {
            self.close(ticket.client);
        }
    }

    /// Whether a client waits in a blocking command.
    pub(super) fn is_blocked(&self, at: u32) -> bool {
        let client = self.clients[at as usize].as_ref();
        client.is_some_and(|client| {
            let waits = |slot: &Slot| matches!(slot.state, SlotState::Blocked(_));
            client.slots.iter().any(waits)
        }) || self.awaits_disk(at)
    }

    /// A command that waited comes home with its reply, or to be sent where it has all its keys.
    pub(super) fn take_woken(&mut self, mut frame: FrameBox) {
        if frame.restarts {
            return self.restart_script(frame);
        }
        let ticket = frame.ticket;
        if let Some(key) = frame.elsewhere.take() {
            return self.send_anew(frame, key);
        }
        if self.end_wait(ticket).is_none() {
            return self.retire(frame);
        }
        let Some(item) = frame.items.first_mut() else {
            return self.retire(frame);
        };
        let (spec, outcome) = (item.spec, item.outcome);
        let out = std::mem::take(&mut item.out);
        if let Some(client) = self.find(ticket.client, ticket.generation) {
            client.wrote |= outcome.dirty > 0;
        }
        if outcome.failed {
            let code = super::dispatch::error_code(&out.bytes).to_vec();
            self.count_error(&code);
        }
        let reply = out.len();
        self.fill(ticket, out);
        let args = frame.items[0].args.as_args();
        self.account(
            ticket.client,
            spec,
            outcome.ticks,
            outcome.failed,
            Some(args),
            reply,
        );
        self.retire(frame);
    }

    /// Ends a wait on this side. Returns its deadline, or `None` if the reply is not owed any more.
    fn end_wait(&mut self, ticket: Ticket) -> Option<Option<Millis>> {
        let client = self.find(ticket.client, ticket.generation)?;
        let slot = client.slot(ticket.sequence)?;
        let mut deadline = None;
        match std::mem::replace(&mut slot.state, SlotState::Single) {
            SlotState::Blocked(waiter) => {
                deadline = waiter.deadline;
                self.stats.blocked_clients.sub(1);
                if let Some(due) = waiter.due() {
                    self.deadlines
                        .remove(&(due, ticket.client, ticket.sequence));
                    self.stats.deadlines.set(self.deadlines.len() as u64);
                }
            }
            SlotState::Single | SlotState::Parts(_) => {}
            other @ (SlotState::Ready(_) | SlotState::Offloaded) => {
                slot.state = other;
                return None;
            }
        }
        Some(deadline)
    }

    /// Sends a script that needs more than was there to all shards. It has written nothing.
    pub(super) fn restart_script(&mut self, mut frame: FrameBox) {
        let ticket = frame.ticket;
        let shards = self.all_shards();
        if !self.have_credits(&shards) {
            return self.unsent_anew.push(frame);
        }
        frame.restarts = false;
        let Some(item) = frame.items.first() else {
            return self.retire(frame);
        };
        let pending = Pending {
            spec: item.spec,
            missing: shards.len(),
            first: 0,
            parts: shards.iter().map(|_| None).collect(),
            plan: Plan::Parked,
            then: VecDeque::new(),
            is_told: false,
            counted: 0,
            shown: Vec::new(),
            args: shown_arguments(item.spec, item.args.as_args()),
            request: item.args.as_args().received_len(),
        };
        if let Some(client) = self.find(ticket.client, ticket.generation)
            && let Some(slot) = client.slot(ticket.sequence)
        {
            slot.state = SlotState::Parts(Box::new(pending));
            let work = std::mem::take(&mut frame.items);
            self.post_park(ticket, &shards, work, Arc::from([]), None);
        }
        self.retire(frame);
    }

    /// Sends a woken command to all the shards it needs. It keeps its deadline. Should its client be gone, the shard of
    /// the key must still learn that nobody comes.
    fn send_anew(&mut self, mut frame: FrameBox, key: Box<[u8]>) {
        let ticket = frame.ticket;
        let Some(item) = frame.items.first() else {
            return self.retire(frame);
        };
        let (spec, db) = (item.spec, item.scope.db);
        let args = item.args.as_args();
        let shard = |key: &[u8]| self.slots.shard_of(key_slot(key));
        let shard_at = |at: u32| shard(args.arg(at as usize));
        let mut shards: Vec<ShardId> = keys::keys(spec, args)
            .map(|keys| keys.iter().map(|key| shard_at(key.index)).collect())
            .unwrap_or_default();
        shards.sort_unstable();
        shards.dedup();
        if !self.have_credits(&shards) {
            frame.elsewhere = Some(key);
            return self.unsent_anew.push(frame);
        }
        let Some(deadline) = self.end_wait(ticket) else {
            let there = [self.slots.shard_of(key_slot(&key))];
            let wait = MayWait {
                deadline: Some(None),
                first: 0,
                held: Some((db, key)),
            };
            self.post_park(ticket, &there, Vec::new(), Arc::from([]), Some(wait));
            return self.retire(frame);
        };
        // Not the numbers of the fence before, parts of which may still be on their way.
        let first = frame.part.wrapping_add(self.slots.shards() as u32);
        let pending = Pending {
            spec,
            missing: shards.len(),
            first,
            parts: shards.iter().map(|_| None).collect(),
            plan: Plan::Parked,
            then: VecDeque::new(),
            is_told: false,
            counted: 0,
            shown: Vec::new(),
            args: Vec::new(),
            request: args.received_len(),
        };
        if let Some(client) = self.find(ticket.client, ticket.generation)
            && let Some(slot) = client.slot(ticket.sequence)
        {
            slot.state = SlotState::Parts(Box::new(pending));
        }
        let wait = MayWait {
            deadline: Some(deadline),
            first,
            held: Some((db, key)),
        };
        let work = std::mem::take(&mut frame.items);
        self.post_park(ticket, &shards, work, Arc::from([]), Some(wait));
        self.retire(frame);
    }

    /// Ends the waits whose time is up, and looks again at those that wanted to be looked at by now.
    pub(super) fn time_out(&mut self) {
        let now = self.now();
        while let Some(&(due, at, sequence)) = self.deadlines.first()
            && due <= now
        {
            self.deadlines.pop_first();
            let Some(Some(client)) = self.clients.get_mut(at as usize) else {
                continue;
            };
            let ticket = Ticket {
                client: at,
                generation: client.socket.generation(),
                sequence,
            };
            match self.wants_look(ticket, now) {
                true => self.look_again(ticket),
                // Unless its reply is on its way.
                false => {
                    self.give_up(ticket, |reply| reply.null_array());
                }
            }
        }
    }

    /// Whether a wait goes on, but the command wants to be run again.
    fn wants_look(&mut self, ticket: Ticket, now: Millis) -> bool {
        let client = self.find(ticket.client, ticket.generation);
        let slot = client.and_then(|client| client.slot(ticket.sequence));
        matches!(slot.map(|slot| &slot.state), Some(SlotState::Blocked(waiter))
            if waiter.look_at.is_some() && waiter.deadline.is_none_or(|deadline| deadline > now))
    }

    /// Sends a command that waits to all of its keys, as if it had asked for that itself.
    fn look_again(&mut self, ticket: Ticket) {
        let client = self.find(ticket.client, ticket.generation);
        let slot = client.and_then(|client| client.slot(ticket.sequence));
        if let Some(slot) = slot
            && let SlotState::Blocked(waiter) = &slot.state
            && let Some(frame) = waiter.claim()
        {
            let key = waiter.keys.first().cloned().unwrap_or_default();
            self.send_anew(frame, key);
        }
    }

    /// Ends a wait without a result; the reply is what `write` says. `None` if a shard has ended it.
    pub(super) fn give_up(
        &mut self,
        ticket: Ticket,
        write: impl FnOnce(&mut Reply<'_>),
    ) -> Option<()> {
        let client = self.find(ticket.client, ticket.generation)?;
        let proto = client.session.proto;
        let Some(Slot {
            state: SlotState::Blocked(waiter),
            ..
        }) = client.slot(ticket.sequence)
        else {
            return Some(());
        };
        let mut frame = waiter.claim()?;
        self.end_wait(ticket);
        let mut out = self.outputs.pop().unwrap_or_default();
        write(&mut Reply::new(&mut out, proto));
        let failed = out.bytes.starts_with(b"-");
        self.fill(ticket, out);
        if let Some(item) = frame.items.pop() {
            self.account(ticket.client, item.spec, 0, failed, None, 0);
        }
        self.retire(frame);
        Some(())
    }

    /// A client's user has other rights now: what it waits for it may not be allowed to run any more.
    pub(super) fn refuse_blocked(&mut self, at: u32) {
        let client = self.client(at);
        let waits = |slot: &Slot| matches!(slot.state, SlotState::Blocked(_));
        let Some(place) = client.slots.iter().position(waits) else {
            return;
        };
        let ticket = Ticket {
            client: at,
            generation: client.socket.generation(),
            sequence: client.first_sequence + place as u64,
        };
        let SlotState::Blocked(waiter) = &client.slots[place].state else {
            return;
        };
        let waiter = Arc::clone(waiter);
        let call = waiter.peek(|frame| {
            let item = frame.items.first()?;
            Some((item.spec, item.args.clone()))
        });
        let Some((spec, args)) = call.flatten() else {
            // It has been served.
            return;
        };
        let Some(error) = self.denial(at, spec, args.as_args()) else {
            return;
        };
        let Some(frame) = waiter.claim() else {
            return;
        };
        self.end_wait(ticket);
        self.stats.command(spec.id).rejected.add(1);
        self.count_error(error.code().as_bytes());
        let mut out = self.outputs.pop().unwrap_or_default();
        let proto = self.client(at).session.proto;
        Reply::new(&mut out, proto).error(&error);
        self.fill(ticket, out);
        self.retire(frame);
    }

    /// CLIENT UNBLOCK: whether the client waited and does not any more.
    pub(super) fn unblock_client(&mut self, id: u64, error: bool) -> bool {
        let found = self.clients.iter().flatten().find_map(|client| {
            let waits = |slot: &Slot| matches!(slot.state, SlotState::Blocked(_));
            let place = client.slots.iter().position(waits)?;
            (client.session.id == id).then(|| Ticket {
                client: client.at(),
                generation: client.socket.generation(),
                sequence: client.first_sequence + place as u64,
            })
        });
        let Some(ticket) = found else {
            return self.end_disk_wait(id, error);
        };
        if error {
            self.count_error(b"UNBLOCKED");
        }
        self.give_up(ticket, |reply| match error {
            true => reply.error(&CommandError::UNBLOCKED),
            false => reply.null_array(),
        })
        .is_some()
    }

    /// A client goes: its waits end with it.
    pub(super) fn drop_waits(&mut self, at: u32) {
        let Some(Some(client)) = self.clients.get_mut(at as usize) else {
            return;
        };
        let first = client.first_sequence;
        let mut ended = Vec::new();
        for (place, slot) in client.slots.iter().enumerate() {
            if let SlotState::Blocked(waiter) = &slot.state {
                drop(waiter.claim());
                ended.push((waiter.due(), first + place as u64));
            }
        }
        for (due, sequence) in ended {
            self.stats.blocked_clients.sub(1);
            if let Some(due) = due {
                self.deadlines.remove(&(due, at, sequence));
            }
        }
        self.stats.deadlines.set(self.deadlines.len() as u64);
    }

    /// Does what commands of this shard left to do for others: serves those that wait for keys that changed, and tells
    /// subscribers and those that cache. `by` is the client whose command it was, or 0.
    #[cold]
    pub(super) fn spread_news(&mut self, by: u64) {
        self.owner.serve_waiting(by);
        // Whoever waited hears first what its command came to, then what that changed.
        let woken = std::mem::take(&mut self.owner.woken);
        let behind = woken.iter().any(|frame| frame.home == self.id);
        for frame in woken {
            self.chains[usize::from(frame.home.0)].push(frame);
        }
        self.send_notices(behind);
        self.tell_news();
    }
}
