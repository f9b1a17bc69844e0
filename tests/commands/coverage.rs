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

/// Commands in the table that answer that they are not built yet.
const NOT_BUILT: &str = include_str!("../../src/command/table/not_built.txt");

/// Built commands without a transcript, and why.
const EXCEPTIONS: &[(&str, &str)] = &[("shutdown", "ends the process: tests/lifecycle.rs")];

#[test]
fn every_built_command_has_a_transcript() {
    let met = commands_met();
    let mut shared = variants()[0].lock();
    let mut conn = shared.server().conn();
    let mut missing = Vec::new();
    for name in conn.call("COMMAND LIST").elements() {
        let name = name.text();
        let excused = is_not_built(&name) || EXCEPTIONS.iter().any(|(except, _)| *except == name);
        if !excused && !met.contains(&name) {
            missing.push(name);
        }
    }
    assert!(
        missing.is_empty(),
        "commands without a transcript: {missing:?}"
    );
}

/// The command itself, or, of a container, any of its subcommands.
fn is_not_built(name: &str) -> bool {
    let container = format!("{name}|");
    NOT_BUILT
        .lines()
        .any(|line| line == name || line.starts_with(&container))
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

/// The contents of the `r#"..."#` literals, which is how transcripts are written here, with as many `#` as they need.
fn string_literals(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some((_, after)) = rest.split_once("r#") {
        let hashes = 1 + after.len() - after.trim_start_matches('#').len();
        let body = after.trim_start_matches('#').strip_prefix('"');
        let end = format!("\"{}", "#".repeat(hashes));
        rest = after;
        if let Some((text, behind)) = body.and_then(|body| body.split_once(&end)) {
            found.push(text.to_string());
            rest = behind;
        }
    }
    found
}
