//! The append-only file: the consumer of the log that writes it down.
//!
//! ```text
//! shards -> log -> thread `aof`: take, write, fdatasync -> "on the disk up to here" -> shards whose replies wait
//! rewrite: snapshot's cut = a mark in the log -> the thread begins the next increment exactly there
//!          snapshot is written as a base (thread `save`) -> the thread puts it into the manifest, removes what was before
//! ```
//! `appendfsync always`: as soon as something is there it is written and synced, and what came meanwhile is next: group
//! commit. Otherwise the thread comes every few milliseconds, so that no shard has to wake it, and syncs in time.
//! A plain thread with write and fdatasync, not an executor: there is one file, one thing under way at a time, and
//! nothing to be gained from doing it asynchronously. That it waits is what batches the rest.
//!
//! | file | what |
//! |---|---|
//! | `writer.rs` | bytes of the log into a file: policies, failures |
//! | `folder.rs` | manifest and files |
//! | `disk.rs` | the operations that can fail |
//! | `upgrade.rs` | the one file of older versions |
//! | `rewrite.rs` | when and how the files are written anew |

mod disk;
mod folder;
mod rewrite;
#[cfg(test)]
mod tests;
mod upgrade;
mod writer;

use super::loading::{manifest_in, manifest_on_disk};
use crate::base::limits;
use crate::command::connection::REDIS_VERSION;
use crate::command::ctx::Server;
use crate::config::{AppendFsync, Config, os_reason};
use crate::conn::{Mail, Post};
use crate::log::{Gather, Log, Taken};
use crate::persist::aof::{BaseFormat, Manifest};
use crate::persist::rdb;
use crate::ring::Clock;
use crate::shard::{Links, announce};
use disk::{Disk, RealDisk, Timed, Times};
use folder::Folder;
use parking_lot::Mutex;
pub(super) use rewrite::Rewrites;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
pub(super) use upgrade::adopt_old_file;
use writer::{Switch, Writer};

/// How long the thread lets bytes gather where nobody waits for them, and how many: what a killed process loses, at most.
const UNAWAITED: Gather = Gather {
    time: Duration::from_millis(5),
    enough: 1024 * 1024,
};

/// Who hears how it went.
pub(super) type Told<T> = Box<dyn FnOnce(io::Result<T>) + Send>;

/// What the thread is asked to do, besides writing.
pub(super) enum Order {
    /// These are the settings now.
    Settings(Arc<Config>),
    /// The append-only file is on: with the next mark, which begins it.
    TurnOn(Arc<Config>),
    /// It is off. Marks up to this one are void.
    TurnOff(u64),
    /// A rewrite has made a base, as of a mark if the file is on.
    NewBase {
        mark: Option<u64>,
        temporary: PathBuf,
        format: BaseFormat,
        done: Told<String>,
    },
    /// Somebody wants to know when this mark was found.
    AtMark {
        mark: u64,
        done: Box<dyn FnOnce() + Send>,
    },
    /// The rewrite that set this mark has come to nothing.
    GiveUp {
        mark: u64,
        done: Box<dyn FnOnce() + Send>,
    },
    /// What was appended until now is to be on the disk.
    Flush(Told<()>),
    /// The process ends.
    Stop,
}

/// The thread, as others see it.
pub(super) struct Aof {
    log: Arc<Log>,
    orders: flume::Sender<Order>,
    queue: flume::Receiver<Order>,
    /// Number of the last mark.
    marks: AtomicU64,
    /// The folder that is written to, which is that of the settings unless these have changed since.
    place: Arc<Mutex<PathBuf>>,
}

/// What the thread needs of the process.
pub(super) struct Surroundings {
    pub(super) server: Arc<Server>,
    pub(super) links: Arc<Links>,
    pub(super) clock: Clock,
    /// The core that keeps the latency spikes of this thread.
    pub(super) post: Arc<Post>,
}

impl Aof {
    pub(super) fn new(log: Arc<Log>) -> Aof {
        let (orders, queue) = flume::unbounded();
        Aof {
            log,
            orders,
            queue,
            marks: AtomicU64::new(0),
            place: Arc::default(),
        }
    }

    /// The folder that is written to.
    pub(super) fn place(&self) -> PathBuf {
        self.place.lock().clone()
    }

    pub(super) fn send(&self, order: Order) {
        let _ = self.orders.send(order);
        self.log.nudge();
    }

    /// Whether it is noted in the file when what was written.
    pub(super) fn note_times(&self, notes: bool) {
        self.log.set_notes(notes);
    }

    /// A name for a place in the log where an increment begins; `is_first` says afterwards whether it is the first one or
    /// the next.
    fn new_mark(&self, is_first: impl FnOnce() -> bool) -> u64 {
        let number = self.marks.fetch_add(1, Ordering::SeqCst) + 1;
        number * 2 + u64::from(is_first())
    }

    /// The last name that was given out.
    pub(super) fn last_mark(&self) -> u64 {
        self.marks.load(Ordering::SeqCst) * 2 + 1
    }

    /// Looks whether the folder can be written to, before anybody relies on it.
    pub(super) fn try_folder(config: &Config) -> io::Result<()> {
        let path = folder_of(config)?;
        let mut folder = Folder::new(path, config.appendfilename.clone(), Manifest::default());
        folder.open_temporary(&mut RealDisk)?;
        Ok(())
    }

    /// Opens the files and starts the thread. Everything there is has been loaded.
    pub(super) fn start(
        &self,
        config: &Arc<Config>,
        surroundings: Surroundings,
    ) -> Result<JoinHandle<()>, String> {
        let manifest = manifest_on_disk(config).map_err(|lines| lines.join("\n"))?;
        let manifest = manifest.unwrap_or_default();
        let is_new = manifest.is_empty();
        let path = folder_of(config).map_err(|error| os_reason(&error))?;
        *self.place.lock() = path.clone();
        let folder = Folder::new(path, config.appendfilename.clone(), manifest);
        let server = Arc::clone(&surroundings.server);
        let disk = Timed::new(RealDisk, surroundings.clock, Arc::clone(&server));
        let mut writer = Writer::new(disk, folder, config.appendfsync);
        writer.set_keeps_history(config.aof_disable_auto_gc);
        if config.appendonly {
            remove_leftovers(writer.folder().path());
            let opened = (|| {
                if is_new {
                    first_base(&mut writer, config, &server)?;
                }
                writer.open()
            })();
            opened.map_err(|error| {
                let folder = &config.appenddirname;
                let why = os_reason(&error);
                format!("Can't open or create the append-only files in {folder}: {why}")
            })?;
        }
        let mut thread = Thread {
            writer,
            log: Arc::clone(&self.log),
            orders: self.queue.clone(),
            surroundings,
            config: Arc::clone(config),
            place: Arc::clone(&self.place),
            seen: 0,
            void: 0,
            failed: None,
            bases: Vec::new(),
            waiting: Vec::new(),
            given_up: Vec::new(),
        };
        thread.apply_settings();
        thread.show(true);
        // What the last rewrite ended with is not known any more.
        let base = thread.writer.base_bytes();
        server.process.aof.base_size.store(base, Ordering::Relaxed);
        std::thread::Builder::new()
            .name("aof".into())
            .spawn(move || thread.run())
            .map_err(|error| error.to_string())
    }
}

/// The folder, wherever the process goes afterwards.
fn folder_of(config: &Config) -> io::Result<PathBuf> {
    Ok(std::env::current_dir()?.join(&config.appenddirname))
}

/// A base without keys, for a server that starts with nothing.
fn first_base(writer: &mut Writer<impl Disk>, config: &Config, server: &Server) -> io::Result<()> {
    let mut bytes = Vec::new();
    let mut format = BaseFormat::Commands;
    if config.aof_use_rdb_preamble {
        format = BaseFormat::Rdb;
        let facts = [
            ("redis-ver", REDIS_VERSION.to_owned()),
            ("redis-bits", usize::BITS.to_string()),
            ("ctime", (server.started.0 / 1000).to_string()),
            ("used-mem", server.used_memory().to_string()),
            ("aof-base", "1".to_owned()),
        ];
        bytes = rdb::header(rdb::VERSION_MIN, &facts, &[]);
        let crc = config.rdbchecksum.then(|| crate::base::crc64(0, &bytes));
        bytes.extend_from_slice(&rdb::trailer(crc));
    }
    // Not that of rewrites: clients are there already, and may have asked for one.
    let temporary = format!("temp-first-{}.aof", std::process::id());
    let path = folder_of(config)?;
    RealDisk.make_folder(&path)?;
    let temporary = path.join(temporary);
    let made = (|| {
        std::fs::write(&temporary, &bytes)?;
        std::fs::File::open(&temporary)?.sync_all()?;
        writer.new_base(&temporary, format)
    })();
    if made.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    let name = made?;
    tracing::info!("Creating AOF base file {name} on server start");
    Ok(())
}

/// What a base is called until it is one.
fn temporary_base() -> String {
    format!("temp-rewriteaof-bg-{}.aof", std::process::id())
}

/// Removes what processes that were killed have left of bases: nothing names it, and it may be large.
fn remove_leftovers(folder: &Path) {
    // A rewrite of this process may be under way already.
    let mine = format!("-{}.", std::process::id());
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_base = name.starts_with("temp-rewriteaof-bg-") || name.starts_with("temp-first-");
        if is_base && !name.contains(&mine) {
            tracing::info!("Removing {name}, which an earlier process has left");
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// The base of a rewrite under way is of no use when the process has ended.
pub(super) fn remove_temporary(config: &Config) {
    let _ = std::fs::remove_file(Path::new(&config.appenddirname).join(temporary_base()));
}

/// What steps that took so long are called, and their milliseconds.
fn spikes(
    times: Times,
    is_saving: bool,
    always: bool,
) -> impl Iterator<Item = (&'static str, u64)> {
    let write = match is_saving {
        true => "aof-write-active-child",
        false => "aof-write-alone",
    };
    [
        ("aof-write", times.write_us),
        (write, times.write_us),
        // Elsewhere nobody waits for it.
        ("aof-fsync-always", if always { times.sync_us } else { 0 }),
        ("aof-rename", times.rename_us),
    ]
    .into_iter()
    .map(|(event, us)| (event, us / 1000))
}

struct NewBase {
    mark: Option<u64>,
    temporary: PathBuf,
    format: BaseFormat,
    done: Told<String>,
}

struct Thread<D: Disk> {
    writer: Writer<D>,
    log: Arc<Log>,
    orders: flume::Receiver<Order>,
    surroundings: Surroundings,
    config: Arc<Config>,
    /// As in [`Aof`].
    place: Arc<Mutex<PathBuf>>,
    /// The last mark that was found in the log.
    seen: u64,
    /// Marks up to this one mean nothing any more.
    void: u64,
    /// The mark whose increment could not be begun.
    failed: Option<(u64, io::Error)>,
    /// Bases whose mark has not been found yet.
    bases: Vec<NewBase>,
    /// Who waits for a mark.
    waiting: Vec<(u64, Box<dyn FnOnce() + Send>)>,
    /// Rewrites that have come to nothing, whose mark has not been found yet.
    given_up: Vec<(u64, Box<dyn FnOnce() + Send>)>,
}

impl<D: Disk> Thread<D> {
    fn run(mut self) {
        let mut taken = Taken::default();
        let mut gather = None;
        loop {
            let now_us = self.surroundings.clock.mono_us();
            let due = self.writer.due_in(now_us).map(Duration::from_micros);
            let held = self.writer.unwritten_bytes();
            self.log.take(&mut taken, held, due, gather);
            let bytes = taken.bytes.len();
            self.take_over(&mut taken);
            self.work();
            let awaited = self.config.appendfsync == AppendFsync::Always;
            gather = (bytes > 0 && !awaited).then_some(UNAWAITED);
            // After that: what an order speaks of has been appended before it was given.
            while let Ok(order) = self.orders.try_recv() {
                if matches!(order, Order::Stop) {
                    return self.end(&mut taken);
                }
                self.obey(order, &mut taken);
            }
            self.install_bases();
            // A new base, too, has all before it synced.
            self.tell_durable();
            self.show(false);
        }
    }

    fn take_over(&mut self, taken: &mut Taken) {
        let (void, mut seen, mut failed) = (self.void, self.seen, None);
        let switch = |mark: u64| match mark {
            void_mark if void_mark <= void => Switch::Nothing,
            mark if mark % 2 == 1 => Switch::Begin,
            _ => Switch::Next,
        };
        self.writer.accept(taken, switch, |mark, result| {
            seen = seen.max(mark);
            match result {
                Ok(()) => {}
                Err(error) => {
                    let why = os_reason(&error);
                    tracing::warn!("Can't begin a new append-only increment: {why}");
                    failed = Some((mark, error));
                }
            }
        });
        self.seen = seen;
        if failed.is_some() {
            self.failed = failed;
        }
        if !taken.marks.is_empty() {
            self.log.set_notes(self.config.aof_timestamp_enabled);
            if !self.writer.is_on() {
                self.log.set_fed(false);
            }
            self.set_gates();
        }
    }

    /// Writes, syncs, and says what is on the disk.
    fn work(&mut self) {
        let server = Arc::clone(&self.surroundings.server);
        let process = &server.process;
        let is_saving = process.save.in_progress.load(Ordering::Relaxed)
            || process.aof.is_rewriting.load(Ordering::Relaxed);
        let syncs = !(self.config.no_appendfsync_on_rewrite && is_saving);
        let now_us = self.surroundings.clock.mono_us();
        let before = self.writer.synced();
        process.aof.is_syncing.store(true, Ordering::Relaxed);
        if self.config.appendfsync == AppendFsync::Everysec {
            self.log.set_syncing(Some(now_us));
        }
        self.writer.work(now_us, syncs);
        self.log.set_syncing(None);
        process.aof.is_syncing.store(false, Ordering::Relaxed);
        self.tell_of_spikes(is_saving);
        let took = self.surroundings.clock.mono_us().saturating_sub(now_us);
        if self.writer.synced() > before {
            self.log.set_sync_us(took);
        }
        if took > limits::SYNC_US_MAX && self.writer.synced() > before {
            process.aof.delayed.fetch_add(1, Ordering::Relaxed);
            tracing::info!(
                "Asynchronous AOF fsync is taking too long (disk is busy?). This may slow down the server."
            );
        }
        let errno = self.writer.failure().map_or(0, |failure| failure.errno);
        let failed_before = process.disk.note_log(errno);
        self.tell_durable();
        if failed_before != (errno != 0) {
            self.wake(true);
        }
    }

    /// Lets those know who wait for what is on the disk now.
    fn tell_durable(&self) {
        if self.writer.synced() > self.log.durable() {
            self.log.set_durable(self.writer.synced());
            self.wake(false);
        }
    }

    /// Has steps that took long kept with the latency spikes of a core.
    fn tell_of_spikes(&mut self, is_saving: bool) {
        let times = self.writer.take_times();
        let threshold = self.config.latency_monitor_threshold.unsigned_abs();
        if threshold == 0 || times == Times::default() {
            return;
        }
        let always = self.config.appendfsync == AppendFsync::Always;
        let spikes: Vec<(&str, u64)> = spikes(times, is_saving, always)
            .filter(|(_, millis)| *millis >= threshold)
            .collect();
        if spikes.is_empty() {
            return;
        }
        let seconds = self.surroundings.clock.wall_us() / 1_000_000;
        self.surroundings
            .post
            .send(Mail::Here(Box::new(move |core| {
                for (event, millis) in spikes {
                    core.latency().record(event, seconds, millis);
                }
            })));
    }

    fn wake(&self, all: bool) {
        let links = &self.surroundings.links;
        let announced = announce();
        let wake = |shard: crate::base::slot::ShardId| {
            if links.bells[shard.index()].should_wake(&announced) {
                links.wake(shard);
            }
        };
        if all {
            (0..links.bells.len()).for_each(|shard| wake(crate::base::slot::ShardId(shard as u16)));
        } else {
            self.log.to_wake().for_each(wake);
        }
    }

    fn obey(&mut self, order: Order, taken: &mut Taken) {
        match order {
            Order::Settings(config) => {
                let has_moved = self.config.dir != config.dir;
                self.config = config;
                self.apply_settings();
                if has_moved {
                    self.look_elsewhere();
                }
            }
            Order::TurnOn(config) => {
                self.move_to(&config);
                self.config = config;
                self.apply_settings();
            }
            Order::TurnOff(mark) => {
                self.void = mark;
                self.log.take(taken, 0, Some(Duration::ZERO), None);
                self.take_over(taken);
                if self.seen > mark {
                    // It was turned on again before this order came up: the increment of that has begun, in place of what
                    // is to end here.
                    return;
                }
                if let Err(error) = self.writer.turn_off() {
                    let why = os_reason(&error);
                    tracing::warn!("Error writing what was left for the AOF: {why}");
                }
                self.log.set_fed(false);
                self.surroundings.server.process.disk.note_log(0);
                self.set_gates();
            }
            Order::NewBase {
                mark,
                temporary,
                format,
                done,
            } => self.bases.push(NewBase {
                mark,
                temporary,
                format,
                done,
            }),
            Order::Flush(done) => {
                self.log.take(
                    taken,
                    self.writer.unwritten_bytes(),
                    Some(Duration::ZERO),
                    None,
                );
                self.take_over(taken);
                done(self.writer.finish());
                self.work();
            }
            Order::AtMark { mark, done } => self.waiting.push((mark, done)),
            Order::GiveUp { mark, done } => self.given_up.push((mark, done)),
            Order::Stop => {}
        }
    }

    /// The folder of the settings as it is now, if nothing is written to the one before.
    fn move_to(&mut self, config: &Config) {
        let Ok(path) = folder_of(config) else { return };
        if self.writer.is_on() {
            return;
        }
        let manifest = match manifest_on_disk(config) {
            Ok(manifest) => manifest.unwrap_or_default(),
            Err(_) if path == self.writer.folder().path() => return,
            Err(_) => Manifest::default(),
        };
        *self.place.lock() = path.clone();
        let folder = Folder::new(path, config.appendfilename.clone(), manifest);
        self.writer.set_folder(folder);
    }

    fn apply_settings(&mut self) {
        self.writer.set_policy(self.config.appendfsync);
        self.writer
            .set_keeps_history(self.config.aof_disable_auto_gc);
        self.log.set_notes(self.config.aof_timestamp_enabled);
        if self.writer.is_on() {
            self.log.set_fed(true);
        }
        self.set_gates();
    }

    fn set_gates(&self) {
        let gates = self.writer.is_on() && self.config.appendfsync == AppendFsync::Always;
        if gates != self.log.gates() {
            self.log.set_gates(gates);
            self.wake(true);
        }
    }

    /// Puts finished bases into the manifest.
    fn install_bases(&mut self) {
        let (seen, void) = (self.seen, self.void);
        let is_found =
            |base: &mut NewBase| base.mark.is_none_or(|mark| mark <= seen || mark <= void);
        let waiting = self
            .waiting
            .extract_if(.., |(mark, _)| *mark <= seen || *mark <= void);
        waiting.for_each(|(_, done)| done());
        let given_up = self
            .given_up
            .extract_if(.., |(mark, _)| *mark <= seen || *mark <= void);
        for (_, done) in given_up {
            // The next rewrite sets its mark when this one is over.
            self.writer.drop_waiting();
            done();
        }
        let found: Vec<NewBase> = self.bases.extract_if(.., is_found).collect();
        for base in found {
            let result = match (base.mark, self.failed.take()) {
                (Some(mark), _) if mark <= void => {
                    Err(io::Error::other("the append-only file was turned off"))
                }
                (Some(mark), Some((failed, error))) if mark == failed => Err(error),
                _ => self.new_base(&base),
            };
            if result.is_err() {
                let _ = std::fs::remove_file(&base.temporary);
            }
            self.show(result.is_ok());
            (base.done)(result);
            // Those in WAITAOF, who may have waited for it.
            self.wake(true);
        }
    }

    /// Puts a base into the folder where it was made: after CONFIG SET dir that is another one than before.
    fn new_base(&mut self, base: &NewBase) -> io::Result<String> {
        let (temporary, format) = (&base.temporary, base.format);
        let path = temporary.parent().unwrap_or(Path::new("."));
        if path == self.writer.folder().path() {
            return self.writer.new_base(temporary, format);
        }
        let folder = self.folder_at(path)?;
        let name = self.writer.new_base_in(folder, temporary, format)?;
        *self.place.lock() = path.to_owned();
        tracing::info!("The append-only files are in {} now", path.display());
        Ok(name)
    }

    /// A folder and what there is in it. What nobody can read is not overwritten.
    fn folder_at(&self, path: &Path) -> io::Result<Folder> {
        let manifest = manifest_in(path, &self.config)
            .map_err(|lines| io::Error::other(lines.join(" ")))?
            .unwrap_or_default();
        let stem = self.config.appendfilename.clone();
        Ok(Folder::new(path.to_owned(), stem, manifest))
    }

    /// What is written goes on where it is when the settings name another folder, until a rewrite makes a base there:
    /// a start finds everything in the one, or in the other.
    fn look_elsewhere(&mut self) {
        let here = self.writer.folder().path();
        let there = folder_of(&self.config).ok();
        let there = there.filter(|path| self.writer.is_on() && path != here);
        if there.is_some() {
            tracing::warn!(
                "The append-only files stay in {} until they are rewritten",
                here.display()
            );
        }
        let successor = there.and_then(|path| self.folder_at(&path).ok());
        self.writer.set_successor(successor);
    }

    /// What INFO says.
    fn show(&mut self, is_base: bool) {
        let stats = &self.surroundings.server.process.aof;
        let size = self.writer.size();
        stats.current_size.store(size, Ordering::Relaxed);
        if is_base {
            stats.base_size.store(size, Ordering::Relaxed);
        }
        let unwritten = (self.writer.unwritten_bytes() + self.log.pending()) as u64;
        stats.unwritten.store(unwritten, Ordering::Relaxed);
        if self.writer.take_suspicion() {
            stats.is_scheduled.store(true, Ordering::Relaxed);
        }
    }

    /// Everything that was appended goes to the disk.
    fn end(mut self, taken: &mut Taken) {
        self.log.take(taken, 0, Some(Duration::ZERO), None);
        self.take_over(taken);
        self.install_bases();
        if !self.writer.is_on() {
            return;
        }
        tracing::info!("Calling fsync() on the AOF file.");
        if let Err(error) = self.writer.finish() {
            let why = os_reason(&error);
            tracing::warn!("Error writing to the AOF file: {why}");
        }
    }
}
