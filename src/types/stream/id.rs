//! Ids of stream entries: milliseconds and a number within them, ordered as they are added.

use crate::base::I64Buf;

/// An entry's id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct StreamId {
    /// Unix milliseconds, or whatever the client put there.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

/// An id as text, on the stack.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; TEXT_BYTES_MAX],
    len: u8,
}

/// Two numbers of up to 20 digits and a dash.
const TEXT_BYTES_MAX: usize = 41;

impl StreamId {
    /// Before every entry: no entry has it.
    pub const MIN: StreamId = StreamId { ms: 0, seq: 0 };
    /// The last one there can be.
    pub const MAX: StreamId = StreamId {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// From its two parts.
    pub const fn new(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    /// The next one, if there is any.
    pub fn next(self) -> Option<StreamId> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId::new(self.ms.checked_add(1)?, 0)),
        }
    }

    /// The one before, if there is any.
    pub fn previous(self) -> Option<StreamId> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(StreamId { seq, ..self }),
            None => Some(StreamId::new(self.ms.checked_sub(1)?, u64::MAX)),
        }
    }

    /// `ms-seq`.
    pub fn text(self) -> IdText {
        let (ms, seq) = (I64Buf::unsigned(self.ms), I64Buf::unsigned(self.seq));
        let (ms, seq) = (ms.as_bytes(), seq.as_bytes());
        let mut bytes = [0; TEXT_BYTES_MAX];
        bytes[..ms.len()].copy_from_slice(ms);
        bytes[ms.len()] = b'-';
        let len = ms.len() + 1 + seq.len();
        bytes[ms.len() + 1..len].copy_from_slice(seq);
        IdText {
            bytes,
            len: len as u8,
        }
    }

    /// 16 bytes, big end first, which sort as the ids do.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.ms.to_be_bytes());
        bytes[8..].copy_from_slice(&self.seq.to_be_bytes());
        bytes
    }

    /// From what [`StreamId::to_bytes`] made.
    pub fn from_bytes(bytes: [u8; 16]) -> StreamId {
        let both = u128::from_be_bytes(bytes);
        StreamId::new((both >> 64) as u64, both as u64)
    }
}

impl IdText {
    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_step_over_milliseconds() {
        let id = StreamId::new;
        assert_eq!(id(1, 2).next(), Some(id(1, 3)));
        assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(id(1, 2).previous(), Some(id(1, 1)));
        assert_eq!(id(1, 0).previous(), Some(id(0, u64::MAX)));
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn ids_as_text_and_as_bytes() {
        assert_eq!(StreamId::new(12, 3).text().as_bytes(), b"12-3");
        let longest = b"18446744073709551615-18446744073709551615";
        assert_eq!(StreamId::MAX.text().as_bytes(), longest);
        for id in [StreamId::new(7, u64::MAX), StreamId::MIN, StreamId::MAX] {
            assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        }
        assert!(StreamId::new(1, 9).to_bytes() < StreamId::new(2, 0).to_bytes());
    }
}
