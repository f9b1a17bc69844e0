//! For tests: the keys that a command looked for, whether they were there or not.

use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    static SEEN: RefCell<Option<BTreeSet<Vec<u8>>>> = const { RefCell::new(None) };
}

/// Runs `f`; the keys that were looked for through a [`Db`](super::Db) of this thread meanwhile.
pub(crate) fn watched<R>(f: impl FnOnce() -> R) -> (R, BTreeSet<Vec<u8>>) {
    SEEN.set(Some(BTreeSet::new()));
    let result = f();
    (result, SEEN.take().unwrap_or_default())
}

/// A key is looked for.
pub(super) fn note(key: &[u8]) {
    SEEN.with_borrow_mut(|seen| {
        if let Some(seen) = seen {
            seen.insert(key.to_vec());
        }
    });
}
