//! The shard's side of a snapshot: records in the form of RDB files, and the way to the save thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::{DbIndex, Preserved};
use crate::command::persistence::usage_of;
use crate::config::MaxmemoryPolicy;
use crate::keyspace::{Chunk, KeyView, Scribe, StrRef, ValueRef};
use crate::persist::pieces::{self, About, LONG_BYTES_MIN, Pieces};
use crate::types::{Collection, Label, ListRest, Walked};

/// What the save thread hears.
pub(super) enum Note {
    /// A shard has made the cut, with so many keys in each database, and so many of them with an expiry time.
    Cut(Vec<(u64, u64)>),
    /// Records of this shard.
    Chunk(usize, Chunk),
    /// All records of this shard were sent.
    Done(usize),
    /// The snapshot cannot be finished.
    GiveUp(String),
    /// Nobody wants it any more.
    Cancel(String),
}

/// What the threads of a snapshot share.
pub(super) struct Shared {
    pub(super) preserved: Arc<Preserved>,
    /// Bytes sent by each shard and not written yet.
    pub(super) in_flight: Vec<AtomicU64>,
    /// Keys that each shard's walk has come to.
    pub(super) keys: Vec<AtomicU64>,
}

/// See the module.
pub(super) struct RdbScribe {
    shard: usize,
    shared: Arc<Shared>,
    notes: flume::Sender<Note>,
    compress: bool,
    policy: MaxmemoryPolicy,
}

impl Shared {
    /// Of so many shards, whose keys take so many bytes.
    pub(super) fn new(shards: usize, used: u64) -> Arc<Shared> {
        Arc::new(Shared {
            preserved: Arc::new(Preserved::of(used)),
            in_flight: (0..shards).map(|_| AtomicU64::new(0)).collect(),
            keys: (0..shards).map(|_| AtomicU64::new(0)).collect(),
        })
    }
}

/// Bytes a shard may have in flight.
const IN_FLIGHT_BYTES: u64 = 4 * 1024 * 1024;

impl RdbScribe {
    pub(super) fn new(
        shard: usize,
        shared: &Arc<Shared>,
        notes: &flume::Sender<Note>,
        compress: bool,
        policy: MaxmemoryPolicy,
    ) -> RdbScribe {
        RdbScribe {
            shard,
            shared: Arc::clone(shared),
            notes: notes.clone(),
            compress,
            policy,
        }
    }

    fn about<'a>(&self, view: &KeyView<'a>) -> About<'a> {
        About {
            key: view.key,
            expire: view.expire,
            usage: usage_of(view, self.policy),
            compress: self.compress,
        }
    }

    fn with_pieces<R>(&self, out: &mut Chunk, write: impl FnOnce(&mut Pieces<'_>) -> R) -> R {
        // The bytes are lent out of the chunk, so that long texts can be put between them.
        let mut bytes = std::mem::take(&mut out.bytes);
        let result = write(&mut Pieces {
            bytes: &mut bytes,
            compress: self.compress,
            long: &mut |bytes, text| {
                out.bytes = std::mem::take(bytes);
                out.push_text(Arc::new(text.to_vec()));
            },
        });
        out.bytes = bytes;
        result
    }
}

impl Scribe for RdbScribe {
    fn record(&mut self, out: &mut Chunk, view: KeyView<'_>) {
        let about = self.about(&view);
        if let ValueRef::Str(StrRef::Shared(text)) = view.value
            && text.len() >= LONG_BYTES_MIN
        {
            pieces::write_string_head(&mut out.bytes, about);
            out.push_text(Arc::clone(text));
            out.version = out.version.max(crate::persist::rdb::VERSION_MIN);
            return;
        }
        let version = pieces::write_record(&mut out.bytes, about, view.value);
        out.version = out.version.max(version);
    }

    fn label(&mut self, db: DbIndex, view: KeyView<'_>, value: &Collection) -> Label {
        let frame = pieces::frame(self.about(&view), value);
        Label::new(db, frame, &self.shared.preserved)
    }

    fn elements(
        &mut self,
        out: &mut Chunk,
        value: &mut Collection,
        count: usize,
    ) -> Option<Walked> {
        self.with_pieces(out, |pieces| pieces::elements(pieces, value, count))
    }

    fn rest_of_list(&mut self, out: &mut Chunk, list: &mut ListRest, count: usize) -> bool {
        self.with_pieces(out, |pieces| pieces::rest_of_list(pieces, list, count))
    }

    fn plain_string(&mut self, out: &mut Chunk, view: KeyView<'_>, len: usize) {
        pieces::write_string_head(&mut out.bytes, self.about(&view));
        pieces::write_plain_len(&mut out.bytes, len);
        out.version = out.version.max(crate::persist::rdb::VERSION_MIN);
    }

    fn send(&mut self, chunk: Chunk) {
        let bytes = chunk.bytes() as u64;
        self.shared.in_flight[self.shard].fetch_add(bytes, Ordering::Relaxed);
        // Nobody listens when the snapshot is over.
        let _ = self.notes.send(Note::Chunk(self.shard, chunk));
    }

    fn has_room(&self, open: bool) -> bool {
        let most = IN_FLIGHT_BYTES * if open { 2 } else { 1 };
        self.shared.in_flight[self.shard].load(Ordering::Relaxed) < most
    }

    fn give_up(&mut self, why: &str) {
        self.shared.preserved.end();
        let _ = self.notes.send(Note::GiveUp(why.to_owned()));
    }

    fn progress(&mut self, keys: u64) {
        self.shared.keys[self.shard].store(keys, Ordering::Relaxed);
    }

    fn done(&mut self) {
        let _ = self.notes.send(Note::Done(self.shard));
    }

    fn preserved(&self) -> &Arc<Preserved> {
        &self.shared.preserved
    }
}
