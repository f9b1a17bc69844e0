//! What all shards share of scripts: their texts, the libraries, and who runs what for how long.
//!
//! Nothing here is locked on a hot path: a shard remembers what it has looked up, and looks at one counter to know
//! whether that is still so. When SCRIPT FLUSH has replied, every shard's next look sees the counter it moved.

use super::analysis;
use super::functions::Functions;
use super::json;
use super::shebang::{self, Flags};
use crate::base::Map;
use crate::base::sha1::sha1_hex;
use crate::resp::{CommandError, OwnedArgs};
use crate::stats::DiskHealth;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

/// A script's name: the hex digits of its SHA-1.
pub(super) type Sha = [u8; 40];

/// A script as it was sent, with what is known of it.
#[derive(Debug)]
pub struct Script {
    /// Its name.
    pub sha: Sha,
    /// Its text.
    pub body: Box<[u8]>,
    /// What its first line says; `None` without such a line.
    pub flags: Option<Flags>,
    /// Where its code begins.
    pub code: usize,
    /// It provably touches no keys but those declared.
    pub declared_only: bool,
    /// It calls no command at all.
    pub calls_nothing: bool,
    /// It cannot run for long, but for what its commands take.
    pub is_brief: bool,
    /// It was seen to write, or to touch keys that it did not declare.
    pub reaches: AtomicBool,
    /// It may publish messages, as its text looks, or was seen to.
    pub publishes: AtomicBool,
}

impl Script {
    /// Looks at a script's text. An error if its first line is wrong.
    pub fn new(body: &[u8]) -> Result<Script, CommandError> {
        let (flags, code) = shebang::script(body)?;
        let seen = analysis::of_script(&body[code..]);
        Ok(Script {
            sha: sha1_hex(body),
            body: body.into(),
            flags,
            code,
            declared_only: seen.declared_only,
            calls_nothing: seen.calls_nothing,
            is_brief: seen.is_brief,
            reaches: AtomicBool::new(false),
            publishes: AtomicBool::new(analysis::names_publish(body)),
        })
    }

    /// Bytes it costs.
    pub fn memory(&self) -> usize {
        self.body.len() + size_of::<Script>() + 64
    }
}

/// A script that has been running for a while.
#[derive(Debug)]
pub struct Running {
    /// Name of the function, or SHA-1 of the script.
    pub name: Vec<u8>,
    /// Whether it is a function.
    pub is_function: bool,
    /// The command that called it.
    pub command: OwnedArgs,
    /// When it was first looked at, in microseconds of the shard's clock.
    pub started_us: u64,
    /// How long it ran when it was last looked at.
    pub elapsed_us: AtomicU64,
    /// It runs for longer than `busy-reply-threshold`.
    pub slow: AtomicBool,
    /// Whether it has written or was killed, whichever was first.
    pub(super) fate: AtomicU8,
}

const FREE: u8 = 0;
const WROTE: u8 = 1;
const KILLED: u8 = 2;

impl Running {
    pub(super) fn new(
        name: Vec<u8>,
        is_function: bool,
        command: OwnedArgs,
        now_us: u64,
        wrote: bool,
    ) -> Running {
        Running {
            name,
            is_function,
            command,
            started_us: now_us,
            elapsed_us: AtomicU64::new(0),
            slow: AtomicBool::new(false),
            fate: AtomicU8::new(if wrote { WROTE } else { FREE }),
        }
    }

    fn decide(&self, fate: u8) -> bool {
        let decided = self
            .fate
            .compare_exchange(FREE, fate, Ordering::AcqRel, Ordering::Acquire);
        decided.is_ok() || decided == Err(fate)
    }

    /// It is about to write; false if it was killed.
    pub(super) fn may_write(&self) -> bool {
        self.decide(WROTE)
    }

    pub(super) fn is_killed(&self) -> bool {
        self.fate.load(Ordering::Acquire) == KILLED
    }

    fn has_written(&self) -> bool {
        self.fate.load(Ordering::Acquire) == WROTE
    }

    fn kill(&self) -> bool {
        self.decide(KILLED)
    }
}

/// Why there is nothing to kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KillError {
    /// Nothing runs for long.
    NotBusy,
    /// It has written.
    Unkillable,
    /// It is of the other kind: a function for SCRIPT KILL, a script for FUNCTION KILL.
    OtherKind,
}

/// One for the process.
#[derive(Debug)]
pub struct Shared {
    /// Whether what scripts write can be kept.
    pub disk: Arc<DiskHealth>,
    scripts: Mutex<Map<Sha, Arc<Script>>>,
    /// What the scripts of all interpreters have set of `cjson`.
    pub(super) json: Arc<json::Settings>,
    /// Moved by each flush.
    flushes: AtomicU64,
    count: AtomicU64,
    bytes: AtomicU64,
    functions: Mutex<Arc<Functions>>,
    functions_version: AtomicU64,
    functions_bytes: AtomicU64,
    running: Vec<Mutex<Option<Arc<Running>>>>,
    /// Bytes used by each shard's interpreter.
    vm_bytes: Vec<AtomicU64>,
    /// Scripts that run for longer than the threshold.
    slow: AtomicI64,
    /// Shards whose clients are told that they are busy, and how many those are.
    busy: Vec<AtomicBool>,
    any_busy: AtomicI64,
    /// Scripts may run whatever clients may (DEBUG SET-DISABLE-DENY-SCRIPTS).
    denies_nothing: AtomicBool,
    /// Clients that see what scripts call (MONITOR).
    watchers: AtomicI64,
    /// The process goes down and keeps nothing: scripts stop whatever they have written.
    stopping: AtomicBool,
    /// The process is to go down when all is saved: slow scripts stop whatever they have written.
    hurrying: AtomicBool,
}

fn busy_with(running: Option<Arc<Running>>) -> CommandError {
    match running {
        Some(running) if running.is_function => CommandError::BUSY_FUNCTION,
        _ => CommandError::BUSY_SCRIPT,
    }
}

impl Shared {
    /// Without any script, for so many shards.
    pub fn new(shards: usize) -> Shared {
        Shared {
            disk: Arc::default(),
            scripts: Mutex::default(),
            json: Arc::default(),
            flushes: AtomicU64::new(0),
            count: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            functions: Mutex::default(),
            functions_version: AtomicU64::new(0),
            functions_bytes: AtomicU64::new(0),
            running: (0..shards).map(|_| Mutex::default()).collect(),
            vm_bytes: (0..shards).map(|_| AtomicU64::new(0)).collect(),
            slow: AtomicI64::new(0),
            busy: (0..shards).map(|_| AtomicBool::new(false)).collect(),
            any_busy: AtomicI64::new(0),
            denies_nothing: AtomicBool::new(false),
            watchers: AtomicI64::new(0),
            stopping: AtomicBool::new(false),
            hurrying: AtomicBool::new(false),
        }
    }

    /// How often all scripts were forgotten.
    pub(super) fn flushes(&self) -> u64 {
        self.flushes.load(Ordering::Acquire)
    }

    /// The script of this name.
    pub fn script(&self, sha: &Sha) -> Option<Arc<Script>> {
        self.scripts.lock().get(sha).cloned()
    }

    /// Keeps a script; the one that is there already if it is.
    pub(super) fn keep(&self, script: Arc<Script>) -> Arc<Script> {
        let mut scripts = self.scripts.lock();
        let mut added = 0;
        let kept = scripts.entry(script.sha).or_insert_with(|| {
            added = script.memory();
            script
        });
        let kept = Arc::clone(kept);
        self.bytes.fetch_add(added as u64, Ordering::Relaxed);
        self.count.store(scripts.len() as u64, Ordering::Relaxed);
        kept
    }

    /// Forgets all scripts.
    pub fn flush_scripts(&self) {
        let mut scripts = self.scripts.lock();
        *scripts = Map::default();
        self.bytes.store(0, Ordering::Relaxed);
        self.count.store(0, Ordering::Relaxed);
        self.json.reset();
        self.flushes.fetch_add(1, Ordering::Release);
    }

    /// What the texts of scripts and libraries cost in bytes.
    pub fn text_bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed) + self.functions_bytes.load(Ordering::Relaxed)
    }

    /// Scripts kept, and the bytes they cost.
    pub fn script_figures(&self) -> (u64, u64) {
        let (count, bytes) = (&self.count, &self.bytes);
        (count.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed))
    }

    /// The libraries in force.
    pub fn functions(&self) -> Arc<Functions> {
        Arc::clone(&self.functions.lock())
    }

    /// Which set of libraries is in force.
    pub(super) fn functions_version(&self) -> u64 {
        self.functions_version.load(Ordering::Acquire)
    }

    /// Replaces the libraries by what `change` makes of them; an error changes nothing.
    pub fn change_functions<R>(
        &self,
        change: impl FnOnce(&mut Functions) -> Result<R, CommandError>,
    ) -> Result<R, CommandError> {
        let mut current = self.functions.lock();
        let mut next = Functions::clone(&current);
        let result = change(&mut next)?;
        next.version = current.version + 1;
        let version = next.version;
        let bytes = next.memory() as u64;
        self.functions_bytes.store(bytes, Ordering::Relaxed);
        *current = Arc::new(next);
        self.functions_version.store(version, Ordering::Release);
        Ok(result)
    }

    /// Takes note of what one shard's interpreter uses.
    pub(super) fn set_vm_bytes(&self, shard: usize, bytes: usize) {
        self.vm_bytes[shard].store(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes used by all interpreters.
    pub fn vm_bytes(&self) -> u64 {
        let bytes = self.vm_bytes.iter();
        bytes.map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }

    pub(super) fn start(&self, shard: usize, running: Arc<Running>) {
        *self.running[shard].lock() = Some(running);
    }

    /// It is slow from now on.
    pub(super) fn slow_down(&self, running: &Running) {
        if !running.slow.swap(true, Ordering::AcqRel) {
            self.slow.fetch_add(1, Ordering::AcqRel);
            let elapsed = running.elapsed_us.load(Ordering::Relaxed) / 1000;
            tracing::warn!(
                "Slow script detected: still in execution after {elapsed} milliseconds."
            );
        }
    }

    pub(super) fn end(&self, shard: usize) {
        if let Some(running) = self.running[shard].lock().take()
            && running.slow.load(Ordering::Acquire)
        {
            self.slow.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// Lets scripts run whatever clients may, or no longer.
    pub fn deny_nothing(&self, on: bool) {
        self.denies_nothing.store(on, Ordering::Relaxed);
    }

    /// Whether scripts may run whatever clients may.
    pub fn denies_nothing(&self) -> bool {
        self.denies_nothing.load(Ordering::Relaxed)
    }

    /// One more client sees what scripts call, or one less.
    pub fn watch(&self, on: bool) {
        let step = if on { 1 } else { -1 };
        self.watchers.fetch_add(step, Ordering::Relaxed);
    }

    /// Whether any client sees what scripts call.
    pub fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// From now on, or no longer, clients of this shard are told that it is busy.
    pub fn set_busy(&self, shard: usize, is_busy: bool) {
        if self.busy[shard].swap(is_busy, Ordering::AcqRel) != is_busy {
            let step = if is_busy { 1 } else { -1 };
            self.any_busy.fetch_add(step, Ordering::AcqRel);
        }
    }

    /// Whether any shard is busy.
    #[inline]
    pub fn any_busy(&self) -> bool {
        self.any_busy.load(Ordering::Relaxed) > 0
    }

    /// Whether this shard is busy.
    pub fn is_busy(&self, shard: usize) -> bool {
        self.busy[shard].load(Ordering::Acquire)
    }

    /// What a command that cannot be served is answered.
    pub fn busy_error(&self) -> CommandError {
        busy_with(self.slowest())
    }

    /// What a command that cannot be served because of this shard is answered: it may wait for another shard's script.
    pub fn busy_error_of(&self, shard: usize) -> CommandError {
        let running = self.running[shard].lock().clone();
        let slow = running.filter(|running| running.slow.load(Ordering::Acquire));
        busy_with(slow.or_else(|| self.slowest()))
    }

    /// Whether any script runs for longer than the threshold.
    pub fn any_slow(&self) -> bool {
        self.slow.load(Ordering::Acquire) > 0
    }

    /// The script that has been slow for longest.
    pub fn slowest(&self) -> Option<Arc<Running>> {
        self.slowest_where(|_| true)
    }

    /// The function that has been slow for longest.
    pub fn slowest_function(&self) -> Option<Arc<Running>> {
        self.slowest_where(|running| running.is_function)
    }

    fn slowest_where(&self, picks: impl Fn(&Running) -> bool) -> Option<Arc<Running>> {
        let running = self.running.iter().filter_map(|slot| slot.lock().clone());
        let slow = running.filter(|running| running.slow.load(Ordering::Acquire) && picks(running));
        slow.max_by_key(|running| running.elapsed_us.load(Ordering::Relaxed))
    }

    /// Stops the slow scripts (or functions) that have written nothing. Of several errors that counts which says most of
    /// those that could have been meant.
    pub fn kill(&self, functions: bool) -> Result<(), KillError> {
        let mut result = Err(KillError::NotBusy);
        let mut meant = false;
        for slot in &self.running {
            let Some(running) = slot.lock().clone() else {
                continue;
            };
            if !running.slow.load(Ordering::Acquire) {
                continue;
            }
            let verdict = if running.has_written() {
                Err(KillError::Unkillable)
            } else if running.is_function != functions {
                Err(KillError::OtherKind)
            } else if running.kill() {
                Ok(())
            } else {
                Err(KillError::Unkillable)
            };
            let is_meant = running.is_function == functions;
            if result == Err(KillError::NotBusy) || verdict.is_ok() || (is_meant && !meant) {
                result = result.or(verdict);
            }
            meant |= is_meant;
        }
        result
    }

    /// Lets every script end now.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Whether scripts that run for longer than the threshold have to end.
    pub fn hurry(&self, on: bool) {
        self.hurrying.store(on, Ordering::Release);
    }

    /// Whether a script has to end, which is slow or not.
    pub(super) fn is_stopping(&self, slow: bool) -> bool {
        self.stopping.load(Ordering::Acquire) || slow && self.hurrying.load(Ordering::Acquire)
    }
}
