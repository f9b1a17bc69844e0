//! Both back ends through one harness: whatever is claimed here holds for either.
//!
//! Two styles. *Driven*: the test calls `poll` itself and looks at each event. *Served*: an echo server runs on its
//! own thread and always waits with `Wait::Forever`, so anything the back end forgets to report becomes a client
//! that waits in vain, and its read times out. Nothing sleeps to let something happen.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::*;
use crate::base::Output;
use crate::base::rng::Rng;

/// Nothing here takes a tenth of this.
const PATIENCE: Duration = Duration::from_secs(60);

type Make = fn(&BackendOptions) -> io::Result<Backend>;

/// The back ends that can be made on this machine.
fn makes() -> Vec<(&'static str, Make)> {
    let mut makes: Vec<(&'static str, Make)> = vec![("epoll", Backend::epoll)];
    let support = probe();
    match support.io_uring {
        Ok(()) => makes.push(("io_uring", Backend::uring)),
        Err(_) => eprintln!("only epoll is tested: {support}"),
    }
    makes
}

/// Runs a test on each back end, made with `options`.
fn on_each(options: &BackendOptions, test: impl Fn(Backend)) {
    for (name, make) in makes() {
        eprintln!("-- {name}");
        test(make(options).expect("the back end can be made"));
    }
}

/// Runs a test with an echo server on each back end.
fn served(options: &BackendOptions, test: impl Fn(&Server)) {
    for (name, make) in makes() {
        eprintln!("-- {name}");
        let server = Server::start(make, options.clone());
        test(&server);
        server.stop();
    }
}

/// Polls until `done` says so, giving it every event.
fn drive(backend: &mut Backend, mut done: impl FnMut(&mut Backend, Option<Event>) -> bool) {
    let clock = Clock::new();
    let deadline_us = clock.mono_us() + PATIENCE.as_micros() as u64;
    loop {
        if done(backend, None) {
            return;
        }
        assert!(clock.mono_us() < deadline_us, "nothing came of it");
        backend.poll(Wait::Until(Duration::from_millis(2))).unwrap();
        while let Some(event) = backend.next_event() {
            if done(backend, Some(event)) {
                return;
            }
        }
    }
}

/// Polls until the next event.
fn next(backend: &mut Backend) -> Event {
    let mut found = None;
    drive(backend, |_, event| {
        found = event;
        found.is_some()
    });
    found.unwrap()
}

/// Lets everything queued take effect, in turns that wait for nothing, and expects no event.
fn settle(backend: &mut Backend) {
    for _ in 0..20 {
        backend.poll(Wait::Until(Duration::from_millis(1))).unwrap();
        if let Some(event) = backend.next_event() {
            panic!("unexpected {event:?}");
        }
    }
}

/// Waits `wait_us` in which nothing happens. That takes one poll, or a few if signals (such as the one that thaws a
/// frozen container) interrupt it; a loop that spins takes thousands.
fn wait_out(backend: &mut Backend, wait_us: u64) {
    let clock = Clock::new();
    let (start_us, mut polls, mut waited_us) = (clock.mono_us(), 0, 0);
    while waited_us + 1 < wait_us {
        backend
            .poll(Wait::Until(Duration::from_micros(wait_us - waited_us)))
            .unwrap();
        assert!(backend.next_event().is_none());
        waited_us = clock.mono_us() - start_us;
        polls += 1;
    }
    assert!(polls <= 5, "{polls} polls in {wait_us} us");
}

/// Receives `count` bytes of one socket.
fn receive_exactly(backend: &mut Backend, id: SocketId, count: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    drive(backend, |backend, event| {
        match event {
            Some(Event::Received { socket, chunk }) => {
                assert_eq!(socket, id);
                bytes.extend_from_slice(backend.chunk(chunk));
                backend.recycle(chunk);
            }
            Some(other) => panic!("unexpected {other:?}"),
            None => {}
        }
        bytes.len() >= count
    });
    assert_eq!(bytes.len(), count);
    bytes
}

fn output(bytes: &[u8]) -> Output {
    Output {
        bytes: bytes.to_vec(),
        shared: Vec::new(),
    }
}

fn unix_pair() -> (UnixStream, OwnedFd) {
    let (near, far) = UnixStream::pair().unwrap();
    near.set_read_timeout(Some(PATIENCE)).unwrap();
    (near, far.into())
}

/// A connected pair over loopback: the client, and the server's end.
fn tcp_pair() -> (TcpStream, OwnedFd) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let (server, _) = listener.accept().unwrap();
    (client, server.into())
}

/// Bytes that cannot be mistaken for others of the same stream.
fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..length).map(|_| rng.next_u64() as u8).collect()
}

/// An echo server with back-pressure on a thread of its own.
struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    /// The most that was ever kept for one connection.
    pending_bytes_max: Arc<AtomicUsize>,
    waker: Waker,
    thread: JoinHandle<()>,
}

/// Beyond this the server stops reading from a connection, and goes on at half of it.
const PENDING_BYTES_MAX: usize = 256 * 1024;

struct Echo {
    backend: Backend,
    connections: Vec<Option<Connection>>,
    pool: Vec<Output>,
    pending_bytes_max: Arc<AtomicUsize>,
}

struct Connection {
    id: SocketId,
    pending: Output,
    sending: bool,
    paused: bool,
    eof: bool,
}

impl Server {
    fn start(make: Make, options: BackendOptions) -> Server {
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap(), 512).unwrap();
        let Address::Inet(address) = listener.address().unwrap() else {
            unreachable!("bound to an internet address")
        };
        let stop = Arc::new(AtomicBool::new(false));
        let pending_bytes_max = Arc::new(AtomicUsize::new(0));
        let (flag, max) = (Arc::clone(&stop), Arc::clone(&pending_bytes_max));
        let (sender, receiver) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut backend = make(&options).unwrap();
            backend.listen(listener);
            sender.send(backend.waker()).unwrap();
            let mut echo = Echo {
                backend,
                connections: Vec::new(),
                pool: Vec::new(),
                pending_bytes_max: max,
            };
            while !flag.load(Ordering::SeqCst) {
                echo.turn();
            }
        });
        let waker = receiver.recv().unwrap();
        Server {
            address,
            stop,
            pending_bytes_max,
            waker,
            thread,
        }
    }

    fn connect(&self) -> TcpStream {
        let client = TcpStream::connect(self.address).unwrap();
        client.set_nodelay(true).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        client
    }

    fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        self.waker.wake();
        self.thread.join().unwrap();
    }
}

impl Echo {
    fn turn(&mut self) {
        self.backend.poll(Wait::Forever).unwrap();
        let mut touched = Vec::new();
        while let Some(event) = self.backend.next_event() {
            match event {
                Event::Accepted { fd, .. } => {
                    let id = self.backend.adopt(fd);
                    if self.connections.len() <= id.index() {
                        self.connections.resize_with(id.index() + 1, || None);
                    }
                    assert!(self.connections[id.index()].is_none(), "an index in use");
                    self.connections[id.index()] = Some(Connection {
                        id,
                        pending: Output::default(),
                        sending: false,
                        paused: false,
                        eof: false,
                    });
                }
                Event::Received { socket, chunk } => {
                    let connection = self.connections[socket.index()].as_mut().unwrap();
                    assert_eq!(connection.id, socket);
                    connection
                        .pending
                        .bytes
                        .extend_from_slice(self.backend.chunk(chunk));
                    self.backend.recycle(chunk);
                    touched.push(socket);
                }
                Event::Sent { socket, out } => {
                    assert!(out.is_empty(), "it comes back emptied");
                    self.pool.push(out);
                    self.connections[socket.index()].as_mut().unwrap().sending = false;
                    touched.push(socket);
                }
                Event::Eof { socket } => {
                    self.connections[socket.index()].as_mut().unwrap().eof = true;
                    touched.push(socket);
                }
                Event::Broken { socket, .. } => {
                    self.connections[socket.index()] = None;
                    self.backend.close(socket);
                }
                Event::AcceptFailed { error, .. } => panic!("{error}"),
                Event::Woken => {}
            }
        }
        for id in touched {
            self.flush(id);
        }
    }

    fn flush(&mut self, id: SocketId) {
        let Some(connection) = self.connections[id.index()].as_mut() else {
            return;
        };
        let pending = connection.pending.bytes.len();
        self.pending_bytes_max.fetch_max(pending, Ordering::Relaxed);
        if connection.sending {
            if pending > PENDING_BYTES_MAX && !connection.paused {
                connection.paused = true;
                self.backend.pause_recv(id);
            }
            return;
        }
        if pending > 0 {
            let empty = self.pool.pop().unwrap_or_default();
            let out = std::mem::replace(&mut connection.pending, empty);
            connection.sending = true;
            if connection.paused || connection.eof {
                self.backend.send_last(id, out);
            } else {
                self.backend.send(id, out);
            }
        } else if connection.eof {
            self.connections[id.index()] = None;
            return self.backend.close(id);
        }
        let connection = self.connections[id.index()].as_mut().unwrap();
        if connection.paused && pending <= PENDING_BYTES_MAX / 2 {
            connection.paused = false;
            self.backend.resume_recv(id);
        }
    }
}

/// Sends `bytes` in pieces of random size from a thread, and expects them back.
fn echo_in_pieces(server: &Server, bytes: &[u8], piece_max: u64, seed: u64) {
    let mut client = server.connect();
    let mut writer = client.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut rng = Rng::new(seed);
            let mut rest = bytes;
            while !rest.is_empty() {
                let piece = (1 + rng.below(piece_max) as usize).min(rest.len());
                writer.write_all(&rest[..piece]).unwrap();
                rest = &rest[piece..];
            }
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut back = Vec::new();
        client.read_to_end(&mut back).unwrap();
        assert!(
            back == bytes,
            "{} of {} bytes came back",
            back.len(),
            bytes.len()
        );
    });
}

fn small() -> BackendOptions {
    BackendOptions {
        submissions: 8,
        completions: 16,
        chunks: 4,
        chunk_bytes: 128,
        epoll_chunk_bytes: 128,
        events_per_turn: 8,
    }
}

#[test]
fn an_echo_returns_every_byte_whatever_the_splits() {
    served(&BackendOptions::default(), |server| {
        for (seed, piece_max) in [(1, 10), (2, 1000), (3, 20_000), (4, 300_000)] {
            let length = (piece_max as usize * 500).min(3_000_000);
            echo_in_pieces(server, &pattern(seed, length), piece_max, seed);
        }
    });
}

#[test]
fn an_echo_works_with_too_few_buffers_and_queues() {
    served(&small(), |server| {
        std::thread::scope(|scope| {
            for seed in 0..20 {
                scope.spawn(move || echo_in_pieces(server, &pattern(seed, 50_000), 3000, seed));
            }
        });
    });
}

#[test]
fn three_hundred_connections_are_served() {
    served(&BackendOptions::default(), |server| {
        let mut clients: Vec<TcpStream> = (0..300).map(|_| server.connect()).collect();
        for round in 0..20 {
            let message = |client: usize| format!("round {round} of client {client}");
            for (at, client) in clients.iter_mut().enumerate() {
                client.write_all(message(at).as_bytes()).unwrap();
            }
            for (at, client) in clients.iter_mut().enumerate() {
                let mut back = vec![0; message(at).len()];
                client.read_exact(&mut back).unwrap();
                assert_eq!(back, message(at).as_bytes());
            }
            // Some leave and others come, so that indices are reused.
            for at in (round % 7..300).step_by(7) {
                clients[at] = server.connect();
            }
        }
    });
}

#[test]
fn a_slow_reader_is_bounded_and_its_neighbours_live() {
    served(&BackendOptions::default(), |server| {
        let mut slow = server.connect();
        slow.set_nonblocking(true).unwrap();
        let mut neighbour = server.connect();
        let block = pattern(9, 64 * 1024);
        let (mut written, mut refused) = (0, 0);
        // It writes and never reads, until a neighbour's ten round trips have not made room for one byte.
        while refused < 10 {
            match slow.write(&block[written % block.len()..]) {
                Ok(count) => {
                    written += count;
                    refused = 0;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::WouldBlock);
                    refused += 1;
                }
            }
            neighbour.write_all(b"still there?").unwrap();
            let mut back = [0; 12];
            neighbour.read_exact(&mut back).unwrap();
            assert_eq!(&back, b"still there?");
            assert!(written < 1 << 30, "nothing stops it");
        }
        // What one turn may add to the limit: every buffer there is.
        let kept = server.pending_bytes_max.load(Ordering::Relaxed);
        assert!(kept < PENDING_BYTES_MAX + (2 << 20), "{kept} bytes kept");
        slow.set_nonblocking(false).unwrap();
        let mut back = vec![0; written];
        slow.read_exact(&mut back).unwrap();
        assert!(
            back.chunks(block.len())
                .all(|part| part == &block[..part.len()])
        );
    });
}

#[test]
fn unix_sockets_are_served_too() {
    let path = std::env::temp_dir().join(format!("tessera-ring-{}.sock", std::process::id()));
    on_each(&BackendOptions::default(), |mut backend| {
        let options = UnixOptions {
            mode: Some(0o600),
            backlog: 16,
        };
        let listener = backend.listen(bind_unix(&path, &options).unwrap());
        let mut client = UnixStream::connect(&path).unwrap();
        client.write_all(b"through a file").unwrap();
        let Event::Accepted { listener: at, fd } = next(&mut backend) else {
            panic!("no connection")
        };
        assert_eq!(at, listener);
        let id = backend.adopt(fd);
        assert_eq!(receive_exactly(&mut backend, id, 14), b"through a file");
        backend.send_last(id, output(b"and back"));
        assert!(matches!(next(&mut backend), Event::Sent { .. }));
        let mut back = [0; 8];
        client.read_exact(&mut back).unwrap();
        assert_eq!(&back, b"and back");
        let _ = std::fs::remove_file(&path);
    });
}

#[test]
fn a_paused_socket_receives_nothing_and_loses_nothing() {
    on_each(&BackendOptions::default(), |mut backend| {
        let (mut near, far) = unix_pair();
        let id = backend.adopt(far);
        settle(&mut backend);
        backend.pause_recv(id);
        settle(&mut backend);
        near.write_all(b"kept").unwrap();
        settle(&mut backend);
        backend.resume_recv(id);
        assert_eq!(receive_exactly(&mut backend, id, 4), b"kept");
    });
}

#[test]
fn pausing_and_resuming_in_any_rhythm_keeps_the_stream() {
    on_each(&small(), |mut backend| {
        let (mut near, far) = tcp_pair();
        let id = backend.adopt(far);
        let bytes = pattern(5, 200_000);
        let mut rng = Rng::new(11);
        let mut received = Vec::new();
        near.set_nonblocking(true).unwrap();
        let mut written = 0;
        let mut paused = false;
        drive(&mut backend, |backend, event| {
            if let Some(Event::Received { chunk, .. }) = event {
                received.extend_from_slice(backend.chunk(chunk));
                backend.recycle(chunk);
            }
            if written < bytes.len() {
                let upto = (written + 1 + rng.below(2000) as usize).min(bytes.len());
                written += near.write(&bytes[written..upto]).unwrap_or(0);
            }
            for _ in 0..rng.below(4) {
                paused = !paused;
                match paused {
                    true => backend.pause_recv(id),
                    false => backend.resume_recv(id),
                }
            }
            if paused && rng.below(3) == 0 {
                paused = false;
                backend.resume_recv(id);
            }
            received.len() == bytes.len()
        });
        assert!(received == bytes);
    });
}

#[test]
fn a_paused_connection_that_is_reset_does_not_make_the_loop_spin() {
    on_each(&BackendOptions::default(), |mut backend| {
        let (near, far) = tcp_pair();
        let id = backend.adopt(far);
        backend.pause_recv(id);
        settle(&mut backend);
        drop(near);
        wait_out(&mut backend, 30_000);
        backend.resume_recv(id);
        assert!(matches!(
            next(&mut backend),
            Event::Eof { .. } | Event::Broken { .. }
        ));
    });
}

#[test]
fn half_a_connection_still_answers() {
    on_each(&BackendOptions::default(), |mut backend| {
        let (mut near, far) = tcp_pair();
        let id = backend.adopt(far);
        near.write_all(b"question").unwrap();
        near.shutdown(Shutdown::Write).unwrap();
        assert_eq!(receive_exactly(&mut backend, id, 8), b"question");
        assert!(matches!(next(&mut backend), Event::Eof { socket } if socket == id));
        // The end is told once, also to those who ask again.
        backend.resume_recv(id);
        settle(&mut backend);
        backend.send_last(id, output(b"answer"));
        assert!(matches!(next(&mut backend), Event::Sent { socket, .. } if socket == id));
        backend.close(id);
        let mut back = Vec::new();
        near.read_to_end(&mut back).unwrap();
        assert_eq!(back, b"answer");
    });
}

#[test]
fn an_end_that_comes_with_the_last_bytes_is_seen() {
    on_each(&BackendOptions::default(), |mut backend| {
        for half in [true, false] {
            let (mut near, far) = UnixStream::pair().unwrap();
            far.set_nonblocking(true).unwrap();
            let id = backend.adopt(OwnedFd::from(far));
            // It waits for bytes; they and the end come before it looks.
            settle(&mut backend);
            near.write_all(b"question").unwrap();
            match half {
                true => near.shutdown(Shutdown::Write).unwrap(),
                false => drop(near),
            }
            assert_eq!(receive_exactly(&mut backend, id, 8), b"question");
            assert!(matches!(next(&mut backend), Event::Eof { socket } if socket == id));
            backend.close(id);
        }
    });
}

#[test]
fn closing_sends_fin_at_once_and_frees_the_slot_soon() {
    on_each(&BackendOptions::default(), |mut backend| {
        let (mut near, far) = tcp_pair();
        let id = backend.adopt(far);
        settle(&mut backend);
        backend.close(id);
        // Without a turn of the loop in between.
        assert_eq!(near.read(&mut [0; 8]).unwrap(), 0);
        assert!(backend.fd(id).is_none());
        drive(&mut backend, |backend, event| {
            assert!(event.is_none(), "{event:?}");
            backend.socket_count() == 0
        });
    });
}

#[test]
fn a_closed_socket_has_no_more_events_and_gives_back_its_chunks() {
    let options = BackendOptions {
        chunks: 2,
        chunk_bytes: 64,
        epoll_chunk_bytes: 64,
        ..BackendOptions::default()
    };
    on_each(&options, |mut backend| {
        for _ in 0..50 {
            let (mut near, far) = tcp_pair();
            let id = backend.adopt(far);
            near.write_all(&[7; 200]).unwrap();
            drive(&mut backend, |backend, event| match event {
                Some(Event::Received { chunk, .. }) => {
                    backend.recycle(chunk);
                    true
                }
                _ => false,
            });
            backend.close(id);
            // Calls with the id of a closed socket do nothing.
            backend.pause_recv(id);
            backend.resume_recv(id);
            backend.send(id, output(b"lost"));
            backend.close(id);
            settle(&mut backend);
        }
        assert_eq!(backend.socket_count(), 0);
        // All chunks are back: a new socket receives.
        let (mut near, far) = tcp_pair();
        let id = backend.adopt(far);
        near.write_all(&[8; 500]).unwrap();
        assert_eq!(receive_exactly(&mut backend, id, 500), [8; 500]);
    });
}

#[test]
fn an_index_is_reused_under_another_generation() {
    on_each(&BackendOptions::default(), |mut backend| {
        let mut former: Option<SocketId> = None;
        for round in 0..20u8 {
            let (mut near, far) = unix_pair();
            let id = backend.adopt(far);
            if let Some(former) = former {
                assert_eq!(id.index(), former.index());
                assert_ne!(id.generation(), former.generation());
                backend.close(former);
                backend.pause_recv(former);
                backend.send(former, output(b"for nobody"));
            }
            near.write_all(&[round]).unwrap();
            assert_eq!(receive_exactly(&mut backend, id, 1), [round]);
            backend.close(id);
            drive(&mut backend, |backend, _| backend.socket_count() == 0);
            former = Some(id);
        }
    });
}

#[test]
fn no_wake_up_is_lost() {
    const ROUNDS: usize = 5_000;
    on_each(&BackendOptions::default(), |mut backend| {
        let waker = backend.waker();
        let (asked, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    asked.store(round, Ordering::SeqCst);
                    waker.wake();
                    // A second one may melt into the first, and must do no harm.
                    if round % 3 == 0 {
                        waker.wake();
                    }
                    while answered.load(Ordering::SeqCst) < round {
                        std::thread::yield_now();
                    }
                }
            });
            while answered.load(Ordering::SeqCst) < ROUNDS {
                // Without a time-out: a lost wake-up hangs the test.
                backend.poll(Wait::Forever).unwrap();
                while let Some(event) = backend.next_event() {
                    assert!(matches!(event, Event::Woken));
                    answered.store(asked.load(Ordering::SeqCst), Ordering::SeqCst);
                }
            }
        });
    });
}

#[test]
fn waits_end_in_time() {
    on_each(&BackendOptions::default(), |mut backend| {
        settle(&mut backend);
        for wait_us in [300, 5_000, 20_500] {
            wait_out(&mut backend, wait_us);
        }
        backend.poll(Wait::Now).unwrap();
        backend.poll(Wait::Until(Duration::ZERO)).unwrap();
        assert!(backend.next_event().is_none());
    });
}

/// However much a wait would like to gather, it ends soon after the first event, and the one after it is as always.
#[test]
fn a_wait_that_gathers_ends_with_less() {
    on_each(&BackendOptions::default(), |mut backend| {
        settle(&mut backend);
        let clock = Clock::new();
        let started_us = clock.mono_us();
        for micros in [1, 50, 2_000] {
            let events = 100;
            // An event before the wait, and one during it.
            for is_ahead in [true, false] {
                let waker = backend.waker();
                let waking = match is_ahead {
                    true => {
                        waker.wake();
                        None
                    }
                    false => Some(std::thread::spawn(move || waker.wake())),
                };
                backend.gather(Gather { events, micros });
                drive(&mut backend, |_, event| matches!(event, Some(Event::Woken)));
                backend.gather(Gather { events, micros });
                if let Some(waking) = waking {
                    waking.join().unwrap();
                    // Waking twice may have been heard as one.
                    while backend.next_event().is_some() {}
                }
                backend.waker().wake();
                backend.poll(Wait::Until(PATIENCE)).unwrap();
                assert!(matches!(backend.next_event(), Some(Event::Woken)));
            }
        }
        assert!(clock.mono_us() - started_us < PATIENCE.as_micros() as u64 / 2);
        settle(&mut backend);
        wait_out(&mut backend, 5_000);
    });
}

#[test]
fn a_shared_value_of_64_mb_reaches_a_slow_reader_while_others_are_served() {
    let value = Arc::new(pattern(3, 64 << 20));
    on_each(&BackendOptions::default(), |mut backend| {
        let (mut slow, slow_end) = tcp_pair();
        let (mut quick, quick_end) = tcp_pair();
        let (slow_id, quick_id) = (backend.adopt(slow_end), backend.adopt(quick_end));
        let out = Output {
            bytes: b"<head|tail>".to_vec(),
            shared: vec![(6, Arc::clone(&value)), (6, Arc::clone(&value))],
        };
        let whole = out.len();
        assert_eq!(whole, 11 + 2 * (64 << 20));
        let reader = {
            let value = Arc::clone(&value);
            std::thread::spawn(move || {
                let mut exact = |expected: &[u8]| {
                    let mut part = vec![0; expected.len()];
                    slow.read_exact(&mut part).unwrap();
                    assert!(part == expected);
                };
                exact(b"<head|");
                for _ in 0..2 {
                    for expected in value.chunks(100_000) {
                        exact(expected);
                    }
                }
                exact(b"tail>");
                slow
            })
        };
        // Ordinarily sent, not as the last one: long outputs go on without anybody asking.
        backend.send(slow_id, out);
        let (mut is_sent, mut round_trips) = (false, 0);
        let mut idle = true;
        drive(&mut backend, |backend, event| {
            match event {
                Some(Event::Sent { socket, out }) if socket == slow_id => {
                    assert!(out.is_empty());
                    is_sent = true;
                }
                Some(Event::Received { socket, chunk }) if socket == quick_id => {
                    backend.recycle(chunk);
                    backend.send(quick_id, output(b"+"));
                }
                Some(Event::Sent { .. }) => {
                    quick.read_exact(&mut [0]).unwrap();
                    round_trips += 1;
                    idle = true;
                }
                Some(other) => panic!("unexpected {other:?}"),
                None => {}
            }
            if idle && !is_sent {
                idle = false;
                quick.write_all(b"?").unwrap();
            }
            is_sent
        });
        assert!(round_trips > 10, "only {round_trips} round trips meanwhile");
        drop(reader.join().unwrap());
        assert_eq!(Arc::strong_count(&value), 1, "all references are dropped");
    });
}

#[test]
fn closing_in_the_middle_of_a_send_drops_what_is_left() {
    let value = Arc::new(pattern(3, 8 << 20));
    on_each(&BackendOptions::default(), |mut backend| {
        for turns in 0..5 {
            let (mut near, far) = tcp_pair();
            let id = backend.adopt(far);
            let out = Output {
                bytes: Vec::new(),
                shared: vec![(0, Arc::clone(&value)); 4],
            };
            backend.send(id, out);
            for _ in 0..turns {
                backend.poll(Wait::Now).unwrap();
                assert!(backend.next_event().is_none());
            }
            backend.close(id);
            drive(&mut backend, |backend, event| {
                assert!(event.is_none(), "{event:?}");
                backend.socket_count() == 0
            });
            assert_eq!(Arc::strong_count(&value), 1, "after {turns} turns");
            let mut rest = Vec::new();
            let _ = near.read_to_end(&mut rest);
            assert!(rest.len() < 32 << 20 && value.starts_with(&rest[..rest.len().min(8 << 20)]));
        }
    });
}

#[test]
fn a_long_output_is_reported_without_another_event() {
    on_each(&BackendOptions::default(), |mut backend| {
        let (mut near, far) = tcp_pair();
        let id = backend.adopt(far);
        let bytes = pattern(1, 3 << 20);
        let expected = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut back = vec![0; expected.len()];
            near.read_exact(&mut back).unwrap();
            assert!(back == expected);
            near
        });
        backend.send_last(id, output(&bytes));
        // No time-out, and nothing else happens: the end of the send must end the wait.
        loop {
            backend.poll(Wait::Forever).unwrap();
            match backend.next_event() {
                Some(Event::Sent { out, .. }) => {
                    assert!(out.bytes.capacity() >= bytes.len(), "its memory comes back");
                    break;
                }
                None => {}
                Some(other) => panic!("unexpected {other:?}"),
            }
        }
        drop(reader.join().unwrap());
    });
}

#[test]
fn an_empty_output_is_sent_at_once() {
    on_each(&BackendOptions::default(), |mut backend| {
        let (_near, far) = unix_pair();
        let id = backend.adopt(far);
        backend.send_last(id, Output::default());
        backend.poll(Wait::Forever).unwrap();
        assert!(matches!(backend.next_event(), Some(Event::Sent { .. })));
    });
}

#[test]
fn a_peer_that_reset_the_connection_breaks_it() {
    on_each(&BackendOptions::default(), |mut backend| {
        let (mut near, far) = tcp_pair();
        let id = backend.adopt(far);
        backend.pause_recv(id);
        settle(&mut backend);
        // Closing with something unread resets.
        backend.send_last(id, output(b"unread"));
        assert!(matches!(next(&mut backend), Event::Sent { .. }));
        assert_eq!(near.peek(&mut [0; 6]).unwrap(), 6);
        near.write_all(b"bye").unwrap();
        drop(near);
        backend.resume_recv(id);
        let mut broken = 0;
        drive(&mut backend, |backend, event| {
            match event {
                Some(Event::Received { chunk, .. }) => backend.recycle(chunk),
                Some(Event::Broken { error, .. }) => {
                    assert_eq!(error.raw_os_error(), Some(libc::ECONNRESET));
                    broken += 1;
                }
                Some(other) => panic!("unexpected {other:?}"),
                None => {}
            }
            broken > 0
        });
        // Sending into it is an error as well, and no signal.
        backend.send_last(id, output(b"too late"));
        assert!(matches!(next(&mut backend), Event::Broken { .. }));
        backend.close(id);
        drive(&mut backend, |backend, _| backend.socket_count() == 0);
    });
}

#[test]
fn receiving_stands_still_while_every_chunk_is_lent_and_goes_on_afterwards() {
    on_each(&small(), |mut backend| {
        let (mut near, far) = tcp_pair();
        let id = backend.adopt(far);
        let bytes = pattern(8, 20 * 128);
        near.write_all(&bytes).unwrap();
        let mut lent = Vec::new();
        let mut received = Vec::new();
        drive(&mut backend, |backend, event| {
            match event {
                Some(Event::Received { chunk, .. }) => lent.push(chunk),
                Some(other) => panic!("unexpected {other:?}"),
                None => {}
            }
            // All are held for some turns, then all go back, in another order.
            if lent.len() == usize::from(small().chunks) {
                for _ in 0..10 {
                    backend.poll(Wait::Now).unwrap();
                    assert!(backend.next_event().is_none());
                }
                for chunk in &lent {
                    received.extend_from_slice(backend.chunk(*chunk));
                }
                for chunk in lent.drain(..).rev() {
                    backend.recycle(chunk);
                }
            }
            received.len()
                + lent
                    .iter()
                    .map(|id| backend.chunk(*id).len())
                    .sum::<usize>()
                == bytes.len()
        });
        for chunk in lent {
            received.extend_from_slice(backend.chunk(chunk));
        }
        assert!(received == bytes);
        let _ = id;
    });
}

#[test]
fn a_chunk_cannot_be_given_back_twice() {
    for (_, make) in makes() {
        let caught = std::panic::catch_unwind(|| {
            let mut backend = make(&BackendOptions::default()).unwrap();
            let (mut near, far) = unix_pair();
            backend.adopt(far);
            near.write_all(b"x").unwrap();
            let Event::Received { chunk, .. } = next(&mut backend) else {
                panic!("no bytes")
            };
            backend.recycle(chunk);
            backend.recycle(chunk);
        });
        let message = *caught
            .unwrap_err()
            .downcast::<String>()
            .expect("an assertion's message");
        assert!(message.contains("lent"), "{message}");
    }
}

#[test]
fn a_burst_of_connections_is_accepted_and_unlistening_ends_it() {
    on_each(&small(), |mut backend| {
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap(), 256).unwrap();
        let Address::Inet(address) = listener.address().unwrap() else {
            unreachable!("bound to an internet address")
        };
        let listener = backend.listen(listener);
        let clients: Vec<_> = (0..200)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let mut accepted = Vec::new();
        drive(&mut backend, |_, event| {
            if let Some(Event::Accepted { fd, .. }) = event {
                accepted.push(fd);
            }
            accepted.len() == clients.len()
        });
        backend.unlisten(listener);
        drive(&mut backend, |_, event| {
            assert!(event.is_none(), "{event:?}");
            TcpStream::connect(address).is_err()
        });
        // And the address is free.
        bind_tcp(address, 16).unwrap();
    });
}

#[test]
fn a_turn_is_bounded() {
    on_each(&BackendOptions::default(), |mut backend| {
        let mut peers = Vec::new();
        for at in 0..600u32 {
            let (mut near, far) = unix_pair();
            let id = backend.adopt(far);
            near.write_all(&at.to_ne_bytes()).unwrap();
            peers.push((near, id));
        }
        let (mut received, mut turns) = (0, 0);
        while received < 600 {
            backend.poll(Wait::Until(PATIENCE)).unwrap();
            let mut events = 0;
            while let Some(event) = backend.next_event() {
                let Event::Received { socket, chunk } = event else {
                    panic!("unexpected {event:?}")
                };
                let at = u32::from_ne_bytes(backend.chunk(chunk).try_into().unwrap());
                assert_eq!(peers[at as usize].1, socket);
                backend.recycle(chunk);
                events += 1;
            }
            assert!(events <= 256, "{events} events in a turn");
            received += events;
            turns += 1;
        }
        assert!((3..20).contains(&turns), "{turns} turns");
    });
}

#[test]
fn more_sends_than_the_queues_hold_are_all_sent() {
    on_each(&small(), |mut backend| {
        let mut peers = Vec::new();
        for _ in 0..100 {
            let (near, far) = unix_pair();
            peers.push((near, backend.adopt(far)));
        }
        for round in 0..5u8 {
            for (at, (_, id)) in peers.iter().enumerate() {
                let out = output(&[round, at as u8]);
                // Quiet ones and those with a completion of their own, mixed.
                match (at + usize::from(round)) % 3 {
                    0 => backend.send_last(*id, out),
                    _ => backend.send(*id, out),
                }
            }
            let mut sent = 0;
            drive(&mut backend, |_, event| {
                match event {
                    Some(Event::Sent { .. }) => sent += 1,
                    Some(other) => panic!("unexpected {other:?}"),
                    None => {}
                }
                sent == peers.len()
            });
            for (at, (near, _)) in peers.iter_mut().enumerate() {
                let mut back = [0; 2];
                near.read_exact(&mut back).unwrap();
                assert_eq!(back, [round, at as u8]);
            }
        }
    });
}

#[test]
fn sockets_that_do_not_block_are_adopted_as_well() {
    on_each(&BackendOptions::default(), |mut backend| {
        let (mut near, far) = tcp_pair();
        let far = TcpStream::from(far);
        far.set_nonblocking(true).unwrap();
        let id = backend.adopt(far.into());
        settle(&mut backend);
        near.write_all(b"later").unwrap();
        assert_eq!(receive_exactly(&mut backend, id, 5), b"later");
        // More than the socket takes at once.
        let bytes = pattern(4, 8 << 20);
        let expected = bytes.clone();
        let reader = std::thread::spawn(move || {
            let mut back = vec![0; expected.len()];
            near.read_exact(&mut back).unwrap();
            assert!(back == expected);
            near
        });
        backend.send(id, output(&bytes));
        assert!(matches!(next(&mut backend), Event::Sent { .. }));
        drop(reader.join().unwrap());
    });
}

#[test]
fn dropping_a_back_end_lets_go_of_everything() {
    let value = Arc::new(pattern(3, 8 << 20));
    on_each(&BackendOptions::default(), |mut backend| {
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        let Address::Inet(address) = listener.address().unwrap() else {
            unreachable!("bound to an internet address")
        };
        backend.listen(listener);
        let waker = backend.waker();
        let (mut idle, idle_end) = tcp_pair();
        let (mut busy, busy_end) = tcp_pair();
        backend.adopt(idle_end);
        let id = backend.adopt(busy_end);
        let out = Output {
            bytes: Vec::new(),
            shared: vec![(0, Arc::clone(&value)); 4],
        };
        backend.send(id, out);
        for _ in 0..5 {
            backend.poll(Wait::Now).unwrap();
        }
        drop(backend);
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(idle.read(&mut [0; 8]).unwrap(), 0, "the peer sees the end");
        let _ = busy.read_to_end(&mut Vec::new());
        bind_tcp_beside(address, 16, &[]).expect("the address is free at once");
        waker.wake();
    });
}

/// The limit of open files belongs to the process, so this has one of its own.
#[test]
fn accepting_rests_without_descriptors_and_goes_on_with_them() {
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "ring::tests::accepting_without_descriptors",
            "--ignored",
        ])
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
#[ignore = "lowers the limit of open files; run by the test above in a process of its own"]
fn accepting_without_descriptors() {
    on_each(&BackendOptions::default(), |mut backend| {
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap(), 16).unwrap();
        let Address::Inet(address) = listener.address().unwrap() else {
            unreachable!("bound to an internet address")
        };
        let clock = Clock::new();
        let clients: Vec<_> = (0..3)
            .map(|_| TcpStream::connect(address).unwrap())
            .collect();
        let (soft, hard) = sys::file_limit().unwrap();
        // An armed io_uring accept keeps the limit there was when it was armed. So lower it first.
        sys::set_file_limit(3, hard).unwrap();
        backend.listen(listener);
        let (mut failures, start_us) = (0, clock.mono_us());
        drive(&mut backend, |_, event| {
            match event {
                Some(Event::AcceptFailed { error, .. }) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                    failures += 1;
                }
                Some(other) => panic!("unexpected {other:?}"),
                None => {}
            }
            failures == 3
        });
        // It rested in between.
        assert!(clock.mono_us() - start_us >= 190_000);
        sys::set_file_limit(soft, hard).unwrap();
        let mut accepted = Vec::new();
        drive(&mut backend, |_, event| {
            if let Some(Event::Accepted { fd, .. }) = event {
                accepted.push(fd);
            }
            accepted.len() == clients.len()
        });
    });
}
