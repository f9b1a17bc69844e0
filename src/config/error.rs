//! What stops a start, and what answers a CONFIG SET that fails. The texts are the field's, letter by letter.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::setting::Reason;

/// A line of the configuration, as messages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// From 1.
    pub number: usize,
    /// Without the blanks around it.
    pub text: Vec<u8>,
}

impl Line {
    pub(super) fn new(number: usize, text: &[u8]) -> Line {
        Line {
            number,
            text: text.to_vec(),
        }
    }
}

/// Why the server does not start. `Display` is the whole text for standard error.
#[derive(Debug)]
pub struct ConfigError(Kind);

#[derive(Debug)]
enum Kind {
    Line(Line, Reason),
    General(Reason),
    Unreadable(PathBuf, io::Error),
}

impl ConfigError {
    /// A line is wrong.
    pub fn at(line: &Line, reason: impl Into<Reason>) -> ConfigError {
        ConfigError(Kind::Line(line.clone(), reason.into()))
    }

    /// The configuration is wrong as a whole.
    pub fn general(reason: impl Into<Reason>) -> ConfigError {
        ConfigError(Kind::General(reason.into()))
    }

    pub(super) fn unreadable(path: &Path, error: io::Error) -> ConfigError {
        ConfigError(Kind::Unreadable(path.to_owned(), error))
    }

    /// The last line of the text, which says what is wrong.
    pub fn reason(&self) -> String {
        match &self.0 {
            Kind::Line(_, reason) | Kind::General(reason) => reason.to_string(),
            Kind::Unreadable(path, error) => format!(
                "Fatal error, can't open config file '{}': {}",
                path.display(),
                os_reason(error)
            ),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !matches!(self.0, Kind::Unreadable(..)) {
            writeln!(
                f,
                "\n*** FATAL CONFIG FILE ERROR (Redis {COMPATIBLE_VERSION}) ***"
            )?;
        }
        if let Kind::Line(line, _) = &self.0 {
            writeln!(f, "Reading the configuration file, at line {}", line.number)?;
            writeln!(f, ">>> '{}'", String::from_utf8_lossy(&line.text))?;
        }
        writeln!(f, "{}", self.reason())
    }
}

impl std::error::Error for ConfigError {}

/// The operating system's words, without the number that `io::Error` appends.
pub fn os_reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Why a CONFIG SET changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSetError {
    /// Names and values do not pair up.
    Syntax,
    /// Some setting must not change while the data set is being loaded.
    Loading,
    /// No such setting; the name as it was sent.
    Unknown(Vec<u8>),
    /// This setting's value is refused.
    Refused { name: Vec<u8>, reason: Reason },
}

impl ConfigSetError {
    /// A setting that was accepted and then could not be applied.
    pub fn refused(name: &str, reason: impl Into<Reason>) -> ConfigSetError {
        ConfigSetError::Refused {
            name: name.into(),
            reason: reason.into(),
        }
    }

    /// The error reply, with its code, without the leading `-`. May contain any byte the client sent.
    pub fn text(&self) -> Vec<u8> {
        match self {
            ConfigSetError::Syntax => b"ERR syntax error".to_vec(),
            ConfigSetError::Loading => b"LOADING Redis is loading the dataset in memory".to_vec(),
            ConfigSetError::Unknown(name) => {
                let before = b"ERR Unknown option or number of arguments for CONFIG SET - '";
                [before, name.as_slice(), b"'"].concat()
            }
            ConfigSetError::Refused { name, reason } => {
                let before = b"ERR CONFIG SET failed (possibly related to argument '";
                [before, name.as_slice(), b"') - ", reason.as_bytes()].concat()
            }
        }
    }
}

/// The version whose behaviour we keep to.
const COMPATIBLE_VERSION: &str = "7.2.4";
