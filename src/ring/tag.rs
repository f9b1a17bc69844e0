//! What a completion or a readiness report belongs to, in the 64 bits the kernel carries for us.
//!
//! ```text
//! | 8 kind | 24 generation | 32 index |
//! ```

use super::table::Key;

/// What kind of operation a tag is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Accept = 1,
    Receive = 2,
    Send = 3,
    Wake = 4,
    Cancel = 5,
}

#[inline]
pub(super) fn tag(kind: Kind, key: Key) -> u64 {
    debug_assert!(key.generation < 1 << 24);
    (kind as u64) << 56 | u64::from(key.generation) << 32 | u64::from(key.index)
}

#[inline]
pub(super) fn untag(tag: u64) -> (Kind, Key) {
    let kind = match tag >> 56 {
        1 => Kind::Accept,
        2 => Kind::Receive,
        3 => Kind::Send,
        4 => Kind::Wake,
        5 => Kind::Cancel,
        other => unreachable!("the kernel returned a tag of kind {other}, which we never gave it"),
    };
    let generation = (tag >> 32) as u32 & ((1 << 24) - 1);
    (
        kind,
        Key {
            index: tag as u32,
            generation,
        },
    )
}

/// For operations that belong to the back end as a whole.
pub(super) const NOBODY: Key = Key {
    index: 0,
    generation: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_gives_back_what_it_was_made_of() {
        for kind in [
            Kind::Accept,
            Kind::Receive,
            Kind::Send,
            Kind::Wake,
            Kind::Cancel,
        ] {
            for key in [
                NOBODY,
                Key {
                    index: u32::MAX,
                    generation: (1 << 24) - 1,
                },
                Key {
                    index: 7,
                    generation: 1,
                },
            ] {
                assert_eq!(untag(tag(kind, key)), (kind, key));
            }
        }
    }
}
