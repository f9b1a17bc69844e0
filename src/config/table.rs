//! All directives, one row each, and the typed snapshot they make up.
//!
//! ```text
//! "name" | "alias" => field: kind(default, ...) [FLAGS];
//! ```
//!
//! | kind | field | arguments |
//! |---|---|---|
//! | `bool` | `bool` | default, check |
//! | `int` | `i64` | default, smallest, largest, check |
//! | `memory` | `u64`, bytes | default, smallest, largest |
//! | `signed_memory` | `i64`, bytes or -1 | default |
//! | `memory_or_percent` | [`MemoryOrPercent`] | default in bytes |
//! | `octal` | `u32` | default, largest |
//! | `text` | `String` | default, check |
//! | `unset_text` | `String`, empty if not set | check |
//! | `bytes`, `unset_bytes` | `Vec<u8>` | |
//! | `choice` | the enum | type, default |
//! | `choices` | the bit set | type, default, check |
//! | `special` | any | type, default, its functions in `special.rs` |
//!
//! Checks may be left out. A row without `IMMUTABLE` can be changed by CONFIG SET; one without `IN_EFFECT` is accepted,
//! kept, listed and rewritten, and nothing acts on it yet. Defaults are those of the field's servers: one started without
//! any configuration listens everywhere, and `protected-mode` turns away whoever comes from elsewhere.
//!
//! The macro makes [`Config`] (a plain field a row), its `Default`, and [`SETTINGS`], so that a directive is written
//! down once. A new one is a row here, and nothing else.

use std::sync::LazyLock;

use super::checks::*;
use super::setting::*;
use super::special::*;
use super::types::*;
use crate::base::Map;

macro_rules! settings {
    ($(
        $name:literal $(| $alias:literal)* => $field:ident: $kind:ident($($argument:tt)*) [$($flag:ident)*];
    )+) => {
        /// The value of every directive. Cheap enough to clone per change, shared by `Arc`.
        #[derive(Clone, PartialEq)]
        pub struct Config {
            $(
                #[doc = concat!("`", $name, "`")]
                pub $field: field_type!($kind $($argument)*),
            )+
        }

        impl Default for Config {
            /// What holds where neither a file nor the command line says otherwise.
            fn default() -> Config {
                Config {
                    $($field: field_default!($kind $($argument)*),)+
                }
            }
        }

        /// All directives, in the order in which they are listed.
        pub static SETTINGS: &[Setting] = &[
            $(Setting {
                name: $name,
                aliases: &[$($alias),*],
                flags: Flags::NONE $(.or(Flags::$flag))*,
                kind: field_kind!($field $kind $($argument)*),
            },)+
        ];
    };
}

macro_rules! field_type {
    (bool $($_:tt)*) => { bool };
    (int $($_:tt)*) => { i64 };
    (memory $($_:tt)*) => { u64 };
    (signed_memory $($_:tt)*) => { i64 };
    (memory_or_percent $($_:tt)*) => { MemoryOrPercent };
    (octal $($_:tt)*) => { u32 };
    (text $($_:tt)*) => { String };
    (unset_text $($_:tt)*) => { String };
    (bytes $($_:tt)*) => { Vec<u8> };
    (unset_bytes $($_:tt)*) => { Vec<u8> };
    ($kind:ident $type:ty, $($_:tt)*) => { $type };
}

macro_rules! field_default {
    (memory_or_percent $bytes:expr) => {
        MemoryOrPercent::Bytes($bytes)
    };
    (text $default:expr $(, $check:ident)?) => {
        $default.to_owned()
    };
    (unset_text $($_:tt)*) => {
        String::new()
    };
    (bytes) => {
        Vec::new()
    };
    (unset_bytes) => {
        Vec::new()
    };
    (choice $type:ident, $variant:ident) => {
        $type::$variant
    };
    (choices $type:ident, $value:ident $(, $check:ident)?) => {
        $type::$value
    };
    (special $type:ty, $default:expr, $special:ident) => {
        $default
    };
    ($kind:ident $default:expr $(, $rest:expr)*) => {
        $default
    };
}

macro_rules! field {
    ($field:ident) => {
        Field {
            get: |config| &config.$field,
            get_mut: |config| &mut config.$field,
        }
    };
}

macro_rules! check {
    () => {
        None
    };
    ($check:ident) => {
        Some($check)
    };
}

macro_rules! field_kind {
    ($field:ident bool $default:expr $(, $check:ident)?) => {
        Kind::Bool(field!($field), check!($($check)?))
    };
    ($field:ident int $default:expr, $min:expr, $max:expr $(, $check:ident)?) => {
        Kind::Int { field: field!($field), min: $min, max: $max, check: check!($($check)?) }
    };
    ($field:ident memory $default:expr, $min:expr, $max:expr) => {
        Kind::Memory { field: field!($field), min: $min, max: $max }
    };
    ($field:ident signed_memory $default:expr) => { Kind::SignedMemory(field!($field)) };
    ($field:ident memory_or_percent $default:expr) => { Kind::MemoryOrPercent(field!($field)) };
    ($field:ident octal $default:expr, $max:expr) => {
        Kind::Octal { field: field!($field), max: $max }
    };
    ($field:ident text $default:expr $(, $check:ident)?) => {
        Kind::Text { field: field!($field), unset_if_empty: false, check: check!($($check)?) }
    };
    ($field:ident unset_text $($check:ident)?) => {
        Kind::Text { field: field!($field), unset_if_empty: true, check: check!($($check)?) }
    };
    ($field:ident bytes) => { Kind::Bytes { field: field!($field), unset_if_empty: false } };
    ($field:ident unset_bytes) => { Kind::Bytes { field: field!($field), unset_if_empty: true } };
    ($field:ident choice $type:ident, $variant:ident) => {
        Kind::Choice(ErasedChoice {
            name: |config| config.$field.name(),
            set: |config, index| config.$field = choice_at(index),
            name_at: name_at::<$type>,
        })
    };
    ($field:ident choices $type:ident, $value:ident $(, $check:ident)?) => {
        Kind::Choices {
            get: |config| config.$field.bits(),
            set: |config, bits| config.$field = $type::from_bits(bits),
            named: named_bits::<$type>(),
            check: check!($($check)?),
        }
    };
    ($field:ident special $type:ty, $default:expr, $special:ident) => { Kind::Special(&$special) };
}

const INT_MIN: i64 = i32::MIN as i64;
const INT_MAX: i64 = i32::MAX as i64;
const UINT_MAX: i64 = u32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;
/// Amounts of memory end where file offsets and lengths do.
const BYTES_MAX: u64 = i64::MAX as u64;
const KB: u64 = 1 << 10;
const MB: u64 = 1 << 20;
const GB: u64 = 1 << 30;

settings! {
    // Network.

    "bind" => bind: special(Vec<String>, bind_default(), BIND) [IN_EFFECT MULTI_ARG];
    "bind-source-addr" => bind_source_addr: unset_text() [];
    "events-per-io-thread" => events_per_io_thread: int(2, 0, INT_MAX) [];
    "io-threads" => io_threads: int(1, 1, 128) [IMMUTABLE DEBUG];
    "io-threads-always-active" => io_threads_always_active: bool(false) [HIDDEN];
    "io-threads-do-reads" => io_threads_do_reads: bool(false) [IMMUTABLE DEBUG];
    "max-new-connections-per-cycle" => max_new_connections_per_cycle: int(10, 1, 1000) [];
    "max-new-tls-connections-per-cycle" => max_new_tls_connections_per_cycle: int(1, 1, 1000) [];
    "maxclients" => maxclients: int(10_000, 1, UINT_MAX) [IN_EFFECT];
    "min-io-threads-avoid-copy-reply" => min_io_threads_avoid_copy_reply: int(7, 0, INT_MAX) [HIDDEN];
    "min-string-size-avoid-copy-reply" => min_string_size_avoid_copy_reply: int(16_384, 0, INT_MAX) [HIDDEN];
    "min-string-size-avoid-copy-reply-threaded" => min_string_size_avoid_copy_reply_threaded: int(65_536, 0, INT_MAX) [HIDDEN];
    "mptcp" => mptcp: bool(false) [IMMUTABLE NEWER];
    "port" => port: int(6379, 0, 65_535) [IN_EFFECT];
    "prefetch-batch-max-size" => prefetch_batch_max_size: int(16, 0, 128) [HIDDEN];
    "protected-mode" => protected_mode: bool(true) [IN_EFFECT];
    "rdma-bind" => rdma_bind: special(Vec<String>, Vec::new(), RDMA_BIND) [MULTI_ARG];
    "rdma-completion-vector" => rdma_completion_vector: int(-1, -1, 1024) [IMMUTABLE NEWER];
    "rdma-port" => rdma_port: int(0, 0, 65_535) [];
    "rdma-rx-size" => rdma_rx_size: int(1_048_576, 65_536, 16_777_216) [IMMUTABLE NEWER];
    "repl-mptcp" => repl_mptcp: bool(false) [IMMUTABLE NEWER];
    "socket-mark-id" => socket_mark_id: int(0, 0, UINT_MAX) [IMMUTABLE];
    "tcp-backlog" => tcp_backlog: int(511, 0, INT_MAX) [IMMUTABLE IN_EFFECT];
    "tcp-keepalive" => tcp_keepalive: int(300, 0, INT_MAX) [IN_EFFECT];
    "timeout" => timeout: int(0, 0, INT_MAX) [IN_EFFECT];
    "unixsocket" => unixsocket: unset_text() [IMMUTABLE IN_EFFECT];
    "unixsocketgroup" => unixsocketgroup: unset_text() [IMMUTABLE NEWER];
    "unixsocketperm" => unixsocketperm: octal(0, 0o777) [IMMUTABLE IN_EFFECT];

    // The process.

    "always-show-logo" => always_show_logo: bool(false) [IMMUTABLE IN_EFFECT];
    "aof_rewrite_cpulist" | "aof-rewrite-cpulist" => aof_rewrite_cpulist: unset_text() [IMMUTABLE];
    "availability-zone" => availability_zone: bytes() [];
    "bgsave_cpulist" | "bgsave-cpulist" => bgsave_cpulist: unset_text() [IMMUTABLE];
    "bio_cpulist" | "bio-cpulist" => bio_cpulist: unset_text() [IMMUTABLE];
    "crash-log-enabled" => crash_log_enabled: bool(true) [IN_EFFECT];
    "crash-memcheck-enabled" => crash_memcheck_enabled: bool(true) [];
    "daemonize" => daemonize: bool(false) [IMMUTABLE IN_EFFECT];
    "debug-context" => debug_context: text("") [DEBUG HIDDEN];
    "dir" => dir: special(String, String::new(), DIR) [IN_EFFECT PROTECTED DENY_LOADING];
    "disable-thp" => disable_thp: bool(true) [IMMUTABLE IN_EFFECT];
    "dynamic-hz" => dynamic_hz: bool(true) [IN_EFFECT];
    "enable-debug-assert" => enable_debug_assert: bool(false) [IMMUTABLE HIDDEN];
    "enable-debug-command" => enable_debug_command: choice(Allow, No) [IMMUTABLE IN_EFFECT];
    "enable-module-command" => enable_module_command: choice(Allow, No) [IMMUTABLE IN_EFFECT];
    "enable-protected-configs" => enable_protected_configs: choice(Allow, No) [IMMUTABLE IN_EFFECT];
    "extended-redis-compatibility" => extended_redis_compatibility: bool(false) [];
    "hash-seed" => hash_seed: unset_bytes() [IMMUTABLE NEWER];
    "hide-user-data-from-log" => hide_user_data_from_log: bool(false) [];
    "hz" => hz: int(10, 0, INT_MAX) [IN_EFFECT];
    "ignore-warnings" => ignore_warnings: text("") [];
    "jemalloc-bg-thread" => jemalloc_bg_thread: bool(true) [];
    "locale-collate" => locale_collate: text("") [];
    "log-format" => log_format: choice(LogFormat, Legacy) [];
    "log-timestamp-format" => log_timestamp_format: choice(LogTimestamp, Legacy) [];
    "logfile" => logfile: text("") [IMMUTABLE IN_EFFECT];
    "loglevel" => loglevel: choice(LogLevel, Notice) [IN_EFFECT];
    "oom-score-adj" => oom_score_adj: choice(OomScoreAdj, No) [IN_EFFECT];
    "oom-score-adj-values" => oom_score_adj_values: special([i64; 3], [0, 200, 800], OOM_SCORE_ADJ_VALUES) [MULTI_ARG IN_EFFECT];
    "pidfile" => pidfile: unset_text() [IMMUTABLE IN_EFFECT];
    "proc-title-template" => proc_title_template: text("{title} {listen-addr} {server-mode}", proc_title) [IN_EFFECT];
    "req-res-logfile" => req_res_logfile: unset_text() [IMMUTABLE HIDDEN];
    "server_cpulist" | "server-cpulist" => server_cpulist: unset_text() [IMMUTABLE];
    "set-proc-title" => set_proc_title: bool(true) [IMMUTABLE IN_EFFECT];
    "shutdown-on-sigint" => shutdown_on_sigint: choices(ShutdownOptions, DEFAULT, shutdown_options) [IN_EFFECT MULTI_ARG];
    "shutdown-on-sigterm" => shutdown_on_sigterm: choices(ShutdownOptions, DEFAULT, shutdown_options) [IN_EFFECT MULTI_ARG];
    "shutdown-timeout" => shutdown_timeout: int(10, 0, INT_MAX) [];
    "supervised" => supervised: choice(Supervised, No) [IMMUTABLE IN_EFFECT];
    "syslog-enabled" => syslog_enabled: bool(false) [IMMUTABLE];
    "syslog-facility" => syslog_facility: choice(SyslogFacility, Local0) [IMMUTABLE];
    "syslog-ident" => syslog_ident: text("redis") [IMMUTABLE];
    "use-exit-on-panic" => use_exit_on_panic: bool(false) [HIDDEN];
    "watchdog-period" => watchdog_period: int(0, 0, INT_MAX) [HIDDEN IN_EFFECT];

    // Clients and protocol.

    "acl-pubsub-default" => acl_pubsub_default: choice(PubsubDefault, Resetchannels) [IN_EFFECT];
    "aclfile" => aclfile: text("") [IN_EFFECT IMMUTABLE];
    "acllog-max-len" => acllog_max_len: int(128, 0, LONG_MAX) [IN_EFFECT];
    "busy-reply-threshold" | "lua-time-limit" => busy_reply_threshold: int(5000, 0, LONG_MAX) [IN_EFFECT];
    "client-default-resp" => client_default_resp: int(2, 2, 3) [IMMUTABLE HIDDEN];
    "client-output-buffer-limit" => client_output_buffer_limit: special([OutputLimit; 3], OUTPUT_LIMITS, CLIENT_OUTPUT_BUFFER_LIMIT) [IN_EFFECT MULTI_ARG];
    "client-query-buffer-limit" => client_query_buffer_limit: memory(GB, MB, BYTES_MAX) [IN_EFFECT DEBUG];
    "lookahead" => lookahead: int(16, 1, INT_MAX) [];
    "lua-enable-deprecated-api" | "lua-enable-insecure-api" => lua_enable_deprecated_api: bool(false) [IMMUTABLE HIDDEN];
    "notify-keyspace-events" => notify_keyspace_events: special(KeyspaceEvents, KeyspaceEvents::NONE, NOTIFY_KEYSPACE_EVENTS) [IN_EFFECT];
    "proto-max-bulk-len" => proto_max_bulk_len: memory(512 * MB, MB, BYTES_MAX) [IN_EFFECT DEBUG];
    "requirepass" => requirepass: unset_bytes() [IN_EFFECT SENSITIVE];
    "tracking-table-max-keys" => tracking_table_max_keys: int(1_000_000, 0, LONG_MAX) [IN_EFFECT];

    // Keyspace and memory.

    "active-defrag-cycle-max" => active_defrag_cycle_max: int(25, 1, 99) [];
    "active-defrag-cycle-min" => active_defrag_cycle_min: int(1, 1, 99) [];
    "active-defrag-cycle-us" => active_defrag_cycle_us: int(500, 0, 100_000) [];
    "active-defrag-ignore-bytes" => active_defrag_ignore_bytes: memory(100 * MB, 1, BYTES_MAX) [];
    "active-defrag-max-scan-fields" => active_defrag_max_scan_fields: int(1000, 1, LONG_MAX) [];
    "active-defrag-threshold-lower" => active_defrag_threshold_lower: int(10, 0, 1000) [];
    "active-defrag-threshold-upper" => active_defrag_threshold_upper: int(100, 0, 1000) [];
    "active-expire-effort" => active_expire_effort: int(1, 1, 10) [];
    "activedefrag" => activedefrag: bool(false, no_defrag) [DEBUG];
    "activerehashing" => activerehashing: bool(true) [];
    "array-slice-size" => array_slice_size: int(4096, 256, 65_536, power_of_two) [];
    "array-sparse-kmax" => array_sparse_kmax: int(10, 0, 256) [];
    "array-sparse-kmin" => array_sparse_kmin: int(5, 0, 256) [];
    "databases" => databases: int(16, 1, INT_MAX) [IMMUTABLE IN_EFFECT];
    "hash-max-listpack-entries" | "hash-max-ziplist-entries" => hash_max_listpack_entries: int(512, 0, LONG_MAX) [IN_EFFECT];
    "hash-max-listpack-value" | "hash-max-ziplist-value" => hash_max_listpack_value: memory(64, 0, BYTES_MAX) [IN_EFFECT];
    "hll-sparse-max-bytes" => hll_sparse_max_bytes: memory(3000, 0, BYTES_MAX) [IN_EFFECT];
    "import-mode" => import_mode: bool(false) [IN_EFFECT DEBUG];
    "key-memory-histograms" => key_memory_histograms: bool(false) [];
    "lazyexpire-nested-arbitrary-keys" => lazyexpire_nested_arbitrary_keys: bool(true) [HIDDEN];
    "lazyfree-lazy-eviction" => lazyfree_lazy_eviction: bool(false) [IN_EFFECT DEBUG];
    "lazyfree-lazy-expire" => lazyfree_lazy_expire: bool(false) [IN_EFFECT DEBUG];
    "lazyfree-lazy-server-del" => lazyfree_lazy_server_del: bool(false) [IN_EFFECT DEBUG];
    "lazyfree-lazy-user-del" => lazyfree_lazy_user_del: bool(false) [IN_EFFECT DEBUG];
    "lazyfree-lazy-user-flush" => lazyfree_lazy_user_flush: bool(false) [IN_EFFECT DEBUG];
    "lfu-decay-time" => lfu_decay_time: int(1, 0, INT_MAX) [IN_EFFECT];
    "lfu-log-factor" => lfu_log_factor: int(10, 0, INT_MAX) [IN_EFFECT];
    "list-compress-depth" => list_compress_depth: int(0, 0, INT_MAX) [IN_EFFECT DEBUG];
    "list-max-listpack-size" | "list-max-ziplist-size" => list_max_listpack_size: int(-2, INT_MIN, INT_MAX) [IN_EFFECT];
    "maxmemory" => maxmemory: memory(0, 0, u64::MAX) [IN_EFFECT];
    "maxmemory-clients" => maxmemory_clients: memory_or_percent(0) [IN_EFFECT];
    "maxmemory-eviction-tenacity" => maxmemory_eviction_tenacity: int(10, 0, 100) [];
    "maxmemory-policy" => maxmemory_policy: choice(MaxmemoryPolicy, Noeviction) [IN_EFFECT];
    "maxmemory-samples" => maxmemory_samples: int(5, 1, INT_MAX) [IN_EFFECT];
    "set-max-intset-entries" => set_max_intset_entries: int(512, 0, LONG_MAX) [IN_EFFECT];
    "set-max-listpack-entries" => set_max_listpack_entries: int(128, 0, LONG_MAX) [IN_EFFECT];
    "set-max-listpack-value" => set_max_listpack_value: int(64, 0, LONG_MAX) [IN_EFFECT];
    "stream-idmp-duration" => stream_idmp_duration: int(100, 1, 86_400) [IN_EFFECT];
    "stream-idmp-maxsize" => stream_idmp_maxsize: int(100, 1, 10_000) [IN_EFFECT];
    "stream-node-max-bytes" => stream_node_max_bytes: memory(4 * KB, 0, BYTES_MAX) [IN_EFFECT];
    "stream-node-max-entries" => stream_node_max_entries: int(100, 0, LONG_MAX) [IN_EFFECT];
    "zset-max-listpack-entries" | "zset-max-ziplist-entries" => zset_max_listpack_entries: int(128, 0, LONG_MAX) [IN_EFFECT];
    "zset-max-listpack-value" | "zset-max-ziplist-value" => zset_max_listpack_value: memory(64, 0, BYTES_MAX) [IN_EFFECT];

    // Observability.

    "commandlog-large-reply-max-len" => commandlog_large_reply_max_len: int(128, 0, LONG_MAX) [IN_EFFECT];
    "commandlog-large-request-max-len" => commandlog_large_request_max_len: int(128, 0, LONG_MAX) [IN_EFFECT];
    "commandlog-reply-larger-than" => commandlog_reply_larger_than: int(1_048_576, -1, LONG_MAX) [IN_EFFECT];
    "commandlog-request-larger-than" => commandlog_request_larger_than: int(1_048_576, -1, LONG_MAX) [IN_EFFECT];
    "latency-monitor-threshold" => latency_monitor_threshold: int(0, 0, LONG_MAX) [IN_EFFECT];
    "latency-tracking" => latency_tracking: bool(true) [IN_EFFECT];
    "latency-tracking-info-percentiles" => latency_tracking_info_percentiles: special(Vec<f64>, vec![50.0, 99.0, 99.9], LATENCY_TRACKING_INFO_PERCENTILES) [IN_EFFECT MULTI_ARG];
    "slowlog-entry-max-argc" => slowlog_entry_max_argc: int(32, 2, INT_MAX) [IN_EFFECT HIDDEN];
    "slowlog-entry-max-string-len" => slowlog_entry_max_string_len: int(128, 1, LONG_MAX) [IN_EFFECT HIDDEN];
    "slowlog-log-slower-than" | "commandlog-execution-slower-than" => slowlog_log_slower_than: int(10_000, -1, LONG_MAX) [IN_EFFECT];
    "slowlog-max-len" | "commandlog-slow-execution-max-len" => slowlog_max_len: int(128, 0, LONG_MAX) [IN_EFFECT];

    // Snapshots.

    "dbfilename" => dbfilename: text("dump.rdb", db_filename) [IN_EFFECT PROTECTED];
    "key-load-delay" => key_load_delay: int(0, INT_MIN, INT_MAX) [IN_EFFECT HIDDEN];
    "loading-process-events-interval-bytes" => loading_process_events_interval_bytes: int(2_097_152, 1024, INT_MAX) [IN_EFFECT HIDDEN];
    "rdb-del-sync-files" => rdb_del_sync_files: bool(false) [];
    "rdb-key-save-delay" => rdb_key_save_delay: int(0, INT_MIN, INT_MAX) [IN_EFFECT HIDDEN];
    "rdb-save-incremental-fsync" => rdb_save_incremental_fsync: bool(true) [IN_EFFECT];
    "rdb-version-check" => rdb_version_check: choice(RdbVersionCheck, Strict) [];
    "rdbchecksum" => rdbchecksum: bool(true) [IN_EFFECT IMMUTABLE];
    "rdbcompression" => rdbcompression: bool(true) [IN_EFFECT];
    "sanitize-dump-payload" => sanitize_dump_payload: choice(SanitizePayload, No) [IN_EFFECT DEBUG];
    "save" => save: special(Vec<SavePoint>, save_default(), SAVE) [IN_EFFECT MULTI_ARG];
    "stop-writes-on-bgsave-error" => stop_writes_on_bgsave_error: bool(true) [IN_EFFECT];

    // Append-only file.

    "aof-disable-auto-gc" => aof_disable_auto_gc: bool(false) [IN_EFFECT HIDDEN];
    "aof-load-corrupt-tail-max-size" => aof_load_corrupt_tail_max_size: int(0, 0, LONG_MAX) [IN_EFFECT];
    "aof-load-truncated" => aof_load_truncated: bool(true) [IN_EFFECT];
    "aof-rewrite-incremental-fsync" => aof_rewrite_incremental_fsync: bool(true) [IN_EFFECT];
    "aof-timestamp-enabled" => aof_timestamp_enabled: bool(false) [IN_EFFECT];
    "aof-use-rdb-preamble" => aof_use_rdb_preamble: bool(true) [IN_EFFECT];
    "appenddirname" => appenddirname: text("appendonlydir", append_dirname) [IN_EFFECT IMMUTABLE];
    "appendfilename" => appendfilename: text("appendonly.aof", append_filename) [IN_EFFECT IMMUTABLE];
    "appendfsync" => appendfsync: choice(AppendFsync, Everysec) [IN_EFFECT];
    "appendonly" => appendonly: bool(false) [IN_EFFECT DENY_LOADING];
    "auto-aof-rewrite-min-size" => auto_aof_rewrite_min_size: memory(64 * MB, 0, BYTES_MAX) [IN_EFFECT];
    "auto-aof-rewrite-percentage" => auto_aof_rewrite_percentage: int(100, 0, INT_MAX) [IN_EFFECT];
    "no-appendfsync-on-rewrite" => no_appendfsync_on_rewrite: bool(false) [IN_EFFECT];

    // Replication.

    "dual-channel-replication-enabled" => dual_channel_replication_enabled: bool(false) [DEBUG];
    "masterauth" | "primaryauth" => masterauth: unset_bytes() [SENSITIVE];
    "masteruser" | "primaryuser" => masteruser: unset_text() [SENSITIVE];
    "min-replicas-max-lag" | "min-slaves-max-lag" => min_replicas_max_lag: int(10, 0, INT_MAX) [];
    "min-replicas-to-write" | "min-slaves-to-write" => min_replicas_to_write: int(0, 0, INT_MAX) [];
    "propagation-error-behavior" => propagation_error_behavior: choice(PropagationError, Ignore) [];
    "repl-backlog-size" => repl_backlog_size: memory(MB, 1, BYTES_MAX) [];
    "repl-backlog-ttl" => repl_backlog_ttl: int(3600, 0, LONG_MAX) [];
    "repl-disable-tcp-nodelay" => repl_disable_tcp_nodelay: bool(false) [];
    "repl-diskless-load" => repl_diskless_load: choice(DisklessLoad, Disabled) [DEBUG DENY_LOADING];
    "repl-diskless-sync" => repl_diskless_sync: bool(true) [DEBUG];
    "repl-diskless-sync-delay" => repl_diskless_sync_delay: int(5, 0, INT_MAX) [];
    "repl-diskless-sync-max-replicas" => repl_diskless_sync_max_replicas: int(0, 0, INT_MAX) [];
    "repl-ping-replica-period" | "repl-ping-slave-period" => repl_ping_replica_period: int(10, 1, INT_MAX) [];
    "repl-rdb-channel" => repl_rdb_channel: bool(true) [HIDDEN];
    "repl-timeout" => repl_timeout: int(60, 1, INT_MAX) [];
    "replica-announce-ip" | "slave-announce-ip" => replica_announce_ip: unset_text() [];
    "replica-announce-port" | "slave-announce-port" => replica_announce_port: int(0, 0, 65_535) [];
    "replica-announced" => replica_announced: bool(true) [];
    "replica-full-sync-buffer-limit" => replica_full_sync_buffer_limit: memory(0, 0, BYTES_MAX) [];
    "replica-ignore-disk-write-errors" => replica_ignore_disk_write_errors: bool(false) [];
    "replica-ignore-maxmemory" | "slave-ignore-maxmemory" => replica_ignore_maxmemory: bool(true) [];
    "replica-lazy-flush" | "slave-lazy-flush" => replica_lazy_flush: bool(false) [];
    "replica-priority" | "slave-priority" => replica_priority: int(100, 0, INT_MAX) [];
    "replica-read-only" | "slave-read-only" => replica_read_only: bool(true) [DEBUG];
    "replica-serve-stale-data" | "slave-serve-stale-data" => replica_serve_stale_data: bool(true) [];
    "replicaof" | "slaveof" => replicaof: special(Option<MasterAddress>, None, REPLICAOF) [IMMUTABLE MULTI_ARG];

    // Cluster.

    "cluster-allow-pubsubshard-when-down" => cluster_allow_pubsubshard_when_down: bool(true) [];
    "cluster-allow-reads-when-down" => cluster_allow_reads_when_down: bool(false) [];
    "cluster-allow-replica-migration" => cluster_allow_replica_migration: bool(true) [];
    "cluster-announce-bus-port" => cluster_announce_bus_port: int(0, 0, 65_535) [];
    "cluster-announce-client-ipv4" => cluster_announce_client_ipv4: unset_text(ipv4) [];
    "cluster-announce-client-ipv6" => cluster_announce_client_ipv6: unset_text(ipv6) [];
    "cluster-announce-client-port" => cluster_announce_client_port: int(0, 0, 65_535) [];
    "cluster-announce-client-tls-port" => cluster_announce_client_tls_port: int(0, 0, 65_535) [];
    "cluster-announce-hostname" => cluster_announce_hostname: unset_text(hostname) [];
    "cluster-announce-human-nodename" => cluster_announce_human_nodename: unset_text(nodename) [];
    "cluster-announce-ip" => cluster_announce_ip: unset_text() [];
    "cluster-announce-port" => cluster_announce_port: int(0, 0, 65_535) [];
    "cluster-announce-tls-port" => cluster_announce_tls_port: int(0, 0, 65_535) [];
    "cluster-blacklist-ttl" => cluster_blacklist_ttl: int(60, 0, LONG_MAX) [];
    "cluster-compatibility-sample-ratio" => cluster_compatibility_sample_ratio: int(0, 0, 100) [];
    "cluster-config-file" => cluster_config_file: text("nodes.conf", cluster_config_file) [IMMUTABLE];
    "cluster-config-save-behavior" => cluster_config_save_behavior: choice(ClusterConfigSave, Sync) [];
    "cluster-databases" => cluster_databases: int(1, 1, INT_MAX) [IMMUTABLE NEWER];
    "cluster-enabled" => cluster_enabled: bool(false) [IMMUTABLE];
    "cluster-link-sendbuf-limit" => cluster_link_sendbuf_limit: memory(0, 0, u64::MAX) [];
    "cluster-manual-failover-timeout" => cluster_manual_failover_timeout: int(5000, 1, INT_MAX) [];
    "cluster-message-gossip-perc" => cluster_message_gossip_perc: int(10, 1, 100) [HIDDEN];
    "cluster-migration-barrier" => cluster_migration_barrier: int(1, 0, INT_MAX) [];
    "cluster-node-timeout" => cluster_node_timeout: int(15_000, 0, LONG_MAX) [];
    "cluster-ping-interval" => cluster_ping_interval: int(0, 0, LONG_MAX) [HIDDEN];
    "cluster-port" => cluster_port: int(0, 0, 65_535) [IMMUTABLE];
    "cluster-preferred-endpoint-type" => cluster_preferred_endpoint_type: choice(EndpointType, Ip) [];
    "cluster-replica-no-failover" | "cluster-slave-no-failover" => cluster_replica_no_failover: bool(false) [];
    "cluster-replica-validity-factor" | "cluster-slave-validity-factor" => cluster_replica_validity_factor: int(10, 0, INT_MAX) [];
    "cluster-require-full-coverage" => cluster_require_full_coverage: bool(true) [];
    "cluster-slot-migration-handoff-max-lag-bytes" => cluster_slot_migration_handoff_max_lag_bytes: memory(MB, 0, BYTES_MAX) [];
    "cluster-slot-migration-log-max-len" => cluster_slot_migration_log_max_len: int(1000, 0, LONG_MAX) [];
    "cluster-slot-migration-max-archived-tasks" => cluster_slot_migration_max_archived_tasks: int(32, 1, INT_MAX) [HIDDEN];
    "cluster-slot-migration-sync-buffer-drain-timeout" => cluster_slot_migration_sync_buffer_drain_timeout: int(60_000, 0, LONG_MAX) [HIDDEN];
    "cluster-slot-migration-write-pause-timeout" => cluster_slot_migration_write_pause_timeout: int(10_000, 0, LONG_MAX) [];
    "cluster-slot-stats-enabled" => cluster_slot_stats_enabled: choices(SlotStats, NO) [MULTI_ARG];
    "slot-migration-max-failover-repl-bytes" => slot_migration_max_failover_repl_bytes: signed_memory(0) [];

    // TLS.

    "tls-auth-clients" => tls_auth_clients: choice(TlsAuthClients, Yes) [];
    "tls-auth-clients-user" => tls_auth_clients_user: choice(TlsAuthClientsUser, Off) [];
    "tls-auto-reload-interval" => tls_auto_reload_interval: int(0, 0, INT_MAX) [];
    "tls-ca-cert-dir" => tls_ca_cert_dir: unset_text() [VOLATILE];
    "tls-ca-cert-file" => tls_ca_cert_file: unset_text() [VOLATILE];
    "tls-cert-file" => tls_cert_file: unset_text() [VOLATILE];
    "tls-ciphers" => tls_ciphers: unset_text() [];
    "tls-ciphersuites" => tls_ciphersuites: unset_text() [];
    "tls-client-cert-file" => tls_client_cert_file: unset_text() [VOLATILE];
    "tls-client-key-file" => tls_client_key_file: unset_text() [VOLATILE];
    "tls-client-key-file-pass" => tls_client_key_file_pass: unset_text() [SENSITIVE];
    "tls-cluster" => tls_cluster: bool(false) [];
    "tls-dh-params-file" => tls_dh_params_file: unset_text() [VOLATILE];
    "tls-key-file" => tls_key_file: unset_text() [VOLATILE];
    "tls-key-file-pass" => tls_key_file_pass: unset_text() [SENSITIVE];
    "tls-port" => tls_port: int(0, 0, 65_535) [];
    "tls-prefer-server-ciphers" => tls_prefer_server_ciphers: bool(false) [];
    "tls-protocols" => tls_protocols: unset_text() [];
    "tls-replication" => tls_replication: bool(false) [];
    "tls-session-cache-size" => tls_session_cache_size: int(20_480, 0, INT_MAX) [];
    "tls-session-cache-timeout" => tls_session_cache_timeout: int(300, 0, INT_MAX) [];
    "tls-session-caching" => tls_session_caching: bool(true) [];

    // Our own: how the machine is used.

    "io-backend" => io_backend: choice(IoBackend, Auto) [IMMUTABLE NEWER IN_EFFECT];
    "shards" => shards: int(0, 0, 1024) [IMMUTABLE NEWER IN_EFFECT];
    "shard-cpus" => shard_cpus: text("", shard_cpus) [IMMUTABLE NEWER IN_EFFECT];
}

/// Words that only a configuration file (or the command line) may contain; they are no settings and have no value.
pub(super) const FILE_ONLY: &[&str] = &[
    "include",
    "rename-command",
    "user",
    "loadmodule",
    "sentinel",
];

/// Directives of older servers that have lost their meaning: accepted with one value, which is dropped.
pub(super) const DROPPED: &[&str] = &[
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
    "gopher-enabled",
];

fn bind_default() -> Vec<String> {
    // The `-` says that a machine without IPv6 is no reason not to start.
    vec!["*".to_owned(), "-::*".to_owned()]
}

fn save_default() -> Vec<SavePoint> {
    let point = |(seconds, changes)| SavePoint { seconds, changes };
    [(3600, 1), (300, 100), (60, 10_000)].map(point).to_vec()
}

/// Ordinary clients have no limit: they get only what they asked for. Replicas and subscribers get what others do.
const OUTPUT_LIMITS: [OutputLimit; 3] = [
    OutputLimit {
        hard_bytes: 0,
        soft_bytes: 0,
        soft_seconds: 0,
    },
    OutputLimit {
        hard_bytes: 256 * MB,
        soft_bytes: 64 * MB,
        soft_seconds: 60,
    },
    OutputLimit {
        hard_bytes: 32 * MB,
        soft_bytes: 8 * MB,
        soft_seconds: 60,
    },
];

/// A directive as it was asked for.
#[derive(Clone, Copy)]
pub struct Named {
    pub setting: &'static Setting,
    /// Its name, or the alias that was used.
    pub name: &'static str,
}

/// The directive of this name or alias, in whatever case.
pub fn find(name: &[u8]) -> Option<Named> {
    // Longer than any name: not worth a copy.
    if name.len() > 64 {
        return None;
    }
    BY_NAME.get(name.to_ascii_lowercase().as_slice()).copied()
}

/// All names and aliases, in table order.
pub fn names() -> impl Iterator<Item = Named> {
    SETTINGS.iter().flat_map(|setting| {
        let names = std::iter::once(setting.name).chain(setting.aliases.iter().copied());
        names.map(move |name| Named { setting, name })
    })
}

static BY_NAME: LazyLock<Map<&'static [u8], Named>> = LazyLock::new(|| {
    names()
        .map(|named| (named.name.as_bytes(), named))
        .collect()
});

impl std::fmt::Debug for Config {
    /// Lists what differs from the defaults, without secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let defaults = Config::default();
        let mut out = f.debug_struct("Config");
        for setting in SETTINGS {
            let value = setting.get(self);
            if setting.flags.has(Flags::SENSITIVE) && !value.is_empty() {
                out.field(setting.name, &"(redacted)");
            } else if value != setting.get(&defaults) {
                out.field(setting.name, &String::from_utf8_lossy(&value));
            }
        }
        out.finish_non_exhaustive()
    }
}
