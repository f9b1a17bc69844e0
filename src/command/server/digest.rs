//! Digests of keys and values, for DEBUG DIGEST: equal data give equal digests, in whatever order and on however many
//! shards they lie.
//!
//! 160 bits, as tools expect. Each key's digest depends on its database, name, value and expiry; over keys they are
//! combined by exclusive or, which knows no order. Three lanes of a multiplying hash, seeded differently: tests compare
//! honest data, nobody attacks them. It is no SHA-1, so digests cannot be compared with those of another server.

use crate::base::DbIndex;
use crate::base::{I64Buf, write_f64};
use crate::keyspace::{Db, ValueRef};
use crate::types::stream::StreamId;
use crate::types::{Collection, End};
use std::fmt;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Digest([u64; 3]);

impl Digest {
    /// The digest of a key that holds a value with digest `value`.
    pub(super) fn of_key(db: DbIndex, key: &[u8], value: Digest) -> Digest {
        Digest::of_parts(&[&db.0.to_le_bytes(), key, &value.to_bytes()])
    }

    fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|lane| lane.to_le_bytes()).collect()
    }

    /// Takes in another digest, in any order.
    pub(super) fn combine(&mut self, other: Digest) {
        for (lane, other) in self.0.iter_mut().zip(other.0) {
            *lane ^= other;
        }
    }

    /// The digest of byte strings in this order; where one ends and the next begins matters.
    fn of_parts(parts: &[&[u8]]) -> Digest {
        const SEEDS: [u64; 3] = [
            0x243f_6a88_85a3_08d3,
            0x1319_8a2e_0370_7344,
            0xa409_3822_299f_31d0,
        ];
        Digest(SEEDS.map(|seed| {
            let mut state = seed;
            for part in parts {
                state = mix(state ^ part.len() as u64);
                for chunk in part.chunks(8) {
                    let mut bytes = [0; 8];
                    bytes[..chunk.len()].copy_from_slice(chunk);
                    state = mix(state ^ u64::from_le_bytes(bytes));
                }
            }
            state
        }))
    }
}

/// A permutation of 64 bits in which every bit depends on every other (the finalizer of splitmix64).
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The digest of a key's value and expiry; zero without the key.
pub(super) fn digest_of(db: &mut Db<'_>, key: &[u8]) -> Digest {
    let Some(expire) = db.expire_of(key) else {
        return Digest::default();
    };
    let expire = match expire {
        Some(at) => at.0.to_le_bytes().to_vec(),
        None => Vec::new(),
    };
    let horizon = db.horizon();
    match db.peek(key) {
        Some(ValueRef::Str(text)) => {
            let mut digits = I64Buf::new(0);
            Digest::of_parts(&[b"string", text.text(&mut digits), &expire])
        }
        Some(ValueRef::Collection(collection)) => {
            let elements = elements(collection, horizon).to_bytes();
            Digest::of_parts(&[collection.type_name().as_bytes(), &elements, &expire])
        }
        None => Digest::default(),
    }
}

/// The digest of what a collection holds, whatever its encoding. Where elements have no order they are combined by
/// exclusive or, as keys are.
fn elements(collection: &Collection, horizon: i64) -> Digest {
    let mut total = Digest::default();
    let (mut one, mut other) = (I64Buf::new(0), I64Buf::new(0));
    match collection {
        Collection::List(list) => list.visit(End::Front, 0, |item| {
            total = Digest::of_parts(&[&total.to_bytes(), item.text(&mut one)]);
            true
        }),
        Collection::Hash(hash) => hash.for_each(horizon, |field| {
            let (name, value) = (field.name.text(&mut one), field.value.text(&mut other));
            let time = field.expiry.unwrap_or(0).to_le_bytes();
            total.combine(Digest::of_parts(&[name, value, &time]));
        }),
        Collection::Set(set) => {
            set.for_each(|member| total.combine(Digest::of_parts(&[member.text(&mut one)])));
        }
        Collection::Stream(stream) => {
            let mut payload = Vec::new();
            for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
                payload.clear();
                payload.extend_from_slice(&entry.id.to_bytes());
                for (name, value) in entry.pairs() {
                    for item in [name, value] {
                        let text = item.text(&mut one);
                        payload.extend_from_slice(&text.len().to_le_bytes());
                        payload.extend_from_slice(text);
                    }
                }
                total = Digest::of_parts(&[&total.to_bytes(), &payload]);
            }
        }
        Collection::Zset(zset) => zset.iter().for_each(|(member, score)| {
            let mut text = Vec::new();
            write_f64(&mut text, score);
            total.combine(Digest::of_parts(&[member.text(&mut one), &text]));
        }),
    }
    total
}

impl fmt::Display for Digest {
    /// 40 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a:016x}{b:016x}{:08x}", c as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, value: &str) -> Digest {
        let value = Digest::of_parts(&[value.as_bytes()]);
        Digest::of_key(DbIndex(0), name.as_bytes(), value)
    }

    #[test]
    fn order_does_not_matter_but_which_key_has_which_value_does() {
        let total = |digests: &[Digest]| {
            let mut total = Digest::default();
            digests.iter().for_each(|digest| total.combine(*digest));
            total
        };
        let one = total(&[key("a", "1"), key("b", "2")]);
        assert_eq!(one, total(&[key("b", "2"), key("a", "1")]));
        assert_ne!(one, total(&[key("a", "2"), key("b", "1")]));
        assert_ne!(key("ab", "c"), key("a", "bc"));
        assert_eq!(one.to_string().len(), 40);
        assert_eq!(Digest::default().to_string(), "0".repeat(40));
    }
}
