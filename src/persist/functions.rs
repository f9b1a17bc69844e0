//! FUNCTION DUMP: the texts of libraries, each behind its opcode, and the footer of any payload.

use super::dump::{DumpError, sign, verify};
use super::object::RDB_VERSION;
use super::string_payload::{Reader, write_string};

/// Opcode of a library.
const FUNCTION2: u8 = 245;

const NO_LIBRARY: DumpError = DumpError::Body("a library of functions was expected");

/// The payload of these libraries; `compress` tells whether LZF may be used.
pub fn dump_functions<'a>(codes: impl Iterator<Item = &'a [u8]>, compress: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for code in codes {
        out.push(FUNCTION2);
        write_string(&mut out, code, compress);
    }
    sign(&mut out, RDB_VERSION);
    out
}

/// The texts in a payload.
pub fn restore_functions(payload: &[u8]) -> Result<Vec<Vec<u8>>, DumpError> {
    let (body, _) = verify(payload, true).ok_or(DumpError::Footer)?;
    let mut reader = Reader::new(body);
    let mut codes = Vec::new();
    while !reader.is_empty() {
        match reader.byte() {
            Ok(FUNCTION2) => {}
            _ => return Err(NO_LIBRARY),
        }
        let code = reader.string().map_err(|_| NO_LIBRARY)?;
        codes.push(code.into_vec());
    }
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_come_back() {
        let codes = [&b"#!lua name=a\n"[..], &[b'x'; 5000]];
        for compress in [false, true] {
            let payload = dump_functions(codes.into_iter(), compress);
            assert_eq!(restore_functions(&payload).unwrap(), codes);
            assert_eq!(restore_functions(&payload[1..]), Err(DumpError::Footer));
        }
        let empty = dump_functions([].into_iter(), false);
        assert_eq!(restore_functions(&empty), Ok(Vec::new()));
    }
}
