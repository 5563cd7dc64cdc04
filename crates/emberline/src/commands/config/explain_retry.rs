//! `config explain-retry`: what the retry settings amount to.

use std::fmt::Write as _;
use std::time::Duration;

use emberline_flow::backoff::{Backoff, InvalidTiers, RetryTiers};
use serde::Serialize;

use crate::settings::{HumanDuration, Settings};
use crate::wiring;

/// Most hops that are told one by one: where the last topic is gone round in, the rest say
/// nothing new.
const HOPS_TOLD: usize = 5;

/// When something that fails each time is tried again.
#[derive(Debug, Serialize)]
pub(super) struct Schedule {
    /// Longest waits before the tries in place; each is drawn at random below.
    in_place_ms: Vec<u64>,
    /// Tries in place of the calls made for the first time, at most, in percent.
    budget_percent: u16,
    /// How long telemetry of an unbound device waits in memory before the first hop.
    join_wait_ms: u64,
    /// The hops through the retry topics; the last one repeats.
    hops: Vec<Hop>,
    /// Hops from the first failure to the dead letter, at most.
    hops_in_all: usize,
    /// Time from the first failure to the dead letter: at the least, and at the most.
    dead_letter_after_ms: (u64, u64),
}

#[derive(Debug, Serialize)]
struct Hop {
    topic: String,
    waits_ms: u64,
    /// Time from the first failure until it is due: at the least, and at the most.
    due_after_ms: (u64, u64),
}

impl Schedule {
    /// # Errors
    /// The delays make no ladder.
    pub(super) fn of(settings: &Settings) -> Result<Self, InvalidTiers> {
        let retry = &settings.retry;
        let tiers =
            RetryTiers::new(retry.tiers.iter().map(|tier| tier.0).collect(), retry.max_age.0)?;
        let topics = wiring::topics(settings);
        let backoff = Backoff::new(retry.backoff_base.0, retry.backoff_cap.0);
        let in_place = (0..u32::from(retry.in_place)).map(|attempt| backoff.ceiling(attempt));
        let (least, most) = tiers.dead_letter_after();
        let hops = tiers.hops().take(HOPS_TOLD.max(tiers.delays().len() + 1));
        Ok(Self {
            in_place_ms: in_place.map(millis).collect(),
            budget_percent: retry.budget.0,
            join_wait_ms: millis(settings.join.wait.0),
            hops: hops
                .map(|hop| Hop {
                    topic: topics.retry(tiers.delays()[hop.tier]),
                    waits_ms: millis(tiers.delays()[hop.tier]),
                    due_after_ms: (millis(hop.earliest), millis(hop.latest)),
                })
                .collect(),
            hops_in_all: tiers.hops().count(),
            dead_letter_after_ms: (millis(least), millis(most)),
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("What fails in a passing way (5xx, timeout, broken answer)\n");
        let waits: Vec<_> = self.in_place_ms.iter().map(|ms| human(*ms)).collect();
        let _ = if waits.is_empty() {
            writeln!(text, "  is not tried again in place.")
        } else {
            writeln!(
                text,
                "  is tried again in place up to {} times, after at most {} (drawn at random below),\n  \
                 as long as no more than {}% of the first calls are repeated.",
                waits.len(),
                waits.join(", "),
                self.budget_percent,
            )
        };
        let _ = writeln!(
            text,
            "Then, at once for an unknown customer, and after {} in memory for a device without\n\
             binding, it waits in the retry topics:\n",
            human(self.join_wait_ms)
        );
        let width = self.hops.iter().map(|hop| hop.topic.len()).max().unwrap_or_default().max(5);
        let _ = writeln!(
            text,
            "  hop  {:width$}  {:>8}  due after its first failure",
            "topic", "waits"
        );
        for (number, hop) in (1..).zip(&self.hops) {
            let (least, most) = hop.due_after_ms;
            let (topic, waits) = (&hop.topic, human(hop.waits_ms));
            let due = format!("{} to {}", human(least), human(most));
            let _ = writeln!(text, "  {number:>3}  {topic:width$}  {waits:>8}  {due}");
        }
        if self.hops_in_all > self.hops.len() {
            let _ = writeln!(text, "  and so on in the last, {} hops at most.", self.hops_in_all);
        }
        let (least, most) = self.dead_letter_after_ms;
        let _ = write!(
            text,
            "\nDead letter: {} to {} after its first failure.\n\n\
             Not counted, and without an end: a service that is down, refused credentials, and waits\n\
             that the service asks for. A device's online state is tried in place until it is {} old.\n",
            human(least),
            human(most),
            human(least),
        );
        text
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// In the units of a watch, such as `1h 5m 30s`.
fn human(millis: u64) -> String {
    if millis == 0 {
        return HumanDuration::from_millis(0).to_string();
    }
    let rounded = if millis >= 60_000 { millis / 1000 * 1000 } else { millis };
    humantime::format_duration(Duration::from_millis(rounded)).to_string()
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use crate::settings::Settings;

    #[test]
    fn the_defaults_are_explained() {
        let schedule = Schedule::of(&Settings::default()).unwrap();
        insta::assert_snapshot!(schedule.text());
        assert_eq!(schedule.hops_in_all, 170);
    }
}
