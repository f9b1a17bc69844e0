//! The owner role of a core: a store, and the execution of commands over it.
//!
//! Everything that changes a store comes through here, either in place for a client of the same core or from the
//! inbox, one at a time and to completion. Nothing here waits, except at a VOTE or PARK fence at the head of the
//! inbox (`lend.rs`, `vote.rs`).

use super::Patience;
use super::frame::{Ballot, Frame, Item, Mode, Outcome};
use super::pressure::Pressure;
use crate::base::rng::Rng;
use crate::base::slot::{ShardId, SlotMap, key_slot};
use crate::base::time::Millis;
use crate::command::ctx::{Ctx, Flow, KeyEvent, Scope, Waiting};
use crate::command::spec::{StoreFn, flag};
use crate::config::Config;
use crate::keyspace::{
    AccessClock, Db, EvictPolicy, EvictSettings, Expiry, Locator, Store, StoreSet,
};
use crate::resp::{Args, Output, Reply};
use crate::ring::Clock;
use crate::session::Watched;
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
    /// What happened to keys and was not published yet.
    pub events: Vec<KeyEvent>,
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
            events: Vec::new(),
        }
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
        self.store.set_access_clock(match policy.is_lfu() {
            true => AccessClock::Lfu {
                log_factor: config.lfu_log_factor as u32,
                decay_minutes: config.lfu_decay_time as u32,
            },
            false => AccessClock::Lru,
        });
    }

    /// A number below `bound`.
    pub fn random_below(&mut self, bound: u64) -> u64 {
        self.rng.below(bound)
    }

    /// Runs one command over this shard's store, appending its reply to `out`.
    #[inline]
    pub fn execute(
        &mut self,
        run: StoreFn,
        args: Args<'_>,
        scope: Scope,
        locator: Option<Locator>,
        now: Millis,
        out: &mut Output,
    ) -> (bool, u64) {
        let set = StoreSet::One(&mut self.store);
        let (failed, dirty) = run_over(
            set,
            &self.config,
            &mut self.rng,
            run,
            args,
            scope,
            locator,
            now,
            out,
        );
        self.store.note_changes(dirty);
        (failed, dirty)
    }

    /// Executes a frame's items where that needs no other core. `wake` is called before this thread waits for others.
    pub fn perform(&mut self, frame: &mut Frame) {
        let now = frame.now.unwrap_or(self.now);
        match &frame.mode {
            Mode::Run => self.run_items(&mut frame.items, now, frame.admitted),
            Mode::Vote(vote, ballot) => {
                let yes = match ballot {
                    Ballot::Clean(keys) => keys.iter().all(|key| is_clean(&self.store, key, now)),
                    Ballot::Absent => self.none_exist(&frame.items, now),
                };
                frame.agreed = vote.cast(yes, self.patience);
                if frame.agreed {
                    self.run_items(&mut frame.items, now, frame.admitted);
                }
            }
            Mode::Park {
                job,
                watched,
                items,
            } => {
                let (config, slots, rng, clock) =
                    (&*self.config, &*self.slots, &mut self.rng, &self.clock);
                let place = usize::from(self.shard.0);
                let executed = job
                    .park
                    .arrive(place, &mut self.store, self.patience, |stores| {
                        let mut work = items.take();
                        let clean = watched.iter().all(|key| {
                            let owner = slots.shard_of(key_slot(&key.key));
                            let store = stores[owner.index()].as_deref();
                            store.is_some_and(|store| is_clean(store, key, now))
                        });
                        for item in work.iter_mut().filter(|_| clean) {
                            let started = clock.ticks();
                            // Borrowed anew for each command: a set lives as long as its command.
                            let mut lent: Vec<Option<&mut Store>> =
                                stores.iter_mut().map(Option::as_deref_mut).collect();
                            let set = StoreSet::Many {
                                stores: &mut lent,
                                slots,
                            };
                            let args = item.args.as_args();
                            let (failed, dirty) = run_over(
                                set,
                                config,
                                rng,
                                item.run,
                                args,
                                item.scope,
                                None,
                                now,
                                &mut item.out,
                            );
                            let ticks = clock.ticks().wrapping_sub(started);
                            item.outcome = Outcome {
                                ticks,
                                failed,
                                dirty,
                            };
                        }
                        (work, clean)
                    });
                if let Some((work, clean)) = executed {
                    let dirty = work.iter().map(|item| item.outcome.dirty).sum();
                    self.store.note_changes(dirty);
                    frame.items = work;
                    frame.agreed = clean;
                }
            }
            Mode::Watch(db, keys) => {
                for (key, flag) in keys {
                    self.store.watch(*db, key, flag, now);
                }
            }
            Mode::Control(_) | Mode::Adopt(_) => unreachable!("the core handles these itself"),
        }
    }

    fn run_items(&mut self, items: &mut [Item], now: Millis, admitted: bool) {
        for item in items {
            let started = self.clock.ticks();
            if !admitted
                && self.limit != 0
                && item.spec.flags.has(flag::WRITE)
                && let Err(error) = self.admit(item.spec.flags)
            {
                Reply::new(&mut item.out, item.scope.proto).error(&error);
                item.outcome = Outcome {
                    ticks: 0,
                    failed: true,
                    dirty: 0,
                };
                continue;
            }
            let (failed, dirty) = self.execute(
                item.run,
                item.args.as_args(),
                item.scope,
                item.locator,
                now,
                &mut item.out,
            );
            let ticks = self.clock.ticks().wrapping_sub(started);
            item.outcome = Outcome {
                ticks,
                failed,
                dirty,
            };
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

/// Whether a watched key of this store is as it was when WATCH looked.
fn is_clean(store: &Store, key: &Watched, now: Millis) -> bool {
    !store.is_watch_broken(key.db, &key.key, &key.flag, Expiry::Remove, now)
}

/// Runs a command function over a set of stores; says whether the reply is an error and how many changes were made.
#[allow(
    clippy::too_many_arguments,
    reason = "the parts of a shard, borrowed apart"
)]
#[inline]
fn run_over<'a>(
    set: StoreSet<'a>,
    config: &'a Config,
    rng: &'a mut Rng,
    run: StoreFn,
    args: Args<'_>,
    scope: Scope,
    locator: Option<Locator>,
    now: Millis,
    out: &'a mut Output,
) -> (bool, u64) {
    let mut db = Db::new(set, scope.db, now);
    db.set_no_touch(scope.no_touch);
    if let (Some(locator), Some(key)) = (locator, args.get(1)) {
        db.prime(key, locator);
    }
    let mut cx = Ctx {
        db,
        reply: Reply::new(out, scope.proto),
        config,
        rng,
        now,
        dirty: 0,
    };
    match run(&mut cx, args) {
        Ok(Flow::Done) => (false, cx.dirty),
        Ok(_) => unreachable!("a store command finishes where it runs"),
        Err(error) => {
            cx.reply.error(&error);
            (true, cx.dirty)
        }
    }
}
