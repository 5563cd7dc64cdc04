//! `dlq stats`: how many there are, by reason, error code, product, topic and hour.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use emberline_service_api::clean;
use serde_json::{Value, json};

use super::chart::bars;
use super::filter::{Filter, Sieve, counted};
use super::letter::Letter;
use super::row::name;
use super::tally::{Count, Hours, Tally};
use super::topic::LetterTopic;
use crate::app::Exit;
use crate::output;
use crate::settings::Settings;
use crate::span::shown;

/// Most names of a kind that are printed; `--json` has more.
const MOST_PRINTED: usize = 20;
/// Most bars of the chart by time.
const MOST_BARS: usize = 48;

/// What stands for a letter without a code, or whose product can't be told.
const NONE: &str = "(none)";

const EXAMPLES: &str = "\
Examples:
  emberline dlq stats
  emberline dlq stats --from \"1 day ago\" --topic devices
  emberline dlq stats --reason refused --json | jq .codes";

/// Arguments of `dlq stats`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn run(&self, settings: &Settings) -> anyhow::Result<Exit> {
        let mut topic = LetterTopic::of(settings)?;
        let part = topic.part(&self.filter)?;
        let mut sieve = Sieve::new(&self.filter);
        let mut stats = Stats::default();
        topic.read(&part, |_, letter| {
            if sieve.takes(letter) {
                stats.add(letter);
            }
            ControlFlow::Continue(())
        })?;
        if self.json {
            output::json(&stats.to_json(sieve.looked_at))?;
        } else {
            output::text(&stats.text(sieve.looked_at))?;
        }
        sieve.notes().iter().for_each(|note| output::notice(note));
        Ok(Exit::Done)
    }
}

#[derive(Debug, Default)]
struct Stats {
    letters: u64,
    no_letters: u64,
    reasons: Tally,
    codes: Tally,
    products: Tally,
    topics: Tally,
    hours: Hours,
}

impl Stats {
    fn add(&mut self, letter: &Letter) {
        let Ok(dead) = &letter.dead else {
            self.no_letters += 1;
            return;
        };
        self.letters += 1;
        self.reasons.add(&clean(&dead.reason));
        self.codes.add(&dead.error_code.as_deref().map_or_else(|| NONE.to_owned(), clean));
        self.products.add(letter.about.product().unwrap_or(NONE));
        self.topics.add(&name(&dead.topic));
        self.hours.add(letter.time_ms);
    }

    fn to_json(&self, looked_at: u64) -> Value {
        let hours: Vec<_> = self
            .hours
            .counts()
            .map(|(begin, count)| json!({ "hour": shown(begin), "count": count }))
            .collect();
        let tally = |tally: &Tally| {
            let (counts, others) = tally.counts();
            json!({ "counts": counts, "others": others })
        };
        json!({
            "letters": self.letters,
            "no_dead_letters": self.no_letters,
            "looked_at": looked_at,
            "reasons": tally(&self.reasons),
            "codes": tally(&self.codes),
            "products": tally(&self.products),
            "topics": tally(&self.topics),
            "hours": { "counts": hours, "earlier": self.hours.earlier },
        })
    }

    fn text(&self, looked_at: u64) -> String {
        let mut text = counted(self.letters, "dead letter");
        if looked_at != self.letters {
            let _ = write!(text, " of {} looked at", counted(looked_at, "record"));
        }
        text.push('\n');
        if self.letters == 0 {
            return text;
        }
        for (heading, tally) in [
            ("reason", &self.reasons),
            ("error code", &self.codes),
            ("product", &self.products),
            ("topic", &self.topics),
        ] {
            let _ = write!(text, "\nby {heading}\n{}", bars(&printed(tally)));
        }
        let (length, spans) = self.hours.in_spans(MOST_BARS);
        let unit = if length == 1 { "hour".to_owned() } else { format!("{length} hours") };
        let charted: u64 = spans.iter().map(|(_, count)| count).sum();
        let label = |begin: i64| shown(begin).replace(":00Z", "Z").replace('T', " ");
        let spans: Vec<_> = spans.into_iter().map(|(begin, count)| (label(begin), count)).collect();
        let _ = write!(text, "\nby {unit} in which they were written (UTC)\n{}", bars(&spans));
        let earlier = self.letters - charted;
        if earlier > 0 {
            let _ = writeln!(text, "  and {earlier} earlier");
        }
        text
    }
}

/// The most frequent, and the rest as one.
fn printed(tally: &Tally) -> Vec<(String, u64)> {
    let (mut counts, mut rest) = tally.counts();
    let kinds = counts.len().saturating_sub(MOST_PRINTED);
    if kinds > 0 {
        rest += counts.drain(MOST_PRINTED..).map(|it| it.count).sum::<u64>();
    }
    let mut printed: Vec<_> =
        counts.into_iter().map(|Count { name, count }| (name, count)).collect();
    if rest > 0 {
        printed.push(("(others)".to_owned(), rest));
    }
    printed
}

#[cfg(test)]
mod tests {
    use emberline_wire::headers::{DeadLetter, HeaderError};

    use super::Stats;
    use crate::commands::dlq::letter::tests::{Headers, refused};
    use crate::commands::dlq::letter::{Letter, Place};
    use crate::commands::dlq::original::About;
    use crate::commands::dlq::original::tests::reader;

    fn stats() -> Stats {
        let mut stats = Stats::default();
        let mut add = |letter: &DeadLetter, key: &[u8], hour: i64| {
            let headers = Headers::of(letter, &[]);
            let mut record = headers.record(None);
            record.key = Some(key);
            record.time_ms += hour * 3_600_000;
            stats.add(&reader().letter(&record));
        };
        for number in 0..30 {
            add(&refused(), b"F4N0000AN/dev1", number % 3);
        }
        let unreadable = DeadLetter {
            reason: "undecodable".into(),
            error_code: None,
            topic: "orders".into(),
            ..refused()
        };
        add(&unreadable, b"c_1", 4);
        let dead = Err(HeaderError::Missing { name: "emberline-dlq-topic" });
        let place = Place { partition: 0, offset: 0 };
        stats.add(&Letter { place, time_ms: 0, dead, about: About::default() });
        stats
    }

    #[test]
    fn letters_are_counted_with_a_bar_for_each() {
        insta::assert_snapshot!(stats().text(32));
    }

    #[test]
    fn as_json_all_counts_are_there() {
        insta::assert_json_snapshot!(stats().to_json(32));
    }

    #[test]
    fn rare_kinds_are_printed_as_one() {
        let mut stats = Stats::default();
        for number in 0..100 {
            let code = Some(format!("Code{number}"));
            let headers = Headers::of(&DeadLetter { error_code: code, ..refused() }, &[]);
            stats.add(&reader().letter(&headers.record(None)));
        }
        let text = stats.text(100);
        assert!(text.contains("(others)  80"), "{text}");
        assert!(text.starts_with("100 dead letters\n"), "{text}");
    }

    #[test]
    fn no_letters_are_no_charts() {
        assert_eq!(Stats::default().text(7), "0 dead letters of 7 records looked at\n");
    }
}
