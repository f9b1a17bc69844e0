//! A shard's end of the log: what it has changed and not appended yet.

use super::batch::Batch;
use super::contribution::{Arrived, Contribution};
use super::stream::Log;
use crate::base::slot::ShardId;
use crate::command::effects::Effects;
use std::collections::VecDeque;
use std::sync::Arc;

enum Piece {
    Own(Batch),
    Part(Arc<Contribution>, Batch),
}

/// See the module.
pub struct Tail {
    shard: ShardId,
    queue: VecDeque<Piece>,
    /// The block that is to come next, to which this shard has contributed.
    awaits: Option<Arc<Contribution>>,
    /// Pieces queued and pieces appended, ever.
    queued: u64,
    passed: u64,
    position: u64,
    spare: Option<Batch>,
}

impl Tail {
    /// Of this shard.
    pub fn new(shard: ShardId) -> Tail {
        Tail {
            shard,
            queue: VecDeque::new(),
            awaits: None,
            queued: 0,
            passed: 0,
            position: 0,
            spare: None,
        }
    }

    /// Appends what the shard has changed, or queues it behind what waits. `seconds` is the time.
    pub fn append(&mut self, queue: &mut Effects, log: &Log, seconds: i64) {
        if queue.is_empty() {
            return;
        }
        if self.is_clear() {
            self.position = log.append(queue.bytes(), queue.records(), seconds);
            return queue.clear();
        }
        let mut batch = self.spare.take().unwrap_or_default();
        batch.refill(queue);
        self.queue.push_back(Piece::Own(batch));
        self.queued += 1;
    }

    /// A part of a fence was executed; `part` is what it changed.
    pub fn contribute(&mut self, to: Arc<Contribution>, part: Batch) {
        self.queue.push_back(Piece::Part(to, part));
        self.queued += 1;
    }

    /// Appends what can be appended. Calls `wake` for other shards that waited for a block which this one completed.
    pub fn advance(&mut self, log: &Log, seconds: i64, mut wake: impl FnMut(ShardId)) {
        loop {
            if let Some(contribution) = &self.awaits {
                if !contribution.is_complete() {
                    return;
                }
                self.position = contribution.position();
                self.awaits = None;
                self.passed += 1;
            }
            match self.queue.pop_front() {
                None => return,
                Some(Piece::Own(batch)) => {
                    self.position = log.append(batch.bytes(), batch.effects(), seconds);
                    self.passed += 1;
                    self.spare = Some(batch);
                }
                Some(Piece::Part(contribution, part)) => {
                    match contribution.arrive(self.shard, part, log, seconds) {
                        Arrived::Waits => self.awaits = Some(contribution),
                        Arrived::Complete(position, waiting) => {
                            self.position = position;
                            self.passed += 1;
                            waiting.into_iter().for_each(&mut wake);
                        }
                    }
                }
            }
        }
    }

    /// Whether all that was queued is in the log.
    #[inline]
    pub fn is_clear(&self) -> bool {
        self.passed == self.queued
    }

    /// Whether a block that this shard waits for has become complete.
    pub fn can_advance(&self) -> bool {
        match &self.awaits {
            Some(contribution) => contribution.is_complete(),
            None => !self.queue.is_empty(),
        }
    }

    /// Pieces queued so far: a name for this point, see [`Tail::has_passed`].
    pub fn point(&self) -> u64 {
        self.queued
    }

    /// Whether everything before that point is in the log.
    pub fn has_passed(&self, point: u64) -> bool {
        self.passed >= point
    }

    /// Whose it is.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Position behind the last of this shard's effects in the log.
    #[inline]
    pub fn position(&self) -> u64 {
        self.position
    }
}
