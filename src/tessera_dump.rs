//! `tessera-dump`: arguments; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    tessera::tools::dump::main(std::env::args_os().skip(1).collect())
}
