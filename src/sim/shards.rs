//! Many shards in one thread: a seeded scheduler interleaves them at every step that matters.
//!
//! A shard is the sequential program of the real loop, taken apart: each reservation, each latch,
//! each cell filled, each look at a word is a step of its own, and between any two steps of a shard
//! the others may take any number of theirs. The inboxes, fences, completions, bells, votes and
//! credits are the real ones; only the waiting is not: a step that would wait says so, and the
//! shard is tried again later. Clients pipeline over connections, and may be served by any step
//! their home takes. If nothing can move before all is done, the run is stuck, which is a failure
//! too.
//!
//! What clients saw is judged by the checker. The mutants each leave out one rule; for each there
//! must be a seed that shows it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::checker::{check, explain};
use super::history::{History, Key, Op, Transaction};
use super::toy::{self, Frame, Mode, Parcel, Store, owner_of};
use crate::base::{Map, Rng, ShardId};
use crate::shard::bell::{Bell, announce};
use crate::shard::credits::Credits;
use crate::shard::inbox::{Chain, Completions, Fence, Inbox, Node, Receiver};

/// A rule left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutant {
    None,
    /// A push does not wait for the latch it saw.
    PushIgnoresLatch,
    /// Commands execute in place without draining first.
    NoDrain,
    /// Fences reserve without latching.
    NoLatch,
    /// Fences clear each latch before taking the next.
    UnlatchEarly,
    /// Singles wait in a list per target until the end of the turn.
    PushLate,
    /// Participants act on their own vote.
    VoteAlone,
    /// A parked command runs without waiting for all.
    ParkAlone,
    /// The last fence of a turn wakes its participants only after the home's own part.
    WakeLate,
    /// Latches are taken in any order.
    LatchInAnyOrder,
}

struct Options {
    shards: usize,
    conns: usize,
    commands: usize,
    window: usize,
    quota: u32,
    mutant: Mutant,
}

/// Something sent by a client and not yet answered.
struct Command {
    conn: usize,
    mode: Mode,
    ops: Arc<[Op]>,
    missing: usize,
    done: Vec<toy::Done>,
}

struct Conn {
    home: usize,
    to_send: usize,
    /// Sent, not parsed; sent, not answered.
    input: VecDeque<usize>,
    unanswered: VecDeque<usize>,
}

/// Where a shard stands in its program.
enum Task {
    Idle,
    /// Frames for one shard, cells reserved.
    Fill {
        target: ShardId,
        next: u64,
        frames: VecDeque<Parcel>,
        is_latched: bool,
    },
    AwaitUnlatched {
        target: ShardId,
    },
    Latch {
        fence: Fence<Node<Frame>>,
        runs: Vec<usize>,
        next: usize,
    },
    Unlatch {
        fence: Fence<Node<Frame>>,
        runs: usize,
        next: usize,
    },
    FillFence {
        fence: Fence<Node<Frame>>,
        runs: usize,
        next: usize,
    },
    /// A local command, before and after draining.
    Look {
        command: usize,
    },
    Drain {
        upto: u64,
        command: usize,
    },
    InPlace {
        command: usize,
    },
    /// About to sleep: the bell knows, the queues are to be looked at again.
    LookAgain,
    Asleep,
}

struct Shard {
    receiver: Receiver<Node<Frame>>,
    store: Store,
    credits: Credits,
    chains: Vec<Chain<Frame>>,
    to_wake: Vec<ShardId>,
    /// Only for `PushLate`.
    late: Vec<Parcel>,
    task: Task,
    /// A part at which the shard waits for others.
    waiting: Option<Parcel>,
}

struct Sim {
    options: Options,
    rng: Rng,
    now: u64,
    value: u64,
    history: History,
    keys: Vec<Key>,
    commands: Vec<Command>,
    conns: Vec<Conn>,
    shards: Vec<Shard>,
    inboxes: Vec<Arc<Inbox<Node<Frame>>>>,
    homes: Vec<Completions<Frame>>,
    bells: Vec<Bell>,
    /// Per parked command: who has arrived, and whether it was executed.
    parked: Map<usize, (usize, bool)>,
    failure: Option<Failure>,
}

/// How a run can fail before the checker looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// Nothing can move, though not all is done.
    Stuck,
    /// A vote or a parked command did not do what follows from its reads.
    WrongOutcome,
}

impl Sim {
    fn new(seed: u64, options: Options) -> Sim {
        let mut history = History::default();
        let keys = (0..2 * options.shards)
            .map(|key| history.key(&format!("k{key}")))
            .collect();
        let capacity = options.shards * options.quota as usize;
        let mut inboxes = Vec::new();
        let mut shards = Vec::new();
        for _ in 0..options.shards {
            let (inbox, receiver) = Inbox::new(capacity);
            inboxes.push(inbox);
            shards.push(Shard {
                receiver,
                store: Store::new(2 * options.shards),
                credits: Credits::new(options.shards, options.quota),
                chains: (0..options.shards).map(|_| Chain::default()).collect(),
                to_wake: Vec::new(),
                late: Vec::new(),
                task: Task::Idle,
                waiting: None,
            });
        }
        let conn = |number| Conn {
            home: number % options.shards,
            to_send: options.commands,
            input: VecDeque::new(),
            unanswered: VecDeque::new(),
        };
        Sim {
            rng: Rng::new(seed),
            now: 0,
            value: 0,
            history,
            keys,
            commands: Vec::new(),
            conns: (0..options.conns).map(conn).collect(),
            homes: (0..options.shards)
                .map(|_| Completions::default())
                .collect(),
            bells: (0..options.shards).map(|_| Bell::new()).collect(),
            inboxes,
            shards,
            parked: Map::default(),
            failure: None,
            options,
        }
    }

    /// Runs until every client has all its replies.
    fn run(mut self) -> Result<History, Failure> {
        let actors = self.conns.len() + self.shards.len();
        let mut idle_picks = 0;
        while !self.is_done() {
            self.now += 1;
            let actor = self.rng.index(actors);
            idle_picks = if self.step(actor) { 0 } else { idle_picks + 1 };
            // Unlucky picks happen, as an idle shard tries one thing at random. Two hundred rounds
            // without a move do not, unless stuck; a step without a move changes nothing.
            if idle_picks > 10 * actors {
                let can_move = (0..200 * actors).any(|pick| self.step(pick % actors));
                if !can_move {
                    return Err(Failure::Stuck);
                }
                idle_picks = 0;
            }
        }
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        toy::record_stores(
            &mut self.history,
            &self.keys,
            self.shards.iter().map(|shard| &shard.store),
        );
        Ok(self.history)
    }

    fn is_done(&self) -> bool {
        self.conns
            .iter()
            .all(|conn| conn.to_send == 0 && conn.unanswered.is_empty())
    }

    /// One step of a client or a shard; false if it cannot move.
    fn step(&mut self, actor: usize) -> bool {
        match actor.checked_sub(self.conns.len()) {
            None => self.step_client(actor),
            Some(shard) => self.step_shard(shard),
        }
    }

    fn step_client(&mut self, number: usize) -> bool {
        let conn = &mut self.conns[number];
        if conn.to_send == 0 || conn.unanswered.len() == self.options.window {
            return false;
        }
        let (mode, ops) = toy::random_ops(&mut self.rng, &self.keys, &mut self.value);
        let command = self.commands.len();
        let ops: Arc<[Op]> = ops.into();
        self.commands.push(Command {
            conn: number,
            mode,
            ops: Arc::clone(&ops),
            missing: usize::MAX,
            done: Vec::new(),
        });
        // Program order is the order in the history: it takes its place there now.
        let ops = ops.to_vec();
        let (conn_number, call) = (number as u32, self.now);
        self.history.transactions.push(Transaction {
            conn: conn_number,
            call,
            ret: None,
            ops,
        });
        conn.to_send -= 1;
        conn.input.push_back(command);
        conn.unanswered.push_back(command);
        let home = conn.home;
        self.wake(home);
        true
    }

    fn wake(&mut self, shard: usize) {
        if matches!(self.shards[shard].task, Task::Asleep) {
            self.bells[shard].cancel();
            self.shards[shard].task = Task::Idle;
        }
    }

    fn step_shard(&mut self, me: usize) -> bool {
        if let Some(frame) = self.shards[me].waiting.take() {
            return self.go_on_at_fence(me, frame);
        }
        match std::mem::replace(&mut self.shards[me].task, Task::Idle) {
            Task::Idle => self.step_idle(me),
            task => {
                let (task, moved) = self.step_task(me, task);
                self.shards[me].task = task;
                moved
            }
        }
    }

    fn step_task(&mut self, me: usize, task: Task) -> (Task, bool) {
        let mutant = self.options.mutant;
        match task {
            Task::Idle => (Task::Idle, false),
            Task::Fill {
                target,
                next,
                mut frames,
                is_latched,
            } => {
                let inbox = &self.inboxes[target.index()];
                inbox.fill(next, frames.pop_front().expect("one for each cell"));
                if !frames.is_empty() {
                    (
                        Task::Fill {
                            target,
                            next: next + 1,
                            frames,
                            is_latched,
                        },
                        true,
                    )
                } else if is_latched && mutant != Mutant::PushIgnoresLatch {
                    (Task::AwaitUnlatched { target }, true)
                } else {
                    (Task::Idle, true)
                }
            }
            Task::AwaitUnlatched { target } => match self.inboxes[target.index()].is_latched() {
                true => (Task::AwaitUnlatched { target }, false),
                false => (Task::Idle, true),
            },
            Task::Latch {
                mut fence,
                runs,
                next,
            } => {
                let run = runs[next];
                if mutant == Mutant::NoLatch {
                    fence.reserve_run(run, &self.inboxes);
                } else if !fence.try_latch_run(run, &self.inboxes) {
                    return (Task::Latch { fence, runs, next }, false);
                } else if mutant == Mutant::UnlatchEarly {
                    fence.unlatch_run(run, &self.inboxes);
                }
                if next + 1 < runs.len() {
                    return (
                        Task::Latch {
                            fence,
                            runs,
                            next: next + 1,
                        },
                        true,
                    );
                }
                let runs = runs.len();
                if matches!(mutant, Mutant::NoLatch | Mutant::UnlatchEarly) {
                    return (
                        Task::FillFence {
                            fence,
                            runs,
                            next: 0,
                        },
                        true,
                    );
                }
                (
                    Task::Unlatch {
                        fence,
                        runs,
                        next: 0,
                    },
                    true,
                )
            }
            Task::Unlatch { fence, runs, next } => {
                fence.unlatch_run(next, &self.inboxes);
                if next + 1 < runs {
                    (
                        Task::Unlatch {
                            fence,
                            runs,
                            next: next + 1,
                        },
                        true,
                    )
                } else {
                    (
                        Task::FillFence {
                            fence,
                            runs,
                            next: 0,
                        },
                        true,
                    )
                }
            }
            Task::FillFence {
                mut fence,
                runs,
                next,
            } => {
                fence.fill_run(next, &self.inboxes);
                if next + 1 < runs {
                    (
                        Task::FillFence {
                            fence,
                            runs,
                            next: next + 1,
                        },
                        true,
                    )
                } else {
                    (Task::Idle, true)
                }
            }
            Task::Look { command } => {
                let receiver = &self.shards[me].receiver;
                if receiver.is_quiet() || mutant == Mutant::NoDrain {
                    (Task::InPlace { command }, true)
                } else {
                    (
                        Task::Drain {
                            upto: receiver.settle(),
                            command,
                        },
                        true,
                    )
                }
            }
            Task::Drain { upto, command } => {
                if self.shards[me].receiver.head() == upto {
                    return (Task::InPlace { command }, true);
                }
                let moved = self.execute_next(me);
                (Task::Drain { upto, command }, moved)
            }
            Task::InPlace { command } => {
                let home = ShardId(me as u16);
                let Command { mode, ref ops, .. } = self.commands[command];
                let mut parts = toy::parts(home, command, mode, ops, self.options.shards);
                let mut part = parts.pop().expect("one part, as it is local");
                part.execute_alone(&mut self.shards[me].store);
                self.commands[command].missing = 1;
                self.part_done(&mut part);
                (Task::Idle, true)
            }
            Task::LookAgain => {
                let shard = &self.shards[me];
                let is_empty = shard.receiver.is_quiet() && self.homes[me].is_empty();
                if is_empty && !self.has_input(me) {
                    // A sender may have rung in between: the poller remembers it.
                    return (Task::Asleep, true);
                }
                self.bells[me].cancel();
                (Task::Idle, true)
            }
            Task::Asleep => (Task::Asleep, false),
        }
    }

    fn has_input(&self, me: usize) -> bool {
        self.conns
            .iter()
            .any(|conn| conn.home == me && !conn.input.is_empty())
    }

    /// Something a shard may do between two commands, chosen at random among what there is.
    fn step_idle(&mut self, me: usize) -> bool {
        match self.rng.below(8) {
            0..=2 => self.parse_next(me),
            3..=4 => !self.shards[me].receiver.is_quiet() && self.execute_next(me),
            5 => self.take_completions(me),
            6 => self.end_turn(me),
            _ => {
                let shard = &self.shards[me];
                let is_idle = shard.receiver.is_quiet() && self.homes[me].is_empty();
                let has_work =
                    shard.chains.iter().any(|chain| !chain.is_empty()) || !shard.late.is_empty();
                if !is_idle || has_work || !shard.to_wake.is_empty() || self.has_input(me) {
                    return false;
                }
                self.bells[me].prepare_sleep();
                self.shards[me].task = Task::LookAgain;
                true
            }
        }
    }

    /// Publishes a chain, or wakes whom this turn's pushes and chains concern.
    fn end_turn(&mut self, me: usize) -> bool {
        let shard = &mut self.shards[me];
        if !shard.late.is_empty() {
            // The lists of different targets in any order.
            let target = self.rng.index(self.options.shards);
            let (push, late) = std::mem::take(&mut shard.late)
                .into_iter()
                .partition::<Vec<_>, _>(|frame| frame.owner.index() == target);
            shard.late = late;
            if !push.is_empty() {
                self.shards[me].task = self.push(ShardId(target as u16), push.into());
            }
            return true;
        }
        let ready = shard.chains.iter().position(|chain| !chain.is_empty());
        if let Some(home) = ready {
            self.homes[home].publish(&mut shard.chains[home]);
            shard.to_wake.push(ShardId(home as u16));
            return true;
        }
        self.send_wakes(me)
    }

    fn send_wakes(&mut self, me: usize) -> bool {
        let to_wake = std::mem::take(&mut self.shards[me].to_wake);
        let after = announce();
        for target in &to_wake {
            if self.bells[target.index()].should_wake(&after) {
                match self.shards[target.index()].task {
                    // It has not gone to sleep yet, and its poller will not let it.
                    Task::LookAgain => self.shards[target.index()].task = Task::Idle,
                    _ => self.wake(target.index()),
                }
            }
        }
        !to_wake.is_empty()
    }

    fn take_completions(&mut self, me: usize) -> bool {
        let mut moved = false;
        for mut frame in self.homes[me].take() {
            self.shards[me].credits.give(frame.owner);
            self.part_done(&mut frame);
            moved = true;
        }
        moved
    }

    /// Notes what a part did; replies to whatever is complete, in the connection's order.
    fn part_done(&mut self, frame: &mut Frame) {
        let command = &mut self.commands[frame.command];
        command.done.append(&mut frame.done);
        command.missing -= 1;
        let conn = &mut self.conns[command.conn];
        while let Some(&first) = conn.unanswered.front() {
            let command = &mut self.commands[first];
            if command.missing > 0 {
                break;
            }
            conn.unanswered.pop_front();
            let done = std::mem::take(&mut command.done);
            let ops = toy::record(command.mode, &command.ops, done, self.options.shards);
            if ops.is_none() {
                self.failure = Some(Failure::WrongOutcome);
            }
            let transaction = &mut self.history.transactions[first];
            transaction.ret = Some(self.now);
            transaction.ops = ops.unwrap_or_default();
        }
    }

    // The home.

    /// Starts on the next command, or the next few, of some connection.
    fn parse_next(&mut self, me: usize) -> bool {
        let start = self.rng.index(self.conns.len());
        let order = (0..self.conns.len()).map(|number| (start + number) % self.conns.len());
        let ready = |&number: &usize| {
            let conn = &self.conns[number];
            conn.home == me && !conn.input.is_empty()
        };
        let Some(number) = order.into_iter().find(ready) else {
            return false;
        };
        let first = self.conns[number].input[0];
        let owners = self.owners(first);
        if owners == [ShardId(me as u16)] {
            self.conns[number].input.pop_front();
            self.shards[me].task = Task::Look { command: first };
            return true;
        }
        // Several commands at once where order allows: singles for the same shard, or a row of
        // fences.
        let mut frames: Vec<Parcel> = Vec::new();
        while let Some(&command) = self.conns[number].input.front() {
            let next = self.owners(command);
            let fits = if owners.len() == 1 {
                next == owners
            } else {
                next.len() > 1
            };
            if !fits || !self.shards[me].credits.take_each(&next) {
                break;
            }
            self.conns[number].input.pop_front();
            let Command { mode, ref ops, .. } = self.commands[command];
            let home = ShardId(me as u16);
            frames.extend(toy::parts(home, command, mode, ops, self.options.shards));
            self.commands[command].missing = next.len();
            if self.rng.chance(1, 2) {
                break;
            }
        }
        if frames.is_empty() {
            return false;
        }
        self.shards[me]
            .to_wake
            .extend(frames.iter().map(|frame| frame.owner));
        self.shards[me].task = if owners.len() == 1 && self.options.mutant == Mutant::PushLate {
            self.shards[me].late.append(&mut frames);
            Task::Idle
        } else if let [target] = owners[..] {
            self.push(target, frames.into())
        } else {
            let mut fence = Fence::default();
            frames
                .into_iter()
                .for_each(|frame| fence.add(frame.owner, frame));
            let mut runs: Vec<usize> = (0..fence.prepare(&self.inboxes)).collect();
            if self.options.mutant == Mutant::LatchInAnyOrder {
                self.rng.shuffle(&mut runs);
            }
            Task::Latch {
                fence,
                runs,
                next: 0,
            }
        };
        true
    }

    fn push(&self, target: ShardId, frames: VecDeque<Parcel>) -> Task {
        let reserved = self.inboxes[target.index()].reserve(frames.len() as u64);
        Task::Fill {
            target,
            next: reserved.first,
            frames,
            is_latched: reserved.is_latched,
        }
    }

    fn owners(&self, command: usize) -> Vec<ShardId> {
        let ops = self.commands[command].ops.iter();
        let mut owners: Vec<_> = ops
            .map(|op| owner_of(op.key(), self.options.shards))
            .collect();
        owners.sort_unstable();
        owners.dedup();
        owners
    }

    // The owner.

    /// Executes the next frame, or starts to wait at it; false if its cell is not filled yet.
    fn execute_next(&mut self, me: usize) -> bool {
        let shard = &mut self.shards[me];
        let Some(mut frame) = shard.receiver.try_pop() else {
            return false;
        };
        let Some(meeting) = frame.meeting.clone() else {
            frame.execute_alone(&mut shard.store);
            shard.chains[frame.home.index()].push(frame);
            return true;
        };
        // Whoever is to be met may be asleep: nobody waits at a fence with wake-ups unsent.
        match frame.mode {
            Mode::OneShot => unreachable!("one-shot parts meet nobody"),
            Mode::Vote => meeting
                .vote
                .enter(u32::from(frame.ballot(&mut shard.store))),
            Mode::Park => self.parked.entry(frame.command).or_insert((0, false)).0 += 1,
        }
        shard.waiting = Some(frame);
        if self.options.mutant != Mutant::WakeLate {
            self.send_wakes(me);
        }
        true
    }

    /// Looks whether the others have come.
    fn go_on_at_fence(&mut self, me: usize, mut frame: Parcel) -> bool {
        let meeting = frame.meeting.clone().expect("it waits for somebody");
        let mutant = self.options.mutant;
        if frame.mode == Mode::Vote {
            let own = || u32::from(toy::allows(&frame.done));
            let alone = (mutant == Mutant::VoteAlone).then(own);
            let Some(outcome) = alone.or_else(|| meeting.vote.outcome()) else {
                self.shards[me].waiting = Some(frame);
                return false;
            };
            if outcome == 1 {
                frame.act(&mut self.shards[me].store);
            }
        } else {
            let parts = self.owners(frame.command).len();
            let (arrived, has_run) = self.parked[&frame.command];
            if !has_run && (arrived == parts || mutant == Mutant::ParkAlone) {
                let stores = self.shards.iter_mut().map(|each| Some(&mut each.store));
                frame.done = toy::execute_over(&frame.ops, &mut stores.collect::<Vec<_>>());
                self.parked.insert(frame.command, (arrived, true));
            } else if !has_run {
                self.shards[me].waiting = Some(frame);
                return false;
            }
        }
        let home = frame.home.index();
        self.shards[me].chains[home].push(frame);
        true
    }
}

/// A small server whose shape follows from the seed.
fn options(seed: u64, mutant: Mutant) -> Options {
    let mut rng = Rng::new(seed ^ 0x5eed);
    let shards = 2 + rng.index(3);
    Options {
        shards,
        conns: shards + rng.index(shards + 1),
        commands: 10,
        window: 1 + rng.index(6),
        quota: 1 + rng.index(3) as u32,
        mutant,
    }
}

/// Runs one seed; what went wrong, if anything.
fn run(seed: u64, mutant: Mutant) -> Result<(), String> {
    match Sim::new(seed, options(seed, mutant)).run() {
        Err(failure) => Err(format!("{failure:?}")),
        Ok(history) => match check(&history) {
            Err(violation) => Err(explain(&history, &violation)),
            Ok(_) => Ok(()),
        },
    }
}

/// Seeds in a plain `cargo test`; more with `TESSERA_SEEDS=n`.
fn seeds() -> u64 {
    let asked = std::env::var("TESSERA_SEEDS").ok();
    asked.map_or(if cfg!(miri) { 3 } else { 2000 }, |n| {
        n.parse().expect("a number of seeds")
    })
}

#[test]
fn every_interleaving_is_strictly_serialisable_in_program_order() {
    for seed in 0..seeds() {
        if let Err(reason) = run(seed, Mutant::None) {
            panic!("seed {seed}: {reason}");
        }
    }
}

/// Asserts that some seed shows what the rule is for.
#[cfg(not(miri))]
fn check_caught(mutant: Mutant, seeds: u64, shows: &str) {
    let failures = || (0..seeds).filter_map(|seed| Some((seed, run(seed, mutant).err()?)));
    let caught = failures().find(|(_, reason)| reason.contains(shows));
    let Some((seed, reason)) = caught else {
        panic!(
            "{mutant:?}: not caught by {seeds} seeds; seen: {:?}",
            failures().next()
        );
    };
    println!("{mutant:?}: caught by seed {seed}: {reason}");
}

#[cfg(not(miri))]
mod mutants {
    use super::*;

    #[test]
    fn a_push_that_ignores_the_latch_is_caught() {
        check_caught(Mutant::PushIgnoresLatch, 2000, "cycle");
    }

    #[test]
    fn in_place_without_drain_is_caught() {
        check_caught(Mutant::NoDrain, 200, "cycle");
    }

    #[test]
    fn fences_without_latch_are_caught() {
        check_caught(Mutant::NoLatch, 200, "cycle");
    }

    #[test]
    fn latches_given_up_early_are_caught() {
        check_caught(Mutant::UnlatchEarly, 1000, "cycle");
    }

    #[test]
    fn pushes_put_off_are_caught() {
        check_caught(Mutant::PushLate, 200, "cycle");
    }

    #[test]
    fn a_vote_not_waited_for_is_caught() {
        check_caught(Mutant::VoteAlone, 200, "WrongOutcome");
    }

    #[test]
    fn a_store_not_waited_for_is_caught() {
        check_caught(Mutant::ParkAlone, 200, "cycle");
    }

    #[test]
    fn waiting_with_wake_ups_unsent_is_caught() {
        check_caught(Mutant::WakeLate, 1000, "Stuck");
    }

    #[test]
    fn latches_in_any_order_are_caught() {
        check_caught(Mutant::LatchInAnyOrder, 1000, "Stuck");
    }
}
