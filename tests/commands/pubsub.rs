//! Publish and subscribe, and keyspace notifications.

use crate::support::{check, check_both, check_resp3};

#[test]
fn who_hears_itself_is_told_of_the_reply_first() {
    check_resp3(
        r#"
        [7.2] SUBSCRIBE ch => push["subscribe", "ch", 1]; [7.2] PUBLISH ch m => 1; [7.2] read => push["message", "ch", "m"]
        [7.2] PSUBSCRIBE c* => push["psubscribe", "c*", 2]; [7.2] PUBLISH ch m => 2
        [7.2] read => push["message", "ch", "m"]; [7.2] read => push["pmessage", "c*", "ch", "m"]
        "#,
    );
}

#[test]
fn confirmations_come_even_where_replies_do_not() {
    check_both(
        r#"
        CLIENT REPLY OFF => none; SUBSCRIBE ch => push["subscribe", "ch", 1]; PSUBSCRIBE p* => push["psubscribe", "p*", 2]
        c2: PUBLISH ch m => 1; read => push["message", "ch", "m"]
        UNSUBSCRIBE ch => push["unsubscribe", "ch", 1]; PUNSUBSCRIBE => push["punsubscribe", "p*", 0]
        CLIENT REPLY ON => OK; CLIENT REPLY SKIP => none; SUBSCRIBE ch => push["subscribe", "ch", 1]
        "#,
    );
}

#[test]
fn messages_reach_channels_and_patterns() {
    check(
        r#"
        c2: SUBSCRIBE news => ["subscribe", "news", 1]
        c2: PSUBSCRIBE n?ws => ["psubscribe", "n?ws", 2]
        c3: PSUBSCRIBE * => ["psubscribe", "*", 1]
        PUBLISH news hello => 3
        c2: read => ["message", "news", "hello"]
        c2: read => ["pmessage", "n?ws", "news", "hello"]
        c3: read => ["pmessage", "*", "news", "hello"]
        PUBLISH other x => 1
        c3: read => ["pmessage", "*", "other", "x"]
        c2: UNSUBSCRIBE news => ["unsubscribe", "news", 1]
        c2: PUNSUBSCRIBE => ["punsubscribe", "n?ws", 0]
        c2: PUNSUBSCRIBE => ["punsubscribe", nil, 0]
        c2: UNSUBSCRIBE nope => ["unsubscribe", "nope", 0]
        c2: PING => PONG
        PUBLISH news again => 1
        "#,
    );
}

#[test]
fn what_a_subscribed_client_may_do() {
    check(
        r#"
        SUBSCRIBE a => ["subscribe", "a", 1]
        SUBSCRIBE a => ["subscribe", "a", 1]
        PING => ["pong", ""]
        PING x => ["pong", "x"]
        GET a => ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        CLIENT ID => ERR Can't execute 'client|id': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context
        RESET => RESET
        GET a => nil
        c2: PUBLISH a x => 0
        "#,
    );
    check_resp3(
        r#"
        SUBSCRIBE a => push["subscribe", "a", 1]
        PING => PONG
        GET a => nil
        # The message comes behind the reply.
        [7.2] PUBLISH a x => 1; [7.2] read => push["message", "a", "x"]
        UNSUBSCRIBE => push["unsubscribe", "a", 0]
        "#,
    );
}

#[test]
fn shard_channels_stand_apart() {
    check(
        r#"
        c2: SSUBSCRIBE a => ["ssubscribe", "a", 1]
        c3: SUBSCRIBE a => ["subscribe", "a", 1]
        SPUBLISH a x => 1
        c2: read => ["smessage", "a", "x"]
        PUBLISH a y => 1
        c3: read => ["message", "a", "y"]
        PUBSUB SHARDCHANNELS => ["a"]
        PUBSUB SHARDNUMSUB a b => ["a", 1, "b", 0]
        c2: SUNSUBSCRIBE => ["sunsubscribe", "a", 0]
        eventually PUBSUB SHARDCHANNELS => []
        "#,
    );
}

#[test]
fn pubsub_tells_who_listens() {
    check_both(
        r#"
        PUBSUB CHANNELS => []
        c2: SUBSCRIBE a => any
        c3: SUBSCRIBE a => any
        c3: PSUBSCRIBE x* => any
        c4: PSUBSCRIBE x* => any
        PUBSUB CHANNELS => ["a"]
        PUBSUB CHANNELS b* => []
        PUBSUB NUMSUB a b => ["a", 2, "b", 0]
        PUBSUB HELP => [+"PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        PUBSUB NUMSUB => []
        PUBSUB NUMPAT => 1
        PUBSUB CHANNELS a b => ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.
        PUBLISH a => ERR wrong number of arguments for 'publish' command
        c3: close
        eventually PUBSUB NUMSUB a => ["a", 1]
        "#,
    );
}

#[test]
fn publish_in_a_transaction() {
    check(
        r#"
        c2: SUBSCRIBE a => ["subscribe", "a", 1]
        MULTI => OK
        SET k v => QUEUED
        PUBLISH a x => QUEUED
        EXEC => [OK, 1]
        c2: read => ["message", "a", "x"]
        "#,
    );
}

#[test]
fn scripts_are_told_how_many_hear_their_messages() {
    check(
        r##"
        EVAL "return redis.call('publish', 'c', 'x')" 0 => 0
        c2: SUBSCRIBE c => any
        c3: SUBSCRIBE c other => any; c3: read => any
        c4: PSUBSCRIBE ? => any
        c5: SSUBSCRIBE c => any
        EVAL "return redis.call('publish', 'c', 'a')" 0 => 3
        EVAL "return {redis.call('publish', 'c', KEYS[1]), redis.call('publish', 'none', 'x'), redis.call('publish', 'other', KEYS[2])}" 2 b1 b2 => [3, 0, 1]
        EVAL "return redis.call(ARGV[1], 'c', ARGV[2])" 1 {shard} spublish s1 => 1
        EVAL "return redis.call(ARGV[1], 'c', ARGV[2])" 0 spublish s2 => 1
        EVAL "for i = 1, 2 do redis.call('publish', 'c', i) end return redis.call('publish', 'c', 'end')" 1 k => 3
        FUNCTION LOAD REPLACE "#!lua name=tells\n redis.register_function('tell', function(keys, args) return redis.call('publish', args[1], args[2]) end)" => any
        FCALL tell 0 c f => 3
        FCALL tell 1 k c g => 3
        FUNCTION DELETE tells => OK
        PUBLISH c z => 3
        c2: read => ["message", "c", "a"]; c2: read => ["message", "c", "b1"]
        c2: read => ["message", "c", "1"]; c2: read => ["message", "c", "2"]; c2: read => ["message", "c", "end"]
        c2: read => ["message", "c", "f"]; c2: read => ["message", "c", "g"]; c2: read => ["message", "c", "z"]
        c3: read => ["message", "c", "a"]; c3: read => ["message", "c", "b1"]; c3: read => ["message", "other", "b2"]
        c3: read => ["message", "c", "1"]; c3: read => ["message", "c", "2"]; c3: read => ["message", "c", "end"]
        c3: read => ["message", "c", "f"]; c3: read => ["message", "c", "g"]; c3: read => ["message", "c", "z"]
        c4: read => ["pmessage", "?", "c", "a"]; c4: read => ["pmessage", "?", "c", "b1"]
        c4: read => ["pmessage", "?", "c", "1"]; c4: read => ["pmessage", "?", "c", "2"]; c4: read => ["pmessage", "?", "c", "end"]
        c4: read => ["pmessage", "?", "c", "f"]; c4: read => ["pmessage", "?", "c", "g"]; c4: read => ["pmessage", "?", "c", "z"]
        c5: read => ["smessage", "c", "s1"]; c5: read => ["smessage", "c", "s2"]
        "##,
    );
    check(
        r##"
        c2: SUBSCRIBE c => any; c3: PSUBSCRIBE c* => any
        c2: UNSUBSCRIBE c => any
        EVAL "return redis.call('publish', 'c', 'y')" 1 k => 1
        c3: read => ["pmessage", "c*", "c", "y"]; c3: RESET => RESET
        EVAL "return redis.call('publish', 'c', 'y')" 1 k => 0
        "##,
    );
}

#[test]
fn messages_of_one_client_are_heard_in_its_order() {
    check(
        r#"
        c2: SUBSCRIBE c => any
        EVAL "redis.call('publish', 'c', 1)" 1 a => nil
        EVAL "redis.call('publish', 'c', 2)" 1 b => nil
        PUBLISH c 3 => 1
        EVAL "return redis.call('publish', 'c', 4)" 1 d => 1
        EVAL "return redis.call('publish', 'c', 5)" 2 e f => 1
        PUBLISH c 6 => 1
        MULTI => OK
        PUBLISH c 7 => QUEUED
        EVAL "return redis.call('publish', 'c', 8)" 1 a => QUEUED
        PUBLISH c 9 => QUEUED
        EVAL "redis.call('publish', 'c', 10) return redis.call('publish', 'c', 11)" 1 b => QUEUED
        GET a => QUEUED
        EXEC => [1, 1, 1, 1, nil]
        PUBLISH c 12 => 1
        c2: read => ["message", "c", "1"]; c2: read => ["message", "c", "2"]; c2: read => ["message", "c", "3"]
        c2: read => ["message", "c", "4"]; c2: read => ["message", "c", "5"]; c2: read => ["message", "c", "6"]
        c2: read => ["message", "c", "7"]; c2: read => ["message", "c", "8"]; c2: read => ["message", "c", "9"]
        c2: read => ["message", "c", "10"]; c2: read => ["message", "c", "11"]; c2: read => ["message", "c", "12"]
        "#,
    );
    // One's own messages come behind the reply.
    check_resp3(
        r#"
        SUBSCRIBE c => push["subscribe", "c", 1]
        [7.2] EVAL "return redis.call('publish', 'c', 1)" 1 a => 1; [7.2] read => push["message", "c", "1"]
        [7.2] EVAL "return redis.call('publish', 'c', 2)" 1 b => 1; [7.2] read => push["message", "c", "2"]
        [7.2] EVAL "return redis.call('publish', 'c', 3)" 1 d => 1; [7.2] read => push["message", "c", "3"]
        "#,
    );
}

#[test]
fn keys_tell_what_happens_to_them() {
    check(
        r#"
        CONFIG SET notify-keyspace-events KEA => OK
        c2: PSUBSCRIBE __key*__:* => any
        SET k v => OK
        c2: read => ["pmessage", "__key*__:*", "__keyspace@0__:k", "set"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "k"]
        CONFIG SET notify-keyspace-events E$gxn => OK
        SET n 1 PX 20 => OK
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "n"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "n"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:expire", "n"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:expired", "n"]
        RENAME k l => OK
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "l"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:rename_from", "k"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:rename_to", "l"]
        CONFIG SET notify-keyspace-events Em => OK
        OBJECT ENCODING none => nil; OBJECT REFCOUNT none => nil; OBJECT IDLETIME none => nil
        GET nope => nil
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:keymiss", "nope"]
        CONFIG SET notify-keyspace-events "" => OK
        "#,
    );
}

/// Events of several keys come in the order in which things happened to them.
#[test]
fn a_new_key_is_told_of_before_what_happens_to_it() {
    check(
        r#"
        CONFIG SET notify-keyspace-events E$gn => OK
        c2: PSUBSCRIBE __key*__:* => any
        MSET {t}a 1 {t}b 2 => OK
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "{t}a"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "{t}a"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "{t}b"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "{t}b"]
        MSETNX {t}c 1 {t}d 2 => 1
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "{t}c"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "{t}c"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "{t}d"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "{t}d"]
        EVAL "redis.call('set', KEYS[1], 1) redis.call('set', KEYS[2], 1)" 2 {t}x {t}y => nil
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "{t}x"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "{t}x"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "{t}y"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "{t}y"]
        MOVE {t}x 1 => 1
        c2: read => ["pmessage", "__key*__:*", "__keyevent@1__:new", "{t}x"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:move_from", "{t}x"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@1__:move_to", "{t}x"]
        "#,
    );
}

/// What a key held that is replaced as a whole is gone first.
#[test]
fn a_key_that_takes_the_place_of_another_is_new() {
    check(
        r#"
        MSET a 1 b 2 => OK
        CONFIG SET notify-keyspace-events E$gn => OK
        c2: PSUBSCRIBE __key*__:* => any
        RENAME a b => OK
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "b"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:rename_from", "a"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:rename_to", "b"]
        COPY b c => 1
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "c"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:copy_to", "c"]
        COPY b c REPLACE => 1
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:new", "c"]
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:copy_to", "c"]
        SET c 2 => OK
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:set", "c"]
        "#,
    );
}

#[test]
fn a_stream_that_is_not_there_is_missed() {
    check(
        r#"
        CONFIG SET notify-keyspace-events Em => OK
        c2: PSUBSCRIBE __key*__:* => any
        XACK none g 1-1 => 0
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:keymiss", "none"]
        XCLAIM none g c 0 1-1 => error
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:keymiss", "none"]
        XAUTOCLAIM none g c 0 0 => error
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:keymiss", "none"]
        XAUTOCLAIM none g c x 0 => error
        c2: read => ["pmessage", "__key*__:*", "__keyevent@0__:keymiss", "none"]
        "#,
    );
}

/// Whoever is told of a key, and then publishes, is heard in that order.
#[test]
fn messages_come_behind_what_was_done_before() {
    let turns: String = (0..25)
        .map(|n| {
            format!(
                "SET k{n} v => OK; PUBLISH mark {n} => 1; DEL k{n} => 1
                c2: read => [\"pmessage\", \"*\", \"__keyspace@0__:k{n}\", \"set\"]
                c2: read => [\"pmessage\", \"*\", \"mark\", \"{n}\"]
                c2: read => [\"pmessage\", \"*\", \"__keyspace@0__:k{n}\", \"del\"]\n"
            )
        })
        .collect();
    check(&format!(
        "CONFIG SET notify-keyspace-events K$g => OK; c2: PSUBSCRIBE * => any\n{turns}
        CONFIG SET notify-keyspace-events \"\" => OK"
    ));
    let turns: String = (0..25)
        .map(|n| {
            format!(
                "c2: GET k{n} => nil; SET k{n} v => OK; PUBLISH mark {n} => 1
                c2: read => push[\"invalidate\", [\"k{n}\"]]; c2: read => push[\"message\", \"mark\", \"{n}\"]\n"
            )
        })
        .collect();
    check_resp3(&format!(
        "c2: CLIENT TRACKING ON => OK; c2: SUBSCRIBE mark => any\n{turns}"
    ));
}

#[test]
fn messages_of_a_transaction_come_among_its_events() {
    check(
        r#"
        CONFIG SET notify-keyspace-events KEA => OK; c2: PSUBSCRIBE __keyspace* ch => any
        c2: read => any
        MULTI => OK; SET x 1 => QUEUED; PUBLISH ch m => QUEUED; SET y 1 => QUEUED
        EXEC => [OK, 1, OK]
        c2: read => ["pmessage", "__keyspace*", "__keyspace@0__:x", "set"]
        c2: read => ["pmessage", "ch", "ch", "m"]
        c2: read => ["pmessage", "__keyspace*", "__keyspace@0__:y", "set"]
        CONFIG SET notify-keyspace-events "" => OK
        "#,
    );
}
