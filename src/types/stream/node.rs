//! A node: up to some hundred entries in one listpack, with the bytes that RDB files carry.
//!
//! ```text
//! live | deleted | number of fields | field .. | 0          the master entry: fields of the first entry
//! flags | ms | seq | value .. | n                           an entry with the same fields
//! flags | ms | seq | number | field | value | .. | n        an entry with others
//! ```
//!
//! `ms` and `seq` are what to add to the node's own id, its first entry's at the time it was made. `n` is the number of
//! elements of the entry before it, to walk backwards. A deleted entry stays with a flag; a node whose entries are all
//! deleted is removed by its owner.
//!
//! Invariants: the listpack has this layout, which `from_listpack` checks for what comes from outside; `live` counts the
//! entries without the deleted flag, `deleted` the others.

use super::id::StreamId;
use crate::types::listpack::{Item, Listpack, Pos};

/// Entries of a stream that lie together.
#[derive(Clone, Debug)]
pub struct Node {
    pack: Listpack,
}

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// Elements of an entry besides fields and values, without the last: flags, ms, seq.
const ENTRY_HEAD: usize = 3;

/// What the master entry says.
#[derive(Clone, Copy)]
struct Master {
    id: StreamId,
    fields: usize,
    /// The first field.
    fields_at: Pos,
    /// The zero that ends it.
    end: Pos,
}

/// An entry seen in place.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    pack: &'a Listpack,
    /// Its id.
    pub id: StreamId,
    /// How many pairs of field and value it has.
    pub fields: usize,
    at: Pos,
    flags: i64,
    /// Where the names are, if they are the master's.
    names: Option<Pos>,
    /// The first value, or the first name.
    body: Option<Pos>,
}

impl Node {
    /// Without entries yet; `fields` are those of the first.
    pub(super) fn new<'f>(fields: impl ExactSizeIterator<Item = &'f [u8]>) -> Node {
        let mut pack = Listpack::new();
        push(&mut pack, 0);
        push(&mut pack, 0);
        push(&mut pack, fields.len() as i64);
        fields.for_each(|field| pack.push_back(field));
        push(&mut pack, 0);
        Node { pack }
    }

    /// Takes over a listpack from outside if it is a node's.
    pub fn from_listpack(pack: Listpack) -> Option<Node> {
        let node = Node { pack };
        node.check()?;
        Some(node)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.pack.as_bytes()
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        self.pack.memory()
    }

    /// Entries that are not deleted.
    pub(super) fn live(&self) -> u64 {
        self.int(self.first()) as u64
    }

    /// Entries that are.
    pub(super) fn deleted(&self) -> u64 {
        self.int(self.after(self.first(), 1)) as u64
    }

    /// Adds an entry at the end: names and values in turn. `master` is the node's own id.
    pub(super) fn push<'f>(
        &mut self,
        master: StreamId,
        id: StreamId,
        pairs: impl ExactSizeIterator<Item = &'f [u8]> + Clone,
    ) {
        let fields = pairs.len() / 2;
        let same = self.has_fields(pairs.clone().step_by(2), fields);
        let pack = &mut self.pack;
        push(pack, if same { SAME_FIELDS } else { 0 });
        push(pack, id.ms.wrapping_sub(master.ms) as i64);
        push(pack, id.seq.wrapping_sub(master.seq) as i64);
        let elements = if same {
            pairs.skip(1).step_by(2).for_each(|it| pack.push_back(it));
            ENTRY_HEAD + fields
        } else {
            push(pack, fields as i64);
            pairs.for_each(|it| pack.push_back(it));
            ENTRY_HEAD + 1 + 2 * fields
        };
        push(pack, elements as i64);
        self.recount(1, 0);
    }

    /// Whether the master entry has these fields.
    fn has_fields<'f>(&self, mut names: impl Iterator<Item = &'f [u8]>, fields: usize) -> bool {
        let mut at = self.after(self.first(), 2);
        self.int(at) as usize == fields
            && names.all(|name| {
                at = self.after(at, 1);
                self.pack.get(at).eq_bytes(name)
            })
    }

    /// Marks live entries of this node as deleted.
    pub(super) fn delete(&mut self, entries: &[Place]) {
        // The flags first: setting one moves nothing, but a counter may need more or less room than before.
        for Place(at) in entries {
            let flags = self.int(*at) | DELETED;
            self.pack.replace_item(*at, Item::Int(flags));
        }
        let count = entries.len() as i64;
        self.recount(-count, count);
    }

    /// The entries in order, deleted ones left out.
    pub(super) fn walk(&self, id: StreamId) -> Walk<'_> {
        let master = self.master(id);
        Walk {
            pack: &self.pack,
            master,
            front: self.pack.next(master.end),
            back: self.pack.last().filter(|&last| last != master.end),
        }
    }

    /// The id of the last entry, deleted or not.
    pub(super) fn last_id(&self, id: StreamId) -> StreamId {
        let mut walk = self.walk(id);
        walk.step_back().map_or(id, |entry| entry.id)
    }

    fn recount(&mut self, live: i64, deleted: i64) {
        let first = self.first();
        let count = self.int(first) + live;
        self.pack.replace_item(first, Item::Int(count));
        if deleted != 0 {
            let second = self.after(self.first(), 1);
            let count = self.int(second) + deleted;
            self.pack.replace_item(second, Item::Int(count));
        }
    }

    fn master(&self, id: StreamId) -> Master {
        let number = self.after(self.first(), 2);
        let fields = self.int(number) as usize;
        let fields_at = self.after(number, 1);
        Master {
            id,
            fields,
            fields_at,
            end: self.after(fields_at, fields),
        }
    }

    fn first(&self) -> Pos {
        self.pack.first().expect("a node has a master entry")
    }

    fn after(&self, at: Pos, n: usize) -> Pos {
        forward(&self.pack, at, n).expect("the layout of a node")
    }

    fn int(&self, at: Pos) -> i64 {
        int(&self.pack, at).expect("the layout of a node")
    }

    /// Whether the listpack has the layout of a node, with at least one live entry.
    fn check(&self) -> Option<()> {
        let pack = &self.pack;
        let mut at = pack.first()?;
        let mut element = || -> Option<i64> {
            let value = int(pack, at);
            at = pack.next(at)?;
            value
        };
        let (live, deleted, fields) = (element()?, element()?, element()?);
        let fields = usize::try_from(fields).ok().filter(|&n| n <= pack.len())?;
        at = forward(pack, at, fields)?;
        if int(pack, at)? != 0 {
            return None;
        }
        let (mut live_seen, mut deleted_seen) = (0, 0);
        let mut next = pack.next(at);
        while let Some(start) = next {
            let flags = int(pack, start)?;
            let (ms, seq) = (forward(pack, start, 1)?, forward(pack, start, 2)?);
            int(pack, ms)?;
            int(pack, seq)?;
            let (elements, body) = if flags & SAME_FIELDS != 0 {
                (ENTRY_HEAD + fields, fields)
            } else {
                let own = int(pack, forward(pack, start, 3)?)?;
                let own = usize::try_from(own).ok().filter(|&n| n <= pack.len())?;
                (ENTRY_HEAD + 1 + 2 * own, 1 + 2 * own)
            };
            let count = forward(pack, seq, body + 1)?;
            if int(pack, count)? != elements as i64 {
                return None;
            }
            match flags & DELETED {
                0 => live_seen += 1,
                _ => deleted_seen += 1,
            }
            next = pack.next(count);
        }
        (live_seen == live && deleted_seen == deleted && live > 0).then_some(())
    }
}

/// Where an entry lies in its node. Good until the node changes.
#[derive(Clone, Copy)]
pub(super) struct Place(Pos);

/// Entries of a node, one after the other.
pub(super) struct Walk<'a> {
    pack: &'a Listpack,
    master: Master,
    /// The flags of the next entry.
    front: Option<Pos>,
    /// The last element of the next entry from behind.
    back: Option<Pos>,
}

impl<'a> Walk<'a> {
    /// The next entry that is not deleted.
    pub(super) fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            let entry = self.decode(self.front?);
            self.front = entry.end().and_then(|end| self.pack.next(end));
            if !entry.is_deleted() {
                return Some(entry);
            }
        }
    }

    /// The next entry from behind that is not deleted.
    pub(super) fn next_back(&mut self) -> Option<Entry<'a>> {
        loop {
            let entry = self.step_back()?;
            if !entry.is_deleted() {
                return Some(entry);
            }
        }
    }

    fn step_back(&mut self) -> Option<Entry<'a>> {
        let count = self.back?;
        let elements = int(self.pack, count).expect("the layout of a node");
        let mut start = count;
        for _ in 0..elements {
            start = self.pack.prev(start).expect("the layout of a node");
        }
        self.back = self
            .pack
            .prev(start)
            .filter(|&before| before != self.master.end);
        Some(self.decode(start))
    }

    fn decode(&self, at: Pos) -> Entry<'a> {
        const LAYOUT: &str = "the layout of a node";
        let pack = self.pack;
        let next = |at| pack.next(at).expect(LAYOUT);
        let number = |at| int(pack, at).expect(LAYOUT);
        let ms_at = next(at);
        let seq_at = next(ms_at);
        let flags = number(at);
        let id = StreamId {
            ms: self.master.id.ms.wrapping_add(number(ms_at) as u64),
            seq: self.master.id.seq.wrapping_add(number(seq_at) as u64),
        };
        let body = next(seq_at);
        let (fields, names, body) = if flags & SAME_FIELDS != 0 {
            (self.master.fields, Some(self.master.fields_at), body)
        } else {
            (number(body) as usize, None, next(body))
        };
        Entry {
            pack,
            id,
            fields,
            at,
            flags,
            names,
            body: Some(body),
        }
    }
}

impl<'a> Entry<'a> {
    /// Its fields and values.
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs {
            pack: self.pack,
            names: self.names,
            at: self.body,
            left: self.fields,
        }
    }

    pub(super) fn place(&self) -> Place {
        Place(self.at)
    }

    fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// Its last element.
    fn end(&self) -> Option<Pos> {
        let n = match self.names {
            Some(_) => self.fields,
            None => 2 * self.fields,
        };
        forward(self.pack, self.body?, n)
    }
}

/// Fields and values of an entry.
pub struct Pairs<'a> {
    pack: &'a Listpack,
    names: Option<Pos>,
    at: Option<Pos>,
    left: usize,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Item<'a>, Item<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let pack = self.pack;
        let name = match self.names {
            Some(at) => {
                self.names = pack.next(at);
                pack.get(at)
            }
            None => {
                let at = self.at?;
                self.at = pack.next(at);
                pack.get(at)
            }
        };
        let at = self.at?;
        self.at = pack.next(at);
        Some((name, pack.get(at)))
    }
}

fn push(pack: &mut Listpack, value: i64) {
    pack.push_back_item(Item::Int(value));
}

fn int(pack: &Listpack, at: Pos) -> Option<i64> {
    match pack.get(at) {
        Item::Int(value) => Some(value),
        Item::Text(_) => None,
    }
}

fn forward(pack: &Listpack, mut at: Pos, n: usize) -> Option<Pos> {
    for _ in 0..n {
        at = pack.next(at)?;
    }
    Some(at)
}
