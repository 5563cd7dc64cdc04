//! Figures as a picture: on a terminal, or as plain text.
//!
//! A function of the figures and the room alone.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Row, Table, Widget};

use super::figures::{Calls, Circuit, Ended, Figures, Place, Process, Worker};
use crate::observe::admin::ShownFailure;
use crate::output::grouped;

/// What stands for a figure that is not known.
const UNKNOWN: &str = "–";
const COLUMN_SPACE: u16 = 2;
/// Fewest rows of a table that are shown where there is little room.
const FEWEST: usize = 3;
/// Most rows of a table in plain text, which has all the room there is.
const MOST_PLAIN: usize = 40;
/// A word of which fewer characters are left says nothing.
const FEWEST_CHARS: usize = 8;
/// Most characters of an error's message.
const MOST_OF_MESSAGE: usize = 70;
/// How wide plain text may become.
const PLAIN_WIDTH: u16 = 200;

/// A cell: its text, and what it looks like.
type Shown = (String, Style);

/// A table with its name.
struct Section {
    title: &'static str,
    head: &'static [&'static str],
    /// How many columns from the left are words; the others are numbers.
    words: usize,
    rows: Vec<Vec<Shown>>,
    /// Stands below.
    notes: Vec<String>,
}

/// Draws what is known in the room that there is.
pub(super) fn draw(figures: &Figures, area: Rect, buffer: &mut Buffer) {
    let sections = sections(figures);
    let room = usize::from(area.height.saturating_sub(1));
    let rows = shares(&sections, room);
    let heights = std::iter::once(1)
        .chain(sections.iter().zip(&rows).map(|(section, rows)| rows + section.beside_rows()));
    let heights =
        heights.map(|height| Constraint::Length(u16::try_from(height).unwrap_or(u16::MAX)));
    let areas = Layout::vertical(heights).split(area);
    title(figures).render(areas[0], buffer);
    for ((section, rows), area) in sections.iter().zip(rows).zip(areas.iter().skip(1)) {
        section.draw(rows, *area, buffer);
    }
}

/// The same as text, as long as it takes.
pub(super) fn plain(figures: &Figures) -> String {
    let sections = sections(figures);
    let height: usize = sections
        .iter()
        .map(|section| section.rows.len().min(MOST_PLAIN) + section.beside_rows())
        .sum();
    let height = u16::try_from(height + 1).unwrap_or(u16::MAX);
    let mut buffer = Buffer::empty(Rect::new(0, 0, PLAIN_WIDTH, height));
    draw(figures, buffer.area, &mut buffer);
    text(&buffer)
}

/// What stands in a buffer.
pub(super) fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for line in buffer.content.chunks(usize::from(buffer.area.width).max(1)) {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn title(figures: &Figures) -> Line<'static> {
    let reached = figures.processes.iter().filter(|process| process.workers.is_ok()).count();
    let all = figures.processes.len();
    let since = figures
        .seconds
        .map_or_else(|| "first look".to_owned(), |seconds| format!("rates of {seconds:.1} s"));
    let processes = if all == 1 { "1 process".to_owned() } else { format!("{all} processes") };
    let mut line = vec![Span::from("emberline top").bold(), Span::from(format!("  {processes}"))];
    if reached < all {
        line.push(Span::from(format!(", {} not reached", all - reached)).red());
    }
    line.push(Span::from(format!("  {:.0}  {since}", figures.time)));
    Line::from(line)
}

fn sections(figures: &Figures) -> Vec<Section> {
    let mut sections = vec![
        Section {
            title: "WORKERS",
            head: &[
                "address",
                "worker",
                "state",
                "lag",
                "records/s",
                "items/s",
                "calls/s",
                "failed/s",
                "late p50",
                "p99",
                "in flight",
                "calling",
                "limit/s",
                "share",
            ],
            words: 3,
            rows: figures.processes.iter().flat_map(process).collect(),
            notes: Vec::new(),
        },
        Section {
            title: "LAG",
            head: &["partition", "worker", "owner", "lag", "frontier", "settled/s"],
            words: 3,
            rows: figures.lag.iter().map(lag).collect(),
            notes: Vec::new(),
        },
        Section {
            title: "OUTCOMES",
            head: &["outcome", "reason", "items/s", "all"],
            words: 2,
            rows: figures.outcomes.iter().map(ended).collect(),
            notes: Vec::new(),
        },
        Section {
            title: "CALLS",
            head: &["action", "failed, a second", "calls/s", "p50", "p99", "all"],
            words: 2,
            rows: figures.calls.iter().map(calls).collect(),
            notes: Vec::new(),
        },
        Section {
            title: "LATEST ERRORS",
            head: &["ago", "worker", "action", "class", "code", "times", "message", "RequestId"],
            words: 8,
            rows: figures.failures.failures.iter().map(|it| failure(it, figures.time)).collect(),
            notes: figures
                .failures
                .missing
                .iter()
                .map(|who| format!("not reached: {who}"))
                .collect(),
        },
    ];
    for section in &mut sections {
        if section.rows.is_empty() && section.notes.is_empty() {
            section.notes.push("none".to_owned());
        }
    }
    sections
}

fn process(process: &Process) -> Vec<Vec<Shown>> {
    let workers = match &process.workers {
        Ok(workers) => workers,
        Err(why) => {
            let red = Style::new().red();
            let told = (format!("not reached: {why}"), red);
            return vec![vec![(process.address.clone(), red), told]];
        }
    };
    if workers.is_empty() {
        let told = (format!("starting: {}", process.waits_for), Style::new().yellow());
        return vec![vec![plainly(&process.address), told]];
    }
    workers.iter().map(|worker| one_worker(process, worker)).collect()
}

fn one_worker(process: &Process, worker: &Worker) -> Vec<Shown> {
    let state = match worker.circuit {
        Circuit::Halted => ("halted".to_owned(), Style::new().red().bold()),
        Circuit::Open => ("circuit open".to_owned(), Style::new().red().bold()),
        Circuit::Throttled => ("throttled".to_owned(), Style::new().yellow()),
        Circuit::Closed if !process.waits_for.is_empty() => {
            ("starting".to_owned(), Style::new().yellow())
        }
        Circuit::Closed => ("works".to_owned(), Style::new().green()),
    };
    let [read, settled, called, failed] = worker.rates.map_or([None; 4], |rates| rates.map(Some));
    let failing = failed.is_some_and(|failed| failed > 0.0);
    vec![
        plainly(&process.address),
        plainly(&worker.name),
        state,
        plainly(&count(worker.lag)),
        plainly(&rate(read)),
        plainly(&rate(settled)),
        plainly(&rate(called)),
        (rate(failed), if failing { Style::new().red() } else { Style::new() }),
        plainly(&seconds(worker.late[0])),
        plainly(&seconds(worker.late[1])),
        plainly(&count(worker.items_in_flight)),
        plainly(&count(worker.calls_in_flight)),
        plainly(&process.limit.map_or("none".to_owned(), |limit| rate(Some(limit)))),
        plainly(&format!("{:.0}%", process.share * 100.0)),
    ]
}

fn lag(place: &Place) -> Vec<Shown> {
    // Something to do, and nothing done.
    let still = place.lag > 0.0 && place.progress == Some(0.0);
    vec![
        plainly(&place.partition),
        plainly(&place.worker),
        plainly(&place.owner),
        plainly(&count(place.lag)),
        plainly(&count(place.frontier)),
        (rate(place.progress), if still { Style::new().yellow() } else { Style::new() }),
    ]
}

fn ended(ended: &Ended) -> Vec<Shown> {
    let bad = ended.outcome.starts_with("dead") && ended.rate.is_some_and(|rate| rate > 0.0);
    let style = if bad { Style::new().red() } else { Style::new() };
    vec![
        (ended.outcome.clone(), style),
        plainly(&ended.reason),
        (rate(ended.rate), style),
        plainly(&count(ended.total)),
    ]
}

fn calls(calls: &Calls) -> Vec<Shown> {
    let failed =
        calls.failed.iter().map(|(class, rate)| format!("{class} {}", self::rate(Some(*rate))));
    vec![
        plainly(&calls.action),
        (failed.collect::<Vec<_>>().join(", "), Style::new().red()),
        plainly(&rate(calls.rate)),
        plainly(&seconds(calls.answered[0])),
        plainly(&seconds(calls.answered[1])),
        plainly(&count(calls.total)),
    ]
}

fn failure(failure: &ShownFailure, now: Timestamp) -> Vec<Shown> {
    let ago = now.duration_since(failure.last).as_secs_f64().max(0.0);
    let mut message: String = failure.message.chars().take(MOST_OF_MESSAGE).collect();
    if message.len() < failure.message.len() {
        message.push('…');
    }
    vec![
        plainly(&seconds(Some(ago))),
        plainly(&failure.worker),
        plainly(&failure.action),
        (failure.class.clone(), Style::new().red()),
        plainly(&failure.code),
        plainly(&grouped(failure.count)),
        plainly(&message),
        plainly(&failure.request_id),
    ]
}

fn plainly(text: &str) -> Shown {
    (text.to_owned(), Style::new())
}

/// Few a second with a decimal, many without.
fn rate(rate: Option<f64>) -> String {
    match rate {
        None => UNKNOWN.to_owned(),
        Some(rate) if rate > 0.0 && rate < 9.95 => format!("{rate:.1}"),
        Some(rate) => count(rate),
    }
}

fn count(number: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it saturates, and below 0 there is nothing to count"
    )]
    grouped(number.round() as u64)
}

fn seconds(seconds: Option<f64>) -> String {
    let Some(time) = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) else {
        return UNKNOWN.to_owned();
    };
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3_600 => format!("{} min", time.as_secs() / 60),
        _ => format!("{} h", time.as_secs() / 3_600),
    }
}

/// How many rows each section gets: a few at least, and what is left in their order.
fn shares(sections: &[Section], room: usize) -> Vec<usize> {
    let fixed: usize = sections.iter().map(Section::beside_rows).sum();
    let mut left = room.saturating_sub(fixed);
    let mut shares = vec![0; sections.len()];
    for most in [FEWEST, usize::MAX] {
        for (share, section) in shares.iter_mut().zip(sections) {
            let more = section.rows.len().min(most).saturating_sub(*share).min(left);
            *share += more;
            left -= more;
        }
    }
    shares
}

impl Section {
    /// Lines that it takes beside its rows: its name, the columns' names, its notes.
    fn beside_rows(&self) -> usize {
        1 + usize::from(!self.rows.is_empty()) + self.notes.len()
    }

    fn draw(&self, rows: usize, area: Rect, buffer: &mut Buffer) {
        let [head, below] =
            Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
        let hidden = self.rows.len() - rows;
        let more = if hidden > 0 { format!("  {hidden} more") } else { String::new() };
        Line::from(vec![Span::from(self.title).bold().cyan(), Span::from(more)])
            .render(head, buffer);
        let notes = u16::try_from(self.notes.len()).unwrap_or(u16::MAX);
        let [table, mut foot] =
            Layout::vertical([Constraint::Fill(1), Constraint::Length(notes)]).areas(below);
        for note in &self.notes {
            Line::from(format!("  {note}")).dim().render(foot, buffer);
            foot = Rect { y: foot.y + 1, height: foot.height.saturating_sub(1), ..foot };
        }
        if self.rows.is_empty() {
            return;
        }
        let shown = &self.rows[..rows];
        let wide = self.columns(usize::from(area.width));
        let aligned = |column: usize, text: String| {
            if column < self.words { Line::from(text) } else { Line::from(text).right_aligned() }
        };
        let cells = self.head.iter().take(wide.len()).enumerate();
        let head = cells.map(|(column, name)| aligned(column, (*name).to_owned()));
        let head = Row::new(head).style(Style::new().add_modifier(Modifier::DIM));
        let lines = shown.iter().filter(|row| !spans(row)).map(|row| {
            let cells = row.iter().take(wide.len()).enumerate();
            Row::new(
                cells.map(|(column, (text, style))| aligned(column, text.clone()).style(*style)),
            )
        });
        let lines = lines.collect::<Vec<_>>();
        let table_height = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX);
        let widths =
            wide.iter().map(|width| Constraint::Length(u16::try_from(*width).unwrap_or(u16::MAX)));
        let grid = Table::new(lines, widths).header(head).column_spacing(COLUMN_SPACE);
        let [grid_area, mut rest] =
            Layout::vertical([Constraint::Length(table_height), Constraint::Fill(1)]).areas(table);
        Widget::render(grid, grid_area, buffer);
        for row in shown.iter().filter(|row| spans(row)) {
            let spans = row.iter().map(|(text, style)| Span::styled(format!("{text}  "), *style));
            Line::from(spans.collect::<Vec<_>>()).render(rest, buffer);
            rest = Rect { y: rest.y + 1, height: rest.height.saturating_sub(1), ..rest };
        }
    }

    /// The widths of those columns that there is room for: numbers are shown whole or not at
    /// all, words may be cut.
    fn columns(&self, room: usize) -> Vec<usize> {
        let mut columns = Vec::new();
        let mut left = room;
        for column in 0..self.head.len() {
            let width = self.width(column);
            if width > left {
                if column < self.words && left >= FEWEST_CHARS {
                    columns.push(left);
                }
                break;
            }
            columns.push(width);
            left = left.saturating_sub(width + usize::from(COLUMN_SPACE));
        }
        columns
    }

    fn width(&self, column: usize) -> usize {
        let rows = self.rows.iter().filter(|row| !spans(row)).filter_map(|row| row.get(column));
        let widest = rows.map(|(text, _)| text.chars().count()).max().unwrap_or(0);
        widest.max(self.head[column].chars().count())
    }
}

/// Whether a row is one sentence over all columns.
fn spans(row: &[Shown]) -> bool {
    row.len() == 2
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::{draw, plain, seconds, text};
    use crate::commands::top::figures::Figures;
    use crate::commands::top::figures::tests::{look, page};

    fn figures() -> Figures {
        let start = Instant::now();
        let before = look(start, [Ok(page(1_000, false)), Ok(page(500, false))]);
        let second = Err("no connection: 127.0.0.1:9474: Connection refused".to_owned());
        let now = look(start + Duration::from_secs(2), [Ok(page(1_600, true)), second]);
        Figures::of(Some(&before), &now)
    }

    #[test]
    fn a_frame_as_text_has_all_that_is_known() {
        insta::assert_snapshot!(plain(&figures()));
    }

    #[test]
    fn on_a_small_terminal_each_table_keeps_its_first_rows() {
        let mut terminal = Terminal::new(TestBackend::new(100, 20)).unwrap();
        terminal.draw(|frame| draw(&figures(), frame.area(), frame.buffer_mut())).unwrap();
        insta::assert_snapshot!(text(terminal.backend().buffer()));
    }

    #[test]
    fn a_terminal_of_any_size_is_drawn_on() {
        for (width, height) in [(0, 0), (1, 1), (20, 3), (300, 4), (7, 90)] {
            let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
            terminal.draw(|frame| draw(&figures(), frame.area(), frame.buffer_mut())).unwrap();
        }
    }

    #[test]
    fn a_time_is_shown_in_the_unit_that_suits_it() {
        let shown = [0.0004, 0.05, 1.25, 150.0, 90_000.0].map(|time| seconds(Some(time)));
        assert_eq!(shown, ["0 ms", "50 ms", "1.2 s", "2 min", "25 h"]);
        assert_eq!(seconds(None), "–");
    }
}
