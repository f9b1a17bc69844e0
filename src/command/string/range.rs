//! Parts of strings: GETRANGE, SETRANGE, APPEND; and growing a string, which the bitmap commands do as well.

use std::sync::Arc;

use super::{Result, bulk_bytes_max, reply_str};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::keyspace::{Db, StrInput, StrRef, Ttl};
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
    let len = cx.db.find_str(key)?.map_or(0, |text| text.len());
    if patch.is_empty() {
        cx.reply.count(len);
        return Ok(Flow::Done);
    }
    let end = checked_len(cx, offset, patch.len())?;
    let len = edit_grown(&mut cx.db, key, end, |bytes| {
        bytes[end - patch.len()..end].copy_from_slice(patch);
        bytes.len()
    })?;
    cx.dirty += 1;
    cx.reply.count(len);
    Ok(Flow::Done)
}

/// Adds bytes at the end. Replies the new length.
pub fn append(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, more) = (args.arg(1), args.arg(2));
    let len = match cx.db.find_str(key)? {
        // A new key is as if it had been SET, whatever the length.
        None => {
            cx.db.set_str(key, StrInput::Bytes(more), Ttl::Clear);
            more.len()
        }
        Some(old) => {
            let old_len = old.len();
            let len = checked_len(cx, old_len as u64, more.len())?;
            cx.db.update_str(key, |bytes| {
                reserve(bytes, len);
                bytes.extend_from_slice(more);
            })?;
            len
        }
    };
    cx.dirty += 1;
    cx.reply.count(len);
    Ok(Flow::Done)
}

/// `len + more`, if a string may be that long.
fn checked_len(cx: &Ctx<'_>, len: u64, more: usize) -> Result<usize> {
    len.checked_add(more as u64)
        .filter(|&total| total <= bulk_bytes_max(cx))
        .and_then(|total| usize::try_from(total).ok())
        .ok_or(CommandError::STRING_TOO_LONG)
}

/// Edits a string that is at least `len` bytes long by then: zeros are added at its end, an absent key is created. The
/// expiry time stays.
///
/// A long value is edited where it is. One that becomes long is built in memory that the allocator has zeroed, which
/// for a bit set far out is memory that nobody has touched.
pub(in crate::command) fn edit_grown<T>(
    db: &mut Db<'_>,
    key: &[u8],
    len: usize,
    edit: impl FnOnce(&mut [u8]) -> T,
) -> Result<T> {
    let old = db.find_str(key)?;
    if len < BUILT_ELSEWHERE_BYTES_MIN || matches!(old, Some(StrRef::Shared(_))) {
        return db.update_str(key, |bytes| {
            if bytes.len() < len {
                reserve(bytes, len);
                bytes.resize(len, 0);
            }
            edit(bytes)
        });
    }
    let mut bytes = vec![0; len];
    if let Some(old) = old {
        let mut digits = I64Buf::new(0);
        let old = old.text(&mut digits);
        bytes.resize(len.max(old.len()), 0);
        bytes[..old.len()].copy_from_slice(old);
    }
    let result = edit(&mut bytes);
    db.set_str(key, StrInput::Shared(Arc::new(bytes)), Ttl::Keep);
    Ok(result)
}

/// Makes room for `len` bytes and as much again, but at most an eighth of a long string: who appends once appends
/// again, but half of a gigabyte is too much to bet on it.
fn reserve(bytes: &mut Vec<u8>, len: usize) {
    if len > bytes.capacity() {
        let spare = len.min((len / 8).max(SPARE_BYTES_MAX));
        bytes.reserve_exact(len + spare - bytes.len());
    }
}

/// From here on `edit_grown` does not go through the store's scratch buffer. Longer than anything kept inline.
const BUILT_ELSEWHERE_BYTES_MIN: usize = 4096;

/// Spare room that is given without asking how long the string is.
const SPARE_BYTES_MAX: usize = 1 << 20;
