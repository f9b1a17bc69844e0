//! XACK and XPENDING: what was delivered and is, or is not, confirmed.

use super::{Result, ids, parse_count, parse_integer, reply_id};
use crate::command::ctx::{Ctx, Flow};
use crate::resp::{Args, CommandError, Reply};
use crate::types::stream::{Group, Stream, StreamId};

/// Confirms entries. Replies how many were pending.
pub fn xack(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    // A key that is not there is a miss, though this writes.
    if cx.db.read::<Stream>(args.arg(1))?.is_none() {
        cx.reply.count(0);
        return Ok(Flow::Done);
    }
    let edited = cx.db.modify(args.arg(1), |stream: &mut Stream| {
        let confirmed = stream.with_group(args.arg(2), |_, group| {
            let ids = ids::parse_all(args.from(3).iter())?;
            Ok(ids.into_iter().filter(|&id| group.confirm(id)).count())
        });
        (confirmed, 0)
    })?;
    let confirmed = edited.and_then(|edited| edited.result).unwrap_or(Ok(0))?;
    cx.dirty += confirmed as u64;
    cx.reply.count(confirmed);
    Ok(Flow::Done)
}

/// Which pending entries XPENDING lists.
struct Filter<'a> {
    min_idle_ms: i64,
    start: StreamId,
    end: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

/// Describes what is pending in a group, or lists it.
pub fn xpending(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let filter = match args.len() {
        3 => None,
        6..=9 => Some(parse(args)?),
        _ => return Err(CommandError::SYNTAX),
    };
    let (key, name) = (args.arg(1), args.arg(2));
    let now = cx.now;
    let stream = cx.db.read::<Stream>(key)?;
    let Some(group) = stream.and_then(|stream| stream.group(name)) else {
        return Err(CommandError::no_key_or_group(key, name));
    };
    let reply = &mut cx.reply;
    let Some(filter) = filter else {
        reply_summary(reply, group);
        return Ok(Flow::Done);
    };
    let consumer = match filter.consumer.map(|name| group.find(name)) {
        // No such consumer.
        Some(None) => {
            reply.array(0);
            return Ok(Flow::Done);
        }
        Some(consumer) => consumer,
        None => None,
    };
    let mark = reply.mark();
    let mut len = 0;
    let mut visit = |id: StreamId, pending: &crate::types::stream::Pending| {
        if len == filter.count || id > filter.end {
            return false;
        }
        let idle = now.since(pending.delivered);
        if idle >= filter.min_idle_ms {
            reply.array(4);
            reply_id(reply, id);
            reply.bulk(group.owner(pending));
            // Given back: it is not idle, it may be taken at once.
            reply.integer(pending.consumer.map_or(-1, |_| idle));
            reply.integer(pending.deliveries);
            len += 1;
        }
        true
    };
    match consumer {
        Some(consumer) => {
            let mut pending = group.pending_of(consumer, filter.start);
            pending.all(|(id, pending)| visit(id, pending));
        }
        None => {
            let mut pending = group.pending_from(filter.start);
            pending.all(|(id, pending)| visit(id, pending));
        }
    }
    reply.set_array(mark, len);
    Ok(Flow::Done)
}

/// How many are pending, the first and the last of them, and how many for each consumer.
fn reply_summary(reply: &mut Reply<'_>, group: &Group) {
    reply.array(4);
    reply.count(group.pending_len());
    let mut pending = group.pending_from(StreamId::MIN).map(|(id, _)| id);
    let Some(first) = pending.next() else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(reply, first);
    reply_id(reply, pending.next_back().unwrap_or(first));
    let busy = || group.consumers().filter(|it| it.pending_len() > 0);
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(&consumer.name);
        reply.bulk_integer(consumer.pending_len() as i64);
    }
}

fn parse(args: Args<'_>) -> Result<Filter<'_>> {
    let mut at = 3;
    let mut min_idle_ms = 0;
    if args.is(3, "idle") {
        min_idle_ms = parse_integer(args.arg(4))?;
        if args.len() < 8 {
            return Err(CommandError::SYNTAX);
        }
        at = 5;
    }
    let count = parse_count(args.arg(at + 2))?;
    Ok(Filter {
        min_idle_ms,
        start: ids::parse_start(args.arg(at))?,
        end: ids::parse_end(args.arg(at + 1))?,
        count,
        consumer: args.get(at + 3),
    })
}
