//! Room `script`: Lua 5.1 for EVAL and FUNCTION. It knows values, replies and text; commands it runs through [`Host`].
//!
//! ```text
//! Shared       scripts by SHA-1, libraries, who runs what: one for the process, locks off the hot path
//!   Scripts    a shard's view: what it has looked up before, its interpreter (made when first needed)
//!     Vm       one interpreter; `sandbox.lua` is what scripts see of it, `api.rs` and the libraries what they may do,
//!              `raw.rs` what all of them do: start, call commands, return a value
//! ```
//! The interpreter is stock Lua 5.1.5, whose known holes are closed from outside: bytecode is refused, the collector
//! stands still while source is compiled, sources are bounded, `unpack` checks its range, globals, libraries and the
//! metatable of strings are read-only, memory is capped, and a hook interrupts every so many instructions.
//!
//! Invariants
//!   1. A script sees no value that leads to what another script uses, but for what Redis shares too (none).
//!   2. Between two hook calls nothing of the host is borrowed: `loan.rs` is where the host is reached.
//!   3. Once a script is stopped, every further instruction of it fails, so nothing it catches keeps it alive.

mod analysis;
mod api;
mod bits;
mod convert;
mod functions;
mod json;
mod loan;
mod msgpack;
mod pack;
mod pattern;
mod raw;
mod scripts;
mod shared;
mod shebang;
#[cfg(test)]
mod tests;
mod vm;

pub use functions::{Function, Functions, LibrarySource, Policy, Stored};
pub use loan::{Host, Refusal};
pub use scripts::{Known, Scripts, Tally};
pub use shared::{KillError, Running, Script, Shared};
pub use shebang::{FUNCTION_FLAGS, Flags};
pub use vm::{Call, Ended};
