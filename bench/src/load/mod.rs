//! The load generator: what it is told, what it reports, and its threads.
//!
//! Each thread has its own connections, epoll instance, random sequence and histogram; nothing is shared while it
//! runs, and the histograms are added up at the end.

mod worker;

use crate::client::{Client, Value, field_of};
use crate::clock::now_ns;
use crate::keys::{Distribution, KeyChooser};
use crate::process::{MachineTime, parse_cpus, pin_thread, raise_file_limit};
use crate::rng::Rng;
use crate::schedule::{Arrivals, Schedule};
use crate::template::{Source, Template, value};
use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use std::net::TcpStream;
use worker::{Limit, Loop, Plan, Tally, Worker};

/// Longest latency told apart from longer ones, in nanoseconds: one minute.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// What to do; the fields are the command line's.
#[derive(Clone, Debug)]
pub struct Options {
    pub port: u16,
    pub connections: u32,
    pub threads: u32,
    pub cpus: Vec<usize>,
    /// Operations sent together, and waited for together, by each connection of a closed loop.
    pub pipeline: u32,
    /// Operations per second of an open loop; `None` for a closed one.
    pub rate: Option<f64>,
    pub arrivals: Arrivals,
    /// Stop after this many operations, and after no time.
    pub requests: Option<u64>,
    pub seconds: f64,
    pub warmup_seconds: f64,
    pub keys: u64,
    pub distribution: Distribution,
    pub value_bytes: usize,
    pub ops: Vec<String>,
    pub shards: u16,
    pub remote_share: Option<f64>,
    pub seed: u64,
    /// Whose CPU time to count.
    pub server_pid: Option<u32>,
    pub allow_errors: bool,
    pub json: bool,
}

/// What came of it. Latencies in microseconds; an open loop's count from the time an operation was due.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    pub ops: u64,
    pub seconds: f64,
    pub ops_per_sec: f64,
    pub mean_us: f64,
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
    /// Error replies and null replies, from the first operation on.
    pub errors: u64,
    pub nils: u64,
    pub first_error: Option<String>,
    /// CPU time of the server over operations, both within the measured window.
    pub server_cpu_us_per_op: Option<f64>,
    /// CPU time over wall time; above 100 with several threads.
    pub server_busy_percent: Option<f64>,
    /// How long it waited for its own core, over wall time: above a few, others disturb it.
    pub server_wait_percent: Option<f64>,
    pub load_busy_percent: f64,
    pub stolen_percent: f64,
    /// How late the generator itself was in sending what was due: an open loop's own error.
    pub send_lag_p99_us: Option<f64>,
    /// Due within the window and not answered ten seconds after it.
    pub unanswered: u64,
    /// Connections by home shard.
    pub homes: Vec<u32>,
}

/// Runs the load to its end.
pub fn run(options: &Options) -> anyhow::Result<Report> {
    let value = value(options.value_bytes);
    let ops = options
        .ops
        .iter()
        .map(|text| Template::parse(text, &value))
        .collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!ops.is_empty(), "at least one --op");
    ensure!(
        options.pipeline > 0 && options.connections > 0 && options.threads > 0,
        "zero of it"
    );
    ensure!(
        options.connections < 100_000,
        "fewer than 100000 connections"
    );
    ensure!(
        options.rate.is_none() || options.requests.is_none(),
        "--rate or --requests"
    );
    pin_thread(&options.cpus)?;
    raise_file_limit();

    let placed = options.remote_share.is_some() || ops.iter().any(Template::places_keys);
    let mut sockets = Vec::new();
    let mut homes = vec![0; usize::from(options.shards.max(1))];
    for number in 0..options.connections {
        let (stream, home) = connect(options, placed)
            .with_context(|| format!("connection {number} of {}", options.connections))?;
        *homes
            .get_mut(usize::from(home))
            .context("a home shard below --shards")? += 1;
        sockets.push((number, stream, home));
    }

    let machine = MachineTime::now();
    let begin_ns = now_ns() + 1_000_000;
    let limit = match options.requests {
        Some(requests) => Limit::Requests(requests),
        None => {
            let start_ns = begin_ns + (options.warmup_seconds * 1e9) as u64;
            Limit::Window {
                start_ns,
                end_ns: start_ns + (options.seconds * 1e9) as u64,
            }
        }
    };

    let threads = options.threads.min(options.connections);
    let mut workers = Vec::new();
    for thread in 0..threads {
        let mut seeds = Rng::new(options.seed ^ (u64::from(thread) << 32));
        let source = Source {
            rng: Rng::new(seeds.next_u64()),
            keys: KeyChooser::new(options.keys, options.distribution),
            shards: options.shards.max(1),
            remote_share: options.remote_share,
            sequence: u64::from(thread),
            sequence_step: u64::from(threads),
            last: 0,
        };
        let share = |all: u64| {
            all / u64::from(threads) + u64::from(all % u64::from(threads) > u64::from(thread))
        };
        let plan = Plan {
            pipeline: options.pipeline,
            limit: match limit {
                Limit::Requests(all) => Limit::Requests(share(all)),
                window => window,
            },
            pace: match options.rate {
                None => Loop::Closed,
                Some(rate) => Loop::Open(Schedule::new(
                    options.arrivals,
                    rate / f64::from(threads),
                    begin_ns,
                    Rng::new(seeds.next_u64()),
                )),
            },
            // One thread is enough to read the server's CPU time, at the very moments its window begins and ends.
            server_pid: options.server_pid.filter(|_| thread == 0),
            ops: ops.clone(),
        };
        let own = |number: u32| number % threads == thread;
        let (mine, others): (Vec<_>, Vec<_>) = sockets.into_iter().partition(|s| own(s.0));
        sockets = others;
        workers.push(Worker::new(plan, source, mine)?);
    }

    let tallies = std::thread::scope(|scope| {
        let handles: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(thread, worker)| {
                let cpu = options.cpus[thread % options.cpus.len()];
                scope.spawn(move || {
                    pin_thread(&[cpu])?;
                    worker.run()
                })
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| {
                handle
                    .join()
                    .expect("a worker that panics aborts the process")
            })
            .collect::<anyhow::Result<Vec<Tally>>>()
    })?;
    let wall_ns = now_ns().saturating_sub(begin_ns).max(1);

    let mut total = Tally::new()?;
    for tally in tallies {
        total.add(tally)?;
    }
    let mut report = summarise(&total, &limit, begin_ns);
    report.load_busy_percent = total.own_cpu_ns as f64 * 100.0 / wall_ns as f64;
    report.stolen_percent = machine.stolen_percent();
    report.homes = homes;
    if !options.allow_errors {
        let text = report.first_error.as_deref().unwrap_or_default();
        ensure!(
            report.errors == 0,
            "{} error replies, the first: {text}",
            report.errors
        );
    }
    Ok(report)
}

fn summarise(total: &Tally, limit: &Limit, begin_ns: u64) -> Report {
    let window_ns = match limit {
        Limit::Requests(_) => total.last_reply_ns.saturating_sub(begin_ns),
        Limit::Window { start_ns, end_ns } => end_ns - start_ns,
    };
    let seconds = window_ns.max(1) as f64 / 1e9;
    let us = |quantile: f64| total.latency.value_at_quantile(quantile) as f64 / 1e3;
    Report {
        ops: total.ops,
        seconds,
        ops_per_sec: total.ops as f64 / seconds,
        mean_us: total.latency.mean() / 1e3,
        p50_us: us(0.5),
        p90_us: us(0.9),
        p99_us: us(0.99),
        p999_us: us(0.999),
        max_us: total.latency.max() as f64 / 1e3,
        errors: total.errors,
        nils: total.nils,
        first_error: total.first_error.clone(),
        server_cpu_us_per_op: total
            .server
            .filter(|_| total.ops > 0)
            .map(|server| server.cpu_ns as f64 / 1e3 / total.ops.max(1) as f64),
        server_busy_percent: total
            .server
            .map(|server| server.cpu_ns as f64 * 100.0 / server.wall_ns.max(1) as f64),
        server_wait_percent: total
            .server
            .map(|server| server.waited_ns as f64 * 100.0 / server.wall_ns.max(1) as f64),
        load_busy_percent: 0.0,
        stolen_percent: 0.0,
        send_lag_p99_us: (!total.send_lag.is_empty())
            .then(|| total.send_lag.value_at_quantile(0.99) as f64 / 1e3),
        unanswered: total.unanswered,
        homes: Vec::new(),
    }
}

/// Connects; with placed keys also asks which shard the connection is on. A server that does not say has one shard as
/// far as placement goes.
fn connect(options: &Options, placed: bool) -> anyhow::Result<(TcpStream, u16)> {
    if options.shards <= 1 || !placed {
        let stream = TcpStream::connect(("127.0.0.1", options.port))?;
        stream.set_nodelay(true)?;
        return Ok((stream, 0));
    }
    let mut client = Client::connect(options.port)?;
    let home = match client.call("CLIENT INFO")? {
        Value::Text(info) => field_of(&info, "shard", ' ', '=')
            .map(|shard| {
                shard
                    .parse()
                    .with_context(|| format!("shard={shard} in CLIENT INFO"))
            })
            .transpose()?
            .unwrap_or(0),
        _ => 0,
    };
    Ok((client.into_stream(), home))
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3)?)
}

impl Default for Options {
    fn default() -> Options {
        Options {
            port: 6379,
            connections: 50,
            threads: 1,
            cpus: Vec::new(),
            pipeline: 1,
            rate: None,
            arrivals: Arrivals::Fixed,
            requests: None,
            seconds: 5.0,
            warmup_seconds: 0.5,
            keys: 100_000,
            distribution: Distribution::Uniform,
            value_bytes: 64,
            ops: Vec::new(),
            shards: 1,
            remote_share: None,
            seed: 1,
            server_pid: None,
            allow_errors: false,
            json: false,
        }
    }
}

/// Text of `tessera-load --help`.
pub const USAGE: &str = "\
tessera-load: drives one server and reports throughput, latency and the server's CPU time

  --port N              on 127.0.0.1 (6379)
  --connections N       (50)              --threads N      (1)
  --cpus LIST           pin the threads, one after another in turn (all allowed)
  --op 'COMMAND'        operation; repeat for a mix. 'WEIGHT*COMMAND', several commands with ';'
                        holes: {r} random key number, {local} {remote} by shard, {same} the last
                        one drawn, {i} counting up, {conn} the connection, {v} the value
  --keys N              (100000)          --value-bytes N  (64)
  --zipf THETA          popular keys (uniform)
  --pipeline N          closed loop: so many at once on each connection (1)
  --rate N              open loop: N operations a second, latency from when each was due
  --poisson             open loop with exponential gaps, not equal ones
  --seconds S           (5)               --warmup S       (0.5)
  --requests N          so many instead of for a time, without warm-up
  --shards N            shards of the server, for placing keys; a connection's own shard is the
                        field shard= of CLIENT INFO (1)
  --remote PERCENT      share of {r} keys on another shard than their connection's
  --seed N              (1)               --server-pid PID count its CPU time
  --allow-errors        error replies are no failure
  --json                one line of JSON
";

impl Options {
    /// Reads the command line; `None` if it asked for help.
    pub fn parse(mut parser: lexopt::Parser) -> anyhow::Result<Option<Options>> {
        use lexopt::prelude::*;
        let mut options = Options {
            cpus: crate::process::allowed_cpus()?,
            ..Options::default()
        };
        while let Some(arg) = parser.next()? {
            match arg {
                Long("port") => options.port = parser.value()?.parse()?,
                Long("connections") => options.connections = parser.value()?.parse()?,
                Long("threads") => options.threads = parser.value()?.parse()?,
                Long("cpus") => options.cpus = parse_cpus(&parser.value()?.string()?)?,
                Long("op") => options.ops.push(parser.value()?.string()?),
                Long("keys") => options.keys = parser.value()?.parse()?,
                Long("value-bytes") => options.value_bytes = parser.value()?.parse()?,
                Long("zipf") => {
                    let theta: f64 = parser.value()?.parse()?;
                    ensure!(theta > 0.0 && theta < 1.0, "--zipf between 0 and 1");
                    options.distribution = Distribution::Zipf(theta);
                }
                Long("pipeline") => options.pipeline = parser.value()?.parse()?,
                Long("rate") => options.rate = Some(parser.value()?.parse()?),
                Long("poisson") => options.arrivals = Arrivals::Poisson,
                Long("seconds") => options.seconds = parser.value()?.parse()?,
                Long("warmup") => options.warmup_seconds = parser.value()?.parse()?,
                Long("requests") => options.requests = Some(parser.value()?.parse()?),
                Long("shards") => options.shards = parser.value()?.parse()?,
                Long("remote") => {
                    let percent: f64 = parser.value()?.parse()?;
                    options.remote_share = Some(percent / 100.0);
                }
                Long("seed") => options.seed = parser.value()?.parse()?,
                Long("server-pid") => options.server_pid = Some(parser.value()?.parse()?),
                Long("allow-errors") => options.allow_errors = true,
                Long("json") => options.json = true,
                Short('h') | Long("help") => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(Some(options))
    }
}

impl Report {
    /// For people.
    pub fn text(&self) -> String {
        let mut text = format!(
            "{:.0} ops/s over {:.2} s ({} ops)\nlatency us: p50 {:.1}  p90 {:.1}  p99 {:.1}  p99.9 {:.1}  max {:.1}",
            self.ops_per_sec,
            self.seconds,
            self.ops,
            self.p50_us,
            self.p90_us,
            self.p99_us,
            self.p999_us,
            self.max_us
        );
        if let (Some(cpu), Some(busy)) = (self.server_cpu_us_per_op, self.server_busy_percent) {
            text += &format!("\nserver: {cpu:.3} CPU us/op, {busy:.0} % busy");
        }
        if let Some(wait) = self.server_wait_percent.filter(|wait| *wait > 3.0) {
            text += &format!("\nDISTURBED: the server waited {wait:.0} % of the time for its core");
        }
        if let Some(lag) = self.send_lag_p99_us {
            text += &format!("\nsend lag p99 {lag:.1} us, unanswered {}", self.unanswered);
        }
        text + &format!(
            "\ngenerator {:.0} % busy, {:.2} % stolen, {} errors, {} nils",
            self.load_busy_percent, self.stolen_percent, self.errors, self.nils
        )
    }
}
