//! The process: from arguments to running shards, and back.

mod aof;
mod check;
mod control;
mod leaving;
mod listeners;
mod loading;
mod logging;
mod migration;
mod oom;
mod rates;
mod running;
mod save;
mod saving;
mod start;
mod title;
mod watchdog;

pub use start::main;
