//! EVAL, EVALSHA, FCALL and their read-only forms.

use super::caller::Caller;
use crate::base::num::parse_i64;
use crate::command::ctx::{Ctx, Flow, Waiting};
use crate::command::effects::Reach;
use crate::command::persistence::DiskFailure;
use crate::command::spec::CommandSpec;
use crate::resp::{Args, CommandError};
use crate::script::{Call, Ended, Flags, Script, Scripts, Stored};
use std::sync::atomic::AtomicBool;

/// Digits of a script's name.
const SHA_LEN: usize = 40;

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// Runs a script.
pub fn eval(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    by_text(cx, args, false)
}

/// Runs a script that does not write.
pub fn eval_ro(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    by_text(cx, args, true)
}

/// Runs a script that is known already.
pub fn evalsha(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    by_sha(cx, args, false)
}

/// Runs a script that is known already and does not write.
pub fn evalsha_ro(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    by_sha(cx, args, true)
}

/// Calls a function.
pub fn fcall(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    call_function(cx, args, false)
}

/// Calls a function that does not write.
pub fn fcall_ro(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    call_function(cx, args, true)
}

fn by_text(cx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> Result {
    let split = split(args, CommandError::NOT_INTEGER)?;
    let scripts = cx.scripts;
    let script = scripts.by_text(args.arg(1))?;
    scripts.keep(&script)?;
    run(cx, args, split, Target::Script(&script), read_only)
}

/// Keeps the script of an EVAL that will run, if it can.
pub fn keep_ahead(spec: &CommandSpec, args: Args<'_>, scripts: &Scripts) {
    let is_by_text = matches!(spec.name, "eval" | "eval_ro");
    if is_by_text
        && split(args, CommandError::NOT_INTEGER).is_ok()
        && let Ok(script) = scripts.by_text(args.arg(1))
    {
        // What is wrong with it is said when it runs.
        let _ = scripts.keep(&script);
    }
}

fn by_sha(cx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> Result {
    if args.arg(1).len() != SHA_LEN {
        return Err(CommandError::NO_SCRIPT);
    }
    let split = split(args, CommandError::NOT_INTEGER)?;
    let script = cx
        .scripts
        .by_sha(args.arg(1))
        .ok_or(CommandError::NO_SCRIPT)?;
    run(cx, args, split, Target::Script(&script), read_only)
}

fn call_function(cx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> Result {
    const BAD_NUMBER: CommandError = CommandError::fixed("ERR Bad number of keys provided");
    let stored = cx.scripts.function(args.arg(1));
    let stored = stored.ok_or(CommandError::fixed("ERR Function not found"))?;
    let split = split(args, BAD_NUMBER)?;
    run(cx, args, split, Target::Function(&stored), read_only)
}

/// Keys and other arguments.
fn split<'a>(args: Args<'a>, not_integer: CommandError) -> Result<(Args<'a>, Args<'a>)> {
    let count = parse_i64(args.arg(2)).ok_or(not_integer)?;
    let rest = args.from(3);
    if count > rest.len() as i64 {
        return Err(CommandError::fixed(
            "ERR Number of keys can't be greater than number of args",
        ));
    }
    let count = usize::try_from(count)
        .map_err(|_| CommandError::fixed("ERR Number of keys can't be negative"))?;
    Ok((rest.first(count), rest.from(count)))
}

enum Target<'t> {
    Script(&'t Script),
    Function(&'t Stored),
}

impl Target<'_> {
    /// `None` for a script that says nothing of itself: it is judged command by command.
    fn flags(&self) -> Option<Flags> {
        match self {
            Target::Script(script) => script.flags,
            Target::Function((_, function)) => Some(function.flags),
        }
    }

    fn publishes(&self) -> &AtomicBool {
        match self {
            Target::Script(script) => &script.publishes,
            Target::Function((library, _)) => &library.publishes,
        }
    }

    fn reaches(&self) -> &AtomicBool {
        match self {
            Target::Script(script) => &script.reaches,
            Target::Function((_, function)) => &function.reaches,
        }
    }
}

fn run<'a>(
    cx: &mut Ctx<'a>,
    args: Args<'_>,
    (keys, rest): (Args<'_>, Args<'_>),
    target: Target<'_>,
    read_only: bool,
) -> Result {
    // Its commands say what they do.
    cx.propagate_nothing();
    let flags = target.flags();
    let scripts = cx.scripts;
    if let Some(flags) = flags {
        if !flags.no_writes
            && scripts.shared.disk.is_failing()
            && let Some(failure) = DiskFailure::of(&scripts.shared.disk, cx.config)
        {
            return Err(failure.of_script());
        }
        if read_only && !flags.no_writes {
            return Err(CommandError::fixed(
                "ERR Can not execute a script with write flag using *_ro command.",
            ));
        }
        if scripts.over_limit.get() && !flags.allow_oom && !flags.no_writes {
            return Err(CommandError::fixed(
                "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'",
            ));
        }
    }
    let (db, waiting) = (cx.db.index(), cx.waiting);
    cx.waiting = Waiting::InScript;
    let call = Call {
        name: match &target {
            Target::Script(script) => &script.sha,
            Target::Function((_, function)) => &function.name,
        },
        keys,
        args: rest,
        busy_us: cx.config.busy_reply_threshold as u64 * 1000,
    };
    let partial = !cx.db.covers_all();
    let mut caller = Caller {
        read_only: read_only || flags.is_some_and(|flags| flags.no_writes),
        allow_oom: flags.is_some_and(|flags| flags.allow_oom),
        declared_only: match target {
            Target::Script(script) => script.declared_only,
            Target::Function((library, _)) => library.declared_only,
        },
        partial,
        reaches: target.reaches(),
        publishes: target.publishes(),
        wrote: false,
        fieldsets: Default::default(),
        time_us: None,
        name: call.name,
        command: args,
        cx,
    };
    let ended = match target {
        Target::Script(script) => scripts.eval(script, &call, &mut caller),
        Target::Function(stored) => scripts.fcall(stored, &call, &mut caller),
    };
    cx.waiting = waiting;
    cx.db.select(db);
    cx.effects.set_reach(Reach::default());
    match ended? {
        Ended::Returned => Ok(Flow::Done),
        Ended::Failed(error) => Err(error),
        Ended::Elsewhere => Ok(Flow::Elsewhere),
    }
}
