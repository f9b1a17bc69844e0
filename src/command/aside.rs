//! What scripts do besides their replies and their changes: they read keys that their client remembers, they publish
//! messages, MONITOR shows their commands, and those that took long are logged.
//!
//! An owner has one [`Aside`] for the script that runs. What their client's core has to do, which alone knows what comes
//! before and after, goes home with the reply.

use crate::base::Set;
use crate::base::slot::DbIndex;
use crate::command::spec::CommandSpec;
use crate::session::Message;
use std::collections::VecDeque;

/// See the module.
#[derive(Default)]
pub struct Aside {
    /// The client of the script remembers what is read.
    pub remembers: bool,
    /// What was read, if it does.
    pub read: Set<(DbIndex, Box<[u8]>)>,
    /// What goes to the client's core.
    pub told: Told,
}

/// What the core of a script's client does when the script is done.
#[derive(Default)]
pub struct Told {
    /// Messages to publish, in this order.
    pub messages: Vec<Message>,
    /// Lines for those in MONITOR: commands that the script called.
    pub lines: Vec<Vec<u8>>,
    /// Commands that took as long as somebody wants to know.
    pub slow: VecDeque<SlowCall>,
}

/// A command that a script called, and that took long.
pub struct SlowCall {
    /// The command.
    pub spec: &'static CommandSpec,
    /// How long it took.
    pub ticks: u64,
    /// Its arguments, as logs show them.
    pub args: Vec<Vec<u8>>,
}

impl Aside {
    /// Takes out what goes to the client's core, if there is anything.
    pub fn take(&mut self) -> Option<Box<Told>> {
        let told = &self.told;
        let is_empty = told.messages.is_empty() && told.lines.is_empty() && told.slow.is_empty();
        (!is_empty).then(|| Box::new(std::mem::take(&mut self.told)))
    }

    /// The script starts anew: what it did was not done.
    pub fn forget(&mut self) {
        self.told = Told::default();
        self.read.clear();
    }
}
