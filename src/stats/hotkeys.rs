//! The keys that cost most, as one core sees them: what HOTKEYS asks for.
//!
//! A core keeps a bounded number of keys. When there are too many, those that rank low by either metric are dropped, so
//! a key that is hot is only missed if it was cold for most of the time.

use crate::base::{Map, Rng};

/// Keys kept before the cold ones are dropped, and how many of the hottest stay by each metric.
const KEYS_MAX: usize = 4096;
const KEYS_KEPT: usize = 512;

/// What HOTKEYS START said.
#[derive(Clone, Copy, Debug)]
pub struct HotKeysPlan {
    /// Time spent on commands is of interest.
    pub cpu: bool,
    /// So are bytes from and to clients.
    pub net: bool,
    /// How many keys are asked for.
    pub count: usize,
    /// One command of so many is looked at.
    pub sample: u64,
    /// When it began, Unix milliseconds.
    pub started_ms: i64,
    /// When it ends by itself.
    pub until_ms: i64,
    /// Microseconds the process had spent by then, in user and in kernel mode.
    pub usage_us: (i64, i64),
}

/// What one core has seen of a session.
#[derive(Clone, Debug)]
pub struct HotKeys {
    /// The session.
    pub plan: HotKeysPlan,
    /// When it was stopped, and what the process had spent by then.
    pub stopped: Option<(i64, (i64, i64))>,
    /// Nanoseconds and bytes of all commands.
    pub totals: Cost,
    keys: Map<Box<[u8]>, Cost>,
    rng: Rng,
}

/// What commands cost.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Time.
    pub nanos: u64,
    /// Bytes received and sent.
    pub bytes: u64,
}

impl Cost {
    fn add(&mut self, more: Cost) {
        self.nanos += more.nanos;
        self.bytes += more.bytes;
    }
}

impl HotKeys {
    /// Begins to look.
    pub fn new(plan: HotKeysPlan) -> HotKeys {
        HotKeys {
            plan,
            stopped: None,
            totals: Cost::default(),
            keys: Map::default(),
            rng: Rng::new(plan.started_ms.unsigned_abs()),
        }
    }

    /// Whether commands are looked at.
    pub fn is_active(&self, now_ms: i64) -> bool {
        self.stopped.is_none() && now_ms < self.plan.until_ms
    }

    /// A command was run; whether its keys are wanted.
    pub fn count(&mut self, cost: Cost) -> bool {
        self.totals.add(cost);
        self.plan.sample == 1 || self.rng.below(self.plan.sample) == 0
    }

    /// A command with this key was run.
    pub fn count_key(&mut self, key: &[u8], cost: Cost) {
        if let Some(known) = self.keys.get_mut(key) {
            return known.add(cost);
        }
        if self.keys.len() >= KEYS_MAX {
            let mut kept: Map<Box<[u8]>, Cost> = Map::default();
            for by in [Cost::time, Cost::traffic] {
                kept.extend(self.hottest(by, KEYS_KEPT));
            }
            self.keys = kept;
        }
        self.keys.insert(key.into(), cost);
    }

    /// The keys that cost most by one measure, with what they cost, most expensive first.
    pub fn hottest(&self, by: fn(&Cost) -> u64, count: usize) -> Vec<(Box<[u8]>, Cost)> {
        let keys = self.keys.iter().map(|(key, cost)| (key.clone(), *cost));
        let mut keys: Vec<(Box<[u8]>, Cost)> = keys.collect();
        keys.sort_unstable_by(|one, other| {
            let order = by(&other.1).cmp(&by(&one.1));
            order.then_with(|| one.0.cmp(&other.0))
        });
        keys.truncate(count);
        keys
    }

    /// Adds what another core has seen.
    pub fn merge(&mut self, other: &HotKeys) {
        self.totals.add(other.totals);
        for (key, cost) in &other.keys {
            self.keys.entry(key.clone()).or_default().add(*cost);
        }
    }
}

impl Cost {
    /// Nanoseconds.
    pub fn time(&self) -> u64 {
        self.nanos
    }

    /// Bytes.
    pub fn traffic(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: HotKeysPlan = HotKeysPlan {
        cpu: true,
        net: true,
        count: 10,
        sample: 1,
        started_ms: 1,
        until_ms: i64::MAX,
        usage_us: (0, 0),
    };

    #[test]
    fn hot_keys_stay_among_very_many_cold_ones() {
        let mut hot = HotKeys::new(PLAN);
        for i in 0..100_000_u32 {
            assert!(hot.count(Cost { nanos: 1, bytes: 1 }));
            let key = match i % 10 {
                0 => format!("hot{}", i % 3),
                _ => format!("cold{i}"),
            };
            hot.count_key(key.as_bytes(), Cost { nanos: 1, bytes: 2 });
        }
        let other = hot.clone();
        hot.merge(&other);
        let hottest = hot.hottest(Cost::time, 4);
        assert!(hottest[..3].iter().all(|(key, _)| key.starts_with(b"hot")));
        assert!(hottest[3].0.starts_with(b"cold"));
        assert_eq!(hot.totals.nanos, 200_000);
        assert!(hot.keys.len() <= 2 * KEYS_MAX);
        assert_eq!(
            hot.hottest(Cost::traffic, 1)[0].1.bytes,
            2 * hottest[0].1.nanos
        );
    }

    #[test]
    fn a_sample_is_a_part() {
        let mut hot = HotKeys::new(HotKeysPlan { sample: 10, ..PLAN });
        let seen = (0..10_000).filter(|_| hot.count(Cost::default())).count();
        assert!((800..1200).contains(&seen), "{seen}");
        assert!(hot.is_active(5));
        hot.stopped = Some((5, (0, 0)));
        assert!(!hot.is_active(5));
    }
}
