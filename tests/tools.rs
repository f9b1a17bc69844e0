//! tessera-check and tessera-dump.

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::process::Options;
use support::{Server, Value};

fn run(program: &str, args: &[&str], input: &str) -> (Output, String) {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    // It may have ended without asking.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output, text)
}

fn check(args: &[&str], input: &str) -> (bool, String) {
    let (output, text) = run(env!("CARGO_BIN_EXE_tessera-check"), args, input);
    (output.status.success(), text)
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn fill(server: &Server) {
    let mut conn = server.conn();
    for command in [
        "SET text hello",
        "SET volatile 7 PXAT 9999999999999",
        "RPUSH list a b 3",
        "SADD set x y",
        "SADD ints 1 2 3",
        "ZADD zset 1.5 a inf b",
        "HSET hash f v g w",
        "HPEXPIREAT hash 9999999999999 FIELDS 1 g",
        "XADD stream 1-1 f v",
        "XADD stream 1-2 f w",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group me COUNT 1 STREAMS stream >",
        "XADD empty 5-5 f v",
        "XDEL empty 5-5",
        "SELECT 3",
        "SET other x",
    ] {
        let reply = conn.call(command);
        assert!(!matches!(reply, Value::Error(_)), "{command} => {reply:?}");
    }
    assert_eq!(conn.call("SAVE").text(), "OK");
}

fn server() -> Server {
    Server::start(&Options::new(2, "epoll"))
}

#[test]
fn rdb_files_are_checked() {
    let server = server();
    fill(&server);
    let file = server.dir().join("dump.rdb");
    let (fine, text) = check(&["rdb", path(&file)], "");
    assert!(fine, "{text}");
    for line in [
        "Checksum OK",
        "RDB looks OK!",
        "10 keys read",
        "1 expires",
        "db3: 1 keys",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let whole = fs::read(&file).expect("it is there");
    let mut bytes = whole.clone();
    let at = bytes.len() - 12;
    bytes[at] ^= 0x55;
    fs::write(&file, &bytes).expect("written");
    let (fine, text) = check(&["rdb", path(&file)], "");
    assert!(
        !fine && text.contains("RDB ERROR DETECTED") && text.contains("[offset "),
        "{text}"
    );
    fs::write(&file, &whole[..whole.len() / 2]).expect("written");
    let (fine, text) = check(&["rdb", path(&file)], "");
    assert!(!fine && text.contains("the file ends too early"), "{text}");
    assert!(!check(&["rdb", "/nonexistent"], "").0);
    assert!(!check(&["rdb"], "").0);
}

/// A length in the form of eight bytes.
fn long_len(len: u64) -> Vec<u8> {
    [&[0x81], &len.to_be_bytes()[..]].concat()
}

/// The values of modules say where they end, so a check goes on behind them, as Redis's own does; a server cannot load
/// them, and says of which key.
#[test]
fn values_of_modules_are_passed_over() {
    // The number of "hellotype", with the version 3.
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let number = b"hellotype".iter().fold(0_u64, |number, letter| {
        let place = LETTERS.iter().position(|some| some == letter);
        number << 6 | place.expect("a letter") as u64
    });
    let id = long_len(number << 10 | 3);
    let value: &[u8] = b"\x01\x07\x02\x41\x00\x03\0\0\0\0\x04\0\0\0\0\0\0\0\0\x05\x02hi\0";
    let aux = [b"\xf7", &id[..], b"\x02\x02\x05\x01x\0"].concat();
    let key = [
        b"\xfc\xff\xff\xff\xff\xff\0\0\0",
        &b"\x07\x03doc"[..],
        &id,
        value,
    ]
    .concat();
    let text = b"\x00\x01k\x01v";
    let file = |parts: &[&[u8]]| {
        let end: &[u8] = b"\xff\0\0\0\0\0\0\0\0";
        [&b"REDIS0010\xfe\x00"[..], &parts.concat(), end].concat()
    };
    let server = server();
    let place = server.dir().join("modules.rdb");
    fs::write(&place, file(&[&aux, &key, text])).expect("written");
    let (fine, said) = check(&["rdb", path(&place)], "");
    assert!(fine, "{said}");
    for line in [
        "MODULE AUX for: hellotype",
        "MODULE VALUE for: hellotype, key 'doc', type 7",
        "RDB looks OK!",
        "2 keys read",
        "1 expires",
        "module hellotype: 1 keys",
        "string: 1 keys",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    if let Ok(theirs) = Command::new("redis-check-rdb").arg(&place).output() {
        let theirs = String::from_utf8_lossy(&theirs.stdout).into_owned();
        assert!(theirs.contains("RDB looks OK!"), "{theirs}");
        assert!(theirs.contains("2 keys read"), "{theirs}");
    }
    // Cut off anywhere, or of a kind that nobody knows.
    for cut in 0..key.len() {
        let whole = file(&[&key[..cut]]);
        fs::write(&place, &whole[..11 + cut]).expect("written");
        assert!(!check(&["rdb", path(&place)], "").0, "cut at {cut}");
    }
    let mut strange = key.clone();
    let at = strange.len() - value.len();
    strange[at] = 6;
    fs::write(&place, file(&[&strange])).expect("written");
    assert!(!check(&["rdb", path(&place)], "").0);
    // Values of versions before the release do not say where they end.
    fs::write(&place, file(&[b"\x06\x03doc", &id, value])).expect("written");
    let (fine, said) = check(&["rdb", path(&place)], "");
    assert!(!fine && said.contains("key 'doc', type 6"), "{said}");
    // The server.
    fs::write(server.dir().join("dump.rdb"), file(&[text, &key])).expect("written");
    let mut conn = server.conn();
    assert!(conn.call("DEBUG RELOAD NOSAVE").is_error());
    server.wait_log(&["no matching module type 'hellotype' (key 'doc', type 7)"]);
    fs::write(server.dir().join("dump.rdb"), file(&[&aux, text])).expect("written");
    assert_eq!(conn.call("DEBUG RELOAD NOSAVE").text(), "OK");
    assert_eq!(conn.call("GET k").text(), "v");
}

#[test]
fn what_is_in_a_file_can_be_read_and_made_again() {
    let server = server();
    fill(&server);
    let file = server.dir().join("dump.rdb");
    let program = env!("CARGO_BIN_EXE_tessera-dump");
    let (output, text) = run(program, &[path(&file)], "");
    assert!(output.status.success());
    for part in [
        r#"{"db":0,"key":"text","type":"string","value":"hello"}"#,
        r#""key":"volatile","type":"string","expires_ms":9999999999999,"value":"7""#,
        r#""type":"list","value":["a","b","3"]"#,
        r#""type":"zset","value":[["a",1.5],["b","inf"]]"#,
        r#"["g","w",9999999999999]"#,
        r#""entries":[["1-1","f","v"],["1-2","f","w"]],"last_id":"1-2""#,
        r#"{"db":3,"key":"other""#,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (output, commands) = run(program, &["--resp", path(&file)], "");
    assert!(output.status.success());
    let other = Server::start(&Options::new(2, "epoll"));
    let mut conn = other.conn();
    conn.send(commands.as_bytes()).expect("sent");
    conn.send_command(&[b"ECHO", b"that was all"])
        .expect("sent");
    loop {
        match conn.read().expect("a reply") {
            Value::Bulk(text) if text == b"that was all" => break,
            reply => assert!(!matches!(reply, Value::Error(_)), "{reply:?}"),
        }
    }
    let digest = server.conn().call("DEBUG DIGEST");
    assert_eq!(conn.call("DEBUG DIGEST"), digest);
}

fn aof(words: &str) -> String {
    let words: Vec<&str> = words.split(' ').collect();
    let texts = words
        .iter()
        .map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", words.len(), texts.collect::<String>())
}

#[test]
fn append_only_files_are_checked_and_cut_off() {
    let server = server();
    let folder = server.dir().join("aof");
    fs::create_dir(&folder).expect("our folder is writable");
    let manifest = folder.join("a.manifest");
    let names = "file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\n";
    fs::write(&manifest, names).expect("written");
    let (base, incr) = (folder.join("a.1.base.aof"), folder.join("a.1.incr.aof"));
    fs::write(&base, aof("SELECT 0")).expect("written");
    let first = format!("#TS:1000\r\n{}{}", aof("SELECT 0"), aof("SET a 1"));
    let second = format!(
        "#TS:2000\r\n{}{}{}",
        aof("MULTI"),
        aof("SET b 2"),
        aof("EXEC")
    );
    let good = format!("{first}{second}");
    fs::write(&incr, &good).expect("written");

    let (fine, text) = check(&["aof", path(&manifest)], "");
    assert!(
        fine && text.contains("All AOF files and manifest are valid"),
        "{text}"
    );
    assert!(text.contains("Timestamps from 1000 to 2000"), "{text}");

    // A torn transaction: said, asked about, cut off.
    let torn = format!("{good}{}{}", aof("MULTI"), &aof("SET c 3")[..12]);
    fs::write(&incr, &torn).expect("written");
    let (fine, text) = check(&["aof", path(&manifest)], "");
    assert!(
        !fine && text.contains(&format!("ok_up_to={}", good.len())),
        "{text}"
    );
    let (fine, text) = check(&["aof", "--fix", path(&manifest)], "n\n");
    assert!(
        !fine && text.contains("Continue?") && text.contains("Aborting"),
        "{text}"
    );
    assert_eq!(fs::read_to_string(&incr).expect("text"), torn);
    let (fine, text) = check(&["aof", "--fix", path(&manifest)], "y\n");
    assert!(fine && text.contains("Successfully truncated"), "{text}");
    assert_eq!(fs::read_to_string(&incr).expect("text"), good);

    // Back in time, but not in a file that others follow.
    let (fine, text) = check(
        &["aof", "--truncate-to-timestamp", "2000", path(&manifest)],
        "",
    );
    assert!(fine, "{text}");
    assert_eq!(fs::read_to_string(&incr).expect("text"), good);
    let back = [
        "aof",
        "--yes",
        "--truncate-to-timestamp",
        "1500",
        path(&manifest),
    ];
    let (fine, text) = check(&back, "");
    assert!(fine, "{text}");
    assert_eq!(fs::read_to_string(&incr).expect("text"), first);
    let later = format!("{}#TS:1600\r\n{}", aof("SELECT 0"), aof("SET a 0"));
    fs::write(&base, later).expect("written");
    let (fine, text) = check(&back, "");
    assert!(
        !fine && text.contains("because it is not the last file"),
        "{text}"
    );
    fs::write(&base, "!").expect("written");
    let (fine, text) = check(&["aof", "--fix", "--yes", path(&manifest)], "");
    assert!(!fine && text.contains("it is not the last file"), "{text}");

    // A single file, with an RDB file in front.
    fill(&server);
    let mut bytes = fs::read(server.dir().join("dump.rdb")).expect("it is there");
    bytes.extend_from_slice(good.as_bytes());
    let whole = bytes.len();
    bytes.extend_from_slice(b"*1\r\n$4");
    fs::write(&base, &bytes).expect("written");
    let (fine, text) = check(&["aof", "--fix", "--yes", path(&base)], "");
    assert!(fine && text.contains("RDB preamble is OK"), "{text}");
    assert_eq!(
        fs::metadata(&base).expect("it is there").len(),
        whole as u64
    );
    fs::write(&manifest, "file a.1.base.aof seq 1 type x\n").expect("written");
    let (fine, text) = check(&["aof", path(&manifest)], "");
    assert!(!fine && text.contains("Unknown AOF file type"), "{text}");
}

/// A single file that somebody cut into: what is said of it, and what is left with --fix.
#[track_caller]
fn check_damaged(bytes: &str, problem: &str, left: &str) {
    let folder = support::process::fresh_dir();
    let file = folder.join("x.aof");
    fs::write(&file, bytes).expect("written");
    let (fine, text) = check(&["aof", path(&file)], "");
    assert!(!fine && text.contains(problem), "{bytes:?}: {text}");
    assert_eq!(fs::read_to_string(&file).expect("text"), bytes);
    let (fine, text) = check(&["aof", "--fix", "--yes", path(&file)], "");
    assert!(fine, "{bytes:?}: {text}");
    assert_eq!(fs::read_to_string(&file).expect("text"), left);
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn transactions_that_do_not_fit_together_are_found() {
    let good = format!("{}{}", aof("SELECT 0"), aof("SET a 1"));
    let transaction = format!("{}{}{}", aof("MULTI"), aof("SET b 2"), aof("EXEC"));
    let lone = format!("{good}{}{}", aof("EXEC"), aof("SET c 3"));
    check_damaged(&lone, "Unexpected EXEC in AOF", &good);
    let twice = format!("{good}{transaction}{}", aof("exec"));
    check_damaged(
        &twice,
        "Unexpected EXEC in AOF",
        &format!("{good}{transaction}"),
    );
    let nested = format!("{good}{}{transaction}", aof("MULTI"));
    check_damaged(&nested, "Unexpected MULTI in AOF", &good);
    // What the server reads all the same is not in order.
    let lines = format!("{good}*1\n$4\nPING\n");
    check_damaged(&lines, "A number was expected", &good);
    let behind = format!("{good}*1\r\n$4\r\nPINGxx");
    check_damaged(&behind, "An argument ends with a line end", &good);
}

#[test]
fn a_time_before_everything_leaves_files_as_they_are() {
    let folder = support::process::fresh_dir();
    let names = [
        ("a.1.base.aof", "b", 1),
        ("a.1.incr.aof", "i", 1),
        ("a.2.incr.aof", "i", 2),
    ];
    let manifest = folder.join("a.manifest");
    // From which file on all is later: a base has no times.
    for later in 1..=2 {
        let mut text = String::new();
        for (at, (name, kind, seq)) in names.iter().enumerate() {
            text.push_str(&format!("file {name} seq {seq} type {kind}\n"));
            let time = if at >= later { 2000 } else { 1000 };
            let commands = match at {
                0 if later == 1 => b"REDIS0010\xff\0\0\0\0\0\0\0\0".to_vec(),
                0 => aof("SELECT 0").into_bytes(),
                _ => format!("#TS:{time}\r\n{}", aof("SET a 1")).into_bytes(),
            };
            fs::write(folder.join(name), commands).expect("written");
        }
        fs::write(&manifest, text).expect("written");
        let contents = || names.map(|(name, ..)| fs::read(folder.join(name)).expect("it is there"));
        let before = contents();
        let back = ["aof", "--yes", "--truncate-to-timestamp", "1500"];
        let (fine, text) = check(&[&back[..], &[path(&manifest)]].concat(), "");
        let file = folder.join(names[later].0);
        let said = format!(
            "AOF {} has nothing before timestamp 1500, aborting...",
            path(&file)
        );
        assert!(!fine && text.contains(&said), "{text}");
        let (fine, text) = check(&[&back[..], &[path(&file)]].concat(), "");
        assert!(!fine && text.contains(&said), "{text}");
        assert_eq!(contents(), before);
    }
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn what_is_no_rdb_file_is_called_by_its_name() {
    let folder = support::process::fresh_dir();
    let program = env!("CARGO_BIN_EXE_tessera-dump");
    for (text, what) in [
        (aof("SET a 1"), "is an append-only file"),
        (
            format!("#TS:1000\r\n{}", aof("SET a 1")),
            "is an append-only file",
        ),
        (
            "file a.1.incr.aof seq 1 type i\n".to_owned(),
            "is the manifest of an append-only file",
        ),
    ] {
        let file = folder.join("x");
        fs::write(&file, text).expect("written");
        let (output, _) = run(program, &[path(&file)], "");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(what), "{said}");
    }
    let _ = fs::remove_dir_all(&folder);
}

#[test]
fn how_keys_were_used_goes_along_with_them() {
    let lru = Options::new(1, "epoll").with("maxmemory-policy", "allkeys-lru");
    let server = Server::start(&lru);
    let mut conn = server.conn();
    assert_eq!(conn.call("RPUSH list a b").text(), "2");
    let payload = conn.call("DUMP list").bytes().to_vec();
    let time = b"9999999999999";
    let old: [&[u8]; 7] = [
        b"RESTORE",
        b"old",
        time,
        &payload,
        b"ABSTTL",
        b"IDLETIME",
        b"1000",
    ];
    assert_eq!(conn.call_words(&old).text(), "OK");
    assert_eq!(conn.call("SAVE").text(), "OK");
    let file = server.dir().join("dump.rdb");
    let (output, _) = run(
        env!("CARGO_BIN_EXE_tessera-dump"),
        &["--resp", path(&file)],
        "",
    );
    assert!(output.status.success());
    let other = Server::start(&lru);
    let mut conn = other.conn();
    conn.send(&output.stdout).expect("sent");
    for _ in 0..2 {
        assert_eq!(conn.read().expect("a reply").text(), "OK");
    }
    let idle = conn.call("OBJECT IDLETIME old").int();
    assert!((1000..2000).contains(&idle), "{idle}");
    assert_eq!(conn.call("PEXPIRETIME old").int(), 9_999_999_999_999);
    assert_eq!(conn.call("LRANGE old 0 -1").elements().len(), 2);
}
