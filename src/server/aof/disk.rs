//! The few operations on files that the append-only file consists of, so that tests can make each of them fail.

use crate::command::ctx::Server;
use crate::ring::Clock;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How often a sync that is held up looks whether it may go on.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Files and folders.
pub(super) trait Disk {
    /// An open file.
    type File;
    /// Makes a folder, unless it is there.
    fn make_folder(&mut self, path: &Path) -> io::Result<()>;
    /// Opens a file to write on behind what is there; makes it if it is not. Returns its length.
    fn open(&mut self, path: &Path) -> io::Result<(Self::File, u64)>;
    /// Writes some of `bytes` at `offset`.
    fn write(&mut self, file: &mut Self::File, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts a file off.
    fn truncate(&mut self, file: &mut Self::File, length: u64) -> io::Result<()>;
    /// Returns when what was written is on the disk.
    fn sync(&mut self, file: &mut Self::File) -> io::Result<()>;
    /// Gives a file another name, in place of the file that had it.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Gives a file a second name that nothing had; where it cannot have that, there is a copy, which is on the disk.
    fn link(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// Returns when the names in a folder are on the disk.
    fn sync_folder(&mut self, path: &Path) -> io::Result<()>;
    /// Length of a file.
    fn length(&mut self, path: &Path) -> io::Result<u64>;
    /// How long operations have taken since this was asked last, if anybody looks at a clock.
    fn take_times(&mut self) -> Times {
        Times::default()
    }
}

/// How long operations took, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) write_us: u64,
    pub(super) sync_us: u64,
    pub(super) rename_us: u64,
}

/// A disk under the eyes of a clock, which somebody may hold up (DEBUG HOLD-SYNC).
pub(super) struct Timed<D> {
    disk: D,
    clock: Clock,
    server: Arc<Server>,
    times: Times,
}

impl<D> Timed<D> {
    pub(super) fn new(disk: D, clock: Clock, server: Arc<Server>) -> Timed<D> {
        Timed {
            disk,
            clock,
            server,
            times: Times::default(),
        }
    }

    fn timed<R>(&mut self, run: impl FnOnce(&mut D) -> R) -> (R, u64) {
        let started = self.clock.mono_us();
        let result = run(&mut self.disk);
        (result, self.clock.mono_us().saturating_sub(started))
    }
}

impl<D: Disk> Disk for Timed<D> {
    type File = D::File;

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        self.disk.make_folder(path)
    }

    fn open(&mut self, path: &Path) -> io::Result<(D::File, u64)> {
        self.disk.open(path)
    }

    fn write(&mut self, file: &mut D::File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let (result, us) = self.timed(|disk| disk.write(file, bytes, offset));
        self.times.write_us += us;
        result
    }

    fn truncate(&mut self, file: &mut D::File, length: u64) -> io::Result<()> {
        self.disk.truncate(file, length)
    }

    fn sync(&mut self, file: &mut D::File) -> io::Result<()> {
        let server = Arc::clone(&self.server);
        let (result, us) = self.timed(|disk| {
            while server.process.disk.holds_syncs() {
                std::thread::park_timeout(LOOK_AGAIN);
            }
            disk.sync(file)
        });
        self.times.sync_us += us;
        result
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let (result, us) = self.timed(|disk| disk.rename(from, to));
        self.times.rename_us += us;
        result
    }

    fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.link(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_folder(&mut self, path: &Path) -> io::Result<()> {
        self.disk.sync_folder(path)
    }

    fn length(&mut self, path: &Path) -> io::Result<u64> {
        self.disk.length(path)
    }

    fn take_times(&mut self) -> Times {
        std::mem::take(&mut self.times)
    }
}

/// The real one.
pub(super) struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn make_folder(&mut self, path: &Path) -> io::Result<()> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    fn open(&mut self, path: &Path) -> io::Result<(File, u64)> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    fn write(&mut self, file: &mut File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }

    fn truncate(&mut self, file: &mut File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&mut self, file: &mut File) -> io::Result<()> {
        file.sync_data()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn link(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        match std::fs::hard_link(from, to) {
            // It may be the same file: never to be written over.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => {}
            Ok(()) => return Ok(()),
        }
        // Another file system, or one without such links.
        let mut copy = File::create_new(to)?;
        let copied = File::open(from)
            .and_then(|mut from| io::copy(&mut from, &mut copy))
            .and_then(|_| copy.sync_all());
        if copied.is_err() {
            let _ = std::fs::remove_file(to);
        }
        copied
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn sync_folder(&mut self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn length(&mut self, path: &Path) -> io::Result<u64> {
        Ok(std::fs::metadata(path)?.len())
    }
}
