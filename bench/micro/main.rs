//! `tessera-micro`: the inner loops, one at a time, without a network.
//!
//! A benchmark is a function that does `count` operations and returns a checksum of what it computed: printed, so that
//! the work cannot be optimised away, and compared between the repetitions, since inputs are seeded. The same
//! functions run with small counts in `cargo test`: they cannot rot.
//!
//! To add one: a function `fn name(count: u64) -> u64` in a file of its subject, and a row in `BENCHMARKS`.

mod generator;

use tessera_bench::clock::now_ns;

/// Name, the work, and operations of one repetition.
type Benchmark = (&'static str, fn(u64) -> u64, u64);

const BENCHMARKS: &[Benchmark] = &[
    ("generator/render-get", generator::render_get, 2_000_000),
    (
        "generator/render-get-placed",
        generator::render_get_placed,
        1_000_000,
    ),
    ("generator/scan-replies", generator::scan_replies, 5_000_000),
    ("generator/zipf", generator::zipf, 2_000_000),
    // The server's request parser, reply builder, slot table and number formatting belong here, a file each.
];

const REPETITIONS: u32 = 7;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    println!("{:<32} {:>10} {:>10}  checksum", "", "best ns", "median ns");
    for (name, work, count) in BENCHMARKS
        .iter()
        .filter(|(name, ..)| name.starts_with(&only))
    {
        let mut times = Vec::new();
        let mut checksum = work(count / 10); // warms up
        for repetition in 0..REPETITIONS {
            let begin = now_ns();
            let sum = work(*count);
            times.push((now_ns() - begin) as f64 / *count as f64);
            assert!(
                repetition == 0 || sum == checksum,
                "{name} computes something else each time"
            );
            checksum = sum;
        }
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!(
            "{name:<32} {:>10.2} {median:>10.2}  {checksum:016x}",
            times[0]
        );
    }
}

#[cfg(test)]
mod tests {
    use super::BENCHMARKS;

    #[test]
    fn every_benchmark_runs_and_repeats_itself() {
        for (name, work, _) in BENCHMARKS {
            assert_eq!(work(1_000), work(1_000), "{name}");
        }
    }
}
