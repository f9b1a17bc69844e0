#![expect(
    unsafe_code,
    reason = "hints lie behind the buckets in the same allocation"
)]
//! Lower bounds of expiry times, one a home.
//!
//! Four bytes say a time within 49 days after a base that the segment keeps. A time out of that range gets the nearest
//! earlier bound there is, so it is visited too early, and the base moved then. A bound is lowered at once and raised only
//! where all entries of the home have been looked at.

use std::ptr::NonNull;

use super::Segment;
use crate::structure::due::NEVER;

impl Segment<'_> {
    /// Where hints would be: after the buckets.
    pub(in crate::structure) fn hint_base(&self) -> NonNull<i64> {
        debug_assert!(self.geometry.has_hints());
        // SAFETY: hints lie inside the allocation, after the buckets.
        unsafe { self.lines.add(self.geometry.buckets()) }.cast()
    }

    pub(in crate::structure) fn hints(&self) -> Option<(i64, &[u32])> {
        if !self.geometry.has_hints() {
            return None;
        }
        let base = self.hint_base();
        // SAFETY: written by `allocate`; inside the allocation and aligned; borrowed like `self`.
        unsafe {
            let first = base.add(1).cast::<u32>();
            let hints = std::slice::from_raw_parts(first.as_ptr(), self.geometry.home as usize);
            Some((base.read(), hints))
        }
    }

    pub(in crate::structure) fn hints_mut(&mut self) -> Option<(&mut i64, &mut [u32])> {
        if !self.geometry.has_hints() {
            return None;
        }
        let mut base = self.hint_base();
        // SAFETY: as in `hints`, exclusively borrowed like `self`; base and hints do not overlap.
        unsafe {
            let first = base.add(1).cast::<u32>();
            let hints = std::slice::from_raw_parts_mut(first.as_ptr(), self.geometry.home as usize);
            Some((base.as_mut(), hints))
        }
    }

    /// Notes that an entry with this hash expires at `at`.
    #[inline]
    pub(in crate::structure) fn lower_hint(&mut self, hash: u64, at: i64) -> Hinted {
        if !self.word.is_volatile() {
            return Hinted::NeedsHints;
        }
        let home = self.home_of_hash(hash);
        if self.due_of(home) <= at {
            return Hinted::Covered;
        }
        self.lower_home(home, at);
        Hinted::Lowered
    }

    pub(in crate::structure) fn lower_home(&mut self, home: u32, at: i64) {
        let Some((base, hints)) = self.hints_mut() else {
            return;
        };
        if at < *base || at.abs_diff(*base) > u64::from(HINT_MAX) {
            if hints.iter().all(|&hint| hint == NO_HINT) {
                // The middle of the range: later times may be earlier ones.
                *base = at.saturating_sub(i64::from(HINT_MAX / 2));
            } else if at < *base {
                let by = base.abs_diff(at);
                for hint in hints.iter_mut().filter(|hint| **hint != NO_HINT) {
                    *hint = u64::from(*hint).saturating_add(by).min(u64::from(HINT_MAX)) as u32;
                }
                *base = at;
            }
        }
        let hint = &mut hints[home as usize];
        *hint = (*hint).min(at.abs_diff(*base).min(u64::from(HINT_MAX)) as u32);
    }

    /// The lower bound of a home's expiry times.
    pub(in crate::structure) fn due_of(&self, home: u32) -> i64 {
        match self.hints() {
            None => NEVER,
            Some((base, hints)) => due(base, hints[home as usize]),
        }
    }

    /// Sets the lower bound of a home to what it has been found to be, at the time `now`.
    pub(in crate::structure) fn settle(&mut self, home: u32, at: i64, now: i64) {
        let Some((base, hints)) = self.hints_mut() else {
            return;
        };
        hints[home as usize] = NO_HINT;
        if at == NEVER {
            return;
        }
        if *base < now && at.abs_diff(*base) > u64::from(HINT_MAX) {
            // Out of reach from `base`: it would be due again at once. What was due before `now` stays due.
            let by = base.abs_diff(now);
            for hint in hints.iter_mut().filter(|hint| **hint != NO_HINT) {
                *hint = u64::from(*hint).saturating_sub(by) as u32;
            }
            *base = now;
        }
        self.lower_home(home, at);
    }

    /// The least of the homes' lower bounds.
    pub(in crate::structure) fn due(&self) -> i64 {
        match self.hints() {
            None => NEVER,
            Some((base, hints)) => due(base, hints.iter().copied().min().unwrap_or(NO_HINT)),
        }
    }

    /// The first home whose bound is at or before `now`.
    pub(in crate::structure) fn due_home(&self, now: i64) -> Option<u32> {
        (0..self.geometry.home).find(|&home| self.due_of(home) <= now)
    }
}

/// What came of noting an expiry time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::structure) enum Hinted {
    /// There already was a bound at or before it.
    Covered,
    /// The home's bound is lower now.
    Lowered,
    /// The segment has to be rebuilt with hints first.
    NeedsHints,
}

pub(super) const NO_HINT: u32 = u32::MAX;

/// "At least 49 days after the base."
const HINT_MAX: u32 = u32::MAX - 1;

#[inline]
fn due(base: i64, hint: u32) -> i64 {
    if hint == NO_HINT {
        NEVER
    } else {
        base.saturating_add(i64::from(hint)).min(NEVER - 1)
    }
}
