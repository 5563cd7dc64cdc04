//! How tests that need a Kafka are run: by a harness of their own, where its absence shows as
//! ignored tests.

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Error, Result};
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::world::World;

/// Runs these tests. Where something they need is `missing` they are ignored, and with
/// `CI=true` its absence is a failure.
pub fn run(arguments: &Arguments, missing: Option<&impl Display>, trials: Vec<Trial>) -> ExitCode {
    run_beside(arguments, missing, trials, Vec::new())
}

/// As [`run`], with tests beside these that need nothing: they are never ignored.
pub fn run_beside(
    arguments: &Arguments,
    missing: Option<&impl Display>,
    trials: Vec<Trial>,
    needing_nothing: Vec<Trial>,
) -> ExitCode {
    if let Some(missing) = missing {
        let _ = writeln!(std::io::stderr(), "ignored: {missing}");
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            return ExitCode::FAILURE;
        }
    }
    let trials = trials.into_iter().map(|trial| trial.with_ignored_flag(missing.is_some()));
    libtest_mimic::run(arguments, trials.chain(needing_nothing).collect()).exit_code()
}

/// A test of this name, which fails by a panic or by its limit.
pub fn trial<T: Future<Output = ()>>(
    name: &str,
    limit: Duration,
    test: impl FnOnce() -> T + Send + 'static,
) -> Trial {
    Trial::test(name, move || {
        let passed = runtime()?.block_on(async { timeout(limit, test()).await });
        passed.map_err(|_| Failed::from(late(limit)))
    })
}

/// Tells a story in a world, with an account of the world where it fails.
///
/// # Errors
/// There is no world, the story fails, or it is not at its end after its limit.
pub fn tell(
    world: impl Future<Output = Result<World>>,
    limit: Duration,
    story: impl AsyncFnOnce(&mut World) -> Result<()>,
) -> Result<(), Failed> {
    runtime()?.block_on(async {
        let mut world = world.await.map_err(|error| failed(&error))?;
        let told = match timeout(limit, story(&mut world)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => format!("{error:#}"),
            Err(_) => late(limit),
        };
        Err(Failed::from(format!("{told}\n{}", world.account())))
    })
}

/// An error as what a test says of its failure.
pub fn failed(error: &Error) -> Failed {
    Failed::from(format!("{error:#}"))
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn late(limit: Duration) -> String {
    format!("not at its end after {limit:?}")
}
