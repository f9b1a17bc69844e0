//! Files that were whole once: bits flipped, ends cut off. What comes of it is valid data, or an error with its place.

mod support;

use std::fs;

use support::Server;
use support::process::Options;
use support::rng::Rng;
use tessera::persist::aof::{AofReader, Step};
use tessera::persist::rdb::{Found, RdbError, Scan, Scanner};
use tessera::persist::{ValueLimits, Window, write_key};

/// Damaged files that are tried; the fuzz targets try more.
const RDB_ROUNDS: usize = 250;
const AOF_ROUNDS: usize = 1000;

/// A file with values of every type and encoding.
fn rdb_file() -> Vec<u8> {
    let server = Server::start(&Options::new(2, "epoll"));
    let mut conn = server.conn();
    let words = |count: usize| -> String {
        let words: Vec<String> = (0..count).map(|i| format!("{i}.5 word{i}")).collect();
        words.join(" ")
    };
    for count in [2, 40, 300] {
        for (name, start) in [
            ("RPUSH", "list"),
            ("SADD", "set"),
            ("ZADD", "zset"),
            ("HSET", "hash"),
            ("HSET", "timed"),
        ] {
            let words = words(count);
            conn.call(&format!("{name} {start}:{count} {words}"));
        }
        let numbers: Vec<String> = (0..count).map(|i| (i * 1000).to_string()).collect();
        conn.call(&format!("SADD ints:{count} {}", numbers.join(" ")));
        conn.call(&format!("HPEXPIRE timed:{count} 10000000 FIELDS 2 0.5 1.5"));
        for i in 0..count {
            conn.call(&format!("XADD stream:{count} {}-1 f {i} g text", i + 1));
        }
        conn.call(&format!("XGROUP CREATE stream:{count} group 0"));
        conn.call(&format!(
            "XREADGROUP GROUP group me COUNT 2 STREAMS stream:{count} >"
        ));
        conn.call(&format!(
            "SET text:{count} {}",
            "long text ".repeat(count).replace(' ', "_")
        ));
    }
    conn.call("SET volatile 12345 PX 100000000");
    assert_eq!(conn.call("SAVE").text(), "OK");
    fs::read(server.dir().join("dump.rdb")).expect("it is there")
}

/// Reads a file to its end.
fn read(file: &[u8], checks: bool) -> Result<usize, RdbError> {
    let limits = ValueLimits::default();
    let mut scanner = Scanner::new(checks);
    let mut window = Window::new(file, file.len() as u64, 4096);
    let mut keys = 0;
    let mut out = Vec::new();
    while !scanner.is_done() {
        match scanner.next(window.bytes())? {
            Scan::Found(found, used) => {
                if let Found::Key(raw) = &found {
                    // Whatever it is, it can be looked at.
                    let value = raw.read(scanner.version(), &limits)?;
                    out.clear();
                    write_key(&mut out, &raw.key, value.as_value_ref(), raw.expire);
                    keys += 1;
                }
                window.consume(used);
            }
            Scan::More(need) => {
                if !window.extend(need).expect("bytes can be read") {
                    return Err(scanner.short());
                }
            }
        }
    }
    Ok(keys)
}

#[test]
fn damaged_rdb_files_are_refused_or_valid() {
    let whole = rdb_file();
    let keys = read(&whole, true).expect("it is whole");
    assert_eq!(read(&whole, false), Ok(keys));
    let seed = support::rng::seed();
    let mut rng = Rng::new(seed);
    let (mut fine, mut refused) = (0, 0);
    for round in 0..RDB_ROUNDS {
        let mut file = whole.clone();
        let cut = rng.below(4) == 0;
        if cut {
            file.truncate(rng.below(whole.len()));
        } else {
            for _ in 0..=rng.below(3) {
                let at = 9 + rng.below(whole.len() - 17);
                file[at] ^= 1 << rng.below(8);
            }
        }
        let is_same = file == whole;
        let with_checksum = read(&file, true);
        assert!(
            with_checksum.is_err() || is_same,
            "seed {seed}, round {round}"
        );
        if let Err(error) = &with_checksum {
            assert!(error.offset <= file.len() as u64 && !error.reason.is_empty());
        }
        match read(&file, false) {
            Ok(_) if !cut => fine += 1,
            Ok(_) => assert!(file.len() + 8 > whole.len(), "seed {seed}, round {round}"),
            Err(error) => {
                assert!(error.offset <= file.len() as u64 && !error.reason.is_empty());
                refused += 1;
            }
        }
    }
    assert!(fine > 0 && refused > 0, "{fine} fine, {refused} refused");
}

#[test]
fn damaged_append_only_files_are_cut_or_refused() {
    let mut whole = Vec::new();
    for i in 0..300 {
        let text = i.to_string();
        for words in [
            &["SET", "key", &text][..],
            &["MULTI"],
            &["LPUSH", "list", &text, "x"],
            &["EXEC"],
        ] {
            support::resp::encode(words, &mut whole);
        }
        whole.extend_from_slice(b"#TS:1700000000\r\n");
    }
    let seed = support::rng::seed();
    let mut rng = Rng::new(seed);
    for round in 0..AOF_ROUNDS {
        let mut file = whole.clone();
        if rng.below(4) == 0 {
            file.truncate(rng.below(whole.len()));
        } else {
            let at = rng.below(whole.len());
            file[at] ^= 1 << rng.below(8);
        }
        let (valid, error) = commands(&file);
        assert!(valid as usize <= file.len(), "seed {seed}, round {round}");
        // What a server would be left with is whole.
        let (left, none) = commands(&file[..valid as usize]);
        assert_eq!(
            (left, none),
            (valid, None),
            "seed {seed}, round {round}: {error:?}"
        );
    }
}

/// How far a file is valid, and where it makes no sense.
fn commands(file: &[u8]) -> (u64, Option<u64>) {
    let mut reader = AofReader::new(0);
    let mut window = Window::new(file, file.len() as u64, 100);
    loop {
        match reader.next(window.bytes()) {
            Ok(Step::Command(used) | Step::Annotation(used, _)) => window.consume(used),
            Ok(Step::More(need)) => {
                if !window.extend(need).expect("bytes can be read") {
                    return (reader.valid(), None);
                }
            }
            Err(error) => {
                assert!(!error.reason.is_empty());
                assert!(reader.valid() <= error.offset && error.offset <= file.len() as u64);
                return (reader.valid(), Some(error.offset));
            }
        }
    }
}
