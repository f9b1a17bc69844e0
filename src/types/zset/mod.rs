//! The sorted set: members with scores, in the order of (score, member).
//!
//! Few short members are a listpack of members and scores in turn, in order, as Redis has it; RDB files carry it as it
//! is. More, or a longer one, are a [`ScoreTable`], reported as `skiplist`, which is what Redis has there. A set that
//! has outgrown the listpack stays large until it is made anew.
//!
//! Everything about a range is said in ranks: positions counted from the lowest score. What turns a range of scores or
//! names into one of ranks is [`ScoreRange`] and [`LexRange`].

mod compact;
mod range;
#[cfg(test)]
mod tests;
mod walk;

use std::ops::Range;

use self::compact::Compact;
pub use self::range::{LexBound, LexRange, ScoreRange};
use self::walk::Large;
use super::listpack::{Item, Listpack};
use super::pick::{SPARSE_SAMPLE, Selection, distinct};
use super::pieces::Part;
use crate::base::Rng;
use crate::structure::{MemberHasher, ScoreIter, size_class};

/// How far the compact encoding goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZsetLimits {
    /// Most members.
    pub entries: usize,
    /// Bytes of the longest member.
    pub value: usize,
}

/// A sorted set.
#[derive(Clone, Debug)]
pub struct Zset {
    repr: Repr,
}

#[derive(Clone, Debug)]
enum Repr {
    Compact(Compact),
    Large(Box<Large>),
}

impl Default for Zset {
    fn default() -> Zset {
        Zset::new()
    }
}

impl Zset {
    fn of(repr: Repr) -> Zset {
        Zset { repr }
    }

    /// An empty one.
    pub fn new() -> Zset {
        Zset::of(Repr::Compact(Compact::default()))
    }

    /// An empty one for so many members, the longest of so many bytes: large from the beginning if that is what it would
    /// become.
    pub fn for_members(count: usize, longest: usize, limits: ZsetLimits) -> Zset {
        if count <= limits.entries && longest <= limits.value {
            return Zset::new();
        }
        Zset::of(Repr::Large(Box::new(Large::new())))
    }

    /// One of members in order, without duplicates, in the encoding that fits them.
    pub fn from_sorted<M: AsRef<[u8]>>(pairs: &[(M, f64)], limits: ZsetLimits) -> Zset {
        let longest = pairs.iter().map(|(member, _)| member.as_ref().len()).max();
        let mut zset = Zset::for_members(pairs.len(), longest.unwrap_or(0), limits);
        for (member, score) in pairs {
            match &mut zset.repr {
                Repr::Compact(compact) => compact.push(member.as_ref(), *score),
                Repr::Large(table) => table.push(member.as_ref(), *score),
            }
        }
        zset
    }

    /// Takes over a listpack of members and scores; `None` unless it is one: scores that are numbers, in order, no member
    /// twice.
    pub fn from_listpack(list: Listpack) -> Option<Zset> {
        let compact = Compact::from_listpack(list)?;
        Some(Zset::of(Repr::Compact(compact)))
    }

    /// The listpack of members and scores, if it is compact.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.repr {
            Repr::Compact(compact) => Some(compact.listpack()),
            Repr::Large(_) => None,
        }
    }

    /// How many members.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.repr {
            Repr::Compact(compact) => compact.len(),
            Repr::Large(table) => table.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.repr {
            Repr::Compact(_) => "listpack",
            Repr::Large(_) => "skiplist",
        }
    }

    /// Bytes on the heap, by allocation class.
    #[inline]
    pub fn memory(&self) -> usize {
        match &self.repr {
            Repr::Compact(compact) => compact.memory(),
            Repr::Large(table) => size_class(size_of_val(&**table)) + table.bytes(),
        }
    }

    /// Allocations to free, about.
    pub fn effort(&self) -> usize {
        match &self.repr {
            Repr::Compact(_) => 1,
            Repr::Large(table) => table.len(),
        }
    }

    /// What has to be freed, in pieces.
    pub(super) fn into_parts(self) -> Vec<Part> {
        match self.repr {
            Repr::Compact(_) => Vec::new(),
            Repr::Large(table) => vec![table.into_part()],
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.repr {
            Repr::Compact(compact) => compact.score(member),
            Repr::Large(table) => table.score(member),
        }
    }

    /// Rank and score of a member.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.repr {
            Repr::Compact(compact) => compact.rank(member),
            Repr::Large(table) => table.rank(member),
        }
    }

    /// Gives a member a score, which must not be NaN; returns the one it had.
    pub fn put(&mut self, member: &[u8], score: f64, limits: ZsetLimits) -> Option<f64> {
        if let Repr::Compact(compact) = &mut self.repr {
            match compact.set(member, score) {
                Some(old) => return Some(old),
                None => {
                    let fits = compact.len() < limits.entries
                        && member.len() <= limits.value
                        && compact.has_room(member.len());
                    if fits {
                        compact.insert(member, score);
                        return None;
                    }
                    self.enlarge();
                }
            }
        }
        match &mut self.repr {
            Repr::Compact(_) => unreachable!("made large before"),
            Repr::Large(table) => {
                table.note(member);
                table.put(member, score)
            }
        }
    }

    #[cold]
    fn enlarge(&mut self) {
        let mut table = Box::new(Large::new());
        for (member, score) in self.range(0..self.len()) {
            table.push(&member.to_vec(), score);
        }
        self.repr = Repr::Large(table);
    }

    /// Takes a member out; returns its score.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.repr {
            Repr::Compact(compact) => compact.remove(member),
            Repr::Large(table) => {
                table.note(member);
                table.remove(member)
            }
        }
    }

    /// Takes the members of these ranks out.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        match &mut self.repr {
            Repr::Compact(compact) => compact.remove_ranks(ranks),
            Repr::Large(table) => {
                table.note_ranks(&ranks);
                table.remove_ranks(ranks);
            }
        }
    }

    /// The ranks of the members with scores in a range.
    pub fn ranks_by_score(&self, range: &ScoreRange) -> Range<usize> {
        let of = |is_before: &dyn Fn(f64) -> bool| match &self.repr {
            Repr::Compact(compact) => compact.position(|score, _| is_before(score)),
            Repr::Large(table) => table.position_of_score(is_before),
        };
        let start = of(&|score| range.is_below(score));
        let end = of(&|score| !range.is_above(score));
        start..end.max(start)
    }

    /// The ranks of the members with names in a range, where all scores are the same.
    pub fn ranks_by_name(&self, range: &LexRange<'_>) -> Range<usize> {
        let of = |is_before: &dyn Fn(&[u8]) -> bool| match &self.repr {
            Repr::Compact(compact) => compact.position(|_, member| is_before(member)),
            Repr::Large(table) => table.position(|_, member| is_before(member)),
        };
        let start = of(&|member| range.is_below(member));
        let end = of(&|member| !range.is_above(member));
        start..end.max(start)
    }

    /// The members of these ranks with their scores, from either end.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        match &self.repr {
            Repr::Compact(compact) => Iter::Compact(compact.range(ranks)),
            Repr::Large(table) => Iter::Large(table.range(ranks)),
        }
    }

    /// All members with their scores.
    pub fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// Visits members that are drawn one after the other until `visit` says no. There must be one.
    pub fn draw<'a>(&'a self, rng: &mut Rng, mut visit: impl FnMut((Item<'a>, f64)) -> bool) {
        while let Some(drawn) = self.at(rng.index(self.len()))
            && visit(drawn)
        {}
    }

    /// Visits `count` different members picked at random, or all if there are no more.
    pub fn sample<'a>(
        &'a self,
        rng: &mut Rng,
        count: usize,
        mut visit: impl FnMut((Item<'a>, f64)),
    ) {
        let len = self.len();
        if count >= len {
            return self.iter().for_each(visit);
        }
        if let Repr::Large(_) = &self.repr
            && count < len / SPARSE_SAMPLE
        {
            let draw = || {
                let rank = rng.index(len);
                Some((rank, self.at(rank)?))
            };
            return distinct(count, draw, visit);
        }
        let mut selection = Selection::new(count, len);
        for member in self.iter() {
            if selection.is_done() {
                break;
            }
            if selection.takes(rng) {
                visit(member);
            }
        }
    }

    /// The member of this rank.
    pub fn at(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        match &self.repr {
            Repr::Compact(compact) => compact.range(rank..rank.saturating_add(1)).next(),
            Repr::Large(table) => {
                let (member, score) = table.get(rank)?;
                Some((Item::Text(member), score))
            }
        }
    }

    /// Visits about `count` members from a cursor on and returns the next cursor; 0 begins, and says that all were
    /// visited. Members that are there throughout a walk are visited once. A compact set is visited at once.
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Item<'_>, f64)) -> u64 {
        match &self.repr {
            Repr::Compact(_) => {
                self.iter().for_each(|(member, score)| visit(member, score));
                0
            }
            Repr::Large(table) => table.scan(cursor, count, |member, score| {
                visit(Item::Text(member), score);
            }),
        }
    }
}

/// Members with their scores.
pub enum Iter<'a> {
    /// Of a compact set.
    Compact(compact::Iter<'a>),
    /// Of a large set.
    Large(ScoreIter<'a, MemberHasher>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Compact(iter) => iter.next(),
            Iter::Large(iter) => iter.next().map(named),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Iter::Compact(iter) => iter.size_hint(),
            Iter::Large(iter) => iter.size_hint(),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match self {
            Iter::Compact(iter) => iter.next_back(),
            Iter::Large(iter) => iter.next_back().map(named),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}

fn named((member, score): (&[u8], f64)) -> (Item<'_>, f64) {
    (Item::Text(member), score)
}
