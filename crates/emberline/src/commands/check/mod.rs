//! `check`: the vendor's debugging step in one command. Configuration, Kafka, the service,
//! and the whole way of a user with a test order, each step with what to do if it fails.
//!
//! Invariant: no formal order is sent from here. The only order that there is is a
//! `subject::TestOrder`, and it is made of a test order's item alone.
//!
//! Start at [`run`]; a step ends in `report`, a failed call's advice is in `fault`.

mod fault;
mod flow;
mod kafka;
mod publish;
mod reach;
mod report;
mod spelling;
mod subject;

use std::path::PathBuf;

use clap::ValueEnum;
use serde_json::json;

use crate::app::Exit;
use crate::cli::Common;
use crate::output;
use crate::paced::PacedService;
use crate::settings::{Settings, problems_at_start};
use publish::Publishing;
use report::{Group, Report};
use subject::{Subject, SubjectArgs};

const EXAMPLES: &str = "\
Examples:
  emberline check -c emberline.toml                      everything, with a test order
  emberline check --read-only                            nothing is written, nothing is ordered
  emberline check --only service --device F4N0000AN/dev1
  emberline check --before-publish                       what must have worked before publishing

A test order (an item with D-) costs nothing and insures nobody. A formal order is never sent.
The customer and the device of a check stay at the service: it has no action to remove them.";

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Ask only: no customer, no order, no binding, no data.
    #[arg(long)]
    read_only: bool,
    /// Look at one side only.
    #[arg(long, value_name = "SIDE")]
    only: Option<Side>,
    /// Print what must have worked before the service is published, and whether it did now.
    #[arg(long, conflicts_with = "only")]
    before_publish: bool,
    #[command(flatten)]
    subject: SubjectArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    Kafka,
    Service,
}

/// Walks the whole way and prints what works.
///
/// # Errors
/// If the configuration or the arguments are of no use, or stdout cannot be written. What
/// fails on the way is no error but [`Exit::Failed`].
pub async fn run(args: Args, common: &Common, settings: Settings) -> anyhow::Result<Exit> {
    let mut report = Report::default();
    let (kafka, service) = (args.only != Some(Side::Service), args.only != Some(Side::Kafka));
    let subject = Subject::new(&args.subject)?;
    if service {
        problems_at_start(&settings)?;
    }
    report.ok(Group::Configuration, "settings", described(common.config.as_ref(), &settings));

    if kafka {
        output::notice(&format!("asking Kafka at {} …", settings.kafka.brokers));
        kafka::check(&settings, &mut report).await?;
    }
    let mut publishing = None;
    if service {
        output::notice(&format!("calling {} …", settings.service.url));
        let paced = PacedService::new(&settings)?;
        let reached = reach::check(&paced, &mut report).await;
        match (reached, args.read_only) {
            (false, _) => flow::skip(&mut report, "the credentials"),
            (true, true) => flow::lists_only(&paced, &mut report).await,
            (true, false) => flow::walk(paced.clone(), &subject, &mut report).await,
        }
        if args.before_publish {
            let orders = if reached { Some(publish::count_orders(&paced).await) } else { None };
            publishing = Some(Publishing::new(&report, &settings.claims, orders));
        }
    }

    let good = report.is_good() && publishing.as_ref().is_none_or(Publishing::is_ready);
    if args.json {
        output::json(&json!({
            "ok": good,
            "steps": report.steps(),
            "before_publish": publishing,
        }))?;
    } else {
        output::text(&report.table())?;
        if let Some(publishing) = &publishing {
            output::text(&publishing.text())?;
        }
    }
    Ok(if good { Exit::Done } else { Exit::Failed })
}

fn described(file: Option<&PathBuf>, settings: &Settings) -> String {
    let file =
        file.map_or("defaults and environment".to_owned(), |file| file.display().to_string());
    let topics: Vec<_> = settings.topics.inputs().map(|(_, topic)| topic).collect();
    format!("{file}: reads {}, calls at {}", topics.join(", "), settings.limits.rate)
}
