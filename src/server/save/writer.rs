//! The save thread: puts what the shards send into one body, and gives it to the sinks.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::scribe::{Note, Shared};
use super::{Consumer, Facts, SnapshotSink, Told};
use crate::keyspace::{Chunk, Piece, Stay};
use crate::persist::{pieces, rdb, write_string};

/// How it went with each consumer.
pub(super) type Results = Vec<(Told, io::Result<()>)>;

/// How far a snapshot is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Progress {
    pub(super) keys_total: u64,
    pub(super) keys_processed: u64,
    pub(super) held: u64,
    pub(super) held_peak: u64,
}

/// How long to wait for a note before looking whether all is done.
const LOOK: Duration = Duration::from_millis(20);

/// The body so far.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// Shards that made the cut.
    cut: usize,
    /// Shards that have sent all they have.
    done: Vec<bool>,
    facts: Box<dyn Fn() -> Facts + Send>,
    sinks: Sinks,
    /// Keys of each database, and those with an expiry time; none any more when that was written.
    sizes: Vec<Option<(u64, u64)>>,
    keys_total: u64,
    db: Option<usize>,
    /// The record that has to be gone on with.
    open: Option<Stay>,
    /// What has to wait for that.
    waiting: VecDeque<(usize, Chunk)>,
    version: u16,
    compress: bool,
}

impl Writer {
    /// One for these consumers. `facts` is called when the cut has been made.
    pub(super) fn new(
        shared: &Arc<Shared>,
        consumers: Vec<Consumer>,
        compress: bool,
        facts: Box<dyn Fn() -> Facts + Send>,
    ) -> Writer {
        Writer {
            shared: Arc::clone(shared),
            cut: 0,
            done: vec![false; shared.in_flight.len()],
            facts,
            sinks: Sinks {
                consumers,
                told: Vec::new(),
            },
            sizes: Vec::new(),
            keys_total: 0,
            db: None,
            open: None,
            waiting: VecDeque::new(),
            version: rdb::VERSION_MIN,
            compress,
        }
    }

    /// Runs to the end; returns what is to be told to whom.
    pub(super) fn run(
        mut self,
        notes: &flume::Receiver<Note>,
        progress: impl Fn(Progress),
    ) -> Results {
        let result = loop {
            match notes.recv_timeout(LOOK) {
                Ok(note) => self.take(note),
                Err(flume::RecvTimeoutError::Timeout) => {}
                Err(flume::RecvTimeoutError::Disconnected) => {
                    break Err("the server is going".to_owned());
                }
            }
            progress(self.progress());
            if let Some(result) = self.result(notes.is_empty()) {
                break result;
            }
        };
        self.finish(result)
    }

    pub(super) fn progress(&self) -> Progress {
        let keys = self.shared.keys.iter();
        let keys = keys.map(|keys| keys.load(Ordering::Relaxed));
        Progress {
            keys_total: self.keys_total,
            keys_processed: keys.sum(),
            held: self.shared.preserved.held(),
            held_peak: self.shared.preserved.peak(),
        }
    }

    /// Takes what a shard says.
    pub(super) fn take(&mut self, note: Note) {
        match note {
            Note::Cut(sizes) => {
                self.cut += 1;
                self.add_sizes(&sizes);
                if self.is_cut() {
                    self.keys_total = self.sizes.iter().flatten().map(|size| size.0).sum();
                    let facts = (self.facts)();
                    self.sinks.each(|sink| sink.begin(&facts));
                    self.drain();
                }
            }
            Note::GiveUp(why) => self.fail(io::ErrorKind::Other, &why),
            Note::Cancel(why) => self.fail(io::ErrorKind::Interrupted, &why),
            Note::Chunk(shard, chunk) => {
                self.waiting.push_back((shard, chunk));
                if self.is_cut() {
                    self.drain();
                }
            }
            Note::Done(shard) => self.done[shard] = true,
        }
    }

    fn fail(&mut self, kind: io::ErrorKind, why: &str) {
        self.sinks
            .each(|_| Err(io::Error::new(kind, why.to_owned())));
    }

    fn is_cut(&self) -> bool {
        self.cut == self.done.len()
    }

    /// How it ended, if it has; `nothing_left` says that no shard has said anything that was not taken.
    pub(super) fn result(&self, nothing_left: bool) -> Option<Result<(), String>> {
        if self.sinks.consumers.is_empty() {
            return Some(Err("nobody wants it any more".into()));
        }
        let is_done = self.is_cut() && self.done.iter().all(|done| *done);
        if !is_done || self.shared.preserved.has_open() || !nothing_left {
            return None;
        }
        match self.shared.preserved.has_lost() || !self.waiting.is_empty() {
            true => Some(Err("a value was lost".into())),
            false => Some(Ok(())),
        }
    }

    /// Tells shards that it is over, and sinks how it went.
    pub(super) fn finish(mut self, result: Result<(), String>) -> Results {
        // From here on nothing has to be preserved; whatever is still on its way is nobody's.
        self.shared.preserved.end();
        self.waiting.clear();
        match result {
            Ok(()) => {
                let version = self.version;
                self.sinks.each(|sink| sink.finish(version));
            }
            Err(error) => self.fail(io::ErrorKind::Other, &error),
        }
        let Sinks {
            consumers,
            mut told,
        } = self.sinks;
        told.extend(consumers.into_iter().map(|it| (it.done, Ok(()))));
        told
    }

    /// Writes what can be.
    fn drain(&mut self) {
        while let Some(at) = {
            let open = self.open;
            let mut waiting = self.waiting.iter();
            waiting.position(|(_, chunk)| chunk.begins_in == open)
        } {
            let Some((shard, chunk)) = self.waiting.remove(at) else {
                return;
            };
            let bytes = chunk.bytes() as u64;
            self.put(chunk);
            self.shared.in_flight[shard].fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    fn add_sizes(&mut self, sizes: &[(u64, u64)]) {
        if self.sizes.len() < sizes.len() {
            self.sizes.resize(sizes.len(), Some((0, 0)));
        }
        for (sum, (keys, expires)) in self.sizes.iter_mut().zip(sizes) {
            if let Some(sum) = sum {
                *sum = (sum.0 + keys, sum.1 + expires);
            }
        }
    }

    fn put(&mut self, chunk: Chunk) {
        let mut out = Vec::new();
        let db = chunk.db.index();
        if self.db != Some(db) && chunk.begins_in.is_none() {
            self.db = Some(db);
            pieces::select(&mut out, db as u32);
            if let Some((keys, expires)) = self.sizes.get_mut(db).and_then(Option::take) {
                pieces::resize(&mut out, keys, expires);
            }
        }
        self.version = self.version.max(chunk.version);
        self.open = chunk.ends_in;
        for piece in &chunk.pieces {
            match piece {
                Piece::Bytes(bytes) => {
                    self.write(&out);
                    out.clear();
                    self.write(bytes);
                }
                Piece::Text(text) => write_string(&mut out, text, self.compress),
            }
        }
        self.write(&out);
        self.write(&chunk.bytes);
    }

    fn write(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.sinks.each(|sink| sink.write(bytes));
        }
    }
}

/// The sinks that have not failed, and how it went with the others.
struct Sinks {
    consumers: Vec<Consumer>,
    told: Results,
}

impl Sinks {
    /// Does something with all sinks; those that fail are gone afterwards.
    fn each(&mut self, mut step: impl FnMut(&mut dyn SnapshotSink) -> io::Result<()>) {
        let mut at = 0;
        while let Some(consumer) = self.consumers.get_mut(at) {
            match step(&mut *consumer.sink) {
                Ok(()) => at += 1,
                Err(error) => {
                    let mut consumer = self.consumers.remove(at);
                    consumer.sink.abort();
                    self.told.push((consumer.done, Err(error)));
                }
            }
        }
    }
}
