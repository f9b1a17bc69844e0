//! From the command line and the files it names to a [`Loaded`] configuration, or to the error that stops the start.
//!
//! The command line is `[file] [-] [--directive value ...] [-]`. What it says is turned into the text of a
//! configuration file and put after the file and standard input, so that one grammar and one place decide everything,
//! the last word wins, and errors name a line even when it was never in a file:
//!
//! ```text
//!   file ++ stdin ++ "\n" ++ `port "7000"` ++ "\n" ++ `save "60" "1"` ++ ...
//! ```
//!
//! Several values may follow one `--directive`; a value that begins with `--` is taken as one only if the directive
//! has none yet. `--save` alone means `--save ""`. Line numbers count through the whole text, but from 1 again within
//! each included file.
//!
//! Nothing here acts: it reads files only through [`Files`], and leaves to the server what needs a command table
//! (renames), an ACL (users) or a system call (directory, log file). For these it remembers the line, so that the
//! server refuses with the very same words: [`Loaded::refuse`], [`ConfigError::at`].

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::error::{ConfigError, Line};
use super::setting::{Flags, Origin, Reason, WRONG_NUMBER_OF_ARGUMENTS};
use super::table::{self, Config, DROPPED, Named};
use super::words;
use crate::base::Map;

/// Where configuration is read from; `RealFiles`, or a map in tests.
pub trait Files {
    /// The whole file.
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>>;
    /// The existing paths that match a glob pattern, relative to `folder`; sorted.
    fn matching(&mut self, folder: &Path, pattern: &Path) -> Vec<PathBuf>;
    /// Everything until the end of standard input.
    fn stdin(&mut self) -> io::Result<Vec<u8>>;
    /// What is wrong with the last of these `user` lines, as far as it can be told now.
    fn check_user(&self, users: &[UserLine]) -> Result<(), String> {
        let _ = users;
        Ok(())
    }
    /// Absolute.
    fn current_dir(&mut self) -> io::Result<PathBuf>;
}

/// What a start begins with.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    /// Absolute path of the configuration file, if there is one: where CONFIG REWRITE writes.
    pub file: Option<PathBuf>,
    /// `rename-command` lines, in order.
    pub renames: Vec<Rename>,
    /// `user` lines, in order, not interpreted.
    pub users: Vec<UserLine>,
    /// For the log, once there is one.
    pub warnings: Vec<String>,
    /// Where each directive was last set.
    lines: Map<&'static str, Line>,
}

/// One `rename-command`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    pub from: Vec<u8>,
    /// Empty: the command is disabled.
    pub to: Vec<u8>,
    pub line: Line,
}

/// One `user` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserLine {
    /// What follows the word `user`: name and rules.
    pub words: Vec<Vec<u8>>,
    pub line: Line,
}

impl Loaded {
    /// The error of a directive that turns out to be wrong when it is applied.
    pub fn refuse(&self, directive: &str, reason: impl Into<Reason>) -> ConfigError {
        match self.lines.get(directive) {
            Some(line) => ConfigError::at(line, reason),
            None => ConfigError::general(reason),
        }
    }
}

/// Reads the configuration that `args`, the command line without the program's name, ask for.
pub fn load(args: &[impl AsRef<OsStr>], files: &mut impl Files) -> Result<Loaded, ConfigError> {
    let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_ref().as_bytes()).collect();
    // Without a current directory, relative paths stay relative; the server fails when it needs it.
    let current_dir = files.current_dir().unwrap_or_default();
    let (file, options) = match args.split_first() {
        Some((first, rest)) if first.first() != Some(&b'-') => {
            (Some(absolute(&current_dir, first)), rest)
        }
        _ => (None, &args[..]),
    };
    let options = options_text(options, file.is_none());
    let mut text = Vec::new();
    if let Some(file) = &file {
        text = files
            .read(file)
            .map_err(|error| ConfigError::unreadable(file, error))?;
    }
    if options.from_stdin {
        let stdin = files.stdin();
        end_line(&mut text);
        text.extend(stdin.map_err(|error| ConfigError::unreadable(Path::new("-"), error))?);
    }
    text.push(b'\n');
    text.extend(options.text);

    let dir = current_dir
        .into_os_string()
        .into_string()
        .unwrap_or_default();
    let config = Config {
        dir,
        ..Config::default()
    };
    let loaded = Loaded {
        config,
        file,
        renames: Vec::new(),
        users: Vec::new(),
        warnings: Vec::new(),
        lines: Map::default(),
    };
    let mut loader = Loader {
        files,
        loaded,
        save_seen: false,
        depth: 0,
        includes: 0,
    };
    loader.text(&text)?;
    Ok(loader.loaded)
}

fn absolute(current_dir: &Path, path: &[u8]) -> PathBuf {
    let mut out = current_dir.to_owned();
    let mut components = Path::new(OsStr::from_bytes(words::trim(path))).components();
    // Only what leads is resolved by name; further on, a symbolic link may stand in between.
    loop {
        match components.clone().next() {
            Some(Component::ParentDir) => drop(out.pop()),
            Some(Component::CurDir) => {}
            _ => return out.join(components.as_path()),
        }
        components.next();
    }
}

struct Options {
    text: Vec<u8>,
    from_stdin: bool,
}

/// Writes command line options as lines of a configuration. `at_start`: no file stands before them.
fn options_text(args: &[&[u8]], at_start: bool) -> Options {
    let mut text = Vec::new();
    let mut from_stdin = false;
    // The last directive has a value, so what begins with `--` is the next directive.
    let mut complete = true;
    for (i, arg) in args.iter().enumerate() {
        let next = args.get(i + 1);
        if *arg == b"-" && ((i == 0 && at_start) || next.is_none()) {
            from_stdin = true;
        } else if complete && arg.starts_with(b"--") {
            if !text.is_empty() {
                text.push(b'\n');
            }
            text.extend_from_slice(&arg[2..]);
            text.push(b' ');
            // `--port` waits for a value; `"--port 7000"` in one argument has it.
            complete = words::split(arg).is_none_or(|words| words.len() != 1);
            let next_is_option = next.is_none_or(|next| next.starts_with(b"--"));
            if !complete && next_is_option && arg.eq_ignore_ascii_case(b"--save") {
                text.extend_from_slice(b"\"\"");
                complete = true;
            }
        } else {
            words::quote(&mut text, arg);
            text.push(b' ');
            complete = true;
        }
    }
    Options { text, from_stdin }
}

struct Loader<'a, F> {
    files: &'a mut F,
    loaded: Loaded,
    save_seen: bool,
    depth: usize,
    includes: usize,
}

/// A line's failure: its own, or that of a file it includes.
enum Failure {
    Reason(Reason),
    Nested(ConfigError),
}

impl<T: Into<Reason>> From<T> for Failure {
    fn from(reason: T) -> Failure {
        Failure::Reason(reason.into())
    }
}

impl<F: Files> Loader<'_, F> {
    fn text(&mut self, text: &[u8]) -> Result<(), ConfigError> {
        for (i, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let line = words::trim(line);
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            self.line(i + 1, line).map_err(|failure| match failure {
                Failure::Reason(reason) => ConfigError::at(&Line::new(i + 1, line), reason),
                Failure::Nested(error) => error,
            })?;
        }
        self.check_whole()
    }

    fn line(&mut self, number: usize, line: &[u8]) -> Result<(), Failure> {
        let words = words::split(line).ok_or(UNBALANCED)?;
        let Some((directive, arguments)) = words.split_first() else {
            return Ok(());
        };
        if let Some(named) = table::find(directive) {
            self.set(named, arguments)?;
            self.loaded
                .lines
                .insert(named.setting.name, Line::new(number, line));
            return Ok(());
        }
        let directive = directive.to_ascii_lowercase();
        match (directive.as_slice(), arguments) {
            (b"include", [pattern]) => self.include(pattern),
            (b"rename-command", [from, to]) => {
                let (from, to) = (from.clone(), to.clone());
                let line = Line::new(number, line);
                self.loaded.renames.push(Rename { from, to, line });
                Ok(())
            }
            (b"user", [_, ..]) => {
                let line = Line::new(number, line);
                self.loaded.users.push(UserLine {
                    words: arguments.to_vec(),
                    line,
                });
                Ok(self.files.check_user(&self.loaded.users)?)
            }
            (b"loadmodule", [_, ..]) => {
                Err("Modules can't be loaded: this server has no module API".into())
            }
            (b"sentinel", []) => Err("this server can't run as a Sentinel".into()),
            (b"sentinel", _) => Err("sentinel directive while not in sentinel mode".into()),
            (name, [_]) if DROPPED.iter().any(|dropped| dropped.as_bytes() == name) => Ok(()),
            (name, arguments) if name.contains(&b'.') => Err(match arguments {
                [] => "Module config specified without value".into(),
                _ => "Module config specified, but this server has no module API".into(),
            }),
            _ => Err("Bad directive or wrong number of arguments".into()),
        }
    }

    fn set(&mut self, named: Named, arguments: &[Vec<u8>]) -> Result<(), Failure> {
        let setting = named.setting;
        let config = &mut self.loaded.config;
        let origin = Origin::File {
            first_save: !self.save_seen,
        };
        if !setting.flags.has(Flags::MULTI_ARG) {
            if arguments.len() != 1 {
                return Err(WRONG_NUMBER_OF_ARGUMENTS.into());
            }
            setting.set(config, arguments, origin)?;
        } else if let [one] = arguments
            && !one.is_empty()
        {
            // All values as one argument, as in `--save "900 1"`.
            let arguments = words::split(one).ok_or(UNBALANCED)?;
            setting.set(config, &arguments, origin)?;
        } else {
            setting.set(config, arguments, origin)?;
        }
        self.save_seen |= setting.name == "save";
        Ok(())
    }

    fn include(&mut self, pattern: &[u8]) -> Result<(), Failure> {
        let written = Path::new(OsStr::from_bytes(pattern));
        let folder = Path::new(&self.loaded.config.dir);
        // A pattern that matches nothing is an empty conf.d folder, not a mistake; a missing file is one.
        let is_pattern = pattern
            .iter()
            .any(|byte| matches!(byte, b'*' | b'?' | b'['));
        let paths = if is_pattern {
            self.files.matching(folder, written)
        } else {
            vec![folder.join(written)]
        };
        let mut text = Vec::new();
        for path in paths {
            let shown = if is_pattern { &path } else { written };
            let read = self.files.read(&path);
            end_line(&mut text);
            text.extend(
                read.map_err(|error| Failure::Nested(ConfigError::unreadable(shown, error)))?,
            );
        }
        self.includes += 1;
        if self.depth == INCLUDE_DEPTH_MAX || self.includes > INCLUDES_MAX {
            return Err("Too many nested include directives".into());
        }
        self.depth += 1;
        self.text(&text).map_err(Failure::Nested)?;
        self.depth -= 1;
        Ok(())
    }

    /// What no single line can tell.
    fn check_whole(&mut self) -> Result<(), ConfigError> {
        let config = &mut self.loaded.config;
        if config.cluster_enabled && config.replicaof.is_some() {
            return Err(ConfigError::general(
                "replicaof directive not allowed in cluster mode",
            ));
        }
        if config.cluster_enabled && config.databases > 1 {
            self.loaded.warnings.push(format!(
                "WARNING: Changing databases number from {} to 1 since we are in cluster mode",
                config.databases
            ));
            config.databases = 1;
        }
        clamp(config);
        Ok(())
    }
}

/// Keeps the last line of one file and the first of the next apart.
fn end_line(text: &mut Vec<u8>) {
    if text.last().is_some_and(|last| *last != b'\n') {
        text.push(b'\n');
    }
}

/// Brings values that are hints rather than orders into the range that makes sense.
pub(super) fn clamp(config: &mut Config) {
    config.hz = config.hz.clamp(HZ_MIN, HZ_MAX);
    config.repl_backlog_size = config.repl_backlog_size.max(REPL_BACKLOG_BYTES_MIN);
}

const UNBALANCED: &str = "Unbalanced quotes in configuration line";

/// The background cycle runs at least once, at most 500 times a second.
const HZ_MIN: i64 = 1;
const HZ_MAX: i64 = 500;

/// A smaller backlog holds less than one ordinary burst of writes.
const REPL_BACKLOG_BYTES_MIN: u64 = 16 * 1024;

/// A file that includes itself ends here.
const INCLUDE_DEPTH_MAX: usize = 32;
/// Two files that include each other twice would double with each level; nobody writes this many by hand.
const INCLUDES_MAX: usize = 10_000;
