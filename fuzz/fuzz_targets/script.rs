//! Scripts take any text, any reply of a command and anything to decode, and the interpreter is none the worse for it.
//!
//! The first byte of the input chooses what the rest is: the text of a script, a reply that a script reads and returns,
//! or what the libraries decode.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::cell::Cell;
use std::sync::Arc;
use tessera::resp::{Args, CommandError, Output, OwnedArgs, Proto, Reply};
use tessera::script::{Call, Host, Refusal, Scripts, Shared};

/// A server with commands that reply what they are told; it stops a script that takes long.
struct Told {
    shared: Arc<Shared>,
    out: Output,
    /// No script runs for long any more.
    is_stopped: bool,
}

impl Host for Told {
    fn call(
        &mut self,
        args: Args<'_>,
        _: Proto,
        reply: &mut Vec<u8>,
        may_write: &dyn Fn() -> bool,
    ) -> Result<(), Refusal> {
        match args.arg(0) {
            b"raw" if args.len() > 1 => reply.extend_from_slice(args.arg(1)),
            b"elsewhere" => return Err(Refusal::Elsewhere),
            b"write" if !may_write() => return Err(Refusal::Killed),
            b"write" => reply.extend_from_slice(b"+OK\r\n"),
            _ => return Err(Refusal::Error(CommandError::SYNTAX)),
        }
        Ok(())
    }

    fn set_reach(&mut self, _: bool, _: bool) {}

    fn may_call(&mut self, _: Args<'_>) -> Option<bool> {
        None
    }

    fn described(&self) -> (Vec<u8>, OwnedArgs) {
        Default::default()
    }

    fn reply(&mut self, write: &mut dyn FnMut(&mut Reply<'_>)) {
        write(&mut Reply::new(&mut self.out, Proto::Resp3));
    }

    fn breathe(&mut self) {
        // What has written cannot be killed, but by a server that ends.
        if self.shared.kill(false).is_err() {
            self.shared.stop();
            self.is_stopped = true;
        }
    }
}

struct Bench {
    shared: Arc<Shared>,
    scripts: Scripts,
}

impl Bench {
    fn new() -> Bench {
        let shared = Arc::new(Shared::new(1));
        let clock = Cell::new(0);
        // A millisecond a look.
        let now = move || {
            clock.set(clock.get() + 1000);
            clock.get()
        };
        let scripts = Scripts::new(Arc::clone(&shared), 0, 1, now);
        Bench { shared, scripts }
    }

    /// What the script replies, and whether it had to be stopped.
    fn run(&self, text: &[u8], argument: &[u8]) -> (Vec<u8>, bool) {
        let Ok(script) = self.scripts.by_text(text) else {
            return Default::default();
        };
        let arguments: OwnedArgs = [b"key", argument].into_iter().collect();
        let call = Call {
            name: b"name",
            keys: arguments.as_args(),
            args: arguments.as_args().from(1),
            busy_us: 10_000,
        };
        let mut host = Told {
            shared: Arc::clone(&self.shared),
            out: Output::new(),
            is_stopped: false,
        };
        let _ = self.scripts.eval(&script, &call, &mut host);
        (host.out.bytes.to_vec(), host.is_stopped)
    }
}

thread_local! {
    static BENCH: Cell<Option<Bench>> = const { Cell::new(None) };
}

const READS: [&str; 6] = [
    "return redis.pcall('raw', ARGV[1])",
    "redis.setresp(3) return redis.pcall('raw', ARGV[1])",
    "redis.setresp(3) local r = redis.call('raw', ARGV[1]) redis.setresp(2) return {r, r}",
    "return cjson.encode(cjson.decode(ARGV[1]))",
    "return cmsgpack.pack(cmsgpack.unpack(ARGV[1]))",
    "return {struct.unpack(ARGV[1], ARGV[1])}",
];

fuzz_target!(|input: &[u8]| {
    let [choice, bytes @ ..] = input else {
        return;
    };
    let bench = BENCH.take().unwrap_or_else(Bench::new);
    let (_, is_stopped) = match READS.get(usize::from(*choice)) {
        Some(text) => bench.run(text.as_bytes(), bytes),
        None => bench.run(bytes, bytes),
    };
    if is_stopped {
        return;
    }
    bench.shared.flush_scripts();
    let (reply, _) = bench.run(b"return {1, KEYS[1], ARGV[1]}", b"x");
    assert_eq!(reply, b"*3\r\n:1\r\n$3\r\nkey\r\n$1\r\nx\r\n");
    BENCH.set(Some(bench));
});
