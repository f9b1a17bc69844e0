//! COMMANDLOG: commands that were slow, large, or had large replies, of all cores as three logs.
//!
//! The first is the one that SLOWLOG shows.

use super::Result;
use super::slowlog::{parse_count, reply_entries};
use crate::command::client::on_all;
use crate::command::ctx::{Flow, Gather, HomeCtx};
use crate::command::introspect::reply_help;
use crate::config::Config;
use crate::resp::{Args, CommandError};
use crate::stats::{CommandLog, SlowEntry};

fn log_named(name: &[u8]) -> Result<CommandLog> {
    let logs = [
        ("slow", CommandLog::Slow),
        ("large-request", CommandLog::LargeRequest),
        ("large-reply", CommandLog::LargeReply),
    ];
    let found = (logs.iter()).find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
    found
        .map(|(_, log)| *log)
        .ok_or(CommandError::COMMANDLOG_TYPE)
}

fn max_len(config: &Config, log: CommandLog) -> usize {
    let max = match log {
        CommandLog::Slow => config.slowlog_max_len,
        CommandLog::LargeRequest => config.commandlog_large_request_max_len,
        CommandLog::LargeReply => config.commandlog_large_reply_max_len,
    };
    usize::try_from(max).unwrap_or(0)
}

/// The newest entries of a log, newest first; -1 asks for all.
pub fn get(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let asked = parse_count(args.arg(2))?;
    let log = log_named(args.arg(3))?;
    let shown = asked.min(max_len(cx.config, log));
    Ok(Flow::Gather(Gather::new(
        move |core| {
            let entries = core.command_log(log).iter().take(shown).cloned();
            entries.collect::<Vec<SlowEntry>>()
        },
        move |logs, reply| reply_entries(logs, shown, reply),
    )))
}

/// How many entries a log has.
pub fn len(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let log = log_named(args.arg(2))?;
    let max = max_len(cx.config, log);
    Ok(Flow::Gather(Gather::new(
        move |core| core.command_log(log).len(),
        move |lens, reply| reply.count(lens.into_iter().sum::<usize>().min(max)),
    )))
}

/// Forgets a log.
pub fn reset(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let log = log_named(args.arg(2))?;
    Ok(on_all(move |core| core.command_log(log).clear()))
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "COMMANDLOG",
        &[
            "GET <count> <slow|large-request|large-reply>",
            "    The newest entries of a log (-1 for all). Of each: its number, when the command ended (Unix seconds),",
            "    microseconds or bytes, its arguments, the client's address and name.",
            "LEN <slow|large-request|large-reply>",
            "    How many entries a log has.",
            "RESET <slow|large-request|large-reply>",
            "    Forget them.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}
