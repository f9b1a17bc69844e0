//! The walk, a slice at a time.

use super::{Detached, LONG_TEXT_BYTES, Pending, Phase, Position, Snapshot, Step, view_of};
use crate::base::{DbIndex, Holding, Millis};
use crate::keyspace::garbage::{DbGarbage, Garbage};
use crate::keyspace::snapshot::{Chunk, Stay};
use crate::keyspace::store::{AccessClock, DbTable, Ledger, Store, Table};
use crate::keyspace::value::{StrRef, ValueRef};
use crate::keyspace::{KeyHasher, Locator};
use crate::structure::{BodyRef, Displaced, EntryRef};
use crate::types::{Collection, Label, Walked};

/// Elements of a large value that are written between two looks at the clock.
const ELEMENTS: usize = 64;

/// Nodes of a list, which are larger.
const NODES: usize = 8;

/// What became of a value that is written in slices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Progress {
    Going,
    Done,
    /// It is not here any more.
    Gone,
}

/// What a walk needs of its store.
struct Keys<'a> {
    dbs: &'a mut [DbTable],
    first_slot: u16,
    hasher: KeyHasher,
    clock: AccessClock,
    epoch: u8,
    freed: &'a mut Vec<Garbage>,
}

impl Keys<'_> {
    fn place(&self, key: &[u8]) -> (usize, u64) {
        let at = Locator::of(&self.hasher, key);
        (
            usize::from(at.slot.0.wrapping_sub(self.first_slot)),
            at.hash,
        )
    }

    /// Does something with the collection under a key.
    fn with_collection<R>(
        &mut self,
        db: DbIndex,
        key: &[u8],
        act: impl FnOnce(&mut Collection) -> R,
    ) -> Option<R> {
        let (slot, hash) = self.place(key);
        let table = self.dbs[db.index()].table.as_mut()?;
        let mut found = table.lookup_mut(slot, hash, key)?;
        found.edit(|entry| entry.object_mut().map(act))
    }
}

impl Store {
    /// Goes on with the snapshot for as long as `go_on` says.
    pub fn step_snapshot(&mut self, now: Millis, mut go_on: impl FnMut() -> bool) -> Step {
        let Some(mut snapshot) = self.ledger.snapshot.take() else {
            return Step::Idle;
        };
        snapshot.now = now;
        let first_slot = self.slots().start;
        let hasher = self.hasher();
        let mut freed = Vec::new();
        let mut keys = Keys {
            dbs: &mut self.dbs,
            first_slot,
            hasher,
            clock: self.ledger.access,
            epoch: self.ledger.cut_epoch,
            freed: &mut freed,
        };
        let step = snapshot.run(&mut keys, &mut go_on);
        snapshot.scribe.progress(snapshot.keys);
        freed.extend(snapshot.remains.drain(..).map(Garbage::Walk));
        if snapshot.has_stamped_all() {
            self.ledger.unswept = 0;
        }
        freed
            .into_iter()
            .for_each(|it| self.ledger.discard_garbage(it));
        match step {
            Some(step) => {
                self.ledger.snapshot = Some(snapshot);
                step
            }
            None => Step::Idle,
        }
    }

    /// Before a database is emptied: its table is walked by itself if it has to be. What comes back is to be freed.
    /// `outside` are the bytes of its values that the table does not count.
    pub(in crate::keyspace) fn detach_for_snapshot(
        &mut self,
        db: DbIndex,
        mut table: Box<Table>,
        outside: usize,
    ) -> Option<Box<Table>> {
        let Some(mut snapshot) = self.ledger.snapshot.take() else {
            return Some(table);
        };
        let rest = if snapshot.is_writing() {
            let first_slot = self.slots().start;
            let hasher = self.hasher();
            let place = |key: &[u8]| {
                let at = Locator::of(&hasher, key);
                (usize::from(at.slot.0.wrapping_sub(first_slot)), at.hash)
            };
            let bytes = table.bytes() + outside;
            let mut kept = snapshot.texts_go(db, |key| {
                let (slot, hash) = place(key);
                match table.lookup(slot, hash, key)?.body() {
                    BodyRef::Shared(text) => Some(std::sync::Arc::clone(text)),
                    _ => None,
                }
            });
            for pending in snapshot.pending.iter_mut().chain(&mut snapshot.current) {
                if let Pending::Key(at, key) = pending
                    && *at == db
                    && let (slot, hash) = place(key)
                    && let Some(found) = table.lookup_mut(slot, hash, key)
                    && matches!(found.as_ref().body(), BodyRef::Object(_))
                    && let Displaced::Object(mut collection) = found.remove().0.dismantle()
                {
                    kept += collection.hold();
                    *pending = Pending::Removed(collection);
                }
            }
            let position = snapshot.tables[db.index()];
            snapshot.tables[db.index()].at = None;
            if position.at.is_some() {
                let mut holding = Holding::new(&snapshot.preserved);
                holding.add(bytes.saturating_sub(kept));
                snapshot.detached.push_back(Detached {
                    position,
                    table,
                    holding,
                });
                None
            } else {
                Some(table)
            }
        } else {
            Some(table)
        };
        self.ledger.snapshot = Some(snapshot);
        rest
    }
}

impl Ledger {
    fn discard_garbage(&mut self, garbage: Garbage) {
        match garbage {
            Garbage::Collection(collection) => self.discard(Displaced::Object(collection)),
            other => self.push_garbage(other),
        }
    }
}

impl Snapshot {
    /// Whether entries still have to be preserved.
    pub(super) fn is_writing(&self) -> bool {
        self.phase != Phase::Sweeping && !self.preserved.is_over()
    }

    fn has_stamped_all(&self) -> bool {
        self.detached.is_empty() && self.tables.iter().all(|table| table.at.is_none())
    }

    /// `None` when there is nothing more to do, ever.
    fn run(&mut self, keys: &mut Keys<'_>, go_on: &mut dyn FnMut() -> bool) -> Option<Step> {
        loop {
            if self.phase != Phase::Sweeping && self.preserved.is_over() {
                self.release(keys);
                self.phase = Phase::Sweeping;
            }
            if self.phase == Phase::Sweeping {
                if !self.walk_on(keys) {
                    return None;
                }
            } else {
                // What was begun elsewhere others wait for, whatever is under way from here.
                let must = self.begun > 0 || self.resumed;
                if !must && !self.scribe.has_room(self.open.is_some()) {
                    return Some(Step::Full);
                }
                if !self.advance(keys) {
                    self.send_all();
                    if !std::mem::replace(&mut self.told, true) {
                        self.scribe.done();
                    }
                    return Some(Step::Idle);
                }
                self.send_full();
            }
            if !go_on() {
                return Some(Step::More);
            }
        }
    }

    /// One thing after the other; false when nothing is left.
    fn advance(&mut self, keys: &mut Keys<'_>) -> bool {
        if self.begun > 0 {
            if let Some(current) = self.current.take() {
                self.leave();
                self.push(current, true);
            }
            self.begun -= 1;
        }
        let Some(mut value) = self.current.take().or_else(|| self.pending.pop_front()) else {
            if self.walk_on(keys) {
                return true;
            }
            self.phase = Phase::Written;
            return !self.pending.is_empty();
        };
        let progress = match &mut value {
            Pending::Key(db, key) => {
                let (db, key) = (*db, &**key);
                let fed = keys.with_collection(db, key, |collection| self.feed(collection));
                fed.unwrap_or(Progress::Gone)
            }
            Pending::Removed(collection) => self.feed(collection),
            Pending::List(list) => {
                self.enter(list.walk_label());
                match self.scribe.rest_of_list(&mut self.main, list, NODES) {
                    true => Progress::Going,
                    false => Progress::Done,
                }
            }
            Pending::Text(number) => self.feed_text(*number, keys),
        };
        match progress {
            Progress::Going => {
                self.current = Some(value);
                return true;
            }
            Progress::Gone => {
                self.leave();
                return true;
            }
            Progress::Done => {}
        }
        self.open = None;
        self.resumed = false;
        self.main.keys += 1;
        match value {
            Pending::Removed(collection) => keys.freed.push(Garbage::Collection(collection)),
            Pending::List(list) => self.closing.push(list.into_label()),
            Pending::Key(..) | Pending::Text(_) => {}
        }
        true
    }

    fn feed(&mut self, collection: &mut Collection) -> Progress {
        let Some(label) = collection.walk_label() else {
            return Progress::Gone;
        };
        self.enter(label);
        let count = match collection {
            Collection::List(_) | Collection::Stream(_) => NODES,
            _ => ELEMENTS,
        };
        match self.scribe.elements(&mut self.main, collection, count) {
            None => Progress::Gone,
            Some(Walked::Partly) => Progress::Going,
            Some(Walked::Wholly(label, pieces)) => {
                self.remains.extend(pieces);
                self.main.bytes.extend_from_slice(&label.frame.tail);
                self.closing.push(*label);
                Progress::Done
            }
        }
    }

    /// Begins the record of a value, or goes on with it.
    fn enter(&mut self, label: &mut Label) {
        if self.open.is_some_and(|open| open.record == label.record) {
            return;
        }
        let head = std::mem::take(&mut label.frame.head);
        let stay = Stay {
            record: label.record,
            number: label.stays,
        };
        label.stays += 1;
        self.open_record(stay, label.db, label.frame.version, &head);
    }

    /// From here on `main` is within this record.
    fn open_record(&mut self, stay: Stay, db: DbIndex, version: u16, head: &[u8]) {
        debug_assert!(self.open.is_none());
        if stay.number > 0 {
            self.send_main();
            self.main.db = db;
            self.main.begins_in = Some(stay);
            self.resumed = true;
        } else {
            self.turn_to(db);
            self.main.bytes.extend_from_slice(head);
        }
        self.main.version = self.main.version.max(version);
        self.open = Some(stay);
    }

    fn feed_text(&mut self, number: u64, keys: &mut Keys<'_>) -> Progress {
        let Some(at) = self.texts.iter().position(|text| text.number == number) else {
            return Progress::Gone;
        };
        if self.open.is_none_or(|open| open.record != number) {
            let text = &mut self.texts[at];
            let (db, version, head) = (text.at_cut, text.version, std::mem::take(&mut text.head));
            let stay = Stay {
                record: number,
                number: text.stays,
            };
            text.stays += 1;
            self.open_record(stay, db, version, &head);
        }
        let text = &mut self.texts[at];
        let place = text.key().map(|(db, key)| (db, keys.place(key)));
        let live = place.and_then(|(db, (slot, hash))| {
            let table = keys.dbs[db.index()].table.as_ref()?;
            let (_, key) = text.key()?;
            match table.lookup(slot, hash, key)?.body() {
                BodyRef::Shared(live) => Some(&live[..]),
                _ => None,
            }
        });
        if !text.write(&mut self.main.bytes, live) {
            // It cannot be; the snapshot is not whole then, and says so.
            keys.freed.extend(self.texts.swap_remove(at).into_garbage());
            self.preserved.close(true);
            return Progress::Gone;
        }
        if text.next < text.len {
            return Progress::Going;
        }
        keys.freed.extend(self.texts.swap_remove(at).into_garbage());
        self.closing_texts += 1;
        Progress::Done
    }

    /// The next position of the next table; false at the end of all.
    fn walk_on(&mut self, keys: &mut Keys<'_>) -> bool {
        if let Some(mut detached) = self.detached.pop_front() {
            if self.phase == Phase::Writing {
                self.turn_to(detached.position.db);
                self.walk_detached(&mut detached, keys);
            } else {
                detached.position.at = None;
            }
            match detached.position.at {
                Some(_) => self.detached.push_front(detached),
                None => keys.freed.push(Garbage::Db(DbGarbage::of(detached.table))),
            }
            return true;
        }
        let left = self.tables.iter().enumerate();
        let left = left.filter(|(_, position)| position.at.is_some());
        let Some((db, _)) = left.min_by_key(|(_, position)| position.db.index()) else {
            return false;
        };
        let Some(table) = &mut keys.dbs[db].table else {
            self.tables[db].at = None;
            return true;
        };
        let mut position = self.tables[db];
        let mut large: Vec<Box<[u8]>> = Vec::new();
        if self.phase == Phase::Writing {
            self.turn_to(position.db);
        }
        let sweeping = self.phase == Phase::Sweeping;
        self.walk_position(&mut position, table, keys.epoch, |this, entry| {
            if sweeping {
                return;
            }
            if is_large(entry) {
                large.push(entry.key().into());
            } else {
                this.write(entry, keys.clock);
            }
        });
        self.tables[db] = position;
        let today = DbIndex(db as u32);
        for key in large {
            let at = Locator::of(&keys.hasher, &key);
            let slot = usize::from(at.slot.0.wrapping_sub(keys.first_slot));
            let Some(mut found) = table.lookup_mut(slot, at.hash, &key) else {
                continue;
            };
            let view = view_of(found.as_ref(), keys.clock, self.now);
            match view.value {
                ValueRef::Str(text) => {
                    self.begin_text(today, view, text.len());
                }
                ValueRef::Collection(collection) => {
                    let label = self.scribe.label(position.db, view, collection);
                    found.edit(|entry| {
                        if let Some(collection) = entry.object_mut() {
                            collection.begin_walk(Box::new(label));
                        }
                    });
                    self.pending.push_back(Pending::Key(today, key));
                }
            }
            self.keys += 1;
        }
        true
    }

    fn walk_detached(&mut self, detached: &mut Detached, keys: &Keys<'_>) {
        let Detached {
            position,
            table,
            holding,
        } = detached;
        let mut large: Vec<Box<[u8]>> = Vec::new();
        self.walk_position(position, table, keys.epoch, |this, entry| {
            if matches!(entry.body(), BodyRef::Object(collection) if collection.is_large()) {
                large.push(entry.key().into());
            } else {
                this.write(entry, keys.clock);
            }
        });
        for key in large {
            let at = Locator::of(&keys.hasher, &key);
            let slot = usize::from(at.slot.0.wrapping_sub(keys.first_slot));
            let Some(found) = table.lookup_mut(slot, at.hash, &key) else {
                continue;
            };
            let view = view_of(found.as_ref(), keys.clock, self.now);
            let ValueRef::Collection(collection) = view.value else {
                continue;
            };
            let label = self.scribe.label(position.db, view, collection);
            if let Displaced::Object(mut collection) = found.remove().0.dismantle() {
                collection.begin_walk(Box::new(label));
                holding.give(collection.hold());
                self.pending.push_back(Pending::Removed(collection));
            }
            self.keys += 1;
        }
    }

    fn walk_position(
        &mut self,
        position: &mut Position,
        table: &mut Table,
        epoch: u8,
        mut visit: impl FnMut(&mut Snapshot, EntryRef<'_, Collection>),
    ) {
        let Some((slot, prefix)) = position.at else {
            return;
        };
        let Some(full) = table.next_slot(slot) else {
            position.at = None;
            return;
        };
        let prefix = if full == slot { prefix } else { 0 };
        let next = table.stamp_step(full, prefix, epoch, |entry| visit(self, entry));
        position.at = Some(match next {
            Some(prefix) => (full, prefix),
            None => (full + 1, 0),
        });
    }

    fn write(&mut self, entry: EntryRef<'_, Collection>, clock: AccessClock) {
        let view = view_of(entry, clock, self.now);
        self.scribe.record(&mut self.main, view);
        self.main.keys += 1;
        self.keys += 1;
    }

    /// Records of this database come next.
    fn turn_to(&mut self, db: DbIndex) {
        debug_assert!(self.open.is_none());
        if self.main.db != db {
            self.send_main();
            self.main.db = db;
        }
    }

    fn send_full(&mut self) {
        if self.main.is_full() {
            self.send_main();
        }
        while let Some(chunk) = self.ready.pop_front() {
            self.scribe.send(chunk);
        }
    }

    /// Ends in the middle of a record: it is gone on with where its value is now.
    fn leave(&mut self) {
        let Some(Stay { record, number }) = self.open.take() else {
            return;
        };
        let next = Chunk::of(self.main.db);
        let mut last = std::mem::replace(&mut self.main, next);
        last.ends_in = Some(Stay {
            record,
            number: number + 1,
        });
        self.scribe.send(last);
        self.resumed = false;
        self.close();
    }

    fn send_main(&mut self) {
        let mut next = Chunk::of(self.main.db);
        next.begins_in = self.open;
        if self.main.is_empty() && self.main.keys == 0 && self.main.begins_in == self.open {
            return;
        }
        self.main.ends_in = self.open;
        let chunk = std::mem::replace(&mut self.main, next);
        self.scribe.send(chunk);
        self.close();
    }

    /// What was written to its end has been sent.
    fn close(&mut self) {
        self.closing.drain(..).for_each(Label::finish);
        for _ in 0..std::mem::take(&mut self.closing_texts) {
            self.preserved.close(false);
        }
    }

    fn send_all(&mut self) {
        self.send_main();
        let aside = self.aside.iter_mut().filter_map(Option::take);
        self.ready.extend(aside);
        self.send_full();
    }

    /// Nothing of this is wanted any more.
    fn release(&mut self, keys: &mut Keys<'_>) {
        self.current
            .take()
            .into_iter()
            .chain(self.pending.drain(..))
            .for_each(|pending| match pending {
                Pending::Key(db, key) => {
                    let remains = keys.with_collection(db, &key, Collection::end_walk);
                    keys.freed.extend(remains.flatten().map(Garbage::Walk));
                }
                Pending::Removed(mut collection) => {
                    keys.freed.extend(collection.end_walk().map(Garbage::Walk));
                    keys.freed.push(Garbage::Collection(collection));
                }
                Pending::List(rest) => keys.freed.extend(rest.into_pieces().map(Garbage::Walk)),
                Pending::Text(_) => {}
            });
        self.begun = 0;
        self.closing.clear();
        for text in self.texts.drain(..) {
            keys.freed.extend(text.into_garbage());
            self.preserved.close(true);
        }
        self.main = Chunk::default();
        self.open = None;
        self.aside.clear();
        self.ready.clear();
    }
}

/// Whether a value is written in slices.
fn is_large(entry: EntryRef<'_, Collection>) -> bool {
    match crate::keyspace::value::value_of(entry) {
        ValueRef::Collection(collection) => collection.is_large(),
        ValueRef::Str(StrRef::Shared(text)) => text.len() >= LONG_TEXT_BYTES,
        ValueRef::Str(_) => false,
    }
}
