//! Many or long fields in a slot table: a field is an entry, its expiry time the entry's own.

use super::walk::HashWalk;
use super::{Field, FieldText, FieldTtl};
use crate::base::Rng;
use crate::structure::{
    Body, BodyRef, Entry, EntryRef, HashKey, MemberHasher, SlotTable, size_class,
};
use crate::types::pick::distinct;
use crate::types::pieces::{Part, table_part};
use crate::types::walk::Walking;
use std::fmt;
use std::sync::Arc;

/// Entries hold bytes only.
pub(super) enum Nothing {}

pub(super) struct Table {
    entries: SlotTable<Nothing, MemberHasher>,
    /// Bytes of values that are not in their entries.
    outside: usize,
    /// A snapshot's.
    pub(super) walk: Walking<HashWalk>,
}

/// The only slot.
const SLOT: usize = 0;

/// Longest name plus value kept in one allocation.
const INLINE_BYTES_MAX: usize = 1000;

/// A value this short stays with its name however long that is.
const INLINE_ALWAYS_BYTES_MAX: usize = 64;

/// Draws that may hit fields whose time has passed before all fields are looked at.
const DRAWS_MAX: usize = 64;

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        self.for_each(|field| {
            list.entry(&field);
        });
        list.finish()
    }
}

impl Clone for Table {
    fn clone(&self) -> Table {
        let mut copy = Table::new();
        self.for_each(|field| {
            // Names are always bytes here.
            let FieldText::Bytes(name) = field.name else {
                return;
            };
            let body = match field.value {
                FieldText::Shared(shared) => Body::Shared(Arc::clone(shared)),
                FieldText::Bytes(value) => Body::Bytes(value),
                FieldText::Int(value) => Body::Int(value),
            };
            copy.add(name, Entry::new(name, 0, false, field.expiry, body));
        });
        copy
    }
}

fn field_of(entry: EntryRef<'_, Nothing>) -> Field<'_> {
    Field {
        name: FieldText::Bytes(entry.key()),
        value: match entry.body() {
            BodyRef::Bytes(bytes) => FieldText::Bytes(bytes),
            BodyRef::Int(value) => FieldText::Int(value),
            BodyRef::Shared(shared) => FieldText::Shared(shared),
            BodyRef::Object(nothing) => match *nothing {},
        },
        expiry: entry.expiry(),
    }
}

fn body_of(name_len: usize, value: &[u8]) -> Body<'_, Nothing> {
    if name_len + value.len() <= INLINE_BYTES_MAX || value.len() <= INLINE_ALWAYS_BYTES_MAX {
        Body::Bytes(value)
    } else {
        Body::Shared(Arc::new(value.to_vec()))
    }
}

/// Bytes outside of the entry: the vector's buffer, and the `Arc`'s block of two counters and three words.
#[inline]
fn outside_bytes(entry: EntryRef<'_, Nothing>) -> usize {
    match entry.body() {
        BodyRef::Shared(shared) => size_class(shared.capacity()) + 48,
        BodyRef::Bytes(_) | BodyRef::Int(_) | BodyRef::Object(_) => 0,
    }
}

impl Table {
    /// What has to be freed, in pieces.
    pub(super) fn into_part(self) -> Part {
        table_part(self.entries.into_remains())
    }

    pub(super) fn new() -> Table {
        Table {
            entries: SlotTable::new(1, MemberHasher),
            outside: 0,
            walk: Walking::NOT,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.entries.bytes() + self.outside
    }

    /// Before a field is changed, removed or added.
    #[inline]
    pub(super) fn note(&mut self, name: &[u8]) {
        if let Some(mut walk) = self.walk.0.take() {
            walk.note(name, self);
            self.walk.0 = Some(walk);
        }
    }

    /// Fields with a time.
    pub(super) fn expires(&self) -> usize {
        self.entries.expires()
    }

    #[inline]
    pub(super) fn due(&self) -> Option<i64> {
        self.entries.next_due()
    }

    #[inline]
    pub(super) fn field(&self, name: &[u8]) -> Option<Field<'_>> {
        let hash = MemberHasher.hash(name);
        self.entries.lookup(SLOT, hash, name).map(field_of)
    }

    /// Adds a field that is not there.
    pub(super) fn insert(&mut self, name: &[u8], value: &[u8], expiry: Option<i64>) {
        let body = body_of(name.len(), value);
        self.add(name, Entry::new(name, 0, false, expiry, body));
    }

    fn add(&mut self, name: &[u8], entry: Entry<Nothing>) {
        self.outside += outside_bytes(entry.as_ref());
        self.entries.insert(SLOT, MemberHasher.hash(name), entry);
    }

    pub(super) fn set(&mut self, name: &[u8], value: &[u8], ttl: FieldTtl, now: i64) -> bool {
        let hash = MemberHasher.hash(name);
        let Some(mut found) = self.entries.lookup_mut(SLOT, hash, name) else {
            let expiry = match ttl {
                FieldTtl::At(at) => Some(at),
                FieldTtl::Keep | FieldTtl::Clear => None,
            };
            self.insert(name, value, expiry);
            return true;
        };
        let old = found.as_ref().expiry();
        let was_expired = old.is_some_and(|at| at < now);
        let expiry = match ttl {
            FieldTtl::At(at) => Some(at),
            FieldTtl::Keep if !was_expired => old,
            FieldTtl::Keep | FieldTtl::Clear => None,
        };
        self.outside -= outside_bytes(found.as_ref());
        found.edit(|entry| {
            let body = body_of(name.len(), value);
            entry.replace(0, false, expiry, body);
        });
        self.outside += outside_bytes(found.as_ref());
        was_expired
    }

    pub(super) fn remove(&mut self, name: &[u8], now: i64) -> bool {
        let hash = MemberHasher.hash(name);
        let Some(found) = self.entries.lookup_mut(SLOT, hash, name) else {
            return false;
        };
        if found.as_ref().expiry().is_some_and(|at| at < now) {
            return false;
        }
        self.outside -= outside_bytes(found.as_ref());
        found.remove();
        true
    }

    pub(super) fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) {
        let hash = MemberHasher.hash(name);
        if let Some(mut found) = self.entries.lookup_mut(SLOT, hash, name) {
            found.edit(|entry| entry.set_expiry(expiry));
        }
    }

    pub(super) fn expire(
        &mut self,
        now: i64,
        visits: &mut usize,
        mut gone: impl FnMut(&[u8]),
    ) -> usize {
        let mut expired = 0;
        while let Some(found) = self.entries.due(now.saturating_sub(1), visits) {
            let field = field_of(found.as_ref());
            if let Some(walk) = &mut self.walk.0 {
                walk.note_as(found.as_ref().key(), || Some(field));
            }
            gone(found.as_ref().key());
            self.outside -= outside_bytes(found.as_ref());
            found.remove();
            expired += 1;
        }
        expired
    }

    pub(super) fn for_each<'a>(&'a self, mut visit: impl FnMut(Field<'a>)) {
        self.entries.each_of(SLOT, |entry| {
            visit(field_of(entry));
            true
        });
    }

    pub(super) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(Field<'a>),
    ) -> u64 {
        self.entries
            .walk(SLOT, cursor, count, |entry| visit(field_of(entry)))
    }

    pub(super) fn random(&self, rng: &mut Rng, now: i64) -> Option<Field<'_>> {
        for _ in 0..DRAWS_MAX {
            let field = field_of(self.entries.random(rng)?);
            if field.is_live(now) {
                return Some(field);
            }
        }
        // Nearly all have expired: one of the others.
        let (mut seen, mut chosen) = (0, None);
        self.for_each(|field| {
            if field.is_live(now) {
                seen += 1;
                if rng.chance(1, seen) {
                    chosen = Some(field);
                }
            }
        });
        chosen
    }

    /// Draws until `count` different ones have come. That must be a small part of those whose time has not passed.
    pub(super) fn sample<'a>(
        &'a self,
        rng: &mut Rng,
        count: usize,
        now: i64,
        visit: impl FnMut(Field<'a>),
    ) {
        let draw = || {
            let field = self.random(rng, now)?;
            // A field is known by its address: nothing moves meanwhile.
            let number = match field.name {
                FieldText::Bytes(name) => name.as_ptr().addr(),
                FieldText::Int(_) | FieldText::Shared(_) => return None,
            };
            Some((number, field))
        };
        distinct(count, draw, visit);
    }
}
