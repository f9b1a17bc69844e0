//! What each command that writes is in the append-only file, word for word.
//!
//! A line is a command, with `->` and its effects after it; a line without is there for its sake.

use std::collections::BTreeSet;

use crate::command::lookup::{Lookup, Mode};
use crate::command::spec::{Run, flag};
use crate::command::table;
use crate::command::testing::Bench;
use crate::resp::OwnedArgs;

/// The clock of the benches stands at 1700000000000.
const BLOCKS: &[&str] = &[
    r#"
    SET k v -> SET k v
    set k v EX 100 -> SET k v PXAT 1700000100000
    SET k v px 1500 XX GET -> SET k v PXAT 1700000001500
    SET k v EXAT 1700000007 -> SET k v PXAT 1700000007000
    SET k v PXAT 1700000007001 XX -> SET k v PXAT 1700000007001
    SET k w KEEPTTL -> SET k w KEEPTTL
    SET k w XX -> SET k w XX
    SET k w NX -> nothing
    SET new w NX -> SET new w NX
    SET k w GET -> SET k w
    SET k w XX KEEPTTL GET -> SET k w XX KEEPTTL
    SET k w NX GET -> nothing
    SET k v IFEQ w -> SET k v
    SET k v IFEQ w -> nothing
    SET k w IFNE w KEEPTTL -> SET k w KEEPTTL
    SET k w IFEQ w EX 5 -> SET k w PXAT 1700000005000
    SETNX k v -> nothing
    SETNX n v -> SETNX n v
    SETEX k 10 v -> SET k v PXAT 1700000010000
    PSETEX k 10 v -> SET k v PXAT 1700000000010
    GETEX k -> nothing
    GETEX k EX 100 -> PEXPIREAT k 1700000100000
    GETEX k PXAT 1700000000001 -> PEXPIREAT k 1700000000001
    GETEX k PERSIST -> PERSIST k
    GETEX k PERSIST -> nothing
    GETEX k EXAT 1 -> DEL k
    GETEX k EX 1 -> nothing
    GETSET k 10 -> SET k 10
    GETDEL k -> DEL k
    GETDEL k -> nothing
    MSET a 1 b 2 -> MSET a 1 b 2
    MSETNX a 1 c 2 -> nothing
    MSETNX c 1 d 2 -> MSETNX c 1 d 2
    MSETEX 2 a 1 b 2 -> SET a 1, SET b 2
    MSETEX 2 a 1 b 2 XX EX 5 -> SET a 1 PXAT 1700000005000, SET b 2 PXAT 1700000005000
    MSETEX 1 a 2 KEEPTTL -> SET a 2 KEEPTTL
    MSETEX 1 a 2 NX -> nothing
    INCR n2 -> INCR n2
    INCRBY n2 5 -> INCRBY n2 5
    DECR n2 -> DECR n2
    DECRBY n2 3 -> DECRBY n2 3
    INCRBYFLOAT n2 0.5 -> SET n2 2.5 KEEPTTL
    INCREX i -> SET i 1 KEEPTTL
    INCREX i BYFLOAT 0.5 EX 5 -> SET i 1.5 PXAT 1700000005000
    INCREX i BYFLOAT 0.5 EX 9 ENX -> SET i 2 KEEPTTL
    INCREX i PERSIST -> SET i 3
    INCREX i UBOUND 3 -> nothing
    INCREX i PXAT 1 -> DEL i
    INCREX i PXAT 1 -> nothing
    APPEND s xy -> APPEND s xy
    SETRANGE s 1 zz -> SETRANGE s 1 zz
    SETRANGE s 1 "" -> nothing
    DELEX s IFEQ no -> nothing
    DELEX s IFEQ xzz -> DEL s
    SET s v
    DELIFEQ s v -> DEL s
    SETBIT bits 7 1 -> SETBIT bits 7 1
    SETBIT bits 7 1 -> nothing
    BITFIELD bits SET u8 0 5 GET u8 0 -> BITFIELD bits SET u8 0 5 GET u8 0
    BITFIELD bits GET u8 0 -> nothing
    BITOP NOT more bits -> BITOP NOT more bits
    PFADD hl a b -> PFADD hl a b
    PFADD hl a -> nothing
    PFCOUNT hl -> PFCOUNT hl
    PFCOUNT hl -> nothing
    PFMERGE hm hl -> PFMERGE hm hl
    PFDEBUG TODENSE hl -> PFDEBUG TODENSE hl
    "#,
    r#"
    MSET a 1 b 2 c 3 d 4 e 5
    EXPIRE a 100 -> PEXPIREAT a 1700000100000
    EXPIRE a 200 GT -> PEXPIREAT a 1700000200000 GT
    EXPIRE a 300 NX -> nothing
    PEXPIRE a 5 xx -> PEXPIREAT a 1700000000005 xx
    EXPIREAT a 1700000009 -> PEXPIREAT a 1700000009000
    PEXPIREAT a 1700000009009 -> PEXPIREAT a 1700000009009
    PERSIST a -> PERSIST a
    PERSIST a -> nothing
    EXPIRE a 0 -> DEL a
    EXPIREAT b 5 LT -> DEL b
    PEXPIRE c -1 -> DEL c
    PEXPIREAT d 1700000000000 -> DEL d
    EXPIRE nope 100 -> nothing
    DEL nope -> nothing
    DEL nope e -> DEL nope e
    MSET a 1 b 2 c 3 d 4 e 5
    UNLINK e -> UNLINK e
    COPY a z DB 3 -> COPY a z DB 3
    COPY a b -> nothing
    COPY a b REPLACE -> COPY a b REPLACE
    MOVE a 3 -> MOVE a 3
    RENAME b y -> RENAME b y
    RENAMENX y c -> nothing
    RENAMENX y x -> RENAMENX y x
    RESTORE r 0 "\x00\xc0\x0c\x0a\x00\x3c\x2a\xf8\x51\x5c\x04\xbc\xd5" -> RESTORE r 0 \x00\xc0\x0c\n\x00<*\xf8Q\\\x04\xbc\xd5
    RESTORE-ASKING r 0 "\x00\xc0\x0c\x0a\x00\x3c\x2a\xf8\x51\x5c\x04\xbc\xd5" REPLACE -> RESTORE-ASKING r 0 \x00\xc0\x0c\n\x00<*\xf8Q\\\x04\xbc\xd5 REPLACE
    RESTORE r 5 "\x00\xc0\x0c\x0a\x00\x3c\x2a\xf8\x51\x5c\x04\xbc\xd5" REPLACE -> RESTORE r 1700000000005 \x00\xc0\x0c\n\x00<*\xf8Q\\\x04\xbc\xd5 REPLACE ABSTTL
    RESTORE r 1700000000007 "\x00\xc0\x0c\x0a\x00\x3c\x2a\xf8\x51\x5c\x04\xbc\xd5" ABSTTL REPLACE -> RESTORE r 1700000000007 \x00\xc0\x0c\n\x00<*\xf8Q\\\x04\xbc\xd5 ABSTTL REPLACE
    RESTORE r 7 "\x00\xc0\x0c\x0a\x00\x3c\x2a\xf8\x51\x5c\x04\xbc\xd5" ABSTTL REPLACE -> DEL r
    RESTORE r 7 "\x00\xc0\x0c\x0a\x00\x3c\x2a\xf8\x51\x5c\x04\xbc\xd5" ABSTTL REPLACE -> nothing
    RPUSH l 3 1 2
    SORT l STORE sorted -> SORT l STORE sorted
    SORT nope STORE sorted -> SORT nope STORE sorted
    SORT nope STORE sorted -> nothing
    SORT l -> nothing
    @select 3
    SET k v -> 3> SET k v
    FLUSHDB -> 3> FLUSHDB
    FLUSHDB ASYNC -> 3> FLUSHDB ASYNC
    SWAPDB 0 1 -> 3> SWAPDB 0 1
    @select 0
    FLUSHALL -> FLUSHALL
    "#,
    r#"
    SET k v PX 10 -> SET k v PXAT 1700000000010
    SET j v PX 10
    SET l v PX 10
    HSETEX h PX 10 FIELDS 2 f v g w -> HSETEX h PXAT 1700000000010 FIELDS 2 f v g w
    HSET h stays v -> HSET h stays v
    HSETEX h2 PX 10 FIELDS 1 f v
    @wait 20
    GET k -> DEL k
    SET k w -> SET k w
    INCR j -> DEL j, INCR j
    EXISTS l l -> DEL l
    HLEN h -> HDEL h f g
    HGET h2 f -> HDEL h2 f
    EVAL "redis.call('set', KEYS[1], 1) return redis.call('incr', KEYS[1])" 1 s -> set s 1, incr s
    EVAL "redis.call('pexpire', KEYS[1], 5) redis.call('get', KEYS[1]) redis.call('del', KEYS[2])" 2 s nope -> PEXPIREAT s 1700000000025
    EVAL "redis.call('select', 2) redis.call('setex', KEYS[1], 1, 'v')" 1 s -> 2> SET s v PXAT 1700000001020
    EVAL "return redis.call('get', KEYS[1])" 1 s -> nothing
    EVAL "redis.set_repl(redis.REPL_NONE) redis.call('set', KEYS[1], 1) redis.set_repl(redis.REPL_ALL) redis.call('set', KEYS[1], 2)" 1 s -> set s 2
    EVAL "redis.set_repl(redis.REPL_SLAVE) redis.call('set', KEYS[1], 1) redis.set_repl(redis.REPL_AOF) redis.call('set', KEYS[1], 3)" 1 s -> set s 3
    EVAL "redis.call('set', KEYS[1], 4) redis.set_repl(0) redis.call('set', KEYS[1], 5) redis.set_repl('x') return redis.call('set', KEYS[1], 4)" 1 s -> set s 4
    EVAL "return redis.call('incr', KEYS[1])" 1 s -> incr s
    "#,
    r#"
    RPUSH l a b c d e f g h -> RPUSH l a b c d e f g h
    LPUSH l z -> LPUSH l z
    LPUSHX l y -> LPUSHX l y
    RPUSHX l i -> RPUSHX l i
    LPUSHX nope y -> nothing
    LSET l 0 x -> LSET l 0 x
    LINSERT l BEFORE z w -> LINSERT l BEFORE z w
    LINSERT l BEFORE nope w -> nothing
    LREM l 0 w -> LREM l 0 w
    LREM l 0 w -> nothing
    LTRIM l 0 100 -> nothing
    LTRIM l 1 100 -> LTRIM l 1 100
    LPOP l -> LPOP l
    LPOP l 0 -> nothing
    RPOP l 2 -> RPOP l 2
    LMPOP 2 nope l LEFT COUNT 2 -> LPOP l 2
    LMPOP 1 l RIGHT -> RPOP l 1
    LMPOP 1 nope RIGHT -> nothing
    BLMPOP 0 1 l LEFT COUNT 100 -> LPOP l 4
    RPUSH l a b c d e f
    BLPOP nope l 0 -> LPOP l
    BRPOP l 0 -> RPOP l
    BLPOP nope 0 -> nothing
    RPOPLPUSH l m -> RPOPLPUSH l m
    BRPOPLPUSH l m 0 -> RPOPLPUSH l m
    LMOVE l m LEFT RIGHT -> LMOVE l m LEFT RIGHT
    LMOVE nope m LEFT RIGHT -> nothing
    BLMOVE l l left right 0 -> LMOVE l l left right
    BLMOVE nope l LEFT RIGHT 0 -> nothing
    RPUSH n 1 2 3 4 5 6
    LMOVEM n o LEFT RIGHT COUNT 2 OBO -> LPOP n 2, RPUSH o 1 2
    LMOVEM n o LEFT LEFT COUNT 2 BULK -> LPOP n 2, LPUSH o 4 3
    LMOVEM n n LEFT LEFT COUNT 2 OBO -> LMOVEM n n LEFT LEFT COUNT 2 OBO
    BLMOVEM n o RIGHT LEFT 0 COUNT 9 OBO -> RPOP n 2, LPUSH o 5 6
    "#,
    r#"
    SADD s a b c -> SADD s a b c
    SADD s a -> nothing
    SREM s a x -> SREM s a x
    SREM s a -> nothing
    SMOVE s t b -> SMOVE s t b
    SMOVE s t b -> nothing
    SPOP s -> SREM s c
    SPOP s -> nothing
    SADD s a b c
    SPOP s 9 -> DEL s
    SPOP s 9 -> nothing
    SADD s a b c
    SUNIONSTORE d s t -> SUNIONSTORE d s t
    SINTERSTORE d s t -> SINTERSTORE d s t
    SDIFFSTORE d nope -> SDIFFSTORE d nope
    SDIFFSTORE d nope -> nothing
    SRANDMEMBER s 2 -> nothing
    ZADD z 1 a 2 b 3 c -> ZADD z 1 a 2 b 3 c
    ZADD z GT CH 0 a -> nothing
    ZADD z INCR 1 a -> ZADD z INCR 1 a
    ZINCRBY z 1.5 a -> ZINCRBY z 1.5 a
    ZREM z c x -> ZREM z c x
    ZREM z c -> nothing
    ZADD z 1 c 2 d 3 e 4 f 5 g 6 h 7 i
    ZREMRANGEBYSCORE z 1 1 -> ZREMRANGEBYSCORE z 1 1
    ZREMRANGEBYRANK z 0 0 -> ZREMRANGEBYRANK z 0 0
    ZREMRANGEBYLEX z [d [d -> ZREMRANGEBYLEX z [d [d
    ZREMRANGEBYLEX z [dd [dd -> nothing
    ZPOPMIN z -> ZPOPMIN z
    ZPOPMAX z 2 -> ZPOPMAX z 2
    ZMPOP 2 nope z MIN COUNT 2 -> ZPOPMIN z 2
    BZMPOP 0 1 z MAX COUNT 100 -> ZPOPMAX z 1
    ZADD z 1 a 2 b 3 c 4 d
    BZPOPMIN z 0 -> ZPOPMIN z
    BZPOPMAX nope z 0 -> ZPOPMAX z
    BZPOPMAX nope 0 -> nothing
    ZUNIONSTORE d 1 z -> ZUNIONSTORE d 1 z
    ZINTERSTORE d 1 z WEIGHTS 2 -> ZINTERSTORE d 1 z WEIGHTS 2
    ZDIFFSTORE d 2 z nope -> ZDIFFSTORE d 2 z nope
    ZRANGESTORE d z 0 0 -> ZRANGESTORE d z 0 0
    ZRANGESTORE d nope 0 0 -> ZRANGESTORE d nope 0 0
    ZRANGESTORE d nope 0 0 -> nothing
    GEOADD g 13.361389 38.115556 Palermo 15.087269 37.502669 Catania -> ZADD g 3479099956230698 Palermo 3479447370796909 Catania
    GEOADD g CH 13.361389 38.215556 Palermo -> ZADD g CH 3479112493792122 Palermo
    GEOADD g NX 13.361389 38.115556 Palermo -> nothing
    GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km -> GEOSEARCHSTORE d g FROMLONLAT 15 37 BYRADIUS 200 km
    GEORADIUS g 15 37 200 km STORE d -> GEORADIUS g 15 37 200 km STORE d
    GEORADIUS g 15 37 200 km -> nothing
    GEORADIUSBYMEMBER g Palermo 1 km STOREDIST d -> GEORADIUSBYMEMBER g Palermo 1 km STOREDIST d
    "#,
    r#"
    HSET h f 1 g 2 -> HSET h f 1 g 2
    HMSET h f 1 -> HMSET h f 1
    HSETNX h f 1 -> nothing
    HSETNX h i 1 -> HSETNX h i 1
    HINCRBY h f 5 -> HINCRBY h f 5
    HINCRBYFLOAT h f 0.25 -> HSET h f 6.25
    HEXPIRE h 10 FIELDS 3 f nope g -> HPEXPIREAT h 1700000010000 FIELDS 2 f g
    HPEXPIRE h 10 NX FIELDS 2 f i -> HPEXPIREAT h 1700000000010 FIELDS 1 i
    HEXPIREAT h 1700000020 GT FIELDS 2 f i -> HPEXPIREAT h 1700000020000 FIELDS 2 f i
    HPEXPIREAT h 1700000020001 FIELDS 1 f -> HPEXPIREAT h 1700000020001 FIELDS 1 f
    HEXPIRE h 5 NX FIELDS 1 f -> nothing
    HINCRBYFLOAT h f 0.25 -> HSETEX h KEEPTTL FIELDS 1 f 6.5
    HINCRBY h i 1 -> HINCRBY h i 1
    HPERSIST h FIELDS 2 f nope -> HPERSIST h FIELDS 2 f nope
    HPERSIST h FIELDS 2 f nope -> nothing
    HEXPIREAT h 1 FIELDS 2 f nope -> HDEL h f
    HGETEX h EX 9 FIELDS 2 g nope -> HPEXPIREAT h 1700000009000 FIELDS 1 g
    HGETEX h FIELDS 2 g nope -> nothing
    HGETEX h PERSIST FIELDS 2 g nope -> HPERSIST h FIELDS 1 g
    HGETEX h PXAT 5 FIELDS 2 g nope -> HDEL h g
    HGETDEL h FIELDS 2 i nope -> HDEL h i
    HGETDEL h FIELDS 2 i nope -> nothing
    HSETEX h FIELDS 1 a 1 -> HSET h a 1
    HSETEX h FNX EX 5 FIELDS 1 b 1 -> HSETEX h PXAT 1700000005000 FIELDS 1 b 1
    HSETEX h FNX EX 5 FIELDS 1 b 1 -> nothing
    HSETEX h FXX KEEPTTL FIELDS 1 b 2 -> HSETEX h KEEPTTL FIELDS 1 b 2
    HSETEX h EXAT 5 FIELDS 2 b 2 c 3 -> HDEL h b c
    HDEL h a nope -> HDEL h a nope
    HDEL h a -> nothing
    "#,
    r#"
    XADD x * f v -> XADD x 1700000000000-0 f v
    XADD x 1700000000000-* f v -> XADD x 1700000000000-1 f v
    XADD x 1700000000000-5 f v -> XADD x 1700000000000-5 f v
    XADD x NOMKSTREAM * f v -> XADD x NOMKSTREAM 1700000000000-6 f v
    XADD nope NOMKSTREAM * f v -> nothing
    XADD x MAXLEN 4 * f v -> XADD x MAXLEN 4 1700000000000-7 f v
    XADD x MAXLEN = 4 * f v -> XADD x MAXLEN = 4 1700000000000-8 f v
    XADD x MAXLEN ~ 1 * f v -> XADD x MAXLEN = 5 1700000000000-9 f v
    XADD x NOMKSTREAM MINID ~ 1700000000000-8 LIMIT 5 * f v -> XADD x MINID = 1700000000000-5 1700000000000-10 f v
    XADD x MINID 1700000000000-9 DELREF * f v -> XADD x MINID 1700000000000-9 DELREF 1700000000000-11 f v
    XADD x MINID ~ 1 DELREF * f v -> XADD x DELREF MINID = 1700000000000-9 1700000000000-12 f v
    XTRIM x MAXLEN ~ 1 -> nothing
    XTRIM x MAXLEN 2 -> XTRIM x MAXLEN 2
    XTRIM x MINID 1700000000000-11 -> nothing
    XTRIM x MINID = 1700000000000-12 -> XTRIM x MINID = 1700000000000-12
    XDEL x 1700000000000-12 1-1 -> XDEL x 1700000000000-12 1-1
    XDEL x 1700000000000-12 -> nothing
    XSETID x 1700000000000-20 -> XSETID x 1700000000000-20
    XADD s 1-1 f v
    XADD s 1-2 f v
    XADD s 1-3 f v
    XGROUP CREATE s g 0 -> XGROUP CREATE s g 0
    XGROUP CREATE s h $ ENTRIESREAD 3 -> XGROUP CREATE s h $ ENTRIESREAD 3
    XGROUP CREATE new g $ MKSTREAM -> XGROUP CREATE new g $ MKSTREAM
    XREADGROUP GROUP g c COUNT 2 STREAMS s > -> XCLAIM s g c 0 1-1 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-2, XCLAIM s g c 0 1-2 TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID 1-2, XGROUP SETID s g 1-2 ENTRIESREAD 2
    XREADGROUP GROUP g c2 NOACK STREAMS s > -> XGROUP CREATECONSUMER s g c2, XGROUP SETID s g 1-3 ENTRIESREAD 3
    XREADGROUP GROUP g c STREAMS s > -> nothing
    XREADGROUP GROUP g c3 STREAMS s > -> XGROUP CREATECONSUMER s g c3
    @wait 5
    XREADGROUP GROUP g c COUNT 1 STREAMS s 0 -> XCLAIM s g c 0 1-1 TIME 1700000000005 RETRYCOUNT 2 FORCE JUSTID LASTID 1-3
    XCLAIM s g c9 0 1-1 1-2 -> XCLAIM s g c9 0 1-1 TIME 1700000000005 RETRYCOUNT 3 FORCE JUSTID LASTID 1-3, XCLAIM s g c9 0 1-2 TIME 1700000000005 RETRYCOUNT 2 FORCE JUSTID LASTID 1-3
    XCLAIM s g c9 0 1-1 JUSTID TIME 7 -> XCLAIM s g c9 0 1-1 TIME 7 RETRYCOUNT 3 FORCE JUSTID LASTID 1-3
    XCLAIM s g c9 100000 1-2 -> nothing
    XCLAIM s g c9 100000 1-2 LASTID 1-5 -> XGROUP SETID s g 1-5 ENTRIESREAD 3
    XCLAIM s g c10 100000 1-2 -> XGROUP CREATECONSUMER s g c10
    XCLAIM s g c9 0 1-3 FORCE RETRYCOUNT 7 -> XCLAIM s g c9 0 1-3 TIME 1700000000005 RETRYCOUNT 7 FORCE JUSTID LASTID 1-5
    XACK s g 1-3 -> XACK s g 1-3
    XACK s g 1-3 -> nothing
    XDEL s 1-2
    XCLAIM s g c 0 1-2 -> XCLAIM s g c9 0 1-2 TIME 1700000000005 RETRYCOUNT 2 FORCE JUSTID LASTID 1-5
    XADD s 1-6 f v
    XREADGROUP GROUP g c STREAMS s > -> XCLAIM s g c 0 1-6 TIME 1700000000005 RETRYCOUNT 1 FORCE JUSTID LASTID 1-6, XGROUP SETID s g 1-6 ENTRIESREAD 4
    XDEL s 1-1
    XAUTOCLAIM s g c7 0 0 -> XCLAIM s g c9 0 1-1 TIME 7 RETRYCOUNT 3 FORCE JUSTID LASTID 1-6, XCLAIM s g c7 0 1-6 TIME 1700000000005 RETRYCOUNT 2 FORCE JUSTID LASTID 1-6
    XAUTOCLAIM s g c7 100000 0 -> nothing
    @wait 5
    XREADGROUP GROUP g c CLAIM 1 STREAMS s > -> XCLAIM s g c 0 1-6 TIME 1700000000010 RETRYCOUNT 3 FORCE JUSTID LASTID 1-6, XGROUP SETID s g 1-6 ENTRIESREAD 4
    XGROUP CREATECONSUMER s g n -> XGROUP CREATECONSUMER s g n
    XGROUP CREATECONSUMER s g n -> nothing
    XGROUP DELCONSUMER s g n -> XGROUP DELCONSUMER s g n
    XGROUP SETID s g $ -> XGROUP SETID s g $
    XADD s 1-8 f v
    XGROUP CREATE s i 0
    XREADGROUP GROUP i c STREAMS s >
    XACKDEL s g IDS 2 1-6 1-7 -> XACK s g 1-6, XDEL s 1-6
    XACKDEL s i ACKED IDS 1 1-3 -> XACK s i 1-3, XDEL s 1-3
    XACKDEL s i DELREF IDS 1 1-8 -> XACKDEL s i DELREF IDS 1 1-8
    XACKDEL s i IDS 1 1-8 -> nothing
    XGROUP DESTROY s i
    XADD s 1-9 f v
    XADD s 1-10 f v
    XGROUP DESTROY s g -> XGROUP DESTROY s g
    XGROUP DESTROY s g -> nothing
    XDELEX s ACKED IDS 2 1-3 1-9 -> nothing
    XGROUP DESTROY s h
    XDELEX s IDS 2 1-3 1-9 -> XDEL s 1-9
    XDELEX s DELREF IDS 1 1-10 -> XDELEX s DELREF IDS 1 1-10
    XDELEX s IDS 1 1-3 -> nothing
    "#,
    r#"
    XADD s 1-1 a 1
    XADD s 1-2 a 1
    XGROUP CREATE s g 0
    XREADGROUP GROUP g c STREAMS s >
    XNACK s g FAIL IDS 1 1-1 -> XNACK s g FAIL IDS 1 1-1
    XNACK s g FAIL IDS 1 2-2 -> nothing
    XDEL s 1-1
    XREADGROUP GROUP g d CLAIM 1 STREAMS s > -> XGROUP CREATECONSUMER s g d, XACK s g 1-1
    XCFGSET s IDMP-MAXSIZE 5 -> XCFGSET s IDMP-DURATION 100 IDMP-MAXSIZE 5
    XADD s 1699999999999-1 a 1
    XIDMPRECORD s p i 1699999999999-1 -> XIDMPRECORD s p i 1699999999999-1
    XIDMPRECORD s p i 1699999999999-1 -> nothing
    XADD s IDMP p j * a 1 -> XADD s 1700000000000-0 a 1, XIDMPRECORD s p j 1700000000000-0
    XADD s MAXLEN 0 IDMP p k * a 1 -> XADD s MAXLEN 0 1700000000000-1 a 1
    "#,
];

#[test]
fn effects_are_these() {
    let mut wrong = String::new();
    for shards in [1, 4] {
        for block in BLOCKS {
            let mut bench = Bench::new(shards);
            for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
                let (command, expected) = match line.split_once(" -> ") {
                    Some((command, expected)) => (command.trim(), Some(expected)),
                    None => (line, None),
                };
                let reply = bench.call(command);
                let effects = bench.call("@effects");
                let effects = &effects[1..effects.len() - 1];
                let effects = if effects.is_empty() {
                    "nothing"
                } else {
                    effects
                };
                if expected.is_some_and(|expected| expected.trim() != effects) {
                    wrong.push_str(&format!("{command} -> {effects}   ({reply}, {shards})\n"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn a_write_comes_after_all_that_is_due_there() {
    let mut bench = Bench::new(1);
    let fields: Vec<String> = (0..3000).map(|i| format!("f{i} 5")).collect();
    let fields = fields.join(" ");
    bench.call(&format!("HSETEX h PX 10 FIELDS 3000 {fields}"));
    bench.call("HSET h stays 1");
    bench.check(
        r#"
        @wait 20
        HGET h f2999 => nil
        HINCRBY h f2999 1 => 1
        HSETEX h KEEPTTL FIELDS 1 f2998 1 => 1
        HLEN h => 3
        "#,
    );
}

#[test]
fn every_command_that_writes_is_among_them() {
    let names = Lookup::new(Mode::Server);
    let mut shown = BTreeSet::new();
    for line in BLOCKS.iter().flat_map(|block| block.lines()) {
        if let Some((command, effects)) = line.split_once(" -> ")
            && effects.trim() != "nothing"
        {
            let words: OwnedArgs = command.split_whitespace().collect();
            let spec = names.command(words.as_args()).expect("a command");
            shown.insert(spec.name);
        }
    }
    let missing: Vec<&str> = table::all()
        .iter()
        .filter(|spec| spec.flags.has(flag::WRITE) && matches!(spec.run, Run::Store(_)))
        .map(|spec| spec.name)
        .filter(|name| !shown.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
