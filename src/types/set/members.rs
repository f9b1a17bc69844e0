//! Many or long members in a slot table: a member is the key of an entry that holds nothing.

use std::fmt;

use super::walk::SetWalk;
use crate::types::pick::distinct;
use crate::types::pieces::{Part, table_part};
use crate::types::walk::Walking;

use crate::base::Rng;
use crate::structure::{Body, Entry, HashKey, MemberHasher, SlotTable};

/// Entries point to nothing outside of themselves.
pub(super) enum Nothing {}

pub(super) struct Members {
    entries: SlotTable<Nothing, MemberHasher>,
    /// A snapshot's.
    pub(super) walk: Walking<SetWalk>,
}

/// The only slot.
const SLOT: usize = 0;

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut set = f.debug_set();
        self.each_while(|member| {
            set.entry(&member);
            true
        });
        set.finish()
    }
}

impl Clone for Members {
    fn clone(&self) -> Members {
        let mut copy = Members::new();
        self.each_while(|member| {
            copy.add(member);
            true
        });
        copy
    }
}

impl Members {
    /// What has to be freed, in pieces.
    pub(super) fn into_part(self) -> Part {
        table_part(self.entries.into_remains())
    }

    pub(super) fn new() -> Members {
        Members {
            entries: SlotTable::new(1, MemberHasher),
            walk: Walking::NOT,
        }
    }

    /// Before a member is removed or added.
    #[inline]
    pub(super) fn note(&mut self, member: &[u8]) {
        if self.walk.0.is_some() {
            let was_member = self.contains(member);
            if let Some(walk) = &mut self.walk.0 {
                walk.note(member, was_member);
            }
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    #[inline]
    pub(super) fn memory(&self) -> usize {
        self.entries.bytes()
    }

    #[inline]
    pub(super) fn contains(&self, member: &[u8]) -> bool {
        let hash = MemberHasher.hash(member);
        self.entries.lookup(SLOT, hash, member).is_some()
    }

    /// Drops those of some texts that are no members. What they touch is asked for first: a few dozen at a time are best.
    pub(super) fn retain_members<T: AsRef<[u8]>>(&self, texts: &mut Vec<T>) {
        let hashes: Vec<u64> = texts
            .iter()
            .map(|text| MemberHasher.hash(text.as_ref()))
            .collect();
        for &hash in &hashes {
            self.entries.prefetch(SLOT, hash);
        }
        let mut stashed = hashes.clone();
        stashed.retain(|&hash| self.entries.prefetch_entry(SLOT, hash));
        for hash in stashed {
            self.entries.prefetch_stashed(SLOT, hash);
        }
        let mut hashes = hashes.into_iter();
        texts.retain(|text| {
            let hash = hashes.next().expect("one for each");
            self.entries.lookup(SLOT, hash, text.as_ref()).is_some()
        });
    }

    pub(super) fn insert(&mut self, member: &[u8]) -> bool {
        let is_new = !self.contains(member);
        if is_new {
            self.add(member);
        }
        is_new
    }

    /// Adds a member that is not in it.
    pub(super) fn add(&mut self, member: &[u8]) {
        let entry = Entry::new(member, 0, false, None, Body::Bytes(b""));
        self.entries.insert(SLOT, MemberHasher.hash(member), entry);
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let hash = MemberHasher.hash(member);
        match self.entries.lookup_mut(SLOT, hash, member) {
            Some(found) => {
                found.remove();
                true
            }
            None => false,
        }
    }

    pub(super) fn each_while<'a>(&'a self, mut visit: impl FnMut(&'a [u8]) -> bool) {
        self.entries.each_of(SLOT, |entry| visit(entry.key()));
    }

    pub(super) fn scan<'a>(
        &'a self,
        cursor: u64,
        count: usize,
        mut visit: impl FnMut(&'a [u8]),
    ) -> u64 {
        self.entries
            .walk(SLOT, cursor, count, |entry| visit(entry.key()))
    }

    pub(super) fn random(&self, rng: &mut Rng) -> Option<&[u8]> {
        self.entries.random(rng).map(|entry| entry.key())
    }

    /// Draws until `count` different ones have come; that must be a small part of all.
    pub(super) fn sample<'a>(&'a self, rng: &mut Rng, count: usize, visit: impl FnMut(&'a [u8])) {
        // A member is known by its address: nothing moves meanwhile.
        let draw = || {
            let member = self.random(rng)?;
            Some((member.as_ptr().addr(), member))
        };
        distinct(count, draw, visit);
    }
}
