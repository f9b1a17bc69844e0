//! Digests of keys and values, for DEBUG DIGEST: equal data give equal digests, in whatever order and on however many
//! shards they lie, and the same that Redis gives: what both hold can be compared.
//!
//! 160 bits. Where there is no order (keys, members, fields) a part is taken in by exclusive or with its SHA-1; where
//! there is one, SHA-1 of the sum follows. A time to live counts as being
//! there or not, whenever it ends.

use crate::base::sha1::sha1;
use crate::base::time::Millis;
use crate::base::{DbIndex, I64Buf, write_f64_shortest};
use crate::keyspace::{Db, Store, StoreSet, ValueRef};
use crate::types::stream::StreamId;
use crate::types::{Collection, End};
use std::fmt;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest([u8; 20]);

impl Digest {
    /// Takes in another digest, in any order.
    pub(super) fn combine(&mut self, other: Digest) {
        for (byte, other) in self.0.iter_mut().zip(other.0) {
            *byte ^= other;
        }
    }

    /// Takes in bytes, in any order.
    fn add(&mut self, bytes: &[u8]) {
        self.combine(Digest(sha1(bytes)));
    }

    /// Takes in bytes after what was taken in before.
    fn mix(&mut self, bytes: &[u8]) {
        self.add(bytes);
        self.0 = sha1(&self.0);
    }
}

/// What one shard has in each of its databases: nothing, or the digests of all its keys combined.
pub(super) fn of_databases(store: &mut Store, now: Millis) -> Vec<Option<Digest>> {
    (0..store.databases())
        .map(|index| {
            let mut db = Db::new(StoreSet::One(store), DbIndex(index as u32), now);
            let mut keys = Vec::new();
            db.for_each(|key, _| keys.push(key.to_vec()));
            let mut total = None;
            for key in keys {
                let mut digest = Digest::default();
                digest.mix(&key);
                digest_onto(&mut digest, &mut db, &key);
                total.get_or_insert_with(Digest::default).add(&digest.0);
            }
            total
        })
        .collect()
}

/// The digest of everything, of what the shards have.
pub(super) fn of_all(shards: &[Vec<Option<Digest>>]) -> Digest {
    let mut total = Digest::default();
    let databases = shards.iter().map(Vec::len).max().unwrap_or(0);
    for index in 0..databases {
        let parts = shards.iter().filter_map(|shard| *shard.get(index)?);
        let mut parts = parts.peekable();
        if parts.peek().is_some() {
            total.mix(&(index as u32).to_be_bytes());
            parts.for_each(|part| total.combine(part));
        }
    }
    total
}

/// The digest of a key's value and whether it has an expiry; zero without the key.
pub(super) fn digest_of(db: &mut Db<'_>, key: &[u8]) -> Digest {
    let mut digest = Digest::default();
    digest_onto(&mut digest, db, key);
    digest
}

fn digest_onto(digest: &mut Digest, db: &mut Db<'_>, key: &[u8]) {
    let Some(expire) = db.expire_of(key) else {
        return;
    };
    let horizon = db.horizon();
    match db.peek(key) {
        Some(ValueRef::Str(text)) => {
            digest.mix(&0_u32.to_be_bytes());
            digest.mix(text.text(&mut I64Buf::new(0)));
        }
        Some(ValueRef::Collection(collection)) => mix_collection(digest, collection, horizon),
        None => return,
    }
    if expire.is_some() {
        digest.add(b"!!expire!!");
    }
}

/// Mixes in what a collection is and holds, whatever its encoding.
fn mix_collection(digest: &mut Digest, collection: &Collection, horizon: i64) {
    let kind = match collection {
        Collection::List(_) => 1_u32,
        Collection::Set(_) => 2,
        Collection::Zset(_) => 3,
        Collection::Hash(_) => 4,
        Collection::Stream(_) => 6,
    };
    digest.mix(&kind.to_be_bytes());
    let mut digits = I64Buf::new(0);
    match collection {
        Collection::List(list) => list.visit(End::Front, 0, |item| {
            digest.mix(item.text(&mut digits));
            true
        }),
        Collection::Set(set) => set.for_each(|member| digest.add(member.text(&mut digits))),
        Collection::Zset(zset) => zset.iter().for_each(|(member, score)| {
            let mut element = Digest::default();
            element.mix(member.text(&mut digits));
            let mut text = Vec::new();
            write_f64_shortest(&mut text, score);
            element.mix(&text);
            digest.add(&element.0);
        }),
        Collection::Hash(hash) => hash.for_each(horizon, |field| {
            let mut element = Digest::default();
            element.mix(field.name.text(&mut digits));
            element.mix(field.value.text(&mut digits));
            if field.expiry.is_some() {
                element.add(b"!!hexpire!!");
            }
            digest.add(&element.0);
        }),
        Collection::Stream(stream) => {
            for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
                digest.mix(format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                for (name, value) in entry.pairs() {
                    digest.mix(name.text(&mut digits));
                    digest.mix(value.text(&mut digits));
                }
            }
        }
    }
}

impl fmt::Display for Digest {
    /// 40 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, value: &str) -> Digest {
        let mut digest = Digest::default();
        digest.mix(name.as_bytes());
        digest.mix(value.as_bytes());
        digest
    }

    #[test]
    fn neither_order_nor_shards_matter_but_which_key_has_which_value_and_where() {
        let (a, b) = (key("a", "1"), key("b", "2"));
        let mut both = a;
        both.combine(b);
        let together = of_all(&[vec![Some(both), None]]);
        assert_eq!(
            together,
            of_all(&[vec![Some(a), None], vec![Some(b), None]])
        );
        assert_eq!(
            together,
            of_all(&[vec![Some(b), None], vec![Some(a), None]])
        );
        assert_ne!(together, of_all(&[vec![Some(a), Some(b)]]));
        let mut swapped = key("a", "2");
        swapped.combine(key("b", "1"));
        assert_ne!(together, of_all(&[vec![Some(swapped), None]]));
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_eq!(
            of_all(&[vec![None, None], vec![None, None]]).to_string(),
            "0".repeat(40)
        );
    }
}
