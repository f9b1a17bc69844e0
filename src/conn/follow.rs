//! What a home command asked for: the flows that need the connection, other cores or the process.

use super::client::{SlotState, Stall};
use super::dispatch::Step;
use super::home::Home;
use super::mail::Mail;
use super::process::{Configured, Saving, Settled};
use super::remarkable::spike_name;
use crate::base::slot::key_slot;
use crate::command::ctx::{Flow, Gather, Save};
use crate::command::spec::CommandSpec;
use crate::config::SetContext;
use crate::resp::{Args, CommandError, Output, Reply};
use crate::ring::crash;
use crate::session::{ClientKind, ReplyMode};
use crate::shard::Ticket;
use crate::stats::CommandLog;
use std::sync::Arc;

impl Home {
    /// Does what a home command left to do.
    pub(super) fn follow(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        flow: Flow,
        args: Args<'_>,
    ) -> Step {
        match flow {
            Flow::Done => Step::Next,
            Flow::Close => {
                self.client(at).closing = true;
                Step::Next
            }
            Flow::Hangup => {
                self.close(at);
                Step::Next
            }
            Flow::Gather(_)
            | Flow::Configure(_)
            | Flow::Users(_)
            | Flow::Save(_)
            | Flow::Migrate(_)
                if self.any_is_busy(&self.all_shards()) =>
            {
                self.refuse(at, Some(spec), &self.server.scripts.busy_error())
            }
            Flow::Shutdown(options)
                if !options.abort && !options.nosave && self.server.scripts.any_slow() =>
            {
                self.refuse(at, Some(spec), &self.server.scripts.busy_error())
            }
            // Nothing has happened yet: the command can be looked at again.
            Flow::Gather(_) | Flow::Configure(_) | Flow::Users(_)
                if !self.have_credits(&self.all_shards()) =>
            {
                self.waiting.push(at);
                Step::Wait(Stall::Credit)
            }
            Flow::Gather(gather) => {
                self.gather(at, spec, gather, args);
                Step::Next
            }
            Flow::AtKey(position, run) => {
                let key = args.get(position).unwrap_or_default();
                let shard = self.slots.shard_of(key_slot(key));
                // No locator: that is for a key in argument 1, and this one may be anywhere.
                if shard == self.id {
                    self.run_here(at, spec, run, None, args)
                } else {
                    self.send_single(at, spec, run, None, args, shard)
                }
            }
            Flow::AtKeyWith(position, run, others) => {
                let others = others.as_args();
                let key = others.get(position).unwrap_or_default();
                let shard = self.slots.shard_of(key_slot(key));
                if shard == self.id {
                    self.run_here(at, spec, run, None, others)
                } else {
                    self.send_single(at, spec, run, None, others, shard)
                }
            }
            Flow::Users(change) => match self.change_users(at, change, false) {
                Ok(gather) => {
                    self.gather(at, spec, gather, args);
                    Step::Next
                }
                Err(error) => {
                    self.account(at, spec, 0, true, None, 0);
                    self.count_error(error.code().as_bytes());
                    self.reply(at, |reply| reply.error(&error));
                    Step::Next
                }
            },
            Flow::ReloadUsers(change) => {
                let job = self.reload_job(at, change);
                let step = self.follow(at, spec, Flow::Offload(job), args);
                // The rest of the pipeline runs under the new rules, if at all.
                self.client(at).stall = Stall::Replies;
                step
            }
            Flow::Offload(work) => {
                self.account(at, spec, 0, false, None, 0);
                let ticket = self.owe_offloaded(at);
                let proto = self.client(at).session.proto;
                let post = self.post();
                self.process.run(Box::new(move || {
                    let mut output = Output::default();
                    work(&mut Reply::new(&mut output, proto));
                    post.send(Mail::Reply(ticket, output));
                }));
                Step::Next
            }
            Flow::Configure(pairs) => match self.configure(at, &pairs) {
                Ok((gather, settled)) => {
                    self.publish_settings(at, spec, gather, settled, args);
                    // The rest of the pipeline runs under the new settings, wherever it runs.
                    self.client(at).stall = Stall::Replies;
                    Step::Next
                }
                Err(error) => {
                    self.account(at, spec, 0, true, None, 0);
                    self.count_error(error.code().as_bytes());
                    self.reply(at, |reply| reply.error(&error));
                    Step::Next
                }
            },
            Flow::Block(_) | Flow::Elsewhere => {
                unreachable!("only a command at its keys waits")
            }
            Flow::Subscribe(topic) => {
                let mut out = self.subscribe(at, topic, args.iter().skip(1));
                self.confirm(at, &mut out);
                Step::Next
            }
            Flow::Unsubscribe(topic) => {
                let names = args.iter().skip(1).map(<[u8]>::to_vec).collect();
                let mut out = self.unsubscribe(at, topic, names);
                self.confirm(at, &mut out);
                Step::Next
            }
            Flow::Tracking(tracking) => {
                let gather = self.set_tracking(at, tracking);
                self.gather(at, spec, gather, args);
                Step::Next
            }
            Flow::Publish(message) => self.publish(at, spec, message, args),
            Flow::Multi => self.multi(at),
            Flow::Exec => self.exec(at, spec, args),
            Flow::Discard => self.discard(at),
            Flow::Watch => self.watch(at, args),
            Flow::Unwatch => {
                self.unwatch(at);
                self.reply(at, |reply| reply.ok());
                Step::Next
            }
            Flow::Reset => {
                self.set_monitor(at, false);
                self.end_transaction(at);
                self.drop_subscriptions(at);
                self.drop_tracking(at);
                let users = Arc::clone(&self.users);
                self.client(at).session.reset(users.default_user());
                self.reply(at, |reply| reply.simple("RESET"));
                Step::Next
            }
            Flow::Monitor => {
                self.set_monitor(at, true);
                self.reply(at, |reply| reply.ok());
                Step::Next
            }
            Flow::Shutdown(options) if options.abort => {
                let aborted = self.process.shutdown(options, Box::new(|_| {}));
                if let Err(error) = &aborted {
                    self.count_error(error.code().as_bytes());
                }
                self.reply(at, |reply| match &aborted {
                    Ok(()) => reply.ok(),
                    Err(error) => reply.error(error),
                });
                Step::Next
            }
            Flow::Shutdown(options) => {
                let ticket = self.owe_offloaded(at);
                let proto = self.client(at).session.proto;
                let post = self.post();
                let finished = Box::new(move |result: Result<(), CommandError>| {
                    let mut output = Output::default();
                    if let Err(error) = result {
                        Reply::new(&mut output, proto).error(&error);
                    }
                    post.send(Mail::Reply(ticket, output));
                });
                match self.process.shutdown(options, finished) {
                    Ok(()) => {}
                    Err(error) => {
                        self.count_error(error.code().as_bytes());
                        let mut output = Output::default();
                        Reply::new(&mut output, proto).error(&error);
                        self.fill(ticket, output);
                    }
                }
                Step::Next
            }
            Flow::AwaitDisk(mut wait) => {
                if self.client(at).session.kind == ClientKind::Loader {
                    // Nobody is there who could wait.
                    wait.deadline = Some(self.now());
                }
                let ticket = self.owe_offloaded(at);
                self.await_disk(ticket, wait);
                self.client(at).stall = Stall::Replies;
                Step::Next
            }
            Flow::Save(save) => {
                self.save(at, spec, save, args);
                Step::Next
            }
            Flow::Crash => crash::segfault(),
            Flow::Migrate(migration) => {
                self.account(at, spec, 0, false, Some(args), 0);
                let scope = self.scope(at);
                let ticket = self.owe_offloaded(at);
                self.process.migrate(*migration, scope, self.id, ticket);
                // What follows is asked of what is left.
                self.client(at).stall = Stall::Replies;
                Step::Next
            }
            Flow::Load(load) => {
                let proto = self.client(at).session.proto;
                let ticket = self.owe_offloaded(at);
                let post = self.post();
                self.process.load(
                    load,
                    Box::new(move |result| {
                        let mut output = Output::default();
                        let mut reply = Reply::new(&mut output, proto);
                        match result {
                            Ok(()) => reply.ok(),
                            Err(error) => reply.error(&error),
                        }
                        post.send(Mail::Reply(ticket, output));
                    }),
                );
                // What follows is asked of what was read.
                self.client(at).stall = Stall::Replies;
                self.account(at, spec, 0, false, Some(args), 0);
                Step::Next
            }
        }
    }

    /// SAVE replies when the file is there, BGSAVE at once.
    fn save(&mut self, at: u32, spec: &'static CommandSpec, save: Save, args: Args<'_>) {
        let proto = self.client(at).session.proto;
        let ticket = (save == Save::AndReply).then(|| self.owe_offloaded(at));
        let post = self.post();
        let done = Box::new(move |result: Result<(), CommandError>| {
            let Some(ticket) = ticket else { return };
            let mut output = Output::default();
            let mut reply = Reply::new(&mut output, proto);
            match result {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(&error),
            }
            post.send(Mail::Reply(ticket, output));
        });
        let started = self.process.save(save, done);
        self.account(at, spec, 0, started.is_err(), Some(args), 0);
        if let Err(error) = &started {
            self.count_error(error.code().as_bytes());
        }
        if let Ok(Saving { cut: Some(cut), .. }) = &started {
            self.post_everywhere(cut);
        }
        let write = |reply: &mut Reply<'_>| match &started {
            Ok(saving) => reply.simple(saving.reply),
            Err(error) => reply.error(error),
        };
        match ticket {
            None => self.reply(at, write),
            Some(ticket) if started.is_err() => {
                let mut output = Output::default();
                write(&mut Reply::new(&mut output, proto));
                self.fill(ticket, output);
            }
            // What follows waits for the file.
            Some(_) => self.client(at).stall = Stall::Replies,
        }
    }

    /// Changes settings; the gather that comes back publishes them.
    pub(super) fn configure(
        &mut self,
        at: u32,
        pairs: &[Vec<u8>],
    ) -> Result<(Gather, Option<Settled>), CommandError> {
        let is_loading = self.loading;
        let session = &self.client(at).session;
        let is_local =
            session.unix || session.addr.starts_with("127.") || session.addr.starts_with("[::1]");
        let pairs: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
        let context = SetContext {
            is_local,
            is_loading,
        };
        let caller = session.id;
        let Configured {
            version,
            config,
            users,
            settled,
        } = self.process.configure(&pairs, context)?;
        if let Some((version, users)) = &users {
            // Not only with the settings: a transaction may give those up, and a password must hold everywhere.
            let _ = self.process.spread_users(*version, users, caller);
        }
        let gather = Gather::new(
            move |core| {
                core.apply(version, Arc::clone(&config));
                if let Some((version, users)) = &users {
                    core.adopt_users(*version, users, caller);
                }
            },
            |_: Vec<()>, reply| reply.ok(),
        );
        Ok((gather, settled))
    }

    /// Hands settings to all cores, and replies when they act on them, and any other thread that has to.
    fn publish_settings(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        gather: Gather,
        settled: Option<Settled>,
        args: Args<'_>,
    ) {
        let Some(settled) = settled else {
            return self.gather(at, spec, gather, args);
        };
        // The reply of the cores is written nowhere; the one that counts comes behind it.
        let session = &mut self.client(at).session;
        let mode = std::mem::replace(&mut session.reply_mode, ReplyMode::Off);
        self.gather(at, spec, gather, args);
        let session = &mut self.client(at).session;
        session.reply_mode = mode;
        let proto = session.proto;
        let ticket = self.owe_offloaded(at);
        let post = self.post();
        settled(Box::new(move || {
            let mut output = Output::default();
            Reply::new(&mut output, proto).ok();
            post.send(Mail::Reply(ticket, output));
        }));
    }

    /// A MIGRATE is over.
    pub(super) fn migrated(&mut self, ticket: Ticket, output: Output, wrote: bool) {
        if output.bytes.starts_with(b"-") {
            let code = super::dispatch::error_code(&output.bytes).to_vec();
            self.count_error(&code);
        }
        if let Some(client) = self.find(ticket.client, ticket.generation) {
            client.wrote |= wrote;
        }
        self.fill(ticket, output);
    }

    pub(super) fn owe_offloaded(&mut self, at: u32) -> Ticket {
        let client = self.client(at);
        let mute = client.session.reply_mode != ReplyMode::On;
        client.session.reply_mode = client.session.reply_mode.after_one();
        let sequence = client.owe(SlotState::Offloaded, mute);
        Ticket {
            client: at,
            generation: client.socket.generation(),
            sequence,
        }
    }

    /// Keeps a command in the slow log or the latency log.
    #[cold]
    pub(super) fn log_slow(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        ticks: u64,
        args: impl FnOnce() -> Vec<Vec<u8>>,
    ) {
        let micros = self.server.ticks_to_us(ticks) as u64;
        if ticks >= self.slow_ticks && !spec.flags.has(crate::command::spec::flag::SKIP_SLOWLOG) {
            self.log_command(at, CommandLog::Slow, micros, args());
        }
        self.note_spike(spike_name(spec), ticks);
    }

    /// Notes for LATENCY that something took long, if it did.
    pub(super) fn note_spike(&mut self, event: &'static str, ticks: u64) {
        if ticks >= self.spike_ticks {
            let micros = self.server.ticks_to_us(ticks) as u64;
            let seconds = self.now_us / 1_000_000;
            self.latency.record(event, seconds, micros / 1000);
        }
    }

    pub(super) fn log_protocol_error(&mut self, at: u32, error: &CommandError) {
        let text = String::from_utf8_lossy(error.text()).into_owned();
        let session = &self.client(at).session;
        tracing::debug!(
            "Protocol error ({text}) from client: id={} addr={}",
            session.id,
            session.addr
        );
    }

    pub(super) fn log_attack(&mut self, at: u32) {
        let session = &self.client(at).session;
        tracing::warn!(
            "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. \
             This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis \
             instance. Connection from {} aborted.",
            session.addr
        );
    }
}
