//! HyperLogLogs: estimates of how many distinct elements there were.
//!
//! They are strings with a certain content (`types/hll.rs`): any string command works on them too, and every command here
//! looks first whether a string is one.

mod debug;

use super::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::keyspace::{StrInput, StrRef, Ttl};
use crate::resp::{Args, CommandError};
use crate::types::hll::{self, Corrupt, Encoding, REGISTERS};

pub use debug::{pfdebug, pfselftest, test_self};

type Result<T = Flow> = std::result::Result<T, CommandError>;

fn corrupt(_: Corrupt) -> CommandError {
    CommandError::HLL_CORRUPT
}

/// Counts elements. Replies whether that may have changed the estimate.
pub fn pfadd(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(1);
    let elements = args.from(2);
    let sparse_max = cx.config.hll_sparse_max_bytes;
    let changed = match cx.db.edit_str(key)? {
        None => {
            let mut bytes = hll::empty();
            let changed = 1 + add_all(&mut bytes, elements, sparse_max)?;
            cx.db.set_str(key, StrInput::Raw(&bytes), Ttl::Clear);
            changed
        }
        Some(found) => match parts(&found.text())? {
            (Encoding::Dense, bytes) => {
                let is_change = |element| hll::dense_would_change(bytes, element);
                match elements.iter().any(is_change) {
                    true => found.update(|bytes| add_all(bytes, elements, sparse_max))?,
                    false => 0,
                }
            }
            (Encoding::Sparse, bytes) => {
                let mut bytes = bytes.to_vec();
                let changed = add_all(&mut bytes, elements, sparse_max)?;
                if changed > 0 {
                    found.update(|old| *old = bytes);
                }
                changed
            }
        },
    };
    if changed > 0 {
        cx.notify(KeyspaceEvents::STRING, "pfadd", key);
        cx.dirty += changed;
    }
    cx.reply.integer(i64::from(changed > 0));
    Ok(Flow::Done)
}

/// Counts elements; says how many changed a register, or that the key is new if there is none.
fn add_all(bytes: &mut Vec<u8>, elements: Args<'_>, sparse_max: u64) -> Result<u64> {
    let mut changed = 0;
    for element in elements {
        changed += u64::from(hll::add(bytes, element, sparse_max).map_err(corrupt)?);
    }
    hll::forget_estimate(bytes);
    Ok(changed)
}

/// Estimates how many distinct elements were counted, in all keys together. A single key remembers the answer.
pub fn pfcount(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    if args.len() > 2 {
        let mut registers = Box::new([0; REGISTERS]);
        for key in args.from(1) {
            if let Some(text) = cx.db.get_str(key)? {
                hll::merge(&mut registers, parts(&text)?.1).map_err(corrupt)?;
            }
        }
        let estimate = hll::estimate_registers(&registers);
        cx.reply.integer(estimate as i64);
        return Ok(Flow::Done);
    }
    let key = args.arg(1);
    let Some(text) = cx.db.get_str(key)? else {
        cx.reply.integer(0);
        return Ok(Flow::Done);
    };
    let (_, bytes) = parts(&text)?;
    let estimate = match hll::noted_estimate(bytes) {
        Some(estimate) => estimate,
        None => {
            let estimate = hll::estimate(bytes).map_err(corrupt)?;
            cx.db
                .update_str(key, |bytes| hll::note_estimate(bytes, estimate))?;
            cx.dirty += 1;
            estimate
        }
    };
    cx.reply.integer(estimate as i64);
    Ok(Flow::Done)
}

/// Adds to a HyperLogLog what others have counted.
pub fn pfmerge(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let mut registers = Box::new([0; REGISTERS]);
    let mut is_dense = false;
    let mut merged = None;
    for (i, key) in args.from(1).iter().enumerate() {
        let Some(text) = cx.db.get_str(key)? else {
            continue;
        };
        let (encoding, bytes) = parts(&text)?;
        is_dense |= encoding == Encoding::Dense;
        hll::merge(&mut registers, bytes).map_err(corrupt)?;
        if i == 0 {
            merged = Some(bytes.to_vec());
        }
    }
    let mut merged = merged.unwrap_or_else(hll::empty);
    if is_dense {
        hll::make_dense(&mut merged).map_err(corrupt)?;
    }
    let sparse_max = cx.config.hll_sparse_max_bytes;
    for (index, &rank) in registers.iter().enumerate() {
        if rank > 0 {
            hll::raise(&mut merged, index, rank, sparse_max).map_err(corrupt)?;
        }
    }
    hll::forget_estimate(&mut merged);
    let key = args.arg(1);
    cx.db.update_str(key, |bytes| *bytes = merged)?;
    cx.notify(KeyspaceEvents::STRING, "pfadd", key);
    cx.dirty += 1;
    cx.reply.ok();
    Ok(Flow::Done)
}

/// The encoding and the bytes of a string that has to be a HyperLogLog.
fn parts<'t>(text: &StrRef<'t>) -> Result<(Encoding, &'t [u8])> {
    let bytes: &'t [u8] = match *text {
        StrRef::Bytes(bytes) => bytes,
        StrRef::Shared(shared) => shared,
        StrRef::Int(_) => return Err(CommandError::NOT_HLL),
    };
    let encoding = hll::encoding(bytes).ok_or(CommandError::NOT_HLL)?;
    Ok((encoding, bytes))
}

#[cfg(test)]
mod tests;
