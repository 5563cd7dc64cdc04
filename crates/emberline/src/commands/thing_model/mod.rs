//! `thing-model`: the standard data template, and what of a product's does not conform to it.
//!
//! `standard` writes the template, `template` judges a file, `telemetry` judges what devices
//! report, `sample` reads that from Kafka. Ranges and steps are the model's; here are no
//! others.

mod finding;
mod problem;
mod sample;
mod standard;
mod telemetry;
mod template;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::{Exit, UsageError};
use crate::cli::Common;
use crate::output;
use problem::Problem;
use sample::Sampled;
use template::Verdict;

const EXAMPLES: &str = "\
Examples:
  emberline thing-model export > standard.json          import it at the console
  emberline thing-model check product.json              the product's own, as the console exports it
  emberline thing-model check --topic devices           what its devices really report
  emberline thing-model check product.json --topic devices --count 10000 --json";

/// Arguments of `thing-model`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the standard data template, as the console imports it.
    Export,
    /// Say what of a product's template, or of what its devices report, does not conform to
    /// the standard; exit code 1 if anything does not.
    Check(Check),
}

#[derive(Debug, clap::Args)]
struct Check {
    /// The product's data template, a JSON file that the console exported.
    #[arg(value_name = "FILE", required_unless_present = "topic")]
    file: Option<PathBuf>,
    /// Look at the newest records of this topic, too. Nothing is committed, no group is joined.
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    /// How many records to look at.
    #[arg(long, value_name = "N", default_value = "1000", requires = "topic")]
    count: NonZeroU32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Prints or checks a template.
///
/// # Errors
/// If a file is of no use, Kafka gives no answer, or stdout cannot be written.
pub fn run(args: &Args, common: &Common) -> anyhow::Result<Exit> {
    match &args.action {
        Action::Export => {
            output::pretty_json(&standard::template())?;
            Ok(Exit::Done)
        }
        Action::Check(check) => check.run(common),
    }
}

impl Check {
    fn run(&self, common: &Common) -> anyhow::Result<Exit> {
        let template = self.file.as_deref().map(check_file).transpose()?;
        let sampled = match &self.topic {
            None => None,
            Some(topic) => {
                let settings = common.load()?.settings;
                common.start_logs(&settings.log)?;
                Some(sample::sample(&settings, topic, self.count.get().into())?)
            }
        };
        let conforms = template.as_ref().is_none_or(Verdict::conforms)
            && sampled.as_ref().is_none_or(Sampled::conforms);
        if self.json {
            output::json(&json!({
                "ok": conforms,
                "template": template,
                "telemetry": sampled,
            }))?;
        } else {
            if let (Some(file), Some(verdict)) = (&self.file, &template) {
                show(
                    &file.display().to_string(),
                    &verdict.summary(),
                    &verdict.problems,
                    &verdict.notes,
                )?;
            }
            if let Some(sampled) = &sampled {
                show(&sampled.topic, &sampled.summary(), &sampled.problems, &sampled.notes)?;
            }
        }
        Ok(if conforms { Exit::Done } else { Exit::Failed })
    }
}

fn check_file(path: &Path) -> Result<Verdict, UsageError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("{shown} cannot be read: {error}")))?;
    // Some editors put a mark before the first byte.
    let file: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| UsageError(format!("{shown} is not JSON: {error}")))?;
    template::check(&file).map_err(|text| UsageError(format!("{shown}: {text}")))
}

fn show(name: &str, summary: &str, problems: &[Problem], notes: &[Problem]) -> anyhow::Result<()> {
    output::line(&format!("{name}: {summary}"))?;
    for problem in problems {
        output::line(&format!("  problem  {problem}"))?;
    }
    for note in notes {
        output::line(&format!("  note     {note}"))?;
    }
    Ok(())
}
