//! `dlq redrive`: dead letters sent once more, as the records that they first were.

use emberline_pipeline::replay::Selection;

use super::filter::Filter;
use crate::app::{Exit, UsageError};
use crate::commands::again::{self, Job, Options};
use crate::output;
use crate::replays::ReplayKind;
use crate::settings::Settings;
use crate::wiring;

const EXAMPLES: &str = "\
Examples:
  emberline dlq redrive --dry-run                      what sending all of them again would do
  emberline dlq redrive --reason refused --code InvalidParameterValue
  emberline dlq redrive --from '2h ago' --device F4N0000AN/dev1 --yes
  emberline dlq redrive --name after-the-fix --rate 5/s --yes

Of a record's letters only the newest is sent; what fails again is a new letter, and counts how often
it was redriven. What has a receipt is left out. A redrive is seen, resumed and cancelled as a replay
is: emberline replay list, show, cancel.";

/// Arguments of `dlq redrive`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    filter: Filter,
    /// Letters that were redriven so often already stay where they are.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    most: u32,
    /// Send also what has a receipt: what the service has accepted before.
    #[arg(long)]
    even_accepted: bool,
    #[command(flatten)]
    options: Options,
}

impl Args {
    pub(super) async fn run(self, settings: Settings) -> anyhow::Result<Exit> {
        self.filter.notes().iter().for_each(|note| output::notice(note));
        if !self.even_accepted && !settings.receipts.enabled {
            let text = "what was accepted before can't be told without receipts \
                        (receipts.enabled): add --even-accepted";
            return Err(UsageError(text.to_owned()).into());
        }
        let mut asked = self.filter.given();
        asked.insert("most".to_owned(), self.most.to_string());
        if self.even_accepted {
            asked.insert("even-accepted".to_owned(), "yes".to_owned());
        }
        let selection = Selection { most_redriven: self.most, ..self.filter.selection() };
        let job = Job {
            kind: ReplayKind::Redrive,
            topic: wiring::topics(&settings).dead_letters(),
            span: self.filter.span,
            selection,
            dead_letters_only: false,
            without_receipt_only: !self.even_accepted,
            asked,
            options: self.options,
        };
        again::run(job, settings).await
    }
}
