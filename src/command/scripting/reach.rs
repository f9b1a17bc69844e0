//! Where a script has to run.

use crate::base::num::parse_i64;
use crate::command::spec::CommandSpec;
use crate::resp::Args;
use crate::script::Scripts;
use std::sync::atomic::Ordering;

/// What a call of a script may touch, before it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Its declared keys, or nothing.
    Declared,
    /// Perhaps its declared keys only: it may be tried there, as it can start anew.
    Perhaps,
    /// Anything.
    All,
}

/// What the call may touch. A call that is wrong replies so wherever it runs.
pub fn reach(spec: &CommandSpec, args: Args<'_>, scripts: &Scripts) -> Reach {
    let (Some(name), Some(count)) = (args.get(1), args.get(2).and_then(parse_i64)) else {
        return Reach::Declared;
    };
    let unproven = |reaches: bool| match reaches || count <= 0 {
        true => Reach::All,
        false => Reach::Perhaps,
    };
    if spec.name.starts_with("fcall") {
        return match scripts.function(name).as_deref() {
            Some((library, _)) if library.declared_only => Reach::Declared,
            Some((_, function)) => unproven(function.reaches.load(Ordering::Relaxed)),
            // It may be known when its turn comes, by a command before it.
            None => unproven(false),
        };
    }
    let script = match spec.name.starts_with("evalsha") {
        true => scripts.by_sha(name),
        false => scripts.by_text(name).ok(),
    };
    match script {
        Some(script) if !script.declared_only => unproven(script.reaches.load(Ordering::Relaxed)),
        None if spec.name.starts_with("evalsha") => unproven(false),
        _ => Reach::Declared,
    }
}

/// Whether a script or function may publish messages.
pub fn publishes(spec: &CommandSpec, args: Args<'_>, scripts: &Scripts) -> bool {
    let Some(name) = args.get(1) else {
        return false;
    };
    if spec.name.starts_with("fcall") {
        let function = scripts.function(name);
        return function.is_some_and(|function| function.0.publishes.load(Ordering::Relaxed));
    }
    let script = match spec.name.starts_with("evalsha") {
        true => scripts.by_sha(name),
        false => scripts.by_text(name).ok(),
    };
    script.is_some_and(|script| script.publishes.load(Ordering::Relaxed))
}

/// Whether a script or function says of itself that it does not write.
pub fn only_reads(spec: &CommandSpec, args: Args<'_>, scripts: &Scripts) -> bool {
    let Some(name) = args.get(1) else {
        return false;
    };
    let flags = if spec.name.starts_with("fcall") {
        scripts.function(name).map(|function| function.1.flags)
    } else {
        let script = match spec.name.starts_with("evalsha") {
            true => scripts.by_sha(name),
            false => scripts.by_text(name).ok(),
        };
        script.and_then(|script| script.flags)
    };
    flags.is_some_and(|flags| flags.no_writes)
}
