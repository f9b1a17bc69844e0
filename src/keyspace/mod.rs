//! The keyspace: values, databases, expiry, eviction, SCAN, WATCH, memory accounting.
//!
//! A shard has one [`Store`] with the keys of its slots, in all databases. A command sees it through a [`Db`]: one
//! database, over one store or, under a PARK fence, over several ([`StoreSet`]). All that a command does to a key goes
//! through `Db`, and all that happens to an entry through the choke point in `store.rs`.
//!
//! Time is handed in and stands still while a command runs. Nothing here waits.
//!
//! Absent on purpose: replies, commands, clients, the log. What others must learn of is queued: [`StoreEvent`] and
//! [`Loss`] for keys that went by themselves, [`Garbage`] for what is better freed a piece at a time.

mod access;
mod ahead;
mod collections;
mod counters;
mod db;
mod edit;
mod element_dues;
mod events;
mod evict;
mod expiry;
mod garbage;
mod hash;
mod interest;
mod lengths;
mod scan;
#[cfg(test)]
pub(crate) mod seen;
mod snapshot;
mod store;
mod value;
mod walk;
mod watch;

#[cfg(test)]
mod tests;

pub use collections::Edited;
pub use counters::{Counter, DbCounters, StoreCounters};
pub use db::{Db, FlushMode, INDEX_BYTES_MEAN};
pub use edit::StrEdit;
pub use events::{Loss, StoreEvent, StoreEvents};
pub use evict::{EvictOutcome, EvictPolicy, EvictSettings};
pub use expiry::Work;
pub use garbage::{DbGarbage, Garbage, Leftovers};
pub use hash::{KeyHasher, Locator};
pub use interest::{Interest, Touched};
pub use lengths::Lengths;
pub use scan::{Cursor, cursor_slot};
pub use snapshot::{Chunk, Piece, Scribe, Stay, Step};
pub use store::{AccessClock, Expiry, Store, StoreOptions, StoreSet};
pub use value::{Detached, StrInput, StrRef, StrValue, Ttl, Value, ValueRef};
pub use walk::KeyView;
pub use watch::WatchFlag;

pub use crate::types::{Collection, Kind};
