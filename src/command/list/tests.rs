//! Transcripts of the list family.

use crate::command::testing::{Bench, check};
use crate::config::KeyspaceEvents;

#[test]
fn pushes_and_pops() {
    check(
        r#"
        LPUSH l a b c => 3
        RPUSH l 1 2 => 5
        LRANGE l 0 -1 => [c, b, a, "1", "2"]
        LPUSHX l x => 6
        RPUSHX l y z => 8
        LPUSHX nope x => 0
        RPUSHX nope x => 0
        EXISTS nope => 0
        LLEN l => 8
        LLEN nope => 0
        LPOP l => x
        RPOP l => z
        LPOP l 2 => [c, b]
        RPOP l 2 => [y, "2"]
        LPOP l 0 => []
        RPOP l 99 => ["1", a]
        EXISTS l => 0
        LPOP l => nil
        LPOP l 1 => nil
        LPOP l 0 => nil
        @dirty => 16
        LPOP l -1 => ERR value is out of range, must be positive
        LPOP l x => ERR value is out of range, must be positive
        LPOP l 9223372036854775808 => ERR value is out of range, must be positive
        LPOP l 1 1 => ERR wrong number of arguments for 'lpop' command
        RPOP l 1 1 => ERR wrong number of arguments for 'rpop' command
        LPUSH l => ERR wrong number of arguments for 'lpush' command
        "#,
    );
}

#[test]
fn a_string_is_no_list() {
    const WRONG: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";
    for command in [
        "LPUSH s a",
        "RPUSHX s a",
        "LPOP s",
        "RPOP s 1",
        "LLEN s",
        "LRANGE s 0 -1",
        "LINDEX s x",
        "LSET s x a",
        "LINSERT s BEFORE a b",
        "LREM s 0 a",
        "LTRIM s 0 -1",
        "LPOS s a",
        "LMOVE s l LEFT LEFT",
        "LMOVE l s LEFT LEFT",
        "RPOPLPUSH s l",
        "RPOPLPUSH l s",
        "LMPOP 2 nope s LEFT",
        "BLPOP nope s 0",
        "BLMPOP 0 1 s LEFT",
        "BLMOVE s l LEFT LEFT 0",
        "BLMOVE l s LEFT LEFT 0",
        "BRPOPLPUSH l s 0",
        "GET l",
        "INCR l",
        "APPEND l x",
    ] {
        check(&format!(
            "SET s x => OK; RPUSH l a => 1; {command} => {WRONG}; LRANGE l 0 -1 => [a]; GET s => x; @dirty => 2"
        ));
    }
    check(
        "SET s x => OK; LMOVE nope s LEFT LEFT => nil; RPUSH l a => 1; LMPOP 2 l s LEFT => [l, [a]]",
    );
}

#[test]
fn elements_are_reached_by_index() {
    check(
        r#"
        RPUSH l a b c => 3
        LINDEX l 0 => a
        LINDEX l -1 => c
        LINDEX l 3 => nil
        LINDEX l -4 => nil
        LINDEX l x => ERR value is not an integer or out of range
        LINDEX nope x => nil
        LSET l 1 B => OK
        LSET l -1 12 => OK
        LRANGE l 0 -1 => [a, B, "12"]
        LSET l 3 x => ERR index out of range
        LSET l -4 x => ERR index out of range
        LSET l x x => ERR value is not an integer or out of range
        LSET nope x x => ERR no such key
        LRANGE l 1 1 => [B]
        LRANGE l -2 9 => [B, "12"]
        LRANGE l 2 1 => []
        LRANGE l 5 9 => []
        LRANGE l -9 -4 => []
        LRANGE l -9223372036854775808 9223372036854775807 => [a, B, "12"]
        LRANGE nope 0 -1 => []
        LRANGE nope x 1 => ERR value is not an integer or out of range
        @dirty => 5
        "#,
    );
}

#[test]
fn elements_are_inserted_next_to_others() {
    check(
        r#"
        RPUSH l a b 3 => 3
        LINSERT l BEFORE b x => 4
        LINSERT l after 3 y => 5
        LINSERT l BEFORE nope x => -1
        LINSERT nope AFTER a x => 0
        LINSERT nope BETWEEN a x => ERR syntax error
        LRANGE l 0 -1 => [a, x, b, "3", y]
        @dirty => 5
        "#,
    );
}

#[test]
fn elements_are_removed_and_trimmed() {
    check(
        r#"
        RPUSH l a b a c a 5 5 => 7
        LREM l 2 a => 2
        LRANGE l 0 -1 => [b, c, a, "5", "5"]
        LREM l -1 5 => 1
        LREM l 0 nope => 0
        LREM l 0 5 => 1
        LREM nope 0 5 => 0
        LREM l x a => ERR value is not an integer or out of range
        LREM l -9223372036854775808 nope => 0
        LRANGE l 0 -1 => [b, c, a]
        @dirty => 11
        LTRIM l 0 -1 => OK
        LTRIM l 1 1 => OK
        LRANGE l 0 -1 => [c]
        LTRIM l 5 9 => OK
        EXISTS l => 0
        LTRIM l 0 0 => OK
        LTRIM l a 0 => ERR value is not an integer or out of range
        RPUSH l a a => 2
        LREM l 0 a => 2
        EXISTS l => 0
        @dirty => 7
        "#,
    );
}

#[test]
fn elements_are_found() {
    check(
        r#"
        RPUSH l a b c 1 2 3 c c => 8
        LPOS l c => 2
        LPOS l x => nil
        LPOS l 2 => 4
        LPOS l c RANK 2 => 6
        LPOS l c RANK 4 => nil
        LPOS l c RANK -1 => 7
        LPOS l c RANK -3 => 2
        LPOS l c COUNT 0 => [2, 6, 7]
        LPOS l c COUNT 2 => [2, 6]
        LPOS l c COUNT 2 RANK -1 => [7, 6]
        LPOS l c COUNT 0 RANK -2 => [6, 2]
        LPOS l x COUNT 2 => []
        LPOS l c COUNT 0 MAXLEN 7 => [2, 6]
        LPOS l c MAXLEN 2 => nil
        LPOS l c MAXLEN 3 => 2
        LPOS l c RANK -1 COUNT 0 MAXLEN 2 => [7, 6]
        LPOS nope c => nil
        LPOS nope c COUNT 1 => []
        LPOS l c RANK 0 => ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
        LPOS l c RANK -9223372036854775808 => ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        LPOS l c COUNT -1 => ERR COUNT can't be negative
        LPOS l c COUNT x => ERR COUNT can't be negative
        LPOS l c MAXLEN -1 => ERR MAXLEN can't be negative
        LPOS l c RANK => ERR syntax error
        LPOS l c FOO 1 => ERR syntax error
        LPOS l c RANK x => ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn elements_are_moved() {
    check(
        r#"
        RPUSH a 1 2 3 => 3
        LMOVE a b LEFT RIGHT => "1"
        LMOVE a b right left => "3"
        RPOPLPUSH a b => "2"
        EXISTS a => 0
        LRANGE b 0 -1 => ["2", "3", "1"]
        RPOPLPUSH b b => "1"
        LMOVE b b LEFT LEFT => "1"
        LRANGE b 0 -1 => ["1", "2", "3"]
        LMOVE nope b LEFT LEFT => nil
        RPOPLPUSH nope b => nil
        LMOVE b a LEFT UP => ERR syntax error
        LMOVE b a DOWN LEFT => ERR syntax error
        BLMOVE b a LEFT RIGHT 0 => "1"
        BRPOPLPUSH b a 0 => "3"
        LRANGE a 0 -1 => ["3", "1"]
        @dirty => 10
        "#,
    );
}

#[test]
fn the_first_list_with_elements_is_taken_from() {
    check(
        r#"
        RPUSH b 1 2 3 4 => 4
        LMPOP 2 a b LEFT => [b, ["1"]]
        LMPOP 2 a b RIGHT COUNT 2 => [b, ["4", "3"]]
        LMPOP 2 a b LEFT COUNT 10 => [b, ["2"]]
        LMPOP 2 a b LEFT => nil
        EXISTS b => 0
        RPUSH b 1 2 3 4 => 4
        BLMPOP 0 2 a b RIGHT COUNT 2 => [b, ["4", "3"]]
        BLPOP a b 0 => [b, "1"]
        BRPOP b a 0 => [b, "2"]
        @dirty => 16
        LMPOP 0 a LEFT => ERR numkeys should be greater than 0
        LMPOP x a LEFT => ERR numkeys should be greater than 0
        LMPOP 9223372036854775807 a LEFT => ERR syntax error
        LMPOP 2 a LEFT => ERR syntax error
        LMPOP 1 a UP => ERR syntax error
        LMPOP 1 a LEFT COUNT 0 => ERR count should be greater than 0
        LMPOP 1 a LEFT COUNT -1 => ERR count should be greater than 0
        LMPOP 1 a LEFT COUNT => ERR syntax error
        LMPOP 1 a LEFT COUNT 1 COUNT 1 => ERR syntax error
        LMPOP 1 a LEFT COUNT x COUNT 1 => ERR count should be greater than 0
        LMPOP 1 a LEFT FOO 1 => ERR syntax error
        BLMPOP x 0 a LEFT => ERR numkeys should be greater than 0
        BLMPOP x 1 a LEFT => ERR timeout is not a float or out of range
        BLMPOP 0 1 a LEFT COUNT x => ERR count should be greater than 0
        "#,
    );
}

#[test]
fn where_waiting_is_not_allowed_the_time_is_up_at_once() {
    check(
        "BLPOP a b 0 => nil; BRPOP a 10 => nil; BLMOVE a b LEFT LEFT 0 => nil; BRPOPLPUSH a b 0 => nil
        BLMPOP 0 1 a LEFT => nil; @dirty => 0
        BLPOP a -1 => ERR timeout is negative; BLPOP a x => ERR timeout is not a float or out of range
        BRPOP a 1e20 => ERR timeout is out of range; BLMOVE a b LEFT UP x => ERR syntax error
        BLMOVE a b LEFT LEFT -0.5 => ERR timeout is negative; BRPOPLPUSH a b x => ERR timeout is not a float or out of range",
    );
}

#[test]
fn large_lists_do_what_small_ones_do() {
    for (size, depth) in [(2, 0), (3, 1), (-1, 0)] {
        for shards in [1, 4] {
            let mut bench = Bench::new(shards);
            bench.config.list_max_listpack_size = size;
            bench.config.list_compress_depth = depth;
            for i in 0..400 {
                bench.check(&format!("RPUSH l element-{i} {i} => {}", 2 * i + 2));
            }
            bench.check(
                r#"
                @encoding l => quicklist
                LINDEX l 400 => element-200
                LINDEX l -1 => "399"
                LRANGE l 399 402 => ["199", element-200, "200", element-201]
                LPOS l 200 => 401
                LPOS l 200 RANK -1 MAXLEN 398 => nil
                LPOS l 200 RANK -1 MAXLEN 399 => 401
                LSET l 401 <x*5000> => OK
                LREM l 1 element-200 => 1
                LINDEX l 400 => <x*5000>
                LINSERT l AFTER <x*5000> 1 => 800
                LREM l -1 1 => 1
                LRANGE l 399 401 => ["199", <x*5000>, element-201]
                LMOVE l m LEFT LEFT => element-0
                LTRIM l 0 0 => OK
                LRANGE l 0 -1 => ["0"]
                @encoding l => listpack
                "#
                .replace("<x*5000>", &"x".repeat(5000))
                .as_str(),
            );
        }
    }
}

#[test]
fn encodings_follow_the_settings() {
    let mut bench = Bench::new(1);
    bench.config.list_max_listpack_size = 4;
    bench.check(
        "RPUSH l 1 2 3 4 => 4; @encoding l => listpack; RPUSH l 5 => 5; @encoding l => quicklist
        LPOP l 3; @encoding l => quicklist; LPOP l; @encoding l => listpack; RPUSH l 3 4 5; @encoding l => listpack
        RPUSH l 6; @encoding l => quicklist; LTRIM l 0 1; @encoding l => listpack
        SORT l DESC STORE s => 2; @encoding s => listpack; RPUSH l 1 2 3; SORT l STORE s => 5; @encoding s => quicklist
        COPY l c => 1; @encoding c => quicklist; RPOP c 5; EXISTS c => 0; LLEN l => 5",
    );
}

#[test]
fn subscribers_are_told() {
    for shards in [1, 4] {
        let mut bench = Bench::new(shards);
        bench.config.notify_keyspace_events = KeyspaceEvents::ALL;
        bench.check(
            "LPUSH l a b => 2; RPUSH l c => 3; LPUSHX nope a => 0; @events => [lpush l, rpush l]
            LPOP l; RPOP l; LPOP l; @events => [lpop l, rpop l, lpop l, del l]; LPOP l 2; RPOP l 0; @events => []
            RPUSH l a b c; LINSERT l AFTER a x; LINSERT l AFTER nope x; LSET l 0 y; @events => [rpush l, linsert l, lset l]
            LREM l 1 nope; LREM l 1 x; LTRIM l 0 -1; LTRIM l 1 0; @events => [lrem l, ltrim l, ltrim l, del l]
            RPUSH l a; LREM l 0 a; @events => [rpush l, lrem l, del l]
            RPUSH l a b c d; LMOVE l m LEFT RIGHT; RPOPLPUSH l m; @events => [rpush l, rpush m, lpop l, lpush m, rpop l]
            RPOPLPUSH l l; LMPOP 1 l LEFT COUNT 9; @events => [lpush l, rpop l, lpop l, del l]
            LMOVE m l LEFT LEFT; BLMOVE m l LEFT LEFT 0; @events => [lpush l, lpop m, lpush l, lpop m, del m]
            BLPOP l 0; BRPOP l 0; @events => [lpop l, rpop l, del l]; RPUSH l 2 1; SORT l STORE s
            @events => [rpush l, sortstore s]; SORT nope STORE s; @events => [del s]",
        );
    }
}

#[test]
fn lists_are_sorted() {
    check(
        r#"
        RPUSH l 3 10 2 => 3
        SORT l => ["2", "3", "10"]
        SORT l DESC LIMIT 0 2 => ["10", "3"]
        SORT l ALPHA => ["10", "2", "3"]
        SORT_RO l BY nosort => ["3", "10", "2"]
        SET w_3 1; SET w_10 3; SET w_2 2; SET o_3 three
        SORT l BY w_* => ["3", "2", "10"]
        SORT l BY w_* GET # GET o_* => ["3", three, "2", nil, "10", nil]
        SORT l BY w_* GET o_* STORE d => 3
        LRANGE d 0 -1 => [three, "", ""]
        SORT l STORE l => 3
        LRANGE l 0 -1 => ["2", "3", "10"]
        RPUSH t a 1 => 2
        SORT t => ERR One or more scores can't be converted into double
        "#,
    );
}
