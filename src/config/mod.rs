//! Settings: what an operator may say, from the first command line to the last CONFIG REWRITE.
//!
//! One table (`table.rs`) says everything of a directive: names, type, range, default, what may change it, and
//! whether the server acts on it yet. From it come [`Config`], a plain struct with a typed field each, and the rows
//! ([`SETTINGS`]) by which CONFIG GET, SET and REWRITE reach those fields.
//!
//! A `Config` is a snapshot. It is never changed in place: CONFIG SET makes a new one, the server applies and
//! publishes it, and every core reads the snapshot it was handed. So nobody sees half of a change, and nothing here
//! needs a lock.
//!
//! | file | what |
//! |---|---|
//! | `table.rs` | the rows, `Config`, lookup by name |
//! | `setting.rs` | what a row is made of: parsing, printing and rewriting by kind |
//! | `special.rs` | directives with a grammar of their own |
//! | `types.rs`, `value.rs`, `checks.rs` | enums and structs; numbers and units; checks of single values |
//! | `words.rs` | quoting |
//! | `load.rs` | command line, files, includes |
//! | `access.rs` | CONFIG GET, CONFIG SET |
//! | `rewrite.rs` | CONFIG REWRITE |
//! | `file.rs` | the only I/O |
//!
//! Deliberately absent: what a setting does. The rooms above read their fields.

mod access;
mod checks;
mod error;
mod file;
mod load;
mod rewrite;
mod setting;
mod special;
mod table;
mod types;
mod value;
mod words;

#[cfg(test)]
mod tests;

pub use access::{Changed, SetContext, config_get, config_set, sensitive_positions};
pub use error::{ConfigError, ConfigSetError, Line, os_reason};
pub use file::{RealFiles, write_atomically};
pub use load::{Files, Loaded, Rename, UserLine, load};
pub use rewrite::{rewrite, rewrite_in_full};
pub use setting::{Flags, Reason, Setting};
pub use table::{Config, Named, SETTINGS, find, names};
pub use types::{
    Allow, AppendFsync, Choice, Choices, ClusterConfigSave, DisklessLoad, EndpointType, IoBackend,
    KeyspaceEvents, LogFormat, LogLevel, LogTimestamp, MasterAddress, MaxmemoryPolicy,
    MemoryOrPercent, OomScoreAdj, OutputClass, OutputLimit, PropagationError, PubsubDefault,
    RdbVersionCheck, SanitizePayload, SavePoint, ShutdownOptions, SlotStats, Supervised,
    SyslogFacility, TlsAuthClients, TlsAuthClientsUser,
};
pub use value::{cpu_list, memory as parse_memory};
pub use words::{join as join_words, put as put_word, split as split_words, trim as trim_line};
