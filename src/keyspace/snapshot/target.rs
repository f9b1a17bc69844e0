//! The choke point's side: an entry is about to change, and a snapshot may have to keep what it is.

use std::ops::Range;
use std::sync::Arc;

use super::How;
use crate::keyspace::store::Target;
use crate::keyspace::value::outside_bytes;
use crate::structure::BodyRef;
use crate::types::Collection;

impl Target<'_> {
    /// Whether a snapshot has to learn that the entry is about to change.
    #[inline]
    pub(in crate::keyspace) fn is_wanted(&self, how: How) -> bool {
        match &self.ledger.snapshot {
            None => false,
            Some(snapshot) => {
                let entry = self.found.as_ref();
                entry.epoch() != self.ledger.cut_epoch || snapshot.is_writing_it(entry, how)
            }
        }
    }

    /// The entry is about to change: a snapshot may have to keep what it is now.
    #[cold]
    pub(in crate::keyspace) fn preserve(&mut self, how: How) {
        let label = self.ledger.preserve(self.db, self.found.as_ref(), how);
        let has_label = label.is_some();
        let epoch = self.ledger.cut_epoch;
        let outside = outside_bytes(self.found.as_ref());
        let left = self.found.edit(|entry| {
            entry.set_epoch(epoch);
            let collection = entry.object_mut()?;
            if let Some(label) = label {
                collection.begin_walk(label);
            }
            match collection {
                Collection::List(list) if how == How::InPlace => list.leave_walk(),
                _ => None,
            }
        });
        self.sizes.outside = self.sizes.outside + outside_bytes(self.found.as_ref()) - outside;
        let key = self.found.as_ref().key();
        let Some(snapshot) = &mut self.ledger.snapshot else {
            return;
        };
        match left {
            Some(rest) => snapshot.queue_list(rest),
            None if has_label && how == How::InPlace => snapshot.queue(self.db, key),
            None => {}
        }
    }

    /// Before a part of a string is edited where it is.
    #[inline]
    pub(in crate::keyspace) fn preserve_text(&mut self, range: Range<usize>) {
        let BodyRef::Shared(text) = self.found.as_ref().body() else {
            return;
        };
        if self.ledger.preserves_blocks(text.len()) {
            let text = Arc::clone(text);
            self.preserve(How::InPlace);
            let key = self.found.as_ref().key();
            self.ledger.preserve_blocks(self.db, key, range, &text);
        }
    }
}
