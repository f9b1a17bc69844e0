//! A stream that is written down in slices: the nodes of its log. What else it has is short and is written at once, when
//! the walk begins.

use std::collections::BTreeMap;

use super::Stream;
use super::id::StreamId;
use super::node::Node;
use crate::types::walk::{NOTE_BYTES, Sliced, Walk, Walked, Walking};

/// How far a walk is, and what was changed ahead of it.
pub(super) type LogWalk = Walk<Stage>;

#[derive(Default)]
pub(in crate::types) struct Stage {
    next: StreamId,
    /// Nodes as they were, or that they were not there.
    noted: BTreeMap<StreamId, Option<Node>>,
}

impl LogWalk {
    /// Before a node is changed, removed or added.
    #[cold]
    pub(super) fn note(&mut self, id: StreamId, nodes: &BTreeMap<StreamId, Node>) {
        let Stage { next, noted } = &mut self.stage;
        if id < *next || self.label.is_over() || noted.contains_key(&id) {
            return;
        }
        let old = nodes.get(&id).cloned();
        let bytes = old.as_ref().map_or(0, Node::memory);
        self.label.holding.add(bytes + NOTE_BYTES);
        noted.insert(id, old);
    }
}

impl Sliced for Stream {
    type Stage = Stage;

    fn walking(&mut self) -> Option<&mut Walking<LogWalk>> {
        Some(&mut self.log.walk)
    }
}

impl Stream {
    /// Visits the next nodes, at most `count`, of those that were there when the walk began, as they were.
    pub fn walk(&mut self, count: usize, mut visit: impl FnMut(StreamId, &Node)) -> Option<Walked> {
        let stage = &mut self.log.walk.0.as_mut()?.stage;
        let mut here = self.log.nodes.range(stage.next..).peekable();
        for _ in 0..count.max(1) {
            let live = here.peek().map(|(id, _)| **id);
            let noted = stage.noted.first_key_value().map(|(id, _)| *id);
            let id = match (live, noted) {
                (Some(live), Some(noted)) => live.min(noted),
                (Some(id), None) | (None, Some(id)) => id,
                (None, None) => {
                    let walk = self.log.walk.0.take()?;
                    return Some(Walked::Wholly(walk.label));
                }
            };
            let found = here.next_if(|(live, _)| **live == id);
            match stage.noted.remove(&id) {
                Some(Some(old)) => visit(id, &old),
                Some(None) => {}
                None => {
                    if let Some((_, node)) = found {
                        visit(id, node);
                    }
                }
            }
            match id.next() {
                Some(next) => stage.next = next,
                None => {
                    let walk = self.log.walk.0.take()?;
                    return Some(Walked::Wholly(walk.label));
                }
            }
        }
        Some(Walked::Partly)
    }
}
