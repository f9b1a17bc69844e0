//! OBJECT: how a value is stored, and how it was used. Looking does not count as using.

use super::Result;
use crate::command::ctx::{Ctx, Flow, HomeCtx};
use crate::command::introspect::reply_help;
use crate::config::Config;
use crate::keyspace::{StrRef, ValueRef};
use crate::resp::{Args, CommandError};

/// Replies the name of the encoding.
pub fn encoding(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(2);
    if !cx.db.exists_quietly(key) {
        return absent(cx);
    }
    let name = cx.db.encoding_name(key).unwrap_or_default();
    cx.reply.bulk_str(name);
    Ok(Flow::Done)
}

/// Replies the LFU counter.
pub fn freq(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(2);
    if !cx.db.exists_quietly(key) {
        return absent(cx);
    }
    if !cx.db.keeps_frequency() {
        return Err(CommandError::OBJECT_NO_FREQ);
    }
    let frequency = cx.db.frequency(key).unwrap_or_default();
    cx.reply.integer(i64::from(frequency));
    Ok(Flow::Done)
}

/// Replies the seconds since the last access.
pub fn idletime(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(2);
    if !cx.db.exists_quietly(key) {
        return absent(cx);
    }
    if cx.db.keeps_frequency() {
        return Err(CommandError::OBJECT_NO_IDLETIME);
    }
    let idle_secs = cx.db.idle_secs(key).unwrap_or_default();
    cx.reply.integer(idle_secs as i64);
    Ok(Flow::Done)
}

/// Replies the number of references.
pub fn refcount(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(2);
    if !cx.db.exists_quietly(key) {
        return absent(cx);
    }
    let references = cx
        .db
        .peek(key)
        .map_or(1, |value| references(value, cx.config));
    cx.reply.integer(references);
    Ok(Flow::Done)
}

/// References to a value as Redis would tell them: it shares the small integers for ever, unless each has to remember its
/// own use, and nothing else. Here nothing needs to be shared, as integers live in their entries.
pub(in crate::command) fn references(value: ValueRef<'_>, config: &Config) -> i64 {
    let shares = config.maxmemory == 0 || !config.maxmemory_policy.is_by_use();
    match value {
        ValueRef::Str(StrRef::Int(0..SHARED_INTEGERS_END)) if shares => i64::from(i32::MAX),
        _ => 1,
    }
}

/// Explains the subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help("OBJECT", HELP, &mut cx.reply);
    Ok(Flow::Done)
}

const HELP: &[&str] = &[
    "ENCODING <key>",
    "    Tell how the value of a key is stored.",
    "FREQ <key>",
    "    Tell how often a key is used, on a logarithmic scale from 0 to 255. Needs an LFU policy.",
    "IDLETIME <key>",
    "    Tell for how many seconds a key was not used. Needs a policy other than LFU.",
    "REFCOUNT <key>",
    "    Tell how many references there are to the value of a key.",
];

/// Integers below this one, from 0 on, count as shared.
const SHARED_INTEGERS_END: i64 = 10_000;

fn absent(cx: &mut Ctx<'_>) -> Result {
    cx.reply.null();
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use crate::command::testing::{Bench, check};
    use crate::keyspace::AccessClock;

    #[test]
    fn encodings_and_references() {
        check(
            r#"
            MSET int 123 str abc big 10000 neg -1
            OBJECT ENCODING int => int
            OBJECT encoding str => embstr
            SET str aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee
            OBJECT ENCODING str => raw
            APPEND int 4 => 4
            OBJECT ENCODING int => raw
            OBJECT ENCODING nope => nil
            SET int 9999
            OBJECT REFCOUNT int => 2147483647
            OBJECT REFCOUNT big => 1
            OBJECT REFCOUNT neg => 1
            OBJECT REFCOUNT str => 1
            OBJECT REFCOUNT nope => nil
            OBJECT ENCODING => ERR wrong number of arguments for 'object|encoding' command
            "#,
        );
    }

    #[test]
    fn idle_time_is_kept_unless_frequency_is() {
        check(
            r#"
            SET a 1
            @wait 7000
            OBJECT IDLETIME a => 7
            OBJECT IDLETIME a => 7
            OBJECT FREQ a => ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
            OBJECT IDLETIME nope => nil
            OBJECT FREQ nope => nil
            TOUCH a => 1
            OBJECT IDLETIME a => 0
            "#,
        );
        let mut bench = Bench::new(1);
        bench.set_access_clock(AccessClock::Lfu {
            log_factor: 10,
            decay_minutes: 1,
        });
        bench.check(
            r#"
            SET a 1
            OBJECT FREQ a => 5
            OBJECT IDLETIME a => ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.
            "#,
        );
    }

    #[test]
    fn a_command_uses_a_key_as_often_as_in_redis() {
        for (commands, frequency) in [
            ("GET k", 6),
            ("MGET k k", 7),
            ("SET k 2", 6),
            ("SET k 2 XX", 6),
            ("SET k 2 GET", 7),
            ("INCR k", 6),
            ("INCRBYFLOAT k 1", 6),
            ("BITFIELD k SET u4 0 1", 6),
            ("EXISTS k", 5),
            ("TTL k", 5),
            ("TOUCH k k", 7),
            ("COPY k k2; COPY k2 k REPLACE", 5),
            ("DEL k; RPUSH k a b c; LPUSHX k x", 6),
            ("DEL k; RPUSH k a b c; LSET k 0 x", 6),
            ("DEL k; RPUSH k a b c; LMOVE k k LEFT RIGHT", 7),
            ("DEL k; RPUSH k a b c; LMOVE k other LEFT RIGHT", 6),
            ("DEL k; RPUSH k a b c; BLPOP k 0", 6),
            ("DEL k; RPUSH k a b c; LMPOP 2 nope k LEFT", 6),
            ("DEL k; SADD k a b; SMOVE k other a", 6),
            ("DEL k; SADD k a b; SMOVE k other c", 6),
            ("DEL k; ZADD k 1 a; ZUNION 1 k", 6),
            ("DEL k; ZADD k 1 a; ZDIFF 2 k nope", 6),
            ("DEL k; XADD k 1-1 a b; XGROUP CREATE k g 0", 6),
        ] {
            let mut bench = Bench::new(1);
            bench.set_access_clock(AccessClock::Lfu {
                log_factor: 0,
                decay_minutes: 1,
            });
            bench.check(&format!(
                "SET k 1; {commands}; OBJECT FREQ k => {frequency}"
            ));
        }
    }
}
