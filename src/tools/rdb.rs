//! What is in an RDB file, key by key.

use super::{Progress, open};
use crate::persist::ValueLimits;
use crate::persist::Window;
use crate::persist::rdb::{Found, RawKey, RdbError, Scan, Scanner};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

/// What is counted of keys.
#[derive(Debug, Default)]
struct Sum {
    keys: u64,
    bytes: u64,
    longest: u64,
    longest_name: Vec<u8>,
}

/// Reads a file and says what is in it; an error says where it is damaged.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let mut window = open(path)?;
    println!("[offset 0] Checking RDB file {}", path.display());
    check_window(&mut window)?;
    match window.remaining() {
        0 => Ok(()),
        more => {
            println!("[info] {more} bytes behind its end");
            Ok(())
        }
    }
}

/// As [`check`], at the front of a window. The window is left behind the end of the RDB file.
pub(super) fn check_window<R: Read>(window: &mut Window<R>) -> Result<(), String> {
    let mut progress = Progress::new(window.size());
    let limits = ValueLimits::default();
    let mut sums: BTreeMap<String, Sum> = BTreeMap::new();
    let (mut keys, mut expires, mut functions) = (0_u64, 0_u64, 0_u64);
    let mut dbs: BTreeMap<u64, u64> = BTreeMap::new();
    let read = read(window, true, |scanner, found| {
        match found {
            Found::Header => println!("[offset 0] RDB version {}", scanner.version()),
            Found::Fact(name, value) => println!(
                "[offset {}] AUX FIELD {} = '{}'",
                scanner.offset(),
                String::from_utf8_lossy(name),
                String::from_utf8_lossy(value)
            ),
            Found::Function(_) => functions += 1,
            Found::Key(raw) => {
                let value = raw.read(scanner.version(), &limits)?;
                keys += 1;
                expires += u64::from(raw.expire.is_some());
                *dbs.entry(raw.db).or_default() += 1;
                count(&mut sums, super::dump::type_name(&value), raw);
            }
            Found::ModuleAux(module) => {
                println!("[offset {}] MODULE AUX for: {module}", scanner.offset());
            }
            Found::ModuleKey(raw, module) => {
                let key = raw.key.escape_ascii();
                println!(
                    "[offset {}] MODULE VALUE for: {module}, key '{key}', type {}: passed over",
                    raw.offset, raw.kind
                );
                keys += 1;
                expires += u64::from(raw.expire.is_some());
                *dbs.entry(raw.db).or_default() += 1;
                count(&mut sums, &format!("module {module}"), raw);
            }
            Found::End(true) => println!("[offset {}] Checksum OK", scanner.offset()),
            Found::End(false) => {
                println!("[offset {}] Saved without a checksum", scanner.offset());
            }
            Found::Db(_) | Found::Nothing => {}
        }
        progress.at(scanner.offset());
        Ok(())
    });
    match &read {
        Ok(()) => println!("[info] \\o/ RDB looks OK! \\o/"),
        Err(_) => println!("--- RDB ERROR DETECTED ---"),
    }
    println!("[info] {keys} keys read");
    println!("[info] {expires} expires");
    println!("[info] {functions} libraries of functions");
    for (db, keys) in dbs {
        println!("[info] db{db}: {keys} keys");
    }
    for (name, sum) in sums {
        println!(
            "[info] {name}: {} keys, {} bytes, longest {} bytes: '{}'",
            sum.keys,
            sum.bytes,
            sum.longest,
            sum.longest_name.escape_ascii()
        );
    }
    read
}

fn count(sums: &mut BTreeMap<String, Sum>, name: &str, raw: &RawKey<'_>) {
    let sum = sums.entry(name.to_owned()).or_default();
    let bytes = raw.value.len() as u64;
    sum.keys += 1;
    sum.bytes += bytes;
    if bytes > sum.longest {
        sum.longest = bytes;
        sum.longest_name.clone_from(&raw.key);
    }
}

/// Reads an RDB file, calling `take` for everything in it. Values of modules are passed over, or an error.
pub(super) fn read<R: Read>(
    window: &mut Window<R>,
    passes_modules: bool,
    mut take: impl FnMut(&Scanner, &Found<'_>) -> Result<(), RdbError>,
) -> Result<(), String> {
    let mut scanner = Scanner::new(true);
    if passes_modules {
        scanner = scanner.passing_modules();
    }
    while !scanner.is_done() {
        match scanner.next(window.bytes()).map_err(|error| told(&error))? {
            Scan::Found(found, used) => {
                take(&scanner, &found).map_err(|error| told(&error))?;
                window.consume(used);
            }
            Scan::More(need) => {
                let more = window.extend(need);
                let more = more.map_err(|error| format!("Cannot read the file: {error}"))?;
                if !more {
                    return Err(told(&scanner.short()));
                }
            }
        }
    }
    Ok(())
}

fn told(error: &RdbError) -> String {
    format!("[offset {}] {}", error.offset, error.reason)
}
