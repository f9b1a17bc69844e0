//! A sorted set that is written down in slices, from the highest score to the lowest.
//!
//! A member that changes its score changes its place, so every one that is touched during the walk is noted: with its old
//! score if the walk has not come to it, else as one that has been written.

use super::{Repr, Zset};
use crate::structure::{MemberHasher, ScoreTable};
use crate::types::pieces::Part;
use crate::types::walk::{NOTE_BYTES, Noted, Sliced, Walk, Walked, Walking};
use std::ops::{Deref, DerefMut, Range};

/// How far a walk is, and what was changed meanwhile.
pub(super) type ZsetWalk = Walk<Stage>;

pub(in crate::types) enum Stage {
    /// In the order, below the member that was last written.
    Table(Option<(f64, Box<[u8]>)>, Noted<Option<f64>>),
    /// Through it, at what was noted.
    Noted(Noted<Option<f64>>),
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::Table(None, Noted::default())
    }
}

impl ZsetWalk {
    /// Before a member is changed, removed or added.
    #[cold]
    pub(super) fn note(&mut self, member: &[u8], table: &ScoreTable<MemberHasher>) {
        let Stage::Table(last, noted) = &mut self.stage else {
            return;
        };
        if self.label.is_over() || noted.contains(member) {
            return;
        }
        let is_ahead = |score: &f64| match last {
            None => true,
            Some((last, name)) => score < last || (score == last && member < &**name),
        };
        let old = table.score(member).filter(is_ahead);
        self.label.holding.add(member.len() + NOTE_BYTES);
        noted.insert(member, old);
    }

    /// Goes on by about `count`; false at the end.
    fn step(
        &mut self,
        table: &ScoreTable<MemberHasher>,
        count: usize,
        mut visit: impl FnMut(&[u8], f64),
    ) -> bool {
        match &mut self.stage {
            Stage::Table(last, noted) => {
                let end = match last {
                    None => table.len(),
                    Some((last, name)) => table.position(|score, member| {
                        score < *last || (score == *last && member < &**name)
                    }),
                };
                let start = end.saturating_sub(count.max(1));
                for (member, score) in table.range(start..end).rev() {
                    if !noted.contains(member) {
                        visit(member, score);
                    }
                }
                if start == 0 {
                    self.stage = Stage::Noted(std::mem::take(noted));
                } else if let Some((member, score)) = table.get(start) {
                    *last = Some((score, member.into()));
                }
                true
            }
            Stage::Noted(noted) => noted.take(count, |member, score| {
                if let Some(score) = score {
                    visit(member, score);
                }
            }),
        }
    }
}

/// A large sorted set.
#[derive(Clone, Debug)]
pub(super) struct Large {
    table: ScoreTable<MemberHasher>,
    /// A snapshot's.
    walk: Walking<ZsetWalk>,
}

impl Deref for Large {
    type Target = ScoreTable<MemberHasher>;

    fn deref(&self) -> &Self::Target {
        &self.table
    }
}

impl DerefMut for Large {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.table
    }
}

impl Large {
    /// What has to be freed, in pieces.
    pub(super) fn into_part(self) -> Part {
        let mut members = self.table.into_remains();
        Box::new(std::iter::from_fn(move || {
            members.free_some().then_some(())
        }))
    }

    pub(super) fn new() -> Large {
        Large {
            table: ScoreTable::new(MemberHasher),
            walk: Walking::NOT,
        }
    }

    /// Before a member is changed, removed or added.
    #[inline]
    pub(super) fn note(&mut self, member: &[u8]) {
        if let Some(walk) = &mut self.walk.0 {
            walk.note(member, &self.table);
        }
    }

    /// Before the members of these ranks are removed.
    pub(super) fn note_ranks(&mut self, ranks: &Range<usize>) {
        if let Some(walk) = &mut self.walk.0 {
            let end = ranks.end.min(self.table.len());
            let doomed = self.table.range(ranks.start.min(end)..end);
            doomed.for_each(|(member, _)| walk.note(member, &self.table));
        }
    }
}

impl Sliced for Zset {
    type Stage = Stage;

    fn parts_of(stage: Stage) -> Vec<Part> {
        let (Stage::Table(_, noted) | Stage::Noted(noted)) = stage;
        vec![noted.into_part()]
    }

    fn walking(&mut self) -> Option<&mut Walking<ZsetWalk>> {
        match &mut self.repr {
            Repr::Large(table) => Some(&mut table.walk),
            Repr::Compact(_) => None,
        }
    }
}

impl Zset {
    /// Whether it is kept in a form that can be walked in slices.
    pub fn can_be_walked(&self) -> bool {
        matches!(self.repr, Repr::Large(_))
    }

    /// Visits about `count` members of those that were there when the walk began, with the scores they had.
    pub fn walk(&mut self, count: usize, visit: impl FnMut(&[u8], f64)) -> Option<Walked> {
        let Repr::Large(table) = &mut self.repr else {
            return None;
        };
        let mut walk = table.walk.0.take()?;
        if walk.step(table, count, visit) {
            table.walk.0 = Some(walk);
            return Some(Walked::Partly);
        }
        Some(Walked::Wholly(walk.label, None))
    }
}
