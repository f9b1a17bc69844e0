//! A stream that is written down in slices: the nodes of its log, then its groups, of which the walk has a copy that shares
//! what is long with them. What else it has is short and is written at once, when the walk begins.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;

use super::group::{Group, GroupPart, GroupPlace};
use super::id::StreamId;
use super::node::Node;
use super::{ITEMS_A_PIECE, NODES_A_PIECE, Stream};
use crate::types::pieces::{self, Pieces, items_part};
use crate::types::walk::{Label, NOTE_BYTES, Sliced, Walk, Walked, Walking};

/// How far a walk is, and what was changed ahead of it.
pub(super) type LogWalk = Walk<Stage>;

pub(in crate::types) struct Stage {
    /// The next node; none behind the last.
    next: Option<StreamId>,
    /// The last entry there was. Nodes that begin behind it are new.
    last: StreamId,
    /// Nodes as they were, or that they were not there.
    noted: BTreeMap<StreamId, Option<Node>>,
    /// Groups as they were, from the one on that is being written.
    groups: BTreeMap<Box<[u8]>, Group>,
    /// Those that were written: of what they shared they may be the last who have it.
    written: Vec<Group>,
    place: GroupPlace,
}

impl Default for Stage {
    fn default() -> Stage {
        Stage {
            next: Some(StreamId::MIN),
            last: StreamId::MAX,
            noted: BTreeMap::new(),
            groups: BTreeMap::new(),
            written: Vec::new(),
            place: GroupPlace::Start,
        }
    }
}

/// A part of what a stream has, in the order in which files have them.
pub enum Part<'a> {
    /// A node of the log.
    Node(StreamId, &'a Node),
    /// What stands between the last of them and the groups.
    Middle(&'a [u8]),
    /// A group. Its parts follow.
    Group(&'a [u8], &'a Group),
    /// A part of it.
    OfGroup(GroupPart<'a>),
}

impl LogWalk {
    /// Before a node is changed, removed or added.
    #[cold]
    pub(super) fn note(&mut self, id: StreamId, nodes: &BTreeMap<StreamId, Node>) {
        let Stage {
            next, last, noted, ..
        } = &mut self.stage;
        if next.is_none_or(|next| id < next)
            || id > *last
            || self.label.is_over()
            || noted.contains_key(&id)
        {
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

    fn parts_of(stage: Stage) -> Vec<pieces::Part> {
        let groups = stage.groups.into_values().chain(stage.written);
        let groups = groups.flat_map(Group::into_items);
        vec![
            items_part::<NODES_A_PIECE>(stage.noted.into_iter()),
            items_part::<ITEMS_A_PIECE>(groups),
        ]
    }

    fn walking(&mut self) -> Option<&mut Walking<LogWalk>> {
        Some(&mut self.log.walk)
    }

    fn begin_walk(&mut self, label: Box<Label>) {
        let stage = Stage {
            last: self.log.last_id(),
            groups: self.groups.clone(),
            ..Stage::default()
        };
        self.log.walk.0 = Some(Box::new(Walk { label, stage }));
    }
}

impl Stream {
    /// Visits what comes next of what was there when the walk began, as it was: at most `count` nodes, or parts of groups
    /// that are as long.
    pub fn walk(&mut self, count: usize, mut visit: impl FnMut(Part<'_>)) -> Option<Walked> {
        let Walk { label, stage } = &mut **self.log.walk.0.as_mut()?;
        let has_more = match stage.next {
            Some(next) => {
                let nodes = self.log.nodes.range(next..=stage.last.max(next));
                stage.visit_nodes(nodes, count.max(1), &mut visit);
                if stage.next.is_none() {
                    visit(Part::Middle(&label.frame.middle));
                }
                stage.next.is_some() || !stage.groups.is_empty()
            }
            None => stage.visit_groups(count.max(1) * PARTS_OF_A_NODE, &mut visit),
        };
        if has_more {
            return Some(Walked::Partly);
        }
        let walk = self.log.walk.0.take()?;
        let pieces = Pieces::of(Stream::parts_of(walk.stage));
        Some(Walked::Wholly(walk.label, pieces))
    }
}

/// So many parts of groups are written in the time that a node takes, about.
const PARTS_OF_A_NODE: usize = 16;

impl Stage {
    fn visit_nodes(
        &mut self,
        nodes: Range<'_, StreamId, Node>,
        count: usize,
        visit: &mut impl FnMut(Part<'_>),
    ) {
        let mut here = nodes.peekable();
        for _ in 0..count {
            let live = here.peek().map(|(id, _)| **id);
            let noted = self.noted.first_key_value().map(|(id, _)| *id);
            let Some(id) = live.into_iter().chain(noted).min() else {
                self.next = None;
                break;
            };
            let found = here.next_if(|(live, _)| **live == id);
            match self.noted.remove(&id) {
                Some(Some(old)) => visit(Part::Node(id, &old)),
                Some(None) => {}
                None => {
                    if let Some((_, node)) = found {
                        visit(Part::Node(id, node));
                    }
                }
            }
            self.next = id.next();
        }
    }

    /// False at the end.
    fn visit_groups(&mut self, count: usize, visit: &mut impl FnMut(Part<'_>)) -> bool {
        let Some(first) = self.groups.first_entry() else {
            return false;
        };
        if self.place == GroupPlace::Start {
            visit(Part::Group(first.key(), first.get()));
        }
        let group = first.get();
        self.place = group.visit_parts(self.place, count, |part| visit(Part::OfGroup(part)));
        if self.place == GroupPlace::End {
            self.written.push(first.remove());
            self.place = GroupPlace::Start;
        }
        !self.groups.is_empty()
    }
}
