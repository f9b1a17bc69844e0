//! What was removed and takes long to free: the shard that removed it frees it between commands, a piece at a time.
//!
//! Not another thread: blocks that others free come back to the thread that allocated them, which walks through all of
//! them when it next needs memory. That was a pause of 50 ns for each element, up to half a second for what one command
//! had removed. Only the largest strings are given to another thread, as they go straight back to the system.

use super::store::Table;
use crate::base::limits::HUGE_BYTES_MIN;
use crate::structure::{Displaced, TableRemains};
use crate::types::{Collection, Pieces};
use std::collections::VecDeque;
use std::sync::Arc;

/// Something removed that is too big to free on the spot.
pub enum Garbage {
    /// A long string.
    Bytes(Arc<Vec<u8>>),
    /// As `Bytes`, of what a snapshot kept of a key that was removed before.
    Kept(Arc<Vec<u8>>),
    /// A collection.
    Collection(Box<Collection>),
    /// A whole database.
    Db(DbGarbage),
    /// As `Db`, flushed by somebody who was told that it is gone.
    Table(DbGarbage),
    /// What a snapshot that was given up has kept.
    Walk(Pieces),
}

impl Garbage {
    /// How many values it is.
    pub fn objects(&self) -> u64 {
        match self {
            Garbage::Bytes(_) | Garbage::Collection(_) => 1,
            Garbage::Db(DbGarbage(table)) => table.len() as u64,
            Garbage::Kept(_) | Garbage::Table(_) | Garbage::Walk(_) => 0,
        }
    }

    /// Whether it cannot be freed in pieces and takes long.
    pub fn is_whole(&self) -> bool {
        match self {
            Garbage::Bytes(bytes) | Garbage::Kept(bytes) => bytes.capacity() >= HUGE_BYTES_MIN,
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
    /// Long strings of the same.
    texts: Vec<Arc<Vec<u8>>>,
    /// Of those, what is for another thread to free.
    huge: Vec<Arc<Vec<u8>>>,
    /// What a snapshot has kept.
    kept: Option<Pieces>,
}

/// Values of a flushed database that take more allocations than this are freed by themselves: a segment has some
/// hundred of them.
const EFFORT_AT_ONCE_MAX: usize = 8;

/// As do strings that are as long: giving their pages back takes longer than a step should.
const TEXT_AT_ONCE_BYTES_MAX: usize = 32 << 10;

impl Leftovers {
    /// Adds something to free.
    pub fn push(&mut self, garbage: Garbage) {
        self.waiting.push_back(garbage);
    }

    /// Whether there is nothing to free.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.kept.is_none()
            && self.texts.is_empty()
            && self.values.is_empty()
            && self.table.is_none()
            && self.waiting.is_empty()
    }

    /// What is so large that another thread should free it, of what this has come to.
    pub fn take_huge(&mut self) -> impl Iterator<Item = Garbage> {
        self.huge.drain(..).map(Garbage::Kept)
    }

    /// Frees a piece, and says how many values are gone with it; `None` when nothing is left.
    pub fn free_some(&mut self) -> Option<u64> {
        if let Some(kept) = &mut self.kept {
            if !kept.free_some() {
                self.kept = None;
            }
            return Some(0);
        }
        if let Some(text) = self.texts.pop() {
            if text.capacity() >= HUGE_BYTES_MIN {
                self.huge.push(text);
            }
            return Some(0);
        }
        if let Some(value) = self.values.last_mut() {
            if value.free_some() {
                return Some(0);
            }
            self.values.pop();
            // Those of a database are counted as its entries.
            return Some(u64::from(self.table.is_none()));
        }
        if let Some((table, is_counted)) = &mut self.table {
            let (values, texts) = (&mut self.values, &mut self.texts);
            let freed = table.free_some(|outside| match outside {
                Displaced::Object(value) if value.effort() > EFFORT_AT_ONCE_MAX => {
                    values.push(value.into_pieces());
                }
                Displaced::Shared(text) if text.capacity() > TEXT_AT_ONCE_BYTES_MAX => {
                    texts.push(text);
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
            Garbage::Bytes(text) => {
                self.texts.push(text);
                return Some(1);
            }
            Garbage::Kept(text) => self.texts.push(text),
            Garbage::Walk(kept) => self.kept = Some(kept),
            Garbage::Collection(value) => self.values.push(value.into_pieces()),
            Garbage::Db(DbGarbage(table)) => self.table = Some((table.into_remains(), true)),
            Garbage::Table(DbGarbage(table)) => self.table = Some((table.into_remains(), false)),
        }
        Some(0)
    }
}
