//! When the RDB file is written: SAVE, BGSAVE, save points, and what FLUSHALL means for it.
//!
//! There is one snapshot at a time. BGSAVE is refused, or noted for later, while a rewrite of the append-only file has it;
//! SAVE waits for it to end, and one save serves all who wait.
//!
//! **FLUSHALL** makes a save under way pointless: what it writes is gone, so it is given up, and if there are save points the
//! empty databases are saved at once. A client's FLUSHALL is answered when that is done, or the next start would bring back
//! what was flushed; one in a transaction or script is noticed within a tick. Each shard counts what it has come to by the
//! cut ([`AtCut`]), which says on which side of the cut a flush was, and which changes the file has.

use super::running::{Done, Running};
use super::save::{self, BaseOf, Consumer, Plan, RdbFile, UnderWay};
use crate::command::ctx::{OnCore, Save};
use crate::config::os_reason;
use crate::conn::Saving;
use crate::resp::CommandError;
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Seconds from one failed background save to the next.
const RETRY_SECS: i64 = 5;

/// Saves, as the process sees them.
#[derive(Default)]
pub(super) struct Saves {
    /// The snapshot that is being taken.
    under_way: Mutex<Option<UnderWay>>,
    /// What the RDB file that is being written begins with.
    at_cut: Mutex<Option<Arc<AtCut>>>,
    /// BGSAVE SCHEDULE, while something else was being written.
    scheduled: AtomicBool,
    /// Who waits for a save that could not begin at once.
    waiting: Mutex<Vec<Done>>,
    /// Flushes of all databases that are dealt with.
    flushes_seen: AtomicU64,
}

/// What all shards had done when the snapshot was cut.
#[derive(Debug)]
struct AtCut {
    changes: AtomicU64,
    flushes: AtomicU64,
    /// Shards that have not come to it.
    missing: AtomicUsize,
}

impl Running {
    /// SAVE and its kin.
    pub(super) fn save_as_asked(&self, save: Save, done: Done) -> Result<Saving, CommandError> {
        let only_noted = |reply| Ok(Saving { reply, cut: None });
        let process = &self.server().process;
        let busy = process.save.in_progress.load(Ordering::SeqCst);
        let rewrites = process.aof.is_rewriting.load(Ordering::SeqCst);
        match save {
            Save::AndReply if busy => Err(CommandError::SAVE_IN_PROGRESS),
            Save::AndReply => self.save_or_wait(done),
            Save::Flushed if rewrites => {
                // The rewrite may take long, and has to be done first. The tick will see to it.
                done(Ok(()));
                only_noted("OK")
            }
            Save::Flushed => {
                self.give_up_save();
                self.save_or_wait(done)
            }
            Save::InBackground | Save::Scheduled | Save::Queued if busy => {
                Err(CommandError::SAVE_IN_PROGRESS)
            }
            Save::Queued => self.note_save(),
            Save::Scheduled if rewrites => self.note_save(),
            Save::InBackground if rewrites => Err(CommandError::SAVE_OTHER_CHILD),
            Save::InBackground | Save::Scheduled => {
                self.begin_background_save().map(|cut| Saving {
                    reply: "Background saving started",
                    cut: Some(cut),
                })
            }
            Save::Cancel if busy && self.give_up_snapshot("BGSAVE CANCEL") => {
                tracing::info!("Background saving will be aborted due to user request");
                only_noted("Background saving cancelled")
            }
            Save::Cancel if self.saves.scheduled.swap(false, Ordering::Relaxed) => {
                only_noted("Scheduled background save cancelled")
            }
            Save::Cancel => Err(CommandError::NO_SAVE_TO_CANCEL),
            Save::Rewrite => self.rewrite(false),
            Save::QueuedRewrite => self.rewrite(true),
            Save::Fail => match &*self.saves.under_way.lock() {
                Some(snapshot) => {
                    snapshot.fail("DEBUG FAIL-SNAPSHOT");
                    only_noted("OK")
                }
                None => Err(CommandError::NO_SNAPSHOT),
            },
        }
    }

    fn note_save(&self) -> Result<Saving, CommandError> {
        self.saves.scheduled.store(true, Ordering::Relaxed);
        Ok(Saving {
            reply: "Background saving scheduled",
            cut: None,
        })
    }

    /// Whether a snapshot is being taken.
    pub(super) fn is_walking(&self) -> bool {
        self.server().process.save.walking.load(Ordering::SeqCst)
    }

    /// Prepares a snapshot; what comes back makes the cut. See `save`.
    pub(super) fn begin_snapshot(&self, plan: Plan) -> Result<OnCore, CommandError> {
        let walking = &self.server().process.save.walking;
        if walking.swap(true, Ordering::SeqCst) {
            return Err(CommandError::SAVE_IN_PROGRESS);
        }
        let config = self.config();
        let this = self.arc().ok_or(CommandError::SHUTDOWN_FAILED)?;
        let ended = Box::new(move || {
            *this.saves.under_way.lock() = None;
            let process = &this.server().process;
            process.save.walking.store(false, Ordering::SeqCst);
            if !this.saves.waiting.lock().is_empty() {
                let next = Arc::clone(&this);
                this.later(Box::new(move || next.save_for_waiting()));
            }
        });
        let mut under_way = self.saves.under_way.lock();
        match save::begin(plan, self.server(), &config, *self.clock(), ended) {
            Ok((cut, begun)) => {
                *under_way = Some(begun);
                let snapshots = &self.server().process.snapshots;
                snapshots.fetch_add(1, Ordering::Relaxed);
                Ok(cut)
            }
            Err(error) => {
                walking.store(false, Ordering::SeqCst);
                Err(CommandError::owned(format!("ERR {}", os_reason(&error))))
            }
        }
    }

    /// Begins to write the RDB file, or has it written when what is under way has ended.
    pub(super) fn save_or_wait(&self, done: Done) -> Result<Saving, CommandError> {
        if !self.is_walking() {
            let cut = Some(self.begin_save(done)?);
            return Ok(Saving { reply: "OK", cut });
        }
        self.saves.waiting.lock().push(done);
        let this = self.arc().ok_or(CommandError::SHUTDOWN_FAILED)?;
        // It may have ended just now.
        self.later(Box::new(move || this.save_for_waiting()));
        Ok(Saving {
            reply: "OK",
            cut: None,
        })
    }

    fn save_for_waiting(&self) {
        if self.is_walking()
            || self
                .server()
                .process
                .save
                .in_progress
                .load(Ordering::SeqCst)
        {
            return;
        }
        let waiting = std::mem::take(&mut *self.saves.waiting.lock());
        if waiting.is_empty() {
            return;
        }
        let waiting = Arc::new(Mutex::new(waiting));
        let all = Arc::clone(&waiting);
        let tell = move |result: Result<(), CommandError>| {
            let waiting = std::mem::take(&mut *all.lock());
            waiting.into_iter().for_each(|done| done(result.clone()));
        };
        match self.begin_save(Box::new(tell)) {
            Ok(cut) => self.everywhere(cut),
            // Something else has begun; it will end, too.
            Err(error) if error == CommandError::SAVE_IN_PROGRESS => {
                let again = std::mem::take(&mut *waiting.lock());
                self.saves.waiting.lock().extend(again);
            }
            Err(error) => {
                let waiting = std::mem::take(&mut *waiting.lock());
                waiting
                    .into_iter()
                    .for_each(|done| done(Err(error.clone())));
            }
        }
    }

    /// Prepares to write the RDB file; what comes back makes the cut.
    pub(super) fn begin_save(&self, done: Done) -> Result<OnCore, CommandError> {
        let config = self.config();
        let file = RdbFile::new(
            &config.dbfilename,
            self.temporary(),
            BaseOf::Nothing,
            config.rdbchecksum,
            config.rdb_save_incremental_fsync,
        );
        let started = self.clock().wall_us() / 1_000_000;
        let this = self.arc().ok_or(CommandError::SHUTDOWN_FAILED)?;
        let at_cut = Arc::new(AtCut {
            changes: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            missing: AtomicUsize::new(self.server().slots.shards()),
        });
        let (noted, server) = (Arc::clone(&at_cut), Arc::clone(self.server()));
        let saved = Arc::clone(&at_cut);
        let consumer = Consumer {
            sink: Box::new(file),
            done: Box::new(move |result| {
                let changes = saved.changes.load(Ordering::Relaxed);
                let flushes = saved.flushes.load(Ordering::Relaxed);
                let seen = &this.saves.flushes_seen;
                seen.fetch_max(flushes, Ordering::Relaxed);
                this.saved(&result, started, changes, done);
            }),
        };
        let cut = self.begin_snapshot(Plan {
            consumers: vec![consumer],
            at_cut: Some(Arc::new(move |core| {
                let counters = &server.cores[core.shard().index()].store;
                let (changes, flushes) = (counters.changes.get(), counters.flushes.get());
                noted.changes.fetch_add(changes, Ordering::Relaxed);
                noted.flushes.fetch_add(flushes, Ordering::Relaxed);
                noted.missing.fetch_sub(1, Ordering::Release);
            })),
        })?;
        *self.saves.at_cut.lock() = Some(at_cut);
        let stats = &self.server().process.save;
        stats.started.store(started, Ordering::Relaxed);
        // Counted when it begins, whatever becomes of it.
        stats.saves.fetch_add(1, Ordering::Relaxed);
        stats.in_progress.store(true, Ordering::SeqCst);
        Ok(cut)
    }

    /// What an RDB file is called until it is whole.
    pub(super) fn temporary(&self) -> String {
        format!("temp-{}.rdb", self.server().pid)
    }

    /// Notes how a save went.
    fn saved(&self, result: &io::Result<()>, started: i64, changes: u64, done: Done) {
        let now = self.clock().wall_us() / 1_000_000;
        let process = &self.server().process;
        let stats = &process.save;
        match result {
            Ok(()) => {
                tracing::info!("DB saved on disk");
                process.last_save.store(now, Ordering::Relaxed);
                process.saved_changes.store(changes, Ordering::Relaxed);
                stats.last_ok.store(true, Ordering::Relaxed);
                process.disk.note_save(false);
            }
            Err(error) if is_cancelled(error) => {}
            Err(error) => {
                let why = os_reason(error);
                tracing::warn!("Write error while saving DB to the disk: {why}");
            }
        }
        let peak = stats.held_peak.load(Ordering::Relaxed);
        stats.last_held_peak.store(peak, Ordering::Relaxed);
        stats.last_seconds.store(now - started, Ordering::Relaxed);
        *self.saves.at_cut.lock() = None;
        stats.in_progress.store(false, Ordering::SeqCst);
        done(match result {
            Ok(()) => Ok(()),
            Err(error) if is_cancelled(error) => Err(CommandError::SAVE_CANCELLED),
            Err(_) => Err(CommandError::fixed("ERR")),
        });
    }

    /// Ends the snapshot under way, if there is one, without a result. That is not an error of it.
    pub(super) fn give_up_snapshot(&self, why: &str) -> bool {
        let under_way = self.saves.under_way.lock();
        if let Some(snapshot) = &*under_way {
            snapshot.cancel(why);
        }
        under_way.is_some()
    }

    /// Gives up the RDB file that is being written, if one is.
    fn give_up_save(&self) {
        let in_progress = &self.server().process.save.in_progress;
        if in_progress.load(Ordering::SeqCst) && self.give_up_snapshot("FLUSHALL") {
            tracing::info!("The databases were flushed: the save under way is given up");
        }
    }

    /// As [`Running::begin_save`] for BGSAVE and save points: a failure stops writes.
    fn begin_background_save(&self) -> Result<OnCore, CommandError> {
        let this = self.arc().ok_or(CommandError::SHUTDOWN_FAILED)?;
        let cut = self.begin_save(Box::new(move |result| {
            let process = &this.server().process;
            match result {
                Ok(()) => tracing::info!("Background saving terminated with success"),
                Err(error) if error == CommandError::SAVE_CANCELLED => {
                    tracing::warn!("Background saving was cancelled");
                }
                Err(_) => {
                    process.save.last_ok.store(false, Ordering::Relaxed);
                    process.disk.note_save(true);
                    tracing::warn!("Background saving error");
                }
            }
        }))?;
        let pid = self.server().pid;
        tracing::info!("Background saving started by pid {pid}");
        Ok(cut)
    }

    /// Changes of all shards, ever.
    fn changes(&self) -> u64 {
        let cores = self.server().cores.iter();
        cores.map(|core| core.store.changes.get()).sum()
    }

    /// Looks whether all databases were flushed since a save was cut. Says whether that asks for a save.
    fn is_flushed(&self) -> bool {
        let cores = self.server().cores.iter();
        let flushes: u64 = cores.map(|core| core.store.flushes.get()).sum();
        if flushes <= self.saves.flushes_seen.load(Ordering::Relaxed) {
            return false;
        }
        let at_cut = self.saves.at_cut.lock().clone();
        if let Some(at_cut) = at_cut {
            if at_cut.missing.load(Ordering::Acquire) > 0 {
                return false;
            }
            if at_cut.flushes.load(Ordering::Relaxed) < flushes {
                self.give_up_save();
                return false;
            }
        }
        let saves = !self.config().save.is_empty() && !self.is_saved_since(flushes);
        if !saves {
            self.saves.flushes_seen.store(flushes, Ordering::Relaxed);
        }
        saves
    }

    /// Whether a save that has them all is under way.
    fn is_saved_since(&self, flushes: u64) -> bool {
        let at_cut = self.saves.at_cut.lock();
        at_cut
            .as_ref()
            .is_some_and(|at_cut| at_cut.flushes.load(Ordering::Relaxed) >= flushes)
    }

    /// Starts to write a snapshot if one was scheduled, or a save point says so.
    pub(super) fn save_if_due(&self) {
        let process = &self.server().process;
        let is_reading = process.load.active.load(Ordering::Relaxed);
        if is_reading || self.is_stopping() || self.is_leaving() {
            return;
        }
        let is_flushed = self.is_flushed();
        if process.save.in_progress.load(Ordering::Relaxed) || self.is_walking() {
            return;
        }
        if self.go_on_leaving() {
            return;
        }
        self.save_for_waiting();
        if self.is_walking() {
            return;
        }
        let now = self.clock().wall_us() / 1_000_000;
        let config = self.config();
        let saved = process.saved_changes.load(Ordering::Relaxed);
        let changes = self.changes().saturating_sub(saved);
        let since = now - process.last_save.load(Ordering::Relaxed);
        // After a failure not at once again.
        let failed = process.disk.has_save_failed();
        let waited = now - process.save.started.load(Ordering::Relaxed) > RETRY_SECS;
        let due = config
            .save
            .iter()
            .find(|point| changes >= point.changes.unsigned_abs() && since > point.seconds);
        let scheduled = self.saves.scheduled.swap(false, Ordering::Relaxed);
        if let Some(point) = due.filter(|_| !failed || waited) {
            tracing::info!(
                "{} changes in {} seconds. Saving...",
                point.changes,
                point.seconds
            );
        } else if !scheduled && !(is_flushed && (!failed || waited)) {
            return;
        }
        match self.begin_background_save() {
            Ok(cut) => self.everywhere(cut),
            Err(_) => self.saves.scheduled.store(scheduled, Ordering::Relaxed),
        }
    }
}

/// Whether a snapshot was ended on purpose.
pub(super) fn is_cancelled(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}
