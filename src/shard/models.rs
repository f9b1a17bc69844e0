//! Loom models of the ordering core: every interleaving (up to a bound on preemptions where noted)
//! of small scenarios, under the C11 memory model.
//!
//! ```text
//! RUSTFLAGS="--cfg model_check" cargo test --release --lib --target-dir target/loom shard::models
//! ```
//! The scenarios are those for which the argument in [`super::inbox`] has a paragraph: two shards A
//! and B, fences over both, a pipelined connection, an observer, an owner executing in place.
//! Orders are read off the inboxes once all threads are done, as inbox order is execution order.
//! The `without_…` models break one rule each and must fail: they show that the models can see it.
//! Every memory order was also weakened by hand, one at a time: each makes some model fail, except
//! that of the owner's looks at the word (`is_quiet`, `tail`), which need none.

use std::sync::Arc;

use loom::cell::Cell;
use loom::model::Builder;
use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::bell::{Bell, announce};
use super::gate::Patience;
use super::inbox::{Chain, Completions, Inbox, Node, Receiver, fence};
use super::lend::Park;
use super::sync::Backoff;
use super::vote::Vote;
use crate::base::ShardId;

/// The shards of every model.
const A: usize = 0;
const B: usize = 1;
const BOTH: [ShardId; 2] = [ShardId(0), ShardId(1)];

/// A frame whose contents loom tracks: reading them without having acquired them is an error.
struct Frame(Cell<u32>);

type Inboxes = Arc<[Arc<Inbox<Frame>>; 2]>;

fn frame(name: u32) -> Box<Frame> {
    let frame = Box::new(Frame(Cell::new(0)));
    frame.0.set(name);
    frame
}

fn two_shards(capacity: usize) -> (Inboxes, [Receiver<Frame>; 2]) {
    let (inbox_a, a) = Inbox::new(capacity);
    let (inbox_b, b) = Inbox::new(capacity);
    (Arc::new([inbox_a, inbox_b]), [a, b])
}

fn model(scenario: impl Fn() + Send + Sync + 'static) {
    Builder::new().check(scenario);
}

/// For the larger ones: at most this many preemptions a run. Two to three find nearly all bugs
/// there are.
fn model_bounded(preemptions: usize, scenario: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(scenario);
}

fn wait_until(condition: impl Fn() -> bool) {
    let mut backoff = Backoff::new();
    while !condition() {
        backoff.wait();
    }
}

/// Executes up to the tail, noting the names.
fn execute(receiver: &mut Receiver<Frame>, done: &mut Vec<u32>) {
    let upto = receiver.settle();
    while let Some(frame) = receiver.pop(upto) {
        done.push(frame.0.get());
    }
}

fn order_of(mut receiver: Receiver<Frame>) -> Vec<u32> {
    let mut done = Vec::new();
    execute(&mut receiver, &mut done);
    assert!(receiver.is_quiet());
    done
}

fn is_before(order: &[u32], first: u32, second: u32) -> bool {
    let place = |name| {
        order
            .iter()
            .position(|&other| other == name)
            .expect("every frame executes")
    };
    place(first) < place(second)
}

/// How a pushed frame is followed up; the second is the mutant.
#[derive(Clone, Copy, PartialEq)]
enum Push {
    AsIs,
    WithoutLatchTest,
}

fn push(inbox: &Inbox<Frame>, name: u32, how: Push) {
    if how == Push::AsIs {
        inbox.push(frame(name));
    } else {
        let reserved = inbox.reserve(1);
        inbox.fill(reserved.first, frame(name));
    }
}

/// A fence that only reserves, shard by shard.
fn fence_without_latch(inboxes: &Inboxes, name: u32) {
    let made = [frame(name), frame(name)];
    let cells = [A, B].map(|shard| inboxes[shard].reserve(1).first);
    for (shard, frame) in [A, B].into_iter().zip(made) {
        inboxes[shard].fill(cells[shard], frame);
    }
}

const M: u32 = 1;
const N: u32 = 2;
const X: u32 = 10;
const Y: u32 = 11;
const Z: u32 = 12;

// Fences.

fn two_fences(post: fn(&Inboxes, u32)) {
    let (inboxes, [a, b]) = two_shards(4);
    let other = Arc::clone(&inboxes);
    let thread = thread::spawn(move || post(&other, M));
    post(&inboxes, N);
    thread.join().unwrap();
    let (a, b) = (is_before(&order_of(a), M, N), is_before(&order_of(b), M, N));
    assert_eq!(a, b, "the shards disagree");
}

fn post(inboxes: &Inboxes, name: u32) {
    fence(&inboxes[..], &BOTH, |_| frame(name));
}

#[test]
fn two_fences_have_one_order_on_both_shards() {
    model(|| two_fences(post));
}

#[test]
#[should_panic(expected = "the shards disagree")]
fn without_latch_two_fences_disagree() {
    model(|| two_fences(fence_without_latch));
}

#[test]
fn three_fences_and_a_single_have_one_order() {
    model_bounded(2, || {
        let (inboxes, [a, b]) = two_shards(4);
        let threads = [M, N].map(|name| {
            let inboxes = Arc::clone(&inboxes);
            thread::spawn(move || post(&inboxes, name))
        });
        push(&inboxes[B], X, Push::AsIs);
        post(&inboxes, Z);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let (a, b) = (order_of(a), order_of(b));
        for (first, second) in [(M, N), (M, Z), (N, Z)] {
            assert_eq!(is_before(&a, first, second), is_before(&b, first, second));
        }
        assert!(
            is_before(&b, X, Z),
            "a home's single and its fence keep their order"
        );
    });
}

// Program order of a pipeline: x to A, then y to B, without waiting.

fn pipeline(how: Push, fences: &[u32]) {
    let (inboxes, [a, b]) = two_shards(4);
    let threads: Vec<_> = fences
        .iter()
        .map(|&name| {
            let inboxes = Arc::clone(&inboxes);
            thread::spawn(move || post(&inboxes, name))
        })
        .collect();
    push(&inboxes[A], X, how);
    push(&inboxes[B], Y, how);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    let (a, b) = (order_of(a), order_of(b));
    for &name in fences {
        assert!(
            !(is_before(&a, name, X) && is_before(&b, Y, name)),
            "y overtook the fence"
        );
    }
}

#[test]
fn a_pipeline_is_not_torn_by_a_fence() {
    model(|| pipeline(Push::AsIs, &[M]));
}

#[test]
#[should_panic(expected = "y overtook the fence")]
fn without_latch_test_a_pipeline_is_torn() {
    model(|| pipeline(Push::WithoutLatchTest, &[M]));
}

#[test]
fn a_pipeline_is_not_torn_by_two_fences() {
    model_bounded(3, || pipeline(Push::AsIs, &[M, N]));
}

// An observer: the owner of A executes M's part, then something it caused goes to B.

#[test]
fn who_saw_a_fence_pushes_behind_it() {
    model(|| {
        let (inboxes, [mut a, b]) = two_shards(4);
        let other = Arc::clone(&inboxes);
        let thread = thread::spawn(move || post(&other, M));
        wait_until(|| !a.is_quiet());
        let mut done = Vec::new();
        execute(&mut a, &mut done);
        assert_eq!(done, [M]);
        push(&inboxes[B], Z, Push::AsIs);
        thread.join().unwrap();
        assert_eq!(order_of(b), [M, Z]);
    });
}

// In place: the owner of B executes commands of its own connections without a frame.

/// Executes `name` at B without a frame, by the rule or without draining first.
fn in_place(b: &mut Receiver<Frame>, done: &mut Vec<u32>, name: u32, drains: bool) {
    if drains && !b.is_quiet() {
        execute(b, done);
    }
    done.push(name);
}

fn pipeline_ending_in_place(drains: bool, fences: &[u32]) {
    let (inboxes, [a, mut b]) = two_shards(4);
    let threads: Vec<_> = fences
        .iter()
        .map(|&name| {
            let inboxes = Arc::clone(&inboxes);
            thread::spawn(move || post(&inboxes, name))
        })
        .collect();
    let mut done = Vec::new();
    push(&inboxes[A], X, Push::AsIs);
    in_place(&mut b, &mut done, Y, drains);
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    execute(&mut b, &mut done);
    let a = order_of(a);
    for &name in fences {
        assert!(
            !(is_before(&a, name, X) && is_before(&done, Y, name)),
            "y overtook the fence"
        );
    }
}

#[test]
fn in_place_keeps_program_order() {
    model(|| pipeline_ending_in_place(true, &[M]));
}

#[test]
fn in_place_keeps_program_order_among_two_fences() {
    model_bounded(3, || pipeline_ending_in_place(true, &[M, N]));
}

#[test]
#[should_panic(expected = "y overtook the fence")]
fn without_drain_in_place_breaks_program_order() {
    model(|| pipeline_ending_in_place(false, &[M]));
}

/// The owner of A executes M's part; B's owner, as the home of somebody who heard of it, then
/// executes z in place. It hears by joining the thread: a spin would teach it about B's word more
/// than it may know.
fn observer_in_place(drains: bool) {
    let (inboxes, [mut a, mut b]) = two_shards(4);
    let other = Arc::clone(&inboxes);
    let poster = thread::spawn(move || post(&other, M));
    let owner = thread::spawn(move || {
        wait_until(|| !a.is_quiet());
        execute(&mut a, &mut Vec::new());
    });
    owner.join().unwrap();
    let mut done = Vec::new();
    in_place(&mut b, &mut done, Z, drains);
    poster.join().unwrap();
    execute(&mut b, &mut done);
    assert_eq!(done, [M, Z], "z overtook the fence");
}

#[test]
fn who_saw_a_fence_executes_in_place_behind_it() {
    model_bounded(3, || observer_in_place(true));
}

#[test]
#[should_panic(expected = "z overtook the fence")]
fn without_drain_in_place_overtakes_what_was_seen() {
    model_bounded(3, || observer_in_place(false));
}

/// The owner of B posts a fence elsewhere, then executes in place. The fence got behind another
/// that has a part at B: so must what follows.
#[test]
fn a_fence_and_then_in_place_keep_program_order() {
    const C: usize = 2;
    model(|| {
        let (inboxes, mut receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| Inbox::new(4)).unzip();
        let other = inboxes.clone();
        let thread = thread::spawn(move || fence(&other, &BOTH, |_| frame(N)));
        fence(&inboxes, &[A, C].map(|shard| ShardId(shard as u16)), |_| {
            frame(M)
        });
        let mut done = Vec::new();
        in_place(&mut receivers[B], &mut done, Y, true);
        thread.join().unwrap();
        execute(&mut receivers[B], &mut done);
        let a = order_of(receivers.swap_remove(A));
        assert!(
            !(is_before(&a, N, M) && is_before(&done, Y, N)),
            "y overtook the fence"
        );
    });
}

// The ring and the way back.

#[test]
fn a_frame_is_whole_when_it_is_popped() {
    // Made only after its cell was reserved, so that nothing but the cell itself can pass it on.
    model(|| {
        let (inbox, mut receiver) = Inbox::new(2);
        let thread = {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || inbox.push_group([X, Y].into_iter().map(frame)))
        };
        let mut done = Vec::new();
        execute(&mut receiver, &mut done);
        assert!(done.is_empty() || done == [X, Y]);
        thread.join().unwrap();
        execute(&mut receiver, &mut done);
        assert_eq!(done, [X, Y]);
    });
}

#[test]
fn a_credit_that_came_back_means_a_free_cell() {
    // Two homes with one credit each share a ring of two; each pushes twice, so cells are used
    // again by whichever home comes first. `fill` asserts that the cell is free.
    model_bounded(2, || {
        let (inbox, mut receiver) = Inbox::<Node<u32>>::new(2);
        let homes: Arc<[Completions<u32>; 2]> = Arc::default();
        let senders: Vec<_> = (0..2)
            .map(|home| {
                let (inbox, homes) = (Arc::clone(&inbox), Arc::clone(&homes));
                thread::spawn(move || {
                    if home == 0 {
                        inbox.push(Node::new(home));
                    } else {
                        // As a fence does.
                        let cell = inbox.try_latch(1).expect("nobody else latches");
                        inbox.unlatch();
                        inbox.fill(cell, Node::new(home));
                    }
                    let mine = &homes[home as usize];
                    wait_until(|| !mine.is_empty());
                    inbox.push(mine.take().next().expect("not empty"));
                })
            })
            .collect();
        let mut chains: [Chain<u32>; 2] = Default::default();
        for _ in 0..4 {
            wait_until(|| !receiver.is_quiet());
            let frame = receiver.pop(receiver.settle()).expect("not quiet");
            let home = **frame as usize;
            chains[home].push(frame);
            homes[home].publish(&mut chains[home]);
        }
        senders
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!(receiver.is_quiet());
    });
}

#[test]
fn completions_of_each_owner_come_home_in_order() {
    model(|| {
        let home = Arc::new(Completions::default());
        let owners = [0, 10].map(|base| {
            let home = Arc::clone(&home);
            thread::spawn(move || {
                let mut chain = Chain::default();
                chain.push(Node::new(Cell::new(base)));
                chain.push(Node::new(Cell::new(base + 1)));
                home.publish(&mut chain);
                chain.push(Node::new(Cell::new(base + 2)));
                home.publish(&mut chain);
            })
        });
        let mut came: Vec<u32> = home.take().map(|frame| frame.get()).collect();
        owners.into_iter().for_each(|thread| thread.join().unwrap());
        came.extend(home.take().map(|frame| frame.get()));
        let (low, high): (Vec<_>, Vec<_>) = came.into_iter().partition(|&value| value < 10);
        assert_eq!((low, high), (vec![0, 1, 2], vec![10, 11, 12]));
    });
}

// Sleep.

/// What a shard sleeps in: remembers a wake-up that comes early, like an eventfd.
#[derive(Default)]
struct Poller {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Poller {
    fn wake(&self) {
        *self.woken.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn sleep(&self) {
        let mut woken = self.woken.lock().unwrap();
        while !*woken {
            woken = self.changed.wait(woken).unwrap();
        }
        *woken = false;
    }
}

/// A lost wake-up leaves the sleeper asleep for good, which loom reports as a deadlock.
fn sleeper_and_senders(senders: u32) {
    let (inbox, mut receiver) = Inbox::new(4);
    let bell = Arc::new(Bell::new());
    let poller = Arc::new(Poller::default());
    let threads: Vec<_> = (0..senders)
        .map(|name| {
            let (inbox, bell, poller) =
                (Arc::clone(&inbox), Arc::clone(&bell), Arc::clone(&poller));
            thread::spawn(move || {
                inbox.push(frame(name));
                if bell.should_wake(&announce()) {
                    poller.wake();
                }
            })
        })
        .collect();
    let mut done = Vec::new();
    while done.len() < senders as usize {
        execute(&mut receiver, &mut done);
        bell.prepare_sleep();
        if receiver.is_quiet() && done.len() < senders as usize {
            poller.sleep();
        }
        bell.cancel();
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_sleeper_misses_no_push() {
    model(|| sleeper_and_senders(1));
}

#[test]
fn a_sleeper_misses_neither_of_two_pushes() {
    model_bounded(2, || sleeper_and_senders(2));
}

#[test]
fn a_sleeper_misses_no_completion() {
    model(|| {
        let home = Arc::new(Completions::default());
        let bell = Arc::new(Bell::new());
        let poller = Arc::new(Poller::default());
        let owner = {
            let (home, bell, poller) = (Arc::clone(&home), Arc::clone(&bell), Arc::clone(&poller));
            thread::spawn(move || {
                let mut chain = Chain::default();
                chain.push(Node::new(Cell::new(M)));
                home.publish(&mut chain);
                if bell.should_wake(&announce()) {
                    poller.wake();
                }
            })
        };
        bell.prepare_sleep();
        if home.is_empty() {
            poller.sleep();
        }
        bell.cancel();
        assert_eq!(
            home.take().map(|frame| frame.get()).collect::<Vec<_>>(),
            [M]
        );
        owner.join().unwrap();
    });
}

// Participants of a fence.

fn park(participants: usize, patience: Patience) {
    let park = Arc::new(Park::new(participants, participants));
    let arrive = move |park: &Park<Cell<usize>>, place: usize| {
        // Loom objects to any access to a store that the meeting does not order.
        let mut store = Cell::new(0);
        store.set(place);
        let sum = park.arrive(place, &mut store, patience, |stores| {
            let lent = || stores.iter().flatten();
            let sum: usize = lent().map(|store| store.get()).sum();
            lent().for_each(|store| store.set(100 + store.get()));
            sum
        });
        assert_eq!(store.get(), 100 + place);
        sum
    };
    let threads: Vec<_> = (1..participants)
        .map(|place| {
            let park = Arc::clone(&park);
            thread::spawn(move || arrive(&park, place))
        })
        .collect();
    let mut sums = vec![arrive(&park, 0)];
    sums.extend(threads.into_iter().map(|thread| thread.join().unwrap()));
    let sums: Vec<usize> = sums.into_iter().flatten().collect();
    assert_eq!(
        sums,
        [participants * (participants - 1) / 2],
        "exactly one ran, over all"
    );
}

#[test]
fn two_lend_and_the_last_runs() {
    model(|| park(2, Patience::Sleep));
}

#[test]
fn three_lend_and_the_last_runs() {
    model_bounded(2, || park(3, Patience::Sleep));
}

fn vote(values: &'static [u32]) {
    let vote = Arc::new(Vote::new(values.len()));
    let seen = Arc::new(Completions::<u32>::default());
    let lowest = *values.iter().min().expect("somebody votes");
    let threads: Vec<_> = values[1..]
        .iter()
        .map(|&value| {
            let (vote, seen) = (Arc::clone(&vote), Arc::clone(&seen));
            thread::spawn(move || {
                let mut chain = Chain::default();
                chain.push(Node::new(value));
                seen.publish(&mut chain);
                assert_eq!(vote.cast_min(value, Patience::Sleep), lowest);
            })
        })
        .collect();
    assert_eq!(vote.cast_min(values[0], Patience::Sleep), lowest);
    if lowest > 0 {
        // Behind the vote everything the others did before theirs is visible.
        assert_eq!(seen.take().count(), values.len() - 1);
    }
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

#[test]
fn two_agree_on_the_lowest() {
    model(|| vote(&[3, 2]));
}

#[test]
fn three_agree_on_the_lowest() {
    model_bounded(3, || vote(&[1, 1, 1]));
}

#[test]
fn a_no_decides_for_all_three() {
    model_bounded(3, || vote(&[1, 0, 1]));
}
