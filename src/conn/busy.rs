//! What may take long: scripts, and waiting for other shards at a fence. The loop runs such frames itself, never in the
//! middle of serving a client, so that clients can be served meanwhile as far as that needs no keys.
//!
//! While a long frame is performed its owner is out of the core's hands, and one without keys stands in for it. So a turn
//! meanwhile is an ordinary one that does less: bytes are received and parsed, replies leave in their order, connections
//! come and go; but a core that is busy refuses what is not allowed then (`-BUSY`), and its inbox stands still. A core is
//! busy from when its script has run for longer than `busy-reply-threshold`, or it has waited at a fence while some script
//! does. The others refuse what would have to go to a busy one.

use super::client::Stall;
use super::dispatch::Step;
use super::home::Home;
use super::turn::ShardThread;
use crate::base::slot::{DbIndex, ShardId, Slot, key_slot};
use crate::command::ctx::{Besides, Flow, HomeCtx, News, Now, Queued, Scope};
use crate::command::effects::Effects;
use crate::command::spec::{CommandSpec, Group, HomeFn, Run, flag};
use crate::keyspace::{Store, StoreCounters, StoreOptions};
use crate::resp::{Args, CommandError, Output, OwnedArgs, Reply};
use crate::ring::Wait;
use crate::session::Session;
use crate::shard::{FrameBox, Mode, Outcome, Owner};
use std::sync::Arc;
use std::time::Duration;

/// How long a core that waits for another's script lets the kernel wait before it looks whether that is over.
const LOOK_UP: Duration = Duration::from_millis(5);

impl ShardThread {
    /// Executes at most `limit` frames of the inbox; says whether there may be more.
    pub(super) fn drain_inbox(&mut self, limit: usize) -> bool {
        let receiver = &self.home.receiver;
        if receiver.is_quiet() {
            return false;
        }
        let upto = receiver.settle().min(receiver.head() + limit as u64);
        while self.home.execute_upto(upto) {
            if let Some(frame) = self.home.receiver.pop(upto) {
                self.perform_long(frame);
            }
        }
        !self.home.receiver.is_quiet()
    }

    /// Performs a frame that may take long.
    fn perform_long(&mut self, mut frame: FrameBox) {
        // What was done before must not wait for it.
        self.home.hand_over();
        if frame.may_last {
            self.flush();
            self.work_off();
        }
        let stand_in = self.stand_in.take();
        let stand_in = stand_in.unwrap_or_else(|| self.home.make_stand_in());
        let share = self.home.take_share(&mut frame);
        let mut owner = std::mem::replace(&mut self.home.owner, stand_in);
        owner.perform(&mut frame, self);
        self.stand_in = Some(std::mem::replace(&mut self.home.owner, owner));
        if !Arc::ptr_eq(&self.home.owner.config, &self.home.config) {
            // It changed meanwhile.
            self.home.adopt_config(Arc::clone(&self.home.config));
        }
        if self.home.busy {
            self.home.busy = false;
            let mine = self.home.id.index();
            self.home.server.scripts.set_busy(mine, false);
        }
        // Whoever waits for its keys is served by the time that it is now.
        self.home.refresh_clock();
        self.home.contribute(share, &frame);
        self.home.send_home(frame);
    }
}

impl Besides for ShardThread {
    fn turn(&mut self, wait: bool) -> bool {
        let home = &mut self.home;
        if !home.server.scripts.any_slow() {
            return false;
        }
        if !home.busy {
            home.busy = true;
            home.server.scripts.set_busy(home.id.index(), true);
        }
        let wait = if wait {
            Wait::Until(LOOK_UP)
        } else {
            Wait::Now
        };
        if let Err(error) = self.backend.poll(wait) {
            // Ends the process, with the log written (server/start.rs).
            panic!("waiting for the kernel failed: {error}");
        }
        let home = &mut self.home;
        home.refresh_clock();
        home.last_ticks = home.clock.ticks();
        while let Some(event) = self.backend.next_event() {
            self.on_event(event);
        }
        let home = &mut self.home;
        home.refuse_inbox();
        for at in std::mem::take(&mut home.ready) {
            if let Some(Some(client)) = home.clients.get_mut(at as usize) {
                client.ready = false;
                home.serve_backlog(at);
            }
        }
        home.hand_over();
        self.flush();
        self.work_off();
        true
    }

    fn run_home(
        &mut self,
        run: HomeFn,
        args: Args<'_>,
        db: DbIndex,
        reply: &mut Reply<'_>,
    ) -> Option<Result<(), CommandError>> {
        let home = &mut self.home;
        // Scripts have a client of their own, who has no connection.
        let user = Arc::clone(home.users.default_user());
        let mut session = Session::new(0, String::new(), String::new(), -1, home.now(), &user);
        session.db = db;
        session.proto = reply.proto;
        session.unix = true;
        let (config, server) = (Arc::clone(&home.config), Arc::clone(&home.server));
        let mut out = Output::default();
        let now = Now {
            ms: home.now(),
            us: home.clock.wall_us(),
        };
        let flow = run(
            &mut HomeCtx {
                session: &mut session,
                reply: Reply::new(&mut out, reply.proto),
                config: &config,
                server: &server,
                core: home,
                now,
            },
            args,
        );
        Some(match flow {
            Ok(Flow::Done) => {
                reply.append(&mut out);
                Ok(())
            }
            Ok(Flow::Gather(gather)) => {
                let result = (gather.each)(home);
                (gather.merge)(vec![result], &mut Reply::new(&mut out, reply.proto));
                reply.append(&mut out);
                Ok(())
            }
            Ok(_) => return None,
            Err(error) => Err(error),
        })
    }

    fn run_queued(
        &mut self,
        n: usize,
        spec: &'static CommandSpec,
        args: &OwnedArgs,
        scope: Scope,
        (effects, news): (&mut Effects, &mut Vec<News>),
        out: &mut Output,
    ) -> Queued {
        // The stand-in has them meanwhile, as that is where they are looked for.
        std::mem::swap(&mut self.home.owner.effects, effects);
        let queued = self.home.run_in_place(n, spec, args, scope, news, out);
        std::mem::swap(&mut self.home.owner.effects, effects);
        queued
    }
}

impl Home {
    /// An owner of nothing.
    fn make_stand_in(&self) -> Owner {
        let databases = self.config.databases as usize;
        let store = Store::new(StoreOptions {
            shard: self.id,
            slots: 0..0,
            databases,
            hash_seed: 0,
            counters: Arc::new(StoreCounters::new(databases)),
        });
        let (config, slots) = (Arc::clone(&self.config), Arc::clone(&self.slots));
        let mut owner = Owner::new(self.id, store, config, slots, self.clock, 0);
        // What it is told to keep or to forget all shards hear of.
        owner.know_scripts(Arc::clone(&self.server.scripts));
        owner
    }

    /// What a busy core answers to a command that it cannot serve.
    #[cold]
    pub(super) fn refuse_while_busy(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
    ) -> Option<Step> {
        if !self.client(at).slots.is_empty() {
            // Its own script is what runs, or the reply would have to wait for it anyway.
            return Some(Step::Wait(Stall::Replies));
        }
        if spec.flags.has(flag::ALLOW_BUSY) {
            return None;
        }
        let error = self.server.scripts.busy_error_of(self.id.index());
        Some(self.refuse(at, Some(spec), &error))
    }

    /// Whether any of these shards is busy.
    #[inline]
    pub(super) fn any_is_busy(&self, shards: &[ShardId]) -> bool {
        let scripts = &self.server.scripts;
        scripts.any_busy() && shards.iter().any(|shard| scripts.is_busy(shard.index()))
    }

    /// Whether a queue has to go where it is busy.
    pub(super) fn queue_needs_busy(&mut self, at: u32) -> bool {
        if !self.server.scripts.any_busy() {
            return false;
        }
        let queue = std::mem::take(&mut self.client(at).queue);
        let needs = queue.iter().any(|queued| match queued.spec.run {
            Run::Store(_) => {
                let shards = self.destination(at, queued.spec, queued.args.as_args());
                self.any_is_busy(&shards.list())
            }
            // Most of these ask all shards.
            _ => matches!(queued.spec.group, Group::Server | Group::PubSub),
        });
        let client = self.client(at);
        client.queue = queue;
        let watched = client.session.watched.iter();
        let slots: Vec<Slot> = watched.map(|watched| key_slot(&watched.key)).collect();
        let mut shards = slots.into_iter().map(|slot| self.slots.shard_of(slot));
        needs || shards.any(|shard| self.any_is_busy(&[shard]))
    }

    /// Whether a script may run for longer than its commands take.
    pub(super) fn may_last(&self, spec: &CommandSpec, args: Args<'_>) -> bool {
        let scripts = &self.owner.scripts;
        let Some(name) = args.get(1) else {
            return false;
        };
        let script = match spec.name {
            "eval" | "eval_ro" => scripts.by_text(name).ok(),
            "evalsha" | "evalsha_ro" => scripts.by_sha(name),
            _ => return scripts.function(name).is_none_or(|it| !it.0.is_brief),
        };
        script.is_some_and(|script| !script.is_brief)
    }

    /// Answers what waits in the inbox of a busy shard, as far as it can be refused.
    fn refuse_inbox(&mut self) {
        let upto = self.receiver.settle();
        while let Some(frame) = self.receiver.next(upto) {
            let is_connection = matches!(frame.mode, Mode::Adopt(_));
            if !is_connection && !frame.is_refusable() {
                return;
            }
            let Some(mut frame) = self.receiver.pop(upto) else {
                return;
            };
            if let Mode::Adopt(accepted) = &mut frame.mode {
                self.wants.adopt.extend(accepted.take());
            } else {
                for item in &mut frame.items {
                    let error = self.server.scripts.busy_error_of(self.id.index());
                    Reply::new(&mut item.out, item.scope.proto).error(&error);
                    item.outcome = Outcome {
                        failed: true,
                        refused: true,
                        ..Outcome::default()
                    };
                }
            }
            self.send_home(frame);
        }
    }
}
