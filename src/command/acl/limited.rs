//! A user with limits in whose name a script runs.

use super::check::{Denied, Reason, check, check_patterns};
use super::log::{Context, Refusal};
use crate::base::time::Millis;
use crate::command::ctx::Server;
use crate::command::spec::CommandSpec;
use crate::resp::{Args, CommandError};
use crate::session::User;
use std::sync::Arc;

/// A client's user as of the command that calls a script: what the script's own commands are checked against.
pub struct Limited {
    /// The user, who may not do everything.
    pub user: Arc<User>,
    /// The client as CLIENT LIST shows it.
    pub client: String,
    /// Where refusals are noted.
    pub server: Arc<Server>,
}

impl Limited {
    /// Whether the script may run this command.
    pub fn allows(&self, spec: &CommandSpec, args: Args<'_>) -> bool {
        check(&self.user, spec, args).is_ok()
    }

    /// The error of a command that the script may not run; it is noted. `shard` is the number of the calling thread's.
    pub fn refusal(
        &self,
        spec: &'static CommandSpec,
        args: Args<'_>,
        shard: usize,
        now: Millis,
        log_max: i64,
    ) -> Option<CommandError> {
        let Err(denied) = check(&self.user, spec, args) else {
            return check_patterns(&self.user, spec, args).err();
        };
        self.note(denied, spec, args, shard, now, log_max);
        let error = denied.error(&self.user, spec);
        let text = error.text();
        let reason = text.strip_prefix(b"NOPERM ").unwrap_or(text);
        // The code that a script's own errors have: the client itself was allowed what it asked for.
        Some(CommandError::owned(
            [b"ERR ACL failure in script: ", reason].concat(),
        ))
    }

    #[cold]
    fn note(
        &self,
        denied: Denied,
        spec: &'static CommandSpec,
        args: Args<'_>,
        shard: usize,
        now: Millis,
        log_max: i64,
    ) {
        let stats = &self.server.cores[shard].stats;
        let counter = match denied.reason {
            Reason::Command => &stats.denied_commands,
            Reason::Key => &stats.denied_keys,
            Reason::Channel => &stats.denied_channels,
            Reason::Auth => &stats.auth_failures,
        };
        counter.add(1);
        let refusal = Refusal {
            reason: denied.reason,
            context: Context::Lua,
            object: denied.object(spec, args).to_vec(),
            username: self.user.name.to_vec(),
            client: self.client.clone(),
            time: now,
        };
        let max = usize::try_from(log_max).unwrap_or(usize::MAX);
        self.server.acl_log.note(refusal, max);
    }
}
