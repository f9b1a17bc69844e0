//! The end of the process: SHUTDOWN, SIGTERM and SIGINT.
//!
//! Where a snapshot is due it is written first, and a failure means that nothing has happened. A snapshot under way is older
//! than what has to be kept: it is given up, and the shutdown goes on when it has ended. Until then it can be aborted.

use super::running::{Done, Running};
use crate::command::ctx::Shutdown;
use crate::config::{ShutdownOptions, os_reason};
use crate::conn::Mail;
use crate::resp::CommandError;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
        if self.leave.is_saving.load(Ordering::SeqCst) {
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
        tracing::info!("Saving the final RDB snapshot before exiting.");
        // The cut waits for what runs. An endless script must not keep the process from going.
        self.server().scripts.hurry(true);
        let this = self.arc().ok_or(CommandError::SHUTDOWN_FAILED)?;
        let force = options.force;
        let begun = self.begin_save(
            true,
            Box::new(move |result| {
                this.leave.is_saving.store(false, Ordering::SeqCst);
                if result.is_ok() || force {
                    if result.is_err() {
                        tracing::warn!("Error trying to save the DB. Exit anyway.");
                    }
                    finished(Ok(()));
                    return this.stop();
                }
                tracing::warn!("Error trying to save the DB, can't exit.");
                this.server().scripts.hurry(false);
                this.everywhere(Arc::new(|core| {
                    core.pause(None);
                    Box::new(())
                }));
                finished(Err(CommandError::SHUTDOWN_FAILED));
            }),
        );
        match begun {
            Ok(cut) => {
                self.leave.is_saving.store(true, Ordering::SeqCst);
                self.everywhere(cut);
            }
            Err(_) if force => self.stop(),
            Err(error) => {
                self.server().scripts.hurry(false);
                return Err(error);
            }
        }
        Ok(())
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
