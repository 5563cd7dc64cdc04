//! Whether a job is a new one, or goes on where an earlier run of its name stopped.

use std::sync::Arc;
use std::time::Duration;

use emberline_broker::{Bounds, KafkaSettings, OffsetRange, PartitionBounds};
use emberline_model::ReplayName;
use emberline_pipeline::replay::{Receipts, ReplayRun, Selection};

use super::{Job, unanswered};
use crate::app::UsageError;
use crate::output::grouped;
use crate::replays::{Entry, Registry, ReplayRange, ReplayState};
use crate::settings::Settings;
use crate::span::{Part, SpanError, Written, shown};

/// Longest wait for an answer of the brokers.
const PATIENCE: Duration = Duration::from_secs(20);
/// What was sent so long before the last sign of life of a run that was killed may be sent
/// again if its receipt is not looked up.
const BEFORE_LAST_SIGN_MS: i64 = 60_000;

/// A job that begins, or goes on.
pub(super) struct Beginning {
    pub(super) name: ReplayName,
    /// What it was about from the first.
    pub(super) whole: Vec<OffsetRange>,
    /// What is left of that.
    pub(super) left: Vec<OffsetRange>,
    /// Only records of these times.
    pub(super) only: Option<(i64, i64)>,
    /// What is to be said beforehand.
    pub(super) notes: Vec<String>,
    /// How it stood when its last run ended.
    pub(super) before: Option<Entry>,
}

/// What is known of a job's name.
pub(super) enum Found {
    Begins(Beginning),
    WasDone(Entry),
}

/// Looks a job up by its name.
pub(super) async fn find(
    job: &Job,
    registry: &Registry,
    kafka: &KafkaSettings,
) -> anyhow::Result<Found> {
    let known = job.options.name.as_ref().and_then(|name| registry.find(name));
    let Some(entry) = known else { return Ok(Found::Begins(Beginning::anew(job, kafka).await?)) };
    check_same(job, &entry)?;
    if entry.status.state == ReplayState::Done {
        return Ok(Found::WasDone(entry));
    }
    Ok(Found::Begins(Beginning::again(job, entry, kafka).await?))
}

fn check_same(job: &Job, entry: &Entry) -> Result<(), UsageError> {
    let status = &entry.status;
    let (from, to) = job.bounds();
    let same = status.kind == job.kind
        && status.topic == job.topic
        && status.from == from
        && status.to == to
        && status.asked == job.asked;
    if same {
        return Ok(());
    }
    Err(UsageError(format!(
        "there is a {} {} already, and it was asked for something else: see emberline replay show \
         {}, and give this one another --name",
        status.kind.name(),
        entry.name,
        entry.name
    )))
}

impl Beginning {
    /// A new one: what its bounds mean is looked up now.
    pub(super) async fn anew(job: &Job, kafka: &KafkaSettings) -> anyhow::Result<Self> {
        let part = look_up(job, kafka).await?;
        if let Some(name) = &job.options.name {
            let known = settled_so_far(job, name, kafka).await?;
            if part.ranges.iter().any(|range| rest_of(range, &known) != *range) {
                return Err(UsageError(format!(
                    "nothing is known of {} {name}, and its group has offsets of an earlier one: \
                     give this one another --name",
                    job.word()
                ))
                .into());
            }
        }
        Ok(Self {
            name: job.name(),
            notes: part.notes(),
            whole: part.ranges.clone(),
            left: part.ranges,
            only: part.only,
            before: None,
        })
    }

    /// One that goes on: from what its group has committed.
    async fn again(job: &Job, entry: Entry, kafka: &KafkaSettings) -> anyhow::Result<Self> {
        let whole: Vec<_> = entry.status.ranges.iter().map(offsets).collect();
        let known = settled_so_far(job, &entry.name, kafka).await?;
        if let Some(gone) = whole.iter().find(|range| !is_in_log(range, &known)) {
            return Err(UsageError(format!(
                "{} {} was asked for partition {} up to offset {}, and the log ends before: the \
                 topic was made anew since; give this one another --name",
                job.word(),
                entry.name,
                gone.partition,
                gone.to
            ))
            .into());
        }
        let left: Vec<_> = whole.iter().map(|range| rest_of(range, &known)).collect();
        let progress = &entry.status.progress;
        let note = format!(
            "{} {} goes on: {} of {} records were settled before. What is planned counts from the \
             first that was not in each partition; what was settled after it is not sent again",
            job.word(),
            entry.name,
            grouped(progress.read),
            grouped(progress.records),
        );
        let mut notes = vec![note];
        if entry.status.state.is_running() {
            notes.push(format!(
                "its last run ended without a word: what that did after {} is done, but is not \
                 counted below",
                shown(entry.heard_ms)
            ));
        }
        Ok(Self {
            name: entry.name.clone(),
            whole,
            left,
            only: entry.status.only,
            notes,
            before: Some(entry),
        })
    }

    /// What the pipeline is told.
    pub(super) fn run_of(&self, job: &Job, settings: &Settings) -> ReplayRun {
        let receipts = match &self.before {
            _ if !settings.receipts.enabled => Receipts::Ignored,
            _ if job.without_receipt_only => Receipts::All,
            None => Receipts::Ignored,
            Some(before) => Receipts::Since(unsure_since(before, self.is_forgotten(before))),
        };
        let goes_on = self.before.is_some();
        let selection = Selection { only_ms: self.only, goes_on, ..job.selection.clone() };
        ReplayRun {
            name: self.name.to_string(),
            topic: job.topic.clone(),
            ranges: self.left.clone(),
            dead_letters_only: job.dead_letters_only,
            receipts,
            states_from: Vec::new(),
            selection: Arc::new(selection),
        }
    }

    /// What [`unsure_since`] says of the runs before.
    pub(super) fn unsure_since_ms(&self) -> Option<i64> {
        self.before.as_ref().map(|before| unsure_since(before, self.is_forgotten(before)))
    }

    /// Whether the brokers no longer know what its group has committed.
    fn is_forgotten(&self, before: &Entry) -> bool {
        self.left == self.whole && before.status.progress.read > 0
    }
}

/// Since when a job's runs may have sent what its group does not know of, Unix milliseconds:
/// since its last sign of life; where that was another's word about it, or its group was
/// forgotten, since it was begun. A run that did not stop in good order may not have settled
/// what was unsure when it began.
fn unsure_since(before: &Entry, is_forgotten: bool) -> i64 {
    let status = &before.status;
    let whole = is_forgotten || status.state == ReplayState::Cancelled;
    let last = if whole { status.started_ms } else { before.heard_ms };
    let since = last - BEFORE_LAST_SIGN_MS;
    match status.unsure_since_ms {
        Some(earlier) if status.state != ReplayState::Stopped => since.min(earlier),
        _ => since,
    }
}

impl Job {
    /// The bounds as they were written.
    pub(super) fn bounds(&self) -> (Vec<String>, Vec<String>) {
        let texts = |bounds: &[Written]| bounds.iter().map(|it| it.text.clone()).collect();
        (texts(&self.span.from), texts(&self.span.to))
    }
}

async fn look_up(job: &Job, kafka: &KafkaSettings) -> anyhow::Result<Part> {
    let (span, topic, to) = (job.span.clone(), job.topic.clone(), kafka.clone());
    let found = tokio::task::spawn_blocking(move || span.look_up(&to, &topic)).await?;
    found.map_err(|error| match error {
        SpanError::Wrong(text) => UsageError(text).into(),
        SpanError::Broker(error) => unanswered(error, kafka),
    })
}

fn offsets(range: &ReplayRange) -> OffsetRange {
    OffsetRange { partition: range.partition, from: range.from, to: range.to }
}

/// What a replay's group has committed, by partition.
type Settled = Vec<(PartitionBounds, Option<i64>)>;

async fn settled_so_far(
    job: &Job,
    name: &ReplayName,
    kafka: &KafkaSettings,
) -> anyhow::Result<Settled> {
    let group = job.worker().group_of_replay(&kafka.group, name.as_str());
    let (kafka, topic) = (KafkaSettings { group, ..kafka.clone() }, job.topic.clone());
    let asked = tokio::task::spawn_blocking(move || -> anyhow::Result<Settled> {
        let bounds = Bounds::new(&kafka)?;
        let partitions = bounds.of_topics(&[topic], PATIENCE)?;
        let names: Vec<_> = partitions.iter().map(PartitionBounds::name).collect();
        let committed = bounds.committed(&names, PATIENCE)?;
        Ok(partitions.into_iter().zip(committed).collect())
    });
    asked.await?
}

fn is_in_log(range: &OffsetRange, known: &Settled) -> bool {
    let of = known.iter().find(|(it, _)| it.partition == range.partition);
    range.is_empty() || of.is_some_and(|(it, _)| range.to <= it.high)
}

fn rest_of(range: &OffsetRange, known: &Settled) -> OffsetRange {
    let of = known.iter().find(|(it, _)| it.partition == range.partition);
    let (low, committed) = of.map_or((0, None), |(it, committed)| (it.low, *committed));
    let from = committed.unwrap_or(range.from).max(low).clamp(range.from, range.to);
    OffsetRange { from, ..*range }
}

#[cfg(test)]
mod tests {
    use emberline_model::ReplayName;

    use super::{BEFORE_LAST_SIGN_MS, unsure_since};
    use crate::replays::tests::status;
    use crate::replays::{Entry, ReplayState};

    fn before(state: ReplayState, unsure_since_ms: Option<i64>, heard_ms: i64) -> Entry {
        let mut status = status(state);
        (status.started_ms, status.unsure_since_ms) = (500_000, unsure_since_ms);
        Entry::of(ReplayName::parse("a").unwrap(), status, heard_ms)
    }

    #[test]
    fn a_run_killed_twice_is_unsure_since_it_was_killed_first() {
        let killed = before(ReplayState::Running, None, 900_000);
        let first = unsure_since(&killed, false);
        assert_eq!(first, 900_000 - BEFORE_LAST_SIGN_MS);
        // The second run was killed before it had settled anything, long after.
        let killed_again = before(ReplayState::Running, Some(first), 9_000_000);
        assert_eq!(unsure_since(&killed_again, false), first);
        let failed = before(ReplayState::Failed, Some(first), 9_000_000);
        assert_eq!(unsure_since(&failed, false), first);
        let stopped = before(ReplayState::Stopped, Some(first), 9_000_000);
        assert_eq!(unsure_since(&stopped, false), 9_000_000 - BEFORE_LAST_SIGN_MS);
    }

    #[test]
    fn where_its_last_sign_is_anothers_it_is_unsure_since_it_was_begun() {
        let since_begun = 500_000 - BEFORE_LAST_SIGN_MS;
        let cancelled = before(ReplayState::Cancelled, None, 900_000);
        assert_eq!(unsure_since(&cancelled, false), since_begun);
        assert_eq!(unsure_since(&before(ReplayState::Stopped, None, 900_000), true), since_begun);
    }
}
