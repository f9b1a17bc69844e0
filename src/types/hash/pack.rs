//! Few short fields in one listpack, with or without expiry times.

use super::{Field, FieldTtl};
use crate::base::{I64Buf, Rng, Set};
use crate::types::listpack::{Item, Iter, Listpack, Pos};

/// Fields and values side by side; with times, ordered by them, those without at the end.
#[derive(Clone, Debug)]
pub(super) struct Pack {
    /// Marked if there are times.
    items: Listpack,
}

/// Stands for "no expiry time".
const NO_TIME: i64 = 0;

/// The fields of a pack in order.
pub(super) struct Fields<'a> {
    items: Iter<'a>,
    timed: bool,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let (name, value) = (self.items.next()?.into(), self.items.next()?.into());
        let expiry = match self.timed {
            true => self.items.next().and_then(time_of),
            false => None,
        };
        Some(Field {
            name,
            value,
            expiry,
        })
    }
}

fn time_of(item: Item<'_>) -> Option<i64> {
    match item {
        Item::Int(NO_TIME) | Item::Text(_) => None,
        Item::Int(at) => Some(at),
    }
}

impl Pack {
    pub(super) fn new() -> Pack {
        Pack {
            items: Listpack::new(),
        }
    }

    /// Takes items from outside, if they are fields, each once, with times that are times.
    pub(super) fn from_items(mut items: Listpack, timed: bool) -> Option<Pack> {
        items.set_mark(timed);
        let pack = Pack { items };
        if !pack.items.len().is_multiple_of(pack.stride()) {
            return None;
        }
        let mut names = Set::default();
        let mut times = pack.items.iter().skip(2).step_by(pack.stride());
        let are_times = !timed || times.all(|time| matches!(time, Item::Int(NO_TIME..)));
        if !are_times || !pack.fields().all(|field| names.insert(field.name.to_vec())) {
            return None;
        }
        // Whoever wrote it may have had another idea of the order.
        let order = |field: &Field<'_>| field.expiry.unwrap_or(i64::MAX);
        if pack.fields().is_sorted_by_key(|field| order(&field)) {
            return Some(pack);
        }
        let mut fields: Vec<Field<'_>> = pack.fields().collect();
        fields.sort_by_key(order);
        let mut sorted = Pack::new();
        sorted.items.set_mark(timed);
        for field in fields {
            sorted.push(field);
        }
        Some(sorted)
    }

    pub(super) fn items(&self) -> &Listpack {
        &self.items
    }

    pub(super) fn is_timed(&self) -> bool {
        self.items.is_marked()
    }

    #[inline]
    fn stride(&self) -> usize {
        if self.is_timed() { 3 } else { 2 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.items.len() / self.stride()
    }

    #[inline]
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields {
            items: self.items.iter(),
            timed: self.is_timed(),
        }
    }

    fn fields_from(&self, pos: Pos) -> Fields<'_> {
        Fields {
            items: self.items.iter_from(pos),
            timed: self.is_timed(),
        }
    }

    /// The earliest time: the first one.
    #[inline]
    pub(super) fn due(&self) -> Option<i64> {
        if !self.is_timed() {
            return None;
        }
        self.fields().next()?.expiry
    }

    #[inline]
    fn find(&self, name: &[u8]) -> Option<Pos> {
        self.items.find(name, self.stride() - 1)
    }

    #[inline]
    pub(super) fn field(&self, name: &[u8]) -> Option<Field<'_>> {
        self.fields_from(self.find(name)?).next()
    }

    pub(super) fn set(&mut self, name: &[u8], value: &[u8], ttl: FieldTtl, now: i64) -> bool {
        let found = self.find(name).map(|pos| {
            let field = self.fields_from(pos).next();
            let expiry = field.and_then(|field| field.expiry);
            (pos, expiry, expiry.is_some_and(|at| at < now))
        });
        let expiry = match (ttl, found) {
            (FieldTtl::At(at), _) => Some(at),
            (FieldTtl::Keep, Some((_, expiry, false))) => expiry,
            (FieldTtl::Keep | FieldTtl::Clear, _) => None,
        };
        match found {
            Some((pos, old, was_expired)) if old == expiry => {
                if let Some(pos) = self.items.next(pos) {
                    self.items.replace(pos, value);
                }
                was_expired
            }
            Some((pos, _, was_expired)) => {
                self.items.remove(pos, self.stride());
                self.insert(name, value, expiry);
                was_expired
            }
            None => {
                self.insert(name, value, expiry);
                true
            }
        }
    }

    /// Adds a field that is not there in its place.
    fn insert(&mut self, name: &[u8], value: &[u8], expiry: Option<i64>) {
        if let Some(at) = expiry {
            self.make_timed();
            let mut later = self.fields();
            let mut pos = later.items.pos();
            while let Some(field) = later.next() {
                if field.expiry.is_none_or(|other| other > at) {
                    break;
                }
                pos = later.items.pos();
            }
            if let Some(pos) = pos {
                self.items.insert_before(pos, I64Buf::new(at).as_bytes());
                self.items.insert_before(pos, value);
                self.items.insert_before(pos, name);
                return;
            }
        }
        self.items.push_back(name);
        self.items.push_back(value);
        if self.is_timed() {
            let time = Item::Int(expiry.unwrap_or(NO_TIME));
            self.items.push_back_item(time);
        }
    }

    /// Adds a field at the end, where it must belong.
    fn push(&mut self, field: Field<'_>) {
        let mut digits = I64Buf::new(0);
        self.items.push_back(field.name.text(&mut digits));
        self.items.push_back(field.value.text(&mut digits));
        if self.is_timed() {
            let time = Item::Int(field.expiry.unwrap_or(NO_TIME));
            self.items.push_back_item(time);
        }
    }

    fn make_timed(&mut self) {
        if !self.is_timed() {
            let mut timed = Pack::new();
            timed.items.set_mark(true);
            self.fields().for_each(|field| timed.push(field));
            *self = timed;
        }
    }

    pub(super) fn remove(&mut self, name: &[u8], now: i64) -> bool {
        let Some(pos) = self.find(name) else {
            return false;
        };
        let field = self.fields_from(pos).next();
        if field.is_some_and(|field| !field.is_live(now)) {
            return false;
        }
        self.items.remove(pos, self.stride());
        true
    }

    pub(super) fn set_expiry(&mut self, name: &[u8], expiry: Option<i64>) {
        if expiry.is_some() {
            self.make_timed();
        }
        let Some(pos) = self.find(name) else { return };
        let Some(field) = self.fields_from(pos).next() else {
            return;
        };
        if field.expiry != expiry {
            let value = field.value.to_vec();
            self.items.remove(pos, self.stride());
            self.insert(name, &value, expiry);
        }
    }

    pub(super) fn expire(
        &mut self,
        now: i64,
        visits: &mut usize,
        mut gone: impl FnMut(&[u8]),
    ) -> usize {
        let mut digits = I64Buf::new(0);
        let mut expired = 0;
        for field in self.fields() {
            if field.is_live(now) || *visits == 0 {
                break;
            }
            gone(field.name.text(&mut digits));
            expired += 1;
            *visits -= 1;
        }
        if expired > 0
            && let Some(first) = self.items.first()
        {
            self.items.remove(first, expired * self.stride());
        }
        expired
    }

    pub(super) fn random(&self, rng: &mut Rng, now: i64) -> Option<Field<'_>> {
        // What has expired comes first.
        let expired = self
            .fields()
            .take_while(|field| !field.is_live(now))
            .count();
        let live = self.len() - expired;
        if live == 0 {
            return None;
        }
        let at = (expired + rng.index(live)) * self.stride();
        self.fields_from(self.items.seek(at as i64)?).next()
    }
}
