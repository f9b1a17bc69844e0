//! The receive buffers of the io_uring back end: a block of memory cut into chunks, and the ring that offers them to
//! the kernel.
//!
//! ```text
//! one anonymous mapping:
//!   | entry 0 | entry 1 | .. | entry n-1 | pad to page | chunk 0 | chunk 1 | .. | chunk n-1 |
//!     16 B each: address, length, buffer id, (in entry 0 only: the ring's tail)
//! ```
//!
//! A receive takes the next entry and names the buffer in its completion. So no connection owns a receive buffer,
//! and ten thousand idle ones cost nothing. The kernel takes entries first in, first out: all chunks are touched in
//! turn, and their total is the cache footprint of receiving. Small is fast; running out is legal (ENOBUFS).
//!
//! Invariants
//!   1. A chunk is with the kernel (`lent == 0`) or with the caller (`lent` = its bytes), never both.
//!   2. The kernel writes only chunks whose entry it was given; entries are given by moving the tail, in `publish`,
//!      after they are written.
//!   3. The mapping lives until the buffer ring is unregistered and every receive has completed (`uring.rs`).
#![expect(unsafe_code, reason = "memory shared with the kernel")]

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

/// The only buffer group of a ring.
pub(super) const GROUP: u16 = 0;

pub(super) struct ReceiveBuffers {
    base: NonNull<u8>,
    mapped_bytes: usize,
    /// Where chunk 0 begins, from `base`.
    chunks_at: usize,
    chunk_bytes: u32,
    count: u16,
    /// Entries given so far, wrapping; the kernel knows of those before its copy in entry 0.
    tail: u16,
    /// For each chunk the bytes that the caller may read, 0 while it is with the kernel.
    lent: Box<[u32]>,
    lent_count: u16,
}

impl ReceiveBuffers {
    /// Maps `count` chunks and registers them with `ring`.
    pub(super) fn new(ring: &IoUring, count: u16, chunk_bytes: u32) -> io::Result<ReceiveBuffers> {
        assert!(
            count.is_power_of_two(),
            "the kernel wants a power of two of buffers"
        );
        assert!(chunk_bytes > 0, "a buffer that can hold something");
        const PAGE: usize = 4096;
        let chunks_at = (usize::from(count) * size_of::<BufRingEntry>()).next_multiple_of(PAGE);
        let mapped_bytes = chunks_at + usize::from(count) * chunk_bytes as usize;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice; overlaps nothing.
        let base = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                mapped_bytes,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let base = NonNull::new(base.cast::<u8>()).expect("a mapping is not at address 0");
        let mut buffers = ReceiveBuffers {
            base,
            mapped_bytes,
            chunks_at,
            chunk_bytes,
            count,
            tail: 0,
            lent: vec![0; usize::from(count)].into_boxed_slice(),
            lent_count: 0,
        };
        // SAFETY: the entries are page-aligned, zeroed and mapped; invariant 3 keeps them until they are unregistered.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(
                base.as_ptr().expose_provenance() as u64,
                count,
                GROUP,
                0,
            )?;
        }
        for id in 0..count {
            buffers.offer(id);
        }
        buffers.publish();
        Ok(buffers)
    }

    fn chunk_address(&self, id: u16) -> *mut u8 {
        assert!(id < self.count, "a buffer id of this ring");
        // SAFETY: below `count`, so the offset is inside the mapping.
        unsafe {
            self.base
                .as_ptr()
                .add(self.chunks_at + usize::from(id) * self.chunk_bytes as usize)
        }
    }

    /// Writes an entry for the chunk behind the tail, not yet visible to the kernel.
    fn offer(&mut self, id: u16) {
        let address = self.chunk_address(id);
        let at = usize::from(self.tail & (self.count - 1));
        // SAFETY: `at < count`, so the entry is inside the mapping, aligned, and initialised (zeroed or written). The
        // kernel does not read it before `publish` moves the tail past it, and there are never more than `count`
        // entries outstanding, because a chunk is offered only when it is not with the kernel (invariant 1).
        let entry = unsafe { &mut *self.base.as_ptr().cast::<BufRingEntry>().add(at) };
        entry.set_addr(address.expose_provenance() as u64);
        entry.set_len(self.chunk_bytes);
        entry.set_bid(id);
        self.tail = self.tail.wrapping_add(1);
    }

    /// Lets the kernel have what was recycled. Once a turn, before entering it.
    pub(super) fn publish(&mut self) {
        // SAFETY: the base is that of the registered entries, so this is the address of the ring's tail: a mapped,
        // aligned u16 which the kernel only reads.
        let tail = unsafe {
            AtomicU16::from_ptr(BufRingEntry::tail(self.base.as_ptr().cast()).cast_mut())
        };
        // Release: the entries become visible before the tail does.
        tail.store(self.tail, Ordering::Release);
    }

    /// A completion says the kernel has put `bytes` bytes in this chunk: it is lent from now on.
    #[inline]
    pub(super) fn lend(&mut self, id: u16, bytes: u32) {
        assert!(
            bytes > 0 && bytes <= self.chunk_bytes,
            "a chunk with something in it"
        );
        let lent = &mut self.lent[usize::from(id)];
        assert_eq!(*lent, 0, "the kernel filled a chunk that it did not have");
        *lent = bytes;
        self.lent_count += 1;
    }

    /// A completion used up the chunk without putting anything in it.
    pub(super) fn give_back_unused(&mut self, id: u16) {
        assert_eq!(
            self.lent[usize::from(id)],
            0,
            "the kernel returned a chunk that it did not have"
        );
        self.offer(id);
    }

    #[inline]
    pub(super) fn bytes(&self, id: u16) -> &[u8] {
        let length = self.lent[usize::from(id)];
        assert_ne!(length, 0, "a chunk that is lent");
        let address = self.chunk_address(id);
        // SAFETY: lent, so the kernel does not write it (invariant 1), and giving it back needs `&mut self`. The
        // kernel, or the zeroed mapping, initialised it; `length <= chunk_bytes`.
        unsafe { std::slice::from_raw_parts(address, length as usize) }
    }

    #[inline]
    pub(super) fn recycle(&mut self, id: u16) {
        assert_ne!(self.lent[usize::from(id)], 0, "a chunk that is lent");
        self.lent[usize::from(id)] = 0;
        self.lent_count -= 1;
        self.offer(id);
    }

    /// Whether the caller holds every chunk, so that a receive could only fail.
    pub(super) fn all_lent(&self) -> bool {
        self.lent_count == self.count
    }

    /// Keeps the memory for ever: the kernel may still write it.
    pub(super) fn leak(&mut self) {
        self.mapped_bytes = 0;
    }
}

impl Drop for ReceiveBuffers {
    fn drop(&mut self) {
        if self.mapped_bytes > 0 {
            // SAFETY: our own mapping, with its length; invariant 3 says nobody else uses it any more.
            unsafe { libc::munmap(self.base.as_ptr().cast(), self.mapped_bytes) };
        }
    }
}
