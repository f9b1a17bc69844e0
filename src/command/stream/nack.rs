//! XNACK: entries that a consumer cannot deal with are pending for nobody, and whoever claims some gets them first.

use super::{Result, ids, parse_integer};
use crate::base::{Millis, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::resp::{Args, CommandError};
use crate::types::stream::{Group, Log, Pending, Stream, StreamId};

/// What becomes of the number of deliveries.
#[derive(Clone, Copy)]
enum Mode {
    /// As if the last had not been.
    Silent,
    /// It stays.
    Fail,
    /// It says that the entry will never do.
    Fatal,
}

struct Options {
    mode: Mode,
    ids: Vec<StreamId>,
    deliveries: Option<i64>,
    /// Entries that are not pending become so.
    force: bool,
}

/// Gives pending entries back. Replies how many.
pub fn xnack(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, name) = (args.arg(1), args.arg(2));
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let count = stream.with_group(name, |log, group| {
            let options = parse(args)?;
            let nack = |id: &&StreamId| options.give_back(log, group, **id);
            Ok(options.ids.iter().filter(nack).count() as u64)
        });
        // Somebody may wait for just these.
        let changes = count.as_ref().and_then(|it| it.as_ref().ok().copied());
        (count, changes.unwrap_or(0))
    })?;
    let count = edited.and_then(|edited| edited.result);
    let count = count.ok_or_else(|| CommandError::no_key_or_group(key, name))??;
    cx.dirty += count;
    cx.reply.integer(count.cast_signed());
    Ok(Flow::Done)
}

impl Options {
    fn give_back(&self, log: &Log, group: &mut Group, id: StreamId) -> bool {
        let before = match group.pending(id) {
            Some(pending) => match self.mode {
                Mode::Silent => pending.deliveries.saturating_sub(1).max(0),
                Mode::Fail => pending.deliveries,
                Mode::Fatal => i64::MAX,
            },
            None if self.force && log.contains(id) => match self.mode {
                Mode::Silent | Mode::Fail => 0,
                Mode::Fatal => i64::MAX,
            },
            None => return false,
        };
        let pending = Pending {
            consumer: None,
            delivered: Millis(0),
            deliveries: self.deliveries.unwrap_or(before),
        };
        group.assign(id, pending);
        true
    }
}

/// `<SILENT|FAIL|FATAL> IDS numids id [id ...] [RETRYCOUNT count] [FORCE]`
fn parse(args: Args<'_>) -> Result<Options> {
    let mode = [
        ("silent", Mode::Silent),
        ("fail", Mode::Fail),
        ("fatal", Mode::Fatal),
    ];
    let mode = mode.into_iter().find(|(name, _)| args.is(3, name));
    let (_, mode) = mode.ok_or(CommandError::XNACK_MODE)?;
    let mut options = Options {
        mode,
        ids: Vec::new(),
        deliveries: None,
        force: false,
    };
    let mut i = 4;
    while i < args.len() {
        let is_last = i + 1 == args.len();
        if !is_last && args.is(i, "ids") {
            let count = parse_i64(args.arg(i + 1)).filter(|count| (1..=IDS_MAX).contains(count));
            let count = count.and_then(|count| usize::try_from(count).ok());
            let count = count.ok_or(CommandError::XNACK_NUMIDS)?;
            i += 2;
            if args.len() - i < count {
                return Err(CommandError::XNACK_NUMIDS_MATCH);
            }
            options.ids = ids::parse_all(args.from(i).first(count).iter())?;
            i += count;
        } else if !is_last && args.is(i, "retrycount") {
            let count = parse_integer(args.arg(i + 1))?;
            if count < 0 {
                return Err(CommandError::XNACK_RETRYCOUNT);
            }
            options.deliveries = Some(count);
            i += 2;
        } else if args.is(i, "force") {
            options.force = true;
            i += 1;
        } else {
            return Err(CommandError::xnack_option(args.arg(i)));
        }
    }
    if options.ids.is_empty() {
        return Err(CommandError::XNACK_NO_IDS);
    }
    Ok(options)
}

/// Redis counts them in an int.
const IDS_MAX: i64 = i32::MAX as i64;
