//! An RDB file of any bytes is read or refused, however its window slides, and what was read can be written.
//!
//! The first byte of the input chooses whether a right header is put in front, and whether checksums count; the second
//! seeds the steps of the window.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera::base::{Millis, Rng};
use tessera::persist::rdb::{Found, RdbError, Scan, Scanner, Usage};
use tessera::persist::{ValueLimits, Window, write_key};

fuzz_target!(|input: &[u8]| {
    let [choice, seed, bytes @ ..] = input else {
        return;
    };
    let mut file = match choice % 4 {
        0 => Vec::new(),
        1 => b"REDIS0012".to_vec(),
        2 => b"VALKEY080".to_vec(),
        _ => b"REDIS0014".to_vec(),
    };
    file.extend_from_slice(bytes);
    let checks = choice & 4 != 0;
    let whole = read(&file, file.len().max(1), checks);
    let step = Rng::new(u64::from(*seed)).index(20) + 1;
    assert_eq!(read(&file, step, checks), whole);
});

type Key = (u64, Vec<u8>, Option<Millis>, Usage, Vec<u8>, Option<Vec<u8>>);

fn read(file: &[u8], step: usize, checks: bool) -> (Vec<Key>, Result<(), RdbError>) {
    let limits = ValueLimits::default();
    let mut scanner = Scanner::new(checks);
    let mut window = Window::new(file, file.len() as u64, step);
    let mut keys = Vec::new();
    while !scanner.is_done() {
        match scanner.next(window.bytes()) {
            Ok(Scan::Found(found, used)) => {
                if let Found::Key(raw) = &found {
                    let commands = raw.read(scanner.version(), &limits).ok().map(|value| {
                        let mut out = Vec::new();
                        write_key(&mut out, &raw.key, value.as_value_ref(), raw.expire);
                        out
                    });
                    let (key, active) = (raw.key.clone(), raw.active.clone());
                    keys.push((raw.db, key, raw.expire, raw.usage, active, commands));
                }
                window.consume(used);
            }
            Ok(Scan::More(need)) => {
                assert!(need > window.bytes().len() as u64, "no progress");
                if !window.extend(need).expect("bytes can be read") {
                    return (keys, Err(scanner.short()));
                }
            }
            Err(error) => {
                assert!(error.offset <= file.len() as u64);
                return (keys, Err(error));
            }
        }
    }
    (keys, Ok(()))
}
