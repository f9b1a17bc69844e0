//! Any chunking of any bytes parses alike.
//!
//! The first byte of the input chooses the limits, the second seeds the cuts; the rest is what the client sends. It is
//! parsed in one piece, in pieces, and byte by byte; the three must agree on every request and on where they stopped.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tessera::base::Rng;
use tessera::resp::{Args, ParseLimits, Parsed, Parser, ProtocolError, Span};

#[derive(PartialEq, Debug)]
enum Event {
    Command(Vec<Vec<u8>>),
    Skip,
    Attack,
    Error(ProtocolError),
    Rest(usize),
}

fuzz_target!(|input: &[u8]| {
    let [limits, seed, bytes @ ..] = input else {
        return;
    };
    let limits = ParseLimits {
        bulk_bytes_max: if limits & 2 == 0 { 64 } else { i64::MAX },
        authenticated: limits & 1 == 0,
    };
    let whole = events(bytes, &limits, || bytes.len());
    let mut rng = Rng::new(u64::from(*seed));
    assert_eq!(events(bytes, &limits, || rng.index(30) + 1), whole);
    assert_eq!(events(bytes, &limits, || 1), whole);
});

fn events(bytes: &[u8], limits: &ParseLimits, mut piece: impl FnMut() -> usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut parser = Parser::new();
    let mut spans = Vec::new();
    let (mut start, mut end) = (0, 0);
    loop {
        let buf = &bytes[start..end];
        match parser.parse(buf, limits, &mut spans) {
            Parsed::NeedMore { hint } => {
                assert!(hint > 0);
                if end == bytes.len() {
                    events.push(Event::Rest(buf.len()));
                    return events;
                }
                end = (end + piece().max(1)).min(bytes.len());
                // Another connection uses the same vector in between.
                spans.push(Span { start: 1, len: 2 });
            }
            Parsed::Command { consumed } => {
                let args = parser.inline_args().unwrap_or(Args::new(buf, &spans));
                events.push(Event::Command(args.iter().map(<[u8]>::to_vec).collect()));
                start += consumed;
            }
            Parsed::Skip { consumed } => {
                events.push(Event::Skip);
                start += consumed;
            }
            Parsed::Attack => {
                events.push(Event::Attack);
                return events;
            }
            Parsed::Error(error) => {
                events.push(Event::Error(error));
                return events;
            }
        }
    }
}
