//! ACL: the commands.

use super::categories::{category_by_name, commands_in, visible_categories};
use super::check::check;
use super::describe::{line, reply_user};
use super::file;
use super::rules::{Rules, has_blanks, merge_selectors};
use crate::base::parse_i64;
use crate::command::ctx::{Answer, Flow, HomeCtx};
use crate::command::introspect::reply_help;
use crate::command::lookup::Resolved;
use crate::config::{Config, PubsubDefault};
use crate::resp::{Args, CommandError};
use crate::session::DEFAULT_USER;

type Result<T = Flow> = std::result::Result<T, CommandError>;

/// How the settings want rules to be applied.
pub fn rules(config: &Config) -> Rules {
    Rules {
        all_channels: config.acl_pubsub_default == PubsubDefault::Allchannels,
    }
}

/// Replies the name of this connection's user.
pub fn whoami(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.bulk(&cx.session.user.name);
    Ok(Flow::Done)
}

/// Replies the names of all users.
pub fn users(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let users = cx.core.users();
    cx.reply.array(users.iter().len());
    users.iter().for_each(|user| cx.reply.bulk(&user.name));
    Ok(Flow::Done)
}

/// Replies all users as lines of an ACL file.
pub fn list(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let users = cx.core.users();
    cx.reply.array(users.iter().len());
    users.iter().for_each(|user| cx.reply.bulk(&line(user)));
    Ok(Flow::Done)
}

/// Replies the rules of a user.
pub fn getuser(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    match cx.core.users().get(args.arg(2)) {
        Some(user) => reply_user(user, &mut cx.reply),
        None => cx.reply.null(),
    }
    Ok(Flow::Done)
}

/// Creates a user, or changes one: by all of the rules, or by none.
pub fn setuser(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let name = args.arg(2).to_vec();
    if has_blanks(&name) {
        return Err(CommandError::fixed(
            "ERR Usernames can't contain spaces or null characters",
        ));
    }
    let words: Vec<&[u8]> = args.from(3).iter().collect();
    let merged = merge_selectors(&words).map_err(|at| CommandError::acl_parenthesis(words[at]))?;
    let rules = rules(cx.config);
    Ok(Flow::Users(Box::new(move |users| {
        let mut user = match users.get(&name) {
            Some(user) => (**user).clone(),
            None => rules.new_user(&name),
        };
        for rule in &merged {
            rules
                .apply(&mut user, rule)
                .map_err(|error| CommandError::acl_modifier(rule, &error.to_string()))?;
        }
        users.put(user);
        Ok(Answer::Ok)
    })))
}

/// Passwords among the rules; whoever reads a log need not know the rest either.
pub fn setuser_secrets(args: Args<'_>) -> Vec<usize> {
    (2..args.len()).collect()
}

/// Deletes users and closes their connections; replies how many there were.
pub fn deluser(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let names: Vec<Vec<u8>> = args.from(2).iter().map(<[u8]>::to_vec).collect();
    if names.iter().any(|name| name == DEFAULT_USER) {
        return Err(CommandError::fixed(
            "ERR The 'default' user cannot be removed",
        ));
    }
    Ok(Flow::Users(Box::new(move |users| {
        let removed = names.iter().filter(|name| users.remove(name)).count();
        Ok(Answer::Count(removed))
    })))
}

/// Replies the categories, or the commands of one.
pub fn cat(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    if args.len() > 3 {
        return Err(CommandError::unknown_subcommand_or_arity(
            "ACL",
            args.arg(1),
        ));
    }
    let names: Vec<&str> = match args.get(2) {
        None => visible_categories().map(|(_, name)| name).collect(),
        Some(name) => {
            let category =
                category_by_name(name).ok_or_else(|| CommandError::unknown_category(name))?;
            commands_in(category).map(|spec| spec.name).collect()
        }
    };
    cx.reply.array(names.len());
    names.iter().for_each(|name| cx.reply.bulk_str(name));
    Ok(Flow::Done)
}

/// Replies a random password in hexadecimal digits.
pub fn genpass(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    if args.len() > 3 {
        return Err(CommandError::unknown_subcommand_or_arity(
            "ACL",
            args.arg(1),
        ));
    }
    let bits = match args.get(2) {
        None => PASSWORD_BITS,
        Some(text) => parse_i64(text).ok_or(CommandError::NOT_INTEGER)?,
    };
    let Some(bits) = usize::try_from(bits)
        .ok()
        .filter(|bits| (1..=PASSWORD_BITS_MAX).contains(bits))
    else {
        return Err(CommandError::owned(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
             {PASSWORD_BITS_MAX}"
        )));
    };
    let mut bytes = vec![0; bits.div_ceil(8)];
    cx.core.random_bytes(&mut bytes);
    let mut text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(bits.div_ceil(4));
    cx.reply.bulk_str(&text);
    Ok(Flow::Done)
}

const PASSWORD_BITS: i64 = 256;
const PASSWORD_BITS_MAX: usize = 4096;

/// Replies what was refused lately, or forgets it.
pub fn log(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let count = match args.get(2) {
        _ if args.len() > 3 => {
            return Err(CommandError::unknown_subcommand_or_arity(
                "ACL",
                args.arg(1),
            ));
        }
        None => LOG_SHOWN,
        Some(_) if args.is(2, "RESET") => {
            cx.server.acl_log.clear();
            cx.reply.ok();
            return Ok(Flow::Done);
        }
        Some(text) => parse_i64(text).ok_or(CommandError::NOT_INTEGER)?,
    };
    let count = usize::try_from(count).unwrap_or(0);
    cx.server.acl_log.reply(count, cx.now.ms, &mut cx.reply);
    Ok(Flow::Done)
}

/// Entries shown when no count is given.
const LOG_SHOWN: i64 = 10;

/// Says whether a user might run a command, without running it.
pub fn dryrun(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let users = cx.core.users();
    let name = args.arg(2);
    let user = users
        .get(name)
        .ok_or_else(|| CommandError::user_not_found(name))?;
    let call = args.from(3);
    let Resolved::Command(spec) = cx.server.names.resolve(call) else {
        return Err(CommandError::command_not_found(args.arg(3)));
    };
    if !spec.accepts(call.len()) {
        return Err(CommandError::wrong_arity(spec.name));
    }
    match check(user, spec, call) {
        Ok(()) => cx.reply.ok(),
        Err(denied) => cx.reply.bulk(&denied.explain(user, spec, call)),
    }
    Ok(Flow::Done)
}

/// Reads the users from the ACL file again; all of it, or nothing if a line is wrong.
pub fn load(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let path = acl_file(cx.config)?;
    let rules = rules(cx.config);
    Ok(Flow::ReloadUsers(Box::new(move |users| {
        file::load(&path, rules, users)
            .map(|()| Answer::Ok)
            .map_err(|errors| CommandError::owned(format!("ERR {errors}")))
    })))
}

/// Writes the users into the ACL file.
pub fn save(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let path = acl_file(cx.config)?;
    let users = cx.core.users();
    Ok(Flow::Offload(Box::new(move |reply| {
        match file::save(&path, &users) {
            Ok(()) => reply.ok(),
            Err(error) => {
                tracing::warn!("Writing ACL file for ACL SAVE: {error}");
                reply.error(&CommandError::fixed(
                    "ERR There was an error trying to save the ACLs. Please check the server logs for more \
                     information",
                ));
            }
        }
    })))
}

fn acl_file(config: &Config) -> Result<String> {
    match config.aclfile.is_empty() {
        true => Err(CommandError::NO_ACL_FILE),
        false => Ok(config.aclfile.clone()),
    }
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "ACL",
        &[
            "CAT [<category>]",
            "    The categories of commands, or the commands of one.",
            "DELUSER <username> [<username> ...]",
            "    Delete users and close their connections.",
            "DRYRUN <username> <command> [<arg> ...]",
            "    Tell whether a user might run a command, without running it.",
            "GETUSER <username>",
            "    The rules of a user.",
            "GENPASS [<bits>]",
            "    Make up a password of 256 bits, or of as many as asked for.",
            "LIST",
            "    All users, as lines of an ACL file.",
            "LOAD",
            "    Read the users from the ACL file again.",
            "LOG [<count> | RESET]",
            "    What was refused lately; or forget it.",
            "SAVE",
            "    Write the users into the ACL file.",
            "SETUSER <username> <attribute> [<attribute> ...]",
            "    Create a user, or change the rules of one.",
            "USERS",
            "    The names of all users.",
            "WHOAMI",
            "    The user of this connection.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}
