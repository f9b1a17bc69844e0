//! The set type.
//!
//! ```text
//! intset       integers in order                    integers only, and not too many
//! listpack     members in the order they came       few and short
//! hashtable    slot table of members                the rest
//! ```
//!
//! Growth goes down this list. The way back is taken only where a set is made anew: by the commands that store one, and by
//! SPOP when it takes most of it.

mod members;
#[cfg(test)]
mod tests;
mod walk;

use self::members::Members;
use super::intset::Intset;
use super::listpack::{Item, Listpack};
use super::pick::{SPARSE_SAMPLE, Selection};
use super::pieces::Part;
use crate::base::{I64Buf, Rng};
use crate::structure::size_class;

/// A set.
#[derive(Clone, Debug)]
pub struct Set {
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Ints(Intset),
    Pack(Listpack),
    Table(Box<Members>),
}

/// Up to where a set is kept compact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// `set-max-intset-entries`.
    pub ints: usize,
    /// `set-max-listpack-entries`.
    pub members: usize,
    /// `set-max-listpack-value`: bytes of a member.
    pub bytes: usize,
}

impl SetLimits {
    fn ints(self) -> usize {
        self.ints.min(INTS_MAX)
    }
}

/// The count of an intset has 32 bits.
const INTS_MAX: usize = 1 << 30;

/// When what is taken out is this many times what is left, what is left is moved out instead.
const MOST_OF_IT: usize = 5;

impl Default for Set {
    fn default() -> Set {
        Set::new()
    }
}

impl Set {
    fn of(form: Form) -> Set {
        Set { form }
    }

    /// An empty one.
    pub fn new() -> Set {
        Set::of(Form::Ints(Intset::new()))
    }

    /// An empty one in the encoding that suits `count` members of which this is the first.
    pub fn suiting(first: &[u8], count: usize, limits: SetLimits) -> Set {
        let form = if count <= limits.ints && Item::of(first).as_int().is_some() {
            Form::Ints(Intset::new())
        } else if count <= limits.members {
            Form::Pack(Listpack::new())
        } else {
            Form::Table(Box::new(Members::new()))
        };
        Set::of(form)
    }

    /// An empty compact one for some of the members of this one.
    pub fn empty_for_some(&self) -> Set {
        let form = match &self.form {
            Form::Ints(_) => Form::Ints(Intset::new()),
            Form::Pack(_) | Form::Table(_) => Form::Pack(Listpack::new()),
        };
        Set::of(form)
    }

    /// From integers from outside.
    pub fn from_ints(ints: Intset, limits: SetLimits) -> Set {
        let mut set = Set::of(Form::Ints(ints));
        set.keep_ints_few(limits);
        set
    }

    /// From a listpack from outside; `None` unless each member is in it once. One with too many becomes a table.
    pub fn from_listpack(members: Listpack, limits: SetLimits) -> Option<Set> {
        let mut seen = crate::base::Set::default();
        if !members.iter().all(|member| seen.insert(member.to_vec())) {
            return None;
        }
        let is_long = members.len() > limits.members;
        let mut set = Set::of(Form::Pack(members));
        if is_long {
            set.table();
        }
        Some(set)
    }

    /// The integers it is kept as, if it is.
    pub fn as_ints(&self) -> Option<&Intset> {
        match &self.form {
            Form::Ints(ints) => Some(ints),
            Form::Pack(_) | Form::Table(_) => None,
        }
    }

    /// The listpack it is kept in, if it is.
    pub fn as_listpack(&self) -> Option<&Listpack> {
        match &self.form {
            Form::Pack(pack) => Some(pack),
            Form::Ints(_) | Form::Table(_) => None,
        }
    }

    /// How many members.
    #[inline]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => ints.len(),
            Form::Pack(pack) => pack.len(),
            Form::Table(table) => table.len(),
        }
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name OBJECT ENCODING answers.
    pub fn encoding(&self) -> &'static str {
        match &self.form {
            Form::Ints(_) => "intset",
            Form::Pack(_) => "listpack",
            Form::Table(_) => "hashtable",
        }
    }

    /// Bytes on the heap, by allocation class.
    #[inline]
    pub fn memory(&self) -> usize {
        match &self.form {
            Form::Ints(ints) => ints.memory(),
            Form::Pack(pack) => pack.memory(),
            Form::Table(table) => size_class(size_of::<Members>()) + table.memory(),
        }
    }

    /// Allocations to free, about.
    pub fn effort(&self) -> usize {
        match &self.form {
            Form::Ints(_) | Form::Pack(_) => 1,
            Form::Table(table) => table.len() + 1,
        }
    }

    /// What has to be freed, in pieces.
    pub(super) fn into_parts(self) -> Vec<Part> {
        match self.form {
            Form::Ints(_) | Form::Pack(_) => Vec::new(),
            Form::Table(table) => vec![table.into_part()],
        }
    }

    /// Whether this is a member.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match &self.form {
            Form::Ints(ints) => Item::of(member)
                .as_int()
                .is_some_and(|value| ints.contains(value)),
            Form::Pack(pack) => pack.find(member, 0).is_some(),
            Form::Table(table) => table.contains(member),
        }
    }

    /// As [`Set::contains`], of what another set has.
    #[inline]
    pub fn contains_item(&self, member: Item<'_>) -> bool {
        match (&self.form, member) {
            (Form::Ints(ints), Item::Int(value)) => ints.contains(value),
            (_, member) => self.contains(member.text(&mut I64Buf::new(0))),
        }
    }

    /// Drops those of a few items that are no members.
    pub fn retain_members(&self, items: &mut Vec<Item<'_>>) {
        match &self.form {
            Form::Table(table) if items.iter().all(|item| matches!(item, Item::Text(_))) => {
                let mut texts: Vec<&[u8]> = items
                    .iter()
                    .filter_map(|item| match item {
                        Item::Text(text) => Some(*text),
                        Item::Int(_) => None,
                    })
                    .collect();
                table.retain_members(&mut texts);
                items.clear();
                items.extend(texts.into_iter().map(Item::Text));
            }
            _ => items.retain(|item| self.contains_item(*item)),
        }
    }

    /// Makes ready for `count` members to come: a compact set that would be too large becomes a table at once.
    pub fn expect(&mut self, count: usize, limits: SetLimits) {
        let is_too_many = match &self.form {
            Form::Ints(_) => count > limits.ints,
            Form::Pack(_) => count > limits.members,
            Form::Table(_) => false,
        };
        if is_too_many {
            self.table();
        }
    }

    /// Adds a member. Returns whether it is new.
    #[inline]
    pub fn insert(&mut self, member: &[u8], limits: SetLimits) -> bool {
        if let Form::Table(table) = &mut self.form {
            table.note(member);
            return table.insert(member);
        }
        self.insert_compact(Item::of(member), limits)
    }

    /// As [`Set::insert`], of what another set has.
    pub fn insert_item(&mut self, member: Item<'_>, limits: SetLimits) -> bool {
        match &self.form {
            Form::Table(_) => self.insert(member.text(&mut I64Buf::new(0)), limits),
            Form::Ints(_) | Form::Pack(_) => self.insert_compact(member, limits),
        }
    }

    fn insert_compact(&mut self, member: Item<'_>, limits: SetLimits) -> bool {
        let mut digits = I64Buf::new(0);
        if let Form::Ints(ints) = &mut self.form {
            if let Some(value) = member.as_int() {
                let is_new = ints.insert(value);
                self.keep_ints_few(limits);
                return is_new;
            }
            // The longest integer is the smallest or the largest one.
            let digits_max = ints.bounds().map_or(0, |(least, most)| {
                Item::Int(least).len().max(Item::Int(most).len())
            });
            if ints.len() >= limits.members || digits_max > limits.bytes {
                self.table();
            } else {
                let mut pack = Listpack::new();
                for value in ints.iter() {
                    pack.push_back_item(Item::Int(value));
                }
                self.form = Form::Pack(pack);
            }
        }
        let text = member.text(&mut digits);
        if let Form::Pack(pack) = &mut self.form {
            if pack.find(text, 0).is_some() {
                return false;
            }
            let fits = pack.len() < limits.members
                && text.len() <= limits.bytes
                && pack.has_room(text.len());
            if fits {
                pack.push_back(text);
                return true;
            }
        }
        self.table().insert(text)
    }

    fn keep_ints_few(&mut self, limits: SetLimits) {
        if let Form::Ints(ints) = &self.form
            && ints.len() > limits.ints()
        {
            self.table();
        }
    }

    /// Makes it a table, if it is none yet.
    fn table(&mut self) -> &mut Members {
        if !matches!(self.form, Form::Table(_)) {
            let mut table = Members::new();
            let mut digits = I64Buf::new(0);
            self.for_each(|member| table.add(member.text(&mut digits)));
            self.form = Form::Table(Box::new(table));
        }
        match &mut self.form {
            Form::Table(table) => table,
            Form::Ints(_) | Form::Pack(_) => unreachable!("it was made one"),
        }
    }

    /// Takes a set whose members are all integers back to an intset, if they are few enough.
    pub fn prefer_ints(&mut self, limits: SetLimits) {
        let is_walked = self.is_walked();
        if matches!(self.form, Form::Ints(_)) || self.len() > limits.ints() || is_walked {
            return;
        }
        let (mut ints, mut all) = (Intset::new(), true);
        self.each_while(|member| {
            match member.as_int() {
                Some(value) => ints.insert(value),
                None => {
                    all = false;
                    false
                }
            };
            all
        });
        if all {
            self.form = Form::Ints(ints);
        }
    }

    /// Removes a member. Returns whether it was one.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.form {
            Form::Ints(ints) => Item::of(member)
                .as_int()
                .is_some_and(|value| ints.remove(value)),
            Form::Pack(pack) => match pack.find(member, 0) {
                Some(pos) => {
                    pack.remove(pos, 1);
                    true
                }
                None => false,
            },
            Form::Table(table) => {
                table.note(member);
                table.remove(member)
            }
        }
    }

    /// As [`Set::remove`], of what another set has.
    pub fn remove_item(&mut self, member: Item<'_>) -> bool {
        self.remove(member.text(&mut I64Buf::new(0)))
    }

    /// Visits the members until `visit` says `false`.
    #[inline]
    pub fn each_while<'a>(&'a self, mut visit: impl FnMut(Item<'a>) -> bool) {
        match &self.form {
            Form::Ints(ints) => {
                ints.iter().all(|value| visit(Item::Int(value)));
            }
            Form::Pack(pack) => {
                pack.iter().all(visit);
            }
            Form::Table(table) => table.each_while(|member| visit(Item::Text(member))),
        }
    }

    /// Visits the members.
    #[inline]
    pub fn for_each<'a>(&'a self, mut visit: impl FnMut(Item<'a>)) {
        self.each_while(|member| {
            visit(member);
            true
        });
    }

    /// Visits some members from a cursor on, about `count`; returns where to go on, 0 at the end. A member that is there
    /// throughout a walk is met once. A compact set is met all at once.
    pub fn scan<'a>(&'a self, cursor: u64, count: usize, mut visit: impl FnMut(Item<'a>)) -> u64 {
        match &self.form {
            Form::Table(table) => table.scan(cursor, count, |member| visit(Item::Text(member))),
            Form::Ints(_) | Form::Pack(_) => {
                self.for_each(visit);
                0
            }
        }
    }

    /// Some member, each about equally likely.
    pub fn random(&self, rng: &mut Rng) -> Option<Item<'_>> {
        if self.is_empty() {
            return None;
        }
        match &self.form {
            Form::Ints(ints) => Some(Item::Int(ints.get(rng.index(ints.len())))),
            Form::Pack(pack) => {
                let pos = pack.seek(rng.index(pack.len()) as i64)?;
                Some(pack.get(pos))
            }
            Form::Table(table) => table.random(rng).map(Item::Text),
        }
    }

    /// Visits `times` members at random, the same one perhaps more than once. There must be one.
    pub fn draw<'a>(&'a self, rng: &mut Rng, mut visit: impl FnMut(Item<'a>) -> bool) {
        if let Form::Pack(pack) = &self.form {
            let members: Vec<Item<'_>> = pack.iter().collect();
            while visit(members[rng.index(members.len())]) {}
            return;
        }
        let mut random = || {
            let member = self.random(rng);
            member.expect("the caller knows that there is one")
        };
        while visit(random()) {}
    }

    /// Visits `count` different members picked at random, or all if there are no more.
    pub fn sample<'a>(&'a self, rng: &mut Rng, count: usize, mut visit: impl FnMut(Item<'a>)) {
        let len = self.len();
        if count >= len {
            return self.for_each(visit);
        }
        if let Form::Table(table) = &self.form
            && count < len / SPARSE_SAMPLE
        {
            return table.sample(rng, count, |member| visit(Item::Text(member)));
        }
        let mut selection = Selection::new(count, len);
        self.each_while(|member| {
            if selection.takes(rng) {
                visit(member);
            }
            !selection.is_done()
        });
    }

    /// Takes a member out at random.
    pub fn pop(&mut self, rng: &mut Rng) -> Option<Vec<u8>> {
        let member = self.random(rng)?.to_vec();
        self.remove(&member);
        Some(member)
    }

    /// Takes `count` members out at random, less than there are, and visits them.
    pub fn pop_many(
        &mut self,
        rng: &mut Rng,
        count: usize,
        limits: SetLimits,
        mut visit: impl FnMut(Item<'_>),
    ) {
        let left = self.len().saturating_sub(count);
        if count >= left.saturating_mul(MOST_OF_IT) && !self.is_walked() {
            let mut kept = self.empty_for_some();
            self.sample(rng, left, |member| {
                kept.insert_item(member, limits);
            });
            self.for_each(|member| {
                if !kept.contains_item(member) {
                    visit(member);
                }
            });
            *self = kept;
            return;
        }
        if let Form::Pack(pack) = &mut self.form {
            let (mut wanted, mut left) = (count as u64, pack.len() as u64);
            let mut next = pack.first();
            while let (Some(pos), 1..) = (next, wanted) {
                if rng.chance(wanted, left) {
                    visit(pack.get(pos));
                    next = pack.remove(pos, 1);
                    wanted -= 1;
                } else {
                    next = pack.next(pos);
                }
                left -= 1;
            }
            return;
        }
        for _ in 0..count {
            if let Some(member) = self.pop(rng) {
                visit(Item::Text(&member));
            }
        }
    }
}
