#![expect(
    unsafe_code,
    reason = "the table owns its nodes through tagged pointers"
)]
//! The invariants of a table, checked one by one. For tests.

use super::{GROUP, Group, HashKey, SlotTable, frame_bytes};
use crate::structure::directory::{BITS_MAX, Directory};
use crate::structure::due::NEVER;
use crate::structure::entry::size_class;
use crate::structure::segment::Word;

impl<O, H: HashKey> SlotTable<O, H> {
    /// Checks every invariant; panics if one is broken.
    pub fn check(&self) {
        let (mut len, mut expires, mut sum) = (0, 0, 0_i64);
        let mut bytes =
            size_class(size_of_val(&*self.heads)) + size_class(size_of_val(&*self.groups));
        bytes += self.dues.as_ref().map_or(0, |dues| dues.bytes());
        assert_eq!(bytes, frame_bytes(self.frame(), self.heads.len()));
        let mut groups = vec![Group::default(); self.groups.len()];
        for (slot, head) in self.heads.iter().enumerate() {
            let mut tally = Tally::default();
            let due = self.check_below(head.root, 0, 0, &mut tally);
            assert_eq!(
                (head.len as usize, head.expires as usize),
                (tally.len, tally.expires)
            );
            assert!(
                head.len > 0 || head.root == Word::EMPTY,
                "an empty slot has no nodes"
            );
            let bound = self.dues.as_ref().map_or(NEVER, |dues| dues.get(slot));
            assert!(bound <= due, "slot bound {bound} after {due}");
            groups[slot / GROUP].len += head.len;
            groups[slot / GROUP].expires += head.expires;
            len += tally.len;
            expires += tally.expires;
            sum = sum.wrapping_add(tally.expiry_sum_s);
            bytes += tally.bytes;
        }
        for (group, counted) in self.groups.iter().zip(&groups) {
            assert_eq!((group.len, group.expires), (counted.len, counted.expires));
        }
        assert_eq!(
            (self.len, self.expires, self.expiry_sum_s),
            (len, expires, sum)
        );
        assert_eq!(self.bytes, bytes);
    }

    /// Checks a node and all below; returns its bound.
    fn check_below(&self, word: Word, consumed: u32, path: u64, tally: &mut Tally) -> i64 {
        if word.is_directory() {
            // SAFETY: a live directory of this table, which is borrowed.
            let directory = unsafe { Directory::new(word) };
            tally.bytes += Directory::bytes(directory.bits());
            let mut at = 0;
            while at < directory.len() {
                let child = directory.child(at);
                let (first, names) = directory.names(at);
                assert_eq!(first, at, "names lie side by side");
                let path = path | (at as u64) << (64 - consumed - directory.bits());
                let below = if child.is_directory() {
                    assert_eq!(directory.bits(), BITS_MAX);
                    consumed + BITS_MAX
                } else {
                    consumed
                };
                let due = self.check_below(child, below, path, tally);
                assert!(
                    directory.due(at) <= due,
                    "child bound {} after {due}",
                    directory.due(at)
                );
                for other in at + 1..at + names {
                    assert!(directory.child(other) == child && directory.due(other) == NEVER);
                }
                at += names;
            }
            return directory.least_due();
        }
        let Some(segment) = self.segment((word, consumed + word.depth())) else {
            return NEVER;
        };
        tally.bytes += segment.geometry().bytes();
        for entry in segment.entries().map(|entry| self.entry_at(entry)) {
            tally.len += 1;
            tally.bytes += entry.alloc_bytes();
            if let Some(at) = entry.expiry() {
                tally.expires += 1;
                tally.expiry_sum_s = tally.expiry_sum_s.wrapping_add(at.div_euclid(1000));
            }
        }
        let look = |entry| {
            let entry = self.entry_at(entry);
            (self.hasher.hash(entry.key()), entry.expiry())
        };
        segment.check(look, path);
        segment.due()
    }
}

#[derive(Default)]
struct Tally {
    len: usize,
    expires: usize,
    expiry_sum_s: i64,
    bytes: usize,
}
