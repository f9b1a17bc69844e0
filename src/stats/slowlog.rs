//! The slow log and the latency event log of one core; SLOWLOG and LATENCY gather and merge them.

use std::collections::VecDeque;

/// A log of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandLog {
    /// Those that took longer than `slowlog-log-slower-than`.
    Slow,
    /// Those larger than `commandlog-request-larger-than`.
    LargeRequest,
    /// Those whose replies are larger than `commandlog-reply-larger-than`.
    LargeReply,
}

/// One command that was slow or large.
#[derive(Debug, Clone)]
pub struct SlowEntry {
    /// Unique over the process, rising with time.
    pub id: u64,
    /// Unix time in seconds when it finished.
    pub time: i64,
    /// Execution time in microseconds, or size in bytes.
    pub value: u64,
    /// The arguments, cut as `trim_arguments` does.
    pub args: Vec<Vec<u8>>,
    /// The client's address and name.
    pub client: String,
    /// The client's name as set by CLIENT SETNAME.
    pub client_name: Vec<u8>,
}

/// A core's slow commands, newest first.
#[derive(Debug, Default)]
pub struct Slowlog {
    entries: VecDeque<SlowEntry>,
}

impl Slowlog {
    /// Arguments kept of a command, and bytes kept of an argument.
    pub const ARGS_MAX: usize = 32;
    /// Bytes kept of an argument.
    pub const ARG_BYTES_MAX: usize = 128;

    /// Adds an entry and drops the oldest beyond `max`.
    pub fn push(&mut self, entry: SlowEntry, max: usize) {
        self.entries.push_front(entry);
        self.entries.truncate(max);
    }

    /// Newest first.
    pub fn iter(&self) -> impl Iterator<Item = &SlowEntry> {
        self.entries.iter()
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was slow.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets everything (SLOWLOG RESET).
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Copies a command's arguments, at most 32 of them and at most 128 bytes of each, saying what was left out.
    pub fn trim_arguments<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let total = args.len();
        let kept = if total > Self::ARGS_MAX {
            Self::ARGS_MAX - 1
        } else {
            total
        };
        let mut out: Vec<Vec<u8>> = args
            .take(kept)
            .map(|arg| match arg.get(..Self::ARG_BYTES_MAX) {
                Some(head) if arg.len() > Self::ARG_BYTES_MAX => {
                    let rest = arg.len() - Self::ARG_BYTES_MAX;
                    [head, format!("... ({rest} more bytes)").as_bytes()].concat()
                }
                _ => arg.to_vec(),
            })
            .collect();
        if total > kept {
            out.push(format!("... ({} more arguments)", total - kept).into_bytes());
        }
        out
    }
}

/// One latency spike: unix seconds and milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencyEvent {
    /// Unix seconds.
    pub time: i64,
    /// Duration in milliseconds.
    pub millis: u64,
}

/// Spikes by event name, the newest 160 of each (LATENCY HISTORY), one a second at most.
#[derive(Debug, Default)]
pub struct LatencyLog {
    events: Vec<(&'static str, VecDeque<LatencyEvent>, u64)>,
}

impl LatencyLog {
    const SAMPLES: usize = 160;

    /// Records a spike; a second one in the same second keeps the longer.
    pub fn record(&mut self, event: &'static str, time: i64, millis: u64) {
        let at = match self.events.iter().position(|(name, ..)| *name == event) {
            Some(at) => at,
            None => {
                self.events.push((event, VecDeque::new(), 0));
                self.events.len() - 1
            }
        };
        let (_, samples, worst) = &mut self.events[at];
        *worst = (*worst).max(millis);
        if let Some(last) = samples.back_mut().filter(|last| last.time == time) {
            last.millis = last.millis.max(millis);
            return;
        }
        if samples.len() == Self::SAMPLES {
            samples.pop_front();
        }
        samples.push_back(LatencyEvent { time, millis });
    }

    /// Every event: name, samples oldest first, the longest ever in milliseconds.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Vec<LatencyEvent>, u64)> {
        self.events.iter().map(|(name, samples, worst)| {
            (*name, samples.iter().copied().collect::<Vec<_>>(), *worst)
        })
    }

    /// Forgets the named events, or all when `names` is empty; says how many were there.
    pub fn reset(&mut self, names: &[Vec<u8>]) -> Vec<&'static str> {
        let (gone, kept) = std::mem::take(&mut self.events)
            .into_iter()
            .partition(|(name, ..)| {
                names.is_empty()
                    || names
                        .iter()
                        .any(|asked| asked.eq_ignore_ascii_case(name.as_bytes()))
            });
        self.events = kept;
        let gone: Vec<(&'static str, VecDeque<LatencyEvent>, u64)> = gone;
        gone.into_iter().map(|(name, ..)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_arguments_are_cut_and_say_so() {
        let long = vec![b'x'; 200];
        let args: Vec<&[u8]> = (0..40).map(|_| long.as_slice()).collect();
        let cut = Slowlog::trim_arguments(args.into_iter());
        assert_eq!(cut.len(), 32);
        assert!(cut[0].ends_with(b"... (72 more bytes)"));
        assert_eq!(cut[31], b"... (9 more arguments)");
    }

    #[test]
    fn a_latency_event_keeps_one_sample_a_second() {
        let mut log = LatencyLog::default();
        log.record("command", 10, 5);
        log.record("command", 10, 9);
        log.record("command", 11, 2);
        let rows: Vec<_> = log.iter().collect();
        assert_eq!(rows[0].1.len(), 2);
        assert_eq!(rows[0].1[0].millis, 9);
        assert_eq!(rows[0].2, 9);
        assert_eq!(log.reset(&[b"Command".to_vec()]), vec!["command"]);
    }
}
