//! `bit`: 32-bit integer operations, for numbers that are doubles.

use super::api::fail;
use super::json::write_general;
use crate::base::parse_f64;
use mlua::{Lua, MultiValue, Result, Table, Value};

/// A number as 32 bits: rounded to the nearest integer, modulo 2^32.
fn to_bits(number: f64) -> i32 {
    const MODULUS: f64 = 4_294_967_296.0;
    let rounded = number.round_ties_even();
    if !rounded.is_finite() {
        return 0;
    }
    rounded.rem_euclid(MODULUS) as u32 as i32
}

/// Argument `index` as a number; strings count if they are one.
pub(super) fn number(lua: &Lua, args: &MultiValue, index: usize, name: &str) -> Result<f64> {
    match args.get(index) {
        Some(Value::Integer(number)) => return Ok(*number as f64),
        Some(Value::Number(number)) => return Ok(*number),
        Some(Value::String(text)) => {
            if let Some(number) = parse_f64(text.as_bytes().trim_ascii()) {
                return Ok(number);
            }
        }
        _ => {}
    }
    let got = type_name(args.get(index));
    let place = index + 1;
    fail(
        lua,
        format!("bad argument #{place} to '{name}' (number expected, got {got})"),
    )
}

/// A string, or a number as Lua prints it. References to values are scarce, so none is made: a call may have thousands
/// of arguments.
pub(super) fn with_text<R>(value: Option<&Value>, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let number = match value? {
        Value::String(text) => return Some(f(&text.as_bytes())),
        Value::Integer(number) => *number as f64,
        Value::Number(number) => *number,
        _ => return None,
    };
    let mut text = Vec::new();
    write_general(&mut text, number, 14);
    Some(f(&text))
}

/// What Lua calls the type of an argument.
pub(super) fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "no value",
        Some(Value::Integer(_)) => "number",
        Some(Value::LightUserData(_) | Value::Error(_)) => "userdata",
        Some(other) => other.type_name(),
    }
}

type Fold = fn(i32, i32) -> i32;
type Apply = fn(i32) -> i32;
type Shift = fn(i32, u32) -> i32;

/// The table `bit`.
pub(super) fn library(lua: &Lua) -> Result<Table> {
    let bit = lua.create_table()?;
    let folds: [(&'static str, Fold); 3] = [
        ("band", |a, b| a & b),
        ("bor", |a, b| a | b),
        ("bxor", |a, b| a ^ b),
    ];
    for (name, fold) in folds {
        bit.set(
            name,
            lua.create_function(move |lua, args: MultiValue| {
                let mut result = to_bits(number(lua, &args, 0, name)?);
                for index in 1..args.len() {
                    result = fold(result, to_bits(number(lua, &args, index, name)?));
                }
                Ok(result)
            })?,
        )?;
    }
    let shifts: [(&'static str, Shift); 5] = [
        ("lshift", |a, n| a << n),
        ("rshift", |a, n| (a as u32 >> n) as i32),
        ("arshift", |a, n| a >> n),
        ("rol", |a, n| a.rotate_left(n)),
        ("ror", |a, n| a.rotate_right(n)),
    ];
    for (name, shift) in shifts {
        bit.set(
            name,
            lua.create_function(move |lua, args: MultiValue| {
                let value = to_bits(number(lua, &args, 0, name)?);
                let by = to_bits(number(lua, &args, 1, name)?) & 31;
                Ok(shift(value, by as u32))
            })?,
        )?;
    }
    let singles: [(&'static str, Apply); 3] = [
        ("tobit", |a| a),
        ("bnot", |a| !a),
        ("bswap", i32::swap_bytes),
    ];
    for (name, apply) in singles {
        bit.set(
            name,
            lua.create_function(move |lua, args: MultiValue| {
                Ok(apply(to_bits(number(lua, &args, 0, name)?)))
            })?,
        )?;
    }
    bit.set(
        "tohex",
        lua.create_function(|lua, args: MultiValue| {
            let value = to_bits(number(lua, &args, 0, "tohex")?) as u32;
            let digits = match args.get(1) {
                None | Some(Value::Nil) => 8,
                Some(_) => to_bits(number(lua, &args, 1, "tohex")?),
            };
            let count = digits.unsigned_abs().min(8) as usize;
            let text = match digits < 0 {
                true => format!("{value:08X}"),
                false => format!("{value:08x}"),
            };
            Ok(text[8 - count..].to_owned())
        })?,
    )?;
    Ok(bit)
}
