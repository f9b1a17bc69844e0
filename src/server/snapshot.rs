//! The file that is read at start.

use std::path::Path;

use crate::base::slot::{DbIndex, SlotMap, key_slot};
use crate::base::time::Millis;
use crate::command::generic::dump::limits;
use crate::command::persistence::Record;
use crate::config::Config;
use crate::keyspace::Detached;
use crate::persist::rdb::{self, Item};

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
