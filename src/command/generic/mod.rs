//! Commands about keys as such, whatever they hold, and about whole databases.
//!
//! Those with several keys are written once, over the keys they are given: routed by key (`Route::Split`) they run
//! once a shard with that shard's keys, under a PARK fence once with all. RENAME, COPY and SORT .. STORE with keys on
//! different shards always run under such a fence, and do not notice.

pub mod databases;
pub mod dump;
pub mod expire;
pub mod keys;
pub mod migrate;
pub mod object;
pub mod rename;
pub mod scan;
pub mod sort;
pub mod wait;

use super::ctx::Flow;
use crate::resp::CommandError;

type Result = std::result::Result<Flow, CommandError>;
