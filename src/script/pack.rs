//! `struct`: values to and from bytes by a format string.
//!
//! `> <` byte order, `!n` alignment, `b B h H i I l L T` integers (`i` and `I` with a size), `f d` floats, `s` a string
//! with its zero, `c` a string of fixed length (`c0`: of its own, or of the number just read), `x` a zero byte.

use super::api::fail;
use super::bits::{number, type_name, with_text};
use super::convert::truncated;
use mlua::{Lua, LuaString, MultiValue, Result, Table, Value};

/// Largest integer that a format can ask for, in bytes.
const SIZE_MAX: usize = 32;
const NATIVE_INT: usize = 4;
const NATIVE_LONG: usize = 8;
const NATIVE_ALIGN: usize = 8;

/// Reads a format; knows the options that stay in force.
struct Format<'a> {
    text: &'a [u8],
    /// The function that reads it.
    name: &'static str,
    big: bool,
    align: usize,
}

/// One option that stands for data.
enum Field {
    Int { size: usize, signed: bool },
    Float,
    Double,
    Text,
    Fixed(usize),
    Pad,
}

impl Field {
    fn size(&self) -> usize {
        match *self {
            Field::Int { size, .. } | Field::Fixed(size) => size,
            Field::Float => 4,
            Field::Double => 8,
            Field::Text => 0,
            Field::Pad => 1,
        }
    }
}

impl<'a> Format<'a> {
    fn new(text: &'a [u8], name: &'static str) -> Format<'a> {
        Format {
            text,
            name,
            big: cfg!(target_endian = "big"),
            align: 1,
        }
    }

    fn digits(&mut self, lua: &Lua) -> Result<Option<usize>> {
        let len = self.text.iter().take_while(|b| b.is_ascii_digit()).count();
        let (digits, rest) = self.text.split_at(len);
        self.text = rest;
        if digits.is_empty() {
            return Ok(None);
        }
        let value = digits.iter().try_fold(0_usize, |value, digit| {
            value
                .checked_mul(10)?
                .checked_add(usize::from(digit - b'0'))
        });
        match value.filter(|&value| value <= i32::MAX as usize) {
            None => fail(lua, "integral size overflow"),
            value => Ok(value),
        }
    }

    fn int_size(&mut self, lua: &Lua) -> Result<usize> {
        match self.digits(lua)? {
            None => Ok(NATIVE_INT),
            Some(size) if size <= SIZE_MAX => Ok(size),
            Some(size) => fail(
                lua,
                format!("integral size {size} is larger than limit of {SIZE_MAX}"),
            ),
        }
    }

    /// The next field and the zero bytes before it, for data that is `at` bytes long so far.
    fn next(&mut self, lua: &Lua, at: usize) -> Result<Option<(Field, usize)>> {
        loop {
            let Some((&option, rest)) = self.text.split_first() else {
                return Ok(None);
            };
            self.text = rest;
            let int = |size, signed| Field::Int { size, signed };
            let field = match option {
                b' ' => continue,
                b'>' => {
                    self.big = true;
                    continue;
                }
                b'<' => {
                    self.big = false;
                    continue;
                }
                b'!' => {
                    let align = self.digits(lua)?.unwrap_or(NATIVE_ALIGN);
                    if align == 0 || !align.is_power_of_two() {
                        return fail(lua, format!("alignment {align} is not a power of 2"));
                    }
                    self.align = align;
                    continue;
                }
                b'b' => int(1, true),
                b'B' => int(1, false),
                b'h' => int(2, true),
                b'H' => int(2, false),
                b'l' => int(NATIVE_LONG, true),
                b'L' => int(NATIVE_LONG, false),
                b'T' => int(8, false),
                b'i' => int(self.int_size(lua)?, true),
                b'I' => int(self.int_size(lua)?, false),
                b'f' => Field::Float,
                b'd' => Field::Double,
                b'x' => Field::Pad,
                b's' => Field::Text,
                b'c' => Field::Fixed(self.digits(lua)?.unwrap_or(1)),
                // Nothing that has a size, and no option that changes one.
                other if self.name == "size" && other.is_ascii_alphanumeric() => continue,
                other => {
                    let problem = [b"invalid format option '", &[other][..], b"'"].concat();
                    return bad_format(lua, self.name, &problem);
                }
            };
            let size = field.size();
            let aligned = matches!(field, Field::Int { .. } | Field::Float | Field::Double);
            let unit = size.min(self.align);
            let pad = match aligned && unit > 1 {
                true => (unit - (at & (unit - 1))) & (unit - 1),
                false => 0,
            };
            return Ok(Some((field, pad)));
        }
    }
}

/// The format is wrong.
fn bad_format<T>(lua: &Lua, name: &str, problem: &[u8]) -> Result<T> {
    let start = format!("bad argument #1 to '{name}' (");
    fail(lua, [start.as_bytes(), problem, b")"].concat())
}

/// The table `struct`.
pub(super) fn library(lua: &Lua) -> Result<Table> {
    let table = lua.create_table()?;
    table.set("pack", lua.create_function(pack)?)?;
    table.set("unpack", lua.create_function(unpack)?)?;
    table.set("size", lua.create_function(size)?)?;
    Ok(table)
}

fn with<R>(
    lua: &Lua,
    args: &MultiValue,
    index: usize,
    name: &str,
    f: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<R> {
    match with_text(args.get(index), f) {
        Some(result) => result,
        None => {
            let (place, got) = (index + 1, type_name(args.get(index)));
            fail(
                lua,
                format!("bad argument #{place} to '{name}' (string expected, got {got})"),
            )
        }
    }
}

fn format_of(lua: &Lua, args: &MultiValue, name: &str) -> Result<Vec<u8>> {
    with(lua, args, 0, name, |text| Ok(text.to_vec()))
}

fn pack(lua: &Lua, mut args: MultiValue) -> Result<LuaString> {
    let format = format_of(lua, &args, "pack")?;
    let mut format = Format::new(&format, "pack");
    // What is missing has always been reported as nil.
    args.push_back(Value::Nil);
    let mut out = Vec::new();
    let mut index = 1;
    while let Some((field, pad)) = format.next(lua, out.len())? {
        out.resize(out.len() + pad, 0);
        match field {
            Field::Pad => {
                out.push(0);
                continue;
            }
            Field::Int { size, .. } => {
                let value = number(lua, &args, index, "pack")?;
                // Negative numbers as they are, others without sign.
                let value = match value < 0.0 {
                    true => i128::from(truncated(value)),
                    false => value.min(u64::MAX as f64) as u64 as i128,
                };
                let wide = value.to_le_bytes();
                let fill = if value < 0 && size <= 8 { 0xff } else { 0 };
                let mut bytes = [fill; SIZE_MAX];
                bytes[..8].copy_from_slice(&wide[..8]);
                push_ordered(&mut out, &bytes[..size], format.big);
            }
            Field::Float => {
                let value = number(lua, &args, index, "pack")? as f32;
                push_ordered(&mut out, &value.to_le_bytes(), format.big);
            }
            Field::Double => {
                let value = number(lua, &args, index, "pack")?;
                push_ordered(&mut out, &value.to_le_bytes(), format.big);
            }
            Field::Text => {
                with(lua, &args, index, "pack", |text| {
                    out.extend_from_slice(text);
                    out.push(0);
                    Ok(())
                })?;
            }
            Field::Fixed(size) => {
                with(lua, &args, index, "pack", |text| {
                    let size = if size == 0 { text.len() } else { size };
                    let Some(bytes) = text.get(..size) else {
                        // The one behind it is named, as ever.
                        let place = index + 2;
                        return fail(
                            lua,
                            format!("bad argument #{place} to 'pack' (string too short)"),
                        );
                    };
                    out.extend_from_slice(bytes);
                    Ok(())
                })?;
            }
        }
        index += 1;
    }
    lua.create_string(out)
}

/// Appends bytes that are least significant first.
fn push_ordered(out: &mut Vec<u8>, bytes: &[u8], big: bool) {
    match big {
        true => out.extend(bytes.iter().rev()),
        false => out.extend_from_slice(bytes),
    }
}

fn unpack(lua: &Lua, args: MultiValue) -> Result<MultiValue> {
    let format = format_of(lua, &args, "unpack")?;
    let data = with(lua, &args, 1, "unpack", |text| Ok(text.to_vec()))?;
    let start = match args.get(2) {
        None | Some(Value::Nil) => 1,
        Some(_) => truncated(number(lua, &args, 2, "unpack")?),
    };
    if start == 0 {
        return fail(
            lua,
            "bad argument #3 to 'unpack' (offset must be 1 or greater)",
        );
    }
    let mut at = usize::try_from(start.saturating_sub(1)).unwrap_or(usize::MAX);
    let mut format = Format::new(&format, "unpack");
    let mut values = Vec::new();
    while let Some((field, pad)) = format.next(lua, at)? {
        at = at.saturating_add(pad);
        let mut size = field.size();
        if matches!(field, Field::Fixed(0)) {
            size = match values.pop() {
                Some(Value::Number(len)) => usize::try_from(truncated(len)).unwrap_or(usize::MAX),
                _ => return fail(lua, "format 'c0' needs a previous size"),
            };
        }
        let rest = data.get(at..).unwrap_or_default();
        if at > data.len() || size > rest.len() {
            return fail(lua, "bad argument #2 to 'unpack' (data string too short)");
        }
        let bytes = &rest[..size];
        at += size;
        values.push(match field {
            Field::Pad => continue,
            Field::Int { signed, .. } => Value::Number(integer(bytes, format.big, signed)),
            Field::Float => {
                let mut raw = [0; 4];
                raw.copy_from_slice(bytes);
                order(&mut raw, format.big);
                Value::Number(f32::from_le_bytes(raw).into())
            }
            Field::Double => {
                let mut raw = [0; 8];
                raw.copy_from_slice(bytes);
                order(&mut raw, format.big);
                Value::Number(f64::from_le_bytes(raw))
            }
            Field::Fixed(_) => Value::String(lua.create_string(bytes)?),
            Field::Text => {
                let Some(end) = memchr::memchr(0, rest) else {
                    return fail(lua, "unfinished string in data");
                };
                at += end + 1;
                Value::String(lua.create_string(&rest[..end])?)
            }
        });
        if values.len() > 7900 {
            return fail(lua, "stack overflow (too many results)");
        }
    }
    values.push(Value::Number(at as f64 + 1.0));
    Ok(MultiValue::from_vec(values))
}

fn order(bytes: &mut [u8], big: bool) {
    if big {
        bytes.reverse();
    }
}

/// An integer of any size as a double; beyond 64 bits only the low ones count.
fn integer(bytes: &[u8], big: bool, signed: bool) -> f64 {
    let mut raw = bytes.to_vec();
    order(&mut raw, big);
    let mut low = [0; 8];
    let len = raw.len().min(8);
    low[..len].copy_from_slice(&raw[..len]);
    let value = u64::from_le_bytes(low);
    match signed {
        false => value as f64,
        true if len == 0 => 0.0,
        true => {
            let shift = 64 - 8 * len as u32;
            (((value << shift) as i64) >> shift) as f64
        }
    }
}

fn size(lua: &Lua, args: MultiValue) -> Result<f64> {
    let format = format_of(lua, &args, "size")?;
    let mut format = Format::new(&format, "size");
    let mut total = 0_usize;
    while let Some((field, pad)) = format.next(lua, total)? {
        match field {
            Field::Text => return bad_format(lua, "size", b"option 's' has no fixed size"),
            Field::Fixed(0) => return bad_format(lua, "size", b"option 'c0' has no fixed size"),
            _ => {}
        }
        total = total.saturating_add(pad).saturating_add(field.size());
    }
    Ok(total as f64)
}
