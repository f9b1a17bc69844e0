//! Transcripts of the bitmap family.

use crate::command::testing::{Bench, check};

#[test]
fn single_bits() {
    check(
        r#"
        GETBIT a 7 => 0; SETBIT a 7 1 => 0; GET a => "\x01"; GETBIT a 7 => 1; GETBIT a 100 => 0; @dirty => 1
        SETBIT a 7 1 => 1; @dirty => 0; SETBIT a 7 0 => 1; GET a => "\x00"; @dirty => 1
        SETBIT a 23 0 => 0; STRLEN a => 3; @dirty => 1; SETBIT b 0 0 => 0; STRLEN b => 1; @dirty => 1
        SET n 1 PX 9 => OK; SETBIT n 6 1 => 0; GET n => "3"; @ttl n => 9; GETBIT n 2 => 1
        SETBIT big 80007 1 => 0; STRLEN big => 10001; SETBIT big 3 1 => 0; GETBIT big 80007 => 1; GETBIT big 3 => 1
        "#,
    );
}

#[test]
fn bits_out_of_range_are_refused() {
    let offset = "ERR bit offset is not an integer or out of range";
    let value = "ERR bit is not an integer or out of range";
    check(&format!(
        "SETBIT a -1 1 => {offset}; SETBIT a x 1 => {offset}; SETBIT a 4294967296 1 => {offset}; SETBIT a x 3 => {offset}
        GETBIT a -1 => {offset}; GETBIT a 4294967296 => {offset}; GETBIT a 4294967295 => 0; SETBIT a 1 2 => {value}
        SETBIT a 1 x => {value}; SETBIT a 1 -1 => {value}; GETBIT a #1 => {offset}; @len => 0"
    ));
}

#[test]
fn counting_bits() {
    check(
        "BITCOUNT a => 0; BITCOUNT a x y => 0; SET a foobar => OK; BITCOUNT a => 26; BITCOUNT a 0 0 => 4; BITCOUNT a 1 1 => 6
        BITCOUNT a 0 -5 => 10; BITCOUNT a 1 1 BYTE => 6; BITCOUNT a 5 30 bit => 17; BITCOUNT a -2 -5 => 0
        BITCOUNT a -2 -5 nonsense => 0; BITCOUNT a 4 2 => 0; BITCOUNT a 0 => ERR syntax error; BITCOUNT a 100 200 => 0
        BITCOUNT a 0 1 NIBBLE => ERR syntax error; BITCOUNT a 0 1 BIT x => ERR syntax error
        BITCOUNT a 0 x => ERR value is not an integer or out of range; BITCOUNT a -100 -99 => 4; BITCOUNT a 0 -1 BIT => 26
        SET n 12 => OK; BITCOUNT n => 6; SET e \"\" => OK; BITCOUNT e 0 -1 => 0; BITCOUNT e => 0; BITCOUNT e 0 0 BIT => 0",
    );
}

#[test]
fn finding_bits() {
    check(
        r#"
        BITPOS a 0 => 0; BITPOS a 1 => -1; BITPOS a 1 x y => -1
        SET a "\xff\xf0\x00" => OK; BITPOS a 0 => 12; BITPOS a 1 => 0; BITPOS a 1 2 => -1; BITPOS a 0 0 0 => -1
        BITPOS a 1 7 15 BIT => 7; BITPOS a 0 0 11 BIT => -1; BITPOS a 0 0 12 BIT => 12; BITPOS a 1 -1 -1 => -1
        SET a "\xff\xff\xff" => OK; BITPOS a 0 => 24; BITPOS a 0 1 => 24; BITPOS a 0 0 -1 => -1; BITPOS a 0 3 => -1
        SET a "\x00\xff\xf0" => OK; BITPOS a 1 0 => 8; BITPOS a 1 2 => 16; BITPOS a 1 -5 -7 => -1
        BITPOS a 2 => ERR The bit argument must be 1 or 0.; BITPOS a x => ERR value is not an integer or out of range
        BITPOS a 1 x => ERR value is not an integer or out of range; BITPOS a 1 0 x => ERR value is not an integer or out of range
        BITPOS a 1 0 1 FOO => ERR syntax error; BITPOS a 1 0 x FOO => ERR syntax error
        BITPOS a 1 0 1 BIT x => ERR syntax error; SET e "" => OK; BITPOS e 0 => -1; BITPOS e 1 => -1
        "#,
    );
}

#[test]
fn combining() {
    check(
        r#"
        SET a "\xff\x0f\x01" => OK; SET b "\x0f\x0f" => OK; @dirty => 2
        BITOP AND d a b => 3; GET d => "\x0f\x0f\x00"; BITOP or d a b => 3; GET d => "\xff\x0f\x01"
        BITOP XOR d a b => 3; GET d => "\xf0\x00\x01"; BITOP NOT d b => 2; GET d => "\xf0\xf0"; @dirty => 4
        BITOP AND d a nope => 3; GET d => "\x00\x00\x00"; BITOP OR d nope nope2 => 0; GET d => nil; @dirty => 2
        BITOP OR d nope => 0; @dirty => 0; BITOP AND a a b => 3; GET a => "\x0f\x0f\x00"
        SET d x EX 10 => OK; BITOP OR d b => 2; @ttl d => none; SET n 12 => OK; BITOP OR d n => 2; GET d => "12"
        @encoding d => raw; BITOP NOT d a b => ERR BITOP NOT must be called with a single source key.
        BITOP NAND d a b => ERR syntax error; BITOP NAND d => ERR wrong number of arguments for 'bitop' command
        "#,
    );
}

#[test]
fn fields_are_read_and_written() {
    check(
        r#"
        BITFIELD a => []; BITFIELD a OVERFLOW SAT => []; BITFIELD a GET u8 0 => [0]; @len => 0
        BITFIELD a SET u8 0 255 GET u8 0 INCRBY u8 0 10 => [0, 255, 9]; GET a => "\t"
        BITFIELD a SET i8 0 -1 GET i8 0 GET u8 0 GET i4 0 GET u4 6 => [9, -1, 255, -1, 12]
        BITFIELD a SET u8 #2 7 GET u8 16 => [0, 7]; STRLEN a => 3
        BITFIELD b SET i64 3 -123456789 GET i64 3 INCRBY i64 3 1 => [0, -123456789, -123456788]; STRLEN b => 9
        BITFIELD_RO b GET i64 3 GET u63 4 => [-123456788, 9223372036731319020]
        BITFIELD b SET u63 1 9223372036854775807 GET u63 1 => [2305843009198261853, 9223372036854775807]
        "#,
    );
}

#[test]
fn fields_overflow_as_told() {
    check(
        "BITFIELD a SET u8 0 250 => [0]; BITFIELD a INCRBY u8 0 10 => [4]; BITFIELD a OVERFLOW SAT INCRBY u8 0 1000 => [255]
        BITFIELD a OVERFLOW FAIL INCRBY u8 0 1 OVERFLOW SAT INCRBY u8 0 -1000 => [nil, 0]
        BITFIELD a INCRBY i8 0 127 INCRBY i8 0 1 => [127, -128]; BITFIELD a OVERFLOW SAT INCRBY i8 0 -1 => [-128]
        BITFIELD a OVERFLOW SAT SET u8 0 -1 GET u8 0 => [128, 255]; BITFIELD a SET u8 0 257 GET u8 0 => [255, 1]
        BITFIELD a OVERFLOW FAIL SET i8 0 128 GET i8 0 => [nil, 1]
        BITFIELD a SET i64 0 9223372036854775807 => [72057594037927936]
        BITFIELD a INCRBY i64 0 1 OVERFLOW SAT INCRBY i64 0 -1 OVERFLOW FAIL INCRBY i64 0 -1 => [-9223372036854775808, -9223372036854775808, nil]
        @dirty => 10",
    );
}

#[test]
fn fields_that_stay_as_they_are_are_no_change() {
    check(
        "BITFIELD a SET u8 0 5 SET u8 0 6 => [0, 5]; @dirty => 2; BITFIELD a SET u8 0 6 GET u8 0 => [6, 6]; @dirty => 0
        BITFIELD a SET u8 0 6 SET u8 0 7 => [6, 6]; @dirty => 1; BITFIELD a SET u8 8 0 => [0]; @dirty => 1",
    );
}

#[test]
fn broken_fields_are_refused() {
    let kind = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    let offset = "ERR bit offset is not an integer or out of range";
    check(&format!(
        "BITFIELD a GET u64 0 => {kind}; BITFIELD a GET i65 0 => {kind}; BITFIELD a GET u0 0 => {kind}; BITFIELD a GET I8 0 => {kind}
        BITFIELD a GET i 0 => {kind}; BITFIELD a GET u8 -1 => {offset}; BITFIELD a GET u8 #x => {offset}; BITFIELD a GET u8 # => {offset}
        BITFIELD a GET u8 #9223372036854775807 => {offset}; BITFIELD a GET u8 4294967296 => {offset}
        BITFIELD a SET u8 0 => ERR syntax error; BITFIELD a FOO => ERR syntax error; BITFIELD a GET u8 => ERR syntax error
        BITFIELD a OVERFLOW FOO => ERR Invalid OVERFLOW type specified; BITFIELD a OVERFLOW => ERR syntax error
        BITFIELD a SET u8 0 x => ERR value is not an integer or out of range
        BITFIELD_RO a SET u8 0 1 => ERR BITFIELD_RO only supports the GET subcommand
        BITFIELD_RO a OVERFLOW SAT => []; @len => 0; @dirty => 0"
    ));
}

#[test]
fn bits_stay_within_the_limit() {
    let mut bench = Bench::new(1);
    bench.config.proto_max_bulk_len = 10;
    let refused = "ERR bit offset is not an integer or out of range";
    assert_eq!(bench.call("SETBIT a 79 1"), "0");
    assert_eq!(bench.call("SETBIT a 80 1"), refused);
    assert_eq!(bench.call("GETBIT a 80"), refused);
    assert_eq!(bench.call("BITFIELD a GET u8 80"), refused);
}
