//! One database as a command sees it: the only way commands touch keys.
//!
//! A `Db` lives for one command and fixes its time: a key that is expired at `now` is absent for all of the command,
//! and removed when noticed. It works alike over one store and over several.
//!
//! Two kinds of look-ups, as in Redis: those for reading count a hit or a miss and note the access (`get`, `get_str`,
//! `touch`); those in preparation of a write (`find`, `find_str`) note the access only; `peek` does neither.

use super::access;
use super::events::{Loss, StoreEvent, StoreEvents};
use super::garbage::Garbage;
use super::hash::Locator;
use super::store::{AccessClock, Change, Expiry, Look, Store, StoreSet};
use super::value::{
    Detached, StrInput, StrRef, TAG_STRING, Ttl, Value, ValueRef, encode, encode_value,
    encoding_of, outside_bytes, value_of,
};
use crate::base::{DbIndex, Millis};
use crate::resp::CommandError;
use crate::structure::{Body, Displaced, Entry, EntryRef};
use crate::types::Collection;

/// A command's view of one database.
pub struct Db<'a> {
    pub(super) set: StoreSet<'a>,
    pub(super) index: DbIndex,
    pub(super) now: Millis,
    pub(super) expiry: Expiry,
    no_touch: bool,
    primed: Primed,
}

/// A key whose locator is known already, recognised by where its bytes are.
#[derive(Clone, Copy)]
struct Primed {
    address: usize,
    len: usize,
    at: Locator,
}

/// Who frees the memory of a flushed database.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlushMode {
    /// This shard, before it goes on.
    Sync,
    /// Whoever takes the store's garbage.
    Async,
}

impl<'a> Db<'a> {
    /// A view of database `index` at the time `now`.
    #[inline]
    pub fn new(set: StoreSet<'a>, index: DbIndex, now: Millis) -> Db<'a> {
        let at = Locator {
            slot: crate::base::Slot(0),
            hash: 0,
        };
        let primed = Primed {
            address: 0,
            len: usize::MAX,
            at,
        };
        let expiry = set.any().ledger.expiry;
        Db {
            set,
            index,
            now,
            expiry,
            no_touch: false,
            primed,
        }
    }

    /// Accesses are not noted for LRU and LFU (CLIENT NO-TOUCH).
    #[inline]
    pub fn set_no_touch(&mut self, no_touch: bool) {
        self.no_touch = no_touch;
    }

    /// What expired keys look like; as the store says unless told otherwise.
    #[inline]
    pub fn set_expiry_rule(&mut self, expiry: Expiry) {
        self.expiry = expiry;
    }

    /// Hands over the locator of a key, computed when the request was routed. `key` must be the very slice the
    /// command will look up, and outlive this `Db` unchanged, as a request's arguments do: it is recognised by its
    /// address.
    #[inline]
    pub fn prime(&mut self, key: &[u8], at: Locator) {
        debug_assert_eq!(at, self.set.any().locate(key));
        self.primed = Primed {
            address: key.as_ptr().addr(),
            len: key.len(),
            at,
        };
    }

    #[inline]
    pub(super) fn locate(&self, key: &[u8]) -> Locator {
        #[cfg(test)]
        super::seen::note(key);
        if key.as_ptr().addr() == self.primed.address && key.len() == self.primed.len {
            debug_assert_eq!(self.primed.at, self.set.any().locate(key));
            return self.primed.at;
        }
        self.set.any().locate(key)
    }

    /// The time of this command.
    #[inline]
    pub fn now(&self) -> Millis {
        self.now
    }

    /// Elements of values with an expiry time before this are gone: now, unless everything counts as present.
    #[inline]
    pub fn horizon(&self) -> i64 {
        match self.expiry {
            Expiry::Ignore => i64::MIN,
            Expiry::Remove | Expiry::Hide => self.now.0,
        }
    }

    /// Which database this is.
    pub fn index(&self) -> DbIndex {
        self.index
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.set.any().databases()
    }

    /// Turns to another database; `false`, and nothing changed, if there is none of that number.
    pub fn select(&mut self, index: DbIndex) -> bool {
        let exists = index.index() < self.databases();
        if exists {
            self.index = index;
        }
        exists
    }

    #[inline]
    pub(super) fn look(&self, touch: bool, count: bool) -> Look {
        Look {
            now: self.now,
            expiry: self.expiry,
            touch: touch && !self.no_touch,
            count,
            tell: count,
        }
    }

    #[inline]
    fn entry(&mut self, key: &[u8], look: Look) -> Option<EntryRef<'_, Collection>> {
        let at = self.locate(key);
        self.set.store(at.slot).find(self.index, at, key, look)
    }

    /// The value, for a command that reads it: counts as hit or miss and as an access.
    #[inline]
    pub fn get(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        let look = self.look(true, true);
        self.entry(key, look).map(value_of)
    }

    /// As [`Db::get`] where a string is wanted; WRONGTYPE for anything else.
    #[inline]
    pub fn get_str(&mut self, key: &[u8]) -> Result<Option<StrRef<'_>>, CommandError> {
        as_str(self.get(key))
    }

    /// The value, for a command that is going to write: an access, but neither hit nor miss.
    #[inline]
    pub fn find(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        let look = self.look(true, false);
        self.entry(key, look).map(value_of)
    }

    /// As [`Db::find`] where a string is wanted.
    #[inline]
    pub fn find_str(&mut self, key: &[u8]) -> Result<Option<StrRef<'_>>, CommandError> {
        as_str(self.find(key))
    }

    /// As [`Db::find_str`] where the write follows, which is the access.
    #[inline]
    pub fn peek_str(&mut self, key: &[u8]) -> Result<Option<StrRef<'_>>, CommandError> {
        as_str(self.peek(key))
    }

    /// The value, without leaving a trace.
    pub fn peek(&mut self, key: &[u8]) -> Option<ValueRef<'_>> {
        let look = self.look(false, false);
        self.entry(key, look).map(value_of)
    }

    /// Has those who wait for the key look at it again, as if it had changed.
    pub fn wake(&mut self, key: &[u8]) {
        let (db, at) = (self.index, self.locate(key));
        self.set.store(at.slot).wake(db, key);
    }

    /// Whether the key is there: counts as hit or miss, but not as an access.
    pub fn exists(&mut self, key: &[u8]) -> bool {
        let look = self.look(false, true);
        self.entry(key, look).is_some()
    }

    /// As [`Db::exists`], but nobody is told of a miss (OBJECT).
    pub fn exists_quietly(&mut self, key: &[u8]) -> bool {
        let look = Look {
            tell: false,
            ..self.look(false, true)
        };
        self.entry(key, look).is_some()
    }

    /// As [`Db::exists`], and an access even for clients that leave none (TOUCH).
    pub fn touch(&mut self, key: &[u8]) -> bool {
        let look = Look {
            touch: true,
            ..self.look(true, true)
        };
        self.entry(key, look).is_some()
    }

    /// Sets a key to a string, whatever it held. Returns whether it was there before.
    #[inline]
    pub fn set_str(&mut self, key: &[u8], value: StrInput<'_>, ttl: Ttl) -> bool {
        let (body, raw) = encode(key.len(), &value);
        self.put(key, TAG_STRING, raw, body, ttl, None)
    }

    pub(super) fn put(
        &mut self,
        key: &[u8],
        tag: u8,
        raw: bool,
        body: Body<'_, Collection>,
        ttl: Ttl,
        access: Option<u32>,
    ) -> bool {
        let (db, now) = (self.index, self.now);
        let look = self.look(true, false);
        let at = self.locate(key);
        let store = self.set.store(at.slot);
        // An expired key is removed first, so that it counts and its old expiry time is not kept.
        if let Some(mut target) = store.find_mut(db, at, key, look) {
            // Most often a value is replaced by one like it.
            if let Body::Bytes(value) = &body
                && !matches!(ttl, Ttl::At(_))
                && access.is_none()
                && target.overwrite(tag, raw, value)
            {
                return true;
            }
            let expiry = match ttl {
                Ttl::Keep => target.as_ref().expiry(),
                Ttl::Clear => None,
                Ttl::At(at) => Some(at.0),
            };
            target.replace(|entry| {
                if let Some(access) = access {
                    entry.set_access(access);
                }
                entry.replace(tag, raw, expiry, body)
            });
            return true;
        }
        if look.expiry == Expiry::Hide {
            // A replica that may be written to: what is hidden has to go now, or the key would be there twice.
            let hidden = Look {
                expiry: Expiry::Ignore,
                touch: false,
                count: false,
                tell: false,
                ..look
            };
            store.remove(db, at, key, hidden, Change::Expired);
        }
        let expiry = match ttl {
            Ttl::Keep | Ttl::Clear => None,
            Ttl::At(at) => Some(at.0),
        };
        let mut entry = Entry::new(key, tag, raw, expiry, body);
        entry.set_access(access.unwrap_or_else(|| store.ledger.access.fresh(now)));
        store.insert(db, at, entry);
        false
    }

    /// Replaces an integer by what `edit` makes of it (`None` for an absent key); the expiry time stays. An error of
    /// `edit`, a value that is no integer, and a wrong type change nothing.
    #[inline]
    pub fn update_int(
        &mut self,
        key: &[u8],
        edit: impl FnOnce(Option<i64>) -> Result<i64, CommandError>,
    ) -> Result<i64, CommandError> {
        let (db, look) = (self.index, self.look(true, false));
        let at = self.locate(key);
        let store = self.set.store(at.slot);
        if let Some(mut target) = store.find_mut(db, at, key, look) {
            let old = match value_of(target.as_ref()) {
                ValueRef::Str(text) => text.as_int().ok_or(CommandError::NOT_INTEGER)?,
                ValueRef::Collection(_) => return Err(CommandError::WRONG_TYPE),
            };
            let new = edit(Some(old))?;
            target.replace(|entry| {
                if entry.set_int(new) {
                    return Displaced::Nothing;
                }
                let expiry = entry.as_ref().expiry();
                entry.replace(TAG_STRING, false, expiry, Body::Int(new))
            });
            return Ok(new);
        }
        let new = edit(None)?;
        self.set_str(key, StrInput::Int(new), Ttl::Clear);
        Ok(new)
    }

    /// Removes a key. Returns whether it was there.
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let (db, look) = (self.index, self.look(false, false));
        let at = self.locate(key);
        self.set
            .store(at.slot)
            .remove(db, at, key, look, Change::Removed)
    }

    /// Removes a key and hands over what it held.
    pub fn take(&mut self, key: &[u8]) -> Option<Detached> {
        let (db, look) = (self.index, self.look(false, false));
        let at = self.locate(key);
        let target = self.set.store(at.slot).find_mut(db, at, key, look)?;
        let entry = target.as_ref();
        let (expire, access) = (entry.expiry().map(Millis), Some(entry.access()));
        let text = match value_of(entry) {
            ValueRef::Str(text) => Some(Value::Str(text.to_value(), entry.is_raw())),
            ValueRef::Collection(_) => None,
        };
        let displaced = target.take();
        let value = match (text, displaced) {
            (Some(text), _) => text,
            (None, Displaced::Object(collection)) => Value::Collection(collection),
            (None, _) => unreachable!("a value is a string or a collection"),
        };
        Some(Detached {
            value,
            expire,
            access,
        })
    }

    /// What the key holds, as an independent copy (COPY). No access.
    pub fn copy(&mut self, key: &[u8]) -> Option<Detached> {
        let look = self.look(false, false);
        self.entry(key, look).map(detach)
    }

    /// Puts a value under a key, in place of what it held.
    pub fn insert(&mut self, key: &[u8], detached: Detached) {
        let Detached {
            mut value,
            expire,
            access,
        } = detached;
        let mut begun = None;
        if let Value::Collection(collection) = &mut value {
            begun = collection.walk_label().map(|label| label.stays > 0);
            let at = self.locate(key);
            let store = self.set.store(at.slot);
            if begun.is_some()
                && !store.has_snapshot()
                && let Some(remains) = collection.end_walk()
            {
                store.ledger.push_garbage(Garbage::Walk(remains));
            }
        }
        let ttl = expire.map_or(Ttl::Clear, Ttl::At);
        let mut bytes = Vec::new();
        let (tag, body, raw) = encode_value(key.len(), value, &mut bytes);
        // It does not take over how the value was used that it replaces.
        let slot = self.locate(key).slot;
        let fresh = self.set.store(slot).ledger.access.fresh(self.now);
        let replaced = self.put(key, tag, raw, body, ttl, Some(access.unwrap_or(fresh)));
        if replaced {
            // What was there is not overwritten but makes room.
            let db = self.index;
            let ledger = &mut self.set.store(slot).ledger;
            ledger.push_event(StoreEvents::NEW, || StoreEvent::New(db, key.into()));
        }
        if let Some(begun) = begun {
            // A snapshot is writing it, and goes on here.
            let at = self.locate(key);
            self.set.store(at.slot).adopt_walked(self.index, key, begun);
        }
    }

    /// The expiry time of a key that is there: `Some(None)` for a persistent one. No access.
    pub fn expire_of(&mut self, key: &[u8]) -> Option<Option<Millis>> {
        let look = self.look(false, true);
        self.entry(key, look)
            .map(|entry| entry.expiry().map(Millis))
    }

    /// As [`Db::expire_of`], in preparation of a write: an access, but neither hit nor miss.
    pub fn find_expire(&mut self, key: &[u8]) -> Option<Option<Millis>> {
        let look = self.look(true, false);
        self.entry(key, look)
            .map(|entry| entry.expiry().map(Millis))
    }

    /// What TYPE answers: counts as hit or miss, but not as an access.
    pub fn type_name(&mut self, key: &[u8]) -> Option<&'static str> {
        let look = self.look(false, true);
        self.entry(key, look)
            .map(|entry| value_of(entry).type_name())
    }

    /// Whether a key that is given a time in the past goes at once: not while a master's stream or a file is obeyed,
    /// which say themselves when it goes.
    pub fn removes_expired(&self) -> bool {
        self.expiry == Expiry::Remove
    }

    /// Whether accesses are kept as LFU counters rather than times.
    pub fn keeps_frequency(&self) -> bool {
        matches!(self.set.any().ledger.access, AccessClock::Lfu { .. })
    }

    /// Sets or clears the expiry time. Returns whether the key is there. A time in the past makes it expired, which
    /// the caller may want to turn into a removal.
    pub fn set_expire(&mut self, key: &[u8], expire: Option<Millis>) -> bool {
        let (db, look) = (self.index, self.look(false, false));
        let at = self.locate(key);
        let store = self.set.store(at.slot);
        let Some(mut target) = store.find_mut(db, at, key, look) else {
            return false;
        };
        target.edit(|entry| entry.set_expiry(expire.map(|at| at.0)));
        true
    }

    /// Seconds since the last access, by the LRU clock. No access.
    pub fn idle_secs(&mut self, key: &[u8]) -> Option<u64> {
        let (now, look) = (self.now, self.look(false, false));
        self.entry(key, look)
            .map(|entry| access::idle_secs(entry.access(), now))
    }

    /// The LFU counter, decayed up to now. No access.
    pub fn frequency(&mut self, key: &[u8]) -> Option<u8> {
        let (now, look, clock) = (
            self.now,
            self.look(false, false),
            self.set.any().ledger.access,
        );
        self.entry(key, look)
            .map(|entry| clock.frequency(entry.access(), now) as u8)
    }

    /// Makes a key look idle for so long (RESTORE IDLETIME). Returns whether it is there.
    pub fn set_idle(&mut self, key: &[u8], idle_secs: u64) -> bool {
        let access = self.set.any().ledger.access.with_idle(idle_secs, self.now);
        self.set_access(key, access)
    }

    /// Gives a key an LFU counter (RESTORE FREQ). Returns whether it is there.
    pub fn set_frequency(&mut self, key: &[u8], frequency: u8) -> bool {
        let access = self
            .set
            .any()
            .ledger
            .access
            .with_frequency(frequency, self.now);
        self.set_access(key, access)
    }

    fn set_access(&mut self, key: &[u8], access: u32) -> bool {
        let (db, look) = (self.index, self.look(false, false));
        let at = self.locate(key);
        let Some(mut target) = self.set.store(at.slot).find_mut(db, at, key, look) else {
            return false;
        };
        target.set_access(access);
        true
    }

    /// What OBJECT ENCODING answers. No access.
    pub fn encoding_name(&mut self, key: &[u8]) -> Option<&'static str> {
        let look = self.look(false, false);
        self.entry(key, look).map(encoding_of)
    }

    /// Bytes the key costs: entry, what it holds outside, and its part of the index. No access.
    pub fn memory_of(&mut self, key: &[u8]) -> Option<usize> {
        let look = self.look(false, false);
        self.entry(key, look)
            .map(|entry| entry.alloc_bytes() + outside_bytes(entry) + INDEX_BYTES_MEAN)
    }

    /// Keys, expired ones that nobody noticed yet included, as DBSIZE counts them.
    pub fn len(&mut self) -> usize {
        let db = self.index.index();
        let mut len = 0;
        self.set.for_each(|store| len += store.dbs[db].len());
        len
    }

    /// True without keys.
    pub fn is_empty(&mut self) -> bool {
        self.len() == 0
    }

    /// Keys with an expiry time.
    pub fn expires(&mut self) -> usize {
        let db = self.index.index();
        let mut expires = 0;
        self.set.for_each(|store| {
            expires += store.dbs[db]
                .table
                .as_ref()
                .map_or(0, |table| table.expires());
        });
        expires
    }

    /// Removes all keys of this database, on the stores of this view.
    pub fn flush(&mut self, mode: FlushMode) {
        let (db, now) = (self.index, self.now);
        self.set
            .for_each(|store| store.flush(db, mode == FlushMode::Async, now));
    }

    /// Notes that all databases are emptied, which concerns a snapshot under way. Counted once, by who speaks for all.
    pub fn note_flush_of_all(&mut self) {
        if self.is_first() {
            let mut is_noted = false;
            self.set.for_each(|store| {
                if !std::mem::replace(&mut is_noted, true) {
                    store.note_flush_of_all();
                }
            });
        }
    }

    /// Exchanges two databases on the stores of this view; `false`, and nothing changed, if one does not exist.
    pub fn swap(&mut self, one: DbIndex, other: DbIndex) -> bool {
        let now = self.now;
        let exist = one.index().max(other.index()) < self.databases();
        if exist {
            self.set.for_each(|store| store.swap(one, other, now));
        }
        exist
    }

    /// Whether the store of slot 0 is in this view: of all the shards that run a command alike, one speaks for it.
    pub fn is_first(&self) -> bool {
        self.set.covers(crate::base::Slot(0))
    }

    /// What went in the stores of this view without a command, since this was called last.
    #[inline]
    pub fn take_losses(&mut self, mut take: impl FnMut(Loss)) {
        self.set.for_each(|store| {
            if store.has_losses() {
                store.take_losses().into_iter().for_each(&mut take);
            }
        });
    }

    /// What happened to keys in the stores of this view without a command that said so, since this was called last.
    pub fn take_events(&mut self, mut take: impl FnMut(StoreEvent)) {
        self.set.for_each(|store| {
            if store.has_events() {
                store.take_events().into_iter().for_each(&mut take);
            }
        });
    }

    /// A store of this view, for what is not about a key.
    pub fn store_of(&mut self, key: &[u8]) -> &mut Store {
        let at = self.locate(key);
        self.set.store(at.slot)
    }
}

/// What a key costs in the index at its usual fill.
pub const INDEX_BYTES_MEAN: usize = 12;

#[inline]
fn as_str(value: Option<ValueRef<'_>>) -> Result<Option<StrRef<'_>>, CommandError> {
    match value {
        None => Ok(None),
        Some(ValueRef::Str(text)) => Ok(Some(text)),
        Some(ValueRef::Collection(_)) => Err(CommandError::WRONG_TYPE),
    }
}

fn detach(entry: EntryRef<'_, Collection>) -> Detached {
    let value = match value_of(entry) {
        ValueRef::Str(text) => Value::Str(text.to_value(), entry.is_raw()),
        ValueRef::Collection(collection) => Value::Collection(Box::new(collection.clone())),
    };
    Detached {
        value,
        expire: entry.expiry().map(Millis),
        access: Some(entry.access()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::base::{ShardId, SlotMap};
    use crate::keyspace::{StoreCounters, StoreOptions};

    const NOW: Millis = Millis(1_700_000_000_000);

    fn stores(shards: usize) -> (SlotMap, Vec<Store>) {
        let slots = SlotMap::even(shards);
        let stores = (0..shards as u16).map(|shard| {
            Store::new(StoreOptions {
                shard: ShardId(shard),
                slots: slots.slots_of(ShardId(shard)),
                databases: 4,
                hash_seed: 1,
                counters: Arc::new(StoreCounters::new(4)),
            })
        });
        (slots, stores.collect())
    }

    /// Runs `test` over one store, and over several through one view.
    fn check(test: impl Fn(&mut Db<'_>)) {
        let (_, mut one) = stores(1);
        test(&mut Db::new(StoreSet::One(&mut one[0]), DbIndex(0), NOW));
        one[0].check();
        let (slots, mut many) = stores(4);
        let mut lent: Vec<Option<&mut Store>> = many.iter_mut().map(Some).collect();
        let set = StoreSet::Many {
            stores: &mut lent,
            slots: &slots,
        };
        test(&mut Db::new(set, DbIndex(0), NOW));
        many.iter().for_each(Store::check);
    }

    fn text(db: &mut Db<'_>, key: &[u8]) -> Option<Vec<u8>> {
        db.get_str(key).unwrap().map(|text| text.to_vec())
    }

    #[test]
    fn set_get_and_encodings() {
        check(|db| {
            assert!(!db.set_str(b"a", StrInput::Bytes(b"123"), Ttl::Clear));
            assert_eq!(db.encoding_name(b"a"), Some("int"));
            assert!(db.set_str(b"a", StrInput::Bytes(b"0123"), Ttl::Clear));
            assert_eq!(db.encoding_name(b"a"), Some("embstr"));
            db.set_str(b"a", StrInput::Bytes(&[b'x'; 45]), Ttl::Clear);
            assert_eq!(db.encoding_name(b"a"), Some("raw"));
            db.set_str(b"b", StrInput::Bytes(&[b'x'; 20_000]), Ttl::Clear);
            assert!(matches!(db.get_str(b"b"), Ok(Some(StrRef::Shared(_)))));
            assert_eq!(text(db, b"b").unwrap().len(), 20_000);
            assert_eq!(db.update_str(b"b", |bytes| bytes.len()), Ok(20_000));
            assert_eq!(db.update_str(b"a", |bytes| bytes.truncate(1)), Ok(()));
            assert_eq!(
                (text(db, b"a").unwrap(), db.encoding_name(b"a")),
                (b"x".to_vec(), Some("raw"))
            );
            assert_eq!(db.update_int(b"n", |old| Ok(old.unwrap_or(0) + 5)), Ok(5));
            assert_eq!(db.update_int(b"n", |old| Ok(old.unwrap_or(0) + 5)), Ok(10));
            assert_eq!(
                db.update_int(b"a", |_| Ok(1)),
                Err(CommandError::NOT_INTEGER)
            );
            assert_eq!(db.len(), 3);
            assert!(db.remove(b"b") && !db.remove(b"b"));
        });
    }

    #[test]
    fn expiry_times_are_kept_cleared_and_obeyed() {
        check(|db| {
            let at = |ms: i64| Millis(NOW.0 + ms);
            db.set_str(b"k", StrInput::Bytes(b"v"), Ttl::At(at(10)));
            db.set_str(b"k", StrInput::Bytes(b"w"), Ttl::Keep);
            assert_eq!(db.expire_of(b"k"), Some(Some(at(10))));
            assert_eq!(db.expires(), 1);
            db.set_str(b"k", StrInput::Int(4), Ttl::Clear);
            assert_eq!((db.expire_of(b"k"), db.expires()), (Some(None), 0));
            assert!(db.set_expire(b"k", Some(at(0))));
            assert!(
                db.exists(b"k"),
                "a key lives through the millisecond it expires at"
            );
            assert!(db.set_expire(b"k", Some(at(-1))));
            db.set_expiry_rule(Expiry::Ignore);
            assert!(db.exists(b"k"));
            db.set_expiry_rule(Expiry::Hide);
            assert!(!db.exists(b"k") && db.len() == 1);
            db.set_expiry_rule(Expiry::Remove);
            assert!(!db.exists(b"k") && db.is_empty());
            assert_eq!(db.expire_of(b"k"), None);
        });
    }

    #[test]
    fn values_move_between_keys_and_databases() {
        check(|db| {
            db.set_str(
                b"a",
                StrInput::Bytes(&[7; 3000]),
                Ttl::At(Millis(NOW.0 + 5)),
            );
            let taken = db.take(b"a").unwrap();
            assert!(db.select(DbIndex(2)) && !db.select(DbIndex(4)));
            db.insert(b"b", taken);
            assert_eq!(text(db, b"b").unwrap(), [7; 3000]);
            assert_eq!(db.expire_of(b"b"), Some(Some(Millis(NOW.0 + 5))));
            assert!(db.swap(DbIndex(0), DbIndex(2)));
            assert!(!db.exists(b"b"));
            db.select(DbIndex(0));
            assert!(db.exists(b"b"));
            db.flush(FlushMode::Async);
            assert!(db.is_empty());
        });
    }

    #[test]
    fn a_scan_over_several_shards_goes_through_all_slots() {
        check(|db| {
            for i in 0..500 {
                db.set_str(format!("key:{i}").as_bytes(), StrInput::Int(i), Ttl::Clear);
            }
            let mut seen = Vec::new();
            let mut cursor = crate::keyspace::Cursor::START;
            loop {
                cursor = db.scan(cursor, 7, |key, _| seen.push(key.to_vec()));
                if cursor == crate::keyspace::Cursor::START {
                    break;
                }
            }
            let walked = seen.len();
            seen.sort();
            seen.dedup();
            assert_eq!((walked, seen.len()), (500, 500));
        });
    }

    #[test]
    fn watch_flags_follow_the_changes_of_a_key() {
        let (_, mut stores) = stores(1);
        let store = &mut stores[0];
        let mut changed = |change: fn(&mut Db<'_>)| {
            let set = |store: &mut Store| {
                let mut db = Db::new(StoreSet::One(store), DbIndex(0), NOW);
                db.flush(FlushMode::Sync);
                db.set_str(b"k", StrInput::Int(1), Ttl::Clear);
            };
            set(store);
            let flag = Arc::new(crate::keyspace::WatchFlag::new());
            store.watch(DbIndex(0), b"k", &flag, NOW);
            change(&mut Db::new(StoreSet::One(store), DbIndex(0), NOW));
            flag.is_dirty()
        };
        assert!(changed(|db| {
            db.set_str(b"k", StrInput::Int(2), Ttl::Clear);
        }));
        assert!(changed(|db| {
            db.set_expire(b"k", Some(Millis(0)));
        }));
        assert!(changed(|db| {
            db.remove(b"k");
        }));
        assert!(changed(|db| db.flush(FlushMode::Async)));
        assert!(changed(|db| {
            db.swap(DbIndex(0), DbIndex(1));
        }));
        assert!(!changed(|db| {
            let _ = db.get(b"k");
        }));
        assert!(!changed(|db| {
            db.set_str(b"other", StrInput::Int(2), Ttl::Clear);
        }));
        assert!(!changed(|db| {
            db.swap(DbIndex(2), DbIndex(1));
        }));
    }
}
