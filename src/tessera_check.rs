//! `tessera-check`: arguments; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    tessera::tools::check::main(std::env::args_os().skip(1).collect())
}
