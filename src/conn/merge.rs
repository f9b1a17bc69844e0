//! How the reply of an operation over several frames is made when the last one is back.

use crate::command::ctx::{Gather, Scope};
use crate::command::spec::Merge;
use crate::resp::{Output, OutputPosition, Reply, scan};
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
    Exec(Vec<Place>, Scope),
    /// Results of a control function.
    Gathered(Gather, Scope),
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
    Item(u16, u32),
    /// In several.
    Split(Split),
    /// In the item with this number, in whichever frame carries the items of a PARK fence.
    Parked(u32),
    /// Comes from a gather of its own: so many frames from this one on.
    Gathered(u16, u16, Gather),
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
        Plan::Exec(places, scope) => {
            let mut reply = Reply::new(out, scope.proto);
            if parts.iter().flatten().any(|frame| !frame.agreed) {
                reply.null_array();
                return;
            }
            reply.array(places.len());
            for place in places {
                match place {
                    Place::Here(mut output) => out.append(&mut output),
                    Place::Item(part, index) => {
                        out.append(&mut item_of(parts, part, index).out);
                    }
                    Place::Split(split) => split.write(parts, scope, out),
                    Place::Parked(index) => {
                        out.append(&mut parked_items(parts)[index as usize].out);
                    }
                    Place::Gathered(first, count, gather) => {
                        let (first, count) = (usize::from(first), usize::from(count));
                        gathered(gather, &mut parts[first..first + count], scope, out);
                    }
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

fn item_of(parts: &mut Parts, part: u16, index: u32) -> &mut Item {
    let frame = parts[usize::from(part)]
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
