//! Measures the keyspace alone: bytes a key as the operating system sees them, nanoseconds an operation, and the worst
//! single insertion while tables grow.
//!
//! `cargo run --release --example keyspace -- [keys] [spread|slot] [ttl]`

#![allow(unsafe_code, reason = "the clock of a thread is not in std")]

use std::hint::black_box;
use std::sync::Arc;

use tessera::base::{DbIndex, Millis, Rng, ShardId};
use tessera::keyspace::{Db, Store, StoreCounters, StoreOptions, StoreSet, StrInput, Ttl};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Millis = Millis(1_700_000_000_000);

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let keys: usize = args
        .get(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(2_000_000);
    let one_slot = args.iter().any(|arg| arg == "slot");
    let ttl = args.iter().any(|arg| arg == "ttl");
    let key = |i: usize| {
        if one_slot {
            format!("{{t}}:{i:012}")
        } else {
            format!("key:{i:012}")
        }
        .into_bytes()
    };
    let mut store = Store::new(StoreOptions {
        shard: ShardId(0),
        slots: 0..16384,
        databases: 16,
        hash_seed: 7,
        counters: Arc::new(StoreCounters::new(16)),
    });
    let mut rng = Rng::new(1);
    let rss_before = rss_bytes();
    let mut db = Db::new(StoreSet::One(&mut store), DbIndex(0), NOW);

    let value = [b'v'; 32];
    let mut worst = [0_u64; 8];
    let mut over = [0; 6];
    let (mut faults, mut faulting, mut worst_faulting) = (page_faults(), 0, 0);
    let start = cpu_ns();
    for i in 0..keys {
        let key = key(i);
        let at = if ttl {
            Ttl::At(NOW + 1_000_000 + rng.below(3_600_000) as i64)
        } else {
            Ttl::Clear
        };
        let before = cpu_ns();
        db.set_str(&key, StrInput::Bytes(&value), at);
        let took = cpu_ns() - before;
        // The first touch of a fresh page is the kernel's work, milliseconds for a huge one.
        let faults_now = page_faults();
        if faults_now != faults {
            faults = faults_now;
            faulting += 1;
            worst_faulting = worst_faulting.max(took);
            continue;
        }
        over[[5_000, 10_000, 20_000, 50_000, 100_000].partition_point(|&limit| limit < took)] += 1;
        if took > worst[0] {
            worst[0] = took;
            worst.sort_unstable();
        }
    }
    let load_ns = (cpu_ns() - start) as f64 / keys as f64;
    let rss = rss_bytes() - rss_before;
    println!("keys {keys}  one slot {one_slot}  ttl {ttl}");
    println!(
        "load {load_ns:.0} ns a key, clock included; worst insertions {worst:?} ns; up to 5, 10, 20, 50, 100 us and above: {over:?}"
    );
    println!("apart from these, {faulting} insertions with page faults, worst {worst_faulting} ns");
    let counted = db.store_of(b"").memory();
    println!(
        "rss {:.1} B a key, counted {:.1}",
        rss as f64 / keys as f64,
        counted as f64 / keys as f64
    );

    let order: Vec<Vec<u8>> = (0..1_000_000).map(|_| key(rng.index(keys))).collect();
    let missing: Vec<Vec<u8>> = order.iter().map(|key| [b"x", &key[1..]].concat()).collect();
    let time = |name: &str,
                db: &mut Db<'_>,
                run: &mut dyn FnMut(&mut Db<'_>, &[u8]) -> usize,
                keys: &[Vec<u8>]| {
        let start = cpu_ns();
        let mut sum = 0;
        for key in keys {
            sum += run(db, key);
        }
        let ns = (cpu_ns() - start) as f64 / keys.len() as f64;
        println!("{name:24} {ns:6.1} ns  (sum {})", black_box(sum));
    };
    time(
        "get",
        &mut db,
        &mut |db, key| db.get_str(key).ok().flatten().map_or(0, |text| text.len()),
        &order,
    );
    time(
        "get missing",
        &mut db,
        &mut |db, key| db.exists(key).into(),
        &missing,
    );
    time(
        "set same size",
        &mut db,
        &mut |db, key| db.set_str(key, StrInput::Bytes(&value), Ttl::Keep).into(),
        &order,
    );
    time(
        "set other size",
        &mut db,
        &mut |db, key| {
            db.set_str(key, StrInput::Bytes(&value[..7]), Ttl::Keep)
                .into()
        },
        &order,
    );
    time(
        "set same size again",
        &mut db,
        &mut |db, key| {
            db.set_str(key, StrInput::Bytes(&value[..7]), Ttl::Keep)
                .into()
        },
        &order,
    );

    // As the shard does: sixteen requests located, then prefetched in two steps, then executed.
    let start = cpu_ns();
    let mut sum = 0;
    for batch in order.chunks(16) {
        let mut located = [None; 16];
        for (place, key) in located.iter_mut().zip(batch) {
            let at = store.locate(key);
            store.prefetch(DbIndex(0), at);
            *place = Some(at);
        }
        for at in located.iter().flatten() {
            store.prefetch_entry(DbIndex(0), *at);
        }
        for (at, key) in located.iter().flatten().zip(batch) {
            let mut db = Db::new(StoreSet::One(&mut store), DbIndex(0), NOW);
            db.prime(key, *at);
            sum += db.get_str(key).ok().flatten().map_or(0, |text| text.len());
        }
    }
    let ns = (cpu_ns() - start) as f64 / order.len() as f64;
    println!(
        "{:24} {ns:6.1} ns  (sum {})",
        "get, batches of 16",
        black_box(sum)
    );

    if ttl {
        let start = cpu_ns();
        let mut now = NOW;
        let (mut expired, mut runs, mut worst) = (0, 0, 0);
        while let Some(next) = store.next_expiry() {
            now = Millis(now.0.max(next.0) + 1);
            let before = cpu_ns();
            expired += store.expire_cycle(now, 128).expired;
            worst = worst.max(cpu_ns() - before);
            runs += 1;
        }
        let ns = (cpu_ns() - start) as f64 / expired as f64;
        println!("expired {expired} in {runs} runs: {ns:.1} ns a key, worst run {worst} ns");
    } else {
        let mut db = Db::new(StoreSet::One(&mut store), DbIndex(0), NOW);
        let start = cpu_ns();
        let removed = (0..keys).filter(|&i| db.remove(&key(i))).count();
        let ns = (cpu_ns() - start) as f64 / keys as f64;
        println!(
            "removed {removed}: {ns:.1} ns a key, rss {:.1} MB left",
            (rss_bytes() - rss_before) as f64 / 1e6
        );
    }
    println!("counted {} B", store.memory());
}

/// CPU time of this thread: what a busy machine does in between is not the table's.
fn cpu_ns() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes to a local of the right type.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// Pages this thread was the first to touch.
fn page_faults() -> i64 {
    // SAFETY: a rusage is plain numbers, and the call writes to a local of that type.
    unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage.ru_minflt
    }
}

fn rss_bytes() -> i64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: i64 = statm
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    pages * 4096
}
