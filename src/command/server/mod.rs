//! The server group: the commands about the process and not about keys.
//!
//! They run at the client's core. Numbers that every core publishes are read from here; what only the owning core may
//! touch (its slow log, its error counts, its keys) is asked for with a gather, and changed with one.
//!
//! | file | what |
//! |---|---|
//! | `config.rs` | CONFIG |
//! | `debug.rs`, `digest.rs` | DEBUG; what it makes of keys for DIGEST |
//! | `info.rs`, `fields.rs` | INFO: its sections; their fields |
//! | `latency.rs`, `slowlog.rs`, `commandlog.rs` | LATENCY, SLOWLOG, COMMANDLOG |
//! | `hotkeys.rs` | HOTKEYS |
//! | `memory.rs` | MEMORY |
//! | `lolwut.rs` | LOLWUT |
//! | `mod.rs` | LASTSAVE, MODULE, ROLE, SHUTDOWN, TIME: too small for a file |

pub mod commandlog;
pub mod config;
pub mod debug;
mod digest;
mod fields;
pub mod hotkeys;
pub mod info;
pub mod latency;
pub mod lolwut;
pub mod memory;
pub mod slowlog;

use super::ctx::{Flow, HomeCtx, Shutdown};
use super::introspect::reply_help;
use crate::resp::{Args, CommandError};
use std::sync::atomic::Ordering;

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// The clock: seconds, and microseconds within the second.
pub fn time(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.array(2);
    cx.reply.bulk_integer(cx.now.us / 1_000_000);
    cx.reply.bulk_integer(cx.now.us % 1_000_000);
    Ok(Flow::Done)
}

/// Unix seconds of the last good save; of the start when there was none.
pub fn lastsave(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let seconds = cx.server.process.last_save.load(Ordering::Relaxed);
    cx.reply.integer(seconds);
    Ok(Flow::Done)
}

/// Ends the process, or stops it from ending.
pub fn shutdown(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    parse_shutdown(args).map(Flow::Shutdown)
}

fn parse_shutdown(args: Args<'_>) -> Result<Shutdown> {
    let mut options = Shutdown::default();
    for word in args.from(1).iter() {
        let option = match word {
            _ if word.eq_ignore_ascii_case(b"nosave") => &mut options.nosave,
            _ if word.eq_ignore_ascii_case(b"save") => &mut options.save,
            _ if word.eq_ignore_ascii_case(b"now") => &mut options.now,
            _ if word.eq_ignore_ascii_case(b"force") => &mut options.force,
            _ if word.eq_ignore_ascii_case(b"abort") => &mut options.abort,
            _ => return Err(CommandError::SYNTAX),
        };
        *option = true;
    }
    let abort_only = Shutdown {
        abort: true,
        ..Shutdown::default()
    };
    if (options.abort && options != abort_only) || (options.save && options.nosave) {
        return Err(CommandError::SYNTAX);
    }
    Ok(options)
}

/// The replication role and its state: a master, the stream's offset, its replicas.
pub fn role(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.array(3);
    cx.reply.bulk_str("master");
    cx.reply.integer(0);
    cx.reply.array(0);
    Ok(Flow::Done)
}

/// The loaded modules: there are never any.
pub fn module_list(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.array(0);
    Ok(Flow::Done)
}

/// The subcommands of MODULE.
pub fn module_help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "MODULE",
        &["LIST", "    The loaded modules. This server loads none."],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    fn parse(words: &[&str]) -> Result<Shutdown> {
        let args: OwnedArgs = words.iter().collect();
        parse_shutdown(args.as_args())
    }

    #[test]
    fn shutdown_options_must_not_contradict_each_other() {
        let options = parse(&["shutdown", "NoSave", "now", "FORCE"]).unwrap();
        assert!(options.nosave && options.now && options.force && !options.save);
        assert!(parse(&["shutdown", "abort"]).unwrap().abort);
        for bad in [
            &["shutdown", "save", "nosave"][..],
            &["shutdown", "abort", "now"],
            &["shutdown", "later"],
        ] {
            assert_eq!(parse(bad), Err(CommandError::SYNTAX));
        }
    }
}
