//! What 7.2 says about itself, row by row: commands, settings and their defaults, fields of INFO.
//!
//! The tables in `facts/` hold what a running 7.2 answered (names, numbers and flags; no prose). Clients and
//! proxies read these answers to decide how to route, what to cache and what to believe.

use std::collections::BTreeMap;

use crate::support::variants::variants;
use crate::support::{Conn, Value, peer};

/// Whether the peer is too old to be asked.
fn is_older() -> bool {
    peer().is_some_and(|peer| peer.version < (7, 2))
}

fn rows(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect())
        .collect()
}

fn pairs(value: &Value) -> BTreeMap<String, Value> {
    value
        .elements()
        .chunks(2)
        .map(|pair| (pair[0].text(), pair[1].clone()))
        .collect()
}

fn sorted_words(value: &Value) -> String {
    let mut words: Vec<String> = value.elements().iter().map(Value::text).collect();
    words.sort();
    words.join(" ")
}

/// A key specification in one line: begin/find\[flags\].
fn key_spec(value: &Value) -> String {
    let spec = pairs(value);
    let (begin, find) = (pairs(&spec["begin_search"]), pairs(&spec["find_keys"]));
    let number = |spec: &BTreeMap<String, Value>, name: &str| pairs(&spec["spec"])[name].text();
    let begin = match begin["type"].text().as_str() {
        "index" => number(&begin, "index"),
        "keyword" => format!(
            "{}@{}",
            number(&begin, "keyword"),
            number(&begin, "startfrom")
        ),
        _ => "?".to_string(),
    };
    let three = |names: [&str; 3]| names.map(|name| number(&find, name)).join(",");
    let find = match find["type"].text().as_str() {
        "range" => three(["lastkey", "keystep", "limit"]),
        "keynum" => format!("num:{}", three(["keynumidx", "firstkey", "keystep"])),
        _ => "?".to_string(),
    };
    let flags: Vec<String> = spec["flags"].elements().iter().map(Value::text).collect();
    format!("{begin}/{find}[{}]", flags.join(" "))
}

#[test]
fn commands_describe_themselves_as_in_7_2() {
    if is_older() {
        return;
    }
    let mut shared = variants()[0].lock();
    let mut conn = shared.server().conn();
    let mut wrong = Vec::new();
    let listed = conn.call("COMMAND LIST");
    let listed: Vec<String> = listed.elements().iter().map(Value::text).collect();
    for row in rows(include_str!("facts/command_rows.tsv")) {
        let name = row[0];
        if !listed.iter().any(|listed| listed == name) {
            continue; // Completeness is another question: `coverage.rs` and the table's own tests.
        }
        let info = conn.call(&format!("COMMAND INFO {name}"));
        let info = info.elements()[0].elements().to_vec();
        let docs = conn.call(&format!("COMMAND DOCS {name}"));
        let docs = docs.elements().get(1).map(pairs).unwrap_or_default();
        let or_dash = |text: String| {
            if text.is_empty() {
                "-".to_string()
            } else {
                text
            }
        };
        let specs: Vec<String> = info[8].elements().iter().map(key_spec).collect();
        let tips: Vec<String> = info[7].elements().iter().map(Value::text).collect();
        let text = |name: &str| docs.get(name).map(Value::text).unwrap_or_default();
        let ours = [
            info[0].text(),
            info[1].text(),
            or_dash(sorted_words(&info[2])),
            format!("{},{},{}", info[3].text(), info[4].text(), info[5].text()),
            or_dash(sorted_words(&info[6])),
            or_dash(specs.join(";")),
            or_dash(tips.join(" ")),
            text("since"),
            text("group"),
        ];
        for (column, (ours, theirs)) in COLUMNS.iter().zip(ours.iter().zip(&row)) {
            if ours != theirs {
                wrong.push(format!("{name}: {column} is '{ours}', in 7.2 '{theirs}'"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

const COLUMNS: [&str; 9] = [
    "name",
    "arity",
    "flags",
    "keys",
    "acl",
    "key specs",
    "tips",
    "since",
    "group",
];

/// Settings whose value is the test's own or the machine's, and ours that differ on purpose.
const OWN_SETTINGS: &[&str] = &[
    "port",
    "bind",
    "dir",
    "save",
    "enable-debug-command",
    "logfile",
    "pidfile",
    "io-threads",
    // Depends on the libc's allocator in the reference.
    "activedefrag",
];

#[test]
fn settings_and_defaults_are_those_of_7_2() {
    if is_older() {
        return;
    }
    let mut shared = variants()[0].lock();
    let mut conn = shared.server().conn();
    let mut wrong = Vec::new();
    for row in rows(include_str!("facts/config_defaults.tsv")) {
        let (name, default) = (row[0], row[1]);
        let reply = conn.call(&format!("CONFIG GET {name}"));
        match reply.elements() {
            [_, value] if value.text() == default || OWN_SETTINGS.contains(&name) => {}
            [_, value] => wrong.push(format!("{name}: '{}', in 7.2 '{default}'", value.text())),
            _ => wrong.push(format!("{name}: unknown")),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Fields of INFO that only the reference's allocator or build can have.
const FIELDS_NOT_OURS: &[(&str, &str)] = &[
    (
        "monotonic_clock",
        "names the reference's way to read the clock",
    ),
    ("atomicvar_api", "names the reference's compiler"),
    ("gcc_version", "names the reference's compiler"),
    ("redis_build_id", "names the reference's build"),
];

#[test]
fn info_has_the_fields_of_7_2() {
    if is_older() {
        return;
    }
    let mut shared = variants()[0].lock();
    let mut conn = shared.server().conn();
    let mut missing = Vec::new();
    for row in rows(include_str!("facts/info_fields.tsv")) {
        let (section, field) = (row[0], row[1]);
        let excused = FIELDS_NOT_OURS.iter().any(|(name, _)| *name == field);
        if !excused && !has_field(&mut conn, section, field) {
            missing.push(format!("{section}: {field}"));
        }
    }
    assert!(
        missing.is_empty(),
        "{} fields missing:\n{}",
        missing.len(),
        missing.join("\n")
    );
}

fn has_field(conn: &mut Conn, section: &str, field: &str) -> bool {
    let text = conn.call(&format!("INFO {section}")).text();
    text.lines()
        .any(|line| line.split(':').next() == Some(field))
}
