//! Room `persist`: the byte formats of RDB files and DUMP payloads. Pure: bytes in, values out, and back.
//!
//! What is read here may come from anybody. So lengths are compared with what is there before anything is allocated
//! for them, and every error leaves the caller with nothing but the error.

mod dump;
pub use crate::base::lzf;
mod string_payload;

pub use dump::{DumpError, RDB_VERSION, dump_string, restore};
pub use string_payload::{PayloadError, Reader, Text, write_int, write_len, write_string};
