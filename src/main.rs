//! `tessera-server`: arguments, start; nothing else.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tessera::server::main(std::env::args_os().skip(1).collect())
}
