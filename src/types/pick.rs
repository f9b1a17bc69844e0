//! Picking at random, alike for all types: so many different ones, by drawing where few are wanted and by walking over
//! all where many are.

use crate::base::{Rng, Set};

/// A sample of less than this part of what can be drawn cheaply is drawn; for a larger one all of it is walked.
pub(super) const SPARSE_SAMPLE: usize = 3;

/// A walk over `left` of which `wanted` are taken: each in turn with the probability that leaves the right number in the
/// end.
pub(super) struct Selection {
    wanted: u64,
    left: u64,
}

impl Selection {
    pub(super) fn new(wanted: usize, of: usize) -> Selection {
        Selection {
            wanted: wanted as u64,
            left: of as u64,
        }
    }

    /// Whether the next one is taken.
    pub(super) fn takes(&mut self, rng: &mut Rng) -> bool {
        let takes = rng.chance(self.wanted, self.left);
        self.wanted -= u64::from(takes);
        self.left -= 1;
        takes
    }

    /// Nothing more is taken.
    pub(super) fn is_done(&self) -> bool {
        self.wanted == 0
    }
}

/// Draws until `count` different ones have come, told apart by the number that comes with each. They must be a small
/// part of all.
pub(super) fn distinct<T>(
    count: usize,
    mut draw: impl FnMut() -> Option<(usize, T)>,
    mut visit: impl FnMut(T),
) {
    let mut drawn = Set::default();
    while drawn.len() < count
        && let Some((number, it)) = draw()
    {
        if drawn.insert(number) {
            visit(it);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_takes_what_is_wanted() {
        let mut rng = Rng::new(5);
        let mut times = [0_u32; 10];
        for _ in 0..3000 {
            let mut selection = Selection::new(3, 10);
            let taken = times.iter_mut().filter(|_| selection.takes(&mut rng));
            assert_eq!(taken.map(|times| *times += 1).count(), 3);
            assert!(selection.is_done());
        }
        assert!(
            times.iter().all(|times| (750..1050).contains(times)),
            "{times:?}"
        );
    }
}
