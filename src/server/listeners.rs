//! The sockets the server listens on, as `bind`, `port` and `unixsocket` say.

use crate::config::{Config, os_reason};
use crate::conn::Bound;
use crate::ring::{
    Address, Listener, UnixOptions, bind_tcp, bind_tcp_beside, bind_unix, raise_open_file_limit,
};
use std::net::{SocketAddr, ToSocketAddrs};

/// Descriptors the server needs beside those of clients.
pub(super) const OWN_DESCRIPTORS: u64 = 32;

/// Why the server does not listen where it should.
pub(super) enum BindError {
    /// This port. What is wrong with which address was logged.
    Tcp(i64),
    /// The unix socket, for this reason.
    Unix(String),
}

impl std::fmt::Display for BindError {
    /// As the last words of a server that does not start.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BindError::Tcp(port) => write!(f, "Failed listening on port {port} (tcp), aborting."),
            BindError::Unix(reason) => write!(f, "Failed opening Unix socket: bind: {reason}"),
        }
    }
}

/// Binds what the settings name. An address with a leading `-` may be missing on this machine; the first other one that
/// cannot be bound is an error.
pub(super) fn bind(config: &Config) -> Result<Vec<Bound>, BindError> {
    let backlog = config.tcp_backlog as u32;
    let mut bound = bind_addresses(config, |address| bind_tcp(address, backlog))?;
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
            Err(error) => return Err(BindError::Unix(os_reason(&error))),
        }
    }
    Ok(bound)
}

/// Binds what changed settings name, without waiting. Sockets of `own` that are still wanted stay as they are.
pub(super) fn bind_again(config: &Config, own: &[Listener]) -> Result<Vec<Bound>, BindError> {
    let same = |wanted: SocketAddr| {
        let is_same = |at| matches!(at, Address::Inet(at) if at == wanted);
        own.iter()
            .find(|listener| listener.address().is_ok_and(is_same))
    };
    let mut bound = bind_addresses(config, |address| match same(address) {
        Some(listener) => listener.try_clone(),
        None => bind_tcp_beside(address, config.tcp_backlog as u32, own),
    })?;
    let is_unix = |listener: &&Listener| matches!(listener.address(), Ok(Address::Unix(_)));
    for listener in own.iter().filter(is_unix) {
        let listener = listener
            .try_clone()
            .map_err(|error| BindError::Unix(os_reason(&error)))?;
        bound.push(Bound {
            listener,
            unix: true,
        });
    }
    Ok(bound)
}

/// Another handle of each socket.
pub(super) fn handles(bound: &[Bound]) -> std::io::Result<Vec<Listener>> {
    bound
        .iter()
        .map(|bound| bound.listener.try_clone())
        .collect()
}

fn bind_addresses(
    config: &Config,
    bind: impl Fn(SocketAddr) -> std::io::Result<Listener>,
) -> Result<Vec<Bound>, BindError> {
    let mut bound = Vec::new();
    let keepalive = config.tcp_keepalive as u32;
    let port = config.port as u16;
    let listen = |address| {
        let listener = bind(address)?;
        listener.set_keepalive(keepalive)?;
        Ok::<_, std::io::Error>(listener)
    };
    let names: &[String] = if port == 0 { &[] } else { &config.bind };
    for name in names {
        let (optional, host) = match name.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, name.as_str()),
        };
        let reason = match resolve(host, port) {
            Ok(address) => match listen(address) {
                Ok(listener) => {
                    bound.push(Bound {
                        listener,
                        unix: false,
                    });
                    continue;
                }
                Err(error) if optional && is_missing(&error) => continue,
                Err(error) => format!("bind: {}", os_reason(&error)),
            },
            Err(reason) => reason,
        };
        tracing::warn!(
            "Warning: Could not create server TCP listening socket {host}:{port}: {reason}"
        );
        return Err(BindError::Tcp(config.port));
    }
    Ok(bound)
}

/// The address of a `bind` argument: an IP address, a host name, or `*` for all interfaces. The error is the resolver's
/// reason.
fn resolve(host: &str, port: u16) -> Result<SocketAddr, String> {
    let host = match host {
        "*" => "0.0.0.0",
        "::*" => "::",
        host => host,
    };
    const UNKNOWN: &str = "Name or service not known";
    let mut found = (host, port).to_socket_addrs().map_err(|error| {
        let text = os_reason(&error);
        match text.strip_prefix("failed to lookup address information: ") {
            Some(reason) => reason.to_owned(),
            None => text,
        }
    })?;
    found.next().ok_or_else(|| UNKNOWN.to_owned())
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
