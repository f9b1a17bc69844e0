//! XGROUP: consumer groups and their consumers are made and go.

use super::{Result, ids, parse_integer};
use crate::command::ctx::{Ctx, Flow, HomeCtx};
use crate::command::introspect::reply_help;
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::stream::{Group, Stream, StreamId};

/// Options of CREATE and SETID.
#[derive(Default)]
struct Options {
    make_stream: bool,
    entries_read: Option<u64>,
}

/// Makes a group.
pub fn create(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = parse(args, true)?;
    let (key, name) = (args.arg(2), args.arg(3));
    let found = cx.db.peek_as::<Stream>(key)?;
    if found.is_none() && !options.make_stream {
        return Err(CommandError::XGROUP_NO_KEY);
    }
    if args.len() > 8 {
        return Err(wrong_subcommand(args));
    }
    let last_id = match args.arg(4) {
        b"$" => found.map_or(StreamId::MIN, |stream| stream.log().last_id()),
        id => ids::parse(id, 0)?,
    };
    let group = Group::new(last_id, options.entries_read);
    let edited = cx.db.upsert(key, Stream::new, |stream| {
        (stream.create_group(name, group), 0)
    })?;
    if !edited.result {
        return Err(CommandError::BUSY_GROUP);
    }
    cx.notify(KeyspaceEvents::STREAM, "xgroup-create", key);
    cx.dirty += 1;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Sets what a group has read.
pub fn setid(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = parse(args, false)?;
    let (key, name) = (args.arg(2), args.arg(3));
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let last_id = stream.log().last_id();
        let set = stream.with_group(name, |_, group| {
            if !matches!(args.len(), 5 | 7) {
                return Err(wrong_subcommand(args));
            }
            group.last_id = match args.arg(4) {
                b"$" => last_id,
                id => ids::parse_lenient(id, 0)?,
            };
            group.entries_read = options.entries_read;
            Ok(())
        });
        (set, 0)
    })?;
    let set = edited.ok_or(CommandError::XGROUP_NO_KEY)?.result;
    set.ok_or_else(|| CommandError::no_group_for_key(name, key))??;
    cx.notify(KeyspaceEvents::STREAM, "xgroup-setid", key);
    cx.dirty += 1;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Removes a group. Replies whether it was there.
pub fn destroy(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, name) = (args.arg(2), args.arg(3));
    let edited = cx
        .db
        .modify(key, |stream: &mut Stream| (stream.destroy_group(name), 0))?;
    let destroyed = edited.ok_or(CommandError::XGROUP_NO_KEY)?.result;
    if destroyed {
        // As in Redis, no change to who watches the key, but those who wait as consumers of the group are told.
        cx.db.wake(key);
        cx.notify(KeyspaceEvents::STREAM, "xgroup-destroy", key);
        cx.dirty += 1;
    }
    cx.reply.integer(i64::from(destroyed));
    Ok(Flow::Done)
}

/// Makes a consumer. Replies whether it was not there.
pub fn createconsumer(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, name, consumer) = (args.arg(2), args.arg(3), args.arg(4));
    let now = cx.now;
    let created = edit_group(cx, key, name, |group| group.find_or_create(consumer, now).1)?;
    if created {
        cx.notify(KeyspaceEvents::STREAM, "xgroup-createconsumer", key);
        cx.dirty += 1;
    }
    cx.reply.integer(i64::from(created));
    Ok(Flow::Done)
}

/// Removes a consumer. Replies how many entries were pending for it.
pub fn delconsumer(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, name, consumer) = (args.arg(2), args.arg(3), args.arg(4));
    let pending = edit_group(cx, key, name, |group| group.remove_consumer(consumer))?;
    if pending.is_some() {
        cx.notify(KeyspaceEvents::STREAM, "xgroup-delconsumer", key);
        cx.dirty += 1;
    }
    cx.reply.count(pending.unwrap_or(0));
    Ok(Flow::Done)
}

/// Changes a group that has to be there.
fn edit_group<R>(
    cx: &mut Ctx<'_>,
    key: &[u8],
    name: &[u8],
    change: impl FnOnce(&mut Group) -> R,
) -> Result<R> {
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        (stream.with_group(name, |_, group| change(group)), 0)
    })?;
    let result = edited.ok_or(CommandError::XGROUP_NO_KEY)?.result;
    result.ok_or_else(|| CommandError::no_group_for_key(name, key))
}

fn parse(args: Args<'_>, create: bool) -> Result<Options> {
    let mut options = Options::default();
    let mut i = 5;
    while i < args.len() {
        if create && args.is(i, "mkstream") {
            options.make_stream = true;
            i += 1;
        } else if i + 1 < args.len() && args.is(i, "entriesread") {
            let read = parse_integer(args.arg(i + 1))?;
            options.entries_read = match read {
                -1 => None,
                read => Some(u64::try_from(read).map_err(|_| CommandError::ENTRIES_READ)?),
            };
            i += 2;
        } else {
            return Err(wrong_subcommand(args));
        }
    }
    Ok(options)
}

fn wrong_subcommand(args: Args<'_>) -> CommandError {
    CommandError::unknown_subcommand_or_arity("XGROUP", args.arg(1))
}

/// Explains the subcommands.
pub fn group_help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help("XGROUP", HELP, &mut cx.reply);
    Ok(Flow::Done)
}

const HELP: &[&str] = &[
    "CREATE <key> <groupname> <id|$> [option]",
    "    Make a group that reads the entries after an id. Options:",
    "    * MKSTREAM",
    "      Make the stream as well, without entries.",
    "    * ENTRIESREAD entries_read",
    "      How many entries the group counts as read.",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Make a consumer.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove a consumer with what is pending for it.",
    "DESTROY <key> <groupname>",
    "    Remove a group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Let a group go on reading after an id.",
];
