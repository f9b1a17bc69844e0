//! What transcripts over a socket do not see: changes counted, notifications, both encodings.

use crate::base::Rng;
use crate::command::testing::Bench;
use crate::config::KeyspaceEvents;

/// Runs a transcript with compact sets and with large ones, on one shard and on four.
#[track_caller]
fn check(transcript: &str) {
    for shards in [1, 4] {
        for entries in [128, 0] {
            let mut bench = Bench::new(shards);
            bench.config.zset_max_listpack_entries = entries;
            bench.config.notify_keyspace_events = KeyspaceEvents::ALL;
            bench.check(transcript);
        }
    }
}

#[test]
fn adding_and_removing_is_told() {
    check(
        r#"
        ZADD z 1 a 2 b => 2; @dirty => 2; @events => [zadd z]
        ZADD z 1 a => 0; @dirty => 0; @events => []
        ZADD z CH 2 a 3 c => 2; @dirty => 2; @events => [zadd z]
        ZINCRBY z 1 a => "3"; ZADD z INCR 1 a => "4"; @dirty => 2; @events => [zincr z, zincr z]
        ZINCRBY z 0 a => "4"; ZADD z NX INCR 1 a => nil; ZADD none XX 1 a => 0; @dirty => 0; @events => []; @len => 1
        ZADD z INCR -inf b; ZADD z INCR +inf b => ERR resulting score is not a number (NaN)
        @dirty => 1; @events => [zincr z]
        ZREM z a x => 1; ZREM z x => 0; @dirty => 1; @events => [zrem z]
        ZREM z b c => 2; @dirty => 2; @events => [zrem z, del z]; @len => 0
        "#,
    );
}

#[test]
fn ranges_and_ends_that_go_are_told() {
    check(
        r#"
        ZADD z 1 a 2 b 3 c 4 d 5 e 6 f; @events; @dirty
        ZREMRANGEBYRANK z 0 0 => 1; ZREMRANGEBYSCORE z 2 2 => 1; ZREMRANGEBYRANK z 9 9 => 0; @dirty => 2
        @events => [zremrangebyrank z, zremrangebyscore z]
        ZPOPMIN z => [c, "3"]; ZPOPMAX z 2 => [f, "6", e, "5"]; ZPOPMIN z 0 => []; @dirty => 3; @events => [zpopmin z, zpopmax z]
        ZMPOP 2 y z MAX => [z, [[d, "4"]]]; @dirty => 1; @events => [zpopmax z, del z]
        BZPOPMIN z 0 => nil; BZMPOP 0 1 z MIN => nil; ZMPOP 1 z MIN => nil; @dirty => 0
        ZADD z 0 a 0 b; ZREMRANGEBYLEX z - + => 2; @dirty => 4; @events => [zadd z, zremrangebylex z, del z]
        ZADD z 1 a; BZPOPMAX y z 0 => [z, a, "1"]; @dirty => 2; @events => [zadd z, zpopmax z, del z]
        "#,
    );
}

#[test]
fn stored_outcomes_are_told() {
    check(
        r#"
        ZADD a 1 x 2 y; ZADD b 1 x; @events; @dirty
        ZUNIONSTORE d 2 a b => 2; ZINTERSTORE d 2 a b => 1; ZDIFFSTORE d 2 a b => 1; ZRANGESTORE d a 0 -1 => 2
        @dirty => 4; @events => [zunionstore d, zinterstore d, zdiffstore d, zrangestore d]
        ZINTERSTORE d 2 a none => 0; ZDIFFSTORE d 1 none => 0; ZRANGESTORE a a 5 6 => 0; @dirty => 2; @events => [del d, del a]
        "#,
    );
}

/// Four pages of ZSCAN of a large set while it changes.
#[test]
fn zscan_meets_what_stays_once() {
    let mut bench = Bench::new(1);
    for i in 0..500 {
        bench.call(&format!("ZADD z {i} stays:{i} {i} goes:{i}"));
    }
    let (mut cursor, mut seen, mut rng) = ("0".to_owned(), Vec::new(), Rng::new(1));
    loop {
        let reply = bench.call(&format!("ZSCAN z {cursor} COUNT 20 MATCH stays:*"));
        let (next, found) = reply
            .strip_prefix("[\"")
            .and_then(|reply| reply.strip_suffix("]]")?.split_once("\", ["))
            .expect("a cursor and a list");
        cursor = next.to_owned();
        let words: Vec<&str> = found.split(", ").filter(|word| !word.is_empty()).collect();
        for pair in words.chunks(2) {
            assert_eq!(
                pair[0].trim_matches('"').trim_start_matches("stays:"),
                pair[1].trim_matches('"')
            );
            seen.push(pair[0].to_owned());
        }
        for _ in 0..10 {
            bench.call(&format!("ZREM z goes:{}", rng.below(500)));
            bench.call(&format!("ZADD z 1 more:{}", rng.next_u32()));
        }
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(seen.len(), 500);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 500);
}

#[test]
fn random_members_are_different_ones() {
    for entries in [128, 0] {
        let mut bench = Bench::new(1);
        bench.config.zset_max_listpack_entries = entries;
        for i in 0..100 {
            bench.call(&format!("ZADD z {i} m{i}"));
        }
        for count in [1, 5, 24, 26, 99, 100, 101] {
            let reply = bench.call(&format!("ZRANDMEMBER z {count}"));
            let mut members: Vec<&str> = reply.trim_matches(['[', ']']).split(", ").collect();
            members.sort_unstable();
            members.dedup();
            assert_eq!(members.len(), count.min(100));
        }
    }
}
