//! Transcripts of the HyperLogLog family.

use crate::command::testing::{Bench, check};
use crate::config::KeyspaceEvents;

#[test]
fn elements_are_counted() {
    check(
        r#"
        PFADD h => 1; @dirty => 1; PFADD h => 0; @dirty => 0; PFCOUNT h => 0; @dirty => 1; PFCOUNT h => 0; @dirty => 0
        PFADD h a b c a => 1; @dirty => 3; PFADD h a b => 0; @dirty => 0; PFCOUNT h => 3; PFADD h a d => 1; PFCOUNT h => 4
        TYPE h => string; @encoding h => raw; PFCOUNT nope => 0; PFCOUNT nope nope2 => 0
        PFADD i c d e; PFCOUNT h i nope => 5; PFCOUNT i => 3; @ttl h => none
        PFMERGE d h i nope => OK; PFCOUNT d => 5; PFMERGE d => OK; PFCOUNT d => 5; PFMERGE e => OK; PFCOUNT e => 0
        SET t x EX 100; EXPIRE d 50 => 1; PFADD d new => 1; PFMERGE d i => OK; @ttl d => 50000
        "#,
    );
}

#[test]
fn events_tell_of_changes() {
    let mut bench = Bench::new(4);
    bench.config.notify_keyspace_events = KeyspaceEvents::STRING;
    bench.check("PFADD h a => 1; PFADD h a => 0; PFCOUNT h => 1; PFMERGE d h => OK; @events => [pfadd h, pfadd d]");
}

#[test]
fn other_strings_and_types_are_refused() {
    let other = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    let corrupt = "INVALIDOBJ Corrupted HLL object detected";
    check(&format!(
        r#"
        SET s foo; SET n 12; SET m HYLL; RPUSH l 1
        PFADD s a => {other}; PFADD n a => {other}; PFADD m a => {other}; PFCOUNT s => {other}; PFCOUNT n s => {other}
        PFMERGE x s => {other}; PFMERGE s x => {other}; PFDEBUG GETREG s => {other}
        PFADD l a => WRONGTYPE Operation against a key holding the wrong kind of value
        PFCOUNT l => WRONGTYPE Operation against a key holding the wrong kind of value
        PFMERGE x l => WRONGTYPE Operation against a key holding the wrong kind of value
        PFADD h a b c; SETRANGE h 4 "\x02"; PFCOUNT h => {other}; PFADD h a => {other}; SETRANGE h 4 "\x00"; PFCOUNT h => {other}
        DEL h; PFADD h a b c; APPEND h hello; PFCOUNT h => {corrupt}; PFCOUNT h x => {corrupt}; PFMERGE x h => {corrupt}
        PFDEBUG TODENSE h => {corrupt}; PFDEBUG GETREG h => {corrupt}; EXISTS x => 0
        "#
    ));
}

#[test]
fn a_look_inside() {
    check(
        r#"
        PFADD h a b c; PFDEBUG ENCODING h => sparse; PFDEBUG DECODE h => "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603"
        PFDEBUG TODENSE h => 1; PFDEBUG todense h => 0; PFDEBUG ENCODING h => dense; STRLEN h => 12304; PFCOUNT h => 3
        PFDEBUG DECODE h => ERR HLL encoding is not sparse; PFDEBUG FOO h => ERR Unknown PFDEBUG subcommand 'FOO'
        PFDEBUG GETREG nope => ERR The specified key does not exist; PFADD h a => 0; PFADD h d => 1; PFCOUNT h => 4
        PFADD i x; PFMERGE i h => OK; PFDEBUG ENCODING i => dense; PFCOUNT i => 5
        "#,
    );
}

#[test]
fn a_sparse_one_grows_up_to_its_limit() {
    for (max, len) in [(3000, 27), (20, 12304), (27, 27), (26, 12304)] {
        let mut bench = Bench::new(1);
        bench.config.hll_sparse_max_bytes = max;
        bench.check(&format!("PFADD h a b c; STRLEN h => {len}; PFCOUNT h => 3"));
    }
}
