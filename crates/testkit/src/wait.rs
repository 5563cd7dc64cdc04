//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to find.
///
/// # Errors
/// What `look` says, or that `what` did not come about within `limit`.
pub async fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let until = Instant::now() + limit;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if Instant::now() > until {
            bail!("waited {limit:?} in vain for this: {what}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
