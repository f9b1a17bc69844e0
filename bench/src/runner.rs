//! Does the scenarios: rounds, order of the servers, one measurement at a time.
//!
//! A noisy machine drifts: another tenant comes, the clock rate changes. So the servers take turns within seconds, in
//! an order shuffled each time, and ratios are taken within a round before the median over rounds. Every round starts
//! new server processes, because heap layout and address randomisation are part of the noise too. Servers whose turn
//! it is not are stopped with SIGSTOP: their timers would run on the core that is measured.

use crate::client::Value;
use crate::clock::{now_ns, sleep_ms, unix_seconds};
use crate::load;
use crate::peers::{Instance, Server};
use crate::process::{CpuTime, MachineTime, Pinned, resident_bytes, show_cpus};
use crate::record::{Line, Measurement, Metrics, Writer};
use crate::rng::Rng;
use crate::scenario::{KEYS, SMALL_VALUE_BYTES, Scale, Scenario, VALUE_BYTES, Work};
use anyhow::{Context, ensure};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A command this slow is an entry of the slow log in the growth scenarios, in microseconds.
const SLOW_US: u32 = 20;
/// Slow log entries kept, and read at the end.
const SLOW_ENTRIES: u32 = 4_096;
/// Batches of the growth scenarios: one connection, so that the batch after a pause is the only thing that waits.
const GROWTH_PIPELINE: u32 = 16;

/// Everything a run needs.
#[derive(Debug)]
pub struct Runner {
    pub servers: Vec<Server>,
    pub scenarios: Vec<Scenario>,
    pub scale: Scale,
    pub seed: u64,
    pub server_cpus: Vec<usize>,
    pub load_cpus: Vec<usize>,
    /// For the files of the servers.
    pub dir: PathBuf,
    pub load_program: PathBuf,
    pub redis_benchmark: Option<PathBuf>,
    pub writer: Writer,
    /// Every line written so far.
    pub lines: Vec<Line>,
    /// Scenarios a server has failed, by name: not tried again.
    pub failed: BTreeSet<(String, String)>,
}

/// A measurement in the making.
struct Taken {
    metrics: Metrics,
    command: String,
}

impl Runner {
    /// Runs all rounds. A server that fails in a scenario is recorded as failed and the run goes on.
    pub fn run(&mut self) -> anyhow::Result<()> {
        let mut rng = Rng::new(self.seed);
        for round in 1..=self.scale.rounds {
            eprintln!("round {round} of {}", self.scale.rounds);
            let shared = |s: &&Scenario| !s.work.needs_fresh_server();
            let shard_counts: BTreeSet<u16> = self
                .scenarios
                .iter()
                .filter(shared)
                .map(|s| s.shards)
                .collect();
            for shards in shard_counts {
                self.shared_servers(round, shards, &mut rng)?;
            }
            for scenario in self.scenarios.clone() {
                if !scenario.work.needs_fresh_server() {
                    continue;
                }
                for index in self.order(&mut rng) {
                    self.fresh_server(round, &scenario, index)?;
                }
            }
        }
        Ok(())
    }

    /// The scenarios that can use one loaded server after another: all servers run, one at a time is awake.
    fn shared_servers(&mut self, round: u32, shards: u16, rng: &mut Rng) -> anyhow::Result<()> {
        let mut instances: Vec<Option<Instance>> = Vec::new();
        for index in 0..self.servers.len() {
            let started = self.start(index, shards, &[]).and_then(|instance| {
                let (keys, value_bytes) = (KEYS, VALUE_BYTES);
                self.load(
                    &instance,
                    &fill("SET key:{i} {v}", keys, value_bytes, 10, 16),
                )?;
                instance.process.freeze();
                Ok(instance)
            });
            if let Err(error) = &started {
                eprintln!("  {}: {error:#}", self.servers[index].name);
            }
            instances.push(started.ok());
        }
        let scenarios: Vec<Scenario> = self
            .scenarios
            .iter()
            .filter(|s| s.shards == shards && !s.work.needs_fresh_server())
            .cloned()
            .collect();
        for scenario in scenarios {
            for index in self.order(rng) {
                if self.has_failed(&scenario, index) {
                    continue;
                }
                let Some(instance) = &mut instances[index] else {
                    let error = anyhow::anyhow!("the server did not start");
                    self.record(round, &scenario, index, None, Err(error))?;
                    continue;
                };
                instance.process.thaw();
                let taken =
                    settle(instance).and_then(|()| self.measure(&scenario, instance, round));
                instance.process.freeze();
                let command_line = instance.process.command_line.clone();
                self.record(round, &scenario, index, Some(command_line), taken)?;
            }
        }
        Ok(())
    }

    /// A scenario that needs a server of its own.
    fn fresh_server(
        &mut self,
        round: u32,
        scenario: &Scenario,
        index: usize,
    ) -> anyhow::Result<()> {
        if self.has_failed(scenario, index) {
            return Ok(());
        }
        let more: &[&str] = match scenario.work {
            Work::Connections { .. } => &["--maxclients", "12000"],
            _ => &[],
        };
        let mut command_line = None;
        let taken = self
            .start(index, scenario.shards, more)
            .and_then(|mut instance| {
                command_line = Some(instance.process.command_line.clone());
                settle(&mut instance)?;
                self.measure(scenario, &mut instance, round)
            });
        self.record(round, scenario, index, command_line, taken)
    }

    fn measure(
        &self,
        scenario: &Scenario,
        instance: &mut Instance,
        round: u32,
    ) -> anyhow::Result<Taken> {
        let machine = MachineTime::now();
        let mut taken = match &scenario.work {
            Work::Load {
                ops,
                connections,
                pipeline,
                rate,
                remote,
            } => {
                let mut args = self.window();
                for op in *ops {
                    args.extend(["--op".to_owned(), (*op).to_owned()]);
                }
                add(&mut args, "--connections", connections);
                add(&mut args, "--seed", self.seed ^ u64::from(round));
                add(&mut args, "--value-bytes", VALUE_BYTES);
                add(&mut args, "--keys", KEYS);
                match rate {
                    Some(rate) => add(&mut args, "--rate", rate),
                    None => add(&mut args, "--pipeline", pipeline),
                }
                if scenario.shards > 1 {
                    add(&mut args, "--shards", scenario.shards);
                }
                if let Some(percent) = remote {
                    add(&mut args, "--remote", percent);
                }
                let (report, command) = self.load(instance, &args)?;
                Taken {
                    metrics: load_metrics(&report),
                    command,
                }
            }
            Work::RedisBenchmark {
                test,
                pipeline,
                requests,
            } => self.redis_benchmark(instance, test, *pipeline, requests / self.scale.divide)?,
            Work::Filled {
                fill: fills,
                ops,
                keys,
                connections,
                pipeline,
            } => {
                for (op, count) in *fills {
                    let count = (count / self.scale.divide).max(1);
                    self.load(instance, &fill(op, count, VALUE_BYTES, 1, 16))?;
                }
                let mut args = self.window();
                for op in *ops {
                    args.extend(["--op".to_owned(), (*op).to_owned()]);
                }
                add(&mut args, "--connections", connections);
                add(&mut args, "--pipeline", pipeline);
                add(&mut args, "--seed", self.seed ^ u64::from(round));
                add(&mut args, "--value-bytes", VALUE_BYTES);
                add(&mut args, "--keys", (keys / self.scale.divide).max(1));
                let (report, command) = self.load(instance, &args)?;
                Taken {
                    metrics: load_metrics(&report),
                    command,
                }
            }
            Work::Elements { op, keys, elements } => {
                let divide = |n: &u64| (n / self.scale.divide).max(1);
                self.elements(instance, op, divide(keys), divide(elements))?
            }
            Work::Memory { op, keys } => self.memory(instance, op, keys / self.scale.divide)?,
            Work::Growth { op, keys } => self.growth(instance, op, keys / self.scale.divide)?,
            Work::Connections { connections } => {
                self.connections(instance, connections / self.scale.divide as u32)?
            }
        };
        taken
            .metrics
            .insert("stolen_percent".to_owned(), machine.stolen_percent());
        Ok(taken)
    }

    fn redis_benchmark(
        &self,
        instance: &Instance,
        test: &str,
        pipeline: u32,
        requests: u64,
    ) -> anyhow::Result<Taken> {
        let program = self
            .redis_benchmark
            .as_ref()
            .context("no redis-benchmark on PATH")?;
        let mut command = vec![program.display().to_string(), "--csv".to_owned()];
        command.extend(["-t".to_owned(), test.to_owned()]);
        add(&mut command, "-p", instance.port);
        add(&mut command, "-c", crate::scenario::CONNECTIONS);
        add(&mut command, "-n", requests);
        add(&mut command, "-P", pipeline);
        add(&mut command, "-d", VALUE_BYTES);
        add(&mut command, "-r", KEYS);
        let pid = instance.process.pid();
        let (before, began) = (CpuTime::of(pid)?, now_ns());
        let (output, command) = Pinned::run(&command, &self.load_cpus, &self.dir)?;
        let (after, elapsed) = (CpuTime::of(pid)?, (now_ns() - began) as f64);
        let cpu_ns = after.since_ns(&before) as f64;
        let waited = after.waited_since_ns(&before) as f64 * 100.0 / elapsed;
        let mut metrics = csv_metrics(&output)?;
        metrics.insert("wait_percent".to_owned(), waited);
        let rate = metrics
            .get("ops_per_sec")
            .copied()
            .context("a rate from redis-benchmark")?;
        // Connecting and the last replies are in it, which is little against this many requests.
        metrics.insert("cpu_us_per_op".to_owned(), cpu_ns / 1e3 / requests as f64);
        metrics.insert(
            "busy_percent".to_owned(),
            cpu_ns / 1e7 * rate / requests as f64,
        );
        Ok(Taken { metrics, command })
    }

    fn memory(&self, instance: &mut Instance, op: &str, keys: u64) -> anyhow::Result<Taken> {
        let pid = instance.process.pid();
        let used = |instance: &mut Instance| instance.client.info_number("memory", "used_memory");
        let (resident_before, used_before) = (resident_bytes(pid)?, used(instance)?);
        let (_, command) = self.load(instance, &fill(op, keys, SMALL_VALUE_BYTES, 10, 16))?;
        // Buffers of closed connections are given back by a timer.
        sleep_ms(1_000);
        let count = instance.client.call("DBSIZE")?;
        ensure!(
            count == Value::Integer(keys as i64),
            "{keys} keys loaded, DBSIZE {count:?}"
        );
        let per_key = |bytes: f64| bytes / keys as f64;
        let mut metrics = Metrics::new();
        metrics.insert(
            "rss_per_key".to_owned(),
            per_key(resident_bytes(pid)? - resident_before),
        );
        if let (Some(before), Some(after)) = (used_before, used(instance)?) {
            metrics.insert("used_per_key".to_owned(), per_key(after - before));
        }
        Ok(Taken { metrics, command })
    }

    /// What collections take for one element, their keys included.
    fn elements(
        &self,
        instance: &mut Instance,
        op: &str,
        keys: u64,
        elements: u64,
    ) -> anyhow::Result<Taken> {
        let pid = instance.process.pid();
        let used = |instance: &mut Instance| instance.client.info_number("memory", "used_memory");
        let (resident_before, used_before) = (resident_bytes(pid)?, used(instance)?);
        let mut args = fill(op, elements, SMALL_VALUE_BYTES, 10, 16);
        add(&mut args, "--keys", keys);
        let (_, command) = self.load(instance, &args)?;
        // Buffers of closed connections are given back by a timer.
        sleep_ms(1_000);
        let mut metrics = Metrics::new();
        let mut enter = |name: &str, bytes: f64| {
            metrics.insert(name.to_owned(), bytes / elements as f64);
        };
        enter("rss_per_element", resident_bytes(pid)? - resident_before);
        if let (Some(before), Some(after)) = (used_before, used(instance)?) {
            enter("used_per_element", after - before);
        }
        if let Value::Integer(count) = instance.client.call("DBSIZE")? {
            metrics.insert(
                "elements_per_key".to_owned(),
                elements as f64 / count.max(1) as f64,
            );
        }
        Ok(Taken { metrics, command })
    }

    /// The server's own number is the slow log: a client cannot tell a pause in the server from one in the kernel.
    fn growth(&self, instance: &mut Instance, op: &str, keys: u64) -> anyhow::Result<Taken> {
        instance
            .client
            .call(&format!("CONFIG SET slowlog-max-len {SLOW_ENTRIES}"))?;
        instance
            .client
            .call(&format!("CONFIG SET slowlog-log-slower-than {SLOW_US}"))?;
        instance.client.call("SLOWLOG RESET")?;
        let args = fill(op, keys, SMALL_VALUE_BYTES, 1, GROWTH_PIPELINE);
        let (report, command) = self.load(instance, &args)?;
        let mut metrics = load_metrics(&report);
        if let Value::Array(entries) = instance
            .client
            .call(&format!("SLOWLOG GET {SLOW_ENTRIES}"))?
        {
            let times: Vec<i64> = entries.iter().filter_map(slow_set_us).collect();
            // An empty log says that no command took as long as its threshold.
            let worst = times.iter().copied().max().unwrap_or(i64::from(SLOW_US));
            metrics.insert("slowest_us".to_owned(), worst as f64);
            metrics.insert("slow_commands".to_owned(), times.len() as f64);
        }
        Ok(Taken { metrics, command })
    }

    fn connections(&self, instance: &mut Instance, connections: u32) -> anyhow::Result<Taken> {
        let pid = instance.process.pid();
        let mut metrics = Metrics::new();
        let seconds = self.scale.seconds.max(1.0);

        let (before, began) = (CpuTime::of(pid)?, now_ns());
        sleep_ms((seconds * 1e3) as u64);
        let idle_ns = CpuTime::of(pid)?.since_ns(&before) as f64;
        let elapsed = (now_ns() - began) as f64;
        metrics.insert("idle_busy_percent".to_owned(), idle_ns * 100.0 / elapsed);

        let resident = resident_bytes(pid)?;
        let args = |rate: u32| {
            let mut args = vec!["--op".to_owned(), "SET key:{r} {v}".to_owned()];
            add(&mut args, "--connections", connections);
            add(&mut args, "--rate", rate);
            add(&mut args, "--seconds", seconds);
            add(&mut args, "--warmup", 1);
            self.load_command(instance, &args)
        };
        // Nearly silent: ten operations a second over all of them.
        let (silent, busy) = (args(10), args(connections));
        let running = Pinned::start(&silent, &self.load_cpus, &self.dir, None)?;
        // A server without INFO gets as long as connecting may take.
        let (begun, deadline) = (now_ns(), now_ns() + 20_000_000_000);
        loop {
            let connected = instance
                .client
                .info_number("clients", "connected_clients")?;
            if connected.is_some_and(|count| count >= f64::from(connections))
                || (connected.is_none() && now_ns() > begun + 1_000_000_000)
            {
                break;
            }
            ensure!(now_ns() < deadline, "{connections} connections within 20 s");
            sleep_ms(20);
        }
        sleep_ms(500);
        let per_connection = (resident_bytes(pid)? - resident) / f64::from(connections);
        metrics.insert("rss_per_connection".to_owned(), per_connection);
        let (output, _) = running.output()?;
        let report: load::Report = serde_json::from_str(&output)?;
        if let Some(busy) = report.server_busy_percent {
            metrics.insert("silent_busy_percent".to_owned(), busy);
        }
        // Then each speaks once a second.
        let (output, command) = Pinned::run(&busy, &self.load_cpus, &self.dir)?;
        let report: load::Report = serde_json::from_str(&output)?;
        metrics.extend(load_metrics(&report));
        Ok(Taken { metrics, command })
    }

    fn window(&self) -> Vec<String> {
        let mut args = Vec::new();
        add(&mut args, "--seconds", self.scale.seconds);
        add(&mut args, "--warmup", self.scale.warmup_seconds);
        args
    }

    /// Runs the load generator on a server.
    fn load(&self, instance: &Instance, args: &[String]) -> anyhow::Result<(load::Report, String)> {
        let command = self.load_command(instance, args);
        let (output, command_line) = Pinned::run(&command, &self.load_cpus, &self.dir)?;
        let report = serde_json::from_str(&output).with_context(|| command_line.clone())?;
        Ok((report, command_line))
    }

    fn load_command(&self, instance: &Instance, args: &[String]) -> Vec<String> {
        let mut command = vec![self.load_program.display().to_string(), "--json".to_owned()];
        add(&mut command, "--port", instance.port);
        add(&mut command, "--server-pid", instance.process.pid());
        add(&mut command, "--cpus", show_cpus(&self.load_cpus));
        add(&mut command, "--threads", self.load_cpus.len());
        command.extend(args.iter().cloned());
        command
    }

    fn start(&self, index: usize, shards: u16, more: &[&str]) -> anyhow::Result<Instance> {
        let cpus = self.cpus_for(shards);
        Instance::start(&self.servers[index], shards, &cpus, &self.dir, more)
    }

    /// One core a shard; on a machine with too few, the load's own cores come in last.
    fn cpus_for(&self, shards: u16) -> Vec<usize> {
        let all = self.server_cpus.iter().chain(&self.load_cpus);
        all.copied().take(usize::from(shards)).collect()
    }

    fn order(&self, rng: &mut Rng) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.servers.len()).collect();
        rng.shuffle(&mut order);
        order
    }

    fn has_failed(&self, scenario: &Scenario, index: usize) -> bool {
        let key = (scenario.name.to_owned(), self.servers[index].name.clone());
        self.failed.contains(&key)
    }

    fn record(
        &mut self,
        round: u32,
        scenario: &Scenario,
        index: usize,
        server_command: Option<String>,
        taken: anyhow::Result<Taken>,
    ) -> anyhow::Result<()> {
        let server = self.servers[index].name.clone();
        let mut commands: Vec<String> = server_command.into_iter().collect();
        let (metrics, error) = match taken {
            Ok(taken) => {
                commands.push(taken.command);
                (taken.metrics, None)
            }
            Err(error) => {
                self.failed
                    .insert((scenario.name.to_owned(), server.clone()));
                (Metrics::new(), Some(format!("{error:#}")))
            }
        };
        eprintln!(
            "  {:<20} {server:<14} {}",
            scenario.name,
            progress(&metrics, error.as_deref())
        );
        let line = Line::Measurement(Measurement {
            round,
            scenario: scenario.name.to_owned(),
            server,
            at: unix_seconds(),
            metrics,
            commands,
            error,
        });
        self.writer.write(&line)?;
        self.lines.push(line);
        Ok(())
    }
}

/// Arguments for loading `keys` keys, each once.
fn fill(op: &str, keys: u64, value_bytes: usize, connections: u32, pipeline: u32) -> Vec<String> {
    let mut args = vec!["--op".to_owned(), op.to_owned()];
    add(&mut args, "--requests", keys);
    add(&mut args, "--value-bytes", value_bytes);
    add(&mut args, "--connections", connections);
    add(&mut args, "--pipeline", pipeline);
    args
}

fn add(args: &mut Vec<String>, name: &str, value: impl ToString) {
    args.extend([name.to_owned(), value.to_string()]);
}

/// Lets a server that was started or woken just now do what its timers have due.
fn settle(instance: &mut Instance) -> anyhow::Result<()> {
    instance.client.call("PING")?;
    sleep_ms(150);
    Ok(())
}

fn load_metrics(report: &load::Report) -> Metrics {
    let numbers = [
        ("ops_per_sec", Some(report.ops_per_sec)),
        ("mean_us", Some(report.mean_us)),
        ("p50_us", Some(report.p50_us)),
        ("p99_us", Some(report.p99_us)),
        ("p999_us", Some(report.p999_us)),
        ("max_us", Some(report.max_us)),
        ("cpu_us_per_op", report.server_cpu_us_per_op),
        ("busy_percent", report.server_busy_percent),
        ("wait_percent", report.server_wait_percent),
        ("load_busy_percent", Some(report.load_busy_percent)),
        ("send_lag_p99_us", report.send_lag_p99_us),
        ("unanswered", Some(report.unanswered as f64)),
        ("nils", Some(report.nils as f64)),
    ];
    numbers
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// The last row of redis-benchmark's CSV; rows before it only prepare.
fn csv_metrics(output: &str) -> anyhow::Result<Metrics> {
    let mut rows = output.lines().filter(|line| line.starts_with('"'));
    let header = rows.next().context("CSV from redis-benchmark")?;
    let row = rows
        .next_back()
        .context("a row of CSV from redis-benchmark")?;
    let mut metrics = Metrics::new();
    for (name, value) in header.split(',').zip(row.split("\",\"")) {
        let Ok(value) = value.trim_matches('"').parse::<f64>() else {
            continue;
        };
        let (name, factor) = match name.trim_matches('"') {
            "rps" => ("ops_per_sec", 1.0),
            "avg_latency_ms" => ("mean_us", 1e3),
            "p50_latency_ms" => ("p50_us", 1e3),
            "p99_latency_ms" => ("p99_us", 1e3),
            "max_latency_ms" => ("max_us", 1e3),
            _ => continue,
        };
        metrics.insert(name.to_owned(), value * factor);
    }
    Ok(metrics)
}

/// Microseconds of a slow log entry, if it is of a SET.
fn slow_set_us(entry: &Value) -> Option<i64> {
    let Value::Array(fields) = entry else {
        return None;
    };
    let (Some(Value::Integer(us)), Some(Value::Array(args))) = (fields.get(2), fields.get(3))
    else {
        return None;
    };
    matches!(args.first(), Some(Value::Text(name)) if name.eq_ignore_ascii_case("set"))
        .then_some(*us)
}

fn progress(metrics: &Metrics, error: Option<&str>) -> String {
    if let Some(error) = error {
        return format!("FAILED: {error}");
    }
    let shown = [
        ("ops_per_sec", "ops/s", 0),
        ("p99_us", "p99 us", 0),
        ("cpu_us_per_op", "CPU us/op", 3),
        ("rss_per_key", "B/key", 1),
        ("used_per_element", "B/element", 1),
        ("slowest_us", "slowest us", 0),
        ("rss_per_connection", "B/conn", 0),
    ];
    let parts: Vec<String> = shown
        .iter()
        .filter_map(|(name, unit, digits)| {
            metrics
                .get(*name)
                .map(|value| format!("{value:.*} {unit}", *digits))
        })
        .collect();
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_csv_of_redis_benchmark() {
        let csv = "\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\
            \"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\"\n\
            \"LPUSH (needed to benchmark LRANGE)\",\"1.00\",\"9\",\"9\",\"9\",\"9\",\"9\",\"9\"\n\
            \"LRANGE_100 (first 100 elements)\",\"94339.62\",\"0.285\",\"0.104\",\"0.279\",\"0.391\",\
            \"0.599\",\"3.127\"\n";
        let metrics = csv_metrics(csv).unwrap();
        assert_eq!(metrics["ops_per_sec"], 94339.62);
        assert_eq!(metrics["p50_us"], 279.0);
        assert_eq!(metrics["p99_us"], 599.0);
        assert!(csv_metrics("WARNING\n").is_err());
    }

    #[test]
    fn slow_log_entries_of_other_commands_do_not_count() {
        let entry = |name: &str| {
            Value::Array(vec![
                Value::Integer(1),
                Value::Integer(1_700_000_000),
                Value::Integer(55),
                Value::Array(vec![Value::Text(name.to_owned())]),
            ])
        };
        assert_eq!(slow_set_us(&entry("SET")), Some(55));
        assert_eq!(slow_set_us(&entry("config")), None);
    }
}
