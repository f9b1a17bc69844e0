//! What is remarkable of a command that has run: it was slow, it or its reply was large, its keys are hot.
//!
//! One comparison a command decides whether to look at all: the fewest ticks that anybody is interested in, which is
//! none while hot keys are looked for or small replies are logged.

use super::home::Home;
use crate::command::keys;
use crate::command::spec::{CommandSpec, flag};
use crate::resp::Args;
use crate::stats::{CommandLog, Cost, SlowEntry};
use std::sync::atomic::Ordering;

/// A reply from this size on is noticed without looking at every command.
const LARGE_BYTES: i64 = 64 * 1024;

impl Home {
    /// Sets from which sizes and times on commands are looked at.
    pub(super) fn settle_gates(&mut self) {
        let bytes = |limit: i64| usize::try_from(limit).unwrap_or(usize::MAX);
        self.large_request = bytes(self.config.commandlog_request_larger_than);
        self.large_reply = bytes(self.config.commandlog_reply_larger_than);
        let all_replies = (0..LARGE_BYTES).contains(&self.config.commandlog_reply_larger_than);
        self.gate_ticks = match self.hotkeys.is_some() || all_replies {
            true => 0,
            false => self.slow_ticks.min(self.spike_ticks),
        };
    }

    /// Looks at a command that may be remarkable.
    #[cold]
    pub(super) fn remark(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        ticks: u64,
        args: Args<'_>,
        shown: impl Fn() -> Vec<Vec<u8>>,
    ) {
        self.log_slow(at, spec, ticks, &shown);
        let request = args.received_len();
        let reply = self.replied(at);
        if !spec.flags.has(flag::SKIP_SLOWLOG) {
            let sizes = [
                (CommandLog::LargeRequest, request, self.large_request),
                (CommandLog::LargeReply, reply, self.large_reply),
            ];
            for (log, size, limit) in sizes {
                if size >= limit {
                    self.log_command(at, log, size as u64, shown());
                }
            }
        }
        let now = self.now().0;
        let nanos = (self.server.ticks_to_us(ticks) * 1000.0) as u64;
        if let Some(hot) = &mut self.hotkeys
            && hot.is_active(now)
        {
            let cost = Cost {
                nanos,
                bytes: (request + reply) as u64,
            };
            if hot.count(cost)
                && let Ok(keys) = keys::keys(spec, args)
            {
                for key in keys.iter() {
                    hot.count_key(args.arg(key.index as usize), cost);
                }
            }
        }
    }

    /// Bytes of replies to a client since this was asked last.
    fn replied(&mut self, at: u32) -> usize {
        let Some(Some(client)) = self.clients.get_mut(at as usize) else {
            return 0;
        };
        let produced = client.session.output_bytes + client.out.len() as u64;
        let before = std::mem::replace(&mut client.produced, produced);
        match self.gate_ticks {
            0 => produced.saturating_sub(before) as usize,
            // Not asked after each command: what has not been sent since then is this one's.
            _ => client.out.len(),
        }
    }

    /// Keeps a command in one of the logs.
    pub(super) fn log_command(&mut self, at: u32, log: CommandLog, value: u64, args: Vec<Vec<u8>>) {
        let Some(Some(client)) = self.clients.get(at as usize) else {
            return;
        };
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
            client: client.session.addr.clone(),
            client_name: client.session.name.clone(),
        };
        let max = usize::try_from(max).unwrap_or(0);
        self.command_logs[log as usize].push(entry, max);
    }
}
