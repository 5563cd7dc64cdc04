//! `audit`: what the service accepted, out of the receipts; and what it did not.
//!
//! Nothing is changed, no group is joined. Absent: values. A receipt tells which reports a
//! call brought, not what they say.
//!
//! `asked` is what is looked for, `log` reads a topic, `list` gathers receipts as `row`s,
//! `show` prints them. `gaps` is the other question: what arrived and has no receipt.

mod asked;
mod gaps;
mod list;
mod log;
mod row;
mod show;
mod when;

use emberline_model::{CustomerId, DeviceId};
use emberline_wire::receipt::Receipt;

use crate::app::Exit;
use crate::output;
use crate::settings::Settings;
use crate::span::Span;
use crate::wiring;
use asked::Asked;
use list::List;
use log::Log;
use when::{When, widened};

const EXAMPLES: &str = "\
Examples:
  emberline audit --device F4N0000AN/dev1 --from '2h ago'
  emberline audit --customer c_1001 --from 2026-11-01T00:00:00+08:00 --to 2026-12-01T00:00:00+08:00 --csv
  emberline audit --order o-20261126-7 --json
  emberline audit --device F4N0000AN/dev1 --from '1 day ago' --reports
  emberline audit --device F4N0000AN/dev1 --from '1 day ago' --to '10m ago' --gaps

--from and --to are times of acceptance, to the millisecond; as partition:offset they are places in
the topic of receipts. With --gaps they are the times of the records on the topics of devices, or
places there, and receipts are looked for up to now. Without them: all that the topics hold.
A state names no customer, and an order and a customer no device: ask for what names it.
Exit codes: 0 done, 1 a gap, or a receipt that can't be read.";

/// Arguments of `audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Calls about this device, and those that bound it or left it out.
    #[arg(
        long,
        value_name = "PRODUCT/NAME",
        value_parser = DeviceId::parse,
        required_unless_present_any = ["customer", "order"]
    )]
    device: Option<DeviceId>,
    /// Calls for this customer, of its devices' data too; with --device both must hold.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: Option<CustomerId>,
    /// The call that placed this order.
    #[arg(long, value_name = "NO", conflicts_with = "device")]
    order: Option<String>,
    #[command(flatten)]
    span: Span,
    /// One line a report instead of one a call.
    #[arg(long)]
    reports: bool,
    /// Show the reports that arrived and have no receipt, and why where that is known; exit
    /// code 1 if there is one. States are left out: an older one is never sent.
    #[arg(long, conflicts_with_all = ["order", "reports"])]
    gaps: bool,
    #[command(flatten)]
    form: Form,
}

#[derive(Debug, clap::Args)]
struct Form {
    /// Print JSON: one object a line, or one object with --gaps.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Print CSV, with a line of names.
    #[arg(long)]
    csv: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Table,
    /// Receipts are one object a line, for they may be a million and are read one by one;
    /// gaps are a verdict, and one object like that of `reconcile`.
    Json,
    Csv,
}

/// Shows receipts, or gaps.
///
/// # Errors
/// If the settings or the arguments are of no use, Kafka gives no answer, more is found than
/// is held in memory, or stdout cannot be written.
pub fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    let format = match args.form {
        Form { json: true, .. } => Format::Json,
        Form { csv: true, .. } => Format::Csv,
        Form { json: false, csv: false } => Format::Table,
    };
    let log = Log::new(settings)?;
    let asked = Asked { device: args.device, customer: args.customer, order: args.order };
    if args.gaps {
        return gaps::run(&log, settings, &asked, &args.span, format);
    }
    receipts(&log, settings, &asked, &args.span, format, args.reports)
}

/// Lists what was accepted.
fn receipts(
    log: &Log,
    settings: &Settings,
    asked: &Asked,
    span: &Span,
    format: Format,
    each_report: bool,
) -> anyhow::Result<Exit> {
    let topic = wiring::topics(settings).receipts();
    let when = When::of(span);
    let part = log.part(&topic, span, &widened(span))?;
    let mut list = List::new(each_report, asked.device.clone());
    let read = log.read(&topic, &part, |record| {
        let found = asked.find(record.key(), record.value())?;
        let meant = |receipt: &Receipt| when.takes(receipt.time_ms);
        if let Some(receipt) = found.filter(meant) {
            list.take(receipt)?;
        }
        Ok(())
    })?;
    let rows = list.into_rows();
    output::pieces(|out| match format {
        Format::Table => show::table(&rows, out),
        Format::Json => show::json(&rows, out),
        Format::Csv => show::csv(&rows, out),
    })?;
    output::notice(&show::summary(&rows, read.records));
    read.unreadable.tell("receipts");
    Ok(if read.unreadable.is_empty() { Exit::Done } else { Exit::Failed })
}
