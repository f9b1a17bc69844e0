//! What can be united, intersected and subtracted: sorted sets, and sets, whose members all have the score 1.

use super::Result;
use crate::base::I64Buf;
use crate::keyspace::ValueRef;
use crate::resp::CommandError;
use crate::types::{Collection, Set, Zset};

/// An input.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Absent,
    Zset(&'a Zset),
    Set(&'a Set),
}

impl<'a> Source<'a> {
    /// What a key holds; an error if that has no members.
    pub(super) fn of(value: Option<ValueRef<'a>>) -> Result<Source<'a>> {
        match value {
            None => Ok(Source::Absent),
            Some(ValueRef::Collection(Collection::Zset(zset))) => Ok(Source::Zset(zset)),
            Some(ValueRef::Collection(Collection::Set(set))) => Ok(Source::Set(set)),
            Some(_) => Err(CommandError::WRONG_TYPE),
        }
    }

    /// How many members.
    pub(super) fn len(self) -> usize {
        match self {
            Source::Absent => 0,
            Source::Zset(zset) => zset.len(),
            Source::Set(set) => set.len(),
        }
    }

    /// The score of a member.
    pub(super) fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Absent => None,
            Source::Zset(zset) => zset.score(member),
            Source::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Visits all members.
    pub(super) fn for_each(self, mut visit: impl FnMut(&[u8], f64)) {
        match self {
            Source::Absent => {}
            Source::Zset(zset) => {
                for (member, score) in zset.iter() {
                    let mut buffer = I64Buf::new(0);
                    visit(member.text(&mut buffer), score);
                }
            }
            Source::Set(set) => set.for_each(|member| {
                let mut buffer = I64Buf::new(0);
                visit(member.text(&mut buffer), 1.0);
            }),
        }
    }

    /// Visits members until `visit` says `false`.
    pub(super) fn each_while(self, mut visit: impl FnMut(&[u8]) -> bool) {
        let mut buffer = I64Buf::new(0);
        match self {
            Source::Absent => {}
            Source::Zset(zset) => {
                for (member, _) in zset.iter() {
                    if !visit(member.text(&mut buffer)) {
                        return;
                    }
                }
            }
            Source::Set(set) => set.each_while(|member| visit(member.text(&mut buffer))),
        }
    }
}
