//! Several clients at once: is there one order of all commands that explains every reply?
//!
//! Clients record what they sent and saw; `tessera::sim::checker` judges the history (strict
//! serialisability and the order of each connection's pipeline). A key holds a list, written with
//! `APPEND key "value,"` and read with GET or MGET, so that a read tells the order of all writes before it.
//! Beside the recorded histories stand small invariants whose violation is easier to read.

mod support;

use std::net::SocketAddr;
use std::time::Instant;

use support::check::on_every_server;
use support::resp::encode;
use support::rng::{Rng, seed};
use support::{Conn, Value, clock, ok};
use tessera::sim::checker;
use tessera::sim::history::{History, Transaction};

/// One transaction, as the client meant it and as its replies will be read.
enum Sent {
    /// APPEND: `a:key:value`.
    Append(String, u64),
    /// GET or MGET.
    Read(Vec<String>),
    /// MULTI .. EXEC; `guard` are the keys watched and read before it, in the same pipeline.
    Exec { guard: Vec<String>, body: Vec<Sent> },
    /// A command over two shards within MULTI that changes nothing anyone looks at: the transaction is then run
    /// by one shard over all of them, and its other commands with it.
    CopyAside(String),
    /// Reads a key by way of a copy on another key: COPY or BITOP, then GET, within MULTI.
    ReadByCopy(&'static str, String),
    /// Moves a key away and back within MULTI: nobody may see it missing.
    RenameBothWays(String),
    /// MSETNX of fresh keys: writes both or none.
    WriteOnce(Vec<(String, u64)>),
}

/// What the workload looks like.
struct Plan {
    clients: u32,
    rounds: usize,
    /// Transactions sent at once, at most.
    depth: usize,
    keys: usize,
}

fn key(rng: &mut Rng, plan: &Plan) -> String {
    format!("list:{}", rng.below(plan.keys))
}

fn distinct_keys(rng: &mut Rng, plan: &Plan, most: usize) -> Vec<String> {
    let mut keys: Vec<String> = (0..1 + rng.below(most)).map(|_| key(rng, plan)).collect();
    keys.sort();
    keys.dedup();
    keys
}

/// One client: sends pipelines of random transactions and records them as history lines.
fn client(address: SocketAddr, id: u32, seed: u64, plan: &Plan, epoch: Instant) -> Vec<String> {
    let mut rng = Rng::new(seed ^ (u64::from(id) << 32));
    let mut conn = Conn::open(address).expect("the server listens");
    let mut lines = Vec::new();
    let mut next_value = u64::from(id) * 1_000_000;
    let mut value = || {
        next_value += 1;
        next_value
    };
    for _ in 0..plan.rounds {
        let batch: Vec<Sent> = (0..1 + rng.below(plan.depth))
            .map(|_| match rng.below(12) {
                0..3 => Sent::Append(key(&mut rng, plan), value()),
                3 => Sent::Read(vec![key(&mut rng, plan)]),
                4..6 => Sent::Read(distinct_keys(&mut rng, plan, 5)),
                6..9 => {
                    let guard = match rng.below(2) {
                        0 => Vec::new(),
                        _ => distinct_keys(&mut rng, plan, 3),
                    };
                    let body = (0..1 + rng.below(5))
                        .map(|_| match rng.below(7) {
                            0..2 => Sent::Read(distinct_keys(&mut rng, plan, 5)),
                            2 => Sent::CopyAside(key(&mut rng, plan)),
                            _ => Sent::Append(key(&mut rng, plan), value()),
                        })
                        .collect();
                    Sent::Exec { guard, body }
                }
                9 => {
                    let how = ["COPY", "BITOP"][rng.below(2)];
                    Sent::ReadByCopy(how, key(&mut rng, plan))
                }
                10 => Sent::RenameBothWays(key(&mut rng, plan)),
                _ => {
                    let mut keys: Vec<String> = (0..1 + rng.below(3))
                        .map(|_| format!("once:{}", rng.below(200)))
                        .collect();
                    keys.sort();
                    keys.dedup();
                    Sent::WriteOnce(keys.into_iter().map(|key| (key, value())).collect())
                }
            })
            .collect();
        let mut bytes = Vec::new();
        for sent in &batch {
            request(id, sent, &mut bytes);
        }
        let call = epoch.elapsed().as_nanos();
        conn.send(&bytes).expect("the server reads");
        for sent in &batch {
            let ops = replies(&mut conn, sent);
            let ret = epoch.elapsed().as_nanos();
            if !ops.is_empty() {
                lines.push(format!("{id} {call} {ret} {}", ops.join(" ")));
            }
        }
    }
    lines
}

fn request(id: u32, sent: &Sent, out: &mut Vec<u8>) {
    let command = |words: &[&str], out: &mut Vec<u8>| encode(words, out);
    match sent {
        Sent::Append(key, value) => command(&["APPEND", key, &format!("{value},")], out),
        Sent::Read(keys) if keys.len() == 1 => command(&["GET", &keys[0]], out),
        Sent::Read(keys) => {
            let mut words = vec!["MGET"];
            words.extend(keys.iter().map(String::as_str));
            command(&words, out);
        }
        Sent::Exec { guard, body } => {
            if !guard.is_empty() {
                let mut words = vec!["WATCH"];
                words.extend(guard.iter().map(String::as_str));
                command(&words, out);
                words[0] = "MGET";
                command(&words, out);
            }
            command(&["MULTI"], out);
            for sent in body {
                request(id, sent, out);
            }
            command(&["EXEC"], out);
        }
        Sent::ReadByCopy(how, key) => {
            let copy = format!("copy:{id}");
            command(&["MULTI"], out);
            if *how == "COPY" {
                command(&["COPY", key, &copy, "REPLACE"], out);
            } else {
                command(&["BITOP", "OR", &copy, key], out);
            }
            command(&["GET", &copy], out);
            command(&["DEL", &copy], out);
            command(&["EXEC"], out);
        }
        Sent::CopyAside(key) => command(&["COPY", key, &format!("aside:{id}"), "REPLACE"], out),
        Sent::RenameBothWays(key) => {
            let away = format!("away:{id}");
            command(&["MULTI"], out);
            command(&["RENAME", key, &away], out);
            command(&["RENAME", &away, key], out);
            command(&["EXEC"], out);
        }
        Sent::WriteOnce(pairs) => {
            let values: Vec<String> = pairs.iter().map(|(_, value)| format!("{value},")).collect();
            let mut words = vec!["MSETNX"];
            for ((key, _), value) in pairs.iter().zip(&values) {
                words.extend([key.as_str(), value.as_str()]);
            }
            command(&words, out);
        }
    }
}

/// Reads the replies of one transaction; its operations in the checker's notation.
fn replies(conn: &mut Conn, sent: &Sent) -> Vec<String> {
    let mut read = || conn.read().expect("a reply");
    match sent {
        Sent::Append(..) | Sent::Read(_) | Sent::CopyAside(_) => operations(sent, &read()),
        Sent::Exec { guard, body } => {
            let mut ops = Vec::new();
            if !guard.is_empty() {
                assert_eq!(read(), ok());
                // What was read under WATCH is still so at EXEC, if EXEC does not abort.
                ops = operations(
                    &Sent::Read(guard.clone()),
                    &Value::Array(read().elements().to_vec()),
                );
            }
            assert_eq!(read(), ok());
            for _ in body {
                assert_eq!(read(), Value::Simple(b"QUEUED".to_vec()));
            }
            match read() {
                Value::NullArray => {
                    assert!(!guard.is_empty(), "nothing watched, yet aborted");
                    Vec::new()
                }
                Value::Array(values) => {
                    for (sent, value) in body.iter().zip(&values) {
                        ops.extend(operations(sent, value));
                    }
                    ops
                }
                other => panic!("EXEC => {other}"),
            }
        }
        Sent::ReadByCopy(_, key) => {
            for _ in 0..4 {
                read();
            }
            let result = read();
            operations(&Sent::Read(vec![key.clone()]), &result.elements()[1])
        }
        Sent::RenameBothWays(_) => {
            for _ in 0..3 {
                read();
            }
            let result = read();
            let both = result.elements();
            assert_eq!(
                both[0].is_error(),
                both[1].is_error(),
                "half a move: {result}"
            );
            Vec::new()
        }
        Sent::WriteOnce(pairs) => match read().int() {
            0 => Vec::new(),
            _ => {
                let empty = pairs.iter().map(|(key, _)| format!("r:{key}:"));
                let written = pairs.iter().map(|(key, value)| format!("a:{key}:{value}"));
                empty.chain(written).collect()
            }
        },
    }
}

fn operations(sent: &Sent, reply: &Value) -> Vec<String> {
    let list = |value: &Value| value.text().trim_end_matches(',').to_string();
    match sent {
        Sent::Append(key, value) => {
            assert!(matches!(reply, Value::Int(_)), "APPEND => {reply}");
            vec![format!("a:{key}:{value}")]
        }
        Sent::Read(keys) => {
            let single = [reply.clone()];
            let values = match reply {
                Value::Array(values) => &values[..],
                _ => &single[..],
            };
            assert_eq!(values.len(), keys.len(), "{reply}");
            keys.iter()
                .zip(values)
                .map(|(key, value)| format!("r:{key}:{}", list(value)))
                .collect()
        }
        Sent::CopyAside(_) => {
            assert!(matches!(reply, Value::Int(0 | 1)), "COPY => {reply}");
            Vec::new()
        }
        _ => unreachable!("only these stand alone in a transaction"),
    }
}

/// Runs the plan against one server.
fn record(address: SocketAddr, seed: u64, plan: &Plan) -> String {
    let epoch = clock::now();
    let lines: Vec<Vec<String>> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..plan.clients)
            .map(|id| scope.spawn(move || client(address, id, seed, plan, epoch)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().expect("a client"))
            .collect()
    });
    // At the end somebody reads everything, so that every write is somewhere in the order.
    let mut conn = Conn::open(address).expect("the server listens");
    let mut lines: Vec<String> = lines.concat();
    let keys: Vec<String> = (0..plan.keys).map(|i| format!("list:{i}")).collect();
    let call = epoch.elapsed().as_nanos();
    let mut bytes = Vec::new();
    let all = Sent::Read(keys);
    request(plan.clients, &all, &mut bytes);
    conn.send(&bytes).expect("the server reads");
    let ops = replies(&mut conn, &all);
    lines.push(format!(
        "{} {call} {} {}",
        plan.clients,
        epoch.elapsed().as_nanos(),
        ops.join(" ")
    ));
    lines.join("\n")
}

fn judge(text: &str, seed: u64) -> checker::Verdict {
    let history = History::parse(text).expect("the recorder writes what the checker reads");
    match checker::check(&history) {
        Ok(verdict) => verdict,
        Err(violation) => {
            let path = support::process::fresh_dir().join("history.txt");
            std::fs::write(&path, text).expect("the temporary folder is writable");
            panic!(
                "seed {seed}: {}\nthe history is in {}",
                checker::explain(&history, &violation),
                path.display()
            );
        }
    }
}

#[test]
fn histories_are_strictly_serializable() {
    let seed = seed();
    for (number, plan) in [
        // Many clients with short pipelines, few keys: contention.
        Plan {
            clients: 16,
            rounds: 120,
            depth: 2,
            keys: 6,
        },
        // Long pipelines: order within a connection.
        Plan {
            clients: 4,
            rounds: 40,
            depth: 60,
            keys: 12,
        },
        // Many keys: most commands meet another shard.
        Plan {
            clients: 8,
            rounds: 150,
            depth: 8,
            keys: 200,
        },
    ]
    .into_iter()
    .enumerate()
    {
        on_every_server(|server| {
            let text = record(server.address(), seed + number as u64, &plan);
            let verdict = judge(&text, seed);
            assert!(verdict.transactions > 500, "{verdict:?}");
        });
    }
}

/// The judge must not be blind: one value taken out of one read is noticed.
#[test]
fn a_forged_history_is_noticed() {
    on_every_server(|server| {
        let seed = seed();
        let plan = Plan {
            clients: 4,
            rounds: 50,
            depth: 4,
            keys: 4,
        };
        let text = record(server.address(), seed, &plan);
        let mut history = History::parse(&text).expect("it reads back");
        let read = |transaction: &Transaction| {
            transaction.ops.iter().position(
                |op| matches!(op, tessera::sim::history::Op::Read(_, Some(list)) if list.len() > 5),
            )
        };
        let at = history
            .transactions
            .iter()
            .position(|t| read(t).is_some())
            .expect("a long read");
        let op = read(&history.transactions[at]).expect("just found");
        if let tessera::sim::history::Op::Read(_, Some(list)) =
            &mut history.transactions[at].ops[op]
        {
            list.remove(2);
        }
        assert!(checker::check(&history).is_err(), "seed {seed}");
    });
}

/// Runs `writers` and `readers` side by side until each reader has looked `looks` times.
fn side_by_side(
    address: SocketAddr,
    looks: usize,
    writer: impl Fn(&mut Conn, u64) + Sync,
    reader: impl Fn(&mut Conn) + Sync,
) {
    use std::sync::atomic::{AtomicBool, Ordering};
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for id in 0..2u64 {
            let (over, writer) = (&over, &writer);
            scope.spawn(move || {
                let mut conn = Conn::open(address).expect("the server listens");
                let mut turn = id;
                while !over.load(Ordering::Relaxed) {
                    writer(&mut conn, turn);
                    turn += 2;
                }
            });
        }
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let reader = &reader;
                scope.spawn(move || {
                    let mut conn = Conn::open(address).expect("the server listens");
                    for _ in 0..looks {
                        reader(&mut conn);
                    }
                })
            })
            .collect();
        let results: Vec<_> = readers.into_iter().map(|reader| reader.join()).collect();
        over.store(true, Ordering::Relaxed);
        for result in results {
            result.expect("a reader");
        }
    });
}

const SPREAD: &str = "k1 k2 k3 k4 k5 k6 k7 k8 k9 k10";

fn all_the_same(values: &Value) {
    let values = values.elements();
    assert!(
        values.iter().all(|value| *value == values[0]),
        "seen in part: {values:?}"
    );
}

fn mset(value: u64) -> String {
    let pairs: Vec<String> = SPREAD
        .split(' ')
        .map(|key| format!("{key} {value}"))
        .collect();
    format!("MSET {}", pairs.join(" "))
}

#[test]
fn mset_is_never_seen_in_part() {
    on_every_server(|server| {
        side_by_side(
            server.address(),
            700,
            |conn, turn| {
                conn.call(&mset(turn));
            },
            |conn| all_the_same(&conn.call(&format!("MGET {SPREAD}"))),
        );
    });
}

#[test]
fn deletion_and_flush_are_never_seen_in_part() {
    on_every_server(|server| {
        side_by_side(
            server.address(),
            700,
            |conn, turn| {
                conn.call(&mset(1));
                conn.call(match turn % 3 {
                    0 => "FLUSHALL",
                    1 => "FLUSHDB ASYNC",
                    _ => "DEL k1 k2 k3 k4 k5 k6 k7 k8 k9 k10",
                });
            },
            |conn| {
                let found = conn.call(&format!("EXISTS {SPREAD}")).int();
                assert!(found == 0 || found == 10, "{found} of 10 keys");
                let size = conn.call("DBSIZE").int();
                assert!(size == 0 || size == 10, "{size} of 10 keys");
                let found = conn.call("KEYS *").elements().len();
                assert!(found == 0 || found == 10, "{found} of 10 keys");
                all_the_same(&conn.call(&format!("MGET {SPREAD}")));
            },
        );
    });
}

#[test]
fn transactions_are_never_seen_in_part() {
    on_every_server(|server| {
        let mut conn = server.conn();
        conn.call(&mset(0));
        side_by_side(
            server.address(),
            500,
            |conn, _| {
                let mut bytes = b"MULTI\r\n".to_vec();
                for key in SPREAD.split(' ') {
                    bytes.extend_from_slice(format!("INCR {key}\r\n").as_bytes());
                }
                bytes.extend_from_slice(b"EXEC\r\n");
                conn.send(&bytes).expect("the server reads");
                for _ in 0..11 {
                    conn.read().expect("a reply");
                }
                all_the_same(&conn.read().expect("EXEC's reply"));
            },
            |conn| {
                all_the_same(&conn.call(&format!("MGET {SPREAD}")));
                conn.send(b"MULTI\r\nGET k1\r\nGET k2\r\nGET k9\r\nEXEC\r\n")
                    .expect("reads");
                for _ in 0..4 {
                    conn.read().expect("a reply");
                }
                all_the_same(&conn.read().expect("EXEC's reply"));
            },
        );
    });
}

#[test]
fn a_renamed_key_is_always_somewhere() {
    on_every_server(|server| {
        server.conn().call("SET spot:0 token");
        let spots = "spot:0 spot:1 spot:2 spot:3 spot:4 spot:5 spot:6 spot:7";
        side_by_side(
            server.address(),
            700,
            |conn, turn| {
                let (from, to) = (turn % 8, (turn / 8 + turn + 1) % 8);
                conn.call(&format!("RENAME spot:{from} spot:{to}"));
            },
            |conn| {
                let reply = conn.call(&format!("MGET {spots}"));
                let found = reply
                    .elements()
                    .iter()
                    .filter(|v| **v != Value::NullBulk)
                    .count();
                assert_eq!(found, 1, "the token is here: {reply}");
                assert_eq!(conn.call(&format!("EXISTS {spots}")), Value::Int(1));
            },
        );
    });
}

#[test]
fn databases_are_swapped_at_once() {
    on_every_server(|server| {
        let mut conn = server.conn();
        conn.call(&mset(0));
        conn.call("SELECT 1");
        conn.call(&mset(1));
        side_by_side(
            server.address(),
            500,
            |conn, _| {
                conn.call("SWAPDB 0 1");
            },
            |conn| all_the_same(&conn.call(&format!("MGET {SPREAD}"))),
        );
    });
}

#[test]
fn watched_transfers_lose_nothing() {
    on_every_server(|server| {
        let mut conn = server.conn();
        for account in 0..8 {
            conn.call(&format!("SET account:{account} 100"));
        }
        let address = server.address();
        let seed = seed();
        std::thread::scope(|scope| {
            for id in 0..6 {
                scope.spawn(move || {
                    let mut rng = Rng::new(seed + id);
                    let mut conn = Conn::open(address).expect("the server listens");
                    let mut done = 0;
                    while done < 60 {
                        let from = rng.below(8);
                        let to = (from + 1 + rng.below(7)) % 8;
                        conn.call(&format!("WATCH account:{from} account:{to}"));
                        let balances = conn.call(&format!("MGET account:{from} account:{to}"));
                        let balance = |i: usize| -> i64 {
                            balances.elements()[i].text().parse().expect("a number")
                        };
                        let amount = 1 + rng.below(10) as i64;
                        conn.call("MULTI");
                        conn.call(&format!("SET account:{from} {}", balance(0) - amount));
                        conn.call(&format!("SET account:{to} {}", balance(1) + amount));
                        if conn.call("EXEC") != Value::NullArray {
                            done += 1;
                        }
                    }
                });
            }
        });
        let keys: Vec<String> = (0..8).map(|i| format!("account:{i}")).collect();
        let balances = conn.call(&format!("MGET {}", keys.join(" ")));
        let sum: i64 = balances
            .elements()
            .iter()
            .map(|v| v.text().parse::<i64>().expect("a number"))
            .sum();
        assert_eq!(sum, 800, "seed {seed}: {balances}");
    });
}

#[test]
fn increments_are_counted_once() {
    on_every_server(|server| {
        let address = server.address();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(move || {
                    let mut conn = Conn::open(address).expect("the server listens");
                    for _ in 0..50 {
                        let mut bytes = Vec::new();
                        for i in 0..20 {
                            encode(
                                &["INCR".to_string(), format!("counter:{}", i % 5)],
                                &mut bytes,
                            );
                        }
                        conn.send(&bytes).expect("the server reads");
                        let mut last = [0; 5];
                        for i in 0..20 {
                            let now = conn.read().expect("a reply").int();
                            assert!(
                                now > last[i % 5],
                                "counter went from {} to {now}",
                                last[i % 5]
                            );
                            last[i % 5] = now;
                        }
                    }
                });
            }
        });
        let mut conn = server.conn();
        for i in 0..5 {
            assert_eq!(conn.call(&format!("GET counter:{i}")).text(), "1600");
        }
    });
}
