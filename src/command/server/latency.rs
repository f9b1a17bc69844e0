//! LATENCY: spikes by event, as all cores recorded them, and the run times of commands.
//!
//! A spike belongs to the core where it happened. Asked for, the logs of all cores are laid over each other: of two
//! samples of one event in one second the longer stays, as within a core.

use super::Result;
use super::fields::distribution;
use crate::command::ctx::{Core, Flow, Gather, HomeCtx};
use crate::command::introspect::reply_help;
use crate::command::spec::CommandSpec;
use crate::resp::{Args, CommandError, Reply};
use crate::stats::LatencyEvent;
use std::collections::BTreeMap;

/// Samples that HISTORY shows at most, as many as one core keeps.
const SAMPLES_MAX: usize = 160;

/// The spikes of one event, over all cores.
#[derive(Debug, Default, PartialEq)]
struct Spikes {
    /// Longest by second.
    samples: BTreeMap<i64, u64>,
    /// Longest ever, in milliseconds.
    worst: u64,
}

type Log = Vec<(&'static str, Vec<LatencyEvent>, u64)>;

/// Asks all cores for their spikes and replies what `show` makes of them.
fn with_spikes(
    show: impl FnOnce(BTreeMap<&'static str, Spikes>, &mut Reply<'_>) + 'static,
) -> Result {
    Ok(Flow::Gather(Gather::new(
        |core: &mut dyn Core| core.latency().iter().collect::<Log>(),
        |logs, reply| show(overlay(logs), reply),
    )))
}

fn overlay(logs: Vec<Log>) -> BTreeMap<&'static str, Spikes> {
    let mut events: BTreeMap<&'static str, Spikes> = BTreeMap::new();
    for (name, samples, worst) in logs.into_iter().flatten() {
        let spikes = events.entry(name).or_default();
        spikes.worst = spikes.worst.max(worst);
        for sample in samples {
            let millis = spikes.samples.entry(sample.time).or_default();
            *millis = sample.millis.max(*millis);
        }
    }
    for spikes in events.values_mut() {
        while spikes.samples.len() > SAMPLES_MAX {
            spikes.samples.pop_first();
        }
    }
    events
}

/// For each event its name, when it happened last, how long that took, and the longest ever.
pub fn latest(_: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    with_spikes(|events, reply| {
        reply.array(events.len());
        for (name, spikes) in events {
            let (time, millis) = spikes
                .samples
                .last_key_value()
                .map_or((0, 0), |(t, m)| (*t, *m));
            reply.array(4);
            reply.bulk_str(name);
            reply.integer(time);
            reply.integer(millis as i64);
            reply.integer(spikes.worst as i64);
        }
    })
}

/// The spikes of one event: when, and how long.
pub fn history(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let asked = args.arg(2).to_vec();
    with_spikes(move |mut events, reply| {
        let samples = take(&mut events, &asked).map_or_else(BTreeMap::new, |(_, s)| s.samples);
        reply.array(samples.len());
        for (time, millis) in samples {
            reply.array(2);
            reply.integer(time);
            reply.integer(millis as i64);
        }
    })
}

fn take(
    events: &mut BTreeMap<&'static str, Spikes>,
    name: &[u8],
) -> Option<(&'static str, Spikes)> {
    let found = events.keys().find(|known| known.as_bytes() == name);
    let found = *found?;
    events.remove_entry(found)
}

/// Forgets the named events, or all; replies how many there were.
pub fn reset(_: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let names: Vec<Vec<u8>> = args.from(2).iter().map(<[u8]>::to_vec).collect();
    Ok(Flow::Gather(Gather::new(
        move |core: &mut dyn Core| core.latency().reset(&names),
        |gone, reply| {
            let mut gone: Vec<&str> = gone.into_iter().flatten().collect();
            gone.sort_unstable();
            gone.dedup();
            reply.count(gone.len());
        },
    )))
}

/// Draws the spikes of one event.
pub fn graph(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let asked = args.arg(2).to_vec();
    let now = cx.now.ms.seconds();
    with_spikes(move |mut events, reply| match take(&mut events, &asked) {
        Some((name, spikes)) => reply.verbatim("txt", draw(name, &spikes, now).as_bytes()),
        None => {
            let mut text = b"ERR No samples available for event '".to_vec();
            text.extend_from_slice(&asked);
            text.push(b'\'');
            reply.error(&CommandError::owned(text));
        }
    })
}

/// Columns of a drawing: more samples than these go below, in a drawing of their own.
const COLUMNS: usize = 80;
/// Rows of its bars.
const ROWS: u64 = 4;
/// Tips of bars, by the third of a row they reach.
const TIPS: [char; 3] = ['_', 'o', '#'];

/// A bar a sample, oldest left, and below each, read downwards, how long ago it was.
fn draw(name: &str, spikes: &Spikes, now: i64) -> String {
    let samples: Vec<(i64, u64)> = spikes.samples.iter().map(|(t, m)| (*t, *m)).collect();
    let high = samples.iter().map(|(_, millis)| *millis).max().unwrap_or(0);
    let low = samples.iter().map(|(_, millis)| *millis).min().unwrap_or(0);
    let mut text = format!(
        "{name} - high {high} ms, low {low} ms (all time high {} ms)\n",
        spikes.worst
    );
    text.push_str(&"-".repeat(COLUMNS));
    text.push('\n');
    for (number, samples) in samples.chunks(COLUMNS).enumerate() {
        if number > 0 {
            text.push('\n');
        }
        draw_columns(&mut text, samples, low..=high, now);
    }
    text
}

fn draw_columns(
    text: &mut String,
    samples: &[(i64, u64)],
    range: std::ops::RangeInclusive<u64>,
    now: i64,
) {
    let thirds = TIPS.len() as u64;
    let (low, span) = (*range.start(), (range.end() - range.start()).max(1));
    let tip = |millis: u64| ((millis - low) * thirds * ROWS / span).min(thirds * ROWS - 1);
    for row in (0..ROWS).rev() {
        let cells =
            samples
                .iter()
                .map(|(_, millis)| match tip(*millis).checked_sub(row * thirds) {
                    None => ' ',
                    Some(third) => TIPS.get(third as usize).copied().unwrap_or('|'),
                });
        push_line(text, cells);
    }
    push_line(text, samples.iter().map(|_| ' '));
    let labels: Vec<Vec<char>> = samples
        .iter()
        .map(|(time, _)| ago(now - time).chars().collect())
        .collect();
    for row in 0..labels.iter().map(Vec::len).max().unwrap_or(0) {
        let cells = labels
            .iter()
            .map(|label| label.get(row).copied().unwrap_or(' '));
        push_line(text, cells);
    }
}

fn push_line(text: &mut String, cells: impl Iterator<Item = char>) {
    text.extend(cells);
    text.push('\n');
}

/// Seconds in the largest unit that fits.
fn ago(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ ..60 => format!("{seconds}s"),
        seconds @ ..3600 => format!("{}m", seconds / 60),
        seconds @ ..86_400 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// Explains the spikes in words.
pub fn doctor(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    let threshold = cx.config.latency_monitor_threshold;
    let slow_us = cx.config.slowlog_log_slower_than;
    with_spikes(move |events, reply| {
        reply.verbatim("txt", diagnosis(&events, threshold, slow_us).as_bytes());
    })
}

/// What is known of each event in words, and what may help. Of an event that was recorded before recording was turned off
/// it is told all the same.
fn diagnosis(events: &BTreeMap<&'static str, Spikes>, threshold_ms: i64, slow_us: i64) -> String {
    if events.is_empty() && threshold_ms == 0 {
        return "Nothing is being recorded: latency-monitor-threshold is 0. Set it to the milliseconds from which on a \
                delay matters to you, for example with CONFIG SET latency-monitor-threshold 100, and ask again after a \
                while.\n"
            .to_owned();
    }
    if events.is_empty() {
        return format!("No event took {threshold_ms} ms or longer. All is well.\n");
    }
    let mut text = format!("Events that took {threshold_ms} ms or longer:\n\n");
    for (number, (name, spikes)) in events.iter().enumerate() {
        let count = spikes.samples.len() as u64;
        let mean = spikes.samples.values().sum::<u64>() / count.max(1);
        let apart = spikes.samples.values().map(|one| one.abs_diff(mean));
        let deviation = apart.sum::<u64>() / count.max(1);
        text.push_str(&format!(
            "{}. {name}: {count} spikes, {mean} ms on average, {deviation} ms mean deviation, worst {} ms.\n",
            number + 1,
            spikes.worst
        ));
    }
    text.push_str("\nWhat may help:\n\n");
    if events.contains_key("command") {
        // Commands that count as spikes and are not in the slow log cannot be found.
        if slow_us < 0 || slow_us / 1000 > threshold_ms {
            text.push_str(&format!(
                "- Have the slow log show what is slow here: CONFIG SET slowlog-log-slower-than {}.\n",
                threshold_ms.saturating_mul(1000)
            ));
        }
        text.push_str(
            "- Look at SLOWLOG GET for the commands that run long. Replace what walks over whole keys or all keys, \
             such as KEYS or large ranges, by SCAN or smaller steps.\n",
        );
    }
    if events.contains_key("fast-command") {
        text.push_str(
            "- Commands that should be quick were not: the machine may be short of processors or be swapping. Compare \
             the number of shards with the number of processors, and look at mem_fragmentation_ratio in INFO memory.\n",
        );
    }
    if events.contains_key("expire-cycle") {
        text.push_str(
            "- Many keys came due at once. Spread expiry times that are set together by some random seconds.\n",
        );
    }
    if events.contains_key("eviction-cycle") {
        text.push_str(
            "- Eviction had much to remove at once. Leave room below maxmemory for what is written in bursts, lower it \
             in steps, and keep values small.\n",
        );
    }
    text.push_str("- LATENCY HISTORY and LATENCY GRAPH show when it happened.\n");
    text
}

/// How the run times of commands are distributed: of those named, or of all that ran.
pub fn histogram(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let names = &cx.server.names;
    let asked: Vec<&'static CommandSpec> = if args.len() == 2 {
        crate::command::table::all().iter().collect()
    } else {
        let known = args.from(2).iter().filter_map(|name| names.full(name));
        known
            .flat_map(|spec| std::iter::once(spec).chain(spec.subcommands().iter()))
            .collect()
    };
    let mut rows = Vec::new();
    for spec in asked {
        let totals = distribution(cx, spec.id);
        if totals.count() > 0 {
            rows.push((spec.name, totals));
        }
    }
    cx.reply.map(rows.len());
    for (name, totals) in rows {
        let steps = totals.cumulative_by_powers_of_two();
        cx.reply.bulk_str(name);
        cx.reply.map(2);
        cx.reply.bulk_str("calls");
        cx.reply.integer(totals.count() as i64);
        cx.reply.bulk_str("histogram_usec");
        cx.reply.map(steps.len());
        for (us, count) in steps {
            cx.reply.integer(us as i64);
            cx.reply.integer(count as i64);
        }
    }
    Ok(Flow::Done)
}

/// The subcommands.
pub fn help(cx: &mut HomeCtx<'_>, _: Args<'_>) -> Result {
    reply_help(
        "LATENCY",
        &[
            "DOCTOR",
            "    The recorded delays in words, with advice.",
            "GRAPH <event>",
            "    The delays of an event as a drawing.",
            "HISTORY <event>",
            "    When an event was slow, and for how long.",
            "HISTOGRAM [<command> ...]",
            "    How run times of commands are distributed, in steps of powers of two microseconds.",
            "LATEST",
            "    The last and the longest delay of each event.",
            "RESET [<event> ...]",
            "    Forget the delays of some events, or of all.",
        ],
        &mut cx.reply,
    );
    Ok(Flow::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spikes(samples: &[(i64, u64)], worst: u64) -> Spikes {
        Spikes {
            samples: samples.iter().copied().collect(),
            worst,
        }
    }

    #[test]
    fn logs_of_cores_lie_over_each_other() {
        let sample = |time, millis| LatencyEvent { time, millis };
        let events = overlay(vec![
            vec![("command", vec![sample(1, 10), sample(3, 30)], 50)],
            vec![
                ("command", vec![sample(1, 20), sample(2, 5)], 20),
                ("fast-command", vec![sample(9, 7)], 7),
            ],
        ]);
        assert_eq!(events["command"], spikes(&[(1, 20), (2, 5), (3, 30)], 50));
        assert_eq!(events["fast-command"].worst, 7);
    }

    #[test]
    fn a_drawing_has_a_column_a_sample() {
        let text = draw("command", &spikes(&[(0, 10), (50, 20), (95, 15)], 99), 100);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "command - high 20 ms, low 10 ms (all time high 99 ms)"
        );
        assert_eq!(
            &lines[2..],
            [" # ", " |_", " ||", "_||", "   ", "155", "m0s", " s "]
        );
    }

    #[test]
    fn equal_samples_have_the_lowest_bars() {
        let text = draw("command", &spikes(&[(0, 10), (1, 10)], 10), 2);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(lines, ["  ", "  ", "  ", "__", "  ", "21", "ss"]);
    }

    #[test]
    fn many_samples_are_drawn_in_two_pieces() {
        let samples: Vec<(i64, u64)> = (0..100).map(|time| (time, time as u64)).collect();
        let text = draw("command", &spikes(&samples, 99), 50);
        let lines: Vec<&str> = text.lines().skip(2).collect();
        let widths: Vec<usize> = lines.iter().map(|line| line.len()).collect();
        assert_eq!(&widths[..8], [80; 8]);
        assert_eq!(widths[8..], [&[0][..], &[20; 7]].concat());
    }
}
