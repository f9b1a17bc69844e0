#![expect(unsafe_code, reason = "the allocator's settings are C functions")]
//! When the allocator gives memory back to the system.
//!
//! By itself it does so in whatever thread happens to free something, for all that became free in the last hundredth of a
//! second, and for whole segments of 32 MiB in the last tenth: milliseconds for a shard that frees a large value. So whole
//! segments are left to a thread that nobody waits for ([`give_back`]). And while a shard frees large values, what becomes
//! free goes back at once ([`begin_freeing`]): some microseconds for each 64 KiB, so that whoever frees in small steps makes
//! small pauses. At other times it stays a while, as most of it is soon used again.

use libmimalloc_sys::{mi_collect, mi_option_get, mi_option_set, mi_option_t};
use std::ffi::c_long;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Milliseconds that what became free in a segment is kept. The bindings do not have the numbers of these settings, which
/// are those of version 2.3.
const PURGE_DELAY: mi_option_t = 15;
const PURGE_DELAY_USUAL: c_long = 10;

/// Other settings: number, usual value, and ours.
const SETTINGS: &[(mi_option_t, c_long, c_long)] = &[
    // `purge_extend_delay`: what becomes free later does not make it last longer.
    (25, 1, 0),
    // `arena_purge_mult`: whole segments are kept so many times as long.
    (24, 10, 1_000_000),
    // `generic_collect`: all pages of a thread are looked at after so many requests that went the long way.
    (36, 10_000, 1_000_000),
];

/// The settings are as expected: nobody has set them in the environment.
static IS_TUNED: AtomicBool = AtomicBool::new(false);

/// Threads that free something large.
static FREEING: AtomicUsize = AtomicUsize::new(0);

/// Chooses settings for threads that must not pause, unless some are set in the environment. To be called before there are
/// such threads.
pub fn tune() {
    // SAFETY: plain reads of the allocator's table of settings, which checks the number.
    let is_usual = |setting, usual| unsafe { mi_option_get(setting) } == usual;
    let mut settings = SETTINGS.iter();
    if is_usual(PURGE_DELAY, PURGE_DELAY_USUAL) && settings.all(|it| is_usual(it.0, it.1)) {
        for &(setting, _, ours) in SETTINGS {
            set(setting, ours);
        }
        IS_TUNED.store(true, Ordering::Relaxed);
    }
}

fn set(setting: mi_option_t, value: c_long) {
    // SAFETY: a plain write to the allocator's table of settings, which checks the number. Others read it meanwhile and find
    // the old value or the new one: it is a word.
    unsafe { mi_option_set(setting, value) }
}

/// From now on this thread frees something large, in small steps.
pub fn begin_freeing() {
    if FREEING.fetch_add(1, Ordering::Relaxed) == 0 && IS_TUNED.load(Ordering::Relaxed) {
        set(PURGE_DELAY, 0);
    }
}

/// It is done.
pub fn end_freeing() {
    if FREEING.fetch_sub(1, Ordering::Relaxed) == 1 && IS_TUNED.load(Ordering::Relaxed) {
        set(PURGE_DELAY, PURGE_DELAY_USUAL);
    }
}

/// Gives back to the system what is free as a whole. Takes milliseconds for each ten megabytes.
pub fn give_back() {
    // SAFETY: may be called by any thread at any time; it concerns the heap of this thread, and what no thread has.
    unsafe { mi_collect(true) }
}
