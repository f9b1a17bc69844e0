//! RESTORE takes any bytes: a value or an error, and what is a value survives being dumped again.
//!
//! The first byte of the input chooses how the rest is used: as a whole payload, as a body that is given a right
//! footer (else nothing would ever get past the checksum), or as compressed bytes and a length.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera::base::crc64;
use tessera::keyspace::{StrRef, StrValue, Value};
use tessera::persist::{RDB_VERSION, dump_string, lzf, restore};

fuzz_target!(|input: &[u8]| {
    let [choice, bytes @ ..] = input else {
        return;
    };
    match choice % 3 {
        0 => check_payload(bytes),
        1 => {
            let mut payload = bytes.to_vec();
            payload.extend_from_slice(&RDB_VERSION.to_le_bytes());
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
    let Ok(value) = restore(payload) else {
        return;
    };
    let text = text_of(value);
    for compress in [false, true] {
        let again = restore(&dump_string(StrRef::Bytes(&text), compress));
        assert_eq!(text_of(again.expect("our own payload is right")), text);
    }
}

fn text_of(value: Value) -> Vec<u8> {
    match value {
        Value::Str(StrValue::Int(value), _) => value.to_string().into_bytes(),
        Value::Str(StrValue::Bytes(bytes), _) => bytes,
        Value::Str(StrValue::Shared(shared), _) => shared.to_vec(),
        Value::Collection(never) => match *never {},
    }
}

fn check_lzf(text: &[u8]) {
    let packed = lzf::compress(text, usize::MAX).expect("there is no bound");
    assert_eq!(lzf::decompress(&packed, text.len()).as_deref(), Some(text));
}
