//! Passwords: kept as SHA-256 digests, compared in a time that tells nothing about them.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The digest of a password.
#[derive(Clone, Copy)]
pub struct Password([u8; 32]);

impl Password {
    /// The digest of a password as the user types it.
    pub fn of(cleartext: &[u8]) -> Password {
        Password(Sha256::digest(cleartext).into())
    }

    /// A digest as 64 hexadecimal digits in lower case; `None` if that is not what it is.
    pub fn parse(hex: &[u8]) -> Option<Password> {
        let (pairs, []) = hex.as_chunks::<2>() else {
            return None;
        };
        if pairs.len() != 32 {
            return None;
        }
        let mut digest = [0; 32];
        for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Password(digest))
    }

    /// The digest as 64 hexadecimal digits in lower case.
    pub fn hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl PartialEq for Password {
    /// Looks at all bytes, wherever the first difference is.
    fn eq(&self, other: &Password) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Password {}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_read_as_they_are_written() {
        let hex = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let secret = Password::of(b"secret");
        assert_eq!(secret.hex(), hex);
        assert_eq!(Password::parse(hex.as_bytes()), Some(secret));
        assert_ne!(secret, Password::of(b"Secret"));
        for wrong in [&hex[1..], &hex.to_uppercase(), &format!("{hex}00"), ""] {
            assert_eq!(Password::parse(wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(format!("{secret:?}"), "Password(..)");
    }
}
