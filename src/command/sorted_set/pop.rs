//! Taking the members with the lowest or highest scores: ZPOPMIN, ZPOPMAX, ZMPOP, and those that wait for some.

use std::ops::Range;

use super::{Result, removed, reply_member, syntax};
use crate::base::{I64Buf, Millis, parse_i64};
use crate::command::blocking::deadline;
use crate::command::ctx::{Block, Ctx, Flow, Waiting};
use crate::resp::{Args, CommandError, Reply};
use crate::types::Zset;

/// Where members are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn command(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }

    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }

    /// The ranks of the `count` members at this end.
    fn ranks(self, len: usize, count: usize) -> Range<usize> {
        let count = count.min(len);
        match self {
            End::Min => 0..count,
            End::Max => len - count..len,
        }
    }
}

/// How a reply is laid out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `member, score, member, score, ..`
    Flat,
    /// `[member, score], [member, score], ..`
    Pairs,
    /// `key, member, score`
    Keyed,
    /// `key, [[member, score], ..]`
    KeyedPairs,
}

impl Layout {
    fn header(self, reply: &mut Reply<'_>, key: &[u8], len: usize) {
        match self {
            Layout::Flat => reply.array(len * 2),
            Layout::Pairs => reply.array(len),
            Layout::Keyed => {
                reply.array(len * 2 + 1);
                reply.bulk(key);
            }
            Layout::KeyedPairs => {
                reply.array(2);
                reply.bulk(key);
                reply.array(len);
            }
        }
    }
}

/// Takes the members with the lowest scores.
pub fn zpopmin(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    pop(cx, args, End::Min)
}

/// Takes the members with the highest scores.
pub fn zpopmax(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    pop(cx, args, End::Max)
}

fn pop(cx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Result {
    if args.len() > 3 {
        return syntax();
    }
    let count = match args.get(2) {
        None => None,
        Some(text) => Some(positive_or_zero(text)?),
    };
    let layout = match count {
        Some(_) if cx.reply.is_resp3() => Layout::Pairs,
        _ => Layout::Flat,
    };
    if !take(cx, args.arg(1), end, count.unwrap_or(1), layout)? {
        cx.reply.array(0);
    }
    Ok(Flow::Done)
}

fn positive_or_zero(text: &[u8]) -> Result<usize> {
    let count = parse_i64(text).and_then(|count| usize::try_from(count).ok());
    count.ok_or(CommandError::NOT_POSITIVE)
}

/// Takes members of one set and replies them; false if there is no such set, and nothing is replied.
fn take(cx: &mut Ctx<'_>, key: &[u8], end: End, count: usize, layout: Layout) -> Result<bool> {
    let Ctx { db, reply, .. } = cx;
    let edited = db.modify::<Zset, _>(key, |zset| {
        let ranks = end.ranks(zset.len(), count);
        let taken = ranks.len();
        layout.header(reply, key, taken);
        let mut members = zset.range(ranks.clone());
        while let Some((member, score)) = match end {
            End::Min => members.next(),
            End::Max => members.next_back(),
        } {
            if matches!(layout, Layout::Pairs | Layout::KeyedPairs) {
                reply.array(2);
            }
            reply_member(reply, member);
            reply.double(score);
        }
        zset.remove_ranks(ranks);
        ((), taken as u64)
    })?;
    let Some(edited) = edited else {
        return Ok(false);
    };
    match layout {
        Layout::Flat | Layout::Pairs => {}
        Layout::Keyed => cx.propagate(&[end.command(), key]),
        Layout::KeyedPairs => {
            let taken = I64Buf::new(edited.changes as i64);
            cx.propagate(&[end.command(), key, taken.as_bytes()]);
        }
    }
    removed(cx, end.event(), key, &edited);
    Ok(true)
}

/// Takes members of the first set there is.
pub fn zmpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let request = Request::parse(args, 1)?;
    if !request.serve(cx, args)? {
        cx.reply.null_array();
    }
    Ok(Flow::Done)
}

/// As [`zmpop`], waiting for one.
pub fn bzmpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let request = Request::parse(args, 2)?;
    let deadline = deadline(args.arg(1), cx.now)?;
    request.serve_or_wait(cx, args, deadline)
}

/// Takes the member with the lowest score of the first set there is, waiting for one.
pub fn bzpopmin(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    pop_waiting(cx, args, End::Min)
}

/// Takes the member with the highest score of the first set there is, waiting for one.
pub fn bzpopmax(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    pop_waiting(cx, args, End::Max)
}

fn pop_waiting(cx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Result {
    let last = args.len() - 1;
    let deadline = deadline(args.arg(last), cx.now)?;
    let request = Request {
        keys: 1..last,
        end,
        count: 1,
        layout: Layout::Keyed,
    };
    request.serve_or_wait(cx, args, deadline)
}

/// What to take, and of which keys.
struct Request {
    /// Argument numbers.
    keys: Range<usize>,
    end: End,
    count: usize,
    layout: Layout,
}

impl Request {
    /// Parses `numkeys key [key ..] MIN|MAX [COUNT count]` from argument `at` on.
    fn parse(args: Args<'_>, at: usize) -> Result<Request> {
        let positive = |text: &[u8]| {
            let number = parse_i64(text).filter(|number| *number > 0);
            number.and_then(|number| usize::try_from(number).ok())
        };
        let count = positive(args.arg(at)).ok_or(CommandError::NUMKEYS_NOT_POSITIVE)?;
        let keys = at + 1..(at + 1).saturating_add(count);
        let end = match () {
            () if args.is(keys.end, "MIN") => End::Min,
            () if args.is(keys.end, "MAX") => End::Max,
            () => return syntax(),
        };
        let mut count = None;
        let mut at = keys.end + 1;
        while at < args.len() {
            match args.get(at + 1) {
                Some(number) if count.is_none() && args.is(at, "COUNT") => {
                    count = Some(positive(number).ok_or(CommandError::COUNT_NOT_POSITIVE)?);
                }
                _ => return syntax(),
            }
            at += 2;
        }
        Ok(Request {
            keys,
            end,
            count: count.unwrap_or(1),
            layout: Layout::KeyedPairs,
        })
    }

    /// Takes members of the first set there is; false if there is none.
    fn serve(&self, cx: &mut Ctx<'_>, args: Args<'_>) -> Result<bool> {
        let waits = matches!(cx.waiting, Waiting::Ready(_));
        for at in self.keys.clone() {
            let key = args.arg(at);
            if !cx.is_candidate(key) {
                continue;
            }
            match take(cx, key, self.end, self.count, self.layout) {
                Ok(false) => {}
                Ok(true) => return Ok(true),
                // Whoever waits does so for a sorted set.
                Err(_) if waits => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn serve_or_wait(&self, cx: &mut Ctx<'_>, args: Args<'_>, deadline: Option<Millis>) -> Result {
        if self.serve(cx, args)? {
            return Ok(Flow::Done);
        }
        if !cx.may_block() {
            cx.reply.null_array();
            return Ok(Flow::Done);
        }
        Ok(Flow::Block(Box::new(Block {
            deadline,
            keys: self.keys.clone().collect(),
            args: None,
            on_removal: false,
            look_at: None,
        })))
    }
}
