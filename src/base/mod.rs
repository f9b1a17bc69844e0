//! The ground floor: words every other room uses and none of its own business.
//!
//! Slots and shard ids, time newtypes, the seeded generator, maps whose order does not change between runs, number
//! parsing and printing, places on the earth, glob patterns, checksums, and the table of limits. Nothing here knows a key, a client, a
//! clock or a socket, and nothing here names another room.

pub mod cpu;
pub mod crc64;
pub mod geo;
pub mod glob;
pub mod limits;
pub mod lzf;
pub mod map;
pub mod num;
pub mod output;
pub mod preserved;
pub mod rng;
pub mod sha1;
pub mod slot;
pub mod time;

pub use crc64::{crc64, crc64_combine};
pub use glob::glob_match;
pub use map::{Map, Set};
pub use num::{
    FloatError, I64Buf, parse_f64, parse_i64, parse_u64, write_f64, write_f64_shortest, write_i64,
};
pub use output::Output;
pub use preserved::{Holding, Preserved};
pub use rng::Rng;
pub use slot::{DbIndex, SLOTS, ShardId, Slot, SlotMap, key_slot};
pub use time::{Micros, Millis};
