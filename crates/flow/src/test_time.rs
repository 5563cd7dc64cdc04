//! The one place where a test gets an [`Instant`] from: there is no other way to make
//! one than to ask the clock. Tests only ever add to it.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "an origin for made-up time; nothing depends on it")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}
