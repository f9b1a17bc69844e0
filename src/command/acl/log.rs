//! ACL LOG: what was refused to whom.
//!
//! One log for all cores: entries that say the same are counted instead of repeated, wherever the client is. It is
//! locked only to note a refusal or to read it.

use super::check::Reason;
use crate::base::time::Millis;
use crate::resp::Reply;
use parking_lot::Mutex;
use std::collections::VecDeque;

/// Where a command was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Context {
    /// As the client sent it.
    Toplevel,
    /// In a transaction, when it was queued or executed.
    Multi,
    /// In a script.
    Lua,
}

impl Context {
    fn name(self) -> &'static str {
        match self {
            Context::Toplevel => "toplevel",
            Context::Multi => "multi",
            Context::Lua => "lua",
        }
    }
}

/// A refusal to be noted.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What was refused.
    pub reason: Reason,
    /// Where.
    pub context: Context,
    /// The command, key or channel; for a login the command that tried.
    pub object: Vec<u8>,
    /// To whom.
    pub username: Vec<u8>,
    /// The client as CLIENT LIST shows it.
    pub client: String,
    /// When.
    pub time: Millis,
}

#[derive(Clone, Debug)]
struct Entry {
    id: u64,
    count: u64,
    created: Millis,
    /// The latest of them.
    refusal: Refusal,
}

/// See the module.
#[derive(Debug, Default)]
pub struct AclLog {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Newest first.
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl AclLog {
    /// Notes a refusal; of older entries `max` less one are kept.
    #[cold]
    pub fn note(&self, refusal: Refusal, max: usize) {
        let mut book = self.book.lock();
        let recent = book.entries.iter().take(SEARCHED);
        let same = recent.map(|entry| &entry.refusal).position(|known| {
            known.reason == refusal.reason
                && known.context == refusal.context
                && refusal.time.since(known.time).abs() <= SAME_MS
                && known.object == refusal.object
                && known.username == refusal.username
        });
        let entry = match same.and_then(|at| book.entries.remove(at)) {
            Some(known) => Entry {
                count: known.count + 1,
                refusal,
                ..known
            },
            None => {
                book.next_id += 1;
                Entry {
                    id: book.next_id - 1,
                    count: 1,
                    created: refusal.time,
                    refusal,
                }
            }
        };
        book.entries.push_front(entry);
        book.entries.truncate(max);
    }

    /// Forgets all entries.
    pub fn clear(&self) {
        self.book.lock().entries.clear();
    }

    /// Writes the newest entries, at most `count`.
    pub fn reply(&self, count: usize, now: Millis, reply: &mut Reply<'_>) {
        let entries: Vec<Entry> = {
            let book = self.book.lock();
            book.entries.iter().take(count).cloned().collect()
        };
        reply.array(entries.len());
        for entry in entries {
            let refusal = entry.refusal;
            reply.map(10);
            reply.bulk_str("count");
            reply.integer(entry.count.cast_signed());
            reply.bulk_str("reason");
            reply.bulk_str(refusal.reason.name());
            reply.bulk_str("context");
            reply.bulk_str(refusal.context.name());
            reply.bulk_str("object");
            reply.bulk(&refusal.object);
            reply.bulk_str("username");
            reply.bulk(&refusal.username);
            reply.bulk_str("age-seconds");
            reply.double(now.since(refusal.time) as f64 / 1000.0);
            reply.bulk_str("client-info");
            reply.bulk_str(&refusal.client);
            reply.bulk_str("entry-id");
            reply.integer(entry.id.cast_signed());
            reply.bulk_str("timestamp-created");
            reply.integer(entry.created.0);
            reply.bulk_str("timestamp-last-updated");
            reply.integer(refusal.time.0);
        }
    }
}

/// How many of the newest entries are compared with a new one.
const SEARCHED: usize = 10;

/// Older entries stay as they are.
const SAME_MS: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(object: &str, seconds: i64) -> Refusal {
        Refusal {
            reason: Reason::Key,
            context: Context::Toplevel,
            object: object.into(),
            username: b"bob".to_vec(),
            client: String::new(),
            time: Millis(seconds * 1000),
        }
    }

    fn shown(log: &AclLog) -> Vec<(u64, u64, String)> {
        let book = log.book.lock();
        let show = |entry: &Entry| {
            let object = String::from_utf8_lossy(&entry.refusal.object).into_owned();
            (entry.id, entry.count, object)
        };
        book.entries.iter().map(show).collect()
    }

    #[test]
    fn what_says_the_same_is_counted() {
        let log = AclLog::default();
        for (object, seconds) in [("a", 0), ("b", 1), ("a", 2), ("a", 90)] {
            log.note(refusal(object, seconds), 10);
        }
        let want = [(2, 1, "a".into()), (0, 2, "a".into()), (1, 1, "b".into())];
        assert_eq!(shown(&log), want);
        log.note(refusal("c", 91), 2);
        assert_eq!(shown(&log).len(), 2);
        log.clear();
        log.note(refusal("c", 92), 2);
        assert_eq!(shown(&log), [(4, 1, "c".into())]);
    }
}
