//! The ordering core on real threads, more of them than cores, judged by the checker.
//!
//! Each thread is a shard with the loop of the design: completions, inbox, connections, chains and
//! wake-ups, sleep. Stores and commands are toys; everything else is real, futexes included. A lost
//! wake-up or a deadlock hangs the test.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, Thread};

use super::checker::{check, explain};
use super::history::{History, Key, Op, Transaction};
use super::toy::{self, Done, Frame, Mode, Parcel, Store, owner_of};
use crate::base::{Rng, ShardId};
use crate::shard::Patience;
use crate::shard::bell::{Bell, announce};
use crate::shard::credits::Credits;
use crate::shard::inbox::{Chain, Completions, Fence, Inbox, Node, Receiver};

const KEYS_PER_SHARD: usize = 4;
const WINDOW: usize = 8;
const QUOTA: u32 = 4;

/// What all threads see.
struct Shared {
    inboxes: Vec<Arc<Inbox<Node<Frame>>>>,
    homes: Vec<Completions<Frame>>,
    bells: Vec<Bell>,
    threads: Vec<std::sync::OnceLock<Thread>>,
    keys: Vec<Key>,
    clock: AtomicU64,
    values: AtomicU64,
    /// Homes with clients that wait for replies.
    busy: AtomicUsize,
}

struct Conn {
    to_send: usize,
    input: VecDeque<usize>,
    unanswered: VecDeque<usize>,
}

struct Command {
    conn: usize,
    mode: Mode,
    ops: Arc<[Op]>,
    /// Parts not done; without bound until it is known how many there are.
    missing: usize,
    done: Vec<Done>,
}

struct Shard<'a> {
    shared: &'a Shared,
    me: ShardId,
    patience: Patience,
    rng: Rng,
    receiver: Receiver<Node<Frame>>,
    store: Store,
    credits: Credits,
    chains: Vec<Chain<Frame>>,
    to_wake: Vec<ShardId>,
    fence: Fence<Node<Frame>>,
    conns: Vec<Conn>,
    commands: Vec<Command>,
    transactions: Vec<Transaction>,
}

impl Shard<'_> {
    fn run(mut self) -> (Store, Vec<Transaction>) {
        let mut is_busy = true;
        while self.shared.busy.load(Ordering::SeqCst) > 0 {
            let mut has_moved = self.take_completions();
            has_moved |= self.drain();
            has_moved |= self.serve_connections();
            self.end_turn();
            if is_busy
                && self
                    .conns
                    .iter()
                    .all(|conn| conn.to_send + conn.unanswered.len() == 0)
            {
                is_busy = false;
                if self.shared.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
                    self.shared
                        .threads
                        .iter()
                        .flat_map(|thread| thread.get())
                        .for_each(Thread::unpark);
                }
            }
            if !has_moved {
                self.sleep();
            }
        }
        (self.store, self.transactions)
    }

    fn sleep(&self) {
        let me = self.me.index();
        let bell = &self.shared.bells[me];
        bell.prepare_sleep();
        let is_idle = self.receiver.is_quiet() && self.shared.homes[me].is_empty();
        if is_idle && self.shared.busy.load(Ordering::SeqCst) > 0 {
            thread::park();
        }
        bell.cancel();
    }

    fn end_turn(&mut self) {
        for (home, chain) in self.chains.iter_mut().enumerate() {
            if self.shared.homes[home].publish(chain) {
                self.to_wake.push(ShardId(home as u16));
            }
        }
        if self.to_wake.is_empty() {
            return;
        }
        let after = announce();
        for target in self.to_wake.drain(..) {
            if self.shared.bells[target.index()].should_wake(&after) {
                self.shared.threads[target.index()]
                    .get()
                    .expect("it slept")
                    .unpark();
            }
        }
    }

    // The owner.

    fn drain(&mut self) -> bool {
        let upto = self.receiver.settle();
        let mut has_moved = false;
        while let Some(frame) = self.receiver.pop(upto) {
            self.execute(frame);
            has_moved = true;
        }
        has_moved
    }

    fn execute(&mut self, mut frame: Parcel) {
        if let Some(meeting) = frame.meeting.clone() {
            // Those we are about to wait for may be asleep, or out of credit.
            self.end_turn();
            if frame.mode == Mode::Vote {
                let ballot = frame.ballot(&mut self.store);
                if meeting.vote.cast(ballot, self.patience) {
                    frame.act(&mut self.store);
                }
            } else {
                let ops = Arc::clone(&frame.ops);
                let run = |stores: &mut [Option<&mut Store>]| toy::execute_over(&ops, stores);
                let place = self.me.index();
                let done = meeting
                    .park
                    .arrive(place, &mut self.store, self.patience, run);
                frame.done = done.unwrap_or_default();
            }
        } else {
            frame.execute_alone(&mut self.store);
        }
        self.chains[frame.home.index()].push(frame);
    }

    // The home.

    fn serve_connections(&mut self) -> bool {
        let mut has_moved = false;
        for number in 0..self.conns.len() {
            self.send(number);
            for _ in 0..1 + self.rng.index(WINDOW) {
                has_moved |= self.serve(number);
            }
        }
        has_moved
    }

    /// The client sends as many commands as its window allows.
    fn send(&mut self, number: usize) {
        let conn = &mut self.conns[number];
        while conn.to_send > 0 && conn.unanswered.len() < WINDOW {
            let mut value = self.shared.values.fetch_add(8, Ordering::Relaxed);
            let (mode, ops) = toy::random_ops(&mut self.rng, &self.shared.keys, &mut value);
            let call = self.shared.clock.fetch_add(1, Ordering::SeqCst);
            conn.to_send -= 1;
            conn.input.push_back(self.commands.len());
            conn.unanswered.push_back(self.commands.len());
            let conn = (usize::from(self.me.0) * 100 + number) as u32;
            self.transactions.push(Transaction {
                conn,
                call,
                ret: None,
                ops: ops.clone(),
            });
            let (ops, done) = (ops.into(), Vec::new());
            self.commands.push(Command {
                conn: number,
                mode,
                ops,
                missing: usize::MAX,
                done,
            });
        }
    }

    /// Starts on a connection's next command; false if there is none, or no credit for it.
    fn serve(&mut self, number: usize) -> bool {
        let Some(&command) = self.conns[number].input.front() else {
            return false;
        };
        let Command { mode, ref ops, .. } = self.commands[command];
        let shards = self.shared.inboxes.len();
        let mut owners: Vec<_> = ops.iter().map(|op| owner_of(op.key(), shards)).collect();
        owners.sort_unstable();
        owners.dedup();
        let is_local = owners == [self.me];
        if !is_local && !self.credits.take_each(&owners) {
            return false;
        }
        let mut parts = toy::parts(self.me, command, mode, ops, shards);
        self.commands[command].missing = parts.len();
        self.conns[number].input.pop_front();
        if is_local {
            if !self.receiver.is_quiet() {
                self.drain();
            }
            let mut part = parts.pop().expect("one part");
            part.execute_alone(&mut self.store);
            self.part_done(&mut part);
            return true;
        }
        self.to_wake.extend(&owners);
        if let [owner] = owners[..] {
            self.shared.inboxes[owner.index()].push(parts.pop().expect("one part"));
        } else {
            parts
                .into_iter()
                .for_each(|part| self.fence.add(part.owner, part));
            self.fence.post(&self.shared.inboxes);
        }
        true
    }

    fn take_completions(&mut self) -> bool {
        let mut has_moved = false;
        for mut frame in self.shared.homes[self.me.index()].take() {
            self.credits.give(frame.owner);
            self.part_done(&mut frame);
            has_moved = true;
        }
        has_moved
    }

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
            let ops = toy::record(command.mode, &command.ops, done, self.shared.inboxes.len());
            let transaction = &mut self.transactions[first];
            transaction.ops = ops.expect("what was done follows from what was read");
            transaction.ret = Some(self.shared.clock.fetch_add(1, Ordering::SeqCst));
        }
    }
}

/// Runs a server of that many threads and judges what its clients saw.
fn stress(seed: u64, shards: usize, commands: usize, patience: Patience) {
    let mut history = History::default();
    let keys: Vec<_> = (0..shards * KEYS_PER_SHARD)
        .map(|key| history.key(&format!("k{key}")))
        .collect();
    let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..shards)
        .map(|_| Inbox::new(shards * QUOTA as usize))
        .unzip();
    let shared = Shared {
        inboxes,
        homes: (0..shards).map(|_| Completions::default()).collect(),
        bells: (0..shards).map(|_| Bell::new()).collect(),
        threads: (0..shards).map(|_| std::sync::OnceLock::new()).collect(),
        keys: keys.clone(),
        clock: AtomicU64::new(0),
        values: AtomicU64::new(0),
        busy: AtomicUsize::new(shards),
    };
    let stores: Vec<Store> = thread::scope(|scope| {
        let start = |(number, receiver): (usize, Receiver<Node<Frame>>)| {
            let shared = &shared;
            let conn = || Conn {
                to_send: commands,
                input: VecDeque::new(),
                unanswered: VecDeque::new(),
            };
            let shard = Shard {
                shared,
                me: ShardId(number as u16),
                patience,
                rng: Rng::new(seed.wrapping_mul(1000) + number as u64),
                receiver,
                store: Store::new(keys.len()),
                credits: Credits::new(shards, QUOTA),
                chains: (0..shards).map(|_| Chain::default()).collect(),
                to_wake: Vec::new(),
                fence: Fence::default(),
                conns: vec![conn(), conn()],
                commands: Vec::new(),
                transactions: Vec::new(),
            };
            scope.spawn(move || {
                shared.threads[number]
                    .set(thread::current())
                    .expect("set once");
                shard.run()
            })
        };
        let threads: Vec<_> = receivers.into_iter().enumerate().map(start).collect();
        let ended = threads
            .into_iter()
            .map(|thread| thread.join().expect("no shard panicked"));
        let ended = ended.map(|(store, transactions)| {
            history.transactions.extend(transactions);
            store
        });
        ended.collect()
    });
    toy::record_stores(&mut history, &keys, &stores);
    assert_eq!(history.transactions.len(), shards * 2 * commands + 1);
    match check(&history) {
        Ok(verdict) => println!("{patience:?}: {verdict:?}"),
        Err(violation) => panic!("seed {seed}: {}", explain(&history, &violation)),
    }
}

/// Several runs, since lists, and with them what the checker reads, grow with each command.
fn stress_often(shards: usize, commands: usize, patience: Patience) {
    let (runs, shards, commands) = if cfg!(miri) {
        (1, shards.min(3), 10)
    } else {
        (10, shards, commands)
    };
    (0..runs).for_each(|seed| stress(seed, shards, commands, patience));
}

#[test]
fn threads_that_sleep_at_fences_keep_the_order() {
    stress_often(16, 200, Patience::Sleep);
}

#[test]
fn threads_that_spin_at_fences_keep_the_order() {
    stress_often(16, 200, Patience::SpinThenSleep);
}

#[test]
fn a_thread_for_each_core_keeps_the_order() {
    stress_often(2, 1000, Patience::SpinThenSleep);
}
