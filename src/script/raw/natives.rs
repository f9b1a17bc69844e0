#![expect(
    unsafe_code,
    reason = "functions that stand in for the interpreter's own read their arguments from its stack, as `raw.rs` says"
)]
//! What scripts get in place of functions of the interpreter.
//!
//! These are native functions, as the ones are that they stand in for: what they complain of is named as it was called, with
//! the place of the call, even of a tail call. Those that know proxies, or that bound or tell what a call may cost, look at
//! their arguments and then are the function itself: it runs in their place.
//!
//! What is easier said in Lua is a Lua function behind [`guarded`].

use super::watch::spend;
use super::{push_text, text_at, texts};
use mlua::ffi::{
    LUA_MULTRET, LUA_OK, LUA_TFUNCTION, LUA_TLIGHTUSERDATA, LUA_TNIL, LUA_TSTRING, LUA_TTABLE,
    LUA_TUSERDATA, lua_CFunction, lua_call, lua_concat, lua_createtable, lua_error, lua_gettop,
    lua_insert, lua_lessthan, lua_objlen, lua_pcall, lua_pop, lua_pushboolean, lua_pushcclosure,
    lua_pushnil, lua_pushnumber, lua_pushvalue, lua_rawget_, lua_rawset, lua_remove, lua_replace,
    lua_settop, lua_tocfunction, lua_tonumber, lua_touserdata, lua_type, lua_upvalueindex,
    luaL_argerror, luaL_checkany, luaL_checklstring, luaL_checknumber, luaL_checktype,
    luaL_optnumber, luaL_where,
};
use mlua::{LightUserData, Lua, Result, Table, Value, lua_State};
use std::ffi::{CStr, c_int};

/// Bytes that a repeated text may have.
const TEXT_MAX: f64 = 512.0 * 1024.0 * 1024.0;
/// Values that the interpreter's stack can take at once.
const RESULTS_MAX: f64 = 8000.0;
/// An index is a 32-bit integer to the interpreter.
const INDEX_MAX: f64 = 2_147_483_647.0;
/// From a lower place on everything behind it would be moved, one by one.
const PLACE_MIN: f64 = -1000.0;

/// Nanoseconds, about, to move a value in a table, or to compare two.
const VALUE_COST: usize = 10;
const COMPARISON_COST: usize = 60;
/// So many values are sorted without looking at the clock.
const SORT_MIN: usize = 2000;

/// Its address is the first result of a Lua function that has failed.
static FAILED: u8 = 0;

/// Functions by name: each needs the values of `PARTS`, the function that it stands in for first.
const NATIVES: [(&CStr, lua_CFunction); 22] = [
    (c"next", next),
    (c"pairs", pairs),
    (c"rawget", rawget),
    (c"rawset", change),
    (c"setmetatable", change_meta),
    (c"insert", insert),
    (c"unpack", unpack),
    (c"collectgarbage", collect),
    (c"remove", remove),
    (c"sort", sort),
    (c"concat", weigh),
    (c"find", texts::find),
    (c"match", texts::matches),
    (c"gmatch", texts::matches_all),
    (c"gfind", texts::matches_all),
    (c"gsub", texts::replace_all),
    (c"rep", repeat),
    (c"upper", weigh),
    (c"lower", weigh),
    (c"reverse", weigh),
    (c"sub", weigh),
    (c"format", weigh),
];

/// The function that one stands in for; it came from the interpreter's libraries and has no values of its own.
const INSTEAD_OF: c_int = 1;
/// What is behind each proxy.
const BEHIND: c_int = 2;
/// For `pairs`: `next` as scripts have it. For `pcall` and `xpcall`: the message of an error.
const EXTRA: c_int = 3;

/// A table of functions that `sandbox.lua` makes functions with, and what those return that fail.
///
/// - `stand_in(name, original, behind, extra)`: the native of that name.
/// - `guard(function)`: see [`guarded`].
/// - `pcall(message)`, `xpcall(message)`: those functions.
pub(in crate::script) fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    let makers: [(&str, lua_CFunction); 4] = [
        ("stand_in", make_stand_in),
        ("guard", make_guarded),
        ("pcall", make_pcall),
        ("xpcall", make_xpcall),
    ];
    for (name, maker) in makers {
        // SAFETY: these functions keep to the rules of `raw.rs`.
        let maker = unsafe { lua.create_c_function(maker)? };
        table.set(name, maker)?;
    }
    let failed = std::ptr::from_ref(&FAILED).cast_mut().cast();
    table.set("failed", Value::LightUserData(LightUserData(failed)))?;
    Ok(table)
}

unsafe extern "C-unwind" fn make_stand_in(l: *mut lua_State) -> c_int {
    // SAFETY: a C function with its arguments. Nothing here has to be dropped.
    unsafe {
        luaL_checktype(l, 1, LUA_TSTRING);
        luaL_checktype(l, 2, LUA_TFUNCTION);
        luaL_checktype(l, 3, LUA_TTABLE);
        lua_settop(l, 4);
        let name = text_at(l, 1);
        for (known, native) in NATIVES {
            if known.to_bytes() == name {
                lua_pushcclosure(l, native, 3);
                return 1;
            }
        }
        luaL_argerror(l, 1, c"no such function".as_ptr())
    }
}

/// Returns `native` with the first argument.
///
/// # Safety
///
/// `l` is that of a running C function.
unsafe fn close_over(l: *mut lua_State, native: lua_CFunction) -> c_int {
    // SAFETY: the caller's duty. Nothing here has to be dropped.
    unsafe {
        lua_settop(l, 1);
        lua_pushcclosure(l, native, 1);
        1
    }
}

unsafe extern "C-unwind" fn make_guarded(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { close_over(l, guarded) }
}

unsafe extern "C-unwind" fn make_pcall(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { close_over(l, pcall) }
}

unsafe extern "C-unwind" fn make_xpcall(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { close_over(l, xpcall) }
}

/// Calls the Lua function that it came with. If that returns `failed`, a number and a value, it fails: with the value as
/// what is wrong with the argument of that number, or as the error if the number is 0. A text gets its place then.
unsafe extern "C-unwind" fn guarded(l: *mut lua_State) -> c_int {
    // SAFETY: a C function with its arguments; nothing here has to be dropped. The text of a bad argument is on the stack.
    unsafe {
        lua_pushvalue(l, lua_upvalueindex(1));
        lua_insert(l, 1);
        lua_call(l, lua_gettop(l) - 1, LUA_MULTRET);
        let has_failed = lua_type(l, 1) == LUA_TLIGHTUSERDATA
            && lua_touserdata(l, 1).cast_const().cast() == std::ptr::from_ref(&FAILED);
        if !has_failed {
            return lua_gettop(l);
        }
        lua_settop(l, 3);
        let number = lua_tonumber(l, 2);
        if number > 0.0 && lua_type(l, 3) == LUA_TSTRING {
            let mut len = 0;
            let text = luaL_checklstring(l, 3, &mut len);
            return luaL_argerror(l, number as c_int, text);
        }
        if lua_type(l, 3) == LUA_TSTRING {
            fail_placed(l)
        }
        lua_error(l)
    }
}

/// Fails with the text on top of the stack, and the place of the call.
///
/// # Safety
/// There is a text, the function that runs is the one that fails, and no caller up to the protected call has anything to drop.
pub(super) unsafe fn fail_placed(l: *mut lua_State) -> ! {
    // SAFETY: see above.
    unsafe {
        luaL_where(l, 1);
        lua_insert(l, -2);
        lua_concat(l, 2);
        lua_error(l)
    }
}

/// Runs the function that the one that runs stands in for, with what is on the stack as its arguments.
///
/// # Safety
/// The function that runs is one of `NATIVES`, and no caller up to the protected call has anything to drop.
unsafe fn proceed(l: *mut lua_State) -> c_int {
    // SAFETY: see above. The interpreter's functions take their arguments from the frame of whoever calls them so.
    unsafe {
        match lua_tocfunction(l, lua_upvalueindex(INSTEAD_OF)) {
            Some(native) => native(l),
            None => 0,
        }
    }
}

/// Pushes what is behind the first argument if it is a proxy.
///
/// # Safety
/// As for `proceed`; there is an argument.
unsafe fn push_behind(l: *mut lua_State) -> bool {
    // SAFETY: see above. There is room for some values behind the arguments.
    unsafe {
        lua_pushvalue(l, 1);
        lua_rawget_(l, lua_upvalueindex(BEHIND));
        if lua_type(l, -1) != LUA_TNIL {
            return true;
        }
        lua_pop(l, 1);
        false
    }
}

/// Fails as every attempt to change what is protected does: without a place.
///
/// # Safety
/// As for `proceed`.
unsafe fn refuse(l: *mut lua_State) -> ! {
    // SAFETY: see above.
    unsafe {
        push_text(l, b"Attempt to modify a readonly table");
        lua_error(l)
    }
}

unsafe extern "C-unwind" fn next(l: *mut lua_State) -> c_int {
    // SAFETY: a C function with its arguments; nothing here has to be dropped.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        if push_behind(l) {
            lua_replace(l, 1);
        }
        proceed(l)
    }
}

unsafe extern "C-unwind" fn pairs(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        let step = if push_behind(l) { EXTRA } else { INSTEAD_OF };
        lua_pushvalue(l, lua_upvalueindex(step));
        lua_pushvalue(l, 1);
        lua_pushnil(l);
        3
    }
}

unsafe extern "C-unwind" fn rawget(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        luaL_checkany(l, 2);
        if push_behind(l) {
            lua_replace(l, 1);
        }
        proceed(l)
    }
}

/// `rawset`.
unsafe extern "C-unwind" fn change(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        luaL_checkany(l, 2);
        luaL_checkany(l, 3);
        if push_behind(l) {
            refuse(l)
        }
        proceed(l)
    }
}

/// `setmetatable`.
unsafe extern "C-unwind" fn change_meta(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        if matches!(lua_type(l, 2), LUA_TNIL | LUA_TTABLE) && push_behind(l) {
            refuse(l)
        }
        proceed(l)
    }
}

unsafe extern "C-unwind" fn insert(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        let count = lua_gettop(l);
        if count == 3 {
            let place = luaL_checknumber(l, 2);
            if !(place > PLACE_MIN && place < INDEX_MAX) {
                return luaL_argerror(l, 2, c"position out of bounds".as_ptr());
            }
            spend_moves(l, place);
        }
        if matches!(count, 2 | 3) && push_behind(l) {
            refuse(l)
        }
        proceed(l)
    }
}

/// The interpreter's own overflows when it computes how many results there are.
unsafe extern "C-unwind" fn unpack(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        let from = luaL_optnumber(l, 2, 1.0);
        let to = match lua_type(l, 3) <= LUA_TNIL {
            true => lua_objlen(l, 1) as f64,
            false => luaL_checknumber(l, 3),
        };
        if from.is_nan() || to.is_nan() || from > to {
            return 0;
        }
        if !(to - from < RESULTS_MAX && from > -INDEX_MAX && to < INDEX_MAX) {
            push_text(l, b"too many results to unpack");
            fail_placed(l)
        }
        proceed(l)
    }
}

/// The collector is the server's: a script may look and collect, not stop it.
unsafe extern "C-unwind" fn collect(l: *mut lua_State) -> c_int {
    // SAFETY: as above. The text of the option is looked at before anything else happens.
    unsafe {
        if lua_type(l, 1) <= LUA_TNIL {
            return proceed(l);
        }
        let mut len = 0;
        luaL_checklstring(l, 1, &mut len);
        let fixed = match text_at(l, 1) {
            b"stop" | b"restart" => 0.0,
            b"setpause" | b"setstepmul" => 200.0,
            b"step" => {
                // As little as there is.
                lua_settop(l, 1);
                return proceed(l);
            }
            _ => return proceed(l),
        };
        lua_pushnumber(l, fixed);
        1
    }
}

/// A function that takes as long as what it is given, or makes, is large.
unsafe extern "C-unwind" fn weigh(l: *mut lua_State) -> c_int {
    // SAFETY: a C function with its arguments; nothing here has to be dropped.
    unsafe {
        let given = size(l, 1);
        let count = proceed(l);
        let made = if count > 0 { size(l, -1) } else { 0 };
        spend(l, (given + made) / 4);
        count
    }
}

/// About how much there is of the value at `index`.
///
/// # Safety
/// A function runs.
unsafe fn size(l: *mut lua_State, index: c_int) -> usize {
    // SAFETY: see above.
    unsafe {
        match lua_type(l, index) {
            LUA_TSTRING => lua_objlen(l, index),
            LUA_TTABLE => lua_objlen(l, index).saturating_mul(VALUE_COST * 4),
            _ => 0,
        }
    }
}

/// Accounts for the values behind a place of the first argument, a table, which are moved one by one.
///
/// # Safety
/// As for `proceed`.
unsafe fn spend_moves(l: *mut lua_State, place: f64) {
    // SAFETY: see above.
    unsafe {
        let behind = lua_objlen(l, 1) as f64 - place.max(0.0);
        spend(l, behind.max(0.0) as usize * VALUE_COST);
    }
}

unsafe extern "C-unwind" fn remove(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        if lua_type(l, 2) > LUA_TNIL {
            spend_moves(l, luaL_checknumber(l, 2));
        }
        proceed(l)
    }
}

/// Sorting many values with no function of the script in between gets one that accounts for what it does.
unsafe extern "C-unwind" fn sort(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        luaL_checktype(l, 1, LUA_TTABLE);
        if lua_type(l, 2) <= LUA_TNIL && lua_objlen(l, 1) >= SORT_MIN {
            lua_settop(l, 1);
            lua_pushcclosure(l, is_less, 0);
        }
        proceed(l)
    }
}

unsafe extern "C-unwind" fn is_less(l: *mut lua_State) -> c_int {
    // SAFETY: as above; `sort` calls it with two values.
    unsafe {
        spend(l, COMPARISON_COST);
        lua_pushboolean(l, lua_lessthan(l, 1, 2));
        1
    }
}

unsafe extern "C-unwind" fn repeat(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe {
        let mut len = 0;
        luaL_checklstring(l, 1, &mut len);
        let count = luaL_checknumber(l, 2);
        if len == 0 || count.is_nan() || count < 1.0 {
            push_text(l, b"");
            return 1;
        }
        if len as f64 * count > TEXT_MAX {
            push_text(l, b"resulting string too large");
            fail_placed(l)
        }
        spend(l, (len as f64 * count) as usize / 4);
        proceed(l)
    }
}

/// Puts the message of the error of a native function, which is on top, in its place. False if it is no such error.
///
/// # Safety
/// The function that runs is `pcall` or `xpcall`, and no caller up to the protected call has anything to drop.
unsafe fn replace_message(l: *mut lua_State) -> bool {
    // SAFETY: see above; there is room behind the arguments, which are gone.
    unsafe {
        if lua_type(l, -1) != LUA_TUSERDATA {
            return false;
        }
        lua_pushvalue(l, lua_upvalueindex(1));
        lua_pushvalue(l, -2);
        lua_call(l, 1, 1);
        if lua_type(l, -1) == LUA_TNIL {
            lua_pop(l, 1);
            return false;
        }
        lua_replace(l, -2);
        true
    }
}

/// The message of an error object is what scripts get.
unsafe extern "C-unwind" fn pcall(l: *mut lua_State) -> c_int {
    // SAFETY: a C function with its arguments; nothing here has to be dropped.
    unsafe {
        if lua_gettop(l) == 0 {
            lua_pushboolean(l, 0);
            push_text(l, b"attempt to call a boolean value");
            return 2;
        }
        lua_pushboolean(l, 1);
        lua_insert(l, 1);
        if lua_pcall(l, lua_gettop(l) - 2, LUA_MULTRET, 0) == LUA_OK {
            return lua_gettop(l);
        }
        lua_remove(l, 1);
        if !replace_message(l) && lua_type(l, -1) == LUA_TTABLE {
            push_text(l, b"err");
            lua_rawget_(l, -2);
            match lua_type(l, -1) {
                LUA_TNIL => lua_pop(l, 1),
                _ => lua_replace(l, -2),
            }
        }
        lua_pushboolean(l, 0);
        lua_insert(l, 1);
        2
    }
}

/// The handler runs when the stack is unwound already: there is nothing on it that a script could see, and a script that is
/// stopped must not linger in a handler.
unsafe extern "C-unwind" fn xpcall(l: *mut lua_State) -> c_int {
    // SAFETY: as above. The handler is the first value from here on.
    unsafe {
        luaL_checkany(l, 2);
        lua_settop(l, 2);
        lua_insert(l, 1);
        if lua_pcall(l, 0, LUA_MULTRET, 0) == LUA_OK {
            lua_pushboolean(l, 1);
            lua_replace(l, 1);
            return lua_gettop(l);
        }
        if replace_message(l) {
            lua_createtable(l, 0, 1);
            push_text(l, b"err");
            lua_pushvalue(l, -3);
            lua_rawset(l, -3);
            lua_replace(l, -2);
        }
        if lua_pcall(l, 1, 1, 0) != LUA_OK {
            lua_settop(l, 0);
            push_text(l, b"error in error handling");
        }
        lua_pushboolean(l, 0);
        lua_insert(l, 1);
        2
    }
}
