//! Strings as numbers: INCR and its kin in place, INCRBYFLOAT with the 80-bit arithmetic that clients compare digit by
//! digit.

use super::Result;
use crate::base::num::{FloatError, float80_add};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::{StrInput, Ttl};
use crate::resp::{Args, CommandError};

/// Adds one. Replies the sum, as all of these do.
#[inline]
pub fn incr(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    add(cx, args.arg(1), 1)
}

/// Takes one away.
#[inline]
pub fn decr(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    add(cx, args.arg(1), -1)
}

/// Adds an integer.
pub fn incrby(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let by = parse_i64(args.arg(2)).ok_or(CommandError::NOT_INTEGER)?;
    add(cx, args.arg(1), by)
}

/// Takes an integer away.
pub fn decrby(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let by = parse_i64(args.arg(2)).ok_or(CommandError::NOT_INTEGER)?;
    let by = by.checked_neg().ok_or(CommandError::DECR_OVERFLOW)?;
    add(cx, args.arg(1), by)
}

#[inline]
fn add(cx: &mut Ctx<'_>, key: &[u8], by: i64) -> Result {
    let sum = cx.db.update_int(key, |old| {
        old.unwrap_or(0)
            .checked_add(by)
            .ok_or(CommandError::INCR_OVERFLOW)
    })?;
    cx.dirty += 1;
    cx.notify(KeyspaceEvents::STRING, "incrby", key);
    cx.reply.integer(sum);
    Ok(Flow::Done)
}

/// Adds a floating point number; the expiry time stays. Replies the sum as a string, in RESP3 too.
pub fn incrbyfloat(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let mut digits = I64Buf::new(0);
    let old = match cx.db.peek_str(key)? {
        Some(text) => text.text(&mut digits),
        None => b"0",
    };
    let sum = float80_add(old, args.arg(2)).map_err(|error| match error {
        FloatError::NotAFloat => CommandError::NOT_FLOAT,
        FloatError::NanOrInf => CommandError::INCR_NAN_OR_INF,
    })?;
    cx.db.set_str(key, StrInput::Text(&sum), Ttl::Keep);
    cx.dirty += 1;
    cx.propagate(&[b"SET", key, &sum, b"KEEPTTL"]);
    cx.notify(KeyspaceEvents::STRING, "incrbyfloat", key);
    cx.reply.bulk(&sum);
    Ok(Flow::Done)
}
