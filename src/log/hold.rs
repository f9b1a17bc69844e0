//! When what a shard made may leave it: a reply, an executed frame.
//!
//! What it tells of must be in the log, which a fence's block may not be yet, and under `appendfsync always` on the disk.
//! It may tell of what this shard has changed, and of what frames that came home have *heard* of: what other shards had
//! appended when those left them. `conn/hold.rs` keeps what waits.

use super::stream::Log;
use super::tail::Tail;

/// Whether what leaves now, having heard of so much, tells of nothing that is not where it has to be.
#[inline]
pub fn may_leave(tail: &Tail, heard: u64, log: &Log) -> bool {
    tail.is_clear() && (!log.gates() || log.durable() >= tail.position().max(heard))
}

/// What everything that was made up to some point waits for.
#[derive(Debug)]
pub struct Hold {
    /// What the shard had queued for the log then.
    point: u64,
    /// What frames that had come home could tell of.
    heard: u64,
    /// What must be on the disk; known when the log has passed the point.
    need: Option<u64>,
}

impl Hold {
    /// For what there is now.
    pub fn new(tail: &Tail, heard: u64) -> Hold {
        Hold {
            point: tail.point(),
            heard,
            need: None,
        }
    }

    /// Whether what it tells of is in the log. That is enough for frames: who takes them waits for the disk.
    pub fn is_in_log(&self, tail: &Tail) -> bool {
        tail.has_passed(self.point)
    }

    /// What must be on the disk before a reply may leave, once that is known.
    pub fn need(&mut self, tail: &Tail) -> Option<u64> {
        if self.need.is_none() && self.is_in_log(tail) {
            self.need = Some(self.heard.max(tail.position()));
        }
        self.need
    }

    /// Whether all may leave, as far as [`Hold::need`] has found out.
    pub fn is_over(&self, tail: &Tail, log: &Log) -> bool {
        let is_durable = || self.need.is_some_and(|need| log.durable() >= need);
        self.is_in_log(tail) && (!log.gates() || is_durable())
    }
}
