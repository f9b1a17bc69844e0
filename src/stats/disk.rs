//! Whether what is written down keeps up with what is changed: set by those who write files, read before every write. And
//! whether what is read has to be right.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// See the module.
#[derive(Debug, Default)]
pub struct DiskHealth {
    /// The last snapshot that a save point or BGSAVE asked for failed.
    save_failed: AtomicBool,
    /// The operating system's number for what fails at present with the append-only file, 0 for nothing.
    log_errno: AtomicI32,
    /// A file is being read: what it says was kept already.
    is_reading: AtomicBool,
    /// Payloads are taken whatever their checksums say (DEBUG SET-SKIP-CHECKSUM-VALIDATION).
    skips_checksums: AtomicBool,
    /// No sync of the append-only file ends (DEBUG HOLD-SYNC).
    holds_syncs: AtomicBool,
}

impl DiskHealth {
    /// Whether there may be a reason to refuse writes.
    #[inline]
    pub fn is_failing(&self) -> bool {
        self.has_save_failed() || self.is_log_failing()
    }

    /// Whether a file is being read.
    pub fn is_reading(&self) -> bool {
        self.is_reading.load(Ordering::Relaxed)
    }

    /// A file is being read from now on, or not any more.
    pub fn set_reading(&self, is_reading: bool) {
        self.is_reading.store(is_reading, Ordering::SeqCst);
    }

    /// Whether the last background save failed.
    #[inline]
    pub fn has_save_failed(&self) -> bool {
        self.save_failed.load(Ordering::Relaxed)
    }

    /// Whether the last write to the append-only file, or the last fsync of it, failed.
    #[inline]
    pub fn is_log_failing(&self) -> bool {
        self.log_errno.load(Ordering::Relaxed) != 0
    }

    /// Why the append-only file cannot be written.
    pub fn log_failure(&self) -> Option<io::Error> {
        match self.log_errno.load(Ordering::Relaxed) {
            0 => None,
            errno => Some(io::Error::from_raw_os_error(errno)),
        }
    }

    /// Whether payloads are taken whatever their checksums say.
    pub fn skips_checksums(&self) -> bool {
        self.skips_checksums.load(Ordering::Relaxed)
    }

    /// Has them taken so, or not.
    pub fn set_skips_checksums(&self, skips: bool) {
        self.skips_checksums.store(skips, Ordering::Relaxed);
    }

    /// Whether no sync of the append-only file is to end.
    pub fn holds_syncs(&self) -> bool {
        self.holds_syncs.load(Ordering::Relaxed)
    }

    /// Has the disk stand still for those who sync the append-only file, or not.
    pub fn set_holds_syncs(&self, holds: bool) {
        self.holds_syncs.store(holds, Ordering::Relaxed);
    }

    /// A background save failed, or any save succeeded.
    pub fn note_save(&self, failed: bool) {
        self.save_failed.store(failed, Ordering::Relaxed);
    }

    /// The append-only file fails with this number, 0 for not at all; says whether it failed before.
    pub fn note_log(&self, errno: i32) -> bool {
        self.log_errno.swap(errno, Ordering::SeqCst) != 0
    }
}
