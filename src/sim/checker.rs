//! Judges a history: is there one order of all transactions that explains every read, keeps the
//! order of each connection, and never puts a transaction before one that had returned when it was
//! sent? That is strict serialisability plus program order of pipelines.
//!
//! Values are unique and lists only grow, so the longest list read of a key is the order of its
//! writes ("version order"), and every other list read must be a prefix of it. From that follow the
//! edges of a graph between transactions:
//!
//! | edge | from | to |
//! |---|---|---|
//! | ww | who appended a value | who appended the next one |
//! | wr | who appended the last value of a list | who read that list |
//! | rw | who read a list | who appended the value after it |
//! | program order | a transaction | the next of its connection |
//! | real time | a transaction | all sent after it returned |
//!
//! With the version order known, a serial order exists exactly if this graph has no cycle (Adya). A
//! value never read comes after the longest list of its key, in an order nobody saw: it has edges
//! from the last version's writer and readers, none among its like.
//!
//! Real time needs no quadratic number of edges: returns, sorted, form a chain of weightless nodes;
//! each transaction leads to its own return and comes from the last return before its call.
//!
//! What prefixes and cycles do not show is checked directly: a value nobody appended, a value
//! twice, a transaction that does not see its own appends or sees those it has yet to make, a list
//! that ends within another's appends, appends of one transaction torn apart.
//!
//! A transaction without a reply counts if somebody read one of its values, and is left out
//! otherwise.

use std::fmt;

use super::graph::Graph;
use super::history::{History, Key, Op, Transaction};
use crate::base::Map;

/// Why one transaction must come before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Its append comes before the other's.
    WriteWrite(Key),
    /// The other read what it appended.
    WriteRead(Key),
    /// It read the list without the other's append.
    ReadWrite(Key),
    /// Same connection.
    ProgramOrder,
    /// It had returned when the other was sent.
    RealTime,
}

/// What is wrong with a history. Transactions are named by their place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The history cannot be judged: a value was appended twice.
    ValueReused(Key, u64),
    /// A transaction returned before it was sent.
    ClockRunsBackwards(usize),
    /// A list with a value that nobody appended.
    Phantom(usize, Key, u64),
    /// A list that contradicts the transaction's own reads and appends before it.
    Internal(usize, Key),
    /// Two lists of one key of which neither is a prefix of the other, or one with a value twice.
    Incompatible(usize, usize, Key),
    /// Another's appends to a key were seen in part, or with something in between.
    Torn(usize, Key),
    /// Each transaction must come before the next, and the last before the first.
    Cycle(Vec<(usize, Edge)>),
}

/// What was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Transactions that happened.
    pub transactions: usize,
    /// Edges of the graph.
    pub edges: usize,
}

/// Judges the history. See the module.
pub fn check(history: &History) -> Result<Verdict, Violation> {
    let facts = Facts::gather(history)?;
    let versions = facts.versions()?;
    let mut graph = Graph::new(history.transactions.len());
    facts.add_data_edges(&versions, &mut graph);
    facts.add_program_order(&mut graph);
    facts.add_real_time(&mut graph);
    match graph.short_cycle() {
        Some(cycle) => Err(Violation::Cycle(cycle)),
        None => Ok(Verdict {
            transactions: facts.happened.iter().filter(|&&happened| happened).count(),
            edges: graph.edge_count(),
        }),
    }
}

/// Explains a violation, with the transactions it names in full.
pub fn explain(history: &History, violation: &Violation) -> String {
    let line = |index: usize| format!("T{index}: {}", history.line(&history.transactions[index]));
    let name = |key: Key| history.key_name(key);
    match violation {
        Violation::ValueReused(key, value) => {
            format!(
                "{value} was appended to {} twice: the history cannot be judged",
                name(*key)
            )
        }
        Violation::ClockRunsBackwards(index) => {
            format!("returned before it was sent\n  {}", line(*index))
        }
        Violation::Phantom(index, key, value) => {
            format!(
                "{value} in {} was never appended\n  {}",
                name(*key),
                line(*index)
            )
        }
        Violation::Internal(index, key) => {
            format!(
                "contradicts itself about {}\n  {}",
                name(*key),
                line(*index)
            )
        }
        Violation::Incompatible(one, other, key) => {
            let (one, other) = (line(*one), line(*other));
            format!(
                "no order of appends to {} explains\n  {one}\n  {other}",
                name(*key)
            )
        }
        Violation::Torn(index, key) => {
            format!(
                "appends to {} were seen in part, or torn apart\n  {}",
                name(*key),
                line(*index)
            )
        }
        Violation::Cycle(cycle) => {
            let mut text = String::from("a cycle: each before the next, the last before the first");
            for (index, edge) in cycle {
                text += &format!("\n  {}\n    {}", line(*index), EdgeOf(history, *edge));
            }
            text
        }
    }
}

struct EdgeOf<'a>(&'a History, Edge);

impl fmt::Display for EdgeOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |key| self.0.key_name(key);
        match self.1 {
            Edge::WriteWrite(key) => write!(f, "ww {}: appended before", name(key)),
            Edge::WriteRead(key) => write!(f, "wr {}: appended what was read by", name(key)),
            Edge::ReadWrite(key) => write!(f, "rw {}: read without the append of", name(key)),
            Edge::ProgramOrder => write!(f, "program order: the connection's next is"),
            Edge::RealTime => write!(f, "real time: had returned before the call of"),
        }
    }
}

/// One list read, split into what others had appended and what the reader itself had.
struct Read<'a> {
    by: usize,
    list: &'a [u64],
    /// Length of the part appended by others.
    before_own: usize,
}

/// What the transactions say, by key.
struct Facts<'a> {
    history: &'a History,
    happened: Vec<bool>,
    /// Per key: value -> (transaction, its how-manieth append to the key).
    writers: Vec<Map<u64, (usize, usize)>>,
    /// Per key: transaction -> how many values it appended.
    appended: Vec<Map<usize, usize>>,
    reads: Vec<Vec<Read<'a>>>,
}

impl<'a> Facts<'a> {
    fn gather(history: &'a History) -> Result<Facts<'a>, Violation> {
        let keys = history.key_count();
        let transactions = &history.transactions;
        let mut facts = Facts {
            history,
            happened: transactions
                .iter()
                .map(|transaction| transaction.ret.is_some())
                .collect(),
            writers: (0..keys).map(|_| Map::default()).collect(),
            appended: (0..keys).map(|_| Map::default()).collect(),
            reads: (0..keys).map(|_| Vec::new()).collect(),
        };
        for (index, transaction) in transactions.iter().enumerate() {
            if transaction.ret.is_some_and(|ret| ret < transaction.call) {
                return Err(Violation::ClockRunsBackwards(index));
            }
            for op in &transaction.ops {
                if let &Op::Append(key, value) = op {
                    let count = facts.appended[key.0 as usize].entry(index).or_insert(0);
                    let writer = (index, *count);
                    *count += 1;
                    if facts.writers[key.0 as usize]
                        .insert(value, writer)
                        .is_some()
                    {
                        return Err(Violation::ValueReused(key, value));
                    }
                }
            }
        }
        for (index, transaction) in transactions.iter().enumerate() {
            facts.gather_reads(index, transaction)?;
        }
        Ok(facts)
    }

    /// Notes what one transaction read, and that it agrees with itself.
    fn gather_reads(
        &mut self,
        index: usize,
        transaction: &'a Transaction,
    ) -> Result<(), Violation> {
        let mut own: Vec<(Key, u64)> = Vec::new();
        let mut seen: Vec<(Key, &'a [u64])> = Vec::new();
        for op in &transaction.ops {
            let list = match op {
                &Op::Append(key, value) => {
                    own.push((key, value));
                    continue;
                }
                Op::Read(_, None) => continue,
                Op::Read(_, Some(list)) => list,
            };
            let key = op.key();
            let mut own_here = own.iter().rev().filter(|(other, _)| *other == key);
            let own_count = own_here.clone().count();
            let before_own = list.len().checked_sub(own_count);
            let Some(before_own) = before_own else {
                return Err(Violation::Internal(index, key));
            };
            let agrees = list[before_own..].iter().rev().all(|value| {
                own_here
                    .next()
                    .is_some_and(|(_, appended)| appended == value)
            });
            let first = seen.iter().find(|(other, _)| *other == key);
            if !agrees || first.is_some_and(|(_, first)| *first != &list[..before_own]) {
                return Err(Violation::Internal(index, key));
            }
            seen.push((key, &list[..before_own]));
            for value in list {
                let Some(&(writer, _)) = self.writers[key.0 as usize].get(value) else {
                    return Err(Violation::Phantom(index, key, *value));
                };
                self.happened[writer] = true;
            }
            self.reads[key.0 as usize].push(Read {
                by: index,
                list,
                before_own,
            });
        }
        Ok(())
    }

    /// The writers of each key's values, in version order.
    fn versions(&self) -> Result<Vec<Vec<(usize, usize)>>, Violation> {
        let keys = (0..self.reads.len()).map(|key| self.versions_of(Key(key as u32)));
        keys.collect()
    }

    fn versions_of(&self, key: Key) -> Result<Vec<(usize, usize)>, Violation> {
        let reads = &self.reads[key.0 as usize];
        let Some(longest) = reads.iter().max_by_key(|read| read.list.len()) else {
            return Ok(Vec::new());
        };
        let writers = &self.writers[key.0 as usize];
        let versions: Vec<_> = longest.list.iter().map(|value| writers[value]).collect();
        let appended_by = |writer| self.appended[key.0 as usize][&writer];
        let is_last = |version: usize| versions[version].1 + 1 == appended_by(versions[version].0);

        let mut places: Vec<(usize, usize)> = versions.clone();
        places.sort_unstable();
        if places.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Violation::Incompatible(longest.by, longest.by, key));
        }
        // A transaction's appends stand together, in its order.
        for (version, &(writer, place)) in versions.iter().enumerate() {
            let follows = match version
                .checked_sub(1)
                .map(|before| (before, versions[before]))
            {
                Some((_, (before, place_before))) if before == writer => place == place_before + 1,
                Some((before, _)) => place == 0 && is_last(before),
                None => place == 0,
            };
            if !follows {
                return Err(Violation::Torn(writer, key));
            }
        }
        for read in reads {
            if !longest.list.starts_with(read.list) {
                return Err(Violation::Incompatible(read.by, longest.by, key));
            }
            let before = &versions[..read.before_own];
            if before.iter().any(|&(writer, _)| writer == read.by) {
                // It read what it had yet to append.
                return Err(Violation::Internal(read.by, key));
            }
            if before
                .len()
                .checked_sub(1)
                .is_some_and(|last| !is_last(last))
            {
                return Err(Violation::Torn(versions[before.len() - 1].0, key));
            }
        }
        Ok(versions)
    }

    fn add_data_edges(&self, versions: &[Vec<(usize, usize)>], graph: &mut Graph<Edge>) {
        for (number, versions) in versions.iter().enumerate() {
            let key = Key(number as u32);
            for pair in versions.windows(2) {
                graph.add_edge(pair[0].0, pair[1].0, Edge::WriteWrite(key));
            }
            // Who saw the whole observed list, and by which right they precede what nobody saw.
            let last_writer = versions
                .last()
                .map(|&(writer, _)| (writer, Edge::WriteWrite(key)));
            let mut at_end: Vec<(usize, Edge)> = last_writer.into_iter().collect();
            for read in &self.reads[number] {
                if let Some(last) = read.before_own.checked_sub(1) {
                    graph.add_edge(versions[last].0, read.by, Edge::WriteRead(key));
                }
                match versions.get(read.before_own) {
                    Some(&(next, _)) => graph.add_edge(read.by, next, Edge::ReadWrite(key)),
                    None => at_end.push((read.by, Edge::ReadWrite(key))),
                }
            }
            self.add_unread(key, versions, &at_end, graph);
        }
    }

    /// Edges to who appended what nobody read.
    fn add_unread(
        &self,
        key: Key,
        versions: &[(usize, usize)],
        at_end: &[(usize, Edge)],
        graph: &mut Graph<Edge>,
    ) {
        let mut read_from: Map<usize, usize> = Map::default();
        versions
            .iter()
            .for_each(|&(writer, _)| *read_from.entry(writer).or_insert(0) += 1);
        let mut unread: Vec<usize> = self.appended[key.0 as usize]
            .iter()
            .filter(|&(writer, count)| {
                self.happened[*writer] && read_from.get(writer).is_none_or(|read| read < count)
            })
            .map(|(&writer, _)| writer)
            .collect();
        if unread.is_empty() {
            return;
        }
        unread.sort_unstable();
        // One node stands for the end of the observed list. A transaction that is on both sides of
        // it must not seem to precede itself: it gets edges of its own. More than two of these
        // precede each other, so two suffice.
        let end = graph.add_weightless();
        let mut both_sides = 0;
        for &(before, edge) in at_end {
            if unread.binary_search(&before).is_err() {
                graph.add_edge(before, end, edge);
            } else if both_sides < 2 {
                both_sides += usize::from(matches!(edge, Edge::ReadWrite(_)));
                unread
                    .iter()
                    .for_each(|&writer| graph.add_edge(before, writer, edge));
            }
        }
        for &writer in &unread {
            graph.add_edge(end, writer, Edge::ReadWrite(key));
        }
    }

    fn add_program_order(&self, graph: &mut Graph<Edge>) {
        let mut last_of: Map<u32, usize> = Map::default();
        for (index, transaction) in self.history.transactions.iter().enumerate() {
            if !self.happened[index] {
                continue;
            }
            if let Some(before) = last_of.insert(transaction.conn, index) {
                graph.add_edge(before, index, Edge::ProgramOrder);
            }
        }
    }

    fn add_real_time(&self, graph: &mut Graph<Edge>) {
        let transactions = &self.history.transactions;
        let mut returns: Vec<u64> = transactions.iter().filter_map(|each| each.ret).collect();
        returns.sort_unstable();
        returns.dedup();
        let nodes: Vec<usize> = returns.iter().map(|_| graph.add_weightless()).collect();
        for pair in nodes.windows(2) {
            graph.add_edge(pair[0], pair[1], Edge::RealTime);
        }
        for (index, transaction) in transactions.iter().enumerate() {
            if let Some(ret) = transaction.ret {
                let own = returns.partition_point(|&other| other < ret);
                graph.add_edge(index, nodes[own], Edge::RealTime);
            }
            let returned = returns.partition_point(|&ret| ret < transaction.call);
            if self.happened[index] && returned > 0 {
                graph.add_edge(nodes[returned - 1], index, Edge::RealTime);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::base::Rng;

    fn judge(text: &str) -> Result<Verdict, Violation> {
        check(&History::parse(text).unwrap())
    }

    /// Asserts a cycle whose edges, in some rotation, are these.
    fn check_cycle(text: &str, edges: &str) {
        let Err(Violation::Cycle(cycle)) = judge(text) else {
            panic!("{:?}", judge(text))
        };
        let name = |edge| match edge {
            Edge::WriteWrite(_) => "ww",
            Edge::WriteRead(_) => "wr",
            Edge::ReadWrite(_) => "rw",
            Edge::ProgramOrder => "po",
            Edge::RealTime => "rt",
        };
        let found: Vec<_> = cycle.iter().map(|&(_, edge)| name(edge)).collect();
        let is_rotation = (0..found.len()).any(|by| {
            let mut rotated = found.clone();
            rotated.rotate_left(by);
            rotated.join(" ") == edges
        });
        assert!(is_rotation, "{found:?} for {edges}");
    }

    #[test]
    fn overlapping_transactions_may_take_effect_in_any_order() {
        assert!(judge("1 0 9 a:x:1\n2 0 9 r:x:\n3 0 9 r:x:1").is_ok());
        assert!(
            judge("1 0 5 a:x:1\n2 5 9 r:x:").is_ok(),
            "a return at the instant of the call"
        );
    }

    #[test]
    fn what_returned_is_seen_by_what_is_sent_later() {
        check_cycle("1 0 1 a:x:1\n2 2 3 r:x:", "rw rt");
        check_cycle("1 0 1 a:x:1\n2 2 3 a:x:2\n3 4 5 r:x:2,1", "ww rt");
        check_cycle("1 0 9 a:x:1\n2 1 2 r:x:1\n3 3 4 r:x:", "wr rt rw");
    }

    #[test]
    fn a_pipeline_takes_effect_in_its_order() {
        check_cycle("1 0 9 a:x:1\n1 0 9 r:x:", "po rw");
        // The fence (2) was seen behind x, in front of y.
        let torn = "1 0 9 r:a:1\n1 0 9 r:b:\n2 0 9 a:a:1 a:b:2";
        check_cycle(torn, "po rw wr");
        assert!(judge(&torn.replacen("1 0 9 r:b", "4 0 9 r:b", 1)).is_ok());
    }

    #[test]
    fn anomalies_are_cycles() {
        // Lost update, write skew, long fork.
        check_cycle("1 0 9 r:x: a:x:1\n2 0 9 r:x: a:x:2", "rw rw");
        check_cycle("1 0 9 r:x: a:y:1\n2 0 9 r:y: a:x:2", "rw rw");
        let fork = "1 0 9 a:x:1\n2 0 9 a:y:2\n3 0 9 r:x:1 r:y:\n4 0 9 r:x: r:y:2";
        check_cycle(fork, "wr rw wr rw");
        // Fences in different orders on two shards.
        check_cycle(
            "1 0 9 a:x:1 a:y:3\n2 0 9 a:x:2 a:y:4\n3 0 9 r:x:1,2 r:y:4,3",
            "ww ww",
        );
    }

    #[test]
    fn unread_appends_come_after_all_that_was_read() {
        assert!(judge("1 0 9 r:x: a:x:1\n2 0 9 a:x:2\n3 0 9 a:x:3").is_ok());
        check_cycle("1 0 1 a:x:1\n2 2 9 a:x:2\n3 0 9 r:x:2", "ww rt");
    }

    #[test]
    fn lists_that_cannot_be_are_named() {
        let key = Key(0);
        for (text, violation) in [
            ("1 0 1 a:x:1\n1 0 1 a:x:1", Violation::ValueReused(key, 1)),
            ("1 5 1 a:x:1", Violation::ClockRunsBackwards(0)),
            ("1 0 1 r:x:7", Violation::Phantom(0, key, 7)),
            ("1 0 1 a:x:1 r:x:", Violation::Internal(0, key)),
            ("1 0 9 r:x: r:x:1\n2 0 9 a:x:1", Violation::Internal(0, key)),
            ("1 0 1 r:x:1 a:x:1", Violation::Internal(0, key)),
            (
                "1 0 9 a:x:1\n2 0 9 a:x:2\n3 0 9 r:x:1,2\n3 0 9 r:x:2",
                Violation::Incompatible(3, 2, key),
            ),
            (
                "1 0 9 a:x:1\n3 0 9 r:x:1,1",
                Violation::Incompatible(1, 1, key),
            ),
            ("1 0 9 a:x:1 a:x:2\n2 0 9 r:x:1", Violation::Torn(0, key)),
            (
                "1 0 9 a:x:1 a:x:2\n2 0 9 a:x:3\n3 0 9 r:x:1,3,2",
                Violation::Torn(1, key),
            ),
        ] {
            assert_eq!(judge(text), Err(violation), "{text}");
        }
    }

    #[test]
    fn without_a_reply_a_transaction_counts_if_it_was_seen() {
        assert_eq!(judge("1 0 - a:x:1\n2 5 6 r:x:").unwrap().transactions, 1);
        assert_eq!(judge("1 0 - a:x:1\n2 5 6 r:x:1").unwrap().transactions, 2);
        check_cycle("1 0 - a:x:1\n2 5 6 r:x:1\n2 7 8 r:x:", "wr po rw");
    }

    /// A history of a server that executes one transaction at a time: connections send, the server
    /// takes any connection's next, replies come in order, some never.
    fn serial_history(rng: &mut Rng) -> History {
        let mut history = History::default();
        let keys: Vec<Key> = (0..4).map(|key| history.key(&format!("k{key}"))).collect();
        let mut lists = vec![Vec::new(); keys.len()];
        let mut conns = vec![(VecDeque::new(), VecDeque::new()); 5];
        let mut value = 0;
        for now in 0..400 {
            let number = rng.index(conns.len());
            let (sent, executed) = &mut conns[number];
            match rng.below(3) {
                0 if now < 300 => {
                    let ops = (0..1 + rng.below(4)).map(|_| {
                        let key = keys[rng.index(keys.len())];
                        value += 1;
                        if rng.chance(1, 2) {
                            Op::Append(key, value)
                        } else {
                            Op::Read(key, None)
                        }
                    });
                    let (conn, ops) = (number as u32, ops.collect());
                    sent.push_back(history.transactions.len());
                    history.transactions.push(Transaction {
                        conn,
                        call: now,
                        ret: None,
                        ops,
                    });
                }
                0 | 1 => {
                    let Some(index) = sent.pop_front() else {
                        continue;
                    };
                    for op in &mut history.transactions[index].ops {
                        let list = &mut lists[op.key().0 as usize];
                        match op {
                            Op::Append(_, value) => list.push(*value),
                            Op::Read(_, seen) => *seen = Some(list.clone()),
                        }
                    }
                    executed.push_back(index);
                }
                _ => {
                    let Some(index) = executed.pop_front() else {
                        continue;
                    };
                    history.transactions[index].ret = Some(now);
                }
            }
        }
        for transaction in &mut history.transactions {
            if transaction.ret.is_none() {
                transaction.ops.iter_mut().for_each(|op| {
                    if let Op::Read(_, seen) = op {
                        *seen = None;
                    }
                });
            }
        }
        let ops = keys
            .iter()
            .map(|&key| Op::Read(key, Some(lists[key.0 as usize].clone())));
        let ops = ops.collect();
        history.transactions.push(Transaction {
            conn: 99,
            call: 400,
            ret: Some(401),
            ops,
        });
        history
    }

    #[test]
    fn histories_of_a_serial_server_pass() {
        for seed in 0..300 {
            let history = serial_history(&mut Rng::new(seed));
            if let Err(violation) = check(&history) {
                panic!("seed {seed}: {}", explain(&history, &violation));
            }
        }
    }

    /// Places of reads with a result, as (transaction, operation).
    fn reads(history: &History) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for (index, transaction) in history.transactions.iter().enumerate() {
            for (place, op) in transaction.ops.iter().enumerate() {
                if matches!(op, Op::Read(_, Some(_))) {
                    places.push((index, place));
                }
            }
        }
        places
    }

    fn list(history: &mut History, (index, place): (usize, usize)) -> &mut Vec<u64> {
        match &mut history.transactions[index].ops[place] {
            Op::Read(_, Some(list)) => list,
            other => panic!("not a read: {other:?}"),
        }
    }

    fn writer(history: &History, value: u64) -> usize {
        let appends = |op: &Op| matches!(op, Op::Append(_, other) if *other == value);
        let is_writer = |each: &Transaction| each.ops.iter().any(appends);
        history.transactions.iter().position(is_writer).unwrap()
    }

    fn had_returned(history: &History, first: usize, second: usize) -> bool {
        history.transactions[first]
            .ret
            .is_some_and(|ret| ret < history.transactions[second].call)
    }

    /// Breaks the history in one of the ways a server could; false where that would not be wrong.
    fn mutate(history: &mut History, rng: &mut Rng) -> bool {
        let places = reads(history);
        let place = places[rng.index(places.len())];
        let (index, before) = (place.0, list(history, place).clone());
        let key = history.transactions[index].ops[place.1].key();
        match rng.below(5) {
            // A stale read: the last value is missing though its writer had returned.
            0 => {
                let Some(&last) = before.last() else {
                    return false;
                };
                list(history, place).pop();
                had_returned(history, writer(history, last), index)
            }
            // A lost append: the value is in no list, though one was read later.
            1 => {
                let Some(&lost) = before.get(rng.index(before.len() + 1)) else {
                    return false;
                };
                places
                    .iter()
                    .for_each(|&each| list(history, each).retain(|&value| value != lost));
                had_returned(history, writer(history, lost), index)
            }
            // A swap in one list, where another list knows better.
            2 => {
                if before.len() < 2 {
                    return false;
                }
                let at = rng.index(before.len() - 1);
                list(history, place).swap(at, at + 1);
                let others = places.iter().filter(|&&each| each != place);
                others.copied().any(|each| {
                    let is_same_key = history.transactions[each.0].ops[each.1].key() == key;
                    is_same_key && list(history, each).starts_with(&before[..at + 2])
                })
            }
            // A torn transaction: it is seen in one key and, as its last value there, missed in
            // another.
            3 => {
                let Some(&last) = before.last() else {
                    return false;
                };
                let torn = writer(history, last);
                list(history, place).pop();
                let mut others = places.iter().filter(|each| each.0 == index).copied();
                torn != index
                    && others.any(|each| {
                        let other_key = history.transactions[index].ops[each.1].key();
                        let appended =
                            history.transactions[torn]
                                .ops
                                .iter()
                                .filter_map(|op| match op {
                                    Op::Append(key, value) => (*key == other_key).then_some(*value),
                                    Op::Read(..) => None,
                                });
                        let appended: Vec<u64> = appended.collect();
                        other_key != key
                            && appended
                                .iter()
                                .any(|value| list(history, each).contains(value))
                    })
            }
            // A pipeline out of order: a read misses what its own connection appended earlier.
            _ => {
                let conn = history.transactions[index].conn;
                let own = before.iter().position(|&value| {
                    let writer = writer(history, value);
                    writer < index && history.transactions[writer].conn == conn
                });
                let Some(own) = own else { return false };
                list(history, place).truncate(own);
                true
            }
        }
    }

    #[test]
    fn mutated_histories_fail() {
        let mut found = 0;
        for seed in 0..3000 {
            let mut rng = Rng::new(seed);
            let mut history = serial_history(&mut rng);
            if mutate(&mut history, &mut rng) {
                assert!(
                    check(&history).is_err(),
                    "seed {seed}:\n{}",
                    history.to_text()
                );
                found += 1;
            }
        }
        assert!(found > 1000, "only {found} mutations applied");
    }

    #[test]
    fn explanations_show_the_transactions() {
        let history = History::parse("1 0 1 a:x:1\n2 2 3 r:x:").unwrap();
        let text = explain(&history, &check(&history).unwrap_err());
        assert!(
            text.contains("1 0 1 a:x:1") && text.contains("real time"),
            "{text}"
        );
    }

    #[test]
    fn long_histories_do_not_exhaust_the_stack() {
        let mut history = History::default();
        let key = history.key("x");
        for now in 0..50_000 {
            let ops = vec![Op::Append(key, now)];
            history.transactions.push(Transaction {
                conn: 1,
                call: now,
                ret: Some(now),
                ops,
            });
        }
        assert!(check(&history).is_ok());
    }
}
