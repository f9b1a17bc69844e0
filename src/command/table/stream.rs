//! Rows: streams.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("xack", Group::Stream, "5.0.0", -4)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs(
            "Confirm that messages of a group were handled.",
            "O(1) each",
        )
        .syntax("key group id [id ...]")
        .runs(Route::Keys, Store(super::super::stream::xack)),
    row("xackdel", Group::Stream, "8.2.0", -6)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE, DELETE])])
        .newer(Project::Redis)
        .docs(
            "Confirm messages of a group and delete them from the stream.",
            "O(1) each",
        )
        .syntax("key group [KEEPREF|DELREF|ACKED] IDS numids id [id ...]")
        .runs(Route::Keys, Store(super::super::stream::xackdel)),
    row("xadd", Group::Stream, "5.0.0", -5)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE]).notes("an update, since trimming may remove entries")])
        .tips(&["nondeterministic_output"])
        .docs(
            "Append a message to a stream.",
            "O(1), O(N) for N old messages trimmed",
        )
        .syntax(
            "key [NOMKSTREAM] [KEEPREF|DELREF|ACKED] [IDMPAUTO pid|IDMP pid iid] [<MAXLEN|MINID> \
             [=|~] threshold [LIMIT count]] <*|id> \
             field value [field value ...]",
        )
        .runs(Route::Keys, Store(super::super::stream::xadd)),
    row("xautoclaim", Group::Stream, "6.2.0", -6)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, DELETE])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Take over messages that other consumers left unhandled for too long.",
            "O(N) for N messages looked at",
        )
        .syntax("key group consumer min-idle-time start:string [COUNT count] [JUSTID]")
        .runs(Route::Keys, Store(super::super::stream::xautoclaim)),
    row("xcfgset", Group::Stream, "8.6.0", -2)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Redis)
        .docs("Change the settings of a stream.", "O(1)")
        .syntax("key [IDMP-DURATION idmp-duration] [IDMP-MAXSIZE idmp-maxsize]")
        .runs(Route::Keys, Store(super::super::stream::xcfgset)),
    row("xclaim", Group::Stream, "5.0.0", -6)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Take over given messages of a group from other consumers.",
            "O(log N) each, for N pending messages",
        )
        .syntax(
            "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME \
             unix-time-milliseconds] [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID \
             lastid]",
        )
        .runs(Route::Keys, Store(super::super::stream::xclaim)),
    row("xdel", Group::Stream, "5.0.0", -3)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, DELETE])])
        .docs("Delete messages of a stream.", "O(1) each")
        .syntax("key id [id ...]")
        .runs(Route::Keys, Store(super::super::stream::xdel)),
    row("xdelex", Group::Stream, "8.2.0", -5)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, DELETE])])
        .newer(Project::Redis)
        .docs(
            "Delete messages of a stream, minding what groups still refer to.",
            "O(1) each",
        )
        .syntax("key [KEEPREF|DELREF|ACKED] IDS numids id [id ...]")
        .runs(Route::Keys, Store(super::super::stream::xdelex)),
    row("xgroup", Group::Stream, "5.0.0", -2)
        .docs(
            "Commands about consumer groups.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("xgroup|create", Group::Stream, "5.0.0", -5)
                .flags(&[WRITE, DENYOOM])
                .keys(&[at(2, &[RW, INSERT])])
                .docs("Create a consumer group.", "O(1)")
                .syntax("key group <id|$> [MKSTREAM] [ENTRIESREAD entries-read]")
                .runs(Route::Keys, Store(super::super::stream::create)),
            row("xgroup|createconsumer", Group::Stream, "6.2.0", 5)
                .flags(&[WRITE, DENYOOM])
                .keys(&[at(2, &[RW, INSERT])])
                .docs("Create a consumer in a group.", "O(1)")
                .syntax("key group consumer")
                .runs(Route::Keys, Store(super::super::stream::createconsumer)),
            row("xgroup|delconsumer", Group::Stream, "5.0.0", 5)
                .flags(&[WRITE])
                .keys(&[at(2, &[RW, DELETE])])
                .docs(
                    "Delete a consumer of a group.",
                    "O(N) for N messages pending for it",
                )
                .syntax("key group consumer")
                .runs(Route::Keys, Store(super::super::stream::delconsumer)),
            row("xgroup|destroy", Group::Stream, "5.0.0", 4)
                .flags(&[WRITE])
                .keys(&[at(2, &[RW, DELETE])])
                .docs("Delete a consumer group.", "O(N) for N pending messages")
                .syntax("key group")
                .runs(Route::Keys, Store(super::super::stream::destroy)),
            row("xgroup|help", Group::Stream, "5.0.0", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::stream::group_help)),
            row("xgroup|setid", Group::Stream, "5.0.0", -5)
                .flags(&[WRITE])
                .keys(&[at(2, &[RW, UPDATE])])
                .docs("Set which message a group has delivered last.", "O(1)")
                .syntax("key group <id|$> [ENTRIESREAD entries-read]")
                .runs(Route::Keys, Store(super::super::stream::setid)),
        ]),
    row("xidmprecord", Group::Stream, "8.6.2", 5)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Redis)
        .docs(
            "Internal: note the idempotency id of an added message.",
            "O(1)",
        )
        .syntax("key pid iid stream-id")
        .runs(Route::Keys, Store(super::super::stream::xidmprecord)),
    row("xinfo", Group::Stream, "5.0.0", -2)
        .docs(
            "Commands that look at streams.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("xinfo|consumers", Group::Stream, "5.0.0", 4)
                .flags(&[READONLY])
                .keys(&[at(2, &[RO, ACCESS])])
                .tips(&["nondeterministic_output"])
                .docs("Describe the consumers of a group.", "O(N) for N consumers")
                .syntax("key group")
                .runs(Route::Keys, Store(super::super::stream::consumers)),
            row("xinfo|groups", Group::Stream, "5.0.0", 3)
                .flags(&[READONLY])
                .keys(&[at(2, &[RO, ACCESS])])
                .docs("Describe the groups of a stream.", "O(N) for N groups")
                .syntax("key")
                .runs(Route::Keys, Store(super::super::stream::groups)),
            row("xinfo|help", Group::Stream, "5.0.0", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::stream::info_help)),
            row("xinfo|stream", Group::Stream, "5.0.0", -3)
                .flags(&[READONLY])
                .keys(&[at(2, &[RO, ACCESS])])
                .docs(
                    "Describe a stream.",
                    "O(1), O(N) with FULL for N entries shown",
                )
                .syntax("key [FULL [COUNT count]]")
                .runs(Route::Keys, Store(super::super::stream::stream)),
        ]),
    row("xlen", Group::Stream, "5.0.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Count the messages of a stream.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::stream::xlen)),
    row("xnack", Group::Stream, "8.8.0", -7)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Redis)
        .docs("Hand messages of a group back unhandled.", "O(1) each")
        .syntax(
            "key group <SILENT|FAIL|FATAL> IDS numids id [id ...] [RETRYCOUNT count] \
             [FORCE]",
        )
        .runs(Route::Keys, Store(super::super::stream::xnack)),
    row("xpending", Group::Stream, "5.0.0", -3)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Show which messages of a group wait for confirmation.",
            "O(N) for N messages shown, O(1) for the summary",
        )
        .syntax(
            "key group [[IDLE min-idle-time:integer] start:string end:string count \
             [consumer]]",
        )
        .runs(Route::Keys, Store(super::super::stream::xpending)),
    row("xrange", Group::Stream, "5.0.0", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Read messages between two ids.",
            "O(log N + M) for N messages, M returned",
        )
        .syntax("key start:string end:string [COUNT count]")
        .runs(Route::Keys, Store(super::super::stream::xrange)),
    row("xread", Group::Stream, "5.0.0", -4)
        .flags(&[READONLY, BLOCKING])
        .keys(&[after(
            "STREAMS",
            1,
            Range {
                last: -1,
                step: 1,
                limit: 2,
            },
            &[RO, ACCESS],
        )])
        .docs(
            "Read new messages of streams, waiting for them on demand.",
            "O(log N + M) a stream, M messages returned",
        )
        .syntax("[COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]")
        .runs(Route::Keys, Store(super::super::stream::xread)),
    row("xreadgroup", Group::Stream, "5.0.0", -7)
        .flags(&[WRITE, BLOCKING])
        .keys(&[after(
            "STREAMS",
            4,
            Range {
                last: -1,
                step: 1,
                limit: 2,
            },
            &[RO, ACCESS],
        )])
        .docs(
            "Read messages of streams for a consumer of a group, waiting on demand.",
            "O(log N + M) a stream, M messages returned",
        )
        .syntax(
            "GROUP group consumer [COUNT count] [MAXCOUNT maxcount] [MAXSIZE maxsize] [BLOCK milliseconds] [CLAIM min-idle-time] [NOACK] STREAMS \
             key [key ...] id [id ...]",
        )
        .runs(Route::Keys, Store(super::super::stream::xreadgroup)),
    row("xrevrange", Group::Stream, "5.0.0", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Read messages between two ids, newest first.",
            "O(log N + M) for N messages, M returned",
        )
        .syntax("key end:string start:string [COUNT count]")
        .runs(Route::Keys, Store(super::super::stream::xrevrange)),
    row("xsetid", Group::Stream, "5.0.0", -3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs("Internal: set the last id of a stream.", "O(1)")
        .syntax("key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]")
        .runs(Route::Keys, Store(super::super::stream::xsetid)),
    row("xtrim", Group::Stream, "5.0.0", -4)
        .flags(&[WRITE])
        .keys(&[at(1, &[RW, DELETE])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Drop the oldest messages of a stream.",
            "O(N) for N messages dropped",
        )
        .syntax("key <MAXLEN|MINID> [=|~] threshold [LIMIT count]")
        .runs(Route::Keys, Store(super::super::stream::xtrim)),
];
