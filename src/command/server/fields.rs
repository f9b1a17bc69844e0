//! The fields of INFO, section by section, under the names and in the order of Redis 7.2.
//!
//! A field whose mechanism does not exist here (fork, copy on write, defragmentation) is there all the same, with the
//! value that says so: monitoring reads fields by name, and a missing one breaks it where a zero does not.

use crate::base::crc64;
use crate::command::connection::REDIS_VERSION;
use crate::command::ctx::{BlockingKeys, HomeCtx};
use crate::command::table;
use crate::config::Choice;
use crate::keyspace::Lengths;
use crate::stats::{CommandCounters, Totals};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use std::fmt::{Display, Write};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// The text of INFO while it is being written.
#[derive(Default)]
pub(super) struct Text {
    text: String,
    /// Something stands before this text already.
    continued: bool,
}

impl Text {
    /// A text that will stand behind another.
    pub(super) fn continued() -> Text {
        Text {
            text: String::new(),
            continued: true,
        }
    }

    /// Begins a section, an empty line apart from the one before.
    pub(super) fn section(&mut self, title: &str) {
        if self.continued || !self.text.is_empty() {
            self.text.push_str("\r\n");
        }
        self.line_parts(format_args!("# {title}"));
    }

    /// One field.
    pub(super) fn line(&mut self, name: &str, value: impl Display) {
        self.line_parts(format_args!("{name}:{value}"));
    }

    /// Puts `other` behind this text.
    pub(super) fn append(&mut self, other: &Text) {
        self.text.push_str(&other.text);
    }

    /// What was written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    fn line_parts(&mut self, parts: std::fmt::Arguments<'_>) {
        write!(self.text, "{parts}\r\n").expect("writing to memory cannot fail");
    }

    fn zeros(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.line(name, 0));
    }

    /// A number of bytes, and the same for people.
    fn bytes(&mut self, name: &str, bytes: u64) {
        self.line(name, bytes);
        self.line(&format!("{name}_human"), human(bytes));
    }
}

/// A number of bytes with a unit.
pub(super) fn human(bytes: u64) -> String {
    const UNITS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];
    if bytes < 1024 {
        return format!("{bytes}B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.2}{}", UNITS[unit])
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

pub(super) fn server(text: &mut Text, cx: &HomeCtx<'_>) {
    let (server, config) = (cx.server, cx.config);
    let uptime_s = cx.now.ms.since(server.started).max(0) / 1000;
    text.section("Server");
    text.line("redis_version", REDIS_VERSION);
    text.line("redis_git_sha1", "00000000");
    text.line("redis_git_dirty", 0);
    let build = crc64(0, env!("CARGO_PKG_VERSION").as_bytes());
    text.line("redis_build_id", format_args!("{build:x}"));
    text.line("redis_mode", "standalone");
    text.line("os", &server.os);
    text.line("arch_bits", usize::BITS);
    let ticks = server.ticks_per_us;
    text.line(
        "monotonic_clock",
        format_args!("clock ticks @ {ticks:.0} ticks/us"),
    );
    text.line("multiplexing_api", server.io_backend);
    text.line("atomicvar_api", "rust-core");
    text.line("gcc_version", "0.0.0");
    text.line("process_id", server.pid);
    text.line("process_supervised", config.supervised.name());
    text.line("run_id", &server.run_id);
    text.line("tcp_port", config.port);
    text.line("server_time_usec", cx.now.us);
    text.line("uptime_in_seconds", uptime_s);
    text.line("uptime_in_days", uptime_s / 86_400);
    text.line("hz", config.hz);
    text.line("configured_hz", config.hz);
    text.line("lru_clock", lru_clock(cx.now.ms.seconds()));
    text.line("executable", &server.executable);
    text.line("config_file", &server.config_file);
    text.line("io_threads_active", 0);
    let mut listeners = 0;
    if config.port != 0 {
        let binds: String = config
            .bind
            .iter()
            .map(|address| format!(",bind={address}"))
            .collect();
        text.line(
            "listener0",
            format_args!("name=tcp{binds},port={}", config.port),
        );
        listeners = 1;
    }
    if !config.unixsocket.is_empty() {
        text.line(
            &format!("listener{listeners}"),
            format_args!("name=unix,bind={}", config.unixsocket),
        );
    }
}

/// The clock of access times: seconds in 24 bits.
pub(super) fn lru_clock(seconds: i64) -> i64 {
    seconds & 0xff_ffff
}

pub(super) fn clients(text: &mut Text, cx: &HomeCtx<'_>) {
    let server = cx.server;
    text.section("Clients");
    text.line("connected_clients", server.sum(|core| core.clients.get()));
    text.line("cluster_connections", 0);
    text.line("maxclients", cx.config.maxclients);
    text.line(
        "client_recent_max_input_buffer",
        server.most(|core| core.biggest_input.get()),
    );
    text.line(
        "client_recent_max_output_buffer",
        server.most(|core| core.biggest_output.get()),
    );
    text.line(
        "blocked_clients",
        server.sum(|core| core.blocked_clients.get()),
    );
    text.line(
        "tracking_clients",
        server.sum(|core| core.tracking_clients.get()),
    );
    text.line(
        "clients_in_timeout_table",
        server.sum(|core| core.deadlines.get()),
    );
}

/// The end of that section: the keys of all cores that clients wait for.
pub(super) fn blocking_keys(text: &mut Text, keys: &[BlockingKeys]) {
    let sum = |figure: fn(&BlockingKeys) -> u64| keys.iter().map(figure).sum::<u64>();
    text.line("total_blocking_keys", sum(|keys| keys.all));
    text.line("total_blocking_keys_on_nokey", sum(|keys| keys.on_removal));
}

/// Memory as INFO and MEMORY report it.
pub(super) struct MemoryFigures {
    pub(super) used: u64,
    pub(super) peak: u64,
    pub(super) rss: u64,
    pub(super) startup: u64,
    pub(super) clients: u64,
    pub(super) dataset: u64,
}

impl MemoryFigures {
    pub(super) fn of(cx: &HomeCtx<'_>) -> MemoryFigures {
        let process = &cx.server.process;
        let used = cx.server.used_memory();
        let clients = cx.server.sum(|core| core.client_memory.get());
        let startup = process.startup_memory.load(Relaxed);
        MemoryFigures {
            used,
            peak: process.peak_memory.load(Relaxed).max(used),
            rss: process.rss.load(Relaxed),
            startup,
            clients,
            dataset: used.saturating_sub(clients + startup),
        }
    }

    pub(super) fn overhead(&self) -> u64 {
        self.used - self.dataset
    }

    pub(super) fn dataset_percent(&self) -> f64 {
        100.0 * ratio(self.dataset, self.used.saturating_sub(self.startup))
    }

    pub(super) fn peak_percent(&self) -> f64 {
        100.0 * ratio(self.used, self.peak)
    }

    pub(super) fn fragmentation(&self) -> f64 {
        ratio(self.rss, self.used)
    }

    pub(super) fn fragmentation_bytes(&self) -> i64 {
        self.rss as i64 - self.used as i64
    }
}

pub(super) fn memory(text: &mut Text, cx: &HomeCtx<'_>) {
    let config = cx.config;
    let memory = MemoryFigures::of(cx);
    text.section("Memory");
    text.bytes("used_memory", memory.used);
    text.bytes("used_memory_rss", memory.rss);
    text.bytes("used_memory_peak", memory.peak);
    text.line(
        "used_memory_peak_perc",
        format_args!("{:.2}%", memory.peak_percent()),
    );
    text.line("used_memory_overhead", memory.overhead());
    text.line("used_memory_startup", memory.startup);
    text.line("used_memory_dataset", memory.dataset);
    text.line(
        "used_memory_dataset_perc",
        format_args!("{:.2}%", memory.dataset_percent()),
    );
    // What the allocator holds beyond what is in use cannot be told apart from the process's other pages.
    text.line("allocator_allocated", memory.used);
    text.line("allocator_active", memory.rss);
    text.line("allocator_resident", memory.rss);
    text.bytes("total_system_memory", cx.server.system_memory);
    let scripts = &cx.server.scripts;
    let (functions, vm) = (scripts.functions(), scripts.vm_bytes());
    let (cached, cached_bytes) = scripts.script_figures();
    text.line("used_memory_lua", vm);
    text.line("used_memory_vm_eval", vm);
    text.line("used_memory_lua_human", human(vm));
    text.line("used_memory_scripts_eval", cached_bytes);
    text.line("number_of_cached_scripts", cached);
    text.line("number_of_functions", functions.len());
    text.line("number_of_libraries", functions.libraries.len());
    // Scripts and functions of a shard share an interpreter.
    text.line("used_memory_vm_functions", 0);
    text.bytes("used_memory_vm_total", vm);
    text.line("used_memory_functions", functions.memory());
    text.bytes(
        "used_memory_scripts",
        cached_bytes + functions.memory() as u64,
    );
    text.bytes("maxmemory", config.maxmemory);
    text.line("maxmemory_policy", config.maxmemory_policy.name());
    text.line(
        "allocator_frag_ratio",
        format_args!("{:.2}", memory.fragmentation()),
    );
    text.line("allocator_frag_bytes", memory.fragmentation_bytes());
    text.line("allocator_rss_ratio", "1.00");
    text.line("allocator_rss_bytes", 0);
    text.line("rss_overhead_ratio", "1.00");
    text.line("rss_overhead_bytes", 0);
    text.line(
        "mem_fragmentation_ratio",
        format_args!("{:.2}", memory.fragmentation()),
    );
    text.line("mem_fragmentation_bytes", memory.fragmentation_bytes());
    text.line("mem_not_counted_for_evict", cx.server.uncounted_memory());
    text.zeros(&[
        "mem_replication_backlog",
        "mem_total_replication_buffers",
        "mem_clients_slaves",
    ]);
    text.line("mem_clients_normal", memory.clients);
    text.zeros(&["mem_cluster_links", "mem_aof_buffer"]);
    text.line("mem_allocator", "mimalloc");
    text.line("active_defrag_running", 0);
    let process = &cx.server.process;
    text.line(
        "lazyfree_pending_objects",
        process.lazyfree_pending.load(Relaxed),
    );
    text.line("lazyfreed_objects", process.lazyfreed.load(Relaxed));
}

pub(super) fn persistence(text: &mut Text, cx: &HomeCtx<'_>) {
    let process = &cx.server.process;
    text.section("Persistence");
    let load = &process.load;
    let loading = load.active.load(Relaxed);
    text.line("loading", u8::from(loading));
    text.zeros(&["async_loading"]);
    // Nothing is forked: what is held is what a snapshot preserved of what changed since.
    let save = &process.save;
    let walks = save.walking.load(Relaxed);
    let of_walk = |figure: &AtomicU64| if walks { figure.load(Relaxed) } else { 0 };
    text.line("current_cow_peak", of_walk(&save.held_peak));
    text.line("current_cow_size", of_walk(&save.held));
    text.zeros(&["current_cow_size_age"]);
    let (done, total) = (of_walk(&save.keys_processed), of_walk(&save.keys_total));
    let percent = done as f64 * 100.0 / total.max(1) as f64;
    text.line("current_fork_perc", format_args!("{percent:.2}"));
    text.line("current_save_keys_processed", of_walk(&save.keys_processed));
    text.line("current_save_keys_total", of_walk(&save.keys_total));
    let changes: u64 = (cx.server.cores.iter())
        .map(|core| core.store.changes.get())
        .sum();
    let saved = process.saved_changes.load(Relaxed);
    text.line("rdb_changes_since_last_save", changes.saturating_sub(saved));
    let in_progress = save.in_progress.load(Relaxed);
    text.line("rdb_bgsave_in_progress", u8::from(in_progress));
    text.line("rdb_last_save_time", process.last_save.load(Relaxed));
    let status = if save.last_ok.load(Relaxed) {
        "ok"
    } else {
        "err"
    };
    text.line("rdb_last_bgsave_status", status);
    text.line("rdb_last_bgsave_time_sec", save.last_seconds.load(Relaxed));
    let current = match in_progress {
        true => cx.now.us / 1_000_000 - save.started.load(Relaxed),
        false => -1,
    };
    text.line("rdb_current_bgsave_time_sec", current);
    text.line("rdb_saves", save.saves.load(Relaxed));
    text.line("rdb_last_cow_size", save.last_held_peak.load(Relaxed));
    text.line(
        "rdb_last_load_keys_expired",
        save.load_expired.load(Relaxed),
    );
    text.line("rdb_last_load_keys_loaded", save.loaded.load(Relaxed));
    aof(text, cx);
}

fn aof(text: &mut Text, cx: &HomeCtx<'_>) {
    let aof = &cx.server.process.aof;
    let is_on = aof.is_on.load(Relaxed);
    let status = |ok: bool| if ok { "ok" } else { "err" };
    text.line("aof_enabled", u8::from(is_on));
    // One that nothing stands in the way of is as good as begun: a moment from now it is.
    let is_scheduled = aof.is_scheduled.load(Relaxed);
    let is_free = !cx.server.process.save.walking.load(Relaxed);
    let begins = is_scheduled && is_free && aof.failures.load(Relaxed) == 0;
    let is_rewriting = aof.is_rewriting.load(Relaxed);
    let in_progress = is_rewriting || begins;
    text.line("aof_rewrite_in_progress", u8::from(in_progress));
    let is_scheduled = u8::from(is_scheduled && !begins);
    text.line("aof_rewrite_scheduled", is_scheduled);
    text.line(
        "aof_last_rewrite_time_sec",
        aof.rewrite_seconds.load(Relaxed),
    );
    let current = match is_rewriting {
        true => cx.now.us / 1_000_000 - aof.rewrite_started.load(Relaxed),
        false => -1,
    };
    text.line("aof_current_rewrite_time_sec", current);
    text.line(
        "aof_last_bgrewrite_status",
        status(aof.rewrite_ok.load(Relaxed)),
    );
    text.line("aof_rewrites", aof.rewrites.load(Relaxed));
    text.line(
        "aof_rewrites_consecutive_failures",
        aof.failures.load(Relaxed),
    );
    text.line(
        "aof_last_write_status",
        status(!cx.server.process.disk.is_log_failing()),
    );
    text.zeros(&[
        "aof_last_cow_size",
        "module_fork_in_progress",
        "module_fork_last_cow_size",
    ]);
    if is_on {
        text.line("aof_current_size", aof.current_size.load(Relaxed));
        text.line("aof_base_size", aof.base_size.load(Relaxed));
        text.line("aof_pending_rewrite", is_scheduled);
        text.line("aof_buffer_length", aof.unwritten.load(Relaxed));
        text.line(
            "aof_pending_bio_fsync",
            u8::from(aof.is_syncing.load(Relaxed)),
        );
        text.line("aof_delayed_fsync", aof.delayed.load(Relaxed));
    }
    let load = &cx.server.process.load;
    if load.active.load(Relaxed) {
        let (total, loaded) = (
            load.total_bytes.load(Relaxed),
            load.loaded_bytes.load(Relaxed),
        );
        let started = load.started.load(Relaxed);
        text.line("loading_start_time", started);
        text.line("loading_total_bytes", total);
        text.line("loading_rdb_used_mem", load.rdb_used_memory.load(Relaxed));
        text.line("loading_loaded_bytes", loaded);
        let percent = loaded as f64 / total.max(1) as f64 * 100.0;
        text.line("loading_loaded_perc", format_args!("{percent:.2}"));
        let elapsed = u64::try_from(cx.now.us / 1_000_000 - started).unwrap_or(0);
        // Without anything to go by, a second.
        let left = match elapsed {
            0 => 1,
            elapsed => elapsed.saturating_mul(total.saturating_sub(loaded)) / (loaded + 1),
        };
        text.line("loading_eta_seconds", left);
    }
}

pub(super) fn stats(text: &mut Text, cx: &HomeCtx<'_>) {
    let server = cx.server;
    let process = &server.process;
    let stores = |figure: fn(&crate::keyspace::StoreCounters) -> u64| -> u64 {
        server.cores.iter().map(|core| figure(&core.store)).sum()
    };
    let kilobytes = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    text.section("Stats");
    text.line(
        "total_connections_received",
        server.sum(|core| core.connections.get()),
    );
    text.line(
        "total_commands_processed",
        server.sum(|core| core.commands.get()),
    );
    text.line(
        "instantaneous_ops_per_sec",
        process.ops_per_second.load(Relaxed),
    );
    text.line(
        "total_net_input_bytes",
        server.sum(|core| core.input_bytes.get()),
    );
    text.line(
        "total_net_output_bytes",
        server.sum(|core| core.output_bytes.get()),
    );
    text.zeros(&["total_net_repl_input_bytes", "total_net_repl_output_bytes"]);
    let (input, output) = (&process.input_per_second, &process.output_per_second);
    text.line("instantaneous_input_kbps", kilobytes(input.load(Relaxed)));
    text.line("instantaneous_output_kbps", kilobytes(output.load(Relaxed)));
    text.line("instantaneous_input_repl_kbps", "0.00");
    text.line("instantaneous_output_repl_kbps", "0.00");
    text.line(
        "rejected_connections",
        server.sum(|core| core.rejected_connections.get()),
    );
    text.zeros(&["sync_full", "sync_partial_ok", "sync_partial_err"]);
    text.line("expired_keys", stores(|store| store.expired_keys.get()));
    text.line(
        "expired_subkeys",
        stores(|store| store.expired_fields.get()),
    );
    text.line("expired_stale_perc", "0.00");
    text.line(
        "expired_time_cap_reached_count",
        stores(|store| store.expire_cycles_cut.get()),
    );
    text.line(
        "expire_cycle_cpu_milliseconds",
        server.sum(|core| core.expire_us.get()) / 1000,
    );
    text.line("evicted_keys", stores(|store| store.evicted_keys.get()));
    text.line(
        "evicted_clients",
        server.sum(|core| core.evicted_clients.get()),
    );
    text.zeros(&[
        "total_eviction_exceeded_time",
        "current_eviction_exceeded_time",
    ]);
    text.line("keyspace_hits", stores(|store| store.hits.get()));
    text.line("keyspace_misses", stores(|store| store.misses.get()));
    text.line("pubsub_channels", server.sum(|core| core.channels.get()));
    text.line("pubsub_patterns", server.sum(|core| core.patterns.get()));
    text.line(
        "pubsubshard_channels",
        server.sum(|core| core.shard_channels.get()),
    );
    // Nothing is forked; what would be is a snapshot.
    let snapshots = server.process.snapshots.load(Relaxed);
    text.line("total_forks", snapshots);
    text.zeros(&["latest_fork_usec"]);
    let sockets = server.process.migrate_sockets.load(Relaxed);
    text.line("migrate_cached_sockets", sockets);
    text.zeros(&[
        "slave_expires_tracked_keys",
        "active_defrag_hits",
        "active_defrag_misses",
        "active_defrag_key_hits",
        "active_defrag_key_misses",
        "total_active_defrag_time",
        "current_active_defrag_time",
    ]);
    text.line(
        "tracking_total_keys",
        server.sum(|core| core.tracked_keys.get()),
    );
    text.line(
        "tracking_total_items",
        server.sum(|core| core.tracked_items.get()),
    );
    let prefixes = server
        .cores
        .iter()
        .map(|core| core.stats.tracked_prefixes.get());
    text.line("tracking_total_prefixes", prefixes.max().unwrap_or(0));
    text.zeros(&["unexpected_error_replies"]);
    text.line("total_error_replies", server.sum(|core| core.errors.get()));
    text.line("dump_payload_sanitizations", 0);
    text.line("total_reads_processed", server.sum(|core| core.reads.get()));
    text.line(
        "total_writes_processed",
        server.sum(|core| core.writes.get()),
    );
    text.zeros(&[
        "io_threaded_reads_processed",
        "io_threaded_writes_processed",
        "reply_buffer_shrinks",
        "reply_buffer_expands",
    ]);
    text.line("eventloop_cycles", server.sum(|core| core.turns.get()));
    text.line(
        "eventloop_duration_sum",
        server.sum(|core| core.busy_us.get()),
    );
    let ticks: u64 = table::all()
        .iter()
        .map(|spec| count(cx, spec.id).ticks)
        .sum();
    text.line(
        "eventloop_duration_cmd_sum",
        server.ticks_to_us(ticks) as u64,
    );
    let turns = process.turns_per_second.load(Relaxed);
    let busy_us = process.busy_us_per_second.load(Relaxed);
    text.line("instantaneous_eventloop_cycles_per_sec", turns);
    text.line(
        "instantaneous_eventloop_duration_usec",
        busy_us / turns.max(1),
    );
    text.line(
        "acl_access_denied_auth",
        server.sum(|core| core.auth_failures.get()),
    );
    text.line(
        "acl_access_denied_cmd",
        server.sum(|core| core.denied_commands.get()),
    );
    text.line(
        "acl_access_denied_key",
        server.sum(|core| core.denied_keys.get()),
    );
    text.line(
        "acl_access_denied_channel",
        server.sum(|core| core.denied_channels.get()),
    );
}

pub(super) fn replication(text: &mut Text, cx: &HomeCtx<'_>) {
    text.section("Replication");
    text.line("role", "master");
    text.line("connected_slaves", 0);
    text.line("master_failover_state", "no-failover");
    text.line("master_replid", cx.server.replid());
    text.line("master_replid2", "0".repeat(40));
    text.line("master_repl_offset", 0);
    text.line("second_repl_offset", -1);
    text.line("repl_backlog_active", 0);
    text.line("repl_backlog_size", cx.config.repl_backlog_size);
    text.line("repl_backlog_first_byte_offset", 0);
    text.line("repl_backlog_histlen", 0);
}

pub(super) fn cpu(text: &mut Text) {
    text.section("CPU");
    // No thread is the main one: this is the core that was asked.
    for (who, suffix) in [
        (UsageWho::RUSAGE_SELF, ""),
        (UsageWho::RUSAGE_CHILDREN, "_children"),
        (UsageWho::RUSAGE_THREAD, "_main_thread"),
    ] {
        let usage = getrusage(who).ok();
        let time = |part: fn(&Usage) -> nix::sys::time::TimeVal| {
            let time = usage.as_ref().map(part);
            let (seconds, micros) = time.map_or((0, 0), |time| (time.tv_sec(), time.tv_usec()));
            format!("{seconds}.{micros:06}")
        };
        text.line(&format!("used_cpu_sys{suffix}"), time(Usage::system_time));
        text.line(&format!("used_cpu_user{suffix}"), time(Usage::user_time));
    }
}

/// The counters of one command, all cores together.
#[derive(Default)]
struct Count {
    calls: u64,
    ticks: u64,
    rejected: u64,
    failed: u64,
}

fn count(cx: &HomeCtx<'_>, id: u16) -> Count {
    let mut sum = Count::default();
    for core in &cx.server.cores {
        let CommandCounters {
            calls,
            ticks,
            rejected,
            failed,
            ..
        } = core.stats.command(id);
        sum.calls += calls.get();
        sum.ticks += ticks.get();
        sum.rejected += rejected.get();
        sum.failed += failed.get();
    }
    sum
}

/// The distribution of a command's run times, all cores together.
pub(super) fn distribution(cx: &HomeCtx<'_>, id: u16) -> Totals {
    let mut totals = Totals::default();
    for core in &cx.server.cores {
        if let Some(histogram) = core.stats.command(id).histogram() {
            histogram.add_to(&mut totals);
        }
    }
    totals
}

pub(super) fn commandstats(text: &mut Text, cx: &HomeCtx<'_>) {
    text.section("Commandstats");
    for spec in table::all() {
        let Count {
            calls,
            ticks,
            rejected,
            failed,
        } = count(cx, spec.id);
        // A container that was asked for a subcommand it has not was not called.
        let was_called = calls + failed > 0 || (rejected > 0 && !spec.is_container());
        if !was_called {
            continue;
        }
        let us = cx.server.ticks_to_us(ticks);
        let us_per_call = us / calls.max(1) as f64;
        text.line(
            &format!("cmdstat_{}", spec.name),
            format_args!(
                "calls={calls},usec={us:.0},usec_per_call={us_per_call:.2},rejected_calls={rejected},\
                 failed_calls={failed}"
            ),
        );
    }
}

pub(super) fn latencystats(text: &mut Text, cx: &HomeCtx<'_>) {
    text.section("Latencystats");
    if !cx.config.latency_tracking {
        return;
    }
    for spec in table::all() {
        let totals = distribution(cx, spec.id);
        if totals.count() == 0 {
            continue;
        }
        let percentiles: Vec<String> = cx
            .config
            .latency_tracking_info_percentiles
            .iter()
            .map(|percent| {
                let us = totals.percentile(*percent) as f64 / 1000.0;
                format!("p{percent}={us:.3}")
            })
            .collect();
        text.line(
            &format!("latency_percentiles_usec_{}", spec.name),
            percentiles.join(","),
        );
    }
}

pub(super) fn cluster(text: &mut Text, cx: &HomeCtx<'_>) {
    text.section("Cluster");
    text.line("cluster_enabled", u8::from(cx.config.cluster_enabled));
}

/// Keys, keys with an expiry and their mean time to live in milliseconds, of one database on all shards.
pub(super) fn database(cx: &HomeCtx<'_>, index: usize) -> (u64, u64, i64) {
    let (mut keys, mut expires, mut ttl_sum) = (0, 0, 0i128);
    for core in &cx.server.cores {
        let Some(db) = core.store.dbs().get(index) else {
            continue;
        };
        let here = db.expires.get();
        keys += db.keys.get();
        expires += here;
        ttl_sum += i128::from(db.avg_ttl_ms(cx.now.ms)) * i128::from(here);
    }
    let avg_ttl = ttl_sum / i128::from(expires.max(1));
    (keys, expires, avg_ttl as i64)
}

pub(super) fn keyspace(text: &mut Text, cx: &HomeCtx<'_>) {
    text.section("Keyspace");
    for index in 0..cx.config.databases as usize {
        let (keys, expires, avg_ttl) = database(cx, index);
        if keys + expires > 0 {
            // Redis has this field since 7.4, when fields of hashes came to expire, and we where some do.
            let cores = cx.server.cores.iter();
            let hashes = cores.filter_map(|core| core.store.dbs().get(index));
            let subexpiry = match hashes.map(|db| db.element_expires.get()).sum::<u64>() {
                0 => String::new(),
                hashes => format!(",subexpiry={hashes}"),
            };
            text.line(
                &format!("db{index}"),
                format_args!("keys={keys},expires={expires},avg_ttl={avg_ttl}{subexpiry}"),
            );
        }
    }
}

/// How many values there are of each length, by type, in every database; `cores` tells for each core and database.
pub(super) fn keysizes(text: &mut Text, cores: &[Vec<Lengths>]) {
    const TYPES: [&str; 5] = [
        "strings_sizes",
        "lists_items",
        "sets_items",
        "zsets_items",
        "hashes_items",
    ];
    let databases = cores.first().map_or(0, Vec::len);
    for db in 0..databases {
        let mut all = Lengths::default();
        cores.iter().for_each(|core| all.add(&core[db]));
        for (name, bins) in TYPES.iter().zip(all.types()) {
            if !bins.is_empty() {
                let bins: Vec<String> = (bins.into_iter())
                    .map(|(from, count)| format!("{}={count}", power_of_two(from)))
                    .collect();
                text.line(&format!("db{db}_distrib_{name}"), bins.join(","));
            }
        }
    }
}

/// A power of two (or 0) as people write it: 512, 1K, 2K, 1M.
fn power_of_two(number: u64) -> String {
    const UNITS: [&str; 6] = ["", "K", "M", "G", "T", "P"];
    let steps = (number.max(1).ilog2() / 10).min(5);
    format!("{}{}", number >> (10 * steps), UNITS[steps as usize])
}

/// This server's own: how the work spreads over the shards.
pub(super) fn shards(text: &mut Text, cx: &HomeCtx<'_>) {
    text.section("Shards");
    text.line("shards", cx.server.cores.len());
    for (shard, core) in cx.server.cores.iter().enumerate() {
        let keys: u64 = core.store.dbs().iter().map(|db| db.keys.get()).sum();
        let stats = &core.stats;
        text.line(
            &format!("shard{shard}"),
            format_args!(
                "keys={keys},used_memory={},clients={},ops={},hops={},fences={},wakes={},turns={},busy_usec={}",
                core.store.used_bytes.get(),
                stats.clients.get(),
                stats.commands.get(),
                stats.hops.get(),
                stats.fences.get(),
                stats.wakes.get(),
                stats.turns.get(),
                stats.busy_us.get(),
            ),
        );
    }
}

pub(super) fn debug(text: &mut Text, cx: &HomeCtx<'_>) {
    let server = cx.server;
    text.section("Debug");
    text.line("eventloop_duration_aof_sum", 0);
    text.line(
        "eventloop_duration_cron_sum",
        server.sum(|core| core.cron_us.get()),
    );
    text.line(
        "eventloop_duration_max",
        server.most(|core| core.longest_turn_us.get()),
    );
    text.line(
        "eventloop_cmd_per_cycle_max",
        server.most(|core| core.most_commands_a_turn.get()),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_for_people_have_two_decimals_from_a_kilobyte_on() {
        for (bytes, text) in [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1_572_864, "1.50M"),
            (25_276_514_304, "23.54G"),
            (1 << 40, "1.00T"),
        ] {
            assert_eq!(human(bytes), text);
        }
    }

    #[test]
    fn sections_are_an_empty_line_apart() {
        let mut text = Text::default();
        text.section("A");
        text.line("a", 1);
        text.section("B");
        let mut rest = Text::continued();
        rest.section("C");
        text.append(&rest);
        assert_eq!(text.as_bytes(), b"# A\r\na:1\r\n\r\n# B\r\n\r\n# C\r\n");
    }
}
