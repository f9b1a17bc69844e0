//! The process while it runs: settings in force, the way to every core, sampled figures, the order of shutting down.

use super::aof::{Aof, Rewrites};
use super::control::Order;
use super::leaving::Leave;
use super::loading::{self, LoadError};
use super::migration::Migrations;
use super::oom::OomScore;
use super::rates::Rates;
use super::saving::Saves;
use super::title::Title;
use super::watchdog::Watchdog;
use super::{listeners, logging};
use crate::base::slot::ShardId;
use crate::command::ctx::{Answer, Load, OnCore, Save, Scope, Server, Shutdown, UserChange};
use crate::command::generic::migrate::Migration;
use crate::config::{Config, ConfigSetError, SetContext, config_set, os_reason};
use crate::conn::{Configured, Mail, Post, Process, Saving, spread_users};
use crate::resp::CommandError;
use crate::ring::{Clock, Listener, crash};
use crate::session::{Password, User, Users};
use crate::shard::{Links, Ticket};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Weak};

/// Who hears how a save went.
pub(super) type Done = Box<dyn FnOnce(Result<(), CommandError>) + Send>;

/// Settings that the thread of the append-only file has to hear of.
const AOF_SETTINGS: &[&str] = &[
    "appendonly",
    "dir",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "aof-disable-auto-gc",
    "aof-timestamp-enabled",
    "latency-monitor-threshold",
];

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
    pub(super) saves: Saves,
    pub(super) leave: Leave,
    /// Itself, for what it hands to others.
    this: Weak<Running>,
    /// The append-only file.
    pub(super) aof: Arc<Aof>,
    pub(super) rewrites: Rewrites,
    pub(super) migrations: Migrations,
    oom_score: Mutex<OomScore>,
    watchdog: Watchdog,
    title: Mutex<Title>,
    sampled_at_us: AtomicI64,
    rates: Mutex<Rates>,
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
        title: Title,
        links: &Arc<Links>,
    ) -> Arc<Running> {
        let mut oom_score = OomScore::default();
        // Not being allowed to is no reason not to start.
        let _ = oom_score.apply(&config);
        Arc::new_cyclic(|this| Running {
            this: Weak::clone(this),
            aof,
            rewrites: Rewrites::default(),
            migrations: Migrations::default(),
            saves: Saves::default(),
            leave: Leave::default(),
            oom_score: Mutex::new(oom_score),
            watchdog: Watchdog::new(links),
            title: Mutex::new(title),
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
            rates: Mutex::default(),
        })
    }

    /// SIGTERM and SIGINT shut down, SIGHUP opens the log file again, SIGALRM asks where the shards are.
    pub(super) fn on_signal(&self, signal: i32) {
        match signal {
            signal_hook::consts::SIGHUP => logging::reopen(),
            signal_hook::consts::SIGALRM => crash::trace_threads("Received SIGALRM"),
            signal => self.leave_on_signal(signal),
        }
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

    /// Itself, for what it hands to others.
    pub(super) fn arc(&self) -> Option<Arc<Running>> {
        self.this.upgrade()
    }

    /// Has the control thread do something.
    pub(super) fn later(&self, job: Box<dyn FnOnce() + Send>) {
        let _ = self.orders.send(Order::Job(job));
    }

    /// The cores are about to be told to stop; says whether they were before.
    pub(super) fn note_stopping(&self) -> bool {
        self.stopping.swap(true, Ordering::SeqCst)
    }

    /// The cores were told to stop.
    pub(super) fn tell_stopped(&self) {
        let _ = self.stopped.send(());
    }

    /// Closes what is listened on. When clients see their connections end nobody can make another.
    pub(super) fn stop_listening(&self) {
        for listener in std::mem::take(&mut self.settings.lock().listening) {
            if let Err(error) = listener.refuse() {
                tracing::debug!("closing what is listened on: {error}");
            }
        }
    }

    /// Ten times a second: rates, memory.
    pub(super) fn tick_if_due(&self) {
        let now = self.clock.wall_us();
        let before = self.sampled_at_us.load(Ordering::Relaxed);
        if now - before < 100_000 {
            return;
        }
        self.sampled_at_us.store(now, Ordering::Relaxed);
        let period_ms = self.config().watchdog_period;
        self.watchdog.look(&self.server, period_ms, now);
        if self.server.process.is_cron_paused.load(Ordering::SeqCst) {
            return;
        }
        self.close_idle_links();
        self.leave_if_held();
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
            let mut samples = self.rates.lock();
            if process.forget_rates.swap(false, Ordering::Relaxed) {
                samples.forget();
            }
            samples.sample(sums, now - before, rates);
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
                let rewrite_ok = &self.server.process.aof.rewrite_ok;
                rewrite_ok.store(false, Ordering::Relaxed);
                tracing::warn!(
                    "Can't open the append-only files in {}: {why}",
                    config.appenddirname
                );
                refused("appendonly", "Unable to turn on AOF. Check server logs.")
            })?;
        }
        if let Some(name) = ["oom-score-adj", "oom-score-adj-values"]
            .into_iter()
            .find(|name| named(name))
        {
            self.oom_score.lock().apply(&config).map_err(|_| {
                refused(
                    name,
                    "Failed to set current oom_score_adj. Check server logs.",
                )
            })?;
        }
        if named("proc-title-template") {
            self.title.lock().show(&config);
        }
        if named("crash-log-enabled") {
            crash::set_enabled(config.crash_log_enabled);
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
        let settled = match AOF_SETTINGS.iter().any(|name| named(name)) {
            true => self.follow_settings(&config, settings.version),
            false => None,
        };
        let users = named("requirepass")
            .then(|| self.change_users(Box::new(set_password(&config))))
            .transpose()?;
        Ok(Configured {
            version: settings.version,
            config,
            users: users.map(|(version, users, _)| (version, users)),
            settled,
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
            return self.abort_leaving();
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
                // The databases are empty now.
                Err(LoadError::Absent) => match load {
                    Load::AppendOnly => Err(CommandError::LOADAOF_FAILED),
                    _ => Err(CommandError::RELOAD_FAILED),
                },
                Err(LoadError::Unsaved(error)) => Err(error),
                Err(LoadError::Stopped) => Err(CommandError::RELOAD_FAILED),
            });
        };
        let builder = std::thread::Builder::new().name("loader".into());
        if let Err(error) = builder.spawn(work) {
            tracing::warn!("no thread to read a file with: {error}");
        }
    }

    fn migrate(&self, migration: Migration, scope: Scope, home: ShardId, ticket: Ticket) {
        self.begin_migration(migration, scope, home, ticket);
    }

    fn save(&self, save: Save, done: Done) -> Result<Saving, CommandError> {
        self.save_as_asked(save, done)
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

fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
