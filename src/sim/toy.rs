//! A toy server for simulation and stress: stores of lists, commands over a few keys, and the
//! frames that carry their parts. Everything that decides order is the real thing, from `shard`.

use std::sync::Arc;

use super::history::{History, Key, Op, Transaction};
use crate::base::{Rng, ShardId};
use crate::shard::inbox::Node;
use crate::shard::lend::Park;
use crate::shard::vote::Vote;

/// One shard's lists, by key number; those of other shards stay empty.
#[derive(Debug, Default)]
pub(super) struct Store {
    lists: Vec<Vec<u64>>,
}

impl Store {
    pub(super) fn new(keys: usize) -> Store {
        Store {
            lists: vec![Vec::new(); keys],
        }
    }

    fn apply(&mut self, op: &Op) -> Option<Vec<u64>> {
        let list = &mut self.lists[op.key().0 as usize];
        match *op {
            Op::Append(_, value) => {
                list.push(value);
                None
            }
            Op::Read(..) => Some(list.clone()),
        }
    }
}

/// How the parts of a command hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// They do not.
    OneShot,
    /// Appends happen if every shard's reads allow it; see [`allows`].
    Vote,
    /// Appends depend on all reads together; see [`execute_together`].
    Park,
}

/// An operation done, by its place in the command, with the list if it was a read.
pub(super) type Done = (usize, Option<Vec<u64>>);

/// Where the parts of a VOTE or PARK come together.
#[derive(Debug)]
pub(super) struct Meeting {
    pub(super) vote: Vote,
    pub(super) park: Park<Store>,
}

/// One shard's part of a command.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) home: ShardId,
    pub(super) owner: ShardId,
    /// The home's number for the command.
    pub(super) command: usize,
    pub(super) mode: Mode,
    pub(super) ops: Arc<[Op]>,
    /// Operations of this shard.
    pub(super) places: Vec<usize>,
    pub(super) meeting: Option<Arc<Meeting>>,
    pub(super) done: Vec<Done>,
}

/// A frame on its way.
pub(super) type Parcel = Box<Node<Frame>>;

/// The owner of a key.
pub(super) fn owner_of(key: Key, shards: usize) -> ShardId {
    ShardId((key.0 as usize % shards) as u16)
}

/// A command of a random mode over random keys, appending values from `value` on. Votes and parked
/// commands have reads of all their keys, then appends to all of them.
pub(super) fn random_ops(rng: &mut Rng, keys: &[Key], value: &mut u64) -> (Mode, Vec<Op>) {
    let mut chosen = keys.to_vec();
    rng.shuffle(&mut chosen);
    chosen.truncate(if rng.chance(1, 2) {
        1
    } else {
        2 + rng.index(2)
    });
    let mut append = |key| {
        *value += 1;
        Op::Append(key, *value)
    };
    if chosen.len() > 1 && rng.chance(1, 2) {
        let mode = if rng.chance(1, 2) {
            Mode::Vote
        } else {
            Mode::Park
        };
        let reads = chosen.iter().map(|&key| Op::Read(key, None));
        let mut ops: Vec<Op> = reads.collect();
        ops.extend(chosen.iter().map(|&key| append(key)));
        return (mode, ops);
    }
    let ops = chosen.iter();
    let ops = ops.map(|&key| {
        if rng.chance(1, 2) {
            append(key)
        } else {
            Op::Read(key, None)
        }
    });
    (Mode::OneShot, ops.collect())
}

/// The parts of a command, in ascending order of shards.
pub(super) fn parts(
    home: ShardId,
    command: usize,
    mode: Mode,
    ops: &Arc<[Op]>,
    shards: usize,
) -> Vec<Parcel> {
    let mut owners: Vec<ShardId> = ops.iter().map(|op| owner_of(op.key(), shards)).collect();
    owners.sort_unstable();
    owners.dedup();
    let (count, many) = (owners.len(), owners.len() > 1 && mode != Mode::OneShot);
    let meeting = many.then(|| {
        Arc::new(Meeting {
            vote: Vote::new(count),
            park: Park::new(shards, count),
        })
    });
    let part = |owner| {
        let places = ops.iter().enumerate();
        let places = places.filter(|(_, op)| owner_of(op.key(), shards) == owner);
        Node::new(Frame {
            home,
            owner,
            command,
            mode,
            ops: Arc::clone(ops),
            places: places.map(|(place, _)| place).collect(),
            meeting: meeting.clone(),
            done: Vec::new(),
        })
    };
    owners.into_iter().map(part).collect()
}

impl Frame {
    /// Executes a part that has nobody to meet.
    pub(super) fn execute_alone(&mut self, store: &mut Store) {
        match self.mode {
            Mode::OneShot => self.execute_where(store, |_| true),
            Mode::Vote => {
                if self.ballot(store) {
                    self.act(store);
                }
            }
            Mode::Park => self.done = execute_together(&self.ops, |op| store.apply(op)),
        }
    }

    /// VOTE, first step: reads, and says whether this shard allows the appends.
    pub(super) fn ballot(&mut self, store: &mut Store) -> bool {
        self.execute_where(store, |op| matches!(op, Op::Read(..)));
        allows(&self.done)
    }

    /// VOTE, second step, if all allow it.
    pub(super) fn act(&mut self, store: &mut Store) {
        self.execute_where(store, |op| matches!(op, Op::Append(..)));
    }

    fn execute_where(&mut self, store: &mut Store, which: impl Fn(&Op) -> bool) {
        for &place in &self.places {
            let op = &self.ops[place];
            if which(op) {
                self.done.push((place, store.apply(op)));
            }
        }
    }
}

/// The rule of a vote, over the reads of one shard. Any rule will do that says yes and no now and
/// then.
pub(super) fn allows(reads: &[Done]) -> bool {
    let lengths = reads
        .iter()
        .map(|(_, list)| list.as_ref().map_or(0, Vec::len));
    lengths.sum::<usize>() % 3 != 2
}

/// PARK: reads everything; appends everything if the lists together have an even length, else only
/// the first.
pub(super) fn execute_together(
    ops: &[Op],
    mut apply: impl FnMut(&Op) -> Option<Vec<u64>>,
) -> Vec<Done> {
    let mut done: Vec<Done> = Vec::new();
    let mut length = 0;
    let mut has_appended = false;
    for (place, op) in ops.iter().enumerate() {
        let is_append = matches!(op, Op::Append(..));
        if is_append && has_appended && length % 2 == 1 {
            continue;
        }
        let list = apply(op);
        length += list.as_ref().map_or(0, Vec::len);
        has_appended |= is_append;
        done.push((place, list));
    }
    done
}

/// Executes a parked command over stores at their shards' places.
pub(super) fn execute_over(ops: &[Op], stores: &mut [Option<&mut Store>]) -> Vec<Done> {
    let shards = stores.len();
    execute_together(ops, |op| {
        let store = &mut stores[owner_of(op.key(), shards).index()];
        store
            .as_mut()
            .expect("every owner lends its store")
            .apply(op)
    })
}

/// What a command turned out to have done, for the history; `None` if the outcome of a vote or of a
/// parked command does not follow from what was read.
pub(super) fn record(
    mode: Mode,
    ops: &[Op],
    mut done: Vec<Done>,
    shards: usize,
) -> Option<Vec<Op>> {
    done.sort_by_key(|&(place, _)| place);
    let appended = done.iter().filter(|(_, list)| list.is_none()).count();
    let appends = ops.iter().filter(|op| matches!(op, Op::Append(..))).count();
    let reads = || done.iter().filter(|(_, list)| list.is_some());
    let appended_expected = match mode {
        Mode::OneShot => appends,
        Mode::Vote => {
            let all = (0..shards).all(|shard| {
                let here = |place: usize| owner_of(ops[place].key(), shards).index() == shard;
                let reads: Vec<Done> = reads().filter(|(place, _)| here(*place)).cloned().collect();
                allows(&reads)
            });
            if all { appends } else { 0 }
        }
        Mode::Park => {
            let length: usize = reads()
                .filter_map(|(_, list)| list.as_ref())
                .map(Vec::len)
                .sum();
            if length.is_multiple_of(2) { appends } else { 1 }
        }
    };
    if appended != appended_expected {
        return None;
    }
    let op = |(place, list): (usize, Option<Vec<u64>>)| match ops[place] {
        Op::Append(key, value) => Op::Append(key, value),
        Op::Read(key, _) => Op::Read(key, list),
    };
    Some(done.into_iter().map(op).collect())
}

/// Adds the end of all lists to a history: a transaction after all others.
pub(super) fn record_stores<'a>(
    history: &mut History,
    keys: &[Key],
    stores: impl IntoIterator<Item = &'a Store>,
) {
    let stores: Vec<&Store> = stores.into_iter().collect();
    let list = |key: Key| {
        let store = stores[owner_of(key, stores.len()).index()];
        store.lists[key.0 as usize].clone()
    };
    let ops = keys
        .iter()
        .map(|&key| Op::Read(key, Some(list(key))))
        .collect();
    let end = u64::MAX;
    let last = Transaction {
        conn: u32::MAX,
        call: end,
        ret: Some(end),
        ops,
    };
    history.transactions.push(last);
}
