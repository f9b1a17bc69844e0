//! SUBSCRIBE and its kin, PUBLISH, PUBSUB. Who listens is known to the cores; `conn` keeps it.

use super::ctx::{Flow, Gather, HomeCtx};
use super::introspect::reply_help;
use crate::base::{Map, glob_match};
use crate::resp::{Args, CommandError};
use crate::session::{Message, Topic};

type Result = std::result::Result<Flow, CommandError>;

/// Listens to channels.
pub fn subscribe(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Subscribe(Topic::Channel))
}

/// Listens to all channels that fit patterns.
pub fn psubscribe(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Subscribe(Topic::Pattern))
}

/// Listens to shard channels.
pub fn ssubscribe(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Subscribe(Topic::Shard))
}

/// Stops listening to channels, or to all.
pub fn unsubscribe(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Unsubscribe(Topic::Channel))
}

/// Stops listening to patterns, or to all.
pub fn punsubscribe(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Unsubscribe(Topic::Pattern))
}

/// Stops listening to shard channels, or to all.
pub fn sunsubscribe(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Unsubscribe(Topic::Shard))
}

/// Publishes a message; replies how many clients got it.
pub fn publish(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    Ok(Flow::Publish(message(args, false)))
}

/// Publishes a message in a shard channel.
pub fn spublish(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    Ok(Flow::Publish(message(args, true)))
}

/// What PUBLISH or SPUBLISH with these arguments says.
pub fn message(args: Args<'_>, sharded: bool) -> Message {
    Message {
        channel: args.arg(1).to_vec(),
        payload: args.arg(2).to_vec(),
        sharded,
    }
}

/// Replies the channels that somebody listens to.
pub fn channels(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    names(args, Topic::Channel)
}

/// Replies the shard channels that somebody listens to.
pub fn shardchannels(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    names(args, Topic::Shard)
}

/// Replies how many clients listen to each channel asked for.
pub fn numsub(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    Ok(count(args, Topic::Channel))
}

/// Replies how many clients listen to each shard channel asked for.
pub fn shardnumsub(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    Ok(count(args, Topic::Shard))
}

/// Replies how many patterns clients listen to.
pub fn numpat(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Gather(Gather::new(
        |core| -> Vec<Box<[u8]>> {
            let patterns = core.listeners().of(Topic::Pattern);
            patterns.keys().cloned().collect()
        },
        |found, reply| reply.count(distinct(found).len()),
    )))
}

/// Replies what PUBSUB can do.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "PUBSUB",
        &[
            "CHANNELS [<pattern>]",
            "    Channels that somebody listens to.",
            "NUMPAT",
            "    How many patterns clients listen to.",
            "NUMSUB [<channel> ...]",
            "    How many clients listen to each channel, patterns not counted.",
            "SHARDCHANNELS [<pattern>]",
            "    Shard channels that somebody listens to.",
            "SHARDNUMSUB [<shardchannel> ...]",
            "    How many clients listen to each shard channel.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}

fn names(args: Args<'_>, topic: Topic) -> Result {
    if args.len() > 3 {
        return Err(CommandError::unknown_subcommand_or_arity(
            "pubsub",
            args.arg(1),
        ));
    }
    let pattern = args.get(2).map(<[u8]>::to_vec);
    Ok(Flow::Gather(Gather::new(
        move |core| -> Vec<Box<[u8]>> {
            let names = core.listeners().of(topic).keys();
            names
                .filter(|name| {
                    pattern
                        .as_ref()
                        .is_none_or(|pattern| glob_match(pattern, name, false))
                })
                .cloned()
                .collect()
        },
        |found, reply| {
            let names = distinct(found);
            reply.array(names.len());
            names.keys().for_each(|name| reply.bulk(name));
        },
    )))
}

fn count(args: Args<'_>, topic: Topic) -> Flow {
    let asked: Vec<Vec<u8>> = args.iter().skip(2).map(<[u8]>::to_vec).collect();
    let names = asked.clone();
    Flow::Gather(Gather::new(
        move |core| -> Vec<usize> {
            let table = core.listeners().of(topic);
            let listeners = names.iter().map(|name| table.get(&name[..]));
            listeners.map(|list| list.map_or(0, Vec::len)).collect()
        },
        move |counts, reply| {
            reply.array(asked.len() * 2);
            for (nth, name) in asked.iter().enumerate() {
                reply.bulk(name);
                reply.count(counts.iter().map(|core| core[nth]).sum());
            }
        },
    ))
}

fn distinct(found: Vec<Vec<Box<[u8]>>>) -> Map<Box<[u8]>, ()> {
    found.into_iter().flatten().map(|name| (name, ())).collect()
}
