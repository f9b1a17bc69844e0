//! The raw results: JSON lines, the first about the run, each other one measurement.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Named numbers; the report knows which it shows.
pub type Metrics = BTreeMap<String, f64>;

/// A line of the raw file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "lowercase")]
pub enum Line {
    Run(RunInfo),
    Measurement(Measurement),
}

/// What one needs to know to repeat a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunInfo {
    pub date: String,
    pub suite: String,
    pub command_line: String,
    pub seed: u64,
    pub rounds: u32,
    pub seconds: f64,
    /// The server that ratios are against.
    pub baseline: String,
    pub commit: String,
    pub cpu: String,
    pub cpus: usize,
    pub kernel: String,
    pub memory_gb: f64,
    /// Before the run: what other processes take.
    pub load_average: f64,
    pub server_cpus: String,
    pub load_cpus: String,
    pub redis_benchmark: String,
    pub servers: Vec<ServerInfo>,
}

/// A server of the run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerInfo {
    pub name: String,
    pub version: String,
    pub program: String,
    pub args: Vec<String>,
}

/// One scenario on one server in one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measurement {
    pub round: u32,
    pub scenario: String,
    pub server: String,
    /// Seconds since 1970 at its end.
    pub at: u64,
    pub metrics: Metrics,
    /// Command lines of the server and of the load.
    pub commands: Vec<String>,
    pub error: Option<String>,
}

/// Appends lines to a file as they come, so that an aborted run keeps what it has.
#[derive(Debug)]
pub struct Writer(File);

impl Writer {
    /// Starts a new file.
    pub fn create(path: &Path) -> anyhow::Result<Writer> {
        Ok(Writer(File::create(path)?))
    }

    /// Adds a line.
    pub fn write(&mut self, line: &Line) -> anyhow::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        Ok(self.0.write_all(text.as_bytes())?)
    }
}

/// Reads a file of lines.
pub fn read(path: &Path) -> anyhow::Result<Vec<Line>> {
    let text = fs::read_to_string(path)?;
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// CPU model, from /proc/cpuinfo.
pub fn cpu_model() -> String {
    proc_field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned())
}

/// Memory of the machine in GB.
pub fn memory_gb() -> f64 {
    proc_field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok())
        .map_or(0.0, |kilobytes| (kilobytes / 1e5).round() / 10.0)
}

/// Release of the running kernel.
pub fn kernel() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// The commit of the work tree at `root`, with `-dirty` if files differ from it.
pub fn commit(root: &Path) -> String {
    Command::new("git")
        .args([
            "describe",
            "--always",
            "--dirty",
            "--abbrev=12",
            "--exclude=*",
        ])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_else(|| "unknown".to_owned())
}

fn proc_field(path: &str, field: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == field).then(|| value.trim().to_owned())
    })
}
