//! Transcripts of every command, checked on every variant of the server.
//!
//! One file per command family. What a step looks like is told in `support/transcript.rs` and
//! `support/expect.rs`; `coverage.rs` keeps the list of commands complete.

#[path = "../support/mod.rs"]
mod support;

mod acl;
mod bitmap;
mod client;
mod cluster;
mod connection;
mod coverage;
mod dump;
mod expiry;
mod facts;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scan;
mod script_errors;
mod scripting;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
mod tracking;
mod transactions;
