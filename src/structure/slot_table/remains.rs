#![expect(
    unsafe_code,
    reason = "what is left of a table owns its entries and nodes through tagged pointers"
)]
//! A table that is being freed, a piece at a time.
//!
//! Freeing ten million entries takes a second, and whose memory it is matters: the allocator has a thread collect what
//! others freed of its memory all at once, block by block, so that leaving it to another thread moves the pause instead
//! of ending it. So the owner frees, in pieces of some microseconds: some entries, a segment without its entries, or a
//! directory without what is below it.
//!
//! Invariants
//!   1. An address in `entries` is of a live entry, and the only way to it.
//!   2. A word in `stack` or in what is left of `heads` is of a live node, and the only way to it and to what is below.

use super::{Head, SlotTable};
use crate::base::cpu;
use crate::structure::directory::{BITS_MAX, Directory};
use crate::structure::entry::{Displaced, Entry};
use crate::structure::segment::{Segment, Word};
use std::marker::PhantomData;
use std::ptr::NonNull;

/// What is left of a table.
pub struct TableRemains<O> {
    /// Slots that were not begun.
    heads: std::vec::IntoIter<Head>,
    /// Nodes to be freed, each with the bits passed by directories above it.
    stack: Vec<(Word, u32)>,
    /// Entries of a segment that is freed already.
    entries: Vec<NonNull<u8>>,
    owns: PhantomData<Entry<O>>,
}

// SAFETY: the remains own their nodes and entries; sending them sends the `O`s in them.
unsafe impl<O: Send> Send for TableRemains<O> {}

/// Entries freed in one piece: with each, a page may become free, which goes back to the system.
const ENTRIES_A_PIECE: usize = 16;

/// Slots without anything that are passed over in one piece.
const SLOTS_A_PIECE: usize = 256;

impl<O, H> SlotTable<O, H> {
    /// Gives up the table, to be freed a piece at a time.
    pub fn into_remains(mut self) -> TableRemains<O> {
        self.take_remains()
    }

    /// All nodes and entries; the table is not to be used again.
    pub(super) fn take_remains(&mut self) -> TableRemains<O> {
        TableRemains {
            heads: std::mem::take(&mut self.heads).into_vec().into_iter(),
            stack: Vec::new(),
            entries: Vec::new(),
            owns: PhantomData,
        }
    }
}

impl<O> TableRemains<O> {
    /// Frees a piece, and calls `outside` for what its entries held beside their own allocations. Returns how many entries
    /// it had; `None` when nothing is left.
    pub fn free_some(&mut self, mut outside: impl FnMut(Displaced<O>)) -> Option<usize> {
        if !self.entries.is_empty() {
            let rest = self.entries.len().saturating_sub(ENTRIES_A_PIECE);
            for entry in self.entries.iter().take(rest).rev().take(ENTRIES_A_PIECE) {
                cpu::prefetch(entry.as_ptr());
            }
            let freed = self.entries.len() - rest;
            for entry in self.entries.drain(rest..) {
                // SAFETY: invariant 1: nobody else can get at the entry.
                outside(unsafe { Entry::<O>::from_raw(entry) }.dismantle());
            }
            return Some(freed);
        }
        let (word, consumed) = match self.stack.pop() {
            Some(top) => top,
            None => {
                let mut passed = self.heads.by_ref().take(SLOTS_A_PIECE);
                match passed.find(|head| head.root != Word::EMPTY) {
                    Some(head) => (head.root, 0),
                    None => return (self.heads.len() > 0).then_some(0),
                }
            }
        };
        if word.is_directory() {
            // SAFETY: invariant 2: nobody else can get at it.
            let directory = unsafe { Directory::new(word) };
            let mut at = 0;
            while at < directory.len() {
                let child = directory.child(at);
                let below = if child.is_directory() {
                    consumed + BITS_MAX
                } else {
                    consumed
                };
                if !child.is_empty() {
                    self.stack.push((child, below));
                }
                at += directory.names(at).1;
            }
            // SAFETY: as above; its children are on the stack.
            unsafe { directory.free() };
            return Some(0);
        }
        // SAFETY: invariant 2: this word is the only way to the segment, whose cells are the only way to its entries;
        // they are in `entries` before it is freed.
        unsafe {
            if let Some(segment) = Segment::new(word, consumed + word.depth()) {
                self.entries.extend(segment.entries());
                segment.free();
            }
        }
        Some(0)
    }
}

impl<O> Drop for TableRemains<O> {
    fn drop(&mut self) {
        while self.free_some(drop).is_some() {}
    }
}
