//! From arguments to running shards.
//!
//! The order matters: what can fail for the operator's sake (configuration, log file, sockets) fails before the
//! process detaches or starts a thread; privileges of the file system are taken before the first client.

use super::aof::{self as append_only, Aof, Surroundings};
use super::control::{self, Order};
use super::loading::LoadError;
use super::running::{Running, set_password};
use super::title::Title;
use super::{check, listeners, loading, logging};
use crate::base::slot::{ShardId, SlotMap};
use crate::base::time::Millis;
use crate::command::acl::{self, AclLog};
use crate::command::connection::REDIS_VERSION;
use crate::command::ctx::{CoreShared, Server};
use crate::command::lookup::{Lookup, Mode};
use crate::command::table;
use crate::config::{
    AppendFsync, Config, ConfigError, Files, IoBackend, Loaded, RealFiles, Supervised, UserLine,
    cpu_list, load, os_reason,
};
use crate::conn::{Bound, Home, HomeParts, Mail, Post, Process, ShardThread};
use crate::keyspace::{Garbage, Store, StoreCounters, StoreOptions};
use crate::log::Log;
use crate::ring::{
    Backend, BackendOptions, Clock, allocator, available_cpus, crash, pin_to, probe, random_bytes,
    random_seed,
};
use crate::session::Users;
use crate::shard::{Links, Owner, Patience};
use crate::stats::{CoreStats, ProcessStats};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;
use std::time::Duration;

/// Shards are at most this many: their number travels in sixteen bits and their inboxes take memory squared.
const SHARDS_MAX: usize = 1024;

/// Runs the program with its arguments, the program's own name left out.
pub fn main(args: Vec<OsString>) -> ExitCode {
    match args.first().and_then(|first| first.to_str()) {
        Some("-v" | "--version") => {
            println!("{}", version());
            return ExitCode::SUCCESS;
        }
        Some("-h" | "--help") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let (check_only, args) = match args.split_first() {
        Some((first, rest)) if first == "--check" => (true, rest.to_vec()),
        _ => (false, args),
    };
    let loaded = match load(&args, &mut StartFiles) {
        Ok(loaded) => loaded,
        Err(error) => return refuse(&error),
    };
    if check_only {
        return check::check(&loaded);
    }
    let ended = start(&loaded);
    if let Err(Failure::Other(text)) = &ended {
        tracing::error!("{text}");
    }
    // However it ends: whoever waits for the process reads the log next.
    logging::flush();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Config(error)) => refuse(&error),
        Err(Failure::Said | Failure::Other(_)) => ExitCode::FAILURE,
    }
}

const HELP: &str = "\
Usage: tessera-server [/path/to/config-file] [--directive value ...] [-]
       tessera-server --check [the same]     validates, and reports what this machine offers
       tessera-server --version | --help

  -                 reads configuration from standard input
  --shards N        runs N shards, one thread each; 0, the default, is one per CPU this process may use
  --io-backend X    auto, uring or epoll
  --shard-cpus L    pins the shards to these CPUs, as 0-3,6

Every directive of redis.conf can be given, in the file or after two dashes:
       tessera-server --port 7777 --save '' --loglevel verbose
";

fn version() -> String {
    format!(
        "Tessera server v={} compatible with Redis {REDIS_VERSION} malloc=mimalloc bits={}",
        env!("CARGO_PKG_VERSION"),
        usize::BITS
    )
}

fn refuse(error: &ConfigError) -> ExitCode {
    eprint!("{error}");
    ExitCode::FAILURE
}

enum Failure {
    Config(ConfigError),
    Other(String),
    /// The log says why.
    Said,
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Failure::Config(error)
    }
}

/// How many shards `config` asks for on this machine.
pub(super) fn shard_count(config: &Config) -> usize {
    match config.shards {
        0 => available_cpus().usable.min(SHARDS_MAX),
        count => (count as usize).clamp(1, SHARDS_MAX),
    }
}

fn start(loaded: &Loaded) -> Result<(), Failure> {
    let mut config = loaded.config.clone();
    let names = names(loaded)?;
    if !config.dir.is_empty() {
        std::env::set_current_dir(&config.dir).map_err(|error| {
            // As a directive whose value is refused, which it was when the line was read.
            loaded.refuse("dir", os_reason(&error))
        })?;
    }
    let path = (!config.logfile.is_empty()).then(|| PathBuf::from(&config.logfile));
    let log_file = path.clone();
    let clock = Clock::new();
    logging::init(path, config.loglevel).map_err(|error| {
        ConfigError::general(format!("Can't open the log file: {}", os_reason(&error)))
    })?;
    let supervised = is_supervised(config.supervised);
    if config.daemonize && !supervised {
        nix::unistd::daemon(true, false)
            .map_err(|error| Failure::Other(format!("Can't daemonize: {error}")))?;
    }
    let file = loaded.file.as_deref().map(|file| file.to_string_lossy());
    let title = Title::claim(&config, &file.unwrap_or_default());
    logging::start_writer();
    install_panic_hook();
    crash::arm(log_file.as_deref(), config.crash_log_enabled);
    greet(&config, loaded);
    let users = Arc::new(users(&config, loaded)?);
    limit_clients(&mut config);
    allocator::tune();
    if config.disable_thp {
        refuse_huge_pages();
    }
    let bound = listeners::bind(&config).map_err(|error| Failure::Other(error.to_string()))?;
    if bound.is_empty() {
        return Err(Failure::Other(
            "Configured to not listen anywhere, exiting.".into(),
        ));
    }
    let pidfile = write_pidfile(&config, supervised);

    let shards = shard_count(&config);
    let on_ring = choose_backend(&config)?;
    let (server, counters) = server_facts(&config, loaded, names, &clock, shards, on_ring);
    let (garbage, reclaim) = channel();
    let reclaimer = reclaim_thread(reclaim, Arc::clone(&server)).map_err(other)?;
    let (links, receivers) = Links::new(shards, Home::inbox_capacity(shards), garbage);
    let (posts, mailboxes): (Vec<_>, Vec<_>) = (0..shards).map(|_| Post::new()).unzip();
    let (orders, order_queue) = flume::unbounded();
    let (stopped, stop) = flume::bounded(1);
    let config = Arc::new(config);
    let log = Arc::new(Log::new(shards));
    // From the first client on, although the thread that writes comes when all is loaded.
    server
        .process
        .aof
        .is_on
        .store(config.appendonly, Ordering::SeqCst);
    log.set_fed(config.appendonly);
    log.set_gates(config.appendonly && config.appendfsync == AppendFsync::Always);
    let aof = Arc::new(Aof::new(Arc::clone(&log)));
    let running = Running::new(
        Arc::clone(&server),
        posts.clone(),
        orders.clone(),
        stopped,
        Arc::clone(&config),
        Arc::clone(&users),
        listeners::handles(&bound).map_err(other)?,
        clock,
        Arc::clone(&aof),
        title,
        &links,
    );
    forward_signals(orders.clone()).map_err(other)?;

    let cpus = pinning(&config, shards);
    let ready = Arc::new(Barrier::new(shards + 1));
    let seed = random_seed();
    let is_logged = config.appendonly;
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for ((number, receiver), mailbox) in receivers.into_iter().enumerate().zip(mailboxes) {
        let shard = ShardId(number as u16);
        let (server, links) = (Arc::clone(&server), Arc::clone(&links));
        let log = Arc::clone(&log);
        let (config, users) = (Arc::clone(&config), Arc::clone(&users));
        let (post, ready) = (Arc::clone(&posts[number]), Arc::clone(&ready));
        let process: Arc<dyn Process> = Arc::clone(&running) as Arc<dyn Process>;
        let counters = Arc::clone(&counters[number]);
        let (cpu, alone) = (
            cpus.as_ref().map(|cpus| cpus[number % cpus.len()]),
            has_own_cpus(shards),
        );
        let work = move || {
            crash::register_thread();
            if let Some(cpu) = cpu
                && let Err(error) = pin_to(cpu)
            {
                tracing::warn!("shard {number} cannot be pinned to CPU {cpu}: {error}");
            }
            let backend = match open_backend(on_ring) {
                Ok(backend) => backend,
                Err(error) => {
                    tracing::error!("shard {number} has no way to wait for the kernel: {error}");
                    logging::flush();
                    std::process::exit(1);
                }
            };
            links.connect(shard, backend.waker());
            post.connect(backend.waker());
            let store = Store::new(StoreOptions {
                shard,
                slots: server.slots.slots_of(shard),
                databases: config.databases as usize,
                hash_seed: seed,
                counters,
            });
            let slots = Arc::new(server.slots);
            let mut owner = Owner::new(
                shard,
                store,
                Arc::clone(&config),
                slots,
                clock,
                seed ^ number as u64,
            );
            owner.share_scripts(
                Arc::clone(&server.scripts),
                server.names.clone(),
                Arc::clone(&server.cores[number].stats),
                Arc::clone(&server.audience),
            );
            if alone {
                owner.patience = Patience::SpinThenSleep;
            }
            let home = Home::new(HomeParts {
                owner,
                receiver,
                links,
                server,
                clock,
                config,
                users,
                process,
                post,
                log,
                is_logged,
            });
            ready.wait();
            ShardThread::new(backend, home, mailbox).run();
        };
        let builder = std::thread::Builder::new()
            .name(format!("shard-{number}"))
            .stack_size(crate::base::limits::SHARD_STACK_BYTES);
        threads.push(builder.spawn(work).map_err(other)?);
    }
    ready.wait();
    let controller = control::start(Arc::clone(&running), order_queue, on_ring).map_err(other)?;
    server
        .process
        .startup_memory
        .store(server.used_memory(), Ordering::Relaxed);
    append_only::adopt_old_file(&config).map_err(Failure::Other)?;
    let places: Vec<String> = bound.iter().map(place_of).collect();
    match loading::at_start(&running, || posts[0].send(Mail::Listen(bound))) {
        // Whoever waits for the end of the process is told below.
        Ok(()) | Err(LoadError::Absent | LoadError::Stopped) => {}
        Err(LoadError::Failed(_) | LoadError::Unsaved(_)) => return Err(Failure::Said),
    }
    let surroundings = Surroundings {
        server: Arc::clone(&server),
        links: Arc::clone(&links),
        clock,
        post: Arc::clone(&posts[0]),
    };
    let writer = aof.start(&config, surroundings).map_err(Failure::Other)?;
    // It only fails where the process is to end, of which the end of this function hears.
    let _ = loading::serve(&running);
    for place in places {
        tracing::info!(
            "Ready to accept connections {place}, {shards} shards, {})",
            server.io_backend
        );
    }
    if supervised {
        notify_systemd("STATUS=Ready to accept connections\nREADY=1\n");
    }

    let _ = stop.recv();
    if supervised {
        notify_systemd("STOPPING=1\n");
    }
    for thread in threads {
        let _ = thread.join();
    }
    aof.send(append_only::Order::Stop);
    let _ = writer.join();
    append_only::remove_temporary(&config);
    let _ = orders.send(Order::Stop);
    let _ = controller.join();
    drop((running, posts, links, server));
    drop(reclaimer);
    if let Some(path) = pidfile {
        tracing::info!("Removing the pid file.");
        let _ = std::fs::remove_file(path);
    }
    if !config.unixsocket.is_empty() {
        tracing::info!("Removing the unix socket file.");
        let _ = std::fs::remove_file(&config.unixsocket);
    }
    tracing::warn!("Redis is now ready to exit, bye bye...");
    Ok(())
}

/// How the log names a socket that is listened on.
fn place_of(bound: &Bound) -> String {
    let kind = if bound.unix { "unix" } else { "tcp" };
    let address = bound.listener.address();
    let address = address.map(|address| address.to_string());
    format!("{kind} ({}", address.unwrap_or_default())
}

fn other(error: io::Error) -> Failure {
    Failure::Other(error.to_string())
}

/// Names of commands after `rename-command`.
fn names(loaded: &Loaded) -> Result<Lookup, Failure> {
    let mut names = Lookup::new(Mode::Server);
    for rename in &loaded.renames {
        names
            .rename(&rename.from, &rename.to)
            .map_err(|error| ConfigError::at(&rename.line, error.to_string()))?;
    }
    Ok(names)
}

/// The files, and what can be said of users while they are read.
struct StartFiles;

impl Files for StartFiles {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        RealFiles.read(path)
    }

    fn matching(&mut self, folder: &Path, pattern: &Path) -> Vec<PathBuf> {
        RealFiles.matching(folder, pattern)
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        RealFiles.stdin()
    }

    fn check_user(&self, users: &[UserLine]) -> Result<(), String> {
        // Of the settings nothing depends on, but which channels a user may use that says nothing of them.
        acl::file::check_last(users, acl::commands::rules(&Config::default()))
    }

    fn current_dir(&mut self) -> io::Result<PathBuf> {
        RealFiles.current_dir()
    }
}

/// All users, as `requirepass`, `user` lines or the ACL file say.
fn users(config: &Config, loaded: &Loaded) -> Result<Users, Failure> {
    let mut users = Users::default();
    // It cannot fail.
    let _ = set_password(config)(&mut users);
    let rules = acl::commands::rules(config);
    if config.aclfile.is_empty() {
        return match acl::file::from_config(&loaded.users, rules, &mut users) {
            Ok(()) => Ok(users),
            Err(why) => {
                tracing::error!("{why}");
                let critical = "Critical error while loading ACLs. Exiting.";
                Err(Failure::Other(critical.into()))
            }
        };
    }
    if !loaded.users.is_empty() {
        return Err(Failure::Other(
            "Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. \
             This setup is very likely to lead to configuration errors and security holes, please define either an \
             ACL file or declare users directly in your redis.conf, but not both."
                .into(),
        ));
    }
    acl::file::load(&config.aclfile, rules, &mut users).map_err(|errors| {
        Failure::Other(format!(
            "Aborting Redis startup because of ACL errors: {errors}"
        ))
    })?;
    Ok(users)
}

fn greet(config: &Config, loaded: &Loaded) {
    tracing::info!("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    tracing::info!(
        "Tessera version={}, compatible with Redis {REDIS_VERSION}, bits={}, pid={}, just started",
        env!("CARGO_PKG_VERSION"),
        usize::BITS,
        std::process::id()
    );
    let has_options = std::env::args_os().nth(1).is_some();
    if loaded.file.is_some() || has_options {
        tracing::info!("Configuration loaded");
    } else {
        tracing::warn!(
            "Warning: no config file specified, using the default config. In order to specify a config file use \
             tessera-server /path/to/redis.conf"
        );
    }
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    if config.always_show_logo {
        tracing::info!(
            "\n\n   +--+--+--+\n   |  |##|  |   Tessera {}\n   +--+--+--+   Port: {}\n   |##|  |##|   PID: {}\n   +--+--+--+\n",
            env!("CARGO_PKG_VERSION"),
            config.port,
            std::process::id()
        );
    }
    if let Some(limit) =
        crate::ring::somaxconn().filter(|limit| i64::from(*limit) < config.tcp_backlog)
    {
        tracing::warn!(
            "WARNING: The TCP backlog setting of {} cannot be enforced because /proc/sys/net/core/somaxconn is set to the lower value of {limit}.",
            config.tcp_backlog
        );
    }
}

/// Tells the kernel never to back this process with transparent huge pages (`disable-thp`).
///
/// A page fault that has to find and clear 2 MiB holds up a shard, and all its clients, for milliseconds. Threads that
/// run already are included; what is backed by huge pages already stays so, hence before there are any keys.
fn refuse_huge_pages() {
    if let Err(error) = nix::sys::prctl::set_thp_disable(true) {
        tracing::warn!(
            "WARNING: transparent huge pages cannot be disabled ({}): expect pauses of some milliseconds while memory grows.",
            error.desc()
        );
    }
}

/// Raises the limit of open files, or lowers maxclients to what fits.
fn limit_clients(config: &mut Config) {
    if let Err(fit) = listeners::raise_limit(config.maxclients) {
        let asked = config.maxclients;
        config.maxclients = fit.max(1);
        tracing::warn!(
            "You requested maxclients of {asked} requiring at least {} max file descriptors.",
            asked as u64 + listeners::OWN_DESCRIPTORS
        );
        tracing::warn!(
            "Current maximum open files is {}. maxclients has been reduced to {} to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
            config.maxclients as u64 + listeners::OWN_DESCRIPTORS,
            config.maxclients
        );
    }
}

/// Whether shards run on io_uring.
fn choose_backend(config: &Config) -> Result<bool, Failure> {
    match config.io_backend {
        IoBackend::Epoll => Ok(false),
        wanted => {
            let support = probe();
            match (&support.io_uring, wanted) {
                (Ok(()), _) => Ok(true),
                (Err(_), IoBackend::Uring) => Err(Failure::Other(format!(
                    "io-backend uring was asked for, but {support}"
                ))),
                (Err(_), _) => {
                    tracing::info!("{support}");
                    Ok(false)
                }
            }
        }
    }
}

fn open_backend(on_ring: bool) -> io::Result<Backend> {
    let options = BackendOptions::default();
    if on_ring {
        Backend::uring(&options)
    } else {
        Backend::epoll(&options)
    }
}

/// The CPUs to pin shards to: those of `shard-cpus`; without it those allowed, if each shard gets one of its own.
fn pinning(config: &Config, shards: usize) -> Option<Vec<usize>> {
    if !config.shard_cpus.is_empty() {
        let cpus = cpu_list(&config.shard_cpus)?;
        return (!cpus.is_empty()).then(|| cpus.into_iter().map(usize::from).collect());
    }
    has_own_cpus(shards).then(|| available_cpus().allowed)
}

fn has_own_cpus(shards: usize) -> bool {
    shards <= available_cpus().usable
}

fn server_facts(
    config: &Config,
    loaded: &Loaded,
    names: Lookup,
    clock: &Clock,
    shards: usize,
    on_ring: bool,
) -> (Arc<Server>, Vec<Arc<StoreCounters>>) {
    let counters: Vec<Arc<StoreCounters>> = (0..shards)
        .map(|_| Arc::new(StoreCounters::new(config.databases as usize)))
        .collect();
    let mut id = [0; 20];
    random_bytes(&mut id);
    let file = loaded.file.as_ref().map(|path| path.display().to_string());
    let scripts = Arc::new(crate::script::Shared::new(shards));
    let process = ProcessStats {
        disk: Arc::clone(&scripts.disk),
        ..ProcessStats::default()
    };
    let server = Server {
        run_id: id.iter().map(|byte| format!("{byte:02x}")).collect(),
        started: Millis(clock.wall_ms()),
        pid: std::process::id(),
        executable: std::env::current_exe()
            .map(|path| path.display().to_string())
            .unwrap_or_default(),
        config_file: file.unwrap_or_default(),
        io_backend: if on_ring { "io_uring" } else { "epoll" },
        ticks_per_us: clock.ticks_per_us(),
        system_memory: system_memory(),
        os: operating_system(),
        cores: counters
            .iter()
            .map(|store| CoreShared {
                stats: Arc::new(CoreStats::new(table::COUNT)),
                store: Arc::clone(store),
            })
            .collect(),
        process,
        slots: SlotMap::even(shards),
        names,
        acl_log: AclLog::default(),
        scripts,
        audience: Arc::default(),
    };
    server
        .process
        .last_save
        .store(clock.wall_ms() / 1000, Ordering::Relaxed);
    (Arc::new(server), counters)
}

/// Kernel name, release and architecture.
fn operating_system() -> String {
    let kernel = |file: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/kernel/{file}")).unwrap_or_default();
        text.trim().to_owned()
    };
    let arch = std::env::consts::ARCH;
    format!("{} {} {arch}", kernel("ostype"), kernel("osrelease"))
}

fn system_memory() -> u64 {
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|word| word.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Frees what takes long to give back to the system, and gives back what the shards have freed. Ends when the last sender
/// is gone.
fn reclaim_thread(garbage: Receiver<Garbage>, server: Arc<Server>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("reclaim".into())
        .spawn(move || {
            let process = &server.process;
            loop {
                match garbage.recv_timeout(GIVE_BACK_EVERY) {
                    Ok(garbage) => {
                        let objects = garbage.objects();
                        drop(garbage);
                        process
                            .lazyfree_pending
                            .fetch_sub(objects, Ordering::Relaxed);
                        process.lazyfreed.fetch_add(objects, Ordering::Relaxed);
                    }
                    Err(RecvTimeoutError::Timeout) => allocator::give_back(),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        })
}

/// How long what the shards have freed may stay with the process.
const GIVE_BACK_EVERY: Duration = Duration::from_millis(500);

fn forward_signals(orders: flume::Sender<Order>) -> io::Result<()> {
    use signal_hook::consts::{SIGALRM, SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
    // Where files may grow no further a write is to fail, not to kill: whoever is told of the signal is not killed by it.
    let ignored = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGXFSZ, ignored)?;
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP, SIGALRM])?;
    std::thread::Builder::new()
        .name("signals".into())
        .spawn(move || {
            for signal in signals.forever() {
                if orders.send(Order::Signal(signal)).is_err() {
                    return;
                }
            }
        })?;
    Ok(())
}

/// A panic ends the process: half a keyspace answering is worse than a failover. It says where first.
fn install_panic_hook() {
    std::panic::set_hook(Box::new(|info| {
        logging::flush();
        logging::emergency(&format!("=== TESSERA BUG: {info}"));
        let trace = std::backtrace::Backtrace::force_capture();
        logging::emergency(&format!("------ STACK TRACE ------\n{trace}"));
        crash::mark_told();
        std::process::abort();
    }));
}

/// Whether systemd or upstart waits to hear from us.
fn is_supervised(mode: Supervised) -> bool {
    let notify = std::env::var_os("NOTIFY_SOCKET").is_some();
    match mode {
        Supervised::No | Supervised::Upstart => false,
        Supervised::Systemd | Supervised::Auto => notify,
    }
}

/// sd_notify(3): a datagram to the socket that systemd names.
fn notify_systemd(state: &str) {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    let Some(name) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let address = match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(&name),
    };
    let sent = address.and_then(|address| {
        UnixDatagram::unbound().and_then(|socket| socket.send_to_addr(state.as_bytes(), &address))
    });
    if let Err(error) = sent {
        tracing::warn!("systemd could not be notified: {error}");
    }
}

/// Writes the pid file when one is named, or the usual one when the process detached.
fn write_pidfile(config: &Config, supervised: bool) -> Option<PathBuf> {
    let path = match config.pidfile.as_str() {
        "" if config.daemonize && !supervised => "/var/run/redis.pid",
        "" => return None,
        path => path,
    };
    match std::fs::write(path, format!("{}\n", std::process::id())) {
        Ok(()) => Some(PathBuf::from(path)),
        Err(error) => {
            tracing::warn!("Failed to write PID file: {error}");
            None
        }
    }
}
