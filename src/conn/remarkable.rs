//! What is remarkable of a command that has run: it was slow, it or its reply was large, its keys are hot.
//!
//! Three comparisons a command decide whether to look at all: its size and its reply's, and the fewest ticks that anybody
//! is interested in, which is none while hot keys are looked for.

use super::home::Home;
use crate::command::aside::SlowCall;
use crate::command::keys;
use crate::command::spec::{CommandSpec, flag};
use crate::resp::Args;
use crate::shard::Item;
use crate::stats::{CommandLog, Cost, SlowEntry};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;

/// A command that has run.
pub(super) struct Seen<'a> {
    /// What the client asked for.
    pub(super) spec: &'static CommandSpec,
    /// How long it took.
    pub(super) ticks: u64,
    /// Bytes of the request.
    pub(super) request: usize,
    /// Bytes of the reply.
    pub(super) reply: usize,
    /// It, or what it was divided into: where its keys are.
    pub(super) parts: &'a [(&'static CommandSpec, Args<'a>)],
}

impl Home {
    /// Sets from which sizes and times on commands are looked at.
    pub(super) fn settle_gates(&mut self) {
        let bytes = |limit: i64| usize::try_from(limit).unwrap_or(usize::MAX);
        self.large_request = bytes(self.config.commandlog_request_larger_than);
        self.large_reply = bytes(self.config.commandlog_reply_larger_than);
        self.gate_ticks = match self.hotkeys.is_some() {
            true => 0,
            false => self.slow_ticks.min(self.spike_ticks),
        };
    }

    /// Whether a command or its reply are large enough to be logged.
    #[inline]
    pub(super) fn is_large(&self, request: usize, reply: usize) -> bool {
        request >= self.large_request || reply >= self.large_reply
    }

    /// Looks at a command that may be remarkable. `shown` are its arguments for a log.
    #[cold]
    pub(super) fn remark(&mut self, at: u32, seen: &Seen<'_>, shown: impl Fn() -> Vec<Vec<u8>>) {
        self.log_slow(at, seen.spec, seen.ticks, &shown);
        if !seen.spec.flags.has(flag::SKIP_SLOWLOG) {
            let sizes = [
                (CommandLog::LargeRequest, seen.request, self.large_request),
                (CommandLog::LargeReply, seen.reply, self.large_reply),
            ];
            for (log, size, limit) in sizes {
                if size >= limit {
                    self.log_command(at, log, size as u64, shown());
                }
            }
        }
        let now = self.now().0;
        let nanos = (self.server.ticks_to_us(seen.ticks) * 1000.0) as u64;
        if let Some(hot) = &mut self.hotkeys
            && hot.is_active(now)
        {
            let cost = Cost {
                nanos,
                bytes: (seen.request + seen.reply) as u64,
            };
            if hot.count(cost) {
                for &(spec, args) in seen.parts {
                    let Ok(keys) = keys::keys(spec, args) else {
                        continue;
                    };
                    for key in keys.iter() {
                        hot.count_key(args.arg(key.index as usize), cost);
                    }
                }
            }
        }
    }

    /// Logs what a script called that was slow. No client has sent it, which is what the entries say.
    #[cold]
    pub(super) fn log_called(&mut self, calls: VecDeque<SlowCall>) {
        for call in calls {
            let SlowCall { spec, ticks, args } = call;
            if ticks >= self.slow_ticks && !spec.flags.has(flag::SKIP_SLOWLOG) {
                let micros = self.server.ticks_to_us(ticks) as u64;
                let nobody = ("?:0".to_owned(), Vec::new());
                self.keep_entry(CommandLog::Slow, micros, args, nobody);
            }
            self.note_spike(spike_name(spec), ticks);
        }
    }

    /// As that, for a script that was run elsewhere.
    pub(super) fn log_called_in(&mut self, item: &mut Item) {
        if let Some(told) = &mut item.told {
            let slow = std::mem::take(&mut told.slow);
            self.log_called(slow);
        }
    }

    /// Keeps a command in one of the logs.
    pub(super) fn log_command(&mut self, at: u32, log: CommandLog, value: u64, args: Vec<Vec<u8>>) {
        let Some(Some(client)) = self.clients.get(at as usize) else {
            return;
        };
        let client = (client.session.addr.clone(), client.session.name.clone());
        self.keep_entry(log, value, args, client);
    }

    fn keep_entry(
        &mut self,
        log: CommandLog,
        value: u64,
        args: Vec<Vec<u8>>,
        (client, client_name): (String, Vec<u8>),
    ) {
        let process = &self.server.process;
        let (ids, max) = match log {
            CommandLog::Slow => (&process.next_slow_id, self.config.slowlog_max_len),
            CommandLog::LargeRequest => (
                &process.next_large_id[0],
                self.config.commandlog_large_request_max_len,
            ),
            CommandLog::LargeReply => (
                &process.next_large_id[1],
                self.config.commandlog_large_reply_max_len,
            ),
        };
        let entry = SlowEntry {
            id: ids.fetch_add(1, Ordering::Relaxed),
            time: self.now_us / 1_000_000,
            value,
            args,
            client,
            client_name,
        };
        let max = usize::try_from(max).unwrap_or(0);
        self.command_logs[log as usize].push(entry, max);
    }
}

/// The event that LATENCY knows slow commands of this kind by.
pub(super) fn spike_name(spec: &CommandSpec) -> &'static str {
    match spec.flags.has(flag::FAST) {
        true => "fast-command",
        false => "command",
    }
}
