//! Expiry times of single fields: HEXPIRE, HTTL and their kin, HPERSIST.
//!
//! Times are absolute and in milliseconds once they are read. A field that is given a time in the past goes at once.

use super::Result;
use crate::base::{I64Buf, Millis, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::Hash;

/// Seconds from now.
pub fn hexpire(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let base = cx.now;
    expire_at(cx, args, "hexpire", Unit::Seconds, base)
}

/// Milliseconds from now.
pub fn hpexpire(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let base = cx.now;
    expire_at(cx, args, "hpexpire", Unit::Millis, base)
}

/// Unix time in seconds.
pub fn hexpireat(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    expire_at(cx, args, "hexpireat", Unit::Seconds, Millis(0))
}

/// Unix time in milliseconds.
pub fn hpexpireat(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    expire_at(cx, args, "hpexpireat", Unit::Millis, Millis(0))
}

/// Seconds left, rounded up; -1 for a field without a time, -2 for no field.
pub fn httl(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.now.0;
    reply_times(cx, args, |at| (at + SECOND_MS - 1 - now) / SECOND_MS)
}

/// Milliseconds left.
pub fn hpttl(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let now = cx.now.0;
    reply_times(cx, args, |at| at - now)
}

/// Unix time of the end in seconds, rounded up.
pub fn hexpiretime(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply_times(cx, args, |at| (at + SECOND_MS - 1) / SECOND_MS)
}

/// Unix time of the end in milliseconds.
pub fn hpexpiretime(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply_times(cx, args, |at| at)
}

/// Takes the times off fields; replies 1 for each that had one, -1 for others, -2 for no field.
pub fn hpersist(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.arg(1), cx.db.horizon());
    cx.db.find_as::<Hash>(key)?;
    let fields = listed(args, 2)?;
    cx.reply.array(fields.len());
    let reply = &mut cx.reply;
    let edited = cx.db.modify(key, |hash: &mut Hash| {
        let mut persisted = 0;
        for name in fields {
            reply.integer(match hash.field(name, now).map(|field| field.expiry) {
                None => NO_FIELD,
                Some(None) => NO_TIME,
                Some(Some(_)) => {
                    hash.set_expiry(name, None);
                    persisted += 1;
                    DONE
                }
            });
        }
        (persisted, persisted)
    })?;
    match edited {
        None => fields.iter().for_each(|_| cx.reply.integer(NO_FIELD)),
        Some(edited) if edited.result > 0 => {
            cx.dirty += 1;
            cx.notify(KeyspaceEvents::HASH, "hpersist", key);
        }
        Some(_) => {}
    }
    Ok(Flow::Done)
}

/// What happened to a field.
const NO_FIELD: i64 = -2;
const NO_TIME: i64 = -1;
const NOT_MET: i64 = 0;
const DONE: i64 = 1;
const REMOVED: i64 = 2;

const SECOND_MS: i64 = 1000;

/// The latest time a field can be given, as in Redis.
pub(super) const TIME_MAX: i64 = (1 << 46) - 1;

/// What a time is given in.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Seconds,
    Millis,
}

/// When a new time is taken over.
#[derive(Clone, Copy, PartialEq)]
enum Condition {
    Always,
    /// NX: only without a time.
    Absent,
    /// XX: only in place of one.
    Present,
    /// GT: only if the field then lives longer.
    Later,
    /// LT: only if it then lives shorter.
    Earlier,
}

impl Condition {
    fn of(word: &[u8]) -> Option<Condition> {
        let all = [
            ("NX", Condition::Absent),
            ("XX", Condition::Present),
            ("GT", Condition::Later),
            ("LT", Condition::Earlier),
        ];
        all.into_iter()
            .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, condition)| condition)
    }

    /// A field without a time counts as one that ends never.
    fn allows(self, old: Option<i64>, new: i64) -> bool {
        match self {
            Condition::Always => true,
            Condition::Absent => old.is_none(),
            Condition::Present => old.is_some(),
            Condition::Later => old.is_some_and(|old| new > old),
            Condition::Earlier => old.is_none_or(|old| new < old),
        }
    }
}

/// An absolute time in milliseconds.
pub(super) fn parse_time(text: &[u8], unit: Unit, base: Millis, name: &str) -> Result<i64> {
    let time = parse_i64(text).ok_or(CommandError::NOT_INTEGER)?;
    if time < 0 {
        return Err(CommandError::FIELDS_TIME_NEGATIVE);
    }
    let unit_ms = match unit {
        Unit::Seconds => SECOND_MS,
        Unit::Millis => 1,
    };
    time.checked_mul(unit_ms)
        .and_then(|ms| ms.checked_add(base.0))
        .filter(|at| *at <= TIME_MAX)
        .ok_or_else(|| CommandError::invalid_expire(name))
}

/// The fields of `FIELDS numfields field ..` from argument `at` to the end.
pub(super) fn listed(args: Args<'_>, at: usize) -> Result<Args<'_>> {
    if !args.is(at, "FIELDS") {
        return Err(CommandError::FIELDS_MISSING);
    }
    let count = args.get(at + 1).and_then(parse_i64);
    let Some(count @ 1..) = count else {
        return Err(CommandError::FIELDS_NOT_POSITIVE);
    };
    let fields = args.from(at + 2);
    match usize::try_from(count) == Ok(fields.len()) {
        true => Ok(fields),
        false => Err(CommandError::FIELDS_COUNT),
    }
}

/// The arguments of `FIELDS numfields field ..` at argument `at`, each field being `width` arguments, and where they end.
/// Other options may follow.
pub(super) fn embedded(
    args: Args<'_>,
    at: usize,
    width: usize,
    not_positive: CommandError,
) -> Result<(Args<'_>, usize)> {
    let (Some(count), Some(_)) = (args.get(at + 1), args.get(at + 2)) else {
        return Err(CommandError::FIELDS_NOTHING);
    };
    let count = match parse_i64(count) {
        Some(count @ 1..) => usize::try_from(count).unwrap_or(usize::MAX),
        _ => return Err(not_positive),
    };
    let rest = args.from(at + 2);
    match count.checked_mul(width) {
        Some(len) if len <= rest.len() => Ok((rest.first(len), at + 2 + len)),
        _ => Err(CommandError::FIELDS_TOO_FEW),
    }
}

fn parse_options(args: Args<'_>) -> Result<(Condition, Args<'_>)> {
    let (mut condition, mut fields) = (None, None);
    let mut at = 3;
    while let Some(word) = args.get(at) {
        if args.is(at, "FIELDS") {
            if fields.is_some() {
                return Err(CommandError::FIELDS_TWICE);
            }
            let not_positive = CommandError::FIELDS_COUNT_NOT_POSITIVE;
            let (listed, end) = embedded(args, at, 1, not_positive)?;
            fields = Some(listed);
            at = end;
        } else if let Some(found) = Condition::of(word) {
            if condition.replace(found).is_some() {
                return Err(CommandError::FIELDS_CONDITIONS);
            }
            at += 1;
        } else {
            return Err(CommandError::unknown_argument(word));
        }
    }
    let fields = fields.ok_or(CommandError::FIELDS_ABSENT)?;
    Ok((condition.unwrap_or(Condition::Always), fields))
}

/// Which fields got a time, or went because it had passed.
#[derive(Default)]
pub(super) struct Timed<'a> {
    pub(super) updated: Vec<&'a [u8]>,
    pub(super) removed: Vec<&'a [u8]>,
}

impl<'a> Timed<'a> {
    /// Gives a field that is there a time.
    pub(super) fn set(
        &mut self,
        hash: &mut Hash,
        name: &'a [u8],
        at: i64,
        is_past: bool,
        now: i64,
    ) {
        if is_past {
            if hash.remove(name, now) {
                self.removed.push(name);
            }
        } else {
            // 0 stands for no time; it is reached only where the past is not obeyed.
            hash.set_expiry(name, Some(at.max(1)));
            self.updated.push(name);
        }
    }

    pub(super) fn changes(&self) -> u64 {
        (self.updated.len() + self.removed.len()) as u64
    }

    /// Says what has to be written down: the new time of fields, and those that went.
    pub(super) fn propagate(&self, cx: &mut Ctx<'_>, key: &[u8], at: Option<i64>) {
        if !cx.propagates() {
            return;
        }
        if !self.updated.is_empty() {
            let count = I64Buf::new(self.updated.len() as i64);
            let at = at.map(|at| I64Buf::new(at.max(1)));
            let mut first: Vec<&[u8]> = match &at {
                Some(at) => vec![b"HPEXPIREAT", key, at.as_bytes()],
                None => vec![b"HPERSIST", key],
            };
            first.extend([&b"FIELDS"[..], count.as_bytes()]);
            cx.propagate_list(&first, &self.updated);
        }
        if !self.removed.is_empty() {
            cx.propagate_list(&[b"HDEL", key], &self.removed);
        }
    }
}

fn expire_at(cx: &mut Ctx<'_>, args: Args<'_>, name: &str, unit: Unit, base: Millis) -> Result {
    let (key, now) = (args.arg(1), cx.db.horizon());
    cx.db.find_as::<Hash>(key)?;
    let at = parse_time(args.arg(2), unit, base, name)?;
    let (condition, fields) = parse_options(args)?;
    let is_past = at <= cx.now.0 && cx.db.removes_expired();
    cx.reply.array(fields.len());
    let reply = &mut cx.reply;
    let edited = cx.db.modify(key, |hash: &mut Hash| {
        let mut timed = Timed::default();
        for field in fields {
            reply.integer(match hash.field(field, now).map(|field| field.expiry) {
                None => NO_FIELD,
                Some(old) if !condition.allows(old, at) => NOT_MET,
                Some(_) => {
                    timed.set(hash, field, at, is_past, now);
                    if is_past { REMOVED } else { DONE }
                }
            });
        }
        let changes = timed.changes();
        (timed, changes)
    })?;
    let Some(edited) = edited else {
        fields.iter().for_each(|_| cx.reply.integer(NO_FIELD));
        return Ok(Flow::Done);
    };
    if edited.changes > 0 {
        cx.dirty += edited.changes;
        edited.result.propagate(cx, key, Some(at));
        let removed = !edited.result.removed.is_empty();
        cx.notify(
            KeyspaceEvents::HASH,
            if removed { "hdel" } else { "hexpire" },
            key,
        );
        if edited.emptied {
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        }
    }
    Ok(Flow::Done)
}

fn reply_times(cx: &mut Ctx<'_>, args: Args<'_>, figure: impl Fn(i64) -> i64) -> Result {
    let now = cx.db.horizon();
    let hash = cx.db.read::<Hash>(args.arg(1))?;
    let fields = listed(args, 2)?;
    cx.reply.array(fields.len());
    for name in fields {
        let field = hash.and_then(|hash| hash.field(name, now));
        cx.reply.integer(match field.map(|field| field.expiry) {
            None => NO_FIELD,
            Some(None) => NO_TIME,
            Some(Some(at)) => figure(at),
        });
    }
    Ok(Flow::Done)
}
