//! BITCOUNT and BITPOS: over 64-bit words, with the bytes at the edges of the range done by themselves.

use super::Result;
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::command::string::range::{clamped_range, inclusive_range};
use crate::resp::{Args, CommandError};

/// Bits `start..end` of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BitRange {
    start: usize,
    end: usize,
}

/// What the positions of a range count.
#[derive(Clone, Copy)]
enum Unit {
    Byte,
    Bit,
}

impl Unit {
    /// BYTE unless said otherwise.
    fn parse(word: Option<&[u8]>) -> Result<Unit> {
        match word {
            None => Ok(Unit::Byte),
            Some(word) if word.eq_ignore_ascii_case(b"BYTE") => Ok(Unit::Byte),
            Some(word) if word.eq_ignore_ascii_case(b"BIT") => Ok(Unit::Bit),
            Some(_) => Err(CommandError::SYNTAX),
        }
    }

    fn bits(self) -> usize {
        match self {
            Unit::Byte => 8,
            Unit::Bit => 1,
        }
    }
}

/// Counts the one bits, of the whole string or of a range. Of an absent key the range is not even read, as in Redis.
pub fn bitcount(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let mut digits = I64Buf::new(0);
    let text = cx.db.get_str(args.arg(1))?;
    let count = match &text {
        Some(text) => {
            let bytes = text.text(&mut digits);
            count_range(args, bytes.len())?.map_or(0, |range| count_ones(bytes, range))
        }
        None => 0,
    };
    cx.reply.integer(count as i64);
    Ok(Flow::Done)
}

/// The range that BITCOUNT's arguments name in a string of `len` bytes; `None` if it is empty.
fn count_range(args: Args<'_>, len: usize) -> Result<Option<BitRange>> {
    match args.len() {
        2 => {
            return Ok(Some(BitRange {
                start: 0,
                end: len * 8,
            }));
        }
        4 | 5 => {}
        _ => return Err(CommandError::SYNTAX),
    }
    let start = parse_i64(args.arg(2)).ok_or(CommandError::NOT_INTEGER)?;
    let end = parse_i64(args.arg(3)).ok_or(CommandError::NOT_INTEGER)?;
    if start < 0 && end < 0 && start > end {
        return Ok(None);
    }
    let unit = Unit::parse(args.get(4))?;
    let units = len * 8 / unit.bits();
    Ok(inclusive_range(start, end, units).map(|range| range_of(range, unit)))
}

fn range_of((first, last): (usize, usize), unit: Unit) -> BitRange {
    BitRange {
        start: first * unit.bits(),
        end: (last + 1) * unit.bits(),
    }
}

/// Finds the first bit that is set, or clear. -1 if the range has none; but a string that was not limited at its end
/// goes on with zeros for ever.
pub fn bitpos(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let wanted = match parse_i64(args.arg(2)).ok_or(CommandError::NOT_INTEGER)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::BITPOS_BIT),
    };
    let mut digits = I64Buf::new(0);
    let text = cx.db.get_str(args.arg(1))?;
    let position = match &text {
        Some(text) => {
            let bytes = text.text(&mut digits);
            position_range(args, bytes.len())?.and_then(|range| {
                let endless = args.len() < 5 && !wanted;
                find_bit(bytes, range, wanted).or(endless.then_some(range.end))
            })
        }
        None => (!wanted).then_some(0),
    };
    cx.reply.integer(position.map_or(-1, |at| at as i64));
    Ok(Flow::Done)
}

/// The range that BITPOS's arguments name in a string of `len` bytes; `None` if it is empty.
fn position_range(args: Args<'_>, len: usize) -> Result<Option<BitRange>> {
    if args.len() > 6 {
        return Err(CommandError::SYNTAX);
    }
    let parse = |at: usize, default: i64| match args.get(at) {
        Some(text) => parse_i64(text).ok_or(CommandError::NOT_INTEGER),
        None => Ok(default),
    };
    let start = parse(3, 0)?;
    let unit = Unit::parse(args.get(5))?;
    let end = parse(4, -1)?;
    let units = len * 8 / unit.bits();
    Ok(clamped_range(start, end, units).map(|range| range_of(range, unit)))
}

/// How many bits of the range are set.
fn count_ones(bytes: &[u8], range: BitRange) -> u64 {
    let BitRange { start, end } = range;
    let (first, last) = (start / 8, end / 8);
    if first == last {
        return u64::from((edge(bytes, first) & head_mask(start) & !head_mask(end)).count_ones());
    }
    let head = edge(bytes, first) & head_mask(start);
    let tail = edge(bytes, last) & !head_mask(end);
    let (words, rest) = bytes[first + 1..last].as_chunks::<8>();
    // Without a cross-iteration dependency but the sum, this becomes vector code also where there is no POPCNT.
    let whole: u64 = words
        .iter()
        .map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()))
        .sum();
    let bytewise = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| u64::from(byte.count_ones()))
            .sum::<u64>()
    };
    whole + bytewise(rest) + bytewise(&[head, tail])
}

/// The first bit of the range that is `wanted`.
fn find_bit(bytes: &[u8], range: BitRange, wanted: bool) -> Option<usize> {
    let BitRange { start, end } = range;
    // A byte without a wanted bit; flipping by it makes the wanted bits ones.
    let flip = if wanted { 0 } else { u8::MAX };
    let in_byte = |at: usize, mask: u8| {
        let byte = (edge(bytes, at) ^ flip) & mask;
        (byte != 0).then(|| at * 8 + byte.leading_zeros() as usize)
    };
    let (first, last) = (start / 8, end / 8);
    if first == last {
        return in_byte(first, head_mask(start) & !head_mask(end));
    }
    in_byte(first, head_mask(start))
        .or_else(|| {
            let found = find_byte(&bytes[first + 1..last], flip)?;
            in_byte(first + 1 + found, u8::MAX)
        })
        .or_else(|| in_byte(last, !head_mask(end)))
}

/// The first byte that is not `dull`, which is 0 or 255. Eight words at a time while they are dull.
fn find_byte(bytes: &[u8], dull: u8) -> Option<usize> {
    let dull_word = u64::from_ne_bytes([dull; 8]);
    let (blocks, _) = bytes.as_chunks::<64>();
    let skipped = blocks
        .iter()
        .take_while(|block| {
            let (words, _) = block.as_chunks::<8>();
            let differs = words
                .iter()
                .fold(0, |acc, word| acc | (u64::from_ne_bytes(*word) ^ dull_word));
            differs == 0
        })
        .count();
    let start = skipped * 64;
    bytes[start..]
        .iter()
        .position(|&byte| byte != dull)
        .map(|at| start + at)
}

/// The byte at `at`, zero right behind the end: a range that ends there has an empty last byte.
fn edge(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

/// Ones from the bit on that `position` is at within its byte.
fn head_mask(position: usize) -> u8 {
    u8::MAX >> (position % 8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn counting_and_searching_agree_with_bit_by_bit() {
        let mut rng = Rng::new(5);
        for round in 0..3000 {
            let len = rng.index(300);
            let bytes: Vec<u8> = match round % 3 {
                0 => (0..len).map(|_| rng.next_u64() as u8).collect(),
                kind => {
                    let mut bytes = vec![if kind == 1 { 0 } else { 255 }; len];
                    if len > 0 {
                        bytes[rng.index(len)] ^= 1 << rng.index(8);
                    }
                    bytes
                }
            };
            let start = rng.index(len * 8 + 1);
            let end = start + rng.index(len * 8 - start + 1);
            let range = BitRange { start, end };
            let bit = |at: usize| bytes[at / 8] >> (7 - at % 8) & 1 == 1;
            let ones = (start..end).filter(|&at| bit(at)).count();
            assert_eq!(count_ones(&bytes, range), ones as u64);
            for wanted in [false, true] {
                let first = (start..end).find(|&at| bit(at) == wanted);
                assert_eq!(find_bit(&bytes, range, wanted), first, "{range:?} {wanted}");
            }
        }
    }
}
