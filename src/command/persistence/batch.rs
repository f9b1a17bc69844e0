//! Keys on their way from a file into a shard: as they stand in the file, so that the shard makes values of them.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::slot::DbIndex;
use crate::base::time::Millis;
use crate::keyspace::{Db, Detached, Store, StoreSet};
use crate::persist::rdb::{self, RawKey, RdbError, Usage};
use crate::persist::{Unreadable, ValueLimits};

/// Keys without elements whose names are logged.
const EMPTY_TOLD: u64 = 10;

/// See the module.
#[derive(Debug, Default)]
pub struct Batch {
    version: u16,
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    db: DbIndex,
    kind: u8,
    key: Range<usize>,
    value: Range<usize>,
    expire: Option<Millis>,
    usage: Usage,
    active: Vec<u8>,
    offset: u64,
}

impl Batch {
    /// An empty one, of a file of this version.
    pub fn new(version: u16) -> Batch {
        Batch {
            version,
            ..Batch::default()
        }
    }

    /// An empty one of the same file.
    pub fn next(&self) -> Batch {
        Batch::new(self.version)
    }

    /// Adds a key.
    pub fn push(&mut self, db: DbIndex, raw: &RawKey<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&raw.key);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(raw.value);
        self.entries.push(Entry {
            db,
            kind: raw.kind,
            key: start..middle,
            value: middle..self.bytes.len(),
            expire: raw.expire,
            usage: raw.usage,
            active: raw.active.clone(),
            offset: raw.offset,
        });
    }

    /// How many keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes of them.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Puts all keys into the store. Unless `replace`, none of them may be there. Those without any element are left out
    /// and counted in `empty`.
    pub fn fill(
        &self,
        store: &mut Store,
        limits: &ValueLimits,
        now: Millis,
        replace: bool,
        empty: &AtomicU64,
    ) -> Result<(), RdbError> {
        for entry in &self.entries {
            let key = &self.bytes[entry.key.clone()];
            let value = &self.bytes[entry.value.clone()];
            let value = match rdb::read_raw(entry.kind, value, &entry.active, self.version, limits)
            {
                Ok(value) => value,
                Err(Unreadable::Damaged) => {
                    return Err(rdb::damaged(entry.kind, key, entry.offset));
                }
                Err(Unreadable::Empty) => {
                    if empty.fetch_add(1, Ordering::Relaxed) < EMPTY_TOLD {
                        let key = String::from_utf8_lossy(key);
                        tracing::info!("rdbLoadObject skipping empty key: {key}");
                    }
                    continue;
                }
            };
            let (before, _) = store.counts(entry.db);
            put(
                store,
                entry.db,
                key,
                Detached {
                    value,
                    expire: entry.expire,
                    access: None,
                },
                entry.usage,
                now,
            );
            if !replace && store.counts(entry.db).0 == before {
                let (key, db) = (String::from_utf8_lossy(key), entry.db.index());
                return Err(RdbError {
                    offset: entry.offset,
                    reason: format!("RDB has duplicated key '{key}' in DB {db}"),
                });
            }
        }
        Ok(())
    }
}

/// Puts a key into a store.
pub(super) fn put(
    store: &mut Store,
    db: DbIndex,
    key: &[u8],
    value: Detached,
    usage: Usage,
    now: Millis,
) {
    let mut db = Db::new(StoreSet::One(store), db, now);
    db.insert(key, value);
    match usage {
        Usage::IdleSecs(idle) if !db.keeps_frequency() => {
            db.set_idle(key, idle);
        }
        Usage::Frequency(often) if db.keeps_frequency() => {
            db.set_frequency(key, often);
        }
        _ => {}
    }
}
