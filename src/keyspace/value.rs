//! What a key can hold, and how it is seen, given and taken.
//!
//! A string lives in the entry itself (bytes, or an integer) or behind an `Arc` when it is long: a reply can then send
//! it by reference while a later write edits a copy. Everything else is a `Collection` behind a box.

use std::sync::Arc;

use crate::base::{I64Buf, Millis, parse_i64};
use crate::structure::{Body, BodyRef, EntryRef};
use crate::types::Collection;

/// Type tags, kept in the entry: TYPE is answered without following a pointer.
pub(super) const TAG_STRING: u8 = 0;

/// Longest key plus value kept in one allocation. Above, a separate value costs little in proportion, and can be
/// edited without moving the key.
pub(super) const INLINE_BYTES_MAX: usize = 1000;

/// A value this short stays inline however long its key is: its `Arc` would be larger.
const INLINE_ALWAYS_BYTES_MAX: usize = 64;

/// Strings up to this length are reported as `embstr`, as in Redis.
const EMBSTR_BYTES_MAX: usize = 44;

/// A string to store.
#[derive(Clone, Debug)]
pub enum StrInput<'a> {
    /// Text; stored as an integer if it is the exact decimal form of one.
    Bytes(&'a [u8]),
    /// Text that stays text, digits or not.
    Text(&'a [u8]),
    /// Text as the result of editing: OBJECT ENCODING says `raw`, digits or not.
    Raw(&'a [u8]),
    /// An integer.
    Int(i64),
    /// Text already behind an `Arc`.
    Shared(Arc<Vec<u8>>),
}

/// A string seen in place.
#[derive(Clone, Copy, Debug)]
pub enum StrRef<'a> {
    /// Inside the entry.
    Bytes(&'a [u8]),
    /// An integer, stored as one.
    Int(i64),
    /// Long text that can be kept by reference.
    Shared(&'a Arc<Vec<u8>>),
}

/// A value seen in place.
#[derive(Clone, Copy, Debug)]
pub enum ValueRef<'a> {
    /// A string.
    Str(StrRef<'a>),
    /// Anything else.
    Collection(&'a Collection),
}

/// An owned string.
#[derive(Clone, Debug)]
pub enum StrValue {
    /// Text.
    Bytes(Vec<u8>),
    /// An integer.
    Int(i64),
    /// Long text.
    Shared(Arc<Vec<u8>>),
}

/// An owned value.
#[derive(Debug)]
pub enum Value {
    /// A string, and whether it counts as edited (`raw`).
    Str(StrValue, bool),
    /// Anything else.
    Collection(Box<Collection>),
}

/// A value with what belongs to the key but not to its name: what RENAME, MOVE and RESTORE carry over.
#[derive(Debug)]
pub struct Detached {
    /// The value.
    pub value: Value,
    /// Absolute expiry time.
    pub expire: Option<Millis>,
    /// LRU or LFU bits, or `None` for a new value's.
    pub access: Option<u32>,
}

/// What happens to the expiry time when a value is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ttl {
    /// It stays as it was, if there was one.
    Keep,
    /// The key becomes persistent.
    Clear,
    /// It is set.
    At(Millis),
}

impl<'a> StrRef<'a> {
    /// Length of the text.
    #[inline]
    pub fn len(&self) -> usize {
        match self {
            StrRef::Bytes(bytes) => bytes.len(),
            StrRef::Int(value) => I64Buf::new(*value).as_bytes().len(),
            StrRef::Shared(shared) => shared.len(),
        }
    }

    /// True for the empty string.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text; `digits` holds it if it is an integer's.
    #[inline]
    pub fn text<'b>(&self, digits: &'b mut I64Buf) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            StrRef::Bytes(bytes) => bytes,
            StrRef::Int(value) => {
                *digits = I64Buf::new(*value);
                digits.as_bytes()
            }
            StrRef::Shared(shared) => shared,
        }
    }

    /// The text as a new vector.
    pub fn to_vec(&self) -> Vec<u8> {
        self.text(&mut I64Buf::new(0)).to_vec()
    }

    /// The integer this string is the exact decimal form of.
    #[inline]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            StrRef::Int(value) => Some(*value),
            StrRef::Bytes(bytes) => parse_i64(bytes),
            StrRef::Shared(shared) => parse_i64(shared),
        }
    }

    /// An owned copy; long text is shared.
    pub fn to_value(&self) -> StrValue {
        match self {
            StrRef::Bytes(bytes) => StrValue::Bytes(bytes.to_vec()),
            StrRef::Int(value) => StrValue::Int(*value),
            StrRef::Shared(shared) => StrValue::Shared(Arc::clone(shared)),
        }
    }
}

impl ValueRef<'_> {
    /// The name TYPE answers.
    pub fn type_name(&self) -> &'static str {
        match self {
            ValueRef::Str(_) => "string",
            ValueRef::Collection(collection) => collection.type_name(),
        }
    }
}

impl Value {
    /// What is in it, by reference.
    pub fn as_value_ref(&self) -> ValueRef<'_> {
        match self {
            Value::Str(StrValue::Int(int), _) => ValueRef::Str(StrRef::Int(*int)),
            Value::Str(StrValue::Bytes(bytes), _) => ValueRef::Str(StrRef::Bytes(bytes)),
            Value::Str(StrValue::Shared(bytes), _) => ValueRef::Str(StrRef::Shared(bytes)),
            Value::Collection(collection) => ValueRef::Collection(collection),
        }
    }

    /// A string to be encoded as `SET` would.
    pub fn string(bytes: Vec<u8>) -> Value {
        match parse_i64(&bytes) {
            Some(value) => Value::Str(StrValue::Int(value), false),
            None => Value::Str(StrValue::Bytes(bytes), false),
        }
    }
}

/// The value of an entry.
#[inline]
pub(super) fn value_of<'a>(entry: EntryRef<'a, Collection>) -> ValueRef<'a> {
    match entry.body() {
        BodyRef::Bytes(bytes) => ValueRef::Str(StrRef::Bytes(bytes)),
        BodyRef::Int(value) => ValueRef::Str(StrRef::Int(value)),
        BodyRef::Shared(shared) => ValueRef::Str(StrRef::Shared(shared)),
        BodyRef::Object(object) => ValueRef::Collection(object),
    }
}

/// The name OBJECT ENCODING answers.
pub(super) fn encoding_of(entry: EntryRef<'_, Collection>) -> &'static str {
    match entry.body() {
        BodyRef::Int(_) => "int",
        BodyRef::Bytes(bytes) if bytes.len() <= EMBSTR_BYTES_MAX && !entry.is_raw() => "embstr",
        BodyRef::Bytes(_) | BodyRef::Shared(_) => "raw",
        BodyRef::Object(collection) => collection.encoding(),
    }
}

/// Bytes held outside of the entry, by allocation class.
#[inline]
pub(super) fn outside_bytes(entry: EntryRef<'_, Collection>) -> usize {
    match entry.body() {
        BodyRef::Bytes(_) | BodyRef::Int(_) => 0,
        BodyRef::Shared(shared) => shared_bytes(shared),
        BodyRef::Object(collection) => {
            crate::structure::size_class(size_of::<Collection>()) + collection.memory()
        }
    }
}

/// Bytes of a shared string: the vector's buffer, and the `Arc`'s block of two counters and three words.
#[inline]
pub(super) fn shared_bytes(shared: &Vec<u8>) -> usize {
    crate::structure::size_class(shared.capacity()) + 48
}

#[inline]
fn fits_inline(key_len: usize, value_len: usize) -> bool {
    key_len + value_len <= INLINE_BYTES_MAX || value_len <= INLINE_ALWAYS_BYTES_MAX
}

/// How a string is stored: the body, and whether it counts as `raw`.
#[inline]
pub(super) fn encode<'i>(key_len: usize, input: &'i StrInput<'i>) -> (Body<'i, Collection>, bool) {
    match input {
        StrInput::Int(value) => (Body::Int(*value), false),
        StrInput::Bytes(bytes) => (encode_compact(key_len, bytes), false),
        StrInput::Text(bytes) => (encode_text(key_len, bytes), false),
        StrInput::Raw(bytes) => (encode_text(key_len, bytes), true),
        StrInput::Shared(shared) if fits_inline(key_len, shared.len()) => {
            (encode_compact(key_len, shared), false)
        }
        StrInput::Shared(shared) => (Body::Shared(Arc::clone(shared)), false),
    }
}

/// As an integer if the text is exactly one's decimal form.
#[inline]
fn encode_compact(key_len: usize, bytes: &[u8]) -> Body<'_, Collection> {
    match parse_i64(bytes) {
        Some(value) => Body::Int(value),
        None => encode_text(key_len, bytes),
    }
}

#[inline]
fn encode_text(key_len: usize, bytes: &[u8]) -> Body<'_, Collection> {
    if fits_inline(key_len, bytes.len()) {
        Body::Bytes(bytes)
    } else {
        Body::Shared(Arc::new(bytes.to_vec()))
    }
}

/// How an owned value is stored: type tag, body, and whether it counts as `raw`. `bytes` holds a short text meanwhile.
pub(super) fn encode_value<'b>(
    key_len: usize,
    value: Value,
    bytes: &'b mut Vec<u8>,
) -> (u8, Body<'b, Collection>, bool) {
    match value {
        Value::Str(StrValue::Int(int), raw) => (TAG_STRING, Body::Int(int), raw),
        Value::Str(StrValue::Bytes(text), raw) => {
            *bytes = text;
            let body = if fits_inline(key_len, bytes.len()) {
                Body::Bytes(bytes)
            } else {
                Body::Shared(Arc::new(std::mem::take(bytes)))
            };
            (TAG_STRING, body, raw)
        }
        Value::Str(StrValue::Shared(shared), raw) => (TAG_STRING, Body::Shared(shared), raw),
        Value::Collection(collection) => (collection.tag(), Body::Object(collection), false),
    }
}
