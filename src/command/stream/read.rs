//! XREAD and XREADGROUP: what is new in streams, waiting for it on demand.
//!
//! XREAD asks for entries after an id; `$` is the last id as of now, and stays that while it waits. XREADGROUP asks for
//! entries that nobody of the group has been given (`>`), or again for those that its consumer has not confirmed. With
//! CLAIM it also takes over what others have not confirmed for long.
//!
//! COUNT is about one stream; MAXCOUNT and MAXSIZE, the length of the entries as they are replied, are about all together.
//! The first entry comes whatever its size, or nothing behind it would ever be read.
//!
//! A command that waits is looked at again when one of its keys has changed, with that key alone. XREADGROUP is also
//! told when its key, or its group, is gone. With CLAIM, nothing need change for it to find something: it says when it
//! wants to look again.

use super::effects::GroupEffects;
use super::{Result, at_most, ids, parse_count, reply_entries, reply_entry, reply_id, reply_pairs};
use crate::base::{I64Buf, Millis, parse_i64};
use crate::command::ctx::{Block, Ctx, Flow, Waiting};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError, OwnedArgs, Reply};
use crate::types::stream::{ConsumerId, Entry, Group, Log, Pending, Stream, StreamId};

/// What XREAD and XREADGROUP are told.
struct Options<'a> {
    /// If it is to wait: until when, or for ever.
    block: Option<Option<Millis>>,
    /// At most so many entries of each stream; 0 for all.
    count: usize,
    /// At most so many entries and bytes of all streams; 0 for all.
    max_count: usize,
    max_bytes: usize,
    /// XREADGROUP: group and consumer.
    group: Option<(&'a [u8], &'a [u8])>,
    /// What is read does not become pending.
    no_ack: bool,
    /// XREADGROUP: entries that were pending for so many milliseconds come first, and become this consumer's.
    claim: Option<i64>,
    /// Argument number of the first key.
    keys: usize,
    /// How many keys there are.
    len: usize,
}

/// `>`: what nobody was given yet. No entry comes after it otherwise.
const NEW: StreamId = StreamId::MAX;

/// Replies entries after given ids.
pub fn xread(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = parse(args, cx.now, false)?;
    let mut after = Vec::with_capacity(options.len);
    for (key, id) in options.streams(args) {
        after.push(match cx.is_candidate(key) {
            true => start_of(cx, key, id)?,
            false => None,
        });
    }
    let mut served = Served::default();
    let mut budget = options.budget();
    for ((key, _), after) in options.streams(args).zip(&after) {
        let Some(start) = after.and_then(StreamId::next) else {
            continue;
        };
        let Ok(Some(stream)) = cx.db.read::<Stream>(key) else {
            continue;
        };
        let entries = stream.log().range(start, StreamId::MAX);
        let entries = entries.take(at_most(options.count));
        let mut entries = entries.take_while(|entry| budget.take(entry)).peekable();
        if entries.peek().is_some() {
            served.begin(&mut cx.reply, key);
            reply_entries(&mut cx.reply, entries, 0);
        }
    }
    if served.finish(&mut cx.reply) {
        return Ok(Flow::Done);
    }
    options.wait(cx, args, &after)
}

/// After which id XREAD is to read; `None` for a key whose time has not come.
fn start_of(cx: &mut Ctx<'_>, key: &[u8], id: &[u8]) -> Result<Option<StreamId>> {
    let stream = match cx.db.read::<Stream>(key) {
        Ok(stream) => stream,
        // Whoever waits already goes on waiting for a stream.
        Err(_) if matches!(cx.waiting, Waiting::Ready(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let last_id = stream.map_or(StreamId::MIN, |stream| stream.log().last_id());
    Ok(Some(match id {
        b"$" => last_id,
        b"+" if stream.is_none() => StreamId::MIN,
        b"+" => {
            let log = stream.map(Stream::log);
            let last = log.and_then(Log::last_entry_id).unwrap_or(last_id);
            last.previous().ok_or(CommandError::LAST_ENTRY_ZERO)?
        }
        b">" => return Err(CommandError::XREAD_NEW),
        id => ids::parse(id, 0)?,
    }))
}

/// Replies entries that the group has not read, or that its consumer has not confirmed.
pub fn xreadgroup(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = parse(args, cx.now, true)?;
    let (group, consumer) = options.group.ok_or(CommandError::XREADGROUP_NO_GROUP)?;
    let mut after = Vec::with_capacity(options.len);
    for (key, id) in options.streams(args) {
        if !cx.is_candidate(key) {
            after.push(None);
            continue;
        }
        let stream = cx.db.read::<Stream>(key)?;
        if stream.is_none_or(|stream| stream.group(group).is_none()) {
            return Err(CommandError::no_group_to_read(key, group));
        }
        after.push(Some(match id {
            b"$" => return Err(CommandError::XREADGROUP_LAST),
            b"+" => return Err(CommandError::XREADGROUP_LAST_ENTRY),
            b">" => NEW,
            id => ids::parse(id, 0)?,
        }));
    }
    // What it does is said stream by stream.
    cx.propagate_nothing();
    let mut served = Served::default();
    let mut budget = options.budget();
    // When one of the entries that are pending now may be claimed.
    let mut due: Option<Millis> = None;
    for ((key, _), after) in options.streams(args).zip(&after) {
        let Some(after) = *after else {
            continue;
        };
        let mut told = GroupEffects::new(cx.propagates());
        let (now, reply) = (cx.now, &mut cx.reply);
        let edited = cx.db.modify(key, |stream: &mut Stream| {
            let read = stream.with_group(group, |log, group| {
                let (id, created) = group.find_or_create(consumer, now);
                group.consumer_mut(id).seen = now;
                let mut delivery = Delivery {
                    told: &mut told,
                    log,
                    group,
                    consumer: id,
                    now,
                    options: &options,
                    budget: &mut budget,
                };
                let is_served = delivery.read(after, key, reply, &mut served);
                due = [due, delivery.due(after)].into_iter().flatten().min();
                told.note_group(group);
                (created, is_served)
            });
            (read, 0)
        })?;
        let read = edited.and_then(|edited| edited.result);
        let (created, is_served) = read.unwrap_or_default();
        if created {
            cx.notify(KeyspaceEvents::STREAM, "xgroup-createconsumer", key);
        }
        cx.dirty += u64::from(created) + u64::from(is_served);
        if created {
            told.propagate_consumer(cx, key, group, consumer);
        }
        told.propagate_claims(cx, key, group);
        if is_served && after == NEW {
            told.propagate_group(cx, key, group);
        }
    }
    if served.finish(&mut cx.reply) {
        return Ok(Flow::Done);
    }
    let flow = options.wait(cx, args, &after)?;
    Ok(match (flow, options.claim) {
        (Flow::Block(block), Some(min_idle_ms)) if after.contains(&Some(NEW)) => {
            // What is delivered from now on is due later than that.
            let later = cx.now.checked_add(min_idle_ms.max(LOOK_AGAIN_MS_MIN));
            let look_at = [due, later].into_iter().flatten().min();
            let look_at = look_at.map(|at| at.max(Millis(cx.now.0 + 1)));
            Flow::Block(Box::new(Block { look_at, ..*block }))
        }
        (flow, _) => flow,
    })
}

/// Not more often does a command that waits look for entries that it may claim, if none is known.
const LOOK_AGAIN_MS_MIN: i64 = 50;

/// A group reads a log.
struct Delivery<'a> {
    log: &'a Log,
    group: &'a mut Group,
    consumer: ConsumerId,
    /// What it did, if anybody wants to know.
    told: &'a mut GroupEffects,
    now: Millis,
    options: &'a Options<'a>,
    budget: &'a mut Budget,
}

impl Delivery<'_> {
    /// Writes what there is for the consumer. Returns whether anything was written.
    fn read(
        &mut self,
        after: StreamId,
        key: &[u8],
        reply: &mut Reply<'_>,
        served: &mut Served,
    ) -> bool {
        if self.budget.is_spent() {
            return false;
        }
        if after != NEW {
            served.begin(reply, key);
            self.read_history(after, reply);
            return true;
        }
        let overdue = match self.options.claim {
            Some(min_idle_ms) => self.overdue(min_idle_ms),
            None => Vec::new(),
        };
        let is_full = !overdue.is_empty() && overdue.len() == at_most(self.options.count);
        let start = self.group.last_id.next().filter(|start| {
            let mut entries = self.log.range(*start, StreamId::MAX);
            entries
                .next()
                .is_some_and(|entry| !is_full && self.budget.fits(&entry))
        });
        if start.is_none() && overdue.is_empty() {
            return false;
        }
        served.begin(reply, key);
        let mark = reply.mark();
        self.read_overdue(&overdue, reply);
        let room = at_most(self.options.count) - overdue.len();
        let new = start.map_or(0, |start| self.read_new(start, room, reply));
        reply.set_array(mark, overdue.len() + new);
        true
    }

    /// Entries that are pending for so long, the longest first, at most as many as are wanted. Those that are deleted
    /// are not pending any more.
    fn overdue(&mut self, min_idle_ms: i64) -> Vec<(StreamId, Pending)> {
        let now = self.now;
        let wanted = at_most(self.options.count);
        let log = self.log;
        let (mut overdue, mut deleted) = (Vec::new(), Vec::new());
        for (delivered, id) in self.group.pending_by_time() {
            if now.since(delivered) < min_idle_ms || overdue.len() == wanted {
                break;
            }
            match log.contains(id) {
                true => overdue.push(id),
                false => deleted.push(id),
            }
        }
        for id in deleted {
            self.tell(id);
            self.group.confirm(id);
        }
        let mut overdue: Vec<(StreamId, Pending)> = overdue
            .into_iter()
            .filter_map(|id| Some((id, *self.group.pending(id)?)))
            .collect();
        let budget = &mut *self.budget;
        let entry = |id: StreamId| self.log.get(id);
        let within = overdue
            .iter()
            .take_while(|(id, _)| entry(*id).is_none_or(|it| budget.take(&it)));
        let within = within.count();
        overdue.truncate(within);
        overdue
    }

    /// Pending entries become this consumer's, and are delivered once more.
    fn read_overdue(&mut self, overdue: &[(StreamId, Pending)], reply: &mut Reply<'_>) {
        for (id, pending) in overdue {
            if let Some(entry) = self.log.get(*id) {
                let idle_ms = self.now.since(pending.delivered);
                reply_claimed(reply, &entry, idle_ms, pending.deliveries);
            }
            let again = Pending {
                consumer: Some(self.consumer),
                delivered: self.now,
                deliveries: pending.deliveries.wrapping_add(1),
            };
            self.group.assign(*id, again);
            self.tell(*id);
            self.group.consumer_mut(self.consumer).active = Some(self.now);
        }
    }

    /// Entries that nobody was given yet, at most `max`. From now on they are pending for the consumer. Returns how
    /// many.
    fn read_new(&mut self, start: StreamId, max: usize, reply: &mut Reply<'_>) -> usize {
        let (log, group) = (self.log, &mut *self.group);
        let mut len = 0;
        let entries = log.range(start, StreamId::MAX);
        for entry in entries.take(max) {
            if !self.budget.take(&entry) {
                break;
            }
            group.entries_read = match group.entries_read {
                Some(read) if !log.has_tombstone_from(entry.id) => Some(read.wrapping_add(1)),
                _ => log.distance_to(entry.id),
            };
            group.last_id = entry.id;
            match self.options.claim {
                Some(_) => reply_claimed(reply, &entry, 0, 0),
                None => reply_entry(reply, &entry),
            }
            len += 1;
            if self.options.no_ack {
                continue;
            }
            let pending = Pending {
                consumer: Some(self.consumer),
                delivered: self.now,
                deliveries: 1,
            };
            group.assign(entry.id, pending);
            self.told.claim_now(group, entry.id);
            group.consumer_mut(self.consumer).active = Some(self.now);
        }
        len
    }

    /// Entries that are pending for the consumer. That counts as delivering them again, those that are deleted aside.
    fn read_history(&mut self, after: StreamId, reply: &mut Reply<'_>) {
        let Some(start) = after.next() else {
            return reply.array(0);
        };
        let pending = self.group.pending_of(self.consumer, start);
        let pending = pending.map(|(id, pending)| (id, *pending));
        let pending = pending.take(at_most(self.options.count));
        let budget = &mut *self.budget;
        let mut may_come = |id: &StreamId| match self.log.get(*id) {
            Some(entry) => budget.take(&entry),
            None => budget.take_bytes(0),
        };
        let batch = pending.take_while(|(id, _)| may_come(id));
        let batch: Vec<(StreamId, Pending)> = batch.collect();
        reply.array(batch.len());
        for (id, pending) in batch {
            let Some(entry) = self.log.get(id) else {
                reply.array(2);
                reply_id(reply, id);
                reply.null_array();
                continue;
            };
            reply_entry(reply, &entry);
            let again = Pending {
                delivered: self.now,
                deliveries: pending.deliveries.wrapping_add(1),
                ..pending
            };
            self.group.assign(id, again);
            self.tell(id);
        }
    }

    /// When the first of the entries that are pending may be claimed, if the command claims any.
    fn due(&mut self, after: StreamId) -> Option<Millis> {
        let min_idle_ms = self.options.claim.filter(|_| after == NEW)?;
        let (first, _) = self.group.pending_by_time().next()?;
        first.checked_add(min_idle_ms)
    }

    /// An entry is pending, or is to be forgotten.
    fn tell(&mut self, id: StreamId) {
        self.told.claim_now(self.group, id);
    }
}

/// An entry, for how long it was pending, and how often it had been delivered.
fn reply_claimed(reply: &mut Reply<'_>, entry: &Entry<'_>, idle_ms: i64, deliveries: i64) {
    reply.array(4);
    reply_id(reply, entry.id);
    reply_pairs(reply, entry);
    reply.integer(idle_ms);
    reply.integer(deliveries);
}

/// What may still be replied.
struct Budget {
    entries: usize,
    bytes: usize,
    /// Nothing has been taken.
    is_whole: bool,
}

impl Budget {
    /// Nothing more comes of any stream.
    fn is_spent(&self) -> bool {
        self.entries == 0 || (self.bytes == 0 && !self.is_whole)
    }

    /// Whether an entry may come.
    fn fits(&self, entry: &Entry<'_>) -> bool {
        // The size is looked at only if it is of interest.
        self.entries > 0
            && (self.bytes == usize::MAX || self.is_whole || reply_len(entry) <= self.bytes)
    }

    /// Whether an entry may come, which it does.
    fn take(&mut self, entry: &Entry<'_>) -> bool {
        self.take_bytes(match self.bytes {
            usize::MAX => 0,
            _ => reply_len(entry),
        })
    }

    fn take_bytes(&mut self, bytes: usize) -> bool {
        if self.entries == 0 || (bytes > self.bytes && !self.is_whole) {
            // What is smaller does not come before what is greater.
            self.entries = 0;
            return false;
        }
        if self.entries != usize::MAX {
            self.entries -= 1;
        }
        if self.bytes != usize::MAX {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        self.is_whole = false;
        true
    }
}

/// How long an entry is in a reply.
fn reply_len(entry: &Entry<'_>) -> usize {
    let bulk = |len: usize| 1 + I64Buf::unsigned(len as u64).as_bytes().len() + 2 + len + 2;
    let mut digits = I64Buf::new(0);
    let pairs = entry.pairs();
    let pairs = pairs.map(|(field, value)| {
        let field = bulk(field.text(&mut digits).len());
        field + bulk(value.text(&mut digits).len())
    });
    let pairs: usize = pairs.sum();
    let fields = I64Buf::unsigned(2 * entry.fields as u64).as_bytes().len();
    b"*2\r\n".len() + bulk(entry.id.text().as_bytes().len()) + 3 + fields + pairs
}

/// The reply as it grows: streams that have something.
#[derive(Default)]
struct Served {
    mark: Option<crate::resp::Mark>,
    len: usize,
}

impl Served {
    /// The entries of a stream follow.
    fn begin(&mut self, reply: &mut Reply<'_>, key: &[u8]) {
        if self.mark.is_none() {
            self.mark = Some(reply.mark());
        }
        self.len += 1;
        if !reply.is_resp3() {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// Whether there were any.
    fn finish(self, reply: &mut Reply<'_>) -> bool {
        let Some(mark) = self.mark else {
            return false;
        };
        match reply.is_resp3() {
            true => reply.set_map(mark, self.len),
            false => reply.set_array(mark, self.len),
        }
        true
    }
}

impl<'a> Options<'a> {
    /// Keys and ids.
    fn streams(&self, args: Args<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let keys = args.from(self.keys);
        keys.first(self.len).iter().zip(keys.from(self.len))
    }

    fn budget(&self) -> Budget {
        Budget {
            entries: at_most(self.max_count),
            bytes: at_most(self.max_bytes),
            is_whole: true,
        }
    }

    /// Nothing was found.
    fn wait(&self, cx: &mut Ctx<'_>, args: Args<'_>, after: &[Option<StreamId>]) -> Result {
        let Some(deadline) = self.block.filter(|_| cx.may_block()) else {
            cx.reply.null_array();
            return Ok(Flow::Done);
        };
        let ids = self.keys + self.len;
        let is_last = |at: usize| at >= ids && args.arg(at) == b"$";
        let rewritten = (ids..args.len()).any(is_last).then(|| {
            let mut rewritten = OwnedArgs::new();
            for (at, arg) in args.iter().enumerate() {
                match after.get(at.wrapping_sub(ids)) {
                    Some(Some(id)) if is_last(at) => rewritten.push(id.text().as_bytes()),
                    _ => rewritten.push(arg),
                }
            }
            rewritten
        });
        Ok(Flow::Block(Box::new(Block {
            deadline,
            keys: (self.keys..ids).collect(),
            args: rewritten,
            on_removal: self.group.is_some(),
            look_at: None,
        })))
    }
}

fn parse(args: Args<'_>, now: Millis, is_group: bool) -> Result<Options<'_>> {
    let mut options = Options {
        block: None,
        count: 0,
        max_count: 0,
        max_bytes: 0,
        group: None,
        no_ack: false,
        claim: None,
        keys: 0,
        len: 0,
    };
    let mut i = 1;
    while i < args.len() {
        let is_last = i + 1 == args.len();
        if !is_last && args.is(i, "block") {
            i += 1;
            options.block = Some(parse_deadline(args.arg(i), now)?);
        } else if !is_last && args.is(i, "count") {
            i += 1;
            options.count = parse_count(args.arg(i))?;
        } else if !is_last && args.is(i, "maxcount") {
            i += 1;
            options.max_count = parse_count(args.arg(i))?;
        } else if !is_last && args.is(i, "maxsize") {
            i += 1;
            options.max_bytes = parse_count(args.arg(i))?;
        } else if !is_last && args.is(i, "streams") {
            let rest = args.len() - i - 1;
            if !rest.is_multiple_of(2) {
                return Err(match is_group {
                    true => CommandError::unbalanced_streams("xreadgroup", '>'),
                    false => CommandError::unbalanced_streams("xread", '$'),
                });
            }
            (options.keys, options.len) = (i + 1, rest / 2);
            break;
        } else if i + 2 < args.len() && args.is(i, "group") {
            if !is_group {
                return Err(CommandError::XREAD_GROUP);
            }
            options.group = Some((args.arg(i + 1), args.arg(i + 2)));
            i += 2;
        } else if !is_last && args.is(i, "claim") {
            if !is_group {
                return Err(CommandError::XREAD_CLAIM);
            }
            i += 1;
            let min_idle_ms = parse_i64(args.arg(i)).ok_or(CommandError::CLAIM_IDLE_NOT_INTEGER)?;
            if min_idle_ms < 0 {
                return Err(CommandError::CLAIM_IDLE_NEGATIVE);
            }
            options.claim = Some(min_idle_ms);
        } else if args.is(i, "noack") {
            if !is_group {
                return Err(CommandError::XREAD_NOACK);
            }
            options.no_ack = true;
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 1;
    }
    if options.len == 0 {
        return Err(CommandError::SYNTAX);
    }
    if is_group && options.group.is_none() {
        return Err(CommandError::XREADGROUP_NO_GROUP);
    }
    Ok(options)
}

/// The end of a timeout in milliseconds; `None` for 0, which waits for ever.
fn parse_deadline(text: &[u8], now: Millis) -> Result<Option<Millis>> {
    let timeout_ms = parse_i64(text).ok_or(CommandError::TIMEOUT_NOT_INTEGER)?;
    if timeout_ms < 0 {
        return Err(CommandError::TIMEOUT_NEGATIVE);
    }
    let deadline = now.checked_add(timeout_ms);
    let deadline = deadline.ok_or(CommandError::TIMEOUT_OUT_OF_RANGE)?;
    Ok((timeout_ms > 0).then_some(deadline))
}
