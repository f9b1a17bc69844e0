//! The owner role of a core: a store, and the execution of commands over it.
//!
//! Everything that changes a store comes through here, either in place for a client of the same core or from the
//! inbox, one at a time and to completion. Nothing here waits, except at a VOTE or PARK fence at the head of the
//! inbox (`lend.rs`, `vote.rs`).

use super::Patience;
use super::frame::{Ballot, Frame, FrameBox, Item, Mode, Outcome, Ticket};
use super::inbox::Node;
use super::pressure::Pressure;
use super::track::{Notice, TrackTable};
use super::wait::{WaitRoom, Waiter};
use crate::base::rng::Rng;
use crate::base::slot::{DbIndex, ShardId, SlotMap, key_slot};
use crate::base::time::Millis;
use crate::command::acl::Limited;
use crate::command::aside::Aside;
use crate::command::ctx::{
    Besides, Block, BlockingKeys, Ctx, Flow, News, Reader, Scope, Undivided, Waiting,
};
use crate::command::effects::Effects;
use crate::command::lookup::Lookup;
use crate::command::spec::{CommandSpec, Route, Run, StoreFn, flag};
use crate::config::{Config, KeyspaceEvents};
use crate::keyspace::{
    AccessClock, Db, EvictPolicy, EvictSettings, Expiry, Interest, Locator, Store, StoreEvents,
    StoreSet,
};
use crate::resp::{Args, CommandError, Output, Reply};
use crate::ring::Clock;
use crate::script::{Scripts, Shared, Tally};
use crate::session::{Audience, Watched};
use crate::stats::CoreStats;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;

/// A shard's store with what its commands need.
pub struct Owner {
    /// Which shard this is.
    pub shard: ShardId,
    /// The keys.
    pub store: Store,
    /// Current settings.
    pub config: Arc<Config>,
    /// Wall time of this turn.
    pub now: Millis,
    /// The clock that measures commands.
    pub clock: Clock,
    /// `maxmemory`, 0 for none.
    pub limit: u64,
    /// Used memory outside this store as of the start of the turn: other shards, clients.
    pub(super) elsewhere: u64,
    /// Eviction settings in force.
    pub eviction: EvictSettings,
    /// Whether keys are removed when their time comes, not just when they are looked at.
    pub active_expire: bool,
    /// How this thread waits for the others at a fence.
    pub patience: Patience,
    pub(super) pressure: Pressure,
    pub(super) rng: Rng,
    slots: Arc<SlotMap>,
    /// What subscribers were not told yet.
    pub news: Vec<News>,
    /// What has to be written down and told to replicas; complete as [`Owner::effects`] gives it.
    pub effects: Effects,
    /// What the script that runs does besides.
    pub aside: Aside,
    /// Replies of commands that waited, on their way home.
    pub woken: Vec<FrameBox>,
    room: WaitRoom,
    /// Keys that were held, and whose waiters are to be served.
    released: Vec<(DbIndex, Box<[u8]>)>,
    tracks: TrackTable,
    /// What clients that cache were not told yet.
    pub notices: Vec<Notice>,
    /// A database was emptied, which they were not told yet either.
    pub flushed: bool,
    /// Scripts, as this shard knows them.
    pub scripts: Scripts,
    names: Lookup,
    /// Whom the script that runs here runs for, if that user has limits.
    limited: Option<Arc<Limited>>,
    seed: u64,
}

impl Owner {
    /// A shard over an empty store.
    pub fn new(
        shard: ShardId,
        store: Store,
        config: Arc<Config>,
        slots: Arc<SlotMap>,
        clock: Clock,
        seed: u64,
    ) -> Self {
        Owner {
            shard,
            store,
            config,
            now: Millis(0),
            clock,
            limit: 0,
            elsewhere: 0,
            eviction: EvictSettings {
                policy: EvictPolicy::NoEviction,
                samples: 5,
            },
            active_expire: true,
            patience: Patience::Sleep,
            pressure: Pressure::default(),
            rng: Rng::new(seed),
            slots,
            news: Vec::new(),
            effects: Effects::default(),
            aside: Aside::default(),
            woken: Vec::new(),
            room: WaitRoom::default(),
            released: Vec::new(),
            tracks: TrackTable::default(),
            notices: Vec::new(),
            flushed: false,
            scripts: scripts_of(Arc::new(Shared::new(1)), 0, seed, clock),
            names: Lookup::default(),
            limited: None,
            seed,
        }
    }

    /// Scripts are those of the whole process, their commands have these names and are counted here. To be called before
    /// any script runs.
    pub fn share_scripts(
        &mut self,
        shared: Arc<Shared>,
        names: Lookup,
        stats: Arc<CoreStats>,
        audience: Arc<Audience>,
    ) {
        let clock = self.clock;
        self.scripts = scripts_of(shared, self.shard.index(), self.seed, clock);
        self.scripts.tally = Some(Tally::new(
            stats,
            1000.0 / clock.ticks_per_us(),
            move || clock.ticks(),
            move || clock.wall_us(),
            move |channel, sharded| audience.count(channel, sharded),
        ));
        self.names = names;
    }

    /// Scripts are those of the whole process. For an owner in another's place: nothing it runs is counted.
    pub fn know_scripts(&mut self, shared: Arc<Shared>) {
        let index = self.shard.index();
        self.scripts = scripts_of(shared, index, self.seed, self.clock);
    }

    /// Takes over what eviction needs of the settings.
    pub fn set_policy(&mut self, config: &Config) {
        use crate::config::MaxmemoryPolicy as Policy;
        let policy = match config.maxmemory_policy {
            Policy::Noeviction => EvictPolicy::NoEviction,
            Policy::AllkeysLru => EvictPolicy::AllKeysLru,
            Policy::AllkeysLfu => EvictPolicy::AllKeysLfu,
            Policy::AllkeysRandom => EvictPolicy::AllKeysRandom,
            Policy::VolatileLru => EvictPolicy::VolatileLru,
            Policy::VolatileLfu => EvictPolicy::VolatileLfu,
            Policy::VolatileRandom => EvictPolicy::VolatileRandom,
            Policy::VolatileTtl => EvictPolicy::VolatileTtl,
        };
        self.eviction = EvictSettings {
            policy,
            samples: config.maxmemory_samples as usize,
        };
        set_access_clock(&mut self.store, config);
    }

    /// Has the store tell of what keyspace notifications ask for.
    pub fn set_events(&mut self, wanted: KeyspaceEvents) {
        set_events(&mut self.store, wanted);
    }

    /// A number below `bound`.
    pub fn random_below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// Runs one command over this shard's store, appending its reply to `out`.
    #[inline]
    pub fn execute(&mut self, call: &Call<'_>, out: &mut Output) -> Ran {
        self.execute_besides(call, out, &mut Undivided)
    }

    /// As `execute`, for what may take long.
    #[inline]
    fn execute_besides(
        &mut self,
        call: &Call<'_>,
        out: &mut Output,
        besides: &mut dyn Besides,
    ) -> Ran {
        let kit = Kit {
            config: &self.config,
            rng: &mut self.rng,
            news: &mut self.news,
            effects: &mut self.effects,
            aside: &mut self.aside,
            scripts: &self.scripts,
            names: &self.names,
            limited: self.limited.as_deref(),
        };
        let ran = run_over(StoreSet::One(&mut self.store), kit, call, out, besides);
        self.store.note_changes(ran.dirty);
        ran
    }

    /// Before a script: whether its commands may use more memory is decided once. What can be evicted is, before. `limited`
    /// is whom it runs for, `scope` what it runs under.
    #[inline]
    pub fn weigh(&mut self, spec: &CommandSpec, limited: Option<&Arc<Limited>>, scope: Scope) {
        if spec.route == Route::Script {
            self.weigh_script(limited);
            self.aside.remembers = scope.remembers;
        }
    }

    #[cold]
    fn weigh_script(&mut self, limited: Option<&Arc<Limited>>) {
        self.limited = limited.cloned();
        let over = self.limit != 0 && self.admit(flag::DENYOOM).is_err();
        self.scripts.over_limit.set(over);
    }

    /// Begins or ends to queue effects.
    pub fn set_effects(&mut self, is_on: bool) {
        self.effects.set_on(is_on);
        self.store.set_notes_losses(is_on);
    }

    /// The effects that are queued: all that happened here until now. To be taken between commands.
    #[inline]
    pub fn effects(&mut self) -> &mut Effects {
        self.queue_losses();
        &mut self.effects
    }

    /// Queues what went without a command.
    #[inline]
    fn queue_losses(&mut self) {
        if self.store.has_losses() {
            for loss in self.store.take_losses() {
                self.effects.push_loss(&loss, &self.config);
            }
        }
    }

    /// Executes a frame's items: one group of effects. Whoever waits for others, or runs a script for long, does `besides`
    /// what it can.
    pub fn perform(&mut self, frame: &mut Frame, besides: &mut dyn Besides) {
        // What went before must not be taken for this execution's doing, nor be found by another shard in a lent store.
        self.queue_losses();
        self.effects.begin();
        self.perform_all(frame, besides);
        self.queue_losses();
        self.effects.end();
    }

    fn perform_all(&mut self, frame: &mut Frame, besides: &mut dyn Besides) {
        let now = frame.now.unwrap_or(self.now);
        match &frame.mode {
            Mode::Run if frame.may_wait => self.run_or_wait(frame, now),
            Mode::Run => frame.restarts = self.run_items(frame, now, besides),
            Mode::Vote(vote, ballot) => {
                let yes = match ballot {
                    Ballot::Clean(keys) => keys.iter().all(|key| is_clean(&self.store, key, now)),
                    Ballot::Absent => self.none_exist(&frame.items, now),
                };
                frame.agreed = vote.cast_working(yes, self.patience, &mut || besides.turn(true));
                if frame.agreed {
                    self.run_items(frame, now, besides);
                }
            }
            Mode::Park {
                job,
                watched,
                items,
            } => {
                if items.first_script().is_some() {
                    self.weigh_script(None);
                }
                let (slots, clock) = (&*self.slots, &self.clock);
                let mut kit = Kit {
                    config: &self.config,
                    rng: &mut self.rng,
                    news: &mut self.news,
                    effects: &mut self.effects,
                    aside: &mut self.aside,
                    scripts: &self.scripts,
                    names: &self.names,
                    limited: None,
                };
                let waiting = match (frame.may_wait, job.deadline) {
                    (true, None) => Waiting::Allowed,
                    (true, Some(_)) => Waiting::Again,
                    (false, _) => Waiting::Denied,
                };
                let mut block = None;
                let mut read = Vec::new();
                let place = usize::from(self.shard.0);
                // Either this one runs the command or it waits.
                let besides = RefCell::new(besides);
                let executed = job.park.arrive_working(
                    place,
                    &mut self.store,
                    self.patience,
                    |stores| {
                        let besides = &mut **besides.borrow_mut();
                        let mut work = items.take();
                        let clean = watched.iter().all(|key| {
                            let owner = slots.shard_of(key_slot(&key.key));
                            let store = stores[owner.index()].as_deref();
                            store.is_some_and(|store| is_clean(store, key, now))
                        });
                        let mut config: Option<Arc<Config>> = None;
                        let mut scope: Option<Scope> = None;
                        let to_run = work.iter_mut().enumerate();
                        for (n, item) in to_run.filter(|(_, item)| clean && !item.outcome.refused) {
                            let started = clock.ticks();
                            // Commands before it may have changed what it runs under.
                            item.scope = scope.unwrap_or(item.scope);
                            if matches!(item.spec.run, Run::Home(_)) {
                                let (spec, args) = (item.spec, &item.args);
                                let own = kit.reborrow();
                                let told = (own.effects, own.news);
                                let out = &mut item.out;
                                let ran = besides.run_queued(n, spec, args, item.scope, told, out);
                                scope = Some(ran.scope);
                                if let Some(changed) = ran.config {
                                    // What comes next sees stores that follow it.
                                    for store in stores.iter_mut().flatten() {
                                        set_access_clock(store, &changed);
                                        set_events(store, changed.notify_keyspace_events);
                                    }
                                    config = Some(changed);
                                }
                                let Some((run, args)) = ran.at_key else {
                                    item.outcome.failed = ran.failed;
                                    item.outcome.ticks = clock.ticks().wrapping_sub(started);
                                    continue;
                                };
                                item.run = run;
                                item.args = args;
                            }
                            // Borrowed anew for each command: a set lives as long as its command.
                            let mut lent: Vec<Option<&mut Store>> =
                                stores.iter_mut().map(Option::as_deref_mut).collect();
                            let set = StoreSet::Many {
                                stores: &mut lent,
                                slots,
                            };
                            kit.aside.remembers = item.scope.remembers;
                            let (shared, own) = (kit.config, config.as_deref());
                            let own = Kit {
                                limited: item.limited.as_deref(),
                                config: own.unwrap_or(shared),
                                ..kit.reborrow()
                            };
                            let mut call = Call::of(item.run, item.args.as_args(), item.scope, now);
                            call.waiting = waiting;
                            let ran = run_over(set, own, &call, &mut item.out, besides);
                            item.outcome = ran.outcome(clock.ticks().wrapping_sub(started));
                            if let Ask::Wait(wanted) = ran.ask {
                                block = Some(wanted);
                            }
                            item.told = kit.aside.take();
                            if item.scope.remembers {
                                let now_read = keys_read(item, kit.aside);
                                // Should a later command change them, the client must hear of it.
                                for (scope, key) in &now_read {
                                    let owner = slots.shard_of(key_slot(key));
                                    if let Some(store) = stores[owner.index()].as_deref_mut() {
                                        store.add_interest(scope.db, key, Interest::TRACK);
                                    }
                                }
                                read.extend(now_read);
                            }
                        }
                        if let Some(block) = block.take()
                            && let Some(item) = work.pop()
                        {
                            let shards = slots.shards() as u32;
                            let first = frame.part - frame.part % shards;
                            let waiter = into_waiter(
                                item,
                                frame.ticket,
                                frame.home,
                                *block,
                                job.deadline,
                                first,
                            );
                            // Set once: a fence is executed once.
                            let _ = job.waiter.set(waiter);
                        }
                        // Told by who executed, or they would come in any order.
                        let lent = stores.iter_mut().flatten();
                        let events = lent.flat_map(|store| store.take_events());
                        kit.news.extend(events.map(News::Store));
                        let _ = job.read.set(read);
                        (work, clean)
                    },
                    &mut || besides.borrow_mut().turn(true),
                );
                let waiter = job.waiter.get().cloned();
                let read = job.read.get().cloned().unwrap_or_default();
                let home = frame.home;
                if let Some((work, clean)) = executed {
                    let dirty = work.iter().map(|item| item.outcome.dirty).sum();
                    self.store.note_changes(dirty);
                    frame.items = work;
                    frame.agreed = clean;
                    frame.waiter.clone_from(&waiter);
                }
                if let Some(waiter) = waiter {
                    // Who waited before is first in line again.
                    self.register(&waiter, job.deadline.is_some());
                }
                if let Some((db, key)) = &job.held
                    && self.slots.shard_of(key_slot(key)) == self.shard
                {
                    self.room.release(*db, key);
                    self.released.push((*db, key.clone()));
                }
                for (scope, key) in read {
                    self.remember_key(scope.db, &key, home, scope.client);
                }
            }
            Mode::Watch(db, keys) => {
                for (key, flag) in keys {
                    self.store.watch(*db, key, flag, now);
                }
            }
            Mode::Control(_)
            | Mode::Adopt(_)
            | Mode::Deliver(_)
            | Mode::Notify(_)
            | Mode::Show(_) => {
                unreachable!("the core handles these itself")
            }
        }
    }

    /// Runs commands; true if one, a script, has to be run where everything is. Only a script that is alone may say so.
    fn run_items(&mut self, frame: &mut Frame, now: Millis, besides: &mut dyn Besides) -> bool {
        let mut elsewhere = false;
        for item in &mut frame.items {
            let started = self.clock.ticks();
            self.weigh(item.spec, item.limited.as_ref(), item.scope);
            if !frame.admitted
                && self.limit != 0
                && let Err(error) = self.admit(item.spec.flags)
            {
                Reply::new(&mut item.out, item.scope.proto).error(&error);
                item.outcome = Outcome {
                    failed: true,
                    refused: true,
                    queued: self.effects.records().len(),
                    ..Outcome::default()
                };
                continue;
            }
            let mut call = Call::of(item.run, item.args.as_args(), item.scope, now);
            call.locator = item.locator;
            let ran = self.execute_besides(&call, &mut item.out, besides);
            item.outcome = ran.outcome(self.clock.ticks().wrapping_sub(started));
            item.outcome.queued = self.effects.records().len();
            if item.scope.remembers {
                let args = item.args.as_args();
                self.remember(item.spec, args, item.scope, frame.home);
            }
            if matches!(ran.ask, Ask::Elsewhere) {
                self.aside.forget();
                elsewhere = true;
            }
            item.told = self.aside.take();
        }
        elsewhere
    }

    /// Runs a frame's only command, or sets it aside until there is something for it.
    fn run_or_wait(&mut self, frame: &mut Frame, now: Millis) {
        let home = frame.home;
        let item = &mut frame.items[0];
        let started = self.clock.ticks();
        let mut call = Call::of(item.run, item.args.as_args(), item.scope, now);
        call.locator = item.locator;
        call.waiting = Waiting::Allowed;
        let ran = self.execute(&call, &mut item.out);
        item.outcome = ran.outcome(self.clock.ticks().wrapping_sub(started));
        if item.scope.remembers {
            let args = item.args.as_args();
            self.remember(item.spec, args, item.scope, home);
        }
        if let Ask::Wait(block) = ran.ask
            && let Some(item) = frame.items.pop()
        {
            frame.waiter = Some(self.wait(item, frame.ticket, frame.home, *block));
        }
    }

    /// Lets a command of `home` wait for keys of this shard.
    pub fn wait(&mut self, item: Item, ticket: Ticket, home: ShardId, block: Block) -> Arc<Waiter> {
        let waiter = into_waiter(item, ticket, home, block, None, 0);
        self.register(&waiter, false);
        waiter
    }

    fn register(&mut self, waiter: &Arc<Waiter>, first: bool) {
        for key in &waiter.keys {
            if self.slots.shard_of(key_slot(key)) != self.shard {
                continue;
            }
            let store = &mut self.store;
            self.room.add(key, waiter, first, |db, key| {
                store.drop_interest(db, key, Interest::WAIT);
            });
            self.store.add_interest(waiter.db, key, Interest::WAIT);
        }
    }

    /// Gives what happened to keys without a command that said so its place in the news: behind all that was told.
    pub fn settle_news(&mut self) {
        if self.store.has_events() {
            let events = self.store.take_events();
            self.news.extend(events.into_iter().map(News::Store));
        }
    }

    /// How many keys clients wait for.
    pub fn blocking_keys(&self) -> BlockingKeys {
        self.room.keys()
    }

    /// Whether anything has happened that others than the client must learn of.
    #[inline]
    pub fn has_news(&self) -> bool {
        self.store.has_touched()
            || !self.news.is_empty()
            || self.store.has_events()
            || !self.released.is_empty()
            || !self.notices.is_empty()
    }

    /// Gives to waiting commands what has become available for them. To be called after each command, transaction or
    /// script that changed something, before the next.
    ///
    /// `by` is the client that was served, or 0: not everybody wants to hear of own changes.
    pub fn serve_waiting(&mut self, by: u64) {
        while self.store.has_touched() || !self.released.is_empty() {
            for (db, key) in std::mem::take(&mut self.released) {
                self.serve_key(db, &key);
            }
            // Who caches is told to forget everything, whatever database it was.
            if !self.store.take_flushed().is_empty() {
                for (db, key) in self.tracks.clear() {
                    self.store.drop_interest(db, &key, Interest::TRACK);
                }
                self.flushed = true;
            }
            for touched in self.store.take_touched() {
                if touched.interest.has(Interest::TRACK) {
                    self.tell_readers(touched.db, &touched.key, by);
                }
                if touched.is_certain {
                    self.tell_listeners(&touched.key, by);
                }
                if touched.interest.has(Interest::WAIT) {
                    self.serve_key(touched.db, &touched.key);
                }
            }
        }
    }

    /// A client of `home` has read keys of this shard, and remembers them.
    pub fn remember(&mut self, spec: &CommandSpec, args: Args<'_>, scope: Scope, home: ShardId) {
        if spec.route == Route::Script {
            // What its commands have read.
            for (db, key) in std::mem::take(&mut self.aside.read) {
                self.remember_key(db, &key, home, scope.client);
            }
            return;
        }
        if !spec.flags.has(flag::READONLY) {
            return;
        }
        let Ok(keys) = crate::command::keys::keys(spec, args) else {
            return;
        };
        for key in keys.iter() {
            self.remember_key(scope.db, args.arg(key.index as usize), home, scope.client);
        }
    }

    fn remember_key(&mut self, db: DbIndex, key: &[u8], home: ShardId, reader: Reader) {
        if self.slots.shard_of(key_slot(key)) != self.shard {
            return;
        }
        if self.tracks.add(db, key, home, reader) {
            self.store.add_interest(db, key, Interest::TRACK);
            self.bound_tracks();
        }
    }

    /// Whoever remembers keys beyond this shard's share of `tracking-table-max-keys` is told to forget some. To be called
    /// when there is one more, or the setting has changed.
    pub fn bound_tracks(&mut self) {
        let share = self.config.tracking_table_max_keys as usize / self.slots.shards();
        while self.config.tracking_table_max_keys > 0
            && self.tracks.len() > share.max(1)
            && let Some((db, key)) = self.tracks.any_key()
        {
            self.tell_readers(db, &key, 0);
        }
    }

    /// Prefixes of keys that a client of `home` wants to hear of.
    pub fn set_prefixes(&mut self, home: ShardId, reader: Reader, prefixes: &[Vec<u8>]) {
        self.tracks.set_prefixes(home, reader, prefixes);
        self.store.set_interest_in_all(self.tracks.prefixes() > 0);
    }

    /// Keys that clients remember, pairs of key and client, prefixes.
    pub fn tracked(&self) -> (usize, usize, usize) {
        (
            self.tracks.len(),
            self.tracks.items(),
            self.tracks.prefixes(),
        )
    }

    /// Whoever remembers a key is told to forget it.
    fn tell_readers(&mut self, db: DbIndex, key: &[u8], by: u64) {
        self.store.drop_interest(db, key, Interest::TRACK);
        for at in self.tracks.take(db, key) {
            self.notices.push(Notice {
                by,
                ..Notice::new(at, vec![key.into()])
            });
        }
    }

    /// Whoever asked for all keys of a prefix is told that one has changed.
    fn tell_listeners(&mut self, key: &[u8], by: u64) {
        if self.tracks.prefixes() == 0 {
            return;
        }
        for (prefix, (home, reader)) in self.tracks.listeners(key) {
            // What one command changed of one prefix comes in one message.
            let mut known = self.notices.iter_mut();
            let prefix = &key[..prefix];
            match known.find(|notice| {
                notice.broadcast && notice.reader == reader && notice.keys[0].starts_with(prefix)
            }) {
                Some(notice) => notice.keys.push(key.into()),
                None => self.notices.push(Notice {
                    by,
                    broadcast: true,
                    ..Notice::new((home, reader), vec![key.into()])
                }),
            }
        }
    }

    fn serve_key(&mut self, db: DbIndex, key: &[u8]) {
        let Some(mut queue) = self.room.take(db, key) else {
            return;
        };
        if queue.held {
            return self.room.put_back(db, key, queue);
        }
        let now = self.now;
        let mut kept = VecDeque::new();
        while let Some(entry) = queue.waiters.pop_front() {
            let there = Db::new(StoreSet::One(&mut self.store), db, now)
                .peek(key)
                .is_some();
            if !there && !queue.on_removal {
                queue.waiters.push_front(entry);
                break;
            }
            let Some(waiter) = entry.upgrade() else {
                continue;
            };
            if !there && !waiter.on_removal {
                kept.push_back(entry);
                continue;
            }
            // Whoever else wants to end this wait waits until it is known whether there is something.
            let mut place = waiter.look();
            let Some(mut frame) = place.take() else {
                continue;
            };
            let started = self.clock.ticks();
            let home = frame.home;
            let item = &mut frame.items[0];
            let mut call = Call::of(item.run, item.args.as_args(), item.scope, now);
            call.waiting = Waiting::Ready(key);
            let ran = self.execute(&call, &mut item.out);
            item.outcome = ran.outcome(self.clock.ticks().wrapping_sub(started));
            if item.scope.remembers {
                let args = item.args.as_args();
                self.remember(item.spec, args, item.scope, home);
            }
            match ran.ask {
                Ask::Wait(_) => {
                    *place = Some(frame);
                    kept.push_back(entry);
                }
                Ask::Nothing => self.woken.push(frame),
                Ask::Elsewhere => {
                    frame.elsewhere = Some(key.into());
                    self.woken.push(frame);
                    queue.held = true;
                    break;
                }
            }
        }
        kept.append(&mut queue.waiters);
        if kept.is_empty() && !queue.held {
            self.store.drop_interest(db, key, Interest::WAIT);
        } else {
            queue.waiters = kept;
            self.room.put_back(db, key, queue);
        }
    }

    fn none_exist(&mut self, items: &[Item], now: Millis) -> bool {
        items.iter().all(|item| {
            let args = item.args.as_args();
            let mut db = Db::new(StoreSet::One(&mut self.store), item.scope.db, now);
            let keys = crate::command::keys::keys(item.spec, args);
            keys.is_ok_and(|keys| {
                keys.iter()
                    .all(|key| !db.exists(args.arg(key.index as usize)))
            })
        })
    }
}

/// Has a store keep the access times that eviction asks for.
fn set_access_clock(store: &mut Store, config: &Config) {
    use crate::config::MaxmemoryPolicy as Policy;
    let is_lfu = matches!(
        config.maxmemory_policy,
        Policy::AllkeysLfu | Policy::VolatileLfu
    );
    store.set_access_clock(match is_lfu {
        true => AccessClock::Lfu {
            log_factor: config.lfu_log_factor as u32,
            decay_minutes: config.lfu_decay_time as u32,
        },
        false => AccessClock::Lru,
    });
}

/// Has a store tell of what keyspace notifications ask for.
fn set_events(store: &mut Store, wanted: KeyspaceEvents) {
    let kinds = [
        (KeyspaceEvents::EXPIRED, StoreEvents::EXPIRED),
        (KeyspaceEvents::EVICTED, StoreEvents::EVICTED),
        (KeyspaceEvents::NEW, StoreEvents::NEW),
        (KeyspaceEvents::KEY_MISS, StoreEvents::MISSED),
        (KeyspaceEvents::HASH, StoreEvents::FIELDS_EXPIRED),
        (KeyspaceEvents::GENERIC, StoreEvents::EMPTIED),
    ];
    let kinds = kinds.iter().filter(|(class, _)| wanted.has(*class));
    let kinds = kinds.fold(StoreEvents::NONE, |all, (_, kind)| all.with(*kind));
    store.set_events(kinds);
}

fn scripts_of(shared: Arc<Shared>, shard: usize, seed: u64, clock: Clock) -> Scripts {
    Scripts::new(shared, shard, seed, move || {
        clock.ticks_to_us(clock.ticks())
    })
}

/// What became of a command that was run.
pub struct Ran {
    /// The reply is an error.
    pub failed: bool,
    /// One that the statistics of errors have already.
    pub is_counted: bool,
    /// Changes made.
    pub dirty: u64,
    /// What it wants.
    pub ask: Ask,
}

/// What a command wants that could not finish.
pub enum Ask {
    /// It has finished.
    Nothing,
    /// To wait.
    Wait(Box<Block>),
    /// To be run where it has all its keys.
    Elsewhere,
}

impl Ask {
    /// Whether the command has finished.
    pub fn is_done(&self) -> bool {
        matches!(self, Ask::Nothing)
    }
}

impl Ran {
    fn outcome(&self, ticks: u64) -> Outcome {
        Outcome {
            ticks,
            failed: self.failed,
            is_counted: self.is_counted,
            dirty: self.dirty,
            refused: false,
            queued: 0,
        }
    }
}

/// A command set aside. `kept` is its deadline if it waited before, `part` the number of its first part.
fn into_waiter(
    mut item: Item,
    ticket: Ticket,
    home: ShardId,
    block: Block,
    kept: Option<Option<Millis>>,
    part: u32,
) -> Arc<Waiter> {
    let args = item.args.as_args();
    let keys = block.keys.iter().map(|&at| args.arg(at).into()).collect();
    if let Some(args) = block.args {
        item.args = args;
    }
    // Whatever serves it finds out where its keys are.
    item.locator = None;
    let db = item.scope.db;
    let mut frame = Node::new(Frame::new(home));
    frame.ticket = ticket;
    frame.woken = true;
    frame.part = part;
    frame.items.push(item);
    Waiter::new(
        frame,
        db,
        keys,
        kept.unwrap_or(block.deadline),
        block.on_removal,
        block.look_at,
    )
}

/// What the client of a command remembers of it: keys that were read.
fn keys_read(item: &Item, aside: &mut Aside) -> Vec<(Scope, Vec<u8>)> {
    let args = item.args.as_args();
    if item.spec.route == Route::Script {
        let read = std::mem::take(&mut aside.read).into_iter();
        let under = |db| Scope { db, ..item.scope };
        return read.map(|(db, key)| (under(db), key.into_vec())).collect();
    }
    if !item.spec.flags.has(flag::READONLY) {
        return Vec::new();
    }
    let Ok(keys) = crate::command::keys::keys(item.spec, args) else {
        return Vec::new();
    };
    keys.iter()
        .map(|key| (item.scope, args.arg(key.index as usize).to_vec()))
        .collect()
}

/// Whether a watched key of this store is as it was when WATCH looked.
fn is_clean(store: &Store, key: &Watched, now: Millis) -> bool {
    !store.is_watch_broken(key.db, &key.key, &key.flag, Expiry::Remove, now)
}

/// One command to run.
pub struct Call<'a> {
    /// Its function.
    pub run: StoreFn,
    /// Its arguments.
    pub args: Args<'a>,
    /// What it runs under.
    pub scope: Scope,
    /// Where its first key is, if that is known.
    pub locator: Option<Locator>,
    /// The time it sees.
    pub now: Millis,
    /// Whether it may wait.
    pub waiting: Waiting<'a>,
}

impl<'a> Call<'a> {
    /// A command that may not wait.
    #[inline]
    pub fn of(run: StoreFn, args: Args<'a>, scope: Scope, now: Millis) -> Self {
        Call {
            run,
            args,
            scope,
            locator: None,
            now,
            waiting: Waiting::Denied,
        }
    }
}

/// What a shard lends the commands it runs, besides stores.
struct Kit<'a> {
    config: &'a Config,
    rng: &'a mut Rng,
    news: &'a mut Vec<News>,
    effects: &'a mut Effects,
    aside: &'a mut Aside,
    scripts: &'a Scripts,
    names: &'a Lookup,
    limited: Option<&'a Limited>,
}

impl Kit<'_> {
    /// The same for one of several commands.
    fn reborrow(&mut self) -> Kit<'_> {
        Kit {
            config: self.config,
            rng: self.rng,
            news: self.news,
            effects: self.effects,
            aside: self.aside,
            scripts: self.scripts,
            names: self.names,
            limited: self.limited,
        }
    }
}

/// Runs a command over a set of stores.
#[inline]
fn run_over<'a>(
    set: StoreSet<'a>,
    kit: Kit<'a>,
    call: &Call<'a>,
    out: &'a mut Output,
    besides: &'a mut dyn Besides,
) -> Ran {
    let mut db = Db::new(set, call.scope.db, call.now);
    db.set_no_touch(call.scope.no_touch);
    if call.scope.imports {
        db.set_expiry_rule(Expiry::Ignore);
    }
    if let (Some(locator), Some(key)) = (call.locator, call.args.get(1)) {
        db.prime(key, locator);
    }
    let mut cx = Ctx {
        db,
        reply: Reply::new(out, call.scope.proto),
        config: kit.config,
        rng: kit.rng,
        now: call.now,
        dirty: 0,
        waiting: call.waiting,
        news: kit.news,
        effects: kit.effects,
        aside: kit.aside,
        scripts: kit.scripts,
        names: kit.names,
        limited: kit.limited,
        besides,
    };
    let result = cx.run(call.run, call.args);
    if !matches!(result, Ok(Flow::Done)) {
        return unfinished(&mut cx, result);
    }
    // Holds nothing, which the compiler does not see.
    std::mem::forget(result);
    Ran {
        failed: false,
        is_counted: false,
        dirty: cx.dirty,
        ask: Ask::Nothing,
    }
}

/// What became of a command that failed or wants something. Apart, so that the common case has nothing to clean up.
#[cold]
#[inline(never)]
fn unfinished(cx: &mut Ctx<'_>, result: Result<Flow, CommandError>) -> Ran {
    let is_counted = result.as_ref().is_err_and(CommandError::is_counted);
    let (failed, ask) = match result {
        Ok(Flow::Done) => (false, Ask::Nothing),
        Ok(Flow::Block(block)) => (false, Ask::Wait(block)),
        Ok(Flow::Elsewhere) => (false, Ask::Elsewhere),
        Ok(_) => unreachable!("a store command finishes where it runs, or waits"),
        Err(error) => {
            cx.reply.error(&error);
            (true, Ask::Nothing)
        }
    };
    Ran {
        failed,
        is_counted,
        dirty: cx.dirty,
        ask,
    }
}

#[cfg(test)]
mod tests;
