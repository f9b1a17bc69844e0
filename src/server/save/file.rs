//! A snapshot as an RDB file.
//!
//! It is written under another name and gets its own when all of it is on the disk: a file is there whole or not at all.
//! The version stands at the very beginning and is known at the end, when it is put there; the checksum of what follows
//! the header is kept apart for that reason.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Facts, SnapshotSink};
use crate::base::{crc64, crc64_combine};
use crate::command::connection::REDIS_VERSION;
use crate::persist::rdb;

/// What a file is the base of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::server) enum BaseOf {
    /// Nothing: it stands for itself.
    Nothing,
    /// An append-only file.
    Log,
}

/// See the module.
pub(in crate::server) struct RdbFile {
    path: PathBuf,
    temporary: PathBuf,
    base_of: BaseOf,
    with_checksum: bool,
    /// Brings what is written to the disk every so often, so that the end of it takes no time.
    with_syncs: bool,
    file: Option<File>,
    buffer: Vec<u8>,
    facts: Facts,
    /// Checksum of the body, and its length.
    body_crc: u64,
    body_bytes: u64,
    unsynced: u64,
}

/// Bytes that go to the file at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes from one sync to the next.
const SYNC_BYTES: u64 = 16 * 1024 * 1024;

impl RdbFile {
    /// A file that will be called `path`; until it is whole it is `temporary`, in the same folder.
    pub(in crate::server) fn new(
        path: impl Into<PathBuf>,
        temporary: impl Into<PathBuf>,
        base_of: BaseOf,
        with_checksum: bool,
        with_syncs: bool,
    ) -> RdbFile {
        RdbFile {
            path: path.into(),
            temporary: temporary.into(),
            base_of,
            with_checksum,
            with_syncs,
            file: None,
            buffer: Vec::new(),
            facts: Facts::default(),
            body_crc: 0,
            body_bytes: 0,
            unsynced: 0,
        }
    }

    /// As it stands at the beginning; of the same length for every version.
    fn header(&self, version: u16) -> Vec<u8> {
        let is_base = self.base_of == BaseOf::Log;
        let facts = [
            ("redis-ver", REDIS_VERSION.to_owned()),
            ("redis-bits", usize::BITS.to_string()),
            ("ctime", self.facts.seconds.to_string()),
            ("used-mem", self.facts.used_memory.to_string()),
            ("aof-base", u8::from(is_base).to_string()),
        ];
        rdb::header(version, &facts, &self.facts.functions)
    }

    fn flush(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Err(io::Error::other("the file was not begun"));
        };
        file.write_all(&self.buffer)?;
        self.unsynced += self.buffer.len() as u64;
        self.buffer.clear();
        if self.with_syncs && self.unsynced >= SYNC_BYTES {
            file.sync_data()?;
            self.unsynced = 0;
        }
        Ok(())
    }
}

impl SnapshotSink for RdbFile {
    fn begin(&mut self, facts: &Facts) -> io::Result<()> {
        self.facts = facts.clone();
        self.file = Some(File::create(&self.temporary)?);
        self.buffer = self.header(rdb::VERSION_MIN);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.with_checksum {
            self.body_crc = crc64(self.body_crc, bytes);
        }
        self.body_bytes += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn finish(&mut self, version: u16) -> io::Result<()> {
        let header = self.header(version);
        let crc = crc64_combine(crc64(0, &header), self.body_crc, self.body_bytes);
        self.buffer
            .extend_from_slice(&rdb::trailer(self.with_checksum.then_some(crc)));
        self.flush()?;
        let Some(mut file) = self.file.take() else {
            return Err(io::Error::other("the file was not begun"));
        };
        if version != rdb::VERSION_MIN {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&header)?;
        }
        file.sync_all()?;
        drop(file);
        std::fs::rename(&self.temporary, &self.path)?;
        let folder = self.path.parent().filter(|path| *path != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }

    fn abort(&mut self) {
        self.file = None;
        // It may not have come to be.
        let _ = std::fs::remove_file(&self.temporary);
    }
}
