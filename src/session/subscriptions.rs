//! Publish and subscribe: what a client listens to, and who listens on a core.
//!
//! Listeners are known only to their own core. A message goes to every core that has any, under one fence, so all
//! listeners see all messages in one order.

use super::Audience;
use crate::base::{Map, glob_match};
use std::sync::Arc;

/// What a subscription is to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// A channel.
    Channel,
    /// All channels whose names fit a pattern.
    Pattern,
    /// A shard channel.
    Shard,
}

impl Topic {
    /// The first word of the confirmation of a subscription.
    pub fn subscribe(self) -> &'static str {
        match self {
            Topic::Channel => "subscribe",
            Topic::Pattern => "psubscribe",
            Topic::Shard => "ssubscribe",
        }
    }

    /// The first word of the confirmation of its end.
    pub fn unsubscribe(self) -> &'static str {
        match self {
            Topic::Channel => "unsubscribe",
            Topic::Pattern => "punsubscribe",
            Topic::Shard => "sunsubscribe",
        }
    }
}

/// A published message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message {
    /// Where it was published.
    pub channel: Vec<u8>,
    /// What.
    pub payload: Vec<u8>,
    /// By SPUBLISH.
    pub sharded: bool,
}

/// What one client listens to.
#[derive(Clone, Debug, Default)]
pub struct Subscriptions {
    channels: Vec<Box<[u8]>>,
    patterns: Vec<Box<[u8]>>,
    shard: Vec<Box<[u8]>>,
    bytes: usize,
}

/// What a name costs here and in the list of the core's listeners, besides itself.
const NAME_BYTES: usize = 2 * size_of::<Box<[u8]>>() + 32;

impl Subscriptions {
    /// Bytes held, about. O(1).
    pub fn memory(&self) -> usize {
        self.bytes
    }

    /// Names of one kind, oldest first.
    pub fn names(&self, topic: Topic) -> &[Box<[u8]>] {
        match topic {
            Topic::Channel => &self.channels,
            Topic::Pattern => &self.patterns,
            Topic::Shard => &self.shard,
        }
    }

    fn names_mut(&mut self, topic: Topic) -> &mut Vec<Box<[u8]>> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::Shard => &mut self.shard,
        }
    }

    /// The number a confirmation carries: channels and patterns, or shard channels.
    pub fn count(&self, topic: Topic) -> usize {
        match topic {
            Topic::Channel | Topic::Pattern => self.channels.len() + self.patterns.len(),
            Topic::Shard => self.shard.len(),
        }
    }

    /// Whether the client listens to nothing.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty() && self.shard.is_empty()
    }

    /// Notes the end of one that the core's listeners knew.
    fn forget(&mut self, topic: Topic, name: &[u8]) {
        self.names_mut(topic).retain(|known| **known != *name);
        self.bytes = self.bytes.saturating_sub(2 * name.len() + NAME_BYTES);
    }
}

/// Who listens to what on one core; clients by their number there.
#[derive(Debug, Default)]
pub struct Listeners {
    channels: Map<Box<[u8]>, Vec<u32>>,
    patterns: Map<Box<[u8]>, Vec<u32>>,
    shard: Map<Box<[u8]>, Vec<u32>>,
    audience: Arc<Audience>,
}

impl Listeners {
    /// Nobody listens yet. `audience` is told of those who will.
    pub fn new(audience: Arc<Audience>) -> Listeners {
        Listeners {
            audience,
            ..Listeners::default()
        }
    }

    /// Who listens to each name of one kind.
    pub fn of(&self, topic: Topic) -> &Map<Box<[u8]>, Vec<u32>> {
        match topic {
            Topic::Channel => &self.channels,
            Topic::Pattern => &self.patterns,
            Topic::Shard => &self.shard,
        }
    }

    fn of_mut(&mut self, topic: Topic) -> &mut Map<Box<[u8]>, Vec<u32>> {
        match topic {
            Topic::Channel => &mut self.channels,
            Topic::Pattern => &mut self.patterns,
            Topic::Shard => &mut self.shard,
        }
    }

    /// Client `at` listens to `name`; false if it did already.
    pub fn add(&mut self, at: u32, own: &mut Subscriptions, topic: Topic, name: &[u8]) -> bool {
        let list = self.of_mut(topic).entry(name.into()).or_default();
        // A client that listens to very many channels is found here, not in its own list.
        if list.contains(&at) {
            return false;
        }
        list.push(at);
        self.audience.add(topic, name);
        own.names_mut(topic).push(name.into());
        own.bytes += 2 * name.len() + NAME_BYTES;
        true
    }

    /// Client `at` does not listen to `name` any more; false if it did not.
    pub fn remove(&mut self, at: u32, own: &mut Subscriptions, topic: Topic, name: &[u8]) -> bool {
        let was_there = self.drop_one(at, topic, name);
        if was_there {
            own.forget(topic, name);
        }
        was_there
    }

    /// Client `at` listens to nothing any more.
    pub fn remove_all(&mut self, at: u32, own: &mut Subscriptions) {
        for topic in [Topic::Channel, Topic::Pattern, Topic::Shard] {
            for name in std::mem::take(own.names_mut(topic)) {
                self.drop_one(at, topic, &name);
            }
        }
    }

    fn drop_one(&mut self, at: u32, topic: Topic, name: &[u8]) -> bool {
        let table = self.of_mut(topic);
        let Some(list) = table.get_mut(name) else {
            return false;
        };
        let Some(place) = list.iter().position(|listener| *listener == at) else {
            return false;
        };
        list.swap_remove(place);
        if list.is_empty() {
            table.remove(name);
        }
        self.audience.remove(topic, name);
        true
    }

    /// Calls `tell` for each client a message is for, with the pattern that caught it, if it was one.
    pub fn for_each<'a>(&'a self, message: &Message, mut tell: impl FnMut(u32, Option<&'a [u8]>)) {
        let topic = match message.sharded {
            true => Topic::Shard,
            false => Topic::Channel,
        };
        if let Some(list) = self.of(topic).get(&message.channel[..]) {
            list.iter().for_each(|at| tell(*at, None));
        }
        if message.sharded {
            return;
        }
        for (pattern, list) in &self.patterns {
            if glob_match(pattern, &message.channel, false) {
                list.iter().for_each(|at| tell(*at, Some(pattern)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(listeners: &Listeners, channel: &[u8], sharded: bool) -> Vec<(u32, bool)> {
        let message = Message {
            channel: channel.to_vec(),
            payload: Vec::new(),
            sharded,
        };
        let mut heard = Vec::new();
        listeners.for_each(&message, |at, pattern| heard.push((at, pattern.is_some())));
        heard.sort_unstable();
        heard
    }

    #[test]
    fn messages_reach_channels_and_patterns_but_shard_channels_stand_apart() {
        let mut listeners = Listeners::default();
        let (mut one, mut two) = (Subscriptions::default(), Subscriptions::default());
        assert!(listeners.add(1, &mut one, Topic::Channel, b"news"));
        assert!(!listeners.add(1, &mut one, Topic::Channel, b"news"));
        assert!(listeners.add(1, &mut one, Topic::Pattern, b"n*"));
        assert!(listeners.add(2, &mut two, Topic::Shard, b"news"));
        assert_eq!((one.count(Topic::Channel), two.count(Topic::Shard)), (2, 1));
        assert_eq!(heard(&listeners, b"news", false), [(1, false), (1, true)]);
        assert_eq!(heard(&listeners, b"none", false), [(1, true)]);
        assert_eq!(heard(&listeners, b"news", true), [(2, false)]);
        assert!(listeners.remove(1, &mut one, Topic::Pattern, b"n*"));
        assert!(!listeners.remove(1, &mut one, Topic::Pattern, b"n*"));
        listeners.remove_all(1, &mut one);
        assert!(one.is_empty() && heard(&listeners, b"news", false).is_empty());
        assert_eq!(listeners.of(Topic::Shard).len(), 1);
    }
}
