//! The few operations on files that the append-only file consists of, so that tests can make each of them fail.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

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
    /// Removes a file.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// Returns when the names in a folder are on the disk.
    fn sync_folder(&mut self, path: &Path) -> io::Result<()>;
    /// Length of a file.
    fn length(&mut self, path: &Path) -> io::Result<u64>;
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
