//! Publish and subscribe at a core: its listeners, and the way of a message to them.
//!
//! A message is delivered on every core that has listeners, as one fence, which is what gives all of them one order.
//! What a script publishes is delivered likewise, by its client's core when the script is done, and before its reply
//! leaves: it has its place among what the client publishes. How many will hear it the script is told from the counts of
//! all listeners (`session/audience.rs`).
//! What commands themselves have to tell (keyspace notifications) starts at the shard that ran them and reaches the
//! other cores in the chain of its completions, so what concerns one key stays in order as well.

use super::client::{Later, Pending, Stall};
use super::dispatch::Step;
use super::home::Home;
use super::merge::{Place, Plan};
use crate::base::slot::ShardId;
use crate::command::aside::Told;
use crate::command::ctx::{Gather, KeyEvent, News, OnCore};
use crate::command::scripting::publishes;
use crate::command::spec::CommandSpec;
use crate::config::KeyspaceEvents;
use crate::keyspace::StoreEvent;
use crate::resp::{Args, Output, Proto, Reply};
use crate::session::{ClientKind, Message, ReplyMode, Topic};
use crate::shard::{FrameBox, Item, Mode, Node};
use std::collections::VecDeque;
use std::sync::Arc;

impl Home {
    /// SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE: one confirmation for each name.
    pub(super) fn subscribe<'n>(
        &mut self,
        at: u32,
        topic: Topic,
        names: impl Iterator<Item = &'n [u8]>,
    ) -> Output {
        let mut out = self.outputs.pop().unwrap_or_default();
        let client = self.clients[at as usize]
            .as_mut()
            .expect("the client is there");
        let session = &mut client.session;
        let was_silent = session.subscriptions.is_empty();
        let mut reply = Reply::new(&mut out, session.proto);
        for name in names {
            if self
                .listeners
                .add(at, &mut session.subscriptions, topic, name)
            {
                self.stats.listeners.add(1);
            }
            reply.push(3);
            reply.bulk_str(topic.subscribe());
            reply.bulk(name);
            reply.count(session.subscriptions.count(topic));
        }
        if was_silent {
            session.kind = ClientKind::Pubsub;
            self.stats.pubsub_clients.add(1);
        }
        self.count_listeners();
        out
    }

    /// UNSUBSCRIBE and its kin: one confirmation for each name, or for each that there was if none is given.
    pub(super) fn unsubscribe(&mut self, at: u32, topic: Topic, names: Vec<Vec<u8>>) -> Output {
        let mut out = self.outputs.pop().unwrap_or_default();
        let client = self.clients[at as usize]
            .as_mut()
            .expect("the client is there");
        let session = &mut client.session;
        let own = &mut session.subscriptions;
        let was_silent = own.is_empty();
        let mut reply = Reply::new(&mut out, session.proto);
        let names = match names.is_empty() {
            true => own.names(topic).iter().map(|name| name.to_vec()).collect(),
            false => names,
        };
        let mut confirm = |name: Option<&[u8]>, count: usize| {
            reply.push(3);
            reply.bulk_str(topic.unsubscribe());
            reply.bulk_or_null(name);
            reply.count(count);
        };
        if names.is_empty() {
            confirm(None, own.count(topic));
        }
        for name in names {
            if self.listeners.remove(at, own, topic, &name) {
                self.stats.listeners.sub(1);
            }
            confirm(Some(&name), own.count(topic));
        }
        if !was_silent && own.is_empty() {
            session.kind = ClientKind::Normal;
            self.stats.pubsub_clients.sub(1);
        }
        self.count_listeners();
        out
    }

    /// Writes confirmations, which are messages: no CLIENT REPLY holds them back.
    pub(super) fn confirm(&mut self, at: u32, confirmations: &mut Output) {
        let mode = std::mem::replace(&mut self.client(at).session.reply_mode, ReplyMode::On);
        self.reply(at, |reply| reply.append(confirmations));
        self.client(at).session.reply_mode = mode.after_one();
    }

    /// A client goes, or is reset.
    pub(super) fn drop_subscriptions(&mut self, at: u32) {
        let Some(Some(client)) = self.clients.get_mut(at as usize) else {
            return;
        };
        let own = &mut client.session.subscriptions;
        if own.is_empty() {
            return;
        }
        let all = [Topic::Channel, Topic::Pattern, Topic::Shard];
        let count: usize = all.iter().map(|topic| own.names(*topic).len()).sum();
        self.listeners.remove_all(at, own);
        self.stats.listeners.sub(count as u64);
        self.stats.pubsub_clients.sub(1);
        self.count_listeners();
    }

    fn count_listeners(&self) {
        let stats = &self.stats;
        stats
            .channels
            .set(self.listeners.of(Topic::Channel).len() as u64);
        stats
            .patterns
            .set(self.listeners.of(Topic::Pattern).len() as u64);
        stats
            .shard_channels
            .set(self.listeners.of(Topic::Shard).len() as u64);
    }

    /// PUBLISH: on this core at once if nobody else has listeners, else as a fence.
    pub(super) fn publish(
        &mut self,
        at: u32,
        spec: &'static CommandSpec,
        message: Message,
        args: Args<'_>,
    ) -> Step {
        let shards = self.listening_shards();
        if self.any_is_busy(&shards) {
            return self.refuse(at, Some(spec), &self.server.scripts.busy_error());
        }
        let is_told = !shards.is_empty() && self.slots.shards() > 1 && self.tells_of_changes();
        if is_told && !self.client(at).slots.is_empty() {
            // What the commands before it have changed is told first.
            return Step::Wait(Stall::Replies);
        }
        let elsewhere = shards.iter().any(|shard| *shard != self.id);
        let is_fence = elsewhere || (!shards.is_empty() && !self.settle_inbox());
        if is_fence && !self.have_credits(&shards) {
            self.waiting.push(at);
            return Step::Wait(Stall::Credit);
        }
        if is_told {
            self.append_effects();
            self.publish_chains();
            self.catch_up();
            if self.clients[at as usize].is_none() {
                return Step::Next;
            }
        }
        self.publish_to_replicas(at, args);
        if is_fence {
            self.gather_on(at, spec, shards, publication(message), args);
            if is_told {
                // Nor is what comes after it told before.
                self.client(at).stall = Stall::Replies;
            }
            return Step::Next;
        }
        // Who hears itself is told of the reply first.
        let mut heard = 0;
        self.listeners.for_each(&message, |_, _| heard += 1);
        self.reply(at, |reply| reply.count(heard));
        if heard > 0 {
            self.deliver(&message);
        }
        let ticks = self.clock.ticks().wrapping_sub(self.last_ticks);
        self.account(at, spec, ticks, false, Some(args), 0);
        Step::Next
    }

    /// Whether commands may have something to tell others than their client.
    pub(super) fn tells_of_changes(&self) -> bool {
        self.config.notify_keyspace_events.0 != 0
            || self.server.sum(|stats| stats.tracking_clients.get()) > 0
    }

    /// Their clients listen as well. In a cluster the bus tells all nodes.
    pub(super) fn publish_to_replicas(&mut self, at: u32, args: Args<'_>) {
        if !self.config.cluster_enabled {
            let db = self.client(at).session.db;
            self.owner.effects.push_to_replicas(db, args.iter());
        }
    }

    /// The cores that have listeners.
    pub(super) fn listening_shards(&self) -> Vec<ShardId> {
        let all = self.server.cores.iter().enumerate();
        all.filter(|(_, core)| core.stats.listeners.get() > 0)
            .map(|(shard, _)| ShardId(shard as u16))
            .collect()
    }

    /// Whether a script may publish messages.
    pub(super) fn may_publish(&self, spec: &CommandSpec, args: Args<'_>) -> bool {
        self.slots.shards() > 1 && publishes(spec, args, &self.owner.scripts)
    }

    /// Whether clients of other cores may hear what a script publishes: that takes a fence, and so a frame.
    pub(super) fn is_heard(&self, spec: &CommandSpec, args: Args<'_>) -> bool {
        self.may_publish(spec, args) && self.listening_shards().iter().any(|it| *it != self.id)
    }

    /// Takes what a script that ran in place leaves to its client's core.
    pub(super) fn take_told(&mut self, starts_anew: bool) {
        if starts_anew {
            return self.owner.aside.forget();
        }
        if let Some(told) = self.owner.aside.take() {
            self.owner.settle_news();
            let Told {
                messages,
                lines,
                slow,
            } = *told;
            // Other cores' clients, if any, came to listen just now, or nothing showed that it would publish.
            self.owner
                .news
                .extend(messages.into_iter().map(News::Message));
            self.called = lines;
            self.log_called(slow);
        }
    }

    /// A frame came home whose client is gone: what its scripts published is heard, and what was slow is logged, all the same.
    pub(super) fn publish_orphans(&mut self, frame: &mut FrameBox) {
        let mut messages = Vec::new();
        for item in &mut frame.items {
            if let Some(told) = item.told.take() {
                messages.extend(told.messages);
                self.log_called(told.slow);
            }
        }
        if !messages.is_empty() {
            self.owner.settle_news();
            self.owner
                .news
                .extend(messages.into_iter().map(News::Message));
            self.tell_news();
        }
    }

    /// As that, for an operation that was not done when its client left.
    pub(super) fn publish_rest(&mut self, mut pending: Pending) {
        pending
            .parts
            .iter_mut()
            .flatten()
            .for_each(|frame| self.publish_orphans(frame));
        for later in pending.then {
            if let Later::Tell(_, messages) = later {
                let messages = messages.iter().cloned().map(News::Message);
                self.owner.settle_news();
                self.owner.news.extend(messages);
                self.tell_news();
            }
        }
    }

    /// Gives a message to this core's listeners; returns how many there were.
    pub(super) fn deliver(&mut self, message: &Message) -> usize {
        let mut heard = Vec::new();
        self.listeners.for_each(message, |at, pattern| {
            heard.push((at, pattern.map(<[u8]>::to_vec)))
        });
        for (at, pattern) in &heard {
            let proto = self.client(*at).session.proto;
            let mut output = self.outputs.pop().unwrap_or_default();
            write_message(&mut output, proto, message, pattern.as_deref());
            self.push_out_of_band(*at, output);
        }
        heard.len()
    }

    /// Tells everybody who listens what commands of this shard had to say.
    pub(super) fn tell_news(&mut self) {
        let mut messages = Vec::new();
        self.owner.settle_news();
        for news in std::mem::take(&mut self.owner.news) {
            match news {
                News::Key(event) => self.event_messages(&event, &mut messages),
                News::Store(event) => self.event_messages(&key_event(event), &mut messages),
                News::Message(message) => messages.push(message),
            }
        }
        if messages.is_empty() {
            return;
        }
        let messages = Arc::new(messages);
        for shard in self.listening_shards() {
            if shard == self.id {
                for message in messages.iter() {
                    self.deliver(message);
                }
            } else {
                let mut frame = Node::new(crate::shard::Frame::new(shard));
                frame.woken = true;
                frame.mode = Mode::Deliver(Arc::clone(&messages));
                self.chains[usize::from(shard.0)].push(frame);
            }
        }
    }

    fn event_messages(&self, event: &KeyEvent, messages: &mut Vec<Message>) {
        let wanted = self.config.notify_keyspace_events;
        if !wanted.has(event.class) {
            return;
        }
        let (db, name) = (event.db.0, event.name);
        if wanted.has(KeyspaceEvents::KEYSPACE) {
            let mut channel = format!("__keyspace@{db}__:").into_bytes();
            channel.extend_from_slice(&event.key);
            messages.push(Message {
                channel,
                payload: name.into(),
                sharded: false,
            });
        }
        if wanted.has(KeyspaceEvents::KEYEVENT) {
            messages.push(Message {
                channel: format!("__keyevent@{db}__:{name}").into_bytes(),
                payload: event.key.to_vec(),
                sharded: false,
            });
        }
    }
}

/// What subscribers are told of something that no command said.
fn key_event(event: StoreEvent) -> KeyEvent {
    let (db, key, class, name) = match event {
        StoreEvent::Expired(db, key) => (db, key, KeyspaceEvents::EXPIRED, "expired"),
        StoreEvent::Evicted(db, key) => (db, key, KeyspaceEvents::EVICTED, "evicted"),
        StoreEvent::New(db, key) => (db, key, KeyspaceEvents::NEW, "new"),
        StoreEvent::Missed(db, key) => (db, key, KeyspaceEvents::KEY_MISS, "keymiss"),
        StoreEvent::FieldsExpired(db, key, _) => (db, key, KeyspaceEvents::HASH, "hexpired"),
        StoreEvent::Emptied(db, key) => (db, key, KeyspaceEvents::GENERIC, "del"),
    };
    KeyEvent {
        db,
        class,
        name,
        key,
    }
}

/// PUBLISH as a call of all cores: in a transaction, or where several have listeners.
pub(super) fn publication(message: Message) -> Gather {
    Gather::new(
        move |core| core.deliver(&message),
        |heard: Vec<usize>, reply| reply.count(heard.iter().sum()),
    )
}

/// Delivery of what a script has published.
pub(super) fn delivery(messages: Arc<Vec<Message>>) -> OnCore {
    Arc::new(move |core| {
        for message in messages.iter() {
            core.deliver(message);
        }
        Box::new(())
    })
}

impl Pending {
    /// Puts what scripts published among the steps that are to come, in the order of the commands.
    pub(super) fn tell_messages(&mut self, shards: usize) {
        let has_any = |frame: &FrameBox| frame.items.iter().any(|item| item.told.is_some());
        if !self.parts.iter().flatten().any(has_any) {
            return;
        }
        let (plan, parts) = (&self.plan, &mut self.parts);
        let mut planned = std::mem::take(&mut self.then);
        let mut steps = VecDeque::new();
        let tell = |messages, parts: &mut Vec<Option<FrameBox>>, steps: &mut VecDeque<Later>| {
            let first = parts.len();
            parts.resize_with(first + shards, || None);
            steps.push_back(Later::Tell(first as u32, Arc::new(messages)));
        };
        if let Plan::Exec(places, ..) = plan {
            for place in places {
                let item = match place {
                    Place::Gathered(first, ..) | Place::Offloaded(first, _) => {
                        let own = |later: &Later| later.first() == Some(*first);
                        let at = planned.iter().position(own);
                        steps.extend(at.and_then(|at| planned.remove(at)));
                        continue;
                    }
                    Place::Item(..) | Place::Parked(_) => place.item_mut(parts),
                    Place::Here(_) | Place::Split(..) => None,
                };
                if let Some(messages) = item.and_then(messages_of) {
                    tell(messages, parts, &mut steps);
                }
            }
        } else {
            let items = parts.iter_mut().flatten();
            let items = items.flat_map(|frame| &mut frame.items);
            let messages: Vec<Message> = items.filter_map(messages_of).flatten().collect();
            if !messages.is_empty() {
                tell(messages, parts, &mut steps);
            }
        }
        steps.append(&mut planned);
        self.then = steps;
    }
}

fn messages_of(item: &mut Item) -> Option<Vec<Message>> {
    let messages = std::mem::take(&mut item.told.as_mut()?.messages);
    (!messages.is_empty()).then_some(messages)
}

fn write_message(out: &mut Output, proto: Proto, message: &Message, pattern: Option<&[u8]>) {
    let mut reply = Reply::new(out, proto);
    match pattern {
        Some(pattern) => {
            reply.push(4);
            reply.bulk_str("pmessage");
            reply.bulk(pattern);
        }
        None => {
            reply.push(3);
            reply.bulk_str(if message.sharded {
                "smessage"
            } else {
                "message"
            });
        }
    }
    reply.bulk(&message.channel);
    reply.bulk(&message.payload);
}
