//! What has been added to commands since they first came, as COMMAND DOCS tells it.
//!
//! Apart from the rows: nothing depends on it, and few commands have any.

/// A version, and what it brought.
type Change = (&'static str, &'static str);

/// The changes of a command, oldest first.
pub(super) fn of(name: &str) -> &'static [Change] {
    match HISTORY.binary_search_by_key(&name, |(known, _)| known) {
        Ok(at) => HISTORY[at].1,
        Err(_) => &[],
    }
}

/// By name.
const HISTORY: &[(&str, &[Change])] = &[
    (
        "acl|getuser",
        &[
            ("6.2.0", "Tells channel patterns."),
            (
                "7.0.0",
                "Tells selectors; keys and channels are texts, not lists.",
            ),
        ],
    ),
    (
        "acl|log",
        &[(
            "7.2.0",
            "Entries have a number and the times when they were made and changed.",
        )],
    ),
    (
        "acl|setuser",
        &[
            ("6.2.0", "Channel patterns."),
            ("7.0.0", "Selectors, and rights to read or to write keys."),
        ],
    ),
    ("auth", &[("6.0.0", "With a user name.")]),
    ("bgsave", &[("3.2.2", "SCHEDULE.")]),
    ("bitcount", &[("7.0.0", "BYTE and BIT.")]),
    ("bitpos", &[("7.0.0", "BYTE and BIT.")]),
    ("blpop", &[("6.0.0", "The time-out may have fractions.")]),
    ("brpop", &[("6.0.0", "The time-out may have fractions.")]),
    (
        "brpoplpush",
        &[("6.0.0", "The time-out may have fractions.")],
    ),
    ("bzpopmax", &[("6.0.0", "The time-out may have fractions.")]),
    ("bzpopmin", &[("6.0.0", "The time-out may have fractions.")]),
    (
        "client|kill",
        &[
            ("2.8.12", "Filters by name."),
            ("2.8.12", "ID."),
            ("3.2.0", "TYPE master."),
            ("5.0.0", "TYPE replica, which slave is another word for."),
            ("6.2.0", "LADDR."),
        ],
    ),
    (
        "client|list",
        &[
            ("2.8.12", "Tells id."),
            ("5.0.0", "TYPE."),
            ("6.0.0", "Tells user."),
            ("6.2.0", "ID; tells argv-mem, tot-mem, laddr and redir."),
            ("7.0.0", "Tells resp, multi-mem, rbs and rbp."),
            ("7.0.3", "Tells ssub."),
        ],
    ),
    ("client|pause", &[("6.2.0", "WRITE and ALL.")]),
    ("cluster|meet", &[("4.0.0", "The port of the bus.")]),
    (
        "cluster|slots",
        &[
            ("4.0.0", "Tells the IDs of nodes."),
            ("7.0.0", "Tells more of the addresses of nodes."),
        ],
    ),
    (
        "command|info",
        &[("7.0.0", "All commands if none is named.")],
    ),
    ("config|get", &[("7.0.0", "Several patterns.")]),
    ("config|set", &[("7.0.0", "Several settings.")]),
    ("exists", &[("3.0.3", "Several keys.")]),
    ("expire", &[("7.0.0", "NX, XX, GT and LT.")]),
    ("expireat", &[("7.0.0", "NX, XX, GT and LT.")]),
    ("flushall", &[("4.0.0", "ASYNC."), ("6.2.0", "SYNC.")]),
    ("flushdb", &[("4.0.0", "ASYNC."), ("6.2.0", "SYNC.")]),
    ("geoadd", &[("6.2.0", "CH, NX and XX.")]),
    (
        "georadius",
        &[
            ("6.2.0", "COUNT with ANY."),
            ("7.0.0", "Units in capitals."),
        ],
    ),
    ("georadius_ro", &[("6.2.0", "COUNT with ANY.")]),
    ("georadiusbymember", &[("7.0.0", "Units in capitals.")]),
    ("geosearch", &[("7.0.0", "Units in capitals.")]),
    ("geosearchstore", &[("7.0.0", "Units in capitals.")]),
    ("hdel", &[("2.4.0", "Several fields.")]),
    ("hello", &[("6.2.0", "Without a version it only tells.")]),
    ("hset", &[("4.0.0", "Several fields.")]),
    ("info", &[("7.0.0", "Several sections.")]),
    ("lpop", &[("6.2.0", "How many.")]),
    ("lpush", &[("2.4.0", "Several elements.")]),
    ("lpushx", &[("4.0.0", "Several elements.")]),
    (
        "migrate",
        &[
            ("3.0.0", "COPY and REPLACE."),
            ("3.0.6", "KEYS."),
            ("4.0.7", "AUTH."),
            ("6.0.0", "AUTH2."),
        ],
    ),
    ("pexpire", &[("7.0.0", "NX, XX, GT and LT.")]),
    ("pexpireat", &[("7.0.0", "NX, XX, GT and LT.")]),
    ("pttl", &[("2.8.0", "-2 for an absent key.")]),
    ("renamenx", &[("3.2.0", "A key may be renamed to itself.")]),
    (
        "restore",
        &[
            ("3.0.0", "REPLACE."),
            ("5.0.0", "ABSTTL."),
            ("5.0.0", "IDLETIME and FREQ."),
        ],
    ),
    (
        "restore-asking",
        &[
            ("3.0.0", "REPLACE."),
            ("5.0.0", "ABSTTL."),
            ("5.0.0", "IDLETIME and FREQ."),
        ],
    ),
    ("rpop", &[("6.2.0", "How many.")]),
    ("rpush", &[("2.4.0", "Several elements.")]),
    ("rpushx", &[("4.0.0", "Several elements.")]),
    ("sadd", &[("2.4.0", "Several members.")]),
    ("scan", &[("6.0.0", "TYPE.")]),
    ("script|flush", &[("6.2.0", "ASYNC and SYNC.")]),
    ("sentinel|config", &[("7.2.0", "Several settings.")]),
    (
        "set",
        &[
            ("2.6.12", "EX, PX, NX and XX."),
            ("6.0.0", "KEEPTTL."),
            ("6.2.0", "GET, EXAT and PXAT."),
            ("7.0.0", "NX together with GET."),
        ],
    ),
    ("shutdown", &[("7.0.0", "NOW, FORCE and ABORT.")]),
    (
        "slowlog|get",
        &[("4.0.0", "Tells the client's address and name.")],
    ),
    ("spop", &[("3.2.0", "How many.")]),
    ("srandmember", &[("2.6.0", "How many.")]),
    ("srem", &[("2.4.0", "Several members.")]),
    ("ttl", &[("2.8.0", "-2 for an absent key.")]),
    (
        "xadd",
        &[
            ("6.2.0", "NOMKSTREAM, MINID and LIMIT."),
            ("7.0.0", "IDs of which only the milliseconds are given."),
        ],
    ),
    (
        "xautoclaim",
        &[("7.0.0", "Tells which entries were not there any more.")],
    ),
    ("xgroup|create", &[("7.0.0", "ENTRIESREAD.")]),
    ("xgroup|setid", &[("7.0.0", "ENTRIESREAD.")]),
    ("xinfo|consumers", &[("7.2.0", "Tells inactive.")]),
    ("xinfo|groups", &[("7.0.0", "Tells entries-read and lag.")]),
    (
        "xinfo|stream",
        &[
            ("6.0.0", "FULL."),
            (
                "7.0.0",
                "Tells max-deleted-entry-id, entries-added, recorded-first-entry-id, entries-read and lag.",
            ),
            (
                "7.2.0",
                "Tells active-time; seen-time is when the consumer last tried.",
            ),
        ],
    ),
    (
        "xpending",
        &[(
            "6.2.0",
            "IDLE, and ends of a range that are not part of it.",
        )],
    ),
    (
        "xrange",
        &[("6.2.0", "Ends that are not part of the range.")],
    ),
    (
        "xrevrange",
        &[("6.2.0", "Ends that are not part of the range.")],
    ),
    ("xsetid", &[("7.0.0", "ENTRIESADDED and MAXDELETEDID.")]),
    ("xtrim", &[("6.2.0", "MINID and LIMIT.")]),
    (
        "zadd",
        &[
            ("2.4.0", "Several members."),
            ("3.0.2", "XX, NX, CH and INCR."),
            ("6.2.0", "GT and LT."),
        ],
    ),
    ("zrange", &[("6.2.0", "REV, BYSCORE, BYLEX and LIMIT.")]),
    ("zrangebyscore", &[("2.0.0", "WITHSCORES.")]),
    ("zrank", &[("7.2.0", "WITHSCORE.")]),
    ("zrem", &[("2.4.0", "Several members.")]),
    (
        "zrevrangebyscore",
        &[("2.1.6", "Ends that are not part of the range.")],
    ),
    ("zrevrank", &[("7.2.0", "WITHSCORE.")]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order() {
        assert!(HISTORY.is_sorted_by_key(|(name, _)| *name));
        assert_eq!(of("exists"), [("3.0.3", "Several keys.")]);
        assert!(of("get").is_empty());
    }
}
