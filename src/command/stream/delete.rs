//! XDEL, XDELEX, XACKDEL: entries go; XSETID: the counters of a stream are set.

use super::add::parse_references;
use super::{Result, ids, parse_integer};
use crate::base::parse_i64;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::stream::{Deletion, IdText, References, Stream, StreamId};

/// Deletes entries. Replies how many were there.
pub fn xdel(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let ids = match ids::parse_all(args.from(2).iter()) {
            Ok(ids) => ids,
            Err(error) => return (Err(error), 0),
        };
        let delete = |id: &&StreamId| stream.delete(**id, References::Keep) == Deletion::Deleted;
        let deleted = ids.iter().filter(delete).count() as u64;
        (Ok(deleted), deleted)
    })?;
    let deleted = edited.map_or(Ok(0), |edited| edited.result)?;
    if deleted > 0 {
        cx.notify(KeyspaceEvents::STREAM, "xdel", key);
        cx.dirty += deleted;
    }
    cx.reply.integer(deleted as i64);
    Ok(Flow::Done)
}

/// Deletes entries, minding what groups refer to. Replies for each 1 (deleted), 2 (still referred to) or -1 (absent).
pub fn xdelex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let (references, ids) = parse_ids(args, 2)?;
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let outcome = |id: &StreamId| outcome_number(stream.delete(*id, references));
        let outcomes: Vec<i64> = ids.iter().map(outcome).collect();
        let deleted = outcomes.iter().filter(|&&outcome| outcome == 1).count();
        ((outcomes, deleted as u64), deleted as u64)
    })?;
    let done = edited.map(|edited| edited.result);
    if let Some((outcomes, 1..)) = &done
        && references != References::Delete
    {
        propagate_xdel(cx, key, &ids, outcomes);
    }
    reply_outcomes(cx, key, ids.len(), done);
    Ok(Flow::Done)
}

/// Which entries went is known now, and no other server need know why the rest did not.
fn propagate_xdel(cx: &mut Ctx<'_>, key: &[u8], ids: &[StreamId], outcomes: &[i64]) {
    if cx.propagates() {
        let gone = ids
            .iter()
            .zip(outcomes)
            .filter(|(_, outcome)| **outcome == 1);
        let gone: Vec<IdText> = gone.map(|(id, _)| id.text()).collect();
        let gone: Vec<&[u8]> = gone.iter().map(IdText::as_bytes).collect();
        cx.propagate_list(&[b"XDEL", key], &gone);
    }
}

/// Confirms entries of a group and deletes them. Replies for each 1 (deleted), 2 (confirmed, but others still refer to
/// it) or -1 (was not pending).
pub fn xackdel(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, group) = (args.arg(1), args.arg(2));
    let (references, ids) = parse_ids(args, 3)?;
    let mut confirmed = 0;
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let outcome = |id: &StreamId| {
            let was_pending = stream.with_group(group, |_, group| group.confirm(*id));
            if was_pending != Some(true) {
                return -1;
            }
            confirmed += 1;
            match stream.delete(*id, references) {
                Deletion::Referenced => 2,
                // Nothing is left of it either way.
                Deletion::Deleted | Deletion::Absent => 1,
            }
        };
        let outcomes: Vec<i64> = ids.iter().map(outcome).collect();
        let deleted = outcomes.iter().filter(|&&outcome| outcome == 1).count();
        ((outcomes, deleted as u64), deleted as u64)
    })?;
    let deleted = edited.as_ref().map_or(0, |edited| edited.changes);
    cx.dirty += confirmed - deleted.min(confirmed);
    let done = edited.map(|edited| edited.result);
    if let Some((outcomes, deleted)) = &done
        && confirmed > 0
        && cx.propagates()
        && references != References::Delete
    {
        let known = ids
            .iter()
            .zip(outcomes)
            .filter(|(_, outcome)| **outcome > 0);
        let known: Vec<IdText> = known.map(|(id, _)| id.text()).collect();
        let known: Vec<&[u8]> = known.iter().map(IdText::as_bytes).collect();
        cx.propagate_list(&[b"XACK", key, group], &known);
        if *deleted > 0 {
            propagate_xdel(cx, key, &ids, outcomes);
        }
    }
    reply_outcomes(cx, key, ids.len(), done);
    Ok(Flow::Done)
}

fn outcome_number(deletion: Deletion) -> i64 {
    match deletion {
        Deletion::Absent => -1,
        Deletion::Deleted => 1,
        Deletion::Referenced => 2,
    }
}

fn reply_outcomes(cx: &mut Ctx<'_>, key: &[u8], len: usize, done: Option<(Vec<i64>, u64)>) {
    cx.reply.array(len);
    let Some((outcomes, deleted)) = done else {
        (0..len).for_each(|_| cx.reply.integer(-1));
        return;
    };
    outcomes.iter().for_each(|&it| cx.reply.integer(it));
    if deleted > 0 {
        cx.notify(KeyspaceEvents::STREAM, "xdel", key);
        cx.dirty += deleted;
    }
}

/// `[KEEPREF|DELREF|ACKED] IDS numids id [id ...]`
fn parse_ids(args: Args<'_>, from: usize) -> Result<(References, Vec<StreamId>)> {
    let mut references = References::Keep;
    let mut ids = None;
    let mut i = from;
    while i < args.len() {
        if let Some(found) = parse_references(args.arg(i)) {
            references = found;
            i += 1;
        } else if args.is(i, "ids") && i + 1 < args.len() {
            let count = parse_i64(args.arg(i + 1)).filter(|&count| count > 0);
            let count = count.ok_or(CommandError::IDS_NOT_POSITIVE)?;
            let count = usize::try_from(count).map_err(|_| CommandError::IDS_MISMATCH)?;
            let rest = args.from(i + 2);
            if count > rest.len() {
                return Err(CommandError::IDS_MISMATCH);
            }
            ids = Some(rest.first(count));
            i += 2 + count;
        } else {
            return Err(CommandError::SYNTAX);
        }
    }
    let ids = ids.ok_or(CommandError::IDS_MISSING)?;
    Ok((references, ids::parse_all(ids.iter())?))
}

/// Sets the last id of a stream, and on demand what it counts.
pub fn xsetid(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let id = ids::parse(args.arg(2), 0)?;
    let (mut added, mut deleted) = (None, None);
    let mut i = 3;
    while i < args.len() {
        let value = args.get(i + 1);
        match value {
            Some(value) if args.is(i, "entriesadded") => {
                let count = parse_integer(value)?;
                let count = u64::try_from(count);
                added = Some(count.map_err(|_| CommandError::XSETID_ADDED_NEGATIVE)?);
            }
            Some(value) if args.is(i, "maxdeletedid") => {
                let max = ids::parse(value, 0)?;
                if id < max {
                    return Err(CommandError::XSETID_DELETED_GIVEN);
                }
                deleted = (max != StreamId::MIN).then_some(max);
            }
            _ => return Err(CommandError::SYNTAX),
        }
        i += 2;
    }
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let log = stream.log_mut();
        let checked = if id < log.max_deleted_id() {
            Err(CommandError::XSETID_DELETED)
        } else if log.last_entry_id().is_some_and(|last| id < last) {
            Err(CommandError::XSETID_SMALLER)
        } else if added.is_some_and(|added| added < log.len()) {
            Err(CommandError::XSETID_ADDED_SMALLER)
        } else {
            log.set_ids(id, added, deleted);
            Ok(())
        };
        (checked, 0)
    })?;
    edited.ok_or(CommandError::NO_SUCH_KEY)?.result?;
    cx.notify(KeyspaceEvents::STREAM, "xsetid", key);
    cx.dirty += 1;
    cx.reply.ok();
    Ok(Flow::Done)
}
