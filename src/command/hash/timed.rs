//! HGETEX, HSETEX, HGETDEL: fields read or written together with their expiry times, or removed.

use super::expiry::{Timed, Unit, embedded, listed, parse_time};
use super::{Result, limits, reply_text, reply_text_or_null};
use crate::base::{I64Buf, Millis};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::{FieldTtl, Hash};

/// Replies the values of fields and changes their expiry.
pub fn hgetex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.arg(1), cx.db.horizon());
    cx.db.read::<Hash>(key)?;
    let command = &HGETEX;
    let options = Options::parse(args, command, cx.now)?;
    cx.reply.array(options.fields.len());
    let is_past = options.is_past(cx.now) && cx.db.removes_expired();
    let reply = &mut cx.reply;
    let edited = cx.db.modify(key, |hash: &mut Hash| {
        let mut timed = Timed::default();
        for name in options.fields {
            let Some(field) = hash.field(name, now) else {
                reply.null();
                continue;
            };
            reply_text(reply, field.value);
            match options.time {
                None => {}
                Some(Time::At(at)) => timed.set(hash, name, at, is_past, now),
                // PERSIST, for this command.
                Some(Time::Kept) if field.expiry.is_some() => {
                    hash.set_expiry(name, None);
                    timed.updated.push(name);
                }
                Some(Time::Kept) => {}
            }
        }
        let changes = timed.changes();
        (timed, changes)
    })?;
    let Some(edited) = edited else {
        options.fields.iter().for_each(|_| cx.reply.null());
        return Ok(Flow::Done);
    };
    cx.dirty += edited.changes;
    let at = match options.time {
        Some(Time::At(at)) => Some(at),
        Some(Time::Kept) | None => None,
    };
    edited.result.propagate(cx, key, at);
    if !edited.result.updated.is_empty() {
        let name = match options.time {
            Some(Time::Kept) => "hpersist",
            Some(Time::At(_)) | None => "hexpire",
        };
        cx.notify(KeyspaceEvents::HASH, name, key);
    }
    let removed = edited.result.removed.len() as u64;
    notify_removed(cx, key, removed, edited.emptied);
    Ok(Flow::Done)
}

/// Writes fields with an expiry time, all or none; replies whether it did.
pub fn hsetex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.arg(1), cx.db.horizon());
    let options = Options::parse(args, &HSETEX, cx.now)?;
    let is_past = options.is_past(cx.now) && cx.db.removes_expired();
    let limits = limits(cx.config);
    let fields = options.fields;
    let count = fields.len() / 2;
    let names = || (0..count).map(|i| fields.arg(2 * i));
    let hash = cx.db.find_as::<Hash>(key)?;
    let has = |name: &[u8]| hash.is_some_and(|hash| hash.contains(name, now));
    let is_met = match options.condition {
        None => true,
        Some(Existence::All) => names().all(has),
        Some(Existence::None) => !names().any(has),
    };
    if !is_met {
        cx.reply.integer(0);
        return Ok(Flow::Done);
    }
    let edited = cx.db.upsert(key, Hash::new, |hash: &mut Hash| {
        let mut timed = Timed::default();
        for i in 0..count {
            let (name, value) = (fields.arg(2 * i), fields.arg(2 * i + 1));
            let ttl = match options.time {
                None => FieldTtl::Clear,
                Some(Time::Kept) => FieldTtl::Keep,
                Some(Time::At(_)) if is_past => FieldTtl::Clear,
                Some(Time::At(at)) => FieldTtl::At(at.max(1)),
            };
            hash.set(name, value, ttl, limits, now);
            if is_past && hash.remove(name, now) {
                timed.removed.push(name);
            }
        }
        (timed, count as u64)
    })?;
    cx.dirty += count as u64;
    match is_past {
        true => edited.result.propagate(cx, key, None),
        false => propagate_hsetex(cx, key, &options),
    }
    cx.notify(KeyspaceEvents::HASH, "hset", key);
    if !is_past && matches!(options.time, Some(Time::At(_))) {
        cx.notify(KeyspaceEvents::HASH, "hexpire", key);
    }
    let removed = edited.result.removed.len() as u64;
    notify_removed(cx, key, removed, edited.emptied);
    cx.reply.integer(1);
    Ok(Flow::Done)
}

/// Replies the values of fields and removes them.
pub fn hgetdel(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, now) = (args.arg(1), cx.db.horizon());
    cx.db.read::<Hash>(key)?;
    let fields = listed(args, 2)?;
    cx.reply.array(fields.len());
    let reply = &mut cx.reply;
    let edited = cx.db.modify(key, |hash: &mut Hash| {
        let mut removed = Vec::new();
        for name in fields {
            reply_text_or_null(reply, hash.get(name, now));
            if hash.remove(name, now) {
                removed.push(name);
            }
        }
        let count = removed.len() as u64;
        (removed, count)
    })?;
    match edited {
        None => fields.iter().for_each(|_| cx.reply.null()),
        Some(edited) => {
            cx.dirty += edited.changes;
            if edited.changes > 0 {
                cx.propagate_list(&[b"HDEL", key], &edited.result);
            }
            notify_removed(cx, key, edited.changes, edited.emptied);
        }
    }
    Ok(Flow::Done)
}

/// What HSETEX has written, whatever its conditions were.
fn propagate_hsetex(cx: &mut Ctx<'_>, key: &[u8], options: &Options<'_>) {
    if !cx.propagates() {
        return;
    }
    let count = I64Buf::new(options.fields.len() as i64 / 2);
    let fields: Vec<&[u8]> = options.fields.iter().collect();
    match options.time {
        None => cx.propagate_list(&[b"HSET", key], &fields),
        Some(Time::Kept) => cx.propagate_list(
            &[b"HSETEX", key, b"KEEPTTL", b"FIELDS", count.as_bytes()],
            &fields,
        ),
        Some(Time::At(at)) => {
            let at = I64Buf::new(at.max(1));
            let first: &[&[u8]] = &[
                b"HSETEX",
                key,
                b"PXAT",
                at.as_bytes(),
                b"FIELDS",
                count.as_bytes(),
            ];
            cx.propagate_list(first, &fields);
        }
    }
}

fn notify_removed(cx: &mut Ctx<'_>, key: &[u8], removed: u64, emptied: bool) {
    if removed > 0 {
        cx.notify(KeyspaceEvents::HASH, "hdel", key);
    }
    if emptied {
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
    }
}

/// What a command of this kind takes.
struct Syntax {
    name: &'static str,
    /// Arguments a field.
    width: usize,
    /// The option that stands for no new time: PERSIST or KEEPTTL.
    kept: &'static str,
    two_times: CommandError,
}

const HGETEX: Syntax = Syntax {
    name: "hgetex",
    width: 1,
    kept: "PERSIST",
    two_times: CommandError::HGETEX_TIMES,
};

const HSETEX: Syntax = Syntax {
    name: "hsetex",
    width: 2,
    kept: "KEEPTTL",
    two_times: CommandError::HSETEX_TIMES,
};

#[derive(Clone, Copy)]
enum Time {
    At(i64),
    /// PERSIST or KEEPTTL.
    Kept,
}

/// FXX: all of the fields must be there; FNX: none.
#[derive(Clone, Copy)]
enum Existence {
    All,
    None,
}

struct Options<'a> {
    time: Option<Time>,
    condition: Option<Existence>,
    fields: Args<'a>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>, syntax: &Syntax, now: Millis) -> Result<Options<'a>> {
        let (mut time, mut condition, mut fields) = (None, None, None);
        let mut at = 2;
        while let Some(word) = args.get(at) {
            let unit = [
                ("EX", Unit::Seconds, now),
                ("PX", Unit::Millis, now),
                ("EXAT", Unit::Seconds, Millis(0)),
                ("PXAT", Unit::Millis, Millis(0)),
            ];
            let unit = unit.into_iter().find(|(name, ..)| args.is(at, name));
            if args.is(at, "FIELDS") {
                if fields.is_some() {
                    return Err(CommandError::FIELDS_TWICE);
                }
                let not_positive = CommandError::FIELDS_INVALID_COUNT;
                let (listed, end) = embedded(args, at, syntax.width, not_positive)?;
                fields = Some(listed);
                at = end;
                continue;
            } else if let Some((_, unit, base)) = unit {
                if time.is_some() {
                    return Err(syntax.two_times.clone());
                }
                let text = args.get(at + 1).ok_or(CommandError::FIELDS_TIME_MISSING)?;
                time = Some(Time::At(parse_time(text, unit, base, syntax.name)?));
                at += 1;
            } else if args.is(at, syntax.kept) {
                if time.replace(Time::Kept).is_some() {
                    return Err(syntax.two_times.clone());
                }
            } else if syntax.width == 2 && (args.is(at, "FNX") || args.is(at, "FXX")) {
                let found = match args.is(at, "FNX") {
                    true => Existence::None,
                    false => Existence::All,
                };
                if condition.replace(found).is_some() {
                    return Err(CommandError::HSETEX_CONDITIONS);
                }
            } else {
                return Err(CommandError::unknown_argument(word));
            }
            at += 1;
        }
        Ok(Options {
            time,
            condition,
            fields: fields.ok_or(CommandError::FIELDS_ABSENT)?,
        })
    }

    fn is_past(&self, now: Millis) -> bool {
        matches!(self.time, Some(Time::At(at)) if at <= now.0)
    }
}
