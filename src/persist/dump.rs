//! DUMP payloads: a value, and a footer by which RESTORE knows that nobody tampered with it by accident.
//!
//! ```text
//! | type | value ... | RDB version, u16 LE | CRC64 of all before, u64 LE |
//! ```

use super::string_payload::{Reader, Text, write_int, write_string};
use crate::base::{crc64, parse_i64};
use crate::keyspace::{StrRef, StrValue, Value};

/// The RDB version that is written, and the newest that is read: that of Redis 7.2.
pub const RDB_VERSION: u16 = 11;

/// The RDB type of a string.
const TYPE_STRING: u8 = 0;

const FOOTER_BYTES: usize = 10;
const CRC_BYTES: usize = 8;

/// Why a payload was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DumpError {
    /// Too short, too new, or damaged.
    Footer,
    /// The footer is right, but what is before it is not a value we know.
    Body,
}

/// The payload of a string; `compress` tells whether LZF may be used.
pub fn dump_string(text: StrRef<'_>, compress: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 32);
    out.push(TYPE_STRING);
    match text {
        StrRef::Int(value) => write_int(&mut out, value),
        StrRef::Bytes(bytes) => write_string(&mut out, bytes, compress),
        StrRef::Shared(bytes) => write_string(&mut out, bytes, compress),
    }
    sign(&mut out);
    out
}

/// The value of a payload.
pub fn restore(payload: &[u8]) -> Result<Value, DumpError> {
    let body = verify(payload).ok_or(DumpError::Footer)?;
    let mut reader = Reader::new(body);
    let value = read_value(&mut reader).ok_or(DumpError::Body)?;
    match reader.is_empty() {
        true => Ok(value),
        false => Err(DumpError::Body),
    }
}

fn read_value(reader: &mut Reader<'_>) -> Option<Value> {
    match reader.byte().ok()? {
        TYPE_STRING => reader.string().ok().map(string_value),
        _ => None,
    }
}

/// As SET would have stored it.
fn string_value(text: Text<'_>) -> Value {
    let int = match &text {
        Text::Int(value) => Some(*value),
        Text::Plain(bytes) => parse_i64(bytes),
        Text::Unpacked(_) => None,
    };
    match int {
        Some(value) => Value::Str(StrValue::Int(value), false),
        None => Value::Str(StrValue::Bytes(text.into_vec()), false),
    }
}

/// Appends the footer.
fn sign(out: &mut Vec<u8>) {
    out.extend_from_slice(&RDB_VERSION.to_le_bytes());
    let crc = crc64(0, out);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// What is before the footer, if that is right.
fn verify(payload: &[u8]) -> Option<&[u8]> {
    let (signed, crc) = payload.split_last_chunk::<CRC_BYTES>()?;
    let (body, version) = signed.split_last_chunk::<{ FOOTER_BYTES - CRC_BYTES }>()?;
    let is_right =
        u16::from_le_bytes(*version) <= RDB_VERSION && u64::from_le_bytes(*crc) == crc64(0, signed);
    is_right.then_some(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn text_of(value: Value) -> Vec<u8> {
        let Value::Str(text, false) = value else {
            panic!("a string as SET stores it");
        };
        match text {
            StrValue::Int(value) => value.to_string().into_bytes(),
            StrValue::Bytes(bytes) => bytes,
            StrValue::Shared(shared) => shared.to_vec(),
        }
    }

    #[test]
    fn what_was_dumped_comes_back() {
        for text in [&b""[..], b"abc", b"0001", &[b'z'; 70_000], &[0xff; 20]] {
            for compress in [false, true] {
                let payload = dump_string(StrRef::Bytes(text), compress);
                assert_eq!(text_of(restore(&payload).unwrap()), text);
            }
        }
        for value in [0, -1, 1000, i64::MAX] {
            let restored = restore(&dump_string(StrRef::Int(value), true)).unwrap();
            assert!(matches!(restored, Value::Str(StrValue::Int(int), false) if int == value));
        }
    }

    #[test]
    fn a_damaged_payload_is_refused() {
        let whole = dump_string(StrRef::Bytes(&b"tessera ".repeat(40)), true);
        for len in 0..whole.len() {
            assert_eq!(restore(&whole[..len]).unwrap_err(), DumpError::Footer);
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(restore(&flipped).unwrap_err(), DumpError::Footer);
        }
    }

    #[test]
    fn a_signed_body_that_is_no_value_is_refused() {
        let signed = |body: &[u8]| {
            let mut payload = body.to_vec();
            sign(&mut payload);
            payload
        };
        for body in [
            &b""[..],
            b"\0",
            b"\x01\x01a",
            b"\0\x02a",
            b"\0\x01ab",
            b"\xff\0",
        ] {
            assert_eq!(restore(&signed(body)).unwrap_err(), DumpError::Body);
        }
        let mut newer = b"\0\x01a".to_vec();
        newer.extend_from_slice(&(RDB_VERSION + 1).to_le_bytes());
        let crc = crc64(0, &newer);
        newer.extend_from_slice(&crc.to_le_bytes());
        assert_eq!(restore(&newer).unwrap_err(), DumpError::Footer);
        // Any body at all: an error or a value, never worse.
        let mut rng = Rng::new(9);
        for _ in 0..50_000 {
            let mut body = vec![0; 1 + rng.index(30)];
            rng.fill(&mut body);
            body[0] = TYPE_STRING;
            if let Ok(value) = restore(&signed(&body)) {
                let text = text_of(value);
                let again = dump_string(StrRef::Bytes(&text), true);
                assert_eq!(text_of(restore(&again).unwrap()), text);
            }
        }
    }
}
