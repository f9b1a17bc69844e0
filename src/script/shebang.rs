//! The first line of a script or a library: engine, name, flags.

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

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
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
    let mut words = words(&body[..end]);
    let engine = words.next().unwrap_or_default();
    if engine != b"#!lua" {
        return Err(echo("ERR Unexpected engine in script shebang: ", engine));
    }
    let mut flags = Flags::default();
    for word in words {
        let Some(list) = word.strip_prefix(b"flags=") else {
            return Err(echo("ERR Unknown lua shebang option: ", word));
        };
        for name in list.split(|&byte| byte == b',') {
            if !name.is_empty() && !flags.set(name) {
                return Err(echo("ERR Unexpected flag in script shebang: ", name));
            }
        }
    }
    Ok((Some(flags), end))
}

/// Engine and name of a library, and where its code begins.
pub(super) fn library(code: &[u8]) -> Result<(&[u8], &[u8], usize), CommandError> {
    let Some(rest) = code.strip_prefix(b"#!") else {
        return Err(CommandError::fixed("ERR Missing library metadata"));
    };
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return Err(CommandError::fixed("ERR Invalid library metadata"));
    };
    let line = &rest[..end];
    let engine = line.split(u8::is_ascii_whitespace).next();
    let engine = engine.unwrap_or_default();
    let words = words(&line[engine.len()..]);
    let mut name = None;
    for word in words {
        match word.strip_prefix(b"name=") {
            Some(_) if name.is_some() => {
                return Err(CommandError::fixed(
                    "ERR Invalid metadata value, name argument was given multiple times",
                ));
            }
            Some(given) => name = Some(given),
            None => return Err(echo("ERR Invalid metadata value given: ", word)),
        }
    }
    let name = name.ok_or(CommandError::fixed("ERR Library name was not given"))?;
    Ok((engine, name, end + 2))
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
            library(b"#!lua name=l\nx"),
            Ok((&b"lua"[..], &b"l"[..], 12))
        );
        assert!(library(b"#!lua\n").is_err() && library(b"#!lua name=a name=b\n").is_err());
    }
}
