//! RDB files: a header, the keys of each database with what belongs to them, and a checksum of all that.
//!
//! ```text
//! REDIS0011 | aux fields | functions | SELECTDB n, RESIZEDB, records.. | .. | EOF | CRC64 of all before, u64 LE
//! record: [AUX field] [EXPIRETIME_MS] [IDLE or FREQ] type key value
//! ```
//!
//! The shards write the records of their own slots, each into a part of its own; the parts follow one another in the
//! file, so a database is selected once for each shard. Whoever reads takes RESIZEDB for the hint that it is. An aux field
//! right before a record says of a stream what the type does not that Redis 7.0 reads (`stream.rs`).
//!
//! What is read may come from anybody: lengths are compared with what is there before anything is allocated, and every
//! error names the offset.

mod scan;
mod skip;

pub use scan::{Found, RawKey, Scan, Scanner};

use std::fmt;

use super::object::{self, Unreadable, ValueLimits, is_readable, read_value};
use super::pieces::{About, write_record};
use super::stream;
use super::string_payload::{Reader, write_len, write_string};
use crate::base::{DbIndex, Millis, crc64};
use crate::keyspace::{Value, ValueRef};
use crate::types::Collection;

const EOF: u8 = 255;
pub(super) const SELECT_DB: u8 = 254;
const EXPIRE_SECONDS: u8 = 253;
pub(super) const EXPIRE_MS: u8 = 252;
pub(super) const RESIZE_DB: u8 = 251;
pub(super) const AUX: u8 = 250;
pub(super) const FREQUENCY: u8 = 249;
pub(super) const IDLE: u8 = 248;
const FUNCTION: u8 = 245;
const SLOT_INFO: u8 = 244;

const CRC_BYTES: usize = 8;

pub use super::object::RDB_VERSION_MIN as VERSION_MIN;

/// How recently, or how often, a key was used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Usage {
    /// Nothing is known or kept.
    Unknown,
    /// Seconds since the last access.
    IdleSecs(u64),
    /// LFU counter.
    Frequency(u8),
}

/// The keys of one shard, as they stand in a file.
#[derive(Debug, Default)]
pub struct Part {
    /// Records, with the databases they belong to.
    pub bytes: Vec<u8>,
    /// The version that a reader must know.
    pub version: u16,
    /// How many keys.
    pub keys: u64,
}

impl Part {
    /// Turns to another database, which has so many keys, and so many with an expiry time.
    pub fn select(&mut self, db: DbIndex, keys: usize, expires: usize) {
        self.bytes.push(SELECT_DB);
        write_len(&mut self.bytes, db.index() as u64);
        self.bytes.push(RESIZE_DB);
        write_len(&mut self.bytes, keys as u64);
        write_len(&mut self.bytes, expires as u64);
    }

    /// Appends a key.
    pub fn key(
        &mut self,
        key: &[u8],
        value: ValueRef<'_>,
        expire: Option<Millis>,
        usage: Usage,
        compress: bool,
    ) {
        let about = About {
            key,
            expire,
            usage,
            compress,
        };
        let version = write_record(&mut self.bytes, about, value);
        self.version = self.version.max(version);
        self.keys += 1;
    }
}

/// What stands before the parts: magic, facts about the writer, functions.
pub fn header(version: u16, facts: &[(&str, String)], functions: &[Vec<u8>]) -> Vec<u8> {
    let mut out = format!("REDIS{version:04}").into_bytes();
    for (name, value) in facts {
        out.push(AUX);
        write_string(&mut out, name.as_bytes(), false);
        write_string(&mut out, value.as_bytes(), false);
    }
    for code in functions {
        out.push(FUNCTION);
        write_string(&mut out, code, false);
    }
    out
}

/// What stands behind them; `crc` is that of all before, or `None` if files are to have none.
pub fn trailer(crc: Option<u64>) -> Vec<u8> {
    let mut out = vec![EOF];
    let crc = crc.map_or(0, |before| crc64(before, &[EOF]));
    out.extend_from_slice(&crc.to_le_bytes());
    out
}

/// One thing found in a file.
#[derive(Debug)]
pub enum Item {
    /// A fact about the writer.
    Fact(Vec<u8>, Vec<u8>),
    /// Code of a function library.
    Function(Vec<u8>),
    /// A key.
    Key {
        /// Its database.
        db: u64,
        /// Its name.
        key: Vec<u8>,
        /// What it holds.
        value: Value,
        /// When it goes.
        expire: Option<Millis>,
        /// Whether it was used lately.
        usage: Usage,
    },
}

/// Why a file was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RdbError {
    /// Where, in bytes from the beginning.
    pub offset: u64,
    /// Why.
    pub reason: String,
}

impl RdbError {
    pub(super) fn at(offset: u64, reason: impl Into<String>) -> RdbError {
        RdbError {
            offset,
            reason: reason.into(),
        }
    }
}

impl fmt::Display for RdbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (offset {})", self.reason, self.offset)
    }
}

/// Reads a whole file, calling `take` for everything in it.
pub fn read(file: &[u8], limits: &ValueLimits, mut take: impl FnMut(Item)) -> Result<(), RdbError> {
    let mut scanner = Scanner::new(true);
    let mut rest = file;
    while !scanner.is_done() {
        let (found, used) = match scanner.next(rest)? {
            Scan::Found(found, used) => (found, used),
            Scan::More(_) => return Err(scanner.short()),
        };
        rest = &rest[used..];
        match found {
            Found::Fact(name, value) => take(Item::Fact(name, value)),
            Found::Function(code) => take(Item::Function(code)),
            Found::Key(raw) => {
                let value = raw.read(scanner.version(), limits)?;
                take(Item::Key {
                    db: raw.db,
                    key: raw.key,
                    value,
                    expire: raw.expire,
                    usage: raw.usage,
                });
            }
            Found::Header
            | Found::Db(_)
            | Found::ModuleAux(_)
            | Found::ModuleKey(..)
            | Found::Nothing
            | Found::End(_) => {}
        }
    }
    Ok(())
}

impl RawKey<'_> {
    /// Makes a value of it.
    pub fn read(&self, version: u16, limits: &ValueLimits) -> Result<Value, RdbError> {
        read_raw(self.kind, self.value, &self.active, version, limits)
            .map_err(|_| damaged(self.kind, &self.key, self.offset))
    }
}

/// Makes a value of the bytes that a scan found, and of what stood before them.
pub fn read_raw(
    kind: u8,
    bytes: &[u8],
    active: &[u8],
    version: u16,
    limits: &ValueLimits,
) -> Result<Value, Unreadable> {
    let mut reader = Reader::new(bytes);
    let mut value = read_value(&mut reader, kind, version, limits)?;
    if !active.is_empty()
        && let Value::Collection(collection) = &mut value
        && let Collection::Stream(stream) = &mut **collection
    {
        stream::set_active(stream, active);
    }
    match reader.is_empty() {
        true => Ok(value),
        false => Err(Unreadable::Damaged),
    }
}

/// The error of a value that makes no sense.
pub fn damaged(kind: u8, key: &[u8], offset: u64) -> RdbError {
    let key = String::from_utf8_lossy(key);
    RdbError::at(
        offset,
        format!(
            "The value of key '{key}' (type {kind}) is damaged: {}",
            object::kind::damage(kind)
        ),
    )
}

fn version_of(file: &[u8]) -> Result<u16, RdbError> {
    let refuse = |reason: String| RdbError::at(0, reason);
    let digits = match file {
        [b'R', b'E', b'D', b'I', b'S', digits @ ..] if digits.len() >= 4 => &digits[..4],
        [b'V', b'A', b'L', b'K', b'E', b'Y', digits @ ..] if digits.len() >= 3 => &digits[..3],
        _ => {
            return Err(refuse("Wrong signature trying to load DB from file".into()));
        }
    };
    let text = std::str::from_utf8(digits).unwrap_or_default();
    match text.parse() {
        Ok(version) if version > 0 && is_readable(version) => Ok(version),
        _ => Err(refuse(format!("Can't handle RDB format version {text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::keyspace::{StrRef, StrValue};
    use crate::types::stream::{Group, Stream, StreamId};

    fn file() -> Vec<u8> {
        let mut part = Part::default();
        part.select(DbIndex(3), 2, 1);
        let text = b"some text that compresses compresses compresses";
        part.key(
            b"a",
            ValueRef::Str(StrRef::Int(7)),
            None,
            Usage::Unknown,
            true,
        );
        part.key(
            b"b",
            ValueRef::Str(StrRef::Bytes(text)),
            Some(Millis(1_900_000_000_123)),
            Usage::Frequency(9),
            true,
        );
        let facts = [("redis-ver", "7.2.4".to_owned())];
        let mut file = header(part.version, &facts, &[b"#!lua name=x\n".to_vec()]);
        file.extend_from_slice(&part.bytes);
        let crc = crc64(0, &file);
        file.extend_from_slice(&trailer(Some(crc)));
        file
    }

    #[test]
    fn what_was_written_is_read() {
        let mut items = Vec::new();
        read(&file(), &ValueLimits::default(), |item| items.push(item)).unwrap();
        assert!(
            matches!(&items[0], Item::Fact(name, value) if name == b"redis-ver" && value == b"7.2.4")
        );
        assert!(matches!(&items[1], Item::Function(code) if code.starts_with(b"#!lua")));
        assert!(matches!(
            &items[2],
            Item::Key { db: 3, key, value: Value::Str(StrValue::Int(7), false), expire: None, .. } if key == b"a"
        ));
        assert!(matches!(
            &items[3],
            Item::Key {
                expire: Some(Millis(1_900_000_000_123)),
                usage: Usage::Frequency(9),
                ..
            }
        ));
        assert_eq!(items.len(), 4);
    }

    /// A stream with these consumers: the time seen is 9, the time active is given.
    fn stream_of(consumers: &[(&[u8], Option<i64>)]) -> Collection {
        let mut stream = Stream::new();
        for name in [&b"g"[..], b"h"] {
            let mut group = Group::new(StreamId::MIN, Some(0));
            for &(consumer, active) in consumers {
                let (number, _) = group.find_or_create(consumer, Millis(9));
                group.consumer_mut(number).active = active.map(Millis);
            }
            stream.create_group(name, group);
        }
        stream.create_group(b"none", Group::new(StreamId::MIN, None));
        Collection::Stream(stream.into())
    }

    fn record_of(stream: &Collection) -> Part {
        let (value, expire) = (
            ValueRef::Collection(stream),
            Some(Millis(1_900_000_000_123)),
        );
        let mut part = Part::default();
        part.key(b"s", value, expire, Usage::IdleSecs(3), true);
        part
    }

    /// When the consumers of the first group were active, of all streams in records.
    fn active_in(records: &[u8]) -> Vec<Vec<Option<i64>>> {
        let mut file = header(VERSION_MIN, &[], &[]);
        file.extend_from_slice(records);
        file.extend_from_slice(&trailer(None));
        let mut found = Vec::new();
        let read = read(&file, &ValueLimits::default(), |item| match item {
            Item::Key { value, expire, .. } => {
                assert_eq!(expire, Some(Millis(1_900_000_000_123)));
                let ValueRef::Collection(Collection::Stream(stream)) = value.as_value_ref() else {
                    return found.push(Vec::new());
                };
                let group = stream.group(b"h").unwrap();
                let times = group.consumers().map(|it| it.active.map(|at| at.0));
                found.push(times.collect());
            }
            item => panic!("{item:?}"),
        });
        read.unwrap();
        found
    }

    fn active_fact(text: &[u8]) -> Vec<u8> {
        let mut fact = vec![AUX];
        write_string(&mut fact, stream::ACTIVE, false);
        write_string(&mut fact, text, false);
        fact
    }

    /// The type that Redis 7.0 reads has one time a consumer. The other stands before the record.
    #[test]
    fn consumers_that_asked_in_vain() {
        let told = record_of(&stream_of(&[(b"c", Some(9)), (b"d", Some(9))]));
        assert_eq!(told.version, VERSION_MIN);
        assert_eq!(told.bytes[0], EXPIRE_MS);
        assert_eq!(active_in(&told.bytes), [[Some(9), Some(9)]]);

        let part = record_of(&stream_of(&[
            (b"c", Some(9)),
            (b"d", None),
            (b"e", Some(5)),
        ]));
        assert_eq!(part.version, VERSION_MIN);
        assert!(part.bytes.starts_with(&active_fact(b"=,-1,5;=,-1,5;")));
        assert_eq!(active_in(&part.bytes), [[Some(9), None, Some(5)]]);

        // What is no such fact, or stands elsewhere, is passed over.
        let seen = [[Some(9), Some(9)]];
        for text in [
            &b""[..],
            b";",
            b";;",
            b"1;1;",
            b"1,2;1,2",
            b"1,2;1,2;;",
            b"1,2;1,2;=",
            b"1,2,3;1,2;",
            b"1,x;1,2;",
            b"+1,2;1,2;",
            b"1,2;1,99999999999999999999;",
            b"1,;1,2;",
            b"7",
        ] {
            let records = [&active_fact(text)[..], &told.bytes].concat();
            assert_eq!(active_in(&records), seen, "{}", text.escape_ascii());
        }
        let good = active_fact(b"1,2;3,-1;");
        let changed = [vec![Some(3), None]];
        assert_eq!(active_in(&[&good[..], &told.bytes].concat()), changed);
        assert_eq!(
            active_in(&[&active_fact(b"x")[..], &good, &told.bytes].concat()),
            changed
        );
        let db = [SELECT_DB, 1];
        assert_eq!(active_in(&[&good[..], &db, &told.bytes].concat()), seen);
        let mut text = Part::default();
        let (value, at) = (
            ValueRef::Str(StrRef::Int(7)),
            Some(Millis(1_900_000_000_123)),
        );
        text.key(b"a", value, at, Usage::Unknown, true);
        let behind = [&good[..], &text.bytes, &told.bytes].concat();
        assert_eq!(active_in(&behind), [vec![], vec![Some(9), Some(9)]]);
        assert_eq!(active_in(&[&told.bytes[..], &good].concat()), seen);
    }

    /// Data of a module that belong to no key are passed over; a key of a module's type is refused by name.
    #[test]
    fn what_modules_wrote() {
        let id: u64 = 0x1234_5678_9abc_dc01;
        let mut file = b"REDIS0011".to_vec();
        file.push(247);
        write_len(&mut file, id);
        // When: an unsigned number, as all that follows says what it is.
        for byte in [2, 2] {
            file.push(byte);
        }
        file.extend_from_slice(&[1, 7, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2]);
        file.extend_from_slice(b"hi\x00");
        let head = file.len();
        file.extend_from_slice(b"\x00\x01k\x01v");
        let mut whole = file.clone();
        whole.extend_from_slice(&trailer(None));
        let mut keys = 0;
        read(&whole, &ValueLimits::default(), |item| {
            keys += usize::from(matches!(item, Item::Key { .. }));
        })
        .unwrap();
        assert_eq!(keys, 1);
        for cut in 9..head {
            assert!(read(&file[..cut], &ValueLimits::default(), |_| {}).is_err());
        }
        let mut foreign = b"REDIS0011\x07\x03doc".to_vec();
        write_len(&mut foreign, id);
        let error = read(&foreign, &ValueLimits::default(), |_| {}).unwrap_err();
        assert!(error.reason.contains("key 'doc', type 7"), "{error}");
        assert!(
            error.reason.contains("no matching module type '"),
            "{error}"
        );
        let unknown = b"REDIS0011\x1e\x03doc".to_vec();
        let error = read(&unknown, &ValueLimits::default(), |_| {}).unwrap_err();
        assert!(error.reason.contains("type 30 of key 'doc'"), "{error}");
    }

    #[test]
    fn a_damaged_file_is_an_error_and_never_worse() {
        let whole = file();
        let limits = ValueLimits::default();
        for len in 0..whole.len() {
            assert!(
                read(&whole[..len], &limits, |_| {}).is_err(),
                "cut at {len}"
            );
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let is_version = (5..9).contains(&(bit / 8));
            assert!(
                read(&flipped, &limits, |_| {}).is_err() || is_version,
                "bit {bit}"
            );
        }
        let mut rng = Rng::new(5);
        for _ in 0..20_000 {
            let mut random = whole[..9].to_vec();
            let mut tail = vec![0; rng.index(60)];
            rng.fill(&mut tail);
            random.extend_from_slice(&tail);
            let _ = read(&random, &limits, |_| {});
        }
    }
}
