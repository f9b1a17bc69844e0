//! Records of an RDB file, written as a whole or, where the value is large, in pieces.
//!
//! ```text
//! [AUX] [EXPIRETIME_MS] [IDLE or FREQ] type key      count, elements .., what stands behind them
//! |<------------- head ------------------------------------>|<- pieces ->|<- tail ->|
//! ```
//!
//! A stream has pieces of two kinds, nodes and parts of groups, and something in the middle; what its type cannot say
//! stands in front.
//!
//! Each returns the version that a reader must know.

use super::object::{RDB_VERSION_FIELD_TIMES, kind, stream_version, write_value_widely};
use super::rdb::{EXPIRE_MS, FREQUENCY, IDLE, Usage, VERSION_MIN};
use super::string_payload::{write_len, write_string};
use super::{hash, list, stream};
use crate::base::Millis;
use crate::keyspace::ValueRef;
use crate::types::stream::Part;
use crate::types::{Chunk, Collection, Frame, ListRest, Walked};

/// What belongs to a key beside its value.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Its name.
    pub key: &'a [u8],
    /// When it goes.
    pub expire: Option<Millis>,
    /// Whether it was used lately.
    pub usage: Usage,
    /// Whether LZF may be used.
    pub compress: bool,
}

/// Appends a whole record.
pub fn write_record(out: &mut Vec<u8>, about: About<'_>, value: ValueRef<'_>) -> u16 {
    if let ValueRef::Collection(Collection::Stream(stream)) = value {
        stream::write_active(out, stream, about.compress);
    }
    let place = begin(out, about);
    let body = out.len();
    // A file says the lowest version that knows all its types, so that older servers read it.
    let version = write_value_widely(out, value, about.compress);
    out[place] = out.remove(body);
    version
}

/// Appends a record up to the string that is its value.
pub fn write_string_head(out: &mut Vec<u8>, about: About<'_>) {
    let place = begin(out, about);
    out[place] = kind::STRING;
}

/// Appends what a string that is not compressed begins with: its length.
pub fn write_plain_len(out: &mut Vec<u8>, len: usize) {
    write_len(out, len as u64);
}

/// Everything before the value; returns where the type belongs.
fn begin(out: &mut Vec<u8>, about: About<'_>) -> usize {
    if let Some(at) = about.expire {
        out.push(EXPIRE_MS);
        out.extend_from_slice(&at.0.to_le_bytes());
    }
    match about.usage {
        Usage::Unknown => {}
        Usage::IdleSecs(idle) => {
            out.push(IDLE);
            write_len(out, idle);
        }
        Usage::Frequency(often) => out.extend_from_slice(&[FREQUENCY, often]),
    }
    let place = out.len();
    out.push(0);
    write_string(out, about.key, about.compress);
    place
}

/// The frame of the record of a large value.
pub fn frame(about: About<'_>, value: &Collection) -> Frame {
    let (mut head, mut middle, mut tail) = (Vec::new(), Vec::new(), Vec::new());
    if let Collection::Stream(stream) = value {
        stream::write_active(&mut head, stream, about.compress);
    }
    let place = begin(&mut head, about);
    let (mut version, mut times_from) = (VERSION_MIN, None);
    let kind = match value {
        Collection::List(list) => {
            write_len(&mut head, list.chunks().len() as u64);
            kind::LIST_QUICKLIST_2
        }
        Collection::Set(set) => {
            write_len(&mut head, set.len() as u64);
            kind::SET
        }
        Collection::Zset(zset) => {
            write_len(&mut head, zset.len() as u64);
            kind::ZSET_2
        }
        Collection::Hash(hash) => {
            let kind = match hash.has_times() {
                true => {
                    version = RDB_VERSION_FIELD_TIMES;
                    let earliest = hash::earliest(hash);
                    head.extend_from_slice(&earliest.to_le_bytes());
                    times_from = Some(earliest);
                    kind::HASH_METADATA
                }
                false => kind::HASH,
            };
            write_len(&mut head, hash.len() as u64);
            kind
        }
        Collection::Stream(stream) => {
            let kind = stream::oldest_kind(stream);
            if kind > kind::STREAM_2 {
                version = stream_version(kind);
            }
            write_len(&mut head, stream.log().node_count() as u64);
            stream::write_middle(&mut middle, stream);
            stream::write_tail(&mut tail, stream, kind, about.compress);
            kind
        }
    };
    head[place] = kind;
    Frame {
        kind,
        head,
        middle,
        tail,
        times_from,
        version,
    }
}

/// Appends the next elements, about `count`, of a value that is being walked.
pub fn elements(out: &mut Pieces<'_>, value: &mut Collection, count: usize) -> Option<Walked> {
    let frame = &value.walk_label()?.frame;
    let (kind, times_from) = (frame.kind, frame.times_from);
    match value {
        Collection::List(list) => list.walk(count, |chunk| out.chunk(chunk)),
        Collection::Set(set) => set.walk(count, |member| out.text(member)),
        Collection::Zset(zset) => zset.walk(count, |member, score| {
            out.text(member);
            out.bytes.extend_from_slice(&score.to_le_bytes());
        }),
        Collection::Hash(hash) => hash.walk(count, |field| {
            if let Some(earliest) = times_from {
                hash::write_time(out.bytes, field.expiry, earliest);
            }
            let mut digits = crate::base::I64Buf::new(0);
            out.text(field.name.text(&mut digits));
            out.text(field.value.text(&mut digits));
        }),
        Collection::Stream(stream) => stream.walk(count, |part| match part {
            Part::Node(id, node) => {
                out.text(&id.to_bytes());
                out.text(node.as_bytes());
            }
            Part::Middle(bytes) => out.bytes.extend_from_slice(bytes),
            Part::Group(name, group) => {
                stream::write_group(out.bytes, name, group, out.compress);
            }
            Part::OfGroup(part) => {
                stream::write_part(out.bytes, part, kind, out.compress);
            }
        }),
    }
}

/// Appends the next nodes of a list that goes its own way; false at the end.
pub fn rest_of_list(out: &mut Pieces<'_>, list: &mut ListRest, count: usize) -> bool {
    list.walk(count, |chunk| out.chunk(chunk))
}

/// Where pieces go.
pub struct Pieces<'a> {
    /// What is written at once.
    pub bytes: &'a mut Vec<u8>,
    /// Whether LZF may be used.
    pub compress: bool,
    /// Takes texts that are better compressed elsewhere; what is in `bytes` stands before them.
    pub long: &'a mut dyn FnMut(&mut Vec<u8>, &[u8]),
}

/// From this length on a text is compressed elsewhere.
pub const LONG_BYTES_MIN: usize = 1024;

impl Pieces<'_> {
    fn text(&mut self, text: &[u8]) {
        if text.len() >= LONG_BYTES_MIN && self.compress {
            (self.long)(self.bytes, text);
        } else {
            write_string(self.bytes, text, self.compress);
        }
    }

    fn chunk(&mut self, chunk: Chunk<'_>) {
        let (container, bytes) = match &chunk {
            Chunk::Plain(bytes) => (list::PLAIN, bytes),
            Chunk::Packed(bytes) => (list::PACKED, bytes),
        };
        write_len(self.bytes, container);
        self.text(bytes);
    }
}

/// Turns to another database.
pub fn select(out: &mut Vec<u8>, db: u32) {
    out.push(super::rdb::SELECT_DB);
    write_len(out, db.into());
}

/// Hints how many keys a database has, and how many with an expiry time.
pub fn resize(out: &mut Vec<u8>, keys: u64, expires: u64) {
    out.push(super::rdb::RESIZE_DB);
    write_len(out, keys);
    write_len(out, expires);
}
