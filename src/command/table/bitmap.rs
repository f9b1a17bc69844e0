//! Rows: strings seen as bits.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("bitcount", Group::Bitmap, "2.6.0", -2)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Count the one bits of a string, or of a part of it.",
            "O(N) for N bytes counted",
        )
        .syntax("key [start end [BYTE|BIT]]")
        .runs(Route::Keys, Store(super::super::bitmap::bitcount)),
    row("bitfield", Group::Bitmap, "3.2.0", -2)
        .flags(&[WRITE, DENYOOM])
        .keys(&[
            at(1, &[RW, ACCESS, UPDATE, VARIABLE_FLAGS]).notes("writes only with SET or INCRBY")
        ])
        .own_keys(keys::bitfield)
        .docs(
            "Read and write integers of any width inside a string.",
            "O(N) for N operations",
        )
        .syntax(
            "key [<GET encoding offset|[OVERFLOW <WRAP|SAT|FAIL>] <SET encoding offset \
             value:integer|INCRBY encoding offset increment>> [<GET encoding \
             offset|[OVERFLOW <WRAP|SAT|FAIL>] <SET encoding offset \
             value:integer|INCRBY encoding offset increment>> ...]]",
        )
        .runs(Route::Keys, Store(super::super::bitmap::bitfield)),
    row("bitfield_ro", Group::Bitmap, "6.0.0", -2)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Read integers of any width inside a string.",
            "O(N) for N operations",
        )
        .syntax("key [GET encoding offset [GET encoding offset ...]]")
        .runs(Route::Keys, Store(super::super::bitmap::bitfield_ro)),
    row("bitop", Group::Bitmap, "2.6.0", -4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(2, &[OW, UPDATE]), range(3, -1, 1, &[RO, ACCESS])])
        .docs(
            "Combine strings bit by bit and store the outcome.",
            "O(N) for N bytes of the longest string",
        )
        .syntax("<AND|OR|XOR|NOT> destkey key [key ...]")
        .runs(Route::Keys, Store(super::super::bitmap::bitop)),
    row("bitpos", Group::Bitmap, "2.8.7", -3)
        .flags(&[READONLY])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs(
            "Find the first bit that is set, or clear.",
            "O(N) for N bytes searched",
        )
        .syntax("key bit [start [end [BYTE|BIT]]]")
        .runs(Route::Keys, Store(super::super::bitmap::bitpos)),
    row("getbit", Group::Bitmap, "2.2.0", 3)
        .flags(&[READONLY, FAST])
        .keys(&[at(1, &[RO, ACCESS])])
        .docs("Read one bit of a string.", "O(1)")
        .syntax("key offset")
        .runs(Route::Keys, Store(super::super::bitmap::getbit)),
    row("setbit", Group::Bitmap, "2.2.0", 4)
        .flags(&[WRITE, DENYOOM])
        .keys(&[at(1, &[RW, ACCESS, UPDATE])])
        .docs("Write one bit of a string and tell what it was.", "O(1)")
        .syntax("key offset value:integer")
        .runs(Route::Keys, Store(super::super::bitmap::setbit)),
];
