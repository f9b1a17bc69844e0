//! One interpreter.

use super::api::{self, Failure};
use super::functions::{Function as Named, Functions};
use super::loan::{Host, Loan};
use super::raw::{self, Anchor, Entry, Raw, Status, Written};
use super::shared::{Running, Script, Sha, Shared};
use super::shebang::Flags;
use crate::base::Map;
use crate::resp::{Args, CommandError, OwnedArgs, Proto};
use mlua::{
    Error, Function, HookTriggers, Lua, LuaOptions, LuaString, Result, StdLib, Table, Value,
    VmState,
};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What the sandbox is called in tracebacks; errors are not placed there.
pub(super) const SANDBOX_NAME: &str = "=sandbox";
/// What a killed script replies.
pub(super) const KILLED: &str = "ERR Script killed by user with SCRIPT KILL...";
/// Instructions between two looks at the clock.
const INSTRUCTIONS: u32 = 20_000;
/// Bytes one interpreter may use: a script that hoards ends with an error, not the server.
const MEMORY_MAX: usize = 1024 * 1024 * 1024;
/// How long the code of a library may run when it is loaded.
const LOAD_US: u64 = 500_000;
/// Memory for arguments and replies of commands that stays from one script to the next.
const KEPT_BYTES: usize = 64 * 1024;
/// Compiled scripts kept; beyond that they are compiled anew.
const COMPILED_MAX: usize = 4096;

/// Why a script was stopped.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// It has to run where it has all keys.
    Elsewhere,
    /// With this error.
    Failed(&'static str),
}

/// What calls a script or a function.
pub struct Call<'a> {
    /// SHA-1 of the script, or the function's name.
    pub name: &'a [u8],
    /// Its keys.
    pub keys: Args<'a>,
    /// Its other arguments.
    pub args: Args<'a>,
    /// `busy-reply-threshold` in microseconds; none if it is 0.
    pub busy_us: u64,
}

/// How a script ended.
pub enum Ended {
    /// With a result, which is written as the reply.
    Returned,
    /// With an error.
    Failed(CommandError),
    /// It has to be started anew where it has all keys; it wrote nothing.
    Elsewhere,
}

/// What native functions and the hook know of the script that runs.
pub(super) struct State {
    pub(super) loan: Loan,
    pub(super) proto: Cell<Proto>,
    pub(super) args: RefCell<OwnedArgs>,
    pub(super) reply: RefCell<Vec<u8>>,
    /// Why the command that was called last has no reply.
    pub(super) failure: RefCell<Option<Failure>>,
    stopped: RefCell<Option<Stop>>,
    /// Where it was stopped.
    stopped_at: RefCell<Option<(String, usize)>>,
    random: Cell<u64>,
    clock: Rc<dyn Fn() -> u64>,
    pub(super) shared: Arc<Shared>,
    shard: usize,
    watch: RefCell<Watch>,
}

/// How long the script that runs may.
#[derive(Default)]
struct Watch {
    wrote: bool,
    is_function: bool,
    busy_us: u64,
    running: Option<Arc<Running>>,
    /// When the code of a library has to be done.
    load_until: Option<u64>,
}

/// See the module.
pub(super) struct Vm {
    eval_env: Table,
    load: Function,
    library_env: Function,
    reset: Function,
    raw: Raw,
    /// Compiled scripts by name.
    compiled: RefCell<Map<Sha, Rc<Anchor>>>,
    /// The one that ran last: it is most often the next as well.
    recent: RefCell<Option<(Sha, Rc<Anchor>)>>,
    functions: RefCell<Loaded>,
    /// Before the state, which its functions know the address of, and after everything that it keeps for others.
    lua: Lua,
    state: Rc<State>,
}

/// Notes what a native function has spent, in nanoseconds; fails if the script has to end. See `raw/watch.rs`.
#[inline]
pub(super) fn spend(lua: &Lua, nanos: usize) -> Result<()> {
    match raw::note(nanos) {
        true => pulse_of(lua),
        false => Ok(()),
    }
}

#[cold]
fn pulse_of(lua: &Lua) -> Result<()> {
    let state = lua.app_data_ref::<Rc<State>>();
    let state = state.map(|state| Rc::clone(&state));
    state.map_or(Ok(()), |state| state.pulse(lua))
}

/// A function by name.
type Compiled = (Vec<u8>, Rc<Anchor>);

/// Functions of the set of libraries that was looked at last.
#[derive(Default)]
struct Loaded {
    version: u64,
    functions: Map<Vec<u8>, Rc<Anchor>>,
    /// Libraries by code, for those that are in the next set too.
    libraries: Map<Box<[u8]>, Vec<Compiled>>,
}

/// A function as the code of a library registers it.
type Registered = Rc<RefCell<Vec<(Named, Function)>>>;

impl Vm {
    pub(super) fn new(
        shared: Arc<Shared>,
        shard: usize,
        seed: u64,
        clock: Rc<dyn Fn() -> u64>,
    ) -> Result<Vm> {
        let libraries = StdLib::TABLE | StdLib::STRING | StdLib::MATH | StdLib::OS;
        let lua = Lua::new_with(libraries, LuaOptions::new().catch_rust_panics(true))?;
        let state = Rc::new(State {
            loan: Loan::default(),
            proto: Cell::new(Proto::Resp2),
            args: RefCell::default(),
            reply: RefCell::default(),
            failure: RefCell::default(),
            stopped: RefCell::default(),
            stopped_at: RefCell::default(),
            random: Cell::new(seed & MASK_48),
            clock,
            shared,
            shard,
            watch: RefCell::default(),
        });
        lua.set_app_data(Rc::clone(&state));
        let host = api::host(&lua, &state)?;
        let sandbox = lua.load(include_str!("sandbox.lua")).set_name(SANDBOX_NAME);
        let exports: Table = sandbox.call(host)?;
        let placed: Function = exports.get("place")?;
        let vm = Vm {
            eval_env: exports.get("eval_env")?,
            load: exports.get("load")?,
            library_env: exports.get("library_env")?,
            reset: exports.get("reset")?,
            raw: Raw::new(&lua, exports.get("eval_globals")?, &placed)?,
            compiled: RefCell::default(),
            recent: RefCell::default(),
            functions: RefCell::default(),
            lua,
            state,
        };
        vm.lua.set_memory_limit(MEMORY_MAX)?;
        vm.watch(INSTRUCTIONS)?;
        Ok(vm)
    }

    fn watch(&self, instructions: u32) -> Result<()> {
        self.state.hook(&self.lua, instructions)
    }

    /// Bytes in use.
    pub(super) fn memory(&self) -> usize {
        self.lua.used_memory()
    }

    /// A script, compiled. It is kept.
    pub(super) fn compile(&self, script: &Script) -> std::result::Result<Rc<Anchor>, CommandError> {
        if let Some((sha, known)) = &*self.recent.borrow()
            && *sha == script.sha
        {
            return Ok(Rc::clone(known));
        }
        let known = self.compiled.borrow().get(&script.sha).cloned();
        let body = match known {
            Some(known) => known,
            None => self.compile_anew(script)?,
        };
        self.recent.replace(Some((script.sha, Rc::clone(&body))));
        Ok(body)
    }

    #[cold]
    fn compile_anew(&self, script: &Script) -> std::result::Result<Rc<Anchor>, CommandError> {
        let text = &script.body[script.code..];
        let function = api::compile(&self.lua, text, b"@user_script", self.eval_env.clone())
            .map_err(|problem| {
                let text = b"ERR Error compiling script (new function): ";
                CommandError::owned([&text[..], &problem].concat())
            })?;
        let body = Anchor::new(&self.lua, &function).map_err(|error| failed(&error))?;
        if self.compiled.borrow().len() >= COMPILED_MAX {
            self.forget();
        }
        let body = Rc::new(body);
        let mut compiled = self.compiled.borrow_mut();
        compiled.insert(script.sha, Rc::clone(&body));
        Ok(body)
    }

    /// Forgets compiled scripts.
    pub(super) fn forget(&self) {
        self.recent.take();
        self.compiled.borrow_mut().clear();
    }

    /// Runs a script.
    pub(super) fn eval(
        &self,
        script: &Script,
        call: &Call<'_>,
        host: &mut dyn Host,
    ) -> std::result::Result<Ended, CommandError> {
        let body = self.compile(script)?;
        Ok(self.run(&body, call, false, host))
    }

    /// Runs a function of a library.
    pub(super) fn fcall(&self, body: &Anchor, call: &Call<'_>, host: &mut dyn Host) -> Ended {
        self.run(body, call, true, host)
    }

    fn run(&self, body: &Anchor, call: &Call<'_>, is_function: bool, host: &mut dyn Host) -> Ended {
        let state = &self.state;
        state.proto.set(Proto::Resp2);
        {
            let mut watch = state.watch.borrow_mut();
            watch.wrote = false;
            watch.is_function = is_function;
            watch.busy_us = call.busy_us;
        }
        let entry = Entry {
            body,
            is_function,
            keys: call.keys,
            args: call.args,
        };
        let mut run = state.loan.lend(host, || self.raw.run(&entry));
        if let Some(running) = state.watch.borrow_mut().running.take() {
            drop(running);
            state.shared.end(state.shard);
        }
        state.shared.set_vm_bytes(state.shard, self.memory());
        state.shed();
        if state.stopped.borrow().is_some() {
            drop(run);
            return self.stopped(call.name);
        }
        let mut written = Written::Not;
        if run.status() == Status::Done {
            host.reply(&mut |reply| {
                let start = reply.out.position();
                written = run.write(state.proto.get(), reply);
                if let Written::Not = written {
                    reply.out.truncate(start);
                }
            });
        }
        match (written, run.status()) {
            (Written::Value, _) => Ended::Returned,
            (Written::Error(text, is_counted), _) => {
                Ended::Failed(CommandError::owned(text).counted(is_counted))
            }
            (Written::Not, Status::NoMemory) => {
                drop(run);
                let _ = self.lua.gc_collect();
                self.failed(CommandError::fixed("ERR not enough memory"))
            }
            (Written::Not, _) => {
                let object = run.error(&self.lua);
                drop(run);
                self.failed(match object {
                    Ok(object) => self.error(object, call.name),
                    Err(error) => failed(&error),
                })
            }
        }
    }

    fn failed(&self, error: CommandError) -> Ended {
        // It fails only if there is no memory for a call without arguments.
        let _ = self.reset.call::<()>(());
        Ended::Failed(error)
    }

    /// A script was stopped.
    #[cold]
    fn stopped(&self, name: &[u8]) -> Ended {
        let stop = self.state.stopped.take();
        if let Err(error) = self.watch(INSTRUCTIONS) {
            return Ended::Failed(failed(&error));
        }
        let _ = self.reset.call::<()>(());
        match stop {
            Some(Stop::Failed(text)) => {
                let at = self.state.stopped_at.take();
                Ended::Failed(self.placed(text.as_bytes(), name, at))
            }
            _ => Ended::Elsewhere,
        }
    }

    /// The error reply of a script that ended with an error object.
    fn error(&self, object: Value, name: &[u8]) -> CommandError {
        let Value::Table(table) = object else {
            let text = match &object {
                Value::Error(error) => api::message(error),
                Value::String(text) => [b"ERR ", &text.as_bytes()[..]].concat(),
                _ => b"ERR unknown error".to_vec(),
            };
            return self.placed(&text, name, None);
        };
        let text = match table.raw_get::<Value>("err") {
            Ok(Value::String(text)) => text.as_bytes().to_vec(),
            Ok(Value::Integer(number)) => number.to_string().into_bytes(),
            Ok(Value::Number(number)) => number.to_string().into_bytes(),
            _ => b"ERR unknown error".to_vec(),
        };
        let source: Option<LuaString> = table.raw_get("source").unwrap_or_default();
        let line: Option<usize> = table.raw_get("line").unwrap_or_default();
        let at = source.zip(line);
        let is_counted = api::is_counted(&Value::Table(table.clone()));
        self.placed(&text, name, at.map(|(s, line)| (s.to_string_lossy(), line)))
            .counted(is_counted)
    }

    fn placed(&self, text: &[u8], name: &[u8], at: Option<(String, usize)>) -> CommandError {
        let mut text = text.to_vec();
        if let Some((source, line)) = at {
            text.extend_from_slice(b" script: ");
            text.extend_from_slice(name);
            text.extend_from_slice(format!(", on {source}:{line}.").as_bytes());
        }
        CommandError::owned(text)
    }

    /// Runs the code of a library and says what functions it registers.
    pub(super) fn load(
        &self,
        code: &[u8],
    ) -> std::result::Result<Vec<(Named, Function)>, CommandError> {
        let problem =
            |text: &str, detail: &[u8]| CommandError::owned([text.as_bytes(), detail].concat());
        let internal =
            |error: &Error| problem("ERR Error registering functions: ", &api::message(error));
        let (env, finish): (Table, Function) = self
            .library_env
            .call(())
            .map_err(|error| internal(&error))?;
        let body = api::compile(&self.lua, code, b"@user_function", env)
            .map_err(|detail| problem("ERR Error compiling function: ", &detail))?;
        let registered = Registered::default();
        let register = self
            .register(&registered)
            .map_err(|error| internal(&error))?;
        let until = (self.state.clock)() + LOAD_US;
        self.state.watch.borrow_mut().load_until = Some(until);
        let result: Result<(bool, Value)> = self.load.call((body, register));
        self.state.watch.borrow_mut().load_until = None;
        if let Some(stop) = self.state.stopped.take() {
            let _ = self.watch(INSTRUCTIONS);
            self.state.stopped_at.take();
            if let Stop::Failed(text) = stop {
                return Err(problem(
                    "ERR Error registering functions: ",
                    text.as_bytes(),
                ));
            }
        }
        match result {
            Ok((true, _)) => {}
            Ok((false, Value::Table(object))) => {
                let text: Option<LuaString> = object.raw_get("err").unwrap_or_default();
                let text = text
                    .map(|text| text.as_bytes().to_vec())
                    .unwrap_or_default();
                return Err(problem("ERR Error registering functions: ", &text));
            }
            Ok((false, other)) => {
                let error = self.error(other, b"");
                return Err(problem("ERR Error registering functions: ", error.text()));
            }
            Err(error) => return Err(internal(&error)),
        }
        finish.call::<()>(()).map_err(|error| internal(&error))?;
        let functions = registered.take();
        if functions.is_empty() {
            return Err(CommandError::fixed("ERR No functions registered"));
        }
        Ok(functions)
    }

    /// What `redis.register_function` calls; it returns what is wrong.
    fn register(&self, registered: &Registered) -> Result<Function> {
        let registered = Rc::clone(registered);
        type Args = (LuaString, Function, Vec<LuaString>, Option<LuaString>);
        self.lua
            .create_function(move |_, (name, body, words, description): Args| {
                let mut flags = Flags::default();
                for word in &words {
                    if !flags.set(&word.as_bytes()) {
                        return Ok(Some("unknown flag given"));
                    }
                }
                let name = name.as_bytes().to_vec();
                if !super::functions::is_name(&name) {
                    return Ok(Some(super::functions::BAD_NAME));
                }
                let mut list = registered.borrow_mut();
                if list.iter().any(|(known, _)| known.name == name) {
                    return Ok(Some("Function already exists in the library"));
                }
                let description = description.map(|text| text.as_bytes().to_vec());
                list.push((Named::new(name, description, flags), body));
                Ok(None)
            })
    }

    /// The function of this name in the libraries `current`.
    pub(super) fn function(
        &self,
        current: &Functions,
        name: &[u8],
    ) -> std::result::Result<Rc<Anchor>, CommandError> {
        let mut loaded = self.functions.borrow_mut();
        if loaded.version != current.version {
            let mut before = std::mem::take(&mut loaded.libraries);
            *loaded = Loaded::default();
            for library in current.libraries.values() {
                let functions = match before.remove(&library.code) {
                    Some(functions) => functions,
                    None => {
                        let registered = self.load(library.lua())?;
                        let named = registered.into_iter();
                        let named = named.map(|(named, body)| {
                            Ok((named.name, Rc::new(Anchor::new(&self.lua, &body)?)))
                        });
                        let named: Result<_> = named.collect();
                        named.map_err(|error| failed(&error))?
                    }
                };
                loaded.functions.extend(functions.iter().cloned());
                loaded.libraries.insert(library.code.clone(), functions);
            }
            loaded.version = current.version;
        }
        let found = loaded.functions.get(name).cloned();
        found.ok_or(CommandError::fixed("ERR Function not found"))
    }
}

fn failed(error: &Error) -> CommandError {
    CommandError::owned(api::message(error))
}

const MASK_48: u64 = (1 << 48) - 1;

impl State {
    /// The next random number from 0 to 1, 1 excluded: the 48-bit congruential generator that scripts have always had.
    pub(super) fn random(&self) -> f64 {
        let next = self
            .random
            .get()
            .wrapping_mul(0x5_DEEC_E66D)
            .wrapping_add(0xB)
            & MASK_48;
        self.random.set(next);
        let bits = next >> 17;
        (bits % RANDOM_MAX) as f64 / RANDOM_MAX as f64
    }

    /// Starts the generator anew.
    pub(super) fn seed(&self, seed: i64) {
        self.random
            .set(((seed as u64 & 0xFFFF_FFFF) << 16) | 0x330E);
    }

    /// Gives back the memory of what was unusually large.
    fn shed(&self) {
        let mut reply = self.reply.borrow_mut();
        if reply.capacity() > KEPT_BYTES {
            *reply = Vec::new();
        }
        drop(reply);
        if self.args.borrow().memory() > KEPT_BYTES {
            self.args.take();
        }
    }

    /// Looks at the clock every so many instructions.
    fn hook(self: &Rc<Self>, lua: &Lua, instructions: u32) -> Result<()> {
        let state = Rc::clone(self);
        let triggers = HookTriggers::new().every_nth_instruction(instructions);
        lua.set_global_hook(triggers, move |lua, _| {
            state.pulse(lua)?;
            Ok(VmState::Continue)
        })
    }

    fn pulse(self: &Rc<Self>, lua: &Lua) -> Result<()> {
        if self.stopped.borrow().is_some() {
            return api::raise("ERR the script was stopped");
        }
        let now = (self.clock)();
        let verdict = {
            let mut watch = self.watch.borrow_mut();
            if let Some(until) = watch.load_until {
                (now > until).then_some("ERR FUNCTION LOAD timeout")
            } else {
                self.look(&mut watch, now)
            }
        };
        if let Some(text) = verdict {
            return self.end(lua, Stop::Failed(text));
        }
        let is_slow = {
            let watch = self.watch.borrow();
            let running = watch.running.as_ref();
            running.is_some_and(|running| running.slow.load(Ordering::Relaxed))
        };
        if is_slow {
            self.loan.with(|host| host.breathe());
        }
        Ok(())
    }

    /// The script is about to write; false if it was killed.
    pub(super) fn may_write(&self) -> bool {
        let mut watch = self.watch.borrow_mut();
        watch.wrote = true;
        watch
            .running
            .as_ref()
            .is_none_or(|running| running.may_write())
    }

    /// Takes note of a script that runs for a while; says why it has to stop, if it has.
    fn look(&self, watch: &mut Watch, now: u64) -> Option<&'static str> {
        let running = match &watch.running {
            Some(running) => running,
            None => {
                let described = self.loan.with(|host| host.described());
                let (name, command) = described.unwrap_or_default();
                let is_function = watch.is_function;
                let running = Running::new(name, is_function, command, now, watch.wrote);
                let running = Arc::new(running);
                self.shared.start(self.shard, Arc::clone(&running));
                watch.running.insert(running)
            }
        };
        let elapsed = now.saturating_sub(running.started_us);
        running.elapsed_us.store(elapsed, Ordering::Relaxed);
        if watch.busy_us > 0 && elapsed >= watch.busy_us {
            self.shared.slow_down(running);
        }
        if running.is_killed() {
            return Some(KILLED);
        }
        let slow = running.slow.load(Ordering::Acquire);
        let stopping = self.shared.is_stopping(slow);
        stopping.then_some("ERR the server is shutting down")
    }

    /// Stops the script that runs.
    pub(super) fn end<T>(self: &Rc<Self>, lua: &Lua, stop: Stop) -> Result<T> {
        if self.stopped.borrow().is_none() {
            // A call with very many arguments leaves the interpreter no room to look around.
            if matches!(stop, Stop::Failed(_)) {
                self.stopped_at.replace(api::place(lua, 0));
            }
            self.stopped.replace(Some(stop));
            // Whatever it catches, its next instruction fails again.
            self.hook(lua, 1)?;
        }
        api::raise("ERR the script was stopped")
    }
}

const RANDOM_MAX: u64 = i32::MAX as u64;
