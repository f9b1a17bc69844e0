//! `cmsgpack`: MessagePack.

use super::api::fail;
use super::bits::{number, type_name, with_text};
use super::convert::truncated;
use super::vm::spend;
use mlua::{Lua, MultiValue, Result, Table, Value};

/// Tables nested deeper than this are packed as nil.
const NESTING_MAX: usize = 16;
/// Nanoseconds, about, for a value.
const VALUE_COST: usize = 200;
/// Nesting of what is read.
const DEPTH_MAX: usize = 1000;

/// The table `cmsgpack`.
pub(super) fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.set("_NAME", "cmsgpack")?;
    table.set("_VERSION", "lua-cmsgpack 0.4.0")?;
    // What scripts read there, word for word.
    table.set("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo")?;
    table.set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    table.set(
        "pack",
        lua.create_function(|lua, args: MultiValue| {
            if args.is_empty() {
                return fail(
                    lua,
                    "bad argument #0 to 'pack' (MessagePack pack needs input.)",
                );
            }
            let mut out = Vec::new();
            for value in &args {
                pack(lua, &mut out, value, 0)?;
            }
            lua.create_string(out)
        })?,
    )?;
    table.set(
        "unpack",
        lua.create_function(|lua, args: MultiValue| {
            let text = input(lua, &args, "unpack")?;
            unpack(lua, &text, 0, None)
        })?,
    )?;
    table.set(
        "unpack_one",
        lua.create_function(|lua, args: MultiValue| {
            let text = input(lua, &args, "unpack_one")?;
            let offset = optional(lua, &args, 1, 0, "unpack_one")?;
            unpack(lua, &text, offset, Some(1))
        })?,
    )?;
    table.set(
        "unpack_limit",
        lua.create_function(|lua, args: MultiValue| {
            let text = input(lua, &args, "unpack_limit")?;
            let limit = truncated(number(lua, &args, 1, "unpack_limit")?);
            let offset = optional(lua, &args, 2, 0, "unpack_limit")?;
            unpack(lua, &text, offset, Some(limit))
        })?,
    )?;
    Ok(table)
}

fn input(lua: &Lua, args: &MultiValue, name: &str) -> Result<Vec<u8>> {
    if let Some(text) = with_text(args.front(), <[u8]>::to_vec) {
        spend(lua, text.len() / 4)?;
        return Ok(text);
    }
    let got = type_name(args.front());
    fail(
        lua,
        format!("bad argument #1 to '{name}' (string expected, got {got})"),
    )
}

fn optional(lua: &Lua, args: &MultiValue, index: usize, default: i64, name: &str) -> Result<i64> {
    match args.get(index) {
        None | Some(Value::Nil) => Ok(default),
        Some(_) => Ok(truncated(number(lua, args, index, name)?)),
    }
}

fn pack(lua: &Lua, out: &mut Vec<u8>, value: &Value, level: usize) -> Result<()> {
    spend(lua, VALUE_COST)?;
    match value {
        Value::String(text) => {
            let text = text.as_bytes();
            spend(lua, text.len() / 4)?;
            pack_text(out, &text);
        }
        Value::Boolean(flag) => out.push(if *flag { 0xc3 } else { 0xc2 }),
        Value::Integer(number) => pack_integer(out, *number),
        Value::Number(number) => pack_number(out, *number),
        Value::Table(table) if level < NESTING_MAX => pack_table(lua, out, table, level)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

fn pack_text(out: &mut Vec<u8>, text: &[u8]) {
    match text.len() {
        len @ 0..32 => out.push(0xa0 | len as u8),
        len @ 32..256 => out.extend_from_slice(&[0xd9, len as u8]),
        len => pack_len(out, len, 0xda),
    }
    out.extend_from_slice(text);
}

/// A length in two bytes under `tag`, or in four under the next.
fn pack_len(out: &mut Vec<u8>, len: usize, tag: u8) {
    match u16::try_from(len) {
        Ok(len) => {
            out.push(tag);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(tag + 1);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

fn pack_integer(out: &mut Vec<u8>, number: i64) {
    let tail = |out: &mut Vec<u8>, tag: u8, bytes: &[u8]| {
        out.push(tag);
        out.extend_from_slice(bytes);
    };
    let wide = number.to_be_bytes();
    match number {
        -32..=127 => out.push(number as u8),
        128..=0xff => tail(out, 0xcc, &wide[7..]),
        0x100..=0xffff => tail(out, 0xcd, &wide[6..]),
        0x1_0000..=0xffff_ffff => tail(out, 0xce, &wide[4..]),
        0x1_0000_0000.. => tail(out, 0xcf, &wide),
        -0x80..-32 => tail(out, 0xd0, &wide[7..]),
        -0x8000..-0x80 => tail(out, 0xd1, &wide[6..]),
        -0x8000_0000..-0x8000 => tail(out, 0xd2, &wide[4..]),
        _ => tail(out, 0xd3, &wide),
    }
}

fn pack_number(out: &mut Vec<u8>, number: f64) {
    let whole = truncated(number);
    if whole as f64 == number && whole != i64::MIN {
        return pack_integer(out, whole);
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend_from_slice(&number.to_be_bytes());
    }
}

fn pack_table(lua: &Lua, out: &mut Vec<u8>, table: &Table, level: usize) -> Result<()> {
    let (mut count, mut highest, mut list) = (0_i64, 0_i64, true);
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(index) if index > 0 => highest = highest.max(index),
            _ => list = false,
        }
        count += 1;
    }
    let len = count as usize;
    if list && highest == count {
        match len {
            0..16 => out.push(0x90 | len as u8),
            _ => pack_len(out, len, 0xdc),
        }
        for index in 1..=count {
            pack(lua, out, &table.raw_get(index)?, level + 1)?;
        }
        return Ok(());
    }
    match len {
        0..16 => out.push(0x80 | len as u8),
        _ => pack_len(out, len, 0xde),
    }
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        pack(lua, out, &key, level + 1)?;
        pack(lua, out, &value, level + 1)?;
    }
    Ok(())
}

/// Up to `limit` values from `offset` on, all without a limit; with one, the next offset comes first, -1 at the end.
fn unpack(lua: &Lua, text: &[u8], offset: i64, limit: Option<i64>) -> Result<MultiValue> {
    let len = text.len();
    let wanted = limit.unwrap_or(0);
    if offset < 0 || wanted < 0 {
        return fail(
            lua,
            format!("Invalid request to unpack with offset of {offset} and limit of {len}."),
        );
    }
    let Some(mut rest) = usize::try_from(offset).ok().and_then(|at| text.get(at..)) else {
        return fail(
            lua,
            format!("Start offset {offset} greater than input length {len}."),
        );
    };
    let everything = limit.is_none();
    let mut values = Vec::new();
    while !rest.is_empty() && (everything || (values.len() as i64) < wanted) {
        values.push(value(lua, &mut rest, 0)?);
        if values.len() > 7900 {
            return fail(lua, "stack overflow (in function mp_unpack)");
        }
    }
    if !everything {
        let next = match rest.is_empty() {
            true => -1,
            false => (len - rest.len()) as i64,
        };
        values.insert(0, Value::Integer(next));
    }
    Ok(MultiValue::from_vec(values))
}

fn take<'a>(lua: &Lua, rest: &mut &'a [u8], len: usize) -> Result<&'a [u8]> {
    match rest.split_at_checked(len) {
        Some((bytes, after)) => {
            *rest = after;
            Ok(bytes)
        }
        None => fail(lua, "Missing bytes in input."),
    }
}

/// An unsigned integer of `size` bytes.
fn unsigned(lua: &Lua, rest: &mut &[u8], size: usize) -> Result<u64> {
    let bytes = take(lua, rest, size)?;
    Ok(bytes
        .iter()
        .fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

fn value(lua: &Lua, rest: &mut &[u8], depth: usize) -> Result<Value> {
    if depth > DEPTH_MAX {
        return fail(lua, "stack overflow (in function mp_decode_to_lua_type)");
    }
    spend(lua, VALUE_COST)?;
    let tag = take(lua, rest, 1)?[0];
    let float = |number: f64| Ok(Value::Number(number));
    match tag {
        0x00..=0x7f => float(f64::from(tag)),
        0xe0..=0xff => float(f64::from(tag as i8)),
        0x80..=0x8f => map(lua, rest, usize::from(tag & 0x0f), depth),
        0x90..=0x9f => list(lua, rest, usize::from(tag & 0x0f), depth),
        0xa0..=0xbf => string(lua, rest, usize::from(tag & 0x1f)),
        0xc0 => Ok(Value::Nil),
        0xc2 => Ok(Value::Boolean(false)),
        0xc3 => Ok(Value::Boolean(true)),
        0xc4..=0xc6 => {
            let len = unsigned(lua, rest, 1 << (tag - 0xc4))?;
            string(lua, rest, len as usize)
        }
        0xca => float(f64::from(f32::from_bits(unsigned(lua, rest, 4)? as u32))),
        0xcb => float(f64::from_bits(unsigned(lua, rest, 8)?)),
        0xcc..=0xcf => float(unsigned(lua, rest, 1 << (tag - 0xcc))? as f64),
        0xd0..=0xd3 => {
            let size = 1 << (tag - 0xd0);
            let shift = 64 - 8 * size as u32;
            let value = unsigned(lua, rest, size)? << shift;
            float(((value as i64) >> shift) as f64)
        }
        0xd9..=0xdb => {
            let len = unsigned(lua, rest, 1 << (tag - 0xd9))?;
            string(lua, rest, len as usize)
        }
        0xdc | 0xdd => {
            let len = unsigned(lua, rest, 2 << (tag - 0xdc))?;
            list(lua, rest, len as usize, depth)
        }
        0xde | 0xdf => {
            let len = unsigned(lua, rest, 2 << (tag - 0xde))?;
            map(lua, rest, len as usize, depth)
        }
        _ => fail(lua, "Bad data format in input."),
    }
}

fn string(lua: &Lua, rest: &mut &[u8], len: usize) -> Result<Value> {
    let text = take(lua, rest, len)?;
    spend(lua, len / 4)?;
    Ok(Value::String(lua.create_string(text)?))
}

fn list(lua: &Lua, rest: &mut &[u8], len: usize, depth: usize) -> Result<Value> {
    let table = lua.create_table()?;
    for index in 1..=len {
        table.raw_set(index, value(lua, rest, depth + 1)?)?;
    }
    Ok(Value::Table(table))
}

fn map(lua: &Lua, rest: &mut &[u8], len: usize, depth: usize) -> Result<Value> {
    let table = lua.create_table()?;
    for _ in 0..len {
        let key = value(lua, rest, depth + 1)?;
        let value = value(lua, rest, depth + 1)?;
        if matches!(key, Value::Nil) || matches!(key, Value::Number(number) if number.is_nan()) {
            return fail(lua, "Bad data format in input.");
        }
        table.raw_set(key, value)?;
    }
    Ok(Value::Table(table))
}
