//! What is asked: commands as templates, one row each. A new family is a few rows.
//!
//! A template is words separated by blanks:
//!
//! ```text
//! WORD          as it is
//! <kind>        something random, see `generate.rs`
//! [ .. ]        or nothing
//! { .. | .. }   one of them
//! ( .. )        one to four times
//! ```

/// How much of a reply has to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Byte for byte.
    Exact,
    /// Numbers with a fraction may be written differently (7.2 writes the shortest form).
    Floats,
    /// As `Floats`; what is equally far away comes in any order.
    Near,
    /// Elements in any order.
    Bag,
    /// Field and value in turn, pairs in any order.
    Pairs,
    /// A page of SCAN: a cursor and a bag.
    Page,
    /// A page of HSCAN or ZSCAN.
    PairPage,
    /// Integers that depend on the clock, in seconds or in milliseconds.
    Clock,
    /// Random: as many elements of the same kind.
    Shape,
    /// Ours may name what 7.0 did not have.
    Encoding,
}
use Mode::*;

/// One family: the prefix of its keys, and its commands.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// Keys of the family; `<key>` mostly is one of them.
    pub(crate) prefix: &'static str,
    pub(crate) rows: &'static [(Mode, &'static str)],
}

/// Prefix of the keys that commands of other families leave alone.
pub(crate) const APART: &str = "y";

pub(crate) const FAMILIES: &[Family] = &[
    Family {
        name: "string",
        prefix: "s",
        rows: &[
            (Exact, "SET <key> <val>"),
            (
                Exact,
                "SET <key> <val> [ { NX | XX } ] [ GET ] [ { EX <ttl> | PX <ttlms> | EXAT <at> | KEEPTTL } ]",
            ),
            (Exact, "SET <key> <edge>"),
            (Exact, "GET <key>"),
            (Exact, "GETDEL <key>"),
            (
                Exact,
                "GETEX <key> [ { EX <ttl> | PX <ttlms> | EXAT <at> | PXAT <atms> | PERSIST } ]",
            ),
            (Exact, "GETSET <key> <val>"),
            (Exact, "SETNX <key> <val>"),
            (Exact, "SETEX <key> <ttl> <val>"),
            (Exact, "PSETEX <key> <ttlms> <val>"),
            (Exact, "APPEND <key> <val>"),
            (Exact, "STRLEN <key>"),
            (Exact, "INCR <key>"),
            (Exact, "DECR <key>"),
            (Exact, "INCRBY <key> <int>"),
            (Exact, "DECRBY <key> <int>"),
            (Exact, "INCRBYFLOAT <key> <num>"),
            (Exact, "GETRANGE <key> <idx> <idx>"),
            (Exact, "SUBSTR <key> <idx> <idx>"),
            (Exact, "SETRANGE <key> <offset> <val>"),
            (Exact, "MGET ( <key> )"),
            (Exact, "MSET ( <key> <val> )"),
            (Exact, "MSETNX ( <key> <val> )"),
            (
                Exact,
                "LCS <key> <key> [ { LEN | IDX [ MINMATCHLEN <cnt> ] [ WITHMATCHLEN ] } ]",
            ),
        ],
    },
    Family {
        name: "bitmap",
        prefix: "b",
        rows: &[
            (Exact, "SETBIT <key> <bit> { 0 | 1 | <int> }"),
            (Exact, "GETBIT <key> <bit>"),
            (Exact, "BITCOUNT <key> [ <idx> <idx> [ { BYTE | BIT } ] ]"),
            (
                Exact,
                "BITPOS <key> { 0 | 1 } [ <idx> [ <idx> [ { BYTE | BIT } ] ] ]",
            ),
            (Exact, "BITOP { AND | OR | XOR | NOT } <key> ( <key> )"),
            (Exact, "BITOP NOT <key> <key>"),
            (
                Exact,
                "BITFIELD <key> ( { GET <bits> <field> | SET <bits> <field> <int> | INCRBY <bits> <field> <int> | OVERFLOW { WRAP | SAT | FAIL } } )",
            ),
            (Exact, "BITFIELD_RO <key> ( GET <bits> <field> )"),
            (Exact, "SET <key> <val>"),
        ],
    },
    Family {
        name: "keys",
        prefix: "s",
        rows: &[
            (Exact, "DEL ( <any> )"),
            (Exact, "UNLINK ( <any> )"),
            (Exact, "EXISTS ( <any> )"),
            (Exact, "TOUCH ( <any> )"),
            (Exact, "TYPE <any>"),
            (Exact, "RENAME <any> <any>"),
            (Exact, "RENAMENX <any> <any>"),
            (Exact, "COPY <any> <any> [ DB { 0 | 1 } ] [ REPLACE ]"),
            (Exact, "MOVE <any> { 0 | 1 | <int> }"),
            (Exact, "SWAPDB 0 1"),
            (Exact, "SELECT { 0 | 1 }"),
            (Exact, "DBSIZE"),
            (Bag, "KEYS <pattern>"),
            (Shape, "RANDOMKEY"),
            (Encoding, "OBJECT ENCODING <any>"),
            (Exact, "EXPIRE <any> <ttl> [ { NX | XX | GT | LT } ]"),
            (Exact, "PEXPIRE <any> <ttlms> [ { NX | XX | GT | LT } ]"),
            (Exact, "EXPIREAT <any> <at> [ { NX | XX | GT | LT } ]"),
            (Exact, "PEXPIREAT <any> <atms> [ { NX | XX | GT | LT } ]"),
            (Exact, "PERSIST <any>"),
            (Clock, "TTL <any>"),
            (Clock, "PTTL <any>"),
            (Clock, "EXPIRETIME <any>"),
            (Clock, "PEXPIRETIME <any>"),
            (Bag, "SORT <any> ALPHA [ DESC ]"),
            (
                Exact,
                "SORT <any> ALPHA [ LIMIT <cnt> <cnt> ] [ GET # ] [ DESC ]",
            ),
            (Exact, "SORT <any> ALPHA STORE <any>"),
            (Bag, "SORT <any>"),
            (Exact, "ECHO <val>"),
            (Exact, "PING"),
        ],
    },
    Family {
        name: "list",
        prefix: "l",
        rows: &[
            (Exact, "LPUSH <key> ( <el> )"),
            (Exact, "RPUSH <key> ( <el> )"),
            (Exact, "RPUSH <key> <els>"),
            (Exact, "LPUSHX <key> ( <el> )"),
            (Exact, "RPUSHX <key> ( <el> )"),
            (Exact, "LPOP <key> [ <cnt> ]"),
            (Exact, "RPOP <key> [ <cnt> ]"),
            (Exact, "LLEN <key>"),
            (Exact, "LINDEX <key> <idx>"),
            (Exact, "LSET <key> <idx> <el>"),
            (Exact, "LRANGE <key> <idx> <idx>"),
            (Exact, "LTRIM <key> <idx> <idx>"),
            (Exact, "LREM <key> { 0 | 1 | -1 | 2 | -2 } <el>"),
            (Exact, "LINSERT <key> { BEFORE | AFTER } <el> <el>"),
            (
                Exact,
                "LPOS <key> <el> [ RANK <idx> ] [ COUNT <cnt> ] [ MAXLEN <cnt> ]",
            ),
            (Exact, "RPOPLPUSH <key> <key>"),
            (Exact, "LMOVE <key> <key> { LEFT | RIGHT } { LEFT | RIGHT }"),
            (Exact, "LMPOP <nkeys> { LEFT | RIGHT } [ COUNT <cnt> ]"),
            (Exact, "BLPOP ( <key> ) 0.001"),
            (Exact, "BRPOP ( <key> ) 0.001"),
            (
                Exact,
                "BLMOVE <key> <key> { LEFT | RIGHT } { LEFT | RIGHT } 0.001",
            ),
            (
                Exact,
                "BLMPOP 0.001 <nkeys> { LEFT | RIGHT } [ COUNT <cnt> ]",
            ),
        ],
    },
    Family {
        name: "hash",
        prefix: "h",
        rows: &[
            (Exact, "HSET <key> ( <el> <val> )"),
            (Exact, "HSET <key> <els>"),
            (Exact, "HMSET <key> ( <el> <el> )"),
            (Exact, "HSETNX <key> <el> <val>"),
            (Exact, "HGET <key> <el>"),
            (Exact, "HMGET <key> ( <el> )"),
            (Pairs, "HGETALL <key>"),
            (Bag, "HKEYS <key>"),
            (Bag, "HVALS <key>"),
            (Exact, "HLEN <key>"),
            (Exact, "HDEL <key> ( <el> )"),
            (Exact, "HEXISTS <key> <el>"),
            (Exact, "HSTRLEN <key> <el>"),
            (Exact, "HINCRBY <key> <el> <int>"),
            (Exact, "HINCRBYFLOAT <key> <el> <num>"),
            (Shape, "HRANDFIELD <key> [ <rnd> [ WITHVALUES ] ]"),
            (PairPage, "HSCAN <key> 0 COUNT 100000 [ MATCH <pattern> ]"),
        ],
    },
    Family {
        name: "set",
        prefix: "e",
        rows: &[
            (Exact, "SADD <key> ( <el> )"),
            (Exact, "SADD <key> ( <int> )"),
            (Exact, "SADD <key> <els>"),
            (Exact, "SREM <key> ( <el> )"),
            (Exact, "SCARD <key>"),
            (Exact, "SISMEMBER <key> <el>"),
            (Exact, "SMISMEMBER <key> ( <el> )"),
            (Bag, "SMEMBERS <key>"),
            (Exact, "SMOVE <key> <key> <el>"),
            (Bag, "SPOP <key> 1000000"),
            (Shape, "SRANDMEMBER <key> [ <rnd> ]"),
            (Bag, "SINTER ( <key> )"),
            (Bag, "SUNION ( <key> )"),
            (Bag, "SDIFF ( <key> )"),
            (Exact, "SINTERSTORE <key> ( <key> )"),
            (Exact, "SUNIONSTORE <key> ( <key> )"),
            (Exact, "SDIFFSTORE <key> ( <key> )"),
            (Exact, "SINTERCARD <nkeys> [ LIMIT <cnt> ]"),
            (Page, "SSCAN <key> 0 COUNT 100000 [ MATCH <pattern> ]"),
        ],
    },
    Family {
        name: "zset",
        prefix: "z",
        rows: &[
            (Floats, "ZADD <key> ( <num> <el> )"),
            (
                Floats,
                "ZADD <key> [ { NX | XX } ] [ { GT | LT } ] [ CH ] ( <num> <el> )",
            ),
            (Floats, "ZADD <key> INCR <num> <el>"),
            (Exact, "ZADD <key> <scored>"),
            (Floats, "ZINCRBY <key> <num> <el>"),
            (Exact, "ZREM <key> ( <el> )"),
            (Exact, "ZCARD <key>"),
            (Floats, "ZSCORE <key> <el>"),
            (Floats, "ZMSCORE <key> ( <el> )"),
            (Exact, "ZRANK <key> <el>"),
            (Exact, "ZREVRANK <key> <el>"),
            (Exact, "ZCOUNT <key> <score> <score>"),
            (Floats, "ZRANGE <key> <idx> <idx> [ REV ] [ WITHSCORES ]"),
            (
                Floats,
                "ZRANGE <key> <score> <score> BYSCORE [ REV ] [ LIMIT <idx> <idx> ] [ WITHSCORES ]",
            ),
            (Floats, "ZREVRANGE <key> <idx> <idx> [ WITHSCORES ]"),
            (
                Floats,
                "ZRANGEBYSCORE <key> <score> <score> [ WITHSCORES ] [ LIMIT <idx> <idx> ]",
            ),
            (
                Floats,
                "ZREVRANGEBYSCORE <key> <score> <score> [ WITHSCORES ] [ LIMIT <idx> <idx> ]",
            ),
            (Exact, "ZRANGESTORE <key> <key> <idx> <idx> [ REV ]"),
            (
                Exact,
                "ZRANGESTORE <key> <key> <score> <score> BYSCORE [ LIMIT <idx> <idx> ]",
            ),
            (Exact, "ZREMRANGEBYRANK <key> <idx> <idx>"),
            (Exact, "ZREMRANGEBYSCORE <key> <score> <score>"),
            (Floats, "ZPOPMIN <key> [ <cnt> ]"),
            (Floats, "ZPOPMAX <key> [ <cnt> ]"),
            (Floats, "ZMPOP <nkeys> { MIN | MAX } [ COUNT <cnt> ]"),
            (Floats, "BZPOPMIN ( <key> ) 0.001"),
            (Floats, "BZPOPMAX ( <key> ) 0.001"),
            (Floats, "BZMPOP 0.001 <nkeys> { MIN | MAX } [ COUNT <cnt> ]"),
            (Shape, "ZRANDMEMBER <key> [ <rnd> [ WITHSCORES ] ]"),
            (
                Floats,
                "ZUNION <nkeys> [ AGGREGATE { SUM | MIN | MAX } ] [ WITHSCORES ]",
            ),
            (
                Floats,
                "ZINTER <nkeys> [ AGGREGATE { SUM | MIN | MAX } ] [ WITHSCORES ]",
            ),
            (
                Floats,
                "ZINTER 2 <key> <key> WEIGHTS <num> <num> [ WITHSCORES ]",
            ),
            (Floats, "ZDIFF <nkeys> [ WITHSCORES ]"),
            (
                Exact,
                "ZUNIONSTORE <key> <nkeys> [ AGGREGATE { SUM | MIN | MAX } ]",
            ),
            (
                Exact,
                "ZUNIONSTORE <key> 2 <key> <any> [ WEIGHTS <num> <num> ]",
            ),
            (Exact, "ZINTERSTORE <key> <nkeys>"),
            (Exact, "ZDIFFSTORE <key> <nkeys>"),
            (Exact, "ZINTERCARD <nkeys> [ LIMIT <cnt> ]"),
            (PairPage, "ZSCAN <key> 0 COUNT 100000 [ MATCH <pattern> ]"),
        ],
    },
    // Ranges of names make sense where all scores are equal, and Redis answers something else where they are not.
    Family {
        name: "lex",
        prefix: APART,
        rows: &[
            (Exact, "ZADD <own> ( 0 <el> )"),
            (Exact, "ZADD <own> 0 <el>"),
            (Exact, "ZREM <own> ( <el> )"),
            (Exact, "ZLEXCOUNT <own> <lex> <lex>"),
            (
                Exact,
                "ZRANGE <own> <lex> <lex> BYLEX [ REV ] [ LIMIT <idx> <idx> ]",
            ),
            (Exact, "ZRANGEBYLEX <own> <lex> <lex> [ LIMIT <idx> <idx> ]"),
            (
                Exact,
                "ZREVRANGEBYLEX <own> <lex> <lex> [ LIMIT <idx> <idx> ]",
            ),
            (
                Exact,
                "ZRANGESTORE <own> <own> <lex> <lex> BYLEX [ LIMIT <idx> <idx> ]",
            ),
            (Exact, "ZREMRANGEBYLEX <own> <lex> <lex>"),
        ],
    },
    Family {
        name: "geo",
        prefix: "g",
        rows: &[
            (
                Exact,
                "GEOADD <key> [ { NX | XX } ] [ CH ] ( <lon> <lat> <el> )",
            ),
            (Floats, "GEOPOS <key> ( <el> )"),
            (Exact, "GEOHASH <key> ( <el> )"),
            (Floats, "GEODIST <key> <el> <el> [ { m | km | ft | mi } ]"),
            (
                Near,
                "GEOSEARCH <key> FROMLONLAT <lon> <lat> BYRADIUS <radius> km { ASC | DESC } [ COUNT <cnt> ] [ WITHCOORD ] [ WITHDIST ] [ WITHHASH ]",
            ),
            (
                Near,
                "GEOSEARCH <key> FROMMEMBER <el> BYBOX <radius> <radius> km ASC [ WITHDIST ]",
            ),
            (
                Exact,
                "GEOSEARCHSTORE <key> <key> FROMLONLAT <lon> <lat> BYRADIUS <radius> km [ STOREDIST ]",
            ),
            (
                Near,
                "GEORADIUS <key> <lon> <lat> <radius> km ASC [ WITHDIST ]",
            ),
            (
                Near,
                "GEORADIUSBYMEMBER <key> <el> <radius> km DESC [ WITHDIST ]",
            ),
        ],
    },
    Family {
        name: "hyperloglog",
        prefix: "p",
        rows: &[
            (Exact, "PFADD <key> ( <el> )"),
            (Exact, "PFADD <key> <els>"),
            (Exact, "PFCOUNT ( <key> )"),
            (Exact, "PFMERGE <key> ( <key> )"),
            (Exact, "GET <key>"),
            (Exact, "STRLEN <key>"),
        ],
    },
    Family {
        name: "stream",
        prefix: "x",
        rows: &[
            (
                Exact,
                "XADD <key> [ NOMKSTREAM ] [ MAXLEN { = | ~ } <cnt> ] <newid> ( <el> <val> )",
            ),
            (Exact, "XADD <key> <newid> a b"),
            (Exact, "XADD <key> MINID = <id> <newid> a b"),
            (Exact, "XLEN <key>"),
            (Exact, "XRANGE <key> <from> <to> [ COUNT <cnt> ]"),
            (Exact, "XREVRANGE <key> <to> <from> [ COUNT <cnt> ]"),
            (Exact, "XDEL <key> ( <id> )"),
            (Exact, "XTRIM <key> { MAXLEN | MINID } = <cnt>"),
            (Exact, "XSETID <key> <id>"),
            (Exact, "XREAD [ COUNT <cnt> ] STREAMS <key> <id>"),
            (
                Exact,
                "XREAD [ COUNT <cnt> ] [ BLOCK 1 ] STREAMS <key> <key> <id> { $ | 0 }",
            ),
            (
                Exact,
                "XGROUP CREATE <key> { g1 | g2 } { <id> | $ | 0 } [ MKSTREAM ]",
            ),
            (Exact, "XGROUP SETID <key> { g1 | g2 } { <id> | $ }"),
            (Exact, "XGROUP DESTROY <key> { g1 | g2 }"),
            // 7.2 makes the consumer of XREADGROUP and XAUTOCLAIM even if there is nothing for it.
            (Shape, "XGROUP CREATECONSUMER <key> { g1 | g2 } { c1 | c2 }"),
            (Exact, "XGROUP DELCONSUMER <key> { g1 | g2 } { c1 | c2 }"),
            (
                Exact,
                "XREADGROUP GROUP { g1 | g2 } { c1 | c2 } [ COUNT <cnt> ] [ NOACK ] STREAMS <key> { > | <id> | 0 }",
            ),
            (Exact, "XACK <key> { g1 | g2 } ( <id> )"),
            (Exact, "XPENDING <key> { g1 | g2 }"),
            (
                Exact,
                "XCLAIM <key> { g1 | g2 } { c1 | c2 } 0 ( <id> ) [ FORCE ] [ JUSTID ]",
            ),
            (
                Exact,
                "XAUTOCLAIM <key> { g1 | g2 } { c1 | c2 } 0 <id> [ COUNT <cnt> ] [ JUSTID ]",
            ),
            (Exact, "XINFO STREAM <key>"),
        ],
    },
];

/// Sizes that make values small or large, set on both sides for a round.
pub(crate) const SETTINGS: &[(&str, &[&str])] = &[
    // What reaches the limit of a string shall not take half a gigabyte.
    ("proto-max-bulk-len", &["1048576"]),
    ("hash-max-listpack-entries", &["128", "3", "512"]),
    ("hash-max-listpack-value", &["64", "8"]),
    ("set-max-intset-entries", &["512", "3"]),
    ("zset-max-listpack-entries", &["128", "3"]),
    ("zset-max-listpack-value", &["64", "8"]),
    ("list-max-listpack-size", &["-2", "2", "128"]),
    ("stream-node-max-entries", &["100", "3"]),
    ("hll-sparse-max-bytes", &["3000", "20"]),
];
