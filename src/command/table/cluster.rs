//! Rows: the cluster.

use super::prelude::*;
use crate::command::cluster;

pub(super) const ROWS: &[Row] = &[
    row("asking", Group::Cluster, "3.0.0", 1)
        .flags(&[FAST])
        .acl(&[category::CONNECTION])
        .docs(
            "Let the next command through on a slot that is being imported.",
            "O(1)",
        )
        .runs(Route::Home, Home(cluster::refused)),
    row("cluster", Group::Cluster, "3.0.0", -2)
        .docs(
            "Commands about the cluster and this node's part in it.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("cluster|addslots", Group::Cluster, "3.0.0", -3)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs(
                    "Make this node the owner of free slots.",
                    "O(N) for N slots",
                )
                .syntax("slot [slot ...]")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|addslotsrange", Group::Cluster, "7.0.0", -4)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs(
                    "Make this node the owner of ranges of free slots.",
                    "O(N) for N slots",
                )
                .syntax("start-slot end-slot [start-slot end-slot ...]")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|bumpepoch", Group::Cluster, "3.0.0", 2)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .tips(&["nondeterministic_output"])
                .docs("Give this node a config epoch above all others.", "O(1)")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|cancelslotmigrations", Group::Cluster, "9.0.0", 2)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING, ALL_DBS])
                .newer(Project::Valkey)
                .docs(
                    "Stop the slot migrations that this node started.",
                    "O(N) for N migrations",
                )
                .runs(Route::Home, NotBuilt),
            row("cluster|count-failure-reports", Group::Cluster, "3.0.0", 3)
                .flags(&[ADMIN, STALE])
                .tips(&["nondeterministic_output"])
                .docs(
                    "Count the nodes that currently report a node as failing.",
                    "O(N) for N reports",
                )
                .syntax("node-id")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|countkeysinslot", Group::Cluster, "3.0.0", 3)
                .flags(&[STALE])
                .docs("Count the keys of a slot on this node.", "O(1)")
                .syntax("slot")
                .runs(Route::Slot(2), Store(cluster::refused_at_owner)),
            row("cluster|delslots", Group::Cluster, "3.0.0", -3)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs("Forget who owns the given slots.", "O(N) for N slots")
                .syntax("slot [slot ...]")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|delslotsrange", Group::Cluster, "7.0.0", -4)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs(
                    "Forget who owns the given ranges of slots.",
                    "O(N) for N slots",
                )
                .syntax("start-slot end-slot [start-slot end-slot ...]")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|failover", Group::Cluster, "3.0.0", -2)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs("Have this replica take over from its master.", "O(1)")
                .syntax("[FORCE|TAKEOVER]")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|flushslot", Group::Cluster, "9.0.0", -3)
                .flags(&[WRITE, ADMIN, NO_ASYNC_LOADING])
                .acl(&[category::KEYSPACE])
                .newer(Project::Valkey)
                .docs("Delete every key of a slot.", "O(N) for N keys of the slot")
                .syntax("slot [ASYNC|SYNC]")
                .runs(Route::Slot(2), NotBuilt),
            row("cluster|flushslots", Group::Cluster, "3.0.0", 2)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs("Give up all slots of this empty node.", "O(1)")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|forget", Group::Cluster, "3.0.0", 3)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs(
                    "Drop a node from this node's view, and keep it out for a minute.",
                    "O(1)",
                )
                .syntax("node-id")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|getkeysinslot", Group::Cluster, "3.0.0", 4)
                .flags(&[STALE])
                .tips(&["nondeterministic_output"])
                .docs("List some keys of a slot.", "O(N) for N keys asked for")
                .syntax("slot count")
                .runs(Route::Slot(2), Store(cluster::refused_at_owner)),
            row("cluster|getslotmigrations", Group::Cluster, "9.0.0", 2)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .newer(Project::Valkey)
                .docs(
                    "Show running and recent slot migrations.",
                    "O(N) for N migrations",
                )
                .runs(Route::Home, NotBuilt),
            row("cluster|help", Group::Cluster, "5.0.0", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|info", Group::Cluster, "3.0.0", 2)
                .flags(&[STALE])
                .tips(&["nondeterministic_output"])
                .docs(
                    "Summarise the state of the cluster as this node sees it.",
                    "O(1)",
                )
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|keyslot", Group::Cluster, "3.0.0", 3)
                .flags(&[STALE])
                .docs("Compute the slot of a key.", "O(N) for N bytes of the key")
                .syntax("key:string")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|links", Group::Cluster, "7.0.0", 2)
                .flags(&[STALE])
                .tips(&["nondeterministic_output"])
                .docs(
                    "Show the bus connections to and from other nodes.",
                    "O(N) for N nodes",
                )
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|meet", Group::Cluster, "3.0.0", -4)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs("Introduce another node to this one.", "O(1)")
                .syntax("ip port [cluster-bus-port]")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|migrateslots", Group::Cluster, "9.0.0", -4)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING, ALL_DBS])
                .newer(Project::Valkey)
                .docs("Hand slots over to other nodes.", "O(N) for N slots")
                .syntax(
                    "SLOTSRANGE start-slot end-slot [start-slot end-slot ...] NODE node-id \
                     [SLOTSRANGE start-slot end-slot [start-slot end-slot ...] NODE node-id \
                     ...]",
                )
                .runs(Route::Home, NotBuilt),
            row("cluster|migration", Group::Cluster, "8.4.0", -4)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .newer(Project::Redis)
                .docs(
                    "Start, stop or watch the move of slots to this node.",
                    "O(N) for N slots or tasks",
                )
                .syntax(
                    "<IMPORT start-slot end-slot [start-slot end-slot ...]|CANCEL <ID \
                     task-id|ALL>|STATUS <ID task-id|ALL>>",
                )
                .runs(Route::Home, NotBuilt),
            row("cluster|myid", Group::Cluster, "3.0.0", 2)
                .flags(&[STALE])
                .docs("Tell the id of this node.", "O(1)")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|myshardid", Group::Cluster, "7.2.0", 2)
                .flags(&[STALE])
                .tips(&["nondeterministic_output"])
                .docs("Tell the id of the shard this node belongs to.", "O(1)")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|nodes", Group::Cluster, "3.0.0", 2)
                .flags(&[STALE])
                .tips(&["nondeterministic_output"])
                .docs(
                    "Print the known nodes in the format of nodes.conf.",
                    "O(N) for N nodes",
                )
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|replicas", Group::Cluster, "5.0.0", 3)
                .flags(&[ADMIN, STALE])
                .tips(&["nondeterministic_output"])
                .docs("List the replicas of a master.", "O(N) for N replicas")
                .syntax("node-id")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|replicate", Group::Cluster, "3.0.0", 3)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs("Turn this node into a replica of another.", "O(1)")
                .syntax("node-id")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|reset", Group::Cluster, "3.0.0", -2)
                .flags(&[ADMIN, NOSCRIPT, STALE])
                .docs(
                    "Make this node forget its cluster.",
                    "O(N) for N known nodes",
                )
                .syntax("[HARD|SOFT]")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|saveconfig", Group::Cluster, "3.0.0", 2)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs("Write nodes.conf now.", "O(1)")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|set-config-epoch", Group::Cluster, "3.0.0", 3)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs("Set the config epoch of a node that is still new.", "O(1)")
                .syntax("config-epoch")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|setslot", Group::Cluster, "3.0.0", -4)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .docs("Change the owner or the migration state of a slot.", "O(1)")
                .syntax("slot <IMPORTING node-id|MIGRATING node-id|NODE node-id|STABLE>")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|shards", Group::Cluster, "7.0.0", 2)
                .flags(&[LOADING, STALE])
                .tips(&["nondeterministic_output"])
                .docs(
                    "List the shards with their slots and nodes.",
                    "O(N) for N nodes",
                )
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|slaves", Group::Cluster, "3.0.0", 3)
                .flags(&[ADMIN, STALE])
                .tips(&["nondeterministic_output"])
                .deprecated("5.0.0", "CLUSTER REPLICAS")
                .docs("Old name of CLUSTER REPLICAS.", "O(N) for N replicas")
                .syntax("node-id")
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|slot-stats", Group::Cluster, "8.2.0", -4)
                .flags(&[LOADING, STALE])
                .tips(&["nondeterministic_output", "request_policy:all_shards"])
                .newer(Project::Both)
                .docs(
                    "Show usage figures of slots.",
                    "O(N) for N slots, O(N log N) when ordered",
                )
                .syntax("<SLOTSRANGE start-slot end-slot|ORDERBY metric [LIMIT limit] [ASC|DESC]>")
                .runs(Route::Home, NotBuilt),
            row("cluster|slots", Group::Cluster, "3.0.0", 2)
                .flags(&[LOADING, STALE])
                .tips(&["nondeterministic_output"])
                .deprecated("7.0.0", "CLUSTER SHARDS")
                .docs(
                    "List slot ranges with the nodes that serve them.",
                    "O(N) for N nodes",
                )
                .runs(Route::Home, Home(cluster::refused)),
            row("cluster|syncslots", Group::Cluster, "8.4.0", -3)
                .flags(&[ADMIN, STALE, NO_ASYNC_LOADING])
                .tips(&["nondeterministic_output"])
                .newer(Project::Both)
                .docs(
                    "Internal: talk between the two ends of a slot migration.",
                    "O(1)",
                )
                .syntax(
                    "<SYNC task-id start-slot end-slot [start-slot end-slot ...]|RDBCHANNEL \
                     task-id|SNAPSHOT-EOF|STREAM-EOF|ACK state offset|FAIL error|CONF option \
                     [option ...] value [value ...]>",
                )
                .runs(Route::Home, NotBuilt),
        ]),
    row("clusterscan", Group::Cluster, "9.1.0", -2)
        .flags(&[READONLY, TOUCHES_ARBITRARY_KEYS])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[NOT_KEY])])
        .tips(&[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ])
        .newer(Project::Valkey)
        .docs(
            "Walk the keys of the whole cluster, slot by slot.",
            "O(1) a call, O(N) for a whole walk",
        )
        .syntax("cursor [MATCH match-pattern] [COUNT count] [TYPE type] [SLOT slot]")
        .runs(Route::Cursor, NotBuilt),
    row("readonly", Group::Cluster, "3.0.0", 1)
        .flags(&[LOADING, STALE, FAST])
        .acl(&[category::CONNECTION])
        .docs("Accept reads on this replica over this connection.", "O(1)")
        .runs(Route::Home, Home(cluster::refused)),
    row("readwrite", Group::Cluster, "3.0.0", 1)
        .flags(&[LOADING, STALE, FAST])
        .acl(&[category::CONNECTION])
        .docs("Undo READONLY for this connection.", "O(1)")
        .runs(Route::Home, Home(cluster::refused)),
];
