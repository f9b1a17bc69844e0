//! `tessera-compare`: Tessera and its peers side by side. `bench/compare` builds and starts it.

use anyhow::{Context, bail, ensure};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tessera_bench::peers::{self, KNOWN, Server};
use tessera_bench::process::{self, allowed_cpus, parse_cpus, show_cpus};
use tessera_bench::record::{self, Line, RunInfo, ServerInfo, Writer};
use tessera_bench::runner::Runner;
use tessera_bench::scenario::{Suite, scenarios};
use tessera_bench::{clock, report};

const USAGE: &str = "\
bench/compare: Tessera and its peers side by side

  --quick               a minute, small counts: does everything work?
  --gate                what a release is judged by (default), about 45 minutes with three servers
  --collections         redis-benchmark's list, collections, streams, scripts, and their memory
  --full                all scenarios
  --list                show the scenarios and stop
  --only TEXT           only scenarios whose name begins so; repeat for more
  --rounds N            --seconds S        --seed N
  --divide N            counts of keys and requests divided by N: does it work?

  --tessera PATH        instead of target/release/tessera-server
  --redis PATH          also --valkey, --keydb, --dragonfly: instead of the one on PATH
  --peer 'NAME=COMMAND' one more server; NAME begins with tessera, keydb or dragonfly if it takes
                        such arguments. --peer 'redis-again=redis-server' shows the noise
  --without NAME        leave a server out
  --baseline NAME       what ratios are against (redis)

  --server-cpus LIST    --load-cpus LIST   default: load on the last core, servers on the others
  --redis-benchmark PATH
  --out DIR             default: bench/results/DATE-MACHINE; with --quick target/bench-quick
  --machine NAME        for the name of that folder
  --report FILE         only make table and plots anew, from a raw.jsonl
";

/// The command line.
struct Options {
    suite: Suite,
    only: Vec<String>,
    rounds: Option<u32>,
    seconds: Option<f64>,
    divide: Option<u64>,
    seed: u64,
    /// Name and command; the later of one name counts.
    servers: Vec<(String, String)>,
    without: BTreeSet<String>,
    baseline: String,
    server_cpus: Option<Vec<usize>>,
    load_cpus: Option<Vec<usize>>,
    redis_benchmark: String,
    out: Option<PathBuf>,
    machine: Option<String>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // How `Pinned` starts its children, see there.
    if let [exec, cpus, list, dashes, command @ ..] = args.as_slice()
        && (exec.as_str(), cpus.as_str(), dashes.as_str()) == ("exec", "--cpus", "--")
    {
        return process::become_command(&parse_cpus(list)?, command);
    }
    match parse(lexopt::Parser::from_env())? {
        Some(options) => compare(&options, &args),
        None => Ok(()),
    }
}

fn parse(mut parser: lexopt::Parser) -> anyhow::Result<Option<Options>> {
    use lexopt::prelude::*;
    let tessera = own_sibling("tessera-server")?;
    let mut options = Options {
        suite: Suite::Gate,
        only: Vec::new(),
        rounds: None,
        seconds: None,
        divide: None,
        seed: 1,
        servers: vec![("tessera".to_owned(), tessera.display().to_string())],
        without: BTreeSet::new(),
        baseline: "redis".to_owned(),
        server_cpus: None,
        load_cpus: None,
        redis_benchmark: "redis-benchmark".to_owned(),
        out: None,
        machine: None,
    };
    // Those on PATH; a peer that is not installed is not an error, one that was asked for is.
    for (name, program) in KNOWN {
        if peers::find(program).is_some() {
            options.servers.push((name.to_owned(), program.to_owned()));
        }
    }
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => options.suite = Suite::Quick,
            Long("gate") => options.suite = Suite::Gate,
            Long("collections") => options.suite = Suite::Collections,
            Long("full") => options.suite = Suite::Full,
            Long("only") => options.only.push(parser.value()?.string()?),
            Long("rounds") => options.rounds = Some(parser.value()?.parse()?),
            Long("seconds") => options.seconds = Some(parser.value()?.parse()?),
            Long("divide") => options.divide = Some(parser.value()?.parse::<u64>()?.max(1)),
            Long("seed") => options.seed = parser.value()?.parse()?,
            Long("peer") => {
                let text = parser.value()?.string()?;
                let (name, command) = text.split_once('=').context("--peer NAME=COMMAND")?;
                set(&mut options.servers, name, command);
            }
            Long("without") => {
                options.without.insert(parser.value()?.string()?);
            }
            Long("baseline") => options.baseline = parser.value()?.string()?,
            Long("server-cpus") => {
                options.server_cpus = Some(parse_cpus(&parser.value()?.string()?)?);
            }
            Long("load-cpus") => options.load_cpus = Some(parse_cpus(&parser.value()?.string()?)?),
            Long("redis-benchmark") => options.redis_benchmark = parser.value()?.string()?,
            Long("out") => options.out = Some(parser.value()?.into()),
            Long("machine") => options.machine = Some(parser.value()?.string()?),
            Long("report") => {
                let file = PathBuf::from(parser.value()?);
                let dir = file.parent().context("a folder for the report")?;
                print!("{}", report::write(&record::read(&file)?, dir)?);
                return Ok(None);
            }
            Long("list") => {
                for s in scenarios() {
                    println!("{:<22} {:?} {:?} {:?}", s.name, s.suite, s.family, s.work);
                }
                return Ok(None);
            }
            Short('h') | Long("help") => {
                print!("{USAGE}");
                return Ok(None);
            }
            Long("tessera" | "redis" | "valkey" | "keydb" | "dragonfly") => {
                let name = match arg {
                    Long(name) => name.to_owned(),
                    _ => bail!("an option with a name"),
                };
                let path = parser.value()?.string()?;
                set(&mut options.servers, &name, &path);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(options))
}

fn set(servers: &mut Vec<(String, String)>, name: &str, command: &str) {
    match servers.iter_mut().find(|(known, _)| known == name) {
        Some(server) => command.clone_into(&mut server.1),
        None => servers.push((name.to_owned(), command.to_owned())),
    }
}

fn compare(options: &Options, args: &[String]) -> anyhow::Result<()> {
    let servers = options
        .servers
        .iter()
        .filter(|(name, _)| !options.without.contains(name))
        .map(|(name, command)| Server::new(name, command))
        .collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!servers.is_empty(), "at least one server");
    let baseline = match servers.iter().find(|s| s.name == options.baseline) {
        Some(server) => server.name.clone(),
        None => servers[0].name.clone(),
    };
    let scenarios: Vec<_> = scenarios()
        .filter(|s| options.suite.includes(s.suite))
        .filter(|s| options.only.is_empty() || options.only.iter().any(|o| s.name.starts_with(o)))
        .cloned()
        .collect();
    ensure!(
        !scenarios.is_empty(),
        "no scenario by that name in this suite; --list shows them"
    );
    let mut scale = options.suite.scale();
    scale.rounds = options.rounds.unwrap_or(scale.rounds);
    scale.seconds = options.seconds.unwrap_or(scale.seconds);
    scale.divide = options.divide.unwrap_or(scale.divide);
    let (server_cpus, load_cpus) = layout(options)?;
    if process::load_average() > 0.5 {
        eprintln!(
            "other processes run here (load average {:.2})",
            process::load_average()
        );
    }

    let root = root()?;
    let out = out_dir(options, &root)?;
    let redis_benchmark = peers::find(&options.redis_benchmark);
    let mut runner = Runner {
        writer: Writer::create(&out.join("raw.jsonl"))?,
        lines: Vec::new(),
        failed: BTreeSet::new(),
        dir: root
            .join("target")
            .join("bench-run")
            .join(std::process::id().to_string()),
        load_program: own_sibling("tessera-load")?,
        redis_benchmark: redis_benchmark.clone(),
        seed: options.seed,
        scenarios,
        scale,
        server_cpus,
        load_cpus,
        servers,
    };
    let info = Line::Run(RunInfo {
        date: clock::date(clock::unix_seconds()),
        suite: format!("{:?}", options.suite).to_lowercase(),
        command_line: format!("bench/compare {}", args.join(" "))
            .trim_end()
            .to_owned(),
        seed: options.seed,
        rounds: scale.rounds,
        seconds: scale.seconds,
        baseline,
        commit: record::commit(&root),
        cpu: record::cpu_model(),
        cpus: allowed_cpus()?.len(),
        kernel: record::kernel(),
        memory_gb: record::memory_gb(),
        load_average: process::load_average(),
        server_cpus: show_cpus(&runner.server_cpus),
        load_cpus: show_cpus(&runner.load_cpus),
        redis_benchmark: redis_benchmark.map_or("no redis-benchmark".to_owned(), |program| {
            peers::version(&program)
        }),
        servers: runner
            .servers
            .iter()
            .map(|server| ServerInfo {
                name: server.name.clone(),
                version: server.version.clone(),
                program: server.program.display().to_string(),
                args: server.args.clone(),
            })
            .collect(),
    });
    runner.writer.write(&info)?;
    runner.lines.push(info);
    fs::create_dir_all(&runner.dir)?;
    let result = runner.run();
    let _ = fs::remove_dir_all(&runner.dir);
    result?;

    println!("{}", report::write(&runner.lines, &out)?);
    println!("written to {}", out.display());
    let failed: Vec<String> = runner
        .failed
        .iter()
        .map(|(scenario, server)| format!("{scenario} on {server}"))
        .collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Which cores the servers have, and which the load: never hardware threads of one core.
fn layout(options: &Options) -> anyhow::Result<(Vec<usize>, Vec<usize>)> {
    let mut cores = allowed_cpus()?;
    let first_threads: Vec<usize> = cores
        .iter()
        .copied()
        .filter(|&cpu| process::is_first_thread(cpu))
        .collect();
    if first_threads.len() >= 2 {
        cores = first_threads;
    }
    let load = options
        .load_cpus
        .clone()
        .unwrap_or_else(|| cores[cores.len() - 1..].to_vec());
    let rest = |cpu: &usize| !load.contains(cpu);
    let mut server = match &options.server_cpus {
        Some(cpus) => cpus.clone(),
        None => cores.iter().copied().filter(rest).collect(),
    };
    if server.is_empty() {
        eprintln!("one core only: servers and load share it, and the numbers mean little");
        server = load.clone();
    }
    Ok((server, load))
}

/// The project's folder: two above this crate's sources when run from a build, else where it was started.
fn root() -> anyhow::Result<PathBuf> {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Ok(built_in
        .canonicalize()
        .or_else(|_| std::env::current_dir())?)
}

fn out_dir(options: &Options, root: &Path) -> anyhow::Result<PathBuf> {
    let dir = match (&options.out, options.suite) {
        (Some(dir), _) => dir.clone(),
        (None, Suite::Quick) => root.join("target").join("bench-quick"),
        (None, _) => {
            let machine = options.machine.clone().unwrap_or_else(machine_name);
            let name = format!("{}-{machine}", clock::date(clock::unix_seconds()));
            let results = root.join("bench").join("results");
            // A second run of a day does not overwrite the first.
            let numbered = (2..).map(|n| format!("{name}-{n}"));
            std::iter::once(name.clone())
                .chain(numbered)
                .map(|name| results.join(name))
                .find(|dir| !dir.exists())
                .context("a free name for the results")?
        }
    };
    fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir.canonicalize()?)
}

/// `amd-epyc-2cpu` and the like.
fn machine_name() -> String {
    let model = record::cpu_model().to_lowercase();
    let words = model
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty());
    let words: Vec<&str> = words
        .filter(|w| !["r", "tm", "cpu", "processor"].contains(w))
        .collect();
    let count = allowed_cpus().map_or(0, |cpus| cpus.len());
    format!("{}-{count}cpu", words[..words.len().min(4)].join("-"))
}

/// A program built next to this one.
fn own_sibling(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().context("folder of this program")?.join(name))
}
