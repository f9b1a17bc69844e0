//! The servers that are compared: finding, starting and stopping them.

use crate::client::{Client, Value};
use crate::clock::{now_ns, sleep_ms};
use crate::process::{Pinned, show_cpus};
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How long a server may take until it answers PING.
const START_NS: u64 = 15_000_000_000;

/// Whose arguments a server understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Tessera,
    /// redis-server, valkey-server: one thread runs the commands.
    Redis,
    KeyDb,
    Dragonfly,
}

/// A server that can be started.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its name in tables.
    pub name: String,
    pub kind: Kind,
    pub program: PathBuf,
    /// Further arguments, for comparing one program with itself.
    pub args: Vec<String>,
    /// First line of what it says to `--version`.
    pub version: String,
}

/// Programs looked for on PATH, with the name they get.
pub const KNOWN: [(&str, &str); 4] = [
    ("redis", "redis-server"),
    ("valkey", "valkey-server"),
    ("keydb", "keydb-server"),
    ("dragonfly", "dragonfly"),
];

impl Server {
    /// A server by name and command line; the beginning of the name says whose arguments it takes, redis-server's if
    /// it says nothing else.
    pub fn new(name: &str, command: &str) -> anyhow::Result<Server> {
        let mut words = command.split_whitespace().map(str::to_owned);
        let program = words
            .next()
            .with_context(|| format!("a command for {name}"))?;
        let program = find(&program).with_context(|| format!("no program {program} for {name}"))?;
        let kind = match name {
            _ if name.starts_with("tessera") => Kind::Tessera,
            _ if name.starts_with("keydb") => Kind::KeyDb,
            _ if name.starts_with("dragonfly") => Kind::Dragonfly,
            _ => Kind::Redis,
        };
        let version = version(&program);
        Ok(Server {
            name: name.to_owned(),
            kind,
            program,
            args: words.collect(),
            version,
        })
    }

    /// The command line of an empty server without persistence.
    fn command(&self, port: u16, shards: u16, cpus: &[usize], more: &[&str]) -> Vec<String> {
        let mut command = vec![self.program.display().to_string()];
        let mut add = |args: &[&str]| command.extend(args.iter().map(|&arg| arg.to_owned()));
        let (port, shards) = (port.to_string(), shards.to_string());
        match self.kind {
            Kind::Dragonfly => {
                add(&[
                    "--port",
                    &port,
                    "--proactor_threads",
                    &shards,
                    "--dbfilename",
                    "",
                ]);
            }
            kind => {
                add(&["--port", &port, "--save", "", "--appendonly", "no"]);
                match kind {
                    Kind::Tessera => {
                        add(&["--shards", &shards, "--shard-cpus", &show_cpus(cpus)]);
                    }
                    Kind::KeyDb => add(&["--server-threads", &shards]),
                    _ => {}
                }
            }
        }
        add(more);
        command.extend(self.args.iter().cloned());
        command
    }
}

/// A server that runs; dropping it ends it.
#[derive(Debug)]
pub struct Instance {
    pub process: Pinned,
    pub port: u16,
    pub client: Client,
}

impl Instance {
    /// Starts a server on `cpus` with its files in `dir`, and waits until it answers.
    pub fn start(
        server: &Server,
        shards: u16,
        cpus: &[usize],
        dir: &Path,
        more: &[&str],
    ) -> anyhow::Result<Instance> {
        let dir = dir.join(&server.name);
        fs::create_dir_all(&dir)?;
        let port = free_port()?;
        let log = dir.join("output");
        let command = server.command(port, shards, cpus, more);
        let mut process = Pinned::start(&command, cpus, &dir, Some(File::create(&log)?))?;
        let deadline = now_ns() + START_NS;
        loop {
            if let Ok(mut client) = Client::connect(port)
                && let Ok(Value::Text(pong)) = client.call("PING")
                && pong == "PONG"
            {
                return Ok(Instance {
                    process,
                    port,
                    client,
                });
            }
            if !process.is_alive() || now_ns() > deadline {
                let text = fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<&str> = text.lines().rev().take(3).collect();
                bail!(
                    "{} does not answer: {}: {last:?}",
                    server.name,
                    process.command_line
                );
            }
            sleep_ms(20);
        }
    }
}

/// A program by path or from PATH.
pub fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return fs::canonicalize(program).ok();
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// First line a program prints for `--version`.
pub fn version(program: &Path) -> String {
    Command::new(program)
        .arg("--version")
        .output()
        .ok()
        .and_then(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.lines().next().map(str::to_owned)
        })
        .unwrap_or_else(|| "unknown".to_owned())
}

/// A port nobody listens on at the moment; the server takes it a moment later.
fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_whose_arguments_it_takes() {
        let server = |name: &str| Server::new(name, "/bin/sh --extra 1").unwrap();
        let line = |name: &str| server(name).command(7000, 2, &[0, 1], &[]).join(" ");
        assert!(line("tessera-epoll").ends_with("--shards 2 --shard-cpus 0,1 --extra 1"));
        assert!(!line("valkey").contains("shards"));
        assert!(line("dragonfly").contains("--proactor_threads 2"));
        assert!(Server::new("redis", "/no/such/program").is_err());
    }
}
