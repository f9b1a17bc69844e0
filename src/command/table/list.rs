//! Rows: lists.

use super::prelude::*;
use crate::command::list;

pub(super) const ROWS: &[Row] = &[
    row("blmove", Group::List, "6.2.0", 6)
        .flags(&[WRITE, DENYOOM, BLOCKING])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[RW, INSERT])])
        .docs(
            "Move an element between lists, waiting until there is one.",
            "O(1)",
        )
        .syntax("source destination <LEFT|RIGHT> <LEFT|RIGHT> timeout")
        .runs(Route::Keys, Store(list::blmove)),
    row("blmovem", Group::List, "8.10.0", -6)
        .flags(&[WRITE, DENYOOM, BLOCKING])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[RW, INSERT])])
        .newer(Project::Redis)
        .docs(
            "Move several elements between lists, waiting until there are some.",
            "O(N) for N elements moved",
        )
        .syntax(
            "source destination <LEFT|RIGHT> <LEFT|RIGHT> timeout [<COUNT \
             count|EXACTLY exactly> <OBO|BULK>]",
        )
        .runs(Route::Keys, Store(list::blmovem)),
    row("blmpop", Group::List, "7.0.0", -5)
        .flags(&[WRITE, BLOCKING])
        .keys(&[counted(2, 1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take elements from the first list that has any, waiting if none has.",
            "O(N + M) for N keys and M elements taken",
        )
        .syntax("timeout numkeys key [key ...] <LEFT|RIGHT> [COUNT count]")
        .runs(Route::Keys, Store(list::blmpop)),
    row("blpop", Group::List, "2.0.0", -3)
        .flags(&[WRITE, BLOCKING])
        .keys(&[range(1, -2, 1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take the head of the first list that has one, waiting if none has.",
            "O(N) for N keys",
        )
        .syntax("key [key ...] timeout")
        .runs(Route::Keys, Store(list::blpop)),
    row("brpop", Group::List, "2.0.0", -3)
        .flags(&[WRITE, BLOCKING])
        .keys(&[range(1, -2, 1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take the tail of the first list that has one, waiting if none has.",
            "O(N) for N keys",
        )
        .syntax("key [key ...] timeout")
        .runs(Route::Keys, Store(list::brpop)),
    row("brpoplpush", Group::List, "2.2.0", 4)
        .flags(&[WRITE, DENYOOM, BLOCKING])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[RW, INSERT])])
        .deprecated("6.2.0", "BLMOVE with RIGHT and LEFT")
        .docs(
            "Move the tail of one list to the head of another, waiting until there is \
             one.",
            "O(1)",
        )
        .syntax("source destination timeout")
        .runs(Route::Keys, Store(list::brpoplpush)),
    row("lindex", Group::List, "1.0.0", 3)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Read the element at a position.",
            "O(N) for N elements passed on the way",
        )
        .syntax("key index")
        .runs(Route::Keys, Store(list::lindex)),
    row("linsert", Group::List, "2.2.0", 5)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, INSERT])])
        .docs(
            "Insert an element next to another.",
            "O(N) for N elements passed on the way",
        )
        .syntax("key <BEFORE|AFTER> pivot element")
        .runs(Route::Keys, Store(list::linsert)),
    row("llen", Group::List, "1.0.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Count the elements of a list.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(list::llen)),
    row("lmove", Group::List, "6.2.0", 5)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[RW, INSERT])])
        .docs(
            "Move an element from an end of one list to an end of another.",
            "O(1)",
        )
        .syntax("source destination <LEFT|RIGHT> <LEFT|RIGHT>")
        .runs(Route::Keys, Store(list::lmove)),
    row("lmovem", Group::List, "8.10.0", -5)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[RW, INSERT])])
        .newer(Project::Redis)
        .docs(
            "Move several elements from an end of one list to an end of another.",
            "O(N) for N elements moved",
        )
        .syntax(
            "source destination <LEFT|RIGHT> <LEFT|RIGHT> [<COUNT count|EXACTLY \
             exactly> <OBO|BULK>]",
        )
        .runs(Route::Keys, Store(list::lmovem)),
    row("lmpop", Group::List, "7.0.0", -4)
        .flags(&[WRITE])
        .keys(&[counted(1, 1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take elements from the first list that has any.",
            "O(N + M) for N keys and M elements taken",
        )
        .syntax("numkeys key [key ...] <LEFT|RIGHT> [COUNT count]")
        .runs(Route::Keys, Store(list::lmpop)),
    row("lpop", Group::List, "1.0.0", -2)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take elements from the head of a list.",
            "O(N) for N elements taken",
        )
        .syntax("key [count]")
        .runs(Route::Keys, Store(list::lpop)),
    row("lpos", Group::List, "6.0.6", -3)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Find where elements are in a list.",
            "O(N) for N elements compared",
        )
        .syntax("key element [RANK rank] [COUNT num-matches] [MAXLEN len]")
        .runs(Route::Keys, Store(list::lpos)),
    row("lpush", Group::List, "1.0.0", -3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, INSERT])])
        .docs("Add elements at the head of a list.", "O(N) for N elements")
        .syntax("key element [element ...]")
        .runs(Route::Keys, Store(list::lpush)),
    row("lpushx", Group::List, "2.2.0", -3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, INSERT])])
        .docs(
            "Add elements at the head of a list that is already there.",
            "O(N) for N elements",
        )
        .syntax("key element [element ...]")
        .runs(Route::Keys, Store(list::lpushx)),
    row("lrange", Group::List, "1.0.0", 4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Read a part of a list.",
            "O(S + N) for S elements to the start and N read",
        )
        .syntax("key start stop")
        .runs(Route::Keys, Store(list::lrange)),
    row("lrem", Group::List, "1.0.0", 4)
        .flags(&[WRITE])
        .keys(&[at(1, &[RW, DELETE])])
        .docs(
            "Remove equal elements from a list.",
            "O(N + M) for N elements in the list and M removed",
        )
        .syntax("key count element")
        .runs(Route::Keys, Store(list::lrem)),
    row("lset", Group::List, "1.0.0", 4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs(
            "Replace the element at a position.",
            "O(N) for N elements passed on the way",
        )
        .syntax("key index element")
        .runs(Route::Keys, Store(list::lset)),
    row("ltrim", Group::List, "1.0.0", 4)
        .flags(&[WRITE])
        .keys(&[at(1, &[RW, DELETE])])
        .docs("Keep only a part of a list.", "O(N) for N elements removed")
        .syntax("key start stop")
        .runs(Route::Keys, Store(list::ltrim)),
    row("rpop", Group::List, "1.0.0", -2)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, DELETE])])
        .docs(
            "Take elements from the tail of a list.",
            "O(N) for N elements taken",
        )
        .syntax("key [count]")
        .runs(Route::Keys, Store(list::rpop)),
    row("rpoplpush", Group::List, "1.2.0", 3)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, ACCESS, DELETE]), at(2, &[RW, INSERT])])
        .deprecated("6.2.0", "LMOVE with RIGHT and LEFT")
        .docs("Move the tail of one list to the head of another.", "O(1)")
        .syntax("source destination")
        .runs(Route::Keys, Store(list::rpoplpush)),
    row("rpush", Group::List, "1.0.0", -3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, INSERT])])
        .docs("Add elements at the tail of a list.", "O(N) for N elements")
        .syntax("key element [element ...]")
        .runs(Route::Keys, Store(list::rpush)),
    row("rpushx", Group::List, "2.2.0", -3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, INSERT])])
        .docs(
            "Add elements at the tail of a list that is already there.",
            "O(N) for N elements",
        )
        .syntax("key element [element ...]")
        .runs(Route::Keys, Store(list::rpushx)),
];
