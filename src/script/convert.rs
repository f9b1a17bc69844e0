//! Values of Lua and replies of RESP, both ways.

use crate::base::num::parse_i64;
use crate::base::parse_f64;
use crate::resp::{Mark, Proto, Reply};
use mlua::{Function, Lua, Result, Table, Value};

/// Nesting beyond which a script's result is not followed.
const DEPTH_MAX: usize = 1000;

/// The value of the reply at the start of `bytes`, which is moved behind it.
pub(super) fn from_reply(lua: &Lua, bytes: &mut &[u8]) -> Result<Value> {
    let Some((&kind, rest)) = bytes.split_first() else {
        return Ok(Value::Nil);
    };
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    let line = &rest[..end.saturating_sub(1)];
    *bytes = rest.get(end + 1..).unwrap_or_default();
    let count = || parse_i64(line).and_then(|count| usize::try_from(count).ok());
    Ok(match kind {
        b':' => number(line),
        b'+' => Value::Table(one(lua, "ok", lua.create_string(line)?)?),
        b'-' => Value::Table(error(lua, line)?),
        b'$' => match count() {
            Some(len) => Value::String(lua.create_string(body(bytes, len))?),
            None => Value::Boolean(false),
        },
        b'*' | b'>' => match count() {
            Some(len) => {
                let list = lua.create_table_with_capacity(len.min(1024), 0)?;
                for i in 1..=len {
                    list.raw_set(i, from_reply(lua, bytes)?)?;
                }
                Value::Table(list)
            }
            None => Value::Boolean(false),
        },
        b'%' => {
            let map = lua.create_table()?;
            for _ in 0..count().unwrap_or(0) {
                let key = from_reply(lua, bytes)?;
                map.raw_set(key, from_reply(lua, bytes)?)?;
            }
            Value::Table(one(lua, "map", map)?)
        }
        b'~' => {
            let set = lua.create_table()?;
            for _ in 0..count().unwrap_or(0) {
                set.raw_set(from_reply(lua, bytes)?, true)?;
            }
            Value::Table(one(lua, "set", set)?)
        }
        b'_' => Value::Nil,
        b'#' => Value::Boolean(line == b"t"),
        b',' => {
            let value = parse_f64(line).unwrap_or(f64::NAN);
            Value::Table(one(lua, "double", value)?)
        }
        b'(' => Value::Table(one(lua, "big_number", lua.create_string(line)?)?),
        b'=' => {
            let text = body(bytes, count().unwrap_or(0));
            let inner = lua.create_table()?;
            inner.raw_set(
                "format",
                lua.create_string(text.get(..3).unwrap_or_default())?,
            )?;
            inner.raw_set(
                "string",
                lua.create_string(text.get(4..).unwrap_or_default())?,
            )?;
            Value::Table(one(lua, "verbatim_string", inner)?)
        }
        b'|' => {
            for _ in 0..count().unwrap_or(0) * 2 {
                from_reply(lua, bytes)?;
            }
            from_reply(lua, bytes)?
        }
        _ => Value::Nil,
    })
}

fn number(line: &[u8]) -> Value {
    Value::Number(parse_i64(line).unwrap_or(0) as f64)
}

fn body<'a>(bytes: &mut &'a [u8], len: usize) -> &'a [u8] {
    let text = bytes.get(..len).unwrap_or_default();
    *bytes = bytes.get(len + 2..).unwrap_or_default();
    text
}

fn one(lua: &Lua, name: &str, value: impl mlua::IntoLua) -> Result<Table> {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(name, value)?;
    Ok(table)
}

/// A table that is an error; `text` begins with its code.
pub(super) fn error(lua: &Lua, text: &[u8]) -> Result<Table> {
    one(lua, "err", lua.create_string(text)?)
}

/// An aggregate that is being written.
enum Open {
    /// A list: the next index, and where its length goes.
    List(Table, i64, Mark),
    /// What is left of a map (key and value in turn) or of a set.
    Pairs(TablePairs, bool),
}

/// Key by key, without a reference to any but the current one.
struct TablePairs {
    table: Table,
    key: Value,
    value: Option<Value>,
}

/// Writes what a script returned. `spoken` is the protocol that the script has chosen. Nested tables are followed
/// without recursion, to a depth.
pub(super) fn write(
    lua: &Lua,
    next: &Function,
    value: Value,
    spoken: Proto,
    reply: &mut Reply<'_>,
) -> Result<()> {
    let mut open = Vec::new();
    write_one(value, spoken, reply, &mut open)?;
    while let Some(last) = open.last_mut() {
        let value = match last {
            Open::List(table, index, _) => {
                let value: Value = table.raw_get(*index)?;
                if value.is_nil() {
                    if let Some(Open::List(_, index, mark)) = open.pop() {
                        reply.set_array(mark, (index - 1) as usize);
                    }
                    continue;
                }
                *index += 1;
                value
            }
            Open::Pairs(pairs, map) => {
                if let Some(value) = pairs.value.take() {
                    value
                } else {
                    let key = std::mem::replace(&mut pairs.key, Value::Nil);
                    let (key, value): (Value, Value) = next.call((&pairs.table, key))?;
                    if key.is_nil() {
                        open.pop();
                        continue;
                    }
                    pairs.value = map.then_some(value);
                    pairs.key = copy(lua, &key)?;
                    key
                }
            }
        };
        write_one(value, spoken, reply, &mut open)?;
    }
    Ok(())
}

/// A second reference to a key.
fn copy(lua: &Lua, key: &Value) -> Result<Value> {
    Ok(match key {
        Value::String(text) => Value::String(lua.create_string(text.as_bytes())?),
        other => other.clone(),
    })
}

fn write_one(
    value: Value,
    spoken: Proto,
    reply: &mut Reply<'_>,
    open: &mut Vec<Open>,
) -> Result<()> {
    match value {
        Value::String(text) => reply.bulk(&text.as_bytes()),
        Value::Boolean(flag) => match (spoken, flag) {
            (Proto::Resp3, _) => reply.bool(flag),
            (_, true) => reply.integer(1),
            (_, false) => reply.null(),
        },
        Value::Integer(number) => reply.integer(number),
        Value::Number(number) => reply.integer(truncated(number)),
        Value::Table(_) if open.len() >= DEPTH_MAX => {
            reply.error_text(b"ERR reached lua stack limit");
        }
        Value::Table(table) => open.extend(write_table(table, reply)?),
        _ => reply.null(),
    }
    Ok(())
}

/// Writes a table that stands for one reply, or the head of an aggregate.
fn write_table(table: Table, reply: &mut Reply<'_>) -> Result<Option<Open>> {
    if let Value::String(text) = table.raw_get("err")? {
        reply.error_text(&plain(&text.as_bytes(), true));
        return Ok(None);
    }
    if let Value::String(text) = table.raw_get("ok")? {
        let line = plain(&text.as_bytes(), false);
        reply.raw(b"+");
        reply.raw(&line);
        reply.raw(b"\r\n");
        return Ok(None);
    }
    match table.raw_get("double")? {
        Value::Integer(number) => {
            reply.double(number as f64);
            return Ok(None);
        }
        Value::Number(number) => {
            reply.double(number);
            return Ok(None);
        }
        _ => {}
    }
    if let Value::Table(map) = table.raw_get("map")? {
        reply.map(count(&map)?);
        return Ok(Some(pairs(map, true)));
    }
    if let Value::Table(set) = table.raw_get("set")? {
        reply.set(count(&set)?);
        return Ok(Some(pairs(set, false)));
    }
    if let Value::String(digits) = table.raw_get("big_number")? {
        reply.bignum(&plain(&digits.as_bytes(), false));
        return Ok(None);
    }
    if let Value::Table(inner) = table.raw_get("verbatim_string")?
        && let Value::String(format) = inner.raw_get("format")?
        && let Value::String(text) = inner.raw_get("string")?
    {
        let format = format.to_string_lossy();
        reply.verbatim(&three(&format), &text.as_bytes());
        return Ok(None);
    }
    let mark = reply.mark();
    Ok(Some(Open::List(table, 1, mark)))
}

fn count(table: &Table) -> Result<usize> {
    let mut count = 0;
    for pair in table.pairs::<Value, Value>() {
        pair?;
        count += 1;
    }
    Ok(count)
}

fn pairs(table: Table, map: bool) -> Open {
    let pairs = TablePairs {
        table,
        key: Value::Nil,
        value: None,
    };
    Open::Pairs(pairs, map)
}

/// The three letters of a verbatim string's format.
fn three(format: &str) -> String {
    let mut format: String = format.chars().filter(char::is_ascii).take(3).collect();
    while format.len() < 3 {
        format.push(' ');
    }
    format
}

/// A double as an integer, as the machine converts it.
pub(super) fn truncated(number: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    match (-LIMIT..LIMIT).contains(&number) {
        true => number as i64,
        false => i64::MIN,
    }
}

/// A text fit for one line; an error loses the dash it may begin with.
fn plain(text: &[u8], error: bool) -> Vec<u8> {
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
