//! SLOWLOG: the slow commands of all cores as one log.
//!
//! Each core keeps up to `slowlog-max-len` entries of its own. Ids come from one counter, so the newest of all are
//! found by sorting; what the cores hold beyond the limit together is not shown and not counted.

use super::Result;
use crate::base::parse_i64;
use crate::command::client::on_all;
use crate::command::ctx::{Flow, Gather, HomeCtx};
use crate::command::introspect::reply_help;
use crate::command::spec::CommandSpec;
use crate::resp::{Args, CommandError, Reply};
use crate::stats::{CommandLog, SlowEntry, Slowlog};

/// Entries shown when no count is given.
const DEFAULT_COUNT: usize = 10;

/// The newest entries, newest first; -1 asks for all.
pub fn get(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let asked = match args.get(2) {
        None => DEFAULT_COUNT,
        Some(_) if args.len() > 3 => {
            return Err(CommandError::unknown_subcommand_or_arity(
                "SLOWLOG",
                args.arg(1),
            ));
        }
        Some(count) => parse_count(count)?,
    };
    let shown = asked.min(max_len(cx));
    Ok(Flow::Gather(Gather::new(
        move |core| {
            let entries = core
                .command_log(CommandLog::Slow)
                .iter()
                .take(shown)
                .cloned();
            entries.collect::<Vec<SlowEntry>>()
        },
        move |logs, reply| {
            reply_entries(logs, shown, reply);
        },
    )))
}

/// A number of entries; -1 stands for all.
pub(super) fn parse_count(text: &[u8]) -> Result<usize> {
    match parse_i64(text) {
        Some(-1) => Ok(usize::MAX),
        Some(count @ 0..) => Ok(count as usize),
        _ => Err(CommandError::fixed(
            "ERR count should be greater than or equal to -1",
        )),
    }
}

/// Writes the newest entries of all cores' logs.
pub(super) fn reply_entries(logs: Vec<Vec<SlowEntry>>, count: usize, reply: &mut Reply<'_>) {
    let entries = newest(logs, count);
    reply.array(entries.len());
    for entry in entries {
        reply.array(6);
        reply.integer(entry.id as i64);
        reply.integer(entry.time);
        reply.integer(entry.value as i64);
        reply.array(entry.args.len());
        entry.args.iter().for_each(|arg| reply.bulk(arg));
        reply.bulk_str(&entry.client);
        reply.bulk(&entry.client_name);
    }
}

fn newest(logs: Vec<Vec<SlowEntry>>, count: usize) -> Vec<SlowEntry> {
    let mut entries: Vec<SlowEntry> = logs.into_iter().flatten().collect();
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.id));
    entries.truncate(count);
    entries
}

fn max_len(cx: &HomeCtx<'_>) -> usize {
    cx.config.slowlog_max_len.max(0) as usize
}

/// How many entries there are.
pub fn len(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let max = max_len(cx);
    Ok(Flow::Gather(Gather::new(
        |core| core.command_log(CommandLog::Slow).len(),
        move |lens, reply| reply.count(lens.into_iter().sum::<usize>().min(max)),
    )))
}

/// Forgets all entries.
pub fn reset(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(on_all(|core| core.command_log(CommandLog::Slow).clear()))
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "SLOWLOG",
        &[
            "GET [<count>]",
            "    The newest slow commands (10 unless told otherwise, -1 for all). Of each: its number, when it",
            "    ended (Unix seconds), how long it ran (microseconds), its arguments, the client's address and name.",
            "LEN",
            "    How many slow commands are recorded.",
            "RESET",
            "    Forget them.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}

/// A command's arguments for the slow log: cut, and without secrets.
pub fn shown_arguments(spec: &CommandSpec, args: Args<'_>) -> Vec<Vec<u8>> {
    let secrets = spec.secrets.map_or(Vec::new(), |find| find(args));
    let shown: Vec<&[u8]> = args
        .iter()
        .enumerate()
        .map(|(at, arg)| {
            if secrets.contains(&at) {
                &b"(redacted)"[..]
            } else {
                arg
            }
        })
        .collect();
    Slowlog::trim_arguments(shown.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_of_cores_become_one_newest_first() {
        let entry = |id| SlowEntry {
            id,
            time: 0,
            value: 0,
            args: Vec::new(),
            client: String::new(),
            client_name: Vec::new(),
        };
        let logs = vec![vec![entry(7), entry(2)], vec![], vec![entry(5), entry(4)]];
        let ids: Vec<u64> = newest(logs, 3).iter().map(|entry| entry.id).collect();
        assert_eq!(ids, [7, 5, 4]);
    }
}
