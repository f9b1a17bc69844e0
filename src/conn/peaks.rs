//! The largest buffers of the last seconds, for INFO clients.

/// How many seconds a peak is remembered.
const SECONDS: usize = 8;

/// The largest query buffer and the largest output buffer of each of the last seconds.
#[derive(Default)]
pub(super) struct Peaks {
    recent: [Peak; SECONDS],
    second: i64,
}

/// Bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Peak {
    pub(super) input: usize,
    pub(super) output: usize,
}

impl Peaks {
    /// A client's query buffer has this size.
    #[inline]
    pub(super) fn input(&mut self, bytes: usize) {
        let now = self.now();
        now.input = now.input.max(bytes);
    }

    /// This much waits to be sent to a client.
    #[inline]
    pub(super) fn output(&mut self, bytes: usize) {
        let now = self.now();
        now.output = now.output.max(bytes);
    }

    /// Goes on to another second, and says what was largest since the oldest that is remembered.
    pub(super) fn advance(&mut self, second: i64) -> Peak {
        let passed = second.saturating_sub(self.second).clamp(0, SECONDS as i64);
        for old in 1..=passed {
            self.recent[slot(self.second.saturating_add(old))] = Peak::default();
        }
        if passed == SECONDS as i64 {
            self.recent = Default::default();
        }
        self.second = self.second.max(second);
        Peak {
            input: self.recent.iter().map(|peak| peak.input).max().unwrap_or(0),
            output: self
                .recent
                .iter()
                .map(|peak| peak.output)
                .max()
                .unwrap_or(0),
        }
    }

    fn now(&mut self) -> &mut Peak {
        &mut self.recent[slot(self.second)]
    }
}

fn slot(second: i64) -> usize {
    second.rem_euclid(SECONDS as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_is_remembered_for_eight_seconds() {
        let mut peaks = Peaks::default();
        peaks.advance(1_000_000);
        peaks.input(500);
        peaks.input(300);
        peaks.output(7);
        assert_eq!(peaks.advance(1_000_000).input, 500);
        peaks.advance(1_000_003);
        peaks.input(400);
        assert_eq!(peaks.advance(1_000_007).input, 500);
        let later = peaks.advance(1_000_008);
        assert_eq!((later.input, later.output), (400, 0));
        assert_eq!(peaks.advance(2_000_000).input, 0);
        peaks.input(9);
        assert_eq!(peaks.advance(5).input, 9, "a clock that was set back");
    }
}
