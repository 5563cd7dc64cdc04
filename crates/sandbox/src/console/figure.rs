//! A plot with its words: what it shows, in which unit, and what it comes to in numbers, also
//! for those who do not see it.

use super::plot::{Drawn, Line, Mark, Plot, Point, Style, Tick};
use super::texts::Common;
use super::view::View;

/// A plot as the template draws it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Figure {
    pub(super) title: String,
    /// What stands beside the title: codes, unit, window.
    pub(super) subtitle: String,
    /// The whole of it in a sentence.
    pub(super) label: String,
    pub(super) curves: Vec<Curve>,
    pub(super) x_ticks: Vec<Tick>,
    pub(super) y_ticks: Vec<Tick>,
    /// Lowest, highest and last, as far as they tell something.
    pub(super) facts: Vec<Fact>,
}

/// A line as the template draws it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Curve {
    pub(super) name: String,
    /// Of its last value.
    pub(super) last_text: String,
    pub(super) path: String,
    pub(super) area: String,
    pub(super) last: (f64, f64),
    pub(super) marks: Vec<Marked>,
}

/// A value that tells itself when it is pointed at.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Marked {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) text: String,
}

/// A name and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: String,
}

/// What a figure is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Captions {
    pub(super) title: String,
    pub(super) subtitle: String,
}

impl Figure {
    /// `None` if there is nothing to draw. `written` writes a value.
    pub(super) fn of(
        captions: Captions,
        lines: Vec<Line>,
        style: Style,
        view: &View,
        written: impl Fn(f64) -> String,
    ) -> Option<Self> {
        let names: Vec<String> = lines
            .iter()
            .filter(|line| !line.points.is_empty())
            .map(|line| line.name.clone())
            .collect();
        let last_of = |line: &Line| line.points.iter().max_by_key(|point| point.at).copied();
        let lasts: Vec<_> = lines.iter().filter_map(last_of).collect();
        let plot = Plot::of(lines, style, view.times())?;
        let curve = |((drawn, name), last): ((Drawn, String), Point)| {
            let marked = |mark: Mark| Marked {
                x: mark.x,
                y: mark.y,
                text: format!("{} · {}", written(mark.value), view.times().full(mark.at)),
            };
            Curve {
                name,
                last_text: written(last.value),
                path: drawn.path,
                area: drawn.area,
                last: drawn.last,
                marks: drawn.marks.into_iter().map(marked).collect(),
            }
        };
        let facts = facts(&plot, style, view.t, &written);
        let last_of_each: Vec<String> = names
            .iter()
            .zip(&lasts)
            .map(|(name, last)| format!("{name} {} {}", view.t.last, written(last.value)))
            .collect();
        let label = label(&captions, &plot, &facts, &last_of_each, view);
        let mut y_ticks = plot.y_ticks;
        if style.stairs {
            for tick in &mut y_ticks {
                tick.text = tick.text.parse().map_or_else(|_| tick.text.clone(), &written);
            }
        }
        Some(Self {
            title: captions.title,
            subtitle: captions.subtitle,
            label,
            curves: plot.lines.into_iter().zip(names).zip(lasts).map(curve).collect(),
            x_ticks: plot.x_ticks,
            y_ticks,
            facts,
        })
    }

    /// Whether the lines must be told apart.
    pub(super) fn has_legend(&self) -> bool {
        self.curves.len() > 1
    }
}

/// Of a switch it is known which values it has; of several lines each has its own last one.
fn facts(
    plot: &Plot,
    style: Style,
    t: &'static Common,
    written: impl Fn(f64) -> String,
) -> Vec<Fact> {
    let fact = |name, value| Fact { name, text: written(value) };
    let mut facts = Vec::new();
    if !style.stairs {
        facts.push(fact(t.lowest, plot.lowest));
        facts.push(fact(t.highest, plot.highest));
    }
    if plot.lines.len() == 1 {
        facts.push(fact(t.last, plot.last.value));
    }
    facts
}

fn label(
    captions: &Captions,
    plot: &Plot,
    facts: &[Fact],
    last_of_each: &[String],
    view: &View,
) -> String {
    let mut told: Vec<String> =
        facts.iter().map(|fact| format!("{} {}", fact.name, fact.text)).collect();
    if last_of_each.len() > 1 {
        told.extend_from_slice(last_of_each);
    }
    let (first, last) = plot.span;
    let (first, last) = (view.times().full(first), view.times().full(last));
    format!("{}: {}; {first} – {last}", captions.title, told.join(", "))
}
