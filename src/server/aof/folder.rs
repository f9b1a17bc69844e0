//! The folder of the append-only file: its manifest, and which files come and go.
//!
//! The manifest is the truth. A file is complete, and on the disk, before the manifest names it; it is removed after the
//! manifest has called it history, and forgotten after that. So whenever the process ends, what the manifest on the disk
//! names is there.

use super::disk::Disk;
use crate::persist::aof::{BaseFormat, FileInfo, Manifest};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// See the module.
pub(super) struct Folder {
    path: PathBuf,
    /// `appendfilename`.
    stem: String,
    manifest: Manifest,
    /// Bytes in the files before the current increment.
    before: u64,
    /// Number of the last increment there was, although it may be gone.
    last_incr: i64,
    /// The manifest in force is the one on the disk, whatever happens now.
    is_settled: bool,
    /// Where the increment that waits for its base is.
    waiting: PathBuf,
}

impl Folder {
    pub(super) fn new(path: PathBuf, stem: String, manifest: Manifest) -> Folder {
        Folder {
            waiting: path.join(format!("temp-{stem}.incr")),
            path,
            stem,
            last_incr: manifest.incr_seq(),
            manifest,
            before: 0,
            is_settled: true,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A file of the folder.
    pub(super) fn file(&self, name: &[u8]) -> PathBuf {
        self.path.join(OsStr::from_bytes(name))
    }

    /// Where the increment is written while there is no base for it yet.
    pub(super) fn waiting_incr(&self) -> &Path {
        &self.waiting
    }

    /// Bytes of all files but the newest increment.
    pub(super) fn bytes_before(&self) -> u64 {
        self.before
    }

    /// Looks how long the files are; the newest increment is not counted if it is `current`.
    pub(super) fn measure(&mut self, disk: &mut impl Disk, has_current: bool) {
        let files: Vec<&FileInfo> = self.manifest.to_load().collect();
        let last = match has_current && !self.manifest.incrs.is_empty() {
            true => files.len() - 1,
            false => files.len(),
        };
        let lengths = files[..last].iter();
        let lengths = lengths.map(|file| disk.length(&self.path.join(file.path())).unwrap_or(0));
        self.before = lengths.sum();
    }

    /// Bytes of the base; none where there is none.
    pub(super) fn base_bytes(&self, disk: &mut impl Disk) -> u64 {
        let base = self.manifest.base.as_ref();
        base.map_or(0, |base| {
            disk.length(&self.path.join(base.path())).unwrap_or(0)
        })
    }

    /// The increment to write on: the newest one, or a first one. What is in a file of that name that no manifest named
    /// is not thrown away: it may be all that somebody has left.
    pub(super) fn current_incr<D: Disk>(&mut self, disk: &mut D) -> io::Result<(D::File, u64)> {
        disk.make_folder(&self.path)?;
        if let Some(newest) = self.manifest.incrs.last() {
            let name = newest.path().display().to_string();
            let opened = disk.open(&self.path.join(newest.path()))?;
            tracing::info!("Opening AOF incr file {name} on server start");
            return Ok(opened);
        }
        let mut manifest = self.manifest.clone();
        let name = self.name_incr(&mut manifest);
        let path = self.file(&name);
        let (file, length) = disk.open(&path)?;
        if length > 0 {
            let path = path.display();
            tracing::warn!("{path} is there already, with {length} bytes: writing behind them");
        }
        self.commit(disk, manifest)?;
        let name = String::from_utf8_lossy(&name);
        tracing::info!("Creating AOF incr file {name} on server start");
        Ok((file, length))
    }

    /// Begins a new increment. On failure nothing has changed.
    pub(super) fn next_incr<D: Disk>(&mut self, disk: &mut D) -> io::Result<D::File> {
        let mut manifest = self.manifest.clone();
        let name = self.name_incr(&mut manifest);
        let path = self.file(&name);
        let (mut file, length) = disk.open(&path)?;
        if length > 0 {
            // Left by somebody whose manifest was not written.
            disk.truncate(&mut file, 0)?;
        }
        if let Err(error) = self.commit(disk, manifest) {
            let _ = disk.remove(&path);
            return Err(error);
        }
        let name = String::from_utf8_lossy(&name);
        tracing::info!("Creating AOF incr file {name} on background rewrite");
        Ok(file)
    }

    /// An increment that waits for its base.
    pub(super) fn open_temporary<D: Disk>(&mut self, disk: &mut D) -> io::Result<D::File> {
        disk.make_folder(&self.path)?;
        self.waiting = self.path.join(format!("temp-{}.incr", self.stem));
        let (mut file, length) = disk.open(&self.waiting)?;
        if length > 0 {
            disk.truncate(&mut file, 0)?;
        }
        let name = format!("temp-{}.incr", self.stem);
        tracing::info!("Creating AOF incr file {name} on background rewrite");
        Ok(file)
    }

    /// Puts a complete base in the place of everything before the newest increment; of everything, if there is none
    /// being written; or before the one that waits for it. On failure nothing has changed.
    pub(super) fn new_base(
        &mut self,
        disk: &mut impl Disk,
        temporary: &Path,
        format: BaseFormat,
        incr: Incr,
    ) -> io::Result<String> {
        disk.make_folder(&self.path)?;
        let mut manifest = self.manifest.clone();
        let base = manifest.new_base(&self.stem, format).name.clone();
        manifest.retire_incrs(usize::from(incr == Incr::Current));
        let path = self.file(&base);
        disk.rename(temporary, &path)?;
        let mut renamed = None;
        if incr == Incr::Temporary {
            let name = self.name_incr(&mut manifest);
            let to = self.file(&name);
            if self.waiting != to
                && let Err(error) = disk.rename(&self.waiting, &to)
            {
                let _ = disk.remove(&path);
                return Err(error);
            }
            renamed = Some(to);
        }
        if let Err(error) = self.commit(disk, manifest) {
            if let Some(to) = renamed
                && disk.rename(&to, &self.waiting).is_err()
            {
                // Then it waits there.
                self.waiting = to;
            }
            let _ = disk.remove(&path);
            return Err(error);
        }
        Ok(String::from_utf8_lossy(&base).into_owned())
    }

    /// This folder takes the place of another, with a complete base: what it had is history. The increment that is being
    /// written, at `from`, has a name here too when that is done, and is opened under it; it must not be written to
    /// meanwhile. On failure nothing has changed.
    pub(super) fn take_over<D: Disk>(
        &mut self,
        disk: &mut D,
        temporary: &Path,
        format: BaseFormat,
        from: Option<&Path>,
    ) -> io::Result<(String, Option<D::File>)> {
        disk.make_folder(&self.path)?;
        let mut manifest = self.manifest.clone();
        let base = manifest.new_base(&self.stem, format).name.clone();
        manifest.retire_incrs(0);
        let path = self.file(&base);
        disk.rename(temporary, &path)?;
        let (mut file, mut linked) = (None, None);
        let taken = (|| {
            if let Some(from) = from {
                let name = self.name_incr(&mut manifest);
                let to = self.file(&name);
                // Left by somebody whose manifest was not written.
                match disk.remove(&to) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => disk.link(from, &to)?,
                }
                file = Some(disk.open(linked.insert(to))?.0);
            }
            self.commit(disk, manifest)
        })();
        if let Err(error) = taken {
            for path in linked.iter().chain([&path]) {
                let _ = disk.remove(path);
            }
            return Err(error);
        }
        Ok((String::from_utf8_lossy(&base).into_owned(), file))
    }

    /// What is written is another folder's from now on: this one stays as it was when the newest increment was begun. Its
    /// name goes, as somebody else may write on what is here.
    pub(super) fn give_up_incr(&mut self, disk: &mut impl Disk, is_waiting: bool) {
        let path = match self.manifest.incrs.last() {
            _ if is_waiting => self.waiting.clone(),
            Some(newest) => self.path.join(newest.path()),
            None => return,
        };
        let mut manifest = self.manifest.clone();
        if !is_waiting {
            manifest.incrs.pop();
        }
        let given_up = match is_waiting {
            true => Ok(()),
            false => self.commit(disk, manifest).and_then(|()| self.settle(disk)),
        };
        if let Err(error) = given_up.and_then(|()| disk.remove(&path)) {
            tracing::warn!("Failed to give up {}: {error}", path.display());
        }
    }

    /// Whether the manifests name the same.
    pub(super) fn has_files_of(&self, other: &Folder) -> bool {
        self.manifest == other.manifest
    }

    /// The increment that is being written, once there is one.
    pub(super) fn newest_incr(&self) -> Option<PathBuf> {
        let newest = self.manifest.incrs.last()?;
        Some(self.path.join(newest.path()))
    }

    /// Appends an increment to `manifest`. Its number was not used before, even if that file is gone.
    fn name_incr(&self, manifest: &mut Manifest) -> Vec<u8> {
        manifest.new_incr(&self.stem);
        let Some(incr) = manifest.incrs.last_mut() else {
            return Vec::new();
        };
        if incr.seq <= self.last_incr {
            incr.seq = self.last_incr + 1;
            incr.name = format!("{}.{}.incr.aof", self.stem, incr.seq).into_bytes();
        }
        incr.name.clone()
    }

    /// Removes files that are history. What cannot be removed is tried again next time.
    pub(super) fn remove_history(&mut self, disk: &mut impl Disk) {
        if self.manifest.history.is_empty() {
            return;
        }
        if self.settle(disk).is_err() {
            return;
        }
        let mut manifest = self.manifest.clone();
        let used: Vec<&FileInfo> = self.manifest.to_load().collect();
        manifest.history.retain(|file| {
            if used.iter().any(|live| live.name == file.name) {
                return false;
            }
            let path = self.path.join(file.path());
            tracing::info!("Removing the history file {}", file.path().display());
            match disk.remove(&path) {
                Ok(()) => false,
                Err(error) if error.kind() == io::ErrorKind::NotFound => false,
                Err(error) => {
                    tracing::warn!("Failed to remove {}: {error}", path.display());
                    true
                }
            }
        });
        if let Err(error) = self.commit(disk, manifest) {
            tracing::warn!("Failed to write the AOF manifest: {error}");
        }
    }

    /// Returns when the manifest in force is the one on the disk.
    pub(super) fn settle(&mut self, disk: &mut impl Disk) -> io::Result<()> {
        if !self.is_settled {
            disk.sync_folder(&self.path)?;
            self.is_settled = true;
        }
        Ok(())
    }

    /// Makes `manifest` the one in force, on the disk first. On failure the old one still is.
    pub(super) fn commit(&mut self, disk: &mut impl Disk, manifest: Manifest) -> io::Result<()> {
        // The names of the files before the manifest that names them.
        disk.sync_folder(&self.path)?;
        let name = format!("{}.manifest", self.stem);
        let temporary = self.path.join(format!("temp-{name}"));
        let replaced = write_new(disk, &temporary, &manifest.format())
            .and_then(|()| disk.rename(&temporary, &self.path.join(name)));
        if let Err(error) = replaced {
            let _ = disk.remove(&temporary);
            return Err(error);
        }
        self.last_incr = self.last_incr.max(manifest.incr_seq());
        self.manifest = manifest;
        self.is_settled = disk.sync_folder(&self.path).is_ok();
        Ok(())
    }
}

/// Writes a file from its beginning, onto the disk.
fn write_new(disk: &mut impl Disk, path: &Path, text: &[u8]) -> io::Result<()> {
    let (mut file, length) = disk.open(path)?;
    if length > 0 {
        disk.truncate(&mut file, 0)?;
    }
    let mut written = 0;
    while written < text.len() {
        match disk.write(&mut file, &text[written..], written as u64)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            some => written += some,
        }
    }
    disk.sync(&mut file)
}

/// What becomes of the increment when there is a new base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Incr {
    /// The newest one goes on.
    Current,
    /// The one that waited becomes the first.
    Temporary,
    /// There is none: the append-only file is off.
    None,
}
