//! Credits: how many more frames a home may have under way at each owner.
//!
//! A home takes a credit before it pushes and gets it back with the completion. With at most Q
//! frames outstanding per (home, owner) and room for N x Q in each inbox, a push finds its cell
//! free without asking: that is what lets `Inbox::push` neither fail nor wait for room. Without
//! credit a connection is not parsed further; nothing else stops. A fence takes all its credits
//! before its first latch, all or none.
//!
//! Plain integers: only the home counts.

use crate::base::ShardId;

/// One home's credits at every owner.
#[derive(Debug)]
pub struct Credits {
    quota: u32,
    left: Box<[u32]>,
}

impl Credits {
    /// `quota` frames for each of `shards` owners.
    pub fn new(shards: usize, quota: u32) -> Credits {
        assert!(quota > 0, "a home without credits could never push");
        Credits {
            quota,
            left: vec![quota; shards].into_boxed_slice(),
        }
    }

    /// Takes one credit at `owner`; false if there is none.
    pub fn take(&mut self, owner: ShardId) -> bool {
        let left = &mut self.left[owner.index()];
        let taken = *left > 0;
        *left -= u32::from(taken);
        taken
    }

    /// Takes one credit at each of `owners` (without repeats), or none at all.
    pub fn take_each(&mut self, owners: &[ShardId]) -> bool {
        let enough = owners.iter().all(|owner| self.left[owner.index()] > 0);
        if enough {
            for owner in owners {
                self.left[owner.index()] -= 1;
            }
        }
        enough
    }

    /// Gives back one credit of a completed frame.
    pub fn give(&mut self, owner: ShardId) {
        let left = &mut self.left[owner.index()];
        assert!(*left < self.quota, "more completions than frames");
        *left += 1;
    }

    /// Credits left at `owner`.
    pub fn left(&self, owner: ShardId) -> u32 {
        self.left[owner.index()]
    }

    /// Frames under way at all owners together.
    pub fn outstanding(&self) -> u32 {
        self.left.iter().map(|left| self.quota - left).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_takes_all_its_credits_or_none() {
        let (a, b) = (ShardId(0), ShardId(1));
        let mut credits = Credits::new(2, 2);
        assert!(credits.take_each(&[a, b]) && credits.take(b) && !credits.take(b));
        assert!(!credits.take_each(&[a, b]));
        assert_eq!(
            (credits.left(a), credits.left(b), credits.outstanding()),
            (1, 0, 3)
        );
        credits.give(b);
        assert!(credits.take_each(&[a, b]));
    }
}
