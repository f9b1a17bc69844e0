//! What a core asks of the process as a whole. Implemented by `server`.

use crate::base::slot::ShardId;
use crate::command::ctx::{Answer, Load, OnCore, Save, Scope, Shutdown, UserChange};
use crate::command::generic::migrate::Migration;
use crate::config::{Config, SetContext};
use crate::resp::CommandError;
use crate::session::Users;
use crate::shard::Ticket;
use std::sync::Arc;

/// What CONFIG SET changed, to be published to the cores.
pub struct Configured {
    /// The version of the settings.
    pub version: u64,
    /// The settings.
    pub config: Arc<Config>,
    /// All users and their version, if one of the settings changed a user.
    pub users: Option<(u64, Arc<Users>)>,
    /// If another thread has to act on the settings: calls back when it does.
    pub settled: Option<Settled>,
}

/// See [`Configured::settled`].
pub type Settled = Box<dyn FnOnce(Box<dyn FnOnce() + Send>) + Send>;

/// A snapshot about to be written.
pub struct Saving {
    /// What BGSAVE replies.
    pub reply: &'static str,
    /// To be run on all cores at one point of the common order: what is written is as of then. Nothing if it was only
    /// noted that one is wanted.
    pub cut: Option<OnCore>,
}

/// The process, as its cores see it.
pub trait Process: Send + Sync {
    /// Changes settings: all of `pairs` or none. What belongs to the process (listeners, log level, limits) is applied
    /// before this returns; the caller publishes what comes back to the cores.
    fn configure(&self, pairs: &[&[u8]], context: SetContext) -> Result<Configured, CommandError>;
    /// Makes the next set of all users. The caller publishes it to the cores under the version that comes back.
    fn change_users(&self, change: UserChange) -> Result<(u64, Arc<Users>, Answer), CommandError>;
    /// Publishes users to all cores. What comes back is disconnected when all of them act on it; a core must not wait
    /// for that.
    fn spread_users(&self, version: u64, users: &Arc<Users>, caller: u64) -> flume::Receiver<()>;
    /// Runs `job` on the control thread, where waiting for a disk is allowed.
    fn run(&self, job: Box<dyn FnOnce() + Send>);
    /// Starts an orderly shutdown, or says why not. When it succeeds the cores are told to stop. If a snapshot has to be
    /// written first, `finished` hears how that went; if it failed, the shutdown is off.
    fn shutdown(
        &self,
        options: Shutdown,
        finished: Box<dyn FnOnce(Result<(), CommandError>) + Send>,
    ) -> Result<(), CommandError>;
    /// Reads a file again. `done` hears how that went.
    fn load(&self, load: Load, done: Box<dyn FnOnce(Result<(), CommandError>) + Send>);
    /// Moves keys to another server, on a thread of its own. The core `home` gets mail when that is over.
    fn migrate(&self, migration: Migration, scope: Scope, home: ShardId, ticket: Ticket);
    /// Prepares to write a snapshot, or says why not. `done` hears how it went.
    fn save(
        &self,
        save: Save,
        done: Box<dyn FnOnce(Result<(), CommandError>) + Send>,
    ) -> Result<Saving, CommandError>;
}
