//! `tessera-dump`: an RDB file as JSON lines, or as the commands that make what is in it.

use super::aof::{MANIFEST_LOOK_BYTES, is_manifest};
use super::words::Words;
use super::{json, open, rdb};
use crate::base::{I64Buf, write_f64};
use crate::keyspace::{Value, ValueRef};
use crate::persist::rdb::{Found, RawKey, Usage};
use crate::persist::{self, ValueLimits, Window, write_command, write_key};
use crate::types::stream::{Stream, StreamId};
use crate::types::{Collection, End, Item};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
Usage: tessera-dump [--json|--resp] FILE

  --json   a line for each key: its database, name, type, value, and when it expires; texts that are not UTF-8 are
           {\"hex\": ..}. This is the default
  --resp   the commands that make all that, as redis-cli --pipe takes them; RESTORE for keys of whose use the
           file tells
";

/// Runs the program with its arguments, the program's own name left out.
pub fn main(args: Vec<OsString>) -> ExitCode {
    let mut words = Words::new(args);
    if words.flag("--help") || words.flag("-h") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    if words.flag("--version") || words.flag("-v") {
        println!("tessera-dump {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    let as_json = words.flag("--json");
    let as_commands = words.flag("--resp");
    let Some([file]) = words.exactly() else {
        eprint!("{HELP}");
        return ExitCode::FAILURE;
    };
    if as_json && as_commands {
        eprint!("{HELP}");
        return ExitCode::FAILURE;
    }
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let written = dump(Path::new(&file), as_commands, &mut out);
    let flushed = out.flush().map_err(|error| error.to_string());
    match written.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn dump(path: &Path, as_commands: bool, out: &mut impl Write) -> Result<(), String> {
    let mut window = open(path)?;
    if let Some(what) = what_else(&mut window) {
        let name = path.display();
        return Err(format!(
            "{name} is {what}, not an RDB file: tessera-check aof reads those, and an append-only file is commands already"
        ));
    }
    let limits = ValueLimits::default();
    let mut selected = 0;
    let mut failed = None;
    let read = rdb::read(&mut window, false, |scanner, found| {
        let mut bytes = Vec::new();
        match found {
            Found::Key(raw) => {
                let value = raw.read(scanner.version(), &limits)?;
                if !as_commands {
                    bytes = line(raw, &value).into_bytes();
                } else {
                    if raw.db != selected {
                        selected = raw.db;
                        write_command(&mut bytes, &[b"SELECT", raw.db.to_string().as_bytes()]);
                    }
                    write_used_key(&mut bytes, raw, value.as_value_ref());
                }
            }
            Found::Function(code) if as_commands => {
                write_command(&mut bytes, &[b"FUNCTION", b"LOAD", code]);
            }
            Found::Function(code) => {
                let mut text = String::from("{\"function\":");
                json::text(&mut text, code);
                text.push_str("}\n");
                bytes = text.into_bytes();
            }
            Found::Fact(name, value) if !as_commands => {
                let mut text = String::from("{\"aux\":");
                json::text(&mut text, name);
                json::name(&mut text, "value");
                json::text(&mut text, value);
                text.push_str("}\n");
                bytes = text.into_bytes();
            }
            Found::Header
            | Found::Fact(..)
            | Found::Db(_)
            | Found::ModuleAux(_)
            | Found::ModuleKey(..)
            | Found::Nothing
            | Found::End(_) => {}
        }
        if failed.is_none() {
            failed = out.write_all(&bytes).err();
        }
        Ok(())
    });
    match failed {
        Some(error) => return Err(error.to_string()),
        None => read?,
    }
    let more = window.remaining();
    if more > 0 {
        eprintln!(
            "{}: {more} bytes behind the RDB file were not read",
            path.display()
        );
    }
    Ok(())
}

/// What a file is by its beginning, if that is what people hand over for an RDB file.
fn what_else(window: &mut Window<File>) -> Option<&'static str> {
    let _ = window.extend(window.size().min(MANIFEST_LOOK_BYTES));
    let bytes = window.bytes();
    match bytes {
        _ if is_manifest(bytes) => Some("the manifest of an append-only file"),
        [b'*', b'0'..=b'9', ..] | [b'#', b'T', b'S', b':', ..] => Some("an append-only file"),
        _ => None,
    }
}

/// The commands that make a key. What is known of its use only RESTORE can say.
fn write_used_key(out: &mut Vec<u8>, raw: &RawKey<'_>, value: ValueRef<'_>) {
    let (option, number) = match raw.usage {
        Usage::Unknown => return write_key(out, &raw.key, value, raw.expire),
        Usage::IdleSecs(idle) => (b"IDLETIME".as_slice(), idle),
        Usage::Frequency(often) => (b"FREQ".as_slice(), u64::from(often)),
    };
    let expire = raw.expire.map_or(0, |at| at.0).to_string();
    let payload = persist::dump(value, true);
    let number = number.to_string();
    let words: [&[u8]; 8] = [
        b"RESTORE",
        &raw.key,
        expire.as_bytes(),
        &payload,
        b"REPLACE",
        b"ABSTTL",
        option,
        number.as_bytes(),
    ];
    write_command(out, &words);
}

/// What TYPE answers.
pub(super) fn type_name(value: &Value) -> &'static str {
    value.as_value_ref().type_name()
}

fn line(raw: &RawKey<'_>, value: &Value) -> String {
    let mut out = format!("{{\"db\":{}", raw.db);
    json::name(&mut out, "key");
    json::text(&mut out, &raw.key);
    json::name(&mut out, "type");
    json::text(&mut out, type_name(value).as_bytes());
    if let Some(at) = raw.expire {
        json::name(&mut out, "expires_ms");
        out.push_str(&at.0.to_string());
    }
    match raw.usage {
        Usage::Unknown => {}
        Usage::IdleSecs(idle) => {
            json::name(&mut out, "idle_s");
            out.push_str(&idle.to_string());
        }
        Usage::Frequency(often) => {
            json::name(&mut out, "frequency");
            out.push_str(&often.to_string());
        }
    }
    json::name(&mut out, "value");
    write_value(&mut out, value.as_value_ref());
    out.push_str("}\n");
    out
}

fn write_value(out: &mut String, value: ValueRef<'_>) {
    let collection = match value {
        ValueRef::Str(text) => return json::text(out, &text.to_vec()),
        ValueRef::Collection(collection) => collection,
    };
    let (open, close) = match collection {
        Collection::List(_) | Collection::Set(_) | Collection::Zset(_) => ('[', ']'),
        Collection::Hash(_) => ('[', ']'),
        Collection::Stream(stream) => return write_stream(out, stream),
    };
    out.push(open);
    match collection {
        Collection::List(list) => list.visit(End::Front, 0, |item| {
            element(out, item);
            true
        }),
        Collection::Set(set) => set.for_each(|member| element(out, member)),
        Collection::Zset(zset) => {
            for (member, score) in zset.iter() {
                json::comma(out);
                out.push('[');
                element(out, member);
                json::comma(out);
                // There is no infinity in JSON.
                let mut digits = Vec::new();
                write_f64(&mut digits, score);
                let digits = String::from_utf8_lossy(&digits);
                match score.is_finite() {
                    true => out.push_str(&digits),
                    false => json::text(out, digits.as_bytes()),
                }
                out.push(']');
            }
        }
        Collection::Hash(hash) => hash.for_each(i64::MIN, |field| {
            json::comma(out);
            out.push('[');
            json::text(out, &field.name.to_vec());
            json::comma(out);
            json::text(out, &field.value.to_vec());
            if let Some(at) = field.expiry {
                json::comma(out);
                out.push_str(&at.to_string());
            }
            out.push(']');
        }),
        Collection::Stream(_) => {}
    }
    out.push(close);
}

fn write_stream(out: &mut String, stream: &Stream) {
    let log = stream.log();
    let id = |out: &mut String, id: StreamId| json::text(out, id.text().as_bytes());
    out.push_str("{\"entries\":[");
    for entry in log.range(StreamId::MIN, StreamId::MAX) {
        json::comma(out);
        out.push('[');
        id(out, entry.id);
        for (name, value) in entry.pairs() {
            element(out, name);
            element(out, value);
        }
        out.push(']');
    }
    out.push(']');
    json::name(out, "last_id");
    id(out, log.last_id());
    json::name(out, "entries_added");
    out.push_str(&log.entries_added().to_string());
    json::name(out, "max_deleted_id");
    id(out, log.max_deleted_id());
    json::name(out, "groups");
    out.push('[');
    for (name, group) in stream.groups() {
        json::comma(out);
        out.push('{');
        json::name(out, "name");
        json::text(out, name);
        json::name(out, "last_id");
        id(out, group.last_id);
        json::name(out, "pending");
        out.push('[');
        for (pending_id, pending) in group.pending_from(StreamId::MIN) {
            json::comma(out);
            out.push('[');
            id(out, pending_id);
            json::comma(out);
            json::text(out, group.owner(pending));
            out.push_str(&format!(",{},{}]", pending.delivered.0, pending.deliveries));
        }
        out.push(']');
        json::name(out, "consumers");
        out.push('[');
        for consumer in group.consumers() {
            json::comma(out);
            json::text(out, &consumer.name);
        }
        out.push_str("]}");
    }
    out.push_str("]}");
}

fn element(out: &mut String, item: Item<'_>) {
    json::comma(out);
    json::text(out, item.text(&mut I64Buf::new(0)));
}
