//! XADD and XTRIM: entries come, and the oldest go.

use super::producers::{self, Origin};
use super::{Result, ids, node_limits, parse_integer, reply_id};
use crate::base::{I64Buf, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::config::{Config, KeyspaceEvents};
use crate::resp::{Args, CommandError};
use crate::types::stream::{ENTRY_BYTES_MAX, Keep, NewId, References, Stream, StreamId, Trim};

/// What XADD and XTRIM are told.
struct Options {
    /// Of the new entry.
    id: NewId,
    /// XADD: where the id is.
    id_at: usize,
    make_stream: bool,
    trim: Option<Trim>,
    references: References,
    /// XADD: what the producer calls the entry, if it says so.
    origin: Option<Origin>,
}

/// Adds an entry, and perhaps drops old ones. Replies its id, or null if the stream was not to be made; what its producer
/// has sent before is not added again, and the id is that of then.
pub fn xadd(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = parse(args, true, cx)?;
    let pairs = args.from(options.id_at + 1);
    if pairs.len() < 2 || !pairs.len().is_multiple_of(2) {
        return Err(CommandError::wrong_arity("xadd"));
    }
    if options.id == NewId::Exact(StreamId::MIN) {
        return Err(CommandError::XADD_ZERO);
    }
    let key = args.arg(1);
    let limits = node_limits(cx.config);
    let (now, memory) = (cx.now, producers::memory(cx.config));
    let own = |origin: &Origin| origin.id_of(pairs);
    let id_of_origin = options.origin.as_ref().map(own);
    let origin = options.origin.as_ref().zip(id_of_origin.as_deref());
    let origin = origin.map(|(origin, id)| (&origin.producer[..], id));
    let add = |stream: &mut Stream| -> (Result<Added>, u64) {
        if let Some((producer, id)) = origin
            && let Some(known) = stream.producers_mut(memory).take_again(producer, id, now)
        {
            return (Ok(Added::Before(known)), 0);
        }
        let log = stream.log_mut();
        if log.last_id() == StreamId::MAX {
            return (Err(CommandError::XADD_EXHAUSTED), 0);
        }
        let Some(id) = log.new_id(options.id) else {
            return (Err(CommandError::XADD_SMALLER), 0);
        };
        if pairs.total_len() > ENTRY_BYTES_MAX {
            return (Err(CommandError::XADD_TOO_LARGE), 0);
        }
        log.append(id, pairs.iter(), limits);
        let trimmed = Trimmed::new(stream, options.trim, options.references);
        let mut is_noted = false;
        if let Some((producer, own)) = origin
            && stream.log().contains(id)
        {
            let producers = stream.producers_mut(memory);
            producers.note(producer, own, id);
            producers.added += 1;
            producers.tidy(now);
            is_noted = true;
        }
        (Ok(Added::Now(id, trimmed, is_noted)), 1)
    };
    let edited = match options.make_stream {
        true => Some(cx.db.upsert(key, Stream::new, add)?),
        false => cx.db.modify(key, add)?,
    };
    let Some(edited) = edited else {
        cx.reply.null();
        return Ok(Flow::Done);
    };
    let (id, trimmed, is_noted) = match edited.result? {
        Added::Now(id, trimmed, is_noted) => (id, trimmed, is_noted),
        Added::Before(id) => {
            reply_id(&mut cx.reply, id);
            return Ok(Flow::Done);
        }
    };
    cx.notify(KeyspaceEvents::STREAM, "xadd", key);
    if trimmed.count > 0 {
        cx.notify(KeyspaceEvents::STREAM, "xtrim", key);
    }
    cx.dirty += 1;
    propagate_xadd(cx, args, &options, id, trimmed);
    if let Some((producer, own)) = origin.filter(|_| is_noted && cx.propagates()) {
        let entry = id.text();
        cx.propagate(&[b"XIDMPRECORD", key, producer, own, entry.as_bytes()]);
    }
    reply_id(&mut cx.reply, id);
    Ok(Flow::Done)
}

/// What became of an entry that was to be added.
enum Added {
    /// It was; whether its producer's name for it is remembered.
    Now(StreamId, Trimmed, bool),
    /// It had been before, as this one.
    Before(StreamId),
}

/// Drops the oldest entries. Replies how many.
pub fn xtrim(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let options = parse(args, false, cx)?;
    let key = args.arg(1);
    let edited = cx.db.modify(key, |stream: &mut Stream| {
        let trimmed = Trimmed::new(stream, options.trim, options.references);
        (trimmed, trimmed.count)
    })?;
    let trimmed = edited.map(|edited| edited.result).unwrap_or_default();
    if trimmed.count > 0 {
        if let Some(exactly) = trimmed.exactly(&options).filter(|_| cx.propagates()) {
            let mut words: Vec<&[u8]> = vec![b"XTRIM", key];
            exactly.push_to(&mut words);
            cx.propagate(&words);
        }
        cx.notify(KeyspaceEvents::STREAM, "xtrim", key);
        cx.dirty += trimmed.count;
    }
    cx.reply.integer(trimmed.count as i64);
    Ok(Flow::Done)
}

/// What trimming has done.
#[derive(Clone, Copy, Default)]
struct Trimmed {
    count: u64,
    /// Entries left.
    len: u64,
    /// The first of them.
    first: StreamId,
    /// The last that went, where groups had a say.
    last_gone: Option<StreamId>,
}

impl Trimmed {
    fn new(stream: &mut Stream, trim: Option<Trim>, references: References) -> Trimmed {
        let (count, last_gone) = match trim {
            None => (0, None),
            Some(trim) if references == References::Respect => stream.trim_acked(trim),
            Some(trim) => (stream.trim(trim, references), None),
        };
        let log = stream.log();
        Trimmed {
            count,
            len: log.len(),
            first: log.first_id(),
            last_gone,
        }
    }

    /// Options that trim as much elsewhere, wherever nodes begin; `None` if those that were given do.
    fn exactly(&self, options: &Options) -> Option<Exactly> {
        let trim = options.trim?;
        let is_respectful = options.references == References::Respect;
        if !trim.approximate && !is_respectful {
            return None;
        }
        let (what, threshold) = match (self.last_gone.and_then(StreamId::next), trim.keep) {
            // Others before it may have stayed: all that could go did.
            (Some(id), _) => (&b"MINID"[..], Threshold::Id(id)),
            (None, Keep::From(_)) if self.len > 0 => (&b"MINID"[..], Threshold::Id(self.first)),
            (None, _) => (&b"MAXLEN"[..], Threshold::Len(self.len)),
        };
        Some(Exactly {
            what,
            threshold: match threshold {
                Threshold::Id(id) => id.text().as_bytes().to_vec(),
                Threshold::Len(len) => I64Buf::unsigned(len).as_bytes().to_vec(),
            },
            references: match options.references {
                References::Delete => Some(b"DELREF"),
                References::Respect if self.last_gone.is_some() => Some(b"ACKED"),
                References::Respect | References::Keep => None,
            },
        })
    }
}

enum Threshold {
    Id(StreamId),
    Len(u64),
}

/// Options that trim to what was left.
struct Exactly {
    what: &'static [u8],
    threshold: Vec<u8>,
    references: Option<&'static [u8]>,
}

impl Exactly {
    fn push_to<'w>(&'w self, words: &mut Vec<&'w [u8]>) {
        words.extend(self.references);
        words.extend([self.what, b"=", &self.threshold]);
    }
}

/// The entry with its id, and what was trimmed exactly.
fn propagate_xadd(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    options: &Options,
    id: StreamId,
    trimmed: Trimmed,
) {
    if !cx.propagates() {
        return;
    }
    let exactly = trimmed.exactly(options);
    let mut words: Vec<&[u8]> = Vec::with_capacity(args.len() + 1);
    match &exactly {
        Some(exactly) => {
            words.extend([b"XADD", args.arg(1)]);
            // Not even the groups that had a say let any go.
            if trimmed.count > 0 || options.references != References::Respect {
                exactly.push_to(&mut words);
            }
        }
        None => {
            let head = args.first(options.id_at).iter().enumerate();
            let origin = options.origin.as_ref().map_or(0..0, |it| it.at.clone());
            words.extend(
                head.filter(|(at, _)| !origin.contains(at))
                    .map(|(_, word)| word),
            );
        }
    }
    let id = id.text();
    words.push(id.as_bytes());
    words.extend(args.from(options.id_at + 1));
    cx.propagate(&words);
}

fn parse(args: Args<'_>, add: bool, cx: &Ctx<'_>) -> Result<Options> {
    let mut id = NewId::Auto(u64::try_from(cx.now.0).unwrap_or(0));
    let mut make_stream = true;
    let mut references = References::Keep;
    let mut origin: Option<Origin> = None;
    let mut keep: Option<(Keep, bool)> = None;
    let mut limit = None;
    let mut i = 2;
    while i < args.len() {
        let is_last = i + 1 == args.len();
        if add && args.arg(i) == b"*" {
            break;
        } else if !is_last && (args.is(i, "maxlen") || args.is(i, "minid")) {
            if keep.is_some() {
                return Err(CommandError::TRIM_TWICE);
            }
            let is_length = args.is(i, "maxlen");
            let more = i + 2 < args.len();
            let approximate = more && args.arg(i + 1) == b"~";
            if approximate || (more && args.arg(i + 1) == b"=") {
                i += 1;
            }
            let threshold = args.arg(i + 1);
            let what = if is_length {
                let max = parse_integer(threshold)?;
                Keep::Newest(u64::try_from(max).map_err(|_| CommandError::TRIM_MAXLEN)?)
            } else {
                Keep::From(ids::parse(threshold, 0)?)
            };
            keep = Some((what, approximate));
            i += 1;
        } else if !is_last && args.is(i, "limit") {
            let max = parse_i64(args.arg(i + 1)).ok_or(CommandError::NOT_INTEGER)?;
            limit = Some(u64::try_from(max).map_err(|_| CommandError::TRIM_LIMIT)?);
            i += 1;
        } else if add && let Some(found) = Origin::parse(args, i)? {
            if origin.is_some() {
                return Err(CommandError::IDMP_TWICE);
            }
            found.check()?;
            i = found.at.end - 1;
            origin = Some(found);
        } else if add && args.is(i, "nomkstream") {
            make_stream = false;
        } else if let Some(found) = parse_references(args.arg(i)) {
            references = found;
        } else if add {
            id = ids::parse_new(args.arg(i))?;
            break;
        } else {
            return Err(CommandError::SYNTAX);
        }
        i += 1;
    }
    if origin.is_some() && !matches!(id, NewId::Auto(_)) {
        return Err(CommandError::IDMP_EXACT_ID);
    }
    if limit.is_some_and(|limit| limit != 0) && keep.is_none() {
        return Err(CommandError::TRIM_LIMIT_ALONE);
    }
    if !add && keep.is_none() {
        return Err(CommandError::TRIM_HOW);
    }
    let is_approximate = keep.is_some_and(|(_, approximate)| approximate);
    if limit.is_some() && !is_approximate {
        return Err(CommandError::TRIM_LIMIT_EXACT);
    }
    let limit = match is_approximate {
        true => limit.unwrap_or_else(|| default_limit(cx.config)),
        false => 0,
    };
    Ok(Options {
        id,
        id_at: i,
        make_stream,
        trim: keep.map(|(keep, approximate)| Trim {
            keep,
            approximate,
            limit,
        }),
        references,
        origin,
    })
}

/// What becomes of references to entries that go.
pub(super) fn parse_references(word: &[u8]) -> Option<References> {
    [
        ("KEEPREF", References::Keep),
        ("DELREF", References::Delete),
        ("ACKED", References::Respect),
    ]
    .into_iter()
    .find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
    .map(|(_, references)| references)
}

/// How many entries approximate trimming removes at most, if it is not told.
fn default_limit(config: &Config) -> u64 {
    match u64::try_from(config.stream_node_max_entries).unwrap_or(0) {
        0 => 10_000,
        entries => entries.saturating_mul(100).min(1_000_000),
    }
}
