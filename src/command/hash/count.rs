//! HINCRBY, HINCRBYFLOAT: fields as numbers. A field keeps its expiry time.

use super::{Result, limits};
use crate::base::num::{Float80, FloatError, float80_add};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::{FieldTtl, Hash};

/// Adds an integer to a field, which counts as 0 if it is not there; replies the sum.
pub fn hincrby(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let by = parse_i64(args.arg(3)).ok_or(CommandError::NOT_INTEGER)?;
    let sum = update(cx, args, |old| {
        let old = match old {
            Some(text) => parse_i64(text).ok_or(CommandError::HASH_NOT_INTEGER)?,
            None => 0,
        };
        let sum = old.checked_add(by).ok_or(CommandError::INCR_OVERFLOW)?;
        Ok((sum, I64Buf::new(sum).as_bytes().to_vec()))
    })?;
    cx.dirty += 1;
    cx.notify(KeyspaceEvents::HASH, "hincrby", args.arg(1));
    cx.reply.integer(sum);
    Ok(Flow::Done)
}

/// Adds a floating point number to a field, which counts as 0 if it is not there; replies the sum as a string, in RESP3
/// too.
pub fn hincrbyfloat(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let by = Float80::parse(args.arg(3)).ok_or(CommandError::NOT_FLOAT)?;
    if !by.is_finite() {
        return Err(CommandError::NAN_OR_INF);
    }
    let has_time = has_time(cx, args)?;
    let sum = update(cx, args, |old| {
        let sum = float80_add(old.unwrap_or(b"0"), args.arg(3)).map_err(|error| match error {
            FloatError::NotAFloat => CommandError::HASH_NOT_FLOAT,
            FloatError::NanOrInf => CommandError::INCR_NAN_OR_INF,
        })?;
        Ok((sum.clone(), sum))
    })?;
    cx.dirty += 1;
    let (key, field) = (args.arg(1), args.arg(2));
    match has_time {
        false => cx.propagate(&[b"HSET", key, field, &sum]),
        // HSET would take the time off.
        true => cx.propagate(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", field, &sum]),
    }
    cx.notify(KeyspaceEvents::HASH, "hincrbyfloat", args.arg(1));
    cx.reply.bulk(&sum);
    Ok(Flow::Done)
}

/// Whether the field goes by itself some time. Asked only for who has to be told.
fn has_time(cx: &mut Ctx<'_>, args: Args<'_>) -> Result<bool> {
    if !cx.propagates() {
        return Ok(false);
    }
    let now = cx.db.horizon();
    let hash = cx.db.find_as::<Hash>(args.arg(1))?;
    let field = hash.and_then(|hash| hash.field(args.arg(2), now));
    Ok(field.is_some_and(|field| field.expiry.is_some()))
}

/// Writes what `compute` makes of a field's value, and returns the other thing it made. An error changes nothing.
fn update<T>(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    compute: impl FnOnce(Option<&[u8]>) -> Result<(T, Vec<u8>)>,
) -> Result<T> {
    let field = args.arg(2);
    let (limits, now) = (limits(cx.config), cx.db.horizon());
    let edited = cx.db.upsert(args.arg(1), Hash::new, |hash: &mut Hash| {
        let mut digits = I64Buf::new(0);
        let old = hash.get(field, now);
        match compute(old.map(|text| text.text(&mut digits))) {
            Ok((result, text)) => {
                hash.set(field, &text, FieldTtl::Keep, limits, now);
                (Ok(result), 1)
            }
            Err(error) => (Err(error), 0),
        }
    })?;
    edited.result
}
