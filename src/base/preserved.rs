//! How much memory a snapshot holds beyond what it was taken of.
//!
//! What a writer is about to change and a snapshot has not written yet is kept, in whatever form and on whatever thread.
//! All of it is counted in one place, since all of it has one limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The sums of one snapshot.
#[derive(Debug, Default)]
pub struct Preserved {
    held: AtomicU64,
    peak: AtomicU64,
    /// Values begun and not written to their end.
    open: AtomicU64,
    /// Values ever begun.
    records: AtomicU64,
    /// One of them has gone.
    lost: AtomicBool,
    over: AtomicBool,
}

/// Some bytes held for a snapshot; given back when this is dropped.
#[derive(Debug)]
pub struct Holding {
    of: Arc<Preserved>,
    bytes: u64,
}

impl Preserved {
    /// Bytes held now.
    #[inline]
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// The most bytes held so far.
    pub fn peak(&self) -> u64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Says that nothing needs to be preserved any more: the snapshot is finished, or given up.
    pub fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Whether that is so.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// A value is going to be written in pieces. Returns a number for it.
    pub fn open(&self) -> u64 {
        self.open.fetch_add(1, Ordering::AcqRel);
        self.records.fetch_add(1, Ordering::Relaxed)
    }

    /// It is finished, or `lost`: it has gone before it was.
    pub fn close(&self, lost: bool) {
        if lost {
            self.lost.store(true, Ordering::Release);
        }
        self.open.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether values are unfinished.
    pub fn has_open(&self) -> bool {
        self.open.load(Ordering::Acquire) != 0
    }

    /// Whether one was lost, so that the snapshot is not whole.
    pub fn has_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }
}

impl Holding {
    /// Nothing yet.
    pub fn new(of: &Arc<Preserved>) -> Holding {
        Holding {
            of: Arc::clone(of),
            bytes: 0,
        }
    }

    /// Whose it is.
    pub fn of(&self) -> &Arc<Preserved> {
        &self.of
    }

    /// Bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Holds more.
    #[inline]
    pub fn add(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        let held = self.of.held.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if held > self.of.peak.load(Ordering::Relaxed) {
            self.of.peak.fetch_max(held, Ordering::Relaxed);
        }
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.of.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_dropped_is_not_held_and_the_peak_remains() {
        let sums = Arc::new(Preserved::default());
        let (mut one, mut other) = (Holding::new(&sums), Holding::new(&sums));
        one.add(10);
        other.add(5);
        drop(one);
        assert_eq!((sums.held(), sums.peak(), other.bytes()), (5, 15, 5));
        sums.open();
        sums.close(true);
        assert!(sums.has_lost() && !sums.has_open());
    }
}
