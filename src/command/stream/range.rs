//! XRANGE and XREVRANGE: entries between two ids.

use super::{Result, ids, parse_integer, reply_entries};
use crate::command::ctx::{Ctx, Flow};
use crate::resp::{Args, CommandError};
use crate::types::stream::{Stream, StreamId};

/// Replies the entries between two ids.
pub fn xrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let start = ids::parse_start(args.arg(2))?;
    let end = ids::parse_end(args.arg(3))?;
    reply_range(cx, args, start, end, false)
}

/// As XRANGE, the newest first; the interval is given the other way round too.
pub fn xrevrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let start = ids::parse_start(args.arg(3))?;
    let end = ids::parse_end(args.arg(2))?;
    reply_range(cx, args, start, end, true)
}

fn reply_range(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    start: StreamId,
    end: StreamId,
    backward: bool,
) -> Result {
    let mut count = None;
    let mut i = 4;
    while i < args.len() {
        if !args.is(i, "count") || i + 1 == args.len() {
            return Err(CommandError::SYNTAX);
        }
        let max = parse_integer(args.arg(i + 1))?;
        count = Some(usize::try_from(max).unwrap_or(0));
        i += 2;
    }
    match cx.db.read::<Stream>(args.arg(1))? {
        None => cx.reply.array(0),
        Some(_) if count == Some(0) => cx.reply.null_array(),
        Some(stream) => {
            let entries = match backward {
                false => stream.log().range(start, end),
                true => stream.log().range_back(start, end),
            };
            reply_entries(&mut cx.reply, entries, count.unwrap_or(0));
        }
    }
    Ok(Flow::Done)
}
