//! Transcripts: what the tests of command families are written in.
//!
//! A transcript is a sequence of `command => reply`, separated by `;` or line ends; `command ~> [..]` where the order
//! of the elements does not matter, and just `command` where any reply but an error will do. It runs over one store
//! and over four, in RESP2; only this file knows how a command is called. A command that fails must have written and
//! counted nothing, and every command leaves its database selected.
//!
//! Words are separated by spaces. `"..."` holds a word with spaces or escapes (`\xff`, `\n`, `\\`, `\"`); `a*1000`
//! between angle brackets is repetition: `<a*1000>`. Replies: integers as digits, strings bare or, where that would be
//! ambiguous, in quotes; `nil`; `[a, b]`; errors with their text. Commands that begin with `@` ask the harness:
//! `@ttl key` (milliseconds), `@encoding key`, `@dirty` (changes since asked last), `@events` (notifications since asked
//! last, of the classes that `Bench::config` wants, as `[name key, ..]`), `@wait ms`, `@len`, `@select db`. Commands
//! that would wait reply as in a transaction. `@effects` says what has to be written down since asked last, as `[first
//! second, ..]`.
//!
//! When a bench is done with, its effects are run over empty stores, years later and with other luck: everything must be
//! there again.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::aside::Aside;
use super::ctx::{Ctx, Flow, News, Undivided, Waiting};
use super::effects::{Effect, Effects};
use super::keys;
use super::lookup::{Lookup, Mode};
use super::spec::{CommandSpec, Route, Run, flag, key_flag};
use crate::base::rng::Rng;
use crate::base::{DbIndex, Millis, ShardId, SlotMap};
use crate::config::Config;
use crate::keyspace::seen;
use crate::keyspace::{AccessClock, Db, Expiry, Store, StoreCounters, StoreOptions, StoreSet};
use crate::resp::{Args, Output, OwnedArgs, ParseLimits, Parsed, Parser, Proto, Reply};
use crate::script::{Scripts, Shared};

/// Runs a transcript.
#[track_caller]
pub(super) fn check(transcript: &str) {
    for shards in [1, 4] {
        Bench::new(shards).check(transcript);
    }
}

/// Stores, a clock and settings to run commands with.
pub(super) struct Bench {
    stores: Vec<Store>,
    slots: SlotMap,
    now: Millis,
    db: DbIndex,
    dirty: u64,
    events: Vec<String>,
    effects: Effects,
    /// How many of them `@effects` has told.
    told: usize,
    /// What expired keys look like.
    expiry: Expiry,
    /// The settings.
    pub(super) config: Config,
    /// Of the replies.
    pub(super) proto: Proto,
    rng: Rng,
    scripts: Scripts,
    names: Lookup,
}

impl Bench {
    /// Empty stores.
    pub(super) fn new(shards: usize) -> Bench {
        let mut bench = Bench::silent(shards);
        bench.effects.set_on(true);
        for store in &mut bench.stores {
            store.set_notes_losses(true);
        }
        bench
    }

    /// As [`Bench::new`]; its effects are nobody's business.
    pub(super) fn silent(shards: usize) -> Bench {
        let slots = SlotMap::even(shards);
        let store = |shard: u16| {
            Store::new(StoreOptions {
                shard: ShardId(shard),
                slots: slots.slots_of(ShardId(shard)),
                databases: 16,
                hash_seed: 1,
                counters: Arc::new(StoreCounters::new(16)),
            })
        };
        Bench {
            stores: (0..shards as u16).map(store).collect(),
            slots,
            now: Millis(1_700_000_000_000),
            db: DbIndex(0),
            dirty: 0,
            events: Vec::new(),
            effects: Effects::default(),
            told: 0,
            expiry: Expiry::Remove,
            config: Config::default(),
            proto: Proto::Resp2,
            rng: Rng::new(1),
            scripts: Scripts::new(Arc::new(Shared::new(1)), 0, 1, || 0),
            names: Lookup::new(Mode::Server),
        }
    }

    /// Makes the stores keep other access data.
    pub(super) fn set_access_clock(&mut self, clock: AccessClock) {
        for store in &mut self.stores {
            store.set_access_clock(clock);
        }
    }

    /// Runs a transcript.
    #[track_caller]
    pub(super) fn check(&mut self, transcript: &str) {
        let shards = self.stores.len();
        for line in transcript.split(['\n', ';']).map(str::trim) {
            if let Some((command, expected)) = line.split_once("~>") {
                let (reply, expected) = (self.call(command.trim()), expected.trim());
                assert_eq!(
                    sorted(&reply),
                    sorted(expected),
                    "{command} on {shards} shards"
                );
            } else if let Some((command, expected)) = line.split_once("=>") {
                let reply = self.call(command.trim());
                assert_eq!(reply, expected.trim(), "{command} on {shards} shards");
            } else if !line.is_empty() {
                let reply = self.call(line);
                assert!(!is_error(&reply), "{line}: {reply} on {shards} shards");
            }
        }
        self.stores.iter().for_each(Store::check);
    }

    /// Runs one line and says what it replied, in the notation of transcripts.
    pub(super) fn call(&mut self, line: &str) -> String {
        let words = words(line);
        let args: OwnedArgs = words.iter().collect();
        if let [b'@', question @ ..] = &words[0][..] {
            return self.ask(question, &words[1..]);
        }
        let reply = self.run(&args);
        let mut rest = &reply[..];
        let text = show(&mut rest);
        assert!(rest.is_empty(), "{line}: one reply, not {reply:?}");
        text
    }

    /// Runs a command; its reply as bytes.
    pub(super) fn run(&mut self, args: &OwnedArgs) -> Vec<u8> {
        let args = args.as_args();
        let mut out = Output::new();
        let (proto, dirty) = (self.proto, self.dirty);
        let result = Lookup::new(Mode::Server)
            .command(args)
            .and_then(|spec| match spec.run {
                Run::Store(run) => {
                    let before = self.dirty;
                    let told = self.effects.records().len();
                    let run = || self.with_ctx(&mut out, |cx| cx.run(run, args));
                    let (result, seen) = seen::watched(run);
                    check_keys(spec, args, &seen, self.dirty != before);
                    for (_, effect) in self.effect_args_from(told) {
                        check_effect(spec, args, effect.as_args());
                    }
                    result
                }
                Run::NotBuilt | Run::Home(_) | Run::Container => {
                    panic!("{args:?} does not run at its keys")
                }
            });
        match result {
            Ok(Flow::Done) => {}
            Ok(_) => panic!("{args:?}: no way to do that here"),
            Err(error) => {
                assert!(out.is_empty(), "{args:?}: an error writes no reply before");
                assert_eq!(self.dirty, dirty, "{args:?}: an error changes nothing");
                Reply::new(&mut out, proto).error(&error);
            }
        }
        out.flatten()
    }

    fn with_ctx<R>(&mut self, out: &mut Output, f: impl FnOnce(&mut Ctx<'_>) -> R) -> R {
        let mut lent: Vec<Option<&mut Store>>;
        let set = match &mut self.stores[..] {
            [store] => StoreSet::One(store),
            stores => {
                lent = stores.iter_mut().map(Some).collect();
                StoreSet::Many {
                    stores: &mut lent,
                    slots: &self.slots,
                }
            }
        };
        let mut news = Vec::new();
        let mut cx = Ctx {
            db: Db::new(set, self.db, self.now),
            reply: Reply::new(out, self.proto),
            config: &self.config,
            rng: &mut self.rng,
            now: self.now,
            dirty: 0,
            waiting: Waiting::Denied,
            news: &mut news,
            effects: &mut self.effects,
            aside: &mut Aside::default(),
            scripts: &self.scripts,
            names: &self.names,
            limited: None,
            besides: &mut Undivided,
        };
        cx.db.set_expiry_rule(self.expiry);
        let result = f(&mut cx);
        assert_eq!(cx.db.index(), self.db, "the database stays selected");
        self.dirty += cx.dirty;
        let told = news.iter().filter_map(|news| match news {
            News::Key(event) => Some(event),
            News::Store(_) | News::Message(_) => None,
        });
        self.events.extend(
            told.map(|event| format!("{} {}", event.name, String::from_utf8_lossy(&event.key))),
        );
        result
    }

    /// All effects: where, and what.
    fn effect_args(&self) -> Vec<(DbIndex, OwnedArgs)> {
        self.effect_args_from(0)
    }

    /// The effects from a number on.
    fn effect_args_from(&self, start: usize) -> Vec<(DbIndex, OwnedArgs)> {
        let limits = ParseLimits {
            authenticated: true,
            bulk_bytes_max: i64::MAX,
        };
        let parse = |effect: &Effect| {
            let bytes = &self.effects.bytes()[effect.range.clone()];
            let mut spans = Vec::new();
            let parsed = Parser::new().parse(bytes, &limits, &mut spans);
            assert!(matches!(parsed, Parsed::Command { consumed } if consumed == bytes.len()));
            (effect.db, OwnedArgs::from(Args::new(bytes, &spans)))
        };
        let changes = self.effects.records().iter().skip(start);
        let changes = changes.filter(|effect| !effect.replicas_only);
        changes.map(parse).collect()
    }

    /// Runs the effects over empty stores, and compares what is in them.
    fn replay(&mut self) {
        let mut copy = Bench::silent(self.stores.len());
        copy.config = self.config.clone();
        copy.expiry = Expiry::Ignore;
        copy.now.0 += 10_000_000_000;
        copy.rng = Rng::new(2);
        for (db, args) in self.effect_args() {
            copy.db = db;
            let reply = copy.run(&args);
            assert!(!reply.starts_with(b"-"), "the effect {args:?} fails");
        }
        self.expiry = Expiry::Ignore;
        self.proto = Proto::Resp2;
        for db in 0..16 {
            (self.db, copy.db) = (DbIndex(db), DbIndex(db));
            let (ours, theirs) = (self.contents(), copy.contents());
            let effects = self.effect_args();
            assert_eq!(ours, theirs, "database {db} after {effects:?}");
        }
    }

    /// Everything in the selected database, in words.
    fn contents(&mut self) -> Vec<String> {
        let mut keys = Vec::new();
        self.with_ctx(&mut Output::new(), |cx| {
            cx.db.for_each(|key, _| keys.push(key.to_vec()));
        });
        keys.sort();
        let mut contents = Vec::new();
        for key in keys {
            let mut expiry = None;
            let kind = self.with_ctx(&mut Output::new(), |cx| {
                expiry = cx.db.expire_of(&key).flatten();
                cx.db.type_name(&key)
            });
            let mut words: Vec<&[u8]> = match kind {
                Some("string") => vec![b"GET", &key],
                Some("list") => vec![b"LRANGE", &key, b"0", b"-1"],
                Some("set") => vec![b"SMEMBERS", &key],
                Some("zset") => vec![b"ZRANGE", &key, b"0", b"-1", b"WITHSCORES"],
                Some("hash") => vec![b"HGETALL", &key],
                Some("stream") => vec![b"XINFO", b"STREAM", &key, b"FULL", b"COUNT", b"0"],
                _ => panic!("{kind:?} is no type"),
            };
            let args = words.drain(..).collect();
            let value = self.run(&args);
            let mut value = show(&mut &value[..]);
            match kind {
                Some("set") => value = sorted(&value).join(" "),
                Some("hash") => value = self.hash_contents(&key, &value),
                Some("stream") => value = without_times(&value),
                _ => {}
            }
            let key = key.escape_ascii();
            contents.push(format!("{key} = {value} until {expiry:?}"));
        }
        contents
    }

    /// Fields, values and times in a common order.
    fn hash_contents(&mut self, key: &[u8], pairs: &str) -> String {
        let fields = self.run(&[b"HKEYS", key].into_iter().collect());
        let fields = words_of(&fields);
        let mut words: Vec<&[u8]> = vec![b"HPEXPIRETIME", key, b"FIELDS"];
        let count = fields.len().to_string();
        words.push(count.as_bytes());
        words.extend(fields.iter().map(Vec::as_slice));
        let times = self.run(&words.into_iter().collect());
        let times = show(&mut &times[..]);
        let inner = |array: &str| -> Vec<String> {
            let inner = array.trim_start_matches('[').trim_end_matches(']');
            inner.split(", ").map(str::to_owned).collect()
        };
        let (pairs, times) = (inner(pairs), inner(&times));
        let rows = pairs.chunks(2).zip(times);
        let mut rows: Vec<String> = rows
            .map(|(pair, time)| format!("{} {time}", pair.join(": ")))
            .collect();
        rows.sort();
        rows.join(", ")
    }

    /// Bytes of all stores.
    pub(super) fn memory(&self) -> u64 {
        self.stores.iter().map(Store::memory).sum()
    }

    fn ask(&mut self, question: &[u8], args: &[Vec<u8>]) -> String {
        let now = self.now;
        let mut out = Output::new();
        match question {
            b"dirty" => std::mem::take(&mut self.dirty).to_string(),
            b"events" => format!("[{}]", std::mem::take(&mut self.events).join(", ")),
            b"effects" => {
                let mut effects = self.effect_args();
                let told = std::mem::replace(&mut self.told, effects.len());
                let effects = effects.split_off(told);
                let texts = effects.iter().map(|(db, args)| {
                    let words: Vec<String> = args
                        .as_args()
                        .iter()
                        .map(|word| word.escape_ascii().to_string())
                        .collect();
                    match db.0 {
                        0 => words.join(" "),
                        db => format!("{db}> {}", words.join(" ")),
                    }
                });
                format!("[{}]", texts.collect::<Vec<_>>().join(", "))
            }
            b"wait" => {
                let text = std::str::from_utf8(&args[0]).expect("digits");
                self.now.0 += text.parse::<i64>().expect("milliseconds");
                "OK".into()
            }
            b"select" => {
                let text = std::str::from_utf8(&args[0]).expect("digits");
                self.db = DbIndex(text.parse().expect("a number"));
                "OK".into()
            }
            b"len" => self.with_ctx(&mut out, |cx| cx.db.len().to_string()),
            b"ttl" => self.with_ctx(&mut out, |cx| match cx.db.expire_of(&args[0]) {
                None => "absent".into(),
                Some(None) => "none".into(),
                Some(Some(at)) => (at.0 - now.0).to_string(),
            }),
            b"encoding" => self.with_ctx(&mut out, |cx| {
                cx.db.encoding_name(&args[0]).unwrap_or("nil").into()
            }),
            _ => panic!("no such question"),
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if self.effects.is_on() && !std::thread::panicking() {
            self.replay();
        }
    }
}

/// A command looks for no keys but those its row finds among its arguments, since shards are chosen and users are let in
/// by them; and what changes something says so of a key. Exempt is what may reach for other keys.
fn check_keys(spec: &CommandSpec, args: Args<'_>, seen: &BTreeSet<Vec<u8>>, changed: bool) {
    if spec.flags.has(flag::TOUCHES_ARBITRARY_KEYS)
        || (spec.route == Route::ParkAll && keys::needs_all(args))
    {
        return;
    }
    let found = keys::keys(spec, args).unwrap_or_default();
    let call = || args.iter().map(|arg| arg.escape_ascii().to_string());
    for key in seen {
        let is_found = found
            .iter()
            .any(|found| args.arg(found.index as usize) == &key[..]);
        let key = key.escape_ascii();
        assert!(is_found, "{:?} looks for {key}", call().collect::<Vec<_>>());
    }
    // RW alone: PFCOUNT may change how a key is kept, but not what it holds.
    let writes = key_flag::INSERT
        .or(key_flag::DELETE)
        .or(key_flag::UPDATE)
        .or(key_flag::RW);
    let is_known = CHANGES_WHAT_IT_READS.contains(&spec.name);
    assert!(
        !changed || is_known || found.is_empty() || found.iter().any(|key| key.flags.has(writes)),
        "{:?} changes something",
        call().collect::<Vec<_>>()
    );
}

/// Whatever a command does to a key, its row says of that key that it is written. Keys and fields whose time has come go
/// wherever they are met.
fn check_effect(spec: &CommandSpec, args: Args<'_>, effect: Args<'_>) {
    if spec.flags.has(flag::TOUCHES_ARBITRARY_KEYS) || CHANGES_WHAT_IT_READS.contains(&spec.name) {
        return;
    }
    let lookup = Lookup::new(Mode::Server);
    let told = lookup.command(effect).expect("effects are commands");
    let writes = key_flag::INSERT
        .or(key_flag::DELETE)
        .or(key_flag::UPDATE)
        .or(key_flag::OW)
        .or(key_flag::RW);
    let goes = matches!(told.name, "del" | "unlink" | "hdel");
    let found = keys::keys(spec, args).unwrap_or_default();
    let is_written = |key: &[u8]| {
        let mut found = found.iter();
        found.any(|it| args.arg(it.index as usize) == key && (goes || it.flags.has(writes)))
    };
    for key in keys::keys(told, effect).unwrap_or_default().iter() {
        let name = effect.arg(key.index as usize);
        // Whoever goes over keys, or only reads, may meet some whose time has come.
        let is_met = goes && (found.is_empty() || !spec.flags.has(flag::WRITE));
        if key.flags.has(writes) && !is_met && !(goes && spec.route == Route::ParkAll) {
            let words = |args: Args<'_>| -> Vec<String> {
                args.iter()
                    .map(|arg| arg.escape_ascii().to_string())
                    .collect()
            };
            assert!(
                is_written(name),
                "{:?} has the effect {:?}",
                words(args),
                words(effect)
            );
        }
    }
}

/// Commands that count a change although their row says of no key that it is changed, as it says in Redis.
const CHANGES_WHAT_IT_READS: &[&str] = &["xreadgroup"];

/// The strings of an array of strings.
fn words_of(mut reply: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    while let Some(end) = memchr::memmem::find(reply, b"\r\n") {
        let (line, rest) = (&reply[..end], &reply[end + 2..]);
        reply = rest;
        if let Some(len) = line.strip_prefix(b"$") {
            let len: usize = str::from_utf8(len)
                .expect("digits")
                .parse()
                .expect("a length");
            words.push(rest[..len].to_vec());
            reply = &rest[len + 2..];
        }
    }
    words
}

/// What XINFO says of a stream, but for when its consumers were seen and how its nodes lie.
fn without_times(info: &str) -> String {
    let words: Vec<&str> = info.split(", ").collect();
    let mut kept = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let is_time = [
            "seen-time",
            "active-time",
            "radix-tree-keys",
            "radix-tree-nodes",
        ]
        .iter()
        .any(|name| words[at].ends_with(name));
        if is_time {
            at += 2;
        } else {
            kept.push(words[at]);
            at += 1;
        }
    }
    kept.join(", ")
}

fn words(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)
        } else {
            let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
            let repeated = word
                .strip_prefix('<')
                .and_then(|word| word.strip_suffix('>')?.split_once('*'));
            let word = match repeated {
                Some((unit, times)) => unit.repeat(times.parse().expect("a number of times")),
                None => word.into(),
            };
            (word.into_bytes(), after)
        };
        words.push(word);
        rest = after.trim_start();
    }
    words
}

fn unquote(text: &str) -> (Vec<u8>, &str) {
    let mut word = Vec::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return (word, &text[at + 1..]),
            '\\' => match chars.next().expect("an escape").1 {
                'n' => word.push(b'\n'),
                'r' => word.push(b'\r'),
                'x' => {
                    let hex = &text[at + 2..at + 4];
                    word.push(u8::from_str_radix(hex, 16).expect("two hex digits"));
                    chars.nth(1);
                }
                other => word.push(other as u8),
            },
            other => word.push(other as u8),
        }
    }
    panic!("a closing quote in {text}");
}

/// One element from the start of `bytes`, in the notation of transcripts.
fn show(bytes: &mut &[u8]) -> String {
    let end = memchr::memmem::find(bytes, b"\r\n").expect("a line");
    let (line, rest) = (&bytes[1..end], &bytes[end + 2..]);
    let kind = bytes[0];
    *bytes = rest;
    let text = || String::from_utf8_lossy(line).into_owned();
    let count = || text().parse::<usize>().expect("a count");
    match kind {
        b'+' | b'-' | b':' | b',' | b'#' => text(),
        b'_' => "nil".into(),
        b'$' | b'*' if line == b"-1" => "nil".into(),
        b'$' => {
            let (word, rest) = rest.split_at(count());
            *bytes = rest.strip_prefix(b"\r\n").expect("a line end");
            quote(word)
        }
        b'*' | b'~' | b'>' | b'%' => {
            let pairs = if kind == b'%' { 2 } else { 1 };
            let parts: Vec<String> = (0..count() * pairs).map(|_| show(bytes)).collect();
            let parts = parts.join(", ");
            match kind {
                b'%' => format!("{{{parts}}}"),
                _ => format!("[{parts}]"),
            }
        }
        _ => panic!("an unknown kind of reply: {}", kind as char),
    }
}

fn is_error(reply: &str) -> bool {
    let code = reply.split(' ').next().unwrap_or_default();
    code.len() > 2 && code.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// The elements of a flat array, sorted.
fn sorted(array: &str) -> Vec<&str> {
    let inner = array.strip_prefix('[').and_then(|a| a.strip_suffix(']'));
    let mut elements: Vec<&str> = inner.unwrap_or(array).split(", ").collect();
    elements.sort_unstable();
    elements
}

fn quote(word: &[u8]) -> String {
    let escaped = word.escape_ascii().to_string();
    let number = escaped.parse::<f64>().is_ok() && !escaped.contains('.');
    let plain = !word.is_empty()
        && !number
        && escaped != "nil"
        && escaped.as_bytes() == word
        && !word.iter().any(|byte| b" ,;[]{}".contains(byte));
    match plain {
        true => escaped,
        false => format!("\"{escaped}\""),
    }
}
