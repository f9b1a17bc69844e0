//! MEMORY: what a key costs, and what memory is used for.

use super::Result;
use super::fields::{self, MemoryFigures};
use crate::base::parse_i64;
use crate::command::ctx::{Ctx, Flow, HomeCtx};
use crate::command::introspect::reply_help;
use crate::keyspace::INDEX_BYTES_MEAN;
use crate::resp::{Args, CommandError, Reply};

/// Bytes that a key and its value take; nil without the key. SAMPLES says how many elements an estimate may look at. Every
/// value knows its bytes here, so that all of them are counted and none has to be looked at.
pub fn usage(cx: &mut Ctx<'_>, args: Args<'_>) -> Result {
    let mut at = 3;
    while at < args.len() {
        let (true, Some(count)) = (args.is(at, "SAMPLES"), args.get(at + 1)) else {
            return Err(CommandError::SYNTAX);
        };
        if parse_i64(count).ok_or(CommandError::NOT_INTEGER)? < 0 {
            return Err(CommandError::SYNTAX);
        }
        at += 2;
    }
    match cx.db.memory_of(args.arg(2)) {
        Some(bytes) => cx.reply.count(bytes),
        None => cx.reply.null(),
    }
    Ok(Flow::Done)
}

/// A value of MEMORY STATS.
enum Figure {
    Integer(i64),
    Double(f64),
    /// A database with this many keys.
    Database(u64),
}

/// What memory is used for, as a map.
pub fn stats(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    use Figure::{Database, Double, Integer};
    let memory = MemoryFigures::of(cx);
    let databases: Vec<(usize, u64)> = (0..cx.config.databases as usize)
        .map(|index| (index, fields::database(cx, index).0))
        .filter(|(_, keys)| *keys > 0)
        .collect();
    let keys: u64 = databases.iter().map(|(_, keys)| keys).sum();
    let net = memory.used.saturating_sub(memory.startup);
    let bytes_per_key = net.checked_div(keys).unwrap_or(0);
    let head = [
        ("peak.allocated", Integer(memory.peak as i64)),
        ("total.allocated", Integer(memory.used as i64)),
        ("startup.allocated", Integer(memory.startup as i64)),
        ("replication.backlog", Integer(0)),
        ("clients.slaves", Integer(0)),
        ("clients.normal", Integer(memory.clients as i64)),
        ("cluster.links", Integer(0)),
        ("aof.buffer", Integer(0)),
        ("lua.caches", Integer(0)),
        ("functions.caches", Integer(0)),
    ];
    let tail = [
        ("overhead.total", Integer(memory.overhead() as i64)),
        ("keys.count", Integer(keys as i64)),
        ("keys.bytes-per-key", Integer(bytes_per_key as i64)),
        ("dataset.bytes", Integer(memory.dataset as i64)),
        ("dataset.percentage", Double(memory.dataset_percent())),
        ("peak.percentage", Double(memory.peak_percent())),
        ("allocator.allocated", Integer(memory.used as i64)),
        ("allocator.active", Integer(memory.rss as i64)),
        ("allocator.resident", Integer(memory.rss as i64)),
        (
            "allocator-fragmentation.ratio",
            Double(memory.fragmentation()),
        ),
        (
            "allocator-fragmentation.bytes",
            Integer(memory.fragmentation_bytes()),
        ),
        ("allocator-rss.ratio", Double(1.0)),
        ("allocator-rss.bytes", Integer(0)),
        ("rss-overhead.ratio", Double(1.0)),
        ("rss-overhead.bytes", Integer(0)),
        ("fragmentation", Double(memory.fragmentation())),
        ("fragmentation.bytes", Integer(memory.fragmentation_bytes())),
    ];
    cx.reply.map(head.len() + databases.len() + tail.len());
    for (name, figure) in head {
        put(&mut cx.reply, name, figure);
    }
    for (index, keys) in databases {
        put(&mut cx.reply, &format!("db.{index}"), Database(keys));
    }
    for (name, figure) in tail {
        put(&mut cx.reply, name, figure);
    }
    Ok(Flow::Done)
}

fn put(reply: &mut Reply<'_>, name: &str, figure: Figure) {
    reply.bulk_str(name);
    match figure {
        Figure::Integer(value) => reply.integer(value),
        Figure::Double(value) => reply.double(value),
        Figure::Database(keys) => {
            reply.map(3);
            // One index finds keys, expiry times and the keys of a slot.
            put(
                reply,
                "overhead.hashtable.main",
                Figure::Integer((keys * INDEX_BYTES_MEAN as u64) as i64),
            );
            put(reply, "overhead.hashtable.expires", Figure::Integer(0));
            put(reply, "overhead.hashtable.slot-to-keys", Figure::Integer(0));
        }
    }
}

/// Below this there is nothing to judge: fixed costs outweigh the data.
const SMALL_BYTES: u64 = 5 << 20;

/// Judges the memory use in words.
pub fn doctor(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let clients = cx.server.sum(|core| core.clients.get());
    let text = diagnosis(&MemoryFigures::of(cx), clients);
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

fn diagnosis(memory: &MemoryFigures, clients: u64) -> String {
    if memory.used < SMALL_BYTES {
        return "There is too little data here to judge: fixed costs outweigh it. Ask again when the server holds more \
                than 5 MB.\n"
            .to_owned();
    }
    let mut findings = Vec::new();
    if memory.peak as f64 > memory.used as f64 * 1.5 {
        findings.push(format!(
            "- Peak: the most that was ever in use, {}, is far above the {} of now. The memory in between may still \
             belong to the process; it will be used again before more is asked for.",
            fields::human(memory.peak),
            fields::human(memory.used)
        ));
    }
    if memory.fragmentation() > 1.4 && memory.fragmentation_bytes() > 10 << 20 {
        findings.push(format!(
            "- Fragmentation: the process takes {:.2} times the memory that is in use. After many deletions that is \
             normal and passes; else values of ever changing size may be the reason, and a restart cures it.",
            memory.fragmentation()
        ));
    }
    if memory.clients / clients.max(1) > 200 << 10 {
        findings.push(
            "- Clients: they hold more than 200 KB each on average. Look for slow readers and long pipelines in \
             CLIENT LIST (omem, qbuf), and at client-output-buffer-limit."
                .to_owned(),
        );
    }
    if findings.is_empty() {
        return "Nothing unusual about the use of memory.\n".to_owned();
    }
    format!("What stands out:\n\n{}\n", findings.join("\n"))
}

/// The allocator's own report: mimalloc's goes to standard error only, so there is none to send.
pub fn malloc_stats(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply
        .bulk_str("Stats not supported for the current allocator");
    Ok(Flow::Done)
}

/// Has the allocator give unused memory back. Ours does so by itself after a delay, and has no call that would not
/// need unsafe code here.
pub fn purge(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    cx.reply.ok();
    Ok(Flow::Done)
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "MEMORY",
        &[
            "DOCTOR",
            "    The use of memory in words.",
            "MALLOC-STATS",
            "    The allocator's own report.",
            "PURGE",
            "    Have the allocator give unused memory back.",
            "STATS",
            "    What memory is used for.",
            "USAGE <key> [SAMPLES <count>]",
            "    The bytes that a key and its value take. They are always counted in full, whatever <count> says.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_names_what_stands_out() {
        let mut memory = MemoryFigures {
            used: 100 << 20,
            peak: 110 << 20,
            rss: 120 << 20,
            startup: 0,
            clients: 1 << 20,
            dataset: 99 << 20,
        };
        assert!(diagnosis(&memory, 10).starts_with("Nothing unusual"));
        memory.peak = 300 << 20;
        memory.rss = 200 << 20;
        let text = diagnosis(&memory, 1);
        for finding in ["- Peak", "- Fragmentation", "- Clients"] {
            assert!(text.contains(finding), "{text}");
        }
        memory.used = 1;
        assert!(diagnosis(&memory, 1).contains("too little"));
    }
}
