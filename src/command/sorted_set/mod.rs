//! The sorted set family.
//!
//! `add` puts members in and takes them out by name, `read` answers about single members, `range` about those between
//! two bounds, `pop` takes the lowest or highest, waiting for them if asked to, `combine` unites, intersects and
//! subtracts.
//!
//! Budget: ZADD of a new member is one look-up of the key, one of the member, one allocation, and one way down the order.
//! Ranges are written into the reply from where they are.

mod add;
mod bounds;
mod combine;
mod pop;
mod range;
mod read;
mod source;
#[cfg(test)]
mod tests;

use super::ctx::{Ctx, Flow};
use crate::config::{Config, KeyspaceEvents};
use crate::keyspace::{Edited, Ttl};
use crate::resp::{CommandError, Reply};
use crate::types::{Item, Kind, Zset, ZsetLimits};

pub(super) use add::{Rules, put_all};
pub use add::{zadd, zincrby, zrem};
pub use combine::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
pub use pop::{bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin};
pub use range::{
    zrange, zrangebylex, zrangebyscore, zrangestore, zremrangebylex, zremrangebyrank,
    zremrangebyscore, zrevrange, zrevrangebylex, zrevrangebyscore,
};
pub use read::{zcard, zcount, zlexcount, zmscore, zrandmember, zrank, zrevrank, zscan, zscore};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// How far the compact encoding goes.
pub(super) fn limits(config: &Config) -> ZsetLimits {
    ZsetLimits {
        entries: usize::try_from(config.zset_max_listpack_entries).unwrap_or(0),
        value: usize::try_from(config.zset_max_listpack_value).unwrap_or(usize::MAX),
    }
}

/// Writes a member.
#[inline]
pub(super) fn reply_member(reply: &mut Reply<'_>, member: Item<'_>) {
    match member {
        Item::Text(text) => reply.bulk(text),
        Item::Int(value) => reply.bulk_integer(value),
    }
}

/// An array of members, with or without their scores. In RESP2 scores lie between members, in RESP3 each member and its
/// score are an array.
#[derive(Clone, Copy)]
struct Listing {
    with_scores: bool,
}

impl Listing {
    fn header(self, reply: &mut Reply<'_>, len: usize) {
        let flat = self.with_scores && !reply.is_resp3();
        reply.array(if flat { len * 2 } else { len });
    }

    #[inline]
    fn member(self, reply: &mut Reply<'_>, member: Item<'_>, score: f64) {
        if self.with_scores && reply.is_resp3() {
            reply.array(2);
        }
        reply_member(reply, member);
        if self.with_scores {
            reply.double(score);
        }
    }
}

/// Tells what a command took out of a sorted set, and that the set is gone if it is.
fn removed<R>(cx: &mut Ctx<'_>, event: &'static str, key: &[u8], edited: &Edited<R>) {
    if edited.changes == 0 {
        return;
    }
    cx.dirty += edited.changes;
    cx.notify(KeyspaceEvents::ZSET, event, key);
    if edited.emptied {
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
    }
}

/// Puts the outcome of a command under a key; without members the key goes. Counts `changes`, and replies the number of
/// members.
pub(super) fn store(cx: &mut Ctx<'_>, key: &[u8], zset: Zset, event: &'static str, changes: u64) {
    let len = zset.len();
    if len > 0 {
        cx.db
            .set_collection(key, zset.into_collection(), Ttl::Clear);
        cx.dirty += changes;
        cx.notify(KeyspaceEvents::ZSET, event, key);
    } else if cx.db.remove(key) {
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
    }
    cx.reply.count(len);
}

fn syntax<T>() -> Result<T> {
    Err(CommandError::SYNTAX)
}
