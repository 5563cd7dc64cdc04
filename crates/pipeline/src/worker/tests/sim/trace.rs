//! What happened, line by line.

use std::fmt::{Arguments, Write as _};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

/// Kept outside of the world, so that it can be read after a panic.
#[derive(Clone, Default)]
pub(super) struct Trace(Option<Arc<Mutex<String>>>);

impl Trace {
    /// One that remembers. The default forgets at once, which is much faster.
    pub(super) fn kept() -> Self {
        Self(Some(Arc::default()))
    }

    pub(super) fn is_kept(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn say(&self, at: Duration, what: Arguments<'_>) {
        if let Some(text) = &self.0 {
            let _ = writeln!(text.lock(), "{:>9.3} {what}", at.as_secs_f64());
        }
    }

    pub(super) fn text(&self) -> String {
        self.0.as_ref().map(|text| text.lock().clone()).unwrap_or_default()
    }
}
