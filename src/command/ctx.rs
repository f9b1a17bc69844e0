//! What a command function is given, and what it may ask for.
//!
//! There are two kinds of command. One runs where its keys are, over a [`Db`]: it gets a [`Ctx`]. The other runs at
//! the client's core, over its [`Session`]: it gets a [`HomeCtx`]. Neither knows a socket, a ring or another shard.
//! What it cannot do itself it returns as a [`Flow`], and `conn` does it: ask all cores, run a function at a key's
//! owner, start or end a transaction, close the connection.

use super::acl::{AclLog, Limited};
use super::aside::Aside;
use super::effects::Effects;
use super::generic::migrate::Migration;
use super::lookup::Lookup;
use super::spec::{CommandSpec, HomeFn, StoreFn};
use crate::base::crc64;
use crate::base::limits::{INBOX_BYTES, PROCESS_BYTES};
use crate::base::rng::Rng;
use crate::base::slot::{DbIndex, ShardId, SlotMap};
use crate::base::time::Millis;
use crate::config::{Config, KeyspaceEvents};
use crate::keyspace::{Db, Store, StoreCounters, StoreEvent};
use crate::resp::{Args, CommandError, Output, OwnedArgs, Proto, Reply};
use crate::script::{Scripts, Shared};
use crate::session::{Audience, ClientKind, Listeners, Message, Session, Topic, Tracking, Users};
use crate::stats::{CommandLog, CoreStats, HotKeys, LatencyLog, ProcessStats, Slowlog};
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a command that runs at its keys' owner works with.
pub struct Ctx<'a> {
    /// The selected database: one shard's part, or under a PARK fence that of all participants.
    pub db: Db<'a>,
    /// Where the reply goes.
    pub reply: Reply<'a>,
    /// Settings as of this command.
    pub config: &'a Config,
    /// Randomness of the executing shard.
    pub rng: &'a mut Rng,
    /// Wall time, the same for the whole command or transaction.
    pub now: Millis,
    /// Changes made, as Redis counts them for save points; zero means nothing to propagate.
    pub dirty: u64,
    /// Whether the command may wait, or is being looked at again after it did.
    pub waiting: Waiting<'a>,
    /// What others have to be told when the command is done; see [`Ctx::notify`].
    pub news: &'a mut Vec<News>,
    /// What has to be written down and told to replicas; see [`Ctx::propagate`].
    pub effects: &'a mut Effects,
    /// What a script does besides.
    pub aside: &'a mut Aside,
    /// Scripts, as this shard knows them.
    pub scripts: &'a Scripts,
    /// Names of commands, for scripts.
    pub names: &'a Lookup,
    /// Whom a script runs for, if that user has limits. Not told to other commands: they were checked before.
    pub limited: Option<&'a Limited>,
    /// What this thread does besides while a script runs for long.
    pub besides: &'a mut dyn Besides,
}

/// What a thread that runs a script for long, or waits for other shards, does besides: it serves clients as far as that
/// needs no keys.
pub trait Besides {
    /// Does what there is to do. With `wait` it may wait a little for something to do. False if there is no need for it,
    /// as nothing runs for long.
    fn turn(&mut self, wait: bool) -> bool;

    /// Runs a command of the client's core for a script. What it would ask all cores for it is told by this one. `None` if
    /// that cannot be.
    fn run_home(
        &mut self,
        run: HomeFn,
        args: Args<'_>,
        db: DbIndex,
        reply: &mut Reply<'_>,
    ) -> Option<Result<(), CommandError>>;

    /// Runs a command of an EXEC, its `n`th, that runs at its client's core, which is this one. It writes its reply, unless
    /// that comes later. Its effects, and what subscribers are told, come behind those of the commands before it.
    fn run_queued(
        &mut self,
        n: usize,
        spec: &'static CommandSpec,
        args: &OwnedArgs,
        scope: Scope,
        told: (&mut Effects, &mut Vec<News>),
        out: &mut Output,
    ) -> Queued;
}

/// What became of a command of an EXEC that ran at its client's core.
pub struct Queued {
    /// The reply is an error.
    pub failed: bool,
    /// It goes on at a key, with this.
    pub at_key: Option<(StoreFn, OwnedArgs)>,
    /// What the client's next commands run under.
    pub scope: Scope,
    /// Settings in force from now on, if they are others.
    pub config: Option<Arc<Config>>,
}

/// Nothing is done besides.
pub struct Undivided;

impl Besides for Undivided {
    fn turn(&mut self, _: bool) -> bool {
        false
    }

    fn run_home(
        &mut self,
        _: HomeFn,
        _: Args<'_>,
        _: DbIndex,
        _: &mut Reply<'_>,
    ) -> Option<Result<(), CommandError>> {
        None
    }

    fn run_queued(
        &mut self,
        _: usize,
        _: &'static CommandSpec,
        _: &OwnedArgs,
        scope: Scope,
        _: (&mut Effects, &mut Vec<News>),
        _: &mut Output,
    ) -> Queued {
        Queued {
            failed: false,
            at_key: None,
            scope,
            config: None,
        }
    }
}

/// What a command that finds nothing to take may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting<'a> {
    /// Nothing: it runs in a transaction, and replies as if its time were up.
    Denied,
    /// The same, in a script.
    InScript,
    /// Return [`Flow::Block`].
    Allowed,
    /// It waits already, and this key has changed. It looks at those of its keys that are here, takes a wrong type for
    /// nothing there, and returns [`Flow::Block`] again to go on waiting.
    Ready(&'a [u8]),
    /// As `Allowed`, but it waited before and asked to be run where it has all its keys: a wrong type where it would take
    /// something is nothing there.
    Again,
}

/// A command that waits for keys to hold something.
pub struct Block {
    /// When it gives up, or never.
    pub deadline: Option<Millis>,
    /// The keys it waits for, by argument position.
    pub keys: Vec<usize>,
    /// Arguments to run it with when a key is ready, where the client's own would mean something else by then (`$`).
    pub args: Option<OwnedArgs>,
    /// Look at it again also when a key is gone: XREADGROUP has to be told.
    pub on_removal: bool,
    /// Look at it again at this time, though no key has changed.
    pub look_at: Option<Millis>,
}

/// What subscribers are told after a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Something happened to a key.
    Key(KeyEvent),
    /// The store did something to a key without being told, or missed it.
    Store(StoreEvent),
    /// A message that was published by a script.
    Message(Message),
}

/// Something that happened to a key, in the terms of keyspace notifications.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyEvent {
    /// Database of the key.
    pub db: DbIndex,
    /// Class of the event.
    pub class: KeyspaceEvents,
    /// Name of the event.
    pub name: &'static str,
    /// The key.
    pub key: Box<[u8]>,
}

impl Ctx<'_> {
    /// Tells subscribers of keyspace notifications, if the configuration wants this class.
    #[inline]
    pub fn notify(&mut self, class: KeyspaceEvents, name: &'static str, key: &[u8]) {
        if self.config.notify_keyspace_events.has(class) {
            self.tell(class, name, key);
        }
    }

    #[inline(never)]
    fn tell(&mut self, class: KeyspaceEvents, name: &'static str, key: &[u8]) {
        // Behind what happened to keys before it.
        let news = &mut *self.news;
        self.db.take_events(|event| news.push(News::Store(event)));
        news.push(News::Key(KeyEvent {
            db: self.db.index(),
            class,
            name,
            key: key.into(),
        }));
    }

    /// Whether the command may wait.
    pub fn may_block(&self) -> bool {
        !matches!(self.waiting, Waiting::Denied | Waiting::InScript)
    }

    /// Whether a command that waits for several keys has to look at this one now: run again, it sees all the keys that
    /// are where the ready one is, as they may have changed together.
    pub fn is_candidate(&self, key: &[u8]) -> bool {
        match self.waiting {
            Waiting::Ready(_) => self.db.covers(key),
            Waiting::Denied | Waiting::InScript | Waiting::Allowed | Waiting::Again => true,
        }
    }
}

/// Time as a home command sees it.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Unix milliseconds.
    pub ms: Millis,
    /// Unix microseconds.
    pub us: i64,
}

/// What a command that runs at the client's core works with.
pub struct HomeCtx<'a> {
    /// The client.
    pub session: &'a mut Session,
    /// Where the reply goes.
    pub reply: Reply<'a>,
    /// Settings as of this command.
    pub config: &'a Arc<Config>,
    /// Facts and counters of the process.
    pub server: &'a Server,
    /// This core.
    pub core: &'a mut dyn Core,
    /// The time.
    pub now: Now,
}

impl HomeCtx<'_> {
    /// The command as it was sent is its effect.
    pub fn propagate(&mut self, args: Args<'_>) {
        let db = self.session.db;
        self.core.effects().push(db, args.iter());
    }
}

/// Facts and counters of the process, the same for all cores.
pub struct Server {
    /// 40 hex digits, random at each start.
    pub run_id: String,
    /// Unix milliseconds of the start.
    pub started: Millis,
    /// Process id.
    pub pid: u32,
    /// Absolute path of the executable.
    pub executable: String,
    /// Absolute path of the configuration file, or empty.
    pub config_file: String,
    /// The back end in use: `io_uring` or `epoll`.
    pub io_backend: &'static str,
    /// Clock ticks a microsecond.
    pub ticks_per_us: f64,
    /// Memory of the machine in bytes.
    pub system_memory: u64,
    /// Kernel and architecture, as INFO prints them.
    pub os: String,
    /// One row a core.
    pub cores: Vec<CoreShared>,
    /// Figures without an owning core.
    pub process: ProcessStats,
    /// Which shard owns which slot.
    pub slots: SlotMap,
    /// Names of commands, as rename-command left them.
    pub names: Lookup,
    /// What was refused to users.
    pub acl_log: AclLog,
    /// Scripts and libraries of functions.
    pub scripts: Arc<Shared>,
    /// Who listens to what, all cores.
    pub audience: Arc<Audience>,
}

/// What other threads can read of a core.
pub struct CoreShared {
    /// Its counters.
    pub stats: Arc<CoreStats>,
    /// Its store's counters.
    pub store: Arc<StoreCounters>,
}

impl Server {
    /// Used memory of all stores and clients, of the texts of scripts and libraries, of the cores' inboxes and of the
    /// process itself, in bytes.
    pub fn used_memory(&self) -> u64 {
        let cores = self.cores.iter();
        let bytes = cores.map(|core| core.store.used_bytes.get() + core.stats.client_memory.get());
        let fixed = PROCESS_BYTES + self.cores.len() * INBOX_BYTES;
        bytes.sum::<u64>() + self.scripts.text_bytes() + fixed as u64
    }

    /// Bytes that all keys take.
    pub fn stored_memory(&self) -> u64 {
        let cores = self.cores.iter();
        cores.map(|core| core.store.used_bytes.get()).sum()
    }

    /// What of it does not count against `maxmemory`: requests of clients that wait for us.
    pub fn uncounted_memory(&self) -> u64 {
        self.sum(|core| core.client_uncounted.get())
    }

    /// Sums one figure over all cores.
    pub fn sum(&self, figure: impl Fn(&CoreStats) -> u64) -> u64 {
        self.cores.iter().map(|core| figure(&core.stats)).sum()
    }

    /// The highest of one figure over all cores.
    pub fn most(&self, figure: impl Fn(&CoreStats) -> u64) -> u64 {
        let figures = self.cores.iter().map(|core| figure(&core.stats));
        figures.max().unwrap_or(0)
    }

    /// The replication id: 40 hex digits that follow from the run id, and from how often DEBUG changed it.
    pub fn replid(&self) -> String {
        let changes = self.process.replid_changes.load(Ordering::Relaxed);
        let seed = crc64(changes, self.run_id.as_bytes());
        let mut id = [0; 20];
        Rng::new(seed).fill(&mut id);
        id.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Microseconds in `ticks` clock ticks.
    pub fn ticks_to_us(&self, ticks: u64) -> f64 {
        ticks as f64 / self.ticks_per_us
    }
}

/// A core as commands see it: the clients it is home to, its store, its logs. Implemented by `conn`.
pub trait Core {
    /// Which core this is.
    fn shard(&self) -> ShardId;
    /// The time of this turn.
    fn now(&self) -> Millis;
    /// Calls `visit` for each client of this core.
    fn clients(&mut self, visit: &mut dyn FnMut(ClientView<'_>));
    /// Closes the clients that `doomed` picks; says how many. The caller's own client is closed after its reply.
    fn kill(&mut self, caller: u64, doomed: &mut dyn FnMut(ClientView<'_>) -> bool) -> usize;
    /// Wakes a blocked client with a nil reply or an UNBLOCKED error; false when it is not blocked here.
    fn unblock(&mut self, client: u64, error: bool) -> bool;
    /// What this core has to have written down and told to replicas.
    fn effects(&mut self) -> &mut Effects;
    /// First step to turn the log on: fences posted from here on bring a place to put their effects together. When all
    /// cores have done this, the log can be turned on.
    /// `version` is that of the settings that say so.
    fn prepare_log(&mut self, version: u64);
    /// Marks this place in the log, at a fence over all cores: consumers find `mark` where what came before it ends. The
    /// log is on from here, if it was prepared.
    fn mark_log(&mut self, mark: u64);
    /// Scripts, as the shard of this thread knows them.
    fn scripts(&mut self) -> &Scripts;
    /// The store of the shard that runs on this thread.
    fn store(&mut self) -> &mut Store;
    /// Slow or large commands of this core's clients.
    fn command_log(&mut self, log: CommandLog) -> &mut Slowlog;
    /// Which keys cost most, if somebody looks.
    fn hotkeys(&mut self) -> &mut Option<HotKeys>;
    /// HOTKEYS began or ended: commands are looked at accordingly.
    fn settle_hotkeys(&mut self);
    /// Latency spikes of this core.
    fn latency(&mut self) -> &mut LatencyLog;
    /// Keys of this shard that clients wait for.
    fn blocking_keys(&self) -> BlockingKeys;
    /// Error replies by code.
    fn error_counts(&mut self) -> &mut Vec<(Box<[u8]>, u64)>;
    /// This core's counters.
    fn stats(&self) -> &CoreStats;
    /// Makes `config` the settings of this core, unless a later version is in force already.
    fn apply(&mut self, version: u64, config: Arc<Config>);
    /// All users, as this core knows them.
    fn users(&self) -> Arc<Users>;
    /// Makes `users` those of this core, unless a later version is in force already. Clients get the new rules of their
    /// user; they are closed if it is gone, or if they listen to what it may not listen to any more. `caller` is closed
    /// after its reply.
    fn adopt_users(&mut self, version: u64, users: &Arc<Users>, caller: u64);
    /// Fills `bytes` with what nobody can guess.
    fn random_bytes(&mut self, bytes: &mut [u8]);
    /// Holds back commands of ordinary clients until `until` (CLIENT PAUSE); `None` ends it.
    fn pause(&mut self, pause: Option<Pause>);
    /// Whether writes are held back by anything but [`Core::hold_writes`].
    fn is_paused(&self) -> bool;
    /// Holds back commands that write, of this core's clients, until then, or not any more.
    fn hold_writes(&mut self, until: Option<Millis>);
    /// Runs a command over this shard's keys, for a client of whatever core. Its reply is dropped.
    fn run(&mut self, run: StoreFn, args: Args<'_>, scope: Scope);
    /// Whether nothing that its clients have asked for is on its way to a shard or back.
    fn is_settled(&self) -> bool;
    /// Does nothing for `micros` (DEBUG SLEEP).
    fn freeze(&mut self, micros: u64);
    /// Whether keys go when their time comes, or only when they are looked at (DEBUG SET-ACTIVE-EXPIRE).
    fn set_active_expire(&mut self, on: bool);
    /// A file is about to be read: clients are refused what they must not do then.
    fn refuse_to_load(&mut self);
    /// A file is being read from now on, or not any more: most commands are refused meanwhile, nothing expires, and memory
    /// has no limit.
    fn set_loading(&mut self, on: bool);
    /// Evicts some of this shard's keys if more than `maxmemory` is in use; false if that did not help.
    fn make_room(&mut self) -> bool;
    /// Who listens to channels on this core.
    fn listeners(&self) -> &Listeners;
    /// A client of core `home` wants to hear of all keys with these prefixes, and of no others.
    fn set_prefixes(&mut self, home: ShardId, reader: Reader, prefixes: &[Vec<u8>]);
    /// Gives a message to this core's listeners; returns how many there were.
    fn deliver(&mut self, message: &Message) -> usize;
}

/// How many keys of a shard clients wait for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockingKeys {
    /// All of them.
    pub all: u64,
    /// Those of which somebody wants to hear also when they are gone.
    pub on_removal: u64,
}

/// CLIENT PAUSE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// When it ends by itself.
    pub until: Millis,
    /// Whether reads wait as well.
    pub all: bool,
}

/// One client as CLIENT LIST and CLIENT KILL see it.
pub struct ClientView<'a> {
    /// Identity and state.
    pub session: &'a Session,
    /// Bytes in the query buffer, and room left in it.
    pub input_bytes: usize,
    /// Unused capacity of the query buffer.
    pub input_free: usize,
    /// Bytes of the arguments of the command that runs.
    pub argument_bytes: usize,
    /// Bytes waiting to be sent.
    pub output_bytes: usize,
    /// Pieces waiting to be sent by reference.
    pub output_pieces: usize,
    /// Memory held for it, about.
    pub memory: usize,
    /// Waits in a blocking command.
    pub blocked: bool,
    /// Will be closed when its output is sent.
    pub closing: bool,
}

impl ClientView<'_> {
    /// The class of its output-buffer limit.
    pub fn kind(&self) -> ClientKind {
        self.session.kind
    }
}

/// A function that runs on a core, with whatever it found out.
pub type OnCore = Arc<dyn Fn(&mut dyn Core) -> Box<dyn Any + Send> + Send + Sync>;

/// What a function that ran on a core leaves to be done when all that it has brought about is in the log and told: where
/// it was sent from, if nobody there waits for what it found out.
pub struct AtHome(pub Box<dyn FnOnce() + Send>);

/// A function for the control thread that writes the reply.
pub type Job = Box<dyn FnOnce(&mut Reply<'_>) + Send>;

/// Makes the next set of all users out of the present one, or says why not.
pub type UserChange = Box<dyn FnOnce(&mut Users) -> Result<Answer, CommandError> + Send>;

/// The reply to a change of users.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// `+OK`.
    Ok,
    /// A number.
    Count(usize),
}

impl Answer {
    /// Writes it.
    pub fn write(self, reply: &mut Reply<'_>) {
        match self {
            Answer::Ok => reply.ok(),
            Answer::Count(count) => reply.count(count),
        }
    }
}

/// What makes the reply of the results of all cores, in order of shards.
pub type MergeResults = Box<dyn FnOnce(Vec<Box<dyn Any + Send>>, &mut Reply<'_>)>;

/// A function run on every core at one point of the common order, and what to do with the results.
pub struct Gather {
    /// Runs on each core, on its own thread.
    pub each: OnCore,
    /// Runs at the client's core with all results, in order of shards.
    pub merge: MergeResults,
    /// The only core it runs on, if there is one: what is to happen in one order happens there.
    pub only: Option<ShardId>,
}

impl Gather {
    /// Runs `each` on all cores, then `merge` over their results in order of shards.
    pub fn new<T: Send + 'static>(
        each: impl Fn(&mut dyn Core) -> T + Send + Sync + 'static,
        merge: impl FnOnce(Vec<T>, &mut Reply<'_>) + 'static,
    ) -> Self {
        Gather {
            each: Arc::new(move |core| Box::new(each(core))),
            merge: Box::new(move |results, reply| {
                let typed = results
                    .into_iter()
                    .map(|result| {
                        *result
                            .downcast::<T>()
                            .expect("each core returns the same type")
                    })
                    .collect();
                merge(typed, reply);
            }),
            only: None,
        }
    }

    /// The same on one core only.
    pub fn only_on(self, shard: ShardId) -> Self {
        Gather {
            only: Some(shard),
            ..self
        }
    }
}

/// What the caller has to do after the command function returned.
pub enum Flow {
    /// Nothing: the reply is written.
    Done,
    /// Close the connection when the reply has been sent.
    Close,
    /// Send no reply at all and close (SHUTDOWN, CLIENT KILL of oneself before any reply).
    Hangup,
    /// Ask all cores; the merge writes the reply.
    Gather(Gather),
    /// Run `run` with the same arguments where the key at this argument position lives (DEBUG OBJECT).
    AtKey(usize, StoreFn),
    /// The same, with other arguments (HIMPORT SET).
    AtKeyWith(usize, StoreFn, Box<OwnedArgs>),
    /// Do this on the control thread, which may touch the disk, and reply what it writes.
    Offload(Job),
    /// CONFIG SET with these arguments, names and values in turn: all or nothing, then published to all cores, then
    /// `+OK`.
    Configure(Vec<Vec<u8>>),
    /// Change users, then publish them to all cores, then reply.
    Users(UserChange),
    /// As `Users`, but the change touches the disk and so is made on the control thread.
    ReloadUsers(UserChange),
    /// From a command at its keys: wait until one of them has something. Nothing was written or changed.
    Block(Box<Block>),
    /// From a command that waited and is served: it also needs keys of another shard. Nothing was written or changed.
    Elsewhere,
    /// Listen to the channels that are the arguments from 1 on.
    Subscribe(Topic),
    /// Stop listening to them, or to all.
    Unsubscribe(Topic),
    /// CLIENT TRACKING: on with this, or off.
    Tracking(Option<Box<Tracking>>),
    /// Give this to all who listen, and reply how many those are.
    Publish(Message),
    /// MULTI.
    Multi,
    /// EXEC.
    Exec,
    /// DISCARD.
    Discard,
    /// WATCH: the arguments are keys from 1 on.
    Watch,
    /// UNWATCH.
    Unwatch,
    /// RESET was executed on the session; the connection drops its queue and subscriptions.
    Reset,
    /// MONITOR: from now on this client is fed with every command.
    Monitor,
    /// SHUTDOWN with these options.
    Shutdown(Shutdown),
    /// SAVE, BGSAVE, BGREWRITEAOF.
    Save(Save),
    /// DEBUG RELOAD, DEBUG LOADAOF.
    Load(Load),
    /// DEBUG SEGFAULT: touch memory that nobody has.
    Crash,
    /// MIGRATE: do this, then reply how it went.
    Migrate(Box<Migration>),
    /// WAIT, WAITAOF: reply when replicas, or the disk, have what this client changed.
    AwaitDisk(AwaitDisk),
}

/// A file that is to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// The RDB file; what is there already stays, unless the file has it.
    SnapshotInto,
    /// The RDB file, into empty databases.
    Snapshot,
    /// As [`Load::SnapshotInto`], when all that is there has been saved.
    SavedInto,
    /// As [`Load::Snapshot`], when all that is there has been saved.
    Saved,
    /// The append-only file, into empty databases.
    AppendOnly,
}

/// What WAIT or WAITAOF waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AwaitDisk {
    /// WAIT: the reply is how many replicas have it.
    pub only_replicas: bool,
    /// The local disk.
    pub local: bool,
    /// So many replicas' disks.
    pub replicas: i64,
    /// Until then.
    pub deadline: Option<Millis>,
}

/// What SAVE and BGSAVE ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Save {
    /// Write, then reply.
    AndReply,
    /// Reply, and write meanwhile.
    InBackground,
    /// As that, later if something else is being written.
    Scheduled,
    /// As that, and later in any case: a transaction asks.
    Queued,
    /// Do not write after all.
    Cancel,
    /// All databases were flushed, and clients wait until the file says so.
    Flushed,
    /// Write the append-only files anew.
    Rewrite,
    /// As that, later: a transaction asks.
    QueuedRewrite,
    /// Have what is being written fail (DEBUG FAIL-SNAPSHOT).
    Fail,
}

/// Options of SHUTDOWN.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shutdown {
    /// Do not save although save points are configured.
    pub nosave: bool,
    /// Save although none is.
    pub save: bool,
    /// Do not wait for lagging replicas.
    pub now: bool,
    /// Go on although saving failed.
    pub force: bool,
    /// Cancel a shutdown under way.
    pub abort: bool,
}

/// The database and protocol a command runs under, as of its place in the pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// Selected database.
    pub db: DbIndex,
    /// Protocol of the reply.
    pub proto: Proto,
    /// Whether reads leave access times alone.
    pub no_touch: bool,
    /// Whether what has expired is there for it, as it imports data.
    pub imports: bool,
    /// The client.
    pub client: Reader,
    /// Whether the client remembers what it reads.
    pub remembers: bool,
}

/// A client, where its core finds it at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reader {
    /// Its number at its core.
    pub at: u32,
    /// Its id, for the number may be another's by now.
    pub client: u64,
}

impl Reader {
    /// In place of the number, where only the id is known: the client that somebody else's messages go to.
    pub const UNKNOWN: u32 = u32::MAX;
}

/// An empty output of the scope's protocol to write a reply into.
pub fn reply_into<'a>(output: &'a mut Output, scope: Scope) -> Reply<'a> {
    Reply::new(output, scope.proto)
}
