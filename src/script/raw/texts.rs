#![expect(
    unsafe_code,
    reason = "functions that stand in for the interpreter's own read their arguments from its stack, as `raw.rs` says"
)]
//! `find`, `match`, `gmatch` and `gsub`, over the matcher of `pattern.rs`.
//!
//! All that a matcher has is on the stack of the thread, so it can be left at any time.

use super::natives::fail_placed;
use super::watch::spend;
use super::{push_text, text_at};
use crate::script::pattern::{Captured, Malformed, Matcher, is_plain};
use mlua::ffi::{
    LUA_TFUNCTION, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE, lua_call, lua_concat,
    lua_gettable, lua_isstring, lua_pop, lua_pushcclosure, lua_pushlstring_, lua_pushnil,
    lua_pushnumber, lua_pushvalue, lua_replace, lua_settop, lua_toboolean, lua_tonumber, lua_type,
    lua_upvalueindex, luaL_Buffer, luaL_addlstring, luaL_addvalue, luaL_argerror, luaL_buffinit,
    luaL_checklstring, luaL_checkstack, luaL_optinteger, luaL_pushresult, luaL_typename,
};
use mlua::lua_State;
use std::ffi::{CStr, c_int};

/// The matcher recurses once for each item of a pattern.
const PATTERN_MAX: usize = 10_000;

/// Fails with this text and the place of the call.
///
/// # Safety
/// As for `fail_placed`.
unsafe fn fail(l: *mut lua_State, text: &str) -> ! {
    // SAFETY: see above.
    unsafe {
        push_text(l, text.as_bytes());
        fail_placed(l)
    }
}

/// What there is, unless the pattern is malformed.
///
/// # Safety
/// As for `fail_placed`.
unsafe fn sound<T>(l: *mut lua_State, found: Result<T, Malformed>) -> T {
    match found {
        Ok(found) => found,
        // SAFETY: see above.
        Err(problem) => unsafe { fail(l, problem) },
    }
}

/// The string that is argument `index`.
///
/// # Safety
/// As for `fail_placed`; the text is used no longer than it is on the stack.
unsafe fn checked_text<'a>(l: *mut lua_State, index: c_int) -> &'a [u8] {
    // SAFETY: see above. A number is made a string in its place.
    unsafe {
        let mut len = 0;
        luaL_checklstring(l, index, &mut len);
        text_at(l, index)
    }
}

/// A matcher that tells the hook what it does.
///
/// # Safety
/// As for `spend`, for as long as it is used.
unsafe fn matcher<'a>(
    l: *mut lua_State,
    subject: &'a [u8],
    pattern: &'a [u8],
) -> Matcher<'a, impl FnMut(u32)> {
    // SAFETY: see above.
    unsafe {
        if pattern.len() > PATTERN_MAX {
            fail(l, "pattern too complex")
        }
        Matcher::new(subject, pattern, move |nanos| spend(l, nanos as usize))
    }
}

/// Pushes one capture of a match from `start` to `end`.
///
/// # Safety
/// As for `fail_placed`; there is room for two values.
unsafe fn push_capture<F: FnMut(u32)>(
    l: *mut lua_State,
    matcher: &Matcher<'_, F>,
    subject: &[u8],
    index: usize,
    (start, end): (usize, usize),
) {
    // SAFETY: see above.
    unsafe {
        match sound(l, matcher.capture(index, start, end)) {
            Captured::Range(start, end) => push_text(l, &subject[start..end]),
            Captured::Place(at) | Captured::Open(at) => lua_pushnumber(l, (at + 1) as f64),
        }
    }
}

/// Pushes all captures, or all of the match where there are none; returns how many values those are.
///
/// # Safety
/// As for `fail_placed`.
unsafe fn push_captures<F: FnMut(u32)>(
    l: *mut lua_State,
    matcher: &Matcher<'_, F>,
    subject: &[u8],
    range: (usize, usize),
    least: usize,
) -> c_int {
    // SAFETY: see above.
    unsafe {
        let count = matcher.captures().max(least);
        luaL_checkstack(l, count as c_int + 2, c"too many captures".as_ptr());
        for index in 0..count {
            push_capture(l, matcher, subject, index, range);
        }
        count as c_int
    }
}

pub(super) unsafe extern "C-unwind" fn find(l: *mut lua_State) -> c_int {
    // SAFETY: a C function with its arguments; nothing here has to be dropped.
    unsafe { search(l, true) }
}

/// `match`.
pub(super) unsafe extern "C-unwind" fn matches(l: *mut lua_State) -> c_int {
    // SAFETY: as above.
    unsafe { search(l, false) }
}

/// # Safety
/// As for `fail_placed`; the arguments are those of the function.
unsafe fn search(l: *mut lua_State, is_find: bool) -> c_int {
    // SAFETY: see above.
    unsafe {
        let subject = checked_text(l, 1);
        let pattern = checked_text(l, 2);
        let len = subject.len() as isize;
        let mut from = luaL_optinteger(l, 3, 1) as isize;
        if from < 0 {
            from = from.saturating_add(len + 1).max(0);
        }
        let from = from.saturating_sub(1).clamp(0, len) as usize;
        if is_find && (lua_toboolean(l, 4) != 0 || is_plain(pattern)) {
            spend(l, (subject.len() - from) / 4);
            match memchr::memmem::find(&subject[from..], pattern) {
                None => lua_pushnil(l),
                Some(at) => {
                    lua_pushnumber(l, (from + at + 1) as f64);
                    lua_pushnumber(l, (from + at + pattern.len()) as f64);
                    return 2;
                }
            }
            return 1;
        }
        let mut matcher = matcher(l, subject, pattern);
        let is_anchored = matcher.take_anchor();
        for start in from..=subject.len() {
            if let Some(end) = sound(l, matcher.match_at(start)) {
                if !is_find {
                    return push_captures(l, &matcher, subject, (start, end), 1);
                }
                lua_pushnumber(l, (start + 1) as f64);
                lua_pushnumber(l, end as f64);
                return 2 + push_captures(l, &matcher, subject, (start, end), 0);
            }
            if is_anchored {
                break;
            }
        }
        lua_pushnil(l);
        1
    }
}

/// `gmatch`.
pub(super) unsafe extern "C-unwind" fn matches_all(l: *mut lua_State) -> c_int {
    // SAFETY: a C function with its arguments; nothing here has to be dropped.
    unsafe {
        checked_text(l, 1);
        let pattern = checked_text(l, 2);
        if pattern.len() > PATTERN_MAX {
            fail(l, "pattern too complex")
        }
        lua_settop(l, 2);
        lua_pushnumber(l, 0.0);
        lua_pushcclosure(l, next_match, 3);
        1
    }
}

/// What `gmatch` returns: it came with the subject, the pattern and the place to go on from.
unsafe extern "C-unwind" fn next_match(l: *mut lua_State) -> c_int {
    // SAFETY: as above. The texts are values of the function that runs.
    unsafe {
        let subject = text_at(l, lua_upvalueindex(1));
        let pattern = text_at(l, lua_upvalueindex(2));
        let from = lua_tonumber(l, lua_upvalueindex(3)) as usize;
        let mut matcher = matcher(l, subject, pattern);
        for start in from..=subject.len() {
            if let Some(end) = sound(l, matcher.match_at(start)) {
                let next = end + usize::from(end == start);
                lua_pushnumber(l, next as f64);
                lua_replace(l, lua_upvalueindex(3));
                return push_captures(l, &matcher, subject, (start, end), 1);
            }
        }
        0
    }
}

/// `gsub`. What it makes is put together on the stack, above its four arguments.
pub(super) unsafe extern "C-unwind" fn replace_all(l: *mut lua_State) -> c_int {
    // SAFETY: as above. The buffer lies in this frame, and what it has beyond its own bytes on the stack.
    unsafe {
        let subject = checked_text(l, 1);
        let pattern = checked_text(l, 2);
        let kind = lua_type(l, 3);
        let max = match lua_type(l, 4) <= LUA_TNIL {
            true => isize::MAX,
            false => luaL_optinteger(l, 4, 0) as i32 as isize,
        };
        if !matches!(kind, LUA_TNUMBER | LUA_TSTRING | LUA_TFUNCTION | LUA_TTABLE) {
            let wanted = c"string/function/table expected";
            return luaL_argerror(l, 3, wanted.as_ptr());
        }
        let replacement = match kind {
            LUA_TNUMBER | LUA_TSTRING => checked_text(l, 3),
            _ => b"",
        };
        let mut matcher = matcher(l, subject, pattern);
        let is_anchored = matcher.take_anchor();
        let mut made = std::mem::MaybeUninit::<luaL_Buffer>::uninit();
        let made = made.as_mut_ptr();
        luaL_buffinit(l, made);
        let (mut at, mut count) = (0, 0);
        while count < max {
            let found = sound(l, matcher.match_at(at));
            if let Some(end) = found {
                count += 1;
                let range = (at, end);
                match kind {
                    LUA_TNUMBER | LUA_TSTRING => {
                        add_text(l, made, &matcher, subject, replacement, range);
                    }
                    _ => add_looked_up(l, made, &matcher, subject, kind, range),
                }
            }
            match found {
                Some(end) if end > at => at = end,
                _ if at < subject.len() => {
                    add(made, &subject[at..=at]);
                    at += 1;
                }
                _ => break,
            }
            if is_anchored {
                break;
            }
        }
        add(made, &subject[at..]);
        luaL_pushresult(made);
        lua_pushnumber(l, count as f64);
        2
    }
}

/// # Safety
/// As for `fail_placed`; there is nothing on the stack above what the buffer has there.
unsafe fn add(made: *mut luaL_Buffer, text: &[u8]) {
    // SAFETY: see above; the text is copied.
    unsafe { luaL_addlstring(made, text.as_ptr().cast(), text.len()) }
}

/// Adds a replacement in which `%` and a digit stand for a capture, or for the match.
///
/// # Safety
/// As for `add`.
unsafe fn add_text<F: FnMut(u32)>(
    l: *mut lua_State,
    made: *mut luaL_Buffer,
    matcher: &Matcher<'_, F>,
    subject: &[u8],
    mut text: &[u8],
    range: (usize, usize),
) {
    // SAFETY: see above.
    unsafe {
        spend(l, text.len());
        while let Some(at) = memchr::memchr(b'%', text) {
            add(made, &text[..at]);
            match text.get(at + 1) {
                Some(b'0') => add(made, &subject[range.0..range.1]),
                Some(digit @ b'1'..=b'9') => {
                    push_capture(l, matcher, subject, usize::from(digit - b'1'), range);
                    luaL_addvalue(made);
                }
                Some(other) => add(made, std::slice::from_ref(other)),
                // The interpreter's own adds the byte 0 that stands behind every text.
                None => add(made, &[0]),
            }
            text = text.get(at + 2..).unwrap_or_default();
        }
        add(made, text);
    }
}

/// Adds what a table has for the first capture, or what a function returns for all of them.
///
/// # Safety
/// As for `add`.
unsafe fn add_looked_up<F: FnMut(u32)>(
    l: *mut lua_State,
    made: *mut luaL_Buffer,
    matcher: &Matcher<'_, F>,
    subject: &[u8],
    kind: c_int,
    range: (usize, usize),
) {
    // SAFETY: see above.
    unsafe {
        if kind == LUA_TFUNCTION {
            lua_pushvalue(l, 3);
            let count = push_captures(l, matcher, subject, range, 1);
            lua_call(l, count, 1);
        } else {
            push_capture(l, matcher, subject, 0, range);
            lua_gettable(l, 3);
        }
        if lua_toboolean(l, -1) == 0 {
            lua_pop(l, 1);
            let whole = &subject[range.0..range.1];
            lua_pushlstring_(l, whole.as_ptr().cast(), whole.len());
        } else if lua_isstring(l, -1) == 0 {
            push_text(l, b"invalid replacement value (a ");
            push_text(l, CStr::from_ptr(luaL_typename(l, -2)).to_bytes());
            push_text(l, b")");
            lua_concat(l, 3);
            fail_placed(l)
        }
        luaL_addvalue(made);
    }
}
