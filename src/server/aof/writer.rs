//! What becomes of the bytes of the log: written to the current increment, synced when the policy says so, kept and
//! tried again when the disk refuses.
//!
//! ```text
//! log --take--> queue of pieces --write--> file, up to `written` --sync--> up to `synced`
//! ```
//! All positions are those of the log. A piece leaves the queue when it is written; with `appendfsync always` when it is
//! synced: after a failed fsync the kernel may have dropped what it could not write and call it clean, so it is written
//! again. With the other policies up to a second's worth may be lost then, as it may be anyway, and a rewrite is asked
//! for, after which nothing depends on those bytes.
//!
//! Pure but for the [`Disk`]: time is handed in, and who is told of what comes back is the caller's business.

use super::disk::{Disk, Times};
use super::folder::{Folder, Incr};
use crate::config::{AppendFsync, os_reason};
use crate::log::Taken;
use crate::persist::aof::BaseFormat;
use std::collections::VecDeque;
use std::io;
use std::path::Path;

/// Microseconds between the beginnings of two syncs with `everysec`. With what the second one takes, what was written
/// right after the first began is on the disk a second later.
pub(super) const SYNC_EVERY_US: u64 = 800_000;
/// Microseconds before something that failed is tried again.
const RETRY_US: u64 = 100_000;
/// Microseconds between two complaints about the same.
const COMPLAIN_US: u64 = 30_000_000;

/// Where the bytes go.
enum Target<F> {
    /// Nowhere: the append-only file is off.
    Off,
    /// An increment that the manifest names.
    Incr(F),
    /// An increment whose base is being made.
    Waiting(F),
}

/// A stretch of the log, or a line that is in the file only.
struct Piece {
    start: u64,
    bytes: Vec<u8>,
    is_note: bool,
    /// How much of it is in the file.
    written: usize,
}

/// What a mark in the log asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Switch {
    /// A new increment for a rewrite.
    Next,
    /// The first increment after the append-only file was turned on.
    Begin,
    /// Nothing: a rewrite while it is off, or a mark that nobody waits for any more.
    Nothing,
}

/// A step that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    /// The operating system's number for it.
    pub(super) errno: i32,
    /// It was the fsync.
    pub(super) was_sync: bool,
}

/// See the module.
pub(super) struct Writer<D: Disk> {
    disk: D,
    folder: Folder,
    /// Where the files are to be, if that is another folder: the next base goes there.
    successor: Option<Folder>,
    target: Target<D::File>,
    policy: AppendFsync,
    /// Oldest first. Those before `unwritten` are written and wait for the sync.
    pieces: VecDeque<Piece>,
    unwritten: usize,
    /// Bytes in the file of the target, and how many of them are synced.
    length: u64,
    synced_length: u64,
    /// Where in the file the first of the pieces begins that are written and kept.
    kept_from: u64,
    written: u64,
    synced: u64,
    /// When the last sync began.
    synced_at_us: u64,
    failure: Option<Failure>,
    tried_at_us: u64,
    complained_at_us: Option<u64>,
    /// A sync failed, and what it was about may be lost.
    is_suspect: bool,
    /// Files that are history stay (`aof-disable-auto-gc`).
    keeps_history: bool,
}

impl<D: Disk> Writer<D> {
    /// Over the folder, off.
    pub(super) fn new(disk: D, folder: Folder, policy: AppendFsync) -> Writer<D> {
        Writer {
            disk,
            folder,
            successor: None,
            target: Target::Off,
            policy,
            pieces: VecDeque::new(),
            unwritten: 0,
            length: 0,
            synced_length: 0,
            kept_from: 0,
            written: 0,
            synced: 0,
            synced_at_us: 0,
            failure: None,
            tried_at_us: 0,
            complained_at_us: None,
            is_suspect: false,
            keeps_history: false,
        }
    }

    /// At start: goes on with the newest increment, or begins the first.
    pub(super) fn open(&mut self) -> io::Result<()> {
        let (file, length) = self.folder.current_incr(&mut self.disk)?;
        (self.length, self.synced_length) = (length, length);
        self.target = Target::Incr(file);
        self.remove_history();
        self.folder.measure(&mut self.disk, true);
        Ok(())
    }

    /// Whether files that are history stay. If not, those that there are go.
    pub(super) fn set_keeps_history(&mut self, keeps: bool) {
        if std::mem::replace(&mut self.keeps_history, keeps) && !keeps {
            self.remove_history();
        }
    }

    fn remove_history(&mut self) {
        if !self.keeps_history {
            self.folder.remove_history(&mut self.disk);
        }
    }

    /// How long the disk has taken since this was asked last.
    pub(super) fn take_times(&mut self) -> Times {
        self.disk.take_times()
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Writes elsewhere from now on. To be called while it is off.
    pub(super) fn set_folder(&mut self, folder: Folder) {
        self.folder = folder;
    }

    /// Where the settings say the files should be, if that is elsewhere.
    pub(super) fn set_successor(&mut self, folder: Option<Folder>) {
        self.successor = folder;
    }

    pub(super) fn set_policy(&mut self, policy: AppendFsync) {
        self.policy = policy;
    }

    /// Whether bytes go anywhere.
    pub(super) fn is_on(&self) -> bool {
        !matches!(self.target, Target::Off)
    }

    /// Whether the increment waits for its base.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self.target, Target::Waiting(_))
    }

    /// What fails at present.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// Everything before this position is on the disk.
    pub(super) fn synced(&self) -> u64 {
        self.synced
    }

    /// Bytes taken from the log and not written.
    pub(super) fn unwritten_bytes(&self) -> usize {
        let pieces = self.pieces.range(self.unwritten.min(self.pieces.len())..);
        pieces.map(|piece| piece.bytes.len() - piece.written).sum()
    }

    /// Bytes of all files.
    pub(super) fn size(&self) -> u64 {
        self.folder.bytes_before() + self.length
    }

    /// Bytes of the base.
    pub(super) fn base_bytes(&mut self) -> u64 {
        self.folder.base_bytes(&mut self.disk)
    }

    /// Whether the files should be written anew because some of their bytes may be lost.
    pub(super) fn take_suspicion(&mut self) -> bool {
        self.failure.is_none() && std::mem::take(&mut self.is_suspect)
    }

    /// Takes over a stretch of the log. `switches` says what a mark asks for; what came of it is told to `switched`.
    pub(super) fn accept(
        &mut self,
        taken: &mut Taken,
        mut switch: impl FnMut(u64) -> Switch,
        mut switched: impl FnMut(u64, io::Result<()>),
    ) {
        let mut from = 0;
        let (start, end) = (taken.start, taken.end());
        let mut seconds = taken.seconds.iter().copied().peekable();
        for &(position, mark) in taken.marks.iter() {
            let to = (position - start) as usize;
            self.push(taken, from, to, &mut seconds);
            from = to;
            let result = match switch(mark) {
                Switch::Nothing => Ok(()),
                Switch::Next => self.next_incr(position),
                Switch::Begin => self.begin(position),
            };
            switched(mark, result);
        }
        if from == 0 && seconds.peek().is_none() {
            // The common case: the whole of it, without a copy.
            if !taken.bytes.is_empty() && self.is_on() {
                let bytes = std::mem::take(&mut taken.bytes);
                self.pieces.push_back(Piece {
                    start,
                    bytes,
                    is_note: false,
                    written: 0,
                });
            }
        } else {
            self.push(taken, from, (end - start) as usize, &mut seconds);
        }
        if !self.is_on() {
            (self.written, self.synced) = (end, end);
        }
    }

    fn push(
        &mut self,
        taken: &Taken,
        from: usize,
        to: usize,
        seconds: &mut std::iter::Peekable<impl Iterator<Item = (u64, i64)>>,
    ) {
        let mut from = from;
        while let Some(&(position, second)) = seconds.peek()
            && position - taken.start <= to as u64
        {
            let at = (position - taken.start) as usize;
            // Behind a mark it belongs to the next file.
            if at == to && at as u64 + taken.start != taken.end() {
                break;
            }
            seconds.next();
            self.push_bytes(taken, from, at);
            from = at;
            self.push_note(position, second);
        }
        self.push_bytes(taken, from, to);
    }

    fn push_bytes(&mut self, taken: &Taken, from: usize, to: usize) {
        if from < to && self.is_on() {
            self.pieces.push_back(Piece {
                start: taken.start + from as u64,
                bytes: taken.bytes[from..to].to_vec(),
                is_note: false,
                written: 0,
            });
        }
    }

    /// A line that is in the file and not in the log.
    fn push_note(&mut self, position: u64, second: i64) {
        if self.is_on() {
            self.pieces.push_back(Piece {
                start: position,
                bytes: format!("#TS:{second}\r\n").into_bytes(),
                is_note: true,
                written: 0,
            });
        }
    }

    /// Writes what there is, and syncs it if it is time to. `syncs` is false while the disk is left to a rewrite.
    pub(super) fn work(&mut self, now_us: u64, syncs: bool) {
        if !self.is_on() {
            return;
        }
        if self.failure.is_some() {
            if now_us < self.tried_at_us + RETRY_US {
                return;
            }
            self.tried_at_us = now_us;
        }
        let result = self.write_all();
        if self.note(result, false, now_us) {
            return;
        }
        let due = match self.policy {
            // Whatever the policy, what failed must be seen to work.
            _ if self.failure.as_ref().is_some_and(|old| old.was_sync) => true,
            AppendFsync::Always => true,
            AppendFsync::Everysec => now_us >= self.synced_at_us + SYNC_EVERY_US,
            AppendFsync::No => false,
        };
        if !due || (self.written == self.synced && self.failure.is_none()) {
            return self.recovered();
        }
        if !syncs {
            if self.policy == AppendFsync::Always {
                // What `no-appendfsync-on-rewrite` says: as good as on the disk.
                self.pass_synced();
            }
            return self.recovered();
        }
        self.synced_at_us = now_us;
        let result = self.sync();
        if !self.note(result, true, now_us) {
            self.recovered();
        }
    }

    /// Writes and syncs everything: the process ends, or the file does.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if !self.is_on() {
            return Ok(());
        }
        self.write_all()?;
        self.sync()
    }

    /// The base that the increment waits for does not come: nothing will ever read it. Writing goes on, to a file without
    /// a name, until the next mark begins another.
    pub(super) fn drop_waiting(&mut self) {
        if self.is_waiting() {
            let name = self.folder.waiting_incr().file_name().unwrap_or_default();
            let name = name.to_string_lossy();
            tracing::info!("Removing the temp incr aof file {name} in the background");
            let _ = self.disk.remove(self.folder.waiting_incr());
        }
    }

    /// Stops writing. What was accepted is in the file, if the disk lets it.
    pub(super) fn turn_off(&mut self) -> io::Result<()> {
        let result = self.finish();
        if self.is_waiting() {
            let _ = self.disk.remove(self.folder.waiting_incr());
        }
        self.target = Target::Off;
        self.pieces.clear();
        self.unwritten = 0;
        self.length = 0;
        self.synced_length = 0;
        self.failure = None;
        self.is_suspect = false;
        result
    }

    /// A rewrite has made a base; `temporary` is its file, synced. Returns the name it has now.
    pub(super) fn new_base(&mut self, temporary: &Path, format: BaseFormat) -> io::Result<String> {
        // What comes behind the base must not be less on the disk than what it replaces.
        self.finish()?;
        let incr = match self.target {
            Target::Off => Incr::None,
            Target::Incr(_) => Incr::Current,
            Target::Waiting(_) => Incr::Temporary,
        };
        let name = self
            .folder
            .new_base(&mut self.disk, temporary, format, incr)?;
        self.target = match std::mem::replace(&mut self.target, Target::Off) {
            Target::Waiting(file) => Target::Incr(file),
            other => other,
        };
        self.remove_history();
        self.folder.measure(&mut self.disk, incr != Incr::None);
        Ok(name)
    }

    /// As [`Writer::new_base`], in another folder, where everything is from now on. What is in the one before is left
    /// as of the mark of the base.
    pub(super) fn new_base_in(
        &mut self,
        mut folder: Folder,
        temporary: &Path,
        format: BaseFormat,
    ) -> io::Result<String> {
        self.finish()?;
        self.successor = None;
        let from = match self.target {
            Target::Off => None,
            Target::Incr(_) => self.folder.newest_incr(),
            Target::Waiting(_) => Some(self.folder.waiting_incr().to_owned()),
        };
        let is_waiting = self.is_waiting();
        let (name, file) = folder.take_over(&mut self.disk, temporary, format, from.as_deref())?;
        let mut old = std::mem::replace(&mut self.folder, folder);
        // Not before a start finds it in the new one.
        if let Some(file) = file {
            self.target = Target::Incr(file);
            if self.folder.settle(&mut self.disk).is_ok() {
                old.give_up_incr(&mut self.disk, is_waiting);
            }
        }
        self.remove_history();
        let is_on = self.is_on();
        self.folder.measure(&mut self.disk, is_on);
        Ok(name)
    }

    fn next_incr(&mut self, position: u64) -> io::Result<()> {
        if self.is_waiting() {
            // The base that this one waited for came to nothing, and so does what is before the next one.
            self.finish()?;
            return self.begin(position);
        }
        if !self.is_on() {
            return Ok(());
        }
        // A file that is not the newest has to be whole.
        self.finish()?;
        let file = match self.folder.next_incr(&mut self.disk) {
            Ok(file) => file,
            // The folder is gone. It may have been moved to where the base will be; then it goes on there.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let Some(mut folder) = self.successor.take() else {
                    return Err(error);
                };
                tracing::warn!("{} is left: {error}", self.folder.path().display());
                if !folder.has_files_of(&self.folder) {
                    self.folder = folder;
                    return self.begin(position);
                }
                let begun = folder.next_incr(&mut self.disk);
                match begun {
                    Ok(file) => {
                        self.folder = folder;
                        file
                    }
                    Err(error) => {
                        self.successor = Some(folder);
                        return Err(error);
                    }
                }
            }
            Err(error) => return Err(error),
        };
        self.folder.measure(&mut self.disk, true);
        self.target = Target::Incr(file);
        (self.length, self.synced_length) = (0, 0);
        Ok(())
    }

    fn begin(&mut self, position: u64) -> io::Result<()> {
        let file = self.folder.open_temporary(&mut self.disk)?;
        self.target = Target::Waiting(file);
        self.pieces.clear();
        self.unwritten = 0;
        (self.length, self.synced_length) = (0, 0);
        (self.written, self.synced) = (position, position);
        Ok(())
    }

    fn write_all(&mut self) -> io::Result<()> {
        let keeps = self.policy == AppendFsync::Always;
        if !keeps && self.unwritten > 0 {
            self.pieces.drain(..self.unwritten);
            self.unwritten = 0;
        }
        let (Target::Incr(file) | Target::Waiting(file)) = &mut self.target else {
            return Ok(());
        };
        while let Some(piece) = self.pieces.get_mut(self.unwritten) {
            let left = &piece.bytes[piece.written..];
            if !left.is_empty() {
                if self.unwritten == 0 && piece.written == 0 {
                    self.kept_from = self.length;
                }
                let some = match self.disk.write(file, left, self.length) {
                    Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                    result => result,
                };
                let begun = piece.written as u64;
                match some {
                    Ok(some) => {
                        piece.written += some;
                        self.length += some as u64;
                    }
                    Err(error) => {
                        // Half a command at the end of a file would be in the way of a start meanwhile.
                        if begun > 0 && self.disk.truncate(file, self.length - begun).is_ok() {
                            self.length -= begun;
                            piece.written = 0;
                        }
                        return Err(error);
                    }
                }
                continue;
            }
            if !piece.is_note {
                self.written = piece.start + piece.bytes.len() as u64;
            }
            if keeps {
                self.unwritten += 1;
            } else {
                self.pieces.pop_front();
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let (Target::Incr(file) | Target::Waiting(file)) = &mut self.target else {
            return Ok(());
        };
        // A file on the disk is of no use to who does not find its name there.
        self.folder.settle(&mut self.disk)?;
        if self.synced_length == self.length && self.failure.is_none() {
            self.pass_synced();
            return Ok(());
        }
        if let Err(error) = self.disk.sync(file) {
            if self.policy == AppendFsync::Always && self.unwritten > 0 {
                // Whatever the kernel has done with it: once more from the first that is kept. What another policy has
                // written before that, and not kept, may be lost.
                self.is_suspect |= self.synced_length < self.kept_from;
                let _ = self.disk.truncate(file, self.kept_from);
                self.length = self.kept_from;
                self.pieces.iter_mut().for_each(|piece| piece.written = 0);
                self.unwritten = 0;
                self.written = self.pieces.front().map_or(self.synced, |first| first.start);
            } else {
                self.is_suspect = true;
            }
            return Err(error);
        }
        self.pass_synced();
        Ok(())
    }

    fn pass_synced(&mut self) {
        self.synced = self.written;
        self.synced_length = self.length;
        self.pieces.drain(..self.unwritten);
        self.unwritten = 0;
    }

    /// Says whether a step failed, to the log as well.
    fn note(&mut self, result: io::Result<()>, was_sync: bool, now_us: u64) -> bool {
        let Err(error) = result else {
            return false;
        };
        let reason = os_reason(&error);
        // What has no number is a write that wrote nothing.
        let errno = error.raw_os_error().unwrap_or(libc::ENOSPC);
        let is_news = self.failure.as_ref().is_none_or(|old| old.errno != errno);
        let is_late = self
            .complained_at_us
            .is_none_or(|at| now_us >= at + COMPLAIN_US);
        if is_news || is_late {
            self.complained_at_us = Some(now_us);
            match was_sync {
                true => tracing::warn!("Fail to fsync the AOF file: {reason}"),
                false => tracing::warn!("Error writing to the AOF file: {reason}"),
            }
        }
        if self.failure.is_none() {
            self.tried_at_us = now_us;
        }
        self.failure = Some(Failure { errno, was_sync });
        true
    }

    fn recovered(&mut self) {
        if self.failure.take().is_some() {
            self.complained_at_us = None;
            tracing::warn!("AOF write error looks solved, Redis can write again.");
        }
    }

    /// Microseconds until there is something to do without being told; `None` for never.
    pub(super) fn due_in(&self, now_us: u64) -> Option<u64> {
        if self.failure.is_some() {
            return Some((self.tried_at_us + RETRY_US).saturating_sub(now_us));
        }
        if !self.is_on() || self.written == self.synced {
            return None;
        }
        match self.policy {
            // It was another one when this was written: somebody may wait for it now.
            AppendFsync::Always => Some(0),
            AppendFsync::Everysec => {
                Some((self.synced_at_us + SYNC_EVERY_US).saturating_sub(now_us))
            }
            AppendFsync::No => None,
        }
    }
}
