//! The stream itself, and the way from it to those who consume it.

use super::batch::Batch;
use super::contribution::Contribution;
use super::feed::Taken;
use crate::base::limits;
use crate::base::slot::{DbIndex, ShardId};
use crate::command::effects::Effect;
use parking_lot::{Condvar, Mutex};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// The log of the process.
#[derive(Debug)]
pub struct Log {
    stream: Mutex<Stream>,
    /// Something is there for the thread that takes.
    arrived: Condvar,
    /// Everything before this position is on the disk.
    durable: AtomicU64,
    /// Microseconds that it took the last time to get there.
    sync_us: AtomicU64,
    /// Replies wait until what they tell of is on the disk.
    gates: AtomicBool,
    /// More is waiting to be written than memory should be spent on.
    is_full: AtomicBool,
    /// Marks that not all shards have contributed to.
    marks: Mutex<Vec<(u64, Arc<Contribution>)>>,
    published: Box<[AtomicU64]>,
    wanted: Box<[AtomicU64]>,
}

#[derive(Debug, Default)]
struct Stream {
    position: u64,
    /// The database that a reader of the stream has selected.
    db: Option<DbIndex>,
    /// Bytes are kept for the append-only file.
    is_fed: bool,
    feed: Taken,
    /// Whoever takes must be told of what arrives.
    sleeps: bool,
    /// The consumer lets bytes gather, and is to be woken when there are this many.
    gathers: Option<usize>,
    /// Bytes that were taken and are not written.
    held: usize,
    /// When the sync under way began that nobody waits for, in microseconds of the monotonic clock.
    syncing_since_us: Option<u64>,
    /// It was told of something that is not in the stream.
    is_nudged: bool,
    /// Unix seconds of the last note in the feed.
    noted: i64,
    notes: bool,
}

impl Log {
    /// An empty log of so many shards, without a consumer.
    pub fn new(shards: usize) -> Log {
        let zeros = |value: u64| (0..shards).map(|_| AtomicU64::new(value)).collect();
        Log {
            stream: Mutex::default(),
            arrived: Condvar::new(),
            durable: AtomicU64::new(0),
            sync_us: AtomicU64::new(0),
            gates: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            marks: Mutex::default(),
            published: zeros(0),
            wanted: zeros(u64::MAX),
        }
    }

    /// Appends a shard's effects, whose ranges lie one behind the other in `bytes`; returns the position behind them.
    pub fn append(&self, bytes: &[u8], effects: &[Effect], seconds: i64) -> u64 {
        let mut stream = self.stream.lock();
        let wakes = stream.begin(seconds);
        if let Some((db, range)) = in_one_piece(effects) {
            stream.select(db);
            stream.put(&bytes[range]);
        } else {
            for run in effects.chunk_by(|a, b| a.group == b.group) {
                stream.group(bytes, run);
            }
        }
        self.end(stream, wakes)
    }

    /// Appends what a fence changed on several shards, and its mark. Returns the position behind it.
    pub(super) fn append_block(
        &self,
        mut parts: Vec<(ShardId, Batch)>,
        mark: Option<u64>,
        seconds: i64,
    ) -> u64 {
        parts.sort_unstable_by_key(|(shard, _)| *shard);
        let mut all: Vec<_> = parts.iter().flat_map(|(_, part)| part.placed()).collect();
        // Stable: what one shard did for one command stays in order.
        all.sort_by_key(|(place, ..)| *place);
        let mut stream = self.stream.lock();
        let wakes = stream.begin(seconds);
        if all.len() > 1 {
            stream.put(MULTI);
        }
        for (_, effect, bytes) in &all {
            stream.select(effect.db);
            stream.put(bytes);
        }
        if all.len() > 1 {
            stream.put(EXEC);
        }
        if let Some(mark) = mark {
            let position = stream.position;
            if !stream.is_fed {
                stream.is_fed = true;
                stream.feed.start = position;
            }
            stream.feed.marks.push((position, mark));
            // What follows is read by somebody who has not read what came before.
            stream.db = None;
            stream.noted = 0;
        }
        self.end(stream, wakes)
    }

    /// Where all shards contribute to the mark of this name.
    pub fn marking(&self, mark: u64, participants: usize) -> Arc<Contribution> {
        let mut marks = self.marks.lock();
        marks.retain(|(_, old)| !old.is_complete());
        if let Some((_, known)) = marks.iter().find(|(name, _)| *name == mark) {
            return Arc::clone(known);
        }
        let new = Arc::new(Contribution::marking(participants, mark));
        marks.push((mark, Arc::clone(&new)));
        new
    }

    fn end(&self, mut stream: parking_lot::MutexGuard<'_, Stream>, wakes: bool) -> u64 {
        let position = stream.position;
        let pending = stream.feed.bytes.len();
        let is_full = pending + stream.held > limits::LOG_PENDING_BYTES_MAX;
        let is_enough = stream.gathers.is_some_and(|enough| pending >= enough);
        if is_enough {
            stream.gathers = None;
        }
        drop(stream);
        if wakes || is_enough {
            self.arrived.notify_one();
        }
        if is_full {
            self.is_full.store(true, Ordering::Relaxed);
        }
        position
    }

    /// Position behind the last byte.
    pub fn position(&self) -> u64 {
        self.stream.lock().position
    }

    /// Bytes that were not taken yet.
    pub fn pending(&self) -> usize {
        self.stream.lock().feed.bytes.len()
    }

    /// Whether commands should wait until more was written.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Has commands that write wait if a sync takes so long that too much would be lost with it. To be called now and
    /// then, with the time in microseconds of the monotonic clock.
    pub fn look_at_sync(&self, now_us: u64) {
        let stream = self.stream.lock();
        let since = stream.syncing_since_us;
        if since.is_some_and(|since| now_us.saturating_sub(since) > limits::SYNC_US_MAX) {
            self.is_full.store(true, Ordering::Relaxed);
        }
    }

    // The consumer's side.

    /// A sync that nobody waits for begins, or has ended.
    pub fn set_syncing(&self, since_us: Option<u64>) {
        let mut stream = self.stream.lock();
        stream.syncing_since_us = since_us;
        if since_us.is_none() {
            let is_full = stream.feed.bytes.len() + stream.held > limits::LOG_PENDING_BYTES_MAX;
            self.is_full.store(is_full, Ordering::Relaxed);
        }
    }

    /// From here on bytes are kept for the one who takes, or not any more. Nothing happens where a mark has come that was
    /// not taken: what is behind it may be wanted. Who takes it knows.
    pub fn set_fed(&self, is_fed: bool) {
        let mut stream = self.stream.lock();
        if !is_fed && !stream.feed.marks.is_empty() {
            return;
        }
        stream.is_fed = is_fed;
        stream.db = None;
        stream.noted = 0;
        if !is_fed {
            stream.feed.clear();
            self.is_full.store(false, Ordering::Relaxed);
        }
        stream.feed.start = stream.position - stream.feed.bytes.len() as u64;
    }

    /// Whether it is noted where another second begins.
    pub fn set_notes(&self, notes: bool) {
        self.stream.lock().notes = notes;
    }

    /// Waits until there is something, somebody called [`Log::nudge`], or the time is over; and takes what is there.
    /// `taken` is what was taken before, for its memory; `held` is how much of all that is not written. With `gather`,
    /// what comes within that time is taken together: no shard has to wake anybody for it.
    pub fn take(
        &self,
        taken: &mut Taken,
        held: usize,
        at_most: Option<Duration>,
        gather: Option<Gather>,
    ) {
        taken.clear();
        let mut stream = self.stream.lock();
        stream.held = held;
        if let Some(Gather { time, enough }) = gather
            && !stream.is_nudged
            && stream.feed.bytes.len() < enough
        {
            stream.gathers = Some(enough);
            self.arrived.wait_for(&mut stream, time);
            stream.gathers = None;
        }
        if stream.feed.is_empty() && !stream.is_nudged {
            stream.sleeps = true;
            match at_most {
                Some(time) => {
                    self.arrived.wait_for(&mut stream, time);
                }
                None => self.arrived.wait(&mut stream),
            }
            stream.sleeps = false;
        }
        stream.is_nudged = false;
        std::mem::swap(&mut stream.feed, taken);
        stream.feed.start = stream.position;
        let is_full = held + taken.bytes.len() > limits::LOG_PENDING_BYTES_MAX;
        self.is_full.store(is_full, Ordering::Relaxed);
    }

    /// Has [`Log::take`] return.
    pub fn nudge(&self) {
        self.stream.lock().is_nudged = true;
        self.arrived.notify_one();
    }

    // What is on the disk.

    /// Whether replies wait for the disk.
    #[inline]
    pub fn gates(&self) -> bool {
        self.gates.load(Ordering::Relaxed)
    }

    /// Has replies wait for the disk, or not.
    pub fn set_gates(&self, gates: bool) {
        self.gates.store(gates, Ordering::SeqCst);
    }

    /// Everything before this position is on the disk.
    #[inline]
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Says what is on the disk. Shards that wait for it are to be woken afterwards.
    pub fn set_durable(&self, position: u64) {
        self.durable.fetch_max(position, Ordering::Release);
    }

    /// How many microseconds the last sync took, with the writes before it.
    #[inline]
    pub fn sync_us(&self) -> u64 {
        self.sync_us.load(Ordering::Relaxed)
    }

    /// See [`Log::sync_us`].
    pub fn set_sync_us(&self, took: u64) {
        self.sync_us.store(took, Ordering::Relaxed);
    }

    /// A shard is about to send frames home; they tell of its effects up to `position`.
    pub fn publish(&self, shard: ShardId, position: u64) {
        self.published[shard.index()].store(position, Ordering::Release);
    }

    /// What frames that have come home from any shard can tell of.
    pub fn published(&self) -> u64 {
        let all = self.published.iter();
        all.map(|one| one.load(Ordering::Acquire))
            .max()
            .unwrap_or(0)
    }

    /// A shard wants to be woken when this is on the disk. `u64::MAX` for never.
    pub fn want(&self, shard: ShardId, position: u64) {
        self.wanted[shard.index()].store(position, Ordering::Relaxed);
    }

    /// Shards that want to be woken now.
    pub fn to_wake(&self) -> impl Iterator<Item = ShardId> + '_ {
        let durable = self.durable();
        let all = self.wanted.iter().enumerate();
        let due = all.filter(move |(_, wanted)| wanted.load(Ordering::Relaxed) <= durable);
        due.map(|(shard, _)| ShardId(shard as u16))
    }
}

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// The database and the bytes of effects that are nothing but single commands in one database, as most are.
fn in_one_piece(effects: &[Effect]) -> Option<(DbIndex, Range<usize>)> {
    let (first, last) = (effects.first()?, effects.last()?);
    let follows = |pair: &[Effect]| {
        pair[0].db == pair[1].db
            && pair[0].group != pair[1].group
            && pair[0].range.end == pair[1].range.start
    };
    let is_piece =
        !effects.iter().any(|effect| effect.replicas_only) && effects.windows(2).all(follows);
    is_piece.then_some((first.db, first.range.start..last.range.end))
}

/// How long bytes may gather before they are taken, unless there are `enough`.
#[derive(Debug, Clone, Copy)]
pub struct Gather {
    /// The time.
    pub time: Duration,
    /// Bytes.
    pub enough: usize,
}

impl Stream {
    /// Something is about to be appended; says whether somebody has to be woken for it.
    fn begin(&mut self, seconds: i64) -> bool {
        if self.notes && self.is_fed && seconds > self.noted {
            self.noted = seconds;
            self.feed.seconds.push((self.position, seconds));
        }
        std::mem::take(&mut self.sleeps)
    }

    /// Every consumer is fed here.
    fn put(&mut self, bytes: &[u8]) {
        if self.is_fed {
            self.feed.bytes.extend_from_slice(bytes);
        }
        self.position += bytes.len() as u64;
    }

    fn select(&mut self, db: DbIndex) {
        if self.db == Some(db) {
            return;
        }
        self.db = Some(db);
        let digits = db.index().to_string();
        let select = format!("*2\r\n$6\r\nSELECT\r\n${}\r\n{digits}\r\n", digits.len());
        self.put(select.as_bytes());
    }

    /// Effects that belong together.
    fn group(&mut self, bytes: &[u8], effects: &[Effect]) {
        let kept = |effect: &&Effect| !effect.replicas_only;
        let count = effects.iter().filter(kept).count();
        // The database is selected within the transaction, as Redis does it.
        if count > 1 {
            self.put(MULTI);
        }
        for effect in effects.iter().filter(kept) {
            self.select(effect.db);
            self.put(&bytes[effect.range.clone()]);
        }
        if count > 1 {
            self.put(EXEC);
        }
    }
}
