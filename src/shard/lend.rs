#![expect(
    unsafe_code,
    reason = "participants of a parked fence lend their stores across threads"
)]
//! PARK: the participants of a fence lend their stores to the last of them to arrive.
//!
//! Commands that need data of several shards at once (RENAME, SMOVE, a script) are ordinary code
//! over a set of stores. Each participant reaches its part of the fence, puts a pointer to its
//! store into its place and counts itself; whoever counts last executes over all of them, then
//! opens the gate. The last arriver, not the client's core: that saves a hop, and progress never
//! depends on a thread outside the set.
//!
//! Why it is sound: a lender's `&mut S` is inside [`Park::arrive`] from before its pointer is in
//! place until after the gate is open, and does not touch it meanwhile; the executor's references
//! end before it opens the gate. Each place takes one pointer, once. A panic in between would
//! unwind into a lender that uses its store while it is lent, so it aborts, as every bug in a shard
//! does.
//!
//! Memory order: putting the pointer is ordered by the count (AcqRel, so the last one has seen all
//! the others' stores and what is in them; a leader learns it from the last one by a gate of its own); the gate releases
//! what the executor did to the lenders.

use std::ptr;

use super::gate::{Gate, Patience};
use super::sync::{AtomicPtr, AtomicU32, Ordering};

/// The meeting point of one fence. Used once.
#[derive(Debug)]
pub struct Park<S> {
    /// Indexed by shard; null for shards that do not take part, or have not arrived.
    lent: Box<[AtomicPtr<S>]>,
    /// Participants that have not arrived.
    missing: AtomicU32,
    gate: Gate,
    /// The participant that executes, if that is not the last to arrive, and what opens when all are there.
    leader: Option<(usize, Gate)>,
}

/// Ends the process if dropped in a panic.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

impl<S: Send> Park<S> {
    /// For `participants` of `places` shards.
    pub fn new(places: usize, participants: usize) -> Park<S> {
        assert!(
            participants > 0 && participants <= places,
            "participants are some of the places"
        );
        Park {
            lent: (0..places)
                .map(|_| AtomicPtr::new(ptr::null_mut()))
                .collect(),
            missing: AtomicU32::new(participants as u32),
            gate: Gate::new(),
            leader: None,
        }
    }

    /// The same, but the participant at `leader` executes: it waits for the others.
    pub fn led_by(leader: usize, places: usize, participants: usize) -> Park<S> {
        Park {
            leader: Some((leader, Gate::new())),
            ..Park::new(places, participants)
        }
    }

    /// Lends `store` until the command is done. The last participant to arrive runs it, over all
    /// stores lent, each at its place, and gets its result; the others get `None`, afterwards.
    pub fn arrive<R>(
        &self,
        place: usize,
        store: &mut S,
        patience: Patience,
        run: impl for<'a> FnOnce(&'a mut [Option<&'a mut S>]) -> R,
    ) -> Option<R> {
        self.arrive_and(place, store, run, |gate| gate.wait(patience))
    }

    /// As [`Park::arrive`], but a participant that has waited for long calls `besides` now and then, and as long as
    /// that says that there is something to do again and again instead of sleeping: for work that does not touch the
    /// store, such as answering BUSY while a script runs.
    pub fn arrive_working<R>(
        &self,
        place: usize,
        store: &mut S,
        patience: Patience,
        run: impl for<'a> FnOnce(&'a mut [Option<&'a mut S>]) -> R,
        besides: &mut dyn FnMut() -> bool,
    ) -> Option<R> {
        self.arrive_and(place, store, run, |gate| {
            gate.wait_working(patience, besides);
        })
    }

    fn arrive_and<R>(
        &self,
        place: usize,
        store: &mut S,
        run: impl for<'a> FnOnce(&'a mut [Option<&'a mut S>]) -> R,
        mut wait: impl FnMut(&Gate),
    ) -> Option<R> {
        let _guard = AbortOnPanic;
        let put = self.lent[place].compare_exchange(
            ptr::null_mut(),
            ptr::from_mut(store),
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        assert!(put.is_ok(), "a participant arrived twice");
        let missing = self.missing.fetch_sub(1, Ordering::AcqRel);
        assert!(missing > 0, "more arrivals than participants");
        let executes = match &self.leader {
            None => missing == 1,
            Some((leader, all_here)) => {
                if missing == 1 {
                    all_here.open();
                }
                if place == *leader {
                    wait(all_here);
                }
                place == *leader
            }
        };
        if !executes {
            wait(&self.gate);
            return None;
        }
        let result = {
            let mut stores: Vec<Option<&mut S>> = Vec::with_capacity(self.lent.len());
            for cell in &self.lent {
                let lent = cell.load(Ordering::Relaxed);
                // SAFETY: null, or a lender's exclusive reference. Each lender is inside this
                // function and leaves its own alone until the gate opens, below, or the process
                // ends; `store` is our own and not used any more either. The pointers are distinct:
                // exclusive references of one moment.
                stores.push(unsafe { lent.as_mut() });
            }
            run(&mut stores)
        };
        self.gate.open();
        Some(result)
    }
}

#[cfg(all(test, not(model_check)))]
mod tests {
    use super::*;

    #[test]
    fn the_last_to_arrive_runs_over_all_stores() {
        let park = Park::new(4, 3);
        let results: Vec<_> = std::thread::scope(|scope| {
            let arrive = |place: usize| {
                let park = &park;
                scope.spawn(move || {
                    let mut store = vec![place];
                    let patience = if place == 0 {
                        Patience::Sleep
                    } else {
                        Patience::SpinThenSleep
                    };
                    let ran = park.arrive(place, &mut store, patience, |stores| {
                        assert!(stores[2].is_none());
                        let lent = stores.iter_mut().flatten();
                        lent.map(|store| store.push(9)).count()
                    });
                    assert_eq!(store, [place, 9]);
                    ran
                })
            };
            let threads: Vec<_> = [0, 1, 3].map(arrive).into();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(results.iter().flatten().collect::<Vec<_>>(), [&3]);
    }

    #[test]
    fn a_leader_runs_whoever_comes_last() {
        for late in [0, 1] {
            let park = Park::led_by(1, 2, 2);
            let ran: Vec<_> = std::thread::scope(|scope| {
                let arrive = |place: usize| {
                    let park = &park;
                    scope.spawn(move || {
                        if place == late {
                            std::thread::yield_now();
                        }
                        let mut store = place;
                        let patience = Patience::Sleep;
                        let ran = park.arrive(place, &mut store, patience, |stores| {
                            stores.iter_mut().flatten().for_each(|store| **store += 7);
                        });
                        assert_eq!(store, place + 7);
                        ran.is_some()
                    })
                };
                let threads: Vec<_> = [0, 1].map(arrive).into();
                let joined = threads.into_iter().map(|thread| thread.join().unwrap());
                joined.collect()
            });
            assert_eq!(ran, [false, true]);
        }
    }

    #[test]
    fn who_waits_may_work_meanwhile() {
        let park = Park::new(2, 2);
        let arrived = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut besides = || {
                    arrived.store(true, Ordering::Relaxed);
                    std::thread::yield_now();
                    true
                };
                let patience = Patience::Sleep;
                assert_eq!(
                    park.arrive_working(1, &mut 5, patience, |_| unreachable!(), &mut besides),
                    None::<u32>
                );
            });
            while !arrived.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            let sum = park.arrive(0, &mut 2, Patience::Sleep, |stores| {
                stores.iter().flatten().map(|store| **store).sum::<u32>()
            });
            assert_eq!(sum, Some(7));
        });
    }
}
