//! The load generator's own inner loops: together they bound what one generator core can ask for.

use tessera_bench::keys::{Distribution, KeyChooser};
use tessera_bench::reply::ReplyScanner;
use tessera_bench::rng::Rng;
use tessera_bench::template::{Source, Template, value};

fn source(shards: u16, remote_share: Option<f64>) -> Source {
    Source {
        rng: Rng::new(1),
        keys: KeyChooser::new(100_000, Distribution::Uniform),
        shards,
        remote_share,
        sequence: 0,
        sequence_step: 1,
        last: 0,
    }
}

fn render(count: u64, mut source: Source) -> u64 {
    let get = Template::parse("GET key:{r}", "").expect("a template that parses");
    let mut out = Vec::new();
    let mut sum = 0u64;
    for _ in 0..count {
        get.render(&mut source, 0, 0, &mut out);
        sum = sum.wrapping_mul(31).wrapping_add(source.last);
        if out.len() > 4_096 {
            out.clear();
        }
    }
    sum.wrapping_add(out.len() as u64)
}

pub(crate) fn render_get(count: u64) -> u64 {
    render(count, source(1, None))
}

pub(crate) fn render_get_placed(count: u64) -> u64 {
    render(count, source(2, Some(0.5)))
}

pub(crate) fn scan_replies(count: u64) -> u64 {
    let reply = format!("$64\r\n{}\r\n", value(64));
    let stream = reply.repeat(64);
    let mut scanner = ReplyScanner::default();
    let mut replies = 0;
    while replies < count {
        replies += scanner.feed(stream.as_bytes()).expect("replies");
    }
    replies
}

pub(crate) fn zipf(count: u64) -> u64 {
    let keys = KeyChooser::new(100_000, Distribution::Zipf(0.99));
    let mut rng = Rng::new(1);
    (0..count).fold(0u64, |sum, _| {
        sum.wrapping_mul(31).wrapping_add(keys.next(&mut rng))
    })
}
