//! From a command to where it runs: check, route, send.

use super::client::{Client, SlotState, Stall};
use super::home::Home;
use super::remarkable::Seen;
use crate::base::limits;
use crate::base::slot::ShardId;
use crate::command::ctx::{Flow, HomeCtx, Now, Scope, Waiting};
use crate::command::generic::scan::scan_count;
use crate::command::keys;
use crate::command::lookup::{Lookup, Resolved};
use crate::command::scripting::{Reach, keep_ahead, only_reads, reach};
use crate::command::server::slowlog::shown_arguments;
use crate::command::spec::{CommandSpec, Group, Route, Run, StoreFn, flag};
use crate::keyspace::Locator;
use crate::resp::{Args, CommandError, OwnedArgs, Proto, Reply};
use crate::session::{ClientKind, ReplyMode};
use crate::shard::{Ask, Call, Frame, FrameBox, Item, Mode, Outcome, Ticket};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Keys that one SCAN may go over on several shards, which stand still meanwhile.
const SCANNED_TOGETHER_MAX: usize = 4096;

/// What to do after a command was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done or under way.
    Next,
    /// It cannot run yet; look at it again later.
    Wait(Stall),
}

impl Home {
    /// Whether a client may do more than authenticate.
    pub(super) fn is_authenticated(&self, client: &Client) -> bool {
        client.session.authenticated || self.is_open
    }

    /// The command that a request calls. What a file says has the names that commands have everywhere, whatever they are
    /// called here, or those that clients used.
    #[cold]
    fn resolve(&self, at: u32, args: Args<'_>) -> Result<&'static CommandSpec, CommandError> {
        let found = self.server.names.command(args);
        let client = self.clients[at as usize].as_ref();
        match client.is_some_and(|client| client.session.kind == ClientKind::Loader) {
            true => found.or_else(|_| Lookup::default().command(args)),
            false => found,
        }
    }

    /// Checks one command and runs or sends it.
    pub(super) fn dispatch(
        &mut self,
        at: u32,
        spec: Option<&'static CommandSpec>,
        locator: Option<Locator>,
        args: Args<'_>,
    ) -> Step {
        let plain = spec.filter(|spec| {
            !spec.is_container() && spec.accepts(args.len()) && !spec.run.is_not_built()
        });
        let spec = match plain {
            Some(spec) => spec,
            None => match self.resolve(at, args) {
                Ok(found) => found,
                Err(error) => {
                    // If the number of arguments is what is wrong, it is known which command was meant.
                    let meant = match self.server.names.resolve(args) {
                        Resolved::Command(spec) => Some(spec),
                        Resolved::UnknownCommand | Resolved::UnknownSubcommand(_) => None,
                    };
                    return self.refuse(at, meant, &error);
                }
            },
        };
        let client = self.clients[at as usize]
            .as_ref()
            .expect("the caller looked");
        if !spec.flags.has(flag::NO_AUTH) && !self.is_authenticated(client) {
            return self.refuse(at, Some(spec), &CommandError::NO_AUTH);
        }
        let session = &client.session;
        let only_listens = session.kind == ClientKind::Pubsub
            && session.proto == Proto::Resp2
            && !spec.flags.has(flag::WHILE_SUBSCRIBED);
        let is_monitor = session.monitor;
        let is_queued = session.transaction.is_some() && !spec.flags.has(flag::RUNS_IN_MULTI);
        if session.is_limited
            && let Some(step) = self.refuse_limited(at, spec, args)
        {
            return step;
        }
        if only_listens {
            let error = CommandError::subscribed_context(spec.name);
            return self.refuse(at, Some(spec), &error);
        }
        if self.refuses && self.is_loading() && !self.runs_while_loading(at, spec) {
            return self.refuse(at, Some(spec), &CommandError::LOADING);
        }
        if self.busy
            && !self.loading
            && let Some(step) = self.refuse_while_busy(at, spec)
        {
            return step;
        }
        if self.server.process.disk.is_failing()
            && !self.loading
            && let Some(error) = self.disk_error(at, spec)
        {
            return self.refuse(at, Some(spec), &error);
        }
        if is_monitor && touches_keys(spec) {
            return self.refuse(at, Some(spec), &CommandError::REPLICA_KEYSPACE);
        }
        if !is_monitor && self.is_paused(spec, args) {
            self.waiting.push(at);
            return Step::Wait(Stall::Paused);
        }
        if is_queued {
            return self.enqueue(at, spec, args);
        }
        if self.shares && spec.flags.has(flag::WRITE) && self.log.is_full() {
            self.waiting.push(at);
            return Step::Wait(Stall::Log);
        }
        if self.owner.limit != 0
            && let Some(wait) = self.hold_back(at, spec)
        {
            return wait;
        }
        let step = match spec.run {
            Run::Store(run) if spec.flags.has(flag::EMPTIES_ALL) && self.saves_flush(args) => {
                self.flush_and_save(at, spec, run, args)
            }
            Run::Store(run) => self.route(at, spec, run, locator, args),
            Run::Home(_) => {
                let waits = matches!(spec.group, Group::Server | Group::Scripting)
                    || spec.flags.has(flag::AFTER_REPLIES);
                if waits && !self.client(at).slots.is_empty() {
                    return Step::Wait(Stall::Replies);
                }
                if self.owner.limit != 0
                    && spec.flags.has(flag::DENYOOM)
                    && let Err(error) = self.owner.admit(spec.flags)
                {
                    return self.refuse(at, Some(spec), &error);
                }
                self.run_home(at, spec, args)
            }
            Run::Container | Run::NotBuilt => {
                unreachable!("the lookup refused what cannot run")
            }
        };
        if step == Step::Next
            && self.clients[at as usize]
                .as_ref()
                .is_some_and(|client| client.session.tracking.is_some())
        {
            self.end_caching(at, Some(spec));
        }
        if step == Step::Next && self.is_monitored() && !std::mem::take(&mut self.shows_later) {
            self.show(at, spec, args);
        }
        step
    }

    /// Whether a file is being read, or some cores do not know yet that it is over.
    #[cold]
    fn is_loading(&mut self) -> bool {
        self.refuses = self.loading || self.server.process.load.active.load(Ordering::SeqCst);
        self.refuses
    }

    /// Whether a command runs although a file is being read: it says so, or comes from that file.
    #[cold]
    fn runs_while_loading(&mut self, at: u32, spec: &CommandSpec) -> bool {
        let client = self.client(at);
        let mut queue = client.queue.iter();
        let queues_others = spec.flags.has(flag::RUNS_QUEUE)
            && queue.any(|queued| !queued.spec.flags.has(flag::LOADING));
        (spec.flags.has(flag::LOADING) && !queues_others)
            || client.session.kind == ClientKind::Loader
    }

    /// Answers with an error instead of running the command, and counts it as rejected.
    pub(super) fn refuse(
        &mut self,
        at: u32,
        spec: Option<&'static CommandSpec>,
        error: &CommandError,
    ) -> Step {
        if let Some(spec) = spec {
            self.stats.command(spec.id).rejected.add(1);
        }
        self.count_error(error.code().as_bytes());
        self.end_caching(at, spec);
        let client = self.client(at);
        client.session.last_command = spec.map_or("", |spec| spec.name);
        if let Some(transaction) = &mut client.session.transaction {
            transaction.aborted = true;
        }
        if spec.is_some_and(|spec| spec.flags.has(flag::RUNS_QUEUE)) {
            let text = error.text();
            let reason = text.strip_prefix(b"ERR ").unwrap_or(text);
            let abort = CommandError::exec_abort(reason);
            self.end_transaction(at);
            self.reply(at, |reply| reply.error(&abort));
            return Step::Next;
        }
        self.reply(at, |reply| reply.error(error));
        Step::Next
    }

    /// Sends a store command to where its keys are.
    pub(super) fn route(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        run: StoreFn,
        locator: Option<Locator>,
        args: Args<'_>,
    ) -> Step {
        if self.outstanding.len() == 1 {
            return self.run_here(at, spec, run, locator, args);
        }
        if let Some(locator) = locator {
            let shard = self.slots.shard_of(locator.slot);
            if shard == self.id {
                return self.run_here(at, spec, run, Some(locator), args);
            }
            return self.send_single(at, spec, run, Some(locator), args, shard);
        }
        if matches!(spec.route, Route::AnyShard | Route::Cursor)
            && !self.client(at).slots.is_empty()
        {
            // Which shard has keys is known when what is under way has been done.
            return Step::Wait(Stall::Replies);
        }
        if spec.route == Route::Cursor {
            return match self.walked(at, args)[..] {
                [shard] if shard == self.id => self.run_here(at, spec, run, None, args),
                [shard] => self.send_single(at, spec, run, None, args, shard),
                ref shards => self.send_several(at, spec, run, args, shards.to_vec()),
            };
        }
        match self.destination(at, spec, args) {
            Destination::One(shard) if shard == self.id => self.run_here(at, spec, run, None, args),
            Destination::One(shard) => self.send_single(at, spec, run, None, args, shard),
            Destination::Several(shards) => self.send_several(at, spec, run, args, shards),
        }
    }

    /// The shards that one step of a walk goes over. A database that says it has no keys on a shard has none there that a
    /// walk owes, and where it says that few are left, the step goes on to the next shard: nobody shall get an empty page
    /// because there are several cores.
    fn walked(&mut self, at: u32, args: Args<'_>) -> Vec<ShardId> {
        let slot = crate::keyspace::cursor_slot(args.get(1).unwrap_or(b"0"));
        let wanted = scan_count(args);
        let db = self.client(at).session.db.index();
        let keys = |shard: usize| self.server.cores[shard].store.dbs()[db].keys.get() as usize;
        let mut shards = self.slots.shard_of(slot).index()..self.slots.shards();
        let end = shards.end;
        let first = shards.find(|&shard| keys(shard) > 0).unwrap_or(end - 1);
        let (mut last, mut found) = (first, keys(first));
        while last + 1 < end && found < wanted {
            found += keys(last + 1).min(wanted);
            if found > SCANNED_TOGETHER_MAX {
                break;
            }
            last += 1;
        }
        (first..=last).map(|shard| ShardId(shard as u16)).collect()
    }

    /// Which shards a store command concerns.
    pub(super) fn destination(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        args: Args<'_>,
    ) -> Destination {
        let all = || {
            Destination::Several(
                (0..self.slots.shards())
                    .map(|n| ShardId(n as u16))
                    .collect(),
            )
        };
        match spec.route {
            Route::All(_) => return all(),
            Route::ParkAll if keys::needs_all(args) => return all(),
            Route::Script if self.slots.shards() > 1 => {
                match reach(spec, args, &self.owner.scripts) {
                    Reach::All => return all(),
                    // Tried where the keys are, if that is one place; elsewhere it would not be known in time.
                    Reach::Perhaps => {
                        return match self.shards_of_keys(spec, args) {
                            Destination::One(shard) => Destination::One(shard),
                            Destination::Several(_) => all(),
                        };
                    }
                    Reach::Declared => {}
                }
            }
            Route::Cursor => {
                let slot = crate::keyspace::cursor_slot(args.get(1).unwrap_or(b"0"));
                return Destination::One(self.slots.shard_of(slot));
            }
            Route::AnyShard => {
                let db = self.client(at).session.db;
                return Destination::One(self.shard_by_weight(db));
            }
            _ => {}
        }
        self.shards_of_keys(spec, args)
    }

    /// Whether a script may touch more than its declared keys.
    pub(super) fn may_reach(&self, spec: &'static CommandSpec, args: Args<'_>) -> bool {
        self.slots.shards() > 1 && reach(spec, args, &self.owner.scripts) != Reach::Declared
    }

    /// Of a script that is going to run elsewhere, or later: from now on its name is known to all, as commands behind it
    /// may be executed before it is.
    pub(super) fn make_known(&self, spec: &CommandSpec, args: Args<'_>) {
        if spec.route == Route::Script && self.slots.shards() > 1 {
            keep_ahead(spec, args, &self.owner.scripts);
        }
    }

    pub(super) fn shards_of_keys(&self, spec: &'static CommandSpec, args: Args<'_>) -> Destination {
        let Ok(keys) = keys::keys(spec, args) else {
            // The command itself reports what is wrong with its arguments.
            return Destination::One(self.id);
        };
        let mut shards: Vec<ShardId> = Vec::new();
        for key in keys.iter() {
            let shard = self
                .slots
                .shard_of(crate::base::slot::key_slot(args.arg(key.index as usize)));
            if !shards.contains(&shard) {
                shards.push(shard);
            }
        }
        match shards[..] {
            [] => Destination::One(self.id),
            [shard] => Destination::One(shard),
            _ => {
                shards.sort_unstable();
                Destination::Several(shards)
            }
        }
    }

    /// Runs a command over this thread's own store, after everything that is ahead of it in the inbox.
    pub(super) fn run_here(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        run: StoreFn,
        locator: Option<Locator>,
        args: Args<'_>,
    ) -> Step {
        if spec.route == Route::Script && (self.may_last(spec, args) || self.is_heard(spec, args)) {
            return self.send_single(at, spec, run, None, args, self.id);
        }
        if !self.receiver.is_quiet() {
            if !self.settle_inbox() {
                return self.send_single(at, spec, run, locator, args, self.id);
            }
            if self.clients[at as usize].is_none() {
                return Step::Next;
            }
        }
        if self.owner.limit != 0 {
            if let Err(error) = self.owner.admit(spec.flags) {
                return self.refuse(at, Some(spec), &error);
            }
            // Of keys that had to go others hear before the reply.
            if self.owner.has_news() {
                self.spread_news(0);
                if self.clients[at as usize].is_none() {
                    return Step::Next;
                }
            }
        }
        let scope = self.scope(at);
        if spec.route == Route::Script {
            let limited = self.limited(at, spec, args);
            self.owner.weigh(spec, limited.as_ref(), scope);
        }
        let client = self.clients[at as usize].as_mut().expect("looked at above");
        client.session.last_command = spec.name;
        let waiting = match spec.flags.has(flag::BLOCKING) {
            true => Waiting::Allowed,
            false => Waiting::Denied,
        };
        let call = Call {
            run,
            args,
            scope,
            locator,
            now: self.owner.now,
            waiting,
        };
        // Behind replies that are owed, this one needs a place of its own.
        let direct = client.slots.is_empty();
        let mut apart = match direct {
            true => None,
            false => Some(self.outputs.pop().unwrap_or_default()),
        };
        let out = apart.as_mut().unwrap_or(&mut client.out);
        let start = out.position();
        let ran = self.owner.execute(&call, out);
        let reply = out.len_since(start);
        if ran.failed && !ran.is_counted {
            self.stats.errors.add(1);
            count(&mut self.errors, error_code(&out.bytes[start.byte..]));
        }
        match apart {
            None if client.session.reply_mode != ReplyMode::On && ran.ask.is_done() => {
                client.out.truncate(start);
                client.session.reply_mode = client.session.reply_mode.after_one();
            }
            None => {}
            Some(out) if ran.ask.is_done() => {
                let mute = client.session.reply_mode != ReplyMode::On;
                client.session.reply_mode = client.session.reply_mode.after_one();
                client.owe(SlotState::Ready(out), mute);
            }
            Some(out) => super::recycle(&mut self.outputs, out),
        }
        client.wrote |= ran.dirty > 0;
        let failed = ran.failed;
        if spec.route == Route::Script {
            self.count_script_errors();
            self.take_told(matches!(ran.ask, Ask::Elsewhere));
        }
        if matches!(ran.ask, Ask::Elsewhere) {
            // A script that needs more than is here, and has written nothing.
            let shards = self.all_shards();
            return self.send_several(at, spec, run, args, shards);
        }
        if let Ask::Wait(block) = ran.ask {
            self.wait_here(at, spec, run, args, scope, *block);
            return Step::Next;
        }
        if scope.remembers {
            let home = self.id;
            self.owner.remember(spec, args, scope, home);
        }
        if self.owner.has_news() {
            self.spread_news(scope.client.client);
        }
        self.mark_dirty(at);
        let ended = self.clock.ticks();
        let ticks = ended.wrapping_sub(self.last_ticks);
        self.last_ticks = ended;
        self.account(at, spec, ticks, failed, Some(args), reply);
        Step::Next
    }

    /// Whether a pause holds a command back, be it to be run or to be queued.
    #[inline]
    fn is_paused(&self, spec: &'static CommandSpec, args: Args<'_>) -> bool {
        self.pause
            .is_some_and(|pause| !self.loading && (pause.all || self.may_write(spec, args)))
    }

    /// Runs a command at the client's core.
    fn run_home(&mut self, at: u32, spec: &'static CommandSpec, args: Args<'_>) -> Step {
        let Run::Home(run) = spec.run else {
            unreachable!("the caller matched it")
        };
        let mut client = self.clients[at as usize]
            .take()
            .expect("the client is there");
        client.session.last_command = spec.name;
        let mode = client.session.reply_mode;
        let direct = client.slots.is_empty();
        let mut out = if direct {
            std::mem::take(&mut client.out)
        } else {
            self.outputs.pop().unwrap_or_default()
        };
        let start = out.position();
        let proto = client.session.proto;
        let config = Arc::clone(&self.config);
        let server = Arc::clone(&self.server);
        let now = Now {
            ms: self.owner.now,
            us: self.now_us,
        };
        let mut cx = HomeCtx {
            session: &mut client.session,
            reply: Reply::new(&mut out, proto),
            config: &config,
            server: &server,
            core: self,
            now,
        };
        let result = run(&mut cx, args);
        let (flow, failed) = match result {
            Ok(flow) => (flow, false),
            Err(error) => {
                cx.reply.error(&error);
                (Flow::Done, true)
            }
        };
        if failed {
            self.stats.errors.add(1);
            count(&mut self.errors, error_code(&out.bytes[start.byte..]));
        }
        // What counts for CLIENT REPLY's own reply is the mode it leaves. Other flows write theirs later.
        let here = matches!(flow, Flow::Done | Flow::Close);
        let after = client.session.reply_mode;
        let mute = mode != ReplyMode::On && after != ReplyMode::On;
        if here && mute {
            out.truncate(start);
        }
        let reply = out.len_since(start);
        if here && mode == ReplyMode::SkipNext {
            client.session.reply_mode = after.after_one();
        }
        if direct {
            client.out = out;
        } else if out.position() != start {
            client.owe(SlotState::Ready(out), false);
        } else {
            super::recycle(&mut self.outputs, out);
        }
        self.clients[at as usize] = Some(client);
        self.mark_dirty(at);
        let ended = self.clock.ticks();
        let ticks = ended.wrapping_sub(self.last_ticks);
        self.last_ticks = ended;
        // What goes on elsewhere is counted when it is finished.
        let elsewhere = matches!(
            flow,
            Flow::Gather(_)
                | Flow::AtKey(..)
                | Flow::AtKeyWith(..)
                | Flow::Configure(_)
                | Flow::Users(_)
                | Flow::ReloadUsers(_)
                | Flow::Exec
                | Flow::Offload(_)
                | Flow::Migrate(_)
                | Flow::Publish(_)
        );
        if !elsewhere {
            let logged = !spec.flags.has(flag::SKIP_SLOWLOG);
            self.account(at, spec, ticks, failed, logged.then_some(args), reply);
        }
        self.follow(at, spec, flow, args)
    }

    /// Sends one command to the shard that has its keys.
    pub(super) fn send_single(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        run: StoreFn,
        locator: Option<Locator>,
        args: Args<'_>,
        shard: ShardId,
    ) -> Step {
        if self.any_is_busy(&[shard]) {
            let error = self.server.scripts.busy_error_of(shard.index());
            return self.refuse(at, Some(spec), &error);
        }
        if !self.has_credit(shard) {
            self.waiting.push(at);
            return Step::Wait(Stall::Credit);
        }
        self.make_known(spec, args);
        let mut frame = self.frame();
        let client = self.clients[at as usize]
            .as_mut()
            .expect("the client is there");
        let scope = client.scope();
        client.session.last_command = spec.name;
        let mute = client.session.reply_mode != ReplyMode::On;
        client.session.reply_mode = client.session.reply_mode.after_one();
        let sequence = client.owe(SlotState::Single, mute);
        frame.ticket = Ticket {
            client: at,
            generation: client.socket.generation(),
            sequence,
        };
        fill_item(&mut frame, spec, run, scope, locator, args);
        frame.items[0].limited = self.limited(at, spec, args);
        if spec.flags.has(flag::BLOCKING) {
            frame.may_wait = true;
            // Nothing else of this client may run before it is known whether it waits.
            self.client(at).stall = Stall::Replies;
        }
        if spec.route == Route::Script {
            frame.may_last = self.may_last(spec, args);
            let is_told = self.may_publish(spec, args) || self.is_monitored();
            if frame.may_last || self.may_reach(spec, args) || is_told {
                // It may have to be sent anew, and nothing else of this client may run before it. Nor may what follows it
                // be refused because it runs for long, or be published or shown before what it publishes or calls.
                self.client(at).stall = Stall::Replies;
            }
        }
        self.push(shard, frame);
        Step::Next
    }

    /// Pushes a frame to a shard; the caller saw a credit.
    pub(super) fn push(&mut self, shard: ShardId, mut frame: FrameBox) {
        frame.owner = shard;
        frame.home = self.id;
        let to = usize::from(shard.0);
        self.outstanding[to] += 1;
        self.to_wake[to] = true;
        self.stats.hops.add(1);
        self.links.inboxes[to].push(frame);
    }

    pub(super) fn has_credit(&self, shard: ShardId) -> bool {
        self.outstanding[usize::from(shard.0)] < Self::CREDITS
    }

    /// Counts one executed command; `args` and the bytes of its reply for the logs.
    #[inline]
    pub(super) fn account(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        ticks: u64,
        failed: bool,
        args: Option<Args<'_>>,
        reply: usize,
    ) {
        let remarkable = self.count_run(spec, ticks, failed);
        if let Some(args) = args
            && (remarkable || self.is_large(args.received_len(), reply))
        {
            let seen = Seen {
                spec,
                ticks,
                request: args.received_len(),
                reply,
                parts: &[(spec, args)],
            };
            self.remark(at, &seen, || shown_arguments(spec, args));
        }
        self.keep_clock();
    }

    /// Counts one executed command; says whether it took so long that it is remarkable.
    #[inline]
    pub(super) fn count_run(
        &mut self,
        spec: &'static CommandSpec,
        ticks: u64,
        failed: bool,
    ) -> bool {
        let counters = self.stats.command(spec.id);
        let nanos = self
            .config
            .latency_tracking
            .then_some(((u128::from(ticks) * u128::from(self.ns_per_tick)) >> 32) as u64);
        counters.record(ticks, nanos);
        if failed {
            counters.failed.add(1);
        }
        self.stats.commands.add(1);
        self.since_clock += 1;
        ticks >= self.gate_ticks
    }

    /// Whether a command changes something that replicas must learn, as far as one can tell before it runs.
    #[cold]
    pub(super) fn may_write(&self, spec: &CommandSpec, args: Args<'_>) -> bool {
        let is_harmless =
            || spec.route == Route::Script && only_reads(spec, args, &self.owner.scripts);
        spec.flags.has(flag::WRITE) || (spec.flags.has(flag::MAY_REPLICATE) && !is_harmless())
    }

    /// Reads the clock again when enough commands ran since.
    #[inline]
    pub(super) fn keep_clock(&mut self) {
        if self.since_clock >= limits::COMMANDS_PER_CLOCK_READ {
            self.refresh_clock();
        }
    }

    /// Writes one reply in its place.
    pub(super) fn reply(&mut self, at: u32, write: impl FnOnce(&mut Reply<'_>)) {
        let Some(client) = self.clients[at as usize].as_mut() else {
            return;
        };
        let mute = client.session.reply_mode != ReplyMode::On;
        client.session.reply_mode = client.session.reply_mode.after_one();
        let proto = client.session.proto;
        if client.slots.is_empty() {
            if !mute {
                write(&mut Reply::new(&mut client.out, proto));
            }
        } else {
            let mut out = self.outputs.pop().unwrap_or_default();
            write(&mut Reply::new(&mut out, proto));
            let client = self.client(at);
            client.owe(SlotState::Ready(out), mute);
        }
        self.mark_dirty(at);
    }

    /// Counts what commands of scripts failed with.
    pub(super) fn count_script_errors(&mut self) {
        for code in self.owner.scripts.take_errors() {
            self.count_error(&code);
        }
    }

    pub(super) fn count_error(&mut self, code: &[u8]) {
        self.stats.errors.add(1);
        count(&mut self.errors, code);
    }
}

/// Which shards a command concerns.
pub(super) enum Destination {
    /// Exactly one.
    One(ShardId),
    /// Several, ascending.
    Several(Vec<ShardId>),
}

impl Destination {
    /// All of them.
    pub(super) fn list(self) -> Vec<ShardId> {
        match self {
            Destination::One(shard) => vec![shard],
            Destination::Several(shards) => shards,
        }
    }
}

/// Puts one command into a frame, reusing its buffers.
pub(super) fn fill_item(
    frame: &mut Frame,
    spec: &'static CommandSpec,
    run: StoreFn,
    scope: Scope,
    locator: Option<Locator>,
    args: Args<'_>,
) {
    match frame.items.first_mut() {
        Some(item) => {
            item.spec = spec;
            item.run = run;
            item.scope = scope;
            item.locator = locator;
            item.limited = None;
            item.told = None;
            item.place = 0;
            item.args.copy_from(args);
            item.out.clear();
        }
        None => frame
            .items
            .push(item(spec, run, scope, locator, OwnedArgs::from(args))),
    }
    frame.mode = Mode::Run;
}

/// A command ready to be sent.
pub(super) fn item(
    spec: &'static CommandSpec,
    run: StoreFn,
    scope: Scope,
    locator: Option<Locator>,
    args: OwnedArgs,
) -> Item {
    Item {
        spec,
        run,
        args,
        scope,
        locator,
        limited: None,
        told: None,
        out: Default::default(),
        place: 0,
        outcome: Outcome::default(),
    }
}

/// The code of an error reply: its first word.
pub(super) fn error_code(reply: &[u8]) -> &[u8] {
    let text = reply.strip_prefix(b"-").unwrap_or(reply);
    let end = text
        .iter()
        .position(|byte| matches!(byte, b' ' | b'\r'))
        .unwrap_or(text.len());
    &text[..end]
}

/// Adds one to the count of an error code; codes beyond a bound share one row.
pub(super) fn count(errors: &mut Vec<(Box<[u8]>, u64)>, code: &[u8]) {
    match errors.iter().position(|(known, _)| **known == *code) {
        Some(at) => errors[at].1 += 1,
        None if errors.len() < limits::ERROR_CODES => errors.push((code.into(), 1)),
        None => {}
    }
}

/// Whether a command may have to do with keys. Whoever follows what the server does must not: in Redis it is a replica of
/// a kind.
fn touches_keys(spec: &CommandSpec) -> bool {
    let flags = [flag::WRITE, flag::READONLY, flag::MAY_REPLICATE];
    flags.into_iter().any(|flag| spec.flags.has(flag))
}
