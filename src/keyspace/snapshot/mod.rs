//! A snapshot of a shard's keys, taken while they change.
//!
//! ```text
//! begin (the cut) -> step, step, ..     each a slice of the walk: tables in order of (database, slot, hash)
//!                    ^ between steps: commands. What one is about to change and the walk has not come to is
//!                      preserved first, at the choke point
//! ```
//!
//! **Exactly once.** An entry carries the epoch of its last change or last snapshot. The cut begins a new epoch; an entry
//! of any other epoch has yet to be written. Whoever comes to it first, the walk or a change, writes it and gives it the
//! new one, so neither does it again. What is new, or was changed, has the new epoch from the beginning.
//!
//! **Preserving** costs a writer what writing down a small entry costs. A large collection gets a label instead and from
//! then on notes by itself what is changed ahead of the walk (`types/walk.rs`); it is written next, in slices. So is a long
//! string; of one that is edited in place, the blocks about to change are copied (`texts.rs`). A removed value is kept,
//! not copied. The table of a flushed database is walked by itself and freed on the way.
//!
//! **The other side** is a [`Scribe`]: it knows the format, takes the chunks and says when to pause. A writer never waits
//! for it. What it is slow to take accumulates; whoever runs the shard looks at the sum and decides.
//!
//! **Epochs** have one byte. A walk leaves all entries with its own, so values cannot come round; walks that were given up
//! go on without writing anything, for that alone ([`Phase::Sweeping`]). Only after 250 cuts none of which got so far
//! another is refused.
//!
//! Invariants
//!   1. An entry that was there at the cut is written once, as it was then.
//!   2. Chunks are sent in an order in which records are contiguous.
//!   3. Nothing here reads a clock: a step asks its caller whether to go on.

mod chunk;
mod step;
mod target;
mod texts;

use std::collections::VecDeque;
use std::sync::Arc;

pub use self::chunk::{Chunk, Piece, Stay};
use self::texts::TextWalk;
use super::access;
use super::garbage::{DbGarbage, Garbage};
use super::store::{AccessClock, Ledger, Store, Table};
use super::value::{StrRef, ValueRef, value_of};
use super::walk::KeyView;
use crate::base::{DbIndex, Holding, Millis, Preserved};
use crate::structure::{BodyRef, EntryRef};
use crate::types::{Collection, Label, ListRest, Pieces, Walked};

/// The format of a snapshot and the way it takes. One a shard and snapshot.
pub trait Scribe: Send {
    /// Appends the record of a value that is written as a whole.
    fn record(&mut self, out: &mut Chunk, view: KeyView<'_>);
    /// The label of a large value.
    fn label(&mut self, db: DbIndex, view: KeyView<'_>, value: &Collection) -> Label;
    /// Appends the next elements of a value that has a label, about `count`.
    fn elements(&mut self, out: &mut Chunk, value: &mut Collection, count: usize)
    -> Option<Walked>;
    /// As `elements`, of what is left of a list; false at the end.
    fn rest_of_list(&mut self, out: &mut Chunk, list: &mut ListRest, count: usize) -> bool;
    /// Appends a record up to the bytes of a string of this length, which follow as they are.
    fn plain_string(&mut self, out: &mut Chunk, view: KeyView<'_>, len: usize);
    /// Takes a chunk on its way.
    fn send(&mut self, chunk: Chunk);
    /// Whether more may be written now; `open` within a record, for which others may be waiting.
    fn has_room(&self, open: bool) -> bool;
    /// Ends the snapshot without a result, for this reason.
    fn give_up(&mut self, why: &str);
    /// Learns how many keys of this shard the walk has come to.
    fn progress(&mut self, keys: u64);
    /// All of this shard's entries were written. Values that move here from other shards may follow.
    fn done(&mut self);
    /// The sums of all shards.
    fn preserved(&self) -> &Arc<Preserved>;
}

/// What a step left to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// More of the same.
    More,
    /// To wait until what was sent has been taken.
    Full,
    /// Nothing, until a value comes from elsewhere or the snapshot ends.
    Idle,
}

/// How the walk goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Entries are written.
    Writing,
    /// They were.
    Written,
    /// The snapshot was given up: entries get the epoch, and nothing else happens.
    Sweeping,
}

/// The state of a snapshot in a store.
pub(super) struct Snapshot {
    scribe: Box<dyn Scribe>,
    preserved: Arc<Preserved>,
    phase: Phase,
    now: Millis,
    /// What is known of each database of today.
    tables: Vec<Position>,
    /// Tables of databases that were flushed, with what they were at the cut.
    detached: VecDeque<Detached>,
    /// Values that are written next.
    pending: VecDeque<Pending>,
    /// The value that is being written.
    current: Option<Pending>,
    /// Long strings that are written in slices, wherever they stand in the line.
    texts: Vec<TextWalk>,
    /// How many of `pending` stand at its front because their records were begun.
    begun: usize,
    /// The record that `main` is within.
    open: Option<Stay>,
    /// It was begun in another chunk than this shard's last, or stood still meanwhile.
    resumed: bool,
    /// Values that are written to their ends, but not sent yet.
    closing: Vec<Label>,
    closing_texts: usize,
    /// What such values have kept, to be freed.
    remains: Vec<Pieces>,
    main: Chunk,
    /// What was preserved, by database at the cut.
    aside: Vec<Option<Chunk>>,
    /// What was preserved and fills a chunk.
    ready: VecDeque<Chunk>,
    /// Keys of which something was written down, or that got a label.
    keys: u64,
    told: bool,
}

/// The table of a database that was flushed.
struct Detached {
    position: Position,
    table: Box<Table>,
    /// It, with all that is in it.
    holding: Holding,
}

/// How far a table was walked.
#[derive(Clone, Copy, Debug)]
struct Position {
    /// Which database it was at the cut.
    db: DbIndex,
    /// Slot, counted from the store's first, and prefix of the hash; `None` at the end.
    at: Option<(usize, u64)>,
}

/// A large value that waits to be written, or is.
enum Pending {
    /// It is a key's; if that is still so, it has a label.
    Key(DbIndex, Box<[u8]>),
    /// Its key is gone.
    Removed(Box<Collection>),
    /// The rest of a list that has changed since.
    List(ListRest),
    /// A long string, by its number in `texts`.
    Text(u64),
}

/// How an entry is about to change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    /// Its value stays where it is, and is edited.
    InPlace,
    /// Its value goes.
    Away,
}

/// Cuts without a complete walk after which another is refused.
const CUTS_MAX: u8 = 250;

/// Strings from this length on are written in slices.
pub(super) const LONG_TEXT_BYTES: usize = if cfg!(test) { 16 << 10 } else { 1 << 20 };

impl Store {
    /// Makes the cut: from now on the snapshot is what the store is now. False, and nothing was done, if one is being
    /// taken, or after very many that came to nothing.
    pub fn begin_snapshot(&mut self, scribe: Box<dyn Scribe>, now: Millis) -> bool {
        if self.has_snapshot() {
            // The last one may be over, and this shard has not heard of it yet.
            self.step_snapshot(now, || false);
        }
        let ledger = &mut self.ledger;
        let is_writing = |snapshot: &Snapshot| snapshot.phase != Phase::Sweeping;
        if ledger.snapshot.as_deref().is_some_and(is_writing) || ledger.unswept >= CUTS_MAX {
            return false;
        }
        if let Some(old) = ledger.snapshot.take() {
            let tables = old.detached.into_iter();
            let freed = tables.map(|detached| Garbage::Db(DbGarbage::of(detached.table)));
            freed.for_each(|garbage| ledger.push_garbage(garbage));
        }
        ledger.unswept += 1;
        ledger.cut_epoch = ledger.cut_epoch.wrapping_add(1);
        let tables = (0..self.dbs.len()).map(|db| Position {
            db: DbIndex(db as u32),
            at: Some((0, 0)),
        });
        ledger.snapshot = Some(Box::new(Snapshot {
            preserved: Arc::clone(scribe.preserved()),
            scribe,
            phase: Phase::Writing,
            now,
            tables: tables.collect(),
            detached: VecDeque::new(),
            pending: VecDeque::new(),
            current: None,
            texts: Vec::new(),
            begun: 0,
            open: None,
            resumed: false,
            closing: Vec::new(),
            closing_texts: 0,
            remains: Vec::new(),
            main: Chunk::default(),
            aside: Vec::new(),
            ready: VecDeque::new(),
            keys: 0,
            told: false,
        }));
        true
    }

    /// Whether there is a snapshot to go on with.
    #[inline]
    pub fn has_snapshot(&self) -> bool {
        self.ledger.snapshot.is_some()
    }

    /// What all shards hold of what has changed since, as far as it is more than there was at the cut, or is: `used` are
    /// the bytes of all shards' keys now.
    pub fn snapshot_extra(&self, used: u64) -> u64 {
        let snapshot = self.ledger.snapshot.as_ref();
        snapshot.map_or(0, |snapshot| snapshot.preserved.extra(used))
    }

    /// Ends the snapshot, on all shards, without a result.
    pub fn give_up_snapshot(&mut self, why: &str) {
        if let Some(snapshot) = &mut self.ledger.snapshot
            && snapshot.is_writing()
        {
            snapshot.scribe.give_up(why);
        }
    }

    /// Keys that the snapshot has come to so far.
    pub fn snapshot_keys(&self) -> u64 {
        self.ledger
            .snapshot
            .as_ref()
            .map_or(0, |snapshot| snapshot.keys)
    }

    /// A value was put under this key that came with a label, perhaps from another shard.
    pub(super) fn adopt_walked(&mut self, db: DbIndex, key: &[u8], begun: bool) {
        if let Some(snapshot) = &mut self.ledger.snapshot {
            snapshot.told = false;
            snapshot.push(Pending::Key(db, key.into()), begun);
        }
    }
}

impl Ledger {
    /// An entry that the snapshot has yet to write is about to change, or a
    /// long string that it is writing. A large collection is to be given the label that comes back.
    #[cold]
    pub(super) fn preserve(
        &mut self,
        db: DbIndex,
        entry: EntryRef<'_, Collection>,
        how: How,
    ) -> Option<Box<Label>> {
        let (clock, epoch) = (self.access, self.cut_epoch);
        let snapshot = self.snapshot.as_deref_mut()?;
        if snapshot.phase == Phase::Sweeping || snapshot.preserved.is_over() {
            return None;
        }
        if entry.epoch() == epoch {
            if how == How::Away {
                snapshot.text_goes(db, entry);
            }
            return None;
        }
        let at_cut = snapshot.tables[db.index()].db;
        let view = view_of(entry, clock, snapshot.now);
        match view.value {
            ValueRef::Collection(collection) if collection.is_large() => {
                let label = snapshot.scribe.label(at_cut, view, collection);
                snapshot.keys += 1;
                Some(Box::new(label))
            }
            ValueRef::Str(StrRef::Shared(text))
                if how == How::InPlace && text.len() >= LONG_TEXT_BYTES =>
            {
                snapshot.begin_text(db, view, text.len());
                snapshot.keys += 1;
                None
            }
            ValueRef::Str(_) | ValueRef::Collection(_) => {
                snapshot.keep_record(at_cut, view);
                None
            }
        }
    }

    /// A value that was removed, if the snapshot has still to write it.
    #[inline]
    pub(super) fn keep_removed(
        &mut self,
        mut collection: Box<Collection>,
    ) -> Option<Box<Collection>> {
        let Some(snapshot) = &mut self.snapshot else {
            return Some(collection);
        };
        let Some(label) = collection.walk_label() else {
            return Some(collection);
        };
        let begun = label.stays > 0;
        if !snapshot.is_writing() {
            if let Some(remains) = collection.end_walk() {
                self.push_garbage(Garbage::Walk(remains));
            }
            return Some(collection);
        }
        collection.hold();
        snapshot.push(Pending::Removed(collection), begun);
        None
    }
}

impl Snapshot {
    /// Writes a record aside.
    fn keep_record(&mut self, at_cut: DbIndex, view: KeyView<'_>) {
        let db = at_cut.index();
        if self.aside.len() <= db {
            self.aside.resize_with(db + 1, || None);
        }
        let chunk = self.aside[db].get_or_insert_with(|| Chunk::of(at_cut));
        let before = chunk.bytes();
        self.scribe.record(chunk, view);
        chunk.keys += 1;
        self.keys += 1;
        // A text is not copied for it; but whoever changes or replaces it leaves it to the chunk.
        let grown = chunk.bytes() - before;
        let holding = chunk
            .holding
            .get_or_insert_with(|| Holding::new(&self.preserved));
        holding.add_value(grown);
        if chunk.is_full() {
            self.ready.extend(self.aside[db].take());
        }
    }

    /// A collection got its label.
    pub(super) fn queue(&mut self, db: DbIndex, key: &[u8]) {
        self.pending.push_back(Pending::Key(db, key.into()));
    }

    /// A list changes; the walk goes on with what it was.
    pub(super) fn queue_list(&mut self, mut rest: ListRest) {
        let begun = rest.walk_label().stays > 0;
        self.push(Pending::List(rest), begun);
    }

    /// Puts a value in the line: those whose records were begun stand before the others, which would have to wait for
    /// them anyway.
    fn push(&mut self, pending: Pending, begun: bool) {
        if begun {
            self.pending.insert(self.begun, pending);
            self.begun += 1;
        } else {
            self.pending.push_back(pending);
        }
    }

    /// Whether the snapshot is in the middle of an entry that has its epoch already, so that it has to learn of a change.
    pub(super) fn is_writing_it(&self, entry: EntryRef<'_, Collection>, how: How) -> bool {
        match (entry.body(), how) {
            (BodyRef::Object(Collection::List(list)), How::InPlace) => list.is_walked(),
            (BodyRef::Shared(_), How::Away) => !self.texts.is_empty(),
            _ => false,
        }
    }

    /// Two databases are about to be exchanged.
    pub(super) fn swap(&mut self, one: DbIndex, other: DbIndex) {
        self.tables.swap(one.index(), other.index());
        let swapped = |db: DbIndex| match db {
            db if db == one => other,
            db if db == other => one,
            db => db,
        };
        for pending in self.pending.iter_mut().chain(&mut self.current) {
            if let Pending::Key(db, _) = pending {
                *db = swapped(*db);
            }
        }
        for text in &mut self.texts {
            text.move_to(swapped);
        }
    }
}

/// An entry as the snapshot sees it.
fn view_of<'a>(entry: EntryRef<'a, Collection>, clock: AccessClock, now: Millis) -> KeyView<'a> {
    let bits = entry.access();
    let by_frequency = matches!(clock, AccessClock::Lfu { .. });
    KeyView {
        key: entry.key(),
        value: value_of(entry),
        expire: entry.expiry().map(Millis),
        idle_secs: (!by_frequency).then(|| access::idle_secs(bits, now)),
        frequency: by_frequency.then(|| clock.frequency(bits, now) as u8),
    }
}
