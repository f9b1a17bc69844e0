//! Accepting: one core listens and hands the sockets out in turn, so that clients are spread evenly.

use super::client::Client;
use super::turn::ShardThread;
use crate::base::slot::ShardId;
use crate::resp::CommandError;
use crate::ring::{Address, Backend, Listener, ListenerId, SocketId, local_address, peer_address};
use crate::session::{ClientKind, Session};
use crate::shard::{Accepted, Mode, Ticket};
use std::collections::VecDeque;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::atomic::Ordering;

/// A bound socket.
pub struct Bound {
    /// The socket.
    pub listener: Listener,
    /// Whether it is a unix socket.
    pub unix: bool,
}

/// The listening part of a core; empty on all but the first.
#[derive(Default)]
pub(super) struct Acceptor {
    listening: Vec<(ListenerId, bool)>,
    next: usize,
    /// Accepted while the core whose turn it was had no credit left.
    held: VecDeque<Accepted>,
}

impl Acceptor {
    /// Listens on these and no longer on the former ones.
    pub(super) fn replace(&mut self, backend: &mut Backend, listeners: Vec<Bound>) {
        for (old, _) in self.listening.drain(..) {
            backend.unlisten(old);
        }
        for Bound { listener, unix } in listeners {
            self.listening.push((backend.listen(listener), unix));
        }
    }
}

impl ShardThread {
    /// A connection came in: refuse it, keep it, or hand it to the core whose turn it is.
    pub(super) fn accepted(&mut self, listener: ListenerId, fd: OwnedFd) {
        let unix = self
            .acceptor
            .listening
            .iter()
            .any(|(id, unix)| *id == listener && *unix);
        if self.home.server.process.clients.load(Ordering::Relaxed) >= self.home.config.maxclients {
            self.home.stats.rejected_connections.add(1);
            refuse(fd, CommandError::MAX_CLIENTS.text());
            return;
        }
        if self.home.config.protected_mode
            && self.home.users.default_user().no_password
            && !unix
            && peer_address(fd.as_fd()).is_ok_and(|peer| !peer.is_loopback())
        {
            self.home.stats.rejected_connections.add(1);
            refuse(fd, CommandError::PROTECTED_MODE.text());
            return;
        }
        self.home
            .server
            .process
            .clients
            .fetch_add(1, Ordering::Relaxed);
        self.acceptor.held.push_back(Accepted { fd, unix });
        self.hand_out();
    }

    fn next_home(&mut self) -> ShardId {
        let next = self.acceptor.next % self.home.slots.shards();
        self.acceptor.next = next + 1;
        ShardId(next as u16)
    }

    fn hand_out(&mut self) {
        while let Some(accepted) = self.acceptor.held.pop_front() {
            let mut shard = self.next_home();
            if self.home.server.scripts.any_busy() {
                // One that serves all commands, if there is one.
                let mut turns = self.home.slots.shards();
                while turns > 0 && self.home.any_is_busy(&[shard]) {
                    shard = self.next_home();
                    turns -= 1;
                }
            }
            if shard == self.home.id || !self.home.has_credit(shard) {
                self.adopt(accepted);
                continue;
            }
            let mut frame = self.home.frame();
            frame.items.clear();
            frame.mode = Mode::Adopt(Some(accepted));
            frame.ticket = Ticket {
                client: u32::MAX,
                generation: 0,
                sequence: 0,
            };
            self.home.push(shard, frame);
        }
    }

    /// Makes a connection a client of this core.
    pub(super) fn adopt(&mut self, accepted: Accepted) {
        let Accepted { fd, unix } = accepted;
        let number = fd.as_raw_fd();
        let (addr, laddr) = match unix {
            true => {
                let path = format!("{}:0", self.home.config.unixsocket);
                (path.clone(), path)
            }
            false => {
                let text = |address: std::io::Result<Address>| {
                    address.map_or_else(|_| "?:0".into(), |address| address.to_string())
                };
                (
                    text(peer_address(fd.as_fd())),
                    text(local_address(fd.as_fd())),
                )
            }
        };
        let id = self
            .home
            .server
            .process
            .next_client_id
            .fetch_add(1, Ordering::Relaxed)
            + 1;
        let socket = self.backend.adopt(fd);
        let user = self.home.users.default_user();
        let mut session = Session::new(id, addr, laddr, number, self.home.now(), user);
        session.unix = unix;
        self.welcome(socket, session);
        self.home.stats.connections.add(1);
    }

    /// Makes a client of the other end of this connection to ourselves.
    pub(super) fn adopt_loader(&mut self, fd: OwnedFd) {
        let number = fd.as_raw_fd();
        let socket = self.backend.adopt(fd);
        let (user, now) = (self.home.users.default_user(), self.home.now());
        let mut session = Session::new(0, String::new(), String::new(), number, now, user);
        session.kind = ClientKind::Loader;
        session.authenticated = true;
        session.is_limited = false;
        let clients = &self.home.server.process.clients;
        clients.fetch_add(1, Ordering::Relaxed);
        self.welcome(socket, session);
    }

    fn welcome(&mut self, socket: SocketId, mut session: Session) {
        session.shard = self.home.id;
        let out = self.home.outputs.pop().unwrap_or_default();
        let index = socket.index();
        if self.home.clients.len() <= index {
            self.home.clients.resize_with(index + 1, || None);
        }
        self.home.clients[index] = Some(Box::new(Client::new(socket, session, out)));
        self.home.stats.clients.add(1);
    }
}

/// Says why and hangs up. The socket's buffer is empty, so a few hundred bytes always fit.
fn refuse(fd: OwnedFd, text: &[u8]) {
    let line = [b"-", text, b"\r\n"].concat();
    let mut stream = std::net::TcpStream::from(fd);
    let _ = stream
        .set_nonblocking(true)
        .and_then(|()| stream.write_all(&line));
}
