//! Calls of the service that a command makes one after the other: at the configured rate,
//! waiting where the service asks for it.
//!
//! Absent: lanes, the gate, the retry topics; those are the pipeline's. What a command is
//! told about a failure it shows.

use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use emberline_flow::backoff::Backoff;
use emberline_service_api::{Action, CallError, Credentials, Dialect, FailureClass, Signer};
use emberline_service_client::{
    HttpClient, ListQuery, Probe, ServiceClient, WholeList, fresh_stamp, whole_list,
};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::settings::Settings;
use crate::wiring;

/// How often a call waits where it is told to slow down.
const WAITS: u32 = 5;
/// What it waits where it is not told how long, and at most.
const USUAL_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// The service, called one by one.
#[derive(Clone)]
pub(crate) struct PacedService {
    client: Arc<ServiceClient<Arc<HttpClient>>>,
    http: Arc<HttpClient>,
    credentials: Credentials,
    dialect: Dialect,
    limiter: Option<Arc<DefaultDirectRateLimiter>>,
    backoff: Backoff,
    repeats: u32,
}

impl PacedService {
    /// The service of the settings.
    ///
    /// # Errors
    /// Missing credentials, or an address or certificates of no use.
    pub(crate) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let credentials = wiring::credentials(settings)?;
        let http = Arc::new(wiring::http_client(settings).context("service.url")?);
        let dialect = wiring::dialect(settings);
        let period =
            settings.limits.rate.per_second().map(|rate| Duration::from_secs_f64(1.0 / rate));
        // Beyond a thousand million calls a second there is no period, and no limit.
        let quota = period.and_then(Quota::with_period);
        let retry = &settings.retry;
        Ok(Self {
            client: client(&http, &credentials, dialect),
            http,
            credentials,
            dialect,
            limiter: quota.map(|quota| Arc::new(RateLimiter::direct(quota))),
            backoff: Backoff::new(retry.backoff_base.0, retry.backoff_cap.0),
            repeats: retry.in_place.into(),
        })
    }

    /// The same, spelling its calls in another way.
    pub(crate) fn speaking(&self, dialect: Dialect) -> Self {
        let client = client(&self.http, &self.credentials, dialect);
        Self { client, dialect, ..self.clone() }
    }

    /// How it spells its calls.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Makes a call. One that the service may have carried out is never repeated.
    ///
    /// # Errors
    /// [`CallError`] unless it was accepted.
    pub(crate) async fn call<A: Action + Sync>(&self, action: &A) -> Result<A::Answer, CallError> {
        self.call_until(action, |error, repeated| {
            let throttled = error.class() == FailureClass::Throttled && !error.is_ambiguous();
            (throttled && repeated < WAITS).then(|| told(error))
        })
        .await
    }

    /// Asks; what may pass is asked again, as often as records are tried in place.
    ///
    /// # Errors
    /// [`CallError`] if it did not pass.
    pub(crate) async fn read<A: Action + Sync>(&self, query: &A) -> Result<A::Answer, CallError> {
        self.call_until(query, |error, repeated| match error.class() {
            FailureClass::Throttled if repeated < WAITS => Some(told(error)),
            FailureClass::Transient if repeated < self.repeats => {
                Some(self.backoff.ceiling(repeated))
            }
            _ => None,
        })
        .await
    }

    /// Reads a whole list.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) async fn list<Q: ListQuery + Sync>(
        &self,
        query: &Q,
        page_size: NonZeroU16,
    ) -> Result<WholeList<Q::Item>, CallError> {
        whole_list(query, page_size, async |page: &Q| self.read(page).await).await
    }

    /// Makes a call on a connection of its own, and tells how far it came.
    pub(crate) async fn probe<A: Action>(&self, action: &A) -> Probe {
        let mut body = Vec::new();
        Signer::new(&self.credentials, self.dialect).write(action, &fresh_stamp(), &mut body);
        self.http.probe(Bytes::from(body)).await
    }

    /// Calls until it is accepted, or `wait` knows of none before another try.
    async fn call_until<A: Action + Sync>(
        &self,
        action: &A,
        wait: impl Fn(&CallError, u32) -> Option<Duration>,
    ) -> Result<A::Answer, CallError> {
        let mut repeated = 0;
        loop {
            if let Some(limiter) = &self.limiter {
                limiter.until_ready().await;
            }
            let error = match self.client.call(action).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match wait(&error, repeated) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(error),
            }
            repeated += 1;
        }
    }
}

fn client(
    http: &Arc<HttpClient>,
    credentials: &Credentials,
    dialect: Dialect,
) -> Arc<ServiceClient<Arc<HttpClient>>> {
    Arc::new(ServiceClient::new(Signer::new(credentials, dialect), Arc::clone(http)))
}

fn told(error: &CallError) -> Duration {
    let told = match error {
        CallError::Throttled { retry_after, .. } => *retry_after,
        _ => None,
    };
    told.unwrap_or(USUAL_WAIT).min(LONGEST_WAIT)
}
