//! A set that is written down in slices.

use super::members::Members;
use super::{Form, Set};
use crate::base::Map;
use crate::structure::{HashKey, MemberHasher, ORDER_BITS};
use crate::types::walk::{NOTE_BYTES, Sliced, Walk, Walked, Walking};
use std::collections::hash_map::IntoIter;

/// How far a walk is, and what was changed ahead of it.
pub(super) type SetWalk = Walk<Stage>;

pub(in crate::types) enum Stage {
    /// In the table, from this position on. What was changed there is noted: whether it was a member.
    Table(u64, Map<Box<[u8]>, bool>),
    /// Through the table, at what was noted.
    Noted(IntoIter<Box<[u8]>, bool>),
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::Table(0, Map::default())
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
        if position < *next || self.label.is_over() || noted.contains_key(member) {
            return;
        }
        self.label.holding.add(member.len() + NOTE_BYTES);
        noted.insert(member.into(), was_member);
    }

    /// Goes on by about `count`; false at the end.
    fn step(&mut self, table: &Members, count: usize, mut visit: impl FnMut(&[u8])) -> bool {
        match &mut self.stage {
            Stage::Table(next, noted) => {
                *next = table.scan(*next, count, |member| {
                    if noted.is_empty() || !noted.contains_key(member) {
                        visit(member);
                    }
                });
                if *next == 0 {
                    self.stage = Stage::Noted(std::mem::take(noted).into_iter());
                }
                return true;
            }
            Stage::Noted(noted) => {
                let some = noted.by_ref().take(count);
                some.filter(|(_, was_member)| *was_member)
                    .for_each(|(member, _)| visit(&member));
                if noted.len() > 0 {
                    return true;
                }
            }
        }
        false
    }
}

impl Sliced for Set {
    type Stage = Stage;

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
        Some(Walked::Wholly(walk.label))
    }
}
