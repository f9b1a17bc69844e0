//! Room `tools`: programs for people who look at files. They know formats and commands, and no running server.

mod aof;
pub mod check;
pub mod dump;
mod json;
mod rdb;
mod words;

use crate::persist::Window;
use std::fs::File;
use std::io;
use std::path::Path;

/// Bytes read at a time.
const STEP_BYTES: usize = 1 << 20;

/// A window over a file.
fn open(path: &Path) -> Result<Window<File>, String> {
    let failed = |error: io::Error| {
        let why = crate::config::os_reason(&error);
        format!("Cannot open file {}: {why}", path.display())
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    Ok(Window::new(file, metadata.len(), STEP_BYTES))
}

/// Says every tenth how far it is, of files that take a while.
struct Progress {
    total: u64,
    tenths: u64,
}

impl Progress {
    /// Smaller files are done before anybody has read a line.
    const BYTES_MIN: u64 = 64 << 20;

    fn new(total: u64) -> Progress {
        Progress { total, tenths: 0 }
    }

    fn at(&mut self, offset: u64) {
        let tenths = offset.saturating_mul(10) / self.total.max(1);
        if tenths > self.tenths && self.total >= Progress::BYTES_MIN {
            eprintln!("{}% of {} bytes", tenths * 10, self.total);
        }
        self.tenths = tenths;
    }
}
