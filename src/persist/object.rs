//! Values as RDB files and DUMP payloads carry them: a type number, and what follows it.
//!
//! What is read may come from anybody, and from servers of many versions: each type is read in all forms it ever had,
//! and built anew with our own limits. What is written is what Redis 7.2 writes, with types of a later version only where
//! the data need it; `write_value` says which version that is.

use super::string_payload::{Reader, write_int, write_string};
use super::{hash, list, set, stream, zset};
use crate::base::parse_i64;
use crate::keyspace::{StrRef, StrValue, Value, ValueRef};
use crate::types::{Collection, HashLimits, ListLimits, SetLimits, ZsetLimits};

/// The version that is written where nothing newer is needed: that of Redis 7.2.
pub const RDB_VERSION: u16 = 11;

/// The lowest version that is written, to files: that of Redis 7.0.
pub const RDB_VERSION_MIN: u16 = 10;

/// The version that brought fields with expiry times: that of Redis 7.4.
pub(super) const RDB_VERSION_FIELD_TIMES: u16 = 12;

/// The newest that is read: that of Redis 8.8, as long as nothing in it is unknown here.
pub const RDB_VERSION_MAX: u16 = 14;

/// Where a stream has producers, and where entries were given back.
const RDB_VERSION_PRODUCERS: u16 = 13;
const RDB_VERSION_GIVEN_BACK: u16 = 14;

/// Valkey's own numbering begins here. Its type 22 is not that of Redis.
pub const VALKEY_VERSION: u16 = 80;

/// Whether payloads of this version are read.
pub fn is_readable(version: u16) -> bool {
    version <= RDB_VERSION_MAX || version == VALKEY_VERSION
}

/// Up to where values that are read are kept compact.
#[derive(Clone, Copy, Debug)]
pub struct ValueLimits {
    /// Of hashes.
    pub hash: HashLimits,
    /// Of lists.
    pub list: ListLimits,
    /// Of sets.
    pub set: SetLimits,
    /// Of sorted sets.
    pub zset: ZsetLimits,
}

impl Default for ValueLimits {
    /// Those of a configuration that says nothing.
    fn default() -> ValueLimits {
        ValueLimits {
            hash: HashLimits {
                fields: 512,
                bytes: 64,
            },
            list: ListLimits::default(),
            set: SetLimits {
                ints: 512,
                members: 128,
                bytes: 64,
            },
            zset: ZsetLimits {
                entries: 128,
                value: 64,
            },
        }
    }
}

pub(super) mod kind {
    //! Type numbers.
    pub(in crate::persist) const STRING: u8 = 0;
    pub(in crate::persist) const LIST: u8 = 1;
    pub(in crate::persist) const SET: u8 = 2;
    pub(in crate::persist) const ZSET: u8 = 3;
    pub(in crate::persist) const HASH: u8 = 4;
    pub(in crate::persist) const ZSET_2: u8 = 5;
    pub(in crate::persist) const MODULE_EARLY: u8 = 6;
    pub(in crate::persist) const MODULE: u8 = 7;
    pub(in crate::persist) const HASH_ZIPMAP: u8 = 9;
    pub(in crate::persist) const LIST_ZIPLIST: u8 = 10;
    pub(in crate::persist) const SET_INTSET: u8 = 11;
    pub(in crate::persist) const ZSET_ZIPLIST: u8 = 12;
    pub(in crate::persist) const HASH_ZIPLIST: u8 = 13;
    pub(in crate::persist) const LIST_QUICKLIST: u8 = 14;
    pub(in crate::persist) const STREAM_1: u8 = 15;
    pub(in crate::persist) const HASH_LISTPACK: u8 = 16;
    pub(in crate::persist) const ZSET_LISTPACK: u8 = 17;
    pub(in crate::persist) const LIST_QUICKLIST_2: u8 = 18;
    pub(in crate::persist) const STREAM_2: u8 = 19;
    pub(in crate::persist) const SET_LISTPACK: u8 = 20;
    pub(in crate::persist) const STREAM_3: u8 = 21;
    /// Redis: absolute times, of a version before the release. Valkey: `HASH_2`.
    pub(in crate::persist) const HASH_TIMES_EARLY: u8 = 22;
    pub(in crate::persist) const HASH_LISTPACK_EX_EARLY: u8 = 23;
    pub(in crate::persist) const HASH_METADATA: u8 = 24;
    pub(in crate::persist) const HASH_LISTPACK_EX: u8 = 25;
    /// With what its producers have sent.
    pub(in crate::persist) const STREAM_4: u8 = 26;
    /// With entries that were given back.
    pub(in crate::persist) const STREAM_5: u8 = 27;
    /// The highest that any server has used so far, with room for some more.
    pub(in crate::persist) const MAX: u8 = 63;

    /// What is said of a value of this type that makes no sense.
    pub(in crate::persist) fn damage(kind: u8) -> &'static str {
        match kind {
            LIST_ZIPLIST => "List ziplist integrity check failed",
            LIST_QUICKLIST => "Ziplist integrity check failed",
            LIST_QUICKLIST_2 => "Listpack integrity check failed",
            SET_INTSET => "Intset integrity check failed",
            SET_LISTPACK => "Set listpack integrity check failed",
            ZSET_ZIPLIST => "Zset ziplist integrity check failed",
            ZSET_LISTPACK => "Zset listpack integrity check failed",
            HASH_ZIPMAP => "Zipmap integrity check failed",
            HASH_ZIPLIST => "Hash ziplist integrity check failed",
            HASH_LISTPACK | HASH_LISTPACK_EX_EARLY | HASH_LISTPACK_EX => {
                "Hash listpack integrity check failed"
            }
            STREAM_1 | STREAM_2 | STREAM_3 | STREAM_4 | STREAM_5 => {
                "Stream listpack integrity check failed"
            }
            _ => "Value integrity check failed",
        }
    }

    /// Whether values of this type are read.
    pub(in crate::persist) fn is_known(kind: u8) -> bool {
        matches!(kind, STRING..=ZSET_2 | HASH_ZIPMAP..=STREAM_5)
    }
}

/// Appends a value's type number and the value; `compress` tells whether LZF may be used. Returns the version that a
/// reader must know.
pub fn write_value(out: &mut Vec<u8>, value: ValueRef<'_>, compress: bool) -> u16 {
    match value {
        ValueRef::Str(text) => {
            out.push(kind::STRING);
            match text {
                StrRef::Int(value) => write_int(out, value),
                StrRef::Bytes(bytes) => write_string(out, bytes, compress),
                StrRef::Shared(bytes) => write_string(out, bytes, compress),
            }
            RDB_VERSION
        }
        ValueRef::Collection(Collection::Hash(hash)) => hash::write(out, hash, compress),
        ValueRef::Collection(Collection::List(list)) => {
            list::write(out, list, compress);
            RDB_VERSION
        }
        ValueRef::Collection(Collection::Set(set)) => {
            set::write(out, set, compress);
            RDB_VERSION
        }
        ValueRef::Collection(Collection::Stream(stream)) => {
            let kind = stream::kind(stream);
            stream::write(out, stream, kind, compress);
            stream_version(kind)
        }
        ValueRef::Collection(Collection::Zset(zset)) => {
            zset::write(out, zset, compress);
            RDB_VERSION
        }
    }
}

/// As [`write_value`], but of the oldest type that holds all there is: what a file says older servers read, too.
pub(super) fn write_value_widely(out: &mut Vec<u8>, value: ValueRef<'_>, compress: bool) -> u16 {
    let start = out.len();
    let version = match value {
        ValueRef::Collection(Collection::Set(set)) => {
            set::write_widely(out, set, compress);
            RDB_VERSION
        }
        ValueRef::Collection(Collection::Stream(stream)) => {
            let kind = stream::oldest_kind(stream);
            stream::write(out, stream, kind, compress);
            stream_version(kind)
        }
        other => write_value(out, other, compress),
    };
    match out[start] {
        ..=kind::STREAM_2 => RDB_VERSION_MIN,
        _ => version,
    }
}

/// The version that a reader of a stream of this type must know.
pub(super) fn stream_version(kind: u8) -> u16 {
    match kind {
        kind::STREAM_4 => RDB_VERSION_PRODUCERS,
        kind::STREAM_5 => RDB_VERSION_GIVEN_BACK,
        _ => RDB_VERSION,
    }
}

/// Why there is no value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// It makes no sense.
    Damaged,
    /// It has no elements. Some old servers left such keys behind.
    Empty,
}

/// Reads a value of a type number.
pub fn read_value(
    reader: &mut Reader<'_>,
    kind: u8,
    version: u16,
    limits: &ValueLimits,
) -> Result<Value, Unreadable> {
    match read_any(reader, kind, version, limits).ok_or(Unreadable::Damaged)? {
        Value::Collection(collection) if collection.is_empty() => Err(Unreadable::Empty),
        value => Ok(value),
    }
}

/// As that, of any size.
fn read_any(
    reader: &mut Reader<'_>,
    kind: u8,
    version: u16,
    limits: &ValueLimits,
) -> Option<Value> {
    let collection = match kind {
        kind::STRING => return read_string(reader),
        kind::LIST | kind::LIST_ZIPLIST | kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
            Collection::List(list::read(reader, kind, limits.list)?)
        }
        kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => {
            Collection::Set(set::read(reader, kind, limits.set)?)
        }
        kind::ZSET | kind::ZSET_2 | kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
            Collection::Zset(zset::read(reader, kind, limits.zset)?)
        }
        kind::STREAM_1 | kind::STREAM_2 | kind::STREAM_3 | kind::STREAM_4 | kind::STREAM_5 => {
            Collection::Stream(stream::read(reader, kind)?.into())
        }
        kind::HASH
        | kind::HASH_ZIPMAP
        | kind::HASH_ZIPLIST
        | kind::HASH_LISTPACK
        | kind::HASH_TIMES_EARLY..=kind::HASH_LISTPACK_EX => {
            Collection::Hash(hash::read(reader, kind, version, limits.hash)?)
        }
        _ => return None,
    };
    Some(Value::Collection(Box::new(collection)))
}

/// As SET would have stored it.
fn read_string(reader: &mut Reader<'_>) -> Option<Value> {
    use super::string_payload::Text;
    let text = reader.string().ok()?;
    let int = match &text {
        Text::Int(value) => Some(*value),
        Text::Plain(bytes) => parse_i64(bytes),
        Text::Unpacked(_) => None,
    };
    Some(match int {
        Some(value) => Value::Str(StrValue::Int(value), false),
        None => Value::Str(StrValue::Bytes(text.into_vec()), false),
    })
}
