//! The index of one database on one shard. (Interim: a std map behind the final interface.)

use std::collections::BTreeMap;

use super::entry::{Entry, EntryRef};
use crate::base::Rng;

/// How keys are hashed: 64 bits, all of them used, the leading ones for the order of iteration.
pub trait HashKey {
    /// The hash of a key; a pure function.
    fn hash(&self, key: &[u8]) -> u64;
}

/// Leading hash bits that order iteration and make up a cursor.
pub const ORDER_BITS: u32 = 48;

/// Entries by slot, each slot in hash order.
pub struct SlotTable<O, H> {
    hasher: H,
    entries: BTreeMap<(u16, u64), Vec<Entry<O>>>,
    lens: Vec<u32>,
    len: usize,
    expires: usize,
    expiry_sum_s: i64,
    entry_bytes: usize,
}

/// A found entry and the right to change it.
pub struct Occupied<'a, O, H> {
    table: &'a mut SlotTable<O, H>,
    slot: usize,
    hash: u64,
    at: usize,
}

impl<O, H: HashKey> SlotTable<O, H> {
    /// An empty table for `slots` slots, numbered from 0.
    pub fn new(slots: usize, hasher: H) -> SlotTable<O, H> {
        SlotTable {
            hasher,
            entries: BTreeMap::new(),
            lens: vec![0; slots],
            len: 0,
            expires: 0,
            expiry_sum_s: 0,
            entry_bytes: 0,
        }
    }

    /// Entries in all slots.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Entries with an expiry time.
    pub fn expires(&self) -> usize {
        self.expires
    }

    /// Sum of all expiry times in whole seconds, wrapping.
    pub fn expiry_sum_s(&self) -> i64 {
        self.expiry_sum_s
    }

    /// Entries of one slot.
    pub fn slot_len(&self, slot: usize) -> usize {
        self.lens[slot] as usize
    }

    /// Bytes of entries and index, by allocation class.
    pub fn bytes(&self) -> usize {
        self.entry_bytes + self.len * 13
    }

    /// Prefetches what a lookup reads first.
    pub fn prefetch(&self, _slot: usize, _hash: u64) {}

    /// Prefetches the entry, given that the index has arrived.
    pub fn prefetch_entry(&self, _slot: usize, _hash: u64) {}

    /// Finds an entry.
    pub fn lookup(&self, slot: usize, hash: u64, key: &[u8]) -> Option<EntryRef<'_, O>> {
        let group = self.entries.get(&(slot as u16, hash))?;
        group
            .iter()
            .map(Entry::as_ref)
            .find(|entry| entry.key() == key)
    }

    /// Finds an entry to change it.
    pub fn lookup_mut(&mut self, slot: usize, hash: u64, key: &[u8]) -> Option<Occupied<'_, O, H>> {
        let group = self.entries.get(&(slot as u16, hash))?;
        let at = group.iter().position(|entry| entry.as_ref().key() == key)?;
        Some(Occupied {
            table: self,
            slot,
            hash,
            at,
        })
    }

    /// Adds an entry whose key is not in the table.
    pub fn insert(&mut self, slot: usize, hash: u64, entry: Entry<O>) {
        debug_assert!(self.lookup(slot, hash, entry.as_ref().key()).is_none());
        self.len += 1;
        self.lens[slot] += 1;
        self.entry_bytes += entry.as_ref().alloc_bytes();
        self.note_expiry(None, entry.as_ref().expiry());
        self.entries
            .entry((slot as u16, hash))
            .or_default()
            .push(entry);
    }

    fn note_expiry(&mut self, old: Option<i64>, new: Option<i64>) {
        if let Some(at) = old {
            self.expires -= 1;
            self.expiry_sum_s = self.expiry_sum_s.wrapping_sub(at / 1000);
        }
        if let Some(at) = new {
            self.expires += 1;
            self.expiry_sum_s = self.expiry_sum_s.wrapping_add(at / 1000);
        }
    }

    /// Visits the entries at the first position at or after `from`, a prefix of [`ORDER_BITS`] hash bits, and returns
    /// the prefix to go on with, or `None` at the end of the slot.
    pub fn scan_step<'a>(
        &'a self,
        slot: usize,
        from: u64,
        mut visit: impl FnMut(EntryRef<'a, O>),
    ) -> Option<u64> {
        let shift = 64 - ORDER_BITS;
        let lower = from << shift;
        let (&(_, first), _) = self
            .entries
            .range((slot as u16, lower)..=(slot as u16, u64::MAX))
            .next()?;
        let upper = first | ((1 << shift) - 1);
        for (_, group) in self
            .entries
            .range((slot as u16, first)..=(slot as u16, upper))
        {
            group.iter().for_each(|entry| visit(entry.as_ref()));
        }
        let next = (first >> shift) + 1;
        (next < 1 << ORDER_BITS).then_some(next)
    }

    /// The first slot with entries, at or after `slot`.
    pub fn next_slot(&self, slot: usize) -> Option<usize> {
        (slot..self.lens.len()).find(|&slot| self.lens[slot] != 0)
    }

    /// Some entry, each about equally likely, with its slot and hash.
    pub fn random(&self, rng: &mut Rng) -> Option<EntryRef<'_, O>> {
        if self.len == 0 {
            return None;
        }
        let at = rng.index(self.len);
        self.entries.values().flatten().nth(at).map(Entry::as_ref)
    }

    /// Some entries with an expiry time, chosen about uniformly.
    pub fn random_volatile(&self, rng: &mut Rng) -> Option<EntryRef<'_, O>> {
        if self.expires == 0 {
            return None;
        }
        let at = rng.index(self.expires);
        let all = self.entries.values().flatten().map(Entry::as_ref);
        all.filter(|entry| entry.expiry().is_some()).nth(at)
    }

    /// A lower bound for the earliest expiry time.
    pub fn next_due(&self) -> Option<i64> {
        self.entries
            .values()
            .flatten()
            .filter_map(|entry| entry.as_ref().expiry())
            .min()
    }

    /// Some entry whose expiry time is at or before `now`.
    pub fn due(&mut self, now: i64) -> Option<Occupied<'_, O, H>> {
        let is_due = |entry: &Entry<O>| entry.as_ref().expiry().is_some_and(|at| at <= now);
        let found = self.entries.iter().find_map(|(&(slot, hash), group)| {
            Some((slot as usize, hash, group.iter().position(is_due)?))
        });
        let (slot, hash, at) = found?;
        Some(Occupied {
            table: self,
            slot,
            hash,
            at,
        })
    }

    /// Checks every invariant; panics if one is broken.
    pub fn check(&self) {
        for (&(_, hash), group) in &self.entries {
            group
                .iter()
                .for_each(|entry| assert_eq!(self.hasher.hash(entry.as_ref().key()), hash));
        }
    }
}

impl<'a, O, H: HashKey> Occupied<'a, O, H> {
    fn entry(&self) -> &Entry<O> {
        &self.table.entries[&(self.slot as u16, self.hash)][self.at]
    }

    fn entry_mut(&mut self) -> &mut Entry<O> {
        let group = self.table.entries.get_mut(&(self.slot as u16, self.hash));
        &mut group.expect("found before")[self.at]
    }

    /// Reads the entry.
    pub fn as_ref(&self) -> EntryRef<'_, O> {
        self.entry().as_ref()
    }

    /// Reads the entry for as long as the table is borrowed.
    pub fn into_ref(self) -> EntryRef<'a, O> {
        self.table.entries[&(self.slot as u16, self.hash)][self.at].as_ref()
    }

    /// The table, for its counts.
    pub fn table(&self) -> &SlotTable<O, H> {
        self.table
    }

    /// The entry's slot.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// The entry's hash.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Changes the entry; counts, hints and bytes follow.
    pub fn edit<R>(&mut self, edit: impl FnOnce(&mut Entry<O>) -> R) -> R {
        let entry = self.entry_mut();
        let (old, old_bytes) = (entry.as_ref().expiry(), entry.as_ref().alloc_bytes());
        let result = edit(entry);
        let (new, new_bytes) = (entry.as_ref().expiry(), entry.as_ref().alloc_bytes());
        self.table.entry_bytes = self.table.entry_bytes + new_bytes - old_bytes;
        self.table.note_expiry(old, new);
        result
    }

    /// Sets the access bits.
    pub fn set_access(&mut self, access: u32) {
        self.entry_mut().set_access(access);
    }

    /// Takes the entry out of the table.
    pub fn remove(self) -> (Entry<O>, &'a SlotTable<O, H>) {
        let key = (self.slot as u16, self.hash);
        let group = self.table.entries.get_mut(&key).expect("found before");
        let entry = group.swap_remove(self.at);
        if group.is_empty() {
            self.table.entries.remove(&key);
        }
        self.table.len -= 1;
        self.table.lens[self.slot] -= 1;
        self.table.entry_bytes -= entry.as_ref().alloc_bytes();
        self.table.note_expiry(entry.as_ref().expiry(), None);
        (entry, self.table)
    }
}
