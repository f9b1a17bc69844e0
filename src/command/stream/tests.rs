//! Transcripts of the stream family: what is told to others, and how the compact nodes hold up.

use crate::command::testing::{Bench, check};
use crate::config::KeyspaceEvents;

#[test]
fn changes_and_events() {
    for shards in [1, 4] {
        let mut bench = Bench::new(shards);
        bench.config.notify_keyspace_events = KeyspaceEvents::STREAM;
        bench.check(
            r#"
            XADD s 1-1 a 1; XADD s MAXLEN 1 2-1 a 1; @events => [xadd s, xadd s, xtrim s]; @dirty => 2
            XADD s MAXLEN 5 3-1 a 1; @events => [xadd s]; @dirty => 1
            XADD n NOMKSTREAM * a 1 => nil; @events => []; @dirty => 0
            XTRIM s MAXLEN 5 => 0; @events => []; XTRIM s MAXLEN 1 => 1; @events => [xtrim s]; @dirty => 1
            XDEL s 9-9 => 0; @events => []; XDEL s 3-1 => 1; @events => [xdel s]; @dirty => 1
            XSETID s 5-1; @events => [xsetid s]; @dirty => 1
            XGROUP CREATE s g 0; XGROUP CREATE t g 0 MKSTREAM; @events => [xgroup-create s, xgroup-create t]; @dirty => 2
            XGROUP SETID s g 0; @events => [xgroup-setid s]; @dirty => 1
            XGROUP CREATECONSUMER s g c => 1; @events => [xgroup-createconsumer s]; @dirty => 1
            XGROUP CREATECONSUMER s g c => 0; XREADGROUP GROUP g c STREAMS s > => nil; @events => []; @dirty => 0
            XADD s 6-1 a 1; XADD s 7-1 a 1; @events => [xadd s, xadd s]; @dirty => 2
            XREADGROUP GROUP g d STREAMS s >; @events => [xgroup-createconsumer s]; @dirty => 2
            XREADGROUP GROUP g d STREAMS s 0; @events => []; @dirty => 1
            XCLAIM s g c 0 6-1 9-1; @events => []; @dirty => 1; XACK s g 7-1 => 1; @dirty => 1; XACK s g 7-1 => 0; @dirty => 0
            XAUTOCLAIM s g e 0 -; @events => [xgroup-createconsumer s]; @dirty => 2
            XGROUP DELCONSUMER s g e => 1; @events => [xgroup-delconsumer s]; @dirty => 1
            XGROUP DESTROY s g => 1; @events => [xgroup-destroy s]; @dirty => 1
            XGROUP DESTROY s g => 0; XGROUP DELCONSUMER t g nope => 0; @events => []; @dirty => 0
            "#,
        );
    }
}

#[test]
fn nodes_of_every_size_hold_the_same() {
    for (bytes, entries) in [(4096, 100), (0, 0), (64, 0), (0, 1), (1, 1), (0, 3)] {
        let mut bench = Bench::new(4);
        bench.config.stream_node_max_bytes = bytes;
        bench.config.stream_node_max_entries = entries;
        let long = "y".repeat(100);
        bench.check(&format!(
            r#"
            XADD s 1-1 a 1 b two; XADD s 1-2 a -5 b ""; XADD s 2-0 x 1; XADD s 3-7 a 99999999999 b {long}; XADD s 4-0 a 1
            XRANGE s - + COUNT 3 => [[1-1, [a, "1", b, two]], [1-2, [a, "-5", b, ""]], [2-0, [x, "1"]]]
            XREVRANGE s 3 (1-2 => [[3-7, [a, "99999999999", b, {long}]], [2-0, [x, "1"]]]
            "#
        ));
        bench.check(
            "XDEL s 1-2 3-7 => 2; XLEN s => 3; XTRIM s MINID 2 => 1; XLEN s => 2; XRANGE s - + => [[2-0, [x, \"1\"]], [4-0, [a, \"1\"]]]
            COPY s t => 1; XADD t 5-0 a 1; XLEN s => 2; XLEN t => 3; XTRIM s MAXLEN 0 => 2; XLEN s => 0; @encoding s => stream
            XADD s 4-0 a 1 => ERR The ID specified in XADD is equal or smaller than the target stream top item",
        );
    }
}

#[test]
fn approximate_trimming_has_a_limit() {
    let mut bench = Bench::new(1);
    bench.config.stream_node_max_entries = 1;
    for ms in 1..=300 {
        bench.check(&format!("XADD s {ms}-0 a 1 => {ms}-0"));
    }
    bench.check(
        "XTRIM s MAXLEN ~ 0 => 100; XTRIM s MAXLEN ~ 0 LIMIT 10 => 10; XTRIM s MAXLEN ~ 185 LIMIT 0 => 5
        XTRIM s MINID ~ 120 => 4; XTRIM s MAXLEN 0 => 181",
    );
}

#[test]
fn a_copy_has_the_groups_too() {
    check(
        "XADD s 1-1 a 1; XGROUP CREATE s g 0; XREADGROUP GROUP g c STREAMS s >; COPY s t => 1; XACK s g 1-1 => 1
        XPENDING t g => [1, 1-1, 1-1, [[c, \"1\"]]]; XPENDING s g => [0, nil, nil, nil]; RENAME t s; XPENDING s g - + 9 c => [[1-1, c, 0, 1]]",
    );
}

#[test]
fn time_is_kept_for_what_is_pending() {
    check(
        "XADD s 1-1 a 1; XGROUP CREATE s g 0; XREADGROUP GROUP g c STREAMS s >; @wait 500; XPENDING s g - + 1 => [[1-1, c, 500, 1]]
        XCLAIM s g d 501 1-1 => []; XPENDING s g IDLE 501 - + 1 => []; @wait 100; XCLAIM s g d 600 1-1 JUSTID => [1-1]
        XPENDING s g - + 1 => [[1-1, d, 0, 1]]; XINFO CONSUMERS s g => [[name, c, pending, 0, idle, 600, inactive, 600], [name, d, pending, 1, idle, 0, inactive, 0]]
        @wait 50; XREADGROUP GROUP g d STREAMS s 0; XPENDING s g - + 1 => [[1-1, d, 0, 2]]
        XINFO CONSUMERS s g => [[name, c, pending, 0, idle, 650, inactive, 650], [name, d, pending, 1, idle, 0, inactive, 50]]",
    );
}

#[test]
fn what_is_given_back_and_what_producers_sent_is_told_to_others() {
    check(
        "XADD s 1-1 a 1; XADD s 2-1 a 2; XADD s 3-1 a 3; XGROUP CREATE s g 0; XREADGROUP GROUP g c COUNT 2 STREAMS s >
        XNACK s g FAIL IDS 2 1-1 9-9 => 1; XNACK s g SILENT IDS 1 2-1 RETRYCOUNT 5 => 1; XNACK s g FATAL IDS 1 3-1 FORCE => 1
        XDEL s 1-1 => 1; XREADGROUP GROUP g d CLAIM 1 COUNT 1 STREAMS s >; XPENDING s g => [2, 2-1, 3-1, [[d, \"1\"]]]",
    );
    check(
        "XADD s 1-1 a 1; XADD s IDMP p i * a 2; XLEN s => 2; XADD s IDMPAUTO p MAXLEN ~ 5 * a 2; XLEN s => 3
        XADD s IDMP p j MAXLEN 1 * a 2; XLEN s => 1; XADD t MAXLEN 0 IDMP p i * a 2; XADD t IDMP p i * a 2; XLEN t => 1
        XCFGSET s IDMP-MAXSIZE 7; XADD s IDMP p i * a 2; XIDMPRECORD t q i 0-1 => ERR No such message in stream",
    );
}
