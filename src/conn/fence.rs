//! Operations over several shards: splitting, posting as one fence, and taking the parts back.

use super::client::{Pending, Slot, SlotState, Stall};
use super::dispatch::{Step, fill_item, item};
use super::home::Home;
use super::merge::{Plan, Split, finish};
use super::relief::RELIEF;
use super::remarkable::Seen;
use crate::base::cpu;
use crate::base::slot::{DbIndex, ShardId, key_slot};
use crate::base::time::Millis;
use crate::command::ctx::{AtHome, Gather, OnCore, Scope, Undivided};
use crate::command::keys;
use crate::command::server::slowlog::shown_arguments;
use crate::command::spec::{CommandSpec, Merge, Route, Run, StoreFn, flag};
use crate::resp::{Args, Output, OwnedArgs};
use crate::session::{ReplyMode, Watched};
use crate::shard::{
    Ballot, Fence, FrameBox, Handover, Item, Mode, Park, ParkJob, Ticket, Vote, announce,
};
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

/// What a blocking command that needs several shards brings along.
#[derive(Clone, Default)]
pub(super) struct MayWait {
    /// The deadline, if it waited before.
    pub(super) deadline: Option<Option<Millis>>,
    /// Number of its first part.
    pub(super) first: u32,
    /// The key for whose sake it was woken, and which is held until it arrives.
    pub(super) held: Option<(DbIndex, Box<[u8]>)>,
}

/// A command cut into one part a shard.
pub(super) struct Pieces {
    /// Shard and arguments of each part, ascending.
    pub(super) parts: Vec<(ShardId, OwnedArgs)>,
    /// For each key in argument order, the part that has it.
    pub(super) order: Vec<u16>,
}

/// A step of fetching ahead from memory; each needs what the one before has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetch {
    Frame,
    Item,
    Arguments,
    Index,
    Entry,
}

impl Fetch {
    /// The steps, and how many frames ahead of the one that runs each is taken: a line from another core takes about as
    /// long as two short commands.
    const ALL: &[(Fetch, usize)] = &[
        (Fetch::Frame, 8),
        (Fetch::Item, 6),
        (Fetch::Arguments, 4),
        (Fetch::Index, 2),
        (Fetch::Entry, 1),
    ];
}

fn is_script(item: &Item) -> bool {
    item.spec.route == Route::Script
}

impl Home {
    /// Sends a store command that concerns several shards.
    pub(super) fn send_several(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        run: StoreFn,
        args: Args<'_>,
        shards: Vec<ShardId>,
    ) -> Step {
        if self.any_is_busy(&shards) {
            return self.refuse(at, Some(spec), &self.server.scripts.busy_error());
        }
        if !self.have_credits(&shards) {
            self.waiting.push(at);
            return Step::Wait(Stall::Credit);
        }
        // Memory is decided once, here: parts must not disagree.
        if self.owner.limit != 0
            && let Err(error) = self.owner.admit(spec.flags)
        {
            return self.refuse(at, Some(spec), &error);
        }
        self.make_known(spec, args);
        let scope = self.scope(at);
        let pending = |plan, parts| Pending {
            spec,
            missing: parts,
            first: 0,
            parts: (0..parts).map(|_| None).collect(),
            // The only item of a PARK has the arguments.
            args: match plan {
                Plan::Parked => Vec::new(),
                _ => shown_arguments(spec, args),
            },
            request: args.received_len(),
            plan,
            then: VecDeque::new(),
            is_told: false,
            counted: 0,
            shown: Vec::new(),
        };
        match spec.route {
            Route::Split(merge) | Route::All(merge) | Route::Vote(merge) => {
                let pieces = match spec.route {
                    Route::All(_) => Pieces {
                        parts: shards.iter().map(|&s| (s, OwnedArgs::from(args))).collect(),
                        order: Vec::new(),
                    },
                    _ => self.split(spec, args),
                };
                let count = pieces.parts.len();
                let split = Split {
                    merge,
                    pieces: (0..count).map(|part| (part as u16, 0)).collect(),
                    order: pieces.order,
                };
                let votes = matches!(spec.route, Route::Vote(_));
                let plan = if votes {
                    Plan::Vote(split, scope)
                } else {
                    Plan::Split(split, scope)
                };
                let ticket = self.owe_parts(at, pending(plan, count));
                let vote = votes.then(|| Arc::new(Vote::new(count)));
                let mut fence = Fence::default();
                for (part, (shard, part_args)) in (0..).zip(pieces.parts) {
                    let mut frame = self.frame();
                    fill_item(&mut frame, spec, run, scope, None, part_args.as_args());
                    if let Some(vote) = &vote {
                        frame.mode = Mode::Vote(Arc::clone(vote), Ballot::Absent);
                    }
                    self.address(&mut frame, shard, ticket, part);
                    fence.add(shard, frame);
                }
                self.post_fence(fence);
            }
            _ => {
                let ticket = self.owe_parts(at, pending(Plan::Parked, shards.len()));
                let mut whole = item(spec, run, scope, None, OwnedArgs::from(args));
                whole.limited = self.limited(at, spec, args);
                let work = vec![whole];
                let may_wait = spec.flags.has(flag::BLOCKING);
                let wait = may_wait.then(MayWait::default);
                self.post_park(ticket, &shards, work, Arc::from([]), wait);
                if may_wait || spec.route == Route::Script {
                    // Nothing else of this client may run before it is known whether it waits, or be refused because it
                    // runs for long.
                    self.client(at).stall = Stall::Replies;
                }
            }
        }
        self.client(at).session.last_command = spec.name;
        Step::Next
    }

    /// Posts a PARK fence over `shards`, ascending, whose executor runs `work`. `wait` is given for a blocking command.
    pub(super) fn post_park(
        &mut self,
        ticket: Ticket,
        shards: &[ShardId],
        work: Vec<Item>,
        watched: Arc<[Watched]>,
        wait: Option<MayWait>,
    ) {
        let may_wait = wait.is_some();
        let MayWait {
            deadline,
            first,
            held,
        } = wait.unwrap_or_default();
        let (places, count) = (self.slots.shards(), shards.len());
        // What runs at the client's core runs here.
        let is_here = |item: &Item| matches!(item.spec.run, Run::Home(_));
        let park = match work.iter().any(is_here) {
            true => Park::led_by(self.id.index(), places, count),
            false => Park::new(places, count),
        };
        let job = Arc::new(ParkJob {
            park,
            waiter: OnceLock::new(),
            read: OnceLock::new(),
            client: work.first().map_or(0, |item| item.scope.client.client),
            deadline,
            held,
        });
        let items = Arc::new(Handover::new(work));
        let mut fence = Fence::default();
        for (part, &shard) in (first..).zip(shards) {
            let mut frame = self.frame();
            frame.items.clear();
            frame.may_wait = may_wait;
            frame.mode = Mode::Park {
                job: Arc::clone(&job),
                watched: Arc::clone(&watched),
                items: Arc::clone(&items),
            };
            self.address(&mut frame, shard, ticket, part);
            fence.add(shard, frame);
        }
        self.post_fence(fence);
    }

    /// Runs a function on all cores at one point of the common order.
    pub(super) fn gather(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        gather: Gather,
        args: Args<'_>,
    ) {
        let shards = match gather.only {
            Some(shard) => vec![shard],
            None => self.all_shards(),
        };
        self.gather_on(at, spec, shards, gather, args);
        // What follows in the pipeline must not show in what is gathered.
        self.client(at).stall = Stall::Replies;
    }

    /// Runs a function on some cores at one point of the common order.
    pub(super) fn gather_on(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        shards: Vec<ShardId>,
        gather: Gather,
        args: Args<'_>,
    ) {
        let each = Arc::clone(&gather.each);
        let scope = self.scope(at);
        let ticket = self.owe_parts(
            at,
            Pending {
                spec,
                missing: shards.len(),
                first: 0,
                parts: shards.iter().map(|_| None).collect(),
                plan: Plan::Gathered(gather, scope),
                args: shown_arguments(spec, args),
                request: args.received_len(),
                then: VecDeque::new(),
                is_told: false,
                counted: 0,
                shown: Vec::new(),
            },
        );
        self.post_gather(ticket, &shards, 0, &each);
    }

    /// Posts a fence over `shards` that runs `each` on all of them; their parts begin with `first`.
    pub(super) fn post_gather(
        &mut self,
        ticket: Ticket,
        shards: &[ShardId],
        first: u32,
        each: &OnCore,
    ) {
        let mut fence = Fence::default();
        for (part, &shard) in (first..).zip(shards) {
            let mut frame = self.frame();
            frame.items.clear();
            frame.mode = Mode::Control(Arc::clone(each));
            self.address(&mut frame, shard, ticket, part);
            fence.add(shard, frame);
        }
        self.post_fence(fence);
    }

    /// Runs a function on all cores at one point of the common order; nobody here waits for it.
    pub(super) fn post_everywhere(&mut self, each: &OnCore) {
        let shards = self.all_shards();
        self.post_at(&shards, each);
    }

    /// The same on some cores.
    pub(super) fn post_at(&mut self, shards: &[ShardId], each: &OnCore) {
        let nobody = Ticket {
            client: u32::MAX,
            generation: 0,
            sequence: 0,
        };
        self.post_gather(nobody, shards, 0, each);
    }

    /// Posts a fence and wakes whoever sleeps: a participant may wait for the others at once.
    pub(super) fn post_fence(&mut self, mut fence: Fence<crate::shard::Node<crate::shard::Frame>>) {
        let shards: Vec<ShardId> = fence.shards().collect();
        for shard in &shards {
            self.outstanding[usize::from(shard.0)] += 1;
        }
        self.stats.fences.add(1);
        if self.shares && shards.len() > 1 {
            Self::share(&mut fence);
        }
        fence.post(&self.links.inboxes);
        let announced = announce();
        for shard in shards {
            if shard != self.id && self.links.bells[usize::from(shard.0)].should_wake(&announced) {
                self.stats.wakes.add(1);
                self.links.wake(shard);
            }
        }
    }

    pub(super) fn all_shards(&self) -> Vec<ShardId> {
        (0..self.slots.shards())
            .map(|n| ShardId(n as u16))
            .collect()
    }

    pub(super) fn have_credits(&self, shards: &[ShardId]) -> bool {
        shards.iter().all(|&shard| self.has_credit(shard))
    }

    pub(super) fn scope(&mut self, at: u32) -> Scope {
        self.client(at).scope()
    }

    /// Takes the next place in the order of replies for an operation over several frames.
    pub(super) fn owe_parts(&mut self, at: u32, pending: Pending) -> Ticket {
        let client = self.client(at);
        let mute = client.session.reply_mode != ReplyMode::On;
        client.session.reply_mode = client.session.reply_mode.after_one();
        let sequence = client.owe(SlotState::Parts(Box::new(pending)), mute);
        Ticket {
            client: at,
            generation: client.socket.generation(),
            sequence,
        }
    }

    pub(super) fn address(&self, frame: &mut FrameBox, owner: ShardId, ticket: Ticket, part: u32) {
        frame.owner = owner;
        frame.ticket = ticket;
        frame.part = part;
        frame.home = self.id;
        frame.now = Some(self.owner.now);
        frame.admitted = true;
    }

    /// Cuts a command whose keys are independent into one part a shard. Every key keeps the arguments that follow it
    /// (the value of an MSET).
    pub(super) fn split(&self, spec: &'static CommandSpec, args: Args<'_>) -> Pieces {
        let mut pieces = Pieces {
            parts: Vec::new(),
            order: Vec::new(),
        };
        let Ok(keys) = keys::keys(spec, args) else {
            return pieces;
        };
        let positions: Vec<usize> = keys.iter().map(|key| key.index as usize).collect();
        for (nth, &position) in positions.iter().enumerate() {
            let end = positions.get(nth + 1).copied().unwrap_or(args.len());
            let shard = self.slots.shard_of(key_slot(args.arg(position)));
            let part = match pieces.parts.iter().position(|(known, _)| *known == shard) {
                Some(part) => part,
                None => {
                    let mut head = OwnedArgs::default();
                    (0..positions[0]).for_each(|index| head.push(args.arg(index)));
                    pieces.parts.push((shard, head));
                    pieces.parts.len() - 1
                }
            };
            (position..end).for_each(|index| pieces.parts[part].1.push(args.arg(index)));
            pieces.order.push(part as u16);
        }
        pieces
    }

    /// A shard chosen by its share of the keys of `db`.
    pub(super) fn shard_by_weight(&mut self, db: DbIndex) -> ShardId {
        let keys: Vec<u64> = self
            .server
            .cores
            .iter()
            .map(|core| core.store.dbs()[db.index()].keys.get())
            .collect();
        let total: u64 = keys.iter().sum();
        if total == 0 {
            return self.id;
        }
        let mut pick = self.owner.random_below(total);
        for (shard, &count) in keys.iter().enumerate() {
            if pick < count {
                return ShardId(shard as u16);
            }
            pick -= count;
        }
        self.id
    }

    /// Executes everything in the inbox up to the tail seen now. False if it stopped at something that may take long:
    /// that is for the loop to run, and what would have come after all of this has to be sent behind it.
    pub(super) fn settle_inbox(&mut self) -> bool {
        let upto = self.receiver.settle();
        let is_done = !self.execute_upto(upto);
        self.last_ticks = self.clock.ticks();
        is_done
    }

    /// Executes the frames before `upto`; true if it stopped at one that may take long.
    pub(super) fn execute_upto(&mut self, upto: u64) -> bool {
        self.prefetch_first(upto);
        while let Some(frame) = self.receiver.next(upto) {
            if frame.is_long() {
                return true;
            }
            let is_last = self.receiver.head() + 1 == upto;
            if let Some(frame) = self.receiver.pop(upto) {
                if !is_last {
                    Fetch::ALL
                        .iter()
                        .for_each(|&(step, ahead)| self.prefetch_frame(step, ahead - 1));
                }
                self.execute_frame(frame);
            }
        }
        false
    }

    /// Takes the first frames through the steps of fetching that the others go through while frames before them run.
    fn prefetch_first(&self, upto: u64) {
        let count = usize::try_from(upto.saturating_sub(self.receiver.head())).unwrap_or(0);
        if count > 1 {
            for &(step, ahead) in Fetch::ALL {
                (0..ahead.min(count)).for_each(|ahead| self.prefetch_frame(step, ahead));
            }
        }
    }

    /// One step of fetching what a frame and its command will touch. All of it was last written by another core, or lies
    /// anywhere in the store.
    #[inline]
    fn prefetch_frame(&self, step: Fetch, ahead: usize) {
        if step == Fetch::Frame {
            return self.receiver.prefetch(ahead);
        }
        let Some(item) = self
            .receiver
            .peek(ahead)
            .and_then(|frame| frame.items.first())
        else {
            return;
        };
        let store = &self.owner.store;
        match (step, item.locator) {
            (Fetch::Item, _) => cpu::prefetch_whole(item),
            (Fetch::Arguments, locator) => {
                item.args.prefetch();
                cpu::prefetch(item.out.bytes.as_ptr());
                if let Some(locator) = locator {
                    store.prefetch_slot(item.scope.db, locator);
                }
            }
            (Fetch::Index, Some(locator)) => store.prefetch(item.scope.db, locator),
            (Fetch::Entry, Some(locator)) => {
                store.prefetch_entry(item.scope.db, locator);
            }
            _ => {}
        }
    }

    fn execute_frame(&mut self, mut frame: FrameBox) {
        match &mut frame.mode {
            Mode::Control(each) => {
                let each = Arc::clone(each);
                let started = self.clock.ticks();
                frame.result = Some(each(self));
                frame.ticks = self.clock.ticks().wrapping_sub(started);
            }
            Mode::Adopt(accepted) => {
                self.wants.adopt.extend(accepted.take());
            }
            _ => {
                let share = self.take_share(&mut frame);
                self.owner.perform(&mut frame, &mut Undivided);
                self.contribute(share, &frame);
            }
        }
        self.send_home(frame);
    }

    /// Takes note of an executed frame, and of what it brought about.
    pub(super) fn send_home(&mut self, frame: FrameBox) {
        if frame.is_long() || frame.items.iter().any(is_script) {
            self.count_script_errors();
        }
        let by = match (&frame.mode, frame.items.first()) {
            _ if !self.owner.has_news() => 0,
            // Only one of the participants has the items, and each tells of its own keys.
            (Mode::Park { job, .. }, _) => job.client,
            (_, Some(item)) => item.scope.client.client,
            _ => 0,
        };
        // First the reply, then what it brought about.
        self.chains[usize::from(frame.home.0)].push(frame);
        if self.owner.has_news() {
            self.spread_news(by);
        }
    }

    /// Sends executed frames home and takes back our own; true if some came.
    pub(super) fn exchange(&mut self) -> bool {
        self.publish_chains();
        self.take_completions()
    }

    /// Before something is told: what happened before that, as far as any client can know, is told first.
    pub(super) fn catch_up(&mut self) {
        if self.slots.shards() > 1 {
            self.links.await_spread();
            self.take_completions();
        }
    }

    fn take_completions(&mut self) -> bool {
        let mine = usize::from(self.id.0);
        if self.links.completions[mine].is_empty() {
            return false;
        }
        let links = Arc::clone(&self.links);
        let mut frames = links.completions[mine].take();
        while let Some(frame) = frames.next() {
            // As on the way out: another core wrote it last.
            if let Some(item) = frames.peek(2).and_then(|frame| frame.items.first()) {
                cpu::prefetch_whole(item);
            }
            if let Some(item) = frames.peek(0).and_then(|frame| frame.items.first()) {
                cpu::prefetch(item.out.bytes.as_ptr());
            }
            self.take_back(frame);
        }
        if self.log.gates() {
            self.heard = self.log.published();
        }
        self.retry_waiting();
        true
    }

    fn take_back(&mut self, mut frame: FrameBox) {
        if let Mode::Notify(notice) = &mut frame.mode {
            if let Some(notice) = notice.take() {
                self.take_notice(*notice);
            }
            return;
        }
        if let Mode::Deliver(messages) = &frame.mode {
            for message in messages.iter() {
                self.deliver(message);
            }
            return;
        }
        if let Mode::Show(line) = &frame.mode {
            return self.feed_monitors(line);
        }
        if frame.woken {
            return self.take_woken(frame);
        }
        let owner = frame.owner;
        self.outstanding[usize::from(owner.0)] -= 1;
        if let Some(waiter) = frame.waiter.take() {
            self.hold(frame.ticket, waiter);
            return self.retire(frame);
        }
        self.put_back(frame);
    }

    /// Puts the answer of one frame in its place, and the reply in its own when nothing is missing any more.
    pub(super) fn put_back(&mut self, mut frame: FrameBox) {
        let ticket = frame.ticket;
        let Some(client) = self.find(ticket.client, ticket.generation) else {
            let result = frame.result.take();
            if ticket == RELIEF {
                self.relieved(result);
            } else if let Some(Ok(then)) = result.map(|result| result.downcast::<AtHome>()) {
                (then.0)();
            }
            self.publish_orphans(&mut frame);
            return self.retire(frame);
        };
        client.wrote |= frame.items.iter().any(|item| item.outcome.dirty > 0);
        let front = client.first_sequence == ticket.sequence;
        let Some(slot) = client.slot(ticket.sequence) else {
            return self.retire(frame);
        };
        let mut finished = None;
        match &mut slot.state {
            SlotState::Single if frame.restarts => self.restart_script(frame),
            SlotState::Single if frame.items.iter().any(|item| item.told.is_some()) => {
                // An operation of more than one step.
                slot.state = SlotState::Parts(Box::new(told_later(frame)));
                self.go_on(ticket);
            }
            SlotState::Single => {
                let item = &mut frame.items[0];
                let (spec, outcome, reply) = (item.spec, item.outcome, item.out.len());
                if outcome.failed && !outcome.is_counted {
                    let code = super::dispatch::error_code(&item.out.bytes).to_vec();
                    finished = Some(code);
                }
                if front {
                    let slot = client.slots.pop_front().expect("the front was just seen");
                    client.first_sequence += 1;
                    if !slot.mute {
                        client.out.append(&mut item.out);
                    }
                } else {
                    slot.state = SlotState::Ready(std::mem::take(&mut item.out));
                }
                let at = ticket.client;
                if let Some(code) = finished.take() {
                    self.count_error(&code);
                }
                self.advance(at);
                let args = frame.items[0].args.as_args();
                if outcome.refused {
                    self.stats.command(spec.id).rejected.add(1);
                } else {
                    self.account(at, spec, outcome.ticks, outcome.failed, Some(args), reply);
                }
                self.retire(frame);
            }
            SlotState::Parts(pending)
                if frame.part.wrapping_sub(pending.first) as usize >= pending.parts.len() =>
            {
                self.retire(frame);
            }
            SlotState::Parts(pending) => {
                let part = frame.part.wrapping_sub(pending.first) as usize;
                if !frame.agreed {
                    pending.then.clear();
                }
                pending.parts[part] = Some(frame);
                pending.missing -= 1;
                if pending.missing == 0 {
                    self.go_on(ticket);
                }
            }
            SlotState::Ready(_) | SlotState::Offloaded | SlotState::Blocked(_) => {
                self.retire(frame);
            }
        }
    }

    /// Does what comes after the parts that are back: the next step of an EXEC, or the reply.
    pub(super) fn go_on(&mut self, ticket: Ticket) {
        let shards = self.slots.shards();
        let Some(client) = self.find(ticket.client, ticket.generation) else {
            return;
        };
        let Some(slot) = client.slot(ticket.sequence) else {
            return;
        };
        let SlotState::Parts(pending) = &mut slot.state else {
            return;
        };
        if !std::mem::replace(&mut pending.is_told, true) {
            pending.tell_messages(shards);
        }
        if !pending.then.is_empty() {
            return self.post_next(ticket);
        }
        let ready = SlotState::Ready(Output::default());
        if let SlotState::Parts(pending) = std::mem::replace(&mut slot.state, ready) {
            self.complete(ticket, *pending);
        }
    }

    /// Writes the reply of an operation whose parts are all back.
    fn complete(&mut self, ticket: Ticket, pending: Pending) {
        let Pending {
            spec,
            mut parts,
            plan,
            args,
            request,
            shown,
            counted,
            ..
        } = pending;
        if self.is_monitored() {
            self.show_done(shown, &plan, &mut parts);
        }
        if spec.flags.has(flag::WRITE)
            && matches!(plan, Plan::Gathered(..))
            && let Some(client) = self.find(ticket.client, ticket.generation)
        {
            client.wrote = true;
        }
        if matches!(plan, Plan::Exec(..))
            && let Some(client) = self.find(ticket.client, ticket.generation)
        {
            client.session.executing = None;
        }
        let mut ticks = 0;
        for frame in parts.iter().flatten() {
            let items: u64 = frame.items.iter().map(|item| item.outcome.ticks).sum();
            ticks = ticks.max(items + frame.ticks);
        }
        let mut failed = false;
        if let Plan::Exec(places, ..) = &plan {
            let agreed = parts.iter().flatten().all(|frame| frame.agreed);
            for place in places.iter().skip(counted).filter(|_| agreed) {
                if let Some(item) = place.item_mut(&mut parts) {
                    self.log_called_in(item);
                }
                let Some(ran) = place.ran(&parts) else {
                    continue;
                };
                if let Some(code) = ran.error
                    && !ran.is_counted
                {
                    self.count_error(code);
                }
                self.account(
                    ticket.client,
                    ran.spec,
                    ran.ticks,
                    ran.error.is_some(),
                    Some(ran.args),
                    ran.reply,
                );
            }
        } else {
            for item in parts
                .iter_mut()
                .flatten()
                .flat_map(|frame| &mut frame.items)
            {
                self.log_called_in(item);
                if item.outcome.failed {
                    failed = true;
                    if !item.outcome.is_counted {
                        self.count_error(super::dispatch::error_code(&item.out.bytes));
                    }
                }
            }
        }
        let (parked, is_exec) = (matches!(plan, Plan::Parked), matches!(plan, Plan::Exec(..)));
        let mut out = self.outputs.pop().unwrap_or_default();
        finish(plan, &mut parts, &mut out);
        self.check_redirect(ticket.client);
        let reply = out.len();
        if self.count_run(spec, ticks, failed) || self.is_large(request, reply) {
            let items = parts.iter().flatten().flat_map(|frame| &frame.items);
            // The commands of an EXEC have been looked at one by one.
            let items = items.filter(|_| !is_exec);
            let pieces: Vec<_> = items.map(|item| (item.spec, item.args.as_args())).collect();
            let whole = pieces.first().filter(|_| parked);
            let shown = whole.map_or(args, |&(spec, args)| shown_arguments(spec, args));
            let seen = Seen {
                spec,
                ticks,
                request,
                reply,
                parts: &pieces,
            };
            self.remark(ticket.client, &seen, || shown.clone());
        }
        self.keep_clock();
        for frame in parts.into_iter().flatten() {
            self.retire(frame);
        }
        self.fill(ticket, out);
    }

    /// Puts a finished reply in its place.
    pub(super) fn fill(&mut self, ticket: Ticket, output: Output) {
        let Some(client) = self.find(ticket.client, ticket.generation) else {
            return;
        };
        if let Some(slot) = client.slot(ticket.sequence) {
            slot.state = SlotState::Ready(output);
        }
        self.advance(ticket.client);
    }

    /// Moves finished replies to the output, and lets the client go on if it waited for them.
    pub(super) fn advance(&mut self, at: u32) {
        let client = self.clients[at as usize]
            .as_mut()
            .expect("the client is there");
        client.advance(&mut self.outputs);
        if client.stall == Stall::Replies && client.slots.is_empty() {
            client.stall = Stall::None;
        }
        // With nothing pending either, if receiving was suspended: it is to go on.
        let has_more = client.backlog() > 0 || client.paused_recv;
        let go_on = client.stall == Stall::None && has_more;
        self.mark_dirty(at);
        if go_on {
            self.mark_ready(at);
        }
    }

    /// Gives a client something that is not a reply, behind everything it is owed.
    pub(super) fn push_out_of_band(&mut self, at: u32, mut output: Output) {
        let client = self.client(at);
        // A command that waits may wait for long; what comes meanwhile goes first.
        let waits = matches!(
            client.slots.front(),
            Some(Slot {
                state: SlotState::Blocked(_),
                ..
            })
        );
        if client.slots.is_empty() || waits {
            client.out.append(&mut output);
            super::recycle(&mut self.outputs, output);
        } else {
            client.owe(SlotState::Ready(output), false);
        }
        self.mark_dirty(at);
    }

    /// Merge of a command that may be split, if it may.
    pub(super) fn merge_of(spec: &CommandSpec) -> Option<Merge> {
        match spec.route {
            Route::Split(merge) | Route::All(merge) => Some(merge),
            _ => None,
        }
    }
}

/// A script that is done but for what it published, and what it called that somebody watches or that was slow.
fn told_later(frame: FrameBox) -> Pending {
    let item = &frame.items[0];
    Pending {
        spec: item.spec,
        missing: 0,
        first: 0,
        args: Vec::new(),
        request: item.args.as_args().received_len(),
        parts: vec![Some(frame)],
        plan: Plan::Parked,
        then: VecDeque::new(),
        is_told: false,
        counted: 0,
        shown: Vec::new(),
    }
}
