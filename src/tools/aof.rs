//! Whether an append-only file is whole, and cutting it off where it is not.

use super::{Progress, open, rdb};
use crate::command::lookup::lookup;
use crate::persist::Window;
use crate::persist::aof::{AofReader, FileKind, Manifest, Step};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead};
use std::path::Path;

/// What the caller wants done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wishes {
    /// Cut a damaged end off.
    pub(super) fix: bool,
    /// Cut off what is later than this unix second.
    pub(super) until: Option<i64>,
    /// Do not ask.
    pub(super) yes: bool,
}

/// What was found in a file.
#[derive(Debug, Default)]
struct Seen {
    size: u64,
    /// All is well up to here.
    valid: u64,
    commands: u64,
    transactions: u64,
    unknown: Vec<Vec<u8>>,
    /// The first and the last time that an annotation names.
    times: Option<(i64, i64)>,
    /// Where the first command after the wanted time begins.
    later: Option<u64>,
    /// What is wrong.
    problem: Option<String>,
}

/// Checks the files of a manifest, or a single file.
pub(super) fn check(path: &Path, wishes: &Wishes) -> Result<(), String> {
    let mut start = open(path)?;
    let _ = start.extend(start.size().min(MANIFEST_LOOK_BYTES));
    if !is_manifest(start.bytes()) {
        println!("Start checking Old-Style AOF");
        return check_last(path, path, wishes);
    }
    println!("Start checking Multi Part AOF");
    let text = fs::read(path).map_err(|error| format!("Cannot read the manifest: {error}"))?;
    let manifest = Manifest::parse(&text).map_err(|error| error.log_lines().join("\n"))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let files: Vec<_> = manifest.to_load().collect();
    let Some((last, earlier)) = files.split_last() else {
        println!("The manifest names no files");
        return Ok(());
    };
    for info in earlier {
        check_earlier(&folder.join(info.path()), info.kind, wishes)?;
    }
    println!("Start to check {} AOF", kind_name(last.kind));
    check_last(&folder.join(last.path()), last.path(), wishes)?;
    println!("All AOF files and manifest are valid");
    Ok(())
}

/// A manifest shows itself within so many bytes.
pub(super) const MANIFEST_LOOK_BYTES: u64 = 4096;

/// A manifest begins with a line about a file, comments aside.
pub(super) fn is_manifest(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let first = lines.find(|line| !line.starts_with(b"#"));
    first.is_some_and(|line| line.trim_ascii_start().starts_with(b"file "))
}

fn kind_name(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Base => "BASE",
        FileKind::Incr | FileKind::History => "INCR",
    }
}

/// A file that others follow has to be whole: what comes later stands on it.
fn check_earlier(path: &Path, kind: FileKind, wishes: &Wishes) -> Result<(), String> {
    println!("Start to check {} AOF", kind_name(kind));
    let seen = look(path, wishes.until)?;
    let name = path.display();
    refuse_nothing(path, &seen, wishes)?;
    if let Some(problem) = seen.problem {
        return Err(format!(
            "{problem}\nAOF {name} is not valid up to its end, and it is not the last file: it cannot be cut off without \
             losing what follows. If you insist, delete the files after it and their lines in the manifest, and run this \
             again."
        ));
    }
    if let (Some(until), Some(at)) = (wishes.until, seen.later) {
        return Err(format!(
            "Failed to truncate AOF {name} to timestamp {until} to offset {at} because it is not the last file.\nIf you \
             insist, please delete all files after this file according to the manifest file and delete the corresponding \
             records in manifest file manually. Then re-run tessera-check."
        ));
    }
    println!("{} AOF {name} is valid", kind_name(kind));
    Ok(())
}

/// A file of which nothing would be left is not touched.
fn refuse_nothing(path: &Path, seen: &Seen, wishes: &Wishes) -> Result<(), String> {
    match (wishes.until, seen.later) {
        (Some(until), Some(0)) => Err(format!(
            "AOF {} has nothing before timestamp {until}, aborting...",
            path.display()
        )),
        _ => Ok(()),
    }
}

fn check_last(path: &Path, name: &Path, wishes: &Wishes) -> Result<(), String> {
    let seen = look(path, wishes.until)?;
    refuse_nothing(path, &seen, wishes)?;
    let name = name.display();
    if let Some(at) = seen.later.filter(|at| *at <= seen.valid) {
        println!("AOF {name}: the first command after the wanted time begins at offset {at}");
        return truncate(path, &seen, at, wishes);
    }
    let Some(problem) = &seen.problem else {
        println!("AOF {name} is valid");
        return Ok(());
    };
    println!("{problem}");
    let (size, valid) = (seen.size, seen.valid);
    let diff = size - valid;
    println!("AOF analyzed: filename={name}, size={size}, ok_up_to={valid}, diff={diff}");
    match wishes.fix {
        true => truncate(path, &seen, valid, wishes),
        false => Err(format!(
            "AOF {name} is not valid. Use the --fix option to try fixing it."
        )),
    }
}

fn truncate(path: &Path, seen: &Seen, length: u64, wishes: &Wishes) -> Result<(), String> {
    let (name, size) = (path.display(), seen.size);
    if length == 0 && seen.commands > 0 && seen.problem.is_some() {
        println!("Nothing would be left of it.");
    }
    println!(
        "This will shrink the AOF {name} from {size} bytes, with {} bytes, to {length} bytes",
        size - length
    );
    if !wishes.yes && !is_confirmed() {
        return Err("Aborting...".into());
    }
    let cut = OpenOptions::new().write(true).open(path).and_then(|file| {
        file.set_len(length)?;
        file.sync_all()
    });
    cut.map_err(|error| format!("Failed to truncate AOF {name}: {error}"))?;
    println!("Successfully truncated AOF {name}");
    Ok(())
}

fn is_confirmed() -> bool {
    print!("Continue? [y/N]: ");
    let _ = io::Write::flush(&mut io::stdout());
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.is_ok() && answer.trim_start().starts_with(['y', 'Y'])
}

/// Reads a file to its end, or to where it makes no sense.
fn look(path: &Path, until: Option<i64>) -> Result<Seen, String> {
    let mut window = open(path)?;
    let mut seen = Seen {
        size: window.size(),
        ..Seen::default()
    };
    let read = |error: io::Error| format!("Cannot read {}: {error}", path.display());
    let mut from = 0;
    if window.extend(5).map_err(read)? && matches!(&window.bytes()[..5], b"REDIS" | b"VALKE") {
        println!(
            "The AOF appears to start with an RDB preamble.\nChecking the RDB preamble to start:"
        );
        rdb::check_window(&mut window)
            .map_err(|why| format!("{why}\nRDB preamble of AOF file is not sane, aborting."))?;
        from = seen.size - window.remaining();
        println!("RDB preamble is OK, proceeding with AOF tail...");
    }
    read_commands(&mut window, path, from, until, &mut seen).map_err(read)?;
    println!(
        "{}: {} commands, {} transactions, {} bytes",
        path.display(),
        seen.commands,
        seen.transactions,
        seen.size
    );
    if let Some((first, last)) = seen.times {
        println!("Timestamps from {first} to {last}");
    }
    for name in &seen.unknown {
        println!("Command '{}' is not known here", name.escape_ascii());
    }
    Ok(seen)
}

fn read_commands(
    window: &mut Window<File>,
    path: &Path,
    from: u64,
    until: Option<i64>,
    seen: &mut Seen,
) -> io::Result<()> {
    let mut reader = AofReader::new(from);
    let mut progress = Progress::new(seen.size);
    seen.problem = loop {
        seen.valid = reader.valid();
        let offset = reader.offset();
        let was_open = reader.in_transaction();
        match reader.next(window.bytes()) {
            Ok(Step::Command(used)) => {
                let name = &window.bytes()[reader.args()[0].clone()];
                let misplaced = match was_open {
                    true => name.eq_ignore_ascii_case(b"multi").then_some("MULTI"),
                    false => name.eq_ignore_ascii_case(b"exec").then_some("EXEC"),
                };
                if let Some(misplaced) = misplaced {
                    // What was valid before it still is, and no more.
                    seen.problem = Some(at(
                        offset,
                        format_args!("Unexpected {misplaced} in AOF {}", path.display()),
                    ));
                    return Ok(());
                }
                seen.commands += 1;
                seen.transactions += u64::from(name.eq_ignore_ascii_case(b"exec"));
                if lookup(name).is_none() && seen.unknown.len() < UNKNOWN_MAX {
                    let name = name.to_ascii_lowercase();
                    if !seen.unknown.contains(&name) {
                        seen.unknown.push(name);
                    }
                }
                window.consume(used);
                progress.at(reader.offset());
            }
            Ok(Step::Annotation(used, seconds)) => {
                window.consume(used);
                if let Some(seconds) = seconds {
                    let first = seen.times.map_or(seconds, |(first, _)| first);
                    seen.times = Some((first, seconds));
                    if until.is_some_and(|until| seconds > until) && seen.later.is_none() {
                        // Within a transaction: all of it is later.
                        seen.later = Some(match reader.in_transaction() {
                            true => reader.valid(),
                            false => offset,
                        });
                    }
                }
            }
            Ok(Step::More(need)) => {
                if window.extend(need)? {
                    continue;
                }
                break match (window.bytes().is_empty(), reader.in_transaction()) {
                    (true, false) => None,
                    (true, true) => Some("Reached EOF before reading EXEC for MULTI".into()),
                    (false, _) => Some(at(
                        offset,
                        format_args!(
                            "Expected to read {need} bytes, got {} bytes",
                            window.bytes().len()
                        ),
                    )),
                };
            }
            Err(error) => break Some(at(error.offset, format_args!("{}", error.reason))),
        }
    };
    seen.valid = reader.valid();
    Ok(())
}

/// What is wrong, with its place.
fn at(offset: u64, what: fmt::Arguments<'_>) -> String {
    format!("0x{offset:16x}: {what}")
}

/// Names that are told.
const UNKNOWN_MAX: usize = 20;
