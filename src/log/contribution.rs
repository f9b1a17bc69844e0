//! What the participants of one fence change, put together by the last of them.

use super::batch::Batch;
use super::stream::Log;
use crate::base::slot::ShardId;
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Shared by the parts of a fence that may change something. Used once.
#[derive(Debug)]
pub struct Contribution {
    state: Mutex<Gathered>,
    /// The block is in the log.
    is_complete: AtomicBool,
}

#[derive(Debug)]
struct Gathered {
    missing: usize,
    parts: Vec<(ShardId, Batch)>,
    waiting: Vec<ShardId>,
    position: u64,
    mark: Option<u64>,
}

/// What became of a contribution.
pub(super) enum Arrived {
    /// Others have not contributed yet.
    Waits,
    /// The block ends at this position. These shards waited for it.
    Complete(u64, Vec<ShardId>),
}

impl Contribution {
    /// For so many participants.
    pub fn new(participants: usize) -> Contribution {
        Contribution {
            state: Mutex::new(Gathered {
                missing: participants,
                parts: Vec::new(),
                waiting: Vec::new(),
                position: 0,
                mark: None,
            }),
            is_complete: AtomicBool::new(false),
        }
    }

    /// For a fence that changes nothing and marks a place in the log: consumers find `mark` where everything before
    /// the fence ends and everything behind it begins.
    pub fn marking(participants: usize, mark: u64) -> Contribution {
        let contribution = Contribution::new(participants);
        contribution.state.lock().mark = Some(mark);
        contribution
    }

    /// Whether the block is in the log.
    #[inline]
    pub fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }

    /// Where the block ends. Meaningful once it is complete.
    pub(super) fn position(&self) -> u64 {
        self.state.lock().position
    }

    /// A shard has appended all before its marker, and gives its part.
    pub(super) fn arrive(&self, shard: ShardId, part: Batch, log: &Log, seconds: i64) -> Arrived {
        let mut state = self.state.lock();
        debug_assert!(state.missing > 0, "more contributions than participants");
        state.missing = state.missing.saturating_sub(1);
        if !part.is_empty() {
            state.parts.push((shard, part));
        }
        if state.missing > 0 {
            state.waiting.push(shard);
            return Arrived::Waits;
        }
        let parts = std::mem::take(&mut state.parts);
        state.position = log.append_block(parts, state.mark, seconds);
        self.is_complete.store(true, Ordering::Release);
        Arrived::Complete(state.position, std::mem::take(&mut state.waiting))
    }
}
