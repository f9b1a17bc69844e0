//! The least of many numbers that change one at a time: which slot has the next key to expire.
//!
//! A tree of minima with sixteen children a node, in flat levels. Lowering a number stops at the first level where it is
//! no new minimum, usually the first; raising one recomputes a node of two cache lines a level. Four levels cover all
//! slots.
//!
//! A timer wheel was the other candidate. It needs an entry per (slot, due time) and copes with times that move by
//! leaving stale entries behind; here there is exactly one number a slot, the minimum is exact at all times, and the
//! next deadline is one load.

/// Stands for "never".
pub(super) const NEVER: i64 = i64::MAX;

const FAN_OUT: usize = 16;

/// Numbers 0 to n, each a time or `NEVER`.
pub(super) struct DueTree {
    /// The numbers themselves first, then minima of 16 each, up to a single one. Padded with `NEVER`.
    levels: Vec<Vec<i64>>,
}

/// How long the levels of a tree of `len` numbers are, from the numbers themselves to the single minimum.
fn level_lengths(len: usize) -> impl Iterator<Item = usize> {
    let numbers = std::iter::successors(Some(len.max(1)), |&len| {
        (len > 1).then(|| len.div_ceil(FAN_OUT))
    });
    numbers.map(|len| match len {
        1 => 1,
        _ => len.next_multiple_of(FAN_OUT),
    })
}

impl DueTree {
    /// `len` numbers, all `NEVER`.
    pub(super) fn new(len: usize) -> DueTree {
        let levels = level_lengths(len).map(|len| vec![NEVER; len]);
        DueTree {
            levels: levels.collect(),
        }
    }

    /// Bytes that a tree of `len` numbers holds.
    pub(super) fn bytes_of(len: usize) -> usize {
        level_lengths(len).map(|len| len * 8).sum()
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.len() * 8).sum()
    }

    /// The least number.
    #[inline]
    pub(super) fn min(&self) -> i64 {
        self.levels[self.levels.len() - 1][0]
    }

    /// The number at `at`.
    #[inline]
    pub(super) fn get(&self, at: usize) -> i64 {
        self.levels[0][at]
    }

    /// Makes the number at `at` at most `due`.
    #[inline]
    pub(super) fn lower(&mut self, at: usize, due: i64) {
        let mut at = at;
        for level in &mut self.levels {
            if level[at] <= due {
                return;
            }
            level[at] = due;
            at /= FAN_OUT;
        }
    }

    /// Sets the number at `at`.
    pub(super) fn set(&mut self, at: usize, due: i64) {
        let (mut at, mut due) = (at, due);
        for level in 0..self.levels.len() {
            if self.levels[level][at] == due {
                return;
            }
            self.levels[level][at] = due;
            let first = at / FAN_OUT * FAN_OUT;
            let end = (first + FAN_OUT).min(self.levels[level].len());
            due = self.levels[level][first..end]
                .iter()
                .copied()
                .min()
                .unwrap_or(NEVER);
            at /= FAN_OUT;
        }
    }

    /// Some place whose number is at most `now`.
    pub(super) fn find_due(&self, now: i64) -> Option<usize> {
        if self.min() > now || self.min() == NEVER {
            return None;
        }
        let mut at = 0;
        for level in self.levels.iter().rev().skip(1) {
            let children = &level[at * FAN_OUT..][..FAN_OUT];
            // A child is due, since its parent is the minimum.
            at = at * FAN_OUT + children.iter().position(|&due| due <= now)?;
        }
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn the_minimum_is_exact_after_every_change() {
        let mut rng = Rng::new(1);
        for len in [1, 2, 16, 17, 300, 5000] {
            let mut tree = DueTree::new(len);
            let mut plain = vec![NEVER; len];
            for _ in 0..if cfg!(miri) { 30 } else { 2000 } {
                let at = rng.index(len);
                let due = if rng.chance(1, 4) {
                    NEVER
                } else {
                    rng.below(1000) as i64
                };
                if rng.chance(1, 2) {
                    tree.set(at, due);
                    plain[at] = due;
                } else {
                    tree.lower(at, due);
                    plain[at] = plain[at].min(due);
                }
                let min = *plain.iter().min().unwrap();
                assert_eq!((tree.min(), tree.get(at)), (min, plain[at]));
                let now = rng.below(1000) as i64;
                match tree.find_due(now) {
                    Some(found) => assert!(plain[found] <= now),
                    None => assert!(min > now),
                }
            }
        }
    }
}
