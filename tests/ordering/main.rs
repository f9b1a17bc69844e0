//! What clients see is strictly serialisable, and each pipeline takes effect in its order: many
//! connections, recorded and judged.

#[path = "../support/mod.rs"]
mod support;

use support::history::{Load, check_history, record};
use support::rng;

/// Several short histories rather than a long one: lists grow, and every read carries a whole one.
fn check_load(load: Load) {
    let seed = rng::seed();
    support::each_variant(|variant| {
        let server = variant.own_server(&[]);
        for round in 0..5 {
            let _ = server.conn().call("FLUSHALL");
            let history = record(server.address(), &load, seed.wrapping_add(round));
            check_history(&history, variant.name);
        }
    });
}

#[test]
fn singles_and_reads_of_several_keys_are_strictly_serialisable() {
    check_load(Load {
        conns: 8,
        transactions: 200,
        pipeline: 8,
        keys: 40,
        multi: false,
    });
}

#[test]
fn transactions_over_several_shards_are_strictly_serialisable() {
    check_load(Load {
        conns: 8,
        transactions: 200,
        pipeline: 8,
        keys: 40,
        multi: true,
    });
}
