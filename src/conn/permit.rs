//! Access control at a core: refusing commands of users with limits, and what a change of users does to clients.

use super::dispatch::Step;
use super::home::Home;
use super::mail::{Mail, Post};
use crate::command::acl::{
    Context, Denied, Limited, Reason, Refusal, check, check_patterns, covers_subscription,
};
use crate::command::client::describe_client;
use crate::command::ctx::{Gather, Job, UserChange};
use crate::command::spec::{CommandSpec, Route, flag};
use crate::resp::{Args, CommandError};
use crate::session::{ClientKind, Session, Topic, User, Users};
use std::sync::Arc;

impl Home {
    /// What to answer a client with limits instead of running or queueing its command, if it may not run it.
    #[cold]
    pub(super) fn refuse_limited(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        args: Args<'_>,
    ) -> Option<Step> {
        let session = &self.client(at).session;
        let user = Arc::clone(&session.user);
        let is_queued = session.transaction.is_some() && !spec.flags.has(flag::RUNS_IN_MULTI);
        if is_queued && spec.flags.has(flag::NO_MULTI) {
            // Said before anything is asked about rights.
            return None;
        }
        if let Some(error) = self.denial(at, spec, args) {
            return Some(self.refuse(at, Some(spec), &error));
        }
        if is_queued {
            return None;
        }
        let error = check_patterns(&user, spec, args).err()?;
        self.account(at, spec, 0, true, Some(args), error.text().len());
        self.count_error(error.code().as_bytes());
        self.reply(at, |reply| reply.error(&error));
        Some(Step::Next)
    }

    /// The error of a command that the client may not run; it is noted.
    pub(super) fn denial(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        args: Args<'_>,
    ) -> Option<CommandError> {
        let session = &mut self.client(at).session;
        let user = Arc::clone(&session.user);
        let denied = check(&user, spec, args).err()?;
        session.last_command = spec.name;
        let context = match session.transaction {
            Some(_) => Context::Multi,
            None => Context::Toplevel,
        };
        self.note_denied(at, spec, args, denied, context);
        Some(denied.error(&user, spec))
    }

    /// What a command of an EXEC is answered instead of being run, if its client may not run it any more.
    pub(super) fn refuse_queued(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        args: Args<'_>,
    ) -> Option<CommandError> {
        let session = &self.client(at).session;
        if !session.is_limited {
            return None;
        }
        let user = Arc::clone(&session.user);
        match check(&user, spec, args) {
            Ok(()) => check_patterns(&user, spec, args).err(),
            Err(denied) => {
                self.note_denied(at, spec, args, denied, Context::Multi);
                Some(denied.error_at_exec())
            }
        }
    }

    fn note_denied(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        args: Args<'_>,
        denied: Denied,
        context: Context,
    ) {
        let counter = match denied.reason {
            Reason::Command => &self.stats.denied_commands,
            Reason::Key => &self.stats.denied_keys,
            Reason::Channel => &self.stats.denied_channels,
            Reason::Auth => &self.stats.auth_failures,
        };
        counter.add(1);
        let now = self.now();
        let max = usize::try_from(self.config.acllog_max_len).unwrap_or(usize::MAX);
        let session = &self.client(at).session;
        let refusal = Refusal {
            reason: denied.reason,
            context,
            object: denied.object(spec, args).to_vec(),
            username: session.user.name.to_vec(),
            client: describe_client(session, args, now),
            time: now,
        };
        self.server.acl_log.note(refusal, max);
    }

    /// For a script of a client with limits: what the script's own commands are checked against.
    #[inline]
    pub(super) fn limited(
        &mut self,
        at: u32,
        spec: &CommandSpec,
        args: Args<'_>,
    ) -> Option<Arc<Limited>> {
        if spec.route != Route::Script || !self.client(at).session.is_limited {
            return None;
        }
        let now = self.now();
        let session = &mut self.client(at).session;
        session.last_command = spec.name;
        let limited = Limited {
            user: Arc::clone(&session.user),
            client: describe_client(session, args, now),
            server: Arc::clone(&self.server),
        };
        Some(Arc::new(limited))
    }

    /// Changes users; the gather that comes back publishes them. In a transaction that gather may be given up, so the
    /// cores are told right away as well.
    pub(super) fn change_users(
        &mut self,
        at: u32,
        change: UserChange,
        in_transaction: bool,
    ) -> Result<Gather, CommandError> {
        let caller = self.client(at).session.id;
        let (version, users, answer) = self.process.change_users(change)?;
        if in_transaction {
            let _ = self.process.spread_users(version, &users, caller);
        }
        Ok(Gather::new(
            move |core| core.adopt_users(version, &users, caller),
            move |_: Vec<()>, reply| answer.write(reply),
        ))
    }

    /// As `change_users`, on the control thread.
    pub(super) fn reload_job(&mut self, at: u32, change: UserChange) -> Job {
        let caller = self.client(at).session.id;
        let process = Arc::clone(&self.process);
        Box::new(move |reply| match process.change_users(change) {
            Ok((version, users, answer)) => {
                // Nothing is sent: the last core lets go of its end. One that has ended did so long ago.
                let _ = process.spread_users(version, &users, caller).recv();
                answer.write(reply);
            }
            Err(error) => reply.error(&error),
        })
    }

    /// See [`crate::command::ctx::Core::adopt_users`].
    pub(super) fn take_over_users(&mut self, version: u64, users: &Arc<Users>, caller: u64) {
        if version <= self.users_version {
            return;
        }
        self.users_version = version;
        self.users = Arc::clone(users);
        self.is_open = users.default_user().is_open();
        let (mut doomed, mut changed) = (Vec::new(), Vec::new());
        for client in self.clients.iter_mut().flatten() {
            let session = &mut client.session;
            if session.kind == ClientKind::Loader {
                continue;
            }
            match users.successor(&session.user) {
                Some(user) if Arc::ptr_eq(user, &session.user) => {}
                Some(user) => {
                    if has_lost_channels(session, user) {
                        doomed.push(client.at());
                    }
                    client.session.become_user(user);
                    if client.session.is_limited {
                        changed.push(client.at());
                    }
                }
                None => {
                    session.become_user(users.default_user());
                    session.authenticated = false;
                    doomed.push(client.at());
                }
            }
        }
        for at in changed {
            self.refuse_blocked(at);
        }
        for at in doomed {
            let client = self.client(at);
            match client.session.id == caller {
                true => client.closing = true,
                false => self.close(at),
            }
        }
    }
}

/// Whether a client listens to something that its user's new permissions do not cover.
///
/// A user who only got more keeps its clients, whatever they listen to.
fn has_lost_channels(session: &Session, user: &User) -> bool {
    if session.subscriptions.is_empty() {
        return false;
    }
    if user.selectors().any(|selector| selector.all_channels) {
        return false;
    }
    let allowed = || {
        let selectors = user.selectors();
        selectors.flat_map(|selector| selector.channels.iter().map(|name| &name[..]))
    };
    let old = session.user.selectors();
    let only_more = old.clone().all(|selector| {
        !selector.all_channels
            && selector
                .channels
                .iter()
                .all(|name| allowed().any(|known| known == &name[..]))
    });
    if only_more {
        return false;
    }
    [Topic::Channel, Topic::Pattern, Topic::Shard]
        .into_iter()
        .any(|topic| {
            let names = session.subscriptions.names(topic).iter();
            let mut names = names.map(|name| &name[..]);
            names.any(|name| !covers_subscription(allowed(), name, topic == Topic::Pattern))
        })
}

/// Tells all cores of a new set of users. What comes back is disconnected when all of them act on it.
pub fn spread_users(
    posts: &[Arc<Post>],
    version: u64,
    users: &Arc<Users>,
    caller: u64,
) -> flume::Receiver<()> {
    let (done, all_done) = flume::bounded::<()>(0);
    for post in posts {
        post.send(Mail::Users {
            version,
            users: Arc::clone(users),
            caller,
            done: done.clone(),
        });
    }
    all_done
}
