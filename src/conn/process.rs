//! What a core asks of the process as a whole. Implemented by `server`.

use crate::command::ctx::Shutdown;
use crate::config::{Config, SetContext};
use crate::resp::CommandError;
use std::sync::Arc;

/// The process, as its cores see it.
pub trait Process: Send + Sync {
    /// Changes settings: all of `pairs` or none. What belongs to the process (listeners, log level, limits) is applied
    /// before this returns; the caller publishes the new settings to the cores under the version that comes back.
    fn configure(
        &self,
        pairs: &[&[u8]],
        context: SetContext,
    ) -> Result<(u64, Arc<Config>), CommandError>;
    /// Runs `job` on the control thread, where waiting for a disk is allowed.
    fn run(&self, job: Box<dyn FnOnce() + Send>);
    /// Starts an orderly shutdown, or says why not. When it succeeds the cores are told to stop.
    fn shutdown(&self, options: Shutdown) -> Result<(), CommandError>;
}
