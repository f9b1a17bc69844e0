//! The compact encoding: a listpack of members and scores in turn, lowest first.
//!
//! Scores that are whole are stored as integers, others as text. A score of -0 is stored as 0, as Redis does.

use std::cmp::Ordering;
use std::ops::Range;

use crate::base::{I64Buf, parse_f64, write_f64};
use crate::types::listpack::{Item, Listpack, Pos};

#[derive(Clone, Debug, Default)]
pub(super) struct Compact {
    list: Listpack,
}

impl Compact {
    /// Takes over entries from outside; `None` unless they are members in order with their scores.
    pub(super) fn from_listpack(list: Listpack) -> Option<Compact> {
        if !list.len().is_multiple_of(2) {
            return None;
        }
        let compact = Compact { list };
        let mut at = compact.list.first();
        let mut last: Option<(f64, Item<'_>)> = None;
        while let Some(pos) = at {
            let member = compact.list.get(pos);
            let behind = compact.list.next(pos)?;
            let score = read_score(compact.list.get(behind)).filter(|score| !score.is_nan())?;
            let is_behind = last.is_none_or(|(before, name)| {
                before < score || (before == score && compare(name, member).is_lt())
            });
            if !is_behind {
                return None;
            }
            last = Some((score, member));
            at = compact.list.next(behind);
        }
        // Equal members have equal scores where they are neighbours; elsewhere they would be two.
        let mut members: Vec<Item<'_>> = compact.list.iter().step_by(2).collect();
        members.sort_by(|a, b| compare(*a, *b));
        let is_set = members
            .windows(2)
            .all(|pair| compare(pair[0], pair[1]).is_lt());
        drop(members);
        is_set.then_some(compact)
    }

    pub(super) fn listpack(&self) -> &Listpack {
        &self.list
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.list.len() / 2
    }

    pub(super) fn memory(&self) -> usize {
        self.list.memory()
    }

    /// Whether a member of this length can be added.
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.list.has_room(len)
    }

    fn score_at(&self, pos: Pos) -> f64 {
        read_score(self.list.get(pos)).expect("every other item is a score")
    }

    /// Where the score of a member is.
    fn behind(&self, member: Pos) -> Pos {
        self.list.next(member).expect("a score behind every member")
    }

    fn pairs(&self) -> impl Iterator<Item = (Pos, Item<'_>, f64)> {
        let mut at = self.list.first();
        std::iter::from_fn(move || {
            let pos = at?;
            let behind = self.behind(pos);
            at = self.list.next(behind);
            Some((pos, self.list.get(pos), self.score_at(behind)))
        })
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        let pos = self.list.find(member, 1)?;
        Some(self.score_at(self.behind(pos)))
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let mut pairs = self.pairs().enumerate();
        pairs.find_map(|(rank, (_, name, score))| name.eq_bytes(member).then_some((rank, score)))
    }

    /// How many pairs from the first on the predicate is true for.
    pub(super) fn position(&self, is_before: impl Fn(f64, &[u8]) -> bool) -> usize {
        self.pairs()
            .take_while(|(_, name, score)| {
                let mut buffer = I64Buf::new(0);
                is_before(*score, name.text(&mut buffer))
            })
            .count()
    }

    /// Gives a member that is there another score; returns the one it had.
    pub(super) fn set(&mut self, member: &[u8], score: f64) -> Option<f64> {
        let pos = self.list.find(member, 1)?;
        let old = self.score_at(self.behind(pos));
        if old != score {
            self.list.remove(pos, 2);
            self.insert(member, score);
        }
        Some(old)
    }

    /// Adds a member that is not there.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) {
        let name = Item::of(member);
        let after = self
            .pairs()
            .find(|(_, other, at)| *at > score || (*at == score && compare(*other, name).is_gt()));
        match after.map(|(pos, ..)| pos) {
            None => self.push(member, score),
            Some(pos) => {
                self.list.insert_before(pos, member);
                self.list.insert_after(pos, &score_text(score));
            }
        }
    }

    /// Adds a member that is not there and comes last.
    pub(super) fn push(&mut self, member: &[u8], score: f64) {
        self.list.push_back(member);
        self.list.push_back(&score_text(score));
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let pos = self.list.find(member, 1)?;
        let score = self.score_at(self.behind(pos));
        self.list.remove(pos, 2);
        Some(score)
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        let end = ranks.end.min(self.len());
        if ranks.start < end
            && let Some(pos) = self.seek(ranks.start)
        {
            self.list.remove(pos, (end - ranks.start) * 2);
        }
    }

    fn seek(&self, rank: usize) -> Option<Pos> {
        self.list.seek(i64::try_from(rank.checked_mul(2)?).ok()?)
    }

    pub(super) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        let end = ranks.end.min(self.len());
        Iter {
            compact: self,
            ranks: ranks.start.min(end)..end,
            front: None,
            back: None,
        }
    }
}

fn read_score(item: Item<'_>) -> Option<f64> {
    match item {
        Item::Int(value) => Some(value as f64),
        Item::Text(text) => parse_f64(text),
    }
}

fn score_text(score: f64) -> Vec<u8> {
    let mut text = Vec::with_capacity(24);
    write_f64(&mut text, if score == 0.0 { 0.0 } else { score });
    text
}

/// By their texts.
fn compare(one: Item<'_>, other: Item<'_>) -> Ordering {
    let (mut a, mut b) = (I64Buf::new(0), I64Buf::new(0));
    one.text(&mut a).cmp(other.text(&mut b))
}

/// Pairs by rank, from either end.
pub struct Iter<'a> {
    compact: &'a Compact,
    /// Those still to come.
    ranks: Range<usize>,
    /// The first of them, once looked for.
    front: Option<Pos>,
    /// The last of them, once looked for.
    back: Option<Pos>,
}

impl<'a> Iter<'a> {
    fn pair(&self, pos: Pos) -> (Item<'a>, f64) {
        let compact = self.compact;
        (compact.list.get(pos), compact.score_at(compact.behind(pos)))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ranks.is_empty() {
            return None;
        }
        let pos = self.front.or_else(|| self.compact.seek(self.ranks.start))?;
        self.front = self.compact.list.next(self.compact.behind(pos));
        self.ranks.start += 1;
        Some(self.pair(pos))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.ranks.len(), Some(self.ranks.len()))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.ranks.is_empty() {
            return None;
        }
        let pos = self
            .back
            .or_else(|| self.compact.seek(self.ranks.end - 1))?;
        let list = &self.compact.list;
        self.back = list.prev(pos).and_then(|score| list.prev(score));
        self.ranks.end -= 1;
        Some(self.pair(pos))
    }
}

impl ExactSizeIterator for Iter<'_> {}
