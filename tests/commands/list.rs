//! LPUSH, LRANGE, LMOVE and the rest of the list family. Waiting is in `tests/blocking.rs`.

use crate::support::{check, check_both};

#[test]
fn elements_come_and_go_at_both_ends() {
    check_both(
        r#"
        LPUSH l a b c => 3; RPUSH l 1 "" => 5; LLEN l => 5; TYPE l => +list
        LRANGE l 0 -1 => ["c", "b", "a", "1", ""]
        LPUSHX l x => 6; RPUSHX l y z => 8; LPUSHX nope x => 0; RPUSHX nope x => 0
        EXISTS nope => 0; LLEN nope => 0
        LPOP l => "x"; RPOP l => "z"; LPOP l 2 => ["c", "b"]; RPOP l 2 => ["y", ""]
        LPOP l 0 => []; RPOP l 0 => []; RPOP l 99 => ["1", "a"]; EXISTS l => 0
        LPOP l => nil; RPOP l => nil; LPOP l 1 => nil-array; RPOP l 0 => nil-array
        LPOP l -1 => ERR value is out of range, must be positive
        RPOP l x => ERR value is out of range, must be positive
        LPOP l 1 1 => ERR wrong number of arguments for 'lpop' command
        RPOP l 1 1 => ERR wrong number of arguments for 'rpop' command
        LPUSH l => ERR wrong number of arguments for 'lpush' command
        LPUSHX l => ERR wrong number of arguments for 'lpushx' command
        LLEN => ERR wrong number of arguments for 'llen' command
        "#,
    );
}

#[test]
fn a_string_is_no_list() {
    for command in [
        "LPUSH s a",
        "RPUSH s a",
        "LPUSHX s a",
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
        "BRPOP s 0",
        "BLMPOP 0 1 s LEFT",
        "BLMOVE s l LEFT LEFT 0",
        "BLMOVE l s LEFT LEFT 0",
        "BRPOPLPUSH s l 0",
        "BRPOPLPUSH l s 0",
        "GET l",
        "SORT s",
    ] {
        check(&format!(
            "SET s x => OK; RPUSH l a => 1
            {command} => WRONGTYPE Operation against a key holding the wrong kind of value
            LRANGE l 0 -1 => [\"a\"]; GET s => \"x\""
        ));
    }
}

#[test]
fn elements_are_reached_by_index() {
    check_both(
        r#"
        RPUSH l a b c => 3; LINDEX l 0 => "a"; LINDEX l -1 => "c"; LINDEX l 3 => nil; LINDEX l -4 => nil
        LINDEX l x => ERR value is not an integer or out of range; LINDEX nope x => nil
        LSET l 1 B => OK; LSET l -1 12 => OK; LRANGE l 0 -1 => ["a", "B", "12"]
        LSET l 3 x => ERR index out of range; LSET l -4 x => ERR index out of range
        LSET l x x => ERR value is not an integer or out of range; LSET nope x x => ERR no such key
        LRANGE l 1 1 => ["B"]; LRANGE l -2 9 => ["B", "12"]; LRANGE l 2 1 => []; LRANGE l 5 9 => []
        LRANGE l -9 -4 => []; LRANGE nope 0 -1 => []
        LRANGE l -9223372036854775808 9223372036854775807 => ["a", "B", "12"]
        LRANGE nope x 1 => ERR value is not an integer or out of range
        LRANGE nope 1 9223372036854775808 => ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn elements_are_inserted_removed_and_trimmed() {
    check_both(
        r#"
        RPUSH l a b 3 => 3; LINSERT l BEFORE b x => 4; LINSERT l after 3 y => 5
        LINSERT l BEFORE nope x => -1; LINSERT nope AFTER a x => 0
        LINSERT nope BETWEEN a x => ERR syntax error
        LRANGE l 0 -1 => ["a", "x", "b", "3", "y"]
        DEL l => 1; RPUSH l a b a c a 5 5 => 7
        LREM l 2 a => 2; LRANGE l 0 -1 => ["b", "c", "a", "5", "5"]
        LREM l -1 5 => 1; LREM l 0 nope => 0; LREM l 0 5 => 1; LREM nope 0 5 => 0
        LREM l x a => ERR value is not an integer or out of range
        LRANGE l 0 -1 => ["b", "c", "a"]
        LTRIM l 0 -1 => OK; LTRIM l 1 1 => OK; LRANGE l 0 -1 => ["c"]
        LTRIM l 5 9 => OK; EXISTS l => 0; LTRIM l 0 0 => OK
        LTRIM l a 0 => ERR value is not an integer or out of range
        RPUSH l a a => 2; LREM l 0 a => 2; EXISTS l => 0
        LREM l -9223372036854775808 a => 0; RPUSH l a b a => 3; LREM l -9223372036854775808 a => 2; DEL l => 1
        LREM l -9223372036854775809 a => ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn elements_are_found() {
    check_both(
        r#"
        RPUSH l a b c 1 2 3 c c => 8
        LPOS l c => 2; LPOS l x => nil; LPOS l 2 => 4; LPOS l c RANK 2 => 6; LPOS l c RANK 4 => nil
        LPOS l c RANK -1 => 7; LPOS l c RANK -3 => 2
        LPOS l c COUNT 0 => [2, 6, 7]; LPOS l c COUNT 2 => [2, 6]; LPOS l c COUNT 2 RANK -1 => [7, 6]
        LPOS l c COUNT 0 RANK -2 => [6, 2]; LPOS l x COUNT 2 => []
        LPOS l c COUNT 0 MAXLEN 7 => [2, 6]; LPOS l c MAXLEN 2 => nil; LPOS l c MAXLEN 3 => 2
        LPOS l c RANK -1 COUNT 0 MAXLEN 2 => [7, 6]
        LPOS nope c => nil; LPOS nope c COUNT 1 => []
        LPOS l c RANK 0 => ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list
        [7.2] LPOS l c RANK -9223372036854775808 => ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        LPOS l c COUNT -1 => ERR COUNT can't be negative; LPOS l c COUNT x => ERR COUNT can't be negative
        LPOS l c MAXLEN -1 => ERR MAXLEN can't be negative
        LPOS l c RANK => ERR syntax error; LPOS l c FOO 1 => ERR syntax error
        LPOS l c RANK x => ERR value is not an integer or out of range
        "#,
    );
}

#[test]
fn elements_are_moved() {
    check_both(
        r#"
        RPUSH a 1 2 3 => 3; LMOVE a b LEFT RIGHT => "1"; LMOVE a b right left => "3"; RPOPLPUSH a b => "2"
        EXISTS a => 0; LRANGE b 0 -1 => ["2", "3", "1"]
        RPOPLPUSH b b => "1"; LMOVE b b LEFT LEFT => "1"; LRANGE b 0 -1 => ["1", "2", "3"]
        LMOVE nope b LEFT LEFT => nil; RPOPLPUSH nope b => nil
        LMOVE b a LEFT UP => ERR syntax error; LMOVE b a DOWN LEFT => ERR syntax error
        BLMOVE b a LEFT RIGHT 0 => "1"; BRPOPLPUSH b a 0 => "3"; LRANGE a 0 -1 => ["3", "1"]
        SET s x => OK; LMOVE nope s LEFT LEFT => nil
        RPUSH one x => 1; LMOVE one one LEFT RIGHT => "x"; LRANGE one 0 -1 => ["x"]
        "#,
    );
}

#[test]
fn the_first_list_with_elements_is_taken_from() {
    check_both(
        r#"
        RPUSH b 1 2 3 4 => 4; LMPOP 2 a b LEFT => ["b", ["1"]]; LMPOP 2 a b RIGHT COUNT 2 => ["b", ["4", "3"]]
        LMPOP 2 a b LEFT COUNT 10 => ["b", ["2"]]; LMPOP 2 a b LEFT => nil-array; EXISTS b => 0
        RPUSH b 1 2 3 4 => 4; BLMPOP 0 2 a b RIGHT COUNT 2 => ["b", ["4", "3"]]
        BLPOP a b 0 => ["b", "1"]; BRPOP b a 0 => ["b", "2"]
        RPUSH a x => 1; RPUSH b y => 1; BLPOP b a 0 => ["b", "y"]; BLPOP b a 0 => ["a", "x"]
        LMPOP 0 a LEFT => ERR numkeys should be greater than 0
        LMPOP x a LEFT => ERR numkeys should be greater than 0
        LMPOP 2 a LEFT => ERR syntax error; LMPOP 1 a UP => ERR syntax error
        LMPOP 1 a LEFT COUNT 0 => ERR count should be greater than 0
        LMPOP 1 a LEFT COUNT -1 => ERR count should be greater than 0
        LMPOP 1 a LEFT COUNT => ERR syntax error; LMPOP 1 a LEFT COUNT 1 COUNT 1 => ERR syntax error
        LMPOP 1 a LEFT FOO 1 => ERR syntax error
        BLMPOP x 0 a LEFT => ERR numkeys should be greater than 0
        BLMPOP x 1 a LEFT => ERR timeout is not a float or out of range
        BLMPOP 0 1 a LEFT COUNT x => ERR count should be greater than 0
        "#,
    );
}

#[test]
fn timeouts_are_numbers_of_seconds() {
    for command in [
        "BLPOP k",
        "BRPOP j k",
        "BRPOPLPUSH k j",
        "BLMOVE k j LEFT LEFT",
    ] {
        check(&format!(
            "{command} x => ERR timeout is not a float or out of range
            {command} \"\" => ERR timeout is not a float or out of range
            {command} \" 1\" => ERR timeout is not a float or out of range
            {command} nan => ERR timeout is not a float or out of range
            {command} -1 => ERR timeout is negative
            {command} -0.01 => ERR timeout is negative
            {command} 0.001 => nil-array
            {command} 1e-5 => nil-array
            [7.2] {command} 1e100 => ERR timeout is out of range
            [7.2] {command} inf => ERR timeout is out of range"
        ));
    }
    check("BLMPOP -1 1 k LEFT => ERR timeout is negative; BLMPOP 0.01 2 k j LEFT => nil-array");
}

#[test]
fn nobody_waits_in_a_transaction() {
    check(
        r#"
        MULTI => OK
        BLPOP k 0 => QUEUED; BRPOP j k 0 => QUEUED; BLMPOP 0 1 k LEFT => QUEUED
        BLMOVE k j LEFT LEFT 0 => QUEUED; BRPOPLPUSH k j 0 => QUEUED
        RPUSH k x => QUEUED; BLPOP j k 0 => QUEUED
        EXEC => [nil-array, nil-array, nil-array, nil, nil, 1, ["k", "x"]]
        "#,
    );
}

#[test]
fn the_encoding_follows_the_settings() {
    check(
        r#"
        RPUSH l a => 1; [7.2] OBJECT ENCODING l => "listpack"
        RPUSH l {{x*8200}} => 2; OBJECT ENCODING l => "quicklist"
        LRANGE l 0 -1 => ["a", "{{x*8200}}"]; RPOP l => "{{x*8200}}"
        [7.2] OBJECT ENCODING l => "listpack"
        CONFIG SET list-max-listpack-size 3 => OK
        DEL l => 1; RPUSH l 1 2 3 => 3; [7.2] OBJECT ENCODING l => "listpack"
        RPUSH l 4 => 4; OBJECT ENCODING l => "quicklist"
        LRANGE l 0 -1 => ["1", "2", "3", "4"]
        LTRIM l 0 0 => OK; [7.2] OBJECT ENCODING l => "listpack"
        CONFIG SET list-compress-depth 1 => OK
        DEL l => 1; RPUSH l {{a*100}} {{b*100}} {{c*100}} {{d*100}} {{e*100}} {{f*100}} {{g*100}} {{h*100}} {{i*100}} => 9
        LINDEX l 4 => "{{e*100}}"; LPOS l {{f*100}} => 5; LSET l 4 x => OK; LINSERT l AFTER x y => 10
        LRANGE l 3 6 => ["{{d*100}}", "x", "y", "{{f*100}}"]; LREM l 0 y => 1; LREM l -1 x => 1
        LRANGE l 3 4 => ["{{d*100}}", "{{f*100}}"]; LPOP l 5 => array(5); LLEN l => 3
        COPY l m => 1; LRANGE m 0 -1 => ["{{g*100}}", "{{h*100}}", "{{i*100}}"]
        RENAME m n => OK; LLEN n => 3
        "#,
    );
}

#[test]
fn elements_are_sorted() {
    check_both(
        r#"
        RPUSH l 3 10 2 => 3; SORT l => ["2", "3", "10"]; SORT l DESC LIMIT 0 2 => ["10", "3"]
        SORT l ALPHA => ["10", "2", "3"]; SORT_RO l BY nosort => ["3", "10", "2"]
        MSET w_3 1 w_10 3 w_2 2 o_3 three => OK
        SORT l BY w_* => ["3", "2", "10"]
        SORT l BY w_* GET # GET o_* => ["3", "three", "2", nil, "10", nil]
        SORT l BY w_* GET o_* STORE d => 3; LRANGE d 0 -1 => ["three", "", ""]
        SORT l STORE l => 3; LRANGE l 0 -1 => ["2", "3", "10"]; SORT nope STORE l => 0; EXISTS l => 0
        RPUSH t a 1 => 2; SORT t => ERR One or more scores can't be converted into double
        "#,
    );
}

#[test]
fn several_elements_move_at_once() {
    check_both(
        r#"
        RPUSH {t}s 1 2 3 4 5 6 => 6
        [ours] LMOVEM {t}s {t}d LEFT LEFT => ["1"]
        [ours] LMOVEM {t}s {t}d LEFT LEFT COUNT 2 OBO => ["3", "2"]; [ours] LRANGE {t}d 0 -1 => ["3", "2", "1"]
        [ours] LMOVEM {t}s {t}d RIGHT RIGHT COUNT 2 BULK => ["5", "6"]; [ours] LRANGE {t}d 0 -1 => ["3", "2", "1", "5", "6"]
        [ours] LMOVEM {t}s {t}d LEFT RIGHT EXACTLY 2 OBO => nil; [ours] LMOVEM {t}s {t}d LEFT RIGHT EXACTLY 1 OBO => ["4"]
        [ours] EXISTS {t}s => 0; [ours] LMOVEM {t}s {t}d LEFT RIGHT => []; [ours] LMOVEM {t}s {t}d LEFT RIGHT EXACTLY 1 BULK => nil
        [ours] LMOVEM {t}d {t}d LEFT LEFT EXACTLY 2 OBO => ["2", "3"]; [ours] LMOVEM {t}d {t}d LEFT LEFT COUNT 99 BULK => ["2", "3", "1", "5", "6", "4"]
        [ours] LMOVEM {t}d other LEFT RIGHT COUNT 9223372036854775807 BULK => ["2", "3", "1", "5", "6", "4"]; [ours] EXISTS {t}d => 0
        SET str x => OK; [ours] LMOVEM str {t}d LEFT LEFT => WRONGTYPE ...; [ours] LMOVEM other str LEFT LEFT => WRONGTYPE ...
        [ours] LLEN other => 6
        [ours] LMOVEM a b LEFT UP => ERR syntax error; [ours] LMOVEM a b LEFT LEFT COUNT 1 => ERR syntax error
        [ours] LMOVEM a b LEFT LEFT COUNT 1 HALF => ERR syntax error; [ours] LMOVEM a b LEFT LEFT MANY 1 OBO => ERR syntax error
        [ours] LMOVEM a b LEFT LEFT COUNT 0 OBO => ERR count should be greater than 0
        [ours] LMOVEM a b LEFT LEFT COUNT x OBO => ERR count should be greater than 0
        [ours] LMOVEM a b LEFT => ERR wrong number of arguments for 'lmovem' command
        "#,
    );
    check_both(
        r#"
        [ours] BLMOVEM {t}s {t}d LEFT RIGHT 0.01 => nil-array
        [ours] BLMOVEM {t}s {t}d LEFT RIGHT x => ERR timeout is not a float or out of range
        RPUSH {t}s a b c => 3
        [ours] BLMOVEM {t}s {t}d LEFT RIGHT 0 EXACTLY 2 BULK => ["a", "b"]
        [ours] BLMOVEM {t}s far LEFT RIGHT 0 COUNT 5 OBO => ["c"]
        MULTI => OK; [ours] BLMOVEM {t}s {t}d LEFT RIGHT 0 => QUEUED; [ours] EXEC => [nil-array]
        "#,
    );
}
