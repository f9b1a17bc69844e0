//! The hash family: fields with values under one key.
//!
//! Here are the commands that read and write fields; `count.rs` has those that compute, `random.rs` HRANDFIELD and
//! HSCAN, `expiry.rs` the times of single fields, `timed.rs` the commands that read or write fields together with their
//! times.
//!
//! Budget: HGET is one look-up of the key, one of the field, one copy into the reply, no allocation; a value of 16 KiB or
//! more is not copied but referred to. Replies of many fields are written from where the fields are.

mod count;
mod expiry;
pub mod himport;
mod random;
#[cfg(test)]
mod tests;
mod timed;

use super::ctx::{Ctx, Flow};
use crate::config::{Config, KeyspaceEvents};
use crate::keyspace::Db;
use crate::resp::{Args, CommandError, Reply};
use crate::types::{FieldText, FieldTtl, Hash, HashLimits};

pub use count::{hincrby, hincrbyfloat};
pub use expiry::{
    hexpire, hexpireat, hexpiretime, hpersist, hpexpire, hpexpireat, hpexpiretime, hpttl, httl,
};
pub use random::{hrandfield, hscan};
pub use timed::{hgetdel, hgetex, hsetex};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Writes fields; replies how many are new.
pub fn hset(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let created = set_fields(cx, args, "hset")?;
    cx.reply.integer(created);
    Ok(Flow::Done)
}

/// As HSET, but replies OK.
pub fn hmset(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    set_fields(cx, args, "hmset")?;
    cx.reply.ok();
    Ok(Flow::Done)
}

fn set_fields(cx: &mut Ctx<'_>, args: Args<'_>, name: &str) -> Result<i64> {
    if !args.len().is_multiple_of(2) {
        return Err(CommandError::wrong_arity(name));
    }
    let (key, fields) = (args.arg(1), args.from(2));
    let pairs = fields.len() as u64 / 2;
    let (limits, now) = (limits(cx.config), cx.db.horizon());
    let edited = cx.db.upsert(key, Hash::new, |hash| {
        let mut created = 0;
        let mut at = 0;
        while let (Some(field), Some(value)) = (fields.get(at), fields.get(at + 1)) {
            created += i64::from(hash.set(field, value, FieldTtl::Clear, limits, now));
            at += 2;
        }
        (created, pairs)
    })?;
    cx.dirty += pairs;
    cx.notify(KeyspaceEvents::HASH, "hset", key);
    Ok(edited.result)
}

/// Writes a field unless it is there; replies whether it was written.
pub fn hsetnx(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, field, value) = (args.arg(1), args.arg(2), args.arg(3));
    let (limits, now) = (limits(cx.config), cx.db.horizon());
    let edited = cx.db.upsert(key, Hash::new, |hash: &mut Hash| {
        if hash.contains(field, now) {
            return (false, 0);
        }
        hash.set(field, value, FieldTtl::Clear, limits, now);
        (true, 1)
    })?;
    if edited.result {
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::HASH, "hset", key);
    }
    cx.reply.integer(i64::from(edited.result));
    Ok(Flow::Done)
}

/// Replies a field's value, or null.
pub fn hget(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.db.horizon();
    let hash = cx.db.read::<Hash>(args.arg(1))?;
    let value = hash.and_then(|hash| hash.get(args.arg(2), now));
    reply_text_or_null(&mut cx.reply, value);
    Ok(Flow::Done)
}

/// Replies the values of fields, null where there is none.
pub fn hmget(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.db.horizon();
    let hash = cx.db.read::<Hash>(args.arg(1))?;
    let fields = args.from(2);
    cx.reply.array(fields.len());
    for field in fields {
        let value = hash.and_then(|hash| hash.get(field, now));
        reply_text_or_null(&mut cx.reply, value);
    }
    Ok(Flow::Done)
}

/// Removes fields; replies how many were there.
pub fn hdel(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, fields) = (args.arg(1), args.from(2));
    let now = cx.db.horizon();
    let edited = cx.db.modify(key, |hash: &mut Hash| {
        let removed = fields.iter().filter(|field| hash.remove(field, now));
        let removed = removed.count() as u64;
        (removed, removed)
    })?;
    let (removed, emptied) = edited.map_or((0, false), |edited| (edited.result, edited.emptied));
    if removed > 0 {
        cx.dirty += removed;
        cx.notify(KeyspaceEvents::HASH, "hdel", key);
        if emptied {
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        }
    }
    cx.reply.integer(removed as i64);
    Ok(Flow::Done)
}

/// Replies whether there is such a field.
pub fn hexists(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.db.horizon();
    let hash = cx.db.read::<Hash>(args.arg(1))?;
    let found = hash.is_some_and(|hash| hash.contains(args.arg(2), now));
    cx.reply.integer(i64::from(found));
    Ok(Flow::Done)
}

/// Replies how many fields there are.
pub fn hlen(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.db.horizon();
    let hash = cx.db.read::<Hash>(args.arg(1))?;
    cx.reply.count(hash.map_or(0, |hash| hash.live_len(now)));
    Ok(Flow::Done)
}

/// Replies the length of a field's value; 0 without the field.
pub fn hstrlen(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.db.horizon();
    let hash = cx.db.read::<Hash>(args.arg(1))?;
    let value = hash.and_then(|hash| hash.get(args.arg(2), now));
    cx.reply.count(value.map_or(0, FieldText::len));
    Ok(Flow::Done)
}

/// Replies all fields and their values, as a map.
pub fn hgetall(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.db.horizon();
    let Some(hash) = cx.db.read::<Hash>(args.arg(1))? else {
        cx.reply.map(0);
        return Ok(Flow::Done);
    };
    cx.reply.map(hash.live_len(now));
    hash.for_each(now, |field| {
        reply_text(&mut cx.reply, field.name);
        reply_text(&mut cx.reply, field.value);
    });
    Ok(Flow::Done)
}

/// Replies all fields.
pub fn hkeys(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply_each(&mut cx.db, &mut cx.reply, args.arg(1), true)
}

/// Replies all values.
pub fn hvals(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply_each(&mut cx.db, &mut cx.reply, args.arg(1), false)
}

fn reply_each(db: &mut Db<'_>, reply: &mut Reply<'_>, key: &[u8], names: bool) -> Result {
    let now = db.horizon();
    let Some(hash) = db.read::<Hash>(key)? else {
        reply.array(0);
        return Ok(Flow::Done);
    };
    reply.array(hash.live_len(now));
    hash.for_each(now, |field| {
        reply_text(reply, if names { field.name } else { field.value });
    });
    Ok(Flow::Done)
}

/// Writes a field or value into the reply from where it is.
#[inline]
fn reply_text(reply: &mut Reply<'_>, text: FieldText<'_>) {
    match text {
        FieldText::Int(value) => reply.bulk_integer(value),
        FieldText::Bytes(bytes) => reply.bulk(bytes),
        FieldText::Shared(shared) => reply.bulk_shared(shared),
    }
}

#[inline]
fn reply_text_or_null(reply: &mut Reply<'_>, text: Option<FieldText<'_>>) {
    match text {
        Some(text) => reply_text(reply, text),
        None => reply.null(),
    }
}

/// Up to where hashes stay compact.
pub(super) fn limits(config: &Config) -> HashLimits {
    HashLimits {
        fields: usize::try_from(config.hash_max_listpack_entries).unwrap_or(usize::MAX),
        bytes: usize::try_from(config.hash_max_listpack_value).unwrap_or(usize::MAX),
    }
}
