//! What the ordering core costs on this machine. Not a test of anything:
//! ```text
//! cargo test --release --lib shard::inbox::measure -- --ignored --nocapture --test-threads 1
//! ```

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use super::{Chain, Completions, Fence, Inbox, Node, Receiver};
use crate::base::ShardId;
use crate::shard::Patience;
use crate::shard::bell::{Bell, announce};
use crate::shard::lend::Park;

const ROUNDS: u32 = 2_000_000;

/// The best of a few runs, in nanoseconds a round.
#[expect(
    clippy::disallowed_methods,
    reason = "measuring is what this file is for"
)]
fn measure(name: &str, rounds: u32, mut run: impl FnMut(u32)) {
    let once = |_| {
        let start = Instant::now();
        run(rounds);
        start.elapsed().as_nanos() as f64 / f64::from(rounds)
    };
    let best = (0..5).map(once).fold(f64::INFINITY, f64::min);
    println!("{name:<52} {best:7.1} ns");
}

/// Frames of a realistic size, made once and sent round and round.
type Frame = Node<[u64; 31]>;

fn frame() -> Box<Frame> {
    Node::new([0; 31])
}

#[test]
#[ignore = "measures"]
fn one_thread() {
    let (inbox, mut receiver) = Inbox::<Frame>::new(256);
    measure("look, in place (is_quiet)", ROUNDS, |rounds| {
        (0..rounds).for_each(|_| assert!(black_box(&receiver).is_quiet()));
    });
    let mut spare: Vec<Box<Frame>> = (0..64).map(|_| frame()).collect();
    measure("push + pop, alone, 64 at a time", ROUNDS, |rounds| {
        for _ in 0..rounds / 64 {
            spare.drain(..).for_each(|frame| inbox.push(frame));
            let upto = receiver.settle();
            spare.extend(std::iter::from_fn(|| receiver.pop(upto)));
        }
    });
    measure("group push + pop, alone, 64 at a time", ROUNDS, |rounds| {
        for _ in 0..rounds / 64 {
            inbox.push_group(spare.drain(..));
            let upto = receiver.settle();
            spare.extend(std::iter::from_fn(|| receiver.pop(upto)));
        }
    });
    let home = Completions::default();
    let mut chain = Chain::default();
    measure(
        "completion: chain of 64, publish, take; each",
        ROUNDS,
        |rounds| {
            for _ in 0..rounds / 64 {
                spare.drain(..).for_each(|frame| chain.push(frame));
                home.publish(&mut chain);
                spare.extend(home.take());
            }
        },
    );
    let bell = Bell::new();
    measure("announce + look at a bell", ROUNDS, |rounds| {
        (0..rounds).for_each(|_| assert!(!bell.should_wake(&announce())));
    });
    for shards in [2, 8, 16] {
        let (inboxes, mut receivers): (Vec<_>, Vec<_>) =
            (0..shards).map(|_| Inbox::<Frame>::new(64)).unzip();
        let mut fence = Fence::default();
        let mut spare: Vec<Box<Frame>> = (0..shards).map(|_| frame()).collect();
        let name = format!("fence over {shards}: add, post, and pop everywhere");
        measure(&name, ROUNDS / shards, |rounds| {
            for _ in 0..rounds {
                for (shard, frame) in spare.drain(..).enumerate() {
                    fence.add(ShardId(shard as u16), frame);
                }
                fence.post(&inboxes);
                spare.extend(
                    receivers
                        .iter_mut()
                        .map(|receiver| receiver.try_pop().unwrap()),
                );
            }
        });
    }
}

#[test]
#[ignore = "measures"]
fn two_threads() {
    // A home and an owner with a credit of 64; the frames go round.
    let (inbox, mut receiver) = Inbox::<Frame>::new(64);
    let home = Arc::new(Completions::default());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (owner_home, stop) = (Arc::clone(&home), &stop);
        scope.spawn(move || {
            let mut chain = Chain::default();
            while !stop.load(Ordering::Relaxed) {
                let upto = receiver.settle();
                while let Some(frame) = receiver.pop(upto) {
                    chain.push(frame);
                }
                owner_home.publish(&mut chain);
            }
        });
        let mut credits: Vec<Box<Frame>> = (0..64).map(|_| frame()).collect();
        measure(
            "push to another thread and back, 64 under way",
            ROUNDS,
            |rounds| {
                let mut back = 0;
                while back < rounds {
                    credits.drain(..).for_each(|frame| inbox.push(frame));
                    credits.extend(home.take());
                    back += credits.len() as u32;
                }
            },
        );
        measure(
            "push to another thread and back, one at a time",
            ROUNDS / 20,
            |rounds| {
                while credits.len() < 64 {
                    credits.extend(home.take());
                }
                for _ in 0..rounds {
                    inbox.push(credits.pop().unwrap());
                    while credits.len() < 64 {
                        credits.extend(home.take());
                    }
                }
            },
        );
        stop.store(true, Ordering::Relaxed);
    });
    for shards in [2, 8] {
        let name = format!("fence over {shards}, two threads at once, and its pops");
        two_posters(shards, &name);
    }
    for (name, patience, rounds) in [
        ("park of two, spinning", Patience::SpinThenSleep, 200_000),
        ("park of two, sleeping", Patience::Sleep, 20_000),
    ] {
        measure(name, rounds, |rounds| {
            let parks: Vec<Park<u64>> = (0..rounds).map(|_| Park::new(2, 2)).collect();
            std::thread::scope(|scope| {
                for place in 0..2 {
                    let parks = &parks;
                    scope.spawn(move || {
                        let mut store = 0;
                        for park in parks {
                            park.arrive(place, &mut store, patience, |stores| {
                                stores.iter_mut().flatten().for_each(|store| **store += 1);
                            });
                        }
                        assert_eq!(store, u64::from(rounds));
                    });
                }
            });
        });
    }
}

/// Two threads post fences over the same shards, and each owns half of these.
fn two_posters(shards: usize, name: &str) {
    const AHEAD_MAX: u64 = 256;
    let (inboxes, receivers): (Vec<_>, Vec<_>) = (0..shards)
        .map(|_| Inbox::<Frame>::new(4 * AHEAD_MAX as usize))
        .unzip();
    let (mut mine, mut other): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for (shard, receiver) in receivers.into_iter().enumerate() {
        if shard % 2 == 0 {
            &mut mine
        } else {
            &mut other
        }
        .push(receiver);
    }
    let posted = [AtomicU64::new(0), AtomicU64::new(0)];
    let post = |who: usize, receivers: &mut Vec<Receiver<Frame>>, rounds: u32| {
        let mut fence = Fence::default();
        let mut spare: Vec<Box<Frame>> = Vec::new();
        for _ in 0..rounds {
            for shard in 0..shards {
                fence.add(ShardId(shard as u16), spare.pop().unwrap_or_else(frame));
            }
            fence.post(&inboxes);
            let own = posted[who].fetch_add(1, Ordering::Relaxed) + 1;
            loop {
                for receiver in receivers.iter_mut() {
                    let upto = receiver.settle();
                    spare.extend(std::iter::from_fn(|| receiver.pop(upto)));
                }
                if own <= posted[1 - who].load(Ordering::Relaxed) + AHEAD_MAX {
                    break;
                }
            }
        }
    };
    const FENCES: u32 = 100_000;
    std::thread::scope(|scope| {
        scope.spawn(|| post(1, &mut other, 5 * FENCES));
        measure(name, FENCES, |rounds| post(0, &mut mine, rounds));
    });
}
