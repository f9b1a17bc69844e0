//! Room `log`: all changes of all shards as one stream of commands, in an order that keeps cause before effect.
//!
//! ```text
//! shard: effects of a turn -> Tail -> short lock: SELECT, MULTI .. EXEC, bytes -> Feed -> thread `aof`
//!                               |                                            (a replication backlog would be fed here)
//!                               +- marker of a fence -> Contribution of all participants -> one block
//! ```
//!
//! A command leaves its deterministic *effects* on its shard: what another server has to run to come to the same data.
//! At the end of a turn, before a reply or an executed frame of that turn leaves, the shard appends them. So whoever has
//! seen a change can only cause changes that come later in the stream. A position is the number of bytes before it; it
//! will be the replication offset.
//!
//! What a fence changes on several shards is one block, MULTI .. EXEC. Each participant's queue holds a marker at its
//! place: what it queued before is appended before, what it queues afterwards waits until the block is there, and so do
//! the replies and frames that depend on it. Execution does not wait. Markers are queued in the order of the fences,
//! which is one order on all shards, and a participant that has reached a marker has contributed to all before it; so
//! the oldest incomplete block always misses only shards that are still in the turn of their part: no deadlock.
//! At a PARK fence one participant has executed everything and the others contribute nothing, but they still come to the
//! marker first: what they changed before the fence must stand before what was made of it.
//!
//! Effects that are for replicas only (PUBLISH) are left out as long as there are none.
//!
//! The lock is held while bytes are copied, nothing else. Pure but for that lock: no clock, no file.

mod batch;
mod contribution;
#[cfg(test)]
mod durability;
mod feed;
mod hold;
mod stream;
mod tail;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use contribution::Contribution;
pub use feed::Taken;
pub use hold::{Hold, may_leave};
pub use stream::{Gather, Log};
pub use tail::Tail;
