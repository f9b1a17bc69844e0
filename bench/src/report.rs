//! From raw lines to a table and plots.
//!
//! Of every number the median over rounds is shown, with the least and the greatest. A ratio is taken in each round,
//! against the baseline server of that round, and then the median of the ratios: what slows a whole round down slows
//! both its servers, and leaves the ratio.

use crate::record::{Line, Measurement, RunInfo};
use crate::scenario::{Family, scenarios};
use crate::svg::{Bar, Chart, short};
use anyhow::Context;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// A number of the tables.
struct Column {
    metric: &'static str,
    title: &'static str,
    /// With least and greatest, or the median alone.
    range: bool,
    /// Followed by a column of ratios to the baseline.
    ratio: bool,
    /// Drawn, with this file name and remark.
    plot: Option<(&'static str, &'static str)>,
}

const fn column(metric: &'static str, title: &'static str) -> Column {
    Column {
        metric,
        title,
        range: false,
        ratio: false,
        plot: None,
    }
}

impl Column {
    const fn range(mut self) -> Column {
        self.range = true;
        self
    }

    const fn ratio(mut self) -> Column {
        self.ratio = true;
        self
    }

    const fn plot(mut self, file: &'static str, remark: &'static str) -> Column {
        self.plot = Some((file, remark));
        self
    }
}

const LESS: &str = "less is better";
const MORE: &str = "more is better";

const THROUGHPUT: &[Column] = &[
    column("ops_per_sec", "ops/s")
        .range()
        .ratio()
        .plot("ops", MORE),
    column("cpu_us_per_op", "server CPU µs/op")
        .range()
        .ratio()
        .plot("cpu", LESS),
    column("p50_us", "p50 µs").range(),
    column("p99_us", "p99 µs").range().plot("p99", LESS),
    column("p999_us", "p99.9 µs").range(),
    column("busy_percent", "server busy %"),
    column("load_busy_percent", "load busy %"),
];
const OPEN: &[Column] = &[
    column("p50_us", "p50 µs").range().ratio(),
    column("p99_us", "p99 µs").range().ratio().plot("p99", LESS),
    column("p999_us", "p99.9 µs").range().plot("p999", LESS),
    column("max_us", "max µs").range(),
    column("cpu_us_per_op", "server CPU µs/op")
        .range()
        .ratio()
        .plot("cpu", LESS),
    column("ops_per_sec", "ops/s"),
    column("send_lag_p99_us", "send lag p99 µs"),
    column("unanswered", "unanswered"),
];
const MEMORY: &[Column] = &[
    column("rss_per_key", "RSS bytes/key")
        .range()
        .ratio()
        .plot("rss", LESS),
    column("used_per_key", "used_memory bytes/key").range(),
];
const ELEMENTS: &[Column] = &[
    column("used_per_element", "used_memory bytes/element")
        .range()
        .ratio()
        .plot("used", LESS),
    column("rss_per_element", "RSS bytes/element")
        .range()
        .ratio(),
    column("elements_per_key", "elements/key"),
];
const GROWTH: &[Column] = &[
    column("slowest_us", "slowest SET µs (slow log)")
        .range()
        .ratio()
        .plot("slowest", LESS),
    column("slow_commands", "SETs of ≥ 20 µs").range(),
    column("p999_us", "client p99.9 µs, batch of 16").range(),
    column("max_us", "client max µs, batch of 16").range(),
    column("ops_per_sec", "ops/s").range().ratio(),
    column("cpu_us_per_op", "server CPU µs/op").range().ratio(),
];
const CONNECTIONS: &[Column] = &[
    column("idle_busy_percent", "CPU % with none").range(),
    column("silent_busy_percent", "CPU % all silent").range(),
    column("cpu_us_per_op", "CPU µs/op, each 1 op/s")
        .range()
        .ratio()
        .plot("cpu", LESS),
    column("p50_us", "p50 µs"),
    column("p99_us", "p99 µs").range().ratio(),
    column("p999_us", "p99.9 µs").range(),
    column("rss_per_connection", "RSS bytes/connection")
        .range()
        .ratio()
        .plot("rss", LESS),
];

impl Family {
    fn title(self) -> &'static str {
        match self {
            Family::Closed => "One core, closed loop, 50 connections",
            Family::RedisBenchmark => "One core, redis-benchmark, 50 connections",
            Family::Open => "One core, open loop, 50 connections",
            Family::Shards => "Two cores",
            Family::Memory => "Memory: 16-byte keys, 32-byte values",
            Family::Growth => "Growth: the slowest SET while loading",
            Family::Connections => "Many connections, mostly idle",
            Family::DefaultsSingly => "redis-benchmark's list",
            Family::Defaults => "redis-benchmark's list, pipelines of 16",
            Family::Collections => "Collections, streams and scripts, one core",
            Family::Elements => "Bytes an element: values of 32 bytes, members of 14",
        }
    }

    /// Beginning of the names of its plots.
    fn file(self) -> &'static str {
        match self {
            Family::Closed => "closed",
            Family::RedisBenchmark => "redis-benchmark",
            Family::Open => "open",
            Family::Shards => "shards",
            Family::Memory => "memory",
            Family::Growth => "growth",
            Family::Connections => "connections",
            Family::DefaultsSingly => "defaults-singly",
            Family::Defaults => "defaults",
            Family::Collections => "collections",
            Family::Elements => "elements",
        }
    }

    fn columns(self) -> &'static [Column] {
        match self {
            Family::Closed
            | Family::RedisBenchmark
            | Family::Shards
            | Family::DefaultsSingly
            | Family::Defaults
            | Family::Collections => THROUGHPUT,
            Family::Elements => ELEMENTS,
            Family::Open => OPEN,
            Family::Memory => MEMORY,
            Family::Growth => GROWTH,
            Family::Connections => CONNECTIONS,
        }
    }
}

/// All that was measured, by what it is looked up with.
struct Results<'a> {
    info: &'a RunInfo,
    /// Scenario and server, then one measurement a round.
    cells: BTreeMap<(&'a str, &'a str), Vec<&'a Measurement>>,
}

/// Writes `table.md` and the plots into `dir`; returns the table.
pub fn write(lines: &[Line], dir: &Path) -> anyhow::Result<String> {
    let results = Results::of(lines)?;
    let mut table = results.header();
    for family in Family::ALL {
        results.family(family, &mut table);
        for (name, chart) in results.charts(family) {
            if let Some(svg) = chart.render() {
                fs::write(dir.join(&name), svg)?;
                let _ = writeln!(table, "![{}]({name})", chart.title);
            }
        }
    }
    results.failures(&mut table);
    fs::write(dir.join("table.md"), &table)?;
    Ok(table)
}

impl<'a> Results<'a> {
    fn of(lines: &'a [Line]) -> anyhow::Result<Results<'a>> {
        let mut info = None;
        let mut cells: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for line in lines {
            match line {
                Line::Run(run) => info = Some(run),
                Line::Measurement(taken) => cells
                    .entry((taken.scenario.as_str(), taken.server.as_str()))
                    .or_default()
                    .push(taken),
            }
        }
        Ok(Results {
            info: info.context("a line about the run")?,
            cells,
        })
    }

    fn header(&self) -> String {
        let info = self.info;
        let mut text = format!(
            "# {} on {}\n\n\
             - machine: {} CPUs, {}, {} GB, Linux {}; load average before: {:.2}\n\
             - commit: {}\n- command: `{}`\n\
             - {} rounds of {} s, seed {}; servers on CPU {}, load on CPU {}; {}\n",
            info.date,
            info.cpu,
            info.cpus,
            info.cpu,
            info.memory_gb,
            info.kernel,
            info.load_average,
            info.commit,
            info.command_line,
            info.rounds,
            info.seconds,
            info.seed,
            info.server_cpus,
            info.load_cpus,
            info.redis_benchmark,
        );
        for server in &info.servers {
            let args = if server.args.is_empty() {
                String::new()
            } else {
                format!(" with `{}`", server.args.join(" "))
            };
            let _ = writeln!(text, "- {}: {}{args}", server.name, server.version);
        }
        let _ = writeln!(
            text,
            "\nMedians over rounds (least–greatest). × {}: median of the ratios of each round. `~`: the machine was \
             noisy: in some round of this row the hypervisor took more than 2 % of the time, or the server waited \
             more than 3 % of it for its core, or the ratios differ by more than a quarter.",
            info.baseline
        );
        text
    }

    fn family(&self, family: Family, out: &mut String) {
        let scenarios: Vec<_> = scenarios()
            .filter(|s| s.family == family)
            .filter(|s| self.cells.keys().any(|(name, _)| *name == s.name))
            .collect();
        if scenarios.is_empty() {
            return;
        }
        let columns: Vec<&Column> = family
            .columns()
            .iter()
            .filter(|c| {
                scenarios.iter().any(|s| {
                    self.info
                        .servers
                        .iter()
                        .any(|v| !self.values(s.name, &v.name, c).is_empty())
                })
            })
            .collect();
        // Then it waits for the load, and that is no disturbance from outside.
        let shared_core = family == Family::Shards && self.info.server_cpus.split(',').count() < 2;
        let mut titles = vec!["scenario".to_owned(), "server".to_owned()];
        for column in &columns {
            titles.push(column.title.to_owned());
            if column.ratio {
                titles.push(format!("× {}", self.info.baseline));
            }
        }
        let _ = writeln!(out, "\n## {}\n\n| {} |", family.title(), titles.join(" | "));
        let _ = writeln!(out, "|---|---|{}", "---:|".repeat(titles.len() - 2));
        for scenario in scenarios {
            for server in &self.info.servers {
                let mut row = vec![scenario.name.to_owned(), server.name.clone()];
                if self.is_noisy(scenario.name, &server.name, &columns, shared_core) {
                    row[1].push_str(" ~");
                }
                for column in &columns {
                    row.push(cell(
                        &self.values(scenario.name, &server.name, column),
                        column.range,
                    ));
                    if column.ratio {
                        row.push(cell(
                            &self.ratios(scenario.name, &server.name, column),
                            false,
                        ));
                    }
                }
                let _ = writeln!(out, "| {} |", row.join(" | "));
            }
        }
        if shared_core {
            out.push_str(
                "\nThis machine has too few cores: the load generator shares the second server core. Read the CPU \
                 time, not the rate.\n",
            );
        }
        out.push('\n');
    }

    fn charts(&self, family: Family) -> Vec<(String, Chart)> {
        let series: Vec<String> = self.info.servers.iter().map(|s| s.name.clone()).collect();
        let mut charts = Vec::new();
        for column in family.columns() {
            let Some((file, remark)) = column.plot else {
                continue;
            };
            let groups = scenarios()
                .filter(|s| s.family == family)
                .map(|scenario| {
                    let bars = series
                        .iter()
                        .map(|server| {
                            let values = self.values(scenario.name, server, column);
                            let value = median(&values)?;
                            let (min, max) = extremes(&values);
                            Some(Bar { value, min, max })
                        })
                        .collect();
                    (scenario.name.to_owned(), bars)
                })
                .filter(|(_, bars): &(String, Vec<Option<Bar>>)| bars.iter().any(Option::is_some))
                .collect();
            let chart = Chart {
                title: family.title().to_owned(),
                axis: format!(
                    "{} ({remark}); median, whiskers from least to greatest",
                    column.title
                ),
                series: series.clone(),
                groups,
                reference: None,
            };
            charts.push((format!("{}-{file}.svg", family.file()), chart));
        }
        charts
    }

    fn failures(&self, out: &mut String) {
        let failed = self.cells.values().flatten().filter_map(|m| {
            let error = m.error.as_ref()?.replace('\n', " ");
            Some(format!("- {} on {}: {error}", m.scenario, m.server))
        });
        let failed: Vec<String> = failed.collect();
        if !failed.is_empty() {
            let _ = writeln!(out, "\n## Failed\n\n{}", failed.join("\n"));
        }
    }

    fn values(&self, scenario: &str, server: &str, column: &Column) -> Vec<f64> {
        let rounds = self
            .cells
            .get(&(scenario, server))
            .map_or(&[][..], Vec::as_slice);
        rounds
            .iter()
            .filter_map(|m| m.metrics.get(column.metric).copied())
            .collect()
    }

    /// In each round that has both, this server's number over the baseline's.
    fn ratios(&self, scenario: &str, server: &str, column: &Column) -> Vec<f64> {
        let rounds = |server| {
            self.cells
                .get(&(scenario, server))
                .map_or(&[][..], Vec::as_slice)
        };
        let ratio = |mine: &&Measurement| {
            let base = rounds(self.info.baseline.as_str())
                .iter()
                .find(|m| m.round == mine.round)?;
            let base = *base.metrics.get(column.metric)?;
            (base > 0.0).then_some(mine.metrics.get(column.metric)? / base)
        };
        rounds(server).iter().filter_map(ratio).collect()
    }

    fn is_noisy(
        &self,
        scenario: &str,
        server: &str,
        columns: &[&Column],
        shared_core: bool,
    ) -> bool {
        let above = |metric, limit| {
            self.values(scenario, server, &column(metric, ""))
                .iter()
                .any(|&percent| percent > limit)
        };
        if above("stolen_percent", 2.0) || (!shared_core && above("wait_percent", 3.0)) {
            return true;
        }
        let Some(first) = columns.iter().find(|c| c.ratio) else {
            return false;
        };
        let ratios = self.ratios(scenario, server, first);
        let (min, max) = extremes(&ratios);
        median(&ratios).is_some_and(|median| max - min > median / 4.0)
    }
}

fn cell(values: &[f64], range: bool) -> String {
    let Some(median) = median(values) else {
        return "–".to_owned();
    };
    let (min, max) = extremes(values);
    if range && values.len() > 1 {
        format!("{} ({}–{})", short(median), short(min), short(max))
    } else {
        short(median)
    }
}

/// The middle one, or the mean of the two in the middle.
fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

fn extremes(values: &[f64]) -> (f64, f64) {
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    (
        min,
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Metrics, ServerInfo};

    fn line(round: u32, server: &str, ops: f64) -> Line {
        Line::Measurement(Measurement {
            round,
            scenario: "get-p1".to_owned(),
            server: server.to_owned(),
            at: 0,
            metrics: Metrics::from([("ops_per_sec".to_owned(), ops)]),
            commands: vec![],
            error: None,
        })
    }

    fn lines() -> Vec<Line> {
        let server = |name: &str| ServerInfo {
            name: name.to_owned(),
            version: "1".to_owned(),
            program: String::new(),
            args: vec![],
        };
        let mut lines = vec![Line::Run(RunInfo {
            date: "2030-01-01".to_owned(),
            suite: "gate".to_owned(),
            command_line: String::new(),
            seed: 1,
            rounds: 3,
            seconds: 1.0,
            baseline: "redis".to_owned(),
            commit: String::new(),
            cpu: "a CPU".to_owned(),
            cpus: 2,
            kernel: String::new(),
            memory_gb: 1.0,
            load_average: 0.0,
            server_cpus: "0".to_owned(),
            load_cpus: "1".to_owned(),
            redis_benchmark: String::new(),
            servers: vec![server("tessera"), server("redis")],
        })];
        // The third round is three times as slow for both: the ratio stays 2.
        for (round, base) in [(1, 100.0), (2, 110.0), (3, 35.0)] {
            lines.push(line(round, "redis", base));
            lines.push(line(round, "tessera", base * 2.0));
        }
        lines
    }

    #[test]
    fn ratios_are_taken_within_rounds() {
        let lines = lines();
        let results = Results::of(&lines).unwrap();
        let column = column("ops_per_sec", "ops/s");
        assert_eq!(results.ratios("get-p1", "tessera", &column), [2.0; 3]);
        assert!(!results.is_noisy("get-p1", "tessera", &[&column.ratio()], false));
    }

    #[test]
    fn the_table_has_medians_and_extremes() {
        let lines = lines();
        let results = Results::of(&lines).unwrap();
        let mut table = String::new();
        results.family(Family::Closed, &mut table);
        assert!(
            table.contains("| scenario | server | ops/s | × redis |"),
            "{table}"
        );
        assert!(
            table.contains("| get-p1 | tessera | 200 (70–220) | 2 |"),
            "{table}"
        );
    }

    #[test]
    fn lines_survive_the_file() {
        for line in lines() {
            let text = serde_json::to_string(&line).unwrap();
            let back: Line = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
        }
    }

    #[test]
    fn the_median_of_an_even_count_is_between() {
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
