//! How the reply of an operation over several frames is made when the last one is back.

use super::dispatch::error_code;
use crate::command::ctx::{Gather, Scope};
use crate::command::spec::{CommandSpec, Merge};
use crate::resp::{Args, Output, OutputPosition, OwnedArgs, Reply, scan};
use crate::shard::{FrameBox, Item};

/// What to do with the parts.
pub(super) enum Plan {
    /// Parts of one command.
    Split(Split, Scope),
    /// MSETNX: parts that ran only if all agreed.
    Vote(Split, Scope),
    /// The reply is the output of the only item, in whichever frame carries it.
    Parked,
    /// EXEC: one place for each queued command.
    Exec(Vec<Place>, Scope, Silence),
    /// Results of a control function.
    Gathered(Gather, Scope),
}

/// What of the reply of an EXEC is not sent, as CLIENT REPLY says: before it, or within it.
#[derive(Default)]
pub(super) struct Silence {
    /// That there is one, and of how many elements.
    pub(super) header: bool,
    /// The elements; none are left out if this is empty.
    pub(super) elements: Vec<bool>,
}

/// Where the pieces of a command that was split are.
pub(super) struct Split {
    pub(super) merge: Merge,
    /// `(frame, item in it)` of each piece.
    pub(super) pieces: Vec<(u16, u32)>,
    /// For each key in argument order, the piece that has it. Only for `Merge::Interleave`.
    pub(super) order: Vec<u16>,
}

/// Where the reply of one command of an EXEC is.
pub(super) enum Place {
    /// Written at home.
    Here(Output),
    /// In a frame.
    Item(u32, u32),
    /// In several; the command as the client sent it.
    Split(Split, Whole),
    /// In the item with this number, in whichever frame carries the items of a PARK fence.
    Parked(u32),
    /// Comes from a gather of its own: so many frames from this one on.
    Gathered(u32, u16, Gather, Whole),
    /// The control thread's reply, in the result of this frame.
    Offloaded(u32, Whole),
}

/// A command that no single item has whole.
pub(super) struct Whole {
    pub(super) spec: &'static CommandSpec,
    pub(super) args: OwnedArgs,
}

/// One command of an EXEC as it ran, for the statistics and the slow log.
pub(super) struct Ran<'a> {
    pub(super) spec: &'static CommandSpec,
    pub(super) args: Args<'a>,
    pub(super) ticks: u64,
    /// Code of the error that is its reply.
    pub(super) error: Option<&'a [u8]>,
    /// Bytes of its reply; 0 where that is not known before all replies are written.
    pub(super) reply: usize,
    /// The statistics of errors have that already.
    pub(super) is_counted: bool,
}

impl Place {
    /// What became of the command; `None` if home ran it, and counted it there.
    pub(super) fn ran<'a>(&'a self, parts: &'a Parts) -> Option<Ran<'a>> {
        let of_item = |item: &'a Item| Ran {
            spec: item.spec,
            args: item.args.as_args(),
            ticks: item.outcome.ticks,
            error: failure(item),
            reply: item.out.len(),
            is_counted: item.outcome.is_counted,
        };
        let frame = |part: u16| parts[usize::from(part)].as_ref();
        let of_whole = |whole: &'a Whole, ticks, error, reply| Ran {
            spec: whole.spec,
            args: whole.args.as_args(),
            ticks,
            error,
            reply,
            is_counted: false,
        };
        match self {
            Place::Here(_) => None,
            Place::Item(part, index) => parts
                .get(*part as usize)?
                .as_ref()?
                .items
                .get(*index as usize)
                .map(of_item),
            Place::Parked(index) => parts
                .iter()
                .flatten()
                .find_map(|frame| frame.items.get(*index as usize))
                .map(of_item),
            Place::Split(split, whole) => {
                let items = split
                    .pieces
                    .iter()
                    .filter_map(|&(part, index)| frame(part)?.items.get(index as usize));
                let ticks = items.clone().map(|item| item.outcome.ticks).max();
                Some(of_whole(
                    whole,
                    ticks.unwrap_or(0),
                    items.clone().filter_map(failure).next(),
                    items.map(|item| item.out.len()).sum(),
                ))
            }
            Place::Gathered(first, count, _, whole) => {
                let frames = parts.iter().skip(*first as usize).flatten();
                let ticks = frames.take(usize::from(*count)).map(|frame| frame.ticks);
                Some(of_whole(whole, ticks.max().unwrap_or(0), None, 0))
            }
            Place::Offloaded(part, whole) => {
                let frame = parts[*part as usize].as_ref()?;
                let reply = frame.result.as_ref()?.downcast_ref::<Output>()?;
                let failed = reply.bytes.starts_with(b"-");
                let error = failed.then(|| error_code(&reply.bytes));
                Some(of_whole(whole, frame.ticks, error, reply.len()))
            }
        }
    }

    /// The item that ran the command, if a single one did.
    pub(super) fn item_mut<'a>(&self, parts: &'a mut Parts) -> Option<&'a mut Item> {
        match self {
            Place::Item(part, index) => {
                let frame = parts.get_mut(*part as usize)?.as_mut()?;
                frame.items.get_mut(*index as usize)
            }
            Place::Parked(index) => parts
                .iter_mut()
                .flatten()
                .find_map(|frame| frame.items.get_mut(*index as usize)),
            _ => None,
        }
    }
}

fn failure(item: &Item) -> Option<&[u8]> {
    item.outcome.failed.then(|| error_code(&item.out.bytes))
}

type Parts = [Option<FrameBox>];

/// Writes the reply of a finished operation.
pub(super) fn finish(plan: Plan, parts: &mut Parts, out: &mut Output) {
    match plan {
        Plan::Split(split, scope) => split.write(parts, scope, out),
        Plan::Vote(split, scope) => {
            if parts.iter().flatten().all(|frame| frame.agreed) {
                split.write(parts, scope, out);
            } else {
                Reply::new(out, scope.proto).integer(0);
            }
        }
        Plan::Parked => {
            if let Some(item) = parked_items(parts).first_mut() {
                out.append(&mut item.out);
            }
        }
        Plan::Exec(places, scope, silence) => {
            let start = out.position();
            let mut reply = Reply::new(out, scope.proto);
            let agreed = parts.iter().flatten().all(|frame| frame.agreed);
            match agreed {
                true => reply.array(places.len()),
                false => reply.null_array(),
            }
            if silence.header {
                out.truncate(start);
            }
            if !agreed {
                return;
            }
            for (n, place) in places.into_iter().enumerate() {
                let start = out.position();
                match place {
                    Place::Here(mut output) => out.append(&mut output),
                    Place::Item(part, index) => {
                        out.append(&mut item_of(parts, part, index).out);
                    }
                    Place::Split(split, _) => split.write(parts, scope, out),
                    Place::Parked(index) => {
                        out.append(&mut parked_items(parts)[index as usize].out);
                    }
                    Place::Gathered(first, count, gather, _) => {
                        let (first, count) = (first as usize, usize::from(count));
                        gathered(gather, &mut parts[first..first + count], scope, out);
                    }
                    Place::Offloaded(part, _) => {
                        let result = parts[part as usize]
                            .as_mut()
                            .and_then(|frame| frame.result.take());
                        if let Some(mut reply) =
                            result.and_then(|any| any.downcast::<Output>().ok())
                        {
                            out.append(&mut reply);
                        }
                    }
                }
                if silence.elements.get(n).is_some_and(|silent| *silent) {
                    out.truncate(start);
                }
            }
        }
        Plan::Gathered(gather, scope) => gathered(gather, parts, scope, out),
    }
}

fn gathered(gather: Gather, parts: &mut Parts, scope: Scope, out: &mut Output) {
    let results = parts
        .iter_mut()
        .flatten()
        .filter_map(|frame| frame.result.take())
        .collect();
    (gather.merge)(results, &mut Reply::new(out, scope.proto));
}

fn item_of(parts: &mut Parts, part: impl Into<u32>, index: u32) -> &mut Item {
    let frame = parts[part.into() as usize]
        .as_mut()
        .expect("every part came back");
    &mut frame.items[index as usize]
}

fn parked_items(parts: &mut Parts) -> &mut [Item] {
    parts
        .iter_mut()
        .flatten()
        .find(|frame| !frame.items.is_empty())
        .map_or(&mut [], |frame| &mut frame.items)
}

impl Split {
    fn write(&self, parts: &mut Parts, scope: Scope, out: &mut Output) {
        // An error of any part is the reply: parts of one command fail alike or not at all.
        for &(part, index) in &self.pieces {
            let item = item_of(parts, part, index);
            if item.outcome.failed {
                out.append(&mut item.out);
                return;
            }
        }
        match self.merge {
            Merge::FirstOk => {
                if let Some(&(part, index)) = self.pieces.first() {
                    out.append(&mut item_of(parts, part, index).out);
                }
            }
            Merge::Sum => {
                let total = self
                    .pieces
                    .iter()
                    .map(|&(part, index)| integer_of(&item_of(parts, part, index).out))
                    .sum();
                Reply::new(out, scope.proto).integer(total);
            }
            Merge::Concat => {
                let lists: Vec<_> = self
                    .pieces
                    .iter()
                    .map(|&(p, i)| elements(&item_of(parts, p, i).out))
                    .collect();
                Reply::new(out, scope.proto).array(lists.iter().map(Vec::len).sum());
                for (&(part, index), list) in self.pieces.iter().zip(lists) {
                    if let (Some(first), Some(last)) = (list.first(), list.last()) {
                        out.append_range(&item_of(parts, part, index).out, first.0, last.1);
                    }
                }
            }
            Merge::Interleave => {
                Reply::new(out, scope.proto).array(self.order.len());
                let mut lists: Vec<_> = self
                    .pieces
                    .iter()
                    .map(|&(p, i)| elements(&item_of(parts, p, i).out).into_iter())
                    .collect();
                for &piece in &self.order {
                    let (part, index) = self.pieces[usize::from(piece)];
                    let (from, to) = lists[usize::from(piece)]
                        .next()
                        .expect("a part has an element for each of its keys");
                    out.append_range(&item_of(parts, part, index).out, from, to);
                }
            }
        }
    }
}

/// Where the elements of an array reply begin and end.
fn elements(output: &Output) -> Vec<(OutputPosition, OutputPosition)> {
    let Some((_, count, header)) = scan::header(&output.bytes) else {
        return Vec::new();
    };
    let mut from = OutputPosition {
        byte: header,
        shared: 0,
    };
    (0..count)
        .map_while(|_| {
            let to = scan::next_output_element(output, from)?;
            let element = (from, to);
            from = to;
            Some(element)
        })
        .collect()
}

fn integer_of(output: &Output) -> i64 {
    output
        .bytes
        .strip_prefix(b":")
        .and_then(|rest| rest.strip_suffix(b"\r\n"))
        .and_then(crate::base::num::parse_i64)
        .unwrap_or(0)
}
