//! Intersections, unions and differences of sets, replied, counted or stored.
//!
//! An intersection walks the smallest set and asks the others, smaller ones first. A difference does the same with the
//! first set, larger ones first, or takes the members of the others out of a copy of the first: whichever promises less
//! work. Absent keys are empty sets, but every key is looked at, since one of another type is an error.

use super::{Result, limits, reply_member};
use crate::base::parse_i64;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::{Db, Kind, Ttl};
use crate::resp::{Args, CommandError};
use crate::types::{Item, Set, SetLimits};

/// Replies the members that are in all sets.
pub fn sinter(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let sets = sets_of(&mut cx.db, args.from(1))?;
    let (mark, mut found) = (cx.reply.mark(), 0);
    intersect(sets, |member| {
        reply_member(&mut cx.reply, member);
        found += 1;
        true
    });
    cx.reply.set_set(mark, found);
    Ok(Flow::Done)
}

/// Stores the members that are in all sets; replies how many those are.
pub fn sinterstore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let limits = limits(cx.config);
    let sets = sets_of(&mut cx.db, args.from(2))?;
    let smallest = sets.iter().flatten().min_by_key(|set| set.len());
    let mut outcome = smallest.map_or_else(Set::new, |set| set.empty_for_some());
    intersect(sets, |member| {
        outcome.insert_item(member, limits);
        true
    });
    outcome.prefer_ints(limits);
    store(cx, args.arg(1), outcome, "sinterstore")
}

/// Replies how many members are in all sets, up to a limit.
pub fn sintercard(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let counted = Counted::parse(args, false)?;
    let sets = sets_of(&mut cx.db, counted.keys)?;
    let mut found = 0;
    intersect(sets, |_| {
        found += 1;
        found < counted.limit
    });
    cx.reply.count(found);
    Ok(Flow::Done)
}

/// Replies the members that are in any set.
pub fn sunion(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let limits = limits(cx.config);
    let sets = sets_of(&mut cx.db, args.from(1))?;
    match sets.iter().flatten().collect::<Vec<_>>()[..] {
        // Nothing to put together.
        [set] => {
            cx.reply.set(set.len());
            set.for_each(|member| reply_member(&mut cx.reply, member));
        }
        _ => {
            let outcome = unite(&sets, usize::MAX, limits);
            cx.reply.set(outcome.len());
            outcome.for_each(|member| reply_member(&mut cx.reply, member));
        }
    }
    Ok(Flow::Done)
}

/// Stores the members that are in any set; replies how many those are.
pub fn sunionstore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let sets = sets_of(&mut cx.db, args.from(2))?;
    let outcome = unite(&sets, usize::MAX, limits(cx.config));
    store(cx, args.arg(1), outcome, "sunionstore")
}

/// Replies how many members are in any set, up to a limit. APPROX allows an estimate; the count is exact all the same.
pub fn sunioncard(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let counted = Counted::parse(args, true)?;
    let sets = sets_of(&mut cx.db, counted.keys)?;
    let outcome = unite(&sets, counted.limit, limits(cx.config));
    cx.reply.count(outcome.len());
    Ok(Flow::Done)
}

/// Replies the members of the first set that are in no other.
pub fn sdiff(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let limits = limits(cx.config);
    let sets = sets_of(&mut cx.db, args.from(1))?;
    let (mark, mut found) = (cx.reply.mark(), 0);
    subtract(sets, limits, |member| {
        reply_member(&mut cx.reply, member);
        found += 1;
        true
    });
    cx.reply.set_set(mark, found);
    Ok(Flow::Done)
}

/// Stores the members of the first set that are in no other; replies how many those are.
pub fn sdiffstore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let limits = limits(cx.config);
    let sets = sets_of(&mut cx.db, args.from(2))?;
    let mut outcome = Set::new();
    subtract(sets, limits, |member| {
        outcome.insert_item(member, limits);
        true
    });
    store(cx, args.arg(1), outcome, "sdiffstore")
}

/// Replies how many members of the first set are in no other, up to a limit.
pub fn sdiffcard(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let counted = Counted::parse(args, false)?;
    let sets = sets_of(&mut cx.db, counted.keys)?;
    let mut found = 0;
    subtract(sets, limits(cx.config), |_| {
        found += 1;
        found < counted.limit
    });
    cx.reply.count(found);
    Ok(Flow::Done)
}

/// The arguments of the commands that only count.
struct Counted<'a> {
    keys: Args<'a>,
    /// Counting stops here.
    limit: usize,
}

impl<'a> Counted<'a> {
    fn parse(args: Args<'a>, with_approx: bool) -> Result<Counted<'a>> {
        let count = parse_i64(args.arg(1)).and_then(|count| usize::try_from(count).ok());
        let count = match count {
            None | Some(0) => return Err(CommandError::NUMKEYS_NOT_POSITIVE),
            Some(count) if count > args.len() - 2 => return Err(CommandError::NUMKEYS_TOO_MANY),
            Some(count) => count,
        };
        let mut limit = 0;
        let mut at = 2 + count;
        while at < args.len() {
            if with_approx && args.is(at, "APPROX") {
                at += 1;
                continue;
            }
            let (true, Some(text)) = (args.is(at, "LIMIT"), args.get(at + 1)) else {
                return Err(CommandError::SYNTAX);
            };
            limit = parse_i64(text)
                .and_then(|limit| usize::try_from(limit).ok())
                .ok_or(CommandError::LIMIT_NEGATIVE)?;
            at += 2;
        }
        Ok(Counted {
            keys: args.from(2).first(count),
            limit: if limit == 0 { usize::MAX } else { limit },
        })
    }
}

/// The sets under these keys, in their order.
fn sets_of<'a>(db: &'a mut Db<'_>, keys: Args<'_>) -> Result<Vec<Option<&'a Set>>> {
    for key in keys {
        db.read::<Set>(key)?;
    }
    let db = &*db;
    Ok(keys.iter().map(|key| db.view_as::<Set>(key)).collect())
}

/// Visits the members that all sets have, until `visit` says `false`.
fn intersect(sets: Vec<Option<&Set>>, mut visit: impl FnMut(Item<'_>) -> bool) {
    let Some(mut sets) = sets.into_iter().collect::<Option<Vec<&Set>>>() else {
        return;
    };
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else {
        return;
    };
    let others: Vec<&Set> = others
        .iter()
        .copied()
        .filter(|set| !std::ptr::eq(*set, *smallest))
        .collect();
    // Some at a time, so that what the look-ups touch arrives together.
    let mut some = Vec::with_capacity(AT_A_TIME);
    let mut goes_on = true;
    smallest.each_while(|member| {
        some.push(member);
        if some.len() == AT_A_TIME {
            others.iter().for_each(|set| set.retain_members(&mut some));
            goes_on = some.drain(..).all(&mut visit);
        }
        goes_on
    });
    if goes_on {
        others.iter().for_each(|set| set.retain_members(&mut some));
        some.drain(..).all(visit);
    }
}

/// Members that are looked for in other sets at once.
const AT_A_TIME: usize = 32;

/// A set of what is in any of these, or of `len_max` members of that.
fn unite(sets: &[Option<&Set>], len_max: usize, limits: SetLimits) -> Set {
    let mut outcome = Set::new();
    for set in sets.iter().flatten() {
        set.each_while(|member| {
            let has_room = outcome.len() < len_max;
            if has_room {
                outcome.insert_item(member, limits);
            }
            has_room
        });
    }
    outcome
}

/// Visits the members that only the first set has, until `visit` says `false`.
fn subtract(sets: Vec<Option<&Set>>, limits: SetLimits, mut visit: impl FnMut(Item<'_>) -> bool) {
    let Some((Some(first), others)) = sets.split_first() else {
        return;
    };
    let mut others: Vec<&Set> = others.iter().flatten().copied().collect();
    if others.iter().any(|set| std::ptr::eq(*set, *first)) {
        return;
    }
    // Asking may stop at the first set that has the member, so it counts half.
    let asking = first.len().saturating_mul(others.len() + 1) / 2;
    let removing = first.len() + others.iter().map(|set| set.len()).sum::<usize>();
    if asking <= removing {
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        first.each_while(|member| {
            others.iter().any(|set| set.contains_item(member)) || visit(member)
        });
        return;
    }
    let mut left = Set::new();
    first.for_each(|member| {
        left.insert_item(member, limits);
    });
    for set in others {
        set.each_while(|member| {
            left.remove_item(member);
            !left.is_empty()
        });
    }
    left.each_while(visit);
}

/// Stores an outcome, or removes the destination if there is nothing to store. Replies how many members it has.
fn store(cx: &mut Ctx<'_>, key: &[u8], outcome: Set, event: &'static str) -> Result {
    let len = outcome.len();
    if len > 0 {
        cx.db
            .set_collection(key, outcome.into_collection(), Ttl::Clear);
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::SET, event, key);
    } else if cx.db.remove(key) {
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
    }
    cx.reply.count(len);
    Ok(Flow::Done)
}
