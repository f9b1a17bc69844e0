//! Requests that lie in a client's buffer: parsed some ahead of the one that runs, with what they will touch asked for.
//!
//! Budget of the fast path, a GET whose key is here and whose client is owed nothing: one parse, one table lookup, one
//! slot and hash, one load of the inbox's tail, the command, two clock reads. No allocation, no lock, no copy of the
//! arguments. Whatever needs more goes through `dispatch.rs`.

use super::client::Stall;
use super::dispatch::{Step, count, error_code};
use super::home::Home;
use crate::command::ctx::Scope;
use crate::command::spec::{AnswerFn, CommandSpec, Route, Run, StoreFn, flag};
use crate::keyspace::Locator;
use crate::resp::{Args, OwnedArgs, ParseLimits, Parsed, Parser, Reply, Span};
use crate::session::{ClientKind, ReplyMode};
use crate::shard::Call;
use std::ops::Range;
use std::sync::Arc;

/// Commands parsed before the first of them runs, so that their cache misses overlap.
const AHEAD: usize = 16;
/// Where a script's first key is.
const SCRIPT_KEY: usize = 3;
/// Commands a client may run in one turn before the next client's turn comes.
const COMMANDS_A_TURN: usize = 64;

/// A command as the parser found it, with what could be computed ahead.
pub(super) struct Ahead {
    range: Range<usize>,
    spans: Range<usize>,
    inline: bool,
    spec: Option<&'static CommandSpec>,
    locator: Option<Locator>,
    /// Its key is that of the command before it, and asked for with that.
    again: bool,
}

/// What to parse: up to `depth` commands in `bytes`, from `from` on.
struct Parse<'a> {
    bytes: &'a [u8],
    from: usize,
    depth: usize,
    /// The long argument of the first.
    apart: Option<&'a Arc<Vec<u8>>>,
}

/// The key that was located last, for pipelines often go on with the key they are at.
#[derive(Default)]
struct LastKey {
    place: Range<usize>,
    locator: Option<Locator>,
}

impl LastKey {
    /// The key at `span` of the request that begins at `start`.
    #[inline]
    fn new(start: usize, span: Span, locator: Locator) -> LastKey {
        // A key that lies apart is at no place in the bytes.
        let begin = start + span.start as usize;
        LastKey {
            place: begin..begin + span.len as usize,
            locator: Some(locator),
        }
    }

    /// Where `key` is, if it is the same.
    #[inline]
    fn same(&self, bytes: &[u8], key: &[u8]) -> Option<Locator> {
        // Numbered keys differ at the end.
        let last = bytes.get(self.place.clone())?;
        let is_same = last.len() == key.len() && last.last() == key.last() && last == key;
        self.locator.filter(|_| is_same)
    }
}

/// The short way to answer a command, if it has one.
#[inline]
fn quick(command: &Ahead) -> Option<(&'static CommandSpec, AnswerFn)> {
    let spec = command.spec?;
    let fits = !command.inline && spec.accepts(command.spans.len());
    spec.answer.filter(|_| fits).map(|answer| (spec, answer))
}

/// Why parsing ahead stopped.
enum Stop {
    /// The rest is not a whole command.
    Incomplete,
    /// Enough for now, or an inline command, whose arguments the parser holds.
    Enough,
    /// The client broke the protocol, or is no client at all.
    Broken(Parsed),
}

impl Home {
    /// Runs what is complete in `bytes` for client `at`, up to its share of a turn. Returns how many bytes are used up,
    /// and whether more commands may be complete in the rest.
    pub(super) fn serve(&mut self, at: u32, bytes: &[u8]) -> (usize, bool) {
        let mut spans = std::mem::take(&mut self.spans);
        let mut ahead = std::mem::take(&mut self.ahead);
        let mut used = 0;
        let mut budget = COMMANDS_A_TURN;
        let more = loop {
            let depth = match self.clients[at as usize].as_ref() {
                Some(client) if client.closing || client.stall != Stall::None => break false,
                // Ahead only while nothing a command does can change how the next bytes are read.
                Some(client) if self.is_authenticated(client) => AHEAD.min(budget),
                Some(_) => 1,
                None => break false,
            };
            // Whatever is parsed now, its first request is the one with a long argument.
            let apart = self.client(at).apart.as_ref();
            let apart = apart.and_then(|apart| apart.whole().cloned());
            let parse = Parse {
                bytes,
                from: used,
                depth,
                apart: apart.as_ref(),
            };
            let (end, stop) = self.parse_ahead(at, parse, &mut spans, &mut ahead);
            let mut ran = 0;
            // Found out anew after each command that may have changed it.
            let mut calm = None;
            for command in &ahead {
                let raw = &bytes[command.range.clone()];
                if let Some((spec, run, locator)) = self.plain(command)
                    && let Some(scope) = *calm.get_or_insert_with(|| self.calm(at))
                {
                    let args = Args::new(raw, &spans[command.spans.clone()]);
                    if self.run_plain(
                        at,
                        spec,
                        Call {
                            locator: Some(locator),
                            ..Call::of(run, args, scope, self.owner.now)
                        },
                    ) {
                        used = command.range.end;
                        ran += 1;
                        continue;
                    }
                }
                if let Some(quick) = quick(command)
                    && calm.get_or_insert_with(|| self.calm(at)).is_some()
                    && self.answer(at, quick, Args::new(raw, &spans[command.spans.clone()]))
                {
                    used = command.range.end;
                    ran += 1;
                    continue;
                }
                calm = None;
                let step = if command.inline {
                    let owned = self.client(at).parser.inline_args().map(OwnedArgs::from);
                    let owned = owned.unwrap_or_default();
                    self.dispatch(at, command.spec, None, owned.as_args())
                } else {
                    let spans = &spans[command.spans.clone()];
                    let args = Args::with_apart(raw, spans, apart.as_ref());
                    self.dispatch(at, command.spec, command.locator, args)
                };
                let mut client = self.clients[at as usize].as_mut();
                if let Step::Wait(stall) = step {
                    if let Some(client) = client {
                        client.stall = stall;
                        if stall == Stall::Paused {
                            self.stats.blocked_clients.add(1);
                        }
                    }
                    break;
                }
                used = command.range.end;
                ran += 1;
                if let Some(client) = &mut client {
                    client.apart = None;
                }
                if client.is_none_or(|client| client.closing || client.stall != Stall::None) {
                    break;
                }
            }
            budget -= ran;
            if ran < ahead.len() {
                // What was parsed beyond is parsed again later.
                if let Some(client) = self.clients[at as usize].as_mut() {
                    let apart = client.apart.as_ref();
                    client.parser = apart.map_or_else(Parser::new, |apart| apart.parser());
                }
                break false;
            }
            used = end;
            match stop {
                Stop::Incomplete => break false,
                Stop::Broken(failure) => {
                    self.punish(at, failure);
                    used = bytes.len();
                    break false;
                }
                Stop::Enough if budget == 0 => break used < bytes.len(),
                Stop::Enough => {}
            }
            if self.clients[at as usize].is_some() && self.output_is_full(at) {
                self.client(at).stall = Stall::Output;
                break false;
            }
        };
        self.spans = spans;
        self.ahead = ahead;
        (used, more)
    }

    /// A command that runs here, needs nothing but its one key, and is called with as many arguments as it wants.
    #[inline]
    fn plain(&self, command: &Ahead) -> Option<(&'static CommandSpec, StoreFn, Locator)> {
        let (spec, locator) = (command.spec?, command.locator?);
        match spec.run {
            Run::Store(run)
                if spec.accepts(command.spans.len())
                    && !spec.is_container()
                    && spec.route != Route::Script
                    && !spec.flags.has(flag::BLOCKING)
                    && (self.outstanding.len() == 1
                        || self.slots.shard_of(locator.slot) == self.id) =>
            {
                Some((spec, run, locator))
            }
            _ => None,
        }
    }

    /// What plain commands of a client run under, if nothing about it or the server asks for a look at each of them: it
    /// may call everything, nothing is owed to it, and nothing is paused, monitored, refused or short of memory. No
    /// plain command changes any of that.
    fn calm(&self, at: u32) -> Option<Scope> {
        let client = self.clients[at as usize].as_ref()?;
        let session = &client.session;
        let is_calm = self.is_authenticated(client)
            && !session.is_limited
            && session.kind == ClientKind::Normal
            && session.transaction.is_none()
            && session.tracking.is_none()
            && session.reply_mode == ReplyMode::On
            && client.slots.is_empty()
            && client.apart.is_none()
            && self.pause.is_none()
            && !self.busy
            && !self.refuses
            && self.owner.limit == 0
            && !self.server.process.disk.is_failing()
            && !(self.shares && self.log.is_full())
            && !self.is_monitored();
        is_calm.then(|| client.scope())
    }

    /// Runs a plain command of a calm client, unless the inbox is ahead of it. False if it is still to be run, the long way.
    #[inline]
    fn run_plain(&mut self, at: u32, spec: &'static CommandSpec, call: Call<'_>) -> bool {
        if !self.receiver.is_quiet() {
            return false;
        }
        let client = self.clients[at as usize].as_mut().expect("it is calm");
        client.session.last_command = spec.name;
        let start = client.out.position();
        let ran = self.owner.execute(&call, &mut client.out);
        let reply = client.out.len_since(start);
        client.wrote |= ran.dirty > 0;
        if ran.failed {
            self.stats.errors.add(1);
            count(
                &mut self.errors,
                error_code(&client.out.bytes[start.byte..]),
            );
        }
        if self.owner.has_news() {
            self.spread_news(call.scope.client.client);
        }
        self.mark_dirty(at);
        let ended = self.clock.ticks();
        let ticks = ended.wrapping_sub(self.last_ticks);
        self.last_ticks = ended;
        self.account(at, spec, ticks, ran.failed, Some(call.args), reply);
        true
    }

    /// Answers a call of a calm client the short way. False, and nothing happened, if it is still to be run.
    #[inline]
    fn answer(
        &mut self,
        at: u32,
        (spec, answer): (&'static CommandSpec, AnswerFn),
        args: Args<'_>,
    ) -> bool {
        let client = self.clients[at as usize].as_mut().expect("it is calm");
        let start = client.out.position();
        let proto = client.session.proto;
        if !answer(args, &mut Reply::new(&mut client.out, proto)) {
            return false;
        }
        client.session.last_command = spec.name;
        let reply = client.out.len_since(start);
        self.mark_dirty(at);
        let ended = self.clock.ticks();
        let ticks = ended.wrapping_sub(self.last_ticks);
        self.last_ticks = ended;
        self.account(at, spec, ticks, false, Some(args), reply);
        true
    }

    /// Parses some commands and asks for the memory they will touch. Returns where the last of them ends, and why it
    /// stopped there.
    fn parse_ahead(
        &mut self,
        at: u32,
        parse: Parse<'_>,
        spans: &mut Vec<Span>,
        ahead: &mut Vec<Ahead>,
    ) -> (usize, Stop) {
        let Parse {
            bytes,
            from,
            depth,
            apart,
        } = parse;
        spans.clear();
        ahead.clear();
        let client = self.clients[at as usize]
            .as_mut()
            .expect("the caller looked");
        let authenticated = client.session.authenticated || self.is_open;
        let limits = ParseLimits {
            authenticated,
            bulk_bytes_max: self.config.proto_max_bulk_len as i64,
        };
        let db = client.session.db;
        let mut last = LastKey::default();
        let mut end = from;
        let stop = loop {
            if ahead.len() == depth {
                break Stop::Enough;
            }
            let first = spans.len();
            match client.parser.parse_onto(&bytes[end..], &limits, spans) {
                Parsed::NeedMore { .. } => break Stop::Incomplete,
                Parsed::Skip { consumed } => end += consumed,
                Parsed::Command { consumed } => {
                    let range = end..end + consumed;
                    end = range.end;
                    if let Some(args) = client.parser.inline_args() {
                        let spec = self.server.names.get(args.arg(0));
                        ahead.push(Ahead {
                            range,
                            spans: 0..0,
                            inline: true,
                            spec,
                            locator: None,
                            again: false,
                        });
                        break Stop::Enough;
                    }
                    let args = Args::with_apart(&bytes[range.clone()], &spans[first..], apart);
                    let spec = self.names.get(&self.server.names, args.arg(0));
                    let mut again = false;
                    let locator = match spec {
                        Some(spec) if spec.sole_key == 1 && args.len() > 1 => {
                            let key = args.arg(1);
                            let locator = match last.same(bytes, key) {
                                Some(locator) => {
                                    again = true;
                                    locator
                                }
                                None => {
                                    let locator = self.owner.store.locate(key);
                                    self.owner.store.prefetch_slot(db, locator);
                                    last = LastKey::new(range.start, spans[first + 1], locator);
                                    locator
                                }
                            };
                            Some(locator)
                        }
                        Some(spec) if spec.route == Route::Script && args.len() > SCRIPT_KEY => {
                            // Likely a key; where the script runs is not known yet.
                            let locator = self.owner.store.locate(args.arg(SCRIPT_KEY));
                            self.owner.store.prefetch(db, locator);
                            None
                        }
                        _ => None,
                    };
                    let spans = first..spans.len();
                    ahead.push(Ahead {
                        range,
                        spans,
                        inline: false,
                        spec,
                        locator,
                        again,
                    });
                }
                failure => break Stop::Broken(failure),
            }
        };
        // What was asked for in one pass has arrived in the next, that of the first commands at least.
        if ahead.len() > 1 {
            let store = &self.owner.store;
            for command in ahead.iter().filter(|command| !command.again) {
                if let Some(locator) = command.locator {
                    store.prefetch(db, locator);
                }
            }
            // Which of them are to be looked for in a stash, as bits.
            const { assert!(AHEAD <= u32::BITS as usize) };
            let mut stashed = 0_u32;
            for (at, command) in ahead.iter().enumerate() {
                if let (Some(locator), false) = (command.locator, command.again) {
                    stashed |= u32::from(store.prefetch_entry(db, locator)) << at;
                }
            }
            while stashed != 0 {
                if let Some(locator) = ahead[stashed.trailing_zeros() as usize].locator {
                    store.prefetch_stashed(db, locator);
                }
                stashed &= stashed - 1;
            }
        }
        (end, stop)
    }

    /// Ends a connection whose bytes make no sense.
    fn punish(&mut self, at: u32, failure: Parsed) {
        if self.clients[at as usize].is_none() {
            return;
        }
        match failure {
            Parsed::Error(error) => {
                let error = error.command_error();
                self.count_error(b"ERR");
                self.log_protocol_error(at, &error);
                self.reply(at, |reply| reply.error(&error));
                self.client(at).closing = true;
            }
            _ => {
                self.log_attack(at);
                self.close(at);
            }
        }
    }
}
