//! Commands that take from the first of several lists, or move an element between two, and their blocking forms.
//!
//! A blocking form does what the other does, and asks to wait where there is nothing to take. Run again because a key is
//! ready, it looks at that key only. An element is moved only where both keys are: a command that waited at the shard of
//! its source asks to be run elsewhere if the destination is on another one, before it has changed anything.

use super::{Result, limits, popped, positive, pushed, removed, reply_item};
use crate::base::{I64Buf, Millis};
use crate::command::blocking::deadline;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::{End, List};

/// Moves an element from an end of one list to an end of another.
pub fn lmove(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (from, to) = (end(args.get(3))?, end(args.get(4))?);
    if !transfer(cx, args.arg(1), args.arg(2), from, to)? {
        cx.reply.null();
    }
    Ok(Flow::Done)
}

/// Moves an element from the tail of one list to the head of another.
pub fn rpoplpush(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    if !transfer(cx, args.arg(1), args.arg(2), End::Back, End::Front)? {
        cx.reply.null();
    }
    Ok(Flow::Done)
}

/// LMOVE that waits for an element.
pub fn blmove(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (from, to) = (end(args.get(3))?, end(args.get(4))?);
    let deadline = deadline(args.arg(5), cx.now)?;
    let (source, destination) = (args.arg(1), args.arg(2));
    let effect = [b"LMOVE", source, destination, args.arg(3), args.arg(4)];
    transfer_or_wait(cx, args, from, to, deadline, &effect)
}

/// RPOPLPUSH that waits for an element.
pub fn brpoplpush(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let deadline = deadline(args.arg(3), cx.now)?;
    let effect = [b"RPOPLPUSH", args.arg(1), args.arg(2)];
    transfer_or_wait(cx, args, End::Back, End::Front, deadline, &effect)
}

/// Takes the head of the first list that has one, waiting for it.
pub fn blpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    pop_or_wait(cx, args, End::Front)
}

/// Takes the tail of the first list that has one, waiting for it.
pub fn brpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    pop_or_wait(cx, args, End::Back)
}

/// Takes elements from the first list that has any.
pub fn lmpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let wanted = Several::parse(args, 1)?;
    for key in wanted.keys.clone() {
        if take_several(cx, args.arg(key), &wanted)? {
            return Ok(Flow::Done);
        }
    }
    cx.reply.null_array();
    Ok(Flow::Done)
}

/// LMPOP that waits for elements.
pub fn blmpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let wanted = Several::parse(args, 2)?;
    let deadline = deadline(args.arg(1), cx.now)?;
    for key in wanted.keys.clone() {
        if take_several(cx, args.arg(key), &wanted)? {
            return Ok(Flow::Done);
        }
    }
    wait(cx, wanted.keys, deadline)
}

/// What LMPOP is to take.
struct Several {
    /// Positions of the keys.
    keys: std::ops::Range<usize>,
    end: End,
    count: usize,
}

impl Several {
    /// Reads `numkeys key [key ...] <LEFT|RIGHT> [COUNT count]`, from position `at` on.
    fn parse(args: Args<'_>, at: usize) -> Result<Several> {
        let numkeys = at_least_one(args.arg(at), CommandError::NUMKEYS_NOT_POSITIVE)?;
        let keys = at + 1..(at + 1).saturating_add(numkeys);
        let from = end(args.get(keys.end))?;
        let options = args.from(keys.end + 1);
        let count = match options.len() {
            0 => 1,
            2 if options.is(0, "COUNT") => {
                at_least_one(options.arg(1), CommandError::COUNT_NOT_POSITIVE)?
            }
            _ => {
                // What is wrong with the first count is said before anything else.
                if options.is(0, "COUNT") && options.len() > 2 {
                    at_least_one(options.arg(1), CommandError::COUNT_NOT_POSITIVE)?;
                }
                return Err(CommandError::SYNTAX);
            }
        };
        Ok(Several {
            keys,
            end: from,
            count,
        })
    }
}

/// Takes elements of a list into the reply; false if there are none.
fn take_several(cx: &mut Ctx<'_>, key: &[u8], wanted: &Several) -> Result<bool> {
    let n = available(cx, key)?.min(wanted.count);
    if n == 0 {
        return Ok(false);
    }
    let limits = limits(cx.config);
    let reply = &mut cx.reply;
    reply.array(2);
    reply.bulk(key);
    reply.array(n);
    let edited = cx.db.modify::<List, _>(key, |list| {
        list.pop(wanted.end, n, limits, |item| reply_item(reply, item));
        ((), n as u64)
    })?;
    let count = I64Buf::new(n as i64);
    cx.propagate(&[pop_name(wanted.end), key, count.as_bytes()]);
    if let Some(edited) = edited {
        removed(cx, key, wanted.end, edited);
    }
    Ok(true)
}

fn pop_or_wait(cx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Result {
    let last = args.len() - 1;
    let deadline = deadline(args.arg(last), cx.now)?;
    for key in args.first(last).from(1).iter() {
        if available(cx, key)? == 0 {
            continue;
        }
        let limits = limits(cx.config);
        let reply = &mut cx.reply;
        reply.array(2);
        reply.bulk(key);
        let edited = cx.db.modify::<List, _>(key, |list| {
            list.pop(end, 1, limits, |item| reply_item(reply, item));
            ((), 1)
        })?;
        cx.propagate(&[pop_name(end), key]);
        if let Some(edited) = edited {
            removed(cx, key, end, edited);
        }
        return Ok(Flow::Done);
    }
    wait(cx, 1..last, deadline)
}

fn transfer_or_wait(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    from: End,
    to: End,
    deadline: Option<Millis>,
    effect: &[&[u8]],
) -> Result {
    let (source, destination) = (args.arg(1), args.arg(2));
    if available(cx, source)? == 0 {
        if !cx.may_block() {
            // Not an array: that is for when the time is up.
            cx.reply.null();
            return Ok(Flow::Done);
        }
        return wait(cx, [1], deadline);
    }
    if !cx.db.covers(destination) {
        return Ok(Flow::Elsewhere);
    }
    if transfer(cx, source, destination, from, to)? {
        cx.propagate(effect);
    }
    Ok(Flow::Done)
}

/// Waits for one of the keys, or replies at once that there was nothing.
pub(super) fn wait(
    cx: &mut Ctx<'_>,
    keys: impl IntoIterator<Item = usize>,
    deadline: Option<Millis>,
) -> Result {
    if !cx.may_block() {
        cx.reply.null_array();
        return Ok(Flow::Done);
    }
    Ok(cx.wait_for(keys, deadline))
}

/// How many elements there are to take: for a command that waited, in the list that is ready only.
pub(super) fn available(cx: &mut Ctx<'_>, key: &[u8]) -> Result<usize> {
    if !cx.is_candidate(key) {
        return Ok(0);
    }
    let has_waited = cx.has_waited();
    match cx.db.peek_as::<List>(key) {
        Ok(list) => Ok(list.map_or(0, List::len)),
        Err(_) if has_waited => Ok(0),
        Err(error) => Err(error),
    }
}

/// Moves an element and replies it; false, and no reply, if there is none.
fn transfer(
    cx: &mut Ctx<'_>,
    source: &[u8],
    destination: &[u8],
    from: End,
    to: End,
) -> Result<bool> {
    if cx.db.peek_as::<List>(source)?.is_none() {
        return Ok(false);
    }
    if source == destination {
        // Used as the one and as the other.
        cx.db.find_as::<List>(destination)?;
    }
    cx.db.peek_as::<List>(destination)?;
    let limits = limits(cx.config);
    let mut text = Vec::new();
    let mut emptied = false;
    if source == destination {
        cx.db.modify::<List, _>(source, |list| {
            list.pop(from, 1, limits, |item| text = item.to_vec());
            list.push(to, &text, limits);
            ((), 1)
        })?;
    } else {
        let edited = cx.db.modify::<List, _>(source, |list| {
            list.pop(from, 1, limits, |item| text = item.to_vec());
            ((), 1)
        })?;
        emptied = edited.is_some_and(|edited| edited.emptied);
        cx.db.upsert(destination, List::new, |list| {
            list.push(to, &text, limits);
            ((), 1)
        })?;
    }
    cx.notify(KeyspaceEvents::LIST, pushed(to), destination);
    cx.notify(KeyspaceEvents::LIST, popped(from), source);
    if emptied {
        cx.notify(KeyspaceEvents::GENERIC, "del", source);
    }
    cx.dirty += 1;
    cx.reply.bulk(&text);
    Ok(true)
}

/// The command that takes from an end.
pub(super) fn pop_name(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    }
}

pub(super) fn end(word: Option<&[u8]>) -> Result<End> {
    match word {
        Some(word) if word.eq_ignore_ascii_case(b"LEFT") => Ok(End::Front),
        Some(word) if word.eq_ignore_ascii_case(b"RIGHT") => Ok(End::Back),
        _ => Err(CommandError::SYNTAX),
    }
}

fn at_least_one(text: &[u8], error: CommandError) -> Result<usize> {
    match positive(text, &error)? {
        0 => Err(error),
        count => Ok(count),
    }
}
