//! Keys of a command with many, fetched from memory some way ahead of the one that is worked on.

use super::db::Db;
use super::hash::Locator;
use crate::base::Slot;

/// Keys fetched at once: enough to overlap their cache misses, few enough that they are still there when used.
const AHEAD: usize = 16;

impl Db<'_> {
    /// Calls `visit` for each key with what belongs to it, in order. Memory that the next keys will touch is asked for
    /// before the first of them is visited. The keys must outlive this view, as a request's arguments do: see
    /// [`Db::prime`].
    pub fn each_key<'k, T>(
        &mut self,
        keys: impl Iterator<Item = (&'k [u8], T)>,
        mut visit: impl FnMut(&mut Self, &'k [u8], T),
    ) {
        let nowhere = Locator {
            slot: Slot(0),
            hash: 0,
        };
        let mut keys = keys.peekable();
        while keys.peek().is_some() {
            let mut found = [nowhere; AHEAD];
            let mut batch: [Option<(&'k [u8], T)>; AHEAD] = [const { None }; AHEAD];
            let mut len = 0;
            while len < AHEAD
                && let Some((key, with)) = keys.next()
            {
                let at = self.locate(key);
                self.set.store(at.slot).prefetch_slot(self.index, at);
                found[len] = at;
                batch[len] = Some((key, with));
                len += 1;
            }
            if len > 1 {
                let db = self.index;
                // What was asked for in one pass has arrived in the next, that of the first keys at least.
                for &at in &found[..len] {
                    self.set.store(at.slot).prefetch(db, at);
                }
                for &at in &found[..len] {
                    self.set.store(at.slot).prefetch_entry(db, at);
                }
            }
            for (at, (key, with)) in found.into_iter().zip(batch.into_iter().flatten()) {
                self.prime(key, at);
                visit(self, key, with);
            }
        }
    }

    /// How many of `keys` pass `test`; fetched ahead as in [`Db::each_key`].
    pub fn count_keys<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k [u8]>,
        mut test: impl FnMut(&mut Self, &[u8]) -> bool,
    ) -> usize {
        let mut count = 0;
        self.each_key(keys.map(|key| (key, ())), |db, key, ()| {
            count += usize::from(test(db, key));
        });
        count
    }
}
