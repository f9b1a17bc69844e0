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
mod frame;
mod gate;
pub mod inbox;
pub mod lend;
mod links;
#[cfg(all(test, model_check))]
mod models;
mod owner;
mod pressure;
mod sync;
mod track;
pub mod vote;
mod wait;

pub use bell::{Bell, announce};
pub use frame::{
    Accepted, Ballot, Frame, FrameBox, Handover, Item, Mode, Outcome, ParkJob, Ticket, WatchedKey,
};
pub use gate::Patience;
pub use inbox::{Chain, Completions, Fence, Inbox, Node, Receiver};
pub use lend::Park;
pub use links::Links;
pub use owner::{Ask, Call, Owner, Ran};
pub use track::{At, Notice};
pub use vote::Vote;
pub use wait::Waiter;
