//! The 24 access bits of an entry: how long ago, or how often, a key was used.
//!
//! Both clocks are Redis's, so that OBJECT IDLETIME and FREQ, RESTORE and the RDB format mean the same. LRU keeps
//! seconds modulo 2^24. LFU keeps the minute of the last decay in 16 bits and a counter in 8 that grows ever more
//! slowly (a hit counts with probability 1 / ((counter - 5) * log_factor + 1)) and falls by one every
//! `decay_minutes` without a hit: 255 stands for about a million hits at the default factor of 10.

use super::store::AccessClock;
use crate::base::{Millis, Rng};

const LRU_MASK: i64 = (1 << 24) - 1;
const LFU_MINUTES_MASK: i64 = (1 << 16) - 1;

/// Where the counter of a new key starts: it must survive its first minutes.
const LFU_START: u32 = 5;

impl AccessClock {
    /// The bits of a new key.
    #[inline]
    pub(super) fn fresh(self, now: Millis) -> u32 {
        match self {
            AccessClock::Lru => lru_now(now),
            AccessClock::Lfu { .. } => lfu_now(now) << 8 | LFU_START,
        }
    }

    /// The bits after an access.
    #[inline]
    pub(super) fn touched(self, old: u32, now: Millis, rng: &mut Rng) -> u32 {
        match self {
            AccessClock::Lru => lru_now(now),
            AccessClock::Lfu { log_factor, .. } => {
                let counter = self.frequency(old, now);
                let above = u64::from(counter.saturating_sub(LFU_START));
                let grows = counter < 255 && rng.chance(1, above * u64::from(log_factor) + 1);
                lfu_now(now) << 8 | (counter + u32::from(grows))
            }
        }
    }

    /// LFU counter with its decay up to now.
    pub(super) fn frequency(self, access: u32, now: Millis) -> u32 {
        let AccessClock::Lfu { decay_minutes, .. } = self else {
            return access & 0xff;
        };
        let elapsed = lfu_now(now).wrapping_sub(access >> 8) & LFU_MINUTES_MASK as u32;
        (access & 0xff).saturating_sub(elapsed.checked_div(decay_minutes).unwrap_or(0))
    }

    /// Bits that say "idle for so long".
    pub(super) fn with_idle(self, idle_secs: u64, now: Millis) -> u32 {
        ((now.seconds() - (idle_secs as i64 & LRU_MASK)) & LRU_MASK) as u32
    }

    /// Bits that say "used so often".
    pub(super) fn with_frequency(self, frequency: u8, now: Millis) -> u32 {
        lfu_now(now) << 8 | u32::from(frequency)
    }
}

/// Seconds since the last access.
pub(super) fn idle_secs(access: u32, now: Millis) -> u64 {
    u64::from(lru_now(now).wrapping_sub(access) & LRU_MASK as u32)
}

#[inline]
fn lru_now(now: Millis) -> u32 {
    (now.seconds() & LRU_MASK) as u32
}

#[inline]
fn lfu_now(now: Millis) -> u32 {
    (now.seconds().div_euclid(60) & LFU_MINUTES_MASK) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_time_counts_across_the_wrap() {
        let wrap = Millis((1 << 24) * 1000);
        let access = AccessClock::Lru.fresh(Millis(wrap.0 - 5_000));
        assert_eq!(idle_secs(access, Millis(wrap.0 + 7_000)), 12);
        assert_eq!(idle_secs(AccessClock::Lru.with_idle(99, wrap), wrap), 99);
    }

    #[test]
    fn frequency_grows_slowly_and_decays() {
        let clock = AccessClock::Lfu {
            log_factor: 10,
            decay_minutes: 1,
        };
        let mut rng = Rng::new(1);
        let now = Millis(1_700_000_000_000);
        let mut access = clock.fresh(now);
        let mut after = Vec::new();
        for hits in 1..=100_000_u32 {
            access = clock.touched(access, now, &mut rng);
            if [100, 1000, 100_000].contains(&hits) {
                after.push(clock.frequency(access, now));
            }
        }
        // Redis documents 10, 18 and 142 for these.
        assert!(
            (7..14).contains(&after[0]) && (14..24).contains(&after[1]),
            "{after:?}"
        );
        assert!((120..165).contains(&after[2]), "{after:?}");
        let later = Millis(now.0 + 10 * 60_000);
        assert_eq!(clock.frequency(access, later), after[2] - 10);
        let never = AccessClock::Lfu {
            log_factor: 10,
            decay_minutes: 0,
        };
        assert_eq!(never.frequency(access, later), after[2]);
    }
}
