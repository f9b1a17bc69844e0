//! What connects the cores: an inbox, a stack of completions and a bell each, and the way to the reclaim thread.

use super::bell::Bell;
use super::frame::Frame;
use super::inbox::{Completions, Inbox, Node, Receiver};
use super::sync::{AtomicBool, Backoff, Ordering};
use crate::base::slot::ShardId;
use crate::keyspace::Garbage;
use crate::ring::Waker;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};

/// Written by one shard at each of its turns: on a cache line of its own.
#[repr(align(128))]
struct Spreading(AtomicBool);

/// Shared by all cores.
pub struct Links {
    /// Where each shard's frames queue.
    pub inboxes: Vec<Arc<Inbox<Node<Frame>>>>,
    /// Where each home's frames come back.
    pub completions: Vec<Completions<Frame>>,
    /// Which shards are sending executed frames and news to homes at this moment.
    spreading: Vec<Spreading>,
    /// Who sleeps.
    pub bells: Vec<Bell>,
    wakers: Vec<OnceLock<Waker>>,
    reclaim: Sender<Garbage>,
}

impl Links {
    /// Links for `shards` cores whose inboxes hold `capacity` frames, and each core's receiving end.
    pub fn new(
        shards: usize,
        capacity: usize,
        reclaim: Sender<Garbage>,
    ) -> (Arc<Links>, Vec<Receiver<Node<Frame>>>) {
        let (inboxes, receivers) = (0..shards).map(|_| Inbox::new(capacity)).unzip();
        let links = Links {
            inboxes,
            completions: (0..shards).map(|_| Completions::default()).collect(),
            spreading: (0..shards)
                .map(|_| Spreading(AtomicBool::new(false)))
                .collect(),
            bells: (0..shards).map(|_| Bell::new()).collect(),
            wakers: (0..shards).map(|_| OnceLock::new()).collect(),
            reclaim,
        };
        (Arc::new(links), receivers)
    }

    /// `shard` begins, or has ended, to publish what its turn made for several homes.
    pub fn spread(&self, shard: ShardId, begins: bool) {
        self.spreading[shard.index()]
            .0
            .store(begins, Ordering::Release);
    }

    /// Waits until everything has arrived that left any shard together with something that has caused what the caller
    /// does: whoever acts on a reply was sent it after its shard had said that it spreads, so that is seen here, or that
    /// it has ended.
    pub fn await_spread(&self) {
        for shard in &self.spreading {
            let mut backoff = Backoff::new();
            while shard.0.load(Ordering::Acquire) {
                backoff.wait();
            }
        }
    }

    /// Says how `shard` is woken. Every core does this before any client is accepted.
    pub fn connect(&self, shard: ShardId, waker: Waker) {
        let _ = self.wakers[shard.index()].set(waker);
    }

    /// Wakes a core whose bell said that it sleeps.
    pub fn wake(&self, shard: ShardId) {
        if let Some(waker) = self.wakers[shard.index()].get() {
            waker.wake();
        }
    }

    /// Has `garbage` freed elsewhere. Without a reclaim thread it is freed here.
    pub fn reclaim(&self, garbage: Garbage) {
        let _ = self.reclaim.send(garbage);
    }
}
