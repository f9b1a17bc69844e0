//! How much memory a snapshot holds beyond what it was taken of.
//!
//! What a writer is about to change and a snapshot has not written yet is kept, in whatever form and on whatever thread.
//! All of it is counted in one place, since all of it has one limit.
//!
//! What the limit is about is [`Preserved::extra`]: what the process takes beyond what was in use at the cut, or is now if
//! that is more. A value that was removed was there before and is no copy; it takes nothing more until something else has
//! come in its place. The largest of those that were kept as a whole is left out as well: one that is larger than the
//! limit is no reason to end a snapshot, and for two of them writers can wait.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::limits::SNAPSHOT_GIANT_BYTES_MIN;

/// The sums of one snapshot.
#[derive(Debug, Default)]
pub struct Preserved {
    /// Bytes of all keys when the snapshot was begun.
    used_at_cut: u64,
    /// Values that were kept as a whole, if they are large, and the largest of them.
    giants: Mutex<Vec<u64>>,
    largest: AtomicU64,
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
    /// The largest value in it, if that is among the giants.
    giant: u64,
}

impl Preserved {
    /// Of a snapshot that is begun while all keys take so many bytes.
    pub fn of(used: u64) -> Preserved {
        Preserved {
            used_at_cut: used,
            ..Preserved::default()
        }
    }

    /// What it takes beyond what there was, or is; `used` are the bytes that all keys take now.
    pub fn extra(&self, used: u64) -> u64 {
        let freed = self.used_at_cut.saturating_sub(used);
        let spared = freed + self.largest.load(Ordering::Relaxed);
        self.held().saturating_sub(spared)
    }

    fn exchange_giant(&self, old: u64, new: u64) {
        let mut giants = self.giants.lock();
        if let Some(at) = giants.iter().position(|&giant| giant == old) {
            giants.swap_remove(at);
        }
        if new > 0 {
            giants.push(new);
        }
        let largest = giants.iter().copied().max().unwrap_or(0);
        self.largest.store(largest, Ordering::Relaxed);
    }

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
            giant: 0,
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

impl Holding {
    /// Holds a value that was kept as it is.
    #[inline]
    pub fn add_value(&mut self, bytes: usize) {
        self.add(bytes);
        if bytes as u64 > self.giant && bytes >= SNAPSHOT_GIANT_BYTES_MIN {
            self.of.exchange_giant(self.giant, bytes as u64);
            self.giant = bytes as u64;
        }
    }

    /// Holds less, at most all that it holds.
    pub fn give(&mut self, bytes: usize) {
        let bytes = (bytes as u64).min(self.bytes);
        self.bytes -= bytes;
        self.of.held.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        if self.giant > 0 {
            self.of.exchange_giant(self.giant, 0);
        }
        self.of.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_is_nothing_more() {
        let giant = 10 * SNAPSHOT_GIANT_BYTES_MIN;
        let sums = Arc::new(Preserved::of(100 * giant as u64));
        let holds = |values: &[usize]| {
            let mut holding = Holding::new(&sums);
            values.iter().for_each(|&bytes| holding.add_value(bytes));
            holding
        };
        let extra = |used: usize| sums.extra(used as u64);
        let many = holds(&[1000; 50]);
        assert_eq!(
            extra(100 * giant),
            50_000,
            "others have come in their place"
        );
        assert_eq!(
            (extra(100 * giant - 50_000), extra(200 * giant)),
            (0, 50_000)
        );
        let one = holds(&[giant]);
        assert_eq!(extra(100 * giant), 50_000, "one giant is none");
        let mut two = holds(&[giant / 2, giant * 2]);
        assert_eq!(extra(100 * giant), (50_000 + giant + giant / 2) as u64);
        two.give(giant / 2);
        drop(many);
        assert_eq!(extra(100 * giant), giant as u64);
        drop(two);
        assert_eq!(extra(100 * giant), 0);
        drop(one);
        assert_eq!((sums.held(), sums.largest.load(Ordering::Relaxed)), (0, 0));
    }

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
