//! Rows: hashes.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("hdel", Group::Hash, "2.0.0", -3)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, DELETE])])
        .docs("Remove fields from a hash.", "O(N) for N fields")
        .syntax("key field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hdel)),
    row("hexists", Group::Hash, "2.0.0", 3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Check whether a hash has a field.", "O(1)")
        .syntax("key field")
        .runs(Route::Keys, Store(super::super::hash::hexists)),
    row("hexpire", Group::Hash, "7.4.0", -6)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Both)
        .docs(
            "Let hash fields live for some seconds from now.",
            "O(N) for N fields",
        )
        .syntax("key seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hexpire)),
    row("hexpireat", Group::Hash, "7.4.0", -6)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Both)
        .docs(
            "Let hash fields live until a Unix time in seconds.",
            "O(N) for N fields",
        )
        .syntax("key unix-time-seconds [NX|XX|GT|LT] FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hexpireat)),
    row("hexpiretime", Group::Hash, "7.4.0", -5)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Both)
        .docs(
            "Tell the Unix time in seconds at which hash fields end.",
            "O(N) for N fields",
        )
        .syntax("key FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hexpiretime)),
    row("hget", Group::Hash, "2.0.0", 3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Read one field of a hash.", "O(1)")
        .syntax("key field")
        .runs(Route::Keys, Store(super::super::hash::hget)),
    row("hgetall", Group::Hash, "2.0.0", 2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "Read all fields of a hash with their values.",
            "O(N) for N fields of the hash",
        )
        .syntax("key")
        .runs(Route::Keys, Store(super::super::hash::hgetall)),
    row("hgetdel", Group::Hash, "8.0.0", -5)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, DELETE])])
        .newer(Project::Both)
        .docs(
            "Read fields of a hash and remove them.",
            "O(N) for N fields",
        )
        .syntax("key FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hgetdel)),
    row("hgetex", Group::Hash, "8.0.0", -5)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .newer(Project::Both)
        .docs(
            "Read fields of a hash and change their expiry.",
            "O(N) for N fields",
        )
        .syntax(
            "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
             unix-time-milliseconds|PERSIST] FIELDS numfields field [field ...]",
        )
        .runs(Route::Keys, Store(super::super::hash::hgetex)),
    row("himport", Group::Hash, "8.10.0", -2)
        .acl(&[category::HASH])
        .newer(Project::Redis)
        .docs(
            "Commands that load many hashes with the same fields.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("himport|discard", Group::Hash, "8.10.0", 3)
                .tips(&["request_policy:all_shards"])
                .newer(Project::Redis)
                .docs("Forget one prepared list of fields.", "O(1)")
                .syntax("fieldset-name")
                .runs(Route::Home, Home(super::super::hash::himport::discard)),
            row("himport|discardall", Group::Hash, "8.10.0", 2)
                .tips(&["request_policy:all_shards"])
                .newer(Project::Redis)
                .docs("Forget all prepared lists of fields.", "O(N) for N lists")
                .runs(Route::Home, Home(super::super::hash::himport::discardall)),
            row("himport|prepare", Group::Hash, "8.10.0", -4)
                .flags(&[DENYOOM])
                .tips(&["request_policy:all_shards"])
                .newer(Project::Redis)
                .docs(
                    "Name a list of fields for later HIMPORT SET calls.",
                    "O(N) for N fields",
                )
                .syntax("fieldset-name field [field ...]")
                .runs(Route::Home, Home(super::super::hash::himport::prepare)),
            row("himport|set", Group::Hash, "8.10.0", -5)
                .flags(&[WRITE, DENYOOM])
                .keys(&[at(2, &[OW, UPDATE])])
                .newer(Project::Redis)
                .docs(
                    "Write a hash whose fields were prepared before.",
                    "O(N) for N values",
                )
                .syntax("key fieldset-name value [value ...]")
                .runs(Route::Home, Home(super::super::hash::himport::set)),
        ]),
    row("hincrby", Group::Hash, "2.0.0", 4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Add an integer to a field of a hash.", "O(1)")
        .syntax("key field increment")
        .runs(Route::Keys, Store(super::super::hash::hincrby)),
    row("hincrbyfloat", Group::Hash, "2.6.0", 4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Add a floating point number to a field of a hash.", "O(1)")
        .syntax("key field increment:double")
        .runs(Route::Keys, Store(super::super::hash::hincrbyfloat)),
    row("hkeys", Group::Hash, "2.0.0", 2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "List the fields of a hash.",
            "O(N) for N fields of the hash",
        )
        .syntax("key")
        .runs(Route::Keys, Store(super::super::hash::hkeys)),
    row("hlen", Group::Hash, "2.0.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Count the fields of a hash.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::hash::hlen)),
    row("hmget", Group::Hash, "2.0.0", -3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Read several fields of a hash.",
            "O(N) for N fields asked for",
        )
        .syntax("key field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hmget)),
    row("hmset", Group::Hash, "2.0.0", -4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .deprecated("4.0.0", "HSET")
        .docs("Write several fields of a hash.", "O(N) for N fields")
        .syntax("key field value [field value ...]")
        .runs(Route::Keys, Store(super::super::hash::hmset)),
    row("hpersist", Group::Hash, "7.4.0", -5)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Both)
        .docs("Take the expiry off hash fields.", "O(N) for N fields")
        .syntax("key FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hpersist)),
    row("hpexpire", Group::Hash, "7.4.0", -6)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Both)
        .docs(
            "Let hash fields live for some milliseconds from now.",
            "O(N) for N fields",
        )
        .syntax("key milliseconds [NX|XX|GT|LT] FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hpexpire)),
    row("hpexpireat", Group::Hash, "7.4.0", -6)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Both)
        .docs(
            "Let hash fields live until a Unix time in milliseconds.",
            "O(N) for N fields",
        )
        .syntax(
            "key unix-time-milliseconds [NX|XX|GT|LT] FIELDS numfields field [field \
             ...]",
        )
        .runs(Route::Keys, Store(super::super::hash::hpexpireat)),
    row("hpexpiretime", Group::Hash, "7.4.0", -5)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Both)
        .docs(
            "Tell the Unix time in milliseconds at which hash fields end.",
            "O(N) for N fields",
        )
        .syntax("key FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hpexpiretime)),
    row("hpttl", Group::Hash, "7.4.0", -5)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .newer(Project::Both)
        .docs(
            "Tell how many milliseconds hash fields have left.",
            "O(N) for N fields",
        )
        .syntax("key FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::hpttl)),
    row("hrandfield", Group::Hash, "6.2.0", -2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Pick fields of a hash at random.",
            "O(N) for N fields returned",
        )
        .syntax("key [count [WITHVALUES]]")
        .runs(Route::Keys, Store(super::super::hash::hrandfield)),
    row("hscan", Group::Hash, "2.8.0", -3)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Walk the fields of a hash in steps.",
            "O(1) a call, O(N) for a whole walk",
        )
        .syntax("key cursor [MATCH pattern] [COUNT count]")
        .runs(Route::Keys, Store(super::super::hash::hscan)),
    row("hset", Group::Hash, "2.0.0", -4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs("Write fields of a hash.", "O(N) for N fields")
        .syntax("key field value [field value ...]")
        .runs(Route::Keys, Store(super::super::hash::hset)),
    row("hsetex", Group::Hash, "8.0.0", -6)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Both)
        .docs(
            "Write fields of a hash together with an expiry.",
            "O(N) for N fields",
        )
        .syntax(
            "key [FNX|FXX] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
             unix-time-milliseconds|KEEPTTL] FIELDS numfields field value [field value \
             ...]",
        )
        .runs(Route::Keys, Store(super::super::hash::hsetex)),
    row("hsetnx", Group::Hash, "2.0.0", 4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, INSERT])])
        .docs("Write a field of a hash unless it is there.", "O(1)")
        .syntax("key field value")
        .runs(Route::Keys, Store(super::super::hash::hsetnx)),
    row("hstrlen", Group::Hash, "3.2.0", 3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Tell how long the value of a hash field is.", "O(1)")
        .syntax("key field")
        .runs(Route::Keys, Store(super::super::hash::hstrlen)),
    row("httl", Group::Hash, "7.4.0", -5)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .newer(Project::Both)
        .docs(
            "Tell how many seconds hash fields have left.",
            "O(N) for N fields",
        )
        .syntax("key FIELDS numfields field [field ...]")
        .runs(Route::Keys, Store(super::super::hash::httl)),
    row("hvals", Group::Hash, "2.0.0", 2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "List the values of a hash.",
            "O(N) for N fields of the hash",
        )
        .syntax("key")
        .runs(Route::Keys, Store(super::super::hash::hvals)),
];
