#![expect(unsafe_code, reason = "an intrusive list of frames on their way back")]
//! Completions: executed frames on their way home, linked through the frames themselves.
//!
//! ```text
//! owner, during a turn   Chain:   newest -> ... -> oldest -> null
//! owner, at its end      publish: oldest.next = top;  top: compare-and-swap to newest
//! home                   take:    top: swap to null;  reverse
//! ```
//! The stack needs no memory and is never full, so completions always make progress; that is what
//! keeps requests, which wait for nothing but credits, free of deadlock. Only whole stacks are
//! taken: there is no ABA problem.
//!
//! Frames of one owner come out in the order it completed them, over all its chains: client
//! tracking relies on it (the invalidation of a key behind the reply that read it). Owners among
//! each other have no order.
//!
//! Memory order: `publish` releases, `take` acquires; both are read-modify-writes of one word, so
//! taking the newest chain acquires the ones below as well.

use std::ops::{Deref, DerefMut};
use std::ptr;

use crate::base::cpu;
use crate::shard::sync::{AtomicPtr, Ordering};

/// How far ahead in a list nodes are fetched from memory: each was last written by another core.
const LATER: usize = 4;

/// A frame with room for the link that brings it home.
///
/// The link is out of reach for everybody else: a frame could otherwise be put on two lists, by
/// safe code.
#[derive(Debug)]
pub struct Node<T> {
    /// Meaningful only while the node is in a `Chain`, `Completions` or `Taken`.
    next: *mut Node<T>,
    /// A node that comes some way behind `next`, to fetch it in time. Perhaps gone since: it is never followed.
    later: *mut Node<T>,
    value: T,
}

// SAFETY: `next` is used only by whoever owns the node through a list, never by way of a reference
// to it. What is left is a `T`.
unsafe impl<T: Send> Send for Node<T> {}
// SAFETY: as above; `&Node<T>` gives `&T` and nothing else.
unsafe impl<T: Sync> Sync for Node<T> {}

impl<T> Node<T> {
    /// A node on no list.
    pub fn new(value: T) -> Box<Node<T>> {
        Box::new(Node {
            next: ptr::null_mut(),
            later: ptr::null_mut(),
            value,
        })
    }

    /// The value alone.
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for Node<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Node<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Frames one owner completed for one home in this turn.
///
/// Invariant: both ends null, or `newest` leads over `next` links to `oldest`, all nodes owned by
/// the chain.
#[derive(Debug)]
pub struct Chain<T> {
    newest: *mut Node<T>,
    oldest: *mut Node<T>,
    len: usize,
    /// The last nodes added, at `len` modulo their number; never followed.
    recent: [*mut Node<T>; LATER],
}

// SAFETY: a chain owns its nodes.
unsafe impl<T: Send> Send for Chain<T> {}

impl<T> Default for Chain<T> {
    fn default() -> Chain<T> {
        Chain {
            newest: ptr::null_mut(),
            oldest: ptr::null_mut(),
            len: 0,
            recent: [ptr::null_mut(); LATER],
        }
    }
}

impl<T> Chain<T> {
    /// Adds a completed frame.
    #[inline]
    pub fn push(&mut self, mut frame: Box<Node<T>>) {
        let recent = &mut self.recent[self.len % LATER];
        frame.next = self.newest;
        frame.later = *recent;
        self.newest = Box::into_raw(frame);
        *recent = self.newest;
        if self.oldest.is_null() {
            self.oldest = self.newest;
        }
        self.len += 1;
    }

    /// Frames in it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is nothing to publish.
    pub fn is_empty(&self) -> bool {
        self.newest.is_null()
    }
}

impl<T> Drop for Chain<T> {
    fn drop(&mut self) {
        drop(Taken {
            next: self.newest_link(),
        });
    }
}

impl<T> Chain<T> {
    /// Gives the nodes away, newest first.
    fn newest_link(&mut self) -> *mut Node<T> {
        self.oldest = ptr::null_mut();
        self.len = 0;
        std::mem::replace(&mut self.newest, ptr::null_mut())
    }
}

/// Completed frames waiting for one home.
#[derive(Debug)]
#[repr(align(64))]
pub struct Completions<T> {
    /// Newest node of the newest chain; the stack owns all nodes reachable from it.
    top: AtomicPtr<Node<T>>,
}

// SAFETY: nodes go in from one thread and out to another, whole: that is sending a `T`.
unsafe impl<T: Send> Sync for Completions<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Completions<T> {}

impl<T> Default for Completions<T> {
    fn default() -> Completions<T> {
        Completions {
            top: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

impl<T: Send> Completions<T> {
    /// Sends the chain home and leaves it empty; false if it was.
    pub fn publish(&self, chain: &mut Chain<T>) -> bool {
        if chain.is_empty() {
            return false;
        }
        let oldest = chain.oldest;
        let newest = chain.newest_link();
        let mut top = self.top.load(Ordering::Relaxed);
        loop {
            // SAFETY: `oldest` is a node of the chain, which we own until the swap below succeeds.
            unsafe { (*oldest).next = top };
            match self
                .top
                .compare_exchange_weak(top, newest, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(found) => top = found,
            }
        }
    }

    /// Whether nothing waits. A hint for the home; before sleep the bell's fence makes it reliable.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.top.load(Ordering::Relaxed).is_null()
    }

    /// Takes everything that waits; in the order of completion for each owner.
    pub fn take(&self) -> Taken<T> {
        if self.is_empty() {
            return Taken {
                next: ptr::null_mut(),
            };
        }
        let mut newest = self.top.swap(ptr::null_mut(), Ordering::Acquire);
        let mut oldest_first = ptr::null_mut();
        while !newest.is_null() {
            // SAFETY: as below.
            cpu::prefetch_whole(unsafe { (*newest).later });
            // SAFETY: the swap made all nodes of the stack ours, and the Acquire made their links
            // visible.
            let older = unsafe { std::mem::replace(&mut (*newest).next, oldest_first) };
            oldest_first = newest;
            newest = older;
        }
        Taken { next: oldest_first }
    }
}

impl<T> Drop for Completions<T> {
    fn drop(&mut self) {
        drop(Taken {
            next: self.top.load(Ordering::Acquire),
        });
    }
}

/// Frames that came home, oldest first. Owns those not yet handed out.
#[derive(Debug)]
pub struct Taken<T> {
    next: *mut Node<T>,
}

impl<T> Taken<T> {
    /// The frame `ahead` places behind the next one: for prefetching what it will touch.
    #[inline]
    pub fn peek(&self, ahead: usize) -> Option<&T> {
        // SAFETY: null or a node of this list, which owns it until `next` gives it away.
        let mut node = unsafe { self.next.as_ref() }?;
        for _ in 0..ahead {
            // SAFETY: as above.
            node = unsafe { node.next.as_ref() }?;
        }
        Some(&node.value)
    }
}

impl<T> Iterator for Taken<T> {
    type Item = Box<Node<T>>;

    #[inline]
    fn next(&mut self) -> Option<Box<Node<T>>> {
        if self.next.is_null() {
            return None;
        }
        // SAFETY: nodes on this list came from `Box::into_raw` and are owned by it alone; this one
        // leaves it here.
        let mut frame = unsafe { Box::from_raw(self.next) };
        self.next = std::mem::replace(&mut frame.next, ptr::null_mut());
        Some(frame)
    }
}

impl<T> Drop for Taken<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

#[cfg(all(test, not(model_check)))]
mod tests {
    use super::*;

    fn chain(values: &[u32]) -> Chain<u32> {
        let mut chain = Chain::default();
        values
            .iter()
            .for_each(|&value| chain.push(Node::new(value)));
        chain
    }

    #[test]
    fn each_owners_frames_come_home_in_the_order_completed() {
        let home = Completions::default();
        assert!(home.publish(&mut chain(&[1, 2, 3])));
        assert!(home.publish(&mut chain(&[101])));
        assert!(!home.publish(&mut chain(&[])));
        let mut again = chain(&[4]);
        assert!(home.publish(&mut again) && again.is_empty());
        again.push(Node::new(5));
        assert_eq!((again.len(), home.publish(&mut again)), (1, true));
        let (low, high): (Vec<u32>, Vec<u32>) = home
            .take()
            .map(|frame| frame.into_value())
            .partition(|&value| value < 100);
        assert_eq!((low, high), (vec![1, 2, 3, 4, 5], vec![101]));
        assert!(home.is_empty() && home.take().next().is_none());
    }

    #[test]
    fn frames_left_behind_are_freed() {
        let counted = std::sync::Arc::new(());
        let filled = || {
            let mut chain = Chain::default();
            (0..3).for_each(|_| chain.push(Node::new(counted.clone())));
            chain
        };
        drop(filled());
        let home = Completions::default();
        home.publish(&mut filled());
        home.publish(&mut filled());
        let mut taken = home.take();
        drop(taken.next());
        home.publish(&mut filled());
        drop((taken, home));
        assert_eq!(std::sync::Arc::strong_count(&counted), 1);
    }
}
