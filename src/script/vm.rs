//! One interpreter.

use super::api::{self, Raised};
use super::convert;
use super::functions::{Function as Named, Functions};
use super::loan::{Host, Loan};
use super::shared::{Running, Script, Sha, Shared};
use super::shebang::Flags;
use crate::base::Map;
use crate::resp::{Args, CommandError, Output, OwnedArgs, Proto, Reply};
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
    /// The command with all its arguments.
    pub command: Args<'a>,
    /// The protocol of the client.
    pub proto: Proto,
    /// `busy-reply-threshold` in microseconds; none if it is 0.
    pub busy_us: u64,
}

/// How a script ended.
pub enum Ended {
    /// Its result is the reply. If that is an error, whether the statistics of errors have it already.
    Returned(Output, bool),
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
    stopped: RefCell<Option<Stop>>,
    /// Where it was stopped.
    stopped_at: RefCell<Option<(String, usize)>>,
    random: Cell<u64>,
    clock: Rc<dyn Fn() -> u64>,
    shared: Arc<Shared>,
    shard: usize,
    watch: RefCell<Watch>,
}

/// How long the script that runs may.
#[derive(Default)]
struct Watch {
    name: Vec<u8>,
    command: OwnedArgs,
    wrote: bool,
    is_function: bool,
    busy_us: u64,
    running: Option<Arc<Running>>,
    /// When the code of a library has to be done.
    load_until: Option<u64>,
}

/// See the module.
pub(super) struct Vm {
    lua: Lua,
    state: Rc<State>,
    eval_env: Table,
    eval: Function,
    call: Function,
    load: Function,
    library_env: Function,
    next: Function,
    /// Compiled scripts by name, in the interpreter: it counts references from outside.
    compiled: Table,
    compiled_count: Cell<usize>,
    /// The one that ran last: it is most often the next as well.
    recent: RefCell<Option<(Sha, Function)>>,
    functions: RefCell<Loaded>,
}

/// A function by name.
type Compiled = (Vec<u8>, Function);

/// Functions of the set of libraries that was looked at last.
#[derive(Default)]
struct Loaded {
    version: u64,
    functions: Map<Vec<u8>, Function>,
    /// Libraries by code, for those that are in the next set too.
    libraries: Map<Box<[u8]>, Vec<Compiled>>,
}

/// A function as the code of a library registers it.
type Registered = Rc<RefCell<Vec<(Named, Function)>>>;

/// Makes values that are no larger than what the server holds already, a request or a reply, without the memory cap. While
/// it is in force an allocation may fail, and each one that native code makes is a protected call, which costs more than
/// all the rest of it. The script's next allocation is counted again.
#[inline]
pub(super) fn uncapped<R>(lua: &Lua, make: impl FnOnce() -> R) -> R {
    // It fails only for interpreters that do not count.
    let _ = lua.set_memory_limit(0);
    let made = make();
    let _ = lua.set_memory_limit(MEMORY_MAX);
    made
}

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
            stopped: RefCell::default(),
            stopped_at: RefCell::default(),
            random: Cell::new(seed & MASK_48),
            clock,
            shared,
            shard,
            watch: RefCell::default(),
        });
        let host = api::host(&lua, &state)?;
        let sandbox = lua.load(include_str!("sandbox.lua")).set_name(SANDBOX_NAME);
        let exports: Table = sandbox.call(host)?;
        let vm = Vm {
            eval_env: exports.get("eval_env")?,
            eval: exports.get("eval")?,
            call: exports.get("call")?,
            load: exports.get("load")?,
            library_env: exports.get("library_env")?,
            next: exports.get("next")?,
            compiled: exports.get("compiled")?,
            compiled_count: Cell::new(0),
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

    /// Whether a script's text compiles; it is kept compiled.
    pub(super) fn compile(&self, script: &Script) -> std::result::Result<Function, CommandError> {
        if let Some((sha, known)) = &*self.recent.borrow()
            && *sha == script.sha
        {
            return Ok(known.clone());
        }
        if let Ok(Some(known)) = uncapped(&self.lua, || self.kept(&script.sha)) {
            self.recent.replace(Some((script.sha, known.clone())));
            return Ok(known);
        }
        let text = &script.body[script.code..];
        let function = api::compile(&self.lua, text, b"@user_script", self.eval_env.clone())
            .map_err(|problem| {
                let text = b"ERR Error compiling script (new function): ";
                CommandError::owned([&text[..], &problem].concat())
            })?;
        if self.compiled_count.get() >= COMPILED_MAX {
            self.forget();
        }
        let key = self.lua.create_string(script.sha);
        key.and_then(|key| self.compiled.raw_set(key, &function))
            .map_err(|error| failed(&error))?;
        self.compiled_count.set(self.compiled_count.get() + 1);
        Ok(function)
    }

    fn kept(&self, sha: &Sha) -> Result<Option<Function>> {
        self.compiled.raw_get(self.lua.create_string(sha)?)
    }

    /// Forgets compiled scripts.
    pub(super) fn forget(&self) {
        self.recent.take();
        if self.compiled.clear().is_ok() {
            self.compiled_count.set(0);
        }
    }

    /// Runs a script.
    pub(super) fn eval(
        &self,
        script: &Script,
        call: &Call<'_>,
        host: &mut dyn Host,
    ) -> std::result::Result<Ended, CommandError> {
        let body = self.compile(script)?;
        Ok(self.run(call, false, host, || {
            let (keys, args) = (self.list(call.keys)?, self.list(call.args)?);
            self.eval.call((body, keys, args))
        }))
    }

    /// Runs a function of a library.
    pub(super) fn fcall(&self, body: Function, call: &Call<'_>, host: &mut dyn Host) -> Ended {
        self.run(call, true, host, || {
            let (keys, args) = (self.list(call.keys)?, self.list(call.args)?);
            self.call.call((body, keys, args))
        })
    }

    fn list(&self, args: Args<'_>) -> Result<Table> {
        uncapped(&self.lua, || {
            let list = self.lua.create_table_with_capacity(args.len(), 0)?;
            for (i, arg) in args.iter().enumerate() {
                list.raw_set(i + 1, self.lua.create_string(arg)?)?;
            }
            Ok(list)
        })
    }

    fn run(
        &self,
        call: &Call<'_>,
        is_function: bool,
        host: &mut dyn Host,
        run: impl FnOnce() -> Result<(bool, Value)>,
    ) -> Ended {
        let state = &self.state;
        state.proto.set(Proto::Resp2);
        {
            let mut watch = state.watch.borrow_mut();
            watch.name.clear();
            watch.name.extend_from_slice(call.name);
            watch.command.copy_from(call.command);
            watch.wrote = false;
            watch.is_function = is_function;
            watch.busy_us = call.busy_us;
            watch.running = None;
        }
        let mut result = state.loan.lend(host, run);
        if let Some(running) = state.watch.borrow_mut().running.take() {
            drop(running);
            state.shared.end(state.shard);
        }
        state.shared.set_vm_bytes(state.shard, self.memory());
        if let Some(stop) = state.stopped.take() {
            let restored = self.watch(INSTRUCTIONS);
            return match (stop, restored) {
                (_, Err(error)) => Ended::Failed(failed(&error)),
                (Stop::Elsewhere, Ok(())) => Ended::Elsewhere,
                (Stop::Failed(text), Ok(())) => {
                    let at = state.stopped_at.take();
                    Ended::Failed(self.placed(text.as_bytes(), call.name, at))
                }
            };
        }
        if let Err(Error::MemoryError(_)) = result {
            let _ = self.lua.gc_collect();
            result = Err(Error::external(Raised::new(b"ERR not enough memory")));
        }
        match result {
            Ok((true, value)) => {
                let is_counted = api::is_counted(&value);
                let mut output = Output::new();
                let mut reply = Reply::new(&mut output, call.proto);
                match convert::write(&self.lua, &self.next, value, state.proto.get(), &mut reply) {
                    Ok(()) => Ended::Returned(output, is_counted),
                    Err(error) => Ended::Failed(failed(&error)),
                }
            }
            Ok((false, value)) => Ended::Failed(self.error(value, call.name)),
            Err(error) => Ended::Failed(failed(&error)),
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
        let text = text.strip_prefix(b"-").unwrap_or(&text);
        let source: Option<LuaString> = table.raw_get("source").unwrap_or_default();
        let line: Option<usize> = table.raw_get("line").unwrap_or_default();
        let at = source.zip(line);
        let is_counted = api::is_counted(&Value::Table(table.clone()));
        self.placed(text, name, at.map(|(s, line)| (s.to_string_lossy(), line)))
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
    ) -> std::result::Result<Function, CommandError> {
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
                        named.map(|(named, body)| (named.name, body)).collect()
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
                let running = Arc::new(Running::new(
                    watch.name.clone(),
                    watch.is_function,
                    watch.command.clone(),
                    now,
                    watch.wrote,
                ));
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
