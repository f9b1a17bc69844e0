//! How the append-only file fares: written by its thread and by who orders rewrites, read by INFO.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// See the module.
#[derive(Debug)]
pub struct AofStats {
    /// It is on, or being turned on.
    pub is_on: AtomicBool,
    /// The mark of the log at which it was turned on last; 0 if it has been on since the start.
    pub turned_on_at: AtomicU64,
    /// The newest mark whose base is there. No flag that two threads set and clear: it may be turned off and on again
    /// while a base from before is put in its place.
    pub based_at: AtomicU64,
    /// A rewrite is under way.
    pub is_rewriting: AtomicBool,
    /// One is to begin when what is under way has ended.
    pub is_scheduled: AtomicBool,
    /// Unix seconds when the rewrite under way began.
    pub rewrite_started: AtomicI64,
    /// Seconds the last one took; -1 when there was none.
    pub rewrite_seconds: AtomicI64,
    /// The last one succeeded, or there was none.
    pub rewrite_ok: AtomicBool,
    /// Rewrites begun.
    pub rewrites: AtomicU64,
    /// Failures since the last success.
    pub failures: AtomicU64,
    /// Bytes of all files, and what they were after the last rewrite or at start.
    pub current_size: AtomicU64,
    /// See `current_size`.
    pub base_size: AtomicU64,
    /// Bytes that were taken from the log and are not written.
    pub unwritten: AtomicU64,
    /// An fsync is under way.
    pub is_syncing: AtomicBool,
    /// Syncs that took so long that the next one was late.
    pub delayed: AtomicU64,
}

impl Default for AofStats {
    fn default() -> Self {
        AofStats {
            is_on: AtomicBool::new(false),
            turned_on_at: AtomicU64::new(0),
            based_at: AtomicU64::new(0),
            is_rewriting: AtomicBool::new(false),
            is_scheduled: AtomicBool::new(false),
            rewrite_started: AtomicI64::new(0),
            rewrite_seconds: AtomicI64::new(-1),
            rewrite_ok: AtomicBool::new(true),
            rewrites: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            current_size: AtomicU64::new(0),
            base_size: AtomicU64::new(0),
            unwritten: AtomicU64::new(0),
            is_syncing: AtomicBool::new(false),
            delayed: AtomicU64::new(0),
        }
    }
}

impl AofStats {
    /// Whether it was turned on and has no base yet.
    pub fn is_waiting(&self) -> bool {
        let begun = self.turned_on_at.load(Ordering::SeqCst);
        self.is_on.load(Ordering::SeqCst) && begun > self.based_at.load(Ordering::SeqCst)
    }
}
