//! Questions about single members and numbers of members.

use super::bounds::{lex_range, score_range};
use super::{Result, reply_member, syntax};
use crate::base::write_f64;
use crate::command::ctx::{Ctx, Flow};
use crate::command::generic::scan::{ScanOptions, Scanned, parse_cursor};
use crate::command::random::{Picks, reply_one};
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
    let picks = Picks::parse(args, Some("WITHSCORES"))?;
    let zset = cx.db.read::<Zset>(args.arg(1))?;
    let Some(picks) = picks else {
        let picked = zset.and_then(|zset| zset.at(cx.rng.index(zset.len())));
        let member = picked.map(|(member, _)| member);
        return Ok(reply_one(&mut cx.reply, member, reply_member));
    };
    let empty = Zset::new();
    let zset = zset.unwrap_or(&empty);
    // Either of the two picks is made.
    let rng = std::cell::RefCell::new(&mut *cx.rng);
    picks.reply(
        &mut cx.reply,
        cx.config,
        zset.len(),
        |reply, (member, score), with_score| {
            reply_member(reply, member);
            if with_score {
                reply.double(score);
            }
        },
        |count, visit| zset.sample(&mut rng.borrow_mut(), count, visit),
        |visit| zset.draw(&mut rng.borrow_mut(), visit),
    )
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
    let options = ScanOptions::parse(args.from(3), Scanned::Scores)?;
    let mut list = Output::new();
    let mut found = Reply::new(&mut list, cx.reply.proto);
    let mut count = 0;
    let next = zset.scan(cursor, options.count, |member, score| {
        let mut buffer = crate::base::I64Buf::new(0);
        let name = member.text(&mut buffer);
        if options.pattern.fits(name) {
            found.bulk(name);
            count += 1;
            if !options.names_only {
                let mut text = Vec::with_capacity(24);
                write_f64(&mut text, score);
                found.bulk(&text);
                count += 1;
            }
        }
    });
    cx.reply.array(2);
    cx.reply.bulk(next.to_string().as_bytes());
    cx.reply.array(count);
    cx.reply.append(&mut list);
    Ok(Flow::Done)
}
