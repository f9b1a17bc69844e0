//! What a client is, apart from its socket: identity, database, protocol version, authentication, transaction state.
//!
//! A session lives at the core that accepted the connection (its home) and never leaves it. What another shard needs
//! to know of it (database, protocol) is copied into the frame that is sent there, as of the command's place in the
//! pipeline.

mod audience;
mod fieldset;
mod password;
mod subscriptions;
mod tracking;
mod user;

pub use audience::Audience;
pub use fieldset::{Fieldset, Fieldsets};
pub use password::Password;
pub use subscriptions::{Listeners, Message, Subscriptions, Topic};
pub use tracking::{Redirect, Tracking, TrackingMode};
pub use user::{CommandSet, DEFAULT_USER, KeyPattern, Selector, User, Users};

use crate::base::slot::{DbIndex, ShardId};
use crate::base::time::Millis;
use crate::keyspace::WatchFlag;
use crate::resp::Proto;
use std::sync::Arc;

/// Which output-buffer limit applies, and what CLIENT LIST TYPE and CLIENT KILL TYPE call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// An ordinary client, MONITOR included.
    Normal,
    /// A client with at least one subscription under RESP2.
    Pubsub,
    /// A replica attached to this master.
    Replica,
    /// The link to this replica's master.
    Master,
    /// Not a client at all: commands of an append-only file that is being read. Nothing is refused or held back.
    Loader,
}

/// CLIENT REPLY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyMode {
    /// Replies are sent.
    On,
    /// Nothing is sent until CLIENT REPLY ON.
    Off,
    /// The reply of the next command is dropped, then back to `On`.
    SkipNext,
    /// As `SkipNext`, which it becomes: the command whose reply is dropped has asked for that.
    SkipTwo,
}

impl ReplyMode {
    /// The mode for the command after one whose reply was written or dropped.
    pub fn after_one(self) -> ReplyMode {
        match self {
            ReplyMode::SkipNext => ReplyMode::On,
            ReplyMode::SkipTwo => ReplyMode::SkipNext,
            same => same,
        }
    }
}

/// The part of MULTI's state that commands look at; the queue itself is the connection's.
#[derive(Debug, Default, Clone)]
pub struct Transaction {
    /// Commands queued.
    pub queued: usize,
    /// Bytes of their arguments.
    pub bytes: usize,
    /// A queued command was refused: EXEC answers EXECABORT.
    pub aborted: bool,
}

/// A key under WATCH.
#[derive(Debug, Clone)]
pub struct Watched {
    /// Database of the key.
    pub db: DbIndex,
    /// The key.
    pub key: Vec<u8>,
    /// Set by the owner when the key changes.
    pub flag: Arc<WatchFlag>,
}

/// One client.
#[derive(Debug)]
pub struct Session {
    /// Unique over the life of the process, rising.
    pub id: u64,
    /// Peer address as CLIENT LIST prints it.
    pub addr: String,
    /// Local address of the connection.
    pub laddr: String,
    /// Descriptor number, for CLIENT LIST.
    pub fd: i32,
    /// CLIENT SETNAME.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME and LIB-VER.
    pub lib_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub lib_ver: Vec<u8>,
    /// The selected database.
    pub db: DbIndex,
    /// RESP2 or RESP3.
    pub proto: Proto,
    /// Whether commands other than AUTH, HELLO, QUIT and RESET are allowed.
    pub authenticated: bool,
    /// Who it is logged in as; set by [`Session::become_user`].
    pub user: Arc<User>,
    /// There is something that the user may not do.
    pub is_limited: bool,
    /// Set between MULTI and EXEC.
    pub transaction: Option<Transaction>,
    /// What EXEC runs, while it does.
    pub executing: Option<Transaction>,
    /// Keys under WATCH.
    pub watched: Vec<Watched>,
    /// What it listens to; kept by its core together with the list of all listeners.
    pub subscriptions: Subscriptions,
    /// CLIENT TRACKING.
    pub tracking: Option<Box<Tracking>>,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH: reads leave LRU and LFU alone.
    pub no_touch: bool,
    /// CLIENT IMPORT-SOURCE: what has expired is there for it.
    pub imports: bool,
    /// HIMPORT PREPARE: names of lists of fields.
    pub fieldsets: Fieldsets,
    /// In MONITOR.
    pub monitor: bool,
    /// The core that has its connection.
    pub shard: ShardId,
    /// Arrived over a unix socket.
    pub unix: bool,
    /// Normal, pub/sub, replica or master.
    pub kind: ClientKind,
    /// When it connected.
    pub created: Millis,
    /// When it last sent something.
    pub last_active: Millis,
    /// Full name of the last command, `client|list` for a subcommand; empty before the first.
    pub last_command: &'static str,
    /// Commands executed, bytes received and sent (CLIENT LIST of Valkey 8.1).
    pub commands: u64,
    /// Bytes received.
    pub input_bytes: u64,
    /// Bytes sent.
    pub output_bytes: u64,
}

impl Session {
    /// Bytes held for it, about: itself, what it queued, and names of keys and channels.
    pub fn memory(&self) -> usize {
        let queued = self.transaction.as_ref().map_or(0, |open| open.bytes);
        let watched = self.watched.iter().map(|watched| watched.key.len());
        let watched = watched.sum::<usize>() + self.watched.len() * 2 * size_of::<Watched>();
        let tracking = self.tracking.as_ref().map_or(0, |tracking| {
            let prefixes = tracking.prefixes.iter().map(|prefix| prefix.len() + 64);
            prefixes.sum::<usize>() + size_of::<Tracking>()
        });
        let fieldsets = self.fieldsets.iter();
        let fieldsets = fieldsets.map(|(name, fields)| name.len() + fields.memory());
        let fieldsets = fieldsets.sum::<usize>();
        size_of::<Session>() + queued + watched + tracking + fieldsets + self.subscriptions.memory()
    }

    /// A client that just connected, RESP2, database 0, and the default user, authenticated if that one is open.
    pub fn new(
        id: u64,
        addr: String,
        laddr: String,
        fd: i32,
        now: Millis,
        user: &Arc<User>,
    ) -> Self {
        Session {
            id,
            addr,
            laddr,
            fd,
            name: Vec::new(),
            lib_name: Vec::new(),
            lib_ver: Vec::new(),
            db: DbIndex(0),
            proto: Proto::Resp2,
            authenticated: user.is_open(),
            is_limited: !user.is_unlimited(),
            user: Arc::clone(user),
            transaction: None,
            executing: None,
            watched: Vec::new(),
            subscriptions: Subscriptions::default(),
            tracking: None,
            reply_mode: ReplyMode::On,
            no_evict: false,
            no_touch: false,
            imports: false,
            fieldsets: Fieldsets::default(),
            monitor: false,
            shard: ShardId(0),
            unix: false,
            kind: ClientKind::Normal,
            created: now,
            last_active: now,
            last_command: "",
            commands: 0,
            input_bytes: 0,
            output_bytes: 0,
        }
    }

    /// What RESET leaves: a client as it connected, apart from its identity, library name and statistics.
    pub fn reset(&mut self, default: &Arc<User>) {
        self.name.clear();
        self.db = DbIndex(0);
        self.proto = Proto::Resp2;
        self.authenticated = default.is_open();
        self.become_user(default);
        self.transaction = None;
        self.watched.clear();
        // The reply of this very command may be one to be dropped.
        if self.reply_mode == ReplyMode::Off {
            self.reply_mode = ReplyMode::On;
        }
        self.no_evict = false;
        self.no_touch = false;
        self.imports = false;
        self.fieldsets.clear();
        self.monitor = false;
        self.kind = ClientKind::Normal;
    }

    /// From now on the user's permissions are this client's.
    pub fn become_user(&mut self, user: &Arc<User>) {
        self.is_limited = !user.is_unlimited();
        self.user = Arc::clone(user);
    }
}
