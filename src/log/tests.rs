//! The log with simulated participants: shards that execute and end their turns in any order.

use super::{Batch, Contribution, Log, Tail, Taken};
use crate::base::Rng;
use crate::base::slot::{DbIndex, ShardId};
use crate::command::effects::Effects;
use std::sync::Arc;
use std::time::Duration;

fn queue() -> Effects {
    let mut queue = Effects::default();
    queue.set_on(true);
    queue
}

fn push(queue: &mut Effects, db: u32, words: &str) {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    queue.push(DbIndex(db), words.into_iter());
}

fn take(log: &Log) -> Taken {
    let mut taken = Taken::default();
    log.take(&mut taken, 0, Some(Duration::ZERO), None);
    taken
}

/// The commands of a stream, one a line.
fn commands(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut all = Vec::new();
    while let Some(words) = lines.next().and_then(|line| line.strip_prefix('*')) {
        let mut command = Vec::new();
        for _ in 0..words.parse::<usize>().unwrap() {
            lines.next();
            command.push(lines.next().unwrap());
        }
        all.push(command.join(" "));
    }
    all
}

#[test]
fn groups_and_databases_are_told_apart() {
    let log = Log::new(1);
    log.set_fed(true);
    let mut tail = Tail::new(ShardId(0));
    let mut effects = queue();
    push(&mut effects, 0, "SET a 1");
    effects.begin();
    push(&mut effects, 0, "SET b 1");
    push(&mut effects, 2, "SET c 1");
    effects.end();
    effects.push_to_replicas(DbIndex(2), [&b"PUBLISH"[..], b"x", b"y"].into_iter());
    push(&mut effects, 2, "SET d 1");
    tail.append(&mut effects, &log, 7);
    assert!(tail.is_clear() && effects.is_empty());
    let taken = take(&log);
    assert_eq!(
        commands(&taken.bytes).join(", "),
        "SELECT 0, SET a 1, MULTI, SET b 1, SELECT 2, SET c 1, EXEC, SET d 1"
    );
    assert_eq!(
        (taken.end(), tail.position()),
        (log.position(), log.position())
    );
}

#[test]
fn a_mark_that_was_not_taken_outlives_the_end_of_the_one_before() {
    let log = Log::new(1);
    log.set_fed(true);
    let mut tail = Tail::new(ShardId(0));
    tail.contribute(log.marking(7, 1), Batch::default());
    tail.advance(&log, 0, |_| {});
    let mut effects = queue();
    push(&mut effects, 0, "SET behind 1");
    tail.append(&mut effects, &log, 0);
    log.set_fed(false);
    let taken = take(&log);
    assert_eq!(taken.marks, [(0, 7)]);
    assert_eq!(commands(&taken.bytes).join(", "), "SELECT 0, SET behind 1");
    log.set_fed(false);
    push(&mut effects, 0, "SET unheard 1");
    tail.append(&mut effects, &log, 0);
    assert!(take(&log).is_empty());
}

#[test]
fn a_fence_is_one_block_and_holds_up_what_comes_behind_it() {
    let log = Log::new(2);
    log.set_fed(true);
    let mut tails = [Tail::new(ShardId(0)), Tail::new(ShardId(1))];
    let share = Arc::new(Contribution::new(2));
    let mut effects = queue();
    push(&mut effects, 0, "SET before 0");
    tails[0].append(&mut effects, &log, 0);
    // The first and the third command of a transaction; the second is the other shard's.
    push(&mut effects, 0, "SET a 1");
    push(&mut effects, 0, "SET c 3");
    let part = Batch::take_placed(&mut effects, [(1, 0), (2, 2)].into_iter());
    tails[0].contribute(Arc::clone(&share), part);
    push(&mut effects, 0, "SET behind 0");
    tails[0].append(&mut effects, &log, 0);
    let point = tails[0].point();
    tails[0].advance(&log, 0, |_| panic!("nobody waits"));
    assert!(!tails[0].is_clear() && !tails[0].can_advance());
    assert_eq!(commands(&take(&log).bytes), ["SELECT 0", "SET before 0"]);

    push(&mut effects, 0, "SET b 2");
    let part = Batch::take_placed(&mut effects, [(1, 1)].into_iter());
    tails[1].contribute(share, part);
    let mut woken = Vec::new();
    tails[1].advance(&log, 0, |shard| woken.push(shard));
    assert_eq!(woken, [ShardId(0)]);
    assert!(tails[0].can_advance());
    tails[0].advance(&log, 0, |_| panic!("nobody waits"));
    assert!(tails[0].is_clear() && tails[0].has_passed(point));
    assert_eq!(
        commands(&take(&log).bytes).join(", "),
        "MULTI, SET a 1, SET b 2, SET c 3, EXEC, SET behind 0"
    );
    assert!(tails[0].position() > tails[1].position());
}

#[test]
fn a_transaction_selects_its_database_itself() {
    let log = Log::new(1);
    log.set_fed(true);
    let mut tail = Tail::new(ShardId(0));
    let mut effects = queue();
    effects.begin();
    push(&mut effects, 9, "SET b 1");
    push(&mut effects, 9, "SET c 1");
    effects.end();
    tail.append(&mut effects, &log, 7);
    push(&mut effects, 3, "SET d 1");
    push(&mut effects, 3, "SET e 1");
    let part = Batch::take_placed(&mut effects, [(1, 0), (2, 1)].into_iter());
    tail.contribute(log.marking(4, 1), part);
    tail.advance(&log, 0, |_| {});
    assert_eq!(
        commands(&take(&log).bytes).join(", "),
        "MULTI, SELECT 9, SET b 1, SET c 1, EXEC, MULTI, SELECT 3, SET d 1, SET e 1, EXEC"
    );
}

#[test]
fn a_mark_divides_the_stream() {
    let log = Log::new(2);
    let mut tails = [Tail::new(ShardId(0)), Tail::new(ShardId(1))];
    let mut effects = queue();
    for tail in &mut tails {
        push(&mut effects, 0, "SET before 0");
        tail.append(&mut effects, &log, 1);
        tail.contribute(log.marking(4, 2), Batch::default());
        push(&mut effects, 0, "SET behind 0");
        tail.append(&mut effects, &log, 1);
    }
    for _ in 0..2 {
        for tail in &mut tails {
            tail.advance(&log, 1, |_| {});
        }
    }
    // Nobody was fed before the mark.
    let taken = take(&log);
    assert_eq!(taken.marks, [(taken.start, 4)]);
    assert_eq!(
        commands(&taken.bytes),
        ["SELECT 0", "SET behind 0", "SET behind 0"]
    );
}

#[test]
fn seconds_are_noted_between_commands() {
    let log = Log::new(1);
    log.set_fed(true);
    log.set_notes(true);
    let mut tail = Tail::new(ShardId(0));
    let mut effects = queue();
    let mut ends = vec![0];
    for second in [5, 5, 6] {
        push(&mut effects, 0, "SET a 1");
        tail.append(&mut effects, &log, second);
        ends.push(tail.position());
    }
    assert_eq!(take(&log).seconds, [(ends[0], 5), (ends[2], 6)]);
}

#[test]
fn writes_wait_while_a_sync_takes_too_long() {
    let log = Log::new(1);
    log.set_fed(true);
    log.look_at_sync(u64::MAX);
    assert!(!log.is_full(), "there is none");
    log.set_syncing(Some(1_000_000));
    log.look_at_sync(3_000_000);
    assert!(!log.is_full());
    log.look_at_sync(3_000_001);
    assert!(log.is_full());
    // Nothing more comes, so nobody would take anything.
    log.set_syncing(None);
    assert!(!log.is_full());
    log.look_at_sync(u64::MAX);
    assert!(!log.is_full());
}

/// What a shard has to do, in its order.
#[derive(Clone)]
enum Op {
    Own(u64),
    Fence(u64, Arc<Contribution>),
}

/// Any interleaving of executions and ends of turns leads to a stream that has everything, each shard's in its order,
/// fences whole; and everybody gets through.
#[test]
fn shards_agree_on_one_order_whatever_the_turns() {
    for seed in 0..300 {
        let mut rng = Rng::new(seed);
        let shards = 2 + rng.index(3);
        let log = Log::new(shards);
        log.set_fed(true);
        let mut programs: Vec<Vec<Op>> = vec![Vec::new(); shards];
        let mut fences = Vec::new();
        for id in 0..60 {
            if rng.index(3) > 0 {
                programs[rng.index(shards)].push(Op::Own(id));
                continue;
            }
            let members: Vec<usize> = (0..shards).filter(|_| rng.index(2) == 0).collect();
            if members.len() > 1 {
                let share = Arc::new(Contribution::new(members.len()));
                for &member in &members {
                    programs[member].push(Op::Fence(id, Arc::clone(&share)));
                }
                fences.push((id, members));
            }
        }
        let mut tails: Vec<Tail> = (0..shards).map(|n| Tail::new(ShardId(n as u16))).collect();
        let mut queues: Vec<Effects> = (0..shards).map(|_| queue()).collect();
        let mut at = vec![0; shards];
        let mut asleep = vec![false; shards];
        let mut steps = 0;
        loop {
            let done = (0..shards).all(|n| at[n] == programs[n].len() && tails[n].is_clear());
            if done && queues.iter().all(Effects::is_empty) {
                break;
            }
            steps += 1;
            assert!(steps < 100_000, "seed {seed}: stuck");
            let n = rng.index(shards);
            if asleep[n] && !tails[n].can_advance() && at[n] == programs[n].len() {
                continue;
            }
            let end_of_turn = at[n] == programs[n].len() || rng.index(4) == 0;
            if end_of_turn {
                tails[n].append(&mut queues[n], &log, 0);
                tails[n].advance(&log, 0, |shard| asleep[shard.index()] = false);
                asleep[n] = !tails[n].can_advance();
                continue;
            }
            match programs[n][at[n]].clone() {
                Op::Own(id) => push(&mut queues[n], (id % 3) as u32, &format!("OWN {n} {id}")),
                Op::Fence(id, share) => {
                    tails[n].append(&mut queues[n], &log, 0);
                    push(&mut queues[n], 0, &format!("PART {n} {id}"));
                    let part = Batch::take(&mut queues[n]);
                    tails[n].contribute(share, part);
                }
            }
            at[n] += 1;
            asleep[n] = false;
        }
        check(seed, &commands(&take(&log).bytes), &programs, &fences);
    }
}

fn check(seed: u64, stream: &[String], programs: &[Vec<Op>], fences: &[(u64, Vec<usize>)]) {
    let mut seen: Vec<Vec<u64>> = vec![Vec::new(); programs.len()];
    let mut blocks = Vec::new();
    let (mut db, mut open): (u64, Option<Vec<(u64, usize)>>) = (99, None);
    for line in stream {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["SELECT", number] => db = number.parse().unwrap(),
            ["MULTI"] => open = Some(Vec::new()),
            ["EXEC"] => blocks.push(open.take().unwrap()),
            [kind, shard, id] => {
                let (shard, id): (usize, u64) = (shard.parse().unwrap(), id.parse().unwrap());
                seen[shard].push(id);
                match kind {
                    "OWN" => assert!(open.is_none() && db == id % 3, "seed {seed}: {line}"),
                    _ => {
                        assert_eq!(db, 0);
                        open.as_mut().unwrap().push((id, shard));
                    }
                }
            }
            _ => panic!("seed {seed}: {line}"),
        }
    }
    for (shard, program) in programs.iter().enumerate() {
        let expected = program.iter().map(|op| match op {
            Op::Own(id) | Op::Fence(id, _) => *id,
        });
        assert_eq!(seen[shard], expected.collect::<Vec<_>>(), "seed {seed}");
    }
    let mut found: Vec<_> = blocks
        .iter()
        .map(|block| (block[0].0, block.iter().map(|(_, shard)| *shard).collect()))
        .collect();
    found.sort();
    assert_eq!(found, fences, "seed {seed}");
}
