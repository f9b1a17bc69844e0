//! A set that is written down in slices.

use super::members::Members;
use super::{Form, Set};
use crate::structure::{HashKey, MemberHasher, ORDER_BITS};
use crate::types::pieces::Part;
use crate::types::walk::{NOTE_BYTES, Noted, Sliced, Walk, Walked, Walking};

/// How far a walk is, and what was changed ahead of it.
pub(super) type SetWalk = Walk<Stage>;

pub(in crate::types) enum Stage {
    /// In the table, from this position on. What was changed there is noted: whether it was a member.
    Table(u64, Noted<bool>),
    /// Through the table, at what was noted.
    Noted(Noted<bool>),
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::Table(0, Noted::default())
    }
}

impl SetWalk {
    /// Before a member is removed or added.
    #[cold]
    pub(super) fn note(&mut self, member: &[u8], was_member: bool) {
        let Stage::Table(next, noted) = &mut self.stage else {
            return;
        };
        let position = MemberHasher.hash(member) >> (64 - ORDER_BITS);
        if position < *next || self.label.is_over() || noted.contains(member) {
            return;
        }
        self.label.holding.add(member.len() + NOTE_BYTES);
        noted.insert(member, was_member);
    }

    /// Goes on by about `count`; false at the end.
    fn step(&mut self, table: &Members, count: usize, mut visit: impl FnMut(&[u8])) -> bool {
        match &mut self.stage {
            Stage::Table(next, noted) => {
                *next = table.scan(*next, count, |member| {
                    if !noted.contains(member) {
                        visit(member);
                    }
                });
                if *next == 0 {
                    self.stage = Stage::Noted(std::mem::take(noted));
                }
                true
            }
            Stage::Noted(noted) => noted.take(count, |member, was_member| {
                if was_member {
                    visit(member);
                }
            }),
        }
    }
}

impl Sliced for Set {
    type Stage = Stage;

    fn parts_of(stage: Stage) -> Vec<Part> {
        let (Stage::Table(_, noted) | Stage::Noted(noted)) = stage;
        vec![noted.into_part()]
    }

    fn walking(&mut self) -> Option<&mut Walking<SetWalk>> {
        match &mut self.form {
            Form::Table(table) => Some(&mut table.walk),
            Form::Ints(_) | Form::Pack(_) => None,
        }
    }
}

impl Set {
    /// Whether it is kept in a form that can be walked in slices.
    pub fn can_be_walked(&self) -> bool {
        matches!(self.form, Form::Table(_))
    }

    pub(super) fn is_walked(&self) -> bool {
        matches!(&self.form, Form::Table(table) if table.walk.0.is_some())
    }

    /// Visits about `count` members of those that were there when the walk began.
    pub fn walk(&mut self, count: usize, visit: impl FnMut(&[u8])) -> Option<Walked> {
        let Form::Table(table) = &mut self.form else {
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
