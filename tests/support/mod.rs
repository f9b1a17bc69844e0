//! What every integration test shares: real server processes, a small RESP client and `check`.
//!
//! - `process.rs`: starts the binary on a port and in a folder of its own; none survives the test process.
//! - `ports.rs`: ports that nobody else is given.
//! - `variants.rs`: the four ways the server is run ({1, 4} shards x {io_uring, epoll}), one shared process each.
//! - `resp.rs`: replies decoded as they are, without the conveniences of a client library.
//! - `keys.rs`: when keys and fields go and how they were used, of all keys.
//! - `transcript.rs`: the text given to `check`, cut into steps.
//! - `expect.rs`: the right-hand side of a step, matched against a reply.
//! - `check.rs`: runs a transcript on every variant, step by step and pipelined.
//!
//! The tests know the server by its bytes only. With `TESSERA_TEST_PEER=redis` the binary is a real
//! redis-server, which is how expectations are checked before they are asked of us.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary uses its own part of this module"
)]

pub(crate) mod check;
pub(crate) mod clock;
pub(crate) mod expect;
pub(crate) mod keys;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod resp;
pub(crate) mod rng;
pub(crate) mod transcript;
pub(crate) mod variants;

pub(crate) use check::{check, check_both, check_resp3};
pub(crate) use process::{Options, Server};
pub(crate) use resp::{Conn, ReadError, Value, info, info_number, ok};
pub(crate) use variants::{each_variant, peer};
