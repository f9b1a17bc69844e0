//! AUTH, HELLO, RESET, QUIT, PING, ECHO, SELECT. CLIENT has a file of its own.

use crate::support::{Value, check, check_both, check_resp3, each_variant, ok, peer};

#[test]
fn ping_and_echo() {
    check_both(
        r#"
        PING => PONG; PING hello => "hello"; ping => PONG; PiNg "a b" => "a b"; PING "" => ""
        PING a b => ERR wrong number of arguments for 'ping' command
        ECHO hello => "hello"; ECHO "" => ""; ECHO "\x00\r\n" => "\x00\r\n"; ECHO 12 => "12"
        ECHO => ERR wrong number of arguments for 'echo' command
        ECHO a b => ERR wrong number of arguments for 'echo' command
        "#,
    );
}

#[test]
fn hello_without_a_version_keeps_it() {
    check(
        r#"
        HELLO => {"server": "redis", "version": bulk, "proto": 2, "id": int, "mode": "standalone", "role": "master", "modules": []}
        [ours] HELLO => {"version": "7.2.4", ...}
        GET none => nil
        "#,
    );
    check_resp3(
        r#"
        HELLO => {"server": "redis", "version": bulk, "proto": 3, "id": int, "mode": "standalone", "role": "master", "modules": []}
        GET none => nil
        "#,
    );
}

#[test]
fn hello_switches_the_protocol() {
    check(
        r#"
        HELLO 2 => {"proto": 2, ...}
        HELLO 3 => {"server": "redis", "version": bulk, "proto": 3, "id": int, "mode": "standalone", "role": "master", "modules": []}
        GET none => nil; HELLO 3 => {"proto": 3, ...}; CONFIG GET maxclients => {"maxclients": bulk}
        HELLO 2 => {"proto": 2, ...}; GET none => nil; CONFIG GET maxclients => {"maxclients": bulk}
        c2: GET none => nil
        "#,
    );
}

#[test]
fn hello_refuses_bad_versions_and_options() {
    check(
        r#"
        HELLO 1 => NOPROTO unsupported protocol version
        HELLO 4 => NOPROTO unsupported protocol version
        HELLO -1 => NOPROTO unsupported protocol version
        HELLO abc => ERR Protocol version is not an integer or out of range
        HELLO 3.0 => ERR Protocol version is not an integer or out of range
        HELLO 3 FOO => ERR Syntax error in HELLO option 'FOO'
        HELLO 3 AUTH => ERR Syntax error in HELLO option 'AUTH'
        HELLO 3 AUTH default => ERR Syntax error in HELLO option 'AUTH'
        HELLO 3 SETNAME => ERR Syntax error in HELLO option 'SETNAME'
        HELLO 3 SETNAME "a b" => ERR Client names cannot contain spaces, newlines or special characters.
        c2: HELLO 3 AUTH nobody pw => WRONGPASS invalid username-password pair or user is disabled.
        c3: HELLO 3 AUTH nobody pw SETNAME x => WRONGPASS invalid username-password pair or user is disabled.
        c3: CLIENT GETNAME => nil
        CLIENT GETNAME => nil; GET none => nil
        HELLO 3 SETNAME me => {"proto": 3, ...}; CLIENT GETNAME => "me"
        HELLO 2 setname you => {"proto": 2, ...}; CLIENT GETNAME => "you"
        HELLO 3 AUTH default "" => {"proto": 3, ...}
        HELLO 2 AUTH default anything SETNAME z => {"proto": 2, ...}
        "#,
    );
}

#[test]
fn auth_without_a_password_set() {
    check(
        r#"
        AUTH pw => ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?
        AUTH default anything => OK; ACL WHOAMI => "default"
        ACL WHOAMI x => ERR wrong number of arguments for 'acl|whoami' command
        c2: AUTH nobody pw => WRONGPASS invalid username-password pair or user is disabled.
        AUTH => ERR wrong number of arguments for 'auth' command
        AUTH a b c => ERR syntax error
        "#,
    );
}

/// What is answered from its arguments alone, and keys that come again, stand among everything else in one piece.
#[test]
fn pipelines_of_pings_and_of_one_key() {
    check(
        r#"
        PING => PONG; PING hello => "hello"; ECHO x => "x"; PING => PONG; ECHO "" => ""
        PING a b => ERR wrong number of arguments for 'ping' command; ECHO => ERR wrong number of arguments for 'echo' command; PING => PONG
        MULTI => OK; PING => QUEUED; ECHO a => QUEUED; EXEC => [PONG, "a"]; PING => PONG
        CLIENT REPLY SKIP => none; PING => none; ECHO b => "b"
        SET k 1 => OK; INCR k => 2; SELECT 1 => OK; GET k => nil; SET k 5 => OK; GET k => "5"; SELECT 0 => OK; GET k => "2"; GET j => nil; GET k => "2"
        SET "" e => OK; GET "" => "e"; GET k => "2"; DEL k => 1; GET k => nil; RPUSH k a b c => 3; LPOP k => "a"; RPOP k => "c"; LPOP k => "b"; LPOP k => nil; DEL "" => 1
        "#,
    );
}

/// 7.2 leaves out this error when an earlier reply is still waiting to be sent; every command gets a reply here.
#[test]
fn failed_auth_in_a_pipeline_is_answered() {
    if peer().is_some() {
        return;
    }
    check(
        r#"
        PING => PONG; AUTH nobody pw => WRONGPASS invalid username-password pair or user is disabled.
        PING => PONG; HELLO 3 AUTH nobody pw => WRONGPASS invalid username-password pair or user is disabled.
        PING => PONG
        "#,
    );
}

#[test]
fn nothing_but_auth_before_authentication() {
    each_variant(|variant| {
        let server = variant.own_server(&[("requirepass", "secret")]);
        let mut conn = server.conn();
        let error = |text: &str| Value::Error(text.into());
        let ok = ok();
        let noauth = error("NOAUTH Authentication required.");
        for line in ["GET k", "SET k v", "PING", "MULTI", "SELECT 0", "CLIENT ID"] {
            assert_eq!(conn.call(line), noauth, "{line}");
        }
        assert_eq!(conn.call("COMMAND COUNT"), noauth);
        let aborted = "EXECABORT Transaction discarded because of: NOAUTH Authentication required.";
        assert_eq!(conn.call("EXEC"), error(aborted));
        // Whether there is such a command is no secret.
        assert!(
            conn.call("NOSUCH")
                .text()
                .starts_with("ERR unknown command 'NOSUCH'")
        );
        let arity = "ERR wrong number of arguments for 'get' command";
        assert_eq!(conn.call("GET"), error(arity));
        let hello = conn.call("HELLO 3").text();
        assert!(
            hello.starts_with("NOAUTH HELLO must be called with the client already"),
            "{hello}"
        );
        assert_eq!(conn.call("RESET"), Value::Simple(b"RESET".to_vec()));
        let wrong = error("WRONGPASS invalid username-password pair or user is disabled.");
        assert_eq!(conn.call("AUTH wrong"), wrong);
        assert_eq!(conn.call("AUTH default wrong"), wrong);
        assert_eq!(conn.call("AUTH nobody secret"), wrong);
        assert_eq!(conn.call("HELLO 3 AUTH default wrong"), wrong);
        assert_eq!(conn.call("GET k"), noauth, "a failed AUTH changes nothing");
        assert_eq!(conn.call("AUTH secret"), ok);
        assert_eq!(conn.call("SET k v"), ok);
        assert_eq!(conn.call("AUTH wrong"), wrong);
        assert_eq!(
            conn.call("GET k").text(),
            "v",
            "a failed AUTH does not log out"
        );
        assert_eq!(conn.call("RESET"), Value::Simple(b"RESET".to_vec()));
        assert_eq!(conn.call("GET k"), noauth, "RESET logs out");
        let hello = conn.call("HELLO 3 AUTH default secret SETNAME me");
        assert!(matches!(hello, Value::Map(_)), "{hello}");
        assert_eq!(conn.call("CLIENT GETNAME").text(), "me");
        let mut other = server.conn();
        assert_eq!(other.call("AUTH default secret"), ok);
        assert_eq!(other.call("CONFIG SET requirepass other"), ok);
        assert_eq!(
            conn.call("GET k").text(),
            "v",
            "connections stay authenticated"
        );
        assert_eq!(server.conn().call("AUTH secret"), wrong);
        assert_eq!(server.conn().call("AUTH other"), ok);
        assert_eq!(
            other.call("CONFIG GET requirepass").elements()[0].text(),
            "requirepass"
        );
        assert_eq!(
            other.call_words(&[b"CONFIG", b"SET", b"requirepass", b""]),
            ok
        );
        assert_eq!(server.conn().call("GET k").text(), "v");
        let mut quitting = server.conn();
        assert_eq!(quitting.call("QUIT"), ok);
    });
}

#[test]
fn reset_returns_to_the_start() {
    check(
        r#"
        RESET => RESET
        SELECT 3 => OK; CLIENT SETNAME me => OK; HELLO 3 => {...}
        RESET => RESET
        SET k v => OK; CLIENT GETNAME => nil; CONFIG GET maxclients => ["maxclients", bulk]
        c2: GET k => "v"
        MULTI => OK; SET k w => QUEUED; RESET => RESET; GET k => "v"; EXEC => ERR EXEC without MULTI
        RESET x => ERR wrong number of arguments for 'reset' command
        CLIENT REPLY OFF => none; RESET => RESET; PING => PONG
        "#,
    );
}

#[test]
fn quit_answers_and_closes() {
    check(
        r#"
        QUIT => OK; read => closed
        c2: SET k v => OK; c2: QUIT => OK; c2: read => closed
        c3: GET k => "v"; c3: quit extra arguments => OK; c3: read => closed
        "#,
    );
}

#[test]
fn commands_after_quit_are_not_run() {
    check(
        r#"
        raw "SET a 1\r\nQUIT\r\nSET a 2\r\n" => OK; read => OK; read => closed
        c2: GET a => "1"
        "#,
    );
}
