//! MONITOR: every command is shown to those who asked, on whatever core they are.
//!
//! A client's core shows the commands of that client, in their order. It knows what a script called, and which commands
//! an EXEC ran, when these are done; so while anybody watches, what follows them in a pipeline waits until then. Lines go
//! to other cores in the chain of executed frames, which needs no credit: none is lost.

use super::home::Home;
use super::merge::Plan;
use crate::base::slot::ShardId;
use crate::command::monitor;
use crate::command::spec::CommandSpec;
use crate::resp::Args;
use crate::shard::{Frame, FrameBox, Item, Mode, Node};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Home {
    /// Whether any client anywhere is in MONITOR.
    #[inline]
    pub(super) fn is_monitored(&self) -> bool {
        self.server.process.monitors.load(Ordering::Relaxed) > 0
    }

    /// A client begins or ends to watch.
    pub(super) fn set_monitor(&mut self, at: u32, on: bool) {
        if std::mem::replace(&mut self.client(at).session.monitor, on) != on {
            self.count_monitor(on);
        }
    }

    /// One more client of this core watches, or one less.
    pub(super) fn count_monitor(&mut self, on: bool) {
        let all = &self.server.process.monitors;
        if on {
            self.stats.monitors.add(1);
            all.fetch_add(1, Ordering::Relaxed);
        } else {
            self.stats.monitors.sub(1);
            all.fetch_sub(1, Ordering::Relaxed);
        }
        self.server.scripts.watch(on);
    }

    /// The line that shows a command of a client.
    pub(super) fn monitor_line(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        args: Args<'_>,
    ) -> Vec<u8> {
        let now_us = self.now_us;
        let session = &self.client(at).session;
        let db = session.db;
        match session.unix {
            true => {
                let by = format!("unix:{}", self.config.unixsocket);
                monitor::line(now_us, db, &by, spec, args)
            }
            false => monitor::line(now_us, db, &session.addr, spec, args),
        }
    }

    /// Shows a command that was run or sent, and what it called if it was a script that ran at once.
    #[cold]
    pub(super) fn show(&mut self, at: u32, spec: &'static CommandSpec, args: Args<'_>) {
        let called = std::mem::take(&mut self.called);
        if self.loading || self.clients[at as usize].is_none() {
            return;
        }
        if monitor::is_shown(spec) {
            let line = self.monitor_line(at, spec, args);
            self.feed_all(line);
        }
        called.into_iter().for_each(|line| self.feed_all(line));
    }

    /// Shows what an operation did, which was not shown when it was sent: `shown` has a line for each command of an EXEC
    /// and one for itself.
    #[cold]
    pub(super) fn show_done(
        &mut self,
        shown: Vec<Vec<u8>>,
        plan: &Plan,
        parts: &mut [Option<FrameBox>],
    ) {
        let mut shown = shown.into_iter();
        let agreed = parts.iter().flatten().all(|frame| frame.agreed);
        if let Plan::Exec(places, ..) = plan {
            for place in places {
                let line = shown.next().unwrap_or_default();
                if !agreed {
                    continue;
                }
                self.feed_all(line);
                let lines = place.item_mut(parts).map(lines_of).unwrap_or_default();
                self.feed_called(lines);
            }
        } else {
            let items = parts.iter_mut().flatten();
            let items = items.flat_map(|frame| &mut frame.items);
            let lines: Vec<_> = items.map(lines_of).collect();
            lines.into_iter().for_each(|lines| self.feed_called(lines));
        }
        shown.for_each(|line| self.feed_all(line));
    }

    fn feed_called(&mut self, lines: Vec<Vec<u8>>) {
        lines.into_iter().for_each(|line| self.feed_all(line));
    }

    /// Sends a line to every core that has somebody in MONITOR.
    fn feed_all(&mut self, line: Vec<u8>) {
        if line.is_empty() {
            return;
        }
        let line: Arc<[u8]> = Arc::from(line);
        for shard in self.all_shards() {
            if shard == self.id {
                self.feed_monitors(&line);
            } else if self.has_monitors(shard) {
                let mut frame = Node::new(Frame::new(shard));
                frame.woken = true;
                frame.mode = Mode::Show(Arc::clone(&line));
                self.chains[shard.index()].push(frame);
            }
        }
    }

    /// Shows a line to those of this core who are in MONITOR.
    pub(super) fn feed_monitors(&mut self, line: &[u8]) {
        if self.stats.monitors.get() == 0 {
            return;
        }
        let watching: Vec<u32> = self
            .clients
            .iter()
            .flatten()
            .filter(|client| client.session.monitor && !client.closing)
            .map(|client| client.at())
            .collect();
        for at in watching {
            let mut output = self.outputs.pop().unwrap_or_default();
            output.bytes.extend_from_slice(line);
            self.push_out_of_band(at, output);
        }
    }

    fn has_monitors(&self, shard: ShardId) -> bool {
        self.server.cores[shard.index()].stats.monitors.get() > 0
    }
}

/// Takes the lines that show what a script called.
fn lines_of(item: &mut Item) -> Vec<Vec<u8>> {
    let told = item.told.as_mut();
    told.map_or_else(Vec::new, |told| std::mem::take(&mut told.lines))
}
