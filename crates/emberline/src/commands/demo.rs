//! `demo`: the main job at once, in one process, with nothing installed and nothing set:
//! a Kafka in memory, the service's stand-in, the workers, simulated devices; at the end
//! the sum of what became of everything.
//!
//! Absent: any rule of delivery of its own. The workers are those of `run`, with shorter
//! times.
//!
//! Start at [`run`]; what must add up is in `sums`.

mod board;
mod devices;
mod progress;
mod summary;
mod sums;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use emberline_fleet::FleetPlan;
use emberline_pipeline::Monitor;
use tokio_util::sync::CancellationToken;

use crate::app::Exit;
use crate::commands::generate::pace::Pace;
use crate::commands::run::{self as workers, Observed};
use crate::settings::{Listen, Rate};
use crate::{output, signals, wiring};
use board::Board;
use devices::Devices;
use progress::{Phase, Progress};
use summary::{Figures, Summary};
use sums::Sums;
use world::World;

const EXAMPLES: &str = "\
Examples:
  emberline demo
  emberline demo --seconds 60 --devices 10000 --rate 5000/s
  emberline demo --rate none --json | jq .reports_per_second
  emberline demo --keep --listen 127.0.0.1:9464      until ctrl-c; watch /metrics meanwhile

Everything runs in this process, listens on loopback and is gone afterwards; no settings are
read. Exit code 0 says that the sums agree: nothing lost, nothing sent twice.";

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How long the devices report.
    #[arg(long, value_name = "N", default_value_t = 20,
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Number of devices.
    #[arg(long, value_name = "N", default_value_t = FleetPlan::default().devices,
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    devices: u32,
    /// Messages a second of all devices, as in "2000/s"; those sent again come on top. "none":
    /// as fast as the workers take them.
    #[arg(long, value_name = "RATE", default_value = "2000/s")]
    rate: Rate,
    /// Go on until ctrl-c.
    #[arg(long, conflicts_with = "seconds")]
    keep: bool,
    /// Print the sum as one JSON object.
    #[arg(long)]
    json: bool,
    /// The same seed makes the same devices.
    #[arg(long, value_name = "N", default_value_t = FleetPlan::default().seed)]
    seed: u64,
    /// Where /metrics, /livez and /readyz are served; port 0 takes a free one, "off" serves
    /// none.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: Listen,
}

impl Args {
    fn longest(&self) -> Option<Duration> {
        (!self.keep).then(|| Duration::from_secs(self.seconds))
    }

    fn plan(&self) -> FleetPlan {
        let usual = FleetPlan::default();
        // In a short run those bound late are bound in its first quarter.
        let quarter = self.longest().map_or(usual.bind_later_after, |longest| longest / 4);
        FleetPlan {
            devices: self.devices,
            seed: self.seed,
            bind_later_after: usual.bind_later_after.min(quarter),
            ..usual
        }
    }

    fn pace(&self) -> Pace {
        Pace { per_second: self.rate.per_second(), most: None, longest: self.longest() }
    }
}

/// Longest that the workers may take until they are ready, and to bind all devices.
const START: Duration = Duration::from_mins(2);
/// Longest that is waited for the last reports. The longest delay of a retry topic passes
/// twice in it.
const SETTLE: Duration = Duration::from_secs(45);

/// Shows what Emberline does.
///
/// # Errors
/// If one of the parts cannot start or go on.
pub async fn run(args: Args, config: Option<&Path>) -> anyhow::Result<Exit> {
    if let Some(path) = config {
        output::notice(&format!(
            "the demonstration reads no settings: {} is left out",
            path.display()
        ));
    }
    let interrupted = signals::stop_on_signal()?;
    let world = World::start(args.listen).await?;
    let pipeline = world.pipeline()?;
    let monitor = Monitor::new(&pipeline.workers);
    let observed = Observed::start(&world.settings, Arc::clone(&monitor)).await?;
    output::notice(&format!("sandbox: {}", world.sandbox.console_url()));

    let stop = CancellationToken::new();
    let working =
        workers::drive(pipeline, wiring::http(&world.settings), stop.clone(), Arc::clone(&monitor));
    tokio::pin!(working);
    let board = Board::new(Arc::clone(&monitor));
    let told = tokio::select! {
        ended = &mut working => {
            ended?;
            bail!("the workers ended by themselves");
        }
        told = story(&args, &world, &board, &interrupted) => told?,
    };
    let handed_over = sums::handed_over(&monitor);
    stop.cancel();
    working.await?;

    let sums = Sums {
        generated: told.devices.generated(),
        pipeline: sums::Pipeline::of(&monitor, handed_over),
        service: told.devices.seen_by(&world.sandbox),
    };
    let summary = Summary::of(sums, told.figures);
    // Whoever talks to the broker goes before it.
    drop(told.devices);
    observed.stop().await;
    world.stop().await;
    if args.json {
        output::json(&summary)?;
    } else {
        output::text(&summary.text())?;
    }
    if args.json {
        summary.disagreements().iter().for_each(|disagreement| output::notice(disagreement));
    }
    Ok(sums.exit())
}

/// What is left when the devices have said everything.
struct Told {
    devices: Devices,
    figures: Figures,
}

/// The devices are bound, report for as long as wanted, and everything they said is settled.
async fn story(
    args: &Args,
    world: &World,
    board: &Board,
    interrupted: &CancellationToken,
) -> anyhow::Result<Told> {
    board.until(START, || board.monitor.ready().is_ok()).await;
    if let Err(reason) = board.monitor.ready() {
        bail!("the workers did not start in time: {reason}");
    }
    let mut devices = Devices::new(args.plan(), world)?;
    let progress = Progress::new(args.longest());
    let told = async {
        devices.claim(board, interrupted).await?;
        board.until(START, || interrupted.is_cancelled() || board.is_settled()).await;
        devices.bind(board, interrupted).await?;
        board.until(START, || interrupted.is_cancelled() || board.is_settled()).await;
        progress.enter(Phase::Reporting(Instant::now()));
        let took = devices.report(args.pace(), board, interrupted).await?;
        let reports = world.sandbox.ledger().totals().distinct_reports;
        progress.enter(Phase::Settling);
        devices.say_the_rest(board).await?;
        board.until(SETTLE, || board.is_settled()).await;
        anyhow::Ok((took, reports))
    };
    let (took, reports) = tokio::select! {
        told = told => told?,
        () = progress.draw(board) => bail!("the progress ended early"),
    };
    progress.clear();
    let figures = Figures::of(&board.monitor, args.devices, reports, took);
    Ok(Told { devices, figures })
}
