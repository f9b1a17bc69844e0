//! Bytes that grow, in as little room as can be: small values are many, and each has one of these.
//!
//! A `Vec` takes three words. This takes three with a number of its owner's in it: lengths and capacities are those of
//! values that have to fit 32 bits anyway.

use std::ops::{Deref, DerefMut};

/// Growing bytes and a number.
#[derive(Debug, Default)]
pub(super) struct Tight {
    /// As many as are allocated; those beyond `len` are not in use.
    room: Box<[u8]>,
    len: u32,
    /// The owner's.
    pub(super) count: u32,
}

impl Tight {
    /// Empty, with room for `capacity` bytes.
    pub(super) fn with_capacity(capacity: usize) -> Tight {
        Tight {
            room: vec![0; capacity].into_boxed_slice(),
            len: 0,
            count: 0,
        }
    }

    /// Takes over bytes and their allocation.
    pub(super) fn from_vec(mut bytes: Vec<u8>, capacity: usize) -> Tight {
        let len = narrow(bytes.len());
        bytes.truncate(capacity);
        bytes.shrink_to(capacity);
        bytes.reserve_exact(capacity - bytes.len());
        bytes.resize(capacity, 0);
        Tight {
            room: bytes.into_boxed_slice(),
            len,
            count: 0,
        }
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        self.room.len()
    }

    /// Moves to an allocation of this size, which is no less than what is in use.
    pub(super) fn set_capacity(&mut self, capacity: usize) {
        assert!(capacity >= self.len(), "nothing in use is given up");
        let mut bytes = std::mem::take(&mut self.room).into_vec();
        if capacity > bytes.len() {
            bytes.reserve_exact(capacity - bytes.len());
            bytes.resize(capacity, 0);
        } else {
            bytes.truncate(capacity);
        }
        self.room = bytes.into_boxed_slice();
    }

    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    #[inline]
    pub(super) fn extend_from_slice(&mut self, bytes: &[u8]) {
        let old = self.len();
        self.resize(old + bytes.len());
        self[old..].copy_from_slice(bytes);
    }

    /// What is new is anything.
    #[inline]
    pub(super) fn resize(&mut self, len: usize) {
        if len > self.capacity() {
            self.set_capacity(len);
        }
        self.len = narrow(len);
    }

    #[inline]
    pub(super) fn truncate(&mut self, len: usize) {
        self.len = self.len.min(narrow(len));
    }

    /// Drops the bytes from one place to another.
    pub(super) fn cut(&mut self, from: usize, to: usize) {
        self.copy_within(to.., from);
        self.truncate(self.len() - (to - from));
    }
}

impl Deref for Tight {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.room[..self.len as usize]
    }
}

impl DerefMut for Tight {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.room[..self.len as usize]
    }
}

#[inline]
fn narrow(len: usize) -> u32 {
    u32::try_from(len).expect("a small value has its bound")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn it_is_three_words_and_behaves_like_a_vector() {
        assert_eq!(size_of::<Tight>(), 24);
        let mut rng = Rng::new(4);
        for _ in 0..50 {
            let start: Vec<u8> = (0..rng.index(30)).map(|i| i as u8).collect();
            let mut tight = Tight::from_vec(start.clone(), start.len() + rng.index(9));
            let mut model = start;
            for _ in 0..100 {
                match rng.below(5) {
                    0 => {
                        tight.push(7);
                        model.push(7);
                    }
                    1 => {
                        tight.extend_from_slice(b"some more");
                        model.extend_from_slice(b"some more");
                    }
                    2 => {
                        let len = rng.index(model.len() + 2);
                        tight.truncate(len);
                        model.truncate(len);
                    }
                    3 => {
                        let to = rng.index(model.len() + 1);
                        let from = rng.index(to + 1);
                        tight.cut(from, to);
                        model.drain(from..to);
                    }
                    _ => tight.set_capacity(model.len() + rng.index(20)),
                }
                assert_eq!(*tight, model[..]);
                assert!(tight.capacity() >= tight.len());
            }
        }
    }
}
