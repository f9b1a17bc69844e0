//! Values as the commands that make them: what an append-only file without an RDB preamble begins with.
//!
//! Long values take several commands, of which none is long. What commands cannot say is lost: when consumers of a stream
//! were seen, how recently a key was used.

use crate::base::{I64Buf, Millis, write_f64};
use crate::keyspace::ValueRef;
use crate::types::stream::{Group, Log, Producers, Stream, StreamId};
use crate::types::{Collection, End, Hash, Item, List, Set, Zset};

/// Elements a command.
const ELEMENTS_MAX: usize = 64;

/// Appends a command as clients send it.
pub fn write_command(out: &mut Vec<u8>, words: &[&[u8]]) {
    head(out, b'*', words.len());
    words.iter().for_each(|word| bulk(out, word));
}

/// Appends the commands that make a key.
pub fn write_key(out: &mut Vec<u8>, key: &[u8], value: ValueRef<'_>, expire: Option<Millis>) {
    match value {
        ValueRef::Str(text) => {
            let mut digits = I64Buf::new(0);
            write_command(out, &[b"SET", key, text.text(&mut digits)]);
        }
        ValueRef::Collection(Collection::List(list)) => write_list(out, key, list),
        ValueRef::Collection(Collection::Set(set)) => write_set(out, key, set),
        ValueRef::Collection(Collection::Zset(zset)) => write_zset(out, key, zset),
        ValueRef::Collection(Collection::Hash(hash)) => write_hash(out, key, hash),
        ValueRef::Collection(Collection::Stream(stream)) => write_stream(out, key, stream),
    }
    if let Some(Millis(at)) = expire {
        write_command(out, &[b"PEXPIREAT", key, I64Buf::new(at).as_bytes()]);
    }
}

/// Commands that add a few elements at a time.
struct Adding<'a> {
    out: &'a mut Vec<u8>,
    name: &'static [u8],
    key: &'a [u8],
    /// Elements that no command has announced yet.
    left: usize,
    /// Of the command under way.
    open: usize,
    words: usize,
}

impl<'a> Adding<'a> {
    /// `count` elements, each of so many words.
    fn new(
        out: &'a mut Vec<u8>,
        name: &'static [u8],
        key: &'a [u8],
        count: usize,
        words: usize,
    ) -> Adding<'a> {
        Adding {
            out,
            name,
            key,
            left: count,
            open: 0,
            words,
        }
    }

    fn element(&mut self) -> &mut Vec<u8> {
        if self.open == 0 {
            self.open = self.left.min(ELEMENTS_MAX);
            self.left -= self.open;
            head(self.out, b'*', 2 + self.open * self.words);
            bulk(self.out, self.name);
            bulk(self.out, self.key);
        }
        self.open -= 1;
        self.out
    }
}

fn write_list(out: &mut Vec<u8>, key: &[u8], list: &List) {
    let mut adding = Adding::new(out, b"RPUSH", key, list.len(), 1);
    list.visit(End::Front, 0, |item| {
        text(adding.element(), item);
        true
    });
}

fn write_set(out: &mut Vec<u8>, key: &[u8], set: &Set) {
    let mut adding = Adding::new(out, b"SADD", key, set.len(), 1);
    set.for_each(|member| text(adding.element(), member));
}

fn write_zset(out: &mut Vec<u8>, key: &[u8], zset: &Zset) {
    let mut adding = Adding::new(out, b"ZADD", key, zset.len(), 2);
    let mut score = Vec::new();
    for (member, value) in zset.iter() {
        score.clear();
        write_f64(&mut score, value);
        let out = adding.element();
        bulk(out, &score);
        text(out, member);
    }
}

fn write_hash(out: &mut Vec<u8>, key: &[u8], hash: &Hash) {
    let (mut first, mut second) = (I64Buf::new(0), I64Buf::new(0));
    let mut adding = Adding::new(out, b"HSET", key, hash.len(), 2);
    hash.for_each(i64::MIN, |field| {
        let out = adding.element();
        bulk(out, field.name.text(&mut first));
        bulk(out, field.value.text(&mut second));
    });
    hash.for_each(i64::MIN, |field| {
        if let Some(at) = field.expiry {
            let (at, name) = (I64Buf::new(at), field.name.text(&mut first));
            write_command(
                out,
                &[b"HPEXPIREAT", key, at.as_bytes(), b"FIELDS", b"1", name],
            );
        }
    });
}

fn write_stream(out: &mut Vec<u8>, key: &[u8], stream: &Stream) {
    let log = stream.log();
    for entry in log.range(StreamId::MIN, StreamId::MAX) {
        head(out, b'*', 3 + 2 * entry.fields);
        bulk(out, b"XADD");
        bulk(out, key);
        bulk(out, entry.id.text().as_bytes());
        for (name, value) in entry.pairs() {
            text(out, name);
            text(out, value);
        }
    }
    let last = log.last_id().text();
    if log.is_empty() {
        // An entry that goes at once leaves the stream. None has the id 0-0.
        let id = match log.last_id() {
            StreamId::MIN => StreamId::new(0, 1),
            id => id,
        };
        let id = id.text();
        write_command(
            out,
            &[b"XADD", key, b"MAXLEN", b"0", id.as_bytes(), b"x", b"y"],
        );
    }
    let added = log.entries_added().to_string();
    write_command(
        out,
        &[
            b"XSETID",
            key,
            last.as_bytes(),
            b"ENTRIESADDED",
            added.as_bytes(),
            b"MAXDELETEDID",
            log.max_deleted_id().text().as_bytes(),
        ],
    );
    for (name, group) in stream.groups() {
        write_group(out, key, name, group);
    }
    if let Some(producers) = stream.producers() {
        write_producers(out, key, log, producers);
    }
}

/// What producers have sent, as far as the entries are still there: the command is about those only. How many there were
/// ever is not said.
fn write_producers(out: &mut Vec<u8>, key: &[u8], log: &Log, producers: &Producers) {
    let memory = producers.remembers();
    write_command(
        out,
        &[
            b"XCFGSET",
            key,
            b"IDMP-DURATION",
            I64Buf::unsigned(memory.duration_s).as_bytes(),
            b"IDMP-MAXSIZE",
            I64Buf::unsigned(memory.entries_max).as_bytes(),
        ],
    );
    for (name, entries) in producers.iter() {
        for (id, entry) in entries.filter(|(_, entry)| log.contains(*entry)) {
            let entry = entry.text();
            write_command(out, &[b"XIDMPRECORD", key, name, id, entry.as_bytes()]);
        }
    }
}

fn write_group(out: &mut Vec<u8>, key: &[u8], name: &[u8], group: &Group) {
    let read = group.entries_read.map_or(-1, u64::cast_signed);
    write_command(
        out,
        &[
            b"XGROUP",
            b"CREATE",
            key,
            name,
            group.last_id.text().as_bytes(),
            b"ENTRIESREAD",
            I64Buf::new(read).as_bytes(),
        ],
    );
    for consumer in group.consumers() {
        write_command(
            out,
            &[b"XGROUP", b"CREATECONSUMER", key, name, &consumer.name],
        );
        let Some(number) = group.find(&consumer.name) else {
            continue;
        };
        for (id, pending) in group.pending_of(number, StreamId::MIN) {
            write_command(
                out,
                &[
                    b"XCLAIM",
                    key,
                    name,
                    &consumer.name,
                    b"0",
                    id.text().as_bytes(),
                    b"TIME",
                    I64Buf::new(pending.delivered.0).as_bytes(),
                    b"RETRYCOUNT",
                    I64Buf::new(pending.deliveries).as_bytes(),
                    b"JUSTID",
                    b"FORCE",
                ],
            );
        }
    }
    if group.given_back() == 0 {
        return;
    }
    let pending = group.pending_from(StreamId::MIN);
    for (id, pending) in pending.filter(|(_, pending)| pending.consumer.is_none()) {
        write_command(
            out,
            &[
                b"XNACK",
                key,
                name,
                b"FAIL",
                b"IDS",
                b"1",
                id.text().as_bytes(),
                b"RETRYCOUNT",
                I64Buf::new(pending.deliveries.max(0)).as_bytes(),
                b"FORCE",
            ],
        );
    }
}

fn text(out: &mut Vec<u8>, item: Item<'_>) {
    bulk(out, item.text(&mut I64Buf::new(0)));
}

fn bulk(out: &mut Vec<u8>, text: &[u8]) {
    head(out, b'$', text.len());
    out.extend_from_slice(text);
    out.extend_from_slice(b"\r\n");
}

fn head(out: &mut Vec<u8>, mark: u8, count: usize) {
    out.push(mark);
    out.extend_from_slice(count.to_string().as_bytes());
    out.extend_from_slice(b"\r\n");
}
