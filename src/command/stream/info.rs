//! XINFO: what there is to know of streams, groups and consumers.

use super::{Result, parse_integer, reply_entries, reply_entry, reply_id};
use crate::command::ctx::{Ctx, Flow, HomeCtx};
use crate::command::introspect::reply_help;
use crate::resp::{Args, CommandError, Reply};
use crate::types::stream::{Group, Log, Producers, Stream, StreamId};

/// Describes the consumers of a group.
pub fn consumers(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, name) = (args.arg(2), args.arg(3));
    let stream = cx.db.read::<Stream>(key)?;
    let stream = stream.ok_or(CommandError::NO_SUCH_KEY)?;
    let group = stream.group(name);
    let group = group.ok_or_else(|| CommandError::no_group_for_key(name, key))?;
    let (now, reply) = (cx.now, &mut cx.reply);
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(4);
        reply.bulk_str("name");
        reply.bulk(&consumer.name);
        reply.bulk_str("pending");
        reply.count(consumer.pending_len());
        reply.bulk_str("idle");
        reply.integer(now.since(consumer.seen));
        reply.bulk_str("inactive");
        reply.integer(consumer.active.map_or(-1, |active| now - active));
    }
    Ok(Flow::Done)
}

/// Describes the groups of a stream.
pub fn groups(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let stream = cx.db.read::<Stream>(args.arg(2))?;
    let stream = stream.ok_or(CommandError::NO_SUCH_KEY)?;
    let reply = &mut cx.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk_str("name");
        reply.bulk(name);
        reply.bulk_str("consumers");
        reply.count(group.consumers().len());
        reply.bulk_str("pending");
        reply.count(group.pending_len());
        reply_progress(reply, stream, group);
    }
    Ok(Flow::Done)
}

/// How far a group has read.
fn reply_progress(reply: &mut Reply<'_>, stream: &Stream, group: &Group) {
    let or_null = |reply: &mut Reply<'_>, value: Option<i64>| match value {
        Some(value) => reply.integer(value),
        None => reply.null(),
    };
    reply.bulk_str("last-delivered-id");
    reply_id(reply, group.last_id);
    reply.bulk_str("entries-read");
    or_null(reply, group.entries_read.map(|read| read as i64));
    reply.bulk_str("lag");
    or_null(reply, stream.lag(group));
}

/// Describes a stream; with FULL its entries and groups as well.
pub fn stream(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let stream = cx.db.read::<Stream>(args.arg(2))?;
    let stream = stream.ok_or(CommandError::NO_SUCH_KEY)?;
    let full = parse_full(args)?;
    let reply = &mut cx.reply;
    let log = stream.log();
    let producers = stream.producers();
    let extra = if producers.is_some() { 6 } else { 0 };
    reply.map(extra + if full.is_some() { 9 } else { 10 });
    reply.bulk_str("length");
    reply.count(stream.len());
    reply.bulk_str("radix-tree-keys");
    reply.count(log.node_count());
    reply.bulk_str("radix-tree-nodes");
    reply.count(radix_tree_nodes(log));
    reply.bulk_str("last-generated-id");
    reply_id(reply, log.last_id());
    reply.bulk_str("max-deleted-entry-id");
    reply_id(reply, log.max_deleted_id());
    reply.bulk_str("entries-added");
    reply.integer(log.entries_added() as i64);
    reply.bulk_str("recorded-first-entry-id");
    reply_id(reply, log.first_id());
    if let Some(producers) = producers {
        reply_producers(reply, producers);
    }
    if let Some(count) = full {
        reply.bulk_str("entries");
        let entries = log.range(StreamId::MIN, StreamId::MAX);
        reply_entries(reply, entries, count);
        reply.bulk_str("groups");
        reply.array(stream.groups().len());
        for (name, group) in stream.groups() {
            reply_group(reply, stream, name, group, super::at_most(count));
        }
        return Ok(Flow::Done);
    }
    reply.bulk_str("groups");
    reply.count(stream.groups().len());
    let ends = [
        ("first-entry", log.range(StreamId::MIN, StreamId::MAX)),
        ("last-entry", log.range_back(StreamId::MIN, StreamId::MAX)),
    ];
    for (name, mut entries) in ends {
        reply.bulk_str(name);
        match entries.next() {
            Some(entry) => reply_entry(reply, &entry),
            None => reply.null(),
        }
    }
    Ok(Flow::Done)
}

/// What is remembered of producers, and how often it was of use.
fn reply_producers(reply: &mut Reply<'_>, producers: &Producers) {
    let memory = producers.remembers();
    for (name, value) in [
        ("idmp-duration", memory.duration_s),
        ("idmp-maxsize", memory.entries_max),
        ("pids-tracked", producers.len() as u64),
        ("iids-tracked", producers.entries() as u64),
        ("iids-added", producers.added),
        ("iids-duplicates", producers.duplicates),
    ] {
        reply.bulk_str(name);
        reply.integer(value.cast_signed());
    }
}

/// A group as XINFO STREAM FULL shows it, with at most `count` pending entries in each list.
fn reply_group(reply: &mut Reply<'_>, stream: &Stream, name: &[u8], group: &Group, count: usize) {
    reply.map(7);
    reply.bulk_str("name");
    reply.bulk(name);
    reply_progress(reply, stream, group);
    reply.bulk_str("pel-count");
    reply.count(group.pending_len());
    reply.bulk_str("pending");
    reply.array(group.pending_len().min(count));
    for (id, pending) in group.pending_from(StreamId::MIN).take(count) {
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(group.owner(pending));
        reply.integer(pending.delivered.0);
        reply.integer(pending.deliveries);
    }
    reply.bulk_str("consumers");
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(5);
        reply.bulk_str("name");
        reply.bulk(&consumer.name);
        reply.bulk_str("seen-time");
        reply.integer(consumer.seen.0);
        reply.bulk_str("active-time");
        reply.integer(consumer.active.map_or(-1, |active| active.0));
        reply.bulk_str("pel-count");
        reply.count(consumer.pending_len());
        reply.bulk_str("pending");
        reply.array(consumer.pending_len().min(count));
        let Some(id) = group.find(&consumer.name) else {
            continue;
        };
        for (id, pending) in group.pending_of(id, StreamId::MIN).take(count) {
            reply.array(3);
            reply_id(reply, id);
            reply.integer(pending.delivered.0);
            reply.integer(pending.deliveries);
        }
    }
}

/// `[FULL [COUNT count]]`: how many of each list are shown, 0 for all; `None` without FULL.
fn parse_full(args: Args<'_>) -> Result<Option<usize>> {
    let wrong = || CommandError::unknown_subcommand_or_arity("XINFO", args.arg(1));
    match args.len() {
        3 => return Ok(None),
        4 | 6 if args.is(3, "full") => {}
        _ => return Err(wrong()),
    }
    if args.len() == 4 {
        return Ok(Some(FULL_COUNT));
    }
    if !args.is(4, "count") {
        return Err(wrong());
    }
    let count = parse_integer(args.arg(5))?;
    Ok(Some(usize::try_from(count).unwrap_or(FULL_COUNT)))
}

/// Entries, and pending entries, that FULL shows if it is not told.
const FULL_COUNT: usize = 10;

/// How many nodes Redis' radix tree would have for the keys of the stream's nodes. We have no such tree; for very many
/// keys this is an estimate.
fn radix_tree_nodes(log: &Log) -> usize {
    if log.node_count() > RADIX_TREE_KEYS_MAX {
        return 2 * log.node_count();
    }
    let keys: Vec<[u8; 16]> = log.nodes().map(|(id, _)| id.to_bytes()).collect();
    subtree_nodes(&keys, 0)
}

/// Nodes for keys that are alike up to `depth`: a run of bytes that all share is one node, a fork another.
fn subtree_nodes(keys: &[[u8; 16]], depth: usize) -> usize {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else {
        return 1;
    };
    if depth == first.len() {
        return 1;
    }
    let shared = (depth..first.len()).take_while(|&at| first[at] == last[at]);
    let shared = shared.count();
    if shared > 0 {
        return 1 + subtree_nodes(keys, depth + shared);
    }
    let forks = keys.chunk_by(|a, b| a[depth] == b[depth]);
    1 + forks
        .map(|fork| subtree_nodes(fork, depth + 1))
        .sum::<usize>()
}

/// Above this counting is not worth the time.
const RADIX_TREE_KEYS_MAX: usize = 10_000;

/// Explains the subcommands.
pub fn info_help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help("XINFO", HELP, &mut cx.reply);
    Ok(Flow::Done)
}

const HELP: &[&str] = &[
    "CONSUMERS <key> <groupname>",
    "    Describe the consumers of a group.",
    "GROUPS <key>",
    "    Describe the groups of a stream.",
    "STREAM <key> [FULL [COUNT <count>]]",
    "    Describe a stream.",
];
