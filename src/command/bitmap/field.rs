//! BITFIELD: integers of 1 to 64 bits at any bit of a string, highest bit first.
//!
//! All operations are parsed before the first runs. If any writes, the string is made long enough for all writes
//! first; each operation then sees what those before it left.

use super::{Result, check_offset};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError, Reply};

/// One operation.
#[derive(Clone, Copy)]
struct Operation {
    field: Field,
    action: Action,
}

/// Where an integer lies and how its bits are read.
#[derive(Clone, Copy)]
struct Field {
    /// First bit.
    offset: u64,
    /// 1 to 64, unsigned only to 63.
    bits: u32,
    signed: bool,
}

#[derive(Clone, Copy)]
enum Action {
    Get,
    /// Replies the old value.
    Set(i64, Overflow),
    /// Replies the new value.
    IncrBy(i64, Overflow),
}

/// What to do with a value that does not fit.
#[derive(Clone, Copy)]
enum Overflow {
    /// Keep the lower bits.
    Wrap,
    /// Take the nearest that fits.
    Sat,
    /// Do nothing, and reply null.
    Fail,
}

/// What an operation comes to: the reply, null if it failed, and the value to write.
struct Outcome {
    reply: Option<i64>,
    write: Option<i64>,
}

/// Reads and writes integers inside a string; an array of what each operation replies.
pub fn bitfield(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let operations = parse(cx, args)?;
    let Some(len) = written_len(&operations) else {
        return read(cx, args.arg(1), &operations);
    };
    let key = args.arg(1);
    let (old_len, changes) = {
        let mut digits = I64Buf::new(0);
        let text = cx.db.peek_str(key)?;
        let bytes = text
            .as_ref()
            .map_or(&b""[..], |text| text.text(&mut digits));
        let exists = text.is_some();
        (
            exists.then_some(bytes.len()),
            changes_any(bytes, &operations),
        )
    };
    let grows = old_len.is_none_or(|old| old < len);
    cx.reply.array(operations.len());
    if !grows && !changes {
        if let Some(found) = cx.db.edit_str(key)? {
            found.make_raw();
        }
        return replay_reads(cx, key, &operations);
    }
    let reply = &mut cx.reply;
    let changed = cx
        .db
        .update_grown(key, first_written(&operations)..len, |bytes| {
            let mut changed = 0;
            for operation in &operations {
                let old = operation.field.load(bytes);
                let outcome = operation.outcome(old);
                reply_outcome(reply, &outcome);
                if let Some(new) = outcome.write {
                    operation.field.store(bytes, new);
                    changed += u64::from(grows || new != old);
                }
            }
            changed
        })?;
    // A string that grew although every write failed has changed all the same. Redis does not count that, so that its
    // replicas never learn of it.
    let changes = changed.max(u64::from(grows));
    cx.dirty += changes;
    if changes > 0 {
        cx.notify(KeyspaceEvents::STRING, "setbit", key);
    }
    Ok(Flow::Done)
}

/// Reads integers inside a string.
pub fn bitfield_ro(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let operations = parse(cx, args)?;
    match written_len(&operations) {
        None => read(cx, args.arg(1), &operations),
        Some(_) => Err(CommandError::BITFIELD_RO),
    }
}

fn read(cx: &mut Ctx<'_>, key: &[u8], operations: &[Operation]) -> Result {
    let mut digits = I64Buf::new(0);
    let text = cx.db.get_str(key)?;
    let bytes = text
        .as_ref()
        .map_or(&b""[..], |text| text.text(&mut digits));
    cx.reply.array(operations.len());
    reply_unchanged(&mut cx.reply, bytes, operations);
    Ok(Flow::Done)
}

/// Replies of operations that turned out to change nothing.
fn replay_reads(cx: &mut Ctx<'_>, key: &[u8], operations: &[Operation]) -> Result {
    let mut digits = I64Buf::new(0);
    let text = cx.db.find_str(key)?;
    let bytes = text
        .as_ref()
        .map_or(&b""[..], |text| text.text(&mut digits));
    reply_unchanged(&mut cx.reply, bytes, operations);
    Ok(Flow::Done)
}

fn reply_unchanged(reply: &mut Reply<'_>, bytes: &[u8], operations: &[Operation]) {
    for operation in operations {
        let outcome = operation.outcome(operation.field.load(bytes));
        reply_outcome(reply, &outcome);
    }
}

fn reply_outcome(reply: &mut Reply<'_>, outcome: &Outcome) {
    match outcome.reply {
        Some(value) => reply.integer(value),
        None => reply.null(),
    }
}

/// Does any operation change these bytes? Up to the first that does they are as they were, so no copy is needed.
fn changes_any(bytes: &[u8], operations: &[Operation]) -> bool {
    operations.iter().any(|operation| {
        let old = operation.field.load(bytes);
        operation.outcome(old).write.is_some_and(|new| new != old)
    })
}

/// How long the string has to be for all writes; `None` if there are none.
fn written_len(operations: &[Operation]) -> Option<usize> {
    operations
        .iter()
        .filter(|operation| !matches!(operation.action, Action::Get))
        .map(|Operation { field, .. }| {
            ((field.offset + u64::from(field.bits) - 1) / 8 + 1) as usize
        })
        .max()
}

/// The first byte that is written; 0 if none is.
fn first_written(operations: &[Operation]) -> usize {
    let writes = operations
        .iter()
        .filter(|operation| !matches!(operation.action, Action::Get));
    let bytes = writes.map(|operation| (operation.field.offset / 8) as usize);
    bytes.min().unwrap_or(0)
}

fn parse(cx: &Ctx<'_>, args: Args<'_>) -> Result<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut at = 2;
    while at < args.len() {
        let left = args.len() - at - 1;
        if args.is(at, "OVERFLOW") && left >= 1 {
            overflow = parse_overflow(args.arg(at + 1))?;
            at += 2;
            continue;
        }
        let write: Option<fn(i64, Overflow) -> Action> = match left {
            2.. if args.is(at, "GET") => None,
            3.. if args.is(at, "SET") => Some(Action::Set),
            3.. if args.is(at, "INCRBY") => Some(Action::IncrBy),
            _ => return Err(CommandError::SYNTAX),
        };
        let field = parse_field(cx, args.arg(at + 1), args.arg(at + 2))?;
        let action = match write {
            None => Action::Get,
            Some(write) => {
                let value = parse_i64(args.arg(at + 3)).ok_or(CommandError::NOT_INTEGER)?;
                write(value, overflow)
            }
        };
        operations.push(Operation { field, action });
        at += if write.is_none() { 3 } else { 4 };
    }
    Ok(operations)
}

fn parse_overflow(word: &[u8]) -> Result<Overflow> {
    match word {
        _ if word.eq_ignore_ascii_case(b"WRAP") => Ok(Overflow::Wrap),
        _ if word.eq_ignore_ascii_case(b"SAT") => Ok(Overflow::Sat),
        _ if word.eq_ignore_ascii_case(b"FAIL") => Ok(Overflow::Fail),
        _ => Err(CommandError::BITFIELD_OVERFLOW),
    }
}

/// A type like `u8` or `i64`, and an offset in bits, or, after `#`, in integers of that type.
fn parse_field(cx: &Ctx<'_>, kind: &[u8], offset: &[u8]) -> Result<Field> {
    let (signed, bits) = match kind {
        [b'i', bits @ ..] => (true, parse_i64(bits).filter(|bits| (1..=64).contains(bits))),
        [b'u', bits @ ..] => (
            false,
            parse_i64(bits).filter(|bits| (1..=63).contains(bits)),
        ),
        _ => (false, None),
    };
    let bits = bits.ok_or(CommandError::BITFIELD_TYPE)?;
    let offset = match offset {
        [b'#', index @ ..] => parse_i64(index).and_then(|index| index.checked_mul(bits)),
        _ => parse_i64(offset),
    };
    let offset = offset
        .and_then(|offset| check_offset(cx, offset))
        .ok_or(CommandError::BIT_OFFSET)?;
    Ok(Field {
        offset,
        bits: bits as u32,
        signed,
    })
}

impl Operation {
    fn outcome(&self, old: i64) -> Outcome {
        let (value, overflow, replies_old) = match self.action {
            Action::Get => {
                return Outcome {
                    reply: Some(old),
                    write: None,
                };
            }
            // An unsigned field reads a negative value as the huge one with the same bits.
            Action::Set(value, overflow) if !self.field.signed => {
                (i128::from(value as u64), overflow, true)
            }
            Action::Set(value, overflow) => (i128::from(value), overflow, true),
            Action::IncrBy(by, overflow) => (i128::from(old) + i128::from(by), overflow, false),
        };
        let new = self.field.fit(value, overflow);
        Outcome {
            reply: new.map(|new| if replies_old { old } else { new }),
            write: new,
        }
    }
}

impl Field {
    /// The value as the field can hold it, or `None` if it is not to be written.
    fn fit(self, value: i128, overflow: Overflow) -> Option<i64> {
        let (min, max) = match self.signed {
            true => (
                -(1_i128 << (self.bits - 1)),
                (1_i128 << (self.bits - 1)) - 1,
            ),
            false => (0, (1_i128 << self.bits) - 1),
        };
        if (min..=max).contains(&value) {
            return Some(value as i64);
        }
        match overflow {
            Overflow::Wrap => Some(self.sign_extend(value as u64)),
            Overflow::Sat => Some(value.clamp(min, max) as i64),
            Overflow::Fail => None,
        }
    }

    /// The value that the lowest bits of `raw` stand for.
    fn sign_extend(self, raw: u64) -> i64 {
        let unused = 64 - self.bits;
        match self.signed {
            true => (raw << unused) as i64 >> unused,
            false => (raw << unused >> unused) as i64,
        }
    }

    /// How far the field's last bit is from the end of the sixteen bytes that begin with its first.
    fn shift(self) -> u32 {
        128 - (self.offset % 8) as u32 - self.bits
    }

    /// Reads the field; zeros follow after the end of `bytes`.
    fn load(self, bytes: &[u8]) -> i64 {
        let from = usize::try_from(self.offset / 8).map_or(bytes.len(), |at| at.min(bytes.len()));
        let window = &bytes[from..bytes.len().min(from + WINDOW_BYTES)];
        let mut word = [0; 16];
        word[..window.len()].copy_from_slice(window);
        self.sign_extend((u128::from_be_bytes(word) >> self.shift()) as u64)
    }

    /// Writes the field, which must lie within `bytes`.
    fn store(self, bytes: &mut [u8], value: i64) {
        let from = (self.offset / 8) as usize;
        let end = bytes.len().min(from + WINDOW_BYTES);
        let window = &mut bytes[from..end];
        let mut word = [0; 16];
        word[..window.len()].copy_from_slice(window);
        let mask = u128::from(u64::MAX >> (64 - self.bits)) << self.shift();
        let value = (u128::from(value as u64) << self.shift()) & mask;
        let word = (u128::from_be_bytes(word) & !mask | value).to_be_bytes();
        window.copy_from_slice(&word[..window.len()]);
    }
}

/// 64 bits that begin anywhere in a byte touch nine.
const WINDOW_BYTES: usize = 9;
