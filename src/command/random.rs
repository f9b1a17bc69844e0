//! SRANDMEMBER, HRANDFIELD and ZRANDMEMBER: what they have in common, which is all but where they pick from.
//!
//! A negative count asks for so many draws, in which the same one may come again: a few bytes ask for a reply that no
//! memory holds, as it is written before the first byte of it is sent. So it has a bound. A client whose output has a
//! limit gets what exceeds that, which closes its connection, as in Redis; where there is none, a reply beyond
//! `DRAWN_BYTES_MAX` is refused.

use super::ctx::Flow;
use crate::base::limits::{DRAWN_BYTES_MAX, OUTPUT_UNCOUNTED_BYTES};
use crate::base::parse_i64;
use crate::config::{Config, OutputClass};
use crate::resp::{Args, CommandError, Reply};

/// What is wanted.
#[derive(Clone, Copy)]
pub(super) struct Picks {
    /// So many different ones; or so many draws, if it is negative.
    count: i64,
    /// Each with what belongs to it.
    pub(super) in_pairs: bool,
}

impl Picks {
    /// `[count [WORD]]`, if there is a word for pairs. `None` without a count: just one.
    pub(super) fn parse(
        args: Args<'_>,
        pairs: Option<&str>,
    ) -> Result<Option<Picks>, CommandError> {
        let Some(count) = args.get(2) else {
            return Ok(None);
        };
        if pairs.is_none() && args.len() > 3 {
            return Err(CommandError::SYNTAX);
        }
        let count = parse_i64(count).ok_or(CommandError::NOT_INTEGER)?;
        if count == i64::MIN {
            return Err(CommandError::not_between(-i64::MAX, i64::MAX));
        }
        let in_pairs = match (args.len(), pairs) {
            (3, _) => false,
            (4, Some(word)) if args.is(3, word) => true,
            _ => return Err(CommandError::SYNTAX),
        };
        if in_pairs && count.unsigned_abs() > i64::MAX as u64 / 2 {
            return Err(CommandError::OUT_OF_RANGE);
        }
        Ok(Some(Picks { count, in_pairs }))
    }

    /// Replies what is picked of `len`. `sample` calls its argument with so many different ones, `draw` until that says
    /// no.
    pub(super) fn reply<T>(
        self,
        reply: &mut Reply<'_>,
        config: &Config,
        len: usize,
        put: impl Fn(&mut Reply<'_>, T, bool),
        sample: impl FnOnce(usize, &mut dyn FnMut(T)),
        draw: impl FnOnce(&mut dyn FnMut(T) -> bool),
    ) -> Result<Flow, CommandError> {
        if len == 0 || self.count == 0 {
            reply.array(0);
            return Ok(Flow::Done);
        }
        let nested = self.in_pairs && reply.is_resp3();
        let width = if self.in_pairs && !nested { 2 } else { 1 };
        let put = |reply: &mut Reply<'_>, it: T| {
            if nested {
                reply.array(2);
            }
            put(reply, it, self.in_pairs);
        };
        let wanted = usize::try_from(self.count.unsigned_abs()).unwrap_or(usize::MAX);
        if self.count > 0 {
            let count = wanted.min(len);
            reply.array(count * width);
            sample(count, &mut |it| put(reply, it));
            return Ok(Flow::Done);
        }
        let limit = match config.client_output_buffer_limit[OutputClass::Normal as usize].hard_bytes
        {
            0 => usize::MAX,
            limit => usize::try_from(limit)
                .unwrap_or(usize::MAX)
                .saturating_add(OUTPUT_UNCOUNTED_BYTES),
        };
        let max = limit.min(DRAWN_BYTES_MAX);
        if max < limit && wanted.saturating_mul(width * BULK_BYTES_MIN) > max {
            return Err(CommandError::OUT_OF_RANGE);
        }
        let mark = reply.mark();
        let (mut drawn, mut bytes) = (0, 0);
        draw(&mut |it| {
            let start = reply.out.position();
            put(reply, it);
            drawn += 1;
            bytes += reply.out.len_since(start);
            drawn < wanted && bytes <= max
        });
        if drawn < wanted && max < limit {
            reply.rewind(mark);
            return Err(CommandError::OUT_OF_RANGE);
        }
        reply.set_array(mark, drawn * width);
        Ok(Flow::Done)
    }
}

/// An empty text in a reply.
const BULK_BYTES_MIN: usize = b"$0\r\n\r\n".len();

/// Replies one, or null if there is none.
pub(super) fn reply_one<T>(
    cx_reply: &mut Reply<'_>,
    picked: Option<T>,
    put: impl FnOnce(&mut Reply<'_>, T),
) -> Flow {
    match picked {
        Some(it) => put(cx_reply, it),
        None => cx_reply.null(),
    }
    Flow::Done
}
