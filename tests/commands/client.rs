//! CLIENT and its subcommands.

use crate::support::check::on_every_server;
use crate::support::{Conn, check, check_both, clock};

#[test]
fn names() {
    check_both(
        r#"
        CLIENT GETNAME => nil; CLIENT SETNAME me => OK; CLIENT GETNAME => "me"
        c2: CLIENT GETNAME => nil
        CLIENT SETNAME "" => OK; CLIENT GETNAME => nil
        CLIENT SETNAME "a b" => ERR Client names cannot contain spaces, newlines or special characters.
        CLIENT SETNAME "a\nb" => ERR Client names cannot contain spaces, newlines or special characters.
        CLIENT SETNAME "a\x7f" => ERR Client names cannot contain spaces, newlines or special characters.
        CLIENT SETNAME a!~b => OK; CLIENT GETNAME => "a!~b"
        CLIENT SETNAME => ERR wrong number of arguments for 'client|setname' command
        CLIENT GETNAME x => ERR wrong number of arguments for 'client|getname' command
        "#,
    );
}

#[test]
fn ids_grow() {
    check(
        r#"
        CLIENT ID => @one:1..; CLIENT ID => @same:1..
        c2: CLIENT ID => @two:1..
        CLIENT LIST ID {{$one}} => /^id={{$one}} .*\n$/
        CLIENT LIST ID {{$same}} => /^id={{$one}} /
        CLIENT LIST ID {{$two}} => /^id={{$two}} /
        CLIENT LIST ID {{$one}} {{$two}} => /^id=.*\nid=.*\n$/
        CLIENT LIST ID 999999999 => ""
        CLIENT LIST ID abc => ERR Invalid client ID
        CLIENT LIST ID => ERR syntax error
        CLIENT ID x => ERR wrong number of arguments for 'client|id' command
        "#,
    );
}

#[test]
fn list_and_info_show_a_line_per_client() {
    check_both(
        r#"
        CLIENT SETNAME me => OK; SELECT 2 => OK; c2: PING => PONG
        CLIENT INFO => txt/^id=\d+ addr=127\.0\.0\.1:\d+ laddr=127\.0\.0\.1:\d+ fd=-?\d+ name=me age=\d+ idle=0 flags=N db=2 sub=0 psub=0 ssub=0 multi=-1 .*cmd=client.info user=default redir=-1 resp=[23].*\n$/
        [7.2] CLIENT INFO => txt/ qbuf=\d+ qbuf-free=\d+ argv-mem=\d+ multi-mem=\d+ rbs=\d+ rbp=\d+ obl=\d+ oll=\d+ omem=\d+ tot-mem=\d+ events=rw? cmd=client.info user=default redir=-1 resp=[23] lib-name= lib-ver=( shard=\d+)?\n$/
        CLIENT LIST => txt/name=me .*cmd=client.list/
        CLIENT LIST => txt/(?s)^id=\d+ .*\nid=\d+ .*\n/
        CLIENT INFO => txt/ qbuf=[1-9]\d+ /
        CLIENT LIST TYPE normal => txt/name=me /
        CLIENT LIST TYPE NORMAL => txt/name=me /
        CLIENT LIST TYPE replica => txt""
        CLIENT LIST TYPE master => txt""
        CLIENT LIST TYPE pubsub => txt""
        CLIENT LIST TYPE foo => ERR Unknown client type 'foo'
        CLIENT LIST TYPE => ERR syntax error
        CLIENT LIST FOO => ERR syntax error
        CLIENT INFO x => ERR wrong number of arguments for 'client|info' command
        MULTI => OK; PING => QUEUED
        c2: CLIENT LIST => txt/name=me .*flags=x db=2 .*multi=1/
        "#,
    );
}

#[test]
fn setinfo() {
    check(
        r#"
        [7.2] CLIENT SETINFO LIB-NAME mylib => OK
        [7.2] CLIENT SETINFO lib-ver 1.2.3 => OK
        [7.2] CLIENT INFO => /lib-name=mylib lib-ver=1\.2\.3( shard=\d+)?\n$/
        [7.2] CLIENT SETINFO LIB-NAME "" => OK
        [7.2] CLIENT INFO => /lib-name= lib-ver=1\.2\.3( shard=\d+)?\n$/
        [7.2] CLIENT SETINFO LIB-NAME "a b" => ERR LIB-NAME cannot contain spaces, newlines or special characters.
        [7.2] CLIENT SETINFO lib-ver "a\nb" => ERR lib-ver cannot contain spaces, newlines or special characters.
        [7.2] CLIENT SETINFO FOO bar => ERR Unrecognized option 'FOO'
        [7.2] CLIENT SETINFO LIB-NAME => ERR wrong number of arguments for 'client|setinfo' command
        [7.2] RESET => RESET
        [7.2] CLIENT INFO => /lib-ver=1\.2\.3( shard=\d+)?\n$/
        "#,
    );
}

#[test]
fn kill_by_filter() {
    check(
        r#"
        c2: CLIENT ID => @two:int
        CLIENT KILL ID {{$two}} => 1
        c2: read => closed
        CLIENT KILL ID {{$two}} => 0
        CLIENT KILL ID 999999999 => 0
        CLIENT KILL TYPE pubsub => 0; CLIENT KILL TYPE replica => 0
        CLIENT KILL USER default ID 999999999 => 0
        CLIENT KILL ID abc => ERR client-id should be greater than 0
        CLIENT KILL ID 0 => ERR client-id should be greater than 0
        CLIENT KILL TYPE foo => ERR Unknown client type 'foo'
        CLIENT KILL SKIPME maybe => ERR syntax error
        CLIENT KILL USER nobody => ERR No such user 'nobody'
        CLIENT KILL FOO bar => ERR syntax error
        CLIENT KILL ID => ERR No such client
        CLIENT KILL ID 1 ADDR => ERR syntax error
        CLIENT KILL 127.0.0.1:1 => ERR No such client
        CLIENT KILL => ERR wrong number of arguments for 'client|kill' command
        c3: CLIENT ID => @three:int; CLIENT ID => @one:int
        CLIENT KILL ID {{$one}} => 0
        CLIENT KILL TYPE normal ID {{$three}} SKIPME yes => 1; c3: read => closed
        CLIENT KILL ID {{$one}} SKIPME no => 1; read => closed
        "#,
    );
}

#[test]
fn kill_by_address() {
    check(
        r#"
        c2: CLIENT SETNAME victim => OK
        c2: CLIENT INFO => /addr=/
        CLIENT KILL ADDR 127.0.0.1:1 => 0; CLIENT KILL LADDR 127.0.0.1:1 => 0
        CLIENT KILL ADDR 127.0.0.1:1 LADDR 127.0.0.1:2 SKIPME no => 0
        "#,
    );
}

#[test]
fn pause_holds_writes_until_unpause() {
    check(
        r#"
        SET k old => OK
        CLIENT PAUSE 100000 WRITE => OK
        c2: GET k => "old"
        c2: SET k new => none
        GET k => "old"
        CLIENT UNPAUSE => OK
        c2: read => OK
        eventually GET k => "new"
        c3: MULTI => OK; c3: SET k queued => QUEUED
        CLIENT PAUSE 100000 WRITE => OK
        c2: MULTI => OK; c2: GET k => QUEUED; c2: SET k later => none; c3: EXEC => none
        GET k => "new"
        CLIENT UNPAUSE => OK
        c2: read => QUEUED; c3: read => [OK]; c2: EXEC => ["queued", OK]
        CLIENT PAUSE 30 => OK
        c2: SET k last => OK
        c2: GET k => "last"
        CLIENT PAUSE 50 ALL => OK; GET k => "last"
        CLIENT PAUSE abc => ERR timeout is not an integer or out of range
        CLIENT PAUSE -1 => ERR timeout is negative
        CLIENT PAUSE 1 FOO => ERR CLIENT PAUSE mode must be WRITE or ALL
        CLIENT PAUSE 1 1 1 => ERR unknown subcommand or wrong number of arguments for 'PAUSE'. Try CLIENT HELP.
        CLIENT pause 1 WRITE y => ERR unknown subcommand or wrong number of arguments for 'pause'. Try CLIENT HELP.
        CLIENT PAUSE => ERR wrong number of arguments for 'client|pause' command
        CLIENT UNPAUSE x => ERR wrong number of arguments for 'client|unpause' command
        "#,
    );
}

/// What a transaction's CLIENT REPLY leaves out of its reply is counted at its beginning all the same, as in Redis.
#[test]
fn reply_modes_in_a_transaction() {
    let some = "*5\r\n+PONG\r\n+OK\r\n$1\r\n1\r\n+PONG\r\n";
    for (queue, reply) in [
        (
            "PING; CLIENT REPLY OFF; GET k; CLIENT REPLY ON; GET k",
            some,
        ),
        ("CLIENT REPLY OFF; GET k; MGET k l", "*3\r\n"),
        ("PING; CLIENT REPLY SKIP; PING", "*3\r\n+PONG\r\n+PONG\r\n"),
    ] {
        on_every_server(|server| {
            let mut conn = server.conn();
            conn.call("SET k 1");
            conn.call("MULTI");
            for command in queue.split("; ") {
                assert_eq!(conn.call(command).to_string(), "QUEUED");
            }
            // Behind OFF and SKIP the first of them is not answered.
            let sent = conn.send(b"EXEC\r\nPING\r\nCLIENT REPLY ON\r\nQUIT\r\n");
            sent.expect("the server reads");
            let bytes = conn.read_to_end().expect("the connection ends");
            let text = String::from_utf8_lossy(&bytes).into_owned();
            assert_eq!(text, format!("{reply}+OK\r\n+OK\r\n"), "{queue}");
        });
    }
}

#[test]
fn reply_modes() {
    check(
        r#"
        CLIENT REPLY ON => OK
        CLIENT REPLY OFF => none; SET k 1 => none; GET k => none; NOSUCH => none
        CLIENT REPLY ON => OK; GET k => "1"
        CLIENT REPLY SKIP => none; SET k 2 => none; GET k => "2"
        CLIENT REPLY SKIP => none; CLIENT REPLY SKIP => none; PING => none; PING => PONG
        CLIENT REPLY SKIP => none; CLIENT REPLY OFF => none; PING => none; CLIENT REPLY SKIP => none; CLIENT REPLY ON => OK
        CLIENT REPLY SKIP => none; RESET => none; PING => PONG
        CLIENT REPLY SKIP => none; CLIENT REPLY ON => OK; PING => PONG
        CLIENT REPLY FOO => ERR syntax error
        CLIENT REPLY => ERR wrong number of arguments for 'client|reply' command
        "#,
    );
}

#[test]
fn no_evict_and_no_touch() {
    check(
        r#"
        CLIENT NO-EVICT on => OK; CLIENT NO-EVICT OFF => OK
        CLIENT NO-EVICT maybe => ERR syntax error
        CLIENT NO-EVICT => ERR wrong number of arguments for 'client|no-evict' command
        [7.2] CLIENT NO-TOUCH ON => OK
        [7.2] CLIENT NO-TOUCH off => OK
        [7.2] CLIENT NO-TOUCH maybe => ERR syntax error
        [7.2] CLIENT NO-TOUCH => ERR wrong number of arguments for 'client|no-touch' command
        "#,
    );
}

#[test]
fn unblock_of_clients_that_do_not_wait() {
    check(
        r#"
        c2: CLIENT ID => @two:int
        CLIENT UNBLOCK {{$two}} => 0; CLIENT UNBLOCK {{$two}} ERROR => 0; CLIENT UNBLOCK 99999 TIMEOUT => 0
        CLIENT UNBLOCK abc => ERR value is not an integer or out of range
        CLIENT UNBLOCK 1 FOO => ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
        CLIENT UNBLOCK abc x y => ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.
        CLIENT UNBLOCK => ERR wrong number of arguments for 'client|unblock' command
        "#,
    );
}

#[test]
fn tracking_state_while_off() {
    check_both(
        r#"
        CLIENT GETREDIR => -1
        CLIENT TRACKINGINFO => {"flags": set["off"], "redirect": -1, "prefixes": []}
        CLIENT GETREDIR x => ERR wrong number of arguments for 'client|getredir' command
        "#,
    );
}

#[test]
fn help_and_unknown_subcommands() {
    check(
        r#"
        [ours] CLIENT CAPA redirect => OK
        [ours] CLIENT CAPA nosuch => OK
        CLIENT HELP => [+"CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", ...]
        CLIENT FOO => ERR unknown subcommand 'FOO'. Try CLIENT HELP.
        CLIENT => ERR wrong number of arguments for 'client' command
        client "id\r\n" => ERR unknown subcommand 'id  '. Try CLIENT HELP.
        "#,
    );
}

#[test]
fn paused_clients_count_as_blocked() {
    on_every_server(|server| {
        let (mut conn, mut writer) = (server.conn(), server.conn());
        let id = writer.call("CLIENT ID").int();
        let blocked = |conn: &mut Conn, count: usize, flags: &str| {
            clock::wait_until("clients to be counted as blocked", || {
                let info = conn.call("INFO clients").text();
                let line = conn.call(&format!("CLIENT LIST ID {id}")).text();
                let counted = info.contains(&format!("blocked_clients:{count}\r\n"));
                (counted && line.contains(flags)).then_some(())
            });
        };
        conn.call("CLIENT PAUSE 100000 WRITE");
        writer.send(b"SET a 1\r\n").expect("the server reads");
        blocked(&mut conn, 1, " flags=b ");
        let mut other = server.conn();
        other.send(b"SET b 1\r\n").expect("the server reads");
        blocked(&mut conn, 2, " flags=b ");
        drop(other);
        blocked(&mut conn, 1, " flags=b ");
        conn.call("CLIENT UNPAUSE");
        assert_eq!(writer.read().expect("a reply").text(), "OK");
        blocked(&mut conn, 0, " flags=N ");
    });
}

#[test]
fn nothing_expires_while_writes_are_paused() {
    check(
        r##"
        CONFIG RESETSTAT => OK; SET a 1 PX 300 => OK; SET b 1 PX 300 => OK
        CLIENT PAUSE 100000 WRITE => OK
        eventually GET a => nil; eventually GET b => nil
        EVAL "#!lua flags=no-writes\nreturn 7" 0 => 7
        INFO stats => /\r\nexpired_keys:0\r\n/
        c2: MULTI => OK; c2: EVAL "#!lua flags=no-writes\nreturn 7" 0 => QUEUED; c2: EXEC => [7]
        CLIENT UNPAUSE => OK
        eventually DBSIZE => 0; eventually INFO stats => /\r\nexpired_keys:2\r\n/
        "##,
    );
}

#[test]
fn whoever_imports_sees_what_has_expired() {
    check(
        r#"
        [ours] CLIENT IMPORT-SOURCE on => ERR Server is not in import mode; [ours] CLIENT IMPORT-SOURCE off => OK
        [ours] CLIENT IMPORT-SOURCE maybe => ERR syntax error; [ours] CLIENT IMPORT-SOURCE => ERR wrong number of arguments for 'client|import-source' command
        [ours] CONFIG SET import-mode yes => OK; [ours] CLIENT IMPORT-SOURCE on => OK; [ours] CLIENT INFO => /flags=I /
        [ours] SET k v PX 1 => OK; [ours] HSET h f v => 1; [ours] HPEXPIRE h 1 FIELDS 1 f => [1]; [ours] c2: eventually EXISTS k => 0; [ours] c2: eventually HLEN h => 0
        [ours] GET k => "v"; [ours] HGET h f => "v"; [ours] DBSIZE => 2; [ours] c2: GET k => nil; [ours] GET k => "v"; [ours] c2: HGET h f => nil; [ours] HGET h f => "v"
        [ours] SET k2 v PX 1 => OK; [ours] c2: eventually TTL k2 => -2; [ours] PERSIST k2 => 1; [ours] c2: GET k2 => "v"
        [ours] MULTI => OK; [ours] GET k => QUEUED; [ours] EXEC => ["v"]
        [ours] CLIENT IMPORT-SOURCE off => OK; [ours] GET k => nil; [ours] DBSIZE => 3
        [ours] CONFIG SET import-mode no => OK; [ours] eventually DBSIZE => 1
        "#,
    );
}

#[test]
fn a_pause_begins_with_the_end_of_a_transaction() {
    check(
        r#"
        MULTI => OK; SET {1}k 1 => QUEUED; CLIENT PAUSE 100000 WRITE => QUEUED; SET {2}l 2 => QUEUED; EXEC => [OK, OK, OK]
        c2: SET m 3 => none; eventually INFO clients => /blocked_clients:1\r/; GET {2}l => "2"; GET m => nil
        CLIENT UNPAUSE => OK; c2: read => OK
        "#,
    );
}
