//! Snapshots over the wire: what is written is the moment of the cut, and clients go on meanwhile.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::clock::{RaiseAtEnd, breathe, now, wait_until};
use support::keys::times;
use support::rng::{Rng, seed};
use support::{Conn, Server, Value, each_variant, info, ok};

fn wait_for_the_save(conn: &mut Conn) {
    wait_until("the save to end", || {
        (info(conn, "rdb_bgsave_in_progress") == "0").then_some(())
    });
    assert_eq!(info(conn, "rdb_last_bgsave_status"), "ok");
}

/// Money goes from account to account, over shards; whatever moment is saved, none is lost.
#[test]
fn a_cut_tears_no_transaction() {
    const ACCOUNTS: usize = 64;
    let seed = seed();
    println!("seed {seed}");
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 20000 filler 30");
        for account in 0..ACCOUNTS {
            assert_eq!(conn.call(&format!("SET account:{account} 1000")), ok());
        }
        let done = AtomicBool::new(false);
        for round in 0..3 {
            done.store(false, Ordering::SeqCst);
            std::thread::scope(|scope| {
                let _end = RaiseAtEnd(&done);
                for client in 0..3 {
                    let mut conn = server.conn();
                    let done = &done;
                    let mut rng = Rng::new(seed + client + 10 * round);
                    scope.spawn(move || {
                        while !done.load(Ordering::SeqCst) {
                            let (from, to) = (rng.below(ACCOUNTS), rng.below(ACCOUNTS));
                            let sum = rng.below(100);
                            conn.call("MULTI");
                            conn.call(&format!("DECRBY account:{from} {sum}"));
                            conn.call(&format!("INCRBY account:{to} {sum}"));
                            assert_eq!(conn.call("EXEC").elements().len(), 2);
                        }
                    });
                }
                conn.call("BGSAVE");
                wait_for_the_save(&mut conn);
            });
            server.restart();
            conn = server.conn();
            let balances = (0..ACCOUNTS).map(|account| {
                let text = conn.call(&format!("GET account:{account}")).text();
                text.parse::<i64>().expect("a balance")
            });
            assert_eq!(balances.sum::<i64>(), 1000 * ACCOUNTS as i64);
        }
    });
}

/// A large hash is written in slices while its fields change. How long the slowest change took is printed.
#[test]
fn a_large_hash_changes_while_it_is_written() {
    const FIELDS: usize = 200_000;
    each_variant(|variant| {
        let mut server = variant.own_server(&[]);
        let mut conn = server.conn();
        for from in (0..FIELDS).step_by(1000) {
            let mut words = vec![b"HSET".to_vec(), b"large".to_vec()];
            for field in from..from + 1000 {
                words.push(format!("field:{field}").into_bytes());
                words.push(format!("value:{field}").into_bytes());
            }
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            conn.call_words(&words);
        }
        conn.call("BGSAVE");
        let (mut slowest, mut changes) = (Duration::ZERO, 0);
        let mut other = server.conn();
        while info(&mut other, "rdb_bgsave_in_progress") == "1" {
            for _ in 0..50 {
                let field = changes * 7919 % FIELDS;
                let started = now();
                match changes % 3 {
                    0 => conn.call(&format!("HSET large field:{field} changed")),
                    1 => conn.call(&format!("HDEL large field:{field}")),
                    _ => conn.call(&format!("HSET large new:{field} x")),
                };
                slowest = slowest.max(started.elapsed());
                changes += 1;
            }
        }
        println!(
            "{changes} changes of a hash of {FIELDS} during its save, the slowest {slowest:?}"
        );
        wait_for_the_save(&mut conn);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("HLEN large").int(), FIELDS as i64);
        for field in (0..FIELDS).step_by(997).chain(0..50) {
            let value = conn.call(&format!("HGET large field:{field}")).text();
            assert_eq!(value, format!("value:{field}"));
        }
    });
}

#[test]
fn a_flushed_database_is_still_written() {
    each_variant(|variant| {
        // As slow as to be under way until it is let go.
        let mut server = variant.own_server(&[("rdb-key-save-delay", "100000")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 5000 key 20");
        conn.call("SELECT 1");
        conn.call("SET one 1");
        conn.call("SELECT 2");
        conn.call("SET two 2");
        conn.call("BGSAVE");
        wait_until("some keys to be written", || {
            (info(&mut conn, "current_save_keys_processed") != "0").then_some(())
        });
        assert_eq!(conn.call("SWAPDB 1 2"), ok());
        conn.call("SET two 3");
        // Not FLUSHALL, which gives the save up.
        for db in 0..3 {
            conn.call(&format!("SELECT {db}"));
            assert_eq!(conn.call("FLUSHDB"), ok());
            assert_eq!(conn.call("DBSIZE").int(), 0);
        }
        conn.call("SET new 1");
        assert_eq!(info(&mut conn, "rdb_bgsave_in_progress"), "1");
        assert_eq!(info(&mut conn, "current_save_keys_total"), "5002");
        conn.call("CONFIG SET rdb-key-save-delay 0");
        wait_for_the_save(&mut conn);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("DBSIZE").int(), 5000);
        conn.call("SELECT 1");
        assert_eq!(conn.call("GET one").text(), "1");
        assert_eq!(conn.call("EXISTS new").int(), 0);
        conn.call("SELECT 2");
        assert_eq!(conn.call("GET two").text(), "2");
    });
}

#[test]
fn a_save_can_be_cancelled_and_leaves_nothing_behind() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("rdb-key-save-delay", "1000000")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 1000 key 20");
        let refused = conn.call("BGSAVE CANCEL").text();
        assert!(
            refused.starts_with("ERR Background saving is currently not"),
            "{refused}"
        );
        let begun = conn.call("BGSAVE").text();
        assert_eq!(begun, "Background saving started");
        let second = conn.call("BGSAVE").text();
        assert_eq!(second, "ERR Background save already in progress");
        let later = conn.call("BGSAVE SCHEDULE").text();
        assert_eq!(later, "ERR Background save already in progress");
        let cancelled = conn.call("BGSAVE CANCEL").text();
        assert_eq!(cancelled, "Background saving cancelled");
        // Another can begin at once, or as soon as the first has gone.
        wait_until("the next save", || {
            (conn.call("BGSAVE").text() == "Background saving started").then_some(())
        });
        wait_until("the next save", || {
            let progress = info(&mut conn, "current_save_keys_processed");
            (info(&mut conn, "rdb_bgsave_in_progress") == "1" && progress != "0").then_some(())
        });
        conn.call("BGSAVE CANCEL");
        wait_until("its end", || {
            (info(&mut conn, "rdb_bgsave_in_progress") == "0").then_some(())
        });
        assert_eq!(info(&mut conn, "rdb_last_bgsave_status"), "ok");
        assert_eq!(
            fs::read_dir(server.dir())
                .map(|dir| dir
                    .flatten()
                    .filter(|file| file.file_name().to_string_lossy().contains("rdb"))
                    .count())
                .unwrap_or(0),
            0
        );
        // A shutdown does not wait for it either.
        conn.call("BGSAVE");
        conn.send_command(&[b"SHUTDOWN", b"NOSAVE"]).expect("sent");
        assert!(server.wait_exit().success());
    });
}

/// Values of all kinds change, move and go while a slow save is under way.
#[test]
fn what_changes_meanwhile_is_written_as_it_was() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("rdb-key-save-delay", "10000")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 3000 filler 30");
        for number in 0..1500 {
            conn.call(&format!("RPUSH list element:{number}"));
            conn.call(&format!("ZADD zset {number} member:{number}"));
            conn.call(&format!("SADD set member:{number}"));
            conn.call(&format!(
                "XADD stream {}-0 field value:{number}",
                number + 1
            ));
        }
        conn.call("SETRANGE text 3000000 end");
        conn.call("SET volatile x PX 10000000");
        conn.call("PEXPIRE list 20000000");
        for field in 0..300 {
            conn.call(&format!("HSET hash field:{field} x"));
            conn.call(&format!(
                "HPEXPIRE hash {} FIELDS 1 field:{field}",
                30_000_000 + field
            ));
        }
        let digest = conn.call("DEBUG DIGEST").text();
        let when = times(&mut conn, &[0]);
        conn.call("BGSAVE");
        conn.call("PEXPIRE volatile 1");
        conn.call("PEXPIREAT list 9999999999999");
        conn.call("HPEXPIREAT hash 9999999999999 FIELDS 2 field:7 field:299");
        conn.call("HPERSIST hash FIELDS 2 field:8 field:298");
        conn.call("LPUSH list first");
        conn.call("LSET list 700 changed");
        conn.call("ZINCRBY zset 5000 member:3");
        conn.call("ZREMRANGEBYRANK zset 100 200");
        conn.call("SPOP set 1400");
        conn.call("XTRIM stream MAXLEN 10");
        conn.call("SETRANGE text 1500000 middle");
        conn.call("APPEND text more");
        conn.call("RENAME zset elsewhere");
        conn.call("COPY list another");
        conn.call("MOVE set 1");
        conn.call("DEL stream");
        assert_eq!(info(&mut conn, "rdb_bgsave_in_progress"), "1");
        conn.call("CONFIG SET rdb-key-save-delay 300");
        while info(&mut conn, "rdb_bgsave_in_progress") == "1" {
            conn.call("INCR counter");
            conn.call("ZADD elsewhere 1 late");
            conn.call("RPOP list");
            breathe();
        }
        wait_for_the_save(&mut conn);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("DEBUG DIGEST").text(), digest);
        assert_eq!(times(&mut conn, &[0]), when);
    });
}

/// Begins to save so many values of a megabyte to a disk that stands still as long as nobody reads what comes back: a
/// pipe in place of the temporary file.
fn save_into_a_pipe(server: &Server, conn: &mut Conn, values: usize) -> (PathBuf, fs::File) {
    for n in 0..values {
        conn.call(&format!("SETRANGE key:{n} 999999 x"));
    }
    let pipe = server.dir().join(format!("temp-{}.rdb", server.pid()));
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    assert_eq!(conn.call("BGSAVE").text(), "Background saving started");
    let reader = fs::File::open(&pipe).expect("a pipe");
    (pipe, reader)
}

/// What a disk that stands still would make a snapshot keep has a bound, whatever is done to the values: writes wait when
/// it comes near, reads do not, and beyond it the snapshot is given up. The disk is a pipe that nobody reads.
#[test]
fn a_save_whose_disk_stands_still_keeps_no_more_than_it_may() {
    const VALUES: usize = 400;
    each_variant(|variant| {
        let server = variant.own_server(&[("rdbcompression", "no")]);
        let mut conn = server.conn();
        let (pipe, reader) = save_into_a_pipe(&server, &mut conn, VALUES);
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let server = &server;
            scope.spawn(|| {
                let mut other = server.conn();
                let _end = RaiseAtEnd(&is_done);
                for n in 0..VALUES {
                    match n % 3 {
                        0 => other.call(&format!("SET key:{n} {}", "y".repeat(1_000_000))),
                        1 => other.call(&format!("DEL key:{n}")),
                        _ => other.call(&format!("APPEND key:{n} x")),
                    };
                    if n % 3 == 1 {
                        // What only goes takes nothing more; something has to come in its place.
                        other.call(&format!("SETRANGE new:{n} 999999 x"));
                    }
                }
            });
            while !is_done.load(Ordering::SeqCst) {
                assert_eq!(conn.call("GET none"), Value::NullBulk);
            }
        });
        drop(reader);
        wait_until("the save to end", || {
            (info(&mut conn, "rdb_bgsave_in_progress") == "0").then_some(())
        });
        assert_eq!(info(&mut conn, "rdb_last_bgsave_status"), "err");
        let kept = info(&mut conn, "rdb_last_cow_size");
        let kept: u64 = kept.parse().expect("digits");
        assert!((200_000_000..300_000_000).contains(&kept), "{kept}");
        // The next one succeeds.
        let _ = fs::remove_file(&pipe);
        conn.call("BGSAVE");
        wait_for_the_save(&mut conn);
        assert_eq!(conn.call("STRLEN key:0").int(), 1_000_000);
        assert_eq!(conn.call("STRLEN key:2").int(), 1_000_001);
    });
}

/// Writes wait in every other turn while a snapshot holds nearly as much as it may. Pauses that clients ask for come and go
/// meanwhile, and nobody waits for good: not writers, nor transactions, scripts, and who waits for an element.
#[test]
fn nobody_waits_for_good_while_a_save_slows_writes_down() {
    // Between three quarters of the limit and the limit, without the little that the walk comes to by itself.
    const VALUES: usize = 235;
    each_variant(|variant| {
        let server = variant.own_server(&[("rdbcompression", "no")]);
        let mut conn = server.conn();
        let (_, mut reader) = save_into_a_pipe(&server, &mut conn, VALUES);
        for n in 0..VALUES {
            conn.call(&format!("SETRANGE key:{n} 0 y"));
        }
        let is_done = AtomicBool::new(false);
        let lines: [&[&str]; 4] = [
            &["INCR plain"],
            &["MULTI", "INCR queued", "INCR other", "EXEC"],
            &["EVAL return(redis.call('incr',KEYS[1])) 1 script"],
            &["RPUSH list x", "INCR pushes"],
        ];
        let counters = ["plain", "queued", "script", "pushes", "pops"];
        std::thread::scope(|scope| {
            let _end = RaiseAtEnd(&is_done);
            let (server, is_done) = (&server, &is_done);
            for lines in lines {
                scope.spawn(move || {
                    let mut conn = server.conn();
                    while !is_done.load(Ordering::SeqCst) {
                        for line in lines {
                            let reply = conn.call(line);
                            assert!(!reply.is_error(), "{line}: {reply}");
                        }
                    }
                });
            }
            scope.spawn(move || {
                let mut conn = server.conn();
                while !is_done.load(Ordering::SeqCst) {
                    conn.call("BLPOP list 0.1");
                    conn.call("INCR pops");
                }
            });
            let go_on = |conn: &mut Conn| {
                let count = |conn: &mut Conn, key: &str| {
                    let text = conn.call(&format!("GET {key}")).text();
                    text.parse::<u64>().unwrap_or(0)
                };
                let before = counters.map(|key| count(conn, key));
                for (key, before) in counters.iter().zip(before) {
                    wait_until(&format!("{key} to be counted"), || {
                        (count(conn, key) > before).then_some(())
                    });
                }
            };
            wait_until("a writer to be held up", || {
                let blocked = info(&mut conn, "blocked_clients");
                // One of them waits for an element.
                (blocked.parse::<u64>().expect("digits") > 1).then_some(())
            });
            go_on(&mut conn);
            for pause in ["30 WRITE", "30 ALL", "1 WRITE"] {
                assert_eq!(conn.call(&format!("CLIENT PAUSE {pause}")), ok());
                go_on(&mut conn);
            }
            // What slows writes down lets none through that a client has stopped.
            assert_eq!(conn.call("CLIENT PAUSE 1000000 WRITE"), ok());
            let mut other = server.conn();
            other.send_command(&[b"SET", b"late", b"1"]).expect("sent");
            assert!(other.is_silent_for(Duration::from_millis(100)));
            assert_eq!(conn.call("GET late"), Value::NullBulk);
            assert_eq!(conn.call("CLIENT UNPAUSE"), ok());
            assert_eq!(other.read().expect("a reply"), ok());
            go_on(&mut conn);
            assert_eq!(info(&mut conn, "rdb_bgsave_in_progress"), "1");
            // The disk works again.
            let drain = scope.spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
            wait_until("the save to end", || {
                (info(&mut conn, "rdb_bgsave_in_progress") == "0").then_some(())
            });
            drain.join().expect("drained").expect("read");
            go_on(&mut conn);
        });
        wait_until("nobody to be held up", || {
            (info(&mut conn, "blocked_clients") == "0").then_some(())
        });
    });
}
