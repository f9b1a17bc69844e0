//! What `redis.*` does, and what `sandbox.lua` needs of the server.
//!
//! These are native functions, not Lua ones, because of the place in their errors: a native function leaves the line
//! that called it on the stack, even of a tail call.

use super::bits::with_text;
use super::convert;
use super::loan::Refusal;
use super::vm::{KILLED, State, Stop};
use super::{bits, json, msgpack, pack, raw};
use crate::base::num::I64Buf;
use crate::base::sha1::sha1_hex;
use crate::base::write_f64;
use crate::resp::{OwnedArgs, Proto};
use mlua::chunk::ChunkMode;
use mlua::{Error, Lua, LuaString, MultiValue, Result, Table, Value};
use std::fmt;
use std::rc::Rc;

/// The version that scripts are told.
pub(super) const VERSION: &str = "7.2.4";
const VERSION_NUMBER: i64 = 0x0007_0204;

/// Whom `redis.set_repl` lets know.
const REPL_AOF: i64 = 1;
const REPL_REPLICA: i64 = 2;

/// The longest source that is compiled: stock Lua counts in 32 bits, also the equals signs of a long bracket.
const SOURCE_BYTES_MAX: usize = 256 * 1024 * 1024;

/// An error as scripts see it.
#[derive(Debug)]
pub(super) struct Raised {
    /// Its message, code included.
    text: Vec<u8>,
    /// The statistics of errors have it already.
    is_counted: bool,
}

impl Raised {
    pub(super) fn new(text: impl Into<Vec<u8>>) -> Raised {
        Raised {
            text: text.into(),
            is_counted: false,
        }
    }

    fn counted(text: impl Into<Vec<u8>>) -> Raised {
        Raised {
            text: text.into(),
            is_counted: true,
        }
    }
}

/// The field of an error table that says that the statistics of errors have it already.
pub(super) const COUNTED: &str = "ignore_error_stats_update";

/// Whether the statistics of errors have this error object already.
pub(super) fn is_counted(object: &Value) -> bool {
    fn raised(error: &Error) -> bool {
        match error {
            Error::CallbackError { cause, .. } => raised(cause),
            Error::ExternalError(external) => external
                .downcast_ref::<Raised>()
                .is_some_and(|raised| raised.is_counted),
            _ => false,
        }
    }
    match object {
        Value::Table(table) => table.raw_get(COUNTED).unwrap_or(false),
        Value::Error(error) => raised(error),
        _ => false,
    }
}

impl fmt::Display for Raised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl std::error::Error for Raised {}

pub(super) fn raise<T>(message: impl Into<Vec<u8>>) -> Result<T> {
    Err(Error::external(Raised::new(message)))
}

/// An error with the text of a native library function, and where its caller stands.
pub(super) fn fail<T>(lua: &Lua, message: impl AsRef<[u8]>) -> Result<T> {
    let mut text = b"ERR ".to_vec();
    if let Some((source, line)) = place(lua, 1) {
        let source = source.trim_start_matches(['@', '=']);
        text.extend_from_slice(format!("{source}:{line}: ").as_bytes());
    }
    text.extend_from_slice(message.as_ref());
    raise(text)
}

/// The message of an error, if one of ours is at its root.
pub(super) fn message(error: &Error) -> Vec<u8> {
    match error {
        Error::CallbackError { cause, .. } => message(cause),
        Error::ExternalError(external) => match external.downcast_ref::<Raised>() {
            Some(raised) => raised.text.clone(),
            None => format!("ERR {external}").into_bytes(),
        },
        Error::MemoryError(_) => b"ERR not enough memory".to_vec(),
        Error::RuntimeError(text) => {
            let first = text.split("\nstack traceback:").next().unwrap_or_default();
            format!("ERR {first}").into_bytes()
        }
        other => format!("ERR {other}").into_bytes(),
    }
}

/// Source and line of the innermost Lua code outside the sandbox, from `level` on.
pub(super) fn place(lua: &Lua, level: usize) -> Option<(String, usize)> {
    for level in level..level + 40 {
        let found = lua.inspect_stack(level, |debug| {
            let source = debug.source();
            let name = source.source.as_deref().unwrap_or_default();
            let native = source.what == "C" || name == super::vm::SANDBOX_NAME;
            let line = debug.current_line().filter(|_| !native);
            line.map(|line| (name.to_owned(), line))
        });
        match found {
            None => return None,
            Some(None) => {}
            Some(found) => return found,
        }
    }
    None
}

/// Compiles source text. `name` as Lua takes it: `@file`, `=words` or the text itself.
pub(super) fn compile(
    lua: &Lua,
    text: &[u8],
    name: &[u8],
    env: Table,
) -> std::result::Result<mlua::Function, Vec<u8>> {
    if text.first() == Some(&0x1b) {
        return Err(b"bytecode is not loaded".to_vec());
    }
    if text.len() > SOURCE_BYTES_MAX {
        return Err(b"chunk has too many syntax levels".to_vec());
    }
    let mut name = String::from_utf8_lossy(name).into_owned();
    name.retain(|letter| letter != '\0');
    // As much as an error message can show; the compiler keeps it as a string of its own.
    let cut = name
        .char_indices()
        .nth(200)
        .map_or(name.len(), |(at, _)| at);
    name.truncate(cut);
    // The compiler has values that the collector does not see yet, the name among them.
    lua.gc_stop();
    let compiled = lua
        .load(text)
        .set_name(name)
        .set_mode(ChunkMode::Text)
        .set_environment(env)
        .into_function();
    lua.gc_restart();
    compiled.map_err(|error| match error {
        Error::SyntaxError { message, .. } => message.into_bytes(),
        Error::MemoryError(_) => b"not enough memory".to_vec(),
        other => other.to_string().into_bytes(),
    })
}

/// The table that `sandbox.lua` is given.
pub(super) fn host(lua: &Lua, state: &Rc<State>) -> Result<Table> {
    let host = lua.create_table()?;
    host.set("api", redis(lua, state)?)?;
    host.set("eval_api", eval_only(lua)?)?;
    host.set("cjson", json::library(lua, &state.shared.json)?)?;
    host.set("cmsgpack", msgpack::library(lua)?)?;
    host.set("struct", pack::library(lua)?)?;
    host.set("bit", bits::library(lua)?)?;
    host.set("natives", raw::natives(lua)?)?;
    host.set("place", lua.create_function(placed)?)?;
    host.set(
        "message",
        lua.create_function(|lua, value: Value| match value {
            Value::Error(error) => Ok(Some(lua.create_string(message(&error))?)),
            _ => Ok(None),
        })?,
    )?;
    host.set(
        "compile",
        lua.create_function(|lua, (text, name, env): (LuaString, LuaString, Table)| {
            Ok(
                match compile(lua, &text.as_bytes(), &name.as_bytes(), env) {
                    Ok(function) => (Some(function), None),
                    Err(problem) => (None, Some(lua.create_string(problem)?)),
                },
            )
        })?,
    )?;
    let random = Rc::clone(state);
    host.set(
        "random",
        lua.create_function(move |_, ()| Ok(random.random()))?,
    )?;
    let random = Rc::clone(state);
    host.set(
        "randomseed",
        lua.create_function(move |_, seed: f64| {
            random.seed(convert::truncated(seed));
            Ok(())
        })?,
    )?;
    Ok(host)
}

/// Called with the error object of a script, while the code that failed is on the stack: its message, and where it
/// stands. Native, as no instruction of a stopped script's handler would succeed.
fn placed(lua: &Lua, object: Value) -> Result<Table> {
    let (text, at) = match &object {
        Value::Error(error) => (Some(message(error)), None),
        Value::Table(table) => {
            let text: Value = table.raw_get("err")?;
            let source: Option<LuaString> = table.raw_get("source").unwrap_or_default();
            let line: Option<usize> = table.raw_get("line").unwrap_or_default();
            let at = source.map(|source| source.to_string_lossy()).zip(line);
            (with_text(Some(&text), <[u8]>::to_vec), at)
        }
        Value::Nil => (Some(b"ERR nil".to_vec()), None),
        Value::Boolean(flag) => (Some(format!("ERR {flag}").into_bytes()), None),
        other => {
            let text = with_text(Some(other), |text| [b"ERR ", text].concat());
            (text.or(Some(b"ERR unknown error".to_vec())), None)
        }
    };
    let text = text.unwrap_or_else(|| b"ERR unknown error".to_vec());
    let result = convert::error(lua, &text)?;
    if is_counted(&object) {
        result.raw_set(COUNTED, true)?;
    }
    if let Some((source, line)) = at.or_else(|| place(lua, 1)) {
        result.raw_set("source", source)?;
        result.raw_set("line", line)?;
    }
    Ok(result)
}

/// What scripts have and functions have not.
fn eval_only(lua: &Lua) -> Result<Table> {
    let api = lua.create_table()?;
    api.set("breakpoint", lua.create_function(|_, ()| Ok(false))?)?;
    api.set("debug", lua.create_function(|_, _: MultiValue| Ok(()))?)?;
    api.set("replicate_commands", lua.create_function(|_, ()| Ok(true))?)?;
    Ok(api)
}

fn redis(lua: &Lua, state: &Rc<State>) -> Result<Table> {
    let api = lua.create_table()?;
    for (name, value) in [
        ("LOG_DEBUG", 0),
        ("LOG_VERBOSE", 1),
        ("LOG_NOTICE", 2),
        ("LOG_WARNING", 3),
        ("REPL_NONE", 0),
        ("REPL_AOF", REPL_AOF),
        ("REPL_SLAVE", REPL_REPLICA),
        ("REPL_REPLICA", REPL_REPLICA),
        ("REPL_ALL", REPL_AOF | REPL_REPLICA),
        ("REDIS_VERSION_NUM", VERSION_NUMBER),
    ] {
        api.set(name, value)?;
    }
    api.set("REDIS_VERSION", VERSION)?;
    // As HELLO has it: whose commands and versions these are.
    api.set("SERVER_NAME", "redis")?;
    let here = Rc::clone(state);
    let failed = lua.create_function(move |lua, ()| -> Result<()> {
        Err(Error::external(failure(lua, &here)?))
    })?;
    api.set("call", raw::caller(lua, state, failed)?)?;
    let here = Rc::clone(state);
    let failed = lua.create_function(move |lua, ()| {
        let raised = failure(lua, &here)?;
        let table = convert::error(lua, &raised.text)?;
        if raised.is_counted {
            table.raw_set(COUNTED, true)?;
        }
        Ok(table)
    })?;
    api.set("pcall", raw::caller(lua, state, failed)?)?;
    let here = Rc::clone(state);
    api.set(
        "acl_check_cmd",
        lua.create_function(move |_, values: MultiValue| {
            let args = match arguments(&values) {
                Ok(args) => args,
                Err(text) => return raise(text),
            };
            match here.loan.with(|host| host.may_call(args.as_args())) {
                Some(Some(allowed)) => Ok(allowed),
                _ => raise("ERR Invalid command passed to redis.acl_check_cmd()"),
            }
        })?,
    )?;
    let here = Rc::clone(state);
    api.set(
        "setresp",
        lua.create_function(move |_, values: MultiValue| {
            if values.len() != 1 {
                return raise("ERR redis.setresp() requires one argument.");
            }
            let proto = match number_of(&values[0]).map(convert::truncated) {
                Some(2) => Proto::Resp2,
                Some(3) => Proto::Resp3,
                _ => return raise("ERR RESP version must be 2 or 3."),
            };
            here.proto.set(proto);
            Ok(())
        })?,
    )?;
    let here = Rc::clone(state);
    api.set(
        "set_repl",
        lua.create_function(move |_, values: MultiValue| {
            if values.len() != 1 {
                return raise("ERR redis.set_repl() requires one argument.");
            }
            // What is no number counts as 0, as ever.
            match number_of(&values[0]).map_or(0, convert::truncated) {
                flags @ 0..=3 => {
                    let (log, replicas) = (flags & REPL_AOF != 0, flags & REPL_REPLICA != 0);
                    here.loan.with(|host| host.set_reach(log, replicas));
                    Ok(())
                }
                _ => raise(
                    "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
                ),
            }
        })?,
    )?;
    api.set("log", lua.create_function(log)?)?;
    api.set(
        "sha1hex",
        lua.create_function(|lua, values: MultiValue| {
            if values.len() != 1 {
                return raise("ERR wrong number of arguments");
            }
            let digest = with_text(values.front(), sha1_hex).unwrap_or_else(|| sha1_hex(b""));
            lua.create_string(digest)
        })?,
    )?;
    api.set(
        "error_reply",
        lua.create_function(|lua, values: MultiValue| {
            let Some(Value::String(text)) = values.front().filter(|_| values.len() == 1) else {
                return convert::error(lua, b"ERR wrong number or type of arguments");
            };
            let text = text.as_bytes();
            let text: &[u8] = text.strip_prefix(b"-").unwrap_or(&text);
            match text.contains(&b' ') {
                true => convert::error(lua, text),
                // Without a code it gets the usual one.
                false => convert::error(lua, &[b"ERR ", text].concat()),
            }
        })?,
    )?;
    api.set(
        "status_reply",
        lua.create_function(|lua, values: MultiValue| {
            let Some(Value::String(text)) = values.front().filter(|_| values.len() == 1) else {
                return convert::error(lua, b"ERR wrong number or type of arguments");
            };
            let table = lua.create_table_with_capacity(0, 1)?;
            table.raw_set("ok", lua.create_string(text.as_bytes())?)?;
            Ok(table)
        })?,
    )?;
    Ok(api)
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        Value::String(text) => crate::base::parse_f64(&text.as_bytes()),
        _ => None,
    }
}

fn log(_: &Lua, values: MultiValue) -> Result<()> {
    if values.len() < 2 {
        return raise("ERR redis.log() requires two arguments or more.");
    }
    let level = match values[0] {
        Value::Integer(level) => level as f64,
        Value::Number(level) => level,
        _ => return raise("ERR First argument must be a number (log level)."),
    };
    if !(0.0..4.0).contains(&level) {
        return raise("ERR Invalid debug level.");
    }
    let mut line = Vec::new();
    for (i, value) in values.iter().skip(1).enumerate() {
        if i > 0 {
            line.push(b' ');
        }
        push_text(&mut line, value);
    }
    let line = String::from_utf8_lossy(&line);
    match level as u8 {
        0 => tracing::trace!("{line}"),
        1 => tracing::debug!("{line}"),
        2 => tracing::info!("{line}"),
        _ => tracing::warn!("{line}"),
    }
    Ok(())
}

/// Appends a string, or a number as commands get it; false for anything else.
fn push_text(out: &mut Vec<u8>, value: &Value) -> bool {
    match value {
        Value::String(text) => out.extend_from_slice(&text.as_bytes()),
        Value::Integer(number) => out.extend_from_slice(I64Buf::new(*number).as_bytes()),
        Value::Number(number) => write_f64(out, *number),
        _ => return false,
    }
    true
}

/// Appends a number as commands get it.
pub(super) fn push_number(args: &mut OwnedArgs, number: f64) {
    let whole = convert::truncated(number);
    if (whole as f64).to_bits() == number.to_bits() {
        return args.push(I64Buf::new(whole).as_bytes());
    }
    let mut text = Vec::new();
    write_f64(&mut text, number);
    args.push(&text);
}

const NO_ARGUMENTS: &str = "ERR Please specify at least one argument for this redis lib call";
const BAD_ARGUMENTS: &str = "ERR Lua redis lib command arguments must be strings or integers";

fn arguments(values: &MultiValue) -> std::result::Result<OwnedArgs, &'static str> {
    let mut args = OwnedArgs::new();
    if values.is_empty() {
        return Err(NO_ARGUMENTS);
    }
    for value in values {
        match value {
            Value::String(text) => args.push(&text.as_bytes()),
            Value::Integer(value) => args.push(I64Buf::new(*value).as_bytes()),
            Value::Number(value) => push_number(&mut args, *value),
            _ => return Err(BAD_ARGUMENTS),
        }
    }
    Ok(args)
}

/// What a call of a command came to when it has no reply.
pub(super) enum Failure {
    /// This error.
    Raised(Raised),
    /// The script is stopped.
    Stop(Stop),
}

impl State {
    /// Runs the command whose arguments `fill` gives; false from it means that one cannot be an argument. The reply is in
    /// `reply`, or false is returned and `failure` says why there is none.
    pub(super) fn perform(&self, fill: impl FnOnce(&mut OwnedArgs) -> bool) -> bool {
        let mut args = self.args.take();
        args.clear();
        let failure = match fill(&mut args) {
            true if args.is_empty() => Some(Failure::Raised(Raised::new(NO_ARGUMENTS))),
            true => self.run(&args),
            false => Some(Failure::Raised(Raised::new(BAD_ARGUMENTS))),
        };
        self.args.replace(args);
        let fine = failure.is_none();
        if !fine {
            self.failure.replace(failure);
        }
        fine
    }

    fn run(&self, args: &OwnedArgs) -> Option<Failure> {
        let mut reply = self.reply.take();
        reply.clear();
        let ran = self.loan.with(|host| {
            let may_write = || self.may_write();
            host.call(args.as_args(), self.proto.get(), &mut reply, &may_write)
        });
        let failure = match ran {
            Some(Ok(())) => reply
                .strip_prefix(b"-")
                .map(|text| Failure::Raised(Raised::counted(text.trim_ascii_end()))),
            Some(Err(Refusal::Error(error))) => {
                Some(Failure::Raised(Raised::counted(error.text())))
            }
            Some(Err(Refusal::Elsewhere)) => Some(Failure::Stop(Stop::Elsewhere)),
            Some(Err(Refusal::Killed)) => Some(Failure::Stop(Stop::Failed(KILLED))),
            None => Some(Failure::Raised(Raised::new(
                "ERR commands are called while a script runs",
            ))),
        };
        self.reply.replace(reply);
        failure
    }
}

/// Why the command that was called last has no reply.
fn failure(lua: &Lua, state: &Rc<State>) -> Result<Raised> {
    match state.failure.take() {
        Some(Failure::Raised(raised)) => Ok(raised),
        Some(Failure::Stop(stop)) => state.end(lua, stop),
        None => raise("ERR no command was called"),
    }
}
