//! The files themselves: the only I/O of this room.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::load::Files;
use crate::base::glob_match;

/// The process's files and standard input.
pub struct RealFiles;

impl Files for RealFiles {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(path)
    }

    fn matching(&mut self, folder: &Path, pattern: &Path) -> Vec<PathBuf> {
        matching(folder, pattern)
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        io::stdin().read_to_end(&mut text)?;
        Ok(text)
    }

    fn current_dir(&mut self) -> io::Result<PathBuf> {
        std::env::current_dir()
    }
}

/// Replaces the file at `path`, so that a crash leaves either the old text or the new one, whole.
///
/// A new file is written beside it, synced, given the old one's permissions and renamed over it, then the folder is
/// synced. A symbolic link stays one: what it points to is replaced. On error the old file is untouched, unless it was
/// the last sync that failed.
pub fn write_atomically(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let (temporary, mut file) = create_beside(&path)?;
    let written = file
        .write_all(text)
        .and_then(|()| file.set_permissions(permissions(&path)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, &path));
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

fn permissions(path: &Path) -> Permissions {
    match fs::metadata(path) {
        Ok(metadata) => metadata.permissions(),
        Err(_) => Permissions::from_mode(0o644),
    }
}

/// Creates a file next to `path` under a name that was free. Readable by nobody else until it is complete: it may
/// contain a password.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    for attempt in 0..NAMES_TRIED {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".tmp-{attempt}"));
        let temporary = PathBuf::from(name);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)
        {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
            Ok(file) => return Ok((temporary, file)),
        }
    }
    Err(io::Error::from(io::ErrorKind::AlreadyExists))
}

/// Left-overs of crashed rewrites may take names; this many mean that something else is wrong.
const NAMES_TRIED: usize = 100;

/// Existing paths that match a glob pattern, sorted. `*`, `?` and classes match within one component, and a leading
/// dot only if it is written.
fn matching(folder: &Path, pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for component in pattern.components() {
        let Component::Normal(part) = component else {
            found.iter_mut().for_each(|path| path.push(component));
            continue;
        };
        let part = part.as_bytes();
        if part.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
            let pattern = shell_class(part);
            found = found
                .iter()
                .flat_map(|folder| entries(folder, &pattern))
                .collect();
        } else {
            found
                .iter_mut()
                .for_each(|path| path.push(OsStr::from_bytes(part)));
        }
    }
    found.retain(|path| path.symlink_metadata().is_ok());
    found.sort();
    found
}

/// The shell negates a class with `!`, our globs with `^`.
fn shell_class(pattern: &[u8]) -> Vec<u8> {
    let mut out = pattern.to_vec();
    for i in 1..out.len() {
        if out[i - 1] == b'[' && out[i] == b'!' {
            out[i] = b'^';
        }
    }
    out
}

fn entries(folder: &Path, pattern: &[u8]) -> Vec<PathBuf> {
    let shown = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let Ok(entries) = fs::read_dir(shown) else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().into_vec()));
    let matches = |name: &Vec<u8>| {
        (name[0] != b'.' || pattern[0] == b'.') && glob_match(pattern, name, false)
    };
    names
        .filter(matches)
        .map(|name| folder.join(OsString::from_vec(name)))
        .collect()
}
