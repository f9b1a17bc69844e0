#![expect(unsafe_code, reason = "segments are freed by hand")]
//! Segments of another size or depth from the entries of old ones.
//!
//! Only cells are copied; entries are read only where the bits in the cells are used up. A rebuilt segment is complete
//! before anyone knows it, and the old one is left to the caller, so a step that does not fit is simply tried larger.

use std::ptr::NonNull;

use super::geometry::FILL_SPLIT;
use super::{CLASS_MAX, Cell, DEPTH_MAX, Item, Segment, class_for, window_at};
use crate::structure::due::NEVER;

impl<'t> Segment<'t> {
    /// Copies all entries into a new segment of at least this class. The caller frees this one.
    pub(in crate::structure) fn resized(&self, class: u8, volatile: bool) -> Segment<'t> {
        let mut class = class;
        loop {
            let mut target = Segment::allocate(class, volatile, self.depth, self.word.depth());
            if self.items().all(|item| target.insert_item(item)) {
                self.pass_hints_to(&mut target, |item| Some(item.cell.bits()));
                return target;
            }
            // SAFETY: nobody else knows it; its entries are still in `self`.
            unsafe { target.free() };
            class += 1;
            assert!(class <= CLASS_MAX, "2^33 entries with the same hash");
        }
    }

    /// Lowers the hints of `target`, which got entries of this segment, as their homes here say. `bits_there` is the
    /// cell bits an entry has in the target, `None` if it went elsewhere.
    fn pass_hints_to(&self, target: &mut Segment<'t>, bits_there: impl Fn(Item) -> Option<u16>) {
        if !self.word.is_volatile() {
            return;
        }
        for home in 0..self.geometry.home {
            let due = self.due_of(home);
            if due == NEVER {
                continue;
            }
            for (place, _, _) in self.entries_of(home) {
                let bucket = self.bucket(place.bucket);
                let at = place.cell as usize;
                if let Some(bits) = bits_there(Item {
                    cell: bucket.cell(at),
                    tag: bucket.tag(at),
                }) {
                    let home = target.home_of_bits(bits);
                    target.lower_home(home, due);
                }
            }
        }
    }

    /// Divides the entries by the next hash bit into two new segments, empty words where a side has none.
    /// `hash_of` hashes an entry's key, for when the cells' bits are used up. The caller frees this segment.
    pub(in crate::structure) fn split(
        &self,
        local_depth: u32,
        hash_of: impl Fn(NonNull<u8>) -> u64,
    ) -> [Option<Segment<'t>>; 2] {
        assert!(self.depth < DEPTH_MAX);
        let depth = self.depth + 1;
        let anew = window_at(depth) != self.window();
        let bit = 15 - (self.depth - self.window());
        if anew {
            self.entries()
                .for_each(|entry| crate::base::cpu::prefetch(entry.as_ptr()));
        }
        let side_of = |item: Item| usize::from(item.cell.bits() >> bit & 1);
        let mut lens = [0; 2];
        self.items().for_each(|item| lens[side_of(item)] += 1);
        let side = |side: usize| {
            if lens[side] == 0 {
                return None;
            }
            let volatile = self.word.is_volatile();
            let bits_there = |item: Item| {
                (side_of(item) == side).then(|| {
                    if anew {
                        ((hash_of(item.cell.entry()) << window_at(depth)) >> 48) as u16
                    } else {
                        item.cell.bits()
                    }
                })
            };
            let mut class = class_for(lens[side], volatile, FILL_SPLIT);
            loop {
                let mut target = Segment::allocate(class, volatile, depth, local_depth);
                let all_in = self.items().all(|item| match bits_there(item) {
                    None => true,
                    Some(bits) => {
                        let cell = Cell::new(item.cell.entry(), bits);
                        target.insert_item(Item {
                            cell,
                            tag: item.tag,
                        })
                    }
                });
                if all_in {
                    self.pass_hints_to(&mut target, bits_there);
                    return Some(target);
                }
                // SAFETY: nobody else knows it; its entries are still in `self`.
                unsafe { target.free() };
                class += 1;
                assert!(class <= CLASS_MAX, "2^33 entries with the same hash");
            }
        };
        [side(0), side(1)]
    }

    /// Joins the two halves of what was split, at depth one less. `prefix` is a hash that leads to both, but for the
    /// bit that tells them apart. The caller frees the halves.
    pub(in crate::structure) fn joined(
        halves: [Option<&Segment<'t>>; 2],
        prefix: u64,
        depth: u32,
        local_depth: u32,
        class: u8,
    ) -> Segment<'t> {
        let present = || halves.iter().flatten();
        let window = window_at(depth);
        let volatile = present().any(|half| half.word.is_volatile());
        let mut class = class;
        loop {
            let mut target = Segment::allocate(class, volatile, depth, local_depth);
            let mut all_in = true;
            for (side, half) in halves.iter().enumerate() {
                let Some(half) = half else { continue };
                // The hash bits before the half's window, which its cells do not have.
                let path = (prefix & !(1 << (63 - depth))) | (side as u64) << (63 - depth);
                let before = if half.window() == 0 {
                    0
                } else {
                    path >> (64 - half.window())
                };
                let moved = |item: Item| {
                    ((before << 16 | u64::from(item.cell.bits())) >> (half.window() - window))
                        as u16
                };
                all_in = all_in
                    && half.items().all(|item| {
                        let cell = Cell::new(item.cell.entry(), moved(item));
                        target.insert_item(Item {
                            cell,
                            tag: item.tag,
                        })
                    });
                if all_in {
                    half.pass_hints_to(&mut target, |item| Some(moved(item)));
                }
            }
            if all_in {
                return target;
            }
            // SAFETY: nobody else knows it; its entries are still in the halves.
            unsafe { target.free() };
            class += 1;
            assert!(class <= CLASS_MAX, "2^33 entries with the same hash");
        }
    }
}
