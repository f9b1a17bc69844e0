//! Long strings in a snapshot. One that nobody edits is written where it is, a slice at a time. Before a part of it is
//! edited in place, the blocks of that part that were not written yet are copied; when its key goes, all of it is kept.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::{LONG_TEXT_BYTES, Pending, Snapshot};
use crate::base::{DbIndex, Holding};
use crate::keyspace::garbage::Garbage;
use crate::keyspace::store::Ledger;
use crate::keyspace::walk::KeyView;
use crate::structure::{BodyRef, EntryRef};
use crate::types::{Collection, Pieces};

/// A long string that is being written in slices, or will be.
pub(super) struct TextWalk {
    /// The record.
    pub(super) number: u64,
    pub(super) stays: u32,
    /// Where it is now.
    place: Place,
    /// The database at the cut, and what stands before the bytes.
    pub(super) at_cut: DbIndex,
    pub(super) head: Vec<u8>,
    pub(super) version: u16,
    /// Its length at the cut.
    pub(super) len: usize,
    /// Bytes written; whole blocks.
    pub(super) next: usize,
    /// Blocks as they were.
    saved: BTreeMap<usize, Vec<u8>>,
    holding: Holding,
}

enum Place {
    /// Under a key.
    Key(DbIndex, Box<[u8]>),
    /// Its key is gone.
    Kept(Arc<Vec<u8>>),
}

/// What is copied at once, and written at once.
const BLOCK_BYTES: usize = if cfg!(test) { 1 << 10 } else { 64 << 10 };

impl TextWalk {
    pub(super) fn is_at(&self, db: DbIndex, key: &[u8]) -> bool {
        matches!(&self.place, Place::Key(at, name) if *at == db && **name == *key)
    }

    pub(super) fn move_to(&mut self, moved: impl Fn(DbIndex) -> DbIndex) {
        if let Place::Key(db, _) = &mut self.place {
            *db = moved(*db);
        }
    }

    /// The key, if it is still under one.
    pub(super) fn key(&self) -> Option<(DbIndex, &[u8])> {
        match &self.place {
            Place::Key(db, key) => Some((*db, key)),
            Place::Kept(_) => None,
        }
    }

    /// What it has kept, when it is done or not gone on with.
    pub(super) fn into_garbage(self) -> impl Iterator<Item = Garbage> {
        let saved = (!self.saved.is_empty())
            .then(|| Garbage::Walk(Pieces::of_blocks(self.saved.into_values())));
        let kept = match self.place {
            Place::Key(..) => None,
            Place::Kept(text) => Some(Garbage::Kept(text)),
        };
        saved.into_iter().chain(kept)
    }

    /// Copies what of a range was not written yet.
    fn save(&mut self, range: Range<usize>, text: &[u8]) {
        let end = range.end.min(self.len);
        let first = range.start.max(self.next) / BLOCK_BYTES;
        for block in first..end.div_ceil(BLOCK_BYTES) {
            let bytes = self.block(block * BLOCK_BYTES);
            if self.saved.contains_key(&block) {
                continue;
            }
            if let Some(old) = text.get(bytes) {
                self.holding.add(old.len());
                self.saved.insert(block, old.to_vec());
            }
        }
    }

    /// Its key goes: all of it is kept.
    fn keep(&mut self, text: &Arc<Vec<u8>>) {
        self.holding.add_value(text.capacity());
        self.place = Place::Kept(Arc::clone(text));
    }

    fn block(&self, from: usize) -> Range<usize> {
        from..(from + BLOCK_BYTES).min(self.len)
    }

    /// Appends the next block. `live` is the string, if it is still a key's. False if it is not there any more.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, live: Option<&[u8]>) -> bool {
        let range = self.block(self.next);
        let saved = self.saved.remove(&(self.next / BLOCK_BYTES));
        let text = match &self.place {
            Place::Kept(text) => text.get(range.clone()),
            Place::Key(..) => live.and_then(|text| text.get(range.clone())),
        };
        let bytes = match &saved {
            Some(saved) => Some(&saved[..]),
            None => text,
        };
        let Some(bytes) = bytes else { return false };
        out.extend_from_slice(bytes);
        self.holding.give(saved.map_or(0, |saved| saved.len()));
        self.next = range.end;
        true
    }
}

impl Snapshot {
    /// A long string is to be written in slices.
    pub(super) fn begin_text(&mut self, db: DbIndex, view: KeyView<'_>, len: usize) -> u64 {
        let at_cut = self.tables[db.index()].db;
        let mut head = super::Chunk::of(at_cut);
        self.scribe.plain_string(&mut head, view, len);
        let number = self.preserved.open();
        self.texts.push(TextWalk {
            number,
            stays: 0,
            place: Place::Key(db, view.key.into()),
            at_cut,
            head: head.bytes,
            version: head.version,
            len,
            next: 0,
            saved: BTreeMap::new(),
            holding: Holding::new(&self.preserved),
        });
        self.pending.push_back(Pending::Text(number));
        number
    }

    /// A key with a string goes that may be one of these.
    pub(super) fn text_goes(&mut self, db: DbIndex, entry: EntryRef<'_, Collection>) {
        let BodyRef::Shared(text) = entry.body() else {
            return;
        };
        for walk in &mut self.texts {
            if walk.is_at(db, entry.key()) {
                walk.keep(text);
            }
        }
    }

    /// Before a part of a string is edited in place.
    pub(super) fn save_text(&mut self, db: DbIndex, key: &[u8], range: Range<usize>, text: &[u8]) {
        for walk in &mut self.texts {
            if walk.is_at(db, key) {
                walk.save(range.clone(), text);
            }
        }
    }

    /// The strings of a database go all at once. Says how many bytes are kept of them.
    pub(super) fn texts_go(
        &mut self,
        db: DbIndex,
        find: impl Fn(&[u8]) -> Option<Arc<Vec<u8>>>,
    ) -> usize {
        let mut bytes = 0;
        for walk in &mut self.texts {
            if let Place::Key(at, key) = &walk.place
                && *at == db
                && let Some(text) = find(key)
            {
                bytes += text.capacity();
                walk.keep(&text);
            }
        }
        bytes
    }
}

impl Ledger {
    /// Whether a string of this length is to be preserved in blocks when it is edited.
    #[inline]
    pub(in crate::keyspace) fn preserves_blocks(&self, len: usize) -> bool {
        self.snapshot.is_some() && len >= LONG_TEXT_BYTES
    }

    /// Before a part of a long string is edited in place; its entry was preserved before.
    pub(in crate::keyspace) fn preserve_blocks(
        &mut self,
        db: DbIndex,
        key: &[u8],
        range: Range<usize>,
        text: &[u8],
    ) {
        if let Some(snapshot) = &mut self.snapshot {
            snapshot.save_text(db, key, range, text);
        }
    }
}
