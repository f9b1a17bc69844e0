//! The loop of a shard's thread.
//!
//! ```text
//! 1 what the kernel has for us: received bytes are parsed and run as they come, sends that ended give buffers back
//! 2 the inbox, up to the tail seen
//! 3 clients with more complete commands than one share of a turn
//! 4 executed frames go home, ours come back; each sleeping shard is woken once
//! 5 work in the background, under a budget: expiry, eviction, cron, freeing
//! 6 one send for each client with output, then one system call that submits and waits
//! ```
//! A turn that has more to do does not wait in step 6. Before it waits it says so on its bell and looks at everything
//! again that others may have filled meanwhile.

use super::client::Stall;
use super::home::Home;
use super::listener::Acceptor;
use super::mail::{Mail, Mailbox};
use crate::base::limits;
use crate::base::slot::ShardId;
use crate::base::time::Millis;
use crate::resp::Output;
use crate::ring::{Backend, Event, Gather, Wait, allocator};
use crate::session::ClientKind;
use crate::shard::{Owner, announce};
use std::io::ErrorKind;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A shard's thread: a core and its ring.
pub struct ShardThread {
    pub(super) backend: Backend,
    pub(super) home: Home,
    pub(super) acceptor: Acceptor,
    mailbox: Mailbox,
    stopping: bool,
    /// Pieces received in this turn.
    received: u32,
    /// In place of the owner while that is at work on something long.
    pub(super) stand_in: Option<Owner>,
}

/// Of this many clients one at most is waited for.
const GATHERED_SHARE: u32 = 3;
/// Commands that come in one piece, on average, from which on clients count as pipelining.
const PIPELINED_MIN: u64 = 4;
/// For how long more of them are waited for: so long for each that came this time, and no longer than that.
const GATHER_US: u32 = 10;
const GATHER_MAX_US: u32 = 50;
/// While replies wait for the disk so many clients are worth being waited for,
const HELD_MIN: u32 = 4;
/// for this part of what a sync takes,
const HELD_PART: u64 = 2;
/// and no longer.
const HELD_MAX_US: u64 = 150;

impl ShardThread {
    /// Puts a core and its ring together. Call it on the thread that will run it.
    pub fn new(backend: Backend, home: Home, mailbox: Mailbox) -> Self {
        ShardThread {
            backend,
            home,
            acceptor: Acceptor::default(),
            mailbox,
            stopping: false,
            received: 0,
            stand_in: None,
        }
    }

    /// Runs until it is told to stop.
    pub fn run(mut self) {
        let mine = usize::from(self.home.id.0);
        self.handle_mail();
        while !self.stopping {
            self.received = 0;
            let commands = self.home.stats.commands.get();
            let busy = self.turn();
            let wait = if busy {
                Wait::Now
            } else {
                self.home.until_next()
            };
            if matches!(wait, Wait::Until(_)) {
                self.gather(self.home.stats.commands.get().saturating_sub(commands));
            }
            if let Err(error) = self.backend.poll(wait) {
                // Ends the process, with the log written (server/start.rs).
                panic!("shard {mine}: waiting for the kernel failed: {error}");
            }
            self.home.links.bells[mine].cancel();
        }
        self.farewell();
    }

    /// After a turn that had several pipelining clients to serve it waits a little for more than came this time. Each costs
    /// less in a turn with many, for its way through the kernel is the same as that of the one before it.
    ///
    /// Who sends many commands at once looks at how many are done; one that comes alone is answered as soon as can be. Not
    /// among several shards, where another may wait for this one, nor when something waits for the log; and never for so many
    /// that too few are left to keep whoever sends them at work.
    ///
    /// While replies of this core wait for the disk no other can leave either: clients that will be back are waited for
    /// together. They send to a core that sleeps, and need not wake it one by one.
    fn gather(&mut self, commands: u64) {
        let (home, received) = (&self.home, self.received);
        let back = home.awaited_back();
        if back >= HELD_MIN {
            let micros = (home.log.sync_us() / HELD_PART).min(HELD_MAX_US) as u32;
            let events = back + 1;
            return self.backend.gather(Gather { events, micros });
        }
        let is_pipelined = received > 1 && commands >= u64::from(received) * PIPELINED_MIN;
        if !is_pipelined || home.outstanding.len() > 1 || home.is_held_up() {
            return;
        }
        let most = self.backend.socket_count() as u32 / GATHERED_SHARE;
        let events = received.saturating_mul(2).min(most);
        if events > 1 {
            self.backend.gather(Gather {
                events,
                micros: received.saturating_mul(GATHER_US).min(GATHER_MAX_US),
            });
        }
    }

    /// One turn; says whether there is more to do at once.
    fn turn(&mut self) -> bool {
        let home = &mut self.home;
        home.refresh_clock();
        let started = home.now_us;
        let commands = home.stats.commands.get();
        home.last_ticks = home.clock.ticks();
        home.refresh_pressure();
        home.stats.turns.add(1);
        if self.home.is_logging() {
            // What gathered until now must not wait for what is about to be appended.
            self.go_on_holding();
        }
        while let Some(event) = self.backend.next_event() {
            self.on_event(event);
        }
        let executed = self.home.receiver.head();
        let mut busy = self.drain_inbox(limits::FRAMES_A_TURN);
        let home = &mut self.home;
        home.last_ticks = home.clock.ticks();
        for at in std::mem::take(&mut home.ready) {
            if let Some(Some(client)) = home.clients.get_mut(at as usize) {
                client.ready = false;
                home.serve_backlog(at);
            }
        }
        home.background();
        let serves = home.stats.commands.get() != commands || home.receiver.head() != executed;
        home.walk(serves);
        home.hand_over();
        self.flush();
        self.home.evict_clients();
        self.work_off();
        let home = &self.home;
        busy |= !home.ready.is_empty() || !home.receiver.is_quiet();
        busy |= !home.dirty.is_empty() && home.stage.is_none();
        busy |= home.walk.is_busy || !home.leftovers.is_empty();
        busy |= home.shrinks && home.owner.limit != 0;
        let busy_us = home.clock.wall_us().saturating_sub(started).max(0);
        home.stats.busy_us.add(busy_us as u64);
        home.stats.longest_turn_us.raise(busy_us as u64);
        let ran = home.stats.commands.get().saturating_sub(commands);
        home.stats.most_commands_a_turn.raise(ran);
        busy
    }

    pub(super) fn on_event(&mut self, event: Event) {
        let home = &mut self.home;
        match event {
            Event::Received { socket, chunk } => {
                self.received += 1;
                let bytes = self.backend.chunk(chunk);
                home.stats.reads.add(1);
                home.stats.input_bytes.add(bytes.len() as u64);
                let now = home.now();
                if let Some(client) = home.find(socket.index() as u32, socket.generation())
                    && !client.closing
                {
                    client.session.last_active = now;
                    client.session.input_bytes += bytes.len() as u64;
                    home.receive(socket.index() as u32, bytes);
                    home.measure(socket.index() as u32);
                }
                self.backend.recycle(chunk);
            }
            Event::Sent { socket, out } => {
                if home
                    .find(socket.index() as u32, socket.generation())
                    .is_some()
                {
                    home.sent(socket.index() as u32);
                }
                super::recycle(&mut home.outputs, out);
            }
            Event::Eof { socket } => {
                if let Some(client) = home.find(socket.index() as u32, socket.generation()) {
                    client.eof = true;
                    let is_paused = client.stall == Stall::Paused;
                    if is_paused || home.is_blocked(socket.index() as u32) {
                        // As in Redis, what waits for the end of a pause, or for a key, does not outlive its client.
                        home.close(socket.index() as u32);
                    } else {
                        home.mark_dirty(socket.index() as u32);
                    }
                }
            }
            Event::Broken { socket, error } => {
                if home
                    .find(socket.index() as u32, socket.generation())
                    .is_some()
                {
                    tracing::trace!("a connection failed: {error}");
                    home.close(socket.index() as u32);
                }
            }
            Event::Accepted { listener, fd } => self.accepted(listener, fd),
            // The server goes and has closed it.
            Event::AcceptFailed { error, .. } if error.kind() == ErrorKind::InvalidInput => {}
            Event::AcceptFailed { error, .. } => {
                tracing::warn!("Accepting client connection: {error}")
            }
            Event::Woken => self.handle_mail(),
        }
        self.work_off();
    }

    /// Does what the core left for the ring to do.
    pub(super) fn work_off(&mut self) {
        let wants = &mut self.home.wants;
        for socket in wants.close.drain(..) {
            self.backend.close(socket);
        }
        for (socket, pause) in wants.pause.drain(..) {
            match pause {
                true => self.backend.pause_recv(socket),
                false => self.backend.resume_recv(socket),
            }
        }
        while let Some(accepted) = self.home.wants.adopt.pop() {
            self.adopt(accepted);
        }
    }

    fn handle_mail(&mut self) {
        while let Some(mail) = self.mailbox.take() {
            match mail {
                Mail::Reply(ticket, output) => self.home.fill(ticket, output),
                Mail::Part(ticket, part, output) => self.home.fill_part(ticket, part, output),
                Mail::Users {
                    version,
                    users,
                    caller,
                    done,
                } => {
                    self.home.take_over_users(version, &users, caller);
                    drop(done);
                }
                Mail::Everywhere(each) => self.home.post_everywhere(&each),
                // Who leaves sends nothing more.
                Mail::At(..) if self.stopping => {}
                Mail::At(shards, each) => self.home.post_at(&shards, &each),
                Mail::Migrated {
                    ticket,
                    output,
                    wrote,
                } => self.home.migrated(ticket, output, wrote),
                Mail::Here(run) => run(&mut self.home),
                Mail::Loader(socket) => self.adopt_loader(socket),
                Mail::Stop => self.stopping = true,
                Mail::Listen(listeners) => self.acceptor.replace(&mut self.backend, listeners),
            }
        }
    }

    /// Queues one send for each client with output; closes those that are done.
    pub(super) fn flush(&mut self) {
        if self.home.is_logging() && !self.may_flush() {
            return;
        }
        for at in std::mem::take(&mut self.home.dirty) {
            let Some(Some(client)) = self.home.clients.get_mut(at as usize) else {
                continue;
            };
            client.dirty = false;
            if client.sending == 0 && (!client.out.is_empty() || client.held.is_some()) {
                let mut out = self.home.outputs.pop().unwrap_or_default();
                std::mem::swap(&mut out, &mut client.out);
                if let Some(mut held) = client.held.take() {
                    held.append(&mut out);
                    std::mem::swap(&mut out, &mut held);
                }
                self.send(at, out);
            }
            self.settle(at);
        }
    }

    /// Queues a send for a client that has none under way.
    pub(super) fn send(&mut self, at: u32, out: Output) {
        let client = self.home.clients[at as usize]
            .as_mut()
            .expect("the caller looked");
        client.sending = out.len();
        client.session.output_bytes += out.len() as u64;
        self.home.stats.output_bytes.add(out.len() as u64);
        self.home.stats.writes.add(1);
        // Whoever waits for the end of this send must hear of it at once.
        if client.closing || client.eof || client.stall != Stall::None {
            self.backend.send_last(client.socket, out);
        } else {
            self.backend.send(client.socket, out);
        }
    }

    /// Closes a client that is done; sees to the limits of one that is not.
    pub(super) fn settle(&mut self, at: u32) {
        let client = self.home.client(at);
        let answered = client.slots.is_empty()
            && client.sending == 0
            && client.out.is_empty()
            && client.held.is_none();
        let unparsed = client.backlog() > 0 && (client.ready || client.stall != Stall::None);
        if answered && (client.closing || (client.eof && !unparsed)) {
            self.home.close(at);
        } else {
            self.home.check_output_limit(at);
            self.home.measure(at);
        }
    }
}

impl Home {
    /// Lets others have what this turn made for them, and takes what they made for us.
    pub(super) fn hand_over(&mut self) {
        self.publish_tracked();
        self.append_effects();
        while self.exchange() {}
        self.ask_for_room();
        self.wake_others();
    }

    /// Parses and runs what was received, straight from the ring's buffer where nothing is pending.
    fn receive(&mut self, at: u32, mut bytes: &[u8]) {
        let client = self.client(at);
        if let Some(apart) = &mut client.apart
            && apart.whole().is_none()
        {
            bytes = &bytes[apart.receive(bytes)..];
            if apart.whole().is_none() {
                return self.watch_input(at);
            }
        }
        if client.backlog() > 0 || client.stall != Stall::None || client.ready {
            client.input.extend_from_slice(bytes);
            return self.serve_backlog(at);
        }
        let (used, more) = self.serve(at, bytes);
        if let Some(client) = self.clients[at as usize].as_mut() {
            if !client.closing {
                client.input.extend_from_slice(&bytes[used..]);
            }
            if more {
                self.mark_ready(at);
            }
        }
        self.begin_apart(at);
        self.watch_input(at);
    }

    /// Parses and runs what is pending for a client.
    pub(super) fn serve_backlog(&mut self, at: u32) {
        let Some(client) = self.clients[at as usize].as_mut() else {
            return;
        };
        let waits = client.stall != Stall::None || client.ready || client.awaits_apart();
        if waits || client.closing || client.backlog() == 0 {
            return self.watch_input(at);
        }
        let mut input = std::mem::take(&mut client.input);
        // Whoever asks meanwhile how much is pending is told: nothing.
        let from = std::mem::take(&mut client.consumed);
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
                if input.capacity() > limits::INPUT_KEPT_BYTES.max(4 * input.len()) {
                    input.shrink_to(limits::INPUT_KEPT_BYTES.max(2 * input.len()));
                }
            } else {
                client.consumed = consumed;
            }
            client.input = input;
            if more {
                self.mark_ready(at);
            }
            if client_is_done(self, at) {
                self.mark_dirty(at);
            }
        }
        self.begin_apart(at);
        self.watch_input(at);
    }

    /// Stops receiving from a client that is not being parsed, goes on when it is; closes one whose query buffer is
    /// over its limit.
    fn watch_input(&mut self, at: u32) {
        let limit = self.config.client_query_buffer_limit as usize;
        let Some(client) = self.clients[at as usize].as_mut() else {
            return;
        };
        let backlog = client.backlog();
        self.peaks.input(backlog);
        if backlog > limit && client.session.kind != ClientKind::Loader {
            let line = format!("id={} addr={}", client.session.id, client.session.addr);
            tracing::warn!("Closing client that reached max query buffer length: {line}");
            self.stats.query_limit_closes.add(1);
            return self.close(at);
        }
        let waits = client.stall != Stall::None || client.ready;
        if waits && backlog > limits::INPUT_PAUSE_BYTES && !client.paused_recv {
            client.paused_recv = true;
            let socket = client.socket;
            self.wants.pause.push((socket, true));
        } else if client.paused_recv && !waits && !client.eof {
            client.paused_recv = false;
            let socket = client.socket;
            self.wants.pause.push((socket, false));
        }
    }

    /// Wakes each shard that was sent something this turn, if it sleeps.
    pub(super) fn wake_others(&mut self) {
        let announced = announce();
        for shard in 0..self.to_wake.len() {
            if std::mem::take(&mut self.to_wake[shard])
                && shard != usize::from(self.id.0)
                && self.links.bells[shard].should_wake(&announced)
            {
                self.stats.wakes.add(1);
                self.links.wake(ShardId(shard as u16));
            }
        }
    }

    /// How long to wait for the kernel. Sets the bell when it is going to be a while.
    fn until_next(&mut self) -> Wait {
        let mine = usize::from(self.id.0);
        self.links.bells[mine].prepare_sleep();
        let can_go_on = self.is_logging() && self.can_go_on();
        if can_go_on || !self.receiver.is_quiet() || !self.links.completions[mine].is_empty() {
            self.links.bells[mine].cancel();
            return Wait::Now;
        }
        let now = self.now();
        let mut until = self.next_cron;
        if let Some(expiry) = self.owner.store.next_expiry()
            && expiry < until
            && self.may_expire()
        {
            until = expiry;
        }
        if let Some(&(deadline, ..)) = self.deadlines.first() {
            until = until.min(deadline);
        }
        if let Some(deadline) = self.disk_deadline() {
            until = until.min(deadline);
        }
        if let Some(pause) = self.pause {
            until = until.min(pause.until);
        }
        if self.owner.store.has_snapshot() {
            until = until.min(Millis(now.0 + limits::SNAPSHOT_LOOK_MS));
        }
        let Millis(left) = Millis(until.0 - now.0);
        let left = Duration::from_millis(left.clamp(0, 1000) as u64);
        Wait::Until(left.min(self.walk.rest.unwrap_or(left)))
    }

    /// Work that nobody waits for, a little each turn.
    fn background(&mut self) {
        let now = self.now();
        if self.pause.is_some_and(|pause| pause.until <= now) {
            self.pause = None;
            self.settle_expiry();
            self.retry_waiting();
        }
        if !self.deadlines.is_empty() {
            self.time_out();
        }
        if self.may_expire() && self.owner.store.next_expiry().is_some_and(|due| due <= now) {
            let started = self.clock.ticks();
            self.owner.store.expire_cycle(now, limits::EXPIRE_BUDGET);
            let took = self.clock.ticks().wrapping_sub(started);
            self.note_spike("expire-cycle", took);
            // Rounded up: many short runs must not count as none.
            self.stats.expire_us.add(self.clock.ticks_to_us(took) + 1);
        }
        if now >= self.next_cron {
            let started = self.clock.ticks();
            self.cron();
            let took = self.clock.ticks().wrapping_sub(started);
            self.stats.cron_us.add(self.clock.ticks_to_us(took));
        }
        if self.shrinks && self.owner.limit != 0 {
            self.shrinks = self.owner.shrink();
        }
        let evicting = self.owner.take_longest_eviction();
        self.note_spike("eviction-cycle", evicting);
        if self.owner.has_news() {
            self.spread_news(0);
        }
        if self.owner.store.has_garbage() {
            for garbage in self.owner.store.take_garbage() {
                let pending = &self.server.process.lazyfree_pending;
                pending.fetch_add(garbage.objects(), Ordering::Relaxed);
                if garbage.is_whole() {
                    self.links.reclaim(garbage);
                } else {
                    if self.leftovers.is_empty() {
                        allocator::begin_freeing();
                    }
                    self.leftovers.push(garbage);
                }
            }
        }
        if !self.leftovers.is_empty() {
            self.free_leftovers();
        }
    }

    /// Frees of what was removed as much as fits between two commands.
    fn free_leftovers(&mut self) {
        let started = self.clock.ticks();
        let mut gone = 0;
        while let Some(objects) = self.leftovers.free_some() {
            gone += objects;
            let took = self.clock.ticks().wrapping_sub(started);
            if self.clock.ticks_to_us(took) >= limits::FREE_BUDGET_US {
                break;
            }
        }
        for huge in self.leftovers.take_huge() {
            self.links.reclaim(huge);
        }
        let process = &self.server.process;
        process.lazyfree_pending.fetch_sub(gone, Ordering::Relaxed);
        process.lazyfreed.fetch_add(gone, Ordering::Relaxed);
        if self.leftovers.is_empty() {
            allocator::end_freeing();
        }
    }

    /// A few times a second: clients that are idle for too long, or whose limits ran out; memory held for clients.
    fn cron(&mut self) {
        let now = self.now();
        let hz = self.config.hz.clamp(1, 500);
        self.next_cron = Millis(now.0 + 1000 / hz);
        if self.shares {
            self.log.look_at_sync(self.clock.mono_us());
        }
        if !self.waiting.is_empty() && self.shares && !self.log.is_full() {
            self.retry_waiting();
        }
        self.shrinks = true;
        let total = self.clients.len();
        let share = (total / hz as usize + 1).min(total).max(1);
        let timeout_ms = self.config.timeout * 1000;
        for _ in 0..share.min(total) {
            self.cron_cursor = (self.cron_cursor + 1) % total.max(1);
            let at = self.cron_cursor as u32;
            let Some(client) = self.clients[at as usize].as_mut() else {
                continue;
            };
            if client.backlog() == 0 && client.input.capacity() > limits::INPUT_KEPT_BYTES {
                client.input = Vec::new();
            }
            let idle = now.0 - client.session.last_active.0;
            if timeout_ms > 0
                && idle > timeout_ms
                && client.slots.is_empty()
                && client.session.kind == ClientKind::Normal
                && !client.session.monitor
            {
                tracing::debug!("Closing idle client");
                self.close(at);
                continue;
            }
            self.retry_after_output(at);
            self.check_output_limit(at);
        }
        let peak = self.peaks.advance(now.seconds());
        self.stats.biggest_input.set(peak.input as u64);
        self.stats.biggest_output.set(peak.output as u64);
        self.measure_all();
    }

    /// Others see what clients of all cores remember of this shard, before they see what came of it.
    fn publish_tracked(&mut self) {
        if self.busy {
            // Another owner stands in for the one that knows.
            return;
        }
        let (keys, items, prefixes) = self.owner.tracked();
        self.stats.tracked_keys.set(keys as u64);
        self.stats.tracked_items.set(items as u64);
        self.stats.tracked_prefixes.set(prefixes as u64);
    }
}

/// Whether nothing more can come of a client whose peer has stopped sending.
fn client_is_done(home: &mut Home, at: u32) -> bool {
    home.clients[at as usize]
        .as_ref()
        .is_some_and(|client| client.eof || client.closing)
}
