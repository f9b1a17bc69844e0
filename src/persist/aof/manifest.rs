//! The manifest of an append-only file: which files, in which order, make the data.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b
//! file appendonly.aof.1.base.rdb seq 1 type h
//! file appendonly.aof.4.incr.aof seq 4 type i
//! file appendonly.aof.5.incr.aof seq 5 type i
//! ```
//!
//! One base (an RDB file, or commands), then increments in the order of their numbers; `h` is history that may be removed.
//! Names with blanks or quotes are quoted as in configuration files. Pairs with other names belong to later versions and
//! are passed over. A manifest is replaced as a whole, by a rename: it is the commit of a rewrite.
//!
//! Pure: who opens, writes and removes files is elsewhere.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::config::{put_word, split_words, trim_line};

/// A longer line is refused, its end included.
const LINE_BYTES_MAX: usize = 1024;

/// What a file is to the whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileKind {
    /// What there was at the last rewrite.
    Base,
    /// Commands since then.
    Incr,
    /// Superseded; to be removed.
    History,
}

impl FileKind {
    fn letter(self) -> u8 {
        match self {
            FileKind::Base => b'b',
            FileKind::Incr => b'i',
            FileKind::History => b'h',
        }
    }
}

/// How a base is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaseFormat {
    /// As an RDB file.
    Rdb,
    /// As commands.
    Commands,
}

/// A file of the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileInfo {
    /// Its name, without a folder.
    pub name: Vec<u8>,
    /// Its number among its kind.
    pub seq: i64,
    /// What it is.
    pub kind: FileKind,
}

impl FileInfo {
    /// Its name as a relative path.
    pub fn path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.name))
    }
}

/// See the module.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// The base, if there is one.
    pub base: Option<FileInfo>,
    /// Increments, from the oldest.
    pub incrs: Vec<FileInfo>,
    /// Superseded files that may still be there, from the newest.
    pub history: Vec<FileInfo>,
}

/// Why a manifest was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestError {
    /// Number of the line, from 1.
    pub line: usize,
    /// The line, if it could be read.
    pub text: Option<Vec<u8>>,
    /// What is wrong.
    pub reason: &'static str,
}

impl ManifestError {
    /// What the log says, line by line.
    pub fn log_lines(&self) -> Vec<String> {
        let mut lines = vec!["*** FATAL AOF MANIFEST FILE ERROR ***".to_owned()];
        if let Some(text) = &self.text {
            lines.push(format!("Reading the manifest file, at line {}", self.line));
            lines.push(format!(">>> '{}'", String::from_utf8_lossy(text)));
        }
        lines.push(self.reason.to_owned());
        lines
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {})", self.reason, self.line)
    }
}

impl Manifest {
    /// Reads the text of a manifest.
    pub fn parse(text: &[u8]) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::default();
        let (mut rest, mut number) = (text, 0);
        loop {
            let fail = |number, text: Option<&[u8]>, reason| ManifestError {
                line: number,
                text: text.map(<[u8]>::to_vec),
                reason,
            };
            if rest.is_empty() {
                if number == 0 {
                    return Err(fail(0, None, "Found an empty AOF manifest"));
                }
                return Ok(manifest);
            }
            number += 1;
            let window = &rest[..rest.len().min(LINE_BYTES_MAX)];
            let end = memchr::memchr(b'\n', window);
            let line = &window[..end.unwrap_or(window.len())];
            rest = &rest[end.map_or(window.len(), |end| end + 1)..];
            if line.first() == Some(&b'#') {
                continue;
            }
            if end.is_none() {
                let reason = "The AOF manifest file contains too long line";
                return Err(fail(number, None, reason));
            }
            let line = trim_line(line);
            manifest
                .add(line)
                .map_err(|reason| fail(number, Some(line), reason))?;
        }
    }

    fn add(&mut self, line: &[u8]) -> Result<(), &'static str> {
        let words = split_words(line).unwrap_or_default();
        if words.len() < 6 || !words.len().is_multiple_of(2) {
            return Err(BAD_FORMAT);
        }
        let (mut name, mut seq, mut letter) = (None, 0, None);
        for pair in words.chunks_exact(2) {
            if pair[0].eq_ignore_ascii_case(b"file") {
                if pair[1].iter().any(|byte| matches!(byte, b'/' | b'\\')) {
                    return Err("File can't be a path, just a filename");
                }
                name = Some(pair[1].clone());
            } else if pair[0].eq_ignore_ascii_case(b"seq") {
                seq = leading_number(&pair[1]);
            } else if pair[0].eq_ignore_ascii_case(b"type") {
                letter = pair[1].first().copied();
            }
        }
        let (Some(name), Some(letter), true) = (name, letter, seq != 0) else {
            return Err(BAD_FORMAT);
        };
        let info = |kind| FileInfo { name, seq, kind };
        match letter {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => self.base = Some(info(FileKind::Base)),
            b'h' => self.history.push(info(FileKind::History)),
            b'i' if seq <= self.incr_seq() => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => self.incrs.push(info(FileKind::Incr)),
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The text of a manifest.
    pub fn format(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let all = self.base.iter().chain(&self.history).chain(&self.incrs);
        for info in all {
            out.extend_from_slice(b"file ");
            put_word(&mut out, &info.name);
            out.extend_from_slice(format!(" seq {} type ", info.seq).as_bytes());
            out.extend_from_slice(&[info.kind.letter(), b'\n']);
        }
        out
    }

    /// Whether there is nothing to load.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.incrs.is_empty()
    }

    /// What is to be loaded, in this order.
    pub fn to_load(&self) -> impl Iterator<Item = &FileInfo> {
        self.base.iter().chain(&self.incrs)
    }

    /// Number of the base, 0 without one.
    pub fn base_seq(&self) -> i64 {
        self.base.as_ref().map_or(0, |base| base.seq)
    }

    /// Number of the newest increment, 0 without one.
    pub fn incr_seq(&self) -> i64 {
        self.incrs.last().map_or(0, |incr| incr.seq)
    }

    /// Puts a new base in the place of the one there was, which becomes history. `stem` is `appendfilename`.
    pub fn new_base(&mut self, stem: &str, format: BaseFormat) -> &FileInfo {
        let seq = self.base_seq() + 1;
        let suffix = match format {
            BaseFormat::Rdb => "rdb",
            BaseFormat::Commands => "aof",
        };
        if let Some(old) = self.base.take() {
            self.retire(old);
        }
        self.base.insert(FileInfo {
            name: format!("{stem}.{seq}.base.{suffix}").into_bytes(),
            seq,
            kind: FileKind::Base,
        })
    }

    /// Appends a new increment. `stem` is `appendfilename`.
    pub fn new_incr(&mut self, stem: &str) -> &FileInfo {
        let seq = self.incr_seq() + 1;
        self.incrs.push(FileInfo {
            name: format!("{stem}.{seq}.incr.aof").into_bytes(),
            seq,
            kind: FileKind::Incr,
        });
        &self.incrs[self.incrs.len() - 1]
    }

    /// Makes history of all increments but the newest `keep`: what is in them is in a new base.
    pub fn retire_incrs(&mut self, keep: usize) {
        let kept = self.incrs.split_off(self.incrs.len().saturating_sub(keep));
        for old in std::mem::replace(&mut self.incrs, kept).into_iter().rev() {
            self.retire(old);
        }
    }

    fn retire(&mut self, mut info: FileInfo) {
        info.kind = FileKind::History;
        self.history.insert(0, info);
    }
}

const BAD_FORMAT: &str = "Invalid AOF manifest file format";

/// The number that a text begins with, as C reads it: 0 if with none.
fn leading_number(text: &[u8]) -> i64 {
    let (sign, digits) = match text {
        [b'-', digits @ ..] => (-1, digits),
        [b'+', digits @ ..] => (1, digits),
        digits => (1, digits),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_i64, |number, digit| {
        number
            .saturating_mul(10)
            .saturating_add(sign * i64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    const TEXT: &str = "file appendonly.aof.2.base.rdb seq 2 type b\n\
                        file appendonly.aof.1.base.rdb seq 1 type h\n\
                        file appendonly.aof.4.incr.aof seq 4 type i\n\
                        file appendonly.aof.5.incr.aof seq 5 type i\n";

    #[test]
    fn a_manifest_reads_back() {
        let manifest = Manifest::parse(TEXT.as_bytes()).unwrap();
        let names: Vec<&Path> = manifest.to_load().map(FileInfo::path).collect();
        assert_eq!(
            names,
            [
                Path::new("appendonly.aof.2.base.rdb"),
                Path::new("appendonly.aof.4.incr.aof"),
                Path::new("appendonly.aof.5.incr.aof")
            ]
        );
        assert_eq!((manifest.base_seq(), manifest.incr_seq()), (2, 5));
        assert_eq!(manifest.format(), TEXT.as_bytes());
    }

    #[test]
    fn names_are_quoted_where_they_have_to_be() {
        let mut manifest = Manifest::default();
        manifest.new_incr("\u{7} file \n \n .. \n \"s.aof");
        let text = manifest.format();
        assert!(text.starts_with(b"file \"\\a file \\n"));
        assert_eq!(Manifest::parse(&text).unwrap(), manifest);
    }

    #[test]
    fn comments_case_and_unknown_pairs_are_passed_over() {
        let text = "# a comment\n  FILE 'a b' Seq 7x TYPE incr startoffset 1 endoffset 2\r\n";
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.incrs[0].name, b"a b");
        assert_eq!(manifest.incr_seq(), 7);
    }

    #[track_caller]
    fn refused(text: &str, line: usize, reason: &str) {
        let error = Manifest::parse(text.as_bytes()).unwrap_err();
        assert_eq!((error.line, error.reason), (line, reason), "{text:?}");
    }

    #[test]
    fn what_is_wrong_is_said() {
        refused("", 0, "Found an empty AOF manifest");
        refused("\n", 1, BAD_FORMAT);
        refused("file a seq 1 type i\n\n", 2, BAD_FORMAT);
        refused("file a type i\n", 1, BAD_FORMAT);
        refused("filx a seq 1 type i\n", 1, BAD_FORMAT);
        refused("file a seq x type i\n", 1, BAD_FORMAT);
        refused("file a seq 1 type i more\n", 1, BAD_FORMAT);
        refused("file \"a seq 1 type i\n", 1, BAD_FORMAT);
        refused("file a seq 1 type x\n", 1, "Unknown AOF file type");
        refused(
            "file ../a seq 1 type i\n",
            1,
            "File can't be a path, just a filename",
        );
        let twice = "file a seq 1 type b\nfile b seq 2 type b\n";
        refused(twice, 2, "Found duplicate base file information");
        let back = "file b seq 2 type i\nfile a seq 1 type i\n";
        refused(back, 2, "Found a non-monotonic sequence number");
        let too_long = "The AOF manifest file contains too long line";
        refused("file a seq 1 type i", 1, too_long);
        refused(
            &format!("file {} seq 1 type i\n", "a".repeat(1100)),
            1,
            too_long,
        );
    }

    #[test]
    fn a_rewrite_makes_history() {
        let mut manifest = Manifest::default();
        assert!(manifest.is_empty());
        assert_eq!(
            manifest.new_base("a", BaseFormat::Commands).name,
            b"a.1.base.aof"
        );
        manifest.new_incr("a");
        manifest.new_incr("a");
        assert_eq!(manifest.new_incr("a").name, b"a.3.incr.aof");
        assert_eq!(
            manifest.new_base("a", BaseFormat::Rdb).name,
            b"a.2.base.rdb"
        );
        manifest.retire_incrs(1);
        let text = "file a.2.base.rdb seq 2 type b\n\
                    file a.1.incr.aof seq 1 type h\n\
                    file a.2.incr.aof seq 2 type h\n\
                    file a.1.base.aof seq 1 type h\n\
                    file a.3.incr.aof seq 3 type i\n";
        assert_eq!(String::from_utf8(manifest.format()).unwrap(), text);
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest);
    }

    #[test]
    fn any_bytes_are_a_manifest_or_refused() {
        let mut rng = Rng::new(11);
        for _ in 0..20_000 {
            let mut bytes = TEXT.as_bytes().to_vec();
            for _ in 0..rng.index(4) {
                let at = rng.index(bytes.len());
                bytes[at] = rng.next_u64() as u8;
            }
            bytes.truncate(rng.index(bytes.len() + 1));
            if let Ok(manifest) = Manifest::parse(&bytes)
                && !manifest.is_empty()
            {
                assert_eq!(Manifest::parse(&manifest.format()), Ok(manifest));
            }
        }
    }
}
