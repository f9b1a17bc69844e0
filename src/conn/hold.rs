//! What leaves a core waits for the log: until what it tells of is in it, and with `appendfsync always` on the disk.
//!
//! ```text
//! turn n     effects appended: position p     replies, executed frames
//!              |                                |
//!              +-- a fence's block incomplete?  +--> stage: closed here, leaves when the log has passed this point
//!              +-- p not on the disk yet?       |           and p is on the disk
//! turn n+1 ..  effects appended: position q     +--> gathers meanwhile; becomes the next stage when the first has left
//! ```
//! Commands go on being executed: only what would tell of them is held. There is one closed stage at a time and what
//! gathers behind it, so each reply waits for two syncs at most however many turns pass, and a core looks at two numbers
//! a turn. As a rule nothing waits: with other policies than `always` a stage is closed only while another core is still
//! in the turn of its part of a fence.
//!
//! Reads wait with the rest: nobody is shown what could be lost. A frame that comes home tells of changes of other
//! shards; so a home waits for what those had appended when it took their frames. Executed frames leave when their effects
//! are in the log, and wait for the disk at home.
//!
//! If the disk fails, clients that changed something which is not on it go on waiting: their commands were never
//! acknowledged, and are when the disk works again. All others are answered, reads from memory, writes with the
//! error: a server that says nothing while its disk is full could not be asked why.

use super::client::Client;
use super::home::Home;
use super::turn::ShardThread;
use crate::base::slot::ShardId;
use crate::base::time::Millis;
use crate::command::ctx::AwaitDisk;
use crate::command::persistence::DiskFailure;
use crate::command::spec::{CommandSpec, flag};
use crate::log::{Batch, Contribution, Hold, may_leave};
use crate::resp::{CommandError, Output, Reply};
use crate::shard::{Chain, Frame, FrameBox, Mode, Ticket, announce};
use std::sync::Arc;

/// What was closed at some point and waits.
pub(super) struct Stage {
    hold: Hold,
    /// Clients with held output, with the generations of their places.
    clients: Vec<(u32, u32)>,
    /// Executed frames, by home. None when they have left.
    chains: Vec<Chain<Frame>>,
}

/// A client in WAIT or WAITAOF.
pub(super) struct DiskWait {
    ticket: Ticket,
    /// It is WAIT.
    only_replicas: bool,
    /// What it waits for; not known as long as its changes are not in the log.
    target: Option<u64>,
    /// Whether the local disk is waited for.
    local: bool,
    /// How many replicas are.
    replicas: i64,
    deadline: Option<Millis>,
}

impl Home {
    /// Whether the log is on, or something is left to do since it was.
    #[inline]
    pub(super) fn is_logging(&self) -> bool {
        // Not the queue alone: while a long frame is performed another stands in for it.
        self.shares || !self.owner.effects.is_empty() || self.is_held_up()
    }

    /// Whether something of this core waits for the log or the disk.
    pub(super) fn is_held_up(&self) -> bool {
        self.stage.is_some() || !self.tail.is_clear() || !self.disk_waits.is_empty()
    }

    /// Appends what this shard has changed, before anybody hears of it.
    #[inline]
    pub(super) fn append_effects(&mut self) {
        if self.is_logging() {
            let seconds = self.now_us / 1_000_000;
            self.tail.append(self.owner.effects(), &self.log, seconds);
            self.advance_tail();
        }
    }

    /// Appends what others held up, and wakes those that this shard held up.
    fn advance_tail(&mut self) {
        if self.tail.is_clear() {
            return;
        }
        let seconds = self.now_us / 1_000_000;
        let mut held_up: Vec<ShardId> = Vec::new();
        self.tail
            .advance(&self.log, seconds, |shard| held_up.push(shard));
        if held_up.is_empty() {
            return;
        }
        let announced = announce();
        for shard in held_up {
            if shard != self.id && self.links.bells[shard.index()].should_wake(&announced) {
                self.stats.wakes.add(1);
                self.links.wake(shard);
            }
        }
    }

    /// Before a part of a fence whose participants put their effects together is executed: where that is.
    pub(super) fn take_share(&mut self, frame: &mut FrameBox) -> Option<Arc<Contribution>> {
        let share = frame.share.take()?;
        if !self.owner.effects.is_on() {
            return None;
        }
        // What happened before is not part of it.
        let seconds = self.now_us / 1_000_000;
        self.tail.append(self.owner.effects(), &self.log, seconds);
        Some(share)
    }

    /// After it: contributes what it changed.
    #[inline]
    pub(super) fn contribute(&mut self, share: Option<Arc<Contribution>>, frame: &Frame) {
        let Some(share) = share else { return };
        let ends = frame.items.iter();
        let ends = ends.map(|item| (item.outcome.queued, item.place));
        // A transaction that one thread has executed is in order as it is.
        let part = match frame.mode {
            Mode::Park { .. } => Batch::take(self.owner.effects()),
            _ => Batch::take_placed(self.owner.effects(), ends),
        };
        self.tail.contribute(share, part);
    }

    /// Gives the parts of a fence a place to put their effects together, if they may have any.
    pub(super) fn share(fence: &mut crate::shard::Fence<crate::shard::Node<Frame>>) {
        let parts = fence.frames_mut().len();
        if fence.frames_mut().any(|frame| frame.may_write()) {
            let share = Arc::new(Contribution::new(parts));
            for frame in fence.frames_mut() {
                frame.share = Some(Arc::clone(&share));
            }
        }
    }

    /// Takes part in marking a place in the log.
    pub(super) fn contribute_mark(&mut self, mark: u64) {
        let seconds = self.now_us / 1_000_000;
        self.tail.append(self.owner.effects(), &self.log, seconds);
        let share = self.log.marking(mark, self.slots.shards());
        self.tail.contribute(share, Batch::default());
    }

    /// Sends executed frames home, if what they changed is in the log.
    pub(super) fn publish_chains(&mut self) {
        if self.stage.is_none() && self.chains.iter().all(Chain::is_empty) {
            return;
        }
        self.links.spread(self.id, true);
        self.publish_all_chains();
        self.links.spread(self.id, false);
    }

    fn publish_all_chains(&mut self) {
        if let Some(stage) = &mut self.stage
            && stage.hold.is_in_log(&self.tail)
        {
            for (home, mut chain) in std::mem::take(&mut stage.chains).into_iter().enumerate() {
                publish(&self.links, &self.log, &self.tail, home, &mut chain);
                self.to_wake[home] |= home != usize::from(self.id.0);
            }
        }
        if !self.tail.is_clear() {
            return;
        }
        for home in 0..self.chains.len() {
            if !self.chains[home].is_empty() {
                publish(
                    &self.links,
                    &self.log,
                    &self.tail,
                    home,
                    &mut self.chains[home],
                );
                self.to_wake[home] |= home != usize::from(self.id.0);
            }
        }
    }

    /// Whether the closed stage may leave.
    fn is_stage_ready(&self) -> bool {
        let stage = self.stage.as_ref();
        stage.is_some_and(|stage| stage.hold.is_over(&self.tail, &self.log))
    }

    /// How many clients are likely to send something while the closed stage waits for the disk: those that were answered
    /// last and are not back. No reply can leave this core before that, whatever arrives.
    pub(super) fn awaited_back(&self) -> u32 {
        let waits_for_disk = self.stage.is_some() && self.tail.is_clear() && self.log.gates();
        if !waits_for_disk || self.server.process.disk.is_log_failing() {
            return 0;
        }
        self.released.saturating_sub(self.dirty.len() as u32)
    }

    /// Whether something that waited need not wait any more.
    pub(super) fn can_go_on(&mut self) -> bool {
        self.note_need();
        self.tail.can_advance() || self.is_stage_ready() || self.is_disk_wait_over()
    }

    /// Finds out what the closed stage needs, and says what this core wants to be woken for.
    fn note_need(&mut self) {
        let (tail, heard) = (&self.tail, self.heard);
        let mut want = u64::MAX;
        if let Some(stage) = &mut self.stage {
            want = stage.hold.need(tail).unwrap_or(u64::MAX);
        }
        if tail.is_clear() && !self.disk_waits.is_empty() {
            let bound = tail.position().max(heard).max(self.log.published());
            for wait in self.disk_waits.iter_mut().filter(|wait| wait.local) {
                want = want.min(*wait.target.get_or_insert(bound));
            }
        }
        if std::mem::replace(&mut self.wanted, want) != want {
            self.log.want(self.id, want);
        }
    }

    /// Everything before this position would be there after a start: what is on the disk, but nothing as long as the base
    /// before it is not there.
    pub(super) fn loadable(&self) -> Option<u64> {
        let durable = self.log.durable();
        (!self.server.process.aof.is_waiting()).then_some(durable)
    }

    fn is_disk_wait_over(&self) -> bool {
        let (now, loadable) = (self.now(), self.loadable());
        let mut waits = self.disk_waits.iter();
        waits.any(|wait| wait.is_over(now, loadable) || (wait.local && !self.shares))
    }

    /// When the first WAIT or WAITAOF gives up.
    pub(super) fn disk_deadline(&self) -> Option<Millis> {
        self.disk_waits
            .iter()
            .filter_map(|wait| wait.deadline)
            .min()
    }

    /// Answers those in WAIT or WAITAOF that have waited for long enough.
    fn end_disk_waits(&mut self) {
        if self.disk_waits.is_empty() {
            return;
        }
        self.note_need();
        let (now, loadable, is_on) = (self.now(), self.loadable(), self.shares);
        let waits = std::mem::take(&mut self.disk_waits);
        let (over, left): (Vec<_>, Vec<_>) = waits
            .into_iter()
            .partition(|wait| wait.is_over(now, loadable) || (wait.local && !is_on));
        self.disk_waits = left;
        for wait in over {
            self.stats.blocked_clients.sub(1);
            let Some(client) = self.find(wait.ticket.client, wait.ticket.generation) else {
                continue;
            };
            let proto = client.session.proto;
            let mut output = self.outputs.pop().unwrap_or_default();
            let mut reply = Reply::new(&mut output, proto);
            if wait.local && !is_on {
                reply.error(&CommandError::WAITAOF_NO_AOF);
            } else {
                wait.answer(loadable, is_on, &mut reply);
            }
            self.fill(wait.ticket, output);
        }
    }

    /// Why a command that writes is refused: what it writes could not be kept.
    #[cold]
    pub(super) fn disk_error(&mut self, at: u32, spec: &CommandSpec) -> Option<CommandError> {
        let queue = match spec.flags.has(flag::RUNS_QUEUE) {
            true => &self.client(at).queue[..],
            false => &[],
        };
        // Who asks whether the server is well is told.
        let writes = spec.flags.has(flag::WRITE)
            || spec.name == "ping"
            || queue
                .iter()
                .any(|queued| queued.spec.flags.has(flag::WRITE));
        if !writes {
            return None;
        }
        let process = &self.server.process;
        let failure = DiskFailure::of(&process.disk, &self.config)?;
        Some(failure.of_command())
    }

    /// Whether a client is in WAIT or WAITAOF.
    pub(super) fn awaits_disk(&self, at: u32) -> bool {
        self.disk_waits.iter().any(|wait| wait.ticket.client == at)
    }

    /// CLIENT UNBLOCK of a client in WAIT or WAITAOF; false if it is not.
    pub(super) fn end_disk_wait(&mut self, id: u64, error: bool) -> bool {
        let is_it = |wait: &DiskWait| {
            let client = self.clients.get(wait.ticket.client as usize);
            let client = client.and_then(Option::as_ref);
            client.is_some_and(|client| client.session.id == id)
        };
        let Some(place) = self.disk_waits.iter().position(is_it) else {
            return false;
        };
        let wait = self.disk_waits.remove(place);
        self.stats.blocked_clients.sub(1);
        let proto = self.client(wait.ticket.client).session.proto;
        let mut output = self.outputs.pop().unwrap_or_default();
        let mut reply = Reply::new(&mut output, proto);
        if error {
            reply.error(&CommandError::UNBLOCKED);
            self.count_error(b"UNBLOCKED");
        } else {
            wait.answer(self.loadable(), self.shares, &mut reply);
        }
        self.fill(wait.ticket, output);
        true
    }

    /// A client goes: nobody waits for it any more.
    pub(super) fn drop_disk_waits(&mut self, at: u32) {
        let before = self.disk_waits.len();
        self.disk_waits.retain(|wait| wait.ticket.client != at);
        let gone = before - self.disk_waits.len();
        self.stats.blocked_clients.sub(gone as u64);
    }

    /// WAIT, WAITAOF: answers when the disk, and the replicas, have what this client changed.
    pub(super) fn await_disk(&mut self, ticket: Ticket, wait: AwaitDisk) {
        let client = self.client(ticket.client);
        let target = (!client.wrote).then_some(client.written);
        self.stats.blocked_clients.add(1);
        self.disk_waits.push(DiskWait {
            ticket,
            only_replicas: wait.only_replicas,
            target,
            local: wait.local,
            replicas: wait.replicas,
            deadline: wait.deadline,
        });
    }
}

/// Frames leave: what they tell of first.
fn publish(
    links: &crate::shard::Links,
    log: &crate::log::Log,
    tail: &crate::log::Tail,
    home: usize,
    chain: &mut Chain<Frame>,
) {
    if !chain.is_empty() {
        log.publish(tail.shard(), tail.position());
        links.completions[home].publish(chain);
    }
}

impl DiskWait {
    fn is_over(&self, now: Millis, loadable: Option<u64>) -> bool {
        let is_there = !self.local || self.is_there(loadable);
        (is_there && self.replicas <= 0) || self.deadline.is_some_and(|deadline| deadline <= now)
    }

    fn is_there(&self, loadable: Option<u64>) -> bool {
        let target = self.target.zip(loadable);
        target.is_some_and(|(target, loadable)| loadable >= target)
    }

    fn answer(&self, loadable: Option<u64>, is_on: bool, reply: &mut Reply<'_>) {
        if self.only_replicas {
            return reply.integer(0);
        }
        reply.array(2);
        let there = is_on && self.is_there(loadable);
        reply.integer(i64::from(there));
        reply.integer(0);
    }
}

impl ShardThread {
    /// At the beginning of a turn: lets leave what waited for the log before this turn.
    pub(super) fn go_on_holding(&mut self) {
        self.home.advance_tail();
        self.home.publish_chains();
        self.flush();
        self.work_off();
    }

    /// Lets a closed stage leave if it may, and closes another if what has gathered may not leave at once. Says whether
    /// it may.
    pub(super) fn may_flush(&mut self) -> bool {
        let home = &mut self.home;
        home.end_disk_waits();
        home.note_need();
        if home.is_stage_ready() {
            home.publish_chains();
            if let Some(stage) = home.stage.take() {
                home.released = stage.clients.len() as u32;
                for (at, generation) in stage.clients {
                    if home.find(at, generation).is_some() {
                        home.mark_dirty(at);
                    }
                }
            }
        }
        if home.tail.is_clear() && !home.dirty.is_empty() {
            home.note_written();
        }
        if home.stage.is_none() && may_leave(&home.tail, home.heard, &home.log) {
            return true;
        }
        if home.server.process.disk.is_log_failing() {
            self.flush_readers();
        }
        if self.home.stage.is_none() && (self.home.has_gathered()) {
            self.close_stage();
            self.home.note_need();
        }
        false
    }

    fn close_stage(&mut self) {
        let mut clients = Vec::new();
        for at in std::mem::take(&mut self.home.dirty) {
            let Some(Some(client)) = self.home.clients.get_mut(at as usize) else {
                continue;
            };
            client.dirty = false;
            if client.sending == 0
                && let Some(held) = client.held.take()
            {
                // Of the stage before; a send was in its way.
                self.send(at, *held);
            }
            let client = self.home.client(at);
            if client.out.is_empty() {
                self.settle(at);
                continue;
            }
            let mut out = self.home.outputs.pop().unwrap_or_default();
            let client = self.home.client(at);
            std::mem::swap(&mut out, &mut client.out);
            match &mut client.held {
                Some(held) => {
                    held.append(&mut out);
                    super::recycle(&mut self.home.outputs, out);
                }
                None => client.held = Some(Box::new(out)),
            }
            let client = self.home.client(at);
            clients.push((at, client.socket.generation()));
            self.home.check_output_limit(at);
        }
        let home = &mut self.home;
        let empty = home.chains.iter().map(|_| Chain::default()).collect();
        home.stage = Some(Stage {
            hold: Hold::new(&home.tail, home.heard),
            clients,
            chains: std::mem::replace(&mut home.chains, empty),
        });
    }

    /// While the disk fails: sends what is for clients that have changed nothing.
    fn flush_readers(&mut self) {
        if !self.home.tail.is_clear() {
            return;
        }
        let mut readers = Vec::new();
        let mut stage = self.home.stage.take();
        if let Some(stage) = &mut stage {
            stage.clients.retain(|&(at, generation)| {
                let durable = self.home.log.durable();
                let Some(client) = self.home.find(at, generation) else {
                    return false;
                };
                let waits = client.wrote_since(durable) || client.sending > 0;
                if !waits {
                    readers.extend(client.held.take().map(|held| (at, *held)));
                }
                waits
            });
        }
        self.home.stage = stage;
        for at in std::mem::take(&mut self.home.dirty) {
            let durable = self.home.log.durable();
            let Some(Some(client)) = self.home.clients.get_mut(at as usize) else {
                continue;
            };
            if client.held.is_some() || client.wrote_since(durable) {
                self.home.dirty.push(at);
                continue;
            }
            client.dirty = false;
            let out = match client.sending {
                0 => std::mem::take(&mut client.out),
                _ => Output::default(),
            };
            readers.push((at, out));
        }
        for (at, mut out) in readers {
            if let Some(earlier) = self.home.clients[at as usize].as_ref()
                && earlier.sending > 0
                && !out.is_empty()
            {
                // It was in the stage as well, and that has just left.
                self.home.client(at).out.append(&mut out);
                self.home.mark_dirty(at);
                continue;
            }
            if self.home.clients[at as usize].is_none() {
                continue;
            }
            if !out.is_empty() {
                self.send(at, out);
            }
            self.settle(at);
        }
    }
}

impl Client {
    /// Whether something it changed is not before this position of the log.
    fn wrote_since(&self, durable: u64) -> bool {
        self.wrote || self.written > durable
    }
}

impl Home {
    /// Clients that changed something: now it is known where in the log that is.
    fn note_written(&mut self) {
        let mut bound = None;
        for at in &self.dirty {
            let Some(Some(client)) = self.clients.get_mut(*at as usize) else {
                continue;
            };
            if std::mem::take(&mut client.wrote) {
                let (tail, log, heard) = (&self.tail, &self.log, self.heard);
                let bound =
                    *bound.get_or_insert_with(|| tail.position().max(heard).max(log.published()));
                client.written = bound;
            }
        }
    }

    /// Whether there is anything that would leave.
    fn has_gathered(&self) -> bool {
        !self.dirty.is_empty() || self.chains.iter().any(|chain| !chain.is_empty())
    }
}
