//! Whether a user may run a command with these arguments.
//!
//! Callers that run commands for clients ask only about limited users ([`Session::is_limited`]): for all others no check
//! can fail. Scripts ask here too, for `redis.call` and `redis.acl_check_cmd`.
//!
//! [`Session::is_limited`]: crate::session::Session

use crate::base::glob_match;
use crate::command::keys::{self, KeyList, KeyRef};
use crate::command::spec::{Channels, CommandSpec, Route, flag, key_flag};
use crate::resp::{Args, CommandError};
use crate::session::{Selector, User};

/// What a user may not do. Ordered: of several refusals the last is told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Run the command.
    Command,
    /// Use one of the keys.
    Key,
    /// Use one of the channels.
    Channel,
    /// Log in; not a reason to refuse a command.
    Auth,
}

impl Reason {
    /// As ACL LOG names it.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Channel => "channel",
            Reason::Auth => "auth",
        }
    }
}

/// A refusal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Denied {
    /// What was refused.
    pub reason: Reason,
    /// The argument that is the key or channel; 0 for the command.
    pub position: usize,
}

impl Denied {
    const COMMAND: Denied = Denied {
        reason: Reason::Command,
        position: 0,
    };

    /// The error a client gets: `NOPERM ..`.
    pub fn error(self, user: &User, spec: &CommandSpec) -> CommandError {
        match self.reason {
            Reason::Command | Reason::Auth => CommandError::no_perm_command(&user.name, spec.name),
            Reason::Key => CommandError::NO_PERM_KEY,
            Reason::Channel => CommandError::NO_PERM_CHANNEL,
        }
    }

    /// The error of a queued command that was allowed when it was queued.
    pub fn error_at_exec(self) -> CommandError {
        CommandError::acl_changed(match self.reason {
            Reason::Command => "no permission to execute the command or subcommand",
            Reason::Key => "no permission to touch the specified keys",
            Reason::Channel => "no permission to access one of the channels used as arguments",
            Reason::Auth => "no permission",
        })
    }

    /// What was refused, by name: the command, key or channel.
    pub fn object<'a>(self, spec: &'static CommandSpec, args: Args<'a>) -> &'a [u8] {
        match self.reason {
            Reason::Command => spec.name.as_bytes(),
            _ => args.get(self.position).unwrap_or_default(),
        }
    }

    /// The refusal in full, for the operator (ACL DRYRUN).
    pub fn explain(self, user: &User, spec: &'static CommandSpec, args: Args<'_>) -> Vec<u8> {
        let what: &[u8] = match self.reason {
            Reason::Command | Reason::Auth => {
                return [
                    b"User ",
                    &user.name[..],
                    b" has no permissions to run the '",
                    spec.name.as_bytes(),
                    b"' command",
                ]
                .concat();
            }
            Reason::Key => b"key",
            Reason::Channel => b"channel",
        };
        let object = self.object(spec, args);
        [
            b"User ",
            &user.name[..],
            b" has no permissions to access the '",
            object,
            b"' ",
            what,
        ]
        .concat()
    }
}

/// Whether `user` may run the command `spec`, whose number of arguments is right.
///
/// Some selector has to allow all of it. If none does, what is told is the last key or channel that none allowed, or the
/// command if none allowed that.
pub fn check(user: &User, spec: &CommandSpec, args: Args<'_>) -> Result<(), Denied> {
    let mut worst = Denied::COMMAND;
    let mut keys = None;
    for selector in user.selectors() {
        match check_selector(selector, spec, args, &mut keys) {
            Ok(()) => return Ok(()),
            Err(denied) => worst = worst.max(denied),
        }
    }
    Err(worst)
}

/// For commands that reach for keys which only they know (SORT .. BY and GET): the error, if the user may not read all
/// keys. To be asked when the command is about to run, after [`check`].
pub fn check_patterns(user: &User, spec: &CommandSpec, args: Args<'_>) -> Result<(), CommandError> {
    if spec.route != Route::ParkAll {
        return Ok(());
    }
    let reads_all = |selector: &Selector| {
        let patterns = &mut selector.keys.iter();
        let all = selector.all_keys || patterns.any(|key| key.read && *key.pattern == *b"*");
        all && check_selector(selector, spec, args, &mut None).is_ok()
    };
    match keys::first_pattern(args) {
        Some(_) if user.selectors().any(reads_all) => Ok(()),
        Some(keys::Pattern::By) => Err(CommandError::SORT_BY_NO_PERMISSION),
        Some(keys::Pattern::Get) => Err(CommandError::SORT_GET_NO_PERMISSION),
        None => Ok(()),
    }
}

/// Whether new permissions still cover a client's subscription to `name`, which is a pattern or a channel. `channels` are
/// those of all selectors.
pub fn covers_subscription<'a>(
    mut channels: impl Iterator<Item = &'a [u8]>,
    name: &[u8],
    is_pattern: bool,
) -> bool {
    channels.any(|allowed| match is_pattern {
        true => allowed == name,
        false => glob_match(allowed, name, false),
    })
}

fn check_selector(
    selector: &Selector,
    spec: &CommandSpec,
    args: Args<'_>,
    keys: &mut Option<KeyList>,
) -> Result<(), Denied> {
    if !selector.all_commands
        && !selector.commands.has(spec.id)
        && !spec.flags.has(flag::NO_AUTH)
        && !allows_first_arg(selector, spec, args)
    {
        return Err(Denied::COMMAND);
    }
    if !selector.all_keys && spec.has_keys() {
        // Arguments that make no sense name no keys: the command will refuse them.
        let keys = keys.get_or_insert_with(|| keys::keys(spec, args).unwrap_or_default());
        for key in keys.iter() {
            if !allows_key(selector, *key, args) {
                return Err(Denied {
                    reason: Reason::Key,
                    position: key.index as usize,
                });
            }
        }
    }
    if !selector.all_channels {
        for position in channels(spec, args) {
            let name = args.arg(position);
            let is_pattern = spec.channels == Channels::SubscribePatterns;
            let allowed = selector.channels.iter().map(|name| &name[..]);
            if !covers_subscription(allowed, name, is_pattern) {
                return Err(Denied {
                    reason: Reason::Channel,
                    position,
                });
            }
        }
    }
    Ok(())
}

fn allows_first_arg(selector: &Selector, spec: &CommandSpec, args: Args<'_>) -> bool {
    let Some(first) = args.get(1) else {
        return false;
    };
    let allowed = &mut selector.first_args.iter();
    allowed.any(|(id, arg)| *id == spec.id && arg.eq_ignore_ascii_case(first))
}

fn allows_key(selector: &Selector, key: KeyRef, args: Args<'_>) -> bool {
    let reads = key.flags.has(key_flag::ACCESS);
    let changes = key_flag::INSERT.or(key_flag::DELETE).or(key_flag::UPDATE);
    let writes = key.flags.has(changes);
    let name = args.arg(key.index as usize);
    selector.keys.iter().any(|allowed| {
        (allowed.read || !reads)
            && (allowed.write || !writes)
            && glob_match(&allowed.pattern, name, false)
    })
}

fn channels(spec: &CommandSpec, args: Args<'_>) -> std::ops::Range<usize> {
    match spec.channels {
        Channels::None => 0..0,
        Channels::Publish => 1..2.min(args.len()),
        Channels::Subscribe | Channels::SubscribePatterns => 1..args.len(),
    }
}
