//! The log: one line an event in Redis' shape, `pid:role date level text`, through `tracing`.
//!
//! ```text
//! 4711:M 21 Nov 2026 05:04:31.123 * Ready to accept connections tcp
//! ```
//! A shard must not wait for a disk, so lines go through a channel to the thread that writes them. Before that thread
//! runs, and in a panic, a line is written at once.

use crate::config::LogLevel;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

static LOG: OnceLock<Log> = OnceLock::new();

struct Log {
    sender: flume::Sender<Line>,
    receiver: flume::Receiver<Line>,
    /// Lines are written by a thread of their own from now on.
    threaded: AtomicBool,
    level: AtomicU8,
    path: Option<PathBuf>,
}

enum Line {
    Text(String),
    Reopen,
    Flush(flume::Sender<()>),
}

/// Starts logging to `path`, or to standard output when it is `None`. A second call has no effect.
pub(super) fn init(path: Option<PathBuf>, level: LogLevel) -> std::io::Result<()> {
    if let Some(path) = &path {
        OpenOptions::new().create(true).append(true).open(path)?;
    }
    let (sender, receiver) = flume::bounded(64 * 1024);
    let log = Log {
        sender,
        receiver,
        threaded: AtomicBool::new(false),
        level: AtomicU8::new(rank(level)),
        path,
    };
    if LOG.set(log).is_ok() {
        let _ = tracing::subscriber::set_global_default(Lines);
    }
    Ok(())
}

/// Changes what is logged from now on (CONFIG SET loglevel).
pub(super) fn set_level(level: LogLevel) {
    if let Some(log) = LOG.get() {
        log.level.store(rank(level), Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }
}

/// Opens the log file again, after it was moved away (SIGHUP).
pub(super) fn reopen() {
    if let Some(log) = LOG.get() {
        let _ = log.sender.try_send(Line::Reopen);
    }
}

/// Lets a thread of its own write from now on. Call it after `fork`: threads do not survive one.
pub(super) fn start_writer() {
    let Some(log) = LOG.get() else { return };
    let started = std::thread::Builder::new()
        .name("log".into())
        .spawn(move || {
            let mut file = open(log);
            while let Ok(line) = log.receiver.recv() {
                match line {
                    Line::Text(text) => {
                        let _ = match &mut file {
                            Some(file) => file.write_all(text.as_bytes()),
                            None => std::io::stdout().write_all(text.as_bytes()),
                        };
                    }
                    Line::Reopen => file = open(log),
                    Line::Flush(done) => {
                        let _ = std::io::stdout().flush();
                        let _ = done.send(());
                    }
                }
            }
        });
    log.threaded.store(started.is_ok(), Ordering::Release);
}

/// Before the process ends: how long a disk that takes no lines may hold that up.
const FLUSH_PATIENCE: Duration = Duration::from_secs(10);

/// Waits until everything logged so far is written.
pub(super) fn flush() {
    let Some(log) = LOG.get() else { return };
    if log.threaded.load(Ordering::Acquire) {
        let (done, wait) = flume::bounded(1);
        if log.sender.send(Line::Flush(done)).is_ok() {
            let _ = wait.recv_timeout(FLUSH_PATIENCE);
        }
    }
}

/// Writes a line at once, past the channel: for the panic hook.
pub(super) fn emergency(text: &str) {
    if let Some(log) = LOG.get() {
        write_now(log, &format_line('#', text));
    } else {
        eprintln!("{text}");
    }
}

fn open(log: &Log) -> Option<File> {
    let path = log.path.as_ref()?;
    OpenOptions::new().create(true).append(true).open(path).ok()
}

fn write_now(log: &Log, line: &str) {
    let _ = match open(log) {
        Some(mut file) => file.write_all(line.as_bytes()),
        None => std::io::stdout().write_all(line.as_bytes()),
    };
}

fn rank(level: LogLevel) -> u8 {
    match level {
        LogLevel::Debug => 0,
        LogLevel::Verbose => 1,
        LogLevel::Notice => 2,
        LogLevel::Warning => 3,
        LogLevel::Nothing => 4,
    }
}

/// Redis' four levels under tracing's names: debug is TRACE, verbose DEBUG, notice INFO, warning WARN and ERROR.
fn mark(level: &Level) -> (u8, char) {
    match *level {
        Level::TRACE => (0, '.'),
        Level::DEBUG => (1, '-'),
        Level::INFO => (2, '*'),
        Level::WARN | Level::ERROR => (3, '#'),
    }
}

fn format_line(mark: char, text: &str) -> String {
    let date = chrono::Local::now().format("%d %b %Y %H:%M:%S%.3f");
    format!("{}:M {date} {mark} {text}\n", std::process::id())
}

/// The subscriber: events become lines, spans are not used.
struct Lines;

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            let _ = write!(self.0, "{value:?}");
        } else {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let Some(log) = LOG.get() else { return false };
        metadata.is_event()
            && mark(metadata.level()).0 >= log.level.load(Ordering::Relaxed)
            && (metadata.target().starts_with("tessera") || mark(metadata.level()).0 > 2)
    }

    fn event(&self, event: &Event<'_>) {
        let Some(log) = LOG.get() else { return };
        let mut message = Message(String::new());
        event.record(&mut message);
        let line = format_line(mark(event.metadata().level()).1, &message.0);
        if log.threaded.load(Ordering::Acquire) {
            // A log that cannot keep up loses lines rather than stopping a shard.
            let _ = log.sender.try_send(Line::Text(line));
        } else {
            write_now(log, &line);
        }
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}
