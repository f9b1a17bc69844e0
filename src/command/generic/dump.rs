//! DUMP, RESTORE: values as bytes that another server understands. The format is `persist`'s.

use super::Result;
use super::keys::syntax;
use crate::base::{I64Buf, Millis, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::command::{hash, list, set, sorted_set};
use crate::config::{Config, KeyspaceEvents};
use crate::keyspace::Detached;
use crate::persist::{self, DumpError, ValueLimits};
use crate::resp::{Args, CommandError};

/// Replies the payload of a value, null without a value.
pub fn dump(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let compress = cx.config.rdbcompression;
    match cx.db.get(args.arg(1)) {
        None => cx.reply.null(),
        Some(value) => {
            let payload = persist::dump(value, compress);
            cx.reply.bulk(&payload);
        }
    }
    Ok(Flow::Done)
}

/// Creates a key from a payload. One that would be expired already is not created, which is no error.
pub fn restore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = RestoreOptions::parse(args.from(4))?;
    let key = args.arg(1);
    if !options.replace && cx.db.find(key).is_some() {
        return Err(CommandError::BUSY_KEY);
    }
    let ttl = parse_ttl(args.arg(2))?;
    let limits = limits(cx.config);
    let checks = !cx.scripts.shared.disk.skips_checksums();
    let value = persist::restore_as_told(args.arg(3), &limits, checks);
    let value = value.map_err(|error| match error {
        DumpError::Footer => CommandError::RESTORE_PAYLOAD,
        DumpError::Body(what) => {
            tracing::debug!("A payload to be restored is damaged: {what}.");
            CommandError::RESTORE_FORMAT
        }
    })?;
    let expire = expire_time(ttl, options.is_absolute, cx.now);
    if expire.is_some_and(|at| at <= cx.now) && cx.db.removes_expired() {
        if cx.db.remove(key) {
            cx.dirty += 1;
            cx.propagate(&[b"DEL", key]);
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        }
    } else {
        let access = None;
        cx.db.insert(
            key,
            Detached {
                value,
                expire,
                access,
            },
        );
        match options.usage {
            Some(Usage::IdleSecs(idle)) if !cx.db.keeps_frequency() => cx.db.set_idle(key, idle),
            Some(Usage::Frequency(often)) if cx.db.keeps_frequency() => {
                cx.db.set_frequency(key, often)
            }
            _ => true,
        };
        cx.dirty += 1;
        if let Some(at) = expire.filter(|_| cx.propagates() && !options.is_absolute) {
            let at = I64Buf::new(at.0);
            let mut words: Vec<&[u8]> = vec![b"RESTORE", key, at.as_bytes(), args.arg(3)];
            words.extend(args.from(4));
            words.push(b"ABSTTL");
            cx.propagate(&words);
        }
        cx.notify(KeyspaceEvents::GENERIC, "restore", key);
    }
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Up to where restored values are kept compact.
pub fn limits(config: &Config) -> ValueLimits {
    ValueLimits {
        hash: hash::limits(config),
        list: list::limits(config),
        set: set::limits(config),
        zset: sorted_set::limits(config),
    }
}

#[derive(Default)]
struct RestoreOptions {
    replace: bool,
    is_absolute: bool,
    usage: Option<Usage>,
}

/// What is known of a key's use: one or the other.
enum Usage {
    IdleSecs(u64),
    Frequency(u8),
}

impl RestoreOptions {
    fn parse(args: Args<'_>) -> std::result::Result<RestoreOptions, CommandError> {
        let mut options = RestoreOptions::default();
        let mut at = 0;
        while at < args.len() {
            let value = args.get(at + 1);
            if args.is(at, "REPLACE") {
                options.replace = true;
            } else if args.is(at, "ABSTTL") {
                options.is_absolute = true;
            } else if args.is(at, "IDLETIME")
                && let Some(value) = value
                && !matches!(options.usage, Some(Usage::Frequency(_)))
            {
                let idle = parse_i64(value).ok_or(CommandError::NOT_INTEGER)?;
                let idle = u64::try_from(idle).map_err(|_| CommandError::RESTORE_IDLETIME)?;
                options.usage = Some(Usage::IdleSecs(idle));
                at += 1;
            } else if args.is(at, "FREQ")
                && let Some(value) = value
                && !matches!(options.usage, Some(Usage::IdleSecs(_)))
            {
                let often = parse_i64(value).ok_or(CommandError::NOT_INTEGER)?;
                let often = u8::try_from(often).map_err(|_| CommandError::RESTORE_FREQ)?;
                options.usage = Some(Usage::Frequency(often));
                at += 1;
            } else {
                return syntax();
            }
            at += 1;
        }
        Ok(options)
    }
}

fn parse_ttl(text: &[u8]) -> std::result::Result<i64, CommandError> {
    match parse_i64(text).ok_or(CommandError::NOT_INTEGER)? {
        ..0 => Err(CommandError::RESTORE_TTL),
        ttl => Ok(ttl),
    }
}

/// The expiry time; `None` for 0. One that is too far away to be told has passed, as in Redis, where the sum wraps.
fn expire_time(ttl: i64, is_absolute: bool, now: Millis) -> Option<Millis> {
    match ttl {
        0 => None,
        at if is_absolute => Some(Millis(at)),
        ttl => Some(Millis(now.0.wrapping_add(ttl).max(1))),
    }
}

#[cfg(test)]
mod tests {
    use crate::base::Rng;
    use crate::command::testing::{Bench, check};
    use crate::keyspace::AccessClock;
    use crate::resp::OwnedArgs;

    /// Values and what redis-server 7.0.15 dumps of them.
    const FOREIGN: &[(&str, &str)] = &[
        ("", "00000a005d9b5c400f7fa2da"),
        ("hello", "000568656c6c6f0a006372df766534200a"),
        ("12", "00c00c0a003c2af8515c04bcd5"),
        ("-300", "00c1d4fe0a00c6c48623febede2e"),
        ("1234567", "00c287d612000a00e93e1e362b3b7c5e"),
        (
            "12345678901",
            "000b31323334353637383930310a00304e52d727176510",
        ),
        ("0012", "0004303031320a00cb37f60bcb11085d"),
        (
            "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc\
             abcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabcabc",
            "00c30b40b40361626361e0a5020162630a002b5b6bac6c26c36d",
        ),
        (
            "The quick brown fox jumps over the lazy dog. The quick brown fox jumps again.",
            "00c33b404d1f54686520717569636b2062726f776e20666f78206a756d7073206f7665722074201e0a6c617a79\
             20646f672e2054200de00d2c05616761696e2e0a00baa876f570ebba07",
        ),
    ];

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().map(|c| c.to_digit(16).unwrap()).collect();
        digits
            .chunks(2)
            .map(|pair| (pair[0] << 4 | pair[1]) as u8)
            .collect()
    }

    fn run(bench: &mut Bench, args: &[&[u8]]) -> Vec<u8> {
        bench.run(&args.iter().collect::<OwnedArgs>())
    }

    fn bulk(text: &[u8]) -> Vec<u8> {
        [format!("${}\r\n", text.len()).as_bytes(), text, b"\r\n"].concat()
    }

    #[test]
    fn payloads_of_other_servers_are_restored() {
        for shards in [1, 4] {
            let mut bench = Bench::new(shards);
            for (text, payload) in FOREIGN {
                let payload = unhex(payload);
                let reply = run(&mut bench, &[b"RESTORE", b"k", b"0", &payload, b"REPLACE"]);
                assert_eq!(reply, b"+OK\r\n", "{text}");
                assert_eq!(run(&mut bench, &[b"GET", b"k"]), bulk(text.as_bytes()));
            }
        }
    }

    #[test]
    fn our_own_payloads_are_restored() {
        let mut bench = Bench::new(4);
        let mut rng = Rng::new(1);
        for len in [0, 1, 20, 21, 63, 64, 1000, 16_383, 16_384, 100_000] {
            for symbols in [1, 10, 256] {
                let text: Vec<u8> = (0..len)
                    .map(|_| b'0'.wrapping_add(rng.below(symbols) as u8))
                    .collect();
                run(&mut bench, &[b"SET", b"k", &text]);
                let reply = run(&mut bench, &[b"DUMP", b"k"]);
                let start = reply.iter().position(|byte| *byte == b'\n').unwrap() + 1;
                let payload = &reply[start..reply.len() - 2];
                let reply = run(&mut bench, &[b"RESTORE", b"l", b"0", payload, b"replace"]);
                assert_eq!(reply, b"+OK\r\n");
                assert_eq!(run(&mut bench, &[b"GET", b"l"]), bulk(&text));
                for key in [&b"k"[..], b"l"] {
                    let encoding = run(&mut bench, &[b"OBJECT", b"ENCODING", key]);
                    assert_eq!(encoding, run(&mut bench, &[b"OBJECT", b"ENCODING", b"k"]));
                }
            }
        }
        check("DUMP nope => nil");
    }

    const HELLO: &str = r#""\x00\x05hello\x0a\x00\x63\x72\xdf\x76\x65\x34\x20\x0a""#;

    #[test]
    fn restore_checks_its_arguments_in_order() {
        check(&format!(
            r#"
            RESTORE k 0 {HELLO} => OK
            GET k => hello
            RESTORE k 0 {HELLO} => BUSYKEY Target key name already exists.
            RESTORE k -1 bad => BUSYKEY Target key name already exists.
            RESTORE n -1 bad => ERR Invalid TTL value, must be >= 0
            RESTORE n 9223372036854775807 bad => ERR DUMP payload version or checksum are wrong
            RESTORE n x bad => ERR value is not an integer or out of range
            RESTORE n 0 bad => ERR DUMP payload version or checksum are wrong
            RESTORE n 0 {HELLO} FOO => ERR syntax error
            RESTORE n 0 {HELLO} IDLETIME => ERR syntax error
            RESTORE n 0 {HELLO} IDLETIME x => ERR value is not an integer or out of range
            RESTORE n 0 {HELLO} IDLETIME -1 => ERR Invalid IDLETIME value, must be >= 0
            RESTORE n 0 {HELLO} FREQ 256 => ERR Invalid FREQ value, must be >= 0 and <= 255
            RESTORE n 0 {HELLO} FREQ -1 => ERR Invalid FREQ value, must be >= 0 and <= 255
            RESTORE n 0 {HELLO} FREQ 1 IDLETIME 1 => ERR syntax error
            RESTORE n 0 {HELLO} IDLETIME 1 FREQ 1 => ERR syntax error
            RESTORE n 9223372036854775807 {HELLO} => OK
            EXISTS n => 0
            RESTORE n 0 => ERR wrong number of arguments for 'restore' command
            @len => 1
            "#
        ));
    }

    #[test]
    fn restored_keys_may_end_and_may_have_been_idle() {
        check(&format!(
            r#"
            RESTORE k 5000 {HELLO} IDLETIME 77 => OK
            PTTL k => 5000
            OBJECT IDLETIME k => 77
            RESTORE k 1700000009000 {HELLO} ABSTTL REPLACE => OK
            PTTL k => 9000
            OBJECT IDLETIME k => 0
            RESTORE n 1 {HELLO} ABSTTL => OK
            EXISTS n => 0
            @dirty => 2
            RESTORE k 1700000000000 {HELLO} ABSTTL REPLACE FREQ 9 => OK
            EXISTS k => 0
            @dirty => 1
            "#
        ));
        let mut bench = Bench::new(1);
        bench.set_access_clock(AccessClock::Lfu {
            log_factor: 10,
            decay_minutes: 1,
        });
        bench.check(&format!(
            "RESTORE k 0 {HELLO} FREQ 200 => OK\nOBJECT FREQ k => 200"
        ));
    }

    #[test]
    fn a_damaged_payload_changes_nothing() {
        let mut rng = Rng::new(42);
        for shards in [1, 4] {
            let mut bench = Bench::new(shards);
            run(&mut bench, &[b"SET", b"k", b"old"]);
            for _ in 0..2000 {
                let mut payload = unhex(FOREIGN[rng.index(FOREIGN.len())].1);
                for _ in 0..rng.index(3) + 1 {
                    let bit = rng.index(payload.len() * 8);
                    payload[bit / 8] ^= 1 << (bit % 8);
                }
                if FOREIGN.iter().any(|(_, whole)| unhex(whole) == payload) {
                    continue;
                }
                for key in [&b"k"[..], b"n"] {
                    let reply = run(&mut bench, &[b"RESTORE", key, b"0", &payload, b"REPLACE"]);
                    assert_eq!(reply[0], b'-', "{}", payload.escape_ascii());
                }
            }
            bench.check("GET k => old\n@len => 1\n@dirty => 1");
        }
    }
}
