#![expect(unsafe_code, reason = "the allocator's settings are C functions")]
//! When the allocator gives memory back to the system.
//!
//! By itself it does so in whatever thread happens to free something, for all memory that became free in the last tenth of
//! a second: a pause of milliseconds for a shard that has just freed a large value. So shards are told never to do that for
//! whole segments of 32 MiB, and a thread that nobody waits for does ([`give_back`]). Of segments that are still in use the
//! shard gives back parts itself, a few at a time, as nobody else could.

use libmimalloc_sys::{mi_collect, mi_option_get, mi_option_set, mi_option_t};

/// Numbers of the settings, which the bindings do not have, in version 2.3 of the allocator; and what they are set to
/// where they have their usual value. Who sets one in the environment keeps it.
const SETTINGS: &[(mi_option_t, std::ffi::c_long, std::ffi::c_long)] = &[
    // `purge_delay`, `purge_extend_delay`: what became free in a segment within so many milliseconds goes at once.
    (15, 10, 2),
    (25, 1, 0),
    // `arena_purge_mult`: segments are kept so many times as long.
    (24, 10, 1_000_000),
    // `generic_collect`: all pages of a thread are looked at after so many requests that went the long way.
    (36, 10_000, 1_000_000),
];

/// Chooses settings for threads that must not pause. To be called before there are any.
pub fn tune() {
    for &(setting, usual, ours) in SETTINGS {
        // SAFETY: plain reads and writes of the allocator's table of settings, which checks the number.
        unsafe {
            if mi_option_get(setting) == usual {
                mi_option_set(setting, ours);
            }
        }
    }
}

/// Gives back to the system what is free as a whole. Takes milliseconds for each ten megabytes.
pub fn give_back() {
    // SAFETY: may be called by any thread at any time; it concerns the heap of this thread, and what no thread has.
    unsafe { mi_collect(true) }
}
