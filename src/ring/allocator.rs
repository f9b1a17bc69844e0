#![expect(
    unsafe_code,
    reason = "an allocator, and the settings of another, which are C functions"
)]
//! The process's allocator, and when it gives memory back to the system.
//!
//! It is mimalloc, but for what is huge: a string of 100 MB that grows would be copied, 70 ms during which its shard does
//! nothing else. So each such block is a mapping of its own, which grows by moving its pages to other addresses, if there
//! is no room behind it: microseconds. Whoever frees it gives it back to the system, and no thread's heap is concerned.
//! Which kind a block is follows from its layout, that everyone who has a block knows.
//!
//! mimalloc gives memory back by itself, in whatever thread happens to free something: all that became free in a segment of
//! 32 MiB in the last hundredth of a second or longer ago, when the next page of it becomes free, and segments as a whole
//! in the last tenth. That is milliseconds for a shard that frees a large value, or that frees anything a while after it
//! freed much. So whole segments are left to a thread that nobody waits for ([`give_back`]), and pages wait for one
//! millisecond, in which not much becomes free. What is soon used again mostly is so within that time. And while a shard frees
//! large values, what becomes free goes back at once ([`begin_freeing`]): some microseconds for each 64 KiB, so that whoever
//! frees in small steps makes small pauses.

use crate::base::limits::HUGE_BYTES_MIN;
use libmimalloc_sys::{mi_collect, mi_option_get, mi_option_set, mi_option_t};
use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_long;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The allocator of all that is not huge.
#[cfg(not(miri))]
static ORDINARY: mimalloc::MiMalloc = mimalloc::MiMalloc;
/// The interpreter cannot call C.
#[cfg(miri)]
static ORDINARY: std::alloc::System = std::alloc::System;

/// The process's allocator.
pub struct Allocator;

/// A mapping ends at one of these, whatever the system's pages are, and a block may ask for no more alignment.
const PAGE_BYTES: usize = 4096;

/// What a thread gives back at a time: others wait for less long if they need the table of mappings.
const UNMAPPED_AT_ONCE_BYTES: usize = 8 << 20;

/// What a mapping for so much takes.
const fn whole(size: usize) -> usize {
    size.next_multiple_of(PAGE_BYTES)
}

/// Whether such a block has a mapping of its own.
#[inline]
fn is_mapped(layout: Layout) -> bool {
    layout.size() >= HUGE_BYTES_MIN && layout.align() <= PAGE_BYTES
}

// SAFETY: a block is `ORDINARY`'s or a mapping of its own, by its layout alone, so each is given back to whom it came from.
// Mappings are of the size asked for, private, readable and writable, at a multiple of the page's size, and all zeros where
// nobody has written.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_mapped(layout) {
            return map(layout.size());
        }
        // SAFETY: the caller's promise is ours.
        unsafe { ORDINARY.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_mapped(layout) {
            return map(layout.size());
        }
        // SAFETY: the caller's promise is ours.
        unsafe { ORDINARY.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if is_mapped(layout) {
            // SAFETY: the caller gives up the block, which is a mapping of this size.
            return unsafe { unmap(block, layout.size()) };
        }
        // SAFETY: the block came from there, as its layout says; the rest the caller promises.
        unsafe { ORDINARY.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size`, rounded up to the alignment, does not overflow `isize`.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (is_mapped(layout), is_mapped(wanted)) {
            // SAFETY: the block came from there, as its layout says; the rest the caller promises.
            (false, false) => unsafe { ORDINARY.realloc(block, layout, size) },
            // SAFETY: the block is a mapping of this size, which the caller gives up if another comes back.
            (true, true) => unsafe { remap(block, layout.size(), size) },
            // SAFETY: the block is the caller's, and large enough for what is copied out of it, as is the new one, which
            // is another; it is given back under its own layout, and not used any more.
            _ => unsafe {
                let new = self.alloc(wanted);
                if !new.is_null() {
                    block.copy_to_nonoverlapping(new, size.min(layout.size()));
                    self.dealloc(block, layout);
                }
                new
            },
        }
    }
}

/// Memory that nobody has touched, or null.
#[cold]
fn map(size: usize) -> *mut u8 {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let mut kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    if !cfg!(miri) {
        // The interpreter does not know it.
        kind |= libc::MAP_NORESERVE;
    }
    // SAFETY: a new mapping where the system wants it concerns nobody.
    let block = unsafe { libc::mmap(null_mut(), whole(size), access, kind, -1, 0) };
    match block {
        libc::MAP_FAILED => null_mut(),
        block => block.cast(),
    }
}

/// Makes a mapping longer or shorter, perhaps elsewhere; null, and nothing has changed, if that cannot be.
///
/// # Safety
///
/// It must be a mapping of this size that is the caller's, who gives it up if another comes back.
#[cold]
unsafe fn remap(block: *mut u8, old: usize, new: usize) -> *mut u8 {
    let (old, new) = (whole(old), whole(new));
    // SAFETY: all of the mapping is the caller's.
    let moved = unsafe { libc::mremap(block.cast(), old, new, libc::MREMAP_MAYMOVE) };
    match moved {
        libc::MAP_FAILED => null_mut(),
        moved => moved.cast(),
    }
}

/// Ends a mapping.
///
/// # Safety
///
/// It must be a mapping of this size that is the caller's, who gives it up.
#[cold]
unsafe fn unmap(block: *mut u8, size: usize) {
    let size = whole(size);
    for from in (0..size).step_by(UNMAPPED_AT_ONCE_BYTES) {
        if cfg!(miri) {
            break;
        }
        let bytes = UNMAPPED_AT_ONCE_BYTES.min(size - from);
        // SAFETY: pages of the mapping, all of which is given up. If the system refuses, the next call does it.
        unsafe { libc::madvise(block.add(from).cast(), bytes, libc::MADV_DONTNEED) };
    }
    // SAFETY: all of the mapping is given up. The system refuses if it would have to split what it has as one and has too
    // many already: then addresses are lost, and no memory.
    unsafe { libc::munmap(block.cast(), size) };
}

/// Milliseconds that what became free in a segment is kept. The bindings do not have the numbers of these settings, which
/// are those of version 2.3.
const PURGE_DELAY: mi_option_t = 15;
const PURGE_DELAY_USUAL: c_long = 10;
/// What has gathered when it is over goes back in one go. With ten milliseconds that took 3 to 5 of them.
const PURGE_DELAY_OURS: c_long = 1;

/// Other settings: number, usual value, and ours.
const SETTINGS: &[(mi_option_t, c_long, c_long)] = &[
    // `purge_extend_delay`: what becomes free later does not make it last longer.
    (25, 1, 0),
    // `arena_purge_mult`: whole segments are kept so many times as long.
    (24, 10, 1_000_000),
    // `generic_collect`: all pages of a thread are looked at after so many requests that went the long way.
    (36, 10_000, 1_000_000),
];

/// The settings are as expected: nobody has set them in the environment.
static IS_TUNED: AtomicBool = AtomicBool::new(false);

/// Threads that free something large.
static FREEING: AtomicUsize = AtomicUsize::new(0);

/// Chooses settings for threads that must not pause, unless some are set in the environment. To be called before there are
/// such threads.
pub fn tune() {
    // SAFETY: plain reads of the allocator's table of settings, which checks the number.
    let is_usual = |setting, usual| unsafe { mi_option_get(setting) } == usual;
    let mut settings = SETTINGS.iter();
    if is_usual(PURGE_DELAY, PURGE_DELAY_USUAL) && settings.all(|it| is_usual(it.0, it.1)) {
        for &(setting, _, ours) in SETTINGS {
            set(setting, ours);
        }
        set(PURGE_DELAY, PURGE_DELAY_OURS);
        IS_TUNED.store(true, Ordering::Relaxed);
    }
}

fn set(setting: mi_option_t, value: c_long) {
    // SAFETY: a plain write to the allocator's table of settings, which checks the number. Others read it meanwhile and find
    // the old value or the new one: it is a word.
    unsafe { mi_option_set(setting, value) }
}

/// From now on this thread frees something large, in small steps.
pub fn begin_freeing() {
    if FREEING.fetch_add(1, Ordering::Relaxed) == 0 && IS_TUNED.load(Ordering::Relaxed) {
        set(PURGE_DELAY, 0);
    }
}

/// It is done.
pub fn end_freeing() {
    if FREEING.fetch_sub(1, Ordering::Relaxed) == 1 && IS_TUNED.load(Ordering::Relaxed) {
        set(PURGE_DELAY, PURGE_DELAY_OURS);
    }
}

/// Gives back to the system what is free as a whole. Takes milliseconds for each ten megabytes.
pub fn give_back() {
    // SAFETY: may be called by any thread at any time; it concerns the heap of this thread, and what no thread has.
    unsafe { mi_collect(true) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block and its layout.
    struct Block(*mut u8, Layout);

    impl Block {
        fn new(size: usize, zeroed: bool) -> Block {
            let layout = Layout::from_size_align(size, 8).expect("the size is small");
            let block = match zeroed {
                // SAFETY: the size is not zero.
                true => unsafe { Allocator.alloc_zeroed(layout) },
                // SAFETY: as above.
                false => unsafe { Allocator.alloc(layout) },
            };
            assert!(!block.is_null());
            Block(block, layout)
        }

        fn resize(&mut self, size: usize) {
            // SAFETY: the block has this layout; the size is not zero.
            self.0 = unsafe { Allocator.realloc(self.0, self.1, size) };
            assert!(!self.0.is_null());
            self.1 = Layout::from_size_align(size, 8).expect("the size is small");
        }

        fn write(&mut self, at: usize, byte: u8) {
            assert!(at < self.1.size());
            // SAFETY: within the block.
            unsafe { self.0.add(at).write(byte) }
        }

        fn read(&self, at: usize) -> u8 {
            assert!(at < self.1.size());
            // SAFETY: within the block; the tests have written there, or it was zeroed.
            unsafe { self.0.add(at).read() }
        }

        /// How many of its pages are there.
        #[cfg(not(miri))]
        fn resident(&self) -> usize {
            let mut pages = vec![0_u8; self.1.size().div_ceil(PAGE_BYTES)];
            // SAFETY: a mapping of this size, and a byte for each of its pages.
            let failed = unsafe { libc::mincore(self.0.cast(), self.1.size(), pages.as_mut_ptr()) };
            assert_eq!(failed, 0);
            pages.iter().filter(|page| **page & 1 != 0).count()
        }
    }

    impl Drop for Block {
        fn drop(&mut self) {
            // SAFETY: the block has this layout and is not used any more.
            unsafe { Allocator.dealloc(self.0, self.1) }
        }
    }

    #[test]
    fn what_is_in_a_block_stays_when_it_becomes_huge_and_small_again() {
        let sizes = [
            100,
            HUGE_BYTES_MIN - 1,
            HUGE_BYTES_MIN,
            3 * HUGE_BYTES_MIN + 5,
            HUGE_BYTES_MIN + 4097,
            7,
        ];
        let mut block = Block::new(sizes[0], false);
        block.write(0, 1);
        block.write(6, 2);
        for size in sizes {
            block.resize(size);
            assert_eq!((block.read(0), block.read(6)), (1, 2), "{size}");
            block.write(size - 1, 3);
            assert_eq!(block.read(size - 1), 3);
            block.write(6, 2);
        }
    }

    #[test]
    fn huge_blocks_begin_as_zeros() {
        for size in [HUGE_BYTES_MIN, HUGE_BYTES_MIN + 1] {
            let mut block = Block::new(size, true);
            assert_eq!((block.read(0), block.read(size - 1)), (0, 0));
            block.write(size - 1, 9);
        }
    }

    #[test]
    #[cfg(not(miri))]
    fn a_huge_block_that_grows_is_not_copied() {
        let mut block = Block::new(4 * HUGE_BYTES_MIN, true);
        block.write(HUGE_BYTES_MIN, 5);
        assert_eq!(block.resident(), 1);
        block.resize(16 * HUGE_BYTES_MIN);
        // Whoever copies a page touches it.
        assert_eq!(block.resident(), 1);
        assert_eq!(block.read(HUGE_BYTES_MIN), 5);
        block.resize(2 * HUGE_BYTES_MIN);
        assert_eq!((block.resident(), block.read(HUGE_BYTES_MIN)), (1, 5));
    }
}
