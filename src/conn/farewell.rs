//! How a core stops: what was asked before is answered and sent, nothing more is read.
//!
//! Cores stop together. One that left early could not take part in a fence that another posted a moment before it heard
//! of the end, and that one would wait for ever. So each says that it takes no more commands, and goes on executing
//! what others send it until all have said so; whatever is in an inbox then is the last.

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
        // Released after our last push, acquired before the others' last look at their inboxes.
        let leaving = &self.home.server.process.leaving;
        leaving.fetch_add(1, Ordering::AcqRel);
        let mut patience_us = None;
        loop {
            let all_leave = self.home.server.process.leaving.load(Ordering::Acquire) == cores;
            self.home.refresh_clock();
            self.take_events();
            self.home.drain_inbox(usize::MAX >> 1);
            while self.home.exchange() {}
            self.home.wake_others();
            self.flush();
            self.work_off();
            let home = &self.home;
            let is_owed = home.clients.iter().any(Option::is_some)
                || home.outstanding.iter().any(|&frames| frames > 0);
            let now_us = home.clock.mono_us();
            let until = *patience_us.get_or_insert(now_us + limits::FAREWELL_MS * 1000);
            if !all_leave {
                patience_us = None;
            } else if home.receiver.is_quiet() && (!is_owed || now_us >= until) {
                break;
            }
            if let Err(error) = self.backend.poll(Wait::Until(LOOK_AGAIN)) {
                tracing::error!("waiting for the kernel failed: {error}");
                break;
            }
        }
    }

    /// As in a turn, without new clients.
    fn take_events(&mut self) {
        while let Some(event) = self.backend.next_event() {
            match event {
                Event::Accepted { fd, .. } => drop(fd),
                event => self.on_event(event),
            }
        }
    }
}
