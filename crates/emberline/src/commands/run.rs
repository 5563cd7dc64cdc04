//! `run`: the workers, until told to stop or until the end of the input.

use std::sync::Arc;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use emberline_broker::{Admin, KafkaSettings};
use emberline_pipeline::{Monitor, PipelineSettings, WorkerKind};
use tokio_util::sync::CancellationToken;

use crate::app::{Exit, UsageError};
use crate::cli::Common;
use crate::commands::topics;
use crate::observe::admin::Admin as AdminPages;
use crate::observe::http::{Endpoints, Health, MetricsPage};
use crate::observe::logs::LogLevel;
use crate::observe::metrics;
use crate::reload::Reload;
use crate::settings::{Listen, Settings};
use crate::signals::stop_on_signal;
use crate::{output, wiring};

const EXAMPLES: &str = "\
Examples:
  emberline run -c emberline.toml
  emberline run -c emberline.toml --workers devices,bindings
  emberline run -c emberline.toml --exit-at-end      settle what is there, then stop

Missing topics of the pipeline's own are made with the brokers' defaults; make them before with
`emberline topics create` to choose partitions and replicas.
SIGTERM drains, commits, leaves the groups and exits 0. SIGHUP, or a change of the configuration
file, takes over rates, the log level and the service's credentials; the log says which other
keys need a restart.";

/// Arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Which workers to run; all of them if not given. Claims only where topics.customers or
    /// topics.orders names a topic, repartition only where topics.repartition does.
    #[arg(long, value_name = "WORKER", value_delimiter = ',', value_parser = worker())]
    workers: Vec<WorkerKind>,
    /// Stop once every input is settled up to the end that it has now.
    #[arg(long)]
    exit_at_end: bool,
}

fn worker() -> impl TypedValueParser<Value = WorkerKind> {
    PossibleValuesParser::new(WorkerKind::ALL.map(WorkerKind::name)).try_map(|name| {
        WorkerKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or("no such worker")
    })
}

/// Runs the workers.
///
/// # Errors
/// If something they need is missing at the start, or one can't go on.
pub async fn run(
    args: Args,
    settings: Settings,
    source: (Common, LogLevel),
) -> anyhow::Result<Exit> {
    // First of all: before it is listened to, the signal ends a process.
    let mut reload = Reload::new(&settings, source)?;
    let mut workers = args.workers;
    if workers.contains(&WorkerKind::Repartition) && settings.topics.repartition.is_empty() {
        let text =
            "the repartition workers have nothing to read: topics.repartition lists no topic";
        return Err(UsageError(text.to_owned()).into());
    }
    if workers.is_empty() {
        workers.extend(WorkerKind::ALL);
    }
    workers.sort_unstable();
    workers.dedup();
    let mut pipeline = wiring::pipeline(&settings, workers, args.exit_at_end)?;
    reload.lead(&mut pipeline);
    let stop = stop_on_signal()?;
    make_own_topics(&settings, &pipeline.kafka).await?;
    let http = wiring::http(&settings);
    // What is wrong with the address or the certificates is told before anything starts.
    wiring::http_client(&settings)?;
    let monitor = Monitor::new(&pipeline.workers);
    let observed = Observed::start(&settings, Arc::clone(&monitor)).await?;
    let reloading = tokio::spawn(reload.watch(stop.child_token()));
    let result = drive(pipeline, http, stop, monitor).await;
    reloading.abort();
    observed.stop().await;
    result?;
    Ok(Exit::Done)
}

/// Runs a pipeline with clients of the service made from these settings.
///
/// # Errors
/// If a worker can't start or go on.
pub async fn drive(
    pipeline: PipelineSettings,
    http: emberline_service_client::HttpSettings,
    stop: CancellationToken,
    monitor: Arc<Monitor>,
) -> anyhow::Result<emberline_pipeline::Exit> {
    let mut clients = Vec::new();
    for _ in &pipeline.workers {
        clients.push(Arc::new(emberline_service_client::HttpClient::new(&http)?));
    }
    let clients = std::sync::Mutex::new(clients);
    let transport = || {
        let mut clients = clients.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        clients.pop().expect("one client was made for each worker")
    };
    Ok(emberline_pipeline::run(pipeline, transport, stop, monitor).await?)
}

/// Makes those of the pipeline's own topics that are missing.
///
/// # Errors
/// If Kafka gives no answer, or does not allow it.
pub(super) async fn make_own_topics(
    settings: &Settings,
    kafka: &KafkaSettings,
) -> anyhow::Result<()> {
    let admin = Admin::new(kafka)?;
    for name in topics::create_missing(&admin, settings).await? {
        tracing::info!(topic = name, "made a topic of the pipeline's own");
    }
    Ok(())
}

/// `/metrics`, `/livez`, `/readyz` of a running pipeline, and what its admin address serves.
pub struct Observed {
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    /// Where they are served, if they are.
    pub address: Option<std::net::SocketAddr>,
}

impl Observed {
    /// Installs the recorder and serves what it keeps.
    ///
    /// # Errors
    /// If the address is taken.
    pub async fn start(settings: &Settings, monitor: Arc<Monitor>) -> anyhow::Result<Self> {
        let recorder = metrics::install()?;
        emberline_pipeline::metrics::describe();
        let stop = CancellationToken::new();
        let mut tasks = vec![tokio::spawn(metrics::upkeep(recorder.clone(), stop.clone()))];
        let mut address = None;
        if let Listen::On(listen) = settings.http.listen {
            let endpoints = Endpoints::bind(listen).await.map_err(|error| {
                anyhow::anyhow!("cannot listen on {listen} (http.listen): {error}")
            })?;
            address = Some(endpoints.address());
            output::notice(&format!("metrics: http://{}/metrics", endpoints.address()));
            let health: Arc<dyn Health> = Arc::new(PipelineHealth(Arc::clone(&monitor)));
            let page = MetricsPage { recorded: recorder, group: settings.kafka.group.clone() };
            let serving = endpoints.serve(page, health, stop.clone());
            tasks.push(tokio::spawn(async move {
                if let Err(error) = serving.await {
                    tracing::error!(%error, "metrics and health endpoints ended");
                }
            }));
        }
        if let Listen::On(listen) = settings.admin.listen {
            match AdminPages::bind(listen).await {
                Ok(pages) => {
                    output::notice(&format!("admin: http://{}", pages.address()));
                    tasks.push(tokio::spawn(pages.serve(monitor, stop.clone())));
                }
                // It is there for a person who looks; the work goes on without.
                Err(error) => {
                    tracing::warn!(address = %listen, %error, "admin.listen can't be had: no tap of this process");
                }
            }
        }
        Ok(Self { stop, tasks, address })
    }

    /// As [`Observed::start`], and without serving where the address is another's: a process
    /// that runs beside others for a while is not kept from it by that.
    ///
    /// # Errors
    /// If the recorder can't be installed.
    pub async fn start_if_free(settings: &Settings, monitor: Arc<Monitor>) -> anyhow::Result<Self> {
        let mut settings = settings.clone();
        if let Listen::On(listen) = settings.http.listen
            && let Err(error) = std::net::TcpListener::bind(listen)
        {
            output::notice(&format!("metrics are not served: {listen} (http.listen): {error}"));
            settings.http.listen = Listen::Off;
        }
        Self::start(&settings, monitor).await
    }

    /// Ends them.
    pub async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            // A connection kept open by a scraper must not keep the process.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(1), task).await;
        }
    }
}

struct PipelineHealth(Arc<Monitor>);

impl Health for PipelineHealth {
    fn live(&self) -> Result<(), String> {
        self.0.live()
    }

    fn ready(&self) -> Result<(), String> {
        self.0.ready()
    }
}
