//! A sequence in order that knows how many items lie before each place.
//!
//! A B+tree whose inner nodes keep, for each child, how many items are below and which is the first. Finding the n-th
//! item and finding an item's number both take one way down. Items are small and copied; what their order is, only
//! the caller knows: it asks with a predicate that is true for all items up to some place and false from there on.
//!
//! ```text
//!               | 41, a | 55, k | 38, t |                    items below, first item
//!              /        |        \
//!      | a b c d .. |  | k l m .. |  | t u .. |              up to 64 items in one allocation
//! ```
//!
//! Against a skip list: no pointers between items and a few cache lines for a search, so an item costs its own size by
//! 1.45 when they come in random order, and little more than its size when they come in order.
//!
//! Invariants (see `check`)
//!   1. Count and first item of a child are those of its items; no node below the root is empty.
//!   2. All leaves have the same depth.
//!   3. `bytes` is what the nodes take, by allocation class.
//!
//! Nodes may be less than half full: two neighbours are put together when one of them is down to a quarter and both
//! leave room, so that taking items out at one end and putting them in at the other does not swing.

use std::ops::Range;

use super::entry::size_class;

/// Items of a leaf, and children of an inner node, at most.
const NODE_MAX: usize = 64;

/// Where a node is put together with its neighbour, if both fit [`MERGED_MAX`].
const SPARSE_MAX: usize = NODE_MAX / 4;

const MERGED_MAX: usize = NODE_MAX * 3 / 4;

/// The sequence.
pub(super) struct CountedTree<T> {
    root: Node<T>,
    len: usize,
    bytes: usize,
}

enum Node<T> {
    Leaf(Vec<T>),
    Inner(Vec<Child<T>>),
}

struct Child<T> {
    first: T,
    len: usize,
    node: Node<T>,
}

/// What is left of a sequence that is being freed a node at a time. Dropping it frees the rest.
pub(super) struct TreeRemains<T> {
    stack: Vec<Node<T>>,
}

impl<T> TreeRemains<T> {
    /// Frees a node; false when nothing is left.
    pub(super) fn free_some(&mut self) -> bool {
        match self.stack.pop() {
            None => false,
            Some(Node::Leaf(_)) => true,
            Some(Node::Inner(children)) => {
                let nodes = children.into_iter().map(|child| child.node);
                self.stack.extend(nodes);
                true
            }
        }
    }
}

impl<T: Copy> CountedTree<T> {
    /// Gives up the sequence, to be freed a node at a time.
    pub(super) fn into_remains(self) -> TreeRemains<T> {
        TreeRemains {
            stack: vec![self.root],
        }
    }

    /// An empty one.
    pub(super) const fn new() -> CountedTree<T> {
        CountedTree {
            root: Node::Leaf(Vec::new()),
            len: 0,
            bytes: 0,
        }
    }

    /// How many items.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes of the nodes, by allocation class.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many items the predicate is true for.
    pub(super) fn position(&self, mut is_before: impl FnMut(&T) -> bool) -> usize {
        let (mut node, mut passed) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(items) => return passed + items.partition_point(is_before),
                Node::Inner(children) => {
                    let at = child_of(children, &mut is_before);
                    passed += children[..at].iter().map(|child| child.len).sum::<usize>();
                    node = &children[at].node;
                }
            }
        }
    }

    /// The items around the one of this number that lie side by side, and its place among them. Panics beyond the end.
    pub(super) fn around(&self, number: usize) -> (&[T], usize) {
        let (mut node, mut at) = (&self.root, number);
        loop {
            match node {
                Node::Leaf(items) => {
                    assert!(at < items.len(), "the sequence has {} items", self.len);
                    return (items, at);
                }
                Node::Inner(children) => {
                    let (child, rest) = child_at(children, at);
                    (node, at) = (&children[child].node, rest);
                }
            }
        }
    }

    /// The item of this number.
    pub(super) fn get(&self, number: usize) -> Option<T> {
        (number < self.len).then(|| {
            let (items, at) = self.around(number);
            items[at]
        })
    }

    /// Adds an item behind those for which the predicate is true.
    pub(super) fn insert(&mut self, item: T, mut is_before: impl FnMut(&T) -> bool) {
        if let Some(right) = self.root.insert(item, &mut is_before, &mut self.bytes) {
            let mut children = Vec::with_capacity(4);
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            children.push(Child {
                first: left.first(),
                len: self.len + 1 - right.len,
                node: left,
            });
            children.push(right);
            self.bytes += room_of(&children);
            self.root = Node::Inner(children);
        }
        self.len += 1;
    }

    /// Adds an item at the end.
    pub(super) fn push(&mut self, item: T) {
        self.insert(item, |_| true);
    }

    /// Puts another item in place of the one of this number, where the order allows. Panics beyond the end.
    pub(super) fn replace(&mut self, number: usize, item: T) {
        assert!(number < self.len, "the sequence has {} items", self.len);
        let (mut node, mut at) = (&mut self.root, number);
        loop {
            match node {
                Node::Leaf(items) => {
                    items[at] = item;
                    return;
                }
                Node::Inner(children) => {
                    let (child, rest) = child_at(children, at);
                    if rest == 0 {
                        children[child].first = item;
                    }
                    (node, at) = (&mut children[child].node, rest);
                }
            }
        }
    }

    /// Takes the item of this number out. Panics beyond the end.
    pub(super) fn remove(&mut self, number: usize) -> T {
        assert!(number < self.len, "the sequence has {} items", self.len);
        let item = self.root.remove(number, &mut self.bytes);
        self.len -= 1;
        // A root with one child is that child; one without, an empty leaf.
        while let Node::Inner(children) = &mut self.root
            && children.len() <= 1
        {
            self.bytes -= room_of(children);
            self.root = match children.pop() {
                Some(child) => child.node,
                None => Node::Leaf(Vec::new()),
            };
        }
        item
    }

    /// Items by number, from either end.
    pub(super) fn iter(&self, numbers: Range<usize>) -> Iter<'_, T> {
        let end = numbers.end.min(self.len);
        Iter {
            tree: self,
            numbers: numbers.start.min(end)..end,
            front: &[],
            back: &[],
        }
    }
}

impl<T: Copy> Node<T> {
    fn first(&self) -> T {
        match self {
            Node::Leaf(items) => items[0],
            Node::Inner(children) => children[0].first,
        }
    }

    /// Items of a leaf, children of an inner node.
    fn width(&self) -> usize {
        match self {
            Node::Leaf(items) => items.len(),
            Node::Inner(children) => children.len(),
        }
    }

    /// Bytes of this node, without those below.
    fn room(&self) -> usize {
        match self {
            Node::Leaf(items) => room_of(items),
            Node::Inner(children) => room_of(children),
        }
    }

    /// Adds an item. Returns the right half if the node had to be split.
    fn insert(
        &mut self,
        item: T,
        is_before: &mut impl FnMut(&T) -> bool,
        bytes: &mut usize,
    ) -> Option<Child<T>> {
        match self {
            Node::Leaf(items) => {
                let at = items.partition_point(&mut *is_before);
                let right = insert_or_split(items, at, item, bytes)?;
                Some(Child {
                    first: right[0],
                    len: right.len(),
                    node: Node::Leaf(right),
                })
            }
            Node::Inner(children) => {
                let at = child_of(children, is_before);
                let child = &mut children[at];
                let split = child.node.insert(item, is_before, bytes);
                child.len += 1;
                child.first = child.node.first();
                let sibling = split?;
                child.len -= sibling.len;
                let right = insert_or_split(children, at + 1, sibling, bytes)?;
                Some(Child {
                    first: right[0].first,
                    len: right.iter().map(|child| child.len).sum(),
                    node: Node::Inner(right),
                })
            }
        }
    }

    /// Takes an item out. The node may be empty afterwards.
    fn remove(&mut self, number: usize, bytes: &mut usize) -> T {
        match self {
            Node::Leaf(items) => items.remove(number),
            Node::Inner(children) => {
                let (at, rest) = child_at(children, number);
                let child = &mut children[at];
                let item = child.node.remove(rest, bytes);
                child.len -= 1;
                if child.len == 0 {
                    *bytes -= child.node.room();
                    children.remove(at);
                } else {
                    child.first = child.node.first();
                    if child.node.width() <= SPARSE_MAX {
                        merge_around(children, at, bytes);
                    }
                }
                item
            }
        }
    }
}

/// The child where the place is that a predicate is about.
fn child_of<T>(children: &[Child<T>], is_before: &mut impl FnMut(&T) -> bool) -> usize {
    let after = children.partition_point(|child| is_before(&child.first));
    after.saturating_sub(1)
}

/// The child that has the item of this number, and its number there.
fn child_at<T>(children: &[Child<T>], number: usize) -> (usize, usize) {
    let mut rest = number;
    for (at, child) in children.iter().enumerate() {
        if rest < child.len {
            return (at, rest);
        }
        rest -= child.len;
    }
    unreachable!("the node has fewer items than its parent says")
}

/// Adds a part to a node's parts. Where there is no room, returns the upper ones, for a node of their own. At an end
/// the new part goes there alone: what is filled in order is filled completely.
fn insert_or_split<P>(parts: &mut Vec<P>, at: usize, part: P, bytes: &mut usize) -> Option<Vec<P>> {
    if parts.len() < NODE_MAX {
        if parts.len() == parts.capacity() {
            *bytes -= room_of(parts);
            let more = parts.len().max(4).min(NODE_MAX - parts.len());
            parts.reserve_exact(more);
            *bytes += room_of(parts);
        }
        parts.insert(at, part);
        return None;
    }
    let mut right = Vec::with_capacity(NODE_MAX);
    *bytes += room_of(&right);
    if at == parts.len() {
        right.push(part);
    } else if at == 0 {
        std::mem::swap(parts, &mut right);
        parts.push(part);
    } else {
        let middle = parts.len() / 2;
        right.extend(parts.drain(middle..));
        if at <= middle {
            parts.insert(at, part);
        } else {
            right.insert(at - middle, part);
        }
    }
    Some(right)
}

/// Puts a child together with a neighbour, if that leaves room.
fn merge_around<T: Copy>(children: &mut Vec<Child<T>>, at: usize, bytes: &mut usize) {
    let fits = |left: usize| match (children.get(left), children.get(left + 1)) {
        (Some(left), Some(right)) => left.node.width() + right.node.width() <= MERGED_MAX,
        _ => false,
    };
    let left = if fits(at) {
        at
    } else if at > 0 && fits(at - 1) {
        at - 1
    } else {
        return;
    };
    let right = children.remove(left + 1);
    *bytes -= right.node.room();
    let left = &mut children[left];
    *bytes -= left.node.room();
    left.len += right.len;
    match (&mut left.node, right.node) {
        (Node::Leaf(items), Node::Leaf(more)) => items.extend(more),
        (Node::Inner(children), Node::Inner(more)) => children.extend(more),
        _ => unreachable!("all leaves have the same depth"),
    }
    *bytes += left.node.room();
}

fn room_of<P>(parts: &Vec<P>) -> usize {
    match parts.capacity() {
        0 => 0,
        capacity => size_class(capacity * size_of::<P>()),
    }
}

/// Items by number, from either end.
pub(super) struct Iter<'a, T> {
    tree: &'a CountedTree<T>,
    /// Numbers of the items still to come, those in `front` and `back` included.
    numbers: Range<usize>,
    /// What comes next, as far as it lies side by side.
    front: &'a [T],
    /// What comes last, as far as it lies side by side.
    back: &'a [T],
}

impl<T: Copy> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.numbers.is_empty() {
            return None;
        }
        if self.front.is_empty() {
            let (items, at) = self.tree.around(self.numbers.start);
            self.front = &items[at..];
        }
        let (&item, rest) = self.front.split_first()?;
        self.front = rest;
        self.numbers.start += 1;
        Some(item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.numbers.len(), Some(self.numbers.len()))
    }
}

impl<T: Copy> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        if self.numbers.is_empty() {
            return None;
        }
        if self.back.is_empty() {
            let (items, at) = self.tree.around(self.numbers.end - 1);
            self.back = &items[..=at];
        }
        let (&item, rest) = self.back.split_last()?;
        self.back = rest;
        self.numbers.end -= 1;
        Some(item)
    }
}

impl<T: Copy> ExactSizeIterator for Iter<'_, T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    impl<T: Copy + PartialEq + std::fmt::Debug> CountedTree<T> {
        /// Panics if an invariant does not hold.
        pub(in crate::structure) fn check(&self) {
            let (len, bytes, _) = check_node(&self.root);
            assert_eq!((len, bytes), (self.len, self.bytes));
        }
    }

    /// Items, bytes and depth.
    fn check_node<T: Copy + PartialEq + std::fmt::Debug>(node: &Node<T>) -> (usize, usize, usize) {
        assert!(node.width() <= NODE_MAX);
        match node {
            Node::Leaf(items) => (items.len(), node.room(), 0),
            Node::Inner(children) => {
                let (mut len, mut bytes) = (0, node.room());
                let mut depth = None;
                for child in children {
                    let (items, below, deep) = check_node(&child.node);
                    assert!(items > 0);
                    assert_eq!(items, child.len);
                    assert_eq!(child.node.first(), child.first);
                    assert_eq!(*depth.get_or_insert(deep), deep);
                    len += items;
                    bytes += below;
                }
                (len, bytes, depth.expect("children") + 1)
            }
        }
    }

    #[test]
    fn it_does_what_a_sorted_vector_does() {
        let rounds = if cfg!(miri) { 600 } else { 12_000 };
        for seed in 0..6 {
            let mut rng = Rng::new(seed);
            let mut tree = CountedTree::new();
            let mut model: Vec<u32> = Vec::new();
            for round in 0..rounds {
                // Long stretches of growth and of shrinkage.
                let grows = (round / 2500) % 2 == 0;
                if model.is_empty() || rng.chance(if grows { 3 } else { 1 }, 4) {
                    let item = match seed {
                        0 => round as u32,
                        1 => u32::MAX - round as u32,
                        2 => rng.next_u32() % 50,
                        _ => rng.next_u32(),
                    };
                    let at = model.partition_point(|other| *other < item);
                    model.insert(at, item);
                    tree.insert(item, |other| *other < item);
                } else {
                    let at = match seed {
                        3 => 0,
                        4 => model.len() - 1,
                        _ => rng.index(model.len()),
                    };
                    assert_eq!(tree.remove(at), model.remove(at));
                }
                let pivot = rng.next_u32();
                assert_eq!(
                    tree.position(|item| *item < pivot),
                    model.partition_point(|item| *item < pivot)
                );
                let at = rng.index(model.len() + 1);
                assert_eq!(tree.get(at), model.get(at).copied());
                if round % 500 == 0 {
                    tree.check();
                    let (from, to) = (rng.index(model.len() + 1), rng.index(model.len() + 9));
                    let range = from.min(model.len())..to.clamp(from, model.len().max(from));
                    let items: Vec<u32> = tree.iter(from..to).collect();
                    assert_eq!(items, model[range.clone()]);
                    let mut back: Vec<u32> = tree.iter(from..to).rev().collect();
                    back.reverse();
                    assert_eq!(back, model[range]);
                }
            }
            while !model.is_empty() {
                let at = rng.index(model.len());
                assert_eq!(tree.remove(at), model.remove(at));
            }
            tree.check();
            assert!(tree.bytes() <= 1024, "one leaf may stay");
        }
    }

    #[test]
    fn both_ends_of_an_iterator_meet() {
        let mut tree = CountedTree::new();
        (0..1000).for_each(|item| tree.push(item));
        let mut iter = tree.iter(3..997);
        let mut rng = Rng::new(1);
        let mut expected = 3..997;
        while let Some(item) = if rng.chance(1, 2) {
            let item = iter.next();
            assert_eq!(item, expected.next());
            item
        } else {
            let item = iter.next_back();
            assert_eq!(item, expected.next_back());
            item
        } {
            assert!(item < 997);
        }
        assert_eq!((iter.next(), iter.next_back()), (None, None));
        assert_eq!(expected.len(), 0);
    }

    #[test]
    fn items_can_be_replaced() {
        let mut tree = CountedTree::new();
        (0..500).for_each(|item| tree.push(item * 10));
        for at in [0, 1, 63, 64, 65, 499] {
            tree.replace(at, at * 10 + 1);
            tree.check();
            assert_eq!(tree.get(at), Some(at * 10 + 1));
            assert_eq!(tree.position(|item| *item <= at * 10), at);
        }
    }

    #[test]
    fn what_comes_in_order_fills_the_nodes() {
        for descending in [false, true] {
            let mut tree = CountedTree::new();
            for i in 0..10_000_u64 {
                let item = if descending { u64::MAX - i } else { i };
                tree.insert(item, |other| *other < item);
            }
            assert!(tree.bytes() < 8 * 10_000 * 12 / 10, "{}", tree.bytes());
        }
    }
}
