//! The process while it runs: settings in force, the way to every core, sampled figures, the order of shutting down.

use super::control::Order;
use super::{listeners, logging};
use crate::command::ctx::{Answer, Server, Shutdown, UserChange};
use crate::config::{Config, ConfigSetError, SetContext, config_set, os_reason};
use crate::conn::{Configured, Mail, Post, Process, spread_users};
use crate::resp::CommandError;
use crate::ring::{Clock, Listener};
use crate::session::{Password, User, Users};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

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
    ) -> Arc<Running> {
        Arc::new(Running {
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
                self.stop();
            }
            _ => {
                tracing::warn!("Received SIGTERM scheduling shutdown...");
                self.stop();
            }
        }
    }

    fn stop(&self) {
        if self.stopping.swap(true, Ordering::SeqCst) {
            return;
        }
        tracing::warn!("User requested shutdown...");
        self.settings.lock().listening.clear();
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
        if named("loglevel") {
            logging::set_level(config.loglevel);
        }
        if let Some((handles, bound)) = bound {
            settings.listening = handles;
            self.posts[0].send(Mail::Listen(bound));
        }
        settings.version += 1;
        settings.config = Arc::clone(&config);
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

    fn shutdown(&self, options: Shutdown) -> Result<(), CommandError> {
        if options.abort {
            return Err(CommandError::NO_SHUTDOWN);
        }
        // Who asks for a snapshot by name must not lose the data because none can be written.
        if options.save && !options.force {
            tracing::warn!("Cannot save: this server does not write snapshots. Not shutting down.");
            return Err(CommandError::SHUTDOWN_FAILED);
        }
        self.stop();
        Ok(())
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
