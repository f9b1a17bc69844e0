//! Hashes in payloads.
//!
//! ```text
//! 16  listpack                                                             what is compact
//! 4   count, (field, value) ..                                             what is not
//! 25  earliest time i64, listpack of field, value, time                    compact, with times; 0 for none
//! 24  earliest time i64, count, (time - earliest + 1, field, value) ..     0 for none
//! ```
//!
//! Read only: 9 (zipmap) and 13 (ziplist), 22 and 23 as versions before the release wrote them, and Valkey's 22, which is
//! count, (field, value, time i64 or -1) ..

use super::object::{RDB_VERSION, RDB_VERSION_FIELD_TIMES, VALKEY_VERSION, kind};
use super::older::{ziplist, zipmap};
use super::string_payload::{Reader, write_len, write_string};
use crate::base::I64Buf;
use crate::types::{FieldText, FieldTtl, Hash, HashLimits, Listpack};

/// Sees all fields, whatever their times.
const ALL: i64 = i64::MIN;

/// Appends type number and hash; returns the version needed to read them.
pub(super) fn write(out: &mut Vec<u8>, hash: &Hash, compress: bool) -> u16 {
    let mut earliest = i64::MAX;
    if hash.due().is_some() {
        hash.for_each(ALL, |field| {
            earliest = earliest.min(field.expiry.unwrap_or(i64::MAX));
        });
    }
    let has_times = earliest != i64::MAX;
    match hash.as_listpack() {
        Some((items, false)) => {
            out.push(kind::HASH_LISTPACK);
            write_string(out, items.as_bytes(), compress);
        }
        Some((_, true)) if !has_times => {
            // There were times once.
            let mut items = Listpack::new();
            let mut digits = I64Buf::new(0);
            hash.for_each(ALL, |field| {
                items.push_back(field.name.text(&mut digits));
                items.push_back(field.value.text(&mut digits));
            });
            out.push(kind::HASH_LISTPACK);
            write_string(out, items.as_bytes(), compress);
        }
        Some((items, true)) => {
            out.push(kind::HASH_LISTPACK_EX);
            out.extend_from_slice(&earliest.to_le_bytes());
            write_string(out, items.as_bytes(), compress);
        }
        None => {
            if has_times {
                out.push(kind::HASH_METADATA);
                out.extend_from_slice(&earliest.to_le_bytes());
            } else {
                out.push(kind::HASH);
            }
            write_len(out, hash.len() as u64);
            hash.for_each(ALL, |field| {
                if has_times {
                    let time = field
                        .expiry
                        .map_or(0, |at| at.wrapping_sub(earliest).cast_unsigned() + 1);
                    write_len(out, time);
                }
                write_text(out, field.name, compress);
                write_text(out, field.value, compress);
            });
        }
    }
    match has_times {
        true => RDB_VERSION_FIELD_TIMES,
        false => RDB_VERSION,
    }
}

/// A time that none of its fields has an earlier one than. O(1) for a table.
pub(super) fn earliest(hash: &Hash) -> i64 {
    hash.due().unwrap_or(0)
}

/// Appends the time of a field.
pub(super) fn write_time(out: &mut Vec<u8>, expiry: Option<i64>, earliest: i64) {
    let time = expiry.map_or(0, |at| at.wrapping_sub(earliest).cast_unsigned() + 1);
    write_len(out, time);
}

fn write_text(out: &mut Vec<u8>, text: FieldText<'_>, compress: bool) {
    write_string(out, text.text(&mut I64Buf::new(0)), compress);
}

pub(super) fn read(
    reader: &mut Reader<'_>,
    kind: u8,
    version: u16,
    limits: HashLimits,
) -> Option<Hash> {
    match kind {
        kind::HASH_LISTPACK => listpack(reader, false, limits),
        kind::HASH_LISTPACK_EX_EARLY => listpack(reader, true, limits),
        kind::HASH_LISTPACK_EX => {
            // The earliest time follows from the others.
            reader.array::<8>().ok()?;
            listpack(reader, true, limits)
        }
        kind::HASH_ZIPLIST => {
            let blob = reader.string().ok()?.into_vec();
            let items = ziplist(&blob)?;
            if !items.len().is_multiple_of(2) {
                return None;
            }
            let mut hash = Hash::new();
            for pair in items.chunks_exact(2) {
                add(
                    &mut hash,
                    &pair[0].to_vec(),
                    &pair[1].to_vec(),
                    None,
                    limits,
                )?;
            }
            Some(hash)
        }
        kind::HASH_ZIPMAP => {
            let blob = reader.string().ok()?.into_vec();
            let mut hash = Hash::new();
            for (name, value) in zipmap(&blob)? {
                add(&mut hash, name, value, None, limits)?;
            }
            Some(hash)
        }
        _ => one_by_one(reader, kind, version, limits),
    }
}

fn listpack(reader: &mut Reader<'_>, timed: bool, limits: HashLimits) -> Option<Hash> {
    let items = Listpack::from_bytes(reader.string().ok()?.into_vec())?;
    Hash::from_listpack(items, timed, limits)
}

fn one_by_one(reader: &mut Reader<'_>, kind: u8, version: u16, limits: HashLimits) -> Option<Hash> {
    let earliest = match kind {
        kind::HASH_METADATA => i64::from_le_bytes(reader.array().ok()?),
        _ => 0,
    };
    let count = reader.len().ok()?;
    let mut hash = Hash::new();
    for _ in 0..count {
        let mut expiry = match kind {
            kind::HASH_METADATA => match reader.len().ok()? {
                0 => None,
                after => Some(earliest.checked_add(i64::try_from(after - 1).ok()?)?),
            },
            kind::HASH_TIMES_EARLY if version < VALKEY_VERSION => match reader.len().ok()? {
                0 => None,
                at => Some(i64::try_from(at).ok()?),
            },
            _ => None,
        };
        let name = reader.string().ok()?.into_vec();
        let value = reader.string().ok()?.into_vec();
        if kind == kind::HASH_TIMES_EARLY && version >= VALKEY_VERSION {
            let at = i64::from_le_bytes(reader.array().ok()?);
            expiry = (at != -1).then_some(at);
        }
        add(&mut hash, &name, &value, expiry, limits)?;
    }
    Some(hash)
}

/// Adds a field that must be new, with a time that must be one.
fn add(
    hash: &mut Hash,
    name: &[u8],
    value: &[u8],
    expiry: Option<i64>,
    limits: HashLimits,
) -> Option<()> {
    let ttl = match expiry {
        None => FieldTtl::Clear,
        Some(at @ 1..) => FieldTtl::At(at),
        Some(_) => return None,
    };
    hash.set(name, value, ttl, limits, ALL).then_some(())
}
