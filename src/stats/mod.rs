//! Counters of one core, readable by any thread, summed only when somebody asks (INFO).
//!
//! Each counter has one writer, the core it belongs to, so it is a relaxed load and store: the price of a plain
//! increment, no lock prefix. A reader on another core may see a value that is a few commands old; a command whose
//! reply has left is always counted, because counting happens before the reply is queued.
//!
//! Latency is kept in two forms: exact sums per command, and a log-linear histogram that is allocated on a command's
//! first use. Times are clock ticks (`ring::clock`) and are converted when they are read, not when they are taken.

mod aof;
mod disk;
mod histogram;
mod hotkeys;
mod slowlog;

pub use aof::AofStats;
pub use disk::DiskHealth;
pub use histogram::{Histogram, Totals};
pub use hotkeys::{Cost, HotKeys, HotKeysPlan};
pub use slowlog::{CommandLog, LatencyEvent, LatencyLog, SlowEntry, Slowlog};

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// How many classes of clients by size there are.
pub const CLIENT_CLASSES: usize = 19;

/// A counter with one writing thread and any number of readers.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`. Only the owning core may call this.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_add(n),
            Ordering::Relaxed,
        );
    }

    /// Subtracts `n`. Only the owning core may call this.
    #[inline]
    pub fn sub(&self, n: u64) {
        self.0.store(
            self.0.load(Ordering::Relaxed).wrapping_sub(n),
            Ordering::Relaxed,
        );
    }

    /// Overwrites the value. Only the owning core may call this.
    #[inline]
    pub fn set(&self, n: u64) {
        self.0.store(n, Ordering::Relaxed);
    }

    /// Raises the value to `n` if it is lower.
    #[inline]
    pub fn raise(&self, n: u64) {
        if n > self.get() {
            self.set(n);
        }
    }

    /// The value as last written.
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What is counted for one command (INFO commandstats, latencystats, LATENCY HISTOGRAM).
#[derive(Debug, Default)]
pub struct CommandCounters {
    /// Executions, successful or not.
    pub calls: Counter,
    /// Clock ticks spent executing.
    pub ticks: Counter,
    /// Refused before execution: arity, authentication, memory, state.
    pub rejected: Counter,
    /// Executed and answered with an error.
    pub failed: Counter,
    histogram: OnceLock<Box<Histogram>>,
}

impl CommandCounters {
    /// Records one execution of `ticks` clock ticks, `nanos` nanoseconds long.
    #[inline]
    pub fn record(&self, ticks: u64, nanos: Option<u64>) {
        self.calls.add(1);
        self.ticks.add(ticks);
        if let Some(nanos) = nanos {
            self.histogram
                .get_or_init(|| Box::new(Histogram::new()))
                .record(nanos);
        }
    }

    /// The distribution of execution times, if any was recorded.
    pub fn histogram(&self) -> Option<&Histogram> {
        self.histogram.get().map(AsRef::as_ref)
    }

    fn reset(&self) {
        self.calls.set(0);
        self.ticks.set(0);
        self.rejected.set(0);
        self.failed.set(0);
        if let Some(histogram) = self.histogram() {
            histogram.reset();
        }
    }
}

/// The counters of one core.
#[derive(Debug, Default)]
pub struct CoreStats {
    /// Commands executed for this core's clients.
    pub commands: Counter,
    /// Connections accepted.
    pub connections: Counter,
    /// Connections refused because of maxclients.
    pub rejected_connections: Counter,
    /// Connections refused by protected mode.
    pub protected_refusals: Counter,
    /// Bytes received and sent.
    pub input_bytes: Counter,
    /// Bytes sent to clients.
    pub output_bytes: Counter,
    /// Receive completions handled.
    pub reads: Counter,
    /// Sends queued.
    pub writes: Counter,
    /// Errors replied.
    pub errors: Counter,
    /// Failed AUTH and HELLO AUTH.
    pub auth_failures: Counter,
    /// Commands refused because the user may not run them.
    pub denied_commands: Counter,
    /// Commands refused because of one of their keys.
    pub denied_keys: Counter,
    /// Commands refused because of one of their channels.
    pub denied_channels: Counter,
    /// Clients disconnected because their query buffer passed its limit.
    pub query_limit_closes: Counter,
    /// Clients disconnected because their output buffer passed its limit.
    pub output_limit_closes: Counter,
    /// Clients connected now.
    pub clients: Counter,
    /// Clients blocked in a blocking command now.
    pub blocked_clients: Counter,
    /// Those of them whose time runs out.
    pub deadlines: Counter,
    /// Clients with CLIENT TRACKING on.
    pub tracking_clients: Counter,
    /// Keys that clients who cache have read.
    pub tracked_keys: Counter,
    /// Pairs of such a key and a client.
    pub tracked_items: Counter,
    /// Prefixes that such clients listen to; the same on all cores.
    pub tracked_prefixes: Counter,
    /// Clients that watch keys.
    pub watching_clients: Counter,
    /// Subscriptions of this core's clients, of all kinds.
    pub listeners: Counter,
    /// Channels that this core's clients listen to.
    pub channels: Counter,
    /// Patterns that they listen to.
    pub patterns: Counter,
    /// Shard channels that they listen to.
    pub shard_channels: Counter,
    /// Clients with at least one subscription.
    pub pubsub_clients: Counter,
    /// Clients in MONITOR.
    pub monitors: Counter,
    /// Bytes of query buffers and output buffers held for clients.
    pub client_memory: Counter,
    /// What of it does not count against `maxmemory`: requests of clients that wait for us.
    pub client_uncounted: Counter,
    /// What of it is held for clients that may be evicted, by classes of size.
    pub client_classes: [Counter; CLIENT_CLASSES],
    /// Clients closed because all together held too much.
    pub evicted_clients: Counter,
    /// Turns of the loop.
    pub turns: Counter,
    /// Microseconds the loop spent working, not waiting.
    pub busy_us: Counter,
    /// Commands sent to another shard.
    pub hops: Counter,
    /// Ordered calls over several shards.
    pub fences: Counter,
    /// Times another core was woken.
    pub wakes: Counter,
    /// Largest query buffer and output buffer in the last seconds.
    pub biggest_input: Counter,
    /// Largest output buffer seen in the last seconds.
    pub biggest_output: Counter,
    /// Highest number of commands executed in one turn.
    pub most_commands_a_turn: Counter,
    /// Microseconds the longest turn took.
    pub longest_turn_us: Counter,
    /// Microseconds spent removing keys whose time had come, beside commands.
    pub expire_us: Counter,
    /// Microseconds spent on what is done a few times a second.
    pub cron_us: Counter,
    /// Microseconds spent on snapshots, beside commands.
    pub walk_us: Counter,
    /// Turns that held writes back because a snapshot held too much.
    pub throttles: Counter,
    per_command: OnceLock<Box<[CommandCounters]>>,
}

impl CoreStats {
    /// Counters for `commands` command ids.
    pub fn new(commands: usize) -> Self {
        let stats = CoreStats::default();
        stats
            .per_command
            .get_or_init(|| (0..commands).map(|_| CommandCounters::default()).collect());
        stats
    }

    /// The counters of the command with dense id `id`.
    #[inline]
    pub fn command(&self, id: u16) -> &CommandCounters {
        &self
            .per_command
            .get()
            .expect("CoreStats::new fills the table")[usize::from(id)]
    }

    /// What CONFIG RESETSTAT clears on this core. Only the owning core may call this.
    pub fn reset(&self) {
        for counter in [
            &self.commands,
            &self.connections,
            &self.rejected_connections,
            &self.input_bytes,
            &self.output_bytes,
            &self.reads,
            &self.writes,
            &self.errors,
            &self.auth_failures,
            &self.denied_commands,
            &self.denied_keys,
            &self.denied_channels,
            &self.query_limit_closes,
            &self.output_limit_closes,
            &self.evicted_clients,
            &self.most_commands_a_turn,
            &self.longest_turn_us,
            &self.expire_us,
            &self.cron_us,
        ] {
            counter.set(0);
        }
        for command in self.per_command.get().into_iter().flatten() {
            command.reset();
        }
    }
}

/// Figures of the whole process that have no owning core.
#[derive(Debug, Default)]
pub struct ProcessStats {
    /// Next client id.
    pub next_client_id: AtomicU64,
    /// Next slow log entry id.
    pub next_slow_id: AtomicU64,
    /// Numbers of the next entries in the logs of large requests and large replies.
    pub next_large_id: [AtomicU64; 2],
    /// Clients connected, all cores: the accepting core tests it against maxclients.
    pub clients: AtomicI64,
    /// Clients in MONITOR, all cores: a core looks here before it formats a line.
    pub monitors: AtomicI64,
    /// Resident set size in bytes, sampled by the control thread.
    pub rss: AtomicU64,
    /// Highest total of used memory seen by the control thread.
    pub peak_memory: AtomicU64,
    /// Used memory at start, before any client.
    pub startup_memory: AtomicU64,
    /// Commands a second, input and output bytes a second, sampled by the control thread.
    pub ops_per_second: AtomicU64,
    /// Input bytes a second.
    pub input_per_second: AtomicU64,
    /// Output bytes a second.
    pub output_per_second: AtomicU64,
    /// Turns of all loops a second.
    pub turns_per_second: AtomicU64,
    /// Microseconds of work a second, all cores.
    pub busy_us_per_second: AtomicU64,
    /// What is known of these rates is to be forgotten.
    pub forget_rates: AtomicBool,
    /// How often DEBUG CHANGE-REPL-ID was asked for.
    pub replid_changes: AtomicU64,
    /// How saving goes.
    pub save: SaveStats,
    /// How loading goes.
    pub load: LoadStats,
    /// How the append-only file fares.
    pub aof: AofStats,
    /// Unix seconds of the last successful save.
    pub last_save: AtomicI64,
    /// Changes of all shards, ever, as of the last successful save.
    pub saved_changes: AtomicU64,
    /// Values that wait to be freed by the reclaim thread.
    pub lazyfree_pending: AtomicU64,
    /// Values it has freed.
    pub lazyfreed: AtomicU64,
    /// Cores that were told to stop and accept no more commands.
    pub leaving: AtomicU64,
    /// Whether what is written down keeps up.
    pub disk: Arc<DiskHealth>,
    /// Snapshots begun, for whatever purpose.
    pub snapshots: AtomicU64,
    /// Connections to other servers that are kept for the next MIGRATE.
    pub migrate_sockets: AtomicU64,
    /// What is done a few times a second is not done (DEBUG PAUSE-CRON).
    pub is_cron_paused: AtomicBool,
}

impl ProcessStats {
    /// What CONFIG RESETSTAT clears.
    pub fn reset(&self) {
        for counter in [
            &self.lazyfreed,
            &self.snapshots,
            &self.save.saves,
            &self.aof.rewrites,
            &self.aof.delayed,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.forget_rates.store(true, Ordering::Relaxed);
    }
}

/// How reading a file goes, at start or when asked for.
#[derive(Debug, Default)]
pub struct LoadStats {
    /// One is being read, or some cores do not know yet that it is over.
    pub active: AtomicBool,
    /// What is in memory is not all of it. Clients come, and change something, as soon as it is, on some cores before
    /// `active` ends.
    pub partial: AtomicBool,
    /// Unix seconds when it began.
    pub started: AtomicI64,
    /// Bytes of all files to be read.
    pub total_bytes: AtomicU64,
    /// Bytes read so far.
    pub loaded_bytes: AtomicU64,
    /// Memory that the writer of the file used, as it says.
    pub rdb_used_memory: AtomicU64,
}

/// How saving to a file goes.
#[derive(Debug)]
pub struct SaveStats {
    /// One is under way.
    pub in_progress: AtomicBool,
    /// Unix seconds when it began.
    pub started: AtomicI64,
    /// The last one succeeded, or there was none.
    pub last_ok: AtomicBool,
    /// Seconds the last one took; -1 when there was none.
    pub last_seconds: AtomicI64,
    /// A snapshot is being taken, for whatever purpose.
    pub walking: AtomicBool,
    /// Keys of the one under way, or of the last.
    pub keys_total: AtomicU64,
    /// Those of them that were written down.
    pub keys_processed: AtomicU64,
    /// Bytes that it holds of what changed meanwhile.
    pub held: AtomicU64,
    /// The most it held.
    pub held_peak: AtomicU64,
    /// The most the last RDB file's held.
    pub last_held_peak: AtomicU64,
    /// Successful ones.
    pub saves: AtomicU64,
    /// Keys read at start.
    pub loaded: AtomicU64,
    /// Keys of the file whose time had come.
    pub load_expired: AtomicU64,
}

impl Default for SaveStats {
    fn default() -> Self {
        SaveStats {
            in_progress: AtomicBool::new(false),
            started: AtomicI64::new(0),
            last_ok: AtomicBool::new(true),
            last_seconds: AtomicI64::new(-1),
            walking: AtomicBool::new(false),
            keys_total: AtomicU64::new(0),
            keys_processed: AtomicU64::new(0),
            held: AtomicU64::new(0),
            held_peak: AtomicU64::new(0),
            last_held_peak: AtomicU64::new(0),
            saves: AtomicU64::new(0),
            loaded: AtomicU64::new(0),
            load_expired: AtomicU64::new(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_counts_calls_and_time_and_forgets_both_on_reset() {
        let stats = CoreStats::new(3);
        stats.command(2).record(100, Some(1_500));
        stats.command(2).record(50, None);
        assert_eq!(stats.command(2).calls.get(), 2);
        assert_eq!(stats.command(2).ticks.get(), 150);
        assert_eq!(stats.command(2).histogram().map(Histogram::count), Some(1));
        stats.reset();
        assert_eq!(stats.command(2).calls.get(), 0);
        assert_eq!(stats.command(2).histogram().map(Histogram::count), Some(0));
    }
}
