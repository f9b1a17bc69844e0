//! Measuring Tessera beside its peers, on one machine, in one run.
//!
//! Two programs share this crate:
//!
//! - `tessera-load` drives one server: closed loop (a fixed number of outstanding operations) or open loop (a fixed
//!   schedule of arrivals, latency counted from the moment an operation *should* have been sent).
//! - `tessera-compare` starts Tessera and every peer it finds, pins them to one set of cores and the generator to
//!   another, runs the table of scenarios in alternating rounds, and writes raw records, a table and plots.
//!
//! ```text
//! compare ── scenario   what is run, as one table of rows
//!    │   ── runner      rounds, order, starting and stopping servers ── peers, process, client
//!    │   ── record      one JSON line a measurement
//!    └   ── report      medians, ratios a round, Markdown ── svg
//! load ──── template    operation text with holes ── keys (distribution), placement (slot, shard)
//!        ── schedule    arrivals of the open loop
//!        ── worker      epoll loop of one thread ── reply (finds the end of replies)
//! ```
//!
//! The crate depends on nothing of the server: a client that shares the server's parser or its slot function would
//! agree with its mistakes.

pub mod client;
pub mod clock;
pub mod collections;
pub mod keys;
pub mod load;
pub mod peers;
pub mod placement;
pub mod process;
pub mod record;
pub mod reply;
pub mod report;
pub mod rng;
pub mod runner;
pub mod scenario;
pub mod schedule;
pub mod svg;
pub mod template;
