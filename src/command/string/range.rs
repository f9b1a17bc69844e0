//! Parts of strings: GETRANGE, SETRANGE, APPEND.

use super::{Result, bulk_bytes_max, input, reply_str};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::Ttl;
use crate::resp::{Args, CommandError};

/// Replies the bytes from `start` to `end`, both included; negative positions count from the end. Also known as SUBSTR.
pub fn getrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let start = parse_i64(args.arg(2)).ok_or(CommandError::NOT_INTEGER)?;
    let end = parse_i64(args.arg(3)).ok_or(CommandError::NOT_INTEGER)?;
    let text = cx.db.get_str(args.arg(1))?;
    let mut digits = I64Buf::new(0);
    let bytes = match &text {
        Some(text) => text.text(&mut digits),
        None => b"",
    };
    match inclusive_range(start, end, bytes.len()) {
        // All of a long value can be lent; a part cannot.
        Some((0, end)) if end + 1 == bytes.len() => reply_str(&mut cx.reply, text),
        Some((start, end)) => cx.reply.bulk(&bytes[start..=end]),
        None => cx.reply.bulk(b""),
    }
    Ok(Flow::Done)
}

/// The positions `start..=end` as clients give them, brought into a sequence of `len`; `None` if nothing is left.
pub(in crate::command) fn inclusive_range(
    start: i64,
    end: i64,
    len: usize,
) -> Option<(usize, usize)> {
    // Said twice from the end and the wrong way round: empty, before clamping could make it something.
    if start < 0 && end < 0 && start > end {
        return None;
    }
    clamped_range(start, end, len)
}

/// As [`inclusive_range`], but what lies before the beginning is moved there even if it was the wrong way round.
pub(in crate::command) fn clamped_range(
    start: i64,
    end: i64,
    len: usize,
) -> Option<(usize, usize)> {
    let len = len as i64;
    let from_end = |at: i64| if at < 0 { (len + at).max(0) } else { at };
    let (start, end) = (from_end(start), from_end(end).min(len - 1));
    (start <= end).then_some((start as usize, end as usize))
}

/// Overwrites bytes from an offset on; a gap before it is filled with zeros. Replies the new length.
pub fn setrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, patch) = (args.arg(1), args.arg(3));
    let offset = parse_i64(args.arg(2)).ok_or(CommandError::NOT_INTEGER)?;
    let offset = u64::try_from(offset).map_err(|_| CommandError::OFFSET_OUT_OF_RANGE)?;
    let max = bulk_bytes_max(cx);
    let found = cx.db.edit_str(key)?;
    let len = found.as_ref().map_or(0, |found| found.text().len());
    if patch.is_empty() {
        cx.reply.count(len);
        return Ok(Flow::Done);
    }
    let end = checked_len(max, offset, patch.len())?;
    let edit = |bytes: &mut [u8]| bytes[end - patch.len()..end].copy_from_slice(patch);
    match found {
        Some(found) => found.update_grown(end - patch.len()..end, edit),
        None => cx.db.create_str(key, end, edit),
    }
    cx.dirty += 1;
    cx.notify(KeyspaceEvents::STRING, "setrange", key);
    cx.reply.count(len.max(end));
    Ok(Flow::Done)
}

/// Adds bytes at the end. Replies the new length.
pub fn append(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, more) = (args.arg(1), args.arg(2));
    let max = bulk_bytes_max(cx);
    let len = match cx.db.edit_str(key)? {
        // A new key is as if it had been SET, whatever the length.
        None => {
            cx.db.set_str(key, input(args, 2), Ttl::Clear);
            more.len()
        }
        Some(found) => {
            let len = checked_len(max, found.text().len() as u64, more.len())?;
            found.append(more);
            len
        }
    };
    cx.dirty += 1;
    cx.notify(KeyspaceEvents::STRING, "append", key);
    cx.reply.count(len);
    Ok(Flow::Done)
}

/// `len + more`, if that is at most `max`.
fn checked_len(max: u64, len: u64, more: usize) -> Result<usize> {
    len.checked_add(more as u64)
        .filter(|&total| total <= max)
        .and_then(|total| usize::try_from(total).ok())
        .ok_or(CommandError::STRING_TOO_LONG)
}
