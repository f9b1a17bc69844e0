//! Room `shard`: one core's part of the server.
//!
//! The ordering core comes first, generic over what it carries so that it can be tested alone:
//!
//! | file | what |
//! |---|---|
//! | [`inbox`] | the FIFO of a shard, fences over several of them, completions on the way back |
//! | [`bell`] | sleeping without missing a push |
//! | [`lend`] | PARK: participants of a fence lend their store to the last to arrive |
//! | [`vote`] | VOTE: participants of a fence agree on a yes, or on the lowest index |
//! | [`credits`] | how much a home may have under way at an owner |

pub mod bell;
pub mod credits;
mod gate;
pub mod inbox;
pub mod lend;
#[cfg(all(test, loom))]
mod models;
mod sync;
pub mod vote;

pub use gate::Patience;
