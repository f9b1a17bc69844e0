//! The append-only file of versions before 7.0, one file beside the snapshot, becomes the base of one of several.

use super::disk::{Disk, RealDisk};
use super::folder::Folder;
use super::{folder_of, manifest_on_disk};
use crate::config::{Config, os_reason};
use crate::persist::aof::{FileInfo, FileKind, Manifest};
use std::io;
use std::path::Path;

/// Moves such a file into the folder if there is one and nothing else is there. The manifest is written first: whoever
/// is interrupted in between finds by it what is still to be done.
pub(in crate::server) fn adopt_old_file(config: &Config) -> Result<(), String> {
    let old = Path::new(&config.appendfilename);
    if !config.appendonly || !old.is_file() {
        return Ok(());
    }
    let Ok(found) = manifest_on_disk(config) else {
        // Whoever reads it says what is wrong.
        return Ok(());
    };
    let base = FileInfo {
        name: config.appendfilename.clone().into_bytes(),
        seq: 1,
        kind: FileKind::Base,
    };
    let wanted = Manifest {
        base: Some(base),
        ..Manifest::default()
    };
    let new = Path::new(&config.appenddirname).join(old);
    if found.is_some_and(|found| found != wanted || new.exists()) {
        return Ok(());
    }
    let moved = (|| -> io::Result<()> {
        let path = folder_of(config)?;
        RealDisk.make_folder(&path)?;
        let mut folder = Folder::new(path, config.appendfilename.clone(), Manifest::default());
        folder.commit(&mut RealDisk, wanted)?;
        RealDisk.rename(old, &new)?;
        RealDisk.sync_folder(Path::new(&config.appenddirname))?;
        RealDisk.sync_folder(Path::new("."))
    })();
    let (file, folder) = (&config.appendfilename, &config.appenddirname);
    match moved {
        Ok(()) => {
            tracing::info!(
                "Successfully migrated an old-style AOF file ({file}) into the AOF directory ({folder})."
            );
            Ok(())
        }
        Err(error) => {
            let why = os_reason(&error);
            Err(format!("Can't move {file} into {folder}: {why}"))
        }
    }
}
