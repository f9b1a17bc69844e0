//! The ways the server is run: {1, 4} shards x {io_uring, epoll}.
//!
//! A transcript must not be able to tell them apart. Each variant is one process, shared by all tests of a
//! test binary behind a lock, and emptied between checks. io_uring is left out, with a visible line, where
//! the kernel or a sandbox refuses it. `TESSERA_TEST_VARIANTS=epoll` keeps the variants whose name contains
//! that word.
#![expect(
    clippy::disallowed_types,
    reason = "tests run on threads and share the server processes"
)]

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use super::process::{self, Options, Server};
use super::resp::{Conn, ok};

pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) options: Options,
    shared: Mutex<Option<Server>>,
}

impl Variant {
    /// The shared server of this variant, started or restarted if it is not there.
    pub(crate) fn lock(&self) -> Shared<'_> {
        let mut guard = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if !guard.as_mut().is_some_and(Server::is_running) {
            *guard = Some(Server::start(&self.options));
        }
        Shared(guard)
    }

    /// A server of this variant that is nobody else's, with further directives.
    pub(crate) fn own_server(&self, directives: &[(&str, &str)]) -> Server {
        let mut options = self.options.clone();
        for (name, value) in directives {
            options = options.with(name, value);
        }
        Server::start(&options)
    }
}

/// Exclusive use of a variant's shared server.
pub(crate) struct Shared<'a>(MutexGuard<'a, Option<Server>>);

impl Shared<'_> {
    pub(crate) fn server(&mut self) -> &mut Server {
        self.0.as_mut().expect("lock() starts it")
    }

    /// Forgets the process, so that the next user gets a new one.
    pub(crate) fn discard(&mut self) {
        *self.0 = None;
    }
}

/// The variants to test. A peer has one way to run only.
pub(crate) fn variants() -> &'static [Variant] {
    static VARIANTS: OnceLock<Vec<Variant>> = OnceLock::new();
    VARIANTS.get_or_init(|| {
        let all: &[(&str, u16, &str)] = if process::is_peer() {
            &[("peer", 1, "epoll")]
        } else {
            &[
                ("epoll-1", 1, "epoll"),
                ("epoll-4", 4, "epoll"),
                ("uring-1", 1, "uring"),
                ("uring-4", 4, "uring"),
            ]
        };
        let wanted = std::env::var("TESSERA_TEST_VARIANTS").unwrap_or_default();
        let uring = io_uring::IoUring::new(4).is_ok();
        if !uring {
            eprintln!("SKIPPED: this kernel refuses io_uring; only the epoll variants are tested");
        }
        let chosen: Vec<Variant> = all
            .iter()
            .filter(|(name, _, backend)| name.contains(&wanted) && (uring || *backend != "uring"))
            .map(|&(name, shards, backend)| Variant {
                name,
                options: Options::new(shards, backend),
                shared: Mutex::new(None),
            })
            .collect();
        assert!(!chosen.is_empty(), "no variant is called {wanted:?}");
        chosen
    })
}

/// Runs `scenario` for every variant, naming the variant if it panics.
pub(crate) fn each_variant(scenario: impl Fn(&Variant)) {
    for variant in variants() {
        let named = Named(variant.name);
        scenario(variant);
        std::mem::forget(named);
    }
}

struct Named(&'static str);

impl Drop for Named {
    fn drop(&mut self) {
        eprintln!("-- in variant {}", self.0);
    }
}

/// The peer the tests run against, if the binary is not ours.
pub(crate) struct Peer {
    /// (major, minor)
    pub(crate) version: (u32, u32),
}

/// `None` when the binary under test is ours.
pub(crate) fn peer() -> Option<&'static Peer> {
    static PEER: OnceLock<Option<Peer>> = OnceLock::new();
    PEER.get_or_init(|| {
        process::is_peer().then(|| {
            // A process of its own: whoever asks may hold the shared one.
            let info = variants()[0]
                .own_server(&[])
                .conn()
                .call("INFO server")
                .text();
            let version = info
                .lines()
                .find_map(|line| line.strip_prefix("redis_version:"))
                .expect("INFO has redis_version");
            let mut parts = version
                .split('.')
                .map(|part| part.parse().expect("a number"));
            Peer {
                version: (parts.next().expect("major"), parts.next().expect("minor")),
            }
        })
    })
    .as_ref()
}

/// Empties all databases and lifts what a check may have left behind.
pub(crate) fn clean(conn: &mut Conn) {
    assert_eq!(conn.call("CLIENT UNPAUSE"), ok());
    assert_eq!(conn.call("FLUSHALL"), ok());
}
