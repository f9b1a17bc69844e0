//! Effects of one shard that have to wait before they can be appended.

use crate::command::effects::{Effect, Effects};

/// Effects in the order in which they happened.
#[derive(Default, Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    effects: Vec<Effect>,
    /// Of each effect, the place of its command in a transaction over several shards. None at all if it does not matter.
    places: Vec<u32>,
}

impl Batch {
    /// What is queued, leaving the queue empty.
    pub fn take(queue: &mut Effects) -> Batch {
        let mut batch = Batch::default();
        batch.refill(queue);
        batch
    }

    /// As `take`; a transaction's commands have run one after the other, and when one had ended the queue was so long.
    /// `ends` says how long, and which place of the whole transaction the command has.
    pub fn take_placed(queue: &mut Effects, ends: impl Iterator<Item = (usize, u32)>) -> Batch {
        let mut batch = Batch::take(queue);
        for (end, place) in ends {
            let end = end.min(batch.effects.len());
            if end > batch.places.len() {
                batch.places.resize(end, place);
            }
        }
        batch
    }

    pub(super) fn refill(&mut self, queue: &mut Effects) {
        self.bytes.clear();
        self.places.clear();
        self.effects.clear();
        self.bytes.extend_from_slice(queue.bytes());
        self.effects.extend_from_slice(queue.records());
        queue.clear();
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn effects(&self) -> &[Effect] {
        &self.effects
    }

    /// What the append-only file is to have: place, effect and its bytes.
    pub(super) fn placed(&self) -> impl Iterator<Item = (u32, &Effect, &[u8])> {
        let all = self.effects.iter().enumerate();
        let all = all.filter(|(_, effect)| !effect.replicas_only);
        all.map(|(at, effect)| {
            // What came after the last command of all, if anything, stays behind it.
            let place = match self.places.is_empty() {
                true => 0,
                false => self.places.get(at).copied().unwrap_or(u32::MAX),
            };
            (place, effect, &self.bytes[effect.range.clone()])
        })
    }
}
