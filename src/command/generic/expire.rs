//! EXPIRE and its kin, TTL and its kin, PERSIST.
//!
//! Whatever the unit and the base, the time is made an absolute one in milliseconds first; only that is compared,
//! stored and propagated. It is an overflow, and refused, if it does not fit in 64 bits; the distant past is fine and
//! removes the key.

use super::Result;
use crate::base::{I64Buf, Millis, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};

/// Seconds from now.
pub fn expire(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let base = cx.now;
    expire_at(cx, args, "expire", SECOND_MS, base)
}

/// Milliseconds from now.
pub fn pexpire(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let base = cx.now;
    expire_at(cx, args, "pexpire", 1, base)
}

/// Unix time in seconds.
pub fn expireat(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    expire_at(cx, args, "expireat", SECOND_MS, Millis(0))
}

/// Unix time in milliseconds.
pub fn pexpireat(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    expire_at(cx, args, "pexpireat", 1, Millis(0))
}

/// Seconds left, rounded to the nearest; -1 for a persistent key, -2 for none.
pub fn ttl(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.now;
    reply_time(cx, args, |at| nearest_seconds(at.since(now)))
}

/// Milliseconds left; -1 for a persistent key, -2 for none.
pub fn pttl(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.now;
    reply_time(cx, args, |at| at.since(now))
}

/// Unix time of the end in seconds, rounded to the nearest; -1 for a persistent key, -2 for none.
pub fn expiretime(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply_time(cx, args, |at| nearest_seconds(at.0.max(0)))
}

/// Unix time of the end in milliseconds; -1 for a persistent key, -2 for none.
pub fn pexpiretime(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply_time(cx, args, |at| at.0.max(0))
}

/// Takes the expiry off; replies whether there was one.
pub fn persist(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let had_expiry = matches!(cx.db.find_expire(key), Some(Some(_)));
    if had_expiry {
        cx.db.set_expire(key, None);
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::GENERIC, "persist", key);
    }
    cx.reply.integer(i64::from(had_expiry));
    Ok(Flow::Done)
}

/// When a new expiry time is taken over.
#[derive(Clone, Copy, Default)]
struct Condition {
    /// NX: only without an expiry.
    absent: bool,
    /// XX: only in place of one.
    present: bool,
    bound: Bound,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Bound {
    #[default]
    None,
    /// GT: only if the key then lives longer.
    Later,
    /// LT: only if it then lives shorter.
    Earlier,
}

impl Condition {
    fn parse(options: Args<'_>) -> std::result::Result<Condition, CommandError> {
        let mut condition = Condition::default();
        let (mut later, mut earlier) = (false, false);
        for option in options {
            if option.eq_ignore_ascii_case(b"NX") {
                condition.absent = true;
            } else if option.eq_ignore_ascii_case(b"XX") {
                condition.present = true;
            } else if option.eq_ignore_ascii_case(b"GT") {
                later = true;
            } else if option.eq_ignore_ascii_case(b"LT") {
                earlier = true;
            } else {
                return Err(CommandError::unsupported_option(option));
            }
        }
        if condition.absent && (condition.present || later || earlier) {
            return Err(CommandError::EXPIRE_NX);
        }
        condition.bound = match (later, earlier) {
            (true, true) => return Err(CommandError::EXPIRE_GT_LT),
            (true, false) => Bound::Later,
            (false, true) => Bound::Earlier,
            (false, false) => Bound::None,
        };
        Ok(condition)
    }

    /// A persistent key counts as one that ends never.
    fn allows(self, old: Option<Millis>, new: Millis) -> bool {
        let in_bound = match self.bound {
            Bound::None => true,
            Bound::Later => old.is_some_and(|old| new > old),
            Bound::Earlier => old.is_none_or(|old| new < old),
        };
        in_bound && !(self.absent && old.is_some()) && !(self.present && old.is_none())
    }
}

fn expire_at(cx: &mut Ctx<'_>, args: Args<'_>, name: &str, unit_ms: i64, base: Millis) -> Result {
    let condition = Condition::parse(args.from(3))?;
    let at = parse_i64(args.arg(2))
        .ok_or(CommandError::NOT_INTEGER)?
        .checked_mul(unit_ms)
        .and_then(|ms| base.checked_add(ms))
        .ok_or_else(|| CommandError::invalid_expire(name))?;
    let key = args.arg(1);
    let changes = cx
        .db
        .find_expire(key)
        .is_some_and(|old| condition.allows(old, at));
    if changes {
        if at <= cx.now && cx.db.removes_expired() {
            cx.db.remove(key);
            let name: &[u8] = match cx.config.lazyfree_lazy_expire {
                true => b"UNLINK",
                false => b"DEL",
            };
            cx.propagate(&[name, key]);
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        } else {
            cx.db.set_expire(key, Some(at));
            if cx.propagates() {
                let at = I64Buf::new(at.0);
                let mut words: Vec<&[u8]> = vec![b"PEXPIREAT", key, at.as_bytes()];
                words.extend(args.from(3));
                cx.propagate(&words);
            }
            cx.notify(KeyspaceEvents::GENERIC, "expire", key);
        }
        cx.dirty += 1;
    }
    cx.reply.integer(i64::from(changes));
    Ok(Flow::Done)
}

fn reply_time(cx: &mut Ctx<'_>, args: Args<'_>, figure: impl Fn(Millis) -> i64) -> Result {
    cx.reply.integer(match cx.db.expire_of(args.arg(1)) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => figure(at),
    });
    Ok(Flow::Done)
}

fn nearest_seconds(ms: i64) -> i64 {
    ms / SECOND_MS + i64::from(ms % SECOND_MS >= SECOND_MS / 2)
}

const SECOND_MS: i64 = 1000;

#[cfg(test)]
mod tests {
    use crate::command::testing::check;

    #[test]
    fn times_are_given_and_told_in_four_ways() {
        // The clock of the tests starts at 1700000000000.
        check(
            r#"
            SET k v
            TTL k => -1
            TTL nope => -2
            PEXPIRETIME k => -1
            EXPIRETIME nope => -2
            EXPIRE k 100 => 1
            TTL k => 100
            PTTL k => 100000
            EXPIRETIME k => 1700000100
            PEXPIRETIME k => 1700000100000
            PEXPIRE k 1499 => 1
            TTL k => 1
            PEXPIRE k 1500 => 1
            TTL k => 2
            EXPIREAT k 1700000007 => 1
            PTTL k => 7000
            PEXPIREAT k 1700000000001 => 1
            PTTL k => 1
            PERSIST k => 1
            PERSIST k => 0
            PERSIST nope => 0
            TTL k => -1
            PEXPIREAT k 1700000000499 => 1
            EXPIRETIME k => 1700000000
            PEXPIREAT k 1700000000500 => 1
            EXPIRETIME k => 1700000001
            EXPIRE nope 10 => 0
            "#,
        );
    }

    #[test]
    fn a_time_that_has_come_removes_the_key() {
        for line in [
            "EXPIRE k 0",
            "EXPIRE k -1",
            "PEXPIREAT k 1700000000000",
            "EXPIREAT k -9223372036854775",
            "PEXPIRE k -9223372036854775808 LT",
            "EXPIREAT k 0",
        ] {
            check(&format!("SET k v\n{line} => 1\nEXISTS k => 0\nDBSIZE => 0"));
        }
    }

    #[test]
    fn times_beyond_64_bits_are_refused() {
        for (line, name) in [
            ("EXPIRE k 9223372036854775807", "expire"),
            ("EXPIRE k 9223372036854775", "expire"),
            ("EXPIRE k -9223372036854776", "expire"),
            ("PEXPIRE k 9223372036854775807", "pexpire"),
            ("EXPIREAT k 9223372036854776", "expireat"),
        ] {
            check(&format!(
                "SET k v\n{line} => ERR invalid expire time in '{name}' command\nTTL k => -1"
            ));
        }
        check(
            "SET k v\nPEXPIREAT k 9223372036854775807 => 1\nPEXPIRETIME k => 9223372036854775807",
        );
    }

    #[test]
    fn conditions_compare_the_old_time_with_the_new() {
        check(
            r#"
            SET k v
            EXPIRE k 10 XX => 0
            EXPIRE k 10 GT => 0
            EXPIRE k 10 XX LT => 0
            EXPIRE k 100 NX => 1
            EXPIRE k 200 NX => 0
            EXPIRE k 100 GT => 0
            EXPIRE k 101 gt => 1
            EXPIRE k 101 LT => 0
            EXPIRE k 50 LT XX => 1
            TTL k => 50
            EXPIRE k 60 XX => 1
            PERSIST k => 1
            EXPIRE k 70 LT => 1
            EXPIRE k 1 NX XX => ERR NX and XX, GT or LT options at the same time are not compatible
            EXPIRE k 1 GT NX => ERR NX and XX, GT or LT options at the same time are not compatible
            EXPIRE k 1 GT LT => ERR GT and LT options at the same time are not compatible
            EXPIRE k 1 AB => ERR Unsupported option AB
            EXPIRE k x AB => ERR Unsupported option AB
            EXPIRE k 1.5 => ERR value is not an integer or out of range
            EXPIRE k => ERR wrong number of arguments for 'expire' command
            TTL k => 70
            "#,
        );
    }

    #[test]
    fn time_goes_by() {
        check(
            r#"
            SET k v
            PEXPIRE k 1000 => 1
            @wait 400
            PTTL k => 600
            @wait 600
            PTTL k => 0
            @wait 1
            PTTL k => -2
            "#,
        );
    }
}
