//! Pipelining clients on threads of their own, and the history of what they saw, to be judged by
//! `tessera::sim::checker`.
//!
//! A key holds a string of `,1,7,4`: APPEND is the append of a value, GET and MGET read, MULTI
//! makes transactions over several keys. That works against any server of the protocol. A history
//! that fails is left in a file, for `cargo run --example check_history`.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tessera::sim::checker::{check, explain};
use tessera::sim::history::{History, Key, Op, Transaction};

use super::clock;
use super::resp::{Conn, Value, encode};
use super::rng::Rng;

/// The load to record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) conns: usize,
    /// Transactions of each connection.
    pub(crate) transactions: usize,
    /// Sent at once, at most.
    pub(crate) pipeline: usize,
    pub(crate) keys: usize,
    /// Whether to use MULTI, besides commands on one key and MGET.
    pub(crate) multi: bool,
}

/// One transaction to send: its operations, and whether they stand in MULTI.
struct Request {
    ops: Vec<Op>,
    is_multi: bool,
}

impl Request {
    fn random(rng: &mut Rng, load: &Load, value: &AtomicU64) -> Request {
        let key = |rng: &mut Rng| Key(rng.below(load.keys) as u32);
        let read_or_append = |rng: &mut Rng| match rng.below(2) {
            0 => Op::Append(key(rng), value.fetch_add(1, Ordering::Relaxed)),
            _ => Op::Read(key(rng), None),
        };
        let count = 2 + rng.below(3);
        match rng.below(4) {
            0 if load.multi => {
                let ops = (0..count).map(|_| read_or_append(rng)).collect();
                Request {
                    ops,
                    is_multi: true,
                }
            }
            1 => {
                let ops = (0..count).map(|_| Op::Read(key(rng), None)).collect();
                Request {
                    ops,
                    is_multi: false,
                }
            }
            _ => Request {
                ops: vec![read_or_append(rng)],
                is_multi: false,
            },
        }
    }

    fn encode(&self, history: &History, out: &mut Vec<u8>) {
        if self.is_multi {
            encode(&["MULTI"], out);
        } else if self.ops.len() > 1 {
            let names = self.ops.iter().map(|op| history.key_name(op.key()));
            return encode(
                &std::iter::once("MGET").chain(names).collect::<Vec<_>>(),
                out,
            );
        }
        for op in &self.ops {
            let name = history.key_name(op.key());
            match op {
                Op::Append(_, value) => encode(&["APPEND", name, &format!(",{value}")], out),
                Op::Read(..) => encode(&["GET", name], out),
            }
        }
        if self.is_multi {
            encode(&["EXEC"], out);
        }
    }

    /// Reads the replies and what they say.
    fn read(&mut self, conn: &mut Conn) {
        let mut reply = || conn.read().expect("a reply to each command");
        if self.is_multi {
            (0..=self.ops.len()).for_each(|_| assert!(!reply().is_error()));
        }
        let reply = reply();
        let replies = if self.is_multi || self.ops.len() > 1 {
            reply.elements()
        } else {
            std::slice::from_ref(&reply)
        };
        assert_eq!(replies.len(), self.ops.len(), "{reply}");
        for (op, reply) in self.ops.iter_mut().zip(replies) {
            match op {
                Op::Append(..) => assert!(reply.int() > 0),
                Op::Read(_, list) => *list = Some(parse_list(reply)),
            }
        }
    }
}

fn parse_list(reply: &Value) -> Vec<u64> {
    if *reply == Value::NullBulk || *reply == Value::Null {
        return Vec::new();
    }
    let text = reply.text();
    text.split(',')
        .skip(1)
        .map(|value| value.parse().expect("what was appended"))
        .collect()
}

/// Runs the load against a server without these keys, then reads them all once more.
pub(crate) fn record(address: SocketAddr, load: &Load, seed: u64) -> History {
    let mut history = History::default();
    (0..load.keys).for_each(|key| _ = history.key(&format!("history:{key}")));
    let (names, value, start) = (&history, AtomicU64::new(1), clock::now());
    let transactions: Vec<Vec<Transaction>> = std::thread::scope(|scope| {
        let run = |number: usize| {
            let value = &value;
            scope.spawn(move || run_client(address, names, load, number, seed, value, start))
        };
        let threads: Vec<_> = (0..load.conns).map(run).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a client failed"))
            .collect()
    });
    history.transactions = transactions.into_iter().flatten().collect();
    let ops = (0..load.keys)
        .map(|key| Op::Read(Key(key as u32), None))
        .collect();
    let mut last = Request {
        ops,
        is_multi: false,
    };
    let (call, conn) = (nanos(start), load.conns as u32);
    let mut out = Vec::new();
    last.encode(&history, &mut out);
    let mut stream = Conn::open(address).expect("the server is there");
    stream.send(&out).expect("the server listens");
    last.read(&mut stream);
    history.transactions.push(Transaction {
        conn,
        call,
        ret: Some(nanos(start)),
        ops: last.ops,
    });
    history
}

fn nanos(start: Instant) -> u64 {
    clock::now().duration_since(start).as_nanos() as u64
}

fn run_client(
    address: SocketAddr,
    names: &History,
    load: &Load,
    number: usize,
    seed: u64,
    value: &AtomicU64,
    start: Instant,
) -> Vec<Transaction> {
    let mut rng = Rng::new(seed.wrapping_mul(1_000_003).wrapping_add(number as u64));
    let mut conn = Conn::open(address).expect("the server is there");
    let mut transactions = Vec::new();
    while transactions.len() < load.transactions {
        let count = 1 + rng.below(load.pipeline);
        let random = |_| Request::random(&mut rng, load, value);
        let mut requests: Vec<Request> = (0..count).map(random).collect();
        let mut out = Vec::new();
        requests
            .iter()
            .for_each(|request| request.encode(names, &mut out));
        let call = nanos(start);
        conn.send(&out).expect("the server listens");
        for request in &mut requests {
            request.read(&mut conn);
            let ops = std::mem::take(&mut request.ops);
            let ret = Some(nanos(start));
            transactions.push(Transaction {
                conn: number as u32,
                call,
                ret,
                ops,
            });
        }
    }
    transactions
}

/// Judges a history; panics with a cycle, and keeps the history in a file, if it is not strictly
/// serialisable in program order.
#[track_caller]
pub(crate) fn check_history(history: &History, name: &str) {
    if let Err(violation) = check(history) {
        let path = std::env::temp_dir().join(format!("tessera-history-{name}.txt"));
        let kept = std::fs::write(&path, history.to_text());
        panic!(
            "{name} (kept in {path:?}: {kept:?}): {}",
            explain(history, &violation)
        );
    }
}
