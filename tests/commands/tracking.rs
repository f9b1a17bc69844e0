//! CLIENT TRACKING: what clients that cache are told.
//!
//! A message about another client's write comes when it comes: what is sent behind it in a pipeline may be answered
//! before. Hence another client's PING after each.

use crate::support::check::on_every_server;
use crate::support::{Conn, check, check_both, check_resp3};

#[test]
fn tracking_state_while_off() {
    check_both(
        r#"
        CLIENT GETREDIR => -1
        CLIENT TRACKINGINFO => {"flags": set["off"], "redirect": -1, "prefixes": []}
        CLIENT CACHING YES => ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled
        CLIENT CACHING maybe => error
        CLIENT TRACKING OFF => OK
        CLIENT TRACKING maybe => ERR syntax error
        CLIENT TRACKING ON FOO => ERR syntax error
        CLIENT TRACKING ON OPTIN OPTOUT => ERR You can't specify both OPTIN mode and OPTOUT mode
        CLIENT TRACKING ON PREFIX a => ERR PREFIX option requires BCAST mode to be enabled
        CLIENT TRACKING ON REDIRECT 99999999 => ERR The client ID you want redirect to does not exist
        CLIENT TRACKING ON REDIRECT abc => ERR value is not an integer or out of range
        CLIENT TRACKING ON BCAST OPTIN => ERR OPTIN and OPTOUT are not compatible with BCAST
        CLIENT TRACKING ON BCAST PREFIX ab PREFIX a => ERR Prefix 'ab' overlaps with another provided prefix 'a'. Prefixes for a single client must not overlap.
        CLIENT TRACKINGINFO => {"flags": set["off"], "redirect": -1, "prefixes": []}
        CLIENT GETREDIR x => ERR wrong number of arguments for 'client|getredir' command
        "#,
    );
}

#[test]
fn tracking_pushes_invalidations() {
    check_resp3(
        r#"
        SET k 1 => OK
        CLIENT TRACKING ON => OK; CLIENT TRACKINGINFO => {"flags": set["on"], "redirect": 0, "prefixes": []}
        CLIENT GETREDIR => 0
        GET k => "1"; c2: SET k 2 => OK; read => push["invalidate", ["k"]]; c2: PING => PONG
        c2: SET k 3 => OK; GET k => "3"; GET k => "3"; SET k 4 => OK; read => push["invalidate", ["k"]]; c2: PING => PONG
        CLIENT TRACKING OFF => OK; GET k => "4"; c2: SET k 5 => OK; PING => PONG
        CLIENT TRACKING ON NOLOOP => OK; GET k => "5"; SET k 6 => OK; GET k => "6"
        c2: SET k 7 => OK; read => push["invalidate", ["k"]]; c2: PING => PONG
        GET k => "7"; c2: FLUSHALL => OK; read => push["invalidate", nil]; c2: PING => PONG
        SET e 1 PX 300 => OK; GET e => "1"; read => push["invalidate", ["e"]]; c2: PING => PONG
        "#,
    );
}

#[test]
fn what_the_table_has_no_room_for_is_told_at_once() {
    check_resp3(
        r#"
        MSET {t}a 1 {t}b 2 => OK
        c2: CONFIG SET tracking-table-max-keys 1 => OK
        CLIENT TRACKING ON => OK
        GET {t}a => "1"; GET {t}b => "2"; read => push["invalidate", [any]]; c2: PING => PONG
        c2: CONFIG SET tracking-table-max-keys 10 => OK
        GET {t}a => "1"; GET {t}b => "2"
        c2: CONFIG SET tracking-table-max-keys 1 => OK; read => push["invalidate", [any]]; c2: PING => PONG
        "#,
    );
}

#[test]
fn an_emptied_database_is_told_of_as_a_whole() {
    check_resp3(
        r#"
        CLIENT TRACKING ON BCAST => OK
        c3: BLPOP nowhere 0.01 => nil-array
        c2: FLUSHALL => OK; read => push["invalidate", nil]; c2: PING => PONG
        c2: SET k v => OK; read => push["invalidate", ["k"]]; c2: PING => PONG
        "#,
    );
}

#[test]
fn no_key_is_remembered_beyond_a_flush() {
    check_resp3(
        r#"
        CLIENT TRACKING ON => OK
        GET a => nil; GET b => nil; SELECT 1 => OK; SET k v => OK; GET k => "v"; eventually INFO stats => txt/tracking_total_keys:3\r/
        c2: FLUSHALL => OK; read => push["invalidate", nil]; c2: PING => PONG
        eventually INFO stats => txt/tracking_total_keys:0\r/
        "#,
    );
}

#[test]
fn keys_of_several_shards_are_remembered_too() {
    check_resp3(
        r#"
        MSET a 1 b 2 c 3 => OK
        CLIENT TRACKING ON => OK
        MGET a b c => ["1", "2", "3"]
        c2: SET b 4 => OK; read => push["invalidate", ["b"]]; c2: PING => PONG
        c2: DEL c => 1; read => push["invalidate", ["c"]]; c2: PING => PONG
        MULTI => OK; GET a => QUEUED; EXEC => ["1"]
        c2: INCR a => 2; read => push["invalidate", ["a"]]; c2: PING => PONG
        "#,
    );
}

#[test]
fn reads_are_remembered_on_demand() {
    check_resp3(
        r#"
        MSET a 1 b 2 => OK
        CLIENT TRACKING ON OPTIN => OK
        CLIENT CACHING NO => ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.
        GET a => "1"; c2: SET a 2 => OK
        CLIENT CACHING YES => OK
        CLIENT TRACKINGINFO => {"flags": set["on", "optin", "caching-yes"], "redirect": 0, "prefixes": []}
        CLIENT CACHING YES => OK; GET a => "2"; GET b => "2"
        c2: SET b 3 => OK; c2: SET a 3 => OK; read => push["invalidate", ["a"]]; c2: PING => PONG
        CLIENT TRACKING ON OPTOUT => ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.
        CLIENT TRACKING OFF => OK; CLIENT TRACKING ON OPTOUT => OK
        CLIENT CACHING NO => OK; GET a => "3"; GET b => "3"
        c2: SET a 4 => OK; c2: SET b 4 => OK; read => push["invalidate", ["b"]]; c2: PING => PONG
        CLIENT TRACKING ON BCAST => ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.
        "#,
    );
}

/// CLIENT CACHING is for the next command that is not one of CLIENT's, be it refused.
#[test]
fn commands_about_the_client_do_not_use_up_caching() {
    check_resp3(
        r#"
        MSET a 1 b 2 => OK
        CLIENT TRACKING ON OPTIN => OK
        CLIENT CACHING YES => OK; CLIENT ID => any; CLIENT GETNAME => any; CLIENT CACHING maybe => error; GET a => "1"; GET b => "2"
        c2: SET b 3 => OK; c2: SET a 2 => OK; read => push["invalidate", ["a"]]; c2: PING => PONG
        CLIENT CACHING YES => OK; NOSUCH => error; GET a => "2"
        CLIENT TRACKINGINFO => {"flags": set["on", "optin"], "redirect": 0, "prefixes": []}
        CLIENT CACHING YES => OK; GET => error
        CLIENT TRACKINGINFO => {"flags": set["on", "optin"], "redirect": 0, "prefixes": []}
        CLIENT CACHING YES => OK; CLIENT ID x => error
        CLIENT TRACKINGINFO => {"flags": set["on", "optin", "caching-yes"], "redirect": 0, "prefixes": []}
        "#,
    );
}

#[test]
fn prefixes_are_heard_without_reading() {
    check_resp3(
        r#"
        CLIENT TRACKING ON BCAST PREFIX user: PREFIX x NOLOOP => OK
        CLIENT TRACKINGINFO => {"flags": set["on", "bcast", "noloop"], "redirect": 0, "prefixes": ["user:", "x"]}
        c2: SET other 1 => OK
        c2: SET user:1 1 => OK; read => push["invalidate", ["user:1"]]; c2: PING => PONG
        SET user:2 1 => OK
        c2: SET x1 1 => OK; read => push["invalidate", ["x1"]]; c2: PING => PONG
        CLIENT TRACKING ON BCAST PREFIX user:1 => ERR Prefix 'user:1' overlaps with an existing prefix 'user:'. Prefixes for a single client must not overlap.
        "#,
    );
    // A message for each prefix, with each key once.
    check_resp3(
        r#"
        CLIENT TRACKING ON BCAST PREFIX a: PREFIX b: => OK
        c2: MULTI => OK; c2: INCR a:{t}1 => QUEUED; c2: INCR a:{t}2 => QUEUED; c2: INCR b:{t}1 => QUEUED
        c2: INCR a:{t}1 => QUEUED; c2: INCR c:{t} => QUEUED; c2: EXEC => [1, 1, 1, 2, 1]
        read => push["invalidate", ["a:{t}1", "a:{t}2"]]; read => push["invalidate", ["b:{t}1"]]; c2: PING => PONG
        "#,
    );
    // What one command changes comes in one message, also of keys that were read before.
    check_resp3(
        r#"
        MSET {t}a 1 {t}b 2 => OK
        CLIENT TRACKING ON => OK; MGET {t}a {t}b => ["1", "2"]
        CLIENT TRACKING OFF => OK; CLIENT TRACKING ON BCAST => OK
        c2: MSET {t}a 3 {t}b 4 => OK; read => push["invalidate", ["{t}a", "{t}b"]]; c2: PING => PONG
        "#,
    );
}

#[test]
fn messages_can_go_to_another_client() {
    check(
        r#"
        c2: CLIENT ID => @id
        c2: SUBSCRIBE __redis__:invalidate => any
        SET k 1 => OK
        CLIENT TRACKING ON REDIRECT {{$id}} => OK
        CLIENT TRACKING ON REDIRECT {{$id}} REDIRECT 7 => ERR A client can only redirect to a single other client
        GET k => "1"
        c3: SET k 2 => OK
        c2: read => ["message", "__redis__:invalidate", ["k"]]
        c3: FLUSHDB => OK
        c2: read => ["message", "__redis__:invalidate", nil]
        "#,
    );
}

#[test]
fn what_scripts_read_is_remembered() {
    // Not what they declare.
    check_resp3(
        r#"
        [7.2] MSET a 1 b 2 c 3 => OK
        [7.2] CLIENT TRACKING ON => OK
        [7.2] EVAL "return redis.call('get', KEYS[1])" 2 a b => "1"
        [7.2] c2: SET b 4 => OK; [7.2] c2: SET a 5 => OK; [7.2] read => push["invalidate", ["a"]]; [7.2] c2: PING => PONG
        [7.2] EVAL "return redis.call('set', KEYS[1], 1)" 1 a => OK; [7.2] c2: SET a 6 => OK
        [7.2] EVAL "return redis.call('mget', ARGV[1], ARGV[2])" 0 b c => ["4", "3"]
        [7.2] c2: SET b 7 => OK; [7.2] read => push["invalidate", ["b"]]; [7.2] c2: PING => PONG
        [7.2] c2: SET c 7 => OK; [7.2] read => push["invalidate", ["c"]]; [7.2] c2: PING => PONG
        [7.2] EVAL_RO "return redis.pcall('hget', KEYS[1], 'f')" 1 c => WRONGTYPE ...
        [7.2] c2: SET c 8 => OK; [7.2] read => push["invalidate", ["c"]]; [7.2] c2: PING => PONG
        [7.2] MULTI => OK; [7.2] EVAL "return redis.call('get', KEYS[1])" 1 a => QUEUED; [7.2] EXEC => ["6"]
        [7.2] c2: SET a 8 => OK; [7.2] read => push["invalidate", ["a"]]; [7.2] c2: PING => PONG
        [7.2] EVAL "redis.call('select', 1) return redis.call('exists', KEYS[1])" 1 a => 0
        [7.2] c2: SET a 9 => OK; [7.2] c2: SELECT 1 => OK; [7.2] c2: SET a 1 => OK; [7.2] read => push["invalidate", ["a"]]; [7.2] c2: PING => PONG
        "#,
    );
    // Whoever changes in a script what it has read is told, if it wants to hear of its own changes.
    check_resp3(
        r#"
        SET {t}k 1 => OK; SET {t}l 1 => OK; SET m 1 => OK
        CLIENT TRACKING ON => OK
        EVAL "redis.call('get', KEYS[1]) redis.call('set', KEYS[1], 2) return 1" 1 {t}k => 1; read => push["invalidate", ["{t}k"]]
        c2: PING => PONG
        GET {t}k => "2"; EVAL "return redis.call('incr', KEYS[1])" 1 {t}k => 3; read => push["invalidate", ["{t}k"]]
        c2: PING => PONG
        GET m => "1"
        c2: EVAL "return {redis.call('incr', KEYS[1]), redis.call('incr', KEYS[2])}" 2 m {t}k => [2, 4]; read => push["invalidate", ["m"]]
        c2: PING => PONG
        "#,
    );
    check_resp3(
        r#"
        MSET a 1 b 1 => OK
        CLIENT TRACKING ON NOLOOP => OK
        GET a => "1"; GET b => "1"
        EVAL "redis.call('get', KEYS[1]) redis.call('incr', KEYS[1]) return redis.call('incr', KEYS[2])" 2 a b => 2
        GET a => "2"; GET b => "2"
        c2: EVAL "return redis.call('incr', KEYS[1])" 1 a => 3; read => push["invalidate", ["a"]]; c2: PING => PONG
        CLIENT TRACKING OFF => OK; CLIENT TRACKING ON OPTIN => OK
        [7.2] EVAL "return redis.call('get', KEYS[1])" 1 a => "3"; [7.2] c2: SET a 1 => OK
        [7.2] CLIENT CACHING YES => OK; [7.2] EVAL "return redis.call('get', KEYS[1])" 1 a => "1"
        [7.2] c2: SET a 2 => OK; [7.2] read => push["invalidate", ["a"]]; [7.2] c2: PING => PONG
        "#,
    );
}

#[test]
fn a_transaction_over_several_shards_tells_what_it_changed_behind_its_reads() {
    check_resp3(
        r#"
        MSET a 1 b 1 c 1 => OK
        CLIENT TRACKING ON => OK
        MULTI => OK; GET a => QUEUED; SET a 2 => QUEUED; RENAME b c => QUEUED; EXEC => ["1", OK, OK]
        read => push["invalidate", ["a"]]; c2: PING => PONG
        "#,
    );
    // Each shard's keys are one's own changes.
    check_resp3(
        r#"
        MSET a 1 b 1 c 1 => OK
        CLIENT TRACKING ON NOLOOP => OK
        MGET a b c => ["1", "1", "1"]
        RENAME a b => OK; BITOP AND c b b => 1
        c2: SET b 2 => OK; c2: PING => PONG; MGET a b c => [nil, "2", "1"]
        c2: SET c 2 => OK; read => push["invalidate", ["c"]]; c2: PING => PONG
        "#,
    );
}

#[test]
fn who_redirects_to_a_client_that_left_is_told() {
    // The clients are on different cores.
    for target in ["c2", "c3", "c4", "c5"] {
        check_resp3(&format!(
            r#"
            c2: PING => PONG; c3: PING => PONG; c4: PING => PONG; c5: PING => PONG
            {target}: CLIENT ID => @id
            MSET a 1 b 1 c 1 d 1 => OK
            CLIENT TRACKING ON REDIRECT {{{{$id}}}} => OK
            GET a => "1"; GET b => "1"
            {target}: QUIT => OK
            c6: SET a 2 => OK; read => push["tracking-redir-broken", int]; c6: PING => PONG
            CLIENT TRACKINGINFO => {{"flags": set["on", "broken_redirect"], "redirect": int, "prefixes": []}}
            c6: SET b 2 => OK; read => push["tracking-redir-broken", int]; c6: PING => PONG
            "#,
        ));
    }
}

/// Who has a reply reads in INFO what came of the command.
#[test]
fn what_is_remembered_is_counted_at_once() {
    on_every_server(|server| {
        let mut conn = server.conn();
        let total = |conn: &mut Conn, wanted: &str| {
            let info = conn.call("INFO stats").to_string();
            let wanted = format!("tracking_total_keys:{wanted}\\r");
            assert!(info.contains(&wanted), "{wanted} in {info}");
        };
        let mut other = server.conn();
        let id = other.call("CLIENT ID");
        let on = format!("CLIENT TRACKING on REDIRECT {id}");
        conn.call("MSET a 1 b 2 c 3");
        conn.call(&on);
        for round in 0..20 {
            conn.call(if round % 2 == 0 {
                "MGET a b"
            } else {
                "MGET a b c"
            });
            total(&mut conn, if round % 2 == 0 { "2" } else { "3" });
            conn.call("FLUSHALL");
            total(&mut conn, "0");
            conn.call("CLIENT TRACKING off");
            conn.call("MSET a 1 b 2 c 3");
            conn.call(&on);
        }
    });
}
