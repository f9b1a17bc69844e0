//! The clients people have: redis-rs, redis-py, redis-cli, redis-benchmark.
//!
//! Each talks to every variant. A tool that is not installed is a failure here, not a skip: `./test`
//! installs them.

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use redis::{Commands, ConnectionLike, RedisResult};
use support::check::on_every_server;
use support::resp::encode;
use support::{Conn, Server, Value, clock, process};

fn client(server: &Server, protocol: &str) -> redis::Connection {
    let url = format!("redis://127.0.0.1:{}/?protocol={protocol}", server.port());
    redis::Client::open(url)
        .expect("a valid address")
        .get_connection()
        .expect("it connects")
}

#[test]
fn redis_rs_plain_commands() {
    on_every_server(|server| {
        for protocol in ["resp2", "resp3"] {
            let mut conn = client(server, protocol);
            let _: () = conn.flushall().expect("FLUSHALL");
            let _: () = conn.set("k", "v").expect("SET");
            assert_eq!(conn.get("k"), Ok("v".to_string()));
            assert_eq!(conn.get("none"), Ok(None::<String>));
            assert_eq!(conn.incr("n", 5), Ok(5));
            let _: () = conn.set("f", 10.5).expect("SET");
            assert_eq!(conn.incr("f", 0.1), Ok(10.6));
            let _: () = conn.mset(&[("a", 1), ("b", 2), ("c", 3)]).expect("MSET");
            let values: Vec<Option<i64>> = conn.mget(&["a", "none", "c"]).expect("MGET");
            assert_eq!(values, [Some(1), None, Some(3)]);
            assert_eq!(conn.expire("k", 100), Ok(true));
            let ttl: i64 = conn.ttl("k").expect("TTL");
            assert!((1..=100).contains(&ttl), "{ttl}");
            assert_eq!(conn.exists("k"), Ok(true));
            assert_eq!(conn.del(&["k", "n", "none"]), Ok(2));
            let binary: Vec<u8> = (0..=255).collect();
            let _: () = conn.set("bin", &binary[..]).expect("SET");
            assert_eq!(conn.get("bin"), Ok(binary));
            let error = conn.incr::<_, _, i64>("bin", 1).expect_err("no integer");
            assert_eq!(
                error.detail(),
                Some("value is not an integer or out of range")
            );
            let mut keys: Vec<String> = conn
                .scan()
                .expect("SCAN")
                .map(|key| key.expect("a key"))
                .collect();
            keys.sort();
            assert_eq!(keys, ["a", "b", "bin", "c", "f"]);
            let info: redis::InfoDict = redis::cmd("INFO").query(&mut conn).expect("INFO");
            assert!(
                info.get::<String>("redis_version")
                    .is_some_and(|v| v.starts_with("7."))
            );
            assert!(conn.is_open());
        }
    });
}

#[test]
fn redis_rs_pipelines_and_transactions() {
    on_every_server(|server| {
        for protocol in ["resp2", "resp3"] {
            let mut conn = client(server, protocol);
            let _: () = conn.flushall().expect("FLUSHALL");
            let mut pipe = redis::pipe();
            for i in 0..1000 {
                pipe.set(format!("k{i}"), i)
                    .ignore()
                    .get(format!("k{}", i / 2));
            }
            let values: Vec<i64> = pipe.query(&mut conn).expect("a pipeline");
            assert!(values.iter().copied().eq((0..1000).map(|i| i / 2)));
            let (a, b): (i64, i64) = redis::pipe()
                .atomic()
                .incr("x", 2)
                .incr("y", 3)
                .query(&mut conn)
                .expect("MULTI .. EXEC");
            assert_eq!((a, b), (2, 3));
        }
        // Increments under WATCH from several threads: none is lost.
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let mut conn = client(server, "resp3");
                std::thread::spawn(move || {
                    for _ in 0..25 {
                        let done: RedisResult<()> =
                            redis::transaction(&mut conn, &["cas"], |conn, pipe| {
                                let old: i64 = conn.get::<_, Option<i64>>("cas")?.unwrap_or(0);
                                pipe.set("cas", old + 1).ignore().query(conn)
                            });
                        done.expect("a transaction");
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("a thread");
        }
        assert_eq!(client(server, "resp2").get("cas"), Ok(100));
    });
}

/// Runs a script of `tests/python` with the port as its argument.
fn python(server: &Server, script: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/python")
        .join(script);
    let output = Command::new("/usr/bin/python3")
        .arg("-B")
        .arg(path)
        .arg(server.port().to_string())
        .output()
        .expect("python3 is installed");
    assert!(
        output.status.success(),
        "{script}:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn redis_py_commands() {
    on_every_server(|server| python(server, "commands.py"));
}

#[test]
fn redis_py_pipelines_and_threads() {
    on_every_server(|server| python(server, "pipelines.py"));
}

fn cli(server: &Server, args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new("timeout");
    command
        .args([
            "120",
            "redis-cli",
            "-h",
            "127.0.0.1",
            "-p",
            &server.port().to_string(),
        ])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = process::spawn(command).expect("redis-cli is installed");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    let feeding = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("redis-cli ends");
    feeding.join().expect("fed");
    output
}

#[track_caller]
fn cli_text(server: &Server, args: &[&str], input: &str) -> String {
    let output = cli(server, args, input.as_bytes());
    let text =
        String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned();
    assert!(
        output.status.success(),
        "redis-cli {args:?}: {}\n{text}",
        output.status
    );
    text
}

#[test]
fn redis_cli_one_command() {
    on_every_server(|server| {
        assert_eq!(cli_text(server, &["SET", "k", "a b"], ""), "OK\n");
        assert_eq!(cli_text(server, &["GET", "k"], ""), "a b\n");
        assert_eq!(
            cli_text(server, &["-3", "--no-raw", "GET", "none"], ""),
            "(nil)\n"
        );
        assert_eq!(
            cli_text(server, &["--no-raw", "INCR", "n"], ""),
            "(integer) 1\n"
        );
        assert_eq!(cli_text(server, &["-n", "3", "DBSIZE"], ""), "0\n");
        assert_eq!(
            cli_text(server, &["-r", "5", "INCR", "n"], ""),
            "2\n3\n4\n5\n6\n"
        );
        let map = cli_text(
            server,
            &["-3", "--no-raw", "CONFIG", "GET", "databases"],
            "",
        );
        assert_eq!(map, "1# \"databases\" => \"16\"\n");
        assert!(cli_text(server, &["INFO"], "").contains("redis_version:7."));
        let script = "SET a 1\nINCR a\nMULTI\nINCR a\nGET a\nEXEC\nNOSUCH\n";
        let text = cli_text(server, &[], script);
        assert!(
            text.starts_with("OK\n2\nOK\nQUEUED\nQUEUED\n3\n3\n"),
            "{text}"
        );
        assert!(text.contains("ERR unknown command 'NOSUCH'"), "{text}");
        let text = cli_text(server, &["-x", "SET", "from-stdin"], "payload");
        assert_eq!(text, "OK\n");
        assert_eq!(cli_text(server, &["GET", "from-stdin"], ""), "payload\n");
    });
}

#[test]
fn redis_cli_mass_insertion() {
    on_every_server(|server| {
        let mut bytes = Vec::new();
        for i in 0..20_000 {
            encode(
                &["SET".to_string(), format!("key:{i}"), format!("value-{i}")],
                &mut bytes,
            );
        }
        let output = cli(server, &["--pipe"], &bytes);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("errors: 0, replies: 20000"), "{text}");
        assert_eq!(server.conn().call("DBSIZE"), Value::Int(20_000));
        assert_eq!(cli_text(server, &["--scan"], "").lines().count(), 20_000);
        let some = cli_text(server, &["--scan", "--pattern", "key:12?"], "");
        assert_eq!(some.lines().count(), 10);
        let big = cli_text(server, &["--bigkeys"], "");
        assert!(big.contains("20000 strings with"), "{big}");
        let big = cli_text(server, &["--memkeys"], "");
        assert!(big.contains("20000 strings with"), "{big}");
    });
}

#[test]
fn redis_cli_monitor_latency_and_stat() {
    on_every_server(|server| {
        let port = server.port().to_string();
        let mut command = Command::new("timeout");
        command.args(["120", "redis-cli", "-p", &port, "MONITOR"]);
        command.stdout(Stdio::piped()).stdin(Stdio::null());
        let mut monitor = process::spawn(command).expect("redis-cli is installed");
        let mut conn = server.conn();
        clock::wait_until("MONITOR to be on", || {
            conn.call("CLIENT LIST")
                .text()
                .contains("cmd=monitor")
                .then_some(())
        });
        conn.call("SET watched 1");
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(
            monitor.stdout.take().expect("piped"),
        ));
        let seen =
            lines.any(|line| line.is_ok_and(|line| line.contains("\"SET\" \"watched\" \"1\"")));
        process::signal(monitor.id(), "TERM");
        let _ = monitor.wait();
        assert!(seen, "MONITOR shows the command");
        // Ends by itself after a second when its output is no terminal.
        let latency = cli_text(server, &["--latency", "--raw"], "");
        let numbers: Vec<f64> = latency
            .split_whitespace()
            .filter_map(|n| n.parse().ok())
            .collect();
        assert_eq!(numbers.len(), 4, "min max avg samples: {latency}");
        // Prints to a terminal for as long as it is left alone; here it only has to keep asking.
        let before = pings(&mut conn);
        let history = endless(&["-p", &port, "--latency-history", "-i", "1"]);
        clock::wait_until("it to keep asking", || {
            (pings(&mut conn) > before + 20).then_some(())
        });
        process::signal(history.id(), "TERM");
        let output = history.wait_with_output().expect("it ends");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.is_empty(), "{errors}");
        let mut stat = endless(&["-p", &port, "-i", "0.2", "--stat"]);
        let lines =
            std::io::BufRead::lines(std::io::BufReader::new(stat.stdout.take().expect("piped")));
        let lines: Vec<String> = lines.map_while(Result::ok).take(4).collect();
        process::signal(stat.id(), "TERM");
        let _ = stat.wait();
        assert!(
            lines.len() == 4 && lines.concat().contains("keys"),
            "{lines:?}"
        );
    });
}

/// A redis-cli that goes on until it is told to end (timeout(1) passes that on), or for two minutes.
fn endless(args: &[&str]) -> Child {
    let mut command = Command::new("setpriv");
    command
        .args([
            "--pdeathsig",
            "KILL",
            "--",
            "timeout",
            "--foreground",
            "120",
        ])
        .args(["stdbuf", "-oL", "redis-cli"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    process::spawn(command).expect("redis-cli is installed")
}

fn pings(conn: &mut Conn) -> u64 {
    let commandstats = conn.call("INFO commandstats").text();
    let rest = commandstats
        .split_once("cmdstat_ping:calls=")
        .map_or("0", |(_, rest)| rest);
    rest.split(',')
        .next()
        .and_then(|n| n.parse().ok())
        .expect("a count")
}

#[test]
fn redis_benchmark_smoke() {
    on_every_server(|server| {
        for extra in [
            &["-P", "1"][..],
            &["-P", "16"],
            &["-P", "32", "-r", "10000", "-d", "1000"],
        ] {
            let output = Command::new("timeout")
                .args(["300", "redis-benchmark", "-p", &server.port().to_string()])
                .args([
                    "-n",
                    "5000",
                    "-c",
                    "20",
                    "--csv",
                    "-t",
                    "ping,set,get,incr,mset",
                ])
                .args(extra)
                .output()
                .expect("redis-benchmark is installed");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{extra:?}: {text}");
            for name in [
                "PING_INLINE",
                "PING_MBULK",
                "SET",
                "GET",
                "INCR",
                "MSET (10 keys)",
            ] {
                assert!(
                    text.contains(&format!("\"{name}\"")),
                    "{extra:?}: no {name} in {text}"
                );
            }
        }
        assert!(server.conn().call("DBSIZE").int() > 1000);
    });
}
