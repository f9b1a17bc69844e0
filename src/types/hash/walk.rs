//! A hash that is written down in slices.

use super::table::Table;
use super::{Field, FieldText, Form, Hash};
use crate::structure::{HashKey, MemberHasher, ORDER_BITS};
use crate::types::pieces::Part;
use crate::types::walk::{NOTE_BYTES, Noted, Sliced, Walk, Walked, Walking};
use std::sync::Arc;

/// How far a walk is, and what was changed ahead of it.
pub(super) type HashWalk = Walk<Stage>;

pub(in crate::types) enum Stage {
    /// In the table, from this position on. What was changed there is noted: as it was, or that it was not there.
    Table(u64, Noted<Option<Old>>),
    /// Through the table, at what was noted.
    Noted(Noted<Option<Old>>),
}

impl Default for Stage {
    fn default() -> Stage {
        Stage::Table(0, Noted::default())
    }
}

/// A field as it was.
pub(in crate::types) struct Old {
    value: OldText,
    expiry: Option<i64>,
}

pub(in crate::types) enum OldText {
    Bytes(Box<[u8]>),
    Shared(Arc<Vec<u8>>),
}

impl HashWalk {
    /// Before a field is changed, removed or added.
    #[cold]
    pub(super) fn note(&mut self, name: &[u8], table: &Table) {
        self.note_as(name, || table.field(name));
    }

    pub(super) fn note_as<'f>(&mut self, name: &[u8], find: impl FnOnce() -> Option<Field<'f>>) {
        let Stage::Table(next, noted) = &mut self.stage else {
            return;
        };
        let position = MemberHasher.hash(name) >> (64 - ORDER_BITS);
        if position < *next || self.label.is_over() || noted.contains(name) {
            return;
        }
        let old = find().map(|field| Old {
            value: match field.value {
                FieldText::Shared(shared) => OldText::Shared(Arc::clone(shared)),
                text => OldText::Bytes(text.to_vec().into()),
            },
            expiry: field.expiry,
        });
        let bytes = old.as_ref().map_or(0, |old| match &old.value {
            OldText::Bytes(bytes) => bytes.len(),
            OldText::Shared(bytes) => bytes.len(),
        });
        self.label.holding.add(name.len() + bytes + NOTE_BYTES);
        noted.insert(name, old);
    }

    /// Goes on by about `count`; false at the end.
    fn step(&mut self, table: &Table, count: usize, mut visit: impl FnMut(Field<'_>)) -> bool {
        match &mut self.stage {
            Stage::Table(next, noted) => {
                *next = table.scan(*next, count, |field| {
                    let is_noted = match field.name {
                        FieldText::Bytes(name) => noted.contains(name),
                        _ => false,
                    };
                    if !is_noted {
                        visit(field);
                    }
                });
                if *next == 0 {
                    self.stage = Stage::Noted(std::mem::take(noted));
                }
                true
            }
            Stage::Noted(noted) => noted.take(count, |name, old| {
                let Some(old) = old else { return };
                visit(Field {
                    name: FieldText::Bytes(name),
                    value: match &old.value {
                        OldText::Bytes(bytes) => FieldText::Bytes(bytes),
                        OldText::Shared(shared) => FieldText::Shared(shared),
                    },
                    expiry: old.expiry,
                });
            }),
        }
    }
}

impl Sliced for Hash {
    type Stage = Stage;

    fn parts_of(stage: Stage) -> Vec<Part> {
        let (Stage::Table(_, noted) | Stage::Noted(noted)) = stage;
        vec![noted.into_part()]
    }

    fn walking(&mut self) -> Option<&mut Walking<HashWalk>> {
        match &mut self.form {
            Form::Table(table) => Some(&mut table.walk),
            Form::Pack(_) => None,
        }
    }
}

impl Hash {
    /// Whether it is kept in a form that can be walked in slices.
    pub fn can_be_walked(&self) -> bool {
        matches!(self.form, Form::Table(_))
    }

    /// Whether any field has a time.
    pub fn has_times(&self) -> bool {
        match &self.form {
            Form::Pack(pack) => pack.is_timed(),
            Form::Table(table) => table.expires() > 0,
        }
    }

    /// Visits about `count` fields of those that were there when the walk began, as they were.
    pub fn walk(&mut self, count: usize, visit: impl FnMut(Field<'_>)) -> Option<Walked> {
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
