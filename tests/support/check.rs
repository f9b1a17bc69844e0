//! `check`: a transcript on every variant, step by step and then pipelined.
//!
//! Pipelined means that the steps that follow each other on one connection are sent at once, cut at random
//! places into several writes, before any reply is read: neither where the bytes are cut nor how many
//! commands wait may change an answer. The databases are emptied before each run, settings changed with
//! CONFIG SET are put back after it, and connections are closed. All mismatches of a run are collected, so
//! that one report shows everything wrong with a command.

use std::panic::Location;

use super::clock;
use super::expect::{Expect, Saved};
use super::process::Server;
use super::resp::{Conn, ReadError, Value, encode};
use super::rng::{self, Rng};
use super::transcript::{Action, Scope, Step, Templates, parse};
use super::variants::{self, clean, peer, variants};

/// Runs the transcript in RESP2.
#[track_caller]
pub(crate) fn check(text: &str) {
    run(text, &[false], Location::caller());
}

/// Runs the transcript in RESP3.
#[track_caller]
pub(crate) fn check_resp3(text: &str) {
    run(text, &[true], Location::caller());
}

/// Runs the transcript in both protocols; expectations say what is meant, not how it is encoded.
#[track_caller]
pub(crate) fn check_both(text: &str) {
    run(text, &[false, true], Location::caller());
}

fn run(text: &str, protocols: &[bool], caller: &'static Location<'static>) {
    // A peer is not asked what it cannot answer as we do.
    let mut steps = parse(text);
    steps.retain(applies);
    let seed = rng::seed();
    // Runs that went wrong in the same way are reported together: (what went wrong, in which runs).
    let mut reports: Vec<(String, String)> = Vec::new();
    for variant in variants() {
        let mut shared = variant.lock();
        for &resp3 in protocols {
            for pipelined in [false, true] {
                let mut session = Session::new(shared.server(), resp3, Rng::new(seed));
                session.play(&steps, pipelined);
                let mut failures = std::mem::take(&mut session.failures);
                session.restore(&mut failures);
                drop(session);
                if !shared.server().is_running() {
                    failures.push(format!("the server died\n{}", shared.server().log_tail()));
                }
                if failures.is_empty() {
                    continue;
                }
                let mode = if pipelined {
                    "pipelined"
                } else {
                    "step by step"
                };
                let proto = if resp3 { "RESP3" } else { "RESP2" };
                let run = format!("-- {}, {proto}, {mode}\n", variant.name);
                let wrong = failures.join("\n");
                match reports.iter_mut().find(|(known, _)| *known == wrong) {
                    Some((_, runs)) => runs.push_str(&run),
                    None => reports.push((wrong, run)),
                }
                // What went wrong may have left anything behind.
                shared.discard();
                shared = {
                    drop(shared);
                    variant.lock()
                };
            }
        }
    }
    let report: String = reports
        .iter()
        .map(|(wrong, runs)| format!("{runs}{wrong}\n"))
        .collect();
    assert!(
        report.is_empty(),
        "transcript at {caller} does not hold (seed {seed}):\n{report}"
    );
}

/// One run of one transcript.
struct Session<'a> {
    server: &'a mut Server,
    control: Option<Conn>,
    resp3: bool,
    rng: Rng,
    conns: Vec<Client>,
    saved: Saved,
    /// Settings as they were before the transcript changed them.
    settings: Vec<(String, String)>,
    failures: Vec<String>,
}

struct Client {
    name: String,
    conn: Conn,
    resp3: bool,
}

/// The run cannot go on: replies would be matched with the wrong steps.
struct Lost;

impl<'a> Session<'a> {
    fn new(server: &'a mut Server, resp3: bool, rng: Rng) -> Session<'a> {
        let mut session = Session {
            server,
            control: None,
            resp3,
            rng,
            conns: Vec::new(),
            saved: Saved::new(),
            settings: Vec::new(),
            failures: Vec::new(),
        };
        match session.server.try_conn() {
            Ok(mut conn) => {
                clean(&mut conn);
                session.control = Some(conn);
            }
            Err(error) => session.failures.push(format!("cannot connect: {error}")),
        }
        session
    }

    fn play(&mut self, steps: &[Step], pipelined: bool) {
        let mut rest = steps;
        while !rest.is_empty() && self.control.is_some() {
            let count = if pipelined { batch(rest) } else { 1 };
            if self.play_batch(&rest[..count]).is_err() {
                return;
            }
            rest = &rest[count..];
        }
        for client in &self.conns {
            if client.conn.has_unread() {
                self.failures
                    .push(format!("{}: a reply nobody asked for", client.name));
            }
        }
    }

    fn play_batch(&mut self, steps: &[Step]) -> Result<(), Lost> {
        let first = &steps[0];
        if first.action == Action::Close {
            self.conns.retain(|client| client.name != first.conn);
            return Ok(());
        }
        for step in steps {
            self.remember_settings(step);
        }
        let at = self.client(first)?;
        if let Action::Eventually(words) = &first.action {
            return self.play_eventually(at, first, words);
        }
        let mut bytes = Vec::new();
        for step in steps {
            let templates = Templates { saved: &self.saved };
            match &step.action {
                Action::Command(words) => {
                    let words: Vec<Vec<u8>> = words.iter().map(|w| templates.word(w)).collect();
                    encode(&words, &mut bytes);
                }
                Action::Raw(word) => bytes.extend_from_slice(&templates.word(word)),
                Action::Read | Action::Close | Action::Eventually(_) => {}
            }
        }
        self.send(at, &bytes, steps.len() > 1);
        for step in steps {
            self.receive(at, step)?;
        }
        Ok(())
    }

    /// Errors of writing are not reported: the server may have closed, and then reading shows how.
    fn send(&mut self, at: usize, mut bytes: &[u8], split: bool) {
        let conn = &mut self.conns[at].conn;
        while split && bytes.len() > 1 {
            // Mostly small pieces, sometimes everything there is.
            let most = bytes.len().min(1 << self.rng.below(17));
            let (piece, rest) = bytes.split_at(1 + self.rng.below(most));
            if conn.send(piece).is_err() {
                return;
            }
            bytes = rest;
        }
        let _ = conn.send(bytes);
    }

    fn receive(&mut self, at: usize, step: &Step) -> Result<(), Lost> {
        let expect = self.expectation(step);
        let client = &mut self.conns[at];
        if matches!(expect, Expect::None) {
            return Ok(());
        }
        let reply = client.conn.read();
        if std::env::var_os("TESSERA_RECORD").is_some() {
            eprintln!("{}   ##> {reply:?}", step.text);
        }
        match reply {
            Ok(value) => {
                // HELLO's reply is already in the new protocol.
                if let Some(resp3) = protocol_after(step, &value) {
                    client.resp3 = resp3;
                }
                if !expect.matches(&value, client.resp3, &mut self.saved) {
                    self.fail(step, &value.to_string());
                }
                Ok(())
            }
            Err(ReadError::Closed) if matches!(expect, Expect::Closed) => {
                self.conns.remove(at);
                // The rest of a batch was sent in vain; what follows may reconnect.
                Ok(())
            }
            Err(error) => {
                self.fail(step, &format!("{error:?}"));
                Err(Lost)
            }
        }
    }

    fn play_eventually(&mut self, at: usize, step: &Step, words: &[String]) -> Result<(), Lost> {
        let expect = self.expectation(step);
        let templates = Templates { saved: &self.saved };
        let words: Vec<Vec<u8>> = words.iter().map(|w| templates.word(w)).collect();
        let mut bytes = Vec::new();
        encode(&words, &mut bytes);
        let mut last = String::from("nothing");
        let client = &mut self.conns[at];
        let saved = &mut self.saved;
        let done = clock::wait_within(clock::PATIENCE, || {
            let reply = client.conn.send(&bytes).map(|()| client.conn.read());
            let Ok(Ok(value)) = reply else {
                last = format!("{reply:?}");
                return Some(Err(Lost));
            };
            if expect.matches(&value, client.resp3, saved) {
                return Some(Ok(()));
            }
            last = value.to_string();
            None
        });
        if !matches!(done, Some(Ok(()))) {
            self.fail(step, &last);
        }
        done.unwrap_or(Ok(()))
    }

    /// What the step must give.
    fn expectation(&self, step: &Step) -> Expect {
        let templates = Templates { saved: &self.saved };
        Expect::parse(&templates.expectation(&step.expect))
    }

    fn fail(&mut self, step: &Step, got: &str) {
        self.failures
            .push(format!("{}\n      got {got}", step.text));
    }

    /// The index of the step's connection, opened at its first use.
    fn client(&mut self, step: &Step) -> Result<usize, Lost> {
        if let Some(at) = self
            .conns
            .iter()
            .position(|client| client.name == step.conn)
        {
            return Ok(at);
        }
        let mut conn = match self.server.try_conn() {
            Ok(conn) => conn,
            Err(error) => {
                self.fail(step, &format!("cannot connect: {error}"));
                return Err(Lost);
            }
        };
        if self.resp3 {
            let hello = conn.send_command(&[b"HELLO", b"3"]).map(|()| conn.read());
            if !matches!(hello, Ok(Ok(Value::Map(_)))) {
                self.fail(step, &format!("HELLO 3 => {hello:?}"));
                return Err(Lost);
            }
        }
        self.conns.push(Client {
            name: step.conn.clone(),
            conn,
            resp3: self.resp3,
        });
        Ok(self.conns.len() - 1)
    }

    /// Before a CONFIG SET: notes what it will overwrite.
    fn remember_settings(&mut self, step: &Step) {
        let words = step.words();
        let is_set = words.len() >= 4
            && words[0].eq_ignore_ascii_case("config")
            && words[1].eq_ignore_ascii_case("set");
        let Some(control) = self.control.as_mut().filter(|_| is_set) else {
            return;
        };
        for name in words[2..].iter().step_by(2) {
            if self.settings.iter().any(|(known, _)| known == name) {
                continue;
            }
            let reply = control.call_words(&[b"CONFIG", b"GET", name.as_bytes()]);
            if let Value::Array(pair) = reply
                && pair.len() == 2
            {
                self.settings.push((name.clone(), pair[1].text()));
            }
        }
    }

    /// Closes the connections and puts the settings back.
    fn restore(&mut self, failures: &mut Vec<String>) {
        self.conns.clear();
        let Some(control) = self.control.as_mut() else {
            return;
        };
        for (name, value) in self.settings.drain(..).rev() {
            let words: [&[u8]; 4] = [b"CONFIG", b"SET", name.as_bytes(), value.as_bytes()];
            if control.send_command(&words).is_err() || control.read().is_err() {
                failures.push(format!("could not put back {name}"));
                return;
            }
        }
    }
}

/// Whether the step tells what this server does.
fn applies(step: &Step) -> bool {
    match (step.scope, peer()) {
        (Scope::Everyone, _) | (_, None) => true,
        (Scope::Ours, Some(_)) => false,
        (Scope::Since(major, minor), Some(peer)) => peer.version >= (major, minor),
    }
}

/// How many steps from the first one can be sent before a reply is read.
fn batch(steps: &[Step]) -> usize {
    let first = &steps[0];
    if matches!(first.action, Action::Close | Action::Eventually(_)) {
        return 1;
    }
    let mut count = 1;
    while let Some(step) = steps.get(count) {
        let joins = step.conn == first.conn
            && matches!(step.action, Action::Command(_) | Action::Raw(_) | Action::Read)
            && !step.uses_saved()
            // Nothing can be sent once the server has hung up.
            && steps[count - 1].expect != "closed";
        if !joins {
            break;
        }
        count += 1;
    }
    count
}

/// The protocol the connection speaks from this reply on, if the step changed it.
fn protocol_after(step: &Step, reply: &Value) -> Option<bool> {
    let words = step.words();
    let name = words.first()?;
    if reply.is_error() {
        return None;
    }
    if name.eq_ignore_ascii_case("hello") {
        return Some(words.get(1)? == "3");
    }
    (*reply == Value::Simple(b"RESET".to_vec())).then_some(false)
}

/// A server of every variant in turn, for scenarios that are not transcripts. The server is shared, emptied
/// before, and must be alive afterwards.
#[track_caller]
pub(crate) fn on_every_server(scenario: impl Fn(&mut Server)) {
    variants::each_variant(|variant| {
        let mut shared = variant.lock();
        clean(&mut shared.server().conn());
        scenario(shared.server());
        assert!(
            shared.server().is_running(),
            "the server died in variant {}\n{}",
            variant.name,
            shared.server().log_tail()
        );
    });
}
