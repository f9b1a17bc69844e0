//! Where a key lives: its slot, and its hash within the slot.

use crate::base::{Slot, key_slot};
use crate::structure::HashKey;
pub use crate::structure::KeyHasher;

/// Slot and hash of a key, computed once where the request is parsed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Locator {
    /// The slot, which decides shard and table.
    pub slot: Slot,
    /// The hash under the process's seed.
    pub hash: u64,
}

impl Locator {
    /// Slot and hash of a key.
    #[inline]
    pub fn of(hasher: &KeyHasher, key: &[u8]) -> Locator {
        Locator {
            slot: key_slot(key),
            hash: hasher.hash(key),
        }
    }
}
