//! A list that is written down in slices.
//!
//! While nobody changes it, it is walked where it is. Before it is changed the nodes not written yet are shared between the
//! list and the walk, which goes on by itself; the list copies such a node when it changes it ([`Node::Shared`]).

use std::collections::VecDeque;
use std::sync::Arc;

use super::node::Node;
use super::{Chunk, Form, List, NODES_A_PIECE};
use crate::types::pieces::{Part, Pieces, items_part};
use crate::types::walk::{Label, Sliced, Walk, Walked, Walking};

/// How far a walk is: the number of the next node. Nothing may be changed before [`List::leave_walk`].
pub(super) type ListWalk = Walk<usize>;

/// What is left of a list as it was.
pub struct ListRest {
    label: Box<Label>,
    nodes: VecDeque<Arc<Node>>,
}

impl Sliced for List {
    type Stage = usize;

    fn parts_of(_: usize) -> Vec<Part> {
        Vec::new()
    }

    fn walking(&mut self) -> Option<&mut Walking<ListWalk>> {
        match &mut self.form {
            Form::Nodes(nodes) => Some(&mut nodes.walk),
            Form::Packed(_) => None,
        }
    }
}

impl List {
    /// Whether it is kept in a form that can be walked in slices.
    pub fn can_be_walked(&self) -> bool {
        matches!(self.form, Form::Nodes(_))
    }

    /// Whether one was begun.
    #[inline]
    pub fn is_walked(&self) -> bool {
        matches!(&self.form, Form::Nodes(nodes) if nodes.walk.0.is_some())
    }

    /// Visits the next `count` nodes.
    pub fn walk(&mut self, count: usize, mut visit: impl FnMut(Chunk<'_>)) -> Option<Walked> {
        let Form::Nodes(nodes) = &mut self.form else {
            return None;
        };
        let mut walk = nodes.walk.0.take()?;
        let end = walk.stage.saturating_add(count).min(nodes.count());
        for node in walk.stage..end {
            visit(nodes.view(node).into_chunk());
        }
        walk.stage = end;
        if end < nodes.count() {
            nodes.walk.0 = Some(walk);
            return Some(Walked::Partly);
        }
        Some(Walked::Wholly(walk.label, None))
    }

    /// The list may change from now on: the walk goes on over what comes back.
    pub fn leave_walk(&mut self) -> Option<ListRest> {
        let Form::Nodes(nodes) = &mut self.form else {
            return None;
        };
        let ListWalk { label, stage } = *nodes.walk.0.take()?;
        Some(ListRest {
            label,
            nodes: nodes.share(stage),
        })
    }
}

impl ListRest {
    /// The walk.
    pub fn walk_label(&mut self) -> &mut Label {
        &mut self.label
    }

    /// Visits the next `count` nodes; `None` when there are no more.
    pub fn walk(&mut self, count: usize, mut visit: impl FnMut(Chunk<'_>)) -> bool {
        for _ in 0..count {
            let Some(node) = self.nodes.pop_front() else {
                return false;
            };
            visit(node.view().into_chunk());
        }
        !self.nodes.is_empty()
    }

    /// What is left, to be freed in pieces.
    pub fn into_pieces(self) -> Option<Pieces> {
        Pieces::of(vec![items_part::<NODES_A_PIECE>(self.nodes.into_iter())])
    }

    /// The walk, when all of it was written.
    pub fn into_label(self) -> Label {
        *self.label
    }
}
