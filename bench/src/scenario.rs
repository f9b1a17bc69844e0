//! What is measured: one row a scenario.
//!
//! A row is read by the runner, which does it, and by the report, which puts the rows of a family into one table and
//! one set of plots. Sizes are those of the full run; `--quick` divides counts and times.

use crate::collections::COLLECTIONS;
use Suite::{Collections, Full, Gate, Quick};

/// Which runs a scenario is part of; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// A minute, small counts: does everything work?
    Quick,
    /// What a release is judged by.
    Gate,
    /// Everything but strings, and redis-benchmark's list; only these.
    Collections,
    /// All there is.
    Full,
}

/// Rows that belong into one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    Closed,
    RedisBenchmark,
    Open,
    Shards,
    Memory,
    Growth,
    Connections,
    DefaultsSingly,
    Defaults,
    Collections,
    Elements,
}

/// A scenario.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub suite: Suite,
    pub family: Family,
    pub shards: u16,
    pub work: Work,
}

/// What a scenario does with a server.
#[derive(Clone, Debug)]
pub enum Work {
    /// `tessera-load` on a server that holds `KEYS` keys of `VALUE_BYTES`.
    Load {
        ops: &'static [&'static str],
        connections: u32,
        pipeline: u32,
        /// Operations a second of an open loop.
        rate: Option<u32>,
        /// Percent of the keys on another shard than the connection's.
        remote: Option<u8>,
    },
    /// redis-benchmark on the same.
    RedisBenchmark {
        test: &'static str,
        pipeline: u32,
        requests: u64,
    },
    /// `tessera-load` on a server that holds what `fill` made: operations, and how many of each.
    Filled {
        fill: &'static [(&'static str, u64)],
        ops: &'static [&'static str],
        keys: u64,
        connections: u32,
        pipeline: u32,
    },
    /// Loads an empty server with elements of so many keys and looks at its size.
    Elements {
        op: &'static str,
        keys: u64,
        elements: u64,
    },
    /// Loads an empty server and looks at its size.
    Memory { op: &'static str, keys: u64 },
    /// Loads an empty server over one connection and looks for the slowest command.
    Growth { op: &'static str, keys: u64 },
    /// Nobody, then many connections that say little.
    Connections { connections: u32 },
}

impl Work {
    /// Whether the server must be new and alone.
    pub fn needs_fresh_server(&self) -> bool {
        !matches!(self, Work::Load { .. } | Work::RedisBenchmark { .. })
    }
}

/// Keys loaded before `Load` and `RedisBenchmark`, named as redis-benchmark names them.
pub const KEYS: u64 = 100_000;
/// Size of their values.
pub const VALUE_BYTES: usize = 64;
/// Connections of a closed loop, redis-benchmark's default.
pub const CONNECTIONS: u32 = 50;
/// Value size of the memory and growth scenarios; keys have 16 bytes there.
pub const SMALL_VALUE_BYTES: usize = 32;

const GET: &[&str] = &["GET key:{r}"];
const SET: &[&str] = &["SET key:{r} {v}"];
const MIXED: &[&str] = &["9*GET key:{r}", "1*SET key:{r} {v}"];
const MSET_10: &[&str] = &[
    "MSET key:{r} {v} key:{r} {v} key:{r} {v} key:{r} {v} key:{r} {v} \
    key:{r} {v} key:{r} {v} key:{r} {v} key:{r} {v} key:{r} {v}",
];
const MGET_10: &[&str] = &[
    "MGET key:{r} key:{r} key:{r} key:{r} key:{r} key:{r} key:{r} key:{r} \
    key:{r} key:{r}",
];
const MULTI_4: &[&str] = &["MULTI;SET key:{r} {v};GET key:{r};SET key:{r} {v};GET key:{r};EXEC"];
/// The connection's number keeps one from renaming what another has just renamed.
const RENAME: &[&str] =
    &["SET from:{conn}:{local} {v};RENAME from:{conn}:{same} to:{conn}:{remote}"];

const fn closed(
    name: &'static str,
    suite: Suite,
    ops: &'static [&'static str],
    pipeline: u32,
) -> Scenario {
    let work = Work::Load {
        ops,
        connections: CONNECTIONS,
        pipeline,
        rate: None,
        remote: None,
    };
    Scenario {
        name,
        suite,
        family: Family::Closed,
        shards: 1,
        work,
    }
}

const fn redis_benchmark(
    name: &'static str,
    suite: Suite,
    test: &'static str,
    pipeline: u32,
    requests: u64,
) -> Scenario {
    let work = Work::RedisBenchmark {
        test,
        pipeline,
        requests,
    };
    Scenario {
        name,
        suite,
        family: Family::RedisBenchmark,
        shards: 1,
        work,
    }
}

const fn open(
    name: &'static str,
    suite: Suite,
    ops: &'static [&'static str],
    rate: u32,
) -> Scenario {
    let work = Work::Load {
        ops,
        connections: CONNECTIONS,
        pipeline: 1,
        rate: Some(rate),
        remote: None,
    };
    Scenario {
        name,
        suite,
        family: Family::Open,
        shards: 1,
        work,
    }
}

const fn shards_2(
    name: &'static str,
    suite: Suite,
    ops: &'static [&'static str],
    pipeline: u32,
    remote: Option<u8>,
) -> Scenario {
    let work = Work::Load {
        ops,
        connections: CONNECTIONS,
        pipeline,
        rate: None,
        remote,
    };
    Scenario {
        name,
        suite,
        family: Family::Shards,
        shards: 2,
        work,
    }
}

const fn alone(name: &'static str, suite: Suite, family: Family, work: Work) -> Scenario {
    Scenario {
        name,
        suite,
        family,
        shards: 1,
        work,
    }
}

/// All scenarios, in the order of the report.
pub fn scenarios() -> impl Iterator<Item = &'static Scenario> {
    SCENARIOS.iter().chain(COLLECTIONS)
}

const SCENARIOS: &[Scenario] = &[
    closed("get-p1", Quick, GET, 1),
    closed("get-p16", Gate, GET, 16),
    closed("get-p64", Quick, GET, 64),
    closed("set-p1", Quick, SET, 1),
    closed("set-p16", Gate, SET, 16),
    closed("set-p64", Quick, SET, 64),
    closed("mixed-p1", Full, MIXED, 1),
    closed("mixed-p16", Full, MIXED, 16),
    redis_benchmark("rb-get-p1", Quick, "get", 1, 300_000),
    redis_benchmark("rb-get-p16", Gate, "get", 16, 2_000_000),
    redis_benchmark("rb-get-p64", Gate, "get", 64, 3_000_000),
    redis_benchmark("rb-set-p1", Gate, "set", 1, 300_000),
    redis_benchmark("rb-set-p16", Quick, "set", 16, 2_000_000),
    redis_benchmark("rb-set-p64", Gate, "set", 64, 3_000_000),
    open("open-get-20k", Quick, GET, 20_000),
    open("open-get-60k", Gate, GET, 60_000),
    open("open-mixed-60k", Full, MIXED, 60_000),
    shards_2("get-p1-local", Gate, GET, 1, Some(0)),
    shards_2("get-p1-half", Quick, GET, 1, Some(50)),
    shards_2("get-p1-remote", Gate, GET, 1, Some(100)),
    shards_2("get-p16-local", Gate, GET, 16, Some(0)),
    shards_2("get-p16-half", Gate, GET, 16, Some(50)),
    shards_2("get-p16-remote", Gate, GET, 16, Some(100)),
    shards_2("mset10", Quick, MSET_10, 1, None),
    shards_2("mget10", Quick, MGET_10, 1, None),
    shards_2("multi4", Quick, MULTI_4, 1, None),
    shards_2("rename-across", Quick, RENAME, 1, None),
    alone(
        "memory",
        Quick,
        Family::Memory,
        Work::Memory {
            op: "SET key:{i} {v}",
            keys: 2_000_000,
        },
    ),
    alone(
        "memory-ttl",
        Quick,
        Family::Memory,
        Work::Memory {
            op: "SET key:{i} {v} EX 100000",
            keys: 2_000_000,
        },
    ),
    alone(
        "growth-spread",
        Quick,
        Family::Growth,
        Work::Growth {
            op: "SET key:{i} {v}",
            keys: 10_000_000,
        },
    ),
    alone(
        "growth-one-slot",
        Quick,
        Family::Growth,
        Work::Growth {
            op: "SET {t}:{i} {v}",
            keys: 10_000_000,
        },
    ),
    alone(
        "connections-10k",
        Quick,
        Family::Connections,
        Work::Connections {
            connections: 10_000,
        },
    ),
];

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    pub rounds: u32,
    pub seconds: f64,
    pub warmup_seconds: f64,
    /// Counts are divided by this.
    pub divide: u64,
}

impl Suite {
    /// Whether a run of this suite has the scenarios of another.
    pub fn includes(self, other: Suite) -> bool {
        match self {
            Collections => other == Collections,
            _ => other <= self,
        }
    }

    /// The scale that goes with it.
    pub fn scale(self) -> Scale {
        match self {
            Quick => Scale {
                rounds: 2,
                seconds: 0.3,
                warmup_seconds: 0.1,
                divide: 40,
            },
            Gate | Collections | Full => Scale {
                rounds: 5,
                seconds: 2.0,
                warmup_seconds: 0.5,
                divide: 1,
            },
        }
    }
}

impl Family {
    /// Those that the scenarios belong to, in the order of the report.
    pub const ALL: [Family; 11] = [
        Family::Closed,
        Family::RedisBenchmark,
        Family::Open,
        Family::Shards,
        Family::Memory,
        Family::Growth,
        Family::Connections,
        Family::DefaultsSingly,
        Family::Defaults,
        Family::Collections,
        Family::Elements,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    #[test]
    fn names_are_unique_and_operations_parse() {
        let mut names: Vec<&str> = scenarios().map(|s| s.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        for scenario in scenarios() {
            let ops = match &scenario.work {
                Work::Load { ops, .. } => ops.to_vec(),
                Work::Filled { fill, ops, .. } => {
                    fill.iter().map(|(op, _)| *op).chain(ops.to_vec()).collect()
                }
                Work::Elements { op, .. } | Work::Memory { op, .. } | Work::Growth { op, .. } => {
                    vec![*op]
                }
                Work::RedisBenchmark { .. } | Work::Connections { .. } => vec![],
            };
            for op in ops {
                assert!(Template::parse(op, "v").is_ok(), "{op}");
            }
        }
    }

    #[test]
    fn the_quick_run_reaches_every_kind_of_work() {
        for family in Family::ALL {
            let has = |suite| scenarios().any(|s| s.family == family && s.suite == suite);
            assert!(has(Quick) || has(Collections), "{family:?}");
        }
    }
}
