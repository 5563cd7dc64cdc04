//! The command line: what can be asked of the program.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    audit, check, completions, config, demo, dlq, generate, health, portal, reconcile, replay, run,
    sandbox, service, tap, thing_model, top, topics,
};
use crate::observe::logs::{self, LogError, LogLevel};
use crate::settings::{Loaded, LogFormat, LogSettings, Problems, load};

const EXAMPLES: &str = "\
Examples:
  emberline demo                               see it work, nothing else needed
  emberline config example > emberline.toml    start a configuration
  emberline config check -c emberline.toml     find every mistake in it
  emberline topics create -c emberline.toml    make the pipeline's own topics
  emberline check -c emberline.toml            see whether Kafka and the service work
  emberline service list-customers             ask the service something

Every setting can also be given as EMBERLINE__SECTION__KEY.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.";

/// Carries what devices report from Kafka to an IoT safety-assurance service.
#[derive(Debug, Parser)]
#[command(name = "emberline", version, propagate_version = true, after_help = EXAMPLES)]
pub struct Cli {
    /// Flags of every command.
    #[command(flatten)]
    pub common: Common,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Under which they stand in each command's help.
const EVERYWHERE: &str = "Options of every command";

/// Flags that stand before or after any command.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The configuration, a TOML file.
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        env = "EMBERLINE_CONFIG",
        help_heading = EVERYWHERE
    )]
    pub config: Option<PathBuf>,
    /// What to log: error, warn, info, debug, trace, or by module.
    #[arg(long, global = true, value_name = "LEVEL", help_heading = EVERYWHERE)]
    pub log_level: Option<String>,
    /// How log lines look.
    #[arg(long, global = true, value_name = "FORMAT", help_heading = EVERYWHERE)]
    pub log_format: Option<LogFormat>,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// See it work: Kafka, service and devices in one process, nothing else needed.
    Demo(demo::Args),
    /// Run the workers: carry records from Kafka to the service.
    Run(run::Args),
    /// Serve the two pages that a customer sees: the plans, and the orders with their claims.
    Portal(portal::Args),
    /// Ask a running process whether it is well; for containers, which have no shell.
    Health(health::Args),
    /// Walk the whole way of a user with a test order, and say what works and what to do.
    Check(check::Args),
    /// Watch workers live: rates, lag, outcomes, what holds calls back, the latest errors.
    Top(top::Args),
    /// Watch calls as a worker makes them: what was sent, masked, and how it ended.
    Tap(tap::Args),
    /// Compare the customers and orders on the topics with the service's.
    Reconcile(reconcile::Args),
    /// Show what the service accepted, when, and under which `RequestId`; or what it did not.
    Audit(audit::Args),
    /// Look at the dead letters: what could not be delivered, why, and what to do about it.
    Dlq(dlq::Args),
    /// Push a part of a topic again; or see which replays there are, and stop one.
    Replay(replay::Args),
    /// Call one of the service's eight interfaces.
    Service(service::Args),
    /// Play the service: a strict stand-in to develop and test against.
    Sandbox(sandbox::Args),
    /// Write realistic events into the input topics.
    Generate(generate::Args),
    /// Make or check the topics.
    Topics(topics::Args),
    /// Print the standard data template, or check a product's, or what its devices report.
    ThingModel(thing_model::Args),
    /// Check, show or explain the configuration.
    Config(config::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
}

impl Common {
    /// Reads the settings: defaults, the file, the environment.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(&self) -> Result<Loaded, Problems> {
        // A variable that is no UTF-8 cannot be one of ours.
        let variables: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        load(self.config.as_deref(), &variables)
    }

    /// Starts the logs; the flags win over the settings.
    ///
    /// # Errors
    /// If the level is none.
    pub fn start_logs(&self, settings: &LogSettings) -> Result<LogLevel, LogError> {
        let mut settings = settings.clone();
        if let Some(level) = &self.log_level {
            settings.level.clone_from(level);
        }
        if let Some(format) = self.log_format {
            settings.format = format;
        }
        logs::start(&settings)
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn no_two_commands_or_flags_get_in_each_others_way() {
        Cli::command().debug_assert();
    }
}
