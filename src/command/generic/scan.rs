//! KEYS, SCAN, RANDOMKEY: walks over a database.

use super::Result;
use super::keys::syntax;
use crate::base::{glob_match, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::keyspace::Cursor;
use crate::resp::{Args, CommandError, Output, Reply};

/// Lists the keys that fit a pattern.
pub fn keys(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let pattern = Pattern::new(args.arg(1));
    let mark = cx.reply.mark();
    let mut count = 0;
    cx.db.for_each(|key, _| {
        if pattern.fits(key) {
            cx.reply.bulk(key);
            count += 1;
        }
    });
    cx.reply.set_array(mark, count);
    Ok(Flow::Done)
}

/// Lists some keys from a cursor on; replies where to go on, and the keys.
pub fn scan(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(args.arg(1)).ok_or(CommandError::INVALID_CURSOR)?;
    let options = ScanOptions::parse(args.from(2), Scanned::Keys)?;
    let mut list = Output::new();
    let mut keys = Reply::new(&mut list, cx.reply.proto);
    let mut found = 0;
    let next = cx.db.scan(Cursor(cursor), options.count, |key, value| {
        let has_type = options
            .type_name
            .is_none_or(|name| name.eq_ignore_ascii_case(value.type_name().as_bytes()));
        if has_type && options.pattern.fits(key) {
            keys.bulk(key);
            found += 1;
        }
    });
    cx.reply.array(2);
    cx.reply.bulk(next.0.to_string().as_bytes());
    cx.reply.array(found);
    cx.reply.append(&mut list);
    Ok(Flow::Done)
}

/// How many keys a call of SCAN asks for; what it is by itself where the call is wrong.
pub fn scan_count(args: Args<'_>) -> usize {
    match args.len() {
        0..=2 => COUNT_DEFAULT,
        _ => ScanOptions::parse(args.from(2), Scanned::Keys)
            .map_or(COUNT_DEFAULT, |options| options.count),
    }
}

/// Replies some key, null if there is none.
pub fn randomkey(cx: &mut Ctx<'_>, _: Args<'_>) -> Result {
    let key = cx.db.random_key(cx.rng);
    cx.reply.bulk_or_null(key.as_deref());
    Ok(Flow::Done)
}

/// What a walk goes over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::command) enum Scanned {
    /// SCAN.
    Keys,
    /// HSCAN.
    Fields,
    /// SSCAN.
    Elements,
    /// ZSCAN.
    Scores,
}

/// Options of SCAN and its kin. An unknown type is no error: no key has it.
pub(in crate::command) struct ScanOptions<'a> {
    /// MATCH.
    pub(in crate::command) pattern: Pattern<'a>,
    /// COUNT, at least 1.
    pub(in crate::command) count: usize,
    /// TYPE.
    type_name: Option<&'a [u8]>,
    /// NOVALUES, NOSCORES.
    pub(in crate::command) names_only: bool,
}

impl<'a> ScanOptions<'a> {
    pub(in crate::command) fn parse(
        args: Args<'a>,
        scanned: Scanned,
    ) -> std::result::Result<ScanOptions<'a>, CommandError> {
        let mut options = ScanOptions {
            pattern: Pattern(None),
            count: COUNT_DEFAULT,
            type_name: None,
            names_only: false,
        };
        let mut at = 0;
        while at < args.len() {
            if args.is(at, "NOVALUES") {
                if scanned != Scanned::Fields {
                    return Err(CommandError::SCAN_NOVALUES);
                }
                options.names_only = true;
                at += 1;
                continue;
            }
            if args.is(at, "NOSCORES") {
                if scanned != Scanned::Scores {
                    return Err(CommandError::SCAN_NOSCORES);
                }
                options.names_only = true;
                at += 1;
                continue;
            }
            let Some(value) = args.get(at + 1) else {
                return syntax();
            };
            if args.is(at, "COUNT") {
                let count = parse_i64(value).ok_or(CommandError::NOT_INTEGER)?;
                if count < 1 {
                    return syntax();
                }
                options.count = count as usize;
            } else if args.is(at, "MATCH") {
                options.pattern = Pattern::new(value);
            } else if args.is(at, "TYPE") && scanned == Scanned::Keys {
                options.type_name = Some(value);
            } else {
                return syntax();
            }
            at += 2;
        }
        Ok(options)
    }
}

/// A glob pattern; `None` for one that fits anything.
pub(in crate::command) struct Pattern<'a>(Option<&'a [u8]>);

impl<'a> Pattern<'a> {
    fn new(pattern: &'a [u8]) -> Pattern<'a> {
        Pattern((pattern != b"*").then_some(pattern))
    }

    pub(in crate::command) fn fits(&self, text: &[u8]) -> bool {
        self.0
            .is_none_or(|pattern| glob_match(pattern, text, false))
    }
}

/// A cursor as C's `strtoul` reads it, since clients may rely on it: digits after an optional sign, or nothing at all.
/// `-N` stands for a number so high that the walk is over.
pub(in crate::command) fn parse_cursor(text: &[u8]) -> Option<u64> {
    let digits = match text {
        [] => return Some(0),
        [b'+' | b'-', digits @ ..] => digits,
        digits => digits,
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })?;
    match text[0] {
        b'-' => Some(value.wrapping_neg()),
        _ => Some(value),
    }
}

const COUNT_DEFAULT: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::{Bench, check};

    #[test]
    fn keys_lists_what_fits() {
        check(
            r#"
            KEYS * => []
            MSET foo 1 fob 2 bar 3
            KEYS b* => [bar]
            KEYS ba[^r] => []
            KEYS [g => []
            KEYS fo[ob] ~> [fob, foo]
            KEYS * ~> [bar, fob, foo]
            PEXPIRE bar 10 => 1
            @wait 11
            KEYS b* => []
            "#,
        );
    }

    #[test]
    fn scan_checks_its_options() {
        check(
            r#"
            SCAN 0 => ["0", []]
            SCAN "" => ["0", []]
            SCAN x => ERR invalid cursor
            SCAN 1x => ERR invalid cursor
            SCAN 99999999999999999999 => ERR invalid cursor
            SCAN x FOO => ERR invalid cursor
            SCAN 0 FOO => ERR syntax error
            SCAN 0 MATCH => ERR syntax error
            SCAN 0 COUNT 0 => ERR syntax error
            SCAN 0 COUNT x => ERR value is not an integer or out of range
            SET a 1
            SCAN -1 => ["0", []]
            SCAN 18446744073709551615 => ["0", []]
            SCAN 0 COUNT 100000 => ["0", [a]]
            SCAN 0 COUNT 100000 TYPE STRING => ["0", [a]]
            SCAN 0 COUNT 100000 TYPE hash => ["0", []]
            SCAN 0 COUNT 100000 TYPE nonsense => ["0", []]
            SCAN 0 COUNT 100000 MATCH b* => ["0", []]
            SCAN 0 COUNT 9223372036854775807 MATCH a* TYPE string => ["0", [a]]
            SET b 1 PX 10; HSET h f v; PEXPIRE h 10 => 1; @wait 11; DBSIZE => 3
            SCAN 0 COUNT 100000 TYPE nonsense => ["0", []]
            DBSIZE => 1
            "#,
        );
    }

    #[test]
    fn a_walk_meets_every_key_once() {
        for shards in [1, 4] {
            let mut bench = Bench::new(shards);
            for i in 0..300 {
                bench.call(&format!("SET key:{i} {i}"));
            }
            let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
            loop {
                let reply = bench.call(&format!("SCAN {cursor} COUNT 20"));
                let (next, keys) = reply
                    .strip_prefix("[\"")
                    .and_then(|reply| reply.strip_suffix("]]")?.split_once("\", ["))
                    .unwrap();
                cursor = next.to_owned();
                seen.extend(
                    keys.split(", ")
                        .filter(|key| !key.is_empty())
                        .map(str::to_owned),
                );
                if cursor == "0" {
                    break;
                }
            }
            assert_eq!(seen.len(), 300);
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), 300);
        }
    }

    #[test]
    fn a_random_key_is_one_that_is_there() {
        check(
            r#"
            RANDOMKEY => nil
            SET only 1
            RANDOMKEY => only
            PEXPIRE only 10 => 1
            @wait 11
            RANDOMKEY => nil
            "#,
        );
    }

    #[test]
    fn cursors_are_read_as_c_does() {
        for (text, value) in [
            (&b"0"[..], Some(0)),
            (b"007", Some(7)),
            (b"+7", Some(7)),
            (b"-1", Some(u64::MAX)),
            (b"", Some(0)),
            (b"18446744073709551615", Some(u64::MAX)),
            (b"18446744073709551616", None),
            (b"+", None),
            (b" 1", None),
            (b"1 ", None),
            (b"--1", None),
        ] {
            assert_eq!(parse_cursor(text), value, "{}", text.escape_ascii());
        }
    }
}
