//! From the command line to an exit code.
//!
//! Commands that need neither settings nor a runtime are answered first; the others get
//! their settings, their logs and a single-threaded runtime here.

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::commands;
use crate::observe::logs::LogError;
use crate::output;
use crate::settings::{LogSettings, Problems};

/// How a command ended that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what it was asked to.
    Done,
    /// It found, or was told, that something is wrong, and has said so.
    Failed,
}

/// A wrong use of a command that the command line's parser cannot tell.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(pub String);

const FAILED: u8 = 1;
const MISUSED: u8 = 2;

/// Runs the program.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::Failed) => ExitCode::from(FAILED),
        Err(error) => {
            output::notice(&format!("error: {error:#}"));
            ExitCode::from(if is_misuse(&error) { MISUSED } else { FAILED })
        }
    }
}

fn is_misuse(error: &anyhow::Error) -> bool {
    error.is::<Problems>() || error.is::<UsageError>() || error.is::<LogError>()
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let Cli { common, command } = cli;
    match command {
        Command::Completions(args) => commands::completions::run(&args),
        Command::Config(args) => commands::config::run(&args, &common),
        Command::ThingModel(args) => commands::thing_model::run(&args, &common),
        Command::Sandbox(args) => {
            common.start_logs(&LogSettings::default())?;
            block_on(commands::sandbox::run(args))
        }
        Command::Demo(args) => {
            // Its result says what happened; below a warning, lines would only hide it.
            common.start_logs(&LogSettings { level: "warn".into(), ..LogSettings::default() })?;
            block_on(commands::demo::run(args, common.config.as_deref()))
        }
        Command::Run(args) => {
            let settings = common.load()?.settings;
            let level = common.start_logs(&settings.log)?;
            block_on(commands::run::run(args, settings, (common, level)))
        }
        Command::Portal(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&settings.log)?;
            block_on(commands::portal::run(args, settings))
        }
        Command::Health(args) => block_on(commands::health::run(args, &common)),
        Command::Check(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&settings.log)?;
            block_on(commands::check::run(args, &common, settings))
        }
        Command::Top(args) => {
            let settings = common.load()?.settings;
            // On a terminal a line would break the picture.
            common.start_logs(&LogSettings { level: "error".into(), ..settings.log.clone() })?;
            block_on(commands::top::run(args, &settings))
        }
        Command::Tap(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&LogSettings { level: "warn".into(), ..settings.log.clone() })?;
            block_on(commands::tap::run(args, &settings))
        }
        Command::Reconcile(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&settings.log)?;
            block_on(commands::reconcile::run(args, settings))
        }
        Command::Audit(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&settings.log)?;
            commands::audit::run(args, &settings)
        }
        Command::Dlq(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&beside_a_bar(&settings.log))?;
            commands::dlq::run(args, settings)
        }
        Command::Replay(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&beside_a_bar(&settings.log))?;
            block_on(commands::replay::run(args, settings))
        }
        Command::Service(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&settings.log)?;
            block_on(commands::service::run(args, settings))
        }
        Command::Generate(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&settings.log)?;
            block_on(commands::generate::run(args, settings))
        }
        Command::Topics(args) => {
            let settings = common.load()?.settings;
            common.start_logs(&settings.log)?;
            block_on(commands::topics::run(args, settings))
        }
    }
}

/// On a terminal a bar shows how it goes, and lines below a warning would only break it. Who
/// asked for other lines than by default gets them.
fn beside_a_bar(log: &LogSettings) -> LogSettings {
    let mut log = log.clone();
    if output::stderr_is_terminal() && log.level == LogSettings::default().level {
        log.level = "warn".into();
    }
    log
}

pub(crate) fn block_on(
    command: impl Future<Output = anyhow::Result<Exit>>,
) -> anyhow::Result<Exit> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
