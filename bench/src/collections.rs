//! Scenarios of lists, sets, hashes, sorted sets, streams and scripts: `bench/compare --collections`.
//!
//! redis-benchmark's whole default list, singly and in pipelines of 16; what it does not ask, on large values; and
//! the bytes an element takes in each type, in many small collections and in one large one. Numbers in operations have
//! leading zeros, which scores and ranges by score accept and indexes do not; a `1` before them makes an integer.

use crate::scenario::Suite::Collections;
use crate::scenario::{CONNECTIONS, Family, Scenario, Work};

const fn list(
    name: &'static str,
    test: &'static str,
    pipeline: u32,
    family: Family,
    requests: u64,
) -> Scenario {
    let work = Work::RedisBenchmark {
        test,
        pipeline,
        requests,
    };
    row(name, family, work)
}

/// One test singly; requests are those of the pipelined run.
const fn p1(name: &'static str, test: &'static str, requests: u64) -> Scenario {
    list(name, test, 1, Family::DefaultsSingly, requests / 5)
}

const fn p16(name: &'static str, test: &'static str, requests: u64) -> Scenario {
    list(name, test, 16, Family::Defaults, requests)
}

const fn row(name: &'static str, family: Family, work: Work) -> Scenario {
    Scenario {
        name,
        suite: Collections,
        family,
        shards: 1,
        work,
    }
}

/// Operations on a server that was filled with something else than keys of strings.
const fn large(
    name: &'static str,
    fill: &'static [(&'static str, u64)],
    op: &'static [&'static str],
    keys: u64,
    pipeline: u32,
) -> Scenario {
    let work = Work::Filled {
        fill,
        ops: op,
        keys,
        connections: CONNECTIONS,
        pipeline,
    };
    row(name, Family::Collections, work)
}

const fn bytes(name: &'static str, op: &'static str, keys: u64) -> Scenario {
    let work = Work::Elements {
        op,
        keys,
        elements: ELEMENTS,
    };
    row(name, Family::Elements, work)
}

/// Elements of a large value, and keys its operations draw from.
const MILLION: u64 = 1_000_000;
/// Elements whose bytes are counted.
const ELEMENTS: u64 = 1_000_000;
/// Small collections have about ten elements.
const SMALL: u64 = ELEMENTS / 10;

const ZSET: &[(&str, u64)] = &[("ZADD z {i} m:{same}", MILLION)];
const HASH: &[(&str, u64)] = &[("HSET h f:{i} {v}", 100)];
const SETS: &[(&str, u64)] = &[("SADD a m:{i}", 100_000), ("SADD b m:{i}", 100_000)];
const GROUP: &[(&str, u64)] = &[("XGROUP CREATE s g $ MKSTREAM", 1)];
const NOTHING: &[(&str, u64)] = &[];

const XREADGROUP: &[&str] = &["XADD s * field {v};XREADGROUP GROUP g c COUNT 1 STREAMS s >"];
/// Words end at blanks, and a script need not have any.
const EVAL: &[&str] = &[
    "EVAL redis.call('set',KEYS[1],'1')redis.call('incr',KEYS[1])return(redis.call('get',KEYS[1])) \
     1 key:{r}",
];

/// All of them.
pub const COLLECTIONS: &[Scenario] = &[
    p1("default-ping-inline-p1", "ping_inline", 1_000_000),
    p1("default-ping-p1", "ping_mbulk", 1_000_000),
    p1("default-set-p1", "set", 1_000_000),
    p1("default-get-p1", "get", 1_000_000),
    p1("default-incr-p1", "incr", 1_000_000),
    p1("default-lpush-p1", "lpush", 1_000_000),
    p1("default-rpush-p1", "rpush", 1_000_000),
    p1("default-lpop-p1", "lpop", 1_000_000),
    p1("default-rpop-p1", "rpop", 1_000_000),
    p1("default-sadd-p1", "sadd", 1_000_000),
    p1("default-hset-p1", "hset", 1_000_000),
    p1("default-spop-p1", "spop", 1_000_000),
    p1("default-zadd-p1", "zadd", 1_000_000),
    p1("default-zpopmin-p1", "zpopmin", 1_000_000),
    p1("default-lrange-100-p1", "lrange_100", 100_000),
    p1("default-lrange-300-p1", "lrange_300", 100_000),
    p1("default-lrange-500-p1", "lrange_500", 100_000),
    p1("default-lrange-600-p1", "lrange_600", 100_000),
    p1("default-mset-p1", "mset", 500_000),
    p16("default-ping-inline", "ping_inline", 1_000_000),
    p16("default-ping", "ping_mbulk", 1_000_000),
    p16("default-set", "set", 1_000_000),
    p16("default-get", "get", 1_000_000),
    p16("default-incr", "incr", 1_000_000),
    p16("default-lpush", "lpush", 1_000_000),
    p16("default-rpush", "rpush", 1_000_000),
    p16("default-lpop", "lpop", 1_000_000),
    p16("default-rpop", "rpop", 1_000_000),
    p16("default-sadd", "sadd", 1_000_000),
    p16("default-hset", "hset", 1_000_000),
    p16("default-spop", "spop", 1_000_000),
    p16("default-zadd", "zadd", 1_000_000),
    p16("default-zpopmin", "zpopmin", 1_000_000),
    p16("default-lrange-100", "lrange_100", 100_000),
    p16("default-lrange-300", "lrange_300", 60_000),
    p16("default-lrange-500", "lrange_500", 40_000),
    p16("default-lrange-600", "lrange_600", 40_000),
    p16("default-mset", "mset", 200_000),
    large("zadd-1m", ZSET, &["ZADD z {r} m:{r}"], MILLION, 16),
    large("zrank-1m", ZSET, &["ZRANK z m:{r}"], MILLION, 16),
    large("zscore-1m", ZSET, &["ZSCORE z m:{r}"], MILLION, 16),
    large(
        "zrange-1m",
        ZSET,
        &["ZRANGE z {r} +inf BYSCORE LIMIT 0 10"],
        MILLION,
        16,
    ),
    large(
        "zrange-rank-1m",
        ZSET,
        &["ZRANGE z -500000 -499991"],
        MILLION,
        16,
    ),
    large("hgetall-100", HASH, &["HGETALL h"], 1, 1),
    large("sinter-100k", SETS, &["SINTER a b"], 1, 1),
    large("sintercard-100k", SETS, &["SINTERCARD 2 a b"], 1, 1),
    large("xadd", NOTHING, &["XADD s * field {v}"], 1, 16),
    large("xadd-xreadgroup", GROUP, XREADGROUP, 1, 16),
    large("eval-3", NOTHING, EVAL, 100_000, 16),
    bytes("bytes-list-small", "RPUSH l:{r} {v}", SMALL),
    bytes("bytes-list-large", "RPUSH l {v}", 1),
    bytes("bytes-hash-small", "HSET h:{r} f:{i} {v}", SMALL),
    bytes("bytes-hash-large", "HSET h f:{i} {v}", 1),
    bytes("bytes-set-small", "SADD e:{r} m:{i}", SMALL),
    bytes("bytes-set-large", "SADD e m:{i}", 1),
    bytes("bytes-intset-small", "SADD e:{r} 1{i}", SMALL),
    bytes("bytes-intset-large", "SADD e 1{i}", 1),
    bytes("bytes-zset-small", "ZADD z:{r} {i} m:{same}", SMALL),
    bytes("bytes-zset-large", "ZADD z {i} m:{same}", 1),
    bytes("bytes-stream-small", "XADD x:{r} * field {v}", SMALL),
    bytes("bytes-stream-large", "XADD x * field {v}", 1),
];
