//! The process's only source of randomness; everyone else is handed an `Rng` seeded from it.

use super::sys;

/// Fills `into` with unpredictable bytes, for identifiers such as the run id.
///
/// Blocks only in the first seconds of a machine's life, until the kernel has gathered enough.
pub fn random_bytes(into: &mut [u8]) {
    sys::getrandom(into).expect("getrandom cannot fail on a kernel that has it (Linux 3.17)");
}

/// A seed for an `Rng` or a hash function.
pub fn random_seed() -> u64 {
    let mut bytes = [0; 8];
    random_bytes(&mut bytes);
    u64::from_ne_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ() {
        assert_ne!(random_seed(), random_seed());
        let mut bytes = [0; 300];
        random_bytes(&mut bytes);
        assert!(bytes.iter().any(|&byte| byte != 0));
    }
}
