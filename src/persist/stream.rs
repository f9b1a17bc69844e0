//! Streams in payloads.
//!
//! ```text
//! count of nodes, (16 bytes id, listpack) ..
//! length, last id, [first id, greatest deleted id, entries added]              [..] since version 2
//! count of groups, groups:
//!     name, last id, [entries read, all ones if unknown]
//!     count of pending, (16 bytes id, time delivered i64, deliveries) ..
//!     count of consumers, (name, time seen i64, [[time active i64]], count of pending, 16 bytes id ..) ..
//!     {count of entries given back, 16 bytes id ..}                              {..} type 27
//! (seconds, entries that are remembered of a producer, count of producers,       (..) since type 26
//!     (name, count of entries, (the producer's id, id) ..) ..
//!     entries added, duplicates)
//! ```
//!
//! Ids are two lengths but where they are 16 bytes, big end first. `[[..]]` is there since version 3, type 21; 19 is version
//! 2, 15 the first. Files get a 19, so that Redis 7.0 reads them; 26 and 27 are written only if there are producers, or
//! entries that were given back.
//!
//! Before a 19 that does not say all stands a fact of its own, which other servers pass over: the times active of all
//! consumers, in the order of the record, `=` where that is the time seen and -1 if there is none; `,` between consumers,
//! `;` between groups.
//!
//! ```text
//! AUX "tessera-stream-active" "1700000000000,-1;=,=,-1"
//! ```

use super::object::kind;
use super::rdb::AUX;
use super::string_payload::{Reader, write_len, write_string};
use crate::base::{Map, Millis, parse_i64};
use crate::types::Listpack;
use crate::types::stream::{
    Consumer, ConsumerId, Group, GroupPart, GroupPlace, Memory, Node, Pending, Producers, Stream,
    StreamId,
};

/// Entries read, if nobody knows how many.
const UNKNOWN: u64 = u64::MAX;

/// The oldest type since the third that holds all of a stream.
pub(super) fn kind(stream: &Stream) -> u8 {
    let mut groups = stream.groups();
    if groups.any(|(_, group)| group.given_back() > 0) {
        kind::STREAM_5
    } else if stream.producers().is_some() {
        kind::STREAM_4
    } else {
        kind::STREAM_3
    }
}

/// The oldest type of all that holds all of a stream, but for what [`write_active`] says: before the third there was one
/// time a consumer.
pub(super) fn oldest_kind(stream: &Stream) -> u8 {
    match kind(stream) {
        kind::STREAM_3 => kind::STREAM_2,
        kind => kind,
    }
}

/// The name of the fact that says when consumers were active.
pub(super) const ACTIVE: &[u8] = b"tessera-stream-active";

/// Whether the one time that a consumer has in older types says all.
fn is_told(consumer: &Consumer) -> bool {
    consumer.active == Some(consumer.seen)
}

/// Whether a record of [`oldest_kind`] does not say all.
pub(super) fn has_active(stream: &Stream) -> bool {
    let mut groups = stream.groups();
    oldest_kind(stream) == kind::STREAM_2
        && !groups.all(|(_, group)| group.consumers().all(is_told))
}

/// Appends what a record of [`oldest_kind`] does not say, if there is such a thing; the record follows.
pub(super) fn write_active(out: &mut Vec<u8>, stream: &Stream, compress: bool) {
    if !has_active(stream) {
        return;
    }
    let mut text = String::new();
    for (at, (_, group)) in stream.groups().enumerate() {
        if at > 0 {
            text.push(';');
        }
        for (at, consumer) in group.consumers().enumerate() {
            if at > 0 {
                text.push(',');
            }
            match consumer.active {
                _ if is_told(consumer) => text.push('='),
                active => text.push_str(&active.map_or(-1, |at| at.0).to_string()),
            }
        }
    }
    out.push(AUX);
    write_string(out, ACTIVE, false);
    write_string(out, text.as_bytes(), compress);
}

/// Does what such a fact says. One that does not fit the stream changes nothing.
pub(super) fn set_active(stream: &mut Stream, text: &[u8]) {
    let groups = || text.split(|byte| *byte == b';');
    let fits = groups().count() == stream.groups().len()
        && stream.groups().zip(groups()).all(|((_, group), times)| {
            times_of(times).count() == group.consumers().len()
                && times_of(times).all(|time| time != Told::Damaged)
        });
    if !fits {
        return;
    }
    let names: Vec<Vec<u8>> = stream.groups().map(|(name, _)| name.to_vec()).collect();
    for (name, times) in names.iter().zip(groups()) {
        stream.with_group(name, |_, group| {
            let consumers: Vec<_> = group.consumer_ids().collect();
            for (consumer, time) in consumers.into_iter().zip(times_of(times)) {
                if let Told::Active(active) = time {
                    group.consumer_mut(consumer).active = active;
                }
            }
        });
    }
}

/// What the fact says of a consumer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    AsSeen,
    Active(Option<Millis>),
    Damaged,
}

/// The times of the consumers of one group.
fn times_of(text: &[u8]) -> impl Iterator<Item = Told> {
    let words = text.split(|byte| *byte == b',');
    words.filter(|_| !text.is_empty()).map(|word| match word {
        b"=" => Told::AsSeen,
        b"-1" => Told::Active(None),
        digits => parse_i64(digits).map_or(Told::Damaged, |at| Told::Active(Some(Millis(at)))),
    })
}

/// Appends type number and stream, as of this type.
pub(super) fn write(out: &mut Vec<u8>, stream: &Stream, kind: u8, compress: bool) {
    let log = stream.log();
    out.push(kind);
    let nodes = log.nodes();
    write_len(out, nodes.len() as u64);
    for (id, node) in nodes {
        write_string(out, &id.to_bytes(), compress);
        write_string(out, node.as_bytes(), compress);
    }
    write_middle(out, stream);
    for (name, group) in stream.groups() {
        write_group(out, name, group, compress);
        group.visit_parts(GroupPlace::Start, usize::MAX, |part| {
            write_part(out, part, kind, compress);
        });
    }
    write_tail(out, stream, kind, compress);
}

/// What stands between the nodes and the groups.
pub(super) fn write_middle(out: &mut Vec<u8>, stream: &Stream) {
    let log = stream.log();
    write_len(out, log.len());
    for id in [log.last_id(), log.first_id(), log.max_deleted_id()] {
        write_id(out, id);
    }
    write_len(out, log.entries_added());
    write_len(out, stream.groups().len() as u64);
}

/// What stands behind the groups.
pub(super) fn write_tail(out: &mut Vec<u8>, stream: &Stream, kind: u8, compress: bool) {
    if kind >= kind::STREAM_4 {
        write_producers(out, stream.producers(), compress);
    }
}

fn write_producers(out: &mut Vec<u8>, producers: Option<&Producers>, compress: bool) {
    let Some(producers) = producers else {
        // Reads as if there had never been any.
        return out.extend_from_slice(&[0; 5]);
    };
    let memory = producers.remembers();
    write_len(out, memory.duration_s);
    write_len(out, memory.entries_max);
    let (added, duplicates) = (producers.added, producers.duplicates);
    let producers = producers.iter();
    write_len(out, producers.len() as u64);
    for (name, entries) in producers {
        write_string(out, name, compress);
        write_len(out, entries.len() as u64);
        for (id, entry) in entries {
            write_string(out, id, compress);
            write_id(out, entry);
        }
    }
    write_len(out, added);
    write_len(out, duplicates);
}

/// A group, before its parts.
pub(super) fn write_group(out: &mut Vec<u8>, name: &[u8], group: &Group, compress: bool) {
    write_string(out, name, compress);
    write_id(out, group.last_id);
    write_len(out, group.entries_read.unwrap_or(UNKNOWN));
}

/// A part of a group.
pub(super) fn write_part(out: &mut Vec<u8>, part: GroupPart<'_>, kind: u8, compress: bool) {
    match part {
        GroupPart::PendingCount(count) | GroupPart::ConsumerCount(count) => {
            write_len(out, count as u64);
        }
        GroupPart::Pending(id, pending) => {
            out.extend_from_slice(&id.to_bytes());
            out.extend_from_slice(&pending.delivered.0.to_le_bytes());
            write_len(out, pending.deliveries.cast_unsigned());
        }
        GroupPart::Consumer(consumer) => {
            write_string(out, &consumer.name, compress);
            out.extend_from_slice(&consumer.seen.0.to_le_bytes());
            if kind >= kind::STREAM_3 {
                let active = consumer.active.map_or(-1, |at| at.0);
                out.extend_from_slice(&active.to_le_bytes());
            }
            write_len(out, consumer.pending_len() as u64);
        }
        GroupPart::GivenBackCount(count) if kind >= kind::STREAM_5 => {
            write_len(out, count as u64);
        }
        // There are none where the type does not have them.
        GroupPart::GivenBackCount(_) => {}
        GroupPart::Id(id) => out.extend_from_slice(&id.to_bytes()),
    }
}

fn write_id(out: &mut Vec<u8>, id: StreamId) {
    write_len(out, id.ms);
    write_len(out, id.seq);
}

pub(super) fn read(reader: &mut Reader<'_>, kind: u8) -> Option<Stream> {
    let mut stream = Stream::new();
    let mut last = None;
    for _ in 0..reader.len().ok()? {
        let id = reader.string().ok()?.into_vec();
        let id = StreamId::from_bytes(id.try_into().ok()?);
        let pack = Listpack::from_bytes(reader.string().ok()?.into_vec())?;
        if last.is_some_and(|last| last >= id)
            || !stream.log_mut().push_node(id, Node::from_listpack(pack)?)
        {
            return None;
        }
        last = Some(id);
    }
    let len = reader.len().ok()?;
    let last_id = read_id(reader)?;
    let is_right =
        len == stream.log().len() && stream.log().last_entry_id().is_none_or(|id| id <= last_id);
    if !is_right {
        return None;
    }
    let (mut added, mut max_deleted) = (len, StreamId::MIN);
    if kind != kind::STREAM_1 {
        // The first id follows from the entries.
        read_id(reader)?;
        max_deleted = read_id(reader)?;
        added = reader.len().ok()?;
    }
    stream
        .log_mut()
        .set_ids(last_id, Some(added), Some(max_deleted));
    let groups = reader.len().ok()?;
    for _ in 0..groups {
        let name = reader.string().ok()?.into_vec();
        let last_id = read_id(reader)?;
        let entries_read = match kind {
            kind::STREAM_1 => stream.log().distance_to(last_id),
            _ => Some(reader.len().ok()?).filter(|&read| read != UNKNOWN),
        };
        let mut group = Group::new(last_id, entries_read);
        read_group(reader, kind, &mut group)?;
        if !stream.create_group(&name, group) {
            return None;
        }
    }
    if kind >= kind::STREAM_4
        && let Some(producers) = read_producers(reader)?
    {
        stream.set_producers(producers);
    }
    Some(stream)
}

/// What producers have sent; `None` within if nothing is to be remembered.
fn read_producers(reader: &mut Reader<'_>) -> Option<Option<Producers>> {
    let memory = Memory {
        duration_s: reader.len().ok()?,
        entries_max: reader.len().ok()?,
    };
    let mut producers = Producers::new(memory);
    for _ in 0..reader.len().ok()? {
        let name = reader.string().ok()?.into_vec();
        let mut last = None;
        for _ in 0..reader.len().ok()? {
            let id = reader.string().ok()?.into_vec();
            let entry = read_id(reader)?;
            // The oldest first, or others would be forgotten than were.
            if last.is_some_and(|last| last > entry) || producers.peek(&name, &id).is_some() {
                return None;
            }
            producers.note(&name, &id, entry);
            last = Some(entry);
        }
    }
    producers.added = reader.len().ok()?;
    producers.duplicates = reader.len().ok()?;
    Some((memory.duration_s > 0 && memory.entries_max > 0).then_some(producers))
}

fn read_group(reader: &mut Reader<'_>, kind: u8, group: &mut Group) -> Option<()> {
    let mut pending = Map::default();
    for _ in 0..reader.len().ok()? {
        let id = StreamId::from_bytes(reader.array().ok()?).to_bytes();
        let delivered = Millis(i64::from_le_bytes(reader.array().ok()?));
        let deliveries = reader.len().ok()?.cast_signed();
        if pending.insert(id, (delivered, deliveries)).is_some() {
            return None;
        }
    }
    for _ in 0..reader.len().ok()? {
        let name = reader.string().ok()?.into_vec();
        let seen = Millis(i64::from_le_bytes(reader.array().ok()?));
        let active = match kind {
            kind::STREAM_3..=kind::STREAM_5 => match i64::from_le_bytes(reader.array().ok()?) {
                -1 => None,
                at => Some(Millis(at)),
            },
            _ => Some(seen),
        };
        let (number, is_new) = group.find_or_create(&name, seen);
        if !is_new {
            return None;
        }
        group.consumer_mut(number).active = active;
        for _ in 0..reader.len().ok()? {
            let id = reader.array::<16>().ok()?;
            let (delivered, deliveries) = pending.remove(&id)?;
            group.assign(
                StreamId::from_bytes(id),
                entry_of(Some(number), delivered, deliveries),
            );
        }
    }
    if kind >= kind::STREAM_5 {
        for _ in 0..reader.len().ok()? {
            let id = reader.array::<16>().ok()?;
            let (delivered, deliveries) = pending.remove(&id)?;
            group.assign(
                StreamId::from_bytes(id),
                entry_of(None, delivered, deliveries),
            );
        }
    }
    // What is pending is so for somebody, or was given back.
    pending.is_empty().then_some(())
}

fn entry_of(consumer: Option<ConsumerId>, delivered: Millis, deliveries: i64) -> Pending {
    Pending {
        consumer,
        delivered,
        deliveries,
    }
}

fn read_id(reader: &mut Reader<'_>) -> Option<StreamId> {
    Some(StreamId::new(reader.len().ok()?, reader.len().ok()?))
}
