//! PFDEBUG and PFSELFTEST: a look inside.

use super::{Result, corrupt, parts};
use crate::base::Rng;
use crate::command::ctx::{Ctx, Flow, HomeCtx};
use crate::config::Config;
use crate::resp::{Args, CommandError, Reply};
use crate::types::hll::{self, Encoding};

/// Shows the registers, the runs or the encoding of a HyperLogLog, or makes it dense.
pub fn pfdebug(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(2);
    let Some(text) = cx.db.find_str(key)? else {
        return Err(CommandError::HLL_NO_KEY);
    };
    let (encoding, bytes) = parts(&text)?;
    if args.is(1, "decode") {
        if encoding != Encoding::Sparse {
            return Err(CommandError::HLL_NOT_SPARSE);
        }
        cx.reply.bulk(&hll::describe(bytes));
    } else if args.is(1, "encoding") {
        cx.reply.simple(match encoding {
            Encoding::Dense => "dense",
            Encoding::Sparse => "sparse",
        });
    } else if args.is(1, "getreg") {
        // Looking makes it dense, as in Redis.
        let registers = hll::registers(bytes).map_err(corrupt)?;
        cx.reply.array(registers.len());
        for &register in registers.iter() {
            cx.reply.integer(register.into());
        }
        make_dense(cx, key, encoding)?;
    } else if args.is(1, "todense") {
        let is_change = make_dense(cx, key, encoding)?;
        cx.reply.integer(is_change.into());
    } else {
        return Err(CommandError::pfdebug_unknown(args.arg(1)));
    }
    Ok(Flow::Done)
}

fn make_dense(cx: &mut Ctx<'_>, key: &[u8], encoding: Encoding) -> Result<bool> {
    if encoding == Encoding::Dense {
        return Ok(false);
    }
    let made = cx.db.update_str(key, hll::make_dense)?;
    made.map_err(corrupt)?;
    cx.dirty += 1;
    Ok(true)
}

/// Checks that the encodings agree and that estimates are close enough.
pub fn pfselftest(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let sparse_max = cx.config.hll_sparse_max_bytes;
    // It takes a while, so not on a shard.
    Ok(Flow::Offload(Box::new(move |reply| {
        report(sparse_max, reply);
    })))
}

/// The same within a script, which nobody can wait for.
pub fn test_self(config: &Config, reply: &mut Reply<'_>) -> std::result::Result<(), CommandError> {
    report(config.hll_sparse_max_bytes, reply);
    Ok(())
}

fn report(sparse_max: u64, reply: &mut Reply<'_>) {
    match self_test(sparse_max) {
        Ok(()) => reply.ok(),
        Err(what) => reply.error_text(format!("ERR TESTFAILED {what}").as_bytes()),
    }
}

fn self_test(sparse_max: u64) -> std::result::Result<(), String> {
    let failed = |_| "corrupted".to_owned();
    let mut rng = Rng::new(SEED);
    let (mut sparse, mut dense) = (hll::empty(), hll::empty());
    hll::make_dense(&mut dense).map_err(failed)?;
    let mut checkpoint = 1;
    for count in 1..=ELEMENTS {
        let element = rng.next_u64().to_le_bytes();
        hll::add(&mut sparse, &element, sparse_max).map_err(failed)?;
        hll::add(&mut dense, &element, sparse_max).map_err(failed)?;
        if count != checkpoint {
            continue;
        }
        if count < sparse_max / 2 && hll::encoding(&sparse) != Some(Encoding::Sparse) {
            return Err("sparse encoding not used".into());
        }
        let estimate = hll::estimate(&dense).map_err(failed)?;
        if hll::estimate(&sparse) != Ok(estimate) {
            return Err("dense/sparse disagree".into());
        }
        let error = estimate.abs_diff(count);
        // Six times the standard error, 1.04 over the root of the number of registers.
        let error_max = (6.0 * 1.04 / 128.0 * count as f64).ceil() as u64;
        if error > error_max {
            return Err(format!("Too big error. card:{count} abserr:{error}"));
        }
        checkpoint *= 10;
    }
    Ok(())
}

/// How many elements the test counts.
const ELEMENTS: u64 = 100_000;

/// Any will do.
const SEED: u64 = 0x5eed;
