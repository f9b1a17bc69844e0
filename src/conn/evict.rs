//! `maxmemory-clients`: when all clients together hold too much, the largest are closed.
//!
//! Every core publishes how much its clients hold, by classes of size. Over the limit, each core goes through the classes
//! from the largest down, over all cores in their order, and closes those of its own clients that are in the way. All
//! see the same numbers, give or take what is just changing, so together they close about as many as have to go; what is
//! still too much then is seen in the next turn.
//!
//! Nothing of this happens without a limit. With one, clients are measured when something came from or went to them.

use super::client::Client;
use super::home::Home;
use crate::base::slot::ShardId;
use crate::command::ctx::CoreShared;
use crate::config::{Config, MemoryOrPercent};
use crate::session::ClientKind;
use crate::shard::{Mode, Ticket};
use crate::stats::{CLIENT_CLASSES, Counter};
use std::sync::Arc;

/// Clients below this are all in one class.
const SMALLEST_CLASS_BYTES: usize = 1 << 15;

/// A lower limit counts as this one: with less nobody could connect to set another.
const LIMIT_BYTES_MIN: u64 = 128 << 10;

/// The limit in bytes; 0 for none.
pub(super) fn limit(config: &Config) -> u64 {
    let is_on = match config.maxmemory_clients {
        MemoryOrPercent::Bytes(bytes) => bytes != 0,
        MemoryOrPercent::Percent(_) => config.maxmemory != 0,
    };
    let bytes = config.maxmemory_clients.bytes(config.maxmemory);
    if is_on { bytes.max(LIMIT_BYTES_MIN) } else { 0 }
}

/// The class of a size: powers of two.
fn class(bytes: usize) -> usize {
    let above = (bytes / SMALLEST_CLASS_BYTES).checked_ilog2();
    above.map_or(0, |log| (log as usize + 1).min(CLIENT_CLASSES - 1))
}

impl Home {
    /// Brings the sums up to date with what a client holds now.
    #[inline]
    pub(super) fn measure(&mut self, at: u32) {
        if self.clients_limit != 0 {
            self.measure_now(at);
        }
    }

    /// As [`Home::measure`], limit or not.
    pub(super) fn measure_now(&mut self, at: u32) {
        let Some(Some(client)) = self.clients.get_mut(at as usize) else {
            return;
        };
        let now = client.memory();
        let before = std::mem::replace(&mut client.counted_memory, now);
        let may_go = !client.session.no_evict
            && matches!(client.session.kind, ClientKind::Normal | ClientKind::Pubsub);
        let place = may_go.then(|| class(now));
        let old_place = std::mem::replace(&mut client.class, place);
        self.stats.client_memory.sub(before as u64);
        self.stats.client_memory.add(now as u64);
        let uncounted = client.uncounted();
        let before_uncounted = std::mem::replace(&mut client.uncounted, uncounted);
        self.stats.client_uncounted.sub(before_uncounted as u64);
        self.stats.client_uncounted.add(uncounted as u64);
        if let Some(class) = old_place {
            self.stats.client_classes[class].sub(before as u64);
        }
        if let Some(class) = place {
            self.stats.client_classes[class].add(now as u64);
        }
    }

    /// Measures all clients.
    pub(super) fn measure_all(&mut self) {
        for at in 0..self.clients.len() {
            self.measure_now(at as u32);
        }
    }

    /// What a client held is held no more.
    pub(super) fn unmeasure(&mut self, client: &Client) {
        let held = client.counted_memory as u64;
        self.stats.client_memory.sub(held);
        self.stats.client_uncounted.sub(client.uncounted as u64);
        if let Some(class) = client.class {
            self.stats.client_classes[class].sub(held);
        }
    }

    /// Closes clients if all together hold too much, and wakes cores that have to.
    #[inline]
    pub(super) fn evict_clients(&mut self) {
        if self.clients_limit != 0 {
            let held = self.server.sum(|core| core.client_memory.get());
            if held > self.clients_limit {
                self.evict_largest();
            }
        }
    }

    #[cold]
    fn evict_largest(&mut self) {
        // The others go on while they are looked at. What a core holds in all, but not in its classes, since it came or
        // went in between, must not be made up for by closing clients that are smaller than those that have to go.
        let mut held = 0;
        let read = |core: &CoreShared| {
            let before = core.stats.client_memory.get();
            let classes = core.stats.client_classes.each_ref().map(Counter::get);
            held += before.min(core.stats.client_memory.get());
            classes
        };
        let classes: Vec<[u64; CLIENT_CLASSES]> = self.server.cores.iter().map(read).collect();
        let mut excess = held.saturating_sub(self.clients_limit);
        let mut others: Vec<ShardId> = Vec::new();
        for class in (0..CLIENT_CLASSES).rev() {
            for shard in self.all_shards() {
                if excess == 0 {
                    break;
                }
                if shard == self.id {
                    excess = excess.saturating_sub(self.evict_of_class(class, excess));
                    continue;
                }
                let there = classes[shard.index()][class];
                if there > 0 {
                    excess = excess.saturating_sub(there);
                    if !others.contains(&shard) {
                        others.push(shard);
                    }
                }
            }
        }
        // They see for themselves what there is to do as soon as they have a turn.
        if self.asked_to_evict != self.now() {
            self.asked_to_evict = self.now();
            others.into_iter().for_each(|shard| self.nudge(shard));
        }
    }

    /// Closes clients of one class until `excess` bytes are free; returns how many were.
    fn evict_of_class(&mut self, class: usize, excess: u64) -> u64 {
        let mut freed = 0;
        for at in 0..self.clients.len() {
            let Some(client) = &self.clients[at] else {
                continue;
            };
            if freed >= excess {
                break;
            }
            if client.class == Some(class) {
                freed += client.counted_memory as u64;
                let session = &client.session;
                tracing::info!("Evicting client: id={} addr={}", session.id, session.addr);
                self.stats.evicted_clients.add(1);
                self.close(at as u32);
            }
        }
        freed
    }

    /// Gives another core a turn.
    fn nudge(&mut self, shard: ShardId) {
        if self.has_credit(shard) {
            let mut frame = self.frame();
            frame.items.clear();
            frame.mode = Mode::Control(Arc::new(|_| Box::new(())));
            frame.ticket = Ticket {
                client: u32::MAX,
                generation: 0,
                sequence: 0,
            };
            self.push(shard, frame);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_shuts_everybody_out() {
        let limit = |clients, maxmemory| {
            limit(&Config {
                maxmemory_clients: clients,
                maxmemory,
                ..Config::default()
            })
        };
        let (bytes, percent) = (MemoryOrPercent::Bytes, MemoryOrPercent::Percent);
        assert_eq!(limit(bytes(0), 1 << 30), 0);
        assert_eq!(limit(bytes(1), 0), LIMIT_BYTES_MIN);
        assert_eq!(limit(bytes(1 << 20), 0), 1 << 20);
        assert_eq!(limit(percent(10), 0), 0);
        assert_eq!(limit(percent(10), 5), LIMIT_BYTES_MIN);
        assert_eq!(limit(percent(50), 2 << 20), 1 << 20);
    }

    #[test]
    fn classes_are_powers_of_two() {
        let sizes = [0, 32_767, 32_768, 65_535, 65_536, 1 << 20, 1 << 21, 1 << 40];
        assert_eq!(sizes.map(class), [0, 0, 1, 1, 2, 6, 7, CLIENT_CLASSES - 1]);
    }
}
