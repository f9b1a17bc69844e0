//! Nothing acknowledged is lost: servers are killed at random moments, while clients count what was acknowledged.
//!
//! A kill takes what is in the process, not what the kernel has; that what is acknowledged is on the platter is shown
//! with a disk that loses it, in `src/server/aof/tests.rs`. What is shown here is that the process as a whole does not
//! tell before the writer knows.

mod support;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::clock::{self, RaiseAtEnd, wait_until};
use support::rng::{Rng, seed};
use support::{Conn, Options, Server, Value, each_variant, info, info_number, ok};

fn wait_for(conn: &mut Conn, name: &str, value: &str) {
    wait_until(&format!("{name} to be {value}"), || {
        (info(conn, name) == value).then_some(())
    });
}

fn has_rewritten(conn: &mut Conn) {
    wait_for(conn, "aof_rewrite_scheduled", "0");
    wait_for(conn, "aof_rewrite_in_progress", "0");
    assert_eq!(info(conn, "aof_last_bgrewrite_status"), "ok");
}

/// What one client has been told, by the number of its round.
#[derive(Default)]
struct Told {
    sent: u64,
    acknowledged: u64,
    /// When each acknowledgement came, with the number.
    times: Vec<(Instant, u64)>,
}

const CLIENTS: usize = 4;

/// Writes until the server is gone: round `n` pushes `n` to a list of one shard, and to two lists in a transaction, whose
/// shards differ as a rule.
fn write(address: SocketAddr, id: usize, first: u64, total: &AtomicU64, gone: &AtomicBool) -> Told {
    let mut told = Told {
        sent: first,
        acknowledged: first,
        times: Vec::new(),
    };
    let Ok(mut conn) = Conn::open(address) else {
        return told;
    };
    while !gone.load(Ordering::Relaxed) {
        let depth = 1 + (told.sent % 3);
        for n in told.sent..told.sent + depth {
            let n = n.to_string();
            let lists = ["solo", "left", "right"].map(|name| format!("{name}:{id}"));
            let push = |list: usize| [&b"RPUSH"[..], lists[list].as_bytes(), n.as_bytes()];
            let sent = (|| {
                conn.send_command(&push(0))?;
                conn.send_command(&[b"MULTI"])?;
                conn.send_command(&push(1))?;
                conn.send_command(&push(2))?;
                conn.send_command(&[b"EXEC"])
            })();
            if sent.is_err() {
                return told;
            }
        }
        told.sent += depth;
        for _ in 0..depth {
            for _ in 0..5 {
                match conn.read() {
                    Ok(value) => assert!(!value.is_error(), "{value}"),
                    Err(_) => return told,
                }
            }
            told.acknowledged += 1;
            told.times.push((clock::now(), told.acknowledged));
            total.fetch_add(1, Ordering::Relaxed);
        }
    }
    told
}

/// How long a list is; it must hold 0, 1, 2, ..
fn length(conn: &mut Conn, list: &str) -> u64 {
    let all = conn.call(&format!("LRANGE {list} 0 -1"));
    for (place, element) in all.elements().iter().enumerate() {
        assert_eq!(element.text(), place.to_string(), "{list} has a hole");
    }
    all.elements().len() as u64
}

/// Rounds of writing and killing. `may_lose` is how long before the kill something must have been acknowledged to have to
/// be there.
fn crash_rounds(fsync: &str, rounds: usize, may_lose: Duration) {
    each_variant(|variant| {
        let seed = seed();
        let mut rng = Rng::new(seed);
        // A sync that takes seconds would hold up what is to be written meanwhile.
        let mut options = Options {
            in_memory: !may_lose.is_zero(),
            ..variant.options.clone()
        };
        for (name, value) in [("appendonly", "yes"), ("appendfsync", fsync)] {
            options = options.with(name, value);
        }
        let mut server = Server::start(&options);
        let mut lengths = [0; CLIENTS];
        for round in 0..rounds {
            let total = AtomicU64::new(0);
            let goal = 20 + rng.below(400) as u64;
            let rewrites = rng.below(2) == 0;
            let address = server.address();
            let gone = AtomicBool::new(false);
            let (told, killed) = std::thread::scope(|scope| {
                let (total, gone) = (&total, &gone);
                let _end = RaiseAtEnd(gone);
                let writers: Vec<_> = (0..CLIENTS)
                    .map(|id| {
                        let first = lengths[id];
                        scope.spawn(move || write(address, id, first, total, gone))
                    })
                    .collect();
                if rewrites {
                    scope.spawn(move || rewrite_until(address, gone));
                }
                wait_until("enough to be acknowledged", || {
                    (total.load(Ordering::Relaxed) >= goal).then_some(())
                });
                let killed = clock::now();
                server.stop();
                gone.store(true, Ordering::Relaxed);
                let told: Vec<Told> = writers
                    .into_iter()
                    .map(|writer| writer.join().expect("a writer"))
                    .collect();
                (told, killed)
            });
            server.restart();
            let mut conn = server.conn();
            for (id, told) in told.iter().enumerate() {
                let [solo, left, right] = ["solo", "left", "right"]
                    .map(|name| length(&mut conn, &format!("{name}:{id}")));
                let old = |(at, _): &&(Instant, u64)| *at + may_lose <= killed;
                let due = match may_lose.is_zero() {
                    true => told.acknowledged,
                    false => told
                        .times
                        .iter()
                        .rfind(old)
                        .map_or(lengths[id], |(_, n)| *n),
                };
                let what = format!("{fsync}, seed {seed}, round {round}, client {id}");
                assert_eq!(left, right, "{what}: half a transaction");
                assert!(
                    left >= due && solo >= due,
                    "{what}: {solo}, {left} of {due}"
                );
                assert!(solo <= told.sent && left <= told.sent, "{what}");
            }
            // They go on from where all lists of theirs are.
            for (id, known) in lengths.iter_mut().enumerate() {
                let solo = length(&mut conn, &format!("solo:{id}"));
                let left = length(&mut conn, &format!("left:{id}"));
                *known = solo.min(left);
                for name in ["solo", "left", "right"] {
                    let last = known.checked_sub(1);
                    match last {
                        Some(last) => conn.call(&format!("LTRIM {name}:{id} 0 {last}")),
                        None => conn.call(&format!("DEL {name}:{id}")),
                    };
                }
            }
        }
    });
}

fn rewrite_until(address: SocketAddr, gone: &AtomicBool) {
    let Ok(mut conn) = Conn::open(address) else {
        return;
    };
    while !gone.load(Ordering::Relaxed) {
        if conn.send_command(&[b"BGREWRITEAOF"]).is_err() || conn.read().is_err() {
            return;
        }
        clock::breathe();
    }
}

#[test]
fn with_always_nothing_acknowledged_is_lost() {
    crash_rounds("always", 6, Duration::ZERO);
}

#[test]
fn with_everysec_nothing_older_than_a_second_is_lost() {
    crash_rounds("everysec", 3, Duration::from_secs(1));
}

fn fill(conn: &mut Conn) {
    for command in [
        "SET text hello",
        "SET number 12",
        "SET volatile v PX 10000000",
        "RPUSH list a b c 4",
        "SADD numbers 1 2 3",
        "SADD words a b c",
        "ZADD scores 1.5 a 2 b inf c",
        "HSET hash f v g 12",
        "XADD stream 1-1 f v",
        "XADD stream 2-1 f v g w",
        "XDEL stream 2-1",
        "XGROUP CREATE stream group 0 ENTRIESREAD 1",
        "XREADGROUP GROUP group alice COUNT 1 STREAMS stream >",
        "PFADD log a b c",
        "SELECT 5",
        "SET elsewhere 1",
        "SELECT 0",
        "HPEXPIRE hash 100000000 FIELDS 1 f",
    ] {
        let reply = conn.call(command);
        assert!(!reply.is_error(), "{command}: {reply}");
    }
    for n in 0..200 {
        conn.call(&format!("HSET large field:{n} {n}"));
        conn.call(&format!("ZADD many {n} member:{n}"));
        conn.call(&format!("RPUSH long element:{n}"));
        conn.call(&format!("SADD crowd member:{n}"));
    }
}

#[test]
fn everything_survives_a_rewrite_in_either_format() {
    each_variant(|variant| {
        for preamble in ["yes", "no"] {
            let directives = [
                ("appendonly", "yes"),
                ("appendfsync", "no"),
                ("aof-use-rdb-preamble", preamble),
            ];
            let mut server = variant.own_server(&directives);
            let mut conn = server.conn();
            fill(&mut conn);
            let digest = conn.call("DEBUG DIGEST").text();
            assert_eq!(
                conn.call("BGREWRITEAOF").text(),
                "Background append only file rewriting started"
            );
            has_rewritten(&mut conn);
            assert_eq!(info(&mut conn, "aof_rewrites"), "1");
            assert_eq!(conn.call("DEBUG LOADAOF"), ok());
            assert_eq!(conn.call("DEBUG DIGEST").text(), digest, "{preamble}");
            conn.call("SET late 1");
            let digest = conn.call("DEBUG DIGEST").text();
            conn.send_command(&[b"SHUTDOWN"]).expect("sent");
            server.wait_exit();
            server.restart();
            let mut conn = server.conn();
            assert_eq!(conn.call("DEBUG DIGEST").text(), digest, "{preamble}");
            let left = conn.call("HPTTL hash FIELDS 1 f");
            assert!(left.elements()[0].int() > 0, "{left}");
        }
    });
}

#[test]
fn it_can_be_turned_on_and_off_at_run_time() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        conn.call("SET before 1");
        assert_eq!(info(&mut conn, "aof_enabled"), "0");
        assert_eq!(conn.call("CONFIG SET appendonly yes"), ok());
        conn.call("SET while 1");
        assert_eq!(info(&mut conn, "aof_enabled"), "1");
        wait_for(&mut conn, "aof_rewrites", "1");
        has_rewritten(&mut conn);
        conn.call("SET on 1");
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        assert_eq!(conn.call("CONFIG SET appendonly no"), ok());
        conn.call("SET off 1");
        assert!(conn.call("WAITAOF 1 0 0").is_error());
        assert_eq!(conn.call("CONFIG SET appendonly yes"), ok());
        wait_for(&mut conn, "aof_rewrites", "2");
        has_rewritten(&mut conn);
        conn.call("SET again 1");
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        let digest = conn.call("DEBUG DIGEST").text();
        assert_eq!(conn.call("DEBUG LOADAOF"), ok());
        assert_eq!(conn.call("DEBUG DIGEST").text(), digest);
        assert_eq!(conn.call("DBSIZE").int(), 5);
    });
}

#[test]
fn a_disk_that_fails_stops_writes_and_acknowledges_nothing() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes"), ("appendfsync", "always")]);
        server.conn().call("SET key old");
        server.stop();
        // Every write to it fails: no space left on device.
        let incr = server.dir().join("appendonlydir/appendonly.aof.1.incr.aof");
        std::fs::remove_file(&incr).expect("it is there");
        std::os::unix::fs::symlink("/dev/full", &incr).expect("a link");
        server.restart();
        let (mut writer, mut other) = (server.conn(), server.conn());
        writer
            .send_command(&[b"SET", b"key", b"new"])
            .expect("sent");
        let misconf = "MISCONF Errors writing to the AOF file: No space left on device";
        wait_until("the failure to be noticed", || {
            (info(&mut other, "aof_last_write_status") == "err").then_some(())
        });
        let refused = Value::Error(misconf.as_bytes().to_vec());
        assert_eq!(other.call("SET other 1"), refused);
        assert_eq!(other.call("MULTI"), ok());
        assert_eq!(other.call("SET other 1"), refused);
        assert!(other.call("EXEC").text().starts_with("EXECABORT"));
        // Others are served meanwhile.
        assert_eq!(other.call("EXISTS other").int(), 0);
        assert_eq!(other.call("ECHO there").text(), "there");
        // What was not kept is acknowledged when nobody wants it kept.
        assert_eq!(other.call("CONFIG SET appendonly no"), ok());
        assert_eq!(writer.read(), Ok(ok()));
        assert_eq!(info(&mut other, "aof_last_write_status"), "ok");
        assert_eq!(other.call("SET other 1"), ok());
    });
}

#[test]
fn the_one_file_of_older_versions_is_taken_over() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes"), ("appendfsync", "always")]);
        // When this is acknowledged the folder is there.
        assert_eq!(server.conn().call("SET first 1"), ok());
        server.stop();
        std::fs::remove_dir_all(server.dir().join("appendonlydir")).expect("it is there");
        let text = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nold\r\n";
        std::fs::write(server.dir().join("appendonly.aof"), text).expect("written");
        for _ in 0..2 {
            server.restart();
            let mut conn = server.conn();
            assert_eq!(conn.call("GET k").text(), "old");
            conn.call("INCR n");
        }
        let mut conn = server.conn();
        assert_eq!(conn.call("GET n").text(), "2");
        assert!(!server.dir().join("appendonly.aof").exists());
        conn.call("BGREWRITEAOF");
        has_rewritten(&mut conn);
        assert!(!server.dir().join("appendonlydir/appendonly.aof").exists());
        server.restart();
        assert_eq!(server.conn().call("GET n").text(), "2");
    });
}

#[test]
fn growth_asks_for_a_rewrite() {
    each_variant(|variant| {
        let directives = [
            ("appendonly", "yes"),
            ("auto-aof-rewrite-min-size", "20kb"),
            ("auto-aof-rewrite-percentage", "100"),
        ];
        let server = variant.own_server(&directives);
        let mut conn = server.conn();
        for _ in 0..300 {
            conn.call(&format!("SET k {}", "x".repeat(100)));
        }
        // One or two, as fast as the commands came.
        wait_until("a rewrite", || {
            (info(&mut conn, "aof_rewrites") != "0").then_some(())
        });
        wait_until("the file to be small", || {
            (info_number(&mut conn, "aof_current_size") < 20_000).then_some(())
        });
        has_rewritten(&mut conn);
    });
}

/// A real redis-server, if there is one, reads what we wrote.
#[test]
fn a_real_server_reads_our_files() {
    each_variant(|variant| {
        let directives = [("appendonly", "yes"), ("aof-timestamp-enabled", "yes")];
        let server = variant.own_server(&directives);
        let mut conn = server.conn();
        conn.call("MSET a 1 b 2 c 3 d 4");
        conn.call("BGREWRITEAOF");
        has_rewritten(&mut conn);
        conn.call("MSET e 1 f 2 g 3 h 4");
        conn.call("RENAME a i");
        conn.call("SELECT 2");
        conn.call("SET j 1");
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        let directives = [("appendonly", "yes"), ("aof-timestamp-enabled", "yes")];
        let Some(redis) = Server::redis_over(server.dir(), &directives) else {
            return;
        };
        let mut theirs = redis.conn();
        assert_eq!(theirs.call("DBSIZE").int(), 8);
        theirs.call("SELECT 2");
        assert_eq!(theirs.call("DBSIZE").int(), 1);
    });
}
