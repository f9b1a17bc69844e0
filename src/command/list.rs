//! The list family: here are the commands at one end of one list, `inside.rs` has those in the middle, `moves.rs` those
//! that take from one of several lists or move between two, waiting if they may, `several.rs` those that move more at
//! once.
//!
//! Budget: a push or pop is one look-up and one change of a listpack at its end; what is popped goes straight from there
//! into the reply.

mod inside;
mod moves;
mod several;

use super::ctx::{Ctx, Flow};
use crate::base::parse_i64;
use crate::config::{Config, KeyspaceEvents};
use crate::keyspace::Edited;
use crate::resp::{Args, CommandError, Reply};
use crate::types::{End, Item, List, ListLimits};

pub use inside::{lindex, linsert, lpos, lrange, lrem, lset, ltrim};
pub use moves::{blmove, blmpop, blpop, brpop, brpoplpush, lmove, lmpop, rpoplpush};
pub use several::{blmovem, lmovem};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Adds elements at the head.
pub fn lpush(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    push(cx, args, End::Front)
}

/// Adds elements at the tail.
pub fn rpush(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    push(cx, args, End::Back)
}

/// Adds elements at the head of a list that is there.
pub fn lpushx(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    push_if_there(cx, args, End::Front)
}

/// Adds elements at the tail of a list that is there.
pub fn rpushx(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    push_if_there(cx, args, End::Back)
}

/// Takes one or several elements from the head.
pub fn lpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    pop(cx, args, End::Front, "lpop")
}

/// Takes one or several elements from the tail.
pub fn rpop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    pop(cx, args, End::Back, "rpop")
}

/// Replies the length.
pub fn llen(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let len = cx.db.read::<List>(args.arg(1))?.map_or(0, List::len);
    cx.reply.count(len);
    Ok(Flow::Done)
}

fn push(cx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Result {
    let (key, texts) = (args.arg(1), args.from(2));
    let limits = limits(cx.config);
    let edited = cx.db.upsert(key, List::new, |list| {
        list.extend(end, texts.iter(), limits);
        (list.len(), texts.len() as u64)
    })?;
    cx.notify(KeyspaceEvents::LIST, pushed(end), key);
    cx.dirty += edited.changes;
    cx.reply.count(edited.result);
    Ok(Flow::Done)
}

fn push_if_there(cx: &mut Ctx<'_>, args: Args<'_>, end: End) -> Result {
    if cx.db.peek_as::<List>(args.arg(1))?.is_none() {
        cx.reply.integer(0);
        return Ok(Flow::Done);
    }
    push(cx, args, end)
}

fn pop(cx: &mut Ctx<'_>, args: Args<'_>, end: End, name: &str) -> Result {
    let key = args.arg(1);
    let count = match args.len() {
        2 => None,
        3 => Some(positive(args.arg(2), &CommandError::NOT_POSITIVE)?),
        _ => return Err(CommandError::wrong_arity(name)),
    };
    let limits = limits(cx.config);
    let reply = &mut cx.reply;
    let edited = cx.db.modify::<List, _>(key, |list| {
        let n = count.unwrap_or(1).min(list.len());
        if count.is_some() {
            reply.array(n);
        }
        list.pop(end, n, limits, |item| reply_item(reply, item));
        ((), n as u64)
    })?;
    match edited {
        Some(edited) => removed(cx, key, end, edited),
        None if count.is_some() => cx.reply.null_array(),
        None => cx.reply.null(),
    }
    Ok(Flow::Done)
}

/// Elements were taken from an end of a list: tells who wants to know, and counts them.
fn removed<R>(cx: &mut Ctx<'_>, key: &[u8], end: End, edited: Edited<R>) {
    if edited.changes == 0 {
        return;
    }
    cx.notify(KeyspaceEvents::LIST, popped(end), key);
    if edited.emptied {
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
    }
    cx.dirty += edited.changes;
}

/// The event of a push.
fn pushed(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

/// The event of a pop.
fn popped(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// The bounds of a list's nodes.
pub(super) fn limits(config: &Config) -> ListLimits {
    ListLimits {
        size: config.list_max_listpack_size,
        depth: usize::try_from(config.list_compress_depth).unwrap_or(0),
    }
}

/// Replies an item as a bulk string.
#[inline]
pub(super) fn reply_item(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Int(value) => reply.bulk_integer(value),
        Item::Text(text) => reply.bulk(text),
    }
}

/// A count that must not be negative; `error` is for everything else.
fn positive(text: &[u8], error: &CommandError) -> Result<usize> {
    let count = parse_i64(text).and_then(|count| usize::try_from(count).ok());
    count.ok_or_else(|| error.clone())
}

#[cfg(test)]
mod tests;
