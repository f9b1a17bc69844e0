//! CLUSTER, READONLY, READWRITE, ASKING without a cluster: all are refused. Clients ask with these whether there is one.

use super::ctx::{Ctx, Flow, HomeCtx};
use crate::resp::{Args, CommandError};

/// The reply of a command that would run at its client's core.
pub fn refused(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result<Flow, CommandError> {
    Err(CommandError::CLUSTER_DISABLED)
}

/// The reply of a command that would run at the shard of a slot.
pub fn refused_at_owner(_: &mut Ctx<'_>, _: Args<'_>) -> Result<Flow, CommandError> {
    Err(CommandError::CLUSTER_DISABLED)
}
