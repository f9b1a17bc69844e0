#![expect(
    unsafe_code,
    reason = "frames cross threads as raw pointers in the cells of a ring"
)]
//! The inbox of a shard: one FIFO over all producers, and the only thing that decides order.
//!
//! ```text
//! line 0    W = tail << 1 | latch            the one word everybody writes
//! line 1    cells, mask                      read only
//! cells     [*frame; capacity]               null = reserved but not yet written, or free
//!           head                             private to the owner (`Receiver`)
//! ```
//!
//! * **push**: `W.fetch_add(2)` reserves the cell at the old tail; store the frame; if the old word
//!   had the latch bit, spin until it is clear *before doing anything else*.
//! * **fence** over several shards: on each, in ascending order, one compare-and-swap from an
//!   unlatched word reserves a cell *and* sets the latch; then all latches are cleared; then the
//!   cells are filled.
//! * **owner**: executes cells strictly in order and waits a few nanoseconds at a null one.
//! * **in place**: the owner may execute a command of its own connections without a frame if the
//!   word it reads equals `head << 1`: nothing queued, nobody latched. Else it drains up to the
//!   tail it read first. Such a command is a push at that tail, only virtual.
//!
//! # Why this is strictly serialisable, with program order even for pipelines
//! * *Fences agree.* A fence reserves on all its shards while it holds the latches of all of them at
//!   one moment. Of two fences with a shard in common, one has that latch first and lets go only
//!   after its last reservation; the other reserves there later. For their second common shard the
//!   same holds with the same winner, or each would hold the latch the other needs. So any two
//!   fences have one order on all shards they share, and since every fence has a moment at which it
//!   holds all, the union of these orders has no cycle: order fences by that moment.
//! * *Singles* have one shard and take its order.
//! * *Real time.* An effect of a fence is visible only once one of its cells was executed, which is
//!   after all its cells were reserved. Whoever has seen it pushes (also virtually) behind it,
//!   everywhere.
//! * *Program order.* Let a connection push x to A, then y to B, and let a fence M be before x on A.
//!   Either x's fetch_add saw M's latch: then the pusher waited, and M has its cell on B. Or it saw
//!   M's latch gone: the same. So y goes behind M on B. Without that wait y could overtake M. The
//!   connection never waits for replies.
//! * *In place.* If M was seen anywhere, its cell on the own shard is below the tail read after the
//!   connection's last push, and the owner drains to that tail. M's latch on the own shard needs no
//!   wait of its own: the same compare-and-swap that sets it reserves a cell, so the word cannot
//!   equal `head << 1`, and draining waits until that cell is filled, which is after all latches
//!   are gone.
//!
//! # Why nobody waits for ever
//! Latches are taken in ascending order and held for k compare-and-swaps, with no call, allocation
//! or system call in between: frames are made before the first latch. Whoever holds one waits only
//! for higher ones, so the highest held makes progress. A pusher waits for latches alone, the owner
//! at a null cell for a pusher between two instructions. Participants of a VOTE or PARK wait for
//! participants of the same fence, which wait at most for earlier fences; the earliest unfinished
//! one can always finish, provided that every participant polls its inbox. Hence two duties of the
//! shard loop: a thread waits for nothing else, and **before it waits at a fence it wakes whoever
//! its pushes concern** (putting that off to the end of the turn leaves a participant asleep: the
//! simulation's `WakeLate`). There is always room (see `credits`): push neither fails nor waits.
//!
//! # Memory orders
//! * `W` is only changed by read-modify-writes, so whatever was released into it is acquired by
//!   every later one that acquires.
//! * Reservations (`fetch_add`, the latching swap) are AcqRel. Acquire: who finds a latch taken and
//!   gone has all that fence's reservations behind it, hence later ones of its own come later in
//!   the other words too. Release, with acquire of the next: a reservation one lap later happens
//!   after the cell was emptied, because somebody's credit for it came back before that somebody's
//!   last reservation. So a cell is free when it is filled, also in theory.
//! * Unlatching is Release, and so is filling a cell: after all reservations of that fence. The
//!   owner's load of a cell is Acquire: executing a part happens after all reservations of its
//!   fence, and everything that follows from the effect (completion: Release/Acquire; the reply:
//!   the kernel's socket locks) as well.
//! * The owner's look at `W` is a plain load: what it must not miss happened before it, and
//!   coherence does the rest.
//! * No SeqCst here. Only `bell` needs it.
//!
//! # Cost
//! In place: one load, one compare. Push: one fetch_add and one store on a line each. Pop: one
//! load, one store, no read-modify-write. Fence: two read-modify-writes and a store per shard.
//! Nothing allocates.

mod completion;
mod fence;
#[cfg(all(test, not(model_check), not(miri)))]
mod measure;

use std::sync::Arc;

use crate::base::cpu;

use super::sync::{AtomicPtr, AtomicU64, Backoff, Ordering};

pub use completion::{Chain, Completions, Node, Taken};
pub use fence::{Fence, fence};

const LATCH: u64 = 1;
/// What one cell adds to the word.
const CELL: u64 = 2;
/// A cache line of its own for what many threads write.
#[derive(Debug)]
#[repr(align(64))]
struct Line<T>(T);

/// The sending side: shared by all shards. See the module.
#[derive(Debug)]
pub struct Inbox<F> {
    word: Line<AtomicU64>,
    cells: Box<[AtomicPtr<F>]>,
    mask: u64,
}

// SAFETY: an inbox owns the frames in its cells and hands each, whole, to one other thread: that is
// sending an `F`. It never gives two threads access to the same frame. (`AtomicPtr` would be Sync
// for any F: this is the stricter bound that `new` enforces, as there is no other way to get an
// inbox.)
unsafe impl<F: Send> Sync for Inbox<F> {}
// SAFETY: as above.
unsafe impl<F: Send> Send for Inbox<F> {}

/// The owner's side: there is one, and only it takes frames out.
#[derive(Debug)]
pub struct Receiver<F> {
    inbox: Arc<Inbox<F>>,
    /// Cells taken so far.
    head: u64,
}

/// What a reservation found.
#[derive(Clone, Copy, Debug)]
#[must_use = "a reserved cell must be filled, and a latch seen must be waited for"]
pub(crate) struct Reserved {
    /// Position of the first cell reserved.
    pub(crate) first: u64,
    /// Whether a fence held the latch: wait until it is gone before doing anything else.
    pub(crate) is_latched: bool,
}

impl<F: Send> Inbox<F> {
    /// An inbox for at most `capacity` frames (rounded up to a power of two) and its only receiver.
    ///
    /// The caller sees to it that no more are ever under way; one too many is a panic.
    pub fn new(capacity: usize) -> (Arc<Inbox<F>>, Receiver<F>) {
        let cells: Box<[_]> = (0..capacity.next_power_of_two())
            .map(|_| AtomicPtr::new(std::ptr::null_mut()))
            .collect();
        let mask = cells.len() as u64 - 1;
        let inbox = Arc::new(Inbox {
            word: Line(AtomicU64::new(0)),
            cells,
            mask,
        });
        (Arc::clone(&inbox), Receiver { inbox, head: 0 })
    }

    /// Queues a frame. The caller holds a credit for it.
    ///
    /// Returns when whatever the caller does next is ordered behind it, and behind every fence it
    /// is behind: a few nanoseconds, or as long as a fence holds the latch.
    #[inline]
    pub fn push(&self, frame: Box<F>) {
        let reserved = self.reserve(1);
        self.fill(reserved.first, frame);
        if reserved.is_latched {
            self.wait_unlatched();
        }
    }

    /// Queues several frames with one reservation; no other producer's frame comes between them.
    ///
    /// The cells wait, reserved, while the iterator runs: it should only hand over frames already
    /// made. Keeps order only if no connection in the group has an earlier frame, for another
    /// shard, that is not pushed yet.
    pub fn push_group(&self, frames: impl ExactSizeIterator<Item = Box<F>>) {
        let count = frames.len() as u64;
        if count == 0 {
            return;
        }
        let reserved = self.reserve(count);
        let mut filled = 0;
        for frame in frames {
            assert!(
                filled < count,
                "an iterator yielded more frames than it announced"
            );
            self.fill(reserved.first + filled, frame);
            filled += 1;
        }
        assert!(
            filled == count,
            "an iterator yielded fewer frames than it announced"
        );
        if reserved.is_latched {
            self.wait_unlatched();
        }
    }

    /// Frames ever queued, reserved cells included.
    pub fn tail(&self) -> u64 {
        self.word.0.load(Ordering::Acquire) / CELL
    }

    // The single steps, for `push`, for fences, and for the simulation, which interleaves them.

    /// Reserves `count` cells.
    #[inline]
    pub(crate) fn reserve(&self, count: u64) -> Reserved {
        let word = self.word.0.fetch_add(count * CELL, Ordering::AcqRel);
        Reserved {
            first: word / CELL,
            is_latched: word & LATCH != 0,
        }
    }

    /// Puts a frame into a reserved cell.
    #[inline]
    pub(crate) fn fill(&self, position: u64, frame: Box<F>) {
        let cell = self.cell(position);
        // A lap too far would lose a frame. See "Memory orders" for why this cannot be a stale
        // look.
        assert!(
            cell.load(Ordering::Relaxed).is_null(),
            "inbox overflow: a push without credit"
        );
        cell.store(Box::into_raw(frame), Ordering::Release);
    }

    /// Whether a fence holds the latch.
    #[inline]
    pub(crate) fn is_latched(&self) -> bool {
        self.word.0.load(Ordering::Acquire) & LATCH != 0
    }

    /// Sets the latch and reserves `count` cells in one step; `None` while somebody else holds it.
    #[inline]
    pub(crate) fn try_latch(&self, count: u64) -> Option<u64> {
        let mut word = self.word.0.load(Ordering::Relaxed);
        while word & LATCH == 0 {
            let next = (word + count * CELL) | LATCH;
            match self
                .word
                .0
                .compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return Some(word / CELL),
                Err(found) => word = found,
            }
        }
        None
    }

    /// Clears the latch, which the caller holds.
    #[inline]
    pub(crate) fn unlatch(&self) {
        // Not a store: others go on reserving behind the latched cell.
        self.word.0.fetch_and(!LATCH, Ordering::Release);
    }

    /// Waits until nobody holds the latch.
    #[cold]
    pub(crate) fn wait_unlatched(&self) {
        let mut backoff = Backoff::new();
        while self.is_latched() {
            backoff.wait();
        }
    }
}

impl<F> Inbox<F> {
    #[inline]
    fn cell(&self, position: u64) -> &AtomicPtr<F> {
        &self.cells[(position & self.mask) as usize]
    }
}

impl<F> Drop for Inbox<F> {
    fn drop(&mut self) {
        for cell in &self.cells {
            let frame = cell.load(Ordering::Relaxed);
            if !frame.is_null() {
                // SAFETY: cells hold pointers from `Box::into_raw` that nobody took out; no one
                // else has the inbox any more.
                drop(unsafe { Box::from_raw(frame) });
            }
        }
    }
}

impl<F: Send> Receiver<F> {
    /// Whether nothing is queued and no fence is being made: a command may execute in place.
    #[inline]
    pub fn is_quiet(&self) -> bool {
        // Acquire costs nothing here and spares the reader a thought; see "Memory orders".
        self.inbox.word.0.load(Ordering::Acquire) == self.head * CELL
    }

    /// The tail to drain to before executing in place, when it is not quiet. `pop` waits out a
    /// latch: its cell is below this tail.
    #[inline]
    pub fn settle(&self) -> u64 {
        self.inbox.tail()
    }

    /// Takes the next frame, unless that would be the one at `upto`. Waits while the next cell is
    /// reserved but not filled.
    #[inline]
    pub fn pop(&mut self, upto: u64) -> Option<Box<F>> {
        if self.head >= upto {
            return None;
        }
        self.try_pop().or_else(|| self.pop_slowly())
    }

    #[cold]
    fn pop_slowly(&mut self) -> Option<Box<F>> {
        assert!(
            self.head < self.inbox.tail(),
            "popping beyond the tail would wait for ever"
        );
        let mut backoff = Backoff::new();
        loop {
            backoff.wait();
            if let Some(frame) = self.try_pop() {
                return Some(frame);
            }
        }
    }

    /// Takes the next frame if its cell is filled.
    #[inline]
    pub(crate) fn try_pop(&mut self) -> Option<Box<F>> {
        let cell = self.inbox.cell(self.head);
        let frame = cell.load(Ordering::Acquire);
        if frame.is_null() {
            return None;
        }
        cell.store(std::ptr::null_mut(), Ordering::Relaxed);
        self.head += 1;
        // SAFETY: the pointer came from `Box::into_raw` in `fill`, which gave up the frame. Only
        // this receiver takes pointers out, and it has just overwritten this one. Acquire pairs
        // with the Release of `fill`.
        Some(unsafe { Box::from_raw(frame) })
    }

    /// Asks for the memory of the frame `ahead` places behind the next one, if it is there already.
    #[inline]
    pub fn prefetch(&self, ahead: usize) {
        let cell = self.inbox.cell(self.head + ahead as u64);
        cpu::prefetch_whole(cell.load(Ordering::Relaxed));
    }

    /// The frame `ahead` places behind the next one, if it is there already: for prefetching what
    /// it will touch.
    #[inline]
    pub fn peek(&self, ahead: usize) -> Option<&F> {
        if ahead as u64 > self.inbox.mask {
            return None;
        }
        let frame = self
            .inbox
            .cell(self.head + ahead as u64)
            .load(Ordering::Acquire);
        // SAFETY: null or a frame owned by the inbox since its Release in `fill`. Only `try_pop`
        // ends that, and it needs the receiver mutably.
        unsafe { frame.as_ref() }
    }

    /// The next frame, unless that would be the one at `upto`. Waits as `pop` does.
    pub fn next(&self, upto: u64) -> Option<&F> {
        if self.head >= upto {
            return None;
        }
        let mut backoff = Backoff::new();
        while self.peek(0).is_none() {
            backoff.wait();
        }
        self.peek(0)
    }

    /// Frames taken so far: position of the next one.
    #[inline]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// The sending side.
    pub fn inbox(&self) -> &Arc<Inbox<F>> {
        &self.inbox
    }
}

#[cfg(all(test, not(model_check)))]
mod tests {
    use super::*;
    use crate::base::ShardId;

    fn drain(receiver: &mut Receiver<u64>) -> Vec<u64> {
        let upto = receiver.settle();
        std::iter::from_fn(|| receiver.pop(upto))
            .map(|frame| *frame)
            .collect()
    }

    #[test]
    fn frames_come_out_in_the_order_of_reservation() {
        let (inbox, mut receiver) = Inbox::new(3);
        assert!(receiver.is_quiet());
        for lap in 0..5 {
            inbox.push(Box::new(lap));
            assert!(!receiver.is_quiet());
            inbox.push_group(vec![Box::new(lap + 10), Box::new(lap + 20)].drain(..));
            assert_eq!(receiver.peek(1), Some(&(lap + 10)));
            assert_eq!(drain(&mut receiver), [lap, lap + 10, lap + 20]);
            assert!(receiver.is_quiet());
        }
        assert_eq!(receiver.head(), 15);
    }

    #[test]
    fn pop_stops_at_the_tail_it_was_given() {
        let (inbox, mut receiver) = Inbox::new(4);
        inbox.push(Box::new(1));
        let upto = receiver.settle();
        inbox.push(Box::new(2));
        assert_eq!(receiver.pop(upto).as_deref(), Some(&1));
        assert_eq!(receiver.pop(upto), None);
    }

    #[test]
    fn a_batch_of_fences_has_one_order_on_every_shard() {
        let (inboxes, mut receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| Inbox::new(4)).unzip();
        let mut batch = Fence::default();
        for (shard, frame) in [(2, 1), (0, 1), (1, 2), (2, 2)] {
            batch.add(ShardId(shard), Box::new(frame));
        }
        assert_eq!(
            batch.shards().map(|shard| shard.0).collect::<Vec<_>>(),
            [2, 0, 1, 2]
        );
        batch.post(&inboxes);
        assert!(batch.is_empty());
        fence(&inboxes, &[ShardId(0), ShardId(2)], |_| Box::new(3));
        assert_eq!(drain(&mut receivers[0]), [1, 3]);
        assert_eq!(drain(&mut receivers[1]), [2]);
        assert_eq!(drain(&mut receivers[2]), [1, 2, 3]);
    }

    #[test]
    fn a_latch_keeps_the_inbox_from_being_quiet() {
        let (inbox, mut receiver) = Inbox::<u64>::new(4);
        let position = inbox.try_latch(1).unwrap();
        assert!(inbox.try_latch(1).is_none());
        assert!(!receiver.is_quiet() && inbox.is_latched());
        inbox.unlatch();
        assert!(receiver.try_pop().is_none(), "reserved, not filled");
        inbox.fill(position, Box::new(7));
        assert_eq!(drain(&mut receiver), [7]);
        assert!(receiver.is_quiet());
    }

    #[test]
    #[should_panic(expected = "inbox overflow")]
    fn one_frame_too_many_is_a_panic() {
        let (inbox, _receiver) = Inbox::new(2);
        for frame in 0..3 {
            inbox.push(Box::new(frame));
        }
    }

    #[test]
    fn frames_left_behind_are_freed() {
        let frame = Arc::new(());
        let (inbox, receiver) = Inbox::new(2);
        inbox.push(Box::new(Arc::clone(&frame)));
        drop((inbox, receiver));
        assert_eq!(Arc::strong_count(&frame), 1);
    }
}
