//! RESTORE takes any bytes: a value or an error, and what is a value survives being dumped again.
//!
//! The first byte of the input chooses how the rest is used: as a whole payload, as a body that is given a right
//! footer (else nothing would ever get past the checksum), or as compressed bytes and a length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera::base::crc64;
use tessera::keyspace::Value;
use tessera::persist::{RDB_VERSION_MAX, VALKEY_VERSION, ValueLimits, dump, lzf, restore};

fuzz_target!(|input: &[u8]| {
    let [choice, bytes @ ..] = input else {
        return;
    };
    match choice % 4 {
        0 => check_payload(bytes),
        1 | 2 => {
            let version = [RDB_VERSION_MAX, VALKEY_VERSION][usize::from(choice % 4 - 1)];
            let mut payload = bytes.to_vec();
            payload.extend_from_slice(&version.to_le_bytes());
            let crc = crc64(0, &payload);
            payload.extend_from_slice(&crc.to_le_bytes());
            check_payload(&payload);
        }
        _ => {
            let [high, low, packed @ ..] = bytes else {
                return;
            };
            let len = usize::from(*high) << 8 | usize::from(*low);
            if let Some(text) = lzf::decompress(packed, len) {
                check_lzf(&text);
            }
            check_lzf(packed);
        }
    }
});

fn check_payload(payload: &[u8]) {
    let limits = ValueLimits::default();
    let Ok(value) = restore(payload, &limits) else {
        return;
    };
    for compress in [false, true] {
        let payload = dumped(&value, compress);
        let again = restore(&payload, &limits).expect("our own payload is right");
        assert_eq!(dumped(&again, compress), payload);
    }
}

fn dumped(value: &Value, compress: bool) -> Vec<u8> {
    dump(value.as_value_ref(), compress)
}

fn check_lzf(text: &[u8]) {
    let packed = lzf::compress(text, usize::MAX).expect("there is no bound");
    assert_eq!(lzf::decompress(&packed, text.len()).as_deref(), Some(text));
}
