//! FUNCTION: libraries, and the function that runs.

use super::script::kill;
use crate::base::glob_match;
use crate::base::slot::ShardId;
use crate::command::ctx::{Flow, Gather, HomeCtx};
use crate::command::introspect::reply_help;
use crate::persist::{LibrariesError, dump_functions, restore_functions};
use crate::resp::{Args, CommandError, OwnedArgs, Reply};
use crate::script::{Functions, LibrarySource, Policy, Scripts};
use std::sync::Arc;

type Result = std::result::Result<Flow, CommandError>;

/// The shard where libraries are changed.
const FIRST: ShardId = ShardId(0);

/// Changes the libraries, all of them or none.
///
/// That is done by one shard, whoever asks: so changes are written down in the order in which they are made. A change
/// that cannot be made is refused at once; should another come between, the shard refuses it.
fn change(
    cx: &HomeCtx<'_>,
    args: Args<'_>,
    change: impl Fn(&mut Functions) -> std::result::Result<(), CommandError> + Send + Sync + 'static,
    answer: impl FnOnce(&mut Reply<'_>) + 'static,
) -> Result {
    let shared = Arc::clone(&cx.server.scripts);
    change(&mut Functions::clone(&shared.functions()))?;
    let (db, words) = (cx.session.db, OwnedArgs::from(args));
    let gather = Gather::new(
        move |core| {
            let changed = shared.change_functions(&change);
            if changed.is_ok() {
                core.effects().push(db, words.as_args().iter());
            }
            changed
        },
        |changed, reply| match changed.into_iter().find_map(std::result::Result::err) {
            None => answer(reply),
            Some(error) => reply.error(&error),
        },
    );
    Ok(Flow::Gather(gather.only_on(FIRST)))
}

/// Adds a library.
pub fn function_load(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let code = args.arg(args.len() - 1);
    let mut replace = false;
    for at in 2..args.len() - 1 {
        if !args.is(at, "REPLACE") {
            let text = [b"ERR Unknown option given: ", args.arg(at)].concat();
            return Err(CommandError::owned(text));
        }
        replace = true;
    }
    if args.len() > 3 && !replace {
        return Err(CommandError::fixed("ERR Function code is missing"));
    }
    let name = Scripts::library_name(code)?;
    if !replace {
        cx.server.scripts.functions().check_absent(&name)?;
    }
    let library = Arc::new(cx.core.scripts().library(code)?);
    let add = move |functions: &mut Functions| {
        if !replace {
            functions.check_absent(&library.name)?;
        }
        functions.add(Arc::clone(&library), replace)
    };
    change(cx, args, add, move |reply| reply.bulk(&name))
}

/// Removes a library.
pub fn function_delete(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let name = args.arg(2).to_vec();
    let remove = move |functions: &mut Functions| match functions.remove(&name) {
        true => Ok(()),
        false => Err(CommandError::fixed("ERR Library not found")),
    };
    change(cx, args, remove, |reply| reply.ok())
}

/// Removes all libraries.
pub fn function_flush(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    if args.len() > 3 {
        return Err(CommandError::unknown_subcommand_or_arity(
            "FUNCTION",
            args.arg(1),
        ));
    }
    let is_right =
        args.len() == 2 || (args.len() == 3 && (args.is(2, "SYNC") || args.is(2, "ASYNC")));
    if !is_right {
        return Err(CommandError::fixed(
            "ERR FUNCTION FLUSH only supports SYNC|ASYNC option",
        ));
    }
    let clear = |functions: &mut Functions| {
        functions.clear();
        Ok(())
    };
    change(cx, args, clear, |reply| reply.ok())
}

/// Stops the function that runs.
pub fn function_kill(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    kill(cx, true)
}

/// The libraries and their functions.
pub fn function_list(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let (mut pattern, mut with_code) = (None, false);
    let mut at = 2;
    while at < args.len() {
        if !with_code && args.is(at, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && args.is(at, "LIBRARYNAME") {
            at += 1;
            let given = args.get(at);
            pattern = Some(given.ok_or(CommandError::fixed(
                "ERR library name argument was not given",
            ))?);
        } else {
            let text = [b"ERR Unknown argument ", args.arg(at)].concat();
            return Err(CommandError::owned(text));
        }
        at += 1;
    }
    let functions = cx.server.scripts.functions();
    let wanted = |library: &&Arc<LibrarySource>| {
        pattern.is_none_or(|pattern| glob_match(pattern, &library.name, true))
    };
    let libraries = functions.libraries.values().filter(wanted);
    cx.reply.array(libraries.clone().count());
    for library in libraries {
        list_library(library, with_code, &mut cx.reply);
    }
    Ok(Flow::Done)
}

fn list_library(library: &LibrarySource, with_code: bool, reply: &mut Reply<'_>) {
    reply.map(if with_code { 4 } else { 3 });
    reply.bulk(b"library_name");
    reply.bulk(&library.name);
    reply.bulk(b"engine");
    reply.bulk(b"LUA");
    reply.bulk(b"functions");
    reply.array(library.functions.len());
    for function in &library.functions {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(&function.name);
        reply.bulk(b"description");
        reply.bulk_or_null(function.description.as_deref());
        reply.bulk(b"flags");
        let flags = function.flags.names();
        reply.set(flags.clone().count());
        flags.for_each(|flag| reply.simple(flag));
    }
    if with_code {
        reply.bulk(b"library_code");
        reply.bulk(&library.code);
    }
}

/// The function that runs, and how many there are.
pub fn function_stats(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let functions = cx.server.scripts.functions();
    let running = cx.server.scripts.slowest_function();
    if running.is_none() && cx.server.scripts.any_slow() {
        return Err(CommandError::BUSY_SCRIPT);
    }
    let reply = &mut cx.reply;
    reply.map(2);
    reply.bulk(b"running_script");
    match running {
        None => reply.null(),
        Some(running) => {
            let elapsed = running
                .elapsed_us
                .load(std::sync::atomic::Ordering::Relaxed);
            let command = running.command.as_args();
            reply.map(3);
            reply.bulk(b"name");
            reply.bulk(&running.name);
            reply.bulk(b"command");
            reply.array(command.len());
            command.iter().for_each(|word| reply.bulk(word));
            reply.bulk(b"duration_ms");
            reply.count((elapsed / 1000) as usize);
        }
    }
    reply.bulk(b"engines");
    reply.map(1);
    reply.bulk(b"LUA");
    reply.map(2);
    reply.bulk(b"libraries_count");
    reply.count(functions.libraries.len());
    reply.bulk(b"functions_count");
    reply.count(functions.len());
    Ok(Flow::Done)
}

/// All libraries as a payload.
pub fn function_dump(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let functions = cx.server.scripts.functions();
    let codes = functions.libraries.values().map(|library| &*library.code);
    cx.reply
        .bulk(&dump_functions(codes, cx.config.rdbcompression));
    Ok(Flow::Done)
}

/// Adds the libraries of a payload.
pub fn function_restore(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let policy = match args.get(3) {
        None => Policy::Append,
        Some(_) if args.len() > 4 => {
            return Err(CommandError::unknown_subcommand_or_arity(
                "FUNCTION",
                args.arg(1),
            ));
        }
        Some(_) if args.is(3, "APPEND") => Policy::Append,
        Some(_) if args.is(3, "FLUSH") => Policy::Flush,
        Some(_) if args.is(3, "REPLACE") => Policy::Replace,
        Some(_) => {
            return Err(CommandError::fixed(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    };
    let codes = restore_functions(args.arg(2)).map_err(|error| {
        CommandError::fixed(match error {
            LibrariesError::Footer => "ERR DUMP payload version or checksum are wrong",
            LibrariesError::PreRelease => "ERR Pre-GA function format not supported",
            LibrariesError::NoLibrary => "ERR given type is not a function",
            LibrariesError::Text => "ERR failed loading the given functions payload",
        })
    })?;
    let mut libraries = Vec::new();
    for code in codes {
        libraries.push(Arc::new(cx.core.scripts().library(&code)?));
    }
    let restore = move |functions: &mut Functions| functions.restore(&libraries, policy);
    change(cx, args, restore, |reply| reply.ok())
}

/// The subcommands.
pub fn function_help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "FUNCTION",
        &[
            "DELETE <library>",
            "    Remove a library and its functions.",
            "DUMP",
            "    All libraries as a payload for RESTORE.",
            "FLUSH [ASYNC|SYNC]",
            "    Remove all libraries.",
            "KILL",
            "    Stop the function that runs, if it has written nothing.",
            "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
            "    Libraries and their functions.",
            "LOAD [REPLACE] <code>",
            "    Add a library.",
            "RESTORE <payload> [FLUSH|APPEND|REPLACE]",
            "    Add the libraries of a payload: instead of all others, or beside them, or in place of those of the",
            "    same name.",
            "STATS",
            "    The function that runs, and how many there are.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}
