//! Every command the server offers is met by at least one transcript of this folder.
//!
//! The names come from the server (`COMMAND LIST`), the transcripts from the sources beside this file: a
//! test that runs may be filtered, a source cannot hide. A command is met when some step sends it and the
//! step says what the reply must be.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::transcript;
use crate::support::variants::variants;

/// Groups of commands this folder covers. A group joins when its commands are built.
const GROUPS: [&str; 6] = [
    "string",
    "generic",
    "bitmap",
    "transactions",
    "connection",
    "server",
];

/// Commands without a transcript, and why.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("acl", "users and permissions are not built yet"),
    ("module", "there are no loadable modules"),
    ("asking", "cluster mode is not built yet"),
    ("readonly", "cluster mode is not built yet"),
    ("readwrite", "cluster mode is not built yet"),
    ("migrate", "needs a second server: replication tests"),
    ("restore-asking", "cluster mode is not built yet"),
    ("psync", "replication is not built yet"),
    ("sync", "replication is not built yet"),
    ("replconf", "replication is not built yet"),
    ("replicaof", "replication is not built yet"),
    ("slaveof", "replication is not built yet"),
    ("failover", "replication is not built yet"),
    ("save", "persistence is not built yet"),
    ("bgsave", "persistence is not built yet"),
    ("bgrewriteaof", "persistence is not built yet"),
    ("shutdown", "ends the process: tests/limits.rs"),
];

#[test]
fn every_command_has_a_transcript() {
    let met = commands_met();
    let mut shared = variants()[0].lock();
    let mut conn = shared.server().conn();
    let mut missing = Vec::new();
    for name in conn.call("COMMAND LIST").elements() {
        let name = name.text();
        let top = name.split('|').next().expect("at least one part");
        let excused = EXCEPTIONS.iter().any(|(except, _)| *except == top);
        if excused || met.contains(&name) || !GROUPS.contains(&group(&mut conn, &name).as_str()) {
            continue;
        }
        missing.push(name);
    }
    assert!(
        missing.is_empty(),
        "commands without a transcript: {missing:?}"
    );
}

fn group(conn: &mut crate::support::Conn, name: &str) -> String {
    let docs = conn.call(&format!("COMMAND DOCS {name}"));
    let Some(fields) = docs.elements().get(1) else {
        return String::from("undocumented");
    };
    let fields = fields.elements();
    let at = fields
        .iter()
        .position(|field| field.text() == "group")
        .expect("a group");
    fields[at + 1].text()
}

/// Lower case names (`config|get`) of all commands in transcripts whose reply is checked.
fn commands_met() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands");
    let mut met = BTreeSet::new();
    for entry in fs::read_dir(folder).expect("this folder exists") {
        let path = entry.expect("readable").path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = fs::read_to_string(path).expect("a source file");
        for text in string_literals(&source)
            .iter()
            .filter(|text| text.contains(" => "))
        {
            for step in transcript::parse(text) {
                let words = step.words();
                if words.is_empty() || step.expect.is_empty() || step.expect == "any" {
                    continue;
                }
                let first = words[0].to_lowercase();
                if let Some(second) = words.get(1) {
                    met.insert(format!("{first}|{}", second.to_lowercase()));
                }
                met.insert(first);
            }
        }
    }
    met
}

/// The contents of the `r#"..."#` literals, which is how transcripts are written here.
fn string_literals(source: &str) -> Vec<String> {
    let raw = source
        .split("r#\"")
        .skip(1)
        .filter_map(|rest| rest.split_once("\"#"));
    raw.map(|(text, _)| text.to_string()).collect()
}
