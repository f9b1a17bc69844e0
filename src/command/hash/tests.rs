use crate::command::testing::{Bench, check};
use crate::config::KeyspaceEvents;
use crate::resp::Proto;

/// Runs a transcript over compact hashes and over tables.
#[track_caller]
fn check_both(transcript: &str) {
    check(transcript);
    for shards in [1, 4] {
        let mut bench = Bench::new(shards);
        bench.config.hash_max_listpack_entries = 0;
        bench.check(transcript);
    }
}

#[test]
fn fields_are_written_and_read() {
    check_both(
        r#"
        HSET h a 1 b two => 2
        HSET h a one c 3 => 1
        @dirty => 4
        HGET h a => one
        HGET h x => nil
        HGET nope a => nil
        HMGET h a x b => [one, nil, two]
        HMGET nope a b => [nil, nil]
        HSETNX h a 9 => 0
        HSETNX h d 9 => 1
        HMSET h a 1 => OK
        HLEN h => 4
        HLEN nope => 0
        HSTRLEN h b => 3
        HSTRLEN h c => 1
        HSTRLEN h x => 0
        HSTRLEN nope x => 0
        HEXISTS h a => 1
        HEXISTS h x => 0
        HEXISTS nope x => 0
        HGETALL h ~> [a, "1", b, two, c, "3", d, "9"]
        HKEYS h ~> [a, b, c, d]
        HVALS h ~> ["1", two, "3", "9"]
        HGETALL nope => []
        HKEYS nope => []
        HDEL h a x a => 1
        HDEL h b c d => 3
        HDEL h b => 0
        EXISTS h => 0
        @len => 0
        "#,
    );
}

#[test]
fn arguments_and_types_are_checked() {
    let mut lines = String::from("SET s v\nHSET h f v\n");
    for line in [
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
        "HRANDFIELD s 2",
        "HSCAN s 0",
        "HEXPIRE s 1 FIELDS 1 a",
        "HTTL s FIELDS 1 a",
        "HPERSIST s FIELDS 1 a",
        "HGETEX s FIELDS 1 a",
        "HSETEX s FIELDS 1 a 1",
        "HGETDEL s FIELDS 1 a",
    ] {
        lines += line;
        lines += " => WRONGTYPE Operation against a key holding the wrong kind of value\n";
    }
    for (line, name) in [
        ("HSET h a 1 b", "hset"),
        ("HMSET h a 1 b", "hmset"),
        ("HSET h a", "hset"),
        ("HGET h", "hget"),
        ("HLEN h a", "hlen"),
        ("HDEL h", "hdel"),
        ("HGETALL h x", "hgetall"),
        ("HSET s a 1 b", "hset"),
    ] {
        lines += &format!("{line} => ERR wrong number of arguments for '{name}' command\n");
    }
    check(&lines);
}

#[test]
fn fields_count() {
    check_both(
        r#"
        HINCRBY h n 5 => 5
        HINCRBY h n -7 => -2
        HSET h t text m 9223372036854775807 sp " 11" => 3
        HINCRBY h t 1 => ERR hash value is not an integer
        HINCRBY h sp 1 => ERR hash value is not an integer
        HINCRBY h m 1 => ERR increment or decrement would overflow
        HINCRBY h n x => ERR value is not an integer or out of range
        HINCRBYFLOAT h f 0.1 => 0.1
        HINCRBYFLOAT h f 0.2 => 0.3
        HINCRBYFLOAT h n 1.5 => -0.5
        HINCRBYFLOAT h t 1 => ERR hash value is not a float
        HINCRBYFLOAT h f x => ERR value is not a valid float
        HINCRBYFLOAT h f inf => ERR value is NaN or Infinity
        HINCRBY nope n x => ERR value is not an integer or out of range
        HINCRBYFLOAT nope n inf => ERR value is NaN or Infinity
        EXISTS nope => 0
        HGET h m => "9223372036854775807"
        "#,
    );
}

#[test]
fn encodings_follow_the_settings() {
    let mut bench = Bench::new(1);
    bench.config.hash_max_listpack_entries = 3;
    bench.config.hash_max_listpack_value = 5;
    bench.check(
        r#"
        HSET h a 1 b 2 c 12345
        @encoding h => listpack
        HSET h d 4
        @encoding h => hashtable
        HDEL h a b c
        @encoding h => hashtable
        HSET i a 123456
        @encoding i => hashtable
        HSET j a 1
        HEXPIRE j 10 FIELDS 1 a => [1]
        @encoding j => listpackex
        HSET j toolong 1
        @encoding j => hashtable
        HTTL j FIELDS 2 a toolong => [10, -1]
        "#,
    );
}

#[test]
fn random_fields() {
    check_both(
        r#"
        HRANDFIELD nope => nil
        HRANDFIELD nope 3 => []
        HRANDFIELD nope -3 WITHVALUES => []
        HSET h a 1
        HRANDFIELD h => a
        HRANDFIELD h 0 => []
        HRANDFIELD h -3 => [a, a, a]
        HRANDFIELD h -2 WITHVALUES => [a, "1", a, "1"]
        HSET h b 2 c 3
        HRANDFIELD h 5 ~> [a, b, c]
        HRANDFIELD h 5 withvalues ~> [a, "1", b, "2", c, "3"]
        HRANDFIELD h x => ERR value is not an integer or out of range
        HRANDFIELD h 1 WITHVALUE => ERR syntax error
        HRANDFIELD h 1 WITHVALUES x => ERR syntax error
        HRANDFIELD h -9223372036854775808 => ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807
        HRANDFIELD h -9223372036854770000 WITHVALUES => ERR value is out of range
        HRANDFIELD h 9223372036854775807 ~> [a, b, c]
        "#,
    );
}

#[test]
fn walks() {
    check(
        r#"
        HSET h a 1 b 2 10 3
        HSCAN h 0 => ["0", [a, "1", b, "2", "10", "3"]]
        HSCAN h 7 COUNT 1 => ["0", [a, "1", b, "2", "10", "3"]]
        HSCAN h 0 NOVALUES => ["0", [a, b, "10"]]
        HSCAN h 0 MATCH 1* => ["0", ["10", "3"]]
        HSCAN h 0 COUNT 0 => ERR syntax error
        HSCAN h 0 TYPE hash => ERR syntax error
        HSCAN h x => ERR invalid cursor
        HSCAN nope x => ERR invalid cursor
        HSCAN nope 0 NONSENSE => ["0", []]
        SCAN 0 NOVALUES => ERR NOVALUES option can only be used in HSCAN
        "#,
    );
    for shards in [1, 4] {
        let mut bench = Bench::new(shards);
        for i in 0..1000 {
            bench.call(&format!("HSET h field:{i} {i}"));
        }
        let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
        loop {
            let reply = bench.call(&format!("HSCAN h {cursor} COUNT 20 NOVALUES"));
            let (next, fields) = reply
                .strip_prefix("[\"")
                .and_then(|reply| reply.strip_suffix("]]")?.split_once("\", ["))
                .unwrap();
            cursor = next.to_owned();
            seen.extend(fields.split(", ").map(str::to_owned));
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen.len(), 1000);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 1000);
    }
}

#[test]
fn replies_are_maps_in_resp3() {
    let mut bench = Bench::new(1);
    bench.proto = Proto::Resp3;
    bench.check(
        r#"
        HGETALL nope => {}
        HSET h a 1
        HGETALL h => {a, "1"}
        HRANDFIELD h 1 WITHVALUES => [[a, "1"]]
        HRANDFIELD h -2 WITHVALUES => [[a, "1"], [a, "1"]]
        HRANDFIELD h -2 => [a, a]
        HKEYS h => [a]
        HGET h x => nil
        HINCRBYFLOAT h a 1.5 => 2.5
        "#,
    );
}

#[test]
fn fields_have_times_of_their_own() {
    check_both(
        r#"
        HSET h a 1 b 2 c 3
        HEXPIRE h 10 FIELDS 2 a x => [1, -2]
        HEXPIRE nope 10 FIELDS 2 a x => [-2, -2]
        HTTL h FIELDS 3 a b x => [10, -1, -2]
        HTTL nope FIELDS 1 a => [-2]
        HPTTL h FIELDS 1 a => [10000]
        HEXPIRETIME h FIELDS 1 a => [1700000010]
        HPEXPIRETIME h FIELDS 1 a => [1700000010000]
        HPEXPIRE h 1501 FIELDS 1 b => [1]
        HTTL h FIELDS 1 b => [2]
        HEXPIREAT h 1700000100 FIELDS 1 b => [1]
        HPEXPIREAT h 1700000100001 FIELDS 1 b => [1]
        HPTTL h FIELDS 1 b => [100001]
        HPERSIST h FIELDS 3 b c x => [1, -1, -2]
        HPERSIST nope FIELDS 1 b => [-2]
        HTTL h FIELDS 1 b => [-1]
        @dirty => 8
        @wait 10000
        HGET h a => "1"
        @wait 1
        HGET h a => nil
        HMGET h a b => [nil, "2"]
        HLEN h => 2
        HGETALL h ~> [b, "2", c, "3"]
        HEXISTS h a => 0
        HSET h a 9 => 1
        HTTL h FIELDS 1 a => [-1]
        "#,
    );
}

#[test]
fn the_last_field_takes_the_key_along() {
    check_both(
        r#"
        HSET h a 1 b 2
        HPEXPIRE h 10 FIELDS 2 a b => [1, 1]
        @wait 11
        EXISTS h => 0
        TYPE h => none
        @len => 0
        HSET h a 1
        HPEXPIRE h 10 FIELDS 1 a => [1]
        HSET i a 1 b 2
        HPEXPIRE i 20 FIELDS 1 a => [1]
        COPY i j => 1
        RENAME i k => OK
        @wait 21
        HLEN h => 0
        HLEN j => 1
        HLEN k => 1
        HKEYS k => [b]
        @len => 2
        HSET n a 1
        HEXPIRE n 0 FIELDS 1 a => [2]
        EXISTS n => 0
        "#,
    );
}

#[test]
fn writes_clear_or_keep_times() {
    check_both(
        r#"
        HSET h a 1 b 2 c 3
        HEXPIRE h 10 FIELDS 3 a b c => [1, 1, 1]
        HSET h a 9 => 0
        HINCRBY h b 1 => 3
        HINCRBYFLOAT h c 1 => "4"
        HTTL h FIELDS 3 a b c => [-1, 10, 10]
        HSETNX h b 1 => 0
        HDEL h b => 1
        HSET h b 1 => 1
        HTTL h FIELDS 1 b => [-1]
        "#,
    );
}

#[test]
fn conditions_compare_the_old_time_with_the_new() {
    check_both(
        r#"
        HSET h a 1 b 2
        HEXPIRE h 10 XX FIELDS 1 a => [0]
        HEXPIRE h 10 GT FIELDS 1 a => [0]
        HEXPIRE h 10 NX FIELDS 1 a => [1]
        HEXPIRE h 20 NX FIELDS 2 a b => [0, 1]
        HEXPIRE h 10 GT FIELDS 1 a => [0]
        HEXPIRE h 15 gt FIELDS 2 a b => [1, 0]
        HEXPIRE h 15 LT FIELDS 2 a b => [0, 1]
        HPERSIST h FIELDS 1 a => [1]
        HEXPIRE h 30 LT FIELDS 1 a => [1]
        HEXPIRE h 30 FIELDS 1 a XX => [1]
        HEXPIRE h 0 NX FIELDS 1 a => [0]
        HEXPIRE h 0 XX FIELDS 2 a b => [2, 2]
        EXISTS h => 0
        "#,
    );
}

#[test]
fn options_of_field_times_are_checked() {
    check(
        r#"
        HSET h a 1
        HEXPIRE h -1 FIELDS 1 a => ERR invalid expire time, must be >= 0
        HEXPIRE h x FIELDS 1 a => ERR value is not an integer or out of range
        HEXPIRE h 281474976711 FIELDS 1 a => ERR invalid expire time in 'hexpire' command
        HPEXPIREAT h 70368744177664 FIELDS 1 a => ERR invalid expire time in 'hpexpireat' command
        HPEXPIREAT h 70368744177663 FIELDS 1 a => [1]
        HEXPIRE h 1 FIELDS 0 a => ERR Parameter `numFields` should be greater than 0
        HEXPIRE h 1 FIELDS x a => ERR Parameter `numFields` should be greater than 0
        HEXPIRE h 1 FIELDS 2 a => ERR wrong number of arguments
        HEXPIRE h 1 FIELDS 1 a b => ERR unknown argument: b
        HEXPIRE h 1 FIELDS 9223372036854775807 a => ERR wrong number of arguments
        HEXPIRE h 1 NX XX FIELDS 1 a => ERR Multiple condition flags specified
        HEXPIRE h 1 FIELDS 1 a FIELDS 1 a => ERR FIELDS keyword specified multiple times
        HEXPIRE h 1 FIELDS 1 => ERR wrong number of arguments for 'hexpire' command
        HEXPIRE h 1 NX FIELDS 1 => ERR FIELDS requires at least numfields and one field argument
        HTTL h FIELD 1 a => ERR Mandatory argument FIELDS is missing or not at the right position
        HTTL h FIELDS 0 a => ERR Number of fields must be a positive integer
        HTTL h FIELDS 2 a => ERR The `numfields` parameter must match the number of arguments
        HPERSIST h FIELDS 1 a b => ERR The `numfields` parameter must match the number of arguments
        HGETDEL h FIELDS 2 a => ERR The `numfields` parameter must match the number of arguments
        HGETDEL nope FIELDS 2 a => ERR The `numfields` parameter must match the number of arguments
        HGETEX h EX 1 PX 1 FIELDS 1 a => ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified
        HGETEX h EX -1 FIELDS 1 a => ERR invalid expire time, must be >= 0
        HGETEX h FIELDS 1 a EX => ERR missing expire time
        HGETEX h FIELDS 0 a => ERR invalid number of fields
        HGETEX h NONE 1 a => ERR unknown argument: NONE
        HGETEX h PERSIST EX 5 => ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified
        HGETEX h EX 5 PERSIST => ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified
        HGETEX h EXAT 1800000000 FIELDS => ERR FIELDS requires at least numfields and one field argument
        HSETEX h FNX FXX FIELDS 1 a 1 => ERR Only one of FXX or FNX arguments can be specified
        HSETEX h EX 1 KEEPTTL FIELDS 1 a 1 => ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
        HSETEX h FIELDS 2 a 1 b => ERR wrong number of arguments
        HSETEX h EX 1 PERSIST 1 a => ERR unknown argument: PERSIST
        HSETEX h EX 10 FNX KEEPTTL => ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified
        HSETEX h EX 10 FNX FNX a 1 => ERR Only one of FXX or FNX arguments can be specified
        HSETEX h EX 10 FNX FIELDS 0 => ERR FIELDS requires at least numfields and one field argument
        "#,
    );
}

#[test]
fn fields_are_read_and_written_with_times() {
    check_both(
        r#"
        HSETEX h EX 10 FIELDS 2 a 1 b 2 => 1
        HTTL h FIELDS 2 a b => [10, 10]
        HSETEX h FNX FIELDS 2 a 9 c 9 => 0
        HSETEX h FXX FIELDS 2 a 9 c 9 => 0
        HSETEX nope FXX FIELDS 1 a 9 => 0
        EXISTS nope => 0
        HSETEX h FXX KEEPTTL FIELDS 2 a 3 b 4 => 1
        HTTL h FIELDS 2 a b => [10, 10]
        HSETEX h FIELDS 1 a 5 => 1
        HTTL h FIELDS 2 a b => [-1, 10]
        HSETEX h FNX PXAT 1700000000500 FIELDS 1 c 7 => 1
        HGETEX h PX 1500 FIELDS 3 a x c => ["5", nil, "7"]
        HPTTL h FIELDS 3 a b c => [1500, 10000, 1500]
        HGETEX h PERSIST FIELDS 2 a b => ["5", "4"]
        HTTL h FIELDS 3 a b c => [-1, -1, 2]
        HGETEX h FIELDS 1 a => ["5"]
        HGETEX nope EX 1 FIELDS 1 a => [nil]
        @dirty => 10
        HGETEX h EXAT 1 FIELDS 1 a => ["5"]
        HGETDEL h FIELDS 2 b x => ["4", nil]
        HGETDEL nope FIELDS 2 b x => [nil, nil]
        HKEYS h => [c]
        HSETEX h PXAT 1 FIELDS 1 c 9 => 1
        EXISTS h => 0
        HSETEX h PXAT 1 FIELDS 1 c 9 => 1
        EXISTS h => 0
        "#,
    );
}

#[test]
fn subscribers_are_told() {
    for shards in [1, 4] {
        let mut bench = Bench::new(shards);
        bench.config.notify_keyspace_events = KeyspaceEvents::ALL;
        bench.check(
            r#"
            HSET h a 1 b 2
            HMSET h a 1 c 3
            HSETNX h a 1
            HSETNX h d 1
            @events => [hset h, hset h, hset h]
            HINCRBY h n 1
            HINCRBYFLOAT h n 1
            HDEL h n x
            HDEL h x
            @events => [hincrby h, hincrbyfloat h, hdel h]
            HEXPIRE h 10 FIELDS 1 a
            HEXPIRE h 10 NX FIELDS 1 a
            HPERSIST h FIELDS 2 a b
            HPERSIST h FIELDS 2 a b
            HEXPIRE h 0 FIELDS 1 d
            @events => [hexpire h, hpersist h, hdel h]
            HGETEX h EX 10 FIELDS 1 a
            HGETEX h PERSIST FIELDS 1 a
            HGETEX h FIELDS 1 a
            HSETEX h FIELDS 1 a 1
            HSETEX h EX 10 FIELDS 1 a 1
            HGETDEL h FIELDS 2 a x
            HGETDEL h FIELDS 1 x
            @events => [hexpire h, hpersist h, hset h, hset h, hexpire h, hdel h]
            HDEL h b c
            @events => [hdel h, del h]
            "#,
        );
    }
}
