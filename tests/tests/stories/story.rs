//! How a story is run: in a world of its own, to a deadline, with an account of the world
//! where it fails.

use std::time::Duration;

use anyhow::Result;
use emberline_sandbox::SandboxSettings;
use emberline_testkit::World;
use emberline_testkit::harness::tell;
use libtest_mimic::Trial;

/// Longest that a story may take. Each takes a fraction of it.
pub(crate) const LIMIT: Duration = Duration::from_mins(4);

/// A story as a test of this name.
pub(crate) fn story<S>(name: &str, story: S) -> Trial
where
    S: AsyncFnOnce(&mut World) -> Result<()> + Send + 'static,
{
    story_with(name, SandboxSettings::default(), story)
}

/// A story with a service of these settings.
pub(crate) fn story_with<S>(name: &str, service: SandboxSettings, story: S) -> Trial
where
    S: AsyncFnOnce(&mut World) -> Result<()> + Send + 'static,
{
    Trial::test(name, move || tell(World::start(service), LIMIT, story))
}
