//! Scripts and functions: EVAL, FCALL and their kin run at their keys, SCRIPT and FUNCTION at the client's core.
//!
//! A script's commands are the store functions of the table, run over the script's own context. Where a script runs is
//! decided in `conn`; if it then turns out to need more than is there, and has written nothing, it returns
//! [`Flow::Elsewhere`](super::ctx::Flow) and runs anew where everything is.

mod caller;
mod eval;
mod function;
mod reach;
mod script;

pub use eval::{eval, eval_ro, evalsha, evalsha_ro, fcall, fcall_ro, keep_ahead};
pub use function::{
    function_delete, function_dump, function_flush, function_help, function_kill, function_list,
    function_load, function_restore, function_stats,
};
pub use reach::{Reach, only_reads, publishes, reach};
pub use script::{
    script_debug, script_exists, script_flush, script_help, script_kill, script_load, script_show,
};
