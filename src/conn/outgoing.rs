//! Output on its way to clients: one send a turn, limits, and the end of a connection.

use super::client::{SlotState, Stall};
use super::home::Home;
use crate::base::limits;
use crate::resp::Output;
use crate::session::ClientKind;
use std::sync::atomic::Ordering;

impl Home {
    /// A send ended: send what gathered meanwhile, let a client go on that had too much unread.
    pub(super) fn sent(&mut self, at: u32) {
        let client = self.client(at);
        client.sending = 0;
        client.soft_limit_since = None;
        self.retry_after_output(at);
        self.mark_dirty(at);
    }

    /// Lets a client go on that had too much unread, if it has read enough.
    pub(super) fn retry_after_output(&mut self, at: u32) {
        if self.client(at).stall == Stall::Output
            && self.count_output(at) < limits::OUTPUT_PAUSE_BYTES / 2
            && !self.output_is_full(at)
        {
            self.client(at).stall = Stall::None;
            self.mark_ready(at);
        }
    }

    /// Whether so much is unread, by this client or by all of this core, that its next command has to wait.
    pub(super) fn output_is_full(&mut self, at: u32) -> bool {
        let unsent = self.count_output(at);
        unsent > limits::OUTPUT_PAUSE_BYTES
            || (unsent > limits::OUTPUT_PAUSE_SHARE_BYTES && self.unsent > self.unsent_max)
    }

    /// Brings the core's sum of unsent output up to date with one client's; returns the client's.
    fn count_output(&mut self, at: u32) -> usize {
        let client = self.clients[at as usize]
            .as_mut()
            .expect("the caller knows that the client is there");
        let unsent = client.unsent();
        let before = std::mem::replace(&mut client.counted_output, unsent);
        self.unsent = self.unsent - before + unsent;
        self.peaks.output(unsent);
        unsent
    }

    /// Enforces client-output-buffer-limit.
    pub(super) fn check_output_limit(&mut self, at: u32) {
        let now = self.now().0;
        if self.clients[at as usize].is_none() {
            return;
        }
        let unsent = self.count_output(at);
        let counted = unsent.saturating_sub(limits::OUTPUT_UNCOUNTED_BYTES) as u64;
        let client = self.clients[at as usize].as_mut().expect("just seen");
        let class = match client.session.kind {
            ClientKind::Normal | ClientKind::Master | ClientKind::Loader => 0,
            ClientKind::Replica => 1,
            ClientKind::Pubsub => 2,
        };
        let limit = &self.config.client_output_buffer_limit[class];
        let soft = limit.soft_bytes != 0 && counted >= limit.soft_bytes;
        let hard = limit.hard_bytes != 0 && counted >= limit.hard_bytes;
        let since = match soft {
            true => *client.soft_limit_since.get_or_insert(now),
            false => {
                client.soft_limit_since = None;
                now
            }
        };
        if hard || (soft && now - since > limit.soft_seconds * 1000) {
            let line = format!("id={} addr={}", client.session.id, client.session.addr);
            tracing::warn!(
                "Client {line} scheduled to be closed ASAP for overcoming of output buffer limits."
            );
            self.stats.output_limit_closes.add(1);
            self.close(at);
        }
    }

    /// Ends a connection now. Frames that are under way find nobody.
    pub(super) fn close(&mut self, at: u32) {
        self.drop_waits(at);
        self.drop_disk_waits(at);
        self.drop_subscriptions(at);
        self.drop_tracking(at);
        let Some(mut client) = self.clients[at as usize].take() else {
            return;
        };
        for slot in std::mem::take(&mut client.slots) {
            if let SlotState::Parts(pending) = slot.state {
                self.publish_rest(*pending);
            }
        }
        self.wants.close.push(client.socket);
        self.unmeasure(&client);
        self.unsent -= client.counted_output;
        if client.stall == Stall::Paused {
            self.waiting.retain(|&waits| waits != at);
            self.stats.blocked_clients.sub(1);
        }
        self.stats.clients.sub(1);
        self.server.process.clients.fetch_sub(1, Ordering::Relaxed);
        if !client.session.watched.is_empty() {
            self.stats.watching_clients.sub(1);
        }
        if client.session.monitor {
            self.count_monitor(false);
        }
        recycle(&mut self.outputs, client.out);
    }
}

/// Keeps a buffer for reuse, unless it is big or there are enough.
pub(super) fn recycle(pool: &mut Vec<Output>, mut output: Output) {
    if output.bytes.capacity() <= limits::OUTPUT_KEPT_BYTES && pool.len() < limits::OUTPUTS_KEPT {
        output.clear();
        pool.push(output);
    }
}
