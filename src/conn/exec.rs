//! MULTI, EXEC, DISCARD, WATCH: the queue is the connection's, the atomicity is the fence's.
//!
//! EXEC looks at where its queue leads. All on one shard: one frame, or in place. Several shards, each command on one
//! or splittable: ONE_SHOT, since no part can fail in a way that concerns another. Watched keys on more than one shard:
//! VOTE. A command whose keys are on several shards and depend on each other: PARK, and one thread runs all.
//!
//! Home commands of the queue run in their place: among commands at keys, or with keys watched, the stores are lent to the
//! client's core, which then runs all in order, or nothing. Those that only reply run while the queue is prepared. What
//! asks other threads comes after the store commands, a step at a time, and not at all if a watched key has changed: they
//! have lent their stores and cannot answer before. A queue of home commands only is run a step at a time, each step when
//! all cores have answered the one before.
//!
//! PUBLISH asks all who listen, and so comes after the store commands, which nobody can tell; unless these have something
//! to tell as well: then it is told among that.

use super::client::{Later, Pending, Queued, SlotState, Stall};
use super::dispatch::{Destination, Step, item};
use super::home::Home;
use super::mail::Mail;
use super::merge::{Place, Plan, Silence, Split, Whole};
use crate::base::slot::{ShardId, key_slot};
use crate::base::time::Millis;
use crate::command::client::sends_after;
use crate::command::ctx::{
    Ctx, Flow, Gather, HomeCtx, Job, Load, News, Now, Queued as Done, Save, Scope,
};
use crate::command::monitor;
use crate::command::pubsub::message;
use crate::command::server::debug::reload_here;
use crate::command::spec::{CommandSpec, Group, Route, Run, flag};
use crate::keyspace::{WatchFlag, cursor_slot};
use crate::resp::{Args, CommandError, Output, OwnedArgs, Proto, Reply};
use crate::ring::crash;
use crate::session::{ReplyMode, Transaction, Watched};
use crate::shard::{Ballot, Fence, Item, Mode, Ticket, Vote, WatchedKey};
use std::collections::VecDeque;
use std::sync::Arc;

/// One command of the queue, as far as it was prepared at home.
enum Prepared {
    /// Has its reply.
    Here(Output),
    /// To be run here, in its place.
    Later(Item),
    /// To be run here when those before it are done.
    Step(&'static CommandSpec, OwnedArgs),
    Gathered(Gather, Whole),
    Offloaded(Proto, Job, Whole),
    One(ShardId, Item),
    Split(
        crate::command::spec::Merge,
        super::fence::Pieces,
        &'static CommandSpec,
        Scope,
        /// Undivided, in case the whole transaction runs on one thread.
        OwnedArgs,
    ),
    Park(Vec<ShardId>, Item),
}

impl Home {
    /// Queues a command of an open transaction.
    pub(super) fn enqueue(&mut self, at: u32, spec: &'static CommandSpec, args: Args<'_>) -> Step {
        if spec.flags.has(flag::NO_MULTI) || spec.flags.has(flag::NOT_QUEUED) {
            return self.refuse(at, Some(spec), &CommandError::NOT_IN_MULTI);
        }
        // A queue takes memory whatever is in it.
        if self.owner.limit != 0
            && let Err(error) = self.owner.admit(flag::DENYOOM)
        {
            return self.refuse(at, Some(spec), &error);
        }
        let client = self.client(at);
        client.session.last_command = spec.name;
        let transaction = client
            .session
            .transaction
            .as_mut()
            .expect("the caller saw it open");
        transaction.queued += 1;
        transaction.bytes += args.total_len();
        client.queue.push(Queued {
            spec,
            args: OwnedArgs::from(args),
        });
        let bytes = client
            .session
            .transaction
            .as_ref()
            .map_or(0, |open| open.bytes);
        if bytes as u64 > self.config.client_query_buffer_limit && !self.loading {
            tracing::warn!("Closing client that reached max query buffer length in a transaction");
            self.stats.query_limit_closes.add(1);
            self.close(at);
            return Step::Next;
        }
        self.reply(at, |reply| reply.queued());
        Step::Next
    }

    pub(super) fn multi(&mut self, at: u32) -> Step {
        self.client(at).session.transaction = Some(Transaction::default());
        self.reply(at, |reply| reply.ok());
        Step::Next
    }

    pub(super) fn discard(&mut self, at: u32) -> Step {
        self.end_transaction(at);
        self.reply(at, |reply| reply.ok());
        Step::Next
    }

    /// Forgets the queue and the watched keys.
    pub(super) fn end_transaction(&mut self, at: u32) {
        let client = self.client(at);
        client.session.transaction = None;
        client.queue.clear();
        self.unwatch(at);
    }

    pub(super) fn unwatch(&mut self, at: u32) {
        let watched = std::mem::take(&mut self.client(at).session.watched);
        if !watched.is_empty() {
            self.stats.watching_clients.sub(1);
        }
    }

    /// Registers the keys at their owners. The reply does not wait: whoever sees it pushes behind the registration.
    pub(super) fn watch(&mut self, at: u32, args: Args<'_>) -> Step {
        let mut by_shard: Vec<(ShardId, Vec<WatchedKey>)> = Vec::new();
        let client = self.clients[at as usize]
            .as_mut()
            .expect("the client is there");
        let db = client.session.db;
        let known = client.session.watched.len();
        for key in args.iter().skip(1) {
            if client
                .session
                .watched
                .iter()
                .any(|w| w.db == db && w.key == key)
            {
                continue;
            }
            let flag = Arc::new(WatchFlag::new());
            client.session.watched.push(Watched {
                db,
                key: key.to_vec(),
                flag: Arc::clone(&flag),
            });
            let shard = self.slots.shard_of(key_slot(key));
            match by_shard.iter_mut().find(|(known, _)| *known == shard) {
                Some((_, keys)) => keys.push((key.to_vec(), flag)),
                None => by_shard.push((shard, vec![(key.to_vec(), flag)])),
            }
        }
        if !by_shard.iter().all(|(shard, _)| self.has_credit(*shard)) {
            self.client(at).session.watched.truncate(known);
            self.waiting.push(at);
            return Step::Wait(Stall::Credit);
        }
        if known == 0 {
            self.stats.watching_clients.add(1);
        }
        for (shard, keys) in by_shard {
            // While it is busy the store is out of reach; what comes later of this client comes behind the frame.
            if shard == self.id && !self.busy && self.settle_inbox() {
                let now = self.owner.now;
                for (key, flag) in keys {
                    self.owner.store.watch(db, &key, &flag, now);
                }
            } else {
                let mut frame = self.frame();
                frame.items.clear();
                frame.mode = Mode::Watch(db, keys);
                // Nobody waits for it: a ticket that matches no client.
                frame.ticket = Ticket {
                    client: u32::MAX,
                    generation: 0,
                    sequence: 0,
                };
                self.push(shard, frame);
            }
        }
        self.reply(at, |reply| reply.ok());
        Step::Next
    }

    /// Whether something in a client's transaction waits for the end of a pause.
    #[cold]
    fn queue_writes(&self, at: u32) -> bool {
        let client = self.clients[at as usize].as_ref();
        client.is_some_and(|client| {
            let mut queue = client.queue.iter();
            queue.any(|queued| self.may_write(queued.spec, queued.args.as_args()))
        })
    }

    pub(super) fn exec(&mut self, at: u32, spec: &'static CommandSpec, args: Args<'_>) -> Step {
        if self.queue_needs_busy(at) {
            return self.refuse(at, Some(spec), &self.server.scripts.busy_error());
        }
        let all = self.all_shards();
        if !self.have_credits(&all) {
            self.waiting.push(at);
            return Step::Wait(Stall::Credit);
        }
        if self.pause.is_some() && !self.loading && self.queue_writes(at) {
            self.waiting.push(at);
            return Step::Wait(Stall::Paused);
        }
        let grows = self
            .client(at)
            .queue
            .iter()
            .any(|q| q.spec.flags.has(flag::DENYOOM));
        if grows
            && self.owner.limit != 0
            && let Err(error) = self.owner.admit(flag::DENYOOM)
        {
            return self.refuse(at, Some(spec), &error);
        }
        let queue = self.client(at).queue.iter().map(|queued| queued.spec);
        let has_home = queue
            .clone()
            .any(|spec| is_home(spec) && !only_replies(spec));
        let publishes = queue.clone().any(is_publish);
        let is_told = publishes && self.tells_of_changes();
        if (has_home || is_told) && !self.client(at).slots.is_empty() {
            // What it replies or tells must not come before what is under way.
            return Step::Wait(Stall::Replies);
        }
        if is_told {
            self.append_effects();
            self.publish_chains();
        }
        let client = self.client(at);
        let transaction = client.session.transaction.take().unwrap_or_default();
        let queue = std::mem::take(&mut client.queue);
        if transaction.aborted {
            self.end_transaction(at);
            self.account(at, spec, 0, true, None, 0);
            self.count_error(b"EXECABORT");
            self.reply(at, |reply| reply.error(&CommandError::EXEC_ABORT));
            return Step::Next;
        }
        let watched = std::mem::take(&mut client.session.watched);
        if !watched.is_empty() {
            self.stats.watching_clients.sub(1);
        }
        if watched.iter().any(|key| key.flag.is_dirty()) {
            self.account(at, spec, 0, false, None, 0);
            self.reply(at, |reply| reply.null_array());
            return Step::Next;
        }
        let is_monitored = self.is_monitored();
        let mut shown = Vec::new();
        let scope = self.scope(at);
        let mode = self.client(at).session.reply_mode;
        let silence = silence(mode, &queue);
        let mut prepared = Vec::with_capacity(queue.len());
        let has_keys = |spec: &CommandSpec| !is_home(spec) || !spec.key_specs.is_empty();
        let is_alone = watched.is_empty()
            && !(queue.iter()).any(|q| has_keys(q.spec) || changes_libraries(q.spec));
        let is_in_place = |spec: &CommandSpec| {
            let is_heard = is_publish(spec) && (has_home || is_told);
            is_home(spec) && !is_alone && (is_heard || !only_replies(spec))
        };
        if has_home {
            self.client(at).session.executing = Some(transaction);
        }
        for Queued { spec, args } in queue {
            let refusal = self.refuse_queued(at, spec, args.as_args());
            if is_monitored {
                let is_shown = refusal.is_none() && monitor::is_shown(spec);
                let line = is_shown.then(|| self.monitor_line(at, spec, args.as_args()));
                shown.push(line.unwrap_or_default());
            }
            prepared.push(match refusal {
                Some(error) => {
                    self.count_error(error.code().as_bytes());
                    let mut out = Output::default();
                    Reply::new(&mut out, self.client(at).session.proto).error(&error);
                    Prepared::Here(out)
                }
                None if is_alone => Prepared::Step(spec, args),
                None if is_in_place(spec) => {
                    Prepared::Later(item(spec, stays_here, scope, None, args))
                }
                None => self.prepare(at, spec, args),
            });
        }
        let mut shards: Vec<ShardId> = watched
            .iter()
            .map(|watched| self.slots.shard_of(key_slot(&watched.key)))
            .collect();
        let (mut parks, mut leads) = (false, false);
        for command in &prepared {
            match command {
                Prepared::One(shard, _) => shards.push(*shard),
                Prepared::Split(_, pieces, ..) => {
                    shards.extend(pieces.parts.iter().map(|(shard, _)| *shard));
                }
                Prepared::Park(over, _) => {
                    parks = true;
                    shards.extend(over);
                }
                Prepared::Later(item) => {
                    parks = true;
                    leads = true;
                    shards.push(self.id);
                    match self.shards_of_keys(item.spec, item.args.as_args()) {
                        _ if item.spec.key_specs.is_empty() => {}
                        Destination::One(shard) => shards.push(shard),
                        Destination::Several(several) => shards.extend(several),
                    }
                    if item.spec.name == "debug" || changes_libraries(item.spec) {
                        // Its key may be anywhere. Libraries are changed in one order by whoever has lent all stores.
                        shards.extend(self.all_shards());
                    }
                }
                Prepared::Here(_)
                | Prepared::Step(..)
                | Prepared::Gathered(..)
                | Prepared::Offloaded(..) => {}
            }
        }
        shards.sort_unstable();
        shards.dedup();
        parks &= leads || shards.len() > 1;
        if !parks {
            // Its shards run their parts at the same time.
            let items = prepared.iter().filter_map(|command| match command {
                Prepared::One(_, item) | Prepared::Park(_, item) => Some(item),
                _ => None,
            });
            items.for_each(|item| self.make_known(item.spec, item.args.as_args()));
        }
        if is_monitored {
            shown.push(self.monitor_line(at, spec, args));
            self.shows_later = true;
        }
        // What is not sent of the reply is known by now, and what comes of it is for the commands behind it.
        let session = &mut self.client(at).session;
        let after = match session.reply_mode == mode {
            true => mode.after_one(),
            false => session.reply_mode,
        };
        session.reply_mode = ReplyMode::On;
        let plan = |places| Plan::Exec(places, scope, silence);
        let step = self.post_exec(at, spec, plan, prepared, &shards, parks, watched, shown);
        let session = &mut self.client(at).session;
        if session.reply_mode == ReplyMode::On {
            session.reply_mode = after;
        }
        step
    }

    /// Runs the home commands of the queue and finds the shards of the others.
    fn prepare(&mut self, at: u32, spec: &'static CommandSpec, args: OwnedArgs) -> Prepared {
        let run = match spec.run {
            Run::Store(run) => run,
            _ => {
                let started = self.clock.ticks();
                let prepared = self.prepare_home(at, spec, &args);
                if let Prepared::Here(out) = &prepared {
                    let failed = out.bytes.starts_with(b"-");
                    let ticks = self.clock.ticks().wrapping_sub(started);
                    if failed {
                        self.count_error(super::dispatch::error_code(&out.bytes));
                    }
                    self.account(at, spec, ticks, failed, Some(args.as_args()), out.len());
                }
                return prepared;
            }
        };
        let scope = self.scope(at);
        let destination = match spec.route {
            // Its own transaction may decide which shard has keys.
            Route::AnyShard => Destination::Several(self.all_shards()),
            // Where keys will be when it is its turn is not known.
            Route::Cursor => {
                let slot = cursor_slot(args.as_args().get(1).unwrap_or(b"0"));
                let mut shards = self
                    .all_shards()
                    .split_off(self.slots.shard_of(slot).index());
                match shards.len() {
                    1 => Destination::One(shards.remove(0)),
                    _ => Destination::Several(shards),
                }
            }
            // It has one chance: not to be sent again.
            Route::Script if self.may_reach(spec, args.as_args()) => {
                Destination::Several(self.all_shards())
            }
            _ => self.destination(at, spec, args.as_args()),
        };
        let limited = self.limited(at, spec, args.as_args());
        let item = |spec, run, scope, args| Item {
            limited,
            ..item(spec, run, scope, None, args)
        };
        match destination {
            Destination::One(shard) => Prepared::One(shard, item(spec, run, scope, args)),
            Destination::Several(shards) => match Self::merge_of(spec) {
                Some(merge) => {
                    let pieces = match spec.route {
                        Route::All(_) => super::fence::Pieces {
                            parts: shards.iter().map(|&s| (s, args.clone())).collect(),
                            order: Vec::new(),
                        },
                        _ => self.split(spec, args.as_args()),
                    };
                    Prepared::Split(merge, pieces, spec, scope, args)
                }
                None => Prepared::Park(shards, item(spec, run, scope, args)),
            },
        }
    }

    /// Runs a home command of the queue, as far as home can.
    fn prepare_home(&mut self, at: u32, spec: &'static CommandSpec, args: &OwnedArgs) -> Prepared {
        let mut out = Output::default();
        let Run::Home(run) = spec.run else {
            unreachable!("only what can run is queued")
        };
        let mut client = self.clients[at as usize]
            .take()
            .expect("the client is there");
        let (config, server) = (Arc::clone(&self.config), Arc::clone(&self.server));
        let now = Now {
            // Not that of the owner, in whose place another one stands while its store is lent.
            ms: Millis(self.now_us / 1000),
            us: self.now_us,
        };
        let proto = client.session.proto;
        let mut cx = HomeCtx {
            session: &mut client.session,
            reply: Reply::new(&mut out, proto),
            config: &config,
            server: &server,
            core: self,
            now,
        };
        let mut failure = None;
        let whole = || Whole {
            spec,
            args: args.clone(),
        };
        let flow = run(&mut cx, args.as_args()).unwrap_or_else(|error| {
            failure = Some(error);
            Flow::Done
        });
        let closing = matches!(flow, Flow::Close);
        client.closing |= closing;
        self.clients[at as usize] = Some(client);
        match flow {
            Flow::Gather(gather) => return Prepared::Gathered(gather, whole()),
            Flow::Load(load @ (Load::Saved | Load::SavedInto)) => {
                let gather = reload_here(&config, load == Load::Saved);
                return Prepared::Gathered(gather, whole());
            }
            Flow::Offload(job) => return Prepared::Offloaded(proto, job, whole()),
            Flow::Tracking(tracking) => {
                let gather = self.set_tracking(at, tracking);
                return Prepared::Gathered(gather, whole());
            }
            Flow::ReloadUsers(change) => {
                let job = self.reload_job(at, change);
                return Prepared::Offloaded(proto, job, whole());
            }
            Flow::Publish(message) => {
                self.publish_to_replicas(at, args.as_args());
                let gather = super::pubsub::publication(message);
                return Prepared::Gathered(gather, whole());
            }
            Flow::Subscribe(topic) => {
                out = self.subscribe(at, topic, args.as_args().iter().skip(1))
            }
            Flow::Unsubscribe(topic) => {
                let names = args.as_args().iter().skip(1).map(<[u8]>::to_vec);
                out = self.unsubscribe(at, topic, names.collect());
            }
            Flow::AtKey(position, run) => {
                let key = args.as_args().get(position).unwrap_or_default();
                let shard = self.slots.shard_of(key_slot(key));
                let scope = self.scope(at);
                return Prepared::One(shard, item(spec, run, scope, None, args.clone()));
            }
            Flow::AtKeyWith(position, run, others) => {
                let key = others.as_args().get(position).unwrap_or_default();
                let shard = self.slots.shard_of(key_slot(key));
                let scope = self.scope(at);
                return Prepared::One(shard, item(spec, run, scope, None, *others));
            }
            Flow::Configure(pairs) => match self.configure(at, &pairs) {
                Ok((gather, _)) => {
                    // Here at once: the rest of the queue is prepared under the new settings.
                    (gather.each)(self);
                    return Prepared::Gathered(gather, whole());
                }
                Err(error) => failure = Some(error),
            },
            Flow::Users(change) => match self.change_users(at, change, true) {
                Ok(gather) => {
                    (gather.each)(self);
                    return Prepared::Gathered(gather, whole());
                }
                Err(error) => failure = Some(error),
            },
            Flow::Unwatch => Reply::new(&mut out, proto).ok(),
            Flow::Save(save) => match self.process.save(later(save), Box::new(|_| {})) {
                Ok(saving) => {
                    if let Some(cut) = &saving.cut {
                        self.post_everywhere(cut);
                    }
                    Reply::new(&mut out, proto).simple(saving.reply);
                }
                Err(error) => failure = Some(error),
            },
            Flow::Done | Flow::Close | Flow::Reset => {}
            Flow::Crash => crash::segfault(),
            Flow::AwaitDisk(wait) if wait.only_replicas => Reply::new(&mut out, proto).integer(0),
            Flow::AwaitDisk(_) => {
                // It may not wait: what has been reached now is the answer.
                let written = self.client(at).written;
                let there = self.shares && self.loadable() >= Some(written);
                let mut reply = Reply::new(&mut out, proto);
                reply.array(2);
                reply.integer(i64::from(there));
                reply.integer(0);
            }
            // It would turn the rest of the reply into something else.
            Flow::Monitor => failure = Some(CommandError::MONITOR_DENY_BLOCKING),
            Flow::Block(_)
            | Flow::Elsewhere
            | Flow::Hangup
            | Flow::Multi
            | Flow::Exec
            | Flow::Discard
            | Flow::Watch
            | Flow::Load(_)
            | Flow::Migrate(_)
            | Flow::Shutdown(_) => failure = Some(CommandError::NOT_IN_MULTI),
        }
        if let Some(error) = failure {
            Reply::new(&mut out, proto).error(&error);
        }
        Prepared::Here(out)
    }

    /// Runs a home command of an EXEC in its place, while the stores are lent to this core; see
    /// [`crate::command::ctx::Besides::run_queued`].
    pub(super) fn run_in_place(
        &mut self,
        n: usize,
        spec: &'static CommandSpec,
        args: &OwnedArgs,
        scope: Scope,
        news: &mut Vec<News>,
        out: &mut Output,
    ) -> Done {
        let mut done = Done {
            failed: false,
            at_key: None,
            scope,
            config: None,
        };
        let at = scope.client.at;
        let Some(client) = self.clients.get(at as usize).and_then(Option::as_ref) else {
            return done;
        };
        if client.session.id != scope.client.client {
            return done;
        }
        if is_publish(spec) {
            // Behind what the commands before it had to tell, and before what others will.
            let message = message(args.as_args(), spec.name == "spublish");
            self.publish_to_replicas(at, args.as_args());
            let heard = self
                .server
                .audience
                .count(&message.channel, message.sharded);
            news.push(News::Message(message));
            Reply::new(out, scope.proto).count(heard);
            return done;
        }
        let before = Arc::clone(&self.config);
        match self.prepare_home(at, spec, args) {
            Prepared::Here(mut reply) => {
                done.failed = reply.bytes.starts_with(b"-");
                out.append(&mut reply);
            }
            Prepared::One(_, item) => done.at_key = Some((item.run, item.args)),
            Prepared::Gathered(gather, _)
                if is_sleep(spec, args.as_args()) || changes_libraries(spec) =>
            {
                // Whoever has lent a store waits as well, and no others can tell.
                let result = (gather.each)(self);
                let start = out.bytes.len();
                (gather.merge)(vec![result], &mut Reply::new(out, scope.proto));
                done.failed = out.bytes[start..].starts_with(b"-");
            }
            Prepared::Gathered(gather, whole) => self.follow_up(at, n, |first, count| {
                let later = Later::Gather(first, Arc::clone(&gather.each));
                let place = Place::Gathered(first, count as u16, gather, whole);
                (count, place, later)
            }),
            Prepared::Offloaded(proto, job, whole) => self.follow_up(at, n, |part, _| {
                let later = Later::Offload(part, proto, job);
                (1, Place::Offloaded(part, whole), later)
            }),
            Prepared::Later(_) | Prepared::Step(..) | Prepared::Split(..) | Prepared::Park(..) => {}
        }
        if let Some(client) = self.clients.get(at as usize).and_then(Option::as_ref) {
            done.scope = client.scope();
        }
        if !Arc::ptr_eq(&before, &self.config) {
            done.config = Some(Arc::clone(&self.config));
        }
        done
    }

    /// Lets the `n`th command of the EXEC that a client is owed go on when the stores are given back.
    fn follow_up(
        &mut self,
        at: u32,
        n: usize,
        step: impl FnOnce(u32, usize) -> (usize, Place, Later),
    ) {
        let shards = self.slots.shards();
        let slot = self.client(at).slots.back_mut();
        let Some(SlotState::Parts(pending)) = slot.map(|slot| &mut slot.state) else {
            return;
        };
        let (frames, place, later) = step(pending.parts.len() as u32, shards);
        let Plan::Exec(places, ..) = &mut pending.plan else {
            return;
        };
        let is_it =
            |place: &&mut Place| matches!(place, Place::Parked(index) if *index as usize == n);
        if let Some(there) = places.iter_mut().find(is_it) {
            *there = place;
            let all = pending.parts.len() + frames;
            pending.parts.resize_with(all, || None);
            pending.then.push_back(later);
        }
    }

    #[allow(clippy::too_many_arguments, reason = "what exec worked out")]
    fn post_exec(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        plan: impl FnOnce(Vec<Place>) -> Plan,
        prepared: Vec<Prepared>,
        shards: &[ShardId],
        parks: bool,
        watched: Vec<Watched>,
        shown: Vec<Vec<u8>>,
    ) -> Step {
        let mut places = Vec::with_capacity(prepared.len());
        let mut items: Vec<Vec<Item>> = shards.iter().map(|_| Vec::new()).collect();
        let mut work = Vec::new();
        let mut frames = shards.len();
        let mut then = VecDeque::new();
        let part_of = |shard: ShardId| shards.iter().position(|&s| s == shard).unwrap_or(0);
        for (place, command) in (0..).zip(prepared) {
            places.push(match command {
                Prepared::Here(output) => Place::Here(output),
                Prepared::Gathered(gather, whole) => {
                    let (first, count) = (frames as u32, self.slots.shards());
                    frames += count;
                    then.push_back(Later::Gather(first, Arc::clone(&gather.each)));
                    Place::Gathered(first, count as u16, gather, whole)
                }
                Prepared::Offloaded(proto, job, whole) => {
                    let part = frames as u32;
                    frames += 1;
                    then.push_back(Later::Offload(part, proto, job));
                    Place::Offloaded(part, whole)
                }
                Prepared::Step(spec, args) => {
                    then.push_back(Later::Step(places.len(), spec, args));
                    Place::Here(Output::default())
                }
                Prepared::Later(item) => {
                    work.push(item);
                    Place::Parked(work.len() as u32 - 1)
                }
                Prepared::One(_, item) | Prepared::Park(_, item) if parks => {
                    work.push(item);
                    Place::Parked(work.len() as u32 - 1)
                }
                Prepared::Split(_, _, spec, scope, args) if parks => {
                    let Run::Store(run) = spec.run else {
                        unreachable!("split commands are store commands")
                    };
                    work.push(item(spec, run, scope, None, args));
                    Place::Parked(work.len() as u32 - 1)
                }
                Prepared::One(shard, item) => {
                    let part = part_of(shard);
                    items[part].push(Item { place, ..item });
                    Place::Item(part as u32, items[part].len() as u32 - 1)
                }
                Prepared::Park(over, item) => {
                    let part = part_of(over[0]);
                    items[part].push(Item { place, ..item });
                    Place::Item(part as u32, items[part].len() as u32 - 1)
                }
                Prepared::Split(merge, pieces, spec, scope, args) => {
                    let Run::Store(run) = spec.run else {
                        unreachable!("split commands are store commands")
                    };
                    let order = pieces.order;
                    let pieces = pieces
                        .parts
                        .into_iter()
                        .map(|(shard, args)| {
                            let part = part_of(shard);
                            items[part].push(Item {
                                place,
                                ..item(spec, run, scope, None, args)
                            });
                            (part as u16, items[part].len() as u32 - 1)
                        })
                        .collect();
                    let split = Split {
                        merge,
                        pieces,
                        order,
                    };
                    Place::Split(split, Whole { spec, args })
                }
            });
        }
        let stalls =
            |item: &Item| item.spec.route == Route::Script || matches!(item.spec.run, Run::Home(_));
        let has_scripts = work.iter().chain(items.iter().flatten()).any(stalls);
        let stays = !then.is_empty() || has_scripts || !shown.is_empty();
        let pending = Pending {
            first: 0,
            spec,
            missing: shards.len(),
            parts: (0..frames).map(|_| None).collect(),
            plan: plan(places),
            args: Vec::new(),
            request: 0,
            then,
            is_told: false,
            counted: 0,
            shown,
        };
        let ticket = self.owe_parts(at, pending);
        if stays {
            // What follows in the pipeline comes after all of it, and is not refused because of it.
            self.client(at).stall = Stall::Replies;
        }
        if shards.is_empty() {
            self.go_on(ticket);
            return Step::Next;
        }
        if parks {
            self.post_park(ticket, shards, work, Arc::from(watched), None);
        } else {
            let vote = (!watched.is_empty()).then(|| Arc::new(Vote::new(shards.len())));
            let mut fence = Fence::default();
            for (part, (&shard, items)) in (0..).zip(shards.iter().zip(items)) {
                let mut frame = self.frame();
                frame.may_last = items.iter().any(|item| item.spec.route == Route::Script);
                frame.items = items;
                frame.mode = match &vote {
                    Some(vote) => {
                        let mine =
                            |key: &&Watched| self.slots.shard_of(key_slot(&key.key)) == shard;
                        let keys = watched.iter().filter(mine).cloned().collect();
                        Mode::Vote(Arc::clone(vote), Ballot::Clean(keys))
                    }
                    None => Mode::Run,
                };
                self.address(&mut frame, shard, ticket, part);
                fence.add(shard, frame);
            }
            self.post_fence(fence);
        }
        Step::Next
    }

    /// The next step of an operation whose store commands are done: one at a time, so that however many there are they
    /// take the credits of one.
    pub(super) fn post_next(&mut self, ticket: Ticket) {
        while let Some((place, spec, args)) = self.next_step(ticket) {
            self.count_steps(ticket, place);
            if !self.take_step(ticket, place, spec, args) {
                return;
            }
        }
        let shards = self.all_shards();
        if self.pending(ticket).is_none() {
            return;
        }
        if !self.have_credits(&shards) {
            self.held.push(ticket);
            return;
        }
        let listening = self.listening_shards();
        let Some(slot) = self.client(ticket.client).slot(ticket.sequence) else {
            return;
        };
        let SlotState::Parts(pending) = &mut slot.state else {
            return;
        };
        match pending.then.pop_front() {
            Some(step @ Later::Step(..)) => {
                // For want of credits.
                pending.then.push_front(step);
                self.held.push(ticket);
            }
            Some(Later::Gather(first, each)) => {
                pending.missing = shards.len();
                self.post_gather(ticket, &shards, first, &each);
            }
            Some(Later::Tell(first, messages)) => {
                if listening.is_empty() {
                    return self.go_on(ticket);
                }
                pending.missing = listening.len();
                let each = super::pubsub::delivery(messages);
                self.post_gather(ticket, &listening, first, &each);
            }
            Some(Later::Offload(part, proto, job)) => {
                pending.missing = 1;
                self.offload_part(ticket, part, proto, job);
            }
            None => self.go_on(ticket),
        }
    }

    fn offload_part(&self, ticket: Ticket, part: u32, proto: Proto, job: Job) {
        let post = self.post();
        self.process.run(Box::new(move || {
            let mut output = Output::default();
            job(&mut Reply::new(&mut output, proto));
            post.send(Mail::Part(ticket, part, output));
        }));
    }

    /// What an EXEC is about, while its client is there.
    fn pending(&mut self, ticket: Ticket) -> Option<&mut Pending> {
        let client = self.find(ticket.client, ticket.generation)?;
        match &mut client.slot(ticket.sequence)?.state {
            SlotState::Parts(pending) => Some(pending),
            _ => None,
        }
    }

    /// The command that is to be run now, if that is what comes next and there are credits for all that it may ask.
    fn next_step(&mut self, ticket: Ticket) -> Option<(usize, &'static CommandSpec, OwnedArgs)> {
        let shards = self.all_shards();
        if !self.have_credits(&shards) {
            return None;
        }
        let pending = self.pending(ticket)?;
        match pending.then.pop_front()? {
            Later::Step(place, spec, args) => Some((place, spec, args)),
            other => {
                pending.then.push_front(other);
                None
            }
        }
    }

    /// Counts and logs the commands before this place: what comes next may be about that.
    fn count_steps(&mut self, ticket: Ticket, place: usize) {
        let Some(pending) = self.pending(ticket) else {
            return;
        };
        let Plan::Exec(places, ..) = &pending.plan else {
            return;
        };
        let done = &places[pending.counted..place];
        let ran: Vec<_> = done
            .iter()
            .filter_map(|place| place.ran(&pending.parts))
            .map(|ran| {
                let error = ran.error.filter(|_| !ran.is_counted).map(<[u8]>::to_vec);
                let args = OwnedArgs::from(ran.args);
                (
                    ran.spec,
                    ran.ticks,
                    ran.error.is_some(),
                    error,
                    args,
                    ran.reply,
                )
            })
            .collect();
        pending.counted = place;
        for (spec, ticks, failed, error, args, reply) in ran {
            if let Some(code) = error {
                self.count_error(&code);
            }
            let args = Some(args.as_args());
            self.account(ticket.client, spec, ticks, failed, args, reply);
        }
    }

    /// Runs a command of an EXEC that has no keys. False if others have to be asked first.
    fn take_step(
        &mut self,
        ticket: Ticket,
        place: usize,
        spec: &'static CommandSpec,
        args: OwnedArgs,
    ) -> bool {
        let prepared = self.prepare(ticket.client, spec, args);
        let shards = self.all_shards();
        let Some(pending) = self.pending(ticket) else {
            return false;
        };
        let Plan::Exec(places, ..) = &mut pending.plan else {
            return false;
        };
        let first = pending.parts.len();
        let part = first as u32;
        let mut expect = |frames: usize| {
            pending.missing = frames;
            pending.parts.resize_with(first + frames, || None);
        };
        match prepared {
            Prepared::Here(output) => {
                places[place] = Place::Here(output);
                return true;
            }
            Prepared::Gathered(gather, whole) => {
                expect(shards.len());
                let each = Arc::clone(&gather.each);
                places[place] = Place::Gathered(part, shards.len() as u16, gather, whole);
                self.post_gather(ticket, &shards, part, &each);
            }
            Prepared::Offloaded(proto, job, whole) => {
                expect(1);
                places[place] = Place::Offloaded(part, whole);
                self.offload_part(ticket, part, proto, job);
            }
            Prepared::One(shard, item) => {
                expect(1);
                places[place] = Place::Item(part, 0);
                let mut frame = self.frame();
                frame.items = vec![item];
                frame.mode = Mode::Run;
                self.address(&mut frame, shard, ticket, part);
                let mut fence = Fence::default();
                fence.add(shard, frame);
                self.post_fence(fence);
            }
            Prepared::Later(_) | Prepared::Step(..) | Prepared::Split(..) | Prepared::Park(..) => {
                return true;
            }
        }
        false
    }

    /// Takes the control thread's reply to a command of an EXEC.
    pub(super) fn fill_part(&mut self, ticket: Ticket, part: u32, output: Output) {
        let mut frame = self.frame();
        frame.items.clear();
        frame.ticket = ticket;
        frame.part = part;
        frame.result = Some(Box::new(output));
        self.put_back(frame);
    }
}

/// What of a transaction's reply is not sent.
fn silence(mode: ReplyMode, queue: &[Queued]) -> Silence {
    let mut sends = mode == ReplyMode::On;
    let header = !sends;
    let elements = queue.iter().map(|queued| {
        sends = sends_after(queued.spec, queued.args.as_args(), sends);
        !sends
    });
    let elements: Vec<bool> = elements.collect();
    match header || elements.contains(&true) {
        true => Silence { header, elements },
        false => Silence::default(),
    }
}

fn is_home(spec: &CommandSpec) -> bool {
    matches!(spec.run, Run::Home(_))
}

fn is_publish(spec: &CommandSpec) -> bool {
    matches!(spec.name, "publish" | "spublish")
}

/// Whether a home command does nothing but reply, so that it makes no difference when it is run or if it is for nothing.
fn only_replies(spec: &CommandSpec) -> bool {
    matches!(spec.name, "ping" | "echo" | "time" | "publish" | "spublish")
}

/// FUNCTION LOAD and its like.
fn changes_libraries(spec: &CommandSpec) -> bool {
    let is_home = matches!(spec.run, Run::Home(_));
    is_home && spec.group == Group::Scripting && spec.flags.has(flag::WRITE)
}

fn is_sleep(spec: &CommandSpec, args: Args<'_>) -> bool {
    spec.name == "debug" && args.is(1, "SLEEP")
}

/// What a transaction asks of saves begins when it is over.
fn later(save: Save) -> Save {
    match save {
        Save::InBackground | Save::Scheduled => Save::Queued,
        Save::Rewrite => Save::QueuedRewrite,
        other => other,
    }
}

/// In place of what a home command would run at a key.
fn stays_here(_: &mut Ctx<'_>, _: Args<'_>) -> Result<Flow, CommandError> {
    Ok(Flow::Done)
}
