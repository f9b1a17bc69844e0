//! MIGRATE's thread: it waits for the other server, so that no shard has to.
//!
//! ```text
//! this thread     look      connect, AUTH, SELECT     pack     send, receive     part      reply
//! shards          |..|                                |..|                       |..|
//! ```
//! What happens at the keys, and why that is safe although clients go on, is in `command/generic/migrate.rs`. Between two
//! rounds only what has changed meanwhile is sent again. A key that is written without pause would go on for ever; so
//! after some rounds clients that write are held back, on all cores as CLIENT PAUSE WRITE does it, for one round and
//! [`HELD_MS_MAX`] at most. Reads are served all the time.
//!
//! A key is moved by one MIGRATE at a time: two to the same server would take each other's doing for a client's, the one that
//! finds the key gone would remove it there.
//!
//! What a round has confirmed is removed at once, each shard its own part. If the other server falls silent, what it has
//! not confirmed is still here. So is everything while a shutdown holds clients to write its last snapshot, and while
//! CLIENT PAUSE holds back writes: what was confirmed is then removed when that ends within the time given, or not at all.

mod link;

use super::running::Running;
use crate::base::I64Buf;
use crate::base::slot::ShardId;
use crate::base::time::Millis;
use crate::command::ctx::{AtHome, Core, OnCore, Scope};
use crate::command::generic::migrate::{Migration, Packed, Parting};
use crate::conn::Mail;
use crate::resp::{CommandError, Output, Reply};
use crate::shard::Ticket;
use link::{Broken, Link, push_command};
use parking_lot::Mutex;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Threads that move keys. What more clients ask for waits for one of them.
const THREADS_MAX: usize = 16;

/// Connections that are kept for the next MIGRATE,
const LINKS_MAX: usize = 64;

/// for so long.
const LINK_IDLE_US: u64 = 10_000_000;

/// Rounds before writes are held back.
const FREE_ROUNDS: usize = 3;

/// How long writes are held back for one round at most, in milliseconds.
const HELD_MS_MAX: i64 = 500;

/// How often to look whether writes are possible again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Bytes of requests that are put together before they are sent.
const REQUEST_BYTES: usize = 1024 * 1024;

/// What is being moved, and connections for it.
#[derive(Default)]
pub(super) struct Migrations {
    work: Mutex<Work>,
    links: Mutex<Vec<Link>>,
}

#[derive(Default)]
struct Work {
    threads: usize,
    waiting: VecDeque<Move>,
    /// Names of keys that are on their way, in whatever database.
    moving: BTreeSet<Box<[u8]>>,
}

impl Work {
    /// The first that waits for nothing but a thread.
    fn next(&mut self) -> Option<Move> {
        let moving = &self.moving;
        let is_free = |next: &Move| {
            let mut keys = next.migration.keys.iter();
            keys.all(|key| !moving.contains(key))
        };
        let at = self.waiting.iter().position(is_free)?;
        let next = self.waiting.remove(at)?;
        self.moving.extend(next.migration.keys.iter().cloned());
        Some(next)
    }
}

/// One MIGRATE.
struct Move {
    running: Arc<Running>,
    migration: Arc<Migration>,
    scope: Scope,
    home: ShardId,
    ticket: Ticket,
}

impl Running {
    /// Begins to move keys.
    pub(super) fn begin_migration(
        &self,
        migration: Migration,
        scope: Scope,
        home: ShardId,
        ticket: Ticket,
    ) {
        let Some(running) = self.arc() else { return };
        let migration = Arc::new(migration);
        let next = Move {
            running: Arc::clone(&running),
            migration,
            scope,
            home,
            ticket,
        };
        let mut work = self.migrations.work.lock();
        work.waiting.push_back(next);
        if work.threads == THREADS_MAX {
            return;
        }
        work.threads += 1;
        drop(work);
        let builder = std::thread::Builder::new().name("migrate".into());
        if let Err(error) = builder.spawn(move || running.migrate_all()) {
            tracing::warn!("no thread to move keys with: {error}");
            let mut work = self.migrations.work.lock();
            work.threads -= 1;
            if work.threads == 0
                && let Some(last) = work.waiting.pop_back()
            {
                last.answer(&Err(CommandError::MIGRATE_CONNECT), false);
            }
        }
    }

    /// Moves what there is to be moved.
    fn migrate_all(&self) {
        loop {
            let mut work = self.migrations.work.lock();
            let Some(next) = work.next() else {
                work.threads -= 1;
                return;
            };
            drop(work);
            let mut round = Rounds::new(&next);
            if let Some(result) = round.run() {
                let removed = round.removed;
                drop(round);
                next.answer(&result, removed);
            }
            let mut work = self.migrations.work.lock();
            for key in &next.migration.keys {
                work.moving.remove(key);
            }
        }
    }

    /// Closes connections that nobody has used for a while.
    pub(super) fn close_idle_links(&self) {
        let sockets = &self.server().process.migrate_sockets;
        if sockets.load(Ordering::Relaxed) == 0 {
            return;
        }
        let now_us = self.clock().mono_us();
        let mut links = self.migrations.links.lock();
        links.retain(|link| now_us.saturating_sub(link.used_us) <= LINK_IDLE_US);
        sockets.store(links.len() as u64, Ordering::Relaxed);
    }

    /// A connection that was kept.
    fn take_link(&self, migration: &Migration) -> Option<Link> {
        let mut links = self.migrations.links.lock();
        let at = links.iter().position(|link| link.fits(migration))?;
        let link = links.swap_remove(at);
        let sockets = &self.server().process.migrate_sockets;
        sockets.store(links.len() as u64, Ordering::Relaxed);
        Some(link)
    }

    fn keep_link(&self, mut link: Link) {
        link.used_us = self.clock().mono_us();
        let mut links = self.migrations.links.lock();
        if links.len() == LINKS_MAX {
            links.remove(0);
        }
        links.push(link);
        let sockets = &self.server().process.migrate_sockets;
        sockets.store(links.len() as u64, Ordering::Relaxed);
    }
}

/// What MIGRATE replies; `None` if the server is going and nobody is there to be told.
type Outcome = Option<Result<&'static str, CommandError>>;

impl Move {
    fn answer(&self, result: &Result<&'static str, CommandError>, wrote: bool) {
        let mut output = Output::default();
        let mut reply = Reply::new(&mut output, self.scope.proto);
        match result {
            Ok(word) => reply.simple(word),
            Err(error) => reply.error(error),
        }
        self.running.posts()[self.home.index()].send(Mail::Migrated {
            ticket: self.ticket,
            output,
            wrote,
        });
    }

    /// Runs a function on some cores at one point of the common order, and waits until all it brought about is in the log.
    fn ask<T: Send + 'static>(
        &self,
        shards: Vec<ShardId>,
        each: impl Fn(&mut dyn Core) -> T + Send + Sync + 'static,
    ) -> Option<Vec<T>> {
        let count = shards.len();
        if count == 0 {
            return Some(Vec::new());
        }
        let (sender, receiver) = flume::bounded(count);
        let each: OnCore = Arc::new(move |core| {
            let (found, sender) = (each(core), sender.clone());
            Box::new(AtHome(Box::new(move || {
                let _ = sender.send(found);
            })))
        });
        self.running.posts()[self.home.index()].send(Mail::At(shards, each));
        (0..count).map(|_| receiver.recv().ok()).collect()
    }

    /// The shards of some of the keys, ascending.
    fn shards_of(&self, keys: &[usize]) -> Vec<ShardId> {
        let mut shards: Vec<ShardId> = Vec::new();
        for &key in keys {
            let shard = self.migration.shard_of(key);
            if !shards.contains(&shard) {
                shards.push(shard);
            }
        }
        shards.sort_unstable();
        shards
    }

    /// Has writes held back from now on until what comes back is dropped.
    fn hold_writes(&self) -> Option<WritesHeld<'_>> {
        let held = WritesHeld(self);
        self.ask(self.all_shards(), |core| {
            core.hold_writes(Some(Millis(core.now().0 + HELD_MS_MAX)));
        })?;
        Some(held)
    }

    fn all_shards(&self) -> Vec<ShardId> {
        let count = self.migration.slots.shards();
        (0..count).map(|n| ShardId(n as u16)).collect()
    }
}

/// Clients that write wait.
struct WritesHeld<'a>(&'a Move);

impl Drop for WritesHeld<'_> {
    fn drop(&mut self) {
        let post = &self.0.running.posts()[self.0.home.index()];
        let each: OnCore = Arc::new(|core| {
            core.hold_writes(None);
            Box::new(())
        });
        post.send(Mail::At(self.0.all_shards(), each));
    }
}

/// How far a MIGRATE is.
struct Rounds<'a> {
    of: &'a Move,
    /// When no further round is begun.
    until_us: u64,
    /// Keys to be sent.
    wanted: Vec<usize>,
    /// Keys to be removed there, as they are gone here.
    gone: Vec<usize>,
    /// The first error of the other server.
    refused: Option<Vec<u8>>,
    /// Something was removed here.
    removed: bool,
    rounds: usize,
}

impl<'a> Rounds<'a> {
    fn new(of: &'a Move) -> Rounds<'a> {
        let span_us = of.migration.timeout_ms.saturating_mul(1000);
        Rounds {
            of,
            until_us: of.running.clock().mono_us().saturating_add(span_us),
            wanted: Vec::new(),
            gone: Vec::new(),
            refused: None,
            removed: false,
            rounds: 0,
        }
    }

    fn run(&mut self) -> Outcome {
        let migration = &self.of.migration;
        let every: Vec<usize> = (0..migration.keys.len()).collect();
        let shards = self.of.shards_of(&every);
        let job = Arc::clone(migration);
        let found = self.of.ask(shards, move |core| job.look(core, &every))?;
        self.wanted = found.concat();
        self.wanted.sort_unstable();
        if self.wanted.is_empty() {
            return Some(Ok("NOKEY"));
        }
        let mut link = None;
        let mut may_retry = true;
        loop {
            let mut current = match link.take() {
                Some(link) => link,
                None => match self.link(&mut may_retry) {
                    Ok(link) => link,
                    Err(error) => return Some(Err(error)),
                },
            };
            let held = match self.rounds {
                0..FREE_ROUNDS => None,
                _ => Some(self.of.hold_writes()?),
            };
            let broken = self.round(&mut current)?;
            drop(held);
            self.rounds += 1;
            match broken {
                None => {}
                // As a rule it was a connection that was kept, and closed over there meanwhile.
                Some(broken) if may_retry && self.rounds == 1 && !is_late(broken) => {
                    if !self.removed && self.refused.is_none() && self.is_untouched() {
                        may_retry = false;
                        self.rounds = 0;
                        continue;
                    }
                    return Some(Err(self.failure(broken)));
                }
                Some(broken) => return Some(Err(self.failure(broken))),
            }
            if self.wanted.is_empty() && self.gone.is_empty() {
                if self.refused.is_some() {
                    current.forget_db();
                }
                if current.is_quiet() {
                    self.of.running.keep_link(current);
                }
                return Some(match self.refused.take() {
                    Some(error) => Err(target_error(&error)),
                    None => Ok("OK"),
                });
            }
            if self.is_over() {
                return Some(Err(self.failure(Broken::Reading(true))));
            }
            link = Some(current);
        }
    }

    /// A connection that is ready to be used.
    fn link(&mut self, may_retry: &mut bool) -> Result<Link, CommandError> {
        let (running, migration) = (&self.of.running, &self.of.migration);
        loop {
            // Others that were kept may be closed as well.
            let kept = may_retry.then(|| running.take_link(migration));
            let link = match kept.flatten() {
                Some(link) => Ok(link),
                None => Link::connect(migration, *running.clock()),
            };
            let mut link = link.map_err(|broken| self.failure(broken))?;
            match link.prepare(migration) {
                Ok(None) => return Ok(link),
                Ok(Some(error)) => {
                    // It may be of use for somebody who is not refused.
                    running.keep_link(link);
                    return Err(target_error(&error));
                }
                Err(broken) if *may_retry && !is_late(broken) => *may_retry = false,
                Err(broken) => return Err(self.failure(broken)),
            }
        }
    }

    /// Sends what is to be sent, and removes here what was confirmed and has not changed. Says whether, and how, the
    /// connection is lost.
    fn round(&mut self, link: &mut Link) -> Option<Option<Broken>> {
        let migration = &self.of.migration;
        let is_first = self.rounds == 0;
        let (wanted, job) = (self.wanted.clone(), Arc::clone(migration));
        let shards = self.of.shards_of(&wanted);
        let packed = self.of.ask(shards, move |core| job.pack(core, &wanted))?;
        let mut packed: Vec<Arc<Packed>> = packed.into_iter().flatten().map(Arc::new).collect();
        packed.sort_unstable_by_key(|packed| packed.key);
        if !is_first {
            // Sent before, and gone now.
            let is_packed = |key: &usize| packed.binary_search_by_key(key, |it| it.key).is_ok();
            let vanished = self.wanted.iter().filter(|key| !is_packed(key));
            self.gone.extend(vanished);
        }
        let replaces = migration.replaces || !is_first;
        let gone = std::mem::take(&mut self.gone);
        if let Err(broken) = self.send(link, &gone, &packed, replaces) {
            return Some(Some(broken));
        }
        let mut broken = None;
        let mut confirmed = Vec::new();
        let removals = gone.iter().map(|_| None);
        for of in removals.chain(packed.iter().map(Some)) {
            let wanted: &[u8] = if of.is_some() { b"+OK" } else { b":" };
            match (link.receive(migration.timeout_ms, wanted), of) {
                (Ok(link::Reply::Done), Some(packed)) => confirmed.push(Arc::clone(packed)),
                (Ok(link::Reply::Done), None) => {}
                (Ok(link::Reply::Refused(error)), _) => {
                    self.refused.get_or_insert(error);
                }
                (Err(error), _) => {
                    broken = Some(error);
                    break;
                }
            }
        }
        if broken.is_some() && confirmed.is_empty() {
            return Some(broken);
        }
        self.wanted.clear();
        if migration.copies {
            return Some(broken);
        }
        self.part(confirmed)?;
        Some(broken)
    }

    fn send(
        &self,
        link: &mut Link,
        gone: &[usize],
        packed: &[Arc<Packed>],
        replaces: bool,
    ) -> Result<(), Broken> {
        let migration = &self.of.migration;
        let mut request = Vec::new();
        for &key in gone {
            push_command(
                &mut request,
                [&b"DEL"[..], &migration.keys[key]].into_iter(),
            );
        }
        for packed in packed {
            let ttl = I64Buf::new(packed.ttl);
            let words = [
                &b"RESTORE"[..],
                &migration.keys[packed.key],
                ttl.as_bytes(),
                &packed.payload,
                b"REPLACE",
            ];
            let count = if replaces { 5 } else { 4 };
            push_command(&mut request, words[..count].iter().copied());
            if request.len() >= REQUEST_BYTES {
                link.send(&request, migration.timeout_ms)?;
                request.clear();
            }
        }
        link.send(&request, migration.timeout_ms)
    }

    /// Removes here what the other server has. What has changed is wanted again.
    fn part(&mut self, mut confirmed: Vec<Arc<Packed>>) -> Option<()> {
        while !confirmed.is_empty() {
            let keys: Vec<usize> = confirmed.iter().map(|packed| packed.key).collect();
            let (job, scope, sent) = (
                Arc::clone(&self.of.migration),
                self.of.scope,
                confirmed.clone(),
            );
            let partings = self.of.ask(self.of.shards_of(&keys), move |core| {
                job.part(core, scope, &sent)
            })?;
            let mut held = Vec::new();
            for (key, parting) in partings.into_iter().flatten() {
                match parting {
                    Parting::Done => self.removed = true,
                    Parting::Changed => self.wanted.push(key),
                    Parting::Gone => self.gone.push(key),
                    Parting::Held => held.push(key),
                }
            }
            if held.is_empty() {
                break;
            }
            if self.is_over() {
                // They stay.
                self.wanted.append(&mut held);
                break;
            }
            confirmed.retain(|packed| held.contains(&packed.key));
            wait(LOOK_AGAIN);
        }
        self.wanted.sort_unstable();
        Some(())
    }

    fn is_over(&self) -> bool {
        self.of.running.clock().mono_us() >= self.until_us
    }

    /// Whether no key has been confirmed.
    fn is_untouched(&self) -> bool {
        !self.wanted.is_empty() && self.gone.is_empty()
    }

    /// What is replied when the connection is lost: what the other server said before that counts more.
    fn failure(&mut self, broken: Broken) -> CommandError {
        match (self.refused.take(), broken) {
            (Some(error), _) => target_error(&error),
            (None, Broken::Connecting) => CommandError::MIGRATE_CONNECT,
            (None, Broken::Writing(_)) => CommandError::MIGRATE_WRITE,
            (None, Broken::Reading(_)) => CommandError::MIGRATE_READ,
        }
    }
}

fn is_late(broken: Broken) -> bool {
    matches!(broken, Broken::Writing(true) | Broken::Reading(true))
}

fn target_error(error: &[u8]) -> CommandError {
    CommandError::owned([b"ERR Target instance replied with error: ", error].concat())
}

/// Lets time pass.
fn wait(span: Duration) {
    let (sender, receiver) = flume::bounded::<()>(0);
    let _ = receiver.recv_timeout(span);
    drop(sender);
}
