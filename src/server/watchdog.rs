//! `watchdog-period`: tells of a shard that has been in one turn for longer than that, and where it is.
//!
//! The control thread looks every tick. A shard that sleeps, or has begun another turn since the last look, is well; so what
//! is found takes a tick longer than the period at most. Redis lets a timer interrupt its one thread for it.

use crate::command::ctx::Server;
use crate::ring::crash;
use crate::shard::Links;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// What is known of the shards.
pub(super) struct Watchdog {
    links: Weak<Links>,
    seen: Vec<Seen>,
}

/// A shard's turn, and since when it has been that.
#[derive(Default)]
struct Seen {
    turn: AtomicU64,
    since_us: AtomicI64,
}

/// Shorter periods are this one, as in Redis: two ticks.
const PERIOD_MIN_MS: i64 = 200;

impl Watchdog {
    pub(super) fn new(links: &Arc<Links>) -> Watchdog {
        Watchdog {
            links: Arc::downgrade(links),
            seen: links.bells.iter().map(|_| Seen::default()).collect(),
        }
    }

    /// Looks at all shards. A `period_ms` of 0 turns it off.
    pub(super) fn look(&self, server: &Server, period_ms: i64, now_us: i64) {
        let Some(links) = self.links.upgrade().filter(|_| period_ms > 0) else {
            return;
        };
        let period_us = period_ms.max(PERIOD_MIN_MS).saturating_mul(1000);
        let mut is_late = false;
        for ((seen, bell), core) in self.seen.iter().zip(&links.bells).zip(&server.cores) {
            let turn = core.stats.turns.get();
            let is_well = bell.is_asleep() || seen.turn.swap(turn, Ordering::Relaxed) != turn;
            let since = seen.since_us.load(Ordering::Relaxed);
            if is_well || now_us.saturating_sub(since) >= period_us {
                // What is told now is told again after another period.
                seen.since_us.store(now_us, Ordering::Relaxed);
            }
            is_late |= !is_well && now_us.saturating_sub(since) >= period_us;
        }
        if is_late {
            crash::trace_threads("--- WATCHDOG TIMER EXPIRED ---");
        }
    }
}
