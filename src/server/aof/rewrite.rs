//! When the append-only files are written anew, and how: a snapshot whose cut is a mark in the log.
//!
//! Up to the mark everything is in the snapshot, from the mark on everything is in a new increment. When the snapshot is
//! on the disk it becomes the base, and what was before is removed. Turning the append-only file on is the same with an
//! increment that nobody names before its base is there.

use super::{Order, temporary_base};
use crate::command::ctx::OnCore;
use crate::command::generic::dump::limits;
use crate::config::{Config, os_reason};
use crate::conn::{Saving, Settled};
use crate::persist::aof::BaseFormat;
use crate::persist::rdb::{Found, RdbError, Scan, Scanner};
use crate::persist::{Window, write_command, write_key};
use crate::resp::CommandError;
use crate::server::running::Running;
use crate::server::save::{AtCut, BaseOf, Consumer, Plan, RdbFile};
use crate::server::saving::is_cancelled;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};

/// After so many failures in a row rewrites that nobody asked for come less often.
const FAILURES_MAX: u64 = 3;
/// What a base of commands is written in pieces of.
const BUFFER_BYTES: usize = 256 * 1024;
/// How long they are put off at most.
const DELAY_MINUTES_MAX: i64 = 60;

/// When the next rewrite may be tried.
#[derive(Default)]
pub(in crate::server) struct Rewrites {
    delay_minutes: AtomicI64,
    /// Unix seconds; 0 if nothing is put off.
    next: AtomicI64,
    /// All cores are ready for the log to be turned on.
    are_cores_ready: AtomicBool,
    /// The one under way comes to nothing, and has not ended yet.
    is_given_up: AtomicBool,
}

impl Rewrites {
    /// Whether it failed too often lately.
    fn are_put_off(&self, failures: u64, now: i64) -> bool {
        if failures < FAILURES_MAX {
            self.delay_minutes.store(0, Ordering::Relaxed);
            self.next.store(0, Ordering::Relaxed);
            return false;
        }
        match self.next.load(Ordering::Relaxed) {
            0 => {
                let before = self.delay_minutes.load(Ordering::Relaxed);
                let delay = (before * 2).clamp(1, DELAY_MINUTES_MAX);
                self.delay_minutes.store(delay, Ordering::Relaxed);
                self.next.store(now + delay * 60, Ordering::Relaxed);
                tracing::warn!(
                    "Background AOF rewrite has repeatedly failed and triggered the limit, will retry in {delay} minutes"
                );
                true
            }
            next if now < next => true,
            _ => {
                self.next.store(0, Ordering::Relaxed);
                false
            }
        }
    }
}

impl Running {
    /// BGREWRITEAOF. `later` for one that a transaction asks for.
    pub(in crate::server) fn rewrite(&self, later: bool) -> Result<Saving, CommandError> {
        let stats = &self.server().process.aof;
        let is_given_up = self.rewrites.is_given_up.load(Ordering::SeqCst);
        if stats.is_rewriting.load(Ordering::SeqCst) && !is_given_up {
            return Err(CommandError::REWRITE_IN_PROGRESS);
        }
        if later || is_given_up || self.is_walking() || !self.may_begin() {
            stats.is_scheduled.store(true, Ordering::SeqCst);
            // Who asks is not put off for what failed before.
            stats.failures.store(0, Ordering::Relaxed);
            return Ok(Saving {
                reply: "Background append only file rewriting scheduled",
                cut: None,
            });
        }
        Ok(Saving {
            reply: "Background append only file rewriting started",
            cut: Some(self.begin_rewrite()?),
        })
    }

    /// Begins a rewrite that is scheduled, or that the growth of the files asks for.
    pub(in crate::server) fn rewrite_if_due(&self) {
        let stats = &self.server().process.aof;
        let is_scheduled = stats.is_scheduled.load(Ordering::Relaxed);
        let is_busy = self.is_walking() || stats.is_rewriting.load(Ordering::Relaxed);
        // While files are read they stay as they are, and what is in memory is not all there is.
        let is_reading = self.server().process.load.active.load(Ordering::SeqCst);
        if is_busy || is_reading || self.is_stopping() || self.is_leaving() || !self.may_begin() {
            return;
        }
        let config = self.config();
        let growth = match stats.is_on.load(Ordering::Relaxed) {
            true if !stats.is_waiting() => self.growth_to_rewrite(&config),
            _ => None,
        };
        if !is_scheduled && growth.is_none() {
            return;
        }
        let failures = stats.failures.load(Ordering::Relaxed);
        let now = self.clock().wall_us() / 1_000_000;
        if self.rewrites.are_put_off(failures, now) {
            return;
        }
        if let Some(growth) = growth.filter(|_| !is_scheduled) {
            tracing::info!("Starting automatic rewriting of AOF on {growth}% growth");
        }
        if let Ok(cut) = self.begin_rewrite() {
            self.everywhere(cut);
        }
    }

    /// Whether the first increment, if one is wanted, can be begun.
    fn may_begin(&self) -> bool {
        !self.server().process.aof.is_waiting()
            || self.rewrites.are_cores_ready.load(Ordering::SeqCst)
    }

    fn growth_to_rewrite(&self, config: &Config) -> Option<u64> {
        let stats = &self.server().process.aof;
        let wanted = u64::try_from(config.auto_aof_rewrite_percentage).ok()?;
        let size = stats.current_size.load(Ordering::Relaxed);
        let base = stats.base_size.load(Ordering::Relaxed).max(1);
        let growth = (size.saturating_mul(100) / base).saturating_sub(100);
        let is_due = wanted > 0 && size > config.auto_aof_rewrite_min_size && growth >= wanted;
        is_due.then_some(growth)
    }

    /// Prepares a rewrite; what comes back makes the cut.
    fn begin_rewrite(&self) -> Result<OnCore, CommandError> {
        let stats = &self.server().process.aof;
        if stats.is_rewriting.swap(true, Ordering::SeqCst) {
            return Err(CommandError::REWRITE_IN_PROGRESS);
        }
        let started = self.clock().wall_us() / 1_000_000;
        stats.rewrite_started.store(started, Ordering::Relaxed);
        let begun = self.begin_rewrite_at(started);
        match &begun {
            Ok(_) => {
                stats.is_scheduled.store(false, Ordering::SeqCst);
                stats.rewrites.fetch_add(1, Ordering::Relaxed);
                tracing::info!("Background append only file rewriting started");
            }
            Err(error) => {
                // What is under way ends by itself; all else somebody has to look at.
                if *error != CommandError::SAVE_IN_PROGRESS {
                    stats.rewrite_ok.store(false, Ordering::Relaxed);
                }
                // That one sends people to the log, where the reason stands.
                if *error != CommandError::REWRITE_FAILED {
                    let why = String::from_utf8_lossy(error.text()).into_owned();
                    tracing::warn!("Can't rewrite the append only file in background: {why}");
                }
                stats.is_rewriting.store(false, Ordering::SeqCst);
            }
        }
        begun
    }

    fn begin_rewrite_at(&self, started: i64) -> Result<OnCore, CommandError> {
        let config = self.config();
        let stats = &self.server().process.aof;
        let this = self.arc().ok_or(CommandError::REWRITE_FAILED)?;
        let is_on = stats.is_on.load(Ordering::SeqCst);
        let mark = is_on.then(|| self.aof.new_mark(|| stats.is_waiting()));
        let folder = made_folder(&config).map_err(|error| {
            let (name, why) = (&config.appenddirname, os_reason(&error));
            tracing::warn!("Can't open or create append-only dir {name}: {why}");
            CommandError::REWRITE_FAILED
        })?;
        let path = folder.join(temporary_base());
        let file = RdbFile::new(
            path.clone(),
            path.with_extension("rdb"),
            BaseOf::Log,
            config.rdbchecksum,
            config.aof_rewrite_incremental_fsync,
        );
        let format = match config.aof_use_rdb_preamble {
            true => BaseFormat::Rdb,
            false => BaseFormat::Commands,
        };
        let done = Box::new(move |result: io::Result<()>| {
            let result = match format {
                BaseFormat::Rdb => result,
                BaseFormat::Commands => {
                    let begun = config.aof_timestamp_enabled.then_some(started);
                    result.and_then(|()| into_commands(&path, &config, begun))
                }
            };
            match result {
                Ok(()) => this.install_base(mark, path, format, started),
                Err(error) => {
                    let _ = std::fs::remove_file(&path);
                    this.come_to_nothing(mark, error, started);
                }
            }
        });
        let consumer = Consumer {
            sink: Box::new(file),
            done,
        };
        let at_cut = mark.map(|mark| {
            let at_cut: AtCut = Arc::new(move |core| core.mark_log(mark));
            at_cut
        });
        self.begin_snapshot(Plan {
            consumers: vec![consumer],
            at_cut,
        })
    }

    fn install_base(&self, mark: Option<u64>, path: PathBuf, format: BaseFormat, started: i64) {
        let Some(this) = self.arc() else { return };
        let done = Box::new(move |result: io::Result<String>| {
            if let Ok(name) = &result {
                tracing::info!("The temporary AOF base file is {name} now");
                let stats = &this.server().process.aof;
                stats
                    .based_at
                    .fetch_max(mark.unwrap_or(0), Ordering::SeqCst);
            }
            this.rewritten(result.map(|_| ()), started);
        });
        self.aof.send(Order::NewBase {
            mark,
            temporary: path,
            format,
            done,
        });
    }

    /// A rewrite has failed. It is over when its increment is there.
    fn come_to_nothing(&self, mark: Option<u64>, error: io::Error, started: i64) {
        let (Some(mark), Some(this)) = (mark, self.arc()) else {
            return self.rewritten(Err(error), started);
        };
        self.aof.send(Order::GiveUp {
            mark,
            done: Box::new(move || this.rewritten(Err(error), started)),
        });
    }

    /// Notes how a rewrite went.
    fn rewritten(&self, result: io::Result<()>, started: i64) {
        let stats = &self.server().process.aof;
        let now = self.clock().wall_us() / 1_000_000;
        stats
            .rewrite_seconds
            .store(now - started, Ordering::Relaxed);
        match &result {
            Err(error) if is_cancelled(error) => {}
            result => stats.rewrite_ok.store(result.is_ok(), Ordering::Relaxed),
        }
        match result {
            Ok(()) => {
                stats.failures.store(0, Ordering::Relaxed);
                tracing::info!("Background AOF rewrite finished successfully");
            }
            Err(error) if is_cancelled(&error) => {
                tracing::info!("Background AOF rewrite was given up");
            }
            Err(error) => {
                stats.failures.fetch_add(1, Ordering::Relaxed);
                let why = os_reason(&error);
                tracing::warn!("Background AOF rewrite terminated with an error: {why}");
                if stats.is_waiting() {
                    // There is nothing to fall back on.
                    stats.is_scheduled.store(true, Ordering::SeqCst);
                }
            }
        }
        stats.is_rewriting.store(false, Ordering::SeqCst);
        self.rewrites.is_given_up.store(false, Ordering::SeqCst);
    }

    /// Settings have changed, under the lock that keeps them in order: turns the append-only file on or off. `version` is
    /// that of the settings. What comes back calls back when the thread of the file acts on them.
    pub(in crate::server) fn follow_settings(
        &self,
        config: &Arc<Config>,
        version: u64,
    ) -> Option<Settled> {
        let stats = &self.server().process.aof;
        // At once: whoever has been told of the setting finds it in the next line of the file.
        self.aof.note_times(config.aof_timestamp_enabled);
        let was_on = stats.is_on.load(Ordering::SeqCst);
        match (was_on, config.appendonly) {
            (false, true) => {
                self.rewrites.are_cores_ready.store(false, Ordering::SeqCst);
                let mark = self.aof.new_mark(|| true);
                stats.turned_on_at.store(mark, Ordering::SeqCst);
                stats.is_on.store(true, Ordering::SeqCst);
                stats.is_scheduled.store(true, Ordering::SeqCst);
                tracing::info!("AOF background was scheduled: a rewrite begins the file");
                self.aof.send(Order::TurnOn(Arc::clone(config)));
                self.prepare_log(version);
            }
            (true, false) => {
                stats.is_on.store(false, Ordering::SeqCst);
                stats.is_scheduled.store(false, Ordering::SeqCst);
                if stats.is_rewriting.load(Ordering::SeqCst) {
                    // Its base would stand for increments that are not written.
                    let pid = self.server().pid;
                    tracing::info!("Killing running AOF rewrite child: {pid} (a thread here)");
                    self.rewrites.is_given_up.store(true, Ordering::SeqCst);
                    self.give_up_snapshot("the append-only file was turned off");
                }
                self.aof.send(Order::TurnOff(self.aof.last_mark()));
            }
            (_, is_on) => {
                self.aof.send(Order::Settings(Arc::clone(config)));
                let aof = Arc::clone(&self.aof);
                let settled: Settled =
                    Box::new(move |done| aof.send(Order::AtMark { mark: 0, done }));
                return is_on.then_some(settled);
            }
        }
        None
    }

    /// Returns when what was appended until now is on the disk.
    pub(in crate::server) fn flush_log(&self) -> io::Result<()> {
        let (sender, done) = flume::bounded(1);
        self.aof.send(Order::Flush(Box::new(move |result| {
            let _ = sender.send(result);
        })));
        done.recv()
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    }

    /// First step of turning the log on; when all cores have done it a rewrite is the second.
    fn prepare_log(&self, version: u64) {
        let Some(this) = self.arc() else { return };
        let missing = AtomicUsize::new(self.server().slots.shards());
        self.everywhere(Arc::new(move |core| {
            core.prepare_log(version);
            if missing.fetch_sub(1, Ordering::AcqRel) == 1 {
                this.rewrites.are_cores_ready.store(true, Ordering::SeqCst);
                // Not from here: who begins a snapshot may wait for others.
                let stats = &this.server().process.aof;
                let waits = stats.is_waiting();
                stats.is_scheduled.fetch_or(waits, Ordering::SeqCst);
                let this = Arc::clone(&this);
                this.clone().later(Box::new(move || this.rewrite_if_due()));
            }
            Box::new(())
        }));
    }
}

/// The folder of the append-only files, which is made if it has gone.
fn made_folder(config: &Config) -> io::Result<PathBuf> {
    let folder = super::folder_of(config)?;
    match std::fs::create_dir(&folder) {
        Err(error) if !folder.is_dir() => Err(error),
        _ => Ok(folder),
    }
}

/// Turns an RDB file into commands, in its place. `begun` is when, in Unix seconds, if the file is to say that.
fn into_commands(path: &Path, config: &Config, begun: Option<i64>) -> io::Result<()> {
    let commands = path.with_extension("commands");
    let written = write_commands(path, &commands, config, begun);
    if written.is_err() {
        let _ = std::fs::remove_file(&commands);
    }
    written
}

fn write_commands(
    path: &Path,
    commands: &Path,
    config: &Config,
    begun: Option<i64>,
) -> io::Result<()> {
    let damaged = |error: RdbError| io::Error::other(error.to_string());
    let limits = limits(config);
    let snapshot = File::open(path)?;
    let size = snapshot.metadata()?.len();
    let mut window = Window::new(snapshot, size, BUFFER_BYTES);
    let mut scanner = Scanner::new(false);
    let (mut out, mut selected) = (Vec::new(), None);
    let mut file = File::create(commands)?;
    if let Some(seconds) = begun {
        out.extend_from_slice(format!("#TS:{seconds}\r\n").as_bytes());
    }
    while !scanner.is_done() {
        let (found, used) = match scanner.next(window.bytes()).map_err(damaged)? {
            Scan::Found(found, used) => (found, used),
            Scan::More(need) => match window.extend(need)? {
                true => continue,
                false => return Err(damaged(scanner.short())),
            },
        };
        match found {
            Found::Function(code) => write_command(&mut out, &[b"FUNCTION", b"LOAD", &code]),
            Found::Key(raw) => {
                let value = raw.read(scanner.version(), &limits).map_err(damaged)?;
                if selected.replace(raw.db) != Some(raw.db) {
                    write_command(&mut out, &[b"SELECT", raw.db.to_string().as_bytes()]);
                }
                write_key(&mut out, &raw.key, value.as_value_ref(), raw.expire);
            }
            _ => {}
        }
        window.consume(used);
        if out.len() >= BUFFER_BYTES {
            file.write_all(&out)?;
            out.clear();
        }
    }
    file.write_all(&out)?;
    file.sync_all()?;
    std::fs::rename(commands, path)
}
