//! A large list: nodes in a deque.
//!
//! ```text
//! [listpack] [listpack] [large element] [compressed] .. [listpack]
//! |<- depth nodes ->|                                   |<-    ->|
//! ```
//!
//! Pushing and popping touches the node at that end. An index is found by adding up the lengths of nodes from the nearer
//! end: a node holds hundreds of elements, so a million of them are some thousand additions over adjacent memory.
//! Removing in the middle leaves nodes partly filled; neighbours that fit into one are joined.
//!
//! Invariants, which `check` asserts: no node is empty; `len` and `heap` are the sums over all nodes; within `depth` of
//! either end nothing is compressed. Bounds are those of the time the list became large, as in Redis.

use std::collections::VecDeque;
use std::sync::Arc;

use super::node::{Node, View};
use super::walk::ListWalk;
use super::{End, ListLimits, Side, drop_packed, remove_packed};
use crate::structure::size_class;
use crate::types::walk::Walking;
use crate::types::{Item, Listpack};

/// The elements of a large list.
#[derive(Debug)]
pub(super) struct Nodes {
    nodes: VecDeque<Node>,
    /// Elements in all nodes.
    len: usize,
    /// Memory of all nodes.
    heap: usize,
    limits: ListLimits,
    /// A snapshot's.
    pub(super) walk: Walking<ListWalk>,
}

impl Clone for Nodes {
    fn clone(&self) -> Nodes {
        let mut nodes = VecDeque::with_capacity(self.nodes.len());
        for (at, node) in self.nodes.iter().enumerate() {
            if let Some(ahead) = self.nodes.get(at + SHARED_AHEAD) {
                ahead.prefetch();
            }
            nodes.push_back(node.clone());
        }
        // A copy is as large as it must be, which may be less than the original.
        let heap = nodes.iter().map(Node::memory).sum();
        Nodes {
            nodes,
            heap,
            len: self.len,
            limits: self.limits,
            walk: Walking::NOT,
        }
    }
}

/// How many nodes ahead those are fetched whose users are counted: the list has tens of thousands, each a cache miss.
const SHARED_AHEAD: usize = 16;

/// Nodes for which there is made room at least.
const NODES_MORE_MIN: usize = 4;

/// Nodes which the deque gives memory back when a quarter is left.
const CAPACITY_KEPT: usize = 16;

impl Nodes {
    pub(super) fn new(limits: ListLimits) -> Nodes {
        Nodes {
            nodes: VecDeque::new(),
            len: 0,
            heap: 0,
            limits,
            walk: Walking::NOT,
        }
    }

    /// The nodes by themselves.
    pub(super) fn into_iter(self) -> impl Iterator<Item = Node> {
        self.nodes.into_iter()
    }

    /// Number of elements.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Number of nodes.
    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Bytes on the heap, this included.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        let deque = match self.nodes.capacity() {
            0 => 0,
            capacity => size_class(capacity * size_of::<Node>()),
        };
        self.heap + deque + size_class(size_of::<Nodes>())
    }

    /// What is in a node.
    pub(super) fn view(&self, node: usize) -> View<'_> {
        self.nodes[node].view()
    }

    /// Shares the nodes from one on with a snapshot.
    pub(super) fn share(&mut self, from: usize) -> VecDeque<Arc<Node>> {
        let mut shared = VecDeque::with_capacity(self.nodes.len().saturating_sub(from));
        for at in from..self.nodes.len() {
            if let Some(ahead) = self.nodes.get(at + SHARED_AHEAD) {
                ahead.prefetch();
            }
            let node = &mut self.nodes[at];
            if node.is_shared() {
                shared.push_back(node.share());
                continue;
            }
            let before = node.memory();
            shared.push_back(node.share());
            self.heap = self.heap + node.memory() - before;
        }
        shared
    }

    /// The listpack that is all there is.
    pub(super) fn sole_listpack(&mut self) -> Option<&mut Listpack> {
        if self.nodes.len() == 1 && matches!(self.nodes[0], Node::Shared(_)) {
            self.change(0, Node::open);
        }
        match (&mut self.nodes, self.len) {
            (nodes, 1..) if nodes.len() == 1 => nodes[0].packed_mut(),
            _ => None,
        }
    }

    /// Adds a node at the end.
    pub(super) fn push_listpack(&mut self, listpack: Listpack) {
        if !listpack.is_empty() {
            self.insert_node(self.nodes.len(), Node::Packed(listpack));
            self.settle(self.nodes.len() - 1);
        }
    }

    /// Adds a node of one element at the end.
    pub(super) fn push_plain(&mut self, text: &[u8]) {
        self.insert_node(self.nodes.len(), Node::Plain(text.into()));
        self.settle(self.nodes.len() - 1);
    }

    /// Adds an element at an end.
    #[inline]
    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        let node = match end {
            End::Front => self.nodes.front_mut(),
            End::Back => self.nodes.back_mut(),
        };
        if let Some(Node::Packed(listpack)) = node
            && self.limits.has_room(listpack, text.len())
        {
            let before = listpack.memory();
            match end {
                End::Front => listpack.push_front(text),
                End::Back => listpack.push_back(text),
            }
            self.heap = self.heap + listpack.memory() - before;
            self.len += 1;
            return;
        }
        let at = match end {
            End::Front => 0,
            End::Back => self.nodes.len(),
        };
        let node = self.node_of(text);
        self.insert_node(at, node);
        self.settle(at);
    }

    /// Takes one element from an end where that is quickly done: from a listpack that has more. False if it was not.
    #[inline]
    pub(super) fn pop_one(&mut self, end: End, each: &mut impl FnMut(Item<'_>)) -> bool {
        let node = match end {
            End::Front => self.nodes.front_mut(),
            End::Back => self.nodes.back_mut(),
        };
        let Some(Node::Packed(listpack)) = node else {
            return false;
        };
        if listpack.len() < 2 {
            return false;
        }
        let before = listpack.memory();
        match end {
            End::Front => listpack.pop_front(each),
            End::Back => listpack.pop_back(each),
        }
        self.heap = self.heap + listpack.memory() - before;
        self.len -= 1;
        true
    }

    /// Drops up to `n` elements from an end.
    pub(super) fn drop_from(&mut self, end: End, mut n: usize) {
        let before = self.nodes.len();
        while n > 0 && !self.nodes.is_empty() {
            let at = match end {
                End::Front => 0,
                End::Back => self.nodes.len() - 1,
            };
            let count = self.nodes[at].len();
            if count <= n {
                self.remove_node(at);
                n -= count;
            } else {
                self.change(at, |node| {
                    let listpack = node.packed_mut().expect("it has several elements");
                    drop_packed(listpack, end, n);
                });
                n = 0;
            }
        }
        if self.nodes.len() != before {
            self.settle_ends();
            self.shrink();
        }
    }

    /// Shows the elements from the `skip`th on, counted from that end, until `each` says no.
    pub(super) fn visit(
        &self,
        end: End,
        skip: usize,
        each: &mut impl FnMut(Item<'_>) -> bool,
    ) -> bool {
        if skip >= self.len {
            return true;
        }
        // Always found from the nearer end, whichever way it goes on.
        let (node, offset) = self.locate(match end {
            End::Front => skip,
            End::Back => self.len - 1 - skip,
        });
        match end {
            End::Front => {
                let mut nodes = self.nodes.range(node..);
                let first = nodes
                    .next()
                    .is_none_or(|node| node.visit(end, offset, each));
                first && nodes.all(|node| node.visit(end, 0, each))
            }
            End::Back => {
                let mut nodes = self.nodes.range(..=node).rev();
                let first = nodes
                    .next()
                    .is_none_or(|node| node.visit(end, node.len() - 1 - offset, each));
                first && nodes.all(|node| node.visit(end, 0, each))
            }
        }
    }

    /// Replaces the element of this index.
    pub(super) fn set(&mut self, index: usize, text: &[u8]) {
        let (at, offset) = self.locate(index);
        let large = self.limits.is_large(text.len());
        let only = self.nodes[at].len() == 1;
        if only {
            let node = self.node_of(text);
            self.change(at, |old| *old = node);
            self.settle(at);
            return;
        }
        if !large {
            self.change(at, |node| {
                let listpack = node.packed_mut().expect("it has several elements");
                let pos = listpack.seek(offset as i64).expect("it is in this node");
                listpack.replace(pos, text);
            });
            self.settle(at);
            return;
        }
        self.change(at, |node| {
            let listpack = node.packed_mut().expect("it has several elements");
            let pos = listpack.seek(offset as i64).expect("it is in this node");
            listpack.remove(pos, 1);
        });
        let place = self.split(at, offset);
        self.insert_node(place, Node::Plain(text.into()));
        self.settle(place);
    }

    /// Inserts next to the element of this index.
    pub(super) fn insert(&mut self, index: usize, side: Side, text: &[u8]) {
        let (at, offset) = self.locate(index);
        // Where it will be in the node.
        let offset = match side {
            Side::Before => offset,
            Side::After => offset + 1,
        };
        if self.try_insert(at, offset, text) {
            self.settle(at);
            return;
        }
        // At the edge of a full node the neighbour may have room.
        if offset == self.nodes[at].len()
            && at + 1 < self.nodes.len()
            && self.try_insert(at + 1, 0, text)
        {
            self.settle(at + 1);
            return;
        }
        if offset == 0
            && let Some(before) = at.checked_sub(1)
            && self.try_insert(before, self.nodes[before].len(), text)
        {
            self.settle(before);
            return;
        }
        let place = self.split(at, offset);
        let node = self.node_of(text);
        self.insert_node(place, node);
        self.settle(place);
        self.join(place);
    }

    /// Inserts into a node that has room.
    fn try_insert(&mut self, at: usize, offset: usize, text: &[u8]) -> bool {
        let limits = self.limits;
        if matches!(self.nodes[at], Node::Plain(_)) {
            return false;
        }
        self.change(at, |node| {
            let Some(listpack) = node.packed_mut() else {
                return false;
            };
            if !limits.has_room(listpack, text.len()) {
                return false;
            }
            match listpack.seek(offset as i64) {
                Some(pos) => listpack.insert_before(pos, text),
                None => listpack.push_back(text),
            }
            true
        })
    }

    /// Removes up to `n` elements that are `text`, the first ones seen from that end.
    pub(super) fn remove(&mut self, text: &[u8], end: End, n: usize) -> usize {
        let mut removed = 0;
        let mut visited = 0;
        while visited < self.nodes.len() && removed < n {
            let at = match end {
                End::Front => visited,
                End::Back => self.nodes.len() - 1 - visited,
            };
            let here = self.remove_at(at, text, end, n - removed);
            removed += here;
            if here > 0 && self.nodes[at].len() == 0 {
                self.remove_node(at);
            } else {
                visited += 1;
            }
        }
        if removed > 0 {
            self.join_all();
            self.settle_ends();
            self.shrink();
        }
        removed
    }

    /// Removes from one node, which may be empty then.
    fn remove_at(&mut self, at: usize, text: &[u8], end: End, n: usize) -> usize {
        // Looked at first: most nodes have nothing to remove, and stay compressed.
        let found = match self.nodes[at].view() {
            View::Plain(element) => *element == *text,
            View::Packed(listpack) => listpack.find(text, 0).is_some(),
        };
        if !found {
            return 0;
        }
        let removed = self.change(at, |node| match node.packed_mut() {
            Some(listpack) => remove_packed(listpack, text, end, n),
            None => {
                *node = Node::Packed(Listpack::new());
                1
            }
        });
        self.close_inner(at);
        removed
    }

    /// The node of an element, and its place there. Panics if there is no such element.
    fn locate(&self, index: usize) -> (usize, usize) {
        if index < self.len / 2 {
            let mut left = index;
            for (at, node) in self.nodes.iter().enumerate() {
                let len = node.len();
                if left < len {
                    return (at, left);
                }
                left -= len;
            }
        } else {
            let mut end = self.len;
            for (at, node) in self.nodes.iter().enumerate().rev() {
                let start = end - node.len();
                if index >= start {
                    return (at, index - start);
                }
                end = start;
            }
        }
        unreachable!("the index is below the length")
    }

    /// A node of one element.
    fn node_of(&self, text: &[u8]) -> Node {
        if self.limits.is_large(text.len()) {
            return Node::Plain(text.into());
        }
        let mut listpack = Listpack::new();
        listpack.push_back(text);
        Node::Packed(listpack)
    }

    /// Makes a place for a node before that element of a node; returns where.
    fn split(&mut self, at: usize, offset: usize) -> usize {
        if offset == 0 {
            return at;
        }
        if offset == self.nodes[at].len() {
            return at + 1;
        }
        let tail = self.change(at, |node| {
            let listpack = node.packed_mut().expect("it has several elements");
            let pos = listpack.seek(offset as i64).expect("it is in this node");
            listpack.split_off(pos)
        });
        self.insert_node(at + 1, Node::Packed(tail));
        self.close_inner(at);
        self.close_inner(at + 1);
        at + 1
    }

    /// Joins a node with its neighbours where they fit into one.
    fn join(&mut self, at: usize) {
        if at + 1 < self.nodes.len() {
            self.join_next(at);
        }
        if let Some(before) = at.checked_sub(1) {
            self.join_next(before);
        }
        self.settle_ends();
    }

    fn join_all(&mut self) {
        let mut at = 0;
        while at + 1 < self.nodes.len() {
            if !self.join_next(at) {
                at += 1;
            }
        }
    }

    /// Joins a node with the next one if both are open and fit into one.
    fn join_next(&mut self, at: usize) -> bool {
        let (Some(left), Some(right)) = (self.nodes[at].packed(), self.nodes[at + 1].packed())
        else {
            return false;
        };
        let bytes = left.as_bytes().len() + right.as_bytes().len();
        if self.limits.exceeds(bytes, left.len() + right.len()) {
            return false;
        }
        let right = self.remove_node(at + 1);
        self.change(at, |node| {
            if let (Node::Packed(left), Node::Packed(right)) = (node, right) {
                left.append(&right);
            }
        });
        true
    }

    /// Changes a node and keeps the sums.
    #[inline]
    fn change<R>(&mut self, at: usize, change: impl FnOnce(&mut Node) -> R) -> R {
        let node = &mut self.nodes[at];
        let (len, memory) = (node.len(), node.memory());
        let result = change(node);
        self.len = self.len + node.len() - len;
        self.heap = self.heap + node.memory() - memory;
        result
    }

    fn insert_node(&mut self, at: usize, node: Node) {
        self.len += node.len();
        self.heap += node.memory();
        if self.nodes.len() == self.nodes.capacity() {
            // By an eighth, not twice: a node has hundreds of elements, so this is rare enough.
            self.nodes
                .reserve_exact((self.nodes.len() / 8).max(NODES_MORE_MIN));
        }
        self.nodes.insert(at, node);
    }

    fn remove_node(&mut self, at: usize) -> Node {
        let node = self.nodes.remove(at).expect("the caller knows the node");
        self.len -= node.len();
        self.heap -= node.memory();
        node
    }

    /// Whether a node is too far from both ends to stay as it is.
    fn is_inner(&self, at: usize) -> bool {
        let depth = self.limits.depth;
        depth > 0 && at >= depth && at + depth < self.nodes.len()
    }

    fn close_inner(&mut self, at: usize) {
        if self.is_inner(at) && !matches!(self.nodes[at], Node::Compressed { .. }) {
            self.change(at, Node::close);
        }
    }

    /// After a node was added or changed: compresses what is inside now.
    #[inline]
    fn settle(&mut self, at: usize) {
        if self.limits.depth > 0 {
            self.close_inner(at);
            self.settle_ends();
        }
    }

    /// After nodes came or went: opens those at the ends, and compresses the first ones behind.
    fn settle_ends(&mut self) {
        let depth = self.limits.depth;
        if depth == 0 {
            return;
        }
        let len = self.nodes.len();
        for nth in 0..depth.min(len) {
            for at in [nth, len - 1 - nth] {
                if matches!(self.nodes[at], Node::Compressed { .. }) {
                    self.change(at, Node::open);
                }
            }
        }
        // A node was added, or one was split in two: what moved inside is right behind the ends.
        for nth in depth..(depth + 3).min(len) {
            self.close_inner(nth);
            self.close_inner(len - 1 - nth);
        }
    }

    fn shrink(&mut self) {
        let (len, capacity) = (self.nodes.len(), self.nodes.capacity());
        if capacity > CAPACITY_KEPT && len < capacity / 4 {
            self.nodes.shrink_to(capacity / 2);
        }
    }

    /// Asserts the invariants.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(self.len, self.nodes.iter().map(Node::len).sum());
        assert_eq!(self.heap, self.nodes.iter().map(Node::memory).sum());
        for (at, node) in self.nodes.iter().enumerate() {
            assert!(node.len() > 0);
            let compressed = matches!(node, Node::Compressed { .. });
            assert!(!compressed || self.is_inner(at), "{at}");
        }
    }

    /// How many nodes are compressed.
    #[cfg(test)]
    pub(super) fn compressed(&self) -> usize {
        let compressed = |node: &&Node| matches!(node, Node::Compressed { .. });
        self.nodes.iter().filter(compressed).count()
    }
}
