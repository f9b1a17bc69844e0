//! The end of the process: SHUTDOWN, SIGTERM and SIGINT.
//!
//! Where a snapshot is due it is written first, and a failure means that nothing has happened. A snapshot under way is older
//! than what has to be kept: it is given up, and the shutdown goes on when it has ended. Until then it can be aborted.
//! Before the last snapshot is cut all clients are held and what they had asked for is done: a command that was accepted
//! on one core may still be on its way to another, and would be answered without being in the file.

use super::running::{Done, Running};
use crate::base::limits;
use crate::base::time::Millis;
use crate::command::ctx::{Pause, Shutdown};
use crate::config::{ShutdownOptions, os_reason};
use crate::conn::Mail;
use crate::resp::CommandError;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Who hears how a shutdown went, once.
type Told = Arc<Mutex<Option<Done>>>;

fn finish(told: &Told, result: Result<(), CommandError>) {
    let finished = told.lock().take();
    if let Some(finished) = finished {
        finished(result);
    }
}

/// How far the process is on its way out.
#[derive(Default)]
pub(super) struct Leave {
    /// Shutdowns that wait for the end of what is being written.
    waiting: Mutex<Vec<(Shutdown, Done)>>,
    /// A signal has asked for it, and it has not failed since.
    is_signalled: AtomicBool,
    /// What the signal asked for waits until things are done regularly again (DEBUG PAUSE-CRON).
    held: Mutex<Option<Shutdown>>,
    /// The last snapshot is being written: what is asked for meanwhile is under way.
    is_saving: AtomicBool,
}

impl Running {
    /// SIGTERM and SIGINT shut down. Somebody who presses Ctrl-C twice does not want to wait for a snapshot.
    pub(super) fn leave_on_signal(&self, signal: i32) {
        let config = self.config();
        let (name, options) = match signal {
            signal_hook::consts::SIGINT => ("SIGINT", config.shutdown_on_sigint),
            _ => ("SIGTERM", config.shutdown_on_sigterm),
        };
        let insists = self.leave.is_signalled.swap(true, Ordering::SeqCst);
        if insists && signal == signal_hook::consts::SIGINT {
            tracing::warn!("You insist... exiting now.");
            let _ = std::fs::remove_file(self.temporary());
            std::process::exit(1);
        }
        tracing::warn!("Received {name} scheduling shutdown...");
        let options = Shutdown {
            save: options.has(ShutdownOptions::SAVE),
            nosave: options.has(ShutdownOptions::NOSAVE),
            now: options.has(ShutdownOptions::NOW),
            force: options.has(ShutdownOptions::FORCE),
            abort: false,
        };
        match self.server().process.is_cron_paused.load(Ordering::SeqCst) {
            true => *self.leave.held.lock() = Some(options),
            false => self.leave_as_signalled(options),
        }
    }

    /// Does what a signal asked for while that was not to be done.
    pub(super) fn leave_if_held(&self) {
        let held = self.leave.held.lock().take();
        if let Some(options) = held {
            self.leave_as_signalled(options);
        }
    }

    fn leave_as_signalled(&self, options: Shutdown) {
        let this = self.arc();
        let finished: Done = Box::new(move |result| {
            if result.is_err()
                && let Some(this) = this
            {
                this.leave.is_signalled.store(false, Ordering::SeqCst);
                tracing::warn!("Errors trying to shut down the server. Check the logs.");
            }
        });
        if self.leave(options, finished).is_err() {
            self.leave.is_signalled.store(false, Ordering::SeqCst);
            tracing::warn!("Errors trying to shut down the server. Check the logs.");
        }
    }

    /// Whether the last snapshot is due or being written.
    pub(super) fn is_leaving(&self) -> bool {
        self.leave.is_saving.load(Ordering::SeqCst)
    }

    /// SHUTDOWN ABORT.
    pub(super) fn abort_leaving(&self) -> Result<(), CommandError> {
        let held = self.leave.held.lock().take();
        let waiting = std::mem::take(&mut *self.leave.waiting.lock());
        if held.is_none() && waiting.is_empty() {
            return Err(CommandError::NO_SHUTDOWN);
        }
        self.leave.is_signalled.store(false, Ordering::SeqCst);
        for (_, finished) in waiting {
            finished(Err(CommandError::SHUTDOWN_FAILED));
        }
        tracing::info!("Shutdown manually aborted.");
        Ok(())
    }

    /// Writes a snapshot first where one is due, then stops. `finished` hears how that went; if it
    /// failed, nothing has changed.
    pub(super) fn leave(&self, options: Shutdown, finished: Done) -> Result<(), CommandError> {
        if self.is_stopping() {
            finished(Ok(()));
            return Ok(());
        }
        if self.is_leaving() {
            self.leave.waiting.lock().push((options, finished));
            return Ok(());
        }
        let config = self.config();
        // Half of a file in memory must not replace the whole on the disk.
        let loading = self.server().process.load.partial.load(Ordering::SeqCst);
        if self.server().process.aof.is_waiting() {
            if !options.force {
                tracing::warn!("Writing initial AOF, can't exit.");
                return Err(CommandError::SHUTDOWN_FAILED);
            }
            tracing::warn!("Writing initial AOF. Exit anyway.");
        }
        let failure = self.server().process.disk.log_failure();
        if let Some(why) = failure.filter(|_| config.appendonly) {
            // It holds what was acknowledged and is nowhere else.
            let why = os_reason(&why);
            if !options.force {
                tracing::warn!("Error writing to the AOF file, can't exit: {why}");
                return Err(CommandError::SHUTDOWN_FAILED);
            }
            tracing::warn!("Error writing to the AOF file: {why}. Exit anyway.");
        }
        let saves = options.save || (!options.nosave && !config.save.is_empty());
        let saves = saves && !loading;
        if !saves {
            finished(Ok(()));
            self.stop();
            return Ok(());
        }
        if self.is_walking() {
            // What it would write is older than what has to be kept.
            tracing::warn!("There is a snapshot being written. Giving it up!");
            self.give_up_snapshot("the server is going");
            self.leave.waiting.lock().push((options, finished));
            return Ok(());
        }
        let this = self.arc().ok_or(CommandError::SHUTDOWN_FAILED)?;
        self.leave.is_saving.store(true, Ordering::SeqCst);
        // What is held waits for what runs. An endless script must not keep the process from going.
        self.server().scripts.hurry(true);
        self.hold_clients(Box::new(move || this.save_and_leave(options, finished)));
        Ok(())
    }

    /// Nothing is being executed for any client.
    fn save_and_leave(&self, options: Shutdown, finished: Done) {
        let Some(this) = self.arc() else { return };
        if self.is_walking() {
            // It began just before clients were held.
            self.leave.is_saving.store(false, Ordering::SeqCst);
            let told = Arc::new(Mutex::new(Some(finished)));
            let tell = Arc::clone(&told);
            let again = self.leave(options, Box::new(move |result| finish(&tell, result)));
            if let Err(error) = again {
                self.stay();
                finish(&told, Err(error));
            }
            return;
        }
        tracing::info!("Saving the final RDB snapshot before exiting.");
        let told = Arc::new(Mutex::new(Some(finished)));
        let tell = Arc::clone(&told);
        let begun = self.begin_save(Box::new(move |result| {
            this.saved_last(options, &tell, result)
        }));
        match begun {
            Ok(cut) => self.everywhere(cut),
            Err(error) => self.saved_last(options, &told, Err(error)),
        }
    }

    fn saved_last(&self, options: Shutdown, told: &Told, result: Result<(), CommandError>) {
        if result.is_err() && !options.force {
            tracing::warn!("Error trying to save the DB, can't exit.");
            self.stay();
            return finish(told, Err(CommandError::SHUTDOWN_FAILED));
        }
        if result.is_err() {
            tracing::warn!("Error trying to save the DB. Exit anyway.");
        }
        finish(told, Ok(()));
        self.stop();
    }

    /// Nothing has happened.
    fn stay(&self) {
        self.leave.is_saving.store(false, Ordering::SeqCst);
        self.server().scripts.hurry(false);
        self.everywhere(Arc::new(|core| {
            core.pause(None);
            Box::new(())
        }));
    }

    /// Has all clients wait on all cores, and calls `then` when what they had asked for before has been done: whatever is
    /// answered is in a snapshot that is cut then. Nothing that hangs can keep it from being called.
    fn hold_clients(&self, then: Box<dyn FnOnce() + Send>) {
        let Some(this) = self.arc() else { return };
        let missing = AtomicUsize::new(self.posts().len());
        let then = Mutex::new(Some(then));
        self.everywhere(Arc::new(move |core| {
            core.pause(Some(Pause {
                until: Millis(i64::MAX),
                all: true,
            }));
            if missing.fetch_sub(1, Ordering::AcqRel) == 1
                && let Some(then) = then.lock().take()
            {
                let until_us = this.clock().mono_us() + limits::FAREWELL_MS * 1000;
                let this = Arc::clone(&this);
                this.clone()
                    .later(Box::new(move || this.when_settled(until_us, then)));
            }
            Box::new(())
        }));
    }

    fn when_settled(&self, until_us: u64, then: Box<dyn FnOnce() + Send>) {
        let missing = Arc::new(AtomicUsize::new(self.posts().len()));
        let is_settled = Arc::new(AtomicBool::new(true));
        let then = Arc::new(Mutex::new(Some(then)));
        for post in self.posts() {
            let Some(this) = self.arc() else { return };
            let (missing, is_settled) = (Arc::clone(&missing), Arc::clone(&is_settled));
            let then = Arc::clone(&then);
            post.send(Mail::Here(Box::new(move |core| {
                is_settled.fetch_and(core.is_settled(), Ordering::AcqRel);
                if missing.fetch_sub(1, Ordering::AcqRel) > 1 {
                    return;
                }
                let Some(then) = then.lock().take() else {
                    return;
                };
                let is_over =
                    is_settled.load(Ordering::Acquire) || this.clock().mono_us() >= until_us;
                this.clone().later(match is_over {
                    true => then,
                    false => Box::new(move || this.when_settled(until_us, then)),
                });
            })));
        }
    }

    /// Goes on with shutdowns that waited, now that nothing is being written. Says whether there were any.
    pub(super) fn go_on_leaving(&self) -> bool {
        let waiting = std::mem::take(&mut *self.leave.waiting.lock());
        if waiting.is_empty() {
            return false;
        }
        let (all, finished): (Vec<Shutdown>, Vec<Done>) = waiting.into_iter().unzip();
        let options = Shutdown {
            force: all.iter().any(|options| options.force),
            ..all[0]
        };
        let finished = Arc::new(Mutex::new(finished));
        let others = Arc::clone(&finished);
        let tell = move |result: Result<(), CommandError>| {
            let finished = std::mem::take(&mut *others.lock());
            let each = finished.into_iter();
            each.for_each(|finished| finished(result.clone()));
        };
        if let Err(error) = self.leave(options, Box::new(tell)) {
            tracing::warn!("Cannot shut down: something else is being saved.");
            let finished = std::mem::take(&mut *finished.lock());
            let each = finished.into_iter();
            each.for_each(|finished| finished(Err(error.clone())));
        }
        true
    }

    fn stop(&self) {
        if self.note_stopping() {
            return;
        }
        tracing::warn!("User requested shutdown...");
        if self.give_up_snapshot("the server is going") {
            // Whoever writes it may not come to it before the process ends.
            let _ = std::fs::remove_file(self.temporary());
        }
        self.stop_listening();
        self.server().scripts.stop();
        for post in self.posts() {
            post.send(Mail::Stop);
        }
        self.tell_stopped();
    }
}
