//! What happens with bytes no well-behaved client sends.
//!
//! The promise: never a crash, never memory in proportion to what was merely announced, always the error
//! Redis gives, then the connection is closed; and whoever else is connected notices nothing.

mod support;

use std::io::Write;
use std::time::Duration;

use support::check::on_every_server;
use support::process::Server;
use support::resp::encode;
use support::rng::{Rng, seed};
use support::{Conn, ReadError, Value, check, each_variant, ok, peer};

const MIB: u64 = 1024 * 1024;

fn error(text: &str) -> Value {
    Value::Error(text.into())
}

fn pong() -> Value {
    Value::Simple(b"PONG".to_vec())
}

#[test]
fn protocol_errors_are_told_and_end_the_connection() {
    let long = |head: &str| [head.as_bytes(), &[b'1'; 70_000]].concat();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"*x\r\n".to_vec(), "invalid multibulk length"),
        (b"*\r\n".to_vec(), "invalid multibulk length"),
        (b"*+1\r\n".to_vec(), "invalid multibulk length"),
        (b"* 1\r\n".to_vec(), "invalid multibulk length"),
        (b"*01\r\n".to_vec(), "invalid multibulk length"),
        (b"*1 \r\n".to_vec(), "invalid multibulk length"),
        (b"*2147483648\r\n".to_vec(), "invalid multibulk length"),
        (
            b"*99999999999999999999\r\n".to_vec(),
            "invalid multibulk length",
        ),
        (b"*3\r\nfoo\r\n".to_vec(), "expected '$', got 'f'"),
        (b"*1\r\n:5\r\n".to_vec(), "expected '$', got ':'"),
        (b"*1\r\n*1\r\n".to_vec(), "expected '$', got '*'"),
        (b"*1\r\n$-1\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$x\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$+4\r\nPING\r\n".to_vec(), "invalid bulk length"),
        (b"*1\r\n$536870913\r\n".to_vec(), "invalid bulk length"),
        (
            b"*1\r\n$9223372036854775808\r\n".to_vec(),
            "invalid bulk length",
        ),
        (
            b"*2\r\n$4\r\nECHO\r\n$-5\r\n".to_vec(),
            "invalid bulk length",
        ),
        (b"SET k \"a\r\n".to_vec(), "unbalanced quotes in request"),
        (b"SET k 'a\r\n".to_vec(), "unbalanced quotes in request"),
        (b"SET k \"a\"b\r\n".to_vec(), "unbalanced quotes in request"),
        (b"SET k 'a'b\r\n".to_vec(), "unbalanced quotes in request"),
        (b"\"\r\n".to_vec(), "unbalanced quotes in request"),
        (long("SET"), "too big inline request"),
        // No line ends behind a byte 0.
        (long("ECHO \0\r\n"), "too big inline request"),
        (long("*"), "too big mbulk count string"),
        (long("*1\r\n$"), "too big bulk count string"),
    ];
    on_every_server(|server| {
        let mut neighbour = server.conn();
        for (bytes, detail) in &cases {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
            let mut conn = server.conn();
            // What came before the mistake is served.
            let _ = conn.send(&[b"*1\r\n$4\r\nPING\r\nPING\r\n", &bytes[..]].concat());
            assert_eq!(conn.read(), Ok(pong()), "{shown}");
            assert_eq!(conn.read(), Ok(pong()), "{shown}");
            assert_eq!(
                conn.read(),
                Ok(error(&format!("ERR Protocol error: {detail}"))),
                "{shown}"
            );
            assert_eq!(conn.read(), Err(ReadError::Closed), "{shown}");
            assert_eq!(neighbour.call("PING"), pong());
        }
    });
}

#[test]
fn requests_without_elements_are_ignored() {
    check(
        r#"
        raw "*-1\r\nPING\r\n" => PONG
        raw "*0\r\nPING\r\n" => PONG
        raw "*-2147483648\r\n*-5\r\n\r\n\n\r\nPING\r\n" => PONG
        "#,
    );
}

#[test]
fn inline_commands() {
    check(
        r#"
        raw "PING\r\n" => PONG; raw "PING\n" => PONG; raw "ping\r\n" => PONG
        raw "  PING  \r\n" => PONG; raw "\tPING\t\r\n" => PONG; raw "\r\n\r\nPING\r\n" => PONG
        raw "   \r\nPING\r\n" => PONG
        raw "ECHO hello\r\n" => "hello"
        raw "ECHO \"hello world\"\r\n" => "hello world"
        raw "ECHO \"a\\r\\n\\t\\b\\a\\x41\\q\\\"\\\\\"\r\n" => "a\r\n\t\x08\x07Aq\"\\"
        raw "ECHO \"\\x4\"\r\n" => "x4"
        raw "ECHO 'a \"b\" \\n \\' c'\r\n" => "a \"b\" \\n ' c"
        raw "ECHO \"\"\r\n" => ""; raw "ECHO ''\r\n" => ""
        raw "SET k \xff\xfe\r\n" => OK; GET k => "\xff\xfe"
        raw "ECHO a\"b\"\r\n" => "ab"
        raw "SET a 1\r\nSET b 2\r\nMGET a b\r\n" => OK; read => OK; read => ["1", "2"]
        raw "*1\r\n$4\r\nPING\r\nECHO x\r\n*2\r\n$4\r\nECHO\r\n$1\r\ny\r\n" => PONG; read => "x"; read => "y"
        raw "NOSUCH a\r\n" => -"ERR unknown command 'NOSUCH', with args beginning with: 'a' "
        "#,
    );
}

#[test]
fn http_requests_are_cut_off_without_an_answer() {
    check(
        r#"
        c2: SET k v => OK
        raw "POST / HTTP/1.1\r\nHost: x\r\n\r\nFLUSHALL\r\n" => closed
        raw "Host: localhost\r\n" => closed
        raw "post /\r\n" => closed
        c2: GET k => "v"
        "#,
    );
}

#[test]
fn the_bytes_after_a_bulk_are_skipped_unchecked() {
    check(
        r#"
        raw "*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n" => PONG; read => PONG
        raw "*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n" => "a\r\n"
        raw "*2\r\n$4\r\nECHO\r\n$3\r\na\x00b\r\n" => "a\x00b"
        "#,
    );
}

/// One request stream, cut in two at every byte, each cut on a connection of its own.
#[test]
fn a_request_may_be_cut_anywhere() {
    let mut stream = Vec::new();
    encode(&["SET", "{k}1", "va\r\nlue"], &mut stream);
    stream.extend_from_slice(b"ECHO \"in line\"\r\n*0\r\n");
    encode(
        &["MSET", "a", "1", "b", "", "c", "333333333333333333"],
        &mut stream,
    );
    stream.extend_from_slice(b"*3\r\n$3\r\nGET\r\n");
    stream.truncate(stream.len() - b"*3\r\n$3\r\nGET\r\n".len());
    encode(&["MGET", "{k}1", "a", "b", "none", "c"], &mut stream);
    encode(&["NOSUCH", "x"], &mut stream);
    stream.extend_from_slice(b"PING\n");
    let text = |s: &str| Value::Bulk(s.into());
    let replies = [
        ok(),
        text("in line"),
        ok(),
        Value::Array(vec![
            text("va\r\nlue"),
            text("1"),
            text(""),
            Value::NullBulk,
            text("333333333333333333"),
        ]),
        error("ERR unknown command 'NOSUCH', with args beginning with: 'x' "),
        pong(),
    ];
    on_every_server(|server| {
        let mut conns: Vec<Conn> = (0..=stream.len()).map(|_| server.conn()).collect();
        for (at, conn) in conns.iter_mut().enumerate() {
            conn.send(&stream[..at]).expect("the server reads");
        }
        for (at, conn) in conns.iter_mut().enumerate() {
            conn.send(&stream[at..]).expect("the server reads");
        }
        for (at, conn) in conns.iter_mut().enumerate() {
            for reply in &replies {
                assert_eq!(conn.read().as_ref(), Ok(reply), "cut at byte {at}");
            }
        }
        // All connections at once, a byte at a time.
        for byte in &stream {
            for conn in &mut conns[..20] {
                conn.send(&[*byte]).expect("the server reads");
            }
        }
        for conn in &mut conns[..20] {
            for reply in &replies {
                assert_eq!(conn.read().as_ref(), Ok(reply), "byte by byte");
            }
        }
    });
}

/// A pipeline of random commands in random pieces gets the replies it gets in one piece.
#[test]
fn random_pipelines_in_random_pieces() {
    let seed = seed();
    eprintln!("seed {seed}");
    on_every_server(|server| {
        let mut rng = Rng::new(seed);
        for _ in 0..20 {
            let mut commands: Vec<Vec<Vec<u8>>> = Vec::new();
            for _ in 0..200 {
                let key = format!("k{}", rng.below(50)).into_bytes();
                let size = [1, 10, 100, 1000, 20_000, 100_000][rng.below(6)];
                commands.push(match rng.below(5) {
                    0 => vec![b"SET".to_vec(), key, vec![b'v'; size]],
                    1 => vec![b"GET".to_vec(), key],
                    2 => vec![b"ECHO".to_vec(), vec![b'e'; size]],
                    3 => vec![b"MGET".to_vec(), key, b"k1".to_vec(), b"k2".to_vec()],
                    _ => vec![b"STRLEN".to_vec(), key],
                });
            }
            let mut run = |pieces: bool| -> Vec<Value> {
                let mut conn = server.conn();
                conn.call("FLUSHALL");
                let mut bytes = Vec::new();
                for command in &commands {
                    encode(command, &mut bytes);
                }
                // The server must read while we do not, hence a writer of its own.
                let mut writer = conn.stream().try_clone().expect("a second handle");
                let mut rng = Rng::new(rng.next());
                let writing = std::thread::spawn(move || {
                    let mut rest = &bytes[..];
                    while !rest.is_empty() {
                        let most = if pieces {
                            1 << rng.below(16)
                        } else {
                            rest.len()
                        };
                        let (piece, left) = rest.split_at((1 + rng.below(most)).min(rest.len()));
                        writer.write_all(piece).expect("the server reads");
                        rest = left;
                    }
                });
                let replies = commands
                    .iter()
                    .map(|_| conn.read().expect("a reply"))
                    .collect();
                writing.join().expect("the writer ends");
                replies
            };
            assert!(run(false) == run(true), "seed {seed}");
        }
    });
}

/// Announcing costs the announcer nothing, so it must cost the server nothing.
#[test]
fn announced_bytes_are_not_paid_for() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut neighbour = server.conn();
        neighbour.call("PING");
        let before = server.resident_bytes();
        let mut conns = Vec::new();
        for i in 0..60 {
            let mut conn = server.conn();
            let bytes: &[u8] = match i % 5 {
                0 => b"*2\r\n$4\r\nECHO\r\n$536870912\r\n",
                1 => b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc",
                2 => b"*2147483647\r\n",
                3 => b"*2147483647\r\n$3\r\nDEL\r\n$1\r\na\r\n",
                _ => b"*1048576\r\n$536870912\r\nx",
            };
            conn.send(bytes).expect("the server reads");
            conns.push(conn);
        }
        assert_eq!(neighbour.call("PING"), pong());
        // The announcements are read once a later request on each connection's shard was answered.
        for _ in 0..16 {
            assert_eq!(server.conn().call("PING"), pong());
        }
        let grown = server.resident_bytes().saturating_sub(before);
        assert!(
            grown < 64 * MIB,
            "60 announcements cost {} MiB",
            grown / MIB
        );
        assert!(
            conns
                .iter_mut()
                .all(|conn| conn.is_silent_for(Duration::from_millis(1)))
        );
        drop(conns);
        assert_eq!(neighbour.call("PING"), pong());
    });
}

/// Long arguments take another way in than short ones, wherever they stand and whatever comes behind them.
#[test]
fn long_arguments_in_pieces() {
    each_variant(|variant| {
        let mut shared = variant.lock();
        let server = shared.server();
        let (mut conn, mut neighbour) = (server.conn(), server.conn());
        let mut rng = Rng::new(seed());
        for round in 0..12 {
            let mut long = vec![b'x'; 31_000 + rng.below(400_000)];
            long.iter_mut()
                .for_each(|byte| *byte = b'a' + rng.below(26) as u8);
            let other = vec![b'y'; 40_000];
            let long = &long[..];
            let requests: &[&[&[u8]]] = &[
                &[b"SET", b"a", long],
                &[b"SET", b"a", long, b"EX", b"100"],
                &[b"GET", b"a"],
                &[b"SETEX", b"b", b"100", long],
                &[b"GETSET", b"b", &other],
                &[b"GET", b"b"],
                &[b"SETNX", b"c", long],
                &[b"APPEND", b"d", long],
                &[b"APPEND", b"d", b"tail"],
                &[b"GETRANGE", b"d", b"-6", b"-1"],
                &[b"STRLEN", b"c"],
                &[b"SET", long, b"short"],
                &[b"GET", long],
                &[b"MSET", b"e", long, b"f", &other, b"g", long],
                &[b"MGET", b"e", b"f", b"g"],
                &[b"MULTI"],
                &[b"SET", b"h", long],
                &[b"ECHO", long],
                &[b"EXEC"],
                &[b"GET", b"h"],
                &[b"SET", b"a", long, b"EX"],
                &[b"DEL", b"a", b"b", b"c", b"d", long],
                &[b"PING"],
            ];
            // What comes back when every request has time to arrive and to be answered.
            let expected: Vec<Value> = requests.iter().map(|r| neighbour.call_words(r)).collect();
            neighbour.call("FLUSHALL");
            let mut bytes = Vec::new();
            requests.iter().for_each(|words| encode(words, &mut bytes));
            let paused = round % 4 == 3;
            if paused {
                neighbour.call("CLIENT PAUSE 30 WRITE");
            }
            let sender = conn.stream().try_clone().expect("one more handle");
            let replies = std::thread::scope(|scope| {
                let mut rest = &bytes[..];
                let mut cuts = Rng::new(rng.next());
                scope.spawn(move || {
                    let mut sender = sender;
                    while !rest.is_empty() {
                        let cut = rest.len().min(1 + cuts.below(90_000));
                        sender.write_all(&rest[..cut]).expect("the server reads");
                        rest = &rest[cut..];
                    }
                });
                let replies = requests.iter().map(|_| conn.read().expect("a reply"));
                replies.collect::<Vec<Value>>()
            });
            for ((request, got), wanted) in requests.iter().zip(&replies).zip(&expected) {
                let words: Vec<_> = request
                    .iter()
                    .map(|word| &word[..word.len().min(8)])
                    .collect();
                assert!(got == wanted, "{words:?} of {} bytes", long.len());
            }
            neighbour.call("FLUSHALL");
        }
    });
}

/// A big argument costs about its size, also when it arrives in drops on many connections.
#[test]
fn big_arguments_cost_their_size() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut neighbour = server.conn();
        let before = server.resident_bytes();
        let mut conns: Vec<Conn> = (0..20).map(|_| server.conn()).collect();
        for (i, conn) in conns.iter_mut().enumerate() {
            let head = format!(
                "*3\r\n$3\r\nSET\r\n$2\r\nk{}\r\n$4000000\r\n",
                (b'a' + i as u8) as char
            );
            conn.send(head.as_bytes()).expect("the server reads");
        }
        for _ in 0..100 {
            for conn in &mut conns {
                conn.send(&[b'x'; 20_000]).expect("the server reads");
            }
        }
        assert_eq!(neighbour.call("PING"), pong());
        let half = server.resident_bytes().saturating_sub(before);
        // Twice what was sent, for a buffer that has just doubled.
        assert!(
            half < 2 * 20 * 4_000_000 + 32 * MIB,
            "40 MB of arguments cost {} MiB",
            half / MIB
        );
        for _ in 0..100 {
            for conn in &mut conns {
                conn.send(&[b'x'; 20_000]).expect("the server reads");
            }
        }
        for conn in &mut conns {
            conn.send(b"\r\n").expect("the server reads");
            assert_eq!(conn.read(), Ok(ok()));
        }
        assert_eq!(neighbour.call("STRLEN ka"), Value::Int(4_000_000));
    });
}

#[test]
fn garbage_does_no_harm() {
    let seed = seed();
    eprintln!("seed {seed}");
    on_every_server(|server| {
        let mut rng = Rng::new(seed);
        let mut neighbour = server.conn();
        neighbour.call("SET k v");
        let alphabet: &[&[u8]] = &[
            b"*",
            b"$",
            b"\r\n",
            b"\n",
            b"\r",
            b"-1",
            b"0",
            b"1",
            b"3",
            b"4",
            b"\0",
            b"\xff",
            b"\"",
            b"'",
            b"GET",
            b"PING",
            b" ",
            b"k",
            b"*1\r\n$4\r\nPING\r\n",
            b"2147483647",
            b"*3\r\n$",
            b":",
            b"+",
        ];
        for round in 0..300 {
            let mut conn = server.conn();
            let mut bytes = Vec::new();
            for _ in 0..1 + rng.below(60) {
                bytes.extend_from_slice(alphabet[rng.below(alphabet.len())]);
            }
            if round % 3 == 0 {
                bytes = (0..rng.below(500)).map(|_| rng.next() as u8).collect();
            }
            let _ = conn.send(&bytes);
            conn.close_write();
            // Whatever comes is RESP, and the end comes.
            loop {
                match conn.read() {
                    Ok(_) => {}
                    Err(ReadError::Closed) => break,
                    Err(other) => panic!("seed {seed}, round {round}: {other:?} after {bytes:?}"),
                }
            }
            assert_eq!(
                neighbour.call("GET k").text(),
                "v",
                "seed {seed}, round {round}"
            );
        }
    });
}

#[test]
fn strangers_may_announce_little() {
    each_variant(|variant| {
        let server = variant.own_server(&[("requirepass", "secret")]);
        let noauth = error("NOAUTH Authentication required.");
        for (bytes, detail) in [
            (&b"*11\r\n"[..], "unauthenticated multibulk length"),
            (
                b"*2\r\n$3\r\nGET\r\n$16385\r\n",
                "unauthenticated bulk length",
            ),
            (b"*1\r\n$-1\r\n", "invalid bulk length"),
            (b"*x\r\n", "invalid multibulk length"),
        ] {
            let mut conn = server.conn();
            let _ = conn.send(&[b"GET k\r\n", bytes].concat());
            assert_eq!(conn.read(), Ok(noauth.clone()));
            assert_eq!(
                conn.read(),
                Ok(error(&format!("ERR Protocol error: {detail}")))
            );
            assert_eq!(conn.read(), Err(ReadError::Closed));
        }
        let mut conn = server.conn();
        let long = [b'x'; 16384];
        assert_eq!(conn.call_words(&[b"ECHO", &long]), noauth);
        assert_eq!(conn.call("AUTH secret"), ok());
        assert_eq!(
            conn.call_words(&[b"ECHO", &[b'x'; 16385]]),
            Value::Bulk(vec![b'x'; 16385])
        );
        assert_eq!(conn.call("DEL 1 2 3 4 5 6 7 8 9 10 11 12"), Value::Int(0));
        let mut guest = server.conn();
        let _ = guest.send(&[b'\xff'; 100_000]);
        let reply = guest.read();
        assert!(
            matches!(&reply, Ok(Value::Error(text)) if text.starts_with(b"ERR Protocol error: too big inline")),
            "{reply:?}"
        );
    });
}

#[test]
fn a_half_closed_client_gets_its_replies() {
    on_every_server(|server| {
        let mut conn = server.conn();
        let mut bytes = Vec::new();
        for i in 0..100 {
            encode(
                &["SET".to_string(), format!("k{i}"), "v".repeat(i * 10)],
                &mut bytes,
            );
            encode(&["STRLEN".to_string(), format!("k{i}")], &mut bytes);
        }
        conn.send(&bytes).expect("the server reads");
        conn.close_write();
        for i in 0..100 {
            assert_eq!(conn.read(), Ok(ok()));
            assert_eq!(conn.read(), Ok(Value::Int(i * 10)));
        }
        assert_eq!(conn.read(), Err(ReadError::Closed));
        // Half a request at the end is dropped.
        let mut conn = server.conn();
        conn.send(b"PING\r\n*2\r\n$4\r\nECHO\r\n$5\r\nhel")
            .expect("the server reads");
        conn.close_write();
        assert_eq!(conn.read(), Ok(pong()));
        assert_eq!(conn.read(), Err(ReadError::Closed));
    });
}

/// Clients that vanish with replies unread, in the middle of requests, in MULTI, while watching.
#[test]
fn clients_may_vanish_at_any_moment() {
    on_every_server(|server| {
        let mut neighbour = server.conn();
        neighbour.call_words(&[b"SET", b"big", &[b'x'; 100_000]]);
        for round in 0..200 {
            let mut conn = server.conn();
            let bytes: &[u8] = match round % 5 {
                0 => b"GET big\r\nGET big\r\nGET big\r\n",
                1 => b"*2\r\n$3\r\nGET\r\n$3\r\nb",
                2 => b"WATCH a b c big\r\nMULTI\r\nSET a 1\r\nGET big\r\n",
                3 => b"MULTI\r\nMGET big a b c d e f g\r\nEXEC\r\nMGET big big big\r\n",
                _ => b"CLIENT REPLY OFF\r\nSET x 1\r\nMONITOR\r\n",
            };
            let _ = conn.send(bytes);
            drop(conn);
        }
        assert_eq!(neighbour.call("STRLEN big"), Value::Int(100_000));
        support::clock::wait_until("the vanished to be forgotten", || {
            let info = neighbour.call("INFO clients").text();
            let line = info
                .lines()
                .find_map(|line| line.strip_prefix("connected_clients:"));
            let count: i64 = line
                .expect("INFO counts clients")
                .trim()
                .parse()
                .expect("a number");
            (count <= 3).then_some(())
        });
    });
}

/// A client that asks and does not read: its requests wait, the server's memory does not grow with them.
#[test]
fn a_reader_that_stopped_costs_a_bounded_amount() {
    if peer().is_some() {
        return; // Redis grows without bound unless client-output-buffer-limit says otherwise.
    }
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut neighbour = server.conn();
        neighbour.call_words(&[b"SET", b"small", &[b's'; 10_000]]);
        neighbour.call_words(&[b"SET", b"big", &[b'b'; 1_000_000]]);
        let before = server.resident_bytes();
        const REQUESTS: usize = 3000;
        for key in ["small", "big"] {
            let conn = server.conn();
            let mut bytes = Vec::new();
            for _ in 0..REQUESTS {
                encode(&["GET", key], &mut bytes);
            }
            let mut writer = conn.stream().try_clone().expect("a second handle");
            // Writing blocks once the server stops reading; that is the point.
            let writing = std::thread::spawn(move || {
                let _ = writer.write_all(&bytes);
            });
            let mut worst = 0;
            for _ in 0..200 {
                assert_eq!(neighbour.call("STRLEN small"), Value::Int(10_000));
                support::clock::breathe();
                worst = worst.max(server.resident_bytes().saturating_sub(before));
            }
            assert!(
                worst < 128 * MIB,
                "{key}: a stopped reader costs {} MiB",
                worst / MIB
            );
            // Once it reads again it gets everything.
            let mut conn = conn;
            let size = if key == "small" { 10_000 } else { 1_000_000 };
            for i in 0..REQUESTS {
                match conn.read() {
                    Ok(Value::Bulk(bytes)) => assert_eq!(bytes.len(), size),
                    other => panic!("{key}: reply {i}: {other:?}"),
                }
            }
            writing.join().expect("the writer ends");
        }
    });
}

/// A process of many pipelining connections that is stopped in full flight, goes on, and is killed.
#[test]
fn stopped_and_killed_readers_disturb_nobody() {
    each_variant(|variant| {
        let server = variant.own_server(&[]);
        let mut neighbour = server.conn();
        neighbour.call_words(&[b"SET", b"big", &[b'b'; 20_000]]);
        let before = server.resident_bytes();
        let mut command = std::process::Command::new("redis-benchmark");
        command
            .args([
                "-p",
                &server.port().to_string(),
                "-c",
                "50",
                "-P",
                "100",
                "-n",
                "100000000",
            ])
            .args(["GET", "big"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let mut load = support::process::spawn(command).expect("redis-benchmark is installed");
        support::clock::wait_until("the load to run", || {
            let info = neighbour.call("INFO clients").text();
            info.contains("connected_clients:51\r\n").then_some(())
        });
        for round in 0..3 {
            support::process::signal(load.id(), "STOP");
            let mut worst = 0;
            for _ in 0..100 {
                assert_eq!(
                    neighbour.call("STRLEN big"),
                    Value::Int(20_000),
                    "round {round}"
                );
                support::clock::breathe();
                worst = worst.max(server.resident_bytes().saturating_sub(before));
            }
            // 50 x 100 replies of 20 kB are 100 MB, if every pipeline were answered without being read.
            assert!(
                worst < 200 * MIB,
                "50 stopped readers cost {} MiB",
                worst / MIB
            );
            support::process::signal(load.id(), "CONT");
        }
        let _ = load.kill();
        let _ = load.wait();
        support::clock::wait_until("the killed to be forgotten", || {
            let info = neighbour.call("INFO clients").text();
            info.contains("connected_clients:1\r\n").then_some(())
        });
    });
}

/// Replies promised before the break stay in order while the neighbour's pipeline runs at full speed.
#[test]
fn many_clients_pipeline_at_once() {
    on_every_server(|server: &mut Server| {
        let address = server.address();
        let threads: Vec<_> = (0..8)
            .map(|id| {
                std::thread::spawn(move || {
                    let mut conn = Conn::open(address).expect("the server listens");
                    for round in 0..20 {
                        let mut bytes = Vec::new();
                        for i in 0..200 {
                            let key = format!("t{id}:{}", i % 23);
                            encode(&["SET", &key, &format!("{round}:{i}")], &mut bytes);
                            encode(&["GET", &key], &mut bytes);
                        }
                        conn.send(&bytes).expect("the server reads");
                        for i in 0..200 {
                            assert_eq!(conn.read(), Ok(ok()));
                            assert_eq!(conn.read().map(|v| v.text()), Ok(format!("{round}:{i}")));
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("no client saw a wrong reply");
        }
    });
}
