//! Access control: who may run what, over which keys and channels.
//!
//! | file | what |
//! |---|---|
//! | `categories.rs` | the categories of commands |
//! | `rules.rs` | rules as operators write them, applied to a user |
//! | `describe.rs` | the rules that make a user, written out |
//! | `check.rs` | whether a user may run a command |
//! | `limited.rs` | what a script may run in a client's name |
//! | `log.rs` | what was refused (ACL LOG) |
//! | `file.rs` | users in the configuration and in an ACL file |
//! | `commands.rs` | ACL |
//!
//! Users are values (`session/user.rs`). A change makes a new set of all users under a lock of the process and is
//! published to all cores like a setting, so a client that read `+OK` sees it everywhere.

mod categories;
pub mod check;
pub mod commands;
mod describe;
pub mod file;
mod limited;
pub mod log;
mod rules;

pub(super) use categories::implied;
pub use categories::{Categories, category, category_by_name, commands_in, visible_categories};
pub use check::{Denied, Reason, check, check_patterns, covers_subscription};
pub use describe::{describe, line};
pub use limited::Limited;
pub use log::{AclLog, Context, Refusal};
pub use rules::{RuleError, Rules};
