//! Scripts that run for long: who is told that it is busy, who is served, and how it ends.

mod support;

use support::clock;
use support::{Conn, ReadError, Server, Value, each_variant, peer};

const BUSY: &str =
    "-\"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\"";
const BUSY_FUNCTION: &str =
    "-\"BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.\"";
const NOTBUSY: &str = "-\"NOTBUSY No scripts in execution right now.\"";
const UNKILLABLE: &str = "-\"UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.\"";

/// Keys on four shards, if there are so many.
const KEYS: [&str; 4] = ["key-1", "key-3", "key-0", "key-2"];

fn show(value: Result<Value, ReadError>) -> String {
    value.map_or_else(|error| format!("{error:?}"), |value| value.to_string())
}

fn send(conn: &mut Conn, command: &str) {
    conn.send(format!("{command}\r\n").as_bytes())
        .expect("the server reads");
}

#[track_caller]
fn call(conn: &mut Conn, command: &str, reply: &str) {
    assert_eq!(conn.call(command).to_string(), reply, "{command}");
}

/// Waits until this command is answered with this.
#[track_caller]
fn until(conn: &mut Conn, command: &str, reply: &str) {
    clock::wait_until(reply, || {
        (conn.call(command).to_string() == reply).then_some(())
    });
}

#[track_caller]
fn ends_killed(conn: &mut Conn) {
    let reply = show(conn.read());
    assert!(
        reply.contains("Script killed by user with SCRIPT KILL"),
        "{reply}"
    );
}

/// Runs a scenario on a server of its own, with some clients of each shard.
fn scenario(threshold: &str, run: impl Fn(&mut Server, &mut [Conn], bool)) {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("busy-reply-threshold", threshold), ("save", "")]);
        let mut conns: Vec<Conn> = (0..9).map(|_| server.conn()).collect();
        let is_one = peer().is_some() || variant.name.ends_with('1');
        run(&mut server, &mut conns, is_one);
    });
}

#[test]
fn an_endless_script_holds_up_its_shard_only() {
    scenario("50", |server, conns, is_one| {
        for key in KEYS {
            let [runner, others @ ..] = conns else {
                unreachable!()
            };
            send(
                runner,
                &format!("EVAL \"while true do redis.call('get', KEYS[1]) end\" 1 {key}"),
            );
            until(&mut others[0], &format!("GET {key}"), BUSY);
            let mut served = 0;
            for conn in &mut *others {
                call(conn, &format!("GET {key}"), BUSY);
                served += usize::from(conn.call("PING").to_string() == "PONG");
            }
            // Who is at home where it runs is not; where clients are at home is for the server to choose.
            let of_all = others.len();
            assert!(
                served < of_all && is_one == (served == 0),
                "{served} of {of_all}"
            );
            if !is_one {
                let other = KEYS.iter().find(|other| **other != key).expect("another");
                let mut fine = 0;
                for conn in &mut *others {
                    fine += usize::from(conn.call(&format!("SET {other} x")).to_string() == "OK");
                }
                assert_eq!(fine, served);
                let both = format!("MGET {key} {other}");
                call(&mut others[0], &both, BUSY);
                call(&mut others[0], "DBSIZE", BUSY);
            }
            let mut new = server.conn();
            call(&mut new, &format!("GET {key}"), BUSY);
            call(&mut new, "FUNCTION KILL", BUSY);
            call(&mut new, "SHUTDOWN", BUSY);
            call(&mut new, "SCRIPT KILL", "OK");
            ends_killed(runner);
            for conn in &mut *conns {
                call(conn, "PING", "PONG");
                call(conn, "SCRIPT KILL", NOTBUSY);
            }
        }
    });
}

#[test]
fn with_all_stores_lent_everybody_is_told() {
    scenario("50", |server, conns, _| {
        let [runner, others @ ..] = conns else {
            unreachable!()
        };
        send(
            runner,
            "EVAL \"while true do redis.call('get', 'a' .. math.random()) end\" 0",
        );
        send(runner, "SET after 1");
        for conn in &mut *others {
            until(conn, "PING", BUSY);
        }
        for conn in &mut *others {
            call(conn, "GET x", BUSY);
            call(conn, "MULTI", "OK");
            call(conn, "GET x", BUSY);
            let abort = format!(
                "-\"EXECABORT Transaction discarded because of: {}",
                &BUSY[2..]
            );
            call(conn, "EXEC", &abort);
            call(conn, "WATCH x", "OK");
            call(conn, "UNWATCH", "OK");
            call(conn, "HELLO 4", "-\"NOPROTO unsupported protocol version\"");
        }
        let mut new = server.conn();
        call(&mut new, "PING", BUSY);
        call(&mut new, "RESET", "RESET");
        call(&mut others[0], "SCRIPT KILL", "OK");
        ends_killed(runner);
        // What the same client sent meanwhile came after it.
        assert_eq!(show(runner.read()), "OK");
        for conn in others {
            call(conn, "GET after", "\"1\"");
        }
        call(&mut new, "PING", "PONG");
    });
}

#[test]
fn what_native_functions_of_a_script_take_is_noticed() {
    scenario("50", |_, conns, _| {
        let [runner, others @ ..] = conns else {
            unreachable!()
        };
        send(
            runner,
            "EVAL \"return ('a'):rep(100000):find('.-.-.-.-b')\" 1 key-0",
        );
        for conn in &mut *others {
            until(conn, "GET key-0", BUSY);
        }
        call(&mut others[0], "SCRIPT KILL", "OK");
        ends_killed(runner);
        call(&mut others[0], "GET key-0", "nil");
    });
}

#[test]
fn a_script_in_a_transaction_is_killed() {
    scenario("50", |_, conns, _| {
        let [runner, control, ..] = conns else {
            unreachable!()
        };
        call(runner, "MULTI", "OK");
        call(runner, "SET key-0 a", "QUEUED");
        let script = runner.call_words(&[b"EVAL", b"while true do end", b"1", b"key-1"]);
        assert_eq!(script.to_string(), "QUEUED");
        call(runner, "SET key-2 b", "QUEUED");
        send(runner, "EXEC");
        until(control, "GET key-1", BUSY);
        call(control, "SCRIPT KILL", "OK");
        let reply = show(runner.read());
        assert!(reply.starts_with("[OK, -\"ERR"), "{reply}");
        assert!(reply.ends_with("OK]"), "{reply}");
        call(control, "MGET key-0 key-2", "[\"a\", \"b\"]");
    });
}

#[test]
fn what_was_written_stays() {
    scenario("50", |server, conns, _| {
        let [runner, control, ..] = conns else {
            unreachable!()
        };
        send(
            runner,
            "EVAL \"redis.call('set', KEYS[1], 'x') while true do end\" 1 key-1",
        );
        until(control, "GET key-1", BUSY);
        call(control, "SCRIPT KILL", UNKILLABLE);
        call(control, "FUNCTION KILL", UNKILLABLE);
        call(control, "SHUTDOWN", BUSY);
        call(control, "GET key-1", BUSY);
        send(control, "SHUTDOWN NOSAVE");
        assert!(server.wait_exit().success());
    });
}

#[test]
fn functions() {
    scenario("50", |_, conns, _| {
        let [runner, control, ..] = conns else {
            unreachable!()
        };
        let code =
            "#!lua name=lib\nredis.register_function('endless', function() while true do end end)";
        let reply = control.call_words(&[b"FUNCTION", b"LOAD", code.as_bytes()]);
        assert_eq!(reply.to_string(), "\"lib\"");
        send(runner, "FCALL endless 1 key-1");
        until(control, "GET key-1", BUSY_FUNCTION);
        call(control, "SCRIPT KILL", BUSY_FUNCTION);
        let stats = control.call("FUNCTION STATS").to_string();
        let running = "[\"running_script\", [\"name\", \"endless\", \"command\", [\"FCALL\", \"endless\", \"1\", \"key-1\"], \"duration_ms\", ";
        assert!(stats.starts_with(running), "{stats}");
        call(control, "FUNCTION KILL", "OK");
        ends_killed(runner);
        call(control, "FUNCTION KILL", NOTBUSY);
    });
}

/// FUNCTION STATS has nothing to say of a script, and says so.
#[test]
fn statistics_while_a_script_runs() {
    scenario("50", |_, conns, _| {
        let [runner, control, ..] = conns else {
            unreachable!()
        };
        send(runner, "EVAL \"while true do end\" 1 key-1");
        until(control, "GET key-1", BUSY);
        call(control, "FUNCTION STATS", BUSY);
        call(control, "FUNCTION KILL", BUSY);
        call(control, "SCRIPT KILL", "OK");
        ends_killed(runner);
        call(
            control,
            "FUNCTION STATS",
            "[\"running_script\", nil, \"engines\", [\"LUA\", [\"libraries_count\", 0, \"functions_count\", 0]]]",
        );
    });
}

/// A script on one shard and a function on another, which has written: each is killed by its own command.
#[test]
fn a_script_and_a_function_at_once() {
    scenario("50", |_, conns, is_one| {
        let [first, second, control, ..] = conns else {
            unreachable!()
        };
        if is_one {
            return;
        }
        let code = "#!lua name=lib
            redis.register_function('endless', function() while true do end end)
            redis.register_function('writes', function(keys) redis.call('set', keys[1], 'x') while true do end end)";
        let reply = control.call_words(&[b"FUNCTION", b"LOAD", code.as_bytes()]);
        assert_eq!(reply.to_string(), "\"lib\"");
        send(first, "EVAL \"while true do end\" 1 key-1");
        send(second, "FCALL endless 1 key-3");
        until(control, "SCRIPT KILL", "OK");
        ends_killed(first);
        until(control, "SCRIPT KILL", BUSY_FUNCTION);
        let stats = control.call("FUNCTION STATS").to_string();
        assert!(stats.contains("\"endless\""), "{stats}");
        call(control, "FUNCTION KILL", "OK");
        ends_killed(second);
        send(second, "FCALL writes 1 key-3");
        until(control, "GET key-3", BUSY_FUNCTION);
        send(first, "EVAL \"while true do end\" 1 key-1");
        until(control, "SCRIPT KILL", "OK");
        ends_killed(first);
        call(control, "FUNCTION KILL", UNKILLABLE);
    });
}

/// What was on its way before the script turned out to be long.
#[test]
fn what_was_sent_before_is_refused_or_waits() {
    scenario("1000", |_, conns, is_one| {
        let [runner, mover, reader, control, others @ ..] = conns else {
            unreachable!()
        };
        call(control, "SET key-2 x", "OK");
        send(
            runner,
            "EVAL \"while true do redis.call('get', KEYS[1]) end\" 1 key-1",
        );
        // Long enough for the script to have begun; whether it has makes no difference to what follows.
        assert!(control.is_silent_for(std::time::Duration::from_millis(300)));
        send(reader, "GET key-1");
        send(mover, "RENAME key-2 key-1");
        until(control, "SCRIPT KILL", "OK");
        ends_killed(runner);
        let replies = [show(reader.read()), show(mover.read())];
        let wanted: [&[&str]; 2] = [&[BUSY, "nil", "\"x\""], &[BUSY, "OK"]];
        for (reply, wanted) in replies.iter().zip(wanted) {
            assert!(wanted.contains(&reply.as_str()), "{replies:?}");
        }
        assert!(!is_one || replies[0] == BUSY, "{replies:?}");
        for conn in others {
            call(conn, "PING", "PONG");
        }
    });
}
