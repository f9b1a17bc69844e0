//! STUB of the config room; replaced when the real one lands.
#[derive(Debug, Clone, Default)]
pub struct Config { pub requirepass: String, pub databases: i64, pub proto_max_bulk_len: i64, pub maxmemory: i64 }
