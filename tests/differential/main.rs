//! The same random commands to a real redis-server and to ours: every reply has to agree.
//!
//! What is asked is in `table.rs`, a row a command; `generate.rs` makes commands of rows, `compare.rs` says what
//! may differ (the order of what has none, what is random, what depends on the clock). After each round the
//! contents of both are compared too. Rows that either server does not have are left out.
//!
//! A failure prints the seed and the fewest commands found that still show a difference. Without a
//! redis-server there is nothing to compare with, and nothing is tested.
//!
//! ```sh
//! TESSERA_DIFF_SECONDS=300 cargo test --test differential                       # longer
//! TESSERA_SEED=123 cargo test --test differential                                # the seed a failure printed
//! TESSERA_DIFF_SECONDS=60 TESSERA_DIFF_FAMILIES=list,keys cargo test --test differential
//! ```

#[path = "../support/mod.rs"]
mod support;

mod compare;
mod generate;
mod table;

use std::time::Duration;

use compare::{alike, is_later};
use generate::{Call, Row};
use support::process::redis_server;
use support::resp::encode;
use support::rng::{Rng, any_seed, is_given, seed};
use support::{Conn, Options, Server, Value, clock, each_variant, peer};
use table::{Mode, SETTINGS};

/// Commands of a round, each from empty databases.
const ROUND: usize = 300;
/// Rounds with each variant, if nobody says how long.
const ROUNDS: u64 = 40;
/// Commands sent at once, at most.
const PIPELINE: usize = 20;
/// How long a failure may be made smaller.
const SHRINK: Duration = Duration::from_secs(15);

/// Both servers, and what a round set on them.
struct Pair<'a> {
    ours: &'a Server,
    theirs: &'a Server,
    settings: Vec<(&'static str, &'static str)>,
    resp3: bool,
}

/// Where the two first disagree.
struct Difference {
    /// Index of the command; `None` if it is in the contents afterwards.
    at: Option<usize>,
    what: String,
}

impl Pair<'_> {
    /// Connections to both, emptied and set up alike.
    fn open(&self) -> [Conn; 2] {
        [self.ours, self.theirs].map(|server| {
            let mut conn = server.conn();
            assert_eq!(conn.call("FLUSHALL").text(), "OK");
            for (name, value) in &self.settings {
                let reply = conn.call(&format!("CONFIG SET {name} {value}"));
                assert_eq!(reply.text(), "OK", "{name} {value}");
            }
            if self.resp3 {
                conn.call("HELLO 3");
            }
            conn
        })
    }

    /// Sends all commands to both; pipelines are cut by `rng`.
    fn run(&self, calls: &[Call], rng: &mut Rng) -> Option<Difference> {
        let mut conns = self.open();
        // What is queued in an open transaction.
        let mut queued: Option<Vec<Call>> = None;
        let mut from = 0;
        while from < calls.len() {
            let count = (1 + rng.below(PIPELINE)).min(calls.len() - from);
            let mut bytes = Vec::new();
            for call in &calls[from..from + count] {
                encode(&call.words, &mut bytes);
            }
            for conn in &mut conns {
                // Whoever closed says so when it is read from.
                let _ = conn.send(&bytes);
            }
            for (at, call) in (from..).zip(&calls[from..from + count]) {
                let [ours, theirs] = conns.each_mut().map(|conn| conn.read());
                let theirs = theirs.unwrap_or_else(|error| {
                    let before = calls[at.saturating_sub(5)..=at].iter();
                    let before: Vec<String> = before.map(Call::shown).collect();
                    panic!("the reference fails: {error:?}\n{}", before.join("\n"))
                });
                let agree = ours
                    .as_ref()
                    .is_ok_and(|ours| judge(call, &mut queued, ours, &theirs));
                if !agree {
                    // What is under way must not meet the next run.
                    for _ in at + 1..from + count {
                        let _ = conns.each_mut().map(|conn| conn.read());
                    }
                    let ours = match ours {
                        Ok(ours) => format!("{ours}"),
                        Err(error) => format!("{error:?}\n{}", self.ours.log_tail()),
                    };
                    let what = format!("theirs: {theirs}\n  ours: {ours}");
                    return Some(Difference { at: Some(at), what });
                }
            }
            from += count;
        }
        let [ours, theirs] = &mut conns;
        contents(ours, theirs).map(|what| Difference { at: None, what })
    }
}

/// Whether the replies to one command agree, which within a transaction depends on what is queued.
fn judge(call: &Call, queued: &mut Option<Vec<Call>>, ours: &Value, theirs: &Value) -> bool {
    let is_simple = |text: &str| matches!(theirs, Value::Simple(_)) && theirs.text() == text;
    if call.is("MULTI") && is_simple("OK") {
        *queued = Some(Vec::new());
    } else if is_simple("QUEUED") {
        queued.as_mut().expect("within MULTI").push(call.clone());
    } else if call.is("EXEC") || call.is("DISCARD") {
        let calls = queued.take().unwrap_or_default();
        if let (Value::Array(ours), Value::Array(theirs)) = (ours, theirs) {
            let mut replies = calls.iter().zip(ours.iter().zip(theirs));
            return ours.len() == theirs.len()
                && replies.all(|(call, (a, b))| alike(call.mode, a, b) || is_later(call));
        }
        return ours == theirs;
    }
    alike(call.mode, ours, theirs) || is_later(call)
}

/// Compares all keys of the databases that were used.
fn contents(ours: &mut Conn, theirs: &mut Conn) -> Option<String> {
    let mut ask = |call: &Call| {
        let words: Vec<&[u8]> = call.words.iter().map(Vec::as_slice).collect();
        let (ours, theirs) = (ours.call_words(&words), theirs.call_words(&words));
        let what = || format!("{}\ntheirs: {theirs}\n  ours: {ours}", call.shown());
        match alike(call.mode, &ours, &theirs) {
            true => Ok(theirs.clone()),
            false => Err(what()),
        }
    };
    let with = |mode, words: &[&[u8]]| Call {
        words: words.iter().map(|word| word.to_vec()).collect(),
        mode,
    };
    let mut all = || -> Result<(), String> {
        ask(&with(Mode::Shape, &[b"DISCARD"])).or_else(|what| {
            match what.contains("without MULTI") {
                true => Ok(Value::Null),
                false => Err(what),
            }
        })?;
        for db in ["0", "1"] {
            ask(&with(Mode::Exact, &[b"SELECT", db.as_bytes()]))?;
            let keys = ask(&with(Mode::Bag, &[b"KEYS", b"*"]))?;
            for key in keys.elements() {
                let key = key.bytes();
                let kind = ask(&with(Mode::Exact, &[b"TYPE", key]))?.text();
                ask(&with(Mode::Clock, &[b"PTTL", key]))?;
                ask(&match &kind[..] {
                    "string" => with(Mode::Exact, &[b"GET", key]),
                    "list" => with(Mode::Exact, &[b"LRANGE", key, b"0", b"-1"]),
                    "hash" => with(Mode::Pairs, &[b"HGETALL", key]),
                    "set" => with(Mode::Bag, &[b"SMEMBERS", key]),
                    "zset" => with(Mode::Floats, &[b"ZRANGE", key, b"0", b"-1", b"WITHSCORES"]),
                    "stream" => with(Mode::Exact, &[b"XRANGE", key, b"-", b"+"]),
                    other => panic!("{other} is no type"),
                })?;
            }
        }
        Ok(())
    };
    all().err()
}

/// Leaves out what is not needed to see a difference.
fn shrink(
    pair: &Pair<'_>,
    mut calls: Vec<Call>,
    found: Difference,
    seed: u64,
) -> (Vec<Call>, Difference) {
    let deadline = clock::now() + SHRINK;
    let mut found = found;
    if let Some(at) = found.at {
        calls.truncate(at + 1);
    }
    let mut piece = calls.len().div_ceil(2);
    loop {
        let mut from = 0;
        while from < calls.len() && clock::now() < deadline {
            let mut fewer = calls.clone();
            fewer.drain(from..(from + piece).min(fewer.len()));
            if let Some(difference) = pair.run(&fewer, &mut Rng::new(seed)) {
                fewer.truncate(difference.at.map_or(fewer.len(), |at| at + 1));
                (calls, found) = (fewer, difference);
            } else {
                from += piece;
            }
        }
        if piece == 1 || clock::now() >= deadline {
            return (calls, found);
        }
        piece = piece.div_ceil(2);
    }
}

/// The rows of the table that both servers have.
fn common(ours: &mut Conn, theirs: &mut Conn) -> Vec<Row> {
    let families = std::env::var("TESSERA_DIFF_FAMILIES").unwrap_or_default();
    let mut rng = Rng::new(1);
    let rows = generate::rows().into_iter().filter(|row| {
        if !families.is_empty() && !families.split(',').any(|name| name == row.family.name) {
            return false;
        }
        let call = generate::call(*row, &mut rng);
        let words: Vec<&[u8]> = call.words.iter().map(Vec::as_slice).collect();
        let built = !ours.call_words(&words).text().contains("is not built yet");
        let known = !theirs.call_words(&words).text().contains("unknown command");
        built && known
    });
    rows.collect()
}

/// A real server to compare with, if there is one.
fn reference() -> Option<Server> {
    Some(Server::start(&Options {
        reference: Some(redis_server()?),
        ..Options::default()
    }))
}

#[test]
fn replies_are_those_of_redis() {
    if peer().is_some() {
        return;
    }
    let Some(theirs) = reference() else {
        eprintln!("SKIPPED: no redis-server to compare with");
        return;
    };
    let seconds: Option<u64> = std::env::var("TESSERA_DIFF_SECONDS")
        .ok()
        .map(|seconds| seconds.parse().expect("a number of seconds"));
    let share = seconds
        .map(|seconds| Duration::from_secs(seconds) / support::variants::variants().len() as u32);
    // A long run goes on after a difference, and looks elsewhere each time.
    let is_long = seconds.is_some_and(|seconds| seconds > 60);
    let most = if is_long { 8 } else { 1 };
    let first = match is_long && !is_given() {
        true => any_seed(),
        false => seed(),
    };
    each_variant(|variant| {
        let ours = variant.own_server(&[]);
        let rows = common(&mut ours.conn(), &mut theirs.conn());
        let end = share.map(|share| clock::now() + share);
        let mut rounds = 0;
        let mut differences = Vec::new();
        while differences.len() < most {
            let seed = first.wrapping_add(rounds);
            let mut rng = Rng::new(seed);
            let mut settings = Vec::new();
            for &(name, values) in SETTINGS {
                settings.push((name, values[rng.below(values.len())]));
            }
            let pair = Pair {
                ours: &ours,
                theirs: &theirs,
                settings,
                resp3: rng.below(2) == 0,
            };
            let calls = generate::round(&rows, &mut rng, ROUND);
            if let Some(found) = pair.run(&calls, &mut rng) {
                let (calls, found) = shrink(&pair, calls, found, seed);
                let lines: Vec<String> = calls.iter().map(Call::shown).collect();
                differences.push(format!(
                    "TESSERA_SEED={seed} (RESP{}, {:?})\n{}\n{}\n",
                    if pair.resp3 { 3 } else { 2 },
                    pair.settings,
                    lines.join("\n"),
                    found.what
                ));
            }
            rounds += 1;
            let is_over = match end {
                Some(end) => clock::now() >= end,
                None => rounds == ROUNDS || is_given(),
            };
            if is_over {
                break;
            }
        }
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        eprintln!("{}: {rounds} rounds of {} rows", variant.name, rows.len());
    });
}
