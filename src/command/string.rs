//! The string family: what a key is when it is nothing else.
//!
//! `set.rs` writes whole values (SET and its older relatives), here are the commands that read whole values, `range.rs`
//! reads and writes parts, `number.rs` counts, `increx.rs` within bounds, `compare.rs` looks before it deletes, `lcs.rs` compares two.
//!
//! Budget: GET is one look-up and one copy into the reply, no allocation; a value of 16 KiB or more is not copied but
//! referred to. SET without options is one call into the keyspace. Options are looked at only if there are any.

mod compare;
mod increx;
mod lcs;
mod number;
pub(super) mod range;
mod set;

use super::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::{StrInput, StrRef, ValueRef};
use crate::resp::{Args, CommandError, Reply};
use std::sync::Arc;

pub use compare::{delex, delifeq, digest};
pub use increx::increx;
pub use lcs::lcs;
pub use number::{decr, decrby, incr, incrby, incrbyfloat};
pub use range::{append, getrange, setrange};
pub use set::{getex, getset, mset, msetex, msetnx, psetex, set, setex, setnx};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Replies the string, or null.
#[inline]
pub fn get(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let text = cx.db.get_str(args.arg(1))?;
    reply_str(&mut cx.reply, text);
    Ok(Flow::Done)
}

/// Replies the string and deletes the key.
pub fn getdel(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let text = cx.db.get_str(key)?;
    let found = text.is_some();
    reply_str(&mut cx.reply, text);
    if found {
        cx.db.remove(key);
        cx.dirty += 1;
        cx.propagate(&[b"DEL", key]);
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
    }
    Ok(Flow::Done)
}

/// Replies the length; 0 for an absent key.
pub fn strlen(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let len = cx.db.get_str(args.arg(1))?.map_or(0, |text| text.len());
    cx.reply.count(len);
    Ok(Flow::Done)
}

/// Replies each string; null for an absent key and for one that holds no string.
pub fn mget(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    cx.reply.array(args.len() - 1);
    let keys = args.from(1).iter().map(|key| (key, ()));
    cx.db.each_key(keys, |db, key, ()| match db.get(key) {
        Some(ValueRef::Str(text)) => reply_str(&mut cx.reply, Some(text)),
        Some(ValueRef::Collection(_)) | None => cx.reply.null(),
    });
    Ok(Flow::Done)
}

/// Argument `at` as a value: taken over if it has a buffer of its own, else copied.
#[inline]
fn input(args: Args<'_>, at: usize) -> StrInput<'_> {
    match args.shared(at) {
        Some(long) => StrInput::Shared(Arc::clone(long)),
        None => StrInput::Bytes(args.arg(at)),
    }
}

/// Writes a string into the reply from where it is.
#[inline]
pub(super) fn reply_str(reply: &mut Reply<'_>, text: Option<StrRef<'_>>) {
    match text {
        Some(StrRef::Bytes(bytes)) => reply.bulk(bytes),
        Some(StrRef::Int(value)) => reply.bulk_integer(value),
        Some(StrRef::Shared(shared)) => reply.bulk_shared(shared),
        None => reply.null(),
    }
}

/// `proto-max-bulk-len`, which bounds strings that grow as well.
pub(super) fn bulk_bytes_max(cx: &Ctx<'_>) -> u64 {
    cx.config.proto_max_bulk_len
}

#[cfg(test)]
mod tests;
