//! Streams and consumer groups.

use crate::support::{check, check_both, check_resp3};

#[test]
fn entries_are_added_after_the_last_one() {
    check_both(
        r#"
        XADD s 5-1 a 1 b 2 => "5-1"; XADD s 5-* a 3 => "5-2"; XADD s 6 a 4 => "6-0"; XADD s 7-* c x => "7-0"
        XLEN s => 4; TYPE s => +stream; OBJECT ENCODING s => "stream"; EXISTS s => 1
        XADD s 7-0 a 1 => ERR The ID specified in XADD is equal or smaller than the target stream top item
        XADD s 6-* a 1 => ERR The ID specified in XADD is equal or smaller than the target stream top item
        XADD s 0-0 a 1 => ERR The ID specified in XADD must be greater than 0-0
        XADD t 0-* a 1 => "0-1"; XADD t 0-* a 1 => "0-2"
        XADD s 18446744073709551615-18446744073709551614 a 1 => "18446744073709551615-18446744073709551614"
        XADD s * a 1 => "18446744073709551615-18446744073709551615"
        XADD s * a 1 => ERR The stream has exhausted the last possible ID, unable to add more items
        XADD u * a 1 => /^\d{13}-0$/
        XADD n NOMKSTREAM 1-1 a 1 => nil; EXISTS n => 0; XADD t NOMKSTREAM 1-1 a 1 => "1-1"
        XLEN nope => 0
        "#,
    );
}

#[test]
fn broken_calls_of_xadd() {
    check(
        r#"
        XADD s 1-1 a => ERR wrong number of arguments for 'xadd' command
        XADD s 1-1 a 1 b => ERR wrong number of arguments for 'xadd' command
        XADD s * => ERR wrong number of arguments for 'xadd' command
        XADD s x a 1 => ERR Invalid stream ID specified as stream command argument
        XADD s - a 1 => ERR Invalid stream ID specified as stream command argument
        XADD s 1-x a 1 => ERR Invalid stream ID specified as stream command argument
        XADD s 1-2-3 a 1 => ERR Invalid stream ID specified as stream command argument
        XADD s 1- a 1 => ERR Invalid stream ID specified as stream command argument
        XADD s 18446744073709551616 a 1 => ERR Invalid stream ID specified as stream command argument
        XADD s MAXLEN x 1 a 1 => ERR value is not an integer or out of range
        XADD s MAXLEN -1 1 a 1 => ERR The MAXLEN argument must be >= 0.
        XADD s MAXLEN 1 MINID 2 1 a 1 => ERR syntax error, MAXLEN and MINID options at the same time are not compatible
        XADD s MAXLEN ~ 1 LIMIT -1 1 a 1 => ERR The LIMIT argument must be >= 0.
        XADD s MAXLEN = 1 LIMIT 1 1 a 1 => ERR syntax error, LIMIT cannot be used without the special ~ option
        XADD s MAXLEN 1 LIMIT 0 1 a 1 => ERR syntax error, LIMIT cannot be used without the special ~ option
        XADD s LIMIT 1 1 a 1 => ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
        XADD s MINID 5-* 1 a 1 => ERR Invalid stream ID specified as stream command argument
        XADD s 1 => ERR wrong number of arguments for 'xadd' command
        SET str x => OK
        XADD str 1-1 a 1 => WRONGTYPE Operation against a key holding the wrong kind of value
        XADD str NOMKSTREAM 1-1 a 1 => WRONGTYPE Operation against a key holding the wrong kind of value
        EXISTS s => 0
        "#,
    );
}

#[test]
fn the_oldest_entries_are_trimmed() {
    check_both(
        r#"
        CONFIG SET stream-node-max-entries 3 => OK
        XADD s 1 a 1 => "1-0"; XADD s 2 a 2 => "2-0"; XADD s 3 a 3 => "3-0"; XADD s 4 a 4 => "4-0"; XADD s 5 a 5 => "5-0"
        XADD s MAXLEN 5 6 a 6 => "6-0"; XLEN s => 5
        XADD s MAXLEN ~ 3 7 a 7 => "7-0"; XLEN s => 4
        XTRIM s MAXLEN ~ 3 => 0; XTRIM s MAXLEN = 3 => 1; XTRIM s MAXLEN 3 => 0
        XRANGE s - + => [["5-0", ["a", "5"]], ["6-0", ["a", "6"]], ["7-0", ["a", "7"]]]
        XTRIM s MINID 6 => 1; XTRIM s minid ~ 7 LIMIT 1 => 1; XTRIM s MINID ~ 8 LIMIT 0 => 1
        XLEN s => 0; EXISTS s => 1; XTRIM s MAXLEN 0 => 0
        XTRIM nope MAXLEN 1 => 0
        XTRIM s MAXLEN => ERR wrong number of arguments for 'xtrim' command
        XTRIM s MAXLEN ~ => ERR value is not an integer or out of range
        XTRIM s FOO 1 => ERR syntax error
        XTRIM s LIMIT 1 => ERR syntax error, LIMIT cannot be used without specifying a trimming strategy
        XTRIM s LIMIT 0 => ERR syntax error, XTRIM must be called with a trimming strategy
        XTRIM s MAXLEN 1 LIMIT 1 => ERR syntax error, LIMIT cannot be used without the special ~ option
        XTRIM s NOMKSTREAM 1 => ERR syntax error
        XTRIM s MAXLEN 1 * => ERR syntax error
        SET str x => OK; XTRIM str MAXLEN 1 => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn ranges() {
    check_both(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 1-2 a 2 b 3 => "1-2"; XADD s 2-0 a 3 => "2-0"; XADD s 3-5 a 4 => "3-5"
        XRANGE s - + => [["1-1", ["a", "1"]], ["1-2", ["a", "2", "b", "3"]], ["2-0", ["a", "3"]], ["3-5", ["a", "4"]]]
        XREVRANGE s + - => [["3-5", ["a", "4"]], ["2-0", ["a", "3"]], ["1-2", ["a", "2", "b", "3"]], ["1-1", ["a", "1"]]]
        XRANGE s 1 1 => [["1-1", ["a", "1"]], ["1-2", array]]; XRANGE s (1-1 (2 => [["1-2", array], ["2-0", array]]
        XRANGE s (1-1 (2-0 => [["1-2", array]]
        XRANGE s - + COUNT 1 => [["1-1", ["a", "1"]]]; XREVRANGE s + (2-0 count 5 => [["3-5", ["a", "4"]]]
        XREVRANGE s (3-5 2 => [["2-0", ["a", "3"]]]
        XRANGE s - + COUNT 0 => nil-array; XRANGE s - + COUNT -1 => nil-array; XRANGE nope - + COUNT 0 => []
        XRANGE s + - => []; XRANGE nope - + => []; XRANGE s 9 + => []
        XRANGE s x + => ERR Invalid stream ID specified as stream command argument
        XRANGE s (- + => ERR Invalid stream ID specified as stream command argument
        XRANGE s (18446744073709551615-18446744073709551615 + => ERR invalid start ID for the interval
        XRANGE s - (0-0 => ERR invalid end ID for the interval
        XREVRANGE s - (18446744073709551615-18446744073709551615 => ERR invalid start ID for the interval
        XRANGE s - + COUNT => ERR syntax error; XRANGE s - + COUNT x => ERR value is not an integer or out of range
        XRANGE s - + FOO 1 => ERR syntax error; XRANGE s - => ERR wrong number of arguments for 'xrange' command
        SET str x => OK; XRANGE str - + => WRONGTYPE Operation against a key holding the wrong kind of value
        XREVRANGE str + - => WRONGTYPE Operation against a key holding the wrong kind of value
        XLEN str => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn entries_are_deleted() {
    check_both(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD s 3-1 a 3 => "3-1"
        XDEL s 2-1 2-1 9-9 => 1; XRANGE s - + => [["1-1", array], ["3-1", array]]
        XDEL s 1-1 x => ERR Invalid stream ID specified as stream command argument
        XLEN s => 2; XDEL nope x => 0; XDEL s 3-1 1-1 => 2; EXISTS s => 1
        XADD s 3-1 a 1 => ERR The ID specified in XADD is equal or smaller than the target stream top item
        SET str x => OK; XDEL str 1 => WRONGTYPE Operation against a key holding the wrong kind of value
        XSETID s 9-1 => OK; XADD s 9-1 a 1 => ERR The ID specified in XADD is equal or smaller than the target stream top item
        XADD s 9-2 a 1 => "9-2"
        XSETID s 9-1 => ERR The ID specified in XSETID is smaller than the target stream top item
        XSETID s 10 ENTRIESADDED 0 => ERR The entries_added specified in XSETID is smaller than the target stream length
        XSETID s 10 ENTRIESADDED -1 => ERR entries_added must be positive
        XSETID s 10 MAXDELETEDID 11 => ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id
        XSETID s 10 ENTRIESADDED 50 MAXDELETEDID 4-0 => OK
        [7.2] XSETID s 1-1 => ERR The ID specified in XSETID is smaller than current max_deleted_entry_id
        XSETID s x => ERR Invalid stream ID specified as stream command argument
        XSETID s 10 ENTRIESADDED => ERR syntax error; XSETID s 10 FOO 1 => ERR syntax error
        XSETID nope 1 => ERR no such key; XSETID str 1 => WRONGTYPE Operation against a key holding the wrong kind of value
        XINFO STREAM s => {"length": 1, "entries-added": 50, "max-deleted-entry-id": "4-0", "last-generated-id": "10-0",
            "recorded-first-entry-id": "9-2", ...}
        "#,
    );
}

#[test]
fn new_entries_are_read() {
    check_both(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD t 5-1 b 1 => "5-1"
        XREAD STREAMS s 0 => {"s": [["1-1", ["a", "1"]], ["2-1", ["a", "2"]]]} | [["s", [["1-1", ["a", "1"]], ["2-1", ["a", "2"]]]]]
        XREAD STREAMS s t u $ $ $ => nil-array; XREAD STREAMS s 2-1 => nil-array; XREAD BLOCK 1 STREAMS s $ => nil-array
        XREAD STREAMS nope 0 => nil-array
        MULTI => OK; XREAD BLOCK 0 STREAMS s $ => QUEUED; EXEC => [nil-array]
        "#,
    );
    check(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD t 5-1 b 1 => "5-1"
        XREAD COUNT 1 STREAMS s t 0 0 => [["s", [["1-1", ["a", "1"]]]], ["t", [["5-1", ["b", "1"]]]]]
        XREAD COUNT 0 STREAMS s t 1-1 5-1 => [["s", [["2-1", ["a", "2"]]]]]
        XREAD COUNT -1 BLOCK 0 STREAMS s s 1-1 $ => [["s", [["2-1", ["a", "2"]]]]]
        [ours] XREAD STREAMS s t nope + + + => [["s", [["2-1", ["a", "2"]]]], ["t", [["5-1", ["b", "1"]]]]]
        [7.2] XREAD STREAMS s t 0 => ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.
        XREAD STREAMS s x => ERR Invalid stream ID specified as stream command argument
        XREAD STREAMS s > => ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.
        XREAD GROUP g c STREAMS s 0 => ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.
        XREAD NOACK STREAMS s 0 => ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.
        XREAD COUNT x STREAMS s 0 => ERR value is not an integer or out of range
        XREAD BLOCK x STREAMS s 0 => ERR timeout is not an integer or out of range
        XREAD BLOCK -1 STREAMS s 0 => ERR timeout is negative
        [7.2] XREAD BLOCK 9223372036854775807 STREAMS s 0 => ERR timeout is out of range
        XREAD FOO STREAMS s 0 => ERR syntax error; XREAD COUNT 1 COUNT 2 => ERR syntax error
        XREAD STREAMS s => ERR wrong number of arguments for 'xread' command
        SET str x => OK; XREAD STREAMS s str 0 0 => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
    check_resp3(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD t 5-1 b 1 => "5-1"
        XREAD STREAMS s t 0 0 => {"s": [["1-1", ["a", "1"]]], "t": [["5-1", ["b", "1"]]]}
        XGROUP CREATE s g 0 => OK
        XREADGROUP GROUP g c STREAMS s > => {"s": [["1-1", ["a", "1"]]]}
        "#,
    );
}

#[test]
fn readers_wait_for_entries() {
    check(
        r#"
        XADD s 1-1 a 1 => "1-1"
        c2: XREAD BLOCK 0 STREAMS s t {5}u $ $ 7-0 => none
        eventually INFO clients => /blocked_clients:1\r/
        XADD x 1-1 a 1 => "1-1"; XADD {5}u 6-0 a 1 => "6-0"; SET t str => OK; DEL t => 1; DEL s => 1
        MULTI => OK; XADD s 0-5 a 1 => QUEUED; XADD s 0-9 a 2 => QUEUED; EXEC => ["0-5", "0-9"]
        XADD t 5-5 a b => "5-5"
        c2: read => [["t", [["5-5", ["a", "b"]]]]]
        c2: XREAD BLOCK 0 COUNT 1 STREAMS s $ => none
        eventually INFO clients => /blocked_clients:1\r/
        MULTI => OK; XADD s 1-5 a 1 => QUEUED; XADD s 1-9 a 2 => QUEUED; EXEC => ["1-5", "1-9"]
        c2: read => [["s", [["1-5", ["a", "1"]]]]]
        eventually INFO clients => /blocked_clients:0\r/
        "#,
    );
}

#[test]
fn many_wait_for_the_same_entries() {
    check(
        r#"
        XGROUP CREATE s g $ MKSTREAM => OK
        c2: XREAD BLOCK 0 STREAMS s $ => none
        c3: XREAD BLOCK 0 STREAMS other s 0 0-0 => none
        c4: XREADGROUP GROUP g c1 BLOCK 0 STREAMS s > => none
        eventually INFO clients => /blocked_clients:3\r/
        c5: XREADGROUP GROUP g c2 BLOCK 0 STREAMS s > => none
        eventually INFO clients => /blocked_clients:4\r/
        XADD s 1-1 a 1 => "1-1"
        c2: read => [["s", [["1-1", ["a", "1"]]]]]; c3: read => [["s", [["1-1", ["a", "1"]]]]]
        c4: read => [["s", [["1-1", ["a", "1"]]]]]
        INFO clients => /blocked_clients:1\r/
        XADD s 2-1 a 2 => "2-1"; c5: read => [["s", [["2-1", ["a", "2"]]]]]
        XPENDING s g - + 10 => [["1-1", "c1", int, 1], ["2-1", "c2", int, 1]]
        "#,
    );
}

#[test]
fn consumers_that_wait_learn_that_their_group_is_gone() {
    check(
        r#"
        [7.2] XGROUP CREATE s g $ MKSTREAM => OK
        [7.2] c2: CLIENT ID => @id
        [7.2] c2: XREADGROUP GROUP g c BLOCK 0 STREAMS s > => none
        [7.2] eventually INFO clients => /blocked_clients:1\r/
        [7.2] XINFO GROUPS s => array(1)
        [7.2] DEL s => 1
        [7.2] c2: read => -"NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"
        [7.2] XGROUP CREATE s g $ MKSTREAM => OK
        [7.2] c2: XREADGROUP GROUP g c BLOCK 0 STREAMS s > => none
        [7.2] eventually INFO clients => /blocked_clients:1\r/
        [7.2] SET s x => OK
        [7.2] c2: read => -"WRONGTYPE Operation against a key holding the wrong kind of value"
        [7.2] DEL s => 1; [7.2] XGROUP CREATE s g $ MKSTREAM => OK
        [7.2] c2: XREADGROUP GROUP g c BLOCK 0 STREAMS s > => none
        [7.2] eventually INFO clients => /blocked_clients:1\r/
        [7.2] XGROUP DESTROY s g => 1
        [7.2] c2: read => -"NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option"
        [7.2] XGROUP CREATE s g $ => OK
        [7.2] c2: XREADGROUP GROUP g c BLOCK 0 STREAMS s > => none
        [7.2] eventually INFO clients => /blocked_clients:1\r/
        [7.2] CLIENT UNBLOCK {{$id}} ERROR => 1
        [7.2] c2: read => -"UNBLOCKED client unblocked via CLIENT UNBLOCK"
        [7.2] c2: XREADGROUP GROUP g c BLOCK 0 STREAMS s > => none
        [7.2] eventually INFO clients => /blocked_clients:1\r/
        [7.2] CLIENT UNBLOCK {{$id}} => 1
        [7.2] c2: read => nil-array
        [7.2] c2: XREADGROUP GROUP g c BLOCK 1 STREAMS s > => nil-array
        "#,
    );
}

#[test]
fn groups_read_each_entry_once() {
    check(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD s 3-1 a 3 => "3-1"
        XGROUP CREATE s g 0 => OK; XGROUP CREATE s g 0 => BUSYGROUP Consumer Group name already exists
        XREADGROUP GROUP g c1 COUNT 1 STREAMS s > => [["s", [["1-1", ["a", "1"]]]]]
        XREADGROUP GROUP g c2 COUNT 1 STREAMS s > => [["s", [["2-1", ["a", "2"]]]]]
        XREADGROUP GROUP g c1 NOACK STREAMS s > => [["s", [["3-1", ["a", "3"]]]]]
        XREADGROUP GROUP g c1 STREAMS s > => nil-array
        XREADGROUP GROUP g c1 STREAMS s 0 => [["s", [["1-1", ["a", "1"]]]]]
        XREADGROUP GROUP g c1 BLOCK 0 STREAMS s 1-1 => [["s", []]]
        XPENDING s g => [2, "1-1", "2-1", [["c1", "1"], ["c2", "1"]]]
        XPENDING s g - + 10 => [["1-1", "c1", int, 2], ["2-1", "c2", int, 1]]
        XDEL s 2-1 => 1; XREADGROUP GROUP g c2 STREAMS s 0 => [["s", [["2-1", nil-array]]]]
        XACK s g 1-1 2-1 9-9 => 2; XACK s g 1-1 => 0
        XPENDING s g => [0, nil, nil, nil-array]
        XACK nope g 1-1 => 0; XACK s nope x => 0; XACK s g x => ERR Invalid stream ID specified as stream command argument
        XREADGROUP GROUP nope c STREAMS s > => NOGROUP No such key 's' or consumer group 'nope' in XREADGROUP with GROUP option
        XREADGROUP GROUP g c STREAMS nope > => NOGROUP No such key 'nope' or consumer group 'g' in XREADGROUP with GROUP option
        XREADGROUP GROUP g c STREAMS s $ => ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.
        XREADGROUP COUNT 1 BLOCK 1 STREAMS s > => ERR Missing GROUP option for XREADGROUP
        [7.2] XREADGROUP GROUP g c STREAMS s t > => ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified.
        SET str x => OK; XREADGROUP GROUP g c STREAMS str > => WRONGTYPE Operation against a key holding the wrong kind of value
        XACK str g 1 => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn groups_come_and_go() {
    check(
        r#"
        XGROUP CREATE s g $ => ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        XGROUP CREATE s g $ MKSTREAM => OK; XLEN s => 0
        XGROUP CREATE s h 5-5 ENTRIESREAD 3 => OK
        XGROUP CREATE s i x => ERR Invalid stream ID specified as stream command argument
        XGROUP CREATE s i 0 ENTRIESREAD -2 => ERR value for ENTRIESREAD must be positive or -1
        XGROUP CREATE s i 0 FOO => ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP.
        XGROUP create s i 0 MKSTREAM MKSTREAM ENTRIESREAD 1 => ERR unknown subcommand or wrong number of arguments for 'create'. Try XGROUP HELP.
        XGROUP CREATECONSUMER s g c => 1; XGROUP CREATECONSUMER s g c => 0
        XGROUP CREATECONSUMER s nope c => NOGROUP No such consumer group 'nope' for key name 's'
        XGROUP DELCONSUMER s g nope => 0; XGROUP DELCONSUMER s nope c => NOGROUP No such consumer group 'nope' for key name 's'
        XADD s 1-1 a 1 => "1-1"; XREADGROUP GROUP g c STREAMS s > => array; XGROUP DELCONSUMER s g c => 1
        XPENDING s g => [0, nil, nil, nil-array]
        XGROUP SETID s g 0 => OK; XREADGROUP GROUP g c STREAMS s > => [["s", [["1-1", array]]]]
        XGROUP SETID s g $ ENTRIESREAD 7 => OK; XREADGROUP GROUP g c STREAMS s > => nil-array
        XGROUP SETID s nope 0 => NOGROUP No such consumer group 'nope' for key name 's'
        XGROUP SETID s g x => ERR Invalid stream ID specified as stream command argument
        XGROUP SETID s g 0 MKSTREAM => ERR unknown subcommand or wrong number of arguments for 'SETID'. Try XGROUP HELP.
        XGROUP DESTROY s g => 1; XGROUP DESTROY s g => 0; XGROUP DESTROY nope g => ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.
        XGROUP DESTROY s => ERR wrong number of arguments for 'xgroup|destroy' command
        XGROUP FOO s => ERR unknown subcommand 'FOO'. Try XGROUP HELP.
        XGROUP HELP => [+"XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        SET str x => OK; XGROUP CREATE str g 0 => WRONGTYPE Operation against a key holding the wrong kind of value
        XGROUP SETID str g 0 => WRONGTYPE Operation against a key holding the wrong kind of value
        XGROUP DESTROY str g => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn pending_entries_are_listed() {
    check_both(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD s 3-1 a 3 => "3-1"; XGROUP CREATE s g 0 => OK
        XREADGROUP GROUP g c1 COUNT 2 STREAMS s > => any; XREADGROUP GROUP g c2 STREAMS s > => any
        XPENDING s g => [3, "1-1", "3-1", [["c1", "2"], ["c2", "1"]]]
        XPENDING s g - + 10 => [["1-1", "c1", 0.., 1], ["2-1", "c1", 0.., 1], ["3-1", "c2", 0.., 1]]
        XPENDING s g (1-1 3 1 => [["2-1", "c1", 0.., 1]]; XPENDING s g - + 10 c2 => [["3-1", "c2", 0.., 1]]
        XPENDING s g IDLE 0 - (3-1 10 c1 => [["1-1", "c1", 0.., 1], ["2-1", "c1", 0.., 1]]
        XPENDING s g IDLE 100000 - + 10 => []; XPENDING s g - + 10 nobody => []; XPENDING s g - + 0 => []; XPENDING s g - + -1 => []
        XPENDING s nope => NOGROUP No such key 's' or consumer group 'nope'
        XPENDING nope g - + 1 => NOGROUP No such key 'nope' or consumer group 'g'
        XPENDING s g - => ERR syntax error; XPENDING s g - + => ERR syntax error; XPENDING s g IDLE 0 - + => ERR syntax error
        XPENDING s g - + x => ERR value is not an integer or out of range
        XPENDING s g IDLE x - + 1 => ERR value is not an integer or out of range
        XPENDING s g x + 1 => ERR Invalid stream ID specified as stream command argument
        XPENDING s g - + 1 a b c d => ERR syntax error
        SET str x => OK; XPENDING str g => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn pending_entries_change_their_consumer() {
    check(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD s 3-1 a 3 => "3-1"; XGROUP CREATE s g 0 => OK
        XREADGROUP GROUP g c1 COUNT 2 STREAMS s > => any
        XCLAIM s g c2 0 1-1 3-1 => [["1-1", ["a", "1"]]]
        XPENDING s g - + 10 => [["1-1", "c2", int, 2], ["2-1", "c1", int, 1]]
        XCLAIM s g c2 100000 2-1 => []; XCLAIM s g c2 0 2-1 JUSTID => ["2-1"]
        XCLAIM s g c2 0 3-1 FORCE => [["3-1", ["a", "3"]]]
        XPENDING s g - + 10 => [["1-1", "c2", int, 2], ["2-1", "c2", int, 1], ["3-1", "c2", int, 2]]
        XCLAIM s g c1 0 1-1 IDLE 50000 RETRYCOUNT 9 JUSTID => ["1-1"]
        XPENDING s g IDLE 40000 - + 10 => [["1-1", "c1", 50000.., 9]]
        XCLAIM s g c1 0 1-1 TIME 1000 LASTID 3-1 => [["1-1", array]]
        XPENDING s g - + 1 => [["1-1", "c1", 1000000.., 10]]
        XREADGROUP GROUP g c1 STREAMS s > => nil-array
        XDEL s 1-1 => 1; XCLAIM s g c2 0 1-1 2-1 JUSTID => ["2-1"]; XPENDING s g => [2, "2-1", "3-1", [["c2", "2"]]]
        XCLAIM s nope c 0 1-1 => NOGROUP No such key 's' or consumer group 'nope'
        XCLAIM s g c x 1-1 => ERR Invalid min-idle-time argument for XCLAIM
        XCLAIM s g c 0 1-1 FOO => ERR Unrecognized XCLAIM option 'FOO'
        XCLAIM s g c 0 1-1 IDLE x => ERR Invalid IDLE option argument for XCLAIM
        XCLAIM s g c 0 1-1 TIME x => ERR Invalid TIME option argument for XCLAIM
        XCLAIM s g c 0 1-1 RETRYCOUNT x => ERR Invalid RETRYCOUNT option argument for XCLAIM
        XCLAIM s g c 0 1-1 LASTID x => ERR Invalid stream ID specified as stream command argument
        XCLAIM s g c 0 1-1 IDLE => ERR Unrecognized XCLAIM option 'IDLE'
        SET str x => OK; XCLAIM str g c 0 1-1 => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn idle_entries_are_claimed_in_turn() {
    check(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD s 3-1 a 3 => "3-1"; XADD s 4-1 a 4 => "4-1"
        XGROUP CREATE s g 0 => OK; XREADGROUP GROUP g c1 STREAMS s > => any
        XAUTOCLAIM s g c2 0 - COUNT 1 => ["2-1", [["1-1", ["a", "1"]]], []]
        XDEL s 2-1 => 1
        XAUTOCLAIM s g c2 0 (1-1 COUNT 2 JUSTID => ["4-1", ["3-1"], ["2-1"]]
        XAUTOCLAIM s g c2 0 4-1 => ["0-0", [["4-1", ["a", "4"]]], []]
        XAUTOCLAIM s g c2 100000 - => ["0-0", [], []]
        XPENDING s g - + 9 => [["1-1", "c2", int, 2], ["3-1", "c2", int, 1], ["4-1", "c2", int, 2]]
        XAUTOCLAIM s nope c 0 - => NOGROUP No such key 's' or consumer group 'nope'
        XAUTOCLAIM nope g c 0 - => NOGROUP No such key 'nope' or consumer group 'g'
        XAUTOCLAIM s g c x - => ERR Invalid min-idle-time argument for XAUTOCLAIM
        XAUTOCLAIM s g c 0 x => ERR Invalid stream ID specified as stream command argument
        XAUTOCLAIM s g c 0 - COUNT 0 => ERR COUNT must be > 0; XAUTOCLAIM s g c 0 - COUNT x => ERR COUNT must be > 0
        XAUTOCLAIM s g c 0 - COUNT 8070450532247928833 => ERR COUNT must be > 0
        XAUTOCLAIM s g c 0 - FOO => ERR syntax error
        SET str x => OK; XAUTOCLAIM str g c 0 - => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn streams_groups_and_consumers_are_described() {
    check_both(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XGROUP CREATE s g 0 => OK; XREADGROUP GROUP g c COUNT 1 STREAMS s > => any
        XGROUP CREATECONSUMER s g idle => 1
        XINFO STREAM s => {"length": 2, "radix-tree-keys": 1, "radix-tree-nodes": 2, "last-generated-id": "2-1",
            "max-deleted-entry-id": "0-0", "entries-added": 2, "recorded-first-entry-id": "1-1", "groups": 1,
            "first-entry": ["1-1", ["a", "1"]], "last-entry": ["2-1", ["a", "2"]]}
        XINFO GROUPS s => [{"name": "g", "consumers": 2, "pending": 1, "last-delivered-id": "1-1", "entries-read": 1, "lag": 1}]
        [7.2] XINFO CONSUMERS s g => [{"name": "c", "pending": 1, "idle": 0.., "inactive": 0..}, {"name": "idle", "pending": 0, "idle": 0.., "inactive": -1}]
        [7.2] XINFO STREAM s FULL => {"length": 2, "radix-tree-keys": 1, "radix-tree-nodes": 2, "last-generated-id": "2-1",
            "max-deleted-entry-id": "0-0", "entries-added": 2, "recorded-first-entry-id": "1-1",
            "entries": [["1-1", ["a", "1"]], ["2-1", ["a", "2"]]],
            "groups": [{"name": "g", "last-delivered-id": "1-1", "entries-read": 1, "lag": 1, "pel-count": 1,
                "pending": [["1-1", "c", 1.., 1]],
                "consumers": [{"name": "c", "seen-time": 1.., "active-time": 1.., "pel-count": 1, "pending": [["1-1", 1.., 1]]},
                    {"name": "idle", "seen-time": 1.., "active-time": -1, "pel-count": 0, "pending": []}]}]}
        XINFO STREAM s FULL COUNT 1 => {"entries": [["1-1", ["a", "1"]]], ...}
        XINFO STREAM s FULL COUNT 0 => {"entries": array(2), ...}
        XDEL s 1-1 2-1 => 2
        XINFO STREAM s => {"length": 0, "first-entry": nil, "last-entry": nil, "radix-tree-keys": 0, "radix-tree-nodes": 1,
            "max-deleted-entry-id": "2-1", "recorded-first-entry-id": "0-0", ...}
        XINFO STREAM s FOO => ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
        XINFO STREAM s FULL FOO 1 => ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP.
        XINFO STREAM s FULL COUNT x => ERR value is not an integer or out of range
        XINFO STREAM nope => ERR no such key; XINFO GROUPS nope => ERR no such key; XINFO CONSUMERS nope g => ERR no such key
        XINFO CONSUMERS s nope => NOGROUP No such consumer group 'nope' for key name 's'
        XINFO GROUPS s x => ERR wrong number of arguments for 'xinfo|groups' command
        XINFO HELP => [+"XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        SET str x => OK; XINFO STREAM str => WRONGTYPE Operation against a key holding the wrong kind of value
        XINFO GROUPS str => WRONGTYPE Operation against a key holding the wrong kind of value
        "#,
    );
}

#[test]
fn lag_is_told_where_it_can_be() {
    check_both(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD s 3-1 a 3 => "3-1"; XADD s 4-1 a 4 => "4-1"
        XGROUP CREATE s g 2-1 => OK
        XINFO GROUPS s => [{"entries-read": nil, "lag": nil, ...}]
        XREADGROUP GROUP g c COUNT 1 STREAMS s > => any; XINFO GROUPS s => [{"entries-read": nil, "lag": nil, ...}]
        XREADGROUP GROUP g c COUNT 1 STREAMS s > => any; XINFO GROUPS s => [{"entries-read": 4, "lag": 0, ...}]
        XADD s 5-1 a 5 => "5-1"; XINFO GROUPS s => [{"entries-read": 4, "lag": 1, ...}]
        XADD s 6-1 a 6 => "6-1"; XDEL s 5-1 => 1; XINFO GROUPS s => [{"entries-read": 4, "lag": nil, ...}]
        XREADGROUP GROUP g c COUNT 1 STREAMS s > => any; XINFO GROUPS s => [{"entries-read": 5, "lag": 1, ...}]
        "#,
    );
}

#[test]
fn entries_that_groups_refer_to_are_minded() {
    check_both(
        r#"
        XADD s 1-1 a 1 => "1-1"; XADD s 2-1 a 2 => "2-1"; XADD s 3-1 a 3 => "3-1"; XADD s 4-1 a 4 => "4-1"
        XGROUP CREATE s g 0 => OK; XREADGROUP GROUP g c COUNT 2 STREAMS s > => any; XACK s g 1-1 => 1
        [ours] XDELEX s ACKED IDS 4 1-1 2-1 3-1 9-9 => [1, 2, 2, -1]
        [ours] XACKDEL s g ACKED IDS 2 2-1 3-1 => [1, -1]
        [ours] XLEN s => 2; [ours] XREADGROUP GROUP g c STREAMS s > => any
        [ours] XDELEX s KEEPREF IDS 1 3-1 => [1]; [ours] XPENDING s g => [2, "3-1", "4-1", array]
        [ours] XDELEX s DELREF IDS 1 4-1 => [1]; [ours] XPENDING s g => [1, "3-1", "3-1", array]
        [ours] XDELEX nope IDS 2 1-1 2-1 => [-1, -1]; [ours] XACKDEL s nope IDS 1 1-1 => [-1]
        [ours] XDELEX s IDS 0 1-1 => ERR Number of IDs must be a positive integer
        [ours] XDELEX s IDS 2 1-1 => ERR The `numids` parameter must match the number of arguments
        [ours] XDELEX s IDS 1 x => ERR Invalid stream ID specified as stream command argument
        [ours] XDELEX s KEEPREF 1 1-1 => ERR syntax error
        [ours] XADD s KEEPREF MAXLEN 10 5-1 a 1 => "5-1"; [ours] XADD s 6-1 a 1 => "6-1"
        [ours] XTRIM s MAXLEN 0 ACKED => 0; [ours] XTRIM s MAXLEN 0 DELREF => 2
        "#,
    );
}

#[test]
fn a_group_reader_takes_over_what_others_left() {
    check(
        r#"
        XADD s 1-0 f v1 => "1-0"; XADD s 2-0 f v2 => "2-0"; XADD s 3-0 f v3 => "3-0"; XGROUP CREATE s g 0 => OK
        XREADGROUP GROUP g a COUNT 2 STREAMS s > => any
        [ours] XREADGROUP GROUP g b CLAIM 100000 COUNT 1 STREAMS s > => [["s", [["3-0", ["f", "v3"], 0, 0]]]]
        [ours] XREADGROUP GROUP g b CLAIM 100000 STREAMS s > => nil-array
        XADD s 4-0 f v4 => "4-0"
        [ours] XREADGROUP GROUP g b COUNT 3 CLAIM 0 STREAMS s > => [["s", [["1-0", ["f", "v1"], int, 1], ["2-0", ["f", "v2"], int, 1], ["3-0", ["f", "v3"], int, 1]]]]
        [ours] XPENDING s g => [3, "1-0", "3-0", [["b", "3"]]]
        [ours] XREADGROUP GROUP g a CLAIM 0 NOACK STREAMS s > => [["s", [array, array, array, ["4-0", ["f", "v4"], 0, 0]]]]
        [ours] XPENDING s g - + 10 => [["1-0", "a", int, 3], ["2-0", "a", int, 3], ["3-0", "a", int, 3]]
        [ours] XREADGROUP GROUP g a CLAIM 5 STREAMS s 0 => [["s", [["1-0", array], ["2-0", array], ["3-0", array]]]]
        XDEL s 2-0 => 1
        [ours] XREADGROUP GROUP g c CLAIM 0 STREAMS s > => [["s", [["1-0", array, int, int], ["3-0", array, int, int]]]]
        [ours] XPENDING s g => [2, "1-0", "3-0", [["c", "2"]]]
        [ours] XREADGROUP GROUP g c CLAIM x STREAMS s > => ERR min-idle-time is not an integer or out of range
        [ours] XREADGROUP GROUP g c CLAIM -1 STREAMS s > => ERR min-idle-time must be a positive integer
        [ours] XREADGROUP GROUP nope c CLAIM 1 STREAMS s > => NOGROUP ...
        [ours] XREAD CLAIM 1 STREAMS s 0 => ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.
        "#,
    );
}

#[test]
fn entries_that_are_given_back_are_claimed_at_once() {
    check_both(
        r#"
        XADD s 1-0 f v1 => "1-0"; XADD s 2-0 f v2 => "2-0"; XADD s 3-0 f v3 => "3-0"; XGROUP CREATE s g 0 => OK
        XREADGROUP GROUP g a COUNT 2 STREAMS s > => any
        [ours] XNACK s g FAIL IDS 1 1-0 => 1
        [ours] XPENDING s g - + 9 => [["1-0", "", -1, 1], ["2-0", "a", int, 1]]
        [ours] XPENDING s g => [2, "1-0", "2-0", [["a", "1"]]]; [ours] XPENDING s g IDLE 100000 - + 9 => [["1-0", "", -1, 1]]
        [ours] XPENDING s g - + 9 a => [["2-0", "a", int, 1]]; [ours] XINFO GROUPS s => [{"pending": 2, "consumers": 1, ...}]
        [ours] XINFO STREAM s FULL => {"groups": [{"pel-count": 2, "pending": [["1-0", "", 0, 1], ["2-0", "a", int, 1]], ...}], ...}
        [ours] XREADGROUP GROUP g b CLAIM 100000 COUNT 1 STREAMS s > => {"s": [["1-0", ["f", "v1"], int, 1]]} | [["s", [["1-0", ["f", "v1"], int, 1]]]]
        [ours] XNACK s g SILENT IDS 2 1-0 2-0 => 2; [ours] XPENDING s g - + 9 => [["1-0", "", -1, 1], ["2-0", "", -1, 0]]
        [ours] XNACK s g SILENT IDS 1 2-0 => 1; [ours] XPENDING s g 2 2 9 => [["2-0", "", -1, 0]]; [ours] XPENDING s g => [2, "1-0", "2-0", []]
        [ours] XNACK s g FATAL IDS 1 1-0 => 1; [ours] XPENDING s g 1 1 9 => [["1-0", "", -1, 9223372036854775807]]
        [ours] XNACK s g FATAL IDS 1 1-0 RETRYCOUNT 7 => 1; [ours] XPENDING s g 1 1 9 => [["1-0", "", -1, 7]]
        [ours] XCLAIM s g c 100000 1-0 => [["1-0", ["f", "v1"]]]; [ours] XAUTOCLAIM s g d 100000 0 JUSTID => ["0-0", ["2-0"], []]
        [ours] XPENDING s g - + 9 => [["1-0", "c", int, 8], ["2-0", "d", int, 0]]
        [ours] XNACK s g fail ids 2 3-0 9-0 => 0; [ours] XNACK s g fail ids 2 3-0 9-0 force => 1; [ours] XPENDING s g 3 3 9 => [["3-0", "", -1, 0]]
        [ours] XNACK s g FAIL RETRYCOUNT 4 FORCE IDS 1 3-0 => 1; [ours] XPENDING s g 3 3 9 => [["3-0", "", -1, 4]]
        [ours] XDEL s 3-0 => 1; [ours] XCLAIM s g c 0 3-0 => []; [ours] XPENDING s g 3 3 9 => []; [ours] XACK s g 1-0 => 1
        [ours] XNACK s g FAIL IDS 1 2-0 => 1; [ours] XACK s g 2-0 => 1; [ours] XPENDING s g => [0, nil, nil, nil-array]
        "#,
    );
    check_both(
        r#"
        XADD s 1-0 f v1 => "1-0"; XGROUP CREATE s g 0 => OK; SET str x => OK
        [ours] XNACK s g OOPS IDS 1 1-0 => ERR mode must be SILENT, FAIL, or FATAL
        [ours] XNACK s g FAIL IDS 0 1-0 => ERR numids must be a positive integer; [ours] XNACK s g FAIL IDS x 1-0 => ERR numids must be a positive integer
        [ours] XNACK s g FAIL IDS 2147483648 1-0 => ERR numids must be a positive integer
        [ours] XNACK s g FAIL IDS 2 1-0 => ERR number of IDs doesn't match numids
        [ours] XNACK s g FAIL FORCE RETRYCOUNT 1 => ERR syntax error, expected IDS keyword
        [ours] XNACK s g FAIL IDS 1 1-0 RETRYCOUNT -1 => ERR Invalid RETRYCOUNT value, must be >= 0
        [ours] XNACK s g FAIL IDS 1 1-0 RETRYCOUNT x => ERR value is not an integer or out of range
        [ours] XNACK s g FAIL IDS 1 1-0 2-0 => ERR Unrecognized XNACK option '2-0'
        [ours] XNACK s g FAIL IDS 1 zz => ERR Invalid stream ID specified as stream command argument
        [ours] XNACK s nope FAIL IDS 1 1-0 => NOGROUP No such key 's' or consumer group 'nope'
        [ours] XNACK nope g FAIL IDS 1 1-0 => NOGROUP No such key 'nope' or consumer group 'g'
        [ours] XNACK str g FAIL IDS 1 1-0 => WRONGTYPE Operation against a key holding the wrong kind of value
        [ours] XNACK s g FAIL IDS => ERR wrong number of arguments for 'xnack' command
        "#,
    );
}

#[test]
fn what_is_given_back_survives_dump_and_reload() {
    check(
        r#"
        XADD s 1-0 f v1 => "1-0"; XADD s 2-0 f v2 => "2-0"; XGROUP CREATE s g 0 => OK; XREADGROUP GROUP g a STREAMS s > => any
        [ours] XNACK s g FAIL IDS 1 1-0 RETRYCOUNT 3 => 1; [ours] XADD s IDMP p one * f v => @id; [ours] COPY s t => 1
        [ours] DEBUG RELOAD => OK; [ours] XPENDING s g - + 9 => [["1-0", "", -1, 3], ["2-0", "a", int, 1]]
        [ours] XPENDING t g - + 9 => [["1-0", "", -1, 3], ["2-0", "a", int, 1]]
        [ours] XADD s IDMP p one * f w => @id; [ours] XADD t IDMP p one * f w => @id; [ours] XLEN s => 3
        [ours] XINFO STREAM s => {"pids-tracked": 1, "iids-tracked": 1, "iids-added": 1, "iids-duplicates": 1, ...}
        "#,
    );
}

#[test]
fn what_producers_send_again_is_not_added_again() {
    check_both(
        r#"
        [ours] XADD s NOMKSTREAM IDMP p one * f v => nil; [ours] EXISTS s => 0
        [ours] XADD s IDMP p one * f v => @one; [ours] XADD s IDMP p one * f other => @one; [ours] XLEN s => 1
        [ours] XRANGE s - + => [[@one, ["f", "v"]]]
        [ours] XADD s IDMP q one * f v => @two; [ours] XADD s idmp p two MAXLEN ~ 100 * f v => @three; [ours] XADD s MAXLEN 100 IDMP p two * f v => @three
        [ours] XLEN s => 3; [ours] XADD s IDMP q one KEEPREF * f v => @two
        [ours] XINFO STREAM s => {"length": 3, "idmp-duration": 100, "idmp-maxsize": 100, "pids-tracked": 2, "iids-tracked": 3, "iids-added": 3, "iids-duplicates": 3, ...}
        [ours] XINFO STREAM s FULL => {"pids-tracked": 2, "groups": [], ...}
        [ours] XADD s IDMPAUTO p * f 1 g 2 => @auto; [ours] XADD s IDMPAUTO p * g 2 f 1 => @auto; [ours] XADD s IDMPAUTO p * f 2 g 1 => bulk; [ours] XLEN s => 5
        [ours] XADD s IDMPAUTO r * f 1 g 2 => bulk; [ours] XLEN s => 6; [ours] XADD s IDMPAUTO p * f "" => @empty; [ours] XADD s IDMPAUTO p * f "" => @empty
        [ours] XADD s IDMPAUTO p * ab c => bulk; [ours] XADD s IDMPAUTO p * a bc => bulk; [ours] XLEN s => 9
        [ours] XADD s IDMP p * * f v => bulk; [ours] XADD s IDMP p IDMP * f v => bulk; [ours] XADD s IDMP p "\x00\xff" * f v => @bin; [ours] XADD s IDMP p "\x00\xff" * f w => @bin
        [ours] MULTI => OK; [ours] XADD s IDMP p m * f v => QUEUED; [ours] XADD s IDMP p m * f v => QUEUED; [ours] EXEC => [@m, @m]
        "#,
    );
    check_both(
        r#"
        [ours] XADD s IDMP p a 1-1 f v => ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs
        [ours] XADD s IDMPAUTO p 1-* f v => ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs
        [ours] XADD s IDMP p * f v => ERR Invalid stream ID specified as stream command argument
        [ours] XADD s IDMP p a IDMP q b * f v => ERR syntax error, IDMP/IDMPAUTO specified multiple times
        [ours] XADD s IDMPAUTO p IDMP q b * f v => ERR syntax error, IDMP/IDMPAUTO specified multiple times
        [ours] XADD s IDMP "" a * f v => ERR syntax error, IDMP requires a non-empty producer ID
        [ours] XADD s IDMP p "" * f v => ERR syntax error, IDMP requires a non-empty idempotent ID
        [ours] XADD s IDMPAUTO "" * f v => ERR syntax error, IDMPAUTO requires a non-empty producer ID
        [ours] EXISTS s => 0; [ours] XTRIM s IDMP p a MAXLEN 1 => ERR syntax error
        [ours] XCFGSET s IDMP-DURATION 5 => ERR no such key; [ours] XADD s 1-1 f v => "1-1"
        [ours] XCFGSET s => ERR At least one parameter must be specified; [ours] XCFGSET s FOO 1 => ERR syntax error; [ours] XCFGSET s IDMP-DURATION => ERR syntax error
        [ours] XCFGSET s IDMP-DURATION 0 => ERR IDMP-DURATION must be between 1 and 86400 seconds
        [ours] XCFGSET s IDMP-DURATION 86401 => ERR IDMP-DURATION must be between 1 and 86400 seconds
        [ours] XCFGSET s IDMP-MAXSIZE -1 => ERR IDMP-MAXSIZE must be between 1 and 10000 entries
        [ours] XCFGSET s IDMP-MAXSIZE 10001 => ERR IDMP-MAXSIZE must be between 1 and 10000 entries
        [ours] XCFGSET s IDMP-MAXSIZE x => ERR value is not an integer or out of range
        [ours] XCFGSET s IDMP-MAXSIZE 1 IDMP-MAXSIZE 2 => ERR IDMP-MAXSIZE specified multiple times
        [ours] XCFGSET s IDMP-DURATION 1 IDMP-DURATION 2 => ERR IDMP-DURATION specified multiple times
        [ours] XIDMPRECORD s "" i 1-1 => ERR producer ID must be non-empty; [ours] XIDMPRECORD s p "" 1-1 => ERR idempotent ID must be non-empty
        [ours] XIDMPRECORD s p i 2-2 => ERR No such message in stream; [ours] XIDMPRECORD nope p i 1-1 => ERR no such key
        [ours] XIDMPRECORD s p i x => ERR Invalid stream ID specified as stream command argument
        [ours] XIDMPRECORD s p i 1-1 => OK; [ours] XIDMPRECORD s p i 1-1 => OK; [ours] XADD s 2-2 f v => "2-2"
        [ours] XIDMPRECORD s p i 2-2 => ERR IID already exists for this producer with a different stream ID
        SET str x => OK
        [ours] XCFGSET str IDMP-MAXSIZE 1 => WRONGTYPE ...; [ours] XIDMPRECORD str p i 1-1 => WRONGTYPE ...
        "#,
    );
}

#[test]
fn producers_are_remembered_as_long_as_the_stream_says() {
    check(
        r#"
        [ours] CONFIG SET stream-idmp-maxsize 2 stream-idmp-duration 60 => OK
        [ours] XADD s IDMP p a * f v => @a; [ours] XADD s IDMP p b * f v => @b; [ours] XADD s IDMP p c * f v => @c; [ours] XADD s IDMP p b * f v => @b
        [ours] XADD s IDMP p a * f v => bulk; [ours] XLEN s => 4
        [ours] XINFO STREAM s => {"idmp-duration": 60, "idmp-maxsize": 2, "iids-tracked": 2, ...}
        [ours] XCFGSET s IDMP-MAXSIZE 3 => OK; [ours] XINFO STREAM s => {"idmp-duration": 60, "idmp-maxsize": 3, "pids-tracked": 0, "iids-tracked": 0, "iids-added": 4, ...}
        [ours] XADD s IDMP p c * f v => bulk; [ours] XLEN s => 5; [ours] XTRIM s MAXLEN 0 => 5; [ours] XADD s IDMP p c * f v => bulk; [ours] XLEN s => 0
        "#,
    );
}

#[test]
fn reads_of_several_streams_are_bounded_together() {
    check_both(
        r#"
        XADD {s}1 1-0 f 11111 => "1-0"; XADD {s}1 2-0 f 22222 => "2-0"; XADD {s}2 3-0 f 33333 => "3-0"; XADD {s}2 4-0 f 44444 => "4-0"
        [ours] XREAD MAXCOUNT 3 STREAMS {s}1 {s}2 0 0 => {"{s}1": [["1-0", any], ["2-0", any]], "{s}2": [["3-0", any]]} | [["{s}1", [["1-0", any], ["2-0", any]]], ["{s}2", [["3-0", any]]]]
        [ours] XREAD MAXCOUNT 3 COUNT 1 STREAMS {s}1 {s}2 0 0 => {"{s}1": [["1-0", any]], "{s}2": [["3-0", any]]} | [["{s}1", [["1-0", any]]], ["{s}2", [["3-0", any]]]]
        [ours] XREAD MAXCOUNT 1 STREAMS {s}1 {s}2 0 0 => {"{s}1": [["1-0", any]]} | [["{s}1", [["1-0", any]]]]
        [ours] XREAD MAXSIZE 1 STREAMS {s}1 {s}2 0 0 => {"{s}1": [["1-0", any]]} | [["{s}1", [["1-0", any]]]]
        # An entry is *2 $3 1-0 *2 $1 f $5 11111: 4 + 9 + 4 + 7 + 11 bytes.
        [ours] XREAD MAXSIZE 69 STREAMS {s}1 {s}2 0 0 => {"{s}1": [["1-0", any]]} | [["{s}1", [["1-0", any]]]]
        [ours] XREAD MAXSIZE 70 STREAMS {s}1 {s}2 0 0 => {"{s}1": [["1-0", any], ["2-0", any]]} | [["{s}1", [["1-0", any], ["2-0", any]]]]
        [ours] XREAD MAXSIZE 0 MAXCOUNT 0 STREAMS {s}1 {s}2 2 0 => {"{s}2": [["3-0", any], ["4-0", any]]} | [["{s}2", [["3-0", any], ["4-0", any]]]]
        XGROUP CREATE {s}1 g 0 => OK; XGROUP CREATE {s}2 g 0 => OK
        [ours] XREADGROUP GROUP g a MAXCOUNT 3 STREAMS {s}1 {s}2 > > => {"{s}1": array(2), "{s}2": [["3-0", any]]} | [["{s}1", array(2)], ["{s}2", [["3-0", any]]]]
        [ours] XPENDING {s}1 g => [2, "1-0", "2-0", any]; [ours] XPENDING {s}2 g => [1, "3-0", "3-0", any]
        [ours] XREADGROUP GROUP g a MAXSIZE 40 STREAMS {s}1 {s}2 0 0 => {"{s}1": [["1-0", any]]} | [["{s}1", [["1-0", any]]]]
        [ours] XREADGROUP GROUP g b MAXSIZE 80 CLAIM 0 STREAMS {s}1 {s}2 > > => {"{s}1": array(2)} | [["{s}1", array(2)]]
        [ours] XREADGROUP GROUP g b MAXCOUNT 2 CLAIM 0 STREAMS {s}2 {s}1 > > => {"{s}2": [["3-0", any, any, any], ["4-0", any, 0, 0]]} | [["{s}2", [["3-0", any, any, any], ["4-0", any, 0, 0]]]]
        [ours] XREAD MAXCOUNT x STREAMS {s}1 0 => ERR value is not an integer or out of range; [ours] XREAD MAXSIZE => ERR wrong number ...
        "#,
    );
}

#[test]
fn whoever_waits_to_claim_is_served_when_entries_have_been_idle_for_long_enough() {
    check(
        r#"
        XADD s 1-0 f v1 => "1-0"; XGROUP CREATE s g 0 => OK; XREADGROUP GROUP g a STREAMS s > => any
        [ours] c2: XREADGROUP GROUP g b BLOCK 0 CLAIM 100 STREAMS s > => none
        [ours] c2: read => [["s", [["1-0", ["f", "v1"], 100.., 1]]]]
        # Nothing is pending yet when the wait begins.
        [ours] XACK s g 1-0 => 1; [ours] c2: XREADGROUP GROUP g b BLOCK 0 CLAIM 100 STREAMS s > => none
        [ours] eventually INFO clients => /blocked_clients:1\r/
        [ours] MULTI => OK; [ours] XADD s 2-0 f v2 => QUEUED; [ours] XREADGROUP GROUP g a STREAMS s > => QUEUED; [ours] EXEC => [any, any]
        [ours] c2: read => [["s", [["2-0", ["f", "v2"], 100.., 1]]]]
        # Given back, which is told at once.
        [ours] c2: XREADGROUP GROUP g b BLOCK 0 CLAIM 1000000 STREAMS s {1}t > > => NOGROUP ...
        [ours] c2: XREADGROUP GROUP g b BLOCK 0 CLAIM 1000000 STREAMS s > => none
        [ours] eventually INFO clients => /blocked_clients:1\r/
        [ours] XNACK s g FAIL IDS 1 2-0 => 1; [ours] c2: read => [["s", [["2-0", ["f", "v2"], int, 2]]]]
        [ours] XREADGROUP GROUP g a BLOCK 120 CLAIM 1000000 STREAMS s > => nil-array
        "#,
    );
}

#[test]
fn those_who_wait_to_claim_wait_for_all_their_streams() {
    check(
        r#"
        XADD s 1-0 f v1 => "1-0"; XADD {1}t 1-0 f w1 => "1-0"; XADD {2}u 1-0 f x1 => "1-0"
        XGROUP CREATE s g $ => OK; XGROUP CREATE {1}t g $ => OK; XGROUP CREATE {2}u g 0 => OK; XREADGROUP GROUP g a STREAMS {2}u > => any
        [ours] c2: XREADGROUP GROUP g b BLOCK 0 CLAIM 100 STREAMS s {1}t {2}u > > > => none
        [ours] c2: read => [["{2}u", [["1-0", ["f", "x1"], 100.., 1]]]]
        [ours] c2: XREADGROUP GROUP g b BLOCK 300 CLAIM 200 STREAMS s {1}t > > => none; [ours] XADD {1}t 2-0 f w2 => "2-0"
        [ours] c2: read => [["{1}t", [["2-0", ["f", "w2"], 0, 0]]]]
        [ours] c2: XREADGROUP GROUP g b BLOCK 100 CLAIM 1000 STREAMS s {1}t > > => none; [ours] c2: read => nil-array
        [ours] eventually INFO clients => /blocked_clients:0\r/
        "#,
    );
}
