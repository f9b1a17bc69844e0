//! An RDB file into the shards.

use super::{LOOK_AGAIN, LoadError, Loader, Result};
use crate::base::slot::{DbIndex, key_slot};
use crate::base::time::Millis;
use crate::command::generic::dump::limits;
use crate::command::persistence::Batch;
use crate::config::os_reason;
use crate::conn::Mail;
use crate::persist::Window;
use crate::persist::rdb::{Found, RawKey, RdbError, Scan, Scanner};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A batch goes when it has so many bytes, or keys.
const BATCH_BYTES: usize = 128 * 1024;
const BATCH_KEYS: usize = 2048;
/// Batches on their way to each shard.
const BATCHES_AHEAD: usize = 4;

/// Keys on their way.
struct Filling {
    batches: Vec<Batch>,
    /// One unit a batch under way.
    permits: (flume::Sender<()>, flume::Receiver<()>),
    failures: (flume::Sender<RdbError>, flume::Receiver<RdbError>),
    /// Keys whose time has come are left out.
    drops_expired: bool,
    now: Millis,
    keys: u64,
    expired: u64,
    /// Keys without any element, which were left out.
    empty: Arc<AtomicU64>,
}

impl Loader<'_> {
    /// Reads an RDB file.
    pub(super) fn snapshot_file(&mut self, path: &Path) -> Result<()> {
        let mut window = match self.open(path) {
            Ok(window) => window,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(LoadError::Absent),
            Err(error) => {
                let (path, why) = (path.display(), os_reason(&error));
                return Err(LoadError::Failed(format!(
                    "Fatal error: can't open the RDB file {path} for reading: {why}"
                )));
            }
        };
        self.expect(window.size());
        self.snapshot(&mut window, true)
    }

    /// Reads an RDB file from the front of a window: the whole of it, or what stands before the commands.
    pub(super) fn snapshot(
        &mut self,
        window: &mut Window<File>,
        drops_expired: bool,
    ) -> Result<()> {
        let config = self.config();
        let shards = self.running.posts().len();
        let skips = self.running.server().process.disk.skips_checksums();
        let mut scanner = Scanner::new(config.rdbchecksum && !skips);
        let mut filling = Filling {
            batches: (0..shards).map(|_| Batch::default()).collect(),
            permits: flume::bounded(shards * BATCHES_AHEAD),
            failures: flume::unbounded(),
            drops_expired,
            now: Millis(self.running.clock().wall_us() / 1000),
            keys: 0,
            expired: 0,
            empty: Arc::default(),
        };
        let mut functions = Vec::new();
        let mut told = 0;
        while !scanner.is_done() {
            let (found, used) = match scanner.next(window.bytes()).map_err(|e| refusal(&e))? {
                Scan::Found(found, used) => (found, used),
                Scan::More(need) => {
                    self.note_progress(scanner.offset());
                    self.check_stopping()?;
                    if !window.extend(need).map_err(|error| unreadable(&error))? {
                        return Err(refusal(&scanner.short()));
                    }
                    continue;
                }
            };
            match found {
                Found::Header => {
                    for batch in &mut filling.batches {
                        *batch = Batch::new(scanner.version());
                    }
                }
                Found::Fact(name, value) => self.note_fact(&name, &value),
                Found::Function(code) => functions.push(code),
                Found::Key(raw) => {
                    self.take_key(&mut filling, &raw, config.databases as u64)?;
                    self.delay(filling.keys);
                    if config.key_load_delay != 0 && scanner.offset() - told >= 1024 {
                        told = scanner.offset();
                        self.note_progress(told);
                        self.check_stopping()?;
                    }
                }
                Found::End(false) if scanner.version() >= 5 && config.rdbchecksum => {
                    tracing::info!(
                        "RDB file was saved with checksum disabled: no check performed."
                    );
                }
                Found::ModuleAux(module) => tracing::warn!(
                    "The RDB file contains AUX module data I can't load: no matching module '{module}'. They are left out."
                ),
                Found::Db(_) | Found::ModuleKey(..) | Found::Nothing | Found::End(_) => {}
            }
            window.consume(used);
        }
        for shard in 0..shards {
            self.send_batch(&mut filling, shard)?;
        }
        self.settle()?;
        check(&filling)?;
        self.add_functions(&functions)?;
        self.note_progress(scanner.offset());
        let save = &self.running.server().process.save;
        let empty = filling.empty.load(Ordering::Relaxed);
        let (keys, expired) = (filling.keys - empty, filling.expired);
        save.loaded.store(keys, Ordering::Relaxed);
        save.load_expired.store(expired, Ordering::Relaxed);
        match empty {
            0 => tracing::info!("Done loading RDB, keys loaded: {keys}, keys expired: {expired}."),
            _ => tracing::info!(
                "Done loading RDB, keys loaded: {keys}, keys expired: {expired}, empty keys skipped: {empty}."
            ),
        }
        Ok(())
    }

    fn take_key(&mut self, filling: &mut Filling, raw: &RawKey<'_>, databases: u64) -> Result<()> {
        if raw.db >= databases {
            return Err(LoadError::Failed(format!(
                "FATAL: Data file was created with a Redis server configured to handle more than {databases} databases. Exiting"
            )));
        }
        if filling.drops_expired && raw.expire.is_some_and(|at| at < filling.now) {
            filling.expired += 1;
            return Ok(());
        }
        filling.keys += 1;
        let shard = self.running.server().slots.shard_of(key_slot(&raw.key));
        let batch = &mut filling.batches[shard.index()];
        batch.push(DbIndex(raw.db as u32), raw);
        if batch.bytes() >= BATCH_BYTES || batch.len() >= BATCH_KEYS {
            self.send_batch(filling, shard.index())?;
        }
        Ok(())
    }

    fn send_batch(&mut self, filling: &mut Filling, shard: usize) -> Result<()> {
        check(filling)?;
        let next = filling.batches[shard].next();
        let batch = std::mem::replace(&mut filling.batches[shard], next);
        if batch.is_empty() {
            return Ok(());
        }
        while filling.permits.0.send_timeout((), LOOK_AGAIN).is_err() {
            self.check_stopping()?;
        }
        let (limits, now, replace) = (limits(&self.config()), filling.now, self.replace);
        let (permits, failures) = (filling.permits.1.clone(), filling.failures.0.clone());
        let empty = Arc::clone(&filling.empty);
        self.running.posts()[shard].send(Mail::Here(Box::new(move |core| {
            if let Err(error) = batch.fill(core.store(), &limits, now, replace, &empty) {
                let _ = failures.send(error);
            }
            let _ = permits.try_recv();
        })));
        Ok(())
    }

    fn note_fact(&self, name: &[u8], value: &[u8]) {
        let text = String::from_utf8_lossy(value);
        let number = || text.parse::<i64>().unwrap_or(0);
        match name {
            b"redis-ver" | b"valkey-ver" => {
                tracing::info!("Loading RDB produced by version {text}")
            }
            b"ctime" => {
                let age = self.running.clock().wall_us() / 1_000_000 - number();
                tracing::info!("RDB age {} seconds", age.max(0));
            }
            b"used-mem" => {
                let bytes = u64::try_from(number()).unwrap_or(0);
                let load = &self.running.server().process.load;
                load.rdb_used_memory.store(bytes, Ordering::Relaxed);
                let megabytes = bytes as f64 / (1024.0 * 1024.0);
                tracing::info!("RDB memory usage when created {megabytes:.2} Mb");
            }
            b"aof-base" if number() != 0 => tracing::info!("RDB is base AOF"),
            [b'%', ..] => {
                tracing::info!("RDB '{}': {text}", String::from_utf8_lossy(name));
            }
            _ => tracing::debug!("RDB '{}': {text}", String::from_utf8_lossy(name)),
        }
    }

    /// Libraries of functions, on a core, whose interpreter says what is in them.
    fn add_functions(&self, codes: &[Vec<u8>]) -> Result<()> {
        if codes.is_empty() {
            return Ok(());
        }
        let (sender, result) = flume::bounded(1);
        let codes = codes.to_vec();
        let (shared, replace) = (Arc::clone(&self.running.server().scripts), self.replace);
        self.running.posts()[0].send(Mail::Here(Box::new(move |core| {
            let added = codes.iter().try_for_each(|code| {
                let library = Arc::new(core.scripts().library(code)?);
                shared.change_functions(|functions| functions.add(Arc::clone(&library), replace))
            });
            let _ = sender.send(added);
        })));
        loop {
            match result.recv_timeout(LOOK_AGAIN) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => {
                    let why = String::from_utf8_lossy(error.text());
                    return Err(LoadError::Failed(format!(
                        "Failed creating the library: {why}"
                    )));
                }
                Err(_) => self.check_stopping()?,
            }
        }
    }
}

fn check(filling: &Filling) -> Result<()> {
    match filling.failures.1.try_recv() {
        Ok(error) => Err(refusal(&error)),
        Err(_) => Ok(()),
    }
}

fn refusal(error: &RdbError) -> LoadError {
    let RdbError { offset, reason } = error;
    LoadError::Failed(format!(
        "Internal error in RDB reading offset {offset} -> {reason}"
    ))
}

fn unreadable(error: &io::Error) -> LoadError {
    LoadError::Failed(format!("Error reading the RDB file: {}", os_reason(error)))
}
