//! Disks that fail under the real process: full, not writable, without fsync. Writes are refused, reads go on, and when
//! the cause is gone all is well without a restart; then the process is killed, and everything acknowledged is there.
//!
//! | fault | how it is made |
//! |---|---|
//! | full disk, with writes that stop in the middle of a command | `prlimit --fsize` on the running process: EFBIG |
//! | full file system, ENOSPC | a tmpfs of a megabyte and a file that fills it; where we may mount one |
//! | folder that cannot be written to | its permissions; a root server is started without the right to override them |
//! | rename that fails | a folder in the place of the file |
//! | fsync that does not end | DEBUG HOLD-SYNC |
//! | fsync that fails | /dev/null in the place of the file, which has none |
//!
//! What fails at random at each single operation is in `src/server/aof/tests.rs`.

mod support;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use support::clock::{self, RaiseAtEnd, wait_until};
use support::process::{can_obey_permissions, fresh_dir, limit_files};
use support::rng::{Rng, seed};
use support::{Conn, Server, Value, each_variant, info, ok};

#[track_caller]
fn wait_for(conn: &mut Conn, name: &str, value: &str) {
    wait_until(&format!("{name} to be {value}"), || {
        (info(conn, name) == value).then_some(())
    });
}

const CLIENTS: u64 = 3;

/// Clients that write until they are told to stop, and remember what was acknowledged.
struct Load {
    stop: AtomicBool,
    /// By client.
    acknowledged: [AtomicU64; CLIENTS as usize],
    refused: AtomicU64,
}

/// The two keys of a client's `n`th write.
fn keys(client: u64, n: u64) -> [String; 2] {
    ["left", "right"].map(|side| format!("{side}:{client}:{n}:"))
}

impl Load {
    fn new() -> Load {
        Load {
            stop: AtomicBool::new(false),
            acknowledged: Default::default(),
            refused: AtomicU64::new(0),
        }
    }

    /// Writes pairs of keys, on two shards as a rule. Returns which pairs were acknowledged.
    fn write(&self, address: SocketAddr, client: u64) -> Vec<u64> {
        let mut conn = Conn::open(address).expect("the server is there");
        let mut acknowledged = Vec::new();
        for n in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let [left, right] = keys(client, n);
            let text = n.to_string();
            match conn.call(&format!("MSET {left} {text} {right} {text}")) {
                reply if reply == ok() => {
                    acknowledged.push(n);
                    self.acknowledged[client as usize].fetch_add(1, Ordering::SeqCst);
                }
                reply => {
                    assert!(reply.text().starts_with("MISCONF"), "{reply}");
                    self.refused.fetch_add(1, Ordering::SeqCst);
                    clock::breathe();
                }
            }
        }
        acknowledged
    }

    /// Waits until each client has got so many more acknowledgements.
    #[track_caller]
    fn wait_for_more(&self, more: u64) {
        let now = || {
            self.acknowledged
                .each_ref()
                .map(|n| n.load(Ordering::SeqCst))
        };
        let goal = now().map(|n| n + more);
        wait_until("writes to be acknowledged", || {
            let mut both = now().into_iter().zip(goal);
            both.all(|(now, goal)| now >= goal).then_some(())
        });
    }
}

/// Runs `scenario` while clients write; then kills the server when what was acknowledged has left it, and looks for all of
/// it.
fn under_load(server: &mut Server, folder: &Path, scenario: impl FnOnce(&Server, &Load)) {
    let load = Load::new();
    let address = server.address();
    let acknowledged: Vec<Vec<u64>> = std::thread::scope(|scope| {
        let load = &load;
        let writers: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || load.write(address, client)))
            .collect();
        let done = RaiseAtEnd(&load.stop);
        // Clients are served a moment before the files are there.
        wait_until("the first write to be in the file", || {
            has_text(folder, &keys(0, 0)[0]).then_some(())
        });
        load.wait_for_more(5);
        scenario(server, load);
        load.wait_for_more(5);
        drop(done);
        let writers = writers.into_iter();
        writers
            .map(|writer| writer.join().expect("a writer"))
            .collect()
    });
    for (client, acknowledged) in acknowledged.iter().enumerate() {
        let last = *acknowledged.last().expect("there were some");
        wait_until("the last write to be in the file", || {
            has_text(folder, &keys(client as u64, last)[0]).then_some(())
        });
    }
    server.restart();
    let mut conn = server.conn();
    for (client, acknowledged) in acknowledged.iter().enumerate() {
        for some in acknowledged.chunks(200) {
            let pairs: Vec<[String; 2]> = some.iter().map(|n| keys(client as u64, *n)).collect();
            let values = conn.call(&format!("MGET {}", pairs.concat().join(" ")));
            for (place, value) in values.elements().iter().enumerate() {
                let n = some[place / 2];
                assert_eq!(value.text(), n.to_string(), "client {client}, write {n}");
            }
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn has_text(folder: &Path, text: &str) -> bool {
    files(folder).iter().any(|file| {
        let content = fs::read(file).unwrap_or_default();
        let mut windows = content.windows(text.len());
        windows.any(|window| window == text.as_bytes())
    })
}

/// What must not be left behind.
fn temporary(folder: &Path) -> Vec<PathBuf> {
    let mut all = files(folder);
    all.retain(|path| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"temp-"))
    });
    all
}

/// The increment that is being written to.
fn current_incr(folder: &Path) -> PathBuf {
    let manifest = fs::read_to_string(folder.join("appendonly.aof.manifest")).expect("there");
    let mut lines = manifest.lines().rev();
    let line = lines.find(|line| line.ends_with("type i"));
    let line = line.expect("an increment");
    let name = line.split(' ').nth(1).expect("a name");
    folder.join(name)
}

/// How everything answers while the append-only file cannot be written.
fn answers_while_failing(conn: &mut Conn, why: &str) {
    let refused = Value::Error(format!("MISCONF Errors writing to the AOF file: {why}").into());
    let script = "MISCONF Redis is configured to persist data to AOF, but it's currently unable to \
                  persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only \
                  scripts. AOF error: ";
    assert_eq!(conn.call("SET other 1"), refused);
    assert_eq!(conn.call("DEL left:0:0:"), refused);
    assert_eq!(conn.call("PING"), refused);
    assert_eq!(conn.call("MULTI"), ok());
    assert_eq!(conn.call("SET other 1"), refused);
    assert!(conn.call("EXEC").text().starts_with("EXECABORT"));
    let eval = |conn: &mut Conn, text: &str| {
        conn.call_words(&[b"EVAL", text.as_bytes(), b"1", b"left:0:0:"])
    };
    let writes = "redis.call('SET', KEYS[1], 1)";
    assert!(
        eval(conn, writes)
            .text()
            .contains("MISCONF Errors writing to the AOF file"),
    );
    let marked = eval(conn, "#!lua\nreturn 1");
    assert_eq!(marked, Value::Error(format!("{script}{why}").into()));
    let reads = eval(
        conn,
        "#!lua flags=no-writes\nreturn redis.call('GET', KEYS[1])",
    );
    assert_eq!(reads.text(), "0");
    assert_eq!(eval(conn, "return redis.call('GET', KEYS[1])").text(), "0");
    assert_eq!(conn.call("GET left:0:0:").text(), "0");
    assert_eq!(conn.call("ECHO there").text(), "there");
    assert_eq!(
        conn.call("SHUTDOWN").text(),
        "ERR Errors trying to SHUTDOWN. Check logs."
    );
}

const POLICIES: [&str; 3] = ["always", "everysec", "no"];

fn directives<'a>(fsync: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("appendonly", "yes"),
        ("appendfsync", fsync),
        ("auto-aof-rewrite-percentage", "0"),
    ];
    all.extend_from_slice(more);
    all
}

/// A rewrite that fails, and leaves nothing behind.
fn rewrite_in_vain(conn: &mut Conn, folder: &Path) {
    conn.call("BGREWRITEAOF");
    wait_for(conn, "aof_rewrite_scheduled", "0");
    wait_for(conn, "aof_rewrite_in_progress", "0");
    assert_eq!(info(conn, "aof_last_bgrewrite_status"), "err");
    assert_eq!(temporary(folder), Vec::<PathBuf>::new());
}

fn rewrite(conn: &mut Conn, folder: &Path) {
    let before: u64 = info(conn, "aof_rewrites").parse().expect("a number");
    conn.call("BGREWRITEAOF");
    wait_for(conn, "aof_rewrites", &(before + 1).to_string());
    wait_for(conn, "aof_rewrite_in_progress", "0");
    assert_eq!(info(conn, "aof_last_bgrewrite_status"), "ok");
    assert_eq!(temporary(folder), Vec::<PathBuf>::new());
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room_again() {
    let seed = seed();
    println!("seed {seed}");
    each_variant(|variant| {
        let mut rng = Rng::new(seed);
        for fsync in POLICIES {
            let mut server = variant.own_server(&directives(fsync, &[]));
            let folder = server.dir().join("appendonlydir");
            under_load(&mut server, &folder, |server, load| {
                let mut conn = server.conn();
                for round in 0..2 {
                    // Somewhere in the middle of a command, or at nothing at all.
                    let size = fs::metadata(current_incr(&folder)).expect("there").len();
                    let limit = match round {
                        0 => size + 1 + rng.below(300) as u64,
                        _ => 0,
                    };
                    limit_files(server.pid(), Some(limit));
                    wait_for(&mut conn, "aof_last_write_status", "err");
                    answers_while_failing(&mut conn, "File too large");
                    rewrite_in_vain(&mut conn, &folder);
                    limit_files(server.pid(), None);
                    wait_for(&mut conn, "aof_last_write_status", "ok");
                    load.wait_for_more(3);
                    if rng.below(2) == 0 {
                        rewrite(&mut conn, &folder);
                    }
                }
            });
        }
    });
}

/// A small file system of our own; gone with this.
struct Small {
    path: PathBuf,
}

impl Small {
    /// `None`, with a visible line, where we may not mount one.
    fn mount() -> Option<Small> {
        let path = fresh_dir();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "none"])
            .arg(&path)
            .output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            eprintln!("SKIPPED: no file system can be mounted here");
            let _ = fs::remove_dir(&path);
            return None;
        }
        Some(Small { path })
    }

    /// Leaves no room.
    fn fill(&self) {
        let block = [0; 4096];
        let mut file = fs::File::create(self.path.join("ballast")).expect("there is room for it");
        while std::io::Write::write_all(&mut file, &block).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.path.join("ballast")).expect("it is there");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .status();
        let _ = fs::remove_dir(&self.path);
    }
}

#[test]
fn a_full_file_system_refuses_writes_until_there_is_room_again() {
    each_variant(|variant| {
        for fsync in POLICIES {
            let Some(small) = Small::mount() else { return };
            let path = small.path.to_str().expect("it is text").to_owned();
            let mut server = variant.own_server(&directives(fsync, &[("dir", &path)]));
            let folder = small.path.join("appendonlydir");
            under_load(&mut server, &folder, |server, load| {
                let mut conn = server.conn();
                small.fill();
                wait_for(&mut conn, "aof_last_write_status", "err");
                answers_while_failing(&mut conn, "No space left on device");
                rewrite_in_vain(&mut conn, &folder);
                small.empty();
                wait_for(&mut conn, "aof_last_write_status", "ok");
                load.wait_for_more(3);
                rewrite(&mut conn, &folder);
            });
        }
    });
}

#[test]
fn a_folder_that_cannot_be_written_to_fails_rewrites_only() {
    if !can_obey_permissions() {
        return;
    }
    each_variant(|variant| {
        for fsync in POLICIES {
            let mut options = variant.options.clone();
            options.obeys_permissions = true;
            for (name, value) in directives(fsync, &[]) {
                options = options.with(name, value);
            }
            let mut server = Server::start(&options);
            let folder = server.dir().join("appendonlydir");
            under_load(&mut server, &folder, |server, load| {
                let mut conn = server.conn();
                let permit = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode));
                permit(0o555).expect("it is ours");
                rewrite_in_vain(&mut conn, &folder);
                load.wait_for_more(3);
                assert_eq!(info(&mut conn, "aof_last_write_status"), "ok");
                permit(0o755).expect("it is ours");
                rewrite(&mut conn, &folder);
            });
        }
    });
}

#[test]
fn a_manifest_that_cannot_be_replaced_fails_rewrites_only() {
    each_variant(|variant| {
        for fsync in POLICIES {
            let mut server = variant.own_server(&directives(fsync, &[]));
            let folder = server.dir().join("appendonlydir");
            under_load(&mut server, &folder, |server, load| {
                let mut conn = server.conn();
                let (manifest, aside) =
                    (folder.join("appendonly.aof.manifest"), folder.join("aside"));
                // No file can be renamed over a folder.
                fs::rename(&manifest, &aside).expect("it is there");
                fs::create_dir(&manifest).expect("the place is free");
                rewrite_in_vain(&mut conn, &folder);
                load.wait_for_more(3);
                fs::remove_dir(&manifest).expect("it is empty");
                fs::rename(&aside, &manifest).expect("the place is free");
                load.wait_for_more(3);
                // What the old manifest names is complete all the time; and a new one can be written.
                if fsync != "everysec" {
                    rewrite(&mut conn, &folder);
                }
            });
        }
    });
}

#[test]
fn a_failing_fsync_refuses_writes_and_acknowledges_nothing_that_waits_for_it() {
    each_variant(|variant| {
        for fsync in ["always", "everysec"] {
            let mut server = variant.own_server(&directives(fsync, &[]));
            let folder = server.dir().join("appendonlydir");
            assert_eq!(server.conn().call("SET left:0:0: 0"), ok());
            wait_until("it to be written", || {
                has_text(&folder, "left:0:0:").then_some(())
            });
            server.stop();
            let incr = current_incr(&folder);
            let aside = folder.join("aside");
            fs::rename(&incr, &aside).expect("it is there");
            // The manifest goes on with the next number, which takes every write and no fsync.
            let manifest = folder.join("appendonly.aof.manifest");
            let text = fs::read_to_string(&manifest).expect("it is there");
            let more = "file appendonly.aof.2.incr.aof seq 2 type i\n";
            fs::write(&manifest, format!("{text}{more}")).expect("written");
            fs::rename(&aside, &incr).expect("put back");
            let null = folder.join("appendonly.aof.2.incr.aof");
            std::os::unix::fs::symlink("/dev/null", &null).expect("a link");
            server.restart();
            let (mut writer, mut conn) = (server.conn(), server.conn());
            writer
                .send_command(&[b"SET", b"key", b"new"])
                .expect("sent");
            wait_for(&mut conn, "aof_last_write_status", "err");
            answers_while_failing(&mut conn, "Invalid argument");
            if fsync == "always" {
                assert!(writer.is_silent_for(Duration::from_millis(30)));
            }
            rewrite_in_vain(&mut conn, &folder);
            // Off and on again: a file that can be synced.
            assert_eq!(conn.call("CONFIG SET appendonly no"), ok());
            assert_eq!(writer.read(), Ok(ok()));
            wait_for(&mut conn, "aof_last_write_status", "ok");
            let before: u64 = info(&mut conn, "aof_rewrites").parse().expect("a number");
            assert_eq!(conn.call("CONFIG SET appendonly yes"), ok());
            wait_until("the first base", || {
                let now: u64 = info(&mut conn, "aof_rewrites").parse().expect("a number");
                (now > before).then_some(())
            });
            wait_for(&mut conn, "aof_rewrite_in_progress", "0");
            assert_eq!(conn.call("SET key newer"), ok());
            assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
            server.restart();
            let mut conn = server.conn();
            assert_eq!(conn.call("GET key").text(), "newer");
            assert_eq!(conn.call("GET left:0:0:").text(), "0");
        }
    });
}

/// How many answers of another client a writer that stands still has to miss.
const MISSED: u64 = 300;

#[test]
fn with_everysec_a_disk_that_stands_still_holds_up_what_could_be_lost_and_nothing_else() {
    each_variant(|variant| {
        let server = variant.own_server(&directives("everysec", &[]));
        let mut conn = server.conn();
        assert_eq!(conn.call("SET there 1"), ok());
        assert_eq!(conn.call("WAITAOF 1 0 0").elements()[0].int(), 1);
        assert_eq!(conn.call("DEBUG HOLD-SYNC 1"), ok());
        let (stop, written) = (AtomicBool::new(false), AtomicU64::new(0));
        let address = server.address();
        std::thread::scope(|scope| {
            let done = RaiseAtEnd(&stop);
            scope.spawn(|| {
                let mut conn = Conn::open(address).expect("the server is there");
                while !stop.load(Ordering::SeqCst) {
                    assert!(conn.call("INCR count").int() > 0);
                    written.fetch_add(1, Ordering::SeqCst);
                }
            });
            let (mut last, mut since) = (0, 0);
            // It goes on for some two seconds.
            wait_until("the writer to stand still", || {
                assert_eq!(
                    conn.call("GET there").text(),
                    "1",
                    "who reads is not held up"
                );
                let now = written.load(Ordering::SeqCst);
                since = if now == last { since + 1 } else { 0 };
                last = now;
                (last > 0 && since > MISSED).then_some(())
            });
            assert_eq!(conn.call("DEBUG HOLD-SYNC 0"), ok());
            wait_until("the writer to go on", || {
                (written.load(Ordering::SeqCst) > last + 5).then_some(())
            });
            drop(done);
        });
        let delayed: u64 = info(&mut conn, "aof_delayed_fsync")
            .parse()
            .expect("a number");
        assert!(delayed > 0, "it is counted");
    });
}

#[test]
fn with_always_a_disk_that_stands_still_acknowledges_nothing() {
    each_variant(|variant| {
        let mut server = variant.own_server(&directives("always", &[]));
        let (mut writer, mut conn) = (server.conn(), server.conn());
        assert_eq!(conn.call("DEBUG HOLD-SYNC 1"), ok());
        writer.send_command(&[b"INCR", b"count"]).expect("sent");
        assert!(writer.is_silent_for(Duration::from_millis(30)));
        conn.send_command(&[b"DEBUG", b"HOLD-SYNC", b"0"])
            .expect("sent");
        assert_eq!(conn.read(), Ok(ok()));
        assert_eq!(writer.read(), Ok(Value::Int(1)));
        server.restart();
        assert_eq!(server.conn().call("GET count").text(), "1");
    });
}

/// As [`answers_while_failing`], after a failed save.
fn answers_after_failed_save(conn: &mut Conn) {
    let text = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to \
                persist to disk. ";
    let refused = conn.call("SET other 1").text();
    assert!(
        refused.starts_with(&format!("{text}Commands that may")),
        "{refused}"
    );
    assert_eq!(conn.call("PING").text(), refused);
    let eval = |conn: &mut Conn, script: &str| {
        let reply = conn.call_words(&[b"EVAL", script.as_bytes(), b"1", b"key:1"]);
        reply.text()
    };
    let written = eval(conn, "return redis.call('SET', KEYS[1], 1)");
    assert!(written.contains(text), "{written}");
    let marked = eval(conn, "#!lua\nreturn 1");
    assert!(
        marked.starts_with(&format!("{text}Writable scripts")),
        "{marked}"
    );
    assert_eq!(conn.call("EXISTS key:1").int(), 1);
}

#[test]
fn a_save_without_room_keeps_the_old_file_and_stops_writes() {
    each_variant(|variant| {
        let mut options = variant.options.clone();
        options.obeys_permissions = true;
        let mut server = Server::start(&options);
        let mut conn = server.conn();
        assert_eq!(conn.call("SET old 1"), ok());
        assert_eq!(conn.call("SAVE"), ok());
        conn.call("DEBUG POPULATE 5000 key 100");
        let dump = server.dir().join("dump.rdb");
        let old = fs::read(&dump).expect("it is there");
        let folder = server.dir().to_owned();
        let permit = |mode| {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("it is ours");
        };
        let pid = server.pid();
        type Act<'a> = &'a dyn Fn();
        let faults: [(Act<'_>, Act<'_>); 2] = [
            (&|| limit_files(pid, Some(100_000)), &|| {
                limit_files(pid, None)
            }),
            (&|| permit(0o555), &|| permit(0o755)),
        ];
        let can_permit = can_obey_permissions();
        for (strike, mend) in &faults[..1 + usize::from(can_permit)] {
            strike();
            assert_eq!(conn.call("SAVE"), Value::Error(b"ERR".to_vec()));
            // Whoever saves by hand is told by the reply.
            assert_eq!(conn.call("SET other 1"), ok());
            let started = conn.call("BGSAVE").text();
            assert_eq!(started, "Background saving started");
            wait_for(&mut conn, "rdb_bgsave_in_progress", "0");
            assert_eq!(info(&mut conn, "rdb_last_bgsave_status"), "err");
            // Without save points nobody relies on it.
            assert_eq!(conn.call("SET other 1"), ok());
            assert_eq!(conn.call("PING").text(), "PONG");
            let points = [&b"CONFIG"[..], b"SET", b"save", b"10000 100000000"];
            assert_eq!(conn.call_words(&points), ok());
            wait_until("writes to be refused", || {
                conn.call("SET other 1").is_error().then_some(())
            });
            answers_after_failed_save(&mut conn);
            assert_eq!(conn.call("CONFIG SET stop-writes-on-bgsave-error no"), ok());
            assert_eq!(conn.call("SET other 1"), ok());
            assert_eq!(
                conn.call("CONFIG SET stop-writes-on-bgsave-error yes"),
                ok()
            );
            assert_eq!(temporary(&folder), Vec::<PathBuf>::new());
            assert!(fs::read(&dump).expect("it is there") == old);
            mend();
            conn.call("BGSAVE");
            wait_for(&mut conn, "rdb_bgsave_in_progress", "0");
            assert_eq!(info(&mut conn, "rdb_last_bgsave_status"), "ok");
            wait_until("writes to go on", || {
                (conn.call("SET other 1") == ok()).then_some(())
            });
            let off = [&b"CONFIG"[..], b"SET", b"save", b""];
            assert_eq!(conn.call_words(&off), ok());
            fs::write(&dump, &old).expect("it is there");
        }
        assert_eq!(conn.call("SAVE"), ok());
        server.restart();
        assert_eq!(server.conn().call("DBSIZE").int(), 5002);
    });
}
