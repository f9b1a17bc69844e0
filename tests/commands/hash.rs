//! Hashes: fields, counts, walks, times of fields.

use crate::support::{check, check_both, check_resp3};

#[test]
fn fields_are_written_read_and_removed() {
    check(
        r#"
        HSET h a 1 b two => 2; HSET h a one c 3 => 1
        HGET h a => "one"; HGET h x => nil; HGET none a => nil
        HMGET h a x c => ["one", nil, "3"]; HMGET none a b => [nil, nil]
        HSETNX h a 9 => 0; HSETNX h d 9 => 1; HSETNX new f v => 1; HGET new f => "v"
        HMSET h a 1 e "" => OK; HGET h e => ""
        HLEN h => 5; HLEN none => 0
        HSTRLEN h b => 3; HSTRLEN h e => 0; HSTRLEN h x => 0; HSTRLEN none x => 0
        HEXISTS h a => 1; HEXISTS h x => 0; HEXISTS none x => 0
        HKEYS h => unordered["a", "b", "c", "d", "e"]
        HVALS h => unordered["1", "two", "3", "9", ""]
        HKEYS none => []; HVALS none => []
        HDEL h a x a => 1; HDEL h b c d e => 4; EXISTS h => 0; HDEL h a => 0
        TYPE new => +hash; OBJECT ENCODING new => "listpack"
        "#,
    );
}

#[test]
fn a_hash_is_a_map() {
    check_both(
        r#"
        HGETALL none => {}
        HSET h a 1 b 2 => 2; HGETALL h => {"a": "1", "b": "2"}
        HSET h c -9223372036854775808 d 007 => 2
        HGETALL h => {"a": "1", "b": "2", "c": "-9223372036854775808", "d": "007"}
        "#,
    );
}

#[test]
fn random_fields_with_values_are_pairs_in_resp3() {
    check_resp3(
        "HSET h a 1 => 1; HRANDFIELD h 1 WITHVALUES => [[\"a\", \"1\"]]; HRANDFIELD h -2 => [\"a\", \"a\"]",
    );
    check_resp3("HRANDFIELD none => nil; HRANDFIELD none 1 WITHVALUES => []");
    check(
        r#"
        HRANDFIELD none => nil; HRANDFIELD none 2 => []
        HSET h a 1 => 1; HRANDFIELD h => "a"; HRANDFIELD h 0 => []
        HRANDFIELD h -2 WITHVALUES => ["a", "1", "a", "1"]
        HSET h b 2 => 1; HRANDFIELD h 5 => unordered["a", "b"]; HRANDFIELD h => "a" | "b"
        HRANDFIELD h 1 WITHVALUES => array(2); HRANDFIELD h -100 => array(100)
        HRANDFIELD h x => ERR value is not an integer or out of range
        HRANDFIELD h 1 VALUES => ERR syntax error
        HRANDFIELD h 1 WITHVALUES more => ERR syntax error
        HRANDFIELD h -9223372036854770000 WITHVALUES => ERR value is out of range
        "#,
    );
}

#[test]
fn fields_count_up_and_down() {
    check(
        r#"
        HINCRBY h n 5 => 5; HINCRBY h n -7 => -2; HGET h n => "-2"
        HSET h t text m 9223372036854775807 z 01 => 3
        HINCRBY h t 1 => ERR hash value is not an integer
        HINCRBY h z 1 => ERR hash value is not an integer
        HINCRBY h m 1 => ERR increment or decrement would overflow
        HINCRBY h n 1.5 => ERR value is not an integer or out of range
        HINCRBYFLOAT h f 0.1 => "0.1"; HINCRBYFLOAT h f 0.2 => "0.3"; HINCRBYFLOAT h f 5.0e3 => "5000.29999999999999982"
        HINCRBYFLOAT h t 1 => ERR hash value is not a float
        HINCRBYFLOAT h f x => ERR value is not a valid float
        HINCRBYFLOAT h f nan => ERR value is not a valid float
        HINCRBYFLOAT h f inf => ERR value is NaN or Infinity
        HINCRBYFLOAT none f inf => ERR value is NaN or Infinity; EXISTS none => 0
        "#,
    );
    check_resp3("HINCRBYFLOAT h f 0.5 => \"0.5\"");
}

#[test]
fn hashes_refuse_other_types_and_odd_arguments() {
    for command in [
        "HSET s a 1",
        "HSETNX s a 1",
        "HMSET s a 1",
        "HGET s a",
        "HMGET s a",
        "HDEL s a",
        "HEXISTS s a",
        "HLEN s",
        "HSTRLEN s a",
        "HGETALL s",
        "HKEYS s",
        "HVALS s",
        "HINCRBY s a 1",
        "HINCRBYFLOAT s a 1",
        "HRANDFIELD s",
        "HRANDFIELD s 1",
        "HSCAN s 0",
    ] {
        check(&format!(
            "SET s v => OK; {command} => WRONGTYPE Operation against a key holding the wrong kind of value"
        ));
    }
    check(
        r#"
        HSET h a 1 b => ERR wrong number of arguments for 'hset' command
        HMSET h a 1 b => ERR wrong number of arguments for 'hmset' command
        HSET h a => ERR wrong number of arguments for 'hset' command
        HGETALL => ERR wrong number of arguments for 'hgetall' command
        HINCRBY h f => ERR wrong number of arguments for 'hincrby' command
        EXISTS h => 0
        "#,
    );
}

#[test]
fn walks_over_fields() {
    check(
        r#"
        HSET h a 1 b 2 10 3 => 3
        HSCAN h 0 => ["0", ["a", "1", "b", "2", "10", "3"]]
        HSCAN h 0 MATCH 1* COUNT 100 => ["0", ["10", "3"]]
        HSCAN h 0 COUNT 0 => ERR syntax error; HSCAN h 0 COUNT x => ERR value is not an integer or out of range
        HSCAN h 0 TYPE hash => ERR syntax error; HSCAN h 0 MATCH => ERR syntax error
        HSCAN h x => ERR invalid cursor; HSCAN none x => ERR invalid cursor
        HSCAN none 0 NONSENSE => ["0", []]
        [ours] HSCAN h 0 NOVALUES => ["0", ["a", "b", "10"]]
        [ours] SCAN 0 NOVALUES => ERR NOVALUES option can only be used in HSCAN
        "#,
    );
}

#[test]
fn large_hashes_are_tables() {
    let long = "x".repeat(65);
    check(&format!(
        r#"
        HSET h f {long} => 1; OBJECT ENCODING h => "hashtable"; HGET h f => "{long}"
        HSET i {long} v => 1; OBJECT ENCODING i => "hashtable"; HSTRLEN i {long} => 1
        CONFIG SET hash-max-listpack-entries 2 => OK
        HSET j a 1 b 2 => 2; OBJECT ENCODING j => "listpack"
        HSET j c 3 => 1; OBJECT ENCODING j => "hashtable"
        HDEL j a b => 2; OBJECT ENCODING j => "hashtable"; HGETALL j => ["c", "3"]
        HINCRBY j c 4 => 7; HINCRBYFLOAT j c 0.5 => "7.5"; HSETNX j c 1 => 0
        HSCAN j 0 COUNT 100 => ["0", ["c", "7.5"]]
        COPY j k => 1; HSET k c 1 => 0; HGET j c => "7.5"
        CONFIG SET hash-max-listpack-entries 512 => OK
        "#
    ));
}

#[test]
fn long_values_come_back_whole() {
    check(
        "HSET h f {{v*300000}} g {{w*20000}} => 2; HSTRLEN h f => 300000; HMGET h g f => [bulk(20000), bulk(300000)]; HVALS h => array(2); HSET h f 1 => 0; HGET h f => \"1\"",
    );
}

#[test]
fn fields_end() {
    check(
        r#"
        [ours] HSET h a 1 b 2 c 3 => 3
        [ours] HEXPIRE h 100 FIELDS 2 a x => [1, -2]; [ours] HEXPIRE none 100 FIELDS 1 a => [-2]
        [ours] HTTL h FIELDS 3 a b x => [40..100, -1, -2]; [ours] HPTTL h FIELDS 1 a => [40000..100000]
        [ours] HPEXPIRE h 100000 NX FIELDS 2 a b => [0, 1]; [ours] HTTL none FIELDS 1 a => [-2]
        [ours] HEXPIREAT h {{now_s+300}} GT FIELDS 2 a c => [1, 0]; [ours] HEXPIRETIME h FIELDS 1 a => [{{now_s+300}}]
        [ours] HPEXPIREAT h {{now_ms+200000}} LT FIELDS 2 a c => [1, 1]; [ours] HPEXPIRETIME h FIELDS 1 a => [1..]
        [ours] OBJECT ENCODING h => "listpackex"
        [ours] HPERSIST h FIELDS 2 a x => [1, -2]; [ours] HPERSIST h FIELDS 1 a => [-1]
        [ours] HPEXPIRE h 1 FIELDS 2 a b => [1, 1]
        [ours] eventually HGETALL h => ["c", "3"]
        [ours] HLEN h => 1; [ours] HEXPIRE h 0 FIELDS 1 c => [2]; [ours] EXISTS h => 0
        "#,
    );
}

#[test]
fn the_key_goes_with_its_last_field() {
    check(
        r#"
        [ours] HSET h a 1 b 2 => 2; [ours] HPEXPIRE h 20 FIELDS 2 a b => [1, 1]
        [ours] HSET i a 1 => 1; [ours] HPEXPIRE i 500 FIELDS 1 a => [1]; [ours] RENAME i j => OK
        [ours] eventually DBSIZE => 0
        [ours] HSET h a 1 => 1; [ours] HTTL h FIELDS 1 a => [-1]
        "#,
    );
}

#[test]
fn fields_are_read_and_written_with_times() {
    check(
        r#"
        [ours] HSETEX h EX 100 FIELDS 2 a 1 b 2 => 1; [ours] HTTL h FIELDS 1 a => [40..100]
        [ours] HSETEX h FNX FIELDS 2 a 9 c 9 => 0; [ours] HSETEX h FXX FIELDS 2 a 9 c 9 => 0
        [ours] HSETEX h FXX KEEPTTL FIELDS 1 a 3 => 1; [ours] HTTL h FIELDS 1 a => [40..100]
        [ours] HGETEX h PERSIST FIELDS 2 a x => ["3", nil]; [ours] HTTL h FIELDS 1 a => [-1]
        [ours] HGETEX h PX 5000000 FIELDS 1 a => ["3"]; [ours] HTTL h FIELDS 1 a => [4940..5000]
        [ours] HGETDEL h FIELDS 2 a x => ["3", nil]; [ours] HGETDEL none FIELDS 1 a => [nil]
        [ours] HGETALL h => ["b", "2"]; [ours] HGETDEL h FIELDS 1 b => ["2"]; [ours] EXISTS h => 0
        "#,
    );
}

#[test]
fn options_of_field_times_are_checked() {
    check(
        r#"
        [ours] SET s v => OK; [ours] HEXPIRE s 1 FIELDS 1 a => WRONGTYPE ...; [ours] HTTL s FIELDS 1 a => WRONGTYPE ...
        [ours] HPERSIST s FIELDS 1 a => WRONGTYPE ...; [ours] HGETEX s FIELDS 1 a => WRONGTYPE ...
        [ours] HSETEX s FIELDS 1 a 1 => WRONGTYPE ...; [ours] HGETDEL s FIELDS 1 a => WRONGTYPE ...
        [ours] HSET h a 1 => 1
        [ours] HEXPIRE h -1 FIELDS 1 a => ERR invalid expire time, must be >= 0
        [ours] HEXPIRE h 281474976711 FIELDS 1 a => ERR invalid expire time in 'hexpire' command
        [ours] HPEXPIRE h 1 FIELDS 0 a => ERR Parameter `numFields` should be greater than 0
        [ours] HEXPIRE h 1 NX GT FIELDS 1 a => ERR Multiple condition flags specified
        [ours] HTTL h FIELD 1 a => ERR Mandatory argument FIELDS is missing or not at the right position
        [ours] HTTL h FIELDS 0 a => ERR Number of fields must be a positive integer
        [ours] HTTL h FIELDS 2 a => ERR The `numfields` parameter must match the number of arguments
        [ours] HSETEX h FNX FXX FIELDS 1 a 1 => ERR Only one of FXX or FNX arguments can be specified
        [ours] HEXPIRE h 1 FIELDS 1 => ERR wrong number of arguments for 'hexpire' command
        [ours] HGETALL h => ["a", "1"]
        [ours] INFO keyspace => txt/db0:keys=\d+,expires=0,avg_ttl=0\r\n/; [ours] HEXPIRE h 100 FIELDS 1 a => [1]
        [ours] INFO keyspace => txt/db0:keys=\d+,expires=0,avg_ttl=0,subexpiry=1\r\n/
        "#,
    );
}

#[test]
fn subscribers_are_told_of_fields_that_end() {
    check(
        r#"
        CONFIG SET notify-keyspace-events Khg => OK
        c2: SUBSCRIBE __keyspace@0__:h => push["subscribe", "__keyspace@0__:h", 1]
        HSET h a 1 => 1
        c2: read => push["message", "__keyspace@0__:h", "hset"]
        [ours] HPEXPIRE h 5 FIELDS 1 a => [1]
        [ours] c2: read => push["message", "__keyspace@0__:h", "hexpire"]
        [ours] c2: read => push["message", "__keyspace@0__:h", "hexpired"]
        [ours] c2: read => push["message", "__keyspace@0__:h", "del"]
        CONFIG SET notify-keyspace-events "" => OK
        "#,
    );
}

#[test]
fn hashes_are_imported_by_fields_that_were_named_before() {
    for entries in ["512", "1"] {
        check(&format!(
            r#"
            [ours] CONFIG SET hash-max-listpack-entries {entries} => OK; [ours] HIMPORT SET h u a b => ERR no such fieldset
            [ours] HIMPORT PREPARE u name mail age => OK; [ours] HIMPORT SET h u alice a@b 30 => OK; [ours] HIMPORT SET {{1}}h u bob b@c 25 => OK
            [ours] HGETALL h => {{"name": "alice", "mail": "a@b", "age": "30"}}; [ours] HGET {{1}}h name => "bob"; [ours] HLEN {{1}}h => 3
            [ours] HSET h more 1 => 1; [ours] EXPIRE h 100 => 1; [ours] HIMPORT SET h u x y z => OK; [ours] HLEN h => 3; [ours] TTL h => -1; [ours] HGET h age => "z"
            [ours] HIMPORT SET h u x y => ERR value count does not match fieldset field count
            [ours] HIMPORT SET h u x y z w => ERR value count does not match fieldset field count
            [ours] SET str x => OK; [ours] HIMPORT SET str u x y z => WRONGTYPE Operation against a key holding the wrong kind of value; [ours] GET str => "x"
            [ours] HIMPORT PREPARE d a a => ERR duplicate field name in fieldset; [ours] HIMPORT SET h d 1 2 => ERR no such fieldset
            [ours] HIMPORT PREPARE u x => OK; [ours] HIMPORT SET h u 1 => OK; [ours] HGETALL h => {{"x": "1"}}
            [ours] HIMPORT PREPARE "" "" b => OK; [ours] HIMPORT SET h "" 1 2 => OK; [ours] HGET h "" => "1"
            [ours] c2: HIMPORT SET h u 1 => ERR no such fieldset; [ours] HIMPORT DISCARD u => 1; [ours] HIMPORT DISCARD u => 0; [ours] HIMPORT DISCARDALL => 1
            [ours] HIMPORT DISCARDALL => 0; [ours] HIMPORT SET h "" 1 2 => ERR no such fieldset
            [ours] MULTI => OK; [ours] HIMPORT PREPARE m a b => QUEUED; [ours] HIMPORT SET h m 1 2 => QUEUED; [ours] HIMPORT SET {{1}}h m 3 4 => QUEUED; [ours] EXEC => [OK, OK, OK]
            [ours] HGETALL h => {{"a": "1", "b": "2"}}; [ours] HGETALL {{1}}h => {{"a": "3", "b": "4"}}; [ours] RENAME h {{1}}k => OK
            [ours] MULTI => OK; [ours] RENAME {{1}}k h => QUEUED; [ours] HIMPORT SET {{2}}h m 5 6 => QUEUED; [ours] EXEC => [OK, OK]; [ours] HGET {{2}}h b => "6"
            [ours] RESET => RESET; [ours] HIMPORT SET h m 1 2 => ERR no such fieldset
            [ours] HIMPORT => ERR wrong number of arguments for 'himport' command; [ours] HIMPORT FOO => ERR unknown subcommand 'FOO'. Try HIMPORT HELP.
            [ours] HIMPORT PREPARE x => ERR wrong number of arguments for 'himport|prepare' command; [ours] HIMPORT SET h m => ERR wrong number of arguments for 'himport|set' command
            [ours] HIMPORT DISCARD => ERR wrong number of arguments for 'himport|discard' command; [ours] HIMPORT DISCARDALL x => ERR wrong number of arguments for 'himport|discardall' command
            [ours] COMMAND GETKEYS HIMPORT SET h u x => ["h"]
            "#
        ));
    }
    check_resp3(
        "[ours] HIMPORT PREPARE u a => OK; [ours] HIMPORT SET h u 1 => OK; [ours] HIMPORT DISCARDALL => 1; [ours] HGETALL h => {\"a\": \"1\"}",
    );
}

#[test]
fn scripts_name_fields_for_themselves() {
    check(
        r#"
        [ours] HIMPORT PREPARE u mine => OK
        [ours] EVAL "return redis.call('himport', 'set', KEYS[1], 'u', '1')" 1 h => ERR no such fieldset ...
        [ours] EVAL "redis.call('himport', 'prepare', 'u', 'a', 'b') redis.call('himport', 'set', KEYS[1], 'u', '1', '2') redis.call('himport', 'set', KEYS[2], 'u', '3', '4') return redis.call('himport', 'discard', 'u')" 2 h {1}h => 1
        [ours] HGETALL h => {"a": "1", "b": "2"}; [ours] HGETALL {1}h => {"a": "3", "b": "4"}; [ours] EXISTS {2}h => 0
        [ours] EVAL "return redis.call('himport', 'discardall')" 0 => 0
        [ours] EVAL "redis.call('himport', 'prepare', 'u', 'a') return redis.call('himport', 'set', KEYS[1], 'u', '1', '2')" 1 h => ERR value count does not match fieldset field count ...
        [ours] EVAL "return redis.pcall('himport', 'prepare', 'u', 'a', 'a')" 0 => ERR duplicate field name in fieldset
        [ours] HIMPORT SET h u 1 => OK; [ours] HGETALL h => {"mine": "1"}
        "#,
    );
}

#[test]
fn imports_keep_watch_and_rights() {
    check(
        r#"
        [ours] HIMPORT PREPARE u a => OK; [ours] WATCH h => OK; [ours] c2: HIMPORT PREPARE u a => OK; [ours] c2: HIMPORT SET h u 1 => OK
        [ours] MULTI => OK; [ours] HIMPORT SET h u 2 => QUEUED; [ours] EXEC => nil-array; [ours] HGET h a => "1"
        [ours] ACL SETUSER imp on nopass ~x* +@all => OK; [ours] c2: AUTH imp x => OK; [ours] c2: HIMPORT SET h u 1 => NOPERM ...
        [ours] c2: HIMPORT SET x u 1 => OK; [ours] ACL DELUSER imp => 1
        "#,
    );
}
