//! Command errors: what a client may see, word for word.
//!
//! Clients match on these texts, and test suites compare them, so they are the field's own (7.2) down to the last full
//! stop; hence one file. Most are fixed; those that name an option or a command have a constructor. The text begins with
//! its code and contains no line end: what the client itself sent is echoed with spaces instead.

use std::borrow::Cow;

use super::args::Args;
use crate::base::limits::ERROR_ECHO_BYTES_MAX;

/// An error reply: `CODE text`, without the leading dash.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandError {
    text: Cow<'static, [u8]>,
    /// The statistics of errors have it already: a command of a script failed with it.
    is_counted: bool,
}

impl CommandError {
    /// A fixed text, code included.
    pub const fn fixed(text: &'static str) -> CommandError {
        CommandError {
            text: Cow::Borrowed(text.as_bytes()),
            is_counted: false,
        }
    }

    /// A text made up at run time, code included. Line ends at its end are dropped, others become spaces.
    #[cold]
    pub fn owned(text: impl Into<Vec<u8>>) -> CommandError {
        let mut text: Vec<u8> = text.into();
        let kept = text
            .iter()
            .rposition(|byte| !matches!(byte, b'\r' | b'\n'))
            .map_or(0, |i| i + 1);
        text.truncate(kept);
        for byte in &mut text {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        CommandError {
            text: Cow::Owned(text),
            is_counted: false,
        }
    }

    /// The same, and whether the statistics of errors have it already.
    pub fn counted(mut self, is_counted: bool) -> CommandError {
        self.is_counted = is_counted;
        self
    }

    /// Whether the statistics of errors have it already.
    pub fn is_counted(&self) -> bool {
        self.is_counted
    }

    /// The whole text.
    #[inline]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// The first word: `ERR`, `WRONGTYPE`, ..
    pub fn code(&self) -> &str {
        let len = self
            .text
            .iter()
            .position(|&byte| byte == b' ')
            .unwrap_or(self.text.len());
        std::str::from_utf8(&self.text[..len]).unwrap_or("ERR")
    }

    /// Pieces of text and bytes of the client, put together.
    #[cold]
    fn concat(pieces: &[&[u8]]) -> CommandError {
        CommandError::owned(pieces.concat())
    }
}

/// The text, with bytes that are not UTF-8 replaced.
impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl std::fmt::Debug for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CommandError({self})")
    }
}

impl std::error::Error for CommandError {}

/// Declares constants of fixed texts, and a list of them for the tests.
macro_rules! fixed_errors {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal;)*) => {
        impl CommandError {
            $(
                $(#[doc = $doc])*
                pub const $name: CommandError = CommandError::fixed($text);
            )*
        }

        #[cfg(test)]
        const FIXED: &[(&str, CommandError)] = &[$((stringify!($name), CommandError::$name)),*];
    };
}

fixed_errors! {
    // --- any command ---
    /// Unknown option, or options that do not go together.
    SYNTAX = "ERR syntax error";
    /// The key holds another type.
    WRONG_TYPE = "WRONGTYPE Operation against a key holding the wrong kind of value";
    /// An argument or value that has to be an integer.
    NOT_INTEGER = "ERR value is not an integer or out of range";
    /// An argument or value that has to be a float.
    NOT_FLOAT = "ERR value is not a valid float";
    /// An integer outside of what the command takes.
    OUT_OF_RANGE = "ERR value is out of range";
    /// A count that has to be positive.
    NOT_POSITIVE = "ERR value is out of range, must be positive";
    /// RENAME, LSET, ...
    NO_SUCH_KEY = "ERR no such key";
    /// LSET.
    INDEX_OUT_OF_RANGE = "ERR index out of range";
    /// MOVE, COPY to where the key already is.
    SAME_OBJECT = "ERR source and destination objects are the same";
    /// BLPOP and the like.
    TIMEOUT_NOT_FLOAT = "ERR timeout is not a float or out of range";
    /// CLIENT PAUSE, WAIT.
    TIMEOUT_NOT_INTEGER = "ERR timeout is not an integer or out of range";
    /// Any timeout.
    TIMEOUT_NEGATIVE = "ERR timeout is negative";
    /// A timeout whose end overflows.
    TIMEOUT_OUT_OF_RANGE = "ERR timeout is out of range";

    // --- strings and bitmaps ---
    /// INCR, DECR, INCRBY, DECRBY, HINCRBY.
    INCR_OVERFLOW = "ERR increment or decrement would overflow";
    /// DECRBY of the least integer.
    DECR_OVERFLOW = "ERR decrement would overflow";
    /// INCRBYFLOAT, HINCRBYFLOAT.
    INCR_NAN_OR_INF = "ERR increment would produce NaN or Infinity";
    /// HINCRBYFLOAT's argument.
    NAN_OR_INF = "ERR value is NaN or Infinity";
    /// APPEND, SETRANGE, SETBIT beyond `proto-max-bulk-len`.
    STRING_TOO_LONG = "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    /// SETRANGE.
    OFFSET_OUT_OF_RANGE = "ERR offset is out of range";
    /// SETBIT, GETBIT, BITFIELD.
    BIT_OFFSET = "ERR bit offset is not an integer or out of range";
    /// SETBIT.
    BIT_VALUE = "ERR bit is not an integer or out of range";
    /// BITPOS.
    BITPOS_BIT = "ERR The bit argument must be 1 or 0.";
    /// BITOP NOT.
    BITOP_NOT = "ERR BITOP NOT must be called with a single source key.";
    /// BITFIELD.
    BITFIELD_TYPE = "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
    /// BITFIELD.
    BITFIELD_OVERFLOW = "ERR Invalid OVERFLOW type specified";
    /// BITFIELD_RO.
    BITFIELD_RO = "ERR BITFIELD_RO only supports the GET subcommand";
    /// LCS.
    LCS_NOT_STRINGS = "ERR The specified keys must contain string values";
    /// LCS.
    LCS_LEN_AND_IDX = "ERR If you want both the length and indexes, please just use IDX.";
    /// LCS.
    LCS_TOO_LONG = "ERR String too long for LCS";
    /// LCS.
    LCS_OVER_LIMIT = "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len";
    /// LCS.
    LCS_NO_MEMORY = "ERR Insufficient memory, failed allocating transient memory for LCS";

    // --- keys, databases, expiry ---
    /// SELECT, MOVE, COPY, SWAPDB.
    DB_INDEX = "ERR DB index is out of range";
    /// SWAPDB.
    SWAPDB_FIRST = "ERR invalid first DB index";
    /// SWAPDB.
    SWAPDB_SECOND = "ERR invalid second DB index";
    /// SELECT.
    SELECT_IN_CLUSTER = "ERR SELECT is not allowed in cluster mode";
    /// SWAPDB.
    SWAPDB_IN_CLUSTER = "ERR SWAPDB is not allowed in cluster mode";
    /// MOVE.
    MOVE_IN_CLUSTER = "ERR MOVE is not allowed in cluster mode";
    /// COPY .. DB.
    COPY_IN_CLUSTER = "ERR Copying to another database is not allowed in cluster mode";
    /// COPY.
    COPY_UNKNOWN_TYPE = "ERR unknown type object";
    /// The SCAN family.
    INVALID_CURSOR = "ERR invalid cursor";
    /// SCAN, HSCAN, SSCAN.
    SCAN_NOSCORES = "ERR NOSCORES option can only be used in ZSCAN";
    /// SCAN, SSCAN, ZSCAN.
    SCAN_NOVALUES = "ERR NOVALUES option can only be used in HSCAN";
    /// EXPIRE.
    EXPIRE_NX = "ERR NX and XX, GT or LT options at the same time are not compatible";
    /// EXPIRE.
    EXPIRE_GT_LT = "ERR GT and LT options at the same time are not compatible";
    /// COMMANDLOG.
    COMMANDLOG_TYPE = "ERR type should be one of the following: slow, large-request, large-reply";
    /// HOTKEYS START.
    HOTKEYS_ACTIVE = "ERR hotkey tracking session already in progress";
    /// HOTKEYS RESET.
    HOTKEYS_IN_PROGRESS = "ERR hotkey tracking session in progress, stop tracking first";
    /// HOTKEYS START.
    HOTKEYS_METRICS = "ERR METRICS parameter is required";
    /// HOTKEYS START.
    HOTKEYS_METRICS_COUNT = "ERR METRICS count must be positive";
    /// HOTKEYS START.
    HOTKEYS_METRICS_MISMATCH = "ERR METRICS count does not match number of metric types provided";
    /// HOTKEYS START.
    HOTKEYS_CPU_TWICE = "ERR METRICS CPU defined more than once!";
    /// HOTKEYS START.
    HOTKEYS_NET_TWICE = "ERR METRICS NET defined more than once!";
    /// HOTKEYS START.
    HOTKEYS_NO_METRICS = "ERR METRICS no valid metrics passed. Supported: CPU|NET";
    /// HOTKEYS START.
    HOTKEYS_COUNT = "ERR COUNT must be between 1 and 64";
    /// HOTKEYS START.
    HOTKEYS_DURATION = "ERR DURATION must be between 1 and 1000000";
    /// HOTKEYS START.
    HOTKEYS_SAMPLE = "ERR SAMPLE ratio must be positive";
    /// HOTKEYS START.
    HOTKEYS_SLOTS = "ERR SLOTS parameter cannot be used in non-cluster mode";
    /// OBJECT IDLETIME.
    OBJECT_NO_IDLETIME = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    /// OBJECT FREQ.
    OBJECT_NO_FREQ = "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.";
    /// SORT.
    SORT_SCORES = "ERR One or more scores can't be converted into double";
    /// SORT.
    SORT_BY_IN_CLUSTER = "ERR BY option of SORT denied in Cluster mode.";
    /// SORT.
    SORT_GET_IN_CLUSTER = "ERR GET option of SORT denied in Cluster mode.";
    /// SORT.
    SORT_BY_NO_PERMISSION = "ERR BY option of SORT denied due to insufficient ACL permissions.";
    /// SORT.
    SORT_GET_NO_PERMISSION = "ERR GET option of SORT denied due to insufficient ACL permissions.";
    /// RESTORE.
    BUSY_KEY = "BUSYKEY Target key name already exists.";
    /// RESTORE.
    RESTORE_PAYLOAD = "ERR DUMP payload version or checksum are wrong";
    /// RESTORE.
    RESTORE_TTL = "ERR Invalid TTL value, must be >= 0";
    /// RESTORE.
    RESTORE_IDLETIME = "ERR Invalid IDLETIME value, must be >= 0";
    /// RESTORE.
    RESTORE_FREQ = "ERR Invalid FREQ value, must be >= 0 and <= 255";
    /// RESTORE.
    RESTORE_FORMAT = "ERR Bad data format";

    /// MIGRATE.
    MIGRATE_KEY = "ERR When using MIGRATE KEYS option, the key argument must be set to the empty string";
    /// MIGRATE.
    MIGRATE_CONNECT = "IOERR error or timeout connecting to the client";
    /// MIGRATE.
    MIGRATE_WRITE = "IOERR error or timeout writing to target instance";
    /// MIGRATE.
    MIGRATE_READ = "IOERR error or timeout reading to target instance";

    // --- transactions ---
    /// EXEC after an error while queueing.
    EXEC_ABORT = "EXECABORT Transaction discarded because of previous errors.";
    /// A command that must not be queued.
    NOT_IN_MULTI = "ERR Command not allowed inside a transaction";
    /// MULTI twice.
    MULTI_NESTED = "ERR MULTI calls can not be nested";
    /// WATCH after MULTI.
    WATCH_IN_MULTI = "ERR WATCH inside MULTI is not allowed";
    /// EXEC alone.
    EXEC_WITHOUT_MULTI = "ERR EXEC without MULTI";
    /// DISCARD alone.
    DISCARD_WITHOUT_MULTI = "ERR DISCARD without MULTI";

    // --- admission: refused before the command is looked at any further ---
    /// Before AUTH.
    NO_AUTH = "NOAUTH Authentication required.";
    /// AUTH, HELLO AUTH.
    WRONG_PASS = "WRONGPASS invalid username-password pair or user is disabled.";
    /// Over `maxmemory` with nothing to evict.
    OUT_OF_MEMORY = "OOM command not allowed when used memory > 'maxmemory'.";
    /// While the data set is being loaded.
    LOADING = "LOADING Redis is loading the dataset in memory";
    /// While a script runs for too long.
    BUSY_SCRIPT = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    /// While a function runs for too long.
    BUSY_FUNCTION = "BUSY Redis is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.";
    /// After a failed snapshot.
    MISCONF_RDB = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.";
    /// As that, of a script that says that it may write.
    MISCONF_RDB_SCRIPT = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts.";
    /// A write on a replica.
    READ_ONLY = "READONLY You can't write against a read only replica.";
    /// A replica without its master.
    MASTER_DOWN = "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    /// `min-replicas-to-write`.
    NO_REPLICAS = "NOREPLICAS Not enough good replicas to write.";
    /// A replica's link used as a client.
    REPLICA_KEYSPACE = "ERR Replica can't interact with the keyspace";
    /// Over `maxclients`.
    MAX_CLIENTS = "ERR max number of clients reached";
    /// Over `maxclients`, in cluster mode.
    MAX_CLIENTS_CLUSTER = "ERR max number of clients + cluster connections reached";
    /// Keys of different slots, in cluster mode.
    CROSS_SLOT = "CROSSSLOT Keys in request don't hash to the same slot";
    /// ACL LOAD, ACL SAVE.
    NO_ACL_FILE = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.";
    /// ACL, keys.
    NO_PERM_KEY = "NOPERM No permissions to access a key";
    /// ACL, channels.
    NO_PERM_CHANNEL = "NOPERM No permissions to access a channel";
    /// Connecting from afar without a password.
    PROTECTED_MODE = "DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above things in order for the server to start accepting connections from the outside.";

    // --- connection ---
    /// HELLO with another version than 2 and 3.
    NO_PROTO = "NOPROTO unsupported protocol version";
    /// HELLO.
    HELLO_VERSION = "ERR Protocol version is not an integer or out of range";
    /// HELLO before AUTH.
    HELLO_NO_AUTH = "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";
    /// AUTH with a password only, when the default user has none.
    AUTH_NO_PASSWORD = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
    /// CLIENT SETNAME, HELLO SETNAME.
    CLIENT_NAME = "ERR Client names cannot contain spaces, newlines or special characters.";
    /// CLIENT KILL, old form.
    NO_SUCH_CLIENT = "ERR No such client";
    /// CLIENT LIST ID.
    INVALID_CLIENT_ID = "ERR Invalid client ID";
    /// CLIENT KILL ID.
    CLIENT_ID_NOT_POSITIVE = "ERR client-id should be greater than 0";
    /// CLIENT UNBLOCK .. ERROR.
    UNBLOCKED = "UNBLOCKED client unblocked via CLIENT UNBLOCK";
    /// The role changed while the client was blocked.
    UNBLOCKED_BY_ROLE = "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";
    /// RESET on a link that is no normal client.
    RESET_NOT_NORMAL = "ERR can only reset normal client connections";
    /// CLIENT TRACKING.
    TRACKING_TWO_REDIRECTS = "ERR A client can only redirect to a single other client";
    /// CLIENT TRACKING.
    TRACKING_REDIRECT_GONE = "ERR The client ID you want redirect to does not exist";
    /// CLIENT TRACKING.
    TRACKING_PREFIX_WITHOUT_BCAST = "ERR PREFIX option requires BCAST mode to be enabled";
    /// CLIENT TRACKING.
    TRACKING_BCAST_SWITCH = "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.";
    /// CLIENT TRACKING.
    TRACKING_OPT_WITH_BCAST = "ERR OPTIN and OPTOUT are not compatible with BCAST";
    /// CLIENT TRACKING.
    TRACKING_OPTIN_AND_OPTOUT = "ERR You can't specify both OPTIN mode and OPTOUT mode";
    /// CLIENT TRACKING.
    TRACKING_OPT_SWITCH = "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode.";
    /// CLIENT CACHING.
    CACHING_WITHOUT_TRACKING = "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled";
    /// CLIENT CACHING.
    CACHING_NOT_OPTIN = "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.";
    /// CLIENT CACHING.
    CACHING_NOT_OPTOUT = "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.";

    // --- server ---
    /// COMMAND GETKEYS.
    COMMAND_NO_KEYS = "ERR The command has no key arguments";
    /// COMMAND GETKEYS.
    COMMAND_INVALID = "ERR Invalid command specified";
    /// COMMAND GETKEYS.
    COMMAND_INVALID_COUNT = "ERR Invalid number of arguments specified for command";
    /// COMMAND GETKEYS.
    COMMAND_INVALID_ARGS = "ERR Invalid arguments specified for command";
    /// CONFIG REWRITE.
    NO_CONFIG_FILE = "ERR The server is running without a config file";
    /// DEBUG.
    DEBUG_NOT_ALLOWED = "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.";
    /// MODULE.
    MODULE_NOT_ALLOWED = "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a local connection, otherwise you need to set this option in the configuration file, and then restart the server.";
    /// SAVE, BGSAVE.
    RELOAD_OPTIONS = "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.";
    /// DEBUG RELOAD.
    RELOAD_FAILED = "ERR Error trying to load the RDB dump, check server logs.";
    /// DEBUG LOADAOF.
    LOADAOF_FAILED = "ERR Error trying to load the AOF files, check server logs.";
    /// To who waits for a save that was cancelled.
    SAVE_CANCELLED = "ERR Background saving was cancelled";
    /// BGSAVE CANCEL.
    NO_SAVE_TO_CANCEL = "ERR Background saving is currently not in progress or scheduled";
    /// SAVE, BGSAVE.
    SAVE_IN_PROGRESS = "ERR Background save already in progress";
    /// BGSAVE.
    SAVE_OTHER_CHILD = "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.";
    /// BGREWRITEAOF.
    REWRITE_IN_PROGRESS = "ERR Background append only file rewriting already in progress";
    /// BGREWRITEAOF.
    REWRITE_FAILED = "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.";
    /// SHUTDOWN.
    SHUTDOWN_FAILED = "ERR Errors trying to SHUTDOWN. Check logs.";
    /// DEBUG FAIL-SNAPSHOT.
    NO_SNAPSHOT = "ERR No snapshot is being taken";
    /// SHUTDOWN ABORT.
    NO_SHUTDOWN = "ERR No shutdown in progress.";
    /// SHUTDOWN from a script or a transaction.
    SHUTDOWN_DENY_BLOCKING = "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client";
    /// MONITOR from a script or a transaction.
    MONITOR_DENY_BLOCKING = "ERR MONITOR isn't allowed for DENY BLOCKING client";
    /// MEMORY PURGE.
    MEMORY_PURGE = "ERR Error purging dirty pages";
    /// WAIT.
    WAIT_ON_REPLICA = "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is configured to be writable (which is not the default) writes to replicas are just local and are not propagated.";
    /// WAITAOF.
    WAITAOF_ON_REPLICA = "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local and are not propagated.";
    /// WAITAOF.
    WAITAOF_NO_AOF = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    /// CLUSTER subcommands outside of cluster mode.
    CLUSTER_DISABLED = "ERR This instance has cluster support disabled";
    /// EVALSHA.
    NO_SCRIPT = "NOSCRIPT No matching script. Please use EVAL.";
    /// SCRIPT KILL, FUNCTION KILL.
    NOT_BUSY = "NOTBUSY No scripts in execution right now.";
    /// SCRIPT KILL, FUNCTION KILL after a write.
    UNKILLABLE = "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.";

    // --- collections ---
    /// SET .. IFDEQ, DELEX.
    DIGEST_LENGTH = "ERR must be exactly 16 hexadecimal characters";
    /// DELEX.
    DELEX_NOT_STRING = "ERR Key should be of string type if conditions are specified";
    /// DELEX.
    DELEX_CONDITION = "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE";
    /// MSETEX.
    MSETEX_NUMKEYS = "ERR invalid numkeys value";
    /// MSETEX.
    MSETEX_PAIRS = "ERR wrong number of key-value pairs";
    /// INCREX.
    INCREX_ENX = "ERR ENX flag requires an expiration";
    /// INCREX.
    INCREX_BYINT = "ERR Increment is not an integer or out of range";
    /// INCREX.
    INCREX_BYFLOAT = "ERR Increment is not a valid float";
    /// INCREX.
    INCREX_BYFLOAT_INFINITE = "ERR BYFLOAT increment cannot be Infinity";
    /// INCREX.
    INCREX_VALUE_INFINITE = "ERR value cannot be Infinity";
    /// INCREX.
    INCREX_LBOUND_INTEGER = "ERR LBOUND is not an integer or out of range";
    /// INCREX.
    INCREX_UBOUND_INTEGER = "ERR UBOUND is not an integer or out of range";
    /// INCREX.
    INCREX_LBOUND_FLOAT = "ERR LBOUND is not a valid float";
    /// INCREX.
    INCREX_UBOUND_FLOAT = "ERR UBOUND is not a valid float";
    /// INCREX.
    INCREX_BOUNDS = "ERR LBOUND can't be greater than UBOUND";
    /// INCREX.
    INCREX_OVERFLOW = "ERR applied increment would overflow";
    /// INCREX.
    INCREX_INFINITE = "ERR applied increment would be Infinity";
    /// HINCRBY.
    HASH_NOT_INTEGER = "ERR hash value is not an integer";
    /// HINCRBYFLOAT.
    HASH_NOT_FLOAT = "ERR hash value is not a float";
    /// HEXPIRE and its kin.
    FIELDS_TIME_NEGATIVE = "ERR invalid expire time, must be >= 0";
    /// HTTL, HPERSIST, HGETDEL.
    FIELDS_MISSING = "ERR Mandatory argument FIELDS is missing or not at the right position";
    /// HTTL, HPERSIST, HGETDEL.
    FIELDS_NOT_POSITIVE = "ERR Number of fields must be a positive integer";
    /// HTTL, HPERSIST, HGETDEL.
    FIELDS_COUNT = "ERR The `numfields` parameter must match the number of arguments";
    /// HEXPIRE and its kin.
    FIELDS_COUNT_NOT_POSITIVE = "ERR Parameter `numFields` should be greater than 0";
    /// HEXPIRE, HGETEX, HSETEX.
    FIELDS_TWICE = "ERR FIELDS keyword specified multiple times";
    /// HEXPIRE, HGETEX, HSETEX.
    FIELDS_NOTHING = "ERR FIELDS requires at least numfields and one field argument";
    /// HEXPIRE, HGETEX, HSETEX.
    FIELDS_ABSENT = "ERR missing FIELDS argument";
    /// HGETEX, HSETEX.
    FIELDS_INVALID_COUNT = "ERR invalid number of fields";
    /// HGETEX, HSETEX.
    FIELDS_TOO_FEW = "ERR wrong number of arguments";
    /// HEXPIRE and its kin.
    FIELDS_CONDITIONS = "ERR Multiple condition flags specified";
    /// HGETEX, HSETEX.
    FIELDS_TIME_MISSING = "ERR missing expire time";
    /// HSETEX.
    HSETEX_CONDITIONS = "ERR Only one of FXX or FNX arguments can be specified";
    /// HSETEX.
    HSETEX_TIMES = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
    /// HGETEX.
    HGETEX_TIMES = "ERR Only one of EX, PX, EXAT, PXAT or PERSIST arguments can be specified";
    /// ZINCRBY, ZADD INCR.
    SCORE_NAN = "ERR resulting score is not a number (NaN)";
    /// ZRANGEBYSCORE.
    MIN_MAX_NOT_FLOAT = "ERR min or max is not a float";
    /// ZRANGEBYLEX.
    MIN_MAX_NOT_LEX = "ERR min or max not valid string range item";
    /// LPOS.
    LPOS_RANK_ZERO = "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from the end of the list";
    /// LPOS.
    LPOS_COUNT_NEGATIVE = "ERR COUNT can't be negative";
    /// LPOS.
    LPOS_MAXLEN_NEGATIVE = "ERR MAXLEN can't be negative";
    /// ZADD.
    ZADD_NX_XX = "ERR XX and NX options at the same time are not compatible";
    /// ZADD.
    ZADD_GT_LT_NX = "ERR GT, LT, and/or NX options at the same time are not compatible";
    /// ZADD INCR.
    ZADD_INCR_PAIR = "ERR INCR option supports a single increment-element pair";
    /// ZRANGE.
    ZRANGE_LIMIT = "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
    /// ZRANGE.
    ZRANGE_WITHSCORES = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
    /// ZUNION and its kin.
    WEIGHT_NOT_FLOAT = "ERR weight value is not a float";
    /// LMPOP, ZMPOP, SINTERCARD.
    NUMKEYS_NOT_POSITIVE = "ERR numkeys should be greater than 0";
    /// LMPOP, ZMPOP.
    COUNT_NOT_POSITIVE = "ERR count should be greater than 0";
    /// GEODIST and all that take a unit.
    GEO_UNIT = "ERR unsupported unit provided. please use M, KM, FT, MI";
    /// GEOSEARCH, GEORADIUSBYMEMBER.
    GEO_NO_MEMBER = "ERR could not decode requested zset member";
    /// GEOSEARCH, GEORADIUS.
    GEO_RADIUS = "ERR need numeric radius";
    /// GEOSEARCH, GEORADIUS.
    GEO_RADIUS_NEGATIVE = "ERR radius cannot be negative";
    /// GEOSEARCH BYBOX.
    GEO_WIDTH = "ERR need numeric width";
    /// GEOSEARCH BYBOX.
    GEO_HEIGHT = "ERR need numeric height";
    /// GEOSEARCH BYBOX.
    GEO_BOX_NEGATIVE = "ERR height or width cannot be negative";
    /// GEOSEARCH, GEORADIUS.
    GEO_ANY = "ERR the ANY argument requires COUNT argument";
    /// GEOSEARCH.
    GEO_POLYGON = "ERR GEOSEARCH BYPOLYGON must have at least 3 vertices";
    /// GEOSEARCHSTORE.
    GEOSEARCHSTORE_WITH = "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
    /// GEORADIUS.
    GEORADIUS_STORE_WITH = "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options";
    /// EVAL, FCALL.
    NUMKEYS_NEGATIVE = "ERR Number of keys can't be negative";
    /// SINTERCARD, ZINTERCARD.
    LIMIT_NEGATIVE = "ERR LIMIT can't be negative";
    /// EVAL, SINTERCARD.
    NUMKEYS_TOO_MANY = "ERR Number of keys can't be greater than number of args";

    // --- streams ---
    /// Any id.
    STREAM_ID = "ERR Invalid stream ID specified as stream command argument";
    /// XADD.
    XADD_SMALLER = "ERR The ID specified in XADD is equal or smaller than the target stream top item";
    /// XADD.
    XADD_ZERO = "ERR The ID specified in XADD must be greater than 0-0";
    /// XADD.
    XADD_EXHAUSTED = "ERR The stream has exhausted the last possible ID, unable to add more items";
    /// XADD.
    XADD_TOO_LARGE = "ERR Elements are too large to be stored";
    /// XADD, XTRIM.
    TRIM_TWICE = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible";
    /// XADD, XTRIM.
    TRIM_MAXLEN = "ERR The MAXLEN argument must be >= 0.";
    /// XADD, XTRIM.
    TRIM_LIMIT = "ERR The LIMIT argument must be >= 0.";
    /// XADD.
    TRIM_LIMIT_ALONE = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy";
    /// XADD, XTRIM.
    TRIM_LIMIT_EXACT = "ERR syntax error, LIMIT cannot be used without the special ~ option";
    /// XTRIM.
    TRIM_HOW = "ERR syntax error, XTRIM must be called with a trimming strategy";
    /// XRANGE, XPENDING, XAUTOCLAIM.
    INTERVAL_START = "ERR invalid start ID for the interval";
    /// XRANGE, XPENDING.
    INTERVAL_END = "ERR invalid end ID for the interval";
    /// XREAD.
    XREAD_GROUP = "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.";
    /// XREAD.
    XREAD_CLAIM = "ERR The CLAIM option is only supported by XREADGROUP. You called XREAD instead.";
    /// XREAD.
    XREAD_NOACK = "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.";
    /// XREAD.
    XREAD_NEW = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.";
    /// XREADGROUP.
    XREADGROUP_NO_GROUP = "ERR Missing GROUP option for XREADGROUP";
    /// XREADGROUP.
    XREADGROUP_LAST = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set.";
    /// XREADGROUP.
    XREADGROUP_LAST_ENTRY = "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would just return an empty result set.";
    /// XREADGROUP CLAIM.
    CLAIM_IDLE_NOT_INTEGER = "ERR min-idle-time is not an integer or out of range";
    /// XREADGROUP CLAIM.
    CLAIM_IDLE_NEGATIVE = "ERR min-idle-time must be a positive integer";
    /// XNACK.
    XNACK_MODE = "ERR mode must be SILENT, FAIL, or FATAL";
    /// XNACK.
    XNACK_NO_IDS = "ERR syntax error, expected IDS keyword";
    /// XNACK.
    XNACK_NUMIDS = "ERR numids must be a positive integer";
    /// XNACK.
    XNACK_NUMIDS_MATCH = "ERR number of IDs doesn't match numids";
    /// XNACK.
    XNACK_RETRYCOUNT = "ERR Invalid RETRYCOUNT value, must be >= 0";
    /// XADD IDMP, IDMPAUTO.
    IDMP_TWICE = "ERR syntax error, IDMP/IDMPAUTO specified multiple times";
    /// XADD IDMP, IDMPAUTO.
    IDMP_EXACT_ID = "ERR syntax error, IDMP/IDMPAUTO can be used only with auto-generated IDs";
    /// XADD IDMP.
    IDMP_NO_PRODUCER = "ERR syntax error, IDMP requires a non-empty producer ID";
    /// XADD IDMP.
    IDMP_NO_ID = "ERR syntax error, IDMP requires a non-empty idempotent ID";
    /// XADD IDMPAUTO.
    IDMPAUTO_NO_PRODUCER = "ERR syntax error, IDMPAUTO requires a non-empty producer ID";
    /// XIDMPRECORD.
    IDMP_RECORD_NO_PRODUCER = "ERR producer ID must be non-empty";
    /// XIDMPRECORD.
    IDMP_RECORD_NO_ID = "ERR idempotent ID must be non-empty";
    /// XIDMPRECORD.
    IDMP_RECORD_NO_ENTRY = "ERR No such message in stream";
    /// XIDMPRECORD.
    IDMP_RECORD_OTHER = "ERR IID already exists for this producer with a different stream ID";
    /// XCFGSET.
    XCFGSET_NOTHING = "ERR At least one parameter must be specified";
    /// XCFGSET.
    XCFGSET_DURATION = "ERR IDMP-DURATION must be between 1 and 86400 seconds";
    /// XCFGSET.
    XCFGSET_DURATION_TWICE = "ERR IDMP-DURATION specified multiple times";
    /// XCFGSET.
    XCFGSET_MAXSIZE = "ERR IDMP-MAXSIZE must be between 1 and 10000 entries";
    /// XCFGSET.
    XCFGSET_MAXSIZE_TWICE = "ERR IDMP-MAXSIZE specified multiple times";
    /// HIMPORT.
    HIMPORT_DUPLICATE = "ERR duplicate field name in fieldset";
    /// HIMPORT.
    HIMPORT_NO_FIELDSET = "ERR no such fieldset";
    /// HIMPORT.
    HIMPORT_COUNT = "ERR value count does not match fieldset field count";
    /// CLIENT IMPORT-SOURCE.
    NOT_IN_IMPORT_MODE = "ERR Server is not in import mode";
    /// XREAD of `+`.
    LAST_ENTRY_ZERO = "ERR the stream last element ID is 0-0";
    /// XGROUP CREATE.
    BUSY_GROUP = "BUSYGROUP Consumer Group name already exists";
    /// XGROUP.
    XGROUP_NO_KEY = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically.";
    /// XGROUP CREATE, XGROUP SETID.
    ENTRIES_READ = "ERR value for ENTRIESREAD must be positive or -1";
    /// XSETID.
    XSETID_SMALLER = "ERR The ID specified in XSETID is smaller than the target stream top item";
    /// XSETID.
    XSETID_ADDED_NEGATIVE = "ERR entries_added must be positive";
    /// XSETID.
    XSETID_ADDED_SMALLER = "ERR The entries_added specified in XSETID is smaller than the target stream length";
    /// XSETID.
    XSETID_DELETED_GIVEN = "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id";
    /// XSETID.
    XSETID_DELETED = "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id";
    /// XCLAIM.
    XCLAIM_MIN_IDLE = "ERR Invalid min-idle-time argument for XCLAIM";
    /// XCLAIM.
    XCLAIM_IDLE = "ERR Invalid IDLE option argument for XCLAIM";
    /// XCLAIM.
    XCLAIM_TIME = "ERR Invalid TIME option argument for XCLAIM";
    /// XCLAIM.
    XCLAIM_RETRYCOUNT = "ERR Invalid RETRYCOUNT option argument for XCLAIM";
    /// XAUTOCLAIM.
    XAUTOCLAIM_MIN_IDLE = "ERR Invalid min-idle-time argument for XAUTOCLAIM";
    /// XAUTOCLAIM.
    XAUTOCLAIM_COUNT = "ERR COUNT must be > 0";
    /// XDELEX, XACKDEL.
    IDS_MISSING = "ERR IDS option is required";
    /// XDELEX, XACKDEL.
    IDS_NOT_POSITIVE = "ERR Number of IDs must be a positive integer";
    /// XDELEX, XACKDEL.
    IDS_MISMATCH = "ERR The `numids` parameter must match the number of arguments";

    // --- HyperLogLogs ---
    /// PFADD and the like, on another string.
    NOT_HLL = "WRONGTYPE Key is not a valid HyperLogLog string value.";
    /// PFADD and the like, on a broken one.
    HLL_CORRUPT = "INVALIDOBJ Corrupted HLL object detected";
    /// PFDEBUG.
    HLL_NO_KEY = "ERR The specified key does not exist";
    /// PFDEBUG DECODE.
    HLL_NOT_SPARSE = "ERR HLL encoding is not sparse";
}

/// Texts with something in them.
impl CommandError {
    /// The number of arguments does not fit. `name` in lower case, a subcommand as `config|get`.
    pub fn wrong_arity(name: &str) -> CommandError {
        let name = name.as_bytes();
        CommandError::concat(&[b"ERR wrong number of arguments for '", name, b"' command"])
    }

    /// There is no command `args[0]`. Echoes the name and the arguments, each up to 128 bytes in all.
    pub fn unknown_command(args: Args<'_>) -> CommandError {
        let name = args.get(0).unwrap_or_default();
        let mut text = b"ERR unknown command '".to_vec();
        text.extend_from_slice(echo(name, ERROR_ECHO_BYTES_MAX));
        text.extend_from_slice(b"', with args beginning with: ");
        let start = text.len();
        for arg in args.from(1) {
            let used = text.len() - start;
            if used >= ERROR_ECHO_BYTES_MAX {
                break;
            }
            text.push(b'\'');
            text.extend_from_slice(echo(arg, ERROR_ECHO_BYTES_MAX - used));
            text.extend_from_slice(b"' ");
        }
        CommandError::owned(text)
    }

    /// HEXPIRE, HGETEX, HSETEX: an option they do not have.
    pub fn unknown_argument(argument: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR unknown argument: ",
            echo(argument, ERROR_ECHO_BYTES_MAX),
        ])
    }

    /// There is no such subcommand; `container` is printed in upper case.
    pub fn unknown_subcommand(container: &str, subcommand: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR unknown subcommand '",
            echo(subcommand, ERROR_ECHO_BYTES_MAX),
            b"'. Try ",
            container.to_ascii_uppercase().as_bytes(),
            b" HELP.",
        ])
    }

    /// For containers of the old style (DEBUG, OBJECT): subcommand and arity are one error.
    pub fn unknown_subcommand_or_arity(container: &str, subcommand: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR unknown subcommand or wrong number of arguments for '",
            echo(subcommand, ERROR_ECHO_BYTES_MAX),
            b"'. Try ",
            container.to_ascii_uppercase().as_bytes(),
            b" HELP.",
        ])
    }

    /// A TTL that is not positive, or whose end overflows. `name` in lower case.
    pub fn invalid_expire(name: &str) -> CommandError {
        let name = name.as_bytes();
        CommandError::concat(&[b"ERR invalid expire time in '", name, b"' command"])
    }

    /// An integer outside of `min..=max`.
    pub fn not_between(min: i64, max: i64) -> CommandError {
        CommandError::owned(format!(
            "ERR value is out of range, value must between {min} and {max}"
        ))
    }

    /// EXPIRE and its kin.
    pub fn unsupported_option(option: &[u8]) -> CommandError {
        CommandError::concat(&[b"ERR Unsupported option ", echo(option, usize::MAX)])
    }

    /// SCAN .. TYPE.
    pub fn unknown_type_name(name: &[u8]) -> CommandError {
        CommandError::concat(&[b"ERR unknown type name '", echo(name, usize::MAX), b"'"])
    }

    /// ZUNION and its kin without keys. `name` in lower case.
    pub fn no_input_keys(name: &str) -> CommandError {
        let name = name.as_bytes();
        CommandError::concat(&[
            b"ERR at least 1 input key is needed for '",
            name,
            b"' command",
        ])
    }

    /// A position outside of what a Geohash can say.
    pub fn invalid_position(longitude: f64, latitude: f64) -> CommandError {
        CommandError::owned(format!(
            "ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"
        ))
    }

    /// GEOSEARCH without the one option, or the other. `command` as the client wrote it.
    pub fn exactly_one_of(options: &str, command: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR exactly one of ",
            options.as_bytes(),
            b" can be specified for ",
            echo(command, ERROR_ECHO_BYTES_MAX),
        ])
    }

    /// EXEC that was refused as a whole; `reason` is the text of the error, code included.
    pub fn exec_abort(reason: &[u8]) -> CommandError {
        CommandError::concat(&[b"EXECABORT Transaction discarded because of: ", reason])
    }

    /// ACL: the user may not run the command. `command` in lower case, a subcommand as `config|get`.
    pub fn no_perm_command(user: &[u8], command: &str) -> CommandError {
        let command = command.as_bytes();
        CommandError::concat(&[
            b"NOPERM User ",
            echo(user, usize::MAX),
            b" has no permissions to run the '",
            command,
            b"' command",
        ])
    }

    /// ACL SETUSER: a rule that cannot be applied.
    pub fn acl_modifier(rule: &[u8], reason: &str) -> CommandError {
        CommandError::concat(&[
            b"ERR Error in ACL SETUSER modifier '",
            echo(rule, usize::MAX),
            b"': ",
            reason.as_bytes(),
        ])
    }

    /// ACL SETUSER: a selector that is not closed.
    pub fn acl_parenthesis(rule: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR Unmatched parenthesis in acl selector starting at '",
            echo(rule, usize::MAX),
            b"'.",
        ])
    }

    /// ACL CAT.
    pub fn unknown_category(name: &[u8]) -> CommandError {
        let name = echo(name, ERROR_ECHO_BYTES_MAX);
        CommandError::concat(&[b"ERR Unknown category '", name, b"'"])
    }

    /// ACL DRYRUN.
    pub fn user_not_found(name: &[u8]) -> CommandError {
        CommandError::concat(&[b"ERR User '", echo(name, usize::MAX), b"' not found"])
    }

    /// ACL DRYRUN.
    pub fn command_not_found(name: &[u8]) -> CommandError {
        CommandError::concat(&[b"ERR Command '", echo(name, usize::MAX), b"' not found"])
    }

    /// EXEC, in place of a command that was queued before the ACL rules changed.
    pub fn acl_changed(reason: &str) -> CommandError {
        CommandError::owned(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. \
             This command is no longer allowed for the following reason: {reason}"
        ))
    }

    /// A RESP2 client that has subscriptions may only do so much. `command` in lower case.
    pub fn subscribed_context(command: &str) -> CommandError {
        let command = command.as_bytes();
        CommandError::concat(&[
            b"ERR Can't execute '",
            command,
            b"': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
        ])
    }

    /// After a failed write of the AOF; `reason` is the operating system's.
    pub fn misconf_aof(reason: &str) -> CommandError {
        CommandError::concat(&[
            b"MISCONF Errors writing to the AOF file: ",
            reason.as_bytes(),
        ])
    }

    /// As that, of a script that says that it may write.
    pub fn misconf_aof_script(reason: &str) -> CommandError {
        CommandError::concat(&[
            b"MISCONF Redis is configured to persist data to AOF, but it's currently unable to persist to disk. \
              Writable scripts are blocked. Use 'no-writes' flag for read only scripts. AOF error: ",
            reason.as_bytes(),
        ])
    }

    /// XREAD, XREADGROUP. `name` in lower case.
    pub fn unbalanced_streams(name: &str, id: char) -> CommandError {
        CommandError::owned(format!(
            "ERR Unbalanced '{name}' list of streams: for each stream key an ID or '{id}' must be specified."
        ))
    }

    /// XGROUP, XINFO CONSUMERS.
    pub fn no_group_for_key(group: &[u8], key: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"NOGROUP No such consumer group '",
            echo(group, usize::MAX),
            b"' for key name '",
            echo(key, usize::MAX),
            b"'",
        ])
    }

    /// XPENDING, XCLAIM, XAUTOCLAIM.
    pub fn no_key_or_group(key: &[u8], group: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"NOGROUP No such key '",
            echo(key, usize::MAX),
            b"' or consumer group '",
            echo(group, usize::MAX),
            b"'",
        ])
    }

    /// XREADGROUP.
    pub fn no_group_to_read(key: &[u8], group: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"NOGROUP No such key '",
            echo(key, usize::MAX),
            b"' or consumer group '",
            echo(group, usize::MAX),
            b"' in XREADGROUP with GROUP option",
        ])
    }

    /// XCLAIM.
    pub fn xclaim_option(option: &[u8]) -> CommandError {
        let option = echo(option, usize::MAX);
        CommandError::concat(&[b"ERR Unrecognized XCLAIM option '", option, b"'"])
    }

    /// XNACK.
    pub fn xnack_option(option: &[u8]) -> CommandError {
        let option = echo(option, usize::MAX);
        CommandError::concat(&[b"ERR Unrecognized XNACK option '", option, b"'"])
    }

    /// PFDEBUG.
    pub fn pfdebug_unknown(subcommand: &[u8]) -> CommandError {
        let subcommand = echo(subcommand, usize::MAX);
        CommandError::concat(&[b"ERR Unknown PFDEBUG subcommand '", subcommand, b"'"])
    }

    /// HELLO.
    pub fn hello_option(option: &[u8]) -> CommandError {
        let option = echo(option, usize::MAX);
        CommandError::concat(&[b"ERR Syntax error in HELLO option '", option, b"'"])
    }

    /// CLIENT SETINFO with a value that is not a plain word.
    pub fn client_attribute(attribute: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR ",
            echo(attribute, usize::MAX),
            b" cannot contain spaces, newlines or special characters.",
        ])
    }

    /// CLIENT SETINFO with another attribute than LIB-NAME and LIB-VER.
    pub fn unrecognized_option(option: &[u8]) -> CommandError {
        CommandError::concat(&[b"ERR Unrecognized option '", echo(option, usize::MAX), b"'"])
    }

    /// CLIENT LIST, CLIENT KILL.
    pub fn unknown_client_type(name: &[u8]) -> CommandError {
        CommandError::concat(&[b"ERR Unknown client type '", echo(name, usize::MAX), b"'"])
    }

    /// CLIENT KILL USER.
    pub fn no_such_user(name: &[u8]) -> CommandError {
        CommandError::concat(&[b"ERR No such user '", echo(name, usize::MAX), b"'"])
    }

    /// CLIENT TRACKING .. PREFIX, of two in one call.
    pub fn prefixes_overlap(prefix: &[u8], other: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR Prefix '",
            echo(prefix, usize::MAX),
            b"' overlaps with another provided prefix '",
            echo(other, usize::MAX),
            b"'. Prefixes for a single client must not overlap.",
        ])
    }

    /// CLIENT TRACKING .. PREFIX.
    pub fn prefix_overlaps(prefix: &[u8], existing: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR Prefix '",
            echo(prefix, usize::MAX),
            b"' overlaps with an existing prefix '",
            echo(existing, usize::MAX),
            b"'. Prefixes for a single client must not overlap.",
        ])
    }

    /// CONFIG SET of a name that is not a setting.
    pub fn unknown_config(name: &[u8]) -> CommandError {
        CommandError::concat(&[
            b"ERR Unknown option or number of arguments for CONFIG SET - '",
            echo(name, usize::MAX),
            b"'",
        ])
    }

    /// CONFIG SET of a value that does not do.
    pub fn config_set_failed(name: &[u8], detail: Option<&str>) -> CommandError {
        let mut text = b"ERR CONFIG SET failed (possibly related to argument '".to_vec();
        text.extend_from_slice(echo(name, usize::MAX));
        text.extend_from_slice(b"')");
        if let Some(detail) = detail {
            text.extend_from_slice(b" - ");
            text.extend_from_slice(detail.as_bytes());
        }
        CommandError::owned(text)
    }

    /// CONFIG REWRITE; `reason` is the operating system's.
    pub fn config_rewrite(reason: &str) -> CommandError {
        CommandError::concat(&[b"ERR Rewriting config file: ", reason.as_bytes()])
    }

    /// Cluster redirection for good.
    pub fn moved(slot: u16, endpoint: &str) -> CommandError {
        CommandError::owned(format!("MOVED {slot} {endpoint}"))
    }

    /// Cluster redirection of one request.
    pub fn ask(slot: u16, endpoint: &str) -> CommandError {
        CommandError::owned(format!("ASK {slot} {endpoint}"))
    }
}

/// As much of the client's bytes as an error repeats: at most `len_max`, and only up to a zero byte, as clients know it
/// from servers written in C.
fn echo(bytes: &[u8], len_max: usize) -> &[u8] {
    let bytes = &bytes[..bytes.len().min(len_max)];
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::OwnedArgs;

    #[test]
    fn fixed_texts_have_a_code_and_one_line() {
        for (name, error) in FIXED {
            let code = error.code();
            assert!(
                code.bytes().all(|byte| byte.is_ascii_uppercase()),
                "{name}: {code}"
            );
            assert!(code.len() < error.text().len(), "{name}");
            assert!(!error.text().iter().any(u8::is_ascii_control), "{name}");
            let twins = FIXED.iter().filter(|(_, other)| other == error).count();
            assert_eq!(twins, 1, "{name} is declared twice");
        }
        assert_eq!(CommandError::WRONG_TYPE.code(), "WRONGTYPE");
        assert_eq!(CommandError::SYNTAX.to_string(), "ERR syntax error");
    }

    fn unknown(args: &[&[u8]]) -> String {
        let args: OwnedArgs = args.iter().collect();
        CommandError::unknown_command(args.as_args()).to_string()
    }

    #[test]
    fn unknown_commands_are_echoed_in_part() {
        assert_eq!(
            unknown(&[b"foo"]),
            "ERR unknown command 'foo', with args beginning with: "
        );
        assert_eq!(
            unknown(&[b"foo", b"a", b"b\r\nc", b"x\0y"]),
            "ERR unknown command 'foo', with args beginning with: 'a' 'b  c' 'x' "
        );
        let long = [b'z'; 300];
        let echoed = "z".repeat(128);
        assert_eq!(
            unknown(&[&long, &long, &long]),
            format!("ERR unknown command '{echoed}', with args beginning with: '{echoed}' ")
        );
        let first = "y".repeat(100);
        assert_eq!(
            unknown(&[b"foo", first.as_bytes(), &long, &long]),
            format!(
                "ERR unknown command 'foo', with args beginning with: '{first}' '{}' ",
                "z".repeat(128 - 103)
            )
        );
    }

    #[test]
    fn what_clients_send_cannot_break_the_line() {
        let error = CommandError::unknown_subcommand("config", b"a\r\n+OK\r\n");
        assert_eq!(
            error.to_string(),
            "ERR unknown subcommand 'a  +OK  '. Try CONFIG HELP."
        );
        assert_eq!(CommandError::owned("ERR a\nb\r\n").text(), b"ERR a b");
    }

    #[test]
    fn texts_with_variables() {
        for (error, text) in [
            (
                CommandError::wrong_arity("config|get"),
                "ERR wrong number of arguments for 'config|get' command",
            ),
            (
                CommandError::invalid_expire("set"),
                "ERR invalid expire time in 'set' command",
            ),
            (
                CommandError::not_between(-1, 5),
                "ERR value is out of range, value must between -1 and 5",
            ),
            (
                CommandError::exec_abort(CommandError::READ_ONLY.text()),
                "EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.",
            ),
            (
                CommandError::moved(12182, "10.0.0.1:7000"),
                "MOVED 12182 10.0.0.1:7000",
            ),
            (
                CommandError::config_set_failed(b"x", Some("can't set immutable config")),
                "ERR CONFIG SET failed (possibly related to argument 'x') - can't set immutable config",
            ),
            (
                CommandError::no_perm_command(b"bob", "get"),
                "NOPERM User bob has no permissions to run the 'get' command",
            ),
        ] {
            assert_eq!(error.to_string(), text);
        }
    }
}
