//! Data structures whose layout is laid out by hand, and the only unsafe code of the store.
//!
//! - `entry`: one key, its value and its metadata in one allocation.
//! - `slot_table`: the index of one database on one shard: per slot a small table that iterates in hash order.
//!
//! Nothing here knows a clock, a setting, a client or what a type tag means.

pub mod entry;
pub mod slot_table;

pub use entry::{Body, BodyRef, Displaced, Entry, EntryRef, INLINE_VALUE_BYTES_MAX, size_class};
pub use slot_table::{HashKey, Occupied, SlotTable};

/// Asks the processor for the cache line at `address`; a hint, valid for any address.
#[inline(always)]
fn prefetch(address: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch has no effect on memory and does not fault, whatever the address.
    #[allow(unsafe_code, reason = "the intrinsic takes a raw pointer")]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = address;
}
