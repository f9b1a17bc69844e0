//! Rows: keys of any type.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("copy", Group::Generic, "6.2.0", -3)
        .flags(&[WRITE, DENYOOM])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RO, ACCESS]), at(2, &[OW, UPDATE])])
        .docs(
            "Duplicate a value under another key.",
            "O(N) for N elements of the value",
        )
        .syntax("source destination [DB destination-db] [REPLACE]")
        .runs(Route::Keys, Store(crate::command::generic::rename::copy)),
    row("del", Group::Generic, "1.0.0", -2)
        .flags(&[WRITE])
        .acl(&[category::KEYSPACE])
        .keys(&[range(1, -1, 1, &[RM, DELETE])])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .docs(
            "Delete keys.",
            "O(N) for N keys, plus the elements of their values",
        )
        .syntax("key [key ...]")
        .runs(Route::Split(Sum), Store(crate::command::generic::keys::del)),
    row("dump", Group::Generic, "2.6.0", 2)
        .flags(&[READONLY])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Serialise a value for RESTORE.",
            "O(N) for N bytes of the value",
        )
        .syntax("key")
        .runs(Route::Keys, Store(crate::command::generic::dump::dump)),
    row("exists", Group::Generic, "1.0.0", -2)
        .flags(&[READONLY, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[range(1, -1, 1, &[RO])])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .docs(
            "Count how many of the given keys are there.",
            "O(N) for N keys",
        )
        .syntax("key [key ...]")
        .runs(
            Route::Split(Sum),
            Store(crate::command::generic::keys::exists),
        ),
    row("expire", Group::Generic, "1.0.0", -3)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs("Let a key live for some seconds from now.", "O(1)")
        .syntax("key seconds [NX|XX|GT|LT]")
        .runs(Route::Keys, Store(crate::command::generic::expire::expire)),
    row("expireat", Group::Generic, "1.2.0", -3)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs("Let a key live until a Unix time in seconds.", "O(1)")
        .syntax("key unix-time-seconds [NX|XX|GT|LT]")
        .runs(
            Route::Keys,
            Store(crate::command::generic::expire::expireat),
        ),
    row("expiretime", Group::Generic, "7.0.0", 2)
        .flags(&[READONLY, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Tell the Unix time in seconds at which a key ends.", "O(1)")
        .syntax("key")
        .runs(
            Route::Keys,
            Store(crate::command::generic::expire::expiretime),
        ),
    row("keys", Group::Generic, "1.0.0", 2)
        .flags(&[READONLY])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .tips(&["request_policy:all_shards", "nondeterministic_output_order"])
        .docs(
            "List every key that fits a pattern.",
            "O(N) for N keys of the database",
        )
        .syntax("pattern")
        .runs(
            Route::All(Concat),
            Store(crate::command::generic::scan::keys),
        ),
    row("migrate", Group::Generic, "2.6.0", -6)
        .flags(&[WRITE, AFTER_REPLIES, NOT_QUEUED])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .keys(&[
            at(3, &[RW, ACCESS, DELETE]),
            after(
                "KEYS",
                -2,
                Range {
                    last: -1,
                    step: 1,
                    limit: 0,
                },
                &[RW, ACCESS, DELETE, INCOMPLETE],
            ),
        ])
        .own_keys(keys::migrate)
        .tips(&["nondeterministic_output"])
        .docs("Move keys to another server.", "O(N) for N bytes moved")
        .syntax(
            "host port <key|\"\"> destination-db timeout:integer [COPY] [REPLACE] [AUTH \
             password|AUTH2 username password] [KEYS key [key ...]]",
        )
        .secrets(crate::command::generic::migrate::migrate_secrets)
        .runs(Route::Home, Home(crate::command::generic::migrate::migrate)),
    row("move", Group::Generic, "1.0.0", 3)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Move a key into another database.", "O(1)")
        .syntax("key db")
        .runs(
            Route::Keys,
            Store(crate::command::generic::rename::move_key),
        ),
    row("object", Group::Generic, "2.2.3", -2)
        .docs(
            "Commands that look at how values are stored.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("object|encoding", Group::Generic, "2.2.3", 3)
                .flags(&[READONLY])
                .acl(&[category::KEYSPACE])
                .keys(&[at(2, &[RO])])
                .tips(&["nondeterministic_output"])
                .docs("Tell the internal encoding of a value.", "O(1)")
                .syntax("key")
                .runs(
                    Route::Keys,
                    Store(crate::command::generic::object::encoding),
                ),
            row("object|freq", Group::Generic, "4.0.0", 3)
                .flags(&[READONLY])
                .acl(&[category::KEYSPACE])
                .keys(&[at(2, &[RO])])
                .tips(&["nondeterministic_output"])
                .docs(
                    "Tell the access frequency counter of a key (LFU policies).",
                    "O(1)",
                )
                .syntax("key")
                .runs(Route::Keys, Store(crate::command::generic::object::freq)),
            row("object|help", Group::Generic, "6.2.0", 2)
                .flags(&[LOADING, STALE])
                .acl(&[category::KEYSPACE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(crate::command::generic::object::help)),
            row("object|idletime", Group::Generic, "2.2.3", 3)
                .flags(&[READONLY])
                .acl(&[category::KEYSPACE])
                .keys(&[at(2, &[RO])])
                .tips(&["nondeterministic_output"])
                .docs("Tell for how many seconds a key was not used.", "O(1)")
                .syntax("key")
                .runs(
                    Route::Keys,
                    Store(crate::command::generic::object::idletime),
                ),
            row("object|refcount", Group::Generic, "2.2.3", 3)
                .flags(&[READONLY])
                .acl(&[category::KEYSPACE])
                .keys(&[at(2, &[RO])])
                .tips(&["nondeterministic_output"])
                .docs("Tell how many references a value has.", "O(1)")
                .syntax("key")
                .runs(
                    Route::Keys,
                    Store(crate::command::generic::object::refcount),
                ),
        ]),
    row("persist", Group::Generic, "2.2.0", 2)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs("Take the expiry off a key.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(crate::command::generic::expire::persist)),
    row("pexpire", Group::Generic, "2.6.0", -3)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs("Let a key live for some milliseconds from now.", "O(1)")
        .syntax("key milliseconds [NX|XX|GT|LT]")
        .runs(Route::Keys, Store(crate::command::generic::expire::pexpire)),
    row("pexpireat", Group::Generic, "2.6.0", -3)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs("Let a key live until a Unix time in milliseconds.", "O(1)")
        .syntax("key unix-time-milliseconds [NX|XX|GT|LT]")
        .runs(
            Route::Keys,
            Store(crate::command::generic::expire::pexpireat),
        ),
    row("pexpiretime", Group::Generic, "7.0.0", 2)
        .flags(&[READONLY, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Tell the Unix time in milliseconds at which a key ends.",
            "O(1)",
        )
        .syntax("key")
        .runs(
            Route::Keys,
            Store(crate::command::generic::expire::pexpiretime),
        ),
    row("pttl", Group::Generic, "2.6.0", 2)
        .flags(&[READONLY, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs("Tell how many milliseconds a key has left.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(crate::command::generic::expire::pttl)),
    row("randomkey", Group::Generic, "1.0.0", 1)
        .flags(&[READONLY, TOUCHES_ARBITRARY_KEYS])
        .acl(&[category::KEYSPACE])
        .tips(&[
            "request_policy:all_shards",
            "response_policy:special",
            "nondeterministic_output",
        ])
        .docs("Pick a key of the database at random.", "O(1)")
        .runs(
            Route::AnyShard,
            Store(crate::command::generic::scan::randomkey),
        ),
    row("rename", Group::Generic, "1.0.0", 3)
        .flags(&[WRITE])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[OW, UPDATE])])
        .docs("Give a key another name, replacing what was there.", "O(1)")
        .syntax("key newkey")
        .runs(Route::Keys, Store(crate::command::generic::rename::rename)),
    row("renamenx", Group::Generic, "1.0.0", 3)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[OW, INSERT])])
        .docs("Give a key another name unless that is taken.", "O(1)")
        .syntax("key newkey")
        .runs(
            Route::Keys,
            Store(crate::command::generic::rename::renamenx),
        ),
    row("restore", Group::Generic, "2.6.0", -4)
        .flags(&[WRITE, DENYOOM])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .keys(&[at(1, &[OW, UPDATE])])
        .docs(
            "Create a key from what DUMP produced.",
            "O(N) for N bytes, O(N log N) for sorted sets",
        )
        .syntax(
            "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ \
             frequency]",
        )
        .runs(Route::Keys, Store(crate::command::generic::dump::restore)),
    row("scan", Group::Generic, "2.8.0", -2)
        .flags(&[READONLY, TOUCHES_ARBITRARY_KEYS])
        .acl(&[category::KEYSPACE])
        .tips(&[
            "nondeterministic_output",
            "request_policy:special",
            "response_policy:special",
        ])
        .docs(
            "Walk the keys of the database in steps.",
            "O(1) a call, O(N) for a whole walk",
        )
        .syntax("cursor [MATCH pattern] [COUNT count] [TYPE type]")
        .runs(Route::Cursor, Store(crate::command::generic::scan::scan)),
    row("sort", Group::Generic, "1.0.0", -2)
        .flags(&[WRITE, DENYOOM])
        .acl(&[
            category::SET,
            category::SORTEDSET,
            category::LIST,
            category::DANGEROUS,
        ])
        .keys(&[
            at(1, &[RO, ACCESS]),
            unknown(&[RO, ACCESS]).notes("the keys that BY and GET patterns lead to"),
            unknown(&[OW, UPDATE]).notes("the destination of STORE"),
        ])
        .own_keys(keys::sort)
        .docs(
            "Sort a list, set or sorted set, and reply or store the outcome.",
            "O(N + M log M) for N elements, M of them sorted",
        )
        .syntax(
            "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] \
             [ASC|DESC] [ALPHA] [STORE destination]",
        )
        .runs(Route::ParkAll, Store(crate::command::generic::sort::sort)),
    row("sort_ro", Group::Generic, "7.0.0", -2)
        .flags(&[READONLY])
        .acl(&[
            category::SET,
            category::SORTEDSET,
            category::LIST,
            category::DANGEROUS,
        ])
        .keys(&[
            at(1, &[RO, ACCESS]),
            unknown(&[RO, ACCESS]).notes("the keys that BY and GET patterns lead to"),
        ])
        .own_keys(keys::sort_ro)
        .docs(
            "Sort a list, set or sorted set without storing.",
            "O(N + M log M) for N elements, M of them sorted",
        )
        .syntax(
            "key [BY pattern] [LIMIT offset count] [GET pattern [GET pattern ...]] \
             [ASC|DESC] [ALPHA]",
        )
        .runs(
            Route::ParkAll,
            Store(crate::command::generic::sort::sort_ro),
        ),
    row("touch", Group::Generic, "3.2.1", -2)
        .flags(&[READONLY, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[range(1, -1, 1, &[RO])])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .docs(
            "Refresh the usage data of keys and count those that are there.",
            "O(N) for N keys",
        )
        .syntax("key [key ...]")
        .runs(
            Route::Split(Sum),
            Store(crate::command::generic::keys::touch),
        ),
    row("ttl", Group::Generic, "1.0.0", 2)
        .flags(&[READONLY, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs("Tell how many seconds a key has left.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(crate::command::generic::expire::ttl)),
    row("type", Group::Generic, "1.0.0", 2)
        .flags(&[READONLY, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[at(1, &[RO])])
        .docs("Tell the data type of a key.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(crate::command::generic::keys::type_of)),
    row("unlink", Group::Generic, "4.0.0", -2)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE])
        .keys(&[range(1, -1, 1, &[RM, DELETE])])
        .tips(&["request_policy:multi_shard", "response_policy:agg_sum"])
        .docs(
            "Delete keys and free their values in the background.",
            "O(N) for N keys",
        )
        .syntax("key [key ...]")
        .runs(
            Route::Split(Sum),
            Store(crate::command::generic::keys::unlink),
        ),
    row("wait", Group::Generic, "3.0.0", 3)
        .acl(&[category::CONNECTION])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .docs("Wait until replicas have this connection's writes.", "O(1)")
        .syntax("numreplicas timeout:integer")
        .runs(Route::Home, Home(crate::command::generic::wait::wait)),
    row("waitaof", Group::Generic, "7.2.0", 4)
        .flags(&[NOSCRIPT])
        .acl(&[category::CONNECTION])
        .tips(&["request_policy:all_shards", "response_policy:agg_min"])
        .docs(
            "Wait until this connection's writes are synced to disk, here and on \
             replicas.",
            "O(1)",
        )
        .syntax("numlocal numreplicas timeout:integer")
        .runs(Route::Home, Home(crate::command::generic::wait::waitaof)),
];
