//! Reading what there is on the disk: at start, and when DEBUG RELOAD or DEBUG LOADAOF asks for it.
//!
//! ```text
//! loader thread   file -> window -> RDB: keys, in batches, by shard -> mail to each shard, which makes values of them
//!                                -> commands, as they stand        -> a connection to ourselves -> core 0, like any client
//! ```
//!
//! Clients are served meanwhile: what says so runs, anything else is answered `-LOADING`. A file is read in pieces of
//! `loading-process-events-interval-bytes`; what is under way is bounded, so a file may be larger than what fits into
//! memory twice.
//!
//! Commands go through the ordinary path as one infinitely pipelined connection (`stream.rs`): in order where they meet,
//! in parallel where they do not, transactions over several shards as the fences they are.

mod append_only;
mod snapshot;
mod stream;

pub(super) use append_only::{manifest_in, manifest_on_disk};

use super::running::Running;
use crate::base::limits;
use crate::command::ctx::{Core, Load, OnCore};
use crate::command::persistence::empty;
use crate::config::Config;
use crate::conn::Mail;
use crate::persist::Window;
use crate::resp::CommandError;
use crate::stats::CommandLog;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often a wait looks whether the process is going down.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Why nothing was loaded.
#[derive(Debug)]
pub(super) enum LoadError {
    /// There is no such file.
    Absent,
    /// It cannot be used. The log says why.
    Failed(String),
    /// It could not be written; nothing was removed.
    Unsaved(CommandError),
    /// The process is going down.
    Stopped,
}

type Result<T> = std::result::Result<T, LoadError>;

/// Reads files into the shards.
pub(super) struct Loader<'a> {
    running: &'a Arc<Running>,
    /// Keys that are there already are replaced.
    replace: bool,
    /// Bytes of the files before the one that is being read.
    before: u64,
}

impl<'a> Loader<'a> {
    pub(super) fn new(running: &'a Arc<Running>, replace: bool) -> Loader<'a> {
        Loader {
            running,
            replace,
            before: 0,
        }
    }

    /// Has all cores answer `-LOADING` from now on.
    fn begin(&self) -> Result<()> {
        let load = &self.running.server().process.load;
        let now = self.running.clock().wall_us() / 1_000_000;
        load.started.store(now, Ordering::Relaxed);
        load.total_bytes.store(0, Ordering::Relaxed);
        load.loaded_bytes.store(0, Ordering::Relaxed);
        load.rdb_used_memory.store(0, Ordering::Relaxed);
        load.partial.store(true, Ordering::SeqCst);
        load.active.store(true, Ordering::SeqCst);
        self.running.server().process.disk.set_reading(true);
        self.on_all_cores(|core| core.refuse_to_load())?;
        self.let_clients_end()?;
        self.on_all_cores(|core| core.set_loading(true))
    }

    /// Waits for what clients had asked for before they were refused: on its way between cores, it is to be written down
    /// like all else. Not for ever: a script may have no end.
    fn let_clients_end(&self) -> Result<()> {
        let until_us = self.running.clock().mono_us() + limits::FAREWELL_MS * 1000;
        loop {
            let is_settled = Arc::new(AtomicBool::new(true));
            let noted = Arc::clone(&is_settled);
            self.on_each_core(move |core| {
                noted.fetch_and(core.is_settled(), Ordering::AcqRel);
            })?;
            if is_settled.load(Ordering::Acquire) || self.running.clock().mono_us() >= until_us {
                return Ok(());
            }
            self.running.clock().pause_us(100);
        }
    }

    /// So many bytes are to be read.
    fn expect(&self, total_bytes: u64) {
        let load = &self.running.server().process.load;
        load.total_bytes.store(total_bytes, Ordering::Relaxed);
    }

    /// Back to work.
    fn end(&self) -> Result<()> {
        let load = &self.running.server().process.load;
        load.partial.store(false, Ordering::SeqCst);
        let ended = self.on_all_cores(|core| core.set_loading(false));
        load.active.store(false, Ordering::SeqCst);
        self.running.server().process.disk.set_reading(false);
        ended
    }

    /// Runs a function on all cores at one point of the common order, and waits until all have.
    pub(super) fn on_all_cores(
        &self,
        each: impl Fn(&mut dyn Core) + Send + Sync + 'static,
    ) -> Result<()> {
        let (sender, done) = flume::unbounded();
        let each: OnCore = Arc::new(move |core| {
            each(core);
            let _ = sender.send(());
            Box::new(())
        });
        self.running.everywhere(each);
        for _ in self.running.posts() {
            self.wait(&done)?;
        }
        Ok(())
    }

    /// Waits for all mail to all cores to have been dealt with.
    fn settle(&self) -> Result<()> {
        self.on_each_core(|_| {})
    }

    /// Runs a function on each core, whenever that comes to its mail, and waits until all have.
    fn on_each_core(&self, each: impl Fn(&mut dyn Core) + Send + Sync + 'static) -> Result<()> {
        let (sender, done) = flume::unbounded();
        let each = Arc::new(each);
        for post in self.running.posts() {
            let (sender, each) = (sender.clone(), Arc::clone(&each));
            post.send(Mail::Here(Box::new(move |core| {
                each(core);
                let _ = sender.send(());
            })));
        }
        for _ in self.running.posts() {
            self.wait(&done)?;
        }
        Ok(())
    }

    fn wait(&self, done: &flume::Receiver<()>) -> Result<()> {
        loop {
            match done.recv_timeout(LOOK_AGAIN) {
                Ok(()) => return Ok(()),
                Err(_) => self.check_stopping()?,
            }
        }
    }

    /// Writes the RDB file. Nobody changes anything meanwhile, so it has all that is lost by reading it.
    fn save(&self) -> Result<()> {
        let (sender, done) = flume::bounded(1);
        let told = Box::new(move |result| {
            let _ = sender.send(result);
        });
        let saving = self.running.save_or_wait(told);
        if let Some(cut) = saving.map_err(LoadError::Unsaved)?.cut {
            self.running.everywhere(cut);
        }
        loop {
            match done.recv_timeout(LOOK_AGAIN) {
                Ok(saved) => return saved.map_err(LoadError::Unsaved),
                Err(_) => self.check_stopping()?,
            }
        }
    }

    /// Waits for a rewrite under way: it would remove what is to be read. None begins while something is read.
    fn let_rewrite_end(&self) -> Result<()> {
        let is_rewriting = &self.running.server().process.aof.is_rewriting;
        while is_rewriting.load(Ordering::SeqCst) {
            self.check_stopping()?;
            self.running.clock().pause_us(LOOK_AGAIN.as_micros() as u64);
        }
        Ok(())
    }

    fn check_stopping(&self) -> Result<()> {
        match self.running.is_stopping() {
            true => Err(LoadError::Stopped),
            false => Ok(()),
        }
    }

    /// A window over a file.
    fn open(&self, path: &Path) -> io::Result<Window<File>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let step = self.config().loading_process_events_interval_bytes;
        let step = usize::try_from(step).unwrap_or(1 << 20);
        Ok(Window::new(file, metadata.len(), step))
    }

    fn config(&self) -> Arc<Config> {
        self.running.config()
    }

    /// Notes how far it is, `offset` bytes into the file that is being read.
    fn note_progress(&self, offset: u64) {
        let load = &self.running.server().process.load;
        let loaded = self.before + offset;
        let before = load.loaded_bytes.swap(loaded, Ordering::Relaxed);
        let total = load.total_bytes.load(Ordering::Relaxed).max(1);
        let tenth = |bytes: u64| bytes.saturating_mul(10) / total;
        let now = self.running.clock().wall_us() / 1_000_000;
        let elapsed = now - load.started.load(Ordering::Relaxed);
        if tenth(loaded) > tenth(before) && elapsed >= TELL_AFTER_SECS {
            let percent = loaded as f64 / total as f64 * 100.0;
            let left = elapsed as f64 * (total as f64 / loaded.max(1) as f64 - 1.0);
            tracing::info!("Loading: {percent:.0}% after {elapsed} seconds, about {left:.0} to go");
        }
    }

    /// `key-load-delay`, for tests that want to see what happens meanwhile. Less than zero: a microsecond now and then.
    fn delay(&self, count: u64) {
        match self.config().key_load_delay {
            0 => {}
            micros @ 1.. => self.running.clock().pause_us(micros.unsigned_abs()),
            seldom => {
                if count.is_multiple_of(seldom.unsigned_abs()) {
                    self.running.clock().pause_us(1);
                }
            }
        }
    }
}

/// Loading that is over sooner says nothing of its progress.
const TELL_AFTER_SECS: i64 = 2;

/// Reads what there is at start. An error ends the process; the log says why. `listen` is called when clients may come.
/// They are refused until [`serve`] is called, if something is read or what they change is to be written down.
pub(super) fn at_start(running: &Arc<Running>, listen: impl FnOnce()) -> Result<()> {
    let config = running.config();
    let mut loader = Loader::new(running, false);
    let there = match config.appendonly {
        true => append_only::is_there(&config),
        false => Path::new(&config.dbfilename).exists(),
    };
    if there || config.appendonly {
        loader.begin()?;
    }
    listen();
    // Whoever reads this line may connect.
    loader.settle()?;
    tracing::info!("Server initialized");
    if !there {
        return Err(LoadError::Absent);
    }
    let started = running.clock().wall_us();
    let seconds = || (running.clock().wall_us() - started) as f64 / 1e6;
    if config.appendonly {
        loader.append_only(&append_only::folder(&config), &config)?;
        tracing::info!("DB loaded from append only file: {:.3} seconds", seconds());
    } else {
        let loaded = loader.snapshot_file(Path::new(&config.dbfilename));
        if let Err(LoadError::Failed(why)) = &loaded {
            tracing::warn!("{why}");
            tracing::warn!("Terminating server after rdb file reading failure.");
            tracing::warn!("Fatal error loading the DB, check server logs. Exiting.");
        }
        loaded?;
        tracing::info!("DB loaded from disk: {:.3} seconds", seconds());
    }
    loader.on_all_cores(|core| {
        // What came from a file was no client's.
        core.stats().reset();
        core.error_counts().clear();
        core.command_log(CommandLog::Slow).clear();
    })
}

/// Everything was read at start, and there is a file for what is changed from now on.
pub(super) fn serve(running: &Arc<Running>) -> Result<()> {
    match running.server().process.load.active.load(Ordering::SeqCst) {
        true => Loader::new(running, false).end(),
        false => Ok(()),
    }
}

/// Reads a file again, into empty databases unless it says otherwise; for DEBUG RELOAD when it has been written. What is refused meanwhile is refused before
/// anything is removed, so that no write is lost that was acknowledged.
pub(super) fn again(running: &Arc<Running>, what: Load) -> Result<()> {
    let config = running.config();
    let merges = matches!(what, Load::SnapshotInto | Load::SavedInto);
    let mut loader = Loader::new(running, merges);
    loader.begin()?;
    let loaded = (|| {
        if what == Load::AppendOnly {
            loader.let_rewrite_end()?;
        }
        if matches!(what, Load::Saved | Load::SavedInto) {
            loader.save()?;
        }
        if !merges {
            loader.on_all_cores(empty)?;
            let scripts = &running.server().scripts;
            let _ = scripts.change_functions(|functions| {
                functions.clear();
                Ok(())
            });
        }
        match what {
            Load::AppendOnly => {
                // All cores have appended what they did.
                let place = match config.appendonly {
                    true => running.aof.place(),
                    false => append_only::folder(&config),
                };
                if let Err(error) = running.flush_log() {
                    return Err(LoadError::Failed(error.to_string()));
                }
                loader.append_only(&place, &config)
            }
            Load::Snapshot | Load::SnapshotInto | Load::Saved | Load::SavedInto => {
                loader.snapshot_file(Path::new(&config.dbfilename))
            }
        }
    })();
    if what == Load::AppendOnly && loaded.is_ok() {
        // What was read is no reason for a save.
        let server = running.server();
        let changes: u64 = (server.cores.iter())
            .map(|core| core.store.changes.get())
            .sum();
        let saved = &server.process.saved_changes;
        saved.store(changes, Ordering::Relaxed);
    }
    loader.end()?;
    loaded
}
