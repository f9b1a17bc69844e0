//! Judges recorded histories: `check_history FILE...`, or standard input without a file.
//!
//! The format is that of `tessera::sim::history`. Exit status 1 if one is not strictly serialisable
//! in program order.

use std::io::Read;
use std::process::ExitCode;

use tessera::sim::checker::{check, explain};
use tessera::sim::history::History;

fn judge(name: &str, text: &str) -> bool {
    let history = match History::parse(text) {
        Ok(history) => history,
        Err(error) => {
            eprintln!("{name}: {error}");
            return false;
        }
    };
    match check(&history) {
        Ok(verdict) => {
            println!(
                "{name}: fine, {} transactions, {} edges",
                verdict.transactions, verdict.edges
            );
            true
        }
        Err(violation) => {
            println!("{name}: {}", explain(&history, &violation));
            false
        }
    }
}

fn main() -> ExitCode {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        files.push("/dev/stdin".to_owned());
    }
    let mut is_fine = true;
    for name in files {
        let mut text = String::new();
        let read = std::fs::File::open(&name).and_then(|mut file| file.read_to_string(&mut text));
        is_fine &= match read {
            Ok(_) => judge(&name, &text),
            Err(error) => {
                eprintln!("read {name}: {error}");
                false
            }
        };
    }
    if is_fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
