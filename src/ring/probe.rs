//! Whether io_uring can be used here, and if not, why: for `io-backend auto` and for `--check`.
//!
//! A kernel version says little (features are backported, forbidden by seccomp, switched off by sysctl or limited by
//! memory), so the probe makes a small back end and moves bytes through it. What that needs in practice is
//! Linux 6.1: DEFER_TASKRUN (6.1), multishot receive (6.0), buffer rings (5.19), skipped completions (5.17).

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use io_uring::{IoUring, Probe, opcode};

use super::backend::{Backend, BackendOptions, Event, Wait};
use super::sys;
use crate::base::Output;

/// What the probe found. Prints as one line for the log.
#[derive(Clone, Debug)]
pub struct Support {
    /// The kernel's release.
    pub kernel: String,
    /// `Err` says why io_uring cannot be used.
    pub io_uring: Result<(), String>,
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.io_uring {
            Ok(()) => write!(f, "io_uring is usable (Linux {})", self.kernel),
            Err(reason) => {
                write!(
                    f,
                    "io_uring is not usable (Linux {}): {reason}; epoll is usable",
                    self.kernel
                )
            }
        }
    }
}

/// Tries io_uring out. Takes about a millisecond; any thread may call it.
pub fn probe() -> Support {
    Support {
        kernel: sys::kernel_release(),
        io_uring: try_operations().and_then(|()| try_it()),
    }
}

/// Names what is missing, where the kernel would only say EINVAL.
fn try_operations() -> Result<(), String> {
    let ring = IoUring::new(4).map_err(|error| explain_setup(&error))?;
    let params = ring.params();
    let features = [
        (
            params.is_feature_nodrop(),
            "completions that are not dropped (Linux 5.5)",
        ),
        (
            params.is_feature_ext_arg(),
            "time-outs of the wait (Linux 5.11)",
        ),
        (
            params.is_feature_skip_cqe_on_success(),
            "skipped completions (Linux 5.17)",
        ),
    ];
    if let Some((_, name)) = features.iter().find(|(present, _)| !present) {
        return Err(format!("the kernel lacks {name}"));
    }
    let mut known = Probe::new();
    ring.submitter()
        .register_probe(&mut known)
        .map_err(|error| format!("it cannot be asked for its operations: {error}"))?;
    let operations = [
        (opcode::AcceptMulti::CODE, "accept"),
        (opcode::RecvMulti::CODE, "recv"),
        (opcode::Send::CODE, "send"),
        (opcode::SendMsg::CODE, "sendmsg"),
        (opcode::Read::CODE, "read"),
        (opcode::AsyncCancel::CODE, "cancel"),
    ];
    match operations
        .iter()
        .find(|(code, _)| !known.is_supported(*code))
    {
        Some((_, name)) => Err(format!("the kernel lacks the operation {name}")),
        None => Ok(()),
    }
}

fn explain_setup(error: &io::Error) -> String {
    let disabled = fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_default();
    match error.raw_os_error() {
        Some(libc::ENOSYS) => "the kernel does not have it".into(),
        Some(libc::EPERM) => match disabled.trim() {
            "1" => {
                "sysctl kernel.io_uring_disabled=1 allows it to privileged processes only".into()
            }
            "2" => "sysctl kernel.io_uring_disabled=2 forbids it".into(),
            _ => "forbidden, most likely by the container's seccomp profile".into(),
        },
        Some(libc::EACCES) => "forbidden by a security policy".into(),
        Some(libc::ENOMEM) => "not enough memory may be locked (ulimit -l)".into(),
        _ => format!("it cannot be set up: {error}"),
    }
}

/// Receives and sends through a small back end.
fn try_it() -> Result<(), String> {
    let options = BackendOptions {
        submissions: 8,
        completions: 16,
        chunks: 2,
        chunk_bytes: 64,
        ..BackendOptions::default()
    };
    let mut backend = Backend::uring(&options).map_err(|error| match error.raw_os_error() {
        Some(libc::EINVAL) => {
            "the kernel lacks deferred task work (Linux 6.1) or buffer rings (Linux 5.19)".into()
        }
        _ => explain_setup(&error),
    })?;
    round_trip(&mut backend).map_err(|error| format!("a trial failed: {error}"))
}

fn round_trip(backend: &mut Backend) -> io::Result<()> {
    let (mut near, far) = UnixStream::pair()?;
    let id = backend.adopt(far.into());
    near.write_all(b"ping")?;
    let mut turns = 0;
    loop {
        backend.poll(Wait::Until(Duration::from_millis(100)))?;
        while let Some(event) = backend.next_event() {
            match event {
                Event::Received { chunk, .. } => {
                    let mut out = Output::default();
                    out.bytes.extend_from_slice(backend.chunk(chunk));
                    backend.recycle(chunk);
                    backend.send_last(id, out);
                }
                Event::Sent { .. } => {
                    backend.close(id);
                    let mut echo = Vec::new();
                    near.set_read_timeout(Some(Duration::from_secs(1)))?;
                    backend.poll(Wait::Now)?;
                    let mut bytes = [0; 4];
                    near.read_exact(&mut bytes)?;
                    echo.extend_from_slice(&bytes);
                    return if echo == b"ping" {
                        Ok(())
                    } else {
                        Err(io::Error::other("the bytes came back different"))
                    };
                }
                Event::Broken { error, .. } => return Err(error),
                _ => {}
            }
        }
        turns += 1;
        if turns > 20 {
            return Err(io::Error::from_raw_os_error(libc::ETIMEDOUT));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_agrees_with_what_can_be_made() {
        let support = probe();
        let made = Backend::uring(&BackendOptions::default());
        assert_eq!(support.io_uring.is_ok(), made.is_ok(), "{support}");
        assert!(support.to_string().contains(&support.kernel));
    }

    #[test]
    fn epoll_passes_the_trial_too() {
        let mut backend = Backend::epoll(&BackendOptions::default()).unwrap();
        round_trip(&mut backend).unwrap();
    }
}
