//! Kafka: reachable, the topics as they must be, the rights as far as they show, the lag of
//! the workers' groups.
//!
//! A right to write shows only when something is written, so it is not looked at.

mod groups;
mod keys;
mod topics;

use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{Bounds, BrokerError};

use super::fault::Fault;
use super::report::{Group, Report};
use crate::settings::Settings;
use crate::wiring;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(8);

const BROKERS: &str = "brokers";

/// Looks at all of it.
///
/// # Errors
/// Settings that can't be used.
pub(super) async fn check(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let kafka = wiring::kafka(settings)?;
    let wanted = topics::wanted(settings);
    let bounds = Arc::new(Bounds::new(&kafka)?);
    let asked = Instant::now();
    let first = wanted.first().map(|topic| topic.name.clone()).unwrap_or_default();
    let answer = match blocking(move || bounds.partition_count(&first, PATIENCE)).await {
        // An answer all the same; what it means is said of the topic.
        Err(BrokerError::Hidden(_)) => Ok(None),
        answer => answer,
    };
    let outcome = answer.map_err(Fault::from).map(|_| {
        format!("{} answered in {} ms", settings.kafka.brokers, asked.elapsed().as_millis())
    });
    if !report.settle(Group::Kafka, BROKERS, outcome) {
        for topic in &wanted {
            report.skipped(Group::Kafka, &topic.name, "the brokers");
        }
        for kind in groups::kinds(settings) {
            report.skipped(Group::Kafka, &groups::name(&kafka, kind), "the brokers");
        }
        return Ok(());
    }
    let found = topics::check(&kafka, settings, &wanted, report).await?;
    groups::check(&kafka, settings, &found, report).await;
    Ok(())
}

/// Asks on a thread that may wait.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, BrokerError> + Send + 'static,
) -> Result<T, BrokerError> {
    let asked = tokio::task::spawn_blocking(ask).await;
    asked.unwrap_or(Err(BrokerError::ThreadEnded("kafka-check")))
}
