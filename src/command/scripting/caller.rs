//! What runs the commands of a script.

use crate::base::num::parse_i64;
use crate::base::slot::DbIndex;
use crate::command::aside::SlowCall;
use crate::command::ctx::{Ctx, Flow};
use crate::command::effects::Reach;
use crate::command::hash::himport;
use crate::command::hyperloglog;
use crate::command::keys;
use crate::command::lookup::Resolved;
use crate::command::monitor;
use crate::command::persistence::DiskFailure;
use crate::command::pubsub;
use crate::command::server::slowlog::shown_arguments;
use crate::command::spec::{CommandSpec, Route, Run, flag};
use crate::config::Config;
use crate::resp::{Args, CommandError, Output, OutputPosition, OwnedArgs, Proto, Reply};
use crate::script::{Host, Refusal};
use crate::session::Fieldsets;
use std::sync::atomic::{AtomicBool, Ordering};

/// The context of a script's commands.
pub(super) struct Caller<'c, 'a> {
    pub(super) cx: &'c mut Ctx<'a>,
    /// What it is called.
    pub(super) name: &'c [u8],
    /// The command that called it.
    pub(super) command: Args<'c>,
    /// It may not write.
    pub(super) read_only: bool,
    /// It may use more memory than there should be.
    pub(super) allow_oom: bool,
    /// It provably touches its declared keys only, and they are all here.
    pub(super) declared_only: bool,
    /// Some keys are not here.
    pub(super) partial: bool,
    /// Where it is noted that it reaches further than its declared keys.
    pub(super) reaches: &'c AtomicBool,
    /// Where it is noted that it publishes messages.
    pub(super) publishes: &'c AtomicBool,
    /// It has written.
    pub(super) wrote: bool,
    /// The lists of fields that it has named.
    pub(super) fieldsets: Fieldsets,
    /// What time it is, once it has asked.
    pub(super) time_us: Option<i64>,
}

const NOT_ALLOWED: &str = "ERR This Redis command is not allowed from script";

impl Caller<'_, '_> {
    /// What is wrong with running this command, before it is.
    fn check(&mut self, spec: &'static CommandSpec, args: Args<'_>) -> Result<(), Refusal> {
        if !spec.accepts(args.len()) || matches!(spec.run, Run::Container) {
            return refuse("ERR Wrong number of args calling Redis command from script");
        }
        let denies = !self.cx.scripts.shared.denies_nothing() || spec.route == Route::Script;
        if denies && spec.flags.has(flag::NOSCRIPT) {
            return refuse(NOT_ALLOWED);
        }
        if let Some(limited) = self.cx.limited {
            let max = self.cx.config.acllog_max_len;
            let shard = self.cx.scripts.shard();
            if let Some(error) = limited.refusal(spec, args, shard, self.cx.now, max) {
                return Err(Refusal::Error(error));
            }
        }
        if waits_for_streams(spec, args) {
            let text = format!(
                "ERR {} command is not allowed with BLOCK option from scripts",
                spec.name
            );
            return Err(Refusal::Error(CommandError::owned(text)));
        }
        if self.read_only && (spec.flags.has(flag::WRITE) || spec.flags.has(flag::MAY_REPLICATE)) {
            return refuse("ERR Write commands are not allowed from read-only scripts.");
        }
        // One that has written already is not stopped halfway.
        let disk = &self.cx.scripts.shared.disk;
        if disk.is_failing()
            && spec.flags.has(flag::WRITE)
            && !self.wrote
            && let Some(failure) = DiskFailure::of(disk, self.cx.config)
        {
            return Err(Refusal::Error(failure.of_command()));
        }
        if spec.flags.has(flag::DENYOOM)
            && self.cx.scripts.over_limit.get()
            && !self.allow_oom
            && !self.wrote
        {
            return Err(Refusal::Error(CommandError::OUT_OF_MEMORY));
        }
        self.settle(spec, args)
    }

    /// Whether all that the command touches is here. If not, the script has to start anew.
    fn settle(&mut self, spec: &'static CommandSpec, args: Args<'_>) -> Result<(), Refusal> {
        if !self.partial {
            return Ok(());
        }
        // A message cannot be taken back either.
        let writes = spec.flags.has(flag::WRITE) || spec.flags.has(flag::MAY_REPLICATE);
        let everything = match spec.route {
            Route::All(_) | Route::AnyShard | Route::Cursor | Route::Slot(_) => true,
            Route::ParkAll => keys::needs_all(args),
            _ => false,
        };
        let covered = !everything
            && keys::keys(spec, args).is_ok_and(|keys| {
                keys.iter()
                    .all(|key| self.cx.db.covers(args.arg(key.index as usize)))
            });
        // A script that is not proven must not have written when it finds that it needs more.
        if covered && (self.declared_only || !writes) {
            return Ok(());
        }
        self.reaches.store(true, Ordering::Relaxed);
        match self.wrote {
            false => Err(Refusal::Elsewhere),
            true => refuse("ERR Script attempted to access a key that it did not declare"),
        }
    }

    /// Commands of the client's core that make sense here as well.
    fn run_home(&mut self, spec: &CommandSpec, args: Args<'_>) -> Result<(), CommandError> {
        let reply = &mut self.cx.reply;
        match spec.name {
            "ping" => match args.len() {
                1 => reply.simple("PONG"),
                2 => reply.bulk(args.arg(1)),
                _ => return Err(CommandError::wrong_arity("ping")),
            },
            "echo" => reply.bulk(args.arg(1)),
            "time" => {
                // It stands still while a script runs.
                let tally = self.cx.scripts.tally.as_ref();
                let us = *self.time_us.get_or_insert_with(|| {
                    tally.map_or(self.cx.now.0 * 1000, |tally| (tally.wall_us)())
                });
                reply.array(2);
                reply.bulk_integer(us / 1_000_000);
                reply.bulk_integer(us % 1_000_000);
            }
            "select" => {
                let index = parse_i64(args.arg(1)).ok_or(CommandError::NOT_INTEGER)?;
                let index = u32::try_from(index).map_err(|_| CommandError::DB_INDEX)?;
                if !self.cx.db.select(DbIndex(index)) {
                    return Err(CommandError::DB_INDEX);
                }
                reply.ok();
            }
            "pfselftest" => return hyperloglog::test_self(self.cx.config, reply),
            // Nobody can wait in a script, and no replica is there to be waited for.
            "wait" => reply.integer(0),
            name @ ("publish" | "spublish") => {
                let message = pubsub::message(args, name == "spublish");
                if !self.cx.config.cluster_enabled {
                    let db = self.cx.db.index();
                    self.cx.effects.push_to_replicas(db, args.iter());
                }
                self.publishes.store(true, Ordering::Relaxed);
                // They hear it when the script is done, in the place that its reply has among what its client does.
                let tally = self.cx.scripts.tally.as_ref();
                let heard =
                    tally.map_or(0, |tally| (tally.hears)(&message.channel, message.sharded));
                self.cx.aside.told.messages.push(message);
                self.cx.reply.count(heard);
            }
            _ => {
                let cx = &mut *self.cx;
                if let Some(ran) = himport::run_in_script(cx, &mut self.fieldsets, spec, args) {
                    return ran.map(|_| ());
                }
                let Run::Home(run) = spec.run else {
                    return Err(CommandError::fixed(NOT_ALLOWED));
                };
                let ran = cx.besides.run_home(run, args, cx.db.index(), &mut cx.reply);
                return ran.unwrap_or(Err(CommandError::fixed(NOT_ALLOWED)));
            }
        }
        Ok(())
    }
}

impl Caller<'_, '_> {
    /// The client remembers the keys that a command has read. Should the script change them, it is told.
    #[cold]
    fn remember(&mut self, spec: &CommandSpec, args: Args<'_>) {
        let Ok(keys) = keys::keys(spec, args) else {
            return;
        };
        for key in keys.iter() {
            let key = args.arg(key.index as usize);
            self.cx.db.note_reader(key);
            let db = self.cx.db.index();
            self.cx.aside.read.insert((db, key.into()));
        }
    }

    /// A command took so long that a log is kept of it: of no more than the log will have.
    #[cold]
    fn note_slow(&mut self, spec: &'static CommandSpec, args: Args<'_>, ticks: u64) {
        let slow = &mut self.cx.aside.told.slow;
        let max = usize::try_from(self.cx.config.slowlog_max_len).unwrap_or(0);
        if slow.len() > max {
            slow.pop_front();
        }
        let args = shown_arguments(spec, args);
        slow.push_back(SlowCall { spec, ticks, args });
    }

    /// Those in MONITOR are shown a command.
    #[cold]
    fn show(&mut self, spec: &CommandSpec, args: Args<'_>) {
        if let Some(tally) = &self.cx.scripts.tally {
            let db = self.cx.db.index();
            let line = monitor::line((tally.wall_us)(), db, "lua", spec, args);
            self.cx.aside.told.lines.push(line);
        }
    }
}

/// Whether it is XREAD or XREADGROUP with BLOCK among its options, which end with STREAMS.
fn waits_for_streams(spec: &CommandSpec, args: Args<'_>) -> bool {
    let mut at = match spec.name {
        "xread" => 1,
        "xreadgroup" => 4,
        _ => return false,
    };
    while at < args.len() && !args.is(at, "STREAMS") {
        if args.is(at, "BLOCK") {
            return true;
        }
        at += if args.is(at, "COUNT") { 2 } else { 1 };
    }
    false
}

fn refuse<T>(text: &'static str) -> Result<T, Refusal> {
    Err(Refusal::Error(CommandError::fixed(text)))
}

impl Host for Caller<'_, '_> {
    fn call(
        &mut self,
        args: Args<'_>,
        proto: Proto,
        reply: &mut Vec<u8>,
        may_write: &dyn Fn() -> bool,
    ) -> Result<(), Refusal> {
        let scripts = self.cx.scripts;
        let note = |error: &CommandError| {
            if let Some(tally) = &scripts.tally {
                tally.note_error(error.code().as_bytes());
            }
        };
        let spec = match self.cx.names.resolve(args) {
            Resolved::Command(spec) => spec,
            _ => {
                let error = CommandError::fixed("ERR Unknown Redis command called from script");
                note(&error);
                return Err(Refusal::Error(error));
            }
        };
        if let Err(refusal) = self.check(spec, args) {
            if let (Refusal::Error(error), Some(tally)) = (&refusal, &scripts.tally) {
                note(error);
                tally.stats.command(spec.id).rejected.add(1);
            }
            return Err(refusal);
        }
        let started = scripts.tally.as_ref().map_or(0, |tally| (tally.ticks)());
        if spec.flags.has(flag::WRITE) {
            if !may_write() {
                return Err(Refusal::Killed);
            }
            self.wrote = true;
            self.reaches.store(true, Ordering::Relaxed);
        }
        // Written behind what the script's own reply will be, and taken away again.
        let start = self.cx.reply.out.position();
        let own = self.cx.reply.proto;
        self.cx.reply.set_proto(proto);
        let result = match spec.run {
            Run::Store(run) => self.cx.run(run, args).map(|flow| {
                debug_assert!(matches!(flow, Flow::Done), "nothing waits in a script");
            }),
            Run::Home(_) => self.run_home(spec, args),
            Run::NotBuilt | Run::Container => match self.cx.names.command(args) {
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            },
        };
        if let Some(tally) = &scripts.tally {
            let counters = tally.stats.command(spec.id);
            let ticks = (tally.ticks)().wrapping_sub(started);
            let tracks = self.cx.config.latency_tracking;
            let nanos = tracks.then_some((ticks as f64 * tally.ns_per_tick) as u64);
            counters.record(ticks, nanos);
            counters.failed.add(result.is_err().into());
            tally.stats.commands.add(1);
            if is_slow(self.cx.config, (ticks as f64 * tally.ns_per_tick) as u64) {
                self.note_slow(spec, args, ticks);
            }
        }
        if self.cx.aside.remembers && spec.flags.has(flag::READONLY) {
            self.remember(spec, args);
        }
        if scripts.shared.is_watched() && monitor::is_shown(spec) {
            self.show(spec, args);
        }
        if let Err(error) = result {
            note(&error);
            self.cx.reply.out.truncate(start);
            self.cx.reply.error(&error);
        }
        self.cx.reply.set_proto(own);
        copy_from(self.cx.reply.out, start, reply);
        self.cx.reply.out.truncate(start);
        Ok(())
    }

    fn set_reach(&mut self, log: bool, replicas: bool) {
        self.cx.effects.set_reach(Reach { log, replicas });
    }

    fn may_call(&mut self, args: Args<'_>) -> Option<bool> {
        match self.cx.names.resolve(args) {
            Resolved::Command(spec) => {
                let limited = self.cx.limited;
                Some(limited.is_none_or(|limited| limited.allows(spec, args)))
            }
            _ => None,
        }
    }

    fn described(&self) -> (Vec<u8>, OwnedArgs) {
        (self.name.to_vec(), self.command.into())
    }

    fn reply(&mut self, write: &mut dyn FnMut(&mut Reply<'_>)) {
        write(&mut self.cx.reply);
    }

    fn breathe(&mut self) {
        self.cx.besides.turn(false);
    }
}

/// Appends what was written after `start`, values by reference included.
fn copy_from(out: &Output, start: OutputPosition, into: &mut Vec<u8>) {
    let mut at = start.byte;
    for (position, value) in &out.shared[start.shared..] {
        into.extend_from_slice(&out.bytes[at..*position]);
        into.extend_from_slice(value);
        at = *position;
    }
    into.extend_from_slice(&out.bytes[at..]);
}

/// Whether a log is kept of commands that took this long.
#[inline]
fn is_slow(config: &Config, nanos: u64) -> bool {
    let micros = nanos / 1000;
    let slow = u64::try_from(config.slowlog_log_slower_than).is_ok_and(|limit| micros >= limit);
    let spike = config.latency_monitor_threshold.unsigned_abs();
    slow || (spike != 0 && micros / 1000 >= spike)
}
