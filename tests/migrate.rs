//! MIGRATE: keys that go to another server, while clients of this one go on.

mod support;

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::clock::{self, RaiseAtEnd, wait_until};
use support::ports::free_port;
use support::process::{is_peer, redis_server};
use support::variants::Variant;
use support::{Conn, Options, Server, Value, each_variant, info, ok};

/// Starts the servers that keys are moved to: a real redis-server, if there is one, and one of ours.
fn each_target(variant: &Variant, directives: &[(&str, &str)], test: impl Fn(&Server, &Server)) {
    let mut redis = Options {
        reference: redis_server(),
        ..Options::default()
    };
    let mut ours = Options::new(2, "epoll");
    for (name, value) in directives {
        redis = redis.with(name, value);
        ours = ours.with(name, value);
    }
    let source = variant.own_server(&[]);
    let test = |source: &Server, target: &Server| {
        source.conn().call("FLUSHALL");
        test(source, target);
    };
    if redis.reference.is_some() {
        test(&source, &Server::start(&redis));
    } else {
        eprintln!("SKIPPED: no redis-server");
    }
    test(&source, &Server::start(&ours));
}

/// A server that does what the test says, one connection at a time.
struct Puppet(TcpListener);

impl Puppet {
    fn new() -> Puppet {
        Puppet(TcpListener::bind(("127.0.0.1", 0)).expect("a free port"))
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("it is bound").port()
    }

    fn accept(&self) -> Conn {
        Conn::over(self.0.accept().expect("a client").0).expect("a socket")
    }
}

/// The words of the next request.
fn request(conn: &mut Conn) -> Vec<String> {
    let request = conn.read().expect("a request");
    request.elements().iter().map(Value::text).collect()
}

/// Reads SELECT and agrees.
fn greet(conn: &mut Conn) {
    assert_eq!(request(conn)[0], "SELECT");
    conn.send(b"+OK\r\n").expect("sent");
}

fn migrate(port: u16, keys: &str, timeout_ms: u64, options: &str) -> String {
    format!("MIGRATE 127.0.0.1 {port} {keys} 0 {timeout_ms} {options}")
}

/// The same of several keys.
fn migrate_all(conn: &mut Conn, port: u16, timeout_ms: u64, options: &str, keys: &[&str]) -> Value {
    let (port, timeout) = (port.to_string(), timeout_ms.to_string());
    let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", &timeout];
    words.extend(options.split_ascii_whitespace());
    words.push("KEYS");
    words.extend(keys);
    let words: Vec<&[u8]> = words.into_iter().map(str::as_bytes).collect();
    conn.call_words(&words)
}

/// Values of every type, compact and large; their keys.
fn fill(conn: &mut Conn) -> Vec<&'static str> {
    let long = "x".repeat(100_000);
    let many = |command: &str, of: fn(usize) -> String| {
        let words: Vec<String> = (0..600).map(of).collect();
        format!("{command} {}", words.join(" "))
    };
    for line in [
        "SET int 12345".to_owned(),
        "SET text short".to_owned(),
        "SETRANGE raw 100 x".to_owned(),
        format!("SET long {long}"),
        "RPUSH list a 1 -7 100000".to_owned(),
        many("RPUSH longlist", |n| {
            format!("element-{n}-{}", "y".repeat(n % 50))
        }),
        "HSET hash f v g 12".to_owned(),
        many("HSET longhash", |n| format!("f{n} value-{n}")),
        "SADD intset 1 2 300000".to_owned(),
        "SADD set a b c".to_owned(),
        many("SADD longset", |n| format!("member-{n}")),
        "ZADD zset 1 a 2.5 b -inf c".to_owned(),
        many("ZADD longzset", |n| format!("{}.5 member-{n}", n * 7 % 100)),
        "PFADD hll a b c d".to_owned(),
        "XADD stream 1-1 f v".to_owned(),
        "XADD stream 2-1 f w g x".to_owned(),
        "XGROUP CREATE stream group 0".to_owned(),
        "SET volatile v PX 10000000".to_owned(),
        "RPUSH volatilelist a".to_owned(),
        "PEXPIRE volatilelist 10000000".to_owned(),
    ] {
        let reply = conn.call(&line);
        assert!(!reply.is_error(), "{reply}");
    }
    vec![
        "int",
        "text",
        "raw",
        "long",
        "list",
        "longlist",
        "hash",
        "longhash",
        "intset",
        "set",
        "longset",
        "zset",
        "longzset",
        "hll",
        "stream",
        "volatile",
        "volatilelist",
    ]
}

/// What a key is, but for its time: its digest and encoding.
fn look(conn: &mut Conn, key: &str) -> String {
    let digest = conn.call(&format!("DEBUG DIGEST-VALUE {key}"));
    let encoding = conn.call(&format!("OBJECT ENCODING {key}")).text();
    // 7.0 has no compact lists and sets as 7.2 has.
    let encoding = match encoding.as_str() {
        "listpack" | "hashtable" | "quicklist" => "collection",
        "embstr" | "raw" => "text",
        other => other,
    };
    format!("{digest} {encoding}")
}

#[test]
fn keys_of_every_type_go_and_come_back_as_they_were() {
    each_variant(|variant| {
        each_target(variant, &[], |source, target| {
            let (mut here, mut there) = (source.conn(), target.conn());
            let keys = fill(&mut here);
            let before: Vec<_> = keys.iter().map(|key| look(&mut here, key)).collect();
            for (copies, options) in [(true, "COPY"), (false, "REPLACE")] {
                let moved = migrate_all(&mut here, target.port(), 10_000, options, &keys);
                assert_eq!(moved, ok());
                let left = if copies { keys.len() } else { 0 };
                assert_eq!(here.call("DBSIZE").int() as usize, left);
                for (key, before) in keys.iter().zip(&before) {
                    assert_eq!(look(&mut there, key), *before, "{key}");
                    let left = there.call(&format!("PTTL {key}")).int();
                    match key.starts_with("volatile") {
                        true => assert!((9_000_000..=10_000_000).contains(&left), "{left}"),
                        false => assert_eq!(left, -1),
                    }
                }
            }
            assert_eq!(there.call("XINFO GROUPS stream").elements().len(), 1);
            let moved = migrate_all(&mut there, source.port(), 10_000, "", &keys);
            assert_eq!(moved, ok());
            assert_eq!(there.call("DBSIZE").int(), 0);
            for (key, before) in keys.iter().zip(&before) {
                assert_eq!(look(&mut here, key), *before, "{key}");
            }
            here.call("FLUSHALL");
        });
    });
}

#[test]
fn times_of_fields_go_with_the_hash() {
    if is_peer() {
        return;
    }
    each_variant(|variant| {
        let source = variant.own_server(&[]);
        let target = Server::start(&Options::new(3, "epoll"));
        let (mut here, mut there) = (source.conn(), target.conn());
        here.call("HSET h a 1 b 2 c 3");
        here.call("HPEXPIREAT h 60000000000000 FIELDS 1 a");
        here.call("HPEXPIRE h 1000000 FIELDS 1 b");
        assert_eq!(here.call(&migrate(target.port(), "h", 5000, "")), ok());
        let times = there.call("HPEXPIRETIME h FIELDS 3 a b c");
        assert_eq!(times.elements()[0].int(), 60_000_000_000_000);
        assert!(times.elements()[1].int() > clock::unix_ms());
        assert_eq!(times.elements()[2].int(), -1);
        assert_eq!(here.call("EXISTS h").int(), 0);
    });
}

#[test]
fn only_what_the_other_server_took_is_removed() {
    each_variant(|variant| {
        each_target(variant, &[], |source, target| {
            let (mut here, mut there) = (source.conn(), target.conn());
            here.call("MSET a 1 b 2 c 3 d 4 e 5");
            there.call("MSET b _ d _");
            let busy =
                "ERR Target instance replied with error: BUSYKEY Target key name already exists.";
            let keys = ["a", "none", "b", "c", "d", "e"];
            let reply = migrate_all(&mut here, target.port(), 5000, "", &keys);
            assert_eq!(reply.text(), busy);
            assert_eq!(here.call("MGET a b c d e").elements()[1].text(), "2");
            assert_eq!(here.call("DBSIZE").int(), 2);
            assert_eq!(there.call("DBSIZE").int(), 5);
            assert_eq!(there.call("GET b").text(), "_");
            let reply = migrate_all(&mut here, target.port(), 5000, "REPLACE", &keys);
            assert_eq!(reply, ok());
            assert_eq!(there.call("GET b").text(), "2");
            let reply = migrate_all(&mut here, target.port(), 5000, "REPLACE", &keys);
            assert_eq!(reply, Value::Simple(b"NOKEY".to_vec()));
            // Named twice it is moved once: the second time it is in the way of itself.
            here.call("SET twice 1");
            let reply = migrate_all(&mut here, target.port(), 5000, "", &["twice", "twice"]);
            assert_eq!(reply.text(), busy);
            assert_eq!(here.call("EXISTS twice").int(), 0);
            assert_eq!(there.call("GET twice").text(), "1");
        });
    });
}

#[test]
fn it_logs_in() {
    each_variant(|variant| {
        each_target(variant, &[("requirepass", "secret")], |source, target| {
            let (mut here, mut there) = (source.conn(), target.conn());
            there.call("AUTH secret");
            there.call("ACL SETUSER mover on >hidden ~* +@all");
            let error = "ERR Target instance replied with error: ";
            for (options, want) in [
                ("", "NOAUTH Authentication required."),
                (
                    "AUTH wrong",
                    "WRONGPASS invalid username-password pair or user is disabled.",
                ),
                (
                    "AUTH2 mover secret",
                    "WRONGPASS invalid username-password pair or user is disabled.",
                ),
            ] {
                here.call("SET k v");
                let reply = here.call(&migrate(target.port(), "k", 5000, options));
                assert_eq!(reply.text(), format!("{error}{want}"));
                assert_eq!(here.call("EXISTS k").int(), 1);
                assert_eq!(there.call("EXISTS k").int(), 0);
            }
            for options in ["AUTH secret", "AUTH2 mover hidden", "AUTH2 default secret"] {
                here.call("SET k v");
                let reply = here.call(&migrate(target.port(), "k", 5000, options));
                assert_eq!(reply, ok());
                assert_eq!(there.call("GETDEL k").text(), "v");
                assert_eq!(here.call("EXISTS k").int(), 0);
            }
        });
    });
}

#[test]
fn what_has_moved_is_gone_for_everybody() {
    each_variant(|variant| {
        let mut source = variant.own_server(&[
            ("notify-keyspace-events", "KEA"),
            ("appendonly", "yes"),
            ("appendfsync", "always"),
        ]);
        let target = Server::start(&Options::new(1, "epoll"));
        let mut here = source.conn();
        here.call("MSET a 1 b 2 c 3 stays 4");
        let mut watcher = source.conn();
        watcher.call("WATCH b");
        watcher.call("MULTI");
        watcher.call("GET stays");
        let mut reader = source.conn();
        reader.call("HELLO 3");
        reader.call("CLIENT TRACKING ON");
        reader.call("GET a");
        let mut listener = source.conn();
        listener.call("SUBSCRIBE __keyevent@0__:del");
        let dirty = info(&mut here, "rdb_changes_since_last_save");
        let moved = migrate_all(&mut here, target.port(), 5000, "", &["a", "b", "none", "c"]);
        assert_eq!(moved, ok());
        assert_eq!(watcher.call("EXEC"), Value::NullArray);
        let push = reader.read().expect("an invalidation");
        assert_eq!(push.elements()[1].elements()[0].text(), "a");
        let mut told: Vec<String> = (0..3)
            .map(|_| listener.read().expect("an event").elements()[2].text())
            .collect();
        told.sort();
        assert_eq!(told, ["a", "b", "c"]);
        let changes = info(&mut here, "rdb_changes_since_last_save");
        let number = |text: &str| text.parse::<i64>().expect("a number");
        assert_eq!(number(&changes) - number(&dirty), 3);
        source.restart();
        let mut here = source.conn();
        assert_eq!(here.call("KEYS *").elements()[0].text(), "stays");
        assert_eq!(here.call("DBSIZE").int(), 1);
    });
}

#[test]
fn a_server_that_does_not_answer_changes_nothing_and_holds_up_nobody() {
    each_variant(|variant| {
        let source = variant.own_server(&[]);
        let (mut here, mut other) = (source.conn(), source.conn());
        let keys = ["a", "b", "c", "d", "e"];
        here.call("MSET a 1 b 2 c 3 d 4 e 5");
        // As in Redis one hears of that when something is sent.
        let writing = "IOERR error or timeout writing to target instance";
        let reply = here.call(&migrate(free_port(), "a", 5000, ""));
        assert_eq!(reply.text(), writing);

        // Nobody accepts, nobody reads.
        let silent = Puppet::new();
        let begun = clock::now();
        let port = silent.port();
        here.send(format!("{}\r\n", migrate(port, "a", 300, "")).as_bytes())
            .expect("sent");
        if !is_peer() {
            let mut answered = 0;
            while !here.has_unread() && here.is_silent_for(Duration::from_millis(1)) {
                for key in keys {
                    assert_eq!(other.call(&format!("EXISTS {key}")).int(), 1);
                    answered += 1;
                }
            }
            assert!(answered > 0);
        }
        let reading = "IOERR error or timeout reading to target instance";
        assert_eq!(here.read().expect("a reply").text(), reading);
        assert!(begun.elapsed() >= Duration::from_millis(300));
        let reply = migrate_all(&mut here, port, 100, "", &keys);
        assert_eq!(reply.text(), reading);
        // A zero is a second.
        let begun = clock::now();
        assert_eq!(here.call(&migrate(port, "a", 0, "")).text(), reading);
        assert!(begun.elapsed() >= Duration::from_millis(1000));
        assert_eq!(here.call("DBSIZE").int(), 5);
        here.call("FLUSHALL");
    });
}

#[test]
fn a_server_that_never_reads_does_not_get_a_large_value() {
    each_variant(|variant| {
        let source = variant.own_server(&[]);
        let mut here = source.conn();
        let silent = Puppet::new();
        here.call("CONFIG SET rdbcompression no");
        here.call("SETRANGE large 50000000 x");
        let line = migrate(silent.port(), "large", 500, "");
        here.send(format!("{line}\r\n").as_bytes()).expect("sent");
        let mut link = silent.accept();
        if !is_peer() {
            greet(&mut link);
        }
        let writing = "IOERR error or timeout writing to target instance";
        assert_eq!(here.read().expect("a reply").text(), writing);
        assert_eq!(here.call("STRLEN large").int(), 50_000_001);
        drop(link);
    });
}

#[test]
fn replies_that_make_no_sense_confirm_nothing() {
    if is_peer() {
        // It takes whatever is no error for a confirmation.
        return;
    }
    each_variant(|variant| {
        let source = variant.own_server(&[]);
        let mut here = source.conn();
        let puppet = Puppet::new();
        let reading = "IOERR error or timeout reading to target instance";
        for garbage in [
            "HTTP/1.1 400 Bad Request\r\n",
            ":1\r\n",
            "+QUEUED\r\n",
            "\r\n",
            "+OK\n",
        ] {
            here.call("SET k v");
            let line = migrate(puppet.port(), "k", 60_000, "");
            here.send(format!("{line}\r\n").as_bytes()).expect("sent");
            // It tries a second time, as the connection could have been an old one.
            for _ in 0..2 {
                let mut link = puppet.accept();
                greet(&mut link);
                assert_eq!(request(&mut link)[0], "RESTORE");
                link.send(garbage.as_bytes()).expect("sent");
            }
            assert_eq!(here.read().expect("a reply").text(), reading);
            assert_eq!(here.call("GET k").text(), "v");
        }
        // What was confirmed before the end is gone.
        here.call("MSET a 1 b 2");
        let words = format!(
            "MIGRATE 127.0.0.1 {} \"\" 0 60000 KEYS a b\r\n",
            puppet.port()
        );
        here.send(words.as_bytes()).expect("sent");
        let mut link = puppet.accept();
        greet(&mut link);
        assert_eq!(request(&mut link)[1], "a");
        assert_eq!(request(&mut link)[1], "b");
        link.send(b"+OK\r\n").expect("sent");
        drop(link);
        assert_eq!(here.read().expect("a reply").text(), reading);
        assert_eq!(here.call("EXISTS a").int(), 0);
        assert_eq!(here.call("EXISTS b").int(), 1);
    });
}

#[test]
fn what_changes_on_the_way_is_sent_again() {
    if is_peer() {
        // There nobody can change anything meanwhile.
        return;
    }
    each_variant(|variant| {
        let source = variant.own_server(&[]);
        let (mut here, mut other) = (source.conn(), source.conn());
        let puppet = Puppet::new();
        for key in ["k", "list", "hash", "set", "zset", "stream"] {
            here.call("FLUSHALL");
            here.call("SET k v");
            here.call("RPUSH list a");
            here.call("HSET hash f v");
            here.call("SADD set a b");
            here.call("ZADD zset 1 a");
            here.call("XADD stream 1-1 f v");
            here.call("XGROUP CREATE stream group 0");
            here.call("XREADGROUP GROUP group consumer STREAMS stream >");
            let line = migrate(puppet.port(), key, 60_000, "");
            here.send(format!("{line}\r\n").as_bytes()).expect("sent");
            let mut link = puppet.accept();
            greet(&mut link);
            let first = request(&mut link);
            assert_eq!((&*first[0], &*first[1], first.len()), ("RESTORE", key, 4));
            let change = match key {
                "k" => "PEXPIRE k 1000000",
                "list" => "RPUSH list b",
                "hash" => "HSET hash f w",
                "set" => "SREM set b",
                "zset" => "ZINCRBY zset 1 a",
                _ => "XACK stream group 1-1",
            };
            assert!(!other.call(change).is_error());
            link.send(b"+OK\r\n").expect("sent");
            let second = request(&mut link);
            assert_eq!((&*second[0], &*second[1]), ("RESTORE", key));
            assert_eq!(second[4], "REPLACE");
            assert_ne!(first[2..4], second[2..4]);
            // Others may read it all the time.
            assert_eq!(other.call(&format!("EXISTS {key}")).int(), 1);
            link.send(b"+OK\r\n").expect("sent");
            assert_eq!(here.read().expect("a reply"), ok());
            assert_eq!(here.call(&format!("EXISTS {key}")).int(), 0);
            drop(link);
        }
        // What is removed here on the way is removed there.
        here.call("FLUSHALL");
        here.call("MSET k v l v");
        let words = format!(
            "MIGRATE 127.0.0.1 {} \"\" 0 60000 KEYS k l\r\n",
            puppet.port()
        );
        here.send(words.as_bytes()).expect("sent");
        // The connection before is tried first, as a rule in vain.
        let mut link = puppet.accept();
        greet(&mut link);
        assert_eq!(request(&mut link)[1], "k");
        assert_eq!(request(&mut link)[1], "l");
        assert_eq!(other.call("DEL k").int(), 1);
        link.send(b"+OK\r\n+OK\r\n").expect("sent");
        assert_eq!(request(&mut link), ["DEL", "k"]);
        link.send(b":1\r\n").expect("sent");
        assert_eq!(here.read().expect("a reply"), ok());
        assert_eq!(here.call("DBSIZE").int(), 0);
        // A pause of writes is kept; what was confirmed goes when it is over.
        here.call("SET k v");
        let line = migrate(puppet.port(), "k", 60_000, "");
        here.send(format!("{line}\r\n").as_bytes()).expect("sent");
        assert_eq!(request(&mut link)[1], "k");
        assert_eq!(other.call("CLIENT PAUSE 1000000 WRITE"), ok());
        link.send(b"+OK\r\n").expect("sent");
        assert!(here.is_silent_for(Duration::from_millis(30)));
        assert_eq!(other.call("EXISTS k").int(), 1);
        assert_eq!(other.call("CLIENT UNPAUSE"), ok());
        assert_eq!(here.read().expect("a reply"), ok());
        assert_eq!(here.call("EXISTS k").int(), 0);
    });
}

/// Appends numbers to a list until told to stop; how many.
fn push(server: &Server, key: &str, stop: &AtomicBool) -> usize {
    let mut conn = server.conn();
    let mut count = 0;
    while !stop.load(Ordering::SeqCst) {
        let reply = conn.call(&format!("RPUSH {key} {count}"));
        assert!(!reply.is_error(), "{reply}");
        count += 1;
    }
    count
}

#[test]
fn nothing_is_lost_of_a_list_that_is_written_without_pause() {
    each_variant(|variant| {
        each_target(variant, &[], |source, target| {
            let (mut here, mut there) = (source.conn(), target.conn());
            for round in 0..4 {
                let keys = [
                    format!("a{round}"),
                    format!("b{round}"),
                    format!("c{round}"),
                ];
                let names = [&*keys[0], &*keys[1], &*keys[2]];
                let stop = AtomicBool::new(false);
                let counts: Vec<usize> = std::thread::scope(|scope| {
                    let _stop = RaiseAtEnd(&stop);
                    let writers = names.map(|key| scope.spawn(|| push(source, key, &stop)));
                    wait_until("lists to grow", || {
                        let grown = |key| here.call(&format!("LLEN {key}")).int() > 20;
                        names.into_iter().all(grown).then_some(())
                    });
                    let moved = migrate_all(&mut here, target.port(), 60_000, "", &names);
                    assert_eq!(moved, ok());
                    stop.store(true, Ordering::SeqCst);
                    writers
                        .map(|writer| writer.join().expect("it writes"))
                        .into()
                });
                for (key, count) in names.into_iter().zip(counts) {
                    let all = |conn: &mut Conn| {
                        let list = conn.call(&format!("LRANGE {key} 0 -1"));
                        list.elements().iter().map(Value::text).collect::<Vec<_>>()
                    };
                    let pushed = [all(&mut there), all(&mut here)].concat();
                    let wanted: Vec<String> = (0..count).map(|n| n.to_string()).collect();
                    assert!(pushed == wanted, "{key}: {} of {count}", pushed.len());
                }
            }
        });
    });
}

#[test]
fn a_key_is_moved_by_one_at_a_time() {
    if is_peer() {
        return;
    }
    each_variant(|variant| {
        let source = variant.own_server(&[]);
        let mut clients = [source.conn(), source.conn(), source.conn()];
        let puppet = Puppet::new();
        clients[0].call("MSET k v l v");
        let line = format!("{}\r\n", migrate(puppet.port(), "k", 60_000, "REPLACE"));
        clients[0].send(line.as_bytes()).expect("sent");
        let mut link = puppet.accept();
        greet(&mut link);
        assert_eq!(request(&mut link)[1], "k");
        // Were it sent as well, it would be found gone, and be removed there.
        clients[1].send(line.as_bytes()).expect("sent");
        // Others need not wait.
        let line = format!("{}\r\n", migrate(puppet.port(), "l", 60_000, ""));
        clients[2].send(line.as_bytes()).expect("sent");
        let mut second = puppet.accept();
        greet(&mut second);
        assert_eq!(request(&mut second)[1], "l");
        second.send(b"+OK\r\n").expect("sent");
        assert_eq!(clients[2].read().expect("a reply"), ok());
        link.send(b"+OK\r\n").expect("sent");
        assert_eq!(clients[0].read().expect("a reply"), ok());
        assert_eq!(clients[1].read().expect("a reply").text(), "NOKEY");
    });
}

#[test]
fn connections_are_kept_for_the_next() {
    each_variant(|variant| {
        let mut target = Server::start(&Options::new(1, "epoll"));
        let source = variant.own_server(&[]);
        let mut here = source.conn();
        let before = info(&mut target.conn(), "total_connections_received");
        for db in [0, 0, 1, 0] {
            here.call("SET k v");
            let line = format!("MIGRATE 127.0.0.1 {} k {db} 5000 REPLACE", target.port());
            assert_eq!(here.call(&line), ok());
            assert_eq!(info(&mut here, "migrate_cached_sockets"), "1");
        }
        // The one that asked, the one that MIGRATE has, and the one that asks.
        let after = info(&mut target.conn(), "total_connections_received");
        let number = |text: &str| text.parse::<i64>().expect("a number");
        assert_eq!(number(&after) - number(&before), 2);
        let mut there = target.conn();
        assert_eq!(there.call("EXISTS k").int(), 1);
        there.call("SELECT 1");
        assert_eq!(there.call("EXISTS k").int(), 1);
        // One that the other server has closed is no reason to fail.
        there.call("CLIENT KILL TYPE normal");
        here.call("SET k v");
        let line = migrate(target.port(), "k", 5000, "REPLACE");
        assert_eq!(here.call(&line), ok());
        target.stop();
        here.call("SET k v");
        assert_eq!(
            here.call(&line).text(),
            "IOERR error or timeout writing to target instance"
        );
    });
}

#[test]
fn a_client_that_is_killed_and_a_server_that_goes_leave_the_key() {
    if is_peer() {
        // There nobody is served meanwhile.
        return;
    }
    each_variant(|variant| {
        let mut source = variant.own_server(&[("save", "1 1")]);
        let puppet = Puppet::new();
        let (mut here, mut other) = (source.conn(), source.conn());
        here.call("SET k v");
        let id = here.call("CLIENT ID").int();
        let line = migrate(puppet.port(), "k", 60_000, "");
        here.send(format!("{line}\r\n").as_bytes()).expect("sent");
        let mut link = puppet.accept();
        greet(&mut link);
        request(&mut link);
        assert_eq!(other.call(&format!("CLIENT KILL ID {id}")).int(), 1);
        drop(link);
        // It is tried once more, whoever asked.
        let mut link = puppet.accept();
        greet(&mut link);
        request(&mut link);
        drop(link);
        assert_eq!(other.call("GET k").text(), "v");
        let mut here = source.conn();
        here.send(format!("{line}\r\n").as_bytes()).expect("sent");
        let mut link = puppet.accept();
        greet(&mut link);
        request(&mut link);
        other.send(b"SHUTDOWN\r\n").expect("sent");
        assert!(source.wait_exit().success());
        source.restart();
        assert_eq!(source.conn().call("GET k").text(), "v");
    });
}
