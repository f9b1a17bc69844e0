//! What connects the cores: an inbox, a stack of completions and a bell each, and the way to the reclaim thread.

use super::bell::Bell;
use super::frame::Frame;
use super::inbox::{Completions, Inbox, Node, Receiver};
use crate::base::slot::ShardId;
use crate::keyspace::Garbage;
use crate::ring::Waker;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};

/// Shared by all cores.
pub struct Links {
    /// Where each shard's frames queue.
    pub inboxes: Vec<Arc<Inbox<Node<Frame>>>>,
    /// Where each home's frames come back.
    pub completions: Vec<Completions<Frame>>,
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
            bells: (0..shards).map(|_| Bell::new()).collect(),
            wakers: (0..shards).map(|_| OnceLock::new()).collect(),
            reclaim,
        };
        (Arc::new(links), receivers)
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
