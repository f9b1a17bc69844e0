//! Snapshots: one cut over all shards, one walk, any number of sinks.
//!
//! ```text
//! Running::begin_snapshot(plan) -> what every core runs at one point of the common order (`Saving::cut`, or
//!                                  `Mail::Everywhere`); on each core, in this order:
//!     1. plan.at_cut(core)    the ordered log marks its position: this shard's effects so far are before the mark
//!     2. the shard's walk begins: what changes from here on is preserved first
//!     3. plan.and_hold        clients wait from here on: for a shutdown, which must not answer what is not in the file
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

pub(super) use file::{BaseOf, RdbFile};

use std::io;
use std::sync::Arc;

use crate::command::ctx::{Core, OnCore, Pause, Server};
use crate::command::persistence::part_of;
use crate::config::Config;
use crate::persist::rdb::{self, Part};
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
    /// Hold all clients from the cut on.
    pub(super) and_hold: bool,
}

/// What the save thread hears from shards.
struct Note {
    shard: usize,
    part: Part,
}

/// Starts the save thread. What comes back makes the cut; if it is dropped before all cores ran it, the consumers hear
/// of an error. `ended` is called when all of them have heard how it went.
pub(super) fn begin(
    plan: Plan,
    server: &Arc<Server>,
    config: &Config,
    clock: Clock,
    ended: Box<dyn FnOnce() + Send>,
) -> io::Result<OnCore> {
    let Plan {
        consumers,
        at_cut,
        and_hold,
    } = plan;
    let compress = config.rdbcompression;
    let (sender, notes) = flume::unbounded();
    let server = Arc::clone(server);
    std::thread::Builder::new()
        .name("save".into())
        .spawn(move || {
            let told = collect(consumers, &notes, &server, clock);
            // Who hears of the end may want the next one at once.
            ended();
            for (done, result) in told {
                done(result);
            }
        })?;
    Ok(Arc::new(move |core| {
        if let Some(at_cut) = &at_cut {
            at_cut(core);
        }
        let (shard, now) = (core.shard().index(), core.now());
        let part = part_of(core.store(), now, compress);
        if and_hold {
            core.pause(Some(Pause {
                until: crate::base::time::Millis(i64::MAX),
                all: true,
            }));
        }
        let _ = sender.send(Note { shard, part });
        Box::new(())
    }))
}

/// Waits for all shards, then writes what they have. Returns what is to be told to whom.
fn collect(
    consumers: Vec<Consumer>,
    notes: &flume::Receiver<Note>,
    server: &Server,
    clock: Clock,
) -> Vec<(Told, io::Result<()>)> {
    let mut sinks = Sinks {
        consumers,
        told: Vec::new(),
    };
    let mut parts: Vec<Note> = notes.iter().take(server.slots.shards()).collect();
    if parts.len() < server.slots.shards() {
        sinks.each(|_| Err(io::Error::other("a shard has gone")));
        return sinks.told;
    }
    parts.sort_by_key(|note| note.shard);
    let facts = Facts {
        seconds: clock.wall_us() / 1_000_000,
        used_memory: server.used_memory(),
        // All that a core had before its cut; what one has changed since is in the log as well.
        functions: server.scripts.functions().codes(),
    };
    let version = parts.iter().map(|note| note.part.version).max();
    let version = version.unwrap_or(0).max(rdb::VERSION_MIN);
    sinks.each(|sink| sink.begin(&facts));
    for note in &parts {
        sinks.each(|sink| sink.write(&note.part.bytes));
    }
    sinks.each(|sink| sink.finish(version));
    let mut told = sinks.told;
    let whole = sinks.consumers.into_iter();
    told.extend(whole.map(|consumer| (consumer.done, Ok(()))));
    told
}

/// The sinks that have not failed, and how it went with the others.
struct Sinks {
    consumers: Vec<Consumer>,
    told: Vec<(Told, io::Result<()>)>,
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
