//! A listpack: a sequence of short texts and integers in one run of bytes, walked in both directions.
//!
//! It is the compact encoding of every type. The bytes are those that RDB files and DUMP carry, so a value goes there
//! and comes back without being taken apart.
//!
//! ```text
//! total bytes u32 LE | count u16 LE, 65535: many | entry .. | FF
//! entry:  encoding and data | their length, written so that it reads backwards
//!
//! 0vvvvvvv                       0..=127
//! 110vvvvv vvvvvvvv              -4096..=4095, high byte first
//! F1 F2 F3 F4, 2 3 4 8 bytes     integers, low byte first
//! 10llllll ..                    text up to 63 bytes
//! 1110llll llllllll ..           up to 4095, high byte first
//! F0, 4 bytes, ..                any, low byte first
//! ```
//!
//! The length behind an entry is in base 128, most significant group first; all its bytes but the first carry the high
//! bit. A text that is the exact decimal form of an integer is kept as one.
//!
//! Invariants: the bytes are well formed, which `from_bytes` checks for those that come from outside; `count` is the
//! number of entries. So a walk cannot leave the bytes, and what it indexes is there.

use super::tight::Tight;
use crate::base::{I64Buf, parse_i64};
use crate::structure::size_class;

/// Where an entry starts, in bytes from the beginning. Good until the next change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pos(u32);

/// An entry seen in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item<'a> {
    /// An integer.
    Int(i64),
    /// Anything else.
    Text(&'a [u8]),
}

/// A sequence of short texts in one allocation.
#[derive(Debug)]
pub struct Listpack {
    /// With the number of entries, and [`MARK`].
    bytes: Tight,
}

/// A bit beside the count that means what the owner wants; there are fewer entries than that.
const MARK: u32 = 1 << 31;
const HEADER_BYTES: usize = 6;
const END: u8 = 0xff;
/// The count in the header from which on it says nothing.
const COUNT_UNKNOWN: u32 = 0xffff;
/// Integers longer than this as text do not exist.
const INT_TEXT_BYTES_MAX: usize = 20;
/// Above this nothing is to be added: positions and the total stay far within 32 bits.
const SAFE_BYTES_MAX: usize = 1 << 30;

impl<'a> Item<'a> {
    /// Length as text.
    pub fn len(self) -> usize {
        match self {
            Item::Int(value) => I64Buf::new(value).as_bytes().len(),
            Item::Text(text) => text.len(),
        }
    }

    /// Whether it is the empty text.
    pub fn is_empty(self) -> bool {
        matches!(self, Item::Text([]))
    }

    /// Whether these bytes are its text.
    #[inline]
    pub fn eq_bytes(self, other: &[u8]) -> bool {
        match self {
            Item::Int(value) => int_of(other) == Some(value),
            Item::Text(text) => text == other,
        }
    }

    /// As text of its own.
    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut I64Buf::new(0)).to_vec()
    }

    /// As text; `buffer` is where an integer is written.
    #[inline]
    pub fn text<'b>(self, buffer: &'b mut I64Buf) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Item::Int(value) => {
                *buffer = I64Buf::new(value);
                buffer.as_bytes()
            }
            Item::Text(text) => text,
        }
    }

    /// As an integer, if its text is the exact decimal form of one.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Item::Int(value) => Some(value),
            Item::Text(text) => int_of(text),
        }
    }

    /// The item that these bytes become.
    #[inline]
    pub fn of(text: &'a [u8]) -> Item<'a> {
        match int_of(text) {
            Some(value) => Item::Int(value),
            None => Item::Text(text),
        }
    }

    /// Bytes of an entry that holds it.
    pub fn entry_bytes(self) -> usize {
        Encoded::new(self).len()
    }
}

impl Default for Listpack {
    fn default() -> Listpack {
        Listpack::new()
    }
}

impl Clone for Listpack {
    fn clone(&self) -> Listpack {
        let mut bytes = Tight::with_capacity(size_class(self.bytes.len()));
        bytes.extend_from_slice(&self.bytes);
        bytes.count = self.bytes.count;
        Listpack { bytes }
    }
}

impl PartialEq for Listpack {
    fn eq(&self, other: &Listpack) -> bool {
        self.len() == other.len() && self.iter().eq(other.iter())
    }
}

impl Eq for Listpack {}

impl Listpack {
    /// An empty one.
    pub fn new() -> Listpack {
        let mut listpack = Listpack {
            bytes: Tight::with_capacity(size_class(HEADER_BYTES + 1)),
        };
        listpack.bytes.resize(HEADER_BYTES);
        listpack.bytes.push(END);
        listpack.write_header();
        listpack
    }

    /// Takes bytes from outside; `None` unless they are well formed down to the last one.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Listpack> {
        let (total, rest) = bytes.split_first_chunk()?;
        let (stated, _) = rest.split_first_chunk()?;
        let stated = u32::from(u16::from_le_bytes(*stated));
        if usize::try_from(u32::from_le_bytes(*total)) != Ok(bytes.len())
            || bytes.len() <= HEADER_BYTES
            || bytes.last() != Some(&END)
        {
            return None;
        }
        let end = bytes.len() - 1;
        let (mut at, mut count) = (HEADER_BYTES, 0);
        while at < end {
            // The end mark is no entry, so what is to be read of one lies before it.
            let len = checked_len(&bytes[at..end])?;
            let behind = bytes[at..end].get(len..)?;
            let back = Back::new(len);
            if !behind.starts_with(back.bytes()) {
                return None;
            }
            at += len + back.bytes().len();
            count += 1;
        }
        if stated != COUNT_UNKNOWN && stated != count {
            return None;
        }
        let mut listpack = Listpack::from_own(bytes, count);
        listpack.write_header();
        Some(listpack)
    }

    /// All of it, as RDB files carry it.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        (self.bytes.count & !MARK) as usize
    }

    /// The owner's mark. It is not part of the bytes, and gone when all is cleared.
    #[inline]
    pub fn is_marked(&self) -> bool {
        self.bytes.count & MARK != 0
    }

    /// Sets or takes back the mark.
    pub fn set_mark(&mut self, mark: bool) {
        self.bytes.count = self.bytes.count & !MARK | if mark { MARK } else { 0 };
    }

    /// Whether there is no entry.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.count & !MARK == 0
    }

    /// Bytes on the heap, by allocation class.
    #[inline]
    pub fn memory(&self) -> usize {
        size_class(self.bytes.capacity())
    }

    /// Whether this many bytes more can be added safely.
    #[inline]
    pub fn has_room(&self, more: usize) -> bool {
        self.bytes.len().saturating_add(more) < SAFE_BYTES_MAX
    }

    /// Adds at the end.
    #[inline]
    pub fn push_back(&mut self, text: &[u8]) {
        self.push_back_item(Item::of(text));
    }

    /// Adds an item as it is at the end.
    #[inline]
    pub fn push_back_item(&mut self, item: Item<'_>) {
        self.splice(self.end(), 0, &Encoded::new(item));
        self.bytes.count += 1;
        self.write_header();
    }

    /// Adds at the beginning.
    #[inline]
    pub fn push_front(&mut self, text: &[u8]) {
        self.push_front_item(Item::of(text));
    }

    /// Adds an item as it is at the beginning.
    #[inline]
    pub fn push_front_item(&mut self, item: Item<'_>) {
        self.splice(HEADER_BYTES, 0, &Encoded::new(item));
        self.bytes.count += 1;
        self.write_header();
    }

    /// The first entry.
    #[inline]
    pub fn first(&self) -> Option<Pos> {
        self.pos(HEADER_BYTES)
    }

    /// The last entry.
    #[inline]
    pub fn last(&self) -> Option<Pos> {
        self.before(self.end())
    }

    /// The entry after this one.
    #[inline]
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        self.pos(self.after(pos.at()))
    }

    /// The entry before this one.
    #[inline]
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.before(pos.at())
    }

    /// The entry of this index; negative ones count from the end. Walks from the nearer end.
    pub fn seek(&self, index: i64) -> Option<Pos> {
        let len = self.len() as i64;
        let index = if index < 0 { index + len } else { index };
        if !(0..len).contains(&index) {
            return None;
        }
        if index < len / 2 {
            let mut pos = self.first()?;
            for _ in 0..index {
                pos = self.next(pos)?;
            }
            Some(pos)
        } else {
            let mut pos = self.last()?;
            for _ in index + 1..len {
                pos = self.prev(pos)?;
            }
            Some(pos)
        }
    }

    /// The item of an entry.
    #[inline]
    pub fn get(&self, pos: Pos) -> Item<'_> {
        self.item(pos.at())
    }

    /// Adds before this entry. The new one is at `pos` then.
    pub fn insert_before(&mut self, pos: Pos, text: &[u8]) {
        self.splice(pos.at(), 0, &Encoded::new(Item::of(text)));
        self.bytes.count += 1;
        self.write_header();
    }

    /// Adds after this entry; returns where.
    pub fn insert_after(&mut self, pos: Pos, text: &[u8]) -> Pos {
        let at = self.after(pos.at());
        self.splice(at, 0, &Encoded::new(Item::of(text)));
        self.bytes.count += 1;
        self.write_header();
        Pos(at as u32)
    }

    /// Puts another text in place of an entry's, which stays at `pos`.
    pub fn replace(&mut self, pos: Pos, text: &[u8]) {
        self.replace_item(pos, Item::of(text));
    }

    /// As [`Listpack::replace`], for an item.
    pub fn replace_item(&mut self, pos: Pos, item: Item<'_>) {
        let old = self.after(pos.at()) - pos.at();
        self.splice(pos.at(), old, &Encoded::new(item));
        self.write_header();
        self.shrink();
    }

    /// Removes the entry and those behind it, `n` in all or as many as there are. Returns the next one, which is at
    /// `pos` then.
    pub fn remove(&mut self, pos: Pos, n: usize) -> Option<Pos> {
        let mut end = pos.at();
        let mut removed = 0;
        while removed < n && end < self.end() {
            end = self.after(end);
            removed += 1;
        }
        self.bytes.cut(pos.at(), end);
        self.bytes.count -= removed as u32;
        self.write_header();
        self.shrink();
        self.pos(pos.at())
    }

    /// Takes out the first entry, after `each` has seen it. There must be one.
    #[inline]
    pub fn pop_front(&mut self, each: &mut impl FnMut(Item<'_>)) {
        let (item, next) = self.item_and_next(HEADER_BYTES);
        each(item);
        self.take_out(HEADER_BYTES, next);
    }

    /// Takes out the last entry, after `each` has seen it. There must be one.
    #[inline]
    pub fn pop_back(&mut self, each: &mut impl FnMut(Item<'_>)) {
        let last = self.last().expect("the caller knows that there is one");
        each(self.get(last));
        self.take_out(last.at(), self.end());
    }

    /// Removes the one entry between these places.
    #[inline]
    fn take_out(&mut self, from: usize, to: usize) {
        self.bytes.cut(from, to);
        self.bytes.count -= 1;
        self.write_header();
        self.shrink();
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = Listpack::new();
    }

    /// Moves the entry and those behind it to a listpack of their own.
    pub fn split_off(&mut self, pos: Pos) -> Listpack {
        let moved = &self.bytes[pos.at()..self.end()];
        let mut other = Listpack::new();
        other.grow(moved.len());
        other.bytes.truncate(HEADER_BYTES);
        other.bytes.extend_from_slice(moved);
        other.bytes.push(END);
        let mut at = HEADER_BYTES;
        while at < other.end() {
            at = other.after(at);
            other.bytes.count += 1;
        }
        other.write_header();
        self.bytes.truncate(pos.at());
        self.bytes.push(END);
        self.bytes.count -= other.len() as u32;
        self.write_header();
        self.shrink();
        other
    }

    /// Keeps only the items that `keep` says yes to, asked in order. Returns how many went. O(bytes).
    pub fn retain(&mut self, mut keep: impl FnMut(Item<'_>) -> bool) -> usize {
        let end = self.end();
        // Runs of kept entries are moved as one: from `run` on they are not at their place yet.
        let (mut at, mut run, mut to, mut removed) = (HEADER_BYTES, HEADER_BYTES, HEADER_BYTES, 0);
        while at < end {
            let (item, next) = self.item_and_next(at);
            if !keep(item) {
                self.bytes.copy_within(run..at, to);
                to += at - run;
                run = next;
                removed += 1;
            }
            at = next;
        }
        if removed > 0 {
            self.bytes.copy_within(run..end, to);
            self.bytes.truncate(to + end - run);
            self.bytes.push(END);
            self.bytes.count -= removed;
            self.write_header();
            self.shrink();
        }
        removed as usize
    }

    /// Bytes that `as_bytes` gave, and the number of entries in them.
    pub(super) fn from_own(bytes: Vec<u8>, count: u32) -> Listpack {
        let class = size_class(bytes.len());
        let mut bytes = Tight::from_vec(bytes, class);
        bytes.count = count;
        Listpack { bytes }
    }

    /// Adds all entries of another one at the end.
    pub fn append(&mut self, other: &Listpack) {
        let added = &other.bytes[HEADER_BYTES..other.end()];
        self.grow(added.len());
        self.bytes.truncate(self.end());
        self.bytes.extend_from_slice(added);
        self.bytes.push(END);
        self.bytes.count += other.len() as u32;
        self.write_header();
    }

    /// All items in order, from either end.
    #[inline]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            listpack: self,
            front: HEADER_BYTES,
            back: self.end(),
        }
    }

    /// The items from an entry on.
    pub fn iter_from(&self, pos: Pos) -> Iter<'_> {
        Iter {
            listpack: self,
            front: pos.at(),
            back: self.end(),
        }
    }

    /// The items up to this entry, included.
    pub fn iter_to(&self, pos: Pos) -> Iter<'_> {
        Iter {
            listpack: self,
            front: HEADER_BYTES,
            back: self.after(pos.at()),
        }
    }

    /// The first entry with this text, passing over `skip` entries after each one looked at: 1 looks at the fields of
    /// a sequence of fields and values.
    pub fn find(&self, needle: &[u8], skip: usize) -> Option<Pos> {
        self.find_from(self.first()?, needle, skip)
    }

    /// As [`Listpack::find`], from an entry on.
    pub fn find_from(&self, from: Pos, needle: &[u8], skip: usize) -> Option<Pos> {
        let number = int_of(needle);
        let (mut at, end) = (from.at(), self.end());
        while at < end {
            let (item, mut next) = self.item_and_next(at);
            let found = match item {
                Item::Int(value) => number == Some(value),
                Item::Text(text) => text == needle,
            };
            if found {
                return Some(Pos(at as u32));
            }
            for _ in 0..skip {
                if next < end {
                    next = self.after(next);
                }
            }
            at = next;
        }
        None
    }

    /// Where the end mark is.
    #[inline]
    fn end(&self) -> usize {
        self.bytes.len() - 1
    }

    #[inline]
    fn pos(&self, at: usize) -> Option<Pos> {
        (at < self.end()).then_some(Pos(at as u32))
    }

    /// The entry that ends here.
    #[inline]
    fn before(&self, at: usize) -> Option<Pos> {
        if at == HEADER_BYTES {
            return None;
        }
        let (mut len, mut back, mut shift) = (0, at, 0);
        loop {
            back -= 1;
            let byte = self.bytes[back];
            len |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return Some(Pos((back - len) as u32));
            }
        }
    }

    /// Where the entry after this one starts.
    #[inline]
    fn after(&self, at: usize) -> usize {
        let len = len_of(&self.bytes[at..]);
        at + len + back_bytes(len)
    }

    #[inline]
    fn item(&self, at: usize) -> Item<'_> {
        self.item_and_next(at).0
    }

    #[inline]
    fn item_and_next(&self, at: usize) -> (Item<'_>, usize) {
        let entry = &self.bytes[at..];
        let len = len_of(entry);
        let next = at + len + back_bytes(len);
        let item = match entry[0] {
            byte @ 0..=0x7f => Item::Int(i64::from(byte)),
            0x80..=0xbf => Item::Text(&entry[1..len]),
            byte @ 0xc0..=0xdf => {
                // Thirteen bits at the top of sixteen, then down again with their sign.
                let wide = u16::from(byte) << 11 | u16::from(entry[1]) << 3;
                Item::Int(i64::from(wide as i16 >> 3))
            }
            0xe0..=0xef => Item::Text(&entry[2..len]),
            0xf0 => Item::Text(&entry[5..len]),
            _ => {
                let mut bytes = [0; 8];
                let data = &entry[1..len];
                bytes[8 - data.len()..].copy_from_slice(data);
                Item::Int(i64::from_le_bytes(bytes) >> (64 - 8 * data.len()))
            }
        };
        (item, next)
    }

    /// Puts an entry in place of `removed` bytes.
    #[inline]
    fn splice(&mut self, at: usize, removed: usize, entry: &Encoded<'_>) {
        let (old, added) = (self.bytes.len(), entry.len());
        if added > removed {
            self.grow(added - removed);
            self.bytes.resize(old + added - removed);
        }
        self.bytes.copy_within(at + removed..old, at + added);
        self.bytes.truncate(old + added - removed);
        entry.write(&mut self.bytes[at..at + added]);
    }

    /// Makes room by whole allocation classes, which the allocator would round up to anyway.
    #[inline]
    fn grow(&mut self, more: usize) {
        let wanted = self.bytes.len() + more;
        assert!(wanted <= u32::MAX as usize, "a listpack has its bound");
        if wanted > self.bytes.capacity() {
            self.bytes.set_capacity(size_class(wanted));
        }
    }

    /// Gives memory back once half of it is unused.
    #[inline]
    fn shrink(&mut self) {
        let wanted = size_class(self.bytes.len());
        if wanted * 2 <= self.bytes.capacity() {
            self.bytes.set_capacity(wanted);
        }
    }

    #[inline]
    fn write_header(&mut self) {
        let total = (self.bytes.len() as u32).to_le_bytes();
        let count = ((self.bytes.count & !MARK).min(COUNT_UNKNOWN) as u16).to_le_bytes();
        self.bytes[..4].copy_from_slice(&total);
        self.bytes[4..HEADER_BYTES].copy_from_slice(&count);
    }
}

impl Pos {
    #[inline]
    fn at(self) -> usize {
        self.0 as usize
    }
}

/// The items of a listpack.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    listpack: &'a Listpack,
    front: usize,
    back: usize,
}

impl<'a> Iter<'a> {
    /// Where the item is that `next` will return.
    pub fn pos(&self) -> Option<Pos> {
        (self.front < self.back).then_some(Pos(self.front as u32))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    #[inline]
    fn next(&mut self) -> Option<Item<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (item, next) = self.listpack.item_and_next(self.front);
        self.front = next;
        Some(item)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back = self.listpack.before(self.back)?.at();
        Some(self.listpack.item(self.back))
    }
}

#[inline]
fn int_of(text: &[u8]) -> Option<i64> {
    if text.len() > INT_TEXT_BYTES_MAX {
        return None;
    }
    parse_i64(text)
}

/// Length of the encoding and data at the start of well formed bytes.
#[inline]
fn len_of(entry: &[u8]) -> usize {
    match entry[0] {
        0..=0x7f => 1,
        byte @ 0x80..=0xbf => 1 + usize::from(byte & 0x3f),
        0xc0..=0xdf => 2,
        byte @ 0xe0..=0xef => 2 + (usize::from(byte & 0x0f) << 8 | usize::from(entry[1])),
        0xf0 => 5 + u32::from_le_bytes([entry[1], entry[2], entry[3], entry[4]]) as usize,
        0xf1 => 3,
        0xf2 => 4,
        0xf3 => 5,
        // F4; the rest is refused on the way in.
        _ => 9,
    }
}

/// As [`len_of`] for bytes that may be anything; `None` if they are not the start of an entry that could be whole.
fn checked_len(entry: &[u8]) -> Option<usize> {
    let needed = match *entry.first()? {
        0xe0..=0xef => 2,
        0xf0 => 5,
        0xf5..=0xff => return None,
        _ => 1,
    };
    if entry.len() < needed {
        return None;
    }
    Some(len_of(entry)).filter(|len| *len <= entry.len())
}

/// Bytes of the length that stands behind an entry. The bounds are Redis': one less than would fit.
#[inline]
fn back_bytes(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// The length behind an entry.
struct Back {
    bytes: [u8; 5],
    len: usize,
}

impl Back {
    #[inline]
    fn new(len: usize) -> Back {
        let count = back_bytes(len);
        let mut bytes = [0; 5];
        for (i, byte) in bytes[..count].iter_mut().enumerate() {
            let group = (len >> (7 * (count - 1 - i))) as u8 & 0x7f;
            *byte = if i == 0 { group } else { group | 0x80 };
        }
        Back { bytes, len: count }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// An entry about to be written.
struct Encoded<'a> {
    head: [u8; 9],
    head_len: usize,
    text: &'a [u8],
    back: Back,
}

impl<'a> Encoded<'a> {
    #[inline]
    fn new(item: Item<'a>) -> Encoded<'a> {
        let mut head = [0; 9];
        let (head_len, text) = match item {
            Item::Int(value) => (put_int(&mut head, value), &[][..]),
            Item::Text(text) => {
                let len = text.len();
                let head_len = match len {
                    0..=63 => {
                        head[0] = 0x80 | len as u8;
                        1
                    }
                    64..=4095 => {
                        head[0] = 0xe0 | (len >> 8) as u8;
                        head[1] = len as u8;
                        2
                    }
                    _ => {
                        let len = u32::try_from(len).expect("no text is that long");
                        head[0] = 0xf0;
                        head[1..5].copy_from_slice(&len.to_le_bytes());
                        5
                    }
                };
                (head_len, text)
            }
        };
        Encoded {
            head,
            head_len,
            text,
            back: Back::new(head_len + text.len()),
        }
    }

    #[inline]
    fn len(&self) -> usize {
        self.head_len + self.text.len() + self.back.len
    }

    /// Writes it into bytes of exactly its length.
    #[inline]
    fn write(&self, out: &mut [u8]) {
        let (head, rest) = out.split_at_mut(self.head_len);
        let (text, back) = rest.split_at_mut(self.text.len());
        head.copy_from_slice(&self.head[..self.head_len]);
        text.copy_from_slice(self.text);
        back.copy_from_slice(self.back.bytes());
    }
}

/// Writes an integer's encoding; returns its length.
#[inline]
fn put_int(head: &mut [u8; 9], value: i64) -> usize {
    let bytes = value.to_le_bytes();
    let (mark, len) = match value {
        0..=127 => {
            head[0] = bytes[0];
            return 1;
        }
        -4096..=4095 => {
            head[0] = 0xc0 | bytes[1] & 0x1f;
            head[1] = bytes[0];
            return 2;
        }
        -0x8000..=0x7fff => (0xf1, 2),
        -0x80_0000..=0x7f_ffff => (0xf2, 3),
        -0x8000_0000..=0x7fff_ffff => (0xf3, 4),
        _ => (0xf4, 8),
    };
    head[0] = mark;
    head[1..=len].copy_from_slice(&bytes[..len]);
    len + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn texts(listpack: &Listpack) -> Vec<Vec<u8>> {
        listpack.iter().map(Item::to_vec).collect()
    }

    /// That both directions agree, the header says so, and it is taken back as it is.
    fn check(listpack: &Listpack, model: &[Vec<u8>]) {
        assert_eq!(texts(listpack), model);
        assert_eq!(listpack.len(), model.len());
        assert_eq!(listpack.is_empty(), model.is_empty());
        let mut backwards: Vec<_> = listpack.iter().rev().map(Item::to_vec).collect();
        backwards.reverse();
        assert_eq!(backwards, model);
        let again = Listpack::from_bytes(listpack.as_bytes().to_vec()).expect("well formed");
        assert_eq!(again.as_bytes(), listpack.as_bytes());
        assert_eq!(&again, listpack);
        assert!(listpack.bytes.capacity() <= size_class(listpack.bytes.capacity()));
    }

    #[test]
    fn bytes_are_those_of_the_format() {
        let mut listpack = Listpack::new();
        assert_eq!(listpack.as_bytes(), b"\x07\0\0\0\0\0\xff");
        listpack.push_back(b"hello");
        listpack.push_back(b"1024");
        assert_eq!(
            listpack.as_bytes(),
            b"\x11\0\0\0\x02\0\x85hello\x06\xc4\x00\x02\xff"
        );
        for (text, entry) in [
            (&b"0"[..], &b"\x00\x01"[..]),
            (b"127", b"\x7f\x01"),
            (b"128", b"\xc0\x80\x02"),
            (b"-1", b"\xdf\xff\x02"),
            (b"-4096", b"\xd0\x00\x02"),
            (b"4095", b"\xcf\xff\x02"),
            (b"4096", b"\xf1\x00\x10\x03"),
            (b"-4097", b"\xf1\xff\xef\x03"),
            (b"32768", b"\xf2\x00\x80\x00\x04"),
            (b"-8388609", b"\xf3\xff\xff\x7f\xff\x05"),
            (b"2147483648", b"\xf4\0\0\0\x80\0\0\0\0\x09"),
            (b"-9223372036854775808", b"\xf4\0\0\0\0\0\0\0\x80\x09"),
            (b"9223372036854775808", b"\x939223372036854775808\x14"),
            (b"", b"\x80\x01"),
            (b"+1", b"\x82+1\x03"),
            (b"01", b"\x8201\x03"),
            (b"-0", b"\x82-0\x03"),
        ] {
            let mut listpack = Listpack::new();
            listpack.push_back(text);
            let bytes = listpack.as_bytes();
            assert_eq!(&bytes[6..bytes.len() - 1], entry, "{}", text.escape_ascii());
            check(&listpack, &[text.to_vec()]);
        }
    }

    #[test]
    fn lengths_at_every_bound() {
        for (len, head, back) in [
            (63, 1, 1),
            (64, 2, 1),
            (125, 2, 1),
            (126, 2, 2),
            (4095, 2, 2),
            (4096, 5, 2),
            (16_377, 5, 2),
            (16_378, 5, 3),
            (2_097_145, 5, 3),
            (2_097_146, 5, 4),
        ] {
            let text = vec![b'x'; len];
            assert_eq!(Item::of(&text).entry_bytes(), head + len + back, "{len}");
            let mut listpack = Listpack::new();
            listpack.push_back(b"a");
            listpack.push_back(&text);
            listpack.push_back(b"b");
            check(&listpack, &[b"a".to_vec(), text, b"b".to_vec()]);
        }
    }

    #[test]
    fn a_count_beyond_the_header_is_still_known() {
        let mut listpack = Listpack::new();
        for i in 0..65_540_u32 {
            listpack.push_back(i.to_string().as_bytes());
            let stated = u16::from_le_bytes([listpack.bytes[4], listpack.bytes[5]]);
            assert_eq!(u32::from(stated), (i + 1).min(65_535));
        }
        assert_eq!(listpack.len(), 65_540);
        let again = Listpack::from_bytes(listpack.as_bytes().to_vec()).unwrap();
        assert_eq!(again.len(), 65_540);
        assert_eq!(listpack.get(listpack.seek(-1).unwrap()), Item::Int(65_539));
        listpack.remove(listpack.first().unwrap(), 10);
        assert_eq!(listpack.bytes[4..6], 65_530_u16.to_le_bytes());
    }

    #[test]
    fn finds_texts_and_numbers() {
        let mut listpack = Listpack::new();
        for text in ["f", "v", "12", "f", "v", "12", "", "-7"] {
            listpack.push_back(text.as_bytes());
        }
        let find = |needle: &str, skip| listpack.find(needle.as_bytes(), skip);
        assert_eq!(find("f", 0), listpack.first());
        assert_eq!(find("12", 0), listpack.seek(2));
        assert_eq!(find("v", 0), listpack.seek(1));
        assert_eq!(find("v", 1), listpack.seek(4));
        assert_eq!(find("f", 2), listpack.first());
        assert_eq!(find("-7", 1), None);
        assert_eq!(find("-7", 6), listpack.seek(7));
        assert_eq!(find("", 0), listpack.seek(6));
        assert_eq!(find("012", 0), None);
        assert_eq!(find("v", 100), None);
        assert_eq!(Listpack::new().find(b"", 0), None);
        let third = listpack.seek(3).unwrap();
        assert_eq!(listpack.find_from(third, b"12", 0), listpack.seek(5));
        assert_eq!(listpack.iter_from(third).count(), 5);
        // Numbers kept as text, as another server may have written them, compare by their text.
        let odd =
            Listpack::from_bytes(b"\x0e\0\0\0\x02\0\x825 \x03\x815\x02\xff".to_vec()).unwrap();
        assert_eq!(odd.find(b"5", 0), odd.seek(1));
        assert!(odd.get(odd.seek(1).unwrap()).eq_bytes(b"5"));
    }

    fn random_text(rng: &mut Rng) -> Vec<u8> {
        match rng.below(6) {
            0 => (rng.next_u64() as i64 >> rng.below(64))
                .to_string()
                .into_bytes(),
            1 => rng.below(200).to_string().into_bytes(),
            2 => vec![b'y'; rng.index(300)],
            3 if rng.below(20) == 0 => vec![b'z'; rng.index(20_000)],
            _ => (0..rng.index(8)).map(|_| rng.below(256) as u8).collect(),
        }
    }

    #[test]
    fn behaves_like_a_vector() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let mut listpack = Listpack::new();
            let mut model: Vec<Vec<u8>> = Vec::new();
            for step in 0..600 {
                let text = random_text(&mut rng);
                let index = rng.index(model.len().max(1));
                let pos = listpack.seek(index as i64);
                assert_eq!(pos.is_some(), !model.is_empty());
                match (rng.below(10), pos) {
                    (0..=1, _) | (_, None) => {
                        listpack.push_back(&text);
                        model.push(text);
                    }
                    (2, _) => {
                        listpack.push_front(&text);
                        model.insert(0, text);
                    }
                    (3, Some(pos)) => {
                        listpack.insert_before(pos, &text);
                        assert!(listpack.get(pos).eq_bytes(&text));
                        model.insert(index, text);
                    }
                    (4, Some(pos)) => {
                        let at = listpack.insert_after(pos, &text);
                        assert!(listpack.get(at).eq_bytes(&text));
                        model.insert(index + 1, text);
                    }
                    (5..=6, Some(pos)) => {
                        listpack.replace(pos, &text);
                        model[index] = text;
                    }
                    (7, Some(pos)) => {
                        let n = rng.index(4);
                        let end = (index + n).min(model.len());
                        model.drain(index..end);
                        let next = listpack.remove(pos, n);
                        assert_eq!(next, listpack.seek(index as i64));
                    }
                    (9, _) if step % 10 == 5 => {
                        let bound = rng.index(9);
                        let (mut nth, mut other) = (0, 0);
                        let before = model.len();
                        model.retain(|text| {
                            nth += 1;
                            (nth + text.len()) % 9 >= bound
                        });
                        let removed = listpack.retain(|item| {
                            other += 1;
                            (other + item.len()) % 9 >= bound
                        });
                        assert_eq!(removed, before - model.len());
                    }
                    (8, Some(pos)) if step % 10 == 0 => {
                        let tail = listpack.split_off(pos);
                        check(&tail, &model[index..]);
                        if rng.below(2) == 0 {
                            listpack.append(&tail);
                        } else {
                            model.truncate(index);
                        }
                    }
                    (_, Some(pos)) => {
                        assert_eq!(listpack.get(pos).to_vec(), model[index]);
                        let from_end = index as i64 - model.len() as i64;
                        assert_eq!(listpack.seek(from_end), Some(pos));
                        assert_eq!(listpack.find(&model[index], 0), {
                            let first = model.iter().position(|other| *other == model[index]);
                            listpack.seek(first.unwrap() as i64)
                        });
                        assert_eq!(
                            listpack.next(pos),
                            listpack.seek(index as i64 + 1),
                            "{index}"
                        );
                        if index > 0 {
                            assert_eq!(listpack.prev(pos), listpack.seek(index as i64 - 1));
                        } else {
                            assert_eq!(listpack.prev(pos), None);
                        }
                    }
                }
                check(&listpack, &model);
                check(&listpack.clone(), &model);
            }
            assert_eq!(listpack.seek(model.len() as i64), None);
            assert_eq!(listpack.seek(-1 - model.len() as i64), None);
            assert_eq!(listpack.seek(i64::MIN), None);
        }
    }

    #[test]
    fn memory_is_given_back() {
        let mut listpack = Listpack::new();
        let empty = listpack.memory();
        for _ in 0..1000 {
            listpack.push_back(b"some text");
        }
        assert!(listpack.memory() >= 10_000 && listpack.memory() < 14_000);
        listpack.remove(listpack.first().unwrap(), usize::MAX);
        assert_eq!(listpack.memory(), empty);
        check(&listpack, &[]);
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &b""[..],
            b"\xff",
            b"\x06\0\0\0\0\0",
            b"\x07\0\0\0\0\0\xfe",
            b"\x08\0\0\0\0\0\xff",
            b"\x07\0\0\0\x01\0\xff",
            b"\x09\0\0\0\x01\0\x01\x02\xff",
            b"\x09\0\0\0\x02\0\x01\x01\xff",
            b"\x09\0\0\0\x01\0\x82\x01\xff",
            b"\x09\0\0\0\x01\0\xf5\x01\xff",
            b"\x09\0\0\0\x01\0\xff\x01\xff",
            b"\x08\0\0\0\x01\0\xe0\xff",
            b"\x0b\0\0\0\x01\0\xf0\xff\xff\xff\xff",
            b"\x0d\0\0\0\x01\0\xf0\xff\xff\xff\xff\x05\xff",
        ] {
            assert_eq!(
                Listpack::from_bytes(bytes.to_vec()),
                None,
                "{}",
                bytes.escape_ascii()
            );
        }
        // Whatever is accepted after bytes were changed can be walked.
        let mut rng = Rng::new(7);
        let mut whole = Listpack::new();
        for text in ["a", "1", "-5000", "some longer text", "99999999999"] {
            whole.push_back(text.as_bytes());
        }
        let mut accepted = 0;
        for _ in 0..100_000 {
            let mut bytes = whole.as_bytes().to_vec();
            for _ in 0..=rng.below(2) {
                let at = rng.index(bytes.len());
                bytes[at] = rng.below(256) as u8;
            }
            if let Some(listpack) = Listpack::from_bytes(bytes) {
                accepted += 1;
                let model = texts(&listpack);
                check(&listpack, &model);
                for text in &model {
                    assert!(listpack.find(text, 0).is_some());
                }
            }
        }
        assert!(accepted > 100);
    }
}
