//! WAIT, WAITAOF: until replicas, or the disk, have this client's writes.
//!
//! There are no replicas yet, so whoever waits for one waits until its time is up.

use super::Result;
use crate::base::{Millis, parse_i64};
use crate::command::ctx::{AwaitDisk, Flow, HomeCtx};
use crate::resp::{Args, CommandError};

/// Waits until so many replicas have the writes. Replies how many have.
pub fn wait(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let wait = check_wait(args, cx.now.ms)?;
    if wait.replicas > 0 {
        return Ok(Flow::AwaitDisk(wait));
    }
    cx.reply.integer(0);
    Ok(Flow::Done)
}

/// Waits until the local append-only file, and so many replicas', have the writes on the disk. Replies for how many that
/// is so.
pub fn waitaof(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let wait = check_waitaof(args, cx.now.ms, cx.config.appendonly)?;
    Ok(Flow::AwaitDisk(wait))
}

fn check_wait(args: Args<'_>, now: Millis) -> std::result::Result<AwaitDisk, CommandError> {
    let replicas = parse_i64(args.arg(1)).ok_or(CommandError::NOT_INTEGER)?;
    Ok(AwaitDisk {
        only_replicas: true,
        local: false,
        replicas,
        deadline: parse_deadline(args.arg(2), now)?,
    })
}

fn check_waitaof(
    args: Args<'_>,
    now: Millis,
    has_file: bool,
) -> std::result::Result<AwaitDisk, CommandError> {
    let local = parse_i64(args.arg(1)).ok_or(CommandError::NOT_INTEGER)?;
    if !(0..=1).contains(&local) {
        return Err(CommandError::not_between(0, 1));
    }
    let replicas = parse_i64(args.arg(2)).ok_or(CommandError::NOT_INTEGER)?;
    if replicas < 0 {
        return Err(CommandError::NOT_POSITIVE);
    }
    let deadline = parse_deadline(args.arg(3), now)?;
    if local == 1 && !has_file {
        return Err(CommandError::WAITAOF_NO_AOF);
    }
    Ok(AwaitDisk {
        only_replicas: false,
        local: local == 1,
        replicas,
        deadline,
    })
}

/// The end of a timeout in milliseconds; `None` for 0, which waits for ever.
fn parse_deadline(text: &[u8], now: Millis) -> std::result::Result<Option<Millis>, CommandError> {
    let timeout_ms = parse_i64(text).ok_or(CommandError::TIMEOUT_NOT_INTEGER)?;
    if timeout_ms < 0 {
        return Err(CommandError::TIMEOUT_NEGATIVE);
    }
    let deadline = now
        .checked_add(timeout_ms)
        .ok_or(CommandError::TIMEOUT_OUT_OF_RANGE)?;
    Ok((timeout_ms > 0).then_some(deadline))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    #[test]
    fn arguments_are_checked_in_order() {
        let now = Millis(1_700_000_000_000);
        let text = |line: &str| {
            let args: OwnedArgs = line.split(' ').collect();
            let checked = match args.as_args().is(0, "WAIT") {
                true => check_wait(args.as_args(), now).map(|_| ()),
                false => check_waitaof(args.as_args(), now, false).map(|_| ()),
            };
            checked.map_or_else(|error| error.to_string(), |()| "fine".to_owned())
        };
        for (line, expected) in [
            ("WAIT 1 0", "fine"),
            ("WAIT -1 10", "fine"),
            ("WAIT x y", "ERR value is not an integer or out of range"),
            ("WAIT 1 y", "ERR timeout is not an integer or out of range"),
            ("WAIT 1 -1", "ERR timeout is negative"),
            ("WAIT 1 9223372036854775807", "ERR timeout is out of range"),
            ("WAITAOF 0 0 0", "fine"),
            (
                "WAITAOF 2 0 0",
                "ERR value is out of range, value must between 0 and 1",
            ),
            (
                "WAITAOF 0 -1 0",
                "ERR value is out of range, must be positive",
            ),
            ("WAITAOF 1 0 -1", "ERR timeout is negative"),
            (
                "WAITAOF 1 0 0",
                "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
            ),
        ] {
            assert_eq!(text(line), expected, "{line}");
        }
    }
}
