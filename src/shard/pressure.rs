//! `maxmemory` on a shard: when a write is admitted, and who makes room for it.
//!
//! A shard evicts its own keys. It leaves that to another one (the giver) if it has nothing to evict, or if the other
//! holds much more: what was just written would go, and keys that nobody uses would stay. Then the write is admitted
//! at once and `starved` says that the giver is to be asked. How far that may go beyond the limit is for the home to
//! bound ([`Owner::is_far_over`]); one that has nothing to evict waits for the giver ([`Owner::depends_on_others`]). A write is refused only if no shard has a key that the policy lets go.
//!
//! Without writes, the shards give back their parts of what is too much, a few times a second and as soon as the
//! settings change ([`Owner::shrink`]): clients that only read may have taken the memory, or the limit was lowered.

use super::owner::Owner;
use crate::base::slot::ShardId;
use crate::base::time::Millis;
use crate::command::spec::{Flags, flag};
use crate::keyspace::{EvictOutcome, EvictPolicy, StoreCounters};
use crate::resp::CommandError;
use crate::ring::Clock;
use std::sync::Arc;

/// Bytes evicted at another shard's request before that one looks again: some milliseconds, if keys are small.
const ROOM_BYTES_MAX: u64 = 1024 * 1024;

/// Bytes evicted before a shard looks again what the others have in use: they may have noticed the same excess, and be
/// evicting it, too. All together they evict at most so many for each but one of them beyond what has to go.
const PIECE_BYTES: u64 = 64 * 1024;

/// How long nobody is asked after a giver had nothing.
const BARREN_MS: i64 = 100;

/// A shard whose keys are less than one part in so many of the giver's evicts none of them.
const LEAN: u64 = 2;

/// What a shard knows of the memory of all.
#[derive(Default)]
pub(super) struct Pressure {
    /// What the shards publish, in order.
    stores: Vec<Arc<StoreCounters>>,
    /// What the other shards' keys took when that was counted last.
    others: u64,
    /// The other shard that has most of what can be evicted, and its bytes; outer `None` until somebody asks.
    giver: Option<Option<(ShardId, u64)>>,
    /// Until then there is no giver.
    barren_until: Millis,
    /// A write was admitted, or waits, and another shard has to make room for it.
    starved: bool,
    /// Tells how long evictions take, if anybody wants to know.
    clock: Option<Clock>,
    /// Ticks of the longest eviction since somebody asked.
    longest_ticks: u64,
}

impl Owner {
    /// Says where the figures of all shards are.
    pub fn set_peers(&mut self, stores: Vec<Arc<StoreCounters>>) {
        self.pressure.stores = stores;
    }

    /// Takes in the memory used outside this store. What is known of other shards is looked up again.
    pub fn set_elsewhere(&mut self, bytes: u64) {
        self.elsewhere = bytes;
        self.pressure.others = self.others_now();
        self.pressure.giver = None;
    }

    /// What the other shards' keys take.
    fn others_now(&self) -> u64 {
        let mine = self.shard.index();
        let stores = self.pressure.stores.iter().enumerate();
        let others = stores.filter(|(shard, _)| *shard != mine);
        others.map(|(_, store)| store.used_bytes.get()).sum()
    }

    /// Takes in what other shards have taken or given back since the memory used elsewhere was told.
    fn look_again(&mut self) {
        let now = self.others_now();
        let before = std::mem::replace(&mut self.pressure.others, now);
        self.elsewhere = (self.elsewhere + now).saturating_sub(before);
    }

    /// Bytes in use beyond `maxmemory`.
    fn over(&self) -> u64 {
        match self.limit {
            0 => 0,
            limit => (self.store.memory() + self.elsewhere).saturating_sub(limit),
        }
    }

    /// Makes room before a command, or says why one that may add memory cannot run. Called before every command while
    /// maxmemory is set: room that is missing is made by whoever comes next, as in Redis.
    pub fn admit(&mut self, flags: Flags) -> Result<(), CommandError> {
        let over = self.over();
        if over == 0 {
            return Ok(());
        }
        let enough = !self.is_lean() && self.evict(over) == EvictOutcome::Enough;
        if enough {
            return Ok(());
        }
        if self.giver().is_some() {
            self.pressure.starved = true;
        } else if flags.has(flag::DENYOOM) {
            return Err(CommandError::OUT_OF_MEMORY);
        }
        Ok(())
    }

    /// Whether so much more than `maxmemory` is in use that writes have to wait for room. It is made here as far as
    /// that is for this shard to do; if it is for another one, that has to be asked.
    pub fn is_far_over(&mut self) -> bool {
        if self.over() <= self.limit / 16 {
            return false;
        }
        if !self.is_lean() {
            self.make_room();
        }
        let waits = self.over() > self.limit / 16 && self.giver().is_some();
        self.pressure.starved |= waits;
        waits
    }

    /// Whether more than `maxmemory` is in use, and only another shard has keys to evict: it has to be asked. For a
    /// command that only reads, room is made here if it can be: where its key is, perhaps nothing can go.
    pub fn depends_on_others(&mut self, flags: Flags) -> bool {
        if self.over() == 0 {
            return false;
        }
        if !flags.has(flag::WRITE) && !self.is_lean() {
            self.make_room();
        }
        let mine = self.pressure.stores.get(self.shard.index());
        let waits = !mine.is_some_and(|store| has_victims(store, self.eviction.policy))
            && self.giver().is_some();
        self.pressure.starved |= waits;
        waits
    }

    /// Evicts some of what is too much. For a shard that was asked to. False if it could not, though it should.
    pub fn make_room(&mut self) -> bool {
        let over = self.over().min(ROOM_BYTES_MAX);
        let before = self.store.memory();
        over == 0 || self.evict(over) == EvictOutcome::Enough || self.store.memory() < before
    }

    /// Evicts some of this shard's part of what is too much: parts are as the memory of the shards that have anything
    /// to evict. Says whether there is more to do.
    pub fn shrink(&mut self) -> bool {
        let over = self.over();
        let policy = self.eviction.policy;
        let stores = &self.pressure.stores;
        let gives = |store: &Arc<StoreCounters>| has_victims(store, policy);
        if over == 0 || !stores.get(self.shard.index()).is_some_and(gives) {
            return false;
        }
        let shared = stores.iter().filter(|store| gives(store));
        let shared: u64 = shared.map(|store| store.used_bytes.get()).sum();
        let mine = u128::from(self.store.memory());
        let part = (u128::from(over) * mine).div_ceil(u128::from(shared.max(1)));
        let part = u64::try_from(part).unwrap_or(over).min(over);
        self.evict(part.min(ROOM_BYTES_MAX));
        part > ROOM_BYTES_MAX
    }

    /// The giver had nothing after all: nobody is asked for a while, so that no write waits for it in vain.
    pub fn give_up(&mut self) {
        self.pressure.barren_until = Millis(self.now.0 + BARREN_MS);
        self.pressure.giver = None;
    }

    /// Whether another shard has to be asked for room, since this was called last.
    pub fn take_starved(&mut self) -> bool {
        std::mem::take(&mut self.pressure.starved)
    }

    /// The other shard that has most of what can be evicted, as of this turn.
    pub fn giver(&mut self) -> Option<(ShardId, u64)> {
        // Only if it is near: the clock may have been set back.
        let barren = self.pressure.barren_until.0 - self.now.0;
        if (1..=BARREN_MS).contains(&barren) {
            return None;
        }
        let (mine, policy) = (self.shard.index(), self.eviction.policy);
        let pressure = &mut self.pressure;
        *pressure.giver.get_or_insert_with(|| {
            let others = pressure.stores.iter().enumerate();
            others
                .filter(|(shard, store)| *shard != mine && has_victims(store, policy))
                .map(|(shard, store)| (ShardId(shard as u16), store.used_bytes.get()))
                .max_by_key(|(_, bytes)| *bytes)
        })
    }

    fn is_lean(&mut self) -> bool {
        let mine = self.store.memory();
        self.giver().is_some_and(|(_, bytes)| mine < bytes / LEAN)
    }

    /// Evicts so many bytes at most, as long as too much is in use.
    fn evict(&mut self, bytes: u64) -> EvictOutcome {
        let clock = self.pressure.clock;
        let started = clock.map(|clock| clock.ticks());
        let mut left = bytes;
        let outcome = loop {
            self.look_again();
            let piece = self.over().min(left).min(PIECE_BYTES);
            if piece == 0 {
                break EvictOutcome::Enough;
            }
            left -= piece;
            let outcome = self
                .store
                .evict(&self.eviction, piece, self.now, &mut self.rng);
            if outcome != EvictOutcome::Enough {
                break outcome;
            }
        };
        if let (Some(clock), Some(started)) = (clock, started) {
            let took = clock.ticks().wrapping_sub(started);
            self.pressure.longest_ticks = self.pressure.longest_ticks.max(took);
        }
        outcome
    }

    /// Has evictions timed, by this clock.
    pub fn time_evictions(&mut self, clock: Clock) {
        self.pressure.clock = Some(clock);
    }

    /// Ticks that the longest eviction took since this was called last.
    pub fn take_longest_eviction(&mut self) -> u64 {
        std::mem::take(&mut self.pressure.longest_ticks)
    }
}

/// Whether a shard has keys that the policy lets go.
fn has_victims(store: &StoreCounters, policy: EvictPolicy) -> bool {
    store.dbs().iter().any(|db| match policy {
        EvictPolicy::NoEviction => false,
        _ if policy.is_volatile() => db.expires.get() > 0,
        _ => db.keys.get() > 0,
    })
}
