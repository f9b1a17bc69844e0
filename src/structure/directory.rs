#![expect(
    unsafe_code,
    reason = "a directory is one allocation of words and times, known by a tagged pointer"
)]
//! The inner nodes of a large slot: which segment holds which leading hash bits.
//!
//! Extendible hashing: a directory has 2^bits children, and a segment that needs fewer bits (its depth) is named by
//! several neighbours. Splitting a segment costs that segment; the directory doubles when its deepest one splits. At 8
//! bits it stops, and a segment that splits is replaced by a directory of its own: no step ever copies more than 4 KB,
//! where a single directory for 10 M keys would double 512 KB at once.
//!
//! ```text
//! | child 0 | .. | child 2^bits - 1 | due 0 | .. | due 2^bits - 1 |
//! ```
//!
//! `due` is a lower bound of the expiry times below a child; a segment with several names has it at its first one, the
//! others say never.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::due::NEVER;
use super::entry::size_class;
use super::segment::Word;

/// Bits of a full directory.
pub(super) const BITS_MAX: u32 = 8;

/// A directory, borrowed from its table.
pub(super) struct Directory<'t> {
    children: NonNull<Word>,
    bits: u32,
    borrows: PhantomData<&'t mut Word>,
}

impl Directory<'_> {
    /// # Safety
    /// `word` is that of a live directory that nobody frees during the handle's life; nobody else changes it then, nor
    /// reads it if this handle is used to change it.
    #[inline]
    pub(super) unsafe fn new(word: Word) -> Self {
        debug_assert!(word.is_directory());
        let address = NonNull::new(word.address()).expect("a directory has memory");
        Directory {
            children: address.cast(),
            bits: word.depth(),
            borrows: PhantomData,
        }
    }

    fn layout(bits: u32) -> Layout {
        // The index's words have room for tags only in pointers aligned to lines.
        Layout::from_size_align((16 << bits).max(64), 64).expect("a directory is small")
    }

    /// Bytes of a directory, by allocation class.
    pub(super) fn bytes(bits: u32) -> usize {
        size_class(Self::layout(bits).size())
    }

    /// A new directory of empty segments; whoever keeps its word owes a `free`.
    pub(super) fn allocate(bits: u32) -> Self {
        assert!((1..=BITS_MAX).contains(&bits));
        let layout = Self::layout(bits);
        // SAFETY: the layout is not empty.
        let address = unsafe { alloc(layout) };
        let Some(address) = NonNull::new(address) else {
            handle_alloc_error(layout)
        };
        let mut directory = Directory {
            children: address.cast(),
            bits,
            borrows: PhantomData,
        };
        for at in 0..directory.len() {
            directory.set_child(at, Word::EMPTY);
            directory.set_due(at, NEVER);
        }
        directory
    }

    /// Frees the directory's memory, not its children.
    ///
    /// # Safety
    /// Nobody uses the directory or another copy of its word afterwards.
    pub(super) unsafe fn free(self) {
        // SAFETY: allocated with the layout of the same bits; the caller's duty.
        unsafe { dealloc(self.children.as_ptr().cast(), Self::layout(self.bits)) }
    }

    pub(super) fn word(&self) -> Word {
        Word::directory(self.children.cast(), self.bits)
    }

    #[inline]
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        1 << self.bits
    }

    /// Which child a hash leads to, after `consumed` bits.
    #[inline]
    pub(super) fn index_of(&self, hash: u64, consumed: u32) -> usize {
        ((hash << consumed) >> (64 - self.bits)) as usize
    }

    /// The first name of the segment that is named at `at`, and how many names it has.
    pub(super) fn names(&self, at: usize) -> (usize, usize) {
        let word = self.child(at);
        let count = if word.is_directory() {
            1
        } else {
            1 << (self.bits - word.depth())
        };
        (at & !(count - 1), count)
    }

    #[inline]
    pub(super) fn child(&self, at: usize) -> Word {
        assert!(at < self.len());
        // SAFETY: inside the allocation, initialised by `allocate`; borrowed like `self`.
        unsafe { self.children.add(at).read() }
    }

    pub(super) fn set_child(&mut self, at: usize, word: Word) {
        assert!(at < self.len());
        // SAFETY: inside the allocation; borrowed exclusively like `self`.
        unsafe { self.children.add(at).write(word) }
    }

    /// Names a segment, whose depth says how often, at `first` and the places after it.
    pub(super) fn set_names(&mut self, first: usize, word: Word) {
        debug_assert!(!word.is_directory());
        let count = 1 << (self.bits - word.depth());
        debug_assert!(first.is_multiple_of(count));
        for at in first..first + count {
            self.set_child(at, word);
            self.set_due(at, NEVER);
        }
    }

    #[inline]
    pub(super) fn due(&self, at: usize) -> i64 {
        assert!(at < self.len());
        // SAFETY: times follow the children, inside the allocation, initialised by `allocate`.
        unsafe { self.children.add(self.len() + at).cast::<i64>().read() }
    }

    pub(super) fn set_due(&mut self, at: usize, due: i64) {
        assert!(at < self.len());
        // SAFETY: as in `due`; borrowed exclusively like `self`.
        unsafe { self.children.add(self.len() + at).cast::<i64>().write(due) }
    }

    /// The least of all times.
    pub(super) fn least_due(&self) -> i64 {
        (0..self.len())
            .map(|at| self.due(at))
            .min()
            .unwrap_or(NEVER)
    }

    /// A copy with one bit more, each child named twice. The caller frees this one.
    pub(super) fn doubled(&self) -> Self {
        let mut double = Self::allocate(self.bits + 1);
        for at in 0..self.len() {
            double.set_child(2 * at, self.child(at));
            double.set_child(2 * at + 1, self.child(at));
            double.set_due(2 * at, self.due(at));
        }
        double
    }

    /// A copy with one bit less, if no child needs all bits. The caller frees this one.
    pub(super) fn halved(&self) -> Option<Self> {
        let needs_all = |word: Word| word.is_directory() || word.depth() == self.bits;
        if self.bits == 1 || (0..self.len()).any(|at| needs_all(self.child(at))) {
            return None;
        }
        let mut half = Self::allocate(self.bits - 1);
        for at in 0..half.len() {
            half.set_child(at, self.child(2 * at));
            half.set_due(at, self.due(2 * at));
        }
        Some(half)
    }
}

const _: () = assert!(size_of::<Word>() == 8 && size_of::<i64>() == 8);
