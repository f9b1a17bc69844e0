//! What others must learn of: keys that came, went or were missed without a command saying so.

use crate::base::DbIndex;

/// Something that happened to a key without a command saying so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreEvent {
    /// Removed because its time had come.
    Expired(DbIndex, Box<[u8]>),
    /// Removed to free memory.
    Evicted(DbIndex, Box<[u8]>),
    /// Created.
    New(DbIndex, Box<[u8]>),
    /// Looked for in vain by a command that reads.
    Missed(DbIndex, Box<[u8]>),
    /// Fields of a hash, named, were removed because their time had come.
    FieldsExpired(DbIndex, Box<[u8]>, Vec<Box<[u8]>>),
    /// Those were the last ones, so the key is gone as well.
    Emptied(DbIndex, Box<[u8]>),
}

/// What went without a command that said so: whoever keeps a copy has to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Loss {
    /// A key, because its time had come.
    Expired(DbIndex, Box<[u8]>),
    /// A key, to free memory.
    Evicted(DbIndex, Box<[u8]>),
    /// Fields of a hash, because their time had come; with the last one the key.
    Fields(DbIndex, Box<[u8]>, Vec<Box<[u8]>>),
}

/// Kinds of [`StoreEvent`]s.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StoreEvents(u8);

impl StoreEvents {
    /// None of them.
    pub const NONE: StoreEvents = StoreEvents(0);
    /// Keys that expired.
    pub const EXPIRED: StoreEvents = StoreEvents(1);
    /// Keys that were evicted.
    pub const EVICTED: StoreEvents = StoreEvents(2);
    /// Keys that were created.
    pub const NEW: StoreEvents = StoreEvents(4);
    /// Keys that were not there.
    pub const MISSED: StoreEvents = StoreEvents(8);
    /// Hashes of which fields expired.
    pub const FIELDS_EXPIRED: StoreEvents = StoreEvents(16);
    /// Keys that went with their last field.
    pub const EMPTIED: StoreEvents = StoreEvents(32);

    /// Both.
    pub fn with(self, other: StoreEvents) -> StoreEvents {
        StoreEvents(self.0 | other.0)
    }

    /// Whether it has something of `other`.
    #[inline]
    pub fn has(self, other: StoreEvents) -> bool {
        self.0 & other.0 != 0
    }
}
