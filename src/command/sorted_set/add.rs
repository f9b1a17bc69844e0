//! ZADD, ZINCRBY, ZREM.

use super::{Result, limits, removed, syntax};
use crate::base::parse_f64;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::{Zset, ZsetLimits};

/// When a member is added or its score changed.
#[derive(Clone, Copy, Default)]
pub(in crate::command) struct Rules {
    /// Only members that are not there.
    pub(in crate::command) nx: bool,
    /// Only members that are there.
    pub(in crate::command) xx: bool,
    /// Only to a higher score.
    gt: bool,
    /// Only to a lower score.
    lt: bool,
    /// Scores are added to those there are.
    incr: bool,
    /// The reply counts changed scores too.
    pub(in crate::command) ch: bool,
}

impl Rules {
    /// Reads options from argument 2 on; returns where they end.
    fn parse(&mut self, args: Args<'_>) -> usize {
        let mut at = 2;
        loop {
            match () {
                () if args.is(at, "NX") => self.nx = true,
                () if args.is(at, "XX") => self.xx = true,
                () if args.is(at, "CH") => self.ch = true,
                () if args.is(at, "INCR") => self.incr = true,
                () if args.is(at, "GT") => self.gt = true,
                () if args.is(at, "LT") => self.lt = true,
                () => return at,
            }
            at += 1;
        }
    }

    /// Whether a member gets whatever score it is given.
    fn is_plain(self) -> bool {
        !(self.nx || self.xx || self.gt || self.lt || self.incr)
    }
}

/// Adds members or changes their scores.
pub fn zadd(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    add(cx, args, Rules::default())
}

/// Adds to a member's score.
pub fn zincrby(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let rules = Rules {
        incr: true,
        ..Rules::default()
    };
    add(cx, args, rules)
}

fn add(cx: &mut Ctx<'_>, args: Args<'_>, mut rules: Rules) -> Result {
    let at = rules.parse(args);
    let pairs = args.from(at);
    let count = pairs.len() / 2;
    if count == 0 || !pairs.len().is_multiple_of(2) {
        return syntax();
    }
    if rules.nx && rules.xx {
        return Err(CommandError::ZADD_NX_XX);
    }
    if (rules.nx && (rules.gt || rules.lt)) || (rules.gt && rules.lt) {
        return Err(CommandError::ZADD_GT_LT_NX);
    }
    if rules.incr && count > 1 {
        return Err(CommandError::ZADD_INCR_PAIR);
    }
    let score = |i: usize| parse_f64(pairs.arg(i * 2)).ok_or(CommandError::NOT_FLOAT);
    // All scores are checked before anything is changed.
    let (one, many);
    let scores: &[f64] = if count == 1 {
        one = [score(0)?];
        &one
    } else {
        many = (0..count).map(score).collect::<Result<Vec<f64>>>()?;
        &many
    };
    let members = pairs.from(1).iter().step_by(2);
    put_all(cx, args.arg(1), rules, scores, members)
}

/// What came of adding members.
#[derive(Default)]
struct Tally {
    added: u64,
    updated: u64,
    /// The score that INCR led to, unless a rule was against it.
    score: Option<f64>,
    is_nan: bool,
}

/// Adds members with these scores as the rules allow, and replies.
pub(in crate::command) fn put_all<'a>(
    cx: &mut Ctx<'_>,
    key: &[u8],
    rules: Rules,
    scores: &[f64],
    members: impl Iterator<Item = &'a [u8]> + Clone,
) -> Result {
    let limits = limits(cx.config);
    let first_len = members.clone().next().map_or(0, <[u8]>::len);
    let edited = cx.db.upsert::<Zset, _>(
        key,
        || Zset::for_members(scores.len(), first_len, limits),
        |zset| {
            let mut tally = Tally::default();
            for (&score, member) in scores.iter().zip(members) {
                put(zset, member, score, rules, limits, &mut tally);
            }
            let changes = tally.added + tally.updated;
            (tally, changes)
        },
    )?;
    let tally = edited.result;
    if tally.is_nan {
        return Err(CommandError::SCORE_NAN);
    }
    if edited.changes > 0 {
        cx.dirty += edited.changes;
        let event = if rules.incr { "zincr" } else { "zadd" };
        cx.notify(KeyspaceEvents::ZSET, event, key);
    }
    match (rules.incr, tally.score) {
        (true, Some(score)) => cx.reply.double(score),
        (true, None) => cx.reply.null(),
        (false, _) if rules.ch => cx.reply.integer(edited.changes.cast_signed()),
        (false, _) => cx.reply.integer(tally.added.cast_signed()),
    }
    Ok(Flow::Done)
}

fn put(
    zset: &mut Zset,
    member: &[u8],
    score: f64,
    rules: Rules,
    limits: ZsetLimits,
    tally: &mut Tally,
) {
    let mut score = score;
    if !rules.is_plain() {
        match zset.score(member) {
            Some(_) if rules.nx => return,
            None if rules.xx => return,
            None => {}
            Some(old) => {
                if rules.incr {
                    score += old;
                    if score.is_nan() {
                        tally.is_nan = true;
                        return;
                    }
                }
                if (rules.lt && score >= old) || (rules.gt && score <= old) {
                    return;
                }
            }
        }
    }
    tally.score = Some(score);
    match zset.put(member, score, limits) {
        None => tally.added += 1,
        Some(old) => tally.updated += u64::from(old != score),
    }
}

/// Removes members.
pub fn zrem(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let edited = cx.db.modify::<Zset, _>(key, |zset| {
        let mut count = 0;
        for member in args.from(2) {
            count += u64::from(zset.remove(member).is_some());
        }
        ((), count)
    })?;
    let count = edited.map_or(0, |edited| edited.changes);
    if let Some(edited) = edited {
        removed(cx, "zrem", key, &edited);
    }
    cx.reply.integer(count.cast_signed());
    Ok(Flow::Done)
}
