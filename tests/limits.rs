//! Bounds: connections, idle time, buffers, memory. Reaching one is a path like any other.

mod support;

use std::time::Duration;

use support::clock;
use support::process::open_files_limit;
use support::resp::encode;
use support::rng::{self, Rng};
use support::{Conn, Options, ReadError, Server, Value, each_variant, info_number, ok, peer};

const MIB: i64 = 1024 * 1024;

#[test]
fn one_client_too_many_is_told_so() {
    each_variant(|variant| {
        let server = variant.own_server(&[("maxclients", "8")]);
        clock::wait_until("the start-up probe to be counted out", || {
            let mut conn = server.conn();
            conn.send_command(&[b"INFO", b"clients"]).ok()?;
            conn.read()
                .ok()?
                .text()
                .contains("connected_clients:1\r\n")
                .then_some(())
        });
        clock::wait_until("the last probe to be gone", || {
            let mut conns: Vec<Conn> = (0..8).map(|_| server.conn()).collect();
            for conn in &mut conns {
                let pong = conn.send_command(&[b"PING"]).map(|()| conn.read());
                if !matches!(pong, Ok(Ok(Value::Simple(_)))) {
                    return None;
                }
            }
            let mut extra = server.conn();
            let refused = Value::Error(b"ERR max number of clients reached".to_vec());
            assert_eq!(extra.read(), Ok(refused.clone()));
            assert_eq!(extra.read(), Err(ReadError::Closed));
            assert_eq!(conns[0].call("CONFIG SET maxclients 9"), ok());
            let mut ninth = server.conn();
            assert_eq!(ninth.call("PING").text(), "PONG");
            assert_eq!(server.conn().read(), Ok(refused));
            assert!(info_number(&mut ninth, "rejected_connections") >= 2);
            Some(())
        });
    });
}

/// Ten thousand clients that say nothing cost little and are all still there afterwards.
#[test]
fn ten_thousand_idle_connections() {
    const COUNT: usize = 10_000;
    let files = open_files_limit();
    if files < COUNT as u64 + 200 {
        eprintln!("SKIPPED: only {files} open files allowed, {COUNT} connections need more");
        return;
    }
    each_variant(|variant| {
        let server = variant.own_server(&[("maxclients", "10100")]);
        let mut neighbour = server.conn();
        neighbour.call("PING");
        let before = server.resident_bytes();
        let mut conns: Vec<Conn> = (0..COUNT).map(|_| server.conn()).collect();
        clock::wait_until("all to be accepted", || {
            (info_number(&mut neighbour, "connected_clients") == COUNT as i64 + 1).then_some(())
        });
        let each = server.resident_bytes().saturating_sub(before) / COUNT as u64;
        assert!(each < 16 * 1024, "an idle connection costs {each} bytes");
        for conn in conns.iter_mut().step_by(97) {
            assert_eq!(conn.call("PING").text(), "PONG");
        }
        // A burst from everyone at once.
        for conn in &mut conns {
            conn.send(b"INCR n\r\n").expect("the server reads");
        }
        let mut seen: Vec<i64> = conns
            .iter_mut()
            .map(|conn| conn.read().expect("n").int())
            .collect();
        seen.sort_unstable();
        assert!(
            seen.iter().copied().eq(1..=COUNT as i64),
            "every INCR counted once"
        );
        drop(conns);
        clock::wait_until("all to be gone", || {
            (info_number(&mut neighbour, "connected_clients") == 1).then_some(())
        });
    });
}

/// With few file descriptors the server refuses clients and lives on.
#[test]
fn running_out_of_file_descriptors() {
    each_variant(|variant| {
        let options = Options {
            open_files: Some(100),
            ..variant.options.clone()
        };
        let server = Server::start(&options);
        let mut neighbour = server.conn();
        assert_eq!(neighbour.call("PING").text(), "PONG");
        let mut conns: Vec<Conn> = (0..150).map(|_| server.conn()).collect();
        assert_eq!(neighbour.call("PING").text(), "PONG");
        drop(conns.drain(..));
        clock::wait_until("a new client to be served again", || {
            let mut conn = server.conn();
            conn.patience = Duration::from_millis(500);
            conn.send_command(&[b"PING"]).ok()?;
            (conn.read() == Ok(Value::Simple(b"PONG".to_vec()))).then_some(())
        });
    });
}

#[test]
fn idle_clients_are_closed_after_the_timeout() {
    each_variant(|variant| {
        let server = variant.own_server(&[("timeout", "2")]);
        let mut idle = server.conn();
        assert_eq!(idle.call("PING").text(), "PONG");
        let mut busy = server.conn();
        clock::wait_until("the idle client to be closed", || {
            assert_eq!(busy.call("PING").text(), "PONG", "a busy client stays");
            let silent = idle.is_silent_for(Duration::from_millis(1));
            (!silent).then_some(())
        });
        assert_eq!(idle.read(), Err(ReadError::Closed));
    });
}

#[test]
fn a_query_beyond_its_limit_ends_the_connection() {
    each_variant(|variant| {
        let mut shared = variant.lock();
        let server = shared.server();
        let mut neighbour = server.conn();
        assert_eq!(
            neighbour.call("CONFIG SET client-query-buffer-limit 1mb"),
            ok()
        );
        // One argument that is too long.
        let mut conn = server.conn();
        let mut bytes = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\n".to_vec();
        bytes.extend_from_slice(&[b'x'; 3_000_000]);
        let _ = conn.send(&bytes);
        assert_eq!(conn.read(), Err(ReadError::Closed));
        // A transaction that is too long (7.2 does not count the queue).
        let mut conn = server.conn();
        assert_eq!(conn.call("MULTI"), ok());
        let mut bytes = Vec::new();
        for _ in 0..100 {
            encode(&["SET", "k", &"x".repeat(30_000)], &mut bytes);
        }
        if peer().is_none() {
            let _ = conn.send(&bytes);
        } else {
            conn.send_command(&[b"QUIT"]).expect("the server reads");
            conn.read().expect("OK");
        }
        let queued = Value::Simple(b"QUEUED".to_vec());
        let end = std::iter::repeat_with(|| conn.read()).find(|reply| *reply != Ok(queued.clone()));
        assert_eq!(end, Some(Err(ReadError::Closed)));
        assert_eq!(
            neighbour.call("CONFIG SET client-query-buffer-limit 1gb"),
            ok()
        );
        assert_eq!(neighbour.call("DBSIZE"), Value::Int(0));
    });
}

/// MONITOR is output nobody paces: a reader that stopped is cut off at its limit.
#[test]
fn unread_output_beyond_its_limit_ends_the_connection() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut neighbour = server.conn();
        let limit = b"normal 1000000 0 0";
        assert_eq!(
            neighbour.call_words(&[b"CONFIG", b"SET", b"client-output-buffer-limit", limit]),
            ok()
        );
        let mut stopped = server.conn();
        assert_eq!(stopped.call("MONITOR"), ok());
        let before = server.resident_bytes();
        let text = vec![b'x'; 50_000];
        let gone = clock::wait_within(clock::PATIENCE, || {
            for _ in 0..20 {
                neighbour.call_words(&[b"ECHO", &text]);
            }
            (info_number(&mut neighbour, "connected_clients") == 1).then_some(())
        });
        assert!(gone.is_some(), "the stopped reader is still connected");
        let grown = server.resident_bytes().saturating_sub(before);
        assert!(grown < 64 << 20, "{} MiB for a stopped reader", grown >> 20);
        // What was sent before the cut is still readable, then the end comes.
        let end = stopped.read_to_end();
        assert!(end.is_ok(), "{end:?}");
    });
}

/// However small the limit of output is, small replies and messages pass.
#[test]
fn small_replies_pass_the_smallest_limit_of_output() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        let mut large = vec![b'x'; 100_000];
        assert_eq!(conn.call("SET small x"), ok());
        assert_eq!(conn.call_words(&[b"SET", b"large", &large]), ok());
        let set: &[&[u8]] = &[b"CONFIG", b"SET", b"client-output-buffer-limit"];
        assert_eq!(conn.call_words(&[set, &[b"normal 1 1 1"]].concat()), ok());
        assert_eq!(conn.call("GET small").text(), "x");
        assert_eq!(server.conn().call("PING").text(), "PONG");
        let drawn = conn.call("SRANDMEMBER nowhere -3");
        assert!(drawn.elements().is_empty());
        conn.call("SADD s a");
        assert_eq!(conn.call("SRANDMEMBER s -3").elements().len(), 3);
        let list = conn.call("CLIENT LIST").text();
        assert!(list.contains(" oll=0 omem=0 "), "{list}");
        let mut greedy = server.conn();
        greedy.send_command(&[b"GET", b"large"]).expect("sent");
        assert!(greedy.read_to_end().is_ok());
        let limits = b"normal 0 0 0 pubsub 1 1 0";
        assert_eq!(conn.call_words(&[set, &[limits]].concat()), ok());
        let mut listener = server.conn();
        assert_eq!(listener.call("SUBSCRIBE c").elements().len(), 3);
        assert_eq!(conn.call("PUBLISH c x"), Value::Int(1));
        let message = listener.read().expect("a message");
        assert_eq!(message.elements().len(), 3);
        large.truncate(50_000);
        assert_eq!(conn.call_words(&[b"PUBLISH", b"c", &large]), Value::Int(1));
        assert!(listener.read_to_end().is_ok());
    });
}

/// A reply of draws that is longer than a client may have unread is not written to its end.
#[test]
fn draws_beyond_the_limit_of_output_end_the_connection() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        let limit = b"normal 1000000 0 0";
        let words: &[&[u8]] = &[b"CONFIG", b"SET", b"client-output-buffer-limit", limit];
        assert_eq!(conn.call_words(words), ok());
        conn.call("HSET h a b");
        let before = server.resident_bytes();
        let mut greedy = server.conn();
        greedy
            .send_command(&[b"HRANDFIELD", b"h", b"-999999999"])
            .expect("sent");
        assert!(greedy.read_to_end().is_ok());
        let gone = || (info_number(&mut conn, "connected_clients") == 1).then_some(());
        assert!(clock::wait_within(clock::PATIENCE, gone).is_some());
        // In a script the reply is as long as that, too.
        let script = "return #redis.call('HRANDFIELD', KEYS[1], -999999999) < 200000";
        let words: &[&[u8]] = &[b"EVAL", script.as_bytes(), b"1", b"h"];
        assert_eq!(conn.call_words(words), Value::Int(1));
        let grown = server.resident_bytes().saturating_sub(before);
        assert!(grown < 64 << 20, "{} MiB", grown >> 20);
    });
}

/// Slow readers together are held back long before each has had what one alone may leave unread.
#[test]
fn many_slow_readers_share_a_bound() {
    const READERS: usize = 24;
    const REPLIES: usize = 4500;
    const BYTES: usize = 15_000;
    each_variant(|variant| {
        if peer().is_some() {
            return; // has no bound but client-output-buffer-limit
        }
        let server = variant.own_server(&[]);
        let mut neighbour = server.conn();
        let value = vec![b'x'; BYTES];
        assert_eq!(neighbour.call_words(&[b"SET", b"k", &value]), ok());
        let before = server.resident_bytes();
        let mut pipeline = Vec::new();
        (0..REPLIES).for_each(|_| encode(&["GET", "k"], &mut pipeline));
        let mut readers: Vec<Conn> = (0..READERS).map(|_| server.conn()).collect();
        for conn in &mut readers {
            conn.send(&pipeline).expect("the server reads");
        }
        let (mut looks, mut most) = ((0, 0), 0);
        clock::wait_until("all to stand still", || {
            let sent = info_number(&mut neighbour, "keyspace_hits");
            looks = if sent == looks.0 {
                (sent, looks.1 + 1)
            } else {
                (sent, 0)
            };
            // Recent is not for long.
            most = most.max(info_number(
                &mut neighbour,
                "client_recent_max_output_buffer",
            ));
            (looks.1 > 30 && most > MIB).then_some(())
        });
        let answered = looks.0 as usize;
        assert!(answered < READERS * REPLIES * 2 / 3, "{answered} replies");
        let grown = server.resident_bytes().saturating_sub(before);
        assert!(grown < 1200 << 20, "{} MiB for slow readers", grown >> 20);
        // Who reads gets everything, although the others still do not.
        for conn in &mut readers[..3] {
            for _ in 0..REPLIES {
                assert_eq!(conn.read().expect("a reply").bytes().len(), BYTES);
            }
        }
        drop(readers);
        clock::wait_until("the readers to be forgotten", || {
            (info_number(&mut neighbour, "connected_clients") == 1).then_some(())
        });
        assert_eq!(neighbour.call("STRLEN k"), Value::Int(BYTES as i64));
    });
}

#[test]
fn the_largest_query_buffer_is_remembered() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let (mut conn, mut neighbour) = (server.conn(), server.conn());
        let value = vec![b'x'; 300_000];
        let mut bytes = Vec::new();
        encode(&[&b"SET"[..], b"k", &value], &mut bytes);
        conn.send(&bytes[..200_000]).expect("the server reads");
        let name = "client_recent_max_input_buffer";
        let seen = clock::wait_until("the buffer to be seen", || {
            Some(info_number(&mut neighbour, name)).filter(|&most| most >= 100_000)
        });
        assert!(seen < 2 * MIB, "{seen}");
        conn.send(&bytes[200_000..]).expect("the server reads");
        assert_eq!(conn.read(), Ok(ok()));
    });
}

#[test]
fn writes_beyond_maxmemory_are_refused() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        conn.call("SET counter 1");
        let budget = info_number(&mut conn, "used_memory") + 8 * MIB;
        assert_eq!(conn.call(&format!("CONFIG SET maxmemory {budget}")), ok());
        let oom = b"OOM command not allowed when used memory > 'maxmemory'.".to_vec();
        let value = vec![b'v'; 10_000];
        let mut written = 0;
        let reply = loop {
            let key = format!("k{written}");
            let reply = conn.call_words(&[b"SET", key.as_bytes(), &value]);
            if reply != ok() || written > 4000 {
                break reply;
            }
            written += 1;
        };
        assert_eq!(reply, Value::Error(oom.clone()), "after {written} writes");
        assert!(
            written > 500,
            "refused after {written} writes of 10 kB, with room for 800"
        );
        let counts = conn.call("INFO commandstats").text();
        let line = counts.lines().find(|line| line.starts_with("cmdstat_set:"));
        let line = line.expect("SET was called");
        assert!(
            line.starts_with(&format!("cmdstat_set:calls={},", written + 1)),
            "{line}"
        );
        assert!(line.contains("rejected_calls=1,failed_calls=0"), "{line}");
        assert!(info_number(&mut conn, "used_memory") < budget + 2 * MIB);
        // Reading and deleting go on; transactions are refused while they are queued.
        assert_eq!(conn.call("STRLEN k0"), Value::Int(10_000));
        assert_eq!(conn.call("INCR counter"), Value::Error(oom.clone()));
        assert_eq!(conn.call("MULTI"), ok());
        assert_eq!(conn.call("SET x y"), Value::Error(oom.clone()));
        let aborted = "EXECABORT Transaction discarded because of previous errors.";
        assert_eq!(conn.call("EXEC").text(), aborted);
        for i in 0..written / 2 {
            assert_eq!(conn.call(&format!("DEL k{i}")), Value::Int(1));
        }
        assert_eq!(conn.call("SET x y"), ok());
        assert_eq!(conn.call("CONFIG SET maxmemory 0"), ok());
        assert_eq!(conn.call_words(&[b"SET", b"more", &value]), ok());
    });
}

#[test]
fn eviction_keeps_memory_at_the_budget() {
    each_variant(|variant| {
        for policy in [
            "allkeys-lru",
            "allkeys-lfu",
            "allkeys-random",
            "volatile-ttl",
            "volatile-lru",
        ] {
            let server = variant.own_server(&[("maxmemory-policy", policy)]);
            let mut conn = server.conn();
            let budget = info_number(&mut conn, "used_memory") + 10 * MIB;
            assert_eq!(conn.call(&format!("CONFIG SET maxmemory {budget}")), ok());
            let volatile = policy.starts_with("volatile");
            let value = "v".repeat(5000);
            for batch in 0..100 {
                let mut bytes = Vec::new();
                for i in 0..100 {
                    let key = format!("k{}", batch * 100 + i);
                    if volatile {
                        encode(&["SET", &key, &value, "EX", "1000"], &mut bytes);
                    } else {
                        encode(&["SET", &key, &value], &mut bytes);
                    }
                }
                conn.send(&bytes).expect("the server reads");
                for _ in 0..100 {
                    assert_eq!(conn.read(), Ok(ok()), "{policy}");
                }
            }
            clock::wait_until("what was written last to have found room", || {
                (info_number(&mut conn, "used_memory") < budget + 2 * MIB).then_some(())
            });
            let evicted = info_number(&mut conn, "evicted_keys");
            let left = conn.call("DBSIZE").int();
            // What clients hold counts as well, so that a key may go at any time.
            let evicted_later = info_number(&mut conn, "evicted_keys");
            assert!(evicted > 5000, "{policy}: only {evicted} keys evicted");
            assert!(
                (left + evicted..=left + evicted_later).contains(&10_000),
                "{policy}: a key is there or evicted"
            );
            assert!(left > 500, "{policy}: only {left} keys left in 10 MiB");
        }
    });
}

/// What clients send faster than it can be done waits, and no key goes for it: nothing here adds to the dataset.
#[test]
fn long_pipelines_of_many_clients_evict_nothing() {
    const KEYS: usize = 3000;
    const CLIENTS: u64 = 16;
    const COMMANDS: u64 = 1200;
    each_variant(|variant| {
        let server = variant.own_server(&[("maxmemory-policy", "allkeys-lru")]);
        let mut conn = server.conn();
        let value = vec![b'v'; 1300];
        let mut bytes = Vec::new();
        for i in 0..KEYS {
            let key = format!("k{i}");
            let words: [&[u8]; 3] = [b"SET", key.as_bytes(), &value];
            encode(&words, &mut bytes);
        }
        conn.send(&bytes).expect("the server reads");
        for _ in 0..KEYS {
            assert_eq!(conn.read(), Ok(ok()));
        }
        drop(bytes);
        // A fraction of what the clients have under way all together.
        let limit = info_number(&mut conn, "used_memory") + MIB;
        assert_eq!(conn.call(&format!("CONFIG SET maxmemory {limit}")), ok());
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (mut conn, value) = (server.conn(), &value);
                scope.spawn(move || {
                    let mut rng = Rng::new(client);
                    let mut bytes = Vec::new();
                    for _ in 0..COMMANDS {
                        let key = format!("k{}", rng.below(KEYS));
                        let words: [&[u8]; 3] = [b"SET", key.as_bytes(), value];
                        encode(&words, &mut bytes);
                    }
                    conn.send(&bytes).expect("the server reads");
                    for _ in 0..COMMANDS {
                        assert_eq!(conn.read(), Ok(ok()));
                    }
                });
            }
        });
        let left = conn.call("DBSIZE").int();
        assert!(left > KEYS as i64 * 9 / 10, "{left} of {KEYS} keys left");
    });
}

#[test]
fn volatile_policies_spare_keys_without_expiry() {
    each_variant(|variant| {
        let server = variant.own_server(&[("maxmemory-policy", "volatile-random")]);
        let mut conn = server.conn();
        let value = vec![b'v'; 10_000];
        for i in 0..100 {
            conn.call_words(&[b"SET", format!("stay{i}").as_bytes(), &value]);
            conn.call_words(&[b"SET", format!("go{i}").as_bytes(), &value, b"EX", b"1000"]);
        }
        assert_eq!(conn.call("CONFIG SET maxmemory 1"), ok());
        // Each write frees what it can where it goes; a few of them get everywhere.
        clock::wait_until("all volatile keys to go", || {
            for key in ["a", "b", "c", "d", "e", "f", "g", "h"] {
                let reply = conn.call(&format!("SET {key} v"));
                assert_eq!(
                    reply.text(),
                    "OOM command not allowed when used memory > 'maxmemory'."
                );
            }
            (conn.call("DBSIZE") == Value::Int(100)).then_some(())
        });
        assert_eq!(conn.call("EXISTS stay0 stay99"), Value::Int(2));
    });
}

/// One shard: with several the key that goes may be another's, which tells of it when it can.
#[test]
fn whoever_caches_a_key_that_is_evicted_hears_of_it_before_the_reply() {
    each_variant(|variant| {
        let server =
            variant.own_server(&[("shards", "1"), ("maxmemory-policy", "volatile-random")]);
        let mut conn = server.conn();
        conn.call("HELLO 3");
        conn.call("CLIENT TRACKING ON");
        conn.call("SETEX volatile 10000 x");
        assert_eq!(conn.call("GET volatile").text(), "x");
        let memory = conn.call("INFO memory").text();
        let used = memory.split("used_memory:").nth(1).expect("it is told");
        let used: u64 = used.lines().next().expect("a line").parse().expect("bytes");
        conn.call(&format!("CONFIG SET maxmemory {}", used + 100 * 1024));
        // In one go: nothing else can make room between the two.
        conn.send(b"SETBIT big 1600000 0\r\nGETBIT big 0\r\n")
            .expect("the server reads");
        assert_eq!(conn.read(), Ok(Value::Int(0)));
        assert!(matches!(conn.read(), Ok(Value::Push(_))));
        assert_eq!(conn.read(), Ok(Value::Int(0)));
    });
}

/// The keys of one hash tag are all on one shard: it is that one which has to make room for writes to others.
#[test]
fn keys_are_evicted_wherever_they_are() {
    each_variant(|variant| {
        for policy in ["allkeys-lru", "allkeys-random", "volatile-ttl"] {
            let server = variant.own_server(&[("maxmemory-policy", policy)]);
            let mut conn = server.conn();
            let value = vec![b'v'; 1000];
            let set = |conn: &mut Conn, tag: usize, i: usize, expires: bool| {
                let key = format!("{{{tag}}}{i}");
                let mut words: Vec<&[u8]> = vec![b"SET", key.as_bytes(), &value];
                if expires {
                    words.extend([&b"EX"[..], b"1000"]);
                }
                conn.call_words(&words)
            };
            for i in 0..8000 {
                assert_eq!(set(&mut conn, 0, i, true), ok());
            }
            let budget = info_number(&mut conn, "used_memory");
            let limit = format!("CONFIG SET maxmemory {budget}");
            assert_eq!(conn.call(&limit), ok());
            for i in 0..1000 {
                for tag in 1..5 {
                    assert_eq!(set(&mut conn, tag, i, false), ok(), "{policy} {tag} {i}");
                }
            }
            clock::wait_until("the shard that has most to make room", || {
                (info_number(&mut conn, "used_memory") < budget + budget / 8).then_some(())
            });
            assert!(info_number(&mut conn, "evicted_keys") > 2000, "{policy}");
            let mut kept = 0;
            for tag in 1..5 {
                for i in 0..1000 {
                    kept += conn.call(&format!("EXISTS {{{tag}}}{i}")).int();
                }
            }
            // Uses within a second look alike to LRU, so new keys may go as well.
            let enough = if policy == "volatile-ttl" { 4000 } else { 2000 };
            assert!(kept >= enough, "{policy}: {kept} of 4000 kept");
        }
    });
}

/// An empty server uses what its index takes, so that a small limit above that is one for keys.
#[test]
fn a_hundred_kilobytes_hold_some_keys() {
    each_variant(|variant| {
        for policy in ["allkeys-random", "volatile-ttl"] {
            let server = variant.own_server(&[("maxmemory-policy", policy)]);
            let mut conn = server.conn();
            // The tests of others begin so, too.
            conn.call("SELECT 9");
            let limit = info_number(&mut conn, "used_memory") + 100 * 1024;
            assert_eq!(conn.call(&format!("CONFIG SET maxmemory {limit}")), ok());
            let mut keys = 0;
            while info_number(&mut conn, "used_memory") + 4096 <= limit {
                assert_eq!(conn.call(&format!("SETEX key:{keys} 10000 x")), ok());
                keys += 1;
            }
            assert!(keys > 100, "{policy}: {keys} keys");
            for i in keys..2 * keys {
                assert_eq!(conn.call(&format!("SETEX key:{i} 10000 x")), ok());
            }
            clock::wait_until("room to be made", || {
                (info_number(&mut conn, "used_memory") < limit + 4096).then_some(())
            });
            assert!(info_number(&mut conn, "evicted_keys") > 0);
            assert_eq!(conn.call("CONFIG SET maxmemory 0"), ok());
            assert_eq!(conn.call("FLUSHALL"), ok());
        }
    });
}

/// What a command has added beyond the limit is made up for by whoever comes next, a reader perhaps.
#[test]
fn readers_make_room_too() {
    each_variant(|variant| {
        let server = variant.own_server(&[("maxmemory-policy", "volatile-random")]);
        let mut conn = server.conn();
        conn.call("HELLO 3");
        conn.call("CLIENT TRACKING ON");
        let limit = info_number(&mut conn, "used_memory") + 100 * 1024;
        assert_eq!(conn.call(&format!("CONFIG SET maxmemory {limit}")), ok());
        assert_eq!(conn.call("SETEX volatile 10000 x"), ok());
        conn.call("GET volatile");
        conn.call("SETBIT big 1600000 0");
        conn.send_command(&[b"GETBIT", b"big", b"0"])
            .expect("the server reads");
        // That the key has gone is told first if it was on the shard of the client.
        let two = [conn.read().expect("one"), conn.read().expect("two")];
        assert!(two.contains(&Value::Int(0)), "{two:?}");
        assert!(format!("{two:?}").contains("invalidate"), "{two:?}");
        assert_eq!(info_number(&mut conn, "evicted_keys"), 1);
    });
}

/// Memory is given back without any further command: some milliseconds after the limit was lowered.
#[test]
fn lowering_maxmemory_frees_memory_soon() {
    each_variant(|variant| {
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let server = variant.own_server(&[("maxmemory-policy", policy)]);
            let mut conn = server.conn();
            let empty = info_number(&mut conn, "used_memory");
            let mut bytes = Vec::new();
            let value = vec![b'v'; 1000];
            // All on one shard, then some everywhere.
            for i in 0..8000 {
                let key = match i < 4000 {
                    true => format!("{{tag}}{i}"),
                    false => format!("k{i}"),
                };
                let words: [&[u8]; 5] = [b"SET", key.as_bytes(), &value, b"EX", b"1000"];
                encode(&words, &mut bytes);
            }
            conn.send(&bytes).expect("the server reads");
            for _ in 0..8000 {
                assert_eq!(conn.read(), Ok(ok()));
            }
            conn.call("SET stays 1");
            let limit = (empty + info_number(&mut conn, "used_memory")) / 2;
            assert_eq!(conn.call(&format!("CONFIG SET maxmemory {limit}")), ok());
            clock::wait_until("memory to be freed", || {
                (info_number(&mut conn, "used_memory") <= limit).then_some(())
            });
            let left = conn.call("DBSIZE").int();
            assert!((2000..6500).contains(&left), "{policy}: {left} keys left");
            if policy == "volatile-ttl" {
                assert_eq!(conn.call("EXISTS stays"), Value::Int(1));
            }
            // As soon as the policy allows it, too.
            assert_eq!(conn.call("CONFIG SET maxmemory-policy noeviction"), ok());
            assert_eq!(conn.call("CONFIG SET maxmemory 1"), ok());
            assert!(conn.call("DBSIZE").int() > left / 2);
            assert_eq!(
                conn.call(&format!("CONFIG SET maxmemory-policy {policy}")),
                ok()
            );
            let rest = i64::from(policy == "volatile-ttl");
            clock::wait_until("all keys to go", || {
                (conn.call("DBSIZE").int() == rest).then_some(())
            });
        }
    });
}

/// Whatever the limit and the policy do meanwhile, each command is answered: no write is held for good.
#[test]
fn no_command_waits_for_room_for_good() {
    const POLICIES: [&str; 6] = [
        "noeviction",
        "allkeys-lru",
        "allkeys-lfu",
        "allkeys-random",
        "volatile-ttl",
        "volatile-random",
    ];
    let seed = rng::seed();
    eprintln!("TESSERA_SEED={seed}");
    each_variant(|variant| {
        let mut rng = Rng::new(seed);
        let server = variant.own_server(&[]);
        let mut admin = server.conn();
        let mut conns: Vec<Conn> = (0..8).map(|_| server.conn()).collect();
        for _ in 0..60 {
            let mut owed = Vec::new();
            for conn in &mut conns {
                let mut bytes = Vec::new();
                let commands = 1 + rng.below(30);
                for _ in 0..commands {
                    let value = "v".repeat([1, 100, 1000, 20_000][rng.below(4)]);
                    let (a, b) = (rng.below(1000).to_string(), rng.below(1000).to_string());
                    let ttl = ["1", "1000"][rng.below(2)];
                    let words: &[&str] = match rng.below(7) {
                        0 => &["MSET", &a, &value, &b, &value],
                        1 => &["SETEX", &a, ttl, &value],
                        2 => &["APPEND", &a, &value],
                        3 => &["RENAME", &a, &b],
                        4 => &["MGET", &a, &b],
                        5 => &["MSETNX", &a, &value, &b, &value],
                        _ => &["SET", &a, &value],
                    };
                    encode(words, &mut bytes);
                }
                conn.send(&bytes).expect("the server reads");
                owed.push(commands);
            }
            let limits = [0, 1, 100 * 1024, 300 * 1024, 1 << 20, 4 << 20];
            let limit = limits[rng.below(limits.len())];
            let policy = POLICIES[rng.below(POLICIES.len())];
            let set = match rng.below(8) {
                0 => "FLUSHALL".to_owned(),
                1..4 => format!("CONFIG SET maxmemory-policy {policy}"),
                _ => format!("CONFIG SET maxmemory {limit}"),
            };
            assert_eq!(admin.call(&set), ok(), "{set}");
            for (conn, owed) in conns.iter_mut().zip(owed) {
                for _ in 0..owed {
                    if let Err(error) = conn.read() {
                        let limits = admin.call("CONFIG GET maxmemory*");
                        panic!("no reply ({error:?}) under {limits:?}");
                    }
                }
            }
        }
    });
}

/// Values of the largest size there is.
#[test]
fn values_up_to_512_mib() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        assert_eq!(conn.call("SETRANGE big 536870911 x"), Value::Int(512 * MIB));
        assert_eq!(conn.call("STRLEN big"), Value::Int(512 * MIB));
        assert!(
            conn.call("APPEND big y")
                .text()
                .starts_with("ERR string exceeds maximum")
        );
        assert_eq!(conn.call("GETRANGE big -2 -1").bytes(), b"\0x");
        assert_eq!(conn.call("SETBIT bits 4294967295 1"), Value::Int(0));
        assert_eq!(conn.call("BITCOUNT bits"), Value::Int(1));
        assert_eq!(conn.call("UNLINK big bits"), Value::Int(2));
        if peer().is_none() {
            clock::wait_until("the memory to be given back", || {
                (server.resident_bytes() < 300 << 20).then_some(())
            });
        }
    });
}

/// A limit that would let nobody in counts as one that does.
#[test]
fn no_limit_of_memory_for_clients_shuts_everybody_out() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut conn = server.conn();
        assert_eq!(conn.call("CONFIG SET maxmemory-clients 1"), ok());
        assert_eq!(conn.call("PING").text(), "PONG");
        let mut other = server.conn();
        assert_eq!(other.call("SET k v"), ok());
        assert_eq!(other.call("GET k").text(), "v");
        assert_eq!(conn.call("CONFIG SET maxmemory-clients 0"), ok());
        assert_eq!(info_number(&mut conn, "evicted_clients"), 0);
    });
}

/// Over `maxmemory-clients` the largest clients go, those that said no excepted.
#[test]
fn the_largest_clients_go_when_all_hold_too_much() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut neighbour = server.conn();
        assert_eq!(neighbour.call("CLIENT NO-EVICT on"), ok());
        let unfinished = |bytes: usize, name: &str| {
            let mut conn = server.conn();
            assert_eq!(conn.call(&format!("CLIENT SETNAME {name}")), ok());
            let request = format!("*2\r\n$4\r\nECHO\r\n${bytes}\r\n");
            conn.send(request.as_bytes()).expect("the server reads");
            conn.send(&vec![b'x'; bytes - 1]).expect("the server reads");
            conn
        };
        let mut small: Vec<Conn> = (0..4).map(|_| unfinished(100_000, "small")).collect();
        let _large: Vec<Conn> = (0..4).map(|_| unfinished(3_000_000, "large")).collect();
        let count = |neighbour: &mut Conn, name: &str| {
            let list = neighbour.call("CLIENT LIST").text();
            list.matches(&format!("name={name} ")).count()
        };
        clock::wait_until("all to be received", || {
            let list = neighbour.call("CLIENT LIST").text();
            let arrived = list.matches(" qbuf=30000").count() == 4;
            (arrived && list.matches(" qbuf=1000").count() == 4).then_some(())
        });
        assert_eq!(neighbour.call("CONFIG SET maxmemory-clients 5000000"), ok());
        clock::wait_until("the largest to be gone", || {
            (count(&mut neighbour, "large") < 2).then_some(())
        });
        assert_eq!(count(&mut neighbour, "small"), 4);
        assert!(info_number(&mut neighbour, "evicted_clients") >= 3);
        // The others go on as if nothing had been.
        for conn in &mut small {
            conn.send(b"x\r\n").expect("the server reads");
            assert_eq!(conn.read().expect("a reply").bytes().len(), 100_000);
        }
    });
}

/// Receiving stops while a client that waits has sent much already. It goes on when the client does, although all of that
/// was done by then, the last of it being a command that waits again.
#[test]
fn who_waits_behind_a_long_pipeline_is_heard_again() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let (mut waiting, mut other) = (server.conn(), server.conn());
        waiting.call("CLIENT SETNAME waiting");
        // Just so much that the last of it has arrived when receiving stops.
        const COUNT: usize = 4690;
        let mut bytes = Vec::new();
        encode(&["BLPOP", "first", "0"], &mut bytes);
        for _ in 0..COUNT {
            encode(&["PING"], &mut bytes);
        }
        encode(&["BLPOP", "last", "0"], &mut bytes);
        waiting.send(&bytes).expect("the server reads it all");
        if peer().is_none() {
            clock::wait_until("much of it to have arrived", || {
                let list = other.call("CLIENT LIST").text();
                let line = list.lines().find(|line| line.contains(" name=waiting "))?;
                let pending = line.split_once(" qbuf=")?.1.split_once(' ')?.0;
                (pending.parse::<usize>().ok()? > 64 << 10).then_some(())
            });
        }
        other.call("RPUSH first 1");
        assert!(waiting.read().is_ok());
        for _ in 0..COUNT {
            assert_eq!(waiting.read(), Ok(Value::Simple(b"PONG".to_vec())));
        }
        other.call("RPUSH last 1");
        assert!(waiting.read().is_ok());
        assert_eq!(waiting.call("PING"), Value::Simple(b"PONG".to_vec()));
    });
}
