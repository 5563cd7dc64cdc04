//! `reconcile`: customers and orders on the topics beside those that the service lists.
//!
//! Nothing is changed, on neither side. The service is listed first and the topics are read
//! after it, so that what is at the service was on a topic before; what then is missing is
//! asked for once more, one by one, because it may have come meanwhile.
//!
//! `known` gathers what the topics say, `far` what the service says, `compare` is the rule,
//! `show` prints.

mod compare;
mod far;
mod known;
mod show;

use std::num::NonZeroU16;

use emberline_model::CustomerId;

use crate::app::Exit;
use crate::output;
use crate::paced::PacedService;
use crate::settings::{Settings, problems_at_start};
use compare::compare;
use known::{Filter, Known};

const EXAMPLES: &str = "\
Examples:
  emberline reconcile -c emberline.toml
  emberline reconcile --except emberline_check          leave out what emberline check made
  emberline reconcile --customer c_1001 --json

Missing: on a topic, and not at the service. Extra: at the service, and on no topic.
Exit codes: 0 no difference, 1 a difference, a contradiction or a record that can't be read.";

/// Arguments of `reconcile`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Only this customer and its orders.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: Option<CustomerId>,
    /// Not this customer and its orders. Repeat it for more.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse, conflicts_with = "customer")]
    except: Vec<CustomerId>,
    /// How many to ask the service for at once. It may answer fewer.
    #[arg(long, value_name = "N", default_value = "100")]
    page_size: NonZeroU16,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Compares, and prints the differences.
///
/// # Errors
/// If the settings are of no use, Kafka or the service gives no answer, the service does not
/// list all that it says it has, or stdout cannot be written.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Exit> {
    problems_at_start(&settings)?;
    let filter = Filter { only: args.customer, except: args.except };
    let service = PacedService::new(&settings)?;
    output::notice(&format!("listing customers and orders at {} …", settings.service.url));
    let mut far = far::list(&service, &filter, args.page_size).await?;
    output::notice(&format!("reading the topics at {} …", settings.kafka.brokers));
    let known = Known::read(&settings, filter).await?;
    far.ask_again(&service, &known).await?;
    let comparison = compare(&known, &far);
    if args.json {
        output::json(&comparison)?;
    } else {
        output::text(&show::text(&comparison))?;
    }
    Ok(if comparison.is_good() { Exit::Done } else { Exit::Failed })
}
