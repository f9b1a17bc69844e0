//! Bits of strings: SETBIT, BITCOUNT, BITPOS, BITOP, BITFIELD.

use crate::support::{check, check_both};

#[test]
fn setbit_and_getbit() {
    check(
        r#"
        SETBIT b 7 1 => 0; GET b => "\x01"; SETBIT b 7 0 => 1; GET b => "\x00"
        SETBIT b 0 1 => 0; GET b => "\x80"; SETBIT b 15 1 => 0; GET b => "\x80\x01"; STRLEN b => 2
        GETBIT b 0 => 1; GETBIT b 1 => 0; GETBIT b 15 => 1; GETBIT b 16 => 0; GETBIT b 4294967295 => 0
        GETBIT none 0 => 0; EXISTS none => 0
        SET s a => OK; GETBIT s 1 => 1; GETBIT s 0 => 0; SETBIT s 6 1 => 0; GET s => "c"
        SET n 1 => OK; SETBIT n 6 1 => 0; GET n => "3"; OBJECT ENCODING n => "raw"
        SET n 5 => OK; SETBIT n 1 0 => 0; OBJECT ENCODING n => "raw"; GET n => "5"
        SET s a => OK; SETBIT s 1 1 => 1; OBJECT ENCODING s => "raw"; SET s a => OK; WATCH s => OK; c2: SETBIT s 1 1 => 1
        MULTI => OK; OBJECT ENCODING s => QUEUED; EXEC => ["raw"]
        SET s a => OK; BITFIELD s GET u8 0 => [97]; OBJECT ENCODING s => "embstr"
        BITFIELD s SET u8 0 97 => [97]; OBJECT ENCODING s => "raw"; SET s 12 => OK
        BITFIELD s OVERFLOW FAIL INCRBY u8 0 300 => [nil]; OBJECT ENCODING s => "raw"; GET s => "12"
        GETBIT n 7 => 1; SET m 12345 => OK; GETBIT m 39 => 1
        SETBIT new 100 0 => 0; STRLEN new => 13
        SETBIT b -1 1 => ERR bit offset is not an integer or out of range
        SETBIT b 4294967296 1 => ERR bit offset is not an integer or out of range
        SETBIT b x 1 => ERR bit offset is not an integer or out of range
        SETBIT b 1 2 => ERR bit is not an integer or out of range
        SETBIT b 1 -1 => ERR bit is not an integer or out of range
        SETBIT b 1 x => ERR bit is not an integer or out of range
        GETBIT b -1 => ERR bit offset is not an integer or out of range
        GETBIT b 4294967296 => ERR bit offset is not an integer or out of range
        SETBIT b 1 => ERR wrong number of arguments for 'setbit' command
        GETBIT b => ERR wrong number of arguments for 'getbit' command
        "#,
    );
}

#[test]
fn bitcount_ranges_in_bytes_and_bits() {
    check(
        r#"
        SET k foobar => OK
        BITCOUNT k => 26; BITCOUNT k 0 0 => 4; BITCOUNT k 1 1 => 6; BITCOUNT k 0 -1 => 26
        BITCOUNT k 1 1 BYTE => 6; BITCOUNT k 5 30 BIT => 17; BITCOUNT k 0 -1 BIT => 26
        BITCOUNT k 5 5 bit => 1; BITCOUNT k -8 -1 BIT => 4; BITCOUNT k 0 100 => 26
        BITCOUNT k 3 1 => 0; BITCOUNT k 10 20 => 0; BITCOUNT k -100 -90 => 4; BITCOUNT k -2 -1 => 7
        BITCOUNT none => 0; BITCOUNT none 0 10 => 0; BITCOUNT none 0 10 BIT => 0
        SET n 7 => OK; BITCOUNT n => 5
        SET e "" => OK; BITCOUNT e => 0; BITCOUNT e 0 -1 => 0
        SET long {{\xff*1000}} => OK; BITCOUNT long => 8000; BITCOUNT long 7 -9 => 7880
        BITCOUNT long 3 7990 BIT => 7988
        BITCOUNT k 0 => ERR syntax error
        BITCOUNT k 0 1 FOO => ERR syntax error
        BITCOUNT k 0 1 BIT x => ERR syntax error
        BITCOUNT k a 1 => ERR value is not an integer or out of range
        BITCOUNT k 0 b => ERR value is not an integer or out of range
        BITCOUNT => ERR wrong number of arguments for 'bitcount' command
        "#,
    );
}

#[test]
fn bitpos_finds_the_first_bit() {
    check(
        r#"
        SET k "\xff\xf0\x00" => OK
        BITPOS k 0 => 12; BITPOS k 1 => 0; BITPOS k 1 2 => -1; BITPOS k 0 2 => 16
        SET k "\x00\xff\xf0" => OK
        BITPOS k 1 0 => 8; BITPOS k 1 2 => 16; BITPOS k 1 2 -1 BYTE => 16; BITPOS k 1 7 15 BIT => 8
        BITPOS k 0 1 1 => -1; BITPOS k 0 1 => 20; BITPOS k 1 -3 -1 => 8; BITPOS k 0 0 0 => 0
        BITPOS k 1 7 -3 BIT => 8; BITPOS k 0 8 11 BIT => -1
        SET k "\xff\xff\xff" => OK
        BITPOS k 0 => 24; BITPOS k 0 0 -1 => -1; BITPOS k 0 1 => 24; BITPOS k 0 5 => -1
        BITPOS none 0 => 0; BITPOS none 1 => -1; BITPOS none 0 5 10 => 0
        SET e "" => OK; BITPOS e 1 => -1; BITPOS e 0 => -1
        SET zero {{\x00*500}} => OK; BITPOS zero 1 => -1; SETBIT zero 3999 1 => 0; BITPOS zero 1 => 3999
        SET z2 "\x00\x00" => OK; BITPOS z2 1 => -1; BITPOS z2 0 => 0
        BITPOS k 2 => ERR The bit argument must be 1 or 0.
        BITPOS k x => ERR value is not an integer or out of range
        BITPOS k 1 a => ERR value is not an integer or out of range
        BITPOS k 1 0 1 FOO => ERR syntax error
        BITPOS k 1 0 1 BIT x => ERR syntax error
        BITPOS k => ERR wrong number of arguments for 'bitpos' command
        "#,
    );
}

#[test]
fn bitop_within_one_slot_and_over_shards() {
    for tag in ["{t}", ""] {
        check(
            &r#"
            MSET @a "\xff\x0f\xaa" @b "\x0f\xff" => OK
            BITOP AND @d @a @b => 3; GET @d => "\x0f\x0f\x00"
            BITOP OR @d @a @b => 3; GET @d => "\xff\xff\xaa"
            BITOP XOR @d @a @b => 3; GET @d => "\xf0\xf0\xaa"
            BITOP NOT @d @a => 3; GET @d => "\x00\xf0\x55"
            BITOP and @d @a => 3; GET @d => "\xff\x0f\xaa"
            BITOP OR @d @a @none => 3; BITOP AND @d @a @none => 3; GET @d => "\x00\x00\x00"
            BITOP XOR @a @a @a => 3; GET @a => "\x00\x00\x00"
            BITOP AND @d @none @none2 => 0; EXISTS @d => 0
            SET @d v EX 100 => OK; BITOP OR @d @b => 2; TTL @d => -1
            SET @d v => OK; BITOP NOT @d @none => 0; EXISTS @d => 0
            SET @n 12 => OK; BITOP OR @d @n => 2; GET @d => "12"
            BITOP NOT @d @a @b => ERR BITOP NOT must be called with a single source key.
            BITOP FOO @d @a => ERR syntax error
            BITOP AND @d => ERR wrong number of arguments for 'bitop' command
            SET @l {{\x0f*1000}} => OK; SET @m {{\xf0*999}} => OK; BITOP OR @d @l @m => 1000
            BITCOUNT @d => 7996
            BITOP AND @d @l @m @b => 1000; BITCOUNT @d => 0
            "#
            .replace('@', tag),
        );
    }
}

#[test]
fn bitfield_reads_and_writes() {
    check_both(
        r#"
        BITFIELD k SET i8 0 100 => [0]; BITFIELD k GET i8 0 => [100]; BITFIELD k INCRBY u8 0 10 => [110]
        SET e 5 => OK; BITFIELD e GET u8 0 => [53]; OBJECT ENCODING e => "int"
        BITFIELD e SET u8 0 53 => [53]; OBJECT ENCODING e => "raw"; GET e => "5"; INCR e => 6; OBJECT ENCODING e => "int"
        SET e text => OK; BITFIELD e INCRBY u8 0 0 => [116]; OBJECT ENCODING e => "raw"; GET e => "text"
        SET e text => OK; SETBIT e 1 1 => 1; OBJECT ENCODING e => "raw"; SET e 5 => OK; SETBIT e 2 1 => 1; OBJECT ENCODING e => "raw"
        SET e 7 => OK; WATCH e => OK; c2: BITFIELD e SET u8 0 55 => [55]; MULTI => OK; GET e => QUEUED; EXEC => ["7"]
        BITFIELD k SET u4 #1 5 GET u4 #0 GET u8 0 => [14, 6, 101]
        BITFIELD k GET u8 100 GET i64 0 => [0, 7277816997830721536]
        DEL k => 1
        BITFIELD k INCRBY i5 100 1 GET u4 0 => [1, 0]; STRLEN k => 14
        BITFIELD none GET u8 0 => [0]; EXISTS none => 0
        BITFIELD none2 => []; EXISTS none2 => 0
        BITFIELD k SET u63 0 9223372036854775807 => [0]; BITFIELD k GET u63 0 => [9223372036854775807]
        BITFIELD k SET i64 0 -9223372036854775808 => [-2]
        BITFIELD k GET i64 0 => [-9223372036854775808]
        BITFIELD k GET i1 0 GET u1 0 => [-1, 1]
        SET n 1 => OK; BITFIELD n GET u8 0 => [49]; BITFIELD n SET u8 0 50 => [49]; GET n => "2"
        "#,
    );
}

#[test]
fn bitfield_overflow_modes() {
    check_both(
        r#"
        BITFIELD k SET u8 0 250 => [0]
        BITFIELD k INCRBY u8 0 10 => [4]
        BITFIELD k SET u8 0 250 OVERFLOW SAT INCRBY u8 0 10 => [4, 255]
        BITFIELD k OVERFLOW FAIL INCRBY u8 0 10 GET u8 0 => [nil, 255]
        BITFIELD k OVERFLOW WRAP INCRBY u8 0 10 => [9]
        BITFIELD k OVERFLOW SAT INCRBY u8 0 -100 => [0]
        BITFIELD k OVERFLOW FAIL INCRBY u8 0 -1 => [nil]
        BITFIELD k INCRBY u8 0 -1 => [255]
        DEL k => 1
        BITFIELD k SET i8 0 127 INCRBY i8 0 1 => [0, -128]
        BITFIELD k SET i8 0 127 OVERFLOW SAT INCRBY i8 0 1 => [-128, 127]
        BITFIELD k SET i8 0 -128 OVERFLOW SAT INCRBY i8 0 -1 OVERFLOW FAIL INCRBY i8 0 -1 => [127, -128, nil]
        BITFIELD k OVERFLOW FAIL SET u8 0 256 => [nil]
        BITFIELD k OVERFLOW SAT SET u8 0 256 => [128]
        BITFIELD k GET u8 0 SET u8 0 256 GET u8 0 => [255, 255, 0]
        BITFIELD k SET i64 0 9223372036854775807 INCRBY i64 0 1 => [any, -9223372036854775808]
        BITFIELD k SET i64 0 9223372036854775807 OVERFLOW SAT INCRBY i64 0 1 => [any, 9223372036854775807]
        BITFIELD k OVERFLOW FAIL INCRBY i64 0 9223372036854775807 => [nil]
        "#,
    );
}

#[test]
fn bitfield_errors_change_nothing() {
    check(
        r#"
        BITFIELD k SET u8 0 1 GET u64 0 => ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        EXISTS k => 0
        BITFIELD k GET i65 0 => ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET i0 0 => ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET x8 0 => ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.
        BITFIELD k GET u8 -1 => ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 abc => ERR bit offset is not an integer or out of range
        BITFIELD k GET u8 4294967295 => any
        BITFIELD k SET u8 #536870912 1 => ERR bit offset is not an integer or out of range
        BITFIELD k SET u8 0 abc => ERR value is not an integer or out of range
        BITFIELD k INCRBY u8 0 9223372036854775808 => ERR value is not an integer or out of range
        BITFIELD k OVERFLOW FOO => ERR Invalid OVERFLOW type specified
        BITFIELD k GET u8 => ERR syntax error
        BITFIELD k SET u8 0 => ERR syntax error
        BITFIELD k FOO u8 0 => ERR syntax error
        BITFIELD => ERR wrong number of arguments for 'bitfield' command
        EXISTS k => 0
        "#,
    );
}

#[test]
fn bitfield_ro_only_reads() {
    check(
        r#"
        SET k a => OK
        BITFIELD_RO k GET u8 0 GET u4 0 GET i8 0 => [97, 6, 97]; BITFIELD_RO none GET u8 0 => [0]
        BITFIELD_RO k => []
        BITFIELD_RO k SET u8 0 1 => ERR BITFIELD_RO only supports the GET subcommand
        BITFIELD_RO k INCRBY u8 0 1 => ERR BITFIELD_RO only supports the GET subcommand
        BITFIELD_RO k OVERFLOW SAT GET u8 0 => any
        BITFIELD_RO k GET u8 => ERR syntax error
        BITFIELD_RO => ERR wrong number of arguments for 'bitfield_ro' command
        GET k => "a"
        "#,
    );
}
