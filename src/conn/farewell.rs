//! How a core stops: what was asked before is answered and sent, nothing more is read.
//!
//! Cores stop together. One that left early could not take part in a fence that another posted a moment before it heard
//! of the end, and that one would wait for ever. So each first gets home what it has on its way, then says that it will
//! send nothing more, and goes on executing what others send until all have said so. What is in an inbox then is the last.

use super::client::SlotState;
use super::home::Home;
use super::turn::ShardThread;
use crate::base::limits;
use crate::ring::{Event, Wait};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long to wait for the kernel before looking at the inbox again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

impl ShardThread {
    /// Says goodbye to everybody.
    pub(super) fn farewell(&mut self) {
        self.acceptor.replace(&mut self.backend, Vec::new());
        for at in 0..self.home.clients.len() as u32 {
            if let Some(client) = self.home.clients[at as usize].as_mut() {
                // From here on nothing is parsed for it, and it is closed when its last reply has left.
                client.closing = true;
                self.home.mark_dirty(at);
            }
        }
        let cores = self.home.server.cores.len() as u64;
        let mut says_so = false;
        let begun_us = self.home.clock.mono_us();
        let mut since_us = begun_us;
        let mut unsent = usize::MAX;
        loop {
            // Acquired before the look at the inbox, and released by others after their last push.
            let all_leave = self.home.server.process.leaving.load(Ordering::Acquire) == cores;
            self.serve_others();
            let home = &mut self.home;
            let now_us = home.clock.mono_us();
            let left = home.clients.iter().flatten();
            let left = left.map(|client| 1 + client.unsent()).sum();
            if left < unsent {
                // As long as something leaves somebody reads.
                since_us = now_us;
            }
            unsent = left;
            let is_late = now_us.saturating_sub(since_us) >= limits::FAREWELL_MS * 1000
                || now_us.saturating_sub(begun_us) >= limits::FAREWELL_MAX_MS * 1000;
            if !says_so {
                home.close_owed(is_late);
                if home.is_owed_nothing() {
                    home.server.process.leaving.fetch_add(1, Ordering::AcqRel);
                    says_so = true;
                    since_us = now_us;
                }
            } else if !all_leave {
                since_us = now_us;
            } else if home.receiver.is_quiet()
                && (is_late || home.tail.is_clear())
                && (is_late || home.clients.iter().all(Option::is_none))
            {
                break;
            }
            if let Err(error) = self.backend.poll(Wait::Until(LOOK_AGAIN)) {
                tracing::error!("waiting for the kernel failed: {error}");
                break;
            }
        }
    }

    /// As in a turn, but without new clients and new commands.
    fn serve_others(&mut self) {
        self.home.refresh_clock();
        if self.home.is_logging() {
            self.go_on_holding();
        }
        while let Some(event) = self.backend.next_event() {
            match event {
                Event::Accepted { fd, .. } => drop(fd),
                event => self.on_event(event),
            }
        }
        self.drain_inbox(limits::FRAMES_A_TURN);
        self.home.append_effects();
        while self.home.exchange() {}
        self.home.wake_others();
        self.flush();
        self.home.wants.adopt.clear();
        self.work_off();
    }
}

impl Home {
    /// Closes clients whose command waits for something that will not happen any more; if it is late, all that are
    /// still owed a reply.
    fn close_owed(&mut self, is_late: bool) {
        for at in 0..self.clients.len() as u32 {
            let Some(client) = &self.clients[at as usize] else {
                continue;
            };
            let mut slots = client.slots.iter();
            if slots.any(|slot| is_late || matches!(slot.state, SlotState::Blocked(_))) {
                self.close(at);
            }
        }
    }

    /// Whether nothing is on its way that could make this core send something to another.
    fn is_owed_nothing(&self) -> bool {
        self.outstanding.iter().all(|&frames| frames == 0)
            && (self.clients.iter().flatten()).all(|client| client.slots.is_empty())
    }
}
