//! Results on stdout, progress on stderr: the only place that writes there.

use std::io::{self, Write};

/// Writes a line of the result.
///
/// # Errors
/// If stdout can't be written.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Tells whoever waits what is going on.
pub(crate) fn progress(text: &str) {
    // Nobody is there to be told that nobody is there.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
