//! What was removed and takes long to free: the shard that removed it frees it between commands, a piece at a time.
//!
//! Not another thread: blocks that others free come back to the thread that allocated them, which walks through all of
//! them when it next needs memory. That was a pause of 50 ns for each element, up to half a second for what one command
//! had removed. Only the largest strings are given to another thread, as they go straight back to the system.

use super::store::Table;
use crate::structure::{Displaced, TableRemains};
use crate::types::{Collection, Pieces};
use std::collections::VecDeque;
use std::sync::Arc;

/// Something removed that is too big to free on the spot.
pub enum Garbage {
    /// A long string.
    Bytes(Arc<Vec<u8>>),
    /// A collection.
    Collection(Box<Collection>),
    /// A whole database.
    Db(DbGarbage),
    /// As `Db`, flushed by somebody who was told that it is gone.
    Table(DbGarbage),
    /// What a snapshot that was given up has kept.
    Walk(Pieces),
}

/// Strings from this size on have memory of the system for themselves, to which it goes back at once.
const HUGE_BYTES_MIN: usize = 16 << 20;

impl Garbage {
    /// How many values it is.
    pub fn objects(&self) -> u64 {
        match self {
            Garbage::Bytes(_) | Garbage::Collection(_) => 1,
            Garbage::Db(DbGarbage(table)) => table.len() as u64,
            Garbage::Table(_) | Garbage::Walk(_) => 0,
        }
    }

    /// Whether it cannot be freed in pieces and takes long.
    pub fn is_whole(&self) -> bool {
        match self {
            Garbage::Bytes(bytes) => bytes.capacity() >= HUGE_BYTES_MIN,
            _ => false,
        }
    }
}

/// The table of a flushed database.
pub struct DbGarbage(Box<Table>);

impl DbGarbage {
    pub(super) fn of(table: Box<Table>) -> DbGarbage {
        DbGarbage(table)
    }
}

/// What a shard frees a piece at a time.
#[derive(Default)]
pub struct Leftovers {
    waiting: VecDeque<Garbage>,
    /// The database that is being freed, and whether its values are counted.
    table: Option<(TableRemains<Collection>, bool)>,
    /// Values that are being freed: one, or those of a segment of that database.
    values: Vec<Pieces>,
}

/// Values of a flushed database that take more allocations than this are freed by themselves: a segment has some
/// hundred of them.
const EFFORT_AT_ONCE_MAX: usize = 8;

impl Leftovers {
    /// Adds something to free.
    pub fn push(&mut self, garbage: Garbage) {
        self.waiting.push_back(garbage);
    }

    /// Whether there is nothing to free.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.table.is_none() && self.waiting.is_empty()
    }

    /// Frees a piece, and says how many values are gone with it; `None` when nothing is left.
    pub fn free_some(&mut self) -> Option<u64> {
        if let Some(value) = self.values.last_mut() {
            if value.free_some() {
                return Some(0);
            }
            self.values.pop();
            // Those of a database are counted as its entries.
            return Some(u64::from(self.table.is_none()));
        }
        if let Some((table, is_counted)) = &mut self.table {
            let values = &mut self.values;
            let freed = table.free_some(|outside| match outside {
                Displaced::Object(value) if value.effort() > EFFORT_AT_ONCE_MAX => {
                    values.push(value.into_pieces());
                }
                quick => drop(quick),
            });
            return match freed {
                Some(entries) if *is_counted => Some(entries as u64),
                Some(_) => Some(0),
                None => {
                    self.table = None;
                    Some(0)
                }
            };
        }
        match self.waiting.pop_front()? {
            Garbage::Bytes(_) => return Some(1),
            Garbage::Walk(_) => {}
            Garbage::Collection(value) => self.values.push(value.into_pieces()),
            Garbage::Db(DbGarbage(table)) => self.table = Some((table.into_remains(), true)),
            Garbage::Table(DbGarbage(table)) => self.table = Some((table.into_remains(), false)),
        }
        Some(0)
    }
}
