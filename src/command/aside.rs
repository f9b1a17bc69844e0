//! What scripts do besides their replies and their changes: they read keys that their client remembers, they publish
//! messages, and MONITOR shows their commands.
//!
//! An owner has one [`Aside`] for the script that runs. What their client's core has to do, which alone knows what comes
//! before and after, goes home with the reply.

use crate::base::Set;
use crate::base::slot::DbIndex;
use crate::session::Message;

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
}

impl Aside {
    /// Takes out what goes to the client's core, if there is anything.
    pub fn take(&mut self) -> Option<Box<Told>> {
        let is_empty = self.told.messages.is_empty() && self.told.lines.is_empty();
        (!is_empty).then(|| Box::new(std::mem::take(&mut self.told)))
    }

    /// The script starts anew: what it did was not done.
    pub fn forget(&mut self) {
        self.told = Told::default();
        self.read.clear();
    }
}
