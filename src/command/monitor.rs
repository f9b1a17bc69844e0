//! The lines of MONITOR.

use super::spec::{CommandSpec, Route, flag};
use crate::base::slot::DbIndex;
use crate::resp::Args;
use std::io::Write;

/// Whether MONITOR shows a command. Scripts are shown before what they call, and so not like others.
pub fn is_shown(spec: &CommandSpec) -> bool {
    let skips = spec.flags.has(flag::SKIP_MONITOR) && spec.route != Route::Script;
    !skips && !spec.flags.has(flag::ADMIN)
}

/// The line that shows a command: when, in which database, by whom, and its arguments but for secrets.
pub fn line(now_us: i64, db: DbIndex, by: &str, spec: &CommandSpec, args: Args<'_>) -> Vec<u8> {
    let (seconds, micros) = (now_us / 1_000_000, now_us % 1_000_000);
    let secrets = spec.secrets.map_or(Vec::new(), |find| find(args));
    let mut line = format!("+{seconds}.{micros:06} [{} {by}]", db.0).into_bytes();
    for (at, arg) in args.iter().enumerate() {
        line.push(b' ');
        let is_secret = secrets.contains(&at);
        quote(&mut line, if is_secret { b"(redacted)" } else { arg });
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// Appends `text` in double quotes, with escapes for what is not printable.
fn quote(line: &mut Vec<u8>, text: &[u8]) {
    line.push(b'"');
    for &byte in text {
        match byte {
            b'\\' | b'"' => line.extend_from_slice(&[b'\\', byte]),
            b'\n' => line.extend_from_slice(b"\\n"),
            b'\r' => line.extend_from_slice(b"\\r"),
            b'\t' => line.extend_from_slice(b"\\t"),
            7 => line.extend_from_slice(b"\\a"),
            8 => line.extend_from_slice(b"\\b"),
            b' '..=b'~' => line.push(byte),
            _ => write!(line, "\\x{byte:02x}").expect("writing to memory cannot fail"),
        }
    }
    line.push(b'"');
}
