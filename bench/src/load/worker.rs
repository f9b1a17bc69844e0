//! One generator thread: its connections, in an epoll loop.
//!
//! Closed loop: each connection sends `pipeline` operations at once, waits for all their replies, and sends the next.
//! Open loop: operations go out when the schedule says so, on the connections in turn, whatever is outstanding.
//! Budget an operation: one copy of its image, digits, a scan over its reply; the clock is read once a wake-up of a
//! connection and its operations are entered into the histogram as one.

use super::histogram;
use crate::clock::now_ns;
use crate::process::{CpuTime, own_thread_cpu_ns};
use crate::reply::ReplyScanner;
use crate::schedule::Schedule;
use crate::template::{Source, Template};
use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;

/// What one read takes at most.
const READ_BYTES: usize = 256 * 1024;
const EVENTS_MAX: usize = 256;
/// How long replies are waited for after the window, and how long a closed loop may stand still.
const PATIENCE_NS: u64 = 10_000_000_000;
/// Operations an open loop leaves unanswered before it gives up on the server ever catching up.
const OUTSTANDING_MAX: u64 = 4_000_000;
/// The kernel's timer may be late by about this much, so the open loop spins through the last of a wait.
const SPIN_NS: u64 = 200_000;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limit {
    /// After so many operations; all are measured.
    Requests(u64),
    /// At a time; what happens from `start_ns` on is measured.
    Window { start_ns: u64, end_ns: u64 },
}

#[derive(Debug)]
pub(super) enum Loop {
    Closed,
    Open(Schedule),
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) pipeline: u32,
    pub(super) limit: Limit,
    pub(super) pace: Loop,
    pub(super) server_pid: Option<u32>,
    pub(super) ops: Vec<Template>,
}

/// What was counted; of several threads, to be added up.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) ops: u64,
    pub(super) latency: Histogram<u64>,
    pub(super) send_lag: Histogram<u64>,
    pub(super) last_reply_ns: u64,
    pub(super) errors: u64,
    pub(super) nils: u64,
    pub(super) first_error: Option<String>,
    pub(super) unanswered: u64,
    /// CPU time of the generator's own threads.
    pub(super) own_cpu_ns: u64,
    pub(super) server: Option<ServerTime>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ServerTime {
    pub(super) cpu_ns: u64,
    pub(super) wall_ns: u64,
    pub(super) waited_ns: u64,
}

/// Operations sent together, or due at one time: they share `since_ns`.
#[derive(Debug)]
struct Batch {
    since_ns: u64,
    ops: u32,
    replies_per_op: u32,
    /// Replies of the operation that is partly answered.
    replies_seen: u32,
}

#[derive(Debug)]
struct Connection {
    number: u32,
    stream: TcpStream,
    home: u16,
    scanner: ReplyScanner,
    pending: VecDeque<Batch>,
    out: Vec<u8>,
    out_sent: usize,
    wants_write: bool,
}

#[derive(Debug)]
pub(super) struct Worker {
    plan: Plan,
    source: Source,
    connections: Vec<Connection>,
    epoll: OwnedFd,
    tally: Tally,
    /// Sum of the weights, if there is a choice to make.
    weights: u64,
    issued: u64,
    outstanding: u64,
    next_connection: usize,
    dirty: Vec<usize>,
    server_at_start: Option<(CpuTime, u64)>,
}

impl Tally {
    pub(super) fn new() -> anyhow::Result<Tally> {
        Ok(Tally {
            ops: 0,
            latency: histogram()?,
            send_lag: histogram()?,
            last_reply_ns: 0,
            errors: 0,
            nils: 0,
            first_error: None,
            unanswered: 0,
            own_cpu_ns: 0,
            server: None,
        })
    }

    pub(super) fn add(&mut self, other: Tally) -> anyhow::Result<()> {
        self.ops += other.ops;
        self.latency.add(&other.latency)?;
        self.send_lag.add(&other.send_lag)?;
        self.last_reply_ns = self.last_reply_ns.max(other.last_reply_ns);
        self.errors += other.errors;
        self.nils += other.nils;
        self.first_error = self.first_error.take().or(other.first_error);
        self.unanswered += other.unanswered;
        self.own_cpu_ns += other.own_cpu_ns;
        self.server = self.server.or(other.server);
        Ok(())
    }

    /// Enters operations answered at `now`. The rate counts by time of reply, the latency by time of sending: an open
    /// loop's slowest operations are answered after the window and belong into the histogram all the same.
    fn record(&mut self, limit: &Limit, open: bool, since_ns: u64, now: u64, ops: u32) {
        self.last_reply_ns = now;
        let (counted, measured) = match limit {
            Limit::Requests(_) => (true, true),
            Limit::Window { start_ns, end_ns } => {
                let window = *start_ns..*end_ns;
                let replied = window.contains(&now);
                (
                    replied,
                    if open {
                        window.contains(&since_ns)
                    } else {
                        replied
                    },
                )
            }
        };
        if counted {
            self.ops += u64::from(ops);
        }
        if measured {
            self.latency
                .saturating_record_n(now.saturating_sub(since_ns).max(1), u64::from(ops));
        }
    }
}

impl Worker {
    pub(super) fn new(
        plan: Plan,
        source: Source,
        sockets: Vec<(u32, TcpStream, u16)>,
    ) -> anyhow::Result<Worker> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(sockets.len());
        for (index, (number, stream, home)) in sockets.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            epoll::add(
                &epoll,
                &stream,
                EventData::new_u64(index as u64),
                EventFlags::IN,
            )?;
            connections.push(Connection {
                number,
                stream,
                home,
                scanner: ReplyScanner::default(),
                pending: VecDeque::new(),
                out: Vec::new(),
                out_sent: 0,
                wants_write: false,
            });
        }
        let weights = if plan.ops.len() == 1 {
            0
        } else {
            plan.ops.iter().map(|op| u64::from(op.weight)).sum()
        };
        Ok(Worker {
            plan,
            source,
            connections,
            epoll,
            tally: Tally::new()?,
            weights,
            issued: 0,
            outstanding: 0,
            next_connection: 0,
            dirty: Vec::new(),
            server_at_start: None,
        })
    }

    pub(super) fn run(mut self) -> anyhow::Result<Tally> {
        let mut events = vec![
            Event {
                flags: EventFlags::empty(),
                data: EventData::new_u64(0)
            };
            EVENTS_MAX
        ];
        let mut buffer = vec![0; READ_BYTES];
        if let Limit::Requests(_) = self.plan.limit {
            self.sample_server()?;
        }
        if let Loop::Closed = self.plan.pace {
            for index in 0..self.connections.len() {
                self.refill(index)?;
            }
        }
        let mut window_begun = false;
        let mut window_ended = false;
        let mut quiet_since_ns = now_ns();
        loop {
            let now = now_ns();
            if let Limit::Window { start_ns, end_ns } = self.plan.limit {
                if !window_begun && now >= start_ns {
                    window_begun = true;
                    self.sample_server()?;
                }
                if !window_ended && now >= end_ns {
                    window_ended = true;
                    self.sample_server()?;
                }
            }
            if !window_ended {
                self.issue_due(now)?;
            }
            let finished = match (&self.plan.limit, &self.plan.pace) {
                (Limit::Requests(all), _) => self.issued == *all && self.outstanding == 0,
                (Limit::Window { .. }, Loop::Closed) => window_ended,
                (Limit::Window { .. }, Loop::Open(_)) => window_ended && self.outstanding == 0,
            };
            if finished {
                break;
            }
            if now.saturating_sub(quiet_since_ns) > PATIENCE_NS {
                if window_ended {
                    break;
                }
                if self.outstanding > 0 {
                    bail!("{} operations unanswered for ten seconds", self.outstanding);
                }
            }
            let timeout = self.timeout(now, window_ended);
            let count = match epoll::wait(&self.epoll, &mut events[..], Some(&timeout)) {
                Err(rustix::io::Errno::INTR) => 0,
                result => result.context("epoll_wait")?,
            };
            if count > 0 {
                quiet_since_ns = now;
            }
            for event in &events[..count] {
                let (index, flags) = (event.data.u64() as usize, event.flags);
                if flags.contains(EventFlags::OUT) {
                    self.flush(index)?;
                }
                if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                    self.receive(index, &mut buffer)?;
                }
            }
        }
        if let Limit::Requests(_) = self.plan.limit {
            self.sample_server()?;
        }
        self.finish()
    }

    fn finish(mut self) -> anyhow::Result<Tally> {
        for connection in &mut self.connections {
            self.tally.errors += connection.scanner.errors;
            self.tally.nils += connection.scanner.nils;
            if self.tally.first_error.is_none() {
                self.tally.first_error = connection.scanner.first_error.take();
            }
        }
        if let Loop::Open(_) = self.plan.pace {
            self.tally.unanswered = self.outstanding;
        }
        self.tally.own_cpu_ns = own_thread_cpu_ns();
        Ok(self.tally)
    }

    /// The first call begins the server's account, the second closes it.
    fn sample_server(&mut self) -> anyhow::Result<()> {
        let Some(pid) = self.plan.server_pid else {
            return Ok(());
        };
        let (time, now) = (
            CpuTime::of(pid).context("CPU time of the server")?,
            now_ns(),
        );
        match self.server_at_start {
            None => self.server_at_start = Some((time, now)),
            Some((before, before_ns)) => {
                self.tally.server = Some(ServerTime {
                    cpu_ns: time.since_ns(&before),
                    wall_ns: now - before_ns,
                    waited_ns: time.waited_since_ns(&before),
                });
            }
        }
        Ok(())
    }

    fn timeout(&self, now: u64, window_ended: bool) -> Timespec {
        let until = match (&self.plan.pace, &self.plan.limit) {
            (Loop::Open(schedule), _) if !window_ended => schedule
                .due_ns()
                .saturating_sub(now)
                .saturating_sub(SPIN_NS),
            _ => 1_000_000,
        };
        Timespec {
            tv_sec: (until / 1_000_000_000) as _,
            tv_nsec: (until % 1_000_000_000) as _,
        }
    }

    /// Sends what the schedule of an open loop has due by now.
    fn issue_due(&mut self, now: u64) -> anyhow::Result<()> {
        loop {
            let Loop::Open(schedule) = &mut self.plan.pace else {
                return Ok(());
            };
            let due_ns = schedule.due_ns();
            if due_ns > now {
                break;
            }
            schedule.advance();
            if self.outstanding >= OUTSTANDING_MAX {
                bail!(
                    "{OUTSTANDING_MAX} operations outstanding: the server does not keep up with --rate"
                );
            }
            let index = self.next_connection;
            self.next_connection = (index + 1) % self.connections.len();
            self.render(index, due_ns);
            self.dirty.push(index);
            self.tally
                .send_lag
                .saturating_record(now.saturating_sub(due_ns).max(1));
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        for index in dirty.drain(..) {
            self.flush(index)?;
        }
        self.dirty = dirty;
        Ok(())
    }

    /// Sends the next batch of a closed loop's connection that has been answered in full.
    fn refill(&mut self, index: usize) -> anyhow::Result<()> {
        let mut ops = u64::from(self.plan.pipeline);
        if let Limit::Requests(all) = self.plan.limit {
            ops = ops.min(all - self.issued);
        }
        let now = now_ns();
        for _ in 0..ops {
            self.render(index, now);
        }
        self.flush(index)
    }

    /// Puts one operation into the output buffer of a connection.
    #[inline]
    fn render(&mut self, index: usize, since_ns: u64) {
        let connection = &mut self.connections[index];
        let template = pick(&self.plan.ops, self.weights, &mut self.source);
        template.render(
            &mut self.source,
            connection.number,
            connection.home,
            &mut connection.out,
        );
        match connection.pending.back_mut() {
            Some(batch)
                if batch.since_ns == since_ns && batch.replies_per_op == template.replies =>
            {
                batch.ops += 1;
            }
            _ => connection.pending.push_back(Batch {
                since_ns,
                ops: 1,
                replies_per_op: template.replies,
                replies_seen: 0,
            }),
        }
        self.issued += 1;
        self.outstanding += 1;
    }

    /// Writes what the socket takes; the rest waits for EPOLLOUT.
    fn flush(&mut self, index: usize) -> anyhow::Result<()> {
        let connection = &mut self.connections[index];
        while connection.out_sent < connection.out.len() {
            match connection
                .stream
                .write(&connection.out[connection.out_sent..])
            {
                Ok(sent) => connection.out_sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("send to the server"),
            }
        }
        let left = connection.out_sent < connection.out.len();
        if !left {
            connection.out.clear();
            connection.out_sent = 0;
        }
        if left != connection.wants_write {
            connection.wants_write = left;
            let flags = if left {
                EventFlags::IN | EventFlags::OUT
            } else {
                EventFlags::IN
            };
            epoll::modify(
                &self.epoll,
                &connection.stream,
                EventData::new_u64(index as u64),
                flags,
            )?;
        }
        Ok(())
    }

    /// Reads what has come, enters what it answers, and sends on if that was all of it.
    fn receive(&mut self, index: usize, buffer: &mut [u8]) -> anyhow::Result<()> {
        let connection = &mut self.connections[index];
        let read = match connection.stream.read(buffer) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error).context("receive from the server"),
        };
        let mut replies = connection.scanner.feed(&buffer[..read])?;
        let now = now_ns();
        let open = matches!(self.plan.pace, Loop::Open(_));
        while replies > 0 {
            let batch = connection
                .pending
                .front_mut()
                .context("a reply nobody asked for")?;
            let per_op = u64::from(batch.replies_per_op);
            let seen = u64::from(batch.replies_seen) + replies;
            let done = (seen / per_op).min(u64::from(batch.ops));
            replies = seen - done * per_op;
            batch.ops -= done as u32;
            self.outstanding -= done;
            if done > 0 {
                self.tally
                    .record(&self.plan.limit, open, batch.since_ns, now, done as u32);
            }
            if batch.ops > 0 {
                batch.replies_seen = replies as u32;
                break;
            }
            connection.pending.pop_front();
        }
        if !open && connection.pending.is_empty() {
            self.refill(index)?;
        }
        Ok(())
    }
}

fn pick<'a>(ops: &'a [Template], weights: u64, source: &mut Source) -> &'a Template {
    if weights == 0 {
        return &ops[0];
    }
    let mut draw = source.rng.below(weights);
    ops.iter()
        .find(|op| {
            let found = draw < u64::from(op.weight);
            draw = draw.saturating_sub(u64::from(op.weight));
            found
        })
        .unwrap_or(&ops[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Limit = Limit::Window {
        start_ns: 1_000,
        end_ns: 2_000,
    };

    #[test]
    fn a_closed_loop_counts_replies_in_the_window() {
        let mut tally = Tally::new().unwrap();
        tally.record(&WINDOW, false, 900, 999, 1);
        tally.record(&WINDOW, false, 900, 1_000, 16);
        tally.record(&WINDOW, false, 1_900, 2_000, 1);
        assert_eq!(
            (tally.ops, tally.latency.len(), tally.latency.max()),
            (16, 16, 100)
        );
    }

    #[test]
    fn an_open_loop_keeps_the_latency_of_what_is_answered_too_late() {
        let mut tally = Tally::new().unwrap();
        tally.record(&WINDOW, true, 900, 1_100, 1); // due before the window: counts, is not measured
        tally.record(&WINDOW, true, 1_500, 900_000, 1); // due in it, answered after: the other way round
        assert_eq!((tally.ops, tally.latency.len()), (1, 1));
        assert!(tally.latency.max() >= 898_000);
    }

    #[test]
    fn weights_share_out_operations() {
        let ops = ["3*GET a", "1*SET a b"].map(|text| Template::parse(text, "").unwrap());
        let mut source = Source {
            rng: Rng::new(1),
            keys: crate::keys::KeyChooser::new(1, crate::keys::Distribution::Uniform),
            shards: 1,
            remote_share: None,
            sequence: 0,
            sequence_step: 1,
            last: 0,
        };
        let gets = (0..4_000)
            .filter(|_| pick(&ops, 4, &mut source).text.contains("GET"))
            .count();
        assert!((2_900..3_100).contains(&gets), "{gets}");
    }

    use crate::rng::Rng;
}
