//! What can be asked of the benchmarks.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  cargo bench -p emberline-benches
  cargo bench -p emberline-benches -- --quick --json figures.json
  cargo bench -p emberline-benches -- --quick --record
  cargo bench -p emberline-benches -- --only intake --under 'perf record -g -o intake.data'";

/// What Emberline costs, beside raw limits measured in the same run.
#[derive(Debug, Parser)]
#[command(name = "benches", after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// A fifth of the load, without the longest parts.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Write the figures to this file, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Record this run in `history.jsonl`, and plot it in the README.
    #[arg(long)]
    pub(crate) record: bool,
    /// Only this part; may be given several times.
    #[arg(long, value_name = "NAME")]
    only: Vec<Part>,
    /// Answer time of the stand-in service, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 5)]
    pub(crate) latency: u64,
    /// Start the pipeline's own processes by this command, such as a profiler. Its CPU time
    /// counts as theirs.
    #[arg(long, value_name = "COMMAND", default_value = "")]
    pub(crate) under: String,
    /// A setting of the pipeline, as its environment takes it: `KAFKA__MEMORY=8MiB`. May be given
    /// several times.
    #[arg(long, value_name = "SECTION__KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
    /// Given by `cargo bench`; means nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Bytes to reports.
    Decode,
    /// Reports to a signed body.
    Sign,
    /// Offsets in flight and their frontier.
    Ledger,
    /// Identities in the window.
    Dedupe,
    /// Device to customer.
    Join,
    /// Queues by device and category.
    Lanes,
    /// Reading and all that follows, without the calls.
    Intake,
    /// One report a call.
    Push,
    /// Many reports a call.
    Batched,
    /// From produced to accepted.
    Latency,
    /// Peak memory with many devices bound.
    Memory,
    /// The start of a replica with a large table of bindings. Not in a quick run, unless named.
    Restore,
    /// Several processes of one group. Not in a quick run, unless named.
    Group,
    /// The same work with more devices, partitions and backlog. Not in a quick run, unless named.
    Flat,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected SECTION__KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl Part {
    /// Too long for a quick run.
    fn is_long(self) -> bool {
        matches!(self, Self::Restore | Self::Group | Self::Flat)
    }

    fn needs_kafka(self) -> bool {
        match self {
            Self::Decode | Self::Sign | Self::Ledger | Self::Dedupe | Self::Join | Self::Lanes => {
                false
            }
            Self::Intake
            | Self::Push
            | Self::Batched
            | Self::Latency
            | Self::Memory
            | Self::Restore
            | Self::Group
            | Self::Flat => true,
        }
    }
}

impl Cli {
    /// Whether this part was asked for.
    pub(crate) fn wants(&self, part: Part) -> bool {
        if self.only.is_empty() {
            return !(self.quick && part.is_long());
        }
        self.only.contains(&part)
    }

    /// Whether anything was asked for that needs Kafka.
    pub(crate) fn wants_kafka(&self) -> bool {
        Part::value_variants().iter().any(|part| part.needs_kafka() && self.wants(*part))
    }
}
