//! Settings become what the other crates take.

pub mod portal;

use std::collections::BTreeMap;
use std::time::Duration;

use emberline_broker::KafkaSettings;
use emberline_flow::claim::ClaimRules;
use emberline_flow::gate::GateSettings;
use emberline_pipeline::replay::ReplayRun;
use emberline_pipeline::{
    CredentialsSource, DeliverySettings, PipelineSettings, Rates, Topics, WorkerKind,
};
use emberline_service_api::{Credentials, Dialect, Secret};
use emberline_service_client::{HttpClient, HttpSettings, SetupError};

use crate::settings::{self, Problems, Settings};

/// Who calls the service.
///
/// # Errors
/// What is missing, or cannot be read.
pub fn credentials(settings: &Settings) -> Result<Credentials, Problems> {
    let (app_key, secret) = settings::credentials(settings)?;
    Ok(Credentials { app_key, app_secret: Secret::new(secret.expose()) })
}

/// Where the credentials are read again, if they come from a file.
fn credentials_again(settings: &Settings) -> Option<CredentialsSource> {
    settings.service.app_secret_file.as_ref()?;
    let settings = settings.clone();
    Some(CredentialsSource::new(move || {
        credentials(&settings).map_err(|problems| problems.to_string())
    }))
}

/// The group's rate, and what each worker kind has of it.
pub fn rates(settings: &Settings) -> Rates {
    Rates { rate: settings.limits.rate.per_second(), fractions: fractions(settings) }
}

/// How the service spells what its contract leaves open.
pub fn dialect(settings: &Settings) -> Dialect {
    let service = &settings.service;
    Dialect {
        nested_signature: service.nested_signature,
        data_info: service.data_info,
        data_category: service.data_category,
    }
}

/// How Kafka is reached.
///
/// # Errors
/// The files of properties that cannot be read.
pub fn kafka(settings: &Settings) -> Result<KafkaSettings, Problems> {
    let properties: BTreeMap<_, _> = settings::kafka_properties(settings)?;
    Ok(KafkaSettings {
        properties,
        memory_budget_bytes: settings.kafka.memory.0,
        ..KafkaSettings::new(&settings.kafka.brokers, &settings.kafka.group)
    })
}

/// A client of the service.
///
/// # Errors
/// If its address or certificates cannot be used.
pub fn http_client(settings: &Settings) -> Result<HttpClient, SetupError> {
    HttpClient::new(&http(settings))
}

/// How the service is reached.
pub fn http(settings: &Settings) -> HttpSettings {
    let service = &settings.service;
    HttpSettings {
        connect_timeout: service.connect_timeout.0,
        read_timeout: service.read_timeout.0,
        timeout: service.timeout.0,
        max_answer_bytes: usize::try_from(service.max_answer.0).unwrap_or(usize::MAX),
        extra_ca: service.ca_file.clone(),
        ..HttpSettings::new(&service.url)
    }
}

/// The names of all topics.
pub fn topics(settings: &Settings) -> Topics {
    let topics = &settings.topics;
    Topics {
        devices: topics.devices.clone(),
        repartition: topics.repartition.clone(),
        bindings: topics.bindings.clone(),
        customers: topics.customers.clone(),
        orders: topics.orders.clone(),
        prefix: topics.prefix.clone(),
        types: topics.types.iter().map(|(topic, name)| (topic.clone(), name.to_string())).collect(),
    }
}

/// How often settled offsets are committed: what a crash repeats is what settled since.
const COMMIT_INTERVAL: Duration = Duration::from_millis(200);

/// What the workers are told.
///
/// # Errors
/// What is missing, or cannot be read.
pub fn pipeline(
    settings: &Settings,
    mut workers: Vec<WorkerKind>,
    exit_at_end: bool,
) -> Result<PipelineSettings, Problems> {
    if !claims_anything(settings) {
        workers.retain(|kind| *kind != WorkerKind::Claims);
    }
    if settings.topics.repartition.is_empty() {
        workers.retain(|kind| *kind != WorkerKind::Repartition);
    }
    let calls = workers.iter().any(|kind| kind.calls_service());
    Ok(PipelineSettings {
        kafka: kafka(settings)?,
        topics: topics(settings),
        credentials: if calls { credentials(settings)? } else { Credentials::none() },
        credentials_again: credentials_again(settings).filter(|_| calls),
        rates_again: None,
        dialect: dialect(settings),
        delivery: delivery(settings),
        workers,
        own_partitions: settings.divides_bindings(),
        replay: None,
        exit_at_end,
    })
}

/// What a worker is told that pushes something again; without a run only what planning needs.
/// It has `rate` for itself, and the calls in flight are as many as its partitions: what a
/// kill repeats is at most a batch of each.
///
/// # Errors
/// What is missing, or cannot be read.
pub fn replay(
    settings: &Settings,
    kind: WorkerKind,
    run: Option<ReplayRun>,
    rate: Option<f64>,
) -> Result<PipelineSettings, Problems> {
    let mut pipeline = pipeline(settings, vec![kind], true)?;
    let partitions = run.iter().flat_map(|run| &run.ranges).filter(|it| !it.is_empty()).count();
    let delivery = &mut pipeline.delivery;
    delivery.rate = rate;
    delivery.fractions = WorkerKind::EVERY.map(|it| if it == kind { 1.0 } else { 0.0 });
    delivery.in_flight = delivery.in_flight.min(partitions.max(1));
    pipeline.replay = run;
    Ok(pipeline)
}

/// Whether there are topics of customers or orders.
fn claims_anything(settings: &Settings) -> bool {
    !settings.topics.customers.is_empty() || !settings.topics.orders.is_empty()
}

/// What the worker kinds have of the rate, in the order of [`WorkerKind`].
fn fractions(settings: &Settings) -> [f64; WorkerKind::EVERY.len()] {
    let limits = &settings.limits;
    let devices = limits.devices_part.fraction();
    let claims = limits.claims_part.fraction();
    let (devices, claims) =
        if claims_anything(settings) { (devices, claims) } else { (devices + claims, 0.0) };
    let replay = limits.replay_part.fraction();
    let (bindings, retries) = (limits.bindings_part.fraction(), limits.retries_part.fraction());
    // Who does not call has no part of the calls.
    let repartition = 0.0;
    [devices, bindings, retries, claims, replay, replay, repartition]
}

/// Beside its answer, what a call may take: a connection, and a second one where the first
/// was stale.
const CALL_MARGIN: Duration = Duration::from_secs(5);

/// What may be spent, and how orders are placed.
pub fn claim_rules(settings: &Settings) -> ClaimRules {
    let claims = &settings.claims;
    ClaimRules {
        formal_orders: claims.formal_orders,
        authorisations: usize::try_from(claims.authorisations).unwrap_or(usize::MAX),
        doubt: claims.doubt.0,
        lease: (settings.service.timeout.0 + CALL_MARGIN + claims.doubt.0) * 2,
        recount: claims.recount.0,
    }
}

fn delivery(settings: &Settings) -> DeliverySettings {
    let Settings { dedupe, batch, limits, retry, join, bindings, service, .. } = settings;
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let Rates { rate, fractions } = rates(settings);
    DeliverySettings {
        dedupe_window: dedupe.window.0,
        dedupe_max_entries: size(dedupe.max_entries),
        batch_max_reports: usize::from(batch.max_reports),
        linger: batch.linger.0,
        rate,
        fractions,
        gate: GateSettings {
            halt_probe_interval: service.probe_interval.0,
            // A call may wait for a connection, be sent, and be made once more.
            patience: service.timeout.0 * 3 + Duration::from_secs(10),
            ..GateSettings::default()
        },
        slow_call: service.timeout.0 / 2,
        in_flight: usize::from(limits.in_flight),
        records: size(u64::from(limits.records)),
        bytes: size(limits.bytes.0),
        gap: u64::from(limits.gap),
        in_place: u32::from(retry.in_place),
        retry_budget: retry.budget.fraction(),
        backoff_base: retry.backoff_base.0,
        backoff_cap: retry.backoff_cap.0,
        tiers: retry.tiers.iter().map(|tier| tier.0).collect(),
        max_age: retry.max_age.0,
        join_wait: join.wait.0,
        startup_wait: join.startup_wait.0,
        receipts: settings.receipts.enabled,
        claims: claim_rules(settings),
        drain: settings.shutdown.drain.0,
        bindings_linger: bindings.linger.0,
        max_record: size(bindings.max_set.0),
        commit_interval: COMMIT_INTERVAL,
    }
}
