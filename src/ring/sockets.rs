//! Making and asking sockets: listeners, addresses, keepalive, the limit of open files.
//!
//! # Binding an address that is in use
//!
//! SO_REUSEADDR covers connections of an earlier run. It does not cover a listener that is about to vanish: when a
//! process with an io_uring dies, the kernel frees the ring some time later, and until then the armed accept holds
//! the listening socket (2 ms measured; 12 of 31 quick restarts failed). So [`bind_tcp`] tries again. How long
//! depends on whether somebody seems to live there, which a connection attempt tells:
//!   - refused: bound but not listening, such as a socket being torn down. Retry for 5 s.
//!   - accepted: a live server, or a dead one whose listener still completes handshakes by itself. The latter is
//!     a matter of milliseconds; the operator who started a second server wants to hear of it. Retry for 300 ms.
//!
//! # Unix sockets without a window
//!
//! A socket file must not be connectable with wider permissions than configured, not even for the moment between
//! `bind` and `chmod`. Setting the umask around `bind` would do, but it belongs to the whole process. Linux gives the
//! file the mode of the socket's own inode less the umask, and that can be set with `fchmod` before `bind`. So the
//! file is born with at most the wanted bits; what the umask took is added afterwards, which only widens.

use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::sys::{self, RawAddress};

/// How long accepting rests when the process has no descriptor left.
pub(super) const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

const BIND_RETRY_MS: i32 = 10;
const BIND_PATIENCE_MS: i32 = 5000;
const BIND_PATIENCE_ALIVE_MS: i32 = 300;
const CONNECT_PATIENCE_MS: i32 = 200;

/// A bound, listening, non-blocking socket.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    path: Option<PathBuf>,
}

impl Listener {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Another handle to the same listening socket, for another shard to accept from.
    pub fn try_clone(&self) -> io::Result<Listener> {
        Ok(Listener {
            fd: self.fd.try_clone()?,
            path: self.path.clone(),
        })
    }

    /// Refuses connections from now on, through all handles. Whoever accepts from it is told that this is not valid.
    pub fn refuse(&self) -> io::Result<()> {
        sys::shutdown(self.fd())
    }

    /// Where it listens; with port 0 requested, this says which port it became.
    pub fn address(&self) -> io::Result<Address> {
        match &self.path {
            Some(path) => Ok(Address::Unix(path.clone())),
            None => local_address(self.fd.as_fd()),
        }
    }

    /// Makes connections accepted from now on inherit TCP keepalive; see [`set_keepalive`].
    pub fn set_keepalive(&self, interval_s: u32) -> io::Result<()> {
        match self.path {
            Some(_) => Ok(()),
            None => set_keepalive(self.fd.as_fd(), interval_s),
        }
    }
}

/// One end of a connection, shown as clients know it from `CLIENT LIST`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `ip:port`, with brackets around an IPv6 address.
    Inet(SocketAddr),
    /// `path:0`. Clients of a unix socket have no name; both ends show the path of the server's socket.
    Unix(PathBuf),
}

impl Address {
    /// Whether the peer is on this machine, for protected mode. Unix sockets always are.
    pub fn is_loopback(&self) -> bool {
        match self {
            Address::Inet(address) => address.ip().to_canonical().is_loopback(),
            Address::Unix(_) => true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Not `SocketAddr`'s own form, which appends the scope of a link-local address.
            Address::Inet(SocketAddr::V6(v6)) => write!(f, "[{}]:{}", v6.ip(), v6.port()),
            Address::Inet(SocketAddr::V4(v4)) => write!(f, "{v4}"),
            Address::Unix(path) => write!(f, "{}:0", path.display()),
        }
    }
}

/// The address of a socket's own end.
pub fn local_address(fd: BorrowedFd<'_>) -> io::Result<Address> {
    address(sys::local_name(fd)?)
}

/// The address of the other end. For a unix socket use the listener's address: the peer has none.
pub fn peer_address(fd: BorrowedFd<'_>) -> io::Result<Address> {
    address(sys::peer_name(fd)?)
}

fn address(raw: RawAddress) -> io::Result<Address> {
    match raw.inet() {
        Some(inet) => Ok(Address::Inet(inet)),
        None if raw.family() == libc::AF_UNIX => Ok(Address::Unix(PathBuf::from(
            std::ffi::OsString::from_vec(raw.path()),
        ))),
        None => Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
    }
}

/// Listens on a TCP address, retrying as the module says if it is in use.
///
/// IPv6 sockets take IPv6 only, so that `0.0.0.0` and `::` can be bound side by side. TCP_NODELAY is set here
/// because accepted connections inherit it. `EADDRNOTAVAIL` is the error for an address this machine lacks.
pub fn bind_tcp(address: SocketAddr, backlog: u32) -> io::Result<Listener> {
    let raw = RawAddress::from_inet(address);
    let mut waited_ms = 0;
    loop {
        let error = match try_bind_tcp(&raw, backlog, false) {
            Ok(fd) => return Ok(Listener { fd, path: None }),
            Err(error) => error,
        };
        if error.raw_os_error() != Some(libc::EADDRINUSE) || waited_ms >= BIND_PATIENCE_MS {
            return Err(error);
        }
        if waited_ms >= BIND_PATIENCE_ALIVE_MS && somebody_listens(&reachable(address)) {
            return Err(error);
        }
        sys::pause(BIND_RETRY_MS);
        waited_ms += BIND_RETRY_MS;
    }
}

/// As [`bind_tcp`], but at once or not at all: for a server that is running. `own` are its listeners so far; those on
/// the same port may overlap with `address`, as a wildcard does, since they will be closed afterwards.
pub fn bind_tcp_beside(
    address: SocketAddr,
    backlog: u32,
    own: &[Listener],
) -> io::Result<Listener> {
    let raw = RawAddress::from_inet(address);
    let refused = match try_bind_tcp(&raw, backlog, false) {
        Ok(fd) => return Ok(Listener { fd, path: None }),
        Err(error) => error,
    };
    let is_on_port = |listener: &&Listener| match listener.address() {
        Ok(Address::Inet(at)) => at.port() == address.port(),
        Ok(Address::Unix(_)) | Err(_) => false,
    };
    let beside: Vec<&Listener> = own.iter().filter(is_on_port).collect();
    if refused.raw_os_error() != Some(libc::EADDRINUSE) || beside.is_empty() {
        return Err(refused);
    }
    // Both sides have to agree to share, at the moment of binding only: afterwards nobody else may join them.
    let share = |fd: BorrowedFd<'_>, on| {
        sys::set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEPORT, i32::from(on))
    };
    let shared = beside
        .iter()
        .try_for_each(|listener| share(listener.fd(), true));
    let bound = shared.and_then(|()| try_bind_tcp(&raw, backlog, true));
    for listener in &beside {
        let _ = share(listener.fd(), false);
    }
    let fd = bound?;
    share(fd.as_fd(), false)?;
    Ok(Listener { fd, path: None })
}

fn try_bind_tcp(address: &RawAddress, backlog: u32, shared: bool) -> io::Result<OwnedFd> {
    let fd = sys::socket(address.family(), libc::SOCK_NONBLOCK)?;
    if address.family() == libc::AF_INET6 {
        sys::set_option(fd.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1)?;
    }
    sys::set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)?;
    sys::set_option(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY, 1)?;
    if shared {
        sys::set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEPORT, 1)?;
    }
    sys::bind(fd.as_fd(), address)?;
    sys::listen(fd.as_fd(), backlog)?;
    Ok(fd)
}

/// Where a listener on `address` can be reached: a wildcard through loopback.
fn reachable(mut address: SocketAddr) -> RawAddress {
    if address.ip().is_unspecified() {
        match &mut address {
            SocketAddr::V4(v4) => v4.set_ip(std::net::Ipv4Addr::LOCALHOST),
            SocketAddr::V6(v6) => v6.set_ip(std::net::Ipv6Addr::LOCALHOST),
        }
    }
    RawAddress::from_inet(address)
}

/// Whether a connection to `address` is accepted. In doubt, no.
fn somebody_listens(address: &RawAddress) -> bool {
    let Ok(fd) = sys::socket(address.family(), libc::SOCK_NONBLOCK) else {
        return false;
    };
    match sys::connect(fd.as_fd(), address) {
        Ok(()) => true,
        Err(error) => match error.raw_os_error() {
            // A unix listener with a full queue: alive.
            Some(libc::EAGAIN) => true,
            Some(libc::EINPROGRESS) => {
                sys::wait_ready(fd.as_fd(), libc::POLLOUT, CONNECT_PATIENCE_MS).unwrap_or(false)
                    && sys::peer_name(fd.as_fd()).is_ok()
            }
            _ => false,
        },
    }
}

/// How to listen on a unix socket.
#[derive(Clone, Debug)]
pub struct UnixOptions {
    /// Permission bits of the socket file; `None` leaves them to the umask.
    pub mode: Option<u32>,
    /// Length of the queue of connections not yet accepted.
    pub backlog: u32,
}

/// Listens on a unix socket.
///
/// A socket file left by an earlier run is replaced. `EADDRINUSE` if a server listens on it, and `EEXIST` if the
/// path is something other than a socket: an operator's typing error should not delete a file.
pub fn bind_unix(path: &Path, options: &UnixOptions) -> io::Result<Listener> {
    let address = RawAddress::from_path(path)?;
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::from_raw_os_error(libc::EEXIST));
        }
        Ok(_) if somebody_listens(&address) => {
            return Err(io::Error::from_raw_os_error(libc::EADDRINUSE));
        }
        Ok(_) => fs::remove_file(path)?,
        Err(_) => {} // absent, or `bind` will say what is wrong
    }
    let fd = sys::socket(libc::AF_UNIX, libc::SOCK_NONBLOCK)?;
    if let Some(mode) = options.mode {
        sys::set_mode(fd.as_fd(), mode & 0o777)?;
    }
    sys::bind(fd.as_fd(), &address)?;
    if let Some(mode) = options.mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode & 0o777))?;
    }
    sys::listen(fd.as_fd(), options.backlog)?;
    Ok(Listener {
        fd,
        path: Some(path.to_owned()),
    })
}

/// Makes the kernel probe an idle TCP peer after `interval_s` seconds, then every third of that (at least each
/// second), and give the connection up after three probes without an answer. 0 switches it off.
pub fn set_keepalive(fd: BorrowedFd<'_>, interval_s: u32) -> io::Result<()> {
    if interval_s == 0 {
        return sys::set_option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 0);
    }
    // The kernel refuses more than 32767 s.
    let idle_s = interval_s.min(32767).cast_signed();
    sys::set_option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
    sys::set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, idle_s)?;
    sys::set_option(
        fd,
        libc::IPPROTO_TCP,
        libc::TCP_KEEPINTVL,
        (idle_s / 3).max(1),
    )?;
    sys::set_option(fd, libc::IPPROTO_TCP, libc::TCP_KEEPCNT, 3)
}

/// The kernel's bound on any listen queue, to warn about a `tcp-backlog` that cannot have effect.
pub fn somaxconn() -> Option<u32> {
    fs::read_to_string("/proc/sys/net/core/somaxconn")
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// The soft and the hard limit of open files of this process.
pub fn open_file_limit() -> io::Result<(u64, u64)> {
    sys::file_limit()
}

/// Raises the soft limit of open files to `wanted`, the hard limit too if that is allowed; returns the soft limit
/// reached, which is the most that could be had if it is below `wanted`. Never lowers it.
pub fn raise_open_file_limit(wanted: u64) -> io::Result<u64> {
    let (soft, hard) = sys::file_limit()?;
    if soft >= wanted {
        return Ok(soft);
    }
    // Beyond the hard limit takes a privilege.
    if sys::set_file_limit(wanted, hard.max(wanted)).is_ok() {
        return Ok(wanted);
    }
    let reachable = wanted.min(hard);
    sys::set_file_limit(reachable, hard)?;
    Ok(reachable)
}

/// Whether a failure to accept should be followed by a rest. The others concern one connection only, which was
/// gone before it was accepted.
pub(super) fn accept_backs_off(error: i32) -> bool {
    !matches!(
        error,
        libc::ECONNABORTED
            | libc::ECONNRESET
            | libc::EAGAIN
            | libc::EINTR
            | libc::ECANCELED
            | libc::EPROTO
            | libc::EPERM
            | libc::ETIMEDOUT
            | libc::ENETDOWN
            | libc::ENETUNREACH
            | libc::EHOSTDOWN
            | libc::EHOSTUNREACH
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    fn loopback() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    fn inet(listener: &Listener) -> SocketAddr {
        match listener.address().unwrap() {
            Address::Inet(address) => address,
            Address::Unix(path) => panic!("{path:?} is not an internet address"),
        }
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("tessera-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn addresses_print_as_clients_know_them() {
        let cases = [
            ("127.0.0.1:6379", "127.0.0.1:6379", true),
            ("127.9.9.9:1", "127.9.9.9:1", true),
            ("10.0.0.1:65535", "10.0.0.1:65535", false),
            ("[::1]:6379", "[::1]:6379", true),
            ("[fe80::1%3]:80", "[fe80::1]:80", false),
            ("[::ffff:127.0.0.1]:80", "[::ffff:127.0.0.1]:80", true),
        ];
        for (address, text, loopback) in cases {
            let address = Address::Inet(address.parse().unwrap());
            assert_eq!(address.to_string(), text);
            assert_eq!(address.is_loopback(), loopback, "{text}");
        }
        let unix = Address::Unix("/run/t.sock".into());
        assert_eq!(unix.to_string(), "/run/t.sock:0");
        assert!(unix.is_loopback());
    }

    #[test]
    fn both_ends_know_their_addresses() {
        let listener = bind_tcp(loopback(), 8).unwrap();
        let client = TcpStream::connect(inet(&listener)).unwrap();
        assert!(sys::wait_ready(listener.fd(), libc::POLLIN, 5000).unwrap());
        let server = sys::accept(listener.fd()).unwrap();
        let text = |address: SocketAddr| address.to_string();
        assert_eq!(
            peer_address(server.as_fd()).unwrap().to_string(),
            text(client.local_addr().unwrap())
        );
        assert_eq!(
            local_address(server.as_fd()).unwrap().to_string(),
            text(client.peer_addr().unwrap())
        );
    }

    #[test]
    fn accepted_connections_inherit_nodelay_and_keepalive() {
        let listener = bind_tcp(loopback(), 8).unwrap();
        listener.set_keepalive(300).unwrap();
        let _client = TcpStream::connect(inet(&listener)).unwrap();
        assert!(sys::wait_ready(listener.fd(), libc::POLLIN, 5000).unwrap());
        let server = sys::accept(listener.fd()).unwrap();
        let option = |level, name| sys::get_option(server.as_fd(), level, name).unwrap();
        assert_ne!(option(libc::IPPROTO_TCP, libc::TCP_NODELAY), 0);
        assert_ne!(option(libc::SOL_SOCKET, libc::SO_KEEPALIVE), 0);
        assert_eq!(option(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE), 300);
        assert_eq!(option(libc::IPPROTO_TCP, libc::TCP_KEEPINTVL), 100);
        assert_eq!(option(libc::IPPROTO_TCP, libc::TCP_KEEPCNT), 3);
        set_keepalive(server.as_fd(), 0).unwrap();
        assert_eq!(option(libc::SOL_SOCKET, libc::SO_KEEPALIVE), 0);
    }

    #[test]
    fn a_live_listener_is_reported_soon_and_a_vanishing_one_is_waited_for() {
        let live = TcpListener::bind(loopback()).unwrap();
        let address = live.local_addr().unwrap();
        let error = bind_tcp(address, 8).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EADDRINUSE));

        let waiting = std::thread::spawn(move || bind_tcp(address, 8));
        sys::pause(30);
        drop(live);
        assert_eq!(inet(&waiting.join().unwrap().unwrap()), address);
    }

    #[test]
    fn a_running_server_may_widen_its_own_address_but_not_take_anothers() {
        let own = [bind_tcp(loopback(), 8).unwrap()];
        let port = inet(&own[0]).port();
        let wide: SocketAddr = format!("0.0.0.0:{port}").parse().unwrap();
        let wider = bind_tcp_beside(wide, 8, &own).unwrap();
        assert_eq!(inet(&wider), wide);
        // Nobody can join them.
        assert!(bind_tcp_beside(wide, 8, &[]).is_err());
        let other = TcpListener::bind(loopback()).unwrap();
        let error = bind_tcp_beside(other.local_addr().unwrap(), 8, &own).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EADDRINUSE));
    }

    #[test]
    fn v4_and_v6_wildcards_share_a_port() {
        let v4 = bind_tcp("0.0.0.0:0".parse().unwrap(), 8).unwrap();
        let port = inet(&v4).port();
        match bind_tcp(format!("[::]:{port}").parse().unwrap(), 8) {
            Ok(_) => {}
            // A machine without IPv6.
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EAFNOSUPPORT)),
        }
    }

    #[test]
    fn a_unix_socket_has_its_mode_from_birth_and_replaces_only_stale_sockets() {
        let folder = folder("unix");
        let path = folder.join("s");
        for mode in [0o600, 0o660, 0o777] {
            let options = UnixOptions {
                mode: Some(mode),
                backlog: 8,
            };
            let listener = bind_unix(&path, &options).unwrap();
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                mode
            );
            assert_eq!(
                listener.address().unwrap().to_string(),
                format!("{}:0", path.display())
            );
            let error = bind_unix(&path, &options).unwrap_err();
            assert_eq!(
                error.raw_os_error(),
                Some(libc::EADDRINUSE),
                "somebody listens"
            );
        }
        let file = folder.join("data");
        fs::write(&file, b"precious").unwrap();
        let error = bind_unix(
            &file,
            &UnixOptions {
                mode: None,
                backlog: 8,
            },
        )
        .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EEXIST));
        assert_eq!(fs::read(&file).unwrap(), b"precious");
        let long = folder.join("x".repeat(120));
        let error = bind_unix(
            &long,
            &UnixOptions {
                mode: None,
                backlog: 8,
            },
        )
        .unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENAMETOOLONG));
        fs::remove_dir_all(&folder).unwrap();
    }

    /// What makes the absence of a window true, without the umask: the file never has more than these bits.
    #[test]
    fn the_mode_of_the_socket_itself_bounds_the_mode_of_its_file() {
        let folder = folder("mode");
        let path = folder.join("s");
        let fd = sys::socket(libc::AF_UNIX, 0).unwrap();
        sys::set_mode(fd.as_fd(), 0o600).unwrap();
        sys::bind(fd.as_fd(), &RawAddress::from_path(&path).unwrap()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o177, 0);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_open_file_limit_is_never_lowered() {
        let (soft, hard) = open_file_limit().unwrap();
        assert_eq!(raise_open_file_limit(1).unwrap(), soft);
        assert_eq!(raise_open_file_limit(soft).unwrap(), soft);
        assert_eq!(open_file_limit().unwrap(), (soft, hard));
    }
}
