//! The loop of a shard's thread.
//!
//! ```text
//! 1 what the kernel has for us: received bytes are parsed and run as they come, sends that ended give buffers back
//! 2 the inbox, up to the tail seen
//! 3 clients with more complete commands than one share of a turn
//! 4 executed frames go home, ours come back; each sleeping shard is woken once
//! 5 work in the background, under a budget: expiry, cron
//! 6 one send for each client with output, then one system call that submits and waits
//! ```
//! A turn that has more to do does not wait in step 6. Before it waits it says so on its bell and looks at everything
//! again that others may have filled meanwhile.

use super::client::Stall;
use super::thread::ShardThread;
use crate::base::limits;
use crate::base::time::Millis;
use crate::ring::{Event, Wait};
use crate::shard::announce;
use std::time::Duration;

impl ShardThread {
    /// Runs until it is told to stop.
    pub fn run(mut self) {
        self.refresh_clock();
        while !self.stopping {
            let busy = self.turn();
            let wait = self.until_next(busy);
            if let Err(error) = self.backend.poll(wait) {
                tracing::error!("shard {}: waiting for the kernel failed: {error}", self.id.0);
                std::process::abort();
            }
            self.links.bells[usize::from(self.id.0)].cancel();
        }
        self.farewell();
    }

    /// One turn; says whether there is more to do at once.
    fn turn(&mut self) -> bool {
        self.refresh_clock();
        let started = self.now_us;
        self.last_ticks = self.clock.ticks();
        self.refresh_pressure();
        self.stats.turns.add(1);
        while let Some(event) = self.backend.next_event() {
            self.on_event(event);
        }
        let mut busy = self.drain_inbox(limits::FRAMES_A_TURN);
        self.last_ticks = self.clock.ticks();
        for at in std::mem::take(&mut self.ready) {
            if let Some(Some(client)) = self.clients.get_mut(at as usize) {
                client.ready = false;
                self.serve_backlog(at);
            }
        }
        while self.exchange() {}
        self.background();
        self.wake_others();
        self.flush();
        busy |= !self.ready.is_empty() || !self.receiver.is_quiet();
        self.stats.busy_us.add(self.clock.unix_us().saturating_sub(started).max(0) as u64);
        busy
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Received { socket, chunk } => {
                let length = self.backend.chunk(chunk).len();
                self.stats.reads.add(1);
                self.stats.input_bytes.add(length as u64);
                let now = self.now();
                match self.find(socket.index, socket.generation) {
                    Some(client) if !client.closing => {
                        client.session.last_active = now;
                        client.session.input_bytes += length as u64;
                        self.receive(socket.index, chunk);
                    }
                    _ => {}
                }
                self.backend.recycle(chunk);
            }
            Event::Sent { socket, out } => {
                if let Some(client) = self.find(socket.index, socket.generation) {
                    client.sending = 0;
                    self.sent(socket.index);
                }
                super::recycle(&mut self.outputs, out);
            }
            Event::Eof { socket } => {
                if let Some(client) = self.find(socket.index, socket.generation) {
                    client.eof = true;
                    self.mark_dirty(socket.index);
                }
            }
            Event::Broken { socket, .. } => {
                if self.find(socket.index, socket.generation).is_some() {
                    self.close(socket.index);
                }
            }
            Event::Accepted { listener, fd } => self.accepted(listener, fd),
            Event::Woken => self.handle_mail(),
        }
    }

    /// Parses and runs what was received, straight from the kernel's buffer where nothing is pending.
    fn receive(&mut self, at: u32, chunk: crate::ring::ChunkId) {
        let client = self.clients[at as usize].as_mut().expect("the caller found it");
        if client.backlog() > 0 || client.stall != Stall::None || client.ready {
            let bytes = self.backend.chunk(chunk);
            client.input.extend_from_slice(bytes);
            self.serve_backlog(at);
            return;
        }
        // The chunk is borrowed from the back end while the rest of the thread works: give it out of the way.
        let lent = self.backend.lend(chunk);
        let (used, more) = self.serve(at, lent.bytes());
        if let Some(client) = self.clients[at as usize].as_mut() {
            if !client.closing {
                client.input.extend_from_slice(&lent.bytes()[used..]);
            }
            if more {
                self.mark_ready(at);
            }
        }
        self.watch_input(at);
    }

    /// Parses and runs what is pending for a client.
    pub(super) fn serve_backlog(&mut self, at: u32) {
        let Some(client) = self.clients[at as usize].as_mut() else { return };
        if client.stall != Stall::None || client.closing || client.backlog() == 0 {
            return self.watch_input(at);
        }
        let mut input = std::mem::take(&mut client.input);
        let from = client.consumed;
        let (used, more) = self.serve(at, &input[from..]);
        if let Some(client) = self.clients[at as usize].as_mut() {
            let consumed = from + used;
            if consumed == input.len() || client.closing {
                input.clear();
                client.consumed = 0;
                if input.capacity() > limits::INPUT_KEPT_BYTES {
                    input = Vec::new();
                }
            } else if consumed > input.len() / 2 {
                input.drain(..consumed);
                client.consumed = 0;
            } else {
                client.consumed = consumed;
            }
            client.input = input;
            if more {
                self.mark_ready(at);
            }
        }
        self.watch_input(at);
    }

    /// Stops receiving from a client that is not being parsed, goes on when it is; closes one whose query buffer is
    /// over its limit.
    fn watch_input(&mut self, at: u32) {
        let limit = self.config.client_query_buffer_limit as usize;
        let Some(client) = self.clients[at as usize].as_mut() else { return };
        let backlog = client.backlog();
        if backlog > limit {
            let line = format!("id={} addr={}", client.session.id, client.session.addr);
            tracing::warn!("Closing client that reached max query buffer length: {line}");
            self.stats.query_limit_closes.add(1);
            return self.close(at);
        }
        let waits = client.stall != Stall::None || client.ready;
        if waits && backlog > limits::INPUT_PAUSE_BYTES && !client.paused_recv {
            client.paused_recv = true;
            self.backend.pause_recv(client.socket);
        } else if client.paused_recv && backlog < limits::INPUT_PAUSE_BYTES / 2 && !client.eof {
            client.paused_recv = false;
            self.backend.resume_recv(client.socket);
        }
    }

    /// Wakes each shard that was sent something this turn, if it sleeps.
    fn wake_others(&mut self) {
        let announced = announce();
        for shard in 0..self.to_wake.len() {
            if std::mem::take(&mut self.to_wake[shard])
                && shard != usize::from(self.id.0)
                && self.links.bells[shard].should_wake(&announced)
            {
                self.stats.wakes.add(1);
                self.links.wake(crate::base::slot::ShardId(shard as u16));
            }
        }
    }

    /// How long to wait for the kernel. Sets the bell when it is going to be a while.
    fn until_next(&mut self, busy: bool) -> Wait {
        if busy || self.stopping {
            return Wait::Now;
        }
        let mine = usize::from(self.id.0);
        self.links.bells[mine].prepare_sleep();
        if !self.receiver.is_quiet() || !self.links.completions[mine].is_empty() {
            self.links.bells[mine].cancel();
            return Wait::Now;
        }
        let now = self.now();
        let mut until = self.next_cron;
        if let Some(expiry) = self.owner.store.next_expiry() {
            if expiry < until && self.owner.active_expire {
                until = expiry;
            }
        }
        if let Some(pause) = self.pause {
            until = until.min(pause.until);
        }
        let Millis(left) = Millis(until.0 - now.0);
        Wait::Until(Duration::from_millis(left.clamp(0, 1000) as u64))
    }

    /// Work that nobody waits for, a little each turn.
    fn background(&mut self) {
        let now = self.now();
        if self.pause.is_some_and(|pause| pause.until <= now) {
            self.pause = None;
            self.retry_waiting();
        }
        if self.owner.active_expire && self.owner.store.next_expiry().is_some_and(|due| due <= now) {
            self.owner.store.expire_cycle(now, limits::EXPIRE_BUDGET);
        }
        if let Some(garbage) = self.owner.store.take_garbage() {
            self.links.reclaim(garbage);
        }
        if now >= self.next_cron {
            self.cron();
        }
    }

    /// A few times a second: clients that are idle for too long, or whose limits ran out; memory held for clients.
    fn cron(&mut self) {
        let now = self.now();
        let hz = self.config.hz.clamp(1, 500);
        self.next_cron = Millis(now.0 + 1000 / hz);
        let total = self.clients.len();
        let share = (total / hz as usize + 1).min(total).max(1);
        let timeout_ms = self.config.timeout * 1000;
        for _ in 0..share.min(total) {
            self.cron_cursor = (self.cron_cursor + 1) % total.max(1);
            let at = self.cron_cursor as u32;
            let Some(client) = self.clients[at as usize].as_mut() else { continue };
            if client.backlog() == 0 && client.input.capacity() > limits::INPUT_KEPT_BYTES {
                client.input = Vec::new();
            }
            let idle = now.0 - client.session.last_active.0;
            if timeout_ms > 0
                && idle > timeout_ms
                && client.slots.is_empty()
                && client.session.kind == crate::session::ClientKind::Normal
                && !client.session.monitor
            {
                tracing::debug!("Closing idle client");
                self.close(at);
                continue;
            }
            self.check_output_limit(at);
        }
        let memory: usize = self
            .clients
            .iter()
            .flatten()
            .map(|client| {
                client.input.capacity()
                    + client.out.bytes.capacity()
                    + client.sending
                    + std::mem::size_of::<super::client::Client>()
            })
            .sum();
        self.stats.client_memory.set(memory as u64);
    }
}
