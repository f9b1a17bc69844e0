//! Commands that wait: over real sockets, with keys on one shard and on several.
//!
//! Keys are chosen so that with four shards each of `a` to `d` is on a shard of its own (`SPREAD`); with one shard the
//! same scenarios run, and must look the same.

mod support;

use std::time::Duration;

use support::clock;
use support::process::open_files_limit;
use support::{Conn, ReadError, Server, Value, each_variant, peer};

/// Keys on four shards, if there are so many: their slots lie in different quarters.
const SPREAD: [&str; 4] = ["key0", "key1", "key2", "key3"];

/// The slot of a key without a hash tag.
fn slot(key: &str) -> u16 {
    let mut crc = 0_u16;
    for byte in key.bytes() {
        crc ^= u16::from(byte) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 != 0 {
                crc << 1 ^ 0x1021
            } else {
                crc << 1
            };
        }
    }
    crc % 16384
}

/// A key on that quarter of the slots.
fn key_on(quarter: u16, name: &str) -> String {
    (0..)
        .map(|n| format!("{name}-{n}"))
        .find(|key| slot(key) / 4096 == quarter)
        .expect("some key is there")
}

fn show(value: Result<Value, ReadError>) -> String {
    value.map_or_else(|error| format!("{error:?}"), |value| value.to_string())
}

/// A client that has sent a command and waits in it.
#[track_caller]
fn waits(server: &Server, control: &mut Conn, command: &str) -> Conn {
    let before = blocked(control);
    let mut conn = server.conn();
    send(&mut conn, command);
    clock::wait_until("the client waits", || {
        (blocked(control) == before + 1).then_some(())
    });
    conn
}

fn send(conn: &mut Conn, command: &str) {
    let line = format!("{command}\r\n");
    conn.send(line.as_bytes()).expect("the server reads");
}

fn blocked(control: &mut Conn) -> i64 {
    figure(control, "blocked_clients")
}

fn figure(control: &mut Conn, name: &str) -> i64 {
    let text = control.call("INFO clients").text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.expect("the figure").trim().parse().expect("a number")
}

#[track_caller]
fn expect(conn: &mut Conn, reply: &str) {
    assert_eq!(show(conn.read()), reply);
}

#[track_caller]
fn call(conn: &mut Conn, command: &str, reply: &str) {
    assert_eq!(conn.call(command).to_string(), reply, "{command}");
}

/// Runs a scenario on a server of its own, with keys of four shards.
fn scenario(run: impl Fn(&Server, &mut Conn, [&str; 4])) {
    each_variant(|variant| {
        let server = variant.own_server(&[("enable-debug-command", "yes")]);
        let mut control = server.conn();
        let keys = [0, 1, 2, 3].map(|quarter| key_on(quarter, SPREAD[usize::from(quarter)]));
        run(
            &server,
            &mut control,
            [&keys[0], &keys[1], &keys[2], &keys[3]],
        );
        // Whatever happened, nobody is thought to wait who does not.
        drop(control);
        let mut control = server.conn();
        clock::wait_until("nobody waits", || {
            (blocked(&mut control) == 0).then_some(())
        });
    });
}

/// Whoever waits and caches is told what its command came to before it is told what that changed.
#[test]
fn an_invalidation_comes_behind_the_reply_that_was_waited_for() {
    scenario(|server, control, keys| {
        for key in keys {
            let other = format!("{{{key}}}other");
            call(control, &format!("RPUSH {other} a"), "1");
            let mut conn = server.conn();
            conn.call("HELLO 3");
            call(&mut conn, "CLIENT TRACKING ON", "OK");
            call(&mut conn, &format!("LRANGE {other} 0 -1"), "[\"a\"]");
            send(&mut conn, &format!("BLMOVE {key} {other} LEFT LEFT 0"));
            clock::wait_until("the client waits", || (blocked(control) == 1).then_some(()));
            call(control, &format!("RPUSH {key} x"), "1");
            expect(&mut conn, "\"x\"");
            expect(&mut conn, &format!("push[\"invalidate\", [\"{other}\"]]"));
        }
    });
}

#[test]
fn a_push_wakes_who_waits_for_that_key() {
    scenario(|server, control, keys| {
        for key in keys {
            let mut conn = waits(server, control, &format!("BLPOP {key} 0"));
            call(control, &format!("RPUSH {key} 1 2"), "2");
            expect(&mut conn, &format!("[\"{key}\", \"1\"]"));
            // It goes on as before.
            call(&mut conn, &format!("LRANGE {key} 0 -1"), "[\"2\"]");
            call(
                control,
                &format!("BRPOP {key} 0"),
                &format!("[\"{key}\", \"2\"]"),
            );
        }
    });
}

#[test]
fn any_of_several_keys_wakes() {
    scenario(|server, control, [a, b, c, d]| {
        for key in [a, b, c, d] {
            let mut conn = waits(server, control, &format!("BRPOP {a} {b} {c} {d} 0"));
            call(control, &format!("RPUSH {key} x y"), "2");
            expect(&mut conn, &format!("[\"{key}\", \"y\"]"));
            call(control, &format!("DEL {key}"), "1");
            // None of the others may be served to it later.
            call(control, &format!("RPUSH {a} z"), "1");
            call(control, &format!("LPOP {a}"), "\"z\"");
        }
        let mut conn = waits(
            server,
            control,
            &format!("BLMPOP 0 3 {b} {c} {d} RIGHT COUNT 2"),
        );
        call(control, &format!("RPUSH {c} 1 2 3"), "3");
        expect(&mut conn, &format!("[\"{c}\", [\"3\", \"2\"]]"));
        call(control, &format!("LLEN {c}"), "1");
    });
}

#[test]
fn info_counts_keys_that_are_waited_for() {
    if peer().is_some() {
        // Redis counts them since 7.2.
        return;
    }
    scenario(|server, control, [a, b, c, d]| {
        let mut first = waits(server, control, &format!("BLPOP {b} {c} {d} 0"));
        let mut second = waits(server, control, &format!("BLPOP {a} {d} 100"));
        assert_eq!(figure(control, "total_blocking_keys"), 4);
        assert_eq!(figure(control, "total_blocking_keys_on_nokey"), 0);
        assert_eq!(figure(control, "clients_in_timeout_table"), 1);
        call(control, &format!("RPUSH {a} x"), "1");
        expect(&mut second, &format!("[\"{a}\", \"x\"]"));
        assert_eq!(figure(control, "total_blocking_keys"), 3);
        assert_eq!(figure(control, "clients_in_timeout_table"), 0);
        call(control, &format!("RPUSH {b} y"), "1");
        expect(&mut first, &format!("[\"{b}\", \"y\"]"));
        assert_eq!(figure(control, "total_blocking_keys"), 0);
    });
}

#[test]
fn who_came_first_is_served_first() {
    scenario(|server, control, [a, b, _, _]| {
        let commands = [
            format!("BLPOP {a} 0"),
            format!("BLPOP {b} {a} 0"),
            format!("BRPOP {a} {b} 0"),
            format!("BLMPOP 0 1 {a} LEFT COUNT 2"),
        ];
        let mut conns: Vec<Conn> = commands.iter().map(|c| waits(server, control, c)).collect();
        call(control, &format!("RPUSH {a} 1 2 3 4 5 6"), "6");
        expect(&mut conns[0], &format!("[\"{a}\", \"1\"]"));
        expect(&mut conns[1], &format!("[\"{a}\", \"2\"]"));
        expect(&mut conns[2], &format!("[\"{a}\", \"6\"]"));
        expect(&mut conns[3], &format!("[\"{a}\", [\"3\", \"4\"]]"));
        call(control, &format!("LRANGE {a} 0 -1"), "[\"5\"]");
    });
}

#[test]
fn moving_keeps_the_order_across_shards() {
    scenario(|server, control, [a, b, _, _]| {
        for round in 0..20 {
            let mut first = waits(server, control, &format!("BLMOVE {a} {b} LEFT RIGHT 0"));
            let mut second = waits(server, control, &format!("BLPOP {a} 0"));
            let mut third = waits(server, control, &format!("BRPOPLPUSH {a} {b} 0"));
            call(control, &format!("RPUSH {a} {round}-1"), "1");
            expect(&mut first, &format!("\"{round}-1\""));
            call(control, &format!("RPUSH {a} {round}-2 {round}-3"), "2");
            expect(&mut second, &format!("[\"{a}\", \"{round}-2\"]"));
            expect(&mut third, &format!("\"{round}-3\""));
            call(
                control,
                &format!("LRANGE {b} 0 -1"),
                &format!("[\"{round}-3\", \"{round}-1\"]"),
            );
            call(control, &format!("DEL {b}"), "1");
        }
    });
}

#[test]
fn moves_form_chains() {
    scenario(|server, control, [a, b, c, d]| {
        let mut moves: Vec<Conn> = [(a, b), (b, c), (c, d)]
            .iter()
            .map(|(from, to)| waits(server, control, &format!("BLMOVE {from} {to} LEFT LEFT 0")))
            .collect();
        let mut last = waits(server, control, &format!("BLPOP {d} 0"));
        call(control, &format!("RPUSH {a} x"), "1");
        expect(&mut last, &format!("[\"{d}\", \"x\"]"));
        for conn in &mut moves {
            expect(conn, "\"x\"");
        }
        call(control, "DBSIZE", "0");
        // In a circle, each once.
        let mut there = waits(server, control, &format!("BRPOPLPUSH {a} {b} 0"));
        let mut back = waits(server, control, &format!("BRPOPLPUSH {b} {a} 0"));
        call(control, &format!("RPUSH {a} y"), "1");
        expect(&mut there, "\"y\"");
        expect(&mut back, "\"y\"");
        call(control, &format!("LRANGE {a} 0 -1"), "[\"y\"]");
        call(control, &format!("DEL {a}"), "1");
        // To itself.
        let mut own = waits(server, control, &format!("BRPOPLPUSH {a} {a} 0"));
        let mut other = waits(server, control, &format!("BLPOP {a} 0"));
        call(control, &format!("RPUSH {a} z"), "1");
        expect(&mut own, "\"z\"");
        expect(&mut other, &format!("[\"{a}\", \"z\"]"));
    });
}

#[test]
fn a_wrong_destination_is_an_error_when_it_matters() {
    scenario(|server, control, [a, b, c, _]| {
        call(control, &format!("SET {b} string"), "OK");
        for destination in [b, c] {
            let mut conn = waits(
                server,
                control,
                &format!("BLMOVE {a} {destination} LEFT LEFT 0"),
            );
            let mut behind = waits(server, control, &format!("BLPOP {a} 0"));
            call(control, &format!("SET {c} string"), "OK");
            call(control, &format!("RPUSH {a} x"), "1");
            expect(
                &mut conn,
                "-\"WRONGTYPE Operation against a key holding the wrong kind of value\"",
            );
            expect(&mut behind, &format!("[\"{a}\", \"x\"]"));
            call(control, &format!("DEL {c}"), "1");
        }
    });
}

#[test]
fn who_waits_stays_in_line_if_somebody_else_was_faster() {
    scenario(|server, control, [a, b, c, d]| {
        // Whatever way the element takes, each goes to exactly one, and nobody is forgotten.
        for round in 0..50 {
            let mut mover = waits(server, control, &format!("BLMOVE {a} {b} LEFT LEFT 0"));
            let mut popper = waits(server, control, &format!("BLPOP {a} {c} 0"));
            let mut thief = server.conn();
            send(&mut thief, &format!("LPOP {a}"));
            send(control, &format!("RPUSH {a} {round}"));
            send(&mut thief, &format!("LPOP {a}"));
            expect(control, "1");
            let stolen = [show(thief.read()), show(thief.read())];
            let was_stolen = stolen.iter().any(|reply| reply != "nil");
            if was_stolen {
                call(control, &format!("RPUSH {a} again"), "1");
            }
            let moved = show(mover.read());
            let expected = if was_stolen {
                "\"again\"".into()
            } else {
                format!("\"{round}\"")
            };
            assert_eq!(moved, expected);
            call(control, &format!("RPUSH {c} end"), "1");
            expect(&mut popper, &format!("[\"{c}\", \"end\"]"));
            call(control, &format!("DEL {a} {b} {c} {d}"), "1");
        }
    });
}

#[test]
fn times_run_out() {
    scenario(|server, control, [a, b, c, d]| {
        for command in [
            format!("BLPOP {a} 0.05"),
            format!("BRPOP {a} {b} {c} {d} 0.01"),
            format!("BLMOVE {a} {b} LEFT LEFT 0.02"),
            format!("BRPOPLPUSH {a} {b} 0.001"),
            format!("BLMPOP 0.05 2 {a} {d} LEFT"),
        ] {
            assert_eq!(control.call(&command), Value::NullArray, "{command}");
        }
        let started = clock::now();
        call(control, &format!("BLPOP {b} 0.2"), "nil-array");
        // The time counts from the beginning of the turn that reads the command.
        assert!(started.elapsed() >= Duration::from_millis(100));
        // What comes too late stays.
        call(control, &format!("RPUSH {b} x"), "1");
        call(control, &format!("LLEN {b}"), "1");
        let mut conn = server.conn();
        conn.call("HELLO 3");
        assert_eq!(conn.call(&format!("BLPOP {a} 0.01")), Value::Null);
        assert_eq!(
            conn.call(&format!("BLMOVE {a} {b} LEFT LEFT 0.01")),
            Value::Null
        );
    });
}

#[test]
fn what_is_sent_behind_waits() {
    scenario(|server, control, [a, b, c, _]| {
        let mut conn = server.conn();
        for command in [
            format!("SET {b} 1"),
            format!("BLPOP {a} {c} 0"),
            format!("INCR {b}"),
            "PING".into(),
        ] {
            send(&mut conn, &command);
        }
        expect(&mut conn, "OK");
        clock::wait_until("it waits", || (blocked(control) == 1).then_some(()));
        call(control, &format!("GET {b}"), "\"1\"");
        call(control, &format!("RPUSH {c} x"), "1");
        expect(&mut conn, &format!("[\"{c}\", \"x\"]"));
        expect(&mut conn, "2");
        expect(&mut conn, "PONG");
    });
}

#[test]
fn client_unblock_ends_a_wait() {
    scenario(|server, control, [a, b, c, d]| {
        for (command, how, reply) in [
            (format!("BLPOP {a} 0"), "", "nil-array"),
            (format!("BLPOP {a} {b} {c} {d} 0"), "TIMEOUT", "nil-array"),
            (format!("BLMOVE {a} {b} LEFT LEFT 0"), "", "nil-array"),
            (
                format!("BRPOP {d} {c} 0"),
                "ERROR",
                "-\"UNBLOCKED client unblocked via CLIENT UNBLOCK\"",
            ),
        ] {
            let mut conn = server.conn();
            let id = conn.call("CLIENT ID").int();
            call(control, &format!("CLIENT UNBLOCK {id}"), "0");
            send(&mut conn, &command);
            clock::wait_until("it waits", || (blocked(control) == 1).then_some(()));
            call(control, &format!("CLIENT UNBLOCK {id} {how}"), "1");
            expect(&mut conn, reply);
            call(control, &format!("CLIENT UNBLOCK {id} {how}"), "0");
            // It has left the line.
            for key in [a, b, c, d] {
                call(control, &format!("RPUSH {key} x"), "1");
            }
            call(control, &format!("DEL {a} {b} {c} {d}"), "4");
            call(&mut conn, "PING", "PONG");
        }
        call(control, "CLIENT UNBLOCK 999999", "0");
        assert!(control.call("CLIENT UNBLOCK 1 FOO").is_error());
    });
}

#[test]
fn who_is_gone_is_not_served() {
    scenario(|server, control, [a, b, c, d]| {
        for command in [
            format!("BLPOP {a} 0"),
            format!("BLPOP {d} {c} {b} {a} 0"),
            format!("BLMOVE {a} {b} LEFT LEFT 0"),
        ] {
            let conn = waits(server, control, &command);
            let killed = waits(server, control, &command);
            let mut kept = waits(server, control, &format!("BLPOP {a} 0"));
            let id = control
                .call("CLIENT LIST")
                .text()
                .lines()
                .filter(|line| line.contains("flags=b"))
                .nth(1)
                .and_then(|line| {
                    line.strip_prefix("id=")?
                        .split(' ')
                        .next()
                        .map(str::to_owned)
                });
            let id = id.expect("a waiting client");
            call(control, &format!("CLIENT KILL ID {id}"), "1");
            drop(conn);
            clock::wait_until("they are gone", || (blocked(control) == 1).then_some(()));
            call(control, &format!("RPUSH {a} x"), "1");
            expect(&mut kept, &format!("[\"{a}\", \"x\"]"));
            drop(killed);
            call(control, "DBSIZE", "0");
        }
    });
}

#[test]
fn whatever_brings_a_list_wakes() {
    scenario(|server, control, [a, b, c, d]| {
        let wakes = |control: &mut Conn, commands: &[String]| {
            let mut conn = waits(server, control, &format!("BLPOP {a} 0"));
            for command in commands {
                let reply = control.call(command);
                assert!(!reply.is_error(), "{command}: {reply}");
            }
            expect(&mut conn, &format!("[\"{a}\", \"x\"]"));
            call(control, &format!("EXISTS {a}"), "0");
            control.call("FLUSHALL");
        };
        let commands = |lines: &[&str]| -> Vec<String> {
            let named = |line: &str| {
                let line = line.replace("{a}", a).replace("{b}", b);
                line.replace("{c}", c).replace("{d}", d)
            };
            lines.iter().map(|line| named(line)).collect()
        };
        for lines in [
            &["LPUSH {a} x"][..],
            &["RPUSH {b} x", "RENAME {b} {a}"],
            &["RPUSH {b} x", "RENAMENX {b} {a}"],
            &["RPUSH {b} x", "COPY {b} {a}"],
            &["RPUSH {b} x", "SORT {b} ALPHA STORE {a}"],
            &["RPUSH {b} x", "LMOVE {b} {a} LEFT LEFT"],
            &["RPUSH {b} x", "RPOPLPUSH {b} {a}"],
            &["RPUSH {b} x", "BLMOVE {b} {a} LEFT LEFT 0"],
            &["MULTI", "LPUSH {a} x", "EXEC"],
            &["MULTI", "LPUSH {b} x", "RENAME {b} {a}", "EXEC"],
            &["MULTI", "LPUSH {a} x", "DEL {a}", "LPUSH {a} x", "EXEC"],
            &[
                "MULTI",
                "LPUSH {a} y",
                "RPUSH {a} z",
                "LREM {a} 0 y",
                "LSET {a} 0 x",
                "EXEC",
            ],
            &["SET {a} string", "DEL {a}", "LPUSH {a} x"],
            &[
                "SET {a} string",
                "SETRANGE {a} 3 x",
                "GETDEL {a}",
                "RPUSH {a} x",
            ],
            &["MULTI", "LPUSH {a} y", "DEL {a}", "EXEC", "RPUSH {a} x"],
            &[
                "SELECT 1",
                "RPUSH {a} y",
                "RPUSH {a} x",
                "LPOP {a}",
                "MOVE {a} 0",
                "SELECT 0",
            ],
            &["SELECT 1", "RPUSH {a} x", "SWAPDB 0 1", "SELECT 0"],
            &["SELECT 1", "RPUSH {a} x", "SELECT 0", "SWAPDB 1 0"],
            &["SELECT 1", "RPUSH {b} x", "COPY {b} {a} DB 0", "SELECT 0"],
        ] {
            wakes(control, &commands(lines));
        }
    });
}

#[test]
fn a_restored_list_wakes() {
    scenario(|server, control, [a, b, c, _]| {
        call(control, &format!("RPUSH {b} x"), "1");
        let payload = control.call(&format!("DUMP {b}"));
        for replace in [false, true] {
            let mut conn = waits(server, control, &format!("BLMOVE {a} {c} LEFT LEFT 0"));
            if replace {
                call(control, &format!("SET {a} string"), "OK");
            }
            let mut words = vec![&b"RESTORE"[..], a.as_bytes(), b"0", payload.bytes()];
            words.extend(replace.then_some(&b"REPLACE"[..]));
            control.send_command(&words).expect("the server reads");
            expect(control, "OK");
            expect(&mut conn, "\"x\"");
            call(control, &format!("LPOP {c}"), "\"x\"");
        }
    });
}

#[test]
fn a_list_whose_time_is_up_wakes_nobody() {
    scenario(|server, control, [a, b, _, _]| {
        call(control, "DEBUG SET-ACTIVE-EXPIRE 0", "OK");
        call(control, "SELECT 1", "OK");
        call(control, &format!("RPUSH {a} x"), "1");
        call(control, &format!("PEXPIRE {a} 1"), "1");
        call(control, "SELECT 0", "OK");
        let mut conn = waits(server, control, &format!("BLPOP {b} {a} 0"));
        call(control, "DEBUG SLEEP 0.01", "OK");
        call(control, "SWAPDB 0 1", "OK");
        assert_eq!(blocked(control), 1);
        call(control, &format!("RPUSH {a} y"), "1");
        expect(&mut conn, &format!("[\"{a}\", \"y\"]"));
        call(control, "DEBUG SET-ACTIVE-EXPIRE 1", "OK");
    });
}

/// A client that goes away while its move is on the way to another shard holds nobody up.
#[test]
fn who_is_gone_holds_nobody_up() {
    scenario(|server, control, [a, b, c, _]| {
        for round in 0..60 {
            let first = waits(server, control, &format!("BLMOVE {a} {b} LEFT LEFT 0"));
            let mut second = waits(server, control, &format!("BRPOP {a} {c} 0"));
            let mut third = waits(server, control, &format!("BLMOVE {a} {b} LEFT LEFT 0"));
            send(control, &format!("RPUSH {a} {round}-1 {round}-2 {round}-3"));
            drop(first);
            expect(control, "3");
            let second = show(second.read());
            assert_eq!(second, format!("[\"{a}\", \"{round}-3\"]"));
            let third = show(third.read());
            assert!(third == format!("\"{round}-2\"") || third == format!("\"{round}-1\""));
            call(control, &format!("EXISTS {b}"), "1");
            clock::wait_until("all is quiet", || (blocked(control) == 0).then_some(()));
            control.call("FLUSHALL");
        }
    });
}

#[test]
fn a_transaction_is_over_before_anybody_is_served() {
    scenario(|server, control, [a, b, c, _]| {
        let mut conn = waits(server, control, &format!("BLPOP {a} 0"));
        let script = format!("MULTI|RPUSH {a} 1|RPUSH {a} 2|LLEN {a}|LPOP {a}|EXEC");
        let mut last = String::new();
        for command in script.split('|') {
            last = control.call(command).to_string();
        }
        assert_eq!(last, "[1, 2, 2, \"1\"]");
        expect(&mut conn, &format!("[\"{a}\", \"2\"]"));
        // Of several keys filled together, the one named first.
        let mut conn = waits(server, control, &format!("BLPOP {a} {a} 0"));
        let mut other = waits(server, control, &format!("BLPOP {b} {c} 0"));
        for command in [
            "MULTI".to_owned(),
            format!("RPUSH {c} c"),
            format!("RPUSH {a} a"),
            format!("RPUSH {b} b"),
            "EXEC".into(),
        ] {
            control.call(&command);
        }
        expect(&mut conn, &format!("[\"{a}\", \"a\"]"));
        let served = show(other.read());
        assert!(
            served.contains("\"b\"") || served.contains("\"c\""),
            "{served}"
        );
        call(control, "DBSIZE", "1");
    });
}

#[test]
fn a_key_that_comes_and_goes_wakes_nobody() {
    scenario(|server, control, [a, b, _, _]| {
        let mut conn = waits(server, control, &format!("BLPOP {a} 0"));
        for command in [
            "MULTI".to_owned(),
            format!("RPUSH {a} x"),
            format!("DEL {a}"),
            format!("SET {a} string"),
            format!("RPUSH {b} x"),
            "EXEC".into(),
        ] {
            control.call(&command);
        }
        call(control, &format!("APPEND {a} more"), "10");
        call(control, "FLUSHALL", "OK");
        assert_eq!(blocked(control), 1);
        call(control, &format!("RPUSH {a} y"), "1");
        expect(&mut conn, &format!("[\"{a}\", \"y\"]"));
    });
}

#[test]
fn watched_keys_see_what_is_taken() {
    scenario(|server, control, [a, b, _, _]| {
        let mut conn = waits(server, control, &format!("BLMOVE {a} {b} LEFT LEFT 0"));
        let mut watcher = server.conn();
        call(&mut watcher, &format!("WATCH {b}"), "OK");
        call(control, &format!("RPUSH {a} x"), "1");
        expect(&mut conn, "\"x\"");
        call(&mut watcher, "MULTI", "OK");
        call(&mut watcher, "PING", "QUEUED");
        call(&mut watcher, "EXEC", "nil-array");
    });
}

/// Many clients in many lines at once: every element is given out exactly once, and nobody is left waiting.
#[test]
fn nothing_is_lost_under_load() {
    scenario(|server, control, keys| {
        const ROUNDS: usize = 30;
        const CLIENTS: usize = 24;
        let mut takers: Vec<Conn> = (0..CLIENTS).map(|_| server.conn()).collect();
        let mut pushers: Vec<Conn> = (0..4).map(|_| server.conn()).collect();
        for round in 0..ROUNDS {
            for (nth, conn) in takers.iter_mut().enumerate() {
                let [first, second] = [keys[nth % 4], keys[(nth / 4 + nth + 1) % 4]];
                send(
                    conn,
                    &match nth % 3 {
                        0 => format!("BLPOP {first} {second} 0"),
                        1 => format!("BLMPOP 0 2 {first} {second} RIGHT"),
                        _ => format!("BLPOP {first} 0"),
                    },
                );
            }
            // As many on each key as will do for whoever waits for that one alone, and more.
            for (nth, conn) in pushers.iter_mut().enumerate() {
                for element in 0..CLIENTS {
                    send(
                        conn,
                        &format!("RPUSH {} {round}-{nth}-{element}", keys[nth]),
                    );
                }
            }
            let mut taken: Vec<String> = Vec::new();
            for conn in &mut takers {
                let reply = show(conn.read());
                taken.push(reply.split('"').nth(3).expect("an element").to_owned());
            }
            for conn in &mut pushers {
                for _ in 0..CLIENTS {
                    conn.read().expect("a length");
                }
            }
            for key in keys {
                let rest = control.call(&format!("LRANGE {key} 0 -1"));
                taken.extend(rest.elements().iter().map(Value::text));
            }
            control.call("FLUSHALL");
            taken.sort();
            let count = taken.len();
            taken.dedup();
            assert_eq!((count, taken.len()), (4 * CLIENTS, 4 * CLIENTS));
        }
    });
}

/// More waiting moves than a shard takes frames at a time.
#[test]
fn a_thousand_moves_are_woken_at_once() {
    const COUNT: usize = 1500;
    let files = open_files_limit();
    if files < COUNT as u64 + 200 {
        eprintln!("SKIPPED: only {files} open files allowed, {COUNT} connections need more");
        return;
    }
    scenario(|server, control, [_, _, _, to]| {
        let mut conns: Vec<Conn> = (0..COUNT).map(|_| server.conn()).collect();
        for (nth, conn) in conns.iter_mut().enumerate() {
            send(conn, &format!("BLMOVE many-{nth} {to} LEFT LEFT 0"));
        }
        clock::wait_until("all to wait", || {
            (blocked(control) == COUNT as i64).then_some(())
        });
        call(control, "MULTI", "OK");
        for nth in 0..COUNT {
            call(control, &format!("RPUSH many-{nth} {nth}"), "QUEUED");
        }
        control.call("EXEC");
        for (nth, conn) in conns.iter_mut().enumerate() {
            expect(conn, &format!("\"{nth}\""));
        }
        call(control, &format!("LLEN {to}"), &COUNT.to_string());
    });
}

/// Nobody follows this server, so whoever waits for that waits until it is told that it was for nothing.
#[test]
fn wait_lasts_until_its_time_is_up() {
    scenario(|server, control, keys| {
        let begin = clock::now();
        call(control, "WAIT 1 200", "0");
        assert!(begin.elapsed() >= Duration::from_millis(190));
        for (how, reply) in [
            ("TIMEOUT", "0"),
            (
                "ERROR",
                "-\"UNBLOCKED client unblocked via CLIENT UNBLOCK\"",
            ),
        ] {
            let mut conn = server.conn();
            let id = conn.call("CLIENT ID").to_string();
            call(&mut conn, &format!("SET {} v", keys[1]), "OK");
            send(&mut conn, &format!("WAIT 1 0\r\nGET {}", keys[1]));
            clock::wait_until("it waits", || (blocked(control) == 1).then_some(()));
            call(control, &format!("CLIENT UNBLOCK {id} {how}"), "1");
            expect(&mut conn, reply);
            expect(&mut conn, "\"v\"");
        }
        // A transaction and a script do not wait.
        let mut conn = server.conn();
        conn.call("MULTI");
        conn.call("WAIT 1 0");
        call(&mut conn, "EXEC", "[0]");
        let mut conn = waits(server, control, "WAIT 1 0");
        conn.send(b"PING\r\n").expect("the server reads");
    });
}
