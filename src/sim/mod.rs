//! Room `sim`: simulations and the checkers that judge them. Nothing in the server uses it.
//!
//! | file | what |
//! |---|---|
//! | [`history`] | what clients did and saw: transactions of appends and reads, as data and as text |
//! | [`checker`] | is a history strictly serialisable, in program order? If not, a shortest cycle |
//! | `shards` | many shards stepped by one seeded scheduler: every interleaving is possible |
//! | `stress` | the same on real threads |
//!
//! The first two are in the library so that `tests/` and `examples/check_history.rs` can judge
//! histories of the real server; the others are unit tests.

pub mod checker;
mod graph;
pub mod history;
#[cfg(all(test, not(model_check)))]
mod shards;
#[cfg(all(test, not(model_check)))]
mod stress;
#[cfg(all(test, not(model_check)))]
mod toy;
