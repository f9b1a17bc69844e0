//! The only clock of the tests: deadlines, and polling for a condition.
//!
//! Nothing here waits a fixed time and hopes; `wait_until` asks again until its deadline.
#![expect(
    clippy::disallowed_methods,
    reason = "tests run against real processes in real time"
)]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long anything may take before a test calls it lost. Generous: CI runs debug builds on two cores, which others
/// use as well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn now() -> Instant {
    Instant::now()
}

pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("clock is past 1970");
    i64::try_from(since.as_millis()).expect("milliseconds fit in i64")
}

/// Raises a flag when it goes out of scope, in a panic too: threads of a scope that run until the flag is raised
/// would else be waited for without end, and nobody would learn of the panic.
pub(crate) struct RaiseAtEnd<'a>(pub(crate) &'a AtomicBool);

impl Drop for RaiseAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Gives other processes the CPU between two looks at a condition.
pub(crate) fn breathe() {
    std::thread::sleep(Duration::from_millis(2));
}

/// Lets a short time pass, for something to happen at a moment that nobody chose.
pub(crate) fn spin(time: Duration) {
    let deadline = now() + time;
    while now() < deadline {
        std::thread::yield_now();
    }
}

/// Asks until the answer is `Some`, at most `PATIENCE`; panics with `what` after that.
#[track_caller]
pub(crate) fn wait_until<T>(what: &str, ask: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, ask).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain: {what}"))
}

/// Asks until the answer is `Some`, or gives up after `limit`.
pub(crate) fn wait_within<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if now() >= deadline {
            return None;
        }
        breathe();
    }
}
