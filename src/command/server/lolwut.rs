//! LOLWUT: a mosaic, laid anew each time, and the version.

use super::Result;
use crate::base::{Rng, parse_i64};
use crate::command::connection::REDIS_VERSION;
use crate::command::ctx::{Flow, HomeCtx};
use crate::resp::{Args, CommandError};

/// Size of the mosaic in tiles unless asked for another, and at most.
const COLUMNS: (i64, i64) = (33, 200);
const ROWS: (i64, i64) = (9, 100);

/// Paints something. `LOLWUT [VERSION n] [columns [rows]]`; all versions paint the same here. Those that painted in Redis
/// want numbers, the others look at nothing.
pub fn lolwut(cx: &mut HomeCtx<'_>, args: Args<'_>) -> Result {
    let number = |text| parse_i64(text).ok_or(CommandError::NOT_INTEGER);
    let mut sizes = args.from(1);
    let mut paints = false;
    if args.len() >= 3 && args.is(1, "VERSION") {
        paints = matches!(number(args.arg(2))?, 5 | 6);
        sizes = args.from(3);
    }
    let sizes = sizes.iter().map(number);
    let sizes: Vec<i64> = match paints {
        true => sizes.collect::<Result<_>>()?,
        false => sizes.map_while(Result::ok).collect(),
    };
    let size = |at: usize, (usual, most): (i64, i64)| {
        sizes.get(at).map_or(usual, |asked| (*asked).clamp(1, most)) as usize
    };
    let mut rng = Rng::new(cx.now.us.cast_unsigned());
    let mut text = mosaic(size(0, COLUMNS), size(1, ROWS), &mut rng);
    text.push_str("\nSmall stones, one picture.\n");
    text.push_str(&format!("Redis ver. {REDIS_VERSION}\n"));
    cx.reply.verbatim("txt", text.as_bytes());
    Ok(Flow::Done)
}

/// Stones of four greys around a few bright centres: the nearer to one, the brighter, with some left to chance.
fn mosaic(columns: usize, rows: usize, rng: &mut Rng) -> String {
    const STONES: [char; 5] = ['·', '░', '▒', '▓', '█'];
    let centres: Vec<(f64, f64)> = (0..1 + rng.index(3))
        .map(|_| {
            (
                rng.unit_f64() * columns as f64,
                rng.unit_f64() * rows as f64,
            )
        })
        .collect();
    let reach = (columns + 2 * rows) as f64 / 4.0;
    let mut text = String::new();
    for row in 0..rows {
        for column in 0..columns {
            // A stone is about twice as high as it is wide.
            let nearest = centres
                .iter()
                .map(|(x, y)| (x - column as f64).hypot(2.0 * (y - row as f64)))
                .fold(f64::MAX, f64::min);
            let light = 1.0 - nearest / reach + (rng.unit_f64() - 0.5) / 2.0;
            let stone = (light * STONES.len() as f64).clamp(0.0, STONES.len() as f64 - 1.0);
            text.push(STONES[stone as usize]);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mosaic_has_the_size_that_was_asked_for() {
        let text = mosaic(7, 3, &mut Rng::new(1));
        let widths: Vec<usize> = text.lines().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [7, 7, 7]);
    }
}
