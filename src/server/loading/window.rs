//! A stretch of a file in memory, that slides over it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// See the module.
#[derive(Debug)]
pub(super) struct Window {
    file: File,
    size: u64,
    /// Bytes taken from the file.
    taken: u64,
    buffer: Vec<u8>,
    /// What is before this was consumed.
    from: usize,
    step: usize,
}

impl Window {
    /// Over a file, which is read in steps of so many bytes.
    pub(super) fn open(path: &Path, step: usize) -> io::Result<Window> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        Ok(Window {
            size: metadata.len(),
            file,
            taken: 0,
            buffer: Vec::new(),
            from: 0,
            step,
        })
    }

    /// Bytes of the file.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What is in memory and was not consumed.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.from..]
    }

    /// Bytes of the file that were not consumed.
    pub(super) fn remaining(&self) -> u64 {
        self.size - self.taken + self.bytes().len() as u64
    }

    /// The first `count` bytes are done with.
    pub(super) fn consume(&mut self, count: usize) {
        self.from += count;
    }

    /// Reads on, until at least `need` bytes are in memory; false if the file has not so many. What a length promises
    /// takes memory only if the file has it.
    pub(super) fn extend(&mut self, need: u64) -> io::Result<bool> {
        let here = self.bytes().len() as u64;
        let left = self.size.saturating_sub(self.taken);
        if need > here.saturating_add(left) {
            return Ok(false);
        }
        // As much again: what is looked at from its beginning, each time there is more of it, is looked at twice.
        let want = (need - here.min(need)).max(here).max(self.step as u64);
        self.buffer.drain(..self.from);
        self.from = 0;
        let want = want.min(left);
        self.buffer.reserve(usize::try_from(want).unwrap_or(0));
        let read = (&mut self.file).take(want).read_to_end(&mut self.buffer)?;
        self.taken += read as u64;
        if (read as u64) < want {
            self.size = self.taken;
        }
        Ok(self.buffer.len() as u64 >= need)
    }
}
