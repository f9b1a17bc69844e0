//! CLIENT TRACKING at the client's home: which reads are remembered, and what to do with a message that something
//! changed.
//!
//! Messages come from the owner of the key in the chain of its completions, behind the reply of the read that they
//! concern and of the write that caused them.

use super::home::Home;
use crate::command::ctx::{Gather, OnCore, Reader};
use crate::command::spec::CommandSpec;
use crate::resp::{CommandError, Output, Proto, Reply};
use crate::session::{Redirect, Topic, Tracking, TrackingMode};
use crate::shard::{At, Frame, Mode, Node, Notice, Ticket};
use std::sync::Arc;

/// The channel that RESP2 clients get messages of others in.
const CHANNEL: &[u8] = b"__redis__:invalidate";

impl Home {
    /// CLIENT TRACKING ON or OFF. The gather that comes back tells all shards of the prefixes and finds out where a
    /// redirection leads to.
    pub(super) fn set_tracking(&mut self, at: u32, tracking: Option<Box<Tracking>>) -> Gather {
        let home = self.id;
        let session = &mut self.client(at).session;
        let reader = Reader {
            at,
            client: session.id,
        };
        let (was, is) = (session.tracking.is_some(), tracking.is_some());
        let target = tracking.as_ref().and_then(|new| new.redirect.clone());
        let prefixes = tracking.as_ref().map(|new| new.prefixes.clone());
        let prefixes = prefixes.unwrap_or_default();
        session.tracking = tracking;
        match (was, is) {
            (false, true) => self.stats.tracking_clients.add(1),
            (true, false) => self.stats.tracking_clients.sub(1),
            _ => {}
        }
        let wanted = target.as_ref().map(|target| target.client);
        Gather::new(
            move |core| {
                core.set_prefixes(home, reader, &prefixes);
                let mut is_here = false;
                core.clients(&mut |view| is_here |= Some(view.session.id) == wanted);
                (core.shard(), is_here)
            },
            move |cores, reply| {
                if let Some(target) = target {
                    let found = cores.iter().find(|(_, is_here)| *is_here);
                    target.looked_up(found.map(|(shard, _)| *shard));
                    if found.is_none() {
                        return reply.error(&CommandError::TRACKING_REDIRECT_GONE);
                    }
                }
                reply.ok();
            },
        )
    }

    /// Ends tracking if the client that was to get the messages turned out not to exist.
    #[cold]
    pub(super) fn check_redirect(&mut self, at: u32) {
        let Some(Some(client)) = self.clients.get_mut(at as usize) else {
            return;
        };
        let target = client
            .session
            .tracking
            .as_ref()
            .and_then(|tracking| tracking.redirect.as_ref());
        if target.is_some_and(Redirect::is_refused) {
            self.drop_tracking(at);
        }
    }

    /// A client goes, or is reset: nobody has to tell it anything any more.
    pub(super) fn drop_tracking(&mut self, at: u32) {
        let home = self.id;
        let Some(Some(client)) = self.clients.get_mut(at as usize) else {
            return;
        };
        let Some(tracking) = client.session.tracking.take() else {
            return;
        };
        let reader = Reader {
            at,
            client: client.session.id,
        };
        self.stats.tracking_clients.sub(1);
        if tracking.prefixes.is_empty() {
            return;
        }
        let forget: OnCore = Arc::new(move |core| {
            core.set_prefixes(home, reader, &[]);
            Box::new(())
        });
        for shard in self.all_shards() {
            if shard == self.id && !self.busy {
                forget(self);
            } else if self.has_credit(shard) {
                let mut frame = self.frame();
                frame.items.clear();
                frame.mode = Mode::Control(Arc::clone(&forget));
                frame.ticket = Ticket {
                    client: u32::MAX,
                    generation: 0,
                    sequence: 0,
                };
                self.push(shard, frame);
            }
        }
    }

    /// Sends what this shard has to tell clients that cache; to those of this core `behind` what is on its way to them.
    pub(super) fn send_notices(&mut self, behind: bool) {
        for mut notice in std::mem::take(&mut self.owner.notices) {
            if notice.broadcast {
                // Once each, however often it changed.
                notice.keys.sort_unstable();
                notice.keys.dedup();
            }
            if notice.home == self.id && !behind {
                self.take_notice(notice);
            } else {
                self.pass_on(notice);
            }
        }
        if std::mem::take(&mut self.owner.flushed) && self.stats.tracking_clients.get() > 0 {
            // Every core executes its part of a flush, and tells its own clients.
            let all: Vec<u32> = self
                .clients
                .iter()
                .flatten()
                .filter(|client| client.session.tracking.is_some())
                .map(|client| client.at())
                .collect();
            for at in all {
                self.invalidate(at, None);
            }
        }
    }

    fn pass_on(&mut self, notice: Notice) {
        let home = notice.home;
        let mut frame = Node::new(Frame::new(home));
        frame.woken = true;
        frame.mode = Mode::Notify(Some(Box::new(notice)));
        self.chains[usize::from(home.0)].push(frame);
    }

    /// Something that a client of this core remembers has changed.
    pub(super) fn take_notice(&mut self, notice: Notice) {
        let Notice {
            reader,
            keys,
            by,
            broadcast,
            principal,
            is_broken,
            ..
        } = notice;
        if let Some(principal) = principal {
            return self.take_redirected(reader.client, keys, principal);
        }
        let Some(Some(client)) = self.clients.get(reader.at as usize) else {
            return;
        };
        let Some(tracking) = &client.session.tracking else {
            return;
        };
        if is_broken {
            let redirect = tracking.redirect.clone();
            if client.session.id == reader.client
                && let Some(redirect) = redirect
            {
                self.break_redirect(reader.at, &redirect);
            }
            return;
        }
        // What it read before it changed its mode does not concern it any more.
        let concerns = broadcast == (tracking.mode == TrackingMode::Broadcast);
        let is_own = tracking.noloop && by == reader.client;
        if client.session.id != reader.client || !concerns || is_own {
            return;
        }
        self.invalidate(reader.at, Some(keys));
    }

    /// Tells client `at`, or the one it redirects to, to forget keys, or everything.
    fn invalidate(&mut self, at: u32, keys: Option<Vec<Box<[u8]>>>) {
        let client = self.client(at);
        let redirect = client
            .session
            .tracking
            .as_ref()
            .and_then(|tracking| tracking.redirect.clone());
        let Some(redirect) = redirect else {
            if client.session.proto == Proto::Resp3 {
                self.push_keys(at, keys.as_deref());
            }
            return;
        };
        match redirect.home() {
            Some(home) if home == self.id => {
                if !self.tell_target(redirect.client, keys.as_deref()) {
                    self.break_redirect(at, &redirect);
                }
            }
            Some(home) => {
                let target = Reader {
                    at: Reader::UNKNOWN,
                    client: redirect.client,
                };
                let principal = Reader {
                    at,
                    client: self.client(at).session.id,
                };
                self.pass_on(Notice {
                    principal: Some((self.id, principal)),
                    ..Notice::new((home, target), keys.unwrap_or_default())
                });
            }
            None => self.break_redirect(at, &redirect),
        }
    }

    /// A message that another core's client redirects to one of ours. No keys stand for all.
    fn take_redirected(&mut self, target: u64, keys: Vec<Box<[u8]>>, principal: At) {
        let keys = (!keys.is_empty()).then_some(keys);
        if !self.tell_target(target, keys.as_deref()) {
            // The other one has to learn it.
            self.pass_on(Notice {
                is_broken: true,
                ..Notice::new(principal, Vec::new())
            });
        }
    }

    fn tell_target(&mut self, target: u64, keys: Option<&[Box<[u8]>]>) -> bool {
        let found = self
            .clients
            .iter()
            .flatten()
            .find(|client| client.session.id == target && !client.closing);
        let Some(client) = found else {
            return false;
        };
        let at = client.at();
        let session = &client.session;
        if session.proto == Proto::Resp3 {
            self.push_keys(at, keys);
        } else if session
            .subscriptions
            .names(Topic::Channel)
            .iter()
            .any(|name| **name == *CHANNEL)
        {
            let mut output = self.outputs.pop().unwrap_or_default();
            let mut reply = Reply::new(&mut output, Proto::Resp2);
            reply.array(3);
            reply.bulk_str("message");
            reply.bulk(CHANNEL);
            write_keys(&mut reply, keys);
            self.push_out_of_band(at, output);
        }
        true
    }

    /// The client that was to get the messages is gone: its principal is told instead of what changed.
    fn break_redirect(&mut self, at: u32, redirect: &Redirect) {
        redirect.found(None);
        if self.client(at).session.proto != Proto::Resp3 {
            return;
        }
        let mut output = self.outputs.pop().unwrap_or_default();
        let mut reply = Reply::new(&mut output, Proto::Resp3);
        reply.push(2);
        reply.bulk_str("tracking-redir-broken");
        reply.integer(redirect.client as i64);
        self.push_out_of_band(at, output);
    }

    fn push_keys(&mut self, at: u32, keys: Option<&[Box<[u8]>]>) {
        let mut output: Output = self.outputs.pop().unwrap_or_default();
        let mut reply = Reply::new(&mut output, Proto::Resp3);
        reply.push(2);
        reply.bulk_str("invalidate");
        write_keys(&mut reply, keys);
        self.push_out_of_band(at, output);
    }

    /// CLIENT CACHING holds for one command, or one transaction, that is none of CLIENT's own.
    #[cold]
    pub(super) fn end_caching(&mut self, at: u32, spec: Option<&CommandSpec>) {
        let Some(Some(client)) = self.clients.get_mut(at as usize) else {
            return;
        };
        if client.session.transaction.is_none()
            && let Some(tracking) = &mut client.session.tracking
            && tracking.mode != TrackingMode::Broadcast
            && !spec.is_some_and(|spec| spec.name.starts_with("client|"))
        {
            tracking.caching = None;
        }
    }
}

fn write_keys(reply: &mut Reply<'_>, keys: Option<&[Box<[u8]>]>) {
    match keys {
        Some(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
        None => reply.null(),
    }
}
