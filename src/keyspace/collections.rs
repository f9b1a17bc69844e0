//! Reading and changing values that are not strings, through the choke point.
//!
//! A change is a closure over the value. It says how many changes it made: with none nobody is told. A value that is
//! empty afterwards goes, as Redis has no empty collections but streams.

use super::db::Db;
use super::store::{Change, Expiry, is_expired};
use super::value::value_of;
use super::{Interest, Ttl, ValueRef};
use crate::resp::CommandError;
use crate::structure::Body;
use crate::types::{Collection, Kind, Stream};

/// What became of a value that was to be changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edited<R> {
    /// What the closure returned.
    pub result: R,
    /// Changes made.
    pub changes: u64,
    /// The value was empty afterwards, and the key is gone: the caller owes a `del` event.
    pub emptied: bool,
}

impl Db<'_> {
    /// The value, for a command that reads it; an error if it is of another type.
    #[inline]
    pub fn read<T: Kind>(&mut self, key: &[u8]) -> Result<Option<&T>, CommandError> {
        typed(self.get(key))
    }

    /// As [`Db::read`] in preparation of a write: neither hit nor miss.
    #[inline]
    pub fn find_as<T: Kind>(&mut self, key: &[u8]) -> Result<Option<&T>, CommandError> {
        typed(self.find(key))
    }

    /// As [`Db::find_as`] where the write follows, which is the access.
    #[inline]
    pub fn peek_as<T: Kind>(&mut self, key: &[u8]) -> Result<Option<&T>, CommandError> {
        typed(self.peek(key))
    }

    /// The value without further ado, so that several can be looked at side by side: nothing is counted, noted or
    /// removed. Comes after [`Db::read`] or [`Db::find_as`] of the same keys.
    pub fn view(&self, key: &[u8]) -> Option<ValueRef<'_>> {
        let at = self.locate(key);
        let entry = self.set.store_ref(at.slot).view(self.index, at, key)?;
        let is_gone = self.expiry != Expiry::Ignore && is_expired(entry, self.now);
        (!is_gone).then(|| value_of(entry))
    }

    /// As [`Db::view`], if the value is of this type.
    pub fn view_as<T: Kind>(&self, key: &[u8]) -> Option<&T> {
        match self.view(key)? {
            ValueRef::Collection(collection) => T::of(collection),
            ValueRef::Str(_) => None,
        }
    }

    /// Changes a value that is there. `change` returns its result and the number of changes made.
    pub fn modify<T: Kind, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T) -> (R, u64),
    ) -> Result<Option<Edited<R>>, CommandError> {
        let (db, look) = (self.index, self.look(true, false));
        let at = self.locate(key);
        let Some(mut target) = self.set.store(at.slot).find_mut(db, at, key, look) else {
            return Ok(None);
        };
        if target.as_ref().tag() != T::TAG {
            return Err(CommandError::WRONG_TYPE);
        }
        let edited = target.edit_object(change);
        if edited.emptied {
            target.remove(Change::Removed);
        }
        Ok(Some(edited))
    }

    /// As [`Db::modify`]; a key that is absent gets what `make` returns first. It stays absent if nothing was put in.
    pub fn upsert<T: Kind, R>(
        &mut self,
        key: &[u8],
        make: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> (R, u64),
    ) -> Result<Edited<R>, CommandError> {
        // The closure is wanted once, on one of two ways.
        let mut change = Some(change);
        let found = self.modify(key, |value| match change.take() {
            Some(change) => change(value),
            None => unreachable!("a change is made once"),
        })?;
        if let Some(edited) = found {
            return Ok(edited);
        }
        let mut value = make();
        let (result, changes) = match change.take() {
            Some(change) => change(&mut value),
            None => unreachable!("nothing was found to change"),
        };
        let collection = value.into_collection();
        let emptied = collection.is_empty();
        if !emptied {
            self.set_collection(key, collection, Ttl::Clear);
        }
        Ok(Edited {
            result,
            changes,
            emptied: false,
        })
    }

    /// Puts a collection under a key, in place of what it held. An empty one removes the key. Returns whether the key
    /// was there before.
    pub fn set_collection(&mut self, key: &[u8], collection: Collection, ttl: Ttl) -> bool {
        if collection.is_empty() {
            return self.remove(key);
        }
        let body = Body::Object(Box::new(collection));
        let Body::Object(object) = &body else {
            unreachable!("just made")
        };
        let tag = object.tag();
        self.put(key, tag, false, body, ttl, None)
    }

    /// A client remembers what it has read of this key: the next change of it is noted.
    pub fn note_reader(&mut self, key: &[u8]) {
        let (db, slot) = (self.index(), self.locate(key).slot);
        let store = self.set.store(slot);
        store.add_interest(db, key, Interest::TRACK);
    }

    /// Whether all keys there are, are in this view.
    pub fn covers_all(&self) -> bool {
        self.set.covers_all()
    }

    /// Whether the store that holds the key is part of this view.
    pub fn covers(&self, key: &[u8]) -> bool {
        self.set.covers(self.locate(key).slot)
    }
}

fn typed<T: Kind>(value: Option<ValueRef<'_>>) -> Result<Option<&T>, CommandError> {
    match value {
        None => Ok(None),
        Some(ValueRef::Collection(collection)) => match T::of(collection) {
            Some(value) => Ok(Some(value)),
            None => Err(CommandError::WRONG_TYPE),
        },
        Some(ValueRef::Str(_)) => Err(CommandError::WRONG_TYPE),
    }
}

impl super::store::Target<'_> {
    /// Changes the value of an entry known to hold one of this type. Nothing is told to anybody if nothing was changed.
    fn edit_object<T: Kind, R>(&mut self, change: impl FnOnce(&mut T) -> (R, u64)) -> Edited<R> {
        let (edited, before, after) = self.edit_apart(|collection| {
            let value = T::of_mut(collection).expect("the tag tells the type");
            let before = value.extent();
            let (result, changes) = change(value);
            let after = value.extent();
            let edited = Edited {
                result,
                changes,
                emptied: after.len == 0 && T::TAG != Stream::TAG,
            };
            (edited, before, after)
        });
        self.note_extent(T::TAG, before, after, edited.changes != 0);
        edited
    }
}
