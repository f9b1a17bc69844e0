//! Commands that reach into a list: by index, by range, by what the elements are.

use super::{Result, limits, positive, reply_item};
use crate::base::parse_i64;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::{End, List, Side};

/// Replies the element of an index, or null.
pub fn lindex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let Some(list) = cx.db.read::<List>(args.arg(1))? else {
        cx.reply.null();
        return Ok(Flow::Done);
    };
    let index = integer(args.arg(2))?;
    let reply = &mut cx.reply;
    if list.get(index, |item| reply_item(reply, item)).is_none() {
        cx.reply.null();
    }
    Ok(Flow::Done)
}

/// Replies the elements of a range.
pub fn lrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (start, stop) = (integer(args.arg(2))?, integer(args.arg(3))?);
    let Some(list) = cx.db.read::<List>(args.arg(1))? else {
        cx.reply.array(0);
        return Ok(Flow::Done);
    };
    let (skip, n) = range(start, stop, list.len());
    let reply = &mut cx.reply;
    reply.array(n);
    let mut left = n;
    if n > 0 {
        list.visit(End::Front, skip, |item| {
            reply_item(reply, item);
            left -= 1;
            left > 0
        });
    }
    Ok(Flow::Done)
}

/// Keeps only the elements of a range.
pub fn ltrim(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let (start, stop) = (integer(args.arg(2))?, integer(args.arg(3))?);
    let limits = limits(cx.config);
    let edited = cx.db.modify::<List, _>(key, |list| {
        let before = list.len();
        let (skip, n) = range(start, stop, before);
        list.trim(skip, n, limits);
        // Told to whoever watches the key even if nothing went.
        ((before - list.len()) as u64, 1)
    })?;
    if let Some(edited) = edited {
        cx.notify(KeyspaceEvents::LIST, "ltrim", key);
        if edited.emptied {
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        }
        cx.dirty += edited.result;
    }
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Replaces the element of an index.
pub fn lset(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    if cx.db.peek_as::<List>(key)?.is_none() {
        return Err(CommandError::NO_SUCH_KEY);
    }
    let index = integer(args.arg(2))?;
    let limits = limits(cx.config);
    let edited = cx.db.modify::<List, _>(key, |list| {
        let found = list.set(index, args.arg(3), limits);
        (found, u64::from(found))
    })?;
    if !edited.is_some_and(|edited| edited.result) {
        return Err(CommandError::INDEX_OUT_OF_RANGE);
    }
    cx.notify(KeyspaceEvents::LIST, "lset", key);
    cx.dirty += 1;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Inserts an element next to another; replies the length, or -1 if that other is not there.
pub fn linsert(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let side = if args.is(2, "AFTER") {
        Side::After
    } else if args.is(2, "BEFORE") {
        Side::Before
    } else {
        return Err(CommandError::SYNTAX);
    };
    let limits = limits(cx.config);
    let edited = cx.db.modify::<List, _>(key, |list| {
        let found = list.insert(args.arg(3), side, args.arg(4), limits);
        (list.len(), u64::from(found))
    })?;
    match edited {
        None => cx.reply.integer(0),
        Some(edited) if edited.changes == 0 => cx.reply.integer(-1),
        Some(edited) => {
            cx.notify(KeyspaceEvents::LIST, "linsert", key);
            cx.dirty += 1;
            cx.reply.count(edited.result);
        }
    }
    Ok(Flow::Done)
}

/// Removes equal elements; replies how many.
pub fn lrem(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let count = integer(args.arg(2))?;
    let (end, n) = match count {
        0 => (End::Front, usize::MAX),
        _ => (
            end_of(count),
            usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
        ),
    };
    let limits = limits(cx.config);
    let edited = cx.db.modify::<List, _>(key, |list| {
        let removed = list.remove(args.arg(3), end, n, limits);
        (removed, removed as u64)
    })?;
    let mut removed = 0;
    if let Some(edited) = edited
        && edited.result > 0
    {
        removed = edited.result;
        cx.notify(KeyspaceEvents::LIST, "lrem", key);
        if edited.emptied {
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        }
        cx.dirty += edited.changes;
    }
    cx.reply.count(removed);
    Ok(Flow::Done)
}

/// Options of LPOS.
struct Search {
    /// RANK: the first of the matches that counts; negative from the tail on.
    rank: i64,
    /// COUNT: how many to reply, 0 for all; without it one that is not in an array.
    count: Option<usize>,
    /// MAXLEN: how many elements to compare, 0 for all.
    compared_max: usize,
}

impl Search {
    fn parse(args: Args<'_>) -> Result<Search> {
        let mut search = Search {
            rank: 1,
            count: None,
            compared_max: 0,
        };
        let mut at = 0;
        while at < args.len() {
            let value = args.get(at + 1).ok_or(CommandError::SYNTAX)?;
            if args.is(at, "RANK") {
                search.rank = magnitude(value)?;
                if search.rank == 0 {
                    return Err(CommandError::LPOS_RANK_ZERO);
                }
            } else if args.is(at, "COUNT") {
                search.count = Some(positive(value, &CommandError::LPOS_COUNT_NEGATIVE)?);
            } else if args.is(at, "MAXLEN") {
                search.compared_max = positive(value, &CommandError::LPOS_MAXLEN_NEGATIVE)?;
            } else {
                return Err(CommandError::SYNTAX);
            }
            at += 2;
        }
        Ok(search)
    }
}

/// Replies where elements are.
pub fn lpos(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let search = Search::parse(args.from(3))?;
    let needle = args.arg(2);
    let Some(list) = cx.db.read::<List>(args.arg(1))? else {
        match search.count {
            Some(_) => cx.reply.array(0),
            None => cx.reply.null(),
        }
        return Ok(Flow::Done);
    };
    let end = end_of(search.rank);
    let mut to_skip = search.rank.unsigned_abs() - 1;
    let wanted = match search.count {
        Some(0) => usize::MAX,
        Some(count) => count,
        None => 1,
    };
    let len = list.len();
    let compared_max = match search.compared_max {
        0 => len,
        max => max.min(len),
    };
    let reply = &mut cx.reply;
    let mark = search.count.map(|_| reply.mark());
    let (mut at, mut found) = (0, 0);
    list.visit(end, 0, |item| {
        if item.eq_bytes(needle) {
            if to_skip > 0 {
                to_skip -= 1;
            } else {
                reply.count(match end {
                    End::Front => at,
                    End::Back => len - 1 - at,
                });
                found += 1;
            }
        }
        at += 1;
        at < compared_max && found < wanted
    });
    match mark {
        Some(mark) => reply.set_array(mark, found),
        None if found == 0 => reply.null(),
        None => {}
    }
    Ok(Flow::Done)
}

/// Where the range from `start` to `stop`, both included and negative ones counted from the end, begins in a list of that
/// length, and how long it is.
fn range(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let signed = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |index: i64| match index < 0 {
        true => index.saturating_add(signed),
        false => index,
    };
    let start = from_end(start).max(0);
    let stop = from_end(stop).min(signed - 1);
    if start > stop {
        return (len, 0);
    }
    let skip = usize::try_from(start).unwrap_or(len);
    (skip, usize::try_from(stop - start).map_or(0, |n| n + 1))
}

/// The end from which a count or rank with a sign looks.
fn end_of(signed: i64) -> End {
    match signed < 0 {
        true => End::Back,
        false => End::Front,
    }
}

fn integer(text: &[u8]) -> Result<i64> {
    parse_i64(text).ok_or(CommandError::NOT_INTEGER)
}

/// An integer that can be negated.
fn magnitude(text: &[u8]) -> Result<i64> {
    match integer(text)? {
        i64::MIN => Err(CommandError::not_between(-i64::MAX, i64::MAX)),
        value => Ok(value),
    }
}
