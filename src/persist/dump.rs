//! DUMP payloads: a value, and a footer by which RESTORE knows that nobody tampered with it by accident.
//!
//! ```text
//! | type | value ... | RDB version, u16 LE | CRC64 of all before, u64 LE |
//! ```

use super::object::{ValueLimits, is_readable, kind, read_value, write_value, write_value_widely};
use super::stream;
use super::string_payload::Reader;
use crate::base::crc64;
use crate::keyspace::{Collection, Value, ValueRef};

const FOOTER_BYTES: usize = 10;
const CRC_BYTES: usize = 8;

/// Why a payload was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DumpError {
    /// Too short, too new, or damaged.
    Footer,
    /// The footer is right, but what is before it is not a value that we know: this is wrong.
    Body(&'static str),
}

/// The payload of a value, of the oldest type and version that hold all there is, as it may be for an older server;
/// `compress` tells whether LZF may be used.
pub fn dump(value: ValueRef<'_>, compress: bool) -> Vec<u8> {
    let len = match value {
        ValueRef::Str(text) => text.len(),
        ValueRef::Collection(collection) => collection.memory() / 2,
    };
    let mut out = Vec::with_capacity(len + 32);
    let version = match value {
        // A payload has no place for what a file says before the record.
        ValueRef::Collection(Collection::Stream(stream)) if stream::has_active(stream) => {
            write_value(&mut out, value, compress)
        }
        _ => write_value_widely(&mut out, value, compress),
    };
    sign(&mut out, version);
    out
}

/// Bytes of a value in a file, without its type.
pub fn serialized_len(value: ValueRef<'_>, compress: bool) -> usize {
    let mut out = Vec::new();
    write_value(&mut out, value, compress);
    out.len() - 1
}

/// The value of a payload.
pub fn restore(payload: &[u8], limits: &ValueLimits) -> Result<Value, DumpError> {
    restore_as_told(payload, limits, true)
}

/// As [`restore`]. `checks` says whether the checksum has to be right.
pub fn restore_as_told(
    payload: &[u8],
    limits: &ValueLimits,
    checks: bool,
) -> Result<Value, DumpError> {
    let (body, version) = verify(payload, checks).ok_or(DumpError::Footer)?;
    let mut reader = Reader::new(body);
    let damaged = DumpError::Body(kind::damage(body.first().copied().unwrap_or_default()));
    let kind = reader.byte().map_err(|_| damaged)?;
    match read_value(&mut reader, kind, version, limits) {
        Ok(value) if reader.is_empty() => Ok(value),
        _ => Err(damaged),
    }
}

/// Appends the footer.
pub(super) fn sign(out: &mut Vec<u8>, version: u16) {
    out.extend_from_slice(&version.to_le_bytes());
    let crc = crc64(0, out);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// What is before the footer, and its version, if the footer is right.
pub(super) fn verify(payload: &[u8], checks: bool) -> Option<(&[u8], u16)> {
    let (signed, crc) = payload.split_last_chunk::<CRC_BYTES>()?;
    let (body, version) = signed.split_last_chunk::<{ FOOTER_BYTES - CRC_BYTES }>()?;
    let version = u16::from_le_bytes(*version);
    let is_right = || u64::from_le_bytes(*crc) == crc64(0, signed);
    (is_readable(version) && (!checks || is_right())).then_some((body, version))
}

#[cfg(test)]
mod tests;
