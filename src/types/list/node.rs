//! A part of a large list: a listpack, one element too large for that, or either of them compressed.

use std::borrow::Cow;
use std::num::NonZeroU32;
use std::sync::Arc;

use super::{Chunk, End};
use crate::base::{cpu, lzf};
use crate::structure::size_class;
use crate::types::{Item, Listpack};

/// A part of a list.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// Some elements.
    Packed(Listpack),
    /// One large element.
    Plain(Box<[u8]>),
    /// One of the above.
    Compressed {
        bytes: Box<[u8]>,
        /// Length before.
        full: u32,
        /// Entries, if it is a listpack.
        packed: Option<NonZeroU32>,
    },
    /// One of the above, which a snapshot still has to write as it is.
    Shared(Arc<Node>),
}

/// What is in a node, if need be decompressed for the occasion.
pub(super) enum View<'a> {
    Packed(Cow<'a, Listpack>),
    Plain(Cow<'a, [u8]>),
}

impl<'a> View<'a> {
    /// As files carry it.
    pub(super) fn into_chunk(self) -> Chunk<'a> {
        match self {
            View::Packed(Cow::Borrowed(listpack)) => Chunk::Packed(listpack.as_bytes().into()),
            View::Packed(Cow::Owned(listpack)) => {
                Chunk::Packed(listpack.as_bytes().to_vec().into())
            }
            View::Plain(text) => Chunk::Plain(text),
        }
    }
}

/// What sharing costs.
const SHARED_BYTES: usize = size_class(2 * size_of::<usize>() + size_of::<Node>());

/// Less than this is not compressed.
const COMPRESS_BYTES_MIN: usize = 48;
/// Compression has to spare as much.
const COMPRESS_GAIN_MIN: usize = 8;

impl Node {
    /// Number of elements.
    pub(super) fn len(&self) -> usize {
        match self {
            Node::Packed(listpack) => listpack.len(),
            Node::Plain(_) => 1,
            Node::Compressed { packed, .. } => packed.map_or(1, |count| count.get() as usize),
            Node::Shared(node) => node.len(),
        }
    }

    /// Bytes on the heap.
    pub(super) fn memory(&self) -> usize {
        match self {
            Node::Packed(listpack) => listpack.memory(),
            Node::Plain(bytes) | Node::Compressed { bytes, .. } => size_class(bytes.len()),
            Node::Shared(node) => SHARED_BYTES + node.memory(),
        }
    }

    /// What is in it.
    pub(super) fn view(&self) -> View<'_> {
        match self {
            Node::Packed(listpack) => View::Packed(Cow::Borrowed(listpack)),
            Node::Plain(text) => View::Plain(Cow::Borrowed(text)),
            Node::Compressed {
                bytes,
                full,
                packed,
            } => {
                let bytes = lzf::decompress(bytes, *full as usize);
                let bytes = bytes.expect("what was compressed can be decompressed");
                match packed {
                    Some(count) => View::Packed(Cow::Owned(Listpack::from_own(bytes, count.get()))),
                    None => View::Plain(Cow::Owned(bytes)),
                }
            }
            Node::Shared(node) => node.view(),
        }
    }

    /// Whether it is one already that others can have as well.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Node::Shared(_))
    }

    /// Fetches what counts its users, if others can have it as well.
    #[inline]
    pub(super) fn prefetch(&self) {
        if let Node::Shared(node) = self {
            // The two counters stand in front of it.
            let counters = Arc::as_ptr(node).cast::<u8>();
            cpu::prefetch(counters.wrapping_sub(2 * size_of::<usize>()));
        }
    }

    /// Makes it one that a snapshot can have as well.
    pub(super) fn share(&mut self) -> Arc<Node> {
        match self {
            Node::Shared(node) => Arc::clone(node),
            node => {
                let shared = Arc::new(std::mem::replace(node, Node::Plain(Box::default())));
                *node = Node::Shared(Arc::clone(&shared));
                shared
            }
        }
    }

    /// Makes it the list's own again.
    #[cold]
    fn own(&mut self) {
        if let Node::Shared(node) = self {
            let node = std::mem::replace(node, Arc::new(Node::Plain(Box::default())));
            *self = Arc::unwrap_or_clone(node);
        }
    }

    /// Decompresses it.
    pub(super) fn open(&mut self) {
        self.own();
        if let Node::Compressed { .. } = self {
            *self = match self.view() {
                View::Packed(listpack) => Node::Packed(listpack.into_owned()),
                View::Plain(text) => Node::Plain(text.into()),
            };
        }
    }

    /// Compresses it, if that pays.
    pub(super) fn close(&mut self) {
        let (bytes, packed) = match self {
            // A snapshot is about to let go of it.
            Node::Shared(_) => return,
            Node::Packed(listpack) => (listpack.as_bytes(), NonZeroU32::new(listpack.len() as u32)),
            Node::Plain(text) => (&text[..], None),
            Node::Compressed { .. } => return,
        };
        let Ok(full) = u32::try_from(bytes.len()) else {
            return;
        };
        if bytes.len() < COMPRESS_BYTES_MIN {
            return;
        }
        if let Some(less) = lzf::compress(bytes, bytes.len() - COMPRESS_GAIN_MIN) {
            *self = Node::Compressed {
                bytes: less.into(),
                full,
                packed,
            };
        }
    }

    /// The listpack, decompressed; `None` for a large element.
    pub(super) fn packed_mut(&mut self) -> Option<&mut Listpack> {
        self.open();
        match self {
            Node::Packed(listpack) => Some(listpack),
            _ => None,
        }
    }

    /// The listpack, if it is one and not compressed.
    pub(super) fn packed(&self) -> Option<&Listpack> {
        match self {
            Node::Packed(listpack) => Some(listpack),
            _ => None,
        }
    }

    /// Shows the elements from the `skip`th on, counted from that end, until `each` says no. Returns whether it never
    /// did.
    pub(super) fn visit(
        &self,
        end: End,
        skip: usize,
        each: &mut impl FnMut(Item<'_>) -> bool,
    ) -> bool {
        match self.view() {
            View::Plain(text) => skip > 0 || each(Item::Text(&text)),
            View::Packed(listpack) => visit_packed(&listpack, end, skip, each),
        }
    }
}

/// As [`Node::visit`].
pub(super) fn visit_packed(
    listpack: &Listpack,
    end: End,
    skip: usize,
    each: &mut impl FnMut(Item<'_>) -> bool,
) -> bool {
    let Ok(skip) = i64::try_from(skip) else {
        return true;
    };
    match end {
        End::Front => match listpack.seek(skip) {
            Some(pos) => listpack.iter_from(pos).all(each),
            None => true,
        },
        End::Back => match listpack.seek(-1 - skip) {
            Some(pos) => listpack.iter_to(pos).rev().all(each),
            None => true,
        },
    }
}
