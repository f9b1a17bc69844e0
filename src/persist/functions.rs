//! FUNCTION DUMP: the texts of libraries, each behind its opcode, and the footer of any payload.

use super::dump::{sign, verify};
use super::object::RDB_VERSION_MIN;
use super::string_payload::{Reader, write_string};

/// Opcode of a library.
const FUNCTION2: u8 = 245;
/// Opcode of a library before the form was final.
const FUNCTION_PRE_RELEASE: u8 = 246;

/// The payload of these libraries; `compress` tells whether LZF may be used.
pub fn dump_functions<'a>(codes: impl Iterator<Item = &'a [u8]>, compress: bool) -> Vec<u8> {
    let mut out = Vec::new();
    for code in codes {
        out.push(FUNCTION2);
        write_string(&mut out, code, compress);
    }
    // The form is that of 7.0, which reads it as well.
    sign(&mut out, RDB_VERSION_MIN);
    out
}

/// Why a payload of libraries was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LibrariesError {
    /// Too short, too new, or damaged.
    Footer,
    /// Libraries as release candidates of 7.0 wrote them.
    PreRelease,
    /// Something else than libraries.
    NoLibrary,
    /// The text of a library cannot be read.
    Text,
}

/// The texts in a payload.
pub fn restore_functions(payload: &[u8]) -> Result<Vec<Vec<u8>>, LibrariesError> {
    let (body, _) = verify(payload, true).ok_or(LibrariesError::Footer)?;
    let mut reader = Reader::new(body);
    let mut codes = Vec::new();
    while !reader.is_empty() {
        match reader.byte() {
            Ok(FUNCTION2) => {}
            Ok(FUNCTION_PRE_RELEASE) => return Err(LibrariesError::PreRelease),
            _ => return Err(LibrariesError::NoLibrary),
        }
        let code = reader.string().map_err(|_| LibrariesError::Text)?;
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
            assert_eq!(
                restore_functions(&payload[1..]),
                Err(LibrariesError::Footer)
            );
        }
        let empty = dump_functions([].into_iter(), false);
        assert_eq!(restore_functions(&empty), Ok(Vec::new()));
        let refused = |mut body: Vec<u8>| {
            sign(&mut body, RDB_VERSION_MIN);
            restore_functions(&body)
        };
        assert_eq!(refused(vec![246, 0]), Err(LibrariesError::PreRelease));
        assert_eq!(refused(vec![0, 1, b'x']), Err(LibrariesError::NoLibrary));
        assert_eq!(refused(vec![245, 9, b'x']), Err(LibrariesError::Text));
    }
}
