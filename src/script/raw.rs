#![expect(
    unsafe_code,
    reason = "what every script does, being started, calling commands and returning a value, is done on the interpreter's stack"
)]
//! What every script does, over the interpreter's stack: it is started, calls commands and returns a value.
//!
//! A value that crosses mlua's safe interface costs a reference that is made and dropped, and each native call a
//! reserved error. So the few things that happen all the time are native functions of Lua's own interface, which are
//! written here; all that is rare, errors above all, goes through mlua.
//!
//! Rules
//!   1. Lua leaves a function by `longjmp` when something fails. A frame that calls what can fail holds nothing that has
//!      to be dropped; what needs such things is in functions that call nothing that can fail.
//!   2. Outside of [`Raw::run`] and its `write`, which are protected calls, nothing that can fail is called.
//!   3. Whatever is left on the stack is gone when [`Run`] is dropped.

mod natives;
mod texts;
mod values;
mod watch;

use super::api::push_number;
use super::vm::State;
use crate::resp::{Args, Proto, Reply};
use mlua::ffi::{
    LUA_ERRMEM, LUA_OK, LUA_REGISTRYINDEX, LUA_TNUMBER, LUA_TSTRING, lua_call, lua_createtable,
    lua_gettop, lua_pcall, lua_pushcclosure, lua_pushlightuserdata, lua_pushlstring_,
    lua_pushvalue, lua_rawgeti_, lua_rawset, lua_rawseti_, lua_settop, lua_tolstring, lua_tonumber,
    lua_touserdata, lua_type, lua_upvalueindex, luaL_ref, luaL_unref,
};
use mlua::{Function, Lua, Result, Table, Value, lua_State};
pub(super) use natives::library as natives;
use std::cell::Cell;
use std::ffi::{c_int, c_void};
pub(super) use values::Written;
pub(super) use watch::note;

/// Keeps a value of the interpreter alive. It must not outlive the interpreter: the interpreter of a [`super::vm::Vm`] is
/// dropped after everything else that it has.
pub(super) struct Anchor {
    main: *mut lua_State,
    place: c_int,
}

impl Anchor {
    /// Keeps a function.
    pub(super) fn new(lua: &Lua, function: &Function) -> Result<Anchor> {
        let (place, main) = (Cell::new(0), Cell::new(std::ptr::null_mut()));
        // SAFETY: the closure runs in a protected call, with the function on the stack, and holds nothing to drop. The
        // state is the main one: nothing runs in the interpreter.
        unsafe {
            lua.exec_raw::<()>(function, |l| {
                place.set(luaL_ref(l, LUA_REGISTRYINDEX));
                main.set(l);
            })?;
        }
        Ok(Anchor {
            main: main.get(),
            place: place.get(),
        })
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        // SAFETY: the interpreter is still there, says the type. The stack has room, as nothing runs, and places that are
        // in the registry are changed without allocation.
        unsafe { luaL_unref(self.main, LUA_REGISTRYINDEX, self.place) }
    }
}

/// One interpreter's main thread.
pub(super) struct Raw {
    main: *mut lua_State,
    /// Starts a script.
    enter: Anchor,
    /// Writes a value that is a table.
    leave: Anchor,
    /// Finds out where an error happened, while the stack is still there.
    placed: Anchor,
    /// Where an error is kept until mlua takes it.
    error: Anchor,
}

/// What is started.
pub(super) struct Entry<'a> {
    /// A compiled script, or a function.
    pub(super) body: &'a Anchor,
    /// It is a function: it gets keys and arguments as its own arguments.
    pub(super) is_function: bool,
    pub(super) keys: Args<'a>,
    pub(super) args: Args<'a>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// There is a result.
    Done,
    /// There is an error.
    Failed,
    /// There was not enough memory.
    NoMemory,
}

/// What a run has left on the stack.
pub(super) struct Run<'r> {
    raw: &'r Raw,
    base: c_int,
    status: c_int,
}

impl Raw {
    /// `globals` is what scripts see as their globals, `placed` the handler of their errors.
    pub(super) fn new(lua: &Lua, globals: Table, placed: &Function) -> Result<Raw> {
        // SAFETY: the closure runs in a protected call, with the table on the stack, and holds nothing to drop.
        let enter: Function = unsafe {
            lua.exec_raw(globals, |l| {
                for name in ["KEYS", "ARGV"] {
                    push_text(l, name.as_bytes());
                }
                lua_pushcclosure(l, enter, 3);
            })?
        };
        // SAFETY: as above, with nothing on the stack.
        let leave: Function = unsafe {
            lua.exec_raw((), |l| {
                for name in values::NAMES {
                    push_text(l, name.as_bytes());
                }
                lua_pushcclosure(l, values::leave, values::NAMES.len() as c_int);
            })?
        };
        // A place given back for the first time makes the registry larger, which can fail, and must not where anchors are
        // dropped.
        // SAFETY: as above.
        unsafe {
            lua.exec_raw::<()>(&enter, |l| {
                let place = luaL_ref(l, LUA_REGISTRYINDEX);
                luaL_unref(l, LUA_REGISTRYINDEX, place);
            })?;
        }
        let enter = Anchor::new(lua, &enter)?;
        Ok(Raw {
            main: enter.main,
            enter,
            leave: Anchor::new(lua, &leave)?,
            placed: Anchor::new(lua, placed)?,
            error: Anchor::new(lua, placed)?,
        })
    }

    /// Runs a script. Whoever it calls commands of is lent to the interpreter for that time.
    pub(super) fn run(&self, entry: &Entry<'_>) -> Run<'_> {
        // SAFETY: nothing runs in the interpreter, so this is its main stack at rest, which has room for some values; none
        // of the pushes allocates. `entry` lives until the protected call is over.
        unsafe {
            let l = self.main;
            let base = lua_gettop(l);
            lua_rawgeti_(l, LUA_REGISTRYINDEX, self.placed.place);
            lua_rawgeti_(l, LUA_REGISTRYINDEX, self.enter.place);
            lua_pushlightuserdata(l, std::ptr::from_ref(entry).cast_mut().cast());
            let status = lua_pcall(l, 1, 1, base + 1);
            Run {
                raw: self,
                base,
                status,
            }
        }
    }
}

impl Run<'_> {
    /// How it ended.
    pub(super) fn status(&self) -> Status {
        match self.status {
            LUA_OK => Status::Done,
            LUA_ERRMEM => Status::NoMemory,
            _ => Status::Failed,
        }
    }

    /// Writes the result. `spoken` is the protocol that the script has chosen.
    pub(super) fn write(&mut self, spoken: Proto, reply: &mut Reply<'_>) -> Written {
        let l = self.raw.main;
        // SAFETY: the result is on top. Only a table can fail to be written, and that is done in a protected call, for
        // which there is room; what it is given lives longer.
        unsafe {
            if values::write_scalar(l, spoken, reply) {
                return Written::Value;
            }
            let mut leaving = values::Leaving::new(spoken, reply);
            lua_rawgeti_(l, LUA_REGISTRYINDEX, self.raw.leave.place);
            lua_pushvalue(l, -2);
            lua_pushlightuserdata(l, std::ptr::from_mut(&mut leaving).cast());
            match lua_pcall(l, 2, 0, 0) {
                LUA_OK => leaving.written(),
                status => {
                    self.status = status;
                    Written::Not
                }
            }
        }
    }

    /// The error, which is on top.
    pub(super) fn error(&self, lua: &Lua) -> Result<Value> {
        let place = self.raw.error.place;
        // SAFETY: a place that is in the registry is changed without allocation. The closure runs in a protected call and
        // holds nothing to drop.
        unsafe {
            lua_pushvalue(self.raw.main, -1);
            lua_rawseti_(self.raw.main, LUA_REGISTRYINDEX, place);
            lua.exec_raw((), |l| lua_rawgeti_(l, LUA_REGISTRYINDEX, place))
        }
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        // SAFETY: the stack only becomes shorter.
        unsafe { lua_settop(self.raw.main, self.base) }
    }
}

/// A function for scripts that calls commands. When that fails it calls `failed`, which finds what happened in `state`, and
/// returns what that returns.
pub(super) fn caller(lua: &Lua, state: &std::rc::Rc<State>, failed: Function) -> Result<Function> {
    let address = std::rc::Rc::as_ptr(state).cast_mut().cast::<c_void>();
    // SAFETY: the closure runs in a protected call, with the function on the stack, and holds nothing to drop.
    // The interpreter is dropped before the state, so the address stays good for as long as the function can be called.
    unsafe {
        lua.exec_raw(failed, |l| {
            lua_pushlightuserdata(l, address);
            for name in values::STATUS_NAMES {
                push_text(l, name.as_bytes());
            }
            lua_pushcclosure(l, call, 2 + values::STATUS_NAMES.len() as c_int);
        })
    }
}

/// Pushes a string.
///
/// # Safety
/// The stack has room. No caller up to the protected call has anything to drop.
unsafe fn push_text(l: *mut lua_State, text: &[u8]) {
    // SAFETY: the text is copied before the call returns.
    unsafe { lua_pushlstring_(l, text.as_ptr().cast(), text.len()) }
}

/// The string at `index`, which is one.
///
/// # Safety
/// There is a string at `index`, and it stays on the stack for as long as the text is used.
unsafe fn text_at<'a>(l: *mut lua_State, index: c_int) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: the text of a string stays where it is while the string lives; there is a byte behind it even if it is empty.
    unsafe {
        let text = lua_tolstring(l, index, &mut len);
        std::slice::from_raw_parts(text.cast(), len)
    }
}

/// Starts a script: the only argument is the address of an [`Entry`].
unsafe extern "C-unwind" fn enter(l: *mut lua_State) -> c_int {
    // SAFETY: `Raw::run` has put the address there and waits. Every C function has room for twenty values. Nothing here
    // has to be dropped.
    unsafe {
        let entry = &*lua_touserdata(l, 1).cast::<Entry<'_>>();
        lua_settop(l, 0);
        if entry.is_function {
            lua_rawgeti_(l, LUA_REGISTRYINDEX, entry.body.place);
            push_list(l, entry.keys);
            push_list(l, entry.args);
            lua_call(l, 2, 1);
        } else {
            for (name, list) in [(2, entry.keys), (3, entry.args)] {
                lua_pushvalue(l, lua_upvalueindex(name));
                push_list(l, list);
                lua_rawset(l, lua_upvalueindex(1));
            }
            lua_rawgeti_(l, LUA_REGISTRYINDEX, entry.body.place);
            lua_call(l, 0, 1);
        }
        1
    }
}

/// Pushes a table of strings.
///
/// # Safety
/// As for `push_text`, with room for two.
unsafe fn push_list(l: *mut lua_State, list: Args<'_>) {
    // SAFETY: see above. There are fewer arguments than 2^31.
    unsafe {
        lua_createtable(l, list.len() as c_int, 0);
        for (i, text) in list.iter().enumerate() {
            push_text(l, text);
            lua_rawseti_(l, -2, i as c_int + 1);
        }
    }
}

/// `redis.call` and `redis.pcall`: see `caller`.
unsafe extern "C-unwind" fn call(l: *mut lua_State) -> c_int {
    // SAFETY: the second value that the function came with is the address of the state, which outlives it. The reply stays
    // as it is until the next command is called, which cannot be before this returns. Nothing here has to be dropped.
    unsafe {
        let state = &*lua_touserdata(l, lua_upvalueindex(2)).cast::<State>();
        let fine = perform(l, state);
        lua_settop(l, 0);
        if fine {
            let mut reply: &[u8] = &*state.reply.as_ptr();
            values::push(l, &mut reply);
        } else {
            lua_pushvalue(l, lua_upvalueindex(1));
            lua_call(l, 0, 1);
        }
        1
    }
}

/// Runs the command that the arguments on the stack are. Its reply is in `state`, or what happened instead: then this is
/// false. Nothing that is called here fails: there are only strings and numbers read.
fn perform(l: *mut lua_State, state: &State) -> bool {
    let contained = Contained;
    let fine = state.perform(|args| {
        // SAFETY: these are the arguments of the function that runs; the type of each is known when it is read.
        unsafe {
            for index in 1..=lua_gettop(l) {
                match lua_type(l, index) {
                    LUA_TSTRING => args.push(text_at(l, index)),
                    LUA_TNUMBER => push_number(args, lua_tonumber(l, index)),
                    _ => return false,
                }
            }
        }
        true
    });
    std::mem::forget(contained);
    fine
}

/// A panic ends here: it must not unwind the interpreter.
struct Contained;

impl Drop for Contained {
    fn drop(&mut self) {
        std::process::abort();
    }
}
