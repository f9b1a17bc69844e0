//! The first line of a script or a library: engine, name, flags.

use crate::config::split_words as split;
use crate::resp::CommandError;

/// What a script or a function says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// It writes nothing.
    pub no_writes: bool,
    /// It may run when memory is over the limit.
    pub allow_oom: bool,
    /// It may run on a replica whose data may be old.
    pub allow_stale: bool,
    /// It does not run in a cluster.
    pub no_cluster: bool,
    /// Its keys may be of several slots.
    pub allow_cross_slot_keys: bool,
}

/// Names of the flags, in the order in which they are listed.
pub const FUNCTION_FLAGS: [&str; 5] = [
    "no-writes",
    "allow-oom",
    "allow-stale",
    "no-cluster",
    "allow-cross-slot-keys",
];

impl Flags {
    /// Sets the flag of this name; false if there is none.
    pub(super) fn set(&mut self, name: &[u8]) -> bool {
        match name {
            b"no-writes" => self.no_writes = true,
            b"allow-oom" => self.allow_oom = true,
            b"allow-stale" => self.allow_stale = true,
            b"no-cluster" => self.no_cluster = true,
            b"allow-cross-slot-keys" => self.allow_cross_slot_keys = true,
            _ => return false,
        }
        true
    }

    /// The names of the flags that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
        let set = [
            self.no_writes,
            self.allow_oom,
            self.allow_stale,
            self.no_cluster,
            self.allow_cross_slot_keys,
        ];
        let named = FUNCTION_FLAGS.into_iter().zip(set);
        named.filter(|(_, set)| *set).map(|(name, _)| name)
    }
}

/// The words of a first line, quoted as in a configuration file.
fn words(line: &[u8]) -> Option<std::vec::IntoIter<Vec<u8>>> {
    split(line)
        .filter(|words| !words.is_empty())
        .map(Vec::into_iter)
}

/// The flags of a script, `None` without a first line of that kind, and where its code begins: at the end of that line,
/// so that lines keep their numbers.
pub(super) fn script(body: &[u8]) -> Result<(Option<Flags>, usize), CommandError> {
    if !body.starts_with(b"#!") {
        return Ok((None, 0));
    }
    let Some(end) = memchr::memchr(b'\n', body) else {
        return Err(CommandError::fixed("ERR Invalid script shebang"));
    };
    let mut words =
        words(&body[..end]).ok_or(CommandError::fixed("ERR Invalid engine in script shebang"))?;
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err(echo("ERR Unexpected engine in script shebang: ", &engine));
    }
    let mut flags = Flags::default();
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err(echo("ERR Unknown lua shebang option: ", &word));
        };
        if list.is_empty() {
            continue;
        }
        for name in list.split(|&byte| byte == b',') {
            if !flags.set(name) {
                return Err(echo("ERR Unexpected flag in script shebang: ", name));
            }
        }
    }
    Ok((Some(flags), end))
}

/// Engine and name of a library, and where its code begins.
pub(super) fn library(code: &[u8]) -> Result<(Vec<u8>, Vec<u8>, usize), CommandError> {
    if !code.starts_with(b"#!") {
        return Err(CommandError::fixed("ERR Missing library metadata"));
    }
    const INVALID: CommandError = CommandError::fixed("ERR Invalid library metadata");
    let end = memchr::memchr(b'\n', code).ok_or(INVALID)?;
    let mut words = words(&code[..end]).ok_or(INVALID)?;
    let engine = words.next().unwrap_or_default();
    let engine = engine.get(2..).unwrap_or_default().to_vec();
    let mut name = None;
    for word in words {
        match word.split_at_checked(5) {
            Some((option, _)) if option.eq_ignore_ascii_case(b"name=") && name.is_some() => {
                return Err(CommandError::fixed(
                    "ERR Invalid metadata value, name argument was given multiple times",
                ));
            }
            Some((option, given)) if option.eq_ignore_ascii_case(b"name=") => {
                name = Some(given.to_vec());
            }
            _ => return Err(echo("ERR Invalid metadata value given: ", &word)),
        }
    }
    let name = name.ok_or(CommandError::fixed("ERR Library name was not given"))?;
    Ok((engine, name, end))
}

pub(super) fn echo(text: &str, word: &[u8]) -> CommandError {
    CommandError::owned([text.as_bytes(), word].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_lines() {
        assert_eq!(script(b"return 1"), Ok((None, 0)));
        let (flags, at) = script(b"#!lua flags=no-writes,allow-oom\nreturn 1").unwrap();
        assert!(flags.unwrap().no_writes && flags.unwrap().allow_oom && at == 31);
        let error = |body: &[u8]| script(body).unwrap_err().text().to_vec();
        assert_eq!(error(b"#!lua"), b"ERR Invalid script shebang");
        assert_eq!(
            error(b"#!lu\n"),
            b"ERR Unexpected engine in script shebang: #!lu"
        );
        assert_eq!(error(b"#!lua x\n"), b"ERR Unknown lua shebang option: x");
        assert_eq!(
            library(b"#!lua NAME=\"l\"\nx"),
            Ok((b"lua".to_vec(), b"l".to_vec(), 14))
        );
        assert_eq!(
            error(b"#!lua 'x\n"),
            b"ERR Invalid engine in script shebang"
        );
        assert_eq!(
            error(b"#!lua flags=no-writes,\n"),
            b"ERR Unexpected flag in script shebang: "
        );
        assert!(library(b"#!lua\n").is_err() && library(b"#!lua name=a name=b\n").is_err());
    }
}
