//! Directed graphs with two questions: is there a cycle, and what is a short one?
//!
//! Only the first `weighty` nodes count towards the length of a cycle; the others stand for
//! relations between many nodes that would take quadratically many edges.

use std::collections::VecDeque;

/// A graph over nodes numbered from 0, with labelled edges.
#[derive(Debug)]
pub(super) struct Graph<L> {
    weighty: usize,
    edges: Vec<Vec<(u32, L)>>,
}

/// Cycles are looked for from at most this many nodes of the first component that has one.
const STARTS_MAX: usize = 256;

impl<L: Copy> Graph<L> {
    /// `weighty` nodes and no edges.
    pub(super) fn new(weighty: usize) -> Graph<L> {
        Graph {
            weighty,
            edges: vec![Vec::new(); weighty],
        }
    }

    /// A further node, which does not count.
    pub(super) fn add_weightless(&mut self) -> usize {
        self.edges.push(Vec::new());
        self.edges.len() - 1
    }

    /// An edge, unless it leads back to where it starts.
    pub(super) fn add_edge(&mut self, from: usize, to: usize, label: L) {
        if from != to {
            self.edges[from].push((to as u32, label));
        }
    }

    pub(super) fn edge_count(&self) -> usize {
        self.edges.iter().map(Vec::len).sum()
    }

    /// A cycle with few weighty nodes, as those nodes in order, each with the label of the edge
    /// that leaves it.
    pub(super) fn short_cycle(&self) -> Option<Vec<(usize, L)>> {
        let component = self.cyclic_component()?;
        let mut is_inside = vec![false; self.edges.len()];
        component.iter().for_each(|&node| is_inside[node] = true);
        let starts = component
            .iter()
            .filter(|&&node| node < self.weighty)
            .take(STARTS_MAX);
        starts
            .filter_map(|&start| self.cycle_through(start, &is_inside))
            .min_by_key(Vec::len)
    }

    /// The nodes of some strongly connected component of more than one node. Tarjan's algorithm
    /// with a stack of its own, as histories are longer than the thread's.
    fn cyclic_component(&self) -> Option<Vec<usize>> {
        const NEW: u32 = u32::MAX;
        let count = self.edges.len();
        let (mut index, mut low) = (vec![NEW; count], vec![NEW; count]);
        let mut is_open = vec![false; count];
        let (mut open, mut calls, mut next_index) = (Vec::new(), Vec::new(), 0);
        for root in 0..count {
            if index[root] == NEW {
                calls.push((root, 0));
            }
            while let Some((node, edge)) = calls.pop() {
                if edge == 0 {
                    (index[node], low[node]) = (next_index, next_index);
                    next_index += 1;
                    is_open[node] = true;
                    open.push(node);
                } else {
                    // Back from the node the previous edge leads to.
                    let child = self.edges[node][edge - 1].0 as usize;
                    if is_open[child] {
                        low[node] = low[node].min(low[child]);
                    }
                }
                if let Some(&(to, _)) = self.edges[node].get(edge) {
                    calls.push((node, edge + 1));
                    if index[to as usize] == NEW {
                        calls.push((to as usize, 0));
                    }
                } else if low[node] == index[node] {
                    let start = open.iter().rposition(|&other| other == node).unwrap_or(0);
                    if open.len() - start > 1 {
                        return Some(open.split_off(start));
                    }
                    open.truncate(start);
                    is_open[node] = false;
                }
            }
        }
        None
    }

    /// The shortest cycle through a node that stays inside: breadth first, weightless nodes at no
    /// cost.
    fn cycle_through(&self, start: usize, is_inside: &[bool]) -> Option<Vec<(usize, L)>> {
        let mut came_from: Vec<Option<(usize, L)>> = vec![None; self.edges.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for &(to, label) in &self.edges[node] {
                let to = to as usize;
                if !is_inside[to] || came_from[to].is_some() {
                    continue;
                }
                came_from[to] = Some((node, label));
                if to == start {
                    return Some(self.walk_back(start, &came_from));
                }
                if to < self.weighty {
                    queue.push_back(to);
                } else {
                    queue.push_front(to);
                }
            }
        }
        None
    }

    fn walk_back(&self, start: usize, came_from: &[Option<(usize, L)>]) -> Vec<(usize, L)> {
        let mut cycle = Vec::new();
        let mut node = start;
        while let Some((before, label)) = came_from[node] {
            if before < self.weighty {
                cycle.push((before, label));
            }
            node = before;
            if node == start {
                break;
            }
        }
        cycle.reverse();
        cycle
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    /// By repeated removal of nodes nothing leads to.
    fn has_cycle_naively(edges: &[(usize, usize)], count: usize) -> bool {
        let mut left: Vec<bool> = vec![true; count];
        for _ in 0..count {
            for node in 0..count {
                let is_target = edges.iter().any(|&(from, to)| to == node && left[from]);
                left[node] &= is_target;
            }
        }
        left.contains(&true)
    }

    #[test]
    fn finds_a_cycle_exactly_if_there_is_one() {
        let mut rng = Rng::new(1);
        let mut cyclic = 0;
        for _ in 0..2000 {
            let count = 2 + rng.index(8);
            let mut graph = Graph::new(count);
            let mut edges = Vec::new();
            for _ in 0..rng.index(12) {
                let (from, to) = (rng.index(count), rng.index(count));
                if from != to {
                    graph.add_edge(from, to, (from, to));
                    edges.push((from, to));
                }
            }
            let cycle = graph.short_cycle();
            assert_eq!(cycle.is_some(), has_cycle_naively(&edges, count));
            for (at, (node, (from, to))) in cycle.iter().flatten().enumerate() {
                let cycle = cycle.as_ref().unwrap();
                assert_eq!((node, &cycle[(at + 1) % cycle.len()].0), (from, to));
            }
            cyclic += usize::from(cycle.is_some());
        }
        assert!((500..1500).contains(&cyclic));
    }

    #[test]
    fn weightless_nodes_are_passed_over() {
        let mut graph = Graph::new(3);
        let middle = graph.add_weightless();
        graph.add_edge(0, middle, 'a');
        graph.add_edge(middle, 1, 'b');
        graph.add_edge(1, 2, 'c');
        graph.add_edge(2, 0, 'd');
        graph.add_edge(1, 0, 'e');
        assert_eq!(graph.short_cycle(), Some(vec![(0, 'a'), (1, 'e')]));
    }
}
