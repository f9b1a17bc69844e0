//! Room `persist`: the byte formats of RDB files, DUMP payloads and append-only files. Pure: bytes in, values out, and back.
//!
//! What is read here may come from anybody. So lengths are compared with what is there before anything is allocated
//! for them, and every error leaves the caller with nothing but the error.

pub mod aof;
mod commands;
mod dump;
mod functions;
mod hash;
mod list;
mod object;
mod older;
pub mod pieces;
pub mod rdb;
mod set;
mod stream;
mod string_payload;
mod window;
mod zset;

pub use crate::base::lzf;
pub use commands::{write_command, write_key};
pub use dump::{DumpError, dump, restore, restore_as_told, serialized_len};
pub use functions::{LibrariesError, dump_functions, restore_functions};
pub use object::{
    RDB_VERSION, RDB_VERSION_MAX, Unreadable, VALKEY_VERSION, ValueLimits, is_readable, read_value,
    write_value,
};
pub use string_payload::{PayloadError, Reader, Text, write_int, write_len, write_string};
pub use window::Window;
