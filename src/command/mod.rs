//! Room `command`: what every command is (the table) and does (a file per family).

pub mod acl;
pub mod aside;
pub mod bitmap;
mod bits;
mod blocking;
pub mod client;
pub mod cluster;
pub mod commands;
pub mod connection;
pub mod ctx;
pub mod docs;
#[cfg(test)]
mod edges;
pub mod effects;
pub mod generic;
pub mod geo;
pub mod hash;
mod history;
pub mod hyperloglog;
pub mod introspect;
pub mod keys;
pub mod list;
pub mod lookup;
pub mod monitor;
pub mod persistence;
pub mod pubsub;
mod random;
pub mod scripting;
pub mod server;
pub mod set;
pub mod sorted_set;
pub mod spec;
pub mod stream;
pub mod string;
pub mod table;
#[cfg(test)]
mod testing;
pub mod tracking;
pub mod transactions;
