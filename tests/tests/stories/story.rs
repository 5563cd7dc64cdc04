//! How a story is run: in a world of its own, to a deadline, with an account of the world
//! where it fails.

use std::time::Duration;

use anyhow::Result;
use emberline_sandbox::SandboxSettings;
use emberline_testkit::World;
use libtest_mimic::{Failed, Trial};
use tokio::runtime::Builder;
use tokio::time::timeout;

/// Longest that a story may take. Each takes a fraction of it.
pub(crate) const LIMIT: Duration = Duration::from_mins(4);

/// A story as a test of this name.
pub(crate) fn story<S>(name: &str, story: S) -> Trial
where
    S: AsyncFnOnce(&mut World) -> Result<()> + Send + 'static,
{
    Trial::test(name, move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let world = World::start(SandboxSettings::default()).await;
            let mut world = world.map_err(|error| Failed::from(format!("{error:#}")))?;
            let told = match timeout(LIMIT, story(&mut world)).await {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => format!("not at its end after {LIMIT:?}"),
            };
            Err(Failed::from(format!("{told}\n{}", world.account())))
        })
    })
}
