//! The list type: elements in order, quick to reach from both ends.
//!
//! A small list is one listpack (OBJECT ENCODING: `listpack`). One that outgrows `list-max-listpack-size` is a row of
//! nodes (`quicklist`, see `nodes`), each of which is a listpack of at most that size, or a single element that is
//! larger by itself. It becomes a listpack again when a removal leaves one node filled by half or less: the gap keeps
//! a list at the border from changing back and forth.

mod node;
mod nodes;
#[cfg(test)]
mod tests;
mod walk;

use self::node::visit_packed;
use self::nodes::Nodes;
pub use self::walk::ListRest;
use super::pieces::{Part, items_part};
use super::{Item, Listpack};
use std::borrow::Cow;

/// Nodes that are freed in one piece.
const NODES_A_PIECE: usize = 16;

/// A list.
#[derive(Clone, Debug)]
pub struct List {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Packed(Listpack),
    Nodes(Box<Nodes>),
}

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// The head, on the left.
    Front,
    /// The tail, on the right.
    Back,
}

/// Which side of another element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Towards the head.
    Before,
    /// Towards the tail.
    After,
}

/// The bounds of a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ListLimits {
    /// `list-max-listpack-size`: elements, or -1 to -5 for 4 to 64 KiB.
    pub size: i64,
    /// `list-compress-depth`: nodes at either end that are not compressed; 0 compresses none.
    pub depth: usize,
}

/// A part of a list as RDB files carry it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Chunk<'a> {
    /// The bytes of a listpack.
    Packed(Cow<'a, [u8]>),
    /// One large element.
    Plain(Cow<'a, [u8]>),
}

/// Bound of a node whose size is given in elements, and of the elements in it.
const SAFE_NODE_BYTES_MAX: usize = 8192;
const NODE_BYTES_MAX: [usize; 5] = [4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10];
/// What Redis adds for an element whose size in a listpack it has not computed.
const ENTRY_OVERHEAD: usize = 8;

impl Default for ListLimits {
    fn default() -> ListLimits {
        ListLimits { size: -2, depth: 0 }
    }
}

impl ListLimits {
    /// The bound in bytes, if it is one.
    fn bytes_max(self) -> Option<usize> {
        let level = usize::try_from(self.size.saturating_neg().checked_sub(1)?).ok()?;
        Some(NODE_BYTES_MAX[level.min(NODE_BYTES_MAX.len() - 1)])
    }

    /// The bound in elements, if it is one.
    fn count_max(self) -> usize {
        usize::try_from(self.size).map_or(usize::MAX, |count| count.max(1))
    }

    /// Whether a node must not become that large.
    fn exceeds(self, bytes: usize, count: usize) -> bool {
        match self.bytes_max() {
            Some(max) => bytes > max,
            None => bytes > SAFE_NODE_BYTES_MAX || count > self.count_max(),
        }
    }

    /// Whether an element of this length has to have a node of its own.
    fn is_large(self, len: usize) -> bool {
        len > self.bytes_max().unwrap_or(SAFE_NODE_BYTES_MAX)
    }

    /// Whether a node has room for an element of this length.
    fn has_room(self, listpack: &Listpack, len: usize) -> bool {
        let bytes = listpack.as_bytes().len() + len + ENTRY_OVERHEAD;
        !self.is_large(len) && !self.exceeds(bytes, listpack.len() + 1)
    }

    /// Whether a node that shrank is small enough for the compact encoding.
    fn is_half(self, listpack: &Listpack) -> bool {
        match self.bytes_max() {
            Some(max) => listpack.as_bytes().len() <= max / 2,
            None => listpack.len() <= self.count_max() / 2,
        }
    }

    /// Whether a node fits the compact encoding.
    fn is_whole(self, listpack: &Listpack) -> bool {
        match self.bytes_max() {
            Some(max) => listpack.as_bytes().len() <= max,
            None => listpack.len() <= self.count_max(),
        }
    }
}

impl Default for List {
    fn default() -> List {
        List::new()
    }
}

impl List {
    fn of(form: Form) -> List {
        List { form }
    }

    /// An empty one.
    pub fn new() -> List {
        List::of(Form::Packed(Listpack::new()))
    }

    /// How many elements.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Packed(listpack) => listpack.len(),
            Form::Nodes(nodes) => nodes.len(),
        }
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Packed(_) => "listpack",
            Form::Nodes(_) => "quicklist",
        }
    }

    /// Bytes on the heap, by allocation class.
    #[inline]
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Packed(listpack) => listpack.memory(),
            Form::Nodes(nodes) => nodes.memory(),
        }
    }

    /// Allocations to free, about.
    pub fn effort(&self) -> usize {
        match &self.form {
            Form::Packed(_) => 1,
            Form::Nodes(nodes) => nodes.count(),
        }
    }

    /// What has to be freed, in pieces.
    pub(super) fn into_parts(self) -> Vec<Part> {
        match self.form {
            Form::Packed(_) => Vec::new(),
            Form::Nodes(nodes) => vec![items_part::<NODES_A_PIECE>(nodes.into_iter())],
        }
    }

    /// Adds an element at an end.
    #[inline]
    pub fn push(&mut self, end: End, text: &[u8], limits: ListLimits) {
        self.extend(end, std::iter::once(text), limits);
    }

    /// Adds elements at an end, one after the other.
    pub fn extend<'a>(
        &mut self,
        end: End,
        texts: impl Iterator<Item = &'a [u8]> + Clone,
        limits: ListLimits,
    ) {
        self.make_room(texts.clone(), limits);
        for text in texts {
            match (&mut self.form, end) {
                (Form::Packed(listpack), End::Front) => listpack.push_front(text),
                (Form::Packed(listpack), End::Back) => listpack.push_back(text),
                (Form::Nodes(nodes), _) => nodes.push(end, text),
            }
        }
    }

    /// Takes up to `n` elements from an end, each shown to `each` before it goes.
    pub fn pop(&mut self, end: End, n: usize, limits: ListLimits, mut each: impl FnMut(Item<'_>)) {
        let mut left = n;
        if n == 1
            && let Form::Nodes(nodes) = &mut self.form
            && nodes.pop_one(end, &mut each)
        {
            return self.settle(limits);
        }
        if n > 0 {
            self.visit(end, 0, |item| {
                each(item);
                left -= 1;
                left > 0
            });
        }
        self.drop_from(end, n);
        self.settle(limits);
    }

    /// Shows the elements from the `skip`th on, counted from that end and in that direction, until `each` says no.
    pub fn visit(&self, end: End, skip: usize, mut each: impl FnMut(Item<'_>) -> bool) {
        match &self.form {
            Form::Packed(listpack) => visit_packed(listpack, end, skip, &mut each),
            Form::Nodes(nodes) => nodes.visit(end, skip, &mut each),
        };
    }

    /// Shows the element of this index, negative ones counted from the end.
    pub fn get<R>(&self, index: i64, read: impl FnOnce(Item<'_>) -> R) -> Option<R> {
        let (end, skip) = match index < 0 {
            true => (End::Back, -1 - index),
            false => (End::Front, index),
        };
        let mut read = Some(read);
        let mut result = None;
        self.visit(end, usize::try_from(skip).ok()?, |item| {
            result = read.take().map(|read| read(item));
            false
        });
        result
    }

    /// Replaces the element of this index, negative ones counted from the end; false if there is none.
    pub fn set(&mut self, index: i64, text: &[u8], limits: ListLimits) -> bool {
        let Some(index) = self.resolve(index) else {
            return false;
        };
        self.make_room(std::iter::once(text), limits);
        match &mut self.form {
            Form::Packed(listpack) => {
                if let Some(pos) = listpack.seek(index as i64) {
                    listpack.replace(pos, text);
                }
            }
            Form::Nodes(nodes) => nodes.set(index, text),
        }
        self.settle(limits);
        true
    }

    /// Inserts next to the first element that is `pivot`; false if there is none.
    pub fn insert(&mut self, pivot: &[u8], side: Side, text: &[u8], limits: ListLimits) -> bool {
        let (mut index, mut found) = (0, false);
        self.visit(End::Front, 0, |item| {
            found = item.eq_bytes(pivot);
            index += usize::from(!found);
            !found
        });
        if !found {
            return false;
        }
        self.make_room(std::iter::once(text), limits);
        match &mut self.form {
            Form::Packed(listpack) => {
                let pos = listpack.seek(index as i64).expect("it was just seen");
                match side {
                    Side::Before => listpack.insert_before(pos, text),
                    Side::After => {
                        listpack.insert_after(pos, text);
                    }
                }
            }
            Form::Nodes(nodes) => nodes.insert(index, side, text),
        }
        true
    }

    /// Removes up to `n` elements that are `text`, the first ones seen from that end. Returns how many.
    pub fn remove(&mut self, text: &[u8], end: End, n: usize, limits: ListLimits) -> usize {
        let removed = match &mut self.form {
            Form::Packed(listpack) => remove_packed(listpack, text, end, n),
            Form::Nodes(nodes) => nodes.remove(text, end, n),
        };
        if removed > 0 {
            self.settle(limits);
        }
        removed
    }

    /// Keeps only `n` elements from the `skip`th on.
    pub fn trim(&mut self, skip: usize, n: usize, limits: ListLimits) {
        let len = self.len();
        let skip = skip.min(len);
        let behind = len - skip - n.min(len - skip);
        self.drop_from(End::Front, skip);
        self.drop_from(End::Back, behind);
        self.settle(limits);
    }

    /// The parts as RDB files carry them.
    pub fn chunks(&self) -> impl ExactSizeIterator<Item = Chunk<'_>> {
        let (packed, nodes) = match &self.form {
            Form::Packed(listpack) => (Some(Chunk::Packed(listpack.as_bytes().into())), None),
            Form::Nodes(nodes) => (None, Some(nodes)),
        };
        let count = nodes.map_or(1, |nodes| nodes.count());
        let mut packed = packed;
        (0..count).map(move |i| match nodes {
            Some(nodes) => nodes.view(i).into_chunk(),
            None => packed.take().expect("there is one"),
        })
    }

    /// Puts a list together from parts; `None` if one of them is nonsense. Empty parts are left out.
    pub fn from_chunks<'a>(
        chunks: impl Iterator<Item = Chunk<'a>>,
        limits: ListLimits,
    ) -> Option<List> {
        let mut nodes = Nodes::new(limits);
        for chunk in chunks {
            match chunk {
                Chunk::Packed(bytes) => {
                    let pack = Listpack::from_bytes(bytes.into_owned())?;
                    if !pack.is_empty() {
                        nodes.push_listpack(pack);
                    }
                }
                Chunk::Plain(text) => nodes.push_plain(&text),
            }
        }
        let mut list = List::of(Form::Nodes(Box::new(nodes)));
        list.convert_back(|listpack| limits.is_whole(listpack));
        if list.is_empty() {
            return Some(List::new());
        }
        Some(list)
    }

    fn drop_from(&mut self, end: End, n: usize) {
        match &mut self.form {
            Form::Packed(listpack) => drop_packed(listpack, end, n),
            Form::Nodes(nodes) => nodes.drop_from(end, n),
        }
    }

    /// The index from the front of an index that may count from the end.
    fn resolve(&self, index: i64) -> Option<usize> {
        let len = self.len();
        let index = match usize::try_from(index) {
            Ok(index) => index,
            Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
        };
        (index < len).then_some(index)
    }

    /// Goes over to nodes if these elements make a listpack too large.
    fn make_room<'a>(&mut self, texts: impl Iterator<Item = &'a [u8]>, limits: ListLimits) {
        let Form::Packed(listpack) = &mut self.form else {
            return;
        };
        let (mut bytes, mut count) = (listpack.as_bytes().len(), listpack.len());
        for text in texts {
            bytes = bytes.saturating_add(text.len());
            count += 1;
        }
        if limits.exceeds(bytes, count) {
            let mut nodes = Nodes::new(limits);
            nodes.push_listpack(std::mem::take(listpack));
            self.form = Form::Nodes(Box::new(nodes));
        }
    }

    /// Goes back to a listpack if a removal left little enough.
    fn settle(&mut self, limits: ListLimits) {
        self.convert_back(|listpack| limits.is_half(listpack));
    }

    #[inline]
    fn convert_back(&mut self, is_small: impl Fn(&Listpack) -> bool) {
        if let Form::Nodes(nodes) = &mut self.form
            && let Some(listpack) = nodes.sole_listpack()
            && is_small(listpack)
        {
            self.form = Form::Packed(std::mem::take(listpack));
        }
    }
}

/// Drops up to `n` elements from an end.
fn drop_packed(listpack: &mut Listpack, end: End, n: usize) {
    let n = n.min(listpack.len());
    let first = match end {
        End::Front => listpack.first(),
        End::Back => listpack.seek(-(n as i64)),
    };
    if let Some(first) = first
        && n > 0
    {
        listpack.remove(first, n);
    }
}

/// Removes up to `n` elements that are `text`, the first ones seen from that end.
fn remove_packed(listpack: &mut Listpack, text: &[u8], end: End, n: usize) -> usize {
    let Some(first) = listpack.find(text, 0) else {
        return 0;
    };
    if n == 1 && end == End::Front {
        listpack.remove(first, 1);
        return 1;
    }
    let wanted = Item::of(text);
    let mut kept = match end {
        End::Front => 0,
        End::Back => {
            let all = listpack.iter_from(first).filter(|item| *item == wanted);
            all.count().saturating_sub(n)
        }
    };
    let mut left = n;
    listpack.retain(|item| {
        if left == 0 || !item.eq_bytes(text) {
            return true;
        }
        if kept > 0 {
            kept -= 1;
            return true;
        }
        left -= 1;
        false
    })
}
