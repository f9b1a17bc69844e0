//! Conditions on what a string holds: SET .. IFEQ and its kin, DELEX, DELIFEQ, and the digest that IFDEQ compares with.

use super::Result;
use crate::base::I64Buf;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::{StrRef, ValueRef};
use crate::resp::{Args, CommandError};
use xxhash_rust::xxh3::xxh3_64;

/// What a string must or must not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison<'a> {
    /// IFEQ: it is this.
    Is(&'a [u8]),
    /// IFNE: it is not this.
    IsNot(&'a [u8]),
    /// IFDEQ: it has this digest.
    HasDigest(&'a [u8]),
    /// IFDNE: it has another digest.
    HasNotDigest(&'a [u8]),
}

impl<'a> Comparison<'a> {
    /// The comparison with `operand` that a word asks for.
    pub(super) fn named(word: &[u8], operand: &'a [u8]) -> Option<Comparison<'a>> {
        let comparison = match word.to_ascii_uppercase().as_slice() {
            b"IFEQ" => Comparison::Is(operand),
            b"IFNE" => Comparison::IsNot(operand),
            b"IFDEQ" => Comparison::HasDigest(operand),
            b"IFDNE" => Comparison::HasNotDigest(operand),
            _ => return None,
        };
        Some(comparison)
    }

    /// Whether it holds. An absent key has no value, so it is not any. A digest is looked at only if there is a value to
    /// compare it with.
    pub(super) fn holds(self, text: Option<StrRef<'_>>) -> Result<bool> {
        let Some(text) = text else {
            return Ok(matches!(
                self,
                Comparison::IsNot(_) | Comparison::HasNotDigest(_)
            ));
        };
        let mut digits = I64Buf::new(0);
        let text = text.text(&mut digits);
        let has_digest = |digest: &[u8]| match digest.len() {
            DIGEST_BYTES => Ok(digest.eq_ignore_ascii_case(&hex_digest(text))),
            _ => Err(CommandError::DIGEST_LENGTH),
        };
        match self {
            Comparison::Is(other) => Ok(text == other),
            Comparison::IsNot(other) => Ok(text != other),
            Comparison::HasDigest(digest) => has_digest(digest),
            Comparison::HasNotDigest(digest) => Ok(!has_digest(digest)?),
        }
    }
}

/// Hexadecimal digits of a digest.
const DIGEST_BYTES: usize = 16;

/// The XXH3 hash of a text in 16 hexadecimal digits.
fn hex_digest(text: &[u8]) -> [u8; DIGEST_BYTES] {
    let hash = xxh3_64(text);
    std::array::from_fn(|i| {
        let digit = hash >> (60 - 4 * i) & 0xf;
        b"0123456789abcdef"[digit as usize]
    })
}

/// Replies the digest of a string, null without the key.
pub fn digest(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    match cx.db.get_str(args.arg(1))? {
        Some(text) => {
            let mut digits = I64Buf::new(0);
            cx.reply.bulk(&hex_digest(text.text(&mut digits)));
        }
        None => cx.reply.null(),
    }
    Ok(Flow::Done)
}

/// Deletes a key, with a condition only if it holds; replies whether it did.
pub fn delex(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let holds = match (args.len(), cx.db.find(key)) {
        (2, found) => found.is_some(),
        (4, None) => false,
        (4, Some(ValueRef::Collection(_))) => return Err(CommandError::DELEX_NOT_STRING),
        (4, Some(ValueRef::Str(text))) => Comparison::named(args.arg(2), args.arg(3))
            .ok_or(CommandError::DELEX_CONDITION)?
            .holds(Some(text))?,
        _ => return Err(CommandError::wrong_arity("delex")),
    };
    delete_if(cx, key, holds)
}

/// Deletes a string that is this; replies whether it did.
pub fn delifeq(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let text = cx.db.find_str(key)?;
    let holds = Comparison::Is(args.arg(2)).holds(text)?;
    delete_if(cx, key, holds)
}

fn delete_if(cx: &mut Ctx<'_>, key: &[u8], holds: bool) -> Result {
    if holds {
        cx.db.remove(key);
        cx.dirty += 1;
        cx.propagate(&[b"DEL", key]);
        cx.notify(KeyspaceEvents::GENERIC, "del", key);
    }
    cx.reply.integer(i64::from(holds));
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::testing::check;

    #[test]
    fn digests_are_those_of_redis() {
        for (text, digest) in [
            ("Hello world", "b6acb9d84a38ff74"),
            ("hello", "9555e8555c62dcfd"),
            ("", "2d06800538d394c2"),
            ("123", "404a763b3f4c8c9a"),
            ("v8", "0cc76dbb41381419"),
        ] {
            assert_eq!(hex_digest(text.as_bytes()), digest.as_bytes(), "{text}");
        }
        check(
            r#"
            SET a hello
            DIGEST a => 9555e8555c62dcfd
            SET a 123
            DIGEST a => 404a763b3f4c8c9a
            DIGEST nope => nil
            SADD s x
            DIGEST s => WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }

    #[test]
    fn set_compares_before_it_writes() {
        check(
            r#"
            SET k v IFEQ x => nil
            SET k v IFDEQ short => nil
            EXISTS k => 0
            SET k v IFNE x => OK
            SET k w ifeq x => nil
            SET k w IFEQ v => OK
            SET k x IFNE w => nil
            SET k x IFNE v EX 10 => OK
            @ttl k => 10000
            SET k hello
            SET k y IFDEQ 9555E8555C62DCFD => OK
            SET k hello
            SET k y IFDNE 9555e8555c62dcfd => nil
            SET k y IFDEQ 0000000000000000 GET => hello
            SET k y IFDNE zzzzzzzzzzzzzzzz GET => hello
            GET k => y
            SET k z IFEQ no GET => y
            SET new z IFEQ no GET => nil
            SET k y IFDEQ 12 GET => ERR must be exactly 16 hexadecimal characters
            SET k y IFDNE "" => ERR must be exactly 16 hexadecimal characters
            SET k y IFEQ => ERR syntax error
            SET k y IFEQ a NX => ERR syntax error
            SET k y XX IFEQ a => ERR syntax error
            SET k y IFEQ a IFNE a => ERR syntax error
            SADD s x
            SET s y IFEQ x => WRONGTYPE Operation against a key holding the wrong kind of value
            SET s y IFDNE x => WRONGTYPE Operation against a key holding the wrong kind of value
            SET n 12
            SET n 13 IFEQ 12 => OK
            "#,
        );
    }

    #[test]
    fn delex_compares_before_it_deletes() {
        check(
            r#"
            MSET a hello b 12
            @dirty
            DELEX a IFEQ x => 0
            DELEX a IFNE hello => 0
            DELEX nope IFEQ x => 0
            DELEX nope FOO x => 0
            DELEX nope => 0
            @dirty => 0
            DELEX a IFDNE 9555e8555c62dcfd => 0
            DELEX a IFDEQ 9555e8555c62dcfd => 1
            EXISTS a => 0
            DELEX b IFEQ 12 => 1
            @dirty => 2
            SADD s x
            DELEX s IFEQ x => ERR Key should be of string type if conditions are specified
            DELEX s => 1
            SET a x
            DELEX a FOO x => ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE
            DELEX a IFEQ => ERR wrong number of arguments for 'delex' command
            DELEX nope IFEQ a b => ERR wrong number of arguments for 'delex' command
            DELEX a IFDEQ x => ERR must be exactly 16 hexadecimal characters
            DELIFEQ a y => 0
            DELIFEQ nope y => 0
            DELIFEQ a x => 1
            SADD s x
            DELIFEQ s x => WRONGTYPE Operation against a key holding the wrong kind of value
            "#,
        );
    }
}
