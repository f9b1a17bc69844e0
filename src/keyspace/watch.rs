//! WATCH on the owner's side: which keys are watched, and the flags to raise when one changes.
//!
//! A watching connection holds an `Arc<WatchFlag>`, the store only a weak reference: UNWATCH, EXEC and a lost
//! connection drop the `Arc` and need no message. Dead references are swept when the table has doubled since the
//! last sweep, so they cost at most as much as the live ones.
//!
//! A key that was already expired when it was watched does not raise the flag by being removed: nothing that the
//! client could have seen has changed. After that it is watched as any absent key.
//!
//! With nothing watched, a change costs one compare.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use crate::base::Map;

/// Raised by the owner when a watched key changed; read by the watching connection's EXEC.
#[derive(Debug, Default)]
pub struct WatchFlag(AtomicBool);

impl WatchFlag {
    /// A flag not raised.
    pub fn new() -> WatchFlag {
        WatchFlag::default()
    }

    /// Whether a watched key has changed. EXEC reads it where its fence has ordered it behind the change.
    pub fn is_dirty(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Raises the flag for good.
    pub fn mark_dirty(&self) {
        self.0.store(true, Ordering::Release);
    }
}

struct Watcher {
    flag: Weak<WatchFlag>,
    /// The key was expired but not removed when it was watched, and still is there.
    was_expired: bool,
}

/// Watched keys of a shard.
#[derive(Default)]
pub(super) struct WatchTable {
    dbs: Vec<Map<Box<[u8]>, Vec<Watcher>>>,
    /// Watchers in all lists, dead ones included.
    len: usize,
    /// Sweep when `len` gets here.
    sweep_at: usize,
}

const SWEEP_MIN: usize = 64;

impl WatchTable {
    pub(super) fn new(databases: usize) -> WatchTable {
        WatchTable {
            dbs: (0..databases).map(|_| Map::default()).collect(),
            len: 0,
            sweep_at: SWEEP_MIN,
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn add(&mut self, db: usize, key: &[u8], flag: &Arc<WatchFlag>, was_expired: bool) {
        if self.len >= self.sweep_at {
            self.sweep();
        }
        let watcher = Watcher {
            flag: Arc::downgrade(flag),
            was_expired,
        };
        match self.dbs[db].get_mut(key) {
            Some(list) => list.push(watcher),
            None => {
                self.dbs[db].insert(key.into(), vec![watcher]);
            }
        }
        self.len += 1;
    }

    /// A key changed; `removed` says that it is gone.
    #[inline]
    pub(super) fn touch(&mut self, db: usize, key: &[u8], removed: bool) {
        if self.len != 0 {
            self.touch_watched(db, key, removed);
        }
    }

    #[cold]
    fn touch_watched(&mut self, db: usize, key: &[u8], removed: bool) {
        let Some(list) = self.dbs[db].get_mut(key) else {
            return;
        };
        let before = list.len();
        list.retain_mut(|watcher| {
            if removed && watcher.was_expired {
                watcher.was_expired = false;
                return watcher.flag.strong_count() > 0;
            }
            // A raised flag has nothing more to hear.
            if let Some(flag) = watcher.flag.upgrade() {
                flag.mark_dirty();
            }
            false
        });
        self.len -= before - list.len();
        if list.is_empty() {
            self.dbs[db].remove(key);
        }
    }

    /// A watched key that was absent is there from now on, but expired: neither that nor its removal is a change.
    pub(super) fn note_expired(&mut self, db: usize, key: &[u8]) {
        if let Some(list) = self.dbs[db].get_mut(key) {
            list.iter_mut()
                .for_each(|watcher| watcher.was_expired = true);
        }
    }

    /// Whether the key was expired already when `flag` began to watch it, and has not been removed since.
    pub(super) fn was_expired(&self, db: usize, key: &[u8], flag: &WatchFlag) -> bool {
        self.dbs[db].get(key).is_some_and(|list| {
            list.iter()
                .any(|watcher| watcher.was_expired && ptr::eq(watcher.flag.as_ptr(), flag))
        })
    }

    /// Watched keys of a database.
    pub(super) fn keys(&self, db: usize) -> Vec<Box<[u8]>> {
        self.dbs[db].keys().cloned().collect()
    }

    #[cold]
    fn sweep(&mut self) {
        self.len = 0;
        for db in &mut self.dbs {
            db.retain(|_, list| {
                list.retain(|watcher| watcher.flag.strong_count() > 0);
                self.len += list.len();
                !list.is_empty()
            });
        }
        self.sweep_at = SWEEP_MIN.max(2 * self.len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touch_raises_the_flags_of_that_key_and_database_only() {
        let mut table = WatchTable::new(2);
        let flags: Vec<_> = (0..3).map(|_| Arc::new(WatchFlag::new())).collect();
        table.add(0, b"a", &flags[0], false);
        table.add(0, b"b", &flags[1], false);
        table.add(1, b"a", &flags[2], false);
        table.touch(0, b"a", false);
        let dirty: Vec<_> = flags.iter().map(|flag| flag.is_dirty()).collect();
        assert_eq!(dirty, [true, false, false]);
        assert_eq!(table.len, 2);
    }

    #[test]
    fn removal_of_a_key_expired_at_watch_time_is_no_change_but_its_return_is() {
        let mut table = WatchTable::new(1);
        let flag = Arc::new(WatchFlag::new());
        table.add(0, b"a", &flag, true);
        table.touch(0, b"a", true);
        assert!(!flag.is_dirty());
        table.touch(0, b"a", false);
        assert!(flag.is_dirty());
        assert!(table.is_empty());
    }

    #[test]
    fn dropped_flags_do_not_pile_up() {
        let mut table = WatchTable::new(1);
        let kept = Arc::new(WatchFlag::new());
        table.add(0, b"kept", &kept, false);
        for i in 0..10_000_u32 {
            table.add(0, &i.to_le_bytes(), &Arc::new(WatchFlag::new()), false);
            assert!(table.len <= 2 * SWEEP_MIN);
        }
        table.touch(0, b"kept", false);
        assert!(kept.is_dirty());
    }
}
