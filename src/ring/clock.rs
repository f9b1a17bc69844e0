//! The process's only clock; everyone else is handed `now`.
//!
//! Three kinds of time, not to be mixed: the wall (Unix time, which jumps when somebody sets it), monotonic
//! microseconds since the clock was made, and ticks for measuring short spans. A command's time is taken from ticks:
//! reading the time stamp counter costs 10 ns less than half of a `clock_gettime`, and it is read twice per command.
//!
//! The counter is used only where the processor says its rate is constant in all power states and the kernel
//! itself trusts it as its clock (which means it is in step on all CPUs). Its rate is measured at start
//! against CLOCK_MONOTONIC for 2 ms, good to about 1e-4: fine for latencies, useless as a wall clock.

use std::sync::OnceLock;

use super::sys;

/// Reads time. Cheap to copy; all copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin_ns: u64,
    ticks: Ticks,
}

#[derive(Clone, Copy, Debug)]
enum Ticks {
    /// Microseconds are `ticks * us_per_tick / 2^32`.
    #[cfg(target_arch = "x86_64")]
    Counter { us_per_tick: u64 },
    /// Nanoseconds of CLOCK_MONOTONIC.
    System,
}

impl Clock {
    /// The clock of this process. The first call takes 2 ms where there is a counter to calibrate.
    pub fn new() -> Clock {
        static CLOCK: OnceLock<Clock> = OnceLock::new();
        *CLOCK.get_or_init(|| Clock {
            origin_ns: sys::clock_ns(libc::CLOCK_MONOTONIC),
            ticks: Ticks::choose(),
        })
    }

    /// Unix time in milliseconds.
    #[inline]
    pub fn wall_ms(&self) -> i64 {
        (sys::clock_ns(libc::CLOCK_REALTIME) / 1_000_000).cast_signed()
    }

    /// Unix time in microseconds.
    #[inline]
    pub fn wall_us(&self) -> i64 {
        (sys::clock_ns(libc::CLOCK_REALTIME) / 1000).cast_signed()
    }

    /// Microseconds since the clock was made; never goes back.
    #[inline]
    pub fn mono_us(&self) -> u64 {
        (sys::clock_ns(libc::CLOCK_MONOTONIC) - self.origin_ns) / 1000
    }

    /// The cheapest reading there is, in a unit of its own. Compare readings of one thread only.
    #[inline]
    pub fn ticks(&self) -> u64 {
        match self.ticks {
            #[cfg(target_arch = "x86_64")]
            Ticks::Counter { .. } => sys::time_stamp_counter(),
            Ticks::System => sys::clock_ns(libc::CLOCK_MONOTONIC),
        }
    }

    /// Stops the calling thread for so long: DEBUG SLEEP, whose purpose that is.
    #[expect(
        clippy::disallowed_methods,
        reason = "time passes here, where the clock is"
    )]
    pub fn pause_us(&self, micros: u64) {
        std::thread::sleep(std::time::Duration::from_micros(micros));
    }

    /// Ticks in a microsecond, for thresholds that are compared with ticks.
    pub fn ticks_per_us(&self) -> f64 {
        match self.ticks {
            #[cfg(target_arch = "x86_64")]
            Ticks::Counter { us_per_tick } => (1u64 << 32) as f64 / us_per_tick as f64,
            Ticks::System => 1000.0,
        }
    }

    /// The microseconds that a difference of ticks stands for, rounded down.
    #[inline]
    pub fn ticks_to_us(&self, ticks: u64) -> u64 {
        match self.ticks {
            #[cfg(target_arch = "x86_64")]
            Ticks::Counter { us_per_tick } => {
                ((u128::from(ticks) * u128::from(us_per_tick)) >> 32) as u64
            }
            Ticks::System => ticks / 1000,
        }
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}

impl Ticks {
    #[cfg(target_arch = "x86_64")]
    fn choose() -> Ticks {
        if !counter_is_steady() {
            return Ticks::System;
        }
        let (ticks_0, ns_0) = read_both();
        let mut span = (0, 0);
        while span.1 < CALIBRATION_NS {
            let (ticks, ns) = read_both();
            span = (ticks.wrapping_sub(ticks_0), ns - ns_0);
        }
        let (ticks, ns) = span;
        let ticks_per_us = ticks.saturating_mul(1000) / ns;
        // Between 100 MHz and 10 GHz, or it is not what it claims to be.
        if !(100..=10_000).contains(&ticks_per_us) {
            return Ticks::System;
        }
        let us_per_tick = (u128::from(ns) << 32) / (u128::from(ticks) * 1000);
        Ticks::Counter {
            us_per_tick: us_per_tick as u64,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn choose() -> Ticks {
        Ticks::System
    }
}

#[cfg(target_arch = "x86_64")]
const CALIBRATION_NS: u64 = 2_000_000;

/// Both clocks as nearly at the same time as can be: the closest of a few tries, in case of an interruption between.
#[cfg(target_arch = "x86_64")]
fn read_both() -> (u64, u64) {
    (0..4)
        .map(|_| {
            let before = sys::time_stamp_counter();
            let ns = sys::clock_ns(libc::CLOCK_MONOTONIC);
            let after = sys::time_stamp_counter();
            (after.wrapping_sub(before), before, ns)
        })
        .min()
        .map(|(width, before, ns)| (before.wrapping_add(width / 2), ns))
        .expect("four tries")
}

#[cfg(target_arch = "x86_64")]
fn counter_is_steady() -> bool {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let flags = cpu
        .lines()
        .find(|line| line.starts_with("flags"))
        .unwrap_or_default();
    let has = |flag: &str| flags.split_ascii_whitespace().any(|word| word == flag);
    let source = read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    has("constant_tsc")
        && has("nonstop_tsc")
        && matches!(
            source.trim(),
            "tsc" | "kvm-clock" | "hyperv_clocksource_tsc_page"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_measure_what_the_monotonic_clock_measures() {
        let clock = Clock::new();
        // One reading inside the other, then the other way round: an interruption cannot falsify the comparison.
        let (outer, outer_us) = (clock.ticks(), clock.mono_us());
        let inner = clock.ticks();
        while clock.mono_us() - outer_us < 20_000 {}
        let inner_us = clock.ticks_to_us(clock.ticks() - inner);
        let elapsed_us = clock.mono_us() - outer_us;
        let whole_us = clock.ticks_to_us(clock.ticks() - outer);
        assert!(
            inner_us <= elapsed_us + elapsed_us / 500 + 1,
            "{inner_us} for {elapsed_us}"
        );
        assert!(
            whole_us + elapsed_us / 500 + 1 >= elapsed_us,
            "{whole_us} for {elapsed_us}"
        );
        assert_eq!(clock.ticks_to_us(0), 0);
    }

    #[test]
    fn the_wall_is_unix_time() {
        let clock = Clock::new();
        let expected = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as i64;
        assert!((clock.wall_ms() - expected).abs() < 60_000);
        assert!((clock.wall_us() / 1000 - clock.wall_ms()).abs() < 60_000);
    }
}
