//! Rows: sorted sets.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("bzmpop", Group::SortedSet, "7.0.0", -5)
        .flags(&[WRITE, BLOCKING])
        .keys(&[counted(2, 1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take members with the lowest or highest scores, waiting until there are \
             some.",
            "O(N + M log S) for N keys, M members taken of S",
        )
        .syntax("timeout numkeys key [key ...] <MIN|MAX> [COUNT count]")
        .runs(Route::Keys, Store(super::super::sorted_set::bzmpop)),
    row("bzpopmax", Group::SortedSet, "5.0.0", -3)
        .flags(&[WRITE, BLOCKING, FAST])
        .keys(&[range(1, -2, 1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take the member with the highest score, waiting until there is one.",
            "O(log N) for N members",
        )
        .syntax("key [key ...] timeout")
        .runs(Route::Keys, Store(super::super::sorted_set::bzpopmax)),
    row("bzpopmin", Group::SortedSet, "5.0.0", -3)
        .flags(&[WRITE, BLOCKING, FAST])
        .keys(&[range(1, -2, 1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take the member with the lowest score, waiting until there is one.",
            "O(log N) for N members",
        )
        .syntax("key [key ...] timeout")
        .runs(Route::Keys, Store(super::super::sorted_set::bzpopmin)),
    row("zadd", Group::SortedSet, "1.2.0", -4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs(
            "Add members with scores, or change their scores.",
            "O(log N) each, for N members",
        )
        .syntax("key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]")
        .runs(Route::Keys, Store(super::super::sorted_set::zadd)),
    row("zcard", Group::SortedSet, "1.2.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Count the members of a sorted set.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::sorted_set::zcard)),
    row("zcount", Group::SortedSet, "2.0.0", 4)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Count the members with scores in a range.",
            "O(log N) for N members",
        )
        .syntax("key min:double max:double")
        .runs(Route::Keys, Store(super::super::sorted_set::zcount)),
    row("zdiff", Group::SortedSet, "6.2.0", -3)
        .flags(&[READONLY])
        .keys(&[counted(1, 1, &[RO, ACCESS])])
        .docs(
            "Tell which members of the first sorted set are in no other.",
            "O(N log N) for N members of all sets",
        )
        .syntax("numkeys key [key ...] [WITHSCORES]")
        .runs(Route::Keys, Store(super::super::sorted_set::zdiff)),
    row("zdiffstore", Group::SortedSet, "6.2.0", -4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE]), counted(2, 1, &[RO, ACCESS])])
        .docs(
            "Store the members of the first sorted set that are in no other.",
            "O(N log N) for N members of all sets",
        )
        .syntax("destination numkeys key [key ...]")
        .runs(Route::Keys, Store(super::super::sorted_set::zdiffstore)),
    row("zincrby", Group::SortedSet, "1.2.0", 4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Add to the score of a member.", "O(log N) for N members")
        .syntax("key increment member")
        .runs(Route::Keys, Store(super::super::sorted_set::zincrby)),
    row("zinter", Group::SortedSet, "6.2.0", -3)
        .flags(&[READONLY])
        .keys(&[counted(1, 1, &[RO, ACCESS])])
        .docs(
            "Tell which members are in all sorted sets, with combined scores.",
            "O(N * K + M log M) for N members of the smallest of K sets, M in the \
             outcome",
        )
        .syntax(
            "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE \
             <SUM|MIN|MAX>] [WITHSCORES]",
        )
        .runs(Route::Keys, Store(super::super::sorted_set::zinter)),
    row("zintercard", Group::SortedSet, "7.0.0", -3)
        .flags(&[READONLY])
        .keys(&[counted(1, 1, &[RO, ACCESS])])
        .docs(
            "Count the members that are in all sorted sets.",
            "O(N * K) for N members of the smallest of K sets",
        )
        .syntax("numkeys key [key ...] [LIMIT limit]")
        .runs(Route::Keys, Store(super::super::sorted_set::zintercard)),
    row("zinterstore", Group::SortedSet, "2.0.0", -4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE]), counted(2, 1, &[RO, ACCESS])])
        .docs(
            "Store the members that are in all sorted sets, with combined scores.",
            "O(N * K + M log M) for N members of the smallest of K sets, M in the \
             outcome",
        )
        .syntax(
            "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] \
             [AGGREGATE <SUM|MIN|MAX>]",
        )
        .runs(Route::Keys, Store(super::super::sorted_set::zinterstore)),
    row("zlexcount", Group::SortedSet, "2.8.9", 4)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Count the members in an alphabetical range.",
            "O(log N) for N members",
        )
        .syntax("key min max")
        .runs(Route::Keys, Store(super::super::sorted_set::zlexcount)),
    row("zmpop", Group::SortedSet, "7.0.0", -4)
        .flags(&[WRITE])
        .keys(&[counted(1, 1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take members with the lowest or highest scores from the first sorted set \
             that has any.",
            "O(N + M log S) for N keys, M members taken of S",
        )
        .syntax("numkeys key [key ...] <MIN|MAX> [COUNT count]")
        .runs(Route::Keys, Store(super::super::sorted_set::zmpop)),
    row("zmscore", Group::SortedSet, "6.2.0", -3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Read the scores of several members.",
            "O(N) for N members asked for",
        )
        .syntax("key member [member ...]")
        .runs(Route::Keys, Store(super::super::sorted_set::zmscore)),
    row("zpopmax", Group::SortedSet, "5.0.0", -2)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take the members with the highest scores.",
            "O(M log N) for M taken of N members",
        )
        .syntax("key [count]")
        .runs(Route::Keys, Store(super::super::sorted_set::zpopmax)),
    row("zpopmin", Group::SortedSet, "5.0.0", -2)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take the members with the lowest scores.",
            "O(M log N) for M taken of N members",
        )
        .syntax("key [count]")
        .runs(Route::Keys, Store(super::super::sorted_set::zpopmin)),
    row("zrandmember", Group::SortedSet, "6.2.0", -2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Pick members of a sorted set at random.",
            "O(N) for N members returned",
        )
        .syntax("key [count [WITHSCORES]]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrandmember)),
    row("zrange", Group::SortedSet, "1.2.0", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Read members by position, score or alphabet.",
            "O(log N + M) for N members, M returned",
        )
        .syntax(
            "key start:string stop:string [BYSCORE|BYLEX] [REV] [LIMIT offset count] \
             [WITHSCORES]",
        )
        .runs(Route::Keys, Store(super::super::sorted_set::zrange)),
    row("zrangebylex", Group::SortedSet, "2.8.9", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .deprecated("6.2.0", "ZRANGE with BYLEX")
        .docs(
            "Read the members in an alphabetical range.",
            "O(log N + M) for N members, M returned",
        )
        .syntax("key min max [LIMIT offset count]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrangebylex)),
    row("zrangebyscore", Group::SortedSet, "1.0.5", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .deprecated("6.2.0", "ZRANGE with BYSCORE")
        .docs(
            "Read the members with scores in a range.",
            "O(log N + M) for N members, M returned",
        )
        .syntax("key min:double max:double [WITHSCORES] [LIMIT offset count]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrangebyscore)),
    row("zrangestore", Group::SortedSet, "6.2.0", -5)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE]), at(2, &[RO, ACCESS])])
        .docs(
            "Store a range of a sorted set under another key.",
            "O(log N + M) for N members, M stored",
        )
        .syntax("dst src min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrangestore)),
    row("zrank", Group::SortedSet, "2.0.0", -3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Tell the position of a member, lowest score first.",
            "O(log N) for N members",
        )
        .syntax("key member [WITHSCORE]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrank)),
    row("zrem", Group::SortedSet, "1.2.0", -3)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, DELETE])])
        .docs(
            "Remove members from a sorted set.",
            "O(M log N) for M removed of N members",
        )
        .syntax("key member [member ...]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrem)),
    row("zremrangebylex", Group::SortedSet, "2.8.9", 4)
        .flags(&[WRITE])
        .keys(&[at(1, &[RW, DELETE])])
        .docs(
            "Remove the members in an alphabetical range.",
            "O(log N + M) for N members, M removed",
        )
        .syntax("key min max")
        .runs(Route::Keys, Store(super::super::sorted_set::zremrangebylex)),
    row("zremrangebyrank", Group::SortedSet, "2.0.0", 4)
        .flags(&[WRITE])
        .keys(&[at(1, &[RW, DELETE])])
        .docs(
            "Remove the members in a range of positions.",
            "O(log N + M) for N members, M removed",
        )
        .syntax("key start stop")
        .runs(
            Route::Keys,
            Store(super::super::sorted_set::zremrangebyrank),
        ),
    row("zremrangebyscore", Group::SortedSet, "1.2.0", 4)
        .flags(&[WRITE])
        .keys(&[at(1, &[RW, DELETE])])
        .docs(
            "Remove the members with scores in a range.",
            "O(log N + M) for N members, M removed",
        )
        .syntax("key min:double max:double")
        .runs(
            Route::Keys,
            Store(super::super::sorted_set::zremrangebyscore),
        ),
    row("zrevrange", Group::SortedSet, "1.2.0", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .deprecated("6.2.0", "ZRANGE with REV")
        .docs(
            "Read members by position, highest score first.",
            "O(log N + M) for N members, M returned",
        )
        .syntax("key start stop [WITHSCORES]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrevrange)),
    row("zrevrangebylex", Group::SortedSet, "2.8.9", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .deprecated("6.2.0", "ZRANGE with REV and BYLEX")
        .docs(
            "Read the members in an alphabetical range, backwards.",
            "O(log N + M) for N members, M returned",
        )
        .syntax("key max min [LIMIT offset count]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrevrangebylex)),
    row("zrevrangebyscore", Group::SortedSet, "2.2.0", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .deprecated("6.2.0", "ZRANGE with REV and BYSCORE")
        .docs(
            "Read the members with scores in a range, highest first.",
            "O(log N + M) for N members, M returned",
        )
        .syntax("key max:double min:double [WITHSCORES] [LIMIT offset count]")
        .runs(
            Route::Keys,
            Store(super::super::sorted_set::zrevrangebyscore),
        ),
    row("zrevrank", Group::SortedSet, "2.0.0", -3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Tell the position of a member, highest score first.",
            "O(log N) for N members",
        )
        .syntax("key member [WITHSCORE]")
        .runs(Route::Keys, Store(super::super::sorted_set::zrevrank)),
    row("zscan", Group::SortedSet, "2.8.0", -3)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Walk the members of a sorted set in steps.",
            "O(1) a call, O(N) for a whole walk",
        )
        .syntax("key cursor [MATCH pattern] [COUNT count] [NOSCORES]")
        .runs(Route::Keys, Store(super::super::sorted_set::zscan)),
    row("zscore", Group::SortedSet, "1.2.0", 3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Read the score of a member.", "O(1)")
        .syntax("key member")
        .runs(Route::Keys, Store(super::super::sorted_set::zscore)),
    row("zunion", Group::SortedSet, "6.2.0", -3)
        .flags(&[READONLY])
        .keys(&[counted(1, 1, &[RO, ACCESS])])
        .docs(
            "Tell which members are in any of the sorted sets, with combined scores.",
            "O(N + M log M) for N members of all sets, M in the outcome",
        )
        .syntax(
            "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE \
             <SUM|MIN|MAX>] [WITHSCORES]",
        )
        .runs(Route::Keys, Store(super::super::sorted_set::zunion)),
    row("zunionstore", Group::SortedSet, "2.0.0", -4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE]), counted(2, 1, &[RO, ACCESS])])
        .docs(
            "Store the members that are in any of the sorted sets, with combined \
             scores.",
            "O(N + M log M) for N members of all sets, M in the outcome",
        )
        .syntax(
            "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] \
             [AGGREGATE <SUM|MIN|MAX>]",
        )
        .runs(Route::Keys, Store(super::super::sorted_set::zunionstore)),
];
