//! HRANDFIELD and HSCAN.

use super::{Result, reply_text};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::command::generic::scan::{ScanOptions, Scanned, parse_cursor};
use crate::resp::{Args, CommandError, Output, Reply};
use crate::types::{Field, Hash};

/// Replies a field at random, null without the key. With a count: so many different ones, or with a negative count
/// so many draws; WITHVALUES with their values.
pub fn hrandfield(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.arg(1), cx.db.horizon());
    let Some(count) = args.get(2) else {
        let hash = cx.db.read::<Hash>(key)?;
        match hash.and_then(|hash| hash.random(cx.rng, now)) {
            Some(field) => reply_text(&mut cx.reply, field.name),
            None => cx.reply.null(),
        }
        return Ok(Flow::Done);
    };
    let count = parse_i64(count).ok_or(CommandError::NOT_INTEGER)?;
    if count == i64::MIN {
        return Err(CommandError::not_between(-i64::MAX, i64::MAX));
    }
    let with_values = match args.len() {
        3 => false,
        4 if args.is(3, "WITHVALUES") => true,
        _ => return Err(CommandError::SYNTAX),
    };
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(CommandError::OUT_OF_RANGE);
    }
    let hash = cx.db.read::<Hash>(key)?;
    let len = hash.map_or(0, |hash| hash.live_len(now));
    let (Some(hash), 1.., true) = (hash, len, count != 0) else {
        cx.reply.array(0);
        return Ok(Flow::Done);
    };
    let reply = &mut cx.reply;
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    let times = if count > 0 { wanted.min(len) } else { wanted };
    if times > DRAWS_MAX {
        return Err(CommandError::OUT_OF_RANGE);
    }
    let is_paired = reply.is_resp3();
    reply.array(match with_values && !is_paired {
        true => times * 2,
        false => times,
    });
    let put = |field: Field<'_>| {
        if with_values && is_paired {
            reply.array(2);
        }
        reply_text(reply, field.name);
        if with_values {
            reply_text(reply, field.value);
        }
    };
    match count {
        1.. => hash.sample(cx.rng, times, now, put),
        _ => hash.draw(cx.rng, times, now, put),
    }
    Ok(Flow::Done)
}

/// More would be a reply that no memory holds.
const DRAWS_MAX: usize = 1 << 28;

/// Lists some fields from a cursor on, with their values unless told otherwise; replies where to go on, and the list.
pub fn hscan(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(args.arg(2)).ok_or(CommandError::INVALID_CURSOR)?;
    let now = cx.db.horizon();
    let Some(hash) = cx.db.read::<Hash>(args.arg(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(args.from(3), Scanned::Fields)?;
    let mut list = Output::new();
    let mut part = Reply::new(&mut list, cx.reply.proto);
    let mut found = 0;
    let mut digits = I64Buf::new(0);
    let next = hash.scan(cursor, options.count, now, |field| {
        if options.pattern.fits(field.name.text(&mut digits)) {
            reply_text(&mut part, field.name);
            found += 1;
            if !options.names_only {
                reply_text(&mut part, field.value);
                found += 1;
            }
        }
    });
    cx.reply.array(2);
    cx.reply.bulk(I64Buf::unsigned(next).as_bytes());
    cx.reply.array(found);
    cx.reply.append(&mut list);
    Ok(Flow::Done)
}
