//! Rows: sentinels.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[row("sentinel", Group::Sentinel, "2.8.4", -2)
    .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
    .docs("Commands of a sentinel.", "Depends on the subcommand")
    .runs(Route::Home, Container)
    .subcommands(&[
        row("sentinel|ckquorum", Group::Sentinel, "2.8.4", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Check whether enough sentinels are reachable for a failover.",
                "O(N) for N sentinels",
            )
            .syntax("master-name")
            .runs(Route::Home, NotBuilt),
        row("sentinel|config", Group::Sentinel, "6.2.0", -4)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Read or change settings of all monitoring.",
                "O(N) for N settings",
            )
            .syntax("<SET parameter value [parameter value ...]|GET parameter [parameter ...]>")
            .runs(Route::Home, NotBuilt),
        row("sentinel|debug", Group::Sentinel, "7.0.0", -2)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Show or change the timing constants.",
                "O(N) for N settings",
            )
            .syntax("[parameter value [parameter value ...]]")
            .runs(Route::Home, NotBuilt),
        row("sentinel|failover", Group::Sentinel, "2.8.4", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Fail a master over at once, without asking other sentinels.",
                "O(1)",
            )
            .syntax("master-name")
            .runs(Route::Home, NotBuilt),
        row("sentinel|flushconfig", Group::Sentinel, "2.8.4", 2)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs("Write the configuration file now.", "O(1)")
            .runs(Route::Home, NotBuilt),
        row(
            "sentinel|get-master-addr-by-name",
            Group::Sentinel,
            "2.8.4",
            3,
        )
        .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
        .docs("Tell where the current master of a group is.", "O(1)")
        .syntax("master-name")
        .runs(Route::Home, NotBuilt),
        row(
            "sentinel|get-primary-addr-by-name",
            Group::Sentinel,
            "8.0.0",
            3,
        )
        .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
        .newer(Project::Valkey)
        .docs("Tell where the current primary of a group is.", "O(1)")
        .syntax("primary-name")
        .runs(Route::Home, NotBuilt),
        row("sentinel|help", Group::Sentinel, "6.2.0", 2)
            .flags(&[LOADING, STALE, SENTINEL, ONLY_SENTINEL])
            .docs("Explain the subcommands.", "O(1)")
            .runs(Route::Home, NotBuilt),
        row("sentinel|info-cache", Group::Sentinel, "3.2.0", -3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Show the INFO replies kept for monitored nodes.",
                "O(N) for N nodes",
            )
            .syntax("nodename [nodename ...]")
            .runs(Route::Home, NotBuilt),
        row(
            "sentinel|is-master-down-by-addr",
            Group::Sentinel,
            "2.8.4",
            6,
        )
        .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
        .docs(
            "Internal: ask for an opinion, or a vote, about a master.",
            "O(1)",
        )
        .syntax("ip port current-epoch runid")
        .runs(Route::Home, NotBuilt),
        row(
            "sentinel|is-primary-down-by-addr",
            Group::Sentinel,
            "8.0.0",
            6,
        )
        .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
        .newer(Project::Valkey)
        .docs(
            "Internal: ask for an opinion, or a vote, about a primary.",
            "O(1)",
        )
        .syntax("ip port current-epoch runid")
        .runs(Route::Home, NotBuilt),
        row("sentinel|master", Group::Sentinel, "2.8.4", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs("Describe one monitored master.", "O(1)")
            .syntax("master-name")
            .runs(Route::Home, NotBuilt),
        row("sentinel|masters", Group::Sentinel, "2.8.4", 2)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs("Describe all monitored masters.", "O(N) for N masters")
            .runs(Route::Home, NotBuilt),
        row("sentinel|monitor", Group::Sentinel, "2.8.4", 6)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs("Start to watch a master.", "O(1)")
            .syntax("name ip port quorum")
            .runs(Route::Home, NotBuilt),
        row("sentinel|myid", Group::Sentinel, "6.2.0", 2)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs("Tell the id of this sentinel.", "O(1)")
            .runs(Route::Home, NotBuilt),
        row("sentinel|pending-scripts", Group::Sentinel, "2.8.4", 2)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Show the notification scripts that wait or run.",
                "O(N) for N scripts",
            )
            .runs(Route::Home, NotBuilt),
        row("sentinel|primaries", Group::Sentinel, "8.0.0", 2)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .newer(Project::Valkey)
            .docs("Describe all monitored primaries.", "O(N) for N primaries")
            .runs(Route::Home, NotBuilt),
        row("sentinel|primary", Group::Sentinel, "8.0.0", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .newer(Project::Valkey)
            .docs("Describe one monitored primary.", "O(1)")
            .syntax("primary-name")
            .runs(Route::Home, NotBuilt),
        row("sentinel|remove", Group::Sentinel, "2.8.4", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs("Stop watching a master.", "O(1)")
            .syntax("master-name")
            .runs(Route::Home, NotBuilt),
        row("sentinel|replicas", Group::Sentinel, "5.0.0", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs("Describe the replicas of a master.", "O(N) for N replicas")
            .syntax("master-name")
            .runs(Route::Home, NotBuilt),
        row("sentinel|reset", Group::Sentinel, "2.8.4", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Forget what was learned about the masters whose names fit a pattern.",
                "O(N) for N masters",
            )
            .syntax("pattern")
            .runs(Route::Home, NotBuilt),
        row("sentinel|sentinels", Group::Sentinel, "2.8.4", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Describe the other sentinels of a master.",
                "O(N) for N sentinels",
            )
            .syntax("master-name")
            .runs(Route::Home, NotBuilt),
        row("sentinel|set", Group::Sentinel, "2.8.4", -5)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs("Change settings of one master.", "O(N) for N settings")
            .syntax("master-name option value [option value ...]")
            .runs(Route::Home, NotBuilt),
        row("sentinel|simulate-failure", Group::Sentinel, "3.2.0", -3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .docs(
                "Make this sentinel crash at a chosen moment of a failover.",
                "O(1)",
            )
            .syntax(
                "[<CRASH-AFTER-ELECTION|CRASH-AFTER-PROMOTION|HELP> \
                 [<CRASH-AFTER-ELECTION|CRASH-AFTER-PROMOTION|HELP> ...]]",
            )
            .runs(Route::Home, NotBuilt),
        row("sentinel|slaves", Group::Sentinel, "2.8.0", 3)
            .flags(&[ADMIN, SENTINEL, ONLY_SENTINEL])
            .deprecated("5.0.0", "SENTINEL REPLICAS")
            .docs("Old name of SENTINEL REPLICAS.", "O(N) for N replicas")
            .syntax("master-name")
            .runs(Route::Home, NotBuilt),
    ])];
