//! The process while it runs: settings in force, the way to every core, sampled figures, the order of shutting down.

use super::aof::{Aof, Rewrites};
use super::control::Order;
use super::loading::{self, LoadError};
use super::save::{self, BaseOf, Consumer, Plan, RdbFile, UnderWay};
use super::{listeners, logging};
use crate::command::ctx::{Answer, Load, OnCore, Save, Server, Shutdown, UserChange};
use crate::config::{Config, ConfigSetError, SetContext, config_set, os_reason};
use crate::conn::{Configured, Mail, Post, Process, Saving, spread_users};
use crate::resp::CommandError;
use crate::ring::{Clock, Listener};
use crate::session::{Password, User, Users};
use parking_lot::Mutex;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// Who hears how a save went.
type Done = Box<dyn FnOnce(Result<(), CommandError>) + Send>;

/// Settings that the thread of the append-only file has to hear of.
const AOF_SETTINGS: &[&str] = &[
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "aof-timestamp-enabled",
];

/// Seconds from one failed background save to the next.
const RETRY_SECS: i64 = 5;

/// Settings in force and their version.
struct Settings {
    version: u64,
    config: Arc<Config>,
    /// Handles of the sockets listened on.
    listening: Vec<Listener>,
}

/// See the module.
pub(super) struct Running {
    server: Arc<Server>,
    posts: Vec<Arc<Post>>,
    orders: flume::Sender<Order>,
    stopped: flume::Sender<()>,
    settings: Mutex<Settings>,
    /// Version and users; locked after `settings`.
    users: Mutex<(u64, Arc<Users>)>,
    clock: Clock,
    stopping: AtomicBool,
    /// The snapshot that is being taken.
    under_way: Mutex<Option<UnderWay>>,
    /// BGSAVE SCHEDULE, while something else was being written.
    scheduled: AtomicBool,
    /// A shutdown that waits for the end of a save under way, whose file is older than what it has to keep.
    leaving: Mutex<Option<(Shutdown, Done)>>,
    /// Itself, for what it hands to others.
    this: Weak<Running>,
    /// The append-only file.
    pub(super) aof: Arc<Aof>,
    pub(super) rewrites: Rewrites,
    sampled_at_us: AtomicI64,
    last: [AtomicU64; 5],
}

impl Running {
    /// The process over its cores' posts. `stopped` is told when the cores were sent home; `listening` are handles of
    /// what the first core will accept from.
    #[allow(clippy::too_many_arguments, reason = "what a process is made of, once")]
    pub(super) fn new(
        server: Arc<Server>,
        posts: Vec<Arc<Post>>,
        orders: flume::Sender<Order>,
        stopped: flume::Sender<()>,
        config: Arc<Config>,
        users: Arc<Users>,
        listening: Vec<Listener>,
        clock: Clock,
        aof: Arc<Aof>,
    ) -> Arc<Running> {
        Arc::new_cyclic(|this| Running {
            this: Weak::clone(this),
            aof,
            rewrites: Rewrites::default(),
            under_way: Mutex::new(None),
            scheduled: AtomicBool::new(false),
            leaving: Mutex::new(None),
            server,
            posts,
            orders,
            stopped,
            settings: Mutex::new(Settings {
                version: 0,
                config,
                listening,
            }),
            users: Mutex::new((0, users)),
            clock,
            stopping: AtomicBool::new(false),
            sampled_at_us: AtomicI64::new(0),
            last: Default::default(),
        })
    }

    /// SIGTERM and SIGINT shut down, SIGHUP opens the log file again.
    pub(super) fn on_signal(&self, signal: i32) {
        match signal {
            signal_hook::consts::SIGHUP => logging::reopen(),
            signal_hook::consts::SIGINT => {
                tracing::warn!("Received SIGINT scheduling shutdown...");
                self.leave_on_signal();
            }
            _ => {
                tracing::warn!("Received SIGTERM scheduling shutdown...");
                self.leave_on_signal();
            }
        }
    }

    fn leave_on_signal(&self) {
        if let Err(error) = self.leave(Shutdown::default(), Box::new(|_| {})) {
            let why = String::from_utf8_lossy(error.text()).into_owned();
            tracing::warn!("Cannot shut down: {why}");
        }
    }

    /// Writes a snapshot first where one is due, then stops. `finished` hears how that went; if it
    /// failed, nothing has changed.
    fn leave(&self, options: Shutdown, finished: Done) -> Result<(), CommandError> {
        let config = Arc::clone(&self.settings.lock().config);
        // Half of a file in memory must not replace the whole on the disk.
        let loading = self.server.process.load.active.load(Ordering::SeqCst);
        if self.server.process.aof.is_waiting.load(Ordering::SeqCst) {
            if !options.force {
                tracing::warn!("Writing initial AOF, can't exit.");
                return Err(CommandError::SHUTDOWN_FAILED);
            }
            tracing::warn!("Writing initial AOF. Exit anyway.");
        }
        let failure = self.server.process.aof.failure();
        if let Some(why) = failure.filter(|_| config.appendonly) {
            // It holds what was acknowledged and is nowhere else.
            let why = os_reason(&why);
            if !options.force {
                tracing::warn!("Error writing to the AOF file, can't exit: {why}");
                return Err(CommandError::SHUTDOWN_FAILED);
            }
            tracing::warn!("Error writing to the AOF file: {why}. Exit anyway.");
        }
        let saves = options.save || (!options.nosave && !config.save.is_empty());
        let saves = saves && !loading;
        if !saves {
            finished(Ok(()));
            self.stop();
            return Ok(());
        }
        if self.is_walking() {
            // What it would write is older than what has to be kept.
            tracing::warn!("There is a snapshot being written. Giving it up!");
            self.give_up_snapshot("the server is going");
            *self.leaving.lock() = Some((options, finished));
            return Ok(());
        }
        tracing::info!("Saving the final RDB snapshot before exiting.");
        // The cut waits for what runs. An endless script must not keep the process from going.
        self.server.scripts.hurry(true);
        let this = self.this.upgrade().ok_or(CommandError::SHUTDOWN_FAILED)?;
        let force = options.force;
        let begun = self.begin_save(
            true,
            Box::new(move |result| {
                if result.is_ok() || force {
                    finished(Ok(()));
                    return this.stop();
                }
                tracing::warn!("Error trying to save the DB, can't exit.");
                this.server.scripts.hurry(false);
                this.everywhere(Arc::new(|core| {
                    core.pause(None);
                    Box::new(())
                }));
                finished(Err(CommandError::SHUTDOWN_FAILED));
            }),
        );
        match begun {
            Ok(cut) => self.everywhere(cut),
            Err(_) if force => self.stop(),
            Err(error) => {
                self.server.scripts.hurry(false);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Runs a function on all cores at one point of the common order.
    pub(super) fn everywhere(&self, each: OnCore) {
        self.posts[0].send(Mail::Everywhere(each));
    }

    /// The settings in force.
    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&self.settings.lock().config)
    }

    /// Facts and counters.
    pub(super) fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// Where mail for the cores goes.
    pub(super) fn posts(&self) -> &[Arc<Post>] {
        &self.posts
    }

    /// The clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether the cores were told to stop.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Whether a snapshot is being taken.
    pub(super) fn is_walking(&self) -> bool {
        self.server.process.save.walking.load(Ordering::SeqCst)
    }

    /// Itself, for what it hands to others.
    pub(super) fn arc(&self) -> Option<Arc<Running>> {
        self.this.upgrade()
    }

    /// Has the control thread do something.
    pub(super) fn later(&self, job: Box<dyn FnOnce() + Send>) {
        let _ = self.orders.send(Order::Job(job));
    }

    /// Prepares a snapshot; what comes back makes the cut. See `save`.
    pub(super) fn begin_snapshot(&self, plan: Plan) -> Result<OnCore, CommandError> {
        if self
            .server
            .process
            .save
            .walking
            .swap(true, Ordering::SeqCst)
        {
            return Err(CommandError::SAVE_IN_PROGRESS);
        }
        let config = Arc::clone(&self.settings.lock().config);
        let this = self.this.upgrade().ok_or(CommandError::SHUTDOWN_FAILED)?;
        let ended = Box::new(move || {
            *this.under_way.lock() = None;
            this.server
                .process
                .save
                .walking
                .store(false, Ordering::SeqCst);
        });
        let mut under_way = self.under_way.lock();
        match save::begin(plan, &self.server, &config, self.clock, ended) {
            Ok((cut, begun)) => {
                *under_way = Some(begun);
                Ok(cut)
            }
            Err(error) => {
                self.server
                    .process
                    .save
                    .walking
                    .store(false, Ordering::SeqCst);
                Err(CommandError::owned(format!("ERR {}", os_reason(&error))))
            }
        }
    }

    /// Prepares to write the RDB file; what comes back makes the cut. `and_hold` leaves all clients held from then on.
    fn begin_save(&self, and_hold: bool, done: Done) -> Result<OnCore, CommandError> {
        let config = Arc::clone(&self.settings.lock().config);
        let file = RdbFile::new(
            &config.dbfilename,
            self.temporary(),
            BaseOf::Nothing,
            config.rdbchecksum,
            config.rdb_save_incremental_fsync,
        );
        let started = self.clock.wall_us() / 1_000_000;
        let changes = self.changes();
        let this = self.this.upgrade().ok_or(CommandError::SHUTDOWN_FAILED)?;
        let consumer = Consumer {
            sink: Box::new(file),
            done: Box::new(move |result| this.saved(&result, started, changes, done)),
        };
        let cut = self.begin_snapshot(Plan {
            consumers: vec![consumer],
            at_cut: None,
            and_hold,
        })?;
        let stats = &self.server.process.save;
        stats.started.store(started, Ordering::Relaxed);
        stats.in_progress.store(true, Ordering::SeqCst);
        Ok(cut)
    }

    /// What an RDB file is called until it is whole.
    fn temporary(&self) -> String {
        format!("temp-{}.rdb", self.server.pid)
    }

    /// Notes how a save went.
    fn saved(&self, result: &io::Result<()>, started: i64, changes: u64, done: Done) {
        let now = self.clock.wall_us() / 1_000_000;
        let process = &self.server.process;
        match result {
            Ok(()) => {
                tracing::info!("DB saved on disk");
                process.last_save.store(now, Ordering::Relaxed);
                process.saved_changes.store(changes, Ordering::Relaxed);
                process.save.saves.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if is_cancelled(error) => {}
            Err(error) => {
                let why = os_reason(error);
                tracing::warn!("Write error while saving DB to the disk: {why}");
            }
        }
        let stats = &process.save;
        if !result.as_ref().is_err_and(is_cancelled) {
            stats.last_ok.store(result.is_ok(), Ordering::Relaxed);
        }
        let peak = stats.held_peak.load(Ordering::Relaxed);
        stats.last_held_peak.store(peak, Ordering::Relaxed);
        stats.last_seconds.store(now - started, Ordering::Relaxed);
        stats.in_progress.store(false, Ordering::SeqCst);
        done(match result {
            Ok(()) => Ok(()),
            Err(error) if is_cancelled(error) => Err(CommandError::SAVE_CANCELLED),
            Err(_) => Err(CommandError::fixed("ERR")),
        });
    }

    /// Ends the snapshot under way, if there is one, without a result. That is not an error of it.
    fn give_up_snapshot(&self, why: &str) -> bool {
        let under_way = self.under_way.lock();
        if let Some(snapshot) = &*under_way {
            snapshot.cancel(why);
        }
        under_way.is_some()
    }

    /// As [`Running::begin_save`] for BGSAVE and save points: a failure stops writes.
    fn begin_background_save(&self) -> Result<OnCore, CommandError> {
        let this = self.this.upgrade().ok_or(CommandError::SHUTDOWN_FAILED)?;
        let cut = self.begin_save(
            false,
            Box::new(move |result| {
                let save = &this.server.process.save;
                if result == Err(CommandError::SAVE_CANCELLED) {
                    tracing::warn!("Background saving was cancelled");
                    return;
                }
                save.background_failed
                    .store(result.is_err(), Ordering::Relaxed);
                match result {
                    Ok(()) => tracing::info!("Background saving terminated with success"),
                    Err(_) => tracing::warn!("Background saving error"),
                }
            }),
        )?;
        tracing::info!("Background saving started by pid {}", self.server.pid);
        Ok(cut)
    }

    /// Changes of all shards, ever.
    fn changes(&self) -> u64 {
        let cores = self.server.cores.iter();
        cores.map(|core| core.store.changes.get()).sum()
    }

    /// Starts to write a snapshot if one was scheduled, or a save point says so.
    fn save_if_due(&self) {
        let process = &self.server.process;
        if process.save.in_progress.load(Ordering::Relaxed)
            || process.load.active.load(Ordering::Relaxed)
            || self.stopping.load(Ordering::Relaxed)
            || self.is_walking()
        {
            return;
        }
        let leaving = self.leaving.lock().take();
        if let Some((options, finished)) = leaving {
            if self.leave(options, finished).is_err() {
                tracing::warn!("Cannot shut down: something else is being saved.");
            }
            return;
        }
        let now = self.clock.wall_us() / 1_000_000;
        let config = Arc::clone(&self.settings.lock().config);
        let saved = process.saved_changes.load(Ordering::Relaxed);
        let changes = self.changes().saturating_sub(saved);
        let since = now - process.last_save.load(Ordering::Relaxed);
        // After a failure not at once again.
        let failed = process.save.refuses_writes();
        let waited = now - process.save.started.load(Ordering::Relaxed) > RETRY_SECS;
        let due = config
            .save
            .iter()
            .find(|point| changes >= point.changes.unsigned_abs() && since > point.seconds);
        let scheduled = self.scheduled.swap(false, Ordering::Relaxed);
        if let Some(point) = due.filter(|_| !failed || waited) {
            tracing::info!(
                "{} changes in {} seconds. Saving...",
                point.changes,
                point.seconds
            );
        } else if !scheduled {
            return;
        }
        match self.begin_background_save() {
            Ok(cut) => self.everywhere(cut),
            Err(_) => self.scheduled.store(scheduled, Ordering::Relaxed),
        }
    }

    fn stop(&self) {
        if self.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        tracing::warn!("User requested shutdown...");
        if self.give_up_snapshot("the server is going") {
            // Whoever writes it may not come to it before the process ends.
            let _ = std::fs::remove_file(self.temporary());
        }
        self.settings.lock().listening.clear();
        self.server.scripts.stop();
        for post in &self.posts {
            post.send(Mail::Stop);
        }
        let _ = self.stopped.send(());
    }

    /// Ten times a second: rates, memory.
    pub(super) fn tick_if_due(&self) {
        let now = self.clock.wall_us();
        let before = self.sampled_at_us.load(Ordering::Relaxed);
        if now - before < 100_000 {
            return;
        }
        self.sampled_at_us.store(now, Ordering::Relaxed);
        self.save_if_due();
        self.rewrite_if_due();
        let process = &self.server.process;
        let sums = [
            self.server.sum(|core| core.commands.get()),
            self.server.sum(|core| core.input_bytes.get()),
            self.server.sum(|core| core.output_bytes.get()),
            self.server.sum(|core| core.turns.get()),
            self.server.sum(|core| core.busy_us.get()),
        ];
        let rates = [
            &process.ops_per_second,
            &process.input_per_second,
            &process.output_per_second,
            &process.turns_per_second,
            &process.busy_us_per_second,
        ];
        if before > 0 {
            for ((last, sum), rate) in self.last.iter().zip(sums).zip(rates) {
                let grown = sum.saturating_sub(last.swap(sum, Ordering::Relaxed));
                let now_rate = grown as f64 * 1e6 / (now - before) as f64;
                // Smoothed over about a second and a half, like the sixteen samples that clients expect.
                let old = rate.load(Ordering::Relaxed) as f64;
                let smooth = old + (now_rate - old) / 8.0;
                rate.store(
                    if grown == 0 && smooth < 1.0 {
                        0
                    } else {
                        smooth.round() as u64
                    },
                    Ordering::Relaxed,
                );
            }
        }
        if let Some(rss) = resident_bytes() {
            process.rss.store(rss, Ordering::Relaxed);
        }
        process
            .peak_memory
            .fetch_max(self.server.used_memory(), Ordering::Relaxed);
    }
}

impl Process for Running {
    fn configure(&self, pairs: &[&[u8]], context: SetContext) -> Result<Configured, CommandError> {
        let mut settings = self.settings.lock();
        let changed = config_set(&settings.config, pairs, context)
            .map_err(|error| CommandError::owned(error.text()))?;
        let config = Arc::new(changed.config);
        let named = |name: &str| changed.settings.iter().any(|setting| setting.name == name);
        let refused = |name: &str, why: &str| {
            CommandError::owned(ConfigSetError::refused(name, why.to_owned()).text())
        };
        // What can fail comes first and can be dropped again: all of the settings change, or none.
        let listens = |name: &&str| matches!(*name, "bind" | "port");
        let bound = match changed
            .settings
            .iter()
            .map(|setting| setting.name)
            .find(listens)
        {
            Some(name) => {
                let why = match name {
                    "port" => "Unable to listen on this port. Check server logs.",
                    _ => "Failed to bind to specified addresses.",
                };
                let refused = || refused(name, why);
                let bound = listeners::bind_again(&config, &settings.listening);
                let bound = bound.map_err(|_| refused())?;
                let handles = listeners::handles(&bound).map_err(|_| refused())?;
                Some((handles, bound))
            }
            None => None,
        };
        if named("maxclients") {
            listeners::raise_limit(config.maxclients).map_err(|fit| {
                let why = format!(
                    "The operating system is not able to handle the specified number of clients, try with {fit}"
                );
                refused("maxclients", &why)
            })?;
        }
        if named("dir") {
            std::env::set_current_dir(&config.dir)
                .map_err(|error| refused("dir", &os_reason(&error)))?;
        }
        if config.appendonly && !self.server.process.aof.is_on.load(Ordering::SeqCst) {
            Aof::try_folder(&config).map_err(|error| {
                let why = os_reason(&error);
                tracing::warn!(
                    "Can't open the append-only files in {}: {why}",
                    config.appenddirname
                );
                refused("appendonly", "Unable to turn on AOF. Check server logs.")
            })?;
        }
        if named("loglevel") {
            logging::set_level(config.loglevel);
        }
        if let Some((handles, bound)) = bound {
            settings.listening = handles;
            self.posts[0].send(Mail::Listen(bound));
        }
        settings.version += 1;
        settings.config = Arc::clone(&config);
        if AOF_SETTINGS.iter().any(|name| named(name)) {
            self.follow_settings(&config, settings.version);
        }
        let users = named("requirepass")
            .then(|| self.change_users(Box::new(set_password(&config))))
            .transpose()?;
        Ok(Configured {
            version: settings.version,
            config,
            users: users.map(|(version, users, _)| (version, users)),
        })
    }

    fn change_users(&self, change: UserChange) -> Result<(u64, Arc<Users>, Answer), CommandError> {
        let mut book = self.users.lock();
        let mut next = (*book.1).clone();
        let answer = change(&mut next)?;
        *book = (book.0 + 1, Arc::new(next));
        Ok((book.0, Arc::clone(&book.1), answer))
    }

    fn spread_users(&self, version: u64, users: &Arc<Users>, caller: u64) -> flume::Receiver<()> {
        spread_users(&self.posts, version, users, caller)
    }

    fn run(&self, job: Box<dyn FnOnce() + Send>) {
        let _ = self.orders.send(Order::Job(job));
    }

    fn shutdown(
        &self,
        options: Shutdown,
        finished: Box<dyn FnOnce(Result<(), CommandError>) + Send>,
    ) -> Result<(), CommandError> {
        if options.abort {
            return Err(CommandError::NO_SHUTDOWN);
        }
        self.leave(options, finished)
    }

    fn load(&self, load: Load, done: Done) {
        let Some(this) = self.this.upgrade() else {
            return;
        };
        // A thread of its own: the control thread has signals to listen to.
        let work = move || {
            done(match loading::again(&this, load) {
                Ok(()) => Ok(()),
                Err(LoadError::Failed(why)) => {
                    tracing::warn!("{why}");
                    Err(match load {
                        Load::AppendOnly => CommandError::LOADAOF_FAILED,
                        _ => CommandError::RELOAD_FAILED,
                    })
                }
                // Nothing to read: the databases are empty.
                Err(LoadError::Absent) => Ok(()),
                Err(LoadError::Stopped) => Err(CommandError::RELOAD_FAILED),
            });
        };
        let builder = std::thread::Builder::new().name("loader".into());
        if let Err(error) = builder.spawn(work) {
            tracing::warn!("no thread to read a file with: {error}");
        }
    }

    fn save(&self, save: Save, done: Done) -> Result<Saving, CommandError> {
        let only_noted = |reply| Ok(Saving { reply, cut: None });
        let begun = |reply| {
            move |cut| Saving {
                reply,
                cut: Some(cut),
            }
        };
        let busy = self.server.process.save.in_progress.load(Ordering::SeqCst);
        let rewrites = self.server.process.aof.is_rewriting.load(Ordering::SeqCst);
        match save {
            Save::AndReply => self.begin_save(false, done).map(begun("OK")),
            Save::Scheduled if busy => {
                self.scheduled.store(true, Ordering::Relaxed);
                only_noted("Background saving scheduled")
            }
            Save::Scheduled if rewrites => {
                self.scheduled.store(true, Ordering::Relaxed);
                only_noted("Background saving scheduled")
            }
            Save::InBackground if rewrites => Err(CommandError::SAVE_OTHER_CHILD),
            Save::InBackground | Save::Scheduled => self
                .begin_background_save()
                .map(begun("Background saving started")),
            Save::Cancel if busy && self.give_up_snapshot("BGSAVE CANCEL") => {
                tracing::info!("Background saving will be aborted due to user request");
                only_noted("Background saving cancelled")
            }
            Save::Cancel if self.scheduled.swap(false, Ordering::Relaxed) => {
                only_noted("Scheduled background save cancelled")
            }
            Save::Cancel => Err(CommandError::NO_SAVE_TO_CANCEL),
            Save::Rewrite => self.rewrite(),
        }
    }
}

/// What `requirepass` means: the password of the default user, or that it needs none.
pub(super) fn set_password(
    config: &Config,
) -> impl FnOnce(&mut Users) -> Result<Answer, CommandError> + Send + use<> {
    let password = config.requirepass.clone();
    move |users| {
        let mut user = User::clone(users.default_user());
        user.no_password = password.is_empty();
        user.passwords.clear();
        if !password.is_empty() {
            user.passwords.push(Password::of(&password));
        }
        users.put(user);
        Ok(Answer::Ok)
    }
}

/// Whether a snapshot was ended on purpose.
fn is_cancelled(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
