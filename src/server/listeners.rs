//! The sockets the server listens on, as `bind`, `port` and `unixsocket` say.

use crate::config::Config;
use crate::conn::Bound;
use crate::ring::{UnixOptions, bind_tcp, bind_unix, raise_open_file_limit};
use std::net::{SocketAddr, ToSocketAddrs};

/// Descriptors the server needs beside those of clients.
pub(super) const OWN_DESCRIPTORS: u64 = 32;

/// Binds what the settings name. An address with a leading `-` may be missing on this machine; any other that cannot
/// be bound is an error that says which and why.
pub(super) fn bind(config: &Config) -> Result<Vec<Bound>, String> {
    let mut bound = Vec::new();
    let backlog = config.tcp_backlog as u32;
    let keepalive = config.tcp_keepalive as u32;
    if config.port != 0 {
        let port = config.port as u16;
        let mut failures = Vec::new();
        for name in &config.bind {
            let (optional, host) = match name.strip_prefix('-') {
                Some(rest) => (true, rest),
                None => (false, name.as_str()),
            };
            let listening = resolve(host, port).and_then(|address| bind_tcp(address, backlog));
            match listening
                .and_then(|listener| listener.set_keepalive(keepalive).map(|()| listener))
            {
                Ok(listener) => bound.push(Bound {
                    listener,
                    unix: false,
                }),
                Err(error) if optional && is_missing(&error) => {}
                Err(error) => {
                    tracing::warn!(
                        "Warning: Could not create server TCP listening socket {host}:{port}: {error}"
                    );
                    failures.push(format!("Unable to listen on {host}:{port}: {error}"));
                }
            }
        }
        if let Some(failure) = failures.into_iter().next() {
            return Err(failure);
        }
    }
    if !config.unixsocket.is_empty() {
        let options = UnixOptions {
            mode: (config.unixsocketperm != 0).then_some(config.unixsocketperm),
            backlog,
        };
        match bind_unix(config.unixsocket.as_ref(), &options) {
            Ok(listener) => bound.push(Bound {
                listener,
                unix: true,
            }),
            Err(error) => return Err(format!("Failed opening Unix socket: bind: {error}")),
        }
    }
    Ok(bound)
}

/// The address of a `bind` argument: an IP address, a host name, or `*` for all interfaces.
fn resolve(host: &str, port: u16) -> std::io::Result<SocketAddr> {
    let host = match host {
        "*" => "0.0.0.0",
        "::*" => "::",
        host => host,
    };
    let missing = || std::io::Error::from_raw_os_error(libc::EADDRNOTAVAIL);
    (host, port).to_socket_addrs()?.next().ok_or_else(missing)
}

/// An address family or address this machine does not have.
fn is_missing(error: &std::io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::EPFNOSUPPORT)
    )
}

/// Makes room for this many clients; the error is how many fit.
pub(super) fn raise_limit(maxclients: i64) -> Result<(), i64> {
    let wanted = maxclients as u64 + OWN_DESCRIPTORS;
    let got = raise_open_file_limit(wanted).unwrap_or(0);
    if got >= wanted {
        Ok(())
    } else {
        Err(got.saturating_sub(OWN_DESCRIPTORS) as i64)
    }
}
