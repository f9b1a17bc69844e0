//! A shard's keys: the tables of all databases for its slots, and the one path by which they change.
//!
//! Every change of an entry, whoever wants it, is one of three calls: `Store::insert`,
//! `Target::edit`, `Target::remove`. Before: the snapshot's pre-image. After: epoch stamp, accounting, WATCH flags,
//! events. A change that did not pass there would be missing in a snapshot, invisible to EXEC and wrong in INFO; hence
//! no other module is given a `SlotTable` to change.
//!
//! ```text
//! Db (one command's view) -> Store::find / find_mut -> Target -> preserve -> SlotTable -> publish, watch, events
//! ```
//!
//! Invariants
//!   1. Nothing here suspends, reads a clock or draws unseeded randomness.
//!   2. `used` is the sum of all tables' bytes and of what their entries hold outside; it is published after every
//!      change, with what the first table will take while there is none.
//!   3. An entry past its expiry time is never handed out, except under `Expiry::Ignore`.
//!
//! Budget of a read: slot header, bucket, entry: three cache lines, prefetched by a batch in as many steps.

use std::mem;
use std::ops::Range;
use std::sync::Arc;

use super::counters::StoreCounters;
use super::element_dues::{ElementDues, element_due};
use super::events::{Loss, StoreEvent, StoreEvents};
use super::evict::Pool;
use super::garbage::{DbGarbage, Garbage};
use super::hash::{KeyHasher, Locator};
use super::interest::{Interest, Interests, Touched};
use super::lengths::{Bin, Lengths};
use super::snapshot::{How, Snapshot};
use super::value::{outside_bytes, shared_bytes};
use super::watch::{WatchFlag, WatchTable};
use crate::base::{DbIndex, Millis, Rng, ShardId, Slot, SlotMap};
use crate::structure::{
    Displaced, Entry, EntryRef, Frame, Occupied, SlotTable, frame_bytes, seed_members,
};
use crate::types::{Collection, Extent};

pub(super) type Table = SlotTable<Collection, KeyHasher>;
pub(super) type Found<'a> = Occupied<'a, Collection, KeyHasher>;

/// What a store is made with.
#[derive(Debug)]
pub struct StoreOptions {
    /// Which shard this is.
    pub shard: ShardId,
    /// The slots it holds.
    pub slots: Range<u16>,
    /// How many databases there are.
    pub databases: usize,
    /// Seed of the key hash, the same on all shards of the process.
    pub hash_seed: u64,
    /// Where numbers are published; made for at least as many databases.
    pub counters: Arc<StoreCounters>,
}

/// All databases of a shard's slots.
pub struct Store {
    shard: ShardId,
    slots: Range<u16>,
    hasher: KeyHasher,
    pub(super) dbs: Vec<DbTable>,
    pub(super) ledger: Ledger,
    pub(super) pool: Pool,
}

/// One database; without a table until it has a key.
#[derive(Default)]
pub(super) struct DbTable {
    pub(super) table: Option<Box<Table>>,
    pub(super) sizes: Sizes,
}

/// What is known of a database beyond what its table counts.
#[derive(Default)]
pub(super) struct Sizes {
    /// Bytes that entries hold outside of themselves.
    pub(super) outside: usize,
    /// Which values have elements that come due.
    pub(super) dues: ElementDues,
    /// How many values there are of each size.
    pub(super) lengths: Lengths,
    /// Bytes of all kinds as last added to `used`.
    counted: usize,
    /// What of its table does not depend on the number of keys, as last added to `frames`.
    frame: Frame,
}

/// A found entry with all that a change of it has to pass through.
pub(super) struct Target<'a> {
    pub(super) db: DbIndex,
    pub(super) found: Found<'a>,
    pub(super) ledger: &'a mut Ledger,
    pub(super) sizes: &'a mut Sizes,
}

/// What every change passes through, apart from the tables so that both can be borrowed.
pub(super) struct Ledger {
    pub(super) counters: Arc<StoreCounters>,
    pub(super) watch: WatchTable,
    pub(super) interests: Interests,
    pub(super) access: AccessClock,
    pub(super) rng: Rng,
    used: usize,
    /// How many slots there are in each table.
    slots: usize,
    /// What the tables of all databases take however few keys there are.
    frames: usize,
    /// What of the table of one database with expiry times is not there yet. It counts as used from the start, so that a
    /// limit a little above what an empty server uses is one for keys.
    reserved: usize,
    pub(super) cut_epoch: u8,
    /// Cuts since the last walk that came to all entries.
    pub(super) unswept: u8,
    /// What is being written down.
    pub(super) snapshot: Option<Box<Snapshot>>,
    garbage: Vec<Garbage>,
    events: Vec<StoreEvent>,
    wanted: StoreEvents,
    losses: Vec<Loss>,
    notes_losses: bool,
    /// What an expired key looks like to commands.
    pub(super) expiry: Expiry,
    /// Editing space for small strings, kept to save its allocation.
    pub(super) scratch: Vec<u8>,
}

/// Which 24 bits an access leaves in an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccessClock {
    /// Seconds since the last access, modulo 2^24 (194 days).
    Lru,
    /// Minutes since the last decay (16 bits) and a logarithmic hit counter (8 bits).
    Lfu {
        /// `lfu-log-factor`: how quickly hits stop counting.
        log_factor: u32,
        /// `lfu-decay-time`: minutes for the counter to fall by one; 0 for never.
        decay_minutes: u32,
    },
}

/// What an expired key looks like.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expiry {
    /// Absent, and removed when noticed: a master.
    #[default]
    Remove,
    /// Absent, but left for the master to delete: a replica's clients, or while writes are paused.
    Hide,
    /// Present: commands of the master's stream, and loading.
    Ignore,
}

/// How a lookup counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) now: Millis,
    pub(super) expiry: Expiry,
    /// Note the access for LRU or LFU.
    pub(super) touch: bool,
    /// Count a hit or a miss.
    pub(super) count: bool,
    /// Notify of a miss that counts.
    pub(super) tell: bool,
}

/// Why an entry goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Removed,
    Expired,
    Evicted,
}

/// Values from this size on are freed between commands.
const GARBAGE_BYTES_MIN: usize = 32 * 1024;

/// Collections of so many allocations are freed between commands, a piece at a time.
const GARBAGE_EFFORT_MIN: usize = 64;

/// Pieces of garbage that may wait for `take_garbage`; beyond it they are freed on the spot.
const GARBAGE_MAX: usize = 4096;

/// Elements that one look-up removes because their time has passed; the cycle removes the rest, and nobody sees them.
const ELEMENTS_EXPIRED_MAX: usize = 1024;

/// Events that may wait for `take_events`; at the bound the command loop is not taking them, which is a bug in it.
const EVENTS_MAX: usize = 1 << 20;

impl Store {
    /// An empty store.
    pub fn new(options: StoreOptions) -> Store {
        let StoreOptions {
            shard,
            slots,
            databases,
            hash_seed,
            counters,
        } = options;
        assert!(
            databases > 0 && counters.dbs().len() >= databases,
            "one row of counters a database"
        );
        assert!(slots.start <= slots.end && usize::from(slots.end) <= crate::base::SLOTS);
        seed_members(hash_seed);
        let slot_count = slots.len();
        let reserved = frame_bytes(Frame::Dated, slot_count);
        counters.used_bytes.set(reserved as u64);
        Store {
            shard,
            slots,
            hasher: KeyHasher::new(hash_seed),
            dbs: (0..databases).map(|_| DbTable::default()).collect(),
            ledger: Ledger {
                counters,
                watch: WatchTable::new(databases),
                interests: Interests::new(databases),
                access: AccessClock::Lru,
                rng: Rng::new(hash_seed ^ u64::from(shard.0)),
                used: 0,
                slots: slot_count,
                frames: 0,
                reserved,
                cut_epoch: 0,
                unswept: 0,
                snapshot: None,
                garbage: Vec::new(),
                events: Vec::new(),
                wanted: StoreEvents::NONE,
                losses: Vec::new(),
                notes_losses: false,
                expiry: Expiry::Remove,
                scratch: Vec::new(),
            },
            pool: Pool::default(),
        }
    }

    /// What expired keys look like to commands from now on. Under [`Expiry::Ignore`] nothing is removed because its time
    /// has come: so while a file is being read, which says itself what goes.
    pub fn set_expiry_rule(&mut self, expiry: Expiry) {
        self.ledger.expiry = expiry;
    }

    /// Slot and hash of a key; the same on every shard.
    #[inline]
    pub fn locate(&self, key: &[u8]) -> Locator {
        Locator::of(&self.hasher, key)
    }

    /// The hash function, to be used where requests are parsed.
    pub fn hasher(&self) -> KeyHasher {
        self.hasher
    }

    /// Which shard this is.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// The slots held here.
    pub fn slots(&self) -> Range<u16> {
        self.slots.clone()
    }

    /// How many databases there are.
    pub fn databases(&self) -> usize {
        self.dbs.len()
    }

    /// Has those who wait for a key look at it again.
    pub(super) fn wake(&mut self, db: DbIndex, key: &[u8]) {
        self.ledger.interests.touch(db, key);
    }

    /// Bytes in use by keys, values and index.
    pub fn memory(&self) -> u64 {
        self.ledger.memory()
    }

    /// Counts changes that a command made, in this store or in others that were lent to this shard.
    #[inline]
    pub fn note_changes(&mut self, changes: u64) {
        if changes > 0 {
            self.ledger.counters.changes.add(changes);
        }
    }

    /// Counts that all databases were emptied at once.
    pub(super) fn note_flush_of_all(&mut self) {
        self.ledger.counters.flushes.add(1);
    }

    /// The published numbers.
    pub fn counters(&self) -> &Arc<StoreCounters> {
        &self.ledger.counters
    }

    /// How many values of each length there are in every database.
    pub fn lengths(&self) -> impl Iterator<Item = &Lengths> {
        self.dbs.iter().map(DbTable::lengths)
    }

    /// Keys of one slot in one database, expired ones not yet removed included.
    pub fn slot_len(&self, db: DbIndex, slot: Slot) -> usize {
        match &self.dbs[db.index()].table {
            Some(table) if self.slots.contains(&slot.0) => table.slot_len(self.place(slot)),
            Some(_) | None => 0,
        }
    }

    /// Chooses what accesses leave behind; entries keep what they have, as in Redis.
    pub fn set_access_clock(&mut self, access: AccessClock) {
        self.ledger.access = access;
    }

    /// Says which [`StoreEvent`]s are queued.
    pub fn set_events(&mut self, wanted: StoreEvents) {
        self.ledger.wanted = wanted;
    }

    /// Whether any is queued.
    #[inline]
    pub fn has_events(&self) -> bool {
        !self.ledger.events.is_empty()
    }

    /// The events since the last call, oldest first.
    pub fn take_events(&mut self) -> Vec<StoreEvent> {
        mem::take(&mut self.ledger.events)
    }

    /// Says whether losses are noted.
    pub fn set_notes_losses(&mut self, notes_losses: bool) {
        self.ledger.notes_losses = notes_losses;
    }

    /// Whether any is noted.
    #[inline]
    pub fn has_losses(&self) -> bool {
        !self.ledger.losses.is_empty()
    }

    /// The losses since the last call, oldest first.
    pub fn take_losses(&mut self) -> Vec<Loss> {
        mem::take(&mut self.ledger.losses)
    }

    /// Asks for a note of each change of a key.
    pub fn add_interest(&mut self, db: DbIndex, key: &[u8], interest: Interest) {
        self.ledger.interests.add(db, key, interest);
    }

    /// Ends that.
    pub fn drop_interest(&mut self, db: DbIndex, key: &[u8], interest: Interest) {
        self.ledger.interests.drop(db, key, interest);
    }

    /// Asks for a note of every change of any key, or no longer.
    pub fn set_interest_in_all(&mut self, all: bool) {
        self.ledger.interests.set_all(all);
    }

    /// Whether a key of interest has changed since the notes were taken.
    #[inline]
    pub fn has_touched(&self) -> bool {
        self.ledger.interests.has_touched()
    }

    /// The databases that were emptied.
    pub fn take_flushed(&mut self) -> Vec<DbIndex> {
        self.ledger.interests.take_flushed()
    }

    /// The changes of keys of interest, oldest first.
    pub fn take_touched(&mut self) -> Vec<Touched> {
        self.ledger.interests.take_touched()
    }

    /// What waits to be freed.
    pub fn take_garbage(&mut self) -> Vec<Garbage> {
        mem::take(&mut self.ledger.garbage)
    }

    /// Whether anything waits to be freed.
    pub fn has_garbage(&self) -> bool {
        !self.ledger.garbage.is_empty()
    }

    /// First step of fetching a key ahead of its command: its slot.
    #[inline]
    pub fn prefetch_slot(&self, db: DbIndex, at: Locator) {
        if let Some(table) = self.table_at(db, at) {
            table.prefetch_slot(self.place(at.slot));
        }
    }

    /// Second step, when the slot has arrived: the index.
    #[inline]
    pub fn prefetch(&self, db: DbIndex, at: Locator) {
        if let Some(table) = self.table_at(db, at) {
            table.prefetch(self.place(at.slot), at.hash);
        }
    }

    /// Third step, when the index has arrived: the entry. True if a fourth is wanted, [`Store::prefetch_stashed`].
    #[inline]
    pub fn prefetch_entry(&self, db: DbIndex, at: Locator) -> bool {
        let table = self.table_at(db, at);
        table.is_some_and(|table| table.prefetch_entry(self.place(at.slot), at.hash))
    }

    /// Fourth step, for an entry that is not in its place in the index.
    #[inline]
    pub fn prefetch_stashed(&self, db: DbIndex, at: Locator) {
        if let Some(table) = self.table_at(db, at) {
            table.prefetch_stashed(self.place(at.slot), at.hash);
        }
    }

    #[inline]
    fn table_at(&self, db: DbIndex, at: Locator) -> Option<&Table> {
        let table = self.dbs.get(db.index())?.table.as_deref()?;
        self.slots.contains(&at.slot.0).then_some(table)
    }

    /// Watches a key: `flag` is raised when it changes. Dropping the `Arc` ends it.
    pub fn watch(&mut self, db: DbIndex, key: &[u8], flag: &Arc<WatchFlag>, now: Millis) {
        let was_expired = self.state(db, key, now) == Some(true);
        self.ledger.watch.add(db.index(), key, flag, was_expired);
    }

    /// Whether EXEC must refuse: the flag is raised, or the key has expired since it was watched without anybody
    /// noticing so far. A key that had expired before that, or came with SWAPDB as an expired one, is as good as absent.
    pub fn is_watch_broken(
        &self,
        db: DbIndex,
        key: &[u8],
        flag: &WatchFlag,
        look: Expiry,
        now: Millis,
    ) -> bool {
        flag.is_dirty()
            || (look != Expiry::Ignore
                && self.state(db, key, now) == Some(true)
                && !self.ledger.watch.was_expired(db.index(), key, flag))
    }

    /// Whether a key is expired; `None` if it is not there at all.
    fn state(&self, db: DbIndex, key: &[u8], now: Millis) -> Option<bool> {
        let at = self.locate(key);
        let entry = self
            .table_at(db, at)?
            .lookup(self.place(at.slot), at.hash, key)?;
        Some(is_expired(entry, now))
    }

    /// Index of a slot in the tables.
    #[inline]
    pub(super) fn place(&self, slot: Slot) -> usize {
        debug_assert!(
            self.slots.contains(&slot.0),
            "slot {slot:?} is another shard's"
        );
        usize::from(slot.0.wrapping_sub(self.slots.start))
    }

    /// Finds a key, as `look` says. An expired one is removed on the way, or hidden.
    #[inline]
    pub(super) fn find(
        &mut self,
        db: DbIndex,
        at: Locator,
        key: &[u8],
        look: Look,
    ) -> Option<EntryRef<'_, Collection>> {
        self.find_mut(db, at, key, look)
            .map(|target| target.found.into_ref())
    }

    /// The entry as it is, expired or not. Nothing is counted, noted or removed.
    #[inline]
    pub(super) fn view(
        &self,
        db: DbIndex,
        at: Locator,
        key: &[u8],
    ) -> Option<EntryRef<'_, Collection>> {
        let table = self.dbs[db.index()].table.as_ref()?;
        table.lookup(self.place(at.slot), at.hash, key)
    }

    /// As [`Store::find`], to change the entry.
    #[inline]
    pub(super) fn find_mut(
        &mut self,
        db: DbIndex,
        at: Locator,
        key: &[u8],
        look: Look,
    ) -> Option<Target<'_>> {
        let place = self.place(at.slot);
        let ledger = &mut self.ledger;
        let row = &mut self.dbs[db.index()];
        let found = row
            .table
            .as_mut()
            .and_then(|table| table.lookup_mut(place, at.hash, key));
        let Some(found) = found else {
            ledger.note_miss(db, key, look);
            return None;
        };
        let entry = found.as_ref();
        let may_be_due = entry.has_expiry() || row.sizes.dues.next() < look.now.0;
        let access = entry.access();
        let mut target = Target {
            db,
            found,
            ledger,
            sizes: &mut row.sizes,
        };
        if may_be_due && look.expiry != Expiry::Ignore {
            target = target.unless_due(look)?;
        }
        let Target { found, ledger, .. } = &mut target;
        if look.count {
            ledger.counters.hits.add(1);
        }
        if look.touch {
            let new = ledger.access.touched(access, look.now, &mut ledger.rng);
            // Most accesses fall into the same second: spare the cache line then.
            if new != access {
                found.set_access(new);
            }
        }
        Some(target)
    }

    /// Adds an entry whose key is absent.
    pub(super) fn insert(&mut self, db: DbIndex, at: Locator, mut entry: Entry<Collection>) {
        let place = self.place(at.slot);
        let slots = self.slots.len();
        let ledger = &mut self.ledger;
        let DbTable { table, sizes } = &mut self.dbs[db.index()];
        entry.set_epoch(ledger.cut_epoch);
        sizes.outside += outside_bytes(entry.as_ref());
        sizes.lengths.change(None, Bin::of(entry.as_ref()));
        if let Some(due) = element_due(entry.as_ref()) {
            sizes.dues.add(due, entry.as_ref().key());
        }
        ledger.touch(db, entry.as_ref().key(), false);
        ledger.push_event(StoreEvents::NEW, || {
            StoreEvent::New(db, entry.as_ref().key().into())
        });
        let table = table.get_or_insert_with(|| Box::new(Table::new(slots, self.hasher)));
        table.insert(place, at.hash, entry);
        ledger.publish(db, Some(table), sizes);
    }

    /// Removes a key if it is there and not expired.
    pub(super) fn remove(
        &mut self,
        db: DbIndex,
        at: Locator,
        key: &[u8],
        look: Look,
        change: Change,
    ) -> bool {
        let Some(target) = self.find_mut(db, at, key, look) else {
            return false;
        };
        target.remove(change);
        true
    }

    /// Removes a key that is due at `now`; false if there is none, or `visits` buckets were looked at.
    pub(super) fn remove_due(&mut self, db: DbIndex, now: Millis, visits: &mut usize) -> bool {
        let DbTable { table, sizes } = &mut self.dbs[db.index()];
        let due = table
            .as_mut()
            .and_then(|table| table.due(now.0.saturating_sub(1), visits));
        let Some(found) = due else { return false };
        Target {
            db,
            found,
            ledger: &mut self.ledger,
            sizes,
        }
        .remove(Change::Expired);
        true
    }

    /// Removes elements that are due at `now` from one value; `None` if there is none, or `visits` steps were made. Else
    /// how many.
    pub(super) fn remove_due_elements(
        &mut self,
        db: DbIndex,
        now: Millis,
        visits: &mut usize,
    ) -> Option<usize> {
        let dues = &self.dbs[db.index()].sizes.dues;
        if *visits == 0 || dues.next() >= now.0 {
            return None;
        }
        let key: Box<[u8]> = dues.first_key()?.into();
        let at = self.locate(&key);
        let place = self.place(at.slot);
        let DbTable { table, sizes } = &mut self.dbs[db.index()];
        let found = table.as_mut()?.lookup_mut(place, at.hash, &key)?;
        *visits -= 1;
        let target = Target {
            db,
            found,
            ledger: &mut self.ledger,
            sizes,
        };
        Some(target.expire_elements(now, visits).0)
    }

    /// Empties a database. The whole table becomes garbage in one piece; `in_background` says that somebody may ask how
    /// much of it is left.
    pub(super) fn flush(&mut self, db: DbIndex, in_background: bool, now: Millis) {
        self.touch_watched(db, None, now);
        self.ledger.interests.flush(db);
        let DbTable { table, sizes } = &mut self.dbs[db.index()];
        let Some(table) = table.take() else { return };
        let outside = mem::take(&mut sizes.outside);
        sizes.dues = ElementDues::default();
        sizes.lengths = Lengths::default();
        self.ledger.publish(db, None, sizes);
        let Some(table) = self.detach_for_snapshot(db, table, outside) else {
            return;
        };
        if in_background {
            self.ledger.garbage.push(Garbage::Db(DbGarbage::of(table)));
        } else if table.bytes() + outside >= GARBAGE_BYTES_MIN {
            // Whoever wants it done at once finds it so: the memory counts as free. Others do not wait for that.
            self.ledger
                .garbage
                .push(Garbage::Table(DbGarbage::of(table)));
        }
    }

    /// Exchanges two databases.
    pub(super) fn swap(&mut self, one: DbIndex, other: DbIndex, now: Millis) {
        if one == other {
            return;
        }
        self.touch_watched(one, Some(other), now);
        self.touch_watched(other, Some(one), now);
        self.ledger.interests.touch_all(one);
        self.ledger.interests.touch_all(other);
        self.dbs.swap(one.index(), other.index());
        if let Some(snapshot) = &mut self.ledger.snapshot {
            snapshot.swap(one, other);
        }
        for db in [one, other] {
            let DbTable { table, sizes } = &mut self.dbs[db.index()];
            self.ledger.publish(db, table.as_deref(), sizes);
        }
    }

    /// Raises the flags of watched keys in `db`, which is about to be emptied or replaced by `other`. A key that is in
    /// neither stays absent, so nothing changes for it; neither does it for one that comes expired.
    fn touch_watched(&mut self, db: DbIndex, other: Option<DbIndex>, now: Millis) {
        if self.ledger.watch.is_empty() {
            return;
        }
        for key in self.ledger.watch.keys(db.index()) {
            let state = |db: DbIndex| self.state(db, &key, now);
            let (old, new) = (state(db), other.and_then(state));
            let watch = &mut self.ledger.watch;
            match (old, new) {
                // Who saw the key alive learns at EXEC that it has expired: that state is the same afterwards.
                (None, None) | (Some(true), Some(true)) => {}
                (None, Some(true)) => watch.note_expired(db.index(), &key),
                (_, None) => watch.touch(db.index(), &key, true),
                (_, Some(_)) => watch.touch(db.index(), &key, false),
            }
        }
    }

    /// Checks every invariant; panics if one is broken. For tests.
    pub fn check(&self) {
        let mut used = 0;
        for (row, counters) in self.dbs.iter().zip(self.ledger.counters.dbs()) {
            let len = row.table.as_ref().map_or(0, |table| table.len());
            assert_eq!(counters.keys.get(), len as u64);
            if let Some(table) = &row.table {
                table.check();
                let (mut outside, mut dues) = (0, ElementDues::default());
                let mut lengths = Lengths::default();
                for_each_entry(table, |entry| {
                    outside += outside_bytes(entry);
                    lengths.change(None, Bin::of(entry));
                    if let Some(due) = element_due(entry) {
                        dues.add(due, entry.key());
                    }
                });
                assert_eq!(row.sizes.outside, outside);
                assert_eq!(row.sizes.dues, dues);
                assert_eq!(row.sizes.lengths, lengths);
                assert_eq!(row.sizes.counted, table.bytes() + outside + dues.bytes());
                assert_eq!(counters.expires.get(), table.expires() as u64);
                assert_eq!(counters.element_expires.get(), dues.len() as u64);
                used += row.sizes.counted;
            }
        }
        let tables = self.dbs.iter().filter_map(|row| row.table.as_ref());
        let bytes = |frame| frame_bytes(frame, self.slots.len());
        let frames: usize = tables.map(|table| bytes(table.frame())).sum();
        let reserved = bytes(Frame::Dated).saturating_sub(frames);
        assert_eq!((self.ledger.used, self.ledger.frames), (used, frames));
        assert_eq!(self.ledger.reserved, reserved);
        let published = self.ledger.counters.used_bytes.get();
        assert_eq!(published, (used + reserved) as u64);
    }
}

impl DbTable {
    /// How many values there are of each size.
    pub(super) fn lengths(&self) -> &Lengths {
        &self.sizes.lengths
    }

    /// Keys with and without an expiry time.
    pub(super) fn len(&self) -> usize {
        self.table.as_ref().map_or(0, |table| table.len())
    }

    /// Whether a key may be due.
    pub(super) fn has_due(&self, now: Millis) -> bool {
        let next = self.table.as_ref().and_then(|table| table.next_due());
        next.is_some_and(|at| at < now.0) || self.sizes.dues.next() < now.0
    }
}

impl<'a> Target<'a> {
    /// The entry.
    #[inline]
    pub(super) fn as_ref(&self) -> EntryRef<'_, Collection> {
        self.found.as_ref()
    }

    /// Removes or hides an entry whose time has come, and elements whose time has: `None` if nothing is left to see.
    #[inline(never)]
    fn unless_due(self, look: Look) -> Option<Self> {
        let counters = Arc::clone(&self.ledger.counters);
        let removes = look.expiry == Expiry::Remove;
        // A copy of the data obeys no clock: before a command that may write, everything that is due there has to go.
        let most = match self.ledger.notes_losses && !look.count {
            true => usize::MAX,
            false => ELEMENTS_EXPIRED_MAX,
        };
        let left = if is_expired(self.as_ref(), look.now) {
            if removes {
                self.remove(Change::Expired);
            }
            None
        } else if removes && self.sizes.dues.next() < look.now.0 {
            self.expire_elements(look.now, &mut { most }).1
        } else {
            Some(self)
        };
        if left.is_none() && look.count {
            counters.misses.add(1);
        }
        left
    }

    /// Changes the entry, with everything that belongs to a change.
    #[inline]
    pub(super) fn edit<R>(&mut self, edit: impl FnOnce(&mut Entry<Collection>) -> R) -> R {
        self.edit_quietly(|entry| (edit(entry), true))
    }

    /// As [`Target::edit`] for an edit that says itself whether it changed anything.
    #[inline]
    pub(super) fn edit_quietly<R>(
        &mut self,
        edit: impl FnOnce(&mut Entry<Collection>) -> (R, bool),
    ) -> R {
        if self.is_wanted(How::InPlace) {
            self.preserve(How::InPlace);
        }
        self.change(edit)
    }

    fn change<R>(&mut self, edit: impl FnOnce(&mut Entry<Collection>) -> (R, bool)) -> R {
        self.sizes.outside -= outside_bytes(self.found.as_ref());
        let old_due = element_due(self.found.as_ref());
        let old_bin = Bin::of(self.found.as_ref());
        let epoch = self.ledger.cut_epoch;
        let (result, changed) = self.found.edit(|entry| {
            let result = edit(entry);
            entry.set_epoch(epoch);
            result
        });
        let entry = self.found.as_ref();
        self.sizes.outside += outside_bytes(entry);
        self.sizes.lengths.change(old_bin, Bin::of(entry));
        let due = element_due(entry);
        if due != old_due {
            self.sizes.dues.change(old_due, due, entry.key());
        }
        if changed {
            self.ledger.touch(self.db, entry.key(), false);
        }
        self.ledger
            .publish(self.db, Some(self.found.table()), self.sizes);
        result
    }

    /// Changes the collection of an entry known to hold one, where the entry itself stays as it is: what belongs to the
    /// change besides is for [`Target::note_extent`].
    #[inline]
    pub(super) fn edit_apart<R>(&mut self, edit: impl FnOnce(&mut Collection) -> R) -> R {
        if self.is_wanted(How::InPlace) {
            self.preserve(How::InPlace);
        }
        let epoch = self.ledger.cut_epoch;
        self.found.edit_in_place(|entry| {
            entry.set_epoch(epoch);
            edit(entry.object_mut().expect("the entry holds a collection"))
        })
    }

    /// What belongs to a change of a collection, of which the store counts this. Most changes leave the numbers that others
    /// see as they are.
    #[inline]
    pub(super) fn note_extent(&mut self, tag: u8, before: Extent, after: Extent, changed: bool) {
        let entry = self.found.as_ref();
        if before.len != after.len {
            let (old, new) = (before.len, after.len);
            let bins = &mut self.sizes.lengths;
            bins.change(Bin::of_collection(tag, old), Bin::of_collection(tag, new));
        }
        if before.due != after.due {
            let dues = &mut self.sizes.dues;
            dues.change(before.due, after.due, entry.key());
        }
        if changed {
            self.ledger.touch(self.db, entry.key(), false);
        }
        if (before.memory, before.due) != (after.memory, after.due) {
            self.sizes.outside = self.sizes.outside + after.memory - before.memory;
            let table = self.found.table();
            self.ledger.publish(self.db, Some(table), self.sizes);
        }
    }

    /// Overwrites a string by one that fits exactly in its place, with everything that belongs to a change; false, and
    /// nothing happened, if it does not.
    #[inline]
    pub(super) fn overwrite(&mut self, tag: u8, raw: bool, value: &[u8]) -> bool {
        let entry = self.found.as_ref();
        if !entry.takes(tag, raw, value.len()) {
            return false;
        }
        if self.is_wanted(How::InPlace) {
            self.preserve(How::InPlace);
        }
        self.ledger.touch(self.db, self.found.as_ref().key(), false);
        self.found.overwrite(value, self.ledger.cut_epoch);
        true
    }

    /// As [`Target::edit`] where what was replaced has to be freed.
    #[inline]
    pub(super) fn replace(
        &mut self,
        edit: impl FnOnce(&mut Entry<Collection>) -> Displaced<Collection>,
    ) {
        if self.is_wanted(How::Away) {
            self.preserve(How::Away);
        }
        let displaced = self.change(|entry| (edit(entry), true));
        self.ledger.discard(displaced);
    }

    /// As [`Target::replace`], of a value by the same in other words.
    pub(super) fn replace_quietly(
        &mut self,
        edit: impl FnOnce(&mut Entry<Collection>) -> Displaced<Collection>,
    ) {
        if self.is_wanted(How::Away) {
            self.preserve(How::Away);
        }
        let displaced = self.change(|entry| (edit(entry), false));
        self.ledger.discard(displaced);
    }

    /// Removes elements whose time has passed, as far as `visits` steps reach. Says how many, and what is left: nothing if
    /// those were all, and the key is gone.
    #[cold]
    pub(super) fn expire_elements(
        mut self,
        now: Millis,
        visits: &mut usize,
    ) -> (usize, Option<Target<'a>>) {
        if element_due(self.found.as_ref()).is_none_or(|due| due >= now.0) {
            return (0, Some(self));
        }
        let notes_losses = self.ledger.notes_losses;
        let wants_names = self.ledger.wanted.has(StoreEvents::FIELDS_EXPIRED) || notes_losses;
        let mut fields = Vec::new();
        let (expired, emptied) = self.edit_quietly(|entry| {
            let Some(collection) = entry.object_mut() else {
                return ((0, false), false);
            };
            let expired = collection.expire(now.0, visits, |name| {
                if wants_names {
                    fields.push(name.into());
                }
            });
            ((expired, collection.is_empty()), expired > 0)
        });
        if expired > 0 {
            self.ledger.counters.expired_fields.add(expired as u64);
            let (db, key) = (self.db, self.found.as_ref().key());
            if notes_losses {
                let loss = Loss::Fields(db, key.into(), fields.clone());
                self.ledger.losses.push(loss);
            }
            self.ledger.push_event(StoreEvents::FIELDS_EXPIRED, || {
                StoreEvent::FieldsExpired(db, key.into(), fields)
            });
        }
        if emptied {
            let (db, key) = (self.db, self.found.as_ref().key());
            self.ledger
                .push_event(StoreEvents::EMPTIED, || StoreEvent::Emptied(db, key.into()));
            self.remove(Change::Removed);
            return (expired, None);
        }
        (expired, Some(self))
    }

    /// Notes an access. Not a change.
    pub(super) fn set_access(&mut self, access: u32) {
        self.found.set_access(access);
    }

    /// Takes the entry out of the table, with everything that belongs to a removal.
    pub(super) fn remove(self, change: Change) {
        let (displaced, ledger) = self.detach(change);
        ledger.discard(displaced);
    }

    /// As [`Target::remove`]; hands over what the entry held outside.
    pub(super) fn take(self) -> Displaced<Collection> {
        self.detach(Change::Removed).0
    }

    fn detach(mut self, change: Change) -> (Displaced<Collection>, &'a mut Ledger) {
        if self.is_wanted(How::Away) {
            self.preserve(How::Away);
        }
        let Target {
            db,
            found,
            ledger,
            sizes,
        } = self;
        sizes.outside -= outside_bytes(found.as_ref());
        sizes.lengths.change(Bin::of(found.as_ref()), None);
        if let Some(due) = element_due(found.as_ref()) {
            sizes.dues.change(Some(due), None, found.as_ref().key());
        }
        let (entry, table) = found.remove();
        ledger.after_removal(db, entry.as_ref().key(), change);
        ledger.publish(db, Some(table), sizes);
        (entry.dismantle(), ledger)
    }
}

impl Ledger {
    /// A look-up found nothing.
    #[inline(never)]
    fn note_miss(&mut self, db: DbIndex, key: &[u8], look: Look) {
        if look.count {
            self.counters.misses.add(1);
        }
        if look.tell {
            self.push_event(StoreEvents::MISSED, || StoreEvent::Missed(db, key.into()));
        }
    }

    /// Tells whoever watches a key or waits for it that it changed; `removed` says that it is gone.
    #[inline]
    fn touch(&mut self, db: DbIndex, key: &[u8], removed: bool) {
        self.watch.touch(db.index(), key, removed);
        self.interests.touch(db, key);
    }

    /// Comes after every removal.
    fn after_removal(&mut self, db: DbIndex, key: &[u8], change: Change) {
        self.touch(db, key, true);
        match change {
            Change::Removed => {}
            Change::Expired => {
                self.counters.expired_keys.add(1);
                self.note_loss(|| Loss::Expired(db, key.into()));
                self.push_event(StoreEvents::EXPIRED, || StoreEvent::Expired(db, key.into()));
            }
            Change::Evicted => {
                self.counters.evicted_keys.add(1);
                self.note_loss(|| Loss::Evicted(db, key.into()));
                self.push_event(StoreEvents::EVICTED, || StoreEvent::Evicted(db, key.into()));
            }
        }
    }

    fn note_loss(&mut self, loss: impl FnOnce() -> Loss) {
        if self.notes_losses {
            debug_assert!(
                self.losses.len() < EVENTS_MAX,
                "losses are taken every turn"
            );
            self.losses.push(loss());
        }
    }

    #[inline]
    pub(super) fn push_event(&mut self, kind: StoreEvents, event: impl FnOnce() -> StoreEvent) {
        if self.wanted.has(kind) {
            debug_assert!(
                self.events.len() < EVENTS_MAX,
                "events are taken every turn"
            );
            self.events.push(event());
        }
    }

    /// Frees what an entry held: now if that is quick, else whoever takes the garbage does.
    #[inline]
    pub(super) fn discard(&mut self, displaced: Displaced<Collection>) {
        match displaced {
            Displaced::Nothing => {}
            Displaced::Shared(shared) => {
                if shared_bytes(&shared) >= GARBAGE_BYTES_MIN && self.garbage.len() < GARBAGE_MAX {
                    self.garbage.push(Garbage::Bytes(shared));
                }
            }
            Displaced::Object(collection) => {
                let Some(collection) = self.keep_removed(collection) else {
                    return;
                };
                if collection.effort() >= GARBAGE_EFFORT_MIN && self.garbage.len() < GARBAGE_MAX {
                    self.garbage.push(Garbage::Collection(collection));
                }
            }
        }
    }

    pub(super) fn push_garbage(&mut self, garbage: Garbage) {
        if self.garbage.len() < GARBAGE_MAX {
            self.garbage.push(garbage);
        }
    }

    /// Makes a database's numbers and the used bytes visible; comes after every change.
    #[inline]
    fn publish(&mut self, db: DbIndex, table: Option<&Table>, sizes: &mut Sizes) {
        let counters = &self.counters.dbs()[db.index()];
        let mut bytes = sizes.outside + sizes.dues.bytes();
        match table {
            Some(table) => {
                counters.publish(table.len(), table.expires(), table.expiry_sum_s());
                bytes += table.bytes();
            }
            None => counters.publish(0, 0, 0),
        }
        counters.element_expires.set(sizes.dues.len() as u64);
        self.used = self.used + bytes - sizes.counted;
        sizes.counted = bytes;
        let frame = table.map_or(Frame::Nothing, |table| table.frame());
        if frame != sizes.frame {
            self.change_frame(mem::replace(&mut sizes.frame, frame), frame);
        }
        self.counters.used_bytes.set(self.memory());
    }

    #[cold]
    fn change_frame(&mut self, old: Frame, new: Frame) {
        let bytes = |frame| frame_bytes(frame, self.slots);
        self.frames = self.frames + bytes(new) - bytes(old);
        self.reserved = bytes(Frame::Dated).saturating_sub(self.frames);
    }

    fn memory(&self) -> u64 {
        (self.used + self.reserved) as u64
    }
}

#[inline]
pub(super) fn is_expired(entry: EntryRef<'_, Collection>, now: Millis) -> bool {
    // As in Redis, a key lives through the very millisecond it expires at.
    entry.expiry().is_some_and(|at| at < now.0)
}

/// Visits all entries of a table in slot and hash order.
pub(super) fn for_each_entry<'a>(
    table: &'a Table,
    mut visit: impl FnMut(EntryRef<'a, Collection>),
) {
    let mut slot = 0;
    while let Some(full) = table.next_slot(slot) {
        let mut from = Some(0);
        while let Some(prefix) = from {
            from = table.scan_step(full, prefix, &mut visit);
        }
        slot = full + 1;
    }
}

/// The stores a command may touch: its own shard's, or under a PARK fence those of all participants.
pub enum StoreSet<'a> {
    /// One shard.
    One(&'a mut Store),
    /// Several, each at its shard's index; all agree on databases and hash seed.
    Many {
        /// The stores lent.
        stores: &'a mut [Option<&'a mut Store>],
        /// Which shard holds which slot.
        slots: &'a SlotMap,
    },
}

impl StoreSet<'_> {
    /// The store that holds a slot. Panics if it was not lent: the fence must cover all keys of its command.
    #[inline]
    pub(super) fn store(&mut self, slot: Slot) -> &mut Store {
        match self {
            StoreSet::One(store) => store,
            StoreSet::Many { stores, slots } => stores[slots.shard_of(slot).index()]
                .as_deref_mut()
                .expect("the fence covers the shards of all keys"),
        }
    }

    /// As [`StoreSet::store`], to read only.
    #[inline]
    pub(super) fn store_ref(&self, slot: Slot) -> &Store {
        match self {
            StoreSet::One(store) => store,
            StoreSet::Many { stores, slots } => stores[slots.shard_of(slot).index()]
                .as_deref()
                .expect("the fence covers the shards of all keys"),
        }
    }

    /// Whether the store that holds a slot is there.
    pub(super) fn covers(&self, slot: Slot) -> bool {
        match self {
            StoreSet::One(store) => store.slots.contains(&slot.0),
            StoreSet::Many { stores, slots } => stores[slots.shard_of(slot).index()].is_some(),
        }
    }

    /// Whether every slot's store is there.
    pub(super) fn covers_all(&self) -> bool {
        match self {
            StoreSet::One(store) => store.slots.len() == crate::base::SLOTS,
            StoreSet::Many { stores, .. } => stores.iter().all(Option::is_some),
        }
    }

    /// Some store, for what all have in common.
    #[inline]
    pub(super) fn any(&self) -> &Store {
        match self {
            StoreSet::One(store) => store,
            StoreSet::Many { stores, .. } => stores
                .iter()
                .flatten()
                .next()
                .expect("a fence has participants"),
        }
    }

    /// All stores, in slot order.
    pub(super) fn for_each(&mut self, mut visit: impl FnMut(&mut Store)) {
        match self {
            StoreSet::One(store) => visit(store),
            StoreSet::Many { stores, .. } => {
                stores.iter_mut().flatten().for_each(|store| visit(store))
            }
        }
    }
}
