//! Saves and rewrites beside each other, and beside what makes them pointless: FLUSHALL, SHUTDOWN, a failure.

mod support;

use std::fs;

use support::clock::wait_until;
use support::process::{Server, signal};
use support::rng::{Rng, seed};
use support::{Conn, Value, each_variant};

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

fn info(conn: &mut Conn, name: &str) -> String {
    let text = conn.call("INFO").text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")).map(str::to_owned));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn wait_for(conn: &mut Conn, name: &str, value: &str) {
    wait_until(&format!("{name} to be {value}"), || {
        (info(conn, name) == value).then_some(())
    });
}

/// The log is written by a thread of its own.
fn wait_for_log(server: &Server, text: &str) {
    let path = server.dir().join("server.log");
    wait_until(&format!("{text:?} in the log"), || {
        let log = fs::read(&path).unwrap_or_default();
        let found = String::from_utf8_lossy(&log).contains(text);
        found.then_some(())
    });
}

/// Holds whatever snapshot is taken from now on; some keys are there for it.
fn hold(conn: &mut Conn) {
    conn.call("CONFIG SET rdb-key-save-delay 10000000");
}

fn let_go(conn: &mut Conn) {
    conn.call("CONFIG SET rdb-key-save-delay 0");
}

#[test]
fn flushall_gives_up_a_save_under_way() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 1000 key 20");
        hold(&mut conn);
        assert_eq!(conn.call("BGSAVE").text(), "Background saving started");
        assert_eq!(info(&mut conn, "rdb_bgsave_in_progress"), "1");
        // One database is not all.
        assert_eq!(conn.call("FLUSHDB"), ok());
        conn.call("DEBUG POPULATE 1000 key 20");
        assert_eq!(info(&mut conn, "rdb_bgsave_in_progress"), "1");
        assert_eq!(conn.call("FLUSHALL"), ok());
        wait_for(&mut conn, "rdb_bgsave_in_progress", "0");
        assert_eq!(info(&mut conn, "rdb_last_bgsave_status"), "ok");
        // It counts all the same: it was begun.
        assert_eq!(info(&mut conn, "rdb_saves"), "1");
        assert_ne!(info(&mut conn, "rdb_changes_since_last_save"), "0");
        assert!(!server.dir().join("dump.rdb").exists());
        // In a transaction and in a script, too.
        for flush in [&["MULTI", "FLUSHALL", "EXEC"][..], &["EVAL"]] {
            conn.call("DEBUG POPULATE 1000 key 20");
            assert_eq!(conn.call("BGSAVE").text(), "Background saving started");
            for word in flush {
                match *word {
                    "EVAL" => conn.call_words(&[b"EVAL", b"redis.call('flushall')", b"0"]),
                    line => conn.call(line),
                };
            }
            wait_for(&mut conn, "rdb_bgsave_in_progress", "0");
        }
        assert!(!server.dir().join("dump.rdb").exists());
        assert_eq!(info(&mut conn, "rdb_saves"), "3");
        // What is cut after a flush is left alone.
        conn.call("SET k v");
        let_go(&mut conn);
        conn.call("BGSAVE");
        wait_for(&mut conn, "rdb_changes_since_last_save", "0");
        assert_eq!(info(&mut conn, "rdb_saves"), "4");
    });
}

#[test]
fn with_save_points_flushall_is_saved_before_it_is_answered() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("save", "3600 1000000")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 1000 key 20");
        assert_eq!(conn.call("SAVE"), ok());
        conn.call("SET k v");
        conn.send_command(&[b"FLUSHALL"]).expect("sent");
        conn.send_command(&[b"DBSIZE"]).expect("sent");
        assert_eq!(conn.read(), Ok(ok()));
        assert_eq!(conn.read(), Ok(Value::Int(0)));
        assert_eq!(info(&mut conn, "rdb_changes_since_last_save"), "0");
        assert_eq!(info(&mut conn, "rdb_saves"), "2");
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("DBSIZE").int(), 0);
        // Also while another save is under way: that one comes to nothing.
        conn.call("DEBUG POPULATE 1000 key 20");
        hold(&mut conn);
        conn.call("BGSAVE");
        assert_eq!(info(&mut conn, "rdb_bgsave_in_progress"), "1");
        assert_eq!(conn.call("FLUSHALL ASYNC"), ok());
        assert_eq!(info(&mut conn, "rdb_changes_since_last_save"), "0");
        assert_eq!(info(&mut conn, "rdb_bgsave_in_progress"), "0");
        // What is refused is refused at once, and what is to have no reply has none.
        let refused = conn.call("FLUSHALL NOW").text();
        assert_eq!(refused, "ERR syntax error");
        for line in [&b"CLIENT REPLY SKIP"[..], b"FLUSHALL", b"PING"] {
            let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
            conn.send_command(&words).expect("sent");
        }
        assert_eq!(conn.read(), Ok(Value::Simple(b"PONG".to_vec())));
        // In a transaction it is noticed afterwards.
        let_go(&mut conn);
        conn.call("SET k v");
        let saves: u64 = info(&mut conn, "rdb_saves").parse().expect("digits");
        for line in ["MULTI", "FLUSHALL", "EXEC"] {
            conn.call(line);
        }
        wait_until("the save of a flush in a transaction", || {
            let now: u64 = info(&mut conn, "rdb_saves").parse().expect("digits");
            (now > saves).then_some(())
        });
        wait_for(&mut conn, "rdb_changes_since_last_save", "0");
    });
}

#[test]
fn a_rewrite_under_way_puts_saves_off() {
    each_variant(|variant| {
        let server = variant.own_server(&[("appendonly", "yes")]);
        let (mut conn, mut other) = (server.conn(), server.conn());
        conn.call("DEBUG POPULATE 1000 key 20");
        hold(&mut conn);
        let begun = conn.call("BGREWRITEAOF").text();
        assert_eq!(begun, "Background append only file rewriting started");
        let again = conn.call("BGREWRITEAOF").text();
        assert_eq!(
            again,
            "ERR Background append only file rewriting already in progress"
        );
        let refused = conn.call("BGSAVE").text();
        assert!(
            refused.starts_with("ERR Another child process is active (AOF?)"),
            "{refused}"
        );
        let later = conn.call("BGSAVE SCHEDULE").text();
        assert_eq!(later, "Background saving scheduled");
        // SAVE is not refused; it waits.
        other.send_command(&[b"SAVE"]).expect("sent");
        assert_eq!(info(&mut conn, "rdb_saves"), "0");
        assert_eq!(info(&mut conn, "aof_rewrite_in_progress"), "1");
        let_go(&mut conn);
        assert_eq!(other.read(), Ok(ok()));
        wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        wait_for(&mut conn, "rdb_bgsave_in_progress", "0");
        assert_eq!(info(&mut conn, "aof_last_bgrewrite_status"), "ok");
    });
}

#[test]
fn a_save_under_way_puts_rewrites_off() {
    each_variant(|variant| {
        let server = variant.own_server(&[("appendonly", "yes")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 1000 key 20");
        let snapshots: u64 = info(&mut conn, "total_forks").parse().expect("digits");
        hold(&mut conn);
        assert_eq!(conn.call("BGSAVE").text(), "Background saving started");
        let busy = "ERR Background save already in progress";
        assert_eq!(conn.call("SAVE").text(), busy);
        assert_eq!(conn.call("BGSAVE SCHEDULE").text(), busy);
        let later = conn.call("BGREWRITEAOF").text();
        assert_eq!(later, "Background append only file rewriting scheduled");
        assert_eq!(info(&mut conn, "aof_rewrite_scheduled"), "1");
        assert_eq!(info(&mut conn, "aof_rewrite_in_progress"), "0");
        assert_eq!(conn.call("DEBUG FAIL-SNAPSHOT"), ok());
        wait_for(&mut conn, "rdb_last_bgsave_status", "err");
        wait_for(&mut conn, "aof_rewrite_in_progress", "1");
        let_go(&mut conn);
        wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        assert_eq!(info(&mut conn, "aof_rewrite_scheduled"), "0");
        let now: u64 = info(&mut conn, "total_forks").parse().expect("digits");
        assert_eq!(now, snapshots + 2);
        // A transaction's come when it is over.
        for line in ["MULTI", "BGSAVE", "BGREWRITEAOF", "SAVE"] {
            conn.call(line);
        }
        let aborted = conn.call("EXEC").text();
        assert!(aborted.starts_with("EXECABORT"), "{aborted}");
        for line in ["MULTI", "BGSAVE", "BGREWRITEAOF"] {
            conn.call(line);
        }
        let replies = conn.call("EXEC");
        let replies: Vec<String> = replies.elements().iter().map(Value::text).collect();
        assert_eq!(
            replies,
            [
                "Background saving scheduled",
                "Background append only file rewriting scheduled"
            ]
        );
        wait_for(&mut conn, "rdb_saves", "2");
        wait_until("the rewrite", || {
            (info(&mut conn, "aof_rewrites") == "2").then_some(())
        });
        wait_for(&mut conn, "aof_rewrite_in_progress", "0");
    });
}

#[test]
fn a_rewrite_that_fails_leaves_an_increment_behind() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes")]);
        let mut conn = server.conn();
        conn.call("SET a 1");
        hold(&mut conn);
        for round in 1..=3 {
            conn.call("BGREWRITEAOF");
            assert_eq!(conn.call("DEBUG FAIL-SNAPSHOT"), ok());
            conn.call(&format!("SET b{round} 1"));
            wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        }
        let folder = server.dir().join("appendonlydir");
        let manifest = fs::read_to_string(folder.join("appendonly.aof.manifest"));
        let names = [
            "1.base.rdb",
            "1.incr.aof",
            "2.incr.aof",
            "3.incr.aof",
            "4.incr.aof",
        ];
        let text = manifest.expect("a manifest");
        for (line, name) in text.lines().zip(names) {
            assert!(line.contains(name), "{text}");
        }
        assert_eq!(text.lines().count(), names.len(), "{text}");
        assert_eq!(
            conn.call("DEBUG FAIL-SNAPSHOT").text(),
            "ERR No snapshot is being taken"
        );
        server.restart();
        assert_eq!(server.conn().call("DBSIZE").int(), 4);
    });
}

#[test]
fn turning_the_file_off_ends_its_rewrite() {
    each_variant(|variant| {
        let server = variant.own_server(&[("appendonly", "yes")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 1000 key 20");
        hold(&mut conn);
        conn.call("BGREWRITEAOF");
        assert_eq!(conn.call("CONFIG SET appendonly no"), ok());
        wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        wait_for_log(&server, "Killing running AOF rewrite child");
        assert_eq!(info(&mut conn, "aof_last_bgrewrite_status"), "ok");
        let_go(&mut conn);
        // Off, a rewrite makes a base and no increment.
        conn.call("BGREWRITEAOF");
        wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        let manifest = server.dir().join("appendonlydir/appendonly.aof.manifest");
        let text = fs::read_to_string(&manifest).expect("a manifest");
        assert_eq!(text, "file appendonly.aof.2.base.rdb seq 2 type b\n");
        hold(&mut conn);
        assert_eq!(conn.call("CONFIG SET appendonly yes"), ok());
        // Neither does the process end before the first base is there.
        let refused = conn.call("SHUTDOWN").text();
        assert_eq!(refused, "ERR Errors trying to SHUTDOWN. Check logs.");
        let_go(&mut conn);
        wait_for(&mut conn, "aof_rewrite_scheduled", "0");
        wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        let text = fs::read_to_string(&manifest).expect("a manifest");
        // Which number the increment has depends on how far the rewrite had come that was given up.
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("file appendonly.aof.3.base.rdb seq 3 type b")
        );
        assert!(
            lines.next().is_some_and(|line| line.ends_with(" type i")),
            "{text}"
        );
        assert_eq!(lines.next(), None, "{text}");
    });
}

#[test]
fn history_stays_as_long_as_it_is_to() {
    each_variant(|variant| {
        let server = variant.own_server(&[("appendonly", "yes"), ("aof-disable-auto-gc", "yes")]);
        let mut conn = server.conn();
        for _ in 0..2 {
            conn.call("BGREWRITEAOF");
            wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        }
        let folder = server.dir().join("appendonlydir");
        let text = || fs::read_to_string(folder.join("appendonly.aof.manifest")).expect("there");
        let history = text()
            .lines()
            .filter(|line| line.ends_with("type h"))
            .count();
        assert_eq!(history, 4, "{}", text());
        assert!(folder.join("appendonly.aof.1.base.rdb").exists());
        conn.call("CONFIG SET aof-disable-auto-gc no");
        wait_until("the history to be gone", || {
            let is_gone = !text().contains("type h");
            (is_gone && !folder.join("appendonly.aof.1.base.rdb").exists()).then_some(())
        });
    });
}

#[test]
fn a_failed_save_refuses_writes_until_one_succeeds() {
    each_variant(|variant| {
        let server = variant.own_server(&[("save", "3600 1000000")]);
        let mut conn = server.conn();
        conn.call("SET k v");
        let code: &[u8] = b"#!lua name=lib\nredis.register_function('write', function(keys) return redis.call('set', keys[1], 'f') end)\nredis.register_function{function_name='read', callback=function(keys) return redis.call('get', keys[1]) end, flags={'no-writes'}}";
        assert_eq!(conn.call_words(&[b"FUNCTION", b"LOAD", code]).text(), "lib");
        hold(&mut conn);
        conn.call("BGSAVE");
        assert_eq!(conn.call("DEBUG FAIL-SNAPSHOT"), ok());
        wait_for(&mut conn, "rdb_last_bgsave_status", "err");
        let refusal = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
        let of_scripts = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.";
        assert_eq!(conn.call("SET k w").text(), refusal);
        assert_eq!(conn.call("PING").text(), refusal);
        assert_eq!(conn.call("GET k").text(), "v");
        assert_eq!(conn.call("ECHO hi").text(), "hi");
        // Scripts: those that say what they do before they run, the others at their first write.
        let eval = |conn: &mut Conn, code: &str| {
            conn.call_words(&[b"EVAL", code.as_bytes(), b"1", b"k"])
                .text()
        };
        let write = "return redis.call('set', KEYS[1], 'w')";
        let caught = "return redis.pcall('set', KEYS[1], 'w').err";
        let read = "return redis.call('get', KEYS[1])";
        let error = eval(&mut conn, write);
        assert!(error.starts_with(refusal), "{error}");
        assert_eq!(eval(&mut conn, caught), refusal);
        assert_eq!(eval(&mut conn, read), "v");
        assert_eq!(eval(&mut conn, &format!("#!lua\n{read}")), of_scripts);
        assert_eq!(
            eval(&mut conn, &format!("#!lua flags=no-writes\n{read}")),
            "v"
        );
        assert_eq!(conn.call("FCALL write 1 k").text(), of_scripts);
        assert_eq!(conn.call("FCALL read 1 k").text(), "v");
        // Transactions: what is queued is refused, and so is the transaction.
        conn.call("MULTI");
        assert_eq!(conn.call("SET k w").text(), refusal);
        let aborted = conn.call("EXEC").text();
        assert_eq!(
            aborted,
            "EXECABORT Transaction discarded because of previous errors."
        );
        // The settings decide.
        conn.call("CONFIG SET stop-writes-on-bgsave-error no");
        assert_eq!(conn.call("PING").text(), "PONG");
        assert_eq!(conn.call("SET k w"), ok());
        conn.call("CONFIG SET stop-writes-on-bgsave-error yes");
        assert_eq!(conn.call("SET k x").text(), refusal);
        conn.call_words(&[b"CONFIG", b"SET", b"save", b""]);
        assert_eq!(conn.call("SET k y"), ok());
        conn.call_words(&[b"CONFIG", b"SET", b"save", b"3600 1000000"]);
        assert_eq!(conn.call("SET k z").text(), refusal);
        // A transaction that was queued before is refused as a whole.
        let mut queued = server.conn();
        conn.call("CONFIG SET stop-writes-on-bgsave-error no");
        queued.call("MULTI");
        queued.call("SET k q");
        conn.call("CONFIG SET stop-writes-on-bgsave-error yes");
        let aborted = queued.call("EXEC").text();
        assert!(
            aborted.starts_with("EXECABORT Transaction discarded because of: MISCONF Redis is"),
            "{aborted}"
        );
        // A save that succeeds ends it, whoever asked for it.
        let_go(&mut conn);
        assert_eq!(conn.call("SAVE"), ok());
        assert_eq!(info(&mut conn, "rdb_last_bgsave_status"), "ok");
        assert_eq!(conn.call("SET k z"), ok());
        assert_eq!(conn.call("PING").text(), "PONG");
    });
}

#[test]
fn a_shutdown_can_be_aborted_before_it_begins() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("save", "3600 1000000")]);
        let (mut conn, mut other) = (server.conn(), server.conn());
        conn.call("SET k v");
        assert_eq!(
            conn.call("SHUTDOWN ABORT").text(),
            "ERR No shutdown in progress."
        );
        conn.call("DEBUG PAUSE-CRON 1");
        signal(server.pid(), "TERM");
        wait_for_log(&server, "Received SIGTERM scheduling shutdown...");
        wait_until("the shutdown to be there", || {
            (conn.call("SHUTDOWN ABORT") == ok()).then_some(())
        });
        conn.call("DEBUG PAUSE-CRON 0");
        wait_for_log(&server, "Shutdown manually aborted");
        assert_eq!(conn.call("PING").text(), "PONG");
        // One that waits for the end of a save.
        hold(&mut conn);
        conn.call("BGSAVE");
        conn.call("DEBUG PAUSE-CRON 1");
        other.send_command(&[b"SHUTDOWN"]).expect("sent");
        wait_until("the shutdown to be aborted", || {
            (conn.call("SHUTDOWN ABORT") == ok()).then_some(())
        });
        let failed = other.read().expect("a reply").text();
        assert_eq!(failed, "ERR Errors trying to SHUTDOWN. Check logs.");
        conn.call("DEBUG PAUSE-CRON 0");
        let_go(&mut conn);
        assert_eq!(conn.call("SET k w"), ok());
        conn.send_command(&[b"SHUTDOWN", b"SAVE"]).expect("sent");
        assert!(server.wait_exit().success());
        server.restart();
        assert_eq!(server.conn().call("GET k").text(), "w");
    });
}

/// However many commands are on their way between cores when the process is told to go.
#[test]
fn what_was_answered_is_in_the_last_snapshot() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("save", "3600 1")]);
        for _ in 0..4 {
            let writers = (0..4).map(|writer| {
                let mut conn = server.conn();
                std::thread::spawn(move || answered(&mut conn, &format!("n{writer}")))
            });
            let writers: Vec<_> = writers.collect();
            let mut conn = server.conn();
            let before = info(&mut conn, "total_commands_processed");
            let before: u64 = before.parse().expect("digits");
            wait_until("some writes", || {
                let now = info(&mut conn, "total_commands_processed");
                (now.parse::<u64>().expect("digits") > before + 1000).then_some(())
            });
            signal(server.pid(), "TERM");
            assert!(server.wait_exit().success());
            let answered = writers.into_iter().map(|writer| writer.join());
            let answered: Vec<i64> = answered.map(|last| last.expect("it ends")).collect();
            server.restart();
            let mut conn = server.conn();
            let there = (0..4).map(|writer| conn.call(&format!("GET n{writer}")).text());
            let there: Vec<i64> = there.map(|n| n.parse().expect("digits")).collect();
            let mut pairs = there.iter().zip(&answered);
            assert!(
                pairs.all(|(there, answered)| there >= answered),
                "{there:?} {answered:?}"
            );
        }
    });
}

/// Counts until the server is gone; the last number it was told.
fn answered(conn: &mut Conn, key: &str) -> i64 {
    let mut last = 0;
    loop {
        for _ in 0..20 {
            if conn.send_command(&[b"INCR", key.as_bytes()]).is_err() {
                return last;
            }
        }
        for _ in 0..20 {
            match conn.read() {
                Ok(reply) if !reply.is_error() => last = reply.int(),
                _ => return last,
            }
        }
    }
}

#[test]
fn signals_shut_down_as_the_settings_say() {
    each_variant(|variant| {
        let mut server =
            variant.own_server(&[("save", "3600 1000000"), ("shutdown-on-sigterm", "nosave")]);
        let mut conn = server.conn();
        conn.call("SET k v");
        signal(server.pid(), "TERM");
        assert!(server.wait_exit().success());
        assert!(!server.dir().join("dump.rdb").exists());
        // Twice Ctrl-C: now, whatever is being saved.
        server.restart();
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 1000 key 20");
        hold(&mut conn);
        signal(server.pid(), "INT");
        wait_for_log(&server, "Saving the final RDB snapshot before exiting");
        signal(server.pid(), "INT");
        assert_eq!(server.wait_exit().code(), Some(1));
        let files = fs::read_dir(server.dir()).expect("our folder").flatten();
        let left: Vec<_> = files
            .map(|file| file.file_name())
            .filter(|name| name.to_string_lossy().ends_with(".rdb"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    });
}

#[test]
fn a_file_tells_of_use_what_eviction_goes_by() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        conn.call("SET k vv");
        let record = b"\x00\x01k\x02vv";
        let mut before = |policy: &str| -> [u8; 2] {
            conn.call(&format!("CONFIG SET maxmemory-policy {policy}"));
            assert_eq!(conn.call("SAVE"), ok());
            let file = fs::read(server.dir().join("dump.rdb")).expect("saved");
            let at = file
                .windows(record.len())
                .position(|window| window == record);
            let at = at.expect("the key's record");
            file[at - 2..at].try_into().expect("two bytes")
        };
        const IDLE: u8 = 248;
        const FREQUENCY: u8 = 249;
        assert_eq!(before("allkeys-lru")[0], IDLE);
        assert_eq!(before("volatile-lfu")[0], FREQUENCY);
        // The hint of how many keys there are, none of them with a time.
        for policy in ["noeviction", "allkeys-random", "volatile-ttl"] {
            assert_eq!(before(policy), [1, 0], "{policy}");
        }
    });
}

#[test]
fn files_say_when_if_they_are_to() {
    each_variant(|variant| {
        let server = variant.own_server(&[
            ("appendonly", "yes"),
            ("appendfsync", "always"),
            ("aof-use-rdb-preamble", "no"),
        ]);
        let mut conn = server.conn();
        conn.call("CONFIG SET aof-timestamp-enabled yes");
        conn.call("SET a 1");
        let folder = server.dir().join("appendonlydir");
        let head = |name: &str| fs::read(folder.join(name)).expect("there")[..4].to_vec();
        assert_eq!(head("appendonly.aof.1.incr.aof"), b"#TS:");
        conn.call("BGREWRITEAOF");
        wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        conn.call("SET b 1");
        assert_eq!(head("appendonly.aof.2.base.aof"), b"#TS:");
        assert_eq!(head("appendonly.aof.2.incr.aof"), b"#TS:");
    });
}

/// What is done on all shards at once stands in the log between what each shard did before it and what it did after. Were it
/// elsewhere, reading the file would not bring back what is there.
#[test]
fn flushes_and_swaps_stand_in_the_log_where_they_happened() {
    const WRITERS: usize = 4;
    const COMMANDS: usize = 600;
    each_variant(|variant| {
        let server = variant.own_server(&[
            ("appendonly", "yes"),
            ("appendfsync", "no"),
            ("auto-aof-rewrite-percentage", "0"),
        ]);
        let seed = seed();
        std::thread::scope(|scope| {
            for number in 0..WRITERS {
                let mut conn = server.conn();
                scope.spawn(move || {
                    let mut rng = Rng::new(seed + number as u64);
                    conn.call(&format!("SELECT {}", number % 2));
                    for at in 0..COMMANDS {
                        let (key, other) = (rng.below(12), rng.below(12));
                        let line = match rng.below(8) {
                            0 => format!("APPEND t{key} {number}.{at},"),
                            1 => format!("RPUSH l{key} {number}.{at}"),
                            2 => format!("INCR n{key}"),
                            3 => format!("MSET a{key} {at} b{other} {at}"),
                            4 => format!("RENAME t{key} t{other}"),
                            5 => format!("DEL l{key} n{other}"),
                            6 => format!("SETRANGE t{key} {other} x"),
                            _ => format!("LMOVE l{key} l{other} LEFT RIGHT"),
                        };
                        conn.send_command(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
                            .expect("sent");
                        if at % 20 == 19 {
                            for _ in 0..20 {
                                conn.read().expect("a reply");
                            }
                        }
                    }
                });
            }
            let mut conn = server.conn();
            scope.spawn(move || {
                let mut rng = Rng::new(seed + 99);
                for at in 0..60 {
                    match rng.below(5) {
                        0 => conn.call("FLUSHALL"),
                        1 => conn.call("FLUSHDB ASYNC"),
                        2 => {
                            for line in ["MULTI", "SWAPDB 0 1", "INCR n1", "FLUSHDB"] {
                                conn.call(line);
                            }
                            conn.call("EXEC")
                        }
                        _ => conn.call("SWAPDB 0 1"),
                    };
                    if at == 30 {
                        conn.call("BGREWRITEAOF");
                    }
                }
            });
        });
        let mut conn = server.conn();
        wait_for(&mut conn, "aof_rewrite_in_progress", "0");
        let before = conn.call("DEBUG DIGEST").text();
        assert_eq!(conn.call("DEBUG LOADAOF"), ok(), "seed {seed}");
        assert_eq!(conn.call("DEBUG DIGEST").text(), before, "seed {seed}");
    });
}
