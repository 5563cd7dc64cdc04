//! `generate`: realistic events into real topics, for trying out and for load.

mod expected;
pub(super) mod feed;
mod fleet_args;
pub(super) mod pace;
mod summary;

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use emberline_broker::{Bounds, KafkaSettings, ProduceError};
use emberline_fleet::{Fleet, Topic};
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::app::{Exit, UsageError};
use crate::settings::{Rate, Settings, TopicSettings};
use crate::{signals, wiring};
use expected::ExpectedFile;
use feed::Feed;
use pace::{Due, Pace};
use summary::Summary;

const EXAMPLES: &str = "\
Examples:
  emberline topics create --inputs                       make the topics first
  emberline generate --count 10000                       2,000 devices, bound and reporting
  emberline generate --devices 500 --rate 100/s          until stopped
  emberline generate --count 5000 --formats protobuf --customers
  emberline generate --count 5000 --seed 7 --expect expected.ndjson

Every record is written before the command ends; what could not be is told, and is a
failure. The same seed makes the same fleet.";

/// How long the broker may take to say whether a topic exists.
const METADATA_TIMEOUT: Duration = Duration::from_secs(10);

/// Arguments of `generate`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of a command line")]
pub struct Args {
    /// Messages of devices to make, those sent again not counted.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// How long to go on.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Messages a second, as in "200/s"; those sent again come on top. Without it, as fast as
    /// Kafka takes them.
    #[arg(long, value_name = "RATE")]
    rate: Option<Rate>,
    #[command(flatten)]
    fleet: fleet_args::FleetArgs,
    /// Write no binding events: the devices are bound already, or never shall be.
    #[arg(long)]
    no_bindings: bool,
    /// Write customer events first.
    #[arg(long)]
    customers: bool,
    /// Write a test order of every customer first.
    #[arg(long)]
    orders: bool,
    /// Write every report that must come of it to a file, one JSON object a line, in the
    /// order in which those of one device and category must arrive.
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Print the summary as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Args {
    fn pace(&self) -> Result<Pace, UsageError> {
        if self.count.is_none() && self.seconds.is_none() && self.rate.is_none() {
            let text = "say how much: --count, --seconds, or a --rate to go on at until stopped";
            return Err(UsageError(text.to_owned()));
        }
        Ok(Pace {
            per_second: self.rate.and_then(Rate::per_second),
            most: self.count,
            longest: self.seconds.map(Duration::from_secs),
        })
    }

    fn wants(&self, topic: Topic) -> bool {
        match topic {
            Topic::Devices => true,
            Topic::Bindings => !self.no_bindings,
            Topic::Customers => self.customers,
            Topic::Orders => self.orders,
        }
    }
}

/// Does it.
///
/// # Errors
/// A wrong use, a topic that does not exist, a record that could not be written.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Exit> {
    let pace = args.pace()?;
    let kafka = wiring::kafka(&settings)?;
    let stop = signals::stop_on_signal()?;
    check_topics(kafka.clone(), &args, &settings.topics).await?;
    let expected = args.expect.as_deref().map(ExpectedFile::create).transpose()?;

    let start = Instant::now();
    let mut fleet = Fleet::new(args.fleet.plan(expected.is_some()), now_ms());
    let mut feed = Feed::start(&kafka, &settings.topics)?;
    // A failure is told by the tally, after what was written nevertheless.
    let _ = fill(&mut fleet, &mut feed, &args, pace, &stop).await;
    let tally = feed.settle().await;
    Summary::of(&fleet, tally, start.elapsed()).print(args.json)?;
    tally.check()?;
    if let Some(expected) = expected {
        expected.write(fleet.expectation())?;
    }
    Ok(Exit::Done)
}

/// The paperwork, then the messages at their pace, then what is left over.
async fn fill(
    fleet: &mut Fleet,
    feed: &mut Feed,
    args: &Args,
    pace: Pace,
    stop: &CancellationToken,
) -> Result<(), ProduceError> {
    let customers = fleet.customers().map(|(_, record)| record);
    for record in customers.chain(fleet.orders()).chain(fleet.bindings()) {
        if args.wants(record.topic) {
            feed.send(&record).await?;
        }
    }
    feed.settle().await.check()?;

    let progress = progress_of(pace);
    let start = Instant::now();
    let mut messages = 0;
    while !stop.is_cancelled() {
        while let Some(record) = fleet.due(now_ms()) {
            if args.wants(record.topic) {
                feed.send(&record).await?;
            }
        }
        match pace.due(start.elapsed(), messages) {
            Due::Now(count) => {
                let now_ms = now_ms();
                for _ in 0..count {
                    feed.send(&fleet.message(now_ms)).await?;
                }
                messages += count;
                progress.set_position(messages);
                tokio::task::yield_now().await;
            }
            Due::Later(wait) => {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(wait) => {}
                }
            }
            Due::Over => break,
        }
    }
    while let Some(record) = fleet.rest(now_ms()) {
        if args.wants(record.topic) {
            feed.send(&record).await?;
        }
    }
    progress.finish_and_clear();
    Ok(())
}

/// All wanted topics must exist: a producer would find out only after its timeout.
async fn check_topics(
    kafka: KafkaSettings,
    args: &Args,
    topics: &TopicSettings,
) -> anyhow::Result<()> {
    let wanted: Vec<String> = [Topic::Devices, Topic::Bindings, Topic::Customers, Topic::Orders]
        .into_iter()
        .filter(|topic| args.wants(*topic))
        .flat_map(|topic| feed::names_of(topics, topic))
        .cloned()
        .collect();
    let missing = tokio::task::spawn_blocking(move || {
        let bounds = Bounds::new(&kafka)?;
        let mut missing = Vec::new();
        for topic in wanted {
            if bounds.partition_count(&topic, METADATA_TIMEOUT)?.is_none() {
                missing.push(topic);
            }
        }
        anyhow::Ok(missing)
    });
    let missing = missing.await.context("the check of the topics ended early")??;
    anyhow::ensure!(
        missing.is_empty(),
        "no such topic: {}; \"emberline topics create --inputs\" makes them",
        missing.join(", ")
    );
    Ok(())
}

fn progress_of(pace: Pace) -> ProgressBar {
    // Hides itself where stderr is no terminal.
    let (bar, template) = match pace.most {
        Some(most) => (ProgressBar::new(most), "{bar:30} {pos}/{len}  {per_sec}  {elapsed}"),
        None => (ProgressBar::new_spinner(), "{spinner} {pos} messages  {per_sec}  {elapsed}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Unix milliseconds now.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
