//! Effects: what commands did, as commands that do the same wherever and whenever they are run.
//!
//! They are what the append-only file holds and replicas are sent. Each shard has one queue. It is off unless somebody
//! wants them, and costs a branch a command then.
//!
//! # Who puts what in
//! A command runs through [`Ctx::run`], which queues
//! 1. `DEL` or `UNLINK` of keys that were found expired meanwhile, `HDEL` of fields (`Store::take_losses`); then
//! 2. what the command said itself with [`Ctx::propagate`], [`Ctx::propagate_list`]: any number of commands, in place of
//!    its own words. It may say [`Ctx::propagate_nothing`], or [`Ctx::propagate_verbatim`] where nothing was counted. If it
//!    said none of that
//! 3. the command as it was sent, if it counted a change (`Ctx::dirty`).
//!
//! The database is the one that is selected at that moment. A script says nothing for itself; each of its commands
//! goes through `Ctx::run`. A command that is split over shards has an effect on each, of its own part's words; one that
//! all shards run alike (FLUSHALL, SWAPDB) is queued by the shard of slot 0 alone.
//! What runs at the client's core (FUNCTION LOAD, PUBLISH) is queued there, by [`Effects::push`].
//!
//! # Groups
//! What belongs to one execution has one group number and lies together: a command, a script, a frame of the inbox (so:
//! a shard's part of a transaction, or all of it if it ran over lent stores; it is in the queue of the shard that executed
//! then). A command that waited has a group after that of the write which woke it. A key that expired or was evicted
//! on its own account has its own group. Group numbers never decrease and are not used twice.
//!
//! # Who takes them out
//! `shard::Owner::effects` gives the queue, complete as of now; then [`Effects::records`] and [`Effects::bytes`], and
//! [`Effects::clear`]. Where a frame's own group has to be known: [`Effects::group`] is the number of the group that is open,
//! or of the next.

use super::ctx::{Ctx, Flow};
use super::spec::StoreFn;
use crate::base::num::write_line;
use crate::base::slot::DbIndex;
use crate::config::Config;
use crate::keyspace::{Db, Loss};
use crate::resp::{Args, CommandError};
use std::ops::Range;

/// A shard's queue of effects.
#[derive(Default)]
pub struct Effects {
    is_on: bool,
    bytes: Vec<u8>,
    records: Vec<Effect>,
    group: u64,
    /// How many executions are under way, one in another: their effects are one group.
    depth: u32,
    /// What the command that runs has said of its effects.
    said: Said,
    /// Whom the script that runs lets know.
    reach: Reach,
}

/// Who learns of what commands do: everybody, unless a script says otherwise (`redis.set_repl`). What goes without a
/// command is told to everybody in any case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// The append-only file.
    pub log: bool,
    /// Replicas.
    pub replicas: bool,
}

impl Default for Reach {
    fn default() -> Reach {
        Reach {
            log: true,
            replicas: true,
        }
    }
}

/// One effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Effect {
    /// The database it happened in.
    pub db: DbIndex,
    /// What it belongs to; see the head of this file.
    pub group: u64,
    /// Where it is in the bytes of the queue: one RESP array of bulk strings.
    pub range: Range<usize>,
    /// Of no interest to the append-only file: nothing was changed (PUBLISH), or a script says so.
    pub replicas_only: bool,
    /// Of no interest to replicas: a script says so.
    pub log_only: bool,
}

/// What a command has said of its effects.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
enum Said {
    /// Nothing: it is queued as it is if it changed something.
    #[default]
    Nothing,
    /// It is queued as it is, whether it changed anything or not.
    Verbatim,
    /// It has queued what there is, or there is nothing.
    Otherwise,
}

impl Effects {
    /// Whether anybody wants effects.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Begins or ends to queue them. What is queued stays.
    pub fn set_on(&mut self, is_on: bool) {
        self.is_on = is_on;
    }

    /// Who learns of what commands do from now on.
    pub fn set_reach(&mut self, reach: Reach) {
        self.reach = reach;
    }

    /// Whether nothing is queued.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// What is queued, oldest first.
    pub fn records(&self) -> &[Effect] {
        &self.records
    }

    /// The bytes that the records' ranges point into: nothing else, and in the same order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what is queued; memory is kept, unless it is much.
    pub fn clear(&mut self) {
        self.records.clear();
        self.bytes.clear();
        self.records.shrink_to(RECORDS_KEPT);
        self.bytes.shrink_to(BYTES_KEPT);
    }

    /// The number of the group that is open, or that the next execution will have.
    pub fn group(&self) -> u64 {
        self.group
    }

    /// An execution begins: what is queued until it ends is one group.
    #[inline]
    pub fn begin(&mut self) {
        self.depth += 1;
    }

    /// It has ended.
    #[inline]
    pub fn end(&mut self) {
        debug_assert!(self.depth > 0, "what ends has begun");
        self.depth -= 1;
        if self.depth == 0 {
            self.group += 1;
        }
    }

    /// Queues a command, outside of any execution as a group of its own.
    pub fn push<'w>(&mut self, db: DbIndex, words: impl ExactSizeIterator<Item = &'w [u8]>) {
        self.put(db, self.reach, words);
    }

    /// As [`Effects::push`], for replicas only.
    pub fn push_to_replicas<'w>(
        &mut self,
        db: DbIndex,
        words: impl ExactSizeIterator<Item = &'w [u8]>,
    ) {
        let reach = Reach {
            log: false,
            ..self.reach
        };
        self.put(db, reach, words);
    }

    fn put<'w>(
        &mut self,
        db: DbIndex,
        reach: Reach,
        words: impl ExactSizeIterator<Item = &'w [u8]>,
    ) {
        if !self.is_on || !(reach.log || reach.replicas) {
            return;
        }
        let start = self.bytes.len();
        write_line(&mut self.bytes, b'*', words.len() as i64);
        for word in words {
            write_line(&mut self.bytes, b'$', word.len() as i64);
            self.bytes.extend_from_slice(word);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.record(db, reach, start);
    }

    /// Queues the command that runs, as it was sent.
    fn push_verbatim(&mut self, db: DbIndex, args: Args<'_>) {
        match args.as_sent() {
            Some(sent) if self.is_on && self.reach.log && args.len() < 10 => {
                let start = self.bytes.len();
                let count = b'0' + args.len() as u8;
                self.bytes.reserve(4 + sent.len());
                self.bytes.extend_from_slice(&[b'*', count, b'\r', b'\n']);
                self.bytes.extend_from_slice(sent);
                self.record(db, self.reach, start);
            }
            _ => self.push(db, args.iter()),
        }
    }

    /// What the bytes from `start` on are.
    #[inline]
    fn record(&mut self, db: DbIndex, reach: Reach, start: usize) {
        self.records.push(Effect {
            db,
            group: self.group,
            range: start..self.bytes.len(),
            replicas_only: !reach.log,
            log_only: !reach.replicas,
        });
        if self.depth == 0 {
            self.group += 1;
        }
    }

    /// Queues what makes a key, or fields of it, disappear that went without a command.
    #[cold]
    pub fn push_loss(&mut self, loss: &Loss, config: &Config) {
        let name = |lazy: bool| -> &[u8] { if lazy { b"UNLINK" } else { b"DEL" } };
        match loss {
            Loss::Expired(db, key) => {
                let words = [name(config.lazyfree_lazy_expire), key];
                self.put(*db, Reach::default(), words.into_iter());
            }
            Loss::Evicted(db, key) => {
                let words = [name(config.lazyfree_lazy_eviction), key];
                self.put(*db, Reach::default(), words.into_iter());
            }
            Loss::Fields(db, key, fields) => {
                for fields in fields.chunks(FIELDS_AN_EFFECT) {
                    let mut words: Vec<&[u8]> = vec![b"HDEL", key];
                    words.extend(fields.iter().map(|field| &**field));
                    self.put(*db, Reach::default(), words.into_iter());
                }
            }
        }
    }

    /// Queues what went in the stores of `db` without a command since this was called last.
    #[inline]
    pub fn take_losses(&mut self, db: &mut Db<'_>, config: &Config) {
        db.take_losses(|loss| self.push_loss(&loss, config));
    }
}

impl Ctx<'_> {
    /// Runs a command and queues its effects.
    #[inline]
    pub fn run(&mut self, run: StoreFn, args: Args<'_>) -> Result<Flow, CommandError> {
        match self.effects.is_on {
            false => run(self, args),
            true => self.run_and_queue(run, args),
        }
    }

    #[inline(never)]
    fn run_and_queue(&mut self, run: StoreFn, args: Args<'_>) -> Result<Flow, CommandError> {
        // What went before has nothing to do with this command.
        self.effects.take_losses(&mut self.db, self.config);
        self.effects.begin();
        let said = std::mem::take(&mut self.effects.said);
        let (db, dirty) = (self.db.index(), self.dirty);
        let result = run(self, args);
        self.effects.take_losses(&mut self.db, self.config);
        let is_verbatim = match self.effects.said {
            Said::Nothing => self.dirty != dirty,
            Said::Verbatim => true,
            Said::Otherwise => false,
        };
        if is_verbatim {
            self.effects.push_verbatim(db, args);
        }
        self.effects.said = said;
        self.effects.end();
        result
    }

    /// Whether anybody wants effects: what is only made for them need not be made otherwise.
    #[inline]
    pub fn propagates(&self) -> bool {
        self.effects.is_on
    }

    /// This is an effect of the command, which as it was sent is none. Called where something was changed; the order of
    /// calls is that of the effects.
    #[inline]
    pub fn propagate(&mut self, words: &[&[u8]]) {
        if self.effects.is_on {
            self.propagate_words(words.iter().copied());
        }
    }

    /// As [`Ctx::propagate`]: a command of some first words, and more.
    #[inline]
    pub fn propagate_list<T: AsRef<[u8]>>(&mut self, first: &[&[u8]], more: &[T]) {
        if self.effects.is_on {
            let words: Vec<&[u8]> = first
                .iter()
                .copied()
                .chain(more.iter().map(AsRef::as_ref))
                .collect();
            self.propagate_words(words.into_iter());
        }
    }

    #[inline(never)]
    fn propagate_words<'w>(&mut self, words: impl ExactSizeIterator<Item = &'w [u8]>) {
        // A key that was found expired went before anything else happened to it.
        self.effects.take_losses(&mut self.db, self.config);
        self.effects.said = Said::Otherwise;
        self.effects.push(self.db.index(), words);
    }

    /// The command as it was sent is no effect, whatever it counted.
    #[inline]
    pub fn propagate_nothing(&mut self) {
        self.effects.said = Said::Otherwise;
    }

    /// The command as it was sent is its effect, even if it counted nothing.
    #[inline]
    pub fn propagate_verbatim(&mut self) {
        self.effects.said = Said::Verbatim;
    }
}

/// Fields that one HDEL removes.
const FIELDS_AN_EFFECT: usize = 1024;

/// Memory that a queue keeps: what a turn of a busy shard needs.
const BYTES_KEPT: usize = 1024 * 1024;
const RECORDS_KEPT: usize = 4096;

#[cfg(test)]
mod random;
#[cfg(test)]
mod tests;
