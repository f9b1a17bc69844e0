//! Every number that any transcript gives to a command, replaced by numbers at the edges of what fits somewhere: nothing
//! may panic, go on without end or ask for much memory, and a command still looks at no keys but those of its row.
//!
//! The commands are those of the end-to-end transcripts in `tests/commands/`, as far as they run at their keys. They run
//! one after the other over the same stores, so that a damaged command meets values that others left.

use super::lookup::{Lookup, Mode};
use super::spec::{CommandSpec, Run};
use super::table;
use super::testing::Bench;
use crate::resp::OwnedArgs;
use std::collections::BTreeSet;

/// What numbers are replaced by.
const EDGES: &[&str] = &[
    "0",
    "-1",
    "1",
    "-9223372036854775808",
    "-9223372036854775807",
    "9223372036854775807",
    "9223372036854775808",
    "2147483647",
    "2147483648",
    "2147483649",
    "-2147483649",
    "4294967296",
    "18446744073709551615",
    "1e308",
    "-inf",
    "nan",
];

/// More than any reply to these commands needs: the largest values are a megabyte.
const REPLY_BYTES_MAX: usize = 32 << 20;

/// More than all values together need.
const MEMORY_BYTES_MAX: u64 = 256 << 20;

/// The commands in the transcripts of a file. What is no transcript is no command, or a harmless one.
fn commands(text: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for step in text.lines().flat_map(|line| line.split(';')) {
        let (command, _) = step.split_once("=>").unwrap_or((step, ""));
        let words = command.split_whitespace();
        let words = words.skip_while(|word| word.starts_with('[') || word.ends_with(':'));
        let words: Vec<String> = words.map(unquoted).collect();
        if !words.is_empty() {
            commands.push(words);
        }
    }
    commands
}

/// A word as it is sent, near enough.
fn unquoted(word: &str) -> String {
    match word
        .strip_prefix('"')
        .and_then(|word| word.strip_suffix('"'))
    {
        Some(inside) => inside.replace("\\x00", "\0"),
        None if word.contains("{{") => "text".to_owned(),
        None => word.to_owned(),
    }
}

fn is_number(word: &str) -> bool {
    let digits = word.trim_start_matches(['(', '[', '#', 'u', 'i', '-', '+']);
    digits.parse::<f64>().is_ok()
        || word
            .split_once('-')
            .is_some_and(|(ms, _)| ms.parse::<u64>().is_ok())
}

/// Commands that fill keys of the names that transcripts use.
fn seed(bench: &mut Bench) {
    for line in [
        "RPUSH l a b c d e",
        "SADD s a b c 1 2 3",
        "ZADD z 1 a 2 b 3 c",
        "HSET h a 1 b 2 c 3",
        "SET k 12345",
        "XADD x 5-5 a 1",
        "GEOADD g 13.361389 38.115556 p 15.087269 37.502669 c",
    ] {
        bench.call(line);
    }
}

#[test]
fn numbers_at_the_edges_break_nothing() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/commands");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the transcripts are there")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect();
    files.sort();
    let lookup = Lookup::new(Mode::Server);
    let (mut ran, mut damaged) = (0, 0);
    let mut met = BTreeSet::new();
    for (at, file) in files.iter().enumerate() {
        let text = std::fs::read_to_string(file).expect("a file");
        let mut bench = Bench::silent([1, 4][at % 2]);
        bench.config.proto_max_bulk_len = 1 << 20;
        for words in commands(&text) {
            let args: OwnedArgs = words.iter().collect();
            let spec = lookup.command(args.as_args());
            let runs =
                |spec: &&CommandSpec| matches!(spec.run, Run::Store(_)) && is_in_process(spec.name);
            let Some(spec) = spec.ok().filter(runs) else {
                continue;
            };
            met.insert(spec.name);
            if ran % 100 == 0 {
                seed(&mut bench);
            }
            ran += 1;
            run(&mut bench, &words);
            for number in 1..words.len() {
                if !is_number(&words[number]) {
                    continue;
                }
                for edge in EDGES {
                    let mut words = words.clone();
                    words[number] = (*edge).to_owned();
                    damaged += 1;
                    run(&mut bench, &words);
                }
            }
        }
    }
    // Otherwise nobody would have seen which keys they look for.
    let of_keys = table::all()
        .iter()
        .filter(|spec| matches!(spec.run, Run::Store(_)));
    let unseen = of_keys.filter(|spec| is_in_process(spec.name) && !met.contains(spec.name));
    let unseen: Vec<_> = unseen.map(|spec| spec.name).collect();
    assert!(unseen.is_empty(), "in no transcript: {unseen:?}");
    assert!(
        ran > 1000 && damaged > 10_000,
        "{ran} commands, {damaged} damaged"
    );
}

/// Scripts have a thread of their own clock here, and run as long as they are told to.
fn is_in_process(name: &str) -> bool {
    !name.contains("eval") && !name.contains("fcall")
}

fn run(bench: &mut Bench, words: &[String]) {
    let args: OwnedArgs = words.iter().collect();
    let reply = bench.run(&args);
    assert!(
        reply.len() < REPLY_BYTES_MAX,
        "{words:?}: {} bytes",
        reply.len()
    );
    let memory = bench.memory();
    assert!(memory < MEMORY_BYTES_MAX, "{words:?}: {memory} bytes");
}
