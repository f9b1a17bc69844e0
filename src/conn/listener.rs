//! Accepting: one core listens and hands the sockets out in turn, so that clients are spread evenly.

use super::client::Client;
use super::turn::ShardThread;
use crate::base::slot::ShardId;
use crate::ring::{Backend, Listener, ListenerId};
use crate::session::Session;
use crate::shard::{Accepted, Mode, Ticket};
use std::collections::VecDeque;
use std::os::fd::{AsRawFd, OwnedFd};
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

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";
const PROTECTED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no \
password is set for the default user. In this mode connections are only accepted from the loopback interface. If you \
want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable \
protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis \
from the same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do \
so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by \
editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the server. \
3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a \
an authentication password for the default user. NOTE: You only need to do one of the above things in order for the \
server to start accepting connections from the outside.\r\n";

impl ShardThread {
    /// A connection came in: refuse it, keep it, or hand it to the core whose turn it is.
    pub(super) fn accepted(&mut self, listener: ListenerId, fd: OwnedFd) {
        let unix = self.acceptor.listening.iter().any(|(id, unix)| *id == listener && *unix);
        if self.home.server.process.clients.load(Ordering::Relaxed) >= self.home.config.maxclients {
            crate::ring::send_once(&fd, TOO_MANY);
            self.home.stats.rejected_connections.add(1);
            return;
        }
        if self.home.config.protected_mode
            && self.home.config.requirepass.is_empty()
            && !unix
            && !crate::ring::is_loopback_peer(&fd)
        {
            crate::ring::send_once(&fd, PROTECTED);
            self.home.stats.rejected_connections.add(1);
            return;
        }
        self.home.server.process.clients.fetch_add(1, Ordering::Relaxed);
        self.acceptor.held.push_back(Accepted { fd, unix });
        self.hand_out();
    }

    fn hand_out(&mut self) {
        while let Some(accepted) = self.acceptor.held.pop_front() {
            let shard = ShardId((self.acceptor.next % self.home.slots.shards()) as u16);
            self.acceptor.next += 1;
            if shard == self.home.id || !self.home.has_credit(shard) {
                self.adopt(accepted);
                continue;
            }
            let mut frame = self.home.frame();
            frame.items.clear();
            frame.mode = Mode::Adopt(Some(accepted));
            frame.ticket = Ticket { client: u32::MAX, generation: 0, sequence: 0 };
            self.home.push(shard, frame);
        }
    }

    /// Makes a connection a client of this core.
    pub(super) fn adopt(&mut self, accepted: Accepted) {
        let Accepted { fd, unix } = accepted;
        let number = fd.as_raw_fd();
        if !unix && self.home.config.tcp_keepalive > 0 {
            crate::ring::set_keepalive(&fd, self.home.config.tcp_keepalive as u32);
        }
        let (addr, laddr) = match unix {
            true => {
                let path = format!("{}:0", self.home.config.unixsocket);
                (path.clone(), path)
            }
            false => (crate::ring::peer_address(&fd), crate::ring::local_address(&fd)),
        };
        let id = self.home.server.process.next_client_id.fetch_add(1, Ordering::Relaxed) + 1;
        let socket = self.backend.adopt(fd);
        let mut session = Session::new(id, addr, laddr, number, self.home.now());
        session.unix = unix;
        session.shard = self.home.id;
        session.authenticated = self.home.config.requirepass.is_empty();
        let out = self.home.outputs.pop().unwrap_or_default();
        let index = socket.index();
        if self.home.clients.len() <= index {
            self.home.clients.resize_with(index + 1, || None);
        }
        self.home.clients[index] = Some(Box::new(Client::new(socket, session, out)));
        self.home.stats.clients.add(1);
        self.home.stats.connections.add(1);
    }
}
