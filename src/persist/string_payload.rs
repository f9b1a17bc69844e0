//! Lengths and strings as RDB files and DUMP payloads write them.
//!
//! ```text
//! 00xxxxxx                     length, 6 bits
//! 01xxxxxx xxxxxxxx            length, 14 bits, big endian
//! 10000000 4 bytes             length, 32 bits, big endian
//! 10000001 8 bytes             length, 64 bits, big endian
//! 11000000 / 01 / 10           a string: the text of an integer of 1, 2, 4 bytes, little endian
//! 11000011 length, length, ..  a string: compressed length, full length, LZF
//! length, bytes                a string
//! ```

use super::lzf;
use crate::base::{I64Buf, parse_i64};

/// What was read is not in the format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayloadError;

/// A string as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Text<'a> {
    /// As an integer.
    Int(i64),
    /// As it is.
    Plain(&'a [u8]),
    /// Compressed.
    Unpacked(Vec<u8>),
}

impl Text<'_> {
    /// The bytes.
    pub fn into_vec(self) -> Vec<u8> {
        match self {
            Text::Int(value) => I64Buf::new(value).as_bytes().to_vec(),
            Text::Plain(bytes) => bytes.to_vec(),
            Text::Unpacked(bytes) => bytes,
        }
    }
}

/// Reads from the front of a byte string.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// A length, or which kind of string comes instead.
enum Prefix {
    Len(u64),
    Special(u8),
}

impl<'a> Reader<'a> {
    /// Reads `bytes`.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { rest: bytes }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// One byte.
    pub fn byte(&mut self) -> Result<u8, PayloadError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], PayloadError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(PayloadError)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// `len` bytes, if there are so many.
    pub fn bytes(&mut self, len: u64) -> Result<&'a [u8], PayloadError> {
        let len = usize::try_from(len).map_err(|_| PayloadError)?;
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or(PayloadError)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A length or count.
    pub fn len(&mut self) -> Result<u64, PayloadError> {
        match self.prefix()? {
            Prefix::Len(len) => Ok(len),
            Prefix::Special(_) => Err(PayloadError),
        }
    }

    /// A string in any of its forms.
    pub fn string(&mut self) -> Result<Text<'a>, PayloadError> {
        match self.prefix()? {
            Prefix::Len(len) => self.bytes(len).map(Text::Plain),
            Prefix::Special(0) => Ok(Text::Int(i8::from_le_bytes(self.array()?).into())),
            Prefix::Special(1) => Ok(Text::Int(i16::from_le_bytes(self.array()?).into())),
            Prefix::Special(2) => Ok(Text::Int(i32::from_le_bytes(self.array()?).into())),
            Prefix::Special(3) => {
                let (packed, full) = (self.len()?, self.len()?);
                let full = usize::try_from(full).map_err(|_| PayloadError)?;
                let packed = self.bytes(packed)?;
                lzf::decompress(packed, full)
                    .map(Text::Unpacked)
                    .ok_or(PayloadError)
            }
            Prefix::Special(_) => Err(PayloadError),
        }
    }

    fn prefix(&mut self) -> Result<Prefix, PayloadError> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match (first >> 6, low) {
            (0, _) => Prefix::Len(low.into()),
            (1, _) => Prefix::Len(u16::from_be_bytes([low, self.byte()?]).into()),
            (2, 0) => Prefix::Len(u32::from_be_bytes(self.array()?).into()),
            (2, 1) => Prefix::Len(u64::from_be_bytes(self.array()?)),
            (3, kind) => Prefix::Special(kind),
            _ => return Err(PayloadError),
        })
    }
}

/// Appends a length in its shortest form.
pub fn write_len(out: &mut Vec<u8>, len: u64) {
    if len < 1 << 6 {
        out.push(len as u8);
    } else if len < 1 << 14 {
        out.extend_from_slice(&(1 << 14 | len as u16).to_be_bytes());
    } else if let Ok(len) = u32::try_from(len) {
        out.push(0x80);
        out.extend_from_slice(&len.to_be_bytes());
    } else {
        out.push(0x81);
        out.extend_from_slice(&len.to_be_bytes());
    }
}

/// Appends a string in its shortest form; `compress` tells whether LZF may be tried.
pub fn write_string(out: &mut Vec<u8>, text: &[u8], compress: bool) {
    // No integer of 32 bits has a longer text than this.
    if text.len() <= "-2147483648".len()
        && let Some(value) = parse_i64(text)
        && write_small_int(out, value)
    {
        return;
    }
    if compress
        && text.len() > COMPRESS_BYTES_MIN
        && let Some(packed) = lzf::compress(text, text.len() - COMPRESS_GAIN_MIN)
    {
        out.push(0xc3);
        write_len(out, packed.len() as u64);
        write_len(out, text.len() as u64);
        out.extend_from_slice(&packed);
        return;
    }
    write_len(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Appends the text of an integer.
pub fn write_int(out: &mut Vec<u8>, value: i64) {
    if !write_small_int(out, value) {
        let digits = I64Buf::new(value);
        write_len(out, digits.as_bytes().len() as u64);
        out.extend_from_slice(digits.as_bytes());
    }
}

/// Integers of up to 32 bits have forms of their own.
fn write_small_int(out: &mut Vec<u8>, value: i64) -> bool {
    if let Ok(value) = i8::try_from(value) {
        out.push(0xc0);
        out.extend_from_slice(&value.to_le_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        out.push(0xc1);
        out.extend_from_slice(&value.to_le_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        out.push(0xc2);
        out.extend_from_slice(&value.to_le_bytes());
    } else {
        return false;
    }
    true
}

/// Up to here, compressing is not worth while.
const COMPRESS_BYTES_MIN: usize = 20;

/// What compressing must save, as the second length costs some.
const COMPRESS_GAIN_MIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_len(len: u64, bytes: &[u8]) {
        let mut out = Vec::new();
        write_len(&mut out, len);
        assert_eq!(out, bytes);
        let mut reader = Reader::new(&out);
        assert_eq!(reader.len(), Ok(len));
        assert!(reader.is_empty());
        for cut in 0..out.len() {
            assert_eq!(Reader::new(&out[..cut]).len(), Err(PayloadError));
        }
    }

    #[test]
    fn lengths_have_four_forms() {
        check_len(0, b"\0");
        check_len(63, b"\x3f");
        check_len(64, b"\x40\x40");
        check_len(16383, b"\x7f\xff");
        check_len(16384, b"\x80\0\0\x40\0");
        check_len(u32::MAX.into(), b"\x80\xff\xff\xff\xff");
        check_len(1 << 32, b"\x81\0\0\0\x01\0\0\0\0");
        for wrong in [&b"\x82\0\0\0\0"[..], b"\xbf\0\0\0\0\0\0\0\0", b"\xc0\x01"] {
            assert_eq!(Reader::new(wrong).len(), Err(PayloadError));
        }
    }

    #[track_caller]
    fn check(text: &[u8], first: u8) {
        for compress in [false, true] {
            let mut out = Vec::new();
            write_string(&mut out, text, compress);
            if compress {
                assert_eq!(out[0], first, "{}", text.escape_ascii());
            }
            let mut reader = Reader::new(&out);
            assert_eq!(reader.string().map(Text::into_vec), Ok(text.to_vec()));
            assert!(reader.is_empty());
            for cut in 0..out.len() {
                assert_eq!(Reader::new(&out[..cut]).string(), Err(PayloadError));
            }
        }
    }

    #[test]
    fn strings_are_written_in_their_shortest_form() {
        check(b"", 0);
        check(b"abc", 3);
        check(b"-128", 0xc0);
        check(b"127", 0xc0);
        check(b"128", 0xc1);
        check(b"-32769", 0xc2);
        check(b"2147483647", 0xc2);
        check(b"-2147483648", 0xc2);
        check(b"2147483648", 10);
        check(b"-0", 2);
        check(b"007", 3);
        check(&[b'a'; 20], 20);
        check(&[b'a'; 21], 0xc3);
        check(b"abcdefghijklmnopqrstuvwxyz", 26);
        check(&b"tessera ".repeat(5000), 0xc3);
    }

    #[test]
    fn integers_are_read_with_their_sign() {
        for value in [
            0,
            -1,
            127,
            -128,
            300,
            -300,
            70_000,
            -70_000,
            1 << 40,
            i64::MIN,
        ] {
            let mut out = Vec::new();
            write_int(&mut out, value);
            let text = Reader::new(&out).string().unwrap();
            assert_eq!(text.into_vec(), value.to_string().into_bytes());
        }
    }
}
