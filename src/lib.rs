//! Tessera: a Redis-protocol in-memory data server, one shard per core.
//!
//! The rooms, each knowing only those below it (`tests/tidy.rs` checks the edges):
//!
//! ```text
//! server -> conn -> shard -> log -> command -> session, persist, script -> keyspace -> types -> resp, structure, ring, config, stats -> base
//! ```

pub mod base;
pub mod command;
pub mod config;
pub mod conn;
pub mod keyspace;
pub mod log;
pub mod persist;
pub mod resp;
pub mod ring;
pub mod script;
pub mod server;
pub mod session;
pub mod shard;
pub mod sim;
pub mod stats;
pub mod structure;
pub mod tools;
pub mod types;
