//! `tessera-server`: arguments, start; nothing else.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tessera::ring::allocator::Allocator = tessera::ring::allocator::Allocator;

fn main() -> ExitCode {
    tessera::server::main(std::env::args_os().skip(1).collect())
}
