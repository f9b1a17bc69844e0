//! Bar charts as SVG text: groups of bars, one bar a server, with a whisker from the least to the greatest.

use std::fmt::Write;

/// One bar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    pub value: f64,
    pub min: f64,
    pub max: f64,
}

/// A chart: `groups` along the axis, in each at most one bar for each of `series`.
#[derive(Clone, Debug)]
pub struct Chart {
    pub title: String,
    /// What the axis counts, and a remark such as "less is better".
    pub axis: String,
    pub series: Vec<String>,
    pub groups: Vec<(String, Vec<Option<Bar>>)>,
    /// A line across, for ratios: 1.
    pub reference: Option<f64>,
}

const WIDTH_MIN: f64 = 560.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 72.0;
const PLOT_HEIGHT: f64 = 280.0;
const BOTTOM: f64 = 40.0;
const GROUP_GAP: f64 = 22.0;
/// Of a letter of the labels, roughly.
const LETTER: f64 = 6.4;
/// Told apart by the colour-blind too (Okabe and Ito), and by lightness in print.
const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#e8a33d", "#009e73", "#8c6bb1", "#56b4e9", "#777777",
];

impl Chart {
    /// The file's text; `None` if there is nothing to show.
    pub fn render(&self) -> Option<String> {
        let bars = self.groups.iter().flat_map(|(_, bars)| bars).flatten();
        let highest = bars
            .map(|bar| bar.max)
            .chain(self.reference)
            .fold(0.0, f64::max);
        if self.groups.is_empty() || highest <= 0.0 {
            return None;
        }
        let step = tick_step(highest);
        let top = (highest / step).ceil() * step;
        let y = |value: f64| TOP + PLOT_HEIGHT * (1.0 - value / top);

        let longest = self
            .groups
            .iter()
            .map(|(name, _)| name.len())
            .max()
            .unwrap_or(0) as f64;
        let bar_width = match self.groups.len() * self.series.len() {
            0..=12 => 34.0,
            13..=30 => 24.0,
            _ => 16.0,
        };
        let bars_width = bar_width * self.series.len() as f64;
        let group_width = bars_width.max(longest * LETTER) + GROUP_GAP;
        let plot_width = (group_width * self.groups.len() as f64).max(WIDTH_MIN - LEFT - RIGHT);
        let group_width = plot_width / self.groups.len() as f64;
        let (width, height) = (LEFT + plot_width + RIGHT, TOP + PLOT_HEIGHT + BOTTOM);

        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
        );
        text(
            &mut svg,
            LEFT,
            20.0,
            "start",
            "font-size=\"15\" font-weight=\"bold\"",
            &self.title,
        );
        text(&mut svg, LEFT, 38.0, "start", "fill=\"#555\"", &self.axis);
        self.legend(&mut svg);

        let mut tick = 0.0;
        while tick <= top + step / 2.0 {
            line(
                &mut svg,
                (LEFT, y(tick)),
                (width - RIGHT, y(tick)),
                "#ddd",
                1.0,
            );
            text(
                &mut svg,
                LEFT - 6.0,
                y(tick) + 4.0,
                "end",
                "fill=\"#555\"",
                &short(tick),
            );
            tick += step;
        }
        for (index, (name, bars)) in self.groups.iter().enumerate() {
            let left = LEFT + group_width * index as f64;
            let first = left + (group_width - bars_width) / 2.0;
            for (series, bar) in bars.iter().enumerate() {
                let Some(bar) = bar else { continue };
                let x = first + bar_width * series as f64;
                self.bar(&mut svg, bar, x, bar_width, series, &y);
            }
            let centre = left + group_width / 2.0;
            text(
                &mut svg,
                centre,
                TOP + PLOT_HEIGHT + 18.0,
                "middle",
                "",
                name,
            );
        }
        if let Some(reference) = self.reference {
            line(
                &mut svg,
                (LEFT, y(reference)),
                (width - RIGHT, y(reference)),
                "#000",
                1.0,
            );
        }
        svg.push_str("</svg>\n");
        Some(svg)
    }

    fn legend(&self, svg: &mut String) {
        let mut x = LEFT;
        for (series, name) in self.series.iter().enumerate() {
            let colour = COLOURS[series % COLOURS.len()];
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"47\" width=\"11\" height=\"11\" fill=\"{colour}\"/>"
            );
            text(svg, x + 16.0, 57.0, "start", "", name);
            x += 34.0 + name.len() as f64 * LETTER;
        }
    }

    fn bar(
        &self,
        svg: &mut String,
        bar: &Bar,
        x: f64,
        width: f64,
        series: usize,
        y: &dyn Fn(f64) -> f64,
    ) {
        let top = y(bar.value);
        let _ = writeln!(
            svg,
            "<rect x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
            x + 1.0,
            width - 2.0,
            y(0.0) - top,
            COLOURS[series % COLOURS.len()]
        );
        let middle = x + width / 2.0;
        line(svg, (middle, y(bar.min)), (middle, y(bar.max)), "#222", 1.5);
        for end in [bar.min, bar.max] {
            line(
                svg,
                (middle - 3.0, y(end)),
                (middle + 3.0, y(end)),
                "#222",
                1.5,
            );
        }
        let label = short(bar.value);
        // Labels wider than their bar would run into each other.
        let size = (width / (label.len() as f64 * 0.6)).min(11.0);
        if size >= 7.0 {
            let style = format!("font-size=\"{size:.1}\" fill=\"#222\"");
            text(svg, middle, y(bar.max) - 4.0, "middle", &style, &label);
        }
    }
}

/// The step between ticks, 1, 2 or 5 times a power of ten, for four to eight of them.
fn tick_step(highest: f64) -> f64 {
    let power = 10f64.powf((highest / 4.0).log10().floor());
    let steps = [5.0, 2.0, 1.0].map(|factor| factor * power);
    steps
        .into_iter()
        .find(|step| highest / step >= 4.0)
        .unwrap_or(power)
}

/// A number in few characters: 1.25M, 84k, 312, 3.4, 0.21.
pub fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        v if v >= 999_500.0 => (value / 1e6, "M"),
        v if v >= 9_995.0 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match value.abs() {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let mut text = format!("{value:.digits$}");
    if text.contains('.') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text + unit
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, style: &str, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {style}>{content}</text>"
    );
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str, width: f64) {
    let _ = writeln!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
        from.0, from.1, to.0, to.1
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let texts = [1_250_000.0, 84_000.0, 312.0, 3.4, 0.214, 0.0, 1_000.0].map(short);
        assert_eq!(texts, ["1.25M", "84k", "312", "3.4", "0.21", "0", "1000"]);
    }

    #[test]
    fn ticks_are_round_and_not_too_many() {
        for highest in [0.013, 0.9, 1.0, 7.0, 42.0, 99_999.0, 3.2e6] {
            let count = highest / tick_step(highest);
            assert!((4.0..=10.0).contains(&count), "{highest}: {count}");
        }
    }

    #[test]
    fn an_empty_chart_is_not_drawn() {
        let mut chart = Chart {
            title: "a < b".to_owned(),
            axis: String::new(),
            series: vec!["x".to_owned()],
            groups: vec![("g".to_owned(), vec![None])],
            reference: None,
        };
        assert_eq!(chart.render(), None);
        chart.groups[0].1[0] = Some(Bar {
            value: 2.0,
            min: 1.0,
            max: 3.0,
        });
        let svg = chart.render().unwrap();
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
    }
}
