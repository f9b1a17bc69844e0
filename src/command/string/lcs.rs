//! LCS: the longest common subsequence of two strings.
//!
//! The textbook table has a number for every pair of prefixes. Going along a row of it the numbers grow by nought or
//! one, so a row is kept as one bit a column, 64 columns in a word, and the next row comes out of a few operations on
//! each word (Crochemore et al. 2001, Hyyrö 2004): about fifty times less work and 32 times less memory. For the length
//! alone one row is enough; to find the subsequence all rows are kept and walked back from the last corner.
//!
//! Which of several longest subsequences is found is part of the reply, so the walk prefers as Redis does: on a match
//! go diagonally, else go back in the second string unless that loses length.
//!
//! The limit stays that of the textbook's table, so that a request that Redis refuses is refused here.

use super::{Result, bulk_bytes_max};
use crate::base::parse_i64;
use crate::command::ctx::{Ctx, Flow};
use crate::keyspace::{StrRef, ValueRef};
use crate::resp::{Args, CommandError, Reply};

/// What to reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// The subsequence.
    Text,
    /// LEN: its length.
    Length,
    /// IDX: where its pieces lie in both strings.
    Places(PlaceOptions),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct PlaceOptions {
    /// MINMATCHLEN: shorter pieces are left out.
    len_min: i64,
    /// WITHMATCHLEN: each piece comes with its length.
    with_len: bool,
}

impl Answer {
    fn parse(args: Args<'_>) -> Result<Answer> {
        let (mut length, mut places, mut options) = (false, false, PlaceOptions::default());
        let mut at = 0;
        while at < args.len() {
            match args.get(at + 1) {
                _ if args.is(at, "IDX") => places = true,
                _ if args.is(at, "LEN") => length = true,
                _ if args.is(at, "WITHMATCHLEN") => options.with_len = true,
                Some(text) if args.is(at, "MINMATCHLEN") => {
                    options.len_min = parse_i64(text).ok_or(CommandError::NOT_INTEGER)?;
                    at += 1;
                }
                _ => return Err(CommandError::SYNTAX),
            }
            at += 1;
        }
        match (length, places) {
            (true, true) => Err(CommandError::LCS_LEN_AND_IDX),
            (true, false) => Ok(Answer::Length),
            (false, true) => Ok(Answer::Places(options)),
            (false, false) => Ok(Answer::Text),
        }
    }
}

/// Replies the longest common subsequence, its length, or its places.
pub fn lcs(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let [a, b] = [1, 2].map(|at| match cx.db.get(args.arg(at)) {
        None => Ok(Vec::new()),
        Some(ValueRef::Str(StrRef::Shared(text))) => Ok(text.to_vec()),
        Some(ValueRef::Str(text)) => Ok(text.to_vec()),
        Some(ValueRef::Collection(_)) => Err(CommandError::LCS_NOT_STRINGS),
    });
    let (a, b) = (a?, b?);
    let answer = Answer::parse(args.from(3))?;
    let too_long = u32::MAX as usize - 1;
    if a.len() >= too_long || b.len() >= too_long {
        return Err(CommandError::LCS_TOO_LONG);
    }
    let cells = (a.len() as u64 + 1) * (b.len() as u64 + 1);
    if cells
        .checked_mul(size_of::<u32>() as u64)
        .is_none_or(|bytes| bytes > bulk_bytes_max(cx))
    {
        return Err(CommandError::LCS_OVER_LIMIT);
    }
    let reply = &mut cx.reply;
    match answer {
        Answer::Length => reply.count(Rows::last(&a, &b).len(a.len(), b.len())),
        Answer::Text => {
            let rows = Rows::all(&a, &b);
            let mut text = Vec::with_capacity(rows.len(a.len(), b.len()));
            rows.walk(&a, &b, |piece| {
                text.extend(a[piece.a..piece.a + piece.len].iter().rev());
            });
            text.reverse();
            reply.bulk(&text);
        }
        Answer::Places(options) => reply_places(reply, &Rows::all(&a, &b), &a, &b, options),
    }
    Ok(Flow::Done)
}

/// The pieces from last to first.
fn reply_places(reply: &mut Reply<'_>, rows: &Rows, a: &[u8], b: &[u8], options: PlaceOptions) {
    reply.map(2);
    reply.bulk_str("matches");
    let mark = reply.mark();
    let mut pieces = 0;
    rows.walk(a, b, |piece| {
        if (piece.len as i64) < options.len_min {
            return;
        }
        pieces += 1;
        reply.array(2 + usize::from(options.with_len));
        for start in [piece.a, piece.b] {
            reply.array(2);
            reply.count(start);
            reply.count(start + piece.len - 1);
        }
        if options.with_len {
            reply.count(piece.len);
        }
    });
    reply.set_array(mark, pieces);
    reply.bulk_str("len");
    reply.count(rows.len(a.len(), b.len()));
}

/// A run of bytes that the subsequence takes from both strings.
#[derive(Clone, Copy)]
struct Piece {
    a: usize,
    b: usize,
    len: usize,
}

/// Rows of the table, one for each prefix of `b`. In the row of a prefix, bit `i` is clear if one byte more of `a`, its
/// byte `i`, makes the common subsequence longer.
struct Rows {
    words: Vec<u64>,
    /// Words in a row.
    width: usize,
    /// The prefix of `b` that the first row is for.
    first: usize,
}

impl Rows {
    /// The row of each prefix of `b`.
    fn all(a: &[u8], b: &[u8]) -> Rows {
        let width = a.len().div_ceil(64);
        let masks = masks(a, width);
        let mut words = vec![u64::MAX; width * (b.len() + 1)];
        for (j, &byte) in b.iter().enumerate() {
            let (before, row) = words[j * width..(j + 2) * width].split_at_mut(width);
            row.copy_from_slice(before);
            step(row, mask(&masks, width, byte));
        }
        Rows {
            words,
            width,
            first: 0,
        }
    }

    /// The row of `b` as a whole.
    fn last(a: &[u8], b: &[u8]) -> Rows {
        let width = a.len().div_ceil(64);
        let masks = masks(a, width);
        let mut words = vec![u64::MAX; width];
        for &byte in b {
            step(&mut words, mask(&masks, width, byte));
        }
        Rows {
            words,
            width,
            first: b.len(),
        }
    }

    fn row(&self, j: usize) -> &[u64] {
        &self.words[(j - self.first) * self.width..][..self.width]
    }

    /// Length of the longest common subsequence of the prefixes of lengths `i` and `j`.
    fn len(&self, i: usize, j: usize) -> usize {
        let row = self.row(j);
        let ones: u32 = row[..i / 64].iter().map(|word| word.count_ones()).sum();
        let tail = match i % 64 {
            0 => 0,
            bits => (row[i / 64] << (64 - bits)).count_ones(),
        };
        i - (ones + tail) as usize
    }

    /// Calls `found` for each piece of the subsequence, from the last to the first.
    fn walk(&self, a: &[u8], b: &[u8], mut found: impl FnMut(Piece)) {
        let (mut i, mut j) = (a.len(), b.len());
        let mut piece: Option<Piece> = None;
        while i > 0 && j > 0 {
            if a[i - 1] == b[j - 1] {
                (i, j) = (i - 1, j - 1);
                let len = piece.map_or(0, |piece| piece.len);
                piece = Some(Piece {
                    a: i,
                    b: j,
                    len: len + 1,
                });
                continue;
            }
            if let Some(piece) = piece.take() {
                found(piece);
            }
            let grows_with_a = self.row(j)[(i - 1) / 64] >> ((i - 1) % 64) & 1 == 0;
            // If it does not, both neighbours may be as long as this; then `b` goes first.
            if !grows_with_a && self.len(i, j - 1) < self.len(i, j) {
                i -= 1;
            } else {
                j -= 1;
            }
        }
        if let Some(piece) = piece {
            found(piece);
        }
    }
}

/// For each byte value the places in `a` where it is, as bits.
fn masks(a: &[u8], width: usize) -> Vec<u64> {
    let mut masks = vec![0; 256 * width];
    for (i, &byte) in a.iter().enumerate() {
        masks[usize::from(byte) * width + i / 64] |= 1 << (i % 64);
    }
    masks
}

fn mask(masks: &[u64], width: usize, byte: u8) -> &[u64] {
    &masks[usize::from(byte) * width..][..width]
}

/// Turns a row into the next: within each stretch of ones that has matches, the lowest match takes the zero's place.
fn step(row: &mut [u64], matches: &[u64]) {
    let mut carry = false;
    for (word, &matches) in row.iter_mut().zip(matches) {
        let hits = *word & matches;
        let (sum, over) = word.overflowing_add(hits);
        let (sum, more) = sum.overflowing_add(u64::from(carry));
        carry = over || more;
        *word = sum | (*word & !matches);
    }
}
