//! How many clients of the whole process listen to what: a script that publishes is told at once how many will hear it,
//! and only a client's own core knows what it listens to.
//!
//! Cores write here when a client subscribes, before that is confirmed, and when one leaves. Only scripts read it.

use super::Topic;
use crate::base::{Map, glob_match};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// See the module. One for the process.
#[derive(Debug, Default)]
pub struct Audience {
    /// Subscriptions of all kinds: without any there is nothing to look up.
    all: AtomicU64,
    counts: Mutex<Counts>,
}

/// How many clients listen to each name.
#[derive(Debug, Default)]
struct Counts {
    channels: Map<Box<[u8]>, usize>,
    patterns: Map<Box<[u8]>, usize>,
    shard: Map<Box<[u8]>, usize>,
}

impl Counts {
    fn of(&mut self, topic: Topic) -> &mut Map<Box<[u8]>, usize> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::Shard => &mut self.shard,
        }
    }
}

impl Audience {
    /// A client listens.
    pub(super) fn add(&self, topic: Topic, name: &[u8]) {
        let mut counts = self.counts.lock();
        *counts.of(topic).entry(name.into()).or_default() += 1;
        self.all.fetch_add(1, Ordering::Release);
    }

    /// One does not any more.
    pub(super) fn remove(&self, topic: Topic, name: &[u8]) {
        let mut counts = self.counts.lock();
        let table = counts.of(topic);
        if let Some(count) = table.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                table.remove(name);
            }
            self.all.fetch_sub(1, Ordering::Release);
        }
    }

    /// How often a message in this channel will be delivered.
    pub fn count(&self, channel: &[u8], sharded: bool) -> usize {
        if self.all.load(Ordering::Acquire) == 0 {
            return 0;
        }
        let counts = self.counts.lock();
        let own = match sharded {
            true => &counts.shard,
            false => &counts.channels,
        };
        let direct = own.get(channel).copied().unwrap_or(0);
        let patterns = counts.patterns.iter();
        let hit = patterns.filter(|(pattern, _)| !sharded && glob_match(pattern, channel, false));
        direct + hit.map(|(_, count)| count).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_once_for_each_way_it_is_heard() {
        let audience = Audience::default();
        assert_eq!(audience.count(b"news", false), 0);
        audience.add(Topic::Channel, b"news");
        audience.add(Topic::Channel, b"news");
        audience.add(Topic::Pattern, b"n*");
        audience.add(Topic::Shard, b"news");
        assert_eq!(audience.count(b"news", false), 3);
        assert_eq!(audience.count(b"news", true), 1);
        audience.remove(Topic::Channel, b"news");
        audience.remove(Topic::Pattern, b"n*");
        audience.remove(Topic::Pattern, b"n*");
        assert_eq!(audience.count(b"news", false), 1);
    }
}
