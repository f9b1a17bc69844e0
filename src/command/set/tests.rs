use crate::command::testing::{Bench, check};
use crate::config::KeyspaceEvents;
use crate::resp::Proto;

/// Runs a transcript over compact sets and over tables.
#[track_caller]
fn check_both(transcript: &str) {
    check(transcript);
    for shards in [1, 4] {
        let mut bench = Bench::new(shards);
        bench.config.set_max_listpack_entries = 0;
        bench.config.set_max_intset_entries = 0;
        bench.check(transcript);
    }
}

#[test]
fn members_are_added_and_removed() {
    check_both(
        r#"
        SADD s a b a => 2
        SADD s b 1 => 1
        SADD s a b => 0
        @dirty => 3
        SCARD s => 3
        SCARD nope => 0
        SISMEMBER s a => 1
        SISMEMBER s 1 => 1
        SISMEMBER s 01 => 0
        SISMEMBER nope a => 0
        SMISMEMBER s a x 1 => [1, 0, 1]
        SMISMEMBER nope a x => [0, 0]
        SMEMBERS s ~> [a, b, "1"]
        SMEMBERS nope => []
        SREM s a x a => 1
        SREM s x => 0
        SREM nope x => 0
        @dirty => 1
        SREM s b 1 more => 2
        EXISTS s => 0
        "#,
    );
}

#[test]
fn a_member_moves() {
    check_both(
        r#"
        SADD one a 1
        SADD two b
        @dirty => 3
        SMOVE one two a => 1
        @dirty => 2
        SMOVE one two a => 0
        SMOVE nope two a => 0
        SMOVE one one 1 => 1
        SMOVE one one x => 0
        @dirty => 0
        SADD two 1 => 1
        SMOVE one two 1 => 1
        @dirty => 2
        EXISTS one => 0
        SMOVE two new b => 1
        SMEMBERS two ~> [a, "1"]
        SMEMBERS new => [b]
        SET str x
        SMOVE nope str a => 0
        SMOVE two str nope => WRONGTYPE Operation against a key holding the wrong kind of value
        SMOVE str two a => WRONGTYPE Operation against a key holding the wrong kind of value
        SMEMBERS two ~> [a, "1"]
        "#,
    );
}

#[test]
fn sets_are_combined() {
    check_both(
        r#"
        SADD a 1 2 3 x y
        SADD b 2 3 4 y z
        SADD c 3 y
        SINTER a ~> ["1", "2", "3", x, y]
        SINTER a b ~> ["2", "3", y]
        SINTER a b c a ~> ["3", y]
        SINTER a nope b => []
        SUNION a b ~> ["1", "2", "3", "4", x, y, z]
        SUNION nope c nope ~> ["3", y]
        SUNION nope => []
        SDIFF a b ~> ["1", x]
        SDIFF a nope c ~> ["1", "2", x]
        SDIFF a c b ~> ["1", x]
        SDIFF a b a => []
        SDIFF nope a => []
        SINTERCARD 2 a b => 3
        SINTERCARD 2 a b LIMIT 2 => 2
        SINTERCARD 2 a b limit 0 => 3
        SINTERCARD 2 a b LIMIT 1 LIMIT 10 => 3
        SINTERCARD 2 a nope => 0
        SUNIONCARD 2 a b => 7
        SUNIONCARD 2 a b APPROX LIMIT 5 => 5
        SDIFFCARD 2 a b => 2
        SDIFFCARD 2 a b LIMIT 1 => 1
        "#,
    );
}

#[test]
fn outcomes_are_stored() {
    check_both(
        r#"
        SADD a 1 2 3 x y
        SADD b 2 3 4 y z
        SET d old
        @dirty
        SINTERSTORE d a b => 3
        @dirty => 1
        SMEMBERS d ~> ["2", "3", y]
        PEXPIRE d 1000
        SUNIONSTORE d a b d => 7
        @ttl d => none
        SDIFFSTORE d a b => 2
        SMEMBERS d ~> ["1", x]
        SDIFFSTORE a a b => 2
        SMEMBERS a ~> ["1", x]
        @dirty => 4
        SINTERSTORE d a nope => 0
        EXISTS d => 0
        @dirty => 1
        SUNIONSTORE d nope none => 0
        SDIFFSTORE d nope a => 0
        @dirty => 0
        "#,
    );
}

/// Both ways to subtract: few sets, and a large set with many small ones.
#[test]
fn differences_are_the_same_either_way() {
    for limit in [0, 1000] {
        let mut bench = Bench::new(4);
        bench.config.set_max_listpack_entries = limit;
        let members = |of: std::ops::Range<i32>| {
            let words: Vec<String> = of.map(|i| format!("m{i}")).collect();
            words.join(" ")
        };
        bench.call(&format!("SADD big {}", members(0..100)));
        let mut keys = String::from("big");
        for i in 0..20 {
            bench.call(&format!("SADD k{i} {}", members(i * 5..i * 5 + 4)));
            keys.push_str(&format!(" k{i}"));
            let left = 100 - (i + 1) * 4;
            bench.check(&format!("SDIFFSTORE d {keys} => {left}"));
            bench.check(&format!("SDIFFCARD {} {keys} => {left}", i + 2));
        }
        bench.check(&format!("SDIFF {keys} big => []"));
        bench.check("SISMEMBER d m4 => 1; SISMEMBER d m3 => 0");
    }
}

#[test]
fn encodings_are_those_of_redis() {
    let mut bench = Bench::new(1);
    bench.config.set_max_intset_entries = 4;
    bench.config.set_max_listpack_entries = 3;
    bench.config.set_max_listpack_value = 5;
    bench.check(
        r#"
        SADD i 1 2 3 4
        @encoding i => intset
        SADD i 5
        @encoding i => hashtable
        SADD many 1 2 3 4 5
        @encoding many => hashtable
        SADD again 1
        SADD again 1 1 1 1 1
        @encoding again => hashtable
        SADD l a b c
        @encoding l => listpack
        SADD l d
        @encoding l => hashtable
        SADD m a b c d
        @encoding m => hashtable
        SADD long a 123456
        @encoding long => hashtable
        SADD mix 1 2 a
        @encoding mix => listpack
        SADD mix2 1 2 3
        SADD mix2 a
        @encoding mix2 => hashtable
        SADD t a 1 2 3 4
        SREM t a
        @encoding t => hashtable
        SINTERSTORE d t t
        @encoding d => intset
        SUNIONSTORE d t
        @encoding d => intset
        SDIFFSTORE d t nope
        @encoding d => intset
        COPY m n
        @encoding n => hashtable
        SPOP m 3
        @encoding m => hashtable
        SADD m a b c d e f g h i j k
        SPOP m 10
        @encoding m => listpack
        SMOVE m new nope => 0
        SADD from a 7
        SMOVE from to 7
        @encoding to => intset
        SMOVE from to a
        @encoding to => listpack
        "#,
    );
}

#[test]
fn members_are_picked_at_random() {
    check_both(
        r#"
        SRANDMEMBER nope => nil
        SRANDMEMBER nope 3 => []
        SADD s a
        SRANDMEMBER s => a
        SRANDMEMBER s 0 => []
        SRANDMEMBER s -3 => [a, a, a]
        SRANDMEMBER s 3 => [a]
        SADD s b 1
        SRANDMEMBER s 9 ~> [a, b, "1"]
        SPOP nope => nil
        SPOP nope 3 => []
        SPOP s 0 => []
        @dirty => 3
        SPOP s 9 ~> [a, b, "1"]
        @dirty => 3
        EXISTS s => 0
        SADD s a
        SPOP s => a
        EXISTS s => 0
        SRANDMEMBER s x => ERR value is not an integer or out of range
        SRANDMEMBER s -9223372036854775808 => ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        SRANDMEMBER s 1 2 => ERR syntax error
        SPOP s x => ERR value is out of range, must be positive
        SPOP s -1 => ERR value is out of range, must be positive
        SPOP s 1 2 => ERR syntax error
        "#,
    );
}

#[test]
fn a_walk_meets_every_member_once() {
    for (count, encoding) in [(5, "intset"), (600, "hashtable")] {
        let mut bench = Bench::new(1);
        for i in 0..count {
            bench.call(&format!("SADD s {i}"));
        }
        bench.check(&format!("@encoding s => {encoding}"));
        let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
        loop {
            let reply = bench.call(&format!("SSCAN s {cursor} COUNT 20"));
            let (next, members) = reply
                .strip_prefix("[\"")
                .and_then(|reply| reply.strip_suffix("]]")?.split_once("\", ["))
                .unwrap();
            cursor = next.to_owned();
            seen.extend(members.split(", ").map(str::to_owned));
            if cursor == "0" {
                break;
            }
        }
        seen.retain(|member| !member.is_empty());
        assert_eq!(seen.len(), count);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
    check_both(
        r#"
        SSCAN nope 0 => ["0", []]
        SSCAN nope 0 FOO => ["0", []]
        SSCAN nope x => ERR invalid cursor
        SADD s a b1 b2
        SSCAN s 0 COUNT 1000 MATCH a* => ["0", [a]]
        SSCAN s 0 COUNT 1000 MATCH x* => ["0", []]
        SSCAN s 0 TYPE set => ERR syntax error
        SSCAN s 0 FOO 1 => ERR syntax error
        SSCAN s 0 COUNT 0 => ERR syntax error
        SSCAN s 0 NOVALUES => ERR NOVALUES option can only be used in HSCAN
        "#,
    );
}

#[test]
fn arguments_and_types_are_checked() {
    let mut lines = String::from("SET s v\nSADD t a\n");
    for line in [
        "SADD s a",
        "SREM s a",
        "SISMEMBER s a",
        "SMISMEMBER s a",
        "SCARD s",
        "SMEMBERS s",
        "SPOP s",
        "SPOP s 0",
        "SRANDMEMBER s",
        "SRANDMEMBER s 0",
        "SSCAN s 0",
        "SINTER nope s",
        "SUNION t s",
        "SDIFF nope s",
        "SINTERCARD 2 nope s",
        "SINTERSTORE d nope s",
        "SUNIONSTORE d t s",
        "SDIFFSTORE d nope s",
    ] {
        lines.push_str(line);
        lines.push_str(" => WRONGTYPE Operation against a key holding the wrong kind of value\n");
    }
    check(&lines);
    check(
        r#"
        SINTERCARD 0 a => ERR numkeys should be greater than 0
        SINTERCARD x a => ERR numkeys should be greater than 0
        SINTERCARD -1 a => ERR numkeys should be greater than 0
        SINTERCARD 2 a => ERR Number of keys can't be greater than number of args
        SINTERCARD 1 a b => ERR syntax error
        SINTERCARD 1 a LIMIT => ERR syntax error
        SINTERCARD 1 a LIMIT -1 => ERR LIMIT can't be negative
        SINTERCARD 1 a LIMIT x => ERR LIMIT can't be negative
        SDIFFCARD 1 a APPROX => ERR syntax error
        "#,
    );
}

#[test]
fn changes_are_told_in_the_order_they_happen() {
    for shards in [1, 4] {
        let mut bench = Bench::new(shards);
        bench.config.notify_keyspace_events =
            KeyspaceEvents(KeyspaceEvents::SET.0 | KeyspaceEvents::GENERIC.0);
        bench.check(
            r#"
            SADD s a b
            SADD s a
            @events => [sadd s]
            SREM s x
            SREM s a
            SREM s b
            @events => [srem s, srem s, del s]
            SADD s a b
            SMOVE s t a
            SMOVE s t b
            SMOVE t t a
            @events => [sadd s, srem s, sadd t, srem s, del s, sadd t]
            SADD s a
            SMOVE s t a
            @events => [sadd s, srem s, del s]
            SPOP t
            SPOP t 0
            SPOP t
            @events => [spop t, spop t, del t]
            SADD t a b c
            SPOP t 2
            SPOP t 5
            @events => [sadd t, spop t, spop t, del t]
            SADD t a
            SINTERSTORE d t
            SUNIONSTORE d t
            SDIFFSTORE d t
            SDIFFSTORE d t t
            SINTERSTORE d nope
            @events => [sadd t, sinterstore d, sunionstore d, sdiffstore d, del d]
            "#,
        );
    }
}

#[test]
fn sets_are_sets_in_resp3() {
    let mut bench = Bench::new(1);
    bench.proto = Proto::Resp3;
    let args = |line: &str| line.split(' ').map(str::as_bytes).collect();
    bench.call("SADD s a");
    for line in [
        "SMEMBERS s",
        "SINTER s s",
        "SUNION s",
        "SDIFF s nope",
        "SPOP s 1",
    ] {
        assert_eq!(bench.run(&args(line)), b"~1\r\n$1\r\na\r\n", "{line}");
    }
    for line in [
        "SMEMBERS s",
        "SINTER s s",
        "SUNION s s",
        "SDIFF s",
        "SPOP s 1",
    ] {
        assert_eq!(bench.run(&args(line)), b"~0\r\n", "{line}");
    }
    assert_eq!(bench.run(&args("SPOP s")), b"_\r\n");
    assert_eq!(bench.run(&args("SRANDMEMBER s 2")), b"*0\r\n");
    assert_eq!(bench.run(&args("SMISMEMBER s a")), b"*1\r\n:0\r\n");
}
