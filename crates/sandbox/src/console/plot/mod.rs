//! Small plots as numbers that a template draws as SVG. All of it is plain arithmetic: what
//! is drawn where, in the plot's own units.
//!
//! Start at [`Plot::of`]; the strip of states is in `strip`.

mod scale;
mod strip;

use super::times::Times;
use scale::Scale;
pub(super) use strip::{Stretch, Strip};

/// The size of a plot, in its own units; the labels are written in the margins.
pub(super) const WIDTH: f64 = 360.0;
pub(super) const HEIGHT: f64 = 150.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 22.0;

/// Most values of a line that are marked each by itself.
const MOST_MARKS: usize = 80;

/// A value at a time, in Unix seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub(super) at: i64,
    pub(super) value: f64,
}

/// Values that belong together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<Point>,
}

/// How values are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Style {
    /// What the scale must show at least.
    pub(super) at_least: Option<(f64, f64)>,
    /// The smallest difference that there is between two values.
    pub(super) step: f64,
    /// A value holds until the next one, and there are whole ones only.
    pub(super) stairs: bool,
    /// The space below a line is filled.
    pub(super) filled: bool,
}

/// A mark on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) place: f64,
    pub(super) text: String,
    /// Where the text is anchored: `start`, `middle` or `end`.
    pub(super) anchor: &'static str,
}

/// A line, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Drawn {
    /// A path's `d`.
    pub(super) path: String,
    /// The same, closed along the bottom; empty where nothing is filled.
    pub(super) area: String,
    /// Each value with its own text, where there are few.
    pub(super) marks: Vec<Mark>,
    pub(super) last: (f64, f64),
}

/// A value that can be pointed at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) at: i64,
    pub(super) value: f64,
}

/// A plot, ready to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Plot {
    pub(super) lines: Vec<Drawn>,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
    /// Of all lines, by time.
    pub(super) lowest: f64,
    pub(super) highest: f64,
    pub(super) last: Point,
    /// First and last time.
    pub(super) span: (i64, i64),
}

impl Plot {
    /// `None` if there is nothing to draw. Each line is brought in the order of time.
    pub(super) fn of(mut lines: Vec<Line>, style: Style, times: &Times) -> Option<Self> {
        lines.retain(|line| !line.points.is_empty());
        for line in &mut lines {
            line.points.sort_by_key(|point| point.at);
        }
        let all = || lines.iter().flat_map(|line| &line.points);
        let last = *all().max_by_key(|point| point.at)?;
        let span = (all().map(|point| point.at).min()?, last.at);
        let lowest = all().map(|point| point.value).fold(f64::INFINITY, f64::min);
        let highest = all().map(|point| point.value).fold(f64::NEG_INFINITY, f64::max);
        let shown = style.at_least.unwrap_or((lowest, highest));
        let shown = (shown.0.min(lowest), shown.1.max(highest));
        let scale = Scale::around(shown, style.step, if style.stairs { 1 } else { 3 });
        let place = Place { span, scale: &scale };
        Some(Self {
            lines: lines.iter().map(|line| place.draw(&line.points, style)).collect(),
            x_ticks: place.x_ticks(times),
            y_ticks: place.y_ticks(),
            lowest,
            highest,
            last,
            span,
        })
    }
}

/// Where things are.
struct Place<'a> {
    span: (i64, i64),
    scale: &'a Scale,
}

impl Place<'_> {
    #[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
    fn x(&self, at: i64) -> f64 {
        let (first, last) = self.span;
        let width = WIDTH - LEFT - RIGHT;
        if first == last {
            return LEFT + width / 2.0;
        }
        LEFT + width * (at - first) as f64 / (last - first) as f64
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * self.scale.part(value)
    }

    fn draw(&self, points: &[Point], style: Style) -> Drawn {
        let places: Vec<(f64, f64)> =
            points.iter().map(|point| (self.x(point.at), self.y(point.value))).collect();
        let path = path(&places, style.stairs);
        let (first, last) = (places[0], places[places.len() - 1]);
        let bottom = HEIGHT - BOTTOM;
        let area = if style.filled {
            format!("{path}L{:.1} {bottom:.1}L{:.1} {bottom:.1}Z", last.0, first.0)
        } else {
            String::new()
        };
        let marks = points.iter().zip(&places).map(|(point, (x, y))| Mark {
            x: *x,
            y: *y,
            at: point.at,
            value: point.value,
        });
        let marks = if points.len() <= MOST_MARKS { marks.collect() } else { Vec::new() };
        Drawn { path, area, marks, last }
    }

    fn x_ticks(&self, times: &Times) -> Vec<Tick> {
        let (first, last) = self.span;
        let text = |at| times.within(at, last - first);
        if first == last {
            let text = text(first);
            return vec![Tick { place: self.x(first), text, anchor: "middle" }];
        }
        let mut ticks = vec![Tick { place: self.x(first), text: text(first), anchor: "start" }];
        let middle = first + (last - first) / 2;
        if middle > first && last - first > 2 {
            ticks.push(Tick { place: self.x(middle), text: text(middle), anchor: "middle" });
        }
        ticks.push(Tick { place: self.x(last), text: text(last), anchor: "end" });
        ticks
    }

    fn y_ticks(&self) -> Vec<Tick> {
        let tick = |(value, text)| Tick { place: self.y(value), text, anchor: "end" };
        self.scale.ticks().into_iter().map(tick).collect()
    }
}

fn path(places: &[(f64, f64)], stairs: bool) -> String {
    let mut path = String::with_capacity(places.len() * 12);
    for (index, (x, y)) in places.iter().enumerate() {
        let part = match (index, stairs) {
            (0, _) => format!("M{x:.1} {y:.1}"),
            (_, false) => format!("L{x:.1} {y:.1}"),
            (_, true) => format!("H{x:.1}V{y:.1}"),
        };
        path.push_str(&part);
    }
    path
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, proptest};

    use super::{HEIGHT, Line, Plot, Point, Style, WIDTH};
    use crate::console::times::Times;

    const PLAIN: Style = Style { at_least: None, step: 0.1, stairs: false, filled: false };

    fn plot(points: &[(i64, f64)], style: Style) -> Option<Plot> {
        let points = points.iter().map(|(at, value)| Point { at: *at, value: *value }).collect();
        Plot::of(vec![Line { name: String::new(), points }], style, &Times::new(TimeZone::UTC))
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert_eq!(plot(&[], PLAIN), None);
    }

    #[test]
    fn values_are_drawn_in_the_order_of_time_between_the_first_and_the_last() {
        let plot = plot(&[(20, 2.0), (0, 1.0), (10, 3.0)], PLAIN).unwrap();
        assert_eq!((plot.lowest, plot.highest, plot.last.value), (1.0, 3.0, 2.0));
        assert_eq!(plot.lines[0].path, "M46.0 128.0L197.0 10.0L348.0 69.0");
        let times: Vec<_> = plot.x_ticks.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(times, ["00:00:00", "00:00:10", "00:00:20"]);
        let values: Vec<_> = plot.y_ticks.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(values, ["1", "2", "3"]);
    }

    #[test]
    fn one_value_is_a_point_in_the_middle() {
        let plot = plot(&[(7, 5.0)], PLAIN).unwrap();
        assert_eq!(plot.lines[0].path, "M197.0 69.0");
        assert_eq!(plot.x_ticks.len(), 1);
    }

    #[test]
    fn a_switch_is_drawn_in_stairs_on_a_scale_of_both_its_states() {
        let style = Style { at_least: Some((0.0, 1.0)), step: 1.0, stairs: true, filled: true };
        let plot = plot(&[(0, 0.0), (10, 0.0)], style).unwrap();
        assert_eq!(plot.lines[0].path, "M46.0 128.0H348.0V128.0");
        assert_eq!(plot.lines[0].area, "M46.0 128.0H348.0V128.0L348.0 128.0L46.0 128.0Z");
        let values: Vec<_> = plot.y_ticks.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(values, ["0", "1"]);
    }

    #[test]
    fn many_values_are_not_marked_one_by_one() {
        let many: Vec<_> = (0..200).map(|at| (at, 1.0)).collect();
        assert!(plot(&many, PLAIN).unwrap().lines[0].marks.is_empty());
        assert_eq!(plot(&many[..80], PLAIN).unwrap().lines[0].marks.len(), 80);
    }

    proptest! {
        /// Whatever is drawn lies within the plot.
        #[test]
        fn nothing_is_drawn_outside(
            points in vec((0_i64..99_999_999_999, -99_999.0_f64..99_999.0), 1..50),
        ) {
            let plot = plot(&points, PLAIN).unwrap();
            for mark in &plot.lines[0].marks {
                prop_assert!((0.0..=WIDTH).contains(&mark.x) && (0.0..=HEIGHT).contains(&mark.y));
            }
            for tick in &plot.y_ticks {
                prop_assert!((0.0..=HEIGHT).contains(&tick.place), "{tick:?}");
            }
            prop_assert!((2..=6).contains(&plot.y_ticks.len()), "{:?}", plot.y_ticks);
        }
    }
}
