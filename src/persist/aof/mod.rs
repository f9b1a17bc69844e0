//! The append-only file: which files it consists of (`manifest.rs`), and what is in one of them (`reader.rs`).

mod manifest;
mod reader;

pub use manifest::{BaseFormat, FileInfo, FileKind, Manifest, ManifestError};
pub use reader::{AofError, AofReader, Step};
