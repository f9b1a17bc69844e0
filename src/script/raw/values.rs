#![expect(
    unsafe_code,
    reason = "values are read from the interpreter's stack and pushed onto it, as `raw.rs` says"
)]
//! Values of Lua and replies of RESP, both ways, on the stack.

use super::{push_text, text_at};
use crate::base::num::parse_i64;
use crate::base::parse_f64;
use crate::resp::{Proto, Reply};
use crate::script::convert::truncated;
use mlua::ffi::{
    LUA_TBOOLEAN, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, lua_checkstack, lua_createtable,
    lua_error, lua_gettop, lua_next, lua_pop, lua_pushboolean, lua_pushnil, lua_pushnumber,
    lua_pushvalue, lua_rawget_, lua_rawgeti_, lua_rawset, lua_rawseti_, lua_settop, lua_toboolean,
    lua_tonumber, lua_touserdata, lua_type, lua_upvalueindex,
};
use mlua::lua_State;
use std::ffi::c_int;

/// Nesting beyond which a script's result is not followed.
const DEPTH_MAX: usize = 1000;
/// Places that one level of nesting takes on the stack, and some.
const LEVEL: c_int = 10;

/// The names that `push` needs, in the places of its function from `OK` on.
pub(super) const STATUS_NAMES: [&str; 2] = ["ok", "err"];
const OK: c_int = 3;
const ERR: c_int = 4;

/// Pushes the value of the reply at the start of `bytes`, which is moved behind it.
///
/// # Safety
/// The stack has room for ten values, the function that runs came with `STATUS_NAMES`, and no caller up to the protected
/// call has anything to drop.
pub(super) unsafe fn push(l: *mut lua_State, bytes: &mut &[u8]) {
    let Some((kind, line)) = head(bytes) else {
        // SAFETY: see above.
        return unsafe { lua_pushnil(l) };
    };
    // SAFETY: room is made for each level of nesting, and everything else is as above.
    unsafe {
        match kind {
            b':' => lua_pushnumber(l, parse_i64(line).unwrap_or(0) as f64),
            b'+' => push_named(l, OK, line),
            b'-' => push_named(l, ERR, line),
            b'$' => match length(line) {
                Some(len) => push_text(l, body(bytes, len)),
                None => lua_pushboolean(l, 0),
            },
            b'*' | b'>' => match length(line) {
                Some(len) => push_list(l, bytes, len),
                None => lua_pushboolean(l, 0),
            },
            b'%' => push_table(l, "map", |l| {
                for _ in 0..length(line).unwrap_or(0) {
                    push(l, bytes);
                    push(l, bytes);
                    set(l);
                }
            }),
            b'~' => push_table(l, "set", |l| {
                for _ in 0..length(line).unwrap_or(0) {
                    push(l, bytes);
                    lua_pushboolean(l, 1);
                    set(l);
                }
            }),
            b'_' => lua_pushnil(l),
            b'#' => lua_pushboolean(l, (line == b"t").into()),
            b',' => {
                let number = parse_f64(line).unwrap_or(f64::NAN);
                push_one(l, "double", |l| lua_pushnumber(l, number));
            }
            b'(' => push_one(l, "big_number", |l| push_text(l, line)),
            b'=' => {
                let text = body(bytes, length(line).unwrap_or(0));
                push_table(l, "verbatim_string", |l| {
                    push_text(l, b"format");
                    push_text(l, text.get(..3).unwrap_or_default());
                    lua_rawset(l, -3);
                    push_text(l, b"string");
                    push_text(l, text.get(4..).unwrap_or_default());
                    lua_rawset(l, -3);
                });
            }
            b'|' => {
                for _ in 0..length(line).unwrap_or(0) * 2 {
                    push(l, bytes);
                    lua_pop(l, 1);
                }
                push(l, bytes);
            }
            _ => lua_pushnil(l),
        }
    }
}

/// What kind of reply is at the start of `bytes`, and the rest of its first line, behind which `bytes` is moved.
fn head<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    *bytes = rest.get(end + 1..).unwrap_or_default();
    Some((kind, &rest[..end.saturating_sub(1)]))
}

fn length(line: &[u8]) -> Option<usize> {
    parse_i64(line).and_then(|count| usize::try_from(count).ok())
}

fn body<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let text = bytes.get(..len).unwrap_or_default();
    *bytes = bytes.get(len + 2..).unwrap_or_default();
    text
}

/// Pushes a table whose only field, the name in this place of the function, is a text.
///
/// # Safety
/// As for `push`.
unsafe fn push_named(l: *mut lua_State, name: c_int, text: &[u8]) {
    // SAFETY: see above.
    unsafe {
        lua_createtable(l, 0, 1);
        lua_pushvalue(l, lua_upvalueindex(name));
        push_text(l, text);
        lua_rawset(l, -3);
    }
}

/// Pushes a table whose only field is what `value` pushes.
///
/// # Safety
/// As for `push`.
unsafe fn push_one(l: *mut lua_State, name: &str, value: impl FnOnce(*mut lua_State)) {
    // SAFETY: see above.
    unsafe {
        lua_createtable(l, 0, 1);
        push_text(l, name.as_bytes());
        value(l);
        lua_rawset(l, -3);
    }
}

/// Pushes a table whose only field is a table that `fill` fills, on top of the stack.
///
/// # Safety
/// As for `push`.
unsafe fn push_table(l: *mut lua_State, name: &str, fill: impl FnOnce(*mut lua_State)) {
    // SAFETY: see above.
    unsafe {
        make_room(l);
        push_one(l, name, |l| {
            lua_createtable(l, 0, 0);
            fill(l);
        });
    }
}

/// Pushes a table of the next `len` replies.
///
/// # Safety
/// As for `push`.
unsafe fn push_list(l: *mut lua_State, bytes: &mut &[u8], len: usize) {
    // SAFETY: see above. A reply has three bytes at least, so no room is made for elements that are not there.
    unsafe {
        make_room(l);
        let elements = len.min(bytes.len() / 3);
        lua_createtable(l, c_int::try_from(elements).unwrap_or(0), 0);
        for i in 1..=len {
            push(l, bytes);
            lua_rawseti_(l, -2, i as c_int);
        }
    }
}

/// Takes a value and a key from the stack and puts them into the table below. A key that no table can have is dropped.
///
/// # Safety
/// As for `push`; there is such a table.
unsafe fn set(l: *mut lua_State) {
    // SAFETY: see above.
    unsafe {
        let is_key = match lua_type(l, -2) {
            LUA_TNIL => false,
            LUA_TNUMBER => !lua_tonumber(l, -2).is_nan(),
            _ => true,
        };
        match is_key {
            true => lua_rawset(l, -3),
            false => lua_pop(l, 2),
        }
    }
}

/// Lets the stack grow, or fails.
///
/// # Safety
/// As for `push`, but for the room.
unsafe fn make_room(l: *mut lua_State) {
    // SAFETY: see above. Lua keeps some room for errors.
    unsafe {
        if lua_checkstack(l, LEVEL) == 0 {
            push_text(l, b"ERR reached lua stack limit");
            lua_error(l);
        }
    }
}

/// The names that `leave` needs, in the places of its function.
pub(super) const NAMES: [&str; 10] = [
    "err",
    "ok",
    "double",
    "map",
    "set",
    "big_number",
    "verbatim_string",
    "format",
    "string",
    crate::script::api::COUNTED,
];

/// Places of `NAMES`.
mod name {
    use std::ffi::c_int;

    pub(super) const ERR: c_int = 1;
    pub(super) const OK: c_int = 2;
    pub(super) const DOUBLE: c_int = 3;
    pub(super) const MAP: c_int = 4;
    pub(super) const SET: c_int = 5;
    pub(super) const BIG_NUMBER: c_int = 6;
    pub(super) const VERBATIM_STRING: c_int = 7;
    pub(super) const FORMAT: c_int = 8;
    pub(super) const STRING: c_int = 9;
    pub(super) const COUNTED: c_int = 10;
}

/// What became of a script's result.
#[derive(Debug)]
pub(in crate::script) enum Written {
    /// It is written.
    Value,
    /// It is this error, and whether the statistics of errors have it already. Nothing is written.
    Error(Vec<u8>, bool),
    /// It could not be written, or not all of it.
    Not,
}

/// What `leave` is given.
pub(super) struct Leaving<'r, 'o> {
    spoken: Proto,
    reply: &'r mut Reply<'o>,
    error: Option<(Vec<u8>, bool)>,
}

impl<'r, 'o> Leaving<'r, 'o> {
    pub(super) fn new(spoken: Proto, reply: &'r mut Reply<'o>) -> Leaving<'r, 'o> {
        Leaving {
            spoken,
            reply,
            error: None,
        }
    }

    /// What became of it.
    pub(super) fn written(self) -> Written {
        match self.error {
            Some((text, is_counted)) => Written::Error(text, is_counted),
            None => Written::Value,
        }
    }
}

/// Writes a table: the arguments are the table and the address of a [`Leaving`].
pub(super) unsafe extern "C-unwind" fn leave(l: *mut lua_State) -> c_int {
    // SAFETY: `Run::write` has put the address there and waits. Nothing here has to be dropped.
    unsafe {
        let leaving = &mut *lua_touserdata(l, 2).cast::<Leaving<'_, '_>>();
        lua_settop(l, 1);
        if field(l, 1, name::ERR) == LUA_TSTRING {
            lua_pushvalue(l, lua_upvalueindex(name::COUNTED));
            lua_rawget_(l, 1);
            let is_counted = lua_toboolean(l, -1) != 0;
            leaving.fail(text_at(l, 2), is_counted);
            return 0;
        }
        lua_settop(l, 1);
        write_table(l, leaving.spoken, leaving.reply, 0);
        0
    }
}

impl Leaving<'_, '_> {
    fn fail(&mut self, text: &[u8], is_counted: bool) {
        self.error = Some((text.to_vec(), is_counted));
    }
}

/// Writes the value on top of the stack, unless it is a table.
///
/// # Safety
/// There is a value on the stack.
pub(super) unsafe fn write_scalar(l: *mut lua_State, spoken: Proto, reply: &mut Reply<'_>) -> bool {
    // SAFETY: a value is read as what it is.
    unsafe {
        match lua_type(l, -1) {
            LUA_TSTRING => reply.bulk(text_at(l, -1)),
            LUA_TNUMBER => reply.integer(truncated(lua_tonumber(l, -1))),
            LUA_TBOOLEAN => match (spoken, lua_toboolean(l, -1) != 0) {
                (Proto::Resp3, flag) => reply.bool(flag),
                (_, true) => reply.integer(1),
                (_, false) => reply.null(),
            },
            LUA_TTABLE => return false,
            _ => reply.null(),
        }
    }
    true
}

/// Writes the value on top of the stack and takes it away.
///
/// # Safety
/// As for `write_table`.
unsafe fn write(l: *mut lua_State, spoken: Proto, reply: &mut Reply<'_>, depth: usize) {
    // SAFETY: see above; there is a value.
    unsafe {
        if write_scalar(l, spoken, reply) {
            lua_pop(l, 1);
        } else {
            write_table(l, spoken, reply, depth);
        }
    }
}

/// Pushes a field of the table at `table` and says of what type it is.
///
/// # Safety
/// As for `write_table`; there is a table, and room.
unsafe fn field(l: *mut lua_State, table: c_int, name: c_int) -> c_int {
    // SAFETY: see above.
    unsafe {
        lua_pushvalue(l, lua_upvalueindex(name));
        lua_rawget_(l, table);
        lua_type(l, -1)
    }
}

/// Writes the table on top of the stack and takes it away.
///
/// # Safety
/// The function that runs is `leave`, there is a table on top, and no caller up to the protected call has anything to drop.
unsafe fn write_table(l: *mut lua_State, spoken: Proto, reply: &mut Reply<'_>, depth: usize) {
    // SAFETY: see above; there is room.
    unsafe {
        let table = lua_gettop(l);
        if depth >= DEPTH_MAX || lua_checkstack(l, LEVEL) == 0 {
            reply.error_text(b"ERR reached lua stack limit");
        } else if !write_marked(l, table, reply, spoken, depth) {
            lua_settop(l, table);
            let mark = reply.mark();
            let mut count = 0;
            loop {
                lua_rawgeti_(l, table, count + 1);
                if lua_type(l, -1) == LUA_TNIL {
                    break;
                }
                count += 1;
                write(l, spoken, reply, depth + 1);
            }
            reply.set_array(mark, count as usize);
        }
        lua_settop(l, table - 1);
    }
}

/// Writes a table that stands for one reply or is a map or a set, as one of its fields says. False if there is no such
/// field. Leaves something on the stack.
///
/// # Safety
/// As for `write_table`, with room.
unsafe fn write_marked(
    l: *mut lua_State,
    table: c_int,
    reply: &mut Reply<'_>,
    spoken: Proto,
    depth: usize,
) -> bool {
    // SAFETY: see above; a value is read as what it is.
    unsafe {
        if field(l, table, name::ERR) == LUA_TSTRING {
            reply.error_text(&line(text_at(l, -1), true));
            return true;
        }
        if field(l, table, name::OK) == LUA_TSTRING {
            write_status(reply, text_at(l, -1));
            return true;
        }
        if field(l, table, name::DOUBLE) == LUA_TNUMBER {
            reply.double(lua_tonumber(l, -1));
            return true;
        }
        lua_settop(l, table);
        if field(l, table, name::MAP) == LUA_TTABLE {
            reply.map(count(l, table + 1));
            lua_pushnil(l);
            while lua_next(l, table + 1) != 0 {
                lua_pushvalue(l, -2);
                write(l, spoken, reply, depth + 1);
                write(l, spoken, reply, depth + 1);
            }
            return true;
        }
        lua_settop(l, table);
        if field(l, table, name::SET) == LUA_TTABLE {
            reply.set(count(l, table + 1));
            lua_pushnil(l);
            while lua_next(l, table + 1) != 0 {
                lua_pop(l, 1);
                lua_pushvalue(l, -1);
                write(l, spoken, reply, depth + 1);
            }
            return true;
        }
        if field(l, table, name::BIG_NUMBER) == LUA_TSTRING {
            write_big_number(reply, text_at(l, -1));
            return true;
        }
        lua_settop(l, table);
        if field(l, table, name::VERBATIM_STRING) == LUA_TTABLE
            && field(l, table + 1, name::FORMAT) == LUA_TSTRING
            && field(l, table + 1, name::STRING) == LUA_TSTRING
        {
            write_verbatim(reply, text_at(l, -2), text_at(l, -1));
            return true;
        }
        false
    }
}

/// How many fields the table at `table` has.
///
/// # Safety
/// As for `write_table`; there is a table, and room.
unsafe fn count(l: *mut lua_State, table: c_int) -> usize {
    // SAFETY: see above.
    unsafe {
        let mut count = 0;
        lua_pushnil(l);
        while lua_next(l, table) != 0 {
            lua_pop(l, 1);
            count += 1;
        }
        count
    }
}

fn write_status(reply: &mut Reply<'_>, text: &[u8]) {
    reply.raw(b"+");
    match memchr::memchr2(b'\r', b'\n', text) {
        None => reply.raw(text),
        Some(_) => reply.raw(&line(text, false)),
    }
    reply.raw(b"\r\n");
}

fn write_big_number(reply: &mut Reply<'_>, digits: &[u8]) {
    reply.bignum(&line(digits, false));
}

/// The format is three letters.
fn write_verbatim(reply: &mut Reply<'_>, format: &[u8], text: &[u8]) {
    let mut format: String = String::from_utf8_lossy(format)
        .chars()
        .filter(char::is_ascii)
        .take(3)
        .collect();
    while format.len() < 3 {
        format.push(' ');
    }
    reply.verbatim(&format, text);
}

/// A text fit for one line; an error loses the dash it may begin with.
fn line(text: &[u8], error: bool) -> Vec<u8> {
    let text = match error {
        true => text.strip_prefix(b"-").unwrap_or(text),
        false => text,
    };
    let mut line = text.to_vec();
    while error && matches!(line.last(), Some(b'\r' | b'\n')) {
        line.pop();
    }
    for byte in &mut line {
        if matches!(byte, b'\r' | b'\n') {
            *byte = b' ';
        }
    }
    line
}
