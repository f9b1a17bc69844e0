//! A snapshot's share of a core's time, and what is done when it holds too much.
//!
//! With nobody to serve the walk has all of it, a slice a turn. Else it rests after each slice, unless it holds much of
//! what clients changed: each entry changed before the walk came to it is kept until a sink has taken it. A core
//! that sleeps then leaves its processor to others: where clients, or other threads, share it with shards, they would wait
//! for as long as the scheduler lets a thread run, which is longer than any slice. Where the sinks cannot keep up, writes
//! run in every other turn only, and at the limit the snapshot is given up: whatever is changed meanwhile, the keys and
//! what is kept of them take no more than the limit, and the largest value, above what the keys took at the cut or take
//! now (`base/preserved.rs`).

use super::home::Home;
use crate::base::limits;
use crate::base::time::Millis;
use crate::command::ctx::{Core, Pause};
use crate::keyspace::Step;
use std::time::Duration;

/// Where the walk is, as the loop sees it.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Clock ticks when the next slice may be run (`rdb-key-save-delay`).
    not_before: u64,
    /// Clock ticks when somebody was served last.
    served: u64,
    /// Clock ticks when it has rested for long enough,
    rests_until: u64,
    /// and how long that is from now.
    pub(super) rest: Option<Duration>,
    /// There is more to do at once.
    pub(super) is_busy: bool,
    /// Bytes at which it is given up; 0 while there is none.
    limit: u64,
    /// Bytes that are to stay below it.
    extra: u64,
    /// Writes may run since the last pause that it caused.
    breathes: bool,
}

impl Home {
    /// Runs a slice if it is time to. `serves` tells whether this turn has served anybody.
    pub(super) fn walk(&mut self, serves: bool) {
        if !self.owner.store.has_snapshot() {
            self.walk = Walk::default();
            return;
        }
        let now = self.clock.ticks();
        self.mind_held();
        self.walk.is_busy = false;
        self.walk.rest = None;
        // The delay is between keys: the first of a snapshot has none.
        let has_begun = self.owner.store.snapshot_keys() > 0;
        if has_begun && now < self.walk.not_before && self.config.rdb_key_save_delay != 0 {
            return;
        }
        if serves {
            self.walk.served = now;
        }
        let idle_us = self.clock.ticks_to_us(now.saturating_sub(self.walk.served));
        let alone = idle_us >= limits::SNAPSHOT_ALONE_US;
        if !alone && now < self.walk.rests_until {
            return self.rest(now);
        }
        let budget_us = match alone {
            true => limits::SNAPSHOT_IDLE_US,
            false => limits::SNAPSHOT_US,
        };
        let ticks = (budget_us as f64 * self.server.ticks_per_us) as u64;
        let delay = self.config.rdb_key_save_delay;
        let before = self.owner.store.snapshot_keys();
        let clock = self.clock;
        let step = self.owner.store.step_snapshot(self.owner.now, || {
            delay == 0 && clock.ticks().wrapping_sub(now) < ticks
        });
        if delay != 0 {
            let keys = self.owner.store.snapshot_keys().saturating_sub(before);
            // The shards together write one key at a time.
            let keys = keys * self.outstanding.len() as u64;
            let us = match delay {
                1.. => keys as f64 * delay as f64,
                _ => keys as f64 / -(delay as f64),
            };
            self.walk.not_before = now + (us * self.server.ticks_per_us) as u64;
        }
        let goes_on = step == Step::More && delay == 0;
        let rests = !alone && self.walk.extra < self.walk.limit / 2;
        self.walk.is_busy = goes_on && !rests;
        if goes_on && rests {
            // As long as the slice took.
            let end = clock.ticks();
            self.walk.rests_until = end + (end - now);
            self.rest(end);
        }
    }

    /// Has the core wake up when the walk has rested.
    fn rest(&mut self, now: u64) {
        let us = self.clock.ticks_to_us(self.walk.rests_until - now) + 1;
        self.walk.rest = Some(Duration::from_micros(us));
    }

    /// Compares what the snapshot holds with what it may.
    fn mind_held(&mut self) {
        let extra = self.owner.store.snapshot_extra(self.server.stored_memory());
        self.walk.extra = extra;
        if self.walk.limit == 0 {
            let used = self.server.used_memory().max(self.config.maxmemory);
            self.walk.limit =
                (used / limits::SNAPSHOT_HELD_PART).max(limits::SNAPSHOT_HELD_BYTES_MIN);
        }
        let limit = self.walk.limit;
        if extra >= limit {
            self.owner.store.give_up_snapshot(
                "what changed during the snapshot takes too much memory: the disk is too slow",
            );
        } else if extra >= limit / 4 * 3 && self.pause.is_none() {
            // A turn without a pause lies between two: a disk that stands still slows writes down until the limit is
            // reached and must not stop them for good.
            if !std::mem::replace(&mut self.walk.breathes, true) {
                return;
            }
            self.walk.breathes = false;
            self.stats.throttles.add(1);
            let until = Millis(self.now().0 + limits::SNAPSHOT_THROTTLE_MS);
            self.pause(Some(Pause { until, all: false }));
        }
    }
}
