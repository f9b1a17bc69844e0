//! `tessera-check`: whether RDB files and append-only files are whole, and what is in them.

use super::words::Words;
use super::{aof, rdb};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
Usage: tessera-check rdb FILE
       tessera-check aof [--fix] [--truncate-to-timestamp SECONDS] [--yes] FILE|MANIFEST

  rdb      reads all keys of an RDB file and checks its checksum
  aof      reads all commands of an append-only file: of the files that a manifest names, or of a single one
           --fix                     cuts the last file off behind the last command or transaction that is whole
           --truncate-to-timestamp   cuts the last file off before the first command after this unix time
           --yes                     does not ask before it does so

Exit status: 0 if all is well, or was mended; 1 if not.
";

/// Runs the program with its arguments, the program's own name left out.
pub fn main(mut args: Vec<OsString>) -> ExitCode {
    if args.is_empty() {
        return usage();
    }
    let what = args.remove(0);
    let mut words = Words::new(args);
    match what.to_str() {
        Some("-h" | "--help") => {
            print!("{HELP}");
            ExitCode::SUCCESS
        }
        Some("-v" | "--version") => {
            println!("tessera-check {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Some("rdb") => match words.exactly() {
            Some([file]) => told(rdb::check(Path::new(&file))),
            None => usage(),
        },
        Some("aof") => {
            let fix = words.flag("--fix");
            let yes = words.flag("--yes");
            let until = match words.number("--truncate-to-timestamp") {
                Ok(until) => until,
                Err(why) => {
                    eprintln!("{why}");
                    return ExitCode::FAILURE;
                }
            };
            match words.exactly() {
                Some([file]) => told(aof::check(
                    Path::new(&file),
                    &aof::Wishes { fix, until, yes },
                )),
                None => usage(),
            }
        }
        _ => usage(),
    }
}

fn usage() -> ExitCode {
    eprint!("{HELP}");
    ExitCode::FAILURE
}

fn told(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("{why}");
            ExitCode::FAILURE
        }
    }
}
