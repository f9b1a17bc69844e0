//! Thin safe wrappers over the system calls this room needs; each returns the OS error and nothing else.
//!
//! They exist so that the files with decisions in them (`sockets.rs`, `epoll.rs`, `clock.rs`) hold no unsafe code.
//! Every wrapper owns or borrows what it passes: descriptors come as `BorrowedFd`/`OwnedFd`, memory as slices.
#![expect(unsafe_code, reason = "system calls through libc")]

use std::io::{self, IoSlice};
use std::mem::{MaybeUninit, size_of};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

/// Turns the C convention (-1 and errno) into a `Result`.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

fn check_size(result: libc::ssize_t) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Takes ownership of a descriptor that a system call, or a completion, has just returned.
pub(super) fn own(fd: RawFd) -> OwnedFd {
    assert!(fd >= 0, "a descriptor the kernel returned");
    // SAFETY: callers pass a number the kernel created for them just now (`socket`, `accept4`, an accept completion),
    // so nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A new socket, close-on-exec.
pub(super) fn socket(domain: libc::c_int, flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd =
        check(unsafe { libc::socket(domain, libc::SOCK_STREAM | libc::SOCK_CLOEXEC | flags, 0) })?;
    Ok(own(fd))
}

/// Sets an integer socket option.
pub(super) fn set_option(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: libc::c_int,
) -> io::Result<()> {
    // SAFETY: the pointer and length describe the local `value`, which outlives the call.
    check(unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    })?;
    Ok(())
}

/// Reads an integer socket option.
pub(super) fn get_option(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<libc::c_int> {
    let mut value: libc::c_int = 0;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: both pointers are to locals that outlive the call, and `length` is the size of `value`.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw mut value).cast(),
            &raw mut length,
        )
    })?;
    Ok(value)
}

/// A socket address as the kernel wants it, together with its length.
pub(super) struct RawAddress {
    storage: libc::sockaddr_storage,
    length: libc::socklen_t,
}

impl RawAddress {
    fn zeroed() -> RawAddress {
        // SAFETY: `sockaddr_storage` is plain integers and byte arrays; all zeros is a value of it.
        let storage = unsafe { MaybeUninit::zeroed().assume_init() };
        RawAddress {
            storage,
            length: size_of::<libc::sockaddr_storage>() as libc::socklen_t,
        }
    }

    pub(super) fn family(&self) -> libc::c_int {
        libc::c_int::from(self.storage.ss_family)
    }

    pub(super) fn from_inet(address: SocketAddr) -> RawAddress {
        let mut raw = RawAddress::zeroed();
        match address {
            SocketAddr::V4(v4) => {
                let sin = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr {
                        s_addr: u32::from_ne_bytes(v4.ip().octets()),
                    },
                    sin_zero: [0; 8],
                };
                // SAFETY: `sockaddr_storage` is large and aligned enough for every address type.
                unsafe {
                    (&raw mut raw.storage)
                        .cast::<libc::sockaddr_in>()
                        .write(sin)
                };
                raw.length = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            }
            SocketAddr::V6(v6) => {
                let sin6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr {
                        s6_addr: v6.ip().octets(),
                    },
                    sin6_scope_id: v6.scope_id(),
                };
                // SAFETY: as above.
                unsafe {
                    (&raw mut raw.storage)
                        .cast::<libc::sockaddr_in6>()
                        .write(sin6)
                };
                raw.length = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            }
        }
        raw
    }

    /// The address of a unix socket; fails if the path does not fit (107 bytes) or holds a zero byte.
    pub(super) fn from_path(path: &Path) -> io::Result<RawAddress> {
        let bytes = path.as_os_str().as_bytes();
        // SAFETY: `sockaddr_un` is plain integers; all zeros is a value of it.
        let mut sun: libc::sockaddr_un = unsafe { MaybeUninit::zeroed().assume_init() };
        if bytes.is_empty() || bytes.contains(&0) || bytes.len() >= sun.sun_path.len() {
            return Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG));
        }
        sun.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, from) in sun.sun_path.iter_mut().zip(bytes) {
            *to = from.cast_signed();
        }
        let mut raw = RawAddress::zeroed();
        // SAFETY: as above; both are zero-terminated by having been zeroed.
        unsafe {
            (&raw mut raw.storage)
                .cast::<libc::sockaddr_un>()
                .write(sun)
        };
        raw.length = size_of::<libc::sockaddr_un>() as libc::socklen_t;
        Ok(raw)
    }

    /// The internet address, if it is one.
    pub(super) fn inet(&self) -> Option<SocketAddr> {
        match self.family() {
            libc::AF_INET => {
                // SAFETY: the family says which of the types the bytes are; the storage is aligned for all.
                let sin = unsafe { (&raw const self.storage).cast::<libc::sockaddr_in>().read() };
                let ip = Ipv4Addr::from(sin.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::V4(SocketAddrV4::new(
                    ip,
                    u16::from_be(sin.sin_port),
                )))
            }
            libc::AF_INET6 => {
                // SAFETY: as above.
                let sin = unsafe {
                    (&raw const self.storage)
                        .cast::<libc::sockaddr_in6>()
                        .read()
                };
                let ip = Ipv6Addr::from(sin.sin6_addr.s6_addr);
                let port = u16::from_be(sin.sin6_port);
                let v6 = SocketAddrV6::new(ip, port, sin.sin6_flowinfo, sin.sin6_scope_id);
                Some(SocketAddr::V6(v6))
            }
            _ => None,
        }
    }

    /// The path of a unix address; empty for an unnamed or abstract one.
    pub(super) fn path(&self) -> Vec<u8> {
        if self.family() != libc::AF_UNIX {
            return Vec::new();
        }
        // SAFETY: the family says which type the bytes are; the storage is aligned for all and was zeroed.
        let sun = unsafe { (&raw const self.storage).cast::<libc::sockaddr_un>().read() };
        sun.sun_path
            .iter()
            .map(|&byte| byte.cast_unsigned())
            .take_while(|&byte| byte != 0)
            .collect()
    }
}

pub(super) fn bind(fd: BorrowedFd<'_>, address: &RawAddress) -> io::Result<()> {
    // SAFETY: pointer and length describe `address`, which outlives the call.
    check(unsafe {
        libc::bind(
            fd.as_raw_fd(),
            (&raw const address.storage).cast(),
            address.length,
        )
    })?;
    Ok(())
}

pub(super) fn listen(fd: BorrowedFd<'_>, backlog: u32) -> io::Result<()> {
    let backlog = libc::c_int::try_from(backlog).unwrap_or(libc::c_int::MAX);
    // SAFETY: no pointers.
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog) })?;
    Ok(())
}

pub(super) fn connect(fd: BorrowedFd<'_>, address: &RawAddress) -> io::Result<()> {
    // SAFETY: pointer and length describe `address`, which outlives the call.
    check(unsafe {
        libc::connect(
            fd.as_raw_fd(),
            (&raw const address.storage).cast(),
            address.length,
        )
    })?;
    Ok(())
}

pub(super) fn local_name(fd: BorrowedFd<'_>) -> io::Result<RawAddress> {
    let mut raw = RawAddress::zeroed();
    // SAFETY: the kernel writes at most `length` bytes to `storage` and the new length to `length`.
    check(unsafe {
        libc::getsockname(
            fd.as_raw_fd(),
            (&raw mut raw.storage).cast(),
            &raw mut raw.length,
        )
    })?;
    Ok(raw)
}

pub(super) fn peer_name(fd: BorrowedFd<'_>) -> io::Result<RawAddress> {
    let mut raw = RawAddress::zeroed();
    // SAFETY: as in `local_name`.
    check(unsafe {
        libc::getpeername(
            fd.as_raw_fd(),
            (&raw mut raw.storage).cast(),
            &raw mut raw.length,
        )
    })?;
    Ok(raw)
}

/// Accepts one connection, close-on-exec and blocking; the listener itself is non-blocking.
pub(super) fn accept(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: null address pointers are allowed and mean "not wanted".
    let fd = check(unsafe {
        libc::accept4(
            fd.as_raw_fd(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            libc::SOCK_CLOEXEC,
        )
    })?;
    Ok(own(fd))
}

/// Ends both directions: the peer gets FIN after what is already queued, and armed receives complete.
pub(super) fn shutdown(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::shutdown(fd.as_raw_fd(), libc::SHUT_RDWR) })?;
    Ok(())
}

/// Receives what is there without waiting.
pub(super) fn receive(fd: BorrowedFd<'_>, into: &mut [u8]) -> io::Result<usize> {
    // SAFETY: pointer and length describe the exclusive borrow `into`.
    check_size(unsafe {
        libc::recv(
            fd.as_raw_fd(),
            into.as_mut_ptr().cast(),
            into.len(),
            libc::MSG_DONTWAIT,
        )
    })
}

/// Sends what the socket takes without waiting; never raises SIGPIPE.
pub(super) fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: pointer and length describe `bytes`.
    check_size(unsafe { libc::send(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) })
}

/// As [`send`], gathering several slices.
pub(super) fn send_gathered(fd: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    // SAFETY: `msghdr` is plain integers and pointers; all zeros (null, 0) is a value of it.
    let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
    header.msg_iov = slices.as_ptr().cast_mut().cast();
    header.msg_iovlen = slices.len();
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: `IoSlice` is documented to have the layout of `iovec`; the kernel only reads through the header.
    check_size(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const header, flags) })
}

/// A new eventfd, close-on-exec.
pub(super) fn eventfd(flags: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | flags) })?;
    Ok(own(fd))
}

/// Adds one to an eventfd.
pub(super) fn eventfd_signal(fd: BorrowedFd<'_>) -> io::Result<()> {
    let one = 1u64.to_ne_bytes();
    // SAFETY: pointer and length describe the local.
    check_size(unsafe { libc::write(fd.as_raw_fd(), one.as_ptr().cast(), one.len()) })?;
    Ok(())
}

/// Reads, and so resets, an eventfd.
pub(super) fn eventfd_drain(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut count = [0u8; 8];
    // SAFETY: pointer and length describe the local.
    check_size(unsafe { libc::read(fd.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) })?;
    Ok(())
}

/// A new epoll instance, close-on-exec.
pub(super) fn epoll_create() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    Ok(own(fd))
}

/// Adds, changes or removes one descriptor of an epoll set. `op` is one of `EPOLL_CTL_*`.
pub(super) fn epoll_control(
    epoll: BorrowedFd<'_>,
    op: libc::c_int,
    fd: BorrowedFd<'_>,
    interest: u32,
    data: u64,
) -> io::Result<()> {
    let mut event = libc::epoll_event {
        events: interest,
        u64: data,
    };
    // SAFETY: the pointer is to a local that outlives the call.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), op, fd.as_raw_fd(), &raw mut event) })?;
    Ok(())
}

/// Waits for readiness and returns how many entries of `into` were filled. `None` waits without end.
///
/// Microsecond time-outs need `epoll_pwait2` (Linux 5.11); where it is missing, milliseconds rounded up are used.
pub(super) fn epoll_wait(
    epoll: BorrowedFd<'_>,
    into: &mut [libc::epoll_event],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    let capacity = libc::c_int::try_from(into.len()).expect("a turn's worth of events");
    let fine = timeout.filter(|wait| wait.subsec_nanos() % 1_000_000 != 0);
    if let Some(wait) = fine {
        let wait = timespec(wait);
        // SAFETY: the event pointer and capacity describe `into`, the time-out is a local; no signal mask.
        let result = check(unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                epoll.as_raw_fd(),
                into.as_mut_ptr(),
                capacity,
                &raw const wait,
                std::ptr::null::<libc::sigset_t>(),
                size_of::<u64>(),
            )
        } as libc::c_int);
        match result {
            // EPERM: an old seccomp profile that does not know the call.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {}
            other => return other.map(|count| count.cast_unsigned() as usize),
        }
    }
    let timeout_ms = match timeout {
        None => -1,
        Some(wait) => {
            libc::c_int::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
        }
    };
    // SAFETY: the pointer and capacity describe `into`.
    let count = check(unsafe {
        libc::epoll_wait(epoll.as_raw_fd(), into.as_mut_ptr(), capacity, timeout_ms)
    })?;
    Ok(count.cast_unsigned() as usize)
}

fn timespec(duration: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: libc::time_t::try_from(duration.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(duration.subsec_nanos().cast_signed()),
    }
}

/// Waits until `fd` is ready for any of `events` (or has an error), at most `timeout_ms`; says whether it is.
pub(super) fn wait_ready(
    fd: BorrowedFd<'_>,
    events: libc::c_short,
    timeout_ms: i32,
) -> io::Result<bool> {
    let mut entry = libc::pollfd {
        fd: fd.as_raw_fd(),
        events,
        revents: 0,
    };
    // SAFETY: one entry, a local.
    Ok(check(unsafe { libc::poll(&raw mut entry, 1, timeout_ms) })? > 0)
}

/// Lets `timeout_ms` pass, for the retries at start-up. A signal ends it early.
pub(super) fn pause(timeout_ms: i32) {
    // SAFETY: zero entries, so the pointer is not read.
    unsafe { libc::poll(std::ptr::null_mut(), 0, timeout_ms) };
}

/// Sets the permissions of an open file.
pub(super) fn set_mode(fd: BorrowedFd<'_>, mode: libc::mode_t) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::fchmod(fd.as_raw_fd(), mode) })?;
    Ok(())
}

/// The soft and the hard limit of open files.
pub(super) fn file_limit() -> io::Result<(u64, u64)> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the pointer is to a local.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    Ok((limit.rlim_cur, limit.rlim_max))
}

pub(super) fn set_file_limit(soft: u64, hard: u64) -> io::Result<()> {
    let limit = libc::rlimit {
        rlim_cur: soft,
        rlim_max: hard,
    };
    // SAFETY: the pointer is to a local.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(())
}

/// The CPUs the calling thread may run on, ascending.
pub(super) fn affinity() -> io::Result<Vec<usize>> {
    // 8192 CPUs: the kernel's largest configuration. A mask shorter than the kernel's fails with EINVAL.
    let mut mask = [0u64; 128];
    // SAFETY: pointer and size describe the local.
    check(unsafe { libc::sched_getaffinity(0, size_of_val(&mask), mask.as_mut_ptr().cast()) })?;
    Ok((0..mask.len() * 64)
        .filter(|cpu| mask[cpu / 64] & (1 << (cpu % 64)) != 0)
        .collect())
}

/// Restricts the calling thread to one CPU.
pub(super) fn set_affinity(cpu: usize) -> io::Result<()> {
    let mut mask = [0u64; 128];
    let Some(word) = mask.get_mut(cpu / 64) else {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    };
    *word |= 1 << (cpu % 64);
    // SAFETY: pointer and size describe the local.
    check(unsafe { libc::sched_setaffinity(0, size_of_val(&mask), mask.as_ptr().cast()) })?;
    Ok(())
}

/// Nanoseconds of a clock (`CLOCK_*`).
pub(super) fn clock_ns(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a local. The clocks we name exist on every kernel we run on, so it cannot fail.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    time.tv_sec.cast_unsigned() * 1_000_000_000 + time.tv_nsec.cast_unsigned()
}

/// Fills `into` with bytes of the kernel's random source.
pub(super) fn getrandom(into: &mut [u8]) -> io::Result<()> {
    let mut filled = 0;
    while filled < into.len() {
        let rest = &mut into[filled..];
        // SAFETY: pointer and length describe `rest`.
        match check_size(unsafe { libc::getrandom(rest.as_mut_ptr().cast(), rest.len(), 0) }) {
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The running kernel's release text, for example `6.18.44`.
pub(super) fn kernel_release() -> String {
    // SAFETY: `utsname` is byte arrays; all zeros is a value of it.
    let mut name: libc::utsname = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the pointer is to a local.
    unsafe { libc::uname(&raw mut name) };
    let bytes: Vec<u8> = name
        .release
        .iter()
        .map(|&byte| byte.cast_unsigned())
        .take_while(|&byte| byte != 0)
        .collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The number of a descriptor, for operations that take it as an integer.
pub(super) fn raw(fd: &impl AsFd) -> RawFd {
    fd.as_fd().as_raw_fd()
}

/// The processor's time stamp counter.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(super) fn time_stamp_counter() -> u64 {
    // SAFETY: every x86-64 processor has the instruction; Linux leaves it enabled for user code.
    unsafe { core::arch::x86_64::_rdtsc() }
}
