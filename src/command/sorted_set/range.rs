//! ZRANGE and its relatives: members between two bounds, to read, to store, to remove.

use std::ops::Range;

use super::bounds::{Positions, lex_range, score_range};
use super::{Listing, Result, limits, removed, store, syntax};
use crate::base::parse_i64;
use crate::command::ctx::{Ctx, Flow};
use crate::resp::{Args, CommandError};
use crate::types::{LexRange, ScoreRange, Zset};

/// What the bounds are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Name,
}

/// What a command's name says already; options cannot say it again.
#[derive(Clone, Copy)]
struct Form {
    by: Option<By>,
    descending: Option<bool>,
}

/// Members in a range of positions, scores or names.
pub fn zrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let form = Form {
        by: None,
        descending: None,
    };
    read(cx, args, form)
}

/// Members in a range of positions, highest first.
pub fn zrevrange(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    read(cx, args, form(By::Rank, true))
}

/// Members with scores in a range.
pub fn zrangebyscore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    read(cx, args, form(By::Score, false))
}

/// Members with scores in a range, highest first.
pub fn zrevrangebyscore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    read(cx, args, form(By::Score, true))
}

/// Members with names in a range.
pub fn zrangebylex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    read(cx, args, form(By::Name, false))
}

/// Members with names in a range, backwards.
pub fn zrevrangebylex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    read(cx, args, form(By::Name, true))
}

fn form(by: By, descending: bool) -> Form {
    Form {
        by: Some(by),
        descending: Some(descending),
    }
}

fn read(cx: &mut Ctx<'_>, args: Args<'_>, form: Form) -> Result {
    let query = Query::parse(args.from(2), form, false)?;
    let listing = Listing {
        with_scores: query.with_scores,
    };
    let Some(zset) = cx.db.read::<Zset>(args.arg(1))? else {
        cx.reply.array(0);
        return Ok(Flow::Done);
    };
    let ranks = query.ranks(zset);
    let reply = &mut cx.reply;
    listing.header(reply, ranks.len());
    let members = zset.range(ranks);
    if query.descending {
        members
            .rev()
            .for_each(|(member, score)| listing.member(reply, member, score));
    } else {
        for (member, score) in members {
            listing.member(reply, member, score);
        }
    }
    Ok(Flow::Done)
}

/// Stores the members in a range under another key.
pub fn zrangestore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let form = Form {
        by: None,
        descending: None,
    };
    let query = Query::parse(args.from(3), form, true)?;
    let limits = limits(cx.config);
    let outcome = match cx.db.read::<Zset>(args.arg(2))? {
        None => Zset::new(),
        Some(zset) => {
            let members = zset.range(query.ranks(zset));
            let pairs: Vec<(Vec<u8>, f64)> = members
                .map(|(member, score)| (member.to_vec(), score))
                .collect();
            Zset::from_sorted(&pairs, limits)
        }
    };
    store(cx, args.arg(1), outcome, "zrangestore", 1);
    Ok(Flow::Done)
}

/// Bounds, as the arguments say.
enum Bounds<'a> {
    Rank(Positions),
    Score(ScoreRange),
    Name(LexRange<'a>),
}

struct Query<'a> {
    bounds: Bounds<'a>,
    descending: bool,
    /// LIMIT's offset and count; a negative count means all.
    limit: (i64, i64),
    with_scores: bool,
}

impl<'a> Query<'a> {
    /// Parses two bounds and the options behind them.
    fn parse(args: Args<'a>, form: Form, stores: bool) -> Result<Query<'a>> {
        let (mut by, mut descending) = (form.by, form.descending);
        let mut limit = (0, -1);
        let mut with_scores = false;
        let mut at = 2;
        while at < args.len() {
            if !stores && args.is(at, "WITHSCORES") {
                with_scores = true;
            } else if args.is(at, "LIMIT")
                && let (Some(offset), Some(count)) = (args.get(at + 1), args.get(at + 2))
            {
                let offset = parse_i64(offset).ok_or(CommandError::NOT_INTEGER)?;
                let count = parse_i64(count).ok_or(CommandError::NOT_INTEGER)?;
                limit = (offset, count);
                at += 2;
            } else if form.descending.is_none() && descending.is_none() && args.is(at, "REV") {
                descending = Some(true);
            } else if by.is_none() && args.is(at, "BYLEX") {
                by = Some(By::Name);
            } else if by.is_none() && args.is(at, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return syntax();
            }
            at += 1;
        }
        let by = by.unwrap_or(By::Rank);
        let descending = descending.unwrap_or(false);
        if limit.1 != -1 && by == By::Rank {
            return Err(CommandError::ZRANGE_LIMIT);
        }
        if with_scores && by == By::Name {
            return Err(CommandError::ZRANGE_WITHSCORES);
        }
        let (min, max) = match by {
            By::Score | By::Name if descending => (args.arg(1), args.arg(0)),
            _ => (args.arg(0), args.arg(1)),
        };
        let bounds = match by {
            By::Rank => Bounds::Rank(Positions::parse(min, max)?),
            By::Score => Bounds::Score(score_range(min, max)?),
            By::Name => Bounds::Name(lex_range(min, max)?),
        };
        Ok(Query {
            bounds,
            descending,
            limit,
            with_scores,
        })
    }

    /// The ranks that are asked for, lowest first.
    fn ranks(&self, zset: &Zset) -> Range<usize> {
        let inside = match &self.bounds {
            Bounds::Rank(positions) => {
                let asked = positions.of(zset.len());
                return match self.descending {
                    false => asked,
                    true => zset.len() - asked.end..zset.len() - asked.start,
                };
            }
            Bounds::Score(range) => zset.ranks_by_score(range),
            Bounds::Name(range) => zset.ranks_by_name(range),
        };
        // A negative offset passes over everything.
        let skipped = usize::try_from(self.limit.0).unwrap_or(usize::MAX);
        let skipped = skipped.min(inside.len());
        let count = usize::try_from(self.limit.1).unwrap_or(usize::MAX);
        let count = count.min(inside.len() - skipped);
        match self.descending {
            false => inside.start + skipped..inside.start + skipped + count,
            true => inside.end - skipped - count..inside.end - skipped,
        }
    }
}

/// Removes the members in a range of positions.
pub fn zremrangebyrank(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let positions = Positions::parse(args.arg(2), args.arg(3))?;
    remove(cx, args, "zremrangebyrank", |zset| positions.of(zset.len()))
}

/// Removes the members with scores in a range.
pub fn zremrangebyscore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let range = score_range(args.arg(2), args.arg(3))?;
    remove(cx, args, "zremrangebyscore", |zset| {
        zset.ranks_by_score(&range)
    })
}

/// Removes the members with names in a range.
pub fn zremrangebylex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let range = lex_range(args.arg(2), args.arg(3))?;
    remove(cx, args, "zremrangebylex", |zset| {
        zset.ranks_by_name(&range)
    })
}

fn remove(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    event: &'static str,
    ranks: impl FnOnce(&Zset) -> Range<usize>,
) -> Result {
    let key = args.arg(1);
    let edited = cx.db.modify::<Zset, _>(key, |zset| {
        let ranks = ranks(zset);
        let count = ranks.len();
        zset.remove_ranks(ranks);
        (count, count as u64)
    })?;
    if let Some(edited) = edited {
        removed(cx, event, key, &edited);
    }
    cx.reply.count(edited.map_or(0, |edited| edited.result));
    Ok(Flow::Done)
}
