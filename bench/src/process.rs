//! Processes the harness starts, and what the kernel says of them.
//!
//! A child is started through this program's own `exec` subcommand, which pins itself, asks to be killed with its
//! parent, and becomes the command. So nothing outlives the harness, not even if it is killed with SIGKILL, and no
//! process that it did not start is ever signalled.

use anyhow::{Context, bail, ensure};
use rustix::process::{
    Pid, Resource, Rlimit, Signal, getrlimit, kill_process, set_parent_process_death_signal,
    setrlimit,
};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// `--cpus 0,2` as numbers.
pub fn parse_cpus(text: &str) -> anyhow::Result<Vec<usize>> {
    let mut cpus = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let first: usize = first
            .parse()
            .with_context(|| format!("a CPU list, not {text:?}"))?;
        let last: usize = last
            .parse()
            .with_context(|| format!("a CPU list, not {text:?}"))?;
        ensure!(first <= last, "a CPU list, not {text:?}");
        cpus.extend(first..=last);
    }
    Ok(cpus)
}

/// The opposite of [`parse_cpus`], without ranges.
pub fn show_cpus(cpus: &[usize]) -> String {
    cpus.iter()
        .map(usize::to_string)
        .collect::<Vec<_>>()
        .join(",")
}

/// CPUs this process may use.
pub fn allowed_cpus() -> anyhow::Result<Vec<usize>> {
    let set = rustix::thread::sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|&cpu| set.is_set(cpu))
        .collect())
}

/// Whether a CPU is the first hardware thread of its core; also if the machine does not say.
pub fn is_first_thread(cpu: usize) -> bool {
    let path = format!("/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
    let siblings = fs::read_to_string(path)
        .ok()
        .and_then(|text| parse_cpus(text.trim()).ok());
    siblings.is_none_or(|siblings| siblings.iter().all(|&other| other >= cpu))
}

/// Pins the calling thread.
pub fn pin_thread(cpus: &[usize]) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    for &cpu in cpus {
        set.set(cpu);
    }
    sched_setaffinity(None, &set).with_context(|| format!("pin to CPUs {}", show_cpus(cpus)))
}

/// Raises the limit of open files as far as this user may: ten thousand connections need as many.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
}

/// Pins this process, ties it to its parent and becomes `command`; returns only if that fails.
pub fn become_command(cpus: &[usize], command: &[String]) -> anyhow::Result<()> {
    pin_thread(cpus)?;
    raise_file_limit();
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let [program, args @ ..] = command else {
        bail!("exec: no command")
    };
    Err(Command::new(program).args(args).exec()).with_context(|| format!("run {program}"))
}

/// A pinned child process, killed when dropped.
#[derive(Debug)]
pub struct Pinned {
    child: Child,
    /// As a person would type it.
    pub command_line: String,
}

impl Pinned {
    /// Starts `command` on `cpus`, in `dir`, its output going to `log`, else to [`Pinned::output`]. To be called on a thread that lives as long
    /// as the child should: the kernel ties it to the thread, not to the process.
    pub fn start(
        command: &[String],
        cpus: &[usize],
        dir: &Path,
        log: Option<File>,
    ) -> anyhow::Result<Pinned> {
        let (stdout, stderr) = match log {
            Some(file) => (Stdio::from(file.try_clone()?), Stdio::from(file)),
            None => (Stdio::piped(), Stdio::piped()),
        };
        let own = std::env::current_exe().context("path of this program")?;
        let child = Command::new(own)
            .args(["exec", "--cpus", &show_cpus(cpus), "--"])
            .args(command)
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("start {}", command.join(" ")))?;
        let command_line = format!("taskset -c {} {}", show_cpus(cpus), command.join(" "));
        Ok(Pinned {
            child,
            command_line,
        })
    }

    /// Runs a command to its end; its standard output and its command line.
    pub fn run(command: &[String], cpus: &[usize], dir: &Path) -> anyhow::Result<(String, String)> {
        Pinned::start(command, cpus, dir, None)?.output()
    }

    /// Waits for the end of one that was started with a pipe; its standard output and its command line.
    pub fn output(mut self) -> anyhow::Result<(String, String)> {
        let mut output = String::new();
        if let Some(stdout) = &mut self.child.stdout {
            stdout.read_to_string(&mut output)?;
        }
        let mut errors = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut errors)?;
        }
        let status = self.child.wait()?;
        ensure!(
            status.success(),
            "{}: {status}: {}",
            self.command_line,
            errors.trim()
        );
        Ok((output, std::mem::take(&mut self.command_line)))
    }

    /// Its process id, which is also the command's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Stops it in its tracks, so that its timers do not disturb the measurement of another.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it run again.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        // A child not yet waited for keeps its id, so this can reach no other process.
        if let Some(pid) = Pid::from_raw(self.child.id() as i32) {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What user and system times are counted in: USER_HZ is 100 on every Linux.
const TICK_NS: u64 = 10_000_000;

/// CPU time of a process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuTime {
    /// Sum over the threads alive, in nanoseconds, from the scheduler.
    threads_ns: u64,
    /// User and system time in ticks of 10 ms, threads that have ended included.
    ticks_ns: u64,
    /// Ready to run, but another had the core: next to nothing on a core of one's own.
    waited_ns: u64,
}

impl CpuTime {
    /// Reads it now.
    pub fn of(pid: u32) -> anyhow::Result<CpuTime> {
        let mut time = CpuTime::default();
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end between the listing and this.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            time.threads_ns += first_number(&text);
            time.waited_ns += nth_number(&text, 1);
        }
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        // The name is in parentheses and may hold spaces; the fields after it are counted from 3.
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let fields: Vec<&str> = after.split_whitespace().collect();
        let field = |n: usize| {
            fields
                .get(n - 3)
                .and_then(|f| f.parse::<u64>().ok())
                .unwrap_or(0)
        };
        time.ticks_ns = (field(14) + field(15)) * TICK_NS;
        Ok(time)
    }

    /// CPU nanoseconds spent from `earlier` to this.
    pub fn since_ns(&self, earlier: &CpuTime) -> u64 {
        let threads = self.threads_ns.saturating_sub(earlier.threads_ns);
        let ticks = self.ticks_ns.saturating_sub(earlier.ticks_ns);
        // Threads that ended took their time with them; the coarse count has it. The two differ by rounding otherwise.
        if ticks > threads + 3 * TICK_NS {
            ticks
        } else {
            threads
        }
    }

    /// Nanoseconds its threads waited for a core from `earlier` to this: what other processes took from it.
    pub fn waited_since_ns(&self, earlier: &CpuTime) -> u64 {
        self.waited_ns.saturating_sub(earlier.waited_ns)
    }
}

/// CPU nanoseconds the calling thread has used.
pub fn own_thread_cpu_ns() -> u64 {
    first_number(&fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default())
}

fn first_number(text: &str) -> u64 {
    nth_number(text, 0)
}

fn nth_number(text: &str, n: usize) -> u64 {
    text.split_whitespace()
        .nth(n)
        .and_then(|n| n.parse().ok())
        .unwrap_or(0)
}

/// Resident memory of a process in bytes.
pub fn resident_bytes(pid: u32) -> anyhow::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .map(first_number)
        .context("VmRSS of the server")?;
    Ok(kilobytes as f64 * 1024.0)
}

/// Processes that ran or wanted to, on average over the last minute.
pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0.0)
}

/// Time of the whole machine, for the share that a hypervisor gave to others.
#[derive(Clone, Copy, Debug)]
pub struct MachineTime {
    all: u64,
    stolen: u64,
}

impl MachineTime {
    /// Reads it now.
    pub fn now() -> MachineTime {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let line = stat.lines().next().unwrap_or_default();
        let ticks: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            .take(8)
            .filter_map(|n| n.parse().ok())
            .collect();
        MachineTime {
            all: ticks.iter().sum(),
            stolen: ticks.get(7).copied().unwrap_or(0),
        }
    }

    /// Percent of the machine's time stolen since then.
    pub fn stolen_percent(&self) -> f64 {
        let now = MachineTime::now();
        let all = now.all.saturating_sub(self.all).max(1);
        now.stolen.saturating_sub(self.stolen) as f64 * 100.0 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_are_read_as_taskset_reads_them() {
        assert_eq!(parse_cpus("0,2-4").unwrap(), [0, 2, 3, 4]);
        assert!(parse_cpus("").is_err() && parse_cpus("3-1").is_err());
    }

    #[test]
    fn cpu_time_of_a_busy_process_advances() {
        let pid = std::process::id();
        let before = CpuTime::of(pid).unwrap();
        let deadline = crate::clock::now_ns() + 40_000_000;
        let mut sum = 0u64;
        while crate::clock::now_ns() < deadline {
            sum = sum.wrapping_add(1);
        }
        assert!(sum > 0);
        let spent = CpuTime::of(pid).unwrap().since_ns(&before);
        assert!(spent > 1_000_000, "{spent} ns");
        assert!(resident_bytes(pid).unwrap() > 100_000.0);
    }
}
