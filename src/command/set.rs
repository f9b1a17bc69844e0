//! The set family: members under one key.
//!
//! Here are the commands about single members and about one whole set; `random.rs` has those that pick members at random
//! and SSCAN, `combine.rs` those that work on several sets.
//!
//! Budget: SISMEMBER is one look-up of the key, one of the member, no allocation. Replies of many members are written
//! from where the members are.

mod combine;
mod random;
#[cfg(test)]
mod tests;

use super::ctx::{Ctx, Flow};
use crate::config::{Config, KeyspaceEvents};
use crate::resp::{Args, CommandError, Reply};
use crate::types::{Item, Set, SetLimits};

pub use combine::{
    sdiff, sdiffcard, sdiffstore, sinter, sintercard, sinterstore, sunion, sunioncard, sunionstore,
};
pub use random::{spop, srandmember, sscan};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Adds members; replies how many are new.
pub fn sadd(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, members) = (args.arg(1), args.from(2));
    let limits = limits(cx.config);
    let make = || Set::suiting(args.arg(2), members.len(), limits);
    let edited = cx.db.upsert(key, make, |set: &mut Set| {
        set.expect(members.len(), limits);
        let added = members.iter().filter(|member| set.insert(member, limits));
        let added = added.count() as u64;
        (added, added)
    })?;
    if edited.result > 0 {
        cx.dirty += edited.result;
        cx.notify(KeyspaceEvents::SET, "sadd", key);
    }
    cx.reply.integer(edited.result as i64);
    Ok(Flow::Done)
}

/// Removes members; replies how many there were.
pub fn srem(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, members) = (args.arg(1), args.from(2));
    let removed = remove(cx, key, |set| {
        let removed = members.iter().filter(|member| set.remove(member));
        removed.count() as u64
    })?;
    cx.reply.integer(removed as i64);
    Ok(Flow::Done)
}

/// Removes what `take` takes, which returns how many those are, and tells of it.
fn remove(cx: &mut Ctx<'_>, key: &[u8], take: impl FnOnce(&mut Set) -> u64) -> Result<u64> {
    let edited = cx.db.modify(key, |set: &mut Set| {
        let removed = take(set);
        (removed, removed)
    })?;
    let Some(edited) = edited else { return Ok(0) };
    if edited.result > 0 {
        cx.dirty += edited.result;
        cx.notify(KeyspaceEvents::SET, "srem", key);
        if edited.emptied {
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        }
    }
    Ok(edited.result)
}

/// Moves a member from one set to another; replies whether it was there to be moved.
pub fn smove(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (from, to, member) = (args.arg(1), args.arg(2), args.arg(3));
    let is_member = match cx.db.peek_as::<Set>(from) {
        Ok(None) => {
            cx.reply.integer(0);
            return Ok(Flow::Done);
        }
        Ok(Some(set)) => set.contains(member),
        Err(error) => return Err(error),
    };
    cx.db.peek_as::<Set>(to)?;
    if !is_member || from == to {
        cx.db.find(from);
        cx.db.find(to);
    } else {
        remove(cx, from, |set| u64::from(set.remove(member)))?;
        let limits = limits(cx.config);
        let make = || Set::suiting(member, 1, limits);
        let edited = cx.db.upsert(to, make, |set: &mut Set| {
            let is_new = set.insert(member, limits);
            (is_new, u64::from(is_new))
        })?;
        if edited.result {
            cx.dirty += 1;
            cx.notify(KeyspaceEvents::SET, "sadd", to);
        }
    }
    cx.reply.integer(i64::from(is_member));
    Ok(Flow::Done)
}

/// Replies whether this is a member.
pub fn sismember(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let set = cx.db.read::<Set>(args.arg(1))?;
    let found = set.is_some_and(|set| set.contains(args.arg(2)));
    cx.reply.integer(i64::from(found));
    Ok(Flow::Done)
}

/// Replies which of these are members.
pub fn smismember(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let set = cx.db.read::<Set>(args.arg(1))?;
    let members = args.from(2);
    cx.reply.array(members.len());
    for member in members {
        let found = set.is_some_and(|set| set.contains(member));
        cx.reply.integer(i64::from(found));
    }
    Ok(Flow::Done)
}

/// Replies how many members there are.
pub fn scard(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let set = cx.db.read::<Set>(args.arg(1))?;
    cx.reply.count(set.map_or(0, Set::len));
    Ok(Flow::Done)
}

/// Replies all members.
pub fn smembers(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let set = cx.db.read::<Set>(args.arg(1))?;
    cx.reply.set(set.map_or(0, Set::len));
    if let Some(set) = set {
        set.for_each(|member| reply_member(&mut cx.reply, member));
    }
    Ok(Flow::Done)
}

/// Writes a member into the reply from where it is.
#[inline]
fn reply_member(reply: &mut Reply<'_>, member: Item<'_>) {
    match member {
        Item::Int(value) => reply.bulk_integer(value),
        Item::Text(text) => reply.bulk(text),
    }
}

/// Up to where sets stay compact.
pub(super) fn limits(config: &Config) -> SetLimits {
    let limit = |value: i64| usize::try_from(value).unwrap_or(usize::MAX);
    SetLimits {
        ints: limit(config.set_max_intset_entries),
        members: limit(config.set_max_listpack_entries),
        bytes: limit(config.set_max_listpack_value),
    }
}
