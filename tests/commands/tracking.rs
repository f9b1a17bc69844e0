//! CLIENT TRACKING: what clients that cache are told.
//!
//! A message about another client's write comes when it comes: what is sent behind it in a pipeline may be answered
//! before. Hence another client's PING after each.

use crate::support::{check, check_both, check_resp3};

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
