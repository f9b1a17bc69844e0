//! A shard's view of scripts: what it looked up before, and its interpreter.

use super::functions::{Functions, LibrarySource, Stored};
use super::loan::Host;
use super::shared::{Script, Sha, Shared};
use super::vm::{Call, Ended, Vm};
use crate::base::Map;
use crate::resp::CommandError;
use crate::stats::CoreStats;
use std::cell::{Cell, OnceCell, RefCell};
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

/// Scripts that a shard remembers by their text; beyond that it forgets them all.
const KNOWN_MAX: usize = 4096;

/// A script that a shard has looked up.
pub struct Known {
    script: Arc<Script>,
    /// All shards know it.
    is_kept: Cell<bool>,
}

impl Deref for Known {
    type Target = Script;

    fn deref(&self) -> &Script {
        &self.script
    }
}

/// Tells how many clients will hear a message in a channel, or in a shard channel.
type Hears = dyn Fn(&[u8], bool) -> usize;

/// Where commands of scripts are counted, as if clients had sent them.
pub struct Tally {
    /// The counters of the core.
    pub stats: Arc<CoreStats>,
    /// The clock that measures commands.
    pub ticks: Box<dyn Fn() -> u64>,
    /// Nanoseconds in one of its ticks.
    pub ns_per_tick: f64,
    /// Unix microseconds.
    pub wall_us: Box<dyn Fn() -> i64>,
    /// Who listens.
    pub hears: Box<Hears>,
    /// Codes of errors that are still to be counted by the core.
    errors: RefCell<Vec<Box<[u8]>>>,
}

impl Tally {
    /// Nothing is counted yet.
    pub fn new(
        stats: Arc<CoreStats>,
        ns_per_tick: f64,
        ticks: impl Fn() -> u64 + 'static,
        wall_us: impl Fn() -> i64 + 'static,
        hears: impl Fn(&[u8], bool) -> usize + 'static,
    ) -> Tally {
        Tally {
            stats,
            ticks: Box::new(ticks),
            ns_per_tick,
            wall_us: Box::new(wall_us),
            hears: Box::new(hears),
            errors: RefCell::default(),
        }
    }

    /// A command failed, or was refused, with an error of this code.
    pub fn note_error(&self, code: &[u8]) {
        self.errors.borrow_mut().push(code.into());
    }
}

/// Which set of libraries it is of, the name that it was called by, and the function.
type Called = (u64, Box<[u8]>, Rc<Stored>);

/// See the module. Lives on its shard's thread.
pub struct Scripts {
    /// What all shards share.
    pub shared: Arc<Shared>,
    shard: usize,
    seed: u64,
    clock: Rc<dyn Fn() -> u64>,
    vm: OnceCell<Vm>,
    flushes: Cell<u64>,
    by_sha: RefCell<Map<Sha, Rc<Known>>>,
    by_text: RefCell<Map<Box<[u8]>, Rc<Known>>>,
    /// What was looked up last: each call is looked at several times, and most often the next is of the same script.
    recent: RefCell<Option<Rc<Known>>>,
    functions: RefCell<Arc<Functions>>,
    /// The function that was looked up last, by the name that it was called by, and of which set of libraries it is.
    called: RefCell<Option<Called>>,
    /// Memory is over its limit: commands that need more are refused.
    pub over_limit: Cell<bool>,
    /// Where commands of scripts are counted, if anywhere.
    pub tally: Option<Tally>,
}

impl Scripts {
    /// For one shard. `clock` never goes back and counts microseconds.
    pub fn new(
        shared: Arc<Shared>,
        shard: usize,
        seed: u64,
        clock: impl Fn() -> u64 + 'static,
    ) -> Scripts {
        Scripts {
            called: RefCell::default(),
            flushes: Cell::new(shared.flushes()),
            functions: RefCell::new(shared.functions()),
            shared,
            shard,
            seed,
            clock: Rc::new(clock),
            vm: OnceCell::new(),
            by_sha: RefCell::default(),
            by_text: RefCell::default(),
            recent: RefCell::default(),
            over_limit: Cell::new(false),
            tally: None,
        }
    }

    /// Codes of errors of commands since this was last asked.
    pub fn take_errors(&self) -> Vec<Box<[u8]>> {
        match &self.tally {
            Some(tally) => tally.errors.take(),
            None => Vec::new(),
        }
    }

    /// Number of the shard.
    pub fn shard(&self) -> usize {
        self.shard
    }

    /// Forgets what is known if it was flushed.
    fn refresh(&self) {
        let flushes = self.shared.flushes();
        if self.flushes.replace(flushes) != flushes {
            self.by_sha.borrow_mut().clear();
            self.by_text.borrow_mut().clear();
            self.recent.take();
            if let Some(vm) = self.vm.get() {
                vm.forget();
            }
        }
    }

    fn vm(&self) -> Result<&Vm, CommandError> {
        if let Some(vm) = self.vm.get() {
            return Ok(vm);
        }
        let shared = Arc::clone(&self.shared);
        let vm = Vm::new(shared, self.shard, self.seed, Rc::clone(&self.clock))
            .map_err(|error| CommandError::owned(format!("ERR no interpreter: {error}")))?;
        Ok(self.vm.get_or_init(|| vm))
    }

    /// The script of this text, as far as it is known; it is kept when it first compiles.
    pub fn by_text(&self, text: &[u8]) -> Result<Rc<Known>, CommandError> {
        self.refresh();
        if let Some(recent) = &*self.recent.borrow()
            && *recent.body == *text
        {
            return Ok(Rc::clone(recent));
        }
        let known = self.by_text.borrow().get(text).cloned();
        let known = match known {
            Some(known) => known,
            None => self.learn(text)?,
        };
        self.recent.replace(Some(Rc::clone(&known)));
        Ok(known)
    }

    #[cold]
    fn learn(&self, text: &[u8]) -> Result<Rc<Known>, CommandError> {
        let script = Arc::new(Script::new(text)?);
        let shared = self.shared.script(&script.sha);
        let known = Rc::new(Known {
            is_kept: Cell::new(shared.is_some()),
            script: shared.unwrap_or(script),
        });
        let mut all = self.by_text.borrow_mut();
        if all.len() >= KNOWN_MAX {
            all.clear();
        }
        all.insert(text.into(), Rc::clone(&known));
        Ok(known)
    }

    /// The script of this name, upper case allowed.
    pub fn by_sha(&self, sha: &[u8]) -> Option<Rc<Known>> {
        self.refresh();
        let mut name: Sha = sha.try_into().ok()?;
        name.make_ascii_lowercase();
        if let Some(recent) = &*self.recent.borrow()
            && recent.sha == name
            && recent.is_kept.get()
        {
            return Some(Rc::clone(recent));
        }
        let known = self.by_sha.borrow().get(&name).cloned();
        let known = match known {
            Some(known) => known,
            None => self.find(name)?,
        };
        self.recent.replace(Some(Rc::clone(&known)));
        Some(known)
    }

    #[cold]
    fn find(&self, name: Sha) -> Option<Rc<Known>> {
        let known = Rc::new(Known {
            script: self.shared.script(&name)?,
            is_kept: Cell::new(true),
        });
        let mut all = self.by_sha.borrow_mut();
        if all.len() >= KNOWN_MAX {
            all.clear();
        }
        all.insert(name, Rc::clone(&known));
        Some(known)
    }

    /// The libraries in force.
    pub fn functions(&self) -> Arc<Functions> {
        if self.functions.borrow().version != self.shared.functions_version() {
            self.functions.replace(self.shared.functions());
        }
        Arc::clone(&self.functions.borrow())
    }

    /// The function of this name.
    pub fn function(&self, name: &[u8]) -> Option<Rc<Stored>> {
        let version = self.shared.functions_version();
        if let Some((known, called, found)) = &*self.called.borrow()
            && *known == version
            && **called == *name
        {
            return Some(Rc::clone(found));
        }
        let functions = self.functions();
        let found = Rc::new(functions.get(name)?.clone());
        let called = (functions.version, name.into(), Rc::clone(&found));
        self.called.replace(Some(called));
        Some(found)
    }

    /// Compiles a script and keeps its text for EVALSHA.
    pub fn keep(&self, known: &Known) -> Result<(), CommandError> {
        if !known.is_kept.get() {
            self.vm()?.compile(&known.script)?;
            self.shared.keep(Arc::clone(&known.script));
            known.is_kept.set(true);
        }
        Ok(())
    }

    /// Runs a script.
    pub fn eval(
        &self,
        script: &Script,
        call: &Call<'_>,
        host: &mut dyn Host,
    ) -> Result<Ended, CommandError> {
        self.vm()?.eval(script, call, host)
    }

    /// Runs a function.
    pub fn fcall(
        &self,
        (_, function): &Stored,
        call: &Call<'_>,
        host: &mut dyn Host,
    ) -> Result<Ended, CommandError> {
        let vm = self.vm()?;
        // The set where the function was found a moment ago.
        let body = vm.function(&self.functions.borrow(), &function.name)?;
        Ok(vm.fcall(&body, call, host))
    }

    /// Checks the text of a library and finds out what functions it registers.
    pub fn library(&self, code: &[u8]) -> Result<LibrarySource, CommandError> {
        let mut library = LibrarySource::parse(code)?;
        let functions = self.vm()?.load(library.lua())?;
        library.functions = functions
            .into_iter()
            .map(|(named, _)| Arc::new(named))
            .collect();
        Ok(library)
    }

    /// The name in the first line of a library's text.
    pub fn library_name(code: &[u8]) -> Result<Vec<u8>, CommandError> {
        Ok(LibrarySource::parse(code)?.name)
    }

    /// Bytes that this shard's interpreter uses.
    pub fn vm_memory(&self) -> usize {
        self.vm.get().map_or(0, Vm::memory)
    }
}
