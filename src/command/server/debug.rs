//! DEBUG: levers for test suites, behind `enable-debug-command`.
//!
//! Subcommands are of the old style: one row of the table, told apart here. Of those that test suites use, three kinds
//! are not done: what needs a part that does not exist yet (REPLICATE) answers an error; what starts the server
//! anew (RESTART, CRASH-AND-RECOVER) is refused; and what turns a mechanism on or off that has no counterpart here is accepted, with the
//! reason beside it (`accepted`).

use super::Result;
use super::config;
use super::digest::{self, Digest, digest_of};
use super::fields;
use crate::base::time::Millis;
use crate::base::{I64Buf, Rng, glob_match, key_slot, parse_f64, parse_i64};
use crate::command::client::on_all;
use crate::command::ctx::{Core, Ctx, Flow, Gather, HomeCtx, Load, Save};
use crate::command::generic::object::references;
use crate::command::introspect::reply_help;
use crate::command::persistence;
use crate::config::{Allow, Config, MemoryOrPercent, parse_memory};
use crate::keyspace::{Db, Expiry, StoreSet, StrInput, StrRef, Ttl, ValueRef};
use crate::persist::serialized_len;
use crate::resp::{Args, CommandError, Reply};
use crate::session::Session;
use crate::types::{Chunk, Collection, List};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Dispatches on the word after DEBUG.
pub fn debug(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let allowed = match cx.config.enable_debug_command {
        Allow::Yes => true,
        Allow::Local => is_local(cx.session),
        Allow::No => false,
    };
    if !allowed {
        return Err(CommandError::DEBUG_NOT_ALLOWED);
    }
    let word = args.arg(1).to_ascii_lowercase();
    match (word.as_slice(), args.len()) {
        (b"help", 2) => help(&mut cx.reply),
        (b"sleep", 3) => return sleep(args.arg(2)),
        (b"set-active-expire", 3) => {
            let on = parse_i64(args.arg(2)).is_some_and(|number| number != 0);
            return Ok(on_all(move |core| core.set_active_expire(on)));
        }
        (b"object", 3 | 4) => return Ok(Flow::AtKey(2, object)),
        (b"sdslen", 3) => return Ok(Flow::AtKey(2, sdslen)),
        (b"listpack", 3) => return Ok(Flow::AtKey(2, listpack)),
        (b"quicklist", 3 | 4) => return Ok(Flow::AtKey(2, quicklist)),
        (b"htstats-key", 3 | 4) => return Ok(Flow::AtKey(2, htstats_key)),
        (b"htstats", 3 | 4) => htstats(cx, args.arg(2))?,
        (b"stringmatch-len", 4) => {
            let matches = glob_match(args.arg(2), args.arg(3), false);
            cx.reply.integer(i64::from(matches));
        }
        (b"stringmatch-test", 2) => {
            stringmatch_test(cx.now.us);
            cx.reply
                .simple("Apparently Redis did not crash: test passed");
        }
        (b"change-repl-id", 2) => {
            let changes = &cx.server.process.replid_changes;
            changes.fetch_add(1, Ordering::Relaxed);
            cx.reply.ok();
        }
        (b"digest", 2) => return Ok(digest(cx.now.ms)),
        (b"digest-value", 3..) => return Ok(digest_value(cx, args)),
        (b"set-disable-deny-scripts", 3) => {
            let on = parse_i64(args.arg(2)).is_some_and(|number| number != 0);
            cx.server.scripts.deny_nothing(on);
            cx.reply.ok();
        }
        // What was asked for is no failure.
        (b"error", 3) => cx.reply.error(&CommandError::owned(args.arg(2))),
        (b"protocol", 3) => protocol(&mut cx.reply, args.arg(2))?,
        (b"populate", 3..=5) => return populate(cx, args),
        (b"pause-cron", 3) => {
            let on = parse_i64(args.arg(2)).is_some_and(|number| number != 0);
            let is_paused = &cx.server.process.is_cron_paused;
            is_paused.store(on, Ordering::SeqCst);
            cx.reply.ok();
        }
        (b"set-skip-checksum-validation", 3) => {
            let on = parse_i64(args.arg(2)).is_some_and(|number| number != 0);
            cx.server.process.disk.set_skips_checksums(on);
            cx.reply.ok();
        }
        (b"hold-sync", 3) => {
            let on = parse_i64(args.arg(2)).is_some_and(|number| number != 0);
            cx.server.process.disk.set_holds_syncs(on);
            cx.reply.ok();
        }
        (b"fail-snapshot", 2) => return Ok(Flow::Save(Save::Fail)),
        (b"log", 3) => {
            let message = String::from_utf8_lossy(args.arg(2));
            tracing::warn!("DEBUG LOG: {message}");
            cx.reply.ok();
        }
        (b"segfault", 2) => return Ok(Flow::Crash),
        (b"panic", 2) => panic!("called by Unit Test"),
        (b"assert", 2..) => assert!(
            args.len() == 1,
            "ASSERTION FAILED, as DEBUG ASSERT asks for"
        ),
        // The answer to memory that is not to be had is that of the allocator: the process ends.
        (b"oom", 2) => drop(Vec::<u8>::with_capacity(isize::MAX as usize)),
        (b"leak", 3) => {
            Vec::leak(args.arg(2).to_vec());
            cx.reply.ok();
        }
        (b"restart" | b"crash-and-recover", _) => return Err(refused(args.arg(1), "refused")),
        (b"reload", _) => return reload(cx, args),
        (b"loadaof", 2) => return Ok(Flow::Load(Load::AppendOnly)),
        (b"config-rewrite-force-all", 2) => return config::rewrite_all(cx),
        (b"replicate", _) => {
            return Err(refused(args.arg(1), "not supported yet"));
        }
        // A list's long elements have nodes of their own by the size of nodes; there is no other bound.
        (b"quicklist-packed-threshold", 3) => {
            let bytes = parse_memory(args.arg(2)).filter(|bytes| *bytes <= PACKED_THRESHOLD_MAX);
            bytes.ok_or(CommandError::fixed(
                "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
            ))?;
            cx.reply.ok();
        }
        (b"structsize", 2) => cx.reply.bulk(STRUCT_SIZES.as_bytes()),
        (b"client-eviction", 2) => return client_eviction(cx),
        // The allocator has no settings that can be looked at by name.
        (b"mallctl" | b"mallctl-str", 3..) => {
            return Err(CommandError::fixed("ERR No such file or directory"));
        }
        (word, count) if accepted(word, count) => cx.reply.ok(),
        _ => {
            return Err(CommandError::unknown_subcommand_or_arity(
                "DEBUG",
                args.arg(1),
            ));
        }
    }
    Ok(Flow::Done)
}

/// Whether a client is on this machine.
fn is_local(session: &Session) -> bool {
    session.unix || session.addr.starts_with("127.") || session.addr.starts_with("[::1]")
}

fn refused(word: &[u8], why: &str) -> CommandError {
    let word = String::from_utf8_lossy(word).to_ascii_uppercase();
    CommandError::owned(format!("ERR DEBUG {word} is {why}"))
}

/// Sizes of Redis' own structures on a machine of 64 bits, for those who compute with them.
const STRUCT_SIZES: &str =
    "bits:64 robj:16 dictentry:24 sdshdr5:1 sdshdr8:3 sdshdr16:5 sdshdr32:9 sdshdr64:17 ";

/// Clients by the memory they hold, in classes of powers of two: the first ends here, the last begins there.
const CLIENT_CLASS_MIN_LOG: usize = 15;
const CLIENT_CLASS_MAX_LOG: usize = 33;

/// How many clients there are of each class that `maxmemory-clients` picks from, and what they hold.
fn client_eviction(cx: &mut HomeCtx<'_>) -> Result {
    let limit = cx.config.maxmemory_clients;
    if matches!(
        limit,
        MemoryOrPercent::Bytes(0) | MemoryOrPercent::Percent(0)
    ) {
        return Err(CommandError::fixed("ERR maxmemory-clients is disabled."));
    }
    Ok(Flow::Gather(Gather::new(
        |core| {
            let mut held = Vec::new();
            core.clients(&mut |client| held.push(client.memory));
            held
        },
        |cores: Vec<Vec<usize>>, reply| {
            let mut classes = [(0_usize, 0_usize); CLIENT_CLASS_MAX_LOG - CLIENT_CLASS_MIN_LOG + 1];
            for bytes in cores.into_iter().flatten() {
                let log = bytes.max(1).ilog2() as usize + 1;
                let class =
                    log.clamp(CLIENT_CLASS_MIN_LOG, CLIENT_CLASS_MAX_LOG) - CLIENT_CLASS_MIN_LOG;
                classes[class].0 += bytes;
                classes[class].1 += 1;
            }
            let last = classes.len() - 1;
            let mut text = String::new();
            for (class, (bytes, clients)) in classes.into_iter().enumerate() {
                let from = if class == 0 {
                    0
                } else {
                    1_u64 << (CLIENT_CLASS_MIN_LOG + class - 1)
                };
                let to = match class == last {
                    true => "+            : ".to_owned(),
                    false => format!(" - {:>10}: ", (1_u64 << (CLIENT_CLASS_MIN_LOG + class)) - 1),
                };
                text.push_str(&format!(
                    "bucket {from:>10}{to}tot-mem: {bytes:>10}, clients: {clients}\n"
                ));
            }
            reply.verbatim("txt", text.as_bytes());
        },
    )))
}

/// The largest threshold that Redis takes: a megabyte below four gigabytes.
const PACKED_THRESHOLD_MAX: u64 = (4 << 30) - (1 << 20);

/// Levers of mechanisms that this server does not have, so that either position is the one it is in.
fn accepted(word: &[u8], count: usize) -> bool {
    match (word, count) {
        // Replies go to a buffer that grows and is handed to the kernel whole; there is no fixed one to resize.
        (b"replybuffer", 4) => true,
        // The index grows by a segment at a time: there is no resize to put off.
        (b"dict-resizing", 3) => true,
        // A sleep in the thread that writes the file would hold up nobody.
        (b"aof-flush-sleep", 3) => true,
        _ => false,
    }
}

/// Stops all cores for some seconds, fractions allowed.
fn sleep(seconds: &[u8]) -> Result {
    let seconds = parse_f64(seconds).unwrap_or(0.0).clamp(0.0, 1e6);
    let micros = (seconds * 1e6) as u64;
    Ok(on_all(move |core| core.freeze(micros)))
}

/// The RDB file is written, unless there is to be none, and read.
fn reload(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let (mut flush, mut merge, mut save) = (true, false, true);
    for word in args.from(2) {
        if word.eq_ignore_ascii_case(b"NOFLUSH") {
            flush = false;
        } else if word.eq_ignore_ascii_case(b"MERGE") {
            merge = true;
        } else if word.eq_ignore_ascii_case(b"NOSAVE") {
            save = false;
        } else {
            return Err(CommandError::RELOAD_OPTIONS);
        }
    }
    if save && !flush && !merge && !cx.server.scripts.functions().is_empty() {
        // The file has them too, and they are there already.
        return Err(CommandError::RELOAD_FAILED);
    }
    let flush = flush && !merge;
    Ok(Flow::Load(match (save, flush) {
        (true, true) => Load::Saved,
        (true, false) => Load::SavedInto,
        (false, true) => Load::Snapshot,
        (false, false) => Load::SnapshotInto,
    }))
}

/// DEBUG RELOAD in a transaction, which cannot wait for a file: every core writes its keys down as a file has them, and
/// reads them back.
pub fn reload_here(config: &Arc<Config>, flush: bool) -> Gather {
    let config = Arc::clone(config);
    Gather::new(
        move |core| persistence::reload(core, &config, flush),
        |results: Vec<_>, reply| match results.into_iter().find_map(std::result::Result::err) {
            None => reply.ok(),
            Some(why) => {
                tracing::warn!("DEBUG RELOAD: {why}");
                reply.error(&CommandError::RELOAD_FAILED);
            }
        },
    )
}

fn object(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(2);
    // What has expired and was not noticed is shown as well.
    cx.db.set_expiry_rule(Expiry::Ignore);
    let Some(encoding) = cx.db.encoding_name(key) else {
        return Err(CommandError::NO_SUCH_KEY);
    };
    let idle_s = cx.db.idle_secs(key).unwrap_or_default() as i64;
    let Some(value) = cx.db.peek(key) else {
        return Err(CommandError::NO_SUCH_KEY);
    };
    let address = match value {
        ValueRef::Str(StrRef::Bytes(bytes)) => bytes.as_ptr().addr(),
        ValueRef::Str(StrRef::Shared(shared)) => shared.as_ptr().addr(),
        // Part of the entry.
        ValueRef::Str(StrRef::Int(_)) => 0,
        ValueRef::Collection(collection) => std::ptr::from_ref(collection).addr(),
    };
    let serialized = serialized_len(value, cx.config.rdbcompression);
    let lru = fields::lru_clock(cx.now.seconds() - idle_s);
    let references = references(value, cx.config);
    let nodes = match value {
        ValueRef::Collection(Collection::List(list)) if encoding == "quicklist" => {
            nodes_of(list, cx.config)
        }
        _ => String::new(),
    };
    cx.reply.simple(&format!(
        "Value at:{address:#x} refcount:{references} encoding:{encoding} serializedlength:{serialized} lru:{lru} \
         lru_seconds_idle:{idle_s}{nodes}"
    ));
    Ok(Flow::Done)
}

/// Of what a large list is made up.
fn nodes_of(list: &List, config: &Config) -> String {
    let bytes = list.chunks().map(|chunk| match chunk {
        Chunk::Packed(bytes) | Chunk::Plain(bytes) => bytes.len(),
    });
    let (nodes, bytes) = bytes.fold((0_usize, 0), |(nodes, sum), bytes| (nodes + 1, sum + bytes));
    format!(
        " ql_nodes:{nodes} ql_avg_node:{:.2} ql_listpack_max:{} ql_compressed:{} ql_uncompressed_size:{bytes}",
        list.len() as f64 / nodes.max(1) as f64,
        config.list_max_listpack_size,
        u8::from(config.list_compress_depth != 0),
    )
}

fn sdslen(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let key = args.arg(2);
    let memory = cx.db.memory_of(key).unwrap_or_default();
    let len = match cx.db.peek(key) {
        None => return Err(CommandError::NO_SUCH_KEY),
        Some(ValueRef::Str(StrRef::Bytes(bytes))) => bytes.len(),
        Some(ValueRef::Str(StrRef::Shared(shared))) => shared.len(),
        Some(_) => return Err(CommandError::fixed("ERR Not an sds encoded string.")),
    };
    // Texts have no slack here, and key and value mostly one allocation.
    cx.reply.simple(&format!(
        "key_sds_len:{}, key_sds_avail:0, key_zmalloc: {}, val_sds_len:{len}, val_sds_avail:0, val_zmalloc: {}",
        key.len(),
        key.len(),
        memory.saturating_sub(key.len()),
    ));
    Ok(Flow::Done)
}

/// These print nothing: what matters to their callers is whether the value is in the encoding at all.
fn listpack(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let error = CommandError::fixed("ERR Not a listpack encoded object.");
    require(cx, args, &["listpack", "listpackex"], error)?;
    cx.reply.simple("Listpack structure printed on stdout");
    Ok(Flow::Done)
}

fn quicklist(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let error = CommandError::fixed("ERR Not a quicklist encoded object.");
    require(cx, args, &["quicklist"], error)?;
    cx.reply.simple("Quicklist structure printed on stdout");
    Ok(Flow::Done)
}

fn htstats_key(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let error = CommandError::fixed(
        "ERR The value stored at the specified key is not represented using an hash table",
    );
    require(cx, args, &["hashtable", "skiplist"], error)?;
    let len = match cx.db.peek(args.arg(2)) {
        Some(ValueRef::Collection(collection)) => collection.len(),
        Some(ValueRef::Str(_)) | None => 0,
    };
    let text = format!("[Dictionary HT]\nnumber of elements: {len}\n");
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// An error unless the value is there and in one of these encodings.
fn require(
    cx: &mut Ctx<'_>,
    args: Args<'_>,
    encodings: &[&str],
    error: CommandError,
) -> Result<()> {
    match cx.db.encoding_name(args.arg(2)) {
        None => Err(CommandError::NO_SUCH_KEY),
        Some(name) if encodings.contains(&name) => Ok(()),
        Some(_) => Err(error),
    }
}

/// The index of one database, shard by shard.
fn htstats(cx: &mut HomeCtx<'_>, index: &[u8]) -> Result<()> {
    let index = parse_i64(index).ok_or(CommandError::NOT_INTEGER)?;
    if !(0..cx.config.databases).contains(&index) {
        return Err(CommandError::fixed("ERR Out of range database"));
    }
    let mut text = String::from("[Dictionary HT]\n");
    for (shard, core) in cx.server.cores.iter().enumerate() {
        let db = &core.store.dbs()[index as usize];
        let (keys, expires) = (db.keys.get(), db.expires.get());
        text.push_str(&format!(
            "Shard {shard}: number of elements: {keys}, with expiry: {expires}\n"
        ));
    }
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// Matches random texts against random patterns: it must end and not panic.
fn stringmatch_test(seed: i64) {
    const LETTERS: &[u8] = b"*?[]^-\\ab";
    let mut rng = Rng::new(seed.cast_unsigned());
    let mut word = || -> Vec<u8> {
        let len = rng.index(20);
        (0..len)
            .map(|_| LETTERS[rng.index(LETTERS.len())])
            .collect()
    };
    for _ in 0..10_000 {
        let (pattern, text) = (word(), word());
        glob_match(&pattern, &text, false);
    }
}

/// One number over all keys of all databases.
fn digest(now: Millis) -> Flow {
    Flow::Gather(Gather::new(
        move |core: &mut dyn Core| digest::of_databases(core.store(), now),
        |parts, reply| reply.simple(&digest::of_all(&parts).to_string()),
    ))
}

/// One number for each key's value; zero for a key that does not exist.
fn digest_value(cx: &HomeCtx<'_>, args: Args<'_>) -> Flow {
    let (index, now) = (cx.session.db, cx.now.ms);
    let keys: Vec<Vec<u8>> = args.from(2).iter().map(<[u8]>::to_vec).collect();
    let count = keys.len();
    Flow::Gather(Gather::new(
        move |core: &mut dyn Core| {
            let slots = core.store().slots();
            let mut db = Db::new(StoreSet::One(core.store()), index, now);
            let mut digest = |key: &Vec<u8>| match slots.contains(&key_slot(key).0) {
                true => digest_of(&mut db, key),
                false => Digest::default(),
            };
            keys.iter().map(&mut digest).collect::<Vec<Digest>>()
        },
        move |parts: Vec<Vec<Digest>>, reply| {
            reply.array(count);
            for at in 0..count {
                let mut digest = Digest::default();
                parts.iter().for_each(|part| digest.combine(part[at]));
                reply.simple(&digest.to_string());
            }
        },
    ))
}

/// Creates `prefix:0`, `prefix:1` and so on where they do not exist, each shard its own.
fn populate(cx: &HomeCtx<'_>, args: Args<'_>) -> Result {
    let number = |text| parse_i64(text).filter(|number| *number >= 0);
    let count = number(args.arg(2)).ok_or(CommandError::NOT_POSITIVE)?;
    let prefix = args.get(3).unwrap_or(b"key").to_vec();
    let size = match args.get(4) {
        None => None,
        Some(text) => Some(number(text).ok_or(CommandError::NOT_POSITIVE)? as usize),
    };
    let (index, now) = (cx.session.db, cx.now.ms);
    Ok(on_all(move |core| {
        let slots = core.store().slots();
        let mut db = Db::new(StoreSet::One(core.store()), index, now);
        for number in 0..count {
            let digits = I64Buf::new(number);
            let digits = digits.as_bytes();
            let key = [&prefix, &b":"[..], digits].concat();
            if !slots.contains(&key_slot(&key).0) || db.exists(&key) {
                continue;
            }
            let mut value = [&b"value:"[..], digits].concat();
            if let Some(size) = size.filter(|size| *size > 0) {
                value.resize(size, 0);
            }
            db.set_str(&key, StrInput::Bytes(&value), Ttl::Clear);
        }
    }))
}

/// A reply of each type, to test clients with.
#[expect(
    clippy::approx_constant,
    reason = "the double that clients' tests expect"
)]
fn protocol(reply: &mut Reply<'_>, kind: &[u8]) -> Result<()> {
    let kind = kind.to_ascii_lowercase();
    match kind.as_slice() {
        b"string" => reply.bulk_str("Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(3.141),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.bool(number == 1);
            }
        }
        b"attrib" => {
            if reply.attribute(1) {
                reply.bulk_str("key-popularity");
                reply.array(2);
                reply.bulk_str("key:123");
                reply.integer(90);
            }
            // An attribute is nothing without the reply it belongs to.
            reply.bulk_str("Some real reply following the attribute");
        }
        b"push" => {
            if !reply.is_resp3() {
                return Err(CommandError::fixed(
                    "ERR RESP2 is not supported by this command",
                ));
            }
            // A push answers nothing, so this command owes a reply as well. As of 7.2 that comes first.
            reply.bulk_str("Some real reply following the push reply");
            reply.push(2);
            reply.bulk_str("server-cpu-usage");
            reply.integer(42);
        }
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"bignum" => reply.bignum(b"1234567999999999999999999999999999999"),
        _ => {
            return Err(CommandError::fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

fn help(reply: &mut Reply<'_>) {
    reply_help(
        "DEBUG",
        &[
            "ASSERT",
            "    End the server as a bug in it does that it notices.",
            "CHANGE-REPL-ID",
            "    Take another replication id.",
            "CONFIG-REWRITE-FORCE-ALL",
            "    As CONFIG REWRITE, and every setting gets its line.",
            "DIGEST",
            "    One number over all keys and values; equal data have equal digests.",
            "DIGEST-VALUE <key> [<key> ...]",
            "    One number for the value of each key.",
            "ERROR <string>",
            "    Reply this error.",
            "FAIL-SNAPSHOT",
            "    Have the save or the rewrite under way fail, as if the disk had.",
            "HOLD-SYNC <0|1>",
            "    Whether no sync of the append-only file comes to its end, as if the disk stood still.",
            "HTSTATS <dbid>",
            "    The index of a database, shard by shard.",
            "LEAK <string>",
            "    Lose the memory of this string.",
            "LOG <message>",
            "    Write a message to the server's log.",
            "OBJECT <key>",
            "    How a key's value is stored.",
            "OOM",
            "    Ask for more memory than there can be; this ends the server.",
            "PANIC",
            "    End the server as ASSERT does.",
            "PAUSE-CRON <0|1>",
            "    Whether nothing is done regularly: no save points, no rewrites, no shutdown by a signal.",
            "POPULATE <count> [<prefix>] [<size>]",
            "    Create string keys <prefix>:<number> where they do not exist, <size> bytes each.",
            "PROTOCOL <type>",
            "    Reply a value of a type: string, integer, double, bignum, null, array, set, map, attrib, push,",
            "    verbatim, true or false.",
            "SDSLEN <key>",
            "    Lengths of a key and of its value.",
            "SEGFAULT",
            "    End the server by an access to memory that it does not have.",
            "SET-ACTIVE-EXPIRE <0|1>",
            "    Whether keys go when their time comes, or only when they are looked at.",
            "SET-SKIP-CHECKSUM-VALIDATION <0|1>",
            "    Whether RESTORE takes payloads with a wrong checksum.",
            "SLEEP <seconds>",
            "    Stop all shards for a while. Fractions are allowed.",
            "STRINGMATCH-LEN <pattern> <string>",
            "    Whether a glob pattern matches.",
            "STRINGMATCH-TEST",
            "    Try the matching of patterns with random input.",
        ],
        reply,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_levers_without_a_mechanism_are_accepted() {
        assert!(accepted(b"replybuffer", 4));
        assert!(!accepted(b"replybuffer", 3));
        assert!(!accepted(b"pause-cron", 3));
    }
}
