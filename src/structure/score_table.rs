#![expect(
    unsafe_code,
    reason = "the order points at entries that the table owns"
)]
//! Members with scores: found by name, and in the order of (score, member).
//!
//! ```text
//!   members: SlotTable      name -> entry | score | name |          one allocation a member
//!   order: CountedTree      | score, entry | score, entry | ..      16 bytes, by 1.45
//! ```
//!
//! A name is stored once; the order points at its entry and keeps the score beside, so that a search reads names only
//! where scores are equal. A member of 11 bytes costs 32 for its entry, 10 of the table and 23 of the order.
//!
//! Invariants
//!   1. The order has exactly one item for each entry of the table: its address, and its score.
//!   2. An entry stays where it is from insertion to removal: its score is overwritten in place, and nothing else of it
//!      ever changes.
//!   3. The order is sorted by (score, member). Scores are not NaN.

use std::ops::Range;
use std::ptr::NonNull;

use super::counted_tree::{self, CountedTree, TreeRemains};
use super::entry::{Body, BodyRef, Entry, EntryRef};
use super::slot_table::{HashKey, SlotTable, TableRemains};

/// Members with scores.
pub struct ScoreTable<H> {
    members: SlotTable<(), H>,
    order: CountedTree<Ranked>,
}

/// What is left of members with scores that are being freed a piece at a time. Dropping it frees the rest.
pub struct ScoreRemains {
    members: TableRemains<()>,
    order: TreeRemains<Ranked>,
}

// SAFETY: the addresses in the order are of entries in `members`, which are sent along; freeing the order does not follow
// them.
unsafe impl Send for ScoreRemains {}

impl ScoreRemains {
    /// Frees a piece; false when nothing is left.
    pub fn free_some(&mut self) -> bool {
        self.order.free_some() || self.members.free_some(drop).is_some()
    }
}

/// A place in the order.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Ranked {
    score: f64,
    entry: NonNull<u8>,
}

// SAFETY: the addresses in the order are of entries that the table owns, which are sent along.
unsafe impl<H: Send> Send for ScoreTable<H> {}
// SAFETY: through a shared reference entries are only read.
unsafe impl<H: Sync> Sync for ScoreTable<H> {}

impl<H: HashKey> ScoreTable<H> {
    /// An empty one.
    pub fn new(hasher: H) -> ScoreTable<H> {
        ScoreTable {
            members: SlotTable::new(1, hasher),
            order: CountedTree::new(),
        }
    }

    /// Gives up the members, to be freed a piece at a time.
    pub fn into_remains(self) -> ScoreRemains {
        ScoreRemains {
            members: self.members.into_remains(),
            order: self.order.into_remains(),
        }
    }

    /// How many members.
    #[inline]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap, by allocation class.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.members.bytes() + self.order.bytes()
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        let hash = self.members.hash(member);
        self.members.lookup(0, hash, member).map(score_of)
    }

    /// Number and score of a member.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.place_of(score, member), score))
    }

    /// How many members come before one of this score and name.
    fn place_of(&self, score: f64, member: &[u8]) -> usize {
        self.order
            .position(|other| self.is_before(other, score, member))
    }

    #[inline]
    fn is_before(&self, other: &Ranked, score: f64, member: &[u8]) -> bool {
        other.score < score || (other.score == score && self.member(*other) < member)
    }

    #[inline]
    fn member(&self, ranked: Ranked) -> &[u8] {
        // SAFETY: addresses in the order are of live entries of the table (invariant 1), which is borrowed.
        unsafe { EntryRef::<()>::from_raw(ranked.entry) }.key()
    }

    /// How many members, counted from the lowest, the predicate is true for; it is false for all others.
    pub fn position(&self, mut is_before: impl FnMut(f64, &[u8]) -> bool) -> usize {
        self.order
            .position(|ranked| is_before(ranked.score, self.member(*ranked)))
    }

    /// As [`ScoreTable::position`], of scores alone.
    pub fn position_of_score(&self, mut is_before: impl FnMut(f64) -> bool) -> usize {
        self.order.position(|ranked| is_before(ranked.score))
    }

    /// The member of this number.
    pub fn get(&self, rank: usize) -> Option<(&[u8], f64)> {
        let ranked = self.order.get(rank)?;
        Some((self.member(ranked), ranked.score))
    }

    /// Members by number, from either end.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_, H> {
        Iter {
            table: self,
            order: self.order.iter(ranks),
        }
    }

    /// Gives a member a score; returns the one it had. An equal score changes nothing, not even the sign of 0.
    pub fn put(&mut self, member: &[u8], score: f64) -> Option<f64> {
        debug_assert!(!score.is_nan());
        let hash = self.members.hash(member);
        let Some(mut found) = self.members.lookup_mut(0, hash, member) else {
            let entry = self.add(hash, member, score);
            let at = Ranked { score, entry };
            let Self { order, .. } = self;
            order.insert(at, |other| {
                // SAFETY: as in `member`; the new entry is in the table as well.
                let name = || unsafe { EntryRef::<()>::from_raw(other.entry) }.key();
                other.score < score || (other.score == score && name() < member)
            });
            return None;
        };
        let old = score_of(found.as_ref());
        if old == score {
            return Some(old);
        }
        let bits = score.to_bits().cast_signed();
        found.edit(|entry| entry.set_int(bits));
        let entry = found.as_ref().address();
        self.reorder(member, old, Ranked { score, entry });
        Some(old)
    }

    /// Adds a member that comes after all others.
    pub fn push(&mut self, member: &[u8], score: f64) {
        debug_assert!(self.order.len() == self.place_of(score, member));
        let entry = self.add(self.members.hash(member), member, score);
        self.order.push(Ranked { score, entry });
    }

    /// Adds a member to the table. The order is the caller's.
    fn add(&mut self, hash: u64, member: &[u8], score: f64) -> NonNull<u8> {
        let body = Body::Int(score.to_bits().cast_signed());
        let entry = Entry::new(member, 0, false, None, body);
        let address = entry.as_ref().address();
        self.members.insert(0, hash, entry);
        address
    }

    /// Moves a member whose score has changed.
    fn reorder(&mut self, member: &[u8], old: f64, new: Ranked) {
        let rank = self.place_of(old, member);
        // The entry says its new score already, the order still the old one, which is what is searched by.
        let stays_behind = rank == 0 || {
            let before = self.order.get(rank - 1).expect("a lower rank is there");
            self.is_before(&before, new.score, member)
        };
        let stays_before = match self.order.get(rank + 1) {
            Some(after) => !self.is_before(&after, new.score, member),
            None => true,
        };
        if stays_behind && stays_before {
            return self.order.replace(rank, new);
        }
        let removed = self.order.remove(rank);
        debug_assert_eq!(removed.entry, new.entry);
        let Self { order, .. } = self;
        order.insert(new, |other| {
            // SAFETY: as in `member`.
            let name = || unsafe { EntryRef::<()>::from_raw(other.entry) }.key();
            other.score < new.score || (other.score == new.score && name() < member)
        });
    }

    /// Takes a member out; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = self.members.hash(member);
        let score = self.members.lookup(0, hash, member).map(score_of)?;
        let rank = self.place_of(score, member);
        self.order.remove(rank);
        let found = self.members.lookup_mut(0, hash, member)?;
        found.remove();
        Some(score)
    }

    /// Takes the members of these numbers out.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        let end = ranks.end.min(self.len());
        for rank in (ranks.start..end).rev() {
            let ranked = self.order.remove(rank);
            // SAFETY: an address from the order is of a live entry of the table (invariant 1). It is not tied to the
            // borrow of the table since the look-up takes it exclusively; the name is not used after it.
            let entry = unsafe { EntryRef::<()>::from_raw(ranked.entry) };
            let hash = self.members.hash(entry.key());
            let found = self.members.lookup_mut(0, hash, entry.key());
            found.expect("the order has members of the table").remove();
        }
    }

    /// Visits members in the order of their hashes, from the position `from` on, until `count` were visited. Returns the
    /// next position; 0 when all were visited. Members that are there throughout a walk are visited once.
    pub fn scan(&self, from: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let (mut next, mut visited) = (Some(from), 0);
        while let Some(from) = next
            && visited < count
        {
            next = self.members.scan_step(0, from, |entry| {
                visited += 1;
                visit(entry.key(), score_of(entry));
            });
        }
        next.unwrap_or(0)
    }
}

fn score_of(entry: EntryRef<'_, ()>) -> f64 {
    match entry.body() {
        BodyRef::Int(bits) => f64::from_bits(bits.cast_unsigned()),
        _ => unreachable!("the body of a member is its score"),
    }
}

impl<H: HashKey + Clone> Clone for ScoreTable<H> {
    fn clone(&self) -> ScoreTable<H> {
        let mut copy = ScoreTable::new(self.members.hasher().clone());
        for (member, score) in self.range(0..self.len()) {
            copy.push(member, score);
        }
        copy
    }
}

impl<H: HashKey> std::fmt::Debug for ScoreTable<H> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.range(0..self.len())).finish()
    }
}

/// Members with their scores, from either end.
pub struct Iter<'a, H> {
    table: &'a ScoreTable<H>,
    order: counted_tree::Iter<'a, Ranked>,
}

impl<'a, H: HashKey> Iterator for Iter<'a, H> {
    type Item = (&'a [u8], f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let ranked = self.order.next()?;
        Some((self.table.member(ranked), ranked.score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.order.size_hint()
    }
}

impl<H: HashKey> DoubleEndedIterator for Iter<'_, H> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        let ranked = self.order.next_back()?;
        Some((self.table.member(ranked), ranked.score))
    }
}

impl<H: HashKey> ExactSizeIterator for Iter<'_, H> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use crate::structure::MemberHasher;
    use std::collections::BTreeMap;

    type Table = ScoreTable<MemberHasher>;

    fn check(table: &Table, model: &BTreeMap<Vec<u8>, f64>) {
        table.order.check();
        assert_eq!((table.len(), table.order.len()), (model.len(), model.len()));
        let mut sorted: Vec<(f64, &[u8])> = model.iter().map(|(m, s)| (*s, &m[..])).collect();
        sorted.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let seen: Vec<(f64, &[u8])> = table.range(0..usize::MAX).map(|(m, s)| (s, m)).collect();
        assert_eq!(seen, sorted);
        for (rank, (score, member)) in sorted.iter().enumerate().step_by(7) {
            assert_eq!(table.rank(member), Some((rank, *score)));
            assert_eq!(table.get(rank), Some((*member, *score)));
        }
        let (mut cursor, mut seen) = (0, BTreeMap::new());
        loop {
            cursor = table.scan(cursor, 10, |member, score| {
                assert_eq!(seen.insert(member.to_vec(), score), None);
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(&seen, model);
    }

    #[test]
    fn it_does_what_a_map_and_a_sort_do() {
        let rounds = if cfg!(miri) { 400 } else { 20_000 };
        for seed in 0..4 {
            let mut rng = Rng::new(seed);
            let mut table = Table::new(MemberHasher);
            let mut model = BTreeMap::new();
            for round in 0..rounds {
                let member = format!("member:{}", rng.below(800)).into_bytes();
                match rng.below(20) {
                    0..12 => {
                        let score = match seed {
                            0 => 1.0,
                            1 => rng.below(10) as f64 - 5.0,
                            _ => rng.unit_f64(),
                        };
                        assert_eq!(
                            table.put(&member, score),
                            model.insert(member.clone(), score)
                        );
                    }
                    12..19 => assert_eq!(table.remove(&member), model.remove(&member)),
                    _ => {
                        let from = rng.index(table.len() + 1);
                        let ranks = from..from + rng.index(20);
                        for (member, _) in table.range(ranks.clone()) {
                            model.remove(member);
                        }
                        table.remove_ranks(ranks);
                    }
                }
                assert_eq!(table.score(&member), model.get(&member).copied());
                if round % 1000 == 0 {
                    check(&table, &model);
                }
            }
            check(&table, &model);
            check(&table.clone(), &model);
            table.remove_ranks(0..usize::MAX);
            check(&table, &BTreeMap::new());
        }
    }

    #[test]
    fn infinite_and_negative_zero_scores_are_scores() {
        let mut table = Table::new(MemberHasher);
        for (member, score) in [("a", f64::INFINITY), ("b", f64::NEG_INFINITY), ("c", 0.0)] {
            assert_eq!(table.put(member.as_bytes(), score), None);
        }
        assert_eq!(table.put(b"d", -0.0), None);
        let order: Vec<&[u8]> = table.range(0..4).map(|(member, _)| member).collect();
        assert_eq!(order, [b"b", b"c", b"d", b"a"]);
        assert_eq!(table.put(b"c", -0.0), Some(0.0));
        assert!(table.score(b"c").unwrap().is_sign_positive());
        assert!(table.score(b"d").unwrap().is_sign_negative());
        assert_eq!(table.position_of_score(|score| score < 0.0), 1);
    }

    #[test]
    fn a_member_costs_less_than_in_a_skip_list() {
        let mut table = Table::new(MemberHasher);
        let mut rng = Rng::new(1);
        let count = if cfg!(miri) { 200 } else { 20_000 };
        for i in 0..count {
            table.put(format!("member{i:05}").as_bytes(), rng.unit_f64());
        }
        // Redis 7: about 100 for a member of 11 bytes.
        assert!(table.bytes() / count < 72, "{}", table.bytes() / count);
    }
}
