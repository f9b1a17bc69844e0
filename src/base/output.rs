//! Reply bytes on their way to a client, with large values spliced in by reference.
//!
//! ```text
//! bytes   $20000\r\n | \r\n:1\r\n$3\r\nfoo\r\n$16384\r\n | \r\n
//! shared             ^ (8, value)                        ^ (33, value)
//! ```
//!
//! A `GET` of a large value thus costs a reference count instead of a copy, and the send takes the value's own bytes
//! as one segment. The command may change the key afterwards: it makes its own copy then (`Arc::make_mut`).
//!
//! Invariants: positions in `shared` do not decrease and none is beyond `bytes.len()`; a shared value is not empty.

use std::sync::Arc;

/// Bytes to send: `bytes`, with each shared value inserted before the byte at its position.
#[derive(Clone, Default, Debug)]
pub struct Output {
    /// Everything that was copied.
    pub bytes: Vec<u8>,
    /// Values by reference, with the offset in `bytes` where each is inserted.
    pub shared: Vec<(usize, Arc<Vec<u8>>)>,
}

/// A place in an `Output`: between two bytes, and before or after each value spliced in there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct OutputPosition {
    /// Offset in `Output::bytes`.
    pub byte: usize,
    /// How many shared values come before.
    pub shared: usize,
}

impl Output {
    /// Empty.
    pub const fn new() -> Output {
        Output {
            bytes: Vec::new(),
            shared: Vec::new(),
        }
    }

    /// Empty, with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Output {
        Output {
            bytes: Vec::with_capacity(bytes),
            shared: Vec::new(),
        }
    }

    /// Nothing to send?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.shared.is_empty()
    }

    /// How many bytes the client will receive.
    pub fn len(&self) -> usize {
        self.bytes.len()
            + self
                .shared
                .iter()
                .map(|(_, value)| value.len())
                .sum::<usize>()
    }

    /// Drops everything and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.shared.clear();
    }

    /// Where the next byte will go.
    #[inline]
    pub fn position(&self) -> OutputPosition {
        OutputPosition {
            byte: self.bytes.len(),
            shared: self.shared.len(),
        }
    }

    /// How many bytes the client will receive of what lies after `position`.
    #[inline]
    pub fn len_since(&self, position: OutputPosition) -> usize {
        let shared = self.shared[position.shared..].iter();
        self.bytes.len() - position.byte + shared.map(|(_, value)| value.len()).sum::<usize>()
    }

    /// Drops everything after `position`.
    pub fn truncate(&mut self, position: OutputPosition) {
        self.bytes.truncate(position.byte);
        self.shared.truncate(position.shared);
    }

    /// Splices a value in at the end. An empty one is nothing.
    pub fn push_shared(&mut self, value: &Arc<Vec<u8>>) {
        if !value.is_empty() {
            self.shared.push((self.bytes.len(), Arc::clone(value)));
        }
    }

    /// Moves everything from `other` to the end of this; `other` is left empty with its memory.
    pub fn append(&mut self, other: &mut Output) {
        let base = self.bytes.len();
        self.bytes.append(&mut other.bytes);
        self.shared
            .extend(other.shared.drain(..).map(|(at, value)| (base + at, value)));
    }

    /// Copies what lies between two places of `other`; shared values are shared once more.
    pub fn append_range(&mut self, other: &Output, from: OutputPosition, to: OutputPosition) {
        let base = self.bytes.len();
        self.bytes
            .extend_from_slice(&other.bytes[from.byte..to.byte]);
        self.shared.extend(
            other.shared[from.shared..to.shared]
                .iter()
                .map(|(at, value)| (base + at - from.byte, Arc::clone(value))),
        );
    }

    /// Inserts bytes at `position`; what follows moves back. The cost is that of moving it.
    pub fn insert(&mut self, position: OutputPosition, bytes: &[u8]) {
        self.bytes
            .splice(position.byte..position.byte, bytes.iter().copied());
        for (at, _) in &mut self.shared[position.shared..] {
            *at += bytes.len();
        }
    }

    /// The segments to send, in order; none is empty.
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.shared.iter().map(|(at, _)| *at));
        let ends = self
            .shared
            .iter()
            .map(|(at, _)| *at)
            .chain(std::iter::once(self.bytes.len()));
        let values = self.shared.iter().map(|(_, value)| value.as_slice());
        starts
            .zip(ends)
            .zip(values.chain(std::iter::once(&[][..])))
            .flat_map(|((start, end), value)| [&self.bytes[start..end], value])
            .filter(|segment| !segment.is_empty())
    }

    /// Everything in one piece: what the client will receive.
    pub fn flatten(&self) -> Vec<u8> {
        let mut flat = Vec::with_capacity(self.len());
        self.segments()
            .for_each(|segment| flat.extend_from_slice(segment));
        flat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Output {
        let mut out = Output::new();
        out.bytes.extend_from_slice(b"ab");
        out.push_shared(&Arc::new(b"XY".to_vec()));
        out.push_shared(&Arc::new(b"Z".to_vec()));
        out.push_shared(&Arc::new(Vec::new()));
        out.bytes.extend_from_slice(b"cd");
        out
    }

    #[test]
    fn segments_come_in_order() {
        let out = sample();
        assert_eq!(
            out.segments().collect::<Vec<_>>(),
            [&b"ab"[..], b"XY", b"Z", b"cd"]
        );
        assert_eq!((out.flatten(), out.len()), (b"abXYZcd".to_vec(), 7));
        assert_eq!(Output::new().segments().count(), 0);
    }

    #[test]
    fn append_insert_and_truncate_keep_values_in_place() {
        let mut out = sample();
        let end = out.position();
        out.append(&mut sample());
        assert_eq!(out.flatten(), b"abXYZcdabXYZcd");
        out.insert(end, b"--");
        out.insert(OutputPosition { byte: 2, shared: 1 }, b"!");
        assert_eq!(out.flatten(), b"abXY!Zcd--abXYZcd");
        out.truncate(OutputPosition {
            byte: end.byte + 1,
            shared: end.shared,
        });
        assert_eq!(out.flatten(), b"abXY!Zcd");
    }

    #[test]
    fn ranges_can_be_copied_out() {
        let source = sample();
        let mut out = Output::new();
        out.bytes.push(b'>');
        let from = OutputPosition { byte: 1, shared: 0 };
        out.append_range(&source, from, OutputPosition { byte: 3, shared: 2 });
        assert_eq!(out.flatten(), b">bXYZc");
        out.append_range(
            &source,
            OutputPosition { byte: 2, shared: 1 },
            source.position(),
        );
        assert_eq!(out.flatten(), b">bXYZcZcd");
    }
}
