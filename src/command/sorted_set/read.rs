//! Questions about single members and numbers of members.

use super::bounds::{lex_range, score_range};
use super::{Listing, Result, reply_member, syntax};
use crate::base::limits::REPEATED_PICKS_MAX;
use crate::base::{Rng, Set, parse_i64, write_f64};
use crate::command::ctx::{Ctx, Flow};
use crate::command::generic::scan::{ScanOptions, Scanned, parse_cursor};
use crate::resp::{Args, CommandError, Output, Reply};
use crate::types::Zset;

/// Counts the members.
pub fn zcard(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let len = cx.db.read::<Zset>(args.arg(1))?.map_or(0, Zset::len);
    cx.reply.count(len);
    Ok(Flow::Done)
}

/// Replies the score of a member, or null.
pub fn zscore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let zset = cx.db.read::<Zset>(args.arg(1))?;
    let score = zset.and_then(|zset| zset.score(args.arg(2)));
    reply_score(&mut cx.reply, score);
    Ok(Flow::Done)
}

/// Replies the scores of members, null for one that is not there.
pub fn zmscore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let zset = cx.db.read::<Zset>(args.arg(1))?;
    let members = args.from(2);
    cx.reply.array(members.len());
    for member in members {
        reply_score(&mut cx.reply, zset.and_then(|zset| zset.score(member)));
    }
    Ok(Flow::Done)
}

fn reply_score(reply: &mut Reply<'_>, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// Replies the position of a member, lowest score first.
pub fn zrank(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    rank(cx, args, "zrank", |rank, _| rank)
}

/// Replies the position of a member, highest score first.
pub fn zrevrank(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    rank(cx, args, "zrevrank", |rank, len| len - 1 - rank)
}

fn rank(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    name: &str,
    position: impl FnOnce(usize, usize) -> usize,
) -> Result {
    if args.len() > 4 {
        return Err(CommandError::wrong_arity(name));
    }
    let with_score = args.len() == 4;
    if with_score && !args.is(3, "WITHSCORE") {
        return syntax();
    }
    let zset = cx.db.read::<Zset>(args.arg(1))?;
    let found = zset.and_then(|zset| Some((zset.rank(args.arg(2))?, zset.len())));
    match (found, with_score) {
        (Some(((rank, _), len)), false) => cx.reply.count(position(rank, len)),
        (Some(((rank, score), len)), true) => {
            cx.reply.array(2);
            cx.reply.count(position(rank, len));
            cx.reply.double(score);
        }
        (None, false) => cx.reply.null(),
        (None, true) => cx.reply.null_array(),
    }
    Ok(Flow::Done)
}

/// Counts the members with scores in a range.
pub fn zcount(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let range = score_range(args.arg(2), args.arg(3))?;
    let zset = cx.db.read::<Zset>(args.arg(1))?;
    let count = zset.map_or(0, |zset| zset.ranks_by_score(&range).len());
    cx.reply.count(count);
    Ok(Flow::Done)
}

/// Counts the members with names in a range.
pub fn zlexcount(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let range = lex_range(args.arg(2), args.arg(3))?;
    let zset = cx.db.read::<Zset>(args.arg(1))?;
    let count = zset.map_or(0, |zset| zset.ranks_by_name(&range).len());
    cx.reply.count(count);
    Ok(Flow::Done)
}

/// Replies members picked at random.
pub fn zrandmember(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let Some(count) = args.get(2) else {
        let zset = cx.db.read::<Zset>(args.arg(1))?;
        match zset.and_then(|zset| zset.at(cx.rng.index(zset.len()))) {
            Some((member, _)) => reply_member(&mut cx.reply, member),
            None => cx.reply.null(),
        }
        return Ok(Flow::Done);
    };
    let count = parse_i64(count).ok_or(CommandError::NOT_INTEGER)?;
    if count == i64::MIN {
        return Err(CommandError::not_between(-i64::MAX, i64::MAX));
    }
    let with_scores = match args.len() {
        3 => false,
        4 if args.is(3, "WITHSCORES") => true,
        _ => return syntax(),
    };
    if with_scores && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(CommandError::OUT_OF_RANGE);
    }
    let listing = Listing { with_scores };
    let zset = match cx.db.read::<Zset>(args.arg(1))? {
        Some(zset) if count != 0 => zset,
        _ => {
            cx.reply.array(0);
            return Ok(Flow::Done);
        }
    };
    let magnitude = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 {
        // The same member may come again.
        if magnitude > REPEATED_PICKS_MAX {
            return Err(CommandError::OUT_OF_RANGE);
        }
        listing.header(&mut cx.reply, magnitude);
        for _ in 0..magnitude {
            let rank = cx.rng.index(zset.len());
            if let Some((member, score)) = zset.at(rank) {
                listing.member(&mut cx.reply, member, score);
            }
        }
        return Ok(Flow::Done);
    }
    if magnitude >= zset.len() {
        listing.header(&mut cx.reply, zset.len());
        for (member, score) in zset.iter() {
            listing.member(&mut cx.reply, member, score);
        }
        return Ok(Flow::Done);
    }
    listing.header(&mut cx.reply, magnitude);
    for rank in pick(cx.rng, zset.len(), magnitude) {
        if let Some((member, score)) = zset.at(rank) {
            listing.member(&mut cx.reply, member, score);
        }
    }
    Ok(Flow::Done)
}

/// `count` different numbers below `len`, in random order; `count` is less than `len`.
fn pick(rng: &mut Rng, len: usize, count: usize) -> Vec<usize> {
    if count > len / 4 {
        let mut all: Vec<usize> = (0..len).collect();
        rng.shuffle(&mut all);
        all.truncate(count);
        return all;
    }
    let mut seen = Set::default();
    let mut picked = Vec::with_capacity(count);
    while picked.len() < count {
        let number = rng.index(len);
        if seen.insert(number) {
            picked.push(number);
        }
    }
    picked
}

/// Lists some members from a cursor on; replies where to go on, and members and scores in turn.
pub fn zscan(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let cursor = parse_cursor(args.arg(2)).ok_or(CommandError::INVALID_CURSOR)?;
    let Some(zset) = cx.db.read::<Zset>(args.arg(1))? else {
        cx.reply.array(2);
        cx.reply.bulk(b"0");
        cx.reply.array(0);
        return Ok(Flow::Done);
    };
    let options = ScanOptions::parse(args.from(3), Scanned::Elements)?;
    let mut list = Output::new();
    let mut found = Reply::new(&mut list, cx.reply.proto);
    let mut count = 0;
    let next = zset.scan(cursor, options.count, |member, score| {
        let mut buffer = crate::base::I64Buf::new(0);
        let name = member.text(&mut buffer);
        if options.pattern.fits(name) {
            let mut text = Vec::with_capacity(24);
            write_f64(&mut text, score);
            found.bulk(name);
            found.bulk(&text);
            count += 2;
        }
    });
    cx.reply.array(2);
    cx.reply.bulk(next.to_string().as_bytes());
    cx.reply.array(count);
    cx.reply.append(&mut list);
    Ok(Flow::Done)
}
