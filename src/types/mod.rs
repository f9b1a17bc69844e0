//! The data types other than strings: pure values, without keys, clients, clocks or replies.
//!
//! Each type has a compact encoding for few small elements and a large one for the rest, with the names and thresholds
//! that OBJECT ENCODING and the configuration promise. What a type needs to know of the configuration is handed in with
//! each call that may outgrow the compact encoding.
//!
//! Every type counts its own memory as it changes: `memory` is O(1), since the store asks before and after each
//! change. `Clone` is what COPY does.

mod hash;
pub mod hll;
mod intset;
mod list;
mod listpack;
mod pick;
mod pieces;
mod set;
pub mod stream;
mod tight;
mod walk;
mod zset;

pub use hash::{Field, FieldText, FieldTtl, Hash, HashLimits};
pub use intset::Intset;
pub use list::{Chunk, End, List, ListLimits, ListRest, Side};
pub use listpack::{Item, Iter, Listpack, Pos};
pub use pieces::Pieces;
pub use set::{Set, SetLimits};
pub use stream::Stream;
use walk::Sliced;
pub use walk::{Frame, Label, Walked};
pub use zset::{LexBound, LexRange, ScoreRange, Zset, ZsetLimits};

/// A value that is not a string.
#[derive(Clone, Debug)]
pub enum Collection {
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    Zset(Zset),
    /// A hash.
    Hash(Hash),
    /// A stream: so much larger than the others that it is kept apart.
    Stream(Box<Stream>),
}

/// One of the types in [`Collection`].
pub trait Kind: Sized {
    /// The type's number in an entry; 0 is a string.
    const TAG: u8;
    /// This type in a collection, if that is what it is.
    fn of(collection: &Collection) -> Option<&Self>;
    /// As [`Kind::of`], to change it.
    fn of_mut(collection: &mut Collection) -> Option<&mut Self>;
    /// As a collection.
    fn into_collection(self) -> Collection;
    /// What the store counts of it.
    fn extent(&self) -> Extent;
}

/// What the store counts of a value, and asks for before and after each change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// [`Collection::len`].
    pub len: usize,
    /// [`Collection::memory`].
    pub memory: usize,
    /// [`Collection::due`].
    pub due: Option<i64>,
}

macro_rules! kinds {
    ($($kind:ident = $tag:literal, $name:literal, $due:expr;)*) => {
        $(impl Kind for $kind {
            const TAG: u8 = $tag;
            #[inline]
            fn of(collection: &Collection) -> Option<&Self> {
                match collection {
                    Collection::$kind(value) => Some(value),
                    _ => None,
                }
            }
            #[inline]
            fn of_mut(collection: &mut Collection) -> Option<&mut Self> {
                match collection {
                    Collection::$kind(value) => Some(value),
                    _ => None,
                }
            }
            fn into_collection(self) -> Collection {
                Collection::$kind(self.into())
            }
            #[inline]
            fn extent(&self) -> Extent {
                Extent {
                    len: self.len(),
                    memory: self.memory(),
                    due: $due(self),
                }
            }
        })*

        impl Collection {
            /// The type's number in an entry.
            pub fn tag(&self) -> u8 {
                match self {
                    $(Collection::$kind(_) => $kind::TAG,)*
                }
            }

            /// The name TYPE answers.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Collection::$kind(_) => $name,)*
                }
            }

            /// The name OBJECT ENCODING answers.
            pub fn encoding(&self) -> &'static str {
                match self {
                    $(Collection::$kind(value) => value.encoding(),)*
                }
            }

            /// Elements, fields, members or messages.
            pub fn len(&self) -> usize {
                match self {
                    $(Collection::$kind(value) => value.len(),)*
                }
            }

            /// Bytes on the heap, by allocation class, without the value itself. O(1).
            pub fn memory(&self) -> usize {
                match self {
                    $(Collection::$kind(value) => value.memory(),)*
                }
            }

            /// Allocations that freeing it takes, about: decides who frees it.
            pub fn effort(&self) -> usize {
                match self {
                    $(Collection::$kind(value) => value.effort(),)*
                }
            }
        }
    };
}

kinds! {
    List = 1, "list", never;
    Set = 2, "set", never;
    Zset = 3, "zset", never;
    Hash = 4, "hash", Hash::due;
    Stream = 5, "stream", never;
}

/// The elements of most types have no times of their own.
#[inline]
fn never<T>(_: &T) -> Option<i64> {
    None
}

impl Collection {
    /// When the first of its elements comes due: a bound, perhaps too early, never late. `None` where none has a time of
    /// its own.
    #[inline]
    pub fn due(&self) -> Option<i64> {
        match self {
            Collection::Hash(hash) => hash.due(),
            _ => None,
        }
    }

    /// Removes elements whose time has passed, as far as `visits` steps reach, and calls `gone` for each. Returns how
    /// many.
    pub fn expire(&mut self, now: i64, visits: &mut usize, gone: impl FnMut(&[u8])) -> usize {
        match self {
            Collection::Hash(hash) => hash.expire(now, visits, gone),
            _ => 0,
        }
    }

    /// Whether a key must not hold it any more. A stream may be empty.
    pub fn is_empty(&self) -> bool {
        !matches!(self, Collection::Stream(_)) && self.len() == 0
    }

    /// Whether writing it down takes so long that it is done in slices.
    pub fn is_large(&self) -> bool {
        let may_be = match self {
            Collection::List(list) => list.can_be_walked(),
            Collection::Set(set) => set.can_be_walked(),
            Collection::Zset(zset) => zset.can_be_walked(),
            Collection::Hash(hash) => hash.can_be_walked(),
            Collection::Stream(_) => true,
        };
        may_be && (self.effort() > LARGE_EFFORT || self.memory() > LARGE_BYTES)
    }

    /// Begins to write it down in slices, as it is now. It must be a large one.
    pub fn begin_walk(&mut self, label: Box<Label>) {
        match self {
            Collection::List(list) => list.begin_walk(label),
            Collection::Set(set) => set.begin_walk(label),
            Collection::Zset(zset) => zset.begin_walk(label),
            Collection::Hash(hash) => hash.begin_walk(label),
            Collection::Stream(stream) => stream.begin_walk(label),
        }
    }

    /// What it is written down with, if that was begun and is not done.
    pub fn walk_label(&mut self) -> Option<&mut Label> {
        match self {
            Collection::List(list) => list.walk_label(),
            Collection::Set(set) => set.walk_label(),
            Collection::Zset(zset) => zset.walk_label(),
            Collection::Hash(hash) => hash.walk_label(),
            Collection::Stream(stream) => stream.walk_label(),
        }
    }

    /// Its key is gone, and it is kept only to be written down. Returns its bytes, if it is to be.
    pub fn hold(&mut self) -> usize {
        let bytes = self.memory();
        self.walk_label().map_or(0, |label| {
            label.hold(bytes);
            bytes
        })
    }

    /// Stops writing it down, wherever that is. What comes back may take long to free.
    pub fn end_walk(&mut self) -> Option<Pieces> {
        match self {
            Collection::List(list) => list.end_walk(),
            Collection::Set(set) => set.end_walk(),
            Collection::Zset(zset) => zset.end_walk(),
            Collection::Hash(hash) => hash.end_walk(),
            Collection::Stream(stream) => stream.end_walk(),
        }
    }
}
/// What is written down in one go costs at most so many allocations' worth of work, and
const LARGE_EFFORT: usize = 128;

/// so many bytes.
const LARGE_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_small_value_costs_stays_small() {
        assert_eq!(size_of::<Collection>(), 32);
    }
}
