//! Ports for servers, each handed out once.
//!
//! The usual way, to bind port 0 and let go of what the kernel chose, gives a port from the range from which
//! outgoing connections get theirs: any client, even our own that knocks before its server listens, may sit on
//! it when the server wants it. So ours come from below or above that range, in blocks that a lock on a file
//! keeps from other test processes.
#![expect(
    clippy::disallowed_types,
    reason = "tests run on threads and take ports from one place"
)]

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::process;

/// Ports of a block.
const BLOCK: u16 = 100;

/// The block that ports are taken from.
struct Block {
    left: Range<u16>,
    /// Locked for as long as this process lives, as those of former blocks are.
    locks: Vec<File>,
}

static CURRENT: Mutex<Block> = Mutex::new(Block {
    left: 0..0,
    locks: Vec::new(),
});

/// A port of the loopback interface that nobody listens on, and that nobody else is given.
pub(crate) fn free_port() -> u16 {
    let mut block = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        for port in block.left.by_ref() {
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return port;
            }
        }
        match claim() {
            Some((ports, lock)) => {
                block.left = ports;
                block.locks.push(lock);
            }
            None => return any_port(),
        }
    }
}

/// A block that no test process has.
fn claim() -> Option<(Range<u16>, File)> {
    let all = outside_of_the_kernels()?;
    let blocks = (all.end - all.start) / BLOCK;
    let folder = process::root().join("ports");
    fs::create_dir_all(&folder).ok()?;
    // Not all from the first one: what is free there is what others have just looked at.
    let first = std::process::id() % u32::from(blocks);
    (0..blocks).find_map(|nth| {
        let nth = ((first + u32::from(nth)) % u32::from(blocks)) as u16;
        let start = all.start + nth * BLOCK;
        let lock = File::create(folder.join(start.to_string())).ok()?;
        lock.try_lock().ok()?;
        Some((start..start + BLOCK, lock))
    })
}

/// Where the kernel takes no ports from; `None` if that leaves too few.
fn outside_of_the_kernels() -> Option<Range<u16>> {
    const LOWEST: u16 = 12_000;
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    let mut ends = range.split_whitespace().map(|end| end.parse::<u16>());
    let (low, high) = (ends.next()?.ok()?, ends.next()?.ok()?);
    let (below, above) = (LOWEST..low.max(LOWEST), high..u16::MAX);
    let larger = if below.len() >= above.len() {
        below
    } else {
        above.start + 1..above.end
    };
    (larger.len() > 20 * usize::from(BLOCK)).then_some(larger)
}

fn any_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("it is bound").port()
}
