//! The plot of calls per second.

use std::time::Instant;

use crate::console::figure::{Captions, Figure};
use crate::console::plot::{Line, Point, Style};
use crate::console::texts::Calls;
use crate::console::view::View;
use crate::ledger::{Ledger, Second};

/// `None` until there is enough of it.
pub(super) fn figure(ledger: &Ledger, v: &View, t: &'static Calls) -> Option<Figure> {
    let seconds = ledger.calls.pace.before(Instant::now());
    if seconds.len() < 2 {
        return None;
    }
    let line = |name: &str, count: fn(&Second) -> u32| Line {
        name: name.to_owned(),
        points: (0_i64..)
            .zip(&seconds)
            .map(|(place, second)| Point {
                at: v.now - i64::try_from(seconds.len()).unwrap_or(0) + place,
                value: f64::from(count(second)),
            })
            .collect(),
    };
    let mut lines = vec![line(t.accepted, |second| second.accepted)];
    if seconds.iter().any(|second| second.other > 0) {
        lines.push(line(t.not_accepted, |second| second.other));
    }
    let captions = Captions { title: t.pace.to_owned(), subtitle: t.pace_window.to_owned() };
    let style = Style { at_least: Some((0.0, 3.0)), step: 1.0, stairs: false, filled: true };
    Figure::of(captions, lines, style, v, |value| format!("{value:.0}"))
}
