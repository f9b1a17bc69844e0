//! The COMMAND family as commands; what they reply is in `introspect.rs`.

use super::ctx::{Flow, HomeCtx};
use super::introspect;
use crate::resp::{Args, CommandError};

type Result = std::result::Result<Flow, CommandError>;

/// Everything about every command.
pub fn command(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    introspect::command(&cx.server.names, &mut cx.reply);
    Ok(Flow::Done)
}

/// How many there are.
pub fn count(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    introspect::command_count(&cx.server.names, &mut cx.reply);
    Ok(Flow::Done)
}

/// What clients need to know of some.
pub fn info(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    introspect::command_info(&cx.server.names, args, &mut cx.reply);
    Ok(Flow::Done)
}

/// What people need to know of some.
pub fn docs(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    introspect::command_docs(&cx.server.names, args, &mut cx.reply);
    Ok(Flow::Done)
}

/// Their names.
pub fn list(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    introspect::command_list(&cx.server.names, args, &mut cx.reply)?;
    Ok(Flow::Done)
}

/// The keys of a call.
pub fn getkeys(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    introspect::command_getkeys(&cx.server.names, args, &mut cx.reply)?;
    Ok(Flow::Done)
}

/// The keys of a call, and what it does to each.
pub fn getkeysandflags(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    introspect::command_getkeysandflags(&cx.server.names, args, &mut cx.reply)?;
    Ok(Flow::Done)
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    introspect::command_help(&mut cx.reply);
    Ok(Flow::Done)
}
