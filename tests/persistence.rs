//! What survives a restart: SAVE, BGSAVE, save points, SHUTDOWN, and files shared with a real redis-server.

mod support;

use std::fs;

use support::clock::wait_until;
use support::keys::times;
use support::process::{exit_of, signal};
use support::{Conn, Server, Value, each_variant, info, ok};

fn fill(conn: &mut Conn) {
    conn.call("DEBUG POPULATE 2000 key 20");
    conn.call("SET text hello");
    conn.call("SET volatile 7 PX 1000000");
    conn.call("RPUSH list a b c 4");
    conn.call("HSET hash f v g 12");
    conn.call("SELECT 3");
    conn.call("SET other x");
    conn.call("SELECT 0");
}

fn check(conn: &mut Conn) {
    assert_eq!(conn.call("DBSIZE").text(), "2004");
    assert_eq!(conn.call("GET text").text(), "hello");
    assert_eq!(conn.call("GET volatile").text(), "7");
    let left: i64 = conn.call("PTTL volatile").text().parse().expect("digits");
    assert!((1..=1_000_000).contains(&left), "{left}");
    assert_eq!(conn.call("LRANGE list 2 2").elements()[0].text(), "c");
    assert_eq!(conn.call("HGET hash g").text(), "12");
    conn.call("SELECT 3");
    assert_eq!(conn.call("GET other").text(), "x");
    conn.call("SELECT 0");
}

#[test]
fn what_was_saved_is_there_after_a_restart() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        fill(&mut conn);
        let digest = conn.call("DEBUG DIGEST").text();
        assert_eq!(conn.call("SAVE"), ok());
        assert_eq!(info(&mut conn, "rdb_changes_since_last_save"), "0");
        conn.call("SET late 1");
        server.restart();
        let mut conn = server.conn();
        check(&mut conn);
        assert_eq!(conn.call("DEBUG DIGEST").text(), digest);
        assert_eq!(conn.call("EXISTS late").text(), "0");
        assert_eq!(conn.call("DEBUG RELOAD"), ok());
        assert_eq!(conn.call("DEBUG DIGEST").text(), digest);
    });
}

#[test]
fn a_background_save_writes_the_moment_it_was_asked() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        fill(&mut conn);
        let started = Value::Simple(b"Background saving started".to_vec());
        conn.send_command(&[b"BGSAVE"]).expect("sent");
        conn.send_command(&[b"FLUSHDB"]).expect("sent");
        assert_eq!(conn.read(), Ok(started));
        assert_eq!(conn.read(), Ok(ok()));
        wait_until("the save to end", || {
            (info(&mut conn, "rdb_bgsave_in_progress") == "0").then_some(())
        });
        assert_eq!(info(&mut conn, "rdb_last_bgsave_status"), "ok");
        server.restart();
        check(&mut server.conn());
    });
}

#[test]
fn save_points_and_the_end_of_the_process_save() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("save", "1 1")]);
        let mut conn = server.conn();
        fill(&mut conn);
        wait_until("a save point", || {
            (info(&mut conn, "rdb_saves") != "0").then_some(())
        });
        conn.call("SET late 1");
        signal(server.pid(), "TERM");
        assert!(server.wait_exit().success());
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("GET late").text(), "1");
        conn.call("DEL late");
        conn.send_command(&[b"SHUTDOWN"]).expect("sent");
        assert!(server.wait_exit().success());
        server.restart();
        check(&mut server.conn());
        let mut conn = server.conn();
        conn.call("SET gone 1");
        conn.send_command(&[b"SHUTDOWN", b"NOSAVE"]).expect("sent");
        assert!(server.wait_exit().success());
        server.restart();
        assert_eq!(server.conn().call("EXISTS gone").text(), "0");
    });
}

/// The file under way is older than what has to be kept, so another one follows before the end.
#[test]
fn a_shutdown_waits_for_a_save_under_way() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("save", "3600 1")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 20000 key 20");
        conn.send_command(&[b"BGSAVE"]).expect("sent");
        conn.send_command(&[b"SET", b"late", b"1"]).expect("sent");
        assert!(conn.read().is_ok());
        assert_eq!(conn.read(), Ok(ok()));
        signal(server.pid(), "TERM");
        assert!(server.wait_exit().success());
        server.restart();
        assert_eq!(server.conn().call("GET late").text(), "1");
    });
}

#[test]
fn a_save_that_fails_is_told_and_stops_writes() {
    each_variant(|variant| {
        let server = variant.own_server(&[("save", "3600 100000")]);
        let mut conn = server.conn();
        conn.call("SET k v");
        // A folder in the place of the file: nothing can be renamed over it, not even by root.
        let place = server.dir().join("dump.rdb");
        fs::create_dir(&place).expect("our folder is writable");
        assert_eq!(conn.call("SAVE"), Value::Error(b"ERR".to_vec()));
        assert_eq!(conn.call("SET k w"), ok());
        let points = [&b"CONFIG"[..], b"SET", b"save", b"10000 100000000"];
        assert_eq!(conn.call_words(&points), ok());
        conn.call("BGSAVE");
        wait_until("the save to fail", || {
            (info(&mut conn, "rdb_last_bgsave_status") == "err").then_some(())
        });
        wait_until("writes to be refused", || {
            let reply = conn.call("SET k w").text();
            reply.starts_with("MISCONF").then_some(())
        });
        assert_eq!(conn.call("GET k").text(), "w");
        let refused = conn.call("SHUTDOWN SAVE").text();
        assert!(
            refused.starts_with("ERR Errors trying to SHUTDOWN"),
            "{refused}"
        );
        fs::remove_dir(&place).expect("it is empty");
        conn.call("BGSAVE");
        wait_until("the save to succeed", || {
            (info(&mut conn, "rdb_last_bgsave_status") == "ok").then_some(())
        });
        wait_until("writes to go on", || {
            (conn.call("SET k x") == ok()).then_some(())
        });
    });
}

#[test]
fn redis_reads_our_file_and_we_read_its() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        fill(&mut conn);
        assert_eq!(conn.call("SAVE"), ok());
        let Some(redis) = Server::redis_over(server.dir(), &[]) else {
            return;
        };
        let mut theirs = redis.conn();
        check(&mut theirs);
        theirs.call("SET theirs 1");
        assert_eq!(theirs.call("SAVE"), ok());
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("GET theirs").text(), "1");
        conn.call("DEL theirs");
        check(&mut conn);
    });
}

/// Consumers that asked in vain have two times, of which the type that Redis 7.0 reads has one.
#[test]
fn redis_reads_streams_whose_consumers_asked_in_vain() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        // The second is written in pieces.
        for (key, entries) in [("small", 3), ("large", 3000)] {
            for _ in 0..entries {
                conn.call(&format!("XADD {key} * field {}", "x".repeat(100)));
            }
            for group in ["a", "b", "c"] {
                conn.call(&format!("XGROUP CREATE {key} {group} 0"));
            }
            for consumer in ["some", "never", "all"] {
                conn.call(&format!("XGROUP CREATECONSUMER {key} a {consumer}"));
            }
            conn.call("XGROUP CREATECONSUMER small c never");
            conn.call(&format!("XREADGROUP GROUP a some COUNT 1 STREAMS {key} >"));
            conn.call(&format!("XREADGROUP GROUP a all STREAMS {key} >"));
            wait_until("a later time to be seen", || {
                conn.call(&format!("XREADGROUP GROUP a all STREAMS {key} >"));
                let all = conn.call(&format!("XINFO CONSUMERS {key} a")).elements()[0].clone();
                let (idle, inactive) = (all.elements()[5].int(), all.elements()[7].int());
                (inactive > idle + 1).then_some(())
            });
        }
        let full = ["XINFO STREAM small FULL", "XINFO STREAM large FULL"];
        let before = full.map(|command| conn.call(command));
        assert_eq!(conn.call("DEBUG RELOAD"), ok());
        assert_eq!(full.map(|command| conn.call(command)), before);
        assert_eq!(conn.call("SAVE"), ok());
        server.restart();
        let mut conn = server.conn();
        assert_eq!(full.map(|command| conn.call(command)), before);

        let reads = |server: &Server, directives: &[(&str, &str)]| {
            let Some(redis) = Server::redis_over(server.dir(), directives) else {
                return;
            };
            let mut theirs = redis.conn();
            for key in ["small", "large"] {
                let group = theirs.call(&format!("XINFO GROUPS {key}")).elements()[0].clone();
                assert_eq!(group.elements()[3].int(), 3);
            }
        };
        let file = fs::read(server.dir().join("dump.rdb")).expect("it is there");
        assert_eq!(&file[..9], b"REDIS0010");
        reads(&server, &[]);

        // So is the base of an append-only file.
        conn.call("CONFIG SET appendonly yes");
        wait_until("the base", || {
            (info(&mut conn, "aof_rewrites") == "1"
                && info(&mut conn, "aof_rewrite_in_progress") == "0")
                .then_some(())
        });
        let folder = server.dir().join("appendonlydir");
        let base = fs::read_dir(folder).expect("it is there").flatten();
        let base = base
            .map(|entry| entry.path())
            .find(|path| path.to_string_lossy().ends_with(".base.rdb"));
        let base = fs::read(base.expect("a base")).expect("it is there");
        assert_eq!(&base[..9], b"REDIS0010");
        assert_eq!(conn.call("DEBUG LOADAOF"), ok());
        assert_eq!(full.map(|command| conn.call(command)), before);
        reads(&server, &[("appendonly", "yes")]);
    });
}

/// Values of every type in every size class.
fn fill_types(conn: &mut Conn) {
    let numbers = |count: usize| -> String {
        let numbers: Vec<String> = (0..count).map(|i| (i * 37).to_string()).collect();
        numbers.join(" ")
    };
    let words = |count: usize, len: usize| -> String {
        let word = |i: usize| format!("{}{i:04}", "x".repeat(len.saturating_sub(4)));
        let words: Vec<String> = (0..count).map(word).collect();
        words.join(" ")
    };
    let pairs = |count: usize, len: usize| -> String {
        let pairs: Vec<String> = (0..count).map(|i| format!("{i}.5 {i:y>len$}")).collect();
        pairs.join(" ")
    };
    let mut commands = Vec::new();
    for (i, text) in [
        "",
        "1",
        "-5",
        "300",
        "70000",
        "-2147483649",
        "9223372036854775807",
        "007",
        "1e5",
    ]
    .iter()
    .enumerate()
    {
        commands.push(format!("SET text:{i} '{text}'"));
    }
    // Lengths take one byte up to 63 and two up to 16383; up to 44 a string and its key are one allocation in Redis.
    for len in [20, 21, 44, 45, 63, 64, 300, 16_383, 16_384, 20_000, 300_000] {
        commands.push(format!("SET same:{len} {}", "z".repeat(len)));
        commands.push(format!(
            "SET mixed:{len} {}",
            words(len / 8, 8).replace(' ', "_")
        ));
    }
    // Both sides of what encodings change at: 128 pairs and 512 numbers.
    for count in [1, 5, 128, 129, 200, 512, 513, 3000] {
        commands.push(format!("RPUSH list:{count} {}", words(count, 9)));
        commands.push(format!("RPUSH list:n:{count} {}", numbers(count)));
        commands.push(format!("SADD set:{count} {}", words(count, 9)));
        commands.push(format!("SADD set:n:{count} {}", numbers(count)));
        commands.push(format!("SADD set:long:{count} {} a", words(1, 100)));
        commands.push(format!("ZADD zset:{count} {}", pairs(count, 9)));
        commands.push(format!("HSET hash:{count} {}", pairs(count, 9)));
        for i in 0..count {
            commands.push(format!("XADD stream:{count} {}-{i} f {i} g x", i + 1));
        }
        commands.push(format!("XDEL stream:{count} 1-0"));
        commands.push(format!("XGROUP CREATE stream:{count} group 0"));
    }
    commands.push(format!("RPUSH list:long a {} b", words(1, 100_000)));
    commands.push(format!("HSET hash:long f {} g 1", words(1, 1000)));
    commands.push("ZADD zset:ends -inf a +inf b 0 c -0.125 d 12345678 f".into());
    commands.push("XREADGROUP GROUP group me COUNT 3 STREAMS stream:200 >".into());
    commands.push("PEXPIREAT text:1 9999999999999".into());
    commands.push("PFADD hll a b c d".into());
    for command in commands {
        let reply = conn.call(&command);
        assert!(
            !matches!(reply, Value::Error(_)),
            "{command:.60} => {reply:?}"
        );
    }
    let library = "#!lua name=lib\nredis.register_function('f', function() return 7 end)";
    conn.send_command(&[b"FUNCTION", b"LOAD", library.as_bytes()])
        .expect("sent");
    assert_eq!(conn.read().expect("a reply").text(), "lib");
}

/// All there is to see of a key.
fn whole(conn: &mut Conn, key: &str) -> Vec<String> {
    let kind = conn.call(&format!("TYPE {key}")).text();
    let questions = match kind.as_str() {
        "string" => vec![format!("GET {key}")],
        "list" => vec![format!("LRANGE {key} 0 -1")],
        "set" => vec![format!("SMEMBERS {key}")],
        "zset" => vec![format!("ZRANGE {key} 0 -1 WITHSCORES")],
        "hash" => vec![format!("HGETALL {key}")],
        _ => vec![
            format!("XRANGE {key} - +"),
            format!("XLEN {key}"),
            format!("XPENDING {key} group"),
        ],
    };
    let mut seen = vec![
        kind.clone(),
        conn.call(&format!("PEXPIRETIME {key}")).text(),
    ];
    for question in questions {
        let reply = conn.call(&question);
        match kind.as_str() {
            "set" => {
                let mut members: Vec<String> = reply.elements().iter().map(Value::text).collect();
                members.sort();
                seen.extend(members);
            }
            "hash" => {
                let pairs = reply.elements().chunks(2);
                let mut pairs: Vec<String> = pairs
                    .map(|pair| format!("{} {}", pair[0].text(), pair[1].text()))
                    .collect();
                pairs.sort();
                seen.extend(pairs);
            }
            _ => seen.push(format!("{reply:?}")),
        }
    }
    seen
}

fn same_values(ours: &mut Conn, theirs: &mut Conn) {
    let keys = ours.call("KEYS *");
    assert_eq!(
        theirs.call("DBSIZE").text(),
        keys.elements().len().to_string()
    );
    for key in keys.elements() {
        let key = key.text();
        assert!(
            whole(ours, &key) == whole(theirs, &key),
            "{key} is not the same"
        );
    }
}

#[test]
fn every_type_goes_both_ways() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        fill_types(&mut conn);
        let digest = conn.call("DEBUG DIGEST").text();
        assert_eq!(conn.call("SAVE"), ok());
        let Some(redis) = Server::redis_over(server.dir(), &[]) else {
            return;
        };
        let mut theirs = redis.conn();
        same_values(&mut conn, &mut theirs);
        assert_eq!(theirs.call("FCALL f 0").text(), "7");
        let pending = "XPENDING stream:200 group - + 10 me";
        assert_eq!(theirs.call(pending).elements().len(), 3);
        assert_eq!(theirs.call("SAVE"), ok());
        server.restart();
        let mut conn = server.conn();
        same_values(&mut conn, &mut theirs);
        assert_eq!(conn.call("DEBUG DIGEST").text(), digest);
        assert_eq!(conn.call("FCALL f 0").text(), "7");
        assert_eq!(conn.call(pending).elements().len(), 3);
        for key in conn.call("KEYS *").elements() {
            let key = key.text();
            // Small sets of words, and small lists, have an encoding since 7.2 that 7.0 does not know.
            let is_newer =
                key.starts_with("list:") || (key.starts_with("set:") && !key.starts_with("set:n:"));
            if !is_newer {
                let encoding = format!("OBJECT ENCODING {key}");
                assert_eq!(conn.call(&encoding), theirs.call(&encoding), "{key}");
            }
        }
        // What 7.0 does not know is written for those who do.
        conn.call("HPEXPIREAT hash:5 9999999999999 FIELDS 1 0.5");
        conn.call("XGROUP CREATECONSUMER stream:5 group idle");
        assert_eq!(conn.call("SAVE"), ok());
        let digest = conn.call("DEBUG DIGEST").text();
        let when = times(&mut conn, &[0]);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("DEBUG DIGEST").text(), digest);
        assert_eq!(times(&mut conn, &[0]), when);
        let time = conn.call("HPEXPIRETIME hash:5 FIELDS 1 0.5");
        assert_eq!(time.elements()[0].text(), "9999999999999");
    });
}

#[test]
fn a_damaged_file_keeps_the_server_from_starting() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        fill(&mut conn);
        assert_eq!(conn.call("SAVE"), ok());
        server.stop();
        let path = server.dir().join("dump.rdb");
        let mut bytes = fs::read(&path).expect("the file is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&path, bytes).expect("our folder is writable");
        let mut again = server.start_again();
        let status = exit_of(&mut again);
        assert_eq!(status.code(), Some(1));
        let log = server.log();
        assert!(log.contains("Fatal error loading the DB"), "{log}");
    });
}

/// Names, functions and texts of all libraries, in order of names.
fn libraries(conn: &mut Conn) -> Vec<String> {
    let listed = conn.call("FUNCTION LIST WITHCODE");
    let mut all: Vec<String> = listed.elements().iter().map(|it| format!("{it}")).collect();
    all.sort();
    all
}

fn load(conn: &mut Conn, name: &str, function: &str, result: u32) {
    let code = format!(
        "#!lua name={name}\nredis.register_function('{function}', function() return {result} end)"
    );
    let reply = conn.call_words(&[b"FUNCTION", b"LOAD", b"REPLACE", code.as_bytes()]);
    assert_eq!(reply.text(), name);
}

fn restore(conn: &mut Conn, payload: &[u8], policy: &str) -> String {
    let mut words: Vec<&[u8]> = vec![b"FUNCTION", b"RESTORE", payload];
    if !policy.is_empty() {
        words.push(policy.as_bytes());
    }
    conn.call_words(&words).text()
}

/// Libraries of one server are restored at the other, whatever it has; both say the same then.
#[test]
fn libraries_go_both_ways() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut ours = server.conn();
        let folder = server.dir().join("theirs");
        fs::create_dir(&folder).expect("made");
        let Some(other) = Server::redis_over(&folder, &[]) else {
            return;
        };
        let mut theirs = other.conn();
        load(&mut ours, "one", "a", 1);
        load(&mut ours, "two", "b", 2);
        load(&mut theirs, "two", "b", 3);
        load(&mut theirs, "three", "c", 4);
        let payloads = [&mut ours, &mut theirs].map(|it| it.call("FUNCTION DUMP"));
        let mut damaged = payloads[0].bytes().to_vec();
        damaged[4] ^= 1;
        for payload in [payloads[0].bytes(), payloads[1].bytes(), &damaged, b"x"] {
            for policy in ["", "APPEND", "REPLACE", "FLUSH", "append", "other"] {
                for conn in [&mut ours, &mut theirs] {
                    assert_eq!(conn.call("FUNCTION FLUSH").text(), "OK");
                    load(conn, "two", "b", 5);
                    load(conn, "four", "d", 6);
                }
                let here = restore(&mut ours, payload, policy);
                let there = restore(&mut theirs, payload, policy);
                assert_eq!(here, there, "{policy}");
                assert_eq!(libraries(&mut ours), libraries(&mut theirs), "{policy}");
            }
        }
        // A function that another library has; and one that moves to it, which is no conflict.
        for conn in [&mut ours, &mut theirs] {
            conn.call("FUNCTION FLUSH");
            load(conn, "other", "a", 7);
        }
        let payload = payloads[0].bytes();
        for policy in ["APPEND", "REPLACE", "FLUSH"] {
            let here = restore(&mut ours, payload, policy);
            assert_eq!(here, restore(&mut theirs, payload, policy), "{policy}");
            assert_eq!(libraries(&mut ours), libraries(&mut theirs), "{policy}");
        }
        assert_eq!(ours.call("FCALL a 0"), theirs.call("FCALL a 0"));
        for conn in [&mut ours, &mut theirs] {
            conn.call("FUNCTION FLUSH");
            load(conn, "one", "b", 8);
            load(conn, "two", "a", 9);
        }
        assert_eq!(restore(&mut ours, payload, "REPLACE"), "OK");
        assert_eq!(restore(&mut theirs, payload, "REPLACE"), "OK");
        assert_eq!(libraries(&mut ours), libraries(&mut theirs));
    });
}

/// Clients of all cores change the same library at the same time, in transactions and without: what the file brings back
/// is what was there at the end.
#[test]
fn libraries_are_written_down_in_the_order_of_their_changes() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes"), ("appendfsync", "no")]);
        let address = server.address();
        for round in 0..5 {
            std::thread::scope(|scope| {
                for client in 0..4 {
                    scope.spawn(move || {
                        let mut conn = Conn::open(address).expect("a connection");
                        for turn in 0..20 {
                            let number = round * 1000 + client * 100 + turn;
                            match (client + turn) % 4 {
                                0 => {
                                    conn.call("FUNCTION DELETE lib");
                                }
                                1 => {
                                    conn.call("MULTI");
                                    let code = format!(
                                        "#!lua name=lib\nredis.register_function('f', function() return {number} end)"
                                    );
                                    conn.call_words(&[b"FUNCTION", b"LOAD", b"REPLACE", code.as_bytes()]);
                                    conn.call("FCALL f 0");
                                    conn.call("SET k 1");
                                    let replies = conn.call("EXEC");
                                    assert_eq!(replies.elements()[1].int(), i64::from(number));
                                }
                                _ => load(&mut conn, "lib", "f", number),
                            }
                        }
                    });
                }
            });
            let mut conn = server.conn();
            let before = libraries(&mut conn);
            assert_eq!(conn.call("DEBUG LOADAOF").text(), "OK");
            assert_eq!(libraries(&mut conn), before);
        }
        let before = libraries(&mut server.conn());
        let mut conn = server.conn();
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        server.restart();
        assert_eq!(libraries(&mut server.conn()), before);
    });
}
