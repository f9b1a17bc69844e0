//! `oom-score-adj`: how soon the kernel kills this process when the machine has no memory left.
//!
//! The value that was there when the setting was turned on is kept: `relative` adds to it, and it comes back when the
//! setting is turned off. There are three values, of which one applies to a process that writes a file for another; here
//! threads write files.

use crate::config::{Config, OomScoreAdj};
use std::fs;
use std::io;

const FILE: &str = "/proc/self/oom_score_adj";

/// What was there before; `None` while the setting is off.
#[derive(Default)]
pub(super) struct OomScore(Option<i64>);

impl OomScore {
    /// Does what the settings say. On failure nothing has changed.
    pub(super) fn apply(&mut self, config: &Config) -> io::Result<()> {
        let base = &mut self.0;
        let [master, ..] = config.oom_score_adj_values;
        let (value, kept) = match (config.oom_score_adj, *base) {
            (OomScoreAdj::No, None) => return Ok(()),
            (OomScoreAdj::No, Some(before)) => (before, None),
            (how, known) => {
                let before = known.map_or_else(current, Ok)?;
                let value = match how {
                    OomScoreAdj::Relative => before.saturating_add(master),
                    OomScoreAdj::Absolute | OomScoreAdj::No => master,
                };
                (value.clamp(-1000, 1000), Some(before))
            }
        };
        let written = fs::write(FILE, format!("{value}\n"));
        if let Err(error) = &written {
            tracing::warn!("Unable to write oom_score_adj: {error}");
        } else {
            *base = kept;
        }
        written
    }
}

fn current() -> io::Result<i64> {
    let text = fs::read_to_string(FILE)?;
    text.trim().parse().map_err(io::Error::other)
}
