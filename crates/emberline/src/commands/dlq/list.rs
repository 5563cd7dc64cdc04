//! `dlq list`: the newest first, in a table or as JSON.

use std::fmt::Write as _;
use std::io::StdoutLock;
use std::ops::ControlFlow;

use super::filter::{Filter, Sieve, counted};
use super::row::{COLUMNS, Row};
use super::topic::LetterTopic;
use crate::app::Exit;
use crate::output::{self, Lines};
use crate::settings::Settings;

/// Rows whose widths are known before the first is printed.
const MOST_MEASURED: usize = 500;

const EXAMPLES: &str = "\
Examples:
  emberline dlq list --limit 10
  emberline dlq list --reason impossible_value --reason undecodable --from \"1 day ago\"
  emberline dlq list --device F4N0000AN/dev1 --limit 0
  emberline dlq list --customer c_1001 --topic orders
  emberline dlq list --from 3:1500 --to 3:1600         a stretch of one partition
  emberline dlq list --limit 0 --json | jq -r .place";

/// Arguments of `dlq list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// Most letters to list; 0 for all of them.
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<Exit> {
        let mut topic = LetterTopic::of(settings)?;
        let part = topic.part(&self.filter)?;
        let limit = if self.limit == 0 { usize::MAX } else { self.limit };
        let mut sieve = Sieve::new(&self.filter);
        let mut out = Lines::on_stdout();
        let mut table = Table::new();
        let (mut listed, mut reader_gone) = (0, false);
        let unread = topic.read_newest(
            &part,
            limit,
            |letter| sieve.takes(letter).then(|| Row::of(letter)),
            |row| {
                listed += 1;
                let written = if self.json {
                    out.line(&serde_json::to_string(&row)?)?
                } else {
                    table.take(row.cells(), &mut out)?
                };
                reader_gone |= written.is_break();
                Ok(written)
            },
        )?;
        reader_gone |= table.end(&mut out)?.is_break();
        out.end()?;
        if !reader_gone {
            output::notice(&summary(listed, &sieve, unread));
            sieve.notes().iter().for_each(|note| output::notice(note));
        }
        Ok(Exit::Done)
    }
}

/// How much there is beyond what was listed.
fn summary(listed: u64, sieve: &Sieve<'_>, unread: u64) -> String {
    let (looked_at, more) = (sieve.looked_at, sieve.matched.saturating_sub(listed));
    let mut text = format!("{} listed of {looked_at} looked at", counted(listed, "letter"));
    if more > 0 {
        let _ = write!(text, "; {more} more of these match (--limit)");
    }
    if unread > 0 {
        let _ = write!(text, "; {unread} older ones were not looked at");
    }
    text
}

/// Aligns rows as they come: by the first of them, later ones may stand out.
struct Table {
    waiting: Vec<[String; COLUMNS.len()]>,
    widths: Option<[usize; COLUMNS.len()]>,
}

impl Table {
    fn new() -> Self {
        Self { waiting: vec![COLUMNS.map(str::to_owned)], widths: None }
    }

    fn take(
        &mut self,
        cells: [String; COLUMNS.len()],
        out: &mut Lines<StdoutLock<'static>>,
    ) -> std::io::Result<ControlFlow<()>> {
        if let Some(widths) = &self.widths {
            return out.line(&line(&cells, widths));
        }
        self.waiting.push(cells);
        if self.waiting.len() > MOST_MEASURED {
            self.end(out)
        } else {
            Ok(ControlFlow::Continue(()))
        }
    }

    /// Prints what waits, if there is a row.
    fn end(&mut self, out: &mut Lines<StdoutLock<'static>>) -> std::io::Result<ControlFlow<()>> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.len() < 2 {
            return Ok(ControlFlow::Continue(()));
        }
        let widths = *self.widths.insert(widths(&waiting));
        for cells in waiting {
            if out.line(&line(&cells, &widths))?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn widths(rows: &[[String; COLUMNS.len()]]) -> [usize; COLUMNS.len()] {
    let mut widths = [0; COLUMNS.len()];
    for row in rows {
        // What is no dead letter says so at length, in a row without other columns.
        let told = if row[6] == "-" { 2 } else { row.len() };
        for (width, cell) in widths.iter_mut().zip(row).take(told) {
            *width = (*width).max(cell.chars().count());
        }
    }
    widths
}

fn line(cells: &[String; COLUMNS.len()], widths: &[usize; COLUMNS.len()]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let _ = write!(line, "{cell:width$}  ");
    }
    line.truncate(line.trim_end().len());
    line
}

#[cfg(test)]
mod tests {
    use super::{Filter, Sieve, line, summary, widths};

    fn cells(texts: [&str; 7]) -> [String; 7] {
        texts.map(str::to_owned)
    }

    #[test]
    fn rows_are_aligned_and_one_that_is_no_letter_does_not_widen_the_columns() {
        let rows = [
            cells(["PLACE", "WRITTEN", "REASON", "CODE", "ABOUT", "PART", "FROM"]),
            cells(["0:1", "t", "refused", "Code", "烟/d", "power", "devices 0:1"]),
            cells(["0:10000", "t", "(no dead letter: why at length)", "-", "-", "-", "-"]),
        ];
        let widths = widths(&rows);
        let lines: Vec<_> = rows.iter().map(|row| line(row, &widths)).collect();
        assert_eq!(
            lines,
            [
                "PLACE    WRITTEN  REASON   CODE  ABOUT  PART   FROM",
                "0:1      t        refused  Code  烟/d    power  devices 0:1",
                "0:10000  t        (no dead letter: why at length)  -     -      -      -",
            ]
        );
    }

    #[test]
    fn what_is_not_listed_is_told() {
        let filter = Filter::default();
        let mut sieve = Sieve::new(&filter);
        (sieve.looked_at, sieve.matched) = (192, 192);
        let text = summary(50, &sieve, 19_808);
        assert_eq!(
            text,
            "50 letters listed of 192 looked at; 142 more of these match (--limit); 19808 older ones were not looked at"
        );
        assert_eq!(summary(192, &sieve, 0), "192 letters listed of 192 looked at");
    }
}
