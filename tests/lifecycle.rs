//! Starting and stopping the process.

mod support;

use std::process::{Command, Output};

use support::clock::wait_until;
use support::process::{binary, fresh_dir, is_peer, signal};
use support::resp::encode;
use support::{Conn, Server, Value, each_variant, ok};

fn run(args: &[&str]) -> Output {
    let dir = fresh_dir();
    Command::new("timeout")
        .arg("120")
        .arg(binary())
        .args(args)
        .current_dir(dir)
        .output()
        .expect("the binary runs")
}

fn text(output: &Output) -> String {
    let all = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&all).into_owned()
}

#[test]
fn version_is_printed() {
    for flag in ["--version", "-v"] {
        let output = run(&[flag]);
        assert!(output.status.success(), "{flag}: {}", output.status);
        assert!(text(&output).contains("v="), "{flag}: {}", text(&output));
    }
    let output = run(&["--help"]);
    assert!(text(&output).contains("Usage:"), "{}", text(&output));
}

#[test]
fn bad_directives_are_fatal_and_named() {
    for args in [
        &["--nosuchdirective", "1"][..],
        &["--port", "abc"],
        &["--port", "70000"],
        &["--maxmemory-policy", "foo"],
        &["--maxmemory", "12parsecs"],
        &["/nonexistent/tessera.conf"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output));
        assert!(!text(&output).is_empty(), "{args:?}");
    }
}

/// What keeps a server from starting is said in Redis' words, which people search for.
#[test]
fn reasons_not_to_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let in_use = format!(
        "Warning: Could not create server TCP listening socket 127.0.0.1:{port}: bind: Address already in use"
    );
    let aborting = format!("Failed listening on port {port} (tcp), aborting.");
    let nowhere = "Configured to not listen anywhere, exiting.";
    let missing = ">>> 'dir \"/nonexistent\"'\nNo such file or directory\n";
    let no_log = "***\nCan't open the log file: No such file or directory\n";
    let no_socket = "Failed opening Unix socket: bind: No such file or directory";
    for (args, lines) in [
        (&["--port", "0"][..], &[nowhere][..]),
        (
            &["--user", "foo", "--user", "foo", "on"],
            &[
                "Error in user declaration 'foo': Duplicate user found. A user can only be defined once in config files",
            ],
        ),
        (
            &["--user", "foo", "on", "what"],
            &["Error in user declaration 'foo': Syntax error\n"],
        ),
        // Before what is wrong further down, and before names that nothing is known of.
        (
            &[
                "--user",
                "foo",
                "+nope",
                "--user",
                "bar",
                "what",
                "--maxmemory",
                "1x",
            ],
            &["Error in user declaration 'user': Syntax error\n"],
        ),
        (
            &["--user", "foo", "+nope"],
            &[
                "Error loading ACL rule '+nope' for the user named 'foo': Unknown command or category name in ACL",
            ],
        ),
        (
            &["--user", "foo", "--aclfile", "users.acl"],
            &[
                "at the same setting an ACL file path is invalid. This setup is very likely to lead to",
            ],
        ),
        (
            &["--aclfile", "users.acl"],
            &["Error loading ACLs, opening file 'users.acl': No such file or directory"],
        ),
        (&["--bind", ""], &[nowhere]),
        (&["--dir", "/nonexistent"], &[missing]),
        (&["--dir", "/dev/null"], &["\nNot a directory\n"]),
        (&["--logfile", "/nonexistent/log"], &[no_log]),
        (
            &["--port", "0", "--unixsocket", "/nonexistent/socket"],
            &[no_socket],
        ),
        (
            &["--port", &port, "--bind", "127.0.0.1"],
            &[&in_use, &aborting],
        ),
    ] {
        let output = run(args);
        // Redis 7.0 writes the kind of a listener in capitals.
        let said = text(&output).replace("(TCP)", "(tcp)");
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        for line in lines {
            assert!(said.contains(line), "{args:?}: no {line:?} in {said}");
        }
    }
}

#[test]
fn huge_pages_are_refused() {
    each_variant(|variant| {
        for (setting, enabled) in [("yes", false), ("no", true)] {
            // Redis does so only where the system would give huge pages to everybody.
            if is_peer() {
                return;
            }
            let server = variant.own_server(&[("disable-thp", setting)]);
            let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()))
                .expect("the process is there");
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("THP_enabled:"));
            let expected = u8::from(enabled).to_string();
            // Linux before 5.19 does not tell.
            assert!(
                line.is_none_or(|line| line.trim() == expected),
                "disable-thp {setting}: {line:?}"
            );
        }
    });
}

/// What the kernel is told about this process.
fn oom_score(server: &Server) -> i64 {
    let file = format!("/proc/{}/oom_score_adj", server.pid());
    let text = std::fs::read_to_string(file).expect("the process is there");
    text.trim().parse().expect("a number")
}

#[test]
fn the_kernel_is_told_whom_to_kill() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("oom-score-adj-values", "7 8 9")]);
        let mut conn = server.conn();
        let ok = Value::Simple(b"OK".to_vec());
        let base = oom_score(&server);
        assert_eq!(conn.call("CONFIG SET oom-score-adj relative"), ok);
        assert_eq!(oom_score(&server), base + 7);
        let set_values = |conn: &mut Conn, values: &[u8]| {
            conn.call_words(&[b"CONFIG", b"SET", b"oom-score-adj-values", values])
        };
        assert_eq!(set_values(&mut conn, b"15 20 30"), ok);
        assert_eq!(oom_score(&server), base + 15);
        assert_eq!(conn.call("CONFIG SET oom-score-adj absolute"), ok);
        assert_eq!(oom_score(&server), 15);
        assert_eq!(conn.call("CONFIG SET oom-score-adj no"), ok);
        assert_eq!(oom_score(&server), base);
        // Turned off it touches nothing.
        assert_eq!(set_values(&mut conn, b"-1000 20 30"), ok);
        assert_eq!(oom_score(&server), base);
        // Less than it began with is for the privileged; who is not keeps what was.
        let refused = "ERR CONFIG SET failed (possibly related to argument 'oom-score-adj') - Failed to set current \
                       oom_score_adj. Check server logs.";
        let reply = conn.call("CONFIG SET oom-score-adj yes");
        if reply == ok {
            assert_eq!(oom_score(&server), (base - 1000).max(-1000));
        } else {
            assert_eq!(reply, Value::Error(refused.as_bytes().to_vec()));
            assert_eq!(oom_score(&server), base);
            assert_eq!(
                conn.call("CONFIG GET oom-score-adj").elements()[1].text(),
                "no"
            );
        }
        if is_peer() {
            return;
        }
        drop(conn);
        server.stop();
    });
}

#[test]
fn a_config_file_and_its_overrides() {
    each_variant(|variant| {
        let dir = fresh_dir();
        let file = dir.join("test.conf");
        let lines = "# a comment\n\nmaxmemory 50mb\ntimeout 17\nslowlog-max-len \"33\"\n\
                     client-output-buffer-limit normal 1mb 2mb 3\n";
        std::fs::write(&file, lines).expect("our folder is writable");
        let mut options = variant.options.clone().with("timeout", "18");
        options.file = Some(file.clone());
        let server = Server::start(&options);
        let mut conn = server.conn();
        let get = |conn: &mut Conn, name: &str| {
            conn.call(&format!("CONFIG GET {name}")).elements()[1].text()
        };
        assert_eq!(get(&mut conn, "maxmemory"), "52428800");
        assert_eq!(
            get(&mut conn, "timeout"),
            "18",
            "the command line comes after the file"
        );
        assert_eq!(get(&mut conn, "slowlog-max-len"), "33");
        let limits = get(&mut conn, "client-output-buffer-limit");
        assert!(limits.starts_with("normal 1048576 2097152 3 "), "{limits}");
        // CONFIG REWRITE keeps comments and unknown places, and writes what changed.
        assert_eq!(conn.call("CONFIG SET slowlog-max-len 44"), ok());
        assert_eq!(conn.call("CONFIG REWRITE"), ok());
        let written = std::fs::read_to_string(&file).expect("the file is there");
        assert!(written.starts_with("# a comment\n"), "{written}");
        assert!(written.contains("\nslowlog-max-len 44\n"), "{written}");
        assert!(written.contains("\nmaxmemory 50mb\n"), "{written}");
        assert_eq!(written.matches("slowlog-max-len").count(), 1, "{written}");
        // The same in a transaction, under the settings it has just made.
        for command in [
            "MULTI",
            "CONFIG SET slowlog-max-len 55",
            "CONFIG REWRITE",
            "GET k",
        ] {
            conn.call(command);
        }
        let ok = ok();
        let replies = conn.call("EXEC");
        assert_eq!(replies.elements()[..2], [ok.clone(), ok], "{replies:?}");
        let written = std::fs::read_to_string(&file).expect("the file is there");
        assert!(written.contains("\nslowlog-max-len 55\n"), "{written}");
        // All settings, and the same all over again.
        let force = "DEBUG CONFIG-REWRITE-FORCE-ALL";
        assert_eq!(conn.call(force), Value::Simple(b"OK".to_vec()));
        let written = std::fs::read_to_string(&file).expect("the file is there");
        assert!(
            written.contains("\nhash-max-listpack-value 64\n"),
            "{written}"
        );
        assert_eq!(conn.call(force), Value::Simple(b"OK".to_vec()));
        let again = std::fs::read_to_string(&file).expect("the file is there");
        // Redis ends with an empty line the second time.
        assert_eq!(written.trim_end(), again.trim_end());
    });
}

/// What `ps` shows. A real server calls itself by the name it was started by, as we do.
#[test]
fn the_title_of_the_process() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        let shown = || {
            let text = std::fs::read(format!("/proc/{}/cmdline", server.pid())).expect("it runs");
            let text = String::from_utf8(text).expect("our title is text");
            let end = text.find('\0').unwrap_or(text.len());
            text[..end].trim_end().to_owned()
        };
        assert!(
            shown().ends_with(&format!(":{}", server.port())),
            "{}",
            shown()
        );
        let template = b"a title {port} {{x} {server-mode}";
        assert_eq!(
            conn.call_words(&[b"CONFIG", b"SET", b"proc-title-template", template]),
            ok()
        );
        assert_eq!(shown(), format!("a title {} {{x}}", server.port()));
        // The environment is where it was shown before: it was moved.
        let long = "y".repeat(3000);
        assert_eq!(
            conn.call(&format!("CONFIG SET proc-title-template {long}")),
            ok()
        );
        let cut = shown();
        assert!(cut.len() > 100 && long.starts_with(&cut), "{cut}");
        let bad = conn
            .call("CONFIG SET proc-title-template {invalid-var}")
            .text();
        assert!(bad.contains("template format is invalid"), "{bad}");
    });
}

#[test]
fn users_of_a_config_file() {
    each_variant(|variant| {
        let dir = fresh_dir();
        let file = dir.join("users.conf");
        let lines = "user default on nopass ~* +@all -flushdb\nrequirepass ignored\nuser alice on >a ~x +get (~y +set)\n";
        std::fs::write(&file, lines).expect("our folder is writable");
        let mut options = variant.options.clone();
        options.file = Some(file.clone());
        let mut server = Server::start(&options);
        let mut conn = server.conn();
        let call = |conn: &mut Conn, line: &str| conn.call(line).to_string();
        assert_eq!(call(&mut conn, "ACL USERS"), r#"["alice", "default"]"#);
        assert!(call(&mut conn, "FLUSHDB").contains("NOPERM"));
        assert!(call(&mut conn, "PUBLISH c m").contains("NOPERM"));
        assert_eq!(call(&mut conn, "ACL SETUSER bob on nopass"), "OK");
        let before = call(&mut conn, "ACL LIST");
        assert_eq!(call(&mut conn, "CONFIG REWRITE"), "OK");
        let written = std::fs::read_to_string(&file).expect("the file is there");
        assert!(written.contains("\nuser bob on nopass "), "{written}");
        assert_eq!(written.matches("user alice").count(), 1, "{written}");
        drop(conn);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(call(&mut conn, "ACL LIST"), before);
        assert_eq!(call(&mut conn, "AUTH alice a"), "OK");
        assert_eq!(call(&mut conn, "SET y 1"), "OK");
        assert!(call(&mut conn, "GET y").contains("NOPERM"));
    });
}

#[test]
fn shutdown_ends_the_process() {
    each_variant(|variant| {
        for command in ["SHUTDOWN NOSAVE", "SHUTDOWN NOW NOSAVE FORCE"] {
            let mut server = variant.own_server(&[]);
            let mut conn = server.conn();
            assert!(conn.call("SHUTDOWN FOO").is_error());
            assert!(conn.call("SHUTDOWN ABORT").is_error());
            conn.call("SET k v");
            let mut neighbour = server.conn();
            neighbour.call("PING");
            let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
            conn.send_command(&words).expect("the server reads");
            assert_eq!(
                conn.read(),
                Err(support::ReadError::Closed),
                "no reply to {command}"
            );
            // Who sees its connection end cannot make another.
            assert!(server.try_conn().is_err(), "{command}");
            assert!(server.wait_exit().success(), "{command}");
            assert_eq!(neighbour.read(), Err(support::ReadError::Closed));
        }
    });
}

#[test]
fn signals_end_the_process() {
    each_variant(|variant| {
        for name in ["TERM", "INT"] {
            let mut server = variant.own_server(&[]);
            let mut conn = server.conn();
            conn.call("SET k v");
            signal(server.pid(), name);
            let status = server.wait_exit();
            assert!(
                status.success(),
                "SIG{name}: {status}\n{}",
                server.log_tail()
            );
        }
    });
}

/// Nobody begins anew what is under way, and nothing is left behind.
#[test]
fn a_second_signal_changes_nothing() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("save", "3600 1")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 1000");
        conn.call("CONFIG SET rdb-key-save-delay 2000");
        signal(server.pid(), "TERM");
        server.wait_log(&["Saving the final RDB snapshot"]);
        signal(server.pid(), "TERM");
        // Two that come at once are one.
        let heard = || server.log().matches("Received SIGTERM").count();
        wait_until("both signals to be heard", || (heard() == 2).then_some(()));
        let dir = server.dir().to_owned();
        let status = server.wait_exit();
        assert!(status.success(), "{status}\n{}", server.log_tail());
        let files = std::fs::read_dir(dir).expect("it has a directory");
        let names = files.map(|file| file.expect("it is read").file_name());
        let left: Vec<_> = names
            .filter(|name| name.to_string_lossy().starts_with("temp-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        let log = server.log();
        assert_eq!(log.matches("Saving the final").count(), 1, "{log}");
        assert!(!log.contains("Giving it up"), "{log}");
    });
}

/// Nor does a script that never ends keep it, whether it has written or not.
#[test]
fn signals_end_endless_scripts() {
    if is_peer() {
        return;
    }
    each_variant(|variant| {
        for (save, script) in [
            ("", "redis.log(3, 'it runs') while true do end"),
            (
                "",
                "redis.log(3, 'it runs') while true do redis.call('incr', 'k') end",
            ),
            (
                "3600 1",
                "redis.log(3, 'it runs') redis.call('incr', KEYS[1]) while true do end",
            ),
        ] {
            let mut server = variant.own_server(&[("busy-reply-threshold", "100"), ("save", save)]);
            let mut conn = server.conn();
            conn.call("SET other v");
            conn.send_command(&[b"EVAL", script.as_bytes(), b"1", b"k"])
                .expect("the server reads");
            server.wait_log(&["it runs"]);
            signal(server.pid(), "TERM");
            let status = server.wait_exit();
            assert!(
                status.success(),
                "{script}: {status}\n{}",
                server.log_tail()
            );
        }
    });
}

/// A reply as long as these takes many sends. Redis cuts them off.
#[test]
fn what_was_asked_before_a_shutdown_is_answered() {
    const BYTES: usize = 16 << 20;
    each_variant(|variant| {
        if is_peer() {
            return;
        }
        let mut server = variant.own_server(&[]);
        let mut readers: Vec<Conn> = (0..3).map(|_| server.conn()).collect();
        let mut neighbour = server.conn();
        neighbour.call(&format!("SETRANGE big {} x", BYTES - 1));
        // The last one never reads.
        let mut stopped = server.conn();
        for conn in readers.iter_mut().chain([&mut stopped]) {
            conn.send_command(&[b"GET", b"big"])
                .expect("the server reads");
        }
        wait_until("the replies to be on their way", || {
            let stats = neighbour.call("INFO commandstats").text();
            stats.contains("cmdstat_get:calls=4,").then_some(())
        });
        signal(server.pid(), "TERM");
        for conn in &mut readers {
            let reply = conn.read().expect("the reply");
            assert_eq!(reply.bytes().len(), BYTES);
            assert_eq!(conn.read(), Err(support::ReadError::Closed));
        }
        assert!(server.wait_exit().success());
    });
}

/// Operations over several shards need all of them: none may leave while another waits for it.
#[test]
fn a_shutdown_amid_operations_over_all_shards() {
    each_variant(|variant| {
        for _ in 0..5 {
            let mut server = variant.own_server(&[]);
            let mut conns: Vec<Conn> = (0..8).map(|_| server.conn()).collect();
            let mut bytes = Vec::new();
            for n in 0..300 {
                let keys: Vec<String> = (0..6).map(|k| format!("{n}:{k}")).collect();
                encode(
                    &["MSETNX", &keys[0], "a", &keys[1], "b", &keys[2], "c"],
                    &mut bytes,
                );
                encode(&["COPY", &keys[0], &keys[3]], &mut bytes);
                encode(&["RENAME", &keys[1], &keys[4]], &mut bytes);
                encode(&["BITOP", "OR", &keys[5], &keys[0], &keys[2]], &mut bytes);
            }
            let mut waiting = server.conn();
            waiting
                .send(b"BLPOP none nobody nothing 0\r\n")
                .expect("the server reads");
            for conn in &mut conns {
                let _ = conn.send(&bytes);
            }
            conns[0].read().expect("a first reply");
            signal(server.pid(), "TERM");
            let status = server.wait_exit();
            assert!(status.success(), "{status}\n{}", server.log_tail());
        }
    });
}

#[test]
fn changes_are_counted_from_zero() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        let mut changes = 0;
        for (command, more) in [
            ("PING", 0),
            ("SET a 1", 1),
            ("SET a 1 NX", 0),
            ("GET a", 0),
            ("MSET a 1 b 2 c 3", 3),
            ("MSETNX c 1 d 2", 0),
            ("MSETNX d 1 e 2", 2),
            ("DEL a b nosuch", 2),
            ("SETBIT bits 1 1", 1),
            ("SETBIT bits 1 1", 0),
            ("BITFIELD bits SET u8 0 64", 0),
            ("BITFIELD bits SET u8 0 65", 1),
            ("INCR n", 1),
            ("RENAME n m", 1),
            ("COPY m n", 1),
            ("EXPIRE n 100", 1),
            ("EXPIRE nosuch 100", 0),
            ("MULTI; SET x 1; MSET y 1 z 2; EXEC", 3),
        ] {
            for command in command.split("; ") {
                conn.call(command);
            }
            changes += more;
            let line = format!("\r\nrdb_changes_since_last_save:{changes}\r\n");
            let info = conn.call("INFO persistence").text();
            assert!(
                info.contains(&line),
                "after {command}: no {line:?} in {info}"
            );
        }
    });
}

#[test]
fn a_port_in_use_is_fatal() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let port = server.port().to_string();
        let mut args = vec!["--port", &port, "--bind", "127.0.0.1", "--save", ""];
        let own: Vec<String> = variant
            .options
            .own
            .iter()
            .flat_map(|(name, value)| [format!("--{name}"), value.clone()])
            .collect();
        if !is_peer() {
            args.extend(own.iter().map(String::as_str));
        }
        let output = run(&args);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert!(text(&output).contains(&port), "{}", text(&output));
        assert_eq!(server.conn().call("PING").text(), "PONG");
    });
}

#[test]
fn listening_elsewhere_while_running() {
    let error = |setting: &str, why: &str| {
        let text =
            format!("ERR CONFIG SET failed (possibly related to argument '{setting}') - {why}");
        Value::Error(text.into_bytes())
    };
    let ok = ok();
    each_variant(|variant| {
        let path = fresh_dir().join("s.sock");
        let server = variant.own_server(&[("unixsocket", &path.to_string_lossy())]);
        let other = variant.own_server(&[]);
        let mut conn = server.conn();
        let port = other.port();
        let refused = error("port", "Unable to listen on this port. Check server logs.");
        assert_eq!(conn.call(&format!("CONFIG SET port {port}")), refused);
        assert_eq!(
            conn.call(&format!("CONFIG SET timeout 9 port {port}")),
            refused
        );
        assert_eq!(conn.call("CONFIG GET timeout").elements()[1].text(), "0");
        let own = server.port().to_string();
        assert_eq!(conn.call("CONFIG GET port").elements()[1].text(), own);
        let refused = error("bind", "Failed to bind to specified addresses.");
        assert_eq!(conn.call("CONFIG SET bind 192.0.2.1"), refused);
        assert_eq!(server.conn().call("PING").text(), "PONG");
        // Another address on the same port, beside the one there is and instead of it.
        let connect = |host: &str| std::net::TcpStream::connect((host, server.port()));
        for (bind, there, gone) in [
            ("127.0.0.1 127.0.0.2", "127.0.0.2", None),
            ("127.0.0.2", "127.0.0.2", Some("127.0.0.1")),
            ("127.0.0.1", "127.0.0.1", Some("127.0.0.2")),
        ] {
            let words = ["CONFIG", "SET", "bind", bind].map(str::as_bytes);
            conn.send_command(&words).expect("the server reads");
            assert_eq!(conn.read(), Ok(ok.clone()), "{bind}");
            assert!(connect(there).is_ok(), "{bind}");
            wait_until("the former address is given up", || {
                gone.is_none_or(|gone| connect(gone).is_err()).then_some(())
            });
        }
        assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
        assert_eq!(conn.call("CONFIG SET port 0"), ok);
        assert!(std::os::unix::net::UnixStream::connect(&path).is_ok());
        assert_eq!(conn.call(&format!("CONFIG SET port {own}")), ok);
        assert_eq!(server.conn().call("PING").text(), "PONG");
    });
}

#[test]
fn a_unix_socket_next_to_the_port() {
    each_variant(|variant| {
        let path = fresh_dir().join("s.sock");
        let server = variant.own_server(&[("unixsocket", &path.to_string_lossy())]);
        let mut socket = std::os::unix::net::UnixStream::connect(&path).expect("it listens");
        use std::io::{Read, Write};
        socket.write_all(b"SET k v\r\nGET k\r\n").expect("it reads");
        let mut reply = [0; 12];
        socket.read_exact(&mut reply).expect("it replies");
        assert_eq!(&reply, b"+OK\r\n$1\r\nv\r\n");
        assert_eq!(server.conn().call("GET k").text(), "v");
    });
}

#[test]
fn a_restarted_server_is_empty_and_well() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        server.conn().call("SET k v");
        server.restart();
        assert_eq!(server.conn().call("DBSIZE"), Value::Int(0));
    });
}

/// What ends by a signal says where it was.
#[test]
fn a_crash_is_reported() {
    use std::os::unix::process::ExitStatusExt;
    if is_peer() {
        return;
    }
    each_variant(|variant| {
        for (how, number) in [("SEGV", 11), ("ABRT", 6), ("BUS", 7), ("DEBUG", 11)] {
            let mut server = variant.own_server(&[]);
            if how == "DEBUG" {
                let mut conn = server.conn();
                conn.send_command(&[b"DEBUG", b"SEGFAULT"])
                    .expect("the server reads");
                assert!(conn.read().is_err(), "no reply");
            } else {
                signal(server.pid(), how);
            }
            let status = server.wait_exit();
            assert_eq!(status.signal(), Some(number), "{how}");
            let log = server.log();
            assert!(
                log.contains(&format!("crashed by signal: {number}, si_code: ")),
                "{how}: {log}"
            );
            assert!(log.contains("------ STACK TRACE"), "{how}: {log}");
            assert_eq!(log.matches("BUG REPORT START").count(), 1, "{how}: {log}");
            for text in ["shard-0\n", "STACK TRACE DONE", "REGISTERS", "REPORT END"] {
                assert!(log.contains(text), "{how}: {text} in {log}");
            }
        }
        // Who does not want one.
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        assert_eq!(conn.call("CONFIG SET crash-log-enabled no"), ok());
        signal(server.pid(), "SEGV");
        assert_eq!(server.wait_exit().signal(), Some(11));
        assert!(!server.log().contains("crashed by signal"));
    });
}

/// A bug that is noticed says what it is, and where, once.
#[test]
fn a_panic_is_reported() {
    use std::os::unix::process::ExitStatusExt;
    if is_peer() {
        return;
    }
    each_variant(|variant| {
        for (word, text) in [
            ("PANIC", "called by Unit Test"),
            ("ASSERT", "ASSERTION FAILED"),
        ] {
            let mut server = variant.own_server(&[]);
            let mut conn = server.conn();
            conn.send_command(&[b"DEBUG", word.as_bytes()])
                .expect("the server reads");
            assert!(conn.read().is_err(), "no reply");
            assert!(server.wait_exit().signal().is_some());
            let log = server.log();
            assert!(log.contains(text), "{log}");
            assert!(log.contains("------ STACK TRACE"), "{log}");
            assert!(!log.contains("crashed by signal"), "{log}");
        }
    });
}

/// A turn that takes too long is told of, as is where the shards are when somebody asks.
#[test]
fn the_watchdog_barks() {
    if is_peer() {
        return;
    }
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        signal(server.pid(), "ALRM");
        server.wait_log(&["Received SIGALRM", "shard-0\n"]);
        assert!(!server.log().contains("WATCHDOG"));
        assert_eq!(conn.call("CONFIG SET watchdog-period 200"), ok());
        assert_eq!(conn.call("DEBUG SLEEP 1"), ok());
        server.wait_log(&["--- WATCHDOG TIMER EXPIRED ---"]);
        assert_eq!(conn.call("PING"), Value::Simple(b"PONG".to_vec()));
    });
}
