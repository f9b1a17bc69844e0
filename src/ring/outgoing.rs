//! Replies on their way out: the bytes, the values spliced in by reference, and how far the socket has taken them.
//!
//! Big values are not copied into the reply buffer. An [`Output`] holds the bytes around them and, for each, the
//! position where it belongs; a send gathers the pieces. Sent a bounded piece at a time ([`PIECE_BYTES_MAX`]), so a
//! client that fetches 100 MB does not make its neighbours wait for a copy of 100 MB into its socket.

use std::io::IoSlice;

use crate::base::Output;

/// Most bytes given to one socket in one turn: about 50 us of copying.
pub(super) const PIECE_BYTES_MAX: usize = 256 * 1024;

/// Most slices in one send. Shared values are 16 KB and more, so a full piece has at most 16 of them and 17 runs of
/// bytes between; should they be smaller, the piece is just shorter.
pub(super) const PIECE_SLICES_MAX: usize = 33;

/// An [`Output`] that a socket is sending.
#[derive(Debug)]
pub(super) struct Outgoing {
    out: Output,
    /// How much of `out.bytes` is sent.
    bytes_sent: usize,
    /// How many of `out.shared` are sent entirely.
    shared_sent: usize,
    /// How much of the next one of `out.shared` is sent.
    within: usize,
}

impl Outgoing {
    pub(super) fn new(out: Output) -> Outgoing {
        debug_assert!(out.shared.is_sorted_by_key(|(position, _)| *position));
        debug_assert!(
            out.shared
                .last()
                .is_none_or(|(position, _)| *position <= out.bytes.len())
        );
        Outgoing {
            out,
            bytes_sent: 0,
            shared_sent: 0,
            within: 0,
        }
    }

    /// The rest as slices, in order, none of them empty.
    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let (mut at, mut next, mut within) = (self.bytes_sent, self.shared_sent, self.within);
        std::iter::from_fn(move || {
            loop {
                let Some((position, value)) = self.out.shared.get(next) else {
                    let rest = &self.out.bytes[at..];
                    at = self.out.bytes.len();
                    return (!rest.is_empty()).then_some(rest);
                };
                if at < *position {
                    let run = &self.out.bytes[at..*position];
                    at = *position;
                    return Some(run);
                }
                let rest = &value[within..];
                (next, within) = (next + 1, 0);
                if !rest.is_empty() {
                    return Some(rest);
                }
            }
        })
    }

    /// The next piece, if it is one slice; the common case of a reply without shared values.
    pub(super) fn single(&self) -> Option<&[u8]> {
        if self.shared_sent < self.out.shared.len() {
            return None;
        }
        let rest = &self.out.bytes[self.bytes_sent..];
        Some(&rest[..rest.len().min(PIECE_BYTES_MAX)])
    }

    /// Whether the next piece is all that is left.
    pub(super) fn is_last_piece(&self) -> bool {
        if self.shared_sent == self.out.shared.len() {
            return self.out.bytes.len() - self.bytes_sent <= PIECE_BYTES_MAX;
        }
        let (mut count, mut bytes) = (0, 0);
        for slice in self.slices() {
            count += 1;
            bytes += slice.len();
            if count > PIECE_SLICES_MAX || bytes > PIECE_BYTES_MAX {
                return false;
            }
        }
        true
    }

    /// Gathers the next piece; returns how many of `into` were filled and their bytes.
    pub(super) fn gather<'a>(&'a self, into: &mut [IoSlice<'a>]) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for (to, slice) in into.iter_mut().zip(self.slices()) {
            let taken = slice.len().min(PIECE_BYTES_MAX - bytes);
            if taken == 0 {
                break;
            }
            *to = IoSlice::new(&slice[..taken]);
            count += 1;
            bytes += taken;
        }
        (count, bytes)
    }

    /// Notes that the socket took `count` more bytes.
    pub(super) fn advance(&mut self, mut count: usize) {
        while count > 0 {
            let Some((position, value)) = self.out.shared.get(self.shared_sent) else {
                self.bytes_sent += count;
                assert!(
                    self.bytes_sent <= self.out.bytes.len(),
                    "sent more than there was"
                );
                return;
            };
            let run = position - self.bytes_sent;
            if count <= run {
                self.bytes_sent += count;
                return;
            }
            self.bytes_sent = *position;
            count -= run;
            let rest = value.len() - self.within;
            if count < rest {
                self.within += count;
                return;
            }
            count -= rest;
            self.within = 0;
            self.shared_sent += 1;
        }
    }

    pub(super) fn is_finished(&self) -> bool {
        self.slices().next().is_none()
    }

    /// Emptied, with its capacity, for the caller's pool.
    pub(super) fn into_emptied(self) -> Output {
        let mut out = self.out;
        out.clear();
        out
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn output(pieces: &[(&str, bool)]) -> (Output, Vec<u8>) {
        let (mut out, mut flat) = (Output::default(), Vec::new());
        for (text, shared) in pieces {
            flat.extend_from_slice(text.as_bytes());
            if *shared {
                out.shared
                    .push((out.bytes.len(), Arc::new(text.as_bytes().to_vec())));
            } else {
                out.bytes.extend_from_slice(text.as_bytes());
            }
        }
        (out, flat)
    }

    /// Sends in steps of `step` bytes and returns what arrives.
    fn send_in_steps(out: Output, step: usize) -> Vec<u8> {
        let mut outgoing = Outgoing::new(out);
        let mut arrived = Vec::new();
        while !outgoing.is_finished() {
            let mut slices = [IoSlice::new(&[]); 3];
            let (count, bytes) = outgoing.gather(&mut slices);
            let piece: Vec<u8> = slices[..count]
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            assert_eq!(piece.len(), bytes);
            if let Some(single) = outgoing.single() {
                assert_eq!(single, piece);
            }
            let taken = step.min(bytes);
            arrived.extend_from_slice(&piece[..taken]);
            outgoing.advance(taken);
        }
        arrived
    }

    #[test]
    fn every_split_of_a_spliced_output_arrives_in_order() {
        let shapes: [&[(&str, bool)]; 7] = [
            &[("", false)],
            &[("+OK\r\n", false)],
            &[("shared only", true)],
            &[("$5\r\n", false), ("hello", true), ("\r\n", false)],
            &[("one", true), ("two", true), ("tail", false), ("", true)],
            &[
                ("a", false),
                ("", true),
                ("", true),
                ("b", false),
                ("last", true),
            ],
            &[("", true), ("first", true), ("x", false)],
        ];
        for shape in shapes {
            for step in 1..20 {
                let (out, flat) = output(shape);
                assert_eq!(
                    send_in_steps(out, step),
                    flat,
                    "{shape:?} in steps of {step}"
                );
            }
        }
    }

    #[test]
    fn a_piece_is_bounded() {
        let mut out = Output::default();
        out.bytes.resize(10, b'a');
        out.shared
            .push((5, Arc::new(vec![b'v'; PIECE_BYTES_MAX * 2])));
        let outgoing = Outgoing::new(out);
        let mut slices = [IoSlice::new(&[]); PIECE_SLICES_MAX];
        assert_eq!(outgoing.gather(&mut slices), (2, PIECE_BYTES_MAX));
    }

    #[test]
    fn an_emptied_output_keeps_its_capacity() {
        let (out, _) = output(&[("head", false), ("value", true)]);
        let capacity = out.bytes.capacity();
        let out = Outgoing::new(out).into_emptied();
        assert!(out.bytes.is_empty() && out.shared.is_empty());
        assert_eq!(out.bytes.capacity(), capacity);
    }
}
