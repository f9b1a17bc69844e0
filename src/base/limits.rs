//! Named bounds, each with its reason. Whatever queues, grows or repeats on behalf of a client has its limit here.
//!
//! What an operator may change is a setting and lives in `config`; its default may still be one of these.

/// An inline request line, and a `*` or `$` header line, end within this many bytes or the connection is closed. The
/// protocol's own limit; clients and tests rely on the value.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Arguments in one request. The wire format's limit (a positive 32-bit integer), not a promise of memory: a request
/// also has to fit `REQUEST_BYTES_MAX` and the client's query buffer limit.
pub const REQUEST_ARGS_MAX: i64 = i32::MAX as i64;

/// Bytes in one request. Spans index a request with 32 bits, which halves what the parser writes per argument.
pub const REQUEST_BYTES_MAX: usize = u32::MAX as usize;

/// Arguments in one request before AUTH: enough for HELLO with all its options, too few to make us hold memory.
pub const UNAUTHENTICATED_ARGS_MAX: i64 = 10;

/// Bytes in one argument before AUTH.
pub const UNAUTHENTICATED_BULK_BYTES_MAX: i64 = 16 * 1024;

/// Default of `proto-max-bulk-len`: bytes in one argument, and in a string value grown by APPEND or SETRANGE.
pub const BULK_BYTES_MAX_DEFAULT: i64 = 512 * 1024 * 1024;

/// Default of `client-query-buffer-limit`: unparsed bytes of one client.
pub const QUERY_BUFFER_BYTES_MAX_DEFAULT: usize = 1024 * 1024 * 1024;

/// Replies at least this long borrow the value instead of copying it into the output buffer. Below, one `memcpy` is
/// cheaper than the reference count and an extra segment in the send.
pub const SHARED_REPLY_BYTES_MIN: usize = 16 * 1024;

/// How much of an unknown command's name, and how much of its arguments, the error repeats.
pub const ERROR_ECHO_BYTES_MAX: usize = 128;

/// Longest text accepted where an 80-bit float is expected.
pub const FLOAT_TEXT_BYTES_MAX: usize = 5 * 1024;

const _: () = assert!(LINE_BYTES_MAX < REQUEST_BYTES_MAX);
const _: () = assert!(UNAUTHENTICATED_ARGS_MAX < REQUEST_ARGS_MAX);

/// Commands of one core between two looks at the wall clock. Expiry is exact to what these take, some tens of us.
pub const COMMANDS_PER_CLOCK_READ: u32 = 64;

/// Distinct error codes counted for INFO errorstats; scripts can make up any number of them.
pub const ERROR_CODES: usize = 128;

/// Frames of the inbox executed in one turn before clients have their share.
pub const FRAMES_A_TURN: usize = 128;

/// An argument at least this long that is still on its way is given a buffer of its own, which a value can become. Below,
/// copying it is cheap, and values this short may be kept in other forms.
pub const APART_BYTES_MIN: usize = 32 * 1024;

/// Such a buffer may be this many times as large as what of it has arrived (and is at least `INPUT_KEPT_BYTES` large):
/// doubling would copy as much as arrives, and all of it at once is more than an announcement is worth.
pub const APART_GROWTH: usize = 16;

/// Unparsed bytes of a client that has to wait anyway, beyond which nothing more is received for it: what is on its way
/// belongs into the sockets, which nobody counts. Enough for it to go on with until more is received.
pub const INPUT_PAUSE_BYTES: usize = 64 * 1024;

/// Of the query buffer of a client that waits, so much does not count against `maxmemory`: it is there because shards wait
/// for each other, and no key has to go for that. What comes before a pause takes effect (all that the kernel has received
/// into a core's buffers until then), and room to grow, included.
pub const INPUT_UNCOUNTED_BYTES: usize = 16 * INPUT_PAUSE_BYTES;

/// A query buffer larger than this is given back when it is empty.
pub const INPUT_KEPT_BYTES: usize = 64 * 1024;

/// Unread output of a client beyond which its next command waits. Generous, because a client that sends a long
/// pipeline before it reads a single reply would otherwise wait for us while we wait for it.
pub const OUTPUT_PAUSE_BYTES: usize = 64 * 1024 * 1024;

/// Unread output of all clients, split evenly over the cores (but at least `OUTPUT_PAUSE_BYTES` each), beyond which the
/// next command of a client waits that left more than `OUTPUT_PAUSE_SHARE_BYTES` unread: many slow readers together
/// must not take all memory.
pub const OUTPUT_PAUSE_TOTAL_BYTES: usize = 512 * 1024 * 1024;

/// See `OUTPUT_PAUSE_TOTAL_BYTES`. What a client that reads leaves in its socket now and then is less.
pub const OUTPUT_PAUSE_SHARE_BYTES: usize = 1024 * 1024;

/// Unread output of a client that does not count towards `client-output-buffer-limit`: in Redis it is in a buffer that
/// every client has. The smallest limit lets small replies through.
pub const OUTPUT_UNCOUNTED_BYTES: usize = 16 * 1024;

/// How long a core that stops waits for clients to take what was written for them, none of which takes anything.
pub const FAREWELL_MS: u64 = 1000;

/// How long it waits for them if they do, but slowly.
pub const FAREWELL_MAX_MS: u64 = 10_000;

/// An output buffer larger than this is freed rather than kept for the next reply.
pub const OUTPUT_KEPT_BYTES: usize = 16 * 1024;

/// Output buffers kept by a core.
pub const OUTPUTS_KEPT: usize = 1024;

/// Bytes of a reply in which elements may come repeatedly (SRANDMEMBER and its like with a negative count): longer ones
/// are refused, as one would take all memory before the first byte of it is sent.
pub const DRAWN_BYTES_MAX: usize = 256 << 20;

/// Keys removed by one run of the expiry cycle: about 50 us.
pub const EXPIRE_BUDGET: usize = 128;

/// Time that a turn spends on freeing large values that were removed. A command that comes meanwhile waits for so long,
/// and a shard that is busy spends a third of its time on it until all is freed.
pub const FREE_BUDGET_US: u64 = 200;

/// Blocks of memory from this size on are mappings of their own (`ring/allocator.rs`): strings that are so long grow without
/// being copied, and may be freed by any thread. A copy of a megabyte takes a millisecond, mostly to fault in new pages.
pub const HUGE_BYTES_MIN: usize = 2 << 20;

/// Stack of a shard's thread. Scripts nest: patterns, JSON and calls between Lua and native code, each within a bound
/// that fits in here. Only what is used is ever there.
pub const SHARD_STACK_BYTES: usize = 16 * 1024 * 1024;

/// About what a process has allocated before it has a client or a key: the command table, settings, users, logs. Counted
/// as used memory, as Redis counts all it allocates: who sets `maxmemory` a little above that means a little room for keys.
pub const PROCESS_BYTES: usize = 512 * 1024;

/// What the inbox of a core takes with the least room it can have. Counted as used memory.
pub const INBOX_BYTES: usize = 8 * 1024;

/// Bytes of the log that are not written yet, beyond which clients' next commands wait: a disk that is too slow for the
/// writes must not take all memory.
pub const LOG_PENDING_BYTES_MAX: usize = 256 * 1024 * 1024;

/// With `appendfsync everysec`, microseconds that a sync may take before commands that write wait for its end. As in Redis,
/// where the thread that serves clients waits in a write then.
pub const SYNC_US_MAX: u64 = 2_000_000;

/// A slice of a snapshot on a core that has nothing else to do: a command that arrives meanwhile waits so long.
pub const SNAPSHOT_IDLE_US: u64 = 800;

/// A slice of a snapshot on a core that has clients to serve. After it as much time is left to them, and to whoever else
/// wants the processor, unless the snapshot holds half of what it may of what they change. With twice as much a save
/// under load took as long as one of Redis.
pub const SNAPSHOT_US: u64 = 200;

/// A core that has served nobody for so long has nothing else to do.
pub const SNAPSHOT_ALONE_US: u64 = 5_000;

/// How often a core that sleeps looks whether its snapshot can go on.
pub const SNAPSHOT_LOOK_MS: i64 = 2;

/// A snapshot may take this part of the memory in use for what changed meanwhile, beyond what was in use before, but
pub const SNAPSHOT_HELD_PART: u64 = 4;

/// at least so many bytes.
pub const SNAPSHOT_HELD_BYTES_MIN: u64 = 256 * 1024 * 1024;

/// The largest of the values that were replaced or removed does not count if it has so many bytes: one alone, which was
/// there before, is no reason to end a snapshot.
pub const SNAPSHOT_GIANT_BYTES_MIN: usize = 16 * 1024 * 1024;

/// How long writes wait at a time while a snapshot holds nearly as much as it may.
pub const SNAPSHOT_THROTTLE_MS: i64 = 2;
