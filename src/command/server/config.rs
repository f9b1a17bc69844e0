//! CONFIG: the settings in force, as this core has them.
//!
//! A change is not made here. SET hands its arguments over, the process makes the next snapshot and applies what is
//! its own, and every core adopts it at one point of the common order; so a client that read `+OK` sees its change on
//! all of them.

use super::Result;
use crate::command::acl::line;
use crate::command::client::on_all;
use crate::command::ctx::{Flow, HomeCtx};
use crate::command::introspect::reply_help;
use crate::config::{
    Config, Files, RealFiles, config_get, join_words, rewrite as rewritten,
    rewrite_in_full as rewritten_in_full, write_atomically,
};
use crate::resp::{Args, CommandError};
use crate::session::{User, Users};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Names and values of the settings that match any of the patterns.
pub fn get(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let patterns: Vec<&[u8]> = args.from(2).iter().collect();
    let found = config_get(cx.config, &patterns);
    cx.reply.map(found.len());
    for (name, value) in found {
        cx.reply.bulk(&name);
        cx.reply.bulk(&value);
    }
    Ok(Flow::Done)
}

/// Changes all the named settings or none.
pub fn set(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    Ok(Flow::Configure(
        args.from(2).iter().map(<[u8]>::to_vec).collect(),
    ))
}

/// Values of settings that hold secrets.
pub fn set_secrets(args: Args<'_>) -> Vec<usize> {
    let pairs: Vec<&[u8]> = args.from(2).iter().collect();
    crate::config::sensitive_positions(&pairs)
        .map(|at| at + 2)
        .collect()
}

/// Writes the settings in force into the file the server was started with.
pub fn rewrite(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    rewrite_with(cx, rewritten)
}

/// The same, and every setting gets its line, defaults too.
pub(super) fn rewrite_all(cx: &mut HomeCtx<'_>) -> Result {
    rewrite_with(cx, rewritten_in_full)
}

/// Makes a new text of an old one, the settings, and the users.
type Rewriter = fn(&[u8], &Config, Option<&[Vec<u8>]>) -> Vec<u8>;

fn rewrite_with(cx: &mut HomeCtx<'_>, how: Rewriter) -> Result {
    if cx.server.config_file.is_empty() {
        return Err(CommandError::NO_CONFIG_FILE);
    }
    let file = cx.server.config_file.clone();
    let config = Arc::clone(cx.config);
    let users = cx.core.users();
    Ok(Flow::Offload(Box::new(move |reply| {
        match rewrite_file(Path::new(&file), &config, &users, how) {
            Ok(()) => {
                tracing::info!("CONFIG REWRITE executed with success.");
                reply.ok();
            }
            Err(error) => {
                let reason = reason(&error);
                tracing::warn!("CONFIG REWRITE failed: {reason}");
                reply.error(&CommandError::config_rewrite(&reason));
            }
        }
    })))
}

fn rewrite_file(path: &Path, config: &Config, users: &Users, how: Rewriter) -> io::Result<()> {
    let old = match RealFiles.read(path) {
        // Somebody moved it away: then there is nothing to keep.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let users = users.iter().map(|user| user_line(user));
    let users: Vec<Vec<u8>> = users.collect();
    write_atomically(path, &how(&old, config, Some(&users)))
}

/// A user's name and rules, quoted where a configuration file needs it.
fn user_line(user: &User) -> Vec<u8> {
    let line = line(user);
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').skip(1).collect();
    join_words(&words)
}

/// The system's own words, without the number that std puts behind them.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}

/// Sets the counters of INFO back to zero, on all cores. The slow log and the latency events stay.
pub fn resetstat(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.server.process.reset();
    Ok(on_all(|core| {
        core.stats().reset();
        core.store().counters().reset_stats();
        core.error_counts().clear();
    }))
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "CONFIG",
        &[
            "GET <pattern> [<pattern> ...]",
            "    Settings whose names match, with their values.",
            "SET <directive> <value> [<directive> <value> ...]",
            "    Change settings: all of them or, if one cannot be, none.",
            "RESETSTAT",
            "    Set the counters of INFO back to zero.",
            "REWRITE",
            "    Write the settings in force into the configuration file.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_the_systems_words_alone() {
        let denied = io::Error::from_raw_os_error(13);
        assert_eq!(reason(&denied), "Permission denied");
        assert_eq!(reason(&io::Error::other("full")), "full");
    }

    #[test]
    fn a_rewritten_file_keeps_what_its_author_wrote() {
        let folder = std::env::temp_dir().join(format!("tessera-rewrite-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("a.conf");
        std::fs::write(&path, "# mine\nhz 10\n").unwrap();
        let config = Config {
            hz: 50,
            ..Config::default()
        };
        rewrite_file(&path, &config, &Users::default(), rewritten).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\nhz 50\n"), "{text}");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
