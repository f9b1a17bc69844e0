//! Rows: transactions.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("discard", Group::Transactions, "2.0.0", 1)
        .flags(&[NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, RUNS_IN_MULTI])
        .docs(
            "Drop the queued commands of a transaction.",
            "O(N) for N queued commands",
        )
        .runs(Route::Home, Home(super::super::transactions::discard)),
    row("exec", Group::Transactions, "1.2.0", 1)
        .flags(&[
            NOSCRIPT,
            LOADING,
            STALE,
            SKIP_SLOWLOG,
            RUNS_IN_MULTI,
            RUNS_QUEUE,
        ])
        .docs(
            "Run the queued commands of a transaction.",
            "Depends on the queued commands",
        )
        .runs(Route::Home, Home(super::super::transactions::exec)),
    row("multi", Group::Transactions, "1.2.0", 1)
        .flags(&[NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, RUNS_IN_MULTI])
        .docs("Begin a transaction: queue commands until EXEC.", "O(1)")
        .runs(Route::Home, Home(super::super::transactions::multi)),
    row("unwatch", Group::Transactions, "2.2.0", 1)
        .flags(&[NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY])
        .docs("Forget all watched keys.", "O(N) for N watched keys")
        .runs(Route::Home, Home(super::super::transactions::unwatch)),
    row("watch", Group::Transactions, "2.2.0", -2)
        .flags(&[NOSCRIPT, LOADING, STALE, FAST, ALLOW_BUSY, RUNS_IN_MULTI])
        .keys(&[range(1, -1, 1, &[RO])])
        .docs(
            "Have EXEC fail if one of these keys changes before.",
            "O(N) for N keys",
        )
        .syntax("key [key ...]")
        .runs(Route::Watch, Home(super::super::transactions::watch)),
];
