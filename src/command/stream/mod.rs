//! The stream family.
//!
//! `add.rs` adds and trims, `delete.rs` deletes, `range.rs` reads parts, `read.rs` what is new (and waits for it),
//! `effects.rs` says what was done to a group, `group.rs` makes groups and consumers, `pending.rs` confirms and lists what was delivered, `claim.rs` gives it to
//! others, `nack.rs` back to nobody, `producers.rs` knows what was sent before, `info.rs` describes.
//!
//! Replies are written straight from the nodes of the stream. Of what changes in a stream only entries count as a change
//! of its key (for WATCH, and for those who wait); what groups know does not, as in Redis.

mod add;
mod claim;
mod delete;
mod effects;
mod group;
mod ids;
mod info;
mod nack;
mod pending;
mod producers;
mod range;
mod read;
#[cfg(test)]
mod tests;

use super::ctx::{Ctx, Flow};
use crate::base::{I64Buf, parse_i64};
use crate::config::Config;
use crate::resp::{Args, CommandError, Reply};
use crate::types::Item;
use crate::types::stream::{Entry, NodeLimits, Stream, StreamId};

pub use add::{xadd, xtrim};
pub use claim::{xautoclaim, xclaim};
pub use delete::{xackdel, xdel, xdelex, xsetid};
pub use group::{create, createconsumer, delconsumer, destroy, group_help, setid};
pub use info::{consumers, groups, info_help, stream};
pub use nack::xnack;
pub use pending::{xack, xpending};
pub use producers::{xcfgset, xidmprecord};
pub use range::{xrange, xrevrange};
pub use read::{xread, xreadgroup};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Replies how many entries there are.
pub fn xlen(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let len = cx.db.read::<Stream>(args.arg(1))?.map_or(0, Stream::len);
    cx.reply.count(len);
    Ok(Flow::Done)
}

/// Writes an id.
fn reply_id(reply: &mut Reply<'_>, id: StreamId) {
    reply.bulk(id.text().as_bytes());
}

/// Writes an entry: id, and an array of fields and values.
fn reply_entry(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    reply_pairs(reply, entry);
}

fn reply_pairs(reply: &mut Reply<'_>, entry: &Entry<'_>) {
    reply.array(2 * entry.fields);
    for (field, value) in entry.pairs() {
        reply_item(reply, field);
        reply_item(reply, value);
    }
}

fn reply_item(reply: &mut Reply<'_>, item: Item<'_>) {
    reply.bulk(item.text(&mut I64Buf::new(0)));
}

/// Writes an array of entries, at most `count` unless that is 0. Returns how many.
fn reply_entries<'a>(
    reply: &mut Reply<'_>,
    entries: impl Iterator<Item = Entry<'a>>,
    count: usize,
) -> usize {
    let mark = reply.mark();
    let mut len = 0;
    for entry in entries.take(at_most(count)) {
        reply_entry(reply, &entry);
        len += 1;
    }
    reply.set_array(mark, len);
    len
}

/// A count, of which 0 means no limit.
fn at_most(count: usize) -> usize {
    if count == 0 { usize::MAX } else { count }
}

fn node_limits(config: &Config) -> NodeLimits {
    NodeLimits {
        bytes: config.stream_node_max_bytes,
        entries: u64::try_from(config.stream_node_max_entries).unwrap_or(0),
    }
}

fn parse_integer(text: &[u8]) -> Result<i64> {
    parse_i64(text).ok_or(CommandError::NOT_INTEGER)
}

/// A count that is 0, for no limit, if it is negative.
fn parse_count(text: &[u8]) -> Result<usize> {
    Ok(usize::try_from(parse_integer(text)?).unwrap_or(0))
}
