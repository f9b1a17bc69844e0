//! MIGRATE: keys to another server, and from here when that one has them.
//!
//! The client's core reads the arguments and hands a [`Migration`] to a thread of its own (`server/migration/`), which
//! connects, logs in and waits for the other server. No shard ever does, and none is held while bytes travel. What
//! happens at the keys are three short functions, run by their shards between other commands:
//! ```text
//! look   which of the keys are there
//! pack   the payload and what is left of the time of each, and a flag that WATCH would raise
//! part   of what the other server has confirmed: removed if it is as it was packed, else said to have changed
//! ```
//! A key that has changed is packed and sent again, one that is gone here is removed there: so nothing that was written
//! meanwhile is lost, and the key is where its last change is. A fence that lends the stores for as long as the transfer
//! takes would need none of this, but would stop them all for a time that another machine decides.
//!
//! Some commands change the groups of a stream without WATCH being told, as in Redis. Of streams payloads are compared.

use super::Result;
use crate::base::slot::{DbIndex, ShardId, SlotMap, key_slot};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Core, Flow, HomeCtx, Scope};
use crate::keyspace::{Collection, Db, Expiry, StoreSet, ValueRef, WatchFlag};
use crate::persist;
use crate::resp::{Args, CommandError, OwnedArgs};
use std::sync::Arc;

/// Milliseconds without any progress before the other server is given up, if none are given.
const TIMEOUT_MS: u64 = 1000;

/// What MIGRATE asks for.
pub struct Migration {
    /// Name or address of the other server.
    pub host: Vec<u8>,
    /// Its port as it was written.
    pub port: Vec<u8>,
    /// How long to wait for it at a time, in milliseconds.
    pub timeout_ms: u64,
    /// The database there.
    pub target_db: Vec<u8>,
    /// The database here.
    pub db: DbIndex,
    /// Where keys are.
    pub slots: SlotMap,
    /// The keys stay here.
    pub copies: bool,
    /// What has these names there is replaced.
    pub replaces: bool,
    /// What to log in with: AUTH's arguments.
    pub login: Vec<Vec<u8>>,
    /// The keys, each once more if it was named twice.
    pub keys: Vec<Box<[u8]>>,
    /// Payloads may be compressed.
    pub compresses: bool,
}

/// `MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH password|AUTH2 user password] [KEYS key ..]`.
pub fn migrate(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let mut migration = Migration {
        host: args.arg(1).to_vec(),
        port: args.arg(2).to_vec(),
        timeout_ms: TIMEOUT_MS,
        target_db: Vec::new(),
        db: cx.session.db,
        slots: cx.server.slots,
        copies: false,
        replaces: false,
        login: Vec::new(),
        keys: vec![args.arg(3).into()],
        compresses: cx.config.rdbcompression,
    };
    let mut at = 6;
    while at < args.len() {
        let left = args.len() - 1 - at;
        if args.is(at, "COPY") {
            migration.copies = true;
        } else if args.is(at, "REPLACE") {
            migration.replaces = true;
        } else if let Some(count) = login_words(args, at) {
            if left < count {
                return Err(CommandError::SYNTAX);
            }
            let words = args.from(at + 1).first(count);
            migration.login = words.iter().map(<[u8]>::to_vec).collect();
            at += count;
        } else if args.is(at, "KEYS") {
            if !args.arg(3).is_empty() {
                return Err(CommandError::MIGRATE_KEY);
            }
            migration.keys = args.from(at + 1).iter().map(Box::from).collect();
            break;
        } else {
            return Err(CommandError::SYNTAX);
        }
        at += 1;
    }
    let timeout = parse_i64(args.arg(5)).ok_or(CommandError::NOT_INTEGER)?;
    let target_db = parse_i64(args.arg(4)).ok_or(CommandError::NOT_INTEGER)?;
    migration.target_db = I64Buf::new(target_db).as_bytes().to_vec();
    if let Ok(timeout @ 1..) = u64::try_from(timeout) {
        migration.timeout_ms = timeout;
    }
    Ok(Flow::Migrate(Box::new(migration)))
}

/// How many words the option at `at` has to log in with, if it is such an option.
fn login_words(args: Args<'_>, at: usize) -> Option<usize> {
    [("AUTH", 1), ("AUTH2", 2)]
        .into_iter()
        .find_map(|(word, count)| args.is(at, word).then_some(count))
}

/// What MIGRATE logs in with.
pub fn migrate_secrets(args: Args<'_>) -> Vec<usize> {
    let mut secrets = Vec::new();
    let mut at = 6;
    while at < args.len() && !args.is(at, "KEYS") {
        let count = login_words(args, at).unwrap_or(0);
        secrets.extend((at + 1..args.len()).take(count));
        at += count + 1;
    }
    secrets
}

/// A value on its way.
pub struct Packed {
    /// Which of the keys.
    pub key: usize,
    /// Milliseconds that are left of its time; 0 for ever.
    pub ttl: i64,
    /// As DUMP gives it.
    pub payload: Vec<u8>,
    /// Raised when the key changes here.
    flag: Arc<WatchFlag>,
    /// It may change without that.
    is_stream: bool,
}

/// What became of a key that the other server has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parting {
    /// It is not here any more.
    Done,
    /// It has changed since it was packed.
    Changed,
    /// Somebody has removed it since then.
    Gone,
    /// Nothing may be written at present.
    Held,
}

impl Migration {
    /// The shard of a key.
    pub fn shard_of(&self, key: usize) -> ShardId {
        self.slots.shard_of(key_slot(&self.keys[key]))
    }

    /// Which of this core's keys are there.
    pub fn look(&self, core: &mut dyn Core, wanted: &[usize]) -> Vec<usize> {
        let (now, shard) = (core.now(), core.shard());
        let mut db = Db::new(StoreSet::One(core.store()), self.db, now);
        let own = wanted.iter().copied();
        let own = own.filter(|&key| self.shard_of(key) == shard);
        own.filter(|&key| db.get(&self.keys[key]).is_some())
            .collect()
    }

    /// Packs those of this core's keys that are there.
    pub fn pack(&self, core: &mut dyn Core, wanted: &[usize]) -> Vec<Packed> {
        let (now, shard) = (core.now(), core.shard());
        let store = core.store();
        let mut packed = Vec::new();
        let own = wanted.iter().copied();
        for at in own.filter(|&key| self.shard_of(key) == shard) {
            let key = &self.keys[at];
            let mut db = Db::new(StoreSet::One(store), self.db, now);
            let Some(expire) = db.find_expire(key) else {
                continue;
            };
            let Some(value) = db.peek(key) else { continue };
            let is_stream = matches!(value, ValueRef::Collection(Collection::Stream(_)));
            let payload = persist::dump(value, self.compresses);
            // The last millisecond is still one.
            let ttl = expire.map_or(0, |at| at.0.saturating_sub(now.0).max(1));
            let flag = Arc::new(WatchFlag::new());
            if !self.copies {
                store.watch(self.db, key, &flag, now);
            }
            packed.push(Packed {
                key: at,
                ttl,
                payload,
                flag,
                is_stream,
            });
        }
        packed
    }

    /// Removes those of this core's keys that are as they were packed. The other server has `sent`, all of it.
    pub fn part(
        &self,
        core: &mut dyn Core,
        scope: Scope,
        sent: &[Arc<Packed>],
    ) -> Vec<(usize, Parting)> {
        let (now, shard) = (core.now(), core.shard());
        let is_held = core.is_paused();
        let store = core.store();
        let mut partings = Vec::new();
        let mut removal = OwnedArgs::default();
        removal.push(b"DEL");
        let own = sent.iter();
        for packed in own.filter(|packed| self.shard_of(packed.key) == shard) {
            let key = &self.keys[packed.key];
            let broken = store.is_watch_broken(self.db, key, &packed.flag, Expiry::Remove, now);
            let mut db = Db::new(StoreSet::One(store), self.db, now);
            let value = db.peek(key);
            let is_same = |value| persist::dump(value, self.compresses) == packed.payload;
            let parting = match value {
                _ if is_held => Parting::Held,
                None => Parting::Gone,
                Some(_) if broken => Parting::Changed,
                Some(value) if packed.is_stream && !is_same(value) => Parting::Changed,
                Some(_) => {
                    removal.push(key);
                    Parting::Done
                }
            };
            partings.push((packed.key, parting));
        }
        if removal.len() > 1 {
            core.run(super::keys::del, removal.as_args(), scope);
        }
        partings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(text: &str) -> Vec<usize> {
        let words: OwnedArgs = text.split(' ').collect();
        migrate_secrets(words.as_args())
    }

    #[test]
    fn only_what_logs_in_is_secret() {
        assert_eq!(secrets("migrate h 1 k 0 9"), [0; 0]);
        assert_eq!(secrets("migrate h 1 k 0 9 copy auth p replace"), [8]);
        assert_eq!(secrets("migrate h 1 k 0 9 AUTH2 auth keys copy"), [7, 8]);
        assert_eq!(secrets("migrate h 1 k 0 9 auth"), [0; 0]);
        assert_eq!(secrets("migrate h 1 k 0 9 keys auth p"), [0; 0]);
    }
}
