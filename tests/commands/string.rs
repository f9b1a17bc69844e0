//! GET, SET and the rest of the string family.

use crate::support::{check, check_both, check_resp3};

#[test]
fn set_then_get_returns_the_value() {
    check_both(
        r#"
        GET k => nil
        SET k v => OK; GET k => "v"
        SET k "" => OK; GET k => ""; EXISTS k => 1
        SET k "a\x00b\r\n\xff" => OK; GET k => "a\x00b\r\n\xff"
        c2: GET k => "a\x00b\r\n\xff"
        GET => ERR wrong number of arguments for 'get' command
        GET a b => ERR wrong number of arguments for 'get' command
        SET k => ERR wrong number of arguments for 'set' command
        SET "" empty-key => OK; GET "" => "empty-key"; STRLEN "" => 9
        "#,
    );
}

#[test]
fn values_of_every_size_come_back_whole() {
    check(
        r#"
        SET k {{x*43}} => OK; GET k => "{{x*43}}"; OBJECT ENCODING k => "embstr"
        SET k {{x*44}} => OK; GET k => "{{x*44}}"; OBJECT ENCODING k => "embstr"
        SET k {{x*45}} => OK; GET k => "{{x*45}}"; OBJECT ENCODING k => "raw"
        SET k {{ab*8191}} => OK; GET k => "{{ab*8191}}"
        SET k {{ab*8192}} => OK; GET k => "{{ab*8192}}"
        SET k {{ab*8193}} => OK; GET k => "{{ab*8193}}"
        SET k {{ab*32768}} => OK; GET k => "{{ab*32768}}"
        SET k {{abcd*80000}} => OK; GET k => "{{abcd*80000}}"; STRLEN k => 320000
        SET k {{abcd*600000}} => OK; GET k => "{{abcd*600000}}"
        SET {{k*70000}} long-key => OK; GET {{k*70000}} => "long-key"
        EXISTS {{k*69999}} => 0
        MSET a {{x*70000}} b {{y*70000}} => OK; MGET a none b => ["{{x*70000}}", nil, "{{y*70000}}"]
        APPEND a {{z*70000}} => 140000; GET a => "{{x*70000}}{{z*70000}}"
        SETRANGE a 100000 {{w*40000}} => 140000
        GETRANGE a 99999 100000 => "zw"; GETRANGE a -1 -1 => "w"
        "#,
    );
}

#[test]
fn set_nx_and_xx() {
    check_both(
        r#"
        SET k a XX => nil; EXISTS k => 0
        SET k a NX => OK; SET k b NX => nil; GET k => "a"
        SET k b XX => OK; GET k => "b"
        SET k c NX XX => ERR syntax error
        SET k c XX NX => ERR syntax error
        SET k c nx => nil; SET k c xX => OK; GET k => "c"
        SET k c NX NX => nil; SET k d XX XX => OK; GET k => "d"
        SET fresh v NX EX 100 => OK; TTL fresh => 40..100
        SET fresh w NX EX 500 => nil; TTL fresh => 40..100
        "#,
    );
}

#[test]
fn set_get_returns_the_old_value() {
    check_both(
        r#"
        SET k a GET => nil; GET k => "a"
        SET k b GET => "a"; GET k => "b"
        SET k c XX GET => "b"; GET k => "c"
        SET k d NX GET => "c"; GET k => "c"
        SET n d NX GET => nil; GET n => "d"
        SET m d XX GET => nil; EXISTS m => 0
        SET k e GET EX 100 => "c"; TTL k => 40..100
        SET k f GET KEEPTTL => "e"; TTL k => 40..100
        SET k g GET => "f"; TTL k => -1
        SET k h GET GET => "g"
        "#,
    );
}

#[test]
fn set_with_an_expiry() {
    check(
        r#"
        SET k v EX 100 => OK; TTL k => 40..100; PTTL k => 40000..100000
        SET k v PX 100000 => OK; TTL k => 40..100
        SET k v EXAT {{now_s+100}} => OK; TTL k => 40..100
        SET k v PXAT {{now_ms+100000}} => OK; PTTL k => 40000..100000
        SET k v KEEPTTL => OK; TTL k => 40..100
        SET k v => OK; TTL k => -1
        SET k v KEEPTTL => OK; TTL k => -1
        SET k v ex 10 => OK; TTL k => 1..10
        SET k v px 10000 xx get => "v"; TTL k => 1..10
        "#,
    );
}

#[test]
fn set_refuses_bad_expiries_and_contradictions() {
    check(
        r#"
        SET k old => OK
        SET k v EX 0 => ERR invalid expire time in 'set' command
        SET k v EX -1 => ERR invalid expire time in 'set' command
        SET k v PX 0 => ERR invalid expire time in 'set' command
        SET k v PX -5 => ERR invalid expire time in 'set' command
        SET k v EXAT 0 => ERR invalid expire time in 'set' command
        SET k v EXAT -1 => ERR invalid expire time in 'set' command
        SET k v PXAT 0 => ERR invalid expire time in 'set' command
        SET k v EX 9223372036854775807 => ERR invalid expire time in 'set' command
        SET k v EX 9223372036854776 => ERR invalid expire time in 'set' command
        SET k v PX 9223372036854775807 => ERR invalid expire time in 'set' command
        SET k v EXAT 9223372036854776 => ERR invalid expire time in 'set' command
        SET k v EX 9223372036854775808 => ERR value is not an integer or out of range
        SET k v EX abc => ERR value is not an integer or out of range
        SET k v EX "" => ERR value is not an integer or out of range
        SET k v EX 1.5 => ERR value is not an integer or out of range
        SET k v EX " 1" => ERR value is not an integer or out of range
        SET k v EX => ERR syntax error
        SET k v PX => ERR syntax error
        SET k v EX 10 PX 10 => ERR syntax error
        SET k v PX 10 EXAT 10 => ERR syntax error
        SET k v EX 10 KEEPTTL => ERR syntax error
        SET k v KEEPTTL EX 10 => ERR syntax error
        SET k v KEEPTTL PXAT 10 => ERR syntax error
        SET k v PERSIST => ERR syntax error
        SET k v FOO => ERR syntax error
        SET k v "" => ERR syntax error
        SET k v 10 => ERR syntax error
        GET k => "old"; TTL k => -1
        # The same option twice is no contradiction: the last one counts.
        SET k v EX 10 EX 20 => OK; TTL k => 1..20
        SET k v PXAT 9223372036854775807 => OK; PEXPIRETIME k => 9223372036854775807
        "#,
    );
}

#[test]
fn set_in_the_past_removes_the_key() {
    check(
        r#"
        SET k old => OK
        SET k v PXAT 1 => OK; GET k => nil; EXISTS k => 0; DBSIZE => 0
        SET k v EXAT 1 => OK; TTL k => -2
        SET k v EXAT {{now_s-10}} => OK; TYPE k => +none
        SET k v NX => OK; GET k => "v"
        "#,
    );
}

#[test]
fn expired_value_is_gone_for_every_command() {
    check(
        r#"
        SET k v PX 30 => OK; eventually GET k => nil
        STRLEN k => 0; GETRANGE k 0 -1 => ""; EXISTS k => 0; TYPE k => +none
        SET k v PX 30 => OK; eventually EXISTS k => 0
        APPEND k new => 3; GET k => "new"; TTL k => -1
        SET n 10 PX 30 => OK; eventually TYPE n => +none
        INCR n => 1; TTL n => -1
        SET m v PX 30 => OK; eventually STRLEN m => 0
        SET m w XX => nil; SET m w NX => OK
        SET g v PX 30 => OK; eventually TTL g => -2
        GETSET g new => nil; GETDEL g => "new"
        SET s v PX 30 => OK; eventually PTTL s => -2
        SETRANGE s 2 x => 3; GET s => "\x00\x00x"
        "#,
    );
}

#[test]
fn setnx() {
    check(
        r#"
        SETNX k a => 1; SETNX k b => 0; GET k => "a"
        EXPIRE k 100 => 1; SETNX k b => 0; TTL k => 40..100
        SETNX k => ERR wrong number of arguments for 'setnx' command
        SETNX k a b => ERR wrong number of arguments for 'setnx' command
        SETNX "n" 5 => 1; OBJECT ENCODING n => "int"
        "#,
    );
}

#[test]
fn setex_and_psetex() {
    check(
        r#"
        SETEX k 100 v => OK; GET k => "v"; TTL k => 40..100
        SETEX k 10 w => OK; GET k => "w"; TTL k => 1..10
        PSETEX k 100000 x => OK; GET k => "x"; PTTL k => 40000..100000
        SETEX k 0 v => ERR invalid expire time in 'setex' command
        SETEX k -10 v => ERR invalid expire time in 'setex' command
        SETEX k abc v => ERR value is not an integer or out of range
        SETEX k 9223372036854775807 v => ERR invalid expire time in 'setex' command
        SETEX k 1 => ERR wrong number of arguments for 'setex' command
        SETEX k 1 v x => ERR wrong number of arguments for 'setex' command
        PSETEX k 0 v => ERR invalid expire time in 'psetex' command
        PSETEX k -1 v => ERR invalid expire time in 'psetex' command
        PSETEX k 9223372036854775807 v => ERR invalid expire time in 'psetex' command
        PSETEX k 1x v => ERR value is not an integer or out of range
        PSETEX k 1 => ERR wrong number of arguments for 'psetex' command
        GET k => "x"
        PSETEX short 20 v => OK; eventually EXISTS short => 0
        "#,
    );
}

#[test]
fn getset_replaces_and_clears_the_expiry() {
    check_both(
        r#"
        GETSET k a => nil; GETSET k b => "a"; GET k => "b"
        EXPIRE k 100 => 1; GETSET k c => "b"; TTL k => -1
        SET n 12 => OK; GETSET n 13 => "12"; OBJECT ENCODING n => "int"
        GETSET k => ERR wrong number of arguments for 'getset' command
        "#,
    );
}

#[test]
fn getdel() {
    check_both(
        r#"
        GETDEL k => nil; SET k v => OK; GETDEL k => "v"; GETDEL k => nil; EXISTS k => 0
        SET n 42 => OK; GETDEL n => "42"; DBSIZE => 0
        GETDEL => ERR wrong number of arguments for 'getdel' command
        GETDEL a b => ERR wrong number of arguments for 'getdel' command
        "#,
    );
}

#[test]
fn getex_changes_the_expiry() {
    check_both(
        r#"
        GETEX k => nil; GETEX k EX 10 => nil; EXISTS k => 0
        SET k v => OK; GETEX k => "v"; TTL k => -1
        GETEX k EX 100 => "v"; TTL k => 40..100
        GETEX k => "v"; TTL k => 40..100
        GETEX k PX 200000 => "v"; PTTL k => 140000..200000
        GETEX k EXAT {{now_s+300}} => "v"; TTL k => 240..300
        GETEX k PXAT {{now_ms+400000}} => "v"; PTTL k => 340000..400000
        GETEX k PERSIST => "v"; TTL k => -1
        GETEX k persist => "v"; TTL k => -1
        GETEX k PXAT {{now_ms-1000}} => "v"; EXISTS k => 0
        SET k v => OK; GETEX k EXAT 1 => "v"; EXISTS k => 0
        "#,
    );
}

#[test]
fn getex_refuses_bad_options() {
    check(
        r#"
        SET k v => OK
        GETEX => ERR wrong number of arguments for 'getex' command
        GETEX k EX => ERR syntax error
        GETEX k EX 10 PX 10 => ERR syntax error
        GETEX k PERSIST EX 10 => ERR syntax error
        GETEX k EX 10 PERSIST => ERR syntax error
        GETEX k KEEPTTL => ERR syntax error
        GETEX k NX => ERR syntax error
        GETEX k XX => ERR syntax error
        GETEX k GET => ERR syntax error
        GETEX k FOO => ERR syntax error
        GETEX k EX 0 => ERR invalid expire time in 'getex' command
        GETEX k EX -1 => ERR invalid expire time in 'getex' command
        GETEX k PX 0 => ERR invalid expire time in 'getex' command
        GETEX k PXAT 0 => ERR invalid expire time in 'getex' command
        GETEX k EX 9223372036854775807 => ERR invalid expire time in 'getex' command
        GETEX k EX foo => ERR value is not an integer or out of range
        TTL k => -1
        "#,
    );
}

#[test]
fn mget_and_mset() {
    check_both(
        r#"
        MSET a 1 b 2 c 3 d 4 e 5 => OK
        MGET a b c d e => ["1", "2", "3", "4", "5"]
        MGET e none a a => ["5", nil, "1", "1"]
        MGET none => [nil]
        MSET a x a y => OK; GET a => "y"
        MSET k1 {{v*100}} k2 "" => OK; MGET k1 k2 => ["{{v*100}}", ""]
        EXPIRE k1 100 => 1; MSET k1 w => OK; TTL k1 => -1
        MSET a 1 b => ERR wrong number of arguments for 'mset' command
        MSET a => ERR wrong number of arguments for 'mset' command
        MSET => ERR wrong number of arguments for 'mset' command
        MGET => ERR wrong number of arguments for 'mget' command
        MSET {t}a 1 {t}b 2 {t}c 3 => OK; MGET {t}a {t}b {t}c => ["1", "2", "3"]
        "#,
    );
}

#[test]
fn msetnx_is_all_or_nothing() {
    check(
        r#"
        MSETNX a 1 b 2 c 3 => 1; MGET a b c => ["1", "2", "3"]
        MSETNX d 4 e 5 a 6 => 0; MGET d e a => [nil, nil, "1"]
        MSETNX x 1 x 2 => 1; GET x => "2"
        MSETNX y 1 => 1; MSETNX y 2 => 0; GET y => "1"
        MSETNX a 1 b => ERR wrong number of arguments for 'msetnx' command
        MSETNX a => ERR wrong number of arguments for 'msetnx' command
        SET old v PX 30 => OK; eventually EXISTS old => 0
        MSETNX old 1 new 2 => 1; MGET old new => ["1", "2"]
        DBSIZE => 7
        "#,
    );
}

#[test]
fn append_and_strlen() {
    check(
        r#"
        APPEND k Hello => 5; APPEND k " World" => 11; GET k => "Hello World"; STRLEN k => 11
        APPEND k "" => 11; APPEND new "" => 0; EXISTS new => 1; GET new => ""
        STRLEN none => 0; EXISTS none => 0
        SET n 12 => OK; APPEND n 34 => 4; GET n => "1234"; OBJECT ENCODING n => "raw"; INCR n => 1235
        OBJECT ENCODING n => "int"; STRLEN n => 4
        SET k v EX 100 => OK; APPEND k w => 2; TTL k => 40..100
        APPEND fresh 12 => 2; OBJECT ENCODING fresh => "int"
        APPEND k => ERR wrong number of arguments for 'append' command
        STRLEN => ERR wrong number of arguments for 'strlen' command
        STRLEN a b => ERR wrong number of arguments for 'strlen' command
        "#,
    );
}

#[test]
fn setrange_grows_with_zeros() {
    check(
        r#"
        SETRANGE k 0 foo => 3; GET k => "foo"
        SETRANGE k 1 b => 3; GET k => "fbo"
        SETRANGE k 5 bar => 8; GET k => "fbo\x00\x00bar"
        SETRANGE k 0 "" => 8; SETRANGE k 100 "" => 8
        SETRANGE none 0 "" => 0; SETRANGE none 10 "" => 0; EXISTS none => 0
        SETRANGE new 3 x => 4; GET new => "\x00\x00\x00x"; OBJECT ENCODING new => "raw"
        SET n 1234 => OK; SETRANGE n 0 2 => 4; GET n => "2234"; SETRANGE n 6 9 => 7; GET n => "2234\x00\x009"
        SETRANGE n 0 "" => 7
        SET t v EX 100 => OK; SETRANGE t 1 w => 2; TTL t => 40..100
        SETRANGE k -1 x => ERR offset is out of range
        SETRANGE none -1 "" => ERR offset is out of range
        SETRANGE k abc x => ERR value is not an integer or out of range
        SETRANGE k 1.0 x => ERR value is not an integer or out of range
        SETRANGE k 536870912 x => ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE k 536870911 xy => ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE k 9223372036854775807 xy => ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE k 9223372036854775808 x => ERR value is not an integer or out of range
        SETRANGE k 0 => ERR wrong number of arguments for 'setrange' command
        GET k => "fbo\x00\x00bar"
        "#,
    );
}

#[test]
fn growth_is_bounded_by_proto_max_bulk_len() {
    check(
        r#"
        CONFIG SET proto-max-bulk-len 1mb => OK
        SETRANGE k 1048575 x => 1048576
        SETRANGE k 1048576 x => ERR string exceeds maximum allowed size (proto-max-bulk-len)
        APPEND k x => ERR string exceeds maximum allowed size (proto-max-bulk-len)
        APPEND k "" => 1048576
        STRLEN k => 1048576
        "#,
    );
}

#[test]
fn getrange_clamps_its_range() {
    check(
        r#"
        SET k "This is a string" => OK
        GETRANGE k 0 3 => "This"; GETRANGE k -3 -1 => "ing"; GETRANGE k 0 -1 => "This is a string"
        GETRANGE k 10 100 => "string"; GETRANGE k 5 3 => ""; GETRANGE k 100 200 => ""
        GETRANGE k -100 3 => "This"; GETRANGE k -100 -50 => "T"; GETRANGE k -1 -3 => ""
        GETRANGE k -5 -100 => ""; GETRANGE k 15 15 => "g"; GETRANGE k 16 16 => ""
        GETRANGE k 0 9223372036854775807 => "This is a string"
        GETRANGE k -9223372036854775808 9223372036854775807 => "This is a string"
        # An end before the start of the string counts as its first byte.
        GETRANGE k -9223372036854775808 -9223372036854775808 => "T"
        GETRANGE none 0 -1 => ""; GETRANGE none 5 2 => ""
        SET n 1234 => OK; GETRANGE n 1 2 => "23"; GETRANGE n -2 -1 => "34"
        SET e "" => OK; GETRANGE e 0 -1 => ""; GETRANGE e -1 0 => ""
        GETRANGE k 0 => ERR wrong number of arguments for 'getrange' command
        GETRANGE k a 1 => ERR value is not an integer or out of range
        GETRANGE k 0 b => ERR value is not an integer or out of range
        GETRANGE k 0 9223372036854775808 => ERR value is not an integer or out of range
        SUBSTR k 0 3 => "This"; SUBSTR k -3 -1 => "ing"; SUBSTR none 0 1 => ""
        SUBSTR k 0 => ERR wrong number of arguments for 'substr' command
        SUBSTR k x 1 => ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn incr_and_decr_at_the_limits() {
    check(
        r#"
        INCR n => 1; INCR n => 2; INCRBY n 10 => 12; DECR n => 11; DECRBY n 20 => -9
        GET n => "-9"; OBJECT ENCODING n => "int"
        SET n 9223372036854775806 => OK; INCR n => 9223372036854775807
        INCR n => ERR increment or decrement would overflow
        INCRBY n 1 => ERR increment or decrement would overflow
        DECRBY n -1 => ERR increment or decrement would overflow
        GET n => "9223372036854775807"
        SET n -9223372036854775807 => OK; DECR n => -9223372036854775808
        DECR n => ERR increment or decrement would overflow
        DECRBY n 1 => ERR increment or decrement would overflow
        INCRBY n -1 => ERR increment or decrement would overflow
        GET n => "-9223372036854775808"
        INCRBY n 9223372036854775807 => -1
        INCRBY n -9223372036854775808 => ERR increment or decrement would overflow
        SET n 0 => OK; INCRBY n -9223372036854775808 => -9223372036854775808
        DECRBY n -9223372036854775808 => ERR decrement would overflow
        DECRBY none -9223372036854775808 => ERR decrement would overflow
        EXISTS none => 0
        SET n 5 EX 100 => OK; INCR n => 6; TTL n => 40..100
        INCRBY n 0 => 6; DECRBY n 0 => 6; INCRBY zero 0 => 0; GET zero => "0"
        "#,
    );
}

#[test]
fn incr_wants_integers() {
    check(
        r#"
        SET s abc => OK; INCR s => ERR value is not an integer or out of range
        SET s "" => OK; INCR s => ERR value is not an integer or out of range
        SET s " 11" => OK; INCR s => ERR value is not an integer or out of range
        SET s "11 " => OK; INCR s => ERR value is not an integer or out of range
        SET s +11 => OK; INCR s => ERR value is not an integer or out of range
        SET s 011 => OK; INCR s => ERR value is not an integer or out of range
        SET s -0 => OK; INCR s => ERR value is not an integer or out of range
        SET s 1.0 => OK; INCR s => ERR value is not an integer or out of range
        SET s 0x10 => OK; INCR s => ERR value is not an integer or out of range
        SET s 9223372036854775808 => OK; INCR s => ERR value is not an integer or out of range
        SET s "1\x00" => OK; INCR s => ERR value is not an integer or out of range
        GET s => "1\x00"
        SET n 5 => OK
        INCRBY n abc => ERR value is not an integer or out of range
        INCRBY n "" => ERR value is not an integer or out of range
        INCRBY n 1.5 => ERR value is not an integer or out of range
        INCRBY n +1 => ERR value is not an integer or out of range
        INCRBY n " 1" => ERR value is not an integer or out of range
        INCRBY n 9223372036854775808 => ERR value is not an integer or out of range
        INCRBY n -9223372036854775809 => ERR value is not an integer or out of range
        DECRBY n abc => ERR value is not an integer or out of range
        DECRBY n 9223372036854775808 => ERR value is not an integer or out of range
        GET n => "5"
        INCR => ERR wrong number of arguments for 'incr' command
        INCR a b => ERR wrong number of arguments for 'incr' command
        DECR => ERR wrong number of arguments for 'decr' command
        INCRBY n => ERR wrong number of arguments for 'incrby' command
        DECRBY n => ERR wrong number of arguments for 'decrby' command
        "#,
    );
}

#[test]
fn incrbyfloat_prints_like_a_long_double() {
    check_both(
        r#"
        INCRBYFLOAT f 1 => "1"; INCRBYFLOAT f 0.25 => "1.25"; GET f => "1.25"
        INCRBYFLOAT f -1.25 => "0"
        INCRBYFLOAT f 0.1 => "0.1"; INCRBYFLOAT f 0.2 => "0.3"
        SET f 1.5 => OK; INCRBYFLOAT f 1 => "2.5"
        SET f 10.50 => OK; INCRBYFLOAT f 0.1 => "10.6"
        SET f 5.0e3 => OK; INCRBYFLOAT f 2.0e2 => "5200"
        SET f 3 => OK; INCRBYFLOAT f 1e3 => "1003"; INCRBYFLOAT f -1e-3 => "1002.999"
        SET f 17179869184 => OK; INCRBYFLOAT f 1.5 => "17179869185.5"
        SET f 1e20 => OK; INCRBYFLOAT f 1 => "100000000000000000000"
        SET f 0 => OK; INCRBYFLOAT f 1e-17 => "0.00000000000000001"
        SET f 0 => OK; INCRBYFLOAT f 1e-18 => "0"
        SET f 3.0e3 => OK; INCRBYFLOAT f 200 => "3200"; OBJECT ENCODING f => /embstr|int/
        SET f 0.000000000000000001 => OK; INCRBYFLOAT f 0 => "0"
        SET f 9007199254740993 => OK; INCRBYFLOAT f 1 => "9007199254740994"
        SET f 0 => OK; INCRBYFLOAT f -0.0 => "0"
        SET f 0x10 => OK; INCRBYFLOAT f 1 => "17"
        SET f 1 EX 100 => OK; INCRBYFLOAT f 1 => "2"; TTL f => 40..100
        INCRBYFLOAT new 3.140 => "3.14"
        INCRBYFLOAT big 1e300 => /^1000000000000000000008997324079559193870523944273290747938260082321265646596180935755849152083750497190350372508614274835903592556184672983913096260520748646287327135641843653294084255107606016789726652932370030551382947620994540294772781889620606179267611627097410650567187386105690089424915104006144$/
        "#,
    );
}

#[test]
fn incrbyfloat_refuses_what_is_no_float() {
    check(
        r#"
        SET s abc => OK; INCRBYFLOAT s 1 => ERR value is not a valid float
        SET s " 11" => OK; INCRBYFLOAT s 1 => ERR value is not a valid float
        SET s "11 " => OK; INCRBYFLOAT s 1 => ERR value is not a valid float
        SET s "" => OK; INCRBYFLOAT s 1 => ERR value is not a valid float
        SET s nan => OK; INCRBYFLOAT s 1 => ERR value is not a valid float
        GET s => "nan"
        SET f 1 => OK
        INCRBYFLOAT f abc => ERR value is not a valid float
        INCRBYFLOAT f "" => ERR value is not a valid float
        INCRBYFLOAT f " 1" => ERR value is not a valid float
        INCRBYFLOAT f nan => ERR value is not a valid float
        INCRBYFLOAT f inf => ERR increment would produce NaN or Infinity
        INCRBYFLOAT f -inf => ERR increment would produce NaN or Infinity
        INCRBYFLOAT f +inf => ERR increment would produce NaN or Infinity
        SET i inf => OK; INCRBYFLOAT i 1 => ERR increment would produce NaN or Infinity
        INCRBYFLOAT none inf => ERR increment would produce NaN or Infinity
        EXISTS none => 0; GET f => "1"
        INCRBYFLOAT f => ERR wrong number of arguments for 'incrbyfloat' command
        "#,
    );
}

#[test]
fn lcs_of_two_values() {
    check(
        r#"
        MSET {x}a ohmytext {x}b mynewtext => OK
        LCS {x}a {x}b => "mytext"; LCS {x}a {x}b LEN => 6
        LCS {x}a {x}a => "ohmytext"; LCS {x}a {x}none => ""; LCS {x}none {x}none2 LEN => 0
        LCS {x}a {x}b len minmatchlen 3 => 6
        LCS {x}a {x}b LEN IDX => ERR If you want both the length and indexes, please just use IDX.
        LCS {x}a {x}b FOO => ERR syntax error
        LCS {x}a {x}b MINMATCHLEN => ERR syntax error
        LCS {x}a {x}b MINMATCHLEN x => ERR value is not an integer or out of range
        LCS {x}a => ERR wrong number of arguments for 'lcs' command
        SET {x}n 1234 => OK; LCS {x}n {x}n => "1234"
        LCS {x}a {x}b IDX MINMATCHLEN -5 => ["matches", [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len", 6]
        "#,
    );
    check_both(
        r#"
        MSET {x}a ohmytext {x}b mynewtext => OK
        LCS {x}a {x}b IDX => {"matches": [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], "len": 6}
        LCS {x}a {x}b IDX MINMATCHLEN 4 => {"matches": [[[4, 7], [5, 8]]], "len": 6}
        LCS {x}a {x}b IDX MINMATCHLEN 4 WITHMATCHLEN => {"matches": [[[4, 7], [5, 8], 4]], "len": 6}
        LCS {x}a {x}b IDX WITHMATCHLEN => {"matches": [[[4, 7], [5, 8], 4], [[2, 3], [0, 1], 2]], "len": 6}
        LCS {x}none {x}b IDX => {"matches": [], "len": 0}
        "#,
    );
}

#[test]
fn lcs_over_two_shards() {
    check(
        r#"
        MSET a GCATTACA b TACATTAC c xxxx => OK
        LCS a b => "CATTAC"; LCS a b LEN => 6; LCS b c => ""; LCS a a LEN => 8
        "#,
    );
}

#[test]
fn resp3_keeps_strings_and_nulls_apart() {
    check_resp3(
        r#"
        GET none => nil; SET k v GET => nil; MGET k none => ["v", nil]
        SET k v NX => nil; GETDEL k => "v"; GETEX k => nil; GETSET k v => nil
        INCRBYFLOAT f 1.5 => "1.5"; INCR i => 1; STRLEN none => 0
        "#,
    );
}

#[test]
fn many_keys_in_one_command() {
    let keys: Vec<String> = (0..300).map(|i| format!("key:{i}")).collect();
    let pairs: Vec<String> = keys.iter().map(|k| format!("{k} v-{k}")).collect();
    let values: Vec<String> = keys.iter().map(|k| format!("\"v-{k}\"")).collect();
    check(&format!(
        "MSET {} => OK; DBSIZE => 300; MGET {} => [{}]; DEL {} => 300; DBSIZE => 0",
        pairs.join(" "),
        keys.join(" "),
        values.join(", "),
        keys.join(" "),
    ));
}

#[test]
fn pipelined_commands_answer_in_order() {
    let mut text = String::new();
    for i in 0..400 {
        // Neighbours differ in their key, hence mostly in their shard, and in the size of the reply.
        let size = [3, 40, 700, 20_000][i % 4];
        text += &format!("SET k{i} {{{{x*{size}}}}} => OK; GET k{i} => \"{{{{x*{size}}}}}\"\n");
        text += &format!("INCR n{} => {}; PING p{i} => \"p{i}\"\n", i % 7, i / 7 + 1);
    }
    check(&text);
}

/// Newer than the version we report.
#[test]
fn what_a_string_holds_can_be_a_condition() {
    check(
        r#"
        [ours] SET k hello IFEQ x => nil; [ours] SET k hello IFNE x => OK
        [ours] DIGEST k => "9555e8555c62dcfd"; [ours] DIGEST none => nil
        [ours] SET k world IFDEQ 9555e8555c62dcfd => OK; [ours] SET k x IFEQ no GET => "world"
        [ours] SET k x IFDEQ 12 => ERR must be exactly 16 hexadecimal characters
        [ours] DELEX k IFEQ x => 0; [ours] DELEX k IFEQ world => 1; [ours] EXISTS k => 0
        [ours] SET k a => OK; [ours] DELIFEQ k b => 0; [ours] DELIFEQ k a => 1; [ours] EXISTS k => 0
        "#,
    );
}

#[test]
fn several_strings_are_written_with_one_condition_and_expiry() {
    check(
        r#"
        [ours] MSETEX 2 a 1 b 2 NX EX 100 => 1; [ours] MGET a b => ["1", "2"]; [ours] TTL b => 40..100
        [ours] MSETEX 2 a 9 c 9 NX => 0; [ours] MSETEX 2 a 9 c 9 XX => 0; EXISTS c => 0
        [ours] MSETEX 2 a 3 b 4 XX KEEPTTL => 1; [ours] TTL a => 40..100
        [ours] MSETEX 1 a 5 => 1; [ours] TTL a => -1
        [ours] MSETEX a 1 b 2 => ERR invalid numkeys value; [ours] MSETEX 0 a 1 => ERR invalid numkeys value
        [ours] MSETEX 2147483648 a 1 => ERR invalid numkeys value
        [ours] MSETEX 2 a 1 b => ERR wrong number of key-value pairs
        [ours] MSETEX 1 a 1 NX XX => ERR syntax error; [ours] MSETEX 1 a 1 GET => ERR syntax error
        [ours] MSETEX 1 a 1 EX 0 => ERR invalid expire time in 'msetex' command
        "#,
    );
}

#[test]
fn a_counter_has_bounds_and_an_expiry() {
    check(
        r#"
        [ours] INCREX k => [1, 1]; [ours] INCREX k BYINT 10 UBOUND 5 => [1, 0]
        [ours] INCREX k BYINT 10 UBOUND 5 SATURATE EX 100 => [5, 4]; [ours] TTL k => 40..100
        [ours] INCREX k BYFLOAT 0.5 => ["5.5", "0.5"]; [ours] INCREX k => ERR value is not an integer or out of range
        "#,
    );
    check_resp3("[ours] INCREX k BYFLOAT 0.5 => [double(0.5), double(0.5)]");
}
