//! What XREADGROUP, XCLAIM and XAUTOCLAIM do to a group, in commands that do the same elsewhere.
//!
//! An entry that was delivered is claimed, with the time and the number of its delivery. That raises the group's last id as
//! well; how many entries it has read is said apart, and only if it can have changed.

use crate::base::I64Buf;
use crate::command::ctx::Ctx;
use crate::types::stream::{Group, Pending, StreamId};

/// What happened to a group. Names and numbers are copied: they are used when the group is not at hand any more.
#[derive(Default)]
pub(super) struct GroupEffects {
    is_on: bool,
    claims: Vec<Claim>,
    /// Entries that nobody had, and that are not pending any more.
    dropped: Vec<StreamId>,
    last_id: StreamId,
    entries_read: Option<u64>,
}

struct Claim {
    consumer: Vec<u8>,
    id: StreamId,
    delivered: i64,
    deliveries: i64,
}

impl GroupEffects {
    /// Of nothing yet; nothing will be noted if nobody wants it.
    pub(super) fn new(is_on: bool) -> GroupEffects {
        GroupEffects {
            is_on,
            ..GroupEffects::default()
        }
    }

    /// An entry is pending like this; or, for nobody, it is about to be forgotten.
    pub(super) fn claim(&mut self, group: &Group, id: StreamId, pending: &Pending) {
        if !self.is_on {
            return;
        }
        if pending.consumer.is_none() {
            return self.dropped.push(id);
        }
        self.claims.push(Claim {
            consumer: group.owner(pending).to_vec(),
            id,
            delivered: pending.delivered.0,
            deliveries: pending.deliveries,
        });
    }

    /// An entry is pending as the group says now.
    pub(super) fn claim_now(&mut self, group: &Group, id: StreamId) {
        if let Some(pending) = group.pending(id).copied() {
            self.claim(group, id, &pending);
        }
    }

    /// Nothing more happens to the group.
    pub(super) fn note_group(&mut self, group: &Group) {
        self.last_id = group.last_id;
        self.entries_read = group.entries_read;
    }

    /// Whether no entry was claimed.
    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty() && self.dropped.is_empty()
    }

    /// A consumer was made.
    pub(super) fn propagate_consumer(
        &self,
        cx: &mut Ctx<'_>,
        key: &[u8],
        group: &[u8],
        consumer: &[u8],
    ) {
        // Its first entry makes it.
        if !self.claims.iter().any(|claim| claim.consumer == consumer) {
            cx.propagate(&[b"XGROUP", b"CREATECONSUMER", key, group, consumer]);
        }
    }

    /// Entries were claimed.
    pub(super) fn propagate_claims(&self, cx: &mut Ctx<'_>, key: &[u8], group: &[u8]) {
        if !cx.propagates() {
            return;
        }
        for id in &self.dropped {
            cx.propagate(&[b"XACK", key, group, id.text().as_bytes()]);
        }
        let last_id = self.last_id.text();
        for claim in &self.claims {
            let (id, delivered) = (claim.id.text(), I64Buf::new(claim.delivered));
            let deliveries = I64Buf::new(claim.deliveries);
            cx.propagate(&[
                b"XCLAIM",
                key,
                group,
                &claim.consumer,
                b"0",
                id.as_bytes(),
                b"TIME",
                delivered.as_bytes(),
                b"RETRYCOUNT",
                deliveries.as_bytes(),
                b"FORCE",
                b"JUSTID",
                b"LASTID",
                last_id.as_bytes(),
            ]);
        }
    }

    /// The group has read so far.
    pub(super) fn propagate_group(&self, cx: &mut Ctx<'_>, key: &[u8], group: &[u8]) {
        if !cx.propagates() {
            return;
        }
        let last_id = self.last_id.text();
        let mut words: Vec<&[u8]> = vec![b"XGROUP", b"SETID", key, group, last_id.as_bytes()];
        let read = match self.entries_read {
            Some(read) => I64Buf::unsigned(read),
            None => I64Buf::new(-1),
        };
        words.extend([&b"ENTRIESREAD"[..], read.as_bytes()]);
        cx.propagate(&words);
    }
}
