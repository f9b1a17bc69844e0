//! The rules of the house that a machine can read.
//!
//! - Which room may know which (`src/lib.rs` draws the order): every `crate::room` path in code counts, not
//!   only `use` lines.
//! - Where `unsafe` may stand, and that such a file declares it with a reason.
//! - No locks, no std hash maps, no clock and no sleeping outside the places meant for them.
//! - Every file says at its top what it is; none is called a helper; none grows past reading.
//!
//! A rule that has to give way gets a line in the tables below, with the reason.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Rooms from the ground up; a room may know those below it, and rooms on one line are strangers.
const FLOORS: &[&[&str]] = &[
    &["base"],
    &["resp", "structure", "ring", "config", "stats"],
    &["types"],
    &["keyspace"],
    &[
        "session",
        "script",
        "persist",
        "replication",
        "cluster",
        "sentinel",
    ],
    &["command"],
    &["log"],
    &["shard"],
    &["conn", "driver"],
    &["server", "tools"],
    // Simulations look at everything and are looked at by nothing.
    &["sim"],
];

/// The rooms that may talk to the kernel.
const RING_FRIENDS: &[&str] = &["shard", "conn", "driver", "server", "sim"];

/// Edges that run against the floors: (from, to, reason).
const EDGES: &[(&str, &str, &str)] = &[];

/// Folders and files where `unsafe` may be written.
const UNSAFE_PLACES: &[&str] = &[
    "base/cpu.rs",
    "structure/",
    "ring/",
    "shard/inbox.rs",
    "shard/inbox/",
    "shard/lend.rs",
    "script/loan.rs",
    "script/raw.rs",
    "script/raw/",
];

/// (file, word, reason)
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("base/map.rs", "HashMap", "this is where Map is defined"),
    ("base/map.rs", "HashSet", "this is where Set is defined"),
    (
        "base/preserved.rs",
        "Mutex",
        "the largest values that a snapshot keeps: taken when one of 16 MiB or more goes",
    ),
    (
        "server/aof/mod.rs",
        "Mutex",
        "the folder that is written to, which CONFIG SET and rewrites change: the control path",
    ),
    (
        "log/contribution.rs",
        "Mutex",
        "what the participants of a fence changed, put together: each comes once",
    ),
    (
        "log/stream.rs",
        "Mutex",
        "the one order of all changes; held while bytes are copied",
    ),
    (
        "command/acl/log.rs",
        "Mutex",
        "what was refused is one log, in which what says the same is counted, wherever the clients are",
    ),
    (
        "server/running.rs",
        "Mutex",
        "CONFIG SET replaces the settings: the control path, no shard waits for it",
    ),
    (
        "server/saving.rs",
        "Mutex",
        "who waits for a save, and what it began with: the control path",
    ),
    (
        "server/migration/mod.rs",
        "Mutex",
        "which MIGRATEs wait for a thread, and connections kept for the next: the control path",
    ),
    (
        "server/leaving.rs",
        "Mutex",
        "who waits for the end of the process: the control path",
    ),
    (
        "shard/frame.rs",
        "Mutex",
        "a transaction's items are taken once, by the participant that executes",
    ),
    (
        "shard/wait.rs",
        "Mutex",
        "who takes the frame of a waiting command ends its wait; contended by those who want to at the same moment",
    ),
    (
        "session/audience.rs",
        "Mutex",
        "how many listen to what, all cores together: taken to subscribe, and by scripts that publish",
    ),
    (
        "script/shared.rs",
        "Mutex",
        "scripts and libraries of the process: shards remember what they have looked up",
    ),
    (
        "shard/sync.rs",
        "Mutex",
        "under loom only: the model of a wake-up",
    ),
    ("shard/models.rs", "Mutex", "under loom only"),
    (
        "shard/inbox/measure.rs",
        "Instant",
        "a measurement, run by hand",
    ),
];

const FORBIDDEN: &[&str] = &[
    "Mutex",
    "RwLock",
    "HashMap",
    "HashSet",
    "sleep",
    "Instant",
    "SystemTime",
    "todo",
    "unimplemented",
    "dbg",
];

/// Where time and waiting belong.
const CLOCK_PLACES: &[&str] = &["ring/", "main.rs"];

struct Source {
    /// Relative to `src/`.
    name: String,
    text: String,
    /// Code without comments and strings, up to the tests at its bottom.
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source file");
            let product = without_tests(&text);
            let name = path
                .strip_prefix(&root)
                .expect("it is below")
                .to_string_lossy()
                .into_owned();
            Source {
                name,
                code: code_of(product),
                text,
            }
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The part before the module of unit tests, which by custom is the last thing in a file.
fn without_tests(text: &str) -> &str {
    let tests = text
        .find("\n#[cfg(test)]\nmod tests {")
        .or(text.find("\n#[cfg(all(test"));
    &text[..tests.unwrap_or(text.len())]
}

fn is_test_file(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

/// The text with comments, strings and character literals blanked out.
fn code_of(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r\"") || rest.starts_with("r#") || rest.starts_with("br") {
            raw_string(rest)
        } else if rest.starts_with('"') {
            string(rest)
        } else if rest.starts_with('\'') {
            character(rest)
        } else {
            0
        };
        if skip == 0 {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.push(b' ');
            at += skip;
        }
        // Step over the rest of a multi-byte character.
        while !text.is_char_boundary(at) {
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn string(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// Length of `r"..."`, `r#"..."#`, `br"..."`; 0 if it is something else (`r#type`, `break`).
fn raw_string(rest: &str) -> usize {
    let body = rest.trim_start_matches('b');
    let Some(body) = body.strip_prefix('r') else {
        return 0;
    };
    let hashes = body.len() - body.trim_start_matches('#').len();
    let Some(inner) = body[hashes..].strip_prefix('"') else {
        return 0;
    };
    let close = format!("\"{}", "#".repeat(hashes));
    inner.find(&close).map_or(rest.len(), |end| {
        rest.len() - inner.len() + end + close.len()
    })
}

/// Length of a character literal; 0 for a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => rest[2..].find('\'').map_or(0, |end| {
            // '\'' has its quote right after the backslash.
            if end == 0 { 4 } else { end + 3 }
        }),
        Some((_, _)) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !is_word(c))
        .filter(|word| !word.is_empty())
}

/// The rooms named by `crate::room` paths and `use crate::{room, ..}` groups.
fn rooms_named(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(group) = rest.strip_prefix('{') {
            // The first word of each top-level member of the group.
            let mut depth = 0;
            let mut member = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => {
                        rooms.extend(words(&member).next().map(str::to_string));
                        member.clear();
                    }
                    _ => member.push(c),
                }
            }
            rooms.extend(words(&member).next().map(str::to_string));
        } else {
            rooms.extend(words(rest).next().map(str::to_string));
        }
    }
    rooms
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn rooms_know_only_those_below() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((room, _)) = source.name.split_once('/') else {
            continue;
        };
        let Some(own) = floor(room) else {
            wrong.push(format!("{}: no such room in FLOORS", source.name));
            continue;
        };
        for named in rooms_named(&code_of(&source.text)) {
            let known = named == room
                // Items of the crate root (macros) are not rooms.
                || floor(&named).is_none_or(|other| other < own)
                || EDGES.iter().any(|(from, to, _)| *from == room && *to == named);
            if !known {
                wrong.push(format!("{}: {room} may not know {named}", source.name));
            }
            if named == "ring" && room != "ring" && !RING_FRIENDS.contains(&room) {
                wrong.push(format!(
                    "{}: only {RING_FRIENDS:?} may name ring",
                    source.name
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_stands_where_it_may() {
    let mut wrong = Vec::new();
    for source in sources() {
        let uses = words(&code_of(&source.text)).any(|word| word == "unsafe");
        if !uses {
            continue;
        }
        if !UNSAFE_PLACES
            .iter()
            .any(|place| source.name.starts_with(place))
        {
            wrong.push(format!("{}: unsafe outside {UNSAFE_PLACES:?}", source.name));
        }
        // At the top of the file, or on the one item of a file that has only one.
        let multi_line = source.text.contains("unsafe_code,\n    reason = ");
        if !multi_line && !source.text.contains("(unsafe_code, reason = ") {
            wrong.push(format!(
                "{}: does not declare its unsafe_code, with a reason",
                source.name
            ));
        }
        if source.text.matches("unsafe {").count() > source.text.matches("SAFETY:").count() {
            wrong.push(format!(
                "{}: an unsafe block without its SAFETY comment",
                source.name
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn locks_clocks_and_hash_maps_have_their_places() {
    let mut wrong = Vec::new();
    for source in sources() {
        if is_test_file(&source.name) || source.name.starts_with("sim/") {
            continue;
        }
        let mut named: BTreeSet<&str> = words(&source.code).collect();
        if !source.code.contains("thread::sleep") {
            named.remove("sleep");
        }
        for word in FORBIDDEN.iter().filter(|word| named.contains(*word)) {
            let timely = matches!(*word, "sleep" | "Instant" | "SystemTime")
                && CLOCK_PLACES
                    .iter()
                    .any(|place| source.name.starts_with(place));
            let excepted = EXCEPTIONS
                .iter()
                .any(|(file, allowed, _)| *file == source.name && allowed == word);
            if !timely && !excepted {
                wrong.push(format!("{}: {word}", source.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn exceptions_are_still_needed() {
    let sources = sources();
    for (file, word, reason) in EXCEPTIONS {
        if let Some(source) = sources.iter().find(|source| source.name == *file) {
            let used = words(&source.code).any(|named| named == *word);
            assert!(used, "{file} no longer needs {word} ({reason})");
        }
    }
}

#[test]
fn every_file_opens_with_what_it_is() {
    let bare: Vec<String> = sources()
        .into_iter()
        .filter(|source| !is_test_file(&source.name))
        .filter(|source| {
            !source
                .text
                .lines()
                .take(12)
                .any(|line| line.starts_with("//!"))
        })
        .map(|source| source.name)
        .collect();
    assert!(bare.is_empty(), "no //! at the top of {bare:?}");
}

#[test]
fn names_say_what_a_file_is() {
    const EMPTY_WORDS: &[&str] = &[
        "util", "utils", "helper", "helpers", "manager", "common", "misc", "stuff",
    ];
    let mut wrong = Vec::new();
    for source in sources() {
        let stem = Path::new(&source.name).with_extension("");
        for part in stem.iter().flat_map(|part| part.to_str()) {
            let empty = part.split('_').any(|word| EMPTY_WORDS.contains(&word));
            let snake = part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if empty || !snake {
                wrong.push(source.name.clone());
            }
        }
        for word in words(&source.code) {
            if ["Manager", "Helper", "Util", "Utils"]
                .iter()
                .any(|end| word.ends_with(end))
            {
                wrong.push(format!("{}: {word}", source.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Past about a thousand lines a file hides a second idea; flat tables may be long.
#[test]
fn files_can_be_read_in_one_sitting() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|source| !source.name.starts_with("command/table") && !is_test_file(&source.name))
        .map(|source| (without_tests(&source.text).lines().count(), &source.name))
        .filter(|(lines, _)| *lines > 1200)
        .map(|(lines, name)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn tests_wait_for_conditions() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    for path in paths {
        if path.ends_with("support/clock.rs") || path.ends_with("tidy.rs") {
            continue;
        }
        let code = code_of(&fs::read_to_string(&path).expect("a source file"));
        assert!(
            !code.contains("sleep("),
            "{} sleeps and hopes",
            path.display()
        );
        assert!(
            !code.contains("#[ignore"),
            "{} has a test switched off",
            path.display()
        );
    }
}

#[test]
fn the_reader_of_code_reads_code() {
    let code = code_of(
        "let a = \"unsafe // no\"; // unsafe\n/* unsafe */ let b = 'u'; let c: &'static str = r#\"un\"safe\"#;\n\
         let d = '\\''; let e = b'\"'; unsafe { f() }",
    );
    assert_eq!(
        words(&code).filter(|word| *word == "unsafe").count(),
        1,
        "{code}"
    );
    let rooms =
        rooms_named("use crate::{base::Slot, resp::{a, b}}; crate::ring::open(); crate::stats::X");
    let rooms: Vec<&str> = rooms.iter().map(String::as_str).collect();
    assert_eq!(rooms, ["base", "resp", "ring", "stats"]);
}
