//! Rows: strings.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("append", Group::String, "2.0.0", 3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, INSERT])])
        .docs("Add bytes at the end of a string.", "O(1) amortised")
        .syntax("key value")
        .runs(Route::Keys, Store(super::super::string::append)),
    row("decr", Group::String, "1.0.0", 2)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Take one from an integer.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::string::decr)),
    row("decrby", Group::String, "1.0.0", 3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Take a number from an integer.", "O(1)")
        .syntax("key decrement")
        .runs(Route::Keys, Store(super::super::string::decrby)),
    row("delex", Group::String, "8.4.0", -2)
        .flags(&[WRITE, FAST])
        .keys(
            &[at(1, &[RW, DELETE, VARIABLE_FLAGS]).notes("reads the value only with a condition")],
        )
        .own_keys(keys::delex)
        .newer(Project::Redis)
        .docs(
            "Delete a key if its value meets a condition.",
            "O(1), O(N) for digests of N bytes",
        )
        .syntax(
            "key [IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE \
             ifdne-digest]",
        )
        .runs(Route::Keys, Store(super::super::string::delex)),
    row("delifeq", Group::String, "9.0.0", 3)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RM, DELETE])])
        .newer(Project::Valkey)
        .docs("Delete a key if it has the given value.", "O(1)")
        .syntax("key value")
        .runs(Route::Keys, Store(super::super::string::delifeq)),
    row("digest", Group::String, "8.4.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .newer(Project::Redis)
        .docs(
            "Compute the hash of a string that IFDEQ compares with.",
            "O(N) for N bytes",
        )
        .syntax("key")
        .runs(Route::Keys, Store(super::super::string::digest)),
    row("get", Group::String, "1.0.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Read a string.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::string::get)),
    row("getdel", Group::String, "6.2.0", 2)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, DELETE])])
        .docs("Read a string and delete the key.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::string::getdel)),
    row("getex", Group::String, "6.2.0", -2)
        .flags(&[WRITE, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE]).notes("the expiry may change")])
        .docs("Read a string and set or remove its expiry.", "O(1)")
        .syntax(
            "key [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
             unix-time-milliseconds|PERSIST]",
        )
        .runs(Route::Keys, Store(super::super::string::getex)),
    row("getrange", Group::String, "2.4.0", 4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Read a part of a string.", "O(N) for N bytes returned")
        .syntax("key start end")
        .runs(Route::Keys, Store(super::super::string::getrange)),
    row("getset", Group::String, "1.0.0", 3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .deprecated("6.2.0", "SET with GET")
        .docs("Replace a string and reply the old one.", "O(1)")
        .syntax("key value")
        .runs(Route::Keys, Store(super::super::string::getset)),
    row("incr", Group::String, "1.0.0", 2)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Add one to an integer.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::string::incr)),
    row("incrby", Group::String, "1.0.0", 3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Add a number to an integer.", "O(1)")
        .syntax("key increment")
        .runs(Route::Keys, Store(super::super::string::incrby)),
    row("incrbyfloat", Group::String, "2.6.0", 3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Add a floating point number to a number.", "O(1)")
        .syntax("key increment:double")
        .runs(Route::Keys, Store(super::super::string::incrbyfloat)),
    row("increx", Group::String, "8.8.0", -2)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .newer(Project::Redis)
        .docs("Add to a number within bounds, and set its expiry.", "O(1)")
        .syntax(
            "key [BYFLOAT float|BYINT integer] [SATURATE] [LBOUND lowerbound] [UBOUND \
             upperbound] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
             unix-time-milliseconds|PERSIST] [ENX]",
        )
        .runs(Route::Keys, Store(super::super::string::increx)),
    row("lcs", Group::String, "7.0.0", -3)
        .flags(&[READONLY])
        .keys(&[range(1, 1, 1, &[RO, ACCESS])])
        .docs(
            "Find the longest common subsequence of two strings.",
            "O(N * M) for strings of N and M bytes",
        )
        .syntax("key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]")
        .runs(Route::Keys, Store(super::super::string::lcs)),
    row("mget", Group::String, "1.0.0", -2)
        .flags(&[READONLY, FAST])
        .keys(&[range(1, -1, 1, &[RO, ACCESS])])
        .tips(&["request_policy:multi_shard"])
        .docs("Read several strings.", "O(N) for N keys")
        .syntax("key [key ...]")
        .runs(Route::Split(Interleave), Store(super::super::string::mget)),
    row("mset", Group::String, "1.0.1", -3)
        .flags(&[WRITE, DENYOOM])
        .keys(&[range(1, -1, 2, &[OW, UPDATE])])
        .tips(&[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ])
        .docs("Write several strings.", "O(N) for N keys")
        .syntax("key value [key value ...]")
        .runs(Route::Split(FirstOk), Store(super::super::string::mset)),
    row("msetex", Group::String, "8.4.0", -4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[counted(1, 2, &[OW, UPDATE])])
        .tips(&[
            "request_policy:multi_shard",
            "response_policy:all_succeeded",
        ])
        .newer(Project::Both)
        .docs(
            "Write several strings with one condition and expiry.",
            "O(N) for N keys",
        )
        .syntax(
            "numkeys key value [key value ...] [NX|XX] [EX seconds|PX \
             milliseconds|EXAT unix-time-seconds|PXAT unix-time-milliseconds|KEEPTTL]",
        )
        .runs(Route::Keys, Store(super::super::string::msetex)),
    row("msetnx", Group::String, "1.0.1", -3)
        .flags(&[WRITE, DENYOOM])
        .keys(&[range(1, -1, 2, &[OW, INSERT])])
        .docs(
            "Write several strings if none of the keys is there.",
            "O(N) for N keys",
        )
        .syntax("key value [key value ...]")
        .runs(Route::Vote(FirstOk), Store(super::super::string::msetnx)),
    row("psetex", Group::String, "2.6.0", 4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE])])
        .deprecated("2.6.12", "SET with PX")
        .docs("Write a string that lives for some milliseconds.", "O(1)")
        .syntax("key milliseconds value")
        .runs(Route::Keys, Store(super::super::string::psetex)),
    row("set", Group::String, "1.0.0", -3)
        .flags(&[WRITE, DENYOOM])
        .keys(&[
            at(1, &[RW, ACCESS, UPDATE, VARIABLE_FLAGS]).notes("reads the old value only with GET")
        ])
        .own_keys(keys::set)
        .docs("Write a string, replacing a value of any type.", "O(1)")
        .syntax(
            "key value [NX|XX|IFEQ ifeq-value|IFNE ifne-value|IFDEQ ifdeq-digest|IFDNE \
             ifdne-digest] [GET] [EX seconds|PX milliseconds|EXAT unix-time-seconds|PXAT \
             unix-time-milliseconds|KEEPTTL]",
        )
        .runs(Route::Keys, Store(super::super::string::set)),
    row("setex", Group::String, "2.0.0", 4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[OW, UPDATE])])
        .deprecated("2.6.12", "SET with EX")
        .docs("Write a string that lives for some seconds.", "O(1)")
        .syntax("key seconds value")
        .runs(Route::Keys, Store(super::super::string::setex)),
    row("setnx", Group::String, "1.0.0", 3)
        .flags(&[WRITE, DENYOOM, FAST])
        .keys(&[at(1, &[OW, INSERT])])
        .deprecated("2.6.12", "SET with NX")
        .docs("Write a string unless the key is there.", "O(1)")
        .syntax("key value")
        .runs(Route::Keys, Store(super::super::string::setnx)),
    row("setrange", Group::String, "2.2.0", 4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, UPDATE])])
        .docs("Overwrite a part of a string.", "O(N) for N bytes written")
        .syntax("key offset value")
        .runs(Route::Keys, Store(super::super::string::setrange)),
    row("strlen", Group::String, "2.2.0", 2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO])])
        .docs("Tell how long a string is.", "O(1)")
        .syntax("key")
        .runs(Route::Keys, Store(super::super::string::strlen)),
    row("substr", Group::String, "1.0.0", 4)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .deprecated("2.0.0", "GETRANGE")
        .docs("Old name of GETRANGE.", "O(N) for N bytes returned")
        .syntax("key start end")
        .runs(Route::Keys, Store(super::super::string::getrange)),
];
