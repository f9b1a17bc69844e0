//! Where things end in an RDB file, without looking into them.
//!
//! Whoever loads a file splits it into keys and hands each to the shard it belongs to, which makes a value of it. So the
//! splitting is all that one thread does for all, and it does not decompress or allocate. What is skipped may still be
//! damaged inside: only lengths are looked at.

use super::super::object::{VALKEY_VERSION, kind};

/// Why the end was not found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Miss {
    /// At least so many bytes are needed, from the first that was given.
    More(u64),
    /// It is not in the format.
    Wrong(&'static str),
}

type Result<T> = std::result::Result<T, Miss>;

/// A place in the bytes that are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0 }
    }

    /// Bytes passed.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Passes over `count` bytes.
    pub(super) fn skip(&mut self, count: u64) -> Result<&'a [u8]> {
        let end = (self.at as u64).saturating_add(count);
        match usize::try_from(end) {
            Ok(end) if end <= self.bytes.len() => {
                let passed = &self.bytes[self.at..end];
                self.at = end;
                Ok(passed)
            }
            _ => Err(Miss::More(end)),
        }
    }

    pub(super) fn byte(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.skip(N as u64)?;
        Ok(bytes.try_into().expect("exactly as many were passed"))
    }

    /// A length or count.
    pub(super) fn len(&mut self) -> Result<u64> {
        match self.prefix()? {
            (len, false) => Ok(len),
            (_, true) => Err(Miss::Wrong("a length was expected")),
        }
    }

    /// Passes over a string in any of its forms.
    pub(super) fn string(&mut self) -> Result<()> {
        let count = match self.prefix()? {
            (len, false) => len,
            (0, true) => 1,
            (1, true) => 2,
            (2, true) => 4,
            (3, true) => {
                let packed = self.len()?;
                self.len()?;
                packed
            }
            _ => return Err(Miss::Wrong("Unknown RDB string encoding type")),
        };
        self.skip(count).map(drop)
    }

    /// A length, or the number of a special kind of string.
    fn prefix(&mut self) -> Result<(u64, bool)> {
        let first = self.byte()?;
        let low = first & 0x3f;
        Ok(match (first >> 6, low) {
            (0, _) => (low.into(), false),
            (1, _) => (u16::from_be_bytes([low, self.byte()?]).into(), false),
            (2, 0) => (u32::from_be_bytes(self.array()?).into(), false),
            (2, 1) => (u64::from_be_bytes(self.array()?), false),
            (3, kind) => (kind.into(), true),
            _ => return Err(Miss::Wrong("Unknown length encoding")),
        })
    }

    /// `count` times something. Each takes a byte at least, so the count cannot make this long.
    fn times(&mut self, each: impl Fn(&mut Self) -> Result<()>) -> Result<()> {
        for _ in 0..self.len()? {
            each(self)?;
        }
        Ok(())
    }

    /// Passes over a value.
    pub(super) fn value(&mut self, kind: u8, version: u16) -> Result<()> {
        match kind {
            kind::STRING
            | kind::HASH_ZIPMAP..=kind::HASH_ZIPLIST
            | kind::HASH_LISTPACK
            | kind::ZSET_LISTPACK
            | kind::SET_LISTPACK
            | kind::HASH_LISTPACK_EX_EARLY => self.string(),
            kind::LIST | kind::SET | kind::LIST_QUICKLIST => self.times(Cursor::string),
            kind::HASH => self.times(Cursor::pair),
            kind::ZSET => self.times(|cursor| {
                cursor.string()?;
                match cursor.byte()? {
                    253..=255 => Ok(()),
                    len => cursor.skip(len.into()).map(drop),
                }
            }),
            kind::ZSET_2 => self.times(|cursor| {
                cursor.string()?;
                cursor.skip(8).map(drop)
            }),
            kind::LIST_QUICKLIST_2 => self.times(|cursor| {
                cursor.len()?;
                cursor.string()
            }),
            kind::STREAM_1 => self.stream(1),
            kind::STREAM_2 => self.stream(2),
            kind::STREAM_3 => self.stream(3),
            kind::STREAM_4 => self.stream(4),
            kind::STREAM_5 => self.stream(5),
            kind::HASH_TIMES_EARLY if version >= VALKEY_VERSION => self.times(|cursor| {
                cursor.pair()?;
                cursor.skip(8).map(drop)
            }),
            kind::HASH_TIMES_EARLY => self.times(Cursor::timed_pair),
            kind::HASH_METADATA => {
                self.skip(8)?;
                self.times(Cursor::timed_pair)
            }
            kind::HASH_LISTPACK_EX => {
                self.skip(8)?;
                self.string()
            }
            _ => Err(Miss::Wrong("Unknown type")),
        }
    }

    /// Passes over what a module has written: values that each say what they are, up to an end.
    pub(super) fn module_value(&mut self) -> Result<()> {
        loop {
            match self.len()? {
                0 => return Ok(()),
                // Signed, unsigned.
                1 | 2 => self.len().map(drop)?,
                // A float, a double.
                3 => self.skip(4).map(drop)?,
                4 => self.skip(8).map(drop)?,
                5 => self.string()?,
                _ => return Err(Miss::Wrong("Unknown kind of value of a module")),
            }
        }
    }

    fn pair(&mut self) -> Result<()> {
        self.string()?;
        self.string()
    }

    fn timed_pair(&mut self) -> Result<()> {
        self.len()?;
        self.pair()
    }

    fn stream(&mut self, version: u8) -> Result<()> {
        self.times(Cursor::pair)?;
        let numbers = if version >= 2 { 8 } else { 3 };
        for _ in 0..numbers {
            self.len()?;
        }
        self.times(|cursor| {
            cursor.string()?;
            for _ in 0..if version >= 2 { 3 } else { 2 } {
                cursor.len()?;
            }
            cursor.times(|cursor| {
                cursor.skip(24)?;
                cursor.len().map(drop)
            })?;
            cursor.times(|cursor| {
                cursor.string()?;
                cursor.skip(if version >= 3 { 16 } else { 8 })?;
                cursor.ids()
            })?;
            if version >= 5 {
                cursor.ids()?;
            }
            Ok(())
        })?;
        if version >= 4 {
            self.producers()?;
        }
        Ok(())
    }

    /// Ids of 16 bytes.
    fn ids(&mut self) -> Result<()> {
        let bytes = self.len()?.saturating_mul(16);
        self.skip(bytes).map(drop)
    }

    /// What producers of a stream have sent: remembered so that nothing is taken twice.
    fn producers(&mut self) -> Result<()> {
        self.len()?;
        self.len()?;
        self.times(|cursor| {
            cursor.string()?;
            cursor.times(|cursor| {
                cursor.string()?;
                cursor.len()?;
                cursor.len().map(drop)
            })
        })?;
        self.len()?;
        self.len().map(drop)
    }
}
