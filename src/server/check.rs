//! `--check`: whether this configuration would start here, and what this machine offers.

use super::listeners;
use crate::command::acl;
use crate::config::{IoBackend, Loaded};
use crate::ring::{available_cpus, open_file_limit, probe, somaxconn};
use crate::session::Users;
use std::process::ExitCode;

/// Prints a line a fact; fails if the server could not start as asked.
pub(super) fn check(loaded: &Loaded) -> ExitCode {
    let config = &loaded.config;
    let mut good = true;
    let mut line = |name: &str, fine: bool, text: String| {
        good &= fine;
        println!("{} {name}: {text}", if fine { "ok  " } else { "FAIL" });
    };
    let file = loaded
        .file
        .as_ref()
        .map_or("(none)".into(), |path| path.display().to_string());
    line("configuration", true, file);
    for warning in &loaded.warnings {
        line("warning", true, warning.clone());
    }
    let (rules, mut users) = (acl::commands::rules(config), Users::default());
    match acl::file::from_config(&loaded.users, rules, &mut users) {
        Ok(()) => line("users", true, format!("{} in lines", users.iter().len())),
        Err(error) => line("users", false, error),
    }
    let support = probe();
    let wanted = config.io_backend == IoBackend::Uring;
    line(
        "io",
        support.io_uring.is_ok() || !wanted,
        support.to_string(),
    );
    let cpus = available_cpus();
    let shards = super::start::shard_count(config);
    line(
        "shards",
        true,
        format!("{shards} on {} of CPUs {:?}", cpus.usable, cpus.allowed),
    );
    match open_file_limit() {
        Ok((soft, hard)) => {
            let needed = config.maxclients as u64 + listeners::OWN_DESCRIPTORS;
            line(
                "open files",
                hard >= needed,
                format!("{soft} now, up to {hard}; maxclients needs {needed}"),
            );
        }
        Err(error) => line("open files", false, error.to_string()),
    }
    let locked = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_MEMLOCK);
    match locked {
        Ok((soft, _)) => {
            let text = format!("{} KiB; the control thread's ring wants 512", soft / 1024);
            line("memlock", true, text);
        }
        Err(error) => line("memlock", true, error.to_string()),
    }
    if let Some(limit) = somaxconn() {
        let fits = i64::from(limit) >= config.tcp_backlog;
        let text = format!("{limit}; tcp-backlog is {}", config.tcp_backlog);
        line(
            "somaxconn",
            true,
            if fits {
                text
            } else {
                format!("{text}, which cannot have effect")
            },
        );
    }
    match listeners::bind(config) {
        Ok(bound) => line("listen", true, format!("{} sockets", bound.len())),
        Err(error) => line("listen", false, error.to_string()),
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
