//! XCLAIM and XAUTOCLAIM: pending entries change their consumer.

use super::effects::GroupEffects;
use super::{Result, ids, reply_entry, reply_id};
use crate::base::{Millis, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError, Reply};
use crate::types::stream::{ConsumerId, Entry, Group, Log, Pending, Stream, StreamId};

/// Options of XCLAIM.
struct Claim {
    min_idle_ms: i64,
    ids: Vec<StreamId>,
    /// What is noted as the time of delivery.
    delivered: Millis,
    deliveries: Option<i64>,
    /// Entries that are not pending become so.
    force: bool,
    just_ids: bool,
    last_id: StreamId,
}

/// What a claim changed.
#[derive(Default)]
struct Claimed {
    created: bool,
    dirty: u64,
    /// The group's last id was raised.
    raised: bool,
}

/// Gives pending entries to a consumer. Replies them, or their ids.
pub fn xclaim(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, name, consumer) = (args.arg(1), args.arg(2), args.arg(3));
    // A key that is not there is a miss, though this writes.
    cx.db.read::<Stream>(key)?;
    let mut told = GroupEffects::new(cx.propagates());
    let (now, reply) = (cx.now, &mut cx.reply);
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let claimed = stream.with_group(name, |log, group| {
            let claim = parse(args, now)?;
            Ok(claim.run(log, group, consumer, now, &mut told, reply))
        });
        (claimed, 0)
    })?;
    let claimed = edited.and_then(|edited| edited.result);
    let claimed = claimed.ok_or_else(|| CommandError::no_key_or_group(key, name))??;
    claimed.note(cx, &told, key, name, consumer);
    Ok(Flow::Done)
}

impl Claim {
    fn run(
        &self,
        log: &Log,
        group: &mut Group,
        consumer: &[u8],
        now: Millis,
        told: &mut GroupEffects,
        reply: &mut Reply<'_>,
    ) -> Claimed {
        let mut claimed = Claimed::default();
        let raised = self.last_id > group.last_id;
        group.last_id = group.last_id.max(self.last_id);
        let (consumer, created) = group.find_or_create(consumer, now);
        group.consumer_mut(consumer).seen = now;
        let mark = reply.mark();
        let mut len = 0;
        for &id in &self.ids {
            let pending = group.pending(id).copied();
            let Some(entry) = log.get(id) else {
                if let Some(pending) = pending {
                    // What claims it where the entry is gone as well removes it.
                    told.claim(group, id, &pending);
                }
                claimed.dirty += u64::from(group.confirm(id));
                continue;
            };
            if let Some(pending) = pending {
                if self.min_idle_ms > 0 && now.since(pending.delivered) < self.min_idle_ms {
                    continue;
                }
            } else if !self.force {
                continue;
            }
            // One that was not pending begins like a delivered one.
            let before = pending.map_or(1, |pending| pending.deliveries);
            let again = before.wrapping_add(i64::from(!self.just_ids));
            let deliveries = self.deliveries.unwrap_or(again);
            give(group, id, consumer, self.delivered, deliveries, now);
            told.claim_now(group, id);
            reply_claimed(reply, &entry, self.just_ids);
            len += 1;
            claimed.dirty += 1;
        }
        reply.set_array(mark, len);
        if raised && claimed.dirty == 0 {
            claimed.dirty = 1;
        }
        claimed.dirty += u64::from(created);
        claimed.created = created;
        claimed.raised = raised;
        told.note_group(group);
        claimed
    }
}

impl Claimed {
    fn note(
        self,
        cx: &mut Ctx<'_>,
        told: &GroupEffects,
        key: &[u8],
        group: &[u8],
        consumer: &[u8],
    ) {
        if self.created {
            cx.notify(KeyspaceEvents::STREAM, "xgroup-createconsumer", key);
        }
        cx.dirty += self.dirty;
        if self.created {
            told.propagate_consumer(cx, key, group, consumer);
        }
        if told.is_empty() && self.raised {
            told.propagate_group(cx, key, group);
        }
        told.propagate_claims(cx, key, group);
        cx.propagate_nothing();
    }
}

fn give(
    group: &mut Group,
    id: StreamId,
    consumer: ConsumerId,
    delivered: Millis,
    deliveries: i64,
    now: Millis,
) {
    let pending = Pending {
        consumer: Some(consumer),
        delivered,
        deliveries,
    };
    group.assign(id, pending);
    group.consumer_mut(consumer).active = Some(now);
}

fn reply_claimed(reply: &mut Reply<'_>, entry: &Entry<'_>, just_ids: bool) {
    match just_ids {
        true => reply_id(reply, entry.id),
        false => reply_entry(reply, entry),
    }
}

fn parse(args: Args<'_>, now: Millis) -> Result<Claim> {
    let integer = |at: usize, error: CommandError| parse_i64(args.arg(at)).ok_or(error);
    let min_idle_ms = integer(4, CommandError::XCLAIM_MIN_IDLE)?;
    let ids = args.from(5).iter().map_while(|id| ids::parse(id, 0).ok());
    let ids: Vec<StreamId> = ids.collect();
    let mut claim = Claim {
        min_idle_ms,
        delivered: now,
        deliveries: None,
        force: false,
        just_ids: false,
        last_id: StreamId::MIN,
        ids,
    };
    // As in Redis -1 means that none was given.
    let mut delivered = -1;
    let mut i = 5 + claim.ids.len();
    while i < args.len() {
        let is_last = i + 1 == args.len();
        if args.is(i, "force") {
            claim.force = true;
        } else if args.is(i, "justid") {
            claim.just_ids = true;
        } else if !is_last && args.is(i, "idle") {
            i += 1;
            delivered = now.0.wrapping_sub(integer(i, CommandError::XCLAIM_IDLE)?);
        } else if !is_last && args.is(i, "time") {
            i += 1;
            delivered = integer(i, CommandError::XCLAIM_TIME)?;
        } else if !is_last && args.is(i, "retrycount") {
            i += 1;
            let count = integer(i, CommandError::XCLAIM_RETRYCOUNT)?;
            claim.deliveries = (count >= 0).then_some(count);
        } else if !is_last && args.is(i, "lastid") {
            i += 1;
            claim.last_id = ids::parse(args.arg(i), 0)?;
        } else {
            return Err(CommandError::xclaim_option(args.arg(i)));
        }
        i += 1;
    }
    if (0..=now.0).contains(&delivered) {
        claim.delivered = Millis(delivered);
    }
    Ok(claim)
}

/// Options of XAUTOCLAIM.
struct AutoClaim {
    min_idle_ms: i64,
    start: StreamId,
    count: usize,
    just_ids: bool,
}

/// Gives pending entries that were idle for long to a consumer. Replies where to go on, the entries or their ids, and
/// the ids of those that are deleted.
pub fn xautoclaim(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, name, consumer) = (args.arg(1), args.arg(2), args.arg(3));
    // As in XCLAIM; and it is one even if there is something wrong with the arguments.
    let found = cx.db.read::<Stream>(key).map(|_| ());
    let claim = parse_auto(args)?;
    found?;
    let mut told = GroupEffects::new(cx.propagates());
    let (now, reply) = (cx.now, &mut cx.reply);
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let claimed = stream.with_group(name, |log, group| {
            claim.run(log, group, consumer, now, &mut told, reply)
        });
        (claimed, 0)
    })?;
    let claimed = edited.and_then(|edited| edited.result);
    let claimed = claimed.ok_or_else(|| CommandError::no_key_or_group(key, name))?;
    claimed.note(cx, &told, key, name, consumer);
    Ok(Flow::Done)
}

impl AutoClaim {
    fn run(
        &self,
        log: &Log,
        group: &mut Group,
        consumer: &[u8],
        now: Millis,
        told: &mut GroupEffects,
        reply: &mut Reply<'_>,
    ) -> Claimed {
        let (consumer, created) = group.find_or_create(consumer, now);
        group.consumer_mut(consumer).seen = now;
        let mut claimed: Vec<Entry<'_>> = Vec::new();
        let mut deleted = Vec::new();
        let mut attempts = self.count.saturating_mul(ATTEMPTS);
        let mut next = self.next(group, Some(self.start));
        while let Some((id, pending)) = next {
            if attempts == 0 || claimed.len() + deleted.len() == self.count {
                break;
            }
            attempts -= 1;
            if let Some(entry) = log.get(id) {
                if self.min_idle_ms <= 0 || now.since(pending.delivered) >= self.min_idle_ms {
                    let again = pending.deliveries.wrapping_add(i64::from(!self.just_ids));
                    give(group, id, consumer, now, again, now);
                    told.claim_now(group, id);
                    claimed.push(entry);
                }
            } else {
                told.claim(group, id, &pending);
                group.confirm(id);
                deleted.push(id);
            }
            next = self.next(group, id.next());
        }
        reply.array(3);
        reply_id(reply, next.map_or(StreamId::MIN, |(id, _)| id));
        reply.array(claimed.len());
        for entry in &claimed {
            reply_claimed(reply, entry, self.just_ids);
        }
        reply.array(deleted.len());
        deleted.iter().for_each(|&id| reply_id(reply, id));
        told.note_group(group);
        Claimed {
            created,
            raised: false,
            dirty: (claimed.len() + deleted.len()) as u64 + u64::from(created),
        }
    }

    fn next(&self, group: &Group, from: Option<StreamId>) -> Option<(StreamId, Pending)> {
        let (id, pending) = group.pending_from(from?).next()?;
        Some((id, *pending))
    }
}

fn parse_auto(args: Args<'_>) -> Result<AutoClaim> {
    let min_idle_ms = parse_i64(args.arg(4)).ok_or(CommandError::XAUTOCLAIM_MIN_IDLE)?;
    let start = ids::parse_start(args.arg(5))?;
    let mut claim = AutoClaim {
        min_idle_ms,
        start,
        count: COUNT,
        just_ids: false,
    };
    let mut i = 6;
    while i < args.len() {
        if i + 1 < args.len() && args.is(i, "count") {
            i += 1;
            let count = parse_i64(args.arg(i)).filter(|count| (1..=COUNT_MAX).contains(count));
            let count = count.and_then(|count| usize::try_from(count).ok());
            claim.count = count.ok_or(CommandError::XAUTOCLAIM_COUNT)?;
        } else if args.is(i, "justid") {
            claim.just_ids = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 1;
    }
    Ok(claim)
}

/// How many entries XAUTOCLAIM claims if it is not told.
const COUNT: usize = 100;

/// More are refused; the limit of Redis, which allocates by it.
const COUNT_MAX: i64 = i64::MAX / 16;

/// How many pending entries are looked at for each that is wanted.
const ATTEMPTS: usize = 10;
