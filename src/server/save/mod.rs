//! Snapshots: one cut over all shards, one walk, any number of sinks.
//!
//! ```text
//! Running::begin_snapshot(plan) -> what every core runs at one point of the common order (`Saving::cut`, or
//!                                  `Mail::Everywhere`); on each core, in this order:
//!     1. plan.at_cut(core)    the ordered log marks its position: this shard's effects so far are before the mark
//!     2. the shard's walk begins: what changes from here on is preserved first
//! then, on a thread of its own ("save"), for each consumer of the plan:
//!     sink.begin(facts)  sink.write(bytes)..  sink.finish(version)  done(Ok)       or at any time: sink.abort()  done(Err)
//! ```
//!
//! One snapshot is taken at a time: a second is refused while one is under way ([`CommandError::SAVE_IN_PROGRESS`]).
//! Several consumers share a walk by being in one plan. A sink that fails goes, and the others go on; with the last the
//! walk ends. What sinks are written is the body of an RDB file, whole records with the databases they belong to; header
//! and trailer are theirs, as they differ.
//!
//! A sink may wait for its disk or its socket as long as it likes: bytes in flight are bounded, and beyond the bound the
//! walk waits, not the clients.

mod file;
mod scribe;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use file::{BaseOf, RdbFile};

use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

use self::scribe::{Note, RdbScribe, Shared};
use self::writer::Writer;
use crate::base::slot::DbIndex;
use crate::command::ctx::{Core, OnCore, Server};
use crate::config::Config;
use crate::ring::Clock;

/// What else happens on each core at the cut, before anything of a later command is executed there.
pub(super) type AtCut = Arc<dyn Fn(&mut dyn Core) + Send + Sync>;

/// Hears on the save thread how a consumer fared, when the walk has ended: another can begin.
pub(super) type Told = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Where the bytes of a snapshot go. All of it runs on the save thread.
pub(super) trait SnapshotSink: Send {
    /// The cut is made; nothing has been written yet.
    fn begin(&mut self, facts: &Facts) -> io::Result<()>;
    /// The next bytes of the body.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// That was all. `version` is the one that a reader must know.
    fn finish(&mut self, version: u16) -> io::Result<()>;
    /// It comes to nothing: whatever is there is to be removed.
    fn abort(&mut self);
}

/// What is known at the cut.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Unix seconds.
    pub(super) seconds: i64,
    /// Bytes in use.
    pub(super) used_memory: u64,
    /// Code of the libraries of functions.
    pub(super) functions: Vec<Vec<u8>>,
}

/// One who wants a snapshot.
pub(super) struct Consumer {
    /// Gets it.
    pub(super) sink: Box<dyn SnapshotSink>,
    /// Hears how it went.
    pub(super) done: Told,
}

/// A snapshot to be taken.
pub(super) struct Plan {
    /// Who wants it.
    pub(super) consumers: Vec<Consumer>,
    /// The log's part in the cut.
    pub(super) at_cut: Option<AtCut>,
}

/// A snapshot under way.
#[derive(Clone)]
pub(super) struct UnderWay {
    shared: Arc<Shared>,
    notes: flume::Sender<Note>,
}

impl UnderWay {
    /// Ends it without a result, on purpose. The consumers hear of an interruption.
    pub(super) fn cancel(&self, why: &str) {
        self.shared.preserved.end();
        let _ = self.notes.send(Note::Cancel(why.to_owned()));
    }

    /// Ends it as if a disk had failed.
    pub(super) fn fail(&self, why: &str) {
        self.shared.preserved.end();
        let _ = self.notes.send(Note::GiveUp(why.to_owned()));
    }
}

/// Starts the save thread. What comes back makes the cut. `ended` is called when a next one can begin; then the consumers
/// hear how it went.
pub(super) fn begin(
    plan: Plan,
    server: &Arc<Server>,
    config: &Config,
    clock: Clock,
    ended: Box<dyn FnOnce() + Send>,
) -> io::Result<(OnCore, UnderWay)> {
    let Plan { consumers, at_cut } = plan;
    let (compress, policy) = (config.rdbcompression, config.maxmemory_policy);
    let (sender, notes) = flume::unbounded();
    let shards = server.slots.shards();
    let shared = Shared::new(shards, server.stored_memory());
    let (facts_of, scripts) = (Arc::clone(server), Arc::clone(&server.scripts));
    let libraries = Arc::new(OnceLock::new());
    let at_the_cut = Arc::clone(&libraries);
    let facts = Box::new(move || Facts {
        seconds: clock.wall_us() / 1_000_000,
        used_memory: facts_of.used_memory(),
        functions: at_the_cut.get().cloned().unwrap_or_default(),
    });
    let writer = Writer::new(&shared, consumers, compress, facts);
    let stats_of = Arc::clone(server);
    std::thread::Builder::new()
        .name("save".into())
        .spawn(move || {
            let told = writer.run(&notes, |progress| {
                let save = &stats_of.process.save;
                save.keys_total.store(progress.keys_total, Relaxed);
                save.keys_processed.store(progress.keys_processed, Relaxed);
                save.held.store(progress.held, Relaxed);
                save.held_peak.store(progress.held_peak, Relaxed);
            });
            // Who hears of the end may want the next one at once.
            ended();
            for (done, result) in told {
                done(result);
            }
        })?;
    let under_way = UnderWay {
        shared: Arc::clone(&shared),
        notes: sender.clone(),
    };
    let cut: OnCore = Arc::new(move |core| {
        if let Some(at_cut) = &at_cut {
            at_cut(core);
        }
        let (shard, now) = (core.shard().index(), core.now());
        if shard == 0 {
            // It is the one that changes them: what it changes from here on is in the log.
            let _ = libraries.set(scripts.functions().codes());
        }
        let scribe = RdbScribe::new(shard, &shared, &sender, compress, policy);
        let store = core.store();
        let sizes = (0..store.databases()).map(|db| {
            let (keys, expires) = store.counts(DbIndex(db as u32));
            (keys as u64, expires as u64)
        });
        let sizes = sizes.collect();
        let note = match store.begin_snapshot(Box::new(scribe), now) {
            true => Note::Cut(sizes),
            false => Note::GiveUp("too many saves failed in a row; try again later".into()),
        };
        let _ = sender.send(note);
        Box::new(())
    });
    Ok((cut, under_way))
}
