//! Writing a large value down in slices while it changes.
//!
//! A snapshot has a value as it was at the cut, and cannot stop for as long as a million elements take. So the value itself
//! remembers how far it was written ([`Walking`]), and its mutators note what they are about to change ahead of that: an
//! element's old form, once. What was noted is passed over by the walk and written at its end in its old form; what is new
//! is not written at all. A value that moves to another key or shard takes that with it.
//!
//! A mutator of a value that is not being walked pays one comparison.

use std::collections::hash_map::IntoIter;
use std::sync::Arc;

use crate::base::{DbIndex, Holding, Map, Preserved};
use crate::structure::{HashKey, MemberHasher};
use crate::types::pieces::{Part, Pieces, items_part};

/// What a value has while it is being walked, and otherwise nothing. A copy of the value is not walked.
pub(super) struct Walking<T>(pub(super) Option<Box<T>>);

impl<T> Walking<T> {
    pub(super) const NOT: Walking<T> = Walking(None);
}

impl<T> Default for Walking<T> {
    fn default() -> Self {
        Walking(None)
    }
}

impl<T> Clone for Walking<T> {
    fn clone(&self) -> Self {
        Walking(None)
    }
}

impl<T> std::fmt::Debug for Walking<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "walked" } else { "-" })
    }
}

/// A walk over a value: what it knows of it, and how far it is.
pub(super) struct Walk<S> {
    pub(super) label: Box<Label>,
    pub(super) stage: S,
}

/// A value that can be written down in slices, at least in some of its forms.
pub(super) trait Sliced {
    /// How far a walk is, and what was changed ahead of it. The default is the beginning.
    type Stage: Default + Send + 'static;

    /// What a walk has gathered that is not gone on with, to be freed in pieces.
    fn parts_of(stage: Self::Stage) -> Vec<Part>;

    /// Where its walk is kept, if it has a form that can be walked.
    fn walking(&mut self) -> Option<&mut Walking<Walk<Self::Stage>>>;

    /// Begins a walk over what there is now.
    fn begin_walk(&mut self, label: Box<Label>) {
        if let Some(walking) = self.walking() {
            let stage = Self::Stage::default();
            walking.0 = Some(Box::new(Walk { label, stage }));
        }
    }

    /// The walk that was begun.
    fn walk_label(&mut self) -> Option<&mut Label> {
        let walk = self.walking()?.0.as_mut()?;
        Some(&mut *walk.label)
    }

    /// Ends it wherever it is.
    fn end_walk(&mut self) -> Option<Pieces> {
        let walk = self.walking()?.0.take()?;
        Pieces::of(Self::parts_of(walk.stage))
    }
}

/// What a walk knows of the value it is at, as of the cut.
#[derive(Debug)]
pub struct Label {
    /// The database it was in.
    pub db: DbIndex,
    /// A number no other value of the snapshot has.
    pub record: u64,
    /// What stands around its elements.
    pub frame: Frame,
    /// How often a shard began or went on writing it.
    pub stays: u32,
    /// What is kept of it.
    pub(super) holding: Holding,
    finished: bool,
}

/// What the record of a large value is, beside its elements.
#[derive(Debug, Default)]
pub struct Frame {
    /// Its type.
    pub kind: u8,
    /// What stands before the elements.
    pub head: Vec<u8>,
    /// What stands behind the first kind of them, where there are two.
    pub middle: Vec<u8>,
    /// What stands behind all of them.
    pub tail: Vec<u8>,
    /// Times of elements are counted from here, if they have any.
    pub times_from: Option<i64>,
    /// What a reader must know.
    pub version: u16,
}

impl Label {
    /// Of a value about to be walked.
    pub fn new(db: DbIndex, frame: Frame, of: &Arc<Preserved>) -> Label {
        let record = of.open();
        let mut holding = Holding::new(of);
        holding.add(frame.head.len() + frame.middle.len() + frame.tail.len());
        Label {
            db,
            record,
            frame,
            stays: 0,
            holding,
            finished: false,
        }
    }

    /// The value itself, of so many bytes, is kept only for it.
    pub fn hold(&mut self, bytes: usize) {
        self.holding.add_value(bytes);
    }

    /// Says that all of it was written.
    pub fn finish(mut self) {
        self.finished = true;
    }

    /// Whether nobody wants it any more.
    pub(super) fn is_over(&self) -> bool {
        self.holding.of().is_over()
    }
}

impl Drop for Label {
    fn drop(&mut self) {
        self.holding.of().close(!self.finished);
    }
}

/// How far a step got.
#[derive(Debug)]
pub enum Walked {
    /// There is more.
    Partly,
    /// That was the last of it; what it has kept to the end, if it is to be freed in pieces.
    Wholly(Box<Label>, Option<Pieces>),
}

/// What a noted element costs beside its bytes, about.
pub(super) const NOTE_BYTES: usize = 64;

/// Elements by name, as they were. Many small maps, since a large one would move all it holds whenever it grows.
pub(super) struct Noted<V> {
    /// By some bits of the hash; none before the first element.
    parts: Vec<Map<Box<[u8]>, V>>,
    /// The part that is being taken out.
    going: Option<IntoIter<Box<[u8]>, V>>,
}

/// Notes that are freed in one piece: each has two allocations.
const NOTES_A_PIECE: usize = 16;

/// Parts of a [`Noted`]. With a million elements each holds a thousand.
const NOTED_PARTS: usize = 1024;

impl<V> Default for Noted<V> {
    fn default() -> Self {
        Noted {
            parts: Vec::new(),
            going: None,
        }
    }
}

impl<V> Noted<V> {
    fn part(name: &[u8]) -> usize {
        // Other bits than those that order a walk, which would fill one part after the other.
        (MemberHasher.hash(name) % NOTED_PARTS as u64) as usize
    }

    /// Whether this one was noted.
    #[inline]
    pub(super) fn contains(&self, name: &[u8]) -> bool {
        !self.parts.is_empty() && self.parts[Self::part(name)].contains_key(name)
    }

    /// Notes one that was not.
    pub(super) fn insert(&mut self, name: &[u8], old: V) {
        if self.parts.is_empty() {
            self.parts.resize_with(NOTED_PARTS, Map::default);
        }
        self.parts[Self::part(name)].insert(name.into(), old);
    }

    /// What is left, to be freed in pieces.
    pub(super) fn into_part(self) -> Part
    where
        V: Send + 'static,
    {
        let going = self.going.into_iter().flatten();
        items_part::<NOTES_A_PIECE>(going.chain(self.parts.into_iter().flatten()))
    }

    /// Takes up to `count` out; false when there are no more.
    pub(super) fn take(&mut self, count: usize, mut visit: impl FnMut(&[u8], V)) -> bool {
        for _ in 0..count {
            loop {
                if let Some((name, old)) = self.going.as_mut().and_then(Iterator::next) {
                    visit(&name, old);
                    break;
                }
                match self.parts.pop() {
                    Some(part) => self.going = Some(part.into_iter()),
                    None => return false,
                }
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn what_was_noted_is_found_and_taken_out_once() {
        let mut noted = Noted::default();
        assert!(!noted.contains(b"0") && !noted.take(1, |_, _: u32| panic!("nothing was noted")));
        for n in 0..5000_u32 {
            noted.insert(n.to_string().as_bytes(), n);
        }
        assert!(noted.contains(b"4999") && !noted.contains(b"5000"));
        let mut taken = BTreeMap::new();
        loop {
            let before = taken.len();
            let more = noted.take(64, |name, n| {
                assert_eq!(name, n.to_string().as_bytes());
                assert_eq!(taken.insert(n, ()), None);
            });
            assert!(taken.len() - before <= 64);
            if !more {
                break;
            }
        }
        assert_eq!(taken.len(), 5000);
    }
}
