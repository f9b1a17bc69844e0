//! Small named bit sets, usable in constants.
//!
//! The command table is one big constant, and trait operators (`|`) are not available there; hence a
//! macro that gives each set its constants, a `const fn of(&[..])` to combine them, and the printed
//! name of every bit in the order in which the wire shows them.

/// Declares a bit set: `bits! { /// docs pub struct Name(u32) { CONST "printed", ... } }`.
///
/// The order of the lines is the order in which `names` prints; a bit printed as `""`
/// exists for the server only and is never shown to a client.
macro_rules! bits {
    (
        $(#[$meta:meta])*
        pub struct $name:ident($int:ty) in $module:ident {
            $( $(#[$bit_meta:meta])* $bit:ident $text:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
        pub struct $name(pub $int);

        /// The bits as free constants, for glob import where rows are written.
        pub mod $module {
            use super::$name;
            $crate::command::bits::bits!(@consts $name, $int, 0; $( $(#[$bit_meta])* $bit, )+);
        }

        impl $name {
            /// The empty set.
            pub const NONE: Self = Self(0);
            /// Every bit with its printed text, in print order; hidden bits have an empty text.
            pub const ALL: &'static [(Self, &'static str)] = &[ $( ($module::$bit, $text) ),+ ];

            /// The union of `bits`.
            pub const fn of(bits: &[Self]) -> Self {
                let mut union = 0;
                let mut i = 0;
                while i < bits.len() {
                    union |= bits[i].0;
                    i += 1;
                }
                Self(union)
            }

            /// This set with the bits of `other` added.
            #[inline]
            pub const fn or(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// True if the two sets share a bit.
            #[inline]
            pub const fn has(self, any_of: Self) -> bool {
                self.0 & any_of.0 != 0
            }

            /// True if no bit is set.
            #[inline]
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// The printed texts of the set's visible bits, in the order the wire shows them.
            pub fn names(self) -> impl Iterator<Item = &'static str> + Clone {
                Self::ALL
                    .iter()
                    .filter(move |(bit, text)| self.has(*bit) && !text.is_empty())
                    .map(|(_, text)| *text)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_set().entries(self.names()).finish()
            }
        }
    };
    (@consts $name:ident, $int:ty, $n:expr; ) => {};
    (@consts $name:ident, $int:ty, $n:expr; $(#[$m:meta])* $bit:ident, $($rest:tt)*) => {
        $(#[$m])*
        pub const $bit: $name = $name(1 << ($n));
        $crate::command::bits::bits!(@consts $name, $int, $n + 1; $($rest)*);
    };
}

pub(super) use bits;
