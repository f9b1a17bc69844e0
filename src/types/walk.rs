//! Writing a large value down in slices while it changes.
//!
//! A snapshot has a value as it was at the cut, and cannot stop for as long as a million elements take. So the value itself
//! remembers how far it was written ([`Walking`]), and its mutators note what they are about to change ahead of that: an
//! element's old form, once. What was noted is passed over by the walk and written at its end in its old form; what is new
//! is not written at all. A value that moves to another key or shard takes that with it.
//!
//! A mutator of a value that is not being walked pays one comparison.

use std::sync::Arc;

use crate::base::{DbIndex, Holding, Preserved};

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
    type Stage: Default;

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
    fn end_walk(&mut self) {
        if let Some(walking) = self.walking() {
            walking.0 = None;
        }
    }
}

/// What a walk knows of the value it is at, as of the cut.
#[derive(Debug)]
pub struct Label {
    /// The database it was in.
    pub db: DbIndex,
    /// A number no other value of the snapshot has.
    pub record: u64,
    /// What is to be written before its elements.
    pub head: Vec<u8>,
    /// What is to be written behind them.
    pub tail: Vec<u8>,
    /// The version that a reader must know.
    pub version: u16,
    /// How often a shard began or went on writing it.
    pub stays: u32,
    /// Times of its elements are written as counted from here.
    pub times_from: Option<i64>,
    /// What is kept of it.
    pub(super) holding: Holding,
    finished: bool,
}

impl Label {
    /// Of a value about to be walked.
    pub fn new(
        db: DbIndex,
        head: Vec<u8>,
        tail: Vec<u8>,
        times_from: Option<i64>,
        version: u16,
        of: &Arc<Preserved>,
    ) -> Label {
        let record = of.open();
        let mut holding = Holding::new(of);
        holding.add(head.len() + tail.len());
        Label {
            db,
            record,
            version,
            stays: 0,
            head,
            tail,
            times_from,
            holding,
            finished: false,
        }
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
    /// That was the last of it.
    Wholly(Box<Label>),
}

/// What a noted element costs beside its bytes, about.
pub(super) const NOTE_BYTES: usize = 64;
