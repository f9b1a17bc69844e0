//! What blocking commands have in common: their timeouts, and how they ask to wait.

use super::ctx::{Block, Ctx, Flow, Waiting};
use crate::base::{Millis, parse_f64};
use crate::resp::CommandError;

/// When a timeout in seconds is over; `None` for 0, which waits for ever.
pub(super) fn deadline(text: &[u8], now: Millis) -> Result<Option<Millis>, CommandError> {
    let timeout_ms = (seconds(text)? * 1000.0).ceil();
    if timeout_ms >= i64::MAX as f64 {
        return Err(CommandError::TIMEOUT_OUT_OF_RANGE);
    }
    if timeout_ms < 0.0 {
        return Err(CommandError::TIMEOUT_NEGATIVE);
    }
    // Whole, and in the range of the type.
    let timeout_ms = timeout_ms as i64;
    let end = now
        .checked_add(timeout_ms)
        .ok_or(CommandError::TIMEOUT_OUT_OF_RANGE)?;
    Ok((timeout_ms > 0).then_some(end))
}

/// A number of seconds. Redis reads it as an 80-bit float, whose range is larger: beyond that of a double it is as good
/// as infinite.
fn seconds(text: &[u8]) -> Result<f64, CommandError> {
    if let Some(seconds) = parse_f64(text) {
        return Ok(seconds);
    }
    let text = std::str::from_utf8(text).ok();
    text.and_then(|text| text.parse::<f64>().ok())
        .filter(|seconds| !seconds.is_nan())
        .ok_or(CommandError::TIMEOUT_NOT_FLOAT)
}

impl Ctx<'_> {
    /// Whether the command waited already: what it then finds of another type is nothing to it.
    pub(super) fn has_waited(&self) -> bool {
        matches!(self.waiting, Waiting::Ready(_) | Waiting::Again)
    }

    /// Waits for the keys at these argument positions.
    pub(super) fn wait_for(
        &self,
        keys: impl IntoIterator<Item = usize>,
        deadline: Option<Millis>,
    ) -> Flow {
        Flow::Block(Box::new(Block {
            deadline,
            keys: keys.into_iter().collect(),
            args: None,
            on_removal: false,
            look_at: None,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_seconds_rounded_up_to_milliseconds() {
        let now = Millis(1_000_000);
        let ms = |text: &str| {
            let end = deadline(text.as_bytes(), now)?;
            Ok(end.map_or(0, |end| end.0 - now.0))
        };
        for (text, expected) in [
            ("0", 0),
            ("0.0", 0),
            ("-0.0001", 0),
            ("1", 1000),
            ("0.001", 1),
            ("0.0001", 1),
            ("1.5", 1500),
            ("0x10", 16_000),
            ("1e3", 1_000_000),
        ] {
            assert_eq!(ms(text), Ok(expected), "{text}");
        }
        for text in ["", "a", " 1", "1 ", "1s", "nan"] {
            assert_eq!(ms(text), Err(CommandError::TIMEOUT_NOT_FLOAT), "{text}");
        }
        for text in ["-1", "-0.001", "-inf", "-1e400"] {
            assert_eq!(ms(text), Err(CommandError::TIMEOUT_NEGATIVE), "{text}");
        }
        for text in ["inf", "1e16", "9223372036854775.807", "1e400"] {
            assert_eq!(ms(text), Err(CommandError::TIMEOUT_OUT_OF_RANGE), "{text}");
        }
        assert!(ms("9e15").is_ok());
    }
}
