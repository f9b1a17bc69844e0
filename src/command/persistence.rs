//! SAVE, BGSAVE, and the keys of a shard as part of a file: written down, and put back.

mod batch;

pub use batch::Batch;

use super::ctx::{Core, Flow, HomeCtx, Save};
use super::generic::dump::limits;
use crate::base::crc64;
use crate::base::slot::DbIndex;
use crate::base::time::Millis;
use crate::config::{Config, MaxmemoryPolicy, os_reason};
use crate::keyspace::{Db, Detached, FlushMode, KeyView, Store, StoreSet};
use crate::persist::rdb::{self, Item, Part, Usage};
use crate::resp::{Args, CommandError};
use crate::stats::DiskHealth;

type Result = std::result::Result<Flow, CommandError>;

/// Writes all keys to the file, and replies when it is on the disk.
pub fn save(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Save(Save::AndReply))
}

/// As SAVE, but replies at once.
pub fn bgsave(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    match args.len() {
        1 => Ok(Flow::Save(Save::InBackground)),
        2 if args.is(1, "SCHEDULE") => Ok(Flow::Save(Save::Scheduled)),
        2 if args.is(1, "CANCEL") => Ok(Flow::Save(Save::Cancel)),
        _ => Err(CommandError::SYNTAX),
    }
}

/// Has the append-only files written anew, and replies at once.
pub fn bgrewriteaof(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Save(Save::Rewrite))
}

/// Why writes are refused: what they write could not be kept.
#[derive(Debug)]
pub enum DiskFailure {
    /// The last snapshot failed, and there should be one.
    Snapshot,
    /// The append-only file cannot be written, for this reason.
    Log(std::io::Error),
}

impl DiskFailure {
    /// The failure that counts under these settings.
    pub fn of(disk: &DiskHealth, config: &Config) -> Option<DiskFailure> {
        if disk.is_reading() {
            return None;
        }
        if disk.has_save_failed() && config.stop_writes_on_bgsave_error && !config.save.is_empty() {
            return Some(DiskFailure::Snapshot);
        }
        let log = disk.log_failure().filter(|_| config.appendonly)?;
        Some(DiskFailure::Log(log))
    }

    /// The error of a command that writes.
    pub fn of_command(&self) -> CommandError {
        match self {
            DiskFailure::Snapshot => CommandError::MISCONF_RDB,
            DiskFailure::Log(error) => CommandError::misconf_aof(&os_reason(error)),
        }
    }

    /// The error of a script that says that it may write.
    pub fn of_script(&self) -> CommandError {
        match self {
            DiskFailure::Snapshot => CommandError::MISCONF_RDB_SCRIPT,
            DiskFailure::Log(error) => CommandError::misconf_aof_script(&os_reason(error)),
        }
    }
}

/// What a file says of when a key was used: what eviction goes by, if it goes by any of that.
pub fn usage_of(view: &KeyView<'_>, policy: MaxmemoryPolicy) -> Usage {
    use MaxmemoryPolicy as Policy;
    match policy {
        Policy::AllkeysLfu | Policy::VolatileLfu => {
            view.frequency.map_or(Usage::Unknown, Usage::Frequency)
        }
        Policy::AllkeysLru | Policy::VolatileLru => {
            view.idle_secs.map_or(Usage::Unknown, Usage::IdleSecs)
        }
        Policy::Noeviction
        | Policy::AllkeysRandom
        | Policy::VolatileRandom
        | Policy::VolatileTtl => Usage::Unknown,
    }
}

/// All keys of a store.
pub fn part_of(store: &Store, now: Millis, config: &Config) -> Part {
    let compress = config.rdbcompression;
    let mut part = Part::default();
    for db in (0..store.databases()).map(|db| DbIndex(db as u32)) {
        let (keys, expires) = store.counts(db);
        if keys == 0 {
            continue;
        }
        part.select(db, keys, expires);
        store.visit(db, now, |view| {
            let usage = usage_of(&view, config.maxmemory_policy);
            part.key(view.key, view.value, view.expire, usage, compress);
        });
    }
    part
}

/// Removes all keys of a core.
pub fn empty(core: &mut dyn Core) {
    let now = core.now();
    let store = core.store();
    for db in (0..store.databases()).map(|db| DbIndex(db as u32)) {
        Db::new(StoreSet::One(store), db, now).flush(FlushMode::Sync);
    }
}

/// DEBUG RELOAD: the keys of a core, written down and read back.
pub fn reload(
    core: &mut dyn Core,
    config: &Config,
    flush: bool,
) -> std::result::Result<(), String> {
    let now = core.now();
    let part = part_of(core.store(), now, config);
    let mut file = rdb::header(part.version.max(rdb::VERSION_MIN), &[], &[]);
    file.extend_from_slice(&part.bytes);
    let crc = crc64(0, &file);
    file.extend_from_slice(&rdb::trailer(Some(crc)));
    let mut records = Vec::new();
    rdb::read(&file, &limits(config), |item| {
        if let Item::Key {
            db,
            key,
            value,
            expire,
            usage,
        } = item
        {
            let value = Detached {
                value,
                expire,
                access: None,
            };
            records.push((DbIndex(db as u32), key, value, usage));
        }
    })
    .map_err(|error| error.to_string())?;
    if flush {
        empty(core);
    }
    let store = core.store();
    for (db, key, value, usage) in records {
        batch::put(store, db, &key, value, usage, now);
    }
    Ok(())
}
