//! XADD's IDMP and IDMPAUTO, XCFGSET, XIDMPRECORD: what producers send again is not added again.
//!
//! A producer names what it sends, or is content with a name that follows from fields and values, in whatever order they
//! come. What is remembered is told to others with XIDMPRECORD behind the XADD, which has its exact id then. That something
//! was sent again changes nothing but a counter, so nobody is told.

use std::ops::Range;

use super::{Result, ids, parse_integer};
use crate::command::ctx::{Ctx, Flow};
use crate::config::Config;
use crate::resp::{Args, CommandError};
use crate::types::stream::{Memory, Stream};
use xxhash_rust::xxh3::Xxh3;

/// Who sends an entry, and what that producer calls it.
pub(super) struct Origin {
    /// The producer.
    pub(super) producer: Vec<u8>,
    id: Name,
    /// The arguments that say so.
    pub(super) at: Range<usize>,
}

enum Name {
    Given(Vec<u8>),
    /// It follows from the entry.
    Auto,
}

impl Origin {
    /// `IDMP producer id` or `IDMPAUTO producer` at this argument, if that is there.
    pub(super) fn parse(args: Args<'_>, at: usize) -> Result<Option<Origin>> {
        let producer = || args.arg(at + 1).to_vec();
        Ok(if args.is(at, "idmp") && at + 2 < args.len() {
            Some(Origin {
                producer: producer(),
                id: Name::Given(args.arg(at + 2).to_vec()),
                at: at..at + 3,
            })
        } else if args.is(at, "idmpauto") && at + 1 < args.len() {
            Some(Origin {
                producer: producer(),
                id: Name::Auto,
                at: at..at + 2,
            })
        } else {
            None
        })
    }

    /// Names may not be empty.
    pub(super) fn check(&self) -> Result<()> {
        match &self.id {
            Name::Auto if self.producer.is_empty() => Err(CommandError::IDMPAUTO_NO_PRODUCER),
            Name::Given(_) if self.producer.is_empty() => Err(CommandError::IDMP_NO_PRODUCER),
            Name::Given(id) if id.is_empty() => Err(CommandError::IDMP_NO_ID),
            Name::Auto | Name::Given(_) => Ok(()),
        }
    }

    /// What the producer calls an entry of these fields and values.
    pub(super) fn id_of(&self, pairs: Args<'_>) -> Vec<u8> {
        match &self.id {
            Name::Given(id) => id.clone(),
            Name::Auto => content(pairs).to_vec(),
        }
    }
}

/// A name that entries with the same pairs have, in whatever order they come: the sum of the hashes of the pairs.
fn content(pairs: Args<'_>) -> [u8; 16] {
    let mut sum = 0_u128;
    for at in (0..pairs.len()).step_by(2) {
        let (field, value) = (pairs.arg(at), pairs.arg(at + 1));
        let mut hash = Xxh3::new();
        hash.update(&(field.len() as u64).to_le_bytes());
        hash.update(field);
        hash.update(value);
        sum = sum.wrapping_add(hash.digest128());
    }
    sum.to_be_bytes()
}

/// How much a stream remembers that was not told.
pub(super) fn memory(config: &Config) -> Memory {
    Memory {
        duration_s: u64::try_from(config.stream_idmp_duration).unwrap_or(1),
        entries_max: u64::try_from(config.stream_idmp_maxsize).unwrap_or(1),
    }
}

/// Says how much a stream remembers of what producers have sent. What it had so far it forgets.
pub fn xcfgset(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (mut duration, mut entries) = (None, None);
    let mut i = 2;
    while i < args.len() {
        let is_last = i + 1 == args.len();
        if !is_last && args.is(i, "idmp-duration") {
            if duration.is_some() {
                return Err(CommandError::XCFGSET_DURATION_TWICE);
            }
            let seconds = parse_integer(args.arg(i + 1))?;
            let seconds = u64::try_from(seconds).unwrap_or(0);
            duration = Some(within(
                seconds,
                DURATION_S_MAX,
                CommandError::XCFGSET_DURATION,
            )?);
        } else if !is_last && args.is(i, "idmp-maxsize") {
            if entries.is_some() {
                return Err(CommandError::XCFGSET_MAXSIZE_TWICE);
            }
            let max = u64::try_from(parse_integer(args.arg(i + 1))?).unwrap_or(0);
            entries = Some(within(max, ENTRIES_MAX, CommandError::XCFGSET_MAXSIZE)?);
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 2;
    }
    if duration.is_none() && entries.is_none() {
        return Err(CommandError::XCFGSET_NOTHING);
    }
    let key = args.arg(1);
    let unsaid = memory(cx.config);
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let producers = stream.producers_mut(unsaid);
        let before = producers.remembers();
        producers.remember(Memory {
            duration_s: duration.unwrap_or(before.duration_s),
            entries_max: entries.unwrap_or(before.entries_max),
        });
        (producers.remembers(), 1)
    })?;
    let memory = edited.ok_or(CommandError::NO_SUCH_KEY)?.result;
    cx.dirty += 1;
    if cx.propagates() {
        // Settings of the server may be others elsewhere.
        let (duration, entries) = (
            memory.duration_s.to_string(),
            memory.entries_max.to_string(),
        );
        cx.propagate(&[
            b"XCFGSET",
            key,
            b"IDMP-DURATION",
            duration.as_bytes(),
            b"IDMP-MAXSIZE",
            entries.as_bytes(),
        ]);
    }
    cx.reply.ok();
    Ok(Flow::Done)
}

fn within(value: u64, max: u64, error: CommandError) -> Result<u64> {
    match value {
        1.. if value <= max => Ok(value),
        _ => Err(error),
    }
}

const DURATION_S_MAX: u64 = 86_400;
const ENTRIES_MAX: u64 = 10_000;

/// Notes what a producer calls an entry. For files and replicas.
pub fn xidmprecord(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let (key, producer, own) = (args.arg(1), args.arg(2), args.arg(3));
    let id = ids::parse(args.arg(4), 0)?;
    if producer.is_empty() {
        return Err(CommandError::IDMP_RECORD_NO_PRODUCER);
    }
    if own.is_empty() {
        return Err(CommandError::IDMP_RECORD_NO_ID);
    }
    let unsaid = memory(cx.config);
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        if !stream.log().contains(id) {
            return (Err(CommandError::IDMP_RECORD_NO_ENTRY), 0);
        }
        let producers = stream.producers_mut(unsaid);
        match producers.peek(producer, own) {
            Some(known) if known != id => (Err(CommandError::IDMP_RECORD_OTHER), 0),
            Some(_) => (Ok(false), 0),
            None => {
                producers.note(producer, own, id);
                producers.added += 1;
                (Ok(true), 1)
            }
        }
    })?;
    let is_new = edited.ok_or(CommandError::NO_SUCH_KEY)?.result?;
    cx.dirty += u64::from(is_new);
    cx.reply.ok();
    Ok(Flow::Done)
}
