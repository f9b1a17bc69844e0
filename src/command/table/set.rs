//! Rows: sets.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("sadd", Group::Set, "1.0.0", -3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, INSERT])])
        .docs("Add members to a set.", "O(N) for N members")
        .syntax("key member [member ...]")
        .runs(Route::Keys, Store(super::super::set::sadd)),
    row("scard", Group::Set, "1.0.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Count the members of a set.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::set::scard)),
    row("sdiff", Group::Set, "1.0.0", -2)
        .flags(&[READONLY])
        .keys(&[range(1, -1, 1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "Tell which members of the first set are in no other.",
            "O(N) for N members of all sets",
        )
        .syntax("key [key ...]")
        .runs(Route::Keys, Store(super::super::set::sdiff)),
    row("sdiffcard", Group::Set, "8.10.0", -3)
        .flags(&[READONLY])
        .keys(&[counted(1, 1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Count the members of the first set that are in no other.",
            "O(N) for N members of all sets",
        )
        .syntax("numkeys key [key ...] [LIMIT limit]")
        .runs(Route::Keys, Store(super::super::set::sdiffcard)),
    row("sdiffstore", Group::Set, "1.0.0", -3)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE]), range(2, -1, 1, &[RO, ACCESS])])
        .docs(
            "Store the members of the first set that are in no other.",
            "O(N) for N members of all sets",
        )
        .syntax("destination key [key ...]")
        .runs(Route::Keys, Store(super::super::set::sdiffstore)),
    row("sinter", Group::Set, "1.0.0", -2)
        .flags(&[READONLY])
        .keys(&[range(1, -1, 1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "Tell which members are in all sets.",
            "O(N * M) for N members of the smallest of M sets",
        )
        .syntax("key [key ...]")
        .runs(Route::Keys, Store(super::super::set::sinter)),
    row("sintercard", Group::Set, "7.0.0", -3)
        .flags(&[READONLY])
        .keys(&[counted(1, 1, &[RO, ACCESS])])
        .docs(
            "Count the members that are in all sets.",
            "O(N * M) for N members of the smallest of M sets",
        )
        .syntax("numkeys key [key ...] [LIMIT limit]")
        .runs(Route::Keys, Store(super::super::set::sintercard)),
    row("sinterstore", Group::Set, "1.0.0", -3)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, UPDATE]), range(2, -1, 1, &[RO, ACCESS])])
        .docs(
            "Store the members that are in all sets.",
            "O(N * M) for N members of the smallest of M sets",
        )
        .syntax("destination key [key ...]")
        .runs(Route::Keys, Store(super::super::set::sinterstore)),
    row("sismember", Group::Set, "1.0.0", 3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Check whether a set has a member.", "O(1)")
        .syntax("key member")
        .runs(Route::Keys, Store(super::super::set::sismember)),
    row("smembers", Group::Set, "1.0.0", 2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output_order"])
        .docs("List the members of a set.", "O(N) for N members")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::set::smembers)),
    row("smismember", Group::Set, "6.2.0", -3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Check which of several members a set has.",
            "O(N) for N members asked for",
        )
        .syntax("key member [member ...]")
        .runs(Route::Keys, Store(super::super::set::smismember)),
    row("smove", Group::Set, "1.0.0", 4)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[RW, INSERT])])
        .docs("Move a member from one set to another.", "O(1)")
        .syntax("source destination member")
        .runs(Route::Keys, Store(super::super::set::smove)),
    row("spop", Group::Set, "1.0.0", -2)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, DELETE])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Take random members out of a set.",
            "O(N) for N members taken",
        )
        .syntax("key [count]")
        .runs(Route::Keys, Store(super::super::set::spop)),
    row("srandmember", Group::Set, "1.0.0", -2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Pick members of a set at random.",
            "O(N) for N members returned",
        )
        .syntax("key [count]")
        .runs(Route::Keys, Store(super::super::set::srandmember)),
    row("srem", Group::Set, "1.0.0", -3)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, DELETE])])
        .docs("Remove members from a set.", "O(N) for N members")
        .syntax("key member [member ...]")
        .runs(Route::Keys, Store(super::super::set::srem)),
    row("sscan", Group::Set, "2.8.0", -3)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output"])
        .docs(
            "Walk the members of a set in steps.",
            "O(1) a call, O(N) for a whole walk",
        )
        .syntax("key cursor [MATCH pattern] [COUNT count]")
        .runs(Route::Keys, Store(super::super::set::sscan)),
    row("sunion", Group::Set, "1.0.0", -2)
        .flags(&[READONLY])
        .keys(&[range(1, -1, 1, &[RO, ACCESS])])
        .tips(&["nondeterministic_output_order"])
        .docs(
            "Tell which members are in any of the sets.",
            "O(N) for N members of all sets",
        )
        .syntax("key [key ...]")
        .runs(Route::Keys, Store(super::super::set::sunion)),
    row("sunioncard", Group::Set, "8.10.0", -3)
        .flags(&[READONLY])
        .keys(&[counted(1, 1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Count the members that are in any of the sets.",
            "O(N) for N members of all sets",
        )
        .syntax("numkeys key [key ...] [APPROX] [LIMIT limit]")
        .runs(Route::Keys, Store(super::super::set::sunioncard)),
    row("sunionstore", Group::Set, "1.0.0", -3)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE]), range(2, -1, 1, &[RO, ACCESS])])
        .docs(
            "Store the members that are in any of the sets.",
            "O(N) for N members of all sets",
        )
        .syntax("destination key [key ...]")
        .runs(Route::Keys, Store(super::super::set::sunionstore)),
];
