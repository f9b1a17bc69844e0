//! SCRIPT: the cache of scripts, and the script that runs.

use crate::command::ctx::{Flow, HomeCtx};
use crate::command::introspect::reply_help;
use crate::resp::{Args, CommandError};
use crate::script::KillError;

type Result = std::result::Result<Flow, CommandError>;

/// Keeps a script for EVALSHA.
pub fn script_load(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let scripts = cx.core.scripts();
    let script = scripts.by_text(args.arg(2))?;
    scripts.keep(&script)?;
    cx.reply.bulk(&script.sha);
    Ok(Flow::Done)
}

/// Which scripts are known.
pub fn script_exists(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let names = args.from(2);
    cx.reply.array(names.len());
    for name in names {
        let known = cx.core.scripts().by_sha(name).is_some();
        cx.reply.integer(known.into());
    }
    Ok(Flow::Done)
}

/// Forgets all scripts.
pub fn script_flush(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let is_right =
        args.len() == 2 || (args.len() == 3 && (args.is(2, "SYNC") || args.is(2, "ASYNC")));
    if !is_right {
        return Err(CommandError::fixed(
            "ERR SCRIPT FLUSH only support SYNC|ASYNC option",
        ));
    }
    cx.server.scripts.flush_scripts();
    cx.reply.ok();
    Ok(Flow::Done)
}

/// Stops the script that runs.
pub fn script_kill(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    kill(cx, false)
}

pub(super) fn kill(cx: &mut HomeCtx<'_>, functions: bool) -> Result {
    match cx.server.scripts.kill(functions) {
        Ok(()) => {
            cx.reply.ok();
            Ok(Flow::Done)
        }
        Err(KillError::NotBusy) => Err(CommandError::NOT_BUSY),
        Err(KillError::Unkillable) => Err(CommandError::UNKILLABLE),
        Err(KillError::OtherKind) if functions => Err(CommandError::BUSY_SCRIPT),
        Err(KillError::OtherKind) => Err(CommandError::BUSY_FUNCTION),
    }
}

/// There is no debugger: a script is never stopped between two lines.
pub fn script_debug(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    if args.is(2, "NO") {
        cx.reply.ok();
        return Ok(Flow::Done);
    }
    Err(match args.is(2, "YES") || args.is(2, "SYNC") {
        true => CommandError::fixed("ERR The Lua debugger is not available on this server"),
        false => CommandError::fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO"),
    })
}

/// The text of a script.
pub fn script_show(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let script = cx.core.scripts().by_sha(args.arg(2));
    let script = script.ok_or(CommandError::fixed("NOSCRIPT No matching script."))?;
    cx.reply.bulk(&script.body);
    Ok(Flow::Done)
}

/// The subcommands.
pub fn script_help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "SCRIPT",
        &[
            "DEBUG (YES|SYNC|NO)",
            "    How the next scripts are debugged; there is no debugger here.",
            "EXISTS <sha1> [<sha1> ...]",
            "    Which scripts are known.",
            "FLUSH [ASYNC|SYNC]",
            "    Forget all scripts.",
            "KILL",
            "    Stop the script that runs, if it has written nothing.",
            "LOAD <script>",
            "    Keep a script for EVALSHA.",
            "SHOW <sha1>",
            "    The text of a script.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}
