//! Reading files at start: commands of an append-only file, what is refused meanwhile, and damage.

mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use support::clock::{RaiseAtEnd, now, wait_until};
use support::process::{exit_of, signal};
use support::{Conn, Server, Value, each_variant, info, ok};

/// A command as it stands in an append-only file.
fn aof(words: &str) -> Vec<u8> {
    let words: Vec<&str> = words.split(' ').collect();
    let mut out = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        out.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    out
}

fn all(commands: &[&str]) -> Vec<u8> {
    commands.iter().flat_map(|words| aof(words)).collect()
}

/// Writes an append-only file of these parts; the manifest follows from their names.
fn write(dir: &Path, parts: &[(&str, Vec<u8>)]) {
    let folder = dir.join("appendonlydir");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("our folder is writable");
    let mut manifest = String::new();
    for (name, bytes) in parts {
        fs::write(folder.join(name), bytes).expect("written");
        let seq = name.split('.').nth(2).expect("a number");
        let kind = if name.contains("base") { "b" } else { "i" };
        manifest.push_str(&format!("file {name} seq {seq} type {kind}\n"));
    }
    fs::write(folder.join("appendonly.aof.manifest"), manifest).expect("written");
}

const BASE: &str = "appendonly.aof.1.base.aof";
const INCR: &str = "appendonly.aof.1.incr.aof";
const NEXT: &str = "appendonly.aof.2.incr.aof";

/// A server that is down, its folder ready to be filled.
fn prepared(variant: &support::variants::Variant, more: &[(&str, &str)]) -> Server {
    let mut directives = vec![("appendonly", "yes"), ("appendfsync", "no")];
    directives.extend_from_slice(more);
    let mut server = variant.own_server(&directives);
    server.stop();
    server
}

#[test]
fn commands_of_all_parts_are_executed_in_order() {
    each_variant(|variant| {
        let mut server = prepared(variant, &[]);
        let mut incr = aof("SELECT 0");
        for i in 0..3000 {
            incr.extend(aof(&format!("SET key:{i} {i}")));
            incr.extend(aof(&format!("INCR key:{i}")));
            incr.extend(aof(&format!("MSET a {i} b {i} c {i} d {i} key:{i}x {i}")));
            if i % 10 == 0 {
                incr.extend_from_slice(b"#TS:1700000000\r\n");
                let words = ["MULTI", "INCR a", "INCR b", "RENAME c moved", "EXEC"];
                incr.extend(all(&words));
            }
        }
        let big = "x".repeat(3 << 20);
        incr.extend(aof(&format!("SET big {big}")));
        incr.extend(all(&[
            "SELECT 5",
            "RPUSH list a b c",
            "SELECT 0",
            "PEXPIREAT key:1 9999999999999",
        ]));
        write(
            server.dir(),
            &[
                (BASE, all(&["SELECT 0", "SET from base", "SET a 1"])),
                (INCR, incr),
                (NEXT, all(&["SELECT 0", "APPEND from :next", "DEL key:2"])),
            ],
        );
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("GET from").text(), "base:next");
        assert_eq!(conn.call("GET key:2999").text(), "3000");
        assert_eq!(conn.call("GET a").text(), "2999");
        assert_eq!(conn.call("GET moved").text(), "2990");
        assert_eq!(conn.call("STRLEN big").text(), big.len().to_string());
        assert_eq!(conn.call("EXISTS key:2").text(), "0");
        assert_eq!(conn.call("PEXPIRETIME key:1").text(), "9999999999999");
        assert_eq!(
            conn.call("DBSIZE").text(),
            (3000 + 3000 - 1 + 7).to_string()
        );
        conn.call("SELECT 5");
        assert_eq!(conn.call("LLEN list").text(), "3");
        assert_eq!(info(&mut conn, "loading"), "0");
        wait_until("only us to be counted", || {
            (info(&mut conn, "connected_clients") == "1").then_some(())
        });
    });
}

/// What commands did to a key does not depend on when the file is read.
#[test]
fn nothing_expires_while_commands_are_read() {
    each_variant(|variant| {
        let mut server = prepared(variant, &[]);
        let words = [
            "SELECT 0",
            "SET counter 5 PXAT 1000",
            "INCR counter",
            "SET kept 1",
            "PEXPIREAT kept 1000",
            "PERSIST kept",
            "SET gone 1 PXAT 1000",
        ];
        write(server.dir(), &[(INCR, all(&words))]);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("GET kept").text(), "1");
        assert_eq!(conn.call("EXISTS counter gone").text(), "0");
        wait_until("expiry to run", || {
            (conn.call("DBSIZE").text() == "1").then_some(())
        });
    });
}

#[test]
fn a_torn_end_is_cut_off_if_that_is_allowed() {
    each_variant(|variant| {
        let torn = aof("SET torn 1");
        let torn = torn[..torn.len() - 3].to_vec();
        let open = all(&["MULTI", "SET a 2", "SET b 2"]);
        let half = [open.clone(), torn.clone()].concat();
        for tail in [torn, open, half] {
            let mut server = prepared(variant, &[]);
            let good = all(&["SELECT 0", "SET a 1"]);
            let parts = [(INCR, [good.clone(), tail].concat())];
            write(server.dir(), &parts);
            server.restart();
            let mut conn = server.conn();
            assert_eq!(conn.call("GET a").text(), "1");
            assert_eq!(conn.call("DBSIZE").text(), "1");
            server.wait_log(&[
                "short read while loading the AOF file",
                "because aof-load-truncated is enabled",
            ]);
            let path = server.dir().join("appendonlydir").join(INCR);
            let left = fs::read(path).expect("it is there");
            assert!(left.starts_with(&good), "{}", left.escape_ascii());

            // Not where it is forbidden, nor in the middle.
            for (directive, last) in [("no", true), ("yes", false)] {
                let mut server = prepared(variant, &[("aof-load-truncated", directive)]);
                let mut files = parts.to_vec();
                if !last {
                    files.push((NEXT, good.clone()));
                }
                write(server.dir(), &files);
                let mut child = server.start_again();
                assert_eq!(exit_of(&mut child).code(), Some(1));
            }
        }
    });
}

#[track_caller]
fn refused(server: &mut Server, why: &str) {
    let mut child = server.start_again();
    assert_eq!(exit_of(&mut child).code(), Some(1), "{why}");
    let log = server.log();
    assert!(log.contains(why), "{why}: {log}");
}

fn texts(reply: &Value) -> Vec<String> {
    reply.elements().iter().map(Value::text).collect()
}

/// Nobody is there who could wait, listen or be served in another way.
#[test]
fn commands_for_clients_are_answered_at_once_and_what_follows_is_read() {
    each_variant(|variant| {
        let mut server = prepared(variant, &[]);
        let commands = [
            "SELECT 0",
            "BLPOP none 0",
            "XREAD BLOCK 0 STREAMS x $",
            "BLMOVE none other LEFT RIGHT 0",
            "WAIT 1 0",
            "RPUSH list a b",
            "BLPOP list 0",
            "SUBSCRIBE channel",
            "MONITOR",
            "CLIENT REPLY OFF",
            "HELLO 3",
            "QUIT",
            "EXEC",
            "MULTI",
            "SET a 1",
            "SSUBSCRIBE channel",
            "BRPOP list 0",
            "SET b 2",
            "EXEC",
            "SET last 1",
        ];
        write(server.dir(), &[(INCR, all(&commands))]);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(texts(&conn.call("MGET a b last")), ["1", "2", "1"]);
        assert_eq!(conn.call("EXISTS list none other").text(), "0");
        server.wait_log(&[
            "AOF-loading-client: 'ERR SUBSCRIBE isn't allowed for a DENY BLOCKING client' after processing the command 'subscribe'",
            "'ERR MONITOR isn't allowed for DENY BLOCKING client'",
            "ERR EXEC without MULTI",
        ]);
    });
}

/// Lines that end in LF alone, other bytes than CRLF behind an argument: read as Redis reads them.
#[test]
fn what_resembles_the_format_is_read() {
    each_variant(|variant| {
        let mut server = prepared(variant, &[]);
        let mut file = aof("SELECT 0");
        file.extend_from_slice(b"*3\n$3\nSET\r\n$1\na\r\n$1\n1\r\n");
        file.extend_from_slice(b"*3\r\n$3\r\nSETxx$1\r\nbxx$1\r\n2xx");
        file.extend_from_slice(b"*1\n$5\nMULTI\r\n");
        file.extend_from_slice(b"*3 \r\n$+3\r\nSET\r\n$01\r\nc\r\n$ 1\r\n3\n\n");
        file.extend(all(&["EXEC", "SET d 4"]));
        write(server.dir(), &[(INCR, file)]);
        server.restart();
        let values = server.conn().call("MGET a b c d");
        assert_eq!(texts(&values), ["1", "2", "3", "4"]);
    });
}

#[test]
fn the_log_tells_of_files_in_the_words_of_redis() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes")]);
        server.wait_log(&["Creating AOF incr file appendonly.aof.1.incr.aof on server start"]);
        server.conn().call("BGREWRITEAOF");
        server
            .wait_log(&["Creating AOF incr file appendonly.aof.2.incr.aof on background rewrite"]);
        server.restart();
        server.wait_log(&["Opening AOF incr file appendonly.aof."]);
        server.stop();
        let torn = all(&["SELECT 0", "MULTI", "SET a 1"]);
        write(server.dir(), &[(INCR, torn)]);
        server.restart();
        server.wait_log(&[
            "Revert incomplete MULTI/EXEC transaction in AOF file appendonly.aof.1.incr.aof",
        ]);
        server.stop();
        let folder = server.dir().join("appendonlydir");
        fs::remove_dir_all(&folder).expect("ours");
        fs::write(server.dir().join("appendonly.aof"), aof("SET a 1")).expect("written");
        server.restart();
        server.wait_log(&[
            "Successfully migrated an old-style AOF file (appendonly.aof) into the AOF directory (appendonlydir).",
        ]);
        assert_eq!(server.conn().call("GET a").text(), "1");
    });
}

#[test]
fn what_cannot_be_read_keeps_the_server_from_starting() {
    each_variant(|variant| {
        let mut server = prepared(variant, &[]);
        let good = all(&["SELECT 0", "SET a 1"]);
        let bad = [good.clone(), b"!!!".to_vec(), good.clone()].concat();
        write(server.dir(), &[(INCR, bad)]);
        refused(&mut server, "Bad file format reading the append only file");
        write(server.dir(), &[(INCR, all(&["SELECT 0", "NOSUCH a"]))]);
        refused(
            &mut server,
            "Unknown command 'NOSUCH' reading the append only file",
        );
        write(server.dir(), &[(BASE, good.clone()), (INCR, good.clone())]);
        fs::remove_file(server.dir().join("appendonlydir").join(BASE)).expect("removed");
        refused(
            &mut server,
            "appendonly.aof.1.base.aof length. stat: No such file or directory",
        );
        let manifest = server.dir().join("appendonlydir/appendonly.aof.manifest");
        fs::write(&manifest, "file x seq 1 type z\n").expect("written");
        refused(&mut server, "Unknown AOF file type");

        let mut server = prepared(variant, &[("aof-load-corrupt-tail-max-size", "5")]);
        for (tail, is_fine) in [("!!!!!", true), ("!!!!!!", false)] {
            write(
                server.dir(),
                &[(INCR, [good.clone(), tail.into()].concat())],
            );
            if is_fine {
                server.restart();
                assert_eq!(server.conn().call("GET a").text(), "1");
                server.stop();
            } else {
                refused(&mut server, "Bad file format");
            }
        }
    });
}

#[test]
fn most_commands_are_refused_while_a_file_is_read() {
    each_variant(|variant| {
        let slow = [
            ("key-load-delay", "500"),
            ("loading-process-events-interval-bytes", "1024"),
        ];
        let mut server = variant.own_server(&slow);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 20000 key 20");
        assert_eq!(conn.call("SAVE"), ok());
        server.stop();
        let refusal = Value::Error(b"LOADING Redis is loading the dataset in memory".to_vec());
        for again in [true, false] {
            server.restart_without_waiting();
            let mut conn = wait_until("a connection", || server.try_conn().ok());
            assert_eq!(conn.call("PING"), refusal);
            assert_eq!(conn.call("GET key:1"), refusal);
            assert_eq!(conn.call("MULTI"), ok());
            assert_eq!(conn.call("SET a 1"), refusal);
            assert!(conn.call("EXEC").text().starts_with("EXECABORT"));
            assert_eq!(info(&mut conn, "loading"), "1");
            wait_until("the file to be opened", || {
                (info(&mut conn, "loading_total_bytes") != "0").then_some(())
            });
            assert_ne!(info(&mut conn, "loading_start_time"), "0");
            let loaded = || {
                info(&mut server.conn(), "loading_loaded_bytes")
                    .parse::<u64>()
                    .expect("digits")
            };
            let before = loaded();
            wait_until("progress", || (loaded() > before).then_some(()));
            assert_eq!(conn.call("CONFIG SET appendonly yes"), refusal);
            if again {
                signal(server.pid(), "TERM");
                assert!(server.wait_exit().success());
            } else {
                conn.call("CONFIG SET key-load-delay 0");
                wait_until("the end", || (conn.call("PING") != refusal).then_some(()));
                assert_eq!(conn.call("DBSIZE").text(), "20000");
                assert_eq!(info(&mut conn, "rdb_last_load_keys_loaded"), "20000");
            }
        }
    });
}

const REFUSAL: &str = "LOADING Redis is loading the dataset in memory";

/// An append-only file that takes a while, and has no increment yet.
fn slow_base() -> Vec<u8> {
    let mut base = aof("SELECT 0");
    (0..20_000).for_each(|n| base.extend(aof(&format!("SET key:{n} {n}"))));
    base
}

/// Everything has been read, but what is written from now on has no file yet: nothing is acknowledged. The disk stands
/// still while the increment is made.
#[test]
fn nobody_is_served_before_there_is_a_file_to_write_to() {
    each_variant(|variant| {
        let mut server = prepared(
            variant,
            &[("appendfsync", "always"), ("key-load-delay", "1000")],
        );
        write(server.dir(), &[(BASE, slow_base())]);
        server.restart_without_waiting();
        let mut conn = wait_until("a connection", || server.try_conn().ok());
        assert_eq!(conn.call("DEBUG HOLD-SYNC 1"), ok());
        assert_eq!(conn.call("CONFIG SET key-load-delay 0"), ok());
        server.wait_log(&["DB loaded from append only file"]);
        let until = now() + Duration::from_millis(200);
        while now() < until {
            for command in ["SET late 1", "GET key:1", "PING"] {
                let mut other = server.conn();
                assert_eq!(other.call(command).text(), REFUSAL, "{command}");
            }
            assert_eq!(info(&mut conn, "loading"), "1");
        }
        assert_eq!(conn.call("DEBUG HOLD-SYNC 0"), ok());
        wait_until("to be served", || {
            (conn.call("SET late 1") == ok()).then_some(())
        });
        // Killed: what was acknowledged is in the file.
        server.restart_without_waiting();
        let mut conn = wait_until("a connection", || server.try_conn().ok());
        conn.call("CONFIG SET key-load-delay 0");
        wait_until("to be served", || {
            (conn.call("PING").text() != REFUSAL).then_some(())
        });
        assert_eq!(conn.call("GET late").text(), "1");
        assert_eq!(conn.call("DBSIZE").int(), 20_001);
    });
}

/// Who is served first can tell others, and they find that they are served as well, wherever they are.
#[test]
fn all_are_served_as_soon_as_one_is() {
    each_variant(|variant| {
        let mut server = prepared(variant, &[("key-load-delay", "1000")]);
        for _ in 0..3 {
            write(server.dir(), &[(BASE, slow_base())]);
            server.restart_without_waiting();
            let mut conn = wait_until("a connection", || server.try_conn().ok());
            let (is_served, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
            let refused = AtomicUsize::new(0);
            std::thread::scope(|scope| {
                let _end = RaiseAtEnd(&is_over);
                let (is_served, is_over, server) = (&is_served, &is_over, &server);
                let refused = &refused;
                let clients: Vec<_> = (0..8)
                    .map(|client| {
                        scope.spawn(move || {
                            let mut conn = server.conn();
                            assert_eq!(conn.call("PING").text(), REFUSAL);
                            refused.fetch_add(1, Ordering::SeqCst);
                            let mut after = 0;
                            while after < 20 && !is_over.load(Ordering::SeqCst) {
                                let was_served = is_served.load(Ordering::SeqCst);
                                let reply = match after % 2 {
                                    0 => conn.call(&format!("INCR client:{client}")),
                                    _ => conn.call(&format!("MSET {client} 1 x 1 y 1 z 1")),
                                };
                                match reply.is_error() {
                                    true => {
                                        assert_eq!(reply.text(), REFUSAL);
                                        assert!(!was_served, "others are served already");
                                    }
                                    false => {
                                        is_served.store(true, Ordering::SeqCst);
                                        after += 1;
                                    }
                                }
                            }
                        })
                    })
                    .collect();
                wait_until("everybody to be refused", || {
                    (refused.load(Ordering::SeqCst) == 8).then_some(())
                });
                assert_eq!(conn.call("CONFIG SET key-load-delay 0"), ok());
                wait_until("the end of it", || {
                    clients
                        .iter()
                        .all(std::thread::ScopedJoinHandle::is_finished)
                        .then_some(())
                });
            });
            for client in 0..8 {
                assert_eq!(conn.call(&format!("GET client:{client}")).text(), "10");
            }
            server.stop();
        }
    });
}

/// What was queued before is refused as well.
#[test]
fn a_transaction_is_refused_while_a_file_is_read() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let (mut conn, mut other) = (server.conn(), server.conn());
        conn.call("DEBUG POPULATE 20000 key 20");
        assert_eq!(conn.call("SAVE"), ok());
        for words in ["CONFIG SET key-load-delay 500", "MULTI"] {
            assert_eq!(conn.call(words), ok());
        }
        assert_eq!(conn.call("INCR late").text(), "QUEUED");
        other
            .send_command(&[b"DEBUG", b"RELOAD", b"NOSAVE"])
            .expect("sent");
        let mut third = server.conn();
        wait_until("the file to be read", || {
            (info(&mut third, "loading") == "1").then_some(())
        });
        assert_eq!(
            conn.call("EXEC").text(),
            "EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory"
        );
        third.call("CONFIG SET key-load-delay 0");
        assert_eq!(other.read().expect("a reply"), ok());
        assert_eq!(conn.call("DBSIZE").text(), "20000");
    });
}

/// It is there, and tells of nothing: the server begins without keys, and serves.
#[test]
fn a_manifest_may_name_nothing() {
    each_variant(|variant| {
        for text in ["#comment\n", "file gone.1.base.rdb seq 1 type h\n"] {
            let mut server = prepared(variant, &[]);
            write(server.dir(), &[]);
            let path = server.dir().join("appendonlydir/appendonly.aof.manifest");
            fs::write(path, text).expect("written");
            server.restart();
            let mut conn = server.conn();
            assert_eq!(conn.call("SET k v"), ok(), "{text:?}");
            assert_eq!(info(&mut conn, "loading"), "0");
        }
    });
}

/// Somebody has lost the manifest. What is left is not thrown away.
#[test]
fn an_increment_without_a_manifest_is_gone_on_with() {
    each_variant(|variant| {
        let mut server = prepared(variant, &[]);
        write(server.dir(), &[(INCR, all(&["SELECT 0", "SET old 1"]))]);
        let manifest = server.dir().join("appendonlydir/appendonly.aof.manifest");
        fs::remove_file(manifest).expect("removed");
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("DBSIZE").text(), "0");
        conn.call("SET new 1");
        conn.send_command(&[b"SHUTDOWN"]).expect("sent");
        server.wait_exit();
        server.restart();
        assert_eq!(server.conn().call("EXISTS old new").text(), "2");
    });
}

#[test]
fn debug_reads_the_files_again() {
    each_variant(|variant| {
        let mut server = prepared(variant, &[]);
        write(
            server.dir(),
            &[(INCR, all(&["SELECT 0", "SET a 1", "SET b 2"]))],
        );
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("SAVE"), ok());
        conn.call("DEL b");
        conn.call("SET c 3");
        assert_eq!(conn.call("DEBUG RELOAD NOSAVE NOFLUSH"), ok());
        assert_eq!(conn.call("EXISTS a b c").text(), "3");
        assert_eq!(conn.call("DEBUG RELOAD NOSAVE"), ok());
        assert_eq!(conn.call("EXISTS a b c").text(), "2");
        assert_eq!(conn.call("DEBUG LOADAOF"), ok());
        // What was done meanwhile is in it as well.
        assert_eq!(conn.call("EXISTS a c").text(), "2");
        assert_eq!(conn.call("EXISTS b").text(), "0");
        assert_eq!(conn.call("SET still writable"), ok());
    });
}

/// DEBUG RELOAD writes the file and reads it; what INFO says of saves is what it says after SAVE. NOSAVE reads what there
/// is, and where nothing is, nothing remains.
#[test]
fn debug_reload_saves_and_reads_the_file() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        let refused = "ERR Error trying to load the RDB dump";
        conn.call("SET gone 1");
        let reply = conn.call("DEBUG RELOAD NOSAVE").text();
        assert!(reply.starts_with(refused), "{reply}");
        assert_eq!(conn.call("DBSIZE").int(), 0);
        let unsaved = info(&mut conn, "rdb_changes_since_last_save");
        conn.call("MSET a 1 b 2");
        let library = b"#!lua name=lib\nredis.register_function('f', function() return 7 end)";
        assert_eq!(
            conn.call_words(&[b"FUNCTION", b"LOAD", library]).text(),
            "lib"
        );
        assert_ne!(info(&mut conn, "rdb_changes_since_last_save"), unsaved);
        let before = info(&mut conn, "rdb_last_save_time");
        wait_until("the next second", || {
            assert_eq!(conn.call("DEBUG RELOAD"), ok());
            (info(&mut conn, "rdb_last_save_time") != before).then_some(())
        });
        let last_save = info(&mut conn, "rdb_last_save_time");
        assert_eq!(conn.call("LASTSAVE").int().to_string(), last_save);
        assert!(server.dir().join("dump.rdb").exists());
        let fields = |conn: &mut Conn| {
            ["rdb_changes_since_last_save", "rdb_last_load_keys_loaded"].map(|f| info(conn, f))
        };
        assert_eq!(fields(&mut conn), ["0", "2"]);
        assert_eq!(conn.call("FCALL f 0").int(), 7);
        conn.call("SET c 3");
        assert_eq!(fields(&mut conn), ["1", "2"]);
        assert_eq!(conn.call("DEBUG RELOAD NOSAVE"), ok());
        assert_eq!(conn.call("EXISTS a b c").int(), 2);
        assert_eq!(fields(&mut conn), ["1", "2"]);
        conn.call("SET d 4");
        conn.call("SET a 5");
        assert_eq!(conn.call("DEBUG RELOAD NOSAVE NOFLUSH MERGE"), ok());
        assert_eq!(conn.call("MGET a d").to_string(), "[\"1\", \"4\"]");
        assert_eq!(conn.call("DEBUG RELOAD NOFLUSH MERGE"), ok());
        assert_eq!(fields(&mut conn), ["0", "3"]);
        assert_eq!(conn.call("DBSIZE").int(), 3);
        assert_eq!(
            conn.call("DEBUG RELOAD SOON").text(),
            "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options."
        );
        // What cannot be saved is not removed.
        fs::remove_file(server.dir().join("dump.rdb")).expect("removed");
        fs::create_dir(server.dir().join("dump.rdb")).expect("made");
        conn.call("SET e 5");
        assert_eq!(conn.call("DEBUG RELOAD").text(), "ERR");
        assert_eq!(fields(&mut conn)[0], "1");
        assert_eq!(conn.call("DBSIZE").int(), 4);
        fs::remove_dir(server.dir().join("dump.rdb")).expect("removed");
        fs::write(server.dir().join("dump.rdb"), "garbage").expect("written");
        let reply = conn.call("DEBUG RELOAD NOSAVE").text();
        assert!(reply.starts_with(refused), "{reply}");
        assert_eq!(conn.call("DBSIZE").int(), 0);
        server.stop();
    });
}

/// Nothing that was acknowledged goes by reading a file that was just written, for others that write meanwhile either.
#[test]
fn debug_reload_loses_nothing_of_anybody() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes")]);
        let mut conn = server.conn();
        let is_done = AtomicBool::new(false);
        let count = std::thread::scope(|scope| {
            let mut other = server.conn();
            let is_done = &is_done;
            let counter = scope.spawn(move || {
                let mut count = 0;
                while !is_done.load(Ordering::SeqCst) {
                    // Refused while the file is read.
                    count += i64::from(!other.call("INCR n").is_error());
                }
                count
            });
            for round in 0..5 {
                conn.call(&format!("SET k:{round} 1"));
                assert_eq!(conn.call("DEBUG RELOAD"), ok());
                assert_eq!(conn.call(&format!("GET k:{round}")).text(), "1");
            }
            is_done.store(true, Ordering::SeqCst);
            counter.join().expect("it counts")
        });
        conn.call("SET last 1");
        let whole = |conn: &mut Conn| {
            assert_eq!(conn.call("GET n").text(), count.to_string());
            assert_eq!(conn.call("EXISTS k:0 k:1 k:2 k:3 k:4 last").int(), 6);
        };
        whole(&mut conn);
        assert_eq!(conn.call("DEBUG LOADAOF"), ok());
        whole(&mut conn);
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        server.restart();
        whole(&mut server.conn());
    });
}

/// Whatever commands are called here: what the server itself writes has their common names.
#[test]
fn renamed_commands_are_loaded() {
    each_variant(|variant| {
        let mut server = prepared(
            variant,
            &[
                ("rename-command", "set put"),
                ("rename-command", "multi "),
                ("rename-command", "select "),
                ("rename-command", "del remove"),
            ],
        );
        // As another server may have left it, and as we do: SELECT, MULTI, SET for INCRBYFLOAT.
        let commands = [
            "SELECT 3", "MULTI", "PUT a 1", "SET b 2", "EXEC", "REMOVE a", "DEL b", "SET c 3",
        ];
        write(server.dir(), &[(INCR, all(&commands))]);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(
            conn.call("SET a 1").text().split_whitespace().next(),
            Some("ERR")
        );
        let info = conn.call("INFO keyspace").text();
        assert!(info.contains("db3:keys=1,"), "{info}");
        assert_eq!(conn.call("PUT f 1"), ok());
        assert_eq!(conn.call("INCRBYFLOAT f 0.5").text(), "1.5");
        conn.call_words(&[
            b"EVAL",
            b"redis.call('put', KEYS[1], 1) redis.call('put', KEYS[2], 2)",
            b"2",
            b"{x}1",
            b"{x}2",
        ]);
        let loaded = conn.call("DEBUG LOADAOF");
        assert_eq!(loaded, ok());
        assert_eq!(conn.call("GET f").text(), "1.5");
        assert_eq!(conn.call("MGET {x}1 {x}2").elements()[1].text(), "2");
    });
}

/// Servers before 6.2.7 could leave collections without elements behind.
#[test]
fn keys_without_elements_are_left_out() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut file = b"REDIS0009\xfe\x00".to_vec();
        // A set and a hash of no elements, a list of one empty ziplist, and a text.
        file.extend_from_slice(b"\x02\x03set\x00\x04\x04hash\x00");
        file.extend_from_slice(b"\x0a\x04list\x0b\x0b\0\0\0\x0a\0\0\0\0\0\xff");
        file.extend_from_slice(b"\x00\x04text\x01x\xff\0\0\0\0\0\0\0\0");
        server.stop();
        fs::write(server.dir().join("dump.rdb"), file).expect("written");
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("DBSIZE").int(), 1);
        assert_eq!(conn.call("GET text").text(), "x");
        assert_eq!(info(&mut conn, "rdb_last_load_keys_loaded"), "1");
        let path = server.dir().join("server.log");
        wait_until("the log to tell of them", || {
            let log = fs::read_to_string(&path).unwrap_or_default();
            let all = [
                "skipping empty key: set",
                "skipping empty key: hash",
                "skipping empty key: list",
                "empty keys skipped: 3",
            ];
            all.iter().all(|line| log.contains(line)).then_some(())
        });
    });
}
