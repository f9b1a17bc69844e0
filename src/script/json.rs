//! `cjson`: JSON with the settings and the leniency that scripts are used to.

use super::api::fail;
use super::bits::{number, type_name, with_text};
use super::vm::spend;
use mlua::{Lua, MultiValue, Result, Table, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};

/// What the functions of one instance of the library agree on. The instance that all scripts see is one for the process,
/// whichever interpreter they run in.
#[derive(Debug)]
pub(super) struct Settings {
    sparse_convert: AtomicBool,
    sparse_ratio: AtomicI64,
    sparse_safe: AtomicI64,
    encode_depth: AtomicI64,
    decode_depth: AtomicI64,
    precision: AtomicI64,
    keep_buffer: AtomicBool,
    /// `REFUSED`, `PRINTED` or `NULL`.
    encode_invalid: AtomicI64,
    decode_invalid: AtomicBool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: AtomicBool::new(false),
            sparse_ratio: AtomicI64::new(2),
            sparse_safe: AtomicI64::new(10),
            encode_depth: AtomicI64::new(1000),
            decode_depth: AtomicI64::new(1000),
            precision: AtomicI64::new(14),
            keep_buffer: AtomicBool::new(true),
            encode_invalid: AtomicI64::new(REFUSED),
            decode_invalid: AtomicBool::new(true),
        }
    }
}

impl Settings {
    /// As if nothing had been set.
    pub(super) fn reset(&self) {
        let fresh = Settings::default();
        for (setting, value) in [
            (&self.sparse_ratio, fresh.sparse_ratio),
            (&self.sparse_safe, fresh.sparse_safe),
            (&self.encode_depth, fresh.encode_depth),
            (&self.decode_depth, fresh.decode_depth),
            (&self.precision, fresh.precision),
            (&self.encode_invalid, fresh.encode_invalid),
        ] {
            setting.store(value.into_inner(), Relaxed);
        }
        for (setting, value) in [
            (&self.sparse_convert, fresh.sparse_convert),
            (&self.keep_buffer, fresh.keep_buffer),
            (&self.decode_invalid, fresh.decode_invalid),
        ] {
            setting.store(value.into_inner(), Relaxed);
        }
    }
}

/// What becomes of NaN and infinities.
const REFUSED: i64 = 0;
const PRINTED: i64 = 1;
const NULL: i64 = 2;

/// The table `cjson`.
pub(super) fn library(lua: &Lua, settings: &Arc<Settings>) -> Result<Table> {
    let table = lua.create_table()?;
    table.set("_NAME", "cjson")?;
    table.set("_VERSION", "2.1.0")?;
    table.set("null", Value::NULL)?;
    table.set(
        "new",
        lua.create_function(|lua, _: MultiValue| library(lua, &Arc::default()))?,
    )?;
    let with = Arc::clone(settings);
    table.set(
        "encode",
        lua.create_function(move |lua, args: MultiValue| {
            if args.len() != 1 {
                return fail(lua, "bad argument #1 to 'encode' (expected 1 argument)");
            }
            let mut out = Vec::new();
            encode(lua, &with, &mut out, &args[0], 1)?;
            lua.create_string(out)
        })?,
    )?;
    let with = Arc::clone(settings);
    table.set(
        "decode",
        lua.create_function(move |lua, args: MultiValue| {
            if args.len() != 1 {
                return fail(lua, "bad argument #1 to 'decode' (expected 1 argument)");
            }
            let Some(text) = with_text(args.front(), <[u8]>::to_vec) else {
                let got = type_name(args.front());
                return fail(
                    lua,
                    format!("bad argument #1 to 'decode' (string expected, got {got})"),
                );
            };
            decode(lua, &with, &text)
        })?,
    )?;
    configure(lua, &table, settings)?;
    Ok(table)
}

fn integer(
    lua: &Lua,
    args: &MultiValue,
    index: usize,
    name: &str,
    range: (i64, i64),
    setting: &AtomicI64,
) -> Result<i64> {
    if !matches!(args.get(index), None | Some(Value::Nil)) {
        let value = number(lua, args, index, name)? as i64;
        let (low, high) = range;
        if !(low..=high).contains(&value) {
            return fail(
                lua,
                format!("bad argument #1 to '{name}' (expected integer between {low} and {high})"),
            );
        }
        setting.store(value, Relaxed);
    }
    Ok(setting.load(Relaxed))
}

fn flag(lua: &Lua, args: &MultiValue, index: usize, name: &str) -> Result<Option<bool>> {
    match args.get(index) {
        None | Some(Value::Nil) => Ok(None),
        Some(Value::Boolean(flag)) => Ok(Some(*flag)),
        Some(Value::String(word)) if *word.as_bytes() == *b"on" => Ok(Some(true)),
        Some(Value::String(word)) if *word.as_bytes() == *b"off" => Ok(Some(false)),
        other => {
            let place = index + 1;
            let problem = match with_text(other, |word| String::from_utf8_lossy(word).into_owned())
            {
                Some(word) => format!("invalid option '{word}'"),
                None => format!("string expected, got {}", type_name(other)),
            };
            fail(
                lua,
                format!("bad argument #{place} to '{name}' ({problem})"),
            )
        }
    }
}

fn too_many(lua: &Lua, args: &MultiValue, most: usize, name: &str) -> Result<()> {
    if args.len() > most {
        let place = most + 1;
        return fail(
            lua,
            format!("bad argument #{place} to '{name}' (found too many arguments)"),
        );
    }
    Ok(())
}

fn configure(lua: &Lua, table: &Table, settings: &Arc<Settings>) -> Result<()> {
    let with = Arc::clone(settings);
    table.set(
        "encode_sparse_array",
        lua.create_function(move |lua, args: MultiValue| {
            let name = "encode_sparse_array";
            too_many(lua, &args, 3, name)?;
            if let Some(convert) = flag(lua, &args, 0, name)? {
                with.sparse_convert.store(convert, Relaxed);
            }
            let range = (0, i64::from(i32::MAX));
            let ratio = integer(lua, &args, 1, name, range, &with.sparse_ratio)?;
            let safe = integer(lua, &args, 2, name, range, &with.sparse_safe)?;
            Ok((with.sparse_convert.load(Relaxed), ratio, safe))
        })?,
    )?;
    let with = Arc::clone(settings);
    table.set(
        "encode_max_depth",
        lua.create_function(move |lua, args: MultiValue| {
            let name = "encode_max_depth";
            too_many(lua, &args, 1, name)?;
            integer(
                lua,
                &args,
                0,
                name,
                (1, i32::MAX.into()),
                &with.encode_depth,
            )
        })?,
    )?;
    let with = Arc::clone(settings);
    table.set(
        "decode_max_depth",
        lua.create_function(move |lua, args: MultiValue| {
            let name = "decode_max_depth";
            too_many(lua, &args, 1, name)?;
            integer(
                lua,
                &args,
                0,
                name,
                (1, i32::MAX.into()),
                &with.decode_depth,
            )
        })?,
    )?;
    let with = Arc::clone(settings);
    table.set(
        "encode_number_precision",
        lua.create_function(move |lua, args: MultiValue| {
            let name = "encode_number_precision";
            too_many(lua, &args, 1, name)?;
            integer(lua, &args, 0, name, (1, 14), &with.precision)
        })?,
    )?;
    let with = Arc::clone(settings);
    table.set(
        "encode_keep_buffer",
        lua.create_function(move |lua, args: MultiValue| {
            let name = "encode_keep_buffer";
            too_many(lua, &args, 1, name)?;
            if let Some(keep) = flag(lua, &args, 0, name)? {
                with.keep_buffer.store(keep, Relaxed);
            }
            Ok(with.keep_buffer.load(Relaxed))
        })?,
    )?;
    let with = Arc::clone(settings);
    table.set(
        "encode_invalid_numbers",
        lua.create_function(move |lua, args: MultiValue| {
            let name = "encode_invalid_numbers";
            too_many(lua, &args, 1, name)?;
            let null =
                matches!(args.front(), Some(Value::String(word)) if *word.as_bytes() == *b"null");
            if null {
                with.encode_invalid.store(NULL, Relaxed);
            } else if let Some(on) = flag(lua, &args, 0, name)? {
                let becomes = if on { PRINTED } else { REFUSED };
                with.encode_invalid.store(becomes, Relaxed);
            }
            Ok(match with.encode_invalid.load(Relaxed) {
                REFUSED => Value::Boolean(false),
                PRINTED => Value::Boolean(true),
                _ => Value::String(lua.create_string("null")?),
            })
        })?,
    )?;
    let with = Arc::clone(settings);
    table.set(
        "decode_invalid_numbers",
        lua.create_function(move |lua, args: MultiValue| {
            let name = "decode_invalid_numbers";
            too_many(lua, &args, 1, name)?;
            if let Some(on) = flag(lua, &args, 0, name)? {
                with.decode_invalid.store(on, Relaxed);
            }
            Ok(with.decode_invalid.load(Relaxed))
        })?,
    )
}

/// Nanoseconds, about, for a value.
const VALUE_COST: usize = 200;
/// However deep a script allows it to be, the stack of this thread is finite.
const DEPTH_LIMIT: i64 = 2000;

fn encode(lua: &Lua, with: &Settings, out: &mut Vec<u8>, value: &Value, depth: i64) -> Result<()> {
    spend(lua, VALUE_COST)?;
    match value {
        Value::String(text) => {
            let text = text.as_bytes();
            spend(lua, text.len())?;
            encode_text(out, &text);
        }
        Value::Integer(number) => encode_number(lua, with, out, *number as f64)?,
        Value::Number(number) => encode_number(lua, with, out, *number)?,
        Value::Boolean(flag) => out.extend_from_slice(if *flag { b"true" } else { b"false" }),
        Value::Nil => out.extend_from_slice(b"null"),
        Value::LightUserData(pointer) if pointer.0.is_null() => out.extend_from_slice(b"null"),
        Value::Table(table) => {
            if depth > with.encode_depth.load(Relaxed).min(DEPTH_LIMIT) {
                return fail(
                    lua,
                    format!("Cannot serialise, excessive nesting ({depth})"),
                );
            }
            return encode_table(lua, with, out, table, depth);
        }
        other => {
            let kind = type_name(Some(other));
            return fail(lua, format!("Cannot serialise {kind}: type not supported"));
        }
    }
    Ok(())
}

fn encode_table(
    lua: &Lua,
    with: &Settings,
    out: &mut Vec<u8>,
    table: &Table,
    depth: i64,
) -> Result<()> {
    let (mut highest, mut list, mut items) = (0_i64, true, 0_i64);
    for pair in table.pairs::<Value, Value>() {
        match pair?.0 {
            Value::Integer(index) if index > 0 => highest = highest.max(index),
            _ => list = false,
        }
        items += 1;
    }
    if list && highest > 0 {
        let (ratio, safe) = (
            with.sparse_ratio.load(Relaxed),
            with.sparse_safe.load(Relaxed),
        );
        if ratio > 0 && highest > items.saturating_mul(ratio) && highest > safe {
            if !with.sparse_convert.load(Relaxed) {
                return fail(lua, "Cannot serialise table: excessively sparse array");
            }
            list = false;
        }
    }
    if list && highest > 0 {
        out.push(b'[');
        for index in 1..=highest {
            if index > 1 {
                out.push(b',');
            }
            encode(lua, with, out, &table.raw_get(index)?, depth + 1)?;
        }
        out.push(b']');
        return Ok(());
    }
    out.push(b'{');
    let mut first = true;
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        match key {
            Value::String(text) => encode_text(out, &text.as_bytes()),
            Value::Integer(number) => encode_key(lua, with, out, number as f64)?,
            Value::Number(number) => encode_key(lua, with, out, number)?,
            other => {
                let kind = type_name(Some(&other));
                return fail(
                    lua,
                    format!("Cannot serialise {kind}: table key must be a number or string"),
                );
            }
        }
        out.push(b':');
        encode(lua, with, out, &value, depth + 1)?;
    }
    out.push(b'}');
    Ok(())
}

fn encode_key(lua: &Lua, with: &Settings, out: &mut Vec<u8>, number: f64) -> Result<()> {
    out.push(b'"');
    encode_number(lua, with, out, number)?;
    out.push(b'"');
    Ok(())
}

fn encode_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'/' => out.extend_from_slice(b"\\/"),
            0x08 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0..0x20 | 0x7f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

fn encode_number(lua: &Lua, with: &Settings, out: &mut Vec<u8>, number: f64) -> Result<()> {
    if !number.is_finite() {
        match with.encode_invalid.load(Relaxed) {
            REFUSED => {
                return fail(lua, "Cannot serialise number: must not be NaN or Inf");
            }
            NULL => {
                out.extend_from_slice(b"null");
                return Ok(());
            }
            _ => {}
        }
    }
    let precision = with.precision.load(Relaxed);
    if number.is_finite() && number.trunc() == number && number.abs() < 1e14 && precision == 14 {
        // The common case, without the general formatter; -0 keeps its sign.
        let text = match number == 0.0 && number.is_sign_negative() {
            true => "-0".to_owned(),
            false => (number as i64).to_string(),
        };
        out.extend_from_slice(text.as_bytes());
        return Ok(());
    }
    write_general(out, number, precision as usize);
    Ok(())
}

/// As C's `%.<precision>g`.
pub(super) fn write_general(out: &mut Vec<u8>, number: f64, precision: usize) {
    if !number.is_finite() {
        let text: &[u8] = match number.is_nan() {
            true if number.is_sign_negative() => b"-nan",
            true => b"nan",
            false if number < 0.0 => b"-inf",
            false => b"inf",
        };
        out.extend_from_slice(text);
        return;
    }
    let scientific = format!("{number:.*e}", precision.saturating_sub(1));
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| -> String {
        match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text.to_owned(),
        }
    };
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        let text = format!("{}e{sign}{:02}", trim(mantissa), exponent.abs());
        out.extend_from_slice(text.as_bytes());
    } else {
        let decimals = (precision as i32 - 1 - exponent).max(0) as usize;
        out.extend_from_slice(trim(&format!("{number:.decimals$}")).as_bytes());
    }
}

/// Reads JSON.
struct Reader<'a> {
    lua: &'a Lua,
    text: &'a [u8],
    at: usize,
    depth: i64,
    with: &'a Settings,
}

fn decode(lua: &Lua, with: &Settings, text: &[u8]) -> Result<Value> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return fail(lua, "JSON parser does not support UTF-16 or UTF-32");
    }
    let mut reader = Reader {
        lua,
        text,
        at: 0,
        depth: 0,
        with,
    };
    let value = reader.value()?;
    reader.blanks();
    match reader.peek() {
        None => Ok(value),
        Some(_) => reader.expected("the end"),
    }
}

impl Reader<'_> {
    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn problem<T>(&self, wanted: &str, found: &str, at: usize) -> Result<T> {
        let place = at + 1;
        fail(
            self.lua,
            format!("Expected {wanted} but found {found} at character {place}"),
        )
    }

    /// Complains about the token here.
    fn expected<T>(&mut self, wanted: &str) -> Result<T> {
        self.blanks();
        let start = self.at;
        let rest = &self.text[start..];
        let found = match rest.first() {
            None => "T_END",
            Some(b'{') => "T_OBJ_BEGIN",
            Some(b'}') => "T_OBJ_END",
            Some(b'[') => "T_ARR_BEGIN",
            Some(b']') => "T_ARR_END",
            Some(b',') => "T_COMMA",
            Some(b':') => "T_COLON",
            Some(b'"') => match self.string() {
                Ok(_) => "T_STRING",
                Err(error) => return Err(error),
            },
            Some(_) if rest.starts_with(b"true") || rest.starts_with(b"false") => "T_BOOLEAN",
            Some(_) if rest.starts_with(b"null") => "T_NULL",
            Some(b'-' | b'0'..=b'9') => "T_NUMBER",
            Some(_) => "invalid token",
        };
        self.problem(wanted, found, start)
    }

    fn descend(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > self.with.decode_depth.load(Relaxed).min(DEPTH_LIMIT) {
            let (depth, place) = (self.depth, self.at);
            return fail(
                self.lua,
                format!("Found too many nested data structures ({depth}) at character {place}"),
            );
        }
        Ok(())
    }

    fn value(&mut self) -> Result<Value> {
        spend(self.lua, VALUE_COST)?;
        self.blanks();
        let rest = &self.text[self.at..];
        match rest.first() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => {
                let text = self.string()?;
                spend(self.lua, text.len())?;
                Ok(Value::String(self.lua.create_string(text)?))
            }
            Some(b't') if rest.starts_with(b"true") => {
                self.at += 4;
                Ok(Value::Boolean(true))
            }
            Some(b'f') if rest.starts_with(b"false") => {
                self.at += 5;
                Ok(Value::Boolean(false))
            }
            Some(b'n') if rest.starts_with(b"null") => {
                self.at += 4;
                Ok(Value::NULL)
            }
            Some(b'-' | b'+' | b'0'..=b'9' | b'i' | b'I' | b'n' | b'N') => self.number(),
            _ => self.expected("value"),
        }
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        let rest = &self.text[start..];
        let lenient = self.with.decode_invalid.load(Relaxed);
        let sign = usize::from(matches!(rest[0], b'-' | b'+'));
        let ends = |byte: &u8| !byte.is_ascii_alphanumeric() && !b".+-".contains(byte);
        let end = rest[sign..].iter().position(ends);
        let word = rest[sign..end.map_or(rest.len(), |end| sign + end)].to_ascii_lowercase();
        let special = [
            (&b"infinity"[..], f64::INFINITY),
            (b"inf", f64::INFINITY),
            (b"nan", f64::NAN),
        ];
        let negative = rest[0] == b'-';
        for (name, value) in special {
            if word.starts_with(name) {
                if !lenient {
                    return self.problem("value", "invalid number", start);
                }
                self.at += sign + name.len();
                return Ok(Value::Number(if negative { -value } else { value }));
            }
        }
        if word.starts_with(b"0x") {
            let digits = word[2..]
                .iter()
                .take_while(|b| b.is_ascii_hexdigit())
                .count();
            if digits > 0 && lenient {
                let value = word[2..2 + digits].iter().fold(0.0, |value: f64, digit| {
                    value * 16.0 + f64::from(char::from(*digit).to_digit(16).unwrap_or(0))
                });
                self.at += sign + 2 + digits;
                return Ok(Value::Number(if negative { -value } else { value }));
            }
            return self.problem("value", "invalid number", start);
        }
        let digits = |from: usize| {
            word[from..]
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count()
        };
        let mut len = digits(0);
        let whole = len;
        if word.get(len) == Some(&b'.') {
            len += 1 + digits(len + 1);
        }
        let strict = (rest[0] == b'+' || (whole > 1 && word[0] == b'0')) && !lenient;
        if whole == 0 || strict {
            return match rest[0] {
                b'-' | b'0'..=b'9' => self.problem("value", "invalid number", start),
                _ => self.problem("value", "invalid token", start),
            };
        }
        if word.get(len) == Some(&b'e') {
            let signed = usize::from(matches!(word.get(len + 1), Some(b'-' | b'+')));
            let power = digits(len + 1 + signed);
            if power > 0 {
                len += 1 + signed + power;
            }
        }
        let text = std::str::from_utf8(&word[..len]).unwrap_or("0");
        let value: f64 = text.parse().unwrap_or(f64::NAN);
        self.at += sign + len;
        Ok(Value::Number(if negative { -value } else { value }))
    }

    fn string(&mut self) -> Result<Vec<u8>> {
        let start = self.at;
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .iter()
                .take_while(|b| !matches!(b, b'"' | b'\\'))
                .count();
            if let Some(end) = rest[..plain].iter().position(|&b| b == 0) {
                return self.problem("value", "unexpected end of string", self.at + end);
            }
            out.extend_from_slice(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(_) => self.escape(start, &mut out)?,
                None => return self.problem("value", "unexpected end of string", self.at),
            }
        }
    }

    fn escape(&mut self, _start: usize, out: &mut Vec<u8>) -> Result<()> {
        let code = self.text.get(self.at + 1);
        let plain = match code {
            Some(b'"') => b'"',
            Some(b'\\') => b'\\',
            Some(b'/') => b'/',
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(out),
            _ => return self.problem("value", "invalid escape code", self.at),
        };
        out.push(plain);
        self.at += 2;
        Ok(())
    }

    fn unit(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at + 2..at + 6)?;
        let escape = self.text.get(at..at + 2)?;
        if escape != b"\\u" || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn unicode(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let at = self.at;
        let code = match self.unit(at) {
            Some(high @ 0xD800..0xDC00) => match self.unit(at + 6) {
                Some(low @ 0xDC00..0xE000) => {
                    self.at += 6;
                    Some(0x1_0000 + ((high & 0x3FF) << 10) + (low & 0x3FF))
                }
                _ => None,
            },
            Some(0xDC00..0xE000) | None => None,
            other => other,
        };
        let Some(letter) = code.and_then(char::from_u32) else {
            return self.problem("value", "invalid unicode escape code", at);
        };
        self.at += 6;
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    fn object(&mut self) -> Result<Value> {
        self.at += 1;
        self.descend()?;
        let table = self.lua.create_table()?;
        self.blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            self.depth -= 1;
            return Ok(Value::Table(table));
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return self.expected("object key string");
            }
            let key = self.string()?;
            let key = self.lua.create_string(key)?;
            self.blanks();
            if self.peek() != Some(b':') {
                return self.expected("colon");
            }
            self.at += 1;
            let value = self.value()?;
            table.raw_set(key, value)?;
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(Value::Table(table));
                }
                _ => return self.expected("comma or object end"),
            }
        }
    }

    fn array(&mut self) -> Result<Value> {
        self.at += 1;
        self.descend()?;
        let table = self.lua.create_table()?;
        self.blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            self.depth -= 1;
            return Ok(Value::Table(table));
        }
        let mut index = 1;
        loop {
            let value = self.value()?;
            table.raw_set(index, value)?;
            index += 1;
            self.blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(Value::Table(table));
                }
                _ => return self.expected("comma or array end"),
            }
        }
    }
}
