//! Results on stdout: the only place that writes there.
//!
//! A reader that went away (`emberline … | head`) is no failure.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};

use serde::Serialize;

/// Writes a text as it is.
///
/// # Errors
/// If stdout cannot be written, other than because its reader is gone.
pub fn text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Writes what may be much, a piece at a time.
///
/// # Errors
/// As [`text`], and what the writing itself fails with.
pub fn pieces(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {
            // What is left in the buffer has no reader either.
            let _ = stdout.into_parts();
            Ok(())
        }
        result => result,
    }
}

/// Writes a line.
///
/// # Errors
/// As [`text`].
pub fn line(line: &str) -> io::Result<()> {
    text(&format!("{line}\n"))
}

/// Writes a value as one line of JSON.
///
/// # Errors
/// As [`text`], or if the value has no JSON form.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Writes a value as indented JSON.
///
/// # Errors
/// As [`json`].
pub fn pretty_json(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Writes a message for a person to stderr; a failure to do so has no one to be told to.
pub fn notice(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Whether a person sees stderr at once: progress is drawn there, logs are coloured.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}
