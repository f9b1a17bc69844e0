//! Rows: HyperLogLogs.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("pfadd", Group::HyperLogLog, "2.8.9", -2)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, INSERT])])
        .docs("Count elements in a HyperLogLog.", "O(1) each")
        .syntax("key [element [element ...]]")
        .runs(Route::Keys, Store(super::super::hyperloglog::pfadd)),
    row("pfcount", Group::HyperLogLog, "2.8.9", -2)
        .flags(&[READONLY, MAY_REPLICATE])
        .keys(&[range(1, -1, 1, &[RW, ACCESS])
            .notes("the cached count inside the value may be refreshed")])
        .docs(
            "Estimate how many distinct elements one or more HyperLogLogs saw.",
            "O(1), or O(N) for N keys with a large constant",
        )
        .syntax("key [key ...]")
        .runs(Route::Keys, Store(super::super::hyperloglog::pfcount)),
    row("pfdebug", Group::HyperLogLog, "2.8.9", 3)
        .flags(&[WRITE, DENYOOM, ADMIN, SYSCMD])
        .keys(&[at(2, &[RW, ACCESS])])
        .docs(
            "Internal: look inside a HyperLogLog.",
            "O(1) or O(N), by subcommand",
        )
        .syntax("subcommand key")
        .runs(Route::Keys, Store(super::super::hyperloglog::pfdebug)),
    row("pfmerge", Group::HyperLogLog, "2.8.9", -2)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, ACCESS, INSERT]), range(2, -1, 1, &[RO, ACCESS])])
        .docs(
            "Unite HyperLogLogs into one.",
            "O(N) for N keys, with a large constant",
        )
        .syntax("destkey [sourcekey [sourcekey ...]]")
        .runs(Route::Keys, Store(super::super::hyperloglog::pfmerge)),
    row("pfselftest", Group::HyperLogLog, "2.8.9", 1)
        .flags(&[ADMIN, SYSCMD])
        .docs("Internal: check the HyperLogLog code.", "O(1), but slow")
        .runs(Route::Home, Home(super::super::hyperloglog::pfselftest)),
];
