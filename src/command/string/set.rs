//! Writing whole strings: SET with its options, the commands that SET replaced, MSET and MSETEX; and GETEX, which shares
//! the options about time.
//!
//! Redis reads options from left to right and refuses one that contradicts an earlier one; repeating one is fine, and
//! the last time given counts. Only when all options are understood are the times in them looked at.

use super::compare::Comparison;
use super::{Result, input, reply_str};
use crate::base::{I64Buf, Millis, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::{StrRef, Ttl};
use crate::resp::{Args, CommandError};

/// What SET can be told besides key and value.
#[derive(Clone, Copy, Default)]
struct SetOptions<'a> {
    condition: Condition<'a>,
    life: Life<'a>,
    get: bool,
}

/// When to write at all.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Condition<'a> {
    #[default]
    Always,
    /// NX
    IfAbsent,
    /// XX
    IfPresent,
    /// IFEQ, IFNE, IFDEQ, IFDNE
    If(Comparison<'a>),
}

impl<'a> Condition<'a> {
    /// Takes in a condition at `args[at]`: how many arguments it has, or `None` if this is not one, or not one that goes
    /// with what was said before.
    fn take(&mut self, args: Args<'a>, at: usize) -> Option<usize> {
        let (condition, len) = match args.arg(at) {
            word if word.eq_ignore_ascii_case(b"NX") => (Condition::IfAbsent, 1),
            word if word.eq_ignore_ascii_case(b"XX") => (Condition::IfPresent, 1),
            word => {
                let comparison = Comparison::named(word, args.get(at + 1)?)?;
                (Condition::If(comparison), 2)
            }
        };
        let is_same = match (*self, condition) {
            (Condition::Always, _) => true,
            (Condition::If(before), Condition::If(now)) => {
                std::mem::discriminant(&before) == std::mem::discriminant(&now)
            }
            (before, now) => before == now,
        };
        *self = condition;
        is_same.then_some(len)
    }

    /// Whether it holds where this is.
    fn holds(self, old: Option<StrRef<'_>>) -> Result<bool> {
        match self {
            Condition::Always => Ok(true),
            Condition::IfAbsent => Ok(old.is_none()),
            Condition::IfPresent => Ok(old.is_some()),
            Condition::If(comparison) => comparison.holds(old),
        }
    }
}

/// What becomes of the expiry time.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Life<'a> {
    #[default]
    Unsaid,
    /// KEEPTTL
    Keep,
    /// PERSIST
    Persist,
    /// EX, PX, EXAT, PXAT
    Until(Clock, &'a [u8]),
}

/// How to read a time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    /// EX: seconds from now.
    Ex,
    /// PX: milliseconds from now.
    Px,
    /// EXAT: a Unix time in seconds.
    ExAt,
    /// PXAT: a Unix time in milliseconds.
    PxAt,
}

impl Clock {
    fn named(word: &[u8]) -> Option<Clock> {
        match word.len() {
            2 if word.eq_ignore_ascii_case(b"EX") => Some(Clock::Ex),
            2 if word.eq_ignore_ascii_case(b"PX") => Some(Clock::Px),
            4 if word.eq_ignore_ascii_case(b"EXAT") => Some(Clock::ExAt),
            4 if word.eq_ignore_ascii_case(b"PXAT") => Some(Clock::PxAt),
            _ => None,
        }
    }

    pub(super) fn is_absolute(self) -> bool {
        matches!(self, Clock::ExAt | Clock::PxAt)
    }

    /// The Unix time that `text` stands for; `command` is named in the error.
    pub(super) fn deadline(self, text: &[u8], now: Millis, command: &str) -> Result<Millis> {
        let given = parse_i64(text).ok_or(CommandError::NOT_INTEGER)?;
        let scale = match self {
            Clock::Ex | Clock::ExAt => 1000,
            Clock::Px | Clock::PxAt => 1,
        };
        let base = if self.is_absolute() { 0 } else { now.0 };
        (given > 0)
            .then(|| given.checked_mul(scale)?.checked_add(base))
            .flatten()
            .map(Millis)
            .ok_or_else(|| CommandError::invalid_expire(command))
    }
}

impl<'a> Life<'a> {
    /// Takes in an option about time at `args[at]`: how many arguments it has, or `None` if this is not one, or not
    /// one that fits what was said before.
    pub(super) fn take(&mut self, args: Args<'a>, at: usize) -> Option<usize> {
        let clock = Clock::named(args.arg(at))?;
        let text = args.get(at + 1)?;
        match *self {
            Life::Unsaid => {}
            Life::Until(before, _) if before == clock => {}
            Life::Until(..) | Life::Keep | Life::Persist => return None,
        }
        *self = Life::Until(clock, text);
        Some(2)
    }

    /// Takes in KEEPTTL or PERSIST.
    fn say(&mut self, word: Life<'a>) -> Option<usize> {
        let fits = *self == Life::Unsaid || *self == word;
        *self = word;
        fits.then_some(1)
    }
}

impl<'a> SetOptions<'a> {
    fn parse(args: Args<'a>) -> Result<SetOptions<'a>> {
        let mut options = SetOptions::default();
        let mut at = 0;
        while at < args.len() {
            at += options.take(args, at).ok_or(CommandError::SYNTAX)?;
        }
        Ok(options)
    }

    fn take(&mut self, args: Args<'a>, at: usize) -> Option<usize> {
        match args.arg(at) {
            word if word.eq_ignore_ascii_case(b"GET") => {
                self.get = true;
                Some(1)
            }
            word if word.eq_ignore_ascii_case(b"KEEPTTL") => self.life.say(Life::Keep),
            word if Clock::named(word).is_some() => self.life.take(args, at),
            _ => self.condition.take(args, at),
        }
    }
}

/// Writes a string, replacing a value of any type.
#[inline]
pub fn set(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    if args.len() > 3 {
        return set_with_options(cx, args);
    }
    cx.db.set_str(args.arg(1), input(args, 2), Ttl::Clear);
    cx.dirty += 1;
    cx.notify(KeyspaceEvents::STRING, "set", args.arg(1));
    cx.reply.ok();
    Ok(Flow::Done)
}

/// As in Redis 7.2, a time in the past is set like any other: the write has happened, and the key is gone for whoever
/// looks next.
fn set_with_options(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = SetOptions::parse(args.from(3))?;
    let ttl = match options.life {
        Life::Unsaid | Life::Persist => Ttl::Clear,
        Life::Keep => Ttl::Keep,
        Life::Until(clock, text) => Ttl::At(clock.deadline(text, cx.now, "set")?),
    };
    let key = args.arg(1);
    let refused = match (options.get, options.condition) {
        (false, Condition::Always) => false,
        (false, Condition::IfAbsent) => cx.db.find(key).is_some(),
        (false, Condition::IfPresent) => cx.db.peek(key).is_none(),
        (false, Condition::If(comparison)) => !comparison.holds(cx.db.find_str(key)?)?,
        (true, condition) => {
            let old = cx.db.get_str(key)?;
            let refused = !condition.holds(old)?;
            reply_str(&mut cx.reply, old);
            refused
        }
    };
    if !refused {
        cx.db.set_str(key, input(args, 2), ttl);
        cx.dirty += 1;
        propagate_set(cx, args, &options, ttl);
        cx.notify(KeyspaceEvents::STRING, "set", key);
        if matches!(ttl, Ttl::At(_)) {
            cx.notify(KeyspaceEvents::GENERIC, "expire", key);
        }
    }
    match (options.get, refused) {
        (true, _) => {}
        (false, true) => cx.reply.null(),
        (false, false) => cx.reply.ok(),
    }
    Ok(Flow::Done)
}

/// A time becomes an absolute one, and whatever was asked for besides is left out: that it is written is decided.
fn propagate_set(cx: &mut Ctx<'_>, args: Args<'_>, options: &SetOptions<'_>, ttl: Ttl) {
    let (key, value) = (args.arg(1), args.arg(2));
    match ttl {
        Ttl::At(at) => propagate_until(cx, key, value, at),
        Ttl::Keep | Ttl::Clear => {
            let is_known = matches!(
                options.condition,
                Condition::Always | Condition::IfAbsent | Condition::IfPresent
            );
            if options.get || !is_known {
                let mut words: Vec<&[u8]> = vec![b"SET", key, value];
                match options.condition {
                    Condition::IfAbsent => words.push(b"NX"),
                    Condition::IfPresent => words.push(b"XX"),
                    Condition::Always | Condition::If(_) => {}
                }
                if ttl == Ttl::Keep {
                    words.push(b"KEEPTTL");
                }
                cx.propagate(&words);
            }
        }
    }
}

/// A string that lives until then is written.
fn propagate_until(cx: &mut Ctx<'_>, key: &[u8], value: &[u8], at: Millis) {
    if cx.propagates() {
        let at = I64Buf::new(at.0);
        cx.propagate(&[b"SET", key, value, b"PXAT", at.as_bytes()]);
    }
}

/// Writes a string unless the key is there. Replies whether it did.
pub fn setnx(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let absent = cx.db.find(key).is_none();
    if absent {
        cx.db.set_str(key, input(args, 2), Ttl::Clear);
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::STRING, "set", key);
    }
    cx.reply.integer(i64::from(absent));
    Ok(Flow::Done)
}

/// Writes a string that lives for some seconds.
pub fn setex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    set_living(cx, args, Clock::Ex, "setex")
}

/// Writes a string that lives for some milliseconds.
pub fn psetex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    set_living(cx, args, Clock::Px, "psetex")
}

fn set_living(cx: &mut Ctx<'_>, args: Args<'_>, clock: Clock, command: &str) -> Result {
    let deadline = clock.deadline(args.arg(2), cx.now, command)?;
    cx.db
        .set_str(args.arg(1), input(args, 3), Ttl::At(deadline));
    cx.dirty += 1;
    propagate_until(cx, args.arg(1), args.arg(3), deadline);
    cx.notify(KeyspaceEvents::STRING, "set", args.arg(1));
    cx.notify(KeyspaceEvents::GENERIC, "expire", args.arg(1));
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Writes a string and replies the one it replaced.
pub fn getset(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let old = cx.db.get_str(key)?;
    reply_str(&mut cx.reply, old);
    cx.db.set_str(key, input(args, 2), Ttl::Clear);
    cx.dirty += 1;
    cx.propagate(&[b"SET", key, args.arg(2)]);
    cx.notify(KeyspaceEvents::STRING, "set", key);
    Ok(Flow::Done)
}

/// Replies the string and changes its expiry time. The time in the option is looked at only if there is a string.
pub fn getex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let mut life = Life::Unsaid;
    let mut at = 2;
    while at < args.len() {
        let taken = if args.is(at, "PERSIST") {
            life.say(Life::Persist)
        } else {
            life.take(args, at)
        };
        at += taken.ok_or(CommandError::SYNTAX)?;
    }
    let key = args.arg(1);
    let Some(text) = cx.db.get_str(key)? else {
        cx.reply.null();
        return Ok(Flow::Done);
    };
    let deadline = match life {
        Life::Until(clock, text) => Some((clock, clock.deadline(text, cx.now, "getex")?)),
        Life::Unsaid | Life::Keep | Life::Persist => None,
    };
    reply_str(&mut cx.reply, Some(text));
    let (changed, event) = match deadline {
        // A time that has come already deletes at once, so that what is logged is a deletion.
        Some((clock, at)) if clock.is_absolute() && at <= cx.now => (cx.db.remove(key), "del"),
        Some((_, at)) => (cx.db.set_expire(key, Some(at)), "expire"),
        None if life == Life::Persist && matches!(cx.db.expire_of(key), Some(Some(_))) => {
            (cx.db.set_expire(key, None), "persist")
        }
        None => (false, ""),
    };
    if changed {
        cx.dirty += 1;
        match (event, deadline) {
            ("expire", Some((_, at))) if cx.propagates() => {
                let at = I64Buf::new(at.0);
                cx.propagate(&[b"PEXPIREAT", key, at.as_bytes()]);
            }
            ("persist", _) => cx.propagate(&[b"PERSIST", key]),
            _ => cx.propagate(&[b"DEL", key]),
        }
        cx.notify(KeyspaceEvents::GENERIC, event, key);
    }
    Ok(Flow::Done)
}

/// Writes several strings.
pub fn mset(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    check_pairs(args, "mset")?;
    set_all(cx, args);
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Writes several strings if none of the keys is there. Replies whether it did.
pub fn msetnx(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    check_pairs(args, "msetnx")?;
    let free = args
        .from(1)
        .iter()
        .step_by(2)
        .all(|key| cx.db.find(key).is_none());
    if free {
        set_all(cx, args);
    }
    cx.reply.integer(i64::from(free));
    Ok(Flow::Done)
}

/// Writes several strings with one condition and one expiry time. Replies whether it did.
pub fn msetex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let count = parse_i64(args.arg(1)).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(CommandError::MSETEX_NUMKEYS)? as usize;
    if count > (args.len() - 2) / 2 {
        return Err(CommandError::MSETEX_PAIRS);
    }
    let (pairs, rest) = (args.from(2).first(2 * count), args.from(2 + 2 * count));
    let options = SetOptions::parse(rest)?;
    let refused_option = options.get || matches!(options.condition, Condition::If(_));
    if refused_option {
        return Err(CommandError::SYNTAX);
    }
    let ttl = match options.life {
        Life::Unsaid | Life::Persist => Ttl::Clear,
        Life::Keep => Ttl::Keep,
        Life::Until(clock, text) => Ttl::At(clock.deadline(text, cx.now, "msetex")?),
    };
    let mut keys = pairs.iter().step_by(2);
    let holds = match options.condition {
        Condition::IfAbsent => keys.all(|key| cx.db.find(key).is_none()),
        Condition::IfPresent => keys.all(|key| cx.db.find(key).is_some()),
        Condition::Always | Condition::If(_) => true,
    };
    if holds {
        for at in (0..pairs.len()).step_by(2) {
            let key = pairs.arg(at);
            cx.db.set_str(key, input(pairs, at + 1), ttl);
            cx.dirty += 1;
            match ttl {
                Ttl::At(until) => propagate_until(cx, key, pairs.arg(at + 1), until),
                Ttl::Keep => cx.propagate(&[b"SET", key, pairs.arg(at + 1), b"KEEPTTL"]),
                Ttl::Clear => cx.propagate(&[b"SET", key, pairs.arg(at + 1)]),
            }
            cx.notify(KeyspaceEvents::STRING, "set", key);
            if matches!(ttl, Ttl::At(_)) {
                cx.notify(KeyspaceEvents::GENERIC, "expire", key);
            }
        }
    }
    cx.reply.integer(i64::from(holds));
    Ok(Flow::Done)
}

fn check_pairs(args: Args<'_>, command: &str) -> Result<()> {
    match args.len() % 2 {
        1 => Ok(()),
        _ => Err(CommandError::wrong_arity(command)),
    }
}

fn set_all(cx: &mut Ctx<'_>, args: Args<'_>) {
    let pairs = (1..args.len())
        .step_by(2)
        .map(|at| (args.arg(at), input(args, at + 1)));
    cx.dirty += args.len() as u64 / 2;
    if cx.config.notify_keyspace_events.has(KeyspaceEvents::NEW) {
        // What is told of a key comes before the next one.
        for (key, value) in pairs {
            cx.db.set_str(key, value, Ttl::Clear);
            cx.notify(KeyspaceEvents::STRING, "set", key);
        }
        return;
    }
    cx.db.each_key(pairs, |db, key, value| {
        db.set_str(key, value, Ttl::Clear);
    });
    for key in args.from(1).iter().step_by(2) {
        cx.notify(KeyspaceEvents::STRING, "set", key);
    }
}
