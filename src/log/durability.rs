//! A model of `appendfsync always`: cores that run commands, end their turns and answer in any order, over the log as it is,
//! with a disk that may be late and a crash at any point.
//!
//! What is checked
//!   1. Whoever got a reply was told of nothing that a crash at this moment would lose.
//!   2. A file that breaks off anywhere has all of a fence or nothing of it.
//!   3. What somebody sent after a reply stands behind what that told of: also with the other policies.
//!   4. Everybody is answered when the disk has caught up.
//!
//! The simulated cores do what `conn/turn.rs` and `conn/hold.rs` do around the log, and nothing else. Mutants leave out a
//! step each and must be found: they show that the model can see it.

use super::{Batch, Contribution, Hold, Log, Tail, Taken, may_leave};
use crate::base::slot::{DbIndex, ShardId};
use crate::base::{Map, Rng};
use crate::command::effects::Effects;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// What a core does not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mutant {
    None,
    /// It forgets what frames that came home have heard of.
    Deaf,
    /// Its frames leave before the block that they tell of is in the log.
    HastyFrames,
    /// Its replies leave when what was in the log at the turn's end is on the disk, whatever block was incomplete.
    HastyReplies,
    /// Its effects are appended in its next turn.
    LateEffects,
}

/// The name of a write. What a key holds is the name of its last one.
type WriteId = u64;

/// A command on its way to the shard of its key.
struct Frame {
    request: usize,
    home: usize,
    writes: Option<WriteId>,
    /// It is one of several of a fence.
    share: Option<Arc<Contribution>>,
}

/// One that was executed.
struct Done {
    request: usize,
    tells: WriteId,
}

struct Request {
    client: usize,
    missing: usize,
    tells: Vec<WriteId>,
}

struct Core {
    tail: Tail,
    effects: Effects,
    inbox: VecDeque<Frame>,
    completions: Vec<Done>,
    /// What this shard's only key holds.
    value: WriteId,
    heard: u64,
    /// Requests whose replies have been made.
    out: Vec<usize>,
    chains: Vec<Vec<Done>>,
    stage: Option<Stage>,
}

struct Stage {
    hold: Hold,
    out: Vec<usize>,
    chains: Vec<Vec<Done>>,
    /// What a mutant takes for enough.
    position: u64,
}

struct Client {
    home: usize,
    is_waiting: bool,
    knows: BTreeSet<WriteId>,
}

struct World {
    rng: Rng,
    mutant: Mutant,
    log: Log,
    cores: Vec<Core>,
    clients: Vec<Client>,
    requests: Vec<Request>,
    unanswered: usize,
    /// The file, what is on the disk of it, and of which position that is.
    file: Vec<u8>,
    written: u64,
    synced: usize,
    /// Writes on the disk, as far as the file was read.
    durable: BTreeSet<WriteId>,
    read: usize,
    /// By write: what its client knew, and how many belong to it.
    causes: Map<WriteId, (Vec<WriteId>, usize)>,
    next_write: WriteId,
}

type Verdict = Result<(), String>;

impl World {
    fn new(seed: u64, gates: bool, mutant: Mutant) -> World {
        let mut rng = Rng::new(seed);
        let shards = 2 + rng.index(3);
        let log = Log::new(shards);
        log.set_fed(true);
        log.set_gates(gates);
        let core = |n: usize| {
            let mut effects = Effects::default();
            effects.set_on(true);
            Core {
                tail: Tail::new(ShardId(n as u16)),
                effects,
                inbox: VecDeque::new(),
                completions: Vec::new(),
                value: 0,
                heard: 0,
                out: Vec::new(),
                chains: (0..shards).map(|_| Vec::new()).collect(),
                stage: None,
            }
        };
        let clients = (0..2 + rng.index(5)).map(|_| Client {
            home: rng.index(shards),
            is_waiting: false,
            knows: BTreeSet::new(),
        });
        World {
            clients: clients.collect(),
            rng,
            mutant,
            log,
            cores: (0..shards).map(core).collect(),
            requests: Vec::new(),
            unanswered: 0,
            file: Vec::new(),
            written: 0,
            synced: 0,
            durable: BTreeSet::new(),
            read: 0,
            causes: Map::default(),
            next_write: 1,
        }
    }

    /// A client sends something: a read, a write, or a write to several shards.
    fn send(&mut self, client: usize) {
        let shards = self.cores.len();
        let home = self.clients[client].home;
        let kind = self.rng.below(10);
        let mut members: Vec<usize> = vec![self.rng.index(shards)];
        if kind >= 7 {
            members = (0..shards).filter(|_| self.rng.chance(1, 2)).collect();
        }
        if members.is_empty() {
            return;
        }
        let writes = (kind >= 3).then_some(self.next_write);
        if let Some(id) = writes {
            self.next_write += 1;
            let knows = self.clients[client].knows.iter().copied().collect();
            self.causes.insert(id, (knows, members.len()));
        }
        let share = (members.len() > 1).then(|| Arc::new(Contribution::new(members.len())));
        let request = self.requests.len();
        self.requests.push(Request {
            client,
            missing: members.len(),
            tells: Vec::new(),
        });
        self.clients[client].is_waiting = true;
        self.unanswered += 1;
        for member in members {
            let frame = Frame {
                request,
                home,
                writes,
                share: share.clone(),
            };
            self.cores[member].inbox.push_back(frame);
        }
    }

    fn turn(&mut self, n: usize) -> Verdict {
        if self.mutant == Mutant::LateEffects {
            self.append_effects(n);
        }
        self.advance(n);
        self.publish_chains(n);
        self.flush(n)?;
        for _ in 0..self.rng.index(5) {
            let Some(frame) = self.cores[n].inbox.pop_front() else {
                break;
            };
            self.execute(n, frame);
            if self.rng.chance(1, 6) {
                self.hand_over(n);
            }
        }
        self.hand_over(n);
        self.flush(n)
    }

    fn execute(&mut self, n: usize, mut frame: Frame) {
        let core = &mut self.cores[n];
        let share = frame.share.take();
        if share.is_some() {
            core.tail.append(&mut core.effects, &self.log, 0);
        }
        if let Some(id) = frame.writes {
            core.value = id;
            let words = [b"W".to_vec(), id.to_string().into_bytes()];
            let words = words.iter().map(Vec::as_slice);
            core.effects.push(DbIndex(0), words);
        }
        if let Some(share) = share {
            let part = Batch::take(&mut core.effects);
            core.tail.contribute(share, part);
        }
        let done = Done {
            request: frame.request,
            tells: core.value,
        };
        // A core's own commands are answered in place.
        if frame.home == n {
            self.take_back(n, done);
        } else {
            core.chains[frame.home].push(done);
        }
    }

    fn take_back(&mut self, n: usize, done: Done) {
        let request = &mut self.requests[done.request];
        request.tells.push(done.tells);
        request.missing -= 1;
        if request.missing == 0 {
            self.cores[n].out.push(done.request);
        }
    }

    fn advance(&mut self, n: usize) {
        self.cores[n].tail.advance(&self.log, 0, |_| {});
    }

    fn append_effects(&mut self, n: usize) {
        let core = &mut self.cores[n];
        core.tail.append(&mut core.effects, &self.log, 0);
        self.advance(n);
    }

    fn hand_over(&mut self, n: usize) {
        if self.mutant != Mutant::LateEffects {
            self.append_effects(n);
        }
        loop {
            self.publish_chains(n);
            let frames = std::mem::take(&mut self.cores[n].completions);
            if frames.is_empty() {
                break;
            }
            frames.into_iter().for_each(|done| self.take_back(n, done));
            if self.mutant != Mutant::Deaf {
                self.cores[n].heard = self.log.published();
            }
        }
    }

    fn publish_chains(&mut self, n: usize) {
        let core = &mut self.cores[n];
        let mut leaving = Vec::new();
        let hasty = self.mutant == Mutant::HastyFrames;
        if let Some(stage) = &mut core.stage
            && (hasty || stage.hold.is_in_log(&core.tail))
        {
            leaving.extend(stage.chains.iter_mut().map(std::mem::take).enumerate());
        }
        if hasty || core.tail.is_clear() {
            leaving.extend(core.chains.iter_mut().map(std::mem::take).enumerate());
        }
        if leaving.iter().any(|(_, chain)| !chain.is_empty()) {
            self.log.publish(core.tail.shard(), core.tail.position());
        }
        for (home, chain) in leaving {
            self.cores[home].completions.extend(chain);
        }
    }

    fn flush(&mut self, n: usize) -> Verdict {
        let core = &mut self.cores[n];
        if let Some(stage) = &mut core.stage {
            stage.hold.need(&core.tail);
            let is_over = match self.mutant {
                Mutant::HastyReplies => self.log.durable() >= stage.position,
                _ => stage.hold.is_over(&core.tail, &self.log),
            };
            if is_over {
                self.publish_chains(n);
                let core = &mut self.cores[n];
                if let Some(stage) = core.stage.take() {
                    // Empty but for a mutant's.
                    let left = stage.chains.into_iter().zip(&mut core.chains);
                    left.for_each(|(left, chain)| chain.extend(left));
                    self.answer(stage.out)?;
                }
            }
        }
        let core = &mut self.cores[n];
        if core.stage.is_some() {
            return Ok(());
        }
        if may_leave(&core.tail, core.heard, &self.log) {
            let out = std::mem::take(&mut core.out);
            return self.answer(out);
        }
        if !core.out.is_empty() || core.chains.iter().any(|chain| !chain.is_empty()) {
            let empty = core.chains.iter().map(|_| Vec::new()).collect();
            core.stage = Some(Stage {
                hold: Hold::new(&core.tail, core.heard),
                out: std::mem::take(&mut core.out),
                chains: std::mem::replace(&mut core.chains, empty),
                position: core.tail.position().max(core.heard),
            });
        }
        Ok(())
    }

    /// Replies have left: what they tell of must be there after a crash that comes now.
    fn answer(&mut self, out: Vec<usize>) -> Verdict {
        for request in out {
            let Request { client, tells, .. } = &self.requests[request];
            let client = &mut self.clients[*client];
            client.is_waiting = false;
            client.knows.extend(tells.iter().filter(|id| **id > 0));
            self.unanswered -= 1;
            for id in tells.iter().filter(|id| **id > 0) {
                if self.log.gates() && !self.durable.contains(id) {
                    return Err(format!("write {id} was told of, and would be lost"));
                }
            }
        }
        Ok(())
    }

    /// The thread of the append-only file takes what there is.
    fn write(&mut self) {
        let mut taken = Taken::default();
        self.log.take(&mut taken, 0, Some(Duration::ZERO), None);
        self.file.extend_from_slice(&taken.bytes);
        self.written = taken.end();
    }

    /// It syncs what it has written.
    fn sync(&mut self) {
        self.synced = self.file.len();
        let commands = commands(&self.file[self.read..self.synced]);
        // What is taken together is whole.
        assert!(commands.is_whole);
        self.durable.extend(commands.writes);
        self.read = self.synced;
        self.log.set_durable(self.written);
    }

    /// What a file that breaks off here would bring back.
    fn crash(&mut self) -> Verdict {
        let left = self.file.len() - self.synced;
        let end = self.synced + self.rng.index(left + 1);
        let found = commands(&self.file[..end]);
        let mut counts: Map<WriteId, usize> = Map::default();
        for id in &found.writes {
            *counts.entry(*id).or_default() += 1;
        }
        for (id, count) in &counts {
            if self.causes[id].1 != *count {
                return Err(format!("write {id} is there in part"));
            }
        }
        // Cause before effect, wherever it ends.
        let mut seen = BTreeSet::new();
        for id in &found.writes {
            let (causes, _) = &self.causes[id];
            if let Some(lost) = causes.iter().find(|cause| !seen.contains(*cause)) {
                return Err(format!(
                    "write {id} is there, and {lost} that led to it is not"
                ));
            }
            seen.insert(*id);
        }
        Ok(())
    }
}

/// What a stream has, without a transaction that is not there to its end.
struct Found {
    writes: Vec<WriteId>,
    is_whole: bool,
}

fn commands(bytes: &[u8]) -> Found {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    let mut line = || {
        let line = lines.next()?.strip_suffix(b"\r\n")?;
        std::str::from_utf8(line).ok()
    };
    let mut next = || {
        let Some(count) = line() else {
            return Some(None);
        };
        let count: usize = count.strip_prefix('*')?.parse().ok()?;
        let mut words = Vec::new();
        for _ in 0..count {
            line()?;
            words.push(line()?);
        }
        Some(Some(words))
    };
    let (mut writes, mut open) = (Vec::new(), None::<Vec<WriteId>>);
    let is_whole = loop {
        let words = match next() {
            Some(Some(words)) => words,
            Some(None) => break open.is_none(),
            None => break false,
        };
        match (&words[..], &mut open) {
            (["MULTI"], _) => open = Some(Vec::new()),
            (["EXEC"], block) => {
                writes.extend(block.take().unwrap_or_default());
            }
            (["W", id], Some(block)) => block.push(id.parse().expect("digits")),
            (["W", id], None) => writes.push(id.parse().expect("digits")),
            _ => {}
        }
    };
    Found { writes, is_whole }
}

fn run(seed: u64, gates: bool, mutant: Mutant) -> Verdict {
    let mut world = World::new(seed, gates, mutant);
    // How quick the disk is, and how busy the clients, differ from run to run.
    let disk = 1 + world.rng.below(12);
    let sends = 200;
    let mut steps = 0;
    loop {
        steps += 1;
        if steps > 50_000 {
            return Err(format!("{} are never answered", world.unanswered));
        }
        let is_over = world.requests.len() >= sends;
        if is_over && world.unanswered == 0 {
            break;
        }
        match world.rng.below(24) {
            0..6 if !is_over => {
                let client = world.rng.index(world.clients.len());
                if !world.clients[client].is_waiting {
                    world.send(client);
                }
            }
            6 => world.crash()?,
            7..9 => world.write(),
            roll if roll < 9 + disk => {
                if world.rng.chance(disk, 12) {
                    world.sync();
                }
            }
            _ => {
                let core = world.rng.index(world.cores.len());
                world.turn(core)?;
            }
        }
    }
    world.write();
    world.crash()
}

#[test]
fn nobody_is_told_of_what_a_crash_would_lose() {
    for seed in 0..60 {
        for gates in [true, false] {
            if let Err(why) = run(seed, gates, Mutant::None) {
                panic!("seed {seed}, always: {gates}: {why}");
            }
        }
    }
}

#[test]
fn a_core_that_leaves_out_a_step_is_found() {
    for (mutant, gates) in [
        (Mutant::Deaf, true),
        (Mutant::HastyFrames, true),
        (Mutant::HastyFrames, false),
        (Mutant::HastyReplies, true),
        (Mutant::LateEffects, false),
    ] {
        let found = (0..120).find_map(|seed| run(seed, gates, mutant).err());
        println!("{mutant:?}: {found:?}");
        assert!(found.is_some(), "{mutant:?} is not found");
    }
}
