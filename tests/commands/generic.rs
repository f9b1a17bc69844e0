//! Commands that do not care what a key holds: DEL, RENAME, COPY, MOVE, OBJECT, SORT, WAIT and the like.
//! Expiry has a file of its own (`expiry.rs`), so have SCAN (`scan.rs`) and DUMP (`dump.rs`).

use crate::support::{check, check_both};

#[test]
fn del_and_unlink_count_what_was_there() {
    check(
        r#"
        MSET a 1 b 2 c 3 d 4 => OK
        DEL a b none => 2; EXISTS a b c d => 2
        DEL c c c => 1; DEL c => 0
        UNLINK d none => 1; UNLINK d => 0; DBSIZE => 0
        SET big {{x*100000}} => OK; UNLINK big => 1; GET big => nil
        SET t v EX 100 => OK; DEL t => 1; TTL t => -2; SET t w => OK; TTL t => -1
        SET p v PX 20 => OK; eventually EXISTS p => 0; DEL p => 0
        DEL => ERR wrong number of arguments for 'del' command
        UNLINK => ERR wrong number of arguments for 'unlink' command
        "#,
    );
}

#[test]
fn exists_and_touch_count_repetitions() {
    check(
        r#"
        MSET a 1 b 2 => OK
        EXISTS a => 1; EXISTS none => 0; EXISTS a a a => 3; EXISTS a b none => 2
        TOUCH a => 1; TOUCH none => 0; TOUCH a b none a => 3
        EXISTS => ERR wrong number of arguments for 'exists' command
        TOUCH => ERR wrong number of arguments for 'touch' command
        "#,
    );
}

#[test]
fn type_names_what_a_key_holds() {
    check(
        r#"
        SET s v => OK; TYPE s => +string; TYPE none => +none
        SETBIT b 1 1 => 0; TYPE b => +string
        TYPE => ERR wrong number of arguments for 'type' command
        TYPE a b => ERR wrong number of arguments for 'type' command
        "#,
    );
}

#[test]
fn rename_moves_value_and_expiry() {
    check(
        r#"
        SET a 1 => OK; RENAME a b => OK; GET b => "1"; EXISTS a => 0
        RENAME none b => ERR no such key
        RENAME none none => ERR no such key
        SET t v EX 100 => OK; RENAME t b => OK; GET b => "v"; TTL b => 40..100
        SET x 5 => OK; RENAME x b => OK; TTL b => -1
        SET same v EX 100 => OK; RENAME same same => OK; GET same => "v"; TTL same => 40..100
        SET big {{y*50000}} => OK; RENAME big other => OK; GET other => "{{y*50000}}"
        RENAME a => ERR wrong number of arguments for 'rename' command
        SET gone v PX 20 => OK; eventually EXISTS gone => 0
        RENAME gone b => ERR no such key
        "#,
    );
}

#[test]
fn rename_over_every_pair_of_shards() {
    let mut text = String::new();
    for i in 0..16 {
        text += &format!(
            "SET from{i} v{i} => OK; SET to{i} old => OK; RENAME from{i} to{i} => OK\n\
             MGET from{i} to{i} => [nil, \"v{i}\"]\n"
        );
    }
    check(&text);
}

#[test]
fn renamenx_keeps_the_target() {
    check(
        r#"
        MSET a 1 b 2 => OK
        RENAMENX a b => 0; MGET a b => ["1", "2"]
        RENAMENX a c => 1; MGET a c => [nil, "1"]
        RENAMENX none c => ERR no such key
        RENAMENX c c => 0; GET c => "1"
        SET t v EX 100 => OK; RENAMENX t u => 1; TTL u => 40..100
        SET gone v PX 20 => OK; eventually EXISTS gone => 0
        RENAMENX c gone => 1; GET gone => "1"
        RENAMENX a => ERR wrong number of arguments for 'renamenx' command
        "#,
    );
}

#[test]
fn copy_leaves_the_source() {
    check(
        r#"
        SET a v => OK; COPY a b => 1; MGET a b => ["v", "v"]
        SET a w => OK; COPY a b => 0; GET b => "v"; COPY a b REPLACE => 1; GET b => "w"
        APPEND b x => 2; GET a => "w"
        COPY none b => 0; COPY none b REPLACE => 0; GET b => "wx"
        SET t v EX 100 => OK; COPY t u => 1; TTL u => 40..100
        COPY t b replace => 1; TTL b => 40..100
        SET p v => OK; COPY p b REPLACE => 1; TTL b => -1
        SET n 42 => OK; COPY n m => 1; OBJECT ENCODING m => "int"; INCR m => 43; GET n => "42"
        SET big {{z*50000}} => OK; COPY big big2 => 1; APPEND big2 x => 50001; STRLEN big => 50000
        COPY a a => ERR source and destination objects are the same
        COPY a a REPLACE => ERR source and destination objects are the same
        COPY a => ERR wrong number of arguments for 'copy' command
        COPY a b FOO => ERR syntax error
        COPY a b DB => ERR syntax error
        COPY a b DB x => ERR value is not an integer or out of range
        COPY a b DB -1 => ERR DB index is out of range
        COPY a b DB 16 => ERR DB index is out of range
        COPY a a DB 0 => ERR source and destination objects are the same
        "#,
    );
}

#[test]
fn copy_to_another_database() {
    check(
        r#"
        SET a v => OK; COPY a a DB 3 => 1; COPY a b DB 3 => 1; COPY a a DB 3 => 0
        SELECT 3 => OK; MGET a b => ["v", "v"]; DBSIZE => 2
        SET a w => OK; COPY a a DB 0 => 0; COPY a a DB 0 REPLACE => 1; COPY a a REPLACE DB 0 => 1
        SELECT 0 => OK; GET a => "w"; DBSIZE => 1
        "#,
    );
}

#[test]
fn move_between_databases() {
    check(
        r#"
        SET a v EX 100 => OK; MOVE a 5 => 1; EXISTS a => 0; MOVE a 5 => 0
        SELECT 5 => OK; GET a => "v"; TTL a => 40..100
        SELECT 0 => OK; SET a w => OK; MOVE a 5 => 0; GET a => "w"
        MOVE a 0 => ERR source and destination objects are the same
        MOVE a 16 => ERR DB index is out of range
        MOVE a -1 => ERR DB index is out of range
        MOVE a x => ERR value is not an integer or out of range
        MOVE a 9223372036854775808 => ERR value is not an integer or out of range
        MOVE a => ERR wrong number of arguments for 'move' command
        SELECT 7 => OK; SET gone v PX 20 => OK; eventually EXISTS gone => 0
        SELECT 0 => OK; SET gone w => OK; MOVE gone 7 => 1
        "#,
    );
}

#[test]
fn databases_are_separate() {
    check(
        r#"
        SET k zero => OK; SELECT 1 => OK; GET k => nil; SET k one => OK; DBSIZE => 1
        SELECT 15 => OK; DBSIZE => 0; SET k last => OK
        c2: GET k => "zero"
        c2: SELECT 1 => OK; c2: GET k => "one"
        SELECT 16 => ERR DB index is out of range
        SELECT -1 => ERR DB index is out of range
        [7.2] SELECT abc => ERR value is not an integer or out of range
        SELECT 9223372036854775808 => error
        SELECT => ERR wrong number of arguments for 'select' command
        GET k => "last"
        FLUSHDB => OK; DBSIZE => 0
        SELECT 1 => OK; GET k => "one"
        FLUSHALL => OK; DBSIZE => 0; SELECT 0 => OK; DBSIZE => 0
        "#,
    );
}

#[test]
fn swapdb_is_seen_by_all_connections() {
    check(
        r#"
        SET k zero => OK; c2: SELECT 1 => OK; c2: SET k one => OK; c2: SET t v EX 100 => OK
        SWAPDB 0 1 => OK
        GET k => "one"; TTL t => 40..100; DBSIZE => 2
        c2: GET k => "zero"; c2: DBSIZE => 1
        SWAPDB 0 0 => OK; GET k => "one"
        SWAPDB 1 0 => OK; GET k => "zero"
        SWAPDB 0 16 => ERR DB index is out of range
        SWAPDB -1 0 => ERR DB index is out of range
        SWAPDB a 1 => ERR invalid first DB index
        SWAPDB 1 b => ERR invalid second DB index
        SWAPDB 1 => ERR wrong number of arguments for 'swapdb' command
        "#,
    );
}

#[test]
fn dbsize_counts_keys() {
    check(
        r#"
        DBSIZE => 0; MSET a 1 b 2 c 3 => OK; DBSIZE => 3; DEL a => 1; DBSIZE => 2
        SET b x => OK; DBSIZE => 2; RENAME b d => OK; DBSIZE => 2; RENAME c d => OK; DBSIZE => 1
        DBSIZE x => ERR wrong number of arguments for 'dbsize' command
        "#,
    );
}

#[test]
fn flush_commands_and_their_options() {
    check(
        r#"
        MSET a 1 b 2 => OK; FLUSHDB SYNC => OK; DBSIZE => 0
        SET a 1 => OK; FLUSHDB ASYNC => OK; DBSIZE => 0
        SET a 1 => OK; FLUSHALL async => OK; DBSIZE => 0
        SET a 1 => OK; FLUSHALL SYNC => OK; DBSIZE => 0; EXISTS a => 0
        SET a 1 EX 100 => OK; FLUSHDB => OK; TTL a => -2; SET a 1 => OK; TTL a => -1
        FLUSHDB foo => ERR syntax error
        FLUSHALL foo => ERR syntax error
        FLUSHALL ASYNC SYNC => ERR syntax error
        FLUSHDB SYNC x => ERR syntax error
        GET a => "1"
        "#,
    );
}

#[test]
fn keys_matches_glob_patterns() {
    check(
        r#"
        KEYS * => []
        MSET foo 1 foobar 2 bar 3 baz 4 "a*b" 5 "x[y" 6 => OK
        KEYS * => unordered["foo", "foobar", "bar", "baz", "a*b", "x[y"]
        KEYS foo* => unordered["foo", "foobar"]; KEYS ba? => unordered["bar", "baz"]
        KEYS ba[rz] => unordered["bar", "baz"]; KEYS ba[^r] => ["baz"]; KEYS ba[q-s] => ["bar"]
        KEYS foo => ["foo"]; KEYS none => []; KEYS "a\\*b" => ["a*b"]; KEYS "x\\[y" => ["x[y"]
        KEYS FOO => []; KEYS "" => []; KEYS ??? => unordered["foo", "bar", "baz", "a*b", "x[y"]
        KEYS *a* => unordered["foobar", "bar", "baz", "a*b"]; KEYS f*o*r => ["foobar"]
        KEYS ba[s-q] => ["bar"]; KEYS [^b]* => unordered["foo", "foobar", "a*b", "x[y"]
        SELECT 1 => OK; KEYS * => []
        KEYS => ERR wrong number of arguments for 'keys' command
        KEYS a b => ERR wrong number of arguments for 'keys' command
        "#,
    );
}

#[test]
fn keys_of_one_tag() {
    check(
        r#"
        MSET {tag}1 a {tag}2 b other c => OK
        KEYS {tag}* => unordered["{tag}1", "{tag}2"]
        "#,
    );
}

#[test]
fn a_long_pattern_takes_no_exponential_time() {
    check(
        r#"
        SET {{a*50}} v => OK
        KEYS a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b => []
        "#,
    );
}

#[test]
fn randomkey_picks_an_existing_key() {
    check_both(
        r#"
        RANDOMKEY => nil; SET only v => OK; RANDOMKEY => "only"; RANDOMKEY => "only"
        MSET a 1 b 2 => OK; RANDOMKEY => "only" | "a" | "b"
        SELECT 2 => OK; RANDOMKEY => nil
        RANDOMKEY x => ERR wrong number of arguments for 'randomkey' command
        "#,
    );
}

#[test]
fn object_encoding_of_strings() {
    check_both(
        r#"
        SET a 0 => OK; OBJECT ENCODING a => "int"
        SET a 9223372036854775807 => OK; OBJECT ENCODING a => "int"
        SET a -9223372036854775808 => OK; OBJECT ENCODING a => "int"
        SET a 9223372036854775808 => OK; OBJECT ENCODING a => "embstr"
        SET a 007 => OK; OBJECT ENCODING a => "embstr"
        SET a +7 => OK; OBJECT ENCODING a => "embstr"
        SET a -0 => OK; OBJECT ENCODING a => "embstr"
        SET a " 7" => OK; OBJECT ENCODING a => "embstr"
        SET a 1.5 => OK; OBJECT ENCODING a => "embstr"
        SET a "" => OK; OBJECT ENCODING a => "embstr"
        SET a {{x*44}} => OK; OBJECT ENCODING a => "embstr"
        SET a {{x*45}} => OK; OBJECT ENCODING a => "raw"
        SET a {{1*20}} => OK; OBJECT ENCODING a => "embstr"
        MSET a 1 b x => OK; OBJECT ENCODING a => "int"; OBJECT ENCODING b => "embstr"
        GETSET a 2 => "1"; OBJECT ENCODING a => "int"
        OBJECT ENCODING none => nil
        "#,
    );
}

#[test]
fn object_subcommands() {
    check_both(
        r#"
        SET a v => OK
        OBJECT REFCOUNT a => 1; OBJECT IDLETIME a => 0..60; OBJECT REFCOUNT none => nil
        OBJECT IDLETIME none => nil
        OBJECT FREQ none => nil
        OBJECT FREQ a => ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
        SET int 77 => OK; OBJECT REFCOUNT int => 2147483647
        CONFIG SET maxmemory 1gb maxmemory-policy allkeys-random => OK; OBJECT REFCOUNT int => 2147483647
        CONFIG SET maxmemory-policy volatile-lru => OK; SET int 77 => OK; OBJECT REFCOUNT int => 1
        CONFIG SET maxmemory 0 => OK; SET int 77 => OK; OBJECT REFCOUNT int => 2147483647
        CONFIG SET maxmemory-policy noeviction => OK
        OBJECT ENCODING => ERR wrong number of arguments for 'object|encoding' command
        OBJECT ENCODING a b => ERR wrong number of arguments for 'object|encoding' command
        OBJECT => ERR wrong number of arguments for 'object' command
        OBJECT FOO a => ERR unknown subcommand 'FOO'. Try OBJECT HELP.
        OBJECT HELP => [+"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", +"ENCODING <key>", ...]
        OBJECT HELP x => ERR wrong number of arguments for 'object|help' command
        "#,
    );
}

#[test]
fn object_freq_under_an_lfu_policy() {
    check(
        r#"
        CONFIG SET maxmemory-policy allkeys-lfu => OK
        SET a v => OK; OBJECT FREQ a => 0..10
        OBJECT IDLETIME a => ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
        "#,
    );
}

#[test]
fn sort_of_what_is_no_list() {
    check(
        r#"
        SORT none => []; SORT_RO none => []; SORT none DESC ALPHA LIMIT 0 10 => []
        SORT none BY w_* GET o_* GET # => []
        SET s v => OK
        SORT s => WRONGTYPE Operation against a key holding the wrong kind of value
        SORT_RO s => WRONGTYPE Operation against a key holding the wrong kind of value
        SET dst v => OK; SORT none STORE dst => 0; EXISTS dst => 0
        SORT none FOO => ERR syntax error
        SORT none LIMIT 1 => ERR syntax error
        SORT none LIMIT a b => ERR value is not an integer or out of range
        SORT_RO none STORE dst => ERR syntax error
        SORT none GET => ERR syntax error
        SORT => ERR wrong number of arguments for 'sort' command
        SORT_RO => ERR wrong number of arguments for 'sort_ro' command
        "#,
    );
}

#[test]
fn sort_by_and_get_of_keys_and_hash_fields() {
    check(
        r#"
        RPUSH {s}l 3 1 2 => 3
        HSET {s}w_1 f 5 name one => 2; HSET {s}w_2 f 30 name two => 2; HSET {s}w_3 f 4 => 1
        SORT {s}l BY {s}w_*->f => ["3", "1", "2"]
        SORT {s}l BY {s}w_*->f DESC GET # GET {s}w_*->name => ["2", "two", "1", "one", "3", nil]
        SORT {s}l BY {s}w_*->name ALPHA => ["3", "1", "2"]
        SORT {s}l BY {s}w_*->none => ["1", "2", "3"]
        SORT {s}l BY {s}w_*->name => ERR One or more scores can't be converted into double
        SORT_RO {s}l BY {s}w_*->f LIMIT 1 1 GET {s}w_*->f => ["5"]
        SORT {s}l BY {s}w_*->f GET {s}w_*->name STORE {s}d => 3; LRANGE {s}d 0 -1 => ["", "one", "two"]
        SET {s}v_1 x => OK; SORT {s}l GET {s}v_* GET {s}v_*->f GET {s}w_* => ["x", nil, nil, nil, nil, nil, nil, nil, nil]
        SORT {s}l BY {s}w_*-> => ["1", "2", "3"]; SORT {s}l GET {s}w_*-> => [nil, nil, nil]
        HSET {s}w_1-> f 1 => 1; SORT {s}l GET {s}w_*->->f => [nil, nil, nil]
        "#,
    );
}

#[test]
fn sort_reaches_for_hashes_wherever_they_are() {
    check(
        r#"
        SADD set a b c => 3
        HSET h_a f 3 => 1; HSET h_b f 1 => 1; HSET h_c f 2 => 1
        SORT set BY h_*->f GET # GET h_*->f => ["b", "1", "c", "2", "a", "3"]
        "#,
    );
}

#[test]
fn sets_are_in_order_where_scripts_sort_them() {
    check(
        r#"
        SADD s a aa aaa azz b bb z => 7
        EVAL "return redis.call('sort', KEYS[1], 'by', '_')" 1 s => ["a", "aa", "aaa", "azz", "b", "bb", "z"]
        EVAL "return redis.call('sort', KEYS[1], 'by', '_', 'desc')" 1 s => ["z", "bb", "b", "azz", "aaa", "aa", "a"]
        EVAL "return redis.call('sort', KEYS[1], 'by', '_', 'get', '#')" 1 s => ["a", "aa", "aaa", "azz", "b", "bb", "z"]
        "#,
    );
}

#[test]
fn wait_without_replicas() {
    check(
        r#"
        SET k v => OK; WAIT 0 1000 => 0; WAIT 0 0 => 0; WAIT -1 100 => 0
        WAIT 1 20 => 0
        WAIT 1 -1 => ERR timeout is negative
        WAIT x 1 => ERR value is not an integer or out of range
        WAIT 1 x => ERR timeout is not an integer or out of range
        WAIT 1 => ERR wrong number of arguments for 'wait' command
        [7.2] WAITAOF 0 0 10 => [0, 0]
        [7.2] WAITAOF 1 0 10 => ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.
        [7.2] WAITAOF 2 0 10 => ERR value is out of range, value must between 0 and 1
        [7.2] WAITAOF 0 -1 10 => ERR value is out of range, must be positive
        [7.2] WAITAOF 0 0 => ERR wrong number of arguments for 'waitaof' command
        "#,
    );
}

#[test]
fn wrong_arity_changes_nothing() {
    check(
        r#"
        SET k v => OK
        PERSIST => ERR wrong number of arguments for 'persist' command
        PERSIST k x => ERR wrong number of arguments for 'persist' command
        DUMP => ERR wrong number of arguments for 'dump' command
        RESTORE k 0 => ERR wrong number of arguments for 'restore' command
        RANDOMKEY k => ERR wrong number of arguments for 'randomkey' command
        MIGRATE h 1 k => ERR wrong number of arguments for 'migrate' command
        GET k => "v"
        "#,
    );
}

#[test]
fn unknown_commands_echo_their_arguments() {
    check(
        r#"
        NOSUCH => -"ERR unknown command 'NOSUCH', with args beginning with: "
        nosuch a b => -"ERR unknown command 'nosuch', with args beginning with: 'a' 'b' "
        NOSUCH "" "x y" => -"ERR unknown command 'NOSUCH', with args beginning with: '' 'x y' "
        {{z*200}} q => -"ERR unknown command '{{z*128}}', with args beginning with: 'q' "
        NOSUCH {{a*200}} b => -"ERR unknown command 'NOSUCH', with args beginning with: '{{a*128}}' "
        NOSUCH {{a*100}} {{b*100}} c => -"ERR unknown command 'NOSUCH', with args beginning with: '{{a*100}}' '{{b*25}}' "
        "NO\r\nSUCH" => -"ERR unknown command 'NO  SUCH', with args beginning with: "
        "" => -"ERR unknown command '', with args beginning with: "
        get => ERR wrong number of arguments for 'get' command
        "#,
    );
}
