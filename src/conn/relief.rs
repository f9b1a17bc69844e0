//! Room for writes, asked of the shard that has most to give.
//!
//! A home asks at most once a turn and has one request under way. Its return lets go on who waits.

use super::client::Stall;
use super::dispatch::Step;
use super::home::Home;
use crate::command::spec::{CommandSpec, Run, flag};
use crate::shard::{Mode, Ticket};
use std::any::Any;
use std::sync::Arc;

/// Belongs to a request for room: matches no client.
pub(super) const RELIEF: Ticket = Ticket {
    client: u32::MAX,
    generation: 1,
    sequence: 0,
};

impl Home {
    /// Makes a command wait while too much is in use that only another shard can give back; one that may add memory also
    /// while it is far too much.
    pub(super) fn hold_back(&mut self, at: u32, spec: &CommandSpec) -> Option<Step> {
        let waits = matches!(spec.run, Run::Store(_)) && self.owner.depends_on_others(spec.flags)
            || spec.flags.has(flag::DENYOOM) && self.owner.is_far_over();
        waits.then(|| {
            self.waiting.push(at);
            Step::Wait(Stall::Credit)
        })
    }

    /// Asks for room if a write of this turn needs it.
    pub(super) fn ask_for_room(&mut self) {
        if !self.owner.take_starved() || self.relief_under_way {
            return;
        }
        let Some((shard, _)) = self.owner.giver() else {
            return self.retry_waiting();
        };
        // Without a credit there are frames under way, and their return lets go on who waits.
        if self.has_credit(shard) {
            let mut frame = self.frame();
            frame.items.clear();
            frame.mode = Mode::Control(Arc::new(|core| Box::new(core.make_room())));
            frame.ticket = RELIEF;
            self.relief_under_way = true;
            self.push(shard, frame);
        }
    }

    /// Evicts here what is too much as of now.
    pub(super) fn give_room(&mut self) -> bool {
        self.refresh_pressure();
        self.owner.make_room()
    }

    /// Takes in the answer of the shard that was asked.
    pub(super) fn relieved(&mut self, answer: Option<Box<dyn Any + Send>>) {
        self.relief_under_way = false;
        let gave = answer.and_then(|answer| answer.downcast::<bool>().ok());
        if gave.is_none_or(|gave| !*gave) {
            self.owner.give_up();
        }
    }
}
