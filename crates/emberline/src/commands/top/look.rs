//! One look at all workers: their pages, and their latest failures.

use std::time::{Duration, Instant};

use emberline_service_client::{HttpAnswer, HttpClient, HttpSettings};
use futures_util::future::join_all;
use jiff::Timestamp;

use super::page::Page;
use crate::observe::admin::{Failures, ShownFailure};

/// Longest that a page may take: who takes longer is shown as not reached.
const PATIENCE: Duration = Duration::from_secs(3);
/// A page of metrics grows with the partitions.
const LARGEST_PAGE: usize = 32 << 20;

/// What was seen at one moment.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) at: Instant,
    pub(super) time: Timestamp,
    pub(super) processes: Vec<Seen>,
    pub(super) failures: Told,
}

/// A process as it was seen.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) address: String,
    /// Or why it was not reached.
    pub(super) page: Result<Page, String>,
    /// What it waits for; empty if it works.
    pub(super) waits_for: String,
}

/// The latest failures of calls, as far as they could be asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    pub(super) failures: Vec<ShownFailure>,
    /// Who was not reached, and why.
    pub(super) missing: Vec<String>,
}

/// Where to look.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// `host:port` of each process' metrics.
    pub(super) metrics: Vec<String>,
    /// `host:port` of those whose failures are asked for.
    pub(super) admin: Vec<String>,
}

impl Places {
    /// Looks at all of them at once.
    pub(super) async fn look(&self) -> Look {
        let seen = join_all(self.metrics.iter().map(|address| seen(address)));
        let told = join_all(self.admin.iter().map(|address| failures(address)));
        let (processes, told) = tokio::join!(seen, told);
        let mut failures = Told::default();
        for (address, told) in self.admin.iter().zip(told) {
            match told {
                Ok(told) => failures.failures.extend(told),
                Err(why) => failures.missing.push(format!("{address} (admin.listen): {why}")),
            }
        }
        failures.failures.sort_by_key(|failure| std::cmp::Reverse(failure.last));
        Look { at: Instant::now(), time: Timestamp::now(), processes, failures }
    }
}

async fn seen(address: &str) -> Seen {
    let (page, ready) = tokio::join!(page(address, "/metrics"), page(address, "/readyz"));
    let page = match page {
        Ok((200, text)) => Ok(Page::parse(&text)),
        Ok((status, _)) => Err(format!("/metrics answered {status}")),
        Err(why) => Err(why),
    };
    let waits_for = match ready {
        Ok((200, _)) => String::new(),
        Ok((_, why)) => why.trim().to_owned(),
        Err(why) => why,
    };
    Seen { address: address.to_owned(), page, waits_for }
}

async fn failures(address: &str) -> Result<Vec<ShownFailure>, String> {
    let (status, text) = page(address, "/failures").await?;
    if status != 200 {
        return Err(format!("answered {status}"));
    }
    let told: Failures = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(told.failures)
}

async fn page(address: &str, path: &str) -> Result<(u16, String), String> {
    let settings = HttpSettings {
        timeout: PATIENCE,
        max_answer_bytes: LARGEST_PAGE,
        ..HttpSettings::new(format!("http://{address}{path}"))
    };
    let client = HttpClient::new(&settings).map_err(|error| error.to_string())?;
    let HttpAnswer { status, body, .. } = client.get().await.map_err(|error| error.to_string())?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
