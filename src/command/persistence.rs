//! SAVE, BGSAVE, and the keys of a shard as part of a file: written down, and put back.

use super::ctx::{Core, Flow, HomeCtx, Save};
use super::generic::dump::limits;
use crate::base::crc64;
use crate::base::slot::DbIndex;
use crate::base::time::Millis;
use crate::config::Config;
use crate::keyspace::{Db, Detached, Expiry, FlushMode, Store, StoreSet};
use crate::persist::rdb::{self, Item, Part, Usage};
use crate::resp::{Args, CommandError};

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

/// All keys of a store.
pub fn part_of(store: &Store, now: Millis, compress: bool) -> Part {
    let mut part = Part::default();
    for db in (0..store.databases()).map(|db| DbIndex(db as u32)) {
        let (keys, expires) = store.counts(db);
        if keys == 0 {
            continue;
        }
        part.select(db, keys, expires);
        store.visit(db, now, |view| {
            let usage = match (view.frequency, view.idle_secs) {
                (Some(often), _) => Usage::Frequency(often),
                (None, Some(idle)) if idle > 0 => Usage::IdleSecs(idle),
                _ => Usage::Unknown,
            };
            part.key(view.key, view.value, view.expire, usage, compress);
        });
    }
    part
}

/// A key on its way into a store.
pub struct Record {
    /// Its database.
    pub db: DbIndex,
    /// Its name.
    pub key: Vec<u8>,
    /// What it holds, and when it goes.
    pub value: Detached,
    /// Whether it was used lately.
    pub usage: Usage,
}

/// Puts records into an empty store.
pub fn fill(store: &mut Store, records: Vec<Record>, now: Millis) {
    for Record {
        db,
        key,
        value,
        usage,
    } in records
    {
        let mut db = Db::new(StoreSet::One(store), db, now);
        db.set_expiry_rule(Expiry::Ignore);
        db.insert(&key, value);
        match usage {
            Usage::IdleSecs(idle) if !db.keeps_frequency() => {
                db.set_idle(&key, idle);
            }
            Usage::Frequency(often) if db.keeps_frequency() => {
                db.set_frequency(&key, often);
            }
            _ => {}
        }
    }
}

/// DEBUG RELOAD: the keys of a core, written down and read back.
pub fn reload(
    core: &mut dyn Core,
    config: &Config,
    flush: bool,
) -> std::result::Result<(), String> {
    let now = core.now();
    let part = part_of(core.store(), now, config.rdbcompression);
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
            records.push(Record {
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
    .map_err(|error| error.to_string())?;
    let store = core.store();
    if flush {
        for db in (0..store.databases()).map(|db| DbIndex(db as u32)) {
            Db::new(StoreSet::One(store), db, now).flush(FlushMode::Sync);
        }
    }
    fill(store, records, now);
    Ok(())
}
