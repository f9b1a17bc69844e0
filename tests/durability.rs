//! Nothing acknowledged is lost: servers are killed at random moments, while clients count what was acknowledged.
//!
//! A kill takes what is in the process, not what the kernel has; that what is acknowledged is on the platter is shown
//! with a disk that loses it, in `src/server/aof/tests.rs`. What is shown here is that the process as a whole does not
//! tell before the writer knows.

#![expect(
    clippy::disallowed_types,
    reason = "clients are threads, and tell each other what they have seen"
)]

mod support;

use std::fs;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::clock::{self, RaiseAtEnd, wait_until};
use support::keys::{keys, times, usage};
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

/// What a client's transactions write besides: its number, and more of it than is written at once now and then.
fn blob(n: u64) -> String {
    let length = match n % 37 {
        36 => 150_000,
        some => some as usize * 3,
    };
    format!("{n}:{}", "x".repeat(length))
}

/// Writes until the server is gone: round `n` pushes `n` to a list of one shard; and in a transaction to two lists, and to
/// a string, whose shards differ as a rule.
fn write(
    address: SocketAddr,
    id: usize,
    first: u64,
    progress: &AtomicU64,
    gone: &AtomicBool,
) -> Told {
    let mut told = Told {
        sent: first,
        acknowledged: first,
        times: Vec::new(),
    };
    let Ok(mut conn) = Conn::open(address) else {
        return told;
    };
    let [solo, left, right, text] =
        ["solo", "left", "right", "blob"].map(|name| format!("{name}:{id}"));
    while !gone.load(Ordering::SeqCst) {
        let depth = 1 + (told.sent % 3);
        for n in told.sent..told.sent + depth {
            let (number, blob) = (n.to_string(), blob(n));
            let push = |list: &str| {
                ["RPUSH".to_owned(), list.to_owned(), number.clone()].map(String::into_bytes)
            };
            // Some of it may arrive whatever comes back.
            told.sent = n + 1;
            let mut bytes = Vec::new();
            support::resp::encode(&push(&solo), &mut bytes);
            support::resp::encode(&["MULTI"], &mut bytes);
            support::resp::encode(&push(&left), &mut bytes);
            support::resp::encode(&["SET", &text, &blob], &mut bytes);
            support::resp::encode(&push(&right), &mut bytes);
            support::resp::encode(&["EXEC"], &mut bytes);
            if conn.send(&bytes).is_err() {
                return told;
            }
        }
        for _ in 0..depth {
            for _ in 0..6 {
                match conn.read() {
                    Ok(value) => assert!(!value.is_error(), "{value}"),
                    Err(_) => return told,
                }
            }
            told.acknowledged += 1;
            told.times.push((clock::now(), told.acknowledged));
            progress.fetch_add(1, Ordering::SeqCst);
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

/// What the keys of a client say: how many rounds are in its list, and how many transactions were.
fn look(conn: &mut Conn, id: usize, what: &str) -> (u64, u64) {
    let [solo, left, right] =
        ["solo", "left", "right"].map(|name| length(conn, &format!("{name}:{id}")));
    assert_eq!(left, right, "{what}: half a transaction");
    let text = conn.call(&format!("GET blob:{id}"));
    match left.checked_sub(1) {
        Some(last) => assert!(
            text.text() == blob(last),
            "{what}: a third of a transaction"
        ),
        None => assert_eq!(text, Value::NullBulk, "{what}"),
    }
    (solo, left)
}

/// What else happens while clients write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Besides {
    Nothing,
    /// One rewrite after the other, each of which begins new files.
    Rewrites,
    /// One snapshot after the other.
    Saves,
    /// Both in turn.
    Both,
}

/// Rounds of writing and killing a server, of one kind.
struct Crashes {
    fsync: &'static str,
    /// How long before the kill something must have been acknowledged to have to be there; `None` if only what a
    /// snapshot has saved has to be there.
    may_lose: Option<Duration>,
    /// Rounds for each variant, unless the environment says how many.
    rounds: usize,
}

impl Crashes {
    fn run(&self) {
        let seed = seed();
        println!("seed {seed}");
        let rounds = match std::env::var("TESSERA_CRASH_ROUNDS") {
            Ok(text) => text.parse().expect("TESSERA_CRASH_ROUNDS is a number"),
            Err(_) => self.rounds,
        };
        let appendonly = if self.may_lose.is_some() { "yes" } else { "no" };
        let directives = [("appendonly", appendonly), ("appendfsync", self.fsync)];
        each_variant(|variant| {
            let mut rng = Rng::new(seed);
            // A sync that takes seconds would hold up what is to be written meanwhile.
            let mut options = Options {
                in_memory: self.fsync != "always",
                ..variant.options.clone()
            };
            for (name, value) in directives {
                options = options.with(name, value);
            }
            let mut server = Server::start(&options);
            let (mut known, mut sent) = ([0; CLIENTS], [0; CLIENTS]);
            let (mut all, started) = (0, clock::now());
            for round in 0..rounds {
                let besides = match rng.below(4) {
                    0 => Besides::Nothing,
                    1 if self.may_lose.is_some() => Besides::Rewrites,
                    2 if self.may_lose.is_some() => Besides::Both,
                    _ => Besides::Saves,
                };
                let (told, saved, killed) =
                    self.write_and_kill(&mut server, known, besides, &mut rng);
                self.load_and_kill(&mut server, &mut rng);
                server.restart();
                let mut conn = server.conn();
                for (id, told) in told.iter().enumerate() {
                    let what = format!(
                        "{}, seed {seed}, round {round}, {besides:?}, client {id}",
                        self.fsync
                    );
                    let (solo, left) = look(&mut conn, id, &what);
                    let due = match self.may_lose {
                        None => saved[id],
                        Some(Duration::ZERO) => told.acknowledged,
                        Some(time) => {
                            let old = |(at, _): &&(Instant, u64)| *at + time <= killed;
                            let due = told.times.iter().rfind(old);
                            due.map_or(known[id], |(_, n)| *n)
                        }
                    };
                    assert!(
                        left >= due && solo >= due,
                        "{what}: {solo}, {left} of {due}"
                    );
                    // What a round before has undone may be there again.
                    sent[id] = told.sent.max(sent[id]);
                    assert!(solo <= sent[id] && left <= sent[id], "{what}");
                    all += told.acknowledged - known[id];
                    known[id] = even_out(&mut conn, id, solo.min(left));
                }
            }
            let seconds = started.elapsed().as_secs_f64();
            println!(
                "{}, {}: {rounds} kills in {seconds:.1} s, {all} rounds acknowledged",
                variant.name, self.fsync
            );
        });
    }

    /// Returns what clients were told, what was saved before the last save that was completed, and when the end came.
    fn write_and_kill(
        &self,
        server: &mut Server,
        known: [u64; CLIENTS],
        besides: Besides,
        rng: &mut Rng,
    ) -> (Vec<Told>, [u64; CLIENTS], Instant) {
        let address = server.address();
        let progress: [AtomicU64; CLIENTS] = known.map(AtomicU64::new);
        let sum = || progress.iter().map(|n| n.load(Ordering::SeqCst)).sum();
        let before: u64 = sum();
        let goal = before + rng.below(120) as u64;
        // For what was acknowledged more than a second ago to exist.
        let is_long = self.fsync == "everysec" && rng.below(4) == 0;
        let until = clock::now() + Duration::from_millis(if is_long { 1300 } else { 0 });
        // Not always at the moment when something was acknowledged.
        let pause = Duration::from_micros(rng.below(8000) as u64);
        let gone = AtomicBool::new(false);
        let saved = Mutex::new(known);
        let (told, killed) = std::thread::scope(|scope| {
            let (progress, gone, saved) = (&progress, &gone, &saved);
            let _end = RaiseAtEnd(gone);
            let writers: Vec<_> = (0..CLIENTS)
                .map(|id| scope.spawn(move || write(address, id, known[id], &progress[id], gone)))
                .collect();
            scope.spawn(move || go_on_besides(address, besides, progress, saved, gone));
            wait_until("enough to be acknowledged", || {
                (sum() >= goal && clock::now() >= until).then_some(())
            });
            clock::spin(pause);
            let killed = clock::now();
            server.stop();
            gone.store(true, Ordering::SeqCst);
            let told: Vec<Told> = writers
                .into_iter()
                .map(|writer| writer.join().expect("a writer"))
                .collect();
            (told, killed)
        });
        (told, saved.into_inner().expect("nobody failed"), killed)
    }

    /// Starts the server, and kills it before it has loaded everything, or soon after.
    fn load_and_kill(&self, server: &mut Server, rng: &mut Rng) {
        for _ in 0..rng.below(3) {
            server.restart_without_waiting();
            clock::spin(Duration::from_micros(rng.below(60_000) as u64));
            server.stop();
        }
    }
}

/// Has all keys of a client say the same, and returns that: it goes on from there.
fn even_out(conn: &mut Conn, id: usize, known: u64) -> u64 {
    let lists = ["solo", "left", "right"].map(|name| format!("{name}:{id}"));
    match known.checked_sub(1) {
        Some(last) => {
            conn.call("MULTI");
            for list in &lists {
                conn.call(&format!("LTRIM {list} 0 {last}"));
            }
            conn.call(&format!("SET blob:{id} {}", blob(last)));
            conn.call("EXEC");
        }
        None => {
            conn.call(&format!("DEL {} blob:{id}", lists.join(" ")));
        }
    }
    known
}

/// Rewrites and saves until the server is gone. Notes what had been acknowledged before each save that was completed.
fn go_on_besides(
    address: SocketAddr,
    besides: Besides,
    progress: &[AtomicU64; CLIENTS],
    saved: &Mutex<[u64; CLIENTS]>,
    gone: &AtomicBool,
) {
    let Ok(mut conn) = Conn::open(address) else {
        return;
    };
    let mut ask = |command: &[&[u8]]| {
        conn.send_command(command).ok()?;
        conn.read().ok()
    };
    for turn in 0.. {
        if gone.load(Ordering::SeqCst) {
            return;
        }
        let (rewrites, saves) = match besides {
            Besides::Nothing => return,
            Besides::Rewrites => (true, false),
            Besides::Saves => (false, true),
            Besides::Both => (turn % 2 == 0, turn % 2 == 1),
        };
        if rewrites && ask(&[b"BGREWRITEAOF"]).is_none() {
            return;
        }
        if saves {
            let before = progress.each_ref().map(|n| n.load(Ordering::SeqCst));
            match ask(&[b"SAVE"]) {
                Some(reply) if reply == ok() => *saved.lock().expect("nobody failed") = before,
                // A rewrite is under way.
                Some(_) => {}
                None => return,
            }
        }
        clock::breathe();
    }
}

#[test]
fn with_always_nothing_acknowledged_is_lost() {
    Crashes {
        fsync: "always",
        may_lose: Some(Duration::ZERO),
        rounds: 8,
    }
    .run();
}

#[test]
fn with_everysec_nothing_older_than_a_second_is_lost() {
    Crashes {
        fsync: "everysec",
        may_lose: Some(Duration::from_secs(1)),
        rounds: 5,
    }
    .run();
}

#[test]
fn what_was_saved_is_there_whenever_the_server_is_killed() {
    Crashes {
        fsync: "no",
        may_lose: None,
        rounds: 5,
    }
    .run();
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
            let when = times(&mut conn, &[0, 5]);
            assert_eq!(
                conn.call("BGREWRITEAOF").text(),
                "Background append only file rewriting started"
            );
            has_rewritten(&mut conn);
            assert_eq!(info(&mut conn, "aof_rewrites"), "1");
            assert_eq!(conn.call("DEBUG LOADAOF"), ok());
            assert_eq!(info(&mut conn, "rdb_changes_since_last_save"), "0");
            assert_eq!(conn.call("DEBUG DIGEST").text(), digest, "{preamble}");
            assert_eq!(times(&mut conn, &[0, 5]), when, "{preamble}");
            conn.call("SET late 1 PX 7000000");
            let when = times(&mut conn, &[0, 5]);
            let digest = conn.call("DEBUG DIGEST").text();
            conn.send_command(&[b"SHUTDOWN"]).expect("sent");
            server.wait_exit();
            server.restart();
            let mut conn = server.conn();
            assert_eq!(conn.call("DEBUG DIGEST").text(), digest, "{preamble}");
            assert_eq!(times(&mut conn, &[0, 5]), when, "{preamble}");
        }
    });
}

/// Keys of all types, and fields, with times that commands of all kinds have set.
fn fill_times(conn: &mut Conn) {
    fill(conn);
    let all = keys(conn);
    for (n, key) in all.iter().enumerate() {
        let copy = conn.call(&format!("COPY {key} lasting:{key}"));
        assert_eq!(copy.int(), 1, "{key}");
        let commands = [
            format!("EXPIRE {key} {}", 100_000 + n),
            format!("PEXPIRE {key} {}", 200_000_000 + n),
            format!("EXPIREAT {key} {}", 9_999_999_000 + n),
            format!("PEXPIREAT {key} {}", 9_999_999_000_123_u64 + n as u64),
        ];
        conn.call(&commands[n % 4]);
    }
    for n in 0..200 {
        let command = match n % 5 {
            0 => format!("HEXPIRE large {} FIELDS 1 field:{n}", 100_000 + n),
            1 => format!("HPEXPIRE large {} FIELDS 1 field:{n}", 300_000_000 + n),
            2 => format!(
                "HEXPIREAT large {} FIELDS 1 field:{n}",
                9_999_990_000_u64 + n
            ),
            3 => format!(
                "HPEXPIREAT large {} FIELDS 1 field:{n}",
                9_999_990_000_777_u64 + n
            ),
            _ => continue,
        };
        let reply = conn.call(&command);
        assert_eq!(reply.elements()[0].int(), 1, "{command}: {reply}");
    }
    for command in [
        "HPERSIST large FIELDS 2 field:0 field:1",
        "HSET large field:2 again",
        "SET spare 1 EX 55555",
        "GETEX spare PX 44444444",
        "SETEX old 1000000 v",
        "RENAME old new",
        "PERSIST lasting:volatile",
        "SET kept 1 PX 33333333",
        "SET kept 2 KEEPTTL",
        "INCR kept",
    ] {
        let reply = conn.call(command);
        assert!(!reply.is_error(), "{command}: {reply}");
    }
}

/// Whichever way data go to the disk and come back, they go when they would have gone, and have been used as they were.
#[test]
fn times_and_usage_survive_as_data_do() {
    each_variant(|variant| {
        for (policy, word, preamble) in [
            ("allkeys-lru", "IDLETIME", "yes"),
            ("allkeys-lfu", "FREQ", "yes"),
            ("noeviction", "", "no"),
        ] {
            let directives = [
                ("appendonly", "yes"),
                ("aof-use-rdb-preamble", preamble),
                ("maxmemory-policy", policy),
                ("lfu-decay-time", "0"),
                ("auto-aof-rewrite-percentage", "0"),
            ];
            let mut server = variant.own_server(&directives);
            let mut conn = server.conn();
            fill_times(&mut conn);
            if !word.is_empty() {
                let keys = keys(&mut conn);
                for (n, key) in keys.iter().enumerate() {
                    let payload = conn.call(&format!("DUMP {key}"));
                    let time = conn.call(&format!("PEXPIRETIME {key}")).int().max(0);
                    let used = if word == "FREQ" {
                        20 + n
                    } else {
                        (n + 1) * 1000
                    };
                    let restored = conn.call_words(&[
                        b"RESTORE",
                        key.as_bytes(),
                        time.to_string().as_bytes(),
                        payload.bytes(),
                        b"REPLACE",
                        b"ABSTTL",
                        word.as_bytes(),
                        used.to_string().as_bytes(),
                    ]);
                    assert_eq!(restored, ok(), "{key}");
                }
            }
            let look = |conn: &mut Conn| {
                // Looking is no use.
                assert_eq!(conn.call("CLIENT NO-TOUCH ON"), ok());
                let usage = match word {
                    "" => Vec::new(),
                    word => usage(conn, word),
                };
                let digest = conn.call("DEBUG DIGEST").text();
                (digest, times(conn, &[0, 5]), usage)
            };
            let before = look(&mut conn);
            let is_same = |conn: &mut Conn, way: &str| {
                let after = look(conn);
                assert_eq!(after.0, before.0, "{policy}, {way}");
                assert_eq!(after.1, before.1, "{policy}, {way}");
                for (old, new) in before.2.iter().zip(&after.2) {
                    let differs = (new.1 - old.1).abs();
                    let may = if word == "FREQ" { 0 } else { 300 };
                    assert!(
                        old.0 == new.0 && differs <= may,
                        "{policy}, {way}: {old:?} {new:?}"
                    );
                }
            };
            let sync = |conn: &mut Conn| {
                assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
            };
            sync(&mut conn);
            server.restart();
            let mut conn = server.conn();
            is_same(&mut conn, "commands, and a kill");
            assert_eq!(conn.call("DEBUG RELOAD"), ok());
            is_same(&mut conn, "a snapshot");
            conn.call("BGREWRITEAOF");
            has_rewritten(&mut conn);
            assert_eq!(conn.call("DEBUG LOADAOF"), ok());
            is_same(&mut conn, "a rewrite");
            sync(&mut conn);
            server.restart();
            let mut conn = server.conn();
            is_same(&mut conn, "a rewrite, and a kill");
        }
    });
}

/// However close to each other the orders are, what is written afterwards reaches the disk.
#[test]
fn it_may_be_turned_off_and_on_in_one_breath() {
    each_variant(|variant| {
        let server = variant.own_server(&[("appendonly", "yes")]);
        let mut conn = server.conn();
        for round in 0..10 {
            let round = round.to_string();
            for words in [
                &[b"CONFIG".as_slice(), b"SET", b"appendonly", b"no"][..],
                &[b"CONFIG", b"SET", b"appendonly", b"yes"],
                &[b"SET", b"k", round.as_bytes()],
            ] {
                conn.send_command(words).expect("the server reads");
            }
            for _ in 0..3 {
                assert_eq!(conn.read().expect("a reply"), ok());
            }
            has_rewritten(&mut conn);
            conn.call("INCR counter");
            assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        }
        assert_eq!(conn.call("DEBUG LOADAOF"), ok());
        assert_eq!(conn.call("GET counter").text(), "10");
    });
}

/// What is in an increment whose base is not there yet would not be read by a start.
#[test]
fn waitaof_waits_for_the_first_base() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes")]);
        let mut conn = server.conn();
        conn.call("DEBUG POPULATE 1000 key 20");
        conn.call("CONFIG SET rdb-key-save-delay 10000000");
        assert_eq!(conn.call("CONFIG SET appendonly no"), ok());
        conn.call("SET b 1");
        assert_eq!(conn.call("CONFIG SET appendonly yes"), ok());
        conn.call("SET a 1");
        assert_eq!(conn.call("WAITAOF 1 0 300").elements()[0].int(), 0);
        assert_eq!(conn.call("MULTI"), ok());
        conn.call("WAITAOF 1 0 0");
        let replies = conn.call("EXEC");
        assert_eq!(replies.elements()[0].elements()[0].int(), 0);
        conn.send_command(&[b"WAITAOF", b"1", b"0", b"0"])
            .expect("sent");
        server.conn().call("CONFIG SET rdb-key-save-delay 0");
        let there = conn.read().expect("a reply");
        assert_eq!(there.elements()[0].int(), 1);
        server.restart();
        assert_eq!(server.conn().call("EXISTS a b").int(), 2);
    });
}

/// The growth that asks for a rewrite is that of the increments.
#[test]
fn a_start_counts_the_base_alone_as_the_base() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes")]);
        let mut conn = server.conn();
        let base = info(&mut conn, "aof_base_size");
        conn.call("SET k v");
        conn.send_command(&[b"SHUTDOWN"]).expect("sent");
        server.wait_exit();
        server.restart();
        let mut conn = server.conn();
        assert_eq!(info(&mut conn, "aof_base_size"), base);
        assert_ne!(info(&mut conn, "aof_current_size"), base);
    });
}

/// What was cut off is not counted: the file is as large as it is, and has not grown.
#[test]
fn a_start_that_cuts_a_tail_off_counts_what_is_left() {
    each_variant(|variant| {
        let directives = [
            ("appendonly", "yes"),
            ("auto-aof-rewrite-min-size", "1kb"),
            ("auto-aof-rewrite-percentage", "1000"),
        ];
        let mut server = variant.own_server(&directives);
        let mut conn = server.conn();
        conn.call("SET k v");
        conn.call("BGREWRITEAOF");
        has_rewritten(&mut conn);
        conn.call("SET k w");
        conn.send_command(&[b"SHUTDOWN"]).expect("sent");
        server.wait_exit();
        let folder = server.dir().join("appendonlydir");
        let path = |name: &str| folder.join(format!("appendonly.aof.2.{name}"));
        let length = |name: &str| fs::metadata(path(name)).expect("it is there").len();
        let (base, whole) = (length("base.rdb"), length("incr.aof"));
        let torn = format!(
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5000\r\n{}",
            "x".repeat(4000)
        );
        let mut incr = fs::read(path("incr.aof")).expect("it is there");
        incr.extend_from_slice(torn.as_bytes());
        fs::write(path("incr.aof"), incr).expect("written");
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("GET k").text(), "w");
        assert_eq!(length("incr.aof"), whole);
        assert_eq!(info_number(&mut conn, "aof_base_size"), base as i64);
        assert_eq!(
            info_number(&mut conn, "aof_current_size"),
            (base + whole) as i64
        );
        assert_eq!(info(&mut conn, "aof_rewrites"), "0");
        assert_eq!(info(&mut conn, "aof_rewrite_scheduled"), "0");
    });
}

#[test]
fn a_rewrite_without_a_folder_is_refused() {
    each_variant(|variant| {
        let server = variant.own_server(&[("appendonly", "yes")]);
        let mut conn = server.conn();
        let folder = server.dir().join("appendonlydir");
        fs::rename(&folder, server.dir().join("moved")).expect("moved");
        fs::write(&folder, "a file").expect("written");
        let refused = conn.call("BGREWRITEAOF").text();
        assert_eq!(
            refused,
            "ERR Can't execute an AOF background rewriting. Please check the server logs for more information."
        );
        assert_eq!(info(&mut conn, "aof_last_bgrewrite_status"), "err");
        server.wait_log(&["Can't open or create append-only dir appendonlydir: File exists"]);
        fs::remove_file(&folder).expect("removed");
        conn.call("BGREWRITEAOF");
        has_rewritten(&mut conn);
    });
}

#[test]
fn a_rewrite_that_is_due_and_cannot_begin_is_told() {
    each_variant(|variant| {
        let server = variant.own_server(&[
            ("appendonly", "yes"),
            ("auto-aof-rewrite-percentage", "0"),
            ("auto-aof-rewrite-min-size", "1"),
        ]);
        let mut conn = server.conn();
        conn.call("SET k v");
        fs::remove_dir_all(server.dir().join("appendonlydir")).expect("removed");
        fs::remove_dir_all(server.dir()).expect("removed");
        assert_eq!(info(&mut conn, "aof_last_bgrewrite_status"), "ok");
        conn.call("CONFIG SET auto-aof-rewrite-percentage 1");
        conn.call("SET k w");
        wait_for(&mut conn, "aof_last_bgrewrite_status", "err");
        assert_eq!(info(&mut conn, "aof_rewrite_in_progress"), "0");
    });
}

/// A rewrite after CONFIG SET dir makes all files in the new folder; until then they go on where they are.
#[test]
fn a_rewrite_follows_the_folder() {
    each_variant(|variant| {
        let directives = [
            ("appendonly", "yes"),
            ("enable-protected-configs", "yes"),
            ("aof-use-rdb-preamble", "no"),
        ];
        let mut server = variant.own_server(&directives);
        let mut conn = server.conn();
        let other = server.dir().join("other");
        fs::create_dir(&other).expect("made");
        let home = server.dir().display().to_string();
        let set_dir = |conn: &mut Conn, dir: &str| {
            assert_eq!(conn.call(&format!("CONFIG SET dir {dir}")), ok());
        };
        conn.call("SET a 1");
        set_dir(&mut conn, other.to_str().expect("text"));
        server.wait_log(&["The append-only files stay in"]);
        conn.call("INCR n");
        assert!(!other.join("appendonlydir").exists());
        assert_eq!(conn.call("DEBUG LOADAOF"), ok());
        assert_eq!(conn.call("MGET a n").to_string(), "[\"1\", \"1\"]");
        // While the base is being made what is written is still found from the old folder.
        conn.call("CONFIG SET rdb-key-save-delay 10000000");
        conn.call("BGREWRITEAOF");
        conn.call("INCR n");
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        server.restart();
        let mut conn = server.conn();
        assert_eq!(conn.call("MGET a n").to_string(), "[\"1\", \"2\"]");
        set_dir(&mut conn, other.to_str().expect("text"));
        conn.call("BGREWRITEAOF");
        conn.call("INCR n");
        has_rewritten(&mut conn);
        conn.call("INCR n");
        assert_eq!(conn.call("DEBUG LOADAOF"), ok());
        assert_eq!(conn.call("MGET a n").to_string(), "[\"1\", \"4\"]");
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        // The configured folder has it all, for whoever starts there.
        if let Some(redis) = Server::redis_over(&other, &[("appendonly", "yes")]) {
            let mut theirs = redis.conn();
            assert_eq!(theirs.call("MGET a n").to_string(), "[\"1\", \"4\"]");
        }
        // And back, with a rename of the folder that is written to.
        let moved = server.dir().join("moved");
        fs::rename(&other, &moved).expect("moved");
        set_dir(&mut conn, moved.to_str().expect("text"));
        conn.call("BGREWRITEAOF");
        has_rewritten(&mut conn);
        conn.call("INCR n");
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        set_dir(&mut conn, &home);
        conn.call("BGREWRITEAOF");
        has_rewritten(&mut conn);
        conn.call("INCR n");
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        server.restart();
        assert_eq!(server.conn().call("MGET a n").to_string(), "[\"1\", \"6\"]");
    });
}

/// With the file off a rewrite leaves a base in the folder of the settings, too.
#[test]
fn a_rewrite_while_it_is_off_follows_the_folder() {
    each_variant(|variant| {
        let server = variant.own_server(&[("enable-protected-configs", "yes")]);
        let mut conn = server.conn();
        conn.call("SET a 1");
        let other = server.dir().join("other");
        fs::create_dir(&other).expect("made");
        let dir = format!("CONFIG SET dir {}", other.display());
        assert_eq!(conn.call(&dir), ok());
        conn.call("BGREWRITEAOF");
        has_rewritten(&mut conn);
        assert!(other.join("appendonlydir/appendonly.aof.manifest").exists());
        assert_eq!(conn.call("DEBUG LOADAOF"), ok());
        assert_eq!(conn.call("GET a").text(), "1");
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
        fs::remove_file(&incr).expect("it is there");
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
fn what_was_written_before_always_was_asked_for_is_synced_as_well() {
    each_variant(|variant| {
        for before in ["no", "everysec"] {
            let server = variant.own_server(&[("appendonly", "yes"), ("appendfsync", before)]);
            let mut conn = server.conn();
            // Nobody changes anything afterwards, so there is nothing else to sync.
            assert_eq!(conn.call("SET k v"), ok());
            assert_eq!(conn.call("CONFIG SET appendfsync always"), ok());
            assert_eq!(conn.call("GET k").text(), "v");
        }
    });
}

#[test]
fn the_one_file_of_older_versions_is_taken_over() {
    each_variant(|variant| {
        let mut server = variant.own_server(&[("appendonly", "yes"), ("appendfsync", "always")]);
        // When this is acknowledged the folder is there.
        assert_eq!(server.conn().call("SET first 1"), ok());
        server.stop();
        fs::remove_dir_all(server.dir().join("appendonlydir")).expect("it is there");
        let text = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nold\r\n";
        fs::write(server.dir().join("appendonly.aof"), text).expect("written");
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
