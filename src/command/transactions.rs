//! MULTI, EXEC, DISCARD, WATCH, UNWATCH: state checks here, the queue and the fences in `conn`.

use super::ctx::{Flow, HomeCtx};
use crate::resp::{Args, CommandError};

type Result = std::result::Result<Flow, CommandError>;

/// Opens a transaction.
pub fn multi(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    match cx.session.transaction {
        Some(_) => Err(CommandError::MULTI_NESTED),
        None => Ok(Flow::Multi),
    }
}

/// Runs the queue.
pub fn exec(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    match cx.session.transaction {
        Some(_) => Ok(Flow::Exec),
        None => Err(CommandError::EXEC_WITHOUT_MULTI),
    }
}

/// Forgets the queue and the watched keys.
pub fn discard(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    match cx.session.transaction {
        Some(_) => Ok(Flow::Discard),
        None => Err(CommandError::DISCARD_WITHOUT_MULTI),
    }
}

/// Makes EXEC depend on these keys being left alone.
pub fn watch(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    match cx.session.transaction {
        Some(_) => Err(CommandError::WATCH_IN_MULTI),
        None => Ok(Flow::Watch),
    }
}

/// Forgets all watched keys.
pub fn unwatch(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    Ok(Flow::Unwatch)
}
