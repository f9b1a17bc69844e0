//! Data structures whose layout is laid out by hand, and the only unsafe code of the store.
//!
//! - `entry`: one key, its value and its metadata in one allocation.
//! - `slot_table`: the index of one database on one shard: per slot a small table that iterates in hash order. It is
//!   made of `bucket`s, lines of seven tagged pointers; `segment`s, runs of buckets; and `directory`s, for large slots.
//! - `key_hasher`: the hash function of keys, members and fields.
//! - `score_table`: members with scores, found by name or by position; `counted_tree` keeps the positions.
//! - `due`: which of many places comes due first.
//!
//! Nothing here knows a clock, a setting, a client or what a type tag means.

mod bucket;
mod counted_tree;
mod directory;
mod due;
mod entry;
mod key_hasher;
mod score_table;
mod segment;
mod slot_table;

pub use entry::{Body, BodyRef, Displaced, Entry, EntryRef, INLINE_VALUE_BYTES_MAX, size_class};
pub use key_hasher::{KeyHasher, MemberHasher, seed_members};
pub use score_table::{Iter as ScoreIter, ScoreRemains, ScoreTable};
pub use slot_table::{Frame, HashKey, ORDER_BITS, Occupied, SlotTable, TableRemains, frame_bytes};
