#![expect(
    unsafe_code,
    reason = "what a native function has spent is told to the hook of the interpreter it runs in"
)]
//! What native functions take counts as instructions do.
//!
//! The interpreter calls its hook after so many instructions, and a native function is one of them however long it takes.
//! So those that may take long say what they have spent, and from time to time the hook is called for them as if it were
//! for an instruction: it looks at the clock, and whether the script has to end.

use mlua::ffi::{LUA_HOOKCOUNT, lua_Debug, lua_gethook, luaL_checkstack};
use mlua::lua_State;
use std::cell::Cell;

/// Nanoseconds, about, after which the hook is called.
const PULSE: u32 = 1_000_000;
/// What the hook may put on the stack.
const ROOM: i32 = 20;

thread_local! {
    /// What this thread's interpreter has spent since.
    static SPENT: Cell<u32> = const { Cell::new(0) };
}

/// Notes that so much was spent; true if it is time to call the hook.
#[inline]
pub(in crate::script) fn note(nanos: usize) -> bool {
    let spent = u32::try_from(nanos).unwrap_or(PULSE).min(PULSE) + SPENT.get();
    let is_time = spent >= PULSE;
    SPENT.set(if is_time { 0 } else { spent });
    is_time
}

/// Notes that so much was spent. It does not return if the script has to end.
///
/// # Safety
/// A function of the interpreter runs, and no caller up to the protected call has anything to drop.
#[inline]
pub(super) unsafe fn spend(l: *mut lua_State, nanos: usize) {
    if note(nanos) {
        // SAFETY: see above.
        unsafe { pulse(l) }
    }
}

/// # Safety
/// As for `spend`.
#[cold]
unsafe fn pulse(l: *mut lua_State) {
    // SAFETY: see above. The hook was made for this interpreter and looks at nothing but the event, as for an instruction:
    // there is room on the stack for what it pushes, and it takes that away, or fails as any function may.
    unsafe {
        if let Some(hook) = lua_gethook(l) {
            luaL_checkstack(l, ROOM, c"a native function".as_ptr());
            let mut event: lua_Debug = std::mem::zeroed();
            event.event = LUA_HOOKCOUNT;
            hook(l, &mut event);
        }
    }
}
