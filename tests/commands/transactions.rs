//! MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use crate::support::{check, check_both, check_resp3};

#[test]
fn exec_runs_the_queue_in_order() {
    check_both(
        r#"
        MULTI => OK; SET a 1 => QUEUED; INCR a => QUEUED; GET a => QUEUED; GET none => QUEUED
        PING => QUEUED
        EXEC => [OK, 2, "2", nil, PONG]
        MULTI => OK; EXEC => []
        GET a => "2"
        "#,
    );
}

#[test]
fn exec_over_several_shards_is_one_step() {
    check_both(
        r#"
        MULTI => OK
        SET a 1 => QUEUED; SET b 2 => QUEUED; SET c 3 => QUEUED; SET d 4 => QUEUED; SET e 5 => QUEUED
        MGET a b c d e => QUEUED; DEL a c e => QUEUED; DBSIZE => QUEUED; RENAME b z => QUEUED
        MGET a b z => QUEUED; KEYS * => QUEUED; MSETNX z 1 y 2 => QUEUED; MSETNX x 1 y 2 => QUEUED
        BITOP OR w x y => QUEUED; COPY w v => QUEUED; EXISTS v w x y z => QUEUED; SCAN 0 COUNT 1000 => QUEUED
        EXEC => [OK, OK, OK, OK, OK, ["1", "2", "3", "4", "5"], 3, 2, OK,
                 [nil, nil, "2"], unordered["d", "z"], 0, 1,
                 1, 1, 5, [bulk, array]]
        "#,
    );
}

#[test]
fn errors_inside_exec_are_elements() {
    check(
        r#"
        SET s abc => OK
        MULTI => OK; INCR s => QUEUED; SET t v => QUEUED; INCRBY n x => QUEUED; GET s => QUEUED
        EXEC => [-"ERR value is not an integer or out of range", OK, -"ERR value is not an integer or out of range", "abc"]
        GET t => "v"
        "#,
    );
}

#[test]
fn errors_while_queueing_discard_the_transaction() {
    check(
        r#"
        MULTI => OK; SET a 1 => QUEUED
        NOSUCH => -"ERR unknown command 'NOSUCH', with args beginning with: "
        SET b 2 => QUEUED
        EXEC => EXECABORT Transaction discarded because of previous errors.
        MGET a b => [nil, nil]
        MULTI => OK; GET => ERR wrong number of arguments for 'get' command
        EXEC => EXECABORT Transaction discarded because of previous errors.
        EXEC => ERR EXEC without MULTI
        MULTI => OK; CLIENT FOO => error; DISCARD => OK; SET a 1 => OK
        "#,
    );
}

#[test]
fn nesting_and_missing_multi() {
    check(
        r#"
        EXEC => ERR EXEC without MULTI
        DISCARD => ERR DISCARD without MULTI
        MULTI => OK; MULTI => ERR MULTI calls can not be nested
        SET a 1 => QUEUED; WATCH a => ERR WATCH inside MULTI is not allowed
        EXEC => [OK]
        MULTI => OK; SET a 2 => QUEUED; DISCARD => OK; GET a => "1"; DISCARD => ERR DISCARD without MULTI
        MULTI x => ERR wrong number of arguments for 'multi' command
        EXEC x => EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command
        DISCARD x => ERR wrong number of arguments for 'discard' command
        WATCH => ERR wrong number of arguments for 'watch' command
        UNWATCH x => ERR wrong number of arguments for 'unwatch' command
        UNWATCH => OK
        "#,
    );
}

#[test]
fn unwatch_in_a_transaction_is_queued() {
    check("WATCH a => OK; MULTI => OK; UNWATCH => QUEUED; EXEC => [OK]");
}

#[test]
fn nothing_is_visible_before_exec() {
    check(
        r#"
        MULTI => OK; SET a 1 => QUEUED; SET b 2 => QUEUED
        c2: MGET a b => [nil, nil]
        EXEC => [OK, OK]
        c2: MGET a b => ["1", "2"]
        "#,
    );
}

#[test]
fn watch_aborts_when_a_key_changed() {
    check_both(
        r#"
        SET a 1 => OK
        WATCH a => OK; c2: SET a 2 => OK; MULTI => OK; SET a 3 => QUEUED; EXEC => nil-array
        GET a => "2"
        MULTI => OK; SET a 3 => QUEUED; EXEC => [OK]
        WATCH a => OK; SET a 4 => OK; MULTI => OK; GET a => QUEUED; EXEC => nil-array
        WATCH a => OK; c2: SET other 1 => OK; MULTI => OK; GET a => QUEUED; EXEC => ["4"]
        WATCH a => OK; MULTI => OK; GET a => QUEUED; c2: APPEND a x => 2; EXEC => nil-array
        "#,
    );
}

#[test]
fn watch_of_keys_on_several_shards() {
    check_both(
        r#"
        MSET a 1 b 2 c 3 d 4 => OK
        WATCH a b c d => OK; c2: SET c x => OK; MULTI => OK; SET e 1 => QUEUED; SET f 1 => QUEUED; EXEC => nil-array
        EXISTS e f => 0
        WATCH a b c d => OK; MULTI => OK; SET e 1 => QUEUED; SET f 1 => QUEUED; EXEC => [OK, OK]
        WATCH a => OK; WATCH b => OK; WATCH none => OK; c2: SET none v => OK
        MULTI => OK; MGET a b => QUEUED; EXEC => nil-array
        WATCH a => OK; c2: SET a 2 => OK; MULTI => OK; EXEC => nil-array
        "#,
    );
}

#[test]
fn what_counts_as_a_change() {
    check(
        r#"
        SET a 1 => OK
        WATCH a => OK; c2: GET a => "1"; c2: TTL a => -1; c2: SET a 9 NX => nil; MULTI => OK; EXEC => []
        WATCH a => OK; c2: SET a 1 => OK; MULTI => OK; EXEC => nil-array
        WATCH a => OK; c2: EXPIRE a 100 => 1; MULTI => OK; EXEC => nil-array
        WATCH a => OK; c2: PERSIST a => 1; MULTI => OK; EXEC => nil-array
        WATCH a => OK; c2: DEL a => 1; MULTI => OK; EXEC => nil-array
        WATCH a => OK; c2: DEL a => 0; MULTI => OK; EXEC => []
        WATCH a => OK; c2: SET a 1 => OK; c2: DEL a => 1; MULTI => OK; EXEC => nil-array
        SET b 1 => OK
        WATCH a => OK; c2: RENAME b a => OK; MULTI => OK; EXEC => nil-array
        WATCH a => OK; c2: RENAME a b => OK; MULTI => OK; EXEC => nil-array
        WATCH b => OK; c2: SETRANGE b 0 "" => 1; MULTI => OK; EXEC => []
        WATCH b => OK; c2: EXPIRE b 100 XX => 0; MULTI => OK; EXEC => []
        WATCH b => OK; c2: GETEX b EX 100 => "1"; MULTI => OK; EXEC => nil-array
        WATCH b => OK; c2: MSETNX b 1 c 1 => 0; MULTI => OK; EXEC => []
        WATCH b => OK; c2: SETBIT b 7 0 => any; MULTI => OK; EXEC => nil-array
        WATCH b => OK; c2: COPY b x => 1; MULTI => OK; EXEC => []
        WATCH b => OK; c2: GETDEL b => bulk; MULTI => OK; EXEC => nil-array
        "#,
    );
}

#[test]
fn flush_and_swapdb_touch_watched_keys() {
    check(
        r#"
        SET a 1 => OK; WATCH a => OK; c2: FLUSHALL => OK; MULTI => OK; EXEC => nil-array
        SET a 1 => OK; WATCH a => OK; c2: FLUSHDB => OK; MULTI => OK; EXEC => nil-array
        WATCH a => OK; c2: FLUSHALL => OK; MULTI => OK; EXEC => []
        SET a 1 => OK; WATCH a => OK; c2: SELECT 1 => OK; c2: FLUSHDB => OK; MULTI => OK; EXEC => []
        WATCH a => OK; c2: SWAPDB 0 1 => OK; MULTI => OK; EXEC => nil-array
        c2: SWAPDB 0 1 => OK
        WATCH a => OK; c2: SWAPDB 2 3 => OK; MULTI => OK; EXEC => []
        WATCH none => OK; c2: SWAPDB 0 1 => OK; MULTI => OK; EXEC => []
        "#,
    );
}

/// A key that is there but expired is not there, whichever database it comes from.
#[test]
fn swapdb_of_expired_keys_and_watch() {
    check(
        r#"
        DEBUG SET-ACTIVE-EXPIRE 0 => OK; c3: SELECT 5 => OK
        # Nobody looks at x until it is late: looking would remove it.
        SELECT 1 => OK; SET x stale PX 5 => OK; c3: SET later v PX 30 => OK; c3: eventually EXISTS later => 0
        SELECT 0 => OK; WATCH x => OK; c2: SWAPDB 0 1 => OK; MULTI => OK; PING => QUEUED; EXEC => [PONG]
        FLUSHALL => OK
        SET x stale PX 5 => OK; c3: SET later v PX 30 => OK; c3: eventually EXISTS later => 0
        WATCH x => OK; c2: SWAPDB 0 1 => OK; MULTI => OK; PING => QUEUED; EXEC => [PONG]
        SET x stale PX 5 => OK; SELECT 1 => OK; SET x stale PX 5 => OK; SELECT 0 => OK
        c3: SET later v PX 30 => OK; c3: eventually EXISTS later => 0
        WATCH x => OK; c2: SWAPDB 0 1 => OK; MULTI => OK; PING => QUEUED; EXEC => [PONG]
        SELECT 1 => OK; SET x fresh => OK; SELECT 0 => OK
        WATCH x => OK; c2: SWAPDB 0 1 => OK; MULTI => OK; PING => QUEUED; EXEC => nil-array
        DEBUG SET-ACTIVE-EXPIRE 1 => OK
        "#,
    );
}

/// It was seen alive: that it is late in both databases does not hide the change.
#[test]
fn swapdb_of_a_key_that_expired_under_watch() {
    check(
        r#"
        DEBUG SET-ACTIVE-EXPIRE 0 => OK; c3: SELECT 5 => OK
        SELECT 1 => OK; SET x stale PX 5 => OK; SELECT 0 => OK; SET x live PX 300 => OK; WATCH x => OK
        c3: SET later v PX 350 => OK; c3: eventually EXISTS later => 0
        c2: SWAPDB 0 1 => OK; MULTI => OK; PING => QUEUED; EXEC => nil-array
        DEBUG SET-ACTIVE-EXPIRE 1 => OK
        "#,
    );
}

#[test]
fn watch_belongs_to_a_database() {
    check(
        r#"
        SET a 1 => OK; WATCH a => OK; c2: SELECT 1 => OK; c2: SET a 2 => OK; MULTI => OK; EXEC => []
        SELECT 1 => OK; WATCH a => OK; SELECT 0 => OK; c2: SET a 3 => OK; MULTI => OK; EXEC => nil-array
        "#,
    );
}

#[test]
fn watch_and_expiry() {
    check(
        r#"
        # Expired after it was watched: changed.
        SET a 1 PX 300 => OK; WATCH a => OK; c2: SET b 1 => OK
        c2: eventually EXISTS a => 0
        MULTI => OK; EXEC => nil-array
        # Expired before it was watched: nothing changes when it is removed.
        DEBUG SET-ACTIVE-EXPIRE 0 => OK
        SET a 1 PX 10 => OK; SET later 1 PX 40 => OK; eventually EXISTS later => 0
        WATCH a => OK; c2: GET a => nil; MULTI => OK; EXEC => []
        # The same if nobody removes it.
        SET a 1 PX 10 => OK; SET later 1 PX 40 => OK; eventually EXISTS later => 0
        WATCH a => OK; MULTI => OK; PING => QUEUED; EXEC => [PONG]
        # Expired since it was watched, but nobody has removed it: changed all the same.
        SET a 1 PX 300 => OK; WATCH a => OK; SET later 1 PX 350 => OK
        eventually EXISTS later => 0
        MULTI => OK; INCR a => QUEUED; EXEC => nil-array
        # Wherever the commands run, and if one thread runs them all.
        MSET b 1 c 1 d 1 => OK
        SET a 1 PX 300 => OK; WATCH a b c => OK; SET later 1 PX 350 => OK; eventually EXISTS later => 0
        MULTI => OK; INCR b => QUEUED; DEL c d => QUEUED; EXEC => nil-array
        SET a 1 PX 300 => OK; WATCH d a => OK; SET later 1 PX 350 => OK; eventually EXISTS later => 0
        MULTI => OK; RENAME b c => QUEUED; MGET a b c d => QUEUED; EXEC => nil-array
        SET a 1 PX 300 => OK; WATCH a => OK; SET later 1 PX 350 => OK; eventually EXISTS later => 0
        MULTI => OK; DBSIZE => QUEUED; INFO server => QUEUED; EXEC => nil-array
        MGET b c d => ["1", "1", "1"]
        DEBUG SET-ACTIVE-EXPIRE 1 => OK
        "#,
    );
}

#[test]
fn unwatch_discard_and_reset_forget_the_watch() {
    check(
        r#"
        SET a 1 => OK
        WATCH a => OK; UNWATCH => OK; c2: SET a 2 => OK; MULTI => OK; EXEC => []
        WATCH a => OK; MULTI => OK; DISCARD => OK; c2: SET a 3 => OK; MULTI => OK; EXEC => []
        WATCH a => OK; RESET => RESET; c2: SET a 4 => OK; MULTI => OK; EXEC => []
        WATCH a => OK; MULTI => OK; EXEC => []; c2: SET a 5 => OK; MULTI => OK; EXEC => []
        WATCH a a a => OK; c2: SET a 6 => OK; MULTI => OK; EXEC => nil-array
        "#,
    );
}

#[test]
fn a_dirty_watch_and_a_queue_error() {
    check(
        r#"
        SET a 1 => OK; WATCH a => OK; c2: SET a 2 => OK
        MULTI => OK; NOSUCH => error; EXEC => EXECABORT Transaction discarded because of previous errors.
        "#,
    );
}

#[test]
fn select_in_a_transaction_takes_effect_at_exec() {
    check(
        r#"
        MULTI => OK; SET k zero => QUEUED; SELECT 1 => QUEUED; SET k one => QUEUED; GET k => QUEUED
        EXEC => [OK, OK, OK, "one"]
        GET k => "one"; SELECT 0 => OK; GET k => "zero"
        MULTI => OK; SELECT 99 => QUEUED; GET k => QUEUED
        EXEC => [-"ERR DB index is out of range", "zero"]
        "#,
    );
}

#[test]
fn commands_that_cannot_be_queued() {
    check(
        r#"
        MULTI => OK
        SHUTDOWN => ERR Command not allowed inside a transaction
        EXEC => EXECABORT Transaction discarded because of previous errors.
        "#,
    );
}

#[test]
fn monitor_in_a_transaction() {
    check(
        r#"
        MULTI => OK; MONITOR => QUEUED; GET a => QUEUED
        EXEC => [-"ERR MONITOR isn't allowed for DENY BLOCKING client", nil]
        "#,
    );
}

/// Commands that ask all cores, one after the other and in their places; then what follows in the pipeline.
#[test]
fn server_commands_in_a_transaction() {
    check(
        r#"
        SET k v => OK
        MULTI => OK; CONFIG SET maxmemory-samples 7 => QUEUED; SLOWLOG LEN => QUEUED; CONFIG GET maxmemory-samples => QUEUED
        GET k => QUEUED; SLOWLOG RESET => QUEUED; DBSIZE => QUEUED; LATENCY RESET => QUEUED; DEBUG OBJECT k => QUEUED
        CONFIG SET maxmemory-samples 0 => QUEUED; CLIENT LIST => QUEUED; CLIENT UNBLOCK 999999 => QUEUED
        EXEC => [OK, int, ["maxmemory-samples", "7"], "v", OK, 1, int, simple, error, bulk, 0]
        CONFIG SET maxmemory-samples 5 => OK
        "#,
    );
}

#[test]
fn a_long_queue_of_server_commands() {
    let queue = "CLIENT LIST => QUEUED\n".repeat(1500);
    let replies = vec!["bulk"; 1500].join(", ");
    check(&format!(
        "MULTI => OK\n{queue}EXEC => [{replies}]\nPING => PONG"
    ));
}

#[test]
fn connection_commands_in_a_transaction() {
    check(
        r#"
        MULTI => OK; CLIENT SETNAME me => QUEUED; CLIENT GETNAME => QUEUED; ECHO hi => QUEUED
        CONFIG GET maxclients => QUEUED; TIME => QUEUED; COMMAND COUNT => QUEUED; INFO server => QUEUED
        EXEC => [OK, "me", "hi", ["maxclients", bulk], [bulk, bulk], int, bulk]
        MULTI => OK; SET a 1 => QUEUED; RESET => RESET; EXEC => ERR EXEC without MULTI
        GET a => nil
        "#,
    );
}

#[test]
fn quit_in_a_transaction_closes() {
    check("MULTI => OK; SET a 1 => QUEUED; QUIT => OK; read => closed; c2: GET a => nil");
}

#[test]
fn closing_discards_the_queue() {
    check("MULTI => OK; SET a 1 => QUEUED; close; c2: GET a => nil");
}

#[test]
fn hello_in_a_transaction() {
    check_resp3(
        r#"
        MULTI => OK; GET none => QUEUED; EXEC => [nil]
        WATCH a => OK; c2: SET a 1 => OK; MULTI => OK; EXEC => nil-array
        "#,
    );
}

#[test]
fn a_long_queue() {
    let queue: String = (0..1000)
        .map(|i| format!("INCR n{}=> QUEUED\n", i % 10))
        .collect();
    let queue = queue.replace("=>", " =>");
    let replies: Vec<String> = (0..1000).map(|i| (i / 10 + 1).to_string()).collect();
    check(&format!(
        "MULTI => OK\n{queue}EXEC => [{}]\nGET n3 => \"100\"",
        replies.join(", ")
    ));
}

#[test]
fn a_queue_of_big_values() {
    check(
        r#"
        MULTI => OK; SET a {{x*100000}} => QUEUED; SET b {{y*100000}} => QUEUED; MGET a b => QUEUED
        EXEC => [OK, OK, ["{{x*100000}}", "{{y*100000}}"]]
        "#,
    );
}

#[test]
fn commands_of_the_client_run_in_their_place() {
    check(
        r#"
        MULTI => OK; SET a 1 => QUEUED; SELECT 1 => QUEUED; SET a 2 => QUEUED; SELECT 0 => QUEUED; GET a => QUEUED
        EXEC => [OK, OK, OK, OK, "1"]
        SELECT 1 => OK; GET a => "2"; DEL a => 1; SELECT 0 => OK
        MULTI => OK; HSET h a 1 b 2 => QUEUED; CONFIG SET hash-max-listpack-entries 1 => QUEUED
        HSET i a 1 b 2 => QUEUED; OBJECT ENCODING h => QUEUED; OBJECT ENCODING i => QUEUED
        CONFIG SET hash-max-listpack-entries 512 => QUEUED; CONFIG SET hash-max-listpack-entries x => QUEUED
        HSET j a 1 b 2 => QUEUED; OBJECT ENCODING j => QUEUED
        EXEC => [2, OK, 2, "listpack", "hashtable", OK, error, 2, "listpack"]
        MULTI => OK; SET a 1 => QUEUED; CLIENT SETNAME x => QUEUED; CLIENT GETNAME => QUEUED; CLIENT SETNAME "" => QUEUED
        INFO commandstats => QUEUED; CLIENT LIST => QUEUED; GET a => QUEUED; CLIENT NOSUCH => error; DISCARD => OK
        MULTI => OK; SET a 1 => QUEUED; CLIENT SETNAME x => QUEUED; CLIENT GETNAME => QUEUED; CLIENT SETNAME "" => QUEUED
        INFO commandstats => QUEUED; CLIENT LIST => QUEUED; GET a => QUEUED; CONFIG GET maxmemory => QUEUED
        EXEC => [OK, OK, "x", OK, any, any, "1", ["maxmemory", "0"]]
        "#,
    );
}

#[test]
fn nothing_runs_if_a_watched_key_expired() {
    check(
        r#"
        SELECT 0 => OK; SET a 1 PX 300 => OK; SET b 1 => OK; WATCH a b => OK
        BLPOP none 0.4 => nil-array
        MULTI => OK; CONFIG SET hash-max-listpack-entries 7 => QUEUED; SELECT 5 => QUEUED; SET b 2 => QUEUED
        EXEC => nil-array
        CONFIG GET hash-max-listpack-entries => ["hash-max-listpack-entries", "512"]; GET b => "1"
        "#,
    );
}

/// Of what is no key, too, each sees what those before it have done.
#[test]
fn commands_without_keys_run_in_order() {
    check(
        r##"
        SET k v => OK
        MULTI => OK; CONFIG SET maxmemory-policy allkeys-lfu => QUEUED; OBJECT FREQ k => QUEUED
        CONFIG SET maxmemory-policy noeviction => QUEUED; OBJECT FREQ k => QUEUED
        EXEC => [OK, int, OK, error]
        MULTI => OK; CONFIG SET slowlog-log-slower-than 0 => QUEUED; SLOWLOG RESET => QUEUED; SLOWLOG LEN => QUEUED
        CONFIG SET slowlog-log-slower-than 10000 => QUEUED; EXEC => [OK, OK, 1, OK]
        MULTI => OK; EVAL "return 1" 0 => QUEUED; SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db => QUEUED
        SCRIPT FLUSH => QUEUED; SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db => QUEUED
        EXEC => [1, [1], OK, [0]]
        MULTI => OK; SELECT 3 => QUEUED; CLIENT LIST => QUEUED; SELECT 0 => QUEUED
        EXEC => [OK, /flags=x db=3 .* multi=3 /, OK]
        CLIENT LIST => /flags=N db=0 .* multi=-1 /
        MULTI => OK; CONFIG SET maxmemory-policy allkeys-lfu => QUEUED; WAIT 1 0 => QUEUED; TIME => QUEUED
        CONFIG GET maxmemory-policy => QUEUED; CONFIG SET maxmemory-policy noeviction => QUEUED
        EXEC => [OK, 0, [bulk, bulk], ["maxmemory-policy", "allkeys-lfu"], OK]
        "##,
    );
    check(
        r##"
        [ours] MULTI => OK; [ours] SUBSCRIBE a => QUEUED; [ours] PUBSUB NUMSUB a => QUEUED; [ours] PUBLISH a x => QUEUED
        [ours] UNSUBSCRIBE a => QUEUED; [ours] PUBSUB NUMSUB a => QUEUED
        [ours] EXEC => [any, ["a", 1], 1, any, ["a", 0]]; [ours] read => ["message", "a", "x"]
        "##,
    );
}

#[test]
fn what_was_written_before_is_seen() {
    let turns: String = (0..20)
        .map(|n| {
            format!(
                "SET a{n} 1 => OK; MULTI => OK; INFO keyspace => QUEUED; EXEC => [/keys={},/]\n",
                n + 1
            )
        })
        .collect();
    check(&turns);
    check(
        r##"
        MSET a 1 b 2 c 3 => OK; MULTI => OK; SCAN 0 COUNT 1000 => QUEUED; EXEC => [["0", unordered["a", "b", "c"]]]
        MULTI => OK; MSET d 1 e 2 f 3 g 3 => QUEUED; SCAN 0 COUNT 1000 => QUEUED; DEL a b c d e f g => QUEUED
        SCAN 0 COUNT 1000 => QUEUED
        EXEC => [OK, ["0", array(7)], 7, ["0", []]]
        "##,
    );
}
