//! SAVE, BGSAVE, save points, and the file that is read at start.
//!
//! ```text
//! the client's core, or core 0 -> fence over all cores: each writes its keys into a part   (one cut: the fence)
//!        -> the last one hands the parts to the control thread -> temporary file, fsync, rename, fsync of the folder
//! ```
//!
//! A shard writes its part in one go, so its clients wait for as long as that takes; the disk is the control thread's
//! business. A file appears whole or not at all: it gets its name when it is on the disk.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use crate::base::crc64;
use crate::base::slot::{DbIndex, SlotMap, key_slot};
use crate::base::time::Millis;
use crate::command::connection::REDIS_VERSION;
use crate::command::ctx::{OnCore, Pause, Server};
use crate::command::generic::dump::limits;
use crate::command::persistence::{Record, part_of};
use crate::config::Config;
use crate::keyspace::Detached;
use crate::persist::rdb::{self, Item, Part};
use crate::stats::SaveStats;

/// What is to be done with the parts when all are there.
pub(super) type Finish = Box<dyn FnOnce(Vec<Part>) + Send>;

/// The parts of a save under way.
struct Parts {
    parts: Vec<Option<Part>>,
    finish: Option<Finish>,
}

/// What each core runs at the cut. `and_hold` holds its clients from then on: a shutdown must not answer writes that
/// are not in the file.
pub(super) fn cut(shards: usize, config: &Config, and_hold: bool, finish: Finish) -> OnCore {
    let compress = config.rdbcompression;
    let parts = Mutex::new(Parts {
        parts: (0..shards).map(|_| None).collect(),
        finish: Some(finish),
    });
    Arc::new(move |core| {
        let shard = core.shard();
        let now = core.now();
        let part = part_of(core.store(), now, compress);
        if and_hold {
            core.pause(Some(Pause {
                until: Millis(i64::MAX),
                all: true,
            }));
        }
        let mut state = parts.lock();
        state.parts[shard.index()] = Some(part);
        if state.parts.iter().all(Option::is_some)
            && let Some(finish) = state.finish.take()
        {
            let parts = std::mem::take(&mut state.parts);
            drop(state);
            finish(parts.into_iter().flatten().collect());
        }
        Box::new(())
    })
}

/// Puts parts together into the file `name` of the current folder.
pub(super) fn write(
    name: &str,
    parts: &[Part],
    with_checksum: bool,
    server: &Server,
    functions: &[Vec<u8>],
    seconds: i64,
) -> io::Result<()> {
    let version = parts.iter().map(|part| part.version).max();
    let facts = [
        ("redis-ver", REDIS_VERSION.to_owned()),
        ("redis-bits", usize::BITS.to_string()),
        ("ctime", seconds.to_string()),
        ("used-mem", server.used_memory().to_string()),
        ("aof-base", "0".to_owned()),
    ];
    let header = rdb::header(
        version.unwrap_or(0).max(rdb::VERSION_MIN),
        &facts,
        functions,
    );
    let temporary = format!("temp-{}.rdb", std::process::id());
    let written = (|| {
        let mut file = File::create(&temporary)?;
        let mut crc = 0;
        let blocks = std::iter::once(&header[..]).chain(parts.iter().map(|part| &part.bytes[..]));
        for block in blocks {
            if with_checksum {
                crc = crc64(crc, block);
            }
            file.write_all(block)?;
        }
        file.write_all(&rdb::trailer(with_checksum.then_some(crc)))?;
        file.sync_all()?;
        std::fs::rename(&temporary, name)?;
        File::open(".")?.sync_all()
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// What a file held, by shard.
pub(super) struct Contents {
    pub(super) records: Vec<Vec<Record>>,
    pub(super) functions: Vec<Vec<u8>>,
    pub(super) keys: u64,
    pub(super) expired: u64,
}

/// Reads a file, if there is one. Keys whose time has come are left out.
pub(super) fn read(
    name: &str,
    config: &Config,
    slots: &SlotMap,
    now: Millis,
) -> Result<Option<Contents>, String> {
    if !Path::new(name).exists() {
        return Ok(None);
    }
    let bytes = std::fs::read(name)
        .map_err(|error| format!("Fatal error loading the DB: {error}. Exiting."))?;
    let limits = limits(config);
    let mut contents = Contents {
        records: (0..slots.shards()).map(|_| Vec::new()).collect(),
        functions: Vec::new(),
        keys: 0,
        expired: 0,
    };
    let mut beyond = false;
    rdb::read(&bytes, &limits, |item| match item {
        Item::Fact(name, value) => {
            let (name, value) = (
                String::from_utf8_lossy(&name),
                String::from_utf8_lossy(&value),
            );
            tracing::debug!("RDB '{name}': {value}");
        }
        Item::Function(code) => contents.functions.push(code),
        Item::Key {
            db,
            key,
            value,
            expire,
            usage,
        } => {
            if expire.is_some_and(|at| at < now) {
                contents.expired += 1;
                return;
            }
            if db >= config.databases as u64 {
                beyond = true;
                return;
            }
            contents.keys += 1;
            contents.records[slots.shard_of(key_slot(&key)).index()].push(Record {
                db: DbIndex(db as u32),
                key,
                value: Detached {
                    value,
                    expire,
                    access: None,
                },
                usage,
            });
        }
    })
    .map_err(|error| format!("Fatal error loading the DB {name}: {error}. Exiting."))?;
    if beyond {
        let most = config.databases;
        return Err(format!(
            "FATAL: Data file was created with a Redis server configured to handle more than {most} databases. Exiting"
        ));
    }
    Ok(Some(contents))
}

/// Notes how a save went.
pub(super) fn note(stats: &SaveStats, result: &io::Result<()>, started: i64, now: i64) {
    stats.in_progress.store(false, Ordering::Relaxed);
    stats.last_ok.store(result.is_ok(), Ordering::Relaxed);
    stats.last_seconds.store(now - started, Ordering::Relaxed);
    if result.is_ok() {
        stats.saves.fetch_add(1, Ordering::Relaxed);
    }
}
