//! HyperLogLogs, down to their bytes.

use crate::support::{check, check_both};

#[test]
fn elements_are_counted() {
    check_both(
        r#"
        PFADD h => 1; PFADD h => 0; PFCOUNT h => 0; PFADD h a b c => 1; PFADD h a b c => 0; PFCOUNT h => 3
        PFADD i c d e => 1; PFCOUNT h i nope => 5; PFCOUNT nope => 0; PFMERGE j h i => OK; PFCOUNT j => 5
        PFMERGE j => OK; PFMERGE new => OK; PFCOUNT new => 0; TYPE h => +string
        OBJECT ENCODING h => "raw"; PFSELFTEST => OK
        PFADD => ERR wrong number of arguments for 'pfadd' command
        PFCOUNT => ERR wrong number of arguments for 'pfcount' command
        PFMERGE => ERR wrong number of arguments for 'pfmerge' command
        "#,
    );
}

#[test]
fn the_bytes_are_those_of_redis() {
    check(
        r#"
        PFADD h => 1; GET h => "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
        PFCOUNT h => 0; GET h => "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
        PFADD h a b c => 1; PFDEBUG DECODE h => "Z:8436 v:1,1 Z:4274 v:2,1 Z:3068 v:1,1 Z:603"
        PFCOUNT h => 3; GETRANGE h 4 15 => "\x01\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"
        PFDEBUG ENCODING h => +sparse; PFDEBUG TODENSE h => 1; PFDEBUG ENCODING h => +dense; STRLEN h => 12304
        PFDEBUG TODENSE h => 0; PFDEBUG GETREG h => array(16384); PFDEBUG DECODE h => ERR HLL encoding is not sparse
        CONFIG SET hll-sparse-max-bytes 20 => OK; PFADD i a => 1; PFDEBUG ENCODING i => any; PFADD i b c d => 1; PFDEBUG ENCODING i => +dense
        PFDEBUG FOO i => ERR Unknown PFDEBUG subcommand 'FOO'; PFDEBUG GETREG nope => ERR The specified key does not exist
        "#,
    );
}

#[test]
fn what_is_none_is_refused() {
    check(
        r#"
        SET s foo => OK; SET n 12 => OK; PFADD l a => 1; APPEND l hello => int
        PFADD s a => WRONGTYPE Key is not a valid HyperLogLog string value.
        PFADD n a => WRONGTYPE Key is not a valid HyperLogLog string value.
        PFCOUNT s => WRONGTYPE Key is not a valid HyperLogLog string value.
        PFCOUNT x s => WRONGTYPE Key is not a valid HyperLogLog string value.
        PFMERGE x s => WRONGTYPE Key is not a valid HyperLogLog string value.
        PFMERGE s x => WRONGTYPE Key is not a valid HyperLogLog string value.
        PFCOUNT l => INVALIDOBJ Corrupted HLL object detected
        PFCOUNT l x => INVALIDOBJ Corrupted HLL object detected
        PFMERGE x l => INVALIDOBJ Corrupted HLL object detected
        PFDEBUG TODENSE l => INVALIDOBJ Corrupted HLL object detected
        PFDEBUG GETREG l => INVALIDOBJ Corrupted HLL object detected
        PFADD k a => 1; SETRANGE k 0 0123 => int; PFCOUNT k => WRONGTYPE Key is not a valid HyperLogLog string value.
        XADD t 1-1 a 1 => "1-1"; PFADD t a => WRONGTYPE Operation against a key holding the wrong kind of value
        PFCOUNT t => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}
