//! Which CPUs this process may use, and how many of them it pays to use.
//!
//! Two limits apply. The affinity mask (taskset, cpusets) says which CPUs; the cgroup's quota says how much time on
//! them altogether. A container with a quota of 2 CPUs on a 64-CPU machine sees 64 in its mask, and 64 shards there
//! would spend most of their time throttled in the middle of each other's hops.

use std::io;

use super::sys;

/// The result of [`available_cpus`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cpus {
    /// The CPUs that the affinity mask allows, ascending; candidates for [`pin_to`].
    pub allowed: Vec<usize>,
    /// How many threads can run all the time: `allowed`, less if the cgroup has a quota. At least 1.
    pub usable: usize,
}

/// What the calling thread may use.
pub fn available_cpus() -> Cpus {
    let allowed = sys::affinity().unwrap_or_else(|_| vec![0]);
    // The standard library reads the quota of cgroup v1 and v2, with all parents, rounded down.
    let usable = std::thread::available_parallelism().map_or(1, usize::from);
    Cpus {
        usable: usable.clamp(1, allowed.len().max(1)),
        allowed,
    }
}

/// Ties the calling thread to one CPU.
pub fn pin_to(cpu: usize) -> io::Result<()> {
    sys::set_affinity(cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_use_one_cpu() {
        let all = available_cpus();
        assert!(all.usable >= 1 && all.usable <= all.allowed.len());
        let last = *all.allowed.last().unwrap();
        let pinned = std::thread::spawn(move || {
            pin_to(last).unwrap();
            available_cpus()
        });
        assert_eq!(
            pinned.join().unwrap(),
            Cpus {
                allowed: vec![last],
                usable: 1
            }
        );
        assert!(pin_to(1 << 20).is_err());
    }
}
