//! Room `config`: the typed snapshot of all settings (provisional; the settings table is under way).

/// Settings that commands look at.
#[derive(Debug, Clone)]
pub struct Config {
    /// `requirepass`; empty for none.
    pub requirepass: String,
    /// `databases`.
    pub databases: i64,
    /// `proto-max-bulk-len`.
    pub proto_max_bulk_len: i64,
    /// `maxmemory`; 0 for no limit.
    pub maxmemory: i64,
}
