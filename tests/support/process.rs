//! Server processes: started on a free loopback port and in a folder of their own, gone with the test.
//!
//! Every child is started through `setpriv --pdeathsig KILL`, so it dies with us however we die. The kernel
//! sends that signal when the *thread* that forked goes away, and the test harness runs each test on a
//! thread of its own; therefore one thread, which lives as long as the process, does all the forking.
//! Folders are named after our pid; those of dead test processes are swept at the next start.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};

use super::clock;
pub(crate) use super::ports::free_port;
use super::resp::{Conn, Value};

/// The binary under test: `TESSERA_BIN`, else the one cargo built (or redis-server for the peer).
pub(crate) fn binary() -> PathBuf {
    match std::env::var_os("TESSERA_BIN") {
        Some(path) => PathBuf::from(path),
        None if is_peer() => PathBuf::from("redis-server"),
        None => PathBuf::from(env!("CARGO_BIN_EXE_tessera-server")),
    }
}

/// Whether the binary is a real redis-server, which the expectations are checked against.
pub(crate) fn is_peer() -> bool {
    std::env::var_os("TESSERA_TEST_PEER").is_some_and(|peer| peer == "redis")
}

/// The redis-server on the PATH, if there is one.
pub(crate) fn redis_server() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join("redis-server"))
        .find(|file| file.is_file())
}

/// What to start. Directives are those of redis-server, without the leading dashes.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// Ours alone (`shards`, `io-backend`): left out when the binary is a redis-server.
    pub(crate) own: Vec<(String, String)>,
    pub(crate) directives: Vec<(String, String)>,
    /// A configuration file, given before the directives.
    pub(crate) file: Option<PathBuf>,
    /// A real redis-server to start instead of the binary under test.
    pub(crate) reference: Option<PathBuf>,
    /// The folder is in memory, where there is such a file system: for what the process has to do in time whatever
    /// the disk does.
    pub(crate) in_memory: bool,
    /// Soft and hard limit of open files, if it has to differ from ours.
    pub(crate) open_files: Option<u64>,
    /// The permissions of files hold for it even if it runs as root; see [`can_obey_permissions`].
    pub(crate) obeys_permissions: bool,
}

impl Options {
    pub(crate) fn new(shards: u16, backend: &str) -> Options {
        Options {
            own: vec![
                ("shards".into(), shards.to_string()),
                ("io-backend".into(), backend.to_string()),
            ],
            ..Options::default()
        }
    }

    /// The file that the process writes its log to; two may be at work in one folder.
    fn log_name(&self) -> &'static str {
        match self.reference {
            Some(_) => "redis.log",
            None => "server.log",
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Options {
        self.directives.push((name.into(), value.into()));
        self
    }
}

pub(crate) struct Server {
    child: Child,
    port: u16,
    dir: PathBuf,
    options: Options,
    /// The folder is somebody else's, and stays.
    is_guest: bool,
}

impl Server {
    /// Starts the binary and waits until it has read its files and answers PING.
    #[track_caller]
    pub(crate) fn start(options: &Options) -> Server {
        // Somebody who is no test may have taken the port meanwhile.
        let mut reason = String::new();
        for _ in 0..3 {
            let dir = fresh_dir_in(&match options.in_memory {
                true => memory_root(),
                false => root(),
            });
            let port = free_port();
            let child = spawn(command(options, port, &dir)).expect("the server binary starts");
            let mut server = Server {
                child,
                port,
                dir,
                options: options.clone(),
                is_guest: false,
            };
            match server.wait_ready() {
                Ok(()) => return server,
                Err(why) => reason = format!("{why}\n{}", server.log_tail()),
            }
        }
        panic!("{} does not come up: {reason}", binary().display());
    }

    /// A real redis-server over the files in that folder; `None`, with a visible line, if there is none.
    #[track_caller]
    pub(crate) fn redis_over(dir: &Path, directives: &[(&str, &str)]) -> Option<Server> {
        let Some(binary) = redis_server() else {
            eprintln!("SKIPPED: no redis-server");
            return None;
        };
        let mut options = Options {
            reference: Some(binary),
            ..Options::default()
        };
        for (name, value) in directives {
            options = options.with(name, value);
        }
        let port = free_port();
        let mut server = Server {
            child: spawn(command(&options, port, dir)).expect("redis-server starts"),
            port,
            dir: dir.to_owned(),
            options,
            is_guest: true,
        };
        if let Err(why) = server.wait_ready() {
            panic!(
                "redis-server does not come up: {why}\n{}",
                server.log_tail()
            );
        }
        Some(server)
    }

    /// Ends the process and starts it again in the same folder.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.port = free_port();
        self.child = spawn(command(&self.options, self.port, &self.dir)).expect("starts again");
        if let Err(why) = self.wait_ready() {
            panic!("does not come up again: {why}\n{}", self.log_tail());
        }
    }

    /// As `restart`, but it may not answer yet.
    pub(crate) fn restart_without_waiting(&mut self) {
        self.stop();
        self.port = free_port();
        self.child = spawn(command(&self.options, self.port, &self.dir)).expect("starts again");
    }

    /// Starts it once more in the same folder, without waiting for it.
    pub(crate) fn start_again(&mut self) -> Child {
        spawn(command(&self.options, free_port(), &self.dir)).expect("starts again")
    }

    pub(crate) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for the process to end by itself; its exit status.
    #[track_caller]
    pub(crate) fn wait_exit(&mut self) -> ExitStatus {
        exit_of(&mut self.child)
    }

    /// Waits for the log of a running server to hold these texts: a thread of its own writes it, later than
    /// clients are answered. Who has waited for the end of a process may read it at once.
    #[track_caller]
    pub(crate) fn wait_log(&self, texts: &[&str]) {
        let found = clock::wait_within(clock::PATIENCE, || {
            let log = self.log();
            texts.iter().all(|text| log.contains(text)).then_some(())
        });
        assert!(found.is_some(), "not all of {texts:?} in {}", self.log());
    }

    /// All that was logged so far. The log of a process that has ended is complete.
    pub(crate) fn log(&self) -> String {
        let text = fs::read(self.dir.join(self.options.log_name())).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    fn wait_ready(&mut self) -> Result<(), String> {
        let mut last = String::from("no answer");
        let ready = clock::wait_within(clock::PATIENCE, || {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(Err(format!("it exited early: {status}")));
            }
            match self.try_conn() {
                Ok(mut conn) => {
                    conn.send_command(&[b"PING"]).ok()?;
                    match conn.read() {
                        // One core serves; the others may refuse their clients until the file is said to be
                        // read.
                        Ok(Value::Simple(s)) if s == b"PONG" => {
                            conn.send_command(&[b"INFO", b"persistence"]).ok()?;
                            let info = conn.read().ok()?.text();
                            last = format!("PING => PONG, INFO => {info}");
                            info.contains("\nloading:0\r\n").then_some(Ok(()))
                        }
                        Ok(Value::Error(s)) if s.starts_with(b"NOAUTH") => Some(Ok(())),
                        other => {
                            last = format!("PING => {other:?}");
                            None
                        }
                    }
                }
                Err(error) => {
                    last = error.to_string();
                    None
                }
            }
        });
        ready.unwrap_or(Err(last))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn try_conn(&self) -> io::Result<Conn> {
        Conn::open(self.address())
    }

    #[track_caller]
    pub(crate) fn conn(&self) -> Conn {
        self.try_conn().unwrap_or_else(|error| {
            panic!(
                "connecting to port {}: {error}\n{}",
                self.port,
                self.log_tail()
            )
        })
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Resident memory in bytes, as the kernel counts it.
    #[track_caller]
    pub(crate) fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&path).expect("the server runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .expect("it has memory");
        let kib: u64 = line
            .split_ascii_whitespace()
            .nth(1)
            .expect("a number")
            .parse()
            .expect("kB");
        kib * 1024
    }

    /// For a failure report: the last lines the server wrote, or its last words if it panicked.
    pub(crate) fn log_tail(&self) -> String {
        const SHOWN: usize = 30;
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.len().saturating_sub(SHOWN);
        let bug = lines.iter().position(|line| line.contains("TESSERA BUG"));
        let first = bug.map_or(last, |at| at.saturating_sub(5).min(last));
        let shown = lines[first..].iter().take(4 * SHOWN);
        let shown: Vec<&str> = shown.copied().collect();
        format!("-- log of server {} --\n{}", self.pid(), shown.join("\n"))
    }
}

/// Waits for a process to end by itself; its exit status.
#[track_caller]
pub(crate) fn exit_of(child: &mut Child) -> ExitStatus {
    clock::wait_until("the server to exit", || {
        child.try_wait().expect("our child")
    })
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
        self.stop();
        if !self.is_guest {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

fn command(options: &Options, port: u16, dir: &Path) -> Command {
    let mut words: Vec<OsString> = Vec::new();
    words.extend(["--pdeathsig", "KILL"].map(OsString::from));
    if options.obeys_permissions && may_override() {
        words.push(NO_OVERRIDE.into());
    }
    words.push("--".into());
    if let Some(files) = options.open_files {
        words.extend([
            "prlimit".into(),
            format!("--nofile={files}:{files}").into(),
            "--".into(),
        ]);
    }
    let binary = options.reference.clone().unwrap_or_else(binary);
    words.push(binary.into());
    words.extend(options.file.iter().map(OsString::from));
    let mut directive = |name: &str, value: &str| {
        words.push(format!("--{name}").into());
        words.extend(value.split(' ').map(OsString::from));
    };
    directive("port", &port.to_string());
    directive("bind", "127.0.0.1");
    directive("dir", &dir.to_string_lossy());
    directive("save", "");
    directive("enable-debug-command", "yes");
    if !is_peer() && options.reference.is_none() {
        for (name, value) in &options.own {
            directive(name, value);
        }
    }
    for (name, value) in &options.directives {
        directive(name, value);
    }
    let log = fs::File::create(dir.join(options.log_name())).expect("our folder is writable");
    let mut command = Command::new("setpriv");
    command
        .args(words)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log);
    command
}

/// What makes root obey the permissions of files.
const NO_OVERRIDE: &str = "--bounding-set=-dac_override,-dac_read_search";

/// Whether the permissions of files mean nothing to us.
fn may_override() -> bool {
    const DAC_OVERRIDE: u64 = 1 << 1;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("CapEff:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0) & DAC_OVERRIDE != 0
}

/// Whether a server can be made to obey the permissions of files. Where it cannot, a line says so.
pub(crate) fn can_obey_permissions() -> bool {
    let tried = || {
        let status = Command::new("setpriv")
            .args([NO_OVERRIDE, "--", "true"])
            .status();
        status.is_ok_and(|status| status.success())
    };
    let can = !may_override() || tried();
    if !can {
        eprintln!("SKIPPED: root without the right to drop rights; nothing keeps it from writing");
    }
    can
}

/// Files of a process may grow to this many bytes: a disk that is full, for this process alone. `None` for no limit.
pub(crate) fn limit_files(pid: u32, bytes: Option<u64>) {
    let limit = bytes.map_or("unlimited".into(), |bytes| bytes.to_string());
    let status = Command::new("prlimit")
        .args([format!("--pid={pid}"), format!("--fsize={limit}:")])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "prlimit {pid} {limit}"
    );
}

type Job = (Command, mpsc::Sender<io::Result<Child>>);

/// Forks on the thread that outlives every test (see the top of this file).
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static FORKER: OnceLock<mpsc::Sender<Job>> = OnceLock::new();
    let forker = FORKER.get_or_init(|| {
        let (sender, jobs) = mpsc::channel::<Job>();
        std::thread::spawn(move || {
            for (mut command, answer) in jobs {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, answer) = mpsc::channel();
    forker
        .send((command, sender))
        .expect("the forking thread never ends");
    answer.recv().expect("the forking thread answers")
}

/// A new empty folder of this process.
pub(crate) fn fresh_dir() -> PathBuf {
    fresh_dir_in(&root())
}

fn fresh_dir_in(root: &Path) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    static SWEPT: OnceLock<()> = OnceLock::new();
    SWEPT.get_or_init(sweep);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = root.join(format!("{}-{number}", std::process::id()));
    fs::create_dir_all(&dir).expect("the temporary folder is writable");
    dir
}

/// Where all test processes have their folders.
pub(crate) fn root() -> PathBuf {
    std::env::temp_dir().join("tessera-tests")
}

/// As [`root`], in memory if possible.
fn memory_root() -> PathBuf {
    let root = Path::new("/dev/shm/tessera-tests");
    match fs::create_dir_all(root) {
        Ok(()) => root.to_owned(),
        Err(_) => self::root(),
    }
}

/// Removes the folders of test processes that are gone, also of one that had our pid.
fn sweep() {
    let own = std::process::id().to_string();
    let folders = [root(), memory_root()].map(fs::read_dir);
    for entry in folders.into_iter().flatten().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((pid, _)) = name.split_once('-') else {
            continue;
        };
        if pid == own || !Path::new("/proc").join(pid).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// How many files this process, and the servers it starts, may have open.
pub(crate) fn open_files_limit() -> u64 {
    let limits = fs::read_to_string("/proc/self/limits").expect("Linux");
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .expect("a limit");
    line.split_ascii_whitespace()
        .nth(3)
        .and_then(|n| n.parse().ok())
        .unwrap_or(u64::MAX)
}

/// Sends a signal by its name (`STOP`, `CONT`, `TERM`).
pub(crate) fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "kill -{name} {pid}"
    );
}
