//! The wall clock, in the unit that the contract has.

use std::time::{SystemTime, UNIX_EPOCH};

/// Unix seconds. A clock before 1970 counts as 1970.
pub(crate) fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
