//! A client's connection: read, parse, find the row, check, route, reply; and the loop that does it all.
//!
//! | file | what |
//! |---|---|
//! | `turn.rs` | the loop of a shard's thread |
//! | `home.rs` | a core: its clients, its shard, its way to the others |
//! | `client.rs` | one client, and the replies it is owed |
//! | `apart.rs` | a long argument on its way in |
//! | `serve.rs` | from bytes to commands, and the short way of running them |
//! | `dispatch.rs` | from a command to where it runs |
//! | `fence.rs`, `merge.rs` | operations over several shards: splitting, posting, putting the reply together |
//! | `exec.rs` | MULTI, EXEC, WATCH |
//! | `busy.rs` | what may take long, and whom a core serves meanwhile |
//! | `follow.rs` | what a home command asks for |
//! | `outgoing.rs`, `peaks.rs` | output limits, the end of a connection; the largest buffers lately |
//! | `monitor.rs` | what those in MONITOR are shown |
//! | `hold.rs` | replies that wait for the log |
//! | `farewell.rs` | how a core stops |
//! | `permit.rs` | users: refused commands, what a change of users does to clients |
//! | `listener.rs` | accepting, and spreading clients over the cores |
//! | `mail.rs`, `process.rs` | the way from and to the control thread |

mod apart;
mod blocking;
mod busy;
mod client;
mod dispatch;
mod evict;
mod exec;
mod farewell;
mod fence;
mod flush;
mod follow;
mod hold;
mod home;
mod listener;
mod mail;
mod merge;
mod monitor;
mod outgoing;
mod peaks;
mod permit;
mod process;
mod pubsub;
mod relief;
mod remarkable;
mod serve;
mod tracking;
mod turn;
mod walk;

pub use home::{Home, HomeParts};
pub use listener::Bound;
pub use mail::{Mail, Mailbox, OnThisCore, Post};
pub use permit::spread_users;
pub use process::{Configured, Process, Saving, Settled};
pub use turn::ShardThread;

use outgoing::recycle;
