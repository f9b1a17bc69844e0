//! Rows: array commands, newer than Redis 7.2.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("arcount", Group::Array, "8.8.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs("Count the elements an array holds.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, NotBuilt),
    row("ardel", Group::Array, "8.8.0", -3)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, DELETE])])
        .newer(Project::Redis)
        .docs("Clear the given indexes of an array.", "O(N) for N indexes")
        .syntax("key index [index ...]")
        .runs(Route::Keys, NotBuilt),
    row("ardelrange", Group::Array, "8.8.0", -4)
        .flags(&[WRITE])
        .keys(&[at(1, &[RW, DELETE])])
        .newer(Project::Redis)
        .docs(
            "Clear whole index ranges of an array.",
            "O(N) for N elements cleared",
        )
        .syntax("key start end [start end ...]")
        .runs(Route::Keys, NotBuilt),
    row("arget", Group::Array, "8.8.0", 3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs("Read one element of an array.", "O(1)")
        .syntax("key index")
        .runs(Route::Keys, NotBuilt),
    row("argetrange", Group::Array, "8.8.0", 4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Read the elements between two indexes.",
            "O(N) for N elements in the range",
        )
        .syntax("key start end")
        .runs(Route::Keys, NotBuilt),
    row("argrep", Group::Array, "8.8.0", -6)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Find the elements of a range that match a text or pattern.",
            "O(N) for N elements in the range",
        )
        .syntax(
            "key start end <EXACT string|MATCH string|GLOB pattern|RE pattern> [<EXACT \
             string|MATCH string|GLOB pattern|RE pattern> ...] [AND|OR|LIMIT \
             limit|WITHVALUES|NOCASE [AND|OR|LIMIT limit|WITHVALUES|NOCASE ...]]",
        )
        .runs(Route::Keys, NotBuilt),
    row("arinfo", Group::Array, "8.8.0", -2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Describe the layout and memory of an array.",
            "O(1), O(N) with FULL for N chunks",
        )
        .syntax("key [FULL]")
        .runs(Route::Keys, NotBuilt),
    row("arinsert", Group::Array, "8.8.0", -3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Redis)
        .docs(
            "Store values at the array's insert position and move it on.",
            "O(N) for N values",
        )
        .syntax("key value [value ...]")
        .runs(Route::Keys, NotBuilt),
    row("arlastitems", Group::Array, "8.8.0", -3)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Read the elements inserted last.",
            "O(N) for N elements asked for",
        )
        .syntax("key count [REV]")
        .runs(Route::Keys, NotBuilt),
    row("arlen", Group::Array, "8.8.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs("Tell the highest used index of an array, plus one.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, NotBuilt),
    row("armget", Group::Array, "8.8.0", -3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Read the elements at several indexes.",
            "O(N) for N indexes",
        )
        .syntax("key index [index ...]")
        .runs(Route::Keys, NotBuilt),
    row("armset", Group::Array, "8.8.0", -4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Redis)
        .docs("Store values at several indexes.", "O(N) for N values")
        .syntax("key index value [index value ...]")
        .runs(Route::Keys, NotBuilt),
    row("arnext", Group::Array, "8.8.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs("Tell where the next insert would go.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, NotBuilt),
    row("arop", Group::Array, "8.8.0", -5)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Fold the elements of a range into one result.",
            "O(N) for N elements in the range",
        )
        .syntax("key start end <SUM|MIN|MAX|AND|OR|XOR|MATCH value|USED>")
        .runs(Route::Keys, NotBuilt),
    row("arring", Group::Array, "8.8.0", -4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Redis)
        .docs(
            "Insert values into an array used as a ring of fixed size.",
            "O(N) for N values",
        )
        .syntax("key size value [value ...]")
        .runs(Route::Keys, NotBuilt),
    row("arscan", Group::Array, "8.8.0", -4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Read the used elements of a range with their indexes.",
            "O(N) for N elements looked at",
        )
        .syntax("key start end [LIMIT limit]")
        .runs(Route::Keys, NotBuilt),
    row("arseek", Group::Array, "8.8.0", 3)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Redis)
        .docs("Move the insert position of an array.", "O(1)")
        .syntax("key index")
        .runs(Route::Keys, NotBuilt),
    row("arset", Group::Array, "8.8.0", -4)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, UPDATE])])
        .newer(Project::Redis)
        .docs("Store values from an index on.", "O(N) for N values")
        .syntax("key index value [value ...]")
        .runs(Route::Keys, NotBuilt),
];
