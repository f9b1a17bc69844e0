//! One core: the home of its clients and the owner of its shard, with what connects it to the others.
//!
//! It never touches the ring. Received bytes are lent to it, and what it wants of sockets it leaves in lists that the
//! loop (`turn.rs`) works off: so a buffer of the ring can be read while commands run.

use super::blocking::Deadline;
use super::client::{Client, SlotState, Stall};
use super::hold::{DiskWait, Stage};
use super::mail::Post;
use super::peaks::Peaks;
use super::process::Process;
use super::serve::Ahead;
use super::walk::Walk;
use crate::base::limits;
use crate::base::slot::{ShardId, SlotMap};
use crate::base::time::Millis;
use crate::command::ctx::{BlockingKeys, ClientView, Core, Pause, Reader, Scope, Server};
use crate::command::effects::Effects;
use crate::command::lookup::Recent;
use crate::command::spec::StoreFn;
use crate::config::Config;
use crate::keyspace::{Expiry, Leftovers, Store};
use crate::log::{Log, Tail};
use crate::resp::{Args, Output, Span};
use crate::ring::{Clock, SocketId};
use crate::script::Scripts;
use crate::session::{ClientKind, Listeners, Message, Session, Users};
use crate::shard::{Accepted, Call, Chain, Frame, FrameBox, Links, Node, Owner, Receiver, Ticket};
use crate::stats::{CommandLog, CoreStats, HotKeys, LatencyLog, Slowlog};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a core wants of its ring, worked off by the loop after each step.
#[derive(Default)]
pub(super) struct Wants {
    /// Close these.
    pub(super) close: Vec<SocketId>,
    /// Stop receiving from these (true), or go on (false).
    pub(super) pause: Vec<(SocketId, bool)>,
    /// Take over these connections.
    pub(super) adopt: Vec<Accepted>,
}

/// A core without its ring.
pub struct Home {
    pub(super) id: ShardId,
    pub(super) wants: Wants,
    pub(super) owner: Owner,
    pub(super) receiver: Receiver<Node<Frame>>,
    pub(super) links: Arc<Links>,
    pub(super) slots: Arc<SlotMap>,
    pub(super) server: Arc<Server>,
    pub(super) stats: Arc<CoreStats>,
    pub(super) clock: Clock,
    pub(super) config: Arc<Config>,
    pub(super) config_version: u64,
    /// All users.
    pub(super) users: Arc<Users>,
    pub(super) users_version: u64,
    /// Connections need not log in.
    pub(super) is_open: bool,
    pub(super) process: Arc<dyn Process>,
    pub(super) post: Arc<Post>,
    /// Clients by socket index.
    pub(super) clients: Vec<Option<Box<Client>>>,
    /// Clients with unparsed input that may go on.
    pub(super) ready: Vec<u32>,
    /// Clients with output to send.
    pub(super) dirty: Vec<u32>,
    /// Who listens to channels.
    pub(super) listeners: Listeners,
    /// When blocking commands give up, soonest first.
    pub(super) deadlines: BTreeSet<Deadline>,
    /// Clients that wait for a credit, or for the end of a pause.
    pub(super) waiting: Vec<u32>,
    /// Operations whose next step waits for credits.
    pub(super) held: Vec<Ticket>,
    /// Woken commands that wait for credits to be sent anew.
    pub(super) unsent_anew: Vec<FrameBox>,
    /// Frames sent to each shard and not yet back.
    pub(super) outstanding: Vec<u32>,
    /// Frames executed this turn, by home.
    pub(super) chains: Vec<Chain<Frame>>,
    /// Shards that were sent something this turn.
    pub(super) to_wake: Vec<bool>,
    pub(super) frames: Vec<FrameBox>,
    pub(super) outputs: Vec<Output>,
    pub(super) spans: Vec<Span>,
    /// The name looked up last: a pipeline is often one command many times.
    pub(super) names: Recent,
    pub(super) ahead: Vec<Ahead>,
    pub(super) command_logs: [Slowlog; 3],
    pub(super) hotkeys: Option<HotKeys>,
    /// Commands that took as long as that are looked at.
    pub(super) gate_ticks: u64,
    /// So are larger ones, and those that leave this much to be sent.
    pub(super) large_request: usize,
    pub(super) large_reply: usize,
    pub(super) latency: LatencyLog,
    pub(super) errors: Vec<(Box<[u8]>, u64)>,
    pub(super) pause: Option<Pause>,
    /// Until when a MIGRATE has asked that writes wait.
    pub(super) held_until: Millis,
    /// Clock ticks above which a command is slow; `u64::MAX` for never.
    pub(super) slow_ticks: u64,
    /// Clock ticks above which a command is a latency spike.
    pub(super) spike_ticks: u64,
    /// In units of 2^-32.
    pub(super) ns_per_tick: u64,
    pub(super) now_us: i64,
    pub(super) last_ticks: u64,
    /// Commands executed since the clock was read.
    pub(super) since_clock: u32,
    pub(super) next_cron: Millis,
    pub(super) cron_cursor: usize,
    /// The EXEC that was just sent is shown when it is done.
    pub(super) shows_later: bool,
    /// What a script of this turn called, that is shown behind its own line.
    pub(super) called: Vec<Vec<u8>>,
    pub(super) peaks: Peaks,
    /// Sum of all clients' `counted_output`.
    pub(super) unsent: usize,
    /// Above this sum only clients with little unread go on.
    pub(super) unsent_max: usize,
    /// Another shard was asked for room and has not answered.
    pub(super) relief_under_way: bool,
    /// Its shard runs a script for long, or waits for one that does: only commands that need no keys are served.
    pub(super) busy: bool,
    /// A file is being read: nothing expires and memory has no limit.
    pub(super) loading: bool,
    /// Most commands are refused: a file is being read, or was until a moment ago. Cores hear one after the other that
    /// it is over, and serve when all have: nobody whom one has served is refused by another.
    pub(super) refuses: bool,
    /// Effects were queued before that, and will be again.
    logs: bool,
    /// `maxmemory-clients` in bytes; 0 for none.
    pub(super) clients_limit: u64,
    /// When other cores were last told that clients have to go.
    pub(super) asked_to_evict: Millis,
    /// This shard looks whether it has to evict something without being asked.
    pub(super) shrinks: bool,
    pub(super) log: Arc<Log>,
    /// What this shard has not appended to the log yet.
    pub(super) tail: Tail,
    /// Replies and frames that wait for the log.
    pub(super) stage: Option<Stage>,
    /// Clients with a reply in the last stage that left.
    pub(super) released: u32,
    /// Fences that may change something bring a place to put their effects together.
    pub(super) shares: bool,
    /// Version of the settings that turned the log on.
    log_version: u64,
    /// What frames that came home can tell of, as a position of the log.
    pub(super) heard: u64,
    /// The position whose durability this core wants to be woken for.
    pub(super) wanted: u64,
    /// Clients in WAITAOF.
    pub(super) disk_waits: Vec<DiskWait>,
    /// The snapshot's share of this core.
    pub(super) walk: Walk,
    /// What was removed and is not freed yet.
    pub(super) leftovers: Leftovers,
}

/// What a core is made of.
pub struct HomeParts {
    /// Its shard.
    pub owner: Owner,
    /// Its end of its inbox.
    pub receiver: Receiver<Node<Frame>>,
    /// The way to the others.
    pub links: Arc<Links>,
    /// Facts and counters of the process.
    pub server: Arc<Server>,
    /// The clock.
    pub clock: Clock,
    /// Settings at start.
    pub config: Arc<Config>,
    /// Users at start.
    pub users: Arc<Users>,
    /// The process.
    pub process: Arc<dyn Process>,
    /// Where mail for this core goes.
    pub post: Arc<Post>,
    /// The log of the process.
    pub log: Arc<Log>,
    /// The log is on from the start.
    pub is_logged: bool,
}

impl Home {
    /// Frames a core may have under way at each shard.
    pub const CREDITS: u32 = 512;
    /// Frames kept for reuse.
    const FRAMES_MAX: usize = 2048;

    /// A core without clients. `receiver` is its end of `links`; `post` is where mail for it goes.
    pub fn new(parts: HomeParts) -> Self {
        let HomeParts {
            owner,
            receiver,
            links,
            server,
            clock,
            config,
            users,
            process,
            post,
            log,
            is_logged,
        } = parts;
        let id = owner.shard;
        let shards = server.slots.shards();
        let stats = Arc::clone(&server.cores[id.index()].stats);
        let mut home = Home {
            id,
            wants: Wants::default(),
            owner,
            receiver,
            links,
            slots: Arc::new(server.slots),
            stats,
            clock,
            config: Arc::clone(&config),
            config_version: 0,
            is_open: users.default_user().is_open(),
            users,
            users_version: 0,
            process,
            post,
            clients: Vec::new(),
            ready: Vec::new(),
            dirty: Vec::new(),
            listeners: Listeners::new(Arc::clone(&server.audience)),
            deadlines: BTreeSet::new(),
            waiting: Vec::new(),
            held: Vec::new(),
            unsent_anew: Vec::new(),
            outstanding: vec![0; shards],
            chains: (0..shards).map(|_| Chain::default()).collect(),
            to_wake: vec![false; shards],
            frames: Vec::new(),
            outputs: Vec::new(),
            spans: Vec::new(),
            names: Recent::default(),
            ahead: Vec::new(),
            command_logs: Default::default(),
            hotkeys: None,
            gate_ticks: u64::MAX,
            large_request: usize::MAX,
            large_reply: usize::MAX,
            latency: LatencyLog::default(),
            errors: Vec::new(),
            pause: None,
            held_until: Millis(0),
            slow_ticks: u64::MAX,
            spike_ticks: u64::MAX,
            ns_per_tick: (1000.0 / server.ticks_per_us * 4_294_967_296.0) as u64,
            now_us: 0,
            last_ticks: 0,
            since_clock: 0,
            next_cron: Millis(0),
            cron_cursor: 0,
            shows_later: false,
            called: Vec::new(),
            peaks: Peaks::default(),
            unsent: 0,
            unsent_max: (limits::OUTPUT_PAUSE_TOTAL_BYTES / shards).max(limits::OUTPUT_PAUSE_BYTES),
            relief_under_way: false,
            busy: false,
            clients_limit: 0,
            asked_to_evict: Millis(0),
            shrinks: false,
            loading: false,
            refuses: false,
            logs: false,
            tail: Tail::new(id),
            log,
            stage: None,
            released: 0,
            shares: is_logged,
            log_version: 0,
            heard: 0,
            wanted: u64::MAX,
            disk_waits: Vec::new(),
            walk: Walk::default(),
            leftovers: Leftovers::default(),
            server,
        };
        home.owner.set_effects(is_logged);
        let stores = home.server.cores.iter();
        let stores = stores.map(|core| Arc::clone(&core.store)).collect();
        home.owner.set_peers(stores);
        home.owner.time_evictions(home.clock);
        home.adopt_config(config);
        home
    }

    /// Room a shard's inbox must have for `shards` cores: all their credits, and some for control.
    pub fn inbox_capacity(shards: usize) -> usize {
        (shards * Self::CREDITS as usize + 64).next_power_of_two()
    }

    #[inline]
    pub(super) fn client(&mut self, at: u32) -> &mut Client {
        self.clients[at as usize]
            .as_mut()
            .expect("the caller knows that the client is there")
    }

    /// The client at `socket`, if it is still that one.
    pub(super) fn find(&mut self, index: u32, generation: u32) -> Option<&mut Client> {
        let client = self.clients.get_mut(index as usize)?.as_mut()?;
        (client.socket.generation() == generation).then_some(&mut **client)
    }

    pub(super) fn mark_ready(&mut self, at: u32) {
        let client = self.client(at);
        if !client.ready {
            client.ready = true;
            self.ready.push(at);
        }
    }

    pub(super) fn mark_dirty(&mut self, at: u32) {
        let client = self.client(at);
        if !client.dirty {
            client.dirty = true;
            self.dirty.push(at);
        }
    }

    /// Lets clients go on that waited for a credit or for the end of a pause.
    pub(super) fn retry_waiting(&mut self) {
        for frame in std::mem::take(&mut self.unsent_anew) {
            self.take_woken(frame);
        }
        for at in std::mem::take(&mut self.waiting) {
            let Some(Some(client)) = self.clients.get_mut(at as usize) else {
                continue;
            };
            match client.stall {
                // Not even tried again: it would count as not blocked meanwhile.
                Stall::Paused if self.pause.is_some() => {
                    self.waiting.push(at);
                    continue;
                }
                Stall::Log if self.log.is_full() => {
                    self.waiting.push(at);
                    continue;
                }
                Stall::Paused => self.stats.blocked_clients.sub(1),
                Stall::Credit | Stall::Log => {}
                Stall::None | Stall::Replies | Stall::Output => continue,
            }
            client.stall = Stall::None;
            self.mark_ready(at);
        }
    }

    /// A frame to fill: recycled if one is there.
    pub(super) fn frame(&mut self) -> FrameBox {
        self.frames
            .pop()
            .unwrap_or_else(|| Node::new(Frame::new(self.id)))
    }

    /// Keeps a frame that came back, without what would pin memory.
    pub(super) fn retire(&mut self, mut frame: FrameBox) {
        if self.frames.len() >= Self::FRAMES_MAX {
            return;
        }
        frame.mode = crate::shard::Mode::Run;
        frame.now = None;
        frame.result = None;
        frame.ticks = 0;
        frame.admitted = false;
        frame.agreed = true;
        frame.part = 0;
        frame.may_wait = false;
        frame.may_last = false;
        frame.waiter = None;
        frame.woken = false;
        frame.elsewhere = None;
        frame.restarts = false;
        frame.share = None;
        frame.items.truncate(1);
        if let Some(item) = frame.items.first_mut() {
            item.args.clear();
            item.out.clear();
            item.locator = None;
            if item.args.memory() + item.out.bytes.capacity() > 16 * 1024 {
                frame.items.clear();
            }
        }
        self.frames.push(frame);
    }

    /// Reads the clock into this turn's time.
    pub(super) fn refresh_clock(&mut self) {
        self.now_us = self.clock.wall_us();
        self.owner.now = Millis(self.now_us / 1000);
        self.since_clock = 0;
    }

    pub(super) fn now(&self) -> Millis {
        // Not that of the owner: another one may stand in its place.
        Millis(self.now_us / 1000)
    }

    /// Sends mail from a function that runs on another thread.
    pub(super) fn post(&self) -> Arc<Post> {
        Arc::clone(&self.post)
    }

    /// Takes over settings: thresholds that are compared on every command are computed once.
    pub(super) fn adopt_config(&mut self, config: Arc<Config>) {
        let ticks = |us: f64| (us * self.server.ticks_per_us) as u64;
        self.slow_ticks = match config.slowlog_log_slower_than {
            negative if negative < 0 => u64::MAX,
            us => ticks(us as f64),
        };
        self.spike_ticks = match config.latency_monitor_threshold {
            0 => u64::MAX,
            ms => ticks(ms as f64 * 1000.0),
        };
        self.owner.limit = match self.loading {
            true => 0,
            false => config.maxmemory,
        };
        let had_limit = self.clients_limit != 0;
        self.clients_limit = super::evict::limit(&config);
        if self.clients_limit != 0 && !had_limit {
            self.measure_all();
        }
        self.owner.config = Arc::clone(&config);
        self.owner.set_policy(&config);
        self.owner.set_events(config.notify_keyspace_events);
        self.owner.bound_tracks();
        self.config = config;
        self.settle_expiry();
        self.settle_gates();
    }

    /// Sets what becomes of expired keys: while writes are paused nothing may go.
    pub(super) fn settle_expiry(&mut self) {
        self.owner.store.set_expiry_rule(match self.loading {
            true => Expiry::Ignore,
            false if self.pause.is_some() || self.config.import_mode => Expiry::Hide,
            false => Expiry::Remove,
        });
    }

    /// Whether keys go when their time comes.
    pub(super) fn may_expire(&self) -> bool {
        self.owner.active_expire && self.pause.is_none() && !self.config.import_mode
    }

    /// Publishes used client memory and the memory outside this store, for maxmemory.
    pub(super) fn refresh_pressure(&mut self) {
        if self.owner.limit != 0 {
            let total = self.server.used_memory();
            let total = total.saturating_sub(self.server.uncounted_memory());
            let elsewhere = total.saturating_sub(self.owner.store.memory());
            self.owner.set_elsewhere(elsewhere);
        }
    }

    fn view<'a>(client: &'a Client, session: &'a Session) -> ClientView<'a> {
        ClientView {
            session,
            input_bytes: client.backlog(),
            input_free: client.input.capacity() - client.input.len(),
            argument_bytes: 0,
            output_bytes: client.unsent(),
            memory: client.memory(),
            output_pieces: client.out.shared.len(),
            blocked: client.stall == Stall::Paused
                || client
                    .slots
                    .iter()
                    .any(|slot| matches!(slot.state, SlotState::Blocked(_))),
            closing: client.closing,
        }
    }
}

impl Core for Home {
    fn shard(&self) -> ShardId {
        self.id
    }

    fn now(&self) -> Millis {
        Home::now(self)
    }

    fn clients(&mut self, visit: &mut dyn FnMut(ClientView<'_>)) {
        let clients = self.clients.iter().flatten();
        for client in clients.filter(|client| client.session.kind != ClientKind::Loader) {
            visit(Self::view(client, &client.session));
        }
    }

    fn kill(&mut self, caller: u64, doomed: &mut dyn FnMut(ClientView<'_>) -> bool) -> usize {
        let picked: Vec<u32> = self
            .clients
            .iter()
            .flatten()
            .filter(|client| client.session.kind != ClientKind::Loader)
            .filter(|client| !client.closing && doomed(Self::view(client, &client.session)))
            .map(|client| client.at())
            .collect();
        for &at in &picked {
            if self.client(at).session.id == caller {
                self.client(at).closing = true;
            } else {
                self.close(at);
            }
        }
        picked.len()
    }

    fn unblock(&mut self, client: u64, error: bool) -> bool {
        self.unblock_client(client, error)
    }

    fn effects(&mut self) -> &mut Effects {
        &mut self.owner.effects
    }

    fn prepare_log(&mut self, version: u64) {
        if self.config_version <= version || self.config.appendonly {
            self.shares = true;
            self.log_version = version;
        }
    }

    fn mark_log(&mut self, mark: u64) {
        self.owner.set_effects(self.shares);
        self.contribute_mark(mark);
    }

    fn scripts(&mut self) -> &Scripts {
        &self.owner.scripts
    }

    fn store(&mut self) -> &mut Store {
        &mut self.owner.store
    }

    fn command_log(&mut self, log: CommandLog) -> &mut Slowlog {
        &mut self.command_logs[log as usize]
    }

    fn hotkeys(&mut self) -> &mut Option<HotKeys> {
        &mut self.hotkeys
    }

    fn settle_hotkeys(&mut self) {
        self.settle_gates();
    }

    fn latency(&mut self) -> &mut LatencyLog {
        &mut self.latency
    }

    fn blocking_keys(&self) -> BlockingKeys {
        self.owner.blocking_keys()
    }

    fn error_counts(&mut self) -> &mut Vec<(Box<[u8]>, u64)> {
        &mut self.errors
    }

    fn stats(&self) -> &CoreStats {
        &self.stats
    }

    fn apply(&mut self, version: u64, config: Arc<Config>) {
        if version > self.config_version {
            self.config_version = version;
            if !config.appendonly && self.shares && version > self.log_version {
                // At a fence over all cores, as everything here: no other fence sees it half done.
                self.shares = false;
                self.owner.set_effects(false);
            }
            self.adopt_config(config);
            self.refresh_pressure();
            self.shrinks = true;
        }
        self.retry_waiting();
    }

    fn users(&self) -> Arc<Users> {
        Arc::clone(&self.users)
    }

    fn adopt_users(&mut self, version: u64, users: &Arc<Users>, caller: u64) {
        self.take_over_users(version, users, caller);
    }

    fn random_bytes(&mut self, bytes: &mut [u8]) {
        crate::ring::random_bytes(bytes);
    }

    fn pause(&mut self, pause: Option<Pause>) {
        if !Core::is_paused(self) {
            // What a MIGRATE asked for, if anything, gives way.
            self.pause = None;
        }
        // A second pause can only make the first longer and stricter.
        self.pause = match (self.pause, pause) {
            (Some(old), Some(new)) => Some(Pause {
                until: old.until.max(new.until),
                all: old.all || new.all,
            }),
            (_, new) => new,
        };
        self.settle_expiry();
        self.retry_waiting();
    }

    fn is_paused(&self) -> bool {
        self.pause
            .is_some_and(|pause| pause.all || pause.until > self.held_until)
    }

    fn hold_writes(&mut self, until: Option<Millis>) {
        match until {
            Some(until) if self.pause.is_none() => {
                self.held_until = until;
                self.pause = Some(Pause { until, all: false });
                self.settle_expiry();
            }
            // Another MIGRATE's.
            Some(until) if !Core::is_paused(self) => {
                self.held_until = self.held_until.max(until);
                self.pause = self.pause.map(|pause| Pause {
                    until: self.held_until,
                    ..pause
                });
            }
            None if self.pause.is_some() && !Core::is_paused(self) => self.pause(None),
            Some(_) | None => {}
        }
    }

    fn run(&mut self, run: StoreFn, args: Args<'_>, scope: Scope) {
        let mut out = self.outputs.pop().unwrap_or_default();
        let call = Call::of(run, args, scope, self.owner.now);
        self.owner.execute(&call, &mut out);
        super::recycle(&mut self.outputs, out);
        if self.owner.has_news() {
            self.spread_news(scope.client.client);
        }
    }

    fn is_settled(&self) -> bool {
        self.outstanding.iter().all(|&frames| frames == 0) && self.unsent_anew.is_empty()
    }

    fn freeze(&mut self, micros: u64) {
        self.clock.pause_us(micros);
    }
    fn set_active_expire(&mut self, on: bool) {
        self.owner.active_expire = on;
    }

    fn refuse_to_load(&mut self) {
        // The process says so already.
        self.refuses = true;
    }

    fn set_loading(&mut self, on: bool) {
        // What is read is written down already.
        self.append_effects();
        if on && !self.loading {
            self.logs = self.owner.effects.is_on();
            self.owner.set_effects(false);
        } else if !on && self.loading {
            self.owner.set_effects(self.logs);
        }
        self.loading = on;
        self.refuses |= on;
        self.settle_expiry();
        self.adopt_config(Arc::clone(&self.config));
        self.refresh_pressure();
        self.shrinks = true;
    }

    fn make_room(&mut self) -> bool {
        self.give_room()
    }

    fn listeners(&self) -> &Listeners {
        &self.listeners
    }

    fn set_prefixes(&mut self, home: ShardId, reader: Reader, prefixes: &[Vec<u8>]) {
        self.owner.set_prefixes(home, reader, prefixes);
    }

    fn deliver(&mut self, message: &Message) -> usize {
        self.catch_up();
        Home::deliver(self, message)
    }
}
