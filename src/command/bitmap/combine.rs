//! BITOP: strings combined bit by bit. Shorter ones are taken to go on with zeros.
//!
//! The outcome is built block by block, all sources of a block one after the other, so that it stays in the first-level
//! cache however many sources there are. The loops over bytes are such that the compiler makes vector code of them.

use std::sync::Arc;

use super::Result;
use crate::base::I64Buf;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::{StrInput, StrRef, Ttl};
use crate::resp::{Args, CommandError};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

impl Operation {
    fn parse(word: &[u8]) -> Result<Operation> {
        [
            (&b"AND"[..], Operation::And),
            (b"OR", Operation::Or),
            (b"XOR", Operation::Xor),
            (b"NOT", Operation::Not),
        ]
        .into_iter()
        .find(|(name, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, operation)| operation)
        .ok_or(CommandError::SYNTAX)
    }
}

/// A source: held by reference if it is long, since the destination may be one of the sources.
enum Source {
    Short(Vec<u8>),
    Long(Arc<Vec<u8>>),
}

impl Source {
    fn bytes(&self) -> &[u8] {
        match self {
            Source::Short(bytes) => bytes,
            Source::Long(shared) => shared,
        }
    }
}

/// Combines strings and stores the outcome, or deletes the destination if it is empty. Replies its length.
pub fn bitop(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let operation = Operation::parse(args.arg(1))?;
    if operation == Operation::Not && args.len() != 4 {
        return Err(CommandError::BITOP_NOT);
    }
    let mut sources = Vec::with_capacity(args.len() - 3);
    for key in args.from(3) {
        sources.push(match cx.db.get_str(key)? {
            None => Source::Short(Vec::new()),
            Some(StrRef::Shared(shared)) => Source::Long(Arc::clone(shared)),
            Some(text) => Source::Short(text.text(&mut I64Buf::new(0)).to_vec()),
        });
    }
    let slices: Vec<&[u8]> = sources.iter().map(Source::bytes).collect();
    let outcome = combine(operation, &slices);
    let (key, len) = (args.arg(2), outcome.len());
    if outcome.is_empty() {
        if cx.db.remove(key) {
            cx.dirty += 1;
            cx.notify(KeyspaceEvents::GENERIC, "del", key);
        }
    } else {
        let value = if len < SHARED_OUTCOME_BYTES_MIN {
            StrInput::Raw(&outcome)
        } else {
            StrInput::Shared(Arc::new(outcome))
        };
        cx.db.set_str(key, value, Ttl::Clear);
        cx.dirty += 1;
        cx.notify(KeyspaceEvents::STRING, "set", key);
    }
    cx.reply.count(len);
    Ok(Flow::Done)
}

fn combine(operation: Operation, sources: &[&[u8]]) -> Vec<u8> {
    let len = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let mut outcome = vec![0; len];
    let (first, others) = sources.split_first().expect("BITOP has a source");
    for (number, block) in outcome.chunks_mut(BLOCK_BYTES).enumerate() {
        let start = number * BLOCK_BYTES;
        let part = |source: &'_ &[u8]| {
            let end = source.len().min(start + BLOCK_BYTES);
            start.min(end)..end
        };
        let copied = &first[part(first)];
        block[..copied.len()].copy_from_slice(copied);
        for source in others {
            let bytes = &source[part(source)];
            let (covered, beyond) = block.split_at_mut(bytes.len());
            let pairs = covered.iter_mut().zip(bytes);
            match operation {
                Operation::And => {
                    pairs.for_each(|(to, from)| *to &= from);
                    beyond.fill(0);
                }
                Operation::Or => pairs.for_each(|(to, from)| *to |= from),
                Operation::Xor => pairs.for_each(|(to, from)| *to ^= from),
                Operation::Not => {}
            }
        }
        if operation == Operation::Not {
            block.iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
    outcome
}

/// With one source at a time beside it, half of a first-level cache of 32 KiB.
const BLOCK_BYTES: usize = 8 * 1024;

/// From here on the outcome's memory becomes the value's; below it is copied into the key's entry.
const SHARED_OUTCOME_BYTES_MIN: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    #[test]
    fn combining_agrees_with_byte_by_byte() {
        let mut rng = Rng::new(6);
        for _ in 0..200 {
            let sources: Vec<Vec<u8>> = (0..1 + rng.index(4))
                .map(|_| {
                    let len = rng.index(3) * BLOCK_BYTES / 2 + rng.index(100);
                    (0..len).map(|_| rng.next_u64() as u8).collect()
                })
                .collect();
            let slices: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
            let len = sources.iter().map(Vec::len).max().unwrap();
            let bytes = |at: usize| {
                sources
                    .iter()
                    .map(move |source| source.get(at).copied().unwrap_or(0))
            };
            let check = |operation, reduce: fn(u8, u8) -> u8| {
                let expected: Vec<u8> = (0..len)
                    .map(|at| bytes(at).reduce(reduce).unwrap())
                    .collect();
                assert!(combine(operation, &slices) == expected);
            };
            check(Operation::And, |a, b| a & b);
            check(Operation::Or, |a, b| a | b);
            check(Operation::Xor, |a, b| a ^ b);
            let inverse: Vec<u8> = sources[0].iter().map(|byte| !byte).collect();
            assert!(combine(Operation::Not, &slices[..1]) == inverse);
        }
    }
}
