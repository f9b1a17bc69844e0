//! Commands at random, with time that goes by: whatever happens, its effects bring it back.

use crate::base::rng::Rng;
use crate::command::testing::Bench;

/// Commands with places: `S L E Z H X` are keys of a type, `K` any key, `N` a small number, `T` milliseconds, `A` a time
/// near now, `F` a field, member or text, `I` an id in a stream, `C` a consumer.
const COMMANDS: &str = "
SET S F | SET S N PX T | SET S F EX N GET | SET S F KEEPTTL | SET S F PXAT A XX | SET S F NX GET | SET S F IFEQ F KEEPTTL
SETEX S N F | PSETEX S T F | GETSET S F | GETDEL S | GETEX S PX T | GETEX S PERSIST | GETEX S PXAT A | APPEND S F
SETRANGE S N F | INCR S | INCRBYFLOAT S 0.5 | INCREX S PX T ENX | INCREX S BYFLOAT 1.5 PXAT A | MSET S F S F
MSETEX 2 S F S N PX T | MSETEX 1 S F KEEPTTL | MSETNX S F S F | DELEX S IFEQ N | SETBIT S N 1 | BITFIELD S INCRBY u8 N 5
EXPIRE K N | PEXPIRE K T | PEXPIREAT K A | PEXPIRE K T NX | PEXPIRE K T GT | EXPIRE K 0 | PERSIST K | DEL K K | UNLINK K
COPY K K | COPY K K REPLACE | COPY K K DB 1 REPLACE | RENAME K K | RENAMENX K K | MOVE K 1 | EXISTS K K | TYPE K
RPUSH L F F F | LPUSH L F F | LPOP L N | RPOP L | LMPOP 2 L L LEFT COUNT N | BLPOP L L 0 | BLMPOP 0 1 L RIGHT COUNT N
LMOVE L L LEFT RIGHT | BLMOVE L L RIGHT LEFT 0 | RPOPLPUSH L L | BRPOPLPUSH L L 0 | LTRIM L N N | LREM L 0 F
LINSERT L AFTER F F | LSET L N F | LMOVEM L L LEFT RIGHT COUNT N BULK | LMOVEM L L RIGHT RIGHT COUNT N OBO
LMOVEM L L LEFT LEFT COUNT N OBO | SORT L ALPHA STORE L | SORT E BY nosort STORE L | SORT E ALPHA DESC LIMIT 0 N STORE L
SADD E F F F | SADD E N N N | SREM E F F | SPOP E | SPOP E N | SMOVE E E F | SUNIONSTORE E E E | SINTERSTORE E E E
SDIFFSTORE E E E | SCARD E | ZADD Z N F N F | ZADD Z GT CH N F | ZADD Z INCR N F | ZINCRBY Z 1.5 F | ZREM Z F F
ZPOPMIN Z N | ZPOPMAX Z | ZMPOP 2 Z Z MAX COUNT N | BZPOPMIN Z Z 0 | BZMPOP 0 1 Z MIN COUNT N | ZUNIONSTORE Z 2 Z Z
ZRANGESTORE Z Z 0 N | ZREMRANGEBYRANK Z N N | GEOADD Z N N F | HSET H F N F N F F | HSETNX H F F | HDEL H F F
HINCRBY H F N | HINCRBYFLOAT H F 0.5 | HPEXPIRE H T FIELDS 2 F F | HPEXPIRE H T NX FIELDS 1 F | HPEXPIREAT H A FIELDS 2 F F
HPEXPIRE H T GT FIELDS 2 F F | HPERSIST H FIELDS 2 F F | HGETEX H PX T FIELDS 2 F F | HGETEX H PERSIST FIELDS 2 F F
HGETEX H PXAT A FIELDS 2 F F | HGETDEL H FIELDS 2 F F | HSETEX H PX T FIELDS 2 F N F F | HSETEX H FNX PX T FIELDS 1 F F
HSETEX H KEEPTTL FIELDS 2 F N F F | HSETEX H PXAT A FIELDS 1 F F | HGETALL H | HLEN H
XADD X * F F | XADD X MAXLEN ~ N * F F | XADD X MINID ~ I * F F | XADD X MAXLEN ~ N ACKED * F F | XADD X MAXLEN N DELREF * F F
XADD X MINID ~ I ACKED * F F | XTRIM X MAXLEN ~ N | XTRIM X MAXLEN ~ N DELREF | XTRIM X MINID ~ I ACKED | XTRIM X MAXLEN N ACKED
XDEL X I I | XDELEX X ACKED IDS 2 I I | XDELEX X DELREF IDS 1 I | XGROUP CREATE X g 0 MKSTREAM | XGROUP CREATE X h $
XGROUP DESTROY X h | XGROUP SETID X g I | XGROUP CREATECONSUMER X g C | XGROUP DELCONSUMER X g C
XREADGROUP GROUP g C COUNT N STREAMS X > | XREADGROUP GROUP g C NOACK COUNT N STREAMS X > | XREADGROUP GROUP g C STREAMS X 0
XREADGROUP GROUP h C COUNT N STREAMS X > | XREADGROUP GROUP g C COUNT N CLAIM N STREAMS X > | XACK X g I I | XACK X h I
XACKDEL X g ACKED IDS 2 I I | XACKDEL X h DELREF IDS 1 I | XCLAIM X g C 0 I I | XCLAIM X g C T I FORCE | XCLAIM X g C 0 I JUSTID LASTID I
XCLAIM X g C 0 I IDLE T RETRYCOUNT N | XAUTOCLAIM X g C 0 I COUNT N | XAUTOCLAIM X h C T 0 JUSTID | XSETID X 1700000009999-9
PFADD S F F | PFCOUNT S | PFMERGE S S S
FLUSHDB | SWAPDB 0 1 | @wait T | @wait N | @select 0 | @select 1 | @select 0 | @wait T
";

fn fill(template: &str, now: i64, rng: &mut Rng) -> String {
    let mut pick = |bound: u64| rng.below(bound);
    let words = template.split(' ').map(|word| match word {
        "S" | "L" | "E" | "Z" | "H" | "X" => format!("{}{}", word.to_lowercase(), pick(3)),
        "K" => {
            let types = ["s", "l", "e", "z", "h", "x"];
            format!("{}{}", types[pick(6) as usize], pick(3))
        }
        "N" => (1 + pick(5)).to_string(),
        "T" => [1, 5, 50, 3000][pick(4) as usize].to_string(),
        "A" => (now - 5 + pick(200) as i64).to_string(),
        "F" => format!("f{}", pick(8)),
        "I" => format!("{}-{}", now - pick(40) as i64, pick(3)),
        "C" => format!("c{}", pick(3)),
        word => word.to_string(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn commands_at_random_are_brought_back() {
    let all: Vec<&str> = COMMANDS
        .split(['|', '\n'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    for seed in 0..SEEDS {
        let mut rng = Rng::new(seed);
        // All of them, or those about one type of key.
        let kind = ["", "S", "L", "E", "Z", "H", "X", "X"][rng.index(8)];
        let fits = |template: &str| {
            let mut words = template.split(' ');
            kind.is_empty() || words.any(|word| word == kind || word == "@wait")
        };
        let some = all.iter().filter(|template| fits(template));
        let some: Vec<&str> = some.copied().collect();
        let mut bench = Bench::new(if rng.below(2) == 0 { 1 } else { 4 });
        bench.config.stream_node_max_entries = 3;
        bench.config.hash_max_listpack_entries = 3;
        bench.config.list_max_listpack_size = 3;
        let mut now = 1_700_000_000_000;
        for _ in 0..400 {
            let line = fill(some[rng.index(some.len())], now, &mut rng);
            if let Some(ms) = line.strip_prefix("@wait ") {
                now += ms.parse::<i64>().expect("a number");
            }
            bench.call(&line);
        }
    }
}

/// Runs of 400 commands each.
const SEEDS: u64 = 40;
