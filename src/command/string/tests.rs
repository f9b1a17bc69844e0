//! Transcripts of the string family.

use crate::base::Rng;
use crate::command::testing::{Bench, check};
use crate::resp::{OwnedArgs, Proto};

#[test]
fn get_and_set() {
    check(
        r#"
        GET a => nil
        SET a hello => OK
        GET a => hello
        SET a 12 => OK
        GET a => "12"
        @encoding a => int
        SET a "" => OK
        GET a => ""
        SET a <x*20000> => OK
        STRLEN a => 20000
        GET => ERR wrong number of arguments for 'get' command
        SET a => ERR wrong number of arguments for 'set' command
        @dirty => 4
        "#,
    );
}

#[test]
fn set_writes_only_under_its_condition() {
    check(
        "SET a 1 XX => nil; GET a => nil; SET a x NX => OK; SET a y NX => nil; GET a => x; SET a y xx => OK; GET a => y
        SET a z NX XX => ERR syntax error; SET a z XX NX => ERR syntax error; SET a z NX NX => nil; @dirty => 2",
    );
}

#[test]
fn set_with_get_replies_the_old_value() {
    check(
        r#"
        SET a x GET => nil
        SET a y GET => x
        SET a z NX GET => y
        GET a => y
        SET b z XX GET => nil
        GET b => nil
        SET b z NX GET => nil
        GET b => z
        SET a 5 GET EX 10 => y
        SET a 6 GET KEEPTTL => "5"
        @ttl a => 10000
        "#,
    );
}

#[test]
fn set_takes_an_expiry_time() {
    check(
        "SET a x EX 10 => OK; @ttl a => 10000; SET a x PX 15 => OK; @ttl a => 15; SET a x KEEPTTL => OK; @ttl a => 15
        SET a x EXAT 1700000001 => OK; @ttl a => 1000; SET a x PXAT 1700000000007 => OK; @ttl a => 7
        SET a x => OK; @ttl a => none; SET a x px 10 PX 20 => OK; @ttl a => 20
        @wait 20 => OK; GET a => x; @wait 1 => OK; GET a => nil; @len => 0",
    );
}

#[test]
fn a_time_that_has_passed_leaves_no_key() {
    check(
        "SET a x => OK; SET a y EXAT 1600000000 => OK; GET a => nil; @len => 0; @dirty => 2
        SET b y PXAT 1 => OK; STRLEN b => 0
        SET c y => OK; GETEX c PXAT 1700000000000 => y; GET c => nil; @dirty => 3",
    );
}

#[test]
fn contradicting_and_broken_set_options_change_nothing() {
    check(
        "SET a x EX => ERR syntax error; SET a x EX 1 PX 1 => ERR syntax error; SET a x KEEPTTL EX 1 => ERR syntax error
        SET a x EX 1 KEEPTTL => ERR syntax error; SET a x EXAT 1 PXAT 1 => ERR syntax error
        SET a x PERSIST => ERR syntax error; SET a x FOO => ERR syntax error; SET a x GET GET FOO => ERR syntax error
        SET a x EX a => ERR value is not an integer or out of range
        SET a x EX 1.5 => ERR value is not an integer or out of range
        SET a x EX a FOO => ERR syntax error
        SET a x EX 0 => ERR invalid expire time in 'set' command
        SET a x PX -1 => ERR invalid expire time in 'set' command
        SET a x EX 9223372036854775807 => ERR invalid expire time in 'set' command
        SET a x EX 9223372036854775 => ERR invalid expire time in 'set' command
        SET a x PX 9223372036854775807 => ERR invalid expire time in 'set' command
        SET a x PXAT 9223372036854775807 => OK; GET a => x
        @dirty => 1",
    );
}

#[test]
fn the_relatives_of_set() {
    check(
        r#"
        SETNX a x => 1; SETNX a y => 0; GET a => x
        SETEX a 10 y => OK; @ttl a => 10000; GET a => y
        PSETEX a 10 z => OK; @ttl a => 10
        SETEX a 0 y => ERR invalid expire time in 'setex' command
        PSETEX a -5 y => ERR invalid expire time in 'psetex' command
        SETEX a x y => ERR value is not an integer or out of range
        GETSET a w => z; @ttl a => none; GETSET b 1 => nil; GET b => "1"
        GETDEL b => "1"; GETDEL b => nil; @len => 1
        @dirty => 6
        "#,
    );
}

#[test]
fn getex_changes_only_the_expiry_time() {
    check(
        "GETEX a EX nonsense => nil; SET a x => OK; @dirty => 1; GETEX a => x; @ttl a => none; @dirty => 0
        GETEX a EX 10 => x; @ttl a => 10000; GETEX a PX 10 => x; @ttl a => 10; GETEX a EXAT 1700000009 => x
        @ttl a => 9000; @dirty => 3; GETEX a PERSIST => x; @ttl a => none; GETEX a PERSIST => x; @dirty => 1
        GETEX a KEEPTTL => ERR syntax error; GETEX a EX 1 PERSIST => ERR syntax error
        GETEX a PERSIST EX 1 => ERR syntax error; GETEX a EX => ERR syntax error
        GETEX a EX 0 => ERR invalid expire time in 'getex' command; GETEX a NX => ERR syntax error
        GETEX a PX x => ERR value is not an integer or out of range; @dirty => 0",
    );
}

#[test]
fn several_keys_at_once() {
    check(
        "MSET a 1 b 2 c 3 d 4 => OK; MGET a b nope c d a => [\"1\", \"2\", nil, \"3\", \"4\", \"1\"]; @dirty => 4
        MSET a 1 b => ERR wrong number of arguments for 'mset' command; MSET a x a y => OK; GET a => y
        MSETNX e 1 f 2 => 1; MSETNX g 1 f 2 => 0; GET g => nil; MSETNX h 1 h 2 => 1; GET h => \"2\"
        MSETNX x => ERR wrong number of arguments for 'msetnx' command; @dirty => 6
        MSETNX x 1 y => ERR wrong number of arguments for 'msetnx' command",
    );
}

#[test]
fn counting() {
    check(
        "INCR a => 1; INCRBY a 41 => 42; DECR a => 41; DECRBY a 50 => -9; GET a => \"-9\"; @encoding a => int; @dirty => 4
        SET a 9223372036854775807 => OK; INCR a => ERR increment or decrement would overflow; DECR a => 9223372036854775806
        DECRBY a -9223372036854775808 => ERR decrement would overflow; INCRBY a -9223372036854775808 => -2
        SET a -9223372036854775808 => OK; DECR a => ERR increment or decrement would overflow
        INCRBY a 1.5 => ERR value is not an integer or out of range; INCRBY a 01 => ERR value is not an integer or out of range
        SET a x => OK; INCR a => ERR value is not an integer or out of range; SET a \" 1\" => OK
        INCR a => ERR value is not an integer or out of range; SET a 1 EX 10 => OK; INCR a => 2; @ttl a => 10000
        SET s 1 => OK; APPEND s 2 => 2; @encoding s => raw; INCR s => 13; @encoding s => int",
    );
}

#[test]
fn counting_in_floats() {
    check(
        r#"
        INCRBYFLOAT a 0.1 => 0.1
        INCRBYFLOAT a 0.2 => 0.3
        INCRBYFLOAT a -0.3 => "0"
        INCRBYFLOAT a 3.0e3 => "3000"
        SET a 10 EX 5 => OK
        INCRBYFLOAT a 1.5 => 11.5
        @ttl a => 5000
        INCRBYFLOAT a x => ERR value is not a valid float
        INCRBYFLOAT a nan => ERR value is not a valid float
        INCRBYFLOAT a inf => ERR increment would produce NaN or Infinity
        SET a "1 " => OK
        INCRBYFLOAT a 1 => ERR value is not a valid float
        "#,
    );
}

#[test]
fn parts_of_strings() {
    check(
        r#"
        SET a "Hello World" => OK
        GETRANGE a 0 4 => Hello
        GETRANGE a -5 -1 => World
        GETRANGE a 0 -1 => "Hello World"
        GETRANGE a 5 3 => ""
        GETRANGE a -1 -5 => ""
        GETRANGE a -100 -99 => H
        GETRANGE a -99 -100 => ""
        GETRANGE a 3 1000 => "lo World"
        GETRANGE a 100 200 => ""
        SUBSTR a 0 0 => H
        GETRANGE nope 0 -1 => ""
        SET n 12345 => OK
        GETRANGE n 1 3 => "234"
        GETRANGE n x 3 => ERR value is not an integer or out of range
        GETRANGE n -9223372036854775808 9223372036854775807 => "12345"
        STRLEN n => 5; STRLEN nope => 0; STRLEN a => 11
        "#,
    );
}

#[test]
fn overwriting_parts() {
    check(
        r#"
        SETRANGE a 0 "" => 0; @len => 0
        SETRANGE a 2 xy => 4; GET a => "\x00\x00xy"; SETRANGE a 1 123 => 4; GET a => "\x00123"
        SETRANGE a 100 "" => 4; SETRANGE a 5 z => 6; GET a => "\x00123\x00z"; @dirty => 3
        SET n 12345 EX 10 => OK; SETRANGE n 1 x => 5; GET n => 1x345; @ttl n => 10000; @encoding n => raw
        SETRANGE n -1 x => ERR offset is out of range; SETRANGE n z x => ERR value is not an integer or out of range
        SETRANGE n 536870911 xy => ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE n 9223372036854775807 x => ERR string exceeds maximum allowed size (proto-max-bulk-len)
        SETRANGE b 10000 x => 10001; STRLEN b => 10001; SETRANGE b 20000 y => 20001; GETRANGE b 9999 10001 => "\x00x\x00"
        SETRANGE n 6000 x => 6001; GETRANGE n 0 5 => "1x345\x00"; @ttl n => 10000
        "#,
    );
}

#[test]
fn appending() {
    check(
        r#"
        APPEND a 1 => 1; @encoding a => int; APPEND a 2 => 2; GET a => "12"; @encoding a => raw; INCR a => 13
        APPEND a "" => 2; APPEND b <x*5000> => 5000; APPEND b <y*5000> => 10000; GETRANGE b 4999 5000 => xy; @dirty => 6
        APPEND c "" => 0; GET c => ""; SET c x PX 9 => OK; APPEND c y => 2; @ttl c => 9
        "#,
    );
}

#[test]
fn grown_strings_stay_within_the_limit() {
    let mut bench = Bench::new(1);
    bench.config.proto_max_bulk_len = 10;
    let too_long = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    for (command, reply) in [
        ("SET a 12345678", "OK"),
        ("APPEND a abc", too_long),
        ("APPEND a ab", "10"),
        ("SETRANGE a 9 xy", too_long),
        ("SETRANGE b 9 xy", too_long),
        ("SETRANGE b 9 x", "10"),
        ("GET a", "12345678ab"),
    ] {
        assert_eq!(bench.call(command), reply, "{command}");
    }
}

#[test]
fn lcs_finds_text_length_and_places() {
    check(
        r#"
        MSET a ohmytext b mynewtext => OK
        LCS a b => mytext; LCS a b LEN => 6; LCS a nope => ""; LCS a nope LEN => 0; LCS nope nope => ""
        LCS a b IDX => [matches, [[[4, 7], [5, 8]], [[2, 3], [0, 1]]], len, 6]
        LCS a b IDX MINMATCHLEN 4 => [matches, [[[4, 7], [5, 8]]], len, 6]
        LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN => [matches, [[[4, 7], [5, 8], 4]], len, 6]
        LCS a b IDX MINMATCHLEN -4 WITHMATCHLEN => [matches, [[[4, 7], [5, 8], 4], [[2, 3], [0, 1], 2]], len, 6]
        LCS a nope IDX => [matches, [], len, 0]
        LCS a b IDX LEN => ERR If you want both the length and indexes, please just use IDX.
        LCS a b FOO => ERR syntax error; LCS a b MINMATCHLEN => ERR syntax error
        LCS a b MINMATCHLEN x => ERR value is not an integer or out of range
        SET n 12 => OK; SET m 21 => OK; LCS n m LEN => 1
        SET a <x*20000> => OK
        LCS a a => ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len
        "#,
    );
}

/// The textbook's table and walk, as the reply is specified by them.
fn textbook_lcs(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            table[i][j] = match a[i - 1] == b[j - 1] {
                true => table[i - 1][j - 1] + 1,
                false => table[i - 1][j].max(table[i][j - 1]),
            };
        }
    }
    let (mut i, mut j, mut found) = (a.len(), b.len(), Vec::new());
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            found.push(a[i - 1]);
            (i, j) = (i - 1, j - 1);
        } else if table[i - 1][j] > table[i][j - 1] {
            i -= 1;
        } else {
            j -= 1;
        }
    }
    found.reverse();
    found
}

#[test]
fn lcs_agrees_with_the_textbook() {
    let mut rng = Rng::new(3);
    let mut bench = Bench::new(1);
    for _ in 0..300 {
        let letters = 1 + rng.below(5);
        let mut text = || -> Vec<u8> {
            let len = rng.index(200);
            (0..len).map(|_| b'a' + rng.below(letters) as u8).collect()
        };
        let (a, b) = (text(), text());
        for (key, text) in [(b"a", &a), (b"b", &b)] {
            let args: OwnedArgs = [b"SET", &key[..], text].iter().collect();
            bench.run(&args);
        }
        let expected = textbook_lcs(&a, &b);
        let args: OwnedArgs = [&b"LCS"[..], b"a", b"b"].iter().collect();
        let mut reply = format!("${}\r\n", expected.len()).into_bytes();
        reply.extend_from_slice(&expected);
        reply.extend_from_slice(b"\r\n");
        assert_eq!(bench.run(&args), reply);
        assert_eq!(bench.call("LCS a b LEN"), expected.len().to_string());
    }
}

#[test]
fn resp3_changes_nulls_and_maps_only() {
    let mut bench = Bench::new(1);
    bench.proto = Proto::Resp3;
    let run = |bench: &mut Bench, line: &str| {
        let args: OwnedArgs = line.split(' ').collect();
        String::from_utf8(bench.run(&args)).expect("text")
    };
    assert_eq!(run(&mut bench, "GET a"), "_\r\n");
    assert_eq!(run(&mut bench, "MGET a"), "*1\r\n_\r\n");
    assert_eq!(run(&mut bench, "INCRBYFLOAT a 1.5"), "$3\r\n1.5\r\n");
    assert_eq!(
        bench.call("LCS a a IDX"),
        "{matches, [[[0, 2], [0, 2]]], len, 3}"
    );
}
