//! ZUNION, ZINTER, ZDIFF, their storing forms, and ZINTERCARD.
//!
//! Inputs are looked at one after the other, as each look may change the keyspace (an expired key goes). So members are
//! copied: of all inputs to unite them, of the smallest to intersect, of the first to subtract.
//!
//! Scores are added up in the order of the inputs' sizes, smallest first, as Redis does: the last digit of a sum depends
//! on it.

use std::cmp::Ordering;
use std::ops::Range;

use super::source::Source;
use super::{Listing, Result, limits, store, syntax};
use crate::base::{parse_f64, parse_i64};
use crate::command::ctx::{Ctx, Flow};
use crate::resp::{Args, CommandError};
use crate::types::{Item, Zset};

/// Replies the members of any of the inputs.
pub fn zunion(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply(cx, args, Operation::Union, "zunion")
}

/// Replies the members that all inputs have.
pub fn zinter(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply(cx, args, Operation::Inter, "zinter")
}

/// Replies the members of the first input that no other has.
pub fn zdiff(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    reply(cx, args, Operation::Diff, "zdiff")
}

/// Counts the members that all inputs have.
pub fn zintercard(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let inputs = Inputs::find(cx, args, 1, "zintercard")?;
    let options = Options::parse(args, &inputs, Operation::Inter, Form::Count)?;
    let db = &cx.db;
    let sources = inputs.order().into_iter().map(|input| {
        let key = args.arg(options.first_key + input);
        Source::of(db.view(key))
    });
    let sources = sources.collect::<Result<Vec<_>>>()?;
    let limit = match options.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let mut count = 0;
    if let Some((smallest, others)) = sources.split_first() {
        smallest.each_while(|member| {
            let is_common = others.iter().all(|other| other.score(member).is_some());
            count += usize::from(is_common);
            count < limit
        });
    }
    cx.reply.count(count);
    Ok(Flow::Done)
}

/// Stores the members of any of the inputs.
pub fn zunionstore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    store_outcome(cx, args, Operation::Union, "zunionstore")
}

/// Stores the members that all inputs have.
pub fn zinterstore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    store_outcome(cx, args, Operation::Inter, "zinterstore")
}

/// Stores the members of the first input that no other has.
pub fn zdiffstore(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    store_outcome(cx, args, Operation::Diff, "zdiffstore")
}

fn reply(cx: &mut Ctx<'_>, args: Args<'_>, operation: Operation, name: &str) -> Result {
    let inputs = Inputs::find(cx, args, 1, name)?;
    let options = Options::parse(args, &inputs, operation, Form::Reply)?;
    let outcome = outcome(cx, args, operation, &inputs, &options)?;
    let listing = Listing {
        with_scores: options.with_scores,
    };
    listing.header(&mut cx.reply, outcome.len());
    for (member, score) in &outcome {
        listing.member(&mut cx.reply, Item::Text(member), *score);
    }
    Ok(Flow::Done)
}

fn store_outcome(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    operation: Operation,
    name: &'static str,
) -> Result {
    let inputs = Inputs::find(cx, args, 2, name)?;
    let options = Options::parse(args, &inputs, operation, Form::Store)?;
    let outcome = outcome(cx, args, operation, &inputs, &options)?;
    let zset = Zset::from_sorted(&outcome, limits(cx.config));
    store(cx, args.arg(1), zset, name, 1);
    Ok(Flow::Done)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Inter,
    Diff,
}

/// What becomes of the outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Reply,
    Store,
    Count,
}

/// The inputs, known to have members or not to be there.
struct Inputs {
    /// Argument numbers.
    keys: Range<usize>,
    lens: Vec<usize>,
}

impl Inputs {
    /// Finds the inputs whose number argument `at` tells.
    fn find(cx: &mut Ctx<'_>, args: Args<'_>, at: usize, name: &str) -> Result<Inputs> {
        let count = parse_i64(args.arg(at)).ok_or(CommandError::NOT_INTEGER)?;
        if count < 1 {
            return Err(CommandError::no_input_keys(name));
        }
        let given = args.len() - (at + 1);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        if count > given {
            return syntax();
        }
        let keys = at + 1..at + 1 + count;
        let lens = keys
            .clone()
            .map(|key| Ok(Source::of(cx.db.get(args.arg(key)))?.len()))
            .collect::<Result<Vec<usize>>>()?;
        Ok(Inputs { keys, lens })
    }

    /// The inputs by size, smallest first.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.lens.len()).collect();
        order.sort_by_key(|&input| self.lens[input]);
        order
    }
}

#[derive(Clone, Copy)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, sum: f64, score: f64) -> f64 {
        match self {
            Aggregate::Sum => number_or_zero(sum + score),
            Aggregate::Min if score < sum => score,
            Aggregate::Max if score > sum => score,
            Aggregate::Min | Aggregate::Max => sum,
        }
    }
}

/// Infinities of both signs add up to 0, and so does infinitely many times nothing.
fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

struct Options {
    /// Argument number of the first key.
    first_key: usize,
    /// One for each input; none if all are 1.
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// 0 means none.
    limit: usize,
}

impl Options {
    fn parse(args: Args<'_>, inputs: &Inputs, operation: Operation, form: Form) -> Result<Options> {
        let mut options = Options {
            first_key: inputs.keys.start,
            weights: Vec::new(),
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        let has_scores = operation != Operation::Diff && form != Form::Count;
        let mut at = inputs.keys.end;
        while at < args.len() {
            let values = args.from(at + 1);
            if has_scores && args.is(at, "WEIGHTS") && values.len() >= inputs.keys.len() {
                let weights = values.first(inputs.keys.len()).iter().map(parse_f64);
                let weights = weights.collect::<Option<Vec<f64>>>();
                options.weights = weights.ok_or(CommandError::WEIGHT_NOT_FLOAT)?;
                at += inputs.keys.len();
            } else if has_scores && args.is(at, "AGGREGATE") && !values.is_empty() {
                options.aggregate = match () {
                    () if values.is(0, "SUM") => Aggregate::Sum,
                    () if values.is(0, "MIN") => Aggregate::Min,
                    () if values.is(0, "MAX") => Aggregate::Max,
                    () => return syntax(),
                };
                at += 1;
            } else if form == Form::Reply && args.is(at, "WITHSCORES") {
                options.with_scores = true;
            } else if form == Form::Count
                && args.is(at, "LIMIT")
                && let Some(limit) = values.get(0)
            {
                let limit = parse_i64(limit).and_then(|limit| usize::try_from(limit).ok());
                options.limit = limit.ok_or(CommandError::LIMIT_NEGATIVE)?;
                at += 1;
            } else {
                return syntax();
            }
            at += 1;
        }
        Ok(options)
    }

    fn weighted(&self, input: usize, score: f64) -> f64 {
        match self.weights.get(input) {
            Some(weight) => weight * score,
            None => score,
        }
    }
}

type Pairs = Vec<(Vec<u8>, f64)>;

/// The members and scores that come of it, in the order of a sorted set.
fn outcome(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    operation: Operation,
    inputs: &Inputs,
    options: &Options,
) -> Result<Pairs> {
    let mut pairs = match operation {
        Operation::Union => unite(cx, args, &inputs.order(), options)?,
        Operation::Inter => intersect(cx, args, &inputs.order(), options)?,
        Operation::Diff => subtract(cx, args, inputs)?,
    };
    pairs.sort_unstable_by(|a, b| {
        let by_score = a.1.partial_cmp(&b.1).unwrap_or(Ordering::Equal);
        by_score.then_with(|| a.0.cmp(&b.0))
    });
    Ok(pairs)
}

fn unite(cx: &mut Ctx<'_>, args: Args<'_>, order: &[usize], options: &Options) -> Result<Pairs> {
    let mut all: Pairs = Vec::new();
    for &input in order {
        let key = args.arg(options.first_key + input);
        Source::of(cx.db.peek(key))?.for_each(|member, score| {
            let score = number_or_zero(options.weighted(input, score));
            all.push((member.to_vec(), score));
        });
    }
    // Stable: scores of a member stay in the order of inputs.
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.dedup_by(|later, kept| {
        let is_same = later.0 == kept.0;
        if is_same {
            kept.1 = options.aggregate.of(kept.1, later.1);
        }
        is_same
    });
    Ok(all)
}

fn intersect(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    order: &[usize],
    options: &Options,
) -> Result<Pairs> {
    let mut kept: Pairs = Vec::new();
    let Some((&smallest, others)) = order.split_first() else {
        return Ok(kept);
    };
    let key = args.arg(options.first_key + smallest);
    Source::of(cx.db.peek(key))?.for_each(|member, score| {
        let score = number_or_zero(options.weighted(smallest, score));
        kept.push((member.to_vec(), score));
    });
    for &input in others {
        if kept.is_empty() {
            break;
        }
        let source = Source::of(cx.db.peek(args.arg(options.first_key + input)))?;
        kept.retain_mut(|(member, sum)| match source.score(member) {
            Some(score) => {
                *sum = options.aggregate.of(*sum, options.weighted(input, score));
                true
            }
            None => false,
        });
    }
    Ok(kept)
}

fn subtract(cx: &mut Ctx<'_>, args: Args<'_>, inputs: &Inputs) -> Result<Pairs> {
    let mut kept: Pairs = Vec::new();
    Source::of(cx.db.peek(args.arg(inputs.keys.start)))?
        .for_each(|member, score| kept.push((member.to_vec(), score)));
    for key in inputs.keys.clone().skip(1) {
        if kept.is_empty() {
            break;
        }
        let source = Source::of(cx.db.peek(args.arg(key)))?;
        kept.retain(|(member, _)| source.score(member).is_none());
    }
    Ok(kept)
}
