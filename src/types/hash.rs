//! The hash type: fields with values, each with an expiry time of its own if it was given one.
//!
//! ```text
//! listpack     field value field value ..                      few and short, in the order they came
//! listpackex   field value time field value time ..            the same with times, 0 for none; earliest first, 0 last
//! hashtable    SlotTable, field -> value                       the rest; the time is the entry's own
//! ```
//!
//! Growth goes down this list and never back, as in Redis. A field is gone once its time has passed: whoever asks says
//! what time it is, and sees nothing of the others, whether they were removed (`expire`) or not. `due` is what the store
//! needs to know to remove them in time.

mod pack;
mod table;
#[cfg(test)]
mod tests;
mod walk;

use self::pack::Pack;
use self::table::Table;
use super::listpack::{Item, Listpack};
use super::pick::{SPARSE_SAMPLE, Selection};
use super::pieces::Part;
use crate::base::{I64Buf, Rng};
use crate::structure::size_class;
use std::sync::Arc;

/// A hash.
#[derive(Clone, Debug)]
pub struct Hash {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Pack(Pack),
    Table(Box<Table>),
}

/// Up to where a hash is kept compact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    /// `hash-max-listpack-entries`.
    pub fields: usize,
    /// `hash-max-listpack-value`: of a field or a value.
    pub bytes: usize,
}

/// What becomes of a field's expiry time when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldTtl {
    /// It stays.
    Keep,
    /// It has none from now on.
    Clear,
    /// Unix time in milliseconds, above 0.
    At(i64),
}

/// A field or a value seen in place.
#[derive(Clone, Copy, Debug)]
pub enum FieldText<'a> {
    /// The decimal form of an integer.
    Int(i64),
    /// Text.
    Bytes(&'a [u8]),
    /// Long text that can be kept by reference.
    Shared(&'a Arc<Vec<u8>>),
}

impl<'a> FieldText<'a> {
    /// Length as text.
    pub fn len(self) -> usize {
        match self {
            FieldText::Int(value) => I64Buf::new(value).as_bytes().len(),
            FieldText::Bytes(bytes) => bytes.len(),
            FieldText::Shared(shared) => shared.len(),
        }
    }

    /// Whether it is the empty text.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// As text; `buffer` is where an integer is written.
    #[inline]
    pub fn text<'b>(self, buffer: &'b mut I64Buf) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            FieldText::Int(value) => {
                *buffer = I64Buf::new(value);
                buffer.as_bytes()
            }
            FieldText::Bytes(bytes) => bytes,
            FieldText::Shared(shared) => shared,
        }
    }

    /// As text of its own.
    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut I64Buf::new(0)).to_vec()
    }
}

impl<'a> From<Item<'a>> for FieldText<'a> {
    #[inline]
    fn from(item: Item<'a>) -> FieldText<'a> {
        match item {
            Item::Int(value) => FieldText::Int(value),
            Item::Text(text) => FieldText::Bytes(text),
        }
    }
}

/// A field as it is kept.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its name.
    pub name: FieldText<'a>,
    /// What it holds.
    pub value: FieldText<'a>,
    /// Unix time in milliseconds after which it is gone.
    pub expiry: Option<i64>,
}

impl Field<'_> {
    #[inline]
    fn is_live(&self, now: i64) -> bool {
        self.expiry.is_none_or(|at| at >= now)
    }
}

impl Default for Hash {
    fn default() -> Hash {
        Hash::new()
    }
}

impl Hash {
    /// An empty one.
    pub fn new() -> Hash {
        Hash {
            form: Form::Pack(Pack::new()),
        }
    }

    /// From a listpack of fields and values (and times, if `timed`) from outside; `None` if it is anything else. One with
    /// too many fields for a listpack becomes a table.
    pub fn from_listpack(items: Listpack, timed: bool, limits: HashLimits) -> Option<Hash> {
        let mut hash = Hash {
            form: Form::Pack(Pack::from_items(items, timed)?),
        };
        if hash.len() > limits.fields {
            hash.convert();
        }
        Some(hash)
    }

    /// The listpack it is kept in, if it is, and whether it has times.
    pub fn as_listpack(&self) -> Option<(&Listpack, bool)> {
        match &self.form {
            Form::Pack(pack) => Some((pack.items(), pack.is_timed())),
            Form::Table(_) => None,
        }
    }

    /// How many fields, those included whose time has passed unnoticed.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.len(),
            Form::Table(table) => table.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many fields whose time has not passed. O(1) unless some has.
    pub fn live_len(&self, now: i64) -> usize {
        if self.due().is_none_or(|due| due >= now) {
            return self.len();
        }
        let mut len = 0;
        self.for_each(now, |_| len += 1);
        len
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Pack(pack) if pack.is_timed() => "listpackex",
            Form::Pack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// Bytes on the heap, by allocation class.
    #[inline]
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Pack(pack) => pack.items().memory(),
            Form::Table(table) => size_class(size_of::<Table>()) + table.memory(),
        }
    }

    /// Allocations to free, about.
    pub fn effort(&self) -> usize {
        match &self.form {
            Form::Pack(_) => 1,
            Form::Table(table) => table.len() + 1,
        }
    }

    /// What has to be freed, in pieces.
    pub(super) fn into_parts(self) -> Vec<Part> {
        match self.form {
            Form::Pack(_) => Vec::new(),
            Form::Table(table) => vec![table.into_part()],
        }
    }

    /// When the first field comes due; perhaps earlier than any does, never later. `None` without expiry times.
    #[inline]
    pub fn due(&self) -> Option<i64> {
        match &self.form {
            Form::Pack(pack) => pack.due(),
            Form::Table(table) => table.due(),
        }
    }

    /// A field.
    #[inline]
    pub fn field(&self, name: &[u8], now: i64) -> Option<Field<'_>> {
        let field = match &self.form {
            Form::Pack(pack) => pack.field(name),
            Form::Table(table) => table.field(name),
        }?;
        field.is_live(now).then_some(field)
    }

    /// The value of a field.
    #[inline]
    pub fn get(&self, name: &[u8], now: i64) -> Option<FieldText<'_>> {
        self.field(name, now).map(|field| field.value)
    }

    /// Whether there is such a field.
    pub fn contains(&self, name: &[u8], now: i64) -> bool {
        self.field(name, now).is_some()
    }

    /// Writes a field. Returns whether it is new; a new one has no time to keep.
    pub fn set(
        &mut self,
        name: &[u8],
        value: &[u8],
        ttl: FieldTtl,
        limits: HashLimits,
        now: i64,
    ) -> bool {
        if let Form::Pack(pack) = &mut self.form {
            let fits = name.len().max(value.len()) <= limits.bytes
                && pack
                    .items()
                    .has_room(name.len() + value.len() + ENTRY_BYTES_MAX);
            if fits {
                let is_new = pack.set(name, value, ttl, now);
                if pack.len() > limits.fields {
                    self.convert();
                }
                return is_new;
            }
            self.convert();
        }
        match &mut self.form {
            Form::Table(table) => {
                table.note(name);
                table.set(name, value, ttl, now)
            }
            Form::Pack(_) => unreachable!("it was converted"),
        }
    }

    /// Removes a field. Returns whether it was there.
    pub fn remove(&mut self, name: &[u8], now: i64) -> bool {
        match &mut self.form {
            Form::Pack(pack) => pack.remove(name, now),
            Form::Table(table) => {
                table.note(name);
                table.remove(name, now)
            }
        }
    }

    /// Gives a field that is there an expiry time, or takes it off.
    pub fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) {
        match &mut self.form {
            Form::Pack(pack) => pack.set_expiry(name, expiry),
            Form::Table(table) => {
                table.note(name);
                table.set_expiry(name, expiry);
            }
        }
    }

    /// Removes fields whose time has passed, as far as `visits` steps reach, and calls `gone` for each. Returns how many.
    pub fn expire(&mut self, now: i64, visits: &mut usize, gone: impl FnMut(&[u8])) -> usize {
        match &mut self.form {
            Form::Pack(pack) => pack.expire(now, visits, gone),
            Form::Table(table) => table.expire(now, visits, gone),
        }
    }

    /// Visits the fields whose time has not passed.
    #[inline]
    pub fn for_each<'a>(&'a self, now: i64, mut visit: impl FnMut(Field<'a>)) {
        let visit = |field: Field<'a>| {
            if field.is_live(now) {
                visit(field);
            }
        };
        match &self.form {
            Form::Pack(pack) => pack.fields().for_each(visit),
            Form::Table(table) => table.for_each(visit),
        }
    }

    /// Visits some fields from a cursor on, about `count`; returns where to go on, 0 at the end. A field that is there
    /// throughout a walk is met once. A compact hash is met all at once.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        now: i64,
        mut visit: impl FnMut(Field<'a>),
    ) -> u64 {
        match &self.form {
            Form::Pack(_) => {
                self.for_each(now, visit);
                0
            }
            Form::Table(table) => table.scan(cursor, count, |field| {
                if field.is_live(now) {
                    visit(field);
                }
            }),
        }
    }

    /// Some field, each about equally likely.
    pub fn random(&self, rng: &mut Rng, now: i64) -> Option<Field<'_>> {
        match &self.form {
            Form::Pack(pack) => pack.random(rng, now),
            Form::Table(table) => table.random(rng, now),
        }
    }

    /// Visits `times` fields at random, the same one perhaps more than once. There must be one whose time has not passed.
    pub fn draw<'a>(&'a self, rng: &mut Rng, now: i64, mut visit: impl FnMut(Field<'a>) -> bool) {
        match &self.form {
            Form::Pack(pack) => {
                let fields: Vec<Field<'_>> =
                    pack.fields().filter(|field| field.is_live(now)).collect();
                while visit(fields[rng.index(fields.len())]) {}
            }
            Form::Table(table) => {
                let mut random = || {
                    let field = table.random(rng, now);
                    field.expect("the caller knows that there is a field")
                };
                while visit(random()) {}
            }
        }
    }

    /// Visits `count` different fields, picked at random, or all if there are no more.
    pub fn sample<'a>(
        &'a self,
        rng: &mut Rng,
        count: usize,
        now: i64,
        mut visit: impl FnMut(Field<'a>),
    ) {
        let len = self.live_len(now);
        if count >= len {
            return self.for_each(now, visit);
        }
        if let Form::Table(table) = &self.form
            && count < len / SPARSE_SAMPLE
        {
            return table.sample(rng, count, now, visit);
        }
        let mut selection = Selection::new(count, len);
        self.for_each(now, |field| {
            if selection.takes(rng) {
                visit(field);
            }
        });
    }

    fn convert(&mut self) {
        if let Form::Pack(pack) = &self.form {
            let mut table = Table::new();
            let (mut name, mut value) = (I64Buf::new(0), I64Buf::new(0));
            for field in pack.fields() {
                let (name, value) = (field.name.text(&mut name), field.value.text(&mut value));
                table.insert(name, value, field.expiry);
            }
            self.form = Form::Table(Box::new(table));
        }
    }
}

/// More than the framing of two texts and the time of a field take in a listpack.
const ENTRY_BYTES_MAX: usize = 64;
