//! Strings as arrays of bits: bit 0 is the highest of the first byte, and what is beyond the end is zero.
//!
//! Here are the commands on single bits; `count.rs` counts and searches, `combine.rs` is BITOP, `field.rs` BITFIELD.
//!
//! A write that would leave every bit as it is and the string as long is no change: nothing is logged and no watching
//! client is disturbed. So writers look before they edit. (Redis makes the string `raw` even then; here it stays what
//! it was.)

mod combine;
mod count;
mod field;

use super::ctx::{Ctx, Flow};
use super::string::bulk_bytes_max;
use crate::base::{I64Buf, parse_i64};
use crate::config::KeyspaceEvents;
use crate::keyspace::{StrEdit, StrRef};
use crate::resp::{Args, CommandError};

pub use combine::bitop;
pub use count::{bitcount, bitpos};
pub use field::{bitfield, bitfield_ro};

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Replies one bit.
pub fn getbit(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let offset = parse_offset(cx, args.arg(2))?;
    let text = cx.db.get_str(args.arg(1))?;
    let byte = byte_of(text, offset).unwrap_or(0);
    cx.reply.integer(i64::from(bit_in(byte, offset)));
    Ok(Flow::Done)
}

/// Writes one bit, growing the string if it has to. Replies what the bit was.
pub fn setbit(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let offset = parse_offset(cx, args.arg(2))?;
    let bit = match parse_i64(args.arg(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(CommandError::BIT_VALUE),
    };
    let found = cx.db.edit_str(key)?;
    let byte = byte_of(found.as_ref().map(StrEdit::text), offset);
    let old = bit_in(byte.unwrap_or(0), offset);
    let changes = byte.is_none() || old != bit;
    if changes {
        let at = (offset / 8) as usize;
        let flip = |bytes: &mut [u8]| bytes[at] ^= u8::from(old != bit) << (7 - offset % 8);
        match found {
            Some(found) => found.update_grown(at..at + 1, flip),
            None => cx.db.create_str(key, at + 1, flip),
        }
    } else if let Some(found) = found {
        // Its encoding is that of a string that was edited, all the same.
        found.make_raw();
    }
    if changes {
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::STRING, "setbit", key);
    }
    cx.reply.integer(i64::from(old));
    Ok(Flow::Done)
}

/// The byte that bit `offset` is in; `None` beyond the end.
#[inline]
fn byte_of(text: Option<StrRef<'_>>, offset: u64) -> Option<u8> {
    let mut digits = I64Buf::new(0);
    let bytes = text.as_ref()?.text(&mut digits);
    bytes.get((offset / 8) as usize).copied()
}

#[inline]
fn bit_in(byte: u8, offset: u64) -> bool {
    byte >> (7 - offset % 8) & 1 == 1
}

/// A bit's position: it lies in a string of allowed length.
fn parse_offset(cx: &Ctx<'_>, text: &[u8]) -> Result<u64> {
    parse_i64(text)
        .and_then(|offset| check_offset(cx, offset))
        .ok_or(CommandError::BIT_OFFSET)
}

fn check_offset(cx: &Ctx<'_>, offset: i64) -> Option<u64> {
    u64::try_from(offset)
        .ok()
        .filter(|offset| offset / 8 < bulk_bytes_max(cx))
}

#[cfg(test)]
mod tests;
