//! LMOVEM and BLMOVEM: several elements move from an end of one list to an end of another.
//!
//! One by one, what was taken first lies beneath what was taken later; in bulk they keep the order they had. Either way
//! all are taken before the first is put down, so that a list can be its own destination.

use super::moves::{available, end, pop_name, wait};
use super::{Result, limits, popped, pushed};
use crate::base::{I64Buf, parse_i64};
use crate::command::blocking::deadline;
use crate::command::ctx::{Ctx, Flow};
use crate::config::KeyspaceEvents;
use crate::resp::{Args, CommandError};
use crate::types::{End, List};

/// What is to be moved, and how.
struct Order {
    from: End,
    to: End,
    count: usize,
    /// All of them or none.
    exactly: bool,
    /// Keep the order they have.
    bulk: bool,
}

/// Moves several elements.
pub fn lmovem(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let order = Order::parse(args, 5)?;
    let (source, destination) = (args.arg(1), args.arg(2));
    let len = cx.db.peek_as::<List>(source)?.map_or(0, List::len);
    match order.number(len) {
        0 if order.exactly => cx.reply.null(),
        0 => cx.reply.array(0),
        n => order.run(cx, source, destination, n)?,
    }
    Ok(Flow::Done)
}

/// LMOVEM that waits for elements.
pub fn blmovem(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let order = Order::parse(args, 6)?;
    let deadline = deadline(args.arg(5), cx.now)?;
    let (source, destination) = (args.arg(1), args.arg(2));
    let n = order.number(available(cx, source)?);
    if n == 0 {
        return wait(cx, [1], deadline);
    }
    if !cx.db.covers(destination) {
        return Ok(Flow::Elsewhere);
    }
    order.run(cx, source, destination, n)?;
    Ok(Flow::Done)
}

impl Order {
    /// Reads the ends, and from position `at` on `[<COUNT count|EXACTLY exactly> <OBO|BULK>]`.
    fn parse(args: Args<'_>, at: usize) -> Result<Order> {
        let (from, to) = (end(args.get(3))?, end(args.get(4))?);
        let mut order = Order {
            from,
            to,
            count: 1,
            exactly: false,
            bulk: false,
        };
        let options = args.from(at);
        if options.is_empty() {
            return Ok(order);
        }
        let exactly = options.is(0, "EXACTLY");
        if options.len() != 3 || !(exactly || options.is(0, "COUNT")) {
            return Err(CommandError::SYNTAX);
        }
        let count = parse_i64(options.arg(1)).filter(|&count| count > 0);
        let count = count.ok_or(CommandError::COUNT_NOT_POSITIVE)?;
        order.count = usize::try_from(count).unwrap_or(usize::MAX);
        order.exactly = exactly;
        order.bulk = options.is(2, "BULK");
        if !order.bulk && !options.is(2, "OBO") {
            return Err(CommandError::SYNTAX);
        }
        Ok(order)
    }

    /// How many of `len` elements to move.
    fn number(&self, len: usize) -> usize {
        match self.exactly {
            true if len < self.count => 0,
            _ => len.min(self.count),
        }
    }

    /// Moves `n` elements, which are there, and replies them as they lie in the destination.
    fn run(&self, cx: &mut Ctx<'_>, source: &[u8], destination: &[u8], n: usize) -> Result<()> {
        cx.db.peek_as::<List>(destination)?;
        let limits = limits(cx.config);
        let mut texts: Vec<Vec<u8>> = Vec::new();
        let is_rotation = source == destination;
        let edited = cx.db.modify::<List, _>(source, |list| {
            list.pop(self.from, n, limits, |item| texts.push(item.to_vec()));
            if self.bulk && self.from == End::Back {
                texts.reverse();
            }
            // From here on in the order of the destination.
            if !self.bulk && self.to == End::Front {
                texts.reverse();
            }
            if is_rotation {
                put(list, self.to, &texts, limits);
            }
            ((), n as u64)
        })?;
        if !is_rotation {
            cx.db.upsert(destination, List::new, |list| {
                put(list, self.to, &texts, limits);
                ((), n as u64)
            })?;
        }
        cx.notify(KeyspaceEvents::LIST, pushed(self.to), destination);
        cx.notify(KeyspaceEvents::LIST, popped(self.from), source);
        if edited.is_some_and(|edited| edited.emptied) {
            cx.notify(KeyspaceEvents::GENERIC, "del", source);
        }
        cx.dirty += n as u64;
        self.propagate(cx, source, destination, &texts);
        cx.reply.array(texts.len());
        texts.iter().for_each(|text| cx.reply.bulk(text));
        Ok(())
    }
}

impl Order {
    /// What was moved is taken and put; where both are one list that could remove it meanwhile.
    fn propagate(&self, cx: &mut Ctx<'_>, source: &[u8], destination: &[u8], texts: &[Vec<u8>]) {
        let count = I64Buf::new(texts.len() as i64);
        if source == destination {
            let (from, to) = (end_name(self.from), end_name(self.to));
            let how: &[u8] = if self.bulk { b"BULK" } else { b"OBO" };
            let count = count.as_bytes();
            return cx.propagate(&[
                b"LMOVEM",
                source,
                destination,
                from,
                to,
                b"COUNT",
                count,
                how,
            ]);
        }
        cx.propagate(&[pop_name(self.from), source, count.as_bytes()]);
        match self.to {
            End::Back => cx.propagate_list(&[b"RPUSH", destination], texts),
            End::Front => {
                let texts: Vec<&Vec<u8>> = texts.iter().rev().collect();
                cx.propagate_list(&[b"LPUSH", destination], &texts);
            }
        }
    }
}

fn end_name(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LEFT",
        End::Back => b"RIGHT",
    }
}

/// Puts texts at an end, so that they lie there in their order.
fn put(list: &mut List, end: End, texts: &[Vec<u8>], limits: crate::types::ListLimits) {
    let texts = texts.iter().map(Vec::as_slice);
    match end {
        End::Front => texts.rev().for_each(|text| list.push(end, text, limits)),
        End::Back => texts.for_each(|text| list.push(end, text, limits)),
    }
}
