//! VOTE: the participants of a fence agree before any of them acts.
//!
//! Each casts a number when it reaches its part; the outcome is the lowest. Yes is 1 and no is 0
//! (EXEC with WATCH: are my keys untouched? MSETNX: is none of mine there?); blocking commands cast
//! the index of their first key that has something, and only the shard with the lowest pops. All
//! but the last wait at the head of their inbox, so nothing comes between vote and act.
//!
//! Nothing is lower than 0: who casts it need not wait, and lets the others go on without waiting
//! for the rest. A late vote changes nothing then. Otherwise the outcome stands once all have
//! voted.
//!
//! Memory order: casting releases and acquires through the count, the gate releases to those who
//! wait.

use super::gate::{Gate, Patience};
use super::sync::{AtomicU32, Ordering};

/// One decision of a fixed number of participants. Used once.
#[derive(Debug)]
pub struct Vote {
    lowest: AtomicU32,
    /// Participants that have not voted.
    missing: AtomicU32,
    gate: Gate,
}

impl Vote {
    /// A vote of that many.
    pub fn new(participants: usize) -> Vote {
        assert!(participants > 0, "nobody could ever decide");
        Vote {
            lowest: AtomicU32::new(u32::MAX),
            missing: AtomicU32::new(participants as u32),
            gate: Gate::new(),
        }
    }

    /// Votes and waits for the outcome: whether all said yes.
    pub fn cast(&self, yes: bool, patience: Patience) -> bool {
        self.cast_min(u32::from(yes), patience) == 1
    }

    /// As [`Vote::cast`]; `besides` as for [`super::lend::Park::arrive_working`].
    pub fn cast_working(
        &self,
        yes: bool,
        patience: Patience,
        besides: &mut dyn FnMut() -> bool,
    ) -> bool {
        self.enter(u32::from(yes));
        self.gate.wait_working(patience, besides);
        self.lowest.load(Ordering::Relaxed) == 1
    }

    /// Votes and waits for the outcome: the lowest number cast. `u32::MAX` stands for "nothing
    /// here".
    pub fn cast_min(&self, value: u32, patience: Patience) -> u32 {
        self.enter(value);
        self.gate.wait(patience);
        self.lowest.load(Ordering::Relaxed)
    }

    /// Votes without waiting; `outcome` says when it is decided.
    pub fn enter(&self, value: u32) {
        self.lowest.fetch_min(value, Ordering::Relaxed);
        let missing = self.missing.fetch_sub(1, Ordering::AcqRel);
        assert!(missing > 0, "more votes than participants");
        if missing == 1 || value == 0 {
            self.gate.open();
        }
    }

    /// The lowest number cast, once that is certain.
    pub fn outcome(&self) -> Option<u32> {
        self.gate
            .is_open()
            .then(|| self.lowest.load(Ordering::Relaxed))
    }
}

#[cfg(all(test, not(model_check)))]
mod tests {
    use super::*;

    #[test]
    fn the_outcome_stands_once_all_have_voted() {
        let vote = Vote::new(3);
        vote.enter(1);
        vote.enter(1);
        assert_eq!(vote.outcome(), None);
        assert!(vote.cast(true, Patience::Sleep));
        assert_eq!(vote.outcome(), Some(1));
    }

    #[test]
    fn a_no_decides_at_once() {
        let vote = Vote::new(3);
        assert!(!vote.cast(false, Patience::Sleep));
        assert!(!vote.cast(true, Patience::SpinThenSleep));
        assert!(!vote.cast(true, Patience::Sleep));
    }

    #[test]
    fn the_lowest_index_wins_among_threads() {
        let vote = Vote::new(3);
        std::thread::scope(|scope| {
            for value in [7, 3, u32::MAX] {
                let vote = &vote;
                scope.spawn(move || assert_eq!(vote.cast_min(value, Patience::SpinThenSleep), 3));
            }
        });
    }
}
