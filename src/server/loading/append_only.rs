//! The append-only file into the shards: the base, then the increments, command by command.

use super::stream::Stream;
use super::{LoadError, Loader, Result};
use crate::command::lookup::lookup;
use crate::command::spec::{CommandSpec, Group, flag};
use crate::config::{Config, os_reason};
use crate::persist::aof::{AofReader, FileInfo, Manifest, Step};
use crate::persist::{Window, write_command};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How far a file could be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    /// To its end.
    Whole,
    /// It was cut off behind the last command that is whole.
    Truncated,
}

/// The manifest in the folder of the append-only file, if there is one. An error is what the log has to say, line by
/// line.
pub(in crate::server) fn manifest_on_disk(
    config: &Config,
) -> std::result::Result<Option<Manifest>, Vec<String>> {
    manifest_in(&folder(config), config)
}

/// As [`manifest_on_disk`], of another folder.
pub(in crate::server) fn manifest_in(
    folder: &Path,
    config: &Config,
) -> std::result::Result<Option<Manifest>, Vec<String>> {
    let path = folder.join(format!("{}.manifest", config.appendfilename));
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let (path, why) = (path.display(), os_reason(&error));
            return Err(vec![format!(
                "Fatal error: can't open the AOF manifest file {path} for reading: {why}"
            )]);
        }
    };
    match Manifest::parse(&text) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) => Err(error.log_lines()),
    }
}

/// Whether there is a manifest.
pub(super) fn is_there(config: &Config) -> bool {
    let name = format!("{}.manifest", config.appendfilename);
    folder(config).join(name).exists()
}

/// Where it is at start.
pub(super) fn folder(config: &Config) -> PathBuf {
    PathBuf::from(&config.appenddirname)
}

impl Loader<'_> {
    /// Reads the append-only file that the manifest in the folder describes.
    pub(super) fn append_only(&mut self, folder: &Path, config: &Config) -> Result<()> {
        let manifest = match manifest_in(folder, config) {
            Ok(Some(manifest)) if !manifest.is_empty() => manifest,
            Ok(_) => return Err(LoadError::Absent),
            Err(lines) => {
                lines.iter().for_each(|line| tracing::warn!("{line}"));
                return Err(LoadError::Failed(lines.last().cloned().unwrap_or_default()));
            }
        };
        let mut sizes = Vec::new();
        for info in manifest.to_load() {
            let path = folder.join(info.path());
            let metadata = fs::metadata(&path).map_err(|error| {
                let (name, why) = (info.path().display(), os_reason(&error));
                fatal(format!(
                    "Unable to obtain the AOF file {name} length. stat: {why}"
                ))
            })?;
            sizes.push(metadata.len());
        }
        let total = sizes.iter().sum();
        if total == 0 {
            return Ok(());
        }
        self.expect(total);
        let files: Vec<&FileInfo> = manifest.to_load().collect();
        self.files(folder, config, &files, &sizes)
    }

    fn files(
        &mut self,
        folder: &Path,
        config: &Config,
        files: &[&FileInfo],
        sizes: &[u64],
    ) -> Result<()> {
        for (place, (info, size)) in files.iter().zip(sizes).enumerate() {
            let name = info.path().display().to_string();
            let path = folder.join(info.path());
            let started = self.running.clock().wall_us();
            let end = self.file(config, &path, &name)?;
            if end == End::Truncated && place + 1 < files.len() {
                return Err(fatal(
                    "Fatal error: the truncated file is not the last file".into(),
                ));
            }
            let seconds = (self.running.clock().wall_us() - started) as f64 / 1e6;
            let kind = match place == 0 && info.kind == crate::persist::aof::FileKind::Base {
                true => "base",
                false => "incr",
            };
            tracing::info!("DB loaded from {kind} file {name}: {seconds:.3} seconds");
            self.before += size;
            self.note_progress(0);
        }
        Ok(())
    }

    /// Reads one file: commands, or an RDB file, or that and commands behind it.
    fn file(&mut self, config: &Config, path: &Path, name: &str) -> Result<End> {
        let mut window = self.open(path).map_err(|error| {
            let why = os_reason(&error);
            fatal(match error.kind() {
                io::ErrorKind::NotFound => {
                    format!("The append log file {name} doesn't exist: {why}")
                }
                _ => {
                    format!("Fatal error: can't open the append log file {name} for reading: {why}")
                }
            })
        })?;
        if window.size() == 0 {
            return Ok(End::Whole);
        }
        let mut from = 0;
        let has_preamble = window.extend(5).map_err(|error| unreadable(name, &error))?
            && matches!(&window.bytes()[..5], b"REDIS" | b"VALKE");
        if has_preamble {
            let is_old = name == config.appendfilename;
            tracing::info!(
                "{}",
                match is_old {
                    true => "Reading RDB preamble from AOF file...",
                    false => "Reading RDB base file on AOF loading...",
                }
            );
            let before = window.remaining();
            self.snapshot(&mut window, false)
                .map_err(|error| match error {
                    LoadError::Failed(why) => {
                        tracing::warn!("{why}");
                        let what = if is_old {
                            "preamble of the AOF"
                        } else {
                            "base"
                        };
                        fatal(format!(
                            "Error reading the RDB {what} file {name}, AOF loading aborted"
                        ))
                    }
                    other => other,
                })?;
            from = before - window.remaining();
            if window.remaining() > 0 {
                tracing::info!("Reading the remaining AOF tail...");
            }
        }
        self.commands(config, &mut window, from, path, name)
    }

    fn commands(
        &mut self,
        config: &Config,
        window: &mut Window<File>,
        from: u64,
        path: &Path,
        name: &str,
    ) -> Result<End> {
        let mut reader = AofReader::lenient(from);
        let mut stream = Stream::open(self)?;
        // Commands of a transaction wait for its end: a torn one is as if it had never been.
        let mut transaction: Vec<u8> = Vec::new();
        let mut queued = 0;
        let (mut count, mut told) = (0_u64, 0);
        let problem = loop {
            match reader.next(window.bytes()) {
                Ok(Step::Command(used)) => {
                    let mut bytes = &window.bytes()[..used];
                    let word = &bytes[reader.args()[0].clone()];
                    let spec = self.known(word, name)?;
                    let anew;
                    if !reader.is_plain() {
                        anew = written_anew(bytes, reader.args());
                        bytes = &anew;
                    }
                    count += 1;
                    if is_about_connections(spec) {
                        refuse(spec);
                    } else if reader.in_transaction() || queued > 0 {
                        transaction.extend_from_slice(bytes);
                        queued += 1;
                        if !reader.in_transaction() {
                            stream.send_all(self, &transaction, queued)?;
                            transaction.clear();
                            queued = 0;
                        }
                    } else if spec.flags.has(flag::BLOCKING) {
                        // Nothing waits in a transaction: it is answered at once, as if its time were over.
                        let apart = [MULTI, bytes, EXEC].concat();
                        stream.send_all(self, &apart, 3)?;
                    } else {
                        stream.send(self, bytes)?;
                    }
                    window.consume(used);
                    if config.key_load_delay != 0 {
                        self.delay(count);
                        if reader.offset() - told >= 1024 {
                            told = reader.offset();
                            stream.flush(self)?;
                            self.note_progress(told);
                        }
                    }
                }
                Ok(Step::Annotation(used, _)) => window.consume(used),
                Ok(Step::More(need)) => {
                    self.note_progress(reader.offset());
                    self.check_stopping()?;
                    if window
                        .extend(need)
                        .map_err(|error| unreadable(name, &error))?
                    {
                        continue;
                    }
                    break match window.bytes().is_empty() {
                        true if !reader.in_transaction() => None,
                        true => {
                            tracing::warn!(
                                "Revert incomplete MULTI/EXEC transaction in AOF file {name}"
                            );
                            Some(Problem::Short)
                        }
                        false => Some(Problem::Short),
                    };
                }
                Err(error) => break Some(Problem::Format(error)),
            }
        };
        stream.finish(self)?;
        let size = window.size();
        self.note_progress(size);
        match problem {
            None => Ok(End::Whole),
            Some(problem) => mend(config, &problem, path, name, reader.valid(), size),
        }
    }

    /// Commands that nobody knows here are fatal: data would be missing.
    fn known(&self, word: &[u8], name: &str) -> Result<&'static CommandSpec> {
        // The names of rename-command, or those that commands have everywhere.
        match self
            .running
            .server()
            .names
            .get(word)
            .or_else(|| lookup(word))
        {
            Some(spec) => Ok(spec),
            None => {
                let word = String::from_utf8_lossy(word);
                Err(fatal(format!(
                    "Unknown command '{word}' reading the append only file {name}"
                )))
            }
        }
    }
}

const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
const EXEC: &[u8] = b"*1\r\n$4\r\nEXEC\r\n";

/// A command that only resembles the format, as it would be written.
fn written_anew(bytes: &[u8], args: &[Range<usize>]) -> Vec<u8> {
    let words: Vec<&[u8]> = args.iter().map(|range| &bytes[range.clone()]).collect();
    let mut anew = Vec::with_capacity(bytes.len() + 16);
    write_command(&mut anew, &words);
    anew
}

/// Whether a command changes how its client is served, and no data. A file has no such client: the command is passed
/// over, and what follows is read as ever.
fn is_about_connections(spec: &CommandSpec) -> bool {
    match spec.group {
        Group::Connection => !matches!(spec.name, "select" | "ping" | "echo"),
        Group::PubSub => spec.name.ends_with("subscribe"),
        _ => spec.name == "monitor",
    }
}

/// Says that a command was passed over, if the client of a file may not call it at all.
fn refuse(spec: &CommandSpec) {
    let name = spec.name;
    let word = name.to_uppercase();
    let error = match name {
        "monitor" => "MONITOR isn't allowed for DENY BLOCKING client".to_owned(),
        "subscribe" | "psubscribe" | "ssubscribe" => {
            format!("{word} isn't allowed for a DENY BLOCKING client")
        }
        _ => return,
    };
    tracing::warn!(
        "== CRITICAL == This server is sending an error to its AOF-loading-client: 'ERR {error}' after processing the command '{name}'"
    );
}

/// Why the rest of a file was not read.
enum Problem {
    /// It ends within a command or a transaction.
    Short,
    /// It makes no sense.
    Format(crate::persist::aof::AofError),
}

/// Cuts the damaged end of a file off, if the settings say so.
fn mend(
    config: &Config,
    problem: &Problem,
    path: &Path,
    name: &str,
    valid: u64,
    size: u64,
) -> Result<End> {
    let tail = size - valid;
    match problem {
        Problem::Short if config.aof_load_truncated => {
            tracing::warn!("!!! Warning: short read while loading the AOF file {name}!!!");
            tracing::warn!("!!! Truncating the AOF {name} at offset {valid} !!!");
            if let Err(error) = truncate(path, valid) {
                let why = os_reason(&error);
                tracing::warn!("Error truncating the AOF file {name}: {why}");
            } else {
                tracing::warn!("AOF {name} loaded anyway because aof-load-truncated is enabled");
                return Ok(End::Truncated);
            }
        }
        Problem::Short => {}
        Problem::Format(error) => {
            let most = u64::try_from(config.aof_load_corrupt_tail_max_size).unwrap_or(0);
            if config.aof_load_truncated && most > 0 && tail <= most {
                tracing::warn!("!!! Warning: corrupt tail of the AOF file {name}: {error} !!!");
                tracing::warn!("!!! Truncating the AOF {name} at offset {valid} !!!");
                match truncate(path, valid) {
                    Ok(()) => {
                        tracing::warn!(
                            "AOF {name} loaded anyway because aof-load-corrupt-tail-max-size is {most} and the corrupt tail has {tail} bytes"
                        );
                        return Ok(End::Truncated);
                    }
                    Err(error) => {
                        let why = os_reason(&error);
                        tracing::warn!("Error truncating the AOF file {name}: {why}");
                    }
                }
            }
            tracing::warn!("AOF {name}: {error}; the last valid command ends at {valid}");
            return Err(fatal(format!(
                "Bad file format reading the append only file {name}: make a backup of your AOF file, then use \
                 ./redis-check-aof --fix <filename.manifest>"
            )));
        }
    }
    Err(fatal(format!(
        "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup of your AOF file, then \
         use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' \
         configuration option to yes and restart the server."
    )))
}

fn truncate(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()
}

fn fatal(text: String) -> LoadError {
    tracing::warn!("{text}");
    LoadError::Failed(text)
}

fn unreadable(name: &str, error: &io::Error) -> LoadError {
    let why = os_reason(error);
    fatal(format!(
        "Unrecoverable error reading the append only file {name}: {why}"
    ))
}
